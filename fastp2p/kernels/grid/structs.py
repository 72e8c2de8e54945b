"""What kernels of the grid take together: arrays by name."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]


class Tree(NamedTuple):
    """A forest rooted at the external grids, from which flows are sums of subtrees.

    Attributes
    ----------
    order : (n_bus,) int64
        Buses, parents before children.
    parent, parent_branch : (n_bus,) int64
        -1 at roots.
    parent_sign : (n_bus,) float64
        +1 where the branch is directed from the bus to its parent, -1 otherwise.
    depth : (n_bus,) int64
        Branches to the root.
    """

    order: Ints
    parent: Ints
    parent_branch: Ints
    parent_sign: Floats
    depth: Ints


class Factors(NamedTuple):
    """L and U of the susceptance matrix without the external grids, rows and columns permuted.

    Attributes
    ----------
    position : (n_bus,) int64
        Row of L that a bus's balance stands in; -1 at external grids.
    lower_start, lower_row, lower_value : CSC arrays of L
        Strictly below its unit diagonal.
    upper_start, upper_row, upper_value : CSC arrays of U
        Row indices ascending: each column ends with its diagonal.
    from_row, to_row : (n_branch,) int64
        Where the angles of a branch's ends stand after the upper solve; -1 at external grids.
    susceptance : (n_branch,) float64
        In the unit of the matrix (its scale cancels).
    """

    position: Ints
    lower_start: Ints
    lower_row: Ints
    lower_value: Floats
    upper_start: Ints
    upper_row: Ints
    upper_value: Floats
    from_row: Ints
    to_row: Ints
    susceptance: Floats


class Spread(NamedTuple):
    """How flows of chains are those of a network's branches (`fastp2p.grid.contraction`), (n_branch,).

    Attributes
    ----------
    chain : int64
        That each branch is part of; -1 for none.
    along : float64
        +1 where a branch is directed as its chain, -1 against it, 0 in none.
    constant_kw : float64
        Flow without injections (iron losses, shunts, phase shifts).
    """

    chain: Ints
    along: Floats
    constant_kw: Floats


class Feeder(NamedTuple):
    """A forest below the external grids; place i is the i-th bus in breadth-first order. Per unit of 1 kVA.

    Seen from the parent, V_child = a V_parent - z J and I_parent = y V_parent + c J, with J the current into the child.

    Attributes
    ----------
    order : (n_bus,) int64
        Bus of each place.
    parent : (n_bus,) int64
        Place of the parent; -1 at external grids.
    branch : (n_bus,) int64
        Branch to the parent; -1 at external grids.
    coefficient : (n_bus, 18) float64
        α, ζ, γ of sweeps and the admittance Y of a place with all behind it (`kernels.grid.ac`); a, z, c, y of the branch to
        the parent; the real part of the bus's own shunt; 1 over its unloaded |V|².
    root_v : (n_bus, 2) float64
        Where nobody injects, p.u.; real and imaginary part.
    series : (n_bus,) complex128
        Impedance of the branch to the parent, without its shunts.
    square : (n_bus,) float64
        By which a squared voltage is multiplied from the parent to the bus, shunts left out; 1 but below transformers off their
        nominal ratio.
    percent : (n_bus, 2) float64
        Loading per p.u. of current of the branch to the parent, at the parent's end and the child's; zero without a limit.
    """

    order: Ints
    parent: Ints
    branch: Ints
    coefficient: Floats
    root_v: Floats
    series: Complexes
    square: Floats
    percent: Floats

    @property
    def place(self) -> Ints:
        """(n_bus,) place of every bus."""
        place = np.empty(len(self.order), np.int64)
        place[self.order] = np.arange(len(self.order))
        return place


class AcWork(NamedTuple):
    """What the sweeps of a block of books work on.

    Attributes
    ----------
    work : (4, n_bus, block) float64
        Voltages and currents, real and imaginary parts.
    steps : (4, block) float64
    runs : (2, N_RUNS) int64
        As for `kernels.grid.inside.look_inside`.
    """

    work: Floats
    steps: Floats
    runs: Ints


class AcSummary(NamedTuple):
    """What AC power flows of some books say in a few numbers, (n_books,); NaN and -1 where one did not converge.

    Attributes
    ----------
    lowest_vm_pu, highest_vm_pu : float64
        Of the buses that have a band; of networks without any the external grids' own.
    lowest_bus, highest_bus : int64
        Their positions.
    losses_kw : float64
        What the network itself draws: series losses, iron losses, shunts.
    loading_percent : float64
        The largest loading of any limited branch, from current.
    slack_kw, slack_kvar : float64
        What the external grids feed in.
    """

    lowest_vm_pu: Floats
    lowest_bus: Ints
    highest_vm_pu: Floats
    highest_bus: Ints
    losses_kw: Floats
    loading_percent: Floats
    slack_kw: Floats
    slack_kvar: Floats

    @classmethod
    def unknown(cls, n_books: int) -> AcSummary:
        """Arrays to fill."""
        nan, none = np.full((6, n_books), np.nan), np.full((2, n_books), -1)
        return cls(nan[0], none[0], nan[1], none[1], nan[2], nan[3], nan[4], nan[5])

    @property
    def collapse(self) -> NDArray[np.bool_]:
        """(n_books,) which have no solution."""
        return np.isnan(self.lowest_vm_pu)

    def of(self, books: Ints | NDArray[np.bool_]) -> AcSummary:
        """That of some books."""
        return AcSummary._make(array[books] for array in self)

    def put(self, books: Ints, found: AcSummary) -> None:
        """Replace that of some books, in place."""
        for array, of_some in zip(self, found, strict=True):
            array[books] = of_some


Z1_RE, Z1_IM, ZM_RE, ZM_IM, Y1_RE, Y1_IM, YM_RE, YM_IM = range(8)
"""Columns of `PhaseTree.coefficient`."""


SERIES, SHUNT = 0, 18
"""Where the two matrices of a row of `PhaseTree.general` begin, real and imaginary parts of their rows one after the other."""
DOWN, UP = 0, 18
"""The same of `PhaseTree.turn`: of voltages from the parent, of currents to it."""
FAR, NEAR = 0, 18
"""The same of `PhaseLimits.general_ends`: at the child's end, and at the parent's."""
ALL_PHASES = 7
"""Bits of phases a, b, c, as in `ZeroSequence.phases`."""


class PhaseTree(NamedTuple):
    """A forest of conductors below the external grids, every bus at a place after its parent. Per unit of 1 kVA.

    Seen from the parent, V_child = A V_parent - Z J and I_parent = B J, with J the current that the child, its shunts and all
    behind it draw; shunts of branches are the buses'. Of a transformer B = Aᴴ. A phase that a bus lacks has zero rows and
    columns in Z: its parent's voltage, and no current.

    What networks give in symmetrical components is circulant: Z and Y have one value on the diagonal, z₁ + z_m, and one beside
    it, z_m, so that Z J = z₁ J + z_m ΣJ. Where phases are not alike Z and Y are *general*: matrices of nine numbers.

    Attributes
    ----------
    parent : (n,) int64
        Place of the parent; -1 at external grids.
    coefficient : (n, 8) float64
        z₁ and z_m of the branch to the parent, y₁ and y_m of all shunts at the bus; real and imaginary parts.
    general_of : (n,) int64
        Row of `general`, which stands for `coefficient`; -1 where Z and Y are circulant.
    general : (n_general, 36) float64
        Z of the branch to the parent, Y of all shunts at the bus.
    turn_of : (n,) int64
        Row of `turn`; -1 where A and B are one, and at external grids without an impedance.
    turn : (n_turns, 36) float64
        A and B of a transformer, or A of an external grid's impedance, or of a chain of general blocks.
    start : (n, 6) float64
        Voltages to start from; at external grids those behind the impedance. Phase by phase, real and imaginary parts.
    """

    parent: Ints
    coefficient: Floats
    general_of: Ints
    general: Floats
    turn_of: Ints
    turn: Floats
    start: Floats


class LinearPhases(NamedTuple):
    """LinDist3Flow on a forest (`kernels.grid.lindist3flow`), for injections at some buses. Per unit of 1 kVA.

    Places are in depth-first order. An *end* is a place where somebody injects, a fork, a leaf, an external grid, or either
    side of a transformer; the chain to it begins below the end before it on its way.

    Attributes
    ----------
    parent, column, turn_of : (n_ends,) int64
        The end above, -1 at external grids; the column that injects, -1 for none; row of `turn`, -1 where phases stay what they
        are, and at external grids without an impedance.
    carries : (n_ends,) bool
        Whether a transformer lies below.
    first : (n_ends + 1,) int64
        Places ``first[e]:first[e + 1]`` are the chain to end e, which comes last.
    coefficient : (n_bus, 4) float64
        By place, 2 z₁ and 2 z_m of the branch to the parent, as in `PhaseTree`, per kW of a phase: real and imaginary parts.
    general_of : (n_bus,) int64
        Row of `general`, which stands for `coefficient`; -1 where that holds.
    general : (n_general, 18) float64
        2 Z_φψ conj(γ_φψ) of the branch to the parent, real and imaginary parts, row by row.
    turn : (n_turns, 36) float64
        Matrices row by row, real and imaginary parts. Of a transformer that of powers up and that of voltages down; of an
        external grid twice its impedance as its powers see it.
    phases : (n_bus,) int64
        By place, the bits of the phases that the bus has.
    constant : (n_bus, 9) float64
        By place, P and Q of the three conductors to the parent and |V|² of the three phases without injections.
    """

    parent: Ints
    column: Ints
    turn_of: Ints
    carries: NDArray[np.bool_]
    first: Ints
    coefficient: Floats
    general_of: Ints
    general: Floats
    turn: Floats
    phases: Ints
    constant: Floats


class PhaseLimits(NamedTuple):
    """What there is to look at of places of a tree.

    Attributes
    ----------
    ends : (n, 8) float64
        y₁ and y_m of the shunts of the branch to the parent, at the child's end and at the parent's.
    general_ends : (n_general, 36) float64
        The same for places with a row in `PhaseTree.general`: matrices at the child's end and at the parent's.
    alike : (n,) bool
        Whether both its ends carry the same current: it has no shunts, and no transformer.
    percent : (n, 2) float64
        Loading per p.u. of current of the branch to the parent, at the parent's end and at the child's; zero without a limit.
    counts : (n,) int64
        Bits of the phases whose voltages are looked at: all that a bus has, or 0; of all three unbalance too.
    """

    ends: Floats
    general_ends: Floats
    alike: NDArray[np.bool_]
    percent: Floats
    counts: Ints


class PhaseSummary(NamedTuple):
    """What three-phase power flows of some books say in a few numbers; NaN and -1 where one did not converge.

    Voltages are those between phase and neutral, of the buses that have a band; phases are 0, 1, 2 for a, b, c.

    Attributes
    ----------
    lowest_vm_pu, highest_vm_pu : (n_books,) float64
    lowest_bus, highest_bus, lowest_phase, highest_phase : (n_books,) int64
        Where they are.
    unbalance_percent : (n_books,) float64
        Largest |V₂| / |V₁|, negative by positive sequence (EN 50160 allows 2 %).
    unbalance_bus : (n_books,) int64
    loading_percent : (n_books,) float64
        Largest loading of any phase conductor of a limited branch, from current.
    neutral_percent : (n_books,) float64
        Largest current of a neutral, the sum of its phases', as a loading of a phase conductor of that branch.
    losses_kw : (n_books,) float64
        What the network itself draws: series losses, iron losses, shunts.
    slack_kw, slack_kvar : (n_books, 3) float64
        What the external grids feed in on each phase.
    """

    lowest_vm_pu: Floats
    lowest_bus: Ints
    lowest_phase: Ints
    highest_vm_pu: Floats
    highest_bus: Ints
    highest_phase: Ints
    unbalance_percent: Floats
    unbalance_bus: Ints
    loading_percent: Floats
    neutral_percent: Floats
    losses_kw: Floats
    slack_kw: Floats
    slack_kvar: Floats

    @classmethod
    def unknown(cls, n_books: int) -> PhaseSummary:
        """Arrays to fill."""
        nan, none = np.full((6, n_books), np.nan), np.full((5, n_books), -1)
        slack = np.full((2, n_books, 3), np.nan)
        return cls(
            lowest_vm_pu=nan[0], lowest_bus=none[0], lowest_phase=none[1], highest_vm_pu=nan[1], highest_bus=none[2],
            highest_phase=none[3], unbalance_percent=nan[2], unbalance_bus=none[4], loading_percent=nan[3],
            neutral_percent=nan[4], losses_kw=nan[5], slack_kw=slack[0], slack_kvar=slack[1],
        )  # fmt: skip

    def __repr__(self) -> str:
        """What it is, on a line."""
        return f"PhaseSummary({len(self.losses_kw):,} books: {', '.join(self._fields)})"

    @property
    def collapse(self) -> NDArray[np.bool_]:
        """(n_books,) which have no solution."""
        return np.isnan(self.losses_kw)

    def of(self, books: Ints | NDArray[np.bool_]) -> PhaseSummary:
        """That of some books."""
        return PhaseSummary._make(array[books] for array in self)

    def put(self, books: Ints, found: PhaseSummary) -> None:
        """Replace that of some books, in place."""
        for array, of_some in zip(self, found, strict=True):
            array[books] = of_some
