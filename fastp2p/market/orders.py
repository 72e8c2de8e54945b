"""Orders: bids and asks of every bus, and the load and PV that the auction leaves over."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arguments import refuse_other_kinds
from fastp2p.arrays import LARGEST, amount_faults, floats, is_word, short_repr
from fastp2p.errors import refuse
from fastp2p.kernels.market.orders import leftovers, split_orders
from fastp2p.market.trades import Leftovers, Trades

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Orders:
    """Bids and asks per book and bus, kWh; `self_kwh` is the own PV that a bus consumed before ordering."""

    __repr__ = short_repr
    self_kwh: Floats
    bid_kwh: Floats
    ask_kwh: Floats


def make_orders(
    load_kwh: ArrayLike, pv_kwh: ArrayLike, *, orders: str = "net", min_order_kwh: float = 1e-6, check: bool = True
) -> Orders:
    """Bids and asks of every book.

    Parameters
    ----------
    load_kwh, pv_kwh : (n_books, n_bus) float64, kWh
    orders : {"net", "gross"}
        "net": a bus uses its own PV first and orders the difference; "gross": it asks with all its PV and bids for all its
        load.
    min_order_kwh : float
        Smaller orders are not placed (a trace of sun is not a trade).
    check : bool
        False: the values are known to be right, and are not looked at; shapes, and which buses are named, are all the same.
        Wrong values give wrong answers then.

    Raises
    ------
    InputError
        Arrays of other shapes, negative or non-finite numbers, unknown `orders`; all faults in one message.
    """
    load, pv = floats("load_kwh", load_kwh), floats("pv_kwh", pv_kwh)
    faults = _faults(load, pv, check)
    faults += orders_faults(orders)
    if not isinstance(min_order_kwh, int | float) or isinstance(min_order_kwh, bool) or not 0.0 <= min_order_kwh <= LARGEST:
        faults.append(f"min_order_kwh = {min_order_kwh!r}: must be a number from 0 on")
    refuse(faults)
    own, bid, ask = np.empty_like(load), np.empty_like(load), np.empty_like(load)
    split_orders(load, pv, orders == "gross", min_order_kwh, own, bid, ask)
    return Orders(own, bid, ask)


def orders_faults(orders: str) -> list[str]:
    """That there is no such way to order."""
    return [] if is_word(orders, ("net", "gross")) else [f"orders = {orders!r}: must be 'net' or 'gross'"]


def leave_over(load_kwh: ArrayLike, pv_kwh: ArrayLike, trades: Trades, *, check: bool = True) -> Leftovers:
    """Own use, deficit and surplus of every book and bus once the matched trades are taken out.

    Parameters
    ----------
    load_kwh, pv_kwh : (n_books, n_bus) float64, kWh
    trades : Trades
        Of the same books.
    check : bool
        False: the values are known to be right, and are not looked at; shapes, and which buses are named, are all the same.
        Wrong values give wrong answers then.

    Raises
    ------
    InputError
        Arrays of other shapes than the trades' books, negative or non-finite numbers.
    """
    load, pv = floats("load_kwh", load_kwh), floats("pv_kwh", pv_kwh)
    refuse_other_kinds(trades=(trades, Trades))
    of_trades = trades.faults if check else trades.shape_faults
    refuse(_faults(load, pv, check) or of_trades(len(load), load.shape[1]))
    own, deficit, surplus = np.empty_like(load), np.empty_like(load), np.empty_like(load)
    leftovers(load, pv, trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, own, deficit, surplus)
    return Leftovers(own, deficit, surplus)


def _faults(load: Floats, pv: Floats, check: bool) -> list[str]:
    if load.shape != pv.shape or load.ndim != 2:
        return [f"load_kwh {load.shape} and pv_kwh {pv.shape} must both be (n_books, n_bus)"]
    return amount_faults("load_kwh", load) + amount_faults("pv_kwh", pv) if check else []
