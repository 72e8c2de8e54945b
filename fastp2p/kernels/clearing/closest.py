"""Clearing's third criterion: of all optima of an LP, the one closest to pro rata, least Σ (q - y)²/q."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.active import (
    FREE,
    LOWER,
    SHARE_BROKEN,
    UPPER,
    Work,
    limit_broken,
    measure,
    refine,
    solve_active,
)  # fmt: skip
from fastp2p.kernels.clearing.dual_method import take_in_one_by_one
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LP

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

GUESSES = 5
"""Rounds in which all bounds and rows are guessed at once."""
REFINEMENTS = 2
"""Times that what rounding has left of rows is solved for again."""


@kernel
def find_closest(lp: LP, held: Ints, steps_per_line: int, work: Work, side: Ints, x: Floats, nu: Floats) -> int:
    """Least Σ (q - x)²/q on a face of the LP.

    At first, all bounds and limits that are broken are taken in and all those that pull the wrong way are let go, together, a
    few rounds at most: two or three nearly always do (a primal-dual active-set method; Hintermüller, Ito and Kunisch 2003).
    Where these do not come to an end, those that pull the wrong way are let go until none does, and the one that is broken most
    is taken in, one by one, by the dual method of Goldfarb and Idnani (1983, A numerically stable dual method for solving
    strictly convex quadratic programs), which ends: each of its steps raises the least sum.

    Parameters
    ----------
    lp : LP
        What is left of a book in units of its own (`reduce_to_face`); its criteria count for nothing.
    held : (m,) int64
        Rows that stay at their upper (1) or lower (-1) limit.
    steps_per_line : int
        Steps of the dual method for each column and row, at most.
    work : Work
        `active` says which rows to begin with, besides those that are held.
    side : (n,) int64
        In: what to begin with, `FREE`, `UPPER` or `LOWER`. Output: where the answer is.
    x : (n,) float64
        Output.
    nu : (m,) float64
        Output: multipliers of the rows; positive at upper limits.

    Returns
    -------
    int
        Systems of equations that were solved.
    """
    active, share, systems, changed = work.active, work.share, 0, True
    for r in range(len(held)):
        if held[r] != 0:
            active[r] = held[r]
    while changed and systems < GUESSES:  # ends: systems rises
        solve_active(lp, held, side, work, nu)
        measure(lp, side, nu, work)
        changed = _guess(lp, held, side, work, nu)
        systems += 1
    if changed:
        systems += take_in_one_by_one(lp, held, steps_per_line * (len(side) + len(held)), work, side, nu)
    for _ in range(REFINEMENTS):
        if not refine(lp, work, nu):
            break
        measure(lp, side, nu, work)
    for j in range(len(side)):
        x[j] = lp.most[j] * share[j]
        if share[j] <= SHARE_BROKEN:
            x[j] = 0.0
        elif share[j] >= 1.0 - SHARE_BROKEN:
            x[j] = lp.most[j]
    return systems


@kernel
def _guess(lp: LP, held: Ints, side: Ints, work: Work, nu: Floats) -> bool:
    """Put all columns and rows where ν and the rows' values say; whether any was elsewhere."""
    share, value, active, changed = work.share, work.value, work.active, False
    below, above = lp.room_below, lp.room_above
    for j in range(len(side)):
        at = side[j]
        if share[j] > 1.0 + SHARE_BROKEN:
            at = UPPER
        elif share[j] < -SHARE_BROKEN:
            at = LOWER
        elif (
            SHARE_BROKEN < share[j] < 1.0 - SHARE_BROKEN or (at == UPPER and share[j] < 0.5) or (at == LOWER and share[j] > 0.5)
        ):
            at = FREE
        changed = changed or at != side[j]
        side[j] = at
    for r in range(len(held)):
        at = active[r]
        if at == 0:
            at = limit_broken(held[r], value[r], below[r], above[r])
        elif held[r] == 0 and at * nu[r] < -SHARE_BROKEN:
            at = 0
        changed = changed or at != active[r]
        active[r] = at
    return changed
