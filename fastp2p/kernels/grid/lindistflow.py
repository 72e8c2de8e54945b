"""LinDistFlow: branch flows and squared voltages of many books as linear functions of injections, on trees.

Around the state without injections, P and Q of a branch are sums of what is injected behind it, and
v²_child = t² v²_parent + 2 (r P + x Q) with P, Q towards the external grid and t the ratio of a transformer
(Baran and Wu 1989, losses left out).

Books are the innermost dimension of a block, as in `kernels.grid.flows`.
"""

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
        linear_block(p_kw, q_kvar, column, parent, linear, first, size, work)
        for i in range(len(parent)):
            for k in range(size):
                state[0, first + k, i], state[1, first + k, i] = work[0, i, k], work[1, i, k]
                state[2, first + k, i] = work[2, i, k]


@kernel
def linear_block(
    p_kw: Floats, q_kvar: Floats, column: Ints, parent: Ints, linear: Floats, first: int, size: int, work: Floats
) -> None:
    """P, Q and v² of a block of books."""
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
