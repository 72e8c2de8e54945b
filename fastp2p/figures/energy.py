"""Energy of a sweep: traded and exchanged with the grid over the share of PV or of devices, and through the mean day."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from fastp2p.figures.pages import colour, energy_label, hour_edges, legend_below, time_axis
from fastp2p.figures.shares import lines_of, ramp, share_axis

Floats = NDArray[np.float64]

QUANTITIES: dict[str, tuple[str, int, str, Any]] = {
    "executed_kwh": ("P2P trades", 0, "o", "solid"),
    "matched_kwh": ("Matched", 0, "s", (0, (4, 2))),
    "cut_kwh": ("Cut", 3, "v", (0, (1, 1.5))),
    "import_kwh": ("Retailer supply", 1, "D", "solid"),
    "export_kwh": ("Exported", 4, "^", (0, (4, 2))),
    "spilled_kwh": ("Spilled", 6, "P", (0, (1, 1.5))),
}
"""Columns of the table of scenarios: their name, and the colour, marker and line of it; told apart without colour, too."""
TRADED = ("executed_kwh", "matched_kwh", "cut_kwh")
EXCHANGED = ("import_kwh", "export_kwh", "spilled_kwh")
BY_HOUR = ("executed_kwh", "import_kwh")
"""What is drawn by the hour."""
BAND = 0.2


def draw_energy(axes: Axes, scenarios: pd.DataFrame, quantities: Sequence[str] = TRADED, *, days: float | None = None) -> None:
    """Energy of a scenario over the share of PV, or of devices: median, and the band of 5 to 95 % of the scenarios.

    Parameters
    ----------
    axes : Axes
    scenarios : DataFrame
        `Results.scenarios`, or its columns of shares and these.
    quantities : sequence of str
        Of `QUANTITIES`. Where several shares of devices were run, each of them has a line, of the first quantity.
    days : float, optional
        How long a scenario is: energies are per day.
    """
    lines = lines_of(scenarios)
    if list(lines.rows) == [""]:
        title = "Line: median, band: 5 to 95% of scenarios"
        for layer, quantity in enumerate(quantities):
            name, number, marker, style = QUANTITIES[quantity]
            look = {"label": name, "color": colour(number), "marker": marker, "linestyle": style}
            if quantity == "matched_kwh":  # around what is executed of it
                look |= {"markerfacecolor": "white", "markersize": 1.6 * matplotlib.rcParams["lines.markersize"]}
            _draw_quantiles(axes, scenarios, lines.over, quantity, days or 1.0, look, layer)
    else:
        banded = [*lines.rows][:: len(lines.rows) - 1]  # more would only hide each other
        title = f"{lines.title}. Line: median, band (first, last): 5 to 95% of scenarios"
        for layer, ((name, rows), own) in enumerate(zip(lines.rows.items(), ramp(len(lines.rows)), strict=True)):
            look = {"label": name, "color": own, "marker": "o"}
            _draw_quantiles(axes, rows, lines.over, quantities[0], days or 1.0, look, layer, has_band=name in banded)
        axes.set_title(QUANTITIES[quantities[0]][0], loc="left", weight="bold")
    share_axis(axes, lines)
    per = "of a day" if days else "of a scenario"
    axes.set(ylim=(0.0, axes.get_ylim()[1]), ylabel=f"Energy {per} (kWh)")
    legend_below(axes, title=title, ncols=3)


def _draw_quantiles(
    axes: Axes,
    table: pd.DataFrame,
    over: str,
    quantity: str,
    days: float,
    look: dict[str, Any],
    layer: int,
    *,
    has_band: bool = True,
) -> None:
    """The median and the band of a quantity at each share; a bar where there is one share alone."""
    by_share = (table.groupby(over)[quantity].quantile(np.array([0.05, 0.5, 0.95])) / days).unstack()
    at, (low, middle, high) = 100.0 * by_share.index.to_numpy(np.float64), by_share.to_numpy(np.float64).T
    axes.plot(at, middle, clip_on=False, zorder=2.9 if quantity == "matched_kwh" else 3.0 + 0.1 * layer, **look)
    if not has_band:
        return
    if len(at) > 1:
        outlined = {"facecolor": "none", "edgecolor": look["color"], "linestyle": (0, (1, 2)), "linewidth": 0.8}
        outlined["capstyle"] = "butt"  # pandapower, once imported, changes the default
        filled = {"color": look["color"], "alpha": BAND, "linewidth": 0.0}
        axes.fill_between(at, low, high, zorder=1.5, **(outlined if quantity == "matched_kwh" else filled))
    else:
        around = np.stack([middle - low, high - middle]).clip(min=0.0)
        axes.errorbar(at, middle, around, fmt="none", ecolor=look["color"], capsize=2.0, zorder=2.5)


def draw_hours(axes: Axes, hours: pd.DataFrame, *, name: str = "", step_hours: float | None = None) -> None:
    """P2P trades and retailer supply through the mean day at one share: median, and the band of 5 to 95 % of the scenarios.

    Parameters
    ----------
    axes : Axes
    hours : DataFrame
        What `find_hour_quantiles` finds of `BY_HOUR`, of one point: by hour.
    name : str
        At which share, for the title.
    step_hours : float, optional
        By default what the hours say. An hour that no step begins in is part of the step before it.
    """
    edges, length = hour_edges(hours.index, step_hours)
    for quantity in BY_HOUR:
        label, number, _, _ = QUANTITIES[quantity]
        low, middle, high = (np.append(values, values[-1]) for values in hours[quantity].to_numpy(np.float64).T)
        look: dict[str, Any] = {
            "color": colour(number),
            "label": label,
            "linestyle": "solid" if quantity == BY_HOUR[0] else (0, (4, 1.5)),
        }
        axes.fill_between(edges, low, high, step="post", color=look["color"], alpha=BAND, linewidth=0.0, zorder=1.5)
        axes.plot(edges, middle, drawstyle="steps-post", **look)
    time_axis(axes, edges)
    axes.set(xlabel="Hour of the mean day", ylabel=f"Energy\n(kWh per {energy_label(length)})", ylim=(0.0, axes.get_ylim()[1]))
    if name:
        axes.set_title(name, loc="left")
    legend_below(axes, title="Line: median, band: 5 to 95% of scenarios", ncols=2)
