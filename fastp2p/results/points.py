"""The points of a sweep in tables of results: which columns say them, and rows by point."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd

from fastp2p.study.scenarios import SWEPT

POINT_KEYS = {"share": "PV", **{f"{device}_share": words for device, words in SWEPT.items()}}
"""Columns that say at which point of a sweep a row is, with words for what they are shares of; there is always the first."""


def point_keys(table: Any) -> list[str]:
    """Those that a table has; of what is no table the first one."""
    columns = getattr(table, "columns", ())
    return [key for key in POINT_KEYS if key == "share" or key in columns]


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
