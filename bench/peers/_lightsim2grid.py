"""What both lightsim2grid peers share."""

import warnings

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, needs, with_injections

TOLERANCE_MVA = 1e-8
"""pandapower's own."""


def prepare(case: Case, injection_kw: np.ndarray, algorithm: str, threads: int) -> Prepared:
    """A batch over one grid model with an algorithm of `lightsim2grid.algorithm.AlgorithmType`."""
    network, algorithms = needs("lightsim2grid.network"), needs("lightsim2grid.algorithm")
    net = with_injections(case)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says which defaults it takes
        grid = network.init_from_pandapower(net, pp_orig_file="pandapower_v3")
    # Newton's start: flat angles are too far away behind a transformer that turns them by 150 degrees
    start = grid.dc_pf(np.ones(grid.total_bus(), dtype=complex), 1, 1e-8)
    if threads == 1:
        batch = needs("lightsim2grid.timeSerie").TimeSeriesCPP(grid)
    else:
        batch = needs("lightsim2grid.injectionSweep").InjectionSweepCPP(grid)
        batch.nb_thread = threads
    batch.change_algorithm(getattr(algorithms.AlgorithmType, algorithm))
    load_mw = -1e-3 * injection_kw
    flow_mw = None

    def run():
        nonlocal flow_mw
        batch.modify_load_p(load_mw)
        batch.compute(start, 20, TOLERANCE_MVA / net.sn_mva)
        flow_mw = batch.compute_power_flows()

    def flow_kw():
        if not all(batch.converged_mask()):
            raise AssertionError("not all books converged")
        return 1e3 * np.array(flow_mw)

    return Prepared(run, flow_kw)
