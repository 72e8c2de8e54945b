"""The figure of typical days and the days behind them."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from fastp2p.clusters import Clusters
from fastp2p.profiles import UNITS
from fastp2p.report import BLUE, INK, ORANGE, PALE, STYLE

COLUMNS = 4


def write_cluster_figure(clusters: Clusters, stem: Path) -> list[Path]:
    """Draw each cluster with all its days behind its typical one, as PNG and as PDF.

    Parameters
    ----------
    clusters : Clusters
    stem : Path
        Without its ending; files of the same names are replaced.

    Returns
    -------
    list of Path
    """
    with matplotlib.rc_context(STYLE):
        figure = _clusters(clusters)
        written = [stem.with_name(f"{stem.name}{suffix}") for suffix in (".png", ".pdf")]
        figure.savefig(written[0], dpi=150, pil_kwargs={"compress_level": 3})
        figure.savefig(written[1], metadata={"CreationDate": None})
    return written


def _clusters(clusters: Clusters) -> Figure:
    profiles, k = clusters.profiles, len(clusters.size)
    columns = min(k, COLUMNS)
    rows = -(-k // columns)
    figure = Figure(figsize=(0.9 + 2.7 * columns, 0.9 + 2.4 * rows), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True).ravel()
    hours = (np.arange(profiles.n_steps) + 0.5) * profiles.step_hours
    days, typical = (power / profiles.step_hours for power in (clusters.day_kwh, profiles.kwh_per_unit))
    colour = ORANGE if profiles.kinds[0] == "pv" else BLUE
    for group, axes in enumerate(panels[:k]):
        lines = [np.column_stack([hours, day]) for day in days[clusters.label == group]]
        axes.add_collection(LineCollection(lines, colors=PALE, linewidths=0.6, rasterized=True))
        axes.plot(hours, typical[group], color=colour, linewidth=2.4, zorder=3)
        share = clusters.size[group] / clusters.size.sum()
        axes.set_title(f"{profiles.names[group]}: {clusters.size[group]:,} days, {share:.0%}", color=INK, fontsize=9)
        axes.set(xlim=(0.0, 24.0), ylim=(0.0, float(days.max()) * 1.05 or 1.0), xticks=range(0, 25, 6))
        axes.grid(True)
    for axes in panels[k:]:
        axes.set_visible(False)
    figure.supxlabel("Hour", fontsize=9)
    figure.supylabel(f"{UNITS[profiles.kinds[0]].replace('kWh', 'kW')}", fontsize=9)
    return figure
