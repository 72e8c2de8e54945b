"""How a thread of the device checks a book on three phases: the screen of conductors, and AC power flows."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from numba import boolean, float64, int8

from fastp2p.cuda.ac import device_function
from fastp2p.cuda.kernels import Sizes, cuda
from fastp2p.kernels.clearing.phase_limits import PhaseRoom
from fastp2p.kernels.cuda.audit import N_TOLD, is_idle, judge_book, tell_balanced
from fastp2p.kernels.cuda.books import FREE, LISTED, SPILL, Rules
from fastp2p.kernels.cuda.phases import (
    PhasePower,
    fill_phases,
    inject_book_on_phases,
    screen_book_on_phases,
    tell_phases,
)
from fastp2p.kernels.grid.inside import N_BEST
from fastp2p.kernels.grid.lindist3flow import N_SUMS, N_VALUES
from fastp2p.kernels.grid.phase_structs import N_BEST as N_BEST_OF_PHASES


@lru_cache(maxsize=8)
def phase_check(sizes: Sizes, rules: Rules, n_ends: int, audit: Any, balanced: Any) -> Any:
    """The function ``check(s, checks, work, screen, looked, told) -> FREE or LISTED`` of a matched book.

    Parameters
    ----------
    sizes, rules : as for `fastp2p.cuda.kernels.make_books`
    n_ends : int
        Of the chains of conductors.
    audit, balanced : device functions or None
        Power flows of one book (`fastp2p.cuda.ac.AuditOfBook.function`) on three phases, and of the same on one; of books that
        are `looked` at.
    """
    n = sizes.n
    row, injection, triples = (1, n), (1, n, 3), (2, n, 3)
    ends, near, column, flags = (2, n_ends, N_VALUES, 1), (6, 1), (n, 1), (n, 3)
    n_flows = 2 if rules.surplus == SPILL else 1

    @device_function
    def look(checks: Any, work: Any, power: Any, told: Any) -> Any:
        triple, busy = cuda.local.array(triples, float64), cuda.local.array(flags, boolean)
        p, q = cuda.local.array(column, float64), cuda.local.array(column, float64)
        best = cuda.local.array((N_BEST_OF_PHASES, 1), float64)
        for flow in range(n_flows):  # the last one is of what is executed, one before of what is spilled as well
            fill_phases(rules, checks[0], flow < n_flows - 1, work, power, triple, busy, p, q)
            if audit(triple, busy, checks[2], best) == 0:
                return LISTED
            tell_phases(best, told)
            if not judge_book(checks[0], is_idle(work), told):
                return LISTED
            if balanced is not None and flow == 0:  # of all that is matched and left over
                of_all, said = cuda.local.array((N_BEST, 1), float64), cuda.local.array(N_TOLD, float64)
                if balanced(p, q, checks[3], of_all) == 0:
                    return LISTED
                tell_balanced(of_all, said)
                if not is_idle(work) and not judge_book(checks[0], False, said):
                    return LISTED
        return FREE

    @device_function
    def check(s: Any, checks: Any, work: Any, screen: Any, looked: Any, told: Any) -> Any:
        power = PhasePower(
            cuda.local.array(row, int8), cuda.local.array(row, int8), cuda.local.array(row, float64),
            cuda.local.array(row, float64), cuda.local.array(injection, float64), cuda.local.array(injection, float64),
            cuda.local.array(injection, float64), cuda.local.array(injection, float64),
        )  # fmt: skip
        room = PhaseRoom(
            cuda.local.array(ends, float64), cuda.local.array((3, 1), float64), cuda.local.array((2, 1), float64),
            cuda.local.array(N_SUMS, float64), cuda.local.array(near, float64),
        )  # fmt: skip
        room.work[:] = 0.0
        inject_book_on_phases(s, rules, checks[0], checks[1], work, power)
        worst = cuda.local.array((2, 1), float64)
        found = screen_book_on_phases(rules, checks[1], power, room, work.excess, worst, screen)
        if audit is not None and looked and found == FREE:
            found = look(checks, work, power, told)
        return found

    return check
