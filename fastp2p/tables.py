"""Tables of scenarios that have run: what people read, with bus ids, names and units."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.audit import AC_STATUS
from fastp2p.indicators import scenario_columns
from fastp2p.kernels.reduction import count_by_slot, sum_by_slot
from fastp2p.network import Network
from fastp2p.reduction import Columns, Reduced, join_columns
from fastp2p.trades import SOLVERS, STATUS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

HOUR_COLUMNS = ("load_kwh", "pv_kwh", "self_kwh", "matched_kwh", "executed_kwh", "import_kwh", "export_kwh", "shed_kwh")


ENERGY_EDGES = 2.0 ** np.arange(-10, 20.5, 0.5)
"""kWh; two bins to the doubling, from a watt-hour to a gigawatt-hour."""
HISTOGRAMS = {
    "executed_kwh": ENERGY_EDGES,
    "import_kwh": ENERGY_EDGES,
    "export_kwh": ENERGY_EDGES,
    "worst_loading_percent": np.arange(5.0, 205.0, 5.0),
}
"""What is counted by the hour of the day, and the inner edges of the bins."""


def make_columns(ran: Reduced, network: Network, names: Sequence[str]) -> dict[str, Columns]:
    """The columns of the tables `names`; `make_frames` puts those of several blocks of scenarios together."""
    makers: dict[str, Callable[[], Columns]] = {
        "scenarios": lambda: scenario_columns(ran, network),
        "hours": lambda: hour_columns(ran),
        "histograms": lambda: histogram_columns(ran),
        "books": lambda: {**_keys(ran), **ran.books, "status": ran.status_code.astype(np.int64)},
        "trades": lambda: ran.trades or {},
        "branches": lambda: branch_columns(ran, network),
        "participants": lambda: participant_columns(ran, network),
    }
    return {name: makers[name]() for name in names}


def make_frames(pieces: Sequence[dict[str, Columns]]) -> dict[str, pd.DataFrame]:
    """Tables from the columns of one block of scenarios after the other."""
    frames = {name: pd.DataFrame(join_columns([piece[name] for piece in pieces])) for name in pieces[0]}
    if "histograms" in frames:
        frames["histograms"] = add_histograms(frames["histograms"])
    if "books" in frames:
        frames["books"]["status"] = pd.Categorical.from_codes(frames["books"]["status"], STATUS.tolist())
        if "ac_status" in frames["books"]:
            frames["books"]["ac_status"] = pd.Categorical.from_codes(frames["books"]["ac_status"], AC_STATUS.tolist())
        frames["books"]["solver"] = pd.Categorical.from_codes(frames["books"]["solver"], SOLVERS.tolist())
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
        "paid", "charges", "received", "bill", "baseline_bill",
    )  # fmt: skip
    total = {name: getattr(ran.buses, name).ravel() for name in names}
    return {
        "share": np.full(n * len(who), ran.scenarios.share),
        "scenario": np.repeat(ran.scenarios.number, len(who)),
        "bus": np.tile(network.bus_id[who], n),
        "kwp": ran.scenarios.kwp[:, who].ravel(),
        **total,
        "saving": total["baseline_bill"] - total["bill"],
    }


def hour_columns(ran: Reduced) -> Columns:
    """One row per scenario and hour of the day: its energy in kWh, the mean of the days that have it."""
    n = len(ran.scenarios.number)
    hours, slot = hours_of_day(ran)
    days = np.ceil(np.bincount(slot) * min(1.0, ran.step_hours) - 1e-9)  # the last day may be one of few hours
    columns = {name: np.empty((n, len(hours))) for name in HOUR_COLUMNS}
    for name, column in columns.items():
        sum_by_slot(ran.by_step(name), slot, column)
    return {
        "share": np.full(n * len(hours), ran.scenarios.share),
        "scenario": np.repeat(ran.scenarios.number, len(hours)),
        "hour": np.tile(hours, n),
        **{name: (column / days).ravel() for name, column in columns.items()},
        **_voltages(ran, slot, len(hours)),
    }


def _voltages(ran: Reduced, slot: Ints, n_slots: int) -> Columns:
    """The lowest and highest voltage of each hour of the day, over all days; nothing without an audit."""
    if "lowest_vm_pu" not in ran.books:
        return {}
    columns: Columns = {}
    for name, furthest in (("lowest_vm_pu", np.fmin), ("highest_vm_pu", np.fmax)):
        vm_pu = np.full((n_slots, len(ran.scenarios.number)), np.nan)
        furthest.at(vm_pu, slot, ran.by_step(name).T)
        columns[name] = vm_pu.T.ravel()
    return columns


def histogram_columns(ran: Reduced) -> Columns:
    """One row per hour of the day, quantity and bin that is not empty: in how many books its value lies there."""
    hours, slot = hours_of_day(ran)
    pieces = []
    for name, edge in HISTOGRAMS.items():
        count = np.zeros((len(hours), len(edge) + 1), np.int64)
        count_by_slot(ran.by_step(name), slot, edge, count)
        at, bin_ = np.nonzero(count)
        pieces.append(
            {
                "share": np.full(len(at), ran.scenarios.share),
                "hour": hours[at],
                "quantity": np.full(len(at), name),
                "from_value": np.append(0.0, edge)[bin_],
                "to_value": np.append(edge, np.inf)[bin_],
                "n_books": count[at, bin_],
            }
        )
    return join_columns(pieces)


def add_histograms(rows: pd.DataFrame) -> pd.DataFrame:
    """Put the counts of equal bins together."""
    keys = ["share", "hour", "quantity", "from_value", "to_value"]
    return rows.groupby(keys, sort=True, as_index=False).agg({"n_books": "sum"})


def hours_of_day(ran: Reduced) -> tuple[Ints, Ints]:
    """The hours of the day that occur, and the place among them of every step."""
    hour = np.floor(np.arange(ran.n_steps) * ran.step_hours).astype(np.int64) % 24
    hours, slot = np.unique(hour, return_inverse=True)
    return hours, slot


def _keys(ran: Reduced) -> Columns:
    """share, scenario and step of every book."""
    return {
        "share": np.full(len(ran.status_code), ran.scenarios.share),
        "scenario": np.repeat(ran.scenarios.number, ran.n_steps),
        "step": np.tile(np.arange(ran.n_steps), len(ran.scenarios.number)),
    }
