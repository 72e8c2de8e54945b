"""The limits of a network as rows of linear programmes, lower ≤ value ≤ upper, in families.

A family holds one kind of limit: flows of branches, their apparent power, voltages of buses. It knows the bounds, values and
entries of its rows, what they are called, what a dual value is a price of, and what an AC power flow says of the limits.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.ac import AcFlow
from fastp2p.grid.lindist3flow import PhaseLinearFlows
from fastp2p.grid.network import Network
from fastp2p.grid.phases import PhaseFlow
from fastp2p.kernels.clearing.limits import Bounds
from fastp2p.kernels.clearing.solve import longest_path
from fastp2p.kernels.grid.structs import AcSummary, PhaseSummary, Tree
from fastp2p.kernels.structs import OwnRows, Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

ROW_TOLERANCE = 1e-9
"""How far a row may pass its limit, relative to the limit (absolute below 1 kW)."""
FACE_KW: Floats = np.array([[1.0, 0.0]])
"""Weights of kW and kvar in a row of active power."""


class LinearFlows(NamedTuple):
    """What a linear model says of some books: flows (n_books, n_branch), and v² (n_books, n_bus), of which DC has none."""

    kw: Floats
    kvar: Floats
    square: Floats


Flows = LinearFlows | PhaseLinearFlows
AnyFlow = AcFlow | PhaseFlow
Summary = AcSummary | PhaseSummary
"""Of one phase, and of three."""


def bounds_of(families: tuple[RowFamily, ...]) -> Bounds:
    """The narrowest bounds of families on one network, branch by branch and bus by bus."""
    branch, bus = np.full(families[0].network.n_branch, np.inf), np.full(families[0].network.n_bus, np.inf)
    bounds = Bounds(-branch, branch, branch, -bus, bus)
    for family in families:
        bounds = family.narrow(bounds)
    return bounds


@dataclass(frozen=True, eq=False)
class RowFamily(ABC):
    """Limits of one kind, each at a branch or a bus; a limit is one row, or a row for each of its faces, face by face."""

    network: Network
    kind: ClassVar[str]
    face: ClassVar[Floats] = FACE_KW
    """(n_faces, 2) weights of kW and kvar in each row of a limit."""
    is_power: ClassVar[bool] = True
    """Whether a value is power; else a price holds for a whole step, however long."""

    @property
    @abstractmethod
    def branch(self) -> Ints:
        """(n_limits,) the branch of the whole network that each limit is of; -1 where it is of none."""

    @property
    def bus(self) -> Ints:
        """(n_limits,) the bus of the whole network whose voltage each limit is of; -1 where it is of none."""
        return np.full(len(self.branch), -1)

    @property
    def place(self) -> Ints:
        """(n_limits,) where each limit stands among all of its kind; limits of one place have one price together."""
        return np.arange(len(self.branch))

    @property
    @abstractmethod
    def name(self) -> NDArray[np.str_]:
        """(n_limits,) their names in tables."""

    @property
    def n_rows(self) -> int:
        """Of all limits."""
        return len(self.face) * len(self.branch)

    @property
    @abstractmethod
    def lower(self) -> Floats:
        """(n_rows,) smallest values."""

    @property
    @abstractmethod
    def upper(self) -> Floats:
        """(n_rows,) largest values."""

    @abstractmethod
    def values(self, flows: Flows) -> Floats:
        """(n_books, n_rows)."""

    @abstractmethod
    def entries(self, plus_kvar: Floats, minus_kvar: Floats) -> tuple[Floats, Floats] | None:
        """(n_terminals, n_rows) change of each value per kW fed in at each bus, with its kvar, and its fall per kW drawn.

        None: the rows are those of a tree (`Rows`).
        """

    @abstractmethod
    def narrow(self, bounds: Bounds) -> Bounds:
        """Bounds that hold these limits as well."""

    def per_limit(self, values: Floats, dual: Floats) -> Floats:
        """(n, n_rows) duals per unit of limit, from those per unit of value; `values` are those with nothing executed."""
        return dual

    def price(self, dual: Floats) -> Floats:
        """(n, n_limits) from what `per_limit` gives: signed, positive at an upper limit."""
        return dual

    def any_face(self, flag: Bools) -> Bools:
        """(n, n_limits) whether any row of a limit is flagged, of (n, n_rows)."""
        return flag

    @abstractmethod
    def is_beyond(self, summary: Summary, flow: Callable[[], AnyFlow]) -> Bools:
        """(n_books,) whether AC power flows are beyond a limit; `flow` solves them, where their summary is not enough."""

    @abstractmethod
    def excess(self, base: AnyFlow, flow: AnyFlow) -> Floats:
        """(n_books, n_limits) by how much AC power flows are beyond limits, or beyond the base where that is beyond them."""

    @abstractmethod
    def gaps(self, excess: Floats, flow: AnyFlow, flows: Flows) -> Floats:
        """(n_books, n_rows) AC value less linear value where there is an excess, zero elsewhere."""


def rows_of_kw(
    lower: Floats, upper: Floats, parent: Ints, parent_row: Ints, parent_sign: Floats, depth: Ints, dense: Floats
) -> Rows:
    """Rows of active power alone: one per branch of the tree, then the dense ones; arguments as the fields of `Rows`."""
    none = np.zeros(len(parent))
    return Rows(
        lower=lower, upper=upper, parent=parent, parent_row=parent_row, parent_sign=parent_sign, depth=depth, face=FACE_KW,
        node=np.arange(len(parent))[:, None], weight=np.ones(len(parent)), plus_kvar=none, minus_kvar=none,
        dense_plus=dense.T.copy(), dense_minus=dense.T.copy(), between=np.full((2, len(dense)), -1), share=np.zeros(len(dense)),
    )  # fmt: skip


def rows_of_families(
    families: tuple[RowFamily, ...], plus_kvar: Floats | None = None, minus_kvar: Floats | None = None
) -> Rows:
    """The rows of families on one network, one family after the other; those of a tree come first.

    Parameters
    ----------
    families : tuple of RowFamily
    plus_kvar, minus_kvar : (n_bus,) float64, optional
        kvar that goes with each kW that is fed in, and drawn; by default none.
    """
    network = families[0].network
    n_bus = network.n_bus
    plus_kvar, minus_kvar = (np.zeros(n_bus) if kvar is None else kvar for kvar in (plus_kvar, minus_kvar))
    root, flat = np.full(n_bus, -1), np.zeros(n_bus, np.int64)
    tree = network.tree if network.is_radial else Tree(root, root, root, np.zeros(n_bus), flat)
    dense = [entries for family in families if (entries := family.entries(plus_kvar, minus_kvar)) is not None]
    plus = _beside([one for one, _ in dense], n_bus)
    minus = plus if all(one is other for one, other in dense) else _beside([other for _, other in dense], n_bus)
    lower, upper = (np.concatenate([getattr(family, side) for family in families]) for side in ("lower", "upper"))
    return Rows(
        lower=lower, upper=upper, parent=tree.parent, parent_row=tree.parent_branch, parent_sign=tree.parent_sign,
        depth=tree.depth, face=families[0].face, node=np.arange(n_bus)[:, None], weight=np.ones(n_bus),
        plus_kvar=plus_kvar, minus_kvar=minus_kvar, dense_plus=plus, dense_minus=minus,
        between=np.full((2, plus.shape[1]), -1), share=np.zeros(plus.shape[1]),
    )  # fmt: skip


def entries_per_column(rows: Rows, own: OwnRows) -> int:
    """The most entries that a column can have."""
    return int(longest_path(rows)) + int(rows.dense_plus.shape[1]) + int(own.share.shape[1])


def _beside(rows: list[Floats], n_bus: int) -> Floats:
    """All rows as one array, without a copy where there is one already: those of a meshed network may fill the memory."""
    return rows[0] if len(rows) == 1 else np.concatenate([np.empty((n_bus, 0)), *rows], axis=1)


def voltage_name(network: Network, bus: Ints) -> NDArray[np.str_]:
    """What limits of voltage are called in tables, with the index of the bus; `bus` are positions in the whole network."""
    return np.char.add("voltage at bus ", network.whole.bus_id[bus].astype(str))


class RowLayout(NamedTuple):
    """What the rows of a clearing are: those of its families, one family after the other.

    Row ``n_rows + i`` is the voltage of bus i of the whole network, where it has no row in a family (`fastp2p.clearing.kinks`).
    """

    families: tuple[RowFamily, ...]

    @property
    def n_rows(self) -> int:
        """Of all families."""
        return sum(family.n_rows for family in self.families)

    @property
    def parts(self) -> Iterator[tuple[RowFamily, slice]]:
        """Every family and where its rows are."""
        first = 0
        for family in self.families:
            last = first + family.n_rows
            yield family, slice(first, last)
            first = last

    @property
    def n_branch(self) -> int:
        """Of the whole network."""
        return self.families[0].network.whole.n_branch

    @property
    def n_bus(self) -> int:
        """Of the whole network."""
        return self.families[0].network.whole.n_bus

    def branch(self, row: Ints) -> Ints:
        """The branch whose limit each row belongs to; -1 where it is none's, and for row -1."""
        of_all = [np.tile(family.branch, len(family.face)) for family in self.families]
        return np.concatenate([*of_all, [-1]])[np.where(row < self.n_rows, row, -1)]

    def bus(self, row: Ints) -> Ints:
        """The bus whose voltage each row is; -1 where it is none's, and for row -1."""
        of_all = [np.tile(family.bus, len(family.face)) for family in self.families]
        in_families: Ints = np.concatenate([*of_all, [-1]])[np.where(row < self.n_rows, row, -1)]
        return np.where(row < self.n_rows, in_families, row - self.n_rows)

    def name(self, row: Ints) -> NDArray[np.str_]:
        """What the limit of each row is called; "" for row -1."""
        of_all = [np.tile(family.name, len(family.face)) for family in self.families]
        names: NDArray[np.str_] = np.concatenate([*of_all, [""]])[np.where(row < self.n_rows, row, -1)]
        inside = row >= self.n_rows
        if inside.any():
            names = names.astype(object)
            names[inside] = voltage_name(self.families[0].network, row[inside] - self.n_rows)
        return names.astype(np.str_)

    def per_limit(self, values: Floats, dual: Floats, hours: float, by_volume: bool) -> Floats:
        """(n, n_rows) shadow prices per unit of limit, kWh per kW or currency per kWh, from duals of a step of some hours.

        Parameters
        ----------
        values, dual : (n, n_rows) float64
            With nothing executed; of the objective in kW.
        hours : float
        by_volume : bool
            Whether the objective is energy.
        """
        prices = [
            family.per_limit(values[:, part], dual[:, part]) * (hours if by_volume or not family.is_power else 1.0)
            for family, part in self.parts
        ]
        return prices[0] if len(prices) == 1 else np.concatenate(prices, axis=1)
