"""The tree that a circuit's links make below its source, and what keeps it from being one."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import some
from fastp2p.io.opendss.circuit import Circuit, Element
from fastp2p.io.opendss.conductors import Nodes, phases_of
from fastp2p.io.opendss.faults import INJECT, UNEARTHED, Fault, is_left_out, is_series
from fastp2p.io.opendss.links import Link, line_voltage, link_of

Floats = NDArray[np.float64]
NOT_FED = "is not fed at bus"


@dataclass(frozen=True)
class Tree:
    """Links from the source on.

    Attributes
    ----------
    buses : list of int
        Those with a path to the source, by their number in the circuit.
    links : list of Link
    base_kv : (n_circuit_bus,) float64
    has : (n_circuit_bus, 3) bool
        Which phases a bus has.
    """

    buses: list[int]
    links: list[Link]
    base_kv: Floats
    has: NDArray[np.bool_]


def grow(circuit: Circuit, earthed: Nodes) -> tuple[Tree, list[Fault]]:
    """The tree, and what is wrong with it by the names of elements.

    Elements are those that `fastp2p.io.opendss.faults` has let pass.
    """
    number = {bus: at for at, bus in enumerate(circuit.bus)}
    faults = list[Fault]()
    groups: dict[tuple[int, int], list[Element]] = {}
    for element in _between(circuit):
        first, second = (number[end.bus] for end in element.ends[:2])
        groups.setdefault((min(first, second), max(first, second)), []).append(element)
    for group in groups.values():
        faults += _group_faults(group)
    beside: dict[int, list[tuple[int, list[Element]]]] = {}
    for (first, second), group in groups.items():
        beside.setdefault(first, []).append((second, group))
        beside.setdefault(second, []).append((first, group))
    root = number[circuit.elements["Vsource"][0].ends[0].bus]
    base_kv, has = circuit.bus_kv.copy(), np.zeros((len(circuit.bus), 3), bool)
    has[root] = True
    if base_kv[root] == 0.0:
        base_kv[root] = circuit.elements["Vsource"][0].about["kv"]
    order, links, left = [root], list[Link](), deque([root])
    above: dict[int, tuple[int, list[Element]]] = {root: (-1, [])}
    used, loops = set[int](), list[Fault]()
    while left:  # ends: every bus is put in once
        up = left.popleft()
        for bus, group in beside.get(up, []):
            if id(group) in used:
                continue
            used.add(id(group))
            if bus in above:
                loops.append(_loop(group, bus, up, above))
                continue
            above[bus] = up, group
            order.append(bus)
            left.append(bus)
            if base_kv[bus] == 0.0:
                base_kv[bus] = _next_kv(group[0], circuit.bus[up], base_kv[up])
            if _group_faults(group):
                has[bus] = True
                continue
            first = number[group[0].ends[0].bus]
            second = bus if first == up else up
            link = link_of(group, np.array([base_kv[first], base_kv[second]]), earthed)
            faults += _link_faults(link, circuit.bus[up], has[up])
            has[bus] = link.has
            links.append(link)
    if loops:  # which phases reach a bus depends on where they are opened
        return Tree(sorted(order), links, base_kv, has), [one for one in faults if NOT_FED not in one.why] + loops
    faults += _load_faults(circuit, number, set(above), has)
    return Tree(sorted(order), links, base_kv, has), faults


def _loop(group: list[Element], first: int, second: int, above: dict[int, tuple[int, list[Element]]]) -> Fault:
    """That elements close a loop, and what else is in it, switches first."""
    path = {first: list[Element]()}
    at = first
    while above[at][0] != -1:  # ends: goes up the tree
        path[above[at][0]] = [*path[at], *above[at][1]]
        at = above[at][0]
    rest, at = list[Element](), second
    while at not in path:  # ends: at the root, at the latest
        rest += above[at][1]
        at = above[at][0]
    loop = sorted([*group, *path[at], *rest], key=lambda one: not one.about.get("is_switch", False))
    why = f"a loop of {len(loop)} elements; meshed parts are not read, so open one of them"
    return Fault(some([one.full_name for one in loop], 6), why)


def _between(circuit: Circuit) -> list[Element]:
    """Elements between two buses, but for open switches."""
    lines = [one for one in circuit.elements["Line"] if not is_left_out(one)]
    return [*lines, *circuit.elements["Transformer"], *(one for one in circuit.elements["Reactor"] if is_series(one))]


def _names(group: list[Element]) -> str:
    return ", ".join(one.full_name for one in group)


def _group_faults(group: list[Element]) -> list[Fault]:
    """Elements side by side: each has phases of its own, all are of one kind."""
    if len(group) == 1:
        return []
    phases = [phase for one in group for phase in phases_of(one, 0) if phase]
    if len({one.kind for one in group}) > 1:
        return [Fault(_names(group), "side by side between two buses; keep the one that carries the current")]
    if len(set(phases)) < len(phases):
        return [Fault(_names(group), "side by side on a phase; write one element of both")]
    return []


def _next_kv(element: Element, up: str, kv: float) -> float:
    """The base voltage beyond an element, for circuits that do not say it."""
    if element.kind != "Transformer":
        return kv
    first, second = (line_voltage(element, one) for one in (0, 1))
    return float(kv * second / first if element.ends[0].bus == up else kv * first / second)


def _link_faults(link: Link, up: str, there: NDArray[np.bool_]) -> list[Fault]:
    """What keeps a link from being fed from a bus that has some phases."""
    if link.to_ground and link.ends[0] != up:
        return [Fault(_names(link.elements), UNEARTHED)]
    missing = [str(phase + 1) for phase in np.flatnonzero(link.has & ~there).tolist()]
    if missing:
        why = f"phase {', '.join(missing)} {NOT_FED} {up}; connect it to phases that are"
        return [Fault(_names(link.elements), why)]
    return []


def _load_faults(circuit: Circuit, number: dict[str, int], seen: set[int], has: NDArray[np.bool_]) -> list[Fault]:
    """What is connected to phases that no line brings to its bus."""
    faults = []
    for kind in (*INJECT, "Capacitor", "Reactor"):
        for one in circuit.elements[kind]:
            bus = number[one.ends[0].bus]
            missing = [str(phase) for phase in phases_of(one, 0) if phase and not has[bus, phase - 1]]
            if bus in seen and missing and not is_series(one):
                why = f"phase {', '.join(missing)} {NOT_FED} {one.ends[0].bus}; connect it to phases that are"
                faults.append(Fault(one.full_name, why))
    return faults
