"""Philox4x64-10, the counter-based generator of all draws, for one number at a time; NumPy's `Philox` gives the same bits.

Salmon et al. 2011, Parallel random numbers: as easy as 1, 2, 3. All numbers are uint64: with int64 beside them numba makes
floats.
"""

import numpy as np

from fastp2p.kernels.jit import kernel

M0, M1 = np.uint64(0xD2E7470EE14C6C93), np.uint64(0xCA5A826395121157)
W0, W1 = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xBB67AE8584CAA73B)
LOW, HALF = np.uint64(0xFFFFFFFF), np.uint64(32)
NONE, DROPPED = np.uint64(0), np.uint64(11)


@kernel
def four_words(
    key0: np.uint64, key1: np.uint64, c0: np.uint64, c2: np.uint64, c3: np.uint64
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """The four words of one step of the counter.

    Parameters
    ----------
    key0, key1 : uint64
        Low and high word of the seed.
    c0, c2, c3 : uint64
        Words of the counter, the lowest first; c1 is 0.
    """
    c1 = NONE
    for turn in range(10):
        if turn > 0:
            key0, key1 = key0 + W0, key1 + W1
        high0, high1 = _high_word(M0, c0), _high_word(M1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ key0, M1 * c2, high0 ^ c3 ^ key1, M0 * c0
    return c0, c1, c2, c3


@kernel
def _high_word(a: np.uint64, b: np.uint64) -> np.uint64:
    """The high word of a product, from products of halves."""
    a0, a1, b0, b1 = a & LOW, a >> HALF, b & LOW, b >> HALF
    middle = a1 * b0 + ((a0 * b0) >> HALF)
    return a1 * b1 + (middle >> HALF) + ((a0 * b1 + (middle & LOW)) >> HALF)


@kernel
def as_uniform(word: np.uint64) -> float:
    """A number in [0, 1) of the upper 53 bits of a word."""
    return np.float64(word >> DROPPED) * (1.0 / 9007199254740992.0)
