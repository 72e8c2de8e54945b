"""Settlement: executed trades to energy and money, with and without trading."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import amount_faults, floats
from fastp2p.errors import refuse
from fastp2p.kernels.settlement import settle_books
from fastp2p.trades import Clearing, Trades

Floats = NDArray[np.float64]

PRICING = ("ask",)
UNSERVED = ("retail", "shed")
SURPLUS = ("export", "curtailable", "spill")


@dataclass(frozen=True, eq=False)
class Settlement:
    """Energy (kWh) and money (currency) per book and bus, shape (n_books, n_bus); `price_per_kwh` per trade.

    Attributes
    ----------
    price_per_kwh : (n_trades,) float64
    bought_kwh, sold_kwh : P2P energy that flowed
    retail_kwh : bought from the retailer
    exported_kwh, spilled_kwh : surplus that reached the grid, or was not produced
    shed_kwh : load not served
    paid, received : to and from neighbours
    bill : retail purchases + paid - received - feed-in earnings
    baseline_bill : the same without trading
    """

    price_per_kwh: Floats
    bought_kwh: Floats
    sold_kwh: Floats
    retail_kwh: Floats
    exported_kwh: Floats
    spilled_kwh: Floats
    shed_kwh: Floats
    paid: Floats
    received: Floats
    bill: Floats
    baseline_bill: Floats


def settle(
    trades: Trades,
    clearing: Clearing,
    load_kwh: ArrayLike,
    pv_kwh: ArrayLike,
    deficit_kwh: ArrayLike,
    surplus_kwh: ArrayLike,
    *,
    retail_per_kwh: float,
    feed_in_per_kwh: float,
    pricing: str = "ask",
    unserved: str = "retail",
    surplus: str = "curtailable",
    step_hours: float = 1.0,
) -> Settlement:
    """Price the executed trades and bill everyone, beside the bill without trading.

    Without trading the retailer serves every load that a bus's own PV does not, and surplus earns the feed-in tariff.

    Parameters
    ----------
    trades : Trades
    clearing : Clearing
    load_kwh, pv_kwh : (n_books, n_bus) float, kWh
    deficit_kwh, surplus_kwh : (n_books, n_bus) float, kWh
        What the auction left over, as `fastp2p.orders.leave_over` gives it.
    retail_per_kwh, feed_in_per_kwh : float, currency per kWh
    pricing : {"ask"}
        The seller's price (the paper).
    unserved : {"retail", "shed"}
        As in `clear`.
    surplus : {"export", "curtailable", "spill"}
        All surplus is exported; what clearing let through; none.
    step_hours : float

    Raises
    ------
    InputError
        Shapes that do not fit, unknown rules; all faults in one message.
    """
    load, pv = floats("load_kwh", load_kwh), floats("pv_kwh", pv_kwh)
    deficit, left = floats("deficit_kwh", deficit_kwh), floats("surplus_kwh", surplus_kwh)
    shape = clearing.exported_kw.shape
    faults = trades.faults(shape[0], shape[1])
    for name, array in (("load_kwh", load), ("pv_kwh", pv), ("deficit_kwh", deficit), ("surplus_kwh", left)):
        if array.shape != shape:
            faults.append(f"{name} has shape {array.shape}; it must be (n_books, n_bus) = {shape}")
        else:
            faults += amount_faults(name, array)
    if len(clearing.executed_kwh) != trades.n_trades:
        faults.append(f"the clearing has {len(clearing.executed_kwh)} trades, the trades are {trades.n_trades}")
    for name, number in (("retail_per_kwh", retail_per_kwh), ("feed_in_per_kwh", feed_in_per_kwh), ("step_hours", step_hours)):
        if not (isinstance(number, int | float) and np.isfinite(number) and number >= 0) or (
            name == "step_hours" and number == 0
        ):
            faults.append(f"{name} = {number!r}: must be a finite number, not negative (and not zero for step_hours)")
    choices = (("pricing", pricing, PRICING), ("unserved", unserved, UNSERVED), ("surplus", surplus, SURPLUS))
    for name, value, known in choices:
        if value not in known:
            faults.append(f"{name} = {value!r}: must be one of {', '.join(known)}")
    refuse(faults)

    exported = {"export": left, "curtailable": clearing.exported_kw * step_hours, "spill": np.zeros(shape)}[surplus]
    price = trades.ask_per_kwh
    bought, sold, retail, shed, spilled, paid, received = (np.empty(shape) for _ in range(7))
    settle_books(
        trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, clearing.executed_kwh, price,
        deficit, left, exported, unserved == "retail", bought, sold, retail, shed, spilled, paid, received,
    )  # fmt: skip
    bill = retail * retail_per_kwh + paid - received - exported * feed_in_per_kwh
    own = np.minimum(load, pv)
    earns_per_kwh = 0.0 if surplus == "spill" else feed_in_per_kwh
    baseline = (load - own) * retail_per_kwh - (pv - own) * earns_per_kwh
    return Settlement(price, bought, sold, retail, exported, spilled, shed, paid, received, bill, baseline)
