"""What a sweep answers: means, quantiles and probabilities by share of PV, each with its confidence interval.

The scenario is the independent unit, never the hour: the hours of a day go together.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special  # scipy.stats would take half a second more to import

from fastp2p.arguments import refuse_other_tables
from fastp2p.errors import InputError
from fastp2p.indicators import indicators_of

Floats = NDArray[np.float64]

QUANTILES = {"median": 0.5, "p5": 0.05, "p95": 0.95}
CONFIDENCE = 0.95
Event = Literal["binding", "overload", "voltage", "cable"]
EVENTS = {
    "binding": ("n_cleared", "n_base_overload", "n_ac_broken"),
    "overload": ("n_base_overload",),
    "voltage": ("n_full_breaks_voltage",),
    "cable": ("n_full_breaks_current",),
}
"""Counts of books of which one is enough for an event; the last two are known where the study is audited."""
OF_SCENARIOS = ("results.scenarios", ("executed_kwh", "n_cleared", "n_base_overload"), ("share", "scenario"))
"""The table of scenarios: where it comes from, columns by which it is known, and what a row is of."""


@dataclass(frozen=True)
class HostingCapacity:
    """The largest share of PV at which overloads stay rare, and what the draws allow it to be."""

    share: float
    low: float
    high: float


def is_narrow(scenarios: pd.DataFrame, indicator: str, within: float, confidence: float = CONFIDENCE) -> bool:
    """Whether, at every share, the confidence interval of an indicator's mean reaches at most `within` of it to either side.

    Looking several times makes the interval at the end cover the mean a little less often than `confidence`: with looks at
    doubling numbers from 100 on, 93 instead of 95 times in a hundred (tests/test_stopping.py).
    """
    for _, values in scenarios.groupby("share")[indicator]:
        low, high = mean_interval(values.to_numpy(np.float64), confidence)
        if not (high - low) / 2.0 <= within * abs(values.mean()):
            return False
    return True


def summarise(scenarios: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Mean, median, 5th and 95th percentile of every indicator, by share.

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
        One row per share and indicator, in the indicator's own unit.
    """
    refuse_other_tables(confidence, scenarios=(scenarios, *OF_SCENARIOS))
    rows = []
    for share, group in scenarios.groupby("share"):
        for indicator in indicators_of(scenarios):
            values = np.sort(group[indicator].dropna().to_numpy(np.float64))  # voltages of a day without a solution are unknown
            if not len(values):
                continue
            low, high = mean_interval(values, confidence)
            row = {
                "share": share,
                "indicator": indicator,
                "n": len(values),
                "mean": values.mean(),
                "mean_low": low,
                "mean_high": high,
            }
            for name, q in QUANTILES.items():
                low, high = quantile_interval(values, q, confidence)
                row |= {name: np.quantile(values, q), f"{name}_low": low, f"{name}_high": high}
            rows.append(row)
    return pd.DataFrame(rows)


def compare_shares(scenarios: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Mean change of every indicator from each share to the next, paired scenario by scenario.

    Shares are nested (a scenario only gains PV), so paired differences are far less uncertain than those of means.
    """
    refuse_other_tables(confidence, scenarios=(scenarios, *OF_SCENARIOS))
    shares = np.unique(scenarios["share"]).tolist()
    wide = {share: scenarios[scenarios["share"] == share].set_index("scenario") for share in shares}
    rows = []
    for before, after in pairwise(shares):
        for indicator in indicators_of(scenarios):
            change = (wide[after][indicator] - wide[before][indicator]).dropna().to_numpy(np.float64)
            low, high = mean_interval(change, confidence)
            if not len(change):
                continue
            keys = {"share_before": before, "share": after, "indicator": indicator, "n": len(change)}
            rows.append({**keys, "mean_change": change.mean(), "mean_change_low": low, "mean_change_high": high})
    return pd.DataFrame(rows)


def find_probabilities(scenarios: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Probability, by share, that a scenario has a book in which a limit binds, and one overloaded before any trade.

    Where every book of the study is audited also that everything, fed in without control, would break a voltage limit, or a
    current limit of a cable or transformer, as an AC power flow says. Intervals are exact, see `proportion_interval`.
    """
    refuse_other_tables(confidence, scenarios=(scenarios, *OF_SCENARIOS))
    rows = []
    is_whole = "losses_cost" in scenarios
    known = {name: list(counts) for name, counts in EVENTS.items() if is_whole or name not in ("voltage", "cable")}
    for share, group in scenarios.groupby("share"):
        row: dict[str, float] = {"share": float(share), "n": len(group)}  # type: ignore[arg-type]  # the key is a float
        for name, counts in known.items():
            event = (group[[count for count in counts if count in group]] > 0).any(axis=1)
            low, high = proportion_interval(int(event.sum()), len(group), confidence)
            row |= {f"{name}_probability": event.mean(), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def find_audit_rates(scenarios: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """By share, how often the clearing and an AC power flow disagree about a book.

    Parameters
    ----------
    scenarios : DataFrame
        `Results.scenarios` of an audited study.
    confidence : float
        Of the intervals of the rates' means over the scenarios: Student's t within 0…1. Where no scenario has such a book,
        up to the exact bound of the probability that one has.

    Returns
    -------
    DataFrame
        One row per share: `n_books` audited; `broken_rate`, the part of them in which what the clearing accepted breaks, in AC,
        a limit that the base keeps (collapses count); `needless_cut_rate`, the part in which it cut although AC would have
        carried everything; each with its interval.

    Raises
    ------
    InputError
        If the study was not audited.
    """
    refuse_other_tables(confidence, scenarios=(scenarios, *OF_SCENARIOS))
    if "n_audit_kept" not in scenarios:
        raise InputError("the study was not audited; set clearing.audit, or clearing.physics to 'ac'")
    rows = []
    for share, group in scenarios.groupby("share"):
        n_audited = group[[f"n_audit_{code}" for code in ("kept", "base_broken", "broken", "collapse")]].sum(axis=1)
        row: dict[str, float] = {"share": float(share), "n_books": int(n_audited.sum())}  # type: ignore[arg-type]  # as above
        broken = group["n_audit_broken"] + group["n_audit_collapse"]
        for name, count in (("broken", broken), ("needless_cut", group["n_needless_cut"])):
            rate = (count / n_audited)[n_audited > 0].to_numpy(np.float64)
            mean = rate.mean() if len(rate) else np.nan
            low, high = mean_interval(rate, confidence) if rate.any() else proportion_interval(0, max(1, len(rate)), confidence)
            row |= {f"{name}_rate": mean, f"{name}_rate_low": max(0.0, low), f"{name}_rate_high": min(1.0, high)}
        rows.append(row)
    return pd.DataFrame(rows)


def find_hosting_capacity(probabilities: pd.DataFrame, threshold: float = 0.05, event: Event = "binding") -> HostingCapacity:
    """The largest share up to which the probability of an overload stays at or below a threshold.

    A limit binds exactly where everything that is matched and left over, fed in without control, would overload the network.
    That is what "binding" counts. "overload" counts what no control can prevent: limits that the base alone breaks, to which
    surplus belongs only where the study fixes it (``surplus = "export"``). Where all is audited, "voltage" and "cable" count
    what an AC power flow says of everything fed in without control: the voltage-limited and the cable-limited hosting capacity.

    Parameters
    ----------
    probabilities : DataFrame
        Of `find_probabilities`.
    threshold : float
    event : {"binding", "overload", "voltage", "cable"}

    Returns
    -------
    HostingCapacity
        Among the shares that were run (0 where even the smallest is too much); `low` counts only shares whose whole interval
        is below the threshold, `high` all whose interval reaches below it.

    Raises
    ------
    InputError
        If the threshold is not between 0 and 1, or the event is another one or is not known.
    """
    source = "that find_probabilities(results.scenarios) returns"
    refuse_other_tables(probabilities=(probabilities, source, ("binding_probability",), ("share",)))
    if not isinstance(threshold, int | float) or not 0 <= threshold <= 1:
        raise InputError(f"threshold = {threshold}: must be a probability between 0 and 1")
    if event not in get_args(Event):
        raise InputError(f"event = {event!r}: must be one of {', '.join(get_args(Event))}")
    if f"{event}_probability" not in probabilities:
        raise InputError(
            f"event = {event!r} is known where every book is audited; set clearing.audit = true, or clearing.physics = 'ac'"
        )
    ordered = probabilities.sort_values("share")

    def largest(column: str) -> float:
        fits = np.minimum.accumulate((ordered[column] <= threshold).to_numpy())
        return float(ordered["share"].to_numpy()[fits].max(initial=0.0))

    return HostingCapacity(largest(f"{event}_probability"), largest(f"{event}_high"), largest(f"{event}_low"))


def quantile_interval(ordered: Floats, q: float, confidence: float) -> tuple[float, float]:
    """Order statistics between which the q-quantile lies with at least this confidence.

    The number of values below the quantile is binomial (David and Nagaraja 2003, Order Statistics, section 7.1).

    Parameters
    ----------
    ordered : (n,) float
        Rising.
    q, confidence : float
    """
    n = len(ordered)
    tail = (1.0 - confidence) / 2.0
    count = np.arange(n + 1.0)
    below = int(np.argmax(special.bdtr(count, n, q) >= tail))  # P(fewer than `below` values under the quantile) < tail
    above = int(np.argmax(special.bdtrc(count, n, q) <= tail)) + 1
    low = float(ordered[below - 1]) if below >= 1 else -np.inf
    high = float(ordered[above - 1]) if above <= n else np.inf
    return low, high


def proportion_interval(n_events: int, n: int, confidence: float) -> tuple[float, float]:
    """Interval of a probability from so many events in n trials (Clopper and Pearson 1934).

    Parameters
    ----------
    n_events, n : int
    confidence : float
    """
    tail = (1.0 - confidence) / 2.0
    low = special.betaincinv(n_events, n - n_events + 1, tail) if n_events > 0 else 0.0
    high = special.betaincinv(n_events + 1, n - n_events, 1.0 - tail) if n_events < n else 1.0
    return float(low), float(high)


def mean_interval(values: Floats, confidence: float) -> tuple[float, float]:
    """Student's interval of a mean; infinite for a single value.

    Parameters
    ----------
    values : (n,) float
    confidence : float
    """
    if len(values) < 2:
        return -np.inf, np.inf
    half = -special.stdtrit(len(values) - 1, (1.0 - confidence) / 2.0) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)
