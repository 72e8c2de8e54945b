"""Tariffs and temperatures on the study's time axis: numbers, series, hours of the day, columns of files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.errors import InputError, refuse, some
from fastp2p.io.readers.axis import NS_PER_HOUR
from fastp2p.io.readers.clock import clock_name
from fastp2p.io.readers.series import read_series
from fastp2p.profiles.alignment import HOW_TO_SAY
from fastp2p.profiles.profiles import Profiles
from fastp2p.ranges import CO2, PRICE, TEMPERATURE, Range
from fastp2p.study.model import Study
from fastp2p.study.sections import Series, Tariff
from fastp2p.study.tariffs import DAY_MINUTES, ByHours, FromFile, spans_of

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RANGES = {"co2_kg_per_kwh": CO2, "temperature_c": TEMPERATURE}
"""Of values in files; the others are prices."""
SECTIONS = ("market", "heat_pump", "battery")
"""Sections of a study with keys that follow the clock."""
ROUNDING_MINUTES = 1e-6
ROUNDING_DAYS = 1e-9
SATURDAY = 5


def by_step(tariff: Tariff, key: str, profiles: Profiles, faults: list[str]) -> Floats:
    """Values of a tariff, one for each step; those of a day repeat.

    Parameters
    ----------
    tariff : float, Series, ByHours or FromFile
    key : str
        Such as ``market.retail_per_kwh``, for messages.
    profiles : Profiles
        On the study's axis.
    faults : list of str
        Faults are added to it; the values are zero then.

    Returns
    -------
    (n_steps,) float64
    """
    if isinstance(tariff, ByHours | FromFile):
        held = tariff.per_step
        if held is not None and len(held) == profiles.n_steps:
            return held
        try:
            if isinstance(tariff, ByHours):
                return _of_hours(tariff, key, profiles)
            return _of_file(tariff, RANGES.get(key.rpartition(".")[2], PRICE), profiles)
        except InputError as error:
            of_file = isinstance(tariff, FromFile)
            faults += [f"{key}: {fault.removeprefix('profile file ')}" if of_file else fault for fault in error.faults]
            return np.zeros(profiles.n_steps)
    values = np.atleast_1d(np.array(tariff.series if isinstance(tariff, Series) else tariff, np.float64))
    if len(values) not in (1, _of_a_day(profiles), profiles.n_steps):
        faults.append(f"{key} lists {len(values)} values; it must be {_one_for_each(profiles)}")
        return np.zeros(profiles.n_steps)
    return _repeated(values, profiles)


def days_of_steps(profiles: Profiles) -> Ints:
    """(n_steps,) the day that each step begins in: a date of the profiles' clock, or 24 hours after 24 hours without dates."""
    if profiles.time is None:
        begin_days = np.arange(profiles.n_steps) * profiles.step_hours / 24.0
        return np.asarray(np.floor(begin_days + ROUNDING_DAYS), np.int64)
    return np.asarray(profiles.time.normalize().asi8, np.int64)


def hold_tariffs(study: Study, profiles: Profiles) -> Study:
    """The study with the values of its tariffs by hours and from files, so that no file is read again.

    Raises
    ------
    InputError
        See `by_step`.
    """
    faults = list[str]()
    held: dict[str, dict[str, ByHours | FromFile]] = {}
    for section, name, tariff in _by_the_clock(study):
        held.setdefault(section, {})[name] = tariff.holding(by_step(tariff, f"{section}.{name}", profiles, faults))
    refuse(faults)
    changed = {section: getattr(study, section).model_copy(update=of) for section, of in held.items()}
    return study.model_copy(update=changed) if changed else study


def tariffs_of_files(study: Study, profiles: Profiles) -> dict[str, Floats]:
    """Of the keys that name a file, the values per step: what results depend on of it.

    Raises
    ------
    InputError
        See `by_step`.
    """
    faults = list[str]()
    found = {
        name if section == "market" else f"{section}.{name}": by_step(tariff, f"{section}.{name}", profiles, faults)
        for section, name, tariff in _by_the_clock(study)
        if isinstance(tariff, FromFile)
    }
    refuse(faults)
    return found


def _by_the_clock(study: Study) -> Iterator[tuple[str, str, ByHours | FromFile]]:
    """Section, key and value of what a run makes the values of, by hours or from a file."""
    for section in SECTIONS:
        part = getattr(study, section)
        for name, value in vars(part).items() if part is not None else ():
            if isinstance(value, ByHours | FromFile):
                yield section, name, value


def _of_a_day(profiles: Profiles) -> int:
    return round(24.0 / profiles.step_hours)


def _one_for_each(profiles: Profiles) -> str:
    return f"one for each of the {profiles.n_steps} steps, or for each of the {_of_a_day(profiles)} steps of a day"


def _repeated(values: Floats, profiles: Profiles) -> Floats:
    repeated: Floats = values[np.arange(profiles.n_steps) % len(values)]
    return repeated


def _of_hours(tariff: ByHours, key: str, profiles: Profiles) -> Floats:
    """The value in the spans, that of `else` outside them, and that of the weekend on its days.

    Raises
    ------
    InputError
        Spans that begin or end inside a step; a weekend without dates.
    """
    spans, step, time = spans_of(tariff.hours), 60.0 * profiles.step_hours, profiles.time
    if time is None:
        start = np.arange(profiles.n_steps) * step % DAY_MINUTES
    else:
        start = np.asarray(60.0 * time.hour + time.minute + time.second / 60.0, np.float64)
    faults = []
    if inside := _inside_steps(sorted({edge for span in spans for edge in span}), np.unique(start), step):
        lie = "lies inside a step" if len(inside) == 1 else "lie inside steps"
        faults.append(
            f"{key}.hours = {tariff.hours!r}: {some([_clock(edge) for edge in inside])} {lie} of {step:g} min; name times at "
            "which steps begin, or shorten the steps (profiles.step_hours)"
        )
    if tariff.weekend is not None and time is None:
        faults.append(
            f"{key}.weekend = {tariff.weekend:g}: the profiles have no dates, so no day is a Saturday or Sunday; leave weekend "
            "out, or choose profiles with dates"
        )
    refuse(faults)
    middle = start + step / 2.0  # as no span begins or ends inside a step, and the starts are rounded
    values = np.full(profiles.n_steps, tariff.otherwise)
    for first, end in spans:
        values[(middle - first) % DAY_MINUTES < ((end - first) % DAY_MINUTES or DAY_MINUTES)] = tariff.value
    if tariff.weekend is not None and time is not None:
        values[np.asarray(time.dayofweek) >= SATURDAY] = tariff.weekend
    return values


def _inside_steps(edges: list[int], start: Floats, step: float) -> list[int]:
    """Minutes of the day at which some step has begun and not ended."""
    into = [(edge - start) % DAY_MINUTES for edge in edges]
    return [
        edge
        for edge, since in zip(edges, into, strict=True)
        if ((since > ROUNDING_MINUTES) & (since < min(step, DAY_MINUTES) - ROUNDING_MINUTES)).any()
    ]


def _clock(minute: int) -> str:
    return f"{minute // 60}:{minute % 60:02d}"


def _of_file(tariff: FromFile, allowed: Range, profiles: Profiles) -> Floats:
    """The column of a file: by the times of its rows, else a row for each step or for each step of a day.

    Raises
    ------
    InputError
    """
    path = Path(tariff.file)
    found = read_series(path, tariff.column, allowed, tariff.zone)
    if found.time is not None:
        return found.values[_rows_of_steps(str(path), found.time, profiles)]
    faults = []
    if found.step_hours is not None and abs(found.step_hours - profiles.step_hours) > 1e-6:
        faults.append(
            f"{path}: counts steps of {60 * found.step_hours:g} min, and the study's have {60 * profiles.step_hours:g} min; "
            "write rows of these, or choose profiles.step_hours"
        )
    elif len(found.values) not in (_of_a_day(profiles), profiles.n_steps):
        rows = "1 row" if len(found.values) == 1 else f"{len(found.values)} rows"
        faults.append(f"{path}: has {rows}; it must have {_one_for_each(profiles)}, or a column of times")
    refuse(faults)
    return _repeated(found.values, profiles)


def _rows_of_steps(where: str, stamps: pd.DatetimeIndex, profiles: Profiles) -> Ints:
    """(n_steps,) the row whose value holds in each step: from its time on as long as the table's rows are apart.

    Raises
    ------
    InputError
        No dates or another kind of clock on one side; rows that are closer than steps or begin inside them; steps that no row
        covers.
    """
    time = profiles.time
    if time is None:
        raise InputError(
            f"{where}: its rows have times, and the profiles have no dates; leave the column of times out, with rows, "
            f"{_one_for_each(profiles)}, or choose profiles with dates"
        )
    if time.tz is not None and stamps.tz is None:
        raise InputError(f"{where}: has no clock (no offset to UTC), and the profiles have one; {HOW_TO_SAY}")
    if time.tz is None and stamps.tz is not None:
        raise InputError(
            f"{where}: has a clock ({clock_name(stamps)}), and the profiles have none; give the zone of their source, or write "
            "the times without an offset"
        )
    start, since = time.as_unit("ns").asi8, stamps.as_unit("ns").asi8
    step = round(profiles.step_hours * NS_PER_HOUR)
    lengths, count = np.unique(np.diff(since), return_counts=True)
    length = int(lengths[count.argmax()]) if len(lengths) else step
    covers = f"it covers {stamps[0]:%Y-%m-%d %H:%M} to {stamps[-1]:%Y-%m-%d %H:%M} in steps of {_minutes(length)}"
    if length < step:
        raise InputError(
            f"{where}: has steps of {_minutes(length)}, and the study's have {_minutes(step)}; average them first, or shorten "
            "the steps (profiles.step_hours)"
        )
    row = np.searchsorted(since, start, side="right") - 1
    split = np.searchsorted(since, start + step, side="left") - 1 > row
    missing = ~split & ((row < 0) | (start + step > since[row] + length))
    faults = []
    for is_wrong, what in ((split, "has a time inside"), (missing, "has no value for")):
        if at := np.flatnonzero(is_wrong).tolist():
            shown = some([f"{time[one]:%Y-%m-%d %H:%M}" for one in at[:4]])
            more = f" and {len(at) - 4:,} more" if len(at) > 4 else ""
            faults.append(f"{where}: {what} {len(at):,} of the study's {len(start):,} steps of {_minutes(step)}: {shown}{more}")
    refuse([f"{fault}; {covers}" for fault in faults])
    return row


def _minutes(nanoseconds: int) -> str:
    return f"{nanoseconds / NS_PER_HOUR * 60.0:g} min"
