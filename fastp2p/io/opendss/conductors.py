"""Admittances of elements between the phases a, b, c of their ends: neutrals left out, those that float eliminated."""

from __future__ import annotations

from collections import Counter

import numpy as np
from numpy.typing import NDArray

from fastp2p.io.opendss.circuit import Circuit, Element

Complexes = NDArray[np.complex128]
Nodes = set[tuple[str, int]]


def shared_neutrals(circuit: Circuit) -> Nodes:
    """Nodes that are no phase, (bus, node), to which several elements are connected: they are taken as earthed.

    A neutral that belongs to one element alone floats, or is earthed through an impedance of that element.
    """
    count: Counter[tuple[str, int]] = Counter()
    for elements in circuit.elements.values():
        for element in elements:
            count.update({(end.bus, node) for end in element.ends for node in end.nodes if node > 3})
    return {node for node, n in count.items() if n > 1}


def phases_of(element: Element, end: int) -> list[int]:
    """The phases, 1 to 3, that a terminal is connected to, in the order of its conductors; 0 for any other node."""
    return [node if 1 <= node <= 3 else 0 for node in element.ends[end].nodes]


def phase_admittance(element: Element, earthed: Nodes) -> Complexes:
    """(3 n, 3 n) admittance between the phases of its n terminals, siemens; zero where it has none."""
    y, places = element.y, list[int]()
    for at, end in enumerate(element.ends):
        for node in end.nodes:
            is_earth = node == 0 or (end.bus, node) in earthed
            places.append(-1 if is_earth else 3 * at + node - 1 if node <= 3 else -2)
    place = np.array(places)
    floats, kept = np.flatnonzero(place == -2), np.flatnonzero(place >= 0)
    own = y[np.ix_(kept, kept)]
    for one in floats:  # each stands alone
        if y[one, one] != 0.0:
            own = own - np.outer(y[kept, one], y[one, kept]) / y[one, one]
    result = np.zeros((3 * len(element.ends),) * 2, np.complex128)
    np.add.at(result, np.ix_(place[kept], place[kept]), own)
    return result


def has_neutral(element: Element) -> bool:
    """Whether a line has a conductor besides its phases."""
    return any(not 1 <= node <= 3 for end in element.ends for node in end.nodes)
