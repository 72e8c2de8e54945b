"""Profile tables from files."""

from collections.abc import Callable
from importlib.resources import as_file, files
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.errors import InputError, refuse

KEYS = ["profile", "hour"]
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
    refuse(_row_faults(str(source), table))

    names, kinds, rows = [], [], []
    faults = []
    for name, group in table.groupby("profile", sort=False):
        filled = [kind for kind, column in ENERGY.items() if group[column].notna().any()]
        hours = group["hour"].to_numpy(float)
        expected = np.arange(len(group))
        if not np.array_equal(hours, expected):
            first = int(np.flatnonzero(hours != expected)[0])
            row = group.index[first] + 2
            faults.append(
                f"{source}, row {row}: profile {name} has hour {hours[first]:g} where {first} is due (a gap, or unsorted)"
            )
        elif len(filled) != 1:
            faults.append(
                f"{source}: profile {name} must fill one of {' or '.join(ENERGY.values())}, not {len(filled)} of them"
            )
        else:
            names.append(str(name))
            kinds.append(filled[0])
            rows.append(group[ENERGY[filled[0]]].to_numpy(float))
    for name, values in zip(names, rows, strict=True):
        if not np.isfinite(values).all():
            faults.append(f"{source}: profile {name} has no value at hour {int(np.flatnonzero(~np.isfinite(values))[0])}")
    lengths = {name: len(values) for name, values in zip(names, rows, strict=True)}
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name} {length}" for name, length in lengths.items())
        faults.append(f"{source}: profiles differ in length ({listed}); all must cover the same hours")
    refuse(faults)
    return tuple(names), tuple(kinds), np.ascontiguousarray(np.vstack(rows)), 1.0


def _read_table(path: Path) -> pd.DataFrame:
    readers: dict[str, Callable[[Path], pd.DataFrame]] = {".csv": _read_csv, ".parquet": pd.read_parquet}
    if path.suffix.lower() not in readers:
        raise InputError(f"profiles {path}: neither 'typical_day' nor a .csv or .parquet file")
    if not path.is_file():
        raise InputError(f"profile file {path}: not found")
    try:
        table = readers[path.suffix.lower()](path)
    except Exception as error:
        raise InputError(f"profile file {path}: could not be read ({error})") from error
    if table.empty:
        raise InputError(f"profile file {path}: is empty")
    return table


def _read_csv(path: Path) -> pd.DataFrame:
    return pd.read_csv(path, float_precision="round_trip")


def _row_faults(source: str, table: pd.DataFrame) -> list[str]:
    """Values that are no numbers, infinite or negative, with their row (the header is row 1)."""
    faults = []
    for column in ("hour", *ENERGY.values()):
        numbers = pd.to_numeric(table[column], errors="coerce")
        wrong = (table[column].notna() & numbers.isna()) | ~np.isfinite(numbers.fillna(0.0)) | (numbers < 0)
        faults += [
            f"{source}, row {row + 2}: {column} = {table.at[row, column]!r} must be a finite number, not negative"
            for row in table.index[wrong][:5]
        ]
        if not wrong.any():
            table[column] = numbers
    return faults
