"""How far a run is, on stderr, for those who ask for it: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from fastp2p.text import LONGEST_NAME, shown_text

if TYPE_CHECKING:
    from rich.console import Console

    from fastp2p.parts import Done

    Tell = Callable[[list[Done], int], None]

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
        clock = time.perf_counter()

        def update(finished: list[Done], n_parts: int) -> None:
            bar.update(task, total=n_parts, completed=len(finished), speed=_speed(finished, clock))

        yield update


@contextmanager
def _lines(name: str) -> Iterator[Tell]:
    clock = last = time.perf_counter()
    latest = ""

    def update(finished: list[Done], n_parts: int) -> None:
        nonlocal last, latest
        latest = f"{name}: {len(finished):,} of {n_parts:,} parts, {_speed(finished, clock)}"
        if time.perf_counter() - last >= LINE_EVERY_S:
            _print(latest)
            last, latest = time.perf_counter(), ""

    yield update
    if latest:
        _print(latest)


def _speed(finished: list[Done], clock: float) -> str:
    books = sum(done.n_books for done in finished)
    congested = sum(done.n_congested for done in finished) / max(1, books)
    return f"{books / (time.perf_counter() - clock):,.0f} books/s, {congested:.1%} congested"


def _print(line: str) -> None:
    if sys.stderr is not None:  # a program without a console has none
        print(line, file=sys.stderr, flush=True)
