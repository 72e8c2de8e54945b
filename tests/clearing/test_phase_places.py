"""The screen of three phases says the same of the places that tell of all others as of all places."""

import numpy as np
import pytest

from bench import joints_phases
from fastp2p.clearing.answer import Injection
from fastp2p.clearing.phase_limits import PhaseLimits, _screened
from tests.grid.test_phase_inside import KINDS, books_of, network_of


def limits_of(network, at, n_books, band_pu):
    on_phase, none = np.zeros((n_books, len(at)), np.int8), np.zeros(len(at))
    return PhaseLimits(network, at, on_phase, on_phase, band_pu, none, none)


def assert_told_from_few(kind, seed):
    """How many books break limits before any trade, and with all of them."""
    rng = np.random.default_rng([seed, list(KINDS).index(kind)])
    network, told = network_of(rng, **KINDS[kind]), np.zeros(2, int)
    at = np.sort(rng.choice(np.arange(1, network.n_bus), int(rng.integers(1, 8)), replace=False))
    kw, kvar = (rng.choice([0.3, 1.0, 3.0]) * one for one in books_of(rng, network, at))
    for band_pu in (None, (0.95, 1.05), (0.99, 1.01)):
        limits = limits_of(network, at, len(kw), band_pu)
        floor, full = Injection(kw * rng.uniform(0.0, 1.2), 0.5 * kvar), Injection(kw, kvar)
        whole, few = _screened(network, at.tobytes(), band_pu)
        assert len(few.bounds.most_kva) <= len(whole.bounds.most_kva)
        found, expected = limits.screen(floor, full), limits._screen_on(whole, floor, full)
        np.testing.assert_array_equal(found.overload, expected.overload)
        np.testing.assert_array_equal(found.congested, expected.congested)
        np.testing.assert_allclose(found.loading_percent, expected.loading_percent, rtol=1e-9, atol=1e-9)
        told += expected.overload.sum(), expected.congested.sum()
    return told


@pytest.mark.parametrize("kind", KINDS)
def test_few_places_tell_of_all(kind):
    overload, congested = sum(assert_told_from_few(kind, seed) for seed in range(3))
    assert overload > 0
    assert congested > 0


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_few_places_tell_of_all_of_many_networks(kind):
    for seed in range(100, 125):
        assert_told_from_few(kind, seed)


def test_joints_of_a_cable_are_not_looked_at(monkeypatch):
    monkeypatch.setattr(joints_phases, "JOINTS", (200,))
    (network,) = joints_phases.networks(0.0).values()
    homes = np.sort(network.positions([11, 15, 16, 17, 18]))
    _, few = _screened(network, homes.tobytes(), (0.9, 1.1))
    assert network.n_bus > 200
    assert len(few.bounds.most_kva) < 40
    limits, kw = limits_of(network, homes, 2, (0.9, 1.1)), np.full((2, 5, 3), [[[1.0]], [[900.0]]])
    assert limits.screen(Injection(0.1 * kw, 0.0 * kw), Injection(kw, 0.0 * kw)).congested.tolist() == [0, 1]
