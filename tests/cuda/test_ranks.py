"""Order statistics by bits against NumPy's percentiles."""

import numpy as np
import pytest

from fastp2p.cuda.totals import PERCENTILES, ranks_of
from fastp2p.kernels.cuda.ranks import find_ranks


@pytest.mark.parametrize("n_steps", [1, 2, 3, 24, 101])
def test_percentiles_are_those_of_numpy(n_steps):
    values = np.round(np.random.default_rng(n_steps).random((n_steps, 4)) * 8.0) * 1e-3
    values[:, 1] = 0.0
    values[:, 2] *= 1e300
    (rank, beyond), found = ranks_of(n_steps), np.empty((2, 3, 4))
    for s in range(4):
        find_ranks(values.view(np.int64), values, s, rank, np.empty((4, 3), np.int64), found)
    got = found[0] + (found[1] - found[0]) * beyond[:, None]
    assert np.allclose(got, np.percentile(values, PERCENTILES, axis=0), rtol=1e-14, atol=0.0)
