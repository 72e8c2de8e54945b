"""Plain tables of profiles: one column per profile, or tidy; units in the headings."""

import re
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from fastp2p.errors import InputError, refuse, some
from fastp2p.io.files import replace_file
from fastp2p.io.readers.axis import MOST, Floats, Ints, ProfileTable, hour_axis, regular_axis
from fastp2p.io.readers.clock import SHOWN, first_offset, listed, localise, parse_times
from fastp2p.io.readers.day_rows import clock_minutes, unrolled
from fastp2p.io.readers.frames import MAX_COLUMNS, Cells, column_names, has_nameless_index, read_cells

TIMES = ("time", "timestamp", "datetime", "date_time", "date")
HOUR = "hour"
VALUE = "value"
"""What clock times head, once the days are unrolled."""
TIDY = {"load_kwh_per_home": "kWh/home", "pv_kwh_per_kwp": "kWh/kWp", "net_kwh": "kWh net"}
"""Columns of the tidy layout, and their units."""
QUANTITIES = {"kwh": (1.0, False), "wh": (1e-3, False), "kw": (1.0, True), "w": (1e-3, True)}
"""In kWh or kW, and whether it is a power."""
CLOCK_WORDS = {
    "h", "hh", "hr", "hrs", "hour", "hours", "he", "hb", "am", "pm", "uhr", "stunde", "std", "viertelstunde", "qh", "hora",
    "ora", "heure", "uur", "kwartier", "time",
}  # fmt: skip
"""Words in headings that stand for a time of the day."""
TIME_WORDS = CLOCK_WORDS | {
    "t", "to", "from", "ending", "beginning", "start", "end", "q", "int", "interval", "step", "slot", "period", "value", "val",
    "wert", "v", "x", "kwh", "kw", "wh", "w", "e", "p",
}  # fmt: skip
"""Words in headings that say no more than a time of the day."""
PER = {"": "load", "home": "load", "kwp": "pv"}
NET = "net"
"""What follows the quantity where a column has load less generation, as in kW net; it may be negative."""
MAY_BE_NET = "; load less generation, which may be, has the unit kWh net"
UNITS = "kWh, Wh, kW, W for loads (/home may follow); kWh/kWp, Wh/kWp, kW/kWp, W/kWp for PV; kWh net, kW net for net load"


class _Column(NamedTuple):
    """What a column of values holds."""

    column: str
    name: str
    kind: str
    factor: float
    is_power: bool


def read_table(
    path: Path,
    *,
    unit: str | None = None,
    zone: str | None = None,
    period_ending: bool = False,
    cumulative: bool = False,
    at_midnight: bool = True,
) -> ProfileTable:
    """Profiles from a CSV or Parquet file.

    Parameters
    ----------
    path : Path
        A column of times, or `hour` counting from 0, and one column per profile headed ``name [unit]``; or tidy: `profile`,
        a time or hour, and columns for loads, PV and net load, of which each profile fills one; or a row a day, its columns
        headed by clock times.
    unit : str, optional
        Of the columns that name none.
    zone : str, optional
        Clock of times that say no offset to UTC, such as Europe/Berlin; by default one without summer time.
    period_ending : bool
        Whether a time is the end of its step.
    cumulative : bool
        Whether the values are readings of a meter that counts on; a step has the difference of two.
    at_midnight : bool
        Whether stamps with an offset to UTC must start at midnight; those that are brought to another clock need not.

    Raises
    ------
    InputError
        Every fault with its file, column and row.
    """
    names = column_names(path)
    time = next((name for name in names if name.lower() in (*TIMES, HOUR)), None)
    if time is None:
        index = "; its index has no name: give it one of these" if has_nameless_index(path) else ""
        raise InputError(f"{path}: no column hour, or a time ({', '.join(TIMES)}); it has {some(names)}{index}")
    when = [name for name in names if name.lower() in (*TIMES, HOUR)]
    if len(when) > 1:
        raise InputError(f"{path}: columns {' and '.join(when)} are all times; make them one column, such as 2018-01-01 00:15")
    tidy, is_hour = "profile" in names, time.lower() == HOUR
    keys = ["profile", time] if tidy else [time]
    values = _value_columns(path, [name for name in names if name not in keys], unit, tidy)
    minutes = clock_minutes(path, [one.name for one in values], period_ending=period_ending, cumulative=cumulative)
    cells = read_cells(path, [*keys, *(one.column for one in values)])
    frame, missing = cells.frame, cells.frame.isna()
    signed = {one.column for one in values if one.kind == NET}
    faults = _value_faults(str(path), cells, [*([time] if is_hour else []), *(one.column for one in values)], signed)
    if not tidy or len(minutes):
        faults += _missing_faults(path, missing, values)
    if len(minutes):
        refuse([*faults, *_day_faults(path, values, is_hour)])
        frame = unrolled(path, frame, time, [one.column for one in values], minutes, VALUE)
        values, period_ending = [values[0]._replace(column=VALUE, name=path.stem)], False
    found, stamps, rows = (_tidy if tidy else _wide)(path, frame, time, values, faults)
    axis, step_hours = None, _hours(stamps) if is_hour else np.nan
    if is_hour and (zone is not None or period_ending):
        faults.append(f"{path}: hours count from 0; zone and period_ending do not apply to them")
    elif not is_hour:
        try:
            ending = period_ending and not cumulative  # a reading is of an instant
            axis, step_hours = _axis(f"{path}, column {time}", stamps, rows, zone, ending, at_midnight)
        except InputError as error:
            faults += error.faults
    faults += _cumulative_faults(path, found, rows, period_ending) if cumulative else _hour_headings(path, values, step_hours)
    refuse(faults)
    if cumulative:
        found = [(one, name, np.diff(readings)) for one, name, readings in found]
        axis = None if axis is None else axis[:-1]
    scale = [one.factor * (step_hours if one.is_power else 1.0) for one, _, _ in found]
    kwh = np.array([series * factor for (_, _, series), factor in zip(found, scale, strict=True)])
    kinds = tuple(one.kind for one, _, _ in found)
    return ProfileTable(tuple(name for _, name, _ in found), kinds, kwh, step_hours, axis, str(path))


def write_table(
    path: Path,
    names: Sequence[str],
    kinds: Sequence[str],
    kwh_per_unit: Floats,
    step_hours: float,
    time: pd.DatetimeIndex | None,
) -> None:
    """Profiles as a file that `read_table` reads: kWh per step, a column each.

    Dates with gaps, such as those of a season, are left out: hours are counted instead.

    Raises
    ------
    InputError
        A path that ends neither in .csv nor in .parquet or that the disk refuses; a single step, whose length a table does
        not tell.
    """
    n_steps = kwh_per_unit.shape[1]
    faults = []
    if path.suffix.lower() not in (".csv", ".parquet"):
        faults.append(f"{path}: profiles are written to a .csv or .parquet file")
    if n_steps == 1:
        faults.append(f"{path}: a table of one step does not show how long it is; write more of them, or shorter ones")
    refuse(faults)
    unit = {"load": "kWh/home", "pv": "kWh/kWp", NET: "kWh net"}
    dated = time is not None and len(np.unique(np.diff(time.asi8))) == 1
    hours = np.arange(n_steps) * step_hours
    frame = pd.DataFrame({"time": time} if dated else {"hour": hours})
    columns = {f"{name} [{unit[kind]}]": row for name, kind, row in zip(names, kinds, kwh_per_unit, strict=True)}
    frame = pd.concat([frame, pd.DataFrame(columns)], axis=1)
    write = partial(frame.to_csv if path.suffix.lower() == ".csv" else frame.to_parquet, index=False)
    replace_file(path, write, "nothing was written")


def _value_columns(path: Path, names: list[str], unit: str | None, tidy: bool) -> list[_Column]:
    """What the columns of values hold; without any column the tidy layout's are missed."""
    faults, columns = list[str](), list[_Column]()
    if tidy:
        known = [name for name in names if name in TIDY or re.search(r"\[.*\]\s*$", name)]
        if not known and unit is None:
            raise InputError(f"{path}: no column {', '.join(TIDY)}; it has profile, {some(names) or 'no values'}")
        names = known or names
    strange: dict[str | None, list[str]] = {}
    for name in names:
        match = re.fullmatch(r"\s*(.*\S)\s*\[([^\]]*)\]\s*", name)
        stated = TIDY.get(name, match[2] if match else unit)
        quantity, _, per = "".join((stated or "").casefold().split()).partition("/")
        is_net = not per and quantity.endswith(NET)
        quantity = quantity.removesuffix(NET) if is_net else quantity
        if stated is None or quantity not in QUANTITIES or per not in PER:
            strange.setdefault(stated, []).append(name)
            continue
        columns.append(_Column(name, match[1] if match else name, NET if is_net else PER[per], *QUANTITIES[quantity]))
    for stated, found in strange.items():
        one = len(found) == 1
        whose = f"{path}: column {found[0]}" if one else f"{path}: {len(found)} columns ({some(found)})"
        if stated is None:
            say = "has no unit; name it" if one else "have no unit; name them"
            declare = "state it once, with `fastp2p profiles convert --unit kW` or unit of Profiles.load"
            faults.append(f"{whose} {say} '{found[0]} [kW]', or {declare}; known are {UNITS}")
        else:
            faults.append(f"{whose} {'has' if one else 'have'} the unknown unit {stated!r}; known are {UNITS}")
    keys = [(one.name, one.kind) for one in columns]
    if not tidy:
        doubled = [(name, kind) for name, kind in sorted(set(keys)) if keys.count((name, kind)) > 1]
        more = f", and so are {len(doubled) - 1} more" if len(doubled) > 1 else ""
        faults += [f"{path}: two {kind} columns are named {name}{more}" for name, kind in doubled[:1]]
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
    if time.lower() == HOUR:
        faults += hour_axis(str(path), "the table", frame[time].to_numpy(float), rows)[1]
    return [(one, one.name, frame[one.column].to_numpy(float)) for one in values], frame[time], rows


def _tidy(
    path: Path, frame: pd.DataFrame, time: str, values: list[_Column], faults: list[str]
) -> tuple[Found, pd.Series, Ints]:
    """Each profile has rows of its own, all on the same axis."""
    names = frame["profile"].astype(str).str.strip()
    nameless = frame.index[frame["profile"].isna() | (names == "")]
    faults += [f"{path}, row {row}: no profile name" for row in nameless[:SHOWN]]
    if names.nunique() > MAX_COLUMNS:
        raise InputError(f"{path}: holds {names.nunique():,} profiles; it may have up to {MAX_COLUMNS:,}")
    found: Found = []
    axes: dict[str, pd.Series] = {}
    for name, group in frame.groupby(names.mask(frame["profile"].isna()), sort=False):
        filled = [one for one in values if group[one.column].notna().any()]
        wrong = _profile_faults(path, str(name), group, time, values, filled)
        faults += wrong
        if not wrong:
            found.append((filled[0], str(name), group[filled[0].column].to_numpy(float)))
            axes[str(name)] = group[time]
    if len({len(axis) for axis in axes.values()}) > 1:
        message = some([f"{name} {len(axis)}" for name, axis in axes.items()])
        faults.append(f"{path}: profiles differ in length ({message}); all must cover the same hours")
    first = next(iter(axes.values()), frame[time])
    for name, axis in axes.items():
        if not faults and not np.array_equal(axis.to_numpy(), first.to_numpy()):
            faults.append(f"{path}: profile {name} has other times than {next(iter(axes))}; all must cover the same steps")
    return found, first, first.index.to_numpy()


def _profile_faults(
    path: Path, name: str, group: pd.DataFrame, time: str, values: list[_Column], filled: list[_Column]
) -> list[str]:
    """What is wrong with the rows of one profile: a gap, no energy or two kinds of it, a missing value."""
    if time.lower() == HOUR:
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
    where: str, given: pd.Series, rows: Ints, zone: str | None, period_ending: bool, at_midnight: bool
) -> tuple[pd.DatetimeIndex, float]:
    """Start of every step, and its length."""
    stamps = parse_times(where, given, rows)
    if zone is not None and stamps.tz is None:
        stamps = localise(where, stamps, zone, period_ending=period_ending)
    elif zone is not None:
        moved = stamps.tz_convert(first_offset(zone, stamps[0]))
        stamps = moved if moved[0] == moved[0].normalize() else stamps
    return regular_axis(where, stamps, rows, period_ending=period_ending, at_midnight=at_midnight or stamps.tz is None)


def _hours(stamps: pd.Series) -> float:
    return hour_axis("", "", pd.to_numeric(stamps, errors="coerce").to_numpy(float), stamps.index.to_numpy())[0]


def _day_faults(path: Path, values: list[_Column], is_hour: bool) -> list[str]:
    """Why a row a day cannot be read: no dates, or columns of several units."""
    faults = [f"{path}: headings are clock times, so each row is a day and needs a date; it counts hours"] if is_hour else []
    if len({one[2:] for one in values}) > 1:
        faults.append(f"{path}: headings are clock times of one profile, and have several units")
    return faults


def _hour_headings(path: Path, values: list[_Column], step_hours: float) -> list[str]:
    """That columns are not the hours of a day: a row a day has one column for each."""
    hours = step_hours == 24.0 and len(values) >= 23 and all(_is_time(one.name) for one in values)
    message = (
        f"{path}: a row a day, and {len(values)} columns {values[0].name} … {values[-1].name} that look like times of the day"
    )
    return [f"{message}; head them 00:00, 00:30 and so on, or name them as profiles"] if hours else []


def _is_time(heading: str) -> bool:
    """Whether a heading has a number and a word for a time of the day, or nothing else: 7, 07-08, 7:00 AM, kWh_7, load_h07."""
    words = set(re.findall(r"[^\W\d_]+", heading.lower()))
    return re.search(r"\d", heading) is not None and (words <= TIME_WORDS or not words.isdisjoint(CLOCK_WORDS))


def _cumulative_faults(path: Path, found: Found, rows: Ints, period_ending: bool) -> list[str]:
    """Why values are no readings of a meter: powers, or readings that fall."""
    faults = [f"{path}: meter readings belong to an instant; period_ending does not apply"] if period_ending else []
    powers = [name for one, name, _ in found if one.is_power]
    if powers:
        faults.append(f"{path}: {some(powers)}: a power is not a meter reading; cumulative takes kWh or Wh")
    for one, name, readings in found:
        falls = np.flatnonzero(np.diff(readings) < 0)
        if not one.is_power and one.kind != NET and len(falls):  # the meter of a net load may count backwards
            at = int(falls[0])
            message = (
                f"{path}, row {rows[at + 1] if len(rows) == len(readings) else at + 3}: {name} falls from {readings[at]:g} to"
            )
            faults.append(f"{message} {readings[at + 1]:g}; split the file where the meter starts again")
    return faults


Faults = tuple[list[str], int]
"""The first faults of a column, and how many there are."""


def _missing_faults(path: Path, missing: pd.DataFrame, values: list[_Column]) -> list[str]:
    places = {one.column: np.flatnonzero(missing[one.column]) for one in values}
    rows = missing.index
    return _by_column(
        str(path),
        {
            name: ([f"row {rows[at]}: {name} has no value" for at in found[:SHOWN]], len(found))
            for name, found in places.items()
        },
    )


def _value_faults(path: str, cells: Cells, columns: list[str], signed: set[str]) -> list[str]:
    """Values that are no numbers, infinite, huge or negative, with their row; the columns are numbers afterwards.

    Those of the columns `signed` may be negative.
    """
    found: dict[str, Faults] = {}
    rows, values = cells.frame.index, {}
    for column in columns:
        given = cells.frame[column]
        numbers = values[column] = cells.numbers(column)
        kwh = numbers.to_numpy(float)
        wrong = np.flatnonzero(
            (np.isnan(kwh) & given.notna().to_numpy()) | (np.abs(kwh) > MOST) | ((kwh < 0) & (column not in signed))
        )
        texts = [
            f"row {rows[at]}: {cells.fault(column, given.iloc[at], signed=column in signed)}{MAY_BE_NET * bool(kwh[at] < 0)}"
            for at in wrong[:SHOWN]
        ]
        found[column] = texts, len(wrong)
    cells.frame[columns] = pd.DataFrame(values)
    return _by_column(path, found)


def _by_column(path: str, found: dict[str, Faults]) -> list[str]:
    """The first faults of the first columns, and how many more there are."""
    faulty = {column: message for column, message in found.items() if message[1]}
    faults = []
    for column, (message, n_faults) in list(faulty.items())[:SHOWN]:
        placed = [f"{path}, {one}" for one in message]
        faults += placed[:1] if len(faulty) > SHOWN else listed(placed, f"{path}, column {column}", n_faults)
    if len(faulty) > SHOWN:
        n_cells = sum(n_faults for _, n_faults in faulty.values()) - len(faults)
        faults.append(f"{path}: and {n_cells} more such cells in {len(faulty)} columns")
    return faults
