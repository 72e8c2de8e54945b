"""What kernels know of places inside of a contracted three-phase tree: of chains and dead ends that sweeps pass over."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# rows of what a summary finds in a block of books; places among them are floats, so that books stay side by side in one vector
LOWEST, LOWEST_AT, HIGHEST, HIGHEST_AT, UNBALANCE, UNBALANCE_AT, LOADING, NEUTRAL, LOSSES, SLACK_P, SLACK_Q = (
    0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 12,
)  # fmt: skip
N_BEST = 15
BY_V, BY_J, BOW_BY_V, BOW_BY_J, OTHERS_BY_V, OTHERS_BY_J, OWN_BY_V, OWN_BY_J = range(8)
OWN_BOW_BY_V, OWN_BOW_BY_J, PERCENT = 8, 9, 10
"""Columns of `PhaseGroups.bound`."""
OF_V, OF_J, OF_BOTH = 0, 18, 36
"""Where matrices of a row of `PhaseInside.general_losses` begin: real and imaginary parts of their rows."""
MAP_V, MAP_J = 0, 18
"""The same of the rows of `map` and `reference`."""


class PhasePlaces(NamedTuple):
    """Where the few are, and voltages of all other places from the voltage V and the current J of their end.

    Attributes
    ----------
    kept : (n_few,) int64
        The place of each of the few in the whole tree.
    place : (n,) int64
    row : (n,) int64
        Row of their end in the few.
    map : (n, 36) float64
        The two matrices of V and of J.
    """

    kept: Ints
    place: Ints
    row: Ints
    map: Floats


class PhaseGroups(NamedTuple):
    """Places inside whose extremes are looked for, in groups by their end; each group is a binary tree of its places.

    A place has voltages, or the currents at one end of its branch. Places of a group are in their order between X and Y. A
    node is what lies between two of them, X and Y included, on a line but for a deviation: with d and e the largest per p.u.
    of V and of J no phase is farther from the line than d max|V| + e max|J|, by the triangle inequality. At its *knot*, one
    of its places, it is split in two.

    Attributes
    ----------
    row : (n_groups,) int64
        Row of the end.
    first, first_item : (n_groups + 1,) int64
        Nodes ``first[g]:first[g + 1]`` are the group's, each before those below it; the same of places.
    after : (n_nodes,) int64
        The node that follows where those below are passed over.
    low, high, knot : (n_nodes,) int64
        0 for X, 1 for Y, 2 for the first place of the group, and so on.
    bits : (n_nodes,) int64
        Of voltages, the phases that any of its places has, and 8 if one of them has all.
    bound : (n_nodes, 11) float64
        d and e of any phase, as far as they are not those of a bow: of d s (1 - s) and e s (1 - s) at a share s of the way, and
        these d and e. Of one sequence, the negative one of voltages and the sum of all phases of currents, d and e by the other
        sequences of V and J, which is rounding where all is circulant; by the same sequence; and its bow. The largest loading
        of its places per p.u.; d and e of each place count by its own loading over that.
    place : (n_items,) int64
        In the whole tree.
    counts : (n_items,) int64
        Of voltages, the bits of their phases.
    percent : (n_items,) float64
        Of currents, loading per p.u.
    map : (n_items, 36) float64
        What the place has from V and J.
    reference : (2 n_groups, 36) float64
        X and Y from V and J, row 2 g and the next.
    """

    row: Ints
    first: Ints
    first_item: Ints
    after: Ints
    low: Ints
    high: Ints
    knot: Ints
    bits: Ints
    bound: Floats
    place: Ints
    counts: Ints
    percent: Floats
    map: Floats
    reference: Floats


class PhaseInside(NamedTuple):
    """What a summary adds for what lies inside.

    Attributes
    ----------
    kept : (n_few,) int64
        The place of each of the few in the whole tree.
    losses : (n_few, 8) float64
        Losses in the chain to it, its shunts and its dead ends: of V*(m V), J*(m J) and V*(m J) with circulant m, as
        `PhaseTree.coefficient`: the real parts of the first two, m₁ and m_m, and both parts of the last.
    general_losses : (n_general, 54) float64
        The same for rows in `PhaseTree.general`: three matrices.
    voltages, currents : PhaseGroups
    """

    kept: Ints
    losses: Floats
    general_losses: Floats
    voltages: PhaseGroups
    currents: PhaseGroups


class PhaseWork(NamedTuple):
    """What the three-phase sweeps of a block of books work on.

    Attributes
    ----------
    small : (4, n_few, 3 * block) float64
        Voltages and currents at the few places, real and imaginary parts.
    steps : (4, block) float64
    above : (4, 1, 3 * block) float64
    end : (2, 2, 3 * block) float64
        As for `kernels.grid.phase_summary.find_ends`.
    """

    small: Floats
    steps: Floats
    above: Floats
    end: Floats


class PhaseLook(NamedTuple):
    """What a look inside of chains and dead ends works on (`kernels.grid.phase_inside`).

    Attributes
    ----------
    ends : (2, 2, 3 * block) float64
    most : (4, block) float64
    looks : (block,) float64
    told : (2 + most places of a group, 6) float64
        What X, Y and places have in a book, phase by phase, real and imaginary parts.
    """

    ends: Floats
    most: Floats
    looks: Floats
    told: Floats
