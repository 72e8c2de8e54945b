"""Three-phase power flows, against a dense Newton method, runpp_3ph, the balanced model and hand calculations."""

import cmath
import dataclasses
import functools
import math
import pickle

import numpy as np
import pandapower as pp
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import fastp2p
from bench.peers.asymmetric import STATED
from fastp2p.grid.phase_feeder import phase_feeder
from tests.oracles import phases as oracle
from tests.support.asymmetric import phase_brinks, phase_directions, phase_trees
from tests.support.radial_networks import random_directions
from tests.support.shipped import shipped

IDEAL = {"grid": "ideal"}
A = cmath.exp(2j * math.pi / 3)
NUMBERS = ("vm_pu", "va_degree", "unbalance_percent", "from_ka", "to_ka", "neutral_ka", "losses_kw", "slack_kw", "slack_kvar")


def line_net(n_bus=2, r_ohm=0.12, x_ohm=0.05, r0_ohm=0.5, x0_ohm=0.2, vm_pu=1.02):
    """Equal lines of 1 km in a row."""
    net = pp.create_empty_network()
    pp.create_buses(net, n_bus, 0.4)
    pp.create_ext_grid(net, 0, vm_pu)
    for bus in range(n_bus - 1):
        pp.create_line_from_parameters(
            net, bus, bus + 1, 1.0, r_ohm, x_ohm, 0.0, max_i_ka=0.2, r0_ohm_per_km=r0_ohm, x0_ohm_per_km=x0_ohm,
            c0_nf_per_km=0.0,
        )  # fmt: skip
    return net


def three_phases(net, stated=IDEAL):
    return fastp2p.Network.from_pandapower(net, phases=3, zero_sequence=stated)


@functools.cache
def two_buses():
    return three_phases(line_net())


def assert_same_bits(one, other, rows=slice(None)):
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name)[rows], err_msg=field.name)


@pytest.mark.small
@pytest.mark.parametrize("phase", [0, 1, 2])
@pytest.mark.parametrize(("p_kw", "q_kvar"), [(-30.0, -10.0), (-25.0, 20.0), (25.0, 0.0), (-1e-3, 0.0)])
def test_two_buses_by_hand(p_kw, q_kvar, phase):
    """One phase's load P + jQ behind Z = R + jX, the mean of Z₀ and twice Z₁: as in `test_ac.test_two_buses_by_hand`, with
    the voltage between phase and neutral. The current lowers the other phases by Z_m times it, Z_m = (Z₀ - Z₁) / 3.
    """
    z1, z0 = complex(0.12, 0.05), complex(0.5, 0.2)
    own, mutual = (z0 + 2 * z1) / 3, (z0 - z1) / 3
    r, x, v0 = own.real, own.imag, 1.02 * 0.4 / math.sqrt(3)
    p, q = -p_kw / 1e3, -q_kvar / 1e3
    half = v0**2 / 2 - (r * p + x * q)
    v = math.sqrt(half + math.sqrt(half**2 - (r**2 + x**2) * (p**2 + q**2)))
    held = v0 * A**-phase
    loaded = v * cmath.exp(-1j * math.asin((x * p - r * q) / (v * v0))) * A**-phase
    current = (complex(p, q) / loaded).conjugate()
    voltage = [v0 * A**-f - mutual * current for f in range(3)]
    voltage[phase] = loaded
    assert abs(held - own * current - loaded) < 1e-12
    kw, kvar = np.zeros((2, 2, 3))
    kw[1, phase], kvar[1, phase] = p_kw, q_kvar
    flow = fastp2p.phase_flow(two_buses(), kw, kvar)
    base = 0.4 / math.sqrt(3)
    assert flow.vm_pu[0, 1] == pytest.approx(np.abs(voltage) / base, abs=1e-8)
    assert flow.va_degree[0, 1] == pytest.approx(np.degrees(np.angle(voltage)), abs=1e-6)
    currents = [abs(current) * (f == phase) for f in range(3)]
    assert flow.from_ka[0, 0] == pytest.approx(currents, rel=1e-6, abs=1e-12)
    assert flow.to_ka[0, 0] == pytest.approx(currents, rel=1e-6, abs=1e-12)
    assert flow.neutral_ka[0, 0] == pytest.approx(abs(current), rel=1e-6)
    assert flow.loading_percent[0, 0] == pytest.approx(100 * np.array(currents) / 0.2, rel=1e-6, abs=1e-9)
    assert flow.losses_kw[0] == pytest.approx(1e3 * r * abs(current) ** 2, rel=1e-6)
    fed = 1e3 * held * current.conjugate()
    assert complex(flow.slack_kw[0, phase], flow.slack_kvar[0, phase]) == pytest.approx(fed, rel=1e-6)
    positive = sum(voltage[f] * A**f for f in range(3))
    negative = sum(voltage[f] * A ** (-f) for f in range(3))
    assert flow.unbalance_percent[0, 1] == pytest.approx(100 * abs(negative / positive), rel=1e-6, abs=1e-9)
    end = v0**2 / 2 / (r * p + x * q + abs(own) * math.hypot(p, q))
    scaled = np.array([0.999, 1.001])[:, None, None] * end
    assert fastp2p.phase_flow(two_buses(), scaled * kw, scaled * kvar).converged.tolist() == [True, False]


def assert_equal_to_oracle(net, kw, kvar, network, flow, expected):
    at = network.positions(net.bus.index)
    assert flow.converged.all()
    np.testing.assert_allclose(flow.vm_pu[0, at], expected.vm_pu, rtol=0, atol=1e-7)
    turned = np.angle(np.exp(1j * np.radians(flow.va_degree[0, at] - expected.va_degree)))
    np.testing.assert_allclose(turned, 0.0, rtol=0, atol=1e-7)
    np.testing.assert_allclose(flow.unbalance_percent[0, at], expected.unbalance_percent, rtol=0, atol=1e-5)
    keys = list(zip(network.element.tolist(), network.element_id.tolist(), strict=True))
    ka = np.array([expected.ka[key] for key in keys]).reshape(-1, 2, 3)
    floor = 1e-6 * ka.max(initial=0.0)
    np.testing.assert_allclose(flow.from_ka[0], ka[:, 0], rtol=1e-6, atol=floor)
    np.testing.assert_allclose(flow.to_ka[0], ka[:, 1], rtol=1e-6, atol=floor)
    up = network.tree.parent_sign[np.argsort(network.tree.parent_branch)[-len(keys) :]] > 0 if keys else np.zeros(0, bool)
    neutral = np.array([expected.neutral_ka[key] for key in keys]).reshape(-1, 2)
    np.testing.assert_allclose(flow.neutral_ka[0], np.where(up, neutral[:, 0], neutral[:, 1]), rtol=1e-6, atol=floor)
    loading = np.array([expected.loading_percent[key] for key in keys]).reshape(-1, 3)
    np.testing.assert_allclose(flow.loading_percent[0], loading, rtol=1e-6, atol=1e4 * floor)
    throughput = np.hypot(kw, kvar).sum() + np.hypot(expected.slack_kw, expected.slack_kvar).sum()
    np.testing.assert_allclose(flow.losses_kw[0], expected.losses_kw, rtol=1e-6, atol=1e-8 * throughput)
    np.testing.assert_allclose(flow.slack_kw[0], expected.slack_kw, rtol=0, atol=1e-6 * throughput)
    np.testing.assert_allclose(flow.slack_kvar[0], expected.slack_kvar, rtol=0, atol=1e-6 * throughput)


def assert_summary_says_the_same(network, flow, summary):
    """The extremes of `PhaseFlow`, and where they are."""
    for row in np.flatnonzero(flow.converged):
        vm = flow.vm_pu[row, network.has_band]
        if vm.size:
            assert summary.lowest_vm_pu[row] == pytest.approx(vm.min(), abs=1e-12)
            assert summary.highest_vm_pu[row] == pytest.approx(vm.max(), abs=1e-12)
            unbalance = flow.unbalance_percent[row]
            assert summary.unbalance_percent[row] == pytest.approx(unbalance[network.has_band].max(), abs=1e-9)
            for name in ("lowest", "highest"):
                bus, phase = getattr(summary, f"{name}_bus")[row], getattr(summary, f"{name}_phase")[row]
                assert network.has_band[bus]
                assert flow.vm_pu[row, bus, phase] == pytest.approx(getattr(summary, f"{name}_vm_pu")[row], abs=1e-12)
            assert unbalance[summary.unbalance_bus[row]] == pytest.approx(summary.unbalance_percent[row], abs=1e-9)
        assert summary.loading_percent[row] == pytest.approx(np.nanmax(flow.loading_percent[row], initial=0.0), rel=1e-9)
        assert summary.losses_kw[row] == flow.losses_kw[row]
    np.testing.assert_array_equal(summary.slack_kw, flow.slack_kw)
    np.testing.assert_array_equal(summary.collapse, ~flow.converged)


@pytest.mark.slow
@pytest.mark.small
@settings(deadline=None, max_examples=25, derandomize=True, phases=[Phase.generate])  # shrinking would take minutes
@given(phase_trees())
def test_equal_to_a_dense_newton_method(case):
    """Small forests of lines, all vector groups, tapped transformers, shunts, grids with impedances."""
    net, kw, kvar = case
    network = three_phases(net, None)
    expected = oracle.solve(net, kw, kvar)
    at = network.positions(net.bus.index)
    p, q = np.zeros((2, network.n_bus, 3))
    p[at], q[at] = kw, kvar
    flow = fastp2p.phase_flow(network, p, q)
    assert_equal_to_oracle(net, kw, kvar, network, flow, expected)
    assert_summary_says_the_same(network, flow, fastp2p.phase_summary(network, p, q))
    busy = np.flatnonzero((p != 0).any(axis=1) | (q != 0).any(axis=1))
    few = fastp2p.phase_flow(network, p[busy], q[busy], bus=busy)
    for name in NUMBERS:
        np.testing.assert_allclose(getattr(few, name), getattr(flow, name), rtol=1e-6, atol=1e-6, err_msg=name)


def test_chains_without_injections_are_passed_over_exactly():
    """Charged lines in a row: sweeps on their ends alone find the same voltages in between."""
    net = line_net(7)
    net.line["c_nf_per_km"], net.line["c0_nf_per_km"] = 3e5, 1e5
    network = three_phases(net)
    kw = np.zeros((7, 3))
    kw[6], kw[3, 1] = [-9.0, 4.0, 0.0], -3.0
    flow = fastp2p.phase_flow(network, kw[[3, 6]], bus=[3, 6])
    assert len(phase_feeder(network, np.array([3, 6])).few.parent) == 3
    assert_equal_to_oracle(net, kw, 0.0 * kw, network, flow, oracle.solve(net, kw, 0.0 * kw, ideal=True))


def tightened(net):
    """`runpp_3ph` stops at 3e-8 of a base of its own choice."""
    net.sn_mva = 1e-3
    return net


@pytest.mark.parametrize(("name", "scale"), [("ieee_european_lv_asymmetric", 1.0), ("ieee_european_lv_asymmetric", -2.0)])
def test_equal_to_runpp_3ph(name, scale):
    """With the impedance of the grid; its own loads, and twice as much the other way."""
    net = tightened(shipped(name))
    net.asymmetric_load.scaling = scale
    network = three_phases(net, None)
    own = network.phase_injection_kva(net)
    flow = fastp2p.phase_flow(network, own.real, own.imag)
    pp.runpp_3ph(net)
    assert_equal_to_runpp_3ph(network, flow, net)


def assert_equal_to_runpp_3ph(network, flow, net):
    at = network.positions(net.bus.index)
    for name in ("vm", "va"):
        unit = "pu" if name == "vm" else "degree"
        expected = net.res_bus_3ph[[f"{name}_{phase}_{unit}" for phase in "abc"]]
        np.testing.assert_allclose(
            getattr(flow, f"{name}_{unit}")[0, at], expected, rtol=0, atol=1e-8 if name == "vm" else 1e-6
        )
    np.testing.assert_allclose(flow.unbalance_percent[0, at], net.res_bus_3ph.unbalance_percent, rtol=0, atol=1e-6)
    lines = network.element == "line"
    ids = network.element_id[lines]
    for end in ("from", "to"):
        expected = net.res_line_3ph.loc[ids, [f"i_{phase}_{end}_ka" for phase in "abc"]]
        np.testing.assert_allclose(getattr(flow, f"{end}_ka")[0, lines], expected, rtol=1e-6, atol=1e-8)
    power = net.res_ext_grid_3ph[[f"p_{phase}_mw" for phase in "abc"]].sum()
    np.testing.assert_allclose(flow.slack_kw[0], 1e3 * power, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize(("group", "shift"), [("Dyn", 150.0), ("YNyn", 0.0), ("Yzn", 150.0)])
@pytest.mark.parametrize("tap_pos", [0, 2])
def test_vector_groups_equal_runpp_3ph(group, shift, tap_pos):
    net = line_net(3)
    net.bus.loc[0, "vn_kv"] = 10.0
    net.ext_grid["s_sc_max_mva"], net.ext_grid["rx_max"], net.ext_grid["x0x_max"], net.ext_grid["r0x0_max"] = (
        50.0,
        0.2,
        2.0,
        0.4,
    )
    net.line = net.line.drop(0)
    pp.create_transformer_from_parameters(
        net, 0, 1, 0.16, 10.0, 0.4, 1.4, 4.0, 0.5, 0.3, shift_degree=shift, vector_group=group, vk0_percent=3.5,
        vkr0_percent=1.2, mag0_percent=100.0, mag0_rx=0.1, si0_hv_partial=0.7, tap_side="hv", tap_neutral=0, tap_pos=tap_pos,
        tap_step_percent=2.5, tap_changer_type="Ratio",
    )  # fmt: skip
    pp.create_asymmetric_load(net, 2, p_a_mw=4e-3, p_b_mw=1e-3, q_a_mvar=1e-3)
    pp.create_load(net, 1, 3e-3, 1e-3)
    pp.create_asymmetric_sgen(net, 2, p_c_mw=5e-3)
    network = three_phases(net, None)
    own = network.phase_injection_kva(net)
    assert own[network.positions([2])[0]] == pytest.approx([-4 - 1j, -1.0, 5.0])
    assert own[network.positions([1])[0]] == pytest.approx([-1 - 1j / 3] * 3)
    flow = fastp2p.phase_flow(network, own.real, own.imag)
    pp.runpp_3ph(net)  # at the base for which pandapower's Yzn holds
    at = network.positions(net.bus.index)
    for end, name in enumerate(("vm_{}_pu", "va_{}_degree")):
        expected = net.res_bus_3ph[[name.format(phase) for phase in "abc"]]
        ours = (flow.vm_pu, flow.va_degree)[end][0, at]
        np.testing.assert_allclose(ours, expected, rtol=0, atol=(1e-5, 1e-3)[end])
    expected = oracle.solve(net, own.real[at], own.imag[at])
    assert_equal_to_oracle(net, own.real[at], own.imag[at], network, flow, expected)


@pytest.mark.parametrize(
    "name", ["create_cigre_network_lv", "create_kerber_dorfnetz", "village_1", "ieee_european_lv_asymmetric"]
)
def test_balanced_input_gives_the_balanced_answer(name):
    """To 1e-9 p.u., also under reverse flow, whatever the zero sequence and the grid's impedance."""
    from tests.support.radial_networks import load

    net = load(name)
    stated = {**STATED, "trafo_z0_per_z1": 0.7}
    if name == "ieee_european_lv_asymmetric":
        stated = {}
    network = three_phases(net, stated)
    p_kw, q_kvar = random_directions(np.random.default_rng(3), network, 6)
    scale = np.array([-40.0, 10.0, 40.0, 80.0, 5.0, -10.0])[:, None]
    p_kw, q_kvar = scale * p_kw, scale * q_kvar
    flow = fastp2p.ac_flow(network, p_kw, q_kvar)
    thirds = fastp2p.phase_flow(network, *(np.repeat(one[..., None] / 3, 3, axis=2) for one in (p_kw, q_kvar)))
    assert flow.converged.all()
    np.testing.assert_allclose(thirds.vm_pu, np.repeat(flow.vm_pu[..., None], 3, axis=2), rtol=0, atol=1e-9)
    turned = np.exp(1j * np.radians(thirds.va_degree - flow.va_degree[..., None] - [0.0, -120.0, 120.0]))
    np.testing.assert_allclose(turned, 1.0, rtol=0, atol=1e-9)
    for of in ("from_ka", "to_ka", "loading_percent"):
        balanced = np.repeat(getattr(flow, of)[..., None], 3, axis=2)
        np.testing.assert_allclose(getattr(thirds, of), balanced, rtol=1e-7, atol=1e-9 * np.nanmax(balanced))
    np.testing.assert_allclose(thirds.losses_kw, flow.losses_kw, rtol=1e-7)
    np.testing.assert_allclose(thirds.slack_kw.sum(axis=1), flow.slack_kw, rtol=1e-7, atol=1e-7)
    np.testing.assert_allclose(thirds.unbalance_percent, 0.0, atol=1e-7)


@pytest.fixture(scope="module", params=["cigre_lv", "village_1"])
def mixed_books(request):
    """A network and 70 books from reverse flow to collapse: (network, bus, kw, kvar, flow)."""
    network = fastp2p.Network.load(request.param, phases=3, zero_sequence=STATED)
    at, kw, kvar = phase_directions(np.random.default_rng(5), network, 5, network.load_bus)
    ends = phase_brinks(network, at, kw, kvar)
    kw, kvar = (np.resize(part, (70, *part.shape[1:])) for part in (kw, kvar))
    scale = (np.random.default_rng(6).uniform(-0.1, 1.06, 70) * np.resize(ends, 70))[:, None, None]
    kw, kvar = scale * kw, scale * kvar
    flow = fastp2p.phase_flow(network, kw, kvar, bus=at)
    assert 60 < flow.converged.sum() < 70
    return network, at, kw, kvar, flow


def test_a_books_bits_depend_on_no_other_book(mixed_books):
    network, at, kw, kvar, flow = mixed_books
    order = np.random.default_rng(7).permutation(70)
    assert_same_bits(fastp2p.phase_flow(network, kw[order], kvar[order], bus=at), flow, order)
    for size in (1, 33):
        for first in range(0, 70, size):
            books = slice(first, first + size)
            assert_same_bits(fastp2p.phase_flow(network, kw[books], kvar[books], bus=at), flow, books)


def test_collapse_is_told_apart_and_holds_no_numbers(mixed_books):
    network, at, kw, kvar, flow = mixed_books
    for name in (*NUMBERS, "loading_percent"):
        number = getattr(flow, name)
        assert np.isnan(number[~flow.converged]).all(), name
        assert name == "loading_percent" or np.isfinite(number[flow.converged]).all(), name
    far = fastp2p.phase_flow(network, -1e5 * np.abs(kw[:2]), 0.0, bus=at)
    assert not far.converged.any()
    assert_summary_says_the_same(network, flow, fastp2p.phase_summary(network, kw, kvar, bus=at))


def test_power_is_conserved(mixed_books):
    _, _, kw, _, flow = mixed_books
    ok = flow.converged
    missing = flow.slack_kw[ok].sum(axis=1) - (flow.losses_kw[ok] - kw[ok].sum(axis=(1, 2)))
    assert (np.abs(missing) <= 1e-6 * (np.abs(kw[ok]).sum(axis=(1, 2)) + np.abs(flow.slack_kw[ok]).sum(axis=1))).all()
    assert (flow.losses_kw[ok] > 0).all()


def test_the_ways_to_say_the_same(mixed_books):
    network, at, kw, kvar, flow = mixed_books
    assert_same_bits(fastp2p.phase_flow(pickle.loads(pickle.dumps(network)), kw, kvar, bus=at), flow)
    order = np.random.default_rng(9).permutation(len(at))
    turned = fastp2p.phase_flow(network, kw[:, order], kvar[:, order], bus=at[order])
    assert_same_bits(turned, flow)
    p, q = np.zeros((2, 70, network.n_bus, 3))
    p[:, at], q[:, at] = kw, kvar
    whole = fastp2p.phase_flow(network, p, q)
    ok = flow.converged & whole.converged
    np.testing.assert_allclose(whole.vm_pu[ok], flow.vm_pu[ok], rtol=0, atol=1e-7)
    assert_same_bits(fastp2p.phase_flow(network, kw[0], kvar[0], bus=at), flow, slice(0, 1))
    assert fastp2p.phase_flow(network, kw[:0], bus=at).vm_pu.shape == (0, network.n_bus, 3)
    assert fastp2p.phase_summary(network, kw[:0], bus=at).losses_kw.shape == (0,)


def test_a_network_of_external_grids_alone_has_no_voltage_to_look_at():
    net = pp.create_empty_network()
    pp.create_bus(net, 0.4)
    pp.create_ext_grid(net, 0, 1.03)
    network = three_phases(net)
    flow = fastp2p.phase_flow(network, [[-1.0, 0.0, 2.0]])
    assert flow.slack_kw[0] == pytest.approx([1.0, 0.0, -2.0])
    assert flow.vm_pu[0, 0] == pytest.approx([1.03] * 3)
    summary = fastp2p.phase_summary(network, [[-1.0, 0.0, 2.0]])
    assert summary.lowest_vm_pu[0] == summary.highest_vm_pu[0] == 1.03


@pytest.mark.small
@settings(deadline=None, max_examples=20, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 2), st.floats(-60.0, 60.0), st.floats(-60.0, 60.0)), max_size=5), st.data())
def test_any_batch_of_two_bus_books(books, data):
    """Converged and collapsed books in any mixture and order, none at all included."""
    network = two_buses()
    kw, kvar = np.zeros((2, len(books), 2, 3))
    for row, (phase, p, q) in enumerate(books):
        kw[row, 1, phase], kvar[row, 1, phase] = p, q
    flow = fastp2p.phase_flow(network, kw, kvar)
    z = (complex(0.5, 0.2) + 2 * complex(0.12, 0.05)) / 3
    half = (1.02 * 0.4) ** 2 / 6 + (z.real * kw + z.imag * kvar).sum(axis=(1, 2)) / 1e3
    most = abs(z) * np.hypot(kw, kvar).sum(axis=(1, 2)) / 1e3
    clear = np.abs(half - most) > 1e-3 * half
    assert (flow.converged == (half > most))[clear].all()
    order = data.draw(st.permutations(range(len(books))))
    assert_same_bits(fastp2p.phase_flow(network, kw[order], kvar[order]), flow, order)


@pytest.mark.parametrize(
    ("injection_kw", "others", "named"),
    [
        (np.zeros((2, 2)), {}, "injection_kw"),
        (np.zeros((1, 3, 3)), {}, "injection_kw"),
        (np.zeros((2, 2, 2, 3)), {}, "injection_kw"),
        (0.0, {}, "injection_kw"),
        (np.full((1, 2, 3), np.nan), {}, "injection_kw"),
        (np.zeros((1, 2, 3)), {"injection_kvar": np.zeros((2, 2, 3))}, "injection_kvar"),
        (np.zeros((1, 2, 3)), {"injection_kvar": np.inf}, "injection_kvar"),
        (np.zeros((1, 1, 3)), {"bus": [2]}, "bus"),
    ],
)
def test_arrays_that_do_not_fit_are_refused(injection_kw, others, named):
    for call in (fastp2p.phase_flow, fastp2p.phase_summary):
        with pytest.raises(fastp2p.InputError, match=named):
            call(two_buses(), injection_kw, **others)


def test_networks_without_a_three_phase_model_are_refused():
    with pytest.raises(fastp2p.InputError, match="has one phase; load it with phases=3"):
        fastp2p.phase_flow(fastp2p.Network.load("cigre_lv"), np.zeros((41, 3)))
    net = line_net(3)
    pp.create_line_from_parameters(
        net, 0, 2, 1.0, 0.1, 0.1, 0.0, max_i_ka=0.2, r0_ohm_per_km=0.1, x0_ohm_per_km=0.1, c0_nf_per_km=0.0
    )
    with pytest.raises(fastp2p.InputError, match=r"meshed: a loop of line 0, line 1, line 2; .* open switches"):
        fastp2p.phase_flow(three_phases(net), np.zeros((3, 3)))
    with pytest.raises(fastp2p.InputError, match="network must be a Network"):
        fastp2p.phase_flow("cigre_lv", np.zeros((41, 3)))


def test_a_transformer_fed_at_its_star_is_refused():
    net = line_net(3)
    net.bus.loc[2, "vn_kv"] = 10.0
    net.line = net.line.drop(1)
    pp.create_transformer_from_parameters(
        net, 2, 1, 0.16, 10.0, 0.4, 1.4, 4.0, 0.5, 0.3, shift_degree=150.0, vector_group="Dyn5"
    )
    network = three_phases(net, {**IDEAL, "trafo_z0_per_z1": 1.0})
    with pytest.raises(fastp2p.InputError, match="trafo 0 is fed at its star side"):
        fastp2p.phase_flow(network, np.zeros((3, 3)))
