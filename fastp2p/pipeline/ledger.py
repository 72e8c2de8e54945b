"""The ledger: who trades how much with whom, a row for every pair of a seller and a buyer."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.kernels.pipeline.ledger import count_pairs, pair_pools
from fastp2p.market.trades import Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Pairs(NamedTuple):
    """Every pair of a seller and a buyer who trade, (n_pairs,).

    Attributes
    ----------
    book : int64
    sale, purchase : int64
        A trade of the pair's seller, and one of its buyer, in its pool.
    matched_kwh, executed_kwh : float64, kWh
    """

    book: Ints
    sale: Ints
    purchase: Ints
    matched_kwh: Floats
    executed_kwh: Floats

    def __repr__(self) -> str:
        """Types and shapes of the arrays."""
        return short_repr(self)


def pairs_per_book(trades: Trades) -> Ints:
    """(n_books,) how many pairs trade; `trades` are at the prices that they were matched at."""
    if not trades.pooled:
        return np.diff(trades.offset)
    count = np.empty(trades.n_books, np.int64)
    count_pairs(trades.arrays, count)
    return count


def name_pairs(trades: Trades, executed_kwh: Floats) -> Pairs:
    """The pairs of trades that were matched at these prices, and of which so much is executed at each seller."""
    if not trades.pooled:
        every = np.arange(trades.n_trades)
        return Pairs(trades.book, every, every, trades.quantity_kwh, executed_kwh)
    of_book = pairs_per_book(trades)
    n = int(of_book.sum())
    sale, purchase, matched, executed = np.empty(n, np.int64), np.empty(n, np.int64), np.empty(n), np.empty(n)
    pair_pools(trades.arrays, executed_kwh, sale, purchase, matched, executed)
    return Pairs(np.repeat(np.arange(trades.n_books), of_book), sale, purchase, matched, executed)
