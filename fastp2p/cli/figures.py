"""The command `fastp2p figures`: draw the figures of a results folder again, for a page of one's own."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fastp2p.cli.console import fault_exit, say
from fastp2p.errors import InputError, refuse
from fastp2p.io.paths import absolute_path, expanded, file_name_of
from fastp2p.text import LONGEST_NAME, shown_text

WIDTHS = (3.3, 20.0)
"""Inches; in less than a column of a journal, legends have no room."""

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Results folder.")]
Feeder = Annotated[str | None, typer.Option(help="Of a run of many networks, the figures of this one alone.")]
Out = Annotated[Path | None, typer.Option(help="Folder to write to; DIR-figures if left out.")]
Width = Annotated[float, typer.Option(help="Inches: 3.5 is a column of most journals, 7.16 two.")]
NoTitle = Annotated[bool, typer.Option("--no-title", help="Leave out the study's name and description.")]
Format = Annotated[str, typer.Option("--format", help="Some of png, pdf and svg, separated by commas.")]
Only = Annotated[str | None, typer.Option(help="Names of figures, separated by commas; all if left out.")]


@fault_exit
def figures(
    folder: Folder,
    feeder: Feeder = None,
    out: Out = None,
    width: Width = 7.16,
    no_title: NoTitle = False,
    formats: Format = "png,pdf",
    only: Only = None,
) -> None:
    """Draw the figures of a results folder again."""
    from fastp2p.figures.pages import Look
    from fastp2p.io.figures import FORMATS
    from fastp2p.results.results import Results
    from fastp2p.sweep.drawing import redraw
    from fastp2p.sweep.opened import Comparison, is_comparison, read_comparison, read_results

    wanted = [one.strip() for one in formats.split(",") if one.strip()]
    faults = [f"--format {one}: must be one of {', '.join(FORMATS)}" for one in wanted if one not in FORMATS]
    faults += ["--format names no format"] * (not wanted)
    if not WIDTHS[0] <= width <= WIDTHS[1]:
        faults.append(f"--width {width:g}: must be {WIDTHS[0]:g} to {WIDTHS[1]:g} inches")
    refuse(faults)
    place = absolute_path(expanded(folder))
    of = place.name if feeder is None else f"{place.name}-{file_name_of(feeder)}"
    where = expanded(out) if out else place.with_name(f"{of}-figures")
    if place.resolve() in (where.resolve(), *where.resolve().parents):
        raise InputError(f"{where}: the figures of a run stay as they were written; choose another folder")
    names = [one.strip() for one in (only or "").split(",") if one.strip()]
    opened = read_comparison(place) if is_comparison(place) else read_results(place)
    if feeder is not None and isinstance(opened, Comparison):
        raise InputError(
            f"--feeder {shown_text(feeder, LONGEST_NAME)}: {place} is a comparison, whose figures are of all feeders"
        )
    if feeder is not None and isinstance(opened, Results):
        opened = opened.of_feeder(feeder)
    paths = redraw(opened, where, Look(width, not no_title), wanted, names)
    say(
        Console(highlight=False),
        "wrote",
        "",
        f"{len(paths)} files to {where}: {', '.join(sorted({path.stem for path in paths}))}",
    )
