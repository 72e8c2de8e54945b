"""The double auction, book by book: who fills how much, then who trades with whom.

Orders of one side and price are a price group. Where a group is filled in part its orders share that (`_spread`, `_share`),
so it does not matter in which order they were taken. Under price priority (`_match_by_price`) every filled bid is worth every
filled ask, and pairing runs both lists in order: the greedy walk itself, or a second one over the shares. Under volume priority
(`_match_by_volume`) there is a *pool* per pair of groups that the greedy pass brought together, a run of bids and a run of asks
that are paired with one another.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DUST = 1e-12
"""What is left of an order counts as nothing up to this share of it: it joins the trade before."""


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
    by_volume, pro_rata : bool
        Volume instead of price priority; shares within a price group.
    offset : (n_books + 1,) int64
        Output: where each book's trades begin.
    seller, buyer : (room,) int64; quantity_kwh : (room,) float64, kWh
        Outputs; twice the number of orders is always room enough.
    """
    n_books, n_bus = bid_kwh.shape
    bid_books, ask_books = n_books // max(len(bid_order), 1), n_books // max(len(ask_order), 1)
    bids, asks = np.empty(n_bus, np.int64), np.empty(n_bus, np.int64)
    bid_size, bid_price, bid_fill, take = np.empty(n_bus), np.empty(n_bus), np.empty(n_bus), np.empty(n_bus)
    ask_size, ask_price, ask_fill, give = np.empty(n_bus), np.empty(n_bus), np.empty(n_bus), np.empty(n_bus)
    pool = np.empty((2 * n_bus, 4), np.int64)
    pool_kwh = np.empty(2 * n_bus)
    stack = np.empty(n_bus, np.int64)
    end = 0
    offset[0] = 0
    for k in range(n_books):
        bid_row, ask_row = k // bid_books, k // ask_books
        n_asks = _collect(ask_kwh, k, ask_per_kwh, ask_order, ask_row, asks, ask_size, ask_price, ask_fill)
        if n_asks > 0:
            n_bids = _collect(bid_kwh, k, bid_per_kwh, bid_order, bid_row, bids, bid_size, bid_price, bid_fill)
            if by_volume:
                end = _match_by_volume(
                    n_bids, bids, bid_size, bid_price, bid_fill, take, n_asks, asks, ask_size, ask_price, ask_fill, give,
                    pro_rata, stack, pool, pool_kwh, end, seller, buyer, quantity_kwh,
                )  # fmt: skip
            else:
                end = _match_by_price(
                    n_bids, bids, bid_size, bid_price, take, n_asks, asks, ask_size, ask_price, give,
                    pro_rata, end, seller, buyer, quantity_kwh,
                )  # fmt: skip
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
def _match_by_price(
    n_bids: int, bids: Ints, bid_size: Floats, bid_price: Floats, take: Floats,
    n_asks: int, asks: Ints, ask_size: Floats, ask_price: Floats, give: Floats,
    pro_rata: bool, end: int, seller: Ints, buyer: Ints, quantity_kwh: Floats,
) -> int:  # fmt: skip
    """Walk; where the last price groups must be shared, once more over the shares. Returns the new end of the trades."""
    walked, i, j, bid_filled, ask_filled = _walk(
        bids, bid_size, bid_price, bid_size, 0, n_bids, asks, ask_size, ask_price, ask_size, 0, n_asks,
        end, seller, buyer, quantity_kwh,
    )  # fmt: skip
    n_take = _spread(i, n_bids, bid_size, bid_price, bid_filled, pro_rata, take)
    n_give = _spread(j, n_asks, ask_size, ask_price, ask_filled, pro_rata, give)
    if n_take == -1 and n_give == -1:
        return walked
    if n_take == -1:
        n_take = _keep(i, bid_size, bid_filled, take)
    if n_give == -1:
        n_give = _keep(j, ask_size, ask_filled, give)
    return _walk(
        bids, bid_size, bid_price, take, 0, n_take, asks, ask_size, ask_price, give, 0, n_give,
        end, seller, buyer, quantity_kwh,
    )[0]  # fmt: skip


@kernel
def _match_by_volume(
    n_bids: int, bids: Ints, bid_size: Floats, bid_price: Floats, bid_fill: Floats, take: Floats,
    n_asks: int, asks: Ints, ask_size: Floats, ask_price: Floats, ask_fill: Floats, give: Floats,
    pro_rata: bool, stack: Ints, pool: Ints, pool_kwh: Floats,
    end: int, seller: Ints, buyer: Ints, quantity_kwh: Floats,
) -> int:  # fmt: skip
    """Fill greedily, share within price groups, pair pool by pool. Returns the new end of the trades."""
    n_pools = _greedy_volume(
        n_bids, bid_size, bid_price, bid_fill, n_asks, ask_size, ask_price, ask_fill, stack, pool, pool_kwh,
    )  # fmt: skip
    _share(n_bids, bid_size, bid_price, pro_rata, bid_fill)
    _share(n_asks, ask_size, ask_price, pro_rata, ask_fill)
    for p in range(n_pools):
        b0, b1, a0, a1 = pool[p, 0], pool[p, 1], pool[p, 2], pool[p, 3]
        _slice(bid_size, bid_fill, b0, b1, pool_kwh[p], take)
        _slice(ask_size, ask_fill, a0, a1, pool_kwh[p], give)
        end = _walk(
            bids, bid_size, bid_price, take, b0, b1, asks, ask_size, ask_price, give, a0, a1,
            end, seller, buyer, quantity_kwh,
        )[0]  # fmt: skip
    return end


@kernel
def _walk(
    bids: Ints, bid_size: Floats, bid_price: Floats, take: Floats, b0: int, b1: int,
    asks: Ints, ask_size: Floats, ask_price: Floats, give: Floats, a0: int, a1: int,
    end: int, seller: Ints, buyer: Ints, quantity_kwh: Floats,
) -> tuple[int, int, int, float, float]:  # fmt: skip
    """Highest bid meets lowest ask while it is worth it, each meeting a trade, of what bids `take` and asks `give`.

    Every step is the same few operations whichever side is exhausted, so that there is no branch to mispredict. A rest that
    is dust of its order, or rounding beside the other, is none; an order that takes nothing makes no trade. Returns the new
    end of the trades, and of either side the first order that is not done and how much of it is.
    """
    i, j = b0, a0
    bid_filled = ask_filled = 0.0
    # ends: every step moves i or j on, or both where a rest is no number; and it writes inside the arrays whatever these hold
    while i < b1 and j < a1 and end < len(quantity_kwh) and bid_price[i] >= ask_price[j]:
        bid_rest, ask_rest = take[i] - bid_filled, give[j] - ask_filled
        q = min(bid_rest, ask_rest)
        bid_left, ask_left = bid_rest - q, ask_rest - q
        bid_dust, ask_dust = DUST * max(bid_size[i], 1e-3 * give[j]), DUST * max(ask_size[j], 1e-3 * take[i])
        bid_done, ask_done = not bid_left > bid_dust, not ask_left > ask_dust
        q += bid_left if q > 0.0 and bid_done and bid_left <= ask_dust else 0.0
        q += ask_left if q > 0.0 and ask_done and ask_left <= bid_dust else 0.0
        seller[end], buyer[end], quantity_kwh[end] = asks[j], bids[i], q
        end += 1 if q > 0.0 else 0
        bid_filled = 0.0 if bid_done else bid_filled + q
        ask_filled = 0.0 if ask_done else ask_filled + q
        i += 1 if bid_done else 0
        j += 1 if ask_done else 0
    return end, i, j, bid_filled, ask_filled


@kernel
def _spread(i: int, n: int, size: Floats, price: Floats, filled: float, pro_rata: bool, part: Floats) -> int:
    """Share a price group that is filled in part: `part` of every order up to its end, and how many these are.

    `i` is the first order that is not wholly filled, but only `filled`. -1 where there is nothing to share.
    """
    if i == n:
        return -1
    begin, end, volume, total = i, i + 1, filled, size[i]
    if pro_rata:
        while begin > 0 and price[begin - 1] == price[i]:  # ends: begin falls
            begin -= 1
            volume, total = volume + size[begin], total + size[begin]
        while end < n and price[end] == price[i]:  # ends: end rises
            total += size[end]
            end += 1
    is_dust = volume <= DUST * total
    if volume == 0.0 or (end == begin + 1 and not is_dust):
        return -1
    share = min(volume / total, 1.0)
    for order in range(end):
        part[order] = size[order] * (share if order >= begin else 1.0)
    return begin if is_dust else end


@kernel
def _keep(i: int, size: Floats, filled: float, part: Floats) -> int:
    """What the walk filled of every order, and how many these are; `i` is the first that is not wholly filled."""
    for order in range(i):
        part[order] = size[order]
    if filled == 0.0:
        return i
    part[i] = filled
    return i + 1


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
        while below < n_asks and ask_price[below] <= bid_price[i]:  # ends: below rises
            stack[top] = below
            top += 1
            below += 1
        # ends: a step fills the bid or takes an ask off the stack, where each comes once; so there are no more pools than
        # orders. A rest that is no number counts as filled, on both sides
        while top > 0 and bid_fill[i] < bid_size[i]:
            j = stack[top - 1]
            bid_rest, ask_rest = bid_size[i] - bid_fill[i], ask_size[j] - ask_fill[j]
            q = min(bid_rest, ask_rest)
            bid_fill[i] = bid_fill[i] + q if bid_rest > ask_rest else bid_size[i]
            ask_fill[j] = ask_fill[j] + q if ask_rest > bid_rest else ask_size[j]
            if not ask_rest > bid_rest:
                top -= 1
            if n_pools == 0 or pool[n_pools - 1, 0] != bid_group or ask_price[pool[n_pools - 1, 2]] != ask_price[j]:
                pool[n_pools] = (bid_group, _group_end(bid_price, bid_group, n_bids), j, _group_end(ask_price, j, n_asks))
                while pool[n_pools, 2] > 0 and ask_price[pool[n_pools, 2] - 1] == ask_price[j]:  # ends: it falls
                    pool[n_pools, 2] -= 1
                pool_kwh[n_pools] = 0.0
                n_pools += 1
            pool_kwh[n_pools - 1] += q
    return n_pools


@kernel
def _group_end(price: Floats, begin: int, n: int) -> int:
    end = begin + 1
    while end < n and price[end] == price[begin]:  # ends: end rises
        end += 1
    return end


@kernel
def _share(n: int, size: Floats, price: Floats, pro_rata: bool, fill: Floats) -> None:
    """Spread each price group's volume over its orders: in proportion to size, or first come first served."""
    begin = 0
    while begin < n:  # ends: a group has one order at least
        end = _group_end(price, begin, n)
        filled = total = 0.0
        for i in range(begin, end):
            filled += fill[i]
            total += size[i]
        if filled < total * (1.0 - DUST):
            share = filled / total
            for i in range(begin, end):
                fill[i] = size[i] * share if pro_rata else min(size[i], filled)
                filled -= fill[i]
                if fill[i] <= DUST * size[i]:  # what rounding leaves of the orders before
                    fill[i] = 0.0
        else:
            for i in range(begin, end):
                fill[i] = size[i]
        begin = end


@kernel
def _slice(size: Floats, fill: Floats, begin: int, end: int, kwh: float, part: Floats) -> None:
    """Move the first `kwh` of the fills of a run of orders into `part`."""
    for i in range(begin, end):
        q = min(fill[i], kwh)
        if fill[i] - q <= DUST * size[i]:
            q = fill[i]
        part[i] = q
        fill[i] -= q
        kwh = max(kwh - q, 0.0)
