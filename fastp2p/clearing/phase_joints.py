"""Voltage rows that others imply: those of joints in a cable, where nobody injects and nothing forks.

Along such a chain squared voltages of LinDist3Flow lie on a line, where the branches have one impedance per length. So a joint
keeps its limits where both ends of the chain do. Most buses of real feeders are joints, and every row that is left out makes
LPs smaller.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.lindist3flow import phase_model
from fastp2p.grid.network import Network
from fastp2p.kernels.grid.structs import LinearPhases

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STRAIGHT = 1e-12
"""How far an impedance may be from its share of the chain's, relative to that."""


class Joints(NamedTuple):
    """Buses inside of chains with one impedance per length.

    Attributes
    ----------
    bus, above, below : (n,) int64
        Each of them, and the ends of its chain towards the external grid and away from it.
    share : (n,) float64
        Of the chain's impedance, what lies above it.
    """

    bus: Ints
    above: Ints
    below: Ints
    share: Floats


def find_joints(network: Network, bus: Ints) -> Joints:
    """Those between the buses `bus`, where somebody injects."""
    model = phase_model(network, bus)
    parent, first, turn_of = model.linear.parent, model.linear.first, model.linear.turn_of
    impedance = full_impedances(model.linear)
    found: list[tuple[int, int, int, float]] = []
    for e in np.flatnonzero((parent != -1) & (turn_of == -1)).tolist():
        up, last = parent[e], first[e + 1] - 1
        if parent[up] == -1 and turn_of[up] != -1:  # an external grid with an impedance: no row holds its voltage
            continue
        along = np.cumsum(impedance[first[e] : last + 1], axis=0)
        whole = along[-1]
        share = along @ whole / (whole @ whole)
        off = np.abs(along - share[:, None] * whole).max(axis=1)
        straight = (off <= STRAIGHT * np.abs(whole).max()) & (share >= 0.0) & (share <= 1.0)
        for k in np.flatnonzero(straight[:-1]).tolist():
            found.append((*model.order[[first[e] + k, first[up + 1] - 1, last]].tolist(), float(share[k])))
    places: Ints = np.ascontiguousarray(np.array([one[:3] for one in found], np.int64).reshape(-1, 3).T)
    return Joints(places[0], places[1], places[2], np.array([one[3] for one in found], np.float64))


def full_impedances(linear: LinearPhases) -> Floats:
    """(n_bus, 4) by place, the numbers of the impedance to the parent; (n_bus, 22) where some are matrices."""
    if not len(linear.general):
        return linear.coefficient
    matrix = np.append(linear.general, np.zeros((1, 18)), axis=0)[linear.general_of]
    return np.append(linear.coefficient, matrix, axis=1)
