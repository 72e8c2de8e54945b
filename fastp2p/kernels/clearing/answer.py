"""From the bases of LPs to proven answers, book by book."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.active import FREE, LOWER, UPPER, work_room
from fastp2p.kernels.clearing.certificate import PRIMAL_TOLERANCE, certify
from fastp2p.kernels.clearing.closest import find_closest
from fastp2p.kernels.clearing.face import EDGE, NO_BASIS, basis_room, face_room, find_face, left_of, reduce_to_face
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LP, LPs, one_lp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.int32]

STEPS_PER_LINE = 10
"""Systems that the third criterion may solve for each column and row of a book."""


@kernel
def answer_books(books: Ints, lps: LPs, basic: Places, near: Floats, x: Floats, dual: Floats, verdict: Ints) -> None:
    """The optima that bases stand for, of these the one closest to pro rata, and its proof.

    Parameters
    ----------
    books : (n,) int64
        Which of the LPs.
    lps : LPs
        Each in units of its own.
    basic : (n_rows,) int32
        Basic variables, book after book, as a solver gives them.
    near : (n_columns,) float64
        About where the answer is; NaN where nobody knows.
    x : (n_columns,) float64
        In: the solver's values. Output: the answer, where it is proven.
    dual : (n_rows,) float64
        Output: multipliers of the rows for cost[0]; positive where the upper limit binds.
    verdict : (n_all_books,) int64
        In: not zero where there is no basis. Output, where there is: what `certify` says; 1 if the basis does not fit.
    """
    column_offset, row_offset, entry_offset = lps.column_offset, lps.row_offset, lps.entry_offset
    n, m, n_entries = 0, 0, 0
    for b in books:
        n, m = max(n, column_offset[b + 1] - column_offset[b]), max(m, row_offset[b + 1] - row_offset[b])
        n_entries = max(n_entries, entry_offset[b + 1] - entry_offset[b])
    basis, face, work = basis_room(n, m), face_room(n, m, n_entries), work_room(n, m)
    free, held, side, closest = np.empty(n, np.int64), np.empty(m, np.int64), np.empty(n, np.int64), np.empty(n)
    multiplier, nu, value = np.empty((3, m)), np.empty(m), np.empty(m)
    for b in books:
        if verdict[b] != 0:
            continue
        lp, j0, j1, r0, r1 = one_lp(lps, b), column_offset[b], column_offset[b + 1], row_offset[b], row_offset[b + 1]
        found = find_face(lp, basic[r0:r1], basis, x[j0:j1], multiplier, free[: j1 - j0], held[: r1 - r0])
        if found == NO_BASIS:
            verdict[b] = 1
            continue
        if found == EDGE:
            n, m = reduce_to_face(lp, x[j0:j1], free, held, face)
            left = left_of(lp, face, n, m)
            _begin_at(left, near[j0:j1], face.column, side[:n], work.value[:m], work.active[:m])
            find_closest(left, face.held[:m], STEPS_PER_LINE, work, side[:n], closest[:n], nu[:m])
            for k in range(n):
                x[j0 + face.column[k]] = closest[k]
            for i in range(m):
                multiplier[2, face.row[i]] = nu[i]
        verdict[b] = certify(lp, multiplier, x[j0:j1], value)
        for r in range(r0, r1):
            dual[r] = multiplier[0, r - r0]


@kernel
def _begin_at(left: LP, near: Floats, column: Ints, side: Ints, value: Floats, active: Ints) -> None:
    """Bounds and limits that a point is at, to begin with."""
    start, entry_row, entry_value, most, _, room_below, room_above = left
    side[:] = FREE
    value[:] = 0.0
    active[:] = 0
    if np.isnan(near[0]):
        return
    for k in range(len(side)):
        kw = near[column[k]]
        if kw >= most[k] * (1.0 - PRIMAL_TOLERANCE):
            side[k] = UPPER
        elif kw <= most[k] * PRIMAL_TOLERANCE:
            side[k] = LOWER
        for e in range(start[k], start[k + 1]):
            value[entry_row[e]] += entry_value[e] * kw
    for r in range(len(room_above)):
        if room_above[r] - value[r] <= PRIMAL_TOLERANCE:
            active[r] = 1
        elif value[r] - room_below[r] <= PRIMAL_TOLERANCE:
            active[r] = -1
