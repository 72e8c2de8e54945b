"""Profile tables from files."""

import warnings
from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.errors import InputError, refuse
from fastp2p.io.paths import is_file

KEYS = ["profile", "hour"]
SHOWN = 5
"""Faulty rows that are named, per column."""
ENERGY = {"load": "load_kwh_per_home", "pv": "pv_kwh_per_kwp"}


def read_profiles(source: str | Path) -> tuple[tuple[str, ...], tuple[str, ...], NDArray[np.float64], float]:
    """Names, kinds, kWh per unit (n_profiles, n_steps) and step length of a tidy profile file.

    Raises
    ------
    InputError
        See `fastp2p.Profiles.load`.
    """
    if str(source) == "typical_day":
        with as_file(files("fastp2p") / "data" / "typical_day.csv") as path:
            table = _read_csv(path)
    else:
        table = _read_table(Path(source))
    missing = [name for name in (*KEYS, *ENERGY.values()) if name not in table]
    if missing:
        raise InputError(f"{source}: no column {', '.join(missing)}; it has {', '.join(map(str, table.columns))}")
    faults = _row_faults(str(source), table)
    names, kinds, rows = [], [], []
    for name, group in table.groupby("profile", sort=False, observed=True):
        filled = [kind for kind, column in ENERGY.items() if group[column].notna().any()]
        wrong = _profile_faults(str(source), str(name), group, filled)
        faults += wrong
        if not wrong:
            names.append(str(name))
            kinds.append(filled[0])
            rows.append(group[ENERGY[filled[0]]].to_numpy(float))
    lengths = {name: len(values) for name, values in zip(names, rows, strict=True)}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        faults.append(f"{source}: profiles differ in length ({listed}); all must cover the same hours")
    refuse(faults)
    return tuple(names), tuple(kinds), np.ascontiguousarray(np.vstack(rows)), 1.0


def _profile_faults(source: str, name: str, group: pd.DataFrame, filled: list[str]) -> list[str]:
    """What is wrong with the rows of one profile: a gap, no energy or two kinds of it, a missing value."""
    hours, due = group["hour"].to_numpy(float), np.arange(len(group))
    if not np.array_equal(hours, due):
        first = int(np.flatnonzero(hours != due)[0])
        where = f"{source}, row {group.index[first] + 2}"
        return [f"{where}: profile {name} has hour {hours[first]:g} where {first} is due (a gap, or unsorted)"]
    if len(filled) != 1:
        return [f"{source}: profile {name} must fill one of {' or '.join(ENERGY.values())}, not {len(filled)} of them"]
    missing = np.flatnonzero(group[ENERGY[filled[0]]].isna())
    return [f"{source}: profile {name} has no value at hour {missing[0]}"] if len(missing) else []


def _shown(value: object) -> str:
    return repr(value) if isinstance(value, str) else str(value)


def _read_table(path: Path) -> pd.DataFrame:
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {".csv": _read_csv, ".parquet": pd.read_parquet}
    if path.suffix.lower() not in readers:
        raise InputError(f"profiles {path}: neither 'typical_day' nor a .csv or .parquet file")
    if not is_file(path):
        raise InputError(f"profile file {path}: not found")
    try:
        table = readers[path.suffix.lower()](path)
    except Exception as error:
        reason = " ".join(str(error).split())
        raise InputError(f"profile file {path}: could not be read ({reason})") from error
    if table.empty:
        raise InputError(f"profile file {path}: is empty")
    return table.reset_index(drop=True)


def _read_csv(path: Path) -> pd.DataFrame:
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # such as rows that are longer than the header
        return pd.read_csv(path, float_precision="round_trip", index_col=False, converters={"profile": str})


def _row_faults(source: str, table: pd.DataFrame) -> list[str]:
    """Missing names, and values that are no numbers, infinite, huge or negative, with their row (the header is row 1)."""
    nameless = table["profile"].isna() | (table["profile"].astype(str).str.strip() == "")
    faults = [f"{source}, row {row + 2}: no profile name" for row in table.index[nameless][:SHOWN]]
    for column in ("hour", *ENERGY.values()):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = (table[column].notna() & numbers.isna()) | ~(numbers.fillna(0.0).abs() <= 1e12) | (numbers < 0)
        faults += [
            f"{source}, row {row + 2}: {column} = {_shown(table.at[row, column])} must be a finite number, not negative"
            for row in table.index[wrong][:SHOWN]
        ]
        if wrong.sum() > SHOWN:
            faults.append(f"{source}: and {wrong.sum() - SHOWN} more rows of {column}")
        table[column] = numbers
    return faults
