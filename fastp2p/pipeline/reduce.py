"""Reduction of a batch that has run: columns of its books, sums of its buses, and whatever the study's tables need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.audit import NOT_AUDITED
from fastp2p.clearing.phase_audit import PhaseAudit
from fastp2p.grid.network import Network
from fastp2p.kernels.devices.sums import sum_energy
from fastp2p.kernels.market.trades import count_pairs
from fastp2p.kernels.settlement.settle import Accounts
from fastp2p.market.trades import Trades, pair_trades
from fastp2p.pipeline.batch import BatchResult
from fastp2p.pipeline.draws import Scenarios

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Column = NDArray[np.float64] | NDArray[np.int64] | NDArray[np.int8] | NDArray[np.bool_] | NDArray[np.str_]
Columns = dict[str, Column]
"""Arrays of one length, by name."""
STATES = ("stored_kwh",)
"""What devices have at the end of a step; of several steps, the last one counts."""
DRAWN_BESIDE = {"background_kwh": 1.0, "community_charged_kwh": 1.0, "community_discharged_kwh": -1.0}
"""What is drawn from the network beside the market, by column of the books, and its sign."""


@dataclass(frozen=True, eq=False)
class BranchFlows:
    """What the branches carry, as the physics of the clearing has it.

    Attributes
    ----------
    physics : str
        Of the clearing: "dc", "lindistflow" or "ac".
    flow_kw, flow_kva : (n_books, n_branch) float64
        Active power, and what loading is of: its size under "dc", apparent power in the linear model else. This and the other
        arrays have a last axis, the phases, in a three-phase study.
    current_percent : (n_books, n_branch) float64 or None
        Loading from current, as an AC power flow has it; NaN where a book is not audited or has no solution, and where nothing
        limits a branch. None without an audit.
    bound : (n_books, n_branch) bool
        Where a limit bound.
    """

    physics: str
    flow_kw: Floats
    flow_kva: Floats
    current_percent: Floats | None
    bound: NDArray[np.bool_]

    @classmethod
    def joined(cls, pieces: Sequence[BranchFlows]) -> BranchFlows:
        """Books one below the other."""
        audited = pieces[0].current_percent is not None
        current = [piece.current_percent for piece in pieces if piece.current_percent is not None]
        flow_kw, flow_kva, bound = (
            np.concatenate([getattr(p, name) for p in pieces]) for name in ("flow_kw", "flow_kva", "bound")
        )
        return cls(
            physics=pieces[0].physics,
            flow_kw=flow_kw,
            flow_kva=flow_kva,
            current_percent=np.concatenate(current) if audited else None,
            bound=bound,
        )


@dataclass(frozen=True, eq=False)
class Reduced:
    """Some scenarios, whole in time.

    Attributes
    ----------
    scenarios : Scenarios
    n_steps : int
    step_hours : float
    books : Columns
        See `book_columns` and `audit_columns`; book k = scenario * n_steps + step.
    status_code : (n_books,) int8
        Place in `fastp2p.market.trades.STATUS`.
    buses : Accounts
        Arrays (n_scenarios, n_participants): sums over the steps; load and PV are without what batteries charge and discharge.
    devices : Columns
        Arrays (n_scenarios, n_participants) of what devices do, over the steps; empty in a study without them.
    trades : Columns or None
        One row per pair that trades.
    branches : BranchFlows or None
    """

    scenarios: Scenarios
    n_steps: int
    step_hours: float
    books: Columns
    status_code: NDArray[np.int8]
    buses: Accounts
    devices: dict[str, Floats]
    trades: Columns | None
    branches: BranchFlows | None

    def by_step(self, name: str) -> Floats:
        """(n_scenarios, n_steps) of a column of the books."""
        return cast(Floats, self.books[name]).reshape(len(self.scenarios.number), self.n_steps)


def reduce_batch(batch: BatchResult, network: Network, tables: Sequence[str]) -> Reduced:
    """Reduce a batch to the arrays that the tables are made from."""
    by_book, by_home = _sums(batch)
    buses = batch.settlement.buses
    if batch.devices:
        buses = buses._replace(load_kwh=by_home.pop("load_kwh"), pv_kwh=by_home.pop("pv_kwh"))
    return Reduced(
        scenarios=batch.scenarios,
        n_steps=len(batch.steps),
        step_hours=batch.step_hours,
        books={**book_columns(batch), **by_book, **audit_columns(batch, network)},
        status_code=batch.clearing.status_code,
        buses=buses,
        devices=by_home,
        trades=trade_columns(batch, network) if "trades" in tables else None,
        branches=_branch_flows(batch, network) if "branches" in tables else None,
    )


def join_steps(pieces: Sequence[Reduced]) -> Reduced:
    """Join the results of the same scenarios over consecutive stretches of steps."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    sums = [sum(values) for values in zip(*(piece.buses for piece in pieces), strict=True)]
    trades = [piece.trades for piece in pieces if piece.trades is not None]
    branches = [piece.branches for piece in pieces if piece.branches is not None]
    return Reduced(
        scenarios=first.scenarios,
        n_steps=sum(piece.n_steps for piece in pieces),
        step_hours=first.step_hours,
        books=join_columns([piece.books for piece in pieces]),
        status_code=np.concatenate([piece.status_code for piece in pieces]),
        buses=Accounts(*sums),
        devices={name: _over_steps(name, [piece.devices[name] for piece in pieces]) for name in first.devices},
        trades=join_columns(trades) if trades else None,
        branches=BranchFlows.joined(branches) if branches else None,
    )


def join_scenarios(scenarios: Scenarios, pieces: Sequence[Reduced]) -> Reduced:
    """Join the results of scenarios that were drawn together and run one stretch of them after the other."""
    first = pieces[0]
    if len(pieces) == 1:
        return first
    buses = (np.concatenate(values) for values in zip(*(piece.buses for piece in pieces), strict=True))
    trades = [piece.trades for piece in pieces if piece.trades is not None]
    branches = [piece.branches for piece in pieces if piece.branches is not None]
    return replace(
        first,
        scenarios=scenarios,
        books=join_columns([piece.books for piece in pieces]),
        status_code=np.concatenate([piece.status_code for piece in pieces]),
        buses=Accounts(*buses),
        devices=cast(dict[str, Floats], join_columns([cast(Columns, piece.devices) for piece in pieces])),
        trades=join_columns(trades) if trades else None,
        branches=BranchFlows.joined(branches) if branches else None,
    )


def join_columns(pieces: Sequence[Columns]) -> Columns:
    """Put columns of the same names one below the other."""
    return pieces[0] if len(pieces) == 1 else {name: np.concatenate([piece[name] for piece in pieces]) for name in pieces[0]}


def book_columns(batch: BatchResult) -> Columns:
    """Arrays (n_books,): the fields of the books' accounts, and numbers that follow from them and from the clearing.

    `slack_kwh` is what the external grids feed in, constant losses of the network included, read off the branch flows; where
    every book is audited, all losses: slack = import - export + losses + what is drawn beside the market. The network
    operator buys the losses at the retail tariff. bill = retailer_revenue + operator_balance.
    `fastp2p.results.columns` has what the tables call each of them.
    """
    books, clearing = batch.settlement.books, batch.clearing
    losses_kwh, losses_cost = _losses(batch)
    steps, n_scenarios = batch.steps, len(batch.scenarios.number)
    beside = _beside_columns(batch)
    co2_kg_per_kwh = np.tile(batch.scenarios.co2_kg_per_kwh[steps.start : steps.stop], n_scenarios)
    return {
        **books._asdict(),
        "matched_kwh": books.bought_kwh + books.cut_kwh,
        "slack_kwh": clearing.slack_kw * batch.step_hours
        if losses_kwh is None
        else books.retail_kwh - books.exported_kwh + drawn_beside(beside) + losses_kwh,
        "n_trades": pairs_per_book(batch.trades, batch.bid_per_kwh.shape[1]),
        "worst_loading_percent": clearing.loading_percent,
        "operator_balance": books.paid + books.charges - books.received - losses_cost,
        "retailer_revenue": books.bill - books.paid - books.charges + books.received + losses_cost,
        "co2_kg": books.retail_kwh * co2_kg_per_kwh,
        "baseline_co2_kg": books.baseline_retail_kwh * co2_kg_per_kwh,
        "is_cut": clearing.is_cut,
        "solver": clearing.solver_code,
        "certified": clearing.certified,
        **beside,
    }


def _beside_columns(batch: BatchResult) -> dict[str, Floats]:
    """Arrays (n_books,) of what is beside the market; nothing in a study without it."""
    columns = dict(batch.devices.shared) if batch.devices else {}
    if batch.beside is not None and batch.scenarios.background is not None:
        columns["background_kwh"] = batch.beside.background_kwh.sum(axis=1)
    return columns


def drawn_beside(columns: Mapping[str, Column]) -> Floats:
    """(n_books,) kWh that background and the community's battery draw, from columns of books."""
    drawn = [sign * cast(Floats, columns[name]) for name, sign in DRAWN_BESIDE.items() if name in columns]
    return sum(drawn, np.zeros(1))


def _sums(batch: BatchResult) -> tuple[dict[str, Floats], dict[str, Floats]]:
    """What devices do, and load and PV without batteries: by book, and over the steps by participant, with background there.

    Nothing in a study without devices.
    """
    devices, by_book, by_home = batch.devices, dict[str, Floats](), dict[str, Floats]()
    of_homes = {"load_kwh": devices.load_kwh, "pv_kwh": devices.pv_kwh, **devices.of} if devices else {}
    n_scenarios, n_steps = len(batch.scenarios.number), len(batch.steps)
    for name, energy in of_homes.items():
        by_book[name], by_home[name] = np.empty(len(energy)), np.zeros((n_scenarios, energy.shape[1]))
        sum_energy(np.ascontiguousarray(energy), n_steps, by_book[name], by_home[name])
        if name in STATES:
            by_home[name] = _by_bus(batch, energy)[:, -1]
    if batch.beside is not None and batch.scenarios.background is not None:
        place = np.searchsorted(batch.scenarios.connected, batch.scenarios.participant)
        by_home["background_kwh"] = _by_bus(batch, batch.beside.background_kwh[:, place]).sum(axis=1)
    return by_book, by_home


def _over_steps(name: str, pieces: Sequence[Floats]) -> Floats:
    """A value over consecutive stretches of steps."""
    return pieces[-1] if name in STATES else sum(pieces, np.zeros(1))


def _by_bus(batch: BatchResult, energy: Floats) -> Floats:
    """(n_scenarios, n_steps, n_participants) of an array by book and participant."""
    return energy.reshape(len(batch.scenarios.number), len(batch.steps), -1)


def pairs_per_book(trades: Trades, n_columns: int) -> Ints:
    """(n_books,) how many pairs of a seller and a buyer trade, whether or not the trades name them."""
    if not trades.pooled:
        return np.diff(trades.offset)
    offset = np.empty_like(trades.offset)
    count_pairs(trades.arrays, n_columns, offset)
    return np.diff(offset)


def _losses(batch: BatchResult) -> tuple[Floats | None, Floats]:
    """Losses in kWh where all books are audited, and their cost; NaN, unknown, in a book that has collapsed."""
    audit, tariff = batch.audit, batch.scenarios.retail_per_kwh[batch.steps.start : batch.steps.stop]
    if audit is None or not audit.is_whole:
        return None, np.zeros(len(batch.clearing.status_code))
    losses_kwh = audit.losses_kw * batch.step_hours
    return losses_kwh, losses_kwh * np.tile(tariff, len(batch.scenarios.number))


def audit_columns(batch: BatchResult, network: Network) -> Columns:
    """Arrays (n_books,) of the results of the audit, NaN where they are unknown; none without an audit."""
    audit = batch.audit
    if audit is None:
        return {}
    bus_id = np.append(network.bus_id.astype(np.float64), np.nan)
    columns: Columns = {
        "lowest_vm_pu": audit.lowest_vm_pu,
        "lowest_vm_bus": bus_id[audit.lowest_bus],
        "highest_vm_pu": audit.highest_vm_pu,
        "highest_vm_bus": bus_id[audit.highest_bus],
        "losses_kwh": audit.losses_kw * batch.step_hours,
        "worst_current_percent": audit.loading_percent,
        "ac_status": audit.code,
        "full_breaks_voltage": audit.full_voltage,
        "full_breaks_current": audit.full_current,
        "needless_cut": audit.needless_cut,
        **({} if audit.phases is None else _phase_columns(audit.phases, bus_id)),
    }
    return columns if not audit.is_whole else {**columns, "losses_cost": _losses(batch)[1]}


def _phase_columns(phases: PhaseAudit, bus_id: Floats) -> Columns:
    """Arrays (n_books,) of what a three-phase audit adds; phases are 0, 1, 2, and -1 where they are unknown."""
    return {
        "lowest_vm_phase": phases.lowest_phase,
        "highest_vm_phase": phases.highest_phase,
        "unbalance_percent": phases.unbalance_percent,
        "unbalance_bus": bus_id[phases.unbalance_bus],
        "neutral_percent": phases.neutral_percent,
        "full_breaks_unbalance": phases.full_unbalance,
        "balanced_breaks_voltage": phases.balanced_voltage,
        "balanced_breaks_current": phases.balanced_current,
    }


def trade_columns(batch: BatchResult, network: Network) -> Columns:
    """One row per pair that trades: who, how much, at what price, and what cut it."""
    clearing = batch.clearing
    pairs, of_trade, executed_kwh = pair_trades(batch.trades, clearing.executed_kwh)
    pairs = pairs.at_prices(batch.bid_per_kwh, batch.ask_per_kwh)
    book, row = pairs.book, clearing.binding_row[of_trade]
    bus_id = np.resize(network.bus_id[batch.scenarios.participant], batch.bid_per_kwh.shape[1])  # those of batteries, too
    pays, gets = batch.prices.buyer_per_kwh[of_trade], batch.prices.seller_per_kwh[of_trade]
    return {
        **batch.scenarios.point_columns(len(book)),
        "scenario": batch.scenarios.number[book // len(batch.steps)],
        "step": batch.steps.start + book % len(batch.steps),
        "seller": bus_id[pairs.seller],
        "buyer": bus_id[pairs.buyer],
        "matched_kwh": pairs.quantity_kwh,
        "executed_kwh": executed_kwh,
        "bid_per_kwh": pairs.bid_per_kwh,
        "ask_per_kwh": pairs.ask_per_kwh,
        "price_per_kwh": pays,
        "seller_price_per_kwh": gets,
        "buyer_benefit": (pairs.bid_per_kwh - pays) * executed_kwh,
        "received": gets * executed_kwh,
        "binding_branch": clearing.layout.name(row),
        "shadow_price": clearing.price_of(book, row),
    }


def _branch_flows(batch: BatchResult, network: Network) -> BranchFlows:
    """What the branches carry, and where books are audited their loading from current."""
    clearing, audit = batch.clearing, batch.audit
    current_percent = None
    if audit is not None:
        books = np.flatnonzero(audit.code != NOT_AUDITED)
        current_percent = np.full(clearing.flow_kw.shape, np.nan)
        flow = audit.solver.flow(network, *clearing.injection.of(books), bus=batch.scenarios.connected)
        current_percent[books] = flow.loading_percent
    flow_kva = np.abs(clearing.flow_kw) if clearing.physics == "dc" else np.hypot(clearing.flow_kw, clearing.flow_kvar)
    return BranchFlows(
        physics=clearing.physics,
        flow_kw=clearing.flow_kw,
        flow_kva=flow_kva,
        current_percent=current_percent,
        bound=clearing.binds,
    )
