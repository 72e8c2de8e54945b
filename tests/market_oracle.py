"""Market rules in plain Python, from their definitions: orders of whole kWh are taken apart into units of one."""


def units(kwh, per_kwh, descending):
    """(price, bus) of every unit in merit order, buses in order where prices are equal."""
    apart = [(price, bus) for bus, (size, price) in enumerate(zip(kwh, per_kwh, strict=True)) for _ in range(round(size))]
    return sorted(apart, key=lambda unit: (-unit[0] if descending else unit[0], unit[1]))


def margin(bid, ask, bid_price, ask_price):
    """k, then b_k, s_k, b_k+1, s_k+1 of McAfee's notation; None where there is no such unit."""
    bids, asks = units(bid, bid_price, True), units(ask, ask_price, False)
    k = 0
    while k < min(len(bids), len(asks)) and bids[k][0] >= asks[k][0]:
        k += 1
    of = lambda side, i: side[i][0] if 0 <= i < len(side) else None  # noqa: E731
    return k, of(bids, k - 1), of(asks, k - 1), of(bids, k), of(asks, k)


def marginal_price(bid, ask, bid_price, ask_price, kappa):
    """κ·high + (1 - κ)·low; None where nothing trades."""
    k, last_bid, last_ask, next_bid, next_ask = margin(bid, ask, bid_price, ask_price)
    if k == 0:
        return None
    low = last_ask if next_bid is None else max(last_ask, next_bid)
    high = last_bid if next_ask is None else min(last_bid, next_ask)
    return kappa * high + (1 - kappa) * low


def mcafee(bid, ask, bid_price, ask_price):
    """One-unit orders: {bus: paid}, {bus: received}."""
    bids, asks = units(bid, bid_price, True), units(ask, ask_price, False)
    k, last_bid, last_ask, next_bid, next_ask = margin(bid, ask, bid_price, ask_price)
    if k and next_bid is not None and next_ask is not None and last_ask <= (next_bid + next_ask) / 2 <= last_bid:
        price = (next_bid + next_ask) / 2
        return {bus: price for _, bus in bids[:k]}, {bus: price for _, bus in asks[:k]}
    return {bus: last_bid for _, bus in bids[: max(k - 1, 0)]}, {bus: last_ask for _, bus in asks[: max(k - 1, 0)]}
