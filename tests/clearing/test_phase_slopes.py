"""The oracle of the linear rows against power flows: finite differences, a dense Newton method, Gan and Low's equation."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings

import fastp2p
from tests.oracles import lindist3flow as oracle
from tests.oracles import phases as newton
from tests.support import phase_books
from tests.support.asymmetric import phase_trees
from tests.support.phase_books import homes, network_of, random_power

SHUNT_FREE = phase_books.RANDOM
TURNED = [name for name in SHUNT_FREE if not name.startswith("lines")]

every_random = pytest.mark.parametrize("name", SHUNT_FREE)
every_network = pytest.mark.parametrize("name", phase_books.RANDOM + phase_books.SHIPPED)


@every_network
def test_voltages_are_the_slopes_of_power_flows_at_no_load(name):
    """What is left out falls with the square of a step: a tenth of the step leaves a tenth of the error per kW."""
    network = network_of(name)
    at, (p, q) = homes(network), random_power(network)
    rise = oracle.state(network, at, p, q)[2] - oracle.state(network, at, 0.0 * p, 0.0 * q)[2]
    idle = fastp2p.phase_flow(network, 0.0 * p[:1], bus=at).vm_pu ** 2
    errors = []
    for step in (1.0, 0.1):
        found = (fastp2p.phase_flow(network, step * p, step * q, bus=at).vm_pu ** 2 - idle) / step
        errors.append(np.abs(found - rise).max() / np.abs(rise).max())
    assert errors[0] < 0.05
    if name in SHUNT_FREE:
        assert 0.08 < errors[1] / errors[0] < 0.125
    else:
        assert errors[1] < 2e-3


@every_random
def test_voltages_are_the_central_differences_of_power_flows(name):
    """To 1e-5 of the largest; one phase of one bus at a time, kW and kvar."""
    network = network_of(name)
    at = homes(network)
    n, step = len(at), 0.3
    pushes = step * np.eye(3 * n).reshape(-1, n, 3)
    found = oracle.responses(network, at).square
    for row, (p, q) in enumerate(((pushes, 0.0 * pushes), (0.0 * pushes, pushes))):
        up, down = (fastp2p.phase_flow(network, sign * p, sign * q, bus=at).vm_pu ** 2 for sign in (1.0, -1.0))
        slopes = np.moveaxis((up - down) / (2.0 * step), 0, -1).reshape(network.n_bus, 3, n, 3)
        np.testing.assert_allclose(slopes, found[row], rtol=0, atol=3e-5 * np.abs(found[row]).max())


@every_random
def test_flows_are_the_currents_of_power_flows_near_no_load(name):
    """|S| = |U| |J| at both ends of every branch, those of transformers with a delta winding among them."""
    network = network_of(name)
    at, (p, q) = homes(network), random_power(network)
    tree, step = oracle.tree_of(network), 1e-2
    far, near, _ = oracle.state(network, at, step * p, step * q)
    flow = fastp2p.phase_flow(network, step * p, step * q, bus=at)
    below = np.flatnonzero(tree.branch >= 0)
    branch, up = tree.branch[below], tree.parent[below]
    child_is_from = (network.from_bus[branch] == below)[:, None]
    ends = np.where(child_is_from, flow.from_ka[:, branch], flow.to_ka[:, branch])
    tops = np.where(child_is_from, flow.to_ka[:, branch], flow.from_ka[:, branch])
    for kva, ka, bus in ((far, ends, below), (near, tops, up)):
        volts = np.abs(tree.u[bus, 0]) * network.base_kv[bus] * 1e3 / math.sqrt(3.0)
        np.testing.assert_allclose(ka * volts[:, None], np.abs(kva[:, branch]), rtol=0, atol=2e-3 * step)


@pytest.mark.parametrize("name", [name for name in SHUNT_FREE if name.startswith("lines")])
def test_on_lines_it_is_the_equation_of_gan_and_low(name):
    network = network_of(name)
    if not (network.zero.grid_zero_pu == 0.0).all():
        network = replace(network, zero=replace(network.zero, grid_zero_pu=[0.0], grid_negative_pu=[0.0]))
    p, q = np.random.default_rng(5).uniform(-5.0, 5.0, (2, network.n_bus, 3))
    square = oracle.state(network, np.arange(network.n_bus), p[None], q[None])[2]
    np.testing.assert_allclose(square[0], oracle.by_gan_and_low(network, p, q), rtol=0, atol=1e-12)


@pytest.mark.parametrize("name", TURNED)
def test_transformers_are_the_element_tables(name):
    """Slopes of a dense Newton method in volts and ohms, which knows nothing of `Network`."""
    net, network = phase_books.feeder(*(int(part) if part.isdigit() else part for part in name.split())), network_of(name)
    ideal = bool(int(name.split()[2]) % 2)
    at, step = network.positions(net.bus.index), 0.2
    p, q = step * np.random.default_rng(6).uniform(-1.0, 1.0, (2, len(at), 3))
    p[0], q[0] = 0.0, 0.0
    if name.startswith("D"):
        p[:2], q[:2] = 0.5 * p[:2], 0.5 * q[:2]
    squares = [newton.solve(net, sign * p, sign * q, ideal=ideal).vm_pu ** 2 for sign in (1.0, -1.0)]
    linear = [oracle.state(network, at, sign * p[None], sign * q[None])[2][0, at] for sign in (1.0, -1.0)]
    rise = (linear[0] - linear[1]) / 2.0
    np.testing.assert_allclose((squares[0] - squares[1]) / 2.0, rise, rtol=0, atol=1e-4 * np.abs(rise).max())


def without_shunts(net):
    for table, zero in (("line", ("c_nf_per_km", "c0_nf_per_km", "g_us_per_km")), ("trafo", ("pfe_kw", "i0_percent"))):
        for column in zero:
            net[table][column] = 0.0
    passes = net.trafo.vector_group == "YNyn"
    net.trafo.loc[passes, "mag0_percent"], net.trafo.loc[passes, "mag0_rx"] = 1e14, 0.0
    net.shunt = net.shunt.iloc[:0]
    return fastp2p.Network.from_pandapower(net, phases=3)


@pytest.mark.slow
@settings(deadline=None, max_examples=8, derandomize=True)
@given(phase_trees())
def test_forests_are_the_slopes_of_power_flows(case):
    """Several grids with impedances, parallel lines in either direction, tapped transformers, some fed at their lower side."""
    net, kw, kvar = case
    network = without_shunts(net)
    at, step = network.positions(net.bus.index), 0.02
    p, q = np.zeros((2, network.n_bus, 3))
    p[at], q[at] = step * kw, step * kvar
    squares = [fastp2p.phase_flow(network, sign * p, sign * q).vm_pu[0] ** 2 for sign in (1.0, -1.0)]
    every = np.arange(network.n_bus)
    up, down = (oracle.state(network, every, sign * p[None], sign * q[None])[2][0] for sign in (1.0, -1.0))
    rise = (up - down) / 2.0
    np.testing.assert_allclose((squares[0] - squares[1]) / 2.0, rise, rtol=0, atol=1e-3 * np.abs(rise).max() + 4e-9)


@pytest.mark.parametrize("name", TURNED)
def test_a_transformer_passes_all_power_on(name):
    """Whatever it does to the phases, their sum stays; what is a third on each stays that."""
    network = network_of(name)
    (branch,) = np.flatnonzero(network.element == "trafo")
    found = oracle.responses(network, homes(network))
    far, near = (oracle.by_branch(network, found, end)[:, branch] for end in (found.far, found.near))
    np.testing.assert_allclose(near.sum(axis=1), far.sum(axis=1), rtol=0, atol=1e-12)
    np.testing.assert_allclose(near.sum(axis=3), far.sum(axis=3), rtol=0, atol=1e-12)
    assert (np.abs(near - far).max() > 0.4) == bool(network.zero.to_ground[branch])
