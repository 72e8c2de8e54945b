"""Three-phase AC power flows of many books on trees, by backward and forward sweeps.

As ac.py, with three conductors at every bus. A row of a block holds the books of phase a, then those of b, then those of c:
what is the same for all phases is one loop. `size` is the number of books of a block: entry f * size + k is phase f of book k.

What is given in symmetrical components has circulant blocks (`PhaseTree`): a branch drops z₁ J + z_m ΣJ, four complex products
instead of nine. Sweeps run on few buses (`fastp2p.grid.phase_feeder`): those on chains and dead ends follow from them.

Source: Cheng and Shirmohammadi 1995, A three-phase power flow method for real-time distribution system analysis.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.ac import LONG, LOST_PU, stop_converged
from fastp2p.kernels.grid.blocks import add_matrix, add_product
from fastp2p.kernels.grid.phase_inside import look_space
from fastp2p.kernels.grid.phase_structs import (
    LOSSES,
    MAP_J,
    MAP_V,
    N_BEST,
    SLACK_P,
    PhaseInside,
    PhaseLook,
    PhasePlaces,
    PhaseWork,
)
from fastp2p.kernels.grid.phase_summary import find_ends, put_summary, summarise_block
from fastp2p.kernels.grid.structs import (
    DOWN,
    SERIES,
    SHUNT,
    UP,
    Y1_IM,
    Y1_RE,
    YM_IM,
    YM_RE,
    Z1_IM,
    Z1_RE,
    ZM_IM,
    ZM_RE,
    PhaseLimits,
    PhaseSummary,
    PhaseTree,
)
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@kernel
def audit_phases(
    p_kw: Floats,
    q_kvar: Floats,
    few: PhaseTree,
    column_of_few: Ints,
    limits: PhaseLimits,
    inside: PhaseInside,
    control: tuple[float, int, int],
    summary: PhaseSummary,
    n_iterations: Ints,
) -> None:
    """What the three-phase power flow of every book says of its voltages, loading and losses.

    Parameters
    ----------
    p_kw, q_kvar : (n_books, n_columns, 3) float64
        Injections between phase and neutral, feeding the grid positive.
    few : PhaseTree
        On which the sweeps run: external grids, buses with a column, forks, both sides of transformers.
    column_of_few : (n_few,) int64
        Column of each of its places; -1 where nobody injects.
    limits : PhaseLimits
        Of the few.
    inside : PhaseInside
        What else there is.
    control : (float, int, int)
        How far a voltage may be from the solution, p.u., as the last two steps let it be estimated; the most iterations; the
        books of a block.
    summary : PhaseSummary
        Output; buses are places of the whole tree.
    n_iterations : (n_books,) int64
        Output; 0 where a book did not converge.
    """
    size = control[2]
    n_columns = p_kw.shape[1]
    power, busy = np.empty((2, n_columns, 3 * size)), np.empty((n_columns, 3), np.bool_)
    work, look = _work_space(len(few.parent), size), look_space(inside, size)
    best, count = np.empty((N_BEST, size)), np.empty(size, np.int64)
    for first in range(0, len(p_kw), size):
        n = min(size, len(p_kw) - first)
        _fill(p_kw, q_kvar, first, n, size, power, busy)
        audit_phase_block(power, busy, few, column_of_few, limits, inside, (control[0], control[1], n), work, look, best, count)
        for k in range(n):
            put_summary(first + k, k, best, summary)
            n_iterations[first + k] = count[k]


@kernel
def audit_phase_block(
    power: Floats, busy: Bools, few: PhaseTree, column_of_few: Ints, limits: PhaseLimits, inside: PhaseInside,
    control: tuple[float, int, int], work: PhaseWork, look: PhaseLook, best: Floats, count: Ints,
) -> None:  # fmt: skip
    """As `audit_phases`, of the books of one block; it allocates nothing, so that a thread of a GPU can do a block of one book.

    Parameters
    ----------
    power : (2, n_columns, 3 * block) float64
        Three times the kW and the kvar that a phase injects, books innermost.
    busy : (n_columns, 3) bool
        Which phases inject in any of them.
    few, column_of_few, limits, inside : as for `audit_phases`
    control : (float, int, int)
        As there, but how many books of the block count.
    work : PhaseWork
    look : PhaseLook
    best : (15, block) float64
        Output: the rows that `kernels.grid.phase_summary` names.
    count : (block,) int64
        Output: sweeps, 0 where a book did not converge.
    """
    tolerance, most_iterations, n = control
    small, steps, above, end = work
    _solve_block(power, busy, column_of_few, few, tolerance, most_iterations, n, small, steps, above, count)
    _sweep_backward(power, busy, column_of_few, few, small[0], small[1], small[2], small[3])
    summarise_block(few, limits, inside, small, end, look, best)
    for k in range(n):
        total = best[LOSSES, k] + best[SLACK_P, k] + best[SLACK_P + 1, k] + best[SLACK_P + 2, k]
        if not math.isfinite(total):  # a voltage that is no number spreads to the root
            count[k] = 0


@kernel
def flow_phases(
    p_kw: Floats,
    q_kvar: Floats,
    few: PhaseTree,
    column_of_few: Ints,
    inside: PhasePlaces,
    every: PhaseTree,
    column: Ints,
    limits: PhaseLimits,
    control: tuple[float, int, int],
    voltage: Floats,
    current: Floats,
    n_iterations: Ints,
) -> None:
    """Voltages and currents of every book.

    Parameters
    ----------
    p_kw, q_kvar, few, column_of_few, control, n_iterations : as for `audit_phases`
    inside : PhasePlaces
    every : PhaseTree
        Of all buses.
    column : (n_bus,) int64
        Column of each place of it.
    limits : PhaseLimits
        Of it.
    voltage : (2, n_books, n_bus, 3) float64, p.u.
        Output: real and imaginary part, by place of `every`.
    current : (2, 2, n_books, n_bus, 3) float64, p.u.
        Output: real and imaginary part of what flows into the branch to the parent at the parent's end, and out of it at the
        child's; zero at external grids, which have no parent.
    """
    parent, turn_of, turn, general_of = every.parent, every.turn_of, every.turn, every.general_of
    ends, general_ends = limits.ends, limits.general_ends
    tolerance, most_iterations, size = control
    n_columns, n_few, n_bus = p_kw.shape[1], len(few.parent), len(every.parent)
    power, busy = np.empty((2, n_columns, 3 * size)), np.empty((n_columns, 3), np.bool_)
    small, steps, above, end = _work_space(n_few, size)
    large, count = small if n_few == n_bus else np.empty((4, n_bus, 3 * size)), np.empty(size, np.int64)
    end_re, end_im, v_re, v_im = end[0], end[1], large[0], large[1]
    for first in range(0, len(p_kw), size):
        n = min(size, len(p_kw) - first)
        _fill(p_kw, q_kvar, first, n, size, power, busy)
        _solve_block(power, busy, column_of_few, few, tolerance, most_iterations, n, small, steps, above, count)
        if n_few < n_bus:
            _sweep_backward(power, busy, column_of_few, few, small[0], small[1], small[2], small[3])
            _expand(inside, small, large)
        _sweep_backward(power, busy, column, every, v_re, v_im, large[2], large[3])
        for k in range(n):
            n_iterations[first + k] = count[k]
        for i in range(n_bus):
            if parent[i] != -1:
                row = general_of[i]
                find_ends(i, parent[i], turn_of[i], turn, row, ends if row == -1 else general_ends, large, end)
            for f in range(3):
                for k in range(n):
                    at = f * size + k
                    voltage[0, first + k, i, f], voltage[1, first + k, i, f] = v_re[i, at], v_im[i, at]
                    for e in range(2):
                        current[e, 0, first + k, i, f] = end_re[e, at] if parent[i] != -1 else 0.0
                        current[e, 1, first + k, i, f] = end_im[e, at] if parent[i] != -1 else 0.0


@kernel
def _work_space(n_few: int, size: int) -> PhaseWork:
    small, above, end = np.empty((4, n_few, 3 * size)), np.empty((4, 1, 3 * size)), np.zeros((2, 2, 3 * size))
    return PhaseWork(small, np.empty((4, size)), above, end)


@kernel
def _fill(p_kw: Floats, q_kvar: Floats, first: int, n: int, size: int, power: Floats, busy: Bools) -> None:
    """Columns of a block of books, and which of their phases inject in any of them; zero beyond the last book.

    Three times what a phase injects: per unit of a third of the base.
    """
    for c in range(len(busy)):
        for f in range(3):
            any_power = 0.0
            for k in range(n):
                p, q = p_kw[first + k, c, f], q_kvar[first + k, c, f]
                power[0, c, f * size + k], power[1, c, f * size + k] = 3.0 * p, 3.0 * q
                any_power += 0.0 if p == 0.0 and q == 0.0 else 1.0
            for k in range(n, size):
                power[0, c, f * size + k], power[1, c, f * size + k] = 0.0, 0.0
            busy[c, f] = any_power > 0.0


@kernel
def _solve_block(
    power: Floats, busy: Bools, column: Ints, tree: PhaseTree, tolerance: float, most_iterations: int, n: int, work: Floats,
    steps: Floats, above: Floats, count: Ints,
) -> None:  # fmt: skip
    """Voltages of a block's books; a book's `count` is the steps that it took, 0 where they were not enough (as in ac.py)."""
    start, v_re, v_im, j_re, j_im = tree.start, work[0], work[1], work[2], work[3]
    size = len(count)
    step, change, before, lowest = steps[0], steps[1], steps[2], steps[3]
    step[:] = 1.0
    before[:] = np.inf
    count[:] = 0
    for i in range(len(start)):
        for f in range(3):
            for k in range(size):
                v_re[i, f * size + k], v_im[i, f * size + k] = start[i, 2 * f], start[i, 2 * f + 1]
    for iteration in range(1, most_iterations + 1):
        _sweep_backward(power, busy, column, tree, v_re, v_im, j_re, j_im)
        change[:] = 0.0
        _sweep_forward(tree, step, change, above, v_re, v_im, j_re, j_im)
        n_left = stop_converged(step, change, before, n, iteration, tolerance, count)
        if iteration > LONG:
            n_left -= _give_up(step, n, lowest, v_re, v_im)
        if n_left == 0:
            break


@kernel
def _give_up(step: Floats, n: int, lowest: Floats, v_re: Floats, v_im: Floats) -> int:
    """Freeze books in which a voltage is lost, or no number; returns how many."""
    size = len(lowest)
    lowest[:] = np.inf
    for i in range(len(v_re)):
        for f in range(3):
            for k in range(size):
                a, b = v_re[i, f * size + k], v_im[i, f * size + k]
                square = a * a + b * b
                lowest[k] = min(lowest[k], square) if square == square else 0.0
    lost = 0
    for k in range(n):
        if step[k] != 0.0 and lowest[k] < LOST_PU * LOST_PU:
            step[k] = 0.0
            lost += 1
    return lost


@kernel
def _sweep_backward(
    power: Floats, busy: Bools, column: Ints, tree: PhaseTree, v_re: Floats, v_im: Floats, j_re: Floats, j_im: Floats
) -> None:
    """Currents into every bus from its voltage and the buses behind it."""
    parent, coefficient, turn_of, turn = tree.parent, tree.coefficient, tree.turn_of, tree.turn
    general_of, general = tree.general_of, tree.general
    wide = v_re.shape[1]
    size = wide // 3
    p, q = power[0], power[1]
    j_re[:] = 0.0
    j_im[:] = 0.0
    for i in range(len(parent) - 1, -1, -1):
        c, up = column[i], parent[i]
        y1_re, y1_im, row = coefficient[i, Y1_RE], coefficient[i, Y1_IM], general_of[i]
        if row != -1:
            add_matrix(general, row, SHUNT, 1.0, v_re, v_im, i, j_re, j_im, i)
        elif y1_re != 0.0 or y1_im != 0.0 or coefficient[i, YM_RE] != 0.0 or coefficient[i, YM_IM] != 0.0:
            add_product(coefficient, i, Y1_RE, 1.0, v_re, v_im, i, j_re, j_im, i)
        if c != -1:
            for f in range(3):
                if busy[c, f]:
                    o = f * size
                    for k in range(size):  # from 0: from elsewhere it would not be made of vector operations
                        # the injected current (S / V)* = (p - jq) V / |V|²
                        a, b = v_re[i, o + k], v_im[i, o + k]
                        scale = 1.0 / (a * a + b * b)
                        j_re[i, o + k] -= (p[c, o + k] * a + q[c, o + k] * b) * scale
                        j_im[i, o + k] -= (p[c, o + k] * b - q[c, o + k] * a) * scale
        if up == -1:
            continue
        if turn_of[i] == -1:
            for k in range(wide):
                j_re[up, k] += j_re[i, k]
                j_im[up, k] += j_im[i, k]
        else:
            add_matrix(turn, turn_of[i], UP, 1.0, j_re, j_im, i, j_re, j_im, up)


@kernel
def _sweep_forward(
    tree: PhaseTree, step: Floats, change: Floats, scratch: Floats, v_re: Floats, v_im: Floats, j_re: Floats, j_im: Floats
) -> None:
    """Voltages of every bus from its parent's and the current into it, for books whose `step` is 1; the largest change."""
    parent, coefficient, turn_of, turn, start = tree.parent, tree.coefficient, tree.turn_of, tree.turn, tree.start
    general_of, general = tree.general_of, tree.general
    size = len(step)
    both_re, both_im, above_re, above_im = scratch[0, 0], scratch[1, 0], scratch[2], scratch[3]
    for i in range(len(parent)):
        up = parent[i]
        if up == -1 and turn_of[i] == -1:
            continue
        if turn_of[i] != -1:
            for f in range(3):
                for k in range(size):
                    above_re[0, f * size + k] = start[i, 2 * f] if up == -1 else 0.0
                    above_im[0, f * size + k] = start[i, 2 * f + 1] if up == -1 else 0.0
            if up == -1:
                add_matrix(turn, turn_of[i], DOWN, -1.0, j_re, j_im, i, above_re, above_im, 0)
            else:
                add_matrix(turn, turn_of[i], DOWN, 1.0, v_re, v_im, up, above_re, above_im, 0)
        if general_of[i] != -1:
            if turn_of[i] == -1:
                for k in range(3 * size):
                    above_re[0, k], above_im[0, k] = v_re[up, k], v_im[up, k]
            if up != -1:
                add_matrix(general, general_of[i], SERIES, -1.0, j_re, j_im, i, above_re, above_im, 0)
            _go_to(above_re, above_im, i, step, change, v_re, v_im)
            continue
        z_re, z_im, m_re, m_im = coefficient[i, Z1_RE], coefficient[i, Z1_IM], coefficient[i, ZM_RE], coefficient[i, ZM_IM]
        for k in range(size):
            total_re = j_re[i, k] + j_re[i, size + k] + j_re[i, 2 * size + k]
            total_im = j_im[i, k] + j_im[i, size + k] + j_im[i, 2 * size + k]
            both_re[k] = m_re * total_re - m_im * total_im
            both_im[k] = m_re * total_im + m_im * total_re
        for f in range(3):
            o = f * size
            if turn_of[i] == -1:
                for k in range(size):
                    c, d = j_re[i, o + k], j_im[i, o + k]
                    to_re = v_re[up, o + k] - (z_re * c - z_im * d) - both_re[k] - v_re[i, o + k]
                    to_im = v_im[up, o + k] - (z_re * d + z_im * c) - both_im[k] - v_im[i, o + k]
                    v_re[i, o + k] += step[k] * to_re
                    v_im[i, o + k] += step[k] * to_im
                    change[k] = max(change[k], max(abs(to_re), abs(to_im))) + 0.0
            else:
                for k in range(size):
                    c, d = j_re[i, o + k], j_im[i, o + k]
                    to_re = above_re[0, o + k] - (z_re * c - z_im * d) - both_re[k] - v_re[i, o + k]
                    to_im = above_im[0, o + k] - (z_re * d + z_im * c) - both_im[k] - v_im[i, o + k]
                    v_re[i, o + k] += step[k] * to_re
                    v_im[i, o + k] += step[k] * to_im
                    change[k] = max(change[k], max(abs(to_re), abs(to_im))) + 0.0


@kernel
def _go_to(to_re: Floats, to_im: Floats, i: int, step: Floats, change: Floats, v_re: Floats, v_im: Floats) -> None:
    """Voltages of a bus to those of row 0, for books whose `step` is 1; the largest change."""
    size = len(step)
    for f in range(3):
        o = f * size
        for k in range(size):
            by_re, by_im = to_re[0, o + k] - v_re[i, o + k], to_im[0, o + k] - v_im[i, o + k]
            v_re[i, o + k] += step[k] * by_re
            v_im[i, o + k] += step[k] * by_im
            change[k] = max(change[k], max(abs(by_re), abs(by_im))) + 0.0


@kernel
def _expand(inside: PhasePlaces, small: Floats, large: Floats) -> None:
    """Voltages of all buses from the voltages and currents of few."""
    kept, place, row, maps = inside.kept, inside.place, inside.row, inside.map
    v_re, v_im = large[0], large[1]
    for r in range(len(kept)):
        for k in range(v_re.shape[1]):
            v_re[kept[r], k], v_im[kept[r], k] = small[0, r, k], small[1, r, k]
    for i in range(len(place)):
        v_re[place[i]], v_im[place[i]] = 0.0, 0.0
        add_matrix(maps, i, MAP_V, 1.0, small[0], small[1], row[i], v_re, v_im, place[i])
        add_matrix(maps, i, MAP_J, 1.0, small[2], small[3], row[i], v_re, v_im, place[i])
