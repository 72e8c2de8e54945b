"""Confidence intervals: that they cover, and that they are those of scipy.stats."""

import numpy as np
import pytest
from scipy import stats

from fastp2p.results.intervals import mean_interval, proportion_interval, quantile_interval, rate_interval, rates_of


@pytest.mark.parametrize("q", [0.5, 0.95])
@pytest.mark.parametrize("n", [40, 200])
def test_quantile_intervals_cover(q, n):
    """Of 2,000 samples, at least 95 % of the intervals hold the true quantile (less three standard errors of that count)."""
    rng = np.random.default_rng(3)
    samples = np.sort(rng.exponential(size=(2000, n)), axis=1)
    truth = stats.expon.ppf(q)
    held = [low <= truth <= high for low, high in (quantile_interval(sample, q, 0.95) for sample in samples)]
    assert np.mean(held) >= 0.95 - 3 * np.sqrt(0.95 * 0.05 / 2000)
    assert np.mean(held) < 0.995


def test_too_few_scenarios_say_so():
    assert quantile_interval(np.array([1.0, 2.0]), 0.5, 0.95) == (-np.inf, np.inf)


@pytest.mark.parametrize("n", [1, 2, 30, 1_000])
@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.999])
def test_intervals_equal_those_of_scipy_stats(n, confidence):
    values = np.random.default_rng(n).normal(size=n)
    for n_events in {0, 1, n // 3, n}:
        expected = stats.binomtest(n_events, n).proportion_ci(confidence, "exact")
        assert proportion_interval(n_events, n, confidence) == pytest.approx((expected.low, expected.high), rel=1e-9)
    if n > 1:
        expected = stats.t.interval(confidence, n - 1, values.mean(), stats.sem(values))
        assert mean_interval(values, confidence) == pytest.approx(expected, rel=1e-9)
    ordered, tail = np.arange(1.0, n + 1), (1.0 - confidence) / 2.0
    for q in (0.01, 0.5, 0.9):
        below, above = stats.binom.ppf(tail, n, q), stats.binom.isf(tail, n, q) + 1
        low, high = quantile_interval(ordered, q, confidence)
        assert low == (below if below >= 1 else -np.inf)
        assert high == (above if above <= n else np.inf)


@pytest.mark.parametrize(("n", "p"), [(8, 0.5), (20, 0.9)])
def test_rates_of_weighted_clusters_cover(n, p):
    """A part of feeders by weight: of 2,000 samples, about 95 % of the intervals or more hold the true part."""
    rng = np.random.default_rng(n)
    weight = rng.integers(1, 6, (2000, n)).astype(float)
    weight /= weight.mean(axis=1, keepdims=True)
    rate, low, high = rates_of(weight * (rng.random((2000, n)) < p), weight, 0.95)
    assert ((low <= p) & (high >= p)).mean() == pytest.approx(0.975, abs=0.025)
    assert ((low <= rate) & (rate <= high)).all()


def test_rates_of_many_rows_are_those_of_each_alone():
    """To the bit, also where other rows have more scenarios."""
    rng = np.random.default_rng(3)
    n = rng.integers(0, 5, (40, 30)).astype(float)
    n[::3, 12:] = np.nan
    count = np.where(n > 0, rng.integers(0, 5, n.shape) % (np.nan_to_num(n) + 1), np.nan)
    rate, low, high = rates_of(count, n, 0.9)
    for row in range(40):
        known = n[row] > 0
        assert (low[row], high[row]) == rate_interval(count[row][known], n[row][known], 0.9)
        assert rate[row] == count[row][known].sum() / n[row][known].sum()
