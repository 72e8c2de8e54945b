"""Uniform numbers that go with others."""

import numpy as np
import pytest
from scipy import stats

from fastp2p.pipeline.correlation import correlated

U, U_PV = np.random.default_rng(7).random((2, 40, 100))


def test_without_correlation_nothing_changes():
    assert correlated(U, U_PV, 0.0).tobytes() == U.tobytes()


@pytest.mark.parametrize("rho", [-1.0, -0.6, 0.3, 0.9, 1.0])
def test_they_are_uniform_and_as_correlated_as_asked(rho):
    """The rank correlation of two normals is 6/π asin(ρ/2)."""
    found = correlated(U, U_PV, rho)
    assert found.shape == U.shape
    assert stats.kstest(found.ravel(), "uniform").pvalue > 0.01
    assert stats.spearmanr(found.ravel(), U_PV.ravel()).statistic == pytest.approx(6.0 / np.pi * np.arcsin(rho / 2.0), abs=0.03)


def test_they_stay_below_one():
    """So that everyone has a device at a share of 1."""
    ends = np.array([0.0, 1.0 - 2.0**-53])
    for rho in (-1.0, -0.5, 0.5, 1.0):
        found = correlated(*np.meshgrid(ends, ends), rho)
        assert (found >= 0.0).all()
        assert (found < 1.0).all()
