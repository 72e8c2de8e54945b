"""The AC audit of cleared books: voltages, losses and currents, and which limits they break."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.clearing.ac_model import AcModel
from fastp2p.clearing.answer import Clearing, Injection, differ
from fastp2p.clearing.families import ac_families
from fastp2p.clearing.phase_audit import PhaseAudit, audit_on_phases
from fastp2p.clearing.phase_families import phase_families
from fastp2p.grid.ac import SWEEPS, AcSolver
from fastp2p.grid.network import Network
from fastp2p.grid.phases import PHASE_SWEEPS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

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
    phases : PhaseAudit or None
        On three phases, what there is to say besides.
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


def audit(
    network: Network,
    bus: Ints,
    clearing: Clearing,
    band_pu: tuple[float, float],
    books: Ints | None = None,
    solver: AcSolver | None = None,
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
    solver : AcSolver, optional
        By default sweeps, which need a radial network; of three phases where the clearing has them.
    uncontrolled : Uncontrolled, optional
        Where the surplus is no part of what the clearing decides on; by default its own `floor` and `full`.
    """
    n_books, is_whole = len(clearing.status_code), books is None
    floor, executed, full = clearing.floor, clearing.injection, clearing.full
    if books is None:
        books = np.arange(n_books)
    else:
        floor, executed, full = floor.of(books), executed.of(books), full.of(books)
    on_phases = floor.kw.ndim == 3
    solver = solver or (PHASE_SWEEPS if on_phases else SWEEPS)
    families = phase_families(network, bus, band_pu) if on_phases else ac_families(network, band_pu)
    model = AcModel(network, bus, families, solver)
    found: Any = model.summarise(executed) if clearing.ac is None else clearing.ac.of(books)
    outside = model.outside(executed, found)
    by_trades, lost = model.broken_beyond_base(floor, executed, found, outside)
    is_cut = clearing.is_cut[books]
    by_all, all_lost = model.broken_beyond_base_in(is_cut, floor, full, (by_trades, lost))
    needless = is_cut & ~by_all.any & ~all_lost
    base, everything = floor, full
    if uncontrolled is not None:
        base, everything = uncontrolled.base.of(books), uncontrolled.full.of(books)
        other = differ(base, floor) | differ(everything, full)
        by_all, all_lost = model.broken_beyond_base_in(other, base, everything, (by_all, all_lost))
    code = np.where(by_trades.any, BROKEN, np.where(outside.any, BASE_BROKEN, KEPT))
    of_all, codes = type(found).unknown(n_books), np.full(n_books, NOT_AUDITED, np.int8)
    of_all.put(books, found)
    phases = None
    if on_phases:
        phases = PhaseAudit.unknown(n_books)
        phases.put(books, audit_on_phases(model, executed, found, base, everything, band_pu))
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
        slack_kw=of_all.slack_kw.sum(axis=1) if on_phases else of_all.slack_kw,
        code=codes,
        full_voltage=full_voltage,
        full_current=full_current,
        needless_cut=needless_cut,
        is_whole=is_whole,
        solver=solver,
        phases=phases,
    )
