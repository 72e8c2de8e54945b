"""The JSON document that `fastp2p run --json` prints."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from fastp2p.results.results import Results


def summary_of(results: Results, folder: Path) -> dict[str, Any]:
    """What `--json` prints: the totals of the one scenario and its books, or the means of a sweep's scenarios by point."""
    from fastp2p.results.points import point_keys

    keys = point_keys(results.scenarios)
    summary: dict[str, Any] = {"study": results.study.name, "out": str(folder), "failures": results.failures}
    if results.chosen and len(results.scenarios) > 1:
        return {**summary, "scenarios": _records(results.scenarios)}
    if results.study.n_cases > 1 and not results.chosen:
        numbers = results.scenarios.drop(columns="scenario").select_dtypes(exclude=["datetime", "datetimetz"])
        return {**summary, "means": _records(numbers.groupby(keys).mean().reset_index())}
    summary["totals"] = _records(results.scenarios)[0]
    if results.books is not None:
        summary["books"] = _records(results.books.drop(columns=[*keys, "scenario"]))
    return summary


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: times as text, unknown numbers null."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    """A value as JSON has it: unknown and infinite numbers are null, times are text."""
    from pandas import isna

    if isna(value) or value in (inf, -inf):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value
