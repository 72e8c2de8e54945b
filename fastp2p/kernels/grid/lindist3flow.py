"""LinDist3Flow: flows of conductors and squared voltages of many books as linear functions of injections, on trees.

Around the state without injections, P and Q of a conductor are sums of what is injected behind it on its phase, and squared
voltages |V_φ|² rise towards a bus by 2 Re Σ_ψ Z_φψ conj(γ_φψ S_ψ), with S the power towards the external grid and
γ_φψ = exp(-j 2π/3 (φ - ψ)) the ratio of balanced voltages (Gan and Low 2014, Convex relaxations and linear approximation for
optimal power flow in multiphase radial networks). Shunts are left out, as in `kernels.grid.lindistflow`.

A transformer mixes phases: S_parent,φ = Σ_ψ m_(ψ-φ) S_child,ψ. Voltages below it follow from complex changes of those above,
y = 2 |U|² ΔV / U of which Δ|V|² is the real part: y_child,φ = t² Σ_χ m_(φ-χ) y_parent,χ + …, with t its ratio.

Books are the innermost dimension of a block, as in `kernels.grid.flows`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.structs import LinearPhases
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

P, Q, W, IM = 0, 3, 6, 9
"""Where a place's three values begin: P, Q towards the parent, squared voltages, and the imaginary parts of their changes."""
N_VALUES = 12
SIN = math.sqrt(0.75)


@kernel
def linear_phase_states(p_kw: Floats, q_kvar: Floats, column: Ints, model: LinearPhases, work: Floats, state: Floats) -> None:
    """Flows and squared voltages of every book.

    Parameters
    ----------
    p_kw, q_kvar : (n_books, n_columns, 3) float64
    column : (n_bus,) int64
        Column of each place; -1 where nobody injects.
    model : LinearPhases
    work : (n_bus, N_VALUES, block) float64
        Work space.
    state : (3, n_books, n_bus, 3) float64
        Output, phase by phase: P and Q from each bus towards its parent (kW, kvar) and |V|² (p.u.).
    """
    block = work.shape[2]
    for first in range(0, len(p_kw), block):
        size = min(block, len(p_kw) - first)
        linear_phase_block(p_kw, q_kvar, column, model, first, size, work)
        for i in range(len(column)):
            for f in range(3):
                for k in range(size):
                    state[0, first + k, i, f] = work[i, P + f, k]
                    state[1, first + k, i, f] = work[i, Q + f, k]
                    state[2, first + k, i, f] = work[i, W + f, k]


@kernel
def linear_phase_block(
    p_kw: Floats, q_kvar: Floats, column: Ints, model: LinearPhases, first: int, size: int, work: Floats
) -> None:
    """P, Q and |V|² of a block of books, constants included."""
    parent, coefficient, turn_of, turn, constant, carries = model
    _sum_behind(p_kw, q_kvar, column, parent, turn_of, turn, first, size, work)
    for i in range(len(parent)):
        up, t = parent[i], turn_of[i]
        if up == -1:
            _begin(i, t, turn, work)
            continue
        if t == -1:
            for f in range(3):
                for k in range(work.shape[2]):
                    work[i, W + f, k] = work[up, W + f, k]
            if carries[i]:
                for f in range(3):
                    for k in range(work.shape[2]):
                        work[i, IM + f, k] = work[up, IM + f, k]
        else:
            _turn_down(up, i, turn[t], carries[i], work)
        _rise(i, coefficient[i, 0], coefficient[i, 1], coefficient[i, 2], coefficient[i, 3], carries[i], work)
    for i in range(len(parent)):
        for f in range(3):
            p, q, w = constant[i, 0], constant[i, 1], constant[i, 2]
            for k in range(work.shape[2]):
                work[i, P + f, k] += p
                work[i, Q + f, k] += q
                work[i, W + f, k] += w


@kernel
def _sum_behind(
    p_kw: Floats, q_kvar: Floats, column: Ints, parent: Ints, turn_of: Ints, turn: Floats, first: int, size: int, work: Floats
) -> None:
    """P and Q of every place towards its parent, without constants."""
    block = work.shape[2]
    for i in range(len(parent)):
        c = column[i]
        for f in range(3):
            for k in range(block):
                work[i, P + f, k] = 0.0
                work[i, Q + f, k] = 0.0
            if c != -1:
                for k in range(size):
                    work[i, P + f, k] = p_kw[first + k, c, f]
                    work[i, Q + f, k] = q_kvar[first + k, c, f]
    for i in range(len(parent) - 1, -1, -1):
        up, t = parent[i], turn_of[i]
        if up == -1:
            continue
        if t == -1:
            for f in range(6):
                for k in range(block):
                    work[up, f, k] += work[i, f, k]
            continue
        for f in range(3):
            for g in range(3):
                re, im = turn[t, 2 * ((g - f) % 3)], turn[t, 2 * ((g - f) % 3) + 1]
                for k in range(block):
                    work[up, P + f, k] += re * work[i, P + g, k] - im * work[i, Q + g, k]
                    work[up, Q + f, k] += re * work[i, Q + g, k] + im * work[i, P + g, k]


@kernel
def _begin(i: int, t: int, turn: Floats, work: Floats) -> None:
    """Changes of voltage at an external grid: none, or behind its impedance, 2 Σ_k z_k exp(j 2π/3 k) conj(S_(φ-k))."""
    for f in range(3):
        for k in range(work.shape[2]):
            work[i, W + f, k] = 0.0
            work[i, IM + f, k] = 0.0
        if t == -1:
            continue
        for g in range(3):
            re, im = turn[t, 2 * ((f - g) % 3)], turn[t, 2 * ((f - g) % 3) + 1]
            for k in range(work.shape[2]):
                work[i, W + f, k] += re * work[i, P + g, k] + im * work[i, Q + g, k]
                work[i, IM + f, k] += im * work[i, P + g, k] - re * work[i, Q + g, k]


@kernel
def _turn_down(up: int, i: int, turn: Floats, carries: bool, work: Floats) -> None:
    """Changes of voltage below a transformer that those above it make."""
    for f in range(3):
        for k in range(work.shape[2]):
            work[i, W + f, k] = 0.0
        for g in range(3):
            re, im = turn[6 + 2 * ((f - g) % 3)], turn[7 + 2 * ((f - g) % 3)]
            for k in range(work.shape[2]):
                work[i, W + f, k] += re * work[up, W + g, k] - im * work[up, IM + g, k]
        if carries:
            for k in range(work.shape[2]):
                work[i, IM + f, k] = 0.0
            for g in range(3):
                re, im = turn[6 + 2 * ((f - g) % 3)], turn[7 + 2 * ((f - g) % 3)]
                for k in range(work.shape[2]):
                    work[i, IM + f, k] += im * work[up, W + g, k] + re * work[up, IM + g, k]


@kernel
def _rise(i: int, r: float, x: float, rm: float, xm: float, carries: bool, work: Floats) -> None:
    """What the branch to the parent adds: z₁ conj(S_φ) + z_m exp(j 2π/3 φ) Σ_ψ exp(-j 2π/3 ψ) conj(S_ψ), twice."""
    for k in range(work.shape[2]):
        p0, p1, p2 = work[i, P, k], work[i, P + 1, k], work[i, P + 2, k]
        q0, q1, q2 = work[i, Q, k], work[i, Q + 1, k], work[i, Q + 2, k]
        sum_re = p0 - 0.5 * (p1 + p2) - SIN * (q1 - q2)
        sum_im = -q0 + 0.5 * (q1 + q2) - SIN * (p1 - p2)
        re, im = rm * sum_re - xm * sum_im, rm * sum_im + xm * sum_re
        work[i, W, k] += r * p0 + x * q0 + re
        work[i, W + 1, k] += r * p1 + x * q1 - 0.5 * re - SIN * im
        work[i, W + 2, k] += r * p2 + x * q2 - 0.5 * re + SIN * im
        if carries:
            work[i, IM, k] += x * p0 - r * q0 + im
            work[i, IM + 1, k] += x * p1 - r * q1 - 0.5 * im + SIN * re
            work[i, IM + 2, k] += x * p2 - r * q2 - 0.5 * im - SIN * re
