"""From an LP's basis to what its optima have in common: multipliers, columns that stay at a bound, rows that stay at a limit.

A solver gives which variables are basic, and at which bound the others are. Everything else is worked out from the book's own
numbers, so it does not matter who solved it, or how well.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.certificate import sign_of
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LP

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.int32]

CORNER, EDGE, NO_BASIS = 0, 1, 2
"""The optima are one point; there may be more of them; the basis does not fit."""


class BasisRoom(NamedTuple):
    """Room for a book of n columns and m rows, or more: the basis and its solutions.

    Attributes
    ----------
    matrix : (min(n, m), min(n, m)), part : (3, m), value : (2, m), solution : (min(n, m),) float64
    columns : (n,), places : (2, m) int64
    """

    matrix: Floats
    part: Floats
    value: Floats
    solution: Floats
    columns: Ints
    places: Ints


@kernel
def basis_room(n: int, m: int) -> BasisRoom:
    """Room for books up to this size."""
    size = min(n, m)
    return BasisRoom(
        matrix=np.empty((size, size)),
        part=np.empty((3, m)),
        value=np.empty((2, m)),
        solution=np.empty(size),
        columns=np.empty(n, np.int64),
        places=np.empty((2, m), np.int64),
    )


@kernel
def find_face(lp: LP, basic: Places, room: BasisRoom, x: Floats, multiplier: Floats, free: Ints, held: Ints) -> int:
    """The face of a book's optima, first for cost[0], among those for cost[1], from a basis that a solver calls optimal.

    With basic columns B and binding rows N, A[N,B]' λ = c_B for either criterion. Complementary slackness with these λ
    describes all optima: with d = c - A' λ, columns whose first nonzero d is positive stay at their upper bound, where it is
    negative at zero; rows whose first nonzero λ is positive stay at their upper limit, where it is negative at the lower one
    (Isermann 1982, Linear lexicographic optimization). Nothing is proven here: `certify` does that.

    Parameters
    ----------
    lp : LP
    basic : (m,) int32
        The solver's basic variables: j for a column, -(r + 1) for a row.
    room : BasisRoom
    x : (n,) float64
        In: the solver's values, which tell upper from lower bound. Output: if there is one optimum, A[N,B] x_B = bound_N -
        A[N,rest] x_rest; else only what the optima have in common.
    multiplier : (3, m) float64
        Output: λ of the criteria; of one optimum, a third of the slopes (q - x)/q of the third criterion.
    free : (n,) int64
        Output: 0 where all optima agree, else 1.
    held : (m,) int64
        Output: 1 where all optima are at the upper limit, -1 where at the lower one, else 0.

    Returns
    -------
    int
        `CORNER`, `EDGE` or `NO_BASIS`.
    """
    start, entry_row, entry_value, most, cost, room_below, room_above = lp
    matrix, part, value, solution, columns, places = room
    n, m = len(most), len(room_above)
    place, rows = places[0], places[1]
    size = _read_basis(basic, n, m, columns, place, rows)
    if size == -1:
        return NO_BASIS
    at_rest, bound = value[0], value[1]
    _rest(lp, columns, x, at_rest, bound)

    for i in range(size):
        if not np.isfinite(bound[rows[i]]):
            return NO_BASIS
        matrix[i, :size] = 0.0
        solution[i] = bound[rows[i]] - at_rest[rows[i]]
    for j in range(n):
        i = columns[j]
        if i != -1:
            part[0, i], part[1, i] = cost[0, j], cost[1, j]
            for e in range(start[j], start[j + 1]):
                if place[entry_row[e]] != -1:
                    matrix[place[entry_row[e]], i] = entry_value[e]
    if not _factorise(matrix, size, rows, solution):
        return NO_BASIS
    multiplier[:, :m] = 0.0
    for c in range(2):
        _solve_transposed(matrix, size, part, c)
        for i in range(size):
            multiplier[c, rows[i]] = part[c, i]

    freedom = 0
    for r in range(m):
        sign = sign_of(multiplier[0, r], multiplier[1, r], 0.0)
        if not np.isfinite(room_above[r] if sign == 1 else (room_below[r] if sign == -1 else 0.0)):
            return NO_BASIS
        held[r] = sign
        freedom += place[r] != -1 and sign == 0
    for j in range(n):
        d0, d1 = cost[0, j], cost[1, j]
        for e in range(start[j], start[j + 1]):
            d0 -= entry_value[e] * multiplier[0, entry_row[e]]
            d1 -= entry_value[e] * multiplier[1, entry_row[e]]
        sign = sign_of(d0, d1, 0.0)
        free[j] = sign == 0 and most[j] > 0.0
        if free[j] == 0:
            x[j] = most[j] if sign == 1 else 0.0
        elif columns[j] == -1:
            freedom += 1
    if freedom:
        return EDGE

    _solve(matrix, size, solution)
    for j in range(n):
        if columns[j] != -1:
            x[j] = min(max(solution[columns[j]], 0.0), most[j])
            part[2, columns[j]] = (most[j] - x[j]) / most[j] if most[j] > 0.0 else 0.0
    _solve_transposed(matrix, size, part, 2)
    for i in range(size):
        multiplier[2, rows[i]] = part[2, i]
    return CORNER


class Face(NamedTuple):
    """Room for what is left of a book of n columns and m rows on its face, or more.

    Attributes
    ----------
    start : (n + 1,) int32; entry_row : int32; entry_value : float64
        Entries of the free columns in the rows that count.
    most : (n,), below, above, rise, fall : (m,) float64
        Their sizes; what fixed columns leave of the rows' limits; how far free ones can move a row.
    column : (n,), row : (m,) int64
        Which of the book's columns and rows these are.
    held, place : (m,) int64
        Of the rows that count, the limit that they stay at; of all rows, which of these each one is, -1 for none.
    """

    start: Places
    entry_row: Places
    entry_value: Floats
    most: Floats
    below: Floats
    above: Floats
    rise: Floats
    fall: Floats
    column: Ints
    row: Ints
    held: Ints
    place: Ints


@kernel
def face_room(n: int, m: int, n_entries: int) -> Face:
    """Room for books up to this size."""
    return Face(
        start=np.empty(n + 1, np.int32),
        entry_row=np.empty(n_entries, np.int32),
        entry_value=np.empty(n_entries),
        most=np.empty(n),
        below=np.empty(m),
        above=np.empty(m),
        rise=np.empty(m),
        fall=np.empty(m),
        column=np.empty(n, np.int64),
        row=np.empty(m, np.int64),
        held=np.empty(m, np.int64),
        place=np.empty(m, np.int64),
    )


@kernel
def left_of(lp: LP, face: Face, n: int, m: int) -> LP:
    """What `reduce_to_face` has left, as views; its criteria are those of the whole book, and count for nothing."""
    return LP(face.start[: n + 1], face.entry_row, face.entry_value, face.most[:n], lp.cost, face.below[:m], face.above[:m])


@kernel
def reduce_to_face(lp: LP, x: Floats, free: Ints, held: Ints, face: Face) -> tuple[int, int]:
    """What is left to decide on a face: the free columns, and the rows that are held or that these can break.

    Parameters
    ----------
    lp : LP
    x : (n,) float64
        Of columns that are not free.
    free : (n,) int64; held : (m,) int64
        As `find_face` gives them.
    face : Face
        Output.

    Returns
    -------
    n, m : int
        Columns and rows that are left.
    """
    start, entry_row, entry_value, most, _, room_below, room_above = lp
    m, n_left, m_left, end = len(room_above), 0, 0, 0
    above, below, rise, fall, place = face.above, face.below, face.rise, face.fall, face.place
    taken = face.above  # what has been read of it is written to
    for r in range(m):
        taken[r] = rise[r] = fall[r] = 0.0
    for j in range(len(most)):
        for e in range(start[j], start[j + 1]):
            r = entry_row[e]
            if free[j] == 0:
                taken[r] += entry_value[e] * x[j]
            elif entry_value[e] > 0.0:
                rise[r] += entry_value[e] * most[j]
            else:
                fall[r] += entry_value[e] * most[j]
    for r in range(m):
        high, low = room_above[r] - taken[r], room_below[r] - taken[r]
        place[r] = -1
        if rise[r] > fall[r] and (held[r] != 0 or rise[r] > high or fall[r] < low):
            place[r] = m_left
            face.row[m_left], face.held[m_left], above[m_left], below[m_left] = r, held[r], high, low
            m_left += 1
    face.start[0] = 0
    for j in range(len(most)):
        if free[j] != 0:
            face.column[n_left], face.most[n_left] = j, most[j]
            for e in range(start[j], start[j + 1]):
                if place[entry_row[e]] != -1:
                    face.entry_row[end], face.entry_value[end] = place[entry_row[e]], entry_value[e]
                    end += 1
            n_left += 1
            face.start[n_left] = end
    return n_left, m_left


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
