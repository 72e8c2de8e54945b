"""Numbers of Philox one at a time, and what is made of them, against NumPy's generator and the quantiles of a study."""

import numpy as np
import pytest

from fastp2p.kernels.cuda.draws import draw_uniforms, has_pv, pick_of
from fastp2p.pipeline.draws import _has_pv
from fastp2p.pipeline.uniforms import uniforms_of
from fastp2p.study.distributions import edges_of, pick


@pytest.mark.parametrize("seed", [0, 5, 2**64 - 1, 2**127 + 2**63 + 1])
def test_numbers_are_those_of_numpy(seed):
    n_bus, bus, key = 11, np.array([0, 3, 4, 5, 10]), (np.uint64(seed & (2**64 - 1)), np.uint64(seed >> 64))
    for scenario in (0, 1, 2**40 + 3):
        wanted = uniforms_of(seed, range(scenario, scenario + 1), 8, n_bus)[0]
        for stream in (0, 3, 7):
            u = np.empty(len(bus))
            draw_uniforms(*key, scenario, stream, 8, n_bus, bus, u)
            assert np.array_equal(u, wanted[stream, bus])


def test_who_has_pv_and_which_profile():
    u, may = np.random.default_rng(1).random(40), np.arange(40) % 3 > 0
    has = np.empty(40, bool)
    for mode, exact in ((1, False), (2, True)):
        has_pv(mode, 0.29, int(np.floor(0.29 * may.sum() + 0.5)), may, u, has)
        assert np.array_equal(has, _has_pv(u[None], np.flatnonzero(may), 0.29, exact)[0] & may)
    edges, wanted = edges_of(3, (1.0, 0.0, 2.0)), pick(np.append(u, 1.0 / 3.0), 3, (1.0, 0.0, 2.0))
    assert [pick_of(edges, one) for one in [*u.tolist(), 1.0 / 3.0]] == wanted.tolist()
