"""The figure of typical days and the days behind them."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from fastp2p.figures.style import BLUE, GREY, INK, ORANGE, STYLE
from fastp2p.profiles.profiles import UNITS
from fastp2p.profiles.typical_days import Clusters, shapes
from fastp2p.text import shown_text

COLUMNS = 4
OPAQUE_DAYS, FAINTEST = 30, 0.02
"""Days behind a typical one that are drawn in full; more are drawn fainter, down to this."""


@matplotlib.rc_context(STYLE)
def draw_clusters(clusters: Clusters) -> Figure:
    """Each cluster: all its days behind its typical one."""
    profiles, k = clusters.profiles, len(clusters.size)
    columns = min(k, COLUMNS)
    rows = -(-k // columns)
    figure = Figure(figsize=(0.9 + 2.7 * columns, 0.9 + 2.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    hours = (np.arange(profiles.n_steps) + 0.5) * profiles.step_hours
    days, typical = (
        shapes(kwh, clusters.normalised) / profiles.step_hours for kwh in (clusters.day_kwh, profiles.kwh_per_unit)
    )
    colour = ORANGE if profiles.kinds[0] == "pv" else BLUE
    for group, axes in enumerate(panels[:k]):
        lines = [np.column_stack([hours, day]) for day in days[clusters.label == group]]
        alpha = min(1.0, max(FAINTEST, OPAQUE_DAYS / len(lines)))
        # pandapower, once imported, changes the default cap
        look: dict[str, Any] = {"colors": GREY, "linewidths": 0.6, "alpha": alpha, "capstyle": "butt"}
        axes.add_collection(LineCollection(lines, rasterized=True, **look))
        axes.plot(hours, typical[group], color=colour, linewidth=2.4, zorder=3)
        share = clusters.size[group] / clusters.size.sum()
        axes.set_title(
            f"{shown_text(profiles.names[group], 24)}: {clusters.size[group]:,} days, {share:.0%}", color=INK, fontsize=9
        )
        axes.set(xlim=(0.0, 24.0), ylim=(0.0, float(days.max()) * 1.05 or 1.0), xticks=range(0, 25, 6))
        axes.grid(True)
    for axes in panels[k:]:
        axes.set_visible(False)
    figure.supxlabel("Hour", fontsize=9)
    unit = UNITS[profiles.kinds[0]].replace("kWh", "kW")
    figure.supylabel("Part of the day's energy per hour" if clusters.normalised else unit, fontsize=9)
    return figure
