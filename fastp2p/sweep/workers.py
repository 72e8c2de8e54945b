"""Workers of this machine: how many, and processes that end with the one that started them."""

import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import connection, context, parent_process

from fastp2p.errors import InputError

# Only what a process has imported anyway when it starts: a worker must watch its parent before it imports anything else.


def count_workers(workers: int | None, most: int) -> int:
    """How many workers to start: by default one per processor that this process may use, and never more, nor more than `most`.

    Raises
    ------
    InputError
        If `workers` is no whole number, or less than 1.
    """
    check_number("workers", workers)
    may_use = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min(workers or may_use, may_use, most))


def check_number(name: str, number: int | None) -> None:
    """That an argument is a whole number of at least 1, or not given.

    Raises
    ------
    InputError
    """
    if number is not None and (not isinstance(number, int) or isinstance(number, bool) or number < 1):
        raise InputError(f"{name} = {number!r}: must be a whole number, at least 1")


def start_processes(count: int) -> ProcessPoolExecutor:
    """A pool of processes that leave interrupts to this one, and end when it ends, however that comes about."""
    before = os.environ.get("PYTHONWARNINGS")
    # what multiprocessing starts to tidy up after us would print a warning if we were killed
    os.environ["PYTHONWARNINGS"] = ",".join(filter(None, [before, "ignore:resource_tracker"]))
    try:
        with _signals_blocked():
            return ProcessPoolExecutor(count, mp_context=_Context(), initializer=end_with_parent)
    finally:
        os.environ.pop("PYTHONWARNINGS")
        os.environ |= {} if before is None else {"PYTHONWARNINGS": before}


class _Process(context.SpawnProcess):
    """A process that leaves it to the one that starts it to answer what stops them all, such as a terminal's Ctrl-C."""

    terminate = context.SpawnProcess.kill  # by which a pool that is broken ends the others

    def start(self) -> None:
        """Start it."""
        with _signals_blocked():
            super().start()


class _Context(context.SpawnContext):
    Process = _Process


@contextmanager
def _signals_blocked() -> Iterator[None]:
    """Have a process that is started meanwhile never see the signals of `stopping`; for this one they wait."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM, signal.SIGHUP})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def end_with_parent() -> None:
    """End this worker as soon as its parent is gone, whatever it computes: kernels run without Python's lock."""
    parent = parent_process()
    assert parent is not None
    threading.Thread(target=_end_after, args=(parent.sentinel,), daemon=True).start()


def _end_after(sentinel: int) -> None:
    connection.wait([sentinel])
    os._exit(1)
