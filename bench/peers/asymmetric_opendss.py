"""OpenDSS by OpenDSSDirect.py: one snapshot after the other, loads set by their numbers, all voltages read in one call.

A book begins where the last one ended.
"""

import numpy as np

from bench.peers import PhaseCase, PreparedPhases
from bench.peers.asymmetric import OpenDss

TITLE = "OpenDSS"
PACKAGE = "opendssdirect.py"
BOOKS = 50
TOLERANCE = 1e-6
"""Of its voltages; its own is 1e-4."""


def prepare(case: PhaseCase) -> PreparedPhases:
    model = OpenDss(case.net, case.network, case.bus, TOLERANCE)
    found = np.empty((len(case.kw), case.network.n_bus, 3))

    def run() -> None:
        found[:] = model.solve(case.kw, case.kvar)

    return PreparedPhases(run, lambda: found)
