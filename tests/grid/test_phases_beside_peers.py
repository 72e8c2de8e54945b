"""Three-phase power flows beside power-grid-model's Newton method and OpenDSS, which the extra `bench` installs."""

import numpy as np
import pytest

import fastp2p
from bench.networks import Gap
from bench.peers.asymmetric import OpenDss, PowerGridModel, as_peers_have_it
from tests.support.asymmetric import phase_brinks, phase_directions
from tests.support.radial_networks import RADIAL, load

EUROPEAN = "ieee_european_lv_asymmetric"
SCALES = np.array([-0.5, -0.2, 0.05, 0.2, 0.4, 0.6, 0.8, 0.9, 0.97, 0.998])
"""From strong reverse flow to the brink, as a share of the largest load that is solved."""
SIMBENCH = [
    f"simbench:1-LV-{kind}--{scenario}-{('sw', 'no_sw')[(place + scenario) % 2]}"
    for place, kind in enumerate(("rural1", "rural2", "rural3", "semiurb4", "semiurb5", "urban6"))
    for scenario in (0, 1, 2)
]
"""All feeders of low voltage, with and without switches by turns: those without are the same buses, fused."""
NOT_MODELLED = {"example_simple", "simple_mv_open_ring_net"}
"""Their transformers are YNd."""


def peer(kind, *arguments):
    try:
        return kind(*arguments)
    except Gap as gap:
        pytest.skip(str(gap))


def prepared(name):
    net, stated = as_peers_have_it(load(name))
    return net, fastp2p.Network.from_pandapower(net, phases=3, zero_sequence=stated)


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*RADIAL, *SIMBENCH} - NOT_MODELLED))
def test_equal_to_power_grid_model(name):
    """Five directions of one-, two- and three-phase loads and generators, each from reverse flow to the brink.

    Newton's method, started from the rated voltage, does not find every state next to the brink. Ours is the state that hangs
    together with the unloaded network; all that it finds must be the same.
    """
    net, network = prepared(name)
    if not network.is_radial:
        pytest.skip("meshed")
    at, kw, kvar = phase_directions(np.random.default_rng(8), network, 5)
    model = peer(PowerGridModel, net, network, at)
    scale = (phase_brinks(network, at, kw, kvar)[:, None] * SCALES)[:, :, None, None]
    p = np.where(scale < 0, np.abs(scale * kw[:, None]), scale * kw[:, None]).reshape(-1, *kw.shape[1:])
    q = (np.abs(scale) * kvar[:, None]).reshape(p.shape)
    flow = fastp2p.phase_flow(network, p, q, bus=at)
    assert flow.converged.all()
    solved = 0
    for book in range(len(p)):
        try:
            voltage, *ka, losses, slack = model.solve(p[book : book + 1], q[book : book + 1])
        except model.pgm.errors.PowerGridError:
            continue
        if losses[0] > 1.1 * flow.losses_kw[book]:  # a state of low voltage and large current beside it
            continue
        solved += 1
        assert np.abs(np.abs(voltage[0]) - flow.vm_pu[book]).max() <= 1e-6
        assert np.abs(np.angle(voltage[0] * np.exp(-1j * np.radians(flow.va_degree[book])))).max() <= 1e-6
        for end, ours in zip(ka, (flow.from_ka[book], flow.to_ka[book]), strict=True):
            assert np.abs(end[0] - ours).max() <= 1e-6 * ours.max()
        assert flow.losses_kw[book] == pytest.approx(losses[0], rel=2e-6)
        fed = flow.slack_kw[book] + 1j * flow.slack_kvar[book]
        assert np.abs(fed - slack[0]).max() <= 2e-6 * np.abs(fed).max()
    assert solved >= 45


@pytest.mark.slow
def test_equal_to_opendss():
    """On the European LV feeder, as connected and on random phases: OpenDSS agrees to 1e-7 p.u."""
    net, network = prepared(EUROPEAN)
    random, at = np.random.default_rng(3), network.load_bus
    own = network.phase_injection_kva(net)[at]
    kw, kvar = np.zeros((2, 6, len(at), 3))
    kw[:3], kvar[:3] = own.real * np.array([0.2, 1.0, -2.0])[:, None, None], own.imag
    for book in range(3, 6):
        kw[book, np.arange(len(at)), random.integers(0, 3, len(at))] = random.uniform(-5.0, 5.0, len(at))
    flow = fastp2p.phase_flow(network, kw, kvar, bus=at)
    found = peer(OpenDss, net, network, at).solve(kw, kvar)
    np.testing.assert_allclose(flow.vm_pu, found, rtol=0, atol=1e-7)
