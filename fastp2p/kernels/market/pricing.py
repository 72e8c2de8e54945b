"""The margin of every book: the last orders that trade and the next that do not, which uniform prices are made of."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.market.matching import DUST

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def find_margins(
    bid_kwh: Floats,
    ask_kwh: Floats,
    bid_per_kwh: Floats,
    ask_per_kwh: Floats,
    offset: Ints,
    seller: Ints,
    buyer: Ints,
    quantity_kwh: Floats,
    margin: Floats,
) -> None:
    """Prices at the margin of every book.

    Parameters
    ----------
    bid_kwh, ask_kwh : (n_books, n_bus) float64, kWh
        Orders as placed.
    bid_per_kwh, ask_per_kwh : (n_rows, n_bus) float64, currency per kWh
        Each row serves n_books / n_rows books in turn.
    offset, seller, buyer, quantity_kwh : trades in CSR form
    margin : (4, n_books) float64, currency per kWh
        Output: the cheapest bid and the dearest ask that trade (NaN in a book without trades), the dearest bid and the
        cheapest ask with something left (-inf and inf for none). A rest that is dust of its order, or of the book's volume, is
        nothing left.
    """
    bought, sold = np.empty(bid_kwh.shape[1]), np.empty(bid_kwh.shape[1])
    find_margins_in(
        bid_kwh, ask_kwh, bid_per_kwh, ask_per_kwh, offset, seller, buyer, quantity_kwh, bought, sold, margin
    )  # fmt: skip


@kernel
def find_margins_in(
    bid_kwh: Floats, ask_kwh: Floats, bid_per_kwh: Floats, ask_per_kwh: Floats, offset: Ints, seller: Ints, buyer: Ints,
    quantity_kwh: Floats, bought: Floats, sold: Floats, margin: Floats,
) -> None:  # fmt: skip
    """`find_margins` with work space of the caller, (n_bus,) float64 twice."""
    n_books, n_bus = bid_kwh.shape
    bid_books, ask_books = n_books // max(len(bid_per_kwh), 1), n_books // max(len(ask_per_kwh), 1)
    for k in range(n_books):
        margin[0, k] = margin[1, k] = np.nan
        margin[2, k], margin[3, k] = -np.inf, np.inf
        if offset[k] == offset[k + 1]:
            continue
        bids, asks = bid_per_kwh[k // bid_books], ask_per_kwh[k // ask_books]
        bought[:] = 0.0
        sold[:] = 0.0
        last_bid, last_ask, volume = np.inf, -np.inf, 0.0
        for i in range(offset[k], offset[k + 1]):
            bought[buyer[i]] += quantity_kwh[i]
            sold[seller[i]] += quantity_kwh[i]
            volume += quantity_kwh[i]
            last_bid = min(last_bid, bids[buyer[i]])
            last_ask = max(last_ask, asks[seller[i]])
        next_bid, next_ask = -np.inf, np.inf
        for b in range(n_bus):
            if bid_kwh[k, b] - bought[b] > DUST * max(bid_kwh[k, b], volume):
                next_bid = max(next_bid, bids[b])
            if ask_kwh[k, b] - sold[b] > DUST * max(ask_kwh[k, b], volume):
                next_ask = min(next_ask, asks[b])
        margin[0, k], margin[1, k], margin[2, k], margin[3, k] = last_bid, last_ask, next_bid, next_ask


@kernel
def keep_fills(
    bid_per_kwh: Floats,
    ask_per_kwh: Floats,
    offset: Ints,
    seller: Ints,
    buyer: Ints,
    quantity_kwh: Floats,
    reduced: NDArray[np.bool_],
    pro_rata: bool,
    bid_kwh: Floats,
    ask_kwh: Floats,
) -> None:
    """What every bus's orders traded; in reduced books without the marginal bid and the marginal ask.

    Parameters
    ----------
    bid_per_kwh, ask_per_kwh, offset, seller, buyer, quantity_kwh : as for `find_margins`
    reduced : (n_books,) bool
    pro_rata : bool
        Of n orders that trade at the margin's price, each loses 1/n of its fill; else the one that comes last in the trades
        leaves.
    bid_kwh, ask_kwh : (n_books, n_bus) float64, kWh
        Outputs.
    """
    n_books = len(bid_kwh)
    bid_books, ask_books = n_books // max(len(bid_per_kwh), 1), n_books // max(len(ask_per_kwh), 1)
    bid_kwh[:] = 0.0
    ask_kwh[:] = 0.0
    for k in range(n_books):
        if offset[k] == offset[k + 1]:
            continue
        bids, asks = bid_per_kwh[k // bid_books], ask_per_kwh[k // ask_books]
        last_buyer, last_seller = buyer[offset[k]], seller[offset[k]]
        for i in range(offset[k], offset[k + 1]):
            bid_kwh[k, buyer[i]] += quantity_kwh[i]
            ask_kwh[k, seller[i]] += quantity_kwh[i]
            if bids[buyer[i]] <= bids[last_buyer]:
                last_buyer = buyer[i]
            if asks[seller[i]] >= asks[last_seller]:
                last_seller = seller[i]
        if reduced[k] and pro_rata:
            _reduce(bids[last_buyer], bids, bid_kwh[k])
            _reduce(asks[last_seller], asks, ask_kwh[k])
        elif reduced[k]:
            bid_kwh[k, last_buyer] = 0.0
            ask_kwh[k, last_seller] = 0.0


@kernel
def _reduce(price: float, per_kwh: Floats, kwh: Floats) -> None:
    """Take 1/n of its fill from each of the n orders that trade at a price."""
    n = 0
    for b in range(len(kwh)):
        n += kwh[b] > 0.0 and per_kwh[b] == price
    for b in range(len(kwh)):
        if per_kwh[b] == price:
            kwh[b] *= (n - 1) / max(n, 1)
