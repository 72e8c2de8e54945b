"""The AC audit of one book of a scenario: what it injects, whether it keeps all limits, and sums of what its power flow says.

A book in which something is cut, or which does not keep all limits for certain, is listed for the CPU.
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

LOSSES_KWH, LOSSES_COST, LOWEST_VM, LOWEST_STEP, HIGHEST_VM, HIGHEST_STEP, WORST_CURRENT = range(7)
"""What is kept of the audits of a scenario: sums, extremes, and the first steps that have these; infinite where none has."""
N_AUDITED = 7


class Checks(NamedTuple):
    """What books are checked against, and the reactive power that goes with what they inject.

    Attributes
    ----------
    least_pu, most_pu, most_percent : float
        What keeps the limits for certain: voltages in p.u., and loading in percent.
    pv_kvar_per_kw, load_kvar_per_kw : (n,) float64
        As for `kernels.clearing.execution.inject_reactive`.
    """

    least_pu: float
    most_pu: float
    most_percent: float
    pv_kvar_per_kw: Floats
    load_kvar_per_kw: Floats


@kernel
def inject_book(rules: Rules, checks: Checks, with_spilled: bool, work: Work, p: Floats, q: Floats) -> None:
    """What a book injects of which nothing is cut, kW and kvar.

    Parameters
    ----------
    rules, work : as `kernels.cuda.books.clear_book` leaves them
    checks : Checks
    with_spilled : bool
        Whether surplus that is spilled is fed in as well.
    p, q : (n, 1) float64
        Outputs.
    """
    energy, trader, trade, hours = work.energy, work.trader, work.trade, rules.step_hours
    own, export, deficit, surplus, full, kvar = energy[2], energy[4], energy[5], energy[6], energy[7], energy[8]
    pv, load = checks.pv_kvar_per_kw, checks.load_kvar_per_kw
    for c in range(len(pv)):
        fixed_kwh = surplus[0, c] if rules.surplus == EXPORT else 0.0
        fed, drawn = pv[c] * (own[0, c] + fixed_kwh), load[c] * (own[0, c] + deficit[0, c])
        kvar[0, c] = (fed - drawn) / hours
    trades = TradeArrays(work.offset, trader[0], trader[1], trade[0], trade[1], trade[2])
    inject_reactive(kvar, pv, load, export, trades, trade[0], hours, True, kvar, kvar)
    for c in range(len(pv)):
        spilled_kw = surplus[0, c] / hours if with_spilled else 0.0
        p[c, 0], q[c, 0] = full[0, c] + spilled_kw, kvar[0, c] + pv[c] * spilled_kw


@kernel
def keeps_limits(checks: Checks, best: Floats) -> bool:
    """Whether a power flow keeps all limits for certain; not where it has a number that is none."""
    lowest, highest, loading = best[LOWEST, 0], best[HIGHEST, 0], best[LOADING, 0]
    is_kept: bool = checks.least_pu <= lowest <= highest <= checks.most_pu and loading <= checks.most_percent
    return is_kept


@kernel
def begin_audits(s: int, audited: Floats, band: Floats) -> None:
    """Nothing is audited yet: of a thread, and of the hours of its scenario."""
    audited[:] = 0.0
    audited[LOWEST_VM] = audited[LOWEST_STEP] = audited[HIGHEST_STEP] = np.inf
    audited[HIGHEST_VM] = audited[WORST_CURRENT] = -np.inf
    if s < band.shape[2]:
        for h in range(band.shape[1]):
            band[0, h, s], band[1, h, s] = np.inf, -np.inf


@kernel
def note_audit(t: int, rules: Rules, clock: Clock, work: Work, best: Floats, screen: Screen, audited: Floats) -> None:
    """Add the audit of step t, which keeps all limits.

    Parameters
    ----------
    t : int
    rules, clock, work : as for `kernels.cuda.accounts.settle_book`, which has run
    best : (8, 1) float64
        What its power flow says.
    screen : Screen
        What the external grids feed in is with losses afterwards.
    audited : (N_AUDITED,) float64
        Output.
    """
    account, losses_kwh = work.account, best[LOSSES, 0] * rules.step_hours
    screen.slack_kw[0] = (account[RETAIL, 0] - account[EXPORTED, 0] + losses_kwh) / rules.step_hours
    audited[LOSSES_KWH] += losses_kwh
    audited[LOSSES_COST] += losses_kwh * clock.retail_per_kwh[t]
    if best[LOWEST, 0] < audited[LOWEST_VM]:
        audited[LOWEST_VM], audited[LOWEST_STEP] = best[LOWEST, 0], t
    if best[HIGHEST, 0] > audited[HIGHEST_VM]:
        audited[HIGHEST_VM], audited[HIGHEST_STEP] = best[HIGHEST, 0], t
    audited[WORST_CURRENT] = max(audited[WORST_CURRENT], best[LOADING, 0])


@kernel
def note_band(slot: int, s: int, best: Floats, band: Floats) -> None:
    """Lowest and highest voltage of an hour of the day, (2, n_slots, n_scenarios)."""
    band[0, slot, s] = min(band[0, slot, s], best[LOWEST, 0])
    band[1, slot, s] = max(band[1, slot, s], best[HIGHEST, 0])


@kernel
def write_audits(s: int, audited: Floats, out: Floats) -> None:
    """What scenario s comes to, (N_AUDITED, n_scenarios)."""
    for i in range(N_AUDITED):
        out[i, s] = audited[i]
