"""Columns of a book that its limits and its criteria cannot tell apart: one column of the summed size."""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LPs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.int32]


@kernel
def merge_books(lps: LPs, whole: Ints) -> None:
    """Make columns with the same entries and the same cost[0] and cost[1] one, and leave out columns without entries.

    Nothing is lost: least Σ (q - y)²/q gives such columns the same share of q, whatever their sum; and a column that no limit
    feels is executed in full, since no criterion loses by that. Only what is equal to the bit is merged. Columns that differ by
    rounding stay side by side, and get the same share up to rounding, for the answer is continuous.

    Parameters
    ----------
    lps : LPs
        In and out: columns and entries move to the front of their arrays, and the offsets say where they end. `cost[2]` of a
        merged column is that of its first one.
    whole : (n_columns,) int64
        Output: the merged column that each one is part of; -1 for none.
    """
    column_offset, _, entry_offset, start, entry_row, entry_value, most, cost, _, _ = lps
    longest, size = 0, 4
    for b in range(len(column_offset) - 1):
        longest = max(longest, column_offset[b + 1] - column_offset[b])
    while size < 2 * longest:  # ends: size doubles
        size *= 2
    slot = np.empty(size, np.int64)
    column, entry, j1, e1 = 0, 0, 0, 0
    for b in range(len(column_offset) - 1):
        # what is written lies before what has been read
        j0, j1, e0, e1 = j1, column_offset[b + 1], e1, entry_offset[b + 1]
        column_offset[b], entry_offset[b] = column, entry
        begin, start[column + b] = 0, 0
        slot[:] = -1
        for j in range(j0, j1):
            end, kw, whole[j] = start[j + b + 1], most[j], -1
            if begin < end:
                at = _first_slot(entry_row, entry_value, e0 + begin, e0 + end, cost[0, j] + 2.0 * cost[1, j], size)
                while slot[at] != -1 and not _are_alike(lps, b, slot[at], j, e0 + begin, e0 + end):  # ends: half are empty
                    at = (at + 1) % size
                if slot[at] == -1:
                    slot[at], most[column] = column, 0.0
                    cost[0, column], cost[1, column], cost[2, column] = cost[0, j], cost[1, j], cost[2, j]
                    for e in range(e0 + begin, e0 + end):
                        entry_row[entry], entry_value[entry] = entry_row[e], entry_value[e]
                        entry += 1
                    column += 1
                    start[column + b] = entry - entry_offset[b]
                whole[j] = slot[at]
                most[slot[at]] += kw
            begin = end
    column_offset[-1], entry_offset[-1] = column, entry


@kernel
def _first_slot(entry_row: Places, entry_value: Floats, begin: int, end: int, key: float, size: int) -> int:
    """Where to look for a column at first: a place that follows from what is compared, and scatters."""
    for e in range(begin, end):
        row = float(entry_row[e])
        key += entry_value[e] * (1.0 + row * (0.5698402909980532 + row * 0.7548776662466927))
    return int((2.0 * abs(math.frexp(key)[0]) - 1.0) * size) if key != 0.0 and abs(key) < np.inf else 0


@kernel
def _are_alike(lps: LPs, b: int, c: int, j: int, begin: int, end: int) -> bool:
    """Whether the merged column c of book b has the entries from `begin` to `end` and the criteria of column j."""
    start, entry_row, entry_value, cost = lps.start, lps.entry_row, lps.entry_value, lps.cost
    shift = lps.entry_offset[b] + start[c + b]
    if start[c + b + 1] - start[c + b] != end - begin or cost[0, c] != cost[0, j] or cost[1, c] != cost[1, j]:
        return False
    for e in range(end - begin):
        if entry_row[shift + e] != entry_row[begin + e] or entry_value[shift + e] != entry_value[begin + e]:
            return False
    return True
