"""The command `fastp2p report`: one file of HTML that shows all of a results folder, or two folders side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fastp2p.cli.console import fault_exit, say
from fastp2p.errors import refuse
from fastp2p.io.paths import expanded

Folders = Annotated[list[Path], typer.Argument(metavar="DIR", help="Results folder, or two of them side by side.")]
Feeder = Annotated[str | None, typer.Option(help="Of runs of many networks, the report of this one alone.")]
Out = Annotated[Path | None, typer.Option(help="File to write; DIR.html beside the folder if left out.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace a report that is there.")]


@fault_exit
def report(folders: Folders, feeder: Feeder = None, out: Out = None, overwrite: Overwrite = False) -> None:
    """Write a report of a results folder, or of two side by side, as one file of HTML."""
    write([expanded(folder) for folder in folders], expanded(out) if out else None, feeder, overwrite=overwrite)


def write(folders: list[Path], out: Path | None, feeder: str | None = None, *, overwrite: bool, quiet: bool = False) -> None:
    """Write a report and say where it is."""
    from fastp2p.report.page import write_report

    path = write_report(folders, out, feeder=feeder, overwrite=overwrite)
    if not quiet:
        say(Console(highlight=False), "wrote", "", f"{path}: the report, which any browser opens")


def check(folders: list[Path], *, overwrite: bool) -> None:
    """Refuse, before anything is run, what would keep the reports of these folders from being written."""
    from fastp2p.report.place import report_faults, report_path

    refuse([fault for folder in folders for fault in report_faults(report_path([folder]), overwrite=overwrite)])
