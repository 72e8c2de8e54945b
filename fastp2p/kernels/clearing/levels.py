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
    whole, amount : (n_columns,) float64, kW
        Everything of theirs, and what of it is in the group that is filled.
    level : (n_columns,) float64; cause : (n_columns,) int64
        The share of that group that is executed, and the limit that set it, -1 for none.
    dearest : (n_columns,) int64
        The limit with the highest price before them; -1 where none has one.
    """

    before: Ints
    whole: Floats
    amount: Floats
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
        kW that are left; the weight of the first group that is cut, `NO_WEIGHT` for none.
    """

    which: Ints
    begin: Ints
    end: Ints
    room: Floats
    price: Floats


@kernel
def fill_group(
    amount: Floats, level: Floats, cause: Ints, begin: Ints, end: Ints, room: Floats, n_sellers: int, n_limits: int
) -> None:
    """Shares of one group, limit by limit from the leaves on: where too much is behind one, the largest shares are lowered.

    They are lowered to the share t at which Σ amount · min(level, t) is the room, by Newton's method from below: the sum is
    concave in t, so that each step stays below the root and passes a level, or is the last.
    """
    for s in range(n_sellers):
        level[s], cause[s] = 1.0, -1
    for a in range(n_limits):
        executed = total = 0.0
        for s in range(begin[a], end[a]):
            executed += amount[s] * level[s]
            total += amount[s]
        if executed <= room[a] + ROUNDING * total:
            continue
        share, following = -1.0, room[a] / total
        while following > share:  # ends: see above; where no more levels are passed the same number follows
            share, below, free = following, 0.0, 0.0
            for s in range(begin[a], end[a]):
                if level[s] <= share:
                    below += amount[s] * level[s]
                else:
                    free += amount[s]
            following = (room[a] - below) / free if free > 0.0 else share
        for s in range(begin[a], end[a]):
            if level[s] > share:
                level[s], cause[s] = share, a


@kernel
def certify_filling(
    amount: Floats, level: Floats, cause: Ints, begin: Ints, end: Ints, room: Floats, n_sellers: int, n_limits: int
) -> bool:
    """Prove the shares of a group: limits are kept, and who has less than everything has a bottleneck.

    A bottleneck is a limit without room left behind which nobody has a larger share. That is max-min fairness (Bertsekas and
    Gallager, Data Networks, section 6.5), which on nested limits has the greatest sum, and the least Σ (q - y)²/q of all that
    have it.
    """
    for a in range(n_limits):
        executed = total = highest = 0.0
        lowest = np.inf
        for s in range(begin[a], end[a]):
            executed += amount[s] * level[s]
            total += amount[s]
            highest = max(highest, level[s] if amount[s] > 0.0 else 0.0)
            lowest = min(lowest, level[s] if amount[s] > 0.0 and cause[s] == a else np.inf)
        if executed > room[a] + PRIMAL_TOLERANCE * total:
            return False
        is_bottleneck = executed >= room[a] - PRIMAL_TOLERANCE * total and highest - lowest <= PRIMAL_TOLERANCE
        if lowest < np.inf and not is_bottleneck:
            return False
    for s in range(n_sellers):
        is_behind = cause[s] != -1 and begin[cause[s]] <= s < end[cause[s]]
        if not 0.0 <= level[s] <= 1.0 or (level[s] < 1.0 and amount[s] > 0.0 and not is_behind):
            return False
    return True


@kernel
def take_room(
    amount: Floats, level: Floats, cause: Ints, begin: Ints, end: Ints, room: Floats, n_limits: int, worth: float, price: Floats
) -> None:
    """Less what the group takes; a limit that cuts has nothing left, and the first weight that it cuts is its price."""
    for a in range(n_limits):
        executed, cuts = 0.0, False
        for s in range(begin[a], end[a]):
            executed += amount[s] * level[s]
            cuts = cuts or (cause[s] == a and amount[s] > 0.0)
        room[a] = 0.0 if cuts else max(room[a] - executed, 0.0)
        if cuts:
            price[a] = max(price[a], worth)


@kernel
def price_limits(n_sellers: int, n_limits: int, sellers: Sellers, limits: Limits) -> None:
    """What another kW is worth: the weight that a limit cuts, less that which a limit nearer to the root cuts in any case."""
    _, begin, end, _, price = limits
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
