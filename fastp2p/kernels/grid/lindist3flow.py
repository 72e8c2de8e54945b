"""LinDist3Flow: flows of conductors and squared voltages of many books as linear functions of injections, on trees.

Around the state without injections, P and Q of a conductor are sums of what is injected behind it on its phase, and squared
voltages |V_φ|² rise towards a bus by 2 Re Σ_ψ Z_φψ conj(γ_φψ S_ψ), with S the power towards the external grid and
γ_φψ = exp(-j 2π/3 (φ - ψ)) the ratio of balanced voltages (Gan and Low 2014, Convex relaxations and linear approximation for
optimal power flow in multiphase radial networks). Shunts are left out, as in `kernels.grid.lindistflow`.

A transformer mixes phases: S_parent,φ = Σ_ψ m_φψ S_child,ψ. Voltages below it follow from complex changes of those above,
y = 2 |U|² ΔV / U of which Δ|V|² is the real part: y_child,φ = Σ_χ n_φχ y_parent,χ + …, with n_φχ = t² m_χφ if t is its ratio in
all phases.

Most buses are joints in a cable, where nobody injects and nothing forks. All branches of such a chain carry the same power but
for their constants, so only the ends of chains have a line in the work space.

Books are the innermost dimension of a block, as in `kernels.grid.flows`. Loops store to one array each, and read from few: LLVM
makes no vectors of loops whose arrays it would have to compare with one another too often.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.structs import LinearPhases
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

P, Q, W, IM = 0, 3, 6, 9
"""Where an end's three values begin: P, Q towards the parent, changes of squared voltages, and their imaginary parts."""
N_VALUES = 12
N_SUMS = 22
"""Coefficients that are summed up over a chain: z₁, z_m, and a matrix."""
SIN = math.sqrt(0.75)


@kernel
def linear_phase_states(p_kw: Floats, q_kvar: Floats, model: LinearPhases, work: Floats, state: Floats) -> None:
    """Flows and squared voltages of every book.

    Parameters
    ----------
    p_kw, q_kvar : (n_books, n_columns, 3) float64
    model : LinearPhases
    work : (n_ends, N_VALUES, block) float64
        Work space.
    state : (3, n_books, n_bus, 3) float64
        Output by place, phase by phase: P and Q towards the parent (kW, kvar) and |V|² (p.u.).
    """
    parent, first, coefficient, constant = model.parent, model.first, model.coefficient, model.constant
    general_of, general = model.general_of, model.general
    block = work.shape[2]
    w, total, sums = np.empty((3, block)), np.empty((2, block)), np.empty(N_SUMS)
    for book in range(0, len(p_kw), block):
        size = min(block, len(p_kw) - book)
        sum_behind(p_kw, q_kvar, model, 6, book, size, work)
        for e in range(len(parent)):
            begin_chain(model, e, work, w, total)
            for i in range(first[e], first[e + 1]):
                if parent[e] != -1 and general_of[i] == -1:
                    go_down(coefficient[i], work[e], total, w)
                elif parent[e] != -1:
                    go_down_matrix(general[general_of[i]], work[e], w)
                for f in range(3):
                    for k in range(size):
                        state[0, book + k, i, f] = work[e, P + f, k] + constant[i, P + f]
                        state[1, book + k, i, f] = work[e, Q + f, k] + constant[i, Q + f]
                        state[2, book + k, i, f] = w[f, k] + constant[i, W + f]
            end_chain(model, e, w, work, sums)


@kernel
def sum_behind(p_kw: Floats, q_kvar: Floats, model: LinearPhases, n_parts: int, book: int, size: int, work: Floats) -> None:
    """P and Q of every end towards its parent, without constants; 3 parts: P alone."""
    parent, column, turn_of, turn = model.parent, model.column, model.turn_of, model.turn
    block = work.shape[2]
    for e in range(len(parent)):
        c = column[e]
        for f in range(n_parts):
            for k in range(block):
                work[e, f, k] = 0.0
        if c != -1:
            for f in range(3):
                for k in range(size):
                    work[e, P + f, k] = p_kw[book + k, c, f]
                if n_parts == 6:
                    for k in range(size):
                        work[e, Q + f, k] = q_kvar[book + k, c, f]
    for e in range(len(parent) - 1, -1, -1):
        up, t = parent[e], turn_of[e]
        if up == -1:
            continue
        if t == -1:
            for f in range(n_parts):
                for k in range(block):
                    work[up, f, k] += work[e, f, k]
            continue
        for f in range(3):
            for g in range(3):
                re, im = turn[t, 6 * f + 2 * g], turn[t, 6 * f + 2 * g + 1]
                for k in range(block):
                    work[up, P + f, k] += re * work[e, P + g, k]
                if n_parts == 6:
                    for k in range(block):
                        work[up, P + f, k] -= im * work[e, Q + g, k]
                    for k in range(block):
                        work[up, Q + f, k] += re * work[e, Q + g, k] + im * work[e, P + g, k]


@kernel
def begin_chain(model: LinearPhases, e: int, work: Floats, w: Floats, total: Floats) -> None:
    """Changes of squared voltages where the chain to an end begins, and Σ_ψ exp(-j 2π/3 ψ) conj(S_ψ) of what it carries.

    At an external grid there are none, or those behind its impedance: 2 Σ_k z_k exp(j 2π/3 k) conj(S_(φ-k)).
    """
    up, t, turn = model.parent[e], model.turn_of[e], model.turn
    block = work.shape[2]
    if up == -1 or t != -1:
        w[:] = 0.0
    for f in range(3):
        if up != -1 and t == -1:
            for k in range(block):
                w[f, k] = work[up, W + f, k]
        elif t != -1:
            at, last = (P, Q) if up == -1 else (W, IM)
            begin, row = (0, e) if up == -1 else (18, up)
            sign = 1.0 if up == -1 else -1.0  # of conj(S), and of a change
            for g in range(3):
                re, im = turn[t, begin + 6 * f + 2 * g], turn[t, begin + 6 * f + 2 * g + 1]
                for k in range(block):
                    w[f, k] += re * work[row, at + g, k] + sign * im * work[row, last + g, k]
    for k in range(block):
        total[0, k] = work[e, P, k] - 0.5 * (work[e, P + 1, k] + work[e, P + 2, k])
    for k in range(block):
        total[0, k] -= SIN * (work[e, Q + 1, k] - work[e, Q + 2, k])
    for k in range(block):
        total[1, k] = 0.5 * (work[e, Q + 1, k] + work[e, Q + 2, k]) - work[e, Q, k]
    for k in range(block):
        total[1, k] -= SIN * (work[e, P + 1, k] - work[e, P + 2, k])


@kernel
def phase_sum(values: Floats, k: int, total: Floats) -> None:
    """Σ_ψ exp(-j 2π/3 ψ) conj(S_ψ) of one book, as `begin_chain` has it, from the values of an end."""
    p0, p1, p2, q0, q1, q2 = values[P, k], values[P + 1, k], values[P + 2, k], values[Q, k], values[Q + 1, k], values[Q + 2, k]
    total[0] = p0 - 0.5 * (p1 + p2) - SIN * (q1 - q2)
    total[1] = 0.5 * (q1 + q2) - q0 - SIN * (p1 - p2)


@kernel
def go_down(z: Floats, behind: Floats, total: Floats, w: Floats) -> None:
    """What a branch adds: z₁ conj(S_φ) + z_m exp(j 2π/3 φ) Σ_ψ exp(-j 2π/3 ψ) conj(S_ψ), twice."""
    r, x, rm, xm = z[0], z[1], z[2], z[3]
    for f in range(3):
        re, im = turned(f, rm, xm)
        for k in range(w.shape[1]):
            w[f, k] += r * behind[P + f, k] + x * behind[Q + f, k] + re * total[0, k] - im * total[1, k]


@kernel
def go_down_matrix(z: Floats, behind: Floats, w: Floats) -> None:
    """What a branch with a matrix adds: Σ_ψ 2 Z_φψ conj(γ_φψ S_ψ)."""
    for f in range(3):
        for g in range(3):
            re, im = z[6 * f + 2 * g], z[6 * f + 2 * g + 1]
            for k in range(w.shape[1]):
                w[f, k] += re * behind[P + g, k] + im * behind[Q + g, k]


@kernel
def turned(f: int, re: float, im: float) -> tuple[float, float]:
    """A complex number times exp(j 2π/3 f)."""
    if f == 0:
        return re, im
    sin = SIN if f == 1 else -SIN
    return -0.5 * re - sin * im, -0.5 * im + sin * re


@kernel
def end_chain(model: LinearPhases, e: int, w: Floats, work: Floats, sums: Floats) -> None:
    """Keep the changes of squared voltages at an end; above transformers that mix phases their imaginary parts too.

    `sums` is work space, (N_SUMS,).
    """
    up, t = model.parent[e], model.turn_of[e]
    block = work.shape[2]
    for f in range(3):
        for k in range(block):
            work[e, W + f, k] = w[f, k]
    if not model.carries[e]:
        return
    sums[:] = 0.0
    z, matrix = sums[:4], sums[4:]
    for i in range(model.first[e], model.first[e + 1]):
        if up != -1 and model.general_of[i] == -1:
            for m in range(4):
                z[m] += model.coefficient[i, m]
        elif up != -1:
            for m in range(18):
                matrix[m] += model.general[model.general_of[i], m]
    for f in range(3):
        for k in range(block):
            im = 0.0 if up == -1 or t != -1 else work[up, IM + f, k]
            work[e, IM + f, k] = im + z[1] * work[e, P + f, k] - z[0] * work[e, Q + f, k]
        for g in range(3):
            re, im = turned((f - g) % 3, z[2], z[3])
            re, im = re + matrix[6 * f + 2 * g], im + matrix[6 * f + 2 * g + 1]
            for k in range(block):
                work[e, IM + f, k] += im * work[e, P + g, k] - re * work[e, Q + g, k]
        if t == -1:
            continue
        begin, row, at, last = (0, e, P, Q) if up == -1 else (18, up, W, IM)
        for g in range(3):
            re, im = model.turn[t, begin + 6 * f + 2 * g], model.turn[t, begin + 6 * f + 2 * g + 1]
            sign = -1.0 if up == -1 else 1.0
            for k in range(block):
                work[e, IM + f, k] += im * work[row, at + g, k] + sign * re * work[row, last + g, k]
