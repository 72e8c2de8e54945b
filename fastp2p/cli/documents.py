"""The JSON document that `fastp2p run --json` prints."""

from __future__ import annotations

from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

    from fastp2p.results.results import Results


def summary_of(results: Results, folder: Path) -> dict[str, Any]:
    """What `--json` prints: the totals of the one scenario and its books, or the means of a sweep's scenarios by point.

    Of many networks: the totals of all and of each region by point, every feeder, and the hosting capacity of each.
    """
    from fastp2p.results.points import point_keys

    keys = point_keys(results.scenarios)
    summary: dict[str, Any] = {"study": results.study.name, "out": str(folder), "failures": results.failures}
    if results.feeders is not None:
        summary |= _of_feeders(results)
    if results.chosen and len(results.scenarios) > 1:
        return {**summary, "scenarios": _records(results.scenarios)}
    if results.feeders is not None:
        return {**summary, "totals": _totals(results)}
    if results.study.n_cases > 1 and not results.chosen:
        numbers = results.scenarios.drop(columns="scenario").select_dtypes(exclude=["datetime", "datetimetz"])
        return {**summary, "means": _records(numbers.groupby(keys).mean().reset_index())}
    summary["totals"] = _records(results.scenarios)[0]
    if results.books is not None:
        summary["books"] = _records(results.books.drop(columns=[*keys, "scenario"]))
    return summary


def _of_feeders(results: Results) -> dict[str, Any]:
    """Every feeder with its fault or '', and their hosting capacities where shares were swept."""
    from fastp2p.results.ranking import has_hosting
    from fastp2p.results.region import find_feeder_hosting
    from fastp2p.results.statistics import find_probabilities

    assert results.feeders is not None
    failed = results.feeders[results.feeders["fault"] != ""]
    faults = dict(zip(failed["feeder"], failed["fault"], strict=True))
    found: dict[str, Any] = {"failed_feeders": faults, "feeders": _records(results.feeders)}
    if has_hosting(results.scenarios) and not results.chosen:
        found["hosting_capacity"] = _records(find_feeder_hosting(find_probabilities(results.scenarios)))
    return found


def _totals(results: Results) -> list[dict[str, Any]]:
    """A record per region and point, with the total or the mean of every indicator; `region` is null for all together."""
    import pandas as pd

    from fastp2p.results.points import point_keys
    from fastp2p.results.totals import find_totals

    assert results.feeders is not None
    keys = ["region", *point_keys(results.scenarios)]
    totals = find_totals(results.scenarios, results.feeders)
    places, names = totals.drop_duplicates(keys)[keys], totals["indicator"].unique()
    values = totals["estimate"].to_numpy().reshape(len(places), len(names))
    return _records(places.reset_index(drop=True).join(pd.DataFrame(values, columns=names)))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as JSON has them: times as text, unknown numbers null."""
    return [{str(name): _plain(value) for name, value in row.items()} for row in table.to_dict("records")]


def _plain(value: Any) -> Any:
    """A value as JSON has it: unknown and infinite numbers are null, times are text."""
    from pandas import isna

    if isna(value) or value in (inf, -inf):
        return None
    return value.isoformat() if hasattr(value, "isoformat") else value
