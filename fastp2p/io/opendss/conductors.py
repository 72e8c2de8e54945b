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
    n = 3 * len(element.ends)
    places, floating = list[int](), dict[tuple[str, int], int]()
    for at, end in enumerate(element.ends):
        for node in end.nodes:
            is_earth = node == 0 or (end.bus, node) in earthed
            beyond = floating.setdefault((end.bus, node), n + len(floating)) if node > 3 and not is_earth else -1
            places.append(3 * at + node - 1 if 0 < node <= 3 else beyond)
    place = np.array(places)
    kept = np.flatnonzero(place >= 0)
    whole = np.zeros((n + len(floating),) * 2, np.complex128)
    np.add.at(whole, np.ix_(place[kept], place[kept]), element.y[np.ix_(kept, kept)])
    for one in range(n, len(whole)):  # as the others of an element are not connected to it
        if whole[one, one] != 0.0:
            whole -= np.outer(whole[:, one], whole[one]) / whole[one, one]
    return whole[:n, :n]


def has_neutral(element: Element) -> bool:
    """Whether a line has a conductor besides its phases."""
    return any(not 1 <= node <= 3 for end in element.ends for node in end.nodes)
