"""LinDist3Flow, the linear form of a three-phase AC power flow on a tree, for many books."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.grid.feeder import feeder_of
from fastp2p.grid.lindistflow import LinearFlow, linear_model, unloaded_slack_kw
from fastp2p.grid.network import Network
from fastp2p.grid.phase_blocks import TURN
from fastp2p.grid.phase_feeder import phase_feeder
from fastp2p.grid.phases import checked_phases, phasors, summarise_phases
from fastp2p.kernels.grid.lindist3flow import N_VALUES, linear_phase_states
from fastp2p.kernels.grid.structs import LinearPhases

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]

BOOKS_PER_BLOCK = 64
"""Books that a kernel does at a time."""


TWICE = 2.0 * 3.0
"""Twice, for squares, in the unit of a phase: a third of 1 kVA."""
CONJ_GAMMA: Complexes = TURN ** ((np.arange(3)[:, None] - np.arange(3)) % 3)
"""conj(γ_φψ), of the ratios of balanced voltages."""


class PhaseModel(NamedTuple):
    """The linear model of a network's conductors, for injections at some buses.

    Attributes
    ----------
    order : (n_bus,) int64
        Bus of each place.
    branch : (n_bus,) int64
        Branch of each place to its parent; -1 at external grids.
    linear : LinearPhases
    mixing : (n_mixing,) int64
        Ends that are the places below transformers that mix phases: the conductors at their two sides carry different powers.
    above : (n_ends,) bool
        Ends above them.
    """

    order: Ints
    branch: Ints
    linear: LinearPhases
    mixing: Ints
    above: NDArray[np.bool_]


class PhaseLinearFlows(NamedTuple):
    """What the linear model says of some books: a column for each conductor, the phases of a branch or bus side by side.

    Attributes
    ----------
    kw, kvar : (n_books, 3 n_branch) float64
        Flows from `from_bus` to `to_bus` at the end away from the external grid.
    square : (n_books, 3 n_bus) float64
        Squared voltages, p.u.
    near_kw, near_kvar : (n_books, 3 n_mixing) float64
        Flows of transformers that mix phases at their ends towards the external grid; constants are those of the other end.
    """

    kw: Floats
    kvar: Floats
    square: Floats
    near_kw: Floats
    near_kvar: Floats


def lindist3flow(
    network: Network, injection_kw: ArrayLike, injection_kvar: ArrayLike = 0.0, *, bus: ArrayLike | None = None
) -> LinearFlow:
    """Linear three-phase power flow of a radial network around its state without injections.

    Parameters
    ----------
    network, injection_kw, injection_kvar, bus : as for `phase_flow`

    Returns
    -------
    LinearFlow
        Its arrays have a last axis more, the phases a, b, c; flows are those at the end away from the external grid. A phase
        that a bus lacks has no voltage (NaN), and no flow.

    Raises
    ------
    InputError
        As `phase_flow`.

    Notes
    -----
    Gan and Low 2014, Convex relaxations and linear approximation for optimal power flow in multiphase radial networks:
    |V_φ|² of a bus is less than that of its parent by 2 Re Σ_ψ Z_φψ conj(γ_φψ S_ψ), with γ the ratios of balanced voltages.
    """
    at, p, q = checked_phases(network, injection_kw, injection_kvar, bus)
    flows = linear_phase_flows(network, phase_model(network, at), p, q)
    square = flows.square.reshape(len(p), network.n_bus, 3)
    if network.zero is not None and not network.zero.is_plain:
        square[:, ~network.zero.has_phase] = np.nan
    kw, kvar = (one.reshape(len(p), network.n_branch, 3) for one in (flows.kw, flows.kvar))
    return LinearFlow(np.sqrt(np.where(square >= 0.0, square, np.nan)), kw, kvar)


def phase_model(network: Network, bus: Ints, dc: bool = False) -> PhaseModel:
    """The linear model for injections at some buses, made once; with `dc` of active power alone.

    The constants of that are those of `Network.constant_kw`.
    """
    return _phase_model(network, bus.tobytes(), dc)


@lru_cache(maxsize=8)
def _phase_model(network: Network, bus: bytes, dc: bool) -> PhaseModel:
    feeder = phase_feeder(network, np.frombuffer(bus, np.int64))
    assert network.zero is not None
    bits = network.zero.phases.astype(np.int64)
    every, order = feeder.every, feeder.order
    kept = _ends(every.parent, every.turn_of, feeder.column)
    number = np.full(len(order) + 1, -1, np.int64)
    number[kept] = np.arange(len(kept))
    turn_of, parent = every.turn_of[kept], number[every.parent[np.append(0, kept[:-1] + 1)]]
    is_root = parent == -1
    turn, is_tap = _turns(every.turn, turn_of, is_root, dc)
    general = TWICE * every.general[:, :18].view(np.complex128).reshape(-1, 3, 3) * CONJ_GAMMA
    turns = (turn_of != -1) & ~is_root
    mixes = turns & ~np.append(is_tap, False)[turn_of]
    carries, above = np.zeros((2, len(parent)), bool)
    for e in range(len(parent) - 1, -1, -1):
        if not is_root[e]:
            carries[parent[e]] |= carries[e] | turns[e]
            above[parent[e]] |= above[e] | mixes[e]
    linear = LinearPhases(
        parent, feeder.column[kept], turn_of, carries, np.append(0, kept + 1), TWICE * every.coefficient[:, :4],
        every.general_of, general.reshape(-1, 9).view(np.float64), turn.reshape(-1, 18).view(np.float64),
        bits[order], _constants(network, dc)[order],
    )  # fmt: skip
    return PhaseModel(order, network.tree.parent_branch[order], linear, np.flatnonzero(mixes), above)


def _ends(parent: Ints, turn_of: Ints, column: Ints) -> Ints:
    """Places of the ends of chains (`LinearPhases`), in depth-first order: a chain ends where the next one begins."""
    below = np.flatnonzero(parent != -1)
    is_end = (column != -1) | (parent == -1) | (turn_of != -1)
    is_end |= np.bincount(parent[below], minlength=len(parent)) != 1
    is_end[parent[below[turn_of[below] != -1]]] = True
    return np.flatnonzero(is_end)


def _turns(blocks: Floats, turn_of: Ints, is_root: NDArray[np.bool_], dc: bool) -> tuple[Complexes, NDArray[np.bool_]]:
    """`LinearPhases.turn` (n_turns, 2, 3, 3), from the blocks of a `PhaseTree`; and which only scale voltages of each phase."""
    turn, is_tap, phase = np.zeros((len(blocks), 2, 3, 3), np.complex128), np.zeros(len(blocks), bool), np.arange(3)
    for e in np.flatnonzero(turn_of != -1).tolist():
        seen = blocks[turn_of[e], :18].view(np.complex128).reshape(3, 3) * CONJ_GAMMA
        if is_root[e]:
            turn[turn_of[e], 0] = TWICE * seen
            continue
        # of balanced voltages; in an order that gives all phases the same where the block is circulant
        ratio = (seen[phase, phase] + seen[phase, (phase - 1) % 3] + seen[phase, (phase - 2) % 3])[:, None]
        is_tap[turn_of[e]] = (seen == np.diag(np.diag(seen))).all()
        mixed = np.eye(3) if is_tap[turn_of[e]] else seen / ratio
        turn[turn_of[e]] = (mixed.T.real if dc else mixed.T), np.abs(ratio) ** 2 * mixed
    return turn, is_tap


def _constants(network: Network, dc: bool) -> Floats:
    """(n_bus, 9) by bus, P and Q of each conductor to the parent, and |V|² of each phase, without injections."""
    tree, zero = network.tree, network.zero
    assert zero is not None
    if dc:
        kw = np.where(tree.parent == -1, 0.0, tree.parent_sign * np.append(network.constant_kw, 0.0)[tree.parent_branch])
        of_phase = np.where(zero.has_phase, kw[:, None] / zero.has_phase.sum(axis=1, keepdims=True), 0.0)
        return np.concatenate([of_phase, np.zeros_like(of_phase), np.ones_like(of_phase)], axis=1)
    if zero.is_plain:
        linear = linear_model(network)[feeder_of(network).place]
        return np.repeat(np.append(linear[:, 3:5] / 3.0, linear[:, 5:], axis=1), 3, axis=1)
    return unloaded_state(network)[0]


@lru_cache(maxsize=8)
def unloaded_state(network: Network) -> tuple[Floats, float]:
    """`_constants` of the AC power flow in which nobody injects, and what the external grids feed in then, kW.

    NaN where it has no solution, which `clearing.limits.limit_faults` refuses.
    """
    nowhere, nothing = np.empty(0, np.int64), np.empty((1, 0, 3))
    feeder = phase_feeder(network, nowhere)
    summary, n_iterations = summarise_phases(network, nowhere, nothing, nothing)
    voltage, current = phasors(network, feeder, nothing, nothing, n_iterations)
    v, up = voltage[0], np.zeros((network.n_bus, 3), np.complex128)
    up[feeder.order] = current[1, 0, 0] + 1j * current[1, 1, 0]
    power = -v * np.conj(up) / 3.0
    return np.concatenate([power.real, power.imag, np.abs(v) ** 2], axis=1), float(summary.slack_kw.sum())


def unloaded_phases_kw(network: Network) -> float:
    """What the external grids feed in where nobody injects anything."""
    is_plain = network.zero is None or network.zero.is_plain
    return unloaded_slack_kw(network) if is_plain else unloaded_state(network)[1]


def linear_phase_flows(network: Network, model: PhaseModel, injection_kw: Floats, injection_kvar: Floats) -> PhaseLinearFlows:
    """Flows of conductors and squared voltages of injections (n_books, n_columns, 3) at the model's buses."""
    linear, n_books = model.linear, len(injection_kw)
    state = np.empty((3, n_books, network.n_bus, 3))
    linear_phase_states(injection_kw, injection_kvar, linear, work_space(model, n_books), state)
    place, child = np.empty(network.n_bus, np.int64), np.empty(network.n_branch, np.int64)
    place[model.order] = np.arange(network.n_bus)
    below = np.flatnonzero(model.branch >= 0)
    child[model.branch[below]] = below
    sign = network.tree.parent_sign[model.order]
    kw, kvar = ((sign[child][:, None] * of[:, child]).reshape(n_books, 3 * network.n_branch) for of in state[:2])
    at = linear.first[model.mixing + 1] - 1
    behind = state[0][:, at] - linear.constant[at, :3] + 1j * (state[1][:, at] - linear.constant[at, 3:6])
    mixed = linear.turn[linear.turn_of[model.mixing]].view(np.complex128).reshape(-1, 2, 3, 3)[:, 0]
    near = np.empty_like(behind)
    for f in range(3):
        near[..., f] = sum(mixed[:, f, g] * behind[..., g] for g in range(3))
    near = sign[at][:, None] * (near + linear.constant[at, :3] + 1j * linear.constant[at, 3:6])
    square = state[2][:, place].reshape(n_books, 3 * network.n_bus)
    return PhaseLinearFlows(kw, kvar, square, *(one.reshape(n_books, 3 * len(at)) for one in (near.real, near.imag)))


def work_space(model: PhaseModel, n_books: int) -> Floats:
    """What kernels work on: a line for each end of a chain, no wider than the books are many."""
    return np.empty((len(model.linear.parent), N_VALUES, min(BOOKS_PER_BLOCK, max(1, n_books))))
