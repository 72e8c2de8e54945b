"""Every peer gives the right answer on every network, or says in one sentence why not.

python -m pytest bench/test_peers.py
"""

import numpy as np
import pytest

import fastp2p
from bench import asymmetric, contests, networks, peers
from bench.peers import lps

N_TRADES = 20


def load_case(key):
    try:
        return networks.load(key)
    except networks.Gap as gap:
        pytest.skip(str(gap))


@pytest.mark.slow
@pytest.mark.parametrize("key", networks.SOURCES)
@pytest.mark.parametrize("name", peers.FLOW_PEERS)
def test_flow_peer_agrees(name, key):
    case, peer = load_case(key), peers.flow_peer(name)
    injection_kw = networks.draw_injections(case.network, 3 if peer.PACKAGE == "pandapower" else 24)
    try:
        prepared = peer.prepare(case, injection_kw)
    except networks.Gap as gap:
        pytest.skip(str(gap))
    deviation = peers.check(prepared, case, injection_kw, peer.PHYSICS)
    print(f"{name}, {key}: {deviation:.2g} ({peer.PHYSICS})")


@pytest.mark.parametrize("name", ["lightsim2grid_dc", "lightsim2grid_ac", "power_grid_model_newton"])
def test_threads_change_nothing_that_matters(name):
    case, peer = load_case("44"), peers.flow_peer(name)
    injection_kw = networks.draw_injections(case.network, 24)
    try:
        prepared = peer.prepare(case, injection_kw, threads=2)
    except networks.Gap as gap:
        pytest.skip(str(gap))
    peers.check(prepared, case, injection_kw, peer.PHYSICS)


@pytest.mark.parametrize("name", ["numpy_ptdf", "scipy_splu", "lightsim2grid_dc", "pypsa_lpf"])
def test_a_second_run_computes_again(name):
    case, peer = load_case("44"), peers.flow_peer(name)
    injection_kw = networks.draw_injections(case.network, 24)
    try:
        prepared = peer.prepare(case, injection_kw)
    except networks.Gap as gap:
        pytest.skip(str(gap))
    prepared.run()
    peers.check(prepared, case, injection_kw, peer.PHYSICS)


@pytest.mark.parametrize("key", ["44", "meshed"])
def test_every_peer_sees_the_same_dc_model(key):
    case = load_case(key)
    again = fastp2p.Network.from_pandapower(peers.with_injections(case))
    injection_kw = networks.draw_injections(case.network, 5)
    np.testing.assert_allclose(again.flow_kw(injection_kw), case.network.flow_kw(injection_kw), rtol=0.0, atol=1e-6)


@pytest.mark.parametrize("key", ["44", pytest.param("907", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", peers.PHASE_PEERS)
def test_three_phase_peer_agrees(name, key):
    case, peer = asymmetric.phase_case(key, 2), peers.flow_peer(name)
    try:
        prepared = peer.prepare(case)
    except networks.Gap as gap:
        pytest.skip(str(gap))
    print(f"{name}, {key}: {peers.check_phases(prepared, case):.2g} p.u.")


def test_a_missing_package_is_a_gap():
    with pytest.raises(networks.Gap, match=r"^no-such-package is not installed$"):
        peers.needs("no_such_package.part")


@pytest.mark.slow
@pytest.mark.parametrize("title", lps.LP_PEERS)
@pytest.mark.parametrize("key", ["44", "129", "meshed"])
def test_lp_peer_agrees(key, title):
    network, trades, base_kw = contests.congested_books(load_case(key).network, 8, N_TRADES)
    cleared = fastp2p.clear(network, trades, base_kw, unserved="shed")
    assert set(cleared.status.tolist()) == {"cleared"}
    volume_kwh = np.add.reduceat(cleared.executed_kwh, trades.offset[:-1])
    assert volume_kwh.min() > 0.0
    try:
        found_kwh = [lps.LP_PEERS[title](network, trades, base_kw, k) for k in range(trades.n_books)]
    except networks.Gap as gap:
        pytest.skip(str(gap))
    np.testing.assert_allclose(found_kwh, volume_kwh, rtol=1e-6)
