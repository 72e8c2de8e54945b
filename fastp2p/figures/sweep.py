"""Figures of a study with several scenarios: the mean day, the worst loading and the risk, by share of PV or of devices."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from fastp2p.figures.shares import MAX_NAMED_SHARES, at_point, curve_name, percent, share_colours, some_shares
from fastp2p.figures.style import (
    BLUE,
    DASHED,
    GREY,
    INK,
    ORANGE,
    RED,
    STYLE,
    add_share_legend,
    below_title,
    draw_band,
    plain_axes,
    sweep_page,
    time_axes,
)
from fastp2p.results.points import POINT_KEYS, point_keys
from fastp2p.results.results import Results
from fastp2p.results.statistics import CONFIDENCE, HostingCapacity
from fastp2p.text import LONGEST_UNIT, shown_text

Floats = NDArray[np.float64]

BY_HOUR = {"executed_kwh": "P2P trades (kWh per hour)", "import_kwh": "Retailer supply (kWh per hour)"}
"""What is drawn by the hour."""
EVENTS = {"cut": "A trade or an export is cut in some hour", "overload": "A limit is broken in some hour, before any trade"}
"""Events whose probability is drawn."""
MAX_ALL_BANDS = 3
MAX_ERROR_BARS = 25


def draw_sweep(
    results: Results, hours: pd.DataFrame | None, probabilities: pd.DataFrame, capacity: HostingCapacity | None
) -> dict[str, Figure]:
    """Figures of a study with several scenarios.

    Parameters
    ----------
    results : Results
        Over one share of PV or more.
    hours : DataFrame or None
        What `find_hour_quantiles` finds of `BY_HOUR`; without it, the figure of the hours is left out.
    probabilities : DataFrame
        As `find_probabilities` finds them.
    capacity : HostingCapacity or None
        As `find_hosting_capacity` finds it from them; None where there are several shares of devices.

    Returns
    -------
    dict of Figure
        ``hours`` and ``probability``.
    """
    figures = {} if hours is None else {"hours": draw_hours(results, hours)}
    probability = (
        draw_device_probability(results, probabilities)
        if capacity is None
        else draw_probability(results, probabilities, capacity)
    )
    return figures | {"probability": probability}


def draw_comparison(results: dict[str, Results]) -> dict[str, Figure]:
    """Figures of a comparison of market rules.

    Parameters
    ----------
    results : dict of Results
        By market rule, from the same draws, with their tables of participants.

    Returns
    -------
    dict of Figure
        ``bills``.
    """
    return {"bills": draw_bills(results)}


@matplotlib.rc_context(STYLE)
def draw_bills(results: dict[str, Results]) -> Figure:
    """Change of the bill against no trading: participants with PV and without, by rule; box 25-75 %, whiskers 5-95 %."""
    ran = next(iter(results.values()))
    height = 2.0 + 0.5 * len(results)
    figure, (axes,) = sweep_page(ran, 8.6, height, (1.9, 0.3, 0.6, 1.25))
    handles = []
    for side, (label, colour, offset) in enumerate((("with PV", ORANGE, -0.18), ("without PV", BLUE, 0.18))):
        changes = []
        for result in results.values():
            assert result.participants is not None
            has_load, has_pv = result.participants["load_kwh"] > 0.0, result.participants["kwp"] > 0.0
            changes.append(-result.participants["saving"][has_pv if side == 0 else has_load & ~has_pv].to_numpy(np.float64))
        places = np.arange(len(results)) + offset
        look = {"color": INK, "linewidth": 0.9}
        boxes = axes.boxplot(
            changes, positions=places.tolist(), orientation="horizontal", widths=0.3, whis=(5, 95), showfliers=False,
            patch_artist=True, boxprops={**look, "facecolor": colour, "alpha": 0.75}, medianprops={**look, "linewidth": 1.6},
            whiskerprops=look, capprops=look,
        )  # fmt: skip
        boxes["boxes"][0].set_label(label)
        handles.append(boxes["boxes"][0])
    axes.axvline(0.0, color=GREY, linewidth=0.9, zorder=0.5)
    axes.set(
        ylim=(len(results) - 0.5, -0.5),
        xlabel=f"Change of a participant's bill by trading ({shown_text(ran.study.currency, LONGEST_UNIT)})",
    )
    axes.set_yticks(range(len(results)), [rule.replace("_", " ") for rule in results])
    axes.grid(True, axis="x")
    title = "Participants of all scenarios; box: 25 to 75 %, line: median, whiskers: 5 to 95 %"
    figure.legend(handles=handles, **below_title(figure), ncols=2, title=title)
    return figure


@matplotlib.rc_context(STYLE)
def draw_hours(results: Results, hours: pd.DataFrame) -> Figure:
    """P2P trades and retailer supply over the hours of the mean day: median and 5th to 95th percentile by share."""
    figure, panels = sweep_page(results, 10.0, 4.6, (0.75, 0.3, 0.6, 1.3), panels=2)
    colours = share_colours(results.scenarios)
    named = some_shares(list(colours), MAX_NAMED_SHARES)
    banded = named if len(named) <= MAX_ALL_BANDS else some_shares(named, 3)  # more would only hide each other
    for axes, (column, label) in zip(panels, BY_HOUR.items(), strict=True):
        top = 0.0
        for layer, (point, colour) in enumerate(colours.items()):
            of_share = at_point(hours, point)[column]
            at, (low, middle, high) = of_share.index.to_numpy(np.float64) + 0.5, of_share.to_numpy(np.float64).T
            if point in banded:
                draw_band(axes, at, low, high, colour, 0.2)
            width, size = (1.8, 3.2) if point in named else (0.6, 0.0)
            axes.plot(at, middle, color=colour, linewidth=width, marker="o", markersize=size, zorder=2 + layer / len(colours))
            top = max(top, float((high if point in banded else middle).max()))
        time_axes(axes, float(hours.index.get_level_values("hour").max() + 1), top, label)
        axes.set_xlabel("Hour of the mean day")
    which = "" if banded == named else f" at {', '.join(curve_name(point, colours) for point in banded)}"
    add_share_legend(figure, results, colours, f"; line: median of the scenarios, band{which}: 5th to 95th percentile")
    return figure


@matplotlib.rc_context(STYLE)
def draw_probability(results: Results, probabilities: pd.DataFrame, capacity: HostingCapacity) -> Figure:
    """Probabilities that something is cut and of a base overload, with their confidence intervals, over the share of PV."""
    figure, (axes,) = sweep_page(results, 7.6, 4.7, (0.75, 0.3, 0.6, 1.25))
    table = probabilities * 100.0
    share = table["share"].to_numpy(np.float64)
    dense = len(share) > MAX_ERROR_BARS
    aside = 0.0 if dense else min(0.6, 0.15 * float(np.diff(share).min(initial=100.0)))
    common: dict[str, Any] = {"clip_on": False, "zorder": 3}
    scale, handles = 0.6 if dense else 1.0, []
    for name, colour, marker, size, width, sign in (
        ("cut", ORANGE, "o", 6.5, 2.8, -1.0),
        ("overload", RED, "D", 4.0, 1.1, 1.0),
    ):
        at, look = share + sign * aside, {**common, "color": colour}
        line = {"linewidth": width, "marker": marker, "markersize": size * scale, "label": EVENTS[name]}
        handles += draw_estimates(axes, at, table, name, look, line)
    top = float(table[["cut_high", "overload_high"]].to_numpy().max())
    axes.set(xlim=(-2.0, 102.0), ylim=(0.0, max(5.0, min(102.0, 1.08 * top))))
    axes.set(xlabel="Share of PV (%)", ylabel="Probability (% of scenarios)")
    plain_axes(axes)
    axes.set_xticks(range(0, 101, 10))
    if probabilities["share"].min() <= capacity.share < probabilities["share"].max():  # else no share that was run ends it
        _mark_hosting_capacity(axes, capacity)
    title = f"Estimate and {CONFIDENCE:.0%} confidence interval"
    figure.legend(handles=handles, **below_title(figure), ncols=2, title=title)
    return figure


def draw_estimates(
    axes: Axes, at: Floats, table: pd.DataFrame, name: str, look: dict[str, Any], line: dict[str, Any]
) -> list[Line2D]:
    """Estimates of the probability of an event and their intervals: bars, or a band where there are many.

    Parameters
    ----------
    axes : Axes
    at : (n,) float64
        Where they stand.
    table : DataFrame
        What `find_probabilities` finds, in the unit of the axis.
    name : str
        Of the event.
    look, line : dict
        How all of it looks, and how the line does.
    """
    low, middle, high = (table[f"{name}_{end}"].to_numpy(np.float64) for end in ("low", "probability", "high"))
    handles = axes.plot(at, middle, **line, **look)
    if len(at) > MAX_ERROR_BARS:
        axes.fill_between(at, low, high, color=look["color"], alpha=0.2, linewidth=0.0)
        return handles
    around = np.stack([middle - low, high - middle]).clip(min=0.0)
    for bars in axes.errorbar(at, middle, around, fmt="none", elinewidth=1.2, capsize=3.0, **look).lines[2]:
        bars.set_capstyle("butt")  # pandapower, once imported, changes the default
    return handles


@matplotlib.rc_context(STYLE)
def draw_device_probability(results: Results, probabilities: pd.DataFrame) -> Figure:
    """The same where shares of devices are swept: a panel for each event, and a line for each combination of further shares.

    Over the share of PV, or where this is one over the first share of devices that is not.
    """
    figure, panels = sweep_page(results, 10.0, 4.7, (0.75, 0.3, 0.6, 1.4), panels=2)
    table, keys = probabilities * 100.0, point_keys(probabilities)
    over = next((key for key in keys if table[key].nunique() > 1), "share")
    others = [key for key in keys if key != over and table[key].nunique() > 1]
    lines: list[tuple[Any, pd.DataFrame]] = (
        [(values, rows) for values, rows in table.groupby(others)] if others else [((), table)]
    )
    shown = some_shares(lines, MAX_NAMED_SHARES)
    ramp = matplotlib.colormaps["viridis_r"](np.linspace(0.12, 1.0, len(shown))) if others else [BLUE]
    step = min(0.6, 0.15 * float(np.diff(np.unique(table[over])).min(initial=100.0)))
    for axes, (event, label) in zip(panels, EVENTS.items(), strict=True):
        for place, ((values, rows), colour) in enumerate(zip(shown, ramp, strict=True)):
            aside = step * (2.0 * place / max(1, len(shown) - 1) - 1.0) if len(shown) > 1 else 0.0
            name = " / ".join(f"{value:.4g}%" for value in values)
            line = {"linewidth": 1.6, "marker": "o", "markersize": 4.5, "label": name}
            draw_estimates(axes, rows[over].to_numpy(np.float64) + aside, rows, event, {"color": colour, "zorder": 3}, line)
        top = float(table[f"{event}_high"].max())
        axes.set(xlim=(-2.0, 102.0), ylim=(0.0, max(5.0, min(102.0, 1.08 * top))), ylabel="Probability (% of scenarios)")
        plain_axes(axes)
        axes.set_xticks(range(0, 101, 10))
        axes.set(xlabel=f"Share of {POINT_KEYS[over]} (%)")
        axes.annotate(label, (0.0, 1.0), (0, 4), "axes fraction", "offset points", color=INK, fontsize=8.5)
    title = f"Estimate and {CONFIDENCE:.0%} confidence interval"
    if others:
        some = f"; {len(shown)} of {len(lines)} are drawn" * (len(shown) < len(lines))
        title = f"Share of {' / '.join(POINT_KEYS[key] for key in others)}; {title[0].lower()}{title[1:]}{some}"
    handles = panels[0].get_legend_handles_labels()[0] if others else []
    figure.legend(handles=handles, **below_title(figure), ncols=max(1, len(handles)), title=title)
    return figure


def _mark_hosting_capacity(axes: Axes, capacity: HostingCapacity) -> None:
    """The hosting capacity at 5 % and its interval."""
    axes.axvline(100.0 * capacity.share, color=INK, linewidth=0.9, linestyle=DASHED, zorder=1.5)
    axes.axvspan(100.0 * capacity.low, 100.0 * capacity.high, color=GREY, alpha=0.15, linewidth=0.0, zorder=0.5)
    text = f"something is cut in at most 5%: {percent(capacity.share)} ({percent(capacity.low)} to {percent(capacity.high)})"
    aside, side = (-3, "right") if capacity.share > 0.5 else (3, "left")
    place = (100.0 * capacity.share, 1.0)
    axes.annotate(text, place, (aside, 1), ("data", "axes fraction"), "offset points", ha=side, color=INK, fontsize=8)
