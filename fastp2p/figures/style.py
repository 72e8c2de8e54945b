"""How figures look: colours, fonts, pages under a study's title, axes, legends, formats of numbers."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Mapping
from typing import Any, TypeVar

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, MultipleLocator
from numpy.typing import NDArray

from fastp2p.results.points import POINT_KEYS, point_keys
from fastp2p.results.results import Results
from fastp2p.text import LONGEST, LONGEST_NAME, shown_text

Floats = NDArray[np.float64]
Share = TypeVar("Share")
Margins = tuple[float, float, float, float]
Point = tuple[float, ...]
"""A share of PV and of each swept device, in the order of the columns of tables."""
Colours = dict[Point, Any]

# Okabe and Ito's palette: told apart with any colour vision, and in print.
BLUE, SKY, GREEN, ORANGE, RED, PURPLE = "#0072B2", "#B5D8F0", "#009E73", "#E69F00", "#D55E00", "#CC79A7"
INK, SOFT_INK, GREY, PALE = "#222222", "#555555", "#888888", "#CCCCCC"
STYLE: Any = {
    "font.size": 9,
    "text.parse_math": False,
    "axes.axisbelow": True,
    "axes.edgecolor": GREY,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#E4E4E4",
    "legend.frameon": False,
}
"""Settings of matplotlib that hold while a figure is drawn; ticks that are made when it is saved are like the first ones."""
DASHED, DOTTED = (0, (4, 2)), (0, (1, 2))
MOST_TICKS = 8
MAX_NAMED_SHARES = 6
"""Shares in a legend."""


def page(results: Results, width: float, height: float, margins: Margins, panels: int = 1) -> tuple[Figure, list[Axes]]:
    """A page under the study's title, and its panels side by side; inches, margins left, right, bottom, top."""
    (left, right, bottom, top), gap = margins, 0.85
    figure, study = Figure(figsize=(width, height)), results.study
    name = shown_text(study.name, LONGEST_NAME)
    name = name if len(results.scenarios) < 2 else f"{name}, scenario {results.scenarios['scenario'].iloc[0]}"
    figure.text(0.25 / width, 1 - 0.3 / height, name, weight="bold", size=12, color=INK)
    description = shown_text(" ".join(study.description[:LONGEST].split()))
    figure.text(0.25 / width, 1 - 0.52 / height, textwrap.shorten(description, int(14 * width)), color=SOFT_INK)
    each = (width - left - right - gap * (panels - 1)) / panels
    size = (each / width, (height - top - bottom) / height)
    return figure, [figure.add_axes(((left + i * (each + gap)) / width, bottom / height, *size)) for i in range(panels)]


def sweep_page(results: Results, width: float, height: float, margins: Margins, panels: int = 1) -> tuple[Figure, list[Axes]]:
    """A page that says how many scenarios it stands for, in place of which one."""
    figure, axes = page(results, width, height, margins, panels)
    n_points = len(_points(results))
    of = "share of PV" if results.scenarios["share"].nunique() == n_points else "share of PV and of devices"
    each = f" at each {of}" if n_points > 1 else ""
    if len(results.scenarios) > 1:
        figure.texts[0].set_text(
            f"{shown_text(results.study.name, LONGEST_NAME)}, {len(results.scenarios) // n_points:,} scenarios{each}"
        )
    return figure, axes


def add_note(figure: Figure, text: str) -> None:
    """A line below the title and the description."""
    width, height = figure.get_size_inches()
    figure.text(0.25 / width, 1 - 0.76 / height, text, color=SOFT_INK)


def below_title(figure: Figure) -> dict[str, Any]:
    """Where a legend of the whole page stands."""
    width, height = figure.get_size_inches()
    place = (0.2 / width, 1 - 0.62 / height)
    return {"loc": "upper left", "bbox_to_anchor": place, "borderaxespad": 0.0, "alignment": "left", "columnspacing": 1.4}


def time_axes(axes: Axes, hours: float, top: float, label: str) -> None:
    """Hours from 0 on to the right, from 0 to a little above `top` upwards."""
    axes.set(xlim=(0.0, hours), ylim=(0.0, top * 1.06 or 1.0), xlabel="Hour", ylabel=label)
    if hours > 72.0:  # whole days
        axes.xaxis.set_major_locator(MultipleLocator(24.0 * np.ceil(hours / 24.0 / MOST_TICKS)))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(MOST_TICKS, steps=[1, 1.2, 2.4, 3, 6, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.grid(True)


def plain_axes(axes: Axes) -> None:
    """A grid, and round numbers at both axes."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.grid(True)


def draw_band(axes: Axes, at: Floats, low: Floats, high: Floats, colour: Any, alpha: float) -> None:
    """What lies between two curves, and their dotted edges."""
    axes.fill_between(at, low, high, color=colour, alpha=alpha, linewidth=0.0, zorder=1.5)
    axes.plot(at, np.stack([low, high], axis=1), color=colour, linewidth=0.8, linestyle=DOTTED, zorder=1.6)


def share_colours(results: Results) -> Colours:
    """What has a curve, rising, and its colour, from light to dark; viridis without its yellow, which white paper would hide.

    Every share of PV has; where shares of devices are swept, every one of them at the largest share of PV.
    """
    points = _points(results)
    if _differ_in_devices(points):
        points = [point for point in points if point[0] == points[-1][0]]
    if len(points) == 1:
        return {points[0]: BLUE}
    ramp = matplotlib.colormaps["viridis_r"](np.linspace(0.12, 1.0, len(points)))
    return dict(zip(points, ramp, strict=True))


def _points(results: Results) -> list[Point]:
    """The points of a study, rising."""
    keys = point_keys(results.scenarios)
    rows = results.scenarios[keys].drop_duplicates().sort_values(keys)
    return [tuple(row) for row in rows.to_numpy(np.float64).tolist()]


def _differ_in_devices(points: Collection[Point]) -> bool:
    return len({point[1:] for point in points}) > 1


def at_point(table: pd.DataFrame, point: Point) -> pd.DataFrame:
    """The rows of a point of a table in whose index the points come first."""
    return pd.DataFrame(table.xs(point, level=list(range(len(point)))))


def some_shares(shares: list[Share], most: int) -> list[Share]:
    """The first share, the last one and some evenly between."""
    places = np.linspace(0, len(shares) - 1, min(len(shares), most)).round().astype(np.int64)
    return [shares[place] for place in places.tolist()]


def add_share_legend(figure: Figure, results: Results, colours: Colours, more: str = "") -> None:
    """A legend of shares below the title; `more` is said beside its own."""
    named = some_shares(list(colours), MAX_NAMED_SHARES)
    handles = [Line2D([], [], color=colours[one], linewidth=2.6, label=curve_name(one, colours)) for one in named]
    if len(colours) > len(named):
        handles.append(Line2D([], [], color=GREY, linewidth=0.6, label="shares between"))
    of = "PV"
    if _differ_in_devices(colours):
        words = [POINT_KEYS[key] for key in point_keys(results.scenarios)[1:]]
        of = f"{' / '.join(words)}, at {percent(named[0][0])} PV"
    figure.legend(handles=handles, **below_title(figure), ncols=len(handles), title=f"Share of {of}{more}")


def curve_name(point: Point, colours: Colours) -> str:
    """A point among those that have a curve: its share of PV, or its shares of devices."""
    return " / ".join(map(percent, point[1:])) if _differ_in_devices(colours) else percent(point[0])


def shares_text(share: float, devices: Mapping[str, float]) -> str:
    """A share of PV and shares of swept devices, by column, in words: "60%, batteries 25%"."""
    return ", ".join([percent(share), *(f"{POINT_KEYS[key]} {percent(value)}" for key, value in devices.items())])


def percent(share: float) -> str:
    """A share in percent, four digits at most."""
    return f"{100.0 * share:.4g}%"


def loading_unit(results: Results) -> str:
    """What loading is in: percent of active power under "dc", of apparent power else."""
    return "%" if results.study.clearing.physics == "dc" else "% of kVA"
