"""What three-phase power flows say in a few numbers: extremes of voltages, unbalance, loading, losses, the grids' power."""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.blocks import add_matrix, add_product
from fastp2p.kernels.grid.structs import (
    ALL_PHASES,
    FAR,
    NEAR,
    SERIES,
    SHUNT,
    UP,
    Y1_RE,
    YM_RE,
    Z1_RE,
    ZM_RE,
    PhaseLimits,
    PhaseSummary,
    PhaseTree,
)
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]

# rows of a block's `best`; places among them are floats, so that books stay side by side in one vector
LOWEST, LOWEST_AT, HIGHEST, HIGHEST_AT, UNBALANCE, UNBALANCE_AT, LOADING, NEUTRAL, LOSSES, SLACK_P, SLACK_Q = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12,
)  # fmt: skip
N_BEST = 15
HALF_ROOT = math.sqrt(0.75)


@kernel
def summarise_block(tree: PhaseTree, limits: PhaseLimits, work: Floats, best: Floats) -> None:
    """A block's books in the rows of `best`.

    Parameters
    ----------
    tree : PhaseTree
        Of all buses.
    limits : PhaseLimits
    work : (4, n, 3 * block) float64, p.u.
        Voltages and the currents J of `PhaseTree`: real and imaginary parts.
    best : (15, block) float64
        Output.
    """
    parent, coefficient, turn_of, turn = tree.parent, tree.coefficient, tree.turn_of, tree.turn
    general_of, general, general_ends = tree.general_of, tree.general, limits.general_ends
    ends, alike, percent, counts = limits.ends, limits.alike, limits.percent, limits.counts
    v_re, v_im, j_re, j_im = work[0], work[1], work[2], work[3]
    size = best.shape[1]
    end = np.empty((2, 2, 3 * size))
    end_re, end_im = end[0], end[1]
    best[:] = 0.0
    best[LOWEST] = np.inf
    for i in range(len(parent)):
        up, row = parent[i], general_of[i]
        if row != -1:
            _note_matrix_losses(general, row, SHUNT, v_re, v_im, i, best)
        elif coefficient[i, Y1_RE] != 0.0 or coefficient[i, YM_RE] != 0.0:
            _note_losses(coefficient[i, Y1_RE], coefficient[i, YM_RE], v_re, v_im, i, best)
        if counts[i] == ALL_PHASES:
            _note_voltages(v_re, v_im, i, best)
        elif counts[i] != 0:
            _note_some_voltages(counts[i], v_re, v_im, i, best)
        if up == -1:
            for f in range(3):
                for k in range(size):
                    a, b, c, d = v_re[i, f * size + k], v_im[i, f * size + k], j_re[i, f * size + k], j_im[i, f * size + k]
                    best[SLACK_P + f, k] += (a * c + b * d) / 3.0
                    best[SLACK_Q + f, k] += (b * c - a * d) / 3.0
            continue
        if row == -1:
            _note_losses(coefficient[i, Z1_RE], coefficient[i, ZM_RE], j_re, j_im, i, best)
        else:
            _note_matrix_losses(general, row, SERIES, j_re, j_im, i, best)
        near, far = percent[i, 0], percent[i, 1]
        if near == 0.0 and far == 0.0:
            continue
        if alike[i]:
            _note_currents(max(near, far), j_re, j_im, i, best)
            continue
        find_ends(i, up, turn_of[i], turn, row, ends if row == -1 else general_ends, work, end)
        _note_currents(near, end_re, end_im, 0, best)
        _note_currents(far, end_re, end_im, 1, best)
    best[LOSSES] /= 3.0
    for row in (LOWEST, HIGHEST, UNBALANCE, LOADING, NEUTRAL):
        for k in range(size):
            best[row, k] = math.sqrt(best[row, k])


@kernel
def find_ends(i: int, up: int, t: int, turn: Floats, row: int, ends: Floats, work: Floats, end: Floats) -> None:
    """Currents of the branch to the parent: B J and its shunt at the parent's end (row 0), J less the child's (row 1).

    `ends` are the general ones if `row` is one of theirs; `work` and `end` (2, 2, 3 * block) have real and imaginary parts.
    """
    v_re, v_im, j_re, j_im = work[0], work[1], work[2], work[3]
    end_re, end_im = end[0], end[1]
    for k in range(v_re.shape[1]):
        end_re[1, k], end_im[1, k] = j_re[i, k], j_im[i, k]
        end_re[0, k], end_im[0, k] = (j_re[i, k], j_im[i, k]) if t == -1 else (0.0, 0.0)
    if t != -1:
        add_matrix(turn, t, UP, 1.0, j_re, j_im, i, end_re, end_im, 0)
    if row == -1:
        add_product(ends, i, 4, 1.0, v_re, v_im, up, end_re, end_im, 0)
        add_product(ends, i, 0, -1.0, v_re, v_im, i, end_re, end_im, 1)
    else:
        add_matrix(ends, row, NEAR, 1.0, v_re, v_im, up, end_re, end_im, 0)
        add_matrix(ends, row, FAR, -1.0, v_re, v_im, i, end_re, end_im, 1)


@kernel
def _note_matrix_losses(of: Floats, row: int, at: int, x_re: Floats, x_im: Floats, i: int, best: Floats) -> None:
    """Re x*(M x) of a matrix: of x_f* M_fg x_g with both triangles, the difference of which turns the imaginary parts."""
    size = best.shape[1]
    for f in range(3):
        own = of[row, at + 8 * f]
        for k in range(size):
            a, b = x_re[i, f * size + k], x_im[i, f * size + k]
            best[LOSSES, k] += own * (a * a + b * b)
        for g in range(f):
            there, back = at + 6 * f + 2 * g, at + 6 * g + 2 * f
            re, im = of[row, there] + of[row, back], of[row, back + 1] - of[row, there + 1]
            for k in range(size):
                a, b, c, d = x_re[i, f * size + k], x_im[i, f * size + k], x_re[i, g * size + k], x_im[i, g * size + k]
                best[LOSSES, k] += re * (a * c + b * d) + im * (a * d - b * c)


@kernel
def _note_losses(one: float, mutual: float, x_re: Floats, x_im: Floats, i: int, best: Floats) -> None:
    """Re x*(M x) of a block M = m₁ + m_m; neither term is a small difference of large numbers."""
    size = best.shape[1]
    for k in range(size):
        a, b, c = x_re[i, k], x_re[i, size + k], x_re[i, 2 * size + k]
        d, e, f = x_im[i, k], x_im[i, size + k], x_im[i, 2 * size + k]
        total_re, total_im = a + b + c, d + e + f
        best[LOSSES, k] += one * (a * a + b * b + c * c + d * d + e * e + f * f) + mutual * (
            total_re * total_re + total_im * total_im
        )


@kernel
def _note_currents(percent: float, x_re: Floats, x_im: Floats, i: int, best: Floats) -> None:
    """The largest squared loading of a phase conductor, and of the neutral by the sum of all phases' currents."""
    size, most = best.shape[1], percent * percent
    for k in range(size):
        a, b, c = x_re[i, k], x_re[i, size + k], x_re[i, 2 * size + k]
        d, e, f = x_im[i, k], x_im[i, size + k], x_im[i, 2 * size + k]
        total_re, total_im = a + b + c, d + e + f
        largest = max(a * a + d * d, max(b * b + e * e, c * c + f * f))
        best[LOADING, k] = max(best[LOADING, k], most * largest) + 0.0
        best[NEUTRAL, k] = max(best[NEUTRAL, k], most * (total_re * total_re + total_im * total_im)) + 0.0


@kernel
def _note_voltages(v_re: Floats, v_im: Floats, i: int, best: Floats) -> None:
    """Extremes of |V|² with three times the place plus the phase; of |V₂|² / |V₁|² with the place."""
    size, place = best.shape[1], float(i)
    for f in range(3):
        at = 3.0 * place + f
        for k in range(size):
            a, b = v_re[i, f * size + k], v_im[i, f * size + k]
            square = a * a + b * b
            lower = 1.0 if square < best[LOWEST, k] else 0.0
            higher = 1.0 if square > best[HIGHEST, k] else 0.0
            best[LOWEST_AT, k] += lower * (at - best[LOWEST_AT, k])
            best[HIGHEST_AT, k] += higher * (at - best[HIGHEST_AT, k])
            best[LOWEST, k] = min(best[LOWEST, k], square) + 0.0
            best[HIGHEST, k] = max(best[HIGHEST, k], square) + 0.0
    for k in range(size):
        # three times V₁ and V₂: V_a - (V_b + V_c) / 2 ± j √¾ (V_b - V_c)
        re = v_re[i, k] - 0.5 * (v_re[i, size + k] + v_re[i, 2 * size + k])
        im = v_im[i, k] - 0.5 * (v_im[i, size + k] + v_im[i, 2 * size + k])
        across_re = HALF_ROOT * (v_im[i, 2 * size + k] - v_im[i, size + k])
        across_im = HALF_ROOT * (v_re[i, size + k] - v_re[i, 2 * size + k])
        a, b, c, d = re + across_re, im + across_im, re - across_re, im - across_im
        share = (c * c + d * d) / (a * a + b * b)
        higher = 1.0 if share > best[UNBALANCE, k] else 0.0
        best[UNBALANCE_AT, k] += higher * (place - best[UNBALANCE_AT, k])
        best[UNBALANCE, k] = max(best[UNBALANCE, k], share) + 0.0


@kernel
def _note_some_voltages(bits: int, v_re: Floats, v_im: Floats, i: int, best: Floats) -> None:
    """As `_note_voltages`, of a bus that lacks phases: there is no unbalance."""
    size = best.shape[1]
    for f in range(3):
        if bits >> f & 1:
            at = 3.0 * float(i) + f
            for k in range(size):
                a, b = v_re[i, f * size + k], v_im[i, f * size + k]
                square = a * a + b * b
                if square < best[LOWEST, k]:
                    best[LOWEST, k], best[LOWEST_AT, k] = square, at
                if square > best[HIGHEST, k]:
                    best[HIGHEST, k], best[HIGHEST_AT, k] = square, at


@kernel
def put_summary(book: int, k: int, best: Floats, summary: PhaseSummary) -> None:
    """A book of a block into the summary."""
    low, high = int(best[LOWEST_AT, k]), int(best[HIGHEST_AT, k])
    summary.lowest_vm_pu[book], summary.lowest_bus[book], summary.lowest_phase[book] = best[LOWEST, k], low // 3, low % 3
    summary.highest_vm_pu[book], summary.highest_bus[book], summary.highest_phase[book] = best[HIGHEST, k], high // 3, high % 3
    summary.unbalance_percent[book], summary.unbalance_bus[book] = 100.0 * best[UNBALANCE, k], int(best[UNBALANCE_AT, k])
    summary.loading_percent[book], summary.neutral_percent[book] = best[LOADING, k], best[NEUTRAL, k]
    summary.losses_kw[book] = best[LOSSES, k]
    for f in range(3):
        summary.slack_kw[book, f], summary.slack_kvar[book, f] = best[SLACK_P + f, k], best[SLACK_Q + f, k]
