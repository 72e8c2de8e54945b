"""The screen of three-phase books: which keep every limit of conductors and voltages, as LinDist3Flow has them.

As `kernels.clearing.limits.screen_linear`, phase by phase. Transformers that mix phases are looked at on both sides. A whole
block is only looked through for voltages beyond their limits and for apparent power beyond the circle inside of the faces; the
few books with either are looked at row by row.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.limits import Bounds, Screen, screen_row
from fastp2p.kernels.grid.lindist3flow import (
    N_SUMS,
    P,
    Q,
    W,
    begin_chain,
    end_chain,
    go_down,
    go_down_matrix,
    phase_sum,
    sum_behind,
    turned,
)  # fmt: skip
from fastp2p.kernels.grid.structs import LinearPhases
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class PhaseRoom(NamedTuple):
    """What the screen of a block of books works on.

    Attributes
    ----------
    work : (2, n_ends, N_VALUES, block) float64
        Of nothing executed, and of everything.
    w : (3, block) float64; total : (2, block) float64; sums : (N_SUMS,) float64
        As `kernels.grid.lindist3flow` takes them.
    near : (6, block) float64
    """

    work: Floats
    w: Floats
    total: Floats
    sums: Floats
    near: Floats


@kernel
def screen_phases(
    floor: tuple[Floats, Floats], full: tuple[Floats, Floats], model: LinearPhases, mixing: Ints, bounds: Bounds,
    face: Floats, tolerance: float, work: Floats, screen: Screen,
) -> None:  # fmt: skip
    """Which books break a limit before any trade, and which with all of them.

    Parameters
    ----------
    floor, full : (n_books, n_columns, 3) float64, kW and kvar
        Injections without and with all trades and exports.
    model : LinearPhases
    mixing : (n_mixing,) int64
        Ends of chains below transformers that mix phases.
    bounds : Bounds
        Of each place: of the sum of its phases' active powers towards the parent, of the apparent power of one conductor, and
        of the squared voltage of one phase.
    face : (n_faces, 2) float64
        As for `screen_linear`; one face: of active power alone, and voltages are not looked at.
    tolerance : float
        Relative to the limit, absolute below 1.
    work : (2, n_ends, N_VALUES, block) float64
        Work space.
    screen : Screen
        Output but for `slack_kw`; loading is the largest of any conductor.
    """
    block = work.shape[3]
    work[:] = 0.0
    excess, worst = np.empty(block), np.empty((2, block))
    room = PhaseRoom(work, np.empty((3, block)), np.empty((2, block)), np.empty(N_SUMS), np.empty((6, block)))
    inside = (100.0 * face[0, 0]) ** 2
    for book in range(0, len(full[0]), block):
        size = min(block, len(full[0]) - book)
        note_phase_block(floor, full, model, mixing, bounds, face, tolerance, book, size, room, excess, worst)
        for k in range(size):
            screen.overload[book + k] = screen.congested[book + k] = 0
            screen.loading_percent[book + k] = math.sqrt(worst[1, k])
            if excess[k] > 0.0 or max(worst[0, k], worst[1, k]) > inside:
                _screen_book(work, model, mixing, bounds, face, tolerance, k, book + k, screen)


@kernel
def note_phase_block(
    floor: tuple[Floats, Floats], full: tuple[Floats, Floats], model: LinearPhases, mixing: Ints, bounds: Bounds,
    face: Floats, tolerance: float, book: int, size: int, room: PhaseRoom, excess: Floats, worst: Floats,
) -> None:  # fmt: skip
    """By how much a block of books is beyond limits of voltages, and their largest loading; it allocates nothing.

    Parameters
    ----------
    floor, full, model, mixing, bounds, face, tolerance : as for `screen_phases`
    book, size : int
        The first book, and how many.
    room : PhaseRoom
        Work space.
    excess : (block,) float64
        Output: positive where a limit of voltage or of reverse power is broken, or one of zero.
    worst : (2, block) float64
        Output: squares of the largest loading in percent, with nothing executed and with everything.
    """
    dc = len(face) == 1
    work, w, total, sums, near = room
    excess[:] = 0.0
    worst[:] = 0.0
    for s in range(2):
        kw, kvar = floor if s == 0 else full
        sum_behind(kw, kvar, model, 3 if dc else 6, book, size, work[s])
        _note_block(model, bounds, tolerance, dc, work[s], w, total, sums, excess, worst[s])
        for e in mixing:
            _near_powers(model, e, work[s], near)
            limit = bounds.most_kva[model.first[e + 1] - 1]
            for f in range(3):
                _note_conductor(limit, 0.0, 0.0, near[P + f], near[Q + f], dc, excess, worst[s])


@kernel
def _note_block(
    model: LinearPhases, bounds: Bounds, tolerance: float, dc: bool, work: Floats, w: Floats, total: Floats, sums: Floats,
    excess: Floats, worst: Floats,
) -> None:  # fmt: skip
    """By how much a block is beyond limits of voltages or of reverse power, and squares of the largest loading."""
    parent, first, coefficient, constant = model.parent, model.first, model.coefficient, model.constant
    general_of, general, phases = model.general_of, model.general, model.phases
    lower_kw, upper_kw, limit, least_v2, most_v2 = bounds
    for e in range(len(parent)):
        if not dc:
            begin_chain(model, e, work, w, total)
        behind = work[e]
        for i in range(first[e], first[e + 1]):
            if parent[e] == -1:
                continue
            if not dc:
                if general_of[i] == -1:
                    go_down(coefficient[i], behind, total, w)
                else:
                    go_down_matrix(general[general_of[i]], behind, w)
                _note_voltages(constant, i, phases[i], least_v2[i], most_v2[i], tolerance, w, excess)
            if limit[i] < np.inf:
                for f in range(3):
                    if phases[i] >> f & 1:
                        p, q = constant[i, P + f], constant[i, Q + f]
                        _note_conductor(limit[i], p, q, behind[P + f], behind[Q + f], dc, excess, worst)
            if lower_kw[i] > -np.inf or upper_kw[i] < np.inf:
                p = constant[i, P] + constant[i, P + 1] + constant[i, P + 2]
                for k in range(len(excess)):
                    kw = behind[P, k] + behind[P + 1, k] + behind[P + 2, k] + p
                    excess[k] = max(excess[k], max(kw - upper_kw[i], lower_kw[i] - kw)) + 0.0
        if not dc:
            end_chain(model, e, w, work, sums)


@kernel
def _note_voltages(
    constant: Floats, i: int, phases: int, least: float, most: float, tolerance: float, w: Floats, excess: Floats
) -> None:
    highest, lowest = most + tolerance * max(1.0, abs(most)), least - tolerance * max(1.0, abs(least))
    for f in range(3):
        if phases >> f & 1:
            high, low = highest - constant[i, W + f], lowest - constant[i, W + f]
            for k in range(len(excess)):
                excess[k] = max(excess[k], max(w[f, k] - high, low - w[f, k])) + 0.0


@kernel
def _note_conductor(
    limit: float, p: float, q: float, kw: Floats, kvar: Floats, dc: bool, excess: Floats, worst: Floats
) -> None:
    if limit == np.inf:
        return
    if limit == 0.0:
        for k in range(len(excess)):
            excess[k] = max(excess[k], abs(kw[k] + p) + (0.0 if dc else abs(kvar[k] + q))) + 0.0
        return
    square = (100.0 / limit) ** 2
    if dc:
        for k in range(len(worst)):
            worst[k] = max(worst[k], square * (kw[k] + p) * (kw[k] + p)) + 0.0
        return
    for k in range(len(worst)):
        worst[k] = max(worst[k], square * ((kw[k] + p) * (kw[k] + p) + (kvar[k] + q) * (kvar[k] + q))) + 0.0


@kernel
def _near_powers(model: LinearPhases, e: int, work: Floats, near: Floats) -> None:
    """P and Q of the conductors of a transformer at its side towards the external grid, from those of the end below it."""
    place, turn = model.first[e + 1] - 1, model.turn[model.turn_of[e]]
    for f in range(3):
        near[P + f, :] = model.constant[place, P + f]
        near[Q + f, :] = model.constant[place, Q + f]
        for g in range(3):
            re, im = turn[6 * f + 2 * g], turn[6 * f + 2 * g + 1]
            for k in range(near.shape[1]):
                near[P + f, k] += re * work[e, P + g, k] - im * work[e, Q + g, k]
                near[Q + f, k] += re * work[e, Q + g, k] + im * work[e, P + g, k]


@kernel
def _screen_book(
    work: Floats, model: LinearPhases, mixing: Ints, bounds: Bounds, face: Floats, tolerance: float, k: int, book: int,
    screen: Screen,
) -> None:  # fmt: skip
    """One book, row by row; `work` holds its states at the ends of chains with nothing executed and with everything."""
    parent, first, coefficient, constant = model.parent, model.first, model.coefficient, model.constant
    general_of, general, phases = model.general_of, model.general, model.phases
    lower_kw, upper_kw, limit, least_v2, most_v2 = bounds
    value, total, w = np.empty((2, 6)), np.empty((2, 2)), np.empty((2, 3))
    for e in range(len(parent)):
        if parent[e] == -1:
            continue
        for s in range(2):
            phase_sum(work[s, e], k, total[s])
            w[s] = work[s, e, W : W + 3, k]
        for i in range(first[e + 1] - 1, first[e] - 1, -1):  # upwards from the end, whose voltages are kept
            for s in range(2):
                for f in range(3):
                    value[s, P + f] = work[s, e, P + f, k] + constant[i, P + f]
                    value[s, Q + f] = work[s, e, Q + f, k] + constant[i, Q + f]
            if len(face) > 1:
                for f in range(3):
                    at_rest = constant[i, W + f]
                    if phases[i] >> f & 1:
                        screen_row(w[0, f] + at_rest, w[1, f] + at_rest, least_v2[i], most_v2[i], tolerance, book, screen)
                    for s in range(2):
                        if general_of[i] == -1:
                            w[s, f] -= _rise(coefficient[i], f, work[s, e, P + f, k], work[s, e, Q + f, k], total[s])
                        else:
                            w[s, f] -= _rise_by_matrix(general[general_of[i]], f, work[s, e, :, k])
            kw = value[:, P] + value[:, P + 1] + value[:, P + 2]
            screen_row(kw[0], kw[1], lower_kw[i], upper_kw[i], tolerance, book, screen)
            if limit[i] < np.inf:
                _screen_conductors(limit[i], phases[i], face, tolerance, value[0], value[1], book, screen)
    near = np.empty((2, 6, work.shape[3]))
    for e in mixing:
        bound = limit[first[e + 1] - 1]
        if bound < np.inf:
            _near_powers(model, e, work[0], near[0])
            _near_powers(model, e, work[1], near[1])
            _screen_conductors(bound, phases[first[e + 1] - 1], face, tolerance, near[0, :, k], near[1, :, k], book, screen)


@kernel
def _rise(z: Floats, f: int, p: float, q: float, total: Floats) -> float:
    """What a branch adds to a squared voltage, as `go_down` has it."""
    re, im = turned(f, z[2], z[3])
    return float(z[0] * p + z[1] * q + re * total[0] - im * total[1])


@kernel
def _rise_by_matrix(z: Floats, f: int, values: Floats) -> float:
    """The same of a branch with a matrix, as `go_down_matrix` has it."""
    rise = 0.0
    for g in range(3):
        rise += z[6 * f + 2 * g] * values[P + g] + z[6 * f + 2 * g + 1] * values[Q + g]
    return rise


@kernel
def _screen_conductors(
    limit: float, phases: int, face: Floats, tolerance: float, floor: Floats, full: Floats, book: int, screen: Screen
) -> None:
    bound = limit * face[0, 0]
    for f in range(3):
        if not phases >> f & 1:
            continue
        for m in range(len(face)):
            c, s = face[m, 0], face[m, 1]
            before, after = c * floor[P + f] + s * floor[Q + f], c * full[P + f] + s * full[Q + f]
            screen_row(before, after, -bound, bound, tolerance, book, screen)
