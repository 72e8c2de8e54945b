"""A column of a table as a series of values, and the times of its rows where the table says them."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fastp2p.errors import InputError, refuse, some
from fastp2p.io.readers.axis import Floats, Ints, hour_axis
from fastp2p.io.readers.clock import SHOWN, listed, localise, parse_times
from fastp2p.io.readers.frames import Cells, column_names, read_cells
from fastp2p.io.readers.tables import HOUR, TIMES
from fastp2p.ranges import Range
from fastp2p.text import nearest

COUNTED = Range(0.0, 1e9)
"""Hours from the first row on."""


class SeriesTable(NamedTuple):
    """What a column holds.

    Attributes
    ----------
    values : (n,) float64
    time : (n,) DatetimeIndex or None
        Rising; on the clock of the first, where the table or the caller says one. None where the rows have no dates.
    step_hours : float or None
        From the hours that the table counts, if it does.
    """

    values: Floats
    time: pd.DatetimeIndex | None
    step_hours: float | None


def read_series(path: Path, column: str, allowed: Range, zone: str | None = None) -> SeriesTable:
    """A column of a CSV or Parquet file, with the times of its rows.

    Parameters
    ----------
    path : Path
    column : str
        Its heading.
    allowed : Range
        Of the values, which may be negative.
    zone : str, optional
        Clock of times that say no offset to UTC.

    Raises
    ------
    InputError
        Every fault with its file, column and row.
    """
    names = column_names(path)
    when = [name for name in names if name.lower() in (*TIMES, HOUR) and name != column]
    faults = []
    if column not in names:
        near = nearest(column, names)
        faults.append(f"{path}: no column {column!r}; {f'did you mean {near[0]!r}?' if near else f'it has {some(names)}'}")
    if len(when) > 1:
        faults.append(f"{path}: columns {' and '.join(when)} are all times; keep one of them")
    has_dates = any(name.lower() in TIMES for name in when)
    if zone is not None and not has_dates:
        faults.append(f"{path}: has no times ({', '.join(TIMES)}); zone does not apply to it")
    refuse(faults)
    cells = read_cells(path, [*when, column])
    rows = cells.frame.index.to_numpy()
    values = _numbers(path, cells, column, allowed, faults)
    if not when and len(blank := np.setdiff1d(np.arange(2, rows[-1] + 1), rows)):
        faults += listed([f"{path}, row {row}: {column} has no value" for row in blank[:SHOWN]], str(path), len(blank))
    time, step_hours = None, None
    if has_dates:
        try:
            time = _rising(f"{path}, column {when[0]}", cells.frame[when[0]], rows, zone)
        except InputError as error:
            faults += error.faults
    elif when:
        wrong = len(faults)
        hours = _numbers(path, cells, when[0], COUNTED, faults)
        if len(faults) == wrong and len(hours) > 1:
            step_hours, unsorted = hour_axis(str(path), "the table", hours, rows)
            faults += unsorted
    refuse(faults)
    return SeriesTable(values, time, step_hours)


def _numbers(path: Path, cells: Cells, column: str, allowed: Range, faults: list[str]) -> Floats:
    """A column as numbers; cells that hold none, or one beyond the range, are added to the faults."""
    given, rows = cells.frame[column], cells.frame.index
    numbers = cells.numbers(column).to_numpy(np.float64)
    wrong = np.flatnonzero(~((numbers >= allowed.least) & (numbers <= allowed.most)))
    found = []
    for at in wrong[:SHOWN].tolist():
        value = given.iloc[at]
        if pd.isna(value) or str(value).strip() == "":
            why = f"{column} has no value"
        elif np.isfinite(numbers[at]):
            why = f"{column} = {numbers[at]:g} must lie in {allowed}"
        else:
            why = cells.fault(column, value, signed=True)
        found.append(f"{path}, row {rows[at]}: {why}")
    faults += listed(found, f"{path}, column {column}", len(wrong))
    return numbers


def _rising(where: str, given: pd.Series, rows: Ints, zone: str | None) -> pd.DatetimeIndex:
    """Times of the rows, each after the one before."""
    stamps = parse_times(where, given, rows)
    if zone is not None and stamps.tz is None:
        stamps = localise(where, stamps, zone)
    jump = np.diff(stamps.asi8)
    places = np.flatnonzero(jump <= 0)
    faults = []
    for at in places[:SHOWN].tolist():
        before, here = (f"{stamps[i]:%Y-%m-%d %H:%M}" for i in (at, at + 1))
        why = "appears twice; keep one of them" if jump[at] == 0 else f"comes after {before}; sort the rows by time"
        summer = " (a clock that changes for summer needs its zone)" if stamps.tz is None else ""
        faults.append(f"{where}, row {rows[at + 1]}: {here} {why}{summer}")
    refuse(listed(faults, where, len(places)))
    return stamps
