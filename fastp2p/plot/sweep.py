"""Figures of sweeps, panel by panel."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes

from fastp2p.figures.loading import draw_loading
from fastp2p.plot.sources import Source, axes_for, table_of
from fastp2p.sweep.drawing import loading_of


def loading(source: Source | pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw which part of the scenarios stays at or below a worst branch loading.

    Parameters
    ----------
    source : Results, path or DataFrame
        Results, their folder, or the table `scenarios`.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, or a column is missing.
    """
    scenarios, results = table_of(source, "scenarios", ("share", "scenario", "worst_loading_percent"))
    axes = axes_for(ax)
    draw_loading(axes, scenarios, **(loading_of(results) if results else {}))
    return axes
