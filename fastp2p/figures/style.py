"""How figures look: colours, fonts, pages under a study's title, axes, legends, formats of numbers."""

from __future__ import annotations

import textwrap
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, MultipleLocator
from numpy.typing import NDArray

from fastp2p.figures.shares import Colours, points_of, share_handles, share_title
from fastp2p.results.points import point_keys
from fastp2p.results.results import Results
from fastp2p.text import LONGEST, LONGEST_NAME, shown_text

Floats = NDArray[np.float64]
Margins = tuple[float, float, float, float]
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
    n_points = len(points_of(results.scenarios))
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


def add_share_legend(figure: Figure, results: Results, colours: Colours, more: str = "") -> None:
    """A legend of shares below the title; `more` is said beside its own."""
    handles = share_handles(colours)
    figure.legend(
        handles=handles,
        **below_title(figure),
        ncols=len(handles),
        title=f"{share_title(colours, point_keys(results.scenarios))}{more}",
    )


def loading_unit(results: Results) -> str:
    """What loading is in: percent of active power under "dc", of apparent power else."""
    return "%" if results.study.clearing.physics == "dc" else "% of kVA"
