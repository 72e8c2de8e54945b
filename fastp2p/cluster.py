"""Where parts run beside threads: processes of this machine, or a Dask cluster (docs/cluster.md)."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from functools import lru_cache
from typing import Any, cast

from fastp2p.errors import FastP2PError, InputError
from fastp2p.network import Network
from fastp2p.parts import Work
from fastp2p.profiles import Profiles
from fastp2p.study import Study

PATIENCE = "10s"
"""How long a scheduler may take to answer."""


def start_processes(workers: int | None) -> ProcessPoolExecutor:
    """Processes that leave interrupts to the one that starts them; by default one per processor. For the main thread."""
    count = workers or os.cpu_count() or 1
    pool = ProcessPoolExecutor(count, mp_context=multiprocessing.get_context("spawn"))
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # what a process ignores, those it starts ignore from the first
    for _ in range(count):  # each job starts one while none is idle
        pool.submit(int)
    signal.signal(signal.SIGINT, before)
    return pool


@contextmanager
def connect(address: str) -> Iterator[Executor]:
    """An executor on the Dask scheduler at `address`, such as ``tcp://host:8786``.

    Raises
    ------
    InputError
        If Dask is not installed, the address is none, or nobody answers.
    FastP2PError
        If workers keep dying of the same part.
    """
    try:
        from distributed import Client, KilledWorker
    except ImportError as error:
        raise InputError("Dask is not installed; pip install 'fastp2p[dask]'") from error
    _check_address(address)
    try:
        client: Any = Client(address, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]  # distributed has no types
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {address}: {error}") from error
    with client:
        try:
            yield client.get_executor()
        except KilledWorker as error:
            raise FastP2PError(f"workers died again and again, often for want of memory; see their logs: {error}") from error


def _check_address(address: str) -> None:
    """That it has a scheme that Dask knows, a host and a port; a client of anything else cannot be closed again.

    Raises
    ------
    InputError
    """
    from distributed.comm.addressing import parse_address, parse_host_port
    from distributed.comm.registry import backends

    try:
        scheme, place = parse_address(address)
        host, port = parse_host_port(place)
        known = scheme in backends and bool(host) and 0 < port < 65_536
    except ValueError:
        known = False
    if not known:
        raise InputError(f"{address!r} is not the address of a Dask scheduler; it must look like tcp://HOST:8786")


def has_workers(pool: Executor) -> bool:
    """Whether the cluster of an executor from `connect` has any workers yet; a queue may start them in hours."""
    client: Any = cast(Any, pool)._client
    return bool(client.scheduler_info()["workers"])


def share_work(pool: Executor, work: Work) -> Work:
    """What is handed to every part: the work itself, or what each worker opens or fetches once.

    On a cluster it is a task's result and not scattered data, so that the scheduler makes it again should the workers that hold
    it die.
    """
    if isinstance(pool, ThreadPoolExecutor):
        return work
    if "distributed" in sys.modules:
        from distributed.cfexecutor import ClientExecutor

        if isinstance(pool, ClientExecutor):
            client: Any = pool._client
            return cast(Work, client.submit(_itself, work, pure=False))
    return _Packed(work)


class _Packed(tuple[Study, Network, Profiles]):
    """Work that a process opens once: what a network derives from its arrays takes a third as long as a part."""

    packed: bytes

    def __new__(cls, work: Work) -> _Packed:
        new = super().__new__(cls, work)
        new.packed = pickle.dumps(work)
        return new

    def __reduce__(self) -> tuple[Callable[[bytes], Work], tuple[bytes]]:
        return _open, (self.packed,)


@lru_cache(maxsize=1)
def _open(packed: bytes) -> Work:
    return cast(Work, pickle.loads(packed))


def _itself(work: Work) -> Work:
    return work
