"""Pages of figures: panels under a study's title, as wide as a column of a journal or two, and their legends and time axes."""

from __future__ import annotations

import textwrap
import warnings
from collections.abc import Sequence
from importlib.resources import files
from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.dates import AutoDateLocator, ConciseDateFormatter
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.text import Annotation
from matplotlib.textpath import text_to_path
from matplotlib.ticker import MaxNLocator, MultipleLocator
from matplotlib.transforms import ScaledTranslation
from numpy.typing import NDArray

from fastp2p.study.model import Study
from fastp2p.text import LONGEST, LONGEST_NAME, shown_text

ONE_COLUMN, TWO_COLUMNS = 3.5, 7.16
"""Inches, of IEEE's and most other journals."""
SIDE_BY_SIDE_FROM = 5.0
"""Width in inches from which panels stand side by side, not one above the other."""
INK, SOFT_INK, GREY, PALE = "#222222", "#555555", "#888888", "#CCCCCC"
BESIDE_IN = 0.65
"""About how wide the labels beside a panel are."""
HINTED = 1.05
"""Times as wide a text may be on a screen as on paper: letters end on whole pixels there."""
MOST_TICKS = 8
DAY_HOURS = 24.0


class Look(NamedTuple):
    """How pages look, as the user asks: their width in inches, and whether they have the study's title."""

    width_in: float = TWO_COLUMNS
    has_title: bool = True


USUAL = Look()


def house_style() -> Any:
    """The settings of matplotlib in which pages are drawn and saved; a new figure of `fastp2p.plot` has the caller's."""
    path = files("fastp2p") / "plot.mplstyle"
    return matplotlib.rc_params_from_file(str(path), use_default_template=False)


def colour(number: int) -> str:
    """A colour of the cycle in force: 0 blue, 1 orange, 2 green, 3 red, 4 purple in the house style and in matplotlib's."""
    return to_hex(f"C{number}")


def new_page(
    study: Study | None,
    look: Look,
    panels: int = 1,
    height: float = 2.6,
    of: str = "",
    *,
    stacked: bool = False,
    columns: int | None = None,
) -> tuple[Figure, list[Axes]]:
    """An empty page, and its panels: side by side where the page is wide.

    Parameters
    ----------
    study : Study or None
        Whose name and description stand at the top.
    look : Look
    panels : int
    height : float
        Of a panel, in inches; a page gets more for its title.
    of : str
        What follows the name: which scenario, or how many.
    stacked : bool
        One above the other on a wide page, too.
    columns : int, optional
        So many panels side by side at most, half as many on a narrow page; by default all, and one.
    """
    is_wide = look.width_in >= SIDE_BY_SIDE_FROM
    columns = 1 if stacked else min(panels, columns or panels) if is_wide else min(panels, -(-(columns or 1) // 2))
    rows = -(-panels // columns)
    has_title = look.has_title and study is not None
    figure = Figure(figsize=(look.width_in, height * rows + 0.4 * has_title), layout="constrained")
    if has_title and study is not None:
        _add_title(figure, study, of)
    axes = list(figure.subplots(rows, columns, squeeze=False).ravel())
    for unused in axes[panels:]:
        unused.remove()
    return figure, axes[:panels]


def _add_title(figure: Figure, study: Study, of: str) -> None:
    """The study's name in bold, and its description below; the layout keeps room for both."""
    width = figure.get_size_inches()[0]
    name = shown_text(study.name, LONGEST_NAME)
    name = fitted(f"{name}, {of}" if of else name, FontProperties(size=_title_size(), weight="bold"), width - 0.1)
    below = "\n " * bool(study.description.strip())
    title = figure.suptitle(name + below, x=0.01, ha="left", weight="bold", color=INK)
    text = fitted(shown_text(" ".join(study.description[:LONGEST].split())), FontProperties(size=7), width - 0.1)
    described = Annotation(text, (0.0, 0.0), xycoords=title, va="bottom", fontsize=7, color=SOFT_INK)
    described.set_in_layout(False)
    figure.add_artist(described)


def _title_size() -> Any:
    return matplotlib.rcParams["figure.titlesize"]


def fitted(text: str, font: FontProperties, width_in: float) -> str:
    """A text on one line that is no wider than that: of a longer one the beginning, up to a word if there is one."""
    most, kept = 72.0 * width_in / HINTED, text
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
        while (wide := text_to_path.get_text_width_height_descent(kept, font, ismath=False)[0]) > most:
            short = text[: min(len(kept) - 3, int(len(kept) * most / wide))]
            before, _, _ = short.rpartition(" ")
            kept = f"{before if len(before) > len(short) / 2 else short} …"
    return kept


def panel_width_in(axes: Axes) -> float:
    """Inches that the layout gives a panel, its labels included: of a figure with several side by side its part."""
    figure, spec = axes.get_figure(root=True), axes.get_subplotspec()
    assert figure is not None
    return float(figure.get_size_inches()[0]) / (spec.get_gridspec().ncols if spec is not None else 1)


def fold(text: str, width_in: float) -> str:
    """A sentence in lines that fit a legend: of a whole page, or of a panel without its labels, which take `BESIDE_IN`.

    Letters are some 0.57 times as wide as the font is high.
    """
    letter = 0.57 * FontProperties(size=matplotlib.rcParams["legend.title_fontsize"]).get_size_in_points()
    return textwrap.fill(" ".join(text.split()), max(20, int(72.0 * width_in / letter)))


def columns_that_fit(labels: Sequence[str], width_in: float, most: int) -> int:
    """Of a legend: before a label are 2.8 times the height of the font, and 2 between columns."""
    size = FontProperties(size=matplotlib.rcParams["legend.fontsize"]).get_size_in_points()
    widest = 0.57 * max(map(len, labels), default=0) + 4.8
    return max(1, min(most, int((72.0 * width_in / size + 2.0) / widest)))


def legend_above(axes: Axes, **more: Any) -> None:
    """The legend of one panel, above it and from its left edge on; a `$` in a name is one."""
    place: dict[str, Any] = {"loc": "lower left", "bbox_to_anchor": (0.0, 1.02), "alignment": "left", "columnspacing": 1.2}
    legend = axes.legend(**{**place, **more})
    for text in (legend.get_title(), *legend.get_texts()):
        text.set_parse_math(False)


def legend_below(axes: Axes, title: str, ncols: int) -> None:
    """The legend of one panel, below its labels and no wider: so that it hides nothing of this panel, nor of the next one."""
    size = FontProperties(size=matplotlib.rcParams["axes.labelsize"]).get_size_in_points()
    figure = axes.figure
    place = axes.transAxes + ScaledTranslation(0.0, -4.5 * size / 72.0, figure.dpi_scale_trans)
    width_in = panel_width_in(axes) - BESIDE_IN
    ncols = columns_that_fit(axes.get_legend_handles_labels()[1], width_in, ncols)
    below: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (0.0, 0.0), "bbox_transform": place, "alignment": "left"}
    axes.legend(title=fold(title, width_in), ncols=ncols, **below)


def join_legends(figure: Figure, panels: Sequence[Axes], ncols: int = 4) -> None:
    """One legend below all panels, of what theirs have, instead of one for each; the first one's title, as wide as the page."""
    legends = [legend for axes in panels if (legend := axes.get_legend()) is not None]
    if not legends:
        return
    handles = {
        text.get_text(): handle
        for legend in legends[::-1]
        for text, handle in zip(legend.get_texts()[::-1], legend.legend_handles[::-1], strict=True)
    }
    title = fold(legends[0].get_title().get_text(), float(figure.get_size_inches()[0])) or None
    for legend in legends:
        legend.remove()
    ncols = min(ncols, len(handles)) if figure.get_size_inches()[0] >= SIDE_BY_SIDE_FROM else min(2, ncols)
    figure.legend(
        handles=list(handles.values())[::-1],
        labels=list(handles)[::-1],
        title=title,
        loc="outside lower left",
        ncols=ncols,
        alignment="left",
        columnspacing=1.2,
    )


def share_axes(panels: Sequence[Axes]) -> None:
    """The same limits in all panels of a page, and labels at its outer ones alone."""
    for name in ("x", "y"):
        limits = [getattr(axes, f"get_{name}lim")() for axes in panels]
        ends = (min, max) if limits[0][0] < limits[0][1] else (max, min)
        for axes in panels:
            axes.set(**{f"{name}lim": tuple(end(one[side] for one in limits) for side, end in enumerate(ends))})
    places = [axes.get_subplotspec() for axes in panels]
    cells = {(place.rowspan.start, place.colspan.start) for place in places if place}
    for axes, place in zip(panels, places, strict=True):
        if place and (place.rowspan.start + 1, place.colspan.start) in cells:
            axes.set_xlabel("")
            axes.tick_params(labelbottom=False)
        if place and place.colspan.start:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)


def round_ticks(axes: Axes) -> None:
    """Few and round numbers at both axes."""
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(MOST_TICKS, steps=[1, 2, 5, 10]))


def energy_label(step_hours: float) -> str:
    """What energy of a step is per."""
    return "hour" if step_hours == 1.0 else f"{60.0 * step_hours:g} min"


def hour_edges(hours: Any, step_hours: float | None = None) -> tuple[NDArray[np.float64], float]:
    """(n + 1,) where the hours of a mean day begin and the last one ends, and how long they are: an hour, or a longer step.

    Parameters
    ----------
    hours : (n,) int
        Rising.
    step_hours : float, optional
        By default what the hours say: those in which no step begins are left out.
    """
    begins = np.asarray(hours, np.float64)
    if step_hours is None:
        step_hours = float(np.diff(begins).min()) if len(begins) > 1 else 1.0
    length = max(1.0, step_hours)
    return np.append(begins, begins[-1] + length), length


def time_edges(n_steps: int, step_hours: float, time: pd.DatetimeIndex | None) -> NDArray[Any]:
    """(n_steps + 1,) where steps begin and the last one ends: hours from 0 on, or dates as the profiles' clock shows them.

    Parameters
    ----------
    time : DatetimeIndex or None
        Where the steps begin, if the profiles have dates.
    """
    if time is None:
        return np.arange(n_steps + 1) * step_hours
    local = time.tz_localize(None)
    return local.append(local[-1:] + pd.Timedelta(hours=step_hours)).to_numpy()


def time_axis(axes: Axes, edges: NDArray[Any]) -> None:
    """From the first edge to the last one: hours, whole days from three days on, or dates where there are such."""
    if np.issubdtype(edges.dtype, np.datetime64):
        axes.set_xlim(
            edges[0], edges[-1] - np.timedelta64(1, "s")
        )  # the midnight after the last day would give the axis its date
        locator: Any = AutoDateLocator(minticks=3, maxticks=MOST_TICKS)  # type: ignore[no-untyped-call]
        axes.xaxis.set_major_locator(locator)
        axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))  # type: ignore[no-untyped-call]
        return
    axes.set_xlim(edges[0], edges[-1])
    hours = float(edges[-1] - edges[0])
    axes.set_xlabel("Hour")
    if hours > 3 * DAY_HOURS:
        axes.xaxis.set_major_locator(MultipleLocator(DAY_HOURS * np.ceil(hours / DAY_HOURS / MOST_TICKS)))
    else:
        axes.xaxis.set_major_locator(MaxNLocator(MOST_TICKS, steps=[1, 1.2, 2.4, 3, 6, 10]))
