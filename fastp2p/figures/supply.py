"""Where the load's energy comes from, and where that of the PV goes, step by step or day by day."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from fastp2p.figures.pages import (
    DAY_HOURS,
    GREY,
    INK,
    MOST_TICKS,
    SIDE_BY_SIDE_FROM,
    colour,
    energy_label,
    legend_above,
    panel_width_in,
    time_axis,
)

Floats = NDArray[np.float64]
Part = tuple[str, Any, Floats]
"""Its name, its look, and its energy in every bar."""

MOST_DAYS_OF_STEPS, MOST_DAYS_OF_DAYS = 21, 800
"""Up to so many days every step is drawn, then every day, then seven days at a time."""
FEW_BARS = 100
"""Of more than these the lines are thin."""


class Bars(NamedTuple):
    """Energy of several steps each, (n_bars,) rows, and what the axis needs to know."""

    kwh: pd.DataFrame
    edges: NDArray[Any]
    per: str
    unit: str
    """Of the edges, where they are no dates."""
    begins: dict[int, str]
    """Dates of the bars with which stretches of days begin, if days are left out between them."""


def draw_supply(
    axes: Axes, books: pd.DataFrame, *, step_hours: float | None = None, has_own_storage: bool = False, scenario: str = ""
) -> None:
    """Energy of the load by source above zero, energy of the PV by use below.

    Parameters
    ----------
    axes : Axes
    books : DataFrame
        The rows of one scenario of `Results.books`, in the order of their steps.
    step_hours : float, optional
        By default what the times say; without times, steps are counted.
    has_own_storage : bool
        Whether batteries charge from their own home's surplus and serve it alone, as with ``rule = "self_use"``; only then is
        it known what of their energy goes where.
    scenario : str
        Which one it is, for the legend.
    """
    bars = _bars(books, step_hours)
    sources, uses = _balances(bars.kwh, has_own_storage)
    stored = "charged_kwh" in books and not has_own_storage
    width = 1.2 if len(bars.kwh) <= FEW_BARS else 0.4
    load, pv = ("Load and charging\n", "PV and discharging\n") if stored else ("Load ", "PV ")
    columns = [
        _stack(axes, bars.edges, sources, 1.0, width, f"{load}by source"),
        _stack(axes, bars.edges, uses, -1.0, width, f"{pv}by use (below 0)"),
    ]
    axes.axhline(0.0, color=INK, linewidth=0.6)
    rows = max(map(len, columns))
    blank = Line2D([], [], linestyle="none", label=" ")
    handles = [one for column in columns for one in [*column, *[blank] * (rows - len(column))]]
    # wide enough to need the room above the axis' numbers, too
    place = {"loc": "lower right", "bbox_to_anchor": (1.0, 1.02)} if panel_width_in(axes) < SIDE_BY_SIDE_FROM else {}
    legend_above(axes, handles=handles, title=scenario or None, ncols=2, handlelength=1.3, handletextpad=0.6, **place)
    axes.set_ylabel(f"Energy per {bars.per} (kWh)")
    axes.yaxis.set_major_locator(MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):,g}"))
    high, low = (float(np.sum([energy for *_, energy in side], axis=0).max(initial=0.0)) for side in (sources, uses))
    axes.set_ylim(-1.04 * low, 1.04 * high or 1.0)
    _show_time(axes, bars)


def _balances(kwh: pd.DataFrame, has_own_storage: bool) -> tuple[list[Part], list[Part]]:
    """What the load is made of, and what becomes of the PV."""
    none = pd.Series(0.0, kwh.index)
    charged, discharged = (kwh.get(name, none) if has_own_storage else none for name in ("charged_kwh", "discharged_kwh"))
    own = "Own PV" if has_own_storage or "charged_kwh" not in kwh else "Own PV, battery"
    at_home = (kwh["self_kwh"] - charged - discharged).clip(lower=0.0)  # below zero by rounding only
    home, battery, neighbours, retailer = ({"color": colour(number)} for number in (2, 7, 1, 0))
    not_served, spilled = (
        {"facecolor": "white", "edgecolor": edge, "hatch": hatch, "linewidth": 0.0}
        for edge, hatch in ((colour(3), "//////"), (GREY, "\\\\\\\\\\\\"))
    )
    sources: list[tuple[str, Any, pd.Series]] = [
        (own, home, at_home),
        ("Own battery", battery, discharged),
        ("Neighbours", neighbours, kwh["executed_kwh"]),
        ("Retailer", retailer, kwh["import_kwh"]),
        ("Not served (shed)", not_served, kwh["shed_kwh"]),
    ]
    uses: list[tuple[str, Any, pd.Series]] = [
        ("Own load", home, at_home),
        ("Own battery", battery, charged),
        ("Neighbours", neighbours, kwh["executed_kwh"]),
        ("Export", retailer, kwh["export_kwh"]),
        ("Spilled", spilled, kwh["spilled_kwh"]),
    ]
    return _parts(sources), _parts(uses)


def _parts(series: list[tuple[str, Any, pd.Series]]) -> list[Part]:
    return [(name, look, energy.to_numpy(np.float64)) for name, look, energy in series]


def _stack(axes: Axes, edges: NDArray[Any], parts: list[Part], sign: float, width: float, name: str) -> list[Any]:
    """Parts upon one another from zero on, a line along their sum; returns the entries of the legend, the sum's first."""
    whole = float(sum(energy.sum() for *_, energy in parts))
    base = np.zeros(len(edges) - 1)
    handles: list[Any] = []
    for part, look, energy in parts:
        total = float(energy.sum())
        if total > 0.0:
            label = f"{part} {_amount(total)} ({_percent(total / whole)})"
            handles.append(axes.stairs(sign * (base + energy), edges, baseline=sign * base, fill=True, label=label, **look))
        base = base + energy
    label = f"{name}\n{_amount(whole)} kWh"
    axes.stairs(sign * base, edges, baseline=None, label=label, color=INK, linewidth=width)
    return [Line2D([], [], label=label, color=INK, linewidth=1.2), *handles]


def _amount(kwh: float) -> str:
    return f"{kwh:,.0f}" if kwh >= 1000.0 else f"{kwh:,.1f}"


def _percent(part: float) -> str:
    return f"{part:.0%}" if part >= 0.005 else "<1%"


def _bars(books: pd.DataFrame, step_hours: float | None) -> Bars:
    """Sums over steps, days or weeks, by how many days there are."""
    energy = books[[name for name in books if str(name).endswith("_kwh")]].reset_index(drop=True)
    local = pd.DatetimeIndex(books["time"]).tz_localize(None) if "time" in books else None
    if step_hours is None and local is not None and len(local) > 1:
        step_hours = float((local[1:] - local[:-1]).min() / pd.Timedelta(hours=1))
    if step_hours is None:
        return Bars(energy, np.arange(len(energy) + 1.0), "step", "Step", {})
    of_a_day, days = max(1, round(DAY_HOURS / step_hours)), len(energy) * step_hours / DAY_HOURS
    steps = 1 if days <= MOST_DAYS_OF_STEPS else of_a_day if days <= MOST_DAYS_OF_DAYS else 7 * of_a_day
    length = pd.Timedelta(hours=step_hours * steps)
    per = energy_label(step_hours) if steps == 1 else "day" if steps == of_a_day else "7 days"
    first = 0 if local is None or steps == 1 else round((local[0] - local[0].normalize()) / pd.Timedelta(hours=step_hours))
    kwh = energy.groupby((first + np.arange(len(energy))) // steps).sum()
    numbers = np.arange(len(kwh) + 1)
    plain = numbers * (step_hours if steps == 1 else steps / of_a_day)
    if local is None:
        return Bars(kwh, plain, per, "Hour" if steps == 1 else "Day", {})
    if (breaks := np.flatnonzero((local[1:] - local[:-1]) / pd.Timedelta(hours=step_hours) > 1.5)).size:
        starts = {(first + at) // steps: f"{local[at].day} {local[at]:%b}" for at in [0, *(breaks + 1).tolist()]}
        return Bars(kwh, plain, per, "", starts)
    origin = local[0] - first * pd.Timedelta(hours=step_hours)
    return Bars(kwh, origin.to_numpy() + numbers * length.to_numpy(), per, "", {})


def _show_time(axes: Axes, bars: Bars) -> None:
    time_axis(axes, bars.edges)
    if bars.unit:
        axes.set_xlabel(bars.unit)
    if bars.unit in ("Step", "Day"):
        axes.xaxis.set_major_locator(MaxNLocator(MOST_TICKS, integer=True))
    if bars.begins:
        places = list(bars.begins)[:: -(-len(bars.begins) // MOST_TICKS)]
        axes.xaxis.set_major_locator(FixedLocator([float(bars.edges[place]) for place in places]))
        axes.set_xticklabels([bars.begins[place] for place in places])
        axes.set_xlabel("First days of stretches, one after the other")
