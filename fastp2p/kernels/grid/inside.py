"""Extremes inside of chains, looked for where they may be: a straight line between two forms, and gaps to it, rule out most.

On the line between two voltages |V|² is convex: its largest value is at an end, its least where V is orthogonal to the line, if
that lies between the ends.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# rows of a block's `best`; buses among them are floats, so that books stay side by side in one vector
LOWEST, LOWEST_AT, HIGHEST, HIGHEST_AT, LOSSES, LOADING, SLACK_P, SLACK_Q = range(8)
N_BEST = 8
SEEN = -1
"""The bus of a form at the end of a run that is no more looked at."""
N_RUNS = 64
"""Runs that wait to be halved, at most: two for each halving of the longest chain."""
WASTE_V = 4.0
"""Dead ends are looked at as if their voltages might be twice as high as the highest."""
ROUNDING = 1e-13
"""An extreme is one beyond this, relative to the square that it beats."""


class Points(NamedTuple):
    """Runs of linear forms κ V + λ J, one for each place, of the voltage above it and the current into it.

    Attributes
    ----------
    first : (n_bus + 1,) int64
        Forms ``first[i]:first[i + 1]`` are those of place i.
    form : (n, 4) float64
        κ and λ, real and imaginary parts.
    gap : (n, 2) float64
        Of the run that is halved at each form, how far κ and λ lie from the straight line between its ends.
    bus : (n,) int64
        That a form is the voltage of; -1 for ends of runs that are places, -2 for voltages that do not count, and currents.
    """

    first: Ints
    form: Floats
    gap: Floats
    bus: Ints


class Inside(NamedTuple):
    """Where extremes may lie besides the places of a contraction (`fastp2p.grid.inside`).

    Attributes
    ----------
    low, high, loaded : Points
        Voltages and percent of loading inside of chains.
    low_square, high_square : (n_bus,) float64
        Of a place and its dead ends the least and the largest |V|² over that of the place; infinite and 0 where none counts.
    low_bus, high_bus : (n_bus,) int64
        Whose they are, in the whole network.
    steady : (3, n_bus, 6) float64
        For `low` and `high`, the two directions of the impedances of a chain that lie farthest apart, and by what |J|² and |V|²
        are multiplied to give the change that tells nothing (`kernels.grid.inside`); infinite where forms are not just the
        voltages along a chain of lines. For `loaded`, at the same places, by what they are multiplied to give more than the
        square of any form.
    percent : (n_bus, 2) float64
        As in `Feeder`, of chains too, as far as their currents are one.
    waste_at : (m,) int64; waste : (m, 4) float64; waste_most : float
        Percent of loading of dead ends, as forms of places, and the largest square per |V|².
    """

    low: Points
    high: Points
    loaded: Points
    low_square: Floats
    low_bus: Ints
    high_square: Floats
    high_bus: Ints
    steady: Floats
    percent: Floats
    waste_at: Ints
    waste: Floats
    waste_most: float


@kernel
def look_inside(parent: Ints, inside: Inside, size: int, work: Floats, runs: Ints, best: Floats) -> None:
    """Let the extremes inside of chains and of dead ends' currents count as well.

    Parameters
    ----------
    parent : (n_bus,) int64
    inside : Inside
    size : int
        Books of the block that count.
    work : (4, n_bus, block) float64
        Voltages and the currents into places, real and imaginary parts.
    runs : (2, N_RUNS) int64
        Work space.
    best : (8, block) float64
        `LOWEST`, `HIGHEST` and `LOADING` are squares.
    """
    low, high, loaded, steady = inside.low, inside.high, inside.loaded, inside.steady
    for i in range(len(parent)):
        _look(low, i, parent[i], size, steady[0, i], work, runs, LOWEST, best)
        _look(high, i, parent[i], size, steady[1, i], work, runs, HIGHEST, best)
        _look(loaded, i, parent[i], size, steady[2, i], work, runs, LOADING, best)
    waste_at, waste = inside.waste_at, inside.waste
    for k in range(size):
        if WASTE_V * inside.waste_most * max(1.0, best[HIGHEST, k]) > best[LOADING, k]:
            for w in range(len(waste_at)):
                re, im = _value(waste, w, waste_at[w], parent[waste_at[w]], k, work)
                best[LOADING, k] = max(best[LOADING, k], re * re + im * im)


@kernel
def _look(points: Points, i: int, up: int, size: int, steady: Floats, work: Floats, runs: Ints, row: int, best: Floats) -> None:
    """Both ends of the run of place i, where they have not been seen, and what lies between them, where it may count."""
    first, last = points.first[i], points.first[i + 1] - 1
    if last < first:
        return
    for k in range(size):
        if row == LOADING and _is_less(steady, i, up, k, work, best):
            continue
        for end in (first, last):
            if points.bus[end] != SEEN:
                _note(points.form, points.bus, end, i, up, k, work, row, best)
        if last - first < 2 or (row != LOADING and _is_steady(steady, i, up, k, work)):
            continue
        if _may_count(points, first, last, i, up, k, work, row, best):
            _search(points, first, last, i, up, k, work, runs, row, best)


@kernel
def _is_less(steady: Floats, i: int, up: int, k: int, work: Floats, best: Floats) -> bool:
    """Whether no current of the chain to place i loads more than the most loaded branch is."""
    above = i if up == -1 else up
    a, b, c, d = work[0, above, k], work[1, above, k], work[2, i, k], work[3, i, k]
    is_less: bool = steady[4] * (c * c + d * d) + steady[5] * (a * a + b * b) < best[LOADING, k]
    return is_less


@kernel
def _is_steady(steady: Floats, i: int, up: int, k: int, work: Floats) -> bool:
    """Whether voltages only fall or only rise along the chain to place i: all its impedances turn the current alike.

    From one bus to the next |V|² changes by - 2 Re(z J V*), and terms that are small beside it: of the second order in z J, of
    line charging. Re(z J V*) has one sign for all z if it has it for the two whose angles are farthest apart.
    """
    above = i if up == -1 else up
    a, b, c, d = work[0, above, k], work[1, above, k], work[2, i, k], work[3, i, k]
    re, im = c * a + d * b, d * a - c * b
    one, other = steady[0] * re - steady[1] * im, steady[2] * re - steady[3] * im
    small = steady[4] * (c * c + d * d) + steady[5] * (a * a + b * b)
    is_steady: bool = min(one, other) > small or max(one, other) < -small
    return is_steady


@kernel
def _may_count(points: Points, first: int, last: int, i: int, up: int, k: int, work: Floats, row: int, best: Floats) -> bool:
    """As `_search` finds out, at less cost: mostly no form of a run does."""
    middle = (first + last) // 2
    above = i if up == -1 else up
    gap = points.gap[middle, 0] * (abs(work[0, above, k]) + abs(work[1, above, k]))
    gap += points.gap[middle, 1] * (abs(work[2, i, k]) + abs(work[3, i, k]))
    a, b = _value(points.form, first, i, up, k, work)
    c, d = _value(points.form, last, i, up, k, work)
    if row == LOWEST:
        square = _least_between(a, b, c, d)
        may: bool = square - gap * (2.0 * math.sqrt(square) + gap) < best[LOWEST, k] * (1.0 - ROUNDING)
    else:
        square = max(a * a + b * b, c * c + d * d)
        may = square + gap * (2.0 * math.sqrt(square) + gap) > best[row, k] * (1.0 + ROUNDING)
    return may


@kernel
def _least_between(a: float, b: float, c: float, d: float) -> float:
    """The least square on the line from a + jb to c + jd."""
    e, f = c - a, d - b
    length, fall = e * e + f * f, -(a * e + b * f)
    t = min(max(fall / length, 0.0), 1.0) if length > 0.0 else 0.0
    return max(a * a + b * b - 2.0 * t * fall + t * t * length, 0.0)


@kernel
def _value(form: Floats, p: int, i: int, up: int, k: int, work: Floats) -> tuple[float, float]:
    """A form of the voltage above place i (of an external grid: its own) and the current into it."""
    above = i if up == -1 else up
    a, b, c, d = work[0, above, k], work[1, above, k], work[2, i, k], work[3, i, k]
    re = form[p, 0] * a - form[p, 1] * b + form[p, 2] * c - form[p, 3] * d
    return re, form[p, 0] * b + form[p, 1] * a + form[p, 2] * d + form[p, 3] * c


@kernel
def _note(form: Floats, bus: Ints, p: int, i: int, up: int, k: int, work: Floats, row: int, best: Floats) -> None:
    """Let a form count, if it may."""
    re, im = _value(form, p, i, up, k, work)
    square = re * re + im * im
    if row == LOADING:
        best[LOADING, k] = max(best[LOADING, k], square)
    elif bus[p] >= 0 and (square < best[row, k] if row == LOWEST else square > best[row, k]):
        best[row, k], best[row + 1, k] = square, float(bus[p])


@kernel
def _search(
    points: Points, first: int, last: int, i: int, up: int, k: int, work: Floats, runs: Ints, row: int, best: Floats
) -> None:
    """Halve the runs of forms that may hold a better one than the best; those at the ends have been looked at."""
    _, form, gap_of, bus = points
    above = i if up == -1 else up
    v = math.hypot(work[0, above, k], work[1, above, k])
    j = math.hypot(work[2, i, k], work[3, i, k])
    runs[0, 0], runs[1, 0], n = first, last, 1
    while n > 0:  # ends: a run is shorter than the one that it is half of
        n -= 1
        begin, end = runs[0, n], runs[1, n]
        if end - begin < 2:
            continue
        middle = (begin + end) // 2
        gap = gap_of[middle, 0] * v + gap_of[middle, 1] * j
        a, b = _value(form, begin, i, up, k, work)
        c, d = _value(form, end, i, up, k, work)
        if row == LOWEST:
            least = math.sqrt(_least_between(a, b, c, d)) - gap
            hopeless = least > 0.0 and not least * least < best[LOWEST, k] * (1.0 - ROUNDING)
        else:
            most = math.sqrt(max(a * a + b * b, c * c + d * d)) + gap
            hopeless = not most * most > best[row, k] * (1.0 + ROUNDING)
        if hopeless:
            continue
        _note(form, bus, middle, i, up, k, work, row, best)
        runs[0, n], runs[1, n] = begin, middle
        runs[0, n + 1], runs[1, n + 1] = middle, end
        n += 2
