"""Chains of branches between the buses that are kept, and dead ends behind them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

SAME, STRAIGHT = 1e-12, 1e-11
"""Differences, relative to a limit (absolute below 1), of flows that count as one, and of flows that count as on one line."""


class Chains(NamedTuple):
    """A graph cut at the buses that are kept.

    Attributes
    ----------
    kept : (n_bus,) bool
        Those that were asked for, and forks of what lies between them.
    first : (n_chains + 1,) int64
        ``member[first[k]:first[k + 1]]`` are the branches of chain k, one after the other.
    member : (n_members,) int64
        Branches; those of no chain are in dead ends.
    along : (n_members,) float64
        +1 where a branch is directed as its chain, -1 against it.
    end : (n_members,) int64
        The bus behind each branch as the chain goes; the last one of a chain is its end.
    start : (n_chains,) int64
        The bus that each chain begins at; on a radial network the one nearer to the external grid.
    """

    kept: Bools
    first: Ints
    member: Ints
    along: Floats
    end: Ints
    start: Ints

    def of(self, chain: int) -> slice:
        """Where the members of a chain stand."""
        return slice(int(self.first[chain]), int(self.first[chain + 1]))

    def __len__(self) -> int:
        """How many chains there are."""
        return len(self.start)


def find_chains(from_bus: Ints, to_bus: Ints, wanted: Bools, root: Ints) -> Chains:
    """Cut a graph at the buses that are wanted and at the forks between them; what leads to none of them is a dead end.

    Parameters
    ----------
    from_bus, to_bus : (n_branch,) int64
    wanted : (n_bus,) bool
    root : (n_root,) int64
        Wanted buses, one in each part of the graph, from which chains are followed.
    """
    neighbours: list[list[tuple[int, int, float]]] = [[] for _ in wanted]
    for branch, (f, t) in enumerate(zip(from_bus.tolist(), to_bus.tolist(), strict=True)):
        neighbours[f].append((t, branch, 1.0))
        neighbours[t].append((f, branch, -1.0))
    kept, degree, gone = wanted.tolist(), [len(of) for of in neighbours], [False] * len(from_bus)
    loose = [bus for bus, many in enumerate(degree) if many == 1 and not kept[bus]]
    for bus in loose:
        for other, branch, _ in neighbours[bus]:
            if not gone[branch]:
                gone[branch] = True
                degree[bus] -= 1
                degree[other] -= 1
                if degree[other] == 1 and not kept[other]:
                    loose.append(other)
    kept = [wanted or many > 2 for wanted, many in zip(kept, degree, strict=True)]
    first, member, along, end, start = [0], list[int](), list[float](), list[int](), list[int]()
    done, left = list(gone), root.tolist()
    seen = set(left)
    for node in left:
        for other, branch, sign in neighbours[node]:
            if done[branch]:
                continue
            start.append(node)
            bus, at, way = other, branch, sign
            while True:  # ends: no branch is followed twice
                done[at] = True
                member.append(at)
                along.append(way)
                end.append(bus)
                if kept[bus]:
                    break
                bus, at, way = next(step for step in neighbours[bus] if not done[step[1]])
            first.append(len(member))
            if bus not in seen:
                seen.add(bus)
                left.append(bus)
    arrays = (np.array(of, np.int64) for of in (first, member, end, start))
    of_first, of_member, of_end, of_start = arrays
    return Chains(np.array(kept, bool), of_first, of_member, np.array(along), of_end, of_start)


def telling_members(constant: Floats, limit: Floats) -> Ints:
    """Members of a chain whose limits imply those of all: no flow passes another's limit, or loads it more, without theirs.

    The flow in member m is S + c_m with one S for all. |S + c| ≤ L holds for m if it holds for two others between whose c lies
    c_m, and L_m is no less than what lies between their L. Limits of zero tell no loading.

    Parameters
    ----------
    constant : (n, k) float64
        Flows without injections, in the direction of the chain.
    limit : (n,) float64
        Infinite for none.
    """
    limited = np.flatnonzero(np.isfinite(limit) & (limit > 0.0))
    if not len(limited):
        return np.flatnonzero(limit == 0.0)
    c, most = constant[limited], limit[limited]
    scale = max(1.0, float(most.min()))
    across = np.round((c - c[0]) / (SAME * scale)) * (SAME * scale)  # rounding is not to choose among members that are alike
    far = across[np.argmax((across**2).sum(axis=1))]
    if not far.any():
        tells = len(most) - 1 - np.argmin(most[::-1], keepdims=True)  # of alike ones the last, as filling takes them
    else:
        order = np.lexsort((most, across @ far))
        tells = order[_corners(c[order], most[order], STRAIGHT * scale)]
    return np.sort(np.concatenate([np.flatnonzero(limit == 0.0), limited[tells]]))


def _corners(constant: Floats, limit: Floats, tolerance: float) -> list[int]:
    """Members, in the order of their constants, so that all others lie between two: on their line, with no smaller limit."""
    corners, left = {0, len(limit) - 1}, [(0, len(limit) - 1)]
    for begin, end in left:  # ends: every run is shorter than the one before
        if end - begin < 2:
            continue
        across, inner = constant[end] - constant[begin], constant[begin + 1 : end] - constant[begin]
        length = float((across**2).sum())
        t = np.clip(inner @ across / length, 0.0, 1.0) if length > 0.0 else np.zeros(len(inner))
        off = np.abs(inner - t[:, None] * across).max(axis=1)
        line = (1.0 - t) * limit[begin] + t * limit[end]
        worst = np.maximum(off, line - limit[begin + 1 : end])
        if worst.max() > tolerance:
            middle = begin + 1 + int(np.argmax(worst))
            corners.add(middle)
            left += [(begin, middle), (middle, end)]
    return sorted(corners)
