"""AC power flows of many books on trees, by backward and forward sweeps.

Books are the innermost dimension of a block, as in flows.py. A book that has converged is frozen, so its bits do not
depend on the books beside it.

Branch model, seen from the parent: V_child = a V_parent - z J, I_parent = y V_parent + c J, where J flows into the child.
Every two-port of lines and transformers can be written so (`fastp2p.grid.two_ports`), and a chain of them. With Y the
admittance of a place and all behind it, J = Y V + I, where I is what injections there draw: so V_child = α V_parent - ζ I, and
they draw γ I at the parent, with α, ζ and γ for a, z and c over 1 + z Y. A sweep is a step of the fixed-point iteration
V ← V_noload - Z (S / V)*, and its steps are the same however a network is contracted. Near the solution that a network
settles in it converges up to the point of voltage collapse, where the largest factor by which a step changes an error reaches
1 together with the Jacobian becoming singular.

Source: Shirmohammadi, Hong, Semlyen, Luo 1988, A compensation-based power flow method for weakly meshed networks.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.inside import (
    HIGHEST,
    HIGHEST_AT,
    LOADING,
    LOSSES,
    LOWEST,
    LOWEST_AT,
    N_BEST,
    N_RUNS,
    SLACK_P,
    SLACK_Q,
    Inside,
    look_inside,
)
from fastp2p.kernels.grid.structs import AcSummary, AcWork, Feeder
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# columns of `coefficient`, one row per bus in breadth-first order
A_RE, A_IM, Z_RE, Z_IM, C_RE, C_IM, BEHIND_RE, BEHIND_IM = range(8)
PORT_A_RE, PORT_A_IM, PORT_Z_RE, PORT_Z_IM, PORT_C_RE, PORT_C_IM, PORT_Y_RE, PORT_Y_IM, DRAW_RE, WEIGHT = range(8, 18)
N_COEFFICIENTS = 18
LOST_PU, LONG = 0.1, 25


@kernel
def audit_books(
    p_kw: Floats,
    q_kvar: Floats,
    column: Ints,
    feeder: Feeder,
    inside: Inside,
    tolerance: float,
    most_iterations: int,
    work: Floats,
    summary: AcSummary,
    n_iterations: Ints,
) -> None:
    """What the AC power flow of every book says of its voltages, losses and loading.

    Parameters
    ----------
    p_kw, q_kvar : (n_books, n_columns) float64
        Injections, feeding the grid positive.
    column : (n_bus,) int64
        Column of each bus, in breadth-first order as all that follows; -1 where nobody injects.
    feeder : Feeder
    inside : Inside
    tolerance : float
        How far a voltage may be from the solution, p.u., as the last two steps let it be estimated.
    most_iterations : int
    work : (4, n_bus, block) float64
        Work space; `block` books are done at a time.
    summary : AcSummary
        Output; voltages are those of the buses that count.
    n_iterations : (n_books,) int64
        Output; 0 where a book did not converge.
    """
    block = work.shape[2]
    p, q = np.empty((p_kw.shape[1], block)), np.empty((p_kw.shape[1], block))
    best, count = np.empty((N_BEST, block)), np.empty(block, np.int64)
    spaces = AcWork(work, np.empty((4, block)), np.empty((2, N_RUNS), np.int64))
    for first in range(0, len(p_kw), block):
        size = min(block, len(p_kw) - first)
        _fill(p_kw, first, size, p)
        _fill(q_kvar, first, size, q)
        audit_block(p, q, column, feeder, inside, tolerance, most_iterations, size, spaces, best, count)
        for k in range(size):
            book = first + k
            summary.lowest_vm_pu[book], summary.lowest_bus[book] = best[LOWEST, k], int(best[LOWEST_AT, k])
            summary.highest_vm_pu[book], summary.highest_bus[book] = best[HIGHEST, k], int(best[HIGHEST_AT, k])
            summary.losses_kw[book], summary.loading_percent[book] = best[LOSSES, k], best[LOADING, k]
            summary.slack_kw[book], summary.slack_kvar[book] = best[SLACK_P, k], best[SLACK_Q, k]
            n_iterations[book] = count[k]


@kernel
def audit_block(
    p: Floats, q: Floats, column: Ints, feeder: Feeder, inside: Inside, tolerance: float, most_iterations: int, size: int,
    spaces: AcWork, best: Floats, count: Ints,
) -> None:  # fmt: skip
    """As `audit_books`, of the books of one block; it allocates nothing, so that a thread of a GPU can do a block of one book.

    Parameters
    ----------
    p, q : (n_columns, block) float64, kW and kvar
        Books innermost; the first `size` of them count.
    column, feeder, inside, tolerance, most_iterations : as for `audit_books`
    size : int
    spaces : AcWork
    best : (8, block) float64
        Output: rows `LOWEST` to `SLACK_Q`.
    count : (block,) int64
        Output: sweeps, 0 where a book did not converge.
    """
    work, steps, runs = spaces
    _solve_block(p, q, column, feeder, tolerance, most_iterations, size, work, steps, count)
    _summarise_block(feeder.parent, feeder.coefficient, inside, work, best)
    look_inside(feeder.parent, inside, size, work, runs, best)
    for k in range(size):
        for row in (LOWEST, HIGHEST, LOADING):
            best[row, k] = math.sqrt(best[row, k])
        if not math.isfinite(best[SLACK_P, k] + best[LOSSES, k]):  # a voltage that is no number spreads to the root
            count[k] = 0


@kernel
def flow_books(
    p_kw: Floats,
    q_kvar: Floats,
    column: Ints,
    feeder: Feeder,
    tolerance: float,
    most_iterations: int,
    work: Floats,
    voltage: Floats,
    current: Floats,
    n_iterations: Ints,
) -> None:
    """Voltages and currents of every book.

    Parameters
    ----------
    p_kw, q_kvar, column, feeder, tolerance, most_iterations, work, n_iterations : as for `audit_books`
    voltage : (2, n_books, n_bus) float64, p.u.
        Output: real and imaginary part.
    current : (2, 2, n_books, n_bus) float64, p.u.
        Output: real and imaginary part of what flows into the branch to the parent at the parent's end, and out of it at the
        child's; at external grids, which have no parent, of what they feed in.
    """
    parent, coefficient = feeder.parent, feeder.coefficient
    block = work.shape[2]
    p, q = np.empty((p_kw.shape[1], block)), np.empty((p_kw.shape[1], block))
    steps, count = np.empty((4, block)), np.empty(block, np.int64)
    for first in range(0, len(p_kw), block):
        size = min(block, len(p_kw) - first)
        _fill(p_kw, first, size, p)
        _fill(q_kvar, first, size, q)
        _solve_block(p, q, column, feeder, tolerance, most_iterations, size, work, steps, count)
        for i in range(len(parent)):
            up = max(parent[i], 0)
            is_root = parent[i] == -1
            y_re, y_im = (0.0, 0.0) if is_root else (coefficient[i, PORT_Y_RE], coefficient[i, PORT_Y_IM])
            c_re, c_im = (1.0, 0.0) if is_root else (coefficient[i, PORT_C_RE], coefficient[i, PORT_C_IM])
            for k in range(size):
                v_re, v_im, j_re, j_im = work[0, up, k], work[1, up, k], work[2, i, k], work[3, i, k]
                voltage[0, first + k, i], voltage[1, first + k, i] = work[0, i, k], work[1, i, k]
                current[0, 0, first + k, i] = y_re * v_re - y_im * v_im + c_re * j_re - c_im * j_im
                current[0, 1, first + k, i] = y_re * v_im + y_im * v_re + c_re * j_im + c_im * j_re
                current[1, 0, first + k, i], current[1, 1, first + k, i] = j_re, j_im
        for k in range(size):
            n_iterations[first + k] = count[k]


@kernel
def _fill(value: Floats, first: int, size: int, block: Floats) -> None:
    """Columns of a block of books, books innermost; zero beyond the last book."""
    for c in range(len(block)):
        for k in range(size):
            block[c, k] = value[first + k, c]
        block[c, size:] = 0.0


@kernel
def _solve_block(
    p: Floats, q: Floats, column: Ints, feeder: Feeder, tolerance: float, most_iterations: int, size: int, work: Floats,
    steps: Floats, count: Ints,
) -> None:  # fmt: skip
    """Voltages and the currents that go with them; a book's `count` is the steps that it took, 0 where they were not enough.

    A book that takes long has lost when a voltage falls below `LOST_PU`: no network comes to rest there, while beyond collapse
    the iteration comes by again and again.
    """
    parent, coefficient, root_v = feeder.parent, feeder.coefficient, feeder.root_v
    step, change, before, lowest = steps[0], steps[1], steps[2], steps[3]
    step[:] = 1.0
    before[:] = np.inf
    count[:] = 0
    for i in range(len(parent)):
        work[0, i, :] = root_v[i, 0]
        work[1, i, :] = root_v[i, 1]
    for iteration in range(1, most_iterations + 1):
        _sweep_backward(p, q, column, parent, coefficient, work)
        _sweep_forward(parent, coefficient, step, change, work)
        n_left = stop_converged(step, change, before, size, iteration, tolerance, count)
        if iteration > LONG:
            n_left -= _give_up(step, size, lowest, work)
        if n_left == 0:
            break
    step[:] = 1.0  # a last step for all, after which voltages and currents belong together: at every bus, of chains as well
    _sweep_backward(p, q, column, parent, coefficient, work)
    _sweep_forward(parent, coefficient, step, change, work)
    _add_behind(coefficient, work)


@kernel
def stop_converged(
    step: Floats, change: Floats, before: Floats, size: int, iteration: int, tolerance: float, count: Ints
) -> int:
    """Stop the books of a block that have converged, and note the iteration; how many go on."""
    n_left = 0
    for k in range(size):
        if step[k] == 0.0:
            continue
        if has_converged(change[k], before[k], iteration, tolerance):
            step[k] = 0.0
            count[k] = iteration
        else:
            n_left += 1
        before[k] = change[k]
    return n_left


@kernel
def has_converged(change: float, before: float, iteration: int, tolerance: float) -> bool:
    """Whether voltages are near enough after a step.

    Steps shrink by a ratio: what is left of the way is a geometric series, change · ratio / (1 - ratio).
    """
    ratio = change / before
    return change <= 1e-3 * tolerance or (iteration > 1 and change * ratio <= tolerance * (1.0 - ratio))


@kernel
def _give_up(step: Floats, size: int, lowest: Floats, work: Floats) -> int:
    """Freeze books in which a voltage is lost, or no number; returns how many."""
    lowest[:] = np.inf
    for i in range(work.shape[1]):
        for k in range(len(lowest)):
            square = work[0, i, k] * work[0, i, k] + work[1, i, k] * work[1, i, k]
            lowest[k] = min(lowest[k], square) if square == square else 0.0
    lost = 0
    for k in range(size):
        if step[k] != 0.0 and lowest[k] < LOST_PU * LOST_PU:
            step[k] = 0.0
            lost += 1
    return lost


@kernel
def _add_behind(coefficient: Floats, work: Floats) -> None:
    """From what injections draw to the currents into every bus."""
    v_re, v_im, j_re, j_im = work[0], work[1], work[2], work[3]
    for i in range(len(coefficient)):
        y_re, y_im = coefficient[i, BEHIND_RE], coefficient[i, BEHIND_IM]
        if y_re != 0.0 or y_im != 0.0:
            for k in range(work.shape[2]):
                j_re[i, k] += y_re * v_re[i, k] - y_im * v_im[i, k]
                j_im[i, k] += y_re * v_im[i, k] + y_im * v_re[i, k]


@kernel
def _sweep_backward(p: Floats, q: Floats, column: Ints, parent: Ints, coefficient: Floats, work: Floats) -> None:
    """What injections at every bus and behind it draw, from the voltages."""
    block = work.shape[2]
    v_re, v_im, j_re, j_im = work[0], work[1], work[2], work[3]
    j_re[:] = 0.0
    j_im[:] = 0.0
    for i in range(len(parent) - 1, -1, -1):
        c, up = column[i], parent[i]
        if c != -1:
            for k in range(block):
                # the injected current (S / V)* = (p - jq) V / |V|²
                a, b = v_re[i, k], v_im[i, k]
                scale = 1.0 / (a * a + b * b)
                j_re[i, k] -= (p[c, k] * a + q[c, k] * b) * scale
                j_im[i, k] -= (p[c, k] * b - q[c, k] * a) * scale
        if up == -1:
            continue
        c_re, c_im = coefficient[i, C_RE], coefficient[i, C_IM]
        if c_re == 1.0 and c_im == 0.0:
            for k in range(block):
                j_re[up, k] += j_re[i, k]
                j_im[up, k] += j_im[i, k]
        else:
            for k in range(block):
                a, b = j_re[i, k], j_im[i, k]
                j_re[up, k] += c_re * a - c_im * b
                j_im[up, k] += c_re * b + c_im * a


@kernel
def _sweep_forward(parent: Ints, coefficient: Floats, step: Floats, change: Floats, work: Floats) -> None:
    """Voltages of every bus from its parent's and what is drawn behind it, for books whose `step` is 1; the largest change.

    Changes are relative to the unloaded voltage: at either side of a transformer they are one, so that it does not matter
    whether a contraction has both.
    """
    block = work.shape[2]
    v_re, v_im, j_re, j_im = work[0], work[1], work[2], work[3]
    change[:] = 0.0
    for i in range(len(parent)):
        up = parent[i]
        if up == -1:
            continue
        a_re, a_im = coefficient[i, A_RE], coefficient[i, A_IM]
        z_re, z_im, weight = coefficient[i, Z_RE], coefficient[i, Z_IM], coefficient[i, WEIGHT]
        if a_re == 1.0 and a_im == 0.0:
            for k in range(block):
                c, d = j_re[i, k], j_im[i, k]
                to_re = v_re[up, k] - (z_re * c - z_im * d) - v_re[i, k]
                to_im = v_im[up, k] - (z_re * d + z_im * c) - v_im[i, k]
                v_re[i, k] += step[k] * to_re
                v_im[i, k] += step[k] * to_im
                change[k] = max(change[k], weight * (to_re * to_re + to_im * to_im)) + 0.0
        else:
            for k in range(block):
                a, b, c, d = v_re[up, k], v_im[up, k], j_re[i, k], j_im[i, k]
                to_re = (a_re * a - a_im * b) - (z_re * c - z_im * d) - v_re[i, k]
                to_im = (a_re * b + a_im * a) - (z_re * d + z_im * c) - v_im[i, k]
                v_re[i, k] += step[k] * to_re
                v_im[i, k] += step[k] * to_im
                change[k] = max(change[k], weight * (to_re * to_re + to_im * to_im)) + 0.0
    for k in range(block):
        change[k] = math.sqrt(change[k])


@kernel
def _summarise_block(parent: Ints, coefficient: Floats, inside: Inside, work: Floats, best: Floats) -> None:
    """Losses and what external grids feed in; squares of the extremes at places, their dead ends included."""
    low_square, low_bus, high_square, high_bus = inside.low_square, inside.low_bus, inside.high_square, inside.high_bus
    percent = inside.percent
    block = work.shape[2]
    v_re, v_im, j_re, j_im = work[0], work[1], work[2], work[3]
    best[:] = 0.0
    best[LOWEST] = np.inf
    for i in range(len(parent)):
        up = parent[i]
        own = coefficient[i, DRAW_RE]
        if own != 0.0:
            for k in range(block):
                best[LOSSES, k] += own * (v_re[i, k] * v_re[i, k] + v_im[i, k] * v_im[i, k])
        if low_bus[i] >= 0:
            _note_voltage(low_square[i], float(low_bus[i]), high_square[i], float(high_bus[i]), v_re[i], v_im[i], best)
        if up == -1:
            for k in range(block):
                best[SLACK_P, k] += v_re[i, k] * j_re[i, k] + v_im[i, k] * j_im[i, k]
                best[SLACK_Q, k] += v_im[i, k] * j_re[i, k] - v_re[i, k] * j_im[i, k]
            continue
        _note_branch(i, coefficient, percent, v_re[up], v_im[up], j_re[i], j_im[i], best)


@kernel
def _note_voltage(low: float, low_bus: float, high: float, high_bus: float, v_re: Floats, v_im: Floats, best: Floats) -> None:
    for k in range(len(v_re)):
        square = v_re[k] * v_re[k] + v_im[k] * v_im[k]
        least, most = low * square, high * square
        lower = 1.0 if least < best[LOWEST, k] else 0.0
        higher = 1.0 if most > best[HIGHEST, k] else 0.0
        best[LOWEST_AT, k] += lower * (low_bus - best[LOWEST_AT, k])
        best[HIGHEST_AT, k] += higher * (high_bus - best[HIGHEST_AT, k])
        best[LOWEST, k] = min(best[LOWEST, k], least) + 0.0
        best[HIGHEST, k] = max(best[HIGHEST, k], most) + 0.0


@kernel
def _note_branch(
    i: int, coefficient: Floats, percent: Floats, v_re: Floats, v_im: Floats, j_re: Floats, j_im: Floats, best: Floats
) -> None:
    """Losses |V|² Re y + |J|² Re z + Re((c* - a) V J*), none of which is a small difference of large numbers; and loading."""
    z_re, y_re, y_im = coefficient[i, PORT_Z_RE], coefficient[i, PORT_Y_RE], coefficient[i, PORT_Y_IM]
    c_re, c_im = coefficient[i, PORT_C_RE], coefficient[i, PORT_C_IM]
    w_re, w_im = c_re - coefficient[i, PORT_A_RE], -c_im - coefficient[i, PORT_A_IM]
    far = percent[i, 1] * percent[i, 1]
    if c_re == 1.0 and c_im == 0.0 and y_re == 0.0 and y_im == 0.0 and w_re == 0.0 and w_im == 0.0:
        most = max(far, percent[i, 0] * percent[i, 0])
        for k in range(len(v_re)):
            square = j_re[k] * j_re[k] + j_im[k] * j_im[k]
            best[LOSSES, k] += z_re * square
            best[LOADING, k] = max(best[LOADING, k], most * square) + 0.0
        return
    near = percent[i, 0] * percent[i, 0]
    for k in range(len(v_re)):
        a, b, c, d = v_re[k], v_im[k], j_re[k], j_im[k]
        square = c * c + d * d
        best[LOSSES, k] += y_re * (a * a + b * b) + z_re * square + w_re * (a * c + b * d) + w_im * (a * d - b * c)
        e, f = y_re * a - y_im * b + c_re * c - c_im * d, y_re * b + y_im * a + c_re * d + c_im * c
        best[LOADING, k] = max(best[LOADING, k], max(far * square, near * (e * e + f * f))) + 0.0
