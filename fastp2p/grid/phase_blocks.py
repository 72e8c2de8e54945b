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
ALIKE = 1e-13
"""How far currents at both ends of a chain of π may differ, relative to them, and still be called alike: rounding."""


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


class Chains(NamedTuple):
    """What general chains turn, by the place at their end.

    Attributes
    ----------
    turn_of : (n_bus,) int64
        Row of `turn`; -1 where currents are the same at both ends.
    turn : list of two (3, 3) complex128
        Of voltages downwards, which is one, and of currents upwards.
    """

    turn_of: Ints
    turn: list[tuple[Complexes, Complexes]]


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
    wrong = busy.reshape(-1, len(bus), 3).any(axis=0) & ~network.zero.has_phase[bus]
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


def join_matrices(series: list[Complexes], shunts: list[Complexes]) -> tuple[Complexes, Complexes, Complexes, Complexes]:
    """One branch for a chain of them, seen from above: impedance, shunts at its lower and upper end, and what it turns.

    From V_c = T V_m - Z J and I_m = R J + M V_m at a bus m inside, and V_m = V_u - Z_u I_m, with N = (1 + Z_u M)⁻¹, follow
    V_c = T N V_u - (Z + T N Z_u R) J and I_u = (R - M N Z_u R) J + M N V_u. At the end a shunt Y = Z⁻¹ (1 - T) at the lower end
    makes T one: matrices do not commute, so that R, the current above by that below, need not be one then.

    Parameters
    ----------
    series : (n + 1) of (3, 3) complex128
        Impedances from the lower end upwards.
    shunts : (n) of (3, 3) complex128
        At the buses between them.

    Returns
    -------
    series, lower, upper, turn : (3, 3) complex128
    """
    z: Complexes = series[0]
    down, up, carried = ONE, ONE, np.zeros((3, 3), np.complex128)
    for upper, shunt in zip(series[1:], shunts, strict=True):
        middle = shunt + carried
        if not middle.any():
            z, carried = z + down @ upper @ up, middle
            continue
        narrowed = np.linalg.inv(ONE + upper @ middle)
        carried = middle @ narrowed
        down = down @ narrowed
        z, up = z + down @ upper @ up, up - carried @ upper @ up
    if (down == ONE).all():
        return z, np.zeros((3, 3), np.complex128), carried, up
    z_filled = z + np.diag(np.diagonal(z) == 0.0)  # of phases that the chain lacks nothing comes back
    lower, z = (np.asarray(np.linalg.solve(*of), np.complex128) for of in ((z_filled, ONE - down), (down, z)))
    return z, lower, carried - up @ lower, up + up @ lower @ z


def join_general(
    parent: Ints, general: General, sequences: tuple[Complexes, Complexes], inner: Bools, joined: tuple[Complexes, Complexes]
) -> tuple[tuple[Complexes, Complexes], Bools, Chains]:
    """Chains with anything general in them, for buses that are kept.

    Parameters
    ----------
    parent : (n_bus,) int64
    general : General
    sequences : two (n_bus, 2) complex128
        Impedances and shunts of what is circulant.
    inner : (n_bus,) bool
    joined : two (n_bus, 2) complex128
        What of them `phase_feeder._join_chains` made of chains that are all circulant, zero for others.

    Returns
    -------
    series and shunt : two (n_bus, 3, 3) complex128
        Of the places that are kept, whether circulant or not.
    is_general : (n_bus,) bool
        Which of them are not.
    chains : Chains
    """
    own, middle = circulant(sequences[0]) + general.series, circulant(sequences[1]) + general.shunt
    series, shunt = circulant(joined[0]), circulant(joined[1]) + general.shunt
    is_general = general.is_any
    turns: list[tuple[Complexes, Complexes]] = []
    turn_of = np.full(len(parent), -1, np.int64)
    mixed = mixed_chains(parent, general, inner)
    for i in np.flatnonzero(mixed).tolist():
        along, at = [i], int(parent[i])
        while at != -1 and inner[at]:  # ends: every step goes up the tree
            along.append(at)
            at = int(parent[at])
        series[i], lower, upper, turn = join_matrices([own[k] for k in along], [middle[k] for k in along[1:]])
        shunt[i] += lower
        shunt[at] += upper
        is_general[i] = True
        is_general[at] |= bool(upper.any())
        if np.abs(turn - ONE).max() > ALIKE:
            turn_of[i] = len(turns)
            turns.append((ONE, turn))
    return (series, shunt), is_general, Chains(turn_of, turns)


def mixed_chains(parent: Ints, general: General, inner: Bools) -> Bools:
    """(n_bus,) whether a bus that is kept ends a chain with a matrix in it, of a branch or of a bus inside."""
    is_mixed = general.is_series.copy()
    if not general.is_any.any():
        return is_mixed
    for i in np.flatnonzero(~inner & (parent != -1)).tolist():
        at = int(parent[i])
        while at != -1 and inner[at]:  # ends: every step goes up the tree
            is_mixed[i] |= general.is_series[at] or general.shunt[at].any()
            at = int(parent[at])
    return is_mixed & ~inner
