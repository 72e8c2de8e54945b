"""What a linear programme decides on: trades and exports of congested books, as its columns."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.columns import collect_columns
from fastp2p.kernels.structs import Columns
from fastp2p.market.trades import Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OBJECTIVES = ("volume", "welfare", "pro_rata")


def collect(books: Ints, trades: Trades, export_kw: Floats, objective: str, retail: bool, step_hours: float) -> Columns:
    """Columns of the congested books; trades between the same buses at the same prices are one column."""
    sizes = trades.offset[books + 1] - trades.offset[books]
    n_trades, n_bus = int(sizes.sum()), export_kw.shape[1]
    room = n_trades + int(np.count_nonzero(export_kw[books] > 0.0))
    columns = Columns(
        offset=np.zeros(len(books) + 1, np.int64),
        plus=np.empty(room, np.int64),
        minus=np.empty(room, np.int64),
        most_kw=np.empty(room),
        cost=np.empty((3, room)),
        column_of=np.empty(n_trades, np.int64),
        n_trade_columns=np.empty(len(books), np.int64),
    )
    rank_weight = _rank_weights(_doubled(int(sizes.max(initial=0)) + n_bus))
    collect_columns(books, trades.arrays, export_kw, objective == "welfare", retail, step_hours, rank_weight, columns)
    end = int(columns.offset[-1])
    return columns._replace(
        plus=columns.plus[:end],
        minus=columns.minus[:end],
        most_kw=columns.most_kw[:end],
        cost=np.ascontiguousarray(columns.cost[:, :end]),  # or kernels would be compiled once more
    )


def _doubled(n: int) -> int:
    """The power of two from n on: few different lengths, so that what depends on one can be kept."""
    return 1 << max(0, n - 1).bit_length()


@cache
def _rank_weights(n: int) -> Floats:
    """The first n of a decreasing sequence of weights in which no two different sums of terms are equal: 1/√prime.

    Square roots of different primes are linearly independent over the rationals (Besicovitch 1940).
    """
    at_least = max(n, 6)  # of which the last is below this (Rosser, Schoenfeld 1962)
    end = int(at_least * (math.log(at_least) + math.log(math.log(at_least)))) + 1
    is_prime = np.ones(end, bool)
    is_prime[:2] = False
    for factor in range(2, math.isqrt(end) + 1):
        is_prime[factor * factor :: factor] = False
    weights: Floats = 1.0 / np.sqrt(np.flatnonzero(is_prime)[:n])
    return weights
