"""Large books with some of their rows: those that an answer breaks are taken in until it breaks none.

On a long feeder most voltages may be broken, but few limits stop anyone in the end. An optimum over some of the rows that
breaks none of the others is the optimum over all, for each criterion in rank, with multipliers of zero for the others.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LPs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

AT_A_TIME = 6
"""Rows that are taken in at a time, those that are broken most."""
ROW_BROKEN = 1e-10
"""From where on a row counts as broken, in a book's own units: a tenth of what its proof allows."""


@kernel
def take_in_rows(lps: LPs, books: Ints, x: Floats, chosen: Bools, added: Ints) -> None:
    """Choose the rows that the answers of some books break most.

    Parameters
    ----------
    lps : LPs
        Each book in units of its own.
    books : (n,) int64
        Which of them.
    x : (n_columns,) float64
    chosen : (n_rows,) bool
        In and out.
    added : (n,) int64
        Output: how many rows were chosen of each book; 0: its answer breaks none.
    """
    column_offset, row_offset, entry_offset, start, entry_row, entry_value, _, _, room_below, room_above = lps
    longest = 0
    for b in books:
        longest = max(longest, row_offset[b + 1] - row_offset[b])
    value = np.empty(longest)
    for place in range(len(books)):
        b = books[place]
        r0, e0, m = row_offset[b], entry_offset[b], row_offset[b + 1] - row_offset[b]
        value[:m] = 0.0
        for j in range(column_offset[b], column_offset[b + 1]):
            for e in range(e0 + start[j + b], e0 + start[j + b + 1]):
                value[entry_row[e]] += entry_value[e] * x[j]
        for r in range(m):
            value[r] = max(value[r] - room_above[r0 + r], room_below[r0 + r] - value[r])
        added[place] = 0
        while added[place] < AT_A_TIME:  # ends: it breaks, or `added` rises
            worst, most = -1, ROW_BROKEN
            for r in range(m):
                if value[r] > most and not chosen[r0 + r]:
                    worst, most = r, value[r]
            if worst == -1:
                break
            chosen[r0 + worst] = True
            added[place] += 1


@kernel
def keep_chosen(lps: LPs, books: Ints, chosen: Bools, few: LPs, row: Ints) -> None:
    """The LPs of some books with the chosen rows alone.

    Parameters
    ----------
    lps, books, chosen : as for `take_in_rows`
    few : LPs
        Output, but for the offsets; a book has room for entries of every column in every row.
    row : (n_chosen,) int64
        Output: place of each row among those of `lps`.
    """
    column_offset, row_offset, entry_offset, start, entry_row, entry_value, most, cost, room_below, room_above = lps
    place_of = np.empty(len(chosen), np.int32)
    for place in range(len(books)):
        b, i = books[place], few.row_offset[place]
        for r in range(row_offset[b], row_offset[b + 1]):
            if chosen[r]:
                place_of[r] = i - few.row_offset[place]
                row[i], few.room_below[i], few.room_above[i] = r, room_below[r], room_above[r]
                i += 1
        first = end = few.entry_offset[place]
        begin = few.column_offset[place]
        few.start[begin + place] = 0
        for j in range(column_offset[b], column_offset[b + 1]):
            k = begin + j - column_offset[b]
            few.most[k] = most[j]
            for c in range(3):
                few.cost[c, k] = cost[c, j]
            for e in range(entry_offset[b] + start[j + b], entry_offset[b] + start[j + b + 1]):
                r = row_offset[b] + entry_row[e]
                if chosen[r]:
                    few.entry_row[end], few.entry_value[end] = place_of[r], entry_value[e]
                    end += 1
            few.start[k + place + 1] = end - first
