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

from fastp2p.arguments import refuse_other_tables
from fastp2p.errors import InputError
from fastp2p.results.indicators import indicators_of, is_audited_whole
from fastp2p.results.intervals import mean_interval, proportion_interval, quantile_interval, rate_interval
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
    return given, "results.scenarios", COUNTS, (*point_keys(given), "scenario")


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
    rows = []
    for point, group in by_point(scenarios):
        for indicator in indicators_of(scenarios):
            values = np.sort(group[indicator].dropna().to_numpy(np.float64))
            low, high = mean_interval(values, confidence)
            row: dict[str, Any] = {
                **point,
                "indicator": indicator,
                "n": len(values),
                "mean": values.mean() if len(values) else np.nan,
                "mean_low": low,
                "mean_high": high,
            }
            for name, q in QUANTILES.items():
                low, high = quantile_interval(values, q, confidence)
                value = np.quantile(values, q) if len(values) else np.nan
                row |= {name: value, f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
    return pd.DataFrame(rows)


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
    keys, wide = point_keys(scenarios), {tuple(point.values()): rows for point, rows in by_point(scenarios)}
    wide = {point: rows.set_index("scenario") for point, rows in wide.items()}
    rows = []
    for before, after in _neighbours(list(wide)):
        for indicator in indicators_of(scenarios):
            change = (wide[after][indicator] - wide[before][indicator]).dropna().to_numpy(np.float64)
            low, high = mean_interval(change, confidence)
            place = dict(zip((f"{key}_before" for key in keys), before, strict=True)) | dict(zip(keys, after, strict=True))
            mean = change.mean() if len(change) else np.nan
            of = {"indicator": indicator, "n": len(change)}
            rows.append({**place, **of, "mean_change": mean, "mean_change_low": low, "mean_change_high": high})
    return pd.DataFrame(rows)


def _neighbours(points: list[tuple[float, ...]]) -> Iterator[tuple[tuple[float, ...], tuple[float, ...]]]:
    """Points and those at the next share of PV, or of one device, with all other shares the same."""
    for axis in range(len(points[0])):
        lines: dict[tuple[float, ...], list[tuple[float, ...]]] = {}
        for point in points:  # rising, and so along every line
            lines.setdefault(point[:axis] + point[axis + 1 :], []).append(point)
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
    rows = []
    unknown = () if is_audited_whole(scenarios) else (*BY_AUDIT, *BY_PHASE_AUDIT)
    if "n_full_breaks_unbalance" not in scenarios:
        unknown = (*unknown, *BY_PHASE_AUDIT)
    elif (scenarios[["n_balanced_breaks_voltage", "n_full_breaks_voltage"]].notna().any() == [False, True]).all():
        # buses lack phases: AC has solutions, and there is no balanced model
        unknown = (*unknown, *BY_BALANCED)
    known = {name: list(counts) for name, counts in EVENTS.items() if name not in unknown}
    for point, group in by_point(scenarios):
        row: dict[str, float] = {**point, "n": len(group)}
        for name, counts in known.items():
            event = (group[counts].dropna() > 0).any(axis=1)
            low, high = proportion_interval(int(event.sum()), len(event), confidence)
            row |= {f"{name}_probability": event.mean() if len(event) else np.nan, f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


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
    rows = []
    for point, group in by_point(scenarios):
        looked_at = group[group["n_audited"] > 0]
        n_audited = looked_at["n_audited"].to_numpy(np.float64)
        row: dict[str, float] = {**point, "n_audited": int(n_audited.sum()), "n_books": int(group["n_books"].sum())}
        broken = looked_at["n_audit_broken"] + looked_at["n_audit_collapse"]
        for name, count in (("broken", broken), ("needless_cut", looked_at["n_needless_cut"])):
            low, high = rate_interval(count.to_numpy(np.float64), n_audited, confidence)
            rate = count.sum() / n_audited.sum() if len(n_audited) else np.nan
            row |= {f"{name}_rate": rate, f"{name}_rate_low": low, f"{name}_rate_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


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
        lacks_phases = "unbalance_probability" in table and "balanced_voltage_probability" not in table
        for cause, balanced in CAUSES.items():
            row: dict[str, str | float] = {**devices, "cause": cause}
            for name, event in (("share", cause), ("balanced_share", balanced)):
                unknown = HostingCapacity(np.nan, np.nan, np.nan)
                is_known = event is not None and not (lacks_phases and event in BY_BALANCED)
                found = find_hosting_capacity(table, threshold, event) if event and is_known else unknown
                row |= {name: found.share, f"{name}_low": found.low, f"{name}_high": found.high}
            rows.append(row)
    return pd.DataFrame(rows)
