"""pandapower: `run_timeseries` in AC, several times as fast as its DC since only this one may keep to voltages.

With nothing but bus results logged, pandapower recycles its matrices, writes no result tables between the steps and makes
the results of all steps at the end. Voltages are what the timed work gives; for the check, flows are made of them. (One
column of a table is all that it can log in this way; the angles are among what it keeps on the side.)
"""

import numpy as np

from bench.networks import Case
from bench.peers import Prepared, needs, with_injections

TITLE = "pandapower, run_timeseries AC"
PHYSICS = "AC"
PACKAGE = "pandapower"


def prepare(case: Case, injection_kw: np.ndarray) -> Prepared:
    pp, pd = needs("pandapower"), needs("pandas")
    control, timeseries = needs("pandapower.control"), needs("pandapower.timeseries")
    net = with_injections(case)
    pp.runpp(net, calculate_voltage_angles=True)
    admittance_kw = net._ppc["internal"]["Yf"] * 1e3 * net.sn_mva
    steps = range(len(injection_kw))
    source = timeseries.DFData(pd.DataFrame(-1e-3 * injection_kw, columns=net.load.index))
    control.ConstControl(net, "load", "p_mw", net.load.index, profile_name=net.load.index, data_source=source)
    writer = timeseries.OutputWriter(net, steps, output_path=None)

    def run():
        writer.log_variables = [("res_bus", "vm_pu")]  # a run takes it out of the writer
        timeseries.run_timeseries(net, steps, verbose=False, check_controllers=False, calculate_voltage_angles=True)

    def flow_kw():
        vm_pu, va_degree = (writer.output[f"ppc_bus.{name}"].to_numpy() for name in ("vm", "va"))
        voltage_pu = vm_pu * np.exp(1j * np.deg2rad(va_degree))
        return (voltage_pu[:, case.network.from_bus] * np.conj(admittance_kw @ voltage_pu.T).T).real

    return Prepared(run, flow_kw)
