"""Timing on a noisy machine: everything that is compared runs in turns, in one process, and ratios are taken round by round."""

import gc
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

Job = Callable[[], object]
LOWEST, HIGHEST = 10, 90
"""Percentiles that are shown as the spread."""


@contextmanager
def on_one_core() -> Iterator[None]:
    """Keep this process on one processor, where the system can."""
    if not hasattr(os, "sched_setaffinity"):
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(before)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def both_clocks() -> np.ndarray:
    """Seconds of the clock, and of processor time of all threads of this process."""
    return np.array([time.perf_counter(), time.process_time()])


def in_turns(
    jobs: dict[str, Job], rounds: int, seconds: float = 60.0, clock: Callable[[], Any] = time.perf_counter
) -> dict[str, list[Any]]:
    """Seconds of every job in every round, after one run of each that does not count.

    Parameters
    ----------
    jobs : dict of functions
    rounds : int
        At least three are made, fewer than asked for when `seconds` are over.
    seconds : float
        Time after which no round is begun.
    clock : function
        What is read before and after a job: seconds, or an array of them.
    """
    taken: dict[str, list[Any]] = {name: [] for name in jobs}
    for job in jobs.values():
        job()
    names, begin = list(jobs), time.perf_counter()
    gc.collect()
    for turn in range(rounds):
        if turn >= min(3, rounds) and time.perf_counter() - begin > seconds:
            break
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:  # nobody always runs behind the same neighbour
            before = clock()
            jobs[name]()
            taken[name].append(clock() - before)
    return taken


def summary(seconds: list[float], n_books: int) -> dict[str, float]:
    """µs per book: median and spread."""
    us = np.array(seconds) / n_books * 1e6
    low, high = np.percentile(us, (LOWEST, HIGHEST))
    return {"us": float(np.median(us)), "us_low": float(low), "us_high": float(high), "rounds": len(seconds)}


def ratio(slow: list[float], fast: list[float], per: float = 1.0) -> dict[str, float]:
    """How many times longer `slow` took than `fast` (times `per`), round by round: median and spread."""
    ratios = np.array(slow) / np.array(fast) * per
    low, high = np.percentile(ratios, (LOWEST, HIGHEST))
    return {"ratio": float(np.median(ratios)), "ratio_low": float(low), "ratio_high": float(high)}


def peak_megabytes(code: str) -> float:
    """Peak memory of a Python process of its own that runs `code`, MB; NaN where the system does not say.

    Not `ru_maxrss`, which on Linux begins with the memory of the process that starts it.
    """
    report = "from pathlib import Path; print(*Path('/proc/self/status').read_text().partition('VmHWM:')[2].split()[:1])"
    if not Path("/proc/self/status").exists():
        return float("nan")
    ran = subprocess.run([sys.executable, "-c", f"{code}\n{report}"], capture_output=True, text=True, check=True)
    return float(ran.stdout.split()[-1]) / 1024.0
