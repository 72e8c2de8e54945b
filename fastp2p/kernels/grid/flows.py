"""DC branch flows of many books: subtree sums on trees, two triangular solves on meshed networks.

Books are the innermost dimension of a block, so that each operation is one vector operation; the order of additions is that
of the network alone, so a book's bits do not depend on the batch it comes in. A block's flows stay in the first cache: the
screen (`kernels.clearing.limits`) reads them there, and only `tree_flows` and `meshed_flows` write them out.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.structs import Factors, Spread, Tree
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def tree_flows(
    injection_kw: Floats, row: Ints, tree: Tree, spread: Spread, nothing_kw: Floats, scratch: Floats, block_kw: Floats,
    flow_kw: Floats,
) -> None:  # fmt: skip
    """Branch flows on a forest whose roots are the external grids.

    The flow from a bus towards its root is the sum of the injections of its subtree (power balance alone).

    Parameters
    ----------
    injection_kw : (n_books, n_columns) float64, kW
    row : (n_columns,) int64
        Bus of every column, no bus twice; other buses inject nothing.
    tree : Tree
    spread : Spread
    nothing_kw : (n_chains,) float64
        Zeros.
    scratch : (n_bus, block) float64; block_kw : (n_chains + 1, block) float64
        Work space, zero at first; `block` books are done at a time.
    flow_kw : (n_books, n_branch) float64, kW
        Output.
    """
    block = scratch.shape[1]
    for first in range(0, len(injection_kw), block):
        size = min(block, len(injection_kw) - first)
        fill_block(injection_kw, row, first, size, scratch)
        tree_block(tree, nothing_kw, scratch, block_kw)
        _write_block(block_kw, spread, first, size, flow_kw)


@kernel
def meshed_flows(
    injection_kw: Floats, row: Ints, factors: Factors, spread: Spread, nothing_kw: Floats, scratch: Floats, block_kw: Floats,
    flow_kw: Floats,
) -> None:  # fmt: skip
    """Branch flows from the factors L U = B' (rows and columns permuted): B' θ = p, flow = b (θ_from - θ_to).

    Parameters
    ----------
    injection_kw : (n_books, n_columns) float64, kW
    row : (n_columns,) int64
        Row of L that the balance of a column's bus stands in; -1 at external grids, whose angle is fixed.
    factors : Factors
    spread, nothing_kw : as for `tree_flows`
    scratch : (n_reduced + 1, block) float64; block_kw : (n_chains + 1, block) float64
        Work space, zero at first; the last row of `scratch` is the external grids' angle.
    flow_kw : (n_books, n_branch) float64, kW
        Output.
    """
    block = scratch.shape[1]
    for first in range(0, len(injection_kw), block):
        size = min(block, len(injection_kw) - first)
        fill_block(injection_kw, row, first, size, scratch)
        meshed_block(factors, nothing_kw, scratch, block_kw)
        _write_block(block_kw, spread, first, size, flow_kw)


@kernel
def fill_block(injection_kw: Floats, row: Ints, first: int, size: int, scratch: Floats) -> None:
    """The injections of a block of books, books innermost."""
    scratch[:] = 0.0
    for k in range(size):
        for c in range(len(row)):
            if row[c] != -1:
                scratch[row[c], k] = injection_kw[first + k, c]


@kernel
def _write_block(block_kw: Floats, spread: Spread, first: int, size: int, flow_kw: Floats) -> None:
    chain, along, constant_kw = spread
    for k in range(size):
        for branch in range(len(chain)):
            # a branch of no chain, -1, reads the last row: zero
            flow_kw[first + k, branch] = along[branch] * block_kw[chain[branch], k] + constant_kw[branch]


@kernel
def tree_block(tree: Tree, constant_kw: Floats, subtree_kw: Floats, block_kw: Floats) -> None:
    """Flows of a block of books from their injections, which it sums up in place; `constant_kw` are those without any."""
    order, parent, parent_branch, parent_sign, _ = tree
    block = subtree_kw.shape[1]
    for i in range(len(order) - 1, -1, -1):
        b = order[i]
        up = parent[b]
        if up == -1:
            continue
        branch = parent_branch[b]
        sign = parent_sign[b]
        constant = constant_kw[branch]
        for k in range(block):
            below_kw = subtree_kw[b, k]
            subtree_kw[up, k] += below_kw
            block_kw[branch, k] = sign * below_kw + constant


@kernel
def meshed_block(factors: Factors, constant_kw: Floats, x: Floats, block_kw: Floats) -> None:
    """Flows of a block of books from their injections, which the two solves turn into angles in place."""
    (
        _, lower_start, lower_row, lower_value, upper_start, upper_row, upper_value, from_row, to_row, susceptance,
    ) = factors  # fmt: skip
    n_reduced = len(lower_start) - 1
    block = x.shape[1]
    for j in range(n_reduced):
        for e in range(lower_start[j], lower_start[j + 1]):
            row = lower_row[e]
            value = lower_value[e]
            for k in range(block):
                x[row, k] -= value * x[j, k]
    for j in range(n_reduced - 1, -1, -1):
        last = upper_start[j + 1] - 1
        pivot = upper_value[last]
        for k in range(block):
            x[j, k] /= pivot
        for e in range(upper_start[j], last):
            row = upper_row[e]
            value = upper_value[e]
            for k in range(block):
                x[row, k] -= value * x[j, k]
    for branch in range(len(from_row)):
        # -1, an external grid, reads the last row: zero
        f = from_row[branch]
        t = to_row[branch]
        b_branch = susceptance[branch]
        constant = constant_kw[branch]
        for k in range(block):
            block_kw[branch, k] = b_branch * (x[f, k] - x[t, k]) + constant
