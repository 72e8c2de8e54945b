"""Room for trades, and their prices."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

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
def count_orders(bid_kwh: Floats, ask_kwh: Floats) -> int:
    """How many bids and asks there are in all books.

    Parameters
    ----------
    bid_kwh, ask_kwh : (n_books, n_bus) float64, kWh
    """
    n = 0
    for k in range(len(bid_kwh)):
        for b in range(bid_kwh.shape[1]):
            n += (bid_kwh[k, b] > 0.0) + (ask_kwh[k, b] > 0.0)
    return n


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
