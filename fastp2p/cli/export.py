"""The command `fastp2p export`: take the tables of a results folder to other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from fastp2p.cli.console import fault_exit, say
from fastp2p.io.paths import absolute_path, expanded

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="Results folder of a run or a comparison.")]
To = Annotated[str, typer.Option("--to", help="csv, xlsx, netcdf or latex.")]
Out = Annotated[Path | None, typer.Option(help="Folder for csv, else file; beside DIR, with its name, if left out.")]
Tables = Annotated[str | None, typer.Option(help="Names of tables, separated by commas; all if left out.")]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace what fastp2p has exported before.")]


@fault_exit
def export(folder: Folder, to: To, out: Out = None, tables: Tables = None, overwrite: Overwrite = False) -> None:
    """Write the tables of a results folder as CSV, for Excel, as netCDF, or the summary for LaTeX."""
    from fastp2p.sweep.export import export as write

    names = [one.strip() for one in (tables or "").split(",") if one.strip()]
    path = write(absolute_path(expanded(folder)), to, expanded(out).absolute() if out else None, names, overwrite)
    written = f": {', '.join(sorted(one.name for one in path.iterdir()))}" if path.is_dir() else ""
    say(Console(highlight=False), "wrote", "", f"{path}{written}")
