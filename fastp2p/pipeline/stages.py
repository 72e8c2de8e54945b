"""Stages of books that a study decides on: their prices, their trades, and what the network carries of these.

Each takes any books, with a row per book: those of a batch, or the few that batteries which trade ask about.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import Clearing
from fastp2p.clearing.clear import clear
from fastp2p.clearing.connection import BALANCED, Connection
from fastp2p.clearing.reactive import Reactive, kvar_per_kw
from fastp2p.grid.network import Network
from fastp2p.market.orders import Orders, leave_over
from fastp2p.market.rules import Prices
from fastp2p.market.trades import Leftovers, Trades
from fastp2p.market.trading import trade_by_rule
from fastp2p.pipeline.background import Beside, at_buses
from fastp2p.pipeline.draws import Scenarios
from fastp2p.pipeline.phase_draws import has_phase
from fastp2p.study.model import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


def asks_for_pairs(study: Study) -> bool:
    """Whether results depend on who trades with whom: on whose load is shed, or on the branches between the two."""
    return study.clearing.unserved == "shed" or study.market.branch_charge_per_kwh > 0.0


def trade(
    study: Study, orders: Orders, bids: Floats, asks: Floats, retail_per_kwh: Floats, feed_in_per_kwh: Floats
) -> tuple[Trades, Prices]:
    """The trades of some books and their prices, by the study's rule; see `trade_by_rule`."""
    market = study.market
    return trade_by_rule(
        orders, bids, asks, retail_per_kwh, feed_in_per_kwh,
        pricing=market.pricing, priority=market.priority, ties=market.ties, pairs=asks_for_pairs(study), **market.parameters,
    )  # fmt: skip


def leave_homes_over(load_kwh: Floats, pv_kwh: Floats, trades: Trades, with_batteries: bool) -> Leftovers:
    """What the auction leaves over at homes, (n_books, n_homes); of what batteries offer, nothing is left over."""
    if not with_batteries:
        return leave_over(load_kwh, pv_kwh, trades, check=False)
    n_homes, none = load_kwh.shape[1], np.zeros_like(load_kwh)
    left = leave_over(np.hstack([load_kwh, none]), np.hstack([pv_kwh, none]), trades, check=False)
    arrays = left.self_kwh, left.deficit_kwh, left.surplus_kwh
    return Leftovers(*(np.ascontiguousarray(array[:, :n_homes]) for array in arrays))


def at_homes(trades: Trades, n_homes: int) -> Trades:
    """The same trades as the network sees them: those of a battery are at its home."""
    return replace(trades, seller=trades.seller % n_homes, buyer=trades.buyer % n_homes)


def clear_trades(
    study: Study,
    network: Network,
    scenarios: Scenarios,
    trades: Trades,
    left: Leftovers,
    beside: Beside | None,
    hours: float,
    connection: Connection | None,
) -> tuple[Clearing, Leftovers]:
    """What the network carries of the trades of some books, and of their surplus, under the study's rules.

    Both, and what is left over, by the columns of the network (`fastp2p.pipeline.background`).
    """
    rules, connected = study.clearing, scenarios.connected
    carried, unmatched = at_buses(scenarios, connected, trades, left)
    on_phases = has_phase(network, connected)
    clearing = clear(
        network,
        carried,
        _base_kw(study, unmatched, beside, hours, connection, on_phases),
        export_kw=unmatched.surplus_kwh / hours if rules.surplus == "curtailable" else None,
        bus=connected,
        objective=rules.objective,
        unserved=rules.unserved,
        step_hours=hours,
        solver=rules.solver,
        physics=rules.physics,
        reactive=_reactive(study, unmatched, beside, hours, connection, on_phases),
        connection=connection,
        v_min_pu=study.network.v_min_pu,
        v_max_pu=study.network.v_max_pu,
        check=False,
    )
    return clearing, unmatched


def connection_of(scenarios: Scenarios, scenario: Ints) -> Connection | None:
    """On which phases participants are, book by book, where each book belongs to the scenario in a row.

    None in a study of one phase. At buses where nobody takes part it is no matter.
    """
    if scenarios.load_phase is None or scenarios.pv_phase is None:
        return None
    place = np.searchsorted(scenarios.connected, scenarios.participant)
    load, pv = np.full((2, len(scenario), len(scenarios.connected)), BALANCED, np.int8)
    load[:, place], pv[:, place] = scenarios.load_phase[scenario], scenarios.pv_phase[scenario]
    return Connection(load, pv)


def _base_kw(
    study: Study, left: Leftovers, beside: Beside | None, hours: float, connection: Connection | None, has: Bools
) -> Floats:
    """What neither trades nor is curtailed, kW: deficits, surplus that is fixed, and what is beside the market."""
    fixed_kwh = left.surplus_kwh if study.clearing.surplus == "export" else 0.0
    if connection is None:
        base_kw = np.asarray(fixed_kwh - left.deficit_kwh)
        base_kw /= hours
    else:  # PV that a bus uses itself may be fed in on other phases than its load draws on
        base_kw = connection.on_phases((left.self_kwh + fixed_kwh) / hours, (left.self_kwh + left.deficit_kwh) / hours)
    return base_kw if beside is None else base_kw + _spread(beside.kw, connection, has)


def _spread(beside: Floats, connection: Connection | None, has: Bools) -> Floats:
    """What is beside the market, where there are three phases equally on those that a bus has."""
    return beside if connection is None else np.where(has, beside[:, :, None] / has.sum(axis=1)[:, None], 0.0)


def _reactive(
    study: Study, left: Leftovers, beside: Beside | None, hours: float, connection: Connection | None, has: Bools
) -> Reactive | None:
    """Reactive power that goes with load, PV and background; none where nobody asks for it."""
    if study.clearing.physics == "dc" and not study.audited_every:
        return None
    load, pv = kvar_of(study)
    fixed_kwh = left.surplus_kwh if study.clearing.surplus == "export" else 0.0
    fed, drawn = pv * (left.self_kwh + fixed_kwh), load * (left.self_kwh + left.deficit_kwh)
    base_kvar = (fed - drawn) / hours if connection is None else connection.on_phases(fed / hours, drawn / hours)
    return Reactive(base_kvar if beside is None else base_kvar + _spread(beside.kvar, connection, has), pv, load)


def kvar_of(study: Study) -> tuple[float, float]:
    """Reactive power, per kW, that load draws and that PV feeds in."""
    load, pv = (
        (1.0 if part.reactive == side else -1.0) * kvar_per_kw(part.power_factor)
        for part, side in ((study.load, "draws"), (study.pv, "feeds"))
    )
    return load, pv
