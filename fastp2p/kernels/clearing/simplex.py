"""Clearing's LP: a dual simplex for one small book after the other, from "everything executed" down to what the rows allow.

With every column at its upper bound no criterion can gain anything, so the first basis (all rows) is optimal but for the rows
that it breaks, and each step repairs the one that is broken most. That takes about as many steps as rows bind in the end;
going up from nothing executed takes one for every column as well.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.certificate import DUAL_TOLERANCE
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LP, LPs, one_lp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.int32]

STEP_TOLERANCE = 1e-12
"""By how much a bound may be left broken, in units of the book's largest column."""


class Scratch(NamedTuple):
    """Room for a book of n columns and m rows.

    Attributes
    ----------
    table : (m + 3, n) float64
    value, low, high : (m,) float64
        Of the basic variables, row by row: value and bounds.
    reach : (n,) float64; ratio : (4, n) float64; variable, at_upper, free : (n,) int64
        Of the nonbasic variables, place by place.
    """

    table: Floats
    value: Floats
    low: Floats
    high: Floats
    reach: Floats
    ratio: Floats
    variable: Ints
    at_upper: Ints
    free: Ints


@kernel
def solve_books(
    books: Ints, lps: LPs, most_work: float, most_cells: int, steps_per_line: int, basic: Places, x: Floats, status: Ints,
    steps: Ints,
) -> None:  # fmt: skip
    """`solve_book` for some books of a batch.

    Parameters
    ----------
    books : (n,) int64
        Which of the LPs.
    lps : LPs
        Each book in units of its own (`scale_books`); criteria none of which is negative.
    most_work, most_cells : float, int
        Books of more entries times their share of the matrix, or of more columns times rows, are left alone; status -1.
    steps_per_line : int
        A book may take so many steps for each of its columns and rows.
    basic : (n_rows,) int32; x : (n_columns,) float64
        Outputs, as in `solve_book`, book after book.
    status, steps : (n_all_books,) int64
        Outputs: what `solve_book` returns.
    """
    column_offset, row_offset, entry_offset = lps.column_offset, lps.row_offset, lps.entry_offset
    n, m, cells = 0, 0, 0
    for b in books:
        n_book, m_book = column_offset[b + 1] - column_offset[b], row_offset[b + 1] - row_offset[b]
        n_entries = entry_offset[b + 1] - entry_offset[b]
        status[b] = -1
        if n_book * m_book <= most_cells and (n_entries == 0 or n_entries * n_entries <= most_work * n_book * m_book):
            status[b] = 0
            n, m, cells = max(n, n_book), max(m, m_book), max(cells, n_book * (m_book + 3))
    table, value, low, high = np.empty(cells), np.empty(m), np.empty(m), np.empty(m)
    reach, ratio = np.empty(n), np.empty((4, n))
    variable, at_upper, free = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n, np.int64)
    for b in books:
        if status[b] == -1:
            continue
        j0, j1, r0, r1 = column_offset[b], column_offset[b + 1], row_offset[b], row_offset[b + 1]
        n, m = j1 - j0, r1 - r0
        scratch = Scratch(
            table=table[: n * (m + 3)].reshape(m + 3, n),
            value=value[:m],
            low=low[:m],
            high=high[:m],
            reach=reach[:n],
            ratio=ratio,
            variable=variable[:n],
            at_upper=at_upper[:n],
            free=free[:n],
        )
        if n > 0:
            status[b], steps[b] = solve_book(one_lp(lps, b), steps_per_line * (n + m), scratch, basic[r0:r1], x[j0:j1])


@kernel
def solve_book(lp: LP, most_steps: int, scratch: Scratch, basic: Places, x: Floats) -> tuple[int, int]:
    """Bounded dual simplex for the first criterion, among those optima for the second; the third makes it come to an end.

    The table has a column for each place of a nonbasic variable: by how much the basic variables and the criteria rise with it.
    A step takes the basic variable that is farthest beyond a bound and lets the nonbasic ones give way, in the order in which
    their reduced costs would change sign: each either gives all it has, up to its other bound, and the next one is asked, or
    covers what is left and becomes basic (the long-step rule; Maros 2003, A generalized dual phase-2 simplex algorithm).

    Reduced costs are compared by the first criterion, where equal by the second, then by the third (Isermann 1982, Linear
    lexicographic optimization): the phases run as one. It ends, since every step lowers the bound on the criteria
    lexicographically: no reduced cost is zero in all three, as no two sums of the third criterion's weights are equal. Which of
    several optima it ends at counts for nothing: `find_face` takes from it what all have in common.

    Parameters
    ----------
    lp : LP
        Upper bounds and entries of order 1 at most; criteria none of which is negative; rooms may be infinite.
    most_steps : int
    scratch : Scratch
    basic : (m,) int32
        Output: basic variables, j for a column, -(r + 1) for a row.
    x : (n,) float64
        Output: values of the columns.

    Returns
    -------
    status : int
        0 a basis to certify; 1 `most_steps` taken.
    steps : int
    """
    most, room_below, room_above = lp.most, lp.room_below, lp.room_above
    table, value, low, high, reach, ratio, variable, at_upper, free = scratch
    _first_table(lp, table, value, low, high)
    for r in range(len(basic)):
        basic[r] = -(r + 1)
    for j in range(len(most)):
        variable[j], at_upper[j], reach[j] = j, 1, most[j]
    status, step = 1, 0
    while step < most_steps:  # ends: at the bottom of the loop step rises
        r, above, left = _farthest_beyond(value, low, high)
        if r == -1:
            status = 0
            break
        n_free = _who_may_give(table, r, above, reach, at_upper, free, ratio)
        p = 0
        while n_free:  # ends: it breaks, or n_free falls
            _bring_next_to_end(free, n_free, ratio)
            p = free[n_free - 1]
            if abs(table[r, p]) * reach[p] >= left - STEP_TOLERANCE:
                break
            left -= abs(table[r, p]) * reach[p]
            _move(table, p, -reach[p] if at_upper[p] else reach[p], value)
            at_upper[p] = 1 - at_upper[p]
            n_free -= 1
        if n_free == 0:  # nothing can bring the row back: rounding, as nothing executed is always feasible
            status = 0
            break
        # the variable at place p covers what is left and changes places with the one of row r
        change = (-left if above else left) / table[r, p]
        _move(table, p, change, value)
        entering, leaving = variable[p], basic[r]
        low[r] = 0.0 if entering >= 0 else room_below[-(entering + 1)]
        high[r] = most[entering] if entering >= 0 else room_above[-(entering + 1)]
        value[r] = (high[r] if at_upper[p] else low[r]) + change
        reach[p] = most[leaving] if leaving >= 0 else room_above[-(leaving + 1)] - room_below[-(leaving + 1)]
        basic[r], variable[p], at_upper[p] = entering, leaving, above
        _pivot(table, p, r)
        step += 1
    for p in range(len(most)):
        if variable[p] >= 0:
            x[variable[p]] = most[variable[p]] if at_upper[p] else 0.0
    for r in range(len(basic)):
        if basic[r] >= 0:
            x[basic[r]] = value[r]
    return status, step


@kernel
def _first_table(lp: LP, table: Floats, value: Floats, low: Floats, high: Floats) -> None:
    """All rows basic, all columns at their upper bounds."""
    start, entry_row, entry_value, most, cost, room_below, room_above = lp
    m = len(value)
    table[:m] = 0.0
    for r in range(m):
        value[r], low[r], high[r] = 0.0, room_below[r], room_above[r]
    for j in range(len(most)):
        for e in range(start[j], start[j + 1]):
            table[entry_row[e], j] += entry_value[e]
            value[entry_row[e]] += entry_value[e] * most[j]
    for c in range(3):
        for j in range(len(most)):
            table[m + c, j] = cost[c, j]


@kernel
def _farthest_beyond(value: Floats, low: Floats, high: Floats) -> tuple[int, bool, float]:
    """The basic variable farthest beyond a bound (-1: none is), whether it is the upper one, and how far.

    Of several that are equally far, up to `DUAL_TOLERANCE`, it is the first: a shadow price should not hang on rounding.
    """
    r, above, left, bar = -1, False, 0.0, STEP_TOLERANCE
    for i in range(len(value)):
        over, under = value[i] - high[i], low[i] - value[i]
        if over > bar:
            r, above, left, bar = i, True, over, over + DUAL_TOLERANCE
        elif under > bar:
            r, above, left, bar = i, False, under, under + DUAL_TOLERANCE
    return r, above, left


@kernel
def _who_may_give(table: Floats, r: int, above: bool, reach: Floats, at_upper: Ints, free: Ints, ratio: Floats) -> int:
    """Places whose variable, leaving its bound, moves row r back: how many, `free`, and by place |slope| and ratios.

    At a multiplier t of the row the reduced costs are gain - t·slope: they change sign at the ratio gain / slope.
    """
    m = len(table) - 3
    n_free = 0
    for p in range(len(reach)):
        slope = table[r, p] if above else -table[r, p]
        if abs(slope) > DUAL_TOLERANCE and reach[p] > 0.0 and (slope > 0.0) == (at_upper[p] == 1):
            free[n_free] = p
            ratio[0, p], ratio[1, p], ratio[2, p] = table[m, p] / slope, table[m + 1, p] / slope, table[m + 2, p] / slope
            ratio[3, p] = abs(slope)
            n_free += 1
    return n_free


@kernel
def _bring_next_to_end(free: Ints, n_free: int, ratio: Floats) -> None:
    """Of the free places, the one whose reduced cost is the first to change sign trades places with the last one.

    A tie in all criteria goes to the larger slope.
    """
    best, t0, t1, t2 = 0, ratio[0, free[0]], ratio[1, free[0]], ratio[2, free[0]]
    for i in range(1, n_free):
        p = free[i]
        slope = ratio[3, p]
        later = slope * (ratio[0, p] - t0)
        if abs(later) <= DUAL_TOLERANCE:
            later = slope * (ratio[1, p] - t1)
            if abs(later) <= DUAL_TOLERANCE:
                later = slope * (ratio[2, p] - t2)
                if abs(later) <= DUAL_TOLERANCE:
                    later = ratio[3, free[best]] - slope
        if later < 0.0:
            best, t0, t1, t2 = i, ratio[0, p], ratio[1, p], ratio[2, p]
    free[best], free[n_free - 1] = free[n_free - 1], free[best]


@kernel
def _move(table: Floats, p: int, change: float, value: Floats) -> None:
    for r in range(len(value)):
        value[r] += table[r, p] * change


@kernel
def _pivot(table: Floats, p: int, r: int) -> None:
    """Exchange the column at place p and the basic column of row r, and update the table."""
    m, n = len(table) - 3, table.shape[1]
    pivot = table[r, p]
    for k in range(n):
        table[r, k] /= -pivot
    table[r, p] = 1.0 / pivot
    for i in range(m + 3):
        factor = table[i, p]
        if i != r and factor != 0.0:
            table[i, p] = 0.0
            for k in range(n):
                table[i, k] += factor * table[r, k]
            if i >= m:
                for k in range(n):
                    if abs(table[i, k]) <= DUAL_TOLERANCE:
                        table[i, k] = 0.0
