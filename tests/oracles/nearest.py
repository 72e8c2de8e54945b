"""Clearing's LP and its third criterion from the definition, by solvers that fastp2p does not use for it: linprog, HiGHS's QP.

maximise cost[0]·y, among those optima cost[1]·y, among those the least Σ (q - y)²/q, subject to below ≤ A y ≤ above, 0 ≤ y ≤ q.
"""

import highspy
import numpy as np
from scipy.optimize import linprog

TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}


def best_values(matrix, most, cost, below, above):
    """(greatest cost[0]·y, of these optima the greatest cost[1]·y), each by linprog; the first is held as a row."""
    rows, limits = _upper_rows(matrix, below, above)
    bounds = np.column_stack([0 * most, most])
    first = -linprog(-cost[0], A_ub=rows, b_ub=limits, bounds=bounds, options=TIGHT).fun
    held, least = np.vstack([rows, -cost[0]]), first - 1e-12 * max(1.0, abs(first))
    second = -linprog(-cost[1], A_ub=held, b_ub=np.append(limits, -least), bounds=bounds, options=TIGHT).fun
    return first, second


def closest(matrix, most, cost, below, above):
    """y of least Σ (q - y)²/q on the face of optima: complementary with linprog's multipliers, by HiGHS's QP.

    In shares z = y/q: minimise Σ q (1 - z)². Columns with a reduced cost, rows with a multiplier stay where they are.
    """
    rows, limits = _upper_rows(matrix, below, above)
    low, high, tight = np.zeros(len(most)), most.copy(), np.zeros(len(limits), bool)
    for criterion in cost[:2]:
        lower = np.where(tight, limits, -np.inf)
        answer = linprog(
            -criterion,
            A_ub=np.vstack([rows, -rows[tight]]),
            b_ub=np.concatenate([limits, -lower[tight]]) + 1e-12,
            bounds=np.column_stack([low, high]),
            options=TIGHT,
        )
        assert answer.status == 0, answer.message
        dual = answer.ineqlin.marginals
        both = dual[: len(limits)].copy()
        both[tight] = 0.0
        tight |= np.abs(both) > 1e-9
        gain = answer.lower.marginals + answer.upper.marginals
        fixed = np.abs(gain) > 1e-9
        at = np.where(gain < 0, high, low)
        low[fixed], high[fixed] = at[fixed], at[fixed]
    some = high > low
    taken = rows @ np.where(some, 0.0, low)
    y = low.copy()
    if some.any():
        size = most[some]
        y[some] = size * _shares(rows[:, some] * size, np.where(tight, limits - taken, -np.inf), limits - taken, size)
    return y


def _upper_rows(matrix, below, above):
    rows, limits = np.vstack([matrix, -matrix]), np.concatenate([above, -below])
    some = np.isfinite(limits)
    return rows[some], limits[some]


def _shares(rows, lower, upper, size):
    """Least ½ Σ size (1 - z)² within rows, 0 ≤ z ≤ 1."""
    m, n = rows.shape
    model = highspy.HighsLp()
    model.num_col_, model.num_row_ = n, m
    model.col_cost_, model.col_lower_, model.col_upper_ = -size, np.zeros(n), np.ones(n)
    model.row_lower_, model.row_upper_ = lower, upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    model.a_matrix_.start_ = np.arange(0, m * n + 1, n)
    model.a_matrix_.index_, model.a_matrix_.value_ = np.tile(np.arange(n), m), rows.ravel()
    hessian = highspy.HighsHessian()
    hessian.dim_, hessian.format_ = n, highspy.HessianFormat.kTriangular
    hessian.start_, hessian.index_, hessian.value_ = np.arange(n + 1), np.arange(n), size
    solver = highspy.Highs()
    for name, value in {"output_flag": False, "time_limit": 1.0, **TIGHT}.items():
        solver.setOptionValue(name, value)
    solver.passModel(model)
    solver.passHessian(hessian)
    solver.run()
    assert solver.getModelStatus() == highspy.HighsModelStatus.kOptimal, solver.getModelStatus()
    return np.clip(solver.getSolution().col_value, 0.0, 1.0)
