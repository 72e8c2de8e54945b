"""AC power flows of books, and which limits they break beyond what their base does."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import Injection, are_equal
from fastp2p.clearing.rows import AnyFlow, RowFamily
from fastp2p.grid.ac import AcSolver
from fastp2p.grid.network import Network

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


class Outside(NamedTuple):
    """Which books are beyond limits of voltages, and which beyond those of branches, (n,) bool; a collapse is beyond both."""

    voltage: Bools
    current: Bools

    @property
    def any(self) -> Bools:
        """Beyond either."""
        return self.voltage | self.current

    def copy(self) -> Outside:
        """To write to."""
        return Outside(self.voltage.copy(), self.current.copy())

    @classmethod
    def of(cls, families: tuple[RowFamily, ...], beyond: list[Bools], collapse: Bools) -> Outside:
        """From what is beyond the limits of each family."""
        voltage, current = collapse.copy(), collapse.copy()
        for family, flags in zip(families, beyond, strict=True):
            side = voltage if family.kind == "voltage" else current
            side |= flags
        return cls(voltage, current)


class Excess(NamedTuple):
    """By how much books are beyond limits that their base keeps, or farther beyond them than the base.

    Attributes
    ----------
    families : tuple of RowFamily
    flow : AcFlow or PhaseFlow
        Of the books.
    over : (n, n_limits) float64 of each family
        See `RowFamily.excess`.
    collapse : (n,) bool
        No solution, though the base has one.
    """

    families: tuple[RowFamily, ...]
    flow: AnyFlow
    over: tuple[Floats, ...]
    collapse: Bools

    @property
    def outside(self) -> Outside:
        """Which books are beyond any limit."""
        return Outside.of(self.families, [(over != 0.0).any(axis=1) for over in self.over], self.collapse)

    def of(self, books: Bools) -> Excess:
        """That of some books."""
        return Excess(self.families, self.flow.of(books), tuple(over[books] for over in self.over), self.collapse[books])


@dataclass(frozen=True, eq=False)
class AcModel:
    """AC power flows of books, and the limits that they are checked against.

    Attributes
    ----------
    network : Network
    bus : (n_columns,) int64
    families : tuple of RowFamily
    solver : AcSolver
    """

    network: Network
    bus: Ints
    families: tuple[RowFamily, ...]
    solver: AcSolver

    def summarise(self, injection: Injection) -> Any:
        """Voltages, losses and loading in a few numbers."""
        return self.solver.summarise(self.network, self.bus, *injection)[0]

    def flow(self, injection: Injection) -> AnyFlow:
        """Bus by bus and branch by branch."""
        flow: AnyFlow = self.solver.flow(self.network, *injection, bus=self.bus)
        return flow

    def outside(self, injection: Injection, summary: Any) -> Outside:
        """Which books are beyond limits, whatever their base does; `summary` is what `summarise` says of the injection."""
        flow = cache(lambda: self.flow(injection))  # few families ask for it
        return Outside.of(self.families, [family.is_beyond(summary, flow) for family in self.families], summary.collapse)

    def excess(self, floor: Injection, injection: Injection) -> Excess:
        """By how much each limit is broken that the base, with nothing executed, keeps."""
        base, flow = self.flow(floor), self.flow(injection)
        over = tuple(family.excess(base, flow) for family in self.families)
        return Excess(self.families, flow, over, base.converged & ~flow.converged)

    def broken_beyond_base(
        self, floor: Injection, injection: Injection, summary: Any, outside: Outside
    ) -> tuple[Outside, Bools]:
        """Which books are beyond limits that their base keeps, or farther beyond; and which collapse as their base does.

        Parameters
        ----------
        floor, injection : Injection
            With nothing executed, and with what is.
        summary : AcSummary or PhaseSummary
        outside : Outside
            What `summarise` and `outside` say of the injection.
        """
        outside, lost = outside.copy(), np.zeros(len(summary.losses_kw), bool)
        suspects = np.flatnonzero(outside.any)
        base = self.summarise(floor.of(suspects))
        lost[suspects] = base.collapse & summary.collapse[suspects]
        hard = suspects[self.outside(floor.of(suspects), base).any]  # the base breaks limits itself: limit by limit
        same = are_equal(floor.of(hard), injection.of(hard))  # nothing is executed, so nothing is beyond the base
        outside.voltage[hard[same]] = outside.current[hard[same]] = False
        hard = hard[~same]
        if len(hard):
            found = self.excess(floor.of(hard), injection.of(hard)).outside
            outside.voltage[hard], outside.current[hard] = found
        return outside, lost

    def broken_beyond_base_in(
        self, which: Bools, floor: Injection, injection: Injection, known: tuple[Outside, Bools]
    ) -> tuple[Outside, Bools]:
        """`broken_beyond_base` of the books `which`; the others keep their known values."""
        outside, lost = known[0].copy(), known[1].copy()
        some = np.flatnonzero(which)
        if len(some):
            floor, injection = floor.of(some), injection.of(some)
            summary = self.summarise(injection)
            found, lost[some] = self.broken_beyond_base(floor, injection, summary, self.outside(injection, summary))
            outside.voltage[some], outside.current[some] = found
        return outside, lost
