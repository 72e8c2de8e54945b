"""The AC audit of cleared books: voltages, losses and currents, and which limits they break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.clearing.answer import CUT_KW, Clearing, Injection
from fastp2p.grid.ac import SWEEPS, AcSolver
from fastp2p.grid.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

VOLTAGE_TOLERANCE = 1e-6
"""p.u. by which a voltage may pass its limit."""
LOADING_TOLERANCE = 1e-4
"""Percent by which a current may pass its limit."""
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
    full_voltage, full_current : float64
        Whether everything matched and left over, fed in without control, would break a voltage limit or a current limit that
        the base keeps (a collapse breaks both): 1 or 0, NaN where neither it nor the base has a solution.
    needless_cut : float64
        Whether trades or exports are cut although AC would have carried all of them: 1 or 0.
    is_whole : bool
        Whether every book was to be looked at, and not a sample.
    solver : AcSolver
        Who solved the power flows.
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


class Uncontrolled(NamedTuple):
    """Books without control, whatever the study does with surplus: with neither trades nor surplus, and with all of both."""

    base: Injection
    full: Injection


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
    found = solver.summarise(network, bus, *executed)[0] if clearing.ac is None else clearing.ac[:, books]
    by_trades, lost = _blame(network, bus, band_pu, solver, floor, executed, found)
    is_cut = clearing.is_cut[books]
    by_all, all_lost = _blame_some(network, bus, band_pu, solver, is_cut, (floor, full), (by_trades, lost))
    needless = is_cut & ~by_all.any & ~all_lost
    if uncontrolled is not None:
        base, everything = uncontrolled.base.of(books), uncontrolled.full.of(books)
        other = _differs(base, floor) | _differs(everything, full)
        by_all, all_lost = _blame_some(network, bus, band_pu, solver, other, (base, everything), (by_all, all_lost))
    breaks = [np.where(all_lost, np.nan, outside) for outside in by_all]
    base_breaks = out_of_limits(found, band_pu).any & ~by_trades.any
    collapsed = np.isnan(found[0])
    code = np.where(collapsed, COLLAPSE, np.where(by_trades.any, BROKEN, np.where(base_breaks, BASE_BROKEN, KEPT)))
    of_all, codes = np.full((len(found) + 3, n_books), np.nan), np.full(n_books, NOT_AUDITED, np.int8)
    of_all[:, books] = *found, *breaks, needless
    codes[books] = code
    low, low_at, high, high_at, losses, loading, slack, _, full_voltage, full_current, needless_cut = of_all
    low_bus, high_bus = (np.nan_to_num(at, nan=-1.0).astype(np.int64) for at in (low_at, high_at))
    return Audit(
        lowest_vm_pu=low,
        lowest_bus=low_bus,
        highest_vm_pu=high,
        highest_bus=high_bus,
        losses_kw=losses,
        loading_percent=loading,
        slack_kw=slack,
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


def _blame_some(
    network: Network,
    bus: Ints,
    band_pu: tuple[float, float],
    solver: AcSolver,
    which: Bools,
    flows: tuple[Injection, Injection],
    known: tuple[Outside, Bools],
) -> tuple[Outside, Bools]:
    """`_blame` for the books `which`, of floor and injection; for the others what is known of them."""
    outside, lost = Outside(known[0].voltage.copy(), known[0].current.copy()), known[1].copy()
    some = np.flatnonzero(which)
    if len(some):
        floor, injection = (flow.of(some) for flow in flows)
        summary, _ = solver.summarise(network, bus, *injection)
        found, lost[some] = _blame(network, bus, band_pu, solver, floor, injection, summary)
        outside.voltage[some], outside.current[some] = found
    return outside, lost


def _blame(
    network: Network,
    bus: Ints,
    band_pu: tuple[float, float],
    solver: AcSolver,
    floor: Injection,
    injection: Injection,
    summary: Floats,
) -> tuple[Outside, Bools]:
    """Which books are outside limits that their base keeps, or farther outside; and which collapse as their base does."""
    outside, lost = out_of_limits(summary, band_pu), np.zeros(summary.shape[1], bool)
    suspects = np.flatnonzero(outside.any)
    base, _ = solver.summarise(network, bus, *floor.of(suspects))
    lost[suspects] = np.isnan(base[0]) & np.isnan(summary[0, suspects])
    hard = suspects[out_of_limits(base, band_pu).any]  # the base breaks limits itself: bus by bus, branch by branch
    if len(hard):
        excess = find_excess(network, bus, band_pu, floor.of(hard), injection.of(hard), solver)
        outside.voltage[hard] = excess.collapse | (excess.vm_over != 0.0).any(axis=1)
        outside.current[hard] = excess.collapse | (excess.percent_over > 0.0).any(axis=1)
    return outside, lost


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
    most, least = np.fmax(band_pu[1], base.vm_pu), np.fmin(band_pu[0], base.vm_pu)
    over, under = flow.vm_pu - most, flow.vm_pu - least
    vm_over = np.where(over > VOLTAGE_TOLERANCE, over, np.where(under < -VOLTAGE_TOLERANCE, under, 0.0))
    vm_over[:, ~network.has_band] = 0.0
    percent_over = flow.loading_percent - np.fmax(100.0, base.loading_percent)
    percent_over = np.where(percent_over > LOADING_TOLERANCE, percent_over, 0.0)
    return Excess(flow.vm_pu, vm_over, flow.loading_percent, percent_over, base.converged & ~flow.converged)
