"""How figures look: colours, fonts, pages under a study's title, axes, legends, formats of numbers."""

from __future__ import annotations

import textwrap
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator, MultipleLocator
from numpy.typing import NDArray

from fastp2p.results.results import Results
from fastp2p.text import LONGEST, LONGEST_NAME, shown_text

Floats = NDArray[np.float64]
Margins = tuple[float, float, float, float]
Colours = dict[float, Any]

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
"""Shares of PV in a legend."""


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
    n_shares = results.scenarios["share"].nunique()
    each = " at each share of PV" if n_shares > 1 else ""
    if len(results.scenarios) > 1:
        figure.texts[0].set_text(
            f"{shown_text(results.study.name, LONGEST_NAME)}, {len(results.scenarios) // n_shares:,} scenarios{each}"
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
    """Shares, rising, and their colours, from light to dark; viridis without its yellow, which white paper would hide."""
    shares = np.unique(results.scenarios["share"].to_numpy(np.float64)).tolist()
    if len(shares) == 1:
        return {shares[0]: BLUE}
    ramp = matplotlib.colormaps["viridis_r"](np.linspace(0.12, 1.0, len(shares)))
    return dict(zip(shares, ramp, strict=True))


def some_shares(shares: list[float], most: int) -> list[float]:
    """The first share, the last one and some evenly between."""
    places = np.linspace(0, len(shares) - 1, min(len(shares), most)).round().astype(np.int64)
    return [shares[place] for place in places.tolist()]


def add_share_legend(figure: Figure, colours: Colours, more: str = "") -> None:
    """A legend of shares of PV below the title; `more` is said beside its own."""
    named = some_shares(list(colours), MAX_NAMED_SHARES)
    handles = [Line2D([], [], color=colours[share], linewidth=2.6, label=percent(share)) for share in named]
    if len(colours) > len(named):
        handles.append(Line2D([], [], color=GREY, linewidth=0.6, label="shares between"))
    figure.legend(handles=handles, **below_title(figure), ncols=len(handles), title=f"Share of PV{more}")


def percent(share: float) -> str:
    """A share in percent, four digits at most."""
    return f"{100.0 * share:.4g}%"


def loading_unit(results: Results) -> str:
    """What loading is in: percent of active power under "dc", of apparent power else."""
    return "%" if results.study.clearing.physics == "dc" else "% of kVA"
