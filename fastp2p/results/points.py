"""The points of a sweep in tables of results: which columns say them, and rows by point."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from fastp2p.errors import InputError, some
from fastp2p.study.scenarios import SWEPT

POINT_KEYS = {"share": "PV", **{f"{device}_share": words for device, words in SWEPT.items()}}
"""Columns that say at which point of a sweep a row is, with words for what they are shares of; there is always the first."""


def point_keys(table: Any) -> list[str]:
    """Those that a table has; of what is no table the first one."""
    columns = getattr(table, "columns", ())
    return [key for key in POINT_KEYS if key == "share" or key in columns]


def feeder_key(table: pd.DataFrame) -> list[str]:
    """The column that says of which network a row is, where a study has many."""
    return [key for key in ("feeder",) if key in table]


def by_point(table: pd.DataFrame) -> Iterator[tuple[dict[str, float], pd.DataFrame]]:
    """Every point of a table, rising, with its rows."""
    return _by(table, point_keys(table))


def by_devices(table: pd.DataFrame) -> Iterator[tuple[dict[str, float], pd.DataFrame]]:
    """All shares of swept devices in a table, rising, each with its rows: of all shares of PV."""
    keys = point_keys(table)[1:]
    return _by(table, keys) if keys else iter([({}, table)])


def _by(table: pd.DataFrame, keys: list[str]) -> Iterator[tuple[dict[str, float], pd.DataFrame]]:
    values: Any
    for values, rows in table.groupby(keys):
        yield {key: float(value) for key, value in zip(keys, values, strict=True)}, rows


def point_text(point: dict[str, float], form: str = ".4g") -> str:
    """Shares in words: "0.3", "0.3, batteries 0.25", or of devices alone "batteries 0.25"."""
    return ", ".join(
        f"{value:{form}}" if key == "share" else f"{POINT_KEYS[key]} {value:{form}}" for key, value in point.items()
    )


def one_scenario(
    table: pd.DataFrame, share: float | Sequence[float] | None = None, scenario: int | None = None
) -> pd.DataFrame:
    """The rows of one scenario: the first one at the largest shares, or of those asked for.

    Parameters
    ----------
    table : DataFrame
        With a column for each share, and `scenario`.
    share : float or sequence of float, optional
        Of PV; with those of swept devices in the order of the columns.
    scenario : int, optional
        Its number.

    Raises
    ------
    InputError
        If there is none like that.
    """
    rows = table
    wanted = list(share) if isinstance(share, list | tuple | np.ndarray) else [] if share is None else [share]
    if not all(isinstance(one, int | float | np.number) for one in wanted):
        raise InputError(f"share = {share!r}: must be a number, or one for each share")
    if scenario is not None and not isinstance(scenario, int | np.integer):
        raise InputError(f"scenario = {scenario!r}: must be a whole number")
    if share is not None:
        keys = point_keys(table)
        if len(wanted) in (1, len(keys)):
            near = [np.isclose(table[key].astype(np.float64), value) for key, value in zip(keys, wanted, strict=False)]
            rows = table[np.logical_and.reduce(near)]
        if rows.empty or len(wanted) not in (1, len(keys)):
            there = some([f"({point_text(point)})" if len(keys) > 1 else point_text(point) for point, _ in by_point(table)])
            raise InputError(f"share = {share!r}: the results have {there}")
    if scenario is not None:
        numbers = rows["scenario"].unique()
        rows = rows[rows["scenario"] == scenario]
        if rows.empty:
            raise InputError(f"scenario = {scenario!r}: the results have {some([str(number) for number in numbers])}")
    if rows.empty:
        return rows
    keys = point_keys(table)
    rows = rows[(rows[keys] == rows[keys].tail(1).to_numpy()).all(axis=1)]
    return pd.DataFrame(rows[rows["scenario"] == rows["scenario"].iloc[0]])
