"""The hosting capacity: how probable it is that a limit breaks, by cause, over the share of PV or of devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from fastp2p.figures.pages import INK, SOFT_INK, colour, legend_below
from fastp2p.figures.shares import lines_of, ramp, share_axis
from fastp2p.results.hosting import THRESHOLD, hosting_span, hosting_words
from fastp2p.results.statistics import CONFIDENCE, Event

Floats = NDArray[np.float64]


class Cause(NamedTuple):
    """A panel: its title, and the events whose probabilities it shows."""

    title: str
    events: tuple[Event, ...]


CAUSES = {
    "cleared": Cause("As the market is cleared", ("cut", "broken")),
    "base": Cause("Before any trade", ("overload",)),
    "voltage": Cause("Voltage", ("voltage", "balanced_voltage")),
    "cable": Cause("Cable or transformer", ("cable", "balanced_cable")),
    "unbalance": Cause("Unbalance above 2%", ("unbalance",)),
}
SHORT: dict[Event, str] = {"cut": "cut", "broken": "in AC", "voltage": "three phases", "cable": "three phases"}
"""What the hosting capacity is of, where a panel has two."""
SOLID, DASHED, DOTTED = "solid", (0, (4, 2)), (0, (1, 2))
MARKERS = ("o", "s", "^", "D", "v", "P")
MAX_ERROR_BARS = 25
LEAST_TOP = 10.0
"""Of the axis, in percent: where all is rare, the threshold shows."""


def _line(label: str, number: int, marker: str, linestyle: Any, is_open: bool) -> dict[str, Any]:
    own = colour(number)
    filled = {"markerfacecolor": "white"} if is_open else {}
    return {"label": label, "color": own, "marker": marker, "linestyle": linestyle, **filled}


def _look(event: Event, has_phases: bool) -> dict[str, Any]:
    """How an event's line looks; told apart without colour, too."""
    if event == "cut":
        return _line("something is cut", 0, "o", SOLID, is_open=False)
    if event == "broken":
        return _line("a limit still breaks in AC", 3, "s", DASHED, is_open=True)
    if event == "overload":
        return _line("a limit is broken", 4, "^", SOLID, is_open=False)
    if event.startswith("balanced_"):
        return _line("the same, balanced", 1, "v", DASHED, is_open=True)
    return _line("uncontrolled, three phases" if has_phases else "uncontrolled, in AC", 2, "D", SOLID, is_open=False)


def causes_of(probabilities: pd.DataFrame) -> list[str]:
    """What a table of `find_probabilities` knows of; that a limit is broken before any trade, where it is or all there is."""
    known = [name for name, cause in CAUSES.items() if f"{cause.events[0]}_probability" in probabilities]
    is_needed = "voltage" not in known or bool((probabilities["overload_probability"] > 0.0).any())
    return [name for name in known if name != "base" or is_needed]


def draw_hosting(axes: Axes, probabilities: pd.DataFrame, cause: str = "cleared") -> list[str]:
    """How probable it is that a limit breaks for one cause.

    Parameters
    ----------
    axes : Axes
    probabilities : DataFrame
        Of `find_probabilities`. Where several shares of devices were run, each of them has a line, of the cause's first event.
    cause : str
        Of `CAUSES`.

    Returns
    -------
    list of str
        Lines that say what that says of the hosting capacity, or what several lines are of; `name_panel` writes them.
    """
    events = tuple(event for event in CAUSES[cause].events if f"{event}_probability" in probabilities)
    lines = lines_of(probabilities)
    words: list[str] = []
    if list(lines.rows) == [""]:
        looks = [_look(event, "unbalance_probability" in probabilities) for event in events]
        for layer, (event, look) in enumerate(zip(events, looks, strict=True)):
            _draw_estimates(axes, probabilities, lines.over, event, look, layer)
        if lines.over == "share" and cause != "base":  # which loads alone may cause
            words = _in_words(probabilities, events)
            _mark_span(axes, probabilities, events[0])
    else:
        words = [str(_look(events[0], "unbalance_probability" in probabilities)["label"])]
        for layer, (rows, own) in enumerate(zip(lines.rows.items(), ramp(len(lines.rows)), strict=True)):
            look = {"label": rows[0], "color": own, "marker": MARKERS[layer % len(MARKERS)], "linestyle": SOLID}
            _draw_estimates(axes, rows[1], lines.over, events[0], look, layer)
    axes.axhline(
        100.0 * THRESHOLD, color=INK, linewidth=0.8, linestyle=DOTTED, zorder=1.5, label=f"{THRESHOLD:.0%} of scenarios"
    )
    share_axis(axes, lines)
    highest = probabilities.filter(regex="_high$").max().max()
    axes.set(ylim=(0.0, min(102.0, max(LEAST_TOP, 106.0 * float(highest)))), ylabel="Probability (% of scenarios)")
    of = f"{lines.title}. " if lines.title else ""
    legend_below(axes, title=f"{of}Estimate and {CONFIDENCE:.0%} confidence interval", ncols=2)
    return words


def _draw_estimates(axes: Axes, table: pd.DataFrame, over: str, event: Event, look: dict[str, Any], layer: int) -> None:
    """Estimates of a probability and their intervals: bars, or a band where there are many; points stand at their shares."""
    at, low, middle, high = (
        100.0 * table[name].to_numpy(np.float64)
        for name in (over, *(f"{event}_{end}" for end in ("low", "probability", "high")))
    )
    line: Line2D = axes.plot(at, middle, clip_on=False, zorder=3.0 + 0.1 * layer, **look)[0]
    if len(at) > MAX_ERROR_BARS:
        line.set_marker("")
        axes.fill_between(at, low, high, color=look["color"], alpha=0.2, linewidth=0.0)
        return
    around = np.stack([middle - low, high - middle]).clip(min=0.0)
    # the first is broad and pale, so that the bars of another at the same shares show upon it
    bars: dict[str, Any] = {"elinewidth": 3.5, "alpha": 0.35} if layer == 0 else {"elinewidth": 0.9, "capsize": 2.0}
    for drawn in axes.errorbar(at, middle, around, fmt="none", ecolor=look["color"], zorder=2.5, **bars).lines[2]:
        drawn.set_capstyle("butt")  # pandapower, once imported, changes the default


def _in_words(probabilities: pd.DataFrame, events: Sequence[Event]) -> list[str]:
    """What is known of the hosting capacity, in two lines."""
    words = [hosting_words(probabilities, event) for event in events]
    if len(words) == 1:
        confident = words[0].confident or "unknown"
        return [f"hosting capacity {words[0].tried}", f"({CONFIDENCE:.0%} confidence: {confident})"]
    return [f"{SHORT.get(event, 'balanced')}: {one.short}" for event, one in zip(events, words, strict=True)]


def _mark_span(axes: Axes, probabilities: pd.DataFrame, event: Event) -> None:
    """The shares between which the hosting capacity lies, where those tried bound it."""
    low, high = hosting_span(probabilities, event)
    if probabilities["share"].min() <= high <= probabilities["share"].max() and low < high:
        look: dict[str, Any] = {"color": INK, "alpha": 0.1, "linewidth": 0.0, "zorder": 0.5}
        axes.axvspan(100.0 * low, 100.0 * high, label="between the shares tried", **look)


def name_panel(axes: Axes, title: str, lines: Sequence[str]) -> None:
    """The cause above a panel of a page, and lines in small letters below it."""
    size = FontProperties(size=matplotlib.rcParams["legend.fontsize"]).get_size_in_points()
    above = ("axes fraction", "offset points")
    axes.annotate("\n".join(lines), (0.0, 1.0), (0.0, 4.0), *above, color=SOFT_INK, fontsize=size, va="bottom", linespacing=1.2)
    axes.set_title(title, loc="left", weight="bold", pad=5.0 + 1.25 * size * len(lines))
