"""Figures of an audited study: voltages by hour and along the feeder, errors of DC and LinDistFlow against AC."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fastp2p.figures.shares import MAX_NAMED_SHARES, at_point, curve_name, share_colours, shares_text, some_shares
from fastp2p.figures.style import (
    BLUE,
    GREY,
    INK,
    ORANGE,
    RED,
    STYLE,
    add_note,
    add_share_legend,
    draw_band,
    plain_axes,
    sweep_page,
    time_axes,
)
from fastp2p.grid.network import Network
from fastp2p.results.results import Results

Floats = NDArray[np.float64]

BY_HOUR = {"lowest_vm_pu": "Lowest voltage of any bus (p.u.)", "highest_vm_pu": "Highest voltage of any bus (p.u.)"}
"""What is drawn by the hour."""
BY_PHASE = {
    "lowest_vm_pu": "Lowest voltage of any bus and phase (p.u.)",
    "highest_vm_pu": "Highest voltage of any bus and phase (p.u.)",
}
"""The same of three phases."""
BESIDE = (0, (3, 2))
"""Dashes of the models drawn beside the AC power flow."""


class AlongFeeder(NamedTuple):
    """The book that goes farthest out of the voltage band, or nearest to its end.

    Attributes
    ----------
    share : float
    scenario, step : int
    is_high : bool
        Whether it is the upper end of the band.
    distance : (n_bus,) float64
        Way to the external grid, in `unit`.
    unit : str
    ac_vm_pu, linear_vm_pu : (n_bus,) float64
        Voltages of an AC power flow and of LinDistFlow.
    devices : dict of float, optional
        Shares of swept devices, by their column.
    """

    share: float
    scenario: int
    step: int
    is_high: bool
    distance: Floats
    unit: str
    ac_vm_pu: Floats
    linear_vm_pu: Floats
    devices: Mapping[str, float] = MappingProxyType({})


class Errors(NamedTuple):
    """Values of an AC power flow, and by model the errors of other power flows."""

    at: Floats
    error: dict[str, Floats]


class ModelErrors(NamedTuple):
    """What the linear models miss in a sample of buses, branches and steps.

    Attributes
    ----------
    share : float
    n_scenarios : int
    voltage : Errors
        p.u.
    loading : Errors
        Percent; of an AC power flow, from current.
    devices : dict of float, optional
        Shares of swept devices, by their column.
    """

    share: float
    n_scenarios: int
    voltage: Errors
    loading: Errors
    devices: Mapping[str, float] = MappingProxyType({})


@matplotlib.rc_context(STYLE)
def draw_voltage(results: Results, hours: pd.DataFrame, audited: str) -> Figure:
    """Lowest and highest voltage of any bus by hour of the day and share: median and 5th to 95th percentile.

    Parameters
    ----------
    results : Results
    hours : DataFrame
        What `find_hour_quantiles` finds of `BY_HOUR`.
    audited : str
        What `count_audited` says.
    """
    figure, panels = sweep_page(results, 10.0, 4.6, (0.85, 0.3, 0.6, 1.3), panels=2)
    colours = share_colours(results.scenarios)
    banded, named = some_shares(list(colours), 3), some_shares(list(colours), MAX_NAMED_SHARES)
    limit = {"lowest_vm_pu": results.study.network.v_min_pu, "highest_vm_pu": results.study.network.v_max_pu}
    labels = BY_PHASE if results.study.network.phases == 3 else BY_HOUR
    for axes, (column, label) in zip(panels, labels.items(), strict=True):
        for layer, (point, colour) in enumerate(colours.items()):
            of_share = at_point(hours, point)[column]
            at, (low, middle, high) = of_share.index.to_numpy(np.float64) + 0.5, of_share.to_numpy(np.float64).T
            if point in banded:
                draw_band(axes, at, low, high, colour, 0.12)
            width = 1.8 if point in named else 0.6
            axes.plot(at, middle, color=colour, linewidth=width, marker="o", markersize=3.0, zorder=2 + layer / len(colours))
        time_axes(axes, float(hours.index.get_level_values("hour").max() + 1), 1.0, label)
        axes.set_xlabel("Hour of the day")
        values = hours[column].to_numpy(np.float64)
        show_limit(axes, float(np.nanmin(values)), float(np.nanmax(values)), limit[column])
    if len(results.scenarios) == 1:
        add_note(figure, f"{audited}; red: limit of the voltage, where it is near")
        return figure
    is_sample = results.study.audited_every > 1
    if is_sample:
        figure.texts[0].set_text(f"{figure.texts[0].get_text()}, {audited}")
    which = "" if len(banded) == len(colours) else f" at {', '.join(curve_name(point, colours) for point in banded)}"
    of = "audited scenarios" if is_sample else "scenarios"
    add_share_legend(figure, results, colours, f"; line: median of the {of}, band{which}: 5th to 95th percentile; red: limit")
    return figure


def show_limit(axes: Axes, low: float, high: float, limit: float) -> bool:
    """A view of the values, and of the limit where it is near; whether it is."""
    span = max(high - low, 0.004)
    is_near = low - span < limit < high + span
    if is_near:
        axes.axhline(limit, color=RED, linewidth=1.0, zorder=1.2)
        low, high = min(low, limit), max(high, limit)
    axes.set_ylim(low - 0.08 * span, high + 0.08 * span)
    axes.ticklabel_format(axis="y", useOffset=False)
    axes.grid(True)
    return is_near


@matplotlib.rc_context(STYLE)
def draw_feeder(results: Results, worst: AlongFeeder, audited: str) -> Figure:
    """Voltage along the feeder in one book; `audited` is the text of `count_audited`."""
    figure, (axes,) = sweep_page(results, 8.6, 4.8, (0.85, 0.4, 0.65, 1.2))
    for vm_pu, colour, width, style in ((worst.ac_vm_pu, BLUE, 1.6, "solid"), (worst.linear_vm_pu, ORANGE, 1.0, BESIDE)):
        draw_along(axes, results.network, worst.distance, vm_pu, colour, width, style)
    shown = results.network.bus_id >= 0
    axes.plot(worst.distance[shown], worst.ac_vm_pu[shown], "o", color=BLUE, markersize=3.5, zorder=3)
    axes.plot([], [], "o-", color=BLUE, markersize=3.5, label="AC power flow")
    axes.plot([], [], color=ORANGE, linestyle=BESIDE, label="LinDistFlow")
    axes.plot([], [], color=RED, linewidth=1.0, label="limit")
    bus = furthest_bus(results.network, worst.ac_vm_pu, worst.is_high)
    name_bus(axes, f"bus {results.network.bus_id[bus]}", (worst.distance[bus], worst.ac_vm_pu[bus]), worst.is_high)
    for limit in (results.study.network.v_min_pu, results.study.network.v_max_pu):
        axes.axhline(limit, color=RED, linewidth=1.0, zorder=1.2)
    finish_feeder(figure, axes, results, worst, audited)
    return figure


def draw_along(axes: Axes, network: Network, distance: Floats, vm_pu: Floats, colour: str, width: float, style: Any) -> None:
    """The voltage of every branch, from its end nearer to the external grid to the other."""
    parent, order = network.tree.parent, network.tree.order
    ends = np.stack([order[parent[order] >= 0], parent[order[parent[order] >= 0]]], axis=1)
    points = np.stack([distance[ends], vm_pu[ends]], axis=2)
    # pandapower, once imported, changes the default cap
    look: dict[str, Any] = {"colors": colour, "linewidths": width, "linestyles": style, "capstyle": "butt"}
    axes.add_collection(LineCollection(list(points), zorder=2, **look))


def furthest_bus(network: Network, vm_pu: Floats, is_high: bool) -> int:
    """The position of the bus with the highest voltage, or the lowest, but the external grids."""
    inner = np.flatnonzero(network.has_band)
    return int(inner[np.argmax(vm_pu[inner] if is_high else -vm_pu[inner])])


def name_bus(axes: Axes, name: str, place: tuple[float, float], is_high: bool) -> None:
    """A name above a point, or below."""
    axes.annotate(
        name, place, (0, 11 if is_high else -11), textcoords="offset points", ha="center",
        va="bottom" if is_high else "top", color=INK, fontsize=8.5,
    )  # fmt: skip


def finish_feeder(figure: Figure, axes: Axes, results: Results, worst: AlongFeeder, audited: str) -> None:
    """Axes, legend, and which book it is."""
    axes.set(xlabel=f"Distance from the external grid ({worst.unit})", ylabel="Voltage (p.u.)")
    axes.margins(x=0.03, y=0.12)
    plain_axes(axes)
    what = "the book that goes farthest towards a limit of the voltage"
    if results.study.audited_every > 1:
        what = f"farthest towards a limit of the voltage, {audited}"
    add_note(figure, f"{book_of(results, worst)}: {what}")
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=len(axes.get_legend_handles_labels()[0]))


def book_of(results: Results, worst: AlongFeeder) -> str:
    """The share, the scenario and the hour of a book."""
    return f"share {shares_text(worst.share, worst.devices)}, scenario {worst.scenario}, {_hour(results, worst.step)}"


def _hour(results: Results, step: int) -> str:
    """When a step begins."""
    hours = results.profiles.step_hours
    day, hour = divmod(step * hours, 24.0)
    return f"hour {hour:g}" + f" of day {day + 1:.0f}" * (results.profiles.n_steps * hours > 24.0)


@matplotlib.rc_context(STYLE)
def draw_ac_error(results: Results, sample: ModelErrors) -> Figure:
    """What the linear models miss: voltages against AC, and loading against loading from current."""
    figure, (left, right) = sweep_page(results, 10.0, 4.6, (0.85, 0.3, 0.65, 1.2), panels=2)
    _scatter(left, sample.voltage, 100.0)
    left.set(xlabel="AC voltage (p.u.)", ylabel="Voltage, model less AC (% of nominal)")
    _scatter(right, sample.loading, 1.0)
    right.set(xlabel="AC loading from current (%)", ylabel="Loading, model less AC (percentage points)")
    n, share = sample.n_scenarios, shares_text(sample.share, sample.devices)
    each = "buses, branches, phases" if results.study.network.phases == 3 else "buses, branches"
    of = f"{each} and steps of {n} scenario{'s' * (n > 1)} with a share of {share}, thinned at random"
    add_note(figure, of)
    return figure


def _scatter(axes: Axes, errors: Errors, scale: float) -> None:
    """Errors over AC values."""
    for (name, error), colour in zip(errors.error.items(), (GREY, ORANGE), strict=True):
        look: dict[str, Any] = {"markersize": 2.0, "markeredgewidth": 0.0, "alpha": 0.5, "rasterized": True}
        axes.plot(errors.at, scale * error, "o", color=colour, **look)
        axes.plot([], [], "o", color=colour, label=name)
    axes.axhline(0.0, color=INK, linewidth=0.8, zorder=1.0)
    axes.legend(loc="lower left", bbox_to_anchor=(-0.01, 1.0), ncols=2)
    plain_axes(axes)
