"""Tables of scenarios that have run: what people read, with bus ids, names and units."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.kernels.reduction import sum_by_slot
from fastp2p.network import Network
from fastp2p.reduction import Columns, Reduced, join_columns
from fastp2p.trades import STATUS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_COLUMNS = ("load_kwh", "pv_kwh", "self_kwh", "matched_kwh", "executed_kwh", "import_kwh", "export_kwh", "shed_kwh")


def make_columns(ran: Reduced, network: Network, names: Sequence[str]) -> dict[str, Columns]:
    """The columns of the tables `names`; `make_frames` puts those of several blocks of scenarios together."""
    makers: dict[str, Callable[[], Columns]] = {
        "scenarios": lambda: scenario_columns(ran),
        "hours": lambda: hour_columns(ran),
        "books": lambda: {**_keys(ran), **ran.books, "status": ran.status_code.astype(np.int64)},
        "trades": lambda: ran.trades or {},
        "branches": lambda: branch_columns(ran, network),
        "participants": lambda: participant_columns(ran, network),
    }
    return {name: makers[name]() for name in names}


def make_frames(pieces: Sequence[dict[str, Columns]]) -> dict[str, pd.DataFrame]:
    """Tables from the columns of one block of scenarios after the other."""
    frames = {name: pd.DataFrame(join_columns([piece[name] for piece in pieces])) for name in pieces[0]}
    if "books" in frames:
        frames["books"]["status"] = pd.Categorical.from_codes(frames["books"]["status"], STATUS.tolist())
    return frames


def branch_columns(ran: Reduced, network: Network) -> Columns:
    """One row per scenario and branch: limit, flows, loading, and in how many books its limit bound."""
    assert ran.flow_kw is not None
    assert ran.bound is not None
    n = len(ran.scenarios.number)
    flow = ran.flow_kw.reshape(n, ran.n_steps, network.n_branch)
    worst = np.abs(flow).argmax(axis=1)
    limited = np.isfinite(network.limit_kw) & (network.limit_kw > 0)
    loading = np.full(flow.shape, np.nan)
    loading[..., limited] = np.abs(flow[..., limited]) / network.limit_kw[limited] * 100.0
    return {
        "share": np.full(n * network.n_branch, ran.scenarios.share),
        "scenario": np.repeat(ran.scenarios.number, network.n_branch),
        "branch": np.tile(network.branch_name, n),
        "from_bus": np.tile(network.bus_id[network.from_bus], n),
        "to_bus": np.tile(network.bus_id[network.to_bus], n),
        "limit_kw": np.tile(network.limit_kw, n),
        "largest_flow_kw": np.take_along_axis(flow, worst[:, None, :], axis=1).ravel(),
        "worst_step": worst.ravel(),
        "p50_loading_percent": np.percentile(loading, 50, axis=1).ravel(),
        "p95_loading_percent": np.percentile(loading, 95, axis=1).ravel(),
        "max_loading_percent": loading.max(axis=1).ravel(),
        "n_binding_books": ran.bound.reshape(flow.shape).sum(axis=1).ravel(),
    }


def participant_columns(ran: Reduced, network: Network) -> Columns:
    """One row per scenario and participating bus: energy in kWh and money, with and without trading."""
    who, n = ran.scenarios.participant, len(ran.scenarios.number)
    names = (
        "load_kwh", "pv_kwh", "self_kwh", "bought_kwh", "sold_kwh", "retail_kwh", "exported_kwh", "spilled_kwh", "shed_kwh",
        "paid", "received", "bill", "baseline_bill",
    )  # fmt: skip
    total = {name: getattr(ran.buses, name)[:, who].ravel() for name in names}
    return {
        "share": np.full(n * len(who), ran.scenarios.share),
        "scenario": np.repeat(ran.scenarios.number, len(who)),
        "bus": np.tile(network.bus_id[who], n),
        "kwp": ran.scenarios.kwp[:, who].ravel(),
        **total,
        "saving": total["baseline_bill"] - total["bill"],
    }


def scenario_columns(ran: Reduced) -> Columns:
    """One row per scenario: totals of the books, and the shares that follow from them."""
    numbers = ran.scenarios.number
    by_scenario = {name: column.reshape(len(numbers), ran.n_steps) for name, column in ran.books.items()}
    worst = by_scenario.pop("worst_loading_percent").max(axis=1)
    total = {name: column.sum(axis=1) for name, column in by_scenario.items()}
    used_pv = total["self_kwh"] + total["executed_kwh"]
    status = ran.status_code.reshape(len(numbers), ran.n_steps)
    return {
        "share": np.full(len(numbers), ran.scenarios.share),
        "scenario": numbers,
        "n_pv": (ran.scenarios.pv_profile >= 0).sum(axis=1),
        "kwp": ran.scenarios.kwp.sum(axis=1),
        **total,
        "saving": total["baseline_bill"] - total["bill"],
        "self_sufficiency": _ratio(used_pv, total["load_kwh"]),
        "self_consumption": _ratio(used_pv, total["pv_kwh"]),
        "worst_loading_percent": worst,
        **{f"n_{name}": (status == code).sum(axis=1) for code, name in enumerate(STATUS.tolist())},
    }


def hour_columns(ran: Reduced) -> Columns:
    """One row per scenario and hour of the day: the mean day's energy in kWh."""
    n = len(ran.scenarios.number)
    hours, slot = hours_of_day(ran)
    days = max(1.0, ran.n_steps * ran.step_hours / 24.0)
    columns = {name: np.empty((n, len(hours))) for name in HOUR_COLUMNS}
    for name, column in columns.items():
        sum_by_slot(ran.books[name].astype(np.float64, copy=False).reshape(n, ran.n_steps), slot, column)
    return {
        "share": np.full(n * len(hours), ran.scenarios.share),
        "scenario": np.repeat(ran.scenarios.number, len(hours)),
        "hour": np.tile(hours, n),
        **{name: column.ravel() / days for name, column in columns.items()},
    }


def hours_of_day(ran: Reduced) -> tuple[Ints, Ints]:
    """The hours of the day that occur, and the place among them of every step."""
    hour = np.floor(np.arange(ran.n_steps) * ran.step_hours).astype(np.int64) % 24
    hours, slot = np.unique(hour, return_inverse=True)
    return hours, slot


def _ratio(part: Floats, whole: Floats) -> Floats:
    return np.divide(part, whole, out=np.zeros_like(whole), where=whole > 0)


def _keys(ran: Reduced) -> Columns:
    """share, scenario and step of every book."""
    return {
        "share": np.full(len(ran.status_code), ran.scenarios.share),
        "scenario": np.repeat(ran.scenarios.number, ran.n_steps),
        "step": np.tile(np.arange(ran.n_steps), len(ran.scenarios.number)),
    }
