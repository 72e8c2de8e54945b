"""Global Solar Atlas: the typical day of every month, from its report workbook or its JSON."""

import calendar
import json
import re
from collections.abc import Sequence
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fastp2p.errors import InputError, refuse, some
from fastp2p.io.paths import file_bytes
from fastp2p.io.readers.axis import MOST, Floats, ProfileTable
from fastp2p.io.readers.clock import listed, standard_offset
from fastp2p.io.readers.frames import unreadable
from fastp2p.io.workbook import workbook_cells
from fastp2p.text import LONGEST

MONTHS = tuple(calendar.month_abbr[1:])
TITLE = "total photovoltaic power output"
DAYS = np.array([31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])
MAX_BYTES = 10_000_000
"""A report is some 30 kB."""
MAX_ROWS, MAX_COLUMNS = 2_000, 64
NUMBER = r"\d{1,3}(,\d{3})+(\.\d+)?|\d+(\.\d+)?([eE][-+]?\d+)?"
KWP = {"kWp": 1.0, "MWp": 1e3, "Wp": 1e-3}
HALF_WH = 0.5e-3
"""kWh: the report's hours are whole Wh of the system."""
TOLERANCE = 0.015
"""Of a month's sum; a February may have 28 or 28.25 days."""

Row = Sequence[Any]


def read_report(path: Path, *, year: int | None = None, zone: str | None = None) -> ProfileTable:
    """PV profiles per kWp from a report `GSA_Report_*.xlsx` with a PV system.

    Parameters
    ----------
    path : Path
    year : int, optional
        A calendar year made of the typical days; by default the twelve days, named Jan to Dec.
    zone : str, optional
        Whose time the hours of that year are, without summer time.

    Raises
    ------
    InputError
        A file that is no such report or was made without a PV system, a cell that is no number, or days that do not add up
        to the report's months; with sheet and row.
    """
    sheets = _read_sheets(path, ("Hourly_profiles", "PV_config", "Monthly_averages"))
    if "Hourly_profiles" not in sheets:
        raise InputError(f"{path}: no sheet Hourly_profiles; is it a Global Solar Atlas report?")
    watt_hours = _hourly(f"{path}, sheet Hourly_profiles", sheets["Hourly_profiles"])
    if "PV_config" not in sheets:
        raise InputError(f"{path}: no sheet PV_config; without the system's size its output is not known per kWp")
    size_kwp = _system_kwp(f"{path}, sheet PV_config", sheets["PV_config"])
    kwh = watt_hours / 1e3
    for column, size in (("PVOUT_total", 1.0), ("PVOUT_specific", size_kwp)):
        sums = _monthly(f"{path}, sheet Monthly_averages", sheets.get("Monthly_averages", []), column)
        _check_months(f"{path}, {column}", kwh / size, sums, HALF_WH / size)
    return _profiles(kwh / size_kwp, f"{path} (Global Solar Atlas, {size_kwp:g} kWp)", path.stem, year, zone)


def read_json(path: Path, *, year: int | None = None, zone: str | None = None) -> ProfileTable:
    """PV profiles per kWp from the Atlas's JSON: `monthly-hourly`, `data`, `PVOUT_specific`, 12 × 24 in Wh per kWp.

    Raises
    ------
    InputError
        As for `read_report`.
    """
    try:
        found = json.loads(file_bytes(path, "profile file", MAX_BYTES).decode("utf-8-sig"))
    except InputError:
        raise
    except (ValueError, RecursionError) as error:
        raise unreadable(path, error) from None
    hourly = _member(found, "monthly-hourly")
    if _member(hourly, "PVOUT_specific") is None:
        inside = _member(hourly, "data") or hourly
        has = some(list(inside)) if isinstance(inside, dict) else "none"
        raise InputError(f"{path}: no monthly-hourly PVOUT_specific (it has {has}); ask the Atlas for a PV system")
    kwh = _numbers(f"{path}: PVOUT_specific of monthly-hourly", _member(hourly, "PVOUT_specific"), (12, 24)) / 1e3
    sums = _member(_member(found, "monthly"), "PVOUT_specific")
    if sums is not None:
        _check_months(str(path), kwh, _numbers(f"{path}: PVOUT_specific of monthly", sums, (12,)))
    return _profiles(kwh, f"{path} (Global Solar Atlas)", path.stem, year, zone)


def _member(found: Any, name: str) -> Any:
    """A member of a JSON object, or of its `data`."""
    if not isinstance(found, dict):
        return None
    inside = found.get("data")
    return found.get(name, inside.get(name) if isinstance(inside, dict) else None)


def _numbers(where: str, given: Any, shape: tuple[int, ...]) -> Floats:
    """Lists of JSON as an array of that shape."""
    try:
        array = np.array(given, np.float64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{where} must be lists of numbers, {shape}: {' '.join(str(error).split())}") from None
    if array.shape != shape:
        raise InputError(f"{where} has shape {array.shape}; it must be {shape}")
    wrong = np.argwhere(~((array >= 0) & (array <= MOST)))
    if len(wrong):
        raise InputError(f"{where}, month and hour {tuple(wrong[0].tolist())}, must be a finite number, not negative")
    return array


def _profiles(kwh: Floats, source: str, name: str, year: int | None, zone: str | None) -> ProfileTable:
    """The twelve days, or a year of them."""
    if year is None and zone is not None:
        raise InputError(f"{source}: typical days have no dates; zone needs a year")
    if year is None:
        return ProfileTable(MONTHS, ("pv",) * 12, kwh, 1.0, None, source)
    if not isinstance(year, int) or not 1900 <= year <= 2200:
        raise InputError(f"year = {year!r}: must be a whole number in 1900…2200")
    clock = None if zone is None else standard_offset(zone, year)
    time = pd.date_range(f"{year}-01-01", f"{year + 1}-01-01", freq="h", inclusive="left", tz=clock)
    return ProfileTable((name,), ("pv",), kwh[time.month - 1, time.hour][None, :], 1.0, time, source)


def _read_sheets(path: Path, names: tuple[str, ...]) -> dict[str, list[Row]]:
    """The rows of the sheets that are there; no more than a report has."""
    try:
        sheets = workbook_cells(file_bytes(path, "profile file", MAX_BYTES), lambda name: name in names)
    except InputError as error:
        message = str(error)
        raise error if message.startswith("profile file") else unreadable(path, error) from None
    found: dict[str, list[Row]] = {}
    for name, rows in sheets.items():
        last = max((number for number in rows if number <= MAX_ROWS), default=0)
        found[name] = [tuple(rows.get(number, ())[:MAX_COLUMNS]) for number in range(1, last + 1)]
    return found


def _hourly(where: str, rows: list[Row]) -> Floats:
    """(12, 24) Wh of the configured system, from the table titled so, wherever it stands."""
    titles = [at for at, row in enumerate(rows) if any(_is_title(cell) for cell in row)]
    if not titles:
        others = [_text(row[0]) for row in rows if row and re.search(r"irradia|power|output", _text(row[0]), re.I)]
        message = f" (only {some(others)})" if others else ""
        raise InputError(f"{where}: no table '{TITLE.capitalize()}'{message}; make the report with a PV system configured")
    title = next(_text(cell) for cell in rows[titles[0]] if _is_title(cell))
    unit = re.search(r"[\[(](.*?)[\])]", title)
    if unit and unit[1].strip() != "Wh":
        raise InputError(f"{where}, row {titles[0] + 1}: the table is in {unit[1]}; it must be in Wh")
    months, at = _month_columns(where, rows, titles[0])
    values, seen, faults = np.zeros((12, 24)), set[int](), list[str]()
    for number, row in islice(enumerate(rows, 1), at, None):
        label = re.fullmatch(r"(\d+)\s*[-–]\s*(\d+)", _text(row[max(0, min(months) - 1)])) if row else None
        if label is None and seen:
            break
        if label is None:
            continue
        hour = int(label[1])
        if hour in seen or hour > 23 or int(label[2]) != hour + 1:
            faults.append(f"{where}, row {number}: hour {label[0]} is not one of 0 - 1 … 23 - 24, each once")
            continue
        seen.add(hour)
        for month, column in enumerate(months):
            values[month, hour] = _number(f"{where}, row {number}, {MONTHS[month]}", row, column, faults)
    if not faults and len(seen) < 24:
        faults.append(f"{where}: the table has no hours {', '.join(str(hour) for hour in range(24) if hour not in seen)}")
    refuse(faults)
    return values


def _month_columns(where: str, rows: list[Row], start: int) -> tuple[list[int], int]:
    """The column of each month, and how many rows come before the first hour."""
    title = next(column for column, cell in enumerate(rows[start]) if _is_title(cell))
    for at, row in islice(enumerate(rows), start, start + 8):
        heads = [_text(cell)[:3].capitalize() for cell in row]
        for first in (title, 0):  # of tables side by side the one below the title, of a centred title the one below it
            if all(month in heads[first:] for month in MONTHS):
                return [heads.index(month, first) for month in MONTHS], at + 1
    raise InputError(f"{where}, row {start + 1}: no row of months Jan … Dec below the title")


def _system_kwp(where: str, rows: list[Row]) -> float:
    """The configured system's size."""
    for number, row in enumerate(rows, 1):
        label, *cells = (_text(cell) for cell in row) if row else ("",)
        unit = re.search(r"\b(kWp|MWp|Wp)\b", " ".join([label, *cells]))
        if unit is None or not re.search(r"system size|capacity|installed power", label, re.I):
            continue
        value = re.sub(r"[\[(]?\b(kWp|MWp|Wp)\b[\])]?", "", " ".join(cells), count=1).strip()
        if re.fullmatch(NUMBER, value) and (size := float(value.replace(",", "")) * KWP[unit[1]]) > 0:
            return size
        raise InputError(f"{where}, row {number}: '{' '.join([label, *cells]).strip()}' is not a size in kWp")
    raise InputError(f"{where}: no row with the system's size in kWp")


def _monthly(where: str, rows: list[Row], name: str) -> Floats | None:
    """(12,) the values of every month in a column of the report; None where there are none."""
    for at, row in enumerate(rows):
        heads = [_text(cell) for cell in row]
        if name not in heads:
            continue
        column, faults, sums = heads.index(name), list[str](), dict[str, float]()
        for number, below in islice(enumerate(rows, 1), at + 1, None):
            month = _text(below[0])[:3].capitalize() if below else ""
            if month in MONTHS:
                sums.setdefault(month, _number(f"{where}, row {number}", below, column, faults))
        refuse(faults)
        return np.array([sums[month] for month in MONTHS]) if len(sums) == 12 else None
    return None


def _check_months(where: str, kwh: Floats, sums: Floats | None, rounded_kwh: float = 0.0) -> None:
    """That the days of a month add up to the month, but for the rounding of every hour."""
    if sums is None:
        return
    added = kwh.sum(axis=1) * DAYS
    rounding = (kwh > 0).sum(axis=1) * rounded_kwh * DAYS
    wrong = np.flatnonzero(~(np.abs(added - sums) <= TOLERANCE * sums + rounding + 0.05))
    days = [
        f"{where}: the day of {MONTHS[m]} times {DAYS[m]} is {added[m]:,.1f} kWh, its month {sums[m]:,.1f} kWh" for m in wrong
    ]
    refuse(listed(days, where))


def _is_title(cell: Any) -> bool:
    return " ".join(_text(cell).lower().split()).startswith(TITLE)


def _text(cell: Any) -> str:
    return "" if cell is None else str(cell)[:LONGEST].strip()


def _number(where: str, row: Row, column: int, faults: list[str]) -> float:
    """A cell as a number; empty ones are zero (night), texts may have thousands commas."""
    text = _text(row[column] if column < len(row) else None).replace(",", "").replace(" ", "")
    try:
        value = float(text or 0.0)
    except ValueError:
        value = np.nan
    if not (np.isfinite(value) and value >= 0):
        faults.append(f"{where}: {_text(row[column])!r} must be a number, not negative")
        return 0.0
    return value
