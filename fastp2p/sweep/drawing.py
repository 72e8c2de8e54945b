"""Which figures a run has, and what each of them is drawn from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from fastp2p.errors import InputError, refuse
from fastp2p.figures.pages import USUAL, Look, house_style
from fastp2p.io.figures import replace_figure, write_figures
from fastp2p.io.files import kind_of
from fastp2p.io.ours import is_ours
from fastp2p.profiles.typical_days import Clusters
from fastp2p.results.ranking import has_hosting
from fastp2p.results.results import Results
from fastp2p.sweep.chosen import first_chosen
from fastp2p.sweep.day_pages import draw_day_pages, typical_page
from fastp2p.sweep.opened import Comparison
from fastp2p.sweep.parts import cut_into_rounds
from fastp2p.sweep.region_pages import draw_region_figures
from fastp2p.sweep.sweep_pages import draw_comparison_pages, draw_sweep_pages
from fastp2p.sweep.voltage_pages import draw_voltage_pages


def draw_figures(results: Results | Comparison, look: Look = USUAL) -> dict[str, Figure]:
    """All figures of a run or a comparison, by name: the same ones that its folder gets."""
    if isinstance(results, Comparison):
        return draw_comparison_figures(results, look)
    if results.feeders is not None:
        return draw_region_pages(results, look)
    n_parts = sum(len(parts) for parts in cut_into_rounds(results.study, results.profiles.n_steps))
    return draw_day_figures(results, look) if n_parts == 1 or results.chosen else draw_sweep_figures(results, look)


def draw_day_figures(results: Results, look: Look = USUAL) -> dict[str, Figure]:
    """Figures of a run of one part: of its first scenario; of chosen ones the first at the largest shares."""
    if results.chosen:
        results = first_chosen(results)
    with matplotlib.rc_context(house_style()):
        return draw_day_pages(results, look) | (draw_voltage_pages(results, look) if results.study.audited_every else {})


def draw_sweep_figures(results: Results, look: Look = USUAL) -> dict[str, Figure]:
    """Figures of a run of several parts: of all scenarios."""
    with matplotlib.rc_context(house_style()):
        return draw_sweep_pages(results, look) | (draw_voltage_pages(results, look) if results.study.audited_every else {})


def draw_region_pages(
    results: Results, look: Look = USUAL, answers: Mapping[str, pd.DataFrame] | None = None
) -> dict[str, Figure]:
    """Figures of a run of many networks: of all feeders together."""
    if results.chosen:
        raise InputError(
            f"{results.study.name} ran chosen scenarios of many networks, which have no figures together; those of one feeder "
            "are drawn with --feeder NAME"
        )
    with matplotlib.rc_context(house_style()):
        figures = draw_region_figures(results, look, answers)
    return figures if has_hosting(results.scenarios) else {"totals": figures["totals"]}


def draw_comparison_figures(comparison: Comparison, look: Look = USUAL) -> dict[str, Figure]:
    """Figures of a comparison of market rules."""
    with matplotlib.rc_context(house_style()):
        return draw_comparison_pages(comparison, look)


def write_drawn(figures: dict[str, Figure], folder: Path) -> None:
    """Write figures into a folder that nobody reads yet, in the style in which they were drawn."""
    with matplotlib.rc_context(house_style()):
        write_figures(figures, folder)


def replace_typical(clusters: Clusters, stem: Path) -> None:
    """Draw typical days and write them beside other files, in the house style."""
    with matplotlib.rc_context(house_style()):
        replace_figure(typical_page(clusters), stem)


def redraw(
    results: Results | Comparison, folder: Path, look: Look, formats: Sequence[str], names: Sequence[str] = ()
) -> list[Path]:
    """Draw the figures of a run or a comparison into a folder, which is made where it is missing.

    Parameters
    ----------
    results : Results or Comparison
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
    what = "comparison" if isinstance(results, Comparison) else "run"
    refuse([f"this {what} has no figure {name!r}; it has {', '.join(figures)}" for name in unknown])
    kept = [name for name in figures if not names or name in names]
    paths = [folder / f"{name}.{ending}" for name in kept for ending in formats]
    foreign = [path for path in paths if kind_of(path) != "nothing" and not is_ours(path)]
    refuse([f"{path} was not written by fastp2p and is not overwritten; choose another folder" for path in foreign])
    with matplotlib.rc_context(house_style()):
        for name in kept:
            replace_figure(figures[name], folder / name, formats)
    return paths
