"""The only file that talks to HiGHS: small LPs as arrays, one after the other through one solver object.

HiGHS finds a basis; kernels work out the answer from it and prove it. Objective and exports go in at once, as one weighted
cost that is cheap to solve; where the proof says that the weights were too coarse for a book, they are solved one after the
other. Which of the optima is closest to pro rata is a quadratic programme, solved here only where the kernel's answer has no
proof.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Lock

import highspy
import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import SolverError
from fastp2p.kernels.clearing.highs import find_misfit
from fastp2p.kernels.structs import LP, LPs

Floats = NDArray[np.float64]
Ints = NDArray[np.int32]
Offsets = NDArray[np.int64]
Solver = highspy.Highs

OPTIONS: dict[str, bool | int | float | str] = {
    "output_flag": False,
    "presolve": "off",
    "threads": 1,
    "parallel": "off",
    "primal_feasibility_tolerance": 1e-10,
    "dual_feasibility_tolerance": 1e-10,
    # books are small and their entries of order 1: scaling and perturbing cost more than they save (17 % of a solve)
    "simplex_scale_strategy": 0,
    "dual_simplex_cost_perturbation_multiplier": 0.0,
}
CRITERION_WEIGHT = (1.0, 1e-4)
"""Weights of objective and exports in the one-pass cost. Only speed depends on them."""

SILENCE = Lock()
"""Held while standard output goes nowhere."""
DUAL_ZERO = 1e-9
PRIMAL_SIMPLEX = 4
SECONDS = 5.0
"""After which HiGHS gives up a quadratic programme: on some it does not come to an end."""

LEAVES_A_BASIS = {highspy.HighsModelStatus.kOptimal: True}
"""Model statuses after which there is a basis to certify; any other one sends the book to the second attempt."""

COLUMN_WISE = highspy.MatrixFormat.kColwise.value
MAXIMISE = highspy.ObjSense.kMaximize.value
MINIMISE = highspy.ObjSense.kMinimize.value
TRIANGULAR = highspy.HessianFormat.kTriangular.value


def check_lps(lps: LPs) -> None:
    """Lengths, places and finiteness, which no solver checks.

    Raises
    ------
    SolverError
        If the arrays do not fit one another, or hold numbers that are not finite.
    """
    n_books = len(lps.column_offset) - 1
    n_columns, n_rows, n_entries = (int(o[-1]) for o in (lps.column_offset, lps.row_offset, lps.entry_offset))
    fits = (
        len(lps.row_offset) == len(lps.entry_offset) == n_books + 1
        and len(lps.start) == n_columns + n_books
        and len(lps.entry_row) == len(lps.entry_value) == n_entries
        and len(lps.most) == n_columns
        and lps.cost.shape == (3, n_columns)
        and len(lps.room_below) == len(lps.room_above) == n_rows
    )
    misfit = find_misfit(lps) if fits else 1
    if misfit == 1:
        raise SolverError("the arrays of an LP do not fit together")
    if misfit == 2:
        raise SolverError("an LP holds coefficients that are not finite")


def slices_of(lps: LPs, n: int) -> tuple[slice, slice, slice, slice]:
    """Where the columns, rows, entries and places of `start` of book n are."""
    (j0, j1), (r0, r1), (e0, e1) = (
        offset[n : n + 2].tolist() for offset in (lps.column_offset, lps.row_offset, lps.entry_offset)
    )
    return slice(j0, j1), slice(r0, r1), slice(e0, e1), slice(j0 + n, j1 + n + 1)


def new_solver() -> Solver:
    """A HiGHS object with the package's options, for one thread's use."""
    with _silent_output():
        solver: Solver = highspy.Highs()  # type: ignore[no-untyped-call]  # highspy has partial stubs
    _set_options(solver, OPTIONS)
    return solver


@contextmanager
def _silent_output() -> Iterator[None]:
    """Let what C++ prints to standard output go nowhere: HiGHS 1.16 prints a greeting before any option can stop it."""
    with SILENCE:
        try:
            kept = os.dup(1)
        except OSError:  # there is none
            yield
            return
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, 1)
        os.close(nowhere)
        try:
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)


def solve_at_once(solver: Solver, lps: LPs, books: Offsets, basic: Ints, x: Floats) -> NDArray[np.bool_]:
    """Solve the books numbered `books` for the weighted sum of their criteria.

    Parameters
    ----------
    solver : Solver
    lps : LPs
    books : (n,) int64
    basic : (n_rows,) int32
        Output: basic variables per book, j for a column, -(r + 1) for a row.
    x : (n_columns,) float64
        Output.

    Returns
    -------
    (n,) bool
        Whether HiGHS finished.
    """
    cost = np.dot(CRITERION_WEIGHT, lps.cost[:2])
    solved = np.zeros(len(books), bool)
    for place, n in enumerate(books.tolist()):
        _pass(solver, lps, n, cost)
        solved[place] = _run(solver, lps, n, basic, x)
    return solved


def solve_in_turn(solver: Solver, lps: LPs, n: int, basic: Ints, x: Floats) -> bool:
    """Solve book n for objective, then on the face of its optima for exports; presolve on, from scratch.

    The optimal face is where complementary slackness with one dual optimum holds: columns with a reduced cost stay at their
    bound, rows with a multiplier stay binding. Outputs as in `solve_at_once`.
    """
    solver.clear()
    _set_options(solver, {**OPTIONS, "presolve": "on"})
    columns = np.arange(lps.column_offset[n + 1] - lps.column_offset[n], dtype=np.int32)
    try:
        _pass(solver, lps, n, lps.cost[0])
        solved = _run(solver, lps, n, basic, x)
        exports = lps.cost[1, lps.column_offset[n] : lps.column_offset[n + 1]]
        if solved and exports.any():
            _hold_face(solver, lps, n)
            solver.changeColsCost(len(columns), columns, exports)
            solved = _run(solver, lps, n, basic, x)
        return solved
    finally:
        solver.clear()
        _set_options(solver, OPTIONS)


def find_near(lp: LP) -> Floats | None:
    """Least Σ (q - y)²/q within rows and bounds, up to HiGHS's tolerances; None if it did not finish.

    In shares z = y/q: least ½ Σ q z² - q z, in which no column weighs more than its size.

    Parameters
    ----------
    lp : LP
        What is left of a book on its face.
    """
    n, m, size = len(lp.most), len(lp.room_above), lp.most
    solver, everything = new_solver(), np.arange(n, dtype=np.int32)
    _set_options(solver, {"time_limit": SECONDS})
    status = solver.passModel(
        n, m, len(lp.entry_row), COLUMN_WISE, MINIMISE, 0.0, -size, np.zeros(n), np.ones(n), lp.room_below, lp.room_above,
        lp.start, lp.entry_row, lp.entry_value * np.repeat(size, np.diff(lp.start)), np.zeros(n, np.int32),
    )  # fmt: skip
    if status == highspy.HighsStatus.kError:
        raise SolverError("HiGHS refused the arrays of an LP")
    solver.passHessian(n, n, TRIANGULAR, np.append(everything, np.int32(n)), everything, size)
    solver.run()
    if not LEAVES_A_BASIS.get(solver.getModelStatus(), False):
        return None
    return np.clip(solver.getSolution().col_value, 0.0, 1.0) * size


def share_fairly(
    start: Ints, entry_row: Ints, entry_value: Floats, most: Floats, room_below: Floats, room_above: Floats
) -> Floats | None:
    """Max-min fair shares: the smallest is as large as it can be, then the next smallest, and so on.

    One LP per level: maximise t such that all columns that are not settled have a share of t or more. Those with a multiplier
    on that condition have exactly t in every optimum, so they are settled (Radunovic and Le Boudec 2007, algorithm MP). Each
    LP begins where the last one ended, which is why the primal simplex is taken: four times as fast here as the dual one.

    Parameters
    ----------
    start : (n + 1,) int32; entry_row : int32; entry_value : float64
        Matrix by column.
    most : (n,) float64, kW
    room_below, room_above : (m,) float64

    Returns
    -------
    (n,) float64 or None
        Shares of `most`; None if HiGHS did not finish.
    """
    n, m = len(most), len(room_above)
    kw_per_share = entry_value * np.repeat(most, np.diff(start))
    unit = np.zeros(m)  # the largest entry of each row becomes 1
    np.maximum.at(unit, entry_row, np.abs(kw_per_share))
    unit[unit == 0.0] = 1.0
    own_row = m + np.arange(n, dtype=np.int32)  # share less t of each column
    rows = np.concatenate([np.insert(entry_row, start[1:], own_row), own_row])
    values = np.concatenate([np.insert(kw_per_share / unit[entry_row], start[1:], 1.0), np.full(n, -1.0)])
    starts = np.append(start + np.arange(n + 1), len(rows)).astype(np.int32)
    one, none = np.append(np.zeros(n), 1.0), np.zeros(n + 1)
    solver = new_solver()
    _set_options(solver, {"simplex_strategy": PRIMAL_SIMPLEX})
    status = solver.passModel(
        n + 1, m + n, len(rows), COLUMN_WISE, MAXIMISE, 0.0, one, none, np.ones(n + 1),
        np.append(room_below / unit, np.zeros(n)), np.append(room_above / unit, np.full(n, np.inf)),
        starts, rows, values, np.zeros(n + 1, np.int32),
    )  # fmt: skip
    if status == highspy.HighsStatus.kError:
        raise SolverError("HiGHS refused the arrays of an LP")
    share, unsettled = np.ones(n), np.ones(n, bool)
    while unsettled.any():  # ends: a round settles a column, or is the last
        solver.run()
        if not LEAVES_A_BASIS.get(solver.getModelStatus(), False):
            return None
        solution = solver.getSolution()
        level = min(max(solution.col_value[n], 0.0), 1.0)
        if level >= 1.0:
            break
        multiplier = np.where(unsettled, np.abs(solution.row_dual[m:]), 0.0)
        settled = multiplier > min(DUAL_ZERO, 0.5 * multiplier.max())
        if not settled.any():
            return None
        share[settled] = level
        unsettled &= ~settled
        for j in np.flatnonzero(settled).tolist():
            solver.changeColBounds(j, level, 1.0)
            solver.changeRowBounds(m + j, -np.inf, np.inf)
    return share


def _pass(solver: Solver, lps: LPs, n: int, cost: Floats) -> None:
    """Hand book n over; this also clears the basis of the book before, so that no book depends on another."""
    j, r, e, s = slices_of(lps, n)
    n_columns = j.stop - j.start
    status = solver.passModel(
        n_columns, r.stop - r.start, e.stop - e.start, COLUMN_WISE, MAXIMISE, 0.0,
        cost[j], np.zeros(n_columns), lps.most[j], lps.room_below[r], lps.room_above[r],
        lps.start[s], lps.entry_row[e], lps.entry_value[e], np.zeros(n_columns, np.int32),
    )  # fmt: skip
    if status == highspy.HighsStatus.kError:
        raise SolverError("HiGHS refused the arrays of an LP")


def _run(solver: Solver, lps: LPs, n: int, basic: Ints, x: Floats) -> bool:
    solver.run()
    if not LEAVES_A_BASIS.get(solver.getModelStatus(), False):
        return False
    status, variables = solver.getBasicVariables()  # type: ignore[attr-defined]  # missing from highspy's stubs
    if status == highspy.HighsStatus.kError:
        return False
    j, r, *_ = slices_of(lps, n)
    basic[r] = variables
    x[j] = solver.getSolution().col_value
    return True


def _hold_face(solver: Solver, lps: LPs, n: int) -> None:
    """Fix what the last optimum's multipliers say every optimum has in common."""
    solution = solver.getSolution()
    column, row, *_ = slices_of(lps, n)
    most, below, above = lps.most[column], lps.room_below[row], lps.room_above[row]
    value, level = np.array(solution.col_value), np.array(solution.row_value)
    for j in np.flatnonzero(np.abs(solution.col_dual) > DUAL_ZERO).tolist():
        bound = most[j] if value[j] > 0.5 * most[j] else 0.0
        solver.changeColBounds(j, bound, bound)
    for r in np.flatnonzero(np.abs(solution.row_dual) > DUAL_ZERO).tolist():
        bound = above[r] if above[r] - level[r] <= level[r] - below[r] else below[r]
        solver.changeRowBounds(r, bound, bound)


def _set_options(solver: Solver, options: dict[str, bool | int | float | str]) -> None:
    for name, value in options.items():
        solver.setOptionValue(name, value)
