"""Totals and means of a region over its feeders, with weights and intervals: the feeder is the cluster."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from fastp2p.arguments import refuse_other_tables
from fastp2p.results.columns import columns_of
from fastp2p.results.cube import FEEDER, Cube, cube_of
from fastp2p.results.indicators import indicators_of
from fastp2p.results.points import point_keys
from fastp2p.results.region import weights_of
from fastp2p.results.statistics import CONFIDENCE, COUNTS, event_values, known_events, neighbours

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class _Estimate(NamedTuple):
    """Of each point: a total or a mean, its interval if feeders are a sample, and the one that the draws alone leave."""

    estimate: Floats
    estimate_low: Floats
    estimate_high: Floats
    draws_low: Floats
    draws_high: Floats


class _Means(NamedTuple):
    """(n_feeder, n_point): how many scenarios are known, their mean, and its variance from the draws."""

    m: Ints
    x: Floats
    variance: Floats

    @classmethod
    def of(cls, values: Floats) -> _Means:
        """Of (n_feeder, n_point, n_scenario) values, NaN where unknown."""
        known = ~np.isnan(values)
        m = known.sum(axis=2)
        with np.errstate(invalid="ignore", divide="ignore"):
            x = np.where(known, values, 0.0).sum(axis=2) / m
            variance = (np.where(known, values - x[:, :, None], 0.0) ** 2).sum(axis=2) / (m - 1) / m
        return cls(m, x, variance)


def find_totals(scenarios: pd.DataFrame, feeders: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """What the region as a whole does at every share: totals of what adds up, means of everything else.

    Parameters
    ----------
    scenarios : DataFrame
        `Results.scenarios`, with its column `feeder`.
    feeders : DataFrame
        `Results.feeders`: `feeder`, and if it has them `weight` (how many feeders each stands for), `region` and `n_homes`.
    confidence : float
        Of the intervals.

    Returns
    -------
    DataFrame
        One row per region, share (point) and indicator; `region` is null in the rows of all regions together, and where there
        are several, each has rows of its own. `kind` is "total" of energy, money and counts, and "mean" of all else (shares,
        voltages, peaks, and whether a scenario has an event, as `cut_probability`), of `n_feeders`. `estimate` with its
        intervals `estimate_low`, `estimate_high` and `draws_low`, `draws_high`.

    Raises
    ------
    InputError
        Tables of something else, feeders that the second table lacks, weights below 0.

    Notes
    -----
    With weight w_f and the mean x_f of a feeder's scenarios, a total is T = Σ w_f x_f, and a mean is R = Σ w_f x_f / Σ w_f of
    the feeders in which it is known; a total is NaN if it is unknown in one of them. Feeders are a stratified sample, with a
    stratum h per region, of n_h feeders each:

        v(T) = Σ_h n_h / (n_h − 1) Σ_{f in h} (y_f − ȳ_h)²,   y_f = w_f x_f, of a mean w_f (x_f − R) / Σ w_f

    This is the estimator of sampling with replacement, whatever the probabilities of selection are (Cochran 1977, Sampling
    techniques, 3rd ed., chapters 5, 6 and 9A): there is no finite-population correction, so it is a little too wide where the
    sample is a large part of the region. How scenarios scatter within a feeder is part of how the x_f scatter. The interval is
    Student's with n − (number of strata) degrees of freedom. Regions with one feeder are one stratum together, and a single
    such region joins the smallest of the others (collapsed strata, section 5A.12: too wide rather than too narrow). One feeder
    has no such interval: NaN. Intervals of a probability end at 0 and 1.

    `draws_low` and `draws_high` are about these feeders and no others: v(T) = Σ w_f² s_f² / m_f, with s_f² the variance of a
    feeder's m_f scenarios, and the degrees of freedom of Satterthwaite (1946). NaN where a feeder has one scenario.
    """
    return _of_region(scenarios, feeders, confidence, changes=False)


def find_total_changes(scenarios: pd.DataFrame, feeders: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """The change of every total and mean of the region from each share to the next, paired scenario by scenario.

    Parameters, returns and errors as for `find_totals`; rows have the points of before in `share_before` and so on, and as
    shares are nested, intervals are far narrower than those of differences of totals.
    """
    return _of_region(scenarios, feeders, confidence, changes=True)


def _of_region(scenarios: pd.DataFrame, feeders: pd.DataFrame, confidence: float, *, changes: bool) -> pd.DataFrame:
    keys = (FEEDER, *point_keys(scenarios), "scenario")
    refuse_other_tables(confidence, scenarios=(scenarios, "results.scenarios of many feeders", COUNTS, keys))
    cube = cube_of(scenarios)
    weights = weights_of(feeders, scenarios).set_index(FEEDER).loc[cube.feeder]
    regions, weight = weights["region"].to_numpy(object), weights["weight"].to_numpy(np.float64)
    named = sorted(set(regions))
    pairs = np.array(list(neighbours(cube.points)), np.int64).reshape(-1, 2)
    at = _changed(cube, pairs) if changes else cube._replace(feeder=[""])
    places = {key: column for key, column in at.places().items() if key != FEEDER}
    parts = [(None, np.ones(len(regions), bool))] + [(name, regions == name) for name in named if len(named) > 1]
    tables = []
    for indicator, adds_up, values in _quantities(cube, None if changes else weights["n_homes"].to_numpy(np.float64)):
        of = _Means.of(values[:, pairs[:, 1]] - values[:, pairs[:, 0]] if changes else values)
        kind = "total" if adds_up else "mean"
        for order, (region, here) in enumerate(parts):
            found = _estimated(_Means(*(one[here] for one in of)), weight[here], _strata(regions[here]), adds_up, confidence)
            if indicator.endswith("_probability") and not changes:
                found = _Estimate(*(np.clip(end, 0.0, 1.0) for end in found))
            about = {"_order": order, "region": region, **places, "indicator": indicator, "kind": kind}
            tables.append(pd.DataFrame({**about, "n_feeders": (of.m[here] > 0).sum(axis=0), **found._asdict()}))
    table = pd.concat(tables, ignore_index=True).sort_values(["_order", *places], kind="stable", ignore_index=True)
    table["region"] = table["region"].astype(object)
    return table.drop(columns="_order")


def _changed(cube: Cube, pairs: Ints) -> Cube:
    points = [cube.points[before] + cube.points[after] for before, after in pairs.tolist()]
    return cube._replace(feeder=[""], keys=[*(f"{key}_before" for key in cube.keys), *cube.keys], points=points)


def _quantities(cube: Cube, n_homes: Floats | None) -> Iterator[tuple[str, bool, Floats]]:
    """Name, whether it adds up, and (n_feeder, n_point, n_scenario) values."""
    columns = columns_of("scenarios")
    if n_homes is not None and not np.isnan(n_homes).any():
        yield "n_homes", True, np.where(cube.row >= 0, n_homes[:, None, None], np.nan)
    for indicator in indicators_of(cube.table):
        yield indicator, columns[indicator].adds_up, cube.values(indicator)
    for event in known_events(cube.table):
        yield f"{event}_probability", False, event_values(cube, event)


def _strata(regions: NDArray[Any]) -> Ints:
    """A number for each feeder's stratum: its region; regions with one feeder are put together, or to the smallest other."""
    _, code, size = np.unique(regions.astype(str), return_inverse=True, return_counts=True)
    together = size == 1
    if together.sum() == 1 and len(size) > 1:
        together[np.argmin(np.where(together, np.iinfo(np.int64).max, size))] = True
    merged = np.where(together, -1, np.arange(len(size)))
    return np.unique(merged[code], return_inverse=True)[1]


def _estimated(of: _Means, weight: Floats, strata: Ints, adds_up: bool, confidence: float) -> _Estimate:
    """(n_point,) estimates of the means of feeders."""
    m, x, variance = of
    w = np.broadcast_to(weight[:, None], x.shape)
    is_in = (m > 0) | adds_up
    if adds_up:
        estimate, y, a = (w * x).sum(axis=0), w * x, w**2 * variance
    else:
        total = np.where(is_in, w, 0.0).sum(axis=0)
        with np.errstate(invalid="ignore", divide="ignore"):
            estimate = np.where(is_in, w * x, 0.0).sum(axis=0) / total
            y = np.where(is_in, w * (x - estimate) / total, 0.0)
            a = np.where(is_in, (w / total) ** 2 * variance, 0.0)
    low, high = _sampled(estimate, y, is_in, strata, confidence)
    spread = a.sum(axis=0)
    with np.errstate(invalid="ignore", divide="ignore"):
        freedom = spread**2 / np.where(is_in & (a > 0.0), a**2 / (m - 1), 0.0).sum(axis=0)
    half = np.where(spread > 0.0, _student(freedom, confidence) * np.sqrt(spread), spread)
    return _Estimate(estimate, low, high, estimate - half, estimate + half)


def _sampled(estimate: Floats, y: Floats, is_in: NDArray[np.bool_], strata: Ints, confidence: float) -> tuple[Floats, Floats]:
    """The interval if feeders are a stratified sample; NaN where a stratum has one feeder."""
    belongs = (strata[None, :] == np.arange(strata.max() + 1)[:, None]).astype(np.float64)
    n = belongs @ is_in
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = belongs @ y / n
        from_mean = np.where(is_in, y - mean[strata], 0.0) ** 2
        within = n / (n - 1.0) * (belongs @ from_mean)
    spread = np.where(n > 1.0, within, np.where(n == 0.0, 0.0, np.nan)).sum(axis=0)
    freedom = n.sum(axis=0) - (n > 0.0).sum(axis=0)
    half = _student(freedom, confidence) * np.sqrt(spread)
    return estimate - half, estimate + half


def _student(freedom: Floats, confidence: float) -> Floats:
    """Half the width of an interval in standard errors; NaN without a degree of freedom."""
    return np.asarray(-special.stdtrit(np.where(freedom > 0.0, freedom, np.nan), (1.0 - confidence) / 2.0), np.float64)
