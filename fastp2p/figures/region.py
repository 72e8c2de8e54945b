"""A region of many feeders: what each of them hosts, and which part of them hosts how much."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.font_manager import FontProperties
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fastp2p.figures.pages import GREY, INK, PALE, colour, fitted, legend_below, panel_width_in
from fastp2p.figures.shares import Lines, share_axis
from fastp2p.results.cube import FEEDER
from fastp2p.results.hosting import THRESHOLD
from fastp2p.results.region import of_event
from fastp2p.results.statistics import CONFIDENCE
from fastp2p.text import LONGEST_NAME, shown_text

Floats = NDArray[np.float64]

MOST_NAMED = 40
"""Feeders whose names stand at the axis; of more a row is too thin for one."""
NAME_IN, NAME_PART, LEAST_KEPT = 1.6, 0.5, 6
"""How wide a name may be, in inches and of the panel, and how many letters stay of one."""
ENDS = {
    "cut": "something is cut", "overload": "a limit breaks before any trade", "broken": "a limit still breaks in AC",
    "voltage": "a voltage limit breaks, uncontrolled", "cable": "a cable or transformer overloads, uncontrolled",
    "unbalance": "unbalance exceeds 2%, uncontrolled", "balanced_voltage": "a voltage limit breaks, balanced model",
    "balanced_cable": "a cable or transformer overloads, balanced model",
}  # fmt: skip
"""What ends the hosting capacity, by event."""
DASHED = (0, (4, 2))
CAPACITY = Lines("share", "Hosting capacity (% PV)", {}, "")


TITLES = {
    "cut": "As the market is cleared", "overload": "Before any trade", "broken": "Left in AC", "voltage": "Voltage",
    "cable": "Cable or transformer", "unbalance": "Unbalance above 2%", "balanced_voltage": "Voltage, balanced model",
    "balanced_cable": "Cable or transformer, balanced model",
}  # fmt: skip


def title_of(event: str) -> str:
    """A panel's title."""
    return TITLES.get(event, event)


def until(event: str) -> str:
    """What the hosting capacity is of, in words."""
    return f"until {ENDS.get(event, event)} in {THRESHOLD:.0%} of scenarios"


def sentence(text: str) -> str:
    """A text with a capital at its beginning."""
    return text[:1].upper() + text[1:]


def rank_feeders(hosting: pd.DataFrame) -> list[str]:
    """Feeders of rows of one event of `find_feeder_hosting`, the one that hosts most first."""
    by = ["hosting_share", "next_share", "hosting_share_low", "hosting_share_high"]
    ranked = hosting.fillna({"next_share": np.inf}).sort_values([*by, FEEDER], ascending=[False] * len(by) + [True])
    return [str(name) for name in ranked[FEEDER]]


def draw_feeders(axes: Axes, hosting: pd.DataFrame, event: str = "cut", order: Sequence[str] | None = None) -> None:
    """The hosting capacity of every feeder: between which shares that were tried, and its confidence interval.

    Parameters
    ----------
    axes : Axes
    hosting : DataFrame
        Of `find_feeder_hosting`; where shares of devices were swept, the rows of one.
    event : str
        What ends it.
    order : sequence of str, optional
        Feeders from the top to the bottom; by default the one that hosts most first.
    """
    rows = of_event(hosting, event)
    names = list(order) if order is not None else rank_feeders(rows)
    rows = rows.set_index(FEEDER).reindex(names)
    at = np.arange(len(rows), dtype=np.float64)
    confident, tried = _span(rows, "hosting_share_low", "next_share_high"), _span(rows, "hosting_share", "next_share")
    is_beyond = rows["hosting_share"].notna().to_numpy() & rows["next_share"].isna().to_numpy()
    is_named = len(rows) <= MOST_NAMED
    if is_named:
        _draw_rows(axes, at, confident, tried)
        _name_rows(axes, at, names)
    else:
        band: dict[str, Any] = {"step": "mid", "linewidth": 0.0}
        axes.fill_betweenx(at, *confident, color=PALE, zorder=1.5, label=f"{CONFIDENCE:.0%} confidence", **band)
        axes.fill_betweenx(at, *tried, color=colour(0), zorder=2.5, label="between the shares tried", **band)
        axes.yaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_ylabel("Feeders by rank")
    if is_beyond.any():
        look: dict[str, Any] = {"marker": ">", "markersize": 4.5 if is_named else 2.5, "color": colour(3), "linestyle": "none"}
        axes.plot(tried[0][is_beyond], at[is_beyond], clip_on=False, zorder=3.0, label="at least", **look)
    is_none = (rows["next_share"] == 0.0).to_numpy()
    if is_none.any():
        look = {"marker": "x", "markersize": 3.5 if is_named else 2.0, "color": GREY, "linestyle": "none"}
        axes.plot(tried[0][is_none], at[is_none], clip_on=False, zorder=3.0, label="none, even without PV", **look)
    axes.set_ylim(len(rows) - 0.4, -0.6)
    share_axis(axes, CAPACITY)
    legend_below(axes, sentence(until(event)), ncols=3)


def _span(rows: pd.DataFrame, first: str, last: str) -> tuple[Floats, Floats]:
    """Two shares of every row in percent; what lies beyond the largest share tried reaches to the end."""
    ends = rows[first].to_numpy(np.float64), np.where(rows[first].notna(), rows[last].fillna(1.0), np.nan)
    return 100.0 * ends[0], 100.0 * ends[1]


def _draw_rows(axes: Axes, at: Floats, confident: tuple[Floats, Floats], tried: tuple[Floats, Floats]) -> None:
    """A broad bar between the shares tried, and a whisker with ends for the confidence."""
    thick = float(np.clip(110.0 / len(at), 2.0, 7.0))
    whisker: dict[str, Any] = {"color": INK, "zorder": 2.8}
    axes.hlines(at, *tried, color=colour(0), linewidth=thick, zorder=2.5, capstyle="butt", label="between the shares tried")
    axes.hlines(at, *confident, linewidth=0.8, capstyle="butt", label=f"{CONFIDENCE:.0%} confidence", **whisker)
    for end in confident:
        axes.plot(end, at, linestyle="none", marker="|", markersize=min(5.0, thick), markeredgewidth=0.8, **whisker)


def _name_rows(axes: Axes, at: Floats, names: Sequence[str]) -> None:
    font = FontProperties(size=matplotlib.rcParams["ytick.labelsize"])
    wide = min(NAME_IN, NAME_PART * panel_width_in(axes))
    axes.set_yticks(at, [_shortened(shown_text(name, LONGEST_NAME), font, wide) for name in names])
    axes.grid(visible=False, axis="y")


def _shortened(name: str, font: FontProperties, width_in: float) -> str:
    """A name that is no wider than that: of a longer one the beginning and the end, where feeders of one kind differ."""
    kept = len(name)
    short = name
    while kept > LEAST_KEPT and fitted(short, font, width_in) != short:
        kept -= 1
        short = f"{name[: kept - kept // 2]}…{name[-(kept // 2) :]}"
    return short


def draw_distribution(axes: Axes, distribution: pd.DataFrame, event: str = "cut") -> None:
    """Which part of the feeders, and of the homes, hosts at least a share of PV.

    Parameters
    ----------
    axes : Axes
    distribution : DataFrame
        Of `distribute_hosting`; where shares of devices were swept, the rows of one.
    event : str
        What ends the hosting capacity.
    """
    rows = of_event(distribution, event)
    looks: dict[str, dict[str, Any]] = {
        "feeders": {"color": colour(0), "linestyle": "solid", "marker": "o"},
        "homes": {"color": colour(1), "linestyle": DASHED, "marker": "s", "markerfacecolor": "white"},
    }
    for layer, (of, look) in enumerate(looks.items()):
        curve = rows[rows["of"] == of].sort_values("share")
        if curve.empty:
            continue
        # between two shares that were tried is known what hosts the larger one, and that is drawn
        x = np.append(0.0, 100.0 * curve["share"].to_numpy(np.float64))
        ends = {name: 100.0 * curve[name].to_numpy(np.float64) for name in ("part", "part_low", "part_high")}
        y = {name: np.append(end[0], end) for name, end in ends.items()}
        marks = range(1, len(x)) if len(x) <= MOST_NAMED else []
        axes.plot(
            x,
            y["part"],
            drawstyle="steps-pre",
            label=of,
            markevery=list(marks),
            clip_on=False,
            zorder=3.0 - 0.1 * layer,
            **look,
        )
        if of == "feeders" and not np.isnan(y["part_low"]).any():
            band: dict[str, Any] = {"color": colour(0), "alpha": 0.18, "linewidth": 0.0, "zorder": 1.5}
            label = f"{CONFIDENCE:.0%} confidence of feeders as a sample"
            axes.fill_between(x, y["part_low"], y["part_high"], step="pre", label=label, **band)
    share_axis(axes, Lines("share", "Share of PV (%)", {}, ""))
    axes.set(ylim=(-2.0, 102.0), ylabel="Can host it (%)")
    legend_below(axes, f"Hosting capacity {until(event)}", ncols=3)
