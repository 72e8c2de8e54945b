"""What is executed of the books of a clearing: everything at first, less where it is cut."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import BASE_OVERLOAD, CLEARED, FAILED, FREE, NO_LP, Clearing, Injection, InnerPrices, nothing
from fastp2p.clearing.columns import collect
from fastp2p.clearing.connection import OnPhases
from fastp2p.clearing.limits import Limits
from fastp2p.clearing.reactive import Kvar
from fastp2p.clearing.rows import ROW_TOLERANCE
from fastp2p.clearing.solve import curtail
from fastp2p.kernels.clearing.execution import CUT, execute_books, inject_trades, share_among_buyers
from fastp2p.kernels.clearing.nested import Filled, fill_nested_books
from fastp2p.market.trades import Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Order:
    """What a clearing is asked for; see `fastp2p.clear`."""

    limits: Limits
    trades: Trades
    export_kw: Floats
    base_kw: Floats
    reactive: Kvar | None
    phases: OnPhases | None
    objective: str
    retail: bool
    step_hours: float
    solver: str

    def inject(self) -> tuple[Injection, Injection]:
        """Injections with nothing executed, and with everything."""
        trades, export = self.trades, self.export_kw
        if self.phases:
            return self.phases.inject(trades, trades.quantity_kwh, export, self.step_hours, self.retail)
        floor_kw, full_kw = np.empty_like(self.base_kw), np.empty_like(self.base_kw)
        inject_trades(self.base_kw, export, trades.arrays, self.step_hours, self.retail, floor_kw, full_kw)
        floor_kvar, full_kvar = self.kvar(trades.quantity_kwh, export)
        return Injection(floor_kw, floor_kvar), Injection(full_kw, full_kvar)

    def executed(self, clearing: Clearing, kw: Floats) -> Injection:
        """Injections with what is executed; `kw` are those of buses."""
        if self.phases:
            how = (clearing.executed_kwh, clearing.exported_kw, self.step_hours, self.retail)
            return self.phases.inject(self.trades, *how)[1]
        return Injection(kw, self.kvar(clearing.executed_kwh, clearing.exported_kw)[1])

    def kvar(self, executed_kwh: Floats, exported_kw: Floats) -> tuple[Floats, Floats]:
        """Reactive injections with nothing executed, and with these trades and exports."""
        if self.reactive is None:
            return nothing(exported_kw.shape), nothing(exported_kw.shape)
        return self.reactive.inject(self.trades, executed_kwh, exported_kw, self.step_hours, self.retail)


def execute_all(order: Order) -> Clearing:
    """Everything executed, and which books a limit does not let do that."""
    limits, trades, export = order.limits, order.trades, order.export_kw
    floor, full = order.inject()
    screen = limits.screen(floor, full)
    code = np.where(screen.overload == 1, BASE_OVERLOAD, np.where(screen.congested == 1, CLEARED, FREE)).astype(np.int8)
    executed_kwh = trades.quantity_kwh.copy()
    return Clearing(
        executed_kwh=executed_kwh,
        bought_kwh=executed_kwh,
        exported_kw=export.copy(),
        floor=floor,
        full=full,
        injection=full,
        slack_kw=screen.slack_kw,
        loading_percent=screen.loading_percent,
        status_code=code,
        binding_row=np.full(trades.n_trades, -1, np.int64),
        congested_book=np.flatnonzero(screen.congested),
        dual=np.empty((0, limits.layout.n_rows)),
        solver_code=np.full(len(export), NO_LP, np.int8),
        certified=np.ones(len(export), bool),
        layout=limits.layout,
        flows=limits.flows,
    )


def cut(order: Order, clearing: Clearing, books: Ints, tightening: Floats | float = 0.0) -> Clearing:
    """The clearing with these books cut to what their limits let through.

    Parameters
    ----------
    order : Order
    clearing : Clearing
        Its arrays are written to.
    books : (n,) int64
    tightening : (n, n_rows) float64
        Added to the values of the rows, so that so much less is left to their limits.
    """
    if not len(books):
        return clearing
    floor = clearing.floor.of(books)
    values = order.limits.values(floor) + tightening
    kw = np.zeros(order.export_kw.shape) if order.phases else clearing.injection.kw
    kw = kw.copy() if clearing.injection is clearing.full else kw
    filled = Filled(
        executed_kwh=clearing.executed_kwh,
        binding_row=clearing.binding_row,
        exported_kw=clearing.exported_kw,
        injected_kw=kw,
        dual=np.zeros(values.shape),
        cutting=np.zeros(values.shape, bool),
        proven=np.zeros(len(books), bool),
        loading_percent=clearing.loading_percent,
        slack_kw=clearing.slack_kw,
    )
    nest = order.limits.nest if order.retail and order.solver == "auto" else None
    if nest is not None:
        fill_nested_books(
            books, order.trades.arrays, order.export_kw, values, clearing.floor.kw, nest, ROW_TOLERANCE,
            order.objective == "welfare", order.objective != "pro_rata", order.step_hours, filled,
        )  # fmt: skip
    left = np.flatnonzero(~filled.proven)
    inner_price = _solve(order, clearing, books[left], values[left], left, filled)
    injection = order.executed(clearing, kw)
    if len(left):
        screen = order.limits.screen(floor.of(left), injection.of(books[left]))
        clearing.loading_percent[books[left]], clearing.slack_kw[books[left]] = screen.loading_percent, screen.slack_kw
    dual = order.limits.layout.per_limit(values, filled.dual, order.step_hours, order.objective == "volume")
    congested, cutting = books, filled.cutting
    if books is not clearing.congested_book:
        earlier, shape = ~np.isin(clearing.congested_book, books), (len(clearing.congested_book), dual.shape[1])
        known = clearing.dual if len(clearing.dual) else np.zeros(shape)
        known_cutting = np.zeros(shape, bool) if clearing.cutting is None else clearing.cutting
        congested = np.concatenate([clearing.congested_book[earlier], books])
        dual, cutting = np.concatenate([known[earlier], dual]), np.concatenate([known_cutting[earlier], cutting])
    bought_kwh = clearing.bought_kwh
    if order.trades.pooled:
        bought_kwh = bought_kwh.copy() if bought_kwh is clearing.executed_kwh else bought_kwh
        share_among_buyers(books, order.trades.arrays, clearing.executed_kwh, bought_kwh)
    return replace(
        clearing,
        bought_kwh=bought_kwh,
        injection=injection,
        congested_book=congested,
        dual=dual,
        cutting=cutting,
        inner_price=inner_price,
    )


def _solve(order: Order, clearing: Clearing, some: Ints, values: Floats, left: Ints, filled: Filled) -> InnerPrices | None:
    """LPs for the books that filling has not proven, or did not look at: those at places `left` of what is filled."""
    if not len(some):
        return None
    trades, limits, n_rows = order.trades, order.limits, values.shape[1]
    columns = collect(some, trades, order.export_kw, order.objective, order.retail, order.step_hours)
    at = limits.terminals(some, columns)
    rows, values, kinks = limits.with_kinks(values)
    own = None if kinks is None else kinks.own
    answer = curtail(rows, np.arange(len(some)), at, values, order.objective, order.solver, own)
    clearing.status_code[some[answer.failed]] = FAILED
    clearing.solver_code[some], clearing.certified[some] = answer.solver_code, answer.certified
    row, book = answer.binding_row, np.repeat(np.arange(len(some)), np.diff(columns.offset))
    is_cut = (answer.share < 1.0 - CUT) & (row >= 0) & (row < n_rows)
    filled.dual[left], filled.cutting[left] = answer.dual[:, :n_rows], False
    filled.cutting[left[book[is_cut]], row[is_cut]] = True
    inner_price = None
    if kinks is not None:
        row, k = kinks.in_layout(row, book, n_rows), slice(n_rows, None)
        inner_price = kinks.prices(some, values[:, k], order.step_hours * answer.dual[:, k])
    floor_kw = np.zeros(order.export_kw.shape) if order.phases else clearing.floor.kw  # on phases they are injected after it
    execute_books(
        some, trades.arrays, order.step_hours, order.retail, columns, answer.share, row, floor_kw, filled.executed_kwh,
        filled.binding_row, filled.exported_kw, filled.injected_kw,
    )  # fmt: skip
    return inner_price
