"""A circuit as the arrays of `fastp2p.Network` and of its zero sequence."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import refuse
from fastp2p.io.opendss.circuit import Circuit, Element
from fastp2p.io.opendss.conductors import Nodes, phase_admittance, phases_of, shared_neutrals
from fastp2p.io.opendss.faults import element_faults, is_series, told
from fastp2p.io.opendss.links import SEQUENCES, Link, balanced_value, line_voltage, sequences_of
from fastp2p.io.opendss.tree import Tree, grow
from fastp2p.io.stated import BALANCED, NO_LOAD, UNEQUAL

Arrays = dict[str, NDArray[Any]]
Complexes = NDArray[np.complex128]

LIKE_PANDAPOWER = {"Line": "line", "Transformer": "trafo", "Reactor": "impedance", "Vsource": "impedance"}
TINY = 1e-9
"""Of an impedance; a smaller part of it is what rounding has left."""
NO_ZERO_PU = 1e12
"""Zero-sequence impedance to ground that stands for none."""


@dataclass(frozen=True)
class Converted:
    """What is kept of a circuit.

    Attributes
    ----------
    network, zero : dict of arrays
        By the fields of `fastp2p.Network` and `fastp2p.grid.zero_sequence.ZeroSequence`.
    circuit : Circuit
    tree : Tree
    earthed : set of nodes
    """

    network: Arrays
    zero: Arrays
    circuit: Circuit
    tree: Tree
    earthed: Nodes


def convert(circuit: Circuit) -> Converted:
    """The arrays of a circuit. Buses are numbered from 0 in the engine's order; the ideal source behind the impedance of the
    Vsource is one more.

    Raises
    ------
    InputError
        Everything that cannot be mapped, by the names of elements.
    """
    earthed = shared_neutrals(circuit)
    faults = element_faults(circuit, earthed)
    if not circuit.elements["Vsource"]:
        refuse(told(faults))
    tree, more = grow(_without(circuit, {fault.element for fault in faults}), earthed)
    refuse(told(faults + more))
    source = circuit.elements["Vsource"][0]
    links = [_source_link(source, tree.base_kv[circuit.bus.index(source.ends[0].bus)]), *tree.links]
    position = {circuit.bus[bus]: at for at, bus in enumerate(tree.buses)} | {"": len(tree.buses)}
    bus = _bus_arrays(circuit, tree, source)
    shunts = _shunts(circuit, tree, position, earthed)
    branch, zero = _branch_arrays(links, position, bus["base_kv"])
    network = bus | branch | _load_arrays(circuit, position)
    bus_matrix, has = _bus_matrix(shunts, tree, network)
    network["fixed_kw"] = _fixed_kw(network)
    zero |= {
        "grid_zero_pu": np.zeros(1, np.complex128),
        "grid_negative_pu": np.zeros(1, np.complex128),
        "load_phase": _load_phase(circuit, position),
        "bus_matrix_pu": bus_matrix,
        "phases": (has * np.array([1, 2, 4])).sum(axis=1).astype(np.uint8),
    }
    return Converted(network, zero, circuit, tree, earthed)


def _without(circuit: Circuit, names: set[str]) -> Circuit:
    """A circuit without elements that cannot be mapped, so that all other faults are found."""
    kept = {
        kind: [one for one in elements if one.full_name not in names or kind == "Vsource"]
        for kind, elements in circuit.elements.items()
    }
    return replace(circuit, elements=kept)


def _source_link(source: Element, kv: float) -> Link:
    """The impedance of a source, from the ideal one (named '') to its bus."""
    series: Complexes = (np.linalg.inv(source.y[:3, :3]) / (kv**2 * 1e3)).astype(np.complex128)
    none = np.zeros((3, 3), np.complex128)
    return Link([source], ("", source.ends[0].bus), np.ones(3, bool), np.ones(3), 1.0, False, series, none, none)


def _bus_arrays(circuit: Circuit, tree: Tree, source: Element) -> Arrays:
    n = len(circuit.bus)
    known = np.full(n + 1, -1)
    known[[*tree.buses, n]] = np.arange(len(tree.buses) + 1)
    kv = tree.base_kv[circuit.bus.index(source.ends[0].bus)]
    return {
        "bus_id": np.array([*tree.buses, n], np.int64),
        "known_id": np.arange(n + 1),
        "known_position": known,
        "reference_bus": np.array([len(tree.buses)]),
        "reference_angle_rad": np.radians([source.about["degree"]]),
        "base_kv": np.append(tree.base_kv[tree.buses], kv),
        "bus_shunt_pu": np.zeros(len(tree.buses) + 1, np.complex128),
        "slack_vm_pu": np.array([source.about["pu"] * source.about["kv"] / kv]),
        "ac_faults": np.empty(0, str),
    }


def _branch_arrays(links: list[Link], position: dict[str, int], base_kv: NDArray[np.float64]) -> tuple[Arrays, Arrays]:
    """Of all links: the balanced model, and the zero sequence or matrices."""
    rows = [_branch(link, position, base_kv) for link in links]
    names = [name for name in rows[0] if not name.startswith(("zero.", "matrix."))]
    kinds = {"element": str, "winding": str, "std_type": str}
    network = {name: np.array([row[name] for row in rows], kinds.get(name)) for name in names}
    matrices = [row for row in rows if row["matrix.is"]]
    at = np.cumsum([row["matrix.is"] for row in rows]) - 1
    zero = {name: np.array([row[f"zero.{name}"] for row in rows]) for name in ("series_pu", "from_shunt_pu", "to_shunt_pu")}
    zero |= {
        "to_ground": np.array([link.to_ground for link in links]),
        "matrix_of": np.where([row["matrix.is"] for row in rows], at, -1),
        "matrix_series_pu": np.array([row["matrix.of"].series for row in matrices]).reshape(-1, 3, 3),
        "matrix_from_shunt_pu": np.array([row["matrix.of"].from_shunt for row in matrices]).reshape(-1, 3, 3),
        "matrix_to_shunt_pu": np.array([row["matrix.of"].to_shunt for row in matrices]).reshape(-1, 3, 3),
        "matrix_ratio": np.array([row["matrix.of"].ratio for row in matrices]).reshape(-1, 3),
    }
    return network, zero


def _branch(link: Link, position: dict[str, int], base_kv: NDArray[np.float64]) -> dict[str, Any]:
    """A link as a branch: its values by the names of arrays, those of its zero sequence behind ``zero.``."""
    ends = [position[end] for end in link.ends]
    parts = [sequences_of(one) for one in (link.series, link.from_shunt, link.to_shunt)]
    alike = bool(link.has.all()) and None not in parts and bool(np.ptp(link.ratio) < TINY)
    balanced = [balanced_value(one, link.has) for one in (link.series, link.from_shunt, link.to_shunt)]
    zero = [part[0] if part and alike else value for part, value in zip(parts, balanced, strict=True)]
    if link.to_ground:
        alike, zero = True, [link.zero[0] if np.isfinite(link.zero[0]) else NO_ZERO_PU, link.zero[1], 0j]
    series = _rounded(balanced[0])
    reactance = series.imag if abs(series.imag) > TINY * abs(series) else abs(series)
    return {
        "from_bus": ends[0],
        "to_bus": ends[1],
        "susceptance_kw": 1.0 / reactance / float(link.ratio.mean()),
        "shift_rad": float(np.angle(link.turn)),
        **_rating(link, base_kv[ends]),
        "resistance_pu": series.real,
        "reactance_pu": series.imag,
        "tap_ratio": float(link.ratio[link.has].mean()),
        "from_shunt_pu": balanced[1],
        "to_shunt_pu": balanced[2],
        "zero.series_pu": zero[0],
        "zero.from_shunt_pu": zero[1],
        "zero.to_shunt_pu": zero[2],
        "matrix.is": not alike,
        "matrix.of": link,
    }


def _rounded(impedance: complex) -> complex:
    parts = (part if abs(part) > TINY * abs(impedance) else 0.0 for part in (impedance.real, impedance.imag))
    return complex(*parts)


def _rating(link: Link, ends_kv: NDArray[np.float64]) -> dict[str, Any]:
    """What a link is called, and what it may carry: of each phase that it has the least of its elements."""
    first, n = link.elements[0], int(link.has.sum())
    rated_kv, ampacity, rating, km, code = ends_kv, np.nan, np.inf, np.nan, ""
    if first.kind == "Transformer":
        rating = n * min(one.about["windings"][0]["kva"] / one.n_phases for one in link.elements)
        forward = [line_voltage(first, one) for one in (0, 1)]
        rated_kv, code = np.array(forward if link.ends[0] == first.ends[0].bus else forward[::-1]), first.about["code"]
    elif first.kind == "Line":
        amps = [one.about["amps"] for one in link.elements if one.about["amps"] > 0.0]
        ampacity = min(amps) / 1e3 if amps else np.nan
        km, code = first.about["km"], first.about["code"]
    per_ka = n * ends_kv[0] / np.sqrt(3.0) * 1e3
    return {
        "element": LIKE_PANDAPOWER[first.kind],
        "element_id": first.index,
        "winding": "",
        "std_type": code,
        "ampacity_ka": ampacity,
        "kw_per_ka": per_ka if first.kind == "Line" else np.nan,
        "rating_kw": rating,
        "limit_kw": float(np.fmin(ampacity * per_ka, rating)),
        "length_km": km,
        "rated_kv": rated_kv,
    }


def _shunts(circuit: Circuit, tree: Tree, position: dict[str, int], earthed: Nodes) -> Complexes:
    """(n_bus, 3, 3) admittances of capacitors and reactors at each bus, per unit of 1 kVA."""
    y = np.zeros((len(tree.buses) + 1, 3, 3), np.complex128)
    kv = {circuit.bus[bus]: tree.base_kv[bus] for bus in tree.buses}
    for one in (*circuit.elements["Capacitor"], *circuit.elements["Reactor"]):
        if one.ends[0].bus in position and not is_series(one):
            y[position[one.ends[0].bus]] += phase_admittance(one, earthed)[:3, :3] * kv[one.ends[0].bus] ** 2 * 1e3
    return y


def _bus_matrix(shunts: Complexes, tree: Tree, network: Arrays) -> tuple[Complexes, NDArray[np.bool_]]:
    """What shunts are beside their balanced part, which is moved to ``bus_shunt_pu``; which phases each bus has."""
    has = np.vstack([tree.has[tree.buses], np.ones((1, 3), bool)])
    one = np.array([(np.conj(SEQUENCES[:, 1]) @ y @ SEQUENCES[:, 1]) / 3.0 for y in shunts])
    one[~has.all(axis=1)] = 0.0
    network["bus_shunt_pu"] = one
    rest = shunts - one[:, None, None] * (np.eye(3) - 1.0 / 3.0)
    rest[np.abs(rest) < TINY * np.abs(shunts).max(axis=(1, 2), initial=0.0)[:, None, None]] = 0.0
    return rest, has


def _fixed_kw(network: Arrays) -> NDArray[np.float64]:
    """What conductances draw at nominal voltage: no-load losses, shunts."""
    fixed = -network["bus_shunt_pu"].real
    np.subtract.at(fixed, network["from_bus"], network["from_shunt_pu"].real / network["tap_ratio"] ** 2)
    np.subtract.at(fixed, network["to_bus"], network["to_shunt_pu"].real)
    return fixed


def _load_arrays(circuit: Circuit, position: dict[str, int]) -> Arrays:
    kinds: dict[int, set[str]] = {}
    for load in circuit.elements["Load"]:
        if load.ends[0].bus in position:
            kinds.setdefault(position[load.ends[0].bus], set()).add("load" if load.n_phases == 3 else "asymmetric_load")
    at = sorted(kinds)
    return {"load_bus": np.array(at, np.int64), "load_kind": np.array([" and ".join(sorted(kinds[one])) for one in at], str)}


def _load_phase(circuit: Circuit, position: dict[str, int]) -> NDArray[np.int8]:
    """(n_bus,) how the loads of each bus are connected, as `ZeroSequence.load_phase`."""
    kva = np.zeros((len(position), 3), np.complex128)
    draws = np.zeros((len(position), 3), bool)
    for load in circuit.elements["Load"]:
        if load.ends[0].bus in position:
            phases = [phase - 1 for phase in phases_of(load, 0) if phase]
            at = position[load.ends[0].bus]
            draws[at, phases] = True
            kva[at, phases] += (load.about["kw"] + 1j * load.about["kvar"]) / len(phases)
    equal = np.isclose(kva, kva[:, :1], rtol=1e-9, atol=0.0).all(axis=1)
    n = draws.sum(axis=1)
    code = np.where(n == 1, draws.argmax(axis=1), UNEQUAL)
    code[n == 0] = NO_LOAD
    code[(n == 3) & equal] = BALANCED
    return code.astype(np.int8)
