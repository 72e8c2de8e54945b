"""One time step in one call, for callers who go along the steps with devices of their own: orders → trades → settlement."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arguments import kind_faults
from fastp2p.arrays import amount_faults, finite_faults, floats, hours_faults, integers, is_word, short_repr
from fastp2p.clearing.answer import Clearing
from fastp2p.clearing.clear import bus_faults, capacity_faults, choice_faults, clear_books
from fastp2p.clearing.limits import PHYSICS, limit_faults
from fastp2p.clearing.reactive import Reactive
from fastp2p.errors import InputError, refuse
from fastp2p.grid.network import Network
from fastp2p.kernels.settlement.settle import Accounts, Tariffs, TradePrices
from fastp2p.market.matching import priority_faults
from fastp2p.market.orders import leave_over, make_orders, orders_faults
from fastp2p.market.pricing import tariffs_by_book
from fastp2p.market.rules import RULES, Prices, rule_faults
from fastp2p.market.trades import Trades, price_faults, price_shape_faults, ties_faults
from fastp2p.market.trading import trade_by_rule
from fastp2p.settlement.settle import EnergyArrays, Settlement, settle_books, surplus_faults

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Step:
    """What a time step comes to; where `trade_step` was given (n_columns,), arrays have no axis of books.

    Attributes
    ----------
    homes : Accounts
        (n_books, n_columns) energy of every participant, kWh: `self_kwh`, `bought_kwh`, `sold_kwh`, `retail_kwh`,
        `exported_kwh`, `spilled_kwh`, `shed_kwh`; and money: `paid`, `received`, `bill`, `baseline_bill`.
    trades : Trades
        Of all books, with the prices that the auction saw; who trades with whom is named.
    prices : Prices
        What the buyer of each trade pays and its seller gets.
    clearing : Clearing
    settlement : Settlement
        These have an axis of books whatever the shape of the input.
    """

    __repr__ = short_repr
    homes: Accounts
    trades: Trades
    prices: Prices
    clearing: Clearing
    settlement: Settlement

    @property
    def status(self) -> Any:
        """(n_books,) words as in `Clearing`: "free", "cleared", "base_overload", …; of one book its word."""
        return self._of_books(self.clearing.status)

    @property
    def loading_percent(self) -> Any:
        """(n_books,) float64, the largest loading of any branch; of one book a number."""
        return self._of_books(self.clearing.loading_percent)

    @property
    def flow_kw(self) -> Floats:
        """(n_books, n_branch) float64, kW from `from_bus` to `to_bus`."""
        flow: Floats = self._of_books(self.clearing.flow_kw)
        return flow

    def _of_books(self, array: NDArray[Any]) -> Any:
        return array if self.homes.load_kwh.ndim == 2 else array[0]


def trade_step(
    network: Network,
    load_kwh: ArrayLike,
    pv_kwh: ArrayLike,
    bid_per_kwh: ArrayLike,
    ask_per_kwh: ArrayLike,
    *,
    retail_per_kwh: ArrayLike,
    feed_in_per_kwh: ArrayLike,
    bus: ArrayLike | None = None,
    step_hours: float = 1.0,
    pricing: str = "ask",
    kappa: float = 0.5,
    priority: str = "price",
    ties: str = "pro_rata",
    orders: str = "net",
    objective: str = "volume",
    unserved: str = "retail",
    surplus: str = "curtailable",
    physics: str = "dc",
    load_kvar_per_kw: ArrayLike = 0.0,
    pv_kvar_per_kw: ArrayLike = 0.0,
    v_min_pu: float = 0.90,
    v_max_pu: float = 1.10,
) -> Step:
    """Trade one time step: orders, matching, prices, clearing on the network and settlement, as the stages by themselves do it.

    The input is checked once. A call takes 0.2 to 0.4 ms for one book of 40 homes on 294 buses (docs/performance.md).

    Parameters
    ----------
    network : Network
    load_kwh, pv_kwh : (n_columns,) or (n_books, n_columns) float, kWh
        Of every participant, in one book or in several side by side; what devices draw and feed in is part of them.
    bid_per_kwh, ask_per_kwh : (n_columns,) or (n_rows, n_columns) float, currency per kWh
        As `match_orders` takes them.
    retail_per_kwh, feed_in_per_kwh : float or (n_books,) float, currency per kWh
    bus : (n_columns,) int, optional
        The position of the bus of each column, ascending; by default every bus of the network has one.
    step_hours : float
    pricing, kappa : as for `price_trades`; "mcafee" too
    priority, ties : as for `match_orders`; a pool rule takes the tariffs in place of bids and asks, and pro-rata ties
    orders : as for `make_orders`
    objective, unserved, physics, v_min_pu, v_max_pu : as for `clear`
    surplus : as for `settle`
    load_kvar_per_kw, pv_kvar_per_kw : float or (n_columns,) float
        Reactive power that load draws and that PV feeds in, per kW.

    Returns
    -------
    Step

    Raises
    ------
    InputError
        Everything that is wrong with the input, in one message.
    """
    faults = choice_faults(objective, unserved, "auto", physics) + hours_faults(step_hours)
    faults += orders_faults(orders) + priority_faults(priority) + ties_faults(ties) + surplus_faults(surplus)
    arrays = _as_arrays(
        faults, load_kwh=load_kwh, pv_kwh=pv_kwh, bid_per_kwh=bid_per_kwh, ask_per_kwh=ask_per_kwh, bus=bus,
        retail_per_kwh=retail_per_kwh, feed_in_per_kwh=feed_in_per_kwh, load_kvar_per_kw=load_kvar_per_kw,
        pv_kvar_per_kw=pv_kvar_per_kw,
    )  # fmt: skip
    tariffs = _check_arrays(arrays, faults)
    faults += rule_faults(pricing, *(tariffs or (np.empty(0),) * 2), priority=priority, parameters={"kappa": kappa})
    faults += _network_faults(network, arrays, physics, v_min_pu, v_max_pu)
    refuse(faults)

    load, pv, bids, asks = (_by_book(arrays[name]) for name in ("load_kwh", "pv_kwh", "bid_per_kwh", "ask_per_kwh"))
    placed = make_orders(load, pv, orders=orders, check=False)
    trades, prices = trade_by_rule(
        placed, bids, asks, *tariffs, pricing=pricing, priority=priority, ties=ties, pairs=True, kappa=kappa
    )
    left = leave_over(load, pv, trades, check=False)
    fixed_kwh = left.surplus_kwh if surplus == "export" else 0.0
    reactive = None
    if physics != "dc":
        draws, feeds = arrays["load_kvar_per_kw"], arrays["pv_kvar_per_kw"]
        base_kvar = feeds * (left.self_kwh + fixed_kwh) - draws * (left.self_kwh + left.deficit_kwh)
        reactive = Reactive(base_kvar / step_hours, feeds, draws)
    clearing = clear_books(
        network, trades, (fixed_kwh - left.deficit_kwh) / step_hours,
        left.surplus_kwh / step_hours if surplus == "curtailable" else np.zeros_like(load),
        arrays.get("bus", np.arange(load.shape[1])), objective=objective, unserved=unserved, step_hours=step_hours,
        solver="auto", physics=physics, reactive=reactive, connection=None, band_pu=(float(v_min_pu), float(v_max_pu)),
    )  # fmt: skip
    # a pool rule matches by the tariffs; its trades are worth what participants bid and ask
    worth = trades.at_prices(bids, asks) if RULES[pricing].is_pool else trades
    no_charge = np.zeros(trades.n_trades)
    settlement = settle_books(
        trades, clearing, EnergyArrays(load, pv, left.self_kwh, left.deficit_kwh, left.surplus_kwh),
        TradePrices(prices.buyer_per_kwh, prices.seller_per_kwh, no_charge, worth.bid_per_kwh, worth.ask_per_kwh),
        Tariffs(tariffs[0], np.zeros_like(tariffs[1]) if surplus == "spill" else tariffs[1]),
        retail=unserved == "retail", surplus=surplus, step_hours=step_hours,
    )  # fmt: skip
    is_one = arrays["load_kwh"].ndim == 1
    homes = Accounts(*(of_books[0] for of_books in settlement.buses)) if is_one else settlement.buses
    return Step(homes, trades, prices, clearing, settlement)


def _by_book(array: Floats) -> Floats:
    """With an axis of books."""
    return array if array.ndim > 1 else array[None]


def _as_arrays(faults: list[str], **given: ArrayLike | None) -> dict[str, NDArray[Any]]:
    """By name, those that are given and hold numbers."""
    arrays: dict[str, NDArray[Any]] = {}
    for name, value in given.items():
        try:
            if value is not None or name != "bus":
                arrays[name] = integers(name, value) if name == "bus" else floats(name, value)
        except InputError as error:
            faults += error.faults
    return arrays


def _check_arrays(arrays: dict[str, Floats], faults: list[str]) -> list[Floats]:
    """Add the faults of shapes and values; the tariffs of every book, if both are right."""
    energy = {name: arrays[name] for name in ("load_kwh", "pv_kwh") if name in arrays}
    flat = [array.shape for array in energy.values() if array.ndim in (1, 2)]
    for name, array in energy.items():
        if array.ndim not in (1, 2) or array.shape != flat[0]:
            wanted = f"{flat[0]}, that of load_kwh" if name == "pv_kwh" and flat else "(n_columns,) or (n_books, n_columns)"
            faults.append(f"{name} has shape {array.shape}; it must be {wanted}")
        else:
            faults += amount_faults(name, _by_book(array))
    if not flat:
        return []
    n_books, n_columns = (1, *flat[0])[-2:]
    none = np.zeros((1, n_columns))
    prices = [_by_book(arrays.get(name, none)) for name in ("bid_per_kwh", "ask_per_kwh")]
    faults += price_shape_faults(n_books, n_columns, *prices) + price_faults(*prices)
    for of_kvar in ("load_kvar_per_kw", "pv_kvar_per_kw"):
        array = arrays.get(of_kvar, none[0])
        if array.shape not in ((1,), (n_columns,)):
            faults.append(f"{of_kvar} has shape {array.shape}; it must be a number or (n_columns,) = ({n_columns},)")
        else:
            faults += finite_faults(of_kvar, array)
    if "retail_per_kwh" not in arrays or "feed_in_per_kwh" not in arrays:
        return []
    tariffs = tariffs_by_book(arrays["retail_per_kwh"], arrays["feed_in_per_kwh"], n_books, faults)
    return tariffs if len(tariffs) == 2 else []


def _network_faults(
    network: Network, arrays: dict[str, NDArray[Any]], physics: str, v_min_pu: float, v_max_pu: float
) -> list[str]:
    """What is wrong with the network, its limits, and the buses of the columns."""
    faults = kind_faults(network=(network, Network))
    if faults:
        return faults
    faults = bus_faults(network, arrays["bus"]) if "bus" in arrays else []
    n_buses, load = arrays["bus"].size if "bus" in arrays else network.n_bus, arrays.get("load_kwh")
    if not faults and load is not None and load.ndim in (1, 2) and load.shape[-1] != n_buses:
        whose = "bus names" if "bus" in arrays else "the network has"
        faults.append(f"load_kwh has {load.shape[-1]} columns and {whose} {n_buses} buses; they must be as many")
    faults += capacity_faults(network)
    return faults + (limit_faults(network, physics, v_min_pu, v_max_pu) if is_word(physics, PHYSICS) else [])
