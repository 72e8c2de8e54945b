"""AC power flows of radial networks, against pandapower, a dense Newton method and hand calculations."""

import cmath
import dataclasses
import math
import pickle
from functools import cache

import numpy as np
import pandapower as pp
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import fastp2p
from tests.oracles import ac as ac_oracle
from tests.support.radial_networks import RADIAL, Pandapower, brinks, load, random_directions, trees

NUMBERS = ("vm_pu", "va_degree", "from_ka", "to_ka", "loading_percent", "losses_kw", "slack_kw", "slack_kvar")
SCALES = np.array([-0.5, -0.2, 0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 0.998])
"""From reverse flow to the brink, as a share of the largest load that is solved."""
BEYOND = 1.003


def assert_equal_to_pandapower(network, flow, expected):
    """`expected` is what `Pandapower.results` has of the books.

    Voltages agree to 1e-6 p.u. and 1e-6 degrees. Each current and each loading agrees to 1e-6 of itself; what is below
    1e-9 of the state's largest current is rounding error of the difference of two voltages times a large admittance.
    Losses agree to 1e-6 of the losses, which are a small difference of large flows and the hardest of all; the power of
    the external grids, a vector, to 1e-6 of its own length, so that either part may be small beside the other.
    """
    assert flow.converged.all()
    known = network.known_position[network.known_position >= 0]
    np.testing.assert_allclose(flow.vm_pu[:, known], expected["vm_pu"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(flow.va_degree[:, known], expected["va_degree"], rtol=0, atol=1e-6)
    for name in ("from_ka", "to_ka", "loading_percent"):
        number, wanted = getattr(flow, name), expected[name]
        message = np.isfinite(wanted)
        floor = 1e-9 * np.nanmax(np.where(message, wanted, 0.0), axis=1, keepdims=True)
        wrong = message & ~(np.abs(number - wanted) <= 1e-6 * wanted + floor)
        assert not wrong.any(), f"{name} of {network.branch_name[wrong.any(axis=0)]}: {number[wrong]}, not {wanted[wrong]}"
    unlimited = ~np.isfinite(expected["loading_percent"]) & np.isin(network.element, ["line", "trafo"])
    assert (np.isnan(flow.loading_percent) | (flow.loading_percent == 0))[unlimited].all()
    np.testing.assert_allclose(flow.losses_kw, expected["losses_kw"], rtol=1e-6, atol=0)
    error = np.hypot(flow.slack_kw - expected["slack_kw"], flow.slack_kvar - expected["slack_kvar"])
    assert (error <= 1e-6 * np.hypot(expected["slack_kw"], expected["slack_kvar"])).all()


def assert_same_bits(one, other, rows=slice(None)):
    for field in dataclasses.fields(one):
        np.testing.assert_array_equal(getattr(one, field.name), getattr(other, field.name)[rows], err_msg=field.name)


def joined(results):
    return {name: np.concatenate([result[name] for result in results]) for name in results[0]}


def random_states(network, seed=8):
    """Fifty states from reverse flow to the brink, and five beyond it: (p_kw, q_kvar), (p_kw, q_kvar)."""
    p_kw, q_kvar = random_directions(np.random.default_rng(seed), network, 5)
    ends = brinks(network, p_kw, q_kvar)[:, None]
    scale = (ends * SCALES)[:, :, None]
    p_states = np.where(scale < 0, np.abs(scale * p_kw[:, None]), scale * p_kw[:, None])
    q_states = np.abs(scale) * q_kvar[:, None]
    return [part.reshape(-1, network.n_bus) for part in (p_states, q_states)], (BEYOND * ends * p_kw, BEYOND * ends * q_kvar)


def assert_fifty_states_agree(net, network):
    """`runpp` solves all of them, and one direction no more 0.5 % farther: so the brink is one."""
    states, beyond = random_states(network)
    n_copies = next(n for n in (50, 25, 10, 5, 2, 1) if n * network.n_bus <= 2000 or n == 1)
    reference = Pandapower(net, network, n_copies)
    results = []
    for p_kw, q_kvar in zip(*(np.split(part, 50 // n_copies) for part in states), strict=True):
        assert reference.solve(p_kw, q_kvar)
        results.append(reference.results())
    assert_equal_to_pandapower(network, fastp2p.ac_flow(network, *states), joined(results))
    assert not Pandapower(net, network).solves(*(part[:1] for part in beyond)).any()


FIRST = {"cigre_lv", "create_kerber_dorfnetz", "case33bw"}
"""The other networks are in the second tier of the tests."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name not in FIRST)) for name in RADIAL])
def test_equal_to_runpp(name):
    """Five directions, each from reverse flow to within 0.5 % of the largest load that has a solution."""
    net = load(name)
    network = fastp2p.Network.from_pandapower(net)
    if not network.is_radial:
        pytest.skip("meshed")
    assert_fifty_states_agree(net, network)


COLLAPSING = [
    "case33bw", "create_cigre_network_lv", "create_kerber_landnetz_kabel_1", "example_simple", "mv_oberrhein", "village_1",
]  # fmt: skip


@pytest.mark.parametrize("name", COLLAPSING)
def test_collapse(name):
    """Books that no Newton iteration of `runpp` solves, not one of a hundred, are told apart and hold no numbers."""
    net = load(name)
    network = fastp2p.Network.from_pandapower(net)
    p_kw, q_kvar = random_directions(np.random.default_rng(21), network, 2)
    ends = brinks(network, p_kw, q_kvar)
    scale = (ends[:, None] * [0.9, 0.999, BEYOND, 1.1, 10.0, 1e4])[:, :, None]
    p_states, q_states = ((scale * part[:, None]).reshape(-1, network.n_bus) for part in (p_kw, q_kvar))
    flow = fastp2p.ac_flow(network, p_states, q_states)
    assert flow.converged.tolist() == [True, True, False, False, False, False] * 2
    for field in NUMBERS:
        number = getattr(flow, field)
        assert np.isnan(number[~flow.converged]).all(), field
        assert field == "loading_percent" or np.isfinite(number[flow.converged]).all(), field
    alone = Pandapower(net, network, max_iteration=100)
    tried = [1, 2, 3]
    assert alone.solves(p_states[tried], q_states[tried]).tolist() == [True, False, False]


@cache
def two_buses(r_ohm=0.12, x_ohm=0.05, vm_pu=1.02):
    net = pp.create_empty_network()
    pp.create_buses(net, 2, 0.4)
    pp.create_ext_grid(net, 0, vm_pu)
    pp.create_line_from_parameters(net, 0, 1, 1.0, r_ohm, x_ohm, 0.0, max_i_ka=0.2)
    return fastp2p.Network.from_pandapower(net)


@pytest.mark.small
@pytest.mark.parametrize(("p_kw", "q_kvar"), [(-100.0, -30.0), (-90.0, 60.0), (80.0, 0.0), (0.0, -50.0), (-1e-3, 0.0)])
def test_two_buses_by_hand(p_kw, q_kvar):
    """A load P + jQ behind R + jX is fed by V0 = V + (R + jX)(P - jQ)/V, V the angle's reference.

    Real and imaginary part are V + (RP + XQ)/V and (XP - RQ)/V. The sum of their squares is V0², whence the biquadratic
    V⁴ + (2(RP + XQ) - V0²) V² + (R² + X²)(P² + Q²) = 0, whose larger root is the voltage; it is real as long as
    V0²/2 - (RP + XQ) ≥ |R + jX| |P + jQ|.
    """
    r, x, v0 = 0.12, 0.05, 1.02 * 0.4
    p, q = -p_kw / 1e3, -q_kvar / 1e3
    network = two_buses(r, x)
    half = v0**2 / 2 - (r * p + x * q)
    square = half + math.sqrt(half**2 - (r**2 + x**2) * (p**2 + q**2))
    v, current = math.sqrt(square), math.hypot(p, q) / math.sqrt(3 * square)
    flow = fastp2p.ac_flow(network, [[0.0, p_kw]], [[0.0, q_kvar]])
    assert flow.vm_pu[0] == pytest.approx([1.02, v / 0.4], abs=1e-6)
    assert flow.va_degree[0] == pytest.approx([0.0, -math.degrees(math.asin((x * p - r * q) / (v * v0)))], abs=1e-6)
    assert [flow.from_ka[0, 0], flow.to_ka[0, 0]] == pytest.approx([current, current], rel=1e-6)
    assert flow.loading_percent[0, 0] == pytest.approx(100 * current / 0.2, rel=1e-6)
    assert flow.losses_kw[0] == pytest.approx(3e3 * r * current**2, rel=1e-6)
    slack = complex(p, q) + 3 * complex(r, x) * current**2
    assert complex(flow.slack_kw[0], flow.slack_kvar[0]) == pytest.approx(1e3 * slack, rel=1e-6)
    end = v0**2 / 2 / (r * p + x * q + math.hypot(r, x) * math.hypot(p, q))
    scaled = np.array([0.999, 1.001])[:, None] * end * np.array([[0.0, 1.0]])
    assert fastp2p.ac_flow(network, scaled * p_kw, scaled * q_kvar).converged.tolist() == [True, False]


@pytest.mark.small
def test_four_buses_by_hand():
    """From the currents to the powers: the feeder 0-1, 1-2, 1-3 draws known currents, so Ohm's law gives the voltages.

    In line-to-line kV and kA a branch drops √3 Z I, a bus draws √3 V I*, and a branch loses 3 R |I|². The powers go into
    the solver, the voltages have to come out. The second line is entered from its far end.
    """
    root = math.sqrt(3)
    z = [complex(0.05, 0.02), complex(0.2, 0.03), complex(0.1, 0.08)]
    drawn = [complex(0.05, -0.02), complex(0.06, 0.01), complex(-0.03, -0.01)]  # at the buses 1, 2, 3; the last one feeds
    along = [sum(drawn), drawn[1], drawn[2]]
    v0 = 0.4 * cmath.exp(1j * math.radians(20.0))
    v1 = v0 - root * z[0] * along[0]
    v = [v0, v1, v1 - root * z[1] * along[1], v1 - root * z[2] * along[2]]
    power = [0.0] + [-1e3 * root * voltage * current.conjugate() for voltage, current in zip(v[1:], drawn, strict=True)]
    net = pp.create_empty_network()
    pp.create_buses(net, 4, 0.4)
    pp.create_ext_grid(net, 0, va_degree=20.0)
    for (one, other), impedance in zip(((0, 1), (2, 1), (1, 3)), z, strict=True):
        pp.create_line_from_parameters(net, one, other, 0.5, 2 * impedance.real, 2 * impedance.imag, 0.0, max_i_ka=0.1)
    network = fastp2p.Network.from_pandapower(net)
    flow = fastp2p.ac_flow(network, np.real([power]), np.imag([power]))
    assert flow.vm_pu[0] == pytest.approx(np.abs(v) / 0.4, abs=1e-6)
    assert flow.va_degree[0] == pytest.approx(np.rad2deg(np.angle(v)), abs=1e-6)
    for number in (flow.from_ka, flow.to_ka, flow.loading_percent / 100 * 0.1):
        assert number[0] == pytest.approx(np.abs(along), rel=1e-6)
    assert flow.losses_kw[0] == pytest.approx(sum(3e3 * b.real * abs(i) ** 2 for b, i in zip(z, along, strict=True)), rel=1e-6)
    slack = 1e3 * root * v0 * along[0].conjugate()
    assert complex(flow.slack_kw[0], flow.slack_kvar[0]) == pytest.approx(slack, rel=1e-6)


@pytest.mark.slow
@pytest.mark.small
@settings(deadline=None, max_examples=25, derandomize=True, phases=[Phase.generate])  # shrinking would take minutes
@given(trees())
def test_equal_to_a_dense_newton_method(case):
    """Small forests of lines, tapped transformers either way round and shunts, by formulas of their own in volts and ohms."""
    net, injection_kw, injection_kvar = case
    network = fastp2p.Network.from_pandapower(net)
    expected = ac_oracle.solve(net, injection_kw, injection_kvar)
    at = network.positions(net.bus.index)
    p_kw, q_kvar = np.zeros(network.n_bus), np.zeros(network.n_bus)
    p_kw[at], q_kvar[at] = injection_kw, injection_kvar
    flow = fastp2p.ac_flow(network, p_kw, q_kvar)
    assert np.all(flow.converged)
    np.testing.assert_allclose(flow.vm_pu.ravel()[at], expected.vm_pu, rtol=0, atol=1e-6)
    np.testing.assert_allclose(flow.va_degree.ravel()[at], expected.va_degree, rtol=0, atol=1e-6)
    keys = list(zip(network.element.tolist(), network.element_id.tolist(), strict=True))
    ka = np.array([expected.ka[key] for key in keys]).reshape(-1, 2)
    floor = 1e-9 * ka.max(initial=0.0)
    np.testing.assert_allclose(flow.from_ka.ravel(), ka[:, 0], rtol=1e-6, atol=floor)
    np.testing.assert_allclose(flow.to_ka.ravel(), ka[:, 1], rtol=1e-6, atol=floor)
    loading = [expected.loading_percent[key] for key in keys]
    np.testing.assert_allclose(flow.loading_percent.ravel(), loading, rtol=1e-6, atol=1e3 * floor)
    throughput = np.hypot(injection_kw, injection_kvar).sum() + abs(complex(expected.slack_kw, expected.slack_kvar))
    np.testing.assert_allclose(flow.losses_kw, expected.losses_kw, rtol=1e-6, atol=1e-9 * throughput)
    np.testing.assert_allclose(flow.slack_kw, expected.slack_kw, rtol=0, atol=1e-6 * throughput)
    np.testing.assert_allclose(flow.slack_kvar, expected.slack_kvar, rtol=0, atol=1e-6 * throughput)


def unusual_network():
    """What no shipped radial network has: a second tree, three windings, impedances, wards, taps, open ends."""
    net = pp.create_empty_network(sn_mva=5.0)
    hv, mv, lv, a, b, c, d, e, f = pp.create_buses(net, 9, [110.0, 20.0, 10.0, 10.0, 10.0, 20.0, 0.4, 0.4, 0.4])
    pp.create_ext_grid(net, hv, 1.03, va_degree=-40.0)
    pp.create_transformer3w(net, hv, mv, lv, "63/25/38 MVA 110/20/10 kV", tap_pos=-3)
    pp.create_line(net, lv, a, 2.0, "NA2XS2Y 1x95 RM/25 6/10 kV", parallel=2)
    pp.create_switch(net, a, b, et="b")
    open_end = pp.create_line(net, b, lv, 3.0, "NA2XS2Y 1x95 RM/25 6/10 kV", df=0.9)
    pp.create_switch(net, lv, open_end, et="l", closed=False)
    pp.create_impedance(net, mv, c, rft_pu=0.02, xft_pu=0.05, sn_mva=10.0)
    pp.create_ward(net, c, ps_mw=0.0, qs_mvar=0.0, pz_mw=0.3, qz_mvar=-0.2)
    pp.create_shunt(net, b, q_mvar=-0.4, p_mw=0.05, step=2)
    pp.create_transformer(net, c, d, "0.63 MVA 20/0.4 kV", tap_pos=2, parallel=2, df=0.9)
    pp.create_line(net, d, e, 0.2, "NAYY 4x150 SE")
    pp.create_ext_grid(net, f, 0.97)
    pp.create_bus(net, 0.4)  # without supply
    return net


def test_unusual_elements():
    net = unusual_network()
    assert_fifty_states_agree(net, fastp2p.Network.from_pandapower(net))


@pytest.fixture(scope="module", params=["create_cigre_network_lv", "mv_oberrhein"])
def mixed_books(request):
    """A network and 70 books from reverse flow to collapse: (network, p_kw, q_kvar, flow)."""
    network = fastp2p.Network.load(request.param)
    p_kw, q_kvar = (np.resize(part, (70, network.n_bus)) for part in random_directions(np.random.default_rng(5), network, 5))
    ends = brinks(network, p_kw[:5], q_kvar[:5])
    scale = np.random.default_rng(6).uniform(-0.1, 1.06, (70, 1)) * np.resize(ends, (70, 1))
    p_kw, q_kvar = scale * p_kw, scale * q_kvar
    flow = fastp2p.ac_flow(network, p_kw, q_kvar)
    assert 60 < flow.converged.sum() < 69
    return network, p_kw, q_kvar, flow


def test_a_books_bits_depend_on_no_other_book(mixed_books):
    network, p_kw, q_kvar, flow = mixed_books
    order = np.random.default_rng(7).permutation(70)
    assert_same_bits(fastp2p.ac_flow(network, p_kw[order], q_kvar[order]), flow, order)
    assert_same_bits(fastp2p.ac_flow(network, p_kw[flow.converged], q_kvar[flow.converged]), flow, flow.converged)
    for size in (1, 7, 31, 33, 69):
        for first in range(0, 70, size):
            books = slice(first, first + size)
            assert_same_bits(fastp2p.ac_flow(network, p_kw[books], q_kvar[books]), flow, books)


def test_power_is_conserved(mixed_books):
    """Each grid's balance holds to what the iteration leaves: 1e-6 of all power that goes in or out."""
    _, p_kw, _, flow = mixed_books
    ok = flow.converged
    missing = flow.slack_kw[ok] - (flow.losses_kw - p_kw.sum(axis=1))[ok]
    assert (np.abs(missing) <= 1e-6 * (np.abs(p_kw).sum(axis=1) + np.abs(flow.slack_kw))[ok]).all()
    assert (flow.losses_kw[ok] > 0).all()


def test_the_ways_to_say_the_same(mixed_books):
    network, p_kw, q_kvar, flow = mixed_books
    assert_same_bits(fastp2p.ac_flow(pickle.loads(pickle.dumps(network)), p_kw, q_kvar), flow)
    assert_same_bits(fastp2p.ac_flow(network, p_kw, 0.0), fastp2p.ac_flow(network, p_kw, np.zeros_like(p_kw)))
    assert_same_bits(fastp2p.ac_flow(network, p_kw), fastp2p.ac_flow(network, p_kw, 0.0))
    bus = np.random.default_rng(9).permutation(network.n_bus)[:11]
    p_full, q_full = np.zeros_like(p_kw), np.zeros_like(q_kvar)
    p_full[:, bus], q_full[:, bus] = p_kw[:, bus], q_kvar[:, bus]
    assert_same_bits(fastp2p.ac_flow(network, p_kw[:, bus], q_kvar[:, bus], bus=bus), fastp2p.ac_flow(network, p_full, q_full))
    alone, first = fastp2p.ac_flow(network, p_kw[0], q_kvar[0]), fastp2p.ac_flow(network, p_kw[:1], q_kvar[:1])
    for field in dataclasses.fields(alone):
        np.testing.assert_array_equal(np.ravel(getattr(alone, field.name)), np.ravel(getattr(first, field.name)))


@pytest.mark.small
@settings(deadline=None, max_examples=20, derandomize=True)
@given(st.lists(st.tuples(st.floats(-150.0, 150.0), st.floats(-150.0, 150.0)), max_size=6), st.data())
def test_any_batch_of_two_bus_books(books, data):
    """Converged and collapsed books in any mixture and order, none at all included."""
    network = two_buses()
    p_kw, q_kvar = np.zeros((2, len(books), 2))
    p_kw[:, 1], q_kvar[:, 1] = np.array(books).reshape(-1, 2).T
    flow = fastp2p.ac_flow(network, p_kw, q_kvar)
    assert flow.vm_pu.shape == (len(books), 2)
    assert flow.from_ka.shape == flow.loading_percent.shape == (len(books), 1)
    assert flow.converged.shape == flow.n_iterations.shape == flow.losses_kw.shape == (len(books),)
    assert flow.converged.dtype == bool
    assert np.issubdtype(flow.n_iterations.dtype, np.integer)
    half = (1.02 * 0.4) ** 2 / 2 + (0.12 * p_kw[:, 1] + 0.05 * q_kvar[:, 1]) / 1e3
    most = math.hypot(0.12, 0.05) * np.hypot(p_kw[:, 1], q_kvar[:, 1]) / 1e3
    clear = np.abs(half - most) > 1e-3 * half  # the discriminant of the biquadratic says who collapses
    assert (flow.converged == (half > most))[clear].all()
    order = data.draw(st.permutations(range(len(books))))
    assert_same_bits(fastp2p.ac_flow(network, p_kw[order], q_kvar[order]), flow, order)


@pytest.mark.parametrize(
    ("injection_kw", "others", "named"),
    [
        (np.zeros(40), {}, "injection_kw"),
        (np.zeros((2, 42)), {}, "injection_kw"),
        (np.zeros((2, 2, 41)), {}, "injection_kw"),
        (0.0, {}, "injection_kw"),
        ("much", {}, "injection_kw"),
        (np.full((1, 41), np.nan), {}, "injection_kw"),
        (np.full((1, 41), -np.inf), {}, "injection_kw"),
        (np.zeros((2, 41)), {"injection_kvar": np.zeros((3, 41))}, "injection_kvar"),
        (np.zeros((2, 41)), {"injection_kvar": np.zeros((2, 40))}, "injection_kvar"),
        (np.zeros((2, 41)), {"injection_kvar": np.full((2, 41), np.inf)}, "injection_kvar"),
        (np.zeros((2, 41)), {"injection_kvar": np.nan}, "injection_kvar"),
        (np.zeros((2, 41)), {"injection_kvar": "some"}, "injection_kvar"),
        (np.zeros((2, 3)), {"bus": [1, 2]}, "injection_kw"),
        (np.zeros((2, 2)), {"bus": [1, 1]}, "bus"),
        (np.zeros((2, 2)), {"bus": [1, 41]}, "bus"),
        (np.zeros((2, 2)), {"bus": [-1, 1]}, "bus"),
        (np.zeros((2, 2)), {"bus": [0.5, 1]}, "bus"),
    ],
)
def test_bad_input_is_named(injection_kw, others, named):
    with pytest.raises(fastp2p.InputError, match=rf"\b{named}\b"):
        fastp2p.ac_flow(fastp2p.Network.load("cigre_lv"), injection_kw, **others)


def test_meshed_networks_are_refused():
    network = fastp2p.Network.load("case14")
    with pytest.raises(fastp2p.InputError, match=r"network.*(radial|mesh)"):
        fastp2p.ac_flow(network, np.zeros((1, network.n_bus)))


def test_impedances_that_differ_by_direction_are_refused():
    net = unusual_network()
    net.impedance["rtf_pu"] *= 2
    network = fastp2p.Network.from_pandapower(net)
    with pytest.raises(fastp2p.InputError, match="impedance 0"):
        fastp2p.ac_flow(network, np.zeros(network.n_bus))
