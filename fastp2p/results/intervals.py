"""Confidence intervals of means, quantiles, probabilities and rates."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import special  # scipy.stats would take half a second more to import

Floats = NDArray[np.float64]

FEW_SCENARIOS = 10
"""Where fewer scenarios have an event, or lack it, the spread between scenarios is not known well enough to rely on."""


def quantile_interval(ordered: Floats, q: float, confidence: float) -> tuple[float, float]:
    """Order statistics between which the q-quantile lies with at least this confidence; NaN where there are none.

    The number of values below the quantile is binomial (David and Nagaraja 2003, Order Statistics, section 7.1).

    Parameters
    ----------
    ordered : (n,) float
        Rising.
    q, confidence : float
    """
    n = len(ordered)
    if not n:
        return np.nan, np.nan
    tail = (1.0 - confidence) / 2.0
    count = np.arange(n + 1.0)
    below = int(np.argmax(special.bdtr(count, n, q) >= tail))  # P(fewer than `below` values under the quantile) < tail
    above = int(np.argmax(special.bdtrc(count, n, q) <= tail)) + 1
    low = float(ordered[below - 1]) if below >= 1 else -np.inf
    high = float(ordered[above - 1]) if above <= n else np.inf
    return low, high


def proportion_interval(n_events: float, n: float, confidence: float) -> tuple[float, float]:
    """Interval of a probability from so many events in n trials (Clopper and Pearson 1934).

    Parameters
    ----------
    n_events, n : float
        Whole numbers, or so many as a sample of other size is worth.
    confidence : float
    """
    tail = (1.0 - confidence) / 2.0
    low = special.betaincinv(n_events, n - n_events + 1, tail) if n_events > 0 else 0.0
    high = special.betaincinv(n_events + 1, n - n_events, 1.0 - tail) if n_events < n else 1.0
    return float(low), float(high)


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
    m, total = len(n), float(n.sum())
    if m < 2:
        return np.nan, np.nan
    rate, tail = float(count.sum()) / total, (1.0 - confidence) / 2.0
    variance = m / (m - 1.0) * float(((count - rate * n) ** 2).sum()) / total**2
    worth = min(total, rate * (1.0 - rate) / variance) if variance > 0.0 else total
    worth *= float(special.stdtrit(max(total - 1.0, 1.0), tail) / special.stdtrit(m - 1.0, tail)) ** 2
    if min(np.count_nonzero(count), np.count_nonzero(count < n)) < FEW_SCENARIOS:
        worth = min(worth, float(m))
    return proportion_interval(rate * worth, worth, confidence)


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
