"""Tables of scenarios that have run: what people read, with bus ids, names and units."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.arrays import FEW
from fastp2p.clearing.answer import SOLVERS, STATUS
from fastp2p.clearing.audit import AC_STATUS, NOT_AUDITED
from fastp2p.errors import NumberError
from fastp2p.grid.network import Network
from fastp2p.grid.zero_sequence import PHASES
from fastp2p.kernels.results.tables import count_by_slot, sum_by_slot
from fastp2p.kernels.settlement.settle import Accounts
from fastp2p.pipeline.draws import Scenarios
from fastp2p.pipeline.reduce import Columns, Reduced, join_columns
from fastp2p.results.columns import COLLAPSED, columns_of
from fastp2p.results.cube import FEEDER
from fastp2p.results.indicators import FURTHEST, scenario_columns
from fastp2p.results.points import POINT_KEYS, feeder_key, point_keys

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ENERGY_EDGES = 2.0 ** np.arange(-10, 20.5, 0.5)
"""kWh; two bins to the doubling, from a watt-hour to a gigawatt-hour."""
HISTOGRAMS = {
    "executed_kwh": ENERGY_EDGES,
    "import_kwh": ENERGY_EDGES,
    "export_kwh": ENERGY_EDGES,
    "worst_loading_percent": np.arange(5.0, 205.0, 5.0),
}
"""What is counted by the hour of the day, and the inner edges of the bins."""
KEYS = (*POINT_KEYS, "scenario", "step", "hour", "bus", "branch")


def make_columns(ran: Reduced, network: Network, names: Sequence[str]) -> dict[str, Columns]:
    """The columns of the tables `names`; `make_frames` puts those of several blocks of scenarios together."""
    makers: dict[str, Callable[[], Columns]] = {
        "scenarios": lambda: scenario_columns(ran, network),
        "hours": lambda: hour_columns(ran),
        "histograms": lambda: histogram_columns(ran),
        "books": lambda: book_columns(ran),
        "trades": lambda: ran.trades or {},
        "branches": lambda: branch_columns(ran, network),
        "participants": lambda: participant_columns(ran, network),
    }
    return {name: makers[name]() for name in names}


def join_pieces(pieces: Sequence[dict[str, Columns]], feeder: str | None = None) -> dict[str, Columns]:
    """The columns of tables from those of one block of scenarios after the other; of one of many feeders with its name first.

    Raises
    ------
    NumberError
        Infinite numbers, or NaN, in columns that may not hold them; see `fastp2p.results.columns`.
    """
    columns = {name: join_columns([piece[name] for piece in pieces]) for name in pieces[0]}
    if faults := [fault for name, of in columns.items() for fault in number_faults(name, of)]:
        raise NumberError("\n".join(faults))
    return {name: _with_feeder(of, feeder) for name, of in columns.items()}


def _with_feeder(columns: Columns, feeder: str | None) -> Columns:
    """The columns of a table, with words as Python has them: as NumPy has them, each takes as much memory as the longest."""
    n_rows = len(next(iter(columns.values()), ()))
    named = {} if feeder is None else {FEEDER: np.full(n_rows, feeder, object)}
    return named | {name: values.astype(object) if values.dtype.kind == "U" else values for name, values in columns.items()}


def make_frames(pieces: Sequence[dict[str, Columns]], time: pd.DatetimeIndex | None = None) -> dict[str, pd.DataFrame]:
    """Tables from the columns of one block of scenarios after the other; steps get the time at which they start."""
    frames = {name: _frame(name, join_columns([piece[name] for piece in pieces])) for name in pieces[0]}
    if "histograms" in frames:
        frames["histograms"] = add_histograms(frames["histograms"])
    if "books" in frames:
        frames["books"]["status"] = pd.Categorical.from_codes(frames["books"]["status"], STATUS.tolist())
        if "ac_status" in frames["books"]:
            frames["books"]["ac_status"] = pd.Categorical.from_codes(frames["books"]["ac_status"], AC_STATUS.tolist())
        frames["books"]["solver"] = pd.Categorical.from_codes(frames["books"]["solver"], SOLVERS.tolist())
    if time is not None:
        for frame in frames.values():
            _add_times(frame, time)
    return frames


def _frame(table: str, columns: Columns) -> pd.DataFrame:
    """A table whose columns that may be null are of nullable types, and phases by name instead of code."""
    types: dict[str, Any] = {column.name: column.dtype for column in columns_of(table).values() if column.dtype}
    names = pd.Index(PHASES if table == "participants" else PHASES[:3])  # a conductor has one

    def typed(name: str) -> Any:
        values, dtype = columns[name], types.get(name)
        if dtype == "phase":
            return pd.Categorical.from_codes(values.astype(np.int64), names)
        return pd.array(values, dtype=dtype) if dtype else values  # ten times as fast as DataFrame.astype

    return pd.DataFrame({name: typed(name) for name in columns})


def number_faults(table: str, columns: Columns) -> list[str]:
    """A fault for each column that holds NaN or infinities, with the first such rows."""
    faults, is_audited = [], "ac_status" in columns or "n_audited" in columns
    nulls = {name: one.null for name, one in columns_of(table).items() if one.null and (is_audited or one.null != COLLAPSED)}
    infinite = {name for name, one in columns_of(table).items() if one.infinite}
    for name, values in columns.items():
        may_be_null, may_be_infinite = name in nulls, name in infinite
        # a sum is finite if all of it is: one pass, as no column holds numbers that large
        if values.dtype.kind != "f" or (may_be_null and may_be_infinite) or (not may_be_null and np.isfinite(values.sum())):
            continue
        wrong = np.isinf(values) if may_be_null else np.isnan(values) if may_be_infinite else ~np.isfinite(values)
        if wrong.any():
            at = np.flatnonzero(wrong)
            rows = [" ".join(f"{key} {columns[key][row]}" for key in KEYS if key in columns) for row in at[:FEW].tolist()]
            what = f"{values[at[0]]} in {len(at):,} of {len(values):,} rows (at {'; '.join(rows)})"
            faults.append(f"table {table}, column {name}: {what}; no input should give it: please report the study")
    return faults


def _add_times(frame: pd.DataFrame, time: pd.DatetimeIndex) -> None:
    """Put the time beside every column that holds steps: ``time`` beside ``step``, ``worst_time`` beside ``worst_step``."""
    columns: list[str] = frame.columns.tolist()
    stamps = time.append(pd.DatetimeIndex([pd.NaT], tz=time.tz))  # the last one is of step -1: none
    for name in [name for name in columns if name == "step" or name.endswith("_step")]:
        steps = frame[name].fillna(-1).to_numpy(np.int64)
        frame.insert(frame.columns.tolist().index(name) + 1, f"{name.removesuffix('step')}time", stamps[steps])


def book_columns(ran: Reduced) -> Columns:
    """One row per book, by the names of the table; columns of an audit come last but the status."""
    here = [one for one in columns_of("books").values() if one.source in ran.books]
    audited = {one.name for one in here if one.audit}
    return {
        **_keys(ran),
        **{one.name: ran.books[one.source] for one in here if not one.audit},
        **{name: values for name, values in ran.books.items() if name in audited},
        "status": ran.status_code.astype(np.int64),
    }


def branch_columns(ran: Reduced, network: Network) -> Columns:
    """One row per scenario and branch, and phase that it has where there are three.

    Limit, flows, loading as the physics has it, and in how many books its limit bound.
    """
    of = ran.branches
    assert of is not None
    n, per_branch = len(ran.scenarios.number), 3 if of.flow_kw.ndim == 3 else 1
    n_rows = network.n_branch * per_branch
    shape = (n, ran.n_steps, n_rows)
    flow_kw, flow_kva, bound = of.flow_kw.reshape(shape), of.flow_kva.reshape(shape), of.bound.reshape(shape)
    zero = network.zero if per_branch == 3 else None
    limit_kw = np.repeat(network.limit_kw / (per_branch if zero is None else zero.n_conductors), per_branch)
    limited = np.isfinite(limit_kw) & (limit_kw > 0)
    loading = np.full(shape, np.nan)
    loading[..., limited] = flow_kva[..., limited] / limit_kw[limited] * 100.0
    largest_kw = np.take_along_axis(flow_kw, np.abs(flow_kw).argmax(axis=1)[:, None, :], axis=1).ravel()
    unknown = np.full(n * n_rows, np.nan)  # DC knows no apparent power
    columns: Columns = {
        **ran.scenarios.point_columns(n * n_rows),
        "scenario": np.repeat(ran.scenarios.number, n_rows),
        "branch": np.tile(np.repeat(network.branch_name, per_branch), n),
        **({"phase": np.tile(np.arange(3), n * network.n_branch)} if per_branch == 3 else {}),
        "from_bus": np.tile(np.repeat(network.bus_id[network.from_bus], per_branch), n),
        "to_bus": np.tile(np.repeat(network.bus_id[network.to_bus], per_branch), n),
        "physics": np.full(n * n_rows, of.physics),
        "limit_kw": np.tile(limit_kw, n),
        "limit_kva": unknown if of.physics == "dc" else np.tile(limit_kw, n),
        "largest_flow_kw": largest_kw,
        "largest_flow_kva": unknown if of.physics == "dc" else flow_kva.max(axis=1).ravel(),
        "worst_step": flow_kva.argmax(axis=1).ravel(),
        "p50_loading_percent": np.percentile(loading, 50, axis=1).ravel(),
        "p95_loading_percent": np.percentile(loading, 95, axis=1).ravel(),
        "max_loading_percent": loading.max(axis=1).ravel(),
        "n_binding_books": bound.sum(axis=1).ravel(),
    }
    if of.current_percent is not None:
        current = np.nan_to_num(of.current_percent.reshape(shape), nan=-np.inf).max(axis=1, initial=-np.inf)
        columns["max_current_percent"] = np.where(np.isfinite(current), current, np.nan).ravel()
    if zero is None or zero.is_plain:
        return columns
    there = np.tile(zero.branch_has_phase.ravel(), n)
    return {name: values[there] for name, values in columns.items()}


def participant_columns(ran: Reduced, network: Network) -> Columns:
    """One row per scenario and participating bus: energy in kWh and money, with and without trading."""
    who, n = ran.scenarios.participant, len(ran.scenarios.number)
    shown = [name for name in Accounts._fields if name in columns_of("participants")]
    total = {name: getattr(ran.buses, name).ravel() for name in shown}
    battery = ran.scenarios.battery
    return {
        **ran.scenarios.point_columns(n * len(who)),
        "scenario": np.repeat(ran.scenarios.number, len(who)),
        "bus": np.tile(network.bus_id[who], n),
        **_connection(ran.scenarios),
        "kwp": ran.scenarios.kwp.ravel(),
        **({} if battery is None else {"battery_kwh": battery.kwh.ravel()}),
        **total,
        **{name: values.ravel() for name, values in ran.devices.items()},
        "saving": total["baseline_bill"] - total["bill"],
    }


def _connection(scenarios: Scenarios) -> Columns:
    """The phase of every participant's load and PV, by code, -1 where there is none; nothing in a study of one phase."""
    if scenarios.load_phase is None or scenarios.pv_phase is None:
        return {}
    has_load = (scenarios.load_profile >= 0) & (scenarios.homes > 0.0)
    has_pv = (scenarios.pv_profile >= 0) & (scenarios.kwp > 0.0)
    sides = (("phase", scenarios.load_phase, has_load), ("pv_phase", scenarios.pv_phase, has_pv))
    return {name: np.where(has, code, -1).ravel() for name, code, has in sides}


def hour_columns(ran: Reduced) -> Columns:
    """One row per scenario and hour of the day: its energy in kWh, the mean of the days that have it."""
    n = len(ran.scenarios.number)
    hours, slot = hours_of_day(ran.n_steps, ran.step_hours)
    days = days_of_hours(ran.n_steps, ran.step_hours)
    summed = [one for one in columns_of("hours").values() if one.over_steps == "sum" and one.source in ran.books]
    columns = {one.name: np.empty((n, len(hours))) for one in summed}
    for one in summed:
        sum_by_slot(ran.by_step(one.source), slot, columns[one.name])
    return {
        **ran.scenarios.point_columns(n * len(hours)),
        "scenario": np.repeat(ran.scenarios.number, len(hours)),
        "hour": np.tile(hours, n),
        **{name: (column / days).ravel() for name, column in columns.items()},
        **_voltages(ran, slot, len(hours)),
    }


def _voltages(ran: Reduced, slot: Ints, n_slots: int) -> Columns:
    """Of each hour of the day: audited books, all books, lowest and highest voltage; nothing without an audit."""
    if "ac_status" not in ran.books:
        return {}
    audited, books = ran.books["ac_status"].reshape(-1, ran.n_steps) != NOT_AUDITED, np.bincount(slot, minlength=n_slots)
    n_audited = np.zeros((n_slots, len(audited)), np.int64)
    np.add.at(n_audited, slot, audited.T)
    columns: Columns = {"n_audited": n_audited.T.ravel(), "n_books": np.tile(books, len(audited))}
    for one in columns_of("hours").values():
        if one.over_steps in FURTHEST:
            extreme = np.full((n_slots, len(ran.scenarios.number)), np.nan)
            FURTHEST[one.over_steps].at(extreme, slot, ran.by_step(one.source).T)
            columns[one.name] = extreme.T.ravel()
    return columns


def histogram_columns(ran: Reduced) -> Columns:
    """One row per hour of the day, quantity and bin that is not empty: in how many books its value lies there."""
    hours, slot = hours_of_day(ran.n_steps, ran.step_hours)
    counts = {name: np.zeros((len(hours), len(edge) + 1), np.int64) for name, edge in HISTOGRAMS.items()}
    for name, edge in HISTOGRAMS.items():
        count_by_slot(ran.by_step(columns_of("books")[name].source), slot, edge, counts[name])
    return bin_columns(counts, hours, ran.scenarios)


def bin_columns(counts: Mapping[str, Ints], hours: Ints, scenarios: Scenarios) -> Columns:
    """One row per bin that is not empty, from counts (n_hours, n_bins) by quantity."""
    pieces = []
    for name, count in counts.items():
        edge, (at, bin_) = HISTOGRAMS[name], np.nonzero(count)
        pieces.append(
            {
                **scenarios.point_columns(len(at)),
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
    keys = [*feeder_key(rows), *point_keys(rows), "hour", "quantity", "from_value", "to_value"]
    return rows.groupby(keys, sort=True, as_index=False).agg({"n_books": "sum"})


def hours_of_day(n_steps: int, step_hours: float) -> tuple[Ints, Ints]:
    """The hours of the day that occur, and the place among them of every step."""
    hours, slot = np.unique(_hour_of_step(n_steps, step_hours) % 24, return_inverse=True)
    return hours, slot


def days_of_hours(n_steps: int, step_hours: float) -> Ints:
    """How many days have each of the hours of the day that occur: the last one may be of few hours."""
    hours, _ = hours_of_day(n_steps, step_hours)
    days: Ints = np.bincount(np.searchsorted(hours, np.unique(_hour_of_step(n_steps, step_hours)) % 24))
    return days


def _hour_of_step(n_steps: int, step_hours: float) -> Ints:
    """The hour, counted from the first step, in which every step begins."""
    hour: Ints = np.floor(np.arange(n_steps) * step_hours).astype(np.int64)
    return hour


def _keys(ran: Reduced) -> Columns:
    """Point, scenario and step of every book."""
    return {
        **ran.scenarios.point_columns(len(ran.status_code)),
        "scenario": np.repeat(ran.scenarios.number, ran.n_steps),
        "step": np.tile(np.arange(ran.n_steps), len(ran.scenarios.number)),
    }
