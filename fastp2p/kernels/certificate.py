"""Clearing after the LP: the proof of each answer, and what cut each trade."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels._jit import kernel

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
    most_kw: Floats,
    cost: Floats,
    room_below: Floats,
    room_above: Floats,
    basic: NDArray[np.int32],
    primal_tolerance: float,
    dual_tolerance: float,
    x_kw: Floats,
    dual: Floats,
    verdict: Ints,
) -> None:
    """`certify` for the books numbered `books` of a batch; arrays as `kernels.clearing.assemble_books` lays them out.

    Parameters
    ----------
    verdict : (n_all_books,) int64
        In: negative where there is no answer to certify. Output: what `certify` says, where there is.
    """
    for n in books:
        if verdict[n] < 0:
            continue
        j0, j1, r0, r1 = column_offset[n], column_offset[n + 1], row_offset[n], row_offset[n + 1]
        e0, e1 = entry_offset[n], entry_offset[n + 1]
        verdict[n] = certify(
            start[j0 + n : j1 + n + 1], entry_row[e0:e1], entry_value[e0:e1], most_kw[j0:j1], cost[:, j0:j1],
            room_below[r0:r1], room_above[r0:r1], basic[r0:r1], primal_tolerance, dual_tolerance, x_kw[j0:j1], dual[r0:r1],
        )  # fmt: skip


@kernel
def strongest_rows(
    column_offset: Ints,
    row_offset: Ints,
    entry_offset: Ints,
    start: NDArray[np.int32],
    entry_row: NDArray[np.int32],
    entry_value: Floats,
    dual: Floats,
    tolerance: float,
    strongest: Ints,
) -> None:
    """Per column the row with the largest |dual x coefficient|, counted over all books; -1 where all are below `tolerance`.

    Parameters
    ----------
    column_offset … entry_value : as `kernels.clearing.assemble_books` lays them out
    dual : (n_rows,) float64
    strongest : (n_columns,) int64
        Output.
    """
    for n in range(len(column_offset) - 1):
        for j in range(column_offset[n], column_offset[n + 1]):
            strongest[j] = -1
            most = tolerance
            for place in range(start[j + n], start[j + n + 1]):
                e = entry_offset[n] + place
                size = abs(entry_value[e] * dual[row_offset[n] + entry_row[e]])
                if size > most:
                    most = size
                    strongest[j] = row_offset[n] + entry_row[e]


@kernel
def certify(
    start: NDArray[np.int32],
    entry_row: NDArray[np.int32],
    entry_value: Floats,
    most_kw: Floats,
    cost: Floats,
    room_below: Floats,
    room_above: Floats,
    basic: NDArray[np.int32],
    primal_tolerance: float,
    dual_tolerance: float,
    x_kw: Floats,
    dual: Floats,
) -> int:
    """Prove that a basis is optimal, first for cost[0], among those optima for cost[1], among those for cost[2].

    Primal and dual values are computed afresh from the basis: with basic columns B and binding rows N,
    A[N,B] x_B = bound_N - A[N,rest] x_rest and, for every criterion, A[N,B]' λ = c_B, d = c - A[N]' λ. The basis is
    lexicographically optimal if x is feasible and, at every nonbasic place, the first d (or λ) that is not zero has the sign
    of an optimum (e.g. Isermann 1982, Linear lexicographic optimization).

    Parameters
    ----------
    start : (n + 1,) int32; entry_row : int32, entry_value : float64
        The book's matrix by column.
    most_kw : (n,) float64; cost : (3, n) float64
    room_below, room_above : (m,) float64
    basic : (m,) int32
        The solver's basic variables: j for a column, -(r + 1) for a row.
    primal_tolerance, dual_tolerance : float
        Absolute, in kW and in units of the cost.
    x_kw : (n,) float64, kW
        In: the solver's values, which tell upper from lower bound. Output: the basis's own.
    dual : (m,) float64
        Output: multipliers of the rows for cost[0]; positive where the upper limit binds.

    Returns
    -------
    int
        0 proven; 1 basis singular or misshapen; 2 primal infeasible; 3 not optimal.
    """
    n, m = len(most_kw), len(room_above)
    column_is_basic, row_binds = np.zeros(n, np.bool_), np.ones(m, np.bool_)
    for v in basic:
        if v >= 0:
            column_is_basic[v] = True
        else:
            row_binds[-(v + 1)] = False
    columns, rows = np.flatnonzero(column_is_basic), np.flatnonzero(row_binds)
    size = len(columns)
    if size != len(rows):
        return 1

    value = np.zeros(m)
    for j in range(n):
        if column_is_basic[j]:
            for e in range(start[j], start[j + 1]):
                value[entry_row[e]] += entry_value[e] * x_kw[j]
        else:
            x_kw[j] = most_kw[j] if x_kw[j] > 0.5 * most_kw[j] else 0.0
            for e in range(start[j], start[j + 1]):
                value[entry_row[e]] += entry_value[e] * x_kw[j]
    at_upper = np.empty(m, np.bool_)
    for r in range(m):
        at_upper[r] = room_above[r] - value[r] <= value[r] - room_below[r]

    # A[N,B] and, beside it, bound_N - A[N,rest] x_rest
    place = np.full(m, -1, np.int64)
    place[rows] = np.arange(size)
    matrix, transposed = np.zeros((size, size + 1)), np.zeros((size, size + 3))
    for i in range(size):
        matrix[i, size] = room_above[rows[i]] if at_upper[rows[i]] else room_below[rows[i]]
        transposed[i, size:] = cost[:, columns[i]]
    for j in range(n):
        for e in range(start[j], start[j + 1]):
            if place[entry_row[e]] != -1 and not column_is_basic[j]:
                matrix[place[entry_row[e]], size] -= entry_value[e] * x_kw[j]
    for i in range(size):
        for e in range(start[columns[i]], start[columns[i] + 1]):
            if place[entry_row[e]] != -1:
                matrix[place[entry_row[e]], i] = transposed[i, place[entry_row[e]]] = entry_value[e]
    if not (_eliminate(matrix) and _eliminate(transposed)):
        return 1

    for i in range(size):
        x = matrix[i, size]
        if x < -primal_tolerance or x > most_kw[columns[i]] + primal_tolerance:
            return 2
        x_kw[columns[i]] = min(max(x, 0.0), most_kw[columns[i]])
    value[:] = 0.0
    for j in range(n):
        for e in range(start[j], start[j + 1]):
            value[entry_row[e]] += entry_value[e] * x_kw[j]
    for r in range(m):
        if value[r] > room_above[r] + primal_tolerance or value[r] < room_below[r] - primal_tolerance:
            return 2

    dual[:] = 0.0
    for i in range(size):
        r = rows[i]
        dual[r] = transposed[i, size]
        if room_above[r] > room_below[r] and not _has_sign(transposed[i, size:], at_upper[r], dual_tolerance):
            return 3
    reduced = np.empty(3)
    for j in range(n):
        if column_is_basic[j] or most_kw[j] <= 0.0:
            continue
        reduced[:] = cost[:, j]
        for e in range(start[j], start[j + 1]):
            i = place[entry_row[e]]
            if i != -1:
                for c in range(3):
                    reduced[c] -= entry_value[e] * transposed[i, size + c]
        if not _has_sign(reduced, x_kw[j] > 0.0, dual_tolerance):
            return 3
    return 0


@kernel
def _has_sign(values: Floats, positive: bool, tolerance: float) -> bool:
    """Whether the first of the values that is not zero is positive (negative, if not `positive`)."""
    for value in values:
        if abs(value) > tolerance:
            return bool(value > 0.0) == positive
    return True


@kernel
def _eliminate(matrix: Floats) -> bool:
    """Gauss-Jordan with row pivoting on [A | b…], in place; false if A is singular."""
    size = len(matrix)
    for c in range(size):
        pivot = c
        for r in range(c + 1, size):
            if abs(matrix[r, c]) > abs(matrix[pivot, c]):
                pivot = r
        if abs(matrix[pivot, c]) < 1e-11:
            return False
        if pivot != c:
            for j in range(c, matrix.shape[1]):
                matrix[c, j], matrix[pivot, j] = matrix[pivot, j], matrix[c, j]
        scale = matrix[c, c]
        for j in range(c, matrix.shape[1]):
            matrix[c, j] /= scale
        for r in range(size):
            if r != c and matrix[r, c] != 0.0:
                factor = matrix[r, c]
                for j in range(c, matrix.shape[1]):
                    matrix[r, j] -= factor * matrix[c, j]
    return True
