"""What three-phase power flows say in a few numbers: extremes of voltages, unbalance, loading, losses, the grids' power."""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.blocks import add_matrix, add_product
from fastp2p.kernels.grid.phase_inside import look_at_currents, look_at_voltages
from fastp2p.kernels.grid.phase_structs import (
    HIGHEST,
    HIGHEST_AT,
    LOADING,
    LOSSES,
    LOWEST,
    LOWEST_AT,
    NEUTRAL,
    OF_BOTH,
    OF_J,
    OF_V,
    SLACK_P,
    SLACK_Q,
    UNBALANCE,
    UNBALANCE_AT,
    PhaseInside,
    PhaseLook,
)
from fastp2p.kernels.grid.structs import ALL_PHASES, FAR, NEAR, UP, PhaseLimits, PhaseSummary, PhaseTree
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]

HALF_ROOT = math.sqrt(0.75)


@kernel
def summarise_block(
    few: PhaseTree, limits: PhaseLimits, inside: PhaseInside, work: Floats, end: Floats, look: PhaseLook, best: Floats
) -> None:
    """A block's books in the rows of `best`.

    Parameters
    ----------
    few : PhaseTree
    limits : PhaseLimits
        Of the few.
    inside : PhaseInside
    work : (4, n_few, 3 * block) float64, p.u.
        Voltages and the currents J of `PhaseTree`: real and imaginary parts.
    end : (2, 2, 3 * block) float64
        Work space.
    look : PhaseLook
    best : (15, block) float64
        Output.
    """
    parent, turn_of, turn, general_of = few.parent, few.turn_of, few.turn, few.general_of
    ends, general_ends, alike, percent, counts = limits.ends, limits.general_ends, limits.alike, limits.percent, limits.counts
    losses, general_losses, kept = inside.losses, inside.general_losses, inside.kept
    v_re, v_im, j_re, j_im = work[0], work[1], work[2], work[3]
    size = best.shape[1]
    end_re, end_im = end[0], end[1]
    best[:] = 0.0
    best[LOWEST] = np.inf
    for i in range(len(parent)):
        up, row = parent[i], general_of[i]
        if row == -1:
            _note_losses(losses, i, work, best)
        else:
            _note_general_losses(general_losses, row, work, i, best)
        if counts[i] == ALL_PHASES:
            _note_voltages(v_re, v_im, i, kept[i], best)
        elif counts[i] != 0:
            _note_some_voltages(counts[i], v_re, v_im, i, kept[i], best)
        if up == -1:
            for f in range(3):
                for k in range(size):
                    a, b, c, d = v_re[i, f * size + k], v_im[i, f * size + k], j_re[i, f * size + k], j_im[i, f * size + k]
                    best[SLACK_P + f, k] += (a * c + b * d) / 3.0
                    best[SLACK_Q + f, k] += (b * c - a * d) / 3.0
            continue
        near, far = percent[i, 0], percent[i, 1]
        if near == 0.0 and far == 0.0:
            continue
        if alike[i]:
            _note_currents(max(near, far), j_re, j_im, i, best)
            continue
        find_ends(i, up, turn_of[i], turn, row, ends if row == -1 else general_ends, work, end)
        _note_currents(near, end_re, end_im, 0, best)
        _note_currents(far, end_re, end_im, 1, best)
    look_at_voltages(inside.voltages, work, look, best)
    look_at_currents(inside.currents, work, look, best)
    for k in range(size):
        best[LOSSES, k] /= 3.0
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
def _note_general_losses(of: Floats, row: int, work: Floats, i: int, best: Floats) -> None:
    """Re V*(A V) + Re J*(B J) + Re V*(C J) with the three matrices of a row."""
    v_re, v_im, j_re, j_im = work[0], work[1], work[2], work[3]
    _note_matrix_losses(of, row, OF_V, v_re, v_im, i, best)
    _note_matrix_losses(of, row, OF_J, j_re, j_im, i, best)
    size = best.shape[1]
    for f in range(3):
        for g in range(3):
            re, im = of[row, OF_BOTH + 6 * f + 2 * g], of[row, OF_BOTH + 6 * f + 2 * g + 1]
            if re == 0.0 and im == 0.0:
                continue
            for k in range(size):
                a, b, c, d = v_re[i, f * size + k], v_im[i, f * size + k], j_re[i, g * size + k], j_im[i, g * size + k]
                best[LOSSES, k] += re * (a * c + b * d) + im * (b * c - a * d)


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
def _note_losses(of: Floats, i: int, work: Floats, best: Floats) -> None:
    """The same with circulant blocks: neither term of one is a small difference of large numbers."""
    v_re, v_im, j_re, j_im = work[0], work[1], work[2], work[3]
    if of[i, 0] != 0.0 or of[i, 1] != 0.0:
        _note_square(of[i, 0], of[i, 1], v_re, v_im, i, best)
    if of[i, 2] != 0.0 or of[i, 3] != 0.0:
        _note_square(of[i, 2], of[i, 3], j_re, j_im, i, best)
    one_re, one_im, both_re, both_im = of[i, 4], of[i, 5], of[i, 6], of[i, 7]
    if one_re == 0.0 and one_im == 0.0 and both_re == 0.0 and both_im == 0.0:
        return
    size = best.shape[1]
    for k in range(size):
        a, b, c = v_re[i, k], v_re[i, size + k], v_re[i, 2 * size + k]
        d, e, f = v_im[i, k], v_im[i, size + k], v_im[i, 2 * size + k]
        p, q, r = j_re[i, k], j_re[i, size + k], j_re[i, 2 * size + k]
        s, t, u = j_im[i, k], j_im[i, size + k], j_im[i, 2 * size + k]
        best[LOSSES, k] += (
            one_re * (a * p + d * s + b * q + e * t + c * r + f * u) + one_im * (d * p - a * s + e * q - b * t + f * r - c * u)
            + both_re * ((a + b + c) * (p + q + r) + (d + e + f) * (s + t + u))
            + both_im * ((d + e + f) * (p + q + r) - (a + b + c) * (s + t + u))
        )  # fmt: skip


@kernel
def _note_square(one: float, mutual: float, x_re: Floats, x_im: Floats, i: int, best: Floats) -> None:
    """Re x*(M x) of a block M = m₁ + m_m."""
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
def _note_voltages(v_re: Floats, v_im: Floats, i: int, at_place: int, best: Floats) -> None:
    """Extremes of |V|² with three times the place plus the phase; of |V₂|² / |V₁|² with the place."""
    size, place = best.shape[1], float(at_place)
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
def _note_some_voltages(bits: int, v_re: Floats, v_im: Floats, i: int, place: int, best: Floats) -> None:
    """As `_note_voltages`, of a bus that lacks phases: there is no unbalance."""
    size = best.shape[1]
    for f in range(3):
        if bits >> f & 1:
            at = 3.0 * float(place) + f
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
