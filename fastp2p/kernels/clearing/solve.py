"""The LPs of congested books: the rows that they can break, and a form that suits a solver.

Rows come in two kinds that may stand side by side: *tree rows* (the branches of a radial network, whose entries are ±1 along a
path and are never stored) and *dense rows* (any other, given as a matrix). A book may have rows of its own after them, each on
the line between two dense rows. Nothing here knows what a row means.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import Columns, LPs, OwnRows, Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.int32]

ENTRY_ZERO = 1e-11
"""Dense sensitivities (of order 1) up to this size are rounding errors."""


@kernel
def assemble_books(
    books: Ints, columns: Columns, first_book: int, floor_value: Floats, rows: Rows, own: OwnRows, tolerance: float, lps: LPs,
    row: Ints,
) -> None:  # fmt: skip
    """Constraint matrices of some books, by column, with only the rows that some 0 ≤ y ≤ most can break.

    Parameters
    ----------
    books : (n,) int64
        Which books of the batch: those of `columns` from `first_book` on.
    columns : Columns
        Of these books and of others; where they inject and draw are terminals.
    first_book : int
    floor_value : (n_books, n_rows) float64
        Row values at y = 0; where they break a limit they take its place.
    rows : Rows
        With the bounds of the books' own rows.
    own : OwnRows
    tolerance : float
        How far a row may pass its limit, relative to the limit (absolute below 1).
    lps : LPs
        In: `column_offset`, `most` and `cost` of these books. Output: the rest, with how far the values of the kept rows may
        fall and rise from y = 0. There must be room for all rows, and for every entry if no row were dropped: for each column
        the tree rows on its path and all dense rows.
    row : (room,) int64
        Output: kept rows of every book (their number).
    """
    column_offset, row_offset, entry_offset, start, entry_row, entry_value, most, _, room_below, room_above = lps
    lower, upper, face, shift = rows.lower, rows.upper, rows.face, columns.offset[first_book]
    dense_plus, dense_minus = rows.dense_plus, rows.dense_minus
    n_rows, n_fixed = floor_value.shape[1], dense_plus.shape[1]
    n_dense = n_fixed + own.share.shape[1]
    n_tree_rows = n_rows - n_dense
    rise, fall, place = np.empty(n_rows), np.empty(n_rows), np.empty(n_rows, np.int32)
    between, share = rows.between, rows.share
    path_row, path_value = np.empty(longest_path(rows), np.int32), np.empty(longest_path(rows))
    dense, nothing = np.empty(n_dense), np.zeros(n_fixed)
    row_offset[0] = entry_offset[0] = 0
    for n in range(len(books)):
        rise[:] = 0.0
        fall[:] = 0.0
        j0, j1 = column_offset[n], column_offset[n + 1]
        for j in range(j0, j1):
            up, down, kw = columns.plus[shift + j], columns.minus[shift + j], most[j]
            for e in range(_tree_entries(up, down, rows, n_tree_rows // len(face), path_row, path_value)):
                rise[path_row[e]] += max(path_value[e] * kw, 0.0)
                fall[path_row[e]] += min(path_value[e] * kw, 0.0)
            _dense_entries(dense_plus[up], dense_minus[down] if down != -1 else nothing, dense)
            if n_dense > n_fixed:
                _own_entries(own.between[books[n]], own.share[books[n]], n_fixed, dense)
            for d in range(n_dense):
                rise[n_tree_rows + d] += max(dense[d] * kw, 0.0)
            for d in range(n_dense):
                fall[n_tree_rows + d] += min(dense[d] * kw, 0.0)
        kept = row_offset[n]
        for r in range(n_rows):
            place[r] = -1
            if rise[r] == 0.0 and fall[r] == 0.0:
                continue
            above, below = max(upper[r] - floor_value[books[n], r], 0.0), min(lower[r] - floor_value[books[n], r], 0.0)
            too_high = rise[r] > above + tolerance * max(1.0, abs(upper[r]))
            too_low = fall[r] < below - tolerance * max(1.0, abs(lower[r]))
            d = r - n_tree_rows
            if 0 <= d < n_fixed and between[0, d] != -1 and (too_high or too_low):
                one, other = (
                    floor_value[books[n], n_tree_rows + between[0, d]],
                    floor_value[books[n], n_tree_rows + between[1, d]],
                )
                off = floor_value[books[n], r] - (1.0 - share[d]) * one - share[d] * other
                # where all three begin within its limits, and on the line, it is beyond none before one of the two is
                if abs(off) <= tolerance and lower[r] <= min(one, other) and max(one, other) <= upper[r]:
                    continue
            if too_high or too_low:
                place[r] = kept - row_offset[n]
                # a side that cannot be broken has no price, even where the base is there already
                row[kept], room_below[kept], room_above[kept] = r, below if too_low else -np.inf, above if too_high else np.inf
                kept += 1
        row_offset[n + 1] = kept
        first_dense = row_offset[n] + np.searchsorted(row[row_offset[n] : kept], n_tree_rows)
        first = end = entry_offset[n]
        start[j0 + n] = 0
        for j in range(j0, j1):
            up, down = columns.plus[shift + j], columns.minus[shift + j]
            has_tree_rows = first_dense > row_offset[n]
            n_path = _tree_entries(up, down, rows, n_tree_rows // len(face), path_row, path_value) if has_tree_rows else 0
            for e in range(n_path):
                if place[path_row[e]] != -1:
                    entry_row[end], entry_value[end] = place[path_row[e]], path_value[e]
                    end += 1
            _dense_entries(dense_plus[up], dense_minus[down] if down != -1 else nothing, dense)
            if n_dense > n_fixed:
                _own_entries(own.between[books[n]], own.share[books[n]], n_fixed, dense)
            for r in range(first_dense, kept):
                value = dense[row[r] - n_tree_rows]
                if value != 0.0:
                    entry_row[end], entry_value[end] = r - row_offset[n], value
                    end += 1
            start[j + n + 1] = end - first
        entry_offset[n + 1] = end


@kernel
def longest_path(rows: Rows) -> int:
    """The most tree entries that a column can have."""
    deepest = 0
    for depth in rows.depth:
        deepest = max(deepest, depth)
    return int(2 * rows.node.shape[1] * len(rows.face) * deepest)


@kernel
def _dense_entries(plus: Floats, minus: Floats, entry: Floats) -> None:
    """Of a column in all dense rows; what is but rounding is none."""
    for d in range(len(plus)):
        value = plus[d] - minus[d]
        entry[d] = value if abs(value) > ENTRY_ZERO else 0.0


@kernel
def _own_entries(between: Ints, share: Floats, first: int, entry: Floats) -> None:
    """Of a column in its book's own rows, from `first` on, where those of the dense rows are known."""
    for k in range(len(share)):
        one, other = between[k, 0], between[k, 1]
        value = (1.0 - share[k]) * entry[one] + share[k] * entry[other] if one != -1 else 0.0
        entry[first + k] = value if abs(value) > ENTRY_ZERO else 0.0


@kernel
def _tree_entries(up: int, down: int, rows: Rows, stride: int, entry_row: Places, entry_value: Floats) -> int:
    """+1 kW at terminal `up`, -1 kW at terminal `down` (-1: none), each with its kvar; how many entries."""
    end = 0
    node = rows.node
    up_kw, up_kvar = rows.weight[up], rows.weight[up] * rows.plus_kvar[up]
    down_kw = down_kvar = 0.0
    if down != -1:
        down_kw, down_kvar = rows.weight[down], rows.weight[down] * rows.minus_kvar[down]
    for f in range(node.shape[1]):
        at_down = node[down, f] if down != -1 else -1
        end = _path_entries(node[up, f], at_down, up_kw, up_kvar, down_kw, down_kvar, rows, stride, entry_row, entry_value, end)
    return end


@kernel
def _path_entries(
    up: int, down: int, up_kw: float, up_kvar: float, down_kw: float, down_kvar: float, rows: Rows, stride: int,
    entry_row: Places, entry_value: Floats, end: int,
) -> int:  # fmt: skip
    """Power in at node `up` and out at node `down` (-1: the root): signed steps of both towards the root.

    From their common ancestor on the two are one: the kW cancel, and the kvar, where both are alike.
    """
    parent, parent_row, parent_sign, depth, face = rows.parent, rows.parent_row, rows.parent_sign, rows.depth, rows.face
    while up != down or (up != -1 and (up_kw != down_kw or up_kvar != down_kvar)):  # ends: one goes to its parent, up to a root
        if up == down:
            at, kw, kvar = up, up_kw - down_kw, up_kvar - down_kvar
            up = down = parent[up]
        elif down == -1 or (up != -1 and depth[up] >= depth[down]):
            at, kw, kvar = up, up_kw, up_kvar
            up = parent[up]
        else:
            at, kw, kvar = down, -down_kw, -down_kvar
            down = parent[down]
        if parent[at] != -1:
            for m in range(len(face)):
                entry_row[end] = parent_row[at] + m * stride
                entry_value[end] = parent_sign[at] * (face[m, 0] * kw + face[m, 1] * kvar)
                end += 1
    return end


@kernel
def scale_books(lps: LPs, row_scale: Floats) -> None:
    """State each book in its own units: its largest column and the largest entry of each row lie in [1, 2) afterwards.

    So one set of tolerances suits rows of any kind and books of any size. Factors are powers of two: nothing is rounded.

    Parameters
    ----------
    lps : LPs
        `entry_value`, `most`, `room_below` and `room_above` are scaled in place.
    row_scale : (n_rows,) float64
        Output: what each row has been multiplied by, besides the book's unit.
    """
    column_offset, row_offset, entry_offset, _, entry_row, entry_value, most, _, room_below, room_above = lps
    row_scale[:] = 0.0
    for n in range(len(column_offset) - 1):
        largest = 0.0
        for j in range(column_offset[n], column_offset[n + 1]):
            largest = max(largest, most[j])
        unit = _power_of_two(largest)
        for j in range(column_offset[n], column_offset[n + 1]):
            most[j] *= unit
        r0 = row_offset[n]
        for e in range(entry_offset[n], entry_offset[n + 1]):
            row_scale[r0 + entry_row[e]] = max(row_scale[r0 + entry_row[e]], abs(entry_value[e]))
        for r in range(r0, row_offset[n + 1]):
            row_scale[r] = _power_of_two(row_scale[r])
            room_below[r] *= unit * row_scale[r]
            room_above[r] *= unit * row_scale[r]
        for e in range(entry_offset[n], entry_offset[n + 1]):
            entry_value[e] *= row_scale[r0 + entry_row[e]]


@kernel
def _power_of_two(size: float) -> float:
    """The power of two that brings a size into [1, 2); 1 for nothing. Sizes beyond 2^±300 stop short of it.

    What falls short of 1 by rounding counts as 1.
    """
    size *= 1.0 + 1e-9
    if size == 0.0 or 1.0 <= size < 2.0:
        return 1.0
    return math.ldexp(1.0, max(-300, min(300, 1 - math.frexp(size)[1])))
