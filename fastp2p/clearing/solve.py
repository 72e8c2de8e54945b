"""Congested books, which the screen could not let through: reduce, solve, check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import COMPILED, HIGHS, NO_LP
from fastp2p.clearing.few_rows import solve_with_few_rows
from fastp2p.clearing.highs import (
    check_lps,
    find_near,
    new_solver,
    share_fairly,
    slices_of,
    solve_at_once,
    solve_in_turn,
)  # fmt: skip
from fastp2p.clearing.rows import ROW_TOLERANCE, entries_per_column
from fastp2p.kernels.clearing.answer import answer_books
from fastp2p.kernels.clearing.certificate import explain_books
from fastp2p.kernels.clearing.face import EDGE, basis_room, face_room, find_face, left_of, reduce_to_face
from fastp2p.kernels.clearing.merging import merge_books
from fastp2p.kernels.clearing.progressive import fill_books
from fastp2p.kernels.clearing.simplex import solve_books
from fastp2p.kernels.clearing.solve import assemble_books, scale_books
from fastp2p.kernels.clearing.waits import find_waits, name_rows
from fastp2p.kernels.structs import Columns, LPs, OwnRows, Rows, one_lp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LP_SOLVERS = ("auto", "compiled", "highs")
UNSOLVED = -1
"""Verdict on a book that has no basis to certify."""
STEPS_PER_LINE = 10
"""Steps of the compiled solver per column and row, at most."""
LARGEST = {"auto": (40_000.0, 4_000_000), "compiled": (np.inf, 2**62)}
"""Up to which size the compiled solver takes a book: entries times their share of the matrix, columns times rows.

The first is where HiGHS overtakes (docs/performance.md), the second keeps its table to 32 MB.
"""
ENTRIES_PER_CHUNK = 2_000_000
"""Matrix entries that are in memory at a time."""


@dataclass(frozen=True, eq=False)
class Curtailment:
    """The answer for n congested books; `curtail` fills its arrays, some books at a time.

    Attributes
    ----------
    share : (n_columns,) float64
        Executed share of every column.
    binding_row : (n_columns,) int64
        The row with the largest shadow price among those of a column; where none has one, the row that a cut column waits
        for; -1 for none.
    dual : (n, n_rows) float64
        Shadow prices of the objective.
    failed, certified : (n,) bool
    solver_code : (n,) int8
        Place in `fastp2p.clearing.answer.SOLVERS`.
    steps : (n,) int64
        Steps of the compiled solver.
    """

    share: Floats
    binding_row: Ints
    dual: Floats
    failed: NDArray[np.bool_]
    certified: NDArray[np.bool_]
    solver_code: NDArray[np.int8]
    steps: Ints


def curtail(
    rows: Rows,
    books: Ints,
    columns: Columns,
    floor_value: Floats,
    objective: str,
    solver: str = "auto",
    own: OwnRows | None = None,
) -> Curtailment:
    """Solve the congested books, some at a time.

    Parameters
    ----------
    rows : Rows
        With the bounds of the books' own rows, if there are any.
    books : (n,) int64
    columns : Columns
    floor_value : (n_books, n_rows) float64
        Row values with nothing executed.
    objective : {"volume", "welfare", "pro_rata"}
    solver : {"auto", "compiled", "highs"}
    own : OwnRows, optional
        Rows that single books have besides; by default none.

    Raises
    ------
    SolverError
        If an LP holds numbers that are not finite.
    """
    n, n_columns = len(books), len(columns.plus)
    answer = Curtailment(
        share=np.ones(n_columns),
        binding_row=np.full(n_columns, -1, np.int64),
        dual=np.zeros((n, floor_value.shape[1])),
        failed=np.zeros(n, bool),
        certified=np.zeros(n, bool),
        solver_code=np.full(n, NO_LP, np.int8),
        steps=np.zeros(n, np.int64),
    )
    own = own or _no_rows(len(floor_value))
    per_chunk = max(1, ENTRIES_PER_CHUNK // max(1, entries_per_column(rows, own)))
    first = 0
    while first < n:  # ends: a chunk has one book at least
        last = max(first + 1, int(np.searchsorted(columns.offset, columns.offset[first] + per_chunk, side="right")) - 1)
        lps, row = _reduce(rows, books, columns, floor_value, range(first, last), own)
        ours = slice(int(columns.offset[first]), int(columns.offset[last]))
        part = Curtailment(
            share=answer.share[ours],
            binding_row=answer.binding_row[ours],
            dual=answer.dual[first:last],
            failed=answer.failed[first:last],
            certified=answer.certified[first:last],
            solver_code=answer.solver_code[first:last],
            steps=answer.steps[first:last],
        )
        if objective == "pro_rata":
            _fill(lps, row, columns.n_trade_columns[first:last], part)
        else:
            _solve(lps, row, solver, part)
        first = last
    return answer


def _reduce(
    rows: Rows, books: Ints, columns: Columns, floor_value: Floats, some: range, own: OwnRows | None = None
) -> tuple[LPs, Ints]:
    """The LPs of the books `some` over the rows that they can break, and which rows these are."""
    own = own or _no_rows(len(floor_value))
    c0, c1, n_rows = int(columns.offset[some.start]), int(columns.offset[some.stop]), floor_value.shape[1]
    room, n = (c1 - c0) * entries_per_column(rows, own), len(some)
    row = np.empty(n * n_rows, np.int64)
    lps = LPs(
        column_offset=columns.offset[some.start : some.stop + 1] - c0,
        row_offset=np.empty(n + 1, np.int64),
        entry_offset=np.empty(n + 1, np.int64),
        start=np.empty(c1 - c0 + n, np.int32),
        entry_row=np.empty(room, np.int32),
        entry_value=np.empty(room),
        most=columns.most_kw[c0:c1].copy(),
        cost=columns.cost[:, c0:c1].copy(),  # both are written to
        room_below=np.empty(n * n_rows),
        room_above=np.empty(n * n_rows),
    )
    assemble_books(books[some.start : some.stop], columns, some.start, floor_value, rows, own, ROW_TOLERANCE, lps, row)
    m, e = int(lps.row_offset[-1]), int(lps.entry_offset[-1])
    lps = lps._replace(
        entry_row=lps.entry_row[:e],
        entry_value=lps.entry_value[:e],
        room_below=lps.room_below[:m],
        room_above=lps.room_above[:m],
    )
    check_lps(lps)
    return lps, row[:m]


def _no_rows(n_books: int) -> OwnRows:
    """No book has rows of its own."""
    return OwnRows(np.empty((n_books, 0, 2), np.int64), np.empty((n_books, 0)))


def _merge(lps: LPs) -> tuple[LPs, Ints]:
    """The LPs with columns that are alike made one, and which of these each column is part of; -1 for none."""
    whole = np.empty(len(lps.most), np.int64)
    merge_books(lps, whole)
    n, e = int(lps.column_offset[-1]), int(lps.entry_offset[-1])
    merged = lps._replace(
        start=lps.start[: n + len(lps.column_offset) - 1],
        entry_row=lps.entry_row[:e],
        entry_value=lps.entry_value[:e],
        most=lps.most[:n],
        cost=np.ascontiguousarray(lps.cost[:, :n]),
    )
    return merged, whole


def _solve(lps: LPs, row: Ints, solver: str, answer: Curtailment) -> None:
    """Merge, solve and prove; by HiGHS what the compiled solver leaves, and by its other ways what is still unproven.

    The books are put into units of their own first, in place.
    """
    size = np.diff(lps.column_offset)
    lps, whole = _merge(lps)
    row_scale = np.empty(len(lps.room_above))
    scale_books(lps, row_scale)
    x, dual, basic = np.zeros(len(lps.most)), np.zeros(len(row)), np.zeros(len(row), np.int32)
    verdict = np.where(np.diff(lps.column_offset), UNSOLVED, 0)  # a book without columns is solved
    answer.solver_code[:] = HIGHS
    if solver != "highs":
        solve_with_few_rows(lps, STEPS_PER_LINE, x, dual, verdict, answer.steps)
        rest = np.flatnonzero(verdict)
        solve_books(rest, lps, *LARGEST[solver], STEPS_PER_LINE, basic, x, verdict, answer.steps)
        answer_books(rest, lps, basic, np.full(len(x), np.nan), x, dual, verdict)
        answer.solver_code[verdict == 0] = COMPILED
    left = np.flatnonzero(verdict)
    if len(left):
        _solve_by_highs(lps, left, basic, x, dual, verdict)
    binding = np.empty(len(x), np.int64)
    explain_books(lps, dual, row, row_scale, binding, answer.dual)
    name_rows(lps, x, row, binding)
    if verdict.any():
        binding[np.repeat(verdict != 0, np.diff(lps.column_offset))] = -1
    share = np.ones(len(x))
    np.divide(x, lps.most, out=share, where=lps.most > 0.0)
    answer.share[:], answer.binding_row[:] = np.append(share, 1.0)[whole], np.append(binding, -1)[whole]
    np.equal(verdict, 0, out=answer.certified)
    np.not_equal(verdict, 0, out=answer.failed)
    if verdict.any():
        answer.share[np.repeat(answer.failed, size)] = 0.0


def _solve_by_highs(lps: LPs, books: Ints, basic: NDArray[np.int32], x: Floats, dual: Floats, verdict: Ints) -> None:
    """Where no attempt can be proven, nothing is executed."""
    solver, nowhere = new_solver(), np.full(len(x), np.nan)
    verdict[books] = np.where(solve_at_once(solver, lps, books, basic, x), 0, UNSOLVED)
    answer_books(books, lps, basic, nowhere, x, dual, verdict)
    for n in books[verdict[books] != 0].tolist():
        one, ours = np.array([n]), slice(int(lps.column_offset[n]), int(lps.column_offset[n + 1]))
        verdict[n] = 0 if solve_in_turn(solver, lps, n, basic, x) else UNSOLVED
        was = x[ours].copy()
        answer_books(one, lps, basic, nowhere, x, dual, verdict)
        near = _near(lps, n, basic, was) if verdict[n] > 0 else None
        if near is not None:
            somewhere = nowhere.copy()
            x[ours], somewhere[ours], verdict[n] = was, near, 0
            answer_books(one, lps, basic, somewhere, x, dual, verdict)
        if verdict[n] != 0:
            x[ours], dual[lps.row_offset[n] : lps.row_offset[n + 1]] = 0.0, 0.0


def _near(lps: LPs, n: int, basic: NDArray[np.int32], x: Floats) -> Floats | None:
    """About where the answer of book n is, by HiGHS's quadratic programme on the face of its optima; None if nobody knows."""
    lp = one_lp(lps, n)
    size, m = len(lp.most), len(lp.room_above)
    near, free, held, face = x.copy(), np.empty(size, np.int64), np.empty(m, np.int64), face_room(size, m, len(lp.entry_row))
    found = find_face(lp, basic[slices_of(lps, n)[1]], basis_room(size, m), near, np.empty((3, m)), free, held)
    if found != EDGE:
        return None
    n_left, m_left = reduce_to_face(lp, near, free, held, face)
    left, stays = left_of(lp, face, n_left, m_left), face.held[:m_left]
    kw = find_near(
        left._replace(
            entry_row=left.entry_row[: left.start[-1]],
            entry_value=left.entry_value[: left.start[-1]],
            room_below=np.where(stays == 1, left.room_above, left.room_below),
            room_above=np.where(stays == -1, left.room_below, left.room_above),
        )
    )
    if kw is not None:
        near[face.column[:n_left]] = kw
    return near if kw is not None else None


def _fill(lps: LPs, row: Ints, n_trade_columns: Ints, answer: Curtailment) -> None:
    """Progressive filling; where it does not come to an end, LPs find the shares that it is after. No multipliers."""
    x, binding = np.zeros(len(lps.most)), np.empty(len(lps.most), np.int64)
    settled = np.empty(len(n_trade_columns), np.int64)
    fill_books(lps, n_trade_columns, x, binding, settled)
    left = np.flatnonzero(settled < np.diff(lps.column_offset))
    answer.solver_code[left] = HIGHS
    for n in left.tolist():
        answer.failed[n] = not _share_out(lps, n, int(n_trade_columns[n]), int(settled[n]), x, binding)
    np.divide(x, lps.most, out=answer.share, where=lps.most > 0.0)
    answer.binding_row[:] = np.append(row, -1)[binding]


def _share_out(lps: LPs, n: int, n_trades: int, settled: int, x: Floats, binding: Ints) -> bool:
    """Max-min fair shares of book n's trades, if these are not `settled`, then of its exports; whether they were found.

    Where they are not, x stays what filling has reached, which keeps all limits.
    """
    column, r, *_ = slices_of(lps, n)
    lp = one_lp(lps, n)
    start, rows, values, most, _, below, above = lp
    found, waits = x[column].copy(), np.empty(len(most), np.int64)
    for first, last in ((0, n_trades), (n_trades, len(most))):
        if first < settled or first == last:
            continue
        taken = np.zeros(len(above))
        begin, end = start[first], start[last]
        np.add.at(taken, rows[:begin], values[:begin] * np.repeat(found[:first], np.diff(start[: first + 1])))
        share = share_fairly(
            start[first : last + 1] - begin, rows[begin:end], values[begin:end], most[first:last],
            np.minimum(below - taken, 0.0), np.maximum(above - taken, 0.0),
        )  # fmt: skip
        if share is None:
            return False
        found[first:last] = share * most[first:last]
    allowed = ROW_TOLERANCE * max(1.0, float(np.abs(values).max(initial=0.0) * most.max(initial=0.0)))
    if find_waits(lp, n_trades, allowed, found, waits) > allowed:
        return False
    x[column], binding[column] = found, np.where(waits >= 0, waits + r.start, -1)
    return True
