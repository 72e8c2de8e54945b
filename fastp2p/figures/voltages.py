"""The lowest or the highest voltage of a network: by the hour of the day and share, or through one scenario."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fastp2p.figures.limits import show_limit
from fastp2p.figures.pages import (
    BESIDE_IN,
    DAY_HOURS,
    GREY,
    MOST_TICKS,
    colour,
    columns_that_fit,
    fold,
    hour_edges,
    legend_above,
    panel_width_in,
    time_axis,
)
from fastp2p.figures.shares import (
    MAX_NAMED_SHARES,
    at_point,
    curve_name,
    share_colours,
    share_handles,
    share_title,
    some_shares,
)
from fastp2p.results.points import point_keys
from fastp2p.results.statistics import find_hour_quantiles

Floats = NDArray[np.float64]
End = Literal["lowest", "highest"]

ENDS: tuple[End, End] = ("lowest", "highest")
MOST_STEPS = 3000
"""Steps that are drawn one by one; more would be a band of ink, so that days are."""


def draw_voltage_hours(
    axes: Axes,
    hours: pd.DataFrame,
    *,
    end: End,
    limit_pu: float | None = None,
    has_phases: bool = False,
    books: str = "",
    days: int = 1,
    step_hours: float | None = None,
) -> None:
    """The voltage by the hour of the day: the median of the scenarios for each share, and a band for the first and the last.

    Parameters
    ----------
    axes : Axes
    hours : DataFrame
        `Results.hours`, or its columns of points, `hour`, and `lowest_vm_pu` or `highest_vm_pu`.
    end : {"lowest", "highest"}
    limit_pu : float, optional
    has_phases : bool
        Whether the voltages are of single phases.
    books : str
        How many books there are, as `count_audited` says.
    days : int
        Over which the extreme of an hour is taken.
    step_hours : float, optional
        By default what the hours say.
    """
    column = f"{end}_vm_pu"
    colours, quantiles = share_colours(hours), pd.DataFrame(find_hour_quantiles(hours, [column])[column])
    named, banded = some_shares(list(colours), MAX_NAMED_SHARES), some_shares(list(colours), 2)
    n = len(hours["scenario"].unique())
    edges, length = hour_edges(np.unique(hours["hour"]), step_hours)
    marker = "o" if len(edges) == 2 else None  # a line has two points at least
    seen = []
    for layer, (point, of) in enumerate(colours.items()):
        of_point = at_point(quantiles, point)
        at, (low, middle, high) = of_point.index.to_numpy(np.float64) + length / 2.0, of_point.to_numpy(np.float64).T
        if n > 1 and point in banded:
            # drawn before all lines, so that medians of the shares between stay as they are
            axes.fill_between(at, low, high, facecolor=of, alpha=0.2, linewidth=0.0, zorder=1.1)
            axes.plot(at, np.stack([low, high], axis=1), color=of, linewidth=0.5, zorder=1.2)
            seen += [low, high]
        axes.plot(
            at, middle, color=of, marker=marker, linewidth=1.6 if point in named else 0.6, zorder=2.0 + layer / len(colours)
        )
        seen.append(middle)
    axes.set(xlim=(0.0, edges[-1]), ylabel=voltage_label(end, has_phases))
    axes.set_xlabel("Hour of the day" + (f"; the {end} of {days:,} days" if days > 1 else ""))
    axes.xaxis.set_major_locator(MaxNLocator(MOST_TICKS, steps=[1, 1.2, 2.4, 3, 6, 10]))
    _view(axes, np.concatenate(seen), end, limit_pu)
    _name_curves(axes, colours, point_keys(hours), n, books)


def _name_curves(axes: Axes, colours: dict[Any, Any], keys: list[str], n: int, books: str) -> None:
    """The legend: shares, and what lines and bands are of."""
    handles: list[Any] = share_handles(colours) if len(colours) > 1 else []
    said = f"{share_title(colours, keys)}. " if handles else ""
    if n > 1:
        banded = some_shares(list(colours), 2)
        where = f", at {' and '.join(curve_name(point, colours) for point in banded)}" if len(colours) > 2 else ""
        handles = handles or [Line2D([], [], color=next(iter(colours.values())), linewidth=1.6, label="median")]
        handles.append(Patch(facecolor=GREY, alpha=0.35, label="5% to 95%"))
        said += f"Line: median of {n:,} scenarios; band: 5% to 95% of them{where}"
    said = ". ".join(one for one in (said, f"Voltages {books}" if books else "") if one)
    width_in = panel_width_in(axes) - BESIDE_IN
    title = fold(said, width_in)
    if handles:
        ncols = columns_that_fit([str(one.get_label()) for one in handles], width_in, 4)
        legend_above(axes, handles=handles, title=title, ncols=ncols)
    elif title:
        legend_above(axes, handles=[Line2D([], [], color=next(iter(colours.values())), label=title)])


def draw_voltage_steps(
    axes: Axes,
    vm_pu: Floats,
    edges: NDArray[Any],
    *,
    end: End,
    limit_pu: float | None = None,
    has_phases: bool = False,
    books: str = "",
) -> None:
    """The voltage through one scenario: of every step, or of every day where there are thousands of steps.

    Parameters
    ----------
    axes : Axes
    vm_pu : (n_steps,) float64
        NaN where a book was not audited.
    edges : (n_steps + 1,) float64 or datetime64
        What `time_edges` gives.
    end : {"lowest", "highest"}
    limit_pu : float, optional
    has_phases : bool
    books : str
        How many books there are, as `count_audited` says.
    """
    if is_days := len(vm_pu) > MOST_STEPS:
        vm_pu, edges = of_days(vm_pu, edges, end)
    is_sample, each = bool(np.isnan(vm_pu).mean() > 0.5), "extreme of each day" if is_days else "each step"
    name = f"{each.replace('step', 'audited step') if is_sample else each} of one scenario{f', {books}' * bool(books)}"
    if is_sample:  # steps stand alone, and a line would join what is far apart
        middle = edges[:-1] + (edges[1:] - edges[:-1]) / 2
        axes.plot(middle, vm_pu, "o", color=colour(0), markersize=2.0, label=name)
    else:
        axes.stairs(vm_pu, edges, baseline=None, color=colour(0), linewidth=1.2 if len(vm_pu) < 100 else 0.7, label=name)
    time_axis(axes, edges)
    axes.set_ylabel(voltage_label(end, has_phases))
    _view(axes, vm_pu, end, limit_pu)
    legend_above(axes)


def of_days(vm_pu: Floats, edges: NDArray[Any], end: End) -> tuple[Floats, NDArray[Any]]:
    """The extreme of each 24 hours from the first step on, and where they begin and end."""
    day: Any = np.timedelta64(1, "D") if np.issubdtype(edges.dtype, np.datetime64) else DAY_HOURS
    first = np.flatnonzero(np.diff(np.floor((edges[:-1] - edges[0]) / day + 1e-9), prepend=-1.0))
    # fmin and fmax pass over books that were not audited
    extreme = (np.fmin if end == "lowest" else np.fmax).reduceat(vm_pu, first)
    return extreme, np.append(edges[first], edges[-1:])


def voltage_label(end: End, has_phases: bool) -> str:
    """What is drawn, beside the axis."""
    return f"{end.capitalize()} voltage of\nany bus{' and phase' * has_phases} (p.u.)"


def _view(axes: Axes, vm_pu: Floats, end: End, limit_pu: float | None) -> None:
    """The range of the values, and the limit."""
    found = vm_pu[np.isfinite(vm_pu)]
    low, high = (float(found.min()), float(found.max())) if len(found) else (np.nan, np.nan)
    if limit_pu is not None:
        show_limit(axes, low, high, limit_pu)
    axes.yaxis.set_major_locator(MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10]))
    axes.ticklabel_format(axis="y", useOffset=False)
