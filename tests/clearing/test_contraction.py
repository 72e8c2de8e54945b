"""Clearing on the contracted network is clearing on the whole one, whose branches and buses it names."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.clearing.kinks import find_kinks
from fastp2p.clearing.limits import limit_faults
from fastp2p.grid.ac import ac_flow
from fastp2p.grid.contraction import contracted
from fastp2p.grid.lindistflow import lindistflow
from fastp2p.grid.linear_contraction import inner_buses, keep_linear_limits
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


def assert_a_broken_base_is_kept(seed):
    """Books, most of which begin beyond some limit, are cleared as with the rows of all buses."""
    rng, n_books = np.random.default_rng(1_000_000 + seed), 12
    n_bus, charging = int(rng.integers(5, 60)), bool(rng.random() < 0.5)
    network = random_tree(seed, n_bus, charging)
    if rng.random() < 0.5:  # voltages alone
        network = dataclasses.replace(network, limit_kw=np.full(network.n_branch, np.inf))
    if rng.random() < 0.3:
        network = dataclasses.replace(network, bus_id=np.arange(n_bus))
    bus = np.sort(rng.choice(n_bus, min(n_bus, int(rng.integers(2, 9))), replace=False))
    trades, shape = random_trades(rng, len(bus), n_books), (n_books, len(bus))
    base = rng.normal(size=shape) * rng.choice([1.0, 20.0, 60.0, 150.0], (n_books, 1))
    export = rng.uniform(0.0, 40.0, shape) * (rng.random(shape) < 0.5)
    kvar = rng.normal(size=(2, len(bus))) * rng.choice([0.0, 1.0], (2, 1))
    of_all = np.zeros((2, n_books, n_bus))
    of_all[:, :, bus] = base, export
    kvar_of_all = np.zeros((2, n_bus))
    kvar_of_all[:, bus] = kvar
    how = {
        "physics": "lindistflow", "unserved": str(rng.choice(["shed", "retail"])),
        "objective": str(rng.choice(["volume", "welfare", "pro_rata"])), **BAND_PU,
    }  # fmt: skip
    if limit_faults(network, "lindistflow", *BAND_PU.values()):
        return None
    found = fastp2p.clear(network, trades, base, export_kw=export, bus=bus, reactive=fastp2p.Reactive(0.0, *kvar), **how)
    expected = fastp2p.clear(
        network, at_buses(trades, bus), of_all[0], export_kw=of_all[1], reactive=fastp2p.Reactive(0.0, *kvar_of_all), **how
    )
    np.testing.assert_array_equal(found.status, expected.status)
    np.testing.assert_array_equal(found.congested_book, expected.congested_book)
    np.testing.assert_allclose(found.executed_kwh, expected.executed_kwh, rtol=1e-7, atol=1e-5)
    np.testing.assert_allclose(found.exported_kw, expected.exported_kw[:, bus], rtol=1e-7, atol=1e-5)
    np.testing.assert_allclose(found.loading_percent, expected.loading_percent, rtol=1e-6, atol=1e-6)
    # where limits are reached together, a price may be any one's, and of a voltage beyond the band it is per p.u. of that
    prices = [np.stack([np.abs(of.voltage_price).sum(axis=1), np.abs(of.shadow_price).sum(axis=1)]) for of in (found, expected)]
    alike = np.isclose(*prices, rtol=1e-5, atol=1e-5).all(axis=0)
    return network, bus, trades, base, export, how | {"reactive": fastp2p.Reactive(0.0, *kvar)}, found, alike


DECIDED_INSIDE, NAMED_INSIDE = (34, 103, 242), (87, 189)
"""Seeds of books whose answer a bus next to a kink decides on, and that name one."""


@pytest.mark.parametrize("seeds", [(*range(20), *DECIDED_INSIDE), pytest.param(range(1000, 1300), marks=pytest.mark.slow)])
def test_limits_that_the_base_breaks_hold_inside_of_chains(seeds):
    alike = [one[-1] for seed in seeds if (one := assert_a_broken_base_is_kept(seed)) is not None]
    assert len(alike) > 0.9 * len(seeds)
    assert np.concatenate(alike).mean() > 0.98


@pytest.mark.parametrize("seed", NAMED_INSIDE)
def test_a_bus_next_to_a_kink_is_named_and_priced(seed):
    network, bus, trades, base, export, how, found, _ = assert_a_broken_base_is_kept(seed)
    inside = found.layout.n_rows + np.setdiff1d(np.arange(network.n_bus), found.layout.bus(np.arange(found.layout.n_rows)))
    at = np.flatnonzero(np.isin(found.binding_row, inside))
    price = found.voltage_price[:, found.layout.bus(inside)]
    assert np.abs(price).max() > 1e-6
    assert (found.binding_branch[at] == -1).all()
    names = [f"voltage at bus {network.bus_id[one]}" for one in found.binding_bus[at].tolist()]
    assert found.layout.name(found.binding_row[at]).tolist() == names
    prices = found.price_of(trades.book[at], found.binding_row[at])
    np.testing.assert_array_equal(prices, np.abs(found.voltage_price[trades.book[at], found.binding_bus[at]]))
    for k in range(len(base)):  # whatever other books there are
        ours = trades.book == k
        alone = dataclasses.replace(
            trades, offset=np.array([0, ours.sum()]),
            **{name: getattr(trades, name)[ours] for name in ("seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh")},
        )  # fmt: skip
        one = fastp2p.clear(network, alone, base[k : k + 1], export_kw=export[k : k + 1], bus=bus, **how)
        np.testing.assert_array_equal(one.executed_kwh, found.executed_kwh[ours])
        np.testing.assert_array_equal(one.exported_kw[0], found.exported_kw[k])
        np.testing.assert_array_equal(one.binding_row, found.binding_row[ours])
        np.testing.assert_array_equal(one.voltage_price[0], found.voltage_price[k])
        assert one.status[0] == found.status[k]


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


@pytest.mark.parametrize(("reactance", "stays"), [((0.08, 0.08), [5]), ((0.5, -0.3), [5]), ((0.3, 0.3), [])])
def test_where_one_cable_turns_into_another_one_joint_stays(reactance, stays):
    """Also where a negative reactance turns the way of impedances around."""
    import pandapower as pp

    net = pp.create_empty_network()
    bus = pp.create_buses(net, 11, 0.4)
    pp.create_ext_grid(net, bus[0])
    for k, (f, t) in enumerate(itertools.pairwise(bus)):
        r = (0.2, 0.6)[k >= 5] if reactance[0] != 0.3 else 0.2
        r *= reactance[1] > 0.0  # on one line
        pp.create_line_from_parameters(
            net, f, t, 0.1, r_ohm_per_km=r, x_ohm_per_km=reactance[k >= 5], c_nf_per_km=0.0, max_i_ka=1.0
        )
    network = fastp2p.Network.from_pandapower(net)
    assert contracted(network, np.array([10]), keep_linear_limits).bus_of.tolist() == [0, *stays, 10]


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


@pytest.mark.parametrize("reactance", [(0.5, -0.4, 0.1), (0.5, -0.5, 0.1)])
def test_a_dead_end_beyond_its_own_ends_hides_no_kink(reactance):
    """A negative reactance puts a bus of a dead end beyond both ends of its chain, or these in one place."""
    import pandapower as pp

    net = pp.create_empty_network()
    bus = pp.create_buses(net, 24, 0.4)
    pp.create_ext_grid(net, bus[0])
    for k, x in enumerate(reactance):
        r = 0.05 if sum(reactance[:2]) else 0.05 * (k == 2)
        pp.create_line_from_parameters(
            net, bus[k], bus[k + 1], 1.0, r_ohm_per_km=r, x_ohm_per_km=x, c_nf_per_km=0.0, max_i_ka=1.0
        )
        pp.create_shunt(net, bus[k + 1], q_mvar=(-0.004, -0.004, 0.001)[k])
    for f, t in itertools.pairwise([bus[0], *bus[4:]]):
        pp.create_line_from_parameters(net, f, t, 0.1, r_ohm_per_km=0.3, x_ohm_per_km=0.1, c_nf_per_km=0.0, max_i_ka=1.0)
    few = contracted(fastp2p.Network.from_pandapower(net), np.array([23]), keep_linear_limits)
    square = np.ones((1, few.n_bus))
    square[0, few.node[23]] = 1.4
    kinks = find_kinks(inner_buses(few), square, (0.8, 1.01))  # the base passes the limit before the first joint
    assert kinks is not None
    assert kinks.bus.tolist() == [[4]]


def test_behind_a_tap_in_a_dead_end_voltages_move_more():
    """Bus 2 has the lowest voltage of all dead ends at first; bus 4, behind a tap, falls by 1.5 times as much."""
    import pandapower as pp

    net = pp.create_empty_network()
    bus = pp.create_buses(net, 5, 0.4)
    pp.create_ext_grid(net, bus[0])
    for f, t in ((0, 1), (1, 2), (1, 3), (3, 4)):
        pp.create_line_from_parameters(
            net, bus[f], bus[t], 0.1, r_ohm_per_km=0.3, x_ohm_per_km=1.0, c_nf_per_km=0.0, max_i_ka=9.0
        )
    pp.create_shunt(net, bus[2], q_mvar=0.1)
    pp.create_shunt(net, bus[4], q_mvar=0.22)
    network = fastp2p.Network.from_pandapower(net)
    network = dataclasses.replace(network, tap_ratio=np.where(network.to_bus == 3, 1.0 / 1.5**0.5, 1.0))
    vm = lindistflow(network, np.zeros((1, 5))).vm_pu[0]
    assert vm.argsort()[:2].tolist() == [2, 4]
    sale = fastp2p.Trades(
        offset=np.array([0, 1]), seller=np.array([0]), buyer=np.array([1]), quantity_kwh=np.array([400.0]),
        bid_per_kwh=np.array([0.2]), ask_per_kwh=np.array([0.1]),
    )  # fmt: skip
    how = {"physics": "lindistflow", "unserved": "shed", "v_min_pu": float(vm[2]) - 0.1}
    found = fastp2p.clear(network, sale, np.zeros((1, 2)), bus=[0, 1], **how)
    expected = fastp2p.clear(network, sale, np.zeros((1, 5)), **how)
    assert 0.0 < expected.executed_kwh[0] < 400.0
    assert expected.binding_bus.tolist() == found.binding_bus.tolist() == [4]
    np.testing.assert_allclose(found.executed_kwh, expected.executed_kwh, rtol=1e-9)


@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
def test_a_series_capacitor_may_cancel_the_reactance_of_a_chain(physics):
    import pandapower as pp

    net = pp.create_empty_network()
    bus = pp.create_buses(net, 4, 0.4)
    pp.create_ext_grid(net, bus[0])
    for (f, t), x in zip(itertools.pairwise(bus), (0.5, -0.5, 0.1), strict=True):
        pp.create_line_from_parameters(net, f, t, 1.0, r_ohm_per_km=0.1, x_ohm_per_km=x, c_nf_per_km=0.0, max_i_ka=0.05)
    network = fastp2p.Network.from_pandapower(net)
    trades, bus = random_trades(np.random.default_rng(1), 2, 6), np.array([2, 3])
    found = fastp2p.clear(network, trades, np.zeros((6, 2)), bus=bus, physics=physics, unserved="shed")
    expected = fastp2p.clear(network, at_buses(trades, bus), np.zeros((6, 4)), physics=physics, unserved="shed")
    assert "cleared" in found.status
    np.testing.assert_array_equal(found.status, expected.status)
    np.testing.assert_allclose(found.executed_kwh, expected.executed_kwh, rtol=1e-9, atol=1e-9)
