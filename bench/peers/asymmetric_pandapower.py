"""pandapower: `runpp_3ph`, a loop over snapshots, loads written into its table; it has no interface for many.

Its grids have an impedance, here next to none, and its transformers a zero sequence of their own, here that of the positive.
"""

import copy

import numpy as np

from bench.peers import PhaseCase, PreparedPhases, needs

TITLE = "pandapower, runpp_3ph"
PACKAGE = "pandapower"
BOOKS = 3
PHASES = ("a", "b", "c")


def prepare(case: PhaseCase) -> PreparedPhases:
    pp = needs("pandapower")
    net, network = copy.deepcopy(case.net), case.network
    for table in ("load", "sgen", "asymmetric_load", "asymmetric_sgen"):
        net[table] = net[table].iloc[:0]
    for bus in network.bus_id[case.bus].tolist():
        pp.create_asymmetric_load(net, bus)
    for column, value in (("s_sc_max_mva", 1e6), ("rx_max", 0.1), ("x0x_max", 1.0), ("r0x0_max", 0.1)):
        net.ext_grid[column] = value
    trafo = net.trafo
    trafo["vk0_percent"], trafo["vkr0_percent"] = trafo.vk_percent, trafo.vkr_percent
    trafo["mag0_percent"], trafo["mag0_rx"], trafo["si0_hv_partial"] = 1e7, 0.0, 0.9
    found = np.empty((len(case.kw), network.n_bus, 3))

    def run() -> None:
        for k in range(len(case.kw)):
            for f, phase in enumerate(PHASES):
                net.asymmetric_load[f"p_{phase}_mw"] = -1e-3 * case.kw[k, :, f]
                net.asymmetric_load[f"q_{phase}_mvar"] = -1e-3 * case.kvar[k, :, f]
            pp.runpp_3ph(net)
            for f, phase in enumerate(PHASES):
                found[k, :, f] = net.res_bus_3ph[f"vm_{phase}_pu"].loc[network.bus_id]

    return PreparedPhases(run, lambda: found)
