"""What a linear programme decides on: trades and exports of congested books, as its columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.curtailment import collect_columns
from fastp2p.market.trades import Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OBJECTIVES = ("volume", "welfare", "pro_rata")


@dataclass(frozen=True, eq=False)
class Columns:
    """LP columns of congested books: trades in rank, then exports.

    Attributes
    ----------
    offset : (n + 1,) int64
        Columns of the n books.
    plus, minus : (n_columns,) int64
        Where a column injects and draws; -1 for none.
    most_kw : (n_columns,) float64, kW
    cost : (3, n_columns) float64
        Objective, exports, tie-break.
    column_of : (trades of these books,) int64
        Column of every trade, book after book.
    n_trade_columns : (n,) int64
    """

    offset: Ints
    plus: Ints
    minus: Ints
    most_kw: Floats
    cost: Floats
    column_of: Ints
    n_trade_columns: Ints


def collect(books: Ints, trades: Trades, export_kw: Floats, objective: str, retail: bool, step_hours: float) -> Columns:
    """Columns of the congested books; trades between the same buses at the same prices are one column."""
    sizes = trades.offset[books + 1] - trades.offset[books]
    n_trades, n_bus = int(sizes.sum()), export_kw.shape[1]
    room = n_trades + int(np.count_nonzero(export_kw[books] > 0.0))
    offset, n_trade_columns = np.zeros(len(books) + 1, np.int64), np.empty(len(books), np.int64)
    plus, minus, most_kw, cost = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room), np.empty((3, room))
    column_of = np.empty(n_trades, np.int64)
    collect_columns(
        books, trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, trades.bid_per_kwh, trades.ask_per_kwh,
        export_kw, objective == "welfare", retail, step_hours, _tie_break(_doubled(int(sizes.max(initial=0)) + n_bus)),
        offset, plus, minus, most_kw, cost, column_of, n_trade_columns,
    )  # fmt: skip
    end = int(offset[-1])
    return Columns(offset, plus[:end], minus[:end], most_kw[:end], cost[:, :end], column_of, n_trade_columns)


def _doubled(n: int) -> int:
    """The power of two from n on: few different lengths, so that what depends on one can be kept."""
    return 1 << max(0, n - 1).bit_length()


@cache
def _tie_break(n: int) -> Floats:
    """The first n of a decreasing sequence of weights in which no two different sums of terms are equal: 1/√prime.

    Square roots of different primes are linearly independent over the rationals (Besicovitch 1940).
    """
    primes: list[int] = []
    candidate = 2
    while len(primes) < n:  # ends: there are infinitely many
        if all(candidate % prime for prime in primes):
            primes.append(candidate)
        candidate += 1
    weights: Floats = 1.0 / np.sqrt(np.array(primes, np.float64))
    return weights
