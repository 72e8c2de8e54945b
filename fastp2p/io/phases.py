"""The zero sequence of a pandapower network as arrays, and what it injects on each phase.

pandapower's own conversion for `runpp_3ph` makes the zero sequence of lines and transformers. What an element lacks is stated
by the caller, or refused by its name.
"""

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.errors import InputError, refuse, some
from fastp2p.io.branches import KW_PER_MW
from fastp2p.io.elements import LOADS, left_alone
from fastp2p.io.pandapower import network_arrays, reference_rows, regular, same_positions, zero_model
from fastp2p.io.stated import BALANCED, DELTA, NO_LOAD, UNEQUAL, VECTOR_GROUPS

Complexes = NDArray[np.complex128]

OF_TRAFOS = ("vk0_percent", "vkr0_percent", "mag0_percent", "mag0_rx", "si0_hv_partial")
OF_GRIDS = ("s_sc_max_mva", "rx_max", "x0x_max", "r0x0_max")
MAY_BE_ZERO = ("rx_max", "r0x0_max")
VOLTAGE_FACTOR = 1.1
"""c of IEC 60909, with which pandapower makes an impedance of a short-circuit power."""
NO_BRANCH_PU = 1e15
"""Series impedances beyond it stand for none."""
OPEN_MAGNETISING_PERCENT = 1e14
WITHOUT_MODEL = ("trafo3w", "impedance", "xward", "dcline")


def zero_arrays(net: Any, stated: Mapping[str, Any]) -> dict[str, NDArray[Any]]:
    """Everything `fastp2p.grid.zero_sequence.ZeroSequence` holds, by field name.

    Parameters
    ----------
    net : pandapowerNet
    stated : mapping
        See `fastp2p.io.stated.STATED`.

    Raises
    ------
    InputError
        Zero-sequence data that are missing and not stated, elements without such a model, whatever pandapower refuses.
    """
    net = regular(net)
    balanced = network_arrays(net)
    load_phase = _load_phases(net, balanced)
    left_alone(net)
    faults = _fill_lines(net.line, stated) + _fill_trafos(net.trafo, stated) + _fill_grids(net, stated)
    for table in WITHOUT_MODEL:
        ids = net[table].index[net[table].in_service.to_numpy().astype(bool)].tolist()
        faults += [f"{_named(table, ids)}: no zero-sequence model of {table} elements; remove them or use phases = 1"] * bool(
            ids
        )
    if (balanced["element"] == "switch").any():
        faults.append(
            "bus-bus switches with an impedance (z_ohm) have no zero-sequence model; set it to zero or use phases = 1"
        )
    refuse(faults)
    branch = zero_model(net)
    if len(branch["series"]) != len(balanced["from_bus"]) or not (branch["ends"] == _ends(balanced)).all():
        raise InputError("some branch has both ends at one bus, joined by closed switches; open or remove it for phases = 3")
    series, from_shunt, to_shunt = (branch[name].copy() for name in ("series", "from_shunt", "to_shunt"))
    to_ground = np.abs(series) > NO_BRANCH_PU
    with np.errstate(divide="ignore"):
        series[to_ground] = 1.0 / to_shunt[to_ground]
    to_shunt[to_ground] = 0.0
    grid_zero, grid_negative = _grid_impedances(net, balanced, stated)
    return {
        "series_pu": series,
        "from_shunt_pu": from_shunt,
        "to_shunt_pu": to_shunt,
        "to_ground": to_ground,
        "grid_zero_pu": grid_zero,
        "grid_negative_pu": grid_negative,
        "load_phase": load_phase,
    }


def _load_phases(net: Any, balanced: Mapping[str, NDArray[Any]]) -> NDArray[np.int8]:
    """(n_bus,) how the loads of each bus are connected, as `fastp2p.grid.zero_sequence.ZeroSequence` has it.

    Loads and motors of three phases draw a third on each, whatever their size is. A load of one phase names it by drawing
    power there, even if it is scaled to nothing.
    """
    n_bus = len(balanced["bus_id"])
    draws, kva, in_delta = np.zeros((n_bus, 3), bool), np.zeros((n_bus, 3), np.complex128), np.zeros(n_bus, bool)
    for table in LOADS:
        rows = net[table][net[table].in_service.to_numpy().astype(bool)]
        at = balanced["known_position"][np.searchsorted(balanced["known_id"], rows.bus.to_numpy(np.int64))]
        rows, at = rows[at >= 0], at[at >= 0]
        in_delta[at[_is_delta(rows)]] = True
        if table != "asymmetric_load":
            draws[at] = True
            continue
        parts = [_numbers(rows, f"p_{phase}_mw") + 1j * _numbers(rows, f"q_{phase}_mvar") for phase in "abc"]
        drawn = np.nan_to_num(np.stack(parts, axis=1))
        np.logical_or.at(draws, at, drawn != 0.0)
        np.add.at(kva, at, drawn * np.nan_to_num(_numbers(rows, "scaling"), nan=1.0)[:, None])
    equal = np.isclose(kva, kva[:, :1], rtol=1e-9, atol=0.0).all(axis=1)
    n_phases = draws.sum(axis=1)
    code = np.where(n_phases == 1, draws.argmax(axis=1), UNEQUAL)
    code[n_phases == 0] = NO_LOAD
    code[(n_phases == 3) & equal] = BALANCED
    code[in_delta] = DELTA
    return code.astype(np.int8)


def _is_delta(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Which loads are in delta; motors do not say."""
    if "type" not in rows:
        return np.zeros(len(rows), bool)
    return (rows["type"].astype(str).str.lower() == "delta").to_numpy()


def phase_injection_kva(net: Any, known_id: NDArray[np.int64], known_position: NDArray[np.int64]) -> Complexes:
    """What a network's own elements inject on each phase, (n_bus, 3) kW + j kvar.

    Raises
    ------
    InputError
        If the network does not have the buses, fused and connected as `known_position` says; elements in delta, and
        elements that hold a voltage or are none of a phase and neutral.
    """
    net = same_positions(net, known_id, known_position)
    injection = np.zeros((known_position.max() + 1, 3), np.complex128)
    faults = []
    tables = (("load", -1.0), ("sgen", 1.0), ("storage", -1.0), ("asymmetric_load", -1.0), ("asymmetric_sgen", 1.0))
    for table, sign in tables:
        rows = net[table][net[table].in_service.to_numpy().astype(bool)]
        if table in ("load", "asymmetric_load"):
            delta = rows.index[_is_delta(rows)].tolist()
            told = "loads in delta are not modelled; connect them between phase and neutral (type wye)"
            faults += [f"{_named(table, delta)}: {told}"] * bool(delta)
        at = known_position[np.searchsorted(known_id, rows.bus.to_numpy(np.int64))]
        parts = [("p_mw", "q_mvar")] * 3
        if table.startswith("asymmetric"):
            parts = [(f"p_{phase}_mw", f"q_{phase}_mvar") for phase in "abc"]
        kva = np.stack([(rows[p] + 1j * rows[q]).to_numpy(np.complex128) for p, q in parts], axis=1)
        kva *= sign * KW_PER_MW * rows.scaling.to_numpy(float)[:, None] / (1.0 if table.startswith("asymmetric") else 3.0)
        np.add.at(injection, at[at >= 0], kva[at >= 0])
    for table in ("gen", "motor", "ward"):
        rows = net[table][net[table].in_service.to_numpy().astype(bool)]
        rows = rows[~rows.slack.to_numpy().astype(bool)] if table == "gen" else rows
        ids = rows.index.tolist()
        faults += [f"{_named(table, ids)}: no power on each phase is known of {table} elements; make them loads"] * bool(ids)
    refuse(faults)
    return injection


def _ends(arrays: Mapping[str, NDArray[Any]]) -> NDArray[np.int64]:
    return np.stack([arrays["from_bus"], arrays["to_bus"]], axis=1)


def _fill_lines(line: pd.DataFrame, stated: Mapping[str, Any]) -> list[str]:
    """Zero-sequence columns of the lines in service, in place; what is missing."""
    faults = []
    used = line.in_service.to_numpy().astype(bool)
    for zero, one, key in (
        ("r0_ohm_per_km", "r_ohm_per_km", "r0_per_r1"),
        ("x0_ohm_per_km", "x_ohm_per_km", "x0_per_x1"),
        ("c0_nf_per_km", "c_nf_per_km", "c0_per_c1"),
    ):
        known = _numbers(line, zero)
        missing = ~np.isfinite(known) & (used & (line[one].to_numpy(float) != 0.0))
        if missing.any() and key not in stated:
            ids = line.index[missing].tolist()
            faults.append(f"{_named('line', ids)}: no {zero}; fill it in, or state zero_sequence.{key}")
        line[zero] = np.where(np.isfinite(known), known, line[one].to_numpy(float) * stated.get(key, 1.0))
        wrong = line.index[used & (line[zero].to_numpy() < 0.0) & (zero != "x0_ohm_per_km")].tolist()
        faults += [f"{_named('line', wrong)}: {zero} is negative"] * bool(wrong)
    if not faults:
        none = line.index[used & (line.r0_ohm_per_km == 0.0).to_numpy() & (line.x0_ohm_per_km == 0.0).to_numpy()].tolist()
        faults += [f"{_named('line', none)}: r0_ohm_per_km and x0_ohm_per_km are both zero"] * bool(none)
    return faults


def _fill_trafos(trafo: pd.DataFrame, stated: Mapping[str, Any]) -> list[str]:
    """Vector groups and zero-sequence columns of the transformers in service, in place; what is missing or not modelled."""
    faults, without = [], []
    groups = trafo["vector_group"] if "vector_group" in trafo else pd.Series(None, trafo.index, dtype=object)
    filled = {name: _numbers(trafo, name) for name in OF_TRAFOS}
    group_of = []
    for row, (index, given) in enumerate(groups.items()):
        group, clock = _vector_group(given, stated.get("vector_group"))
        group_of.append(group or "Dyn")
        if not trafo.in_service.iloc[row]:
            continue
        shift = float(trafo.shift_degree.iloc[row])
        if group is None:
            known = isinstance(given, str) and given
            told = f"vector group {given} is not modelled; it must be Dyn, YNyn or Yzn, or use phases = 1" if known else (
                "no vector_group; fill it in, or state zero_sequence.vector_group"
            )  # fmt: skip
            faults.append(f"trafo {index}: {told}")
        elif clock is not None and (shift - 30.0 * clock) % 360.0 != 0.0:
            faults.append(f"trafo {index}: vector group {given} and shift_degree {shift:g} contradict one another")
        elif group == "YNyn" and shift % 180.0 != 0.0:
            faults.append(f"trafo {index}: a YNyn transformer turns by 0 or 180 degrees, not by shift_degree {shift:g}")
        if all(np.isfinite(filled[name][row]) for name in OF_TRAFOS):
            size, r, magnetising, rx, share = (filled[name][row] for name in OF_TRAFOS)
            if not (0.0 <= r <= size and size > 0.0 and magnetising > 0.0 and rx >= 0.0 and 0.0 < share < 1.0):
                wanted = "vk0_percent and mag0_percent positive, vkr0_percent and mag0_rx not negative, 0 < si0_hv_partial < 1"
                faults.append(
                    f"trafo {index}: no zero sequence has these numbers; {wanted}, vkr0_percent no larger than vk0_percent"
                )
            continue
        without.append(index)
        ratio = stated.get("trafo_z0_per_z1", 1.0)
        values = (ratio * trafo.vk_percent.iloc[row], ratio * trafo.vkr_percent.iloc[row], OPEN_MAGNETISING_PERCENT, 0.0, 0.5)
        for name, value in zip(OF_TRAFOS, values, strict=True):
            filled[name][row] = value
        group_of[-1] = "YNyn" if group == "YNyn" else "Dyn"  # what is stated of a zigzag winding is its impedance to ground
    if without and "trafo_z0_per_z1" not in stated:
        names = ", ".join(OF_TRAFOS)
        faults.append(f"{_named('trafo', without)}: no {names}; fill them in, or state zero_sequence.trafo_z0_per_z1")
    for name, values_of in filled.items():
        trafo[name] = values_of
    trafo["vector_group"] = group_of
    return faults


def _vector_group(given: Any, stated: Any) -> tuple[str | None, int | None]:
    """Which of those that are modelled a text names, with its clock number if it has one."""
    text = given if isinstance(given, str) and given else stated
    found = re.fullmatch(r"([A-Za-z]+?)(\d*)", text) if isinstance(text, str) else None
    if found is None:
        return None, None
    groups = {group.lower(): group for group in VECTOR_GROUPS}
    return groups.get(found[1].lower()), int(found[2]) if found[2] else None


def _fill_grids(net: Any, stated: Mapping[str, Any]) -> list[str]:
    """Short-circuit columns of the external grids in service, in place; what is missing."""
    grid, faults = net.ext_grid, []
    ideal = "state zero_sequence.grid = \"ideal\" for grids that hold each phase"  # fmt: skip
    for name in OF_GRIDS:
        known = _numbers(grid, name)
        right = np.isfinite(known) & ((known >= 0.0) if name in MAY_BE_ZERO else (known > 0.0))
        missing = grid.index[~right & grid.in_service.to_numpy().astype(bool)].tolist()
        if missing and "grid" not in stated:
            bound = "not negative" if name in MAY_BE_ZERO else "positive"
            faults.append(f"{_named('ext_grid', missing)}: no {name} that is {bound}; fill it in, or {ideal}")
        grid[name] = np.where(right, known, 1.0)
    gens = net.gen.index[net.gen.in_service.to_numpy().astype(bool)].tolist()
    if gens and "grid" not in stated:
        faults.append(f"{_named('gen', gens)}: a generator that is an external grid has no short-circuit data; {ideal}")
    return faults


def _grid_impedances(net: Any, balanced: Mapping[str, NDArray[Any]], stated: Mapping[str, Any]) -> tuple[Complexes, Complexes]:
    """Of the zero and the negative sequence of every external grid, per unit of 1 kVA; several at one bus side by side."""
    zero, negative = np.zeros((2, len(balanced["reference_bus"])), np.complex128)
    if "grid" in stated:
        return zero, negative
    for row, of in enumerate(reference_rows(net, balanced)):
        size = VOLTAGE_FACTOR / (of.s_sc_max_mva.to_numpy(float) * KW_PER_MW)
        rx, x0x, r0x0 = (of[name].to_numpy(float) for name in ("rx_max", "x0x_max", "r0x0_max"))
        x = size / np.hypot(rx, 1.0)
        negative[row] = 1.0 / (1.0 / (x * (rx + 1j))).sum()
        zero[row] = 1.0 / (1.0 / (x * x0x * (r0x0 + 1j))).sum()
    return zero, negative


def _numbers(table: pd.DataFrame, name: str) -> NDArray[np.float64]:
    """A column of numbers; NaN where one, or all, are missing."""
    if name not in table:
        return np.full(len(table), np.nan)
    return pd.to_numeric(table[name], errors="coerce").to_numpy(float, na_value=np.nan).copy()


def _named(table: str, ids: list[Any]) -> str:
    return f"{table} {some([str(one) for one in ids])}"
