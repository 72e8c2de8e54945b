"""pandapower: `rundcpp` once per book, as most scripts do it, with the options that its documentation has for repetition.

`recycle` keeps everything but the injections from the call before.
"""

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, branch_flow_kw, needs, with_injections

TITLE = "pandapower, rundcpp loop"
PHYSICS = "DC"
PACKAGE = "pandapower"


def prepare(case: Case, injection_kw: np.ndarray) -> Prepared:
    pp = needs("pandapower")
    net = with_injections(case)
    load_mw = -1e-3 * injection_kw
    line_mw = np.empty((len(load_mw), len(net.line)))
    trafo_mw = np.empty((len(load_mw), len(net.trafo)))
    recycle = {"bus_pq": True, "gen": False, "trafo": False}
    pp.rundcpp(net)

    def run():
        for k, row_mw in enumerate(load_mw):
            net.load["p_mw"] = row_mw
            pp.rundcpp(net, recycle=recycle, check_connectivity=False)
            line_mw[k] = net.res_line.p_from_mw
            trafo_mw[k] = net.res_trafo.p_hv_mw

    return Prepared(run, lambda: branch_flow_kw(line_mw, trafo_mw))
