"""pandapower networks as arrays: the only file that knows pandapower's internal tables and its units.

pandapower converts and validates (`rundcpp` on a copy); its internal bus, branch and generator tables are then read
out once, in kW. Nothing of pandapower is kept.
"""

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.arguments import described, way_to
from fastp2p.errors import InputError, refuse
from fastp2p.io.branches import KW_PER_MW, OF_ELEMENTS, branch_elements, joined
from fastp2p.io.elements import (
    INJECTING_AT_A_BUS,
    LOADS,
    element_faults,
    left_alone,
    load_buses,
    made_regular,
    network_faults,
)
from fastp2p.io.network_sources import empty_tables, first_line, quiet
from fastp2p.io.paths import some_home

with some_home():  # as in io.network_sources
    import pandapower as pp
from pandapower.auxiliary import _init_rundcpp_options, _init_runpp_options
from pandapower.pd2ppc import _pd2ppc
from pandapower.powerflow import _powerflow
from pandapower.pypower.idx_brch import (
    BR_B,
    BR_B_ASYM,
    BR_G,
    BR_G_ASYM,
    BR_R,
    BR_R_ASYM,
    BR_STATUS,
    BR_X,
    BR_X_ASYM,
    F_BUS,
    SHIFT,
    T_BUS,
    TAP,
)
from pandapower.pypower.idx_bus import BASE_KV, BS, GS, PD, VA
from pandapower.pypower.idx_gen import GEN_BUS, GEN_STATUS, PG, VG

OF_THE_MODEL = {
    "trafo_model", "trafo3w_losses", "switch_rx_ratio", "neglect_open_switch_branches", "consider_line_temperature",
}  # fmt: skip
"""Options of a network's own (`user_pf_options`) that change what it is; the others say how pandapower shall solve it."""


@np.errstate(over="ignore", divide="ignore", invalid="ignore")  # what overflows is refused by `Network`, by its name
def network_arrays(net: Any) -> dict[str, NDArray[Any]]:
    """Everything `fastp2p.Network` keeps of a pandapower network, as arrays by field name.

    Raises
    ------
    InputError
        No external grid, zero-impedance branches, elements that refer to none, or anything else that cannot be converted.
    """
    net = regular(net)
    loads = {table: net[table].bus[net[table].in_service.astype(bool)].to_numpy(np.int64) for table in LOADS}
    left_alone(net)
    tables = _converted(net)
    bus, branch = tables["bus"], tables["branch"]
    known_id = np.sort(net.bus.index.to_numpy(np.int64))
    known_position = net._pd2ppc_lookups["bus"][known_id].astype(np.int64)
    known_position[(known_position < 0) | (known_position >= len(bus))] = -1
    bus_id = np.full(len(bus), -1, np.int64)
    alive = known_position >= 0
    bus_id[known_position[alive][::-1]] = known_id[alive][::-1]  # fused buses go by their smallest id

    tap = np.where(branch[:, TAP] == 0, 1.0, branch[:, TAP])
    susceptance_pu = branch[:, BR_STATUS] / branch[:, BR_X] / tap
    base_kw = float(net.sn_mva) * KW_PER_MW
    elements = branch_elements(net).loc[net._ppc["internal"]["branch_is"]]
    ends = branch[:, [F_BUS, T_BUS]].astype(np.int64)
    fixed_kw = -bus[:, GS] * KW_PER_MW
    drawn_kw = (
        _drawn_pu(branch, elements.element.str.startswith("trafo").to_numpy() & (net._options["trafo_model"] == "t")) * base_kw
    )
    np.subtract.at(fixed_kw, ends[:, 0], drawn_kw[0] / tap**2)
    np.subtract.at(fixed_kw, ends[:, 1], drawn_kw[1])
    return joined({
        **load_buses(loads, known_id, known_position),
        "bus_id": bus_id,
        "known_id": known_id,
        "known_position": known_position,
        "reference_bus": np.asarray(tables["ref"], np.int64),
        "reference_angle_rad": np.deg2rad(tables["reference_angle_degree"]),
        "fixed_kw": fixed_kw,
        "from_bus": ends[:, 0],
        "to_bus": ends[:, 1],
        "susceptance_kw": susceptance_pu * base_kw,
        "shift_rad": np.deg2rad(branch[:, SHIFT]),
        "limit_kw": np.fmin(
            elements.ampacity_ka.to_numpy(float) * elements.kw_per_ka.to_numpy(float), elements.rating_kw.to_numpy(float)
        ),
        **_ac_arrays(net, bus, branch, tables["ref"], elements),
        **{name: elements[name].to_numpy(kind) for name, kind in OF_ELEMENTS.items()},
    })  # fmt: skip


def _drawn_pu(branch: NDArray[Any], is_t: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(2, n_branch) power drawn by the conductance of a branch at either end at 1 p.u., behind its ratio: iron losses, leakage.

    pandapower makes a π of the T of a transformer, which changes its iron losses by some 1e-4. The admittance y in the middle
    of the T follows from z and the two ends f and t of the π as y = f + t + z f t; either end gets half of it.
    """
    f = (branch[:, BR_G] + 1j * branch[:, BR_B]) / 2.0
    t = f + (branch[:, BR_G_ASYM] + 1j * branch[:, BR_B_ASYM]) / 2.0
    middle = f + t + (branch[:, BR_R] + 1j * branch[:, BR_X]) * f * t
    return np.where(is_t, middle.real / 2.0, np.stack([f.real, t.real]))


def _ac_arrays(
    net: Any, bus: NDArray[Any], branch: NDArray[Any], reference: NDArray[Any], elements: pd.DataFrame
) -> dict[str, NDArray[Any]]:
    """What an AC power flow needs besides, per unit of 1 kVA; NaN where pandapower has no AC model of the network."""
    base_kva = float(net.sn_mva) * KW_PER_MW
    rated_kv = elements[["from_kv", "to_kv"]].to_numpy(float)
    ends_kv = bus[branch[:, [F_BUS, T_BUS]].astype(np.int64), BASE_KV]
    arrays = {
        "base_kv": bus[:, BASE_KV].astype(float),
        "rated_kv": np.where(np.isnan(rated_kv), ends_kv, rated_kv),
        **{name: np.full(len(branch), np.nan) for name in ("resistance_pu", "reactance_pu", "tap_ratio")},
        **{name: np.full(len(branch), np.nan, np.complex128) for name in ("from_shunt_pu", "to_shunt_pu")},
        "bus_shunt_pu": np.full(len(bus), np.nan, np.complex128),
        "slack_vm_pu": np.full(len(reference), np.nan),
        "ac_faults": np.empty(0, str),
    }
    without = [
        f"{table} {index} has no positive voltage set point (vm_pu)"
        for table in ("ext_grid", "gen")  # of generators only those that are external grids are left
        for index in net[table].index[net[table].in_service & ~(pd.to_numeric(net[table].vm_pu, errors="coerce") > 0.0)]
    ]
    if without:
        return arrays | {"ac_faults": np.array(without)}
    try:
        model = _ac_model(net)
    except Exception as error:  # its DC model is of use without
        return arrays | {"ac_faults": np.array([f"pandapower has no AC model of the network: {first_line(error)}"])}
    if len(model["bus"]) != len(bus) or len(model["branch"]) != len(branch):
        return arrays | {"ac_faults": np.array(["pandapower's AC model of the network has other branches than its DC model"])}
    branch, bus, gen = np.real(model["branch"]), model["bus"], model["gen"]
    of_bus = dict(zip(gen[::-1, GEN_BUS].astype(np.int64).tolist(), gen[::-1, VG].tolist(), strict=True))
    one_way = (branch[:, [BR_R_ASYM, BR_X_ASYM]] != 0.0).any(axis=1)  # impedances that differ by direction
    closed = branch[:, BR_STATUS]
    charge, more = branch[:, BR_G] + 1j * branch[:, BR_B], branch[:, BR_G_ASYM] + 1j * branch[:, BR_B_ASYM]
    return arrays | {
        "resistance_pu": np.where(one_way, np.nan, branch[:, BR_R] / base_kva),
        "reactance_pu": branch[:, BR_X] / base_kva,
        "tap_ratio": np.where(branch[:, TAP] == 0, 1.0, branch[:, TAP]),
        "from_shunt_pu": closed * charge / 2.0 * base_kva,
        "to_shunt_pu": closed * (charge + more) / 2.0 * base_kva,
        "bus_shunt_pu": (bus[:, GS] + 1j * bus[:, BS]) * KW_PER_MW,
        "slack_vm_pu": np.array([of_bus.get(int(one), np.nan) for one in reference]),
    }


def _ac_model(net: Any) -> dict[str, Any]:
    """Internal tables of pandapower for an AC power flow; `net` is a copy that may be changed."""
    with quiet():
        _init_runpp_options(
            net, "nr", True, "flat", "auto", 1e-8, "t", "current", False, False, True, False, passed_parameters={}
        )
        return dict(_pd2ppc(net)[1])


def network_injection_kw(net: Any, known_id: NDArray[np.int64], known_position: NDArray[np.int64]) -> NDArray[np.float64]:
    """What the network's own loads, generators and storages inject, per supplied bus in the order of `known_id`.

    Raises
    ------
    InputError
        If the network does not have the buses, fused and connected as `known_position` says.
    """
    net, tables, ours = _same_positions(net, known_id, known_position)
    n_bus = len(ours)
    gen = tables["gen"]
    injects = gen[:, GEN_STATUS] > 0
    injects[tables["ref_gens"]] = False
    drawn_mw = tables["bus"][:, PD].copy()
    np.subtract.at(drawn_mw, gen[injects, GEN_BUS].astype(np.int64), gen[injects, PG])
    injection_kw = np.zeros(n_bus)
    np.subtract.at(injection_kw, ours[ours >= 0], drawn_mw[ours >= 0] * KW_PER_MW)
    for table, sign in (("asymmetric_load", -1.0), ("asymmetric_sgen", 1.0)):  # rundcpp passes over both
        rows = net[table][net[table].in_service.astype(bool)]
        at = known_position[np.searchsorted(known_id, rows.bus.to_numpy(np.int64))]
        kw = rows[["p_a_mw", "p_b_mw", "p_c_mw"]].sum(axis=1).to_numpy(float) * rows.scaling.to_numpy(float) * KW_PER_MW
        np.add.at(injection_kw, at[at >= 0], sign * kw[at >= 0])
    return injection_kw


def same_positions(net: Any, known_id: NDArray[np.int64], known_position: NDArray[np.int64]) -> Any:
    """A regular copy of a network that has the buses, fused and connected as `known_position` says.

    Raises
    ------
    InputError
        If it has others.
    """
    return _same_positions(net, known_id, known_position)[0]


def _same_positions(
    net: Any, known_id: NDArray[np.int64], known_position: NDArray[np.int64]
) -> tuple[Any, dict[str, Any], NDArray[np.int64]]:
    """A regular copy, its internal tables, and our position of each of pandapower's buses."""
    net = regular(net)
    tables = _converted(net)
    ids, n_bus = np.sort(net.bus.index.to_numpy(np.int64)), len(tables["bus"])
    ours = np.full(n_bus, -1, np.int64)  # our position of each of pandapower's, whose order depends on what is connected where
    same = np.array_equal(ids, known_id)
    if same:
        there = net._pd2ppc_lookups["bus"][ids].astype(np.int64)
        there[(there < 0) | (there >= n_bus)] = -1
        ours[there[there >= 0]] = known_position[there >= 0]
        same = np.array_equal(np.where(there >= 0, ours[there], -1), known_position)
        same = same and len(np.unique(there)) == len(np.unique(known_position))
    if not same:
        raise InputError(
            "the network's buses or switches differ from those this Network was made from; call from_pandapower again"
        )
    return net, tables, ours


def zero_model(net: Any) -> dict[str, NDArray[Any]]:
    """The zero sequence of every branch as pandapower makes it for `runpp_3ph`, per unit of 1 kVA; `net` is a copy.

    Raises
    ------
    InputError
        Whatever pandapower refuses.
    """
    net.sn_mva = 1.0  # pandapower's admittance of Yzn transformers holds for this base alone
    try:
        with quiet():
            _init_runpp_options(
                net, "nr", True, "flat", "auto", 1e-8, "t", "current", False, False, True, False, passed_parameters={}
            )
            net._options["mode"] = "pf_3ph"
            _pd2ppc(net, sequence=1)  # notes which buses are isolated
            branch = _pd2ppc(net, sequence=0)[1]["branch"]
    except Exception as error:
        raise InputError(f"pandapower has no zero-sequence model of the network: {first_line(error)}") from error
    branch = np.real(branch)
    of_phase = 3.0 * float(net.sn_mva) * KW_PER_MW  # a phase's impedance and voltage are those of three times the power
    charge, more = branch[:, BR_G] + 1j * branch[:, BR_B], branch[:, BR_G_ASYM] + 1j * branch[:, BR_B_ASYM]
    return {
        "ends": branch[:, [F_BUS, T_BUS]].astype(np.int64),
        "series": (branch[:, BR_R] + 1j * branch[:, BR_X]) / of_phase,
        "from_shunt": charge / 2.0 * of_phase,
        "to_shunt": (charge + more) / 2.0 * of_phase,
    }


def reference_rows(net: Any, balanced: Mapping[str, NDArray[Any]]) -> list[pd.DataFrame]:
    """The external grids in service at each reference bus."""
    grid = net.ext_grid[net.ext_grid.in_service]
    at = balanced["known_position"][np.searchsorted(balanced["known_id"], grid.bus.to_numpy(np.int64))]
    return [grid[at == bus] for bus in balanced["reference_bus"].tolist()]


def disconnected_elements(net: Any, known_id: NDArray[np.int64], known_position: NDArray[np.int64]) -> list[str]:
    """What consumes or generates in service, but sits on a bus without a path to an external grid."""
    net, dead = regular(net), known_id[known_position < 0]
    found = []
    for table in INJECTING_AT_A_BUS:
        at = net[table].bus[net[table].in_service & net[table].bus.isin(dead)] if len(net[table]) else {}
        found += [f"{table} {index} at bus {bus}" for index, bus in at.items()]
    return found


def network_alone(net: Any) -> Any:
    """A copy of a network without its own injections, as it is converted and audited.

    Raises
    ------
    InputError
        If it is no pandapower network, or its tables are malformed.
    """
    net = regular(net)
    left_alone(net)
    return net


def regular(net: Any) -> Any:
    """A copy of a network whose tables are as pandapower takes them."""
    if not isinstance(net, pp.pandapowerNet):
        way = f"; {way_to('Network', net)}" if isinstance(net, str | Path) else ""
        raise InputError(f"{described(net)} is not a pandapower network{way}")
    refuse([*network_faults(net), *element_faults(net, empty_tables())])
    net = copy.deepcopy(net)
    made_regular(net, empty_tables())
    own = net.get("user_pf_options")
    net["user_pf_options"] = {key: own[key] for key in OF_THE_MODEL & set(own)} if isinstance(own, dict) else {}
    return net


def _converted(net: Any) -> dict[str, Any]:
    """The internal tables (in-service parts only) that pandapower makes of a regular network; it keeps them in `net`."""
    if not (net.ext_grid.in_service.any() or (net.gen.in_service & net.gen.slack).any()):
        raise InputError(
            "the network has no reference bus: no ext_grid is in service, and no gen with slack = True; "
            "add one where the network is fed, pandapower.create_ext_grid(net, bus)"
        )
    try:
        with quiet():  # as rundcpp does it, which passes over what a network says of switches and transformers
            _init_rundcpp_options(net, "t", "current", None, True, 2, "hv")
            net._options.update(net.user_pf_options)
            _powerflow(net)
    except FloatingPointError as error:
        raise InputError(_zero_impedances(net)) from error
    except Exception as error:
        raise InputError(f"pandapower could not convert the network: {first_line(error)}") from error
    internal = net._ppc["internal"]
    tables = {name: internal[name] for name in ("bus", "branch", "gen", "ref", "ref_gens")}
    tables["branch"] = np.real(tables["branch"])
    tables["reference_angle_degree"] = tables["bus"][tables["ref"], VA]
    if not np.all(np.isfinite(tables["bus"][:, VA])):
        raise InputError(_zero_impedances(net))
    return tables


def _zero_impedances(net: Any) -> list[str]:
    """One fault per in-service branch without reactance."""
    branch = np.real(net._ppc["branch"])
    elements = branch_elements(net)
    zero = ((branch[:, BR_X] == 0) | ~np.isfinite(branch[:, BR_X])) & (branch[:, BR_STATUS] > 0)
    reason = np.where(branch[zero, BR_X] == 0, "zero reactance", "no finite reactance")
    return [
        f"{row.element} {row.element_id} has {why}, so its flow is not defined; "
        "give it a reactance or replace it by a closed bus-bus switch"
        for row, why in zip(elements.loc[zero].itertuples(), reason, strict=True)
    ] or ["pandapower's DC power flow of the network is not finite; run pandapower.diagnostic on it"]
