"""Batteries that trade: what each offers after its home, what it stores of what it traded, and how its energy goes on."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.devices.battery import use_first
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.market.matching import DUST, match_books
from fastp2p.kernels.market.trades import count_room

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOUGHT, SOLD = 1, 2
"""Flags of a book in which a battery buys, and sells."""


class Fleet(NamedTuple):
    """The batteries of some scenarios, arrays (n_scenarios, n_homes).

    Attributes
    ----------
    kwh, limit_kwh, lowest_kwh
        Capacity, the most that is charged or discharged in a step, and the least that may be stored, kWh; zero where there is
        no battery.
    one_way
        Efficiency of charging, and of discharging.
    """

    kwh: Floats
    limit_kwh: Floats
    lowest_kwh: Floats
    one_way: Floats


class OfferPrices(NamedTuple):
    """Prices of homes, then of their batteries, in steps one after the other, and the orders by price.

    Attributes
    ----------
    bid_per_kwh, ask_per_kwh : (n_steps or 1, n_scenarios, 2 n_homes) float64, currency per kWh
    bid_order, ask_order : (n_steps or 1, n_scenarios, 2 n_homes) int64
        As `match_books` takes them.
    """

    bid_per_kwh: Floats
    ask_per_kwh: Floats
    bid_order: Ints
    ask_order: Ints


class OrderRules(NamedTuple):
    """How homes order, and how orders are matched."""

    gross: bool
    min_order_kwh: float
    by_volume: bool
    pro_rata: bool


@kernel
def offer_storage(
    load_kwh: Floats,
    pv_kwh: Floats,
    before_kwh: Floats,
    fleet: Fleet,
    row: Ints,
    min_order_kwh: float,
    charged_kwh: Floats,
    discharged_kwh: Floats,
    bid_kwh: Floats,
    ask_kwh: Floats,
    stored_kwh: Floats,
) -> None:
    """What batteries do for their homes, and what they offer of the power and energy that are left.

    Parameters
    ----------
    load_kwh, pv_kwh : (n_books, n_homes) float64, kWh
    before_kwh : (n_books, n_homes) float64, kWh
        Stored before the step.
    fleet : Fleet
    row : (n_books,) int64
        The row of the fleet that each book belongs to.
    min_order_kwh : float
        Smaller orders are not placed.
    charged_kwh, discharged_kwh, bid_kwh, ask_kwh, stored_kwh : (n_books, n_homes) float64, kWh
        Outputs: for the home, orders, and what is stored before any of these is executed.
    """
    kwh, limit_kwh, lowest_kwh, one_way = fleet
    n_books, n_homes = load_kwh.shape
    for k in range(n_books):
        s = row[k]
        for b in range(n_homes):
            charged, discharged, energy, bid, ask = _offer(
                pv_kwh[k, b] - load_kwh[k, b], before_kwh[k, b], kwh[s, b], limit_kwh[s, b], lowest_kwh[s, b], one_way[s, b],
                min_order_kwh,
            )  # fmt: skip
            charged_kwh[k, b], discharged_kwh[k, b], stored_kwh[k, b] = charged, discharged, energy
            bid_kwh[k, b], ask_kwh[k, b] = bid, ask


@kernel
def _offer(
    net_kwh: float, energy_kwh: float, kwh: float, limit_kwh: float, lowest_kwh: float, one_way: float, min_order_kwh: float
) -> tuple[float, float, float, float, float]:
    """One battery: charged, discharged, stored then, its bid and its ask."""
    charged, discharged, energy = use_first(net_kwh, energy_kwh, kwh, limit_kwh, lowest_kwh, one_way)
    energy = _without_dust(energy, kwh, lowest_kwh)
    bid = min(limit_kwh - charged, (kwh - energy) / one_way) if discharged == 0.0 else 0.0
    ask = min(limit_kwh - discharged, (energy - lowest_kwh) * one_way) if charged == 0.0 else 0.0
    return charged, discharged, energy, bid if bid >= min_order_kwh else 0.0, ask if ask >= min_order_kwh else 0.0


@kernel
def add_up(
    offset: Ints, seller: Ints, buyer: Ints, sold_of: Floats, bought_of: Floats, bought_kwh: Floats, sold_kwh: Floats
) -> None:
    """What each battery buys and sells in the trades of its book.

    Parameters
    ----------
    offset : (n_books + 1,) int64; seller, buyer : (n_trades,) int64
        Columns: homes, then their batteries.
    sold_of, bought_of : (n_trades,) float64, kWh
        What the seller and the buyer of each trade count.
    bought_kwh, sold_kwh : (n_books, n_homes) float64, kWh
        Outputs.
    """
    n_books, n_homes = bought_kwh.shape
    for k in range(n_books):
        for b in range(n_homes):
            bought_kwh[k, b] = sold_kwh[k, b] = 0.0
        for i in range(offset[k], offset[k + 1]):
            if buyer[i] >= n_homes:
                bought_kwh[k, buyer[i] - n_homes] += bought_of[i]
            if seller[i] >= n_homes:
                sold_kwh[k, seller[i] - n_homes] += sold_of[i]


@kernel
def store_trades(fleet: Fleet, row: Ints, bought_kwh: Floats, sold_kwh: Floats, stored_kwh: Floats) -> None:
    """Store what batteries bought, less what they sold.

    Parameters
    ----------
    fleet : Fleet
    row : (n_books,) int64
        The row of the fleet that each book belongs to.
    bought_kwh, sold_kwh : (n_books, n_homes) float64, kWh
    stored_kwh : (n_books, n_homes) float64, kWh
        Before and after; changed in place.
    """
    kwh, _, lowest_kwh, one_way = fleet
    n_books, n_homes = stored_kwh.shape
    for k in range(n_books):
        s = row[k]
        for b in range(n_homes):
            net = bought_kwh[k, b] - sold_kwh[k, b]
            if net != 0.0:
                stored_kwh[k, b] = _stored(stored_kwh[k, b], net, kwh[s, b], lowest_kwh[s, b], one_way[s, b])


@kernel
def _stored(energy_kwh: float, net_kwh: float, kwh: float, lowest_kwh: float, one_way: float) -> float:
    """What is stored after a battery bought so much more than it sold."""
    energy_kwh += one_way * net_kwh if net_kwh > 0.0 else net_kwh / one_way
    return _without_dust(energy_kwh, kwh, lowest_kwh)


@kernel
def _without_dust(energy_kwh: float, kwh: float, lowest_kwh: float) -> float:
    """Full or empty to the bit, where it is so but for the dust that an auction leaves of an order, or for rounding.

    Else a battery would discharge dust for its home in the next step, and so bid for nothing.
    """
    dust_kwh = 2.0 * DUST * kwh
    if energy_kwh >= kwh - dust_kwh:
        return kwh
    return lowest_kwh if energy_kwh <= lowest_kwh + dust_kwh else energy_kwh


@kernel
def look_ahead(
    load_kwh: Floats,
    pv_kwh: Floats,
    fleet: Fleet,
    prices: OfferPrices,
    rules: OrderRules,
    begin: Ints,
    before_kwh: Floats,
    traded: NDArray[np.int8],
) -> None:
    """What is stored before each step if the network carries every trade, step by step, scenarios side by side.

    Parameters
    ----------
    load_kwh, pv_kwh : (n_scenarios, n_steps, n_homes) float64, kWh
    fleet : Fleet
    prices : OfferPrices
    rules : OrderRules
    begin : (n_scenarios,) int64
        The first step of each scenario that is looked at; n_steps for none.
    before_kwh : (n_scenarios, n_steps + 1, n_homes) float64, kWh
        What is stored before each step and after the last: known at `begin`, written after it.
    traded : (n_scenarios, n_steps) int8
        Output: `BOUGHT` and `SOLD`, added up, in the steps that are looked at.
    """
    kwh, limit_kwh, lowest_kwh, one_way = fleet
    bid_per_kwh, ask_per_kwh, bid_order, ask_order = prices
    gross, min_order_kwh, by_volume, pro_rata = rules
    n_scenarios, n_steps, n_homes = load_kwh.shape
    bid_kwh, ask_kwh = np.zeros((n_scenarios, 2 * n_homes)), np.zeros((n_scenarios, 2 * n_homes))
    bought, sold = np.empty(n_homes), np.empty(n_homes)
    offset = np.empty(n_scenarios + 1, np.int64)
    for t in range(n_steps):
        r = min(t, len(bid_per_kwh) - 1)
        how = bid_per_kwh[r], ask_per_kwh[r], bid_order[r], ask_order[r]
        bid_prices, ask_prices = how[0], how[1]
        room = 4 * n_homes
        for s in range(n_scenarios):
            if begin[s] > t:
                continue
            highest, lowest, bids, asks = -np.inf, np.inf, False, False
            for b in range(n_homes):
                load, pv = load_kwh[s, t, b], pv_kwh[s, t, b]
                charged, discharged, energy, bid, ask = _offer(
                    pv - load, before_kwh[s, t, b], kwh[s, b], limit_kwh[s, b], lowest_kwh[s, b], one_way[s, b],
                    min_order_kwh,
                )  # fmt: skip
                before_kwh[s, t + 1, b] = energy
                bid_kwh[s, n_homes + b], ask_kwh[s, n_homes + b] = bid, ask
                load, pv = load + charged, pv + discharged
                own = 0.0 if gross else min(load, pv)
                bid_kwh[s, b] = load - own if load - own >= min_order_kwh else 0.0
                ask_kwh[s, b] = pv - own if pv - own >= min_order_kwh else 0.0
                bids, asks = bids or bid > 0.0, asks or ask > 0.0
                highest = max(highest, bid_prices[s, b]) if bid_kwh[s, b] > 0.0 else highest
                lowest = min(lowest, ask_prices[s, b]) if ask_kwh[s, b] > 0.0 else lowest
            at_bid, at_ask = bid_prices[s, n_homes], ask_prices[s, n_homes]  # of all batteries
            may_sell = asks and (highest >= at_ask or (bids and at_bid >= at_ask))
            if not (may_sell or (bids and lowest <= at_bid)):
                bid_kwh[s], ask_kwh[s] = 0.0, 0.0  # no battery can trade: nobody's trades matter here
            else:
                room += 4 * n_homes
        seller, buyer, quantity = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
        match_books(bid_kwh, ask_kwh, how[0], how[1], how[2], how[3], by_volume, pro_rata, offset, seller, buyer, quantity)
        if offset[n_scenarios] > room - 2 * n_homes:  # it may have stopped for want of room: many orders at one price
            room = count_room(bid_kwh, ask_kwh, how[0], how[1], how[2], how[3], pro_rata)
            seller, buyer, quantity = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
            match_books(bid_kwh, ask_kwh, how[0], how[1], how[2], how[3], by_volume, pro_rata, offset, seller, buyer, quantity)
        for s in range(n_scenarios):
            if begin[s] > t:
                continue
            traded[s, t] = 0
            for b in range(n_homes):
                bought[b] = sold[b] = 0.0
            for i in range(offset[s], offset[s + 1]):
                if buyer[i] >= n_homes:
                    bought[buyer[i] - n_homes] += quantity[i]
                    traded[s, t] |= BOUGHT
                if seller[i] >= n_homes:
                    sold[seller[i] - n_homes] += quantity[i]
                    traded[s, t] |= SOLD
            if traded[s, t] != 0:
                for b in range(n_homes):
                    net = bought[b] - sold[b]
                    if net != 0.0:
                        before_kwh[s, t + 1, b] = _stored(
                            before_kwh[s, t + 1, b], net, kwh[s, b], lowest_kwh[s, b], one_way[s, b]
                        )
