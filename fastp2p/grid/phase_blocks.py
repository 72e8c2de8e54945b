"""Blocks of branches whose phases are not alike: matrices of nine numbers beside the circulant ones of `phase_feeder`."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.network import Network
from fastp2p.grid.zero_sequence import ALL_PHASES, ZeroSequence, bits_of, phase_text

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Complexes = NDArray[np.complex128]

ONE = np.eye(3, dtype=np.complex128)
TURN = np.exp(2j * np.pi / 3.0)
OF_SEQUENCES = np.array([[1, 1, 1], [1, TURN**2, TURN], [1, TURN, TURN**2]])
"""Voltages of the phases a, b, c from those of the zero, positive and negative sequence."""


class General(NamedTuple):
    """What is not circulant, by place, (n_bus, 3, 3) complex128 each; zero where all is.

    Attributes
    ----------
    series : impedance of the branch to the parent, as seen from the child.
    far, near : shunts of that branch, at the child's end and the parent's.
    shunt : all shunts at the bus.
    is_series : (n_bus,) bool
        Whether the branch is given by a matrix.
    """

    series: Complexes
    far: Complexes
    near: Complexes
    shunt: Complexes
    is_series: Bools

    @property
    def is_any(self) -> Bools:
        """Whether a place has anything general: its branch or the shunts at the bus."""
        return np.logical_or(self.is_series, self.shunt.any(axis=(1, 2)))

    @property
    def has_ends(self) -> Bools:
        """Whether the branch has shunts that are general."""
        return np.logical_or(self.far.any(axis=(1, 2)), self.near.any(axis=(1, 2)))


def general_faults(network: Network, zero: ZeroSequence) -> list[str]:
    """What does not fit together where phases are not alike: of a radial network."""
    if zero.is_plain:
        return []
    tree, names, own = network.tree, network.branch_name, zero.branch_phases
    is_matrix = zero.matrix_of != -1
    faults = [
        f"{name} is given by a matrix; it cannot turn all phases (shift_rad) or stop the zero sequence (to_ground) besides"
        for name in names[is_matrix & (zero.to_ground | (network.shift_rad != 0.0))].tolist()
    ]
    for bus in tree.order[tree.parent[tree.order] != -1].tolist():
        branch, up = tree.parent_branch[bus], tree.parent[bus]
        has, above, through = int(zero.phases[bus]), int(zero.phases[up]), int(own[branch])
        if through & ~above:
            faults.append(f"{names[branch]} has phases {phase_text(through)}, but {_bus(network, up)} has {phase_text(above)}")
        if through != has:
            faults.append(f"{_bus(network, bus)} has phases {phase_text(has)}, but {names[branch]} feeds {phase_text(through)}")
    lacks = (zero.phases != ALL_PHASES) & (network.bus_shunt_pu != 0.0)
    return faults + [
        f"{_bus(network, bus)} has a shunt of three phases (bus_shunt_pu), but phases {phase_text(zero.phases[bus])} alone"
        for bus in np.flatnonzero(lacks).tolist()
    ]


def _bus(network: Network, bus: int) -> str:
    return f"bus {network.bus_id[bus]}"


def absent_faults(network: Network, bus: Ints, injection_kw: Floats, injection_kvar: Floats) -> list[str]:
    """Injections (..., n_columns, 3) on phases that their bus lacks."""
    if network.zero is None or network.zero.is_plain:
        return []
    busy = (injection_kw != 0.0) | (injection_kvar != 0.0)
    wrong = busy.any(axis=tuple(range(busy.ndim - 2))) & ~network.zero.has_phase[bus]
    return [
        f"there is an injection on phase {phase_text(int(bits_of(wrong[column])))} of {_bus(network, bus[column])}, which has "
        f"{phase_text(network.zero.phases[bus[column]])} alone"
        for column in np.flatnonzero(wrong.any(axis=1)).tolist()
    ]


def general_blocks(network: Network, zero: ZeroSequence, order: Ints, parent: Ints, branch: Ints) -> General:
    """The matrices of a network, by place; see `phase_feeder._places`, which leaves these branches out."""
    n = network.n_bus
    series, far, near = np.zeros((3, n, 3, 3), np.complex128)
    row = np.append(zero.matrix_of, -1)[branch]
    at = np.flatnonzero(row != -1)
    from_child = (network.tree.parent_sign[order][at] > 0.0)[:, None, None]
    ratio = zero.matrix_ratio[row[at]]
    square = ratio[:, :, None] * ratio[:, None, :]
    series[at] = zero.matrix_series_pu[row[at]] * np.where(from_child, square, 1.0)
    at_from, at_to = zero.matrix_from_shunt_pu[row[at]] / square, zero.matrix_to_shunt_pu[row[at]]
    near[at], far[at] = np.where(from_child, at_to, at_from), np.where(from_child, at_from, at_to)
    shunt = zero.bus_matrix_pu[order] + far
    np.add.at(shunt, parent[at], near[at])
    return General(series, far, near, shunt, row != -1)


def circulant(blocks: Complexes) -> Complexes:
    """(n, 3, 3) from the zero and the positive sequence (n, 2)."""
    mutual = (blocks[:, 0] - blocks[:, 1]) / 3.0
    return blocks[:, 1, None, None] * ONE + mutual[:, None, None]
