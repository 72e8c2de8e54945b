"""One book's LP in rational arithmetic: slow, without tolerances, and up from nothing executed, the kernel's way reversed."""

from fractions import Fraction


def solve_exactly(matrix, below, above, most, cost):
    """Columns of the optimum: first for cost[0], among those optima for cost[1], and so on.

    maximise cost[0]·y subject to below ≤ matrix y ≤ above (either may be infinite) and 0 ≤ y ≤ most, where y = 0 is feasible. A
    primal simplex with Bland's rule, criterion after criterion on the face of optima.
    """
    m, n = len(matrix), len(most)
    low = [Fraction(0)] * n + [_fraction(value) for value in below]
    high = [Fraction(value) for value in most] + [_fraction(value) for value in above]
    free, basic = list(range(n)), list(range(n, n + m))
    at = [Fraction(0)] * (n + m)
    lines = [[Fraction(value) for value in row] for row in matrix]
    gains = [[Fraction(value) for value in row] for row in cost]
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
    return at[:n]


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
