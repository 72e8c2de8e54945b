"""Pools among trades that follow one another."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]


@kernel
def pool_end(bid_per_kwh: Floats, ask_per_kwh: Floats, begin: int, last: int) -> int:
    """Where the run of trades of one bid and one ask ends that begins at trade `begin`; `last` is the end of the book."""
    end = begin + 1
    while end < last and bid_per_kwh[end] == bid_per_kwh[begin] and ask_per_kwh[end] == ask_per_kwh[begin]:  # ends: it rises
        end += 1
    return end
