"""Books that are run again for the figures of an audited study, since tables keep no voltages of single buses."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.clearing.answer import Injection
from fastp2p.figures.errors import Errors, ModelErrors
from fastp2p.figures.feeder import AlongFeeder, Feeders
from fastp2p.figures.phases import PhaseVoltages
from fastp2p.grid.ac import ac_flow
from fastp2p.grid.lindist3flow import lindist3flow
from fastp2p.grid.lindistflow import lindistflow
from fastp2p.grid.network import Network
from fastp2p.grid.phases import phase_flow
from fastp2p.pipeline.batch import BatchResult, run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.results.points import POINT_KEYS, by_point
from fastp2p.results.results import Results
from fastp2p.study.points import Point

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_SCENARIOS = 20
"""Of the largest share (and of devices), for what DC and LinDistFlow miss."""
MAX_BOOKS, MAX_VALUES = 50_000, 400_000
"""Books that are run for them, and voltages that are computed."""
MAX_POINTS = 4000
"""Errors of a model that are drawn; more would hide each other."""


def run_worst_book(results: Results) -> AlongFeeder:
    """Bus voltages in the book that goes farthest out of the band, or nearest to its end."""
    scenario, step, is_high = worst_book(results)
    batch = run_again(results, scenario, 1)
    injection = batch.clearing.injection.of(np.array([step]))
    return _along_feeder(results, scenario, step, is_high, injection, batch.scenarios.connected)


def _along_feeder(
    results: Results, scenario: pd.Series, step: int, is_high: bool, injection: Injection, bus: Ints
) -> AlongFeeder:
    """Bus voltages of the balanced models in a book with this injection; NaN where buses lack phases: there are none then."""
    distance, unit = _distances(results.network)
    ac_vm_pu = linear_vm_pu = np.full(results.network.n_bus, np.nan)
    if results.network.is_balanced:
        ac_vm_pu = ac_flow(results.network, *injection, bus=bus).vm_pu[0]
        linear_vm_pu = lindistflow(results.network, *injection, bus=bus).vm_pu[0]
    return AlongFeeder(
        share=float(scenario["share"]),
        scenario=int(scenario["scenario"]),
        step=step,
        is_high=is_high,
        distance=distance,
        unit=unit,
        ac_vm_pu=ac_vm_pu,
        linear_vm_pu=linear_vm_pu,
        devices=_devices_of(scenario),
    )


def run_worst_day(results: Results) -> PhaseVoltages:
    """Voltages of each phase in the book that goes farthest out of the band, or nearest to its end, and in its day."""
    network, (scenario, step, is_high) = results.network, worst_book(results)
    batch = run_again(results, scenario, 1)
    steps, at = steps_of_day(step, results.profiles.n_steps, results.profiles.step_hours)
    injection, bus = batch.clearing.injection.of(steps), batch.scenarios.connected
    vm_pu = phase_flow(network, *injection, bus=bus).vm_pu
    balanced = Injection(injection.kw[[at]].sum(axis=2), injection.kvar[[at]].sum(axis=2))
    inner = vm_pu[:, network.has_band]
    return PhaseVoltages(
        balanced=_along_feeder(results, scenario, step, is_high, balanced, bus),
        participant=batch.scenarios.participant,
        vm_pu=vm_pu[at],
        step=steps,
        lowest_vm_pu=np.fmin.reduce(inner, axis=1),
        highest_vm_pu=np.fmax.reduce(inner, axis=1),
    )


def steps_of_day(step: int, n_steps: int, step_hours: float) -> tuple[Ints, int]:
    """The steps that begin in the same 24 hours as a step, counted from the first one, and its place among them."""
    day = np.floor(np.arange(n_steps) * step_hours / 24.0 + 1e-9)
    steps = np.flatnonzero(day == day[step])
    return steps, int(step - steps[0])


def worst_book(results: Results) -> tuple[pd.Series, int, bool]:
    """The scenario, its step, and whether the highest voltage, not the lowest, is the farthest out of the band."""
    scenarios, part = results.scenarios, results.study.network
    over = (scenarios["highest_vm_pu"] - part.v_max_pu).to_numpy(np.float64)
    under = (part.v_min_pu - scenarios["lowest_vm_pu"]).to_numpy(np.float64)
    is_over = bool(np.nanmax(over) >= np.nanmax(under))
    row = scenarios.iloc[int(np.nanargmax(over if is_over else under))]
    return row, int(row["highest_vm_step" if is_over else "lowest_vm_step"]), is_over


def run_again(results: Results, scenario: pd.Series, count: int) -> BatchResult:
    """Some scenarios from this row of `Results.scenarios` on, at its point, through all steps."""
    swept = results.study.scenarios
    share = float(scenario["share"]) if swept.shares else None
    point = Point(share, {device: float(scenario[f"{device}_share"]) for device in swept.swept})
    study, first = point.of(results.study), int(scenario["scenario"])
    drawn = draw_scenarios(study, results.network, results.profiles, share, range(first, first + count))
    return run_batch(study, results.network, results.profiles, drawn, range(results.profiles.n_steps))


def _devices_of(scenario: pd.Series) -> dict[str, float]:
    """Shares of swept devices at which a scenario is, by column."""
    return {key: float(scenario[key]) for key in POINT_KEYS if key != "share" and key in scenario}


def _distances(network: Network) -> tuple[Floats, str]:
    """(n_bus,) way to the external grid: km where the lines have lengths, else branches."""
    if np.isnan(network.length_km[network.element == "line"]).any():
        return network.tree.depth.astype(np.float64), "branches"
    km = np.nan_to_num(network.length_km)
    distance, tree = np.zeros(network.n_bus), network.tree
    for bus in tree.order.tolist():
        if tree.parent[bus] >= 0:
            distance[bus] = distance[tree.parent[bus]] + km[tree.parent_branch[bus]]
    return distance, "km"


def find_feeders(network: Network) -> Feeders:
    """The branches of a radial network, and the feeder that each is part of.

    A feeder begins with the first line on the way from an external grid: above it are transformers, and whatever joins them.
    """
    tree, is_line = network.tree, network.element == "line"
    order = tree.order[tree.parent[tree.order] >= 0]
    of_bus, names = np.full(network.n_bus, -1), list[str]()
    for bus in order.tolist():  # parents before children
        of_bus[bus] = of_bus[tree.parent[bus]]
        if of_bus[bus] < 0 and is_line[tree.parent_branch[bus]]:
            of_bus[bus] = len(names)
            names.append(str(network.branch_name[tree.parent_branch[bus]]))
    return Feeders(
        bus_id=network.bus_id,
        has_band=network.has_band,
        ends=np.stack([order, tree.parent[order]], axis=1),
        is_transformer=np.char.startswith(network.element[tree.parent_branch[order]], "trafo"),
        feeder=of_bus[order],
        names=names,
    )


def sample_errors(results: Results) -> ModelErrors:
    """Voltages and loading of simpler models less those of AC, at buses and branches and in steps drawn at random."""
    network, rows = results.network, results.scenarios
    *_, (point, of_share) = by_point(rows)
    n_scenarios = max(1, min(MAX_SCENARIOS, len(of_share), MAX_BOOKS // results.profiles.n_steps))
    batch = run_again(results, of_share.iloc[0], n_scenarios)
    n_values = network.n_bus * results.study.network.phases
    books = random_places(len(batch.clearing.status_code), 1 + MAX_VALUES // n_values)
    find_errors = _phase_errors if results.study.network.phases == 3 else _errors
    voltage, loading = find_errors(network, batch.clearing.injection.of(books), batch.scenarios.connected)
    share, devices = point["share"], _devices_of(of_share.iloc[0])
    return ModelErrors(share, n_scenarios, len(books), voltage=voltage, loading=loading, devices=devices)


def _errors(network: Network, injection: Injection, bus: Ints) -> tuple[Errors, Errors]:
    """Errors of DC and LinDistFlow: of voltages, and of loading."""
    ac, linear = ac_flow(network, *injection, bus=bus), lindistflow(network, *injection, bus=bus)
    limited = network.percent_per_kw > 0.0
    per_kw = network.percent_per_kw[limited]
    power = {
        "DC, active power": np.abs(network.flow_kw(injection.kw, bus)),
        "LinDistFlow, apparent power": np.hypot(linear.flow_kw, linear.flow_kvar),
    }
    return (
        _thinned(ac.vm_pu, {"DC (no voltage drop)": network.slack_vm_pu[0], "LinDistFlow": linear.vm_pu}),
        _thinned(ac.loading_percent[:, limited], {name: flow[:, limited] * per_kw for name, flow in power.items()}),
    )


def _phase_errors(network: Network, injection: Injection, bus: Ints) -> tuple[Errors, Errors]:
    """Of each phase, errors of the balanced model, and of LinDist3Flow: of voltages, and of loading."""
    ac, linear = phase_flow(network, *injection, bus=bus), lindist3flow(network, *injection, bus=bus)
    assert network.zero is not None
    percent_per_kva = network.zero.n_conductors * network.percent_per_kw
    of_linear = percent_per_kva[:, None] * np.hypot(linear.flow_kw, linear.flow_kvar)
    voltage, loading = {"LinDist3Flow": linear.vm_pu}, {"LinDist3Flow, apparent power": of_linear}
    if network.is_balanced:  # else there is no balanced model
        balanced = ac_flow(network, injection.kw.sum(axis=2), injection.kvar.sum(axis=2), bus=bus)
        voltage = {"balanced AC": np.repeat(balanced.vm_pu[..., None], 3, axis=2)} | voltage
        loading = {"balanced AC": np.repeat(balanced.loading_percent[..., None], 3, axis=2)} | loading
    limited = (network.percent_per_kw > 0.0)[:, None] & network.zero.branch_has_phase
    return _of_places(ac.vm_pu, voltage, network.zero.has_phase), _of_places(ac.loading_percent, loading, limited)


def _of_places(ac: Floats, models: dict[str, Floats], has: NDArray[np.bool_]) -> Errors:
    """`_thinned` of the phases and buses, or branches, that there are."""
    return _thinned(ac[:, has], {name: value[:, has] for name, value in models.items()})


def _thinned(ac: Floats, models: dict[str, Floats]) -> Errors:
    """Some values of an AC power flow, and what each model gives less these."""
    some = random_places(ac.size, MAX_POINTS)
    error = {name: (value - ac).ravel() for name, value in models.items()}
    largest = {name: float(np.nanmax(np.abs(of), initial=0.0)) for name, of in error.items()}
    return Errors(ac.ravel()[some], {name: of[some] for name, of in error.items()}, ac.size, largest)


def random_places(n: int, most: int) -> Ints:
    """Places of 0…n - 1, rising, at most so many; always the same. Places at even distances might all be of one hour or bus."""
    return np.sort(np.random.default_rng(0).choice(n, min(n, most), replace=False))
