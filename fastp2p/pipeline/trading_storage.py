"""Batteries that trade: each serves its own home first and offers what is left, and what is delivered decides what it stores.

So a book needs the one before. What is stored before every step is found first (`run_storage`): a kernel looks some steps ahead
as if the network carried everything, and books in which that may be wrong are cleared; from the first one in which it is wrong,
a scenario is looked at again. Given what is stored before its step, a book is as independent as any other.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.clearing.answer import Clearing
from fastp2p.errors import InputError, some
from fastp2p.grid.network import Network
from fastp2p.kernels.devices.battery import find_cycle
from fastp2p.kernels.devices.trading import (
    BOUGHT,
    SOLD,
    Fleet,
    OfferPrices,
    OrderRules,
    add_up,
    look_ahead,
    offer_storage,
    store_trades,
)
from fastp2p.market.orders import Orders, make_orders
from fastp2p.market.rules import RULES
from fastp2p.market.trades import Trades
from fastp2p.pipeline.background import Beside, find_beside
from fastp2p.pipeline.devices import DeviceRun, home_energy, run_devices
from fastp2p.pipeline.draws import Scenarios
from fastp2p.pipeline.stages import asks_for_pairs, at_homes, clear_trades, connection_of, leave_homes_over, trade
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.model import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WEEK_HOURS = 168.0
PASSES = 100
"""Of days that repeat, at most."""
RETURNS_WITHIN = 1e-9
"""What a state may differ by from the one that returns, as a part of the capacity."""
SAME = 1e-14
"""The same of what the network delivers and what it would deliver if nothing were cut: rounding."""
AHEAD_CELLS = 200_000
"""Scenarios times participants times steps that are looked at before the network is asked."""
AHEAD_PAIRS = 1_000_000
"""Pairs of these books, at most, where trades name them."""


@dataclass(frozen=True, eq=False)
class Offers:
    """What batteries do for their homes and then offer, (n_books, n_homes) kWh; `stored_kwh` is before any of it is traded."""

    __repr__ = short_repr
    charged_kwh: Floats
    discharged_kwh: Floats
    bid_kwh: Floats
    ask_kwh: Floats
    stored_kwh: Floats

    def join(self, orders: Orders) -> Orders:
        """Orders of homes, then of their batteries."""
        return Orders(orders.self_kwh, np.hstack([orders.bid_kwh, self.bid_kwh]), np.hstack([orders.ask_kwh, self.ask_kwh]))


def batteries_trade(study: Study) -> bool:
    """Whether a study has batteries that trade."""
    return study.battery is not None and study.battery.rule == "market"


def storage_faults(study: Study) -> list[str]:
    """What keeps batteries from trading in a study."""
    if not batteries_trade(study):
        return []
    pricing, stress, faults = study.market.pricing, study.clearing.stress, []
    if study.community_battery is not None:
        faults.append(
            'battery.rule = "market": the battery of the community acts before the market, and what homes leave is known after '
            'it; leave community_battery out, or choose battery.rule = "self_use"'
        )
    if RULES[pricing].is_pool:
        others = ", ".join(name for name, rule in RULES.items() if not rule.is_pool)
        faults.append(
            f'battery.rule = "market": needs a rule with bids and asks, and market.pricing = "{pricing}" has none; choose '
            f'one of {others}, or battery.rule = "self_use"'
        )
    if stress != 1.0:
        faults.append(
            f'battery.rule = "market": clearing.stress = {stress:g} multiplies what is traded, and no battery has that energy; '
            "leave it out"
        )
    return faults


def fleet_of(scenarios: Scenarios, hours: float) -> Fleet:
    """The batteries of some scenarios as kernels take them."""
    drawn = scenarios.battery
    assert drawn is not None
    return Fleet(drawn.kwh, drawn.kw * hours, drawn.lowest_kwh, np.sqrt(drawn.efficiency))


def offer(fleet: Fleet, row: Ints, load_kwh: Floats, pv_kwh: Floats, before_kwh: Floats, min_order_kwh: float) -> Offers:
    """What batteries offer in some books, each of a scenario in a `row`; load and PV get what they do for their homes."""
    offers = Offers(*(np.empty_like(load_kwh) for _ in range(5)))
    offer_storage(
        load_kwh, pv_kwh, before_kwh, fleet, row, min_order_kwh,
        offers.charged_kwh, offers.discharged_kwh, offers.bid_kwh, offers.ask_kwh, offers.stored_kwh,
    )  # fmt: skip
    load_kwh += offers.charged_kwh
    pv_kwh += offers.discharged_kwh
    return offers


def with_storage_prices(bids: Floats, asks: Floats, value_per_kwh: Floats, one_way: Floats) -> tuple[Floats, Floats]:
    """Prices of homes, then of their batteries, by row: a stored kWh takes 1 / η of what is bought, and gives η to be sold.

    Parameters
    ----------
    bids, asks : (n_rows, n_homes) float64, currency per kWh
    value_per_kwh : (n_rows,) float64, currency per kWh
    one_way : (n_rows, n_homes) float64
        Efficiency of charging, and of discharging.
    """
    value = value_per_kwh[:, None]
    return np.hstack([bids, value * one_way]), np.hstack([asks, value / one_way])


def delivered(study: Study, trades: Trades, clearing: Clearing, n_homes: int) -> tuple[Floats, Floats]:
    """(n_books, n_homes) kWh that batteries get and give. The retailer delivers what the network cuts of a purchase."""
    bought_kwh, sold_kwh = np.empty((2, trades.n_books, n_homes))
    buys = trades.quantity_kwh if study.clearing.unserved == "retail" else clearing.bought_kwh
    add_up(trades.offset, trades.seller, trades.buyer, clearing.executed_kwh, buys, bought_kwh, sold_kwh)
    return bought_kwh, sold_kwh


def done_by(
    fleet: Fleet, row: Ints, offers: Offers, bought_kwh: Floats, sold_kwh: Floats, stored_kwh: Floats
) -> dict[str, Floats]:
    """What batteries did in some books, by the names of `fastp2p.pipeline.devices.DeviceRun`.

    What one sells of what it buys in the same step passes by: it is charged and discharged, and nothing of it is lost.
    """
    limit_kwh, one_way, net_kwh = fleet.limit_kwh[row], fleet.one_way[row], bought_kwh - sold_kwh
    into_kwh, out_of_kwh = offers.charged_kwh + np.maximum(net_kwh, 0.0), offers.discharged_kwh + np.maximum(-net_kwh, 0.0)
    return {
        # both within the limit but for rounding
        "charged_kwh": np.minimum(offers.charged_kwh + bought_kwh, limit_kwh),
        "discharged_kwh": np.minimum(offers.discharged_kwh + sold_kwh, limit_kwh),
        "battery_lost_kwh": (1.0 - one_way) * into_kwh + (1.0 / one_way - 1.0) * out_of_kwh,
        "stored_kwh": stored_kwh,
    }


# --------------------------------------------------------------------------------------------------------- step after step


def run_all_devices(study: Study, network: Network, profiles: Profiles, scenarios: Scenarios) -> DeviceRun | None:
    """`fastp2p.pipeline.devices.run_devices`, with what batteries store that trade."""
    ran = run_devices(study, profiles, scenarios)
    if ran is None or not batteries_trade(study):
        return ran
    return replace(ran, before_kwh=run_storage(study, network, profiles, scenarios))


def run_storage(study: Study, network: Network, profiles: Profiles, scenarios: Scenarios) -> Floats:
    """What the batteries of some scenarios store before each step, and after the last.

    Parameters
    ----------
    study : Study
        With batteries that trade.
    network : Network
    profiles : Profiles
        Without dates, its steps repeat until every battery ends a pass as it begins it.
    scenarios : Scenarios

    Returns
    -------
    (n_scenarios, n_steps + 1, n_participants) float64, kWh

    Raises
    ------
    InputError
        Days that repeat, in which what is stored does not return; scenarios and buses are named.
    """
    drawn, who, is_cyclic = scenarios.battery, scenarios.participant, profiles.time is None
    assert drawn is not None
    fleet = fleet_of(scenarios, profiles.step_hours)
    n_scenarios, n_homes = fleet.kwh.shape
    with_devices_kwh = _consumption(study, profiles, scenarios)
    before_kwh = np.empty((n_scenarios, profiles.n_steps + 1, n_homes))
    before_kwh[:, 0] = drawn.first_kwh
    if is_cyclic:  # where self use alone would return to, if the last week repeated
        last = range(max(0, profiles.n_steps - round(WEEK_HOURS / profiles.step_hours)), profiles.n_steps)
        load_kwh, net_kwh = (one.reshape(n_scenarios, -1, n_homes) for one in home_energy(profiles, scenarios, last))
        net_kwh -= load_kwh if with_devices_kwh is None else with_devices_kwh[:, last.start :]
        first = np.empty((n_scenarios, n_homes))
        find_cycle(net_kwh, *fleet, first)
        before_kwh[:, 0] = first
    runs = np.ones(n_scenarios, bool)
    for _ in range(PASSES):
        _run_pass(study, network, profiles, scenarios, fleet, with_devices_kwh, runs, before_kwh)
        if not is_cyclic:
            return before_kwh
        off = np.abs(before_kwh[:, -1] - before_kwh[:, 0]) > RETURNS_WITHIN * fleet.kwh
        runs[:] = off.any(axis=1)
        if not runs.any():
            return before_kwh
        before_kwh[runs, 0] = before_kwh[runs, -1]
    s = int(np.argmax(runs))
    buses = some([str(bus) for bus in network.bus_id[who[off[s]]].tolist()])
    raise InputError(
        f'battery.rule = "market": in {int(runs.sum())} of {n_scenarios} scenarios what batteries store does not return in '
        f"{PASSES} passes of the profiles' days, such as in scenario {scenarios.number[s]} at a PV share of "
        f"{scenarios.share:g} at bus {buses}; choose profiles with dates, another value_per_kwh, or a smaller battery.kwh"
    )


def _consumption(study: Study, profiles: Profiles, scenarios: Scenarios) -> Floats | None:
    """(n_scenarios, n_steps, n_participants) kWh of load, with heat pumps and vehicles; None where there are none."""
    if study.ev is None and study.heat_pump is None:
        return None
    ran = run_devices(study, profiles, scenarios)
    assert ran is not None
    return ran.load_kwh


def _run_pass(
    study: Study,
    network: Network,
    profiles: Profiles,
    scenarios: Scenarios,
    fleet: Fleet,
    with_devices_kwh: Floats | None,
    runs: NDArray[np.bool_],
    before_kwh: Floats,
) -> None:
    """All steps of the scenarios that run, some at a time; how many at a time changes no bit."""
    n_scenarios, n_homes = fleet.kwh.shape
    most = max(1, AHEAD_CELLS // max(1, n_scenarios * n_homes))
    size, first = most, 0
    while first < profiles.n_steps:  # ends: a stretch has one step at least
        steps = range(first, min(first + size, profiles.n_steps))
        stretch = np.ascontiguousarray(before_kwh[:, first : steps.stop + 1])
        rounds = _run_stretch(study, network, profiles, scenarios, fleet, with_devices_kwh, steps, runs, stretch)
        before_kwh[runs, first : steps.stop + 1] = stretch[runs]
        size = min(2 * size, most) if rounds <= 1 else max(1, size // 2) if rounds > 2 else size
        first = steps.stop


def _run_stretch(
    study: Study,
    network: Network,
    profiles: Profiles,
    scenarios: Scenarios,
    fleet: Fleet,
    with_devices_kwh: Floats | None,
    steps: range,
    runs: NDArray[np.bool_],
    before_kwh: Floats,
) -> int:
    """Some steps; returns how often they were looked at. `before_kwh` is (n_scenarios, n_steps + 1, n_homes)."""
    n_scenarios, n_homes = fleet.kwh.shape
    load_kwh, pv_kwh = (one.reshape(n_scenarios, -1, n_homes) for one in home_energy(profiles, scenarios, steps))
    if with_devices_kwh is not None:
        load_kwh = np.ascontiguousarray(with_devices_kwh[:, steps.start : steps.stop])
    beside = find_beside(scenarios, profiles, steps, scenarios.connected, None)
    market, step = study.market, np.arange(len(steps))
    rules = OrderRules(market.orders == "gross", market.min_order_kwh, market.priority == "volume", market.ties == "pro_rata")
    prices = _offer_prices(scenarios, steps, rules.by_volume)
    # without a cut, what is bought is delivered; a rule that reduces trades has its own
    is_sure = study.clearing.unserved == "retail" and RULES[market.pricing].allocation != "trade_reduction"
    asks_for = SOLD if is_sure else BOUGHT | SOLD
    begin, traded = np.where(runs, 0, len(steps)), np.zeros((n_scenarios, len(steps)), np.int8)
    rounds = 0
    while (begin < len(steps)).any():  # ends: every round moves each begin on
        rounds += 1
        _look_ahead(load_kwh, pv_kwh, fleet, prices, rules, begin, before_kwh, traded)
        s, t = np.nonzero(((traded & asks_for) != 0) & (step >= begin[:, None]))
        begin[:] = len(steps)
        after_kwh = _ask_network(
            study, network, scenarios, fleet, steps, profiles.step_hours, prices, (load_kwh, pv_kwh), beside, before_kwh, s, t
        )
        wrong = np.flatnonzero((np.abs(after_kwh - before_kwh[s, t + 1]) > SAME * fleet.kwh[s]).any(axis=1))
        rows, place = np.unique(s[wrong], return_index=True)  # of each scenario the first: its steps rise
        first = wrong[place]
        before_kwh[rows, t[first] + 1] = after_kwh[first]
        begin[rows] = t[first] + 1
    return rounds


def _look_ahead(
    load_kwh: Floats,
    pv_kwh: Floats,
    fleet: Fleet,
    prices: OfferPrices,
    rules: OrderRules,
    begin: Ints,
    before_kwh: Floats,
    traded: NDArray[np.int8],
) -> None:
    """`look_ahead` of the scenarios that have a step to be looked at: of a few, after a cut, from the first of these on."""
    n_steps = load_kwh.shape[1]
    rows = np.flatnonzero(begin < n_steps)
    if len(rows) == len(begin):
        look_ahead(load_kwh, pv_kwh, fleet, prices, rules, begin, before_kwh, traded)
        return
    first = int(begin[rows].min())
    by_step = slice(first, None) if len(prices.bid_per_kwh) > 1 else slice(None)
    before, some = before_kwh[rows, first:], np.zeros((len(rows), n_steps - first), np.int8)
    look_ahead(
        load_kwh[rows, first:],
        pv_kwh[rows, first:],
        Fleet(fleet.kwh[rows], fleet.limit_kwh[rows], fleet.lowest_kwh[rows], fleet.one_way[rows]),
        OfferPrices(
            np.take(prices.bid_per_kwh[by_step], rows, axis=1),  # in one piece, unlike prices[:, rows]
            np.take(prices.ask_per_kwh[by_step], rows, axis=1),
            np.take(prices.bid_order[by_step], rows, axis=1),
            np.take(prices.ask_order[by_step], rows, axis=1),
        ),
        rules,
        begin[rows] - first,
        before,
        some,
    )
    before_kwh[rows, first:], traded[rows, first:] = before, some


def _ask_network(
    study: Study,
    network: Network,
    scenarios: Scenarios,
    fleet: Fleet,
    steps: range,
    hours: float,
    prices: OfferPrices,
    home_kwh: tuple[Floats, Floats],
    beside: Beside | None,
    before_kwh: Floats,
    scenario: Ints,
    step: Ints,
) -> Floats:
    """(n_books, n_homes) kWh stored after some books, of a scenario and a step each, once they are cleared."""
    n_homes = fleet.kwh.shape[1]
    after_kwh, least = np.empty((len(scenario), n_homes)), study.market.min_order_kwh
    most = max(1, AHEAD_PAIRS // n_homes**2) if asks_for_pairs(study) else max(1, len(scenario))
    for first in range(0, len(scenario), most):
        s, t = scenario[first : first + most], step[first : first + most]
        load_kwh, pv_kwh = home_kwh[0][s, t], home_kwh[1][s, t]
        offers = offer(fleet, s, load_kwh, pv_kwh, before_kwh[s, t], least)
        orders = make_orders(load_kwh, pv_kwh, orders=study.market.orders, min_order_kwh=least, check=False)
        row = np.minimum(t, len(prices.bid_per_kwh) - 1)
        trades, _ = trade(
            study, offers.join(orders), prices.bid_per_kwh[row, s], prices.ask_per_kwh[row, s],
            scenarios.retail_per_kwh[steps.start + t], scenarios.feed_in_per_kwh[steps.start + t],
        )  # fmt: skip
        left = leave_homes_over(load_kwh, pv_kwh, trades, with_batteries=True)
        here = None if beside is None else beside.of(s * len(steps) + t)
        clearing, _ = clear_trades(
            study, network, scenarios, at_homes(trades, n_homes), left, here, hours, connection_of(scenarios, s)
        )
        bought_kwh, sold_kwh = delivered(study, trades, clearing, n_homes)
        store_trades(fleet, s, bought_kwh, sold_kwh, offers.stored_kwh)
        after_kwh[first : first + most] = offers.stored_kwh
    return after_kwh


def _offer_prices(scenarios: Scenarios, steps: range, by_volume: bool) -> OfferPrices:
    """Prices of some steps, and who comes first; one row of them where they do not follow the clock."""
    drawn, shape = scenarios.battery, scenarios.homes.shape
    assert drawn is not None and drawn.value_per_kwh is not None  # noqa: PT018
    value, prices = drawn.value_per_kwh[steps.start : steps.stop], (scenarios.bid_per_kwh, scenarios.ask_per_kwh)
    n_rows = len(steps) if any(price.ndim == 1 for price in prices) or (value != value[0]).any() else 1
    homes = (
        np.broadcast_to(price if price.ndim == 2 else price[steps.start : steps.stop, None, None], (n_rows, *shape))
        for price in prices
    )
    bids, asks = (price.reshape(-1, shape[1]) for price in homes)
    one_way = np.tile(np.sqrt(drawn.efficiency), (n_rows, 1))
    bids, asks = with_storage_prices(bids, asks, np.repeat(value[:n_rows], shape[0]), one_way)
    first = (np.argsort(price, axis=1, kind="stable") for price in (bids if by_volume else -bids, asks))
    by_row = (n_rows, shape[0], 2 * shape[1])
    return OfferPrices(bids.reshape(by_row), asks.reshape(by_row), *(order.reshape(by_row) for order in first))
