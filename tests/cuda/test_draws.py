"""What is made of uniform numbers one at a time, against the quantiles of a study."""

import numpy as np

from fastp2p.kernels.cuda.draws import has_pv, pick_of
from fastp2p.pipeline.draws import _has_pv
from fastp2p.study.distributions import edges_of, pick


def test_who_has_pv_and_which_profile():
    u, may = np.random.default_rng(1).random(40), np.arange(40) % 3 > 0
    has = np.empty(40, bool)
    for mode, exact in ((1, False), (2, True)):
        has_pv(mode, 0.29, int(np.floor(0.29 * may.sum() + 0.5)), may, u, has)
        assert np.array_equal(has, _has_pv(u[None], np.flatnonzero(may), 0.29, exact)[0] & may)
    edges, wanted = edges_of(3, (1.0, 0.0, 2.0)), pick(np.append(u, 1.0 / 3.0), 3, (1.0, 0.0, 2.0))
    assert [pick_of(edges, one) for one in [*u.tolist(), 1.0 / 3.0]] == wanted.tolist()
