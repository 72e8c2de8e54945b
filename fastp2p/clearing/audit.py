"""The AC audit of cleared books: voltages, losses and currents, and which limits they break."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.clearing.answer import CUT_KW, Clearing, Injection
from fastp2p.clearing.families import ac_families
from fastp2p.clearing.rows import RowFamily
from fastp2p.grid.ac import SWEEPS, AcFlow, AcSolver
from fastp2p.grid.network import Network
from fastp2p.kernels.grid.structs import AcSummary

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

AC_STATUS: NDArray[np.str_] = np.array(["not_audited", "kept", "base_broken", "broken", "collapse"])
"""What the audit may say of a book; see `Audit`."""
NOT_AUDITED, KEPT, BASE_BROKEN, BROKEN, COLLAPSE = range(5)


class PhaseAudit(NamedTuple):
    """What a three-phase power flow says beyond `Audit`, (n_books,); NaN and -1 where there is none.

    Attributes
    ----------
    lowest_phase, highest_phase : int64
        Of the lowest and the highest voltage: 0, 1, 2 for a, b, c.
    unbalance_percent : float64
        The largest of any bus.
    unbalance_bus : int64
        Its position.
    neutral_percent : float64
        The largest current of a neutral, as a loading of a phase conductor of its branch.
    full_unbalance : float64
        As `Audit.full_voltage`, of the limit of unbalance.
    balanced_voltage, balanced_current : float64
        As `Audit.full_voltage` and `Audit.full_current`, by the balanced model of the same book.
    """

    lowest_phase: Ints
    highest_phase: Ints
    unbalance_percent: Floats
    unbalance_bus: Ints
    neutral_percent: Floats
    full_unbalance: Floats
    balanced_voltage: Floats
    balanced_current: Floats


@dataclass(frozen=True, eq=False)
class Audit:
    """What an AC power flow says of the books of a batch, (n_books,); NaN and -1 where there is none.

    Attributes
    ----------
    lowest_vm_pu, highest_vm_pu : float64
        Of all buses but the external grids.
    lowest_bus, highest_bus : int64
        Their positions.
    losses_kw : float64
        What the network itself draws: series losses, iron losses, shunts.
    loading_percent : float64
        The largest loading of any limited branch, from current.
    slack_kw : float64
        What the external grids feed in.
    code : int8
        Place in `AC_STATUS`: "kept", all limits; "base_broken", limits are broken, but not by trades; "broken", what is
        executed breaks a limit that the base keeps, or breaks one worse than the base; "collapse", no solution.
    full_voltage, full_current : float64
        Whether everything matched and left over, fed in without control, would break a voltage limit or a current limit that
        the base keeps (a collapse breaks both): 1 or 0, NaN where neither it nor the base has a solution.
    needless_cut : float64
        Whether trades or exports are cut although AC would have carried all of them: 1 or 0.
    is_whole : bool
        Whether every book was to be looked at, and not a sample.
    solver : AcSolver
        Who solved the power flows.
    phases : PhaseAudit or None
        None in a one-phase study.
    """

    __repr__ = short_repr
    lowest_vm_pu: Floats
    lowest_bus: Ints
    highest_vm_pu: Floats
    highest_bus: Ints
    losses_kw: Floats
    loading_percent: Floats
    slack_kw: Floats
    code: NDArray[np.int8]
    full_voltage: Floats
    full_current: Floats
    needless_cut: Floats
    is_whole: bool
    solver: AcSolver
    phases: PhaseAudit | None = None


class Uncontrolled(NamedTuple):
    """Books without control, whatever the study does with surplus: with neither trades nor surplus, and with all of both."""

    base: Injection
    full: Injection


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
    flow : AcFlow
        Of the books.
    over : (n, n_limits) float64 of each family
        See `RowFamily.excess`.
    collapse : (n,) bool
        No solution, though the base has one.
    """

    families: tuple[RowFamily, ...]
    flow: AcFlow
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

    def summarise(self, injection: Injection) -> AcSummary:
        """Voltages, losses and loading in a few numbers."""
        return self.solver.summarise(self.network, self.bus, *injection)[0]

    def flow(self, injection: Injection) -> AcFlow:
        """Bus by bus and branch by branch."""
        return self.solver.flow(self.network, *injection, bus=self.bus)

    def outside(self, injection: Injection, summary: AcSummary) -> Outside:
        """Which books are beyond limits, whatever their base does; `summary` is what `summarise` says of the injection."""
        flow = cache(lambda: self.flow(injection))  # few families ask for it
        return Outside.of(self.families, [family.is_beyond(summary, flow) for family in self.families], summary.collapse)

    def excess(self, floor: Injection, injection: Injection) -> Excess:
        """By how much each limit is broken that the base, with nothing executed, keeps."""
        base, flow = self.flow(floor), self.flow(injection)
        over = tuple(family.excess(base, flow) for family in self.families)
        return Excess(self.families, flow, over, base.converged & ~flow.converged)

    def broken_beyond_base(
        self, floor: Injection, injection: Injection, summary: AcSummary, outside: Outside
    ) -> tuple[Outside, Bools]:
        """Which books are beyond limits that their base keeps, or farther beyond; and which collapse as their base does.

        Parameters
        ----------
        floor, injection : Injection
            With nothing executed, and with what is.
        summary : AcSummary
        outside : Outside
            What `summarise` and `outside` say of the injection.
        """
        outside, lost = outside.copy(), np.zeros(len(summary.losses_kw), bool)
        suspects = np.flatnonzero(outside.any)
        base = self.summarise(floor.of(suspects))
        lost[suspects] = base.collapse & summary.collapse[suspects]
        hard = suspects[self.outside(floor.of(suspects), base).any]  # the base breaks limits itself: limit by limit
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


def audit(
    network: Network,
    bus: Ints,
    clearing: Clearing,
    band_pu: tuple[float, float],
    books: Ints | None = None,
    solver: AcSolver = SWEEPS,
    uncontrolled: Uncontrolled | None = None,
) -> Audit:
    """AC power flows of cleared books.

    Parameters
    ----------
    network : Network
    bus : (n_columns,) int64
        Bus of every column.
    clearing : Clearing
        With the reactive power of its books.
    band_pu : (lowest, highest) voltage, p.u.
    books : (n,) int64, optional
        A sample of them to look at; by default all.
    solver : AcSolver
        By sweeps, which need a radial network, or another way.
    uncontrolled : Uncontrolled, optional
        Where the surplus is no part of what the clearing decides on; by default its own `floor` and `full`.
    """
    n_books, is_whole = len(clearing.status_code), books is None
    floor, executed, full = clearing.floor, clearing.injection, clearing.full
    if books is None:
        books = np.arange(n_books)
    else:
        floor, executed, full = floor.of(books), executed.of(books), full.of(books)
    model = AcModel(network, bus, ac_families(network, band_pu), solver)
    found = model.summarise(executed) if clearing.ac is None else clearing.ac.of(books)
    outside = model.outside(executed, found)
    by_trades, lost = model.broken_beyond_base(floor, executed, found, outside)
    is_cut = clearing.is_cut[books]
    by_all, all_lost = model.broken_beyond_base_in(is_cut, floor, full, (by_trades, lost))
    needless = is_cut & ~by_all.any & ~all_lost
    if uncontrolled is not None:
        base, everything = uncontrolled.base.of(books), uncontrolled.full.of(books)
        other = _differs(base, floor) | _differs(everything, full)
        by_all, all_lost = model.broken_beyond_base_in(other, base, everything, (by_all, all_lost))
    code = np.where(by_trades.any, BROKEN, np.where(outside.any, BASE_BROKEN, KEPT))
    of_all, codes = AcSummary.unknown(n_books), np.full(n_books, NOT_AUDITED, np.int8)
    of_all.put(books, found)
    codes[books] = np.where(found.collapse, COLLAPSE, code)
    flags = np.full((3, n_books), np.nan)
    flags[:, books] = *(np.where(all_lost, np.nan, breaks) for breaks in by_all), needless
    full_voltage, full_current, needless_cut = flags
    return Audit(
        lowest_vm_pu=of_all.lowest_vm_pu,
        lowest_bus=of_all.lowest_bus,
        highest_vm_pu=of_all.highest_vm_pu,
        highest_bus=of_all.highest_bus,
        losses_kw=of_all.losses_kw,
        loading_percent=of_all.loading_percent,
        slack_kw=of_all.slack_kw,
        code=codes,
        full_voltage=full_voltage,
        full_current=full_current,
        needless_cut=needless_cut,
        is_whole=is_whole,
        solver=solver,
    )


def _differs(one: Injection, other: Injection) -> Bools:
    """(n,) which books inject something else."""
    differs: Bools = np.any(np.abs(one.kw - other.kw) > CUT_KW, axis=1)
    return differs
