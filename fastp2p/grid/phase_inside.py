"""Where extremes may lie inside of a contracted three-phase tree: groups of places with bounds (`PhaseGroups`)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.phase_blocks import OF_SEQUENCES, ONE
from fastp2p.grid.phase_chains import NOTHING, Blocks, Contraction
from fastp2p.kernels.grid.phase_structs import PhaseGroups, PhasePlaces
from fastp2p.kernels.grid.structs import ALL_PHASES

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]

STRAIGHT = 1e-14
"""Deviations from a line that are less, relative to its ends, are rounding."""
STEEPEST = 8.0
"""How much steeper than a parabola as high as the largest deviation a bow may begin."""
DEEPEST = 24
"""Levels of a tree below which nodes are split in the middle."""
OF_NEGATIVE = np.conj(OF_SEQUENCES[:, 2]) / 3.0
"""The negative sequence of the voltages of the phases."""
OF_SUM = np.ones(3)
ALL_COUNT = 8
"""Of a node's bits: some place has all phases, and so an unbalance."""


class _Group(NamedTuple):
    """Places of a group in their order from X to Y: see `PhaseGroups`.

    Of `map` and `reference` the columns from `along` to `along + 3` say how far along a place is: those of V or those of J.
    `ends_percent` is that of X and Y, which the summary of the few has told: of voltages one, or zero if they do not count.
    """

    row: int
    along: int
    place: Ints
    counts: Ints
    percent: Floats
    map: Complexes
    reference: Complexes
    ends_percent: Floats


def inner_places(places: Contraction) -> PhasePlaces:
    """Those that are not kept, and their voltages."""
    inside = np.flatnonzero(~places.kept)
    return PhasePlaces(
        np.flatnonzero(places.kept), inside, _rows_of(places)[places.end[inside]], map_rows(places.voltage[inside])
    )


def voltage_groups(places: Contraction, counts: Ints) -> PhaseGroups:
    """Of voltages inside that count.

    Parameters
    ----------
    places : Contraction
    counts : (n_bus,) int64
        Bits of the phases of each place whose voltages count.
    """
    groups, row = [], _rows_of(places)
    same = np.concatenate([ONE, NOTHING], axis=1)
    away = places.voltage - same
    ties = ~away.any(axis=(1, 2)) & (counts & ~counts[places.end] == 0)  # its end has the same voltages
    inside = ~places.kept & (counts != 0) & ~ties
    for end, members in _by_end(places, inside):
        drop = np.concatenate([NOTHING, places.blocks.series[end]], axis=1) if places.top[end] != end else np.zeros((3, 6))
        along = 3 if drop.any() else 0
        bits = int(np.bitwise_or.reduce(counts[members]))
        is_told = np.array([bits & ~counts[at] == 0 for at in (end, places.above[end] if along else end)], np.float64)
        group = _Group(
            row[end], along, members, counts[members], np.ones(len(members)), places.voltage[members],
            np.array([same, same + drop]), is_told,
        )  # fmt: skip
        groups.append(_ordered(group))
    return _assemble(groups, True)


def current_groups(parent: Ints, blocks: Blocks, places: Contraction, percent: Floats) -> PhaseGroups:
    """Of currents at the ends of limited branches: in chains with shunts, and of what dead ends draw.

    Parameters
    ----------
    parent : (n_bus,) int64
    blocks : Blocks
    places : Contraction
    percent : (n_bus, 2) float64
        Loading per p.u. of current of the branch to the parent, at the parent's end and the child's.
    """
    groups, row, end = [], _rows_of(places), places.end
    beyond = np.concatenate([np.broadcast_to(ONE, places.blocks.series.shape), places.blocks.series], axis=2)[end]
    above = np.where((end[parent] == end)[:, None, None], places.voltage[parent], beyond)
    near, far = places.current + blocks.near @ above, places.current - blocks.far @ places.voltage
    both = np.stack([near, far], axis=1)
    on_way = places.inner | (places.kept & (places.top != np.arange(len(parent))))
    for at, members in _by_end(places, on_way):
        if (both[members] == np.concatenate([NOTHING, ONE], axis=1)).all():
            continue
        told = {(int(places.top[at]), 0), (at, 1)}  # by the summary of the few
        which = [(int(m), e) for m in members for e in (0, 1) if percent[m, e] > 0.0 and (int(m), e) not in told]
        top = places.top[at]
        ends = np.array([far[at], near[top]]), np.array([percent[at, 1], percent[top, 0]])
        groups += _current_group(row[at], which, both, percent, ends)
    nothing = np.zeros((2, 3, 6), np.complex128), np.full(2, np.inf)
    for at, members in _by_end(places, ~places.kept & ~places.inner):
        which = [(int(m), e) for m in members for e in (0, 1) if percent[m, e] > 0.0 and both[m, e].any()]
        groups += _current_group(row[at], which, both, percent, nothing)
    return _assemble(groups, False)


def _current_group(
    row: int, which: list[tuple[int, int]], both: Complexes, percent: Floats, ends: tuple[Complexes, Floats]
) -> list[_Group]:
    """That of some ends of branches, (place, 0 or 1 for the parent's or the child's); none where there are none."""
    if not which:
        return []
    at, side = np.array(which).T
    return [_ordered(_Group(row, 0, at, np.ones_like(at), percent[at, side], both[at, side], *ends))]


def _ordered(group: _Group) -> _Group:
    """With places in their order between X and Y, or else the largest first."""
    size = np.abs(group.map - group.reference[0]).sum(axis=(1, 2)) * group.percent
    order = np.lexsort((-size, _shares(group.map, group.reference[0], group.reference[1], group.along)))
    return group._replace(**{name: getattr(group, name)[order] for name in ("place", "counts", "percent", "map")})


def _rows_of(places: Contraction) -> Ints:
    """(n_bus,) row of a kept place in the few."""
    return np.cumsum(places.kept) - 1


def _by_end(places: Contraction, which: NDArray[np.bool_]) -> list[tuple[int, Ints]]:
    """Places of some kind, by their end."""
    members = np.flatnonzero(which)
    members = members[np.argsort(places.end[members], kind="stable")]
    ends, first = np.unique(places.end[members], return_index=True)
    return list(zip(ends.tolist(), np.split(members, first[1:]), strict=True)) if len(ends) else []


def _shares(of: Complexes, start: Complexes, stop: Complexes, along: int) -> Floats:
    """(n,) how far each is on the way from one to another, at best: between 0 and 1."""
    columns = slice(along, along + 3)
    way = (stop - start)[:, columns]
    size = float((np.abs(way) ** 2).sum())
    if size == 0.0:
        return np.zeros(len(of))
    shares: Floats = np.clip((np.conj(way) * (of - start)[:, :, columns]).real.sum(axis=(1, 2)) / size, 0.0, 1.0)
    return shares


def _assemble(groups: list[_Group], is_voltage: bool) -> PhaseGroups:
    """Groups one after the other, with their trees."""
    first = np.append(0, np.cumsum([len(g.place) for g in groups])).astype(np.int64)  # a node has one knot, and a place is one
    place, counts, percent = (
        np.concatenate([getattr(g, name) for g in groups] or [np.empty(0)]) for name in ("place", "counts", "percent")
    )
    maps, references = (
        np.concatenate([getattr(g, name) for g in groups] or [np.empty((0, 3, 6))]) for name in ("map", "reference")
    )
    (after, low, high, knot, bits), bound = _grow(groups, first, is_voltage)
    return PhaseGroups(
        np.array([g.row for g in groups], np.int64), first, first, after, low, high, knot, bits, bound, place.astype(np.int64),
        counts.astype(np.int64), percent, map_rows(maps), map_rows(references),
    )  # fmt: skip


def _grow(groups: list[_Group], first: Ints, is_voltage: bool) -> tuple[Ints, Floats]:
    """Nodes of all groups' trees, level by level: (5, n) after, low, high, knot, bits, and (n, 11) bounds of `PhaseGroups`.

    A node is split where it is farthest from the line between its ends, as Douglas and Peucker do; in the middle where it
    lies on it, or far down; where branches with the smallest limit begin or end if they do.
    """
    nodes, bound = np.zeros((5, first[-1]), np.int64), np.zeros((first[-1], 11))
    if not groups:
        return nodes, bound
    every = np.concatenate([part for g in groups for part in (g.reference[:1], g.map, g.reference[1:])])
    track = np.concatenate(
        [part[:, :, g.along : g.along + 3] for g in groups for part in (g.reference[:1], g.map, g.reference[1:])]
    )
    percent = np.concatenate([part for g in groups for part in (g.ends_percent[:1], g.percent, g.ends_percent[1:])])
    counts = np.concatenate([np.concatenate([[0], g.counts, [0]]) for g in groups])
    bits = counts | np.where(counts == ALL_PHASES, ALL_COUNT, 0)
    slot = np.concatenate([np.array([0, *range(2, len(g.place) + 2), 1]) for g in groups])
    low = first[:-1] + 2 * np.arange(len(groups))
    high, node = low + np.diff(first) + 1, first[:-1]
    level = 0
    while len(low):  # ends: a node has at least one place less than the one above
        n = high - low - 1
        begin, of = np.append(0, np.cumsum(n)[:-1]), np.repeat(np.arange(len(n)), n)
        at = np.arange(len(of)) + (low + 1 - begin)[of]
        share, found = _deviations(every, track, at, low[of], high[of], is_voltage)
        most = np.maximum.reduceat(percent[at], begin)
        found *= percent[at] / most[of]
        size = np.maximum(*np.abs(every[[low, high]]).max(axis=2).reshape(2, -1, 2, 3).max(axis=3)).T
        bound[node], farthest = _bounds(share, found, begin, of, most, size)
        is_tightest = percent[at] == most[of]
        middle = (low + high) // 2
        knot = np.where(farthest == -1, middle, low + 1 + farthest)
        knot = np.where(most > percent[high], np.maximum.reduceat(np.where(is_tightest, at, -1), begin), knot)
        knot = np.where(most > percent[low], np.minimum.reduceat(np.where(is_tightest, at, len(every)), begin), knot)
        knot = middle if level > DEEPEST else knot
        nodes[:, node] = node + n, slot[low], slot[high], slot[knot], np.bitwise_or.reduceat(bits[at], begin)
        has_left, has_right = knot - low > 1, high - knot > 1
        low, high, node = (
            np.concatenate([one[has_left], other[has_right]])
            for one, other in ((low, knot), (knot, high), (node + 1, node + knot - low))
        )
        level += 1
    return nodes, bound


def _deviations(every: Complexes, track: Complexes, at: Ints, low: Ints, high: Ints, is_voltage: bool) -> tuple[Floats, Floats]:
    """(n,) how far on the way each is; (6, n) how far from the line: d and e, and those of a sequence by others and itself."""
    way = track[high] - track[low]
    size = (np.abs(way) ** 2).sum(axis=(1, 2))
    along = (np.conj(way) * (track[at] - track[low])).real.sum(axis=(1, 2))
    share = np.clip(along / np.where(size == 0.0, 1.0, size), 0.0, 1.0)
    away = every[at] - (1.0 - share)[:, None, None] * every[low] - share[:, None, None] * every[high]
    by_v, by_j = away[:, :, :3], away[:, :, 3:]
    parts = [np.abs(by_v).sum(axis=2).max(axis=1), np.abs(by_j).sum(axis=2).max(axis=1)]
    one, own = (OF_NEGATIVE, 2) if is_voltage else (OF_SUM, 0)
    sequences = [np.abs((one @ part) @ OF_SEQUENCES) for part in (by_v, by_j)]
    return share, np.array([*parts, *(of.sum(axis=1) - of[:, own] for of in sequences), *(of[:, own] for of in sequences)])


def _bounds(share: Floats, found: Floats, begin: Ints, of: Ints, percent: Floats, size: Floats) -> tuple[Floats, Ints]:
    """Rows of `PhaseGroups.bound` of nodes, and which of its places is farthest from the line; -1 where all lie on it.

    Places `begin` and on belong to a node; `of` is the node of each, `size` (2, n_nodes) what deviations are rounding of.
    """
    width, most = share * (1.0 - share), np.maximum.reduceat(found, begin, axis=1)
    is_bow = (width > 0.0) & (found <= STEEPEST * most[:, of] * width)
    off = np.maximum.reduceat(np.where(is_bow, 0.0, found), begin, axis=1)
    bow = np.maximum.reduceat(np.where(is_bow, found, 0.0) / np.where(is_bow, width, 1.0), begin, axis=1)
    score = (found[:2] / np.maximum(most[:2], 1e-300)[:, of]).sum(axis=0)
    is_farthest = score == np.maximum.reduceat(score, begin)[of]
    place = np.arange(len(of)) - begin[of]
    farthest = np.minimum.reduceat(np.where(is_farthest, place, len(of)), begin)
    is_straight = (most[:2] <= STRAIGHT * size).all(axis=0)
    rows = np.concatenate([off[:2], bow[:2], most[2:4], off[4:], bow[4:], percent[None]])
    return rows.T, np.where(is_straight, -1, farthest)


def map_rows(maps: Complexes) -> Floats:
    """(n, 36) of (n, 3, 6): the matrices of V and J one after the other, real and imaginary parts of their rows."""
    both = np.concatenate([maps[:, :, :3].reshape(-1, 9), maps[:, :, 3:].reshape(-1, 9)], axis=1)
    return np.ascontiguousarray(both, np.complex128).view(np.float64)
