"""LinDistFlow: branch flows and squared voltages of many books as linear functions of injections, on trees; the screen on them.

Around the state without injections, P and Q of a branch are sums of what is injected behind it, and
v²_child = t² v²_parent + 2 (r P + x Q) with P, Q towards the external grid and t the ratio of a transformer
(Baran and Wu 1989, losses left out).

Apparent power P² + Q² ≤ S² is a 12-gon inscribed in the circle, with a corner at Q = 0: |cos φ P + sin φ Q| ≤ S cos 15° for φ
of 15°, 45°, …, 165°. Rows are numbered face by face, branch by branch; after them comes the squared voltage of each bus.

Books are the innermost dimension of a block, as in `kernels.grid.flows`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def linear_states(
    p_kw: Floats, q_kvar: Floats, column: Ints, parent: Ints, linear: Floats, work: Floats, state: Floats
) -> None:
    """Flows and squared voltages of every book.

    Parameters
    ----------
    p_kw, q_kvar : (n_books, n_columns) float64
    column, parent : (n_bus,) int64
        As for `kernels.grid.ac.audit_books`: in breadth-first order as all that follows.
    linear : (n_bus, 6) float64
        Square of the ratio, 2 r, 2 x of the branch to the parent; P, Q into it and v² without injections. Per unit of 1 kVA.
    work : (3, n_bus, block) float64
        Work space.
    state : (3, n_books, n_bus) float64
        Output: P and Q from each bus towards its parent (kW, kvar) and v² (p.u.).
    """
    block = work.shape[2]
    for first in range(0, len(p_kw), block):
        size = min(block, len(p_kw) - first)
        _linear_block(p_kw, q_kvar, column, parent, linear, first, size, work)
        for i in range(len(parent)):
            for k in range(size):
                state[0, first + k, i], state[1, first + k, i] = work[0, i, k], work[1, i, k]
                state[2, first + k, i] = work[2, i, k]


@kernel
def screen_linear(
    floor_kw: Floats,
    floor_kvar: Floats,
    full_kw: Floats,
    full_kvar: Floats,
    column: Ints,
    parent: Ints,
    linear: Floats,
    lower_kw: Floats,
    upper_kw: Floats,
    limit: Floats,
    least_v2: Floats,
    most_v2: Floats,
    face: Floats,
    tolerance: float,
    work: Floats,
    overload: Ints,
    congested: Ints,
    loading_percent: Floats,
) -> None:
    """Which books break a limit before any trade, and which with all of them.

    Parameters
    ----------
    floor_kw, floor_kvar, full_kw, full_kvar : (n_books, n_columns) float64
        Injections without and with all trades and exports.
    column, parent, linear : as for `linear_states`
    lower_kw, upper_kw : (n_bus,) float64
        Bounds of the active power towards the parent; infinite where there are none.
    limit : (n_bus,) float64, kVA
        Of the branch to the parent; inf where nothing limits it.
    least_v2, most_v2 : (n_bus,) float64, p.u.
    face : (n_faces, 2) float64
        cos φ and sin φ of the faces; the last face's bound is the cosine of the first one's φ times `limit`, as all are.
    tolerance : float
        Relative to the limit, absolute below 1.
    work : (6, n_bus, block) float64
        Work space.
    overload, congested : (n_books,) int64
        Outputs, 0 or 1; a limit that the floor breaks congests only if the trades make it worse.
    loading_percent : (n_books,) float64
        Output: the largest apparent power of any branch, with all trades, over its limit.
    """
    block = work.shape[2]
    floor, full = work[:3], work[3:]
    excess = np.empty(block)
    for first in range(0, len(full_kw), block):
        size = min(block, len(full_kw) - first)
        _linear_block(floor_kw, floor_kvar, column, parent, linear, first, size, floor)
        _linear_block(full_kw, full_kvar, column, parent, linear, first, size, full)
        worst = loading_percent[first : first + size]
        worst[:] = 0.0
        excess[:] = 0.0
        for i in range(len(parent)):
            if parent[i] == -1:
                continue
            _note_value(least_v2[i], most_v2[i], tolerance, floor[2, i], full[2, i], excess)
            if lower_kw[i] > -np.inf or upper_kw[i] < np.inf:
                _note_value(lower_kw[i], upper_kw[i], tolerance, floor[0, i], full[0, i], excess)
            if limit[i] < np.inf:
                for state in (floor, full):
                    _note_power(limit[i] * face[0, 0], face, tolerance, state[0, i], state[1, i], excess)
                if limit[i] > 0.0:
                    _note_loading(100.0 / limit[i], full[0, i], full[1, i], worst)
        for k in range(size):
            overload[first + k] = congested[first + k] = 0
            if excess[k] > 0.0:
                _screen_book(
                    floor, full, parent, lower_kw, upper_kw, limit, least_v2, most_v2, face, tolerance, k, first + k, overload,
                    congested,
                )  # fmt: skip
        for k in range(size):
            worst[k] = math.sqrt(worst[k])


@kernel
def _linear_block(
    p_kw: Floats, q_kvar: Floats, column: Ints, parent: Ints, linear: Floats, first: int, size: int, work: Floats
) -> None:
    block = work.shape[2]
    p, q, v2 = work[0], work[1], work[2]
    for i in range(len(parent)):
        p[i, :] = 0.0
        q[i, :] = 0.0
        c = column[i]
        if c != -1:
            for k in range(size):
                p[i, k], q[i, k] = p_kw[first + k, c], q_kvar[first + k, c]
    for i in range(len(parent) - 1, -1, -1):
        up = parent[i]
        if up != -1:
            for k in range(block):
                p[up, k] += p[i, k]
                q[up, k] += q[i, k]
    for i in range(len(parent)):
        up = parent[i]
        if up == -1:
            v2[i, :] = 0.0
            continue
        square, r, x = linear[i, 0], linear[i, 1], linear[i, 2]
        for k in range(block):
            v2[i, k] = square * v2[up, k] + r * p[i, k] + x * q[i, k]
    for i in range(len(parent)):
        p_constant, q_constant, v2_constant = linear[i, 3], linear[i, 4], linear[i, 5]
        for k in range(block):
            p[i, k] += p_constant
            q[i, k] += q_constant
            v2[i, k] += v2_constant


@kernel
def _note_value(least: float, most: float, tolerance: float, floor: Floats, full: Floats, excess: Floats) -> None:
    high, low = most + tolerance * max(1.0, abs(most)), least - tolerance * max(1.0, abs(least))
    for k in range(len(excess)):
        before, after = floor[k], full[k]
        excess[k] = max(excess[k], max(max(before, after) - high, low - min(before, after))) + 0.0


@kernel
def _note_power(bound: float, face: Floats, tolerance: float, p: Floats, q: Floats, excess: Floats) -> None:
    """The faces of the first quadrant suffice for |P| and |Q|."""
    high = bound + tolerance * max(1.0, bound)
    for m in range((len(face) + 1) // 2):
        c, s = face[m, 0], face[m, 1]
        for k in range(len(excess)):
            excess[k] = max(excess[k], c * abs(p[k]) + s * abs(q[k]) - high) + 0.0


@kernel
def _note_loading(percent: float, p: Floats, q: Floats, worst: Floats) -> None:
    square = percent * percent
    for k in range(len(worst)):
        worst[k] = max(worst[k], square * (p[k] * p[k] + q[k] * q[k])) + 0.0


@kernel
def _screen_book(
    floor: Floats, full: Floats, parent: Ints, lower_kw: Floats, upper_kw: Floats, limit: Floats, least_v2: Floats,
    most_v2: Floats, face: Floats, tolerance: float, k: int, book: int, overload: Ints, congested: Ints,
) -> None:  # fmt: skip
    for i in range(len(parent)):
        if parent[i] == -1:
            continue
        _screen_row(floor[2, i, k], full[2, i, k], least_v2[i], most_v2[i], tolerance, book, overload, congested)
        _screen_row(floor[0, i, k], full[0, i, k], lower_kw[i], upper_kw[i], tolerance, book, overload, congested)
        if limit[i] < np.inf:
            bound = limit[i] * face[0, 0]
            for m in range(len(face)):
                c, s = face[m, 0], face[m, 1]
                before, after = c * floor[0, i, k] + s * floor[1, i, k], c * full[0, i, k] + s * full[1, i, k]
                _screen_row(before, after, -bound, bound, tolerance, book, overload, congested)


@kernel
def _screen_row(
    before: float, after: float, low: float, high: float, tolerance: float, book: int, overload: Ints, congested: Ints
) -> None:
    if before > high + tolerance * max(1.0, abs(high)):
        overload[book] = 1
        high = before
    elif before < low - tolerance * max(1.0, abs(low)):
        overload[book] = 1
        low = before
    if after > high + tolerance * max(1.0, abs(high)) or after < low - tolerance * max(1.0, abs(low)):
        congested[book] = 1
