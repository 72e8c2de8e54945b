"""power-grid-model, asymmetric: iterations with the loads as currents, its method for large batches; one thread."""

from bench.peers import PhaseCase, PreparedPhases
from bench.peers.asymmetric import PowerGridModel

TITLE = "power-grid-model, iterative current"
PACKAGE = "power-grid-model"
BOOKS = 200


def prepare(case: PhaseCase) -> PreparedPhases:
    return PowerGridModel(case.net, case.network, case.bus).prepared(case, "iterative_current")
