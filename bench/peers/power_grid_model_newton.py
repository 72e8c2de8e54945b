"""power-grid-model, AC: Newton's method over its batch calculation, with columns of updates and of output."""

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, _power_grid_model

TITLE = "power-grid-model, Newton batch"
PHYSICS = "AC"
PACKAGE = "power-grid-model"


def prepare(case: Case, injection_kw: np.ndarray, threads: int = 1) -> Prepared:
    return _power_grid_model.prepare(case, injection_kw, "newton_raphson", threads)
