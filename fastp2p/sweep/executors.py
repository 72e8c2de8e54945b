"""Parts handed to an executor and taken back, also where workers or a whole Dask cluster are lost (docs/cluster.md)."""

from __future__ import annotations

import asyncio
import logging
import pickle
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Executor, Future, ThreadPoolExecutor, as_completed, wait
from contextlib import contextmanager, suppress
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar, cast

from fastp2p.errors import FastP2PError, InputError
from fastp2p.grid.network import Network
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.model import Study
from fastp2p.sweep.feeders import Networks, Work

Piece = TypeVar("Piece")
Result = TypeVar("Result")

HANDED_OUT = 1_000
"""Parts that workers have or wait for them: enough for a large cluster."""
PATIENCE = "10s"
"""How long a scheduler may take to answer."""
LOOK_EVERY_S = 5.0
"""How often a cluster is looked after while no part comes back."""
LOST = "the Dask scheduler no longer answers"
WORKERLESS_S = 120.0
"""How long a cluster that had workers may be without any: one that dies is often started again."""


def finished_parts(
    pool: Executor, job: Callable[[Work, Piece], Result], work: Work, parts: Iterable[Piece]
) -> Iterator[list[Result]]:
    """What the job gives for the parts, as they are done; so many are handed out at a time that memory does not grow with them.

    Where a part fails, what is done beside it comes first. After an interrupt, what comes of the parts that are under way, and
    then the interrupt.

    Raises
    ------
    FastP2PError
        If workers die of their parts, or a cluster is lost.
    """
    ahead, waiting, done = iter(parts), set[Future[Result]](), set[Future[Result]]()
    look = _watch(pool)
    try:
        with worker_losses(pool):
            while True:
                waiting.update(pool.submit(job, work, part) for part in islice(ahead, HANDED_OUT - len(waiting)))
                if not waiting:
                    return
                done, waiting = wait(waiting, LOOK_EVERY_S, FIRST_COMPLETED)
                look(bool(done))
                whole = [future for future in done if not future.cancelled() and future.exception() is None]
                failed, done = done.difference(whole), set()  # from here on an interrupt loses what is whole, but doubles none
                if whole:
                    yield [future.result() for future in whole]
                for future in failed:
                    future.result()
    except KeyboardInterrupt:
        for future in as_completed([future for future in done | waiting if not future.cancel()]):
            if future.exception() is None:
                yield [future.result()]
        raise
    except FastP2PError as error:
        if isinstance(error.__cause__, BrokenExecutor):
            waiting.clear()  # the pool fails them, in a thread that dies of one that is cancelled
        raise
    finally:
        for future in waiting:
            future.cancel()


@contextmanager
def worker_losses(pool: Executor) -> Iterator[None]:
    """Turn the loss of memory, workers or a cluster into an error of one sentence.

    Raises
    ------
    FastP2PError
        If memory ran out, workers died, or a cluster is gone.
    """
    try:
        yield
    except FastP2PError:
        raise
    except MemoryError as error:
        raise FastP2PError(f"there was not enough memory{': ' * bool(str(error))}{error}; fewer workers need less") from error
    except BrokenExecutor as error:
        raise FastP2PError(
            "a worker process was killed, often by the system because memory ran out; fewer workers need less"
        ) from error
    except (Exception, asyncio.CancelledError) as error:
        if _is_cluster(pool) and type(error).__name__ == "KilledWorker":  # a name, since Dask need not be installed
            raise FastP2PError(f"workers died repeatedly, often because memory ran out; see their logs: {error}") from error
        if _is_cluster(pool) and (_client(pool).status != "running" or "Cancelled" in type(error).__name__):
            raise FastP2PError(LOST) from error
        raise


@contextmanager
def connect(address: str) -> Iterator[Executor]:
    """An executor on the Dask scheduler at `address`, such as ``tcp://host:8786``.

    Raises
    ------
    InputError
        If Dask is not installed, the address is none, or nobody answers.
    FastP2PError
        See `worker_losses`.
    """
    try:
        from distributed import Client
    except ImportError as error:
        raise InputError("Dask is not installed; pip install 'fastp2p[dask]'") from error
    _check_address(address)
    try:
        client: Any = Client(address, timeout=PATIENCE, set_as_default=False)  # type: ignore[no-untyped-call]  # distributed has no types
    except (OSError, ValueError) as error:
        raise InputError(f"no Dask scheduler answers at {address}: {error}") from error
    logging.disable()  # our own message replaces what Dask logs of a lost connection
    pool = client.get_executor()
    try:
        with worker_losses(pool):
            yield pool
    finally:
        with suppress(Exception):  # there may be nobody left to take leave of
            client.close(timeout=PATIENCE)
        logging.disable(logging.NOTSET)


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
    """Whether the cluster of an executor from `connect` has any workers yet; a queue may start them in hours.

    Raises
    ------
    FastP2PError
        If the scheduler does not answer.
    """
    client = _client(pool)
    try:
        return bool(client.sync(client.scheduler.identity, callback_timeout=PATIENCE)["workers"])
    except (OSError, AttributeError) as error:  # a client that is closed has no scheduler
        raise FastP2PError(LOST) from error


def _watch(pool: Executor) -> Callable[[bool], None]:
    """What to call with whether parts have come back: it raises if a cluster is lost."""
    if not _is_cluster(pool):
        return lambda _: None
    had_workers, last = has_workers(pool), time.monotonic()

    def look(is_alive: bool) -> None:
        nonlocal had_workers, last
        if is_alive or has_workers(pool):
            had_workers, last = True, time.monotonic()
        elif had_workers and time.monotonic() - last > WORKERLESS_S:
            raise FastP2PError(f"the Dask cluster has lost all its workers, and none came back within {WORKERLESS_S:g} s")

    return look


def _is_cluster(pool: Executor) -> bool:
    if "distributed" not in sys.modules:
        return False
    from distributed.cfexecutor import ClientExecutor

    return isinstance(pool, ClientExecutor)


def _client(pool: Executor) -> Any:
    return cast(Any, pool)._client


def share_work(pool: Executor, work: Work) -> Work:
    """What is handed to every part: the work itself, or what each worker opens or fetches once.

    On a cluster it is a task's result and not scattered data, so that the scheduler makes it again should the workers that hold
    it die.
    """
    if isinstance(pool, ThreadPoolExecutor):
        return work
    _, network, profiles = work
    if isinstance(network, Networks):  # parts name their feeders; a list of half a million would travel with each
        network = network.bare()
        work = (network.study, network, profiles)
    if _is_cluster(pool):
        return cast(Work, _client(pool).submit(_identity, work, pure=False))
    return _Packed(work)


class _Packed(tuple[Study, Network | Networks, Profiles]):
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


def _identity(work: Work) -> Work:
    return work
