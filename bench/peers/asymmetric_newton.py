"""power-grid-model, asymmetric: Newton's method over its batch calculation; one thread."""

from bench.peers import PhaseCase, PreparedPhases
from bench.peers.asymmetric import PowerGridModel

TITLE = "power-grid-model, Newton"
PACKAGE = "power-grid-model"
BOOKS = 200


def prepare(case: PhaseCase) -> PreparedPhases:
    return PowerGridModel(case.net, case.network, case.bus).prepared(case, "newton_raphson")
