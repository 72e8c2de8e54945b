"""Profiles by name or path: what kind of source it is, and its reader."""

import warnings
from collections.abc import Callable
from datetime import tzinfo
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError, InputWarning, refuse, some
from fastp2p.io.readers.axis import ProfileTable
from fastp2p.io.readers.eulp import is_eulp, read_eulp
from fastp2p.io.readers.frames import column_names
from fastp2p.io.readers.gsa import read_json, read_report
from fastp2p.io.readers.tables import read_table
from fastp2p.io.simbench import PREFIX, read_simbench
from fastp2p.profiles.alignment import Axis, days_on_clock, warn_of_cut

NIGHT_FROM, NIGHT_TO = 22, 3
NIGHT_SHARE = 0.01
"""Of a profile's peak; more PV at night is a sign of a wrong clock."""
METER_STEPS, METER_RISES = 24, 3
"""Over so many steps a profile falls, and a meter that counts on rises so many times."""
RISES_PER_FALL = 5
"""A counter that is set back rises so many times for each time it falls, at midnight or not at all but for a new meter."""


class _Kind(NamedTuple):
    """A kind of source: what it is called, its reader, and the options that apply to it."""

    called: str
    read: Callable[..., ProfileTable]
    options: tuple[str, ...] = ()
    has_clock: bool = False
    """Whether its dates are on a known clock, so that a zone is one to bring them to."""
    is_table: bool = False
    """Whether it is of any layout: its stamps may be on any clock, and its values be readings of a meter."""


def read_profiles(source: str | Path, *, at_midnight: bool = True, **options: Any) -> ProfileTable:
    """Profiles of a source, whatever kind it is of.

    Parameters
    ----------
    source : str or Path
        `typical_day`, ``simbench:CODE``, or a .csv, .parquet, .xlsx or .json file.
    at_midnight : bool
        Whether stamps with an offset to UTC must start at midnight, there or in the zone that is given. Those that need not
        stay on their clock, to be brought to another later; only then is it known what is night.
    **options
        As `fastp2p.Profiles.load` takes them; those that are None or False do not count.

    Raises
    ------
    InputError
        See `fastp2p.Profiles.load`.
    """
    kind = _kind(source)
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    refuse([f"{source} is {kind.called}; {name} does not apply to it" for name in given if name not in kind.options])
    zone = given.pop("zone", None) if kind.has_clock else given.get("zone")
    if kind.is_table and (zone is not None or not at_midnight):
        given["at_midnight"] = False
    table = kind.read(source, **given)
    if at_midnight:
        table = on_clock(table, zone) if zone is not None and (kind.is_table or kind.has_clock) else table
        warn_of_night(table)
    if kind.is_table and "cumulative" not in given:
        _warn_of_meters(table)
    return table


def on_clock(table: ProfileTable, zone: str | tzinfo) -> ProfileTable:
    """A table with dates on the clock that a zone has at its first instant, from its first midnight on.

    Raises
    ------
    InputError
        See `fastp2p.profiles.alignment.days_on_clock`.
    """
    axis, first = days_on_clock(Axis(table.source, table.time, table.step_hours, np.arange(table.kwh_per_unit.shape[1])), zone)
    if first:
        warn_of_cut(axis)
    return table._replace(time=axis.part(slice(first, None)).time, kwh_per_unit=table.kwh_per_unit[:, first:])


def _kind(source: str | Path) -> _Kind:
    if str(source) == "typical_day":
        return _Kind("the typical day", _typical_day)
    if str(source).startswith(PREFIX):
        return _Kind("a SimBench network", read_simbench, ("zone",), has_clock=True)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".json"):
        reader = read_report if suffix == ".xlsx" else read_json
        return _Kind("a Global Solar Atlas report", lambda _, **given: reader(path, **given), ("year", "zone"))
    if suffix not in (".csv", ".parquet"):
        raise InputError(
            f"profiles {source}: neither 'typical_day' nor a .csv or .parquet file, a Global Solar Atlas report (.xlsx, "
            ".json) or simbench:CODE"
        )
    if is_eulp(column_names(path)):
        options = ("net", "floor_area_sqft", "units_represented", "zone")
        return _Kind("an NREL End-Use Load Profile", lambda _, **given: read_eulp(path, **given), options, has_clock=True)
    options = ("unit", "zone", "period_ending", "cumulative")
    return _Kind("a table", lambda _, **given: read_table(path, **given), options, is_table=True)


def _typical_day(_: str | Path) -> ProfileTable:
    with as_file(files("fastp2p") / "data" / "typical_day.csv") as path:
        return read_table(path)._replace(source="typical_day")


def warn_of_night(table: ProfileTable) -> None:
    """Warn of PV at night, a sign of a wrong clock."""
    hour = (np.arange(table.kwh_per_unit.shape[1]) * table.step_hours) % 24.0
    night = (hour >= NIGHT_FROM) | (hour < NIGHT_TO)
    for name, kind, kwh in zip(*table[:3], strict=True):
        if kind == "pv" and night.any() and kwh[night].max() > NIGHT_SHARE * kwh.max():
            at = int(np.flatnonzero(night)[kwh[night].argmax()])
            warnings.warn(
                f"{table.source}: PV profile {name} has {kwh[at]:.3g} kWh per kWp at {hour[at]:g} h (step {at}); is its clock "
                "that of another zone?",
                InputWarning,
                stacklevel=4,
            )


def _warn_of_meters(table: ProfileTable) -> None:
    """Warn of profiles that never fall, or only where a counter is set back: readings of a meter."""
    change = np.diff(table.kwh_per_unit, axis=1)
    if change.shape[1] + 1 < METER_STEPS:
        return
    per_day = round(24.0 / table.step_hours)
    into_midnight = np.arange(1, change.shape[1] + 1) % max(1, per_day) == 0
    rises, falls = (change > 0).sum(axis=1), (change < 0).sum(axis=1)
    daily = (
        (per_day > RISES_PER_FALL)
        & (falls > 0)
        & (2 * falls >= into_midnight.sum())
        & ~(change[:, ~into_midnight] < 0).any(axis=1)
        & (rises >= RISES_PER_FALL * falls)
    )
    since = np.cumsum((change < 0)[:, ::-1], axis=1)[:, ::-1] == 0  # the last fall
    again = (falls == 1) & ~daily & (rises >= METER_STEPS) & (((change > 0) & since).sum(axis=1) >= METER_RISES)
    _warn_of_meter(
        table,
        (falls == 0) & (rises >= METER_RISES),
        "never {}, like {}; if {}, read {} with cumulative (--cumulative), which takes the differences",
    )
    _warn_of_meter(table, daily, "{} at midnight only, like {} set back every day; if {}, take the differences of {} first")
    _warn_of_meter(
        table,
        again,
        "{} once only, like {} set back once; if {}, split the file there and read {} with cumulative (--cumulative)",
    )


def _warn_of_meter(table: ProfileTable, counts: NDArray[np.bool_], text: str) -> None:
    """Warn of the profiles that look like meters of a kind."""
    names = [name for name, is_one in zip(table.names, counts, strict=True) if is_one]
    if names:
        words = ("falls", "a meter", "it is one", "it") if len(names) == 1 else ("fall", "meters", "they are", "them")
        warnings.warn(f"{table.source}: {some(names)} {text.format(*words)}", InputWarning, stacklevel=5)
