"""power-grid-model, AC: iterations with the loads as currents, its method for large batches.

The matrix does not change from book to book and is factorised once, so this overtakes Newton's method on large networks.
"""

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, _power_grid_model

TITLE = "power-grid-model, iterative current batch"
PHYSICS = "AC"
PACKAGE = "power-grid-model"


def prepare(case: Case, injection_kw: np.ndarray, threads: int = 1) -> Prepared:
    return _power_grid_model.prepare(case, injection_kw, "iterative_current", threads)
