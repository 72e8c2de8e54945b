"""Hourly data of PVGIS, the European Commission's service: the CSV of a PV system's power.

A few lines say where and of what system, then there is a table, an empty line and a legend. Times are UTC. The minute is when
a satellite saw the place, or half past where a weather model gave the sun: each row stands for the hour that it lies in.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from fastp2p.errors import InputError, refuse
from fastp2p.io.paths import file_bytes
from fastp2p.io.readers.axis import MOST, ProfileTable, regular_axis
from fastp2p.io.readers.clock import SHOWN, listed
from fastp2p.io.readers.frames import Cells

MAX_BYTES = 50_000_000
"""20 years are 10 MB."""
NOMINAL = re.compile(r"\s*Nominal power of (?:the )?PV system.*?:\s*([^\s,]+)", re.IGNORECASE)
STAMP = r"\d{8}:\d{4}"
AGAIN = "download the hourly data again with PV power and the installed peak power, or compute it with pvlib (docs/profiles.md)"


def is_pvgis(names: list[str]) -> bool:
    """Whether this is the first line of a file of PVGIS."""
    return bool(names) and names[0].startswith("Latitude (decimal degrees):")


def read_pvgis(path: Path) -> ProfileTable:
    """The PV output of every hour per kWp, named after the file.

    Parameters
    ----------
    path : Path
        CSV, as the tool for hourly data writes it.

    Raises
    ------
    InputError
        A file without PV power or nominal power, hours that are missing or there twice, cells that are no number; every fault
        with its row.
    """
    text = file_bytes(path, "profile file", MAX_BYTES).decode("utf-8-sig", errors="replace")
    lines = [line.strip() for line in text.splitlines()]
    head = next((at for at, line in enumerate(lines) if line.partition(",")[0].startswith("time")), None)
    if head is None:
        raise InputError(f"{path}: has no table of hours (a row that begins with time,); {AGAIN}")
    names = lines[head].split(",")
    kwp, faults = _nominal_kwp(path, lines[:head])
    if "P" not in names or names[0] != "time":
        raise InputError([*faults, f"{path}, row {head + 1}: has no PV power (time,P,…), only {lines[head]}; {AGAIN}"])
    cells, stamps = _rows(path, lines, head, faults)
    refuse(faults)
    hours, step_hours = regular_axis(f"{path}, column time", stamps.floor("h"), cells.frame.index.to_numpy())
    watts = cells.numbers("P").to_numpy(np.float64)
    kwh = watts / 1e3 / kwp * step_hours
    wrong = np.flatnonzero(~((watts >= 0) & (kwh <= MOST)))
    found = [f"{path}, row {cells.frame.index[at]}: {cells.fault('P', cells.frame['P'].iloc[at])}" for at in wrong[:SHOWN]]
    refuse(listed(found, f"{path}, column P", len(wrong)))
    return ProfileTable((path.stem,), ("pv",), kwh[None, :], step_hours, hours, f"{path} (PVGIS, {kwp:g} kWp)")


def _nominal_kwp(path: Path, lines: list[str]) -> tuple[float, list[str]]:
    """The size of the system, and what is wrong with it."""
    given = next((found[1] for line in lines if (found := NOMINAL.match(line))), None)
    if given is None:
        return 1.0, [
            f"{path}: has no line 'Nominal power of the PV system (…) (kWp)', so its power is not known per kWp; {AGAIN}"
        ]
    try:
        kwp = float(given)
    except ValueError:
        kwp = np.nan
    if not 0 < kwp <= MOST:
        return 1.0, [f"{path}: the nominal power is {given!r}; it must be a positive number of kWp"]
    return kwp, []


def _rows(path: Path, lines: list[str], head: int, faults: list[str]) -> tuple[Cells, pd.DatetimeIndex]:
    """Time and power of every row up to the first empty line, and the times in UTC."""
    end = next((at for at in range(head + 1, len(lines)) if not lines[at]), len(lines))
    table = [line.split(",") for line in lines[head + 1 : end]]
    length, at_power = lines[head].count(",") + 1, lines[head].split(",").index("P")
    short = [
        f"{path}, row {number}: has {len(row)} fields where the header has {length}"
        for number, row in enumerate(table, head + 2)
        if len(row) != length
    ]
    if short or not table:
        faults += listed(short[:SHOWN], str(path), len(short)) if short else [f"{path}: has no hours below row {head + 1}"]
        return Cells(pd.DataFrame({"time": [], "P": []})), pd.DatetimeIndex([])
    frame = pd.DataFrame({"time": [row[0] for row in table], "P": [row[at_power] for row in table]})
    frame.index = pd.RangeIndex(head + 2, head + 2 + len(table))
    stamps = pd.to_datetime(
        frame["time"].where(frame["time"].str.fullmatch(STAMP)), format="%Y%m%d:%H%M", errors="coerce", utc=True
    )
    wrong = np.flatnonzero(stamps.isna())
    found = [
        f"{path}, row {frame.index[at]}: time {frame['time'].iloc[at]!r} must be as in 20180131:2310" for at in wrong[:SHOWN]
    ]
    faults += listed(found, f"{path}, column time", len(wrong))
    return Cells(frame), pd.DatetimeIndex(stamps)
