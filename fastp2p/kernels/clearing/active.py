"""A guess at which bounds and limits are active in the answer closest to pro rata, and the answer that follows from it.

With multipliers ν of the active rows, y = q (1 - A' ν) where a column is not at a bound. So there are as many unknowns as
active rows, and a column at a bound only drops out of the equations.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LP

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FREE, UPPER, LOWER = 0, 1, -1
"""Where a column is: between its bounds, or held at one."""
ROW_BROKEN = 1e-11
"""By how much a row may pass its limit, in units of the book's largest column."""
SHARE_BROKEN = 1e-12
"""By how much a share of a column may pass 0 or 1, or be short of it, and a multiplier have the wrong sign."""
DEPENDENT = 1e-12
"""sin² of the angle between a row and those before it, in the metric of q, up to which it is taken for dependent on them."""
ROUNDING = 1e-14
"""What rounding leaves between rows and their limits, up to this size, is left alone."""


class Work(NamedTuple):
    """Where a book of n columns and m rows stands, and room for it.

    Attributes
    ----------
    share : (n,) float64
        1 - A' ν: beyond 0 and 1 where a column is held at a bound.
    rate : (n,) float64
        By how much A' ν changes with the multiplier that grows.
    value, broken : (m,) float64
        A y; how far it was beyond the limit of an active row.
    matrix : (m, m); right : (m,) float64
        Normal equations of the active rows.
    active : (m,) int64
        1 at the upper limit, -1 at the lower one, 0 at none.
    entry : (m,) int64
        Entries of a column in active rows.
    rows, place : (m,) int64; size : (1,) int64
        The active rows in the normal equations, where each one is among them (-1), and how many there are.
    """

    share: Floats
    rate: Floats
    value: Floats
    broken: Floats
    matrix: Floats
    right: Floats
    active: Ints
    entry: Ints
    rows: Ints
    place: Ints
    size: Ints


@kernel
def work_room(n: int, m: int) -> Work:
    """Room for books up to this size."""
    return Work(
        share=np.empty(n),
        rate=np.empty(n),
        value=np.empty(m),
        broken=np.empty(m),
        matrix=np.empty((m, m)),
        right=np.empty(m),
        active=np.empty(m, np.int64),
        entry=np.empty(m, np.int64),
        rows=np.empty(m, np.int64),
        place=np.empty(m, np.int64),
        size=np.zeros(1, np.int64),
    )


@kernel
def solve_active(lp: LP, held: Ints, side: Ints, work: Work, nu: Floats) -> None:
    """ν with which the active rows are at their limits, while columns stay on their sides.

    A_F diag(q_F) A_F' ν = A y(ν = 0) - limit, F the free columns.
    """
    size = factorise_active(lp, held, side, work)
    solve_factors(work.matrix, size, work.right)
    for r in range(len(held)):
        nu[r] = work.right[work.place[r]] if work.place[r] != -1 else 0.0


@kernel
def factorise_active(lp: LP, held: Ints, side: Ints, work: Work) -> int:
    """L L' = A_F diag(q_F) A_F' of the active rows, and A y(ν = 0) - limit; how many these are. Dependent ones are let go.

    Rows that are held come first, then those that were broken most: of lines in series, the one with the least room. The
    diagonal of L holds reciprocals, and 0 for a dependent row.
    """
    start, entry_row, entry_value, most, _, below, above = lp
    matrix, value, broken, active = work.matrix, work.value, work.broken, work.active
    right, entry, rows, place = work.right, work.entry, work.rows, work.place
    size = 0
    for r in range(len(held)):
        place[r] = -1
        if active[r] != 0:
            broken[r] = value[r] - above[r] if active[r] == 1 else below[r] - value[r]
            if held[r] != 0:
                broken[r] = np.inf
            i = size
            while i > 0 and broken[rows[i - 1]] < broken[r]:  # ends: i falls
                rows[i] = rows[i - 1]
                i -= 1
            rows[i] = r
            size += 1
    for i in range(size):
        place[rows[i]] = i
        right[i] = -above[rows[i]] if active[rows[i]] == 1 else -below[rows[i]]
        for k in range(i + 1):
            matrix[i, k] = 0.0
    for j in range(len(side)):
        n_entries = 0
        for e in range(start[j], start[j + 1] if side[j] != LOWER else start[j]):
            i = place[entry_row[e]]
            if i != -1:
                part = entry_value[e] * most[j]
                right[i] += part
                if side[j] == FREE:
                    matrix[i, i] += part * entry_value[e]
                    for other in entry[:n_entries]:
                        k = place[entry_row[other]]
                        matrix[max(i, k), min(i, k)] += part * entry_value[other]
                    entry[n_entries] = e
                    n_entries += 1
    for i in range(size):
        left = matrix[i, i]
        for c in range(i):
            part = matrix[i, c]
            for k in range(c):
                part -= matrix[i, k] * matrix[c, k]
            matrix[i, c] = part * matrix[c, c]
            left -= matrix[i, c] * matrix[i, c]
        if left > DEPENDENT * matrix[i, i]:
            matrix[i, i] = 1.0 / math.sqrt(left)
        else:
            matrix[i, i], active[rows[i]], place[rows[i]] = 0.0, 0, -1
    work.size[0] = size
    return size


@kernel
def solve_factors(matrix: Floats, size: int, b: Floats) -> None:
    """L L' x = b, in place; 0 for dependent rows."""
    for i in range(size):
        part = b[i]
        for k in range(i):
            part -= matrix[i, k] * b[k]
        b[i] = part * matrix[i, i]
    for i in range(size - 1, -1, -1):
        b[i] *= matrix[i, i]
        for k in range(i):
            b[k] -= matrix[i, k] * b[i]


@kernel
def measure(lp: LP, side: Ints, nu: Floats, work: Work) -> None:
    """Shares of columns, and the rows' values."""
    start, entry_row, entry_value, most, _, _, _ = lp
    share, value = work.share, work.value
    value[:] = 0.0
    for j in range(len(side)):
        left = 1.0
        for e in range(start[j], start[j + 1]):
            left -= entry_value[e] * nu[entry_row[e]]
        share[j] = left
        if side[j] != LOWER:
            kw = most[j] * (left if side[j] == FREE else 1.0)
            for e in range(start[j], start[j + 1]):
                value[entry_row[e]] += entry_value[e] * kw


@kernel
def refine(lp: LP, work: Work, nu: Floats) -> bool:
    """Solve once more for what rounding has left between active rows and their limits; whether that was worth it."""
    right, active, rows, worst = work.right, work.active, work.rows, 0.0
    for i in range(work.size[0]):
        r = rows[i]
        right[i] = 0.0
        if active[r] != 0:
            right[i] = work.value[r] - (lp.room_above[r] if active[r] == 1 else lp.room_below[r])
            worst = max(worst, abs(right[i]))
    if worst <= ROUNDING:
        return False
    solve_factors(work.matrix, work.size[0], right)
    for i in range(work.size[0]):
        nu[rows[i]] += right[i]
    return True


@kernel
def limit_broken(held: int, value: float, below: float, above: float) -> int:
    """1 where a row is beyond its upper limit, -1 its lower one, 0 where it is within both; a held row has one limit."""
    if held != 0:
        return held if abs(value - (above if held == 1 else below)) > ROW_BROKEN else 0
    if value > above + ROW_BROKEN:
        return 1
    return -1 if value < below - ROW_BROKEN else 0
