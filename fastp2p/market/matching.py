"""The double auction: orders to trades."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import floats
from fastp2p.errors import refuse
from fastp2p.kernels.market.matching import match_books
from fastp2p.kernels.market.trades import count_orders
from fastp2p.market.trades import Trades, order_shape_faults, order_value_faults

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
        How the orders of one price share what their price group trades: by size, or in bus order.
    check : bool
        False: the values are known to be right, and are not looked at; shapes, and which buses are named, are all the same.
        Wrong values give wrong answers then.

    Returns
    -------
    Trades
        At most n_bids + n_asks - 1 per book, sellers and buyers both in priority order.

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
    if priority not in ("price", "volume"):
        faults.append(f"priority = {priority!r}: must be 'price' or 'volume'")
    if ties not in ("pro_rata", "order"):
        faults.append(f"ties = {ties!r}: must be 'pro_rata' or 'order'")
    refuse(faults)
    by_volume = priority == "volume"
    bid_order = np.argsort(bid_prices if by_volume else -bid_prices, axis=1, kind="stable")
    ask_order = np.argsort(ask_prices, axis=1, kind="stable")

    n_books = len(bids)
    room = 2 * count_orders(bids, asks)
    offset = np.zeros(n_books + 1, np.int64)
    seller, buyer, quantity = np.empty(room, np.int64), np.empty(room, np.int64), np.empty(room)
    match_books(
        bids, asks, bid_prices, ask_prices, bid_order, ask_order,
        by_volume, ties == "pro_rata", offset, seller, buyer, quantity,
    )  # fmt: skip
    n_trades = int(offset[-1])
    seller, buyer, quantity = seller[:n_trades].copy(), buyer[:n_trades].copy(), quantity[:n_trades].copy()
    no_price = np.empty(0)
    return Trades(offset, seller, buyer, quantity, no_price, no_price).at_prices(bid_prices, ask_prices)
