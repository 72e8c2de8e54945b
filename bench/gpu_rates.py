"""How fast the card copies memory and multiplies floats."""

from typing import Any

import numpy as np

from fastp2p.cuda.device import is_simulated, launch, put, room
from fastp2p.cuda.kernels import cuda

N_COPIED, N_THREADS, N_TURNS = 1 << 26, 1 << 20, 2_000


@cuda.jit
def copy(arrays: Any) -> None:
    i = cuda.grid(1)
    if i < len(arrays[0]):
        arrays[1][i] = arrays[0][i]


@cuda.jit
def multiply(arrays: Any, n_turns: int) -> None:
    """Eight chains of a product and a sum, which do not wait for one another."""
    i = cuda.grid(1)
    if i < len(arrays[0]):
        x = arrays[0][i]
        a, b, c, d, e, f, g, h = x, x + 1.0, x + 2.0, x + 3.0, x + 4.0, x + 5.0, x + 6.0, x + 7.0
        for _ in range(n_turns):
            a, b, c, d = a * x + 1.0, b * x + 1.0, c * x + 1.0, d * x + 1.0
            e, f, g, h = e * x + 1.0, f * x + 1.0, g * x + 1.0, h * x + 1.0
        arrays[1][i] = a + b + c + d + e + f + g + h


def rates(seconds_of: Any) -> tuple[float, float]:
    """Bytes that the card copies and operations of floats that it does, a second; a product and a sum together are two."""
    n, n_threads, n_turns = (8, 2, 2) if is_simulated() else (N_COPIED, N_THREADS, N_TURNS)
    large, small = (room(n), room(n)), (put(np.full(n_threads, 0.5)), room(n_threads))
    copied_s = seconds_of(lambda: launch(copy, n, large))
    return 16.0 * n / copied_s, 16.0 * n_turns * n_threads / seconds_of(lambda: launch(multiply, n_threads, small, n_turns))
