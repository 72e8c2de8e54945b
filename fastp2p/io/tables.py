"""Plain tables of profiles: one column per profile, or tidy; units in the headings."""

import re
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fastp2p.errors import InputError, refuse
from fastp2p.io.axis import (
    MOST,
    SHOWN,
    Floats,
    Ints,
    ProfileTable,
    hour_axis,
    listed,
    localise,
    parse_times,
    regular_axis,
)
from fastp2p.io.frames import column_names, read_frame
from fastp2p.io.parquet import replace_file

TIMES = ("time", "timestamp", "datetime", "date_time", "date")
TIDY = {"load_kwh_per_home": "kWh/home", "pv_kwh_per_kwp": "kWh/kWp"}
"""Columns of the tidy layout, and their units."""
QUANTITIES = {"kwh": (1.0, False), "wh": (1e-3, False), "kw": (1.0, True), "w": (1e-3, True)}
"""In kWh or kW, and whether it is a power."""
PER = {"": "load", "home": "load", "kwp": "pv"}
UNITS = "kWh, Wh, kW, W for loads (/home may follow); kWh/kWp, Wh/kWp, kW/kWp, W/kWp for PV"


class _Column(NamedTuple):
    """What a column of values holds."""

    column: str
    name: str
    kind: str
    factor: float
    is_power: bool


def read_table(path: Path, *, unit: str | None = None, zone: str | None = None, period_ending: bool = False) -> ProfileTable:
    """Profiles from a CSV or Parquet file.

    Parameters
    ----------
    path : Path
        A column of times, or `hour` counting from 0, and one column per profile headed ``name [unit]``; or tidy: `profile`,
        a time or hour, and a column for loads and one for PV, of which each profile fills one.
    unit : str, optional
        Of the columns that name none.
    zone : str, optional
        Clock of the times, such as Europe/Berlin; by default one without summer time, or the offsets in the file.
    period_ending : bool
        Whether a time is the end of its step.

    Raises
    ------
    InputError
        Every fault with its file, column and row.
    """
    names = column_names(path)
    time = next((name for name in names if name.lower() in TIMES), "hour" if "hour" in names else None)
    tidy = "profile" in names
    if time is None:
        raise InputError(f"{path}: no column hour, or a time ({', '.join(TIMES)}); it has {', '.join(names)}")
    keys = ["profile", time] if tidy else [time]
    values = _value_columns(path, [name for name in names if name not in keys], unit, tidy)
    frame = read_frame(path, [*keys, *(one.column for one in values)])
    missing = frame.isna()
    faults = _value_faults(str(path), frame, ["hour"] if time == "hour" else [])
    faults += _value_faults(str(path), frame, [one.column for one in values])
    if not tidy:
        faults += _missing_faults(path, missing, values)
    read = _tidy if tidy else _wide
    found, stamps, rows = read(path, frame, time, values, faults)
    axis, step_hours = None, _hours(stamps) if time == "hour" else np.nan
    if time == "hour" and (zone is not None or period_ending):
        faults.append(f"{path}: hours count from 0; zone and period_ending do not apply to them")
    elif time != "hour":
        try:
            axis, step_hours = _axis(f"{path}, column {time}", stamps, rows, zone, period_ending)
        except InputError as error:
            faults += error.faults
    refuse(faults)
    scale = [one.factor * (step_hours if one.is_power else 1.0) for one, _, _ in found]
    kwh = np.array([series * factor for (_, _, series), factor in zip(found, scale, strict=True)])
    kinds = tuple(one.kind for one, _, _ in found)
    return ProfileTable(tuple(name for _, name, _ in found), kinds, kwh, step_hours, axis, str(path))


def write_table(path: Path, table: ProfileTable) -> None:
    """Profiles as a file that `read_table` reads: kWh per step, a column each.

    Dates with gaps, such as those of a season, are left out: hours are counted instead.

    Raises
    ------
    InputError
        A path that ends neither in .csv nor in .parquet or that the disk refuses; a single step, whose length a table does
        not tell.
    """
    n_steps = table.kwh_per_unit.shape[1]
    faults = []
    if path.suffix.lower() not in (".csv", ".parquet"):
        faults.append(f"{path}: profiles are written to a .csv or .parquet file")
    if n_steps == 1:
        faults.append(f"{path}: a table of one step does not tell how long it is; write more of them, or shorter ones")
    refuse(faults)
    per = {"load": "home", "pv": "kWp"}
    dated = table.time is not None and len(np.unique(np.diff(table.time.asi8))) == 1
    hours = np.arange(n_steps) * table.step_hours
    frame = pd.DataFrame({"time": table.time} if dated else {"hour": hours})
    columns = {f"{name} [kWh/{per[kind]}]": row for name, kind, row in zip(*table[:3], strict=True)}
    frame = pd.concat([frame, pd.DataFrame(columns)], axis=1)
    write = partial(frame.to_csv if path.suffix.lower() == ".csv" else frame.to_parquet, index=False)
    replace_file(path, write, "nothing was written")


def _value_columns(path: Path, names: list[str], unit: str | None, tidy: bool) -> list[_Column]:
    """What the columns of values hold; without any column the tidy layout's are missed."""
    faults, columns = [], []
    if tidy:
        known = [name for name in names if name in TIDY or re.search(r"\[.*\]\s*$", name)]
        if not known and unit is None:
            raise InputError(f"{path}: no column {', '.join(TIDY)}; it has profile, {', '.join(names) or 'no values'}")
        names = known or names
    for name in names:
        match = re.fullmatch(r"(.*\S)\s*\[([^\]]*)\]\s*", name)
        said = TIDY.get(name, match[2] if match else unit)
        if said is None:
            faults.append(f"{path}: column {name} says no unit; head it '{name} [kW]', or declare one; known are {UNITS}")
            continue
        quantity, _, per = said.strip().casefold().partition("/")
        if quantity not in QUANTITIES or per not in PER:
            faults.append(f"{path}: column {name} has the unknown unit {said!r}; known are {UNITS}")
            continue
        columns.append(_Column(name, match[1] if match else name, PER[per], *QUANTITIES[quantity]))
    keys = [(one.name, one.kind) for one in columns]
    if not tidy:
        faults += [
            f"{path}: two {kind} columns are named {name}" for name, kind in sorted(set(keys)) if keys.count((name, kind)) > 1
        ]
    if not columns and not faults:
        faults.append(f"{path}: no column of values beside the time")
    refuse(faults)
    return columns


Found = list[tuple[_Column, str, Floats]]


def _wide(
    path: Path, frame: pd.DataFrame, time: str, values: list[_Column], faults: list[str]
) -> tuple[Found, pd.Series, Ints]:
    """Each column is a profile."""
    rows = frame.index.to_numpy()
    if time == "hour":
        faults += hour_axis(str(path), "the table", frame["hour"].to_numpy(float), rows)[1]
    return [(one, one.name, frame[one.column].to_numpy(float)) for one in values], frame[time], rows


def _tidy(
    path: Path, frame: pd.DataFrame, time: str, values: list[_Column], faults: list[str]
) -> tuple[Found, pd.Series, Ints]:
    """Each profile has rows of its own, all on the same axis."""
    names = frame["profile"].astype(str).str.strip()
    nameless = frame.index[frame["profile"].isna() | (names == "")]
    faults += [f"{path}, row {row}: no profile name" for row in nameless[:SHOWN]]
    found: Found = []
    axes: dict[str, pd.Series] = {}
    for name, group in frame.groupby("profile", sort=False, observed=True):
        filled = [one for one in values if group[one.column].notna().any()]
        wrong = _profile_faults(path, str(name), group, time, values, filled)
        faults += wrong
        if not wrong:
            found.append((filled[0], str(name), group[filled[0].column].to_numpy(float)))
            axes[str(name)] = group[time]
    if len({len(axis) for axis in axes.values()}) > 1:
        told = ", ".join(f"{name} {len(axis)}" for name, axis in axes.items())
        faults.append(f"{path}: profiles differ in length ({told}); all must cover the same hours")
    first = next(iter(axes.values()), frame[time])
    for name, axis in axes.items():
        if not faults and not np.array_equal(axis.to_numpy(), first.to_numpy()):
            faults.append(f"{path}: profile {name} has other times than {next(iter(axes))}; all must cover the same steps")
    return found, first, first.index.to_numpy()


def _profile_faults(
    path: Path, name: str, group: pd.DataFrame, time: str, values: list[_Column], filled: list[_Column]
) -> list[str]:
    """What is wrong with the rows of one profile: a gap, no energy or two kinds of it, a missing value."""
    if time == "hour":
        wrong = hour_axis(str(path), f"profile {name}", group[time].to_numpy(float), group.index.to_numpy())[1]
        if wrong:
            return wrong
    if len(filled) != 1:
        return [
            f"{path}: profile {name} must fill one of {' or '.join(one.column for one in values)}, not {len(filled)} of them"
        ]
    missing = np.flatnonzero(group[filled[0].column].isna())
    if not len(missing):
        return []
    at = int(missing[0])
    return [f"{path}, row {group.index[at]}: profile {name} has no value at {time} {group[time].iloc[at]}"]


def _axis(
    where: str, given: pd.Series, rows: Ints, zone: str | None, period_ending: bool
) -> tuple[pd.DatetimeIndex | None, float]:
    """Start of every step, and its length."""
    stamps = parse_times(where, given, rows)
    return regular_axis(where, stamps if zone is None else localise(where, stamps, zone), rows, period_ending=period_ending)


def _hours(stamps: pd.Series) -> float:
    return hour_axis("", "", pd.to_numeric(stamps, errors="coerce").to_numpy(float), stamps.index.to_numpy())[0]


def _missing_faults(path: Path, missing: pd.DataFrame, values: list[_Column]) -> list[str]:
    faults = []
    for one in values:
        rows = missing.index[missing[one.column]]
        faults += listed([f"{path}, row {row}: {one.column} has no value" for row in rows], f"{path}, column {one.column}")
    return faults


def _value_faults(path: str, frame: pd.DataFrame, columns: list[str]) -> list[str]:
    """Values that are no numbers, infinite, huge or negative, with their row; the columns are numbers afterwards."""
    faults = []
    for column in columns:
        given = frame[column]
        numbers = pd.to_numeric(given, errors="coerce")
        wrong = (given.notna() & numbers.isna()) | ~(numbers.fillna(0.0).abs() <= MOST) | (numbers < 0)
        found = []
        for row in frame.index[wrong]:
            value = given.at[row]
            told = repr(value) if isinstance(value, str) else str(value)
            found.append(f"{path}, row {row}: {column} = {told} must be a finite number, not negative")
        faults += listed(found, f"{path}, column {column}")
        frame[column] = numbers
    return faults
