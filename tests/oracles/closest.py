"""The optimum closest to pro rata, of one book, by general solvers: two LPs (linprog), then a QP (HiGHS).

    1. greatest Σ w_i y_i                 subject to lower <= base + columns @ y <= upper, 0 <= y_i <= q_i
    2. of these, greatest Σ y_i of exports
    3. of these, least Σ (q_i - y_i)² / q_i

The points that are optimal in an LP are those that agree with any one of its dual solutions: a row with a price is tight, a
column with a reduced cost is at the bound that the cost pushes it to. So the first two criteria are held exactly, as
equations. With u = (q - y) / sqrt(q) the third one asks for the shortest u. HiGHS says which inequalities are tight there;
least squares then gives u to rounding, and what it says is proven by the KKT conditions.
"""

import itertools
from types import SimpleNamespace

import highspy
import numpy as np
from scipy.optimize import linprog, nnls

PRICE = 1e-7
"""Below this, in units of the largest weight, a price or a reduced cost is none."""
TIGHT = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}

# ------------------------------------------------------------------------------------------------------------------ a book


def dc_rows(network):
    """Branch flows of a network as rows: what an injection at each bus adds to them (kW per kW), what they may be."""
    matrix = np.array(network.ptdf)
    return SimpleNamespace(
        by_p=np.where(np.abs(matrix) < 1e-12, 0.0, matrix),
        by_q=np.zeros_like(matrix),
        constant=np.array(network.constant_kw),
        lower=-np.asarray(network.limit_kw),
        upper=np.asarray(network.limit_kw),
    )


def problem(rows, book, objective, unserved, pv_kvar_per_kw=0.0, load_kvar_per_kw=0.0):
    """One book as columns (trades, then exports) and rows; a limit that the base breaks becomes the base's value.

    `rows` is of `dc_rows`, or of the oracle of LinDistFlow; `book` has seller, buyer, kw, bid_per_kwh and ask_per_kwh per
    trade, and base_kw, base_kvar and export_kw per bus.
    """
    sold = rows.by_p + pv_kvar_per_kw * rows.by_q
    drawn = rows.by_p + load_kvar_per_kw * rows.by_q
    base = rows.constant + rows.by_p @ book.base_kw + rows.by_q @ book.base_kvar
    if unserved == "retail":
        base = base - drawn[:, book.buyer] @ book.kw
        columns = sold[:, book.seller]
    else:
        columns = sold[:, book.seller] - drawn[:, book.buyer]
        largest = np.maximum(np.abs(sold[:, book.seller]), np.abs(drawn[:, book.buyer]))
        columns[np.abs(columns) < 1e-12 * largest] = 0.0  # what rounding leaves where both ends are behind a branch
    sources = np.flatnonzero(book.export_kw > 0.0)
    worth = np.ones(len(book.kw)) if objective == "volume" else book.bid_per_kwh - book.ask_per_kwh
    return SimpleNamespace(
        columns=np.hstack([columns, sold[:, sources]]),
        base=base,
        lower=np.minimum(rows.lower, base),
        upper=np.maximum(rows.upper, base),
        most=np.concatenate([book.kw, book.export_kw[sources]]),
        weight=np.concatenate([worth, np.zeros(len(sources))]),
        n_trades=len(book.kw),
        sources=sources,
    )


def full_book_fits(p, tolerance=1e-9):
    value = p.base + p.columns @ p.most
    room = tolerance * np.maximum(1.0, np.abs(p.columns).max(axis=1, initial=0.0))
    return bool(np.all(value <= p.upper + room) and np.all(value >= p.lower - room))


# -------------------------------------------------------------------------------------------------------------- the optimum


def closest(p):
    """The answer to all three criteria: y per column, and the values of the first two."""
    y = np.array(p.most)
    used = np.flatnonzero(p.most > 0.0)
    most, weight = p.most[used], p.weight[used]
    exports = (used >= p.n_trades).astype(float)
    matrix, room = inequalities(p, used)
    equations = SimpleNamespace(rows=np.zeros(len(room), bool), bottom=np.zeros(len(used), bool), top=np.zeros(len(used), bool))
    for gain in (weight, exports):
        if gain.any():
            hold(equations, gain, matrix, room, most)
    y[used] = shortest(equations, matrix, room, most)
    objective, exported = (best(gain, matrix, room, most) for gain in (weight, None))
    if exports.any():
        exported = best(exports, np.vstack([matrix, -weight]), np.append(room, 1e-11 * max(1.0, objective) - objective), most)
    size = max(1.0, float(most.sum()))
    assert abs(weight @ y[used] - objective) <= 1e-8 * size * max(1.0, weight.max(initial=0.0))
    assert exports @ y[used] >= exported - 1e-6 * size  # the second programme holds the objective only to its tolerance
    return SimpleNamespace(y=y, objective=objective, exported=float(exports @ y[used]))


def inequalities(p, used):
    """The rows that can be broken as matrix @ y <= room, each in units of its largest entry."""
    columns = p.columns[:, used]
    scale = np.abs(columns).max(axis=1, initial=0.0)
    matrix, room = [], []
    for sign, limit in ((1.0, p.upper - p.base), (-1.0, p.base - p.lower)):
        reach = np.maximum(sign * columns, 0.0) @ p.most[used]
        rows = (scale > 0.0) & np.isfinite(limit) & (reach > limit)
        matrix.append(sign * columns[rows] / scale[rows, None])
        room.append(limit[rows] / scale[rows])
    return np.vstack(matrix), np.concatenate(room)


def best(gain, matrix, room, most):
    """The largest gain @ y."""
    if gain is None:
        return 0.0
    answer = programme(gain, matrix, room, np.zeros((0, len(most))), np.zeros(0), np.zeros(len(most)), most)
    return -answer.fun


def programme(gain, matrix, room, equal, value, low, high):
    answer = linprog(
        -gain,
        A_ub=matrix,
        b_ub=room,
        A_eq=equal if len(equal) else None,
        b_eq=value if len(equal) else None,
        bounds=np.column_stack([low, high]),
        method="highs-ds",
        options=TIGHT,
    )
    assert answer.status == 0, answer.message
    return answer


def hold(equations, gain, matrix, room, most):
    """Add to the equations what the optima of this gain, among the points that satisfy them, have in common."""
    low, high = np.where(equations.top, most, 0.0), np.where(equations.bottom, 0.0, most)
    held = equations.rows
    answer = programme(gain, matrix[~held], room[~held], matrix[held], room[held], low, high)
    price = np.zeros(len(room))
    price[~held] = -answer.ineqlin.marginals
    if held.any():
        price[held] = -answer.eqlin.marginals
    reduced = gain - price @ matrix
    threshold = PRICE * gain.max()
    equations.rows |= price > threshold
    free = ~equations.top & ~equations.bottom
    equations.top |= free & (reduced > threshold)
    equations.bottom |= free & (reduced < -threshold)


def shortest(equations, matrix, room, most):
    """The y with the least Σ (q - y)² / q that satisfies the equations and all other rows."""
    y = np.where(equations.bottom, 0.0, most)
    free = ~equations.top & ~equations.bottom
    if not free.any():
        return y
    root = np.sqrt(most[free])
    fixed = matrix[:, ~free] @ y[~free]
    # matrix (q - root u) <= room  is  across u >= short;  0 <= u <= root
    across = matrix[:, free] * root
    short = matrix[:, free] @ most[free] + fixed - room
    norm = np.linalg.norm(across, axis=1)
    alive = norm > 1e-12
    across, short, equal = across[alive] / norm[alive, None], short[alive] / norm[alive], equations.rows[alive]
    n = len(root)
    everything = np.vstack([across, np.eye(n), -np.eye(n)])
    least = np.concatenate([short, np.zeros(n), -root])
    equal = np.concatenate([equal, np.zeros(2 * n, bool)])
    for guess, near in itertools.product((by_quadratic_programme, by_least_distance), (1e-6, 1e-8, 1e-4, 1e-10)):
        u = polished(everything, least, equal, guess(everything, least, equal), near)
        if u is not None:
            y[free] = np.clip(most[free] - root * u, 0.0, most[free])
            return y
    raise AssertionError("no answer that the KKT conditions prove")


def by_quadratic_programme(everything, least, equal):
    """u from HiGHS, which may say that it did not come to an end."""
    solver = highspy.Highs()
    solver.setOptionValue("output_flag", False)
    solver.setOptionValue("primal_feasibility_tolerance", 1e-9)
    solver.setOptionValue("dual_feasibility_tolerance", 1e-9)
    solver.setOptionValue("qp_regularization_value", 0.0)
    m, n = everything.shape
    rows = np.flatnonzero(np.arange(m) < m - 2 * n)
    model = highspy.HighsModel()
    lp, hessian = model.lp_, model.hessian_
    lp.num_col_, lp.num_row_ = n, len(rows)
    lp.col_cost_ = np.zeros(n)
    lp.col_lower_, lp.col_upper_ = np.zeros(n), -least[m - n :]
    lp.row_lower_, lp.row_upper_ = least[rows], np.where(equal[rows], least[rows], highspy.kHighsInf)
    lp.a_matrix_.format_ = highspy.MatrixFormat.kRowwise
    lp.a_matrix_.start_ = np.arange(len(rows) + 1, dtype=np.int32) * n
    lp.a_matrix_.index_ = np.tile(np.arange(n, dtype=np.int32), len(rows))
    lp.a_matrix_.value_ = everything[rows].ravel()
    hessian.dim_ = n
    hessian.format_ = highspy.HessianFormat.kTriangular
    hessian.start_ = np.arange(n + 1, dtype=np.int32)
    hessian.index_ = np.arange(n, dtype=np.int32)
    hessian.value_ = np.ones(n)
    solver.passModel(model)
    solver.run()
    return np.array(solver.getSolution().col_value) if solver.getModelStatus() == highspy.HighsModelStatus.kOptimal else None


def by_least_distance(everything, least, equal):
    """u by Lawson and Hanson 1974, chapter 23: least distance programming as non-negative least squares."""
    rows = np.vstack([everything, -everything[equal]])
    value = np.concatenate([least, -least[equal]])
    n = rows.shape[1]
    system = np.vstack([rows.T, value])
    target = np.zeros(n + 1)
    target[n] = 1.0
    weight, _ = nnls(system, target, maxiter=100 * system.shape[1])
    rest = system @ weight - target
    return -rest[:n] / rest[n] if rest[n] != 0.0 else None


def polished(everything, least, equal, u, near=1e-6):
    """u to rounding, from which rows it touches or is so near to; None where the KKT conditions do not prove it."""
    if u is None:
        return None
    size = max(1.0, np.abs(least).max())
    touched = equal | (everything @ u <= least + near * size)
    for _ in range(20):
        rows, value = everything[touched], least[touched]
        better = np.linalg.lstsq(rows, value, rcond=1e-12)[0]
        # u = rows' m with m >= 0 but for equations: least squares with the equations' signs left free
        signs = np.vstack([rows, -rows[equal[touched]]])
        multiplier, gap = nnls(signs.T, better, maxiter=50 * (len(signs) + 1))
        missed = least - everything @ better
        broken = missed > 1e-9 * size
        if gap <= 1e-9 * size and not broken.any() and np.abs(missed[equal]).max(initial=0.0) <= 1e-9 * size:
            return better
        pushing = multiplier[: len(rows)] > 0.0
        kept = np.zeros_like(touched)
        kept[np.flatnonzero(touched)[pushing]] = True
        again = kept | broken | equal
        if (again == touched).all():
            return None
        touched = again
    return None
