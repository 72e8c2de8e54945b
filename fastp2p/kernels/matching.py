"""The double auction, book by book: greedy volumes, shares within a price group, pairing.

Orders of one side and price are a price group. The greedy pass decides how much each group trades; `_share` spreads that
over the group's orders, so it does not matter in which order the greedy pass took them; pairing then only decides who
trades with whom. A *pool* is a run of bids and a run of asks that are paired with one another: under price priority one
pool holds the whole book (every filled bid is worth every filled ask), under volume priority there is one pool per pair of
groups that the greedy pass brought together.

Most books need none of this: where no price group is filled in part, the greedy pass under price priority already is the
pairing (`_walk`). Books in which it is not go through the passes above.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels._jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def match_books(
    bid_kwh: Floats,
    ask_kwh: Floats,
    bid_per_kwh: Floats,
    ask_per_kwh: Floats,
    bid_order: Ints,
    ask_order: Ints,
    by_volume: bool,
    pro_rata: bool,
    same_bus: bool,
    dust: float,
    offset: Ints,
    seller: Ints,
    buyer: Ints,
    quantity_kwh: Floats,
) -> None:
    """Match the bids and asks of every book.

    Parameters
    ----------
    bid_kwh, ask_kwh : (n_books, n_bus) float64, kWh
        Orders; zero for none.
    bid_per_kwh, ask_per_kwh : (n_rows, n_bus) float64, currency per kWh
        Each row serves n_books / n_rows books in turn.
    bid_order, ask_order : (n_rows, n_bus) int64
        Buses by price, stable: asks ascending; bids descending, under volume priority ascending.
    by_volume, pro_rata, same_bus : bool
        Volume instead of price priority; shares within a price group; whether a bus may trade with itself.
    dust : float
        A remainder of at most this share of its order joins the trade before it.
    offset : (n_books + 1,) int64
        Output: where each book's trades begin.
    seller, buyer : (room,) int64; quantity_kwh : (room,) float64, kWh
        Outputs; twice the number of orders is always room enough.
    """
    n_books, n_bus = bid_kwh.shape
    bid_books, ask_books = n_books // max(len(bid_order), 1), n_books // max(len(ask_order), 1)
    bids, asks = np.empty(n_bus, np.int64), np.empty(n_bus, np.int64)
    # one place more than there are buses: `_walk` looks at the order after the last
    bid_size, bid_price, bid_fill, take = np.empty(n_bus + 1), np.empty(n_bus + 1), np.empty(n_bus), np.empty(n_bus)
    ask_size, ask_price, ask_fill, give = np.empty(n_bus + 1), np.empty(n_bus + 1), np.empty(n_bus), np.empty(n_bus)
    pool = np.empty((2 * n_bus, 4), np.int64)
    pool_kwh = np.empty(2 * n_bus)
    at_bid, twin = np.empty(n_bus, np.int64), np.empty((n_bus, 2), np.int64)
    end = 0
    offset[0] = 0
    for k in range(n_books):
        bid_row, ask_row = k // bid_books, k // ask_books
        offset[k + 1] = end
        n_asks = _collect(ask_kwh, k, ask_per_kwh, ask_order, ask_row, asks, ask_size, ask_price, ask_fill)
        if n_asks == 0:
            continue
        n_bids = _collect(bid_kwh, k, bid_per_kwh, bid_order, bid_row, bids, bid_size, bid_price, bid_fill)
        if same_bus and not by_volume:
            walked = _walk(
                n_bids, bids, bid_size, bid_price, n_asks, asks, ask_size, ask_price,
                pro_rata, dust, end, seller, buyer, quantity_kwh,
            )  # fmt: skip
            if walked != -1:
                end = offset[k + 1] = walked
                continue
        if by_volume:
            n_pools = _greedy_volume(
                n_bids, bid_size, bid_price, bid_fill, n_asks, ask_size, ask_price, ask_fill, at_bid, pool, pool_kwh,
            )  # fmt: skip
        else:
            n_pools = _greedy_price(
                n_bids, bid_size, bid_price, bid_fill, n_asks, ask_size, ask_price, ask_fill, pool, pool_kwh,
            )  # fmt: skip
        if n_pools == 0:
            continue
        _share(n_bids, bid_size, bid_price, pro_rata, dust, bid_fill)
        _share(n_asks, ask_size, ask_price, pro_rata, dust, ask_fill)
        for p in range(n_pools):
            b0, b1, a0, a1 = pool[p, 0], pool[p, 1], pool[p, 2], pool[p, 3]
            _slice(bid_size, bid_fill, b0, b1, pool_kwh[p], dust, take)
            _slice(ask_size, ask_fill, a0, a1, pool_kwh[p], dust, give)
            n_twins = 0 if same_bus else _twins(bids, take, b0, b1, asks, give, a0, a1, at_bid, twin)
            if n_twins > 0:
                end = _pair_apart(
                    bids, bid_size, take, b0, b1, asks, ask_size, give, a0, a1, n_twins, twin, dust,
                    end, seller, buyer, quantity_kwh,
                )  # fmt: skip
            else:
                end = _pair(bids, bid_size, take, b0, b1, asks, ask_size, give, a0, a1, dust, end, seller, buyer, quantity_kwh)
        offset[k + 1] = end


@kernel
def _collect(
    kwh: Floats, k: int, per_kwh: Floats, order: Ints, row: int, bus: Ints, size: Floats, price: Floats, fill: Floats
) -> int:
    """The orders of one side of book k in merit order; returns how many."""
    n = 0
    for place in range(order.shape[1]):
        b = order[row, place]
        if kwh[k, b] > 0.0:
            bus[n], size[n], price[n], fill[n] = b, kwh[k, b], per_kwh[row, b], 0.0
            n += 1
    return n


@kernel
def _walk(
    n_bids: int, bids: Ints, bid_size: Floats, bid_price: Floats,
    n_asks: int, asks: Ints, ask_size: Floats, ask_price: Floats,
    pro_rata: bool, dust: float, end: int, seller: Ints, buyer: Ints, quantity_kwh: Floats,
) -> int:  # fmt: skip
    """Highest bid meets lowest ask while it is worth it, each meeting a trade; the new end of the trades.

    -1 where an order that is filled in part shares its price with another, or where its part is dust: these need a second
    look. Every step is the same few operations whichever side is exhausted, so there is no branch to mispredict.
    """
    i = j = 0
    bid_rest, ask_rest = bid_size[0], ask_size[0]
    while i < n_bids and j < n_asks and bid_price[i] >= ask_price[j]:
        q = min(bid_rest, ask_rest)
        bid_left, ask_left = bid_rest - q, ask_rest - q
        bid_dust, ask_dust = dust * bid_size[i], dust * ask_size[j]
        bid_done, ask_done = bid_left <= bid_dust, ask_left <= ask_dust
        q += bid_left if bid_done and bid_left <= ask_dust else 0.0
        q += ask_left if ask_done and ask_left <= bid_dust else 0.0
        seller[end], buyer[end], quantity_kwh[end] = asks[j], bids[i], q
        end += 1
        i += 1 if bid_done else 0
        j += 1 if ask_done else 0
        bid_rest = bid_size[i] if bid_done else bid_left
        ask_rest = ask_size[j] if ask_done else ask_left
    if _needs_sharing(i, n_bids, bid_size, bid_price, bid_rest, pro_rata, dust):
        return -1
    if _needs_sharing(j, n_asks, ask_size, ask_price, ask_rest, pro_rata, dust):
        return -1
    return end


@kernel
def _needs_sharing(i: int, n: int, size: Floats, price: Floats, rest: float, pro_rata: bool, dust: float) -> bool:
    """Whether order i, the first that is not wholly filled, leaves its price group to be shared, or has but dust."""
    if i == n:
        return False
    filled = size[i] - rest
    if 0.0 < filled <= dust * size[i]:
        return True
    if not pro_rata:
        return False
    return (i > 0 and price[i - 1] == price[i]) or (filled > 0.0 and i + 1 < n and price[i + 1] == price[i])


@kernel
def _greedy_price(
    n_bids: int, bid_size: Floats, bid_price: Floats, bid_fill: Floats,
    n_asks: int, ask_size: Floats, ask_price: Floats, ask_fill: Floats,
    pool: Ints, pool_kwh: Floats,
) -> int:  # fmt: skip
    """Highest bid meets lowest ask while it is worth it; one pool."""
    i = j = 0
    volume = 0.0
    while i < n_bids and j < n_asks and bid_price[i] >= ask_price[j]:
        bid_rest, ask_rest = bid_size[i] - bid_fill[i], ask_size[j] - ask_fill[j]
        q = min(bid_rest, ask_rest)
        bid_fill[i] += q
        ask_fill[j] += q
        volume += q
        if bid_rest <= ask_rest:
            bid_fill[i] = bid_size[i]
            i += 1
        if ask_rest <= bid_rest:
            ask_fill[j] = ask_size[j]
            j += 1
    pool[0] = (0, n_bids, 0, n_asks)
    pool_kwh[0] = volume
    return 1 if volume > 0.0 else 0


@kernel
def _greedy_volume(
    n_bids: int, bid_size: Floats, bid_price: Floats, bid_fill: Floats,
    n_asks: int, ask_size: Floats, ask_price: Floats, ask_fill: Floats,
    stack: Ints, pool: Ints, pool_kwh: Floats,
) -> int:  # fmt: skip
    """Lowest bid meets the highest ask it can pay; a pool per pair of price groups.

    A low bid's asks are a subset of a higher bid's, so serving low bids first loses no volume.
    """
    n_pools = 0
    below = 0  # asks[:below] cost at most the current bid; those not sold out form a stack, the dearest on top
    top = 0
    bid_group = 0
    for i in range(n_bids):
        if bid_price[i] > bid_price[bid_group]:
            bid_group = i
        while below < n_asks and ask_price[below] <= bid_price[i]:
            stack[top] = below
            top += 1
            below += 1
        while top > 0 and bid_fill[i] < bid_size[i]:
            j = stack[top - 1]
            bid_rest, ask_rest = bid_size[i] - bid_fill[i], ask_size[j] - ask_fill[j]
            q = min(bid_rest, ask_rest)
            bid_fill[i] = bid_size[i] if bid_rest <= ask_rest else bid_fill[i] + q
            ask_fill[j] = ask_size[j] if ask_rest <= bid_rest else ask_fill[j] + q
            if ask_rest <= bid_rest:
                top -= 1
            if n_pools == 0 or pool[n_pools - 1, 0] != bid_group or ask_price[pool[n_pools - 1, 2]] != ask_price[j]:
                pool[n_pools] = (bid_group, _group_end(bid_price, bid_group, n_bids), j, _group_end(ask_price, j, n_asks))
                while pool[n_pools, 2] > 0 and ask_price[pool[n_pools, 2] - 1] == ask_price[j]:
                    pool[n_pools, 2] -= 1
                pool_kwh[n_pools] = 0.0
                n_pools += 1
            pool_kwh[n_pools - 1] += q
    return n_pools


@kernel
def _group_end(price: Floats, begin: int, n: int) -> int:
    end = begin + 1
    while end < n and price[end] == price[begin]:
        end += 1
    return end


@kernel
def _share(n: int, size: Floats, price: Floats, pro_rata: bool, dust: float, fill: Floats) -> None:
    """Spread each price group's volume over its orders: in proportion to size, or first come first served."""
    begin = 0
    while begin < n:
        end = _group_end(price, begin, n)
        filled = total = 0.0
        for i in range(begin, end):
            filled += fill[i]
            total += size[i]
        if filled < total * (1.0 - dust):
            share = filled / total
            for i in range(begin, end):
                fill[i] = size[i] * share if pro_rata else min(size[i], filled)
                filled -= fill[i]
                if fill[i] <= dust * size[i]:  # what rounding leaves of the orders before
                    fill[i] = 0.0
        else:
            for i in range(begin, end):
                fill[i] = size[i]
        begin = end


@kernel
def _slice(size: Floats, fill: Floats, begin: int, end: int, kwh: float, dust: float, part: Floats) -> None:
    """Move the first `kwh` of the fills of a run of orders into `part`."""
    for i in range(begin, end):
        q = min(fill[i], kwh)
        if fill[i] - q <= dust * size[i]:
            q = fill[i]
        part[i] = q
        fill[i] -= q
        kwh = max(kwh - q, 0.0)


@kernel
def _pair(
    bids: Ints, bid_size: Floats, take: Floats, b0: int, b1: int,
    asks: Ints, ask_size: Floats, give: Floats, a0: int, a1: int,
    dust: float, end: int, seller: Ints, buyer: Ints, quantity_kwh: Floats,
) -> int:  # fmt: skip
    """Run both lists in order; returns the new end of the trades."""
    i, j = b0, a0
    while True:
        i, j = _next(take, i, b1), _next(give, j, a1)
        if i == b1 or j == a1:
            return end
        q = _trade(take, i, bid_size[i], give, j, ask_size[j], np.inf, dust)
        seller[end], buyer[end], quantity_kwh[end] = asks[j], bids[i], q
        end += 1


@kernel
def _trade(take: Floats, i: int, bid_size: float, give: Floats, j: int, ask_size: float, most: float, dust: float) -> float:
    """The quantity that bid i and ask j trade, taken off both.

    What then remains of an order and is dust goes along, or is dropped where it would be more than dust to the other side.
    """
    q: float = min(take[i], give[j], most)
    take[i] -= q
    give[j] -= q
    if take[i] <= dust * bid_size:
        q += take[i] if take[i] <= dust * ask_size else 0.0
        take[i] = 0.0
    if give[j] <= dust * ask_size:
        q += give[j] if give[j] <= dust * bid_size else 0.0
        give[j] = 0.0
    return q


@kernel
def _twins(
    bids: Ints, take: Floats, b0: int, b1: int, asks: Ints, give: Floats, a0: int, a1: int, at_bid: Ints, twin: Ints
) -> int:
    """Buses that both buy and sell in a pool, as (bid, ask) places; returns how many."""
    at_bid[:] = -1
    for i in range(b0, b1):
        if take[i] > 0.0:
            at_bid[bids[i]] = i
    n = 0
    for j in range(a0, a1):
        if give[j] > 0.0 and at_bid[asks[j]] != -1:
            twin[n, 0], twin[n, 1] = at_bid[asks[j]], j
            n += 1
    return n


@kernel
def _pair_apart(
    bids: Ints, bid_size: Floats, take: Floats, b0: int, b1: int,
    asks: Ints, ask_size: Floats, give: Floats, a0: int, a1: int,
    n_twins: int, twin: Ints, dust: float, end: int, seller: Ints, buyer: Ints, quantity_kwh: Floats,
) -> int:  # fmt: skip
    """Pair in order, no bus with itself.

    What is left of V can be paired without self-trades as long as each bus's bid and ask together are at most V (Hall's
    condition for the complete bipartite graph without its diagonal). A bus that reaches V must be in every trade from then
    on; so no trade between others is made larger than what keeps the condition.
    """
    volume = _sum(take, b0, b1)
    dust_kwh = dust * volume
    for n in range(n_twins):
        excess = take[twin[n, 0]] + give[twin[n, 1]] - volume
        if excess > dust_kwh:
            take[twin[n, 0]] -= excess
            give[twin[n, 1]] -= excess
    while True:
        volume = min(_sum(take, b0, b1), _sum(give, a0, a1))
        i, j = _next(take, b0, b1), _next(give, a0, a1)
        if i == b1 or j == a1:
            return end
        if bids[i] == asks[j]:
            i = _next(take, i + 1, b1)
        most = np.inf
        tight = -1
        for n in range(n_twins):
            room = volume - take[twin[n, 0]] - give[twin[n, 1]]
            if room <= dust_kwh:
                tight = n
            elif i < b1 and bids[twin[n, 0]] != bids[i] and bids[twin[n, 0]] != asks[j]:
                most = min(most, room)
        if tight != -1 or i == b1:
            break
        q = _trade(take, i, bid_size[i], give, j, ask_size[j], most, dust)
        seller[end], buyer[end], quantity_kwh[end] = asks[j], bids[i], q
        end += 1
    if tight == -1:
        return end
    return _pair_with(
        twin[tight, 0], twin[tight, 1],
        bids, bid_size, take, b0, b1, asks, ask_size, give, a0, a1, dust, end, seller, buyer, quantity_kwh,
    )  # fmt: skip


@kernel
def _pair_with(
    own_bid: int, own_ask: int,
    bids: Ints, bid_size: Floats, take: Floats, b0: int, b1: int,
    asks: Ints, ask_size: Floats, give: Floats, a0: int, a1: int,
    dust: float, end: int, seller: Ints, buyer: Ints, quantity_kwh: Floats,
) -> int:  # fmt: skip
    """Pair one bus's ask with all other bids and its bid with all other asks, in order."""
    for i in range(b0, b1):
        if i != own_bid and take[i] > 0.0 and give[own_ask] > 0.0:
            q = _trade(take, i, bid_size[i], give, own_ask, ask_size[own_ask], np.inf, dust)
            seller[end], buyer[end], quantity_kwh[end] = asks[own_ask], bids[i], q
            end += 1
    for j in range(a0, a1):
        if j != own_ask and give[j] > 0.0 and take[own_bid] > 0.0:
            q = _trade(take, own_bid, bid_size[own_bid], give, j, ask_size[j], np.inf, dust)
            seller[end], buyer[end], quantity_kwh[end] = asks[j], bids[own_bid], q
            end += 1
    return end


@kernel
def _next(rest: Floats, begin: int, end: int) -> int:
    """The first place with something left, or `end`."""
    while begin < end and rest[begin] <= 0.0:
        begin += 1
    return begin


@kernel
def _sum(values: Floats, begin: int, end: int) -> float:
    total = 0.0
    for i in range(begin, end):
        total += values[i]
    return total
