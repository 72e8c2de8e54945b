"""Figures of three phases: voltages of each, and the hosting capacity beside that of the balanced model."""

from __future__ import annotations

from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fastp2p.figures.feeder import PHASE_STYLES, AlongFeeder
from fastp2p.figures.limits import show_limit
from fastp2p.figures.pages import BESIDE_IN, MOST_TICKS, fold, legend_above, panel_width_in, time_axis
from fastp2p.figures.pages import colour as colour_of
from fastp2p.figures.shares import percent
from fastp2p.figures.style import BLUE, DOTTED, GREY, INK, ORANGE, STYLE, below_title, plain_axes, sweep_page
from fastp2p.figures.sweep import MAX_ERROR_BARS, draw_estimates
from fastp2p.figures.voltages import End
from fastp2p.results.points import by_devices, point_text
from fastp2p.results.results import Results
from fastp2p.results.statistics import CONFIDENCE

Floats = NDArray[np.float64]

BESIDE = (0, (3, 2))
"""Dashes of the model drawn beside another."""
CAUSES = {"voltage": "Voltage", "cable": "Current of a cable or transformer", "unbalance": "Unbalance above 2%"}
"""What may end the hosting capacity, in the order of the panels."""
MODELS: dict[str, dict[str, Any]] = {
    "": {"label": "three phases", "linestyle": "solid", "marker": "o"},
    "balanced_": {"label": "balanced model of the same draws", "linestyle": BESIDE, "marker": "s"},
}
"""Models by what their events begin with."""


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
        look: dict[str, Any] = {"color": colour_of(number), "linestyle": style, "marker": marker, "markersize": 2.8}
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


@matplotlib.rc_context(STYLE)
def draw_hosting(results: Results, probabilities: pd.DataFrame, capacity: pd.DataFrame) -> Figure:
    """How probable it is that a limit breaks without control, by share and cause: three phases beside the balanced model.

    Parameters
    ----------
    results : Results
    probabilities : DataFrame
        What `find_probabilities` finds; of one share of each swept device.
    capacity : DataFrame
        What `compare_hosting_capacity` finds from them.
    """
    figure, panels = sweep_page(results, 11.0, 5.0, (0.75, 0.3, 0.6, 1.75), panels=3)
    table, of_cause = probabilities * 100.0, {row["cause"]: row for row in capacity.to_dict("records")}
    share = table["share"].to_numpy(np.float64)
    aside = 0.0 if len(share) > MAX_ERROR_BARS else min(0.9, 0.15 * float(np.diff(share).min(initial=100.0)))
    top = max(float(table[f"{cause}_high"].max()) for cause in CAUSES)
    handles: list[Any] = []
    for axes, cause in zip(panels, CAUSES, strict=True):
        for prefix, side, colour in (("", -1.0, BLUE), ("balanced_", 1.0, ORANGE)):
            if f"{prefix}{cause}_probability" in table:
                line = {"linewidth": 1.6, "markersize": 5.0, **MODELS[prefix]}
                look = {"color": colour, "clip_on": False, "zorder": 3}
                drawn = draw_estimates(axes, share + side * aside, table, f"{prefix}{cause}", look, line)
                handles += drawn if axes is panels[0] else []
        five = axes.axhline(5.0, color=GREY, linewidth=0.9, linestyle=DOTTED, zorder=1.5, label="5% of scenarios")
        axes.set(xlim=(-2.0, 102.0), ylim=(0.0, max(10.0, min(102.0, 1.08 * top))), xlabel="Share of PV (%)")
        plain_axes(axes)
        axes.set_xticks(range(0, 101, 20))
        _name_panel(axes, CAUSES[cause], of_cause[cause])
    panels[0].set_ylabel("Probability (% of scenarios)")
    title = "A limit breaks in some hour with nothing controlled, by AC with neutral and earth as one: "
    title += f"estimate and {CONFIDENCE:.0%} confidence interval"
    devices = next((point_text(at, ".0%") for at, _ in by_devices(probabilities) if at), "")
    title += f"; {devices}" * bool(devices)
    figure.legend(handles=[*handles, five], **below_title(figure), ncols=3, title=title)
    return figure


def _name_panel(axes: Axes, cause: str, capacity: dict[Any, Any]) -> None:
    """The cause, and up to which share it breaks a limit in 5 % of the scenarios at most."""
    shares = []
    for name in ("share", "balanced_share"):
        share, low, high = (float(capacity[f"{name}{end}"]) for end in ("", "_low", "_high"))
        shares.append(f"{percent(share)} ({percent(low)} to {percent(high)})" if share == share else "sees none")
    axes.annotate(cause, (0.0, 1.0), (0, 28), "axes fraction", "offset points", color=INK, weight="bold", size=9.5)
    text = f"hosting capacity at 5%: {shares[0]}\nbalanced model: {shares[1]}"
    axes.annotate(text, (0.0, 1.0), (0, 4), "axes fraction", "offset points", color=INK, fontsize=8, linespacing=1.3)
