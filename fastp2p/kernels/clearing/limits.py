"""Screens: which books keep every limit, on flows and voltages that are still in the first cache.

Apparent power P² + Q² ≤ S² is a 12-gon inscribed in the circle, with a corner at Q = 0: |cos φ P + sin φ Q| ≤ S cos 15° for φ
of 15°, 45°, …, 165°. Rows are numbered face by face, branch by branch; after them comes the squared voltage of each bus.

Books are the innermost dimension of a block, as in `kernels.grid.flows`. A running maximum has + 0.0 behind it: without, LLVM
makes the store a masked one, which some processors do ten times slower.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.flows import fill_block, meshed_block, tree_block
from fastp2p.kernels.grid.lindistflow import linear_block
from fastp2p.kernels.grid.structs import Factors, Tree
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Bounds(NamedTuple):
    """Bounds of flows and voltages; infinite where there is none.

    Attributes
    ----------
    lower_kw, upper_kw : (n,) float64
        Of the active power of branches.
    most_kva : (n,) float64
        Of their apparent power.
    least_square, most_square : (n_bus,) float64, p.u.
        Of squared voltages.
    """

    lower_kw: Floats
    upper_kw: Floats
    most_kva: Floats
    least_square: Floats
    most_square: Floats


class BranchFacts(NamedTuple):
    """What the DC screen knows of branches besides their bounds.

    Attributes
    ----------
    constant_kw : (n_branch,) float64
        Flow without injections.
    percent_per_kw : (n_branch,) float64
        100 / limit; zero where nothing limits a branch.
    root_sign : (n_branch,) float64
        +1 where a branch leaves an external grid, -1 where it ends there, 0 elsewhere.
    """

    constant_kw: Floats
    percent_per_kw: Floats
    root_sign: Floats


class Screen(NamedTuple):
    """What the flows of every book say, (n_books,); the screens fill it.

    Attributes
    ----------
    overload, congested : int64
        0 or 1: whether a limit is broken before any trade, and with all of them; a limit that is broken before congests only if
        the trades make it worse.
    loading_percent : float64
        The largest loading of any branch, with all trades.
    slack_kw : float64
        What leaves the external grids on branches, with all trades (DC).
    """

    overload: Ints
    congested: Ints
    loading_percent: Floats
    slack_kw: Floats

    @classmethod
    def empty(cls, n_books: int) -> Screen:
        """Arrays to fill."""
        return cls(np.empty(n_books, np.int64), np.empty(n_books, np.int64), np.empty(n_books), np.empty(n_books))


@kernel
def screen_tree(
    floor_kw: Floats, full_kw: Floats, row: Ints, tree: Tree, facts: BranchFacts, bounds: Bounds, tolerance: float,
    scratch: Floats, floor_block: Floats, full_block: Floats, screen: Screen,
) -> None:  # fmt: skip
    """Which books break a limit before any trade, and which with all of them; on a tree.

    Parameters
    ----------
    floor_kw, full_kw : (n_books, n_columns) float64, kW
        Injections without and with all trades and exports.
    row, tree, scratch : as for `kernels.grid.flows.tree_flows`
    facts : BranchFacts
    bounds : Bounds
        Of active power.
    tolerance : float
        Relative to the limit, absolute below 1.
    floor_block, full_block : (n_branch, block) float64
        Work space.
    screen : Screen
        Output.
    """
    block = scratch.shape[1]
    excess = np.empty(block)
    for first in range(0, len(full_kw), block):
        size = min(block, len(full_kw) - first)
        fill_block(floor_kw, row, first, size, scratch)
        tree_block(tree, facts.constant_kw, scratch, floor_block)
        fill_block(full_kw, row, first, size, scratch)
        tree_block(tree, facts.constant_kw, scratch, full_block)
        screen_block(floor_block, full_block, bounds.lower_kw, bounds.upper_kw, tolerance, first, size, excess, screen)
        load_block(full_block, facts, first, size, screen)


@kernel
def screen_meshed(
    floor_kw: Floats, full_kw: Floats, row: Ints, factors: Factors, facts: BranchFacts, bounds: Bounds, tolerance: float,
    scratch: Floats, floor_block: Floats, full_block: Floats, screen: Screen,
) -> None:  # fmt: skip
    """`screen_tree` on a meshed network.

    Parameters
    ----------
    row, factors, scratch : as for `kernels.grid.flows.meshed_flows`
    floor_kw, full_kw, facts, ..., screen : as for `screen_tree`
    """
    block = scratch.shape[1]
    excess = np.empty(block)
    for first in range(0, len(full_kw), block):
        size = min(block, len(full_kw) - first)
        for injection_kw, block_kw in ((floor_kw, floor_block), (full_kw, full_block)):
            fill_block(injection_kw, row, first, size, scratch)
            meshed_block(factors, facts.constant_kw, scratch, block_kw)
        screen_block(floor_block, full_block, bounds.lower_kw, bounds.upper_kw, tolerance, first, size, excess, screen)
        load_block(full_block, facts, first, size, screen)


@kernel
def screen_linear(
    floor: tuple[Floats, Floats], full: tuple[Floats, Floats], column: Ints, parent: Ints, linear: Floats, bounds: Bounds,
    face: Floats, tolerance: float, work: Floats, screen: Screen,
) -> None:  # fmt: skip
    """Which books break a limit of LinDistFlow before any trade, and which with all of them.

    Parameters
    ----------
    floor, full : (n_books, n_columns) float64, kW and kvar
        Injections without and with all trades and exports.
    column, parent, linear : as for `kernels.grid.lindistflow.linear_states`
    bounds : Bounds
        Of the branch to the parent, in whose direction power is positive, and of the bus; in breadth-first order.
    face : (n_faces, 2) float64
        cos φ and sin φ of the faces; the last face's bound is the cosine of the first one's φ times the limit, as all are.
    tolerance : float
        Relative to the limit, absolute below 1.
    work : (6, n_bus, block) float64
        Work space.
    screen : Screen
        Output but for `slack_kw`; loading is the largest apparent power of any branch over its limit.
    """
    block, n_books = work.shape[2], len(full[0])
    before, after = work[:3], work[3:]
    excess = np.empty(block)
    for first in range(0, n_books, block):
        size = min(block, n_books - first)
        worst = screen.loading_percent[first : first + size]
        note_linear_block(floor, full, column, parent, linear, bounds, face, tolerance, first, work, excess, worst)
        for k in range(size):
            screen.overload[first + k] = screen.congested[first + k] = 0
            if excess[k] > 0.0:
                _screen_linear_book(before, after, parent, bounds, face, tolerance, k, first + k, screen)


@kernel
def note_linear_block(
    floor: tuple[Floats, Floats], full: tuple[Floats, Floats], column: Ints, parent: Ints, linear: Floats, bounds: Bounds,
    face: Floats, tolerance: float, first: int, work: Floats, excess: Floats, worst: Floats,
) -> None:  # fmt: skip
    """States of a block of books, by how much they pass any limit, and their largest loading; it allocates nothing.

    Parameters
    ----------
    floor, full, column, parent, linear, bounds, face, tolerance, work : as for `screen_linear`
    first : int
        The first book.
    excess : (block,) float64
        Output: positive where a limit is broken, with nothing executed or with everything.
    worst : (size,) float64
        Output, percent; as many books are looked at.
    """
    lower_kw, upper_kw, limit, least_v2, most_v2 = bounds
    before, after, size = work[:3], work[3:], len(worst)
    linear_block(floor[0], floor[1], column, parent, linear, first, size, before)
    linear_block(full[0], full[1], column, parent, linear, first, size, after)
    worst[:] = 0.0
    excess[:] = 0.0
    for i in range(len(parent)):
        if parent[i] == -1:
            continue
        note_value(least_v2[i], most_v2[i], tolerance, before[2, i], after[2, i], excess)
        if lower_kw[i] > -np.inf or upper_kw[i] < np.inf:
            note_value(lower_kw[i], upper_kw[i], tolerance, before[0, i], after[0, i], excess)
        if limit[i] < np.inf:
            for state in (before, after):
                note_power(limit[i] * face[0, 0], face, tolerance, state[0, i], state[1, i], excess)
            if limit[i] > 0.0:
                note_loading(100.0 / limit[i], after[0, i], after[1, i], worst)
    for k in range(size):
        worst[k] = math.sqrt(worst[k])


@kernel
def _screen_linear_book(
    floor: Floats, full: Floats, parent: Ints, bounds: Bounds, face: Floats, tolerance: float, k: int, book: int, screen: Screen
) -> None:
    lower_kw, upper_kw, limit, least_v2, most_v2 = bounds
    for i in range(len(parent)):
        if parent[i] == -1:
            continue
        screen_row(floor[2, i, k], full[2, i, k], least_v2[i], most_v2[i], tolerance, book, screen)
        screen_row(floor[0, i, k], full[0, i, k], lower_kw[i], upper_kw[i], tolerance, book, screen)
        if limit[i] < np.inf:
            bound = limit[i] * face[0, 0]
            for m in range(len(face)):
                c, s = face[m, 0], face[m, 1]
                before, after = c * floor[0, i, k] + s * floor[1, i, k], c * full[0, i, k] + s * full[1, i, k]
                screen_row(before, after, -bound, bound, tolerance, book, screen)


@kernel
def screen_block(
    floor_value: Floats, full_value: Floats, lower: Floats, upper: Floats, tolerance: float, first: int, size: int,
    excess: Floats, screen: Screen,
) -> None:  # fmt: skip
    """All books of a block against all rows at once; only those with a row outside its limits are looked at one by one."""
    excess[:] = 0.0
    for r in range(len(lower)):
        # as `note_value` does, without views of rows, which would take a tenth of the time
        high, low = upper[r] + tolerance * max(1.0, abs(upper[r])), lower[r] - tolerance * max(1.0, abs(lower[r]))
        for k in range(len(excess)):
            before, after = floor_value[r, k], full_value[r, k]
            excess[k] = max(excess[k], max(max(before, after) - high, low - min(before, after))) + 0.0
    # slices, as a store at first + k becomes a scatter where vectors have 512 bits
    screen.overload[first : first + size] = 0
    screen.congested[first : first + size] = 0
    for k in range(size):
        if excess[k] > 0.0:
            for r in range(len(lower)):
                screen_row(floor_value[r, k], full_value[r, k], lower[r], upper[r], tolerance, first + k, screen)


@kernel
def screen_row(before: float, after: float, low: float, high: float, tolerance: float, book: int, screen: Screen) -> None:
    """Where a limit is broken before any trade, replace it by the value that breaks it."""
    if before > high + tolerance * max(1.0, abs(high)):
        screen.overload[book] = 1
        high = before
    elif before < low - tolerance * max(1.0, abs(low)):
        screen.overload[book] = 1
        low = before
    if after > high + tolerance * max(1.0, abs(high)) or after < low - tolerance * max(1.0, abs(low)):
        screen.congested[book] = 1


@kernel
def load_block(block_kw: Floats, facts: BranchFacts, first: int, size: int, screen: Screen) -> None:
    """The largest loading of any branch, and the power out of the external grids, of the books of a block."""
    worst, leaving = screen.loading_percent[first : first + size], screen.slack_kw[first : first + size]
    worst[:] = 0.0
    leaving[:] = 0.0
    percent_per_kw, root_sign = facts.percent_per_kw, facts.root_sign
    for branch in range(len(block_kw)):
        percent, sign = percent_per_kw[branch], root_sign[branch]
        for k in range(size):
            worst[k] = max(worst[k], abs(block_kw[branch, k]) * percent) + 0.0
        if sign != 0.0:
            for k in range(size):
                leaving[k] += sign * block_kw[branch, k]


@kernel
def note_value(least: float, most: float, tolerance: float, floor: Floats, full: Floats, excess: Floats) -> None:
    """By how much books pass a limit of a value, with nothing executed or with everything."""
    high, low = most + tolerance * max(1.0, abs(most)), least - tolerance * max(1.0, abs(least))
    for k in range(len(excess)):
        before, after = floor[k], full[k]
        excess[k] = max(excess[k], max(max(before, after) - high, low - min(before, after))) + 0.0


@kernel
def note_power(bound: float, face: Floats, tolerance: float, p: Floats, q: Floats, excess: Floats) -> None:
    """The faces of the first quadrant suffice for |P| and |Q|."""
    high = bound + tolerance * max(1.0, bound)
    for m in range((len(face) + 1) // 2):
        c, s = face[m, 0], face[m, 1]
        for k in range(len(excess)):
            excess[k] = max(excess[k], c * abs(p[k]) + s * abs(q[k]) - high) + 0.0


@kernel
def note_loading(percent: float, p: Floats, q: Floats, worst: Floats) -> None:
    """Squares of the largest loading."""
    square = percent * percent
    for k in range(len(worst)):
        worst[k] = max(worst[k], square * (p[k] * p[k] + q[k] * q[k])) + 0.0
