"""What the AC audits of scenarios come to: those of the device, and of the books that the CPU has run."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.audit import AC_STATUS, KEPT, NOT_AUDITED
from fastp2p.cuda.listed import FLAGS, Listed
from fastp2p.kernels.cuda.audit import (
    HIGHEST_STEP,
    HIGHEST_VM,
    LOSSES_COST,
    LOSSES_KWH,
    LOWEST_STEP,
    LOWEST_VM,
    WORST_CURRENT,
)
from fastp2p.pipeline.reduce import Columns

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


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
    flags, unknown : (len(FLAGS), n_scenarios) int64
        In how many books a flag is 1, and in how many it is unknown.
    """

    of_scenario: Floats
    band: Floats
    codes: Ints
    flags: Ints
    unknown: Ints


def audits_of(n_kept: Ints, of_scenario: Floats, band: Floats) -> Audits:
    """Those of the books that the device has run, (n_scenarios,) each: they keep all limits."""
    codes = np.zeros((len(AC_STATUS), len(n_kept)), np.int64)
    codes[KEPT] = n_kept
    flags = np.zeros((2, len(FLAGS), len(n_kept)), np.int64)
    return Audits(of_scenario, band, codes, *flags)


def add_listed_audits(to: Audits, listed: Listed, slot: Ints) -> None:
    """Add the books that the CPU has run."""
    at, books = listed.scenario, {name: np.asarray(one, np.float64) for name, one in listed.books.items()}
    lowest, highest, of = books["lowest_vm_pu"], books["highest_vm_pu"], to.of_scenario
    np.add.at(of[LOSSES_KWH], at, books["losses_kwh"])
    np.add.at(of[LOSSES_COST], at, books["losses_cost"])
    _add_extreme(np.fmin, of[LOWEST_VM], of[LOWEST_STEP], listed, lowest)
    _add_extreme(np.fmax, of[HIGHEST_VM], of[HIGHEST_STEP], listed, highest)
    np.fmax.at(of[WORST_CURRENT], at, books["worst_current_percent"])
    if to.band.size:
        np.fmin.at(to.band[0], (slot[listed.step], at), lowest)
        np.fmax.at(to.band[1], (slot[listed.step], at), highest)
    np.add.at(to.codes, (np.asarray(listed.books["ac_status"], np.int64), at), 1)
    for place, name in enumerate(FLAGS):
        np.add.at(to.flags[place], at, books[name] == 1.0)
        np.add.at(to.unknown[place], at, np.isnan(books[name]))


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
    counts = np.where((audits.flags == 0) & (audits.unknown > 0), np.nan, audits.flags)
    return {
        "lowest_vm_pu": of[LOWEST_VM],
        "lowest_vm_step": of[LOWEST_STEP],
        "highest_vm_pu": of[HIGHEST_VM],
        "highest_vm_step": of[HIGHEST_STEP],
        "worst_current_percent": of[WORST_CURRENT],
        "losses_kwh": of[LOSSES_KWH],
        "losses_cost": of[LOSSES_COST],
        "n_audited": audits.codes.sum(axis=0) - audits.codes[NOT_AUDITED],
        "n_books": np.full(audits.codes.shape[1], n_steps),
        **{f"n_audit_{name}": audits.codes[code] for code, name in enumerate(AC_STATUS.tolist())},
        **{f"n_{name}": counts[place] for place, name in enumerate(FLAGS)},
    }


def hour_audits(audits: Audits, slot: Ints) -> Columns:
    """Columns of the table of hours: every book is audited."""
    lowest, highest = np.where(np.isinf(audits.band), np.nan, audits.band)
    books = np.tile(np.bincount(slot), lowest.shape[1])
    return {"n_audited": books, "n_books": books, "lowest_vm_pu": lowest.T.ravel(), "highest_vm_pu": highest.T.ravel()}
