"""A network contracted to those who take part says the same as the whole network, of every bus and branch."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.clearing.answer import Injection
from fastp2p.clearing.limits import DcLimits, LinearLimits
from fastp2p.grid.ac import ac_flow, summarise_flows
from fastp2p.grid.chains import find_chains, telling_members
from fastp2p.grid.contraction import contracted
from fastp2p.grid.feeder import ac_faults
from tests.support.radial_networks import RADIAL, load

BAND_PU = (0.95, 1.05)
N_BOOKS = 40


def random_tree(seed, n_bus, charging=True):
    """A network of random lines, transformers, taps, iron losses, shunts and limits, some of them zero or none."""
    rng = np.random.default_rng(seed)
    base = fastp2p.Network.load("cigre_lv")
    near = rng.random() < 0.5
    parent = np.array([max(0, i - 1 - int(rng.integers(0, 3 if near else i + 1))) for i in range(n_bus - 1)])
    child, n = np.arange(1, n_bus), n_bus - 1
    turned = rng.random(n) < 0.5
    kinds = rng.integers(0, 3, n) if rng.random() < 0.5 else np.zeros(n, int)
    length = rng.uniform(0.2, 2.0, n)
    is_trafo = rng.random(n) < 0.1
    shunt = np.where(rng.random(n) < 0.7, length * 2e-3j, 0) if charging else np.zeros(n, complex)
    shunt = shunt + np.where(is_trafo, 1e-2 - 3e-2j, 0) * charging
    limit = np.array([20.0, 35.0, 50.0])[kinds] * np.where(rng.random(n) < 0.2, rng.uniform(0.5, 2.0), 1.0)
    limit[rng.random(n) < 0.1] = np.inf
    fixed = np.zeros(n_bus)
    if charging:
        np.subtract.at(fixed, child, shunt.real)
        fixed[rng.random(n_bus) < 0.1] -= 0.02
    return dataclasses.replace(
        base, bus_id=np.where(rng.random(n_bus) < 0.9, np.arange(n_bus), -1), known_id=np.arange(n_bus),
        known_position=np.arange(n_bus), load_bus=np.empty(0, int), load_kind=np.empty(0, str), reference_bus=np.array([0]),
        reference_angle_rad=np.array([0.1]), fixed_kw=fixed, from_bus=np.where(turned, child, parent),
        to_bus=np.where(turned, parent, child), susceptance_kw=1e4 / length, shift_rad=np.where(is_trafo, np.pi / 6, 0.0),
        limit_kw=limit, element=np.where(is_trafo, "trafo", "line"), element_id=np.arange(n), winding=np.full(n, ""),
        std_type=np.full(n, "x"), ampacity_ka=np.full(n, 0.1), kw_per_ka=limit / 0.1, rating_kw=limit, length_km=length,
        base_kv=np.full(n_bus, 0.4), rated_kv=np.full((n, 2), 0.4), resistance_pu=length * np.array([3e-4, 1e-4, 6e-4])[kinds],
        reactance_pu=length * np.array([1e-4, 2e-4, 1e-4])[kinds],
        tap_ratio=np.where(is_trafo, rng.choice([1.0, 0.975], n), 1.0),
        from_shunt_pu=shunt / 2, to_shunt_pu=shunt / 2, bus_shunt_pu=np.where(rng.random(n_bus) < 0.05 * charging, 1e-3j, 0),
        slack_vm_pu=np.array([1.0]), ac_faults=np.empty(0, str), reverse_kw=np.empty(0),
    )  # fmt: skip


def states(network, seed, scale_kw):
    """Some buses, injections at them, and the same at all buses."""
    rng = np.random.default_rng(seed)
    bus = np.sort(rng.choice(network.n_bus, min(network.n_bus, int(rng.integers(1, 14))), replace=False))
    kw = rng.normal(size=(N_BOOKS, len(bus))) * scale_kw * rng.choice([0.1, 1.0], (N_BOOKS, 1))
    few = Injection(kw, 0.3 * kw * rng.normal(size=kw.shape))
    every = Injection(np.zeros((N_BOOKS, network.n_bus)), np.zeros((N_BOOKS, network.n_bus)))
    every.kw[:, bus], every.kvar[:, bus] = few.kw, few.kvar
    return bus, few, every


def scaled(injection, by):
    return Injection(by * injection.kw, by * injection.kvar)


def assert_same(found, expected, rtol=1e-12):
    for name, one, other in zip(type(found)._fields, found, expected, strict=True):
        if one.dtype.kind == "f":
            np.testing.assert_allclose(one, other, rtol=rtol, atol=rtol, err_msg=name)


def assert_alike(network, seed, scale_kw):
    bus, few, every = states(network, seed, scale_kw)
    nodes = np.arange(network.n_bus)
    flow = network.flow_kw(few.kw, bus=bus)
    np.testing.assert_allclose(flow, network.flow_kw(every.kw), rtol=1e-12, atol=1e-12 * np.abs(flow).max(initial=1.0))
    limits, whole = DcLimits(network, bus), DcLimits(network, nodes)
    screens = [(of.screen(scaled(at, 0.3), at)) for of, at in ((limits, few), (whole, every))]
    assert_same(*screens, rtol=1e-11)  # constant flows of phase shifters are differences of large numbers
    assert (screens[0].congested == screens[1].congested).all()
    assert (screens[0].overload == screens[1].overload).all()
    if ac_faults(network):
        return
    none = np.zeros(network.n_bus)
    limits, whole = LinearLimits(network, bus, BAND_PU, none[bus], none[bus]), LinearLimits(network, nodes, BAND_PU, none, none)
    screens = [(of.screen(scaled(at, 0.3), at)) for of, at in ((limits, few), (whole, every))]
    assert_same(*screens, rtol=1e-9)  # as rows are checked
    assert (screens[0].congested == screens[1].congested).all()
    (found, n_iterations), (expected, as_many) = summarise_flows(network, bus, *few), summarise_flows(network, nodes, *every)
    same = n_iterations == as_many  # else the change at a bus inside of a chain was the last above the tolerance
    assert same.mean() >= 0.9
    assert_same(found.of(same), expected.of(same))
    assert_same(found, expected, rtol=1e-8)
    flow, solved = ac_flow(network, *every), same & (n_iterations > 0)
    vm, buses = flow.vm_pu[solved], np.flatnonzero(network.has_band)
    if len(buses):
        np.testing.assert_allclose(found.lowest_vm_pu[solved], vm[:, buses].min(axis=1), rtol=1e-12)
        np.testing.assert_allclose(found.highest_vm_pu[solved], vm[:, buses].max(axis=1), rtol=1e-12)
        at = np.arange(len(vm))
        np.testing.assert_allclose(vm[at, found.lowest_bus[solved]], found.lowest_vm_pu[solved], rtol=1e-12)
        np.testing.assert_allclose(vm[at, found.highest_bus[solved]], found.highest_vm_pu[solved], rtol=1e-12)
    loading = np.nan_to_num(flow.loading_percent[solved]).max(axis=1, initial=0.0)
    np.testing.assert_allclose(found.loading_percent[solved], loading, rtol=1e-12, atol=1e-12)


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1), n_bus=st.integers(2, 60), charging=st.booleans(), scale_kw=st.sampled_from([0.3, 5.0, 40.0])
)
def test_a_random_tree_says_the_same_contracted(seed, n_bus, charging, scale_kw):
    assert_alike(random_tree(seed, n_bus, charging), seed, scale_kw)


@pytest.mark.parametrize("name", ["cigre_lv", "create_kerber_dorfnetz", "mv_oberrhein"])
def test_a_network_says_the_same_contracted(name):
    network = fastp2p.Network.load(name)
    for seed in range(3):
        assert_alike(network, seed, 10.0 if "mv" not in name else 500.0)


@pytest.mark.slow
@pytest.mark.parametrize("name", RADIAL)
def test_every_radial_network_says_the_same_contracted(name):
    network = fastp2p.Network.from_pandapower(load(name))
    finite = network.limit_kw[np.isfinite(network.limit_kw)]
    for seed in range(5):
        assert_alike(network, seed, 0.1 * float(np.median(finite)) if len(finite) else 1.0)


def test_a_meshed_network_stays_whole():
    network = fastp2p.Network.load("case118")
    bus, few, every = states(network, 1, 100.0)
    assert contracted(network, bus) is network
    np.testing.assert_array_equal(network.flow_kw(few.kw, bus=bus), network.flow_kw(every.kw))


def test_a_book_costs_what_follows_from_the_homes():
    """Nodes are grids, homes and forks: twice the homes at most, and the buses between a transformer and the first fork."""
    network = fastp2p.Network.load("ieee_european_lv_asymmetric")
    bus = np.sort(np.random.default_rng(3).choice(network.n_bus, 13, replace=False))
    for keep in (None, contracted.__defaults__[0]):
        assert contracted(network, bus, keep).n_bus <= 2 * len(bus) + 1


def test_chains_end_at_forks_and_dead_ends_leave():
    #      0 - 1 - 2 - 3 - 4     home at 4 and 6; 2 a fork; 7, 8 a dead end at 1
    from_bus, to_bus = np.array([0, 1, 2, 3, 2, 5, 1, 7]), np.array([1, 2, 3, 4, 5, 6, 7, 8])
    wanted = np.isin(np.arange(9), [0, 4, 6])
    chains = find_chains(from_bus, to_bus, wanted, np.array([0]))
    assert np.flatnonzero(chains.kept).tolist() == [0, 2, 4, 6]
    assert [chains.member[chains.of(k)].tolist() for k in range(len(chains))] == [[0, 1], [2, 3], [4, 5]]
    assert chains.start.tolist() == [0, 2, 2]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([-1.0, 0.0, 0.5, 2.0]), st.sampled_from([0.0, 1.0, 2.0, 3.0, np.inf])), min_size=1, max_size=6
    )
)
def test_members_that_tell_imply_all_limits(members):
    constant, limit = np.array(members).T
    tells = telling_members(constant[:, None], limit)
    flows = np.linspace(-6.0, 6.0, 241)[:, None] + constant
    beyond = np.abs(flows) > limit + 1e-9
    np.testing.assert_array_equal(beyond[:, tells].any(axis=1), beyond.any(axis=1))
    with np.errstate(divide="ignore", invalid="ignore"):
        loading = np.where((limit > 0.0) & np.isfinite(limit), np.abs(flows) / limit, 0.0)
    np.testing.assert_allclose(loading[:, tells].max(axis=1, initial=0.0), loading.max(axis=1))


def test_rounding_chooses_no_member():
    """Constants of a meshed network are rounded in another way where its buses are numbered in another order."""
    limit, constant = np.full(4, 20.0), np.array([0.01, 0.0, 0.0, 0.0])
    exact = telling_members(constant[:, None], limit)
    for noise in ([0.0, 0.0, 0.0, 3e-13], [0.0, 3e-13, 0.0, 0.0], [0.0, 0.0, -3e-13, 1e-13]):
        assert telling_members((constant + noise)[:, None], limit).tolist() == exact.tolist()
