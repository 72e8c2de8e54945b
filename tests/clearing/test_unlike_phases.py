"""Clearings where phases are not alike; the optimum itself is tested in test_phase_optimum.py, by the networks "unlike"."""

import dataclasses

import numpy as np
import pytest

import fastp2p
from fastp2p.clearing.phase_joints import find_joints
from tests.support import phase_books
from tests.support.unlike_phases import as_matrices, general_network

BAND = {"v_min_pu": 0.93, "v_max_pu": 1.13}


@pytest.mark.parametrize("seed", [0, 3])
def test_the_screen_says_what_lindist3flow_says(seed):
    """With taps for each phase, and limits that some books break: free exactly where nothing is broken."""
    rng = np.random.default_rng(seed)
    network = general_network(rng, 14, banks=0.4, transformer=False)
    network = dataclasses.replace(network, limit_kw=1.5 * network.limit_kw)
    books = phase_books.random_books(network, rng, 40, pv_kw=(0.5, 3.0), load_kw=(0.3, 2.0))
    all_of_it = fastp2p.lindist3flow(network, *phase_books.full_state(books), bus=books.at).vm_pu[:, network.has_band]
    low, high = (float(np.quantile(of(all_of_it, axis=(1, 2)), at)) for of, at in ((np.nanmin, 0.3), (np.nanmax, 0.6)))
    band = {"v_min_pu": min(low, 1.0), "v_max_pu": max(high, 1.03)}
    answer = phase_books.clear(books, physics="lindistflow", unserved="retail", **band)
    surely, beyond = np.ones(40, bool), []
    for nothing in (True, False):
        flow = fastp2p.lindist3flow(network, *phase_books.full_state(books, nothing=nothing), bus=books.at)
        kva = (np.hypot(flow.flow_kw, flow.flow_kvar) / (network.limit_kw / network.zero.n_conductors)[:, None]).max(
            axis=(1, 2)
        )
        vm = flow.vm_pu[:, network.has_band].reshape(40, -1)
        over = (np.nanmin(vm, axis=1) < band["v_min_pu"]) | (np.nanmax(vm, axis=1) > band["v_max_pu"])
        surely &= ~over & (kva < np.cos(np.deg2rad(15.0)))
        beyond.append(over | (kva > 1.0))
    free, overload = answer.status == "free", answer.status == "base_overload"
    assert free[surely].all()
    assert overload[beyond[0]].all()
    assert not free[beyond[1]].any()
    assert 3 < surely.sum() < 37
    done = fastp2p.lindist3flow(network, answer.injection.kw, answer.injection.kvar, bus=books.at)
    kept = (answer.status == "cleared")[:, None, None]
    assert not (kept & (done.vm_pu > band["v_max_pu"] + 1e-6)).any()
    assert not (
        kept & (np.hypot(done.flow_kw, done.flow_kvar) > (network.limit_kw / network.zero.n_conductors)[:, None] + 1e-6)
    ).any()


def test_physics_ac_keeps_what_the_phases_that_there_are_allow():
    rng = np.random.default_rng(11)
    network = general_network(rng, 12, banks=0.2)
    books = phase_books.random_books(network, rng, 30, pv_kw=(2.0, 8.0))
    answer = phase_books.clear(books, physics="ac", **BAND)
    done = fastp2p.phase_summary(network, answer.injection.kw, answer.injection.kvar, bus=books.at)
    tightened = answer.status == "ac_tightened" if "ac_tightened" in answer.status else answer.status == "cleared"
    assert tightened.any()
    assert (done.highest_vm_pu[tightened] < BAND["v_max_pu"] + 1e-5).all()
    assert (done.loading_percent[tightened] < 100.0 + 1e-3).all()


def test_matrices_of_phases_that_are_alike_clear_the_same():
    """Joints in cables are found among matrices too, where impedances lie on a line."""
    network = fastp2p.Network.load("ieee_european_lv_asymmetric", phases=3)
    general = as_matrices(network, np.flatnonzero(network.element == "line"))
    rng = np.random.default_rng(2)
    books = phase_books.random_books(network, rng, 2, at=network.load_bus, pv_kw=(4.0, 9.0), load_kw=(0.3, 2.0))
    options = {"physics": "lindistflow", "v_min_pu": 0.94, "v_max_pu": 1.08}
    one = phase_books.clear(books, **options)
    books.network = general
    other = phase_books.clear(books, **options)
    assert (one.exported_kw < books.export_kw - 1e-3).any()
    np.testing.assert_allclose(other.executed_kwh, one.executed_kwh, rtol=0, atol=1e-6)
    np.testing.assert_allclose(other.exported_kw, one.exported_kw, rtol=0, atol=1e-6)
    joints = [find_joints(of, network.load_bus) for of in (network, general)]
    assert len(joints[0].bus) > 500
    for name in ("bus", "above", "below"):
        np.testing.assert_array_equal(getattr(joints[1], name), getattr(joints[0], name))


def test_what_is_on_a_phase_that_a_bus_lacks_is_refused():
    network = general_network(np.random.default_rng(2), 12)
    lacks = int(np.flatnonzero(network.zero.phases == 5)[0])
    trades = fastp2p.Trades([0, 1], [1], [0], [2.0], [0.3], [0.1])
    pair = np.sort([lacks, int(np.flatnonzero(network.zero.phases == 7)[-1])])
    at = int(np.flatnonzero(pair == lacks)[0])
    trades = dataclasses.replace(trades, seller=[at], buyer=[1 - at])
    given = {"bus": pair, "physics": "lindistflow", "v_min_pu": 0.5, "v_max_pu": 1.5}
    none, words = np.zeros((1, 2, 3)), f"bus {lacks} is on a phase that the bus lacks: it has a and c alone"
    for phase in (1, 3):
        with pytest.raises(fastp2p.InputError, match=words):
            fastp2p.clear(network, trades, none, connection=fastp2p.Connection(pv_phase=phase, load_phase=0), **given)
    base = none.copy()
    base[0, at, 1] = -0.5
    with pytest.raises(fastp2p.InputError, match=f"injection on phase b of bus {lacks}"):
        fastp2p.clear(network, trades, base, connection=fastp2p.Connection(pv_phase=2, load_phase=0), **given)
    answer = fastp2p.clear(network, trades, none, connection=fastp2p.Connection(pv_phase=2, load_phase=0), **given)
    assert answer.executed_kwh.tolist() == [2.0]
