"""Hosting capacities of a region's feeders over their features, and on a map."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, ListedColormap, Normalize
from matplotlib.ticker import LogLocator, MaxNLocator, MultipleLocator, NullFormatter, StrMethodFormatter
from numpy.typing import NDArray

from fastp2p.figures.pages import INK, SOFT_INK, colour, fold, legend_below, panel_width_in
from fastp2p.figures.region import sentence, until
from fastp2p.grid.features import FEATURES
from fastp2p.results.cube import FEEDER
from fastp2p.results.region import of_event
from fastp2p.results.statistics import CONFIDENCE

Floats = NDArray[np.float64]

MOST_BARS = 60
"""Feeders whose hosting capacity is a bar between two shares; of more a dot within it."""
GOLDEN = 0.6180339887498949
LOG_FROM = 30.0
"""Largest by smallest value from which a feature has a logarithmic axis."""
LABEL_PART = 0.75
"""Of a panel's width, for the label below it."""
DEGREES = (180.0, 90.0)


def draw_features(
    axes: Axes, hosting: pd.DataFrame, feeders: pd.DataFrame, feature: str, event: str = "cut", note: str = ""
) -> None:
    """The hosting capacity of every feeder over one of its features.

    Parameters
    ----------
    axes : Axes
    hosting : DataFrame
        Of `find_feeder_hosting`; where shares of devices were swept, the rows of one.
    feeders : DataFrame
        `Results.feeders`.
    feature : str
        A column of it.
    event : str
        What ends the hosting capacity.
    note : str
        A sentence for the legend.
    """
    rows = of_event(hosting, event).merge(feeders[[FEEDER, feature]], on=FEEDER).dropna(subset=[feature]).sort_values(FEEDER)
    value = rows[feature].to_numpy(np.float64)
    is_beyond = rows["next_share"].isna().to_numpy()
    low = 100.0 * rows["hosting_share"].to_numpy(np.float64)
    high = np.where(is_beyond, low, 100.0 * rows["next_share"].to_numpy(np.float64))
    look: dict[str, Any] = {"linestyle": "none", "clip_on": False, "zorder": 3.0}
    dot: dict[str, Any]
    if len(rows) <= MOST_BARS:
        bars = np.stack([np.column_stack([value, low]), np.column_stack([value, high])], axis=1)
        axes.add_collection(LineCollection(list(bars), colors=colour(0), linewidths=2.5, capstyle="butt", zorder=2.5))
        place, dot = (low + high) / 2.0, {"markersize": 3.5}
    else:
        within = (GOLDEN * np.arange(len(rows))) % 1.0  # anywhere between the shares tried, so that dots hide few others
        top = np.where(is_beyond, 100.0, high)
        place = low + within * (top - low)
        dot = {"markersize": 2.2, "markeredgewidth": 0.0, "alpha": 0.6}
    for which, name, marker, own in (
        (~is_beyond, "between the shares tried", "o", colour(0)),
        (is_beyond, "at least", "^", colour(3)),
    ):
        if which.any():
            axes.plot(value[which], place[which], marker=marker, color=own, label=name, **dot, **look)
    _value_axis(axes, value, feature)
    axes.set(ylim=(-2.0, 104.0), ylabel="Hosting capacity (% PV)")
    axes.yaxis.set_major_locator(MultipleLocator(20.0))
    legend_below(axes, ". ".join(part for part in (sentence(until(event)), note) if part), ncols=2)


def words_of(feature: str) -> str:
    """A feature in words."""
    return next((one.words for one in FEATURES if one.name == feature), feature)


def _value_axis(axes: Axes, value: Floats, feature: str) -> None:
    unit = next((one.unit for one in FEATURES if one.name == feature), "")
    label = f"{words_of(feature)} ({unit})" if unit else words_of(feature)
    axes.set_xlabel(fold(label, LABEL_PART * panel_width_in(axes)))
    if len(value) and value.min() > 0.0 and value.max() > LOG_FROM * value.min():
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 3.0), numticks=5))
        axes.xaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    else:
        axes.margins(x=0.06)
        axes.autoscale_view(scaley=False)
        axes.xaxis.set_major_locator(MaxNLocator(5, steps=[1, 2, 2.5, 5, 10]))


def correlation_words(row: Mapping[Any, Any]) -> list[str]:
    """A rank correlation, and its interval if there is one: "ρ = −0.71", "95%: −0.83 to −0.52"."""
    rho, low, high = (round(float(row[f"rank_correlation{end}"]), 2) + 0.0 for end in ("", "_low", "_high"))  # no −0.00
    if np.isnan(rho):
        return ["all alike"]
    interval = [] if np.isnan(low) else [f"{CONFIDENCE:.0%}: {low:.2f} to {high:.2f}"]
    return [line.replace("-", "−") for line in (f"ρ = {rho:.2f}", *interval)]


def _colours() -> Colormap:
    """Viridis from light to dark without its yellow, which white paper would hide."""
    return ListedColormap(matplotlib.colormaps["viridis_r"](np.linspace(0.12, 1.0, 128)))


def draw_map(axes: Axes, hosting: pd.DataFrame, feeders: pd.DataFrame, event: str = "cut") -> None:
    """Where the feeders are, and what they host.

    Parameters
    ----------
    axes : Axes
    hosting : DataFrame
        Of `find_feeder_hosting`; where shares of devices were swept, the rows of one.
    feeders : DataFrame
        `Results.feeders` with the columns `x` and `y`: a place in degrees east and north, or in any plane; feeders without one
        are left out.
    event : str
        What ends the hosting capacity.
    """
    rows = of_event(hosting, event).merge(feeders[[FEEDER, "x", "y"]], on=FEEDER).dropna(subset=["x", "y"])
    rows = rows.sort_values("hosting_share", ascending=False)  # those that host least on top
    x, y = rows["x"].to_numpy(np.float64), rows["y"].to_numpy(np.float64)
    share, is_beyond = 100.0 * rows["hosting_share"].to_numpy(np.float64), rows["next_share"].isna().to_numpy()
    size = float(np.clip(1200.0 / max(1, len(rows)), 6.0, 40.0))
    for which, marker, label in ((is_beyond, "^", "at least that"), (~is_beyond, "o", "up to the next share tried")):
        if which.any():
            axes.scatter(
                x[which], y[which], s=size, c=share[which], cmap=_colours(), norm=Normalize(0.0, 100.0), marker=marker,
                edgecolors=INK, linewidths=0.4, zorder=3.0 - is_beyond[which][0], label=label,
            )  # fmt: skip
    is_degrees = bool((np.abs(x) <= DEGREES[0]).all() and (np.abs(y) <= DEGREES[1]).all())
    axes.set_aspect(1.0 / np.cos(np.deg2rad(y.mean())) if is_degrees and abs(y.mean()) < 85.0 else 1.0, adjustable="datalim")
    axes.margins(0.08)
    axes.set(xlabel="Longitude (°)" if is_degrees else "x", ylabel="Latitude (°)" if is_degrees else "y")
    axes.ticklabel_format(useOffset=False)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(4))
    figure = axes.get_figure()
    assert figure is not None
    bar = figure.colorbar(ScalarMappable(Normalize(0.0, 100.0), _colours()), ax=axes, fraction=0.05, aspect=30, pad=0.02)
    bar.outline.set_visible(False)
    bar.set_ticks([0.0, 20.0, 40.0, 60.0, 80.0, 100.0])
    bar.set_label("Hosting capacity (share of PV, %)", color=SOFT_INK)
    legend_below(axes, sentence(until(event)), ncols=2)
