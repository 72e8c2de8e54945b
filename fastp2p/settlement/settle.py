"""Settlement: executed trades to energy and money, with and without trading."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arguments import refuse_other_kinds
from fastp2p.arrays import amount_faults, finite_faults, floats, hours_faults, is_word, short_repr
from fastp2p.clearing.answer import Clearing
from fastp2p.errors import InputError, refuse
from fastp2p.kernels.settlement.settle import (
    Accounts,
    BookAccounts,
    Tariffs,
    TradePrices,
    settle_alone,
    settle_buses,
    settle_trades,
)
from fastp2p.market.trades import Leftovers, Trades

Floats = NDArray[np.float64]

UNSERVED = ("retail", "shed")
SURPLUS = ("export", "curtailable", "spill")

Accounts.__repr__ = BookAccounts.__repr__ = short_repr  # type: ignore[method-assign]  # kernels may not import it


@dataclass(frozen=True, eq=False)
class Settlement:
    """Payments and receipts of every book and every bus.

    Attributes
    ----------
    books : BookAccounts
        Arrays (n_books,).
    buses : Accounts
        Arrays (n_books / books_per_row, n_bus).
    """

    __repr__ = short_repr
    books: BookAccounts
    buses: Accounts


def settle(
    trades: Trades,
    clearing: Clearing,
    load_kwh: ArrayLike,
    pv_kwh: ArrayLike,
    left: Leftovers,
    *,
    retail_per_kwh: ArrayLike,
    feed_in_per_kwh: ArrayLike,
    buyer_per_kwh: ArrayLike | None = None,
    seller_per_kwh: ArrayLike | None = None,
    charge_per_kwh: ArrayLike = 0.0,
    unserved: str = "retail",
    surplus: str = "curtailable",
    step_hours: float = 1.0,
    books_per_row: int = 1,
    alone: tuple[ArrayLike, ArrayLike] | None = None,
    check: bool = True,
) -> Settlement:
    """Bill everyone, beside the bill without trading.

    Sellers settle what they sell of a trade (`Clearing.executed_kwh`), buyers what they buy (`Clearing.bought_kwh`).
    Without trading the retailer serves every load that a bus's own PV does not, and surplus earns the feed-in tariff.

    Parameters
    ----------
    trades : Trades
    clearing : Clearing
    load_kwh, pv_kwh : (n_books, n_bus) float, kWh
    left : Leftovers
        What the auction left over, as `fastp2p.leave_over` gives it.
    retail_per_kwh, feed_in_per_kwh : float or (n_books,) float, currency per kWh
    buyer_per_kwh, seller_per_kwh : (n_trades,) float, optional, currency per kWh
        What the buyer of a trade pays and its seller gets per executed kWh, as `fastp2p.price_trades` gives them; by default
        the ask (the paper's rule). One price for all pooled trades of a pool.
    charge_per_kwh : float or (n_trades,) float, currency per kWh
        Network charge, paid by the buyer.
    unserved : {"retail", "shed"}
        As in `clear`.
    surplus : {"export", "curtailable", "spill"}
        All surplus is exported; what clearing let through; none.
    step_hours : float
    books_per_row : int
        How many books in turn the buses' accounts sum up (a scenario's steps); 1: accounts per book and bus.
    alone : two (n_books, n_bus) float, kWh, optional
        With batteries that trade: load and PV as they would be without trading. Sellers and buyers from n_bus on are batteries
        then, that of bus b is n_bus + b, and have one account with their bus. `load_kwh` and `pv_kwh` hold what they charge
        and discharge; what is cut of their sales is not spilled, and of their purchases not shed.
    check : bool
        False: the values are known to be right, and are not looked at; shapes, and which buses are named, are all the same.
        Wrong values give wrong answers then.

    Raises
    ------
    InputError
        Shapes that do not fit, negative quantities, unknown rules; all faults in one message.
    """
    refuse_other_kinds(trades=(trades, Trades), clearing=(clearing, Clearing), left=(left, Leftovers))
    load, pv = floats("load_kwh", load_kwh), floats("pv_kwh", pv_kwh)
    own, deficit, surplus_left = (floats(f"left.{f.name}", getattr(left, f.name)) for f in fields(left))
    shape = clearing.exported_kw.shape
    energy = {"load_kwh": load, "pv_kwh": pv, "left.self_kwh": own, "left.deficit_kwh": deficit}
    energy["left.surplus_kwh"] = surplus_left
    alone_kwh = None if alone is None else (floats("alone[0]", alone[0]), floats("alone[1]", alone[1]))
    energy |= {} if alone_kwh is None else {"alone[0]": alone_kwh[0], "alone[1]": alone_kwh[1]}
    sides = 1 if alone is None else 2
    faults = _faults(trades, clearing, energy, sides, step_hours, books_per_row, check)
    if not is_word(unserved, UNSERVED):
        faults.append(f"unserved = {unserved!r}: must be one of {', '.join(UNSERVED)}")
    faults += surplus_faults(surplus)
    buyer, seller = (trades.ask_per_kwh if p is None else p for p in (buyer_per_kwh, seller_per_kwh))
    prices = {"buyer_per_kwh": buyer, "seller_per_kwh": seller, "charge_per_kwh": charge_per_kwh}
    prices |= {"bid_per_kwh": trades.bid_per_kwh, "ask_per_kwh": trades.ask_per_kwh}
    price = TradePrices(**_rows(prices, trades.n_trades, "n_trades", check, faults))
    tariffs = {"retail_per_kwh": retail_per_kwh, "feed_in_per_kwh": 0.0 if surplus == "spill" else feed_in_per_kwh}
    tariff = Tariffs(**_rows(tariffs, shape[0], "n_books", check, faults))
    refuse(faults)
    energy_kwh = EnergyArrays(load, pv, own, deficit, surplus_left)
    return settle_books(
        trades, clearing, energy_kwh, price, tariff, retail=unserved == "retail", surplus=surplus, step_hours=step_hours,
        books_per_row=books_per_row, alone=alone_kwh,
    )  # fmt: skip


class EnergyArrays(NamedTuple):
    """Load, PV and what the auction left over, (n_books, n_bus) kWh."""

    load_kwh: Floats
    pv_kwh: Floats
    self_kwh: Floats
    deficit_kwh: Floats
    surplus_kwh: Floats


def settle_books(
    trades: Trades,
    clearing: Clearing,
    energy: EnergyArrays,
    price: TradePrices,
    tariff: Tariffs,
    *,
    retail: bool,
    surplus: str,
    step_hours: float,
    books_per_row: int = 1,
    alone: tuple[Floats, Floats] | None = None,
) -> Settlement:
    """`settle` of arrays that are known to be right; under "spill" with a feed-in tariff of zero."""
    exported, scale = {
        "export": (energy.surplus_kwh, 1.0),
        "curtailable": (clearing.exported_kw, step_hours),
        "spill": (energy.surplus_kwh, 0.0),
    }[surplus]
    n_books, n_bus = energy.load_kwh.shape
    bus = Accounts(*np.zeros((len(Accounts._fields), n_books // books_per_row, n_bus)))
    book = BookAccounts(*np.zeros((len(BookAccounts._fields), n_books)))
    settle_buses(*energy, exported, scale, tariff, books_per_row, bus, book)
    if alone is not None:
        settle_alone(*alone, tariff, books_per_row, bus, book)
    if surplus == "spill":  # nor is any exported without trading
        book.baseline_exported_kwh[:] = 0.0
    settle_trades(
        trades.arrays, clearing.executed_kwh, clearing.bought_kwh, price, tariff, retail, n_bus, books_per_row, bus, book
    )
    return Settlement(book, bus)


def surplus_faults(surplus: str) -> list[str]:
    """That there is no such thing to do with surplus."""
    return [] if is_word(surplus, SURPLUS) else [f"surplus = {surplus!r}: must be one of {', '.join(SURPLUS)}"]


def _faults(
    trades: Trades,
    clearing: Clearing,
    energy_kwh: dict[str, Floats],
    sides: int,
    step_hours: float,
    books_per_row: int,
    check: bool,
) -> list[str]:
    shape = clearing.exported_kw.shape
    if len(shape) != 2:
        return [f"clearing.exported_kw has shape {shape}; it must be (n_books, n_bus)"]
    n_books, n_columns = shape[0], sides * shape[1]  # of a home, and of its battery
    faults = trades.faults(n_books, n_columns) if check else trades.shape_faults(n_books, n_columns)
    for name, array in energy_kwh.items():
        if array.shape != shape:
            faults.append(f"{name} has shape {array.shape}; it must be (n_books, n_bus) = {shape}")
        elif check:
            faults += amount_faults(name, array)
    lengths = {len(clearing.executed_kwh), len(clearing.bought_kwh)} - {trades.n_trades}
    faults += [f"the clearing has {n} trades, the trades are {trades.n_trades}" for n in sorted(lengths)[:1]]
    faults += hours_faults(step_hours)
    if not (isinstance(books_per_row, int) and books_per_row > 0 and shape[0] % books_per_row == 0):
        faults.append(f"books_per_row = {books_per_row!r}: the {shape[0]} books are no whole number of rows of it")
    return faults


def _rows(values: dict[str, ArrayLike], length: int, what: str, check: bool, faults: list[str]) -> dict[str, Floats]:
    """Numbers or flat arrays as arrays (length,), by name."""
    rows = dict.fromkeys(values, np.empty(0))
    for name, value in values.items():
        try:
            array = floats(name, value)
        except InputError as error:
            faults += error.faults
            continue
        if array.size != 1 and array.shape != (length,):
            faults.append(f"{name} has shape {array.shape}; it must be a number or ({what},) = ({length},)")
        elif found := finite_faults(name, array, what.removeprefix("n_").removesuffix("s")) if check else []:
            faults += found
        else:
            # kernels would be compiled once more for one that cannot be written to
            is_whole = array.shape == (length,) and array.flags.writeable
            rows[name] = array if is_whole else np.full(length, array.ravel())
    return rows
