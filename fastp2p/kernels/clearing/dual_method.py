"""The dual active-set method for the answer closest to pro rata: one bound or limit after the other.

Goldfarb and Idnani 1983, A numerically stable dual method for solving strictly convex quadratic programs.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.active import (
    DEPENDENT,
    FREE,
    LOWER,
    ROW_BROKEN,
    SHARE_BROKEN,
    UPPER,
    Work,
    factorise_active,
    limit_broken,
    measure,
    solve_active,
    solve_factors,
)  # fmt: skip
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LP

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def take_in_one_by_one(lp: LP, held: Ints, most_systems: int, work: Work, side: Ints, nu: Floats) -> int:
    """The dual method; how many systems were solved.

    There is an answer. So what is broken and cannot give way is broken by rounding, and so is whatever is broken by less.
    """
    systems, rounding = 0, ROW_BROKEN
    while systems < most_systems:  # ends: systems rises
        solve_active(lp, held, side, work, nu)
        measure(lp, side, nu, work)
        systems += 1
        if _let_go(held, side, work, nu):
            continue
        column, row, sign, excess = _broken_most(lp, held, side, work, rounding)
        if column == -1 and row == -1:
            break
        taken = _take_in(lp, held, side, work, nu, column, row, sign, excess)
        systems, rounding = systems + max(taken, 0), excess if taken == -1 else rounding
    return systems


@kernel
def _let_go(held: Ints, side: Ints, work: Work, nu: Floats) -> bool:
    """Let go all bounds and limits that pull the wrong way; whether there were any."""
    found = False
    for j in range(len(side)):
        if (side[j] == UPPER and work.share[j] < 1.0 - SHARE_BROKEN) or (side[j] == LOWER and work.share[j] > SHARE_BROKEN):
            side[j], found = FREE, True
    for r in range(len(held)):
        if held[r] == 0 and work.active[r] * nu[r] < -SHARE_BROKEN:
            work.active[r], found = 0, True
    return found


@kernel
def _broken_most(lp: LP, held: Ints, side: Ints, work: Work, least: float) -> tuple[int, int, int, float]:
    """The bound of a column or limit of a row that is broken most, by more than `least` (-1: none), which, and by how much."""
    value, active, below, above = work.value, work.active, lp.room_below, lp.room_above
    column, row, sign, most = -1, -1, 0, least
    for j in range(len(side)):
        if side[j] == FREE:
            over = max(work.share[j] - 1.0, -work.share[j])
            if over > SHARE_BROKEN and over * lp.most[j] > most:
                column, sign, most = j, 1 if work.share[j] > 1.0 else -1, over * lp.most[j]
    for r in range(len(held)):
        beyond = limit_broken(held[r], value[r], below[r], above[r]) if active[r] == 0 else 0
        if beyond != 0:
            over = value[r] - (above[r] if beyond == 1 else below[r])
            if abs(over) > most:
                column, row, sign, most = -1, r, 1 if over > 0.0 else -1, abs(over)
    return column, row, sign, most


@kernel
def _take_in(lp: LP, held: Ints, side: Ints, work: Work, nu: Floats, column: int, row: int, sign: int, excess: float) -> int:
    """Let the multiplier of one broken bound or limit grow until it is kept; whatever pulls the wrong way by then is let go.

    With p the slopes of what is broken, the multipliers of active rows give way by ρ, A_F diag(q_F) A_F' ρ = A_F diag(q_F) p_F,
    and A' ν of all columns changes by p - A' ρ. Returns how many systems were solved; -1 if nothing can give way, which is
    rounding, as there is an answer.
    """
    start, entry_row, entry_value, most, _, _, _ = lp
    share, rate, matrix, right, active, rows, place = (
        work.share, work.rate, work.matrix, work.right, work.active, work.rows, work.place,
    )  # fmt: skip
    systems = 0
    while True:  # ends: it returns, or something that was active is let go
        systems += 1
        size = factorise_active(lp, held, side, work)
        for i in range(size):
            right[i] = 0.0
        whole = 0.0
        for j in range(len(side)):
            rate[j] = float(sign) if j == column else 0.0
            for e in range(start[j], start[j + 1]):
                if entry_row[e] == row:
                    rate[j] += sign * entry_value[e]
            if side[j] == FREE and rate[j] != 0.0:
                whole += most[j] * rate[j] * rate[j]
                for e in range(start[j], start[j + 1]):
                    i = place[entry_row[e]]
                    if i != -1:
                        right[i] += entry_value[e] * most[j] * rate[j]
        solve_factors(matrix, size, right)
        slope = 0.0
        for j in range(len(side)):
            p = rate[j]
            for e in range(start[j], start[j + 1]):
                i = place[entry_row[e]]
                if i != -1:
                    rate[j] -= entry_value[e] * right[i]
            if side[j] == FREE:
                slope += most[j] * p * rate[j]
        step = excess / slope if slope > DEPENDENT * whole else np.inf
        full, blocking, blocks_row = step, -1, False
        for j in range(len(side)):
            if (side[j] == UPPER and rate[j] > 0.0) or (side[j] == LOWER and rate[j] < 0.0):
                t = max(0.0, ((share[j] - 1.0) if side[j] == UPPER else share[j]) / rate[j])
                if t < step:
                    step, blocking, blocks_row = t, j, False
        for i in range(size):
            r = rows[i]
            if held[r] == 0 and place[r] != -1 and active[r] * right[i] > 0.0:
                t = max(0.0, nu[r] / right[i])
                if t < step:
                    step, blocking, blocks_row = t, r, True
        if step == np.inf:
            return -1
        for i in range(size):
            if place[rows[i]] != -1:
                nu[rows[i]] -= step * right[i]
        for j in range(len(side)):
            share[j] -= step * rate[j]
        if row != -1:
            nu[row] += sign * step
        excess -= step * slope if full < np.inf else 0.0
        if step == full:
            if row != -1:
                active[row] = held[row] if held[row] != 0 else sign
            else:
                side[column] = UPPER if sign == 1 else LOWER
            return systems
        if blocks_row:
            active[blocking] = 0
        else:
            side[blocking] = FREE
