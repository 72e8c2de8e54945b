"""Clearing after the LP: the proof of each answer, and what cut each trade.

The proof takes from a solver which variables are basic, and at which bound the others are. Everything else is worked out from
the book's own numbers, so it does not matter who solved it, or how well.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def certify_books(
    books: Ints,
    column_offset: Ints,
    row_offset: Ints,
    entry_offset: Ints,
    start: NDArray[np.int32],
    entry_row: NDArray[np.int32],
    entry_value: Floats,
    most: Floats,
    cost: Floats,
    room_below: Floats,
    room_above: Floats,
    basic: NDArray[np.int32],
    primal_tolerance: float,
    dual_tolerance: float,
    x: Floats,
    dual: Floats,
    verdict: Ints,
) -> None:
    """`certify` for the books numbered `books` of a batch; arrays as `assemble_books` lays them out.

    Parameters
    ----------
    verdict : (n_all_books,) int64
        In: not zero where there is no answer to certify. Output: what `certify` says, where there is.
    """
    n, m = 0, 0
    for b in books:
        n, m = max(n, column_offset[b + 1] - column_offset[b]), max(m, row_offset[b + 1] - row_offset[b])
    matrix, multiplier, value = np.empty((min(n, m), min(n, m))), np.empty((3, m)), np.empty((2, m))
    solution, columns, places = np.empty(min(n, m)), np.empty(n, np.int64), np.empty((2, m), np.int64)
    for b in books:
        if verdict[b] != 0:
            continue
        j0, j1, r0, r1 = column_offset[b], column_offset[b + 1], row_offset[b], row_offset[b + 1]
        e0, e1 = entry_offset[b], entry_offset[b + 1]
        verdict[b] = certify(
            start[j0 + b : j1 + b + 1], entry_row[e0:e1], entry_value[e0:e1], most[j0:j1], cost[:, j0:j1],
            room_below[r0:r1], room_above[r0:r1], basic[r0:r1], primal_tolerance, dual_tolerance,
            matrix, multiplier, value, solution, columns, places, x[j0:j1], dual[r0:r1],
        )  # fmt: skip


@kernel
def certify(
    start: NDArray[np.int32],
    entry_row: NDArray[np.int32],
    entry_value: Floats,
    most: Floats,
    cost: Floats,
    room_below: Floats,
    room_above: Floats,
    basic: NDArray[np.int32],
    primal_tolerance: float,
    dual_tolerance: float,
    matrix: Floats,
    multiplier: Floats,
    value: Floats,
    solution: Floats,
    columns: Ints,
    places: Ints,
    x: Floats,
    dual: Floats,
) -> int:
    """Prove that a basis is optimal, first for cost[0], among those optima for cost[1], among those for cost[2].

    With basic columns B and binding rows N, A[N,B] x_B = bound_N - A[N,rest] x_rest, and for every criterion
    A[N,B]' λ = c_B. What these give is then held against the definition: x within its bounds and A x within its limits;
    binding rows at the limit; and with d = c - A' λ, d = 0 at basic columns, while at every other column and at every binding
    row the first of the three d (or λ) that is not zero has the sign of an optimum (Isermann 1982, Linear lexicographic
    optimization).

    Parameters
    ----------
    start : (n + 1,) int32; entry_row : int32, entry_value : float64
        The book's matrix by column.
    most : (n,) float64; cost : (3, n) float64
    room_below, room_above : (m,) float64
    basic : (m,) int32
        The solver's basic variables: j for a column, -(r + 1) for a row.
    primal_tolerance, dual_tolerance : float
        Absolute, in the units of `most` and of the cost.
    matrix : (min(n, m), min(n, m)), multiplier : (3, m), value : (2, m), solution : (min(n, m),), columns : (n,),
        places : (2, m); or larger: scratch
    x : (n,) float64
        In: the solver's values, which tell upper from lower bound. Output: the basis's own.
    dual : (m,) float64
        Output: multipliers of the rows for cost[0]; positive where the upper limit binds.

    Returns
    -------
    int
        0 proven; 1 basis singular, misshapen or at no limit; 2 primal infeasible; 3 not optimal.
    """
    n, m = len(most), len(room_above)
    place, rows = places[0], places[1]
    size = _read_basis(basic, n, m, columns, place, rows)
    if size == -1:
        return 1
    at_rest, bound = value[0], value[1]
    _rest(start, entry_row, entry_value, most, room_below, room_above, columns, x, at_rest, bound)

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
            if not (x_j >= -primal_tolerance and x_j <= most[j] + primal_tolerance):
                return 2
            x[j] = min(max(x_j, 0.0), most[j])
            for e in range(start[j], start[j + 1]):
                at_rest[entry_row[e]] += entry_value[e] * x[j]
    for r in range(m):
        dual[r] = 0.0
        if at_rest[r] > room_above[r] + primal_tolerance or at_rest[r] < room_below[r] - primal_tolerance:
            return 2
        i = place[r]
        if i != -1:
            dual[r] = multiplier[0, i]
            if abs(at_rest[r] - bound[r]) > primal_tolerance:
                return 2
            if room_above[r] - room_below[r] > primal_tolerance:  # else it is at both limits, and either sign will do
                sign = _sign(multiplier[0, i], multiplier[1, i], multiplier[2, i], dual_tolerance)
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
        sign = _sign(d0, d1, d2, dual_tolerance)
        if sign != 0 and (columns[j] != -1 or (sign == 1) != (x[j] > 0.0)):
            return 3
    return 0


@kernel
def _read_basis(basic: NDArray[np.int32], n: int, m: int, columns: Ints, place: Ints, rows: Ints) -> int:
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
def _rest(
    start: NDArray[np.int32], entry_row: NDArray[np.int32], entry_value: Floats, most: Floats,
    room_below: Floats, room_above: Floats, columns: Ints, x: Floats, at_rest: Floats, bound: Floats,
) -> None:  # fmt: skip
    """Put the columns that are not basic at their bounds; the rows' values without the basic ones, and nearer limits."""
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
def _sign(first: float, second: float, third: float, tolerance: float) -> int:
    """Sign of the first of the values that is not zero; 0 if all are."""
    value = first
    if abs(value) <= tolerance:
        value = second
    if abs(value) <= tolerance:
        value = third
    if abs(value) <= tolerance:
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
def explain_books(
    column_offset: Ints,
    row_offset: Ints,
    entry_offset: Ints,
    start: NDArray[np.int32],
    entry_row: NDArray[np.int32],
    entry_value: Floats,
    dual: Floats,
    row: Ints,
    row_scale: Floats,
    tolerance: float,
    strongest: Ints,
    shadow_price: Floats,
) -> None:
    """What each limit is worth, and per column the row with the largest |dual x coefficient|.

    Parameters
    ----------
    column_offset … entry_value : as `kernels.clearing.curtailment.assemble_books` lays them out
    dual : (n_kept_rows,) float64
    row : (n_kept_rows,) int64; row_scale : (n_kept_rows,) float64
        Which of all rows each one is, and what it was multiplied by.
    tolerance : float
        Smaller ones do not count.
    strongest : (n_columns,) int64
        Output; -1 for none.
    shadow_price : (n, n_rows) float64
        Output, written where a book keeps a row.
    """
    for n in range(len(column_offset) - 1):
        r0 = row_offset[n]
        for r in range(r0, row_offset[n + 1]):
            shadow_price[n, row[r]] = dual[r] * row_scale[r]
        for j in range(column_offset[n], column_offset[n + 1]):
            strongest[j] = -1
            most = tolerance
            for e in range(entry_offset[n] + start[j + n], entry_offset[n] + start[j + n + 1]):
                size = abs(entry_value[e] * dual[r0 + entry_row[e]])
                if size > most:
                    most = size
                    strongest[j] = row[r0 + entry_row[e]]
