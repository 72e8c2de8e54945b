"""Shares of one weight group behind nested limits, their proof, and what the limits are worth."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.certificate import DUAL_TOLERANCE, PRIMAL_TOLERANCE
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDING = 1e-12
"""By how much of what is behind it a limit may be passed before it cuts: a price must not hang on rounding."""


class Sellers(NamedTuple):
    """Who sells or exports in a book, in depth-first order.

    Attributes
    ----------
    before : (n_columns + 1,) int64
        How many of them there are before each place.
    amount : (n_columns,) float64, kW
        What is theirs of the group that is filled.
    up_to : (n_columns + 1,) float64, kW
        Running sum of amounts: what is behind a limit is the difference of two.
    level : (n_columns,) float64; cause : (n_columns,) int64
        The share of the group that is executed, and the limit that set it, -1 for none.
    dearest : (n_columns,) int64
        The limit with the highest price before them; -1 where none has one.
    """

    before: Ints
    amount: Floats
    up_to: Floats
    level: Floats
    cause: Ints
    dearest: Ints


class Limits(NamedTuple):
    """Limits that a whole book would break.

    Attributes
    ----------
    which, begin, end : (n,) int64
        Place in the nest, and the sellers behind.
    room, price : (n,) float64
        kW that are left; the weight of the first group that is cut, negative for none.
    cuts : (n,) bool
        Whether it cuts the group that is filled.
    """

    which: Ints
    begin: Ints
    end: Ints
    room: Floats
    price: Floats
    cuts: NDArray[np.bool_]


@kernel
def sum_up(amount: Floats, n: int, up_to: Floats) -> None:
    """Running sums, from 0 on."""
    up_to[0] = 0.0
    for s in range(n):
        up_to[s + 1] = up_to[s] + amount[s]


@kernel
def fill_group(n_sellers: int, n_limits: int, sellers: Sellers, limits: Limits) -> None:
    """Shares of one group, limit by limit from the leaves on: where too much is behind one, the largest shares are lowered.

    They are lowered to the share t at which Σ amount · min(level, t) is the room, by Newton's method from below: the sum is
    concave in t, so that each step stays below the root and passes a level, or is the last.
    """
    _, amount, up_to, level, cause, _ = sellers
    _, begin, end, room, _, _ = limits
    sum_up(amount, n_sellers, up_to)
    for s in range(n_sellers):
        level[s], cause[s] = 1.0, -1
    for a in range(n_limits):
        total = up_to[end[a]] - up_to[begin[a]]
        if total <= room[a] + ROUNDING * total:  # even if nothing is cut before
            continue
        executed = total = 0.0
        for s in range(begin[a], end[a]):
            executed += amount[s] * level[s]
            total += amount[s]
        if executed <= room[a] + ROUNDING * total:
            continue
        share, following = -1.0, room[a] / total
        if executed == total:  # nobody's share was lowered before
            share = following
        while following > share:  # ends: see above; where no more levels are passed the same number follows
            share, below, free = following, 0.0, 0.0
            for s in range(begin[a], end[a]):
                below += amount[s] * level[s] if level[s] <= share else 0.0
                free += amount[s] if level[s] > share else 0.0
            following = (room[a] - below) / free if free > 0.0 else share
        for s in range(begin[a], end[a]):
            cause[s] = a if level[s] > share else cause[s]
            level[s] = min(level[s], share)


@kernel
def certify_filling(n_sellers: int, n_limits: int, sellers: Sellers, limits: Limits) -> bool:
    """Prove the shares of a group, and take what is executed from the limits' room.

    Limits are kept, and whoever has less than everything has a bottleneck: a limit without room left behind which nobody has a
    larger share. That is max-min fairness (Bertsekas and Gallager, Data Networks, section 6.5), which on nested limits has the
    greatest sum, and the least Σ (q - y)²/q of all that have it.
    """
    _, amount, up_to, level, cause, _ = sellers
    _, begin, end, room, _, cuts = limits
    tolerance, right = PRIMAL_TOLERANCE * up_to[n_sellers], True
    for a in range(n_limits):
        cuts[a] = False
    for s in range(n_sellers):
        a = cause[s]
        right &= 0.0 <= level[s] <= 1.0
        if level[s] < 1.0 and amount[s] > 0.0:
            right &= a != -1 and begin[a] <= s < end[a]
            cuts[a] = True
        up_to[s + 1] = up_to[s] + amount[s] * level[s]
    for a in range(n_limits):
        room[a] -= up_to[end[a]] - up_to[begin[a]]
        right &= room[a] >= -tolerance
        if cuts[a]:
            highest, lowest = 0.0, 1.0
            for s in range(begin[a], end[a]):
                highest = max(highest, level[s] if amount[s] > 0.0 else 0.0)
                lowest = min(lowest, level[s] if amount[s] > 0.0 and cause[s] == a else 1.0)
            right &= room[a] <= tolerance and highest - lowest <= PRIMAL_TOLERANCE
            room[a] = 0.0
        room[a] = max(room[a], 0.0)
    return right


@kernel
def price_limits(n_sellers: int, n_limits: int, sellers: Sellers, limits: Limits) -> None:
    """What another kW is worth: the weight that a limit cuts, less that which a limit nearer to the root cuts in any case."""
    _, begin, end, _, price, _ = limits
    dearest = sellers.dearest
    for s in range(n_sellers):
        dearest[s] = -1
    for a in range(n_limits):
        beyond = 0.0
        for b in range(a + 1, n_limits):
            if begin[b] <= begin[a] < end[b]:
                beyond = max(beyond, price[b])
        price[a] = max(price[a] - beyond, 0.0)
        for s in range(begin[a], end[a]):
            if price[a] > (price[dearest[s]] if dearest[s] != -1 else DUAL_TOLERANCE):
                dearest[s] = a
