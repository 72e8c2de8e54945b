"""DC branch flows of many books: subtree sums on trees, two triangular solves on meshed networks.

Both are written with books as the innermost dimension of a block, so that each operation is one vector operation;
the order of additions is that of the network alone, so a book's bits do not depend on the batch it comes in.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels._jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def tree_flows(
    injection_kw: Floats,
    order: Ints,
    parent: Ints,
    parent_branch: Ints,
    parent_sign: Floats,
    constant_kw: Floats,
    scratch_kw: Floats,
    flow_kw: Floats,
) -> None:
    """Branch flows on a forest whose roots are the external grids.

    The flow from a bus towards its root is the sum of the injections of its subtree (power balance alone).

    Parameters
    ----------
    injection_kw : (n_books, n_bus) float64, kW
    order : (n_bus,) int64
        Buses, every parent before its children.
    parent, parent_branch : (n_bus,) int64
        Bus and branch towards the root; -1 at roots.
    parent_sign : (n_bus,) float64
        +1 where the branch is directed from the bus to its parent, -1 otherwise.
    constant_kw : (n_branch,) float64, kW
        Flow without injections (iron losses, shunts, phase shifts).
    scratch_kw : (n_bus, block) float64
        Work space; `block` books are done at a time.
    flow_kw : (n_books, n_branch) float64, kW
        Output.
    """
    n_books, n_bus = injection_kw.shape
    block = scratch_kw.shape[1]
    for first in range(0, n_books, block):
        size = min(block, n_books - first)
        for b in range(n_bus):
            for k in range(size):
                scratch_kw[b, k] = injection_kw[first + k, b]
        for i in range(n_bus - 1, -1, -1):
            b = order[i]
            up = parent[b]
            if up == -1:
                continue
            branch = parent_branch[b]
            sign = parent_sign[b]
            constant = constant_kw[branch]
            for k in range(size):
                subtree_kw = scratch_kw[b, k]
                scratch_kw[up, k] += subtree_kw
                flow_kw[first + k, branch] = sign * subtree_kw + constant


@kernel
def meshed_flows(
    injection_kw: Floats,
    position: Ints,
    lower_start: Ints,
    lower_row: Ints,
    lower_value: Floats,
    upper_start: Ints,
    upper_row: Ints,
    upper_value: Floats,
    column_position: Ints,
    from_bus: Ints,
    to_bus: Ints,
    susceptance: Floats,
    constant_kw: Floats,
    scratch: Floats,
    flow_kw: Floats,
) -> None:
    """Branch flows from the factors L U = B' (rows and columns permuted): B' θ = p, flow = b (θ_from - θ_to).

    Parameters
    ----------
    injection_kw : (n_books, n_bus) float64, kW
    position : (n_bus,) int64
        Row of L that a bus's balance stands in; -1 at external grids, whose angle is fixed.
    lower_start, lower_row, lower_value : CSC arrays of L
        Strictly below its unit diagonal.
    upper_start, upper_row, upper_value : CSC arrays of U
        Row indices ascending: each column ends with its diagonal.
    column_position : (n_bus,) int64
        Where a bus's angle stands after the upper solve; -1 at external grids.
    from_bus, to_bus : (n_branch,) int64
    susceptance : (n_branch,) float64
        In the unit of B' (its scale cancels).
    constant_kw : (n_branch,) float64, kW
    scratch : (n_reduced + 1, block) float64
        Work space; the last row stays zero (the external grids' angle).
    flow_kw : (n_books, n_branch) float64, kW
        Output.
    """
    n_books, n_bus = injection_kw.shape
    n_reduced = len(lower_start) - 1
    block = scratch.shape[1]
    for first in range(0, n_books, block):
        size = min(block, n_books - first)
        for b in range(n_bus):
            if position[b] != -1:
                for k in range(size):
                    scratch[position[b], k] = injection_kw[first + k, b]
        for j in range(n_reduced):
            for e in range(lower_start[j], lower_start[j + 1]):
                row = lower_row[e]
                value = lower_value[e]
                for k in range(size):
                    scratch[row, k] -= value * scratch[j, k]
        for j in range(n_reduced - 1, -1, -1):
            last = upper_start[j + 1] - 1
            pivot = upper_value[last]
            for k in range(size):
                scratch[j, k] /= pivot
            for e in range(upper_start[j], last):
                row = upper_row[e]
                value = upper_value[e]
                for k in range(size):
                    scratch[row, k] -= value * scratch[j, k]
        for branch in range(len(from_bus)):
            # -1, an external grid, reads the last row: zero
            f = column_position[from_bus[branch]]
            t = column_position[to_bus[branch]]
            b_branch = susceptance[branch]
            constant = constant_kw[branch]
            for k in range(size):
                flow_kw[first + k, branch] = b_branch * (scratch[f, k] - scratch[t, k]) + constant
