"""Voltages of three phases through a day."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fastp2p.figures.feeder import PHASE_STYLES, AlongFeeder
from fastp2p.figures.limits import show_limit
from fastp2p.figures.pages import BESIDE_IN, INK, MOST_TICKS, colour, fold, legend_above, panel_width_in, time_axis
from fastp2p.figures.voltages import End

Floats = NDArray[np.float64]


class PhaseVoltages(NamedTuple):
    """Voltages between phase and neutral in the book that goes farthest out of the band, or nearest to its end, and its day.

    Attributes
    ----------
    balanced : AlongFeeder
        The book, and its voltages in the balanced models.
    participant : (n,) int64
        Positions of the buses that take part.
    vm_pu : (n_bus, 3) float64
    step : (n_steps,) int64
        Of the day in which the book is.
    lowest_vm_pu, highest_vm_pu : (n_steps, 3) float64
        Of all buses but the external grids.
    """

    balanced: AlongFeeder
    participant: NDArray[np.int64]
    vm_pu: Floats
    step: NDArray[np.int64]
    lowest_vm_pu: Floats
    highest_vm_pu: Floats


def draw_phases(
    axes: Axes,
    vm_pu: Floats,
    edges: NDArray[Any],
    *,
    end: End,
    limit_pu: float | None = None,
    worst: int | None = None,
    book: str = "",
) -> None:
    """The lowest or the highest voltage of each phase through the day of the book that goes farthest.

    Parameters
    ----------
    axes : Axes
    vm_pu : (n_steps, 3) float64
        Between phase and neutral.
    edges : (n_steps + 1,) float64 or datetime64
        Where steps begin and the last one ends.
    end : {"lowest", "highest"}
    limit_pu : float, optional
    worst : int, optional
        The place of that book in the day, if it is this end that goes farthest.
    book : str
        Which book it is, in words.
    """
    middle = edges[:-1] + (edges[1:] - edges[:-1]) / 2
    every = max(1, len(vm_pu) // 24)  # a marker for each hour at most
    for of_phase, (name, style, number, marker) in zip(vm_pu.T, PHASE_STYLES, strict=True):
        look: dict[str, Any] = {"color": colour(number), "linestyle": style, "marker": marker, "markersize": 2.8}
        axes.plot(middle, of_phase, linewidth=1.2, markevery=every, label=f"phase {name}", **look)
    if worst is not None:
        farthest = vm_pu[worst].min() if end == "lowest" else vm_pu[worst].max()
        look = {"markersize": 6.0, "markerfacecolor": "none", "markeredgecolor": INK, "markeredgewidth": 0.8}
        axes.plot(middle[worst], farthest, "o", zorder=4.0, label="_worst", **look)
    time_axis(axes, edges)
    axes.set_ylabel(f"{end.capitalize()} voltage of\nany bus (p.u.)")
    found = vm_pu[np.isfinite(vm_pu)]
    if limit_pu is not None and len(found):
        show_limit(axes, float(found.min()), float(found.max()), limit_pu)
    axes.yaxis.set_major_locator(MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10]))
    axes.ticklabel_format(axis="y", useOffset=False)
    said = "Voltages between phase and neutral"
    legend_above(axes, title=fold(f"Ring: {book}. {said}" if book else said, panel_width_in(axes) - BESIDE_IN), ncols=3)
