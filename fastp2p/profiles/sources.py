"""Profiles by name or path: which reader a source has, and several sources on one axis."""

import warnings
from collections.abc import Callable, Sequence
from importlib.resources import as_file, files
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError, InputWarning, refuse, some
from fastp2p.io.opendss.shapes import read_opendss
from fastp2p.io.readers.axis import ProfileTable
from fastp2p.io.readers.eulp import is_eulp, read_eulp
from fastp2p.io.readers.frames import column_names
from fastp2p.io.readers.gsa import read_json, read_report
from fastp2p.io.readers.pvgis import is_pvgis, read_pvgis
from fastp2p.io.readers.tables import read_table
from fastp2p.io.simbench import PREFIX, read_simbench
from fastp2p.profiles.profiles import Profiles

Reader = Callable[..., ProfileTable]

NIGHT_FROM, NIGHT_TO = 22, 3
NIGHT_SHARE = 0.01
"""Of a profile's peak; more PV at night is a sign of a wrong clock."""
METER_STEPS, METER_RISES = 24, 3
"""Over so many steps a profile falls, and a meter that counts on rises so many times."""
RISES_PER_FALL = 5
"""A counter that is set back rises so many times for each time it falls, at midnight or not at all but for a new meter."""


def load_source(source: str | Path, *, at_midnight: bool = True, **options: Any) -> Profiles:
    """Profiles of one source, whatever kind it is of.

    Parameters
    ----------
    source : str or Path
        `typical_day`, ``simbench:CODE``, or a .csv, .parquet, .xlsx, .json or .dss file.
    at_midnight : bool
        Whether stamps with an offset to UTC must start at midnight, there or in the zone that is given. Those that need not
        stay on their clock, to be brought to another later; only then is it known what is night.
    **options
        Of the source's reader, and `zone`; those that are None or False do not count.

    Raises
    ------
    InputError
        See `fastp2p.Profiles.load`.
    """
    read = _reader(source)
    own = signature(read).parameters
    given = {name: value for name, value in options.items() if value is not None and value is not False}
    known = {*own, "zone"} if read in DATED else {*own}
    refuse([f"{source} is {CALLED[read]}; {name} does not apply to it" for name in given if name not in known])
    taken = {name: value for name, value in given.items() if name in own}
    if read is read_table:
        taken["at_midnight"] = at_midnight and "zone" not in given
    found = Profiles(*read(str(source) if read is read_simbench else Path(source), **taken))
    if at_midnight:
        if "zone" in given and read in DATED:
            found = Profiles.combined([found], zone=given["zone"])
        warn_of_night(found)
    if read is read_table and "cumulative" not in given:
        _warn_of_meters(found)
    return found


def load_several(sources: Sequence[tuple[str | Path, dict[str, Any]]], *, zone: str | None = None, **choice: Any) -> Profiles:
    """Several sources, each with options of its own as `Profiles.load` takes them, on one axis; see `Profiles.combined`.

    Raises
    ------
    InputError
        Every fault of every source.
    """
    parts, faults, zones = list[Profiles](), list[str](), list[str | None]()
    for source, options in sources:
        try:
            parts.append(load_source(source, at_midnight=False, **options))
            zones += [options.get("zone")] * (parts[-1].time is not None)
        except InputError as error:
            faults += error.faults
    refuse(faults)
    zone = zones[0] if zone is None and zones else zone  # the clock is the first source's: the one it is brought to, if any
    found = Profiles.combined(parts, zone=zone, **choice)
    warn_of_night(found)
    return found


def _reader(source: str | Path) -> Reader:
    """The reader of a source, by its name or ending, and of tables by their columns."""
    if str(source) == "typical_day":
        return _read_typical_day
    if str(source).startswith(PREFIX):
        return read_simbench
    by_ending: dict[str, Reader] = {".xlsx": read_report, ".json": read_json, ".dss": read_opendss}
    suffix = Path(source).suffix.lower()
    if suffix in by_ending:
        return by_ending[suffix]
    if suffix not in (".csv", ".parquet"):
        raise InputError(
            f"profiles {source}: neither 'typical_day' nor a .csv or .parquet file, a Global Solar Atlas report (.xlsx, "
            ".json), an OpenDSS file (.dss) or simbench:CODE"
        )
    names = column_names(Path(source))
    return read_pvgis if is_pvgis(names) else read_eulp if is_eulp(names) else read_table


def _read_typical_day(_: str | Path) -> ProfileTable:
    with as_file(files("fastp2p") / "data" / "typical_day.csv") as path:
        return read_table(path)._replace(source="typical_day")


CALLED: dict[Reader, str] = {
    _read_typical_day: "the typical day",
    read_simbench: "a SimBench network",
    read_opendss: "an OpenDSS file",
    read_report: "a Global Solar Atlas report",
    read_json: "a Global Solar Atlas report",
    read_eulp: "an NREL End-Use Load Profile",
    read_pvgis: "hourly data of PVGIS",
    read_table: "a table",
}
"""Every reader, and the name of its kind of source. Its options are the keywords of its signature."""
DATED = (read_simbench, read_eulp, read_pvgis, read_table)
"""Readers whose dates can be brought to the clock of a zone, which is therefore an option of theirs, too."""


def warn_of_night(profiles: Profiles) -> None:
    """Warn of PV at night, a sign of a wrong clock."""
    hour = (np.arange(profiles.n_steps) * profiles.step_hours) % 24.0
    night = (hour >= NIGHT_FROM) | (hour < NIGHT_TO)
    for name, kind, kwh in zip(profiles.names, profiles.kinds, profiles.kwh_per_unit, strict=True):
        if kind == "pv" and night.any() and kwh[night].max() > NIGHT_SHARE * kwh.max():
            at = int(np.flatnonzero(night)[kwh[night].argmax()])
            warnings.warn(
                f"{profiles.source}: PV profile {name} has {kwh[at]:.3g} kWh per kWp at {hour[at]:g} h (step {at}); is its "
                "clock another zone's?",
                InputWarning,
                stacklevel=4,
            )


def _warn_of_meters(profiles: Profiles) -> None:
    """Warn of profiles that never fall, or only where a counter is set back: readings of a meter."""
    change = np.diff(profiles.kwh_per_unit, axis=1)
    if change.shape[1] + 1 < METER_STEPS:
        return
    per_day = round(24.0 / profiles.step_hours)
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
        profiles,
        (falls == 0) & (rises >= METER_RISES),
        "never {}, like {}; if {}, read {} with cumulative (--cumulative), which takes the differences",
    )
    _warn_of_meter(profiles, daily, "{} at midnight only, like {} set back every day; if {}, take the differences of {} first")
    _warn_of_meter(
        profiles,
        again,
        "{} once only, like {} set back once; if {}, split the file there and read {} with cumulative (--cumulative)",
    )


def _warn_of_meter(profiles: Profiles, counts: NDArray[np.bool_], text: str) -> None:
    """Warn of the profiles that look like meters of a kind."""
    names = [name for name, is_one in zip(profiles.names, counts, strict=True) if is_one]
    if names:
        words = ("falls", "a meter", "it is one", "it") if len(names) == 1 else ("fall", "meters", "they are", "them")
        warnings.warn(f"{profiles.source}: {some(names)} {text.format(*words)}", InputWarning, stacklevel=5)
