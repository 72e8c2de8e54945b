"""Which figures a run has, and what each of them is drawn from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

from fastp2p.errors import refuse
from fastp2p.figures.day import draw_day
from fastp2p.figures.loading import draw_loading
from fastp2p.figures.pages import USUAL, Look, house_style, new_page
from fastp2p.figures.phases import draw_hosting
from fastp2p.figures.shares import points_of
from fastp2p.figures.sweep import BY_HOUR, draw_comparison, draw_sweep
from fastp2p.io.figures import replace_figure, write_figures
from fastp2p.io.files import kind_of
from fastp2p.io.ours import is_ours
from fastp2p.results import statistics
from fastp2p.results.points import by_devices
from fastp2p.results.results import Results
from fastp2p.sweep.again import draw_audit
from fastp2p.sweep.chosen import first_chosen
from fastp2p.sweep.parts import cut_into_rounds


def draw_figures(results: Results, look: Look = USUAL) -> dict[str, Figure]:
    """All figures of a run, by name: the same ones that its folder gets."""
    n_parts = sum(len(parts) for parts in cut_into_rounds(results.study, results.profiles.n_steps))
    return draw_day_figures(results, look) if n_parts == 1 or results.chosen else draw_sweep_figures(results, look)


def draw_day_figures(results: Results, look: Look = USUAL) -> dict[str, Figure]:
    """Figures of a run of one part: of its first scenario; of chosen ones the first at the largest shares."""
    if results.chosen:
        results = first_chosen(results)
    with matplotlib.rc_context(house_style()):
        return draw_day(results) | (draw_audit(results) if results.study.audited_every else {})


def draw_sweep_figures(results: Results, look: Look = USUAL) -> dict[str, Figure]:
    """Figures of a run of several parts: of all scenarios."""
    with matplotlib.rc_context(house_style()):
        probabilities = statistics.find_probabilities(results.scenarios)
        hours = None if results.hours is None else statistics.find_hour_quantiles(results.hours, BY_HOUR)
        *before, (_, largest) = by_devices(probabilities)
        figures = draw_sweep(results, hours, probabilities, None if before else statistics.find_hosting_capacity(probabilities))
        figures["loading"] = loading_page(results, look)
        if "unbalance_probability" in probabilities:  # of the largest shares of devices
            figures["hosting_capacity"] = draw_hosting(results, largest, statistics.compare_hosting_capacity(largest))
        if results.study.audited_every:
            figures |= draw_audit(results)
        return figures


def draw_comparison_figures(results: dict[str, Results], look: Look = USUAL) -> dict[str, Figure]:
    """Figures of a comparison of market rules; results by rule, of the same draws, with their participants."""
    with matplotlib.rc_context(house_style()):
        return draw_comparison(results)


def write_drawn(figures: dict[str, Figure], folder: Path) -> None:
    """Write figures into a folder that nobody reads yet, in the style in which they were drawn."""
    with matplotlib.rc_context(house_style()):
        write_figures(figures, folder)


def redraw(results: Results, folder: Path, look: Look, formats: Sequence[str], names: Sequence[str] = ()) -> list[Path]:
    """Draw the figures of a run into a folder, which is made where it is missing.

    Parameters
    ----------
    results : Results
    folder : path
    look : Look
    formats : sequence of str
        Some of `fastp2p.io.figures.FORMATS`.
    names : sequence of str
        Of the figures; all if there are none.

    Returns
    -------
    list of path
        The files written.

    Raises
    ------
    InputError
        An unknown name, a file of somebody else in the way, or a disk that refuses.
    """
    figures = draw_figures(results, look)
    unknown = [name for name in names if name not in figures]
    refuse([f"this run has no figure {name!r}; it has {', '.join(figures)}" for name in unknown])
    kept = [name for name in figures if not names or name in names]
    paths = [folder / f"{name}.{ending}" for name in kept for ending in formats]
    foreign = [path for path in paths if kind_of(path) != "nothing" and not is_ours(path)]
    refuse([f"{path} was not written by fastp2p and is not overwritten; choose another folder" for path in foreign])
    with matplotlib.rc_context(house_style()):
        for name in kept:
            replace_figure(figures[name], folder / name, formats)
    return paths


def loading_page(results: Results, look: Look) -> Figure:
    """The figure ``loading``."""
    figure, (axes,) = new_page(results.study, look, of=of_scenarios(results))
    draw_loading(axes, results.scenarios, **loading_of(results))
    return figure


def loading_of(results: Results) -> dict[str, str]:
    """What the loading of a run is a percentage of, and over which period its worst is taken."""
    hours = results.profiles.n_steps * results.profiles.step_hours
    period = f"{hours / 24.0:g} days" if hours > 24.0 else f"{hours:g} hours"
    return {"power": "active" if results.study.clearing.physics == "dc" else "apparent", "period": period}


def of_scenarios(results: Results) -> str:
    """How many scenarios a page stands for."""
    n, points = len(results.scenarios), points_of(results.scenarios)
    if n == 1:
        return ""
    of = "share of PV" if results.scenarios["share"].nunique() == len(points) else "share of PV and of devices"
    return f"{n // len(points):,} scenarios" + (f" at each {of}" if len(points) > 1 else "")
