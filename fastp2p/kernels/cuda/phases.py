"""Three phases in one book of a scenario: what it injects on each, the screen of conductors, and what audits ask for.

A book that does not keep all limits for certain is listed for the CPU.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.limits import Bounds, Screen
from fastp2p.kernels.clearing.phase_execution import inject_on_phases_in, put_on_phases
from fastp2p.kernels.clearing.phase_limits import PhaseRoom, note_phase_block
from fastp2p.kernels.cuda.audit import (
    LEAST_VM,
    LOST_KW,
    MOST_PERCENT,
    MOST_VM,
    NEUTRAL_PERCENT,
    UNBALANCE_PERCENT,
    Checks,
)
from fastp2p.kernels.cuda.books import EXPORT, FREE, LISTED, NEAR, Rules, Work
from fastp2p.kernels.grid.phase_structs import HIGHEST, LOADING, LOSSES, LOWEST, NEUTRAL, UNBALANCE
from fastp2p.kernels.grid.structs import LinearPhases
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import TradeArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Codes = NDArray[np.int8]

BALANCED = 3
"""The place of "a third on each" among the phases."""


class PhaseGrid(NamedTuple):
    """A tree of conductors; see `kernels.clearing.phase_limits.screen_phases`.

    Attributes
    ----------
    model, mixing, bounds, face : as there
    slack_kw : float
        What the external grids feed in where nobody injects anything.
    load_phase : (n, n_scenarios) float64
        On which phase each participant draws, as drawn; `BALANCED` for all.
    kwp : (n, n_scenarios) float64
        PV of each; where batteries may be without PV, what there would be of it.
    above_kw : float
        PV of more kWp is on all phases, where the bus has them.
    has_all : (n,) bool
    """

    model: LinearPhases
    mixing: Ints
    bounds: Bounds
    face: Floats
    slack_kw: float
    load_phase: Floats
    kwp: Floats
    above_kw: float
    has_all: Bools


class PhasePower(NamedTuple):
    """What a book injects on phases.

    Attributes
    ----------
    load_phase, pv_phase : (1, n) int8
    fed, drawn : (1, n) float64
        Work space.
    floor_kw, floor_kvar, full_kw, full_kvar : (1, n, 3) float64
        With nothing executed, and with everything.
    """

    load_phase: Codes
    pv_phase: Codes
    fed: Floats
    drawn: Floats
    floor_kw: Floats
    floor_kvar: Floats
    full_kw: Floats
    full_kvar: Floats


@kernel
def inject_book_on_phases(s: int, rules: Rules, checks: Checks, grid: PhaseGrid, work: Work, power: PhasePower) -> None:
    """What a book of scenario s injects of which nothing is cut.

    Parameters
    ----------
    s : int
    rules, work : as `kernels.cuda.books.trade_book` leaves them
    checks : Checks
    grid : PhaseGrid
    power : PhasePower
        Output.
    """
    energy, trader, trade, hours = work.energy, work.trader, work.trade, rules.step_hours
    own, export, deficit, surplus = energy[2], energy[4], energy[5], energy[6]
    pv, load, fed, drawn = checks.pv_kvar_per_kw, checks.load_kvar_per_kw, power.fed, power.drawn
    for c in range(len(pv)):
        at = int(grid.load_phase[c, s])
        power.load_phase[0, c] = at
        power.pv_phase[0, c] = BALANCED if grid.kwp[c, s] > grid.above_kw and grid.has_all[c] else at
        fixed_kwh = surplus[0, c] if rules.surplus == EXPORT else 0.0
        fed[0, c], drawn[0, c] = (own[0, c] + fixed_kwh) / hours, (own[0, c] + deficit[0, c]) / hours
    put_on_phases(fed, drawn, power.pv_phase, power.load_phase, power.full_kw)
    for c in range(len(pv)):
        fixed_kwh = surplus[0, c] if rules.surplus == EXPORT else 0.0
        fed[0, c], drawn[0, c] = pv[c] * (own[0, c] + fixed_kwh) / hours, load[c] * (own[0, c] + deficit[0, c]) / hours
    put_on_phases(fed, drawn, power.pv_phase, power.load_phase, power.full_kvar)
    full = power.full_kw, power.full_kvar
    trades = TradeArrays(work.offset, trader[0], trader[1], trade[0], trade[1], trade[2])
    inject_on_phases_in(
        full, (pv, load), (power.pv_phase, power.load_phase), export, trades, trade[0], hours, True, (fed[0], drawn[0]),
        (power.floor_kw, power.floor_kvar), full,
    )  # fmt: skip


@kernel
def screen_book_on_phases(
    rules: Rules, grid: PhaseGrid, power: PhasePower, room: PhaseRoom, excess: Floats, worst: Floats, screen: Screen
) -> int:
    """`FREE` where a book keeps the limits of all conductors for certain, executed or not; else `LISTED`.

    Parameters
    ----------
    rules, grid : see their types
    power : PhasePower
    room : PhaseRoom
    excess : (1,) float64; worst : (2, 1) float64
        Work space.
    screen : Screen
        Output, of one book.
    """
    face, full_kw = grid.face, power.full_kw
    note_phase_block(
        (power.floor_kw, power.floor_kvar), (full_kw, power.full_kvar), grid.model, grid.mixing, grid.bounds, face,
        rules.tolerance * (1.0 - NEAR), 0, 1, room, excess, worst,
    )  # fmt: skip
    screen.overload[0] = screen.congested[0] = 0
    screen.loading_percent[0] = math.sqrt(worst[1, 0])
    screen.slack_kw[0] = grid.slack_kw
    for c in range(full_kw.shape[1]):
        for f in range(3):
            screen.slack_kw[0] -= full_kw[0, c, f]
    inside = 100.0 * face[0, 0] * (1.0 - rules.tolerance)
    return LISTED if excess[0] > 0.0 or max(worst[0, 0], worst[1, 0]) > inside * inside else FREE


@kernel
def fill_phases(
    rules: Rules, checks: Checks, with_spilled: bool, work: Work, power: PhasePower, triple: Floats, busy: Bools, p: Floats,
    q: Floats,
) -> None:  # fmt: skip
    """What a book injects, as `kernels.grid.phases.audit_phase_block` takes it, and its sums over the phases.

    Parameters
    ----------
    rules, checks, work, power : as `inject_book_on_phases` leaves them
    with_spilled : bool
        Whether surplus that is spilled is fed in as well.
    triple : (2, n, 3) float64; busy : (n, 3) bool
        Outputs: three times the kW and kvar, and whether there are any.
    p, q : (n, 1) float64
        Outputs, kW and kvar.
    """
    surplus, pv, third = work.energy[6], checks.pv_kvar_per_kw, 1.0 / 3.0
    for c in range(len(pv)):
        p[c, 0] = q[c, 0] = 0.0
        spilled_kw, at = surplus[0, c] / rules.step_hours if with_spilled else 0.0, power.pv_phase[0, c]
        for f in range(3):
            more_kw = spilled_kw * third if at == BALANCED else spilled_kw if at == f else 0.0
            kw, kvar = power.full_kw[0, c, f] + more_kw, power.full_kvar[0, c, f] + pv[c] * more_kw
            triple[0, c, f], triple[1, c, f] = 3.0 * kw, 3.0 * kvar
            busy[c, f] = not (kw == 0.0 and kvar == 0.0)
            p[c, 0] += kw
            q[c, 0] += kvar


@kernel
def tell_phases(best: Floats, told: Floats) -> None:
    """What a three-phase power flow says, (15, 1), by the rows that audits have."""
    told[LEAST_VM], told[MOST_VM] = best[LOWEST, 0], best[HIGHEST, 0]
    told[MOST_PERCENT], told[LOST_KW] = best[LOADING, 0], best[LOSSES, 0]
    told[UNBALANCE_PERCENT], told[NEUTRAL_PERCENT] = 100.0 * best[UNBALANCE, 0], best[NEUTRAL, 0]
