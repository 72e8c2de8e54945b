"""Figures of an audited study: voltages by hour, along the feeder, and what DC and LinDistFlow miss of AC."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fastp2p.figures.day import BLUE, GREY, INK, ORANGE, RED, STYLE, _time_axes, save_figures
from fastp2p.figures.sweep import MAX_NAMED_SHARES, _colours, _percent, _share_legend, _some, _sweep_page, _tidy
from fastp2p.grid.ac import ac_flow
from fastp2p.grid.lindistflow import lindistflow
from fastp2p.grid.network import Network
from fastp2p.pipeline.batch import BatchResult, run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.results.results import Results
from fastp2p.results.statistics import count_audited

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_SCENARIOS = 20
"""Of the largest share, for what DC and LinDistFlow miss."""
MAX_BOOKS, MAX_VALUES = 50_000, 400_000
"""Books that are run for them, and voltages that are computed."""
MAX_POINTS = 4000


def write_voltage_figures(results: Results, folder: Path) -> list[Path]:
    """Draw an audited study, each figure as PNG and as PDF.

    Parameters
    ----------
    results : Results
        Of a study with ``clearing.audit`` or ``clearing.physics = "ac"``; without its table of hours the first figure is left
        out, and of a meshed network the other two.
    folder : Path

    Returns
    -------
    list of Path
        ``voltage``, ``feeder`` and ``ac_error``, each ``.png`` and ``.pdf``.
    """
    with matplotlib.rc_context(STYLE):
        known = results.scenarios["highest_vm_pu"].notna().any()  # not so where every book collapses
        figures = {} if results.hours is None or not known else {"voltage": _voltage(results, results.hours)}
        if results.network.is_radial and known:
            figures |= {"feeder": _feeder(results), "ac_error": _ac_error(results)}
        return save_figures(figures, folder)


def _voltage(results: Results, hours: pd.DataFrame) -> Figure:
    """Lowest and highest voltage of any bus by hour of the day and share: median and 5th to 95th percentile."""
    figure, panels = _sweep_page(results, 10.0, 4.6, (0.85, 0.3, 0.6, 1.3), panels=2)
    colours = _colours(results)
    banded = _some(list(colours), 3)
    sides = {"lowest_vm_pu": "Lowest voltage of any bus (p.u.)", "highest_vm_pu": "Highest voltage of any bus (p.u.)"}
    spread = hours.groupby(["share", "hour"])[list(sides)].quantile(np.array([0.05, 0.5, 0.95])).unstack()
    band = {"lowest_vm_pu": results.study.network.v_min_pu, "highest_vm_pu": results.study.network.v_max_pu}
    for axes, (column, label) in zip(panels, sides.items(), strict=True):
        for layer, (share, colour) in enumerate(colours.items()):
            of_share = spread.xs(share, level="share")[column]
            at, (low, middle, high) = of_share.index.to_numpy(np.float64) + 0.5, of_share.to_numpy(np.float64).T
            if share in banded:
                axes.fill_between(at, low, high, color=colour, alpha=0.12, linewidth=0.0, zorder=1.5)
                axes.plot(at, np.stack([low, high], axis=1), color=colour, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1.6)
            width = 1.8 if share in _some(list(colours), MAX_NAMED_SHARES) else 0.6
            axes.plot(at, middle, color=colour, linewidth=width, marker="o", markersize=3.0, zorder=2 + layer / len(colours))
        _time_axes(axes, float(hours["hour"].max() + 1), 1.0, label)
        axes.set_xlabel("Hour of the day")
        values = spread[column].to_numpy(np.float64)
        _limit_view(axes, float(np.nanmin(values)), float(np.nanmax(values)), band[column])
    is_sample, books = results.study.audited_every > 1, count_audited(results.scenarios)
    if len(results.scenarios) == 1:
        figure.text(0.25 / 10.0, 1 - 0.76 / 4.6, f"{books}; red: limit of the voltage, where it is near", color="#555555")
        return figure
    if is_sample:
        figure.texts[0].set_text(f"{figure.texts[0].get_text()}, {books}")
    which = "" if len(banded) == len(colours) else f" at {', '.join(_percent(share) for share in banded)}"
    of = "audited scenarios" if is_sample else "scenarios"
    _share_legend(figure, colours, f"; line: median of the {of}, band{which}: 5th to 95th percentile; red: limit")
    return figure


def _limit_view(axes: Axes, low: float, high: float, limit: float) -> None:
    """A view of the values, and of the limit where it is near."""
    span = max(high - low, 0.004)
    if low - span < limit < high + span:
        axes.axhline(limit, color=RED, linewidth=1.0, zorder=1.2)
        low, high = min(low, limit), max(high, limit)
    axes.set_ylim(low - 0.08 * span, high + 0.08 * span)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.grid(True)


def _feeder(results: Results) -> Figure:
    """Voltage along the feeder in the book that goes farthest out of the band, or nearest to its end."""
    network, part = results.network, results.study.network
    scenario, step, which = _worst_book(results)
    batch = _run_again(results, scenario, 1)
    injection = batch.clearing.injection.of(np.array([step]))
    who = batch.scenarios.participant
    ac, linear = ac_flow(network, *injection, bus=who), lindistflow(network, *injection, bus=who)
    distance, unit = _distances(network)
    figure, (axes,) = _sweep_page(results, 8.6, 4.8, (0.85, 0.4, 0.65, 1.2))
    parent, order = network.tree.parent, network.tree.order
    ends = np.stack([order[parent[order] >= 0], parent[order[parent[order] >= 0]]], axis=1)
    for vm_pu, colour, width, style in ((ac.vm_pu[0], BLUE, 1.6, "solid"), (linear.vm_pu[0], ORANGE, 1.0, (0, (3, 2)))):
        points = np.stack([distance[ends], vm_pu[ends]], axis=2)
        axes.add_collection(LineCollection(list(points), colors=colour, linewidths=width, linestyles=style, zorder=2))
    shown = network.bus_id >= 0
    axes.plot(distance[shown], ac.vm_pu[0][shown], "o", color=BLUE, markersize=3.5, zorder=3)
    axes.plot([], [], "o-", color=BLUE, markersize=3.5, label="AC power flow")
    axes.plot([], [], color=ORANGE, linestyle=(0, (3, 2)), label="LinDistFlow")
    axes.plot([], [], color=RED, linewidth=1.0, label="limit")
    inner = np.flatnonzero(network.has_band)
    worst = int(inner[np.argmax(which * ac.vm_pu[0][inner])])
    axes.annotate(
        f"bus {network.bus_id[worst]}", (distance[worst], ac.vm_pu[0][worst]), (0, 11 * which), textcoords="offset points",
        ha="center", va="bottom" if which > 0 else "top", color=INK, fontsize=8.5,
    )  # fmt: skip
    for limit in (part.v_min_pu, part.v_max_pu):
        axes.axhline(limit, color=RED, linewidth=1.0, zorder=1.2)
    axes.set(xlabel=f"Distance from the external grid ({unit})", ylabel="Voltage (p.u.)")
    axes.margins(x=0.03, y=0.12)
    _tidy(axes)
    day, hour = divmod(step * results.profiles.step_hours, 24.0)
    when = f"hour {hour:g}" + f" of day {day + 1:.0f}" * (results.profiles.n_steps * results.profiles.step_hours > 24.0)
    of = f"share {_percent(float(scenario['share']))}, scenario {int(scenario['scenario'])}, {when}"
    text = f"{of}: the book that goes farthest towards a limit of the voltage"
    if results.study.audited_every > 1:
        text = f"{of}: farthest towards a limit of the voltage, {count_audited(results.scenarios)}"
    figure.text(0.25 / 8.6, 1 - 0.76 / 4.8, text, color="#555555")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=3)
    return figure


def _worst_book(results: Results) -> tuple[pd.Series, int, int]:
    """The scenario, its step, and +1 where the highest voltage, -1 where the lowest is the farthest out of the band."""
    scenarios, part = results.scenarios, results.study.network
    over = (scenarios["highest_vm_pu"] - part.v_max_pu).to_numpy(np.float64)
    under = (part.v_min_pu - scenarios["lowest_vm_pu"]).to_numpy(np.float64)
    is_over = np.nanmax(over) >= np.nanmax(under)
    row = scenarios.iloc[int(np.nanargmax(over if is_over else under))]
    return row, int(row["highest_vm_step" if is_over else "lowest_vm_step"]), 1 if is_over else -1


def _run_again(results: Results, scenario: pd.Series, count: int) -> BatchResult:
    """Some scenarios from this one on, at its share, through all steps."""
    study = results.study
    share = float(scenario["share"]) if study.scenarios.shares else None
    first = int(scenario["scenario"])
    drawn = draw_scenarios(study, results.network, results.profiles, share, range(first, first + count))
    return run_batch(study, results.network, results.profiles, drawn, range(results.profiles.n_steps))


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


def _ac_error(results: Results) -> Figure:
    """What the linear models miss: voltages against AC, and loading against loading from current, of all buses and branches."""
    network, rows = results.network, results.scenarios
    of_share = rows[rows["share"] == rows["share"].max()]
    n_steps = results.profiles.n_steps
    batch = _run_again(results, of_share.iloc[0], max(1, min(MAX_SCENARIOS, len(of_share), MAX_BOOKS // n_steps)))
    n_books = len(batch.clearing.status_code)
    some = _at_random(n_books, 1 + MAX_VALUES // network.n_bus)
    injection, bus = batch.clearing.injection.of(some), batch.scenarios.participant
    ac, linear = ac_flow(network, *injection, bus=bus), lindistflow(network, *injection, bus=bus)
    dc_kw = network.flow_kw(injection.kw, bus)
    limited = network.percent_per_kw > 0.0
    percent = network.percent_per_kw[limited]
    figure, (left, right) = _sweep_page(results, 10.0, 4.6, (0.85, 0.3, 0.65, 1.2), panels=2)
    grid = network.slack_vm_pu[0]
    _scatter(left, ac.vm_pu, {"DC (no voltage drop)": grid - ac.vm_pu, "LinDistFlow": linear.vm_pu - ac.vm_pu}, 100.0)
    left.set(xlabel="AC voltage (p.u.)", ylabel="Voltage, model less AC (% of nominal)")
    current = ac.loading_percent[:, limited]
    power = {"DC, active power": np.abs(dc_kw), "LinDistFlow, apparent power": np.hypot(linear.flow_kw, linear.flow_kvar)}
    _scatter(right, current, {name: flow[:, limited] * percent - current for name, flow in power.items()}, 1.0)
    right.set(xlabel="AC loading from current (%)", ylabel="Loading, model less AC (percentage points)")
    share, count = _percent(float(of_share["share"].iloc[0])), len(batch.scenarios.number)
    text = f"buses, branches and steps of {count} scenario{'s' * (count > 1)} with a share of {share}, thinned at random"
    figure.text(0.25 / 10.0, 1 - 0.76 / 4.6, text, color="#555555")
    return figure


def _at_random(n: int, most: int) -> Ints:
    """Places of 0…n - 1, rising, at most so many; always the same. Places at even distances might all be of one hour or bus."""
    return np.sort(np.random.default_rng(0).choice(n, min(n, most), replace=False))


def _scatter(axes: Axes, at: Floats, errors: dict[str, Floats], scale: float) -> None:
    """Errors over AC values, thinned at random where there are too many to be seen."""
    some = _at_random(at.size, MAX_POINTS)
    for (name, error), colour in zip(errors.items(), (GREY, ORANGE), strict=True):
        look: dict[str, Any] = {"markersize": 2.0, "markeredgewidth": 0.0, "alpha": 0.5, "rasterized": True}
        axes.plot(at.ravel()[some], scale * error.ravel()[some], "o", color=colour, **look)
        axes.plot([], [], "o", color=colour, label=name)
    axes.axhline(0.0, color=INK, linewidth=0.8, zorder=1.0)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2)
    _tidy(axes)
