"""One book's answer in rational arithmetic: slow, without tolerances, and the kernels' way reversed.

The LP goes up from nothing executed, and what is closest to pro rata is found from inside the face of its optima.
"""

from fractions import Fraction


def solve_exactly(matrix, below, above, most, cost):
    """Columns y of the optimum: first for cost[0], among those optima for cost[1], among those for least Σ (most - y)²/most.

    maximise cost[0]·y subject to below ≤ matrix y ≤ above (either may be infinite) and 0 ≤ y ≤ most, where y = 0 is feasible. A
    primal simplex with Bland's rule, criterion after criterion on the face of optima; on the last face an active-set method.
    """
    m, n = len(matrix), len(most)
    low = [Fraction(0)] * n + [_fraction(value) for value in below]
    high = [Fraction(value) for value in most] + [_fraction(value) for value in above]
    free, basic = list(range(n)), list(range(n, n + m))
    at = [Fraction(0)] * (n + m)
    lines = [[Fraction(value) for value in row] for row in matrix]
    gains = [[Fraction(value) for value in row] for row in cost[:2]]
    may_move = [low[v] is None or high[v] is None or low[v] < high[v] for v in range(n + m)]
    for gain in gains:
        while (place := _entering(free, gain, at, high, may_move)) is not None:
            up = gain[place] > 0
            step, out = _longest_step(place, up, free, basic, lines, at, low, high)
            for i, v in enumerate(basic):
                at[v] += lines[i][place] * (step if up else -step)
            at[free[place]] += step if up else -step
            if out is not None:
                _exchange(place, out, free, basic, lines, gains)
        for k, v in enumerate(free):
            may_move[v] = may_move[v] and gain[k] == 0
    return closest_exactly([[Fraction(value) for value in row] for row in matrix], high[:n], at, low, high, may_move)


def closest_exactly(matrix, most, at, low, high, may_move):
    """Least Σ (most - y)²/most from a point `at` of columns and rows; those that may not move stay where they are.

    Each round goes to the least sum with the active bounds and limits held, up to the first bound or limit in the way, which
    becomes active; where none is, the first active one that pulls the wrong way is let go (Bland's rule; Nocedal and Wright
    2006, Numerical Optimization, algorithm 16.3).
    """
    m, n = len(matrix), len(most)
    stays = [not move for move in may_move]
    active = list(stays)
    for _ in range(20 * (n + m)):
        rows = [r for r in range(m) if active[n + r]]
        columns = [j for j in range(n) if not active[j]]
        multiplier = _multipliers(matrix, most, at, rows, columns)
        pull = [Fraction(0)] * n
        for j in range(n):
            pull[j] = sum((matrix[r][j] * multiplier[r] for r in rows if matrix[r][j]), Fraction(0))
        move = [most[j] * (1 - pull[j]) - at[j] if not active[j] else Fraction(0) for j in range(n)]
        move += [sum((row[j] * move[j] for j in columns if row[j]), Fraction(0)) for row in matrix]
        step, first = Fraction(1), None
        for v in range(n + m):
            bound = high[v] if move[v] > 0 else low[v]
            if not active[v] and move[v] != 0 and bound is not None and (bound - at[v]) / move[v] < step:
                step, first = (bound - at[v]) / move[v], v
        at = [value + step * change for value, change in zip(at, move, strict=True)]
        if first is not None:
            active[first] = True
            continue
        wrong = None
        for v in range(n + m):
            if active[v] and not stays[v]:
                worth = (most[v] - at[v]) / most[v] - pull[v] if v < n else multiplier[v - n]
                if worth != 0 and (worth > 0) != (at[v] == high[v]):
                    wrong = v
                    break
        if wrong is None:
            return at[:n]
        active[wrong] = False
    raise ArithmeticError("the active sets repeat, at a corner that too many limits share")


def _multipliers(matrix, most, at, rows, columns):
    """By row: A diag(most) A' multiplier = A most - A at, over free columns and active rows; 0 for dependent rows."""
    lines = [
        [
            sum((matrix[r][j] * most[j] * matrix[s][j] for j in columns if matrix[r][j] and matrix[s][j]), Fraction(0))
            for s in rows
        ]
        + [sum((matrix[r][j] * (most[j] - at[j]) for j in columns if matrix[r][j]), Fraction(0))]
        for r in rows
    ]
    kept = []
    for i in range(len(rows)):
        if lines[i][i] != 0:  # symmetric: where the pivot is nothing, the line is
            kept.append(i)
            for k in range(len(rows)):
                if k != i and lines[k][i] != 0:
                    factor = lines[k][i] / lines[i][i]
                    lines[k] = [value - factor * other for value, other in zip(lines[k], lines[i], strict=True)]
    found = dict.fromkeys(range(len(matrix)), Fraction(0))
    for i in kept:
        found[rows[i]] = lines[i][-1] / lines[i][i]
    return found


def _fraction(value):
    """None for a limit that is none."""
    return None if value in (float("inf"), float("-inf")) else Fraction(value)


def _entering(free, gain, at, high, may_move):
    """Bland: of the variables that gain by leaving their bound, the first."""
    found = [
        (v, k)
        for k, v in enumerate(free)
        if may_move[v] and gain[k] != 0 and (gain[k] > 0) == (high[v] is None or at[v] < high[v])
    ]
    return min(found)[1] if found else None


def _longest_step(place, up, free, basic, lines, at, low, high):
    """How far the entering variable may go, and the basic one that stops it (None: its own other bound)."""
    v = free[place]
    best = (high[v] - low[v], -1, None) if high[v] is not None and low[v] is not None else None
    for i, w in enumerate(basic):
        slope = lines[i][place] if up else -lines[i][place]
        bound = high[w] if slope > 0 else low[w]
        if slope != 0 and bound is not None:
            candidate = ((bound - at[w]) / slope, w, i)
            best = candidate if best is None or candidate[:2] < best[:2] else best
    return best[0], best[2]


def _exchange(place, out, free, basic, lines, gains):
    pivot = lines[out][place]
    new = [-value / pivot for value in lines[out]]
    new[place] = 1 / pivot
    for line in [*(line for i, line in enumerate(lines) if i != out), *gains]:
        factor = line[place]
        if factor:
            line[place] = Fraction(0)
            for k, value in enumerate(new):
                if value:
                    line[k] += factor * value
    lines[out] = new
    free[place], basic[out] = basic[out], free[place]
