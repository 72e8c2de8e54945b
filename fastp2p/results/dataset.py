"""Tables of results as one Dataset of xarray: dimensions in place of columns that repeat, with units and meanings."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.metadata import version
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.errors import InputError
from fastp2p.results.columns import columns_of, units_in
from fastp2p.results.cube import FEEDER
from fastp2p.results.points import POINT_KEYS, feeder_key, point_keys
from fastp2p.study.model import Study

if TYPE_CHECKING:
    import xarray

DIMENSIONS = {
    "scenarios": ("scenario",),
    "hours": ("scenario", "hour"),
    "books": ("scenario", "step"),
    "branches": ("scenario", "branch", "phase"),
    "participants": ("scenario", "bus"),
    "summary": ("indicator",),
    "probabilities": (),
    "audit": (),
    "comparison": ("rule", "indicator"),
    "savings": ("scenario", "bus"),
    "feeders": (),
}
"""Columns that are dimensions, after the feeder and those of the point."""
ROWS = {
    "trades": "trade", "histograms": "bin", "changes": "change", "hosting_capacity": "limit", "hosting": "hosted",
    "distribution": "part", "ranks": "rank", "totals": "total", "total_changes": "total_change",
}  # fmt: skip
"""Tables of which the row is the dimension."""
CLOCK = "the start of the step, by a clock without a zone"
UTC = "the start of the step, in UTC; by the clock of the profiles it is `utc_offset_hours` later"


def make_dataset(
    tables: Mapping[str, pd.DataFrame], study: Study, more_units: Mapping[str, str] | None = None
) -> xarray.Dataset:
    """Tables of a study as a Dataset.

    Parameters
    ----------
    tables : dict of DataFrame
        Tables of results, or of what they answer, by name.
    study : Study
    more_units : dict of str, optional
        Units of columns that `fastp2p.results.columns` does not know.

    Returns
    -------
    xarray.Dataset
        A variable for each column, named ``table_column``. Whole numbers of which one is unknown are floating-point numbers
        with NaN there, and so are yes and no; unknown texts are empty. A row that a table lacks is unknown.

    Raises
    ------
    InputError
        Without xarray.
    """
    xr = import_xarray()
    units = {**units_in(study.currency), **(more_units or {})}
    keys = {name: _dimensions(name, table) for name, table in tables.items()}
    coords: dict[str, Any] = {dim: (dim, values, _about(dim, "", units)) for dim, values in _values(tables, keys).items()}
    if "books" in tables and "time" in tables["books"]:
        coords |= _clock(tables["books"], coords["step"][1])
    variables: dict[str, Any] = {}
    for name, table in tables.items():
        dims = keys[name]
        place = _places(table, [coords[dim][1] for dim in dims], dims) if dims else None
        shape = tuple(len(coords[dim][1]) for dim in dims)
        left_out = {*dims, "time"} if name == "books" else set(dims)
        for column in table.columns.difference(list(left_out), sort=False):
            values = plain(table[column])
            values = values if place is None else _placed(values, place, shape)
            variables[f"{name}_{column}"] = (dims or (ROWS.get(name, name),), values, _about(column, name, units))
    about = {
        "title": study.name, "description": study.description, "currency": study.currency, "seed": str(study.seed),
        "fastp2p_version": version("fastp2p"), "study": study.to_toml(),
    }  # fmt: skip
    dataset: xarray.Dataset = xr.Dataset(variables, coords, about)
    return dataset


def import_xarray() -> Any:
    """The package xarray.

    Raises
    ------
    InputError
        Where it is not installed.
    """
    try:
        import xarray
    except ImportError as error:
        raise InputError(f'xarray is not installed ({error}); pip install "fastp2p[export]"') from error
    return xarray


def plain(column: pd.Series) -> NDArray[Any]:
    """A column as an array that any program reads: times in UTC without a zone, NaN and '' for what is unknown."""
    if isinstance(column.dtype, pd.DatetimeTZDtype):
        column = column.dt.tz_convert("UTC").dt.tz_localize(None)
    values: NDArray[Any]
    if column.dtype in ("Int64", "boolean"):
        known = {"Int64": np.int64, "boolean": np.bool_}[str(column.dtype)]
        values = column.to_numpy(np.float64, na_value=np.nan) if column.hasnans else column.to_numpy(known)
    elif column.dtype.kind in "iufbM":
        values = column.to_numpy()
    else:
        values = column.astype(object).where(column.notna(), "").to_numpy(str)
    return values


def _dimensions(name: str, table: pd.DataFrame) -> tuple[str, ...]:
    """The dimensions of a table; none where the row is the dimension."""
    dims = [
        *feeder_key(table),
        *(key for key in point_keys(table) if key in table),
        *(one for one in DIMENSIONS.get(name, ()) if one in table),
    ]
    return tuple(dims) if name in DIMENSIONS and not table.duplicated(dims).any() else ()


def _values(tables: Mapping[str, pd.DataFrame], keys: Mapping[str, tuple[str, ...]]) -> dict[str, NDArray[Any]]:
    """The values of each dimension in any table: numbers rising, names as they come."""
    found: dict[str, list[pd.Series]] = {}
    for name, table in tables.items():
        for dim in keys[name]:
            found.setdefault(dim, []).append(table[dim].drop_duplicates())
    order = [FEEDER, *POINT_KEYS, *found]
    together = {dim: pd.concat(found[dim]).drop_duplicates() for dim in sorted(found, key=order.index)}
    return {dim: plain(of.sort_values() if of.dtype.kind in "iuf" else of) for dim, of in together.items()}


def _places(table: pd.DataFrame, values: list[NDArray[Any]], dims: tuple[str, ...]) -> NDArray[np.int64]:
    """Where each row of a table lies in an array of its dimensions, flattened."""
    at = tuple(pd.Index(one).get_indexer(pd.Index(plain(table[dim]))) for dim, one in zip(dims, values, strict=True))
    place: NDArray[np.int64] = np.ravel_multi_index(at, tuple(map(len, values)))
    return place


def _placed(values: NDArray[Any], place: NDArray[np.int64], shape: tuple[int, ...]) -> NDArray[Any]:
    """The values of a column in an array of its dimensions; unknown where the table has no row."""
    size = int(np.prod(shape))
    if len(values) < size and values.dtype.kind in "iub":
        values = values.astype(np.float64)
    filled = np.full(size, {"f": np.nan, "M": "NaT", "U": ""}.get(values.dtype.kind, 0), values.dtype)
    filled[place] = values
    return filled.reshape(shape)


def _clock(books: pd.DataFrame, steps: NDArray[Any]) -> dict[str, Any]:
    """The times of the steps."""
    first = books.drop_duplicates("step").set_index("step")["time"].reindex(steps)
    if first.dt.tz is None:
        return {"time": ("step", plain(first), {"long_name": CLOCK})}
    offset = (first.dt.tz_localize(None) - first.dt.tz_convert("UTC").dt.tz_localize(None)).to_numpy() / np.timedelta64(1, "h")
    hours = {"long_name": "what the clock of the profiles is ahead of UTC", "units": "h"}
    return {"time": ("step", plain(first), {"long_name": UTC}), "utc_offset_hours": ("step", offset, hours)}


def _about(column: str, table: str, units: Mapping[str, str]) -> dict[str, str]:
    """What is told of a variable: its meaning and its unit."""
    known = columns_of(table) if table else {name: one for of in DIMENSIONS for name, one in columns_of(of).items()}
    meaning = {"long_name": known[column].meaning} if column in known else {}
    return meaning | ({"units": units[column]} if column in units else {})
