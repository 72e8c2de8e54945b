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
    coefficient : (n_bus, 11) float64
        a, z, c, y of the branch to the parent, all shunts at the bus (the y of its children included), and the real part of its
        own shunt.
    root_v : (n_bus, 2) float64
        Where nobody injects and no shunt draws, p.u.; real and imaginary part.
    series : (n_bus,) complex128
        Impedance of the branch to the parent, without its shunts.
    square : (n_bus,) float64
        By which a squared voltage is multiplied from the parent to the bus, shunts left out; 1 but below transformers off their
        nominal ratio.
    kva_per_pu : (n_bus, 2) float64
        Rated apparent power per p.u. of current of the branch to the parent, at the parent's end and the child's.
    """

    order: Ints
    parent: Ints
    branch: Ints
    coefficient: Floats
    root_v: Floats
    series: Complexes
    square: Floats
    kva_per_pu: Floats

    @property
    def place(self) -> Ints:
        """(n_bus,) place of every bus."""
        place = np.empty(len(self.order), np.int64)
        place[self.order] = np.arange(len(self.order))
        return place


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
