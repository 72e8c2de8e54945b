"""power-grid-model, linear: loads as constant admittances at rated voltage, one solve per book.

Its batch calculation: load powers as one column of updates, and one column of output, as it recommends for large batches.
The answer is an approximation of AC, poor where voltages are far from rated. Loads are part of the matrix, so every book
factorises it again; its `linear_current`, which need not, is no faster on low-voltage networks.
"""

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, _power_grid_model

TITLE = "power-grid-model, linear batch"
PHYSICS = "linear AC"
PACKAGE = "power-grid-model"


def prepare(case: Case, injection_kw: np.ndarray, threads: int = 1) -> Prepared:
    return _power_grid_model.prepare(case, injection_kw, "linear", threads)
