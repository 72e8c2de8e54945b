"""Uniform numbers that go with those of PV."""

import numpy as np
import pytest
from scipy import stats

from fastp2p.pipeline.correlation import correlated
from fastp2p.study.distributions import LAST

U, U_PV = np.random.default_rng(1).random((2, 20_000))


def test_without_correlation_nothing_changes():
    assert correlated(U, U_PV, 0.0) is U


@pytest.mark.parametrize("rho", [-0.9, 0.3, 0.8])
def test_numbers_stay_uniform_and_their_normals_have_this_correlation(rho):
    together = correlated(U, U_PV, rho)
    assert stats.kstest(together, "uniform").pvalue > 0.01
    normals = stats.norm.ppf(together), stats.norm.ppf(U_PV)
    assert np.corrcoef(*normals)[0, 1] == pytest.approx(rho, abs=0.01)


def test_with_one_they_are_those_of_pv_and_with_minus_one_their_opposites():
    np.testing.assert_allclose(correlated(U, U_PV, 1.0), U_PV, atol=1e-12)
    np.testing.assert_allclose(correlated(U, U_PV, -1.0), 1.0 - U_PV, atol=1e-12)


@pytest.mark.parametrize("rho", [-1.0, -0.5, 0.5, 1.0])
def test_they_stay_within_zero_and_one(rho):
    ends = np.array([0.0, LAST])
    together = correlated(*np.meshgrid(ends, ends), rho)
    assert (together >= 0.0).all()
    assert (together < 1.0).all()
