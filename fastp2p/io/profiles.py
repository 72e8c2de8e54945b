"""Profiles by name or path: what kind of source it is, and its reader."""

import warnings
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastp2p.errors import InputError, InputWarning, refuse
from fastp2p.io.axis import ProfileTable
from fastp2p.io.eulp import is_eulp, read_eulp
from fastp2p.io.frames import column_names
from fastp2p.io.gsa import read_json, read_report
from fastp2p.io.simbench import PREFIX, read_simbench
from fastp2p.io.tables import read_table

NIGHT_FROM, NIGHT_TO = 22, 3
NIGHT_SHARE = 0.01
"""Of a profile's peak; more PV at night is a sign of a wrong clock."""


class _Kind(NamedTuple):
    """A kind of source: what it is called, its reader, and the options that this takes."""

    called: str
    read: Callable[..., ProfileTable]
    options: tuple[str, ...] = ()


def read_profiles(source: str | Path, **options: Any) -> ProfileTable:
    """Profiles of a source, whatever kind it is of.

    Parameters
    ----------
    source : str or Path
        `typical_day`, ``simbench:CODE``, or a .csv, .parquet, .xlsx or .json file.
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
    table = kind.read(source, **given)
    _warn_of_night(table)
    return table


def _kind(source: str | Path) -> _Kind:
    if str(source) == "typical_day":
        return _Kind("the typical day", _typical_day)
    if str(source).startswith(PREFIX):
        return _Kind("a SimBench network", read_simbench)
    path = Path(source)
    suffix = path.suffix.lower()
    if suffix in (".xlsx", ".json"):
        reader = read_report if suffix == ".xlsx" else read_json
        return _Kind("a Global Solar Atlas report", lambda _, **given: reader(path, **given), ("year",))
    if suffix not in (".csv", ".parquet"):
        raise InputError(
            f"profiles {source}: neither 'typical_day' nor a .csv or .parquet file, a Global Solar Atlas report (.xlsx, "
            ".json) or simbench:CODE"
        )
    if is_eulp(column_names(path)):
        options = ("net", "floor_area_sqft", "units_represented")
        return _Kind("an NREL End-Use Load Profile", lambda _, **given: read_eulp(path, **given), options)
    return _Kind("a table", lambda _, **given: read_table(path, **given), ("unit", "zone", "period_ending"))


def _typical_day(_: str | Path) -> ProfileTable:
    with as_file(files("fastp2p") / "data" / "typical_day.csv") as path:
        return read_table(path)._replace(source="typical_day")


def _warn_of_night(table: ProfileTable) -> None:
    """Warn of PV at night, which tells of a wrong clock."""
    hour = (np.arange(table.kwh_per_unit.shape[1]) * table.step_hours) % 24.0
    night = (hour >= NIGHT_FROM) | (hour < NIGHT_TO)
    for name, kind, kwh in zip(*table[:3], strict=True):
        if kind == "pv" and night.any() and kwh[night].max() > NIGHT_SHARE * kwh.max():
            at = int(np.flatnonzero(night)[kwh[night].argmax()])
            warnings.warn(
                f"{table.source}: PV profile {name} has {kwh[at]:.3g} kWh per kWp at {hour[at]:g} h (step {at}); is its clock "
                "another zone's?",
                InputWarning,
                stacklevel=4,
            )
