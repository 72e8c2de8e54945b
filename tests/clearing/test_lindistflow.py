"""lindistflow, and clear with its rows, against plain sums, AC power flows, dense programmes and cases worked by hand."""

import functools
import math
from dataclasses import replace

import numpy as np
import pandapower
import pandapower.networks
import pytest

import fastp2p
from fastp2p.grid.feeder import shared_paths
from tests.oracles import lindistflow as oracle
from tests.oracles.books import sensitivities
from tests.support import strategies

TIGHT_KW = 1e-6
NETWORKS = {
    "cigre_lv": pandapower.networks.create_cigre_network_lv,
    "kerber": pandapower.networks.create_kerber_landnetz_freileitung_1,
    "village": pandapower.networks.create_synthetic_voltage_control_lv_network,
    "four_loads": pandapower.networks.four_loads_with_branches_out,
}
TREES = [(3, 0), (5, 3), (9, 1), (20, 2), (30, 3)]

every_network = pytest.mark.parametrize("name", NETWORKS)
every_tree = pytest.mark.parametrize("shape", TREES)
every_rule = pytest.mark.parametrize("unserved", ["retail", "shed"])


@functools.cache
def network_of(name):
    return fastp2p.Network.from_pandapower(NETWORKS[name]())


def by_bus(network, net, column):
    """A column of pandapower's bus results, in the network's order."""
    values = np.empty(network.n_bus)
    values[network.positions(net.bus.index.to_numpy())] = net.res_bus.loc[net.bus.index, column]
    return values


def random_injections(network, rng, n_books=4, most_kw=4.0):
    p = rng.uniform(-most_kw, most_kw, (n_books, network.n_bus))
    return p, rng.uniform(-0.5, 0.5, p.shape) * p


# --------------------------------------------------------------------------------------------------------- paths and flows


@pytest.mark.parametrize("name", ["cigre_lv", "village"])
def test_impedances_are_pandapowers(name):
    net, network = NETWORKS[name](), network_of(name)
    pandapower.runpp(net, numba=False)
    for element, (first, last) in net._pd2ppc_lookups["branch"].items():
        ours = network.element == element
        rows = {int(i): row for i, row in zip(net[element].index, net._ppc["branch"][first:last].real, strict=True)}
        expected = np.array([rows[i][2:4] for i in network.element_id[ours].tolist()]) / (1e3 * net.sn_mva)
        np.testing.assert_allclose(network.resistance_pu[ours], expected[:, 0], rtol=1e-9)
        np.testing.assert_allclose(network.reactance_pu[ours], expected[:, 1], rtol=1e-9)


@every_network
def test_shared_paths_are_path_sums(name):
    network = network_of(name)
    for found, expected in zip(shared_paths(network), oracle.path_sums(network), strict=True):
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-15)


@pytest.mark.small
@every_tree
def test_shared_paths_of_random_trees(shape):
    network = oracle.tree(*shape)
    np.testing.assert_allclose(shared_paths(network), oracle.path_sums(network), rtol=1e-12, atol=1e-15)


@pytest.mark.small
@every_tree
def test_random_trees_are_the_oracles(shape):
    network = oracle.tree(*shape)
    p, q = random_injections(network, np.random.default_rng(1))
    flow = fastp2p.lindistflow(network, p, q)
    for k in range(len(p)):
        np.testing.assert_allclose(flow.vm_pu[k] ** 2, oracle.squared_voltages(network, p[k], q[k]), rtol=1e-9)
        np.testing.assert_allclose(flow.flow_kw[k], oracle.branch_flows(network, p[k]), rtol=0, atol=1e-6)
        np.testing.assert_allclose(flow.flow_kvar[k], oracle.branch_flows(network, q[k]), rtol=0, atol=1e-6)


@every_network
def test_shipped_networks_start_from_their_no_load_state(name):
    """Iron losses and line charging stay in the base point; what is injected adds to it without losses."""
    net, network = NETWORKS[name](), network_of(name)
    for element in ("load", "sgen", "storage"):
        net[element].in_service = False
    pandapower.runpp(net, tolerance_mva=1e-10, numba=False)
    idle = fastp2p.lindistflow(network, np.zeros((1, network.n_bus)))
    np.testing.assert_allclose(idle.vm_pu[0], by_bus(network, net, "vm_pu"), rtol=0, atol=1e-8)
    p, q = random_injections(network, np.random.default_rng(2))
    flow = fastp2p.lindistflow(network, p, q)
    for k in range(len(p)):
        squared = oracle.squared_voltages(network, p[k], q[k], idle.vm_pu[0], shared_paths(network))
        np.testing.assert_allclose(flow.vm_pu[k] ** 2, squared, rtol=1e-9)
        np.testing.assert_allclose(flow.flow_kw[k] - idle.flow_kw[0], oracle.branch_flows(network, p[k]), rtol=0, atol=1e-6)
        np.testing.assert_allclose(flow.flow_kvar[k] - idle.flow_kvar[0], oracle.branch_flows(network, q[k]), rtol=0, atol=1e-6)


def test_some_buses_alone_are_all_buses_with_zeros():
    network, bus = network_of("cigre_lv"), np.array([3, 9, 20, 31])
    p, q = np.zeros((3, network.n_bus)), np.zeros((3, network.n_bus))
    p[:, bus], q[:, bus] = np.random.default_rng(3).uniform(-9, 9, (2, 3, 4))
    wide, narrow = fastp2p.lindistflow(network, p, q), fastp2p.lindistflow(network, p[:, bus], q[:, bus], bus=bus)
    for name in ("vm_pu", "flow_kw", "flow_kvar"):
        np.testing.assert_allclose(getattr(narrow, name), getattr(wide, name), rtol=0, atol=1e-9)


# ---------------------------------------------------------------------------------------------------------- worked by hand


@functools.cache
def unlimited(lines):
    net = pandapower.create_empty_network()
    buses = [pandapower.create_bus(net, 0.4) for _ in range(len(lines) + 1)]
    pandapower.create_ext_grid(net, buses[0])
    for start, end, r, x in lines:
        pandapower.create_line_from_parameters(net, start, end, 1.0, r, x, 0.0, 1.0)
    return fastp2p.Network.from_pandapower(net)


def feeder(*lines, limit_kw=math.inf):
    """Bus 0 is the slack; (from, to, ohm, ohm) per line. At 400 V, 160 Ω kW make one p.u. of squared voltage."""
    return replace(unlimited(lines), limit_kw=np.full(len(lines), limit_kw))


TWO = ((0, 1, 0.16, 0.08),)
FOUR = ((0, 1, 0.08, 0.04), (2, 1, 0.16, 0.08), (1, 3, 0.32, 0.08))  # the second line points to the slack


@pytest.mark.small
def test_two_buses_by_hand():
    """v² = 1 + 2 (0.16 Ω · 50 kW + 0.08 Ω · 20 kvar) / 160."""
    flow = fastp2p.lindistflow(feeder(*TWO), np.array([[0.0, 50.0], [7.0, -10.0]]), np.array([[0.0, 20.0], [3.0, 0.0]]))
    np.testing.assert_allclose(flow.vm_pu**2, [[1.0, 1.12], [1.0, 0.98]], rtol=0, atol=1e-12)
    np.testing.assert_allclose(flow.flow_kw, [[-50.0], [10.0]], rtol=0, atol=1e-9)
    np.testing.assert_allclose(flow.flow_kvar, [[-20.0], [0.0]], rtol=0, atol=1e-9)


@pytest.mark.small
def test_four_buses_by_hand():
    """Buses 2 and 3 hang on bus 1: 30 kW fed in at 2; 10 kW and 5 kvar drawn at 3."""
    flow = fastp2p.lindistflow(feeder(*FOUR), np.array([[0.0, 0.0, 30.0, -10.0]]), np.array([[0.0, 0.0, 0.0, -5.0]]))
    first = 1.0 + 2.0 * (0.08 * 20.0 - 0.04 * 5.0) / 160.0
    squared = [1.0, first, first + 2.0 * 0.16 * 30.0 / 160.0, first - 2.0 * (0.32 * 10.0 + 0.08 * 5.0) / 160.0]
    np.testing.assert_allclose(flow.vm_pu**2, [squared], rtol=0, atol=1e-12)
    np.testing.assert_allclose(flow.flow_kw, [[-20.0, 30.0, 10.0]], rtol=0, atol=1e-9)
    np.testing.assert_allclose(flow.flow_kvar, [[5.0, 0.0, 5.0]], rtol=0, atol=1e-9)


@pytest.mark.small
@every_rule
def test_a_voltage_limit_cuts_a_sale_by_hand(unserved):
    """A sale of 60 kWh over 0.16 Ω: v² = 1 + y / 500 may reach 1.05²; a p.u. more of limit is worth 2 · 1.05 · 500 kWh."""
    sale, options = oracle.trades_of((1, 0, 60.0, 0.3, 0.1)), {"unserved": unserved, "physics": "lindistflow", "v_max_pu": 1.05}
    answer = fastp2p.clear(feeder(*TWO), sale, np.zeros((1, 2)), **options)
    np.testing.assert_allclose(answer.executed_kwh, [500.0 * (1.05**2 - 1.0)], rtol=0, atol=TIGHT_KW)
    np.testing.assert_allclose(answer.voltage_price, [[0.0, 1050.0]], rtol=1e-6)
    np.testing.assert_allclose(answer.shadow_price, [[0.0]], rtol=0, atol=1e-9)
    assert (answer.binding_bus.tolist(), answer.binding_branch.tolist()) == ([1], [-1])
    assert answer.status.tolist() == ["cleared"]


@pytest.mark.small
def test_a_lower_voltage_limit_cuts_what_is_shed_by_hand():
    """The buyer draws 0.5 kvar per kW: v² = 1 - y (0.16 + 0.04) / 80 may fall to 0.95²."""
    reactive = fastp2p.Reactive(0.0, load_kvar_per_kw=0.5)
    answer = fastp2p.clear(
        feeder(*TWO), oracle.trades_of((0, 1, 60.0, 0.3, 0.1)), np.zeros((1, 2)), unserved="shed", physics="lindistflow",
        reactive=reactive, v_min_pu=0.95,
    )  # fmt: skip
    np.testing.assert_allclose(answer.executed_kwh, [400.0 * (1.0 - 0.95**2)], rtol=0, atol=TIGHT_KW)
    np.testing.assert_allclose(answer.voltage_price, [[0.0, -760.0]], rtol=1e-6)
    np.testing.assert_allclose(answer.injection_kvar, [[0.0, -200.0 * (1.0 - 0.95**2)]], rtol=0, atol=TIGHT_KW)
    assert answer.binding_bus.tolist() == [1]


@pytest.mark.small
@pytest.mark.parametrize(("base_kw", "sale", "square", "price"), [
    (30.0, (1, 0, 60.0, 0.3, 0.1), 1.06, 1000.0),  # v² = 1 + 30 / 500, above 1.02² = 1.0404; a sale raises it further
    (-60.0, (0, 1, 10.0, 0.3, 0.1), 0.88, -1000.0),  # v² = 1 - 60 / 500, below 0.95² = 0.9025; a purchase lowers it further
    (-600.0, (0, 1, 10.0, 0.3, 0.1), 0.0, -1000.0),  # v² = 1 - 600 / 500 is no voltage's square: no price per p.u.
])  # fmt: skip
def test_the_price_of_a_voltage_that_the_base_breaks_by_hand(base_kw, sale, square, price):
    """The limit is the voltage of the base, v: y / 500 = (v + dv)² - v², so dy = 2 v · 500 dv."""
    options = {"physics": "lindistflow", "unserved": "shed", "v_min_pu": 0.95, "v_max_pu": 1.02}
    answer = fastp2p.clear(feeder(*TWO), oracle.trades_of(sale), np.array([[0.0, base_kw]]), **options)
    assert (answer.status.tolist(), answer.binding_bus.tolist()) == (["base_overload"], [1])
    np.testing.assert_allclose(answer.executed_kwh, [0.0], rtol=0, atol=TIGHT_KW)
    np.testing.assert_allclose(answer.voltage_price, [[0.0, price * math.sqrt(square)]], rtol=1e-6)


@pytest.mark.small
@pytest.mark.parametrize("sign", [1.0, -1.0])
@pytest.mark.parametrize("degrees", [0.0, 15.0, 40.0])
def test_the_price_of_a_branch_that_the_base_breaks_by_hand(sign, degrees):
    """A base of 100 kVA on a branch of 50 kVA, and a sale of the same power factor: a kVA more brings cos φ kWh.

    Several faces are at the base's value, and which of them has a multiplier is open. Sales of bus 1 flow against the branch.
    """
    network = replace(feeder(*TWO), limit_kw=np.array([50.0]))
    kvar_per_kw = math.tan(math.radians(degrees))
    kw = sign * 100.0 * math.cos(math.radians(degrees))
    reactive = fastp2p.Reactive(np.array([[0.0, kw * kvar_per_kw]]), kvar_per_kw, kvar_per_kw)
    sale = oracle.trades_of((1, 0, 10.0, 0.3, 0.1) if sign > 0 else (0, 1, 10.0, 0.3, 0.1))
    answer = fastp2p.clear(
        network, sale, np.array([[0.0, kw]]), unserved="shed", physics="lindistflow", reactive=reactive, v_min_pu=0.5,
        v_max_pu=1.5,
    )  # fmt: skip
    assert (answer.status.tolist(), answer.binding_branch.tolist()) == (["base_overload"], [0])
    np.testing.assert_allclose(answer.shadow_price, [[-sign * math.cos(math.radians(degrees))]], rtol=1e-6)


@pytest.mark.small
@pytest.mark.parametrize(("degrees", "share"), [(0, 1.0), (30, math.cos(math.pi / 6)), (15, math.cos(math.pi / 12) ** 2)])
def test_a_branch_limit_is_a_twelve_gon_by_hand(degrees, share):
    """S is reached at a corner (0°, 30°), and S cos 15° in the middle of a side (15°)."""
    reactive = fastp2p.Reactive(0.0, pv_kvar_per_kw=math.tan(math.radians(degrees)))
    answer = fastp2p.clear(
        feeder(*TWO, limit_kw=20.0), oracle.trades_of((1, 0, 60.0, 0.3, 0.1)), np.zeros((1, 2)), physics="lindistflow",
        reactive=reactive, v_max_pu=2.0,
    )  # fmt: skip
    np.testing.assert_allclose(answer.executed_kwh, [20.0 * share], rtol=0, atol=TIGHT_KW)
    np.testing.assert_allclose(np.abs(answer.shadow_price), [[share]], rtol=1e-6)
    assert answer.shadow_price[0, 0] < 0  # the flow is at its lower limit
    assert (answer.binding_bus.tolist(), answer.binding_branch.tolist()) == ([-1], [0])


@pytest.mark.small
def test_no_room_at_all_is_no_sale():
    sale = oracle.trades_of((1, 0, 6.0, 0.3, 0.1))
    answer = fastp2p.clear(feeder(*TWO), sale, np.zeros((1, 2)), physics="lindistflow", v_max_pu=1.0)
    np.testing.assert_allclose(answer.executed_kwh, [0.0], rtol=0, atol=TIGHT_KW)
    assert answer.binding_bus.tolist() == [1]


@pytest.mark.small
def test_a_broken_voltage_gets_no_worse_and_may_get_better():
    """Bus 3 is under 0.95 whatever is traded: a sale to it sheds the rest, a sale out of it comes through."""
    base = np.array([[0.0, 0.0, 0.0, -40.0]])
    options = {"unserved": "shed", "physics": "lindistflow", "v_min_pu": 0.95}
    into = fastp2p.clear(feeder(*FOUR), oracle.trades_of((0, 3, 5.0, 0.3, 0.1)), base, **options)
    out = fastp2p.clear(feeder(*FOUR), oracle.trades_of((3, 0, 5.0, 0.3, 0.1)), base, **options)
    np.testing.assert_allclose([into.executed_kwh[0], out.executed_kwh[0]], [0.0, 5.0], rtol=0, atol=TIGHT_KW)
    assert into.status.tolist() == out.status.tolist() == ["base_overload"]


# -------------------------------------------------------------------------------------------------------- against AC flows


def own_state(network, net, load=1.0, pv_kw=0.0):
    """The network's own loads and PV of power factor 1 at each load bus: (p, q), (1, n_bus) each."""
    at = network.positions(net.load.bus.to_numpy())
    p, q = load * network.injection_kw(net), np.zeros(network.n_bus)
    np.subtract.at(q, at, load * 1e3 * net.load.q_mvar.to_numpy())
    np.add.at(p, at, pv_kw)
    return p[None], q[None]


@pytest.mark.parametrize(("load", "pv_kw", "most"), [(0.5, 0.0, 0.001), (1.0, 0.0, 0.004), (1.0, 30.0, 0.005)])
def test_voltages_are_near_those_of_ac(load, pv_kw, most):
    net, network = NETWORKS["cigre_lv"](), network_of("cigre_lv")
    p, q = own_state(network, net, load, pv_kw)
    exact, linear = fastp2p.ac_flow(network, p, q), fastp2p.lindistflow(network, p, q)
    assert exact.converged.all()
    assert (np.abs(linear.vm_pu - exact.vm_pu) / exact.vm_pu).max() <= most
    assert (linear.vm_pu - exact.vm_pu).min() > -1e-9  # what is left out, z² |I|², lowers voltages


def slopes(network, p, q, step=1.0):
    """Central differences of AC squared voltages by kW and by kvar at every bus, (n_bus of v, n_bus of injection) each."""
    pushes = step * np.vstack([np.eye(network.n_bus), -np.eye(network.n_bus)])
    result = []
    for by_p, by_q in ((1, 0), (0, 1)):
        squared = fastp2p.ac_flow(network, p + by_p * pushes, q + by_q * pushes).vm_pu ** 2
        result.append((squared[: network.n_bus] - squared[network.n_bus :]).T / (2.0 * step))
    return result


def assert_slopes(network, p, q, relative):
    for found, shared in zip(slopes(network, p, q), shared_paths(network), strict=True):
        expected = 2.0 * shared
        np.testing.assert_allclose(found, expected, rtol=0, atol=relative * expected.max())


@pytest.mark.parametrize("shape", [(5, 3), (9, 1)])
def test_rows_are_the_slopes_of_ac_at_no_load(shape):
    network = oracle.tree(*shape)
    assert_slopes(network, np.zeros((1, network.n_bus)), np.zeros((1, network.n_bus)), 1e-5)


@every_network
def test_rows_are_the_slopes_of_ac_at_no_load_of_shipped_networks(name):
    """The sums along paths leave out what line charging and iron losses bend, some 1e-4 where there are any."""
    network = network_of(name)
    zero = np.zeros((1, network.n_bus))
    has_shunts = (network.from_shunt_pu != 0).any() or (network.to_shunt_pu != 0).any()
    assert_slopes(network, zero, zero, 5e-4 if has_shunts else 1e-5)


def test_rows_are_nearly_the_slopes_of_ac_under_load():
    """At full load they bend by 5 % of the largest: losses grow with the square of the current, and currents as voltages fall.

    The lowest voltage is 0.91 p.u. there; at half load the slopes bend half as much.
    """
    network = network_of("cigre_lv")
    assert_slopes(network, *own_state(network, NETWORKS["cigre_lv"]()), 0.06)
    assert_slopes(network, *own_state(network, NETWORKS["cigre_lv"](), 0.5), 0.03)


@pytest.mark.parametrize("tap", [-2, 0, 1])
def test_rows_are_the_slopes_of_ac_behind_a_tap(tap):
    """Without iron losses the row is exact at no load, whatever the ratio."""
    net = pandapower.create_empty_network()
    buses = [pandapower.create_bus(net, kv) for kv in (10.0, 10.0, 0.4, 0.4)]
    pandapower.create_ext_grid(net, buses[0], vm_pu=1.01)
    pandapower.create_line_from_parameters(net, 0, 1, 2.0, 0.6, 0.3, 0.0, 0.2)
    pandapower.create_transformer_from_parameters(
        net, 1, 2, sn_mva=0.16, vn_hv_kv=10.0, vn_lv_kv=0.4, vkr_percent=1.5, vk_percent=4.0, pfe_kw=0.0, i0_percent=0.0,
        shift_degree=150, tap_side="hv", tap_neutral=0, tap_pos=tap, tap_step_percent=2.5, tap_changer_type="Ratio",
    )  # fmt: skip
    pandapower.create_line_from_parameters(net, 2, 3, 0.3, 0.4, 0.1, 0.0, 0.2)
    network = fastp2p.Network.from_pandapower(net)
    assert_slopes(network, np.zeros((1, 4)), np.zeros((1, 4)), 1e-5)
    if tap == 0:
        np.testing.assert_allclose(shared_paths(network), oracle.path_sums(network), rtol=1e-12, atol=1e-15)


# -------------------------------------------------------------------------------------------------------------- beside dc


@every_rule
@pytest.mark.parametrize("objective", ["volume", "welfare"])
def test_without_voltages_and_reactive_power_it_is_dc(objective, unserved):
    network = network_of("cigre_lv")
    books = strategies.random_books(5, network, 80)
    limit = strategies.limits_that_bind(7, books, sensitivities(network), network.constant_kw, 0.6, unserved)
    trades, base, export = strategies.stacked(books)
    clear = functools.partial(
        fastp2p.clear, replace(network, limit_kw=limit), fastp2p.Trades(**trades), base, export_kw=export, objective=objective,
        unserved=unserved,
    )  # fmt: skip
    dc, linear = clear(physics="dc"), clear(physics="lindistflow", v_min_pu=0.1, v_max_pu=10.0)
    assert (dc.status == "cleared").sum() > 10
    np.testing.assert_allclose(linear.executed_kwh, dc.executed_kwh, rtol=0, atol=TIGHT_KW)
    np.testing.assert_allclose(linear.exported_kw, dc.exported_kw, rtol=0, atol=TIGHT_KW)
    np.testing.assert_allclose(linear.flow_kw, dc.flow_kw, rtol=0, atol=1e-5)
    assert linear.status.tolist() == dc.status.tolist()
    assert (linear.binding_bus == -1).all()
