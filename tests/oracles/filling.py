"""Pro-rata filling in plain Python: step by step in fractions, and max-min fair shares by asking every column in turn."""

from fractions import Fraction

import numpy as np
from scipy.optimize import linprog


def fill_exactly(matrix, most, below, above, steps):
    """The state after so many steps (or at the end), and whether it is the end; all numbers are fractions.

    A step: what pushes a binding row waits, all others grow by one share of their size until a row binds or one is full.
    """
    matrix = [[Fraction(a) for a in line] for line in matrix]
    most, below, above = ([Fraction(v) for v in numbers] for numbers in (most, below, above))
    x, columns, rows = [Fraction(0)] * len(most), range(len(most)), range(len(matrix))
    for _ in range(steps):
        value = [sum(matrix[r][j] * x[j] for j in columns) for r in rows]

        def waits(j, value=value):
            return any((matrix[r][j] > 0 and value[r] >= above[r]) or (matrix[r][j] < 0 and value[r] <= below[r]) for r in rows)

        growing = [j for j in columns if x[j] < most[j] and not waits(j)]
        if not growing:
            return x, True
        slope = [sum(matrix[r][j] * most[j] for j in growing) for r in rows]
        longest = [(most[j] - x[j]) / most[j] for j in growing]
        longest += [(above[r] - value[r]) / slope[r] for r in rows if slope[r] > 0]
        longest += [(below[r] - value[r]) / slope[r] for r in rows if slope[r] < 0]
        for j in growing:
            x[j] += min(longest) * most[j]
    return x, False


def fair_shares(matrix, most, below, above):
    """Raise all shares together as far as it goes; those that can go no further alone are settled; raise the rest."""
    n = len(most)
    per_share = matrix * most
    rows = np.vstack([per_share, -per_share])
    limit = np.concatenate([above, -below])
    share, settled = np.zeros(n), np.zeros(n, bool)

    def best(goal, lowest, common=None):
        """The largest `goal`-th share, or (goal = None) the largest level that all of `common` can have."""
        a = np.hstack([rows, np.zeros((len(rows), 1))])
        b = limit
        if common is not None:
            reach = np.hstack([-np.eye(n)[common], np.ones((common.sum(), 1))])
            a, b = np.vstack([a, reach]), np.append(b, np.zeros(common.sum()))
        cost = -np.eye(n + 1)[n if goal is None else goal]
        bounds = [(low, 1.0) for low in lowest] + [(0.0, 1.0)]
        tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
        answer = linprog(cost, A_ub=a[np.isfinite(b)], b_ub=b[np.isfinite(b)], bounds=bounds, options=tight)
        assert answer.status == 0, answer.message
        return -answer.fun

    while not settled.all():
        level = best(None, share, common=~settled)
        share[~settled] = max(level - 1e-10, 0.0)
        stuck = [j for j in np.flatnonzero(~settled) if best(j, share) < level + 1e-7]
        assert stuck
        settled[stuck] = True
        share[stuck] = level
        share[~settled] = level
        share = np.maximum(share - 1e-10, 0.0)
    return share


def room_alone(matrix, most, below, above, x):
    """kW by which each column could still grow if no other changed."""
    value, room = matrix @ x, most - x
    for j, column in enumerate(matrix.T):
        for a, v, low, high in zip(column, value, below, above, strict=True):
            if a != 0.0:
                room[j] = min(room[j], ((high if a > 0.0 else low) - v) / a)
    return room


def fill_by_weight(behind, room, amount, weight):
    """Shares of columns that are filled weight by weight, the highest first, and of which kinds of limits stop each: fractions.

    `behind` holds the columns behind each limit. All of one weight grow together; who is behind a limit without room stops.
    """
    room, amount = [Fraction(r) for r in room], [Fraction(q) for q in amount]
    share, stops = [Fraction(0)] * len(amount), [set() for _ in amount]
    for group in [[j for j, w in enumerate(weight) if w == worth] for worth in sorted(set(weight), reverse=True)]:
        growing = [j for j in group if amount[j] > 0]
        while growing:
            for r, columns in enumerate(behind):
                for j in growing:
                    if j in columns and room[r] == 0:
                        stops[j].add(r)
            growing = [j for j in growing if share[j] < 1 and not stops[j]]
            steps = [1 - share[j] for j in growing]
            pushed = [sum(amount[j] for j in growing if j in columns) for columns in behind]
            steps += [left / push for left, push in zip(room, pushed, strict=True) if push]
            for j in growing:
                share[j] += min(steps)
            if growing:
                room = [left - min(steps) * push for left, push in zip(room, pushed, strict=True)]
    return share, stops
