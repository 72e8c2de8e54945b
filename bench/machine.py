"""The machine: what it is, how fast its memory moves and how fast one core does plain arithmetic."""

import os
import platform
import time
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np
from numba import njit

from bench import THREAD_VARIABLES

PACKAGES = (
    "fastp2p", "numpy", "numba", "scipy", "highspy", "pandapower", "lightsim2grid", "power-grid-model", "pypsa", "linopy",
)  # fmt: skip
MEMORY_BYTES = 1 << 27
CACHE_BYTES = 1 << 17
STEPS = 20_000_000


def describe() -> dict[str, str]:
    """Processor, cores, memory, thread settings and versions."""
    versions = []
    for package in PACKAGES:
        try:
            versions.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            versions.append(f"{package} not installed")
    threads = ", ".join(f"{name}={os.environ.get(name, 'unset')}" for name in THREAD_VARIABLES)
    return {
        "machine": f"{_processor()}, {os.cpu_count()} cores, {_memory_gib():.0f} GiB, {platform.system()}",
        "python": f"Python {platform.python_version()}, {', '.join(versions)}",
        "threads": threads,
    }


def rates() -> dict[str, float]:
    """Bytes per second copied (read and written) in memory and in cache, and scalar operations per second, by one core."""
    return {
        "memory_bytes_per_s": _copy_rate(MEMORY_BYTES, 9),
        "cache_bytes_per_s": _copy_rate(CACHE_BYTES, 4000),
        "operations_per_s": _operation_rate(),
    }


def _copy_rate(n_bytes: int, rounds: int) -> float:
    n = n_bytes // 8
    both = np.ones(2 * n + 520)  # an odd distance: addresses that agree in their last 12 bits hinder one another
    source, target = both[:n], both[n + 520 :]
    np.copyto(target, source)
    taken = []
    for _ in range(rounds):
        clock = time.perf_counter()
        np.copyto(target, source)
        taken.append(time.perf_counter() - clock)
    return 2.0 * n_bytes / float(np.median(taken))


@njit(error_model="numpy")  # not kept on disk: a few lines
def _add_and_compare(values: np.ndarray, steps: int) -> float:
    """Four independent chains of an addition and a maximum, which IEEE arithmetic keeps scalar."""
    a = b = c = d = 0.0
    for i in range(steps // 4):
        x = values[i & 1023]
        a = max(a + x, 1.0)
        b = max(b - x, 1.0)
        c = max(c + x, 2.0)
        d = max(d - x, 2.0)
    return a + b + c + d


def _operation_rate() -> float:
    values = np.random.default_rng(0).normal(size=1024)
    _add_and_compare(values, 4)
    taken = []
    for _ in range(7):
        clock = time.perf_counter()
        _add_and_compare(values, STEPS)
        taken.append(time.perf_counter() - clock)
    return 2.0 * STEPS / float(np.median(taken))


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def _memory_gib() -> float:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    except (ValueError, OSError, AttributeError):
        return float("nan")
