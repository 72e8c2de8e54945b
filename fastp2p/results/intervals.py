"""Confidence intervals of means, quantiles, probabilities and rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special  # scipy.stats would take half a second more to import

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FEW_SCENARIOS = 10
"""Where fewer scenarios have an event, or lack it, the spread between scenarios is not known well enough to rely on."""


def quantile_ranks(n: int, q: float, confidence: float) -> tuple[int, int]:
    """Ranks, from 1 on, of the order statistics between which the q-quantile lies; 0 and n + 1 where there are none.

    The number of values below the quantile is binomial (David and Nagaraja 2003, Order Statistics, section 7.1).
    """
    tail = (1.0 - confidence) / 2.0
    count = np.arange(n + 1.0)
    below = int(np.argmax(special.bdtr(count, n, q) >= tail))  # P(fewer than `below` values under the quantile) < tail
    return below, int(np.argmax(special.bdtrc(count, n, q) <= tail)) + 1


def quantile_interval(ordered: Floats, q: float, confidence: float) -> tuple[float, float]:
    """Order statistics between which the q-quantile lies with at least this confidence; NaN where there are none.

    Parameters
    ----------
    ordered : (n,) float
        Rising.
    q, confidence : float
    """
    n = len(ordered)
    if not n:
        return np.nan, np.nan
    below, above = quantile_ranks(n, q, confidence)
    low = float(ordered[below - 1]) if below >= 1 else -np.inf
    high = float(ordered[above - 1]) if above <= n else np.inf
    return low, high


def quantiles_of(ordered: Floats, n: Ints, q: float, confidence: float) -> tuple[Floats, Floats, Floats]:
    """The q-quantile of every row of known numbers, and its interval by `quantile_interval`.

    Parameters
    ----------
    ordered : (n_rows, width) float
        Rising, NaN last.
    n : (n_rows,) int
        How many are known.
    q, confidence : float

    Returns
    -------
    quantile, low, high : (n_rows,) float64
    """
    quantile, low, high = np.full((3, len(n)), np.nan)
    for count in np.unique(n[n > 0]).tolist():
        at = n == count
        rows = ordered[at]
        below, above = quantile_ranks(count, q, confidence)
        quantile[at] = np.quantile(rows[:, :count], q, axis=1)
        low[at] = rows[:, below - 1] if below >= 1 else -np.inf
        high[at] = rows[:, above - 1] if above <= count else np.inf
    return quantile, low, high


def proportion_interval(n_events: float, n: float, confidence: float) -> tuple[float, float]:
    """Interval of a probability from so many events in n trials (Clopper and Pearson 1934).

    Parameters
    ----------
    n_events, n : float
        Whole numbers, or so many as a sample of other size is worth.
    confidence : float
    """
    low, high = proportion_intervals(np.array([n_events], np.float64), np.array([n], np.float64), confidence)
    return float(low[0]), float(high[0])


def proportion_intervals(n_events: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats]:
    """`proportion_interval` of each pair of (n_rows,) numbers."""
    tail = (1.0 - confidence) / 2.0
    pairs, back = np.unique(np.stack([n_events, n]), axis=1, return_inverse=True)
    k, m = pairs
    low, high = np.zeros(len(k)), np.ones(len(k))
    some, most = k > 0, k < m
    low[some] = special.betaincinv(k[some], (m - k + 1)[some], tail)
    high[most] = special.betaincinv((k + 1)[most], (m - k)[most], 1.0 - tail)
    return low[back.ravel()], high[back.ravel()]


def rate_interval(count: Floats, n: Floats, confidence: float) -> tuple[float, float]:
    """Interval of Σ count / Σ n over scenarios that are alike within; NaN for fewer than two.

    The scenario is the cluster. The linearised variance of the ratio says how many independent books the sample is worth, and
    the exact interval of a proportion is taken of so many (Korn and Graubard 1998, Confidence intervals for proportions with
    small expected number of positive counts estimated from survey data). Where fewer than ten scenarios have such a book, or
    fewer than ten have one that is not, the variance is not known well enough, and a scenario is worth no more than one book.

    Parameters
    ----------
    count, n : (n_scenarios,) float
        Books with the event, and books that were looked at: one at least.
    confidence : float
    """
    _, low, high = rates_of(count[None, :], n[None, :], confidence)
    return float(low[0]), float(high[0])


def rates_of(count: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats, Floats]:
    """Σ count / Σ n of every row, and its interval by `rate_interval`.

    Parameters
    ----------
    count, n : (n_rows, n_scenarios) float
        Scenarios whose n is 0 or NaN were not looked at.
    confidence : float

    Returns
    -------
    rate, low, high : (n_rows,) float64
    """
    looked_at = n > 0.0
    order, m_of = np.argsort(~looked_at, axis=1, kind="stable"), looked_at.sum(axis=1)
    count, n = np.take_along_axis(count, order, axis=1), np.take_along_axis(n, order, axis=1)
    rate, low, high = np.full((3, len(m_of)), np.nan)
    for m in np.unique(m_of[m_of > 0]).tolist():
        at = m_of == m
        rate[at], low[at], high[at] = _rates(count[at, :m], n[at, :m], confidence)
    return rate, low, high


def _rates(count: Floats, n: Floats, confidence: float) -> tuple[Floats, Floats, Floats]:
    """The same where every scenario was looked at."""
    m, total = n.shape[1], n.sum(axis=1)
    rate, tail = count.sum(axis=1) / total, (1.0 - confidence) / 2.0
    if m < 2:
        return rate, np.full(len(rate), np.nan), np.full(len(rate), np.nan)
    variance = m / (m - 1.0) * ((count - rate[:, None] * n) ** 2).sum(axis=1) / total**2
    by_variance = np.divide(rate * (1.0 - rate), variance, out=total.copy(), where=variance > 0.0)
    worth = np.minimum(total, by_variance)
    worth *= (special.stdtrit(np.maximum(total - 1.0, 1.0), tail) / special.stdtrit(m - 1.0, tail)) ** 2
    is_rare = np.minimum(np.count_nonzero(count, axis=1), np.count_nonzero(count < n, axis=1)) < FEW_SCENARIOS
    worth = np.where(is_rare, np.minimum(worth, float(m)), worth)
    return rate, *proportion_intervals(rate * worth, worth, confidence)


def mean_interval(values: Floats, confidence: float) -> tuple[float, float]:
    """Student's interval of a mean; infinite for a single value, NaN for none.

    Parameters
    ----------
    values : (n,) float
    confidence : float
    """
    if len(values) < 2:
        return (-np.inf, np.inf) if len(values) else (np.nan, np.nan)
    half = -special.stdtrit(len(values) - 1, (1.0 - confidence) / 2.0) * values.std(ddof=1) / np.sqrt(len(values))
    return float(values.mean() - half), float(values.mean() + half)


def means_of(values: Floats, confidence: float) -> tuple[Ints, Floats, Floats, Floats]:
    """The mean of the known numbers of every row, and its interval by `mean_interval`.

    Parameters
    ----------
    values : (n_rows, width) float
        NaN where one is unknown.
    confidence : float

    Returns
    -------
    n, mean, low, high : (n_rows,)
    """
    unknown = np.isnan(values)
    n = values.shape[1] - unknown.sum(axis=1)
    if unknown.any():
        values = np.take_along_axis(values, np.argsort(unknown, axis=1, kind="stable"), axis=1)
    mean, half = np.full((2, len(n)), np.nan)
    for count in np.unique(n[n > 0]).tolist():  # sums of so many alone, so that a row does not depend on the others
        at = n == count
        rows = values[at, :count]
        mean[at], half[at] = rows.mean(axis=1), np.inf
        if count > 1:
            student = -float(special.stdtrit(count - 1, (1.0 - confidence) / 2.0))
            half[at] = student * rows.std(axis=1, ddof=1) / np.sqrt(count)
    return n, mean, mean - half, mean + half
