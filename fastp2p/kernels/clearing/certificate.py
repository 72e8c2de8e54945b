"""Clearing after the LP: the proof of each answer, and the limit that cut each trade.

The proof takes from a solver which variables are basic, and at which bound the others are. Everything else is worked out from
the book's own numbers, so it does not matter who solved it, or how well.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LP, LPs, one_lp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.int32]

PRIMAL_TOLERANCE = 1e-9
"""By how much a bound or a limit may be passed, in the units of a book's columns."""
DUAL_TOLERANCE = 1e-9
"""Reduced costs and multipliers (of order 1) up to this size count as zero."""


class Scratch(NamedTuple):
    """Room for a book of n columns and m rows, or more: the basis and its solutions.

    Attributes
    ----------
    matrix : (min(n, m), min(n, m)), multiplier : (3, m), value : (2, m), solution : (min(n, m),) float64
    columns : (n,), places : (2, m) int64
    """

    matrix: Floats
    multiplier: Floats
    value: Floats
    solution: Floats
    columns: Ints
    places: Ints


@kernel
def certify_books(books: Ints, lps: LPs, basic: Places, x: Floats, dual: Floats, verdict: Ints) -> None:
    """`certify` for some books of a batch.

    Parameters
    ----------
    books : (n,) int64
        Which of the LPs.
    lps : LPs
    basic : (n_rows,) int32; x : (n_columns,) float64; dual : (n_rows,) float64
        As in `certify`, book after book.
    verdict : (n_all_books,) int64
        In: not zero where there is no answer to certify. Output: what `certify` says, where there is.
    """
    column_offset, row_offset, n, m = lps.column_offset, lps.row_offset, 0, 0
    for b in books:
        n, m = max(n, column_offset[b + 1] - column_offset[b]), max(m, row_offset[b + 1] - row_offset[b])
    scratch = Scratch(
        matrix=np.empty((min(n, m), min(n, m))),
        multiplier=np.empty((3, m)),
        value=np.empty((2, m)),
        solution=np.empty(min(n, m)),
        columns=np.empty(n, np.int64),
        places=np.empty((2, m), np.int64),
    )
    for b in books:
        if verdict[b] == 0:
            j0, j1, r0, r1 = column_offset[b], column_offset[b + 1], row_offset[b], row_offset[b + 1]
            verdict[b] = certify(one_lp(lps, b), basic[r0:r1], scratch, x[j0:j1], dual[r0:r1])


@kernel
def certify(lp: LP, basic: Places, scratch: Scratch, x: Floats, dual: Floats) -> int:
    """Prove that a basis is optimal, first for cost[0], among those optima for cost[1], among those for cost[2].

    With basic columns B and binding rows N, A[N,B] x_B = bound_N - A[N,rest] x_rest, and for every criterion
    A[N,B]' λ = c_B. The result is then checked against the definition: x within its bounds and A x within its limits;
    binding rows at the limit; and with d = c - A' λ, d = 0 at basic columns, while at every other column and at every binding
    row the first of the three d (or λ) that is not zero has the sign of an optimum (Isermann 1982, Linear lexicographic
    optimization).

    Parameters
    ----------
    lp : LP
    basic : (m,) int32
        The solver's basic variables: j for a column, -(r + 1) for a row.
    scratch : Scratch
    x : (n,) float64
        In: the solver's values, which tell upper from lower bound. Output: the basis's own.
    dual : (m,) float64
        Output: multipliers of the rows for cost[0]; positive where the upper limit binds.

    Returns
    -------
    int
        0 proven; 1 basis singular, misshapen or at no limit; 2 primal infeasible; 3 not optimal.
    """
    start, entry_row, entry_value, most, cost, room_below, room_above = lp
    matrix, multiplier, value, solution, columns, places = scratch
    n, m = len(most), len(room_above)
    place, rows = places[0], places[1]
    size = _read_basis(basic, n, m, columns, place, rows)
    if size == -1:
        return 1
    at_rest, bound = value[0], value[1]
    _rest(lp, columns, x, at_rest, bound)

    for i in range(size):
        if not np.isfinite(bound[rows[i]]):
            return 1
        matrix[i, :size] = 0.0
        solution[i] = bound[rows[i]] - at_rest[rows[i]]
    for j in range(n):
        i = columns[j]
        if i != -1:
            multiplier[0, i], multiplier[1, i], multiplier[2, i] = cost[0, j], cost[1, j], cost[2, j]
            for e in range(start[j], start[j + 1]):
                if place[entry_row[e]] != -1:
                    matrix[place[entry_row[e]], i] = entry_value[e]
    if not _factorise(matrix, size, rows, solution):
        return 1
    for i in range(size):
        place[rows[i]] = i
    _solve(matrix, size, solution)
    for c in range(3):
        _solve_transposed(matrix, size, multiplier, c)

    for j in range(n):
        if columns[j] != -1:
            x_j = solution[columns[j]]
            if not (x_j >= -PRIMAL_TOLERANCE and x_j <= most[j] + PRIMAL_TOLERANCE):
                return 2
            x[j] = min(max(x_j, 0.0), most[j])
            for e in range(start[j], start[j + 1]):
                at_rest[entry_row[e]] += entry_value[e] * x[j]
    for r in range(m):
        dual[r] = 0.0
        if at_rest[r] > room_above[r] + PRIMAL_TOLERANCE or at_rest[r] < room_below[r] - PRIMAL_TOLERANCE:
            return 2
        i = place[r]
        if i != -1:
            dual[r] = multiplier[0, i]
            if abs(at_rest[r] - bound[r]) > PRIMAL_TOLERANCE:
                return 2
            if room_above[r] - room_below[r] > PRIMAL_TOLERANCE:  # else it is at both limits, and either sign will do
                sign = _sign(multiplier[0, i], multiplier[1, i], multiplier[2, i])
                if sign != 0 and (sign == 1) != (bound[r] == room_above[r]):
                    return 3
    for j in range(n):
        if columns[j] == -1 and most[j] <= 0.0:
            continue
        d0, d1, d2 = cost[0, j], cost[1, j], cost[2, j]
        for e in range(start[j], start[j + 1]):
            i = place[entry_row[e]]
            if i != -1:
                d0 -= entry_value[e] * multiplier[0, i]
                d1 -= entry_value[e] * multiplier[1, i]
                d2 -= entry_value[e] * multiplier[2, i]
        sign = _sign(d0, d1, d2)
        if sign != 0 and (columns[j] != -1 or (sign == 1) != (x[j] > 0.0)):
            return 3
    return 0


@kernel
def _read_basis(basic: Places, n: int, m: int, columns: Ints, place: Ints, rows: Ints) -> int:
    """Number the basic columns and the binding rows from 0 on (-1: the others); their number, -1 where they do not fit."""
    columns[:n] = -1
    place[:m] = 0
    n_basic, n_binding = 0, 0
    for v in basic:
        if v >= 0:
            columns[v] = n_basic
            n_basic += 1
        else:
            place[-(v + 1)] = -1
    for r in range(m):
        if place[r] != -1:
            place[r] = n_binding
            rows[n_binding] = r
            n_binding += 1
    return n_basic if n_basic == n_binding and n_basic <= n else -1


@kernel
def _rest(lp: LP, columns: Ints, x: Floats, at_rest: Floats, bound: Floats) -> None:
    """Put the columns that are not basic at their bounds; the rows' values without the basic ones, and nearer limits."""
    start, entry_row, entry_value, most, _, room_below, room_above = lp
    m = len(room_above)
    at_rest[:m] = 0.0
    bound[:m] = 0.0
    for j in range(len(most)):
        if columns[j] == -1:
            x[j] = most[j] if x[j] > 0.5 * most[j] else 0.0
            for e in range(start[j], start[j + 1]):
                at_rest[entry_row[e]] += entry_value[e] * x[j]
        else:
            for e in range(start[j], start[j + 1]):
                bound[entry_row[e]] += entry_value[e] * x[j]
    for r in range(m):
        value = at_rest[r] + bound[r]
        bound[r] = room_above[r] if room_above[r] - value <= value - room_below[r] else room_below[r]


@kernel
def _sign(first: float, second: float, third: float) -> int:
    """Sign of the first of the values that is not zero; 0 if all are."""
    value = first
    if abs(value) <= DUAL_TOLERANCE:
        value = second
    if abs(value) <= DUAL_TOLERANCE:
        value = third
    if abs(value) <= DUAL_TOLERANCE:
        return 0
    return 1 if value > 0.0 else -1


@kernel
def _factorise(matrix: Floats, size: int, rows: Ints, right: Floats) -> bool:
    """L U = matrix, in place, by elimination; rows change places for the largest pivots, and with them `rows` and `right`.

    False if the matrix is singular.
    """
    for c in range(size):
        pivot = c
        for r in range(c + 1, size):
            if abs(matrix[r, c]) > abs(matrix[pivot, c]):
                pivot = r
        if not abs(matrix[pivot, c]) >= 1e-11:
            return False
        if pivot != c:
            rows[c], rows[pivot] = rows[pivot], rows[c]
            right[c], right[pivot] = right[pivot], right[c]
            for k in range(size):
                matrix[c, k], matrix[pivot, k] = matrix[pivot, k], matrix[c, k]
        for r in range(c + 1, size):
            if matrix[r, c] != 0.0:
                factor = matrix[r, c] / matrix[c, c]
                matrix[r, c] = factor
                for k in range(c + 1, size):
                    matrix[r, k] -= factor * matrix[c, k]
    return True


@kernel
def _solve(matrix: Floats, size: int, b: Floats) -> None:
    """L U x = b, in place."""
    for r in range(size):
        for k in range(r):
            b[r] -= matrix[r, k] * b[k]
    for r in range(size - 1, -1, -1):
        for k in range(r + 1, size):
            b[r] -= matrix[r, k] * b[k]
        b[r] /= matrix[r, r]


@kernel
def _solve_transposed(matrix: Floats, size: int, b: Floats, c: int) -> None:
    """(L U)' λ = b[c], in place."""
    for r in range(size):
        b[c, r] /= matrix[r, r]
        if b[c, r] != 0.0:
            for k in range(r + 1, size):
                b[c, k] -= matrix[r, k] * b[c, r]
    for r in range(size - 1, -1, -1):
        if b[c, r] != 0.0:
            for k in range(r):
                b[c, k] -= matrix[r, k] * b[c, r]


@kernel
def explain_books(lps: LPs, dual: Floats, row: Ints, row_scale: Floats, strongest: Ints, shadow_price: Floats) -> None:
    """What each limit is worth, and per column the row with the largest |dual x coefficient|.

    Parameters
    ----------
    lps : LPs
    dual : (n_kept_rows,) float64
    row : (n_kept_rows,) int64; row_scale : (n_kept_rows,) float64
        Which of all rows each one is, and what it was multiplied by.
    strongest : (n_columns,) int64
        Output; -1 for none.
    shadow_price : (n, n_rows) float64
        Output, written where a book keeps a row.
    """
    column_offset, row_offset, entry_offset, start, entry_row, entry_value, _, _, _, _ = lps
    for n in range(len(column_offset) - 1):
        r0 = row_offset[n]
        for r in range(r0, row_offset[n + 1]):
            shadow_price[n, row[r]] = dual[r] * row_scale[r]
        for j in range(column_offset[n], column_offset[n + 1]):
            strongest[j] = -1
            most = DUAL_TOLERANCE
            for e in range(entry_offset[n] + start[j + n], entry_offset[n] + start[j + n + 1]):
                size = abs(entry_value[e] * dual[r0 + entry_row[e]])
                if size > most:
                    most = size
                    strongest[j] = row[r0 + entry_row[e]]
