"""What of a circuit cannot be mapped, by the name of the element, with the reason and the way out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from fastp2p.errors import some
from fastp2p.io.opendss.circuit import Circuit, Element
from fastp2p.io.opendss.conductors import Nodes, phases_of
from fastp2p.io.opendss.links import is_unearthed

MOST_NAMED = 30
UNEARTHED = "its secondary is unearthed, so behind it nothing can be connected between phase and neutral; earth it"
INJECT = ("Load", "PVSystem", "Generator", "Storage")
OF_CONTROLS = {
    "RegControl": "a regulator that acts; write the taps into its transformer and delete or disable it",
    "CapControl": "a control that switches a capacitor; set the capacitor's states and delete or disable it",
    "SwtControl": "a control that switches; open or close its line and delete or disable it",
    "Fuse": "a fuse that may act; delete or disable it",
    "Recloser": "a recloser that may act; delete or disable it",
    "Relay": "a relay that may act; delete or disable it",
}


class Fault(NamedTuple):
    """Why an element cannot be mapped, and what to do."""

    element: str
    why: str


def element_faults(circuit: Circuit, earthed: Nodes) -> list[Fault]:
    """Of every element by itself."""
    off = " (or Set ControlMode=OFF, which leaves all controls as they stand)"
    faults = [Fault(name, OF_CONTROLS[name.partition(".")[0]] + off) for name in circuit.controls]
    checks = {
        "Vsource": _source, "Line": _line, "Transformer": _transformer, "Capacitor": _shunt, "Reactor": _shunt,
        **dict.fromkeys(INJECT, _injection),
    }  # fmt: skip
    for kind, elements in circuit.elements.items():
        for one in elements:
            numbers = _numbers(one)
            faults += [Fault(one.full_name, why) for why in ([numbers] if numbers else checks[kind](one, earthed))]
    sources = [one.full_name for one in circuit.elements["Vsource"]]
    faults += [Fault(name, "a second source; a feeder has one, so delete or disable the others") for name in sources[1:]]
    return faults + [Fault(circuit.name, "the circuit has no source; enable its Vsource")] * (not sources)


def told(faults: list[Fault]) -> list[str]:
    """Faults for people, elements of one reason together."""
    names: dict[str, list[str]] = {}
    for fault in faults:
        names.setdefault(fault.why, []).append(fault.element)
    return [f"{some(of, MOST_NAMED)}: {why}" for why, of in names.items()]


def _numbers(element: Element) -> str:
    """What is wrong with its numbers, such as what inline mathematics gives."""
    windings = element.about.get("windings", [])
    if not all(one[name] > 0.0 for one in windings for name in ("kv", "kva", "tap")):
        return "kV, kVA and tap of its windings must be above 0; correct them"
    if not np.isfinite(element.y).all():
        return "the engine makes no finite admittance of its numbers; correct them"
    if not all(np.isfinite(element.about.get(name, 0.0)) for name in ("kw", "kvar", "kva", "kwh")):
        return "its power is no finite number; correct it"
    return ""


def _source(element: Element, earthed: Nodes) -> Iterator[str]:
    if element.n_phases != 3:
        yield "a source of other than three phases; give it three"
    elif phases_of(element, 0) != [1, 2, 3] or any(element.ends[1].nodes):
        yield "a source that is not connected to phases 1, 2, 3 and earth; connect it so"
    elif abs(element.y - element.y.T).max() > 1e-9 * abs(element.y).max():
        yield "its negative-sequence impedance Z2 differs from Z1; leave Z2 out"


def _line(element: Element, earthed: Nodes) -> Iterator[str]:
    if is_left_out(element):
        return
    if any(element.open_ends):
        yield "some of its phases are open; open or close all"
    elif not any(phases_of(element, 0)):
        yield "has no phase among the nodes 1, 2, 3; connect it to one"
    elif element.ends[0].bus == element.ends[1].bus:
        yield "both its ends are at one bus; delete it"
    elif phases_of(element, 0) != phases_of(element, 1):
        yield "it connects other phases at its ends; use the same nodes at both"
    elif len(set(_used(element, 0))) != len(_used(element, 0)):
        yield "two of its conductors are at one node; give each its own"


def _transformer(element: Element, earthed: Nodes) -> Iterator[str]:
    n = len(element.about["windings"])
    if n != 2:
        halves = element.n_phases == 1 and n == 3 and element.ends[1].bus == element.ends[2].bus
        what = "a center-tapped transformer" if halves else f"a transformer of {n} windings"
        yield f"{what} is not modelled; replace it by one of two windings between phase and neutral"
        return
    deltas = [one["is_delta"] for one in element.about["windings"]]
    unearthed = [is_unearthed(element, end, earthed) for end in (0, 1)]
    if any(element.open_ends):
        yield "some of its phases are open; close them or disable it"
    elif element.ends[0].bus == element.ends[1].bus:
        yield "both its ends are at one bus; disable it"
    elif element.n_phases != 3 and (any(deltas) or any(len(_used(element, end)) > element.n_phases for end in (0, 1))):
        yield "one of an open-wye or open-delta bank, or fed between two phases; connect it between phase and neutral"
    elif all(unearthed):
        yield UNEARTHED
    elif any(unearthed):
        if sorted(_used(element, 0)) != [1, 2, 3] or sorted(_used(element, 1)) != [1, 2, 3]:
            yield "a delta winding that is not connected to the phases 1, 2, 3; connect it so"
        elif not any(deltas):
            yield "its star is not earthed at one side, so no zero sequence passes; earth its neutral (node 0) or use a delta"
        elif phases_of(element, 0)[:3] != [1, 2, 3] or phases_of(element, 1)[:3] != [1, 2, 3]:
            yield "its phases are not in the order 1, 2, 3; use LeadLag for its shift"
    elif phases_of(element, 0) != phases_of(element, 1):
        yield "it connects other phases at its ends, or reverses one; use the same nodes at both"


def _shunt(element: Element, earthed: Nodes) -> Iterator[str]:
    if any(element.open_ends):
        yield "some of its phases are open; close them or disable it"
    elif is_series(element):
        if element.kind == "Capacitor":
            yield "a capacitor between two buses is not modelled; replace both by a line with the reactance that is left"
        else:
            yield from _line(element, earthed)


def _injection(element: Element, earthed: Nodes) -> Iterator[str]:
    used = _used(element, 0)
    if element.about["is_delta"]:
        yield "connected in delta, which is not modelled; connect it between phase and neutral (Conn=wye, kV of a phase)"
    elif element.n_phases == 1 and len(used) > 1:
        yield "connected between two phases, which is not modelled; connect it between phase and neutral"
    elif not used:
        yield "connected to no phase among the nodes 1, 2, 3; connect it to one"
    elif len(used) != element.n_phases or len(set(used)) != len(used):
        yield "not all of its phases are at nodes 1, 2, 3 of their own; write as many nodes as it has phases"
    elif any(node > 3 and (element.ends[0].bus, node) not in earthed for node in element.ends[0].nodes):
        yield "its neutral is at a node that nothing else is connected to, so it floats; connect it to node 0 or a neutral"


def _used(element: Element, end: int) -> list[int]:
    """The phases among the nodes of a terminal; a delta winding has a node too many."""
    return [phase for phase in phases_of(element, end) if phase]


def is_left_out(element: Element) -> bool:
    """Whether a line is open at all phases of an end: an open switch."""
    return any(n == element.n_phases for n in element.open_ends)


def is_series(element: Element) -> bool:
    """Whether a capacitor or reactor lies between two buses, and not between a bus and earth."""
    return len(element.ends) == 2 and element.ends[0].bus != element.ends[1].bus and any(phases_of(element, 1))
