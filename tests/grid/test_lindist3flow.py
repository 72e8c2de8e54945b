"""LinDist3Flow: the oracle's sums along paths, the balanced model, and how far it is from AC."""

import functools

import numpy as np
import pytest

import fastp2p
from fastp2p.io.network_sources import load_network
from tests.oracles import lindist3flow as oracle
from tests.support.phase_books import RANDOM, SHIPPED, homes, network_of, random_power

PV_KW = 5.0


@pytest.mark.parametrize("name", RANDOM + SHIPPED)
def test_flows_and_voltages_are_those_of_the_oracle(name):
    network = network_of(name)
    at, (p, q) = homes(network), random_power(network)
    found = fastp2p.lindist3flow(network, p, q, bus=at)
    far, _, square = oracle.state(network, at, p, q)
    np.testing.assert_allclose(found.flow_kw + 1j * found.flow_kvar, far, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.vm_pu**2, square, rtol=0, atol=1e-11)


def test_which_buses_inject_changes_nothing():
    """Chains end at other places then."""
    network, rng = network_of("ieee_european_lv_asymmetric"), np.random.default_rng(2)
    at = homes(network)
    p = rng.uniform(-2.0, 2.0, (4, len(at), 3))
    everywhere = np.zeros((4, network.n_bus, 3))
    everywhere[:, at] = p
    some, every = fastp2p.lindist3flow(network, p, 0.2 * p, bus=at), fastp2p.lindist3flow(network, everywhere, 0.2 * everywhere)
    np.testing.assert_allclose(some.vm_pu, every.vm_pu, rtol=0, atol=1e-12)
    np.testing.assert_allclose(some.flow_kw, every.flow_kw, rtol=0, atol=1e-10)


@pytest.mark.parametrize("name", ["Dyn 9 2", "YNyn 7 1", "cigre_lv"])
def test_thirds_are_the_balanced_model(name):
    network = network_of(name)
    p, q = np.random.default_rng(1).uniform(-3.0, 3.0, (2, 5, network.n_bus))
    whole = fastp2p.lindistflow(network, p, q)
    thirds = fastp2p.lindist3flow(network, *(np.repeat(one[..., None] / 3.0, 3, axis=2) for one in (p, q)))
    np.testing.assert_allclose(thirds.vm_pu, np.repeat(whole.vm_pu[..., None], 3, axis=2), rtol=0, atol=1e-10)
    np.testing.assert_allclose(thirds.flow_kw.sum(axis=2), whole.flow_kw, rtol=0, atol=1e-9)
    np.testing.assert_allclose(thirds.flow_kvar.sum(axis=2), whole.flow_kvar, rtol=0, atol=1e-9)


@functools.cache
def european_loads():
    """The feeder, and the kW + j kvar that its own loads inject on each phase."""
    net = load_network("ieee_european_lv_asymmetric")
    network = fastp2p.Network.from_pandapower(net, phases=3)
    return network, network.phase_injection_kva(net)


@pytest.mark.parametrize(
    ("load", "pv_kw", "percent", "lowest", "highest"),
    [(0.5, 0.0, 0.0235, 1.0237, 1.0589), (1.0, 0.0, 0.1051, 0.9962, 1.0680), (1.0, PV_KW, 0.2473, 1.0500, 1.1289)],
)
def test_voltages_are_near_those_of_ac(load, pv_kw, percent, lowest, highest):
    """The table of docs/phases.md: the European feeder under its own loads, and PV on the phase of each."""
    network, own = european_loads()
    injected = load * own + pv_kw * (own != 0.0)
    exact = fastp2p.phase_flow(network, injected.real, injected.imag).vm_pu
    linear = fastp2p.lindist3flow(network, injected.real, injected.imag).vm_pu
    assert 100.0 * np.abs(linear / exact - 1.0).max() == pytest.approx(percent, abs=1e-3)
    assert (exact.min(), exact.max()) == pytest.approx((lowest, highest), abs=1e-4)


def test_a_network_of_one_phase_is_refused():
    with pytest.raises(fastp2p.InputError, match="load it with phases=3"):
        fastp2p.lindist3flow(fastp2p.Network.load("cigre_lv"), np.zeros((1, 44, 3)))
