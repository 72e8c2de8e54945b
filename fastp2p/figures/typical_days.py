"""Typical days, and how the days behind them spread."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from fastp2p.figures.pages import DAY_HOURS, INK, colour, legend_above
from fastp2p.figures.profiles import INNER, KIND_COLOUR, OUTER, QUANTITY, draw_band

Floats = NDArray[np.float64]


def draw_typical(axes: Axes, days: Floats, typical: Floats, kind: str, *, is_normalised: bool = False, name: str = "") -> None:
    """A cluster: its typical day, and the bands in which half and 90 % of its days lie.

    Parameters
    ----------
    axes : Axes
    days : (n_days_of_the_cluster, n_steps) float64
        Power of the days in kW per home or kWp, or parts of the day's energy per hour.
    typical : (n_steps,) float64
        The typical day, alike.
    kind : str
        "load", "pv" or "net".
    is_normalised : bool
        Whether days are parts of their energy.
    name : str
        For the legend.
    """
    tint, step_hours = colour(KIND_COLOUR[kind]), DAY_HOURS / days.shape[1]
    middle = (np.arange(days.shape[1]) + 0.5) * step_hours
    handles: list[Any] = [*axes.plot(middle, typical, color=INK, linewidth=1.5, label="typical day", zorder=3)]
    handles.append(draw_band(axes, middle, days, (1, 3), tint, INNER, "half of its days (25–75%)"))
    handles.append(draw_band(axes, middle, days, (0, 4), tint, OUTER, "90% of its days (5–95%)"))
    legend_above(axes, handles=handles, title=name or None)
    axes.set(xlim=(0.0, DAY_HOURS), xticks=range(0, 25, 6), xlabel="Hour of the day")
    axes.set_ylabel("Part of the day's energy per hour" if is_normalised else QUANTITY[kind])
    if kind != "net":
        axes.set_ylim(bottom=0.0)
