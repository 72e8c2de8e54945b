"""The linear rows of three phases: by hand, against finite differences of power flows, and in what `clear` makes of them."""

import functools
import math
from dataclasses import replace

import numpy as np
import pandapower as pp
import pytest

import fastp2p
from tests.oracles import lindist3flow as oracle
from tests.oracles import phases as newton
from tests.oracles.lindistflow import trades_of
from tests.support import phase_books
from tests.support.phase_books import network_of

TIGHT_KW = 1e-6
SHUNT_FREE = phase_books.RANDOM
SHIPPED = ("cigre_lv", "ieee_european_lv_asymmetric")
TURNED = [name for name in SHUNT_FREE if not name.startswith("lines")]

every_random = pytest.mark.parametrize("name", SHUNT_FREE)
every_network = pytest.mark.parametrize("name", SHUNT_FREE + SHIPPED)


def homes(network):
    return np.flatnonzero(network.has_band) if network.n_bus < 100 else network.load_bus


def random_power(network, n_books=3, most_kw=1.0):
    rng = np.random.default_rng(network.n_bus)
    return rng.uniform(-most_kw, most_kw, (2, n_books, len(homes(network)), 3))


# ------------------------------------------------------------------------------------------------------- the oracle itself


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


# ------------------------------------------------------------------------------------------------------ two buses, by hand

Z1, Z0 = (0.08, 0.04), (0.32, 0.16)


@functools.cache
def one_line():
    """1 km with Z₁ = 0.08 + 0.04j Ω and Z₀ = 0.32 + 0.16j Ω: Z_self = 0.16 + 0.08j Ω, Z_mutual = 0.08 + 0.04j Ω."""
    net = pp.create_empty_network()
    pp.create_buses(net, 2, 0.4)
    pp.create_ext_grid(net, 0)
    pp.create_line_from_parameters(net, 0, 1, 1.0, *Z1, 0.0, 1.0, r0_ohm_per_km=Z0[0], x0_ohm_per_km=Z0[1], c0_nf_per_km=0.0)
    return fastp2p.Network.from_pandapower(net, phases=3, zero_sequence={"grid": "ideal"})


def two_buses(limit_kw=math.inf):
    """Bus 0 is the external grid. At 400 V, 160 Ω kW on all phases make one p.u. of squared voltage; a kW on one phase is 3."""
    return replace(one_line(), limit_kw=np.array([limit_kw]))


def clear_one(*sale, network=None, base_kw=0.0, load_phase=1, pv_phase=1, physics="lindistflow", **options):
    """A sale of (seller, buyer, kWh, bid, ask); base_kw is on every phase of bus 1."""
    base = np.zeros((1, 2, 3))
    base[0, 1] = base_kw
    connection = fastp2p.Connection(load_phase=load_phase, pv_phase=pv_phase)
    return fastp2p.clear(network or two_buses(), trades_of(sale), base, physics=physics, connection=connection, **options)


PER_KW = 6.0 * 0.16 / 160.0
"""Squared voltage on b per kW on b: 2 · 3 · 0.16 / 160."""
BEHIND = 6.0 * (-0.08 / 2 - 0.04 * math.sqrt(3.0) / 2) / 160.0
"""On c per kW on b: 2 · 3 · Re[Z_m exp(2πj/3)] / 160, so it falls by 0.0028."""
AHEAD = 6.0 * (-0.08 / 2 + 0.04 * math.sqrt(3.0) / 2) / 160.0
"""On a per kW on b: 2 · 3 · Re[Z_m exp(-2πj/3)] / 160, so it falls by 0.0002."""


def test_the_oracle_by_hand():
    found = oracle.responses(one_line(), [1])
    np.testing.assert_allclose(found.square[0, 1, :, 0, 1], [AHEAD, PER_KW, BEHIND], rtol=0, atol=1e-15)
    np.testing.assert_allclose(found.far[0, 1, :, 0, 1], [0.0, -1.0, 0.0], rtol=0, atol=1e-15)


@pytest.mark.parametrize("phase", [0, 1, 2])
@pytest.mark.parametrize("unserved", ["retail", "shed"])
def test_a_voltage_of_its_own_phase_cuts_a_sale_by_hand(phase, unserved):
    """y = (1.05² - 1) / 0.006 = 17.08 kWh instead of 60; a p.u. more of limit is worth 2 · 1.05 / 0.006 = 350 kWh."""
    answer = clear_one(1, 0, 60.0, 0.3, 0.1, pv_phase=phase, unserved=unserved, v_max_pu=1.05)
    np.testing.assert_allclose(answer.executed_kwh, [(1.05**2 - 1.0) / PER_KW], rtol=0, atol=TIGHT_KW)
    price = np.zeros((1, 2, 3))
    price[0, 1, phase] = 350.0
    np.testing.assert_allclose(answer.voltage_price, price, rtol=1e-6, atol=1e-9)
    assert answer.status.tolist() == ["cleared"]
    assert (answer.binding_bus.tolist(), answer.binding_branch.tolist()) == ([1], [-1])
    assert answer.layout.name(answer.binding_row).tolist() == [f"voltage at bus 1, phase {'abc'[phase]}"]
    assert answer.injection.kw[0, 1, phase] == pytest.approx((1.05**2 - 1.0) / PER_KW)


@pytest.mark.parametrize("phase", [0, 1, 2])
def test_the_voltage_of_the_phase_behind_falls_by_hand(phase):
    """What is fed in on b lowers c: (0.99² - 1) / -0.0028 = 7.11 kWh, long before b is at 1.05."""
    answer = clear_one(1, 0, 60.0, 0.3, 0.1, pv_phase=phase, v_min_pu=0.99, v_max_pu=1.05)
    np.testing.assert_allclose(answer.executed_kwh, [(0.99**2 - 1.0) / BEHIND], rtol=0, atol=TIGHT_KW)
    price = np.zeros((1, 2, 3))
    price[0, 1, (phase + 1) % 3] = 2.0 * 0.99 / BEHIND
    np.testing.assert_allclose(answer.voltage_price, price, rtol=1e-6, atol=1e-9)


def test_a_third_on_each_phase_is_the_positive_sequence_by_hand():
    """v² = 1 + 2 · 0.08 y / 160 on every phase: y = 1000 (1.01² - 1) = 20.1 kWh."""
    answer = clear_one(1, 0, 60.0, 0.3, 0.1, pv_phase=3, v_max_pu=1.01)
    np.testing.assert_allclose(answer.executed_kwh, [1000.0 * (1.01**2 - 1.0)], rtol=0, atol=TIGHT_KW)
    np.testing.assert_allclose(answer.voltage_price.sum(axis=2), [[0.0, 2.0 * 1.01 * 1000.0]], rtol=1e-6)
    np.testing.assert_allclose(answer.injection.kw[0, 1], answer.executed_kwh / 3.0, rtol=1e-12)


@pytest.mark.parametrize("physics", ["dc", "lindistflow"])
@pytest.mark.parametrize(("code", "most"), [(0, 8.0), (2, 8.0), (3, 24.0)])
def test_a_conductor_carries_a_third_by_hand(physics, code, most):
    answer = clear_one(
        1, 0, 60.0, 0.3, 0.1, network=two_buses(24.0), pv_phase=code, physics=physics, v_max_pu=2.0, v_min_pu=0.1
    )
    np.testing.assert_allclose(answer.executed_kwh, [most], rtol=0, atol=TIGHT_KW)
    flow = -most * oracle.SHARES[code]
    np.testing.assert_allclose(answer.flow_kw[0, 0], flow, rtol=0, atol=TIGHT_KW)
    assert (answer.binding_bus.tolist(), answer.binding_branch.tolist()) == ([-1], [0])
    assert (answer.shadow_price <= 0.0).all()  # the flow is at its lower limit
    if code != 3:
        assert np.flatnonzero(answer.shadow_price).tolist() == [code]
        assert answer.layout.name(answer.binding_row).tolist() == [f"line 0, phase {'abc'[code]}"]


@pytest.mark.parametrize("physics", ["dc", "lindistflow"])
def test_a_base_on_one_phase_leaves_room_on_the_others_by_hand(physics):
    """10 kW fed in on a are more than the 8 of its conductor: nothing may be added on a, nor a third on each; 8 on b."""
    options = {"network": two_buses(24.0), "physics": physics, "base_kw": [10.0, 0.0, 0.0], "v_max_pu": 2.0, "v_min_pu": 0.1}
    for code, executed in ((0, 0.0), (1, 8.0), (3, 0.0)):
        answer = clear_one(1, 0, 60.0, 0.3, 0.1, pv_phase=code, **options)
        np.testing.assert_allclose(answer.executed_kwh, [executed], rtol=0, atol=TIGHT_KW)
        assert answer.status.tolist() == ["base_overload"]


@pytest.mark.parametrize("physics", ["dc", "lindistflow"])
def test_a_load_on_its_own_phase_relieves_a_sale_by_hand(physics):
    """4 kW drawn at bus 1 on the seller's phase make room for 12 kW there; on another phase they do not."""
    options = {"network": two_buses(24.0), "physics": physics, "pv_phase": 1, "v_max_pu": 2.0, "v_min_pu": 0.1}
    for base, executed in (([0.0, -4.0, 0.0], 12.0), ([-4.0, 0.0, 0.0], 8.0)):
        answer = clear_one(1, 0, 60.0, 0.3, 0.1, base_kw=base, **options)
        np.testing.assert_allclose(answer.executed_kwh, [executed], rtol=0, atol=TIGHT_KW)


@functools.cache
def behind_delta():
    """A Dyn5 transformer between an external grid at 10 kV (bus 0), a line at 10 kV (to 1), and a bus at 400 V (2)."""
    net = pp.create_empty_network()
    pp.create_buses(net, 2, 10.0)
    pp.create_bus(net, 0.4)
    pp.create_ext_grid(net, 0)
    pp.create_line_from_parameters(net, 0, 1, 1.0, 0.1, 0.1, 0.0, 1.0, r0_ohm_per_km=0.3, x0_ohm_per_km=0.3, c0_nf_per_km=0.0)
    pp.create_transformer_from_parameters(
        net, 1, 2, sn_mva=0.4, vn_hv_kv=10.0, vn_lv_kv=0.4, vkr_percent=1.0, vk_percent=4.0, pfe_kw=0.0, i0_percent=0.0,
        shift_degree=150.0, vector_group="Dyn",
    )  # fmt: skip
    return fastp2p.Network.from_pandapower(net, phases=3, zero_sequence={"grid": "ideal", "trafo_z0_per_z1": 1.0})


def export_behind_delta(kw, kvar_per_kw, limit_kw, physics="lindistflow", load_phase=3):
    """What may be exported at 400 V, by phase; a bus has one phase, so two of the phases are the base's."""
    network = replace(behind_delta(), limit_kw=np.asarray(limit_kw, float))
    nothing = trades_of()
    answers = []
    for phase in range(3):
        answers.append(fastp2p.clear(
            network, nothing, np.zeros((1, 1, 3)), export_kw=[[kw]], bus=[2], physics=physics, v_min_pu=0.5, v_max_pu=1.5,
            reactive=fastp2p.Reactive(0.0, kvar_per_kw), connection=fastp2p.Connection(load_phase, phase),
        ))  # fmt: skip
    return answers


def of_element(network, element, value):
    return np.where(network.element == element, value, np.inf)


@pytest.mark.parametrize("physics", ["dc", "lindistflow"])
def test_a_delta_winding_splits_a_phase_by_hand(physics):
    """A kW on one phase is 1/2 ± j/(2√3) on two phases at 10 kV, so |S| = 1/√3: a corner of the 12-gon at 30 degrees.

    A line of 24 kVA there carries 8 √3 kW of one phase at 400 V; active power alone, 16 kW.
    """
    network = behind_delta()
    expected = 16.0 if physics == "dc" else 8.0 * math.sqrt(3.0)
    for answer in export_behind_delta(60.0, 0.0, of_element(network, "line", 24.0), physics):
        np.testing.assert_allclose(answer.exported_kw, [[expected]], rtol=0, atol=TIGHT_KW)
        line = np.abs(answer.flow_kw[0, network.element == "line"][0])
        np.testing.assert_allclose(np.sort(line), [0.0, expected / 2.0, expected / 2.0], rtol=0, atol=1e-6)


@pytest.mark.parametrize("physics", ["dc", "lindistflow"])
def test_the_low_voltage_side_of_a_delta_winding_binds_first_by_hand(physics):
    """A transformer of 24 kVA carries 8 kW of one phase at 400 V, and 8 / √3 kVA on two phases at 10 kV."""
    network = behind_delta()
    for answer in export_behind_delta(60.0, 0.0, of_element(network, "trafo", 24.0), physics):
        np.testing.assert_allclose(answer.exported_kw, [[8.0]], rtol=0, atol=TIGHT_KW)


def test_the_delta_winding_itself_may_bind_by_hand():
    """Two phases of s at -30 and +30 degrees: at 10 kV their shared phase carries 2 |s| / √3, more than |s|.

    7 kW and ∓7 tan 30° kvar lie in the base on two phases, 8.083 kVA each: below 8.5 at 400 V, 9.333 at 10 kV, where the base
    is beyond its limit and nothing more may come.
    """
    network, tangent = behind_delta(), math.tan(math.pi / 6)
    limits = replace(network, limit_kw=of_element(network, "trafo", 3 * 8.5))
    statuses = {}
    for sign in (1.0, -1.0):
        kw, kvar = np.zeros((2, 1, 1, 3))
        kw[0, 0, :2], kvar[0, 0, :2] = 7.0, [sign * 7.0 * tangent, -sign * 7.0 * tangent]
        answer = fastp2p.clear(
            limits, trades_of(), kw, bus=[2], physics="lindistflow", v_min_pu=0.5, v_max_pu=1.5,
            reactive=fastp2p.Reactive(kvar), connection=fastp2p.Connection(),
        )  # fmt: skip
        statuses[sign] = answer.status[0]
        near = oracle.state(limits, [2], kw, kvar)[1][0, network.element == "trafo"][0]
        wide = 2.0 / math.sqrt(3.0) if statuses[sign] == "base_overload" else 1.0 / math.sqrt(3.0)
        assert np.abs(near).max() == pytest.approx(7.0 / math.cos(math.pi / 6) * wide)
    assert sorted(statuses.values()) == ["base_overload", "free"]


# ---------------------------------------------------------------------------------------------------- what clear makes of it


@every_network
def test_flows_are_sums_of_what_is_behind_on_each_phase(name):
    """With nothing that limits; kvar as well, mapped through delta windings, on top of a third of the no-load flows."""
    network = network_of(name)
    at, (p, q) = homes(network), random_power(network, most_kw=3.0)
    far = oracle.state(network, at, p, q)[0]
    network = replace(network, limit_kw=np.full(network.n_branch, np.inf))
    nothing = fastp2p.Trades(np.zeros(len(p) + 1, np.int64), *np.zeros((2, 0), np.int64), *np.zeros((3, 0)))
    options = {"bus": at, "reactive": fastp2p.Reactive(q), "connection": fastp2p.Connection()}
    answer = fastp2p.clear(network, nothing, p, physics="lindistflow", v_min_pu=0.1, v_max_pu=5.0, **options)
    assert set(answer.status) == {"free"}
    np.testing.assert_allclose(answer.flow_kw, far.real, rtol=0, atol=1e-7)
    np.testing.assert_allclose(answer.flow_kvar, far.imag, rtol=0, atol=1e-7)
    for found, given in ((answer.injection, (p, q)), (answer.floor, (p, q)), (answer.full, (p, q))):
        np.testing.assert_allclose(found, given, rtol=0, atol=1e-12)
    below = np.isin(network.from_bus, network.reference_bus) | np.isin(network.to_bus, network.reference_bus)
    if (network.zero.from_shunt_pu == 0.0).all() and len(at) == network.n_bus - len(network.reference_bus):
        np.testing.assert_allclose(answer.slack_kw, -p.sum(axis=(1, 2)), rtol=0, atol=1e-7)
        assert below.any()
    active = fastp2p.clear(network, nothing, p, physics="dc", **options)
    found = oracle.responses(network, at)
    of_p = np.einsum("bfcg,ncg->nbf", oracle.by_branch(network, found, found.far)[0].real, p)
    np.testing.assert_allclose(active.flow_kw, of_p + network.constant_kw[:, None] / 3.0, rtol=0, atol=1e-7)


@every_network
@pytest.mark.parametrize("side", ["high", "low"])
def test_a_band_cuts_where_the_linear_voltages_reach_it(name, side):
    """One export at a time, far too large, on each phase of each bus: cut where the first voltage reaches its limit."""
    network = network_of(name)
    network = replace(network, limit_kw=np.full(network.n_branch, np.inf))
    at = homes(network)[:: 1 if network.n_bus < 50 else 7]
    n, kvar = len(at), -0.1 if side == "high" else 0.4
    vm = np.sqrt(oracle.unloaded(network)[2])
    band = {"high": (0.3, max(vm.max(), network.slack_vm_pu.max()) + 0.02), "low": (min(vm.min(), 2.0) - 0.01, 3.0)}[side]
    rows = oracle.limit_rows(network, at, "lindistflow", *band)
    column, code = np.divmod(np.arange(4 * n), 4)
    export = np.zeros((4 * n, n))
    export[np.arange(4 * n), column] = 1e5
    expected, owner = [], []
    for c, of in zip(column, code, strict=True):
        entry = oracle.per_kw(rows, np.full(n, of), np.full(n, kvar))[:, c]
        room = np.where(entry > 0.0, rows.upper - rows.constant, rows.lower - rows.constant)
        steps = np.where(np.abs(entry) > 1e-12, room / np.where(entry == 0.0, 1.0, entry), np.inf)
        expected.append(steps.min())
        owner.append([rows.owner[i] for i in np.flatnonzero(steps <= steps.min() * (1.0 + 1e-9))])
    nothing = fastp2p.Trades(np.zeros(4 * n + 1, np.int64), *np.zeros((2, 0), np.int64), *np.zeros((3, 0)))
    answer = fastp2p.clear(
        network, nothing, np.zeros((4 * n, n, 3)), export_kw=export, bus=at, physics="lindistflow", v_min_pu=band[0],
        v_max_pu=band[1], reactive=fastp2p.Reactive(0.0, kvar),
        connection=fastp2p.Connection(pv_phase=np.repeat(code[:, None], n, 1)),
    )  # fmt: skip
    found = answer.exported_kw[np.arange(4 * n), column]
    np.testing.assert_allclose(found, np.minimum(expected, 1e5), rtol=1e-8)
    assert (np.asarray(expected) < 1e5).mean() > 0.7
    assert all(kind == "voltage" for rows_at in owner for kind, *_ in rows_at)
