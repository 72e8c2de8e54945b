"""Limits that are nested, where clearing needs no LP: what leaves one subtree of a radial network after the other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.nested import Nest
from fastp2p.kernels.structs import Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def nest_of(rows: Rows, bus: Ints, percent: Floats) -> Nest | None:
    """The limits as nested ones of injections at the buses of columns; None where they are not.

    Rows of a tree are nested, and dense rows are where they count what a subtree injects. Rows of reactive power are not, nor
    are those of a meshed network.

    Parameters
    ----------
    rows : Rows
    bus : (n_columns,) int64
    percent : (n_rows,) float64
        Loading per unit of each row's value.
    """
    if len(rows.face) > 1 or rows.plus_kvar.any():
        return None
    first, last = _depth_first(rows.parent, rows.depth)
    n_tree = len(rows.lower) - rows.dense_plus.shape[1]
    top, sign = np.full(len(rows.lower), -1), np.zeros(len(rows.lower))
    child = np.flatnonzero(rows.parent >= 0)
    top[rows.parent_row[child]], sign[rows.parent_row[child]] = child, rows.parent_sign[child]
    for r, entries in enumerate(rows.dense_plus.T):
        behind = np.flatnonzero(entries)
        if not len(behind):
            continue
        root = int(behind[np.argmin(rows.depth[behind])])
        is_below = (first >= first[root]) & (first < last[root])
        if abs(entries[root]) != 1.0 or not np.array_equal(entries, np.where(is_below, entries[root], 0.0)):
            return None
        top[n_tree + r], sign[n_tree + r] = root, entries[root]
    place = np.empty(len(bus), np.int64)
    place[np.argsort(first[bus])] = np.arange(len(bus))
    in_order = np.sort(first[bus])
    bound = np.where(sign > 0.0, rows.upper, rows.lower)
    row = np.flatnonzero(top >= 0)
    row = row[np.lexsort((-first[top[row]], last[top[row]]))]  # what is below a bus, then the bus
    begin, end = (np.searchsorted(in_order, edge[top[row]]) for edge in (first, last))
    return Nest(place, row, begin, end, sign[row], bound[row], percent[row])


def _depth_first(parent: Ints, depth: Ints) -> tuple[Ints, Ints]:
    """Of every bus, its number when every subtree is numbered in one run, and the number after the last one below it."""
    size = np.ones(len(parent), np.int64)
    downwards = np.argsort(depth, kind="stable")
    for bus in downwards[::-1].tolist():
        if parent[bus] >= 0:
            size[parent[bus]] += size[bus]
    first, free = np.empty(len(parent), np.int64), np.empty(len(parent), np.int64)
    roots = 0
    for bus in downwards.tolist():
        if parent[bus] < 0:
            first[bus] = roots
            roots += size[bus]
        else:
            first[bus] = free[parent[bus]]
            free[parent[bus]] += size[bus]
        free[bus] = first[bus] + 1
    return first, first + size
