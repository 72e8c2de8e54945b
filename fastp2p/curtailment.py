"""Congested books: reduce → solve → check. What the screen of clearing.py could not let through."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import SolverError
from fastp2p.highs import BookLP, Solver, new_solver, solve_at_once, solve_in_turn
from fastp2p.kernels.certificate import certify, strongest_rows
from fastp2p.kernels.clearing import assemble_books, collect_columns
from fastp2p.kernels.progressive import fill_book
from fastp2p.network import Network
from fastp2p.trades import Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OBJECTIVES = ("volume", "welfare", "pro_rata")
ROW_TOLERANCE = 1e-9
"""How far a row may pass its limit, relative to the limit (absolute below 1 kW)."""
PRIMAL_TOLERANCE = 1e-7
DUAL_TOLERANCE = 1e-9
"""Relative to the largest cost of a book."""
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
    book = trades.book
    keys = (book, -trades.bid_per_kwh, trades.ask_per_kwh, trades.seller, trades.buyer)
    ranked = np.lexsort(keys[::-1])
    same = np.zeros(trades.n_trades, bool)
    same[1:] = np.logical_and.reduce([key[ranked][1:] == key[ranked][:-1] for key in keys])

    room = int(np.diff(trades.offset)[books].sum() + np.count_nonzero(export_kw[books] > 0.0))
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
        _curtail_some(rows, books, columns, floor_value, range(first, last), solver, answer)
        first = last
    return answer


def _curtail_some(
    rows: LimitRows, books: Ints, columns: Columns, floor_value: Floats, some: range, solver: Solver | None, answer: Curtailment
) -> None:
    """Reduce, solve and check the books `some`; writes into `answer`."""
    c0, c1 = int(columns.offset[some.start]), int(columns.offset[some.stop])
    offset = columns.offset[some.start : some.stop + 1] - c0
    most_kw, n_rows = columns.most_kw[c0:c1], floor_value.shape[1]
    row_offset, row = np.zeros(len(some) + 1, np.int64), np.empty(len(some) * n_rows, np.int64)
    below, above = np.empty(len(row)), np.empty(len(row))
    room = (c1 - c0) * rows.entries_per_column
    start, entry_row, entry_value = np.empty(c1 - c0 + 1, np.int64), np.empty(room, np.int32), np.empty(room)
    assemble_books(
        books[some.start : some.stop], offset, columns.plus[c0:c1], columns.minus[c0:c1], most_kw, floor_value,
        rows.lower, rows.upper, ROW_TOLERANCE, rows.parent, rows.parent_row, rows.parent_sign, rows.depth,
        rows.dense, ENTRY_ZERO, row_offset, row, below, above, start, entry_row, entry_value,
    )  # fmt: skip
    if not (np.isfinite(entry_value[: start[-1]]).all() and np.isfinite(most_kw).all() and np.isfinite(columns.cost).all()):
        raise SolverError("the coefficients of a book are not finite")

    for n in range(len(some)):
        j, r = slice(int(offset[n]), int(offset[n + 1])), slice(int(row_offset[n]), int(row_offset[n + 1]))
        e = slice(int(start[j.start]), int(start[j.stop]))
        lp = BookLP(
            most_kw[j], columns.cost[:, c0 + j.start : c0 + j.stop], below[r], above[r],
            (start[j.start : j.stop + 1] - e.start).astype(np.int32), entry_row[e], entry_value[e],
        )  # fmt: skip
        x_kw, dual = np.zeros(j.stop - j.start), np.zeros(r.stop - r.start)
        binding = np.empty(len(x_kw), np.int64)
        if solver is None:
            done = _fill(lp, int(columns.n_trade_columns[some.start + n]), x_kw, binding)
        else:
            done = _solve(solver, lp, x_kw, dual)
            strongest_rows(lp.entry_start, lp.entry_row, lp.entry_value, dual, DUAL_TOLERANCE, binding)
        book = some.start + n
        if not done:
            answer.failed[book] = True
            continue
        kept = row[r]
        answer.share[c0 + j.start : c0 + j.stop] = x_kw / lp.most_kw
        answer.dual[book, kept] = dual
        answer.binding_row[c0 + j.start : c0 + j.stop] = np.where(binding >= 0, np.append(kept, -1)[binding], -1)


def _solve(solver: Solver, lp: BookLP, x_kw: Floats, dual: Floats) -> bool:
    """Solve one book and prove the answer; a second time, slower and from scratch, where the first answer has no proof."""
    scale = float(np.abs(lp.cost).max(initial=1.0))
    for attempt in (solve_at_once, solve_in_turn):
        found = attempt(solver, lp)
        if found is None:
            continue
        basic, x_kw[:] = found
        verdict = certify(
            lp.entry_start, lp.entry_row, lp.entry_value, lp.most_kw, lp.cost, lp.room_below, lp.room_above, basic,
            PRIMAL_TOLERANCE, DUAL_TOLERANCE * scale, x_kw, dual,
        )  # fmt: skip
        if verdict == 0:
            return True
    x_kw[:] = 0.0
    dual[:] = 0.0
    return False


def _fill(lp: BookLP, n_trades: int, x_kw: Floats, binding: Ints) -> bool:
    """Progressive filling of one book."""
    rounds = 100 + 10 * (len(x_kw) + len(lp.room_above))
    return fill_book(
        lp.entry_start, lp.entry_row, lp.entry_value, lp.most_kw, n_trades, lp.room_below, lp.room_above,
        FILL_TOLERANCE, rounds, x_kw, binding,
    )  # fmt: skip


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
