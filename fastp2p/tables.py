"""Tables of a batch: what people read, with bus ids, names and units."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.batch import BatchResult
from fastp2p.network import Network
from fastp2p.trades import STATUS

Floats = NDArray[np.float64]


def book_table(batch: BatchResult, network: Network) -> pd.DataFrame:
    """One row per (scenario, step): energy in kWh, trades, worst loading, status.

    load = self + executed + import + shed and pv = self + executed + export + spilled; `slack_kwh` is what the external
    grids feed in, constant losses of the network included, read off the branch flows.
    """
    settled, trades, clearing = batch.settlement, batch.trades, batch.clearing
    matched = _per_book(trades.quantity_kwh, batch)
    executed = _per_book(clearing.executed_kwh, batch)
    limited = np.isfinite(network.limit_kw) & (network.limit_kw > 0)
    loading = np.abs(clearing.flow_kw[:, limited]) / network.limit_kw[limited] * 100.0
    return pd.DataFrame(
        {
            **_keys(batch),
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
            "status": pd.Categorical(clearing.status, categories=STATUS.tolist()),
        }
    )


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
    binds = clearing.shadow_price != 0.0
    held = clearing.binding_branch >= 0
    binds[batch.trades.book[held], clearing.binding_branch[held]] = True
    worst = np.abs(flow).argmax(axis=1)
    limited = np.isfinite(network.limit_kw) & (network.limit_kw > 0)
    loading = np.full(flow.shape, np.nan)
    loading[..., limited] = np.abs(flow[..., limited]) / network.limit_kw[limited] * 100.0
    return pd.DataFrame(
        {
            "share": np.repeat(batch.scenarios.share, network.n_branch),
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
            "n_binding_books": binds.reshape(flow.shape).sum(axis=1).ravel(),
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
            "share": np.repeat(batch.scenarios.share, len(who)),
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


def scenario_table(books: pd.DataFrame) -> pd.DataFrame:
    """One row per scenario: totals of the books, and the shares that follow from them."""
    groups = books.groupby(["share", "scenario"], sort=False)
    energy = [name for name in books.columns if name.endswith("_kwh")]
    money = ["paid", "received", "bill", "baseline_bill"]
    table = groups[[*energy, "n_trades", *money]].sum()
    used_pv = table["self_kwh"] + table["executed_kwh"]
    table["saving"] = table["baseline_bill"] - table["bill"]
    table["self_sufficiency"] = _ratio(used_pv, table["load_kwh"])
    table["self_consumption"] = _ratio(used_pv, table["pv_kwh"])
    table["worst_loading_percent"] = groups["worst_loading_percent"].max()
    for status in STATUS.tolist():
        table[f"n_{status}"] = (books["status"] == status).groupby([books["share"], books["scenario"]], sort=False).sum()
    return table.reset_index()


def _ratio(part: pd.Series[float], whole: pd.Series[float]) -> pd.Series[float]:
    return (part / whole).where(whole > 0, 0.0)


def _keys(batch: BatchResult) -> dict[str, NDArray[np.float64] | NDArray[np.int64]]:
    """share, scenario and step of every book."""
    return {
        "share": np.repeat(batch.scenarios.share, batch.n_steps),
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
