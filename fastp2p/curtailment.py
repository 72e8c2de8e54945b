"""Congested books: reduce → solve → check. What the screen of clearing.py could not let through."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fastp2p.highs import BookLPs, Solver, new_solver, solve_at_once, solve_in_turn
from fastp2p.kernels.certificate import certify_books, strongest_rows
from fastp2p.kernels.clearing import assemble_books, collect_columns
from fastp2p.kernels.progressive import fill_books
from fastp2p.network import Network
from fastp2p.trades import Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OBJECTIVES = ("volume", "welfare", "pro_rata")
ROW_TOLERANCE = 1e-9
"""How far a row may pass its limit, relative to the limit (absolute below 1 kW)."""
PRIMAL_TOLERANCE = 1e-7
DUAL_TOLERANCE = 1e-9
"""Reduced costs (of order 1) up to this size count as zero."""
UNSOLVED = -1
"""Verdict on a book that HiGHS left without a basis."""
FILL_TOLERANCE = 1e-9
ENTRY_ZERO = 1e-11
"""Dense sensitivities (of order 1) up to this size are rounding errors."""
ENTRIES_PER_CHUNK = 2_000_000
"""Matrix entries that are held at a time."""


@dataclass(frozen=True, eq=False)
class LimitRows:
    """Limit rows lower ≤ value ≤ upper, and where their entries come from (`kernels.clearing.assemble_books`)."""

    lower: Floats
    upper: Floats
    parent: Ints
    parent_row: Ints
    parent_sign: Floats
    depth: Ints
    dense: Floats

    @classmethod
    def of(cls, network: Network) -> LimitRows:
        """A row per branch: tree rows on radial networks, PTDF rows on meshed ones (made on first use)."""
        upper = network.limit_kw
        if network.is_radial:
            tree = network.tree
            none = np.empty((0, network.n_bus))
            return cls(-upper, upper, tree.parent, tree.parent_branch, tree.parent_sign, tree.depth, none)
        root = np.full(network.n_bus, -1, np.int64)
        flat = np.zeros(network.n_bus, np.int64)
        return cls(-upper, upper, root, root, np.zeros(network.n_bus), flat, network.ptdf)

    @property
    def entries_per_column(self) -> int:
        """The most entries that a column can have."""
        return 2 * int(self.depth.max(initial=0)) + len(self.dense)


@dataclass(frozen=True, eq=False)
class Columns:
    """LP columns of congested books: trades in rank, then exports.

    Attributes
    ----------
    offset : (n + 1,) int64
        Columns of the n books.
    plus, minus : (n_columns,) int64
        Where a column injects and draws; -1 for none.
    most_kw : (n_columns,) float64, kW
    cost : (3, n_columns) float64
        Objective, exports, tie-break.
    column_of : (n_trades,) int64
        Column of every trade; -1 in books that are not congested.
    n_trade_columns : (n,) int64
    """

    offset: Ints
    plus: Ints
    minus: Ints
    most_kw: Floats
    cost: Floats
    column_of: Ints
    n_trade_columns: Ints

    @property
    def place(self) -> Ints:
        """(n_columns,) place of every column's book among the n."""
        return np.repeat(np.arange(len(self.offset) - 1), np.diff(self.offset))

    @property
    def is_export(self) -> NDArray[np.bool_]:
        """(n_columns,) whether a column is an export."""
        flags: NDArray[np.bool_] = self.cost[1] > 0.0
        return flags


@dataclass(frozen=True, eq=False)
class Curtailment:
    """The answer for n congested books.

    Attributes
    ----------
    share : (n_columns,) float64
        Executed share of every column.
    binding_row : (n_columns,) int64
        The row with the largest shadow price among those of a column; -1 for none.
    dual : (n, n_rows) float64
        Shadow prices of the objective.
    failed : (n,) bool
    """

    share: Floats
    binding_row: Ints
    dual: Floats
    failed: NDArray[np.bool_]


def collect(books: Ints, trades: Trades, export_kw: Floats, objective: str, retail: bool, step_hours: float) -> Columns:
    """Columns of the congested books; trades between the same buses at the same prices are one column."""
    size = np.diff(trades.offset)[books]
    ours = np.repeat(trades.offset[books] - np.cumsum(size) + size, size) + np.arange(size.sum())
    book, seller, buyer = np.repeat(books, size), trades.seller[ours], trades.buyer[ours]
    keys = (book, -trades.bid_per_kwh[ours], trades.ask_per_kwh[ours], seller, buyer)
    order = np.lexsort(keys[::-1])
    ranked, same = np.empty(trades.n_trades, np.int64), np.zeros(trades.n_trades, bool)
    ranked[ours] = ours[order]
    same[ours[1:]] = np.logical_and.reduce([key[order][1:] == key[order][:-1] for key in keys])

    room = int(size.sum() + np.count_nonzero(export_kw[books] > 0.0))
    weight = trades.bid_per_kwh - trades.ask_per_kwh if objective == "welfare" else np.ones(trades.n_trades)
    offset = np.zeros(len(books) + 1, np.int64)
    plus, minus, most_kw, cost = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room), np.zeros((3, room))
    column_of, n_trade_columns = np.full(trades.n_trades, -1, np.int64), np.empty(len(books), np.int64)
    collect_columns(
        books, trades.offset, ranked, same, trades.seller, trades.buyer, trades.quantity_kwh / step_hours, weight, export_kw,
        retail, offset, plus, minus, most_kw, cost, column_of, n_trade_columns,
    )  # fmt: skip
    end = int(offset[-1])
    cost = np.ascontiguousarray(cost[:, :end])
    rank = np.arange(end) - np.repeat(offset[:-1], np.diff(offset))
    cost[2] = _tie_break(int(rank.max(initial=0)) + 1)[rank]
    return Columns(offset, plus[:end], minus[:end], most_kw[:end], cost, column_of, n_trade_columns)


def curtail(rows: LimitRows, books: Ints, columns: Columns, floor_value: Floats, objective: str) -> Curtailment:
    """Solve the congested books, some at a time.

    Parameters
    ----------
    rows : LimitRows
    books : (n,) int64
    columns : Columns
    floor_value : (n_books, n_rows) float64
        Row values with nothing executed.
    objective : {"volume", "welfare", "pro_rata"}

    Raises
    ------
    SolverError
        If an LP holds numbers that are not finite.
    """
    answer = Curtailment(
        np.zeros(len(columns.plus)),
        np.full(len(columns.plus), -1, np.int64),
        np.zeros((len(books), floor_value.shape[1])),
        np.zeros(len(books), bool),
    )
    solver = None if objective == "pro_rata" else new_solver()
    per_chunk = max(1, ENTRIES_PER_CHUNK // max(1, rows.entries_per_column))
    first = 0
    while first < len(books):
        last = max(first + 1, int(np.searchsorted(columns.offset, columns.offset[first] + per_chunk, side="right")) - 1)
        lps, row = _reduce(rows, books, columns, floor_value, range(first, last))
        if solver is None:
            x_kw, dual, binding, done = _fill(lps, columns.n_trade_columns[first:last])
        else:
            x_kw, dual, binding, done = _solve(solver, lps)
        ours = slice(int(columns.offset[first]), int(columns.offset[last]))
        answer.share[ours] = x_kw / lps.most_kw
        answer.binding_row[ours] = np.append(row, -1)[binding]
        answer.dual[np.repeat(np.arange(first, last), np.diff(lps.row_offset)), row] = dual
        answer.failed[first:last] = ~done
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
        rows.dense, ENTRY_ZERO, row_offset, row, below, above, entry_offset, start, entry_row, entry_value,
    )  # fmt: skip
    m, e = int(row_offset[-1]), int(entry_offset[-1])
    cost = np.ascontiguousarray(columns.cost[:, c0:c1])
    lps = BookLPs(
        column_offset, row_offset, entry_offset, start, entry_row[:e], entry_value[:e], columns.most_kw[c0:c1], cost,
        below[:m], above[:m],
    )  # fmt: skip
    return lps, row[:m]


def _solve(solver: Solver, lps: BookLPs) -> tuple[Floats, Floats, Ints, NDArray[np.bool_]]:
    """Solve and prove; once more, slower and from scratch, where the first answer has no proof.

    Returns values, multipliers of the objective, each column's strongest row, and which books are proven.
    """
    x_kw, dual = np.zeros(len(lps.most_kw)), np.zeros(len(lps.room_above))
    basic = np.zeros(len(dual), np.int32)
    solved = solve_at_once(solver, lps, basic, x_kw)
    verdict = np.where(solved, 0, UNSOLVED)
    _certify(lps, np.arange(len(verdict)), basic, x_kw, dual, verdict)
    for n in np.flatnonzero(verdict != 0).tolist():
        verdict[n] = 0 if solve_in_turn(solver, lps, n, basic, x_kw) else UNSOLVED
        _certify(lps, np.array([n]), basic, x_kw, dual, verdict)
        if verdict[n] != 0:
            x_kw[lps.column_offset[n] : lps.column_offset[n + 1]] = 0.0
            dual[lps.row_offset[n] : lps.row_offset[n + 1]] = 0.0
    binding = np.empty(len(x_kw), np.int64)
    strongest_rows(
        lps.column_offset, lps.row_offset, lps.entry_offset, lps.start, lps.entry_row, lps.entry_value, dual,
        DUAL_TOLERANCE, binding,
    )  # fmt: skip
    return x_kw, dual, binding, verdict == 0


def _certify(lps: BookLPs, books: Ints, basic: NDArray[np.int32], x_kw: Floats, dual: Floats, verdict: Ints) -> None:
    certify_books(
        books, lps.column_offset, lps.row_offset, lps.entry_offset, lps.start, lps.entry_row, lps.entry_value, lps.most_kw,
        lps.cost, lps.room_below, lps.room_above, basic, PRIMAL_TOLERANCE, DUAL_TOLERANCE, x_kw, dual, verdict,
    )  # fmt: skip


def _fill(lps: BookLPs, n_trade_columns: Ints) -> tuple[Floats, Floats, Ints, NDArray[np.bool_]]:
    """Progressive filling; the same outputs as `_solve`, without multipliers."""
    x_kw, binding = np.zeros(len(lps.most_kw)), np.empty(len(lps.most_kw), np.int64)
    done = np.empty(len(n_trade_columns), bool)
    fill_books(
        lps.column_offset, lps.row_offset, lps.entry_offset, lps.start, lps.entry_row, lps.entry_value, lps.most_kw,
        n_trade_columns, lps.room_below, lps.room_above, FILL_TOLERANCE, x_kw, binding, done,
    )  # fmt: skip
    x_kw[np.repeat(~done, np.diff(lps.column_offset))] = 0.0
    return x_kw, np.zeros(len(lps.room_above)), binding, done


@cache
def _tie_break(n: int) -> Floats:
    """The first n of a decreasing sequence of weights in which no two different sums of terms are equal: 1/√prime.

    Square roots of different primes are linearly independent over the rationals (Besicovitch 1940).
    """
    primes: list[int] = []
    candidate = 2
    while len(primes) < n:
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    weights: Floats = 1.0 / np.sqrt(np.array(primes, np.float64))
    return weights
