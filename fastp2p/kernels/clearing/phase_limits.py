"""The screen of three-phase books: which keep every limit of conductors and voltages, as LinDist3Flow has them.

As `kernels.clearing.limits.screen_linear`, phase by phase. Transformers that mix phases are looked at on both sides.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.limits import Bounds, Screen, note_loading, note_power, note_value, screen_row
from fastp2p.kernels.grid.lindist3flow import P, Q, W, linear_phase_block
from fastp2p.kernels.grid.structs import LinearPhases
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class NearEnds(NamedTuple):
    """The ends towards the external grid of transformers that mix phases.

    Attributes
    ----------
    place : (n_mixing,) int64
        Below each transformer.
    constant : (n_mixing, 2) float64
        P and Q of each conductor there without injections.
    """

    place: Ints
    constant: Floats


@kernel
def screen_phases(
    floor: tuple[Floats, Floats], full: tuple[Floats, Floats], column: Ints, model: LinearPhases, ends: NearEnds,
    bounds: Bounds, face: Floats, tolerance: float, work: Floats, screen: Screen,
) -> None:  # fmt: skip
    """Which books break a limit before any trade, and which with all of them.

    Parameters
    ----------
    floor, full : (n_books, n_columns, 3) float64, kW and kvar
        Injections without and with all trades and exports.
    column, model : as for `kernels.grid.lindist3flow.linear_phase_states`
    ends : NearEnds
    bounds : Bounds
        Of each place: of the sum of its phases' active powers towards the parent, of the apparent power of one conductor, and
        of the squared voltage of one phase.
    face : (n_faces, 2) float64
        As for `screen_linear`; one face of active power alone is as good.
    tolerance : float
        Relative to the limit, absolute below 1.
    work : (2, n_bus, N_VALUES, block) float64
        Work space.
    screen : Screen
        Output but for `slack_kw`; loading is the largest of any conductor.
    """
    lower_kw, upper_kw, limit, least_v2, most_v2 = bounds
    parent, place = model.parent, ends.place
    block = work.shape[3]
    before, after = work[0], work[1]
    excess, total, near = np.empty(block), np.empty((2, block)), np.empty((2, 6, block))
    for first in range(0, len(full[0]), block):
        size = min(block, len(full[0]) - first)
        linear_phase_block(floor[0], floor[1], column, model, first, size, before)
        linear_phase_block(full[0], full[1], column, model, first, size, after)
        worst = screen.loading_percent[first : first + size]
        worst[:] = 0.0
        excess[:] = 0.0
        for i in range(len(parent)):
            if parent[i] == -1:
                continue
            for f in range(3):
                note_value(least_v2[i], most_v2[i], tolerance, before[i, W + f], after[i, W + f], excess)
                if limit[i] < np.inf:
                    _note_conductor(limit[i], face, tolerance, before[i], after[i], f, excess, worst)
            if lower_kw[i] > -np.inf or upper_kw[i] < np.inf:
                for k in range(block):
                    total[0, k] = before[i, P, k] + before[i, P + 1, k] + before[i, P + 2, k]
                    total[1, k] = after[i, P, k] + after[i, P + 1, k] + after[i, P + 2, k]
                note_value(lower_kw[i], upper_kw[i], tolerance, total[0], total[1], excess)
        for t in range(len(place)):
            if limit[place[t]] < np.inf:
                _near_powers(model, ends, t, before, near[0])
                _near_powers(model, ends, t, after, near[1])
                for f in range(3):
                    _note_conductor(limit[place[t]], face, tolerance, near[0], near[1], f, excess, worst)
        for k in range(size):
            screen.overload[first + k] = screen.congested[first + k] = 0
            if excess[k] > 0.0:
                _screen_book(before, after, model, ends, bounds, face, tolerance, k, first + k, near, screen)
        for k in range(size):
            worst[k] = math.sqrt(worst[k])


@kernel
def _note_conductor(
    limit: float, face: Floats, tolerance: float, before: Floats, after: Floats, f: int, excess: Floats, worst: Floats
) -> None:
    note_power(limit * face[0, 0], face, tolerance, before[P + f], before[Q + f], excess)
    note_power(limit * face[0, 0], face, tolerance, after[P + f], after[Q + f], excess)
    if limit > 0.0:
        note_loading(100.0 / limit, after[P + f], after[Q + f], worst)


@kernel
def _near_powers(model: LinearPhases, ends: NearEnds, t: int, state: Floats, near: Floats) -> None:
    """P and Q of the conductors of a transformer at its end towards the external grid, as a place has them."""
    i = ends.place[t]
    p, q, turn = ends.constant[t, 0], ends.constant[t, 1], model.turn[model.turn_of[i]]
    p_behind, q_behind = model.constant[i, 0], model.constant[i, 1]
    for f in range(3):
        near[P + f, :] = p
        near[Q + f, :] = q
        for g in range(3):
            re, im = turn[2 * ((g - f) % 3)], turn[2 * ((g - f) % 3) + 1]
            for k in range(near.shape[1]):
                kw, kvar = state[i, P + g, k] - p_behind, state[i, Q + g, k] - q_behind
                near[P + f, k] += re * kw - im * kvar
                near[Q + f, k] += re * kvar + im * kw


@kernel
def _screen_book(
    floor: Floats, full: Floats, model: LinearPhases, ends: NearEnds, bounds: Bounds, face: Floats, tolerance: float, k: int,
    book: int, near: Floats, screen: Screen,
) -> None:  # fmt: skip
    lower_kw, upper_kw, limit, least_v2, most_v2 = bounds
    parent = model.parent
    for i in range(len(parent)):
        if parent[i] == -1:
            continue
        before = after = 0.0
        for f in range(3):
            before += floor[i, P + f, k]
            after += full[i, P + f, k]
            screen_row(floor[i, W + f, k], full[i, W + f, k], least_v2[i], most_v2[i], tolerance, book, screen)
        screen_row(before, after, lower_kw[i], upper_kw[i], tolerance, book, screen)
        if limit[i] < np.inf:
            _screen_conductors(limit[i], face, tolerance, floor[i], full[i], k, book, screen)
    for t in range(len(ends.place)):
        if limit[ends.place[t]] < np.inf:
            _near_powers(model, ends, t, floor, near[0])
            _near_powers(model, ends, t, full, near[1])
            _screen_conductors(limit[ends.place[t]], face, tolerance, near[0], near[1], k, book, screen)


@kernel
def _screen_conductors(
    limit: float, face: Floats, tolerance: float, floor: Floats, full: Floats, k: int, book: int, screen: Screen
) -> None:
    bound = limit * face[0, 0]
    for f in range(3):
        for m in range(len(face)):
            c, s = face[m, 0], face[m, 1]
            before, after = c * floor[P + f, k] + s * floor[Q + f, k], c * full[P + f, k] + s * full[Q + f, k]
            screen_row(before, after, -bound, bound, tolerance, book, screen)
