"""The double auction, book by book: who fills how much, then who trades with whom.

Orders of one side and price are a price group. What a group of bids buys from a group of asks is a *pool*. Under pro-rata ties
every order of a group has the same part of its size in a pool (`_portion`), so it does not matter in which order they are
taken; first come first served, a pool takes what is left of its group's first orders (`_slice`). Inside a pool the trades are a
walk down both lists (`_walk`), which gives every seller and every buyer its part; `kernels/market/trades.py` makes the pairs of
it. Where all prices of a book differ, or each side has one, a walk over all its orders is the walk of every pool, and
`_match_by_price` shares what the last price groups trade.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

DUST = 1e-12
"""What is left of an order counts as nothing up to this share of it: it joins the trade before."""
TINY = 1e-5
"""An order below this share of its side does not come last in a pool, where it would take the rounding of the whole pool."""


class MatchRoom(NamedTuple):
    """Work space of `match_in_room` for books of n_bus buses.

    Attributes
    ----------
    bids, asks : (n_bus,) int64
    bid_size, bid_price, take, ask_size, ask_price, give : (n_bus,) float64
    begin : (3, n_bus + 1) int64
    of_bids, of_asks : (4, n_bus) float64
    pool : (2, 2 n_bus) int64; pool_kwh : (2 n_bus,) float64
    """

    bids: Ints
    asks: Ints
    bid_size: Floats
    bid_price: Floats
    take: Floats
    ask_size: Floats
    ask_price: Floats
    give: Floats
    begin: Ints
    of_bids: Floats
    of_asks: Floats
    pool: Ints
    pool_kwh: Floats


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
) -> bool:
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
        Outputs, the trades of one pool after those of another; `count_room` says how much room is enough.

    Returns
    -------
    bool
        Whether several sellers meet several buyers in some pool of pro-rata orders. Where none do, the trades are the pairs.
    """
    n_bus = bid_kwh.shape[1]
    room = MatchRoom(
        np.empty(n_bus, np.int64), np.empty(n_bus, np.int64), np.empty(n_bus), np.empty(n_bus), np.empty(n_bus),
        np.empty(n_bus), np.empty(n_bus), np.empty(n_bus), np.empty((3, n_bus + 1), np.int64), np.empty((4, n_bus)),
        np.empty((4, n_bus)), np.empty((2, 2 * n_bus), np.int64), np.empty(2 * n_bus),
    )  # fmt: skip
    return match_in_room(
        bid_kwh, ask_kwh, bid_per_kwh, ask_per_kwh, bid_order, ask_order, (by_volume, pro_rata), room,
        offset, seller, buyer, quantity_kwh,
    )  # fmt: skip


@kernel
def match_in_room(
    bid_kwh: Floats, ask_kwh: Floats, bid_per_kwh: Floats, ask_per_kwh: Floats, bid_order: Ints, ask_order: Ints,
    rule: tuple[bool, bool], room: MatchRoom, offset: Ints, seller: Ints, buyer: Ints, quantity_kwh: Floats,
) -> bool:  # fmt: skip
    """`match_books` in a work space that the caller has: one book of a thread of a GPU, or all of a batch.

    `rule` is whether volume has priority, and whether ties are shared pro rata.
    """
    by_volume, pro_rata = rule
    n_books = len(bid_kwh)
    bid_books, ask_books = n_books // max(len(bid_order), 1), n_books // max(len(ask_order), 1)
    bids, asks, bid_size, bid_price, take, ask_size, ask_price, give, begin, of_bids, of_asks, pool, pool_kwh = room
    some_mix = False
    offset[0] = 0
    end = offset[0]  # a literal 0 has a type of its own, for which numba would compile all that takes it once more
    for k in range(n_books):
        bid_row, ask_row = k // bid_books, k // ask_books
        n_asks, ask_prices, ask_total = _collect(ask_kwh, k, ask_per_kwh, ask_order, ask_row, asks, ask_size, ask_price)
        if n_asks > 0:
            n_bids, bid_prices, bid_total = _collect(bid_kwh, k, bid_per_kwh, bid_order, bid_row, bids, bid_size, bid_price)
            last_is_tiny = ask_size[n_asks - 1] < TINY * ask_total or (n_bids > 0 and bid_size[n_bids - 1] < TINY * bid_total)
            one_pool = bid_prices == 1 and ask_prices == 1
            no_mix = not pro_rata or (bid_prices == n_bids and ask_prices == n_asks)
            some_mix |= not (no_mix or n_bids == 1 or n_asks == 1)
            if (one_pool and not (pro_rata and last_is_tiny)) or (no_mix and not by_volume):
                end = _match_by_price(
                    n_bids, bids, bid_size, bid_price, take, n_asks, asks, ask_size, ask_price, give,
                    pro_rata, end, seller, buyer, quantity_kwh,
                )  # fmt: skip
            else:
                end = _match_in_pools(
                    n_bids, bids, bid_size, bid_price, take, n_asks, asks, ask_size, ask_price, give,
                    by_volume, pro_rata, begin, of_bids, of_asks, pool, pool_kwh, end, seller, buyer, quantity_kwh,
                )  # fmt: skip
        offset[k + 1] = end
    return some_mix


@kernel
def _collect(
    kwh: Floats, k: int, per_kwh: Floats, order: Ints, row: int, bus: Ints, size: Floats, price: Floats
) -> tuple[int, int, float]:
    """The orders of one side of book k in merit order; returns how many, of how many prices, and their sum."""
    n = n_prices = 0
    total = 0.0
    for place in range(order.shape[1]):
        b = order[row, place]
        if kwh[k, b] > 0.0:
            bus[n], size[n], price[n] = b, kwh[k, b], per_kwh[row, b]
            n_prices += 1 if n == 0 or price[n] != price[n - 1] else 0
            n, total = n + 1, total + kwh[k, b]
    return n, n_prices, total


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
        bids, take, bid_price, take, 0, n_take, asks, give, ask_price, give, 0, n_give,
        end, seller, buyer, quantity_kwh,
    )[0]  # fmt: skip


@kernel
def _match_in_pools(
    n_bids: int, bids: Ints, bid_size: Floats, bid_price: Floats, take: Floats,
    n_asks: int, asks: Ints, ask_size: Floats, ask_price: Floats, give: Floats,
    by_volume: bool, pro_rata: bool, begin: Ints, of_bids: Floats, of_asks: Floats, pool: Ints, pool_kwh: Floats,
    end: int, seller: Ints, buyer: Ints, quantity_kwh: Floats,
) -> int:  # fmt: skip
    """The pools of the price groups, then the trades of each. Returns the new end of the trades."""
    bid_begin, bid_kwh, bid_fill, bid_left = begin[0], of_bids[0], of_bids[2], of_bids[3]
    ask_begin, ask_kwh, ask_fill, ask_left = begin[1], of_asks[0], of_asks[2], of_asks[3]
    n_bid_groups = _group(n_bids, bid_size, bid_price, bid_begin, bid_kwh, of_bids[1])
    n_ask_groups = _group(n_asks, ask_size, ask_price, ask_begin, ask_kwh, of_asks[1])
    n_pools = _find_pools(
        n_bid_groups, bid_kwh, of_bids[1], n_ask_groups, ask_kwh, of_asks[1],
        by_volume, begin[2], ask_fill, pool[0], pool[1], pool_kwh,
    )  # fmt: skip
    _sum_up(n_bid_groups, n_pools, pool[0], pool_kwh, bid_fill)
    _sum_up(n_ask_groups, n_pools, pool[1], pool_kwh, ask_fill)
    for i in range(n_bids):  # loops, as slices that are assigned take two seconds to compile
        bid_left[i] = bid_size[i]
    for j in range(n_asks):
        ask_left[j] = ask_size[j]
    for p in range(n_pools):
        g, h, kwh = pool[0, p], pool[1, p], pool_kwh[p]
        b0, b1, a0, a1 = bid_begin[g], bid_begin[g + 1], ask_begin[h], ask_begin[h + 1]
        if not (bid_fill[g] > DUST * bid_kwh[g] and ask_fill[h] > DUST * ask_kwh[h]):
            continue  # a group that trades dust does not trade
        if pro_rata and a1 == a0 + 1:
            end = _deal(bids, bid_size, b0, b1, bid_kwh[g], asks[a0], kwh, end, buyer, seller, quantity_kwh)
            continue
        if pro_rata and b1 == b0 + 1:
            end = _deal(asks, ask_size, a0, a1, ask_kwh[h], bids[b0], kwh, end, seller, buyer, quantity_kwh)
            continue
        if pro_rata:
            _portion(bid_size, b0, b1, kwh / bid_kwh[g], take)
            _portion(ask_size, a0, a1, kwh / ask_kwh[h], give)
            _end_with_the_largest(bids, bid_size, take, b0, b1, kwh)
            _end_with_the_largest(asks, ask_size, give, a0, a1, kwh)
        else:
            _slice(bid_size, bid_left, b0, b1, kwh, take)
            _slice(ask_size, ask_left, a0, a1, kwh, give)
        end = _walk(
            bids, take, bid_price, take, b0, b1, asks, give, ask_price, give, a0, a1,
            end, seller, buyer, quantity_kwh,
        )[0]  # fmt: skip
    return end


@kernel
def _group(n: int, size: Floats, price: Floats, begin: Ints, total: Floats, at: Floats) -> int:
    """Group g has the orders ``begin[g]:begin[g + 1]``, their total size and their price; returns how many groups there are."""
    n_groups = 0
    for i in range(n):
        if i == 0 or price[i] != price[i - 1]:
            begin[n_groups], total[n_groups], at[n_groups] = i, 0.0, price[i]
            n_groups += 1
        total[n_groups - 1] += size[i]
    begin[n_groups] = n
    return n_groups


@kernel
def _find_pools(
    n_bids: int, bid_kwh: Floats, bid_at: Floats, n_asks: int, ask_kwh: Floats, ask_at: Floats,
    by_volume: bool, number: Ints, spare: Floats, bids: Ints, asks: Ints, kwh: Floats,
) -> int:  # fmt: skip
    """Which group of bids buys how much from which group of asks; returns how many pools. `spare` has room for all asks."""
    if by_volume:
        return _greedy_volume(n_bids, bid_kwh, bid_at, n_asks, ask_kwh, ask_at, spare, number, bids, asks, kwh)
    for g in range(max(n_bids, n_asks)):
        number[g] = g
    return _walk(number, bid_kwh, bid_at, bid_kwh, 0, n_bids, number, ask_kwh, ask_at, ask_kwh, 0, n_asks, 0, asks, bids, kwh)[
        0
    ]


@kernel
def _sum_up(n_groups: int, n_pools: int, group: Ints, kwh: Floats, fill: Floats) -> None:
    """What every group has in its pools."""
    for g in range(n_groups):
        fill[g] = 0.0
    for p in range(n_pools):
        fill[group[p]] += kwh[p]


@kernel
def _portion(size: Floats, begin: int, end: int, share: float, part: Floats) -> None:
    """Every order's part in a pool where its group has a share of its size."""
    for i in range(begin, end):
        part[i] = size[i] * share


@kernel
def _end_with_the_largest(bus: Ints, size: Floats, part: Floats, begin: int, end: int, kwh: float) -> None:
    """Let the largest order of a pool's side come last where the last is tiny: the last takes the rounding of them all."""
    last = largest = end - 1
    if part[last] < TINY * kwh:
        for i in range(begin, end):
            largest = i if part[i] > part[largest] else largest
        bus[largest], bus[last] = bus[last], bus[largest]
        size[largest], size[last] = size[last], size[largest]
        part[largest], part[last] = part[last], part[largest]


@kernel
def _deal(
    orders: Ints, size: Floats, begin: int, stop: int, total: float, other: int, kwh: float,
    end: int, side: Ints, other_side: Ints, quantity_kwh: Floats,
) -> int:  # fmt: skip
    """`_portion` as trades, where the pool has one order on the other side. Returns the new end of the trades."""
    alone, share = stop == begin + 1, kwh / total
    for i in range(begin, min(stop, begin + len(quantity_kwh) - end)):
        side[end], other_side[end], quantity_kwh[end] = orders[i], other, kwh if alone else size[i] * share
        end += 1 if quantity_kwh[end] > 0.0 else 0
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
    n_bids: int, bid_size: Floats, bid_price: Floats, n_asks: int, ask_size: Floats, ask_price: Floats, ask_filled: Floats,
    stack: Ints, bids: Ints, asks: Ints, quantity_kwh: Floats,
) -> int:  # fmt: skip
    """Lowest bid meets the highest ask it can pay, in the steps of `_walk`. Returns how many meetings there are.

    A low bid's asks are a subset of a higher bid's, so serving low bids first loses no volume.
    """
    n = 0
    below = 0  # asks[:below] cost at most the current bid; those not sold out form a stack, the dearest on top
    top = 0
    for i in range(n_bids):
        while below < n_asks and ask_price[below] <= bid_price[i]:  # ends: below rises
            stack[top], ask_filled[below] = below, 0.0
            top += 1
            below += 1
        bid_filled, bid_done = 0.0, False
        # ends: a step fills the bid or takes an ask off the stack, where each comes once, or both where a rest is no number; so
        # there are fewer meetings than orders
        while top > 0 and not bid_done:
            j = stack[top - 1]
            bid_rest, ask_rest = bid_size[i] - bid_filled, ask_size[j] - ask_filled[j]
            q = min(bid_rest, ask_rest)
            bid_left, ask_left = bid_rest - q, ask_rest - q
            bid_dust, ask_dust = DUST * max(bid_size[i], 1e-3 * ask_size[j]), DUST * max(ask_size[j], 1e-3 * bid_size[i])
            bid_done, ask_done = not bid_left > bid_dust, not ask_left > ask_dust
            q += bid_left if bid_done and bid_left <= ask_dust else 0.0
            q += ask_left if ask_done and ask_left <= bid_dust else 0.0
            bids[n], asks[n], quantity_kwh[n] = i, j, q
            n += 1
            bid_filled += q
            ask_filled[j] += q
            top -= 1 if ask_done else 0
    return n


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
