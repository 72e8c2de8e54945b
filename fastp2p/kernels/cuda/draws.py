"""Draws of one scenario: what distributions make of its uniform numbers (`fastp2p.kernels.pipeline.uniforms`)."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]

GIVEN, UNIFORM, CHOICE = 0, 1, 2
"""What an amount is: a number of each bus, uniform between two numbers, or one of several."""
ALL, BELOW_SHARE, EXACT = 0, 1, 2
"""Who has PV of those who may: all, those whose number is below the share, or the first so many by their number."""


class Amounts(NamedTuple):
    """One amount of all buses, such as kWp.

    Attributes
    ----------
    kind : int
    given : (n,) float64
        Of each column that may have it, zero elsewhere; of `GIVEN` alone.
    low, width : float
        Of `UNIFORM`.
    edge, value : (n_choices,) float64
        Of `CHOICE`: where each value ends, as a share of all, and the values.
    may : (n,) bool
        Columns that the amount is of.
    """

    kind: int
    given: Floats
    low: float
    width: float
    edge: Floats
    value: Floats
    may: NDArray[np.bool_]


@kernel
def amount_of(of: Amounts, c: int, u: float) -> float:
    """What column c has at the probability u; see `fastp2p.study.distributions`."""
    value = 0.0
    if of.kind == GIVEN:
        value = of.given[c]
    elif of.may[c] and of.kind == UNIFORM:
        # the size of a product that is none below zero: without it a GPU would add to it before it is rounded
        value = of.low + abs(u * of.width)
    elif of.may[c]:
        value = of.value[pick_of(of.edge, u)]
    return value


@kernel
def pick_of(edge: Floats, u: float) -> int:
    """Index at the probability u, where the edges rise to 1."""
    i = 0
    while i < len(edge) - 1 and not u < edge[i]:  # ends: i rises
        i += 1
    return i


@kernel
def has_pv(mode: int, share: float, count: int, may: NDArray[np.bool_], u: Floats, has: NDArray[np.bool_]) -> None:
    """Who has PV; of `EXACT`, the first `count` by their numbers, and of equal ones the first bus."""
    for c in range(len(u)):
        has[c] = may[c] and (mode != BELOW_SHARE or u[c] < share)
        if may[c] and mode == EXACT:
            before = 0
            for other in range(len(u)):
                if may[other] and (u[other] < u[c] or (u[other] == u[c] and other < c)):
                    before += 1
            has[c] = before < count
