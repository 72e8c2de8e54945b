"""The double auction: orders to trades."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import floats, is_word
from fastp2p.errors import refuse
from fastp2p.kernels.market.matching import match_books
from fastp2p.kernels.market.trades import count_room, look_up_prices
from fastp2p.market.trades import Trades, order_shape_faults, order_value_faults, ties_faults

Floats = NDArray[np.float64]


def match_orders(
    bid_kwh: ArrayLike,
    ask_kwh: ArrayLike,
    bid_per_kwh: ArrayLike,
    ask_per_kwh: ArrayLike,
    *,
    priority: str = "price",
    ties: str = "pro_rata",
    check: bool = True,
) -> Trades:
    """Match bids and asks of every book in a call auction.

    Parameters
    ----------
    bid_kwh, ask_kwh : (n_books, n_bus) float, kWh
        What each bus wants to buy and to sell; zero for no order.
    bid_per_kwh, ask_per_kwh : (n_bus,) or (n_rows, n_bus) float, currency per kWh
        One row for all books, one for each, or one for each n_books / n_rows books in turn (a scenario's steps).
    priority : {"price", "volume"}
        "price": bids high to low, asks low to high; the greatest welfare, the volume of the uniform price.
        "volume": bids low to high, each with the dearest asks it can pay; the greatest volume.
    ties : {"pro_rata", "order"}
        "pro_rata": the orders of one price share what their price group trades by size, and each buyer of a pool buys from each
        of its sellers in proportion to both; a pool is what bids of one price buy from asks of one price.
        "order": first come first served in bus order, both in filling orders and in pairing them.
    check : bool
        False: the values are known to be right, and are not looked at; shapes, and which buses are named, are all the same.
        Wrong values give wrong answers then.

    Returns
    -------
    Trades
        Every pair of a seller and a buyer that trade. Under pro-rata ties n m for a pool of n bids and m asks, so up to n_bids
        n_asks per book where many prices are equal; n_bids + n_asks - 1 at most where no two of a side are. In bus order never
        more than that. Pools are in priority order.

    Raises
    ------
    InputError
        Negative or non-finite quantities or prices, shapes that do not fit, unknown rules; all faults in one message.
    """
    bids, asks = floats("bid_kwh", bid_kwh), floats("ask_kwh", ask_kwh)
    bid_prices = np.atleast_2d(floats("bid_per_kwh", bid_per_kwh))
    ask_prices = np.atleast_2d(floats("ask_per_kwh", ask_per_kwh))
    orders = bids, asks, bid_prices, ask_prices
    faults = order_value_faults(*orders) if check else []
    faults += order_shape_faults(*orders)
    refuse(faults + priority_faults(priority) + ties_faults(ties))
    return match_in_pools(*orders, priority=priority, ties=ties, pairs=True)


def priority_faults(priority: str) -> list[str]:
    """That there is no such priority."""
    return [] if is_word(priority, ("price", "volume")) else [f"priority = {priority!r}: must be 'price' or 'volume'"]


def _usual(array: Floats) -> Floats:
    """The array, or a copy where kernels would be compiled once more for it: it has gaps, or cannot be written to."""
    return np.require(array, requirements=["C_CONTIGUOUS", "WRITEABLE"])


def match_in_pools(
    bid_kwh: Floats, ask_kwh: Floats, bid_per_kwh: Floats, ask_per_kwh: Floats, *, priority: str, ties: str, pairs: bool
) -> Trades:
    """`match_orders` of arrays that are known to be right, with prices by row; without `pairs` pro-rata trades stay pooled."""
    by_volume, pro_rata = priority == "volume", ties == "pro_rata"
    kwh, prices = (_usual(bid_kwh), _usual(ask_kwh)), (_usual(bid_per_kwh), _usual(ask_per_kwh))
    bid_order = np.argsort(prices[0] if by_volume else -prices[0], axis=1, kind="stable")
    ask_order = np.argsort(prices[1], axis=1, kind="stable")

    room = count_room(*kwh, *prices, bid_order, ask_order, pro_rata)
    offset = np.zeros(len(kwh[0]) + 1, np.int64)
    seller, buyer, quantity = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    several = match_books(*kwh, *prices, bid_order, ask_order, by_volume, pro_rata, offset, seller, buyer, quantity)
    n_trades = int(offset[-1])
    seller, buyer, quantity = seller[:n_trades].copy(), buyer[:n_trades].copy(), quantity[:n_trades].copy()
    of_trades = np.empty(n_trades), np.empty(n_trades)
    look_up_prices(offset, seller, buyer, *prices, *of_trades)
    # where no pool has several sellers and several buyers, its trades are its pairs
    trades = Trades(offset, seller, buyer, quantity, *of_trades, pooled=pro_rata and (bool(several) or not pairs))
    return trades.in_proportion() if pairs else trades
