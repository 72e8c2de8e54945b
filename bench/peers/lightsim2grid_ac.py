"""lightsim2grid, AC: Newton's method in C++ over a batch of injections, each book starting from the solution before.

The algorithm for a single slack bus, with KLU. Starting from the book before (TimeSeriesCPP) saves an iteration now and then
even where books have nothing to do with one another; several threads start all books from the same state.
"""

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, _lightsim2grid

TITLE = "lightsim2grid, AC batch"
PHYSICS = "AC"
PACKAGE = "lightsim2grid"


def prepare(case: Case, injection_kw: np.ndarray, threads: int = 1) -> Prepared:
    return _lightsim2grid.prepare(case, injection_kw, "NRSing_KLU", threads)
