"""Clearing on the contracted network is clearing on the whole one, whose branches and buses it names."""

import dataclasses

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.grid.ac import ac_flow
from tests.grid.test_contraction import random_tree
from tests.support.numbering import network_of

BAND_PU = {"v_min_pu": 0.95, "v_max_pu": 1.05}


def random_trades(rng, n_columns, n_books):
    """Up to four trades a book between any columns."""
    sizes = rng.integers(0, 5, n_books)
    n = int(sizes.sum())
    seller = rng.integers(0, n_columns, n)
    return fastp2p.Trades(
        offset=np.append(0, np.cumsum(sizes)), seller=seller,
        buyer=(seller + rng.integers(1, max(2, n_columns), n)) % n_columns,
        quantity_kwh=rng.uniform(1.0, 40.0, n), bid_per_kwh=np.full(n, 0.2), ask_per_kwh=np.full(n, 0.1),
    )  # fmt: skip


def at_buses(trades, bus):
    return fastp2p.Trades(
        offset=trades.offset, seller=bus[trades.seller], buyer=bus[trades.buyer], quantity_kwh=trades.quantity_kwh,
        bid_per_kwh=trades.bid_per_kwh, ask_per_kwh=trades.ask_per_kwh,
    )  # fmt: skip


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 40), st.booleans(), st.sampled_from(["dc", "lindistflow"]), st.booleans())
def test_the_same_is_executed_for_the_same_limits(seed, n_bus, charging, physics, shed):
    network, rng, n_books = random_tree(seed, n_bus, charging), np.random.default_rng(seed), 12
    bus = np.sort(rng.choice(n_bus, min(n_bus, 8), replace=False))
    assume(len(bus) > 1)
    trades, base = random_trades(rng, len(bus), n_books), rng.normal(size=(n_books, len(bus)))
    whole_base = np.zeros((n_books, n_bus))
    whole_base[:, bus] = base
    how = {"physics": physics, "unserved": "shed" if shed else "retail", **BAND_PU}
    found = fastp2p.clear(network, trades, base, bus=bus, **how)
    expected = fastp2p.clear(network, at_buses(trades, bus), whole_base, **how)
    np.testing.assert_array_equal(found.status, expected.status)
    np.testing.assert_allclose(found.executed_kwh, expected.executed_kwh, atol=1e-6)
    np.testing.assert_allclose(found.slack_kw, expected.slack_kw, atol=1e-6)
    np.testing.assert_allclose(found.loading_percent, expected.loading_percent, rtol=1e-6, atol=1e-6)
    np.testing.assert_allclose(found.flow_kw, expected.flow_kw, atol=1e-6)
    assert found.flow_kw.shape == (n_books, network.n_branch)
    assert found.shadow_price.shape == (n_books, network.n_branch)
    if physics == "lindistflow":
        assert found.voltage_price.shape == (n_books, network.n_bus)
    # a trade is cut for a limit that is reached there: of a branch, or of a bus
    loaded = np.hypot(found.flow_kw, found.flow_kvar) >= network.limit_kw * (1.0 - 1e-6)
    for trade, branch in enumerate(found.binding_branch.tolist()):
        if branch >= 0 and physics == "dc":
            assert loaded[trades.book[trade], branch]


def test_a_bus_inside_of_a_chain_is_named_where_its_voltage_binds():
    """One cable turns into another halfway: with much reactive power the least voltage is where they meet."""
    import pandapower as pp

    net = pp.create_empty_network()
    buses = [pp.create_bus(net, 0.4) for _ in range(3)]
    pp.create_ext_grid(net, buses[0])
    for (f, t), (r, x) in (((0, 1), (0.01, 0.6)), ((1, 2), (0.9, 0.01))):
        pp.create_line_from_parameters(
            net, buses[f], buses[t], 0.3, r_ohm_per_km=r, x_ohm_per_km=x, c_nf_per_km=0.0, max_i_ka=1.0
        )
    network = fastp2p.Network.from_pandapower(net)
    kw, kvar = np.array([[40.0]]), np.array([[-45.0]])
    vm = ac_flow(network, kw, kvar, bus=[2]).vm_pu[0]
    assert vm[1] < min(vm[0], vm[2])
    trades = fastp2p.Trades(
        offset=np.array([0, 1]), seller=np.array([1]), buyer=np.array([0]), quantity_kwh=np.array([40.0]),
        bid_per_kwh=np.array([0.2]), ask_per_kwh=np.array([0.1]),
    )  # fmt: skip
    reactive = fastp2p.Reactive(pv_kvar_per_kw=np.full(2, -45.0 / 40.0))
    found = fastp2p.clear(
        network, trades, np.zeros((1, 2)), bus=[0, 2], physics="lindistflow", reactive=reactive, v_min_pu=float(vm[1]) + 0.02
    )
    assert found.binding_bus.tolist() == [1]
    assert found.layout.name(found.binding_row).tolist() == ["voltage at bus 1"]


@pytest.mark.parametrize("physics", ["dc", "lindistflow"])
def test_a_dead_end_that_may_carry_nothing_but_does_is_a_broken_base(physics):
    """A shunt where nobody is connected draws through a line without any capacity."""
    network = fastp2p.Network.load("cigre_lv")
    leaf = int(network.leaf_buses()[-1])
    bus = np.sort(network.leaf_buses()[:2])
    fixed, limit = network.fixed_kw.copy(), network.limit_kw.copy()
    shunt = network.bus_shunt_pu.copy()
    fixed[leaf], shunt[leaf] = -2.0, 2.0
    limit[(network.from_bus == leaf) | (network.to_bus == leaf)] = 0.0
    network = dataclasses.replace(network, fixed_kw=fixed, bus_shunt_pu=shunt, limit_kw=limit)
    trades = random_trades(np.random.default_rng(1), 2, 4)
    every = fastp2p.clear(network, at_buses(trades, bus), np.zeros((4, network.n_bus)), physics=physics)
    found = fastp2p.clear(network, trades, np.zeros((4, 2)), bus=bus, physics=physics)
    assert (every.status == "base_overload").all()
    np.testing.assert_array_equal(found.status, every.status)


@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
@pytest.mark.parametrize(("at_grid", "no_band"), [(False, True), (True, True), (True, False)])
def test_nobody_or_only_the_external_grid_may_take_part(physics, at_grid, no_band):
    network = network_of("feeder 14 1")
    if no_band:  # none of its branches is left
        network = dataclasses.replace(network, bus_id=np.where(network.is_reference, network.bus_id, -1))
    bus = network.reference_bus[: int(at_grid)]
    base, of_all = np.full((3, len(bus)), 5.0), np.zeros((3, network.n_bus))
    of_all[:, bus] = base
    trades = random_trades(np.random.default_rng(1), network.n_bus, 0)
    trades = dataclasses.replace(trades, offset=np.zeros(4, int))
    found = fastp2p.clear(network, trades, base, bus=bus, physics=physics)
    every = fastp2p.clear(network, trades, of_all, physics=physics)
    np.testing.assert_array_equal(found.status, every.status)
    np.testing.assert_allclose(found.slack_kw, every.slack_kw, rtol=1e-12)
    np.testing.assert_allclose(found.loading_percent, every.loading_percent, rtol=1e-12)
    np.testing.assert_allclose(found.flow_kw, every.flow_kw, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
def test_prices_stand_at_their_branches(physics):
    network = fastp2p.Network.load("cigre_lv").with_limits(factor=0.05)
    bus = network.leaf_buses()
    bus = np.sort(bus)
    trades = random_trades(np.random.default_rng(4), len(bus), 50)
    how = {"physics": physics, "unserved": "shed", "v_min_pu": 0.5, "v_max_pu": 1.5}
    found = fastp2p.clear(network, trades, np.zeros((50, len(bus))), bus=bus, **how)
    book, branch = np.nonzero(np.abs(found.shadow_price) > 1e-9)
    assert len(book)
    loading = np.hypot(found.flow_kw, found.flow_kvar) / network.limit_kw
    assert (loading[book, branch] > {"dc": 1.0 - 1e-6, "lindistflow": np.cos(np.pi / 12) - 1e-6, "ac": 0.8}[physics]).all()
    assert found.binds[book, branch].all()
