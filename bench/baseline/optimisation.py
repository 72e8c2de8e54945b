"""The linear program that puts back as much of each trade as its idea of the network carries.

Its network is not a physical one, and is kept that way: it is what gives the published 0.255552889 MW. Lengths and voltage
levels do not enter its admittances, every bus may draw energy from nowhere, and a closed bus-bus switch has no admittance, so
that it separates the buses it joins.
"""

import math
from dataclasses import dataclass

import highspy
import numpy as np

ANGLE_LIMIT_RAD = math.pi / 6
"""Largest difference of the voltage angles of two neighbours."""


@dataclass(frozen=True)
class DcModel:
    """What the program knows of a network.

    Attributes
    ----------
    buses : list of int
        pandapower's bus indices, in the order of the rows of `b_mw_per_rad`.
    slack_bus : int
    b_mw_per_rad : ndarray, (n_bus, n_bus)
        Imaginary part of the bus admittance matrix.
    capacity_mw : dict
        Pair of buses to MW, both orders of each pair.
    """

    buses: list
    slack_bus: int
    b_mw_per_rad: np.ndarray
    capacity_mw: dict


@dataclass(frozen=True)
class LpResult:
    """What the program answered.

    Attributes
    ----------
    executed_mw : ndarray, (n_trades,)
        All zero if there is no optimum.
    status : str
        HiGHS's word for it: "Optimal", "Infeasible", …
    n_rows : int
    """

    executed_mw: np.ndarray
    status: str
    n_rows: int


def dc_model(net):
    """Admittances and capacities of the lines, two-winding transformers and bus-bus switches in service."""
    buses = net.bus.index.to_list()
    position = {bus: i for i, bus in enumerate(buses)}
    y_bus = np.zeros((len(buses), len(buses)), dtype=complex)
    capacity_mw = {}

    def connect(bus, neighbour, admittance, limit_mw):
        i, j = position[bus], position[neighbour]
        y_bus[i, j] -= admittance
        y_bus[j, i] -= admittance
        y_bus[i, i] += admittance
        y_bus[j, j] += admittance
        capacity_mw[bus, neighbour] = capacity_mw[neighbour, bus] = limit_mw

    opened = net.switch[~net.switch.closed.astype(bool)]
    lines = net.line[net.line.in_service & ~net.line.index.isin(opened.element[opened.et == "l"])]
    for line in lines.itertuples():
        vn_kv = net.bus.vn_kv.at[line.from_bus]
        limit_mw = vn_kv**2 / line.x_ohm_per_km * math.sin(ANGLE_LIMIT_RAD)
        connect(line.from_bus, line.to_bus, 1 / complex(line.r_ohm_per_km, line.x_ohm_per_km), limit_mw)
    trafos = net.trafo[net.trafo.in_service & ~net.trafo.index.isin(opened.element[opened.et == "t"])]
    for trafo in trafos.itertuples():
        connect(trafo.hv_bus, trafo.lv_bus, 1 / (1j * trafo.vkr_percent / 100 * trafo.vk_percent / 100), trafo.sn_mva)
    for switch in net.switch[net.switch.et == "b"].itertuples():
        capacity_mw[switch.bus, switch.element] = capacity_mw[switch.element, switch.bus] = 0.0
    return DcModel(buses, int(net.ext_grid.bus.iat[0]), y_bus.imag, capacity_mw)


def build_and_solve(model, base_mw, trades):
    """Execute as much of the trades as the program's network carries.

    With flow_ij = B_ij (θ_i - θ_j), in MW and radians, maximise Σ q_t x_t over 0 ≤ x ≤ 1 such that

    - p_i + Σ q_t x_t (sold at i) - Σ q_t x_t (bought at i) + r_i = Σ_j flow_ij, at every bus, where r_i ≥ 0 is free of
      charge; at the slack bus r_i has either sign;
    - θ = 0 at the slack bus;
    - |flow_ij| within the capacity and |θ_i - θ_j| within 30°, for each ordered pair i, j with an admittance, as two rows
      each.

    44 buses, of which 40 pairs have an admittance: 44 + 1 + 4 · 2 · 40 = 365 rows.

    A surplus that the trades leave can only go to the slack bus through admittances. Behind a bus-bus switch a surplus
    larger than the deficits there has no feasible answer; nothing is executed then, and `status` says so.

    Parameters
    ----------
    model : DcModel
    base_mw : Series
        What each bus injects without the trades, by bus; a bus that is not named injects nothing.
    trades : DataFrame
        Columns `seller`, `buyer`, `quantity_kwh`, of one hour.
    """
    h = highspy.Highs()
    h.silent()
    theta = {bus: h.addVariable(lb=-highspy.kHighsInf) for bus in model.buses}
    from_nowhere_mw = {bus: h.addVariable(lb=-highspy.kHighsInf if bus == model.slack_bus else 0.0) for bus in model.buses}
    share = [h.addVariable(lb=0.0, ub=1.0) for _ in range(len(trades))]
    quantity_mw = (trades["quantity_kwh"] / 1000).to_list()

    injection_mw = {bus: from_nowhere_mw[bus] + base_mw.get(bus, 0.0) for bus in model.buses}
    for seller, buyer, x, q_mw in zip(trades["seller"], trades["buyer"], share, quantity_mw, strict=True):
        injection_mw[seller] += q_mw * x
        injection_mw[buyer] -= q_mw * x

    outflow_mw = {bus: [] for bus in model.buses}
    for i, j in np.argwhere(model.b_mw_per_rad):
        if i == j:
            continue
        bus, neighbour = model.buses[i], model.buses[j]
        angle = theta[bus] - theta[neighbour]
        flow_mw = float(model.b_mw_per_rad[i, j]) * angle
        limit_mw = model.capacity_mw[bus, neighbour]
        h.addConstr(flow_mw <= limit_mw)
        h.addConstr(flow_mw >= -limit_mw)
        h.addConstr(angle <= ANGLE_LIMIT_RAD)
        h.addConstr(angle >= -ANGLE_LIMIT_RAD)
        outflow_mw[bus].append(flow_mw)
    for bus in model.buses:
        h.addConstr(injection_mw[bus] == h.qsum(outflow_mw[bus]))
    h.addConstr(theta[model.slack_bus] == 0.0)

    h.maximize(h.qsum(q_mw * x for q_mw, x in zip(quantity_mw, share, strict=True)))
    status = h.modelStatusToString(h.getModelStatus())
    executed_mw = np.zeros(len(trades))
    if status == "Optimal":
        executed_mw = np.array(quantity_mw) * np.array(h.vals(share))
    return LpResult(executed_mw, status, h.getNumRow())
