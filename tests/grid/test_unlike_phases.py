"""Power flows where phases are not alike: AC against a dense admittance matrix, LinDist3Flow against its definition."""

import dataclasses

import numpy as np
import pytest

import fastp2p
from tests.oracles import unlike_phases as oracle
from tests.support.unlike_phases import as_matrices, general_network, random_injections

KINDS = [
    {}, {"transformer": False, "grid": False}, {"laterals": False, "plain": 0.0}, {"plain": 0.8, "banks": 0.5},
    {"capacitance": 0.0}, {"n_bus": 30, "plain": 0.1},
]  # fmt: skip


@pytest.mark.small
@pytest.mark.parametrize("seed", range(6))
def test_flows_and_summaries_are_those_of_the_admittance_matrix(seed):
    rng = np.random.default_rng(seed)
    network = general_network(rng, **KINDS[seed])
    has, base_ka = network.zero.has_phase, 1e-3 / (np.sqrt(3.0) * network.base_kv)
    for at in (np.arange(network.n_bus), np.sort(rng.choice(network.n_bus, 4, replace=False))):
        kw, kvar = (one[:, at] for one in random_injections(rng, network, 3))
        flow, summary = (call(network, kw, kvar, bus=at) for call in (fastp2p.phase_flow, fastp2p.phase_summary))
        for book in range(3):
            full = np.zeros((2, network.n_bus, 3))
            full[:, at] = kw[book], kvar[book]
            truth = oracle.solve(network, *full)
            np.testing.assert_allclose(flow.vm_pu[book], np.abs(truth.v), rtol=0, atol=2e-9)
            np.testing.assert_allclose(flow.va_degree[book][has], np.degrees(np.angle(truth.v))[has], rtol=0, atol=2e-7)
            for side, end in (("from", network.from_bus), ("to", network.to_bus)):
                current, into = (of[:, int(side == "to")] for of in (truth.current, truth.into))
                ka = np.abs(current) * base_ka[end][:, None]
                np.testing.assert_allclose(getattr(flow, f"{side}_ka")[book], ka, rtol=1e-6, atol=1e-8)
                np.testing.assert_allclose(getattr(flow, f"{side}_kw")[book], into.real, rtol=1e-6, atol=1e-6)
            kva = np.abs(truth.current).max(axis=1) / 3.0  # at rated voltage; the limit is that of all conductors together
            percent = 100.0 * kva * network.zero.branch_has_phase.sum(axis=1)[:, None] / network.limit_kw[:, None]
            there = network.zero.branch_has_phase
            np.testing.assert_allclose(flow.loading_percent[book][there], percent[there], rtol=1e-6, atol=1e-6)
            assert flow.losses_kw[book] == pytest.approx(truth.losses_kw, rel=1e-6, abs=1e-7)
            assert flow.slack_kw[book] == pytest.approx(truth.slack.real, rel=1e-6, abs=1e-6)
            assert flow.slack_kvar[book] == pytest.approx(truth.slack.imag, rel=1e-6, abs=1e-6)
            np.testing.assert_allclose(flow.unbalance_percent[book], truth.unbalance_percent, rtol=1e-6, atol=1e-7)
        assert_summary(network, summary, flow)


def assert_summary(network, summary, flow):
    """Extremes are those of the phases that there are."""
    counted = np.where(network.has_band[:, None], flow.vm_pu, np.nan).reshape(len(flow.vm_pu), -1)
    for name, pick in (("lowest", np.nanmin), ("highest", np.nanmax)):
        extreme = getattr(summary, f"{name}_vm_pu")
        at = 3 * getattr(summary, f"{name}_bus") + getattr(summary, f"{name}_phase")
        np.testing.assert_allclose(counted[np.arange(len(at)), at], extreme, rtol=0, atol=1e-14)
        np.testing.assert_allclose(pick(counted, axis=1), extreme, rtol=0, atol=1e-14)
    unbalance = np.where(network.has_band, flow.unbalance_percent, np.nan)
    np.testing.assert_allclose(summary.unbalance_percent, np.nanmax(unbalance, axis=1), rtol=1e-10)
    np.testing.assert_allclose(summary.loading_percent, np.nanmax(flow.loading_percent, axis=(1, 2)), rtol=1e-10)
    np.testing.assert_array_equal(np.isnan(flow.loading_percent[0]), ~network.zero.branch_has_phase)


@pytest.mark.parametrize("every", [1, 2])
def test_matrices_of_phases_that_are_alike_change_nothing(every):
    """All lines of a feeder, or every second one, given by the matrices that their sequences make."""
    network, rng = fastp2p.Network.load("ieee_european_lv_asymmetric", phases=3), np.random.default_rng(1)
    shunt = 1e-3j * rng.uniform(0.1, 1.0, network.n_branch) * (network.element == "line")  # so that chains have some
    zero = dataclasses.replace(network.zero, from_shunt_pu=0.2 * shunt, to_shunt_pu=0.2 * shunt)
    network = dataclasses.replace(network, from_shunt_pu=shunt, to_shunt_pu=shunt, zero=zero)
    general = as_matrices(network, np.flatnonzero(network.element == "line")[::every])
    kw = rng.uniform(-4.0, 3.0, (4, len(network.load_bus), 3))
    flows = [fastp2p.phase_flow(of, kw, 0.3 * kw, bus=network.load_bus) for of in (network, general)]
    summaries = [fastp2p.phase_summary(of, kw, 0.3 * kw, bus=network.load_bus) for of in (network, general)]
    for one, other in (flows, summaries):
        for name in (of.name for of in dataclasses.fields(one)) if dataclasses.is_dataclass(one) else one._fields:
            if name not in ("lowest_bus", "highest_bus", "unbalance_bus"):
                np.testing.assert_allclose(getattr(other, name), getattr(one, name), rtol=1e-12, atol=2e-12, err_msg=name)
    assert flows[0].n_iterations.min() > 4


@pytest.mark.small
@pytest.mark.parametrize("seed", range(3))
def test_lindist3flow_by_its_definition(seed):
    rng = np.random.default_rng(seed)
    network = general_network(rng, 15, transformer=False, grid=False)
    child_is_from = network.tree.parent_sign > 0.0
    for at in (np.arange(network.n_bus), np.sort(rng.choice(network.n_bus, 5, replace=False))):
        kw, kvar = (one[:, at] for one in random_injections(rng, network, 2))
        flow = fastp2p.lindist3flow(network, kw, kvar, bus=at)
        for book in range(2):
            full = np.zeros((2, network.n_bus, 3))
            full[:, at] = kw[book], kvar[book]
            power, square = oracle.linear(network, *full)
            np.testing.assert_allclose(flow.vm_pu[book] ** 2, square, rtol=0, atol=1e-8)
            branch = network.tree.parent_branch
            for bus in np.flatnonzero(branch >= 0).tolist():
                sign = 1.0 if child_is_from[bus] else -1.0
                both = flow.flow_kw[book, branch[bus]] + 1j * flow.flow_kvar[book, branch[bus]]
                np.testing.assert_allclose(sign * both, power[bus], rtol=0, atol=1e-6)


def test_lindist3flow_follows_the_slopes_of_the_ac_power_flow():
    """A small injection on one phase moves every |V|² of all phases as AC does, but for losses, shunts and unequal voltages."""
    rng = np.random.default_rng(5)
    network = general_network(rng, 12, capacitance=0.1, banks=0.3)
    none, step = np.zeros((network.n_bus, 3)), 1e-3
    moves, truth = [], []
    for bus in range(1, network.n_bus):
        for f in np.flatnonzero(network.zero.has_phase[bus]).tolist():
            for of in (1.0, 1j):
                injection = none.astype(complex)
                injection[bus, f] = of * step
                pair = [fastp2p.phase_flow(network, one.real, one.imag).vm_pu[0] ** 2 for one in (injection, -injection)]
                truth.append((pair[0] - pair[1]) / 2.0 / step)
                pair = [fastp2p.lindist3flow(network, one.real, one.imag).vm_pu[0] ** 2 for one in (injection, -injection)]
                moves.append((pair[0] - pair[1]) / 2.0 / step)
    moves, truth = np.nan_to_num(moves), np.nan_to_num(truth)
    assert np.abs(moves - truth).max() < 0.02 * np.abs(truth).max()
    large = np.abs(truth) > 0.3 * np.abs(truth).max()
    assert (np.sign(moves[large]) == np.sign(truth[large])).all()


def test_what_does_not_fit_together_is_refused():
    network = general_network(np.random.default_rng(2), 12)
    zero, tree = network.zero, network.tree
    lacks = int(np.flatnonzero(zero.phases == 1 + 4)[0])
    with pytest.raises(fastp2p.InputError, match=f"an injection on phase b of bus {lacks}, which has a and c alone"):
        fastp2p.phase_flow(network, [[[0.0, 1.0, 2.0]]], bus=[lacks])
    name = network.branch_name[tree.parent_branch[lacks]]
    matrix = int(np.flatnonzero(zero.matrix_of != -1)[0])
    shift = network.shift_rad.copy()
    shift[matrix] = 0.5
    shunt = np.where(np.arange(12) == lacks, 1e-6j, 0.0)
    for other, fault in (
        ({"phases": np.full(12, 7)}, f"bus {lacks} has phases a, b and c, but {name} feeds a and c"),
        ({"phases": np.where(np.arange(12) == tree.parent[lacks], 1, zero.phases)}, f"{name} has phases a and c, but bus"),
        ({"to_ground": zero.matrix_of == 0}, "is given by a matrix; it cannot turn all phases"),
        ({"shift_rad": shift}, "is given by a matrix; it cannot turn all phases"),
        ({"bus_shunt_pu": shunt}, f"bus {lacks} has a shunt of three phases .bus_shunt_pu., but phases a and c alone"),
    ):
        of_zero = {name: value for name, value in other.items() if hasattr(zero, name)}
        of_zero |= {"bus_matrix_pu": np.zeros((12, 3, 3))} if "phases" in of_zero else {}
        own = {name: value for name, value in other.items() if name not in of_zero}
        wrong = dataclasses.replace(network, zero=dataclasses.replace(zero, **of_zero), **own)
        with pytest.raises(fastp2p.InputError, match=fault):
            fastp2p.phase_summary(wrong, np.zeros((1, 12, 3)))
