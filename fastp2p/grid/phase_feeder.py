"""The three-phase model of a radial network: its blocks in depth-first order, and the few buses that sweeps need."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import refuse
from fastp2p.grid.feeder import ac_faults
from fastp2p.grid.network import Network
from fastp2p.grid.phase_blocks import OF_SEQUENCES, General, circulant, general_blocks, general_faults
from fastp2p.grid.phase_chains import ALIKE, Blocks, Contraction, contract, losses_of
from fastp2p.grid.phase_inside import current_groups, inner_places, voltage_groups
from fastp2p.grid.ratings import percent_per_kva
from fastp2p.grid.zero_sequence import ZeroSequence
from fastp2p.kernels.grid.phase_structs import PhaseInside, PhasePlaces
from fastp2p.kernels.grid.structs import PhaseLimits, PhaseTree, Tree

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]


class PhaseFeeder(NamedTuple):
    """The trees that a network's three-phase power flows run on, for injections at some buses.

    Attributes
    ----------
    order : (n_bus,) int64
        Bus of each place: depth-first, so that a sweep finds the rows of a bus where it has just left those of its neighbour.
    few, column_of_few, few_limits, inside
        As for `fastp2p.kernels.grid.phases.audit_phases`.
    places, every, column, limits
        As for `fastp2p.kernels.grid.phases.flow_phases`.
    """

    order: Ints
    few: PhaseTree
    column_of_few: Ints
    few_limits: PhaseLimits
    inside: PhaseInside
    places: PhasePlaces
    every: PhaseTree
    column: Ints
    limits: PhaseLimits


class _Places(NamedTuple):
    """The branch to the parent of every place, in the zero and the positive sequence, (n_bus, 2) complex128 each.

    Zero where a branch is given by a matrix (`general`).
    """

    order: Ints
    parent: Ints
    branch: Ints
    series: Complexes
    shunt: Complexes
    near: Complexes
    far: Complexes
    general: General


def phase_faults(network: Network) -> list[str]:
    """Why there is no three-phase power flow of a network, if there is none; found once, since every batch asks."""
    return list(_phase_faults(network))


@lru_cache(maxsize=8)
def _phase_faults(network: Network) -> list[str]:
    if network.zero is None:
        return ["the network has one phase; load it with phases=3 for its zero-sequence model"]
    faults = ac_faults(network)
    if not network.is_radial or faults:
        return faults
    upward = network.tree.parent_sign[network.tree.order] > 0.0
    branch = network.tree.parent_branch[network.tree.order]
    fed = branch[upward & (branch != -1)]
    fed = fed[network.zero.to_ground[fed]]
    return general_faults(network, network.zero) + [
        f"{name} is fed at its star side; behind its other side, without an earthed neutral, nothing can be connected between "
        "phase and neutral"
        for name in network.branch_name[fed].tolist()
    ]


def phase_feeder(network: Network, bus: Ints) -> PhaseFeeder:
    """The trees of a network for injections at some buses, made once for each choice.

    Raises
    ------
    InputError
        A network of one phase, a meshed one, one without an AC model, or a transformer fed at its star side.
    """
    return _phase_feeder(network, bus.tobytes())


@lru_cache(maxsize=8)
def _phase_feeder(network: Network, bus: bytes) -> PhaseFeeder:
    refuse(phase_faults(network))
    zero = network.zero
    assert zero is not None
    places = _places(network, zero)
    order, parent, general = places.order, places.parent, places.general
    turn_of, turns = _turns(network, zero, places)
    shunt = places.shunt + places.far
    np.add.at(shunt, parent[parent != -1], places.near[parent != -1])
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    column = np.full(len(order), -1, np.int64)
    injecting = np.frombuffer(bus, np.int64)
    column[place[injecting]] = np.arange(len(injecting))
    start = _split(_start(network, places, turn_of, turns))

    blocks = Blocks(
        general.series + circulant(places.series), general.shunt + circulant(shunt), general.far + circulant(places.far),
        general.near + circulant(places.near), np.stack([general.is_series, general.shunt.any(axis=(1, 2))], axis=1),
    )  # fmt: skip
    every = _tree(
        parent, _coefficients(places.series, shunt), (blocks.series, blocks.shunt), general.is_any, (turn_of, turns), start
    )
    alike = (turn_of == -1) & ~_coefficients(places.far, places.near).any(axis=1) & ~general.has_ends
    counts = np.where(network.has_band, zero.phases, 0).astype(np.int64)[order]
    full_ends = _rows(blocks.far, blocks.near)[general.is_any]
    percent = _percent(network, places)
    limits = PhaseLimits(_coefficients(places.far, places.near), full_ends, alike, percent, counts)

    whole = contract(parent, blocks, turn_of != -1, column != -1)
    kept = np.flatnonzero(whole.kept)
    few = _few(whole, kept, (turn_of, turns), start)
    few_limits = _limits_of_few(whole, parent, kept, few, limits)
    losses = losses_of(blocks, whole)[kept]
    is_general = few.general_of != -1
    inside = PhaseInside(
        kept, *_loss_rows(losses, is_general), voltage_groups(whole, counts), current_groups(parent, blocks, whole, percent)
    )
    return PhaseFeeder(order, few, column[kept], few_limits, inside, inner_places(whole), every, column, limits)


def _few(whole: Contraction, kept: Ints, turned: tuple[Ints, list[tuple[Complexes, Complexes]]], start: Floats) -> PhaseTree:
    """The tree of kept places; chains of matrices may turn currents, as transformers do."""
    turn_of, turns = turned[0].copy(), list(turned[1])
    joined = whole.blocks
    is_general = np.logical_or(joined.is_matrix[:, 0], joined.is_matrix[:, 1])
    for i in np.flatnonzero(is_general & (np.abs(whole.turn - np.eye(3)).max(axis=(1, 2)) > ALIKE)).tolist():
        turn_of[i] = len(turns)
        turns.append((np.eye(3, dtype=np.complex128), whole.turn[i]))
    number = np.cumsum(whole.kept) - 1
    above = whole.above[kept]
    series, shunt = joined.series[kept], joined.shunt[kept]
    return _tree(
        np.where(above == -1, -1, number[above]), np.concatenate([_alike_parts(series), _alike_parts(shunt)], axis=1),
        (series, shunt), is_general[kept], (turn_of[kept], turns), start[kept],
    )  # fmt: skip


def _limits_of_few(whole: Contraction, parent: Ints, kept: Ints, few: PhaseTree, limits: PhaseLimits) -> PhaseLimits:
    """Those of kept places: of a chain without shunts all branches have one current, and the smallest limit tells."""
    joined, top = whole.blocks, whole.top
    alike, percent = limits.alike.copy(), limits.percent.copy()
    most, draws = limits.percent.max(axis=1), np.logical_or(joined.far.any(axis=(1, 2)), joined.near.any(axis=(1, 2)))
    for i in kept[top[kept] != kept].tolist():
        along, at = [i], int(parent[i])
        while whole.inner[at]:  # ends: every step goes up the tree
            along.append(at)
            at = int(parent[at])
        alike[i] = not draws[i] and bool(limits.alike[along].all()) and not whole.current[along, :, :3].any()
        percent[i] = most[along].max() if alike[i] else (limits.percent[top[i], 0], limits.percent[i, 1])
    ends = np.concatenate([_alike_parts(joined.far), _alike_parts(joined.near)], axis=1)[kept]
    general_ends = _rows(joined.far[kept], joined.near[kept])[few.general_of != -1]
    return PhaseLimits(ends, general_ends, alike[kept], percent[kept], limits.counts[kept])


def _loss_rows(losses: Complexes, is_general: NDArray[np.bool_]) -> tuple[Floats, Floats]:
    """`PhaseInside.losses` and `general_losses`, of forms (n_few, 6, 6)."""
    of_v, of_j, of_both = losses[:, :3, :3], losses[:, 3:, 3:], 2.0 * losses[:, :3, 3:]
    real = [_alike_parts(of)[:, ::2] for of in (of_v, of_j)]
    circulants = np.concatenate([*real, _alike_parts(of_both)], axis=1)
    full = np.concatenate([of.reshape(-1, 9) for of in (of_v, of_j, of_both)], axis=1)[is_general]
    return np.where(is_general[:, None], 0.0, circulants), _split(full)


def _alike_parts(blocks: Complexes) -> Floats:
    """(n, 4): of circulant matrices (n, 3, 3), m₁ and m_m, real and imaginary parts."""
    return _split(np.stack([blocks[:, 0, 0] - blocks[:, 0, 1], blocks[:, 0, 1]], axis=1))


def _tree(
    parent: Ints, coefficient: Floats, full: tuple[Complexes, Complexes], is_general: NDArray[np.bool_],
    turned: tuple[Ints, list[tuple[Complexes, Complexes]]], start: Floats,
) -> PhaseTree:  # fmt: skip
    """As kernels take it: the matrices of impedances and shunts where they are general, and those of voltages and currents."""
    general_of = np.where(is_general, np.cumsum(is_general) - 1, -1)
    down, up = (np.array([one[side] for one in turned[1]], np.complex128).reshape(-1, 3, 3) for side in (0, 1))
    return PhaseTree(
        parent, np.where(is_general[:, None], 0.0, coefficient), general_of, _rows(full[0][is_general], full[1][is_general]),
        turned[0], _rows(down, up), start,
    )  # fmt: skip


def _rows(one: Complexes, other: Complexes) -> Floats:
    """(n, 36) of two matrices (n, 3, 3) each: real and imaginary parts of their rows one after the other."""
    return _split(np.concatenate([one.reshape(-1, 9), other.reshape(-1, 9)], axis=1))


def _depth_first(tree: Tree) -> Ints:
    """Buses so that what lies behind a branch comes at once."""
    children: list[list[int]] = [[] for _ in tree.order]
    roots: list[int] = []
    for bus in tree.order[::-1].tolist():
        (roots if tree.parent[bus] == -1 else children[tree.parent[bus]]).append(bus)
    order, left = [], roots
    while left:  # ends: every bus is put in once
        bus = left.pop()
        order.append(bus)
        left += children[bus]
    return np.array(order, np.int64)


def _places(network: Network, zero: ZeroSequence) -> _Places:
    """Series impedances as seen from the child, shunts at the child's (far) and the parent's (near) end, and of the buses.

    A branch is an ideal transformer of ratio t at `from_bus`, behind it a π. From `to_bus` its impedance and the shunts at that
    end are as they are; from `from_bus` the impedance is |t|² times as large, the shunt there |t|² times as small.
    """
    tree, order = network.tree, _depth_first(network.tree)
    place = np.empty(network.n_bus, np.int64)
    place[order] = np.arange(network.n_bus)
    up, branch = tree.parent[order], tree.parent_branch[order]
    below = np.flatnonzero(up != -1)
    of = branch[below]
    series, near, far = np.zeros((3, network.n_bus, 2), np.complex128)
    from_child = (tree.parent_sign[order][below] > 0.0)[:, None]
    square = network.tap_ratio[of][:, None] ** 2
    impedance = network.resistance_pu[of] + 1j * network.reactance_pu[of]
    by_sequences = (zero.matrix_of[of] == -1)[:, None]
    one, at_from, at_to = (
        np.where(by_sequences, np.stack(pair, axis=1), 0.0)
        for pair in (
            (zero.series_pu[of], impedance),
            (zero.from_shunt_pu[of], network.from_shunt_pu[of]),
            (zero.to_shunt_pu[of], network.to_shunt_pu[of]),
        )
    )
    series[below], at_from = one * np.where(from_child, square, 1.0), at_from / square
    near[below], far[below] = np.where(from_child, at_to, at_from), np.where(from_child, at_from, at_to)
    shunt = np.zeros((network.n_bus, 2), np.complex128)
    shunt[:, 1] = network.bus_shunt_pu[order]  # shunts are unearthed, as in pandapower: the zero sequence does not see them
    parent = np.where(up == -1, -1, place[up])
    return _Places(order, parent, branch, series, shunt, near, far, general_blocks(network, zero, order, parent, branch))


def _turns(network: Network, zero: ZeroSequence, places: _Places) -> tuple[Ints, list[tuple[Complexes, Complexes]]]:
    """Blocks of transformers, and of external grids with an impedance: their row, and those of voltages and of currents."""
    tree, order = network.tree, places.order
    ratio = network.tap_ratio * np.exp(1j * network.shift_rad)
    turn_of = np.full(network.n_bus, -1, np.int64)
    turns: list[tuple[Complexes, Complexes]] = []
    grid = {int(bus): row for row, bus in enumerate(network.reference_bus)}
    for i, branch in enumerate(places.branch.tolist()):
        if branch == -1:
            row = grid[int(order[i])]
            block = zero.grid_zero_pu[row], 0.0, zero.grid_negative_pu[row]
            if block == (0.0, 0.0, 0.0):
                continue
            turn = _of_sequences(block)
        elif zero.matrix_of[branch] != -1:
            of_phase = zero.matrix_ratio[zero.matrix_of[branch]]
            if (of_phase == 1.0).all():
                continue
            turn = np.diag(of_phase if tree.parent_sign[order[i]] > 0.0 else 1.0 / of_phase).astype(np.complex128)
        else:
            if ratio[branch] == 1.0 and not zero.to_ground[branch]:
                continue
            t = ratio[branch] if tree.parent_sign[order[i]] > 0.0 else 1.0 / ratio[branch]
            # what passes the zero sequence turns it with the positive one: not at all, or by half a turn
            turn = _of_sequences((0.0 if zero.to_ground[branch] else t.real, t, np.conj(t)))
        turn_of[i] = len(turns)
        turns.append((turn, turn.conj().T))
    return turn_of, turns


def _of_sequences(block: tuple[complex, complex, complex]) -> Complexes:
    """The circulant of values in the zero, positive and negative sequence."""
    column = OF_SEQUENCES @ np.array(block) / 3.0
    return np.array([[column[(f - g) % 3] for g in range(3)] for f in range(3)])


def _start(network: Network, places: _Places, turn_of: Ints, turns: list[tuple[Complexes, Complexes]]) -> Complexes:
    """(n_bus, 3) voltages of the external grids, passed on through transformers."""
    start = np.empty((network.n_bus, 3), np.complex128)
    held = network.slack_vm_pu * np.exp(1j * network.reference_angle_rad)
    place = np.flatnonzero(places.parent == -1)
    row = {int(bus): at for at, bus in enumerate(network.reference_bus)}
    start[place] = np.array([held[row[int(bus)]] for bus in places.order[place]])[:, None] * OF_SEQUENCES[:, 1]
    for i in np.flatnonzero(places.parent != -1).tolist():
        start[i] = start[places.parent[i]]
        if turn_of[i] != -1:
            start[i] = turns[turn_of[i]][0] @ start[i]
    return start


def _coefficients(one: Complexes, other: Complexes) -> Floats:
    """(n, 8): of two blocks of the zero and positive sequence, m₁ and m_m = (m₀ - m₁) / 3 each."""
    parts = np.stack([one[:, 1], (one[:, 0] - one[:, 1]) / 3.0, other[:, 1], (other[:, 0] - other[:, 1]) / 3.0], axis=1)
    return _split(parts)


def _split(value: Complexes) -> Floats:
    """Real and imaginary parts side by side on the last axis."""
    return np.ascontiguousarray(value, np.complex128).view(np.float64)


def _percent(network: Network, places: _Places) -> Floats:
    """(n_bus, 2) loading per p.u. of current of the branch to the parent, at the parent's end and at the child's."""
    percent = np.zeros((network.n_bus, 2))
    below = np.flatnonzero(places.branch != -1)
    branch = places.branch[below]
    of_base = network.rated_kv / network.base_kv[np.stack([network.from_bus, network.to_bus], axis=1)]
    assert network.zero is not None
    thirds = network.zero.n_conductors / 3.0  # a branch with fewer phases has fewer conductors to share its limit
    at = (of_base * (percent_per_kva(network) * thirds)[:, None])[branch]
    from_child = network.tree.parent_sign[places.order][below] > 0.0
    percent[below] = np.where(from_child[:, None], at[:, ::-1], at)
    return percent
