"""NREL End-Use Load Profiles: ResStock and ComStock `timeseries_aggregates`, as they are published.

Quarter hours whose stamps end them (the first is 00:15, the last the next year's 00:00) on Eastern Standard Time all year;
kWh per step, summed over all the dwellings or the floor area that the file stands for.
"""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fastp2p.errors import InputError, refuse
from fastp2p.io.readers.axis import MOST, ProfileTable, regular_axis
from fastp2p.io.readers.clock import SHOWN, listed, parse_times
from fastp2p.io.readers.frames import Cells, column_names, read_cells
from fastp2p.text import nearest

ELECTRICITY = re.compile(r"^(?:(baseline|upgrade)\.)?out\.electricity\.(total|net)\.energy_consumption(?:\.{1,2}kwh)?$")
TIMES = ("timestamp", "Timestamp (EST)")
STANDS_FOR = re.compile(r"^(units|floor_area)_represented(?:\.{1,2}\w+)?$")
ZONE = "Etc/GMT+5"


def is_eulp(names: list[str]) -> bool:
    """Whether these are the columns of such a file."""
    return any(name in TIMES for name in names) and any(".energy_consumption" in name for name in names)


def read_eulp(
    path: Path, *, net: bool = False, floor_area_sqft: float | None = None, units_represented: float | None = None
) -> ProfileTable:
    """The electricity of one dwelling (ResStock), or of a floor area (ComStock).

    Parameters
    ----------
    path : Path
        CSV or Parquet.
    net : bool
        What the meter sees, PV taken off, rather than the consumption.
    floor_area_sqft : float, optional
        Floor area of one customer, for ComStock.
    units_represented : float, optional
        What the file is the sum of, where it does not say so itself.

    Raises
    ------
    InputError
        Every fault with its file, column and row.
    """
    names = column_names(path)
    wanted = "net" if net else "total"
    columns = {name: match[1] for name in names if (match := ELECTRICITY.match(name)) and match[2] == wanted}
    if not columns:
        target = f"out.electricity.{wanted}.energy_consumption"
        near = nearest(target, names, n=3, cutoff=0.0)
        raise InputError(f"{path}: no column {target} (..kwh or .kwh may follow); the nearest are {', '.join(near)}")
    time = next(name for name in TIMES if name in names)
    doubled = [prefix or "baseline" for prefix in columns.values() if list(columns.values()).count(prefix) > 1]
    if doubled:
        raise InputError(f"{path}: columns {', '.join(columns)} all hold the electricity of the {doubled[0]}; keep one")
    known = next((name for name in names if STANDS_FOR.match(name)), None)
    cells = read_cells(path, [time, *columns, *([known] if known else [])])
    frame = cells.frame
    rows = frame.index.to_numpy()
    where = f"{path}, column {time}"
    stamps = parse_times(where, frame[time], rows).tz_localize(None)  # typed as UTC or not, it is Eastern Standard Time
    axis, step_hours = regular_axis(where, stamps.tz_localize(ZONE), rows, period_ending=True)
    share = _share(path, cells, known, floor_area_sqft, units_represented)
    faults, kwh = [], []
    for column in columns:
        values = cells.numbers(column).to_numpy(float)
        wrong = np.flatnonzero(~((values >= 0) & (values * share <= MOST)))
        n_wrong = len(wrong)
        found = [f"{path}, row {rows[at]}: {_cell_fault(cells, column, frame[column].iloc[at])}" for at in wrong[:SHOWN]]
        if net and len(wrong):
            n_wrong = 2
            found = [*found[:1], f"{path}: PV exceeds the load in {len(wrong)} steps; read the total instead of the net"]
        faults += listed(found, f"{path}, column {column}", n_wrong)
        kwh.append(values * share)
    refuse(faults)
    labels = tuple(path.stem if len(columns) == 1 else f"{path.stem} {prefix}" for prefix in columns.values())
    return ProfileTable(
        labels, ("load",) * len(labels), np.array(kwh), step_hours, axis, f"{path} (NREL End-Use Load Profiles)"
    )


def _cell_fault(cells: Cells, column: str, value: Any) -> str:
    return f"{column} has no value" if pd.isna(value) else cells.fault(column, value)


def _share(path: Path, cells: Cells, known: str | None, area: float | None, units: float | None) -> float:
    """One dwelling, or the floor area that is asked for, as a part of what the file is the sum of."""
    is_commercial = known is not None and known.startswith("floor_area")
    faults = [
        f"{path}: {name} = {value!r}; it must be a positive number"
        for name, value in (("floor_area_sqft", area), ("units_represented", units))
        if value is not None and not (isinstance(value, int | float) and 0 < value < np.inf)
    ]
    if is_commercial and area is None:
        faults.append(f"{path}: sums over floor area; give floor_area_sqft, the floor area of one customer")
    if not is_commercial and area is not None:
        faults.append(f"{path}: has no floor_area_represented; floor_area_sqft does not apply")
    if known is None and units is None:
        faults.append(
            f"{path}: no column units_represented or floor_area_represented; give units_represented, 1 for a building"
        )
    if known is not None and units is not None:
        faults.append(f"{path}: states what it sums over ({known}); leave out units_represented")
    refuse(faults)
    if known is None:
        return 1.0 / (units or 1.0)
    frame, total = cells.frame, cells.numbers(known).to_numpy(float)
    wrong = np.flatnonzero(~((total > 0) & (total < np.inf) & np.isclose(total, total[0], rtol=1e-9, atol=0.0)))
    if len(wrong):
        at = int(wrong[0])
        message = f"{path}, row {frame.index[at]}: {known} = {frame[known].iloc[at]}"
        raise InputError(f"{message}; it must be positive and the same in every row (one aggregate a file)")
    return (area or 1.0) / float(total[0])
