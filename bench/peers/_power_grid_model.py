"""What the power-grid-model peers share."""

import numpy as np

from bench.networks import Case, Gap
from bench.peers import Prepared, needs, with_injections


def prepare(case: Case, injection_kw: np.ndarray, method: str, threads: int) -> Prepared:
    """A batch of load updates on one model, active flows at the from side as the only output.

    The model is one generic branch for each of pandapower's own per-unit branches. The converter of power-grid-model-io makes
    three loads of every one, which costs 10 to 30 % of the speed, reads none of SimBench's networks as they are, and has
    other flows than pandapower on the 118 buses.
    """
    pgm = needs("power_grid_model")
    pp, idx = needs("pandapower"), needs("pandapower.pypower.idx_brch")
    net, network = with_injections(case), case.network
    try:
        pp.runpp(net, calculate_voltage_angles=True, numba=False)
    except pp.LoadflowNotConverged as error:
        raise Gap(f"power-grid-model: {case.title} has no AC solution to take branch data from") from error
    branch, base_mva = net._ppc["branch"].real, float(net.sn_mva)
    kv = net.bus.vn_kv.to_numpy()
    ohm = kv[network.to_bus] ** 2 / base_mva
    n_bus, n_branch = network.n_bus, network.n_branch
    first = np.cumsum([0, n_bus, n_branch, n_bus])
    array = pgm.initialize_array
    node = array("input", "node", n_bus)
    node["id"], node["u_rated"] = np.arange(n_bus), 1e3 * kv
    line = array("input", "generic_branch", n_branch)
    line["id"] = first[1] + np.arange(n_branch)
    line["from_node"], line["to_node"], line["from_status"], line["to_status"] = network.from_bus, network.to_bus, 1, 1
    line["r1"], line["x1"] = branch[:, idx.BR_R] * ohm, branch[:, idx.BR_X] * ohm
    line["g1"], line["b1"] = branch[:, idx.BR_G] / ohm, branch[:, idx.BR_B] / ohm
    line["k"], line["theta"] = branch[:, idx.TAP], np.deg2rad(branch[:, idx.SHIFT])
    load = array("input", "sym_load", n_bus)
    load["id"], load["node"], load["status"] = first[2] + np.arange(n_bus), np.arange(n_bus), 1
    load["type"], load["p_specified"], load["q_specified"] = pgm.LoadGenType.const_power, 0.0, 0.0
    source = array("input", "source", len(net.ext_grid))
    source["id"], source["node"], source["status"] = first[3] + np.arange(len(source)), net.ext_grid.bus, 1
    source["u_ref"], source["u_ref_angle"] = net.ext_grid.vm_pu, np.deg2rad(net.ext_grid.va_degree)
    source["sk"] = 1e20  # an ideal source, as in pandapower
    model = pgm.PowerGridModel({"node": node, "generic_branch": line, "sym_load": load, "source": source}, net.f_hz)
    update = {"sym_load": {"p_specified": -1e3 * injection_kw}}
    result = {}

    def run():
        nonlocal result
        result = model.calculate_power_flow(
            calculation_method=method,
            update_data=update,
            threading=-1 if threads == 1 else threads,
            output_component_types={"generic_branch": ["p_from"]},
        )

    return Prepared(run, lambda: 1e-3 * result["generic_branch"]["p_from"])
