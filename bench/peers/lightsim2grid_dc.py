"""lightsim2grid, DC: its batch over injections in C++, with KLU factors made once.

The bare C++ class, below the one that wants an environment of grid2op. A batch on one thread is a TimeSeriesCPP, on several
an InjectionSweepCPP, which alone may be split; in DC both take the same time. Active flows only, no currents.
"""

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, _lightsim2grid

TITLE = "lightsim2grid, DC batch"
PHYSICS = "DC"
PACKAGE = "lightsim2grid"


def prepare(case: Case, injection_kw: np.ndarray, threads: int = 1) -> Prepared:
    return _lightsim2grid.prepare(case, injection_kw, "DC_KLU", threads)
