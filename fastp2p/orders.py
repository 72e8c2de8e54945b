"""Orders: what every bus offers and asks for, and what the auction leaves over."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError
from fastp2p.kernels.positions import leftovers, split_orders
from fastp2p.trades import Trades

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Orders:
    """Bids and asks per book and bus, kWh; `self_kwh` is what a bus consumed of its own before ordering."""

    self_kwh: Floats
    bid_kwh: Floats
    ask_kwh: Floats


@dataclass(frozen=True, eq=False)
class Leftovers:
    """What no trade takes, per book and bus, kWh: own use, load for the retailer, surplus for the grid."""

    self_kwh: Floats
    deficit_kwh: Floats
    surplus_kwh: Floats


def make_orders(load_kwh: Floats, pv_kwh: Floats, *, orders: str = "net", min_order_kwh: float = 1e-6) -> Orders:
    """Bids and asks of every book.

    Parameters
    ----------
    load_kwh, pv_kwh : (n_books, n_bus) float64, kWh
    orders : {"net", "gross"}
        "net": a bus uses its own PV first and orders the difference; "gross": it asks with all its PV and bids for all its
        load.
    min_order_kwh : float
        Smaller orders are not placed (a trace of sun is not a trade).

    Raises
    ------
    InputError
        If the arrays differ in shape, or `orders` is unknown.
    """
    if load_kwh.shape != pv_kwh.shape or load_kwh.ndim != 2:
        raise InputError(f"load_kwh {load_kwh.shape} and pv_kwh {pv_kwh.shape} must both be (n_books, n_bus)")
    if orders not in ("net", "gross"):
        raise InputError(f"orders = {orders!r}: must be 'net' or 'gross'")
    own, bid, ask = np.empty_like(load_kwh), np.empty_like(load_kwh), np.empty_like(load_kwh)
    split_orders(load_kwh, pv_kwh, orders == "gross", min_order_kwh, own, bid, ask)
    return Orders(own, bid, ask)


def leave_over(load_kwh: Floats, pv_kwh: Floats, trades: Trades) -> Leftovers:
    """Own use, deficit and surplus of every book and bus once the matched trades are taken out.

    Parameters
    ----------
    load_kwh, pv_kwh : (n_books, n_bus) float64, kWh
    trades : Trades
        Of the same books.
    """
    own, deficit, surplus = np.empty_like(load_kwh), np.empty_like(load_kwh), np.empty_like(load_kwh)
    leftovers(load_kwh, pv_kwh, trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, own, deficit, surplus)
    return Leftovers(own, deficit, surplus)
