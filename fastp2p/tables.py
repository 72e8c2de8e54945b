"""Tables of a batch: what people read, with bus ids, names and units."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.batch import BatchResult
from fastp2p.network import Network
from fastp2p.trades import STATUS

Floats = NDArray[np.float64]


HOUR_COLUMNS = ("load_kwh", "pv_kwh", "self_kwh", "matched_kwh", "executed_kwh", "import_kwh", "export_kwh", "shed_kwh")


def make_tables(batch: BatchResult, network: Network, names: Sequence[str]) -> dict[str, pd.DataFrame]:
    """The tables `names` of a batch."""
    books = book_columns(batch, network)
    makers: dict[str, Callable[[], pd.DataFrame]] = {
        "scenarios": lambda: scenario_table(batch, books),
        "hours": lambda: hour_table(batch, books),
        "books": lambda: book_table(batch, books),
        "trades": lambda: trade_table(batch, network),
        "branches": lambda: branch_table(batch, network),
        "participants": lambda: participant_table(batch, network),
    }
    return {name: makers[name]() for name in names}


def book_columns(batch: BatchResult, network: Network) -> dict[str, Floats | NDArray[np.int64]]:
    """Arrays (n_books,): energy in kWh, trades, worst loading, money.

    load = self + executed + import + shed and pv = self + executed + export + spilled; `slack_kwh` is what the external
    grids feed in, constant losses of the network included, read off the branch flows.
    """
    settled, trades, clearing = batch.settlement, batch.trades, batch.clearing
    matched = _per_book(trades.quantity_kwh, batch)
    executed = _per_book(clearing.executed_kwh, batch)
    limited = np.isfinite(network.limit_kw) & (network.limit_kw > 0)
    loading = np.abs(clearing.flow_kw[:, limited]) / network.limit_kw[limited] * 100.0
    return {
        "load_kwh": batch.load_kwh.sum(axis=1),
        "pv_kwh": batch.pv_kwh.sum(axis=1),
        "self_kwh": batch.left.self_kwh.sum(axis=1),
        "matched_kwh": matched,
        "executed_kwh": executed,
        "cut_kwh": matched - executed,
        "import_kwh": settled.retail_kwh.sum(axis=1),
        "export_kwh": settled.exported_kwh.sum(axis=1),
        "spilled_kwh": settled.spilled_kwh.sum(axis=1),
        "shed_kwh": settled.shed_kwh.sum(axis=1),
        "slack_kwh": _slack_kw(batch, network) * batch.step_hours,
        "n_trades": np.diff(trades.offset),
        "worst_loading_percent": loading.max(axis=1, initial=0.0),
        "paid": settled.paid.sum(axis=1),
        "received": settled.received.sum(axis=1),
        "bill": settled.bill.sum(axis=1),
        "baseline_bill": settled.baseline_bill.sum(axis=1),
    }


def book_table(batch: BatchResult, books: dict[str, Floats | NDArray[np.int64]]) -> pd.DataFrame:
    """One row per (scenario, step): `book_columns` and the status."""
    status = pd.Categorical(batch.clearing.status, categories=STATUS.tolist())
    return pd.DataFrame({**_keys(batch), **books, "status": status})


def trade_table(batch: BatchResult, network: Network) -> pd.DataFrame:
    """One row per trade: who, how much, at what price, and what cut it."""
    trades, clearing = batch.trades, batch.clearing
    book = trades.book
    binding = clearing.binding_branch
    names = np.append(network.branch_name, "")
    shadow = np.where(binding >= 0, clearing.shadow_price[book, binding] if network.n_branch else 0.0, 0.0)
    return pd.DataFrame(
        {
            **{name: column[book] for name, column in _keys(batch).items()},
            "seller": network.bus_id[trades.seller],
            "buyer": network.bus_id[trades.buyer],
            "matched_kwh": trades.quantity_kwh,
            "executed_kwh": clearing.executed_kwh,
            "bid_per_kwh": trades.bid_per_kwh,
            "ask_per_kwh": trades.ask_per_kwh,
            "price_per_kwh": batch.settlement.price_per_kwh,
            "buyer_benefit": (trades.bid_per_kwh - batch.settlement.price_per_kwh) * clearing.executed_kwh,
            "received": batch.settlement.price_per_kwh * clearing.executed_kwh,
            "binding_branch": names[binding],
            "shadow_price": np.abs(shadow),
        }
    )


def branch_table(batch: BatchResult, network: Network) -> pd.DataFrame:
    """One row per scenario and branch: limit, flows, loading, and in how many books its limit bound."""
    clearing, n = batch.clearing, len(batch.scenarios.number)
    flow = clearing.flow_kw.reshape(n, batch.n_steps, network.n_branch)
    worst = np.abs(flow).argmax(axis=1)
    limited = np.isfinite(network.limit_kw) & (network.limit_kw > 0)
    loading = np.full(flow.shape, np.nan)
    loading[..., limited] = np.abs(flow[..., limited]) / network.limit_kw[limited] * 100.0
    return pd.DataFrame(
        {
            "share": np.full(n * network.n_branch, batch.scenarios.share),
            "scenario": np.repeat(batch.scenarios.number, network.n_branch),
            "branch": np.tile(network.branch_name, n),
            "from_bus": np.tile(network.bus_id[network.from_bus], n),
            "to_bus": np.tile(network.bus_id[network.to_bus], n),
            "limit_kw": np.tile(network.limit_kw, n),
            "largest_flow_kw": np.take_along_axis(flow, worst[:, None, :], axis=1).ravel(),
            "worst_step": worst.ravel(),
            "p50_loading_percent": np.percentile(loading, 50, axis=1).ravel(),
            "p95_loading_percent": np.percentile(loading, 95, axis=1).ravel(),
            "max_loading_percent": loading.max(axis=1).ravel(),
            "n_binding_books": _bound(batch).reshape(flow.shape).sum(axis=1).ravel(),
        }
    )


def participant_table(batch: BatchResult, network: Network) -> pd.DataFrame:
    """One row per scenario and participating bus: energy in kWh and money, with and without trading."""
    settled, who = batch.settlement, batch.scenarios.participant
    n = len(batch.scenarios.number)

    def total(array: Floats) -> Floats:
        summed: Floats = array.reshape(n, batch.n_steps, -1)[:, :, who].sum(axis=1).ravel()
        return summed

    bill, baseline = total(settled.bill), total(settled.baseline_bill)
    return pd.DataFrame(
        {
            "share": np.full(n * len(who), batch.scenarios.share),
            "scenario": np.repeat(batch.scenarios.number, len(who)),
            "bus": np.tile(network.bus_id[who], n),
            "kwp": batch.scenarios.kwp[:, who].ravel(),
            "load_kwh": total(batch.load_kwh),
            "pv_kwh": total(batch.pv_kwh),
            "self_kwh": total(batch.left.self_kwh),
            "bought_kwh": total(settled.bought_kwh),
            "sold_kwh": total(settled.sold_kwh),
            "retail_kwh": total(settled.retail_kwh),
            "exported_kwh": total(settled.exported_kwh),
            "spilled_kwh": total(settled.spilled_kwh),
            "shed_kwh": total(settled.shed_kwh),
            "paid": total(settled.paid),
            "received": total(settled.received),
            "bill": bill,
            "baseline_bill": baseline,
            "saving": baseline - bill,
        }
    )


def scenario_table(batch: BatchResult, books: dict[str, Floats | NDArray[np.int64]]) -> pd.DataFrame:
    """One row per scenario: totals of the books, and the shares that follow from them."""
    numbers = batch.scenarios.number
    by_scenario = {name: column.reshape(len(numbers), batch.n_steps) for name, column in books.items()}
    worst = by_scenario.pop("worst_loading_percent").max(axis=1)
    total = {name: column.sum(axis=1) for name, column in by_scenario.items()}
    used_pv = total["self_kwh"] + total["executed_kwh"]
    status = batch.clearing.status.reshape(len(numbers), batch.n_steps)
    return pd.DataFrame(
        {
            "share": np.full(len(numbers), batch.scenarios.share),
            "scenario": numbers,
            "n_pv": (batch.scenarios.pv_profile >= 0).sum(axis=1),
            "kwp": batch.scenarios.kwp.sum(axis=1),
            **total,
            "saving": total["baseline_bill"] - total["bill"],
            "self_sufficiency": _ratio(used_pv, total["load_kwh"]),
            "self_consumption": _ratio(used_pv, total["pv_kwh"]),
            "worst_loading_percent": worst,
            **{f"n_{name}": (status == name).sum(axis=1) for name in STATUS.tolist()},
        }
    )


def hour_table(batch: BatchResult, books: dict[str, Floats | NDArray[np.int64]]) -> pd.DataFrame:
    """One row per scenario and hour of the day: the mean day's energy in kWh."""
    n, steps = len(batch.scenarios.number), np.arange(batch.n_steps)
    hour = np.floor(steps * batch.step_hours).astype(np.int64) % 24
    hours = np.unique(hour)
    days = max(1.0, batch.n_steps * batch.step_hours / 24.0)
    mean_day = (hour[:, None] == hours) / days
    keys = {
        "share": np.full(n * len(hours), batch.scenarios.share),
        "scenario": np.repeat(batch.scenarios.number, len(hours)),
        "hour": np.tile(hours, n),
    }
    columns = {name: np.empty((n, len(hours))) for name in HOUR_COLUMNS}
    for name, column in columns.items():
        by_scenario = books[name].reshape(n, batch.n_steps)
        for s in range(n):  # one scenario at a time: its bits must not depend on how many there are
            column[s] = by_scenario[s] @ mean_day
    return pd.DataFrame({**keys, **{name: column.ravel() for name, column in columns.items()}})


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _bound(batch: BatchResult) -> NDArray[np.bool_]:
    """(n_books, n_branch) where a limit bound."""
    clearing = batch.clearing
    binds: NDArray[np.bool_] = clearing.shadow_price != 0.0
    held = clearing.binding_branch >= 0
    binds[batch.trades.book[held], clearing.binding_branch[held]] = True
    return binds


def _keys(batch: BatchResult) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """share, scenario and step of every book."""
    return {
        "share": np.full(batch.trades.n_books, batch.scenarios.share),
        "scenario": np.repeat(batch.scenarios.number, batch.n_steps),
        "step": np.tile(np.arange(batch.n_steps), len(batch.scenarios.number)),
    }


def _per_book(values: Floats, batch: BatchResult) -> Floats:
    return np.bincount(batch.trades.book, weights=values, minlength=batch.trades.n_books).astype(np.float64)


def _slack_kw(batch: BatchResult, network: Network) -> Floats:
    """(n_books,) kW out of the external grids: what leaves their buses on branches less what is injected there."""
    settled, at = batch.settlement, network.reference_bus
    used_kwh = settled.bought_kwh[:, at] + settled.retail_kwh[:, at] - settled.sold_kwh[:, at] - settled.exported_kwh[:, at]
    leaves = np.isin(network.from_bus, at).astype(float) - np.isin(network.to_bus, at).astype(float)
    outflow_kw: Floats = (batch.clearing.flow_kw * leaves).sum(axis=1)
    slack_kw: Floats = outflow_kw + used_kwh.sum(axis=1) / batch.step_hours - network.fixed_kw[at].sum()
    return slack_kw
