"""What an audit says of three-phase books besides: where voltages are, unbalance, neutrals, and what a balanced model says."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.ac_model import AcModel
from fastp2p.clearing.answer import Injection, differ, over_phases
from fastp2p.clearing.families import ac_families
from fastp2p.grid.ac import SWEEPS
from fastp2p.kernels.grid.structs import PhaseSummary

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

UNBALANCE_PERCENT = 2.0
"""The most that EN 50160 allows |V₂| / |V₁| to be."""
UNBALANCE_TOLERANCE = 1e-4
"""Percent by which it may pass that."""


class PhaseAudit(NamedTuple):
    """What a three-phase power flow says of the books of a batch besides `Audit`, (n_books,); NaN and -1 where there is none.

    Attributes
    ----------
    lowest_phase, highest_phase : int64
        Of the lowest and the highest voltage: 0, 1, 2 for a, b, c.
    unbalance_percent : float64
        Largest |V₂| / |V₁|, negative by positive sequence, of any bus but the external grids.
    unbalance_bus : int64
        Its position.
    neutral_percent : float64
        Largest current of a neutral, as a loading of a phase conductor of its branch.
    full_unbalance : float64
        Whether everything matched and left over, fed in without control, would make voltages less balanced than EN 50160
        allows (2 %) and than the base does: 1 or 0, NaN without a solution.
    balanced_voltage, balanced_current : float64
        What `Audit.full_voltage` and `full_current` would say by the balanced model, a third of everything on each phase; NaN
        where buses lack phases.
    """

    lowest_phase: Ints
    highest_phase: Ints
    unbalance_percent: Floats
    unbalance_bus: Ints
    neutral_percent: Floats
    full_unbalance: Floats
    balanced_voltage: Floats
    balanced_current: Floats

    @classmethod
    def unknown(cls, n_books: int) -> PhaseAudit:
        """Arrays to fill."""
        nan, none = np.full((5, n_books), np.nan), np.full((3, n_books), -1)
        return cls(none[0], none[1], nan[0], none[2], nan[1], nan[2], nan[3], nan[4])

    def put(self, books: Ints, found: PhaseAudit) -> None:
        """Replace that of some books, in place."""
        for array, of_some in zip(self, found, strict=True):
            array[books] = of_some


def audit_on_phases(
    model: AcModel, executed: Injection, found: PhaseSummary, base: Injection, full: Injection, band_pu: tuple[float, float]
) -> PhaseAudit:
    """What the power flows of some books say besides.

    Parameters
    ----------
    model : AcModel
        Of three phases.
    executed : Injection
    found : PhaseSummary
        Of what is executed.
    base, full : Injection
        Without control: with neither trades nor surplus, and with all of both.
    band_pu : (lowest, highest) voltage, p.u.
    """
    voltage, current = _balanced_flags(model, base, full, band_pu)
    return PhaseAudit(
        lowest_phase=found.lowest_phase,
        highest_phase=found.highest_phase,
        unbalance_percent=found.unbalance_percent,
        unbalance_bus=found.unbalance_bus,
        neutral_percent=found.neutral_percent,
        full_unbalance=_unbalance_flags(model, executed, found, base, full),
        balanced_voltage=voltage,
        balanced_current=current,
    )


def _unbalance_flags(model: AcModel, executed: Injection, found: PhaseSummary, base: Injection, full: Injection) -> Floats:
    """(n,) 1 where everything is less balanced than it may be and than the base is, else 0; NaN without a solution."""
    percent, other = found.unbalance_percent.copy(), np.flatnonzero(differ(executed, full))
    if len(other):
        percent[other] = model.summarise(full.of(other)).unbalance_percent
    flags = (percent > UNBALANCE_PERCENT + UNBALANCE_TOLERANCE).astype(np.float64)
    suspects = np.flatnonzero(flags)
    if len(suspects):
        of_base = np.nan_to_num(model.summarise(base.of(suspects)).unbalance_percent)
        flags[suspects] = percent[suspects] > np.maximum(UNBALANCE_PERCENT, of_base) + UNBALANCE_TOLERANCE
    return np.where(np.isnan(percent), np.nan, flags)


def _balanced_flags(model: AcModel, base: Injection, full: Injection, band_pu: tuple[float, float]) -> tuple[Floats, Floats]:
    """(n,) whether voltages and currents would be beyond limits that the base keeps, by the balanced model.

    NaN on networks with buses that lack phases: there is no such model.
    """
    if not model.network.is_balanced:
        none = np.full(len(full.kw), np.nan)
        return none, none.copy()
    balanced = AcModel(model.network, model.bus, ac_families(model.network, band_pu), SWEEPS)
    base, full = (Injection(over_phases(one.kw), over_phases(one.kvar)) for one in (base, full))
    summary = balanced.summarise(full)
    outside, lost = balanced.broken_beyond_base(base, full, summary, balanced.outside(full, summary))
    voltage, current = (np.where(lost, np.nan, breaks) for breaks in outside)
    return voltage, current
