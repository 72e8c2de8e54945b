"""Profiles of a study: their course, or the mean day of long ones; of many how they spread."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fastp2p.figures.pages import DAY_HOURS, GREY, INK, colour, legend_above, panel_width_in, time_axis, time_edges
from fastp2p.text import shown_text

Floats = NDArray[np.float64]

MOST_DAYS_OF_STEPS = 3
"""Of longer profiles a mean day is drawn."""
MOST_NAMED = 5
"""Profiles by name; more of them have bands."""
LONGEST_SHOWN = 24
LETTERS_PER_INCH = 19
"""Of a legend."""
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
"""Quantiles of the outer band, the inner one, and the median between."""
OUTER, INNER = 0.18, 0.38
"""Opacity of the bands."""
DASHES: tuple[Any, ...] = ("solid", (0, (5, 1.5)), (0, (1.5, 1)), (0, (5, 1.5, 1.5, 1.5)), (0, (3, 1, 1, 1, 1, 1)))
QUANTITY = {"load": "Load (kW per home)", "pv": "PV (kW per kWp)", "net": "Load less generation (kW)"}
KIND_COLOUR = {"load": 0, "pv": 1, "net": 2}


class Course(NamedTuple):
    """Mean power of profiles along an axis, (n_profiles, n) kW per unit, and what spreads around it."""

    edges: NDArray[Any]
    mean: Floats
    spread: Floats
    """(n_profiles, n_days, n): every day of a long profile, or the profile itself."""

    @property
    def middle(self) -> NDArray[Any]:
        """(n,) of the steps."""
        middle: NDArray[Any] = self.edges[:-1] + np.diff(self.edges) / 2
        return middle


def draw_profiles(
    axes: Axes,
    kwh_per_unit: Floats,
    names: Sequence[str],
    kind: str,
    step_hours: float,
    time: pd.DatetimeIndex | None = None,
    *,
    others: tuple[Floats, Sequence[str]] | None = None,
) -> None:
    """Profiles of one kind: few by name, more than that as bands; of more than three days their mean day.

    Parameters
    ----------
    axes : Axes
    kwh_per_unit : (n_profiles, n_steps) float64
        kWh per step, and per home or kWp.
    names : (n_profiles,) str
    kind : str
        "load", "pv" or "net".
    step_hours : float
    time : DatetimeIndex, optional
        Where the steps begin.
    others : tuple of array and names, optional
        Profiles that the study does not use, alike; drawn beside few that it does.
    """
    main = colour(KIND_COLOUR[kind])
    course = _course(kwh_per_unit, step_hours, time)
    n_days, of_days = course.spread.shape[1], course.spread.reshape(-1, course.mean.shape[1])
    more, other_names = others or (np.empty((0, kwh_per_unit.shape[1])), ())
    if len(names) > MOST_NAMED:
        handles = draw_bands(axes, course.middle, of_days, main)
        if n_days > 1:
            mean = course.mean.mean(axis=0)
            handles += axes.plot(course.middle, mean, color=INK, linewidth=0.9, linestyle=DASHES[2], label="mean")
    else:
        tints = [colour(row + KIND_COLOUR[kind]) for row in range(len(names))]
        mark = " (this study)" if 0 < len(other_names) <= MOST_NAMED else ""
        handles = _draw_lines(axes, course, [f"{legend_name(name)}{mark}" for name in names], tints, 1.7)
        if mark:
            beside = _course(more, step_hours, time)
            handles += _draw_lines(axes, beside, [*map(legend_name, other_names)], [GREY] * len(other_names), 0.9)
        if n_days > 1 and len(names):
            label = f"90% of {'its' if len(names) == 1 else 'their'} days"
            handles.append(draw_band(axes, course.middle, of_days, (0, 4), main, OUTER, label))
    longest = max((len(handle.get_label()) for handle in handles), default=0)
    ncols = 2 if longest <= LETTERS_PER_INCH * panel_width_in(axes) / 2 - 6 else 1
    legend_above(axes, handles=handles, title=_what(len(names), len(other_names), n_days, kind), ncols=ncols)
    _show_axis(axes, course, n_days, kind)


def _what(n_profiles: int, n_others: int, n_days: int, kind: str) -> str | None:
    """What the legend is about: how many profiles, and of what days."""
    of_all = f" of {n_profiles + n_others:,}" if n_others > MOST_NAMED else ""
    many = f"{n_profiles:,}{of_all} {'PV' if kind == 'pv' else kind} profiles" if of_all or n_profiles > MOST_NAMED else ""
    if n_days == 1:
        return many or None
    days = f"every day of {n_days:,}" if n_profiles > MOST_NAMED else f"mean of {n_days:,} days"
    return f"{many}, {days}" if many else days.capitalize()


def _draw_lines(axes: Axes, course: Course, labels: Sequence[str], tints: Sequence[str], width: float) -> list[Any]:
    lines = []
    for row, (label, tint) in enumerate(zip(labels, tints, strict=True)):
        look: dict[str, Any] = {"color": tint, "linestyle": DASHES[row], "linewidth": width, "zorder": 2.0 + width / 2.0}
        lines += axes.plot(course.middle, course.mean[row], label=label, **look)
    return lines


def draw_bands(axes: Axes, at: NDArray[Any], values: Floats, tint: str) -> list[Any]:
    """Median of the rows, and the bands within which half and 90 % of them lie; returns the entries of a legend."""
    median = axes.plot(at, np.quantile(values, LEVELS[2], axis=0), color=tint, linewidth=1.4, label="median", zorder=3)
    return [
        *median,
        draw_band(axes, at, values, (1, 3), tint, INNER, "half of them (25–75%)"),
        draw_band(axes, at, values, (0, 4), tint, OUTER, "90% of them (5–95%)"),
    ]


def draw_band(
    axes: Axes, at: NDArray[Any], values: Floats, ends: tuple[int, int], tint: str, opacity: float, label: str
) -> Patch:
    """What lies between two of the quantiles `LEVELS` of the rows."""
    low, high = np.quantile(values, [LEVELS[end] for end in ends], axis=0)
    axes.fill_between(at, low, high, color=tint, alpha=opacity, linewidth=0.0)
    return Patch(facecolor=tint, alpha=opacity, linewidth=0.0, label=label)


def _course(kwh_per_unit: Floats, step_hours: float, time: pd.DatetimeIndex | None) -> Course:
    """As it is, or of long profiles by the hour of the day; parts of days at the end are left out."""
    power, n_steps = kwh_per_unit / step_hours, kwh_per_unit.shape[1]
    of_a_day = round(DAY_HOURS / step_hours)
    if n_steps * step_hours <= MOST_DAYS_OF_STEPS * DAY_HOURS or of_a_day < 1:
        return Course(time_edges(n_steps, step_hours, time), power, power[:, None, :])
    first = 0 if time is None else round((time[0] - time[0].normalize()) / pd.Timedelta(hours=step_hours))
    whole = power[:, -first % of_a_day :]
    n_days = whole.shape[1] // of_a_day
    days = whole[:, : n_days * of_a_day].reshape(len(power), n_days, of_a_day)
    return Course(time_edges(of_a_day, step_hours, None), days.mean(axis=1), days)


def _show_axis(axes: Axes, course: Course, n_days: int, kind: str) -> None:
    axes.set_ylabel(QUANTITY[kind])
    time_axis(axes, course.edges)
    if n_days > 1:
        axes.set_xlabel("Hour of the day")
    if kind != "net":
        axes.set_ylim(bottom=0.0)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10]))


def legend_name(name: str) -> str:
    """A profile's name in a legend, from which matplotlib leaves out what begins with an underscore."""
    shown = shown_text(name, LONGEST_SHOWN)
    return f" {shown}" if shown.startswith("_") else shown
