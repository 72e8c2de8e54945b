"""One batch of books through all stages: devices → orders → matching and pricing → clearing → settlement."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.clearing.answer import Clearing, Injection
from fastp2p.clearing.audit import Audit, Uncontrolled, audit
from fastp2p.clearing.audit_sample import draw_sample
from fastp2p.clearing.clear import clear
from fastp2p.clearing.connection import BALANCED, Connection
from fastp2p.clearing.reactive import Reactive, kvar_per_kw
from fastp2p.grid.network import Network
from fastp2p.grid.runpp import runpp_solver
from fastp2p.market.orders import leave_over, make_orders
from fastp2p.market.rules import RULES, Prices
from fastp2p.market.trades import Leftovers, Trades
from fastp2p.market.trading import trade_by_rule
from fastp2p.pipeline.background import Beside, at_buses, find_beside, of_participants
from fastp2p.pipeline.devices import DeviceRun, home_energy, run_devices
from fastp2p.pipeline.draws import Scenarios
from fastp2p.profiles.profiles import Profiles
from fastp2p.settlement.settle import Settlement, settle
from fastp2p.study.model import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class BatchResult:
    """Arrays of one batch: book k is step ``steps[k % len(steps)]`` of scenario k // len(steps).

    Columns of arrays, sellers and buyers are places in `Scenarios.participant`: a bus where nobody takes part is no column.
    Bids and asks are those of the participants, a row per scenario or book; trades have the prices that the auction saw.
    Load includes what devices draw, and PV what batteries discharge; `devices` has these, in arrays (n_books, n_participants).
    Columns of `clearing` and of `beside`, what the network carries beside the market, are those of `Scenarios.connected`.
    """

    __repr__ = short_repr
    scenarios: Scenarios
    steps: range
    step_hours: float
    load_kwh: Floats
    pv_kwh: Floats
    left: Leftovers
    bid_per_kwh: Floats
    ask_per_kwh: Floats
    trades: Trades
    prices: Prices
    clearing: Clearing
    settlement: Settlement
    audit: Audit | None
    devices: DeviceRun | None = None
    beside: Beside | None = None


def run_batch(
    study: Study,
    network: Network,
    profiles: Profiles,
    scenarios: Scenarios,
    steps: range,
    devices: DeviceRun | None = None,
) -> BatchResult:
    """Run some scenarios of a study through some time steps.

    Parameters
    ----------
    study : Study
    network : Network
        With the study's limits.
    profiles : Profiles
    scenarios : Scenarios
        As `fastp2p.pipeline.draws.draw_scenarios` gives them.
    steps : range
        Consecutive steps.
    devices : DeviceRun, optional
        As `fastp2p.pipeline.devices.run_devices` gives it for these scenarios, made once where they are run in several
        stretches of steps; it is made here by default.
    """
    market, rules, hours = study.market, study.clearing, profiles.step_hours
    who = scenarios.participant
    load_kwh, pv_kwh = home_energy(profiles, scenarios, steps)
    ran = devices or run_devices(study, profiles, scenarios)
    devices = ran.of_books(steps) if ran else None
    if devices:
        devices.join(load_kwh, pv_kwh)

    orders = make_orders(load_kwh, pv_kwh, orders=market.orders, min_order_kwh=market.min_order_kwh, check=False)
    retail_per_kwh, feed_in_per_kwh = (
        np.tile(tariff[steps.start : steps.stop], len(scenarios.number))
        for tariff in (scenarios.retail_per_kwh, scenarios.feed_in_per_kwh)
    )
    bids, asks = (_price_rows(p, scenarios, steps) for p in (scenarios.bid_per_kwh, scenarios.ask_per_kwh))
    trades, prices = trade_by_rule(
        orders, bids, asks, retail_per_kwh, feed_in_per_kwh,
        pricing=market.pricing, priority=market.priority, ties=market.ties, pairs=asks_for_pairs(study), **market.parameters,
    )  # fmt: skip
    left = leave_over(load_kwh, pv_kwh, trades, check=False)
    trades, load_kwh, pv_kwh = _stress(rules.stress, trades, load_kwh, pv_kwh)
    connected = scenarios.connected
    beside = find_beside(scenarios, profiles, steps, connected, devices)
    carried, unmatched = at_buses(scenarios, connected, trades, left)
    connection = _connection(scenarios, connected, len(steps))
    clearing = clear(
        network,
        carried,
        _base_kw(study, unmatched, beside, hours, connection),
        export_kw=unmatched.surplus_kwh / hours if rules.surplus == "curtailable" else None,
        bus=connected,
        objective=rules.objective,
        unserved=rules.unserved,
        step_hours=hours,
        solver=rules.solver,
        physics=rules.physics,
        reactive=_reactive(study, unmatched, beside, hours, connection),
        connection=connection,
        v_min_pu=study.network.v_min_pu,
        v_max_pu=study.network.v_max_pu,
        check=False,
    )
    audited = _audit(study, network, scenarios, steps, profiles, clearing, unmatched, connection)
    settlement = settle(
        # a pool rule matches by the tariffs; its trades are worth what participants bid and ask
        trades.at_prices(bids, asks) if RULES[market.pricing].is_pool else trades,
        of_participants(scenarios, connected, clearing),
        load_kwh,
        pv_kwh,
        left,
        retail_per_kwh=retail_per_kwh,
        feed_in_per_kwh=feed_in_per_kwh,
        buyer_per_kwh=prices.buyer_per_kwh,
        seller_per_kwh=prices.seller_per_kwh,
        charge_per_kwh=_charges(study, network, who, trades),
        unserved=rules.unserved,
        surplus=rules.surplus,
        step_hours=hours,
        books_per_row=len(steps),
        check=False,
    )
    return BatchResult(
        scenarios=scenarios, steps=steps, step_hours=hours, load_kwh=load_kwh, pv_kwh=pv_kwh, left=left, bid_per_kwh=bids,
        ask_per_kwh=asks, trades=trades, prices=prices, clearing=clearing, settlement=settlement, audit=audited,
        devices=devices, beside=beside,
    )  # fmt: skip


def asks_for_pairs(study: Study) -> bool:
    """Whether results depend on who trades with whom: on whose load is shed, or on the branches between the two."""
    return study.clearing.unserved == "shed" or study.market.branch_charge_per_kwh > 0.0


def _price_rows(price: Floats, scenarios: Scenarios, steps: range) -> Floats:
    """Participants' prices as `match_orders` takes them: a row per scenario, or per book where they follow the clock."""
    who = scenarios.participant
    if price.shape[1] == scenarios.homes.shape[1]:
        return price[:, who]
    return np.tile(price[steps.start : steps.stop], (len(scenarios.number), len(who)))


def _connection(scenarios: Scenarios, connected: Ints, n_steps: int) -> Connection | None:
    """On which phases participants are, book by book; None in a study of one phase. Where nobody takes part it is no matter."""
    if scenarios.load_phase is None or scenarios.pv_phase is None:
        return None
    load, pv = (
        np.repeat(np.where(phase < 0, np.int8(BALANCED), phase)[:, connected], n_steps, axis=0)
        for phase in (scenarios.load_phase, scenarios.pv_phase)
    )
    return Connection(load, pv)


def _base_kw(study: Study, left: Leftovers, beside: Beside | None, hours: float, connection: Connection | None) -> Floats:
    """What neither trades nor is curtailed, kW: deficits, surplus that is fixed, and what is beside the market."""
    fixed_kwh = left.surplus_kwh if study.clearing.surplus == "export" else 0.0
    if connection is None:
        base_kw = np.asarray((fixed_kwh - left.deficit_kwh) / hours)
    else:  # PV that a bus uses itself may be fed in on other phases than its load draws on
        base_kw = connection.on_phases((left.self_kwh + fixed_kwh) / hours, (left.self_kwh + left.deficit_kwh) / hours)
    return base_kw if beside is None else base_kw + _spread(beside.kw, connection)


def _spread(beside: Floats, connection: Connection | None) -> Floats:
    """What is beside the market, where there are three phases a third on each."""
    return beside if connection is None else beside[:, :, None] / 3.0


def _reactive(
    study: Study, left: Leftovers, beside: Beside | None, hours: float, connection: Connection | None
) -> Reactive | None:
    """Reactive power that goes with load, PV and background; none where nobody asks for it."""
    if study.clearing.physics == "dc" and not study.audited_every:
        return None
    load, pv = _kvar_per_kw(study)
    fixed_kwh = left.surplus_kwh if study.clearing.surplus == "export" else 0.0
    fed, drawn = pv * (left.self_kwh + fixed_kwh), load * (left.self_kwh + left.deficit_kwh)
    base_kvar = (fed - drawn) / hours if connection is None else connection.on_phases(fed / hours, drawn / hours)
    return Reactive(base_kvar if beside is None else base_kvar + _spread(beside.kvar, connection), pv, load)


def _kvar_per_kw(study: Study) -> tuple[float, float]:
    """Reactive power, per kW, that load draws and that PV feeds in."""
    load, pv = (
        (1.0 if part.reactive == side else -1.0) * kvar_per_kw(part.power_factor)
        for part, side in ((study.load, "draws"), (study.pv, "feeds"))
    )
    return load, pv


def _audit(
    study: Study,
    network: Network,
    scenarios: Scenarios,
    steps: range,
    profiles: Profiles,
    clearing: Clearing,
    left: Leftovers,
    connection: Connection | None,
) -> Audit | None:
    """AC power flows of the books that the study wants checked by them: all, or a random sample of one in N."""
    every = study.audited_every
    if not every:
        return None
    books = None
    if every > 1:
        drawn = draw_sample(study.seed, every, scenarios.number, steps, profiles.n_steps, profiles.step_hours)
        books = np.flatnonzero(drawn)
    solver = None if network.is_radial else runpp_solver(study.network.source)
    band_pu = (study.network.v_min_pu, study.network.v_max_pu)
    uncontrolled = _uncontrolled(study, clearing, left, profiles.step_hours, connection)
    return audit(network, scenarios.connected, clearing, band_pu, books, solver, uncontrolled)


def _uncontrolled(
    study: Study, clearing: Clearing, left: Leftovers, hours: float, connection: Connection | None
) -> Uncontrolled | None:
    """Books without control: surplus is no part of their base, and all of it is fed in, whatever the study does with it."""
    if study.clearing.surplus == "curtailable":
        return None  # so has the clearing itself
    floor, full = clearing.floor, clearing.full
    surplus_kw = left.surplus_kwh / hours
    surplus_kw = connection.on_phases(surplus_kw, np.zeros_like(surplus_kw)) if connection else surplus_kw
    _, pv_kvar_per_kw = _kvar_per_kw(study)
    if study.clearing.surplus == "export":
        return Uncontrolled(Injection(floor.kw - surplus_kw, floor.kvar - pv_kvar_per_kw * surplus_kw), full)
    return Uncontrolled(floor, Injection(full.kw + surplus_kw, full.kvar + pv_kvar_per_kw * surplus_kw))


def _charges(study: Study, network: Network, who: Ints, trades: Trades) -> Floats:
    """(n_trades,) network charge, per kWh: a fixed one, and one for every branch between seller and buyer."""
    market = study.market
    charge = np.full(trades.n_trades, market.network_charge_per_kwh)
    if market.branch_charge_per_kwh > 0.0:
        charge += market.branch_charge_per_kwh * network.branches_between[who[trades.seller], who[trades.buyer]]
    return charge


def _stress(factor: float, trades: Trades, load_kwh: Floats, pv_kwh: Floats) -> tuple[Trades, Floats, Floats]:
    """The matched quantities times a factor, and load and PV with what they stand for added."""
    if factor == 1.0:
        return trades, load_kwh, pv_kwh
    added_kwh = trades.quantity_kwh * (factor - 1.0)
    load_kwh, pv_kwh = load_kwh.copy(), pv_kwh.copy()
    np.add.at(load_kwh, (trades.book, trades.buyer), added_kwh)
    np.add.at(pv_kwh, (trades.book, trades.seller), added_kwh)
    return replace(trades, quantity_kwh=trades.quantity_kwh * factor), load_kwh, pv_kwh
