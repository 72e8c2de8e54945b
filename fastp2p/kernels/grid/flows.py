"""DC branch flows of many books: subtree sums on trees, two triangular solves on meshed networks; and the screen on them.

Books are the innermost dimension of a block, so that each operation is one vector operation; the order of additions is that
of the network alone, so a book's bits do not depend on the batch it comes in. A block's flows stay in the first cache: the
screen reads them there, and only `tree_flows` and `meshed_flows` write them out.

A running maximum has + 0.0 behind it: without, LLVM makes the store a masked one, which some processors do ten times slower.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def tree_flows(
    injection_kw: Floats,
    row: Ints,
    order: Ints,
    parent: Ints,
    parent_branch: Ints,
    parent_sign: Floats,
    constant_kw: Floats,
    scratch: Floats,
    block_kw: Floats,
    flow_kw: Floats,
) -> None:
    """Branch flows on a forest whose roots are the external grids.

    The flow from a bus towards its root is the sum of the injections of its subtree (power balance alone).

    Parameters
    ----------
    injection_kw : (n_books, n_columns) float64, kW
    row : (n_columns,) int64
        Bus of every column, no bus twice; other buses inject nothing.
    order : (n_bus,) int64
        Buses, every parent before its children.
    parent, parent_branch : (n_bus,) int64
        Bus and branch towards the root; -1 at roots.
    parent_sign : (n_bus,) float64
        +1 where the branch is directed from the bus to its parent, -1 otherwise.
    constant_kw : (n_branch,) float64, kW
        Flow without injections (iron losses, shunts, phase shifts).
    scratch : (n_bus, block) float64; block_kw : (n_branch, block) float64
        Work space; `block` books are done at a time.
    flow_kw : (n_books, n_branch) float64, kW
        Output.
    """
    block = scratch.shape[1]
    for first in range(0, len(injection_kw), block):
        size = min(block, len(injection_kw) - first)
        _fill_block(injection_kw, row, first, size, scratch)
        _tree_block(order, parent, parent_branch, parent_sign, constant_kw, scratch, block_kw)
        _write_block(block_kw, first, size, flow_kw)


@kernel
def meshed_flows(
    injection_kw: Floats,
    row: Ints,
    lower_start: Ints,
    lower_row: Ints,
    lower_value: Floats,
    upper_start: Ints,
    upper_row: Ints,
    upper_value: Floats,
    from_row: Ints,
    to_row: Ints,
    susceptance: Floats,
    constant_kw: Floats,
    scratch: Floats,
    block_kw: Floats,
    flow_kw: Floats,
) -> None:
    """Branch flows from the factors L U = B' (rows and columns permuted): B' θ = p, flow = b (θ_from - θ_to).

    Parameters
    ----------
    injection_kw : (n_books, n_columns) float64, kW
    row : (n_columns,) int64
        Row of L that the balance of a column's bus stands in; -1 at external grids, whose angle is fixed.
    lower_start, lower_row, lower_value : CSC arrays of L
        Strictly below its unit diagonal.
    upper_start, upper_row, upper_value : CSC arrays of U
        Row indices ascending: each column ends with its diagonal.
    from_row, to_row : (n_branch,) int64
        Where the angles of a branch's ends stand after the upper solve; -1 at external grids.
    susceptance : (n_branch,) float64
        In the unit of B' (its scale cancels).
    constant_kw : (n_branch,) float64, kW
    scratch : (n_reduced + 1, block) float64; block_kw : (n_branch, block) float64
        Work space; the last row of `scratch` is the external grids' angle.
    flow_kw : (n_books, n_branch) float64, kW
        Output.
    """
    block = scratch.shape[1]
    for first in range(0, len(injection_kw), block):
        size = min(block, len(injection_kw) - first)
        _fill_block(injection_kw, row, first, size, scratch)
        _meshed_block(
            lower_start, lower_row, lower_value, upper_start, upper_row, upper_value, from_row, to_row, susceptance,
            constant_kw, scratch, block_kw,
        )  # fmt: skip
        _write_block(block_kw, first, size, flow_kw)


@kernel
def screen_tree(
    floor_kw: Floats,
    full_kw: Floats,
    row: Ints,
    order: Ints,
    parent: Ints,
    parent_branch: Ints,
    parent_sign: Floats,
    constant_kw: Floats,
    lower: Floats,
    upper: Floats,
    tolerance: float,
    percent_per_kw: Floats,
    root_sign: Floats,
    scratch: Floats,
    floor_block: Floats,
    full_block: Floats,
    overload: Ints,
    congested: Ints,
    loading_percent: Floats,
    root_kw: Floats,
) -> None:
    """Which books break a limit before any trade, and which with all of them; on a tree.

    Parameters
    ----------
    floor_kw, full_kw : (n_books, n_columns) float64, kW
        Injections without and with all trades and exports.
    row, order, parent, parent_branch, parent_sign, constant_kw, scratch : as for `tree_flows`
    lower, upper : (n_branch,) float64, kW
    tolerance : float
        Relative to the limit, absolute below 1.
    percent_per_kw : (n_branch,) float64
        100 / limit; zero where nothing limits a branch.
    root_sign : (n_branch,) float64
        +1 where a branch leaves an external grid, -1 where it ends there, 0 elsewhere.
    floor_block, full_block : (n_branch, block) float64
        Work space.
    overload, congested : (n_books,) int64
        Outputs, 0 or 1; a limit that the floor breaks congests only if the trades make it worse.
    loading_percent : (n_books,) float64
        Output: the largest loading of any branch, with all trades.
    root_kw : (n_books,) float64, kW
        Output: what leaves the external grids on branches, with all trades.
    """
    block = scratch.shape[1]
    excess = np.empty(block)
    for first in range(0, len(full_kw), block):
        size = min(block, len(full_kw) - first)
        _fill_block(floor_kw, row, first, size, scratch)
        _tree_block(order, parent, parent_branch, parent_sign, constant_kw, scratch, floor_block)
        _fill_block(full_kw, row, first, size, scratch)
        _tree_block(order, parent, parent_branch, parent_sign, constant_kw, scratch, full_block)
        _screen_block(floor_block, full_block, lower, upper, tolerance, first, size, excess, overload, congested)
        _load_block(full_block, percent_per_kw, root_sign, first, size, loading_percent, root_kw)


@kernel
def screen_meshed(
    floor_kw: Floats,
    full_kw: Floats,
    row: Ints,
    lower_start: Ints,
    lower_row: Ints,
    lower_value: Floats,
    upper_start: Ints,
    upper_row: Ints,
    upper_value: Floats,
    from_row: Ints,
    to_row: Ints,
    susceptance: Floats,
    constant_kw: Floats,
    lower: Floats,
    upper: Floats,
    tolerance: float,
    percent_per_kw: Floats,
    root_sign: Floats,
    scratch: Floats,
    floor_block: Floats,
    full_block: Floats,
    overload: Ints,
    congested: Ints,
    loading_percent: Floats,
    root_kw: Floats,
) -> None:
    """`screen_tree` on a meshed network.

    Parameters
    ----------
    row, lower_start, ..., constant_kw, scratch : as for `meshed_flows`
    floor_kw, full_kw, lower, ..., root_kw : as for `screen_tree`
    """
    block = scratch.shape[1]
    excess = np.empty(block)
    for first in range(0, len(full_kw), block):
        size = min(block, len(full_kw) - first)
        for injection_kw, block_kw in ((floor_kw, floor_block), (full_kw, full_block)):
            _fill_block(injection_kw, row, first, size, scratch)
            _meshed_block(
                lower_start, lower_row, lower_value, upper_start, upper_row, upper_value, from_row, to_row, susceptance,
                constant_kw, scratch, block_kw,
            )  # fmt: skip
        _screen_block(floor_block, full_block, lower, upper, tolerance, first, size, excess, overload, congested)
        _load_block(full_block, percent_per_kw, root_sign, first, size, loading_percent, root_kw)


@kernel
def _fill_block(injection_kw: Floats, row: Ints, first: int, size: int, scratch: Floats) -> None:
    """The injections of a block of books, books innermost."""
    scratch[:] = 0.0
    for k in range(size):
        for c in range(len(row)):
            if row[c] != -1:
                scratch[row[c], k] = injection_kw[first + k, c]


@kernel
def _write_block(block_kw: Floats, first: int, size: int, flow_kw: Floats) -> None:
    for k in range(size):
        for branch in range(len(block_kw)):
            flow_kw[first + k, branch] = block_kw[branch, k]


@kernel
def _tree_block(
    order: Ints, parent: Ints, parent_branch: Ints, parent_sign: Floats, constant_kw: Floats,
    subtree_kw: Floats, block_kw: Floats,
) -> None:  # fmt: skip
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
def _meshed_block(
    lower_start: Ints, lower_row: Ints, lower_value: Floats, upper_start: Ints, upper_row: Ints, upper_value: Floats,
    from_row: Ints, to_row: Ints, susceptance: Floats, constant_kw: Floats, x: Floats, block_kw: Floats,
) -> None:  # fmt: skip
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


@kernel
def _screen_block(
    floor_value: Floats, full_value: Floats, lower: Floats, upper: Floats, tolerance: float, first: int, size: int,
    excess: Floats, overload: Ints, congested: Ints,
) -> None:  # fmt: skip
    """All books of a block against all rows at once; only those with a row outside its limits are looked at one by one."""
    excess[:] = 0.0
    for r in range(len(lower)):
        high = upper[r] + tolerance * max(1.0, abs(upper[r]))
        low = lower[r] - tolerance * max(1.0, abs(lower[r]))
        for k in range(len(excess)):
            before, after = floor_value[r, k], full_value[r, k]
            excess[k] = max(excess[k], max(max(before, after) - high, low - min(before, after))) + 0.0
    for k in range(size):
        overload[first + k] = congested[first + k] = 0
        if excess[k] > 0.0:
            _screen_book(floor_value, full_value, lower, upper, tolerance, k, first + k, overload, congested)


@kernel
def _screen_book(
    floor_value: Floats, full_value: Floats, lower: Floats, upper: Floats, tolerance: float, k: int, book: int,
    overload: Ints, congested: Ints,
) -> None:  # fmt: skip
    for r in range(len(lower)):
        before, after = floor_value[r, k], full_value[r, k]
        low, high = lower[r], upper[r]
        if before > high + tolerance * max(1.0, abs(high)):
            overload[book] = 1
            high = before
        elif before < low - tolerance * max(1.0, abs(low)):
            overload[book] = 1
            low = before
        if after > high + tolerance * max(1.0, abs(high)) or after < low - tolerance * max(1.0, abs(low)):
            congested[book] = 1


@kernel
def _load_block(
    block_kw: Floats, percent_per_kw: Floats, root_sign: Floats, first: int, size: int, loading_percent: Floats, root_kw: Floats
) -> None:
    """The largest loading of any branch, and what leaves the external grids, of the books of a block."""
    worst, leaving = loading_percent[first : first + size], root_kw[first : first + size]
    worst[:] = 0.0
    leaving[:] = 0.0
    for branch in range(len(block_kw)):
        percent, sign = percent_per_kw[branch], root_sign[branch]
        for k in range(size):
            worst[k] = max(worst[k], abs(block_kw[branch, k]) * percent) + 0.0
        if sign != 0.0:
            for k in range(size):
                leaving[k] += sign * block_kw[branch, k]
