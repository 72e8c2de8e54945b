"""The AC audit of cleared books: voltages, losses and currents, and which limits they break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.network import Network
from fastp2p.powerflow import SWEEPS, AcSolver
from fastp2p.trades import Clearing, Injection

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

VOLTAGE_TOLERANCE = 1e-6
"""p.u. by which a voltage may pass its limit."""
LOADING_TOLERANCE = 1e-4
"""Percent by which a current may pass its limit."""
CUT_KW = 1e-9
"""Injections that differ by less are alike."""
AC_STATUS: NDArray[np.str_] = np.array(["not_audited", "kept", "base_broken", "broken", "collapse"])
"""What the audit may say of a book; see `Audit`."""
NOT_AUDITED, KEPT, BASE_BROKEN, BROKEN, COLLAPSE = range(5)


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
    full_voltage, full_current : bool
        Whether everything, executed without control, would break a voltage limit or a current limit (a collapse breaks both).
    needless_cut : bool
        Whether trades or exports are cut although AC would have carried all of them.
    is_whole : bool
        Whether every book was to be looked at, and not a sample.
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
    full_voltage: Bools
    full_current: Bools
    needless_cut: Bools
    is_whole: bool


class Outside(NamedTuple):
    """Which books are outside their limits, (n,) bool; a collapse is outside both."""

    voltage: Bools
    current: Bools

    @property
    def any(self) -> Bools:
        """Outside either."""
        return self.voltage | self.current


class Excess(NamedTuple):
    """By how much books break limits that their base keeps, or break them worse than the base.

    Attributes
    ----------
    vm_pu, vm_over : (n, n_bus) float64
        Voltages, and what is above (positive) or below (negative) the limits; zero where they are kept.
    percent, percent_over : (n, n_branch) float64
        Loading from current, and what is above 100 %.
    collapse : (n,) bool
        No solution, though the base has one.
    """

    vm_pu: Floats
    vm_over: Floats
    percent: Floats
    percent_over: Floats
    collapse: Bools


def audit(
    network: Network,
    bus: Ints,
    clearing: Clearing,
    band_pu: tuple[float, float],
    books: Ints | None = None,
    solver: AcSolver = SWEEPS,
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
    """
    n_books, is_whole = len(clearing.status_code), books is None
    floor, executed, full = clearing.floor, clearing.injection, clearing.full
    if books is None:
        books = np.arange(n_books)
    else:
        floor, executed, full = floor.of(books), executed.of(books), full.of(books)
    found = solver.summarise(network, bus, *executed)[0] if clearing.ac is None else clearing.ac[:, books]
    collapsed = np.isnan(found[0])
    is_cut = np.isin(books, clearing.congested_book)
    is_cut[is_cut] = np.abs(full.kw[is_cut] - executed.kw[is_cut]).max(axis=1, initial=0.0) > CUT_KW
    by_trades = _blame(network, bus, band_pu, solver, floor, executed, found)
    by_all = Outside(by_trades.voltage.copy(), by_trades.current.copy())
    some = np.flatnonzero(is_cut)  # in the others everything is what is executed
    if len(some):
        with_all, _ = solver.summarise(network, bus, *full.of(some))
        by_all.voltage[some], by_all.current[some] = _blame(
            network, bus, band_pu, solver, floor.of(some), full.of(some), with_all
        )
    base_breaks = out_of_limits(found, band_pu).any & ~by_trades.any
    code = np.where(collapsed, COLLAPSE, np.where(by_trades.any, BROKEN, np.where(base_breaks, BASE_BROKEN, KEPT)))
    of_all = np.full((len(found), n_books), np.nan)
    of_all[:, books] = found
    low, low_at, high, high_at, losses, loading, slack, _ = of_all
    low_bus, high_bus = (np.nan_to_num(at, nan=-1.0).astype(np.int64) for at in (low_at, high_at))
    codes, flags = np.full(n_books, NOT_AUDITED, np.int8), np.zeros((3, n_books), bool)
    codes[books] = code
    flags[:, books] = by_all.voltage, by_all.current, is_cut & ~by_all.any & ~collapsed
    return Audit(low, low_bus, high, high_bus, losses, loading, slack, codes, flags[0], flags[1], flags[2], is_whole)


def _blame(
    network: Network,
    bus: Ints,
    band_pu: tuple[float, float],
    solver: AcSolver,
    floor: Injection,
    injection: Injection,
    summary: Floats,
) -> Outside:
    """Which books are outside limits that their base keeps, or farther outside than their base."""
    outside = out_of_limits(summary, band_pu)
    suspects = np.flatnonzero(outside.any)
    base, _ = solver.summarise(network, bus, *floor.of(suspects))
    hard = suspects[out_of_limits(base, band_pu).any]  # the base breaks limits itself: bus by bus, branch by branch
    if len(hard):
        excess = find_excess(network, bus, band_pu, floor.of(hard), injection.of(hard), solver)
        outside.voltage[hard] = excess.collapse | (excess.vm_over != 0.0).any(axis=1)
        outside.current[hard] = excess.collapse | (excess.percent_over > 0.0).any(axis=1)
    return outside


def out_of_limits(summary: Floats, band_pu: tuple[float, float]) -> Outside:
    """Which books of a summary (`powerflow.summarise_flows`) are outside the band, and which above 100 % loading."""
    collapse = np.isnan(summary[0])
    low, high = summary[0] < band_pu[0] - VOLTAGE_TOLERANCE, summary[2] > band_pu[1] + VOLTAGE_TOLERANCE
    return Outside(low | high | collapse, (summary[5] > 100.0 + LOADING_TOLERANCE) | collapse)


def find_excess(
    network: Network,
    bus: Ints,
    band_pu: tuple[float, float],
    floor: Injection,
    injection: Injection,
    solver: AcSolver = SWEEPS,
) -> Excess:
    """By how much each limit is broken that the base keeps, bus by bus and branch by branch.

    Parameters
    ----------
    network : Network
    bus : (n_columns,) int64
    band_pu : (lowest, highest) voltage, p.u.
    floor, injection : Injection
        With nothing executed, and with what is.
    solver : AcSolver
    """
    base, flow = solver.flow(network, *floor, bus=bus), solver.flow(network, *injection, bus=bus)
    grid = network.is_reference
    most, least = np.fmax(band_pu[1], base.vm_pu), np.fmin(band_pu[0], base.vm_pu)
    over, under = flow.vm_pu - most, flow.vm_pu - least
    vm_over = np.where(over > VOLTAGE_TOLERANCE, over, np.where(under < -VOLTAGE_TOLERANCE, under, 0.0))
    vm_over[:, grid] = 0.0
    percent_over = flow.loading_percent - np.fmax(100.0, base.loading_percent)
    percent_over = np.where(percent_over > LOADING_TOLERANCE, percent_over, 0.0)
    return Excess(flow.vm_pu, vm_over, flow.loading_percent, percent_over, base.converged & ~flow.converged)
