"""Which places of LinDist3Flow the screen looks at: those whose limits tell of all others, where the base breaks none.

Places of a chain carry the same power but for constants, and where its branches have one impedance per length, squared voltages
lie on a line between those of its ends. So a place between two that are looked at keeps its limits where these do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.phase_joints import full_impedances
from fastp2p.grid.chains import telling_members
from fastp2p.grid.lindist3flow import PhaseModel
from fastp2p.grid.linear_contraction import find_bends
from fastp2p.grid.network import Network
from fastp2p.kernels.clearing.limits import Bounds
from fastp2p.kernels.grid.structs import LinearPhases

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


def telling_places(network: Network, model: PhaseModel, bounds: Bounds, dc: bool) -> Bools:
    """(n_bus,) by place, whether the screen must look at it.

    Parameters
    ----------
    network : Network
    model : PhaseModel
    bounds : Bounds
        By place, as `screen_phases` takes them.
    dc : bool
        Whether only active power counts.
    """
    linear = model.linear
    first, parent, constant = linear.first, linear.parent, linear.constant
    has_band, impedance = network.has_band[model.order], full_impedances(linear)
    looks = np.isfinite(bounds.lower_kw) | np.isfinite(bounds.upper_kw)
    looks[first[1:] - 1] = True
    looks[:-1] |= (linear.general_of[1:] >= 0) != (linear.general_of[:-1] >= 0)  # so that impedances can be added
    for e in np.flatnonzero((parent != -1) & (np.diff(first) > 1)).tolist():
        chain, up = np.arange(first[e], first[e + 1]), int(first[parent[e] + 1]) - 1
        phases = int(linear.phases[chain[-1]])
        if (linear.phases[chain] != phases).any():
            looks[chain] = True
            continue
        looks[chain[telling_members(constant[chain, : 3 if dc else 6], bounds.most_kva[chain])]] = True
        if dc:
            continue
        place, way = (
            np.append(up, chain),
            np.concatenate([np.zeros((1, impedance.shape[1])), np.cumsum(impedance[chain], axis=0)]),
        )
        counts = has_band[place]
        counts[0] |= parent[parent[e]] == -1 and linear.turn_of[parent[e]] == -1  # an external grid keeps its own voltage
        unloaded = constant[place, 6:9][:, (phases >> np.arange(3) & 1) == 1]
        corners = np.flatnonzero(np.append(True, looks[chain]) | ~counts)
        looks[place[find_bends(way, unloaded, has_band[place], counts, corners)]] = True
    return looks


def merge_places(linear: LinearPhases, looks: Bools) -> LinearPhases:
    """The model with the places that are looked at, the impedances of those above each added to its own."""
    place = np.flatnonzero(looks)
    begin = np.append(0, place[:-1] + 1)
    has_matrix = linear.general_of >= 0
    matrix = np.append(linear.general, np.zeros((1, 18)), axis=0)[linear.general_of]
    general, general_of = np.add.reduceat(matrix, begin), has_matrix[place]
    return linear._replace(
        first=np.append(0, np.cumsum(looks))[linear.first],
        coefficient=np.add.reduceat(linear.coefficient, begin),
        general_of=np.where(general_of, np.cumsum(general_of) - 1, -1),
        general=general[general_of],
        phases=linear.phases[place],
        constant=linear.constant[place],
    )
