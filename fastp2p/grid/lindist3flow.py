"""LinDist3Flow, the linear form of a three-phase AC power flow on a tree, for many books."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.grid.ac import columns_of
from fastp2p.grid.feeder import feeder_of
from fastp2p.grid.lindistflow import LinearFlow, linear_model, unloaded_state
from fastp2p.grid.network import Network
from fastp2p.grid.phase_feeder import TURN, turns_of
from fastp2p.grid.phases import checked_phases
from fastp2p.kernels.grid.lindist3flow import N_VALUES, linear_phase_states
from fastp2p.kernels.grid.structs import LinearPhases

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOOKS_PER_BLOCK = 16
"""Books that a kernel does at a time: twelve values of each at every bus."""


TWICE = 2.0 * 3.0
"""Twice, for squares, in the unit of a phase: a third of 1 kVA."""


class PhaseModel(NamedTuple):
    """The linear model of a network's conductors.

    Attributes
    ----------
    linear : LinearPhases
        In the order of `feeder_of`.
    mixing : (n_mixing,) int64
        Places below the transformers that mix phases: the conductors at their two ends carry different powers.
    near : (n_mixing, 2) float64
        P and Q of each conductor at their ends towards the external grid, without injections.
    """

    linear: LinearPhases
    mixing: Ints
    near: Floats


class PhaseLinearFlows(NamedTuple):
    """What the linear model says of some books: a column for each conductor, the phases of a branch or bus side by side.

    Attributes
    ----------
    kw, kvar : (n_books, 3 n_branch) float64
        Flows from `from_bus` to `to_bus` at the end away from the external grid.
    square : (n_books, 3 n_bus) float64
        Squared voltages, p.u.
    near_kw, near_kvar : (n_books, 3 n_mixing) float64
        Flows of transformers that mix phases at their ends towards the external grid.
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
        Its arrays have a last axis more, the phases a, b, c; flows are those at the end away from the external grid.

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
    flows = linear_phase_flows(network, phase_model(network), at, p, q)
    square = flows.square.reshape(len(p), network.n_bus, 3)
    kw, kvar = (one.reshape(len(p), network.n_branch, 3) for one in (flows.kw, flows.kvar))
    return LinearFlow(np.sqrt(np.where(square >= 0.0, square, np.nan)), kw, kvar)


@lru_cache(maxsize=8)
def phase_model(network: Network, dc: bool = False) -> PhaseModel:
    """The linear model; with `dc` of active power alone, whose constants are those of `Network.constant_kw`."""
    feeder, zero = feeder_of(network), network.zero
    assert zero is not None
    turn_of, first_column = turns_of(network, feeder.order, feeder.branch)
    is_root, branch = feeder.parent == -1, feeder.branch
    series = np.where(is_root, 0.0, zero.series_pu[branch])
    tap = np.where(network.tree.parent_sign[feeder.order] > 0.0, network.tap_ratio[branch] ** 2, 1.0)
    mutual = (series * tap - feeder.series) / 3.0
    coefficient = TWICE * np.stack([feeder.series.real, feeder.series.imag, mutual.real, mutual.imag], axis=1)
    turn = np.zeros((len(first_column), 6), np.complex128)
    for i in np.flatnonzero(turn_of != -1).tolist():
        seen = first_column[turn_of[i]] * TURN ** np.arange(3)
        if is_root[i]:
            turn[turn_of[i], :3] = TWICE * seen
            continue
        ratio = seen.sum()  # of balanced voltages
        mixed = seen / ratio
        turn[turn_of[i]] = np.append(mixed.real if dc else mixed, np.abs(ratio) ** 2 * mixed)
    mixing = np.flatnonzero((turn_of != -1) & ~is_root)
    carries = np.zeros(network.n_bus, bool)
    for i in range(network.n_bus - 1, -1, -1):
        if not is_root[i]:
            carries[feeder.parent[i]] |= carries[i] | (turn_of[i] != -1)
    constant, near = _constants(network, dc)
    linear = LinearPhases(feeder.parent, coefficient, turn_of, np.ascontiguousarray(turn).view(np.float64), constant, carries)
    return PhaseModel(linear, mixing, near[mixing])


def _constants(network: Network, dc: bool) -> tuple[Floats, Floats]:
    """(n_bus, 3) P, Q of each conductor and |V|², and (n_bus, 2) P, Q at the other end of the branch, without injections."""
    feeder = feeder_of(network)
    if dc:
        sign = network.tree.parent_sign[feeder.order]
        kw = np.where(feeder.parent == -1, 0.0, sign * network.constant_kw[feeder.branch]) / 3.0
        return np.stack([kw, np.zeros(len(kw)), np.ones(len(kw))], axis=1), np.stack([kw, np.zeros(len(kw))], axis=1)
    linear, (_, _, near) = linear_model(network), unloaded_state(network)
    thirds = linear[:, 3:5] / 3.0
    return np.append(thirds, linear[:, 5:], axis=1), np.stack([near.real, near.imag], axis=1) / 3.0


def linear_phase_flows(
    network: Network, model: PhaseModel, bus: Ints, injection_kw: Floats, injection_kvar: Floats
) -> PhaseLinearFlows:
    """Flows of conductors and squared voltages of injections (n_books, n_columns, 3)."""
    feeder, n_books = feeder_of(network), len(injection_kw)
    state = np.empty((3, n_books, network.n_bus, 3))
    work = np.empty((network.n_bus, N_VALUES, min(BOOKS_PER_BLOCK, max(1, n_books))))
    linear_phase_states(injection_kw, injection_kvar, columns_of(feeder, bus), model.linear, work, state)
    child = np.empty(network.n_branch, np.int64)  # the place below each branch
    below = np.flatnonzero(feeder.branch >= 0)
    child[feeder.branch[below]] = below
    sign = network.tree.parent_sign[feeder.order]
    kw, kvar = ((sign[child][:, None] * of[:, child]).reshape(n_books, 3 * network.n_branch) for of in state[:2])
    at = model.mixing
    behind = state[0][:, at] - model.linear.constant[at, None, 0] + 1j * (state[1][:, at] - model.linear.constant[at, None, 1])
    mixed = model.linear.turn[model.linear.turn_of[at]].view(np.complex128)[:, :3]
    near = np.empty_like(behind)
    for f in range(3):
        near[..., f] = sum(mixed[:, (g - f) % 3] * behind[..., g] for g in range(3))
    near = sign[at][:, None] * (near + (model.near[:, 0] + 1j * model.near[:, 1])[:, None])
    square = state[2][:, feeder.place].reshape(n_books, 3 * network.n_bus)
    return PhaseLinearFlows(kw, kvar, square, *(one.reshape(n_books, 3 * len(at)) for one in (near.real, near.imag)))
