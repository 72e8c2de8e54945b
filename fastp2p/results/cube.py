"""A table of scenarios as an array by feeder, point and scenario, in which all feeders and points are computed at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.results.points import point_keys

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEEDER = "feeder"
"""The first column of the tables of a study of many networks: the name of the feeder. Those of one network lack it."""


class Cube(NamedTuple):
    """Where each scenario of each feeder and point stands in a table.

    Attributes
    ----------
    table : DataFrame
    feeder : list of str
        Rising; of a study of one network a single one without a name.
    keys : list of str
        Columns that say the point.
    points : list of tuple of float
        Rising.
    row : (n_feeder, n_point, n_scenario) int64
        -1 where a feeder has no such scenario at a point.
    """

    table: pd.DataFrame
    feeder: list[str]
    keys: list[str]
    points: list[tuple[float, ...]]
    row: Ints

    @property
    def has_feeders(self) -> bool:
        """Whether the table has a column of feeders."""
        return FEEDER in self.table

    @property
    def n_scenarios(self) -> Ints:
        """(n_feeder, n_point) scenarios."""
        count: Ints = (self.row >= 0).sum(axis=2)
        return count

    def values(self, column: str) -> Floats:
        """(n_feeder, n_point, n_scenario) of a column; NaN where it is null or there is no such scenario."""
        flat = self.table[column].to_numpy(np.float64, na_value=np.nan)
        found: Floats = flat[self.row]
        found[self.row < 0] = np.nan
        return found

    def places(self, each: Iterable[str] = ("",)) -> dict[str, Any]:
        """Columns that say feeder and point, a row for each of both and of what else is counted through."""
        n = len(list(each))
        points = np.array(self.points, np.float64).reshape(len(self.points), len(self.keys))
        of_feeder = np.repeat(np.array(self.feeder, object), len(points) * n)
        columns: dict[str, Any] = {FEEDER: of_feeder} if self.has_feeders else {}
        return columns | {key: np.tile(np.repeat(points[:, i], n), len(self.feeder)) for i, key in enumerate(self.keys)}


def cube_of(table: pd.DataFrame) -> Cube:
    """The cube of a table with the columns of a scenario, and of many networks `feeder`."""
    keys = point_keys(table)
    by_point = table.groupby(keys, sort=True)
    points: list[Any] = list(by_point.groups)
    points = [one if isinstance(one, tuple) else (one,) for one in points]
    at, named = (np.zeros(len(table), np.int64), [""]) if FEEDER not in table else _factorized(table[FEEDER])
    scenario, numbers = pd.factorize(table["scenario"].to_numpy(np.int64), sort=True)
    row = np.full((len(named), len(points), len(numbers)), -1, np.int64)
    row[at, by_point.ngroup().to_numpy(), scenario] = np.arange(len(table))
    return Cube(table, named, keys, [tuple(map(float, one)) for one in points], row)


def _factorized(names: pd.Series) -> tuple[Ints, list[str]]:
    code, unique = pd.factorize(names, sort=True)
    return code.astype(np.int64), [str(one) for one in unique]


def by_feeder(table: pd.DataFrame) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """Every feeder of a table, rising, with its rows; of one network all of them."""
    if FEEDER not in table:
        yield {}, table
        return
    for name, rows in table.groupby(FEEDER, sort=True):
        yield {FEEDER: str(name)}, rows
