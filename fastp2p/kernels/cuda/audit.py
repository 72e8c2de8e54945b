"""The AC audit of one book of a scenario: what it injects, whether it keeps all limits, and sums of what its power flow says.

Listed for the CPU are books in which something is cut, and those that do not keep all limits for certain, but for those whose
base breaks one for certain because they have nothing else.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.execution import inject_reactive
from fastp2p.kernels.clearing.limits import Screen
from fastp2p.kernels.cuda.books import EXPORT, Clock, Rules, Work
from fastp2p.kernels.cuda.sums import EXPORTED, RETAIL
from fastp2p.kernels.grid.inside import HIGHEST, LOADING, LOSSES, LOWEST
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import TradeArrays

Floats = NDArray[np.float64]

LOSSES_KWH, LOSSES_COST, LOWEST_VM, LOWEST_STEP, HIGHEST_VM, HIGHEST_STEP, WORST_CURRENT, UNBALANCE, NEUTRAL = range(9)
"""What is kept of the audits of a scenario: sums, extremes, and the first steps that have these; infinite where none has."""
N_AUDITED = 9
LEAST_VM, MOST_VM, MOST_PERCENT, LOST_KW, UNBALANCE_PERCENT, NEUTRAL_PERCENT, VERDICT = range(7)
"""What the power flow of a book tells: unbalance and neutrals of three phases, zero else; `judge_book` adds the verdict."""
N_TOLD = 7
KEPT, BASE_BROKEN = 0.0, 1.0
"""Verdicts: all limits are kept, or some are broken though nothing trades and no surplus is left over."""
SURE = 1e-7
"""p.u. by which a book has to keep or break a limit for certain: more than the sweeps of two processors may differ by."""


class Checks(NamedTuple):
    """What books are checked against, and the reactive power that goes with what they inject.

    Attributes
    ----------
    least_pu, most_pu, most_percent, most_unbalance : float
        Up to where the limits are kept: voltages in p.u., loading and unbalance in percent.
    pv_kvar_per_kw, load_kvar_per_kw : (n,) float64
        As for `kernels.clearing.execution.inject_reactive`.
    """

    least_pu: float
    most_pu: float
    most_percent: float
    most_unbalance: float
    pv_kvar_per_kw: Floats
    load_kvar_per_kw: Floats


@kernel
def find_reactive(rules: Rules, checks: Checks, work: Work) -> None:
    """Reactive power of a book of which nothing is cut: after it `work.energy[8]` has what is injected with everything
    executed, and `[9]` with nothing, kvar.

    Parameters
    ----------
    rules, work : as `kernels.cuda.books.trade_book` leaves them
    checks : Checks
    """
    energy, trader, trade, hours = work.energy, work.trader, work.trade, rules.step_hours
    own, export, deficit, surplus, full, floor = energy[2], energy[4], energy[5], energy[6], energy[8], energy[9]
    pv, load = checks.pv_kvar_per_kw, checks.load_kvar_per_kw
    for c in range(len(pv)):
        fixed_kwh = surplus[0, c] if rules.surplus == EXPORT else 0.0
        fed, drawn = pv[c] * (own[0, c] + fixed_kwh), load[c] * (own[0, c] + deficit[0, c])
        floor[0, c] = (fed - drawn) / hours
    trades = TradeArrays(work.offset, trader[0], trader[1], trade[0], trade[1], trade[2])
    inject_reactive(floor, pv, load, export, trades, trade[0], hours, True, floor, full)


@kernel
def inject_book(rules: Rules, checks: Checks, with_spilled: bool, work: Work, p: Floats, q: Floats) -> None:
    """What a book injects of which nothing is cut, kW and kvar.

    Parameters
    ----------
    rules, checks, work : as `find_reactive` leaves them
    with_spilled : bool
        Whether surplus that is spilled is fed in as well.
    p, q : (n, 1) float64
        Outputs.
    """
    surplus, full, kvar, pv = work.energy[6], work.energy[7], work.energy[8], checks.pv_kvar_per_kw
    for c in range(len(pv)):
        spilled_kw = surplus[0, c] / rules.step_hours if with_spilled else 0.0
        p[c, 0], q[c, 0] = full[0, c] + spilled_kw, kvar[0, c] + pv[c] * spilled_kw


@kernel
def tell_balanced(best: Floats, told: Floats) -> None:
    """What a balanced power flow says, (8, 1), by the rows that audits have."""
    told[LEAST_VM], told[MOST_VM] = best[LOWEST, 0], best[HIGHEST, 0]
    told[MOST_PERCENT], told[LOST_KW] = best[LOADING, 0], best[LOSSES, 0]
    told[UNBALANCE_PERCENT] = told[NEUTRAL_PERCENT] = 0.0


@kernel
def is_idle(work: Work) -> bool:
    """Whether nothing trades in a book and no surplus is left over: what breaks limits then is its base."""
    surplus = work.energy[6]
    for c in range(surplus.shape[1]):
        if surplus[0, c] != 0.0:
            return False
    is_without_trades: bool = work.offset[1] == 0
    return is_without_trades


@kernel
def judge_book(checks: Checks, idle: bool, told: Floats) -> bool:
    """Whether a power flow keeps all limits for certain, or, of an idle book, breaks one for certain; the verdict is told.

    A number that is none is not certain.
    """
    lowest, highest, loading, unbalance = told[LEAST_VM], told[MOST_VM], told[MOST_PERCENT], told[UNBALANCE_PERCENT]
    least_pu, most_pu, most_percent = checks.least_pu, checks.most_pu, checks.most_percent
    keeps: bool = lowest >= least_pu + SURE and highest <= most_pu - SURE and loading <= most_percent - 100.0 * SURE
    breaks: bool = lowest < least_pu - SURE or highest > most_pu + SURE or loading > most_percent + 100.0 * SURE
    told[VERDICT] = KEPT if keeps else BASE_BROKEN
    if idle:  # no less balanced than its base
        is_certain: bool = keeps or (breaks and lowest <= highest and loading >= 0.0)
    else:
        is_certain = keeps and unbalance <= checks.most_unbalance - 100.0 * SURE
    return is_certain


@kernel
def begin_audits(s: int, audited: Floats, band: Floats) -> None:
    """Nothing is audited yet: of a thread, and of the hours of its scenario."""
    audited[:] = 0.0
    audited[LOWEST_VM] = audited[LOWEST_STEP] = audited[HIGHEST_STEP] = np.inf
    audited[HIGHEST_VM] = audited[WORST_CURRENT] = audited[UNBALANCE] = audited[NEUTRAL] = -np.inf
    if s < band.shape[2]:
        for h in range(band.shape[1]):
            band[0, h, s], band[1, h, s] = np.inf, -np.inf


@kernel
def note_audit(
    t: int, rules: Rules, clock: Clock, work: Work, told: Floats, of_all: bool, screen: Screen, audited: Floats
) -> None:  # fmt: skip
    """Add the audit of step t, which keeps all limits.

    Parameters
    ----------
    t : int
    rules, clock, work : as for `kernels.cuda.accounts.settle_book`, which has run
    told : (N_TOLD,) float64
        What its power flow says.
    of_all : bool
        Whether all books are audited.
    screen : Screen
        What the external grids feed in is with losses afterwards, where all books are audited.
    audited : (N_AUDITED,) float64
        Output.
    """
    account, losses_kwh = work.account, told[LOST_KW] * rules.step_hours
    if of_all:
        screen.slack_kw[0] = (account[RETAIL, 0] - account[EXPORTED, 0] + losses_kwh) / rules.step_hours
    audited[LOSSES_KWH] += losses_kwh
    audited[LOSSES_COST] += losses_kwh * clock.retail_per_kwh[t]
    if told[LEAST_VM] < audited[LOWEST_VM]:
        audited[LOWEST_VM], audited[LOWEST_STEP] = told[LEAST_VM], t
    if told[MOST_VM] > audited[HIGHEST_VM]:
        audited[HIGHEST_VM], audited[HIGHEST_STEP] = told[MOST_VM], t
    audited[WORST_CURRENT] = max(audited[WORST_CURRENT], told[MOST_PERCENT])
    audited[UNBALANCE] = max(audited[UNBALANCE], told[UNBALANCE_PERCENT])
    audited[NEUTRAL] = max(audited[NEUTRAL], told[NEUTRAL_PERCENT])


@kernel
def note_band(slot: int, s: int, told: Floats, band: Floats) -> None:
    """Lowest and highest voltage of an hour of the day, (2, n_slots, n_scenarios)."""
    band[0, slot, s] = min(band[0, slot, s], told[LEAST_VM])
    band[1, slot, s] = max(band[1, slot, s], told[MOST_VM])


@kernel
def write_audits(s: int, audited: Floats, out: Floats) -> None:
    """What scenario s comes to, (N_AUDITED, n_scenarios)."""
    for i in range(N_AUDITED):
        out[i, s] = audited[i]
