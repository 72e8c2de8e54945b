"""A progress bar on stderr, for those who ask for one."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fastp2p.parts import Done


@contextmanager
def progress_bar(name: str) -> Iterator[Callable[[list[Done], int], None]]:
    """A bar with books per second, the share of books that are not free, and the time left; silent where stderr is no terminal.

    Yields
    ------
    callable
        To be called with the finished parts and the number of all, after each part.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[speed]}"),
    )
    with Progress(*columns, TimeRemainingColumn(), console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(name, total=None, speed="")
        clock = time.perf_counter()

        def update(finished: list[Done], n_parts: int) -> None:
            books = sum(done.n_books for done in finished)
            congested = sum(done.n_congested for done in finished) / books
            speed = f"{books / (time.perf_counter() - clock):,.0f} books/s, {congested:.1%} congested"
            bar.update(task, total=n_parts, completed=len(finished), speed=speed)

        yield update
