"""Where a report goes, and what keeps it from going there."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

from fastp2p.io.files import kind_of
from fastp2p.io.ours import is_ours
from fastp2p.io.paths import absolute_path, file_name_of

NEEDED = ("jinja2", "plotly")
"""Packages of the extra `report`."""


def report_path(folders: Sequence[Path], out: Path | None = None, feeder: str | None = None) -> Path:
    """Where a report goes: `out`, or beside the first folder under the names of all of them and of the feeder."""
    if out is not None:
        return out
    first, *others = (absolute_path(folder) for folder in folders)
    of_feeder = "" if feeder is None else f"-{file_name_of(feeder)}"
    return first.with_name("-and-".join([first.name, *(other.name for other in others)]) + of_feeder + ".html")


def report_faults(path: Path, *, overwrite: bool) -> list[str]:
    """What keeps a report from being written: packages that are missing, or what is in the way and may not be replaced."""
    missing = [name for name in NEEDED if find_spec(name) is None]
    faults = [f"a report needs {' and '.join(missing)}; install fastp2p[report]"] if missing else []
    if path.suffix.lower() != ".html":
        faults.append(f"{path}: a report is a file of HTML; give it a name that ends in .html")
    elif kind_of(path) != "nothing" and not is_ours(path):
        faults.append(f"{path} was not written by fastp2p and is not overwritten; choose another name")
    elif kind_of(path) != "nothing" and not overwrite:
        faults.append(f"{path} exists; choose another name, or --overwrite it")
    return faults
