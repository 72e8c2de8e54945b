"""The feeder hour by hour: one scenario, run again at every share, with the loading of branches and the voltages of buses."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.grid.ac import ac_flow
from fastp2p.grid.feeder import ac_faults
from fastp2p.grid.network import Network
from fastp2p.grid.phases import phase_flow
from fastp2p.pipeline.batch import BatchResult
from fastp2p.report.drawing import Drawing, draw_feeder
from fastp2p.report.numbers import point_words
from fastp2p.results.points import by_point
from fastp2p.results.results import Results
from fastp2p.sweep.again import run_again, steps_of_day, worst_book
from fastp2p.sweep.plausible import asks_for_voltages

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_SHARES = 12
MOST_BOOKS = 50_000
"""Books that are run again; where that takes fewer shares, the largest are kept."""
MOST_VALUES = 300_000
"""Loadings and voltages in the file; where a day has more, steps are left out between."""
PER_MILLE, PER_TEN_THOUSAND = 10.0, 10_000.0
"""Loading is stored in tenths of a percent, voltage in 1e-4 p.u.: whole numbers, which are short."""


@dataclasses.dataclass(frozen=True)
class FeederView:
    """The feeder of a report.

    Attributes
    ----------
    drawings : dict of Drawing
        By name: the tree, and the map where the network has coordinates.
    data : dict
        What the script colours them by: names, times, and for each share loading and voltage of every time.
    shares, times : list of str
        What can be chosen.
    share, time : int
        What is chosen at first: the share and the time of the worst book.
    about : str
        What it shows, in sentences.
    has_voltages : bool
    """

    drawings: dict[str, Drawing]
    data: dict[str, Any]
    shares: list[str]
    times: list[str]
    share: int
    time: int
    about: str
    has_voltages: bool


def feeder_view(results: Results) -> FeederView:
    """Run the scenario of the worst book again at every share, and keep the day of that book."""
    results, has_voltages = _with_voltages(results)
    row, step = _worst(results)
    points = _points(results, row)
    steps, at = steps_of_day(step, results.profiles.n_steps, results.profiles.step_hours)
    per_step = (results.network.n_branch + results.network.n_bus) * len(points)
    thinned = max(1, -(-len(steps) * per_step // MOST_VALUES))
    kept = np.arange(at % thinned, len(steps), thinned)
    shown, at = steps[kept], int(np.flatnonzero(kept == at)[0])
    ran = [run_again(results, point_row, 1) for _, point_row in points]
    states = [_state(results, batch, shown, has_voltages) for batch in ran]
    network = results.network
    data = {
        "buses": network.bus_id.tolist(),
        "branches": network.branch_name.tolist(),
        "grid": network.reference_bus.tolist(),
        "band": [results.study.network.v_min_pu, results.study.network.v_max_pu],
        "states": [_packed(state) | {"kwp": _kwp(network, batch)} for state, batch in zip(states, ran, strict=True)],
    }
    places = [tuple(point.values()) for point, _ in points]
    chosen = places.index(tuple(float(row[key]) for key in points[0][0]))
    shares = [point_words(point).removeprefix("at ") for point, _ in points]
    drawings = draw_feeder(network, results.study.network.source, ran[0].scenarios.participant)
    about = _about(results, int(row["scenario"]), n_shares=len(points), thinned=thinned, has_voltages=has_voltages)
    return FeederView(drawings, data, shares, _times(results, shown), chosen, at, about, has_voltages)


def _with_voltages(results: Results) -> tuple[Results, bool]:
    """The results of a study whose books have reactive power where an AC power flow can use it, and whether one can."""
    if not results.network.is_radial or ac_faults(results.network):
        return results, False
    study = results.study
    if not asks_for_voltages(study):
        study = study.model_copy(update={"clearing": study.clearing.model_copy(update={"audit": True})})
    return dataclasses.replace(results, study=study), True


def _worst(results: Results) -> tuple[pd.Series, int]:
    """The scenario with the worst book and its step: by voltage where there was an audit, else by loading."""
    scenarios = results.scenarios
    if _knows_voltages(results):
        row, step, _ = worst_book(results)
        return row, step
    row = scenarios.iloc[int(scenarios["worst_loading_percent"].to_numpy(np.float64).argmax())]
    return row, int(run_again(results, row, 1).clearing.loading_percent.argmax())


def _knows_voltages(results: Results) -> bool:
    """Whether an audit has found any voltages."""
    return "highest_vm_pu" in results.scenarios and bool(results.scenarios["highest_vm_pu"].notna().any())


def _points(results: Results, worst: pd.Series) -> list[tuple[dict[str, float], pd.Series]]:
    """The points at which the scenario is run again, with its rows: not too many, the one of the worst book among them."""
    found = []
    for point, rows in by_point(results.scenarios):
        same = rows[rows["scenario"] == worst["scenario"]]
        if len(same):
            found.append((point, same.iloc[0]))
    most = max(1, min(MOST_SHARES, MOST_BOOKS // results.profiles.n_steps))
    here = next(place for place, (point, _) in enumerate(found) if all(worst[key] == value for key, value in point.items()))
    spread = np.linspace(0, len(found) - 1, min(len(found), most)).round().astype(np.int64) if most > 1 else np.array([here])
    spread[np.abs(spread - here).argmin()] = here
    return [found[place] for place in np.unique(spread).tolist()]


def _state(results: Results, batch: BatchResult, steps: Ints, has_voltages: bool) -> tuple[Floats, Floats | None]:
    """(n_steps, n_branch) loading in percent, and (n_steps, n_bus) voltage; of three phases those of the worst one."""
    network, part = results.network, results.study.network
    injection, bus = batch.clearing.injection.of(steps), batch.scenarios.connected
    if not has_voltages:
        kw = injection.kw if injection.kw.ndim == 2 else injection.kw.sum(axis=2)
        loading = np.abs(network.flow_kw(kw, bus)) * network.percent_per_kw
        return np.where(network.percent_per_kw > 0.0, loading, np.nan), None
    if part.phases == 3:
        flow = phase_flow(network, *injection, bus=bus)
        middle = (part.v_min_pu + part.v_max_pu) / 2.0
        worst = np.abs(np.nan_to_num(flow.vm_pu, nan=middle) - middle).argmax(axis=2)
        return np.fmax.reduce(flow.loading_percent, axis=2), np.take_along_axis(flow.vm_pu, worst[..., None], axis=2)[..., 0]
    balanced = ac_flow(network, *injection, bus=bus)
    return balanced.loading_percent, balanced.vm_pu


def _packed(state: tuple[Floats, Floats | None]) -> dict[str, Any]:
    """Whole numbers for the script; None where a value is unknown."""
    loading, vm_pu = state
    packed: dict[str, Any] = {"loading": _whole(loading * PER_MILLE)}
    return packed if vm_pu is None else packed | {"voltage": _whole(vm_pu * PER_TEN_THOUSAND)}


def _whole(values: Floats) -> list[list[int | None]]:
    return [[None if np.isnan(one) else round(one) for one in row] for row in np.clip(values, -1e9, 1e9).tolist()]


def _kwp(network: Network, batch: BatchResult) -> list[float]:
    """PV at every bus of the scenario."""
    kwp = np.zeros(network.n_bus)
    kwp[batch.scenarios.participant] = batch.scenarios.kwp[0]
    return [round(one, 1) for one in kwp.tolist()]


def _times(results: Results, steps: Ints) -> list[str]:
    """When the steps begin."""
    time = results.profiles.time
    if time is not None:
        return [f"{time[step]:%Y-%m-%d %H:%M}" for step in steps.tolist()]
    hours = steps * results.profiles.step_hours
    days = f"day {int(hours[0] // 24) + 1}, " if results.profiles.n_steps * results.profiles.step_hours > 24.0 else ""
    return [f"{days}{int(hour % 24):02d}:{round(60 * (hour % 1)):02d}" for hour in hours.tolist()]


def _about(results: Results, scenario: int, *, n_shares: int, thinned: int, has_voltages: bool) -> str:
    """What the figure shows."""
    phases, by_voltage = results.study.network.phases, _knows_voltages(results)
    which = "farthest out of the voltage band, or nearest to its end" if by_voltage else "with the largest branch loading"
    one = "The one scenario" if len(results.scenarios) == 1 else f"Scenario {scenario}"
    again = f", at each of {n_shares} shares" if n_shares > 1 else ""
    sentences = [f"{one}{again}, run again for this report; the day of the book {which}, which is shown first"]
    if has_voltages:
        model = "the balanced model" if phases == 1 else "three phases; of each bus and branch, the worst phase"
        sentences.append(f"Loading (from current) and voltages are those of an AC power flow of what is executed, by {model}")
    else:
        sentences.append(
            "Loading is of active power, by DC flows; the network is meshed or has no AC model, so it has no voltages"
        )
    sentences += [f"One step in {thinned} is shown"] * (thinned > 1)
    return ". ".join(sentences) + "."
