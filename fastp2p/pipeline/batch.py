"""One batch of books through all stages: devices → orders → matching and pricing → clearing → settlement."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.clearing.answer import Clearing, Injection
from fastp2p.clearing.audit import Audit, Uncontrolled, audit
from fastp2p.clearing.audit_sample import draw_sample
from fastp2p.clearing.connection import Connection
from fastp2p.grid.network import Network
from fastp2p.grid.runpp import runpp_solver
from fastp2p.market.orders import make_orders
from fastp2p.market.rules import RULES, Prices
from fastp2p.market.trades import Leftovers, Trades
from fastp2p.pipeline.background import Beside, find_beside, of_participants
from fastp2p.pipeline.devices import DeviceRun, home_energy
from fastp2p.pipeline.draws import Scenarios
from fastp2p.pipeline.stages import at_homes, clear_trades, connection_of, kvar_of, leave_homes_over, trade
from fastp2p.pipeline.trading_storage import delivered, done_by, fleet_of, offer, run_all_devices, with_storage_prices
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
    Where batteries trade, that of column b is column n_participants + b of trades, bids and asks.
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
        As `fastp2p.pipeline.trading_storage.run_all_devices` gives it for these scenarios, made once where they are run in
        several stretches of steps; it is made here by default.
    """
    market, rules, hours = study.market, study.clearing, profiles.step_hours
    who, n_homes = scenarios.participant, len(scenarios.participant)
    scenario = np.repeat(np.arange(len(scenarios.number)), len(steps))
    ran = devices or run_all_devices(study, network, profiles, scenarios)
    done = ran.of_books(steps) if ran else None
    load_kwh, pv_kwh = done.with_batteries() if done else home_energy(profiles, scenarios, steps)
    offers = alone = None
    if ran and done and ran.before_kwh is not None:
        alone, load_kwh, pv_kwh = (load_kwh, pv_kwh), done.load_kwh.copy(), done.pv_kwh.copy()
        before_kwh, after_kwh = (ran.before_kwh[:, steps.start + i : steps.stop + i].reshape(-1, n_homes) for i in (0, 1))
        fleet = fleet_of(scenarios, hours)
        offers = offer(fleet, scenario, load_kwh, pv_kwh, before_kwh, market.min_order_kwh)

    orders = make_orders(load_kwh, pv_kwh, orders=market.orders, min_order_kwh=market.min_order_kwh, check=False)
    retail_per_kwh, feed_in_per_kwh = (
        np.tile(tariff[steps.start : steps.stop], len(scenarios.number))
        for tariff in (scenarios.retail_per_kwh, scenarios.feed_in_per_kwh)
    )
    bids, asks = (_price_rows(p, scenarios, steps) for p in (scenarios.bid_per_kwh, scenarios.ask_per_kwh))
    if offers:
        orders, (bids, asks) = offers.join(orders), _storage_price_rows(bids, asks, scenarios, steps)
    trades, prices = trade(study, orders, bids, asks, retail_per_kwh, feed_in_per_kwh)
    left = leave_homes_over(load_kwh, pv_kwh, trades, with_batteries=offers is not None)
    if done:
        _, *own = stress_trades(rules.stress, trades, done.load_kwh, done.pv_kwh)
        done = replace(done, load_kwh=own[0], pv_kwh=own[1])
    trades, load_kwh, pv_kwh = stress_trades(rules.stress, trades, load_kwh, pv_kwh)
    beside = find_beside(scenarios, profiles, steps, scenarios.connected, done)
    connection = connection_of(scenarios, scenario)
    of_homes = at_homes(trades, n_homes) if offers else trades
    clearing, unmatched = clear_trades(study, network, scenarios, of_homes, left, beside, hours, connection)
    sample = _audited_sample(study, profiles, scenarios, steps)
    audited = audit_books(study, network, scenarios, clearing, unmatched, hours, connection, sample)
    if done and offers:
        bought_kwh, sold_kwh = delivered(study, trades, clearing, n_homes)
        batteries = done_by(fleet, scenario, offers, bought_kwh, sold_kwh, after_kwh)
        done = replace(done, of={**done.of, **batteries})
        load_kwh, pv_kwh = load_kwh + bought_kwh, pv_kwh + sold_kwh
    settlement = settle(
        # a pool rule matches by the tariffs; its trades are worth what participants bid and ask
        trades.at_prices(bids, asks) if RULES[market.pricing].is_pool else trades,
        of_participants(scenarios, scenarios.connected, clearing),
        load_kwh,
        pv_kwh,
        left,
        retail_per_kwh=retail_per_kwh,
        feed_in_per_kwh=feed_in_per_kwh,
        buyer_per_kwh=prices.buyer_per_kwh,
        seller_per_kwh=prices.seller_per_kwh,
        charge_per_kwh=_charges(study, network, who, of_homes),
        unserved=rules.unserved,
        surplus=rules.surplus,
        step_hours=hours,
        books_per_row=len(steps),
        alone=alone,
        check=False,
    )
    return BatchResult(
        scenarios=scenarios, steps=steps, step_hours=hours, load_kwh=load_kwh, pv_kwh=pv_kwh, left=left, bid_per_kwh=bids,
        ask_per_kwh=asks, trades=trades, prices=prices, clearing=clearing, settlement=settlement, audit=audited,
        devices=done, beside=beside,
    )  # fmt: skip


def _price_rows(price: Floats, scenarios: Scenarios, steps: range) -> Floats:
    """Participants' prices as `match_orders` takes them: a row per scenario, or per book where they follow the clock."""
    if price.ndim == 2:
        return price
    return np.tile(price[steps.start : steps.stop, None], (len(scenarios.number), len(scenarios.participant)))


def _storage_price_rows(bids: Floats, asks: Floats, scenarios: Scenarios, steps: range) -> tuple[Floats, Floats]:
    """Prices of participants, then of their batteries: a row per scenario, or per book where any follow the clock."""
    battery = scenarios.battery
    assert battery is not None
    assert battery.value_per_kwh is not None
    value, n_scenarios = battery.value_per_kwh[steps.start : steps.stop], len(scenarios.number)
    n_rows = max(len(bids), len(asks), n_scenarios if (value == value[0]).all() else n_scenarios * len(steps))
    bids, asks = (np.repeat(price, n_rows // len(price), axis=0) for price in (bids, asks))
    one_way = np.repeat(np.sqrt(battery.efficiency), n_rows // n_scenarios, axis=0)
    return with_storage_prices(bids, asks, np.resize(value, n_rows), one_way)


def _audited_sample(study: Study, profiles: Profiles, scenarios: Scenarios, steps: range) -> Ints | None:
    """Books that AC power flows are to check, where these are a random sample of one in N."""
    every = study.audited_every
    if every <= 1:
        return None
    drawn = draw_sample(study.seed, every, scenarios.number, steps, profiles.n_steps, profiles.step_hours)
    return np.flatnonzero(drawn)


def audit_books(
    study: Study,
    network: Network,
    scenarios: Scenarios,
    clearing: Clearing,
    left: Leftovers,
    hours: float,
    connection: Connection | None = None,
    books: Ints | None = None,
) -> Audit | None:
    """AC power flows of cleared books where the study wants them checked: of all, or of a sample."""
    if not study.audited_every:
        return None
    solver = None if network.is_radial else runpp_solver(study.network.source)
    band_pu = (study.network.v_min_pu, study.network.v_max_pu)
    uncontrolled = _uncontrolled(study, clearing, left, hours, connection)
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
    _, pv_kvar_per_kw = kvar_of(study)
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


def stress_trades(factor: float, trades: Trades, load_kwh: Floats, pv_kwh: Floats) -> tuple[Trades, Floats, Floats]:
    """The matched quantities times a factor, and load and PV with what they stand for added."""
    if factor == 1.0:
        return trades, load_kwh, pv_kwh
    added_kwh = trades.quantity_kwh * (factor - 1.0)
    load_kwh, pv_kwh = load_kwh.copy(), pv_kwh.copy()
    np.add.at(load_kwh, (trades.book, trades.buyer), added_kwh)
    np.add.at(pv_kwh, (trades.book, trades.seller), added_kwh)
    return replace(trades, quantity_kwh=trades.quantity_kwh * factor), load_kwh, pv_kwh
