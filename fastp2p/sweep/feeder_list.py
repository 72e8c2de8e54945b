"""Which feeders a study names: by a list, a folder, a pattern, or a table."""

from __future__ import annotations

import glob
import os
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from fastp2p import ranges
from fastp2p.errors import InputError, refuse, some
from fastp2p.io.readers.frames import column_names, read_cells
from fastp2p.study.model import NETWORK_FILES, real_path
from fastp2p.study.sections import FeederPart
from fastp2p.text import LONGEST_NAME, nearest, printable, shown_text

TABLES = (".csv", ".parquet")
COLUMNS = ("name", "file", "weight", "region")
"""Of a table of feeders; all but `file` may be missing."""
TEXTS = ("name", "file", "region")
MOST_FAULTS = 20
"""Wrong rows of a table that are named one by one."""
BEGINS_CIRCUIT = re.compile(rb"^\s*new\s+(object\s*=\s*)?[\"']?circuit\.", re.IGNORECASE | re.MULTILINE)
LISTED = ("feeder", "file", "weight", "region")


def list_feeders(sources: str | tuple[str | FeederPart, ...]) -> pd.DataFrame:
    """The feeders that a study names, sorted by their names.

    Parameters
    ----------
    sources : str or tuple
        As `network.sources`.

    Returns
    -------
    DataFrame
        `feeder` (its name), `file`, `weight`, `region`.

    Raises
    ------
    InputError
        What is not there, names that are missing or doubled, numbers out of range; all of them.
    """
    if isinstance(sources, tuple):
        parts = [FeederPart(file=one) if isinstance(one, str) else one for one in sources]
        rows = [(one.name or _name_of(one.file), _beside(Path(), one.file), one.weight, one.region) for one in parts]
        listed = pd.DataFrame(rows, columns=list(LISTED))
    elif Path(sources).suffix.lower() in TABLES:
        listed = _of_table(Path(sources))
    else:
        try:
            found = list(_found(Path(sources)))
        except InputError:
            raise
        except (OSError, ValueError) as error:  # a folder that may not be read, `**` amid other letters
            why = getattr(error, "strerror", None) or error
            raise InputError(f"network.sources = {shown_text(sources, LONGEST_NAME)!r}: {why}") from None
        listed = pd.DataFrame(found, columns=["feeder", "file"]).assign(weight=1.0, region="")
    refuse(_name_faults(listed))
    return listed.sort_values("feeder", ignore_index=True)


def _found(place: Path) -> Iterator[tuple[str, str]]:
    """Name and path of the network files in a folder, or that a pattern fits: their path from where the pattern begins."""
    if place.is_dir():
        root, paths = place, [path for path in place.iterdir() if path.suffix.lower() in NETWORK_FILES and _is_whole(path)]
        what = f"has no file of a network ({', '.join(NETWORK_FILES)})"
    elif glob.has_magic(str(place)):
        fixed = [part for part in place.parents if not glob.has_magic(str(part))]
        root, what = fixed[0], "no file fits this pattern"
        paths = [path for path in root.glob(str(place.relative_to(root))) if path.is_file()]
    else:
        known = f"a folder, a pattern such as grids/*.json, a table ({', '.join(TABLES)}), or a list"
        raise InputError(f"network.sources = {str(place)!r}: there is no such folder; it must be {known}")
    if not paths:
        raise InputError(f"network.sources = {str(place)!r}: {what}")
    for path in paths:
        yield path.relative_to(root).with_suffix("").as_posix(), os.path.realpath(path)


def _is_whole(path: Path) -> bool:
    """Whether a file has a network, not pieces of one: OpenDSS circuits are often cut into many files beside the first."""
    if path.suffix.lower() != ".dss":
        return True
    try:
        return not path.is_file() or BEGINS_CIRCUIT.search(path.read_bytes()) is not None
    except OSError:  # the feeder's fault will tell
        return True


def _name_of(file: str) -> str:
    """The name of a feeder that has none: its file's without ending, or that of a network by name."""
    return Path(file).stem if Path(file).suffix.lower() in NETWORK_FILES else file.removeprefix("simbench:")


def _of_table(path: Path) -> pd.DataFrame:
    """The feeders of a CSV or Parquet file; files are taken from its folder."""
    try:
        names = column_names(path)
        unknown = [name for name in names if name not in COLUMNS]
        faults = [_unknown(path, name) for name in unknown]
        if "file" not in names and not any(nearest(name, ["file"]) for name in unknown):
            faults.append(f"feeder table {path}: has no column file; it has {some(names)}")
        refuse(faults)
        cells = read_cells(path, names, TEXTS)
    except InputError as error:
        raise InputError([fault.replace("profile file", "feeder table") for fault in error.faults]) from None
    frame, rows = cells.frame, cells.frame.index
    text = {name: frame[name].fillna("").astype(str).str.strip() for name in TEXTS if name in frame}
    weight = cells.numbers("weight") if "weight" in frame else pd.Series(1.0, rows)
    right = (weight >= ranges.WEIGHT.least) & (weight <= ranges.WEIGHT.most)
    wrong = {
        **{row: f"file is empty in row {row}" for row in rows[text["file"] == ""]},
        **{row: f"weight = {frame['weight'][row]} in row {row}: must be a number, {ranges.WEIGHT}" for row in rows[~right]},
    }
    refuse(_shown(path, [wrong[row] for row in sorted(wrong)]))
    file = [_beside(path.parent, one) for one in text["file"]]
    name = text.get("name", pd.Series("", rows))
    given = [one or _name_of(where) for one, where in zip(name, file, strict=True)]
    region = text.get("region", pd.Series("", rows)).to_numpy()
    return pd.DataFrame({"feeder": given, "file": file, "weight": weight.to_numpy(), "region": region})


def _unknown(path: Path, name: str) -> str:
    near = nearest(name, COLUMNS)
    hint = f"did you mean {near[0]}?" if near else f"it may have {', '.join(COLUMNS)}; leave others out"
    return f"feeder table {path}: unknown column {shown_text(name, LONGEST_NAME)!r}; {hint}"


def _beside(folder: Path, file: str) -> str:
    """The whole path of a file, which is taken from a folder; names of networks as they are."""
    return real_path(folder / file) if Path(file).suffix.lower() in NETWORK_FILES else file


def _shown(path: Path, faults: list[str]) -> list[str]:
    more = len(faults) - MOST_FAULTS
    shown = [f"feeder table {path}: {fault}" for fault in faults[:MOST_FAULTS]]
    return shown + ([f"feeder table {path}: {more:,} further rows are wrong"] if more > 0 else [])


def _name_faults(listed: pd.DataFrame) -> list[str]:
    """Names that two feeders have, and names of feeders and regions that are none."""
    doubled = [name for name, count in Counter(listed["feeder"]).items() if count > 1]
    odd = [name for name in listed["feeder"] if not 0 < len(name) <= LONGEST_NAME or name != printable(name).strip()]
    faults = [f"network.sources: several feeders are named {some(doubled)}; give each a name of its own"] * bool(doubled)
    wanted = f"{LONGEST_NAME} characters, no control characters and no spaces around it"
    shown = [shown_text(name, LONGEST_NAME) for name in odd[:MOST_FAULTS]]
    faults += [f"network.sources: the name {name!r} of a feeder must have 1 to {wanted}" for name in shown]
    odd = [name for name in listed["region"].unique() if len(name) > LONGEST_NAME or name != printable(name).strip()]
    shown = [shown_text(name, LONGEST_NAME) for name in odd[:MOST_FAULTS]]
    faults += [f"network.sources: the region {name!r} may have up to {wanted}" for name in shown]
    if not np.isfinite(listed["weight"]).all() or not listed["weight"].sum() > 0.0:
        faults.append("network.sources: all feeders have weight 0; at least one must count")
    return faults
