"""What a region does as a whole, over the share of PV or of devices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fastp2p.figures.pages import colour, legend_below
from fastp2p.figures.shares import lines_of, ramp, share_axis
from fastp2p.results.columns import MONEY, UNITS
from fastp2p.results.statistics import CONFIDENCE
from fastp2p.text import LONGEST_UNIT, shown_text

Floats = NDArray[np.float64]

LARGER = {"kWh": ((1e6, "GWh"), (1e3, "MWh")), "kWp": ((1e3, "MWp"),), "kg": ((1e3, "t"),), "1": ((0.01, "%"),)}
"""Units that a number of so many is given in, the largest first."""
NAMES = {
    "executed_kwh": "traded", "cut_kwh": "cut", "import_kwh": "import", "export_kwh": "export", "spilled_kwh": "spilled",
    "losses_kwh": "losses", "bill": "with trading", "baseline_bill": "without", "saving": "saving", "co2_kg": "with trading",
    "baseline_co2_kg": "without", "cut_probability": "something is cut", "overload_probability": "before any trade",
    "broken_probability": "still broken in AC", "voltage_probability": "voltage",
    "cable_probability": "cable or transformer", "unbalance_probability": "unbalance",
}  # fmt: skip
"""Indicators in legends; others have the name of their column."""
LOOKS: tuple[tuple[Any, str], ...] = (("solid", "o"), ((0, (4, 2)), "s"), ((0, (1, 1.5)), "^"), ((0, (6, 1, 1, 1)), "D"))
"""Line styles and markers, which tell lines apart without colour."""
MOST_MARKED = 25
"""Shares with a marker and a bar each; more have a band."""
DODGE = 0.9
"""Between the bars of two lines at the same share, in percent of PV."""


def draw_totals(axes: Axes, totals: pd.DataFrame, indicators: Sequence[str], currency: str = "") -> None:
    """Totals, or means, of a region over the share of PV or of devices, with their intervals.

    Parameters
    ----------
    axes : Axes
    totals : DataFrame
        Of `find_totals`: the rows of one region, or of all together.
    indicators : sequence of str
        Of the same unit. Where shares of several devices were run, each of them has a line, of the first.
    currency : str
        Of money.
    """
    rows = totals[totals["indicator"].isin(list(indicators))]
    unit = "1" if indicators[0].endswith("_probability") else UNITS.get(indicators[0], "")
    largest = float(np.nanmax(np.abs(rows["estimate"]), initial=0.0))
    scale, unit = _scaled(unit, largest, currency)
    lines = lines_of(rows)
    if list(lines.rows) == [""]:
        tints = [colour(i) for i in range(len(indicators))]
        drawn = [(NAMES.get(one, one), rows[rows["indicator"] == one], tints[i]) for i, one in enumerate(indicators)]
    else:
        first = {name: part[part["indicator"] == indicators[0]] for name, part in lines.rows.items()}
        drawn = [(name, part, tint) for (name, part), tint in zip(first.items(), ramp(len(first)), strict=True)]
    is_marked = len(rows[lines.over].unique()) <= MOST_MARKED
    for place, (name, part, tint) in enumerate(drawn):
        style, marker = LOOKS[place % len(LOOKS)]
        look: dict[str, Any] = {
            "color": tint,
            "linestyle": style,
            "marker": marker if is_marked else "",
            "zorder": 3.0 + 0.1 * place,
        }
        # beside one another, so that intervals at the same shares are told apart
        at = 100.0 * part[lines.over].to_numpy(np.float64) + DODGE * (place - (len(drawn) - 1) / 2.0) * is_marked
        estimate, low, high = (part[f"estimate{end}"].to_numpy(np.float64) / scale for end in ("", "_low", "_high"))
        axes.plot(at, estimate, label=name, clip_on=False, **look)
        if is_marked:
            axes.vlines(at, low, high, color=tint, linewidth=0.9, alpha=0.8, zorder=2.5)
        else:
            axes.fill_between(at, low, high, color=tint, alpha=0.18, linewidth=0.0)
    share_axis(axes, lines)
    axes.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 2.5, 5, 10]))
    axes.set_ylabel(unit)
    _end_at_zero(axes, rows, scale)
    title = f"{lines.title}. " if lines.title else ""
    legend_below(axes, f"{title}Bars: {CONFIDENCE:.0%} confidence, feeders as a sample", ncols=2)


def _scaled(unit: str, largest: float, currency: str) -> tuple[float, str]:
    """By what numbers are divided, and the unit that they then have."""
    for factor, larger in LARGER.get(unit, ()):
        if largest >= 10.0 * factor or larger == "%":
            return factor, larger
    unit = unit.replace(MONEY, shown_text(currency, LONGEST_UNIT) or MONEY)
    for factor, word in ((1e6, "million"), (1e3, "thousand")):
        if largest >= 10.0 * factor and unit not in LARGER:
            return factor, f"{word} {unit}".strip()
    return 1.0, unit


def _end_at_zero(axes: Axes, rows: pd.DataFrame, scale: float) -> None:
    """The axis begins at zero where nothing is below it: an interval that reaches below is cut there."""
    estimate = rows["estimate"].to_numpy(np.float64) / scale
    if np.nanmin(estimate, initial=0.0) >= 0.0:
        high = float(np.nanmax(np.append(estimate, rows["estimate_high"].to_numpy(np.float64) / scale)))
        axes.set_ylim(0.0, 1.06 * high if high > 0.0 else 1.0)
