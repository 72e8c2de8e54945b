"""What the AC audits of scenarios come to: those of the device, and of the books that the CPU has run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.audit import AC_STATUS, BASE_BROKEN, KEPT, NOT_AUDITED
from fastp2p.cuda.listed import Listed
from fastp2p.kernels.cuda.audit import (
    HIGHEST_STEP,
    HIGHEST_VM,
    LOSSES_COST,
    LOSSES_KWH,
    LOWEST_STEP,
    LOWEST_VM,
    NEUTRAL,
    UNBALANCE,
    WORST_CURRENT,
)
from fastp2p.pipeline.reduce import Columns
from fastp2p.results.indicators import FLAGS

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

N_FLAGS, N_BALANCED = 3, 2
"""How many of the flags are there without three phases, and how many, the last ones, the balanced model gives."""
FURTHEST = {WORST_CURRENT: "worst_current_percent", UNBALANCE: "unbalance_percent", NEUTRAL: "neutral_percent"}
"""Rows of extremes that have no steps, and their columns."""


class AuditKind(NamedTuple):
    """Whether all books are audited, whether on three phases, and whether all buses have all of these."""

    is_whole: bool = True
    on_phases: bool = False
    is_balanced: bool = True


@dataclass(frozen=True, eq=False)
class Audits:
    """What audits of a block of scenarios come to. `add_listed_audits` changes its arrays.

    Attributes
    ----------
    of_scenario : (N_AUDITED, n_scenarios) float64
        Rows as `fastp2p.kernels.cuda.audit` has them.
    band : (2, n_slots, n_scenarios) float64
        Lowest and highest voltage of every hour of the day; empty where nobody asks for it.
    codes : (len(AC_STATUS), n_scenarios) int64
        How many books end how.
    flags, unknown : (n_flags, n_scenarios) int64
        In how many books a flag is 1, and in how many audited ones it is unknown.
    of_slot : (n_slots, n_scenarios) int64
        How many books of each hour are audited.
    kind : AuditKind
    """

    of_scenario: Floats
    band: Floats
    codes: Ints
    flags: Ints
    unknown: Ints
    of_slot: Ints
    kind: AuditKind


def audits_of(
    kind: AuditKind, n_run: Ints, n_kept: Ints, n_base_broken: Ints, of_scenario: Floats, band: Floats, of_slot: Ints
) -> Audits:  # fmt: skip
    """Those of the books that the device has run.

    Parameters
    ----------
    kind : AuditKind
    n_run, n_kept, n_base_broken : (n_scenarios,) int64
        How many these are, and of how many the audit says what.
    of_scenario, band, of_slot : as for `Audits`
    """
    codes = np.zeros((len(AC_STATUS), len(n_kept)), np.int64)
    n_audited = n_kept + n_base_broken
    codes[KEPT], codes[BASE_BROKEN], codes[NOT_AUDITED] = n_kept, n_base_broken, n_run - n_audited
    names = FLAGS if kind.on_phases else FLAGS[:N_FLAGS]
    flags, unknown = np.zeros((2, len(names), len(n_kept)), np.int64)
    if kind.on_phases and not kind.is_balanced:
        unknown[-N_BALANCED:] = n_audited
    return Audits(of_scenario, band, codes, flags, unknown, of_slot, kind)


def add_listed_audits(to: Audits, listed: Listed, slot: Ints) -> None:
    """Add the books that the CPU has run."""
    at, books = listed.scenario, {name: np.asarray(one, np.float64) for name, one in listed.books.items()}
    lowest, highest, of = books["lowest_vm_pu"], books["highest_vm_pu"], to.of_scenario
    code = np.asarray(listed.books["ac_status"], np.int64)
    if to.kind.is_whole:
        np.add.at(of[LOSSES_KWH], at, books["losses_kwh"])
        np.add.at(of[LOSSES_COST], at, books["losses_cost"])
    _add_extreme(np.fmin, of[LOWEST_VM], of[LOWEST_STEP], listed, lowest)
    _add_extreme(np.fmax, of[HIGHEST_VM], of[HIGHEST_STEP], listed, highest)
    for row, name in FURTHEST.items():
        if name in books:
            np.fmax.at(of[row], at, books[name])
    if to.band.size:
        np.fmin.at(to.band[0], (slot[listed.step], at), lowest)
        np.fmax.at(to.band[1], (slot[listed.step], at), highest)
    np.add.at(to.codes, (code, at), 1)
    for place, name in enumerate(FLAGS[: len(to.flags)]):
        np.add.at(to.flags[place], at, books[name] == 1.0)
        np.add.at(to.unknown[place], at, np.isnan(books[name]) & (code != NOT_AUDITED))


def _add_extreme(furthest: np.ufunc, extreme: Floats, step: Floats, listed: Listed, values: Floats) -> None:
    """Let values of listed books count for the extremes of their scenarios, and for the first steps that have these."""
    before = extreme.copy()
    furthest.at(extreme, listed.scenario, values)
    step[extreme != before] = np.inf
    has_it = values == extreme[listed.scenario]
    np.minimum.at(step, listed.scenario[has_it], listed.step[has_it])


def scenario_audits(audits: Audits, n_steps: int) -> Columns:
    """Columns of the table of scenarios, as `fastp2p.results.indicators` has them, but what losses do to the money."""
    of = np.where(np.isinf(audits.of_scenario), np.nan, audits.of_scenario)
    n_audited = audits.codes.sum(axis=0) - audits.codes[NOT_AUDITED]
    counts = np.where((audits.flags == 0) & ((audits.unknown > 0) | (n_audited == 0)), np.nan, audits.flags)
    on_phases = {FURTHEST[row]: of[row] for row in (UNBALANCE, NEUTRAL)} if audits.kind.on_phases else {}
    losses = {"losses_kwh": of[LOSSES_KWH], "losses_cost": of[LOSSES_COST]} if audits.kind.is_whole else {}
    return {
        "lowest_vm_pu": of[LOWEST_VM],
        "lowest_vm_step": of[LOWEST_STEP],
        "highest_vm_pu": of[HIGHEST_VM],
        "highest_vm_step": of[HIGHEST_STEP],
        "worst_current_percent": of[WORST_CURRENT],
        **on_phases,
        **losses,
        "n_audited": n_audited,
        "n_books": np.full(audits.codes.shape[1], n_steps),
        **{f"n_audit_{name}": audits.codes[code] for code, name in enumerate(AC_STATUS.tolist())},
        **{f"n_{name}": counts[place] for place, name in enumerate(FLAGS[: len(counts)])},
    }


def hour_audits(audits: Audits, slot: Ints) -> Columns:
    """Columns of the table of hours."""
    lowest, highest = np.where(np.isinf(audits.band), np.nan, audits.band)
    return {
        "n_audited": audits.of_slot.T.ravel(),
        "n_books": np.tile(np.bincount(slot), lowest.shape[1]),
        "lowest_vm_pu": lowest.T.ravel(),
        "highest_vm_pu": highest.T.ravel(),
    }
