"""Three-phase summaries where few buses inject: as told from the voltages and currents of every bus and branch."""

import dataclasses

import numpy as np
import pytest

import fastp2p
from bench import joints_phases
from bench.peers.asymmetric import STATED
from fastp2p.grid import phases
from fastp2p.grid.phase_feeder import phase_feeder
from fastp2p.grid.phases import checked_phases, phasors
from tests.support.shipped import shipped
from tests.support.unlike_phases import general_network, random_injections

KINDS = {
    "matrices": {"plain": 0.3, "reach": 3},
    "matrices without charging": {"plain": 0.3, "capacitance": 0.0, "reach": 3},
    "laterals on a long feeder": {"plain": 0.6, "banks": 0.0, "reach": 2, "n_bus": 60, "capacitance": 0.2},
    "circulant": {"plain": 1.0, "reach": 3, "n_bus": 50},
    "circulant without charging": {"plain": 1.0, "capacitance": 0.0, "reach": 3, "n_bus": 50},
    "one conductor": {"plain": 1.0, "reach": 1, "n_bus": 70, "alike": True},
    "one conductor without charging": {"plain": 1.0, "capacitance": 0.0, "reach": 1, "n_bus": 70, "alike": True},
    "much charging": {"plain": 1.0, "capacitance": 3.0, "reach": 2, "n_bus": 24, "grid": False, "transformer": False},
}


def network_of(rng, *, alike=False, n_bus=30, **kind):
    """With iron losses, and conductors of many kinds unless they are `alike`."""
    network = general_network(rng, n_bus, **kind)
    zero, n, charges = network.zero, network.n_branch, kind.get("capacitance", 1.0)
    r0, r1, x1 = np.ones((3, n)) if alike else rng.uniform(0.3, 2.0, (3, n))
    iron = np.where(network.element == "trafo", 1e-2, 1e-4 * charges * (rng.random(n) < 0.3))
    shunts = {"from_shunt_pu": network.from_shunt_pu + iron, "to_shunt_pu": network.to_shunt_pu}
    of_zero = {"from_shunt_pu": zero.from_shunt_pu + 0.3 * iron * ~zero.to_ground, "to_shunt_pu": zero.to_shunt_pu}
    if alike:
        shunts, of_zero = ({name: np.full(n, one[name][-1]) for name in one} for one in (shunts, of_zero))
    series = np.full(n, 3e-4 + 1e-4j) if alike else network.resistance_pu * r1 + 1j * network.reactance_pu * x1
    zero_series = 3.0 * series if alike else zero.series_pu.real * r0 + 1j * zero.series_pu.imag * x1
    blocks = {"bus_matrix_pu": np.zeros_like(zero.bus_matrix_pu)} if kind["plain"] == 1.0 else {}
    return dataclasses.replace(
        network, resistance_pu=series.real, reactance_pu=series.imag, **shunts, limit_kw=rng.uniform(20.0, 60.0, n),
        zero=dataclasses.replace(zero, series_pu=zero_series, **of_zero, **blocks),
    )  # fmt: skip


def books_of(rng, network, at):
    """Loads, generators, both, on one phase alone, very small ones, none."""
    kw, kvar = random_injections(rng, network, 12, kw=40.0 / network.n_bus, busy=0.7)
    sign = np.repeat([-1.0, 1.0, 0.0], 4)[:, None, None]
    kw, kvar = (np.where(sign == 0.0, one, sign * np.abs(one)) for one in (kw, kvar))
    kw[::2, :, 1:] = 0.0
    scale = np.array([1.0, 1.0, 1.0, 1e-3, 1.0, 1.0, 1.0, 1e-3, 1.0, 1.0, 1.0, 0.0])[:, None, None]
    return (scale * kw)[:, at], (scale * kvar)[:, at]


def assert_told_from_everything(network, at, kw, kvar):
    summary, flow = (call(network, kw, kvar, bus=at) for call in (fastp2p.phase_summary, fastp2p.phase_flow))
    assert flow.converged.all()
    feeder, rows = phase_feeder(network, at), np.arange(len(kw))
    banded = np.where(network.has_band[:, None], flow.vm_pu, np.nan).reshape(len(kw), -1)
    for name, pick in (("lowest", np.nanmin), ("highest", np.nanmax)):
        found, bus, phase = (getattr(summary, f"{name}_{of}") for of in ("vm_pu", "bus", "phase"))
        np.testing.assert_allclose(found, pick(banded, axis=1), rtol=0, atol=1e-12)
        np.testing.assert_allclose(banded[rows, 3 * bus + phase], found, rtol=0, atol=1e-12)
    unbalance = np.where(network.has_band, flow.unbalance_percent, -1.0)
    np.testing.assert_allclose(summary.unbalance_percent, np.nanmax(unbalance, axis=1), rtol=1e-11, atol=1e-11)
    np.testing.assert_allclose(unbalance[rows, summary.unbalance_bus], summary.unbalance_percent, rtol=1e-11, atol=1e-11)
    voltage, current = phasors(network, feeder, *checked_phases(network, kw, kvar, at)[1:], flow.n_iterations)
    percent = feeder.limits.percent.T[:, None]
    total = np.hypot(*np.moveaxis(current.sum(axis=-1), 1, 0))
    np.testing.assert_allclose(summary.neutral_percent, (percent * total).max(axis=(0, 2)), rtol=1e-11, atol=1e-12)
    np.testing.assert_allclose(summary.loading_percent, np.nanmax(flow.loading_percent, axis=(1, 2)), rtol=1e-12)
    np.testing.assert_allclose(summary.losses_kw, losses_of(feeder, voltage[:, feeder.order], current), rtol=1e-12, atol=1e-14)
    return summary


def matrices_of(row_of, general, coefficient):
    """(2, n_bus, 3, 3) of the two blocks of every place: matrices, or what is circulant."""
    one = coefficient.view(np.complex128).reshape(-1, 2, 2, 1, 1)
    full = one[:, :, 0] * np.eye(3) + one[:, :, 1]
    full[row_of != -1] = general.view(np.complex128).reshape(-1, 2, 3, 3)
    return np.moveaxis(full, 1, 0)


def losses_of(feeder, voltage, current):
    """Of all impedances and shunts, one after the other."""
    every, far = feeder.every, current[1, 0] + 1j * current[1, 1]
    series, shunt = matrices_of(every.general_of, every.general, every.coefficient)
    far_shunt = matrices_of(every.general_of, feeder.limits.general_ends, feeder.limits.ends)[0]
    series = np.where((every.parent == -1)[:, None, None], 0.0, series)
    through = far + np.einsum("ifg,kig->kif", far_shunt, voltage)
    parts = [np.einsum("kif,ifg,kig->k", x.conj(), of, x).real for x, of in ((through, series), (voltage, shunt))]
    return sum(parts) / 3.0


@pytest.mark.parametrize("kind", KINDS)
def test_few_buses_say_what_all_of_them_do(kind, monkeypatch):
    monkeypatch.setattr(phases, "TOLERANCE", 1e-14)  # so that what is left to converge hides nothing
    rng = np.random.default_rng(list(KINDS).index(kind))
    for _ in range(4):
        network = network_of(rng, **KINDS[kind])
        at = np.sort(rng.choice(np.arange(1, network.n_bus), 5, replace=False))
        kw, kvar = books_of(rng, network, at)
        found = assert_told_from_everything(network, at, kw, kvar)
        full = np.zeros((2, len(kw), network.n_bus, 3))
        full[:, :, at] = kw, kvar
        all_buses = fastp2p.phase_summary(network, *full)
        for name in ("lowest_vm_pu", "highest_vm_pu", "loading_percent", "losses_kw", "slack_kw", "slack_kvar"):
            np.testing.assert_allclose(getattr(found, name), getattr(all_buses, name), rtol=1e-6, atol=1e-6, err_msg=name)
        nowhere = np.empty(0, np.int64)
        assert_told_from_everything(network, nowhere, np.empty((1, 0, 3)), np.empty((1, 0, 3)))


def test_sweeps_pass_over_joints_and_dead_ends():
    """Sweeps of two homes on a tree of hundreds of buses: the external grid, the transformer, the homes, a fork at most."""
    rng = np.random.default_rng(1)
    network = network_of(rng, plain=1.0, reach=4, n_bus=400)
    leaf = np.flatnonzero(np.bincount(np.append(network.from_bus, network.to_bus)) == 1)
    assert len(phase_feeder(network, leaf[-2:]).few.parent) <= 5


def test_cables_cut_into_pieces_change_nothing():
    """Without charging, which would be at the ends of every piece."""
    found, rng = [], np.random.default_rng(2)
    homes_id = np.unique(shipped("cigre_lv").load.bus)
    kw = rng.uniform(-2.0, 1.5, (40, len(homes_id), 3))
    for pieces in (1, 7):
        net = joints_phases.cut(shipped("cigre_lv"), pieces)
        network = fastp2p.Network.from_pandapower(net, phases=3, zero_sequence=STATED)
        homes = network.positions(homes_id)
        found.append((fastp2p.phase_summary(network, kw, 0.3 * kw, bus=homes), len(phase_feeder(network, homes).few.parent)))
    (whole, n_whole), (cut, n_cut) = found
    assert n_whole == n_cut
    for name in ("lowest_vm_pu", "highest_vm_pu", "unbalance_percent", "loading_percent", "losses_kw", "slack_kw"):
        np.testing.assert_allclose(getattr(cut, name), getattr(whole, name), rtol=1e-9)
