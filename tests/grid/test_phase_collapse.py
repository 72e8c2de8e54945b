"""Where three-phase sweeps end before the network does: a limit of theirs, which docs/phases.md tells."""

import numpy as np
import pandapower as pp

import fastp2p
from tests.oracles.phases import solve


def test_sweeps_may_end_where_the_zero_sequence_is_unlike_the_positive_one():
    """A line whose zero sequence is far more inductive than its positive one, 1 % of unbalance.

    By Newton's method voltages fall steadily to 0.5 p.u. at 259.6 kW. The sweeps end at 209 kW and 0.70 p.u., where they pass
    errors of the zero and the negative sequence to each other and enlarge them, √|Z₀ Z₂| |S| > |V|².
    """
    net = pp.create_empty_network()
    pp.create_buses(net, 2, 0.4)
    pp.create_ext_grid(net, 0)
    pp.create_line_from_parameters(
        net, 0, 1, 0.5, 0.3, 0.1, 0.0, 1.0, r0_ohm_per_km=0.3, x0_ohm_per_km=2.0, c0_nf_per_km=0.0, g_us_per_km=0.0
    )
    network = fastp2p.Network.from_pandapower(net, phases=3, zero_sequence={"grid": "ideal"})
    kw = np.zeros((2, 3))
    kw[1] = -np.array([1.02, 0.99, 0.99]) * 220.0 / 3.0
    expected = solve(net, kw, 0.0 * kw, ideal=True)
    assert expected.vm_pu.min() > 0.65
    found = fastp2p.phase_flow(network, np.stack([kw, 0.9 * kw]))
    assert found.converged.tolist() == [False, True]  # told as a collapse, not as a wrong voltage
    np.testing.assert_allclose(found.vm_pu[1], solve(net, 0.9 * kw, 0.0 * kw, ideal=True).vm_pu, atol=1e-8)
