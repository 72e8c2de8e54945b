"""Market rules in plain Python, from their definitions, twice: in units of 1 kWh, and by the fills of every bus."""

from types import SimpleNamespace

import numpy as np

from tests.oracles import books as oracle

DUST = 1e-12
OF_SPREAD = {"ask": 0.0, "bid": 1.0, "midpoint": 0.5}
"""Rules that price each trade by itself: how far from its ask towards its bid."""
POOLS = ("mid_market_rate", "bill_sharing", "supply_demand_ratio")

# --------------------------------------------------------------------------------------------------------- unit by unit


def units(kwh, per_kwh, descending):
    """(price, bus) of every unit in merit order, buses in order where prices are equal."""
    apart = [(price, bus) for bus, (size, price) in enumerate(zip(kwh, per_kwh, strict=True)) for _ in range(round(size))]
    return sorted(apart, key=lambda unit: (-unit[0] if descending else unit[0], unit[1]))


def unit_margin(bid, ask, bid_price, ask_price):
    """k, then b_k, s_k, b_k+1, s_k+1 of McAfee's notation; None where there is no such unit."""
    bids, asks = units(bid, bid_price, True), units(ask, ask_price, False)
    k = 0
    while k < min(len(bids), len(asks)) and bids[k][0] >= asks[k][0]:
        k += 1

    def of(side, i):
        return side[i][0] if 0 <= i < len(side) else None

    return k, of(bids, k - 1), of(asks, k - 1), of(bids, k), of(asks, k)


def marginal_price(bid, ask, bid_price, ask_price, kappa):
    """κ·high + (1 - κ)·low; None where nothing trades."""
    k, last_bid, last_ask, next_bid, next_ask = unit_margin(bid, ask, bid_price, ask_price)
    if k == 0:
        return None
    low = last_ask if next_bid is None else max(last_ask, next_bid)
    high = last_bid if next_ask is None else min(last_bid, next_ask)
    return kappa * high + (1 - kappa) * low


def mcafee(bid, ask, bid_price, ask_price):
    """One-unit orders: {bus: paid}, {bus: received}."""
    bids, asks = units(bid, bid_price, True), units(ask, ask_price, False)
    k, last_bid, last_ask, next_bid, next_ask = unit_margin(bid, ask, bid_price, ask_price)
    if k and next_bid is not None and next_ask is not None and last_ask <= (next_bid + next_ask) / 2 <= last_bid:
        price = (next_bid + next_ask) / 2
        return {bus: price for _, bus in bids[:k]}, {bus: price for _, bus in asks[:k]}
    return {bus: last_bid for _, bus in bids[: max(k - 1, 0)]}, {bus: last_ask for _, bus in asks[: max(k - 1, 0)]}


# --------------------------------------------------------------------------------------------------------------- by fills


def pools(book, priority="price"):
    """[(buses that bid, buses that ask, kWh)]: what every group of bids of one price buys from every group of asks of one."""
    bid, ask, bid_price, ask_price = book
    bids = oracle.price_groups(bid, bid_price, descending=priority == "price")
    asks = oracle.price_groups(ask, ask_price, descending=priority == "volume")
    size = {id(buses): sum(kwh[b] for b in buses) for side, kwh in ((bids, bid), (asks, ask)) for _, buses in side}
    found = []
    if priority == "volume":  # low bids first, each with the dearest asks that it can pay and that are left
        left = dict(size)
        for bid_at, buyers in bids:
            for ask_at, sellers in asks:
                kwh = min(left[id(buyers)], left[id(sellers)]) if ask_at <= bid_at else 0.0
                left[id(buyers)], left[id(sellers)] = left[id(buyers)] - kwh, left[id(sellers)] - kwh
                found.append((buyers, sellers, kwh))
        return found
    # each group is a stretch of its side's merit order, up to the volume: a pool is where two stretches overlap
    volume = oracle.crossing_volume(bids, asks, bid, ask)
    bid_end = ask_start = 0.0
    for _, buyers in bids:
        bid_start, bid_end, ask_start = bid_end, bid_end + size[id(buyers)], 0.0
        for _, sellers in asks:
            ask_end = ask_start + size[id(sellers)]
            found.append((buyers, sellers, max(min(bid_end, ask_end, volume) - max(bid_start, ask_start), 0.0)))
            ask_start = ask_end
    return found


def pairs(book, priority="price"):
    """(n_bus, n_bus) kWh that each seller sells to each buyer: in a pool, in proportion to the sizes of both orders."""
    bid, ask = book[:2]
    kwh = np.zeros((len(bid), len(bid)))
    for buyers, sellers, volume in pools(book, priority):
        for s in sellers:
            for b in buyers:
                kwh[s, b] += volume * (ask[s] / sum(ask[x] for x in sellers)) * (bid[b] / sum(bid[x] for x in buyers))
    return kwh


def pairs_by(book, priority, ties):
    """`pairs`; first come first served under price priority as both lists run."""
    if ties == "pro_rata":
        return pairs(book, priority)
    kwh = np.zeros((len(book[0]), len(book[0])))
    for seller, buyer, quantity in oracle.pair_by_price(*oracle.match(*book, priority, ties), *book[2:]):
        kwh[seller, buyer] = quantity
    return kwh


def reduced(book, bid_fill, ask_fill):
    """(bids, asks, price of buyers, price of sellers): what McAfee's rule lets trade of what was filled; n share who leaves."""
    _, _, bid_price, ask_price = book
    m = margin(book, bid_fill, ask_fill)
    if m.next_bid is not None and m.next_ask is not None and m.last_ask <= (m.next_bid + m.next_ask) / 2 <= m.last_bid:
        return bid_fill, ask_fill, (m.next_bid + m.next_ask) / 2, (m.next_bid + m.next_ask) / 2
    sides = []
    for fill, price, last in ((bid_fill, bid_price, m.last_bid), (ask_fill, ask_price, m.last_ask)):
        leaving = [b for b in range(len(fill)) if fill[b] > 0 and price[b] == last]
        # the mean of the fills over which of them leaves
        sides.append(np.mean([[0.0 if b == out else fill[b] for b in range(len(fill))] for out in leaving], axis=0))
    return *sides, m.last_bid, m.last_ask


def margin(book, bid_fill, ask_fill):
    """The worst prices that trade and the best that have something unfilled; None where there is none."""
    bid, ask, bid_price, ask_price = book
    buses = range(len(bid))
    return SimpleNamespace(
        last_bid=min((bid_price[b] for b in buses if bid_fill[b] > 0), default=None),
        last_ask=max((ask_price[b] for b in buses if ask_fill[b] > 0), default=None),
        next_bid=max((bid_price[b] for b in buses if bid[b] - bid_fill[b] > DUST * bid[b]), default=None),
        next_ask=min((ask_price[b] for b in buses if ask[b] - ask_fill[b] > DUST * ask[b]), default=None),
    )


def k_price(m, kappa):
    """One price for all, between the bounds that the marginal and the next orders set."""
    highs = [m.last_bid] + ([m.next_ask] if m.next_ask is not None else [])
    lows = [m.last_ask] + ([m.next_bid] if m.next_bid is not None else [])
    price = kappa * min(highs) + (1.0 - kappa) * max(lows)
    return min(max(price, m.last_ask), m.last_bid)


def pool_fills(bid, ask):
    """The shorter side in full, the longer one in proportion to size."""
    demand, supply = sum(bid), sum(ask)
    volume = min(demand, supply)
    if volume == 0:
        return np.zeros(len(bid)), np.zeros(len(ask))
    return bid * (volume / demand), ask * (volume / supply)


def all_in_prices(rule, supply, demand, retail, feed_in):
    """(what a kWh of deficit costs, what a kWh of surplus earns) with the part that the tariffs settle, as published."""
    if rule == "mid_market_rate":
        middle = (retail + feed_in) / 2
        if supply < demand:
            return (middle * supply + retail * (demand - supply)) / demand, middle
        return middle, (middle * demand + feed_in * (supply - demand)) / supply
    if rule == "supply_demand_ratio":
        ratio = supply / demand
        if ratio > 1:
            return feed_in, feed_in
        sell = 0.0 if feed_in == 0 else feed_in * retail / ((retail - feed_in) * ratio + feed_in)
        return sell * ratio + retail * (1 - ratio), sell
    assert rule == "bill_sharing"
    return retail * max(demand - supply, 0.0) / demand, feed_in * max(supply - demand, 0.0) / supply


def pool_price(rule, supply, demand, retail, feed_in):
    """The price of a traded kWh that makes the all-in prices come true, where the rest is settled at the tariffs."""
    buy, sell = all_in_prices(rule, supply, demand, retail, feed_in)
    volume = min(supply, demand)
    return (buy * demand - retail * (demand - volume)) / volume if supply > demand else sell * supply / volume


def outcome(book, rule, *, kappa=0.5, retail=None, feed_in=None, ties="pro_rata"):
    """(bid_fill, ask_fill, paid, received) per bus of one book under one rule."""
    bid, ask, bid_price, ask_price = book
    bid_fill, ask_fill = pool_fills(bid, ask) if rule in POOLS else oracle.match(*book, "price", ties)
    if not bid_fill.any():
        return (np.zeros(len(bid)),) * 4
    if rule in OF_SPREAD:
        share = OF_SPREAD[rule]
        money = pairs_by(book, "price", ties) * (share * bid_price[None, :] + (1 - share) * ask_price[:, None])
        return bid_fill, ask_fill, money.sum(axis=0), money.sum(axis=1)
    if rule == "mcafee":
        bid, ask, buyers_price, sellers_price = reduced(book, bid_fill, ask_fill)
        bid_fill, ask_fill = oracle.match(bid, ask, bid_price, ask_price, "price", ties)
        return bid_fill, ask_fill, bid_fill * buyers_price, ask_fill * sellers_price
    if rule in POOLS:
        buyers_price = sellers_price = pool_price(rule, sum(ask), sum(bid), retail, feed_in)
    else:
        buyers_price = sellers_price = k_price(margin(book, bid_fill, ask_fill), 0.5 if rule == "uniform" else kappa)
    return bid_fill, ask_fill, bid_fill * buyers_price, ask_fill * sellers_price
