"""Extremes of three-phase power flows inside of chains and dead ends, looked for where they may lie.

Places between X and Y lie on a line but for a small deviation (`PhaseGroups`). On the line the largest |V|² is at an end; where
|X|² and |Y|² differ by less than |Y - X|², the least lies between them, as that of a parabola. What cannot pass the extreme
found so far by more than rounding is passed over: a group at once, for all books of a block, else the nodes of its tree.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.blocks import add_matrix
from fastp2p.kernels.grid.phase_structs import (
    BOW_BY_J,
    BOW_BY_V,
    BY_J,
    BY_V,
    HIGHEST,
    HIGHEST_AT,
    LOADING,
    LOWEST,
    LOWEST_AT,
    MAP_J,
    MAP_V,
    NEUTRAL,
    OTHERS_BY_J,
    OTHERS_BY_V,
    OWN_BOW_BY_J,
    OWN_BOW_BY_V,
    OWN_BY_J,
    OWN_BY_V,
    PERCENT,
    UNBALANCE,
    UNBALANCE_AT,
    PhaseGroups,
    PhaseInside,
    PhaseLook,
)
from fastp2p.kernels.grid.structs import ALL_PHASES
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Phasors = tuple[float, float, float, float, float, float]

SAME = 2e-13
"""Squares that differ by less, relative to them, count as alike: by rounding they may."""
LEAST = 1e-28
"""Squares of ratios that are less count as zero."""
HALF_ROOT = math.sqrt(0.75)


@kernel
def look_at_voltages(groups: PhaseGroups, work: Floats, look: PhaseLook, best: Floats) -> None:
    """Lowest and highest voltages and unbalance inside, into the rows of `best`, which has those of the few.

    Parameters
    ----------
    groups : PhaseGroups
    work : (4, n_few, 3 * block) float64, p.u.
        Voltages and currents of the few: real and imaginary parts.
    look : PhaseLook
    best : (15, block) float64
        Squares, and places.
    """
    row_of, first, first_item, after = groups.row, groups.first, groups.first_item, groups.after
    low, high, knot, bits, bound = groups.low, groups.high, groups.knot, groups.bits, groups.bound
    place, counts, maps = groups.place, groups.counts, groups.map
    size = best.shape[1]
    ends, most, looks, told = look
    for g in range(len(row_of)):
        row, root = row_of[g], first[g]
        _find_references(groups.reference, g, row, work, 2, ends, most)
        _screen_voltages(bits[root], bound, root, ends, most, best, looks)
        for k in range(size):
            if looks[k] == 0.0:
                continue
            _take_references(ends, k, told)
            node = root
            while node < first[g + 1]:  # ends: `after` is larger than the node
                if not _may_pass(bits[node], bound, node, told, low[node], high[node], most, best, k):
                    node = after[node]
                    continue
                item = first_item[g] + knot[node] - 2
                _tell(maps, item, row, work, k, told, knot[node])
                _note_voltage(counts[item], place[item], told, knot[node], best, k)
                node += 1


@kernel
def look_at_currents(groups: PhaseGroups, work: Floats, look: PhaseLook, best: Floats) -> None:
    """Largest loadings of phase conductors and neutrals inside; as `look_at_voltages`."""
    row_of, first, first_item, after = groups.row, groups.first, groups.first_item, groups.after
    low, high, knot, bound, percent, maps = groups.low, groups.high, groups.knot, groups.bound, groups.percent, groups.map
    size = best.shape[1]
    ends, most, looks, told = look
    for g in range(len(row_of)):
        row = row_of[g]
        _find_references(groups.reference, g, row, work, 0, ends, most)
        _screen_currents(bound, first[g], ends, most, best, looks)
        for k in range(size):
            if looks[k] == 0.0:
                continue
            _take_references(ends, k, told)
            node = first[g]
            while node < first[g + 1]:  # ends: `after` is larger than the node
                if not _may_load(bound, node, told, low[node], high[node], most, best, k):
                    node = after[node]
                    continue
                item = first_item[g] + knot[node] - 2
                _tell(maps, item, row, work, k, told, knot[node])
                _note_current(percent[item], told, knot[node], best, k)
                node += 1


@kernel
def look_space(inside: PhaseInside, size: int) -> PhaseLook:
    """For the books of a block."""
    most = max(_largest(inside.voltages.first_item), _largest(inside.currents.first_item))
    return PhaseLook(np.empty((2, 2, 3 * size)), np.empty((4, size)), np.empty(size), np.empty((2 + most, 6)))


@kernel
def _largest(first_item: Ints) -> int:
    """The most places of a group."""
    most = 0
    for g in range(len(first_item) - 1):
        most = max(most, first_item[g + 1] - first_item[g])
    return most


@kernel
def _take_references(ends: Floats, k: int, told: Floats) -> None:
    size = ends.shape[2] // 3
    for e in range(2):
        for f in range(3):
            told[e, 2 * f], told[e, 2 * f + 1] = ends[0, e, f * size + k], ends[1, e, f * size + k]


@kernel
def _find_references(reference: Floats, g: int, row: int, work: Floats, sequence: int, ends: Floats, most: Floats) -> None:
    """X and Y of a group: real and imaginary parts (2, 2, 3 * block); of its end the largest |V| and |J|, and a sequence's."""
    v_re, v_im, j_re, j_im = work[0], work[1], work[2], work[3]
    size = most.shape[1]
    ends[:] = 0.0
    for e in range(2):
        add_matrix(reference, 2 * g + e, MAP_V, 1.0, v_re, v_im, row, ends[0], ends[1], e)
        add_matrix(reference, 2 * g + e, MAP_J, 1.0, j_re, j_im, row, ends[0], ends[1], e)
    most[:] = 0.0
    for f in range(3):
        for k in range(size):
            a, b, c, d = v_re[row, f * size + k], v_im[row, f * size + k], j_re[row, f * size + k], j_im[row, f * size + k]
            most[0, k] = max(most[0, k], a * a + b * b) + 0.0
            most[1, k] = max(most[1, k], c * c + d * d) + 0.0
    for k in range(size):
        most[0, k], most[1, k] = math.sqrt(most[0, k]), math.sqrt(most[1, k])
    for k in range(size):
        most[2, k] = _sequence(v_re, v_im, row, k, sequence)
        most[3, k] = _sequence(j_re, j_im, row, k, sequence)


@kernel
def _sequence(x_re: Floats, x_im: Floats, row: int, k: int, sequence: int) -> float:
    """The zero or the negative one, 0 or 2."""
    size = x_re.shape[1] // 3
    if sequence == 0:
        re = x_re[row, k] + x_re[row, size + k] + x_re[row, 2 * size + k]
        im = x_im[row, k] + x_im[row, size + k] + x_im[row, 2 * size + k]
        return math.sqrt(re * re + im * im) / 3.0
    _, _, re, im = _sequences(
        x_re[row, k], x_im[row, k], x_re[row, size + k], x_im[row, size + k], x_re[row, 2 * size + k], x_im[row, 2 * size + k]
    )
    return math.sqrt(re * re + im * im) / 3.0


@kernel
def _screen_voltages(bits: int, bound: Floats, node: int, ends: Floats, most: Floats, best: Floats, looks: Floats) -> None:
    """`_may_pass` of a whole group, for all books."""
    size, by_v, by_j = best.shape[1], bound[node, BY_V], bound[node, BY_J]
    bow_by_v, bow_by_j = bound[node, BOW_BY_V], bound[node, BOW_BY_J]
    others_v, others_j, own_v, own_j = (
        bound[node, OTHERS_BY_V], bound[node, OTHERS_BY_J], bound[node, OWN_BY_V], bound[node, OWN_BY_J],
    )  # fmt: skip
    own_bow_v, own_bow_j = bound[node, OWN_BOW_BY_V], bound[node, OWN_BOW_BY_J]
    x_re, x_im, y_re, y_im = ends[0, 0], ends[1, 0], ends[0, 1], ends[1, 1]
    looks[:] = 0.0
    for f in range(3):
        if bits >> f & 1:
            o = f * size
            for k in range(size):
                reach, bow = by_v * most[0, k] + by_j * most[1, k], bow_by_v * most[0, k] + bow_by_j * most[1, k]
                looks[k] += _passes(
                    x_re[o + k], x_im[o + k], y_re[o + k], y_im[o + k], reach, bow, best[LOWEST, k], best[HIGHEST, k]
                )
    if bits >> 3 & 1:
        for k in range(size):
            reach, bow = by_v * most[0, k] + by_j * most[1, k], bow_by_v * most[0, k] + bow_by_j * most[1, k]
            own_bow = own_bow_v * most[2, k] + own_bow_j * most[3, k]
            negative = others_v * most[0, k] + others_j * most[1, k] + own_v * most[2, k] + own_j * most[3, k]
            x = (x_re[k], x_im[k], x_re[size + k], x_im[size + k], x_re[2 * size + k], x_im[2 * size + k])
            y = (y_re[k], y_im[k], y_re[size + k], y_im[size + k], y_re[2 * size + k], y_im[2 * size + k])
            looks[k] += _unbalances(x, y, reach, bow, negative, own_bow, best[UNBALANCE, k])


@kernel
def _may_pass(
    bits: int, bound: Floats, node: int, told: Floats, low: int, high: int, most: Floats, best: Floats, k: int
) -> bool:
    """Whether a place of a node may have a lower or higher voltage, or more unbalance, than any before."""
    reach, looks = bound[node, BY_V] * most[0, k] + bound[node, BY_J] * most[1, k], 0.0
    bow = bound[node, BOW_BY_V] * most[0, k] + bound[node, BOW_BY_J] * most[1, k]
    for f in range(3):
        if bits >> f & 1:
            re, im = 2 * f, 2 * f + 1
            looks += _passes(
                told[low, re], told[low, im], told[high, re], told[high, im], reach, bow, best[LOWEST, k], best[HIGHEST, k]
            )
    if looks == 0.0 and bits >> 3 & 1:
        negative = _reach_of_sequence(bound, node, most, k)
        own_bow = bound[node, OWN_BOW_BY_V] * most[2, k] + bound[node, OWN_BOW_BY_J] * most[3, k]
        x, y = _line(told, low), _line(told, high)
        looks += _unbalances(x, y, reach, bow, negative, own_bow, best[UNBALANCE, k])
    return looks > 0.0


@kernel
def _line(told: Floats, slot: int) -> Phasors:
    return told[slot, 0], told[slot, 1], told[slot, 2], told[slot, 3], told[slot, 4], told[slot, 5]


@kernel
def _reach_of_sequence(bound: Floats, node: int, most: Floats, k: int) -> float:
    reach: float = bound[node, OTHERS_BY_V] * most[0, k] + bound[node, OTHERS_BY_J] * most[1, k]
    reach += bound[node, OWN_BY_V] * most[2, k] + bound[node, OWN_BY_J] * most[3, k]
    return reach


@kernel
def _passes(a: float, b: float, c: float, d: float, reach: float, bow: float, lowest: float, highest: float) -> float:
    """1 if |V| anywhere on the line from a + jb to c + jd may be beyond the extremes; else 0.

    Give or take `bow` s (1 - s) at a share s of the way, and `reach`. Extremes are squares. |V|² is a parabola in s, and so is
    the most that is given or taken, since 2 |V| is no more than 1 + |V|².
    """
    one, other, sag = a * a + b * b, c * c + d * d, (c - a) * (c - a) + (d - b) * (d - b)
    top, slope = max(one, other), abs(one - other)
    rise = bow * (1.0 + top + bow)
    sag += rise
    over, under = max(rise - slope, 0.0), max(sag - slope, 0.0)
    higher = top + over * over / (4.0 * rise + 1e-300)
    lower = min(one, other) - under * under / (4.0 * sag + 1e-300)
    higher, lower = higher + reach * (1.0 + higher + reach), lower - reach * (1.0 + lower)
    return 1.0 if higher > highest * (1.0 + SAME) or lower < lowest * (1.0 - SAME) else 0.0


@kernel
def _unbalances(x: Phasors, y: Phasors, reach: float, bow: float, own_reach: float, own_bow: float, share: float) -> float:
    """1 if |V₂|² / |V₁|² anywhere on a line between the voltages of two buses may be more than `share`; else 0.

    Give or take `reach` and `bow` of any phase, as for `_passes`, and `own_reach` and `own_bow` of V₂. |V₂|² - share |V₁|² is a
    parabola on the line too.
    """
    a, b, c, d = _sequences(x[0], x[1], x[2], x[3], x[4], x[5])
    p, q, r, s = _sequences(y[0], y[1], y[2], y[3], y[4], y[5])
    positive, negative, one = max(a * a + b * b, p * p + q * q), c * c + d * d, r * r + s * s
    over = negative - share * (a * a + b * b)
    other = one - share * (p * p + q * q)
    negative = max(negative, one)
    own_bow, own_reach, of_positive = 3.0 * own_bow, 3.0 * own_reach, 6.0 * share * math.sqrt(positive)
    a, b, c, d = p - a, q - b, r - c, s - d
    rise = share * (a * a + b * b) - (c * c + d * d) + own_bow * (2.0 * math.sqrt(negative) + own_bow) + of_positive * bow
    rise = max(rise, 0.0)
    above = max(rise - abs(over - other), 0.0)
    over = max(over, other) + above * above / (4.0 * rise + 1e-300)
    over += own_reach * (2.0 * (math.sqrt(negative) + own_bow) + own_reach) + of_positive * reach
    return 1.0 if over > (SAME * share + LEAST) * positive else 0.0


@kernel
def _sequences(a: float, b: float, c: float, d: float, e: float, f: float) -> tuple[float, float, float, float]:
    """Three times V₁ and V₂: V_a - (V_b + V_c) / 2 ± j √¾ (V_b - V_c)."""
    re, im = a - 0.5 * (c + e), b - 0.5 * (d + f)
    across_re, across_im = HALF_ROOT * (f - d), HALF_ROOT * (c - e)
    return re + across_re, im + across_im, re - across_re, im - across_im


@kernel
def _screen_currents(bound: Floats, node: int, ends: Floats, most: Floats, best: Floats, looks: Floats) -> None:
    """`_may_load` of a whole group, for all books."""
    size = best.shape[1]
    x_re, x_im, y_re, y_im = ends[0, 0], ends[1, 0], ends[0, 1], ends[1, 1]
    percent = bound[node, PERCENT]
    by_v, by_j = bound[node, BY_V] + 0.25 * bound[node, BOW_BY_V], bound[node, BY_J] + 0.25 * bound[node, BOW_BY_J]
    others_v, others_j, own_v, own_j = (
        bound[node, OTHERS_BY_V], bound[node, OTHERS_BY_J], bound[node, OWN_BY_V] + 0.25 * bound[node, OWN_BOW_BY_V],
        bound[node, OWN_BY_J] + 0.25 * bound[node, OWN_BOW_BY_J],
    )  # fmt: skip
    for k in range(size):
        neutral = others_v * most[0, k] + others_j * most[1, k] + own_v * most[2, k] + own_j * most[3, k]
        x = (x_re[k], x_im[k], x_re[size + k], x_im[size + k], x_re[2 * size + k], x_im[2 * size + k])
        y = (y_re[k], y_im[k], y_re[size + k], y_im[size + k], y_re[2 * size + k], y_im[2 * size + k])
        reach = by_v * most[0, k] + by_j * most[1, k]
        looks[k] = _loads(x, y, reach, neutral, percent, best[LOADING, k], best[NEUTRAL, k])


@kernel
def _may_load(bound: Floats, node: int, told: Floats, low: int, high: int, most: Floats, best: Floats, k: int) -> bool:
    """Whether a place of a node may have a larger loading, of a phase conductor or the neutral, than any before."""
    reach = bound[node, BY_V] * most[0, k] + bound[node, BY_J] * most[1, k]
    reach += 0.25 * (bound[node, BOW_BY_V] * most[0, k] + bound[node, BOW_BY_J] * most[1, k])
    neutral = _reach_of_sequence(bound, node, most, k)
    neutral += 0.25 * (bound[node, OWN_BOW_BY_V] * most[2, k] + bound[node, OWN_BOW_BY_J] * most[3, k])
    x, y, percent = _line(told, low), _line(told, high), bound[node, PERCENT]
    looks = _loads(x, y, reach, neutral, percent, best[LOADING, k], best[NEUTRAL, k])
    return looks > 0.0


@kernel
def _loads(x: Phasors, y: Phasors, reach: float, neutral_reach: float, percent: float, loading: float, neutral: float) -> float:
    """1 if currents anywhere on a line, give or take `reach`, may load a conductor more than squares found so far; else 0."""
    a, b, c, d, e, f = x
    p, q, r, s, t, u = y
    largest = max(a * a + b * b, max(c * c + d * d, e * e + f * f))
    other = max(p * p + q * q, max(r * r + s * s, t * t + u * u))
    total = (a + c + e) * (a + c + e) + (b + d + f) * (b + d + f)
    other_total = (p + r + t) * (p + r + t) + (q + s + u) * (q + s + u)
    of_phase = percent * (math.sqrt(max(largest, other)) + reach)
    of_neutral = percent * (math.sqrt(max(total, other_total)) + neutral_reach)
    beats = of_phase * of_phase > loading * (1.0 + SAME) + LEAST
    return 1.0 if beats or of_neutral * of_neutral > neutral * (1.0 + SAME) + LEAST else 0.0


@kernel
def _tell(maps: Floats, item: int, row: int, work: Floats, k: int, told: Floats, slot: int) -> None:
    """What a place has in a book, into its line."""
    size = work.shape[2] // 3
    for f in range(3):
        re, im = 0.0, 0.0
        for g in range(3):
            v, j = MAP_V + 6 * f + 2 * g, MAP_J + 6 * f + 2 * g
            at = g * size + k
            a, b, c, d = work[0, row, at], work[1, row, at], work[2, row, at], work[3, row, at]
            re += maps[item, v] * a - maps[item, v + 1] * b + maps[item, j] * c - maps[item, j + 1] * d
            im += maps[item, v] * b + maps[item, v + 1] * a + maps[item, j] * d + maps[item, j + 1] * c
        told[slot, 2 * f], told[slot, 2 * f + 1] = re, im


@kernel
def _note_voltage(bits: int, place: int, told: Floats, slot: int, best: Floats, k: int) -> None:
    """As `phase_summary._note_voltages`, of one book."""
    for f in range(3):
        if bits >> f & 1:
            square = told[slot, 2 * f] * told[slot, 2 * f] + told[slot, 2 * f + 1] * told[slot, 2 * f + 1]
            at = 3.0 * float(place) + float(f)
            if square < best[LOWEST, k]:
                best[LOWEST, k], best[LOWEST_AT, k] = square, at
            if square > best[HIGHEST, k]:
                best[HIGHEST, k], best[HIGHEST_AT, k] = square, at
    if bits == ALL_PHASES:
        a, b, c, d = _sequences(told[slot, 0], told[slot, 1], told[slot, 2], told[slot, 3], told[slot, 4], told[slot, 5])
        share = (c * c + d * d) / (a * a + b * b)
        if share > best[UNBALANCE, k]:
            best[UNBALANCE, k], best[UNBALANCE_AT, k] = share, float(place)


@kernel
def _note_current(percent: float, told: Floats, slot: int, best: Floats, k: int) -> None:
    """As `phase_summary._note_currents`, of one book."""
    re, im, most = 0.0, 0.0, percent * percent
    for f in range(3):
        a, b = told[slot, 2 * f], told[slot, 2 * f + 1]
        re, im = re + a, im + b
        if most * (a * a + b * b) > best[LOADING, k]:
            best[LOADING, k] = most * (a * a + b * b)
    if most * (re * re + im * im) > best[NEUTRAL, k]:
        best[NEUTRAL, k] = most * (re * re + im * im)
