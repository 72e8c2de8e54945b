"""The linear rows of three phases in what `clear` makes of them: by hand, flows as sums, voltages where a band cuts."""

import functools
import math
from dataclasses import replace

import numpy as np
import pandapower as pp
import pytest
from hypothesis import given, settings

import fastp2p
from tests.oracles import lindist3flow as oracle
from tests.oracles.lindistflow import trades_of
from tests.support import phase_books
from tests.support.asymmetric import phase_trees
from tests.support.phase_books import homes, network_of, random_power

TIGHT_KW = 1e-6

every_network = pytest.mark.parametrize("name", phase_books.RANDOM + phase_books.SHIPPED)


def clear_nothing(network, p, q, physics, **options):
    """Books that only have a base, where nothing limits voltages."""
    nothing = fastp2p.Trades(np.zeros(len(p) + 1, np.int64), *np.zeros((2, 0), np.int64), *np.zeros((3, 0)))
    options |= {"reactive": fastp2p.Reactive(q), "connection": fastp2p.Connection()}
    return fastp2p.clear(network, nothing, p, physics=physics, v_min_pu=0.1, v_max_pu=5.0, **options)


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
    np.testing.assert_allclose(answer.injection.kw[0, 1], answer.executed_kwh[0] / 3.0, rtol=1e-12)


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
    answer = clear_nothing(network, p, q, "lindistflow", bus=at)
    assert set(answer.status) == {"free"}
    np.testing.assert_allclose(answer.flow_kw, far.real, rtol=0, atol=1e-7)
    np.testing.assert_allclose(answer.flow_kvar, far.imag, rtol=0, atol=1e-7)
    for found, expected in ((answer.injection, (p, q)), (answer.floor, (p, q)), (answer.full, (p, q))):
        np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)
    below = np.isin(network.from_bus, network.reference_bus) | np.isin(network.to_bus, network.reference_bus)
    if (network.zero.from_shunt_pu == 0.0).all() and len(at) == network.n_bus - len(network.reference_bus):
        np.testing.assert_allclose(answer.slack_kw, -p.sum(axis=(1, 2)), rtol=0, atol=1e-7)
        assert below.any()
    active = clear_nothing(network, p, q, "dc", bus=at)
    found = oracle.responses(network, at)
    of_p = np.einsum("bfcg,ncg->nbf", oracle.by_branch(network, found, found.far)[0].real, p)
    np.testing.assert_allclose(active.flow_kw, of_p + network.constant_kw[:, None] / 3.0, rtol=0, atol=1e-7)


@pytest.mark.slow
@settings(deadline=None, max_examples=8, derandomize=True)
@given(phase_trees())
def test_flows_of_forests_are_sums_of_what_is_behind(case):
    """With shunts, whose constant flows and voltages are the balanced model's."""
    net, kw, kvar = case
    network = replace(fastp2p.Network.from_pandapower(net, phases=3), limit_kw=np.full(len(net.line) + len(net.trafo), np.inf))
    p, q = np.zeros((2, 1, network.n_bus, 3))
    at = network.positions(net.bus.index)
    p[0, at], q[0, at] = kw, kvar
    answer = clear_nothing(network, p, q, "lindistflow")
    far = oracle.state(network, np.arange(network.n_bus), p, q)[0]
    np.testing.assert_allclose(answer.flow_kw + 1j * answer.flow_kvar, far, rtol=0, atol=1e-7)


@every_network
@pytest.mark.parametrize("side", ["high", "low"])
def test_a_band_cuts_where_the_linear_voltages_reach_it(name, side):
    """One export at a time, far too large, on each phase of each bus: cut where the first voltage reaches its limit."""
    network = network_of(name)
    network = replace(network, limit_kw=np.full(network.n_branch, np.inf))
    at = homes(network)[:: 1 if network.n_bus < 50 else 7]
    n, kvar = len(at), -0.1 if side == "high" else 0.4
    vm = np.sqrt(oracle.unloaded(network)[2][:, 0])
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


@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
def test_a_network_without_branches_is_cleared(physics):
    """Two external grids: nothing limits anything."""
    net = pp.create_empty_network()
    for bus in pp.create_buses(net, 2, 0.4):
        pp.create_ext_grid(net, bus)
    network = fastp2p.Network.from_pandapower(net, phases=3, zero_sequence={"grid": "ideal"})
    answer = clear_one(1, 0, 6.0, 0.3, 0.1, network=network, physics=physics)
    np.testing.assert_allclose(answer.executed_kwh, [6.0])
    assert answer.flow_kw.shape == (1, 0, 3)
