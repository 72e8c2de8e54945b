"""Percentiles over the steps of a scenario: order statistics by bisection on the bits of numbers, which rise with them."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@kernel
def find_ranks(bits: Ints, value: Floats, s: int, rank: Ints, work: Ints, found: Floats) -> None:
    """The numbers of some ranks, and the next ones, of a column.

    Parameters
    ----------
    bits : (n_steps, n_scenarios) int64
        Bits of `value`.
    value : (n_steps, n_scenarios) float64
        Not negative.
    s : int
        Which column.
    rank : (n,) int64
        From 0, rising order.
    work : (4, n) int64
        Work space.
    found : (2, n, n_scenarios) float64
        Output: the number of each rank, and that of the rank above; of the highest one, the same.
    """
    n_steps, n = len(bits), len(rank)
    low, high, middle, count = work[0], work[1], work[2], work[3]
    least = most = bits[0, s]
    for t in range(n_steps):
        least, most = min(least, bits[t, s]), max(most, bits[t, s])
    for r in range(n):
        low[r], high[r] = least, most
    width = most - least
    while width > 0:  # ends: it halves; sought are the least bits that `rank` + 1 numbers do not pass
        for r in range(n):
            middle[r], count[r] = low[r] + (high[r] - low[r]) // 2, 0
        for t in range(n_steps):
            here = bits[t, s]
            for r in range(n):
                count[r] += 1 if here <= middle[r] else 0
        width = 0
        for r in range(n):
            if count[r] > rank[r]:
                high[r] = middle[r]
            elif low[r] < high[r]:
                low[r] = middle[r] + 1
            width = max(width, high[r] - low[r])
    for r in range(n):
        at = upper = value[0, s]
        below, has_next = 0, False
        for t in range(n_steps):
            if bits[t, s] <= low[r]:
                below += 1
                at = value[t, s] if bits[t, s] == low[r] else at
            elif not has_next or value[t, s] < upper:
                upper, has_next = value[t, s], True
        found[0, r, s] = at
        found[1, r, s] = upper if has_next and below == rank[r] + 1 else at
