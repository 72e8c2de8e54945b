"""Signals that stop the command before its end."""

import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

SHOW_CURSOR = b"\x1b[?25h\n"
"""A bar hides a terminal's cursor, and stands in the line that the next words would go on."""
LLVM = f"{os.sep}llvmlite{os.sep}binding{os.sep}"


def _stopped() -> str:
    return "stopped"


_orderly = False
_first_words, _last_words = "", _stopped


def catch_signals() -> None:
    """Have interrupts, SIGTERM and SIGHUP end this process: in order where there is something to tidy, else at once.

    In order is a `KeyboardInterrupt` within `in_order`, and a second signal ends at once then too. During imports it is
    always at once, as packages swallow such exceptions or make others of them; and so it is in finalisers and in what LLVM
    calls back while it compiles, from which Python prints exceptions and goes on.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)  # Windows does not have all
        if number is not None and signal.getsignal(number) is not signal.SIG_IGN:  # as jobs in the background and nohup set it
            signal.signal(number, _stop)


@contextmanager
def in_order(first_words: str = "", last_words: Callable[[], str] = _stopped) -> Iterator[None]:
    """Let the first signal raise within the block; two messages, for that signal and for one that ends at once."""
    global _orderly, _first_words, _last_words
    before = _orderly, _first_words, _last_words
    _orderly, _first_words, _last_words = True, first_words, last_words
    try:
        yield
    finally:
        _orderly = _orderly and before[0]
        _, _first_words, _last_words = before


def exit_code(stop: KeyboardInterrupt) -> int:
    """The exit code of a stopped process as shells have it: 130 after an interrupt, 143 after SIGTERM."""
    return 128 + int(*stop.args or (signal.SIGINT,))


def _stop(number: int, frame: FrameType | None) -> None:
    global _orderly
    if not _orderly or _is_swallowed(frame):
        _say(_last_words())
        os._exit(128 + number)  # any other exit waits for the threads that compute
    _orderly = False
    if _first_words:
        _say(_first_words)
    raise KeyboardInterrupt(number)


def _is_swallowed(frame: FrameType | None) -> bool:
    """Whether an exception that is raised there may never get to us."""
    while frame is not None:
        file, name = frame.f_code.co_filename, frame.f_code.co_name
        if file.startswith("<frozen importlib") or LLVM in file or name == "__del__":
            return True
        frame = frame.f_back
    return False


def _say(words: str) -> None:
    """Print a line from within a signal's handler, where no stream may be touched."""
    with suppress(OSError):
        os.write(2, SHOW_CURSOR * os.isatty(2) + words.encode("ascii", "replace") + b"\n")
