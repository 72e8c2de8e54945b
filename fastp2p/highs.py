"""The only file that talks to HiGHS: small LPs as arrays, one after the other through one solver object.

HiGHS finds a basis; `kernels.certificate.certify` recomputes the answer from it and proves it. All criteria go in at once, as
one weighted cost that is cheap to solve; where the proof says that the weights were too coarse for a book, its criteria are
solved one after the other.
"""

from dataclasses import dataclass

import highspy
import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import SolverError

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Solver = highspy.Highs

OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "presolve": "off",
    "threads": 1,
    "parallel": "off",
    "primal_feasibility_tolerance": 1e-9,
    "dual_feasibility_tolerance": 1e-10,
}
CRITERION_WEIGHT = (1.0, 1e-2, 1e-4)
"""Weights of objective, exports and tie-break in the one-pass cost; only speed depends on them."""

DUAL_ZERO = 1e-9

SOLVED = {highspy.HighsModelStatus.kOptimal: True}
"""Model statuses that leave a basis to certify; any other one sends the book to the second attempt."""


@dataclass(frozen=True, eq=False)
class BookLP:
    """max cost·y, room_below ≤ A y ≤ room_above, 0 ≤ y ≤ most; A by column; cost has one row per criterion."""

    most_kw: Floats
    cost: Floats
    room_below: Floats
    room_above: Floats
    entry_start: Ints
    entry_row: Ints
    entry_value: Floats

    def check(self) -> None:
        """Lengths, which HiGHS does not check (nor that numbers are finite: the caller does, for many books at once).

        Raises
        ------
        SolverError
            If the arrays do not fit one another.
        """
        n, m, entries = len(self.most_kw), len(self.room_above), len(self.entry_row)
        if (
            self.cost.shape != (len(CRITERION_WEIGHT), n)
            or len(self.room_below) != m
            or len(self.entry_start) != n + 1
            or len(self.entry_value) != entries
            or int(self.entry_start[-1]) != entries
        ):
            raise SolverError("the arrays of an LP do not fit one another")


def new_solver() -> Solver:
    """A HiGHS object with the package's options, for one thread's use."""
    solver: Solver = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy has partial stubs
    for name, value in OPTIONS.items():
        solver.setOptionValue(name, value)
    return solver


def solve_at_once(solver: Solver, lp: BookLP) -> tuple[Ints, Floats] | None:
    """Basic variables and values for the weighted sum of the criteria; None if HiGHS did not finish.

    Raises
    ------
    SolverError
        If the arrays do not fit.
    """
    lp.check()
    _pass(solver, lp, np.dot(CRITERION_WEIGHT, lp.cost))
    return _run(solver)


def solve_in_turn(solver: Solver, lp: BookLP) -> tuple[Ints, Floats] | None:
    """The same, criterion by criterion: each is maximised on the optimal face of the ones before; presolve on, from scratch.

    The optimal face is where complementary slackness with one dual optimum holds: columns with a reduced cost stay at their
    bound, rows with a multiplier stay binding.
    """
    lp.check()
    solver.clear()
    for name, value in {**OPTIONS, "presolve": "on"}.items():
        solver.setOptionValue(name, value)
    try:
        _pass(solver, lp, lp.cost[0])
        answer = _run(solver)
        columns = np.arange(len(lp.most_kw), dtype=np.int32)
        for criterion in lp.cost[1:]:
            if answer is None:
                return None
            _hold_face(solver, lp)
            if not criterion.any():
                continue
            solver.changeColsCost(len(columns), columns, criterion)
            answer = _run(solver)
        return answer
    finally:
        solver.clear()
        for name, value in OPTIONS.items():
            solver.setOptionValue(name, value)


def _pass(solver: Solver, lp: BookLP, cost: Floats) -> None:
    n, m = len(lp.most_kw), len(lp.room_above)
    solver.clearSolver()
    status = solver.passModel(
        n, m, len(lp.entry_row), highspy.MatrixFormat.kColwise.value, highspy.ObjSense.kMaximize.value, 0.0,
        cost, np.zeros(n), lp.most_kw, lp.room_below, lp.room_above,
        lp.entry_start, lp.entry_row, lp.entry_value, np.zeros(n, np.int32),
    )  # fmt: skip
    if status == highspy.HighsStatus.kError:
        raise SolverError("HiGHS refused the arrays of an LP")


def _run(solver: Solver) -> tuple[Ints, Floats] | None:
    solver.run()
    if not SOLVED.get(solver.getModelStatus(), False):
        return None
    status, basic = solver.getBasicVariables()  # type: ignore[attr-defined]  # missing from highspy's stubs
    if status == highspy.HighsStatus.kError:
        return None
    return np.asarray(basic, np.int32), np.array(solver.getSolution().col_value)


def _hold_face(solver: Solver, lp: BookLP) -> None:
    """Fix what the last optimum's multipliers say every optimum has in common."""
    solution = solver.getSolution()
    value, reduced = np.array(solution.col_value), np.array(solution.col_dual)
    level, multiplier = np.array(solution.row_value), np.array(solution.row_dual)
    for j in np.flatnonzero(np.abs(reduced) > DUAL_ZERO).tolist():
        bound = lp.most_kw[j] if value[j] > 0.5 * lp.most_kw[j] else 0.0
        solver.changeColBounds(j, bound, bound)
    for r in np.flatnonzero(np.abs(multiplier) > DUAL_ZERO).tolist():
        above = lp.room_above[r] - level[r] <= level[r] - lp.room_below[r]
        bound = lp.room_above[r] if above else lp.room_below[r]
        solver.changeRowBounds(r, bound, bound)
