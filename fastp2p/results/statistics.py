"""What a sweep answers: means, quantiles and probabilities by share of PV and of devices, each with its confidence interval.

The scenario is the independent unit, never the hour: the hours of a day go together.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.arguments import refuse_other_tables
from fastp2p.errors import InputError
from fastp2p.results.cube import FEEDER, Cube, cube_of
from fastp2p.results.indicators import indicators_of, is_audited_whole
from fastp2p.results.intervals import mean_interval, means_of, proportion_intervals, quantiles_of, rates_of
from fastp2p.results.points import by_devices, by_point, point_keys, point_text

QUANTILES = {"median": 0.5, "p5": 0.05, "p95": 0.95}
CONFIDENCE = 0.95
Event = Literal["cut", "overload", "broken", "voltage", "cable", "unbalance", "balanced_voltage", "balanced_cable"]
EVENTS = {
    "cut": ("n_cut", "n_ac_broken"),
    "overload": ("n_base_overload",),
    "broken": ("n_audit_broken", "n_audit_collapse"),
    "voltage": ("n_full_breaks_voltage",),
    "cable": ("n_full_breaks_current",),
    "unbalance": ("n_full_breaks_unbalance",),
    "balanced_voltage": ("n_balanced_breaks_voltage",),
    "balanced_cable": ("n_balanced_breaks_current",),
}
"""Counts of books of which one is enough for an event."""
BY_AUDIT = ("broken", "voltage", "cable")
"""Events that are known where every book is audited."""
BY_PHASE_AUDIT = ("unbalance", "balanced_voltage", "balanced_cable")
"""Those that are known where this is done in three phases."""
BY_BALANCED = ("balanced_voltage", "balanced_cable")
"""Those of them that are known where there is a balanced model: where no bus lacks a phase."""
CAUSES: dict[Event, Event | None] = {"voltage": "balanced_voltage", "cable": "balanced_cable", "unbalance": None}
"""What may end the hosting capacity, and the event of the same cause in the balanced model, which knows no unbalance."""
COUNTS = ("executed_kwh", "n_cut", "n_base_overload", "n_ac_broken")
"""Columns by which the table of scenarios is recognised."""


@dataclass(frozen=True)
class HostingCapacity:
    """The largest share of PV at which overloads stay rare, and its interval from the draws."""

    share: float
    low: float
    high: float


def _of_scenarios(given: Any) -> tuple[Any, str, tuple[str, ...], tuple[str, ...]]:
    """What should be the table of scenarios, with its source, its columns and the keys of a row."""
    feeder = (FEEDER,) if FEEDER in getattr(given, "columns", ()) else ()
    return given, "results.scenarios", COUNTS, (*feeder, *point_keys(given), "scenario")


def is_narrow(scenarios: pd.DataFrame, indicator: str, within: float, confidence: float = CONFIDENCE) -> bool:
    """Whether, at every point, the confidence interval of an indicator's mean reaches at most `within` of it to either side.

    A point at which the indicator is null throughout (self-consumption at a share of 0) has no mean, and does not count.
    Looking several times makes the interval at the end cover the mean a little less often than `confidence`: with looks at
    doubling numbers from 100 on, 93 instead of 95 times in a hundred (tests/sweep/test_stopping.py).
    """
    known = scenarios.dropna(subset=[indicator])
    for _, rows in by_point(known):
        values = rows[indicator]
        low, high = mean_interval(values.to_numpy(np.float64), confidence)
        if not (high - low) / 2.0 <= within * abs(values.mean()):
            return False
    return len(known) > 0


def summarise(scenarios: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Mean, median, 5th and 95th percentile of every indicator, by share of PV, and of each device that the study sweeps.

    Parameters
    ----------
    scenarios : DataFrame
        `Results.scenarios`.
    confidence : float
        Of the intervals ``…_low``, ``…_high``: Student's t for means, order statistics for quantiles (distribution-free, at
        least this confidence; infinite where there are too few scenarios).

    Returns
    -------
    DataFrame
        One row per share (point) and indicator, in the indicator's own unit; of the `n` scenarios in which it is not null.
    """
    refuse_other_tables(confidence, scenarios=_of_scenarios(scenarios))
    cube, indicators = cube_of(scenarios), indicators_of(scenarios)
    found: dict[str, list[Any]] = {}
    for indicator in indicators:
        values = np.sort(cube.values(indicator).reshape(-1, cube.row.shape[2]), axis=1)
        n, *mean = means_of(values, confidence)
        columns: list[tuple[str, Any]] = [("n", n), *_ends("mean", mean)]
        for name, q in QUANTILES.items():
            columns += _ends(name, quantiles_of(values, n, q, confidence))
        for name, column in columns:
            found.setdefault(name, []).append(column)
    return _by_place(cube, indicators, found)


def _ends(name: str, of: Iterable[Any]) -> list[tuple[str, Any]]:
    """An estimate and the ends of its interval, by column."""
    return list(zip((name, f"{name}_low", f"{name}_high"), of, strict=True))


def _by_place(cube: Cube, indicators: list[str], found: dict[str, list[Any]]) -> pd.DataFrame:
    """A row per feeder, point and indicator of columns that hold, of each indicator, an array by feeder and point."""
    places = cube.places(indicators)
    n_places = len(cube.feeder) * len(cube.points)
    named = np.tile(np.array(indicators, object), n_places)
    return pd.DataFrame({**places, "indicator": named, **{name: np.stack(of, axis=1).ravel() for name, of in found.items()}})


def find_hour_quantiles(hours: pd.DataFrame, columns: Iterable[str]) -> pd.DataFrame:
    """5th percentile, median and 95th percentile over the scenarios, for each hour of the mean day.

    Parameters
    ----------
    hours : DataFrame
        `Results.hours`.
    columns : iterable of str

    Returns
    -------
    DataFrame
        One row per share (point) and hour; columns are pairs of a name and 0.05, 0.5 or 0.95.
    """
    levels = np.array([QUANTILES[name] for name in ("p5", "median", "p95")])
    return pd.DataFrame(hours.groupby([*point_keys(hours), "hour"])[list(columns)].quantile(levels).unstack())


def compare_shares(scenarios: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Mean change of every indicator from each share to the next, paired scenario by scenario.

    Shares are nested (a scenario only gains PV, or a device), so paired differences are far less uncertain than those of means.
    `n` counts the scenarios in which the indicator is null at neither share. Where shares of devices are swept, rows have the
    change from each share of PV to the next at every share of devices, then the same of each device.
    """
    refuse_other_tables(confidence, scenarios=_of_scenarios(scenarios))
    cube, indicators = cube_of(scenarios), indicators_of(scenarios)
    pairs = np.array(list(neighbours(cube.points)), np.int64).reshape(-1, 2)
    changed = cube._replace(
        keys=[*(f"{key}_before" for key in cube.keys), *cube.keys],
        points=[cube.points[before] + cube.points[after] for before, after in pairs.tolist()],
    )
    found: dict[str, list[Any]] = {}
    for indicator in indicators:
        values = cube.values(indicator)
        change = values[:, pairs[:, 1]] - values[:, pairs[:, 0]]
        n, *mean = means_of(change.reshape(-1, change.shape[2]), confidence)
        for name, column in (("n", n), *_ends("mean_change", mean)):
            found.setdefault(name, []).append(column)
    return _by_place(changed, indicators, found)


def neighbours(points: list[tuple[float, ...]]) -> Iterator[tuple[int, int]]:
    """Places of points and of those at the next share of PV, or of one device, with all other shares the same."""
    for axis in range(len(points[0])):
        lines: dict[tuple[float, ...], list[int]] = {}
        for place, point in enumerate(points):  # rising, and so along every line
            lines.setdefault(point[:axis] + point[axis + 1 :], []).append(place)
        for line in lines.values():
            yield from pairwise(line)


def find_probabilities(scenarios: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """By share of PV, and of each device that the study sweeps, how probable it is that a scenario has a book with an event.

    Parameters
    ----------
    scenarios : DataFrame
        `Results.scenarios`.
    confidence : float
        Of the exact intervals, see `proportion_interval`.

    Returns
    -------
    DataFrame
        One row per share (point): `n` scenarios, and for each event its `…_probability`, `…_low`, `…_high`. "cut": the network
        cuts a trade or an export (or, under ``physics = "ac"``, what is left still breaks a limit). "overload": a limit is
        broken before any trade. Where every book is audited also "broken": what the clearing accepted breaks, in AC, a limit
        that the base keeps, or collapses; and "voltage" and "cable": everything, fed in without control, would break a voltage
        limit, or a current limit of a cable or transformer, that the base keeps, as an AC power flow says. In three-phase
        studies also "unbalance", the limit of EN 50160, and "balanced_voltage" and "balanced_cable": what the balanced model
        says of the same draws, if there is one: if no bus lacks a phase. Scenarios of which that is unknown (collapsed without
        any trade) do not count.

    Raises
    ------
    InputError
        If the table lacks the counts.
    """
    refuse_other_tables(confidence, scenarios=_of_scenarios(scenarios))
    cube = cube_of(scenarios)
    columns: dict[str, Any] = {**cube.places(), "n": cube.n_scenarios.ravel()}
    for name in known_events(scenarios):
        happens = event_values(cube, name)
        n = (~np.isnan(happens)).sum(axis=2).ravel().astype(np.float64)
        n_events = np.nansum(happens, axis=2).ravel()
        columns[f"{name}_probability"] = np.divide(n_events, n, out=np.full(len(n), np.nan), where=n > 0.0)
        columns[f"{name}_low"], columns[f"{name}_high"] = proportion_intervals(n_events, n, confidence)
    return pd.DataFrame(columns)


def known_events(scenarios: pd.DataFrame) -> list[str]:
    """The events that a table of scenarios knows of."""
    unknown = () if is_audited_whole(scenarios) else (*BY_AUDIT, *BY_PHASE_AUDIT)
    if "n_full_breaks_unbalance" not in scenarios:
        unknown = (*unknown, *BY_PHASE_AUDIT)
    elif (scenarios[["n_balanced_breaks_voltage", "n_full_breaks_voltage"]].notna().any() == [False, True]).all():
        # buses lack phases: AC has solutions, and there is no balanced model
        unknown = (*unknown, *BY_BALANCED)
    return [name for name in EVENTS if name not in unknown]


def event_values(cube: Cube, event: str) -> NDArray[np.float64]:
    """(n_feeder, n_point, n_scenario): 1 where a scenario has a book with an event, 0 where none, NaN where that is unknown."""
    count = np.stack([cube.values(one) for one in EVENTS[event]])
    return np.where(np.isnan(count).any(axis=0), np.nan, (count > 0).any(axis=0))


def find_audit_rates(scenarios: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """By share of PV, and of each swept device, how often the clearing and an AC power flow disagree about a book.

    Parameters
    ----------
    scenarios : DataFrame
        `Results.scenarios` of an audited study.
    confidence : float
        Of the intervals of the rates, see `rate_interval`.

    Returns
    -------
    DataFrame
        One row per share (point): `n_audited` of `n_books` books; `broken_rate`, the part of the audited ones in which what
        the clearing accepted breaks, in AC, a limit that the base keeps (collapses count); `needless_cut_rate`, the part in
        which it cut although AC would have carried everything; each with its interval, NaN where fewer than two scenarios have
        audited books.

    Raises
    ------
    InputError
        If the study was not audited.
    """
    refuse_other_tables(confidence, scenarios=_of_scenarios(scenarios))
    if "n_audited" not in scenarios:
        raise InputError("the study was not audited; set clearing.audit, or clearing.physics to 'ac'")
    cube = cube_of(scenarios)
    shape = -1, cube.row.shape[2]
    n_audited = cube.values("n_audited").reshape(shape)
    books = np.nansum(cube.values("n_books"), axis=2).ravel().astype(np.int64)
    columns: dict[str, Any] = {
        **cube.places(),
        "n_audited": np.nansum(n_audited, axis=1).astype(np.int64),
        "n_books": books,
    }
    broken = cube.values("n_audit_broken") + cube.values("n_audit_collapse")
    for name, count in (("broken", broken), ("needless_cut", cube.values("n_needless_cut"))):
        _, *ends = rates_of(count.reshape(shape), n_audited, confidence)
        n_events, n = np.nansum(np.where(n_audited > 0.0, count.reshape(shape), 0.0), axis=1), np.nansum(n_audited, axis=1)
        rate = np.divide(n_events, n, out=np.full(len(n), np.nan), where=n > 0.0)
        columns |= _ends(f"{name}_rate", (rate, *ends))
    return pd.DataFrame(columns)


def count_audited(scenarios: pd.DataFrame) -> str:
    """How many books an audit is about, in words: "of 480 audited books of 24,000"."""
    n_audited, n_books = int(scenarios["n_audited"].sum()), int(scenarios["n_books"].sum())
    return f"of {n_audited:,} audited books of {n_books:,}" if n_audited < n_books else f"of all {n_books:,} books"


def too_few_audited(scenarios: pd.DataFrame) -> str:
    """A sentence that names the shares whose audit has too few books for an interval; empty where there are none."""
    few = [point_text(point) for point, rows in by_point(scenarios) if int((rows["n_audited"] > 0).sum()) < 2]
    if not few:
        return ""
    between = "; " if len(point_keys(scenarios)) > 1 else ", "
    return (
        f"too few audited books for an interval at a share of {between.join(few)}: it needs two scenarios with audited "
        "books; audit more books, or draw more scenarios"
    )


def find_hosting_capacity(probabilities: pd.DataFrame, threshold: float = 0.05, event: Event = "cut") -> HostingCapacity:
    """The largest share up to which the probability of an event stays at or below a threshold.

    The network cuts exactly where everything that is matched and left over, fed in without control, would break a limit or
    break one further. That is what "cut" counts. "overload" counts what no control can prevent, and what may have nothing to do
    with PV: limits that are broken before any trade, by loads alone or by surplus that the study fixes
    (``surplus = "export"``). Where all is audited, "voltage" and "cable" count what an AC power flow says of everything fed in
    without control: the voltage-limited and the cable-limited hosting capacity. `compare_hosting_capacity` has them beside
    those of the balanced model, where the study has three phases.

    Parameters
    ----------
    probabilities : DataFrame
        Of `find_probabilities`; where shares of several devices were run, the rows of one.
    threshold : float
    event : {"cut", "overload", "broken", "voltage", "cable", "unbalance", "balanced_voltage", "balanced_cable"}

    Returns
    -------
    HostingCapacity
        Among the shares that were run (0 where even the smallest is too much); `low` counts only shares whose whole interval
        is below the threshold, `high` all whose interval reaches below it.

    Raises
    ------
    InputError
        If the threshold is not between 0 and 1, the event is another one or is not known, or the table has several shares of
        devices.
    """
    source = "that find_probabilities(results.scenarios) returns"
    if FEEDER in getattr(probabilities, "columns", ()) and probabilities[FEEDER].nunique() > 1:
        raise InputError(
            "probabilities is of many feeders; find_feeder_hosting(probabilities) has the hosting capacity of each"
        )
    refuse_other_tables(probabilities=(probabilities, source, ("cut_probability",), tuple(point_keys(probabilities))))
    if not isinstance(threshold, int | float) or isinstance(threshold, bool) or not 0 <= threshold <= 1:
        raise InputError(f"threshold = {threshold}: must be a probability between 0 and 1")
    if event not in get_args(Event):
        raise InputError(f"event = {event!r}: must be one of {', '.join(get_args(Event))}")
    if f"{event}_probability" not in probabilities:
        phases = " in three phases" * (event in BY_PHASE_AUDIT) + ", and no bus lacks a phase" * (event in BY_BALANCED)
        keys = "network.phases = 3, and " * (event in BY_PHASE_AUDIT) + "clearing.audit = true, or clearing.physics = 'ac'"
        raise InputError(f"event = {event!r} is known only if every book is audited{phases}; set {keys}")
    if len(several := [point for point, _ in by_devices(probabilities)]) > 1:
        one = " and ".join(f"{key} == {value!r}" for key, value in several[0].items())
        raise InputError(
            f"probabilities has {len(several)} shares of devices, each with a hosting capacity of its own; choose one of them, "
            f"such as probabilities.query({one!r})"
        )
    shares = np.append(0.0, np.sort(probabilities["share"].to_numpy(np.float64)))
    n_fitting = count_fitting(probabilities, event, threshold)
    return HostingCapacity(*(float(shares[n]) for n in n_fitting))


def count_fitting(probabilities: pd.DataFrame, event: Event, threshold: float) -> tuple[int, int, int]:
    """Of the shares that were run, from the smallest on: how many keep an event rare, how many surely do, how many may do."""
    ordered = probabilities.sort_values("share")
    columns = (f"{event}_{end}" for end in ("probability", "high", "low"))
    fits = [ordered[column].to_numpy(np.float64, na_value=np.nan) <= threshold for column in columns]
    estimated, surely, perhaps = (int(np.logical_and.accumulate(fit).sum()) for fit in fits)
    return estimated, surely, perhaps


def compare_hosting_capacity(probabilities: pd.DataFrame, threshold: float = 0.05) -> pd.DataFrame:
    """The hosting capacity of a three-phase study by what limits it, beside what the balanced model says of the same draws.

    Parameters
    ----------
    probabilities : DataFrame
        Of `find_probabilities`, of a three-phase study of which every book is audited.
    threshold : float

    Returns
    -------
    DataFrame
        One row per `cause`: "voltage", "cable", "unbalance", and where shares of devices are swept for each of these. `share`
        with its interval `share_low`, `share_high`, as `find_hosting_capacity` finds it; `balanced_share` and its interval, if
        a third of every load and PV were on each phase: NaN of unbalance, which that model does not know, and where buses lack
        phases, so that there is no such model.

    Raises
    ------
    InputError
        See `find_hosting_capacity`.
    """
    rows = []
    for devices, table in by_devices(probabilities):
        known = getattr(table, "columns", ())  # what is no table is refused below
        lacks_phases = "unbalance_probability" in known and "balanced_voltage_probability" not in known
        for cause, balanced in CAUSES.items():
            row: dict[str, str | float] = {**devices, "cause": cause}
            for name, event in (("share", cause), ("balanced_share", balanced)):
                unknown = HostingCapacity(np.nan, np.nan, np.nan)
                is_known = event is not None and not (lacks_phases and event in BY_BALANCED)
                found = find_hosting_capacity(table, threshold, event) if event and is_known else unknown
                row |= {name: found.share, f"{name}_low": found.low, f"{name}_high": found.high}
            rows.append(row)
    return pd.DataFrame(rows)
