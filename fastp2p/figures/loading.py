"""The distribution over scenarios of the worst branch loading, by share of PV or of devices."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from numpy.typing import NDArray

from fastp2p.figures.pages import BESIDE_IN, INK, columns_that_fit, fold, legend_above, panel_width_in, round_ticks
from fastp2p.figures.shares import MAX_NAMED_SHARES, at_point, share_colours, share_handles, share_title, some_shares
from fastp2p.results.points import point_keys

Floats = NDArray[np.float64]

MAX_CURVE_POINTS = 1500
DASHED = (0, (4, 2))


def draw_loading(axes: Axes, scenarios: pd.DataFrame, *, power: str = "", period: str = "") -> None:
    """Which part of the scenarios stays at or below a worst branch loading: a curve for each share.

    Parameters
    ----------
    axes : Axes
    scenarios : DataFrame
        `Results.scenarios`, or their `worst_loading_percent` with the columns of a scenario.
    power : str
        What the limit is of, such as "active power".
    period : str
        Over which the worst is taken, such as "14 days".
    """
    keys = point_keys(scenarios)
    colours, by_point = share_colours(scenarios), scenarios.set_index([*keys, "scenario"])
    named = some_shares(list(colours), MAX_NAMED_SHARES)
    for layer, (point, colour) in enumerate(colours.items()):
        # later curves are thinner, so that those they lie upon still show
        width = 3.0 - 2.0 * layer / max(1, len(colours) - 1) if point in named else 0.6
        x, below = distribution(at_point(by_point, point)["worst_loading_percent"].to_numpy(np.float64))
        axes.plot(x, below, drawstyle="steps-post", color=colour, linewidth=width)
    _show_limit(axes, scenarios["worst_loading_percent"])
    of = f" of {power}" if power else ""
    when = f" in {period}" if period else " of a scenario"
    label = f"Worst branch loading{when}, as cleared\n(% of the limit{of})"
    axes.set(ylim=(0.0, 102.0), xlabel=label, ylabel="Scenarios at or below (%)")
    round_ticks(axes)
    if len(colours) > 1:
        handles, width_in = share_handles(colours), panel_width_in(axes) - BESIDE_IN
        ncols = columns_that_fit([str(one.get_label()) for one in handles], width_in, 4)
        legend_above(axes, handles=handles, title=fold(share_title(colours, keys), width_in), ncols=ncols)


def _show_limit(axes: Axes, worst: pd.Series) -> None:
    """The range of the values, and the limit where it is near."""
    low, high = float(worst.min()), float(worst.max())
    span = max(high - low, 0.02 * high, 1.0)
    if low - 0.5 * span <= 100.0 <= high + 0.5 * span:
        low, high = min(low, 100.0), max(high, 100.0)
        axes.axvline(100.0, color=INK, linewidth=0.9, linestyle=DASHED, zorder=1.5)
        place = ((100.0, 1.0), (3, -2), ("data", "axes fraction"), "offset points")
        axes.annotate("limit", *place, va="top", color=INK, fontsize=7)
    axes.set_xlim(max(0.0, low - 0.06 * span), high + 0.06 * span)


def distribution(values: Floats) -> tuple[Floats, Floats]:
    """Corners of the empirical distribution function in percent, evenly thinned where there are too many to be seen."""
    ordered, n = np.sort(values), len(values)
    at = np.unique(np.linspace(0, n - 1, min(n, MAX_CURVE_POINTS)).round().astype(np.int64))
    return np.append(ordered[0], ordered[at]), np.append(0.0, (at + 1) * 100.0 / n)
