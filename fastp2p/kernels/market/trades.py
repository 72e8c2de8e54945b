"""Room for trades, their pairs, and their prices."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import TradeArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def stay_inside(offset: Ints, seller: Ints, buyer: Ints, n_bus: int) -> bool:
    """Whether offsets never fall, and every seller and buyer is one of the buses.

    Parameters
    ----------
    offset : (n_books + 1,) int64
    seller, buyer : (n_trades,) int64
    n_bus : int
    """
    inside = True
    for k in range(len(offset) - 1):
        inside &= offset[k] <= offset[k + 1]
    for i in range(len(seller)):
        inside &= (seller[i] >= 0) & (seller[i] < n_bus) & (buyer[i] >= 0) & (buyer[i] < n_bus)
    return inside


@kernel
def count_room(
    bid_kwh: Floats, ask_kwh: Floats, bid_per_kwh: Floats, ask_per_kwh: Floats, bid_order: Ints, ask_order: Ints, pro_rata: bool
) -> int:
    """Room for the trades of all books, as `match_books` takes it: at least as much as they need.

    A pool of n bids and m asks has n + m - 1 trades at most, and no more than n m; a book has fewer pools than orders. First
    come first served all pools of a book together have fewer than twice as many trades as there are orders.

    Parameters
    ----------
    bid_kwh, ask_kwh : (n_books, n_bus) float64, kWh
    bid_per_kwh, ask_per_kwh : (n_rows, n_bus) float64, currency per kWh
        Each row serves n_books / n_rows books in turn.
    bid_order, ask_order : (n_rows, n_bus) int64
        Buses by price.
    pro_rata : bool
    """
    n_books, n_bus = bid_kwh.shape
    bid_books, ask_books = n_books // max(len(bid_order), 1), n_books // max(len(ask_order), 1)
    bid_prices = most_bids = ask_prices = most_asks = 0
    room = 0
    for k in range(n_books):
        if pro_rata and k % bid_books == 0:
            bid_prices, most_bids = _count_prices(bid_per_kwh, bid_order, k // bid_books)
        if pro_rata and k % ask_books == 0:
            ask_prices, most_asks = _count_prices(ask_per_kwh, ask_order, k // ask_books)
        n_bids = n_asks = 0
        for b in range(n_bus):
            n_bids += bid_kwh[k, b] > 0.0
            n_asks += ask_kwh[k, b] > 0.0
        if pro_rata:
            in_pools = min(n_bids * ask_prices + n_asks * bid_prices, (n_bids + n_asks) * (most_bids + most_asks - 1))
            room += min(n_bids * n_asks, in_pools)
        else:
            room += 2 * (n_bids + n_asks)
    return room


@kernel
def _count_prices(per_kwh: Floats, order: Ints, row: int) -> tuple[int, int]:
    """How many prices a row has, and how many buses the one that most of them share."""
    n_prices = most = same = 0
    for place in range(order.shape[1]):
        if place == 0 or per_kwh[row, order[row, place]] != per_kwh[row, order[row, place - 1]]:
            n_prices, same = n_prices + 1, 0
        same += 1
        most = max(most, same)
    return n_prices, most


@kernel
def count_pairs(trades: TradeArrays, n_bus: int, offset: Ints) -> int:
    """How many sellers meet how many buyers, pool by pool.

    Parameters
    ----------
    trades : TradeArrays
        A pool is a run of trades of one book at one bid and one ask.
    n_bus : int
    offset : (n_books + 1,) int64
        Output: where each book's pairs begin.

    Returns
    -------
    int
        Number of pairs in all books.
    """
    return count_pairs_in(trades, np.empty(n_bus, np.int64), np.empty(n_bus, np.int64), offset)


@kernel
def count_pairs_in(trades: TradeArrays, sold_in: Ints, bought_in: Ints, offset: Ints) -> int:
    """`count_pairs` with work space of the caller, (n_bus,) int64 twice."""
    sold_in[:] = -1
    bought_in[:] = -1
    n = 0
    offset[0] = 0
    for k in range(len(offset) - 1):
        begin, stop = trades.offset[k], trades.offset[k + 1]
        while begin < stop:  # ends: a pool has one trade at least
            end = pool_end(trades.bid_per_kwh, trades.ask_per_kwh, begin, stop)
            if end == begin + 1:  # the usual case where prices differ
                n, begin = n + 1, end
                continue
            n_sellers = n_buyers = 0
            for i in range(begin, end):
                n_sellers += sold_in[trades.seller[i]] != begin
                n_buyers += bought_in[trades.buyer[i]] != begin
                sold_in[trades.seller[i]] = bought_in[trades.buyer[i]] = begin
            n += n_sellers * n_buyers
            begin = end
        offset[k + 1] = n
    return n


@kernel
def pair_pools(
    trades: TradeArrays,
    executed_kwh: Floats,
    n_bus: int,
    source: Ints,
    seller: Ints,
    buyer: Ints,
    quantity_kwh: Floats,
    pair_executed_kwh: Floats,
) -> None:
    """Every seller of a pool with every buyer of it, in proportion: q_ij = s_i d_j / v, and s_i's executed part likewise.

    s_i is what seller i sells to the pool, d_j what buyer j buys from it, v what is traded in it.

    Parameters
    ----------
    trades : TradeArrays
        As for `count_pairs`.
    executed_kwh : (n_trades,) float64, kWh
    n_bus : int
    source : (n_pairs,) int64
        Output: the first trade of the pair's seller in the pair's pool.
    seller, buyer : (n_pairs,) int64
        Outputs: both in the order in which they appear in the pool, a seller's pairs one after the other.
    quantity_kwh, pair_executed_kwh : (n_pairs,) float64, kWh
        Outputs; may be the same array where `executed_kwh` is the matched energy.
    """
    sold_in, bought_in, place = np.full(n_bus, -1), np.full(n_bus, -1), np.empty((2, n_bus), np.int64)
    first, buyers = np.empty(n_bus, np.int64), np.empty(n_bus, np.int64)
    sold, executed, bought = np.empty(n_bus), np.empty(n_bus), np.empty(n_bus)
    n = 0
    for k in range(len(trades.offset) - 1):
        begin, stop = trades.offset[k], trades.offset[k + 1]
        while begin < stop:  # ends: a pool has one trade at least
            end = pool_end(trades.bid_per_kwh, trades.ask_per_kwh, begin, stop)
            n_sellers = n_buyers = 0
            volume = 0.0
            for i in range(begin, end):
                s, b, q = trades.seller[i], trades.buyer[i], trades.quantity_kwh[i]
                if sold_in[s] != begin:
                    sold_in[s], place[0, s], first[n_sellers] = begin, n_sellers, i
                    sold[n_sellers] = executed[n_sellers] = 0.0
                    n_sellers += 1
                if bought_in[b] != begin:
                    bought_in[b], place[1, b], buyers[n_buyers] = begin, n_buyers, b
                    bought[n_buyers] = 0.0
                    n_buyers += 1
                sold[place[0, s]] += q
                executed[place[0, s]] += executed_kwh[i]
                bought[place[1, b]] += q
                volume += q
            shared = n_buyers > 1 and volume > 0.0  # else there are not several, or is nothing, to share
            for s in range(n_sellers):
                of_sold, of_executed = (sold[s] / volume, executed[s] / volume) if shared else (0.0, 0.0)
                for b in range(n_buyers):
                    source[n], seller[n], buyer[n] = first[s], trades.seller[first[s]], buyers[b]
                    quantity_kwh[n] = bought[b] * of_sold if shared else sold[s]
                    pair_executed_kwh[n] = bought[b] * of_executed if shared else executed[s]
                    n += 1
            begin = end


@kernel
def pool_end(bid_per_kwh: Floats, ask_per_kwh: Floats, begin: int, stop: int) -> int:
    """Where the pool ends that begins with a trade, at the latest where its book does."""
    end = begin + 1
    # ends: end rises
    while end < stop and bid_per_kwh[end] == bid_per_kwh[begin] and ask_per_kwh[end] == ask_per_kwh[begin]:
        end += 1
    return end


@kernel
def look_up_prices(
    offset: Ints, seller: Ints, buyer: Ints, bid_prices: Floats, ask_prices: Floats, bid_per_kwh: Floats, ask_per_kwh: Floats
) -> None:
    """Bid and ask of every trade.

    Parameters
    ----------
    offset : (n_books + 1,) int64; seller, buyer : (n_trades,) int64
    bid_prices, ask_prices : (n_rows, n_bus) float64, currency per kWh
        Each row serves n_books / n_rows books in turn.
    bid_per_kwh, ask_per_kwh : (n_trades,) float64, currency per kWh
        Outputs.
    """
    n_books = len(offset) - 1
    bid_books, ask_books = n_books // max(len(bid_prices), 1), n_books // max(len(ask_prices), 1)
    for k in range(n_books):
        for i in range(offset[k], offset[k + 1]):
            bid_per_kwh[i] = bid_prices[k // bid_books, buyer[i]]
            ask_per_kwh[i] = ask_prices[k // ask_books, seller[i]]
