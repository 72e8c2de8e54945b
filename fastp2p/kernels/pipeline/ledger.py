"""Pairs of a seller and a buyer in pooled trades: how many there are, and what each trades.

A pool is a run of trades of one bid and one ask within a book. In it the trades of a seller follow one another, and so do
those of a buyer.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.market.pools import pool_end
from fastp2p.kernels.structs import TradeArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def count_pairs(trades: TradeArrays, count: Ints) -> None:
    """How many pairs the pools of each book have: sellers times buyers of each.

    Parameters
    ----------
    trades : TradeArrays
        Pooled, at the prices that they were matched at.
    count : (n_books,) int64
        Output.
    """
    offset, seller, buyer, _, bid_per_kwh, ask_per_kwh = trades
    for k in range(len(offset) - 1):
        pairs = n_sellers = n_buyers = 0
        for i in range(offset[k], offset[k + 1]):
            if i > offset[k] and bid_per_kwh[i] == bid_per_kwh[i - 1] and ask_per_kwh[i] == ask_per_kwh[i - 1]:
                n_sellers += seller[i] != seller[i - 1]
                n_buyers += buyer[i] != buyer[i - 1]
            else:
                pairs += n_sellers * n_buyers
                n_sellers = n_buyers = 1
        count[k] = pairs + n_sellers * n_buyers


@kernel
def pair_pools(
    trades: TradeArrays, executed_kwh: Floats, sale: Ints, purchase: Ints, matched_kwh: Floats, pair_executed_kwh: Floats
) -> None:
    """What each seller of a pool sells to each of its buyers: q_ij = s_i d_j / v matched, e_i d_j / v executed.

    s_i and d_j are what seller i and buyer j have matched in the pool, v is the sum of either, e_i what is executed of s_i.

    Parameters
    ----------
    trades : TradeArrays
        As for `count_pairs`.
    executed_kwh : (n_trades,) float64, kWh
        What the sellers sell.
    sale, purchase : (n_pairs,) int64
        Outputs: the first trade of the pair's seller in the pool, and that of its buyer. Book after book, pool after pool,
        and seller after seller.
    matched_kwh, pair_executed_kwh : (n_pairs,) float64, kWh
        Outputs.
    """
    offset, seller, buyer, quantity_kwh, bid_per_kwh, ask_per_kwh = trades
    pair = 0
    for k in range(len(offset) - 1):
        begin, last = offset[k], offset[k + 1]
        while begin < last:  # ends: a pool has one trade at least
            end = pool_end(bid_per_kwh, ask_per_kwh, begin, last)
            pool_kwh = quantity_kwh[begin:end].sum()
            i = begin
            while i < end:  # ends: a seller has one trade at least
                next_seller, sells_kwh = _run(seller, quantity_kwh, i, end)
                sold_kwh = _run(seller, executed_kwh, i, end)[1]
                j = begin
                while j < end and pair < len(sale):  # ends: a buyer has one trade at least
                    next_buyer, buys_kwh = _run(buyer, quantity_kwh, j, end)
                    part = buys_kwh / pool_kwh if pool_kwh > 0.0 else 0.0
                    sale[pair], purchase[pair] = i, j
                    matched_kwh[pair], pair_executed_kwh[pair] = sells_kwh * part, sold_kwh * part
                    pair += 1
                    j = next_buyer
                i = next_seller
            begin = end


@kernel
def _run(who: Ints, kwh: Floats, begin: int, end: int) -> tuple[int, float]:
    """Where the trades of one seller or buyer end, and their sum."""
    i, total = begin + 1, kwh[begin]
    while i < end and who[i] == who[begin]:  # ends: i rises
        total, i = total + kwh[i], i + 1
    return i, total
