"""What the functions of `fastp2p.plot` draw from, and where they draw it."""

from __future__ import annotations

from numbers import Real
from pathlib import Path
from typing import TypeAlias

import pandas as pd
from matplotlib.axes import Axes
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from fastp2p.arguments import described
from fastp2p.errors import InputError, refuse
from fastp2p.results.cube import FEEDER
from fastp2p.results.points import point_keys
from fastp2p.results.results import Results
from fastp2p.sweep.opened import read_results

Source: TypeAlias = Results | str | Path
"""Results, or the path of their folder."""


def results_of(source: Source) -> Results:
    """The results themselves.

    Raises
    ------
    InputError
        If there is no such folder, or it is something else.
    """
    if isinstance(source, str | Path):
        return read_results(source)
    if not isinstance(source, Results):
        raise InputError(f"a figure is drawn from results or the path of their folder, not {described(source)}")
    return source


def one_network(source: Source) -> Results:
    """Results of a study of one network.

    Raises
    ------
    InputError
        See `results_of`, and if they are of many networks.
    """
    results = results_of(source)
    if results.feeders is not None:
        raise InputError(f"{results.study.name} has many networks, and this figure is of one: give it results.of_feeder(name)")
    return results


def table_of(source: Source | pd.DataFrame, name: str, columns: tuple[str, ...] = ()) -> tuple[pd.DataFrame, Results | None]:
    """A table to draw, and the results that it belongs to, if those were given.

    Raises
    ------
    InputError
        If the study did not keep the table, it is of many networks, or a table of the caller lacks columns.
    """
    results = None if isinstance(source, pd.DataFrame) else one_network(source)
    table = source if isinstance(source, pd.DataFrame) else getattr(results, name)
    if table is None:
        alone = "" if name in ("scenarios", "hours") else "run some of its scenarios alone (run STUDY --scenarios 0), or "
        raise InputError(f"the study did not keep the table {name!r}; {alone}add it to scenarios.keep, and run it again")
    if missing := [column for column in columns if column not in table]:
        raise InputError(f"the table lacks the columns {', '.join(missing)} of results.{name}")
    if table.empty:
        raise InputError(f"the table has no rows, so there is nothing to draw of results.{name}")
    if FEEDER in table and table[FEEDER].nunique() > 1:
        one = "results.of_feeder(name) gives the results of one, and the rows of one are its table"
        raise InputError(f"the table has many feeders, by its column {FEEDER!r}; {one}")
    refuse(_number_faults(table, [*dict.fromkeys([*point_keys(table), *columns])] if columns else []))
    return table, results


def _number_faults(table: pd.DataFrame, columns: list[str]) -> list[str]:
    """Columns of numbers that hold something else, and keys that are unknown somewhere."""
    other = [name for name in columns if not is_numeric_dtype(table[name])]
    known = {*point_keys(table), "scenario", "hour", "worst_loading_percent"}  # voltages are unknown without an audit
    unknown = [name for name in columns if (name in known or name.endswith("_kwh")) and table[name].isna().any()]
    if "time" in table and not (is_datetime64_any_dtype(table["time"]) and table["time"].notna().all()):
        unknown.append("time")
    return [f"the column {name} of the table must hold numbers, not {table[name].dtype}" for name in other] + [
        f"the column {name} of the table is unknown in some rows" for name in unknown if name not in other
    ]


def is_number(value: object) -> bool:
    """Whether it is one: an integer or a real number, also of NumPy."""
    return isinstance(value, Real) and not isinstance(value, bool)


def axes_for(ax: Axes | None) -> Axes:
    """The given Axes, or those of a new figure of pyplot, which a notebook shows."""
    if ax is None:
        from matplotlib import pyplot

        return pyplot.subplots(layout="constrained")[1]
    if not isinstance(ax, Axes):
        raise InputError(f"ax must be an Axes of matplotlib, not {described(ax)}")
    if ax.name != Axes.name:
        raise InputError(f"ax must have straight axes, not the projection {ax.name!r}")
    return ax
