"""Congested books, which the screen could not let through: reduce, solve, check."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import COMPILED, HIGHS, NO_LP
from fastp2p.clearing.columns import Columns
from fastp2p.clearing.highs import BookLPs, new_solver, share_fairly, solve_at_once, solve_in_turn
from fastp2p.clearing.rows import ROW_TOLERANCE, LimitRows
from fastp2p.kernels.clearing.certificate import certify_books, explain_books
from fastp2p.kernels.clearing.curtailment import assemble_books, scale_books
from fastp2p.kernels.clearing.progressive import fill_books
from fastp2p.kernels.clearing.simplex import solve_books
from fastp2p.kernels.clearing.waits import find_waits, name_rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LP_SOLVERS = ("auto", "compiled", "highs")
PRIMAL_TOLERANCE = 1e-9
DUAL_TOLERANCE = 1e-9
"""Reduced costs (of order 1) up to this size count as zero."""
UNSOLVED = -1
"""Verdict on a book that has no basis to certify."""
STEP_TOLERANCE = 1e-12
"""By how much the compiled solver may leave a bound broken, in units of the book's largest column."""
STEPS_PER_LINE = 10
"""Steps of the compiled solver per column and row, at most."""
LARGEST = {"auto": (40_000.0, 4_000_000), "compiled": (np.inf, 2**62)}
"""Up to which size the compiled solver takes a book: entries times their share of the matrix, columns times rows.

The first is where HiGHS overtakes (docs/performance.md), the second keeps its table to 32 MB.
"""
FILL_TOLERANCE = 1e-9
ENTRY_ZERO = 1e-11
"""Dense sensitivities (of order 1) up to this size are rounding errors."""
ENTRIES_PER_CHUNK = 2_000_000
"""Matrix entries that are held at a time."""


@dataclass(frozen=True, eq=False)
class Curtailment:
    """The answer for n congested books.

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
    rows: LimitRows, books: Ints, columns: Columns, floor_value: Floats, objective: str, solver: str = "auto"
) -> Curtailment:
    """Solve the congested books, some at a time.

    Parameters
    ----------
    rows : LimitRows
    books : (n,) int64
    columns : Columns
    floor_value : (n_books, n_rows) float64
        Row values with nothing executed.
    objective : {"volume", "welfare", "pro_rata"}
    solver : {"auto", "compiled", "highs"}

    Raises
    ------
    SolverError
        If an LP holds numbers that are not finite.
    """
    n, n_columns = len(books), len(columns.plus)
    answer = Curtailment(
        np.ones(n_columns), np.full(n_columns, -1, np.int64), np.zeros((n, floor_value.shape[1])),
        np.zeros(n, bool), np.zeros(n, bool), np.full(n, NO_LP, np.int8), np.zeros(n, np.int64),
    )  # fmt: skip
    per_chunk = max(1, ENTRIES_PER_CHUNK // max(1, rows.entries_per_column))
    first = 0
    while first < n:  # ends: a chunk has one book at least
        last = max(first + 1, int(np.searchsorted(columns.offset, columns.offset[first] + per_chunk, side="right")) - 1)
        lps, row = _reduce(rows, books, columns, floor_value, range(first, last))
        ours = slice(int(columns.offset[first]), int(columns.offset[last]))
        part = Curtailment(
            answer.share[ours], answer.binding_row[ours], answer.dual[first:last], answer.failed[first:last],
            answer.certified[first:last], answer.solver_code[first:last], answer.steps[first:last],
        )  # fmt: skip
        if objective == "pro_rata":
            _fill(lps, row, columns.n_trade_columns[first:last], part)
        else:
            _solve(lps, row, solver, part)
        first = last
    return answer


def _reduce(rows: LimitRows, books: Ints, columns: Columns, floor_value: Floats, some: range) -> tuple[BookLPs, Ints]:
    """The LPs of the books `some` over the rows that they can break, and which rows these are."""
    c0, c1, n_rows = int(columns.offset[some.start]), int(columns.offset[some.stop]), floor_value.shape[1]
    column_offset = columns.offset[some.start : some.stop + 1] - c0
    row_offset, entry_offset = np.empty(len(some) + 1, np.int64), np.empty(len(some) + 1, np.int64)
    row, below, above = np.empty(len(some) * n_rows, np.int64), np.empty(len(some) * n_rows), np.empty(len(some) * n_rows)
    room = (c1 - c0) * rows.entries_per_column
    start, entry_row, entry_value = np.empty(c1 - c0 + len(some), np.int32), np.empty(room, np.int32), np.empty(room)
    assemble_books(
        books[some.start : some.stop], column_offset, columns.plus[c0:c1], columns.minus[c0:c1], columns.most_kw[c0:c1],
        floor_value, rows.lower, rows.upper, ROW_TOLERANCE, rows.parent, rows.parent_row, rows.parent_sign, rows.depth,
        rows.face, rows.plus_kvar, rows.minus_kvar, rows.dense_plus, rows.dense_minus, ENTRY_ZERO, row_offset, row, below,
        above, entry_offset, start, entry_row, entry_value,
    )  # fmt: skip
    m, e = int(row_offset[-1]), int(entry_offset[-1])
    cost = np.ascontiguousarray(columns.cost[:, c0:c1])
    lps = BookLPs(
        column_offset=column_offset, row_offset=row_offset, entry_offset=entry_offset, start=start, entry_row=entry_row[:e],
        entry_value=entry_value[:e], most=columns.most_kw[c0:c1].copy(), cost=cost, room_below=below[:m], room_above=above[:m],
    )  # fmt: skip
    return lps, row[:m]


def _solve(lps: BookLPs, row: Ints, solver: str, answer: Curtailment) -> None:
    """Solve and prove; by HiGHS what the compiled solver leaves, and once more, criterion by criterion, what is still unproven.

    The books are put into units of their own first, in place.
    """
    row_scale = np.empty(len(lps.room_above))
    scale_books(
        lps.column_offset, lps.row_offset, lps.entry_offset, lps.entry_row, lps.entry_value, lps.most, lps.room_below,
        lps.room_above, row_scale,
    )  # fmt: skip
    x, dual, basic = np.zeros(len(lps.most)), np.zeros(len(row)), np.zeros(len(row), np.int32)
    verdict = np.full(len(answer.failed), UNSOLVED)
    answer.solver_code[:] = HIGHS
    if solver != "highs":
        solve_books(
            lps.column_offset, lps.row_offset, lps.entry_offset, lps.start, lps.entry_row, lps.entry_value, lps.most, lps.cost,
            lps.room_below, lps.room_above, STEP_TOLERANCE, DUAL_TOLERANCE, *LARGEST[solver], STEPS_PER_LINE, basic, x,
            verdict, answer.steps,
        )  # fmt: skip
        _certify(lps, np.arange(len(verdict)), basic, x, dual, verdict)
        answer.solver_code[verdict == 0] = COMPILED
    left = np.flatnonzero(verdict)
    if len(left):
        _solve_by_highs(lps, left, basic, x, dual, verdict)
    explain_books(
        lps.column_offset, lps.row_offset, lps.entry_offset, lps.start, lps.entry_row, lps.entry_value, dual, row, row_scale,
        DUAL_TOLERANCE, answer.binding_row, answer.dual,
    )  # fmt: skip
    name_rows(
        lps.column_offset, lps.row_offset, lps.entry_offset, lps.start, lps.entry_row, lps.entry_value, lps.most,
        lps.room_below, lps.room_above, x, row, 10.0 * PRIMAL_TOLERANCE, answer.binding_row,
    )  # fmt: skip
    answer.binding_row[np.repeat(verdict != 0, np.diff(lps.column_offset))] = -1
    np.divide(x, lps.most, out=answer.share, where=lps.most > 0.0)
    np.equal(verdict, 0, out=answer.certified)
    np.not_equal(verdict, 0, out=answer.failed)


def _solve_by_highs(lps: BookLPs, books: Ints, basic: NDArray[np.int32], x: Floats, dual: Floats, verdict: Ints) -> None:
    """Where neither attempt can be proven, nothing is executed."""
    solver = new_solver()
    verdict[books] = np.where(solve_at_once(solver, lps, books, basic, x), 0, UNSOLVED)
    _certify(lps, books, basic, x, dual, verdict)
    for n in books[verdict[books] != 0].tolist():
        verdict[n] = 0 if solve_in_turn(solver, lps, n, basic, x) else UNSOLVED
        _certify(lps, np.array([n]), basic, x, dual, verdict)
        if verdict[n] != 0:
            x[lps.column_offset[n] : lps.column_offset[n + 1]] = 0.0
            dual[lps.row_offset[n] : lps.row_offset[n + 1]] = 0.0


def _certify(lps: BookLPs, books: Ints, basic: NDArray[np.int32], x: Floats, dual: Floats, verdict: Ints) -> None:
    certify_books(
        books, lps.column_offset, lps.row_offset, lps.entry_offset, lps.start, lps.entry_row, lps.entry_value, lps.most,
        lps.cost, lps.room_below, lps.room_above, basic, PRIMAL_TOLERANCE, DUAL_TOLERANCE, x, dual, verdict,
    )  # fmt: skip


def _fill(lps: BookLPs, row: Ints, n_trade_columns: Ints, answer: Curtailment) -> None:
    """Progressive filling; where it does not come to an end, LPs find the shares that it is after. No multipliers."""
    x, binding = np.zeros(len(lps.most)), np.empty(len(lps.most), np.int64)
    settled = np.empty(len(n_trade_columns), np.int64)
    fill_books(
        lps.column_offset, lps.row_offset, lps.entry_offset, lps.start, lps.entry_row, lps.entry_value, lps.most,
        n_trade_columns, lps.room_below, lps.room_above, FILL_TOLERANCE, x, binding, settled,
    )  # fmt: skip
    left = np.flatnonzero(settled < np.diff(lps.column_offset))
    answer.solver_code[left] = HIGHS
    for n in left.tolist():
        answer.failed[n] = not _share_out(lps, n, int(n_trade_columns[n]), int(settled[n]), x, binding)
    np.divide(x, lps.most, out=answer.share, where=lps.most > 0.0)
    answer.binding_row[:] = np.append(row, -1)[binding]


def _share_out(lps: BookLPs, n: int, n_trades: int, settled: int, x: Floats, binding: Ints) -> bool:
    """Max-min fair shares of book n's trades, if these are not `settled`, then of its exports; whether they were found.

    Where they are not, x stays what filling has reached, which keeps all limits.
    """
    column, r, entry, places = lps.slices[n]
    start, rows, values = lps.start[places], lps.entry_row[entry], lps.entry_value[entry]
    most, below, above = lps.most[column], lps.room_below[r], lps.room_above[r]
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
    if find_waits(start, rows, values, most, n_trades, below, above, allowed, found, waits) > allowed:
        return False
    x[column], binding[column] = found, np.where(waits >= 0, waits + r.start, -1)
    return True
