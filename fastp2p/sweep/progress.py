"""Progress of a run on stderr, if asked for: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastp2p.text import LONGEST_NAME, shown_text

if TYPE_CHECKING:
    from rich.console import Console

    from fastp2p.sweep.parts import Done

    Tell = Callable[[Sequence[Done], int], None]

LINE_EVERY_S = 5.0
"""Seconds from one plain line to the next."""


@contextmanager
def progress_bar(name: str) -> Iterator[Tell]:
    """How many parts are done, books per second, and the share of books in which the network cuts something.

    On a terminal a bar, which also has the time left; in a notebook, a log file or a pipe a line every few seconds, and one at
    the end.

    Yields
    ------
    callable
        To be called with the finished parts and the number of all, after each part.
    """
    from rich.console import Console

    console = Console(stderr=True)
    shown = shown_text(name, LONGEST_NAME)
    with _bar(shown, console) if console.is_terminal else _lines(shown) as tell:
        yield tell


@contextmanager
def feeders_bar(name: str) -> Iterator[Callable[[int, int], None]]:
    """How many feeders are examined, on a terminal; elsewhere a line every few seconds.

    Yields
    ------
    callable
        To be called with the number of those examined and of all.
    """
    from rich.console import Console
    from rich.progress import Progress

    console, words = Console(stderr=True), f"{shown_text(name, LONGEST_NAME)}: examining feeders"
    if not console.is_terminal:
        last = time.perf_counter()

        def line(done: int, n_all: int) -> None:
            nonlocal last
            if time.perf_counter() - last >= LINE_EVERY_S:
                _print(f"{words}, {done:,} of {n_all:,}")
                last = time.perf_counter()

        yield line
        return
    with Progress(console=console, transient=True) as bar:
        task = bar.add_task(words, total=None)
        yield lambda done, n_all: bar.update(task, total=n_all, completed=done)


@contextmanager
def _bar(name: str, console: Console) -> Iterator[Tell]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True) as bar:
        task = bar.add_task(name, total=None, speed="")
        speed = _speed()

        def update(finished: Sequence[Done], n_parts: int) -> None:
            bar.update(task, total=n_parts, completed=len(finished), speed=speed(finished))

        yield update


@contextmanager
def _lines(name: str) -> Iterator[Tell]:
    speed, last, latest = _speed(), time.perf_counter(), ""

    def update(finished: Sequence[Done], n_parts: int) -> None:
        nonlocal last, latest
        latest = f"{name}: {len(finished):,} of {n_parts:,} parts, {speed(finished)}"
        if time.perf_counter() - last >= LINE_EVERY_S:
            _print(latest)
            last, latest = time.perf_counter(), ""

    yield update
    if latest:
        _print(latest)


def _speed() -> Callable[[Sequence[Done]], str]:
    """Of finished parts, each counted once: books per second from now on, and the share of them that is congested."""
    clock, n_parts, n_books, n_congested = time.perf_counter(), 0, 0, 0

    def speed(finished: Sequence[Done]) -> str:
        nonlocal n_parts, n_books, n_congested
        for done in finished[n_parts:]:
            n_parts, n_books, n_congested = n_parts + 1, n_books + done.n_books, n_congested + done.n_congested
        per_second = n_books / (time.perf_counter() - clock)
        return f"{per_second:,.0f} books/s, {n_congested / max(1, n_books):.1%} congested"

    return speed


def _print(line: str) -> None:
    if sys.stderr is not None:  # a program without a console has none
        print(line, file=sys.stderr, flush=True)
