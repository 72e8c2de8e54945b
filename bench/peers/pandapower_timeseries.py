"""pandapower: `run_timeseries` with `rundcpp`, its own way to many time steps.

One ConstControl sets all loads from a table, which lets pandapower recycle all else between steps; an OutputWriter keeps
active flows in memory. No check of the controllers, no progress bar.
"""

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, branch_flow_kw, needs, with_injections

TITLE = "pandapower, run_timeseries DC"
PHYSICS = "DC"
PACKAGE = "pandapower"


def prepare(case: Case, injection_kw: np.ndarray) -> Prepared:
    pp, pd = needs("pandapower"), needs("pandas")
    control, timeseries = needs("pandapower.control"), needs("pandapower.timeseries")
    net = with_injections(case)
    steps = range(len(injection_kw))
    source = timeseries.DFData(pd.DataFrame(-1e-3 * injection_kw, columns=net.load.index))
    control.ConstControl(net, "load", "p_mw", net.load.index, profile_name=net.load.index, data_source=source)
    columns = [("res_line", "p_from_mw"), ("res_trafo", "p_hv_mw")]
    writer = timeseries.OutputWriter(net, steps, output_path=None, log_variables=columns)

    def run():
        timeseries.run_timeseries(net, steps, run=pp.rundcpp, verbose=False, check_controllers=False, check_connectivity=False)

    def flow_kw():
        return branch_flow_kw(*(writer.output[f"{table}.{column}"].to_numpy() for table, column in columns))

    return Prepared(run, flow_kw)
