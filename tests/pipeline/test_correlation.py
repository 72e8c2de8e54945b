"""Random numbers of a device that go with those of PV: uniform, as correlated as asked, and themselves without correlation."""

import numpy as np
import pytest
from scipy import stats

from fastp2p.pipeline.correlation import correlated
from fastp2p.study.distributions import LAST

RANDOM = np.random.default_rng(2)
U, U_PV = RANDOM.random((2, 50_000))
EDGES = np.array([0.0, 5e-324, 2.0**-60, 0.5, LAST])


@pytest.mark.parametrize("rho", [-1.0, -0.5, 0.3, 0.9, 1.0])
def test_numbers_stay_uniform_and_go_with_those_of_pv(rho):
    found = correlated(U, U_PV, rho)
    assert stats.kstest(found, "uniform").pvalue > 0.01
    assert np.corrcoef(stats.norm.ppf(found), stats.norm.ppf(U_PV))[0, 1] == pytest.approx(rho, abs=0.01)
    both = stats.multivariate_normal.cdf(stats.norm.ppf([0.3, 0.2]), cov=[[1.0, rho], [rho, 1.0]], allow_singular=True)
    assert ((found < 0.3) & (U_PV < 0.2)).mean() == pytest.approx(both, abs=0.005)


def test_numbers_without_correlation_are_the_same_to_the_bit():
    assert correlated(U, U_PV, 0.0) is U


def test_full_correlation_is_the_number_of_pv_or_its_opposite():
    np.testing.assert_allclose(correlated(U, U_PV, 1.0), U_PV, atol=1e-12)
    np.testing.assert_allclose(correlated(U, U_PV, -1.0), 1.0 - U_PV, atol=1e-12)


@pytest.mark.parametrize("rho", [-1.0, -0.5, 1e-300, 0.5, 1.0])
def test_no_number_reaches_one(rho):
    """So that a share of 1 is all of them."""
    found = correlated(*np.meshgrid(EDGES, EDGES), rho)
    assert (found >= 0.0).all()
    assert (found < 1.0).all()
