"""Clearing before the LP: injections, columns, reduced rows.

A limit is a row lower ≤ value ≤ upper, value = c + R·injection. Rows come in two kinds that may stand side by side: *tree
rows* (the branches of a radial network, whose entries are ±1 along a path and are never stored) and *dense rows* (any other,
given as a matrix). Nothing here knows what a row means.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels._jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def inject_trades(
    base_kw: Floats,
    export_kw: Floats,
    offset: Ints,
    seller: Ints,
    buyer: Ints,
    quantity_kwh: Floats,
    step_hours: float,
    retail: bool,
    floor_kw: Floats,
    full_kw: Floats,
) -> None:
    """Injections with no trade executed (`floor_kw`, p⁰ of the design's section 6) and with all of them (`full_kw`).

    Parameters
    ----------
    base_kw : (n_books, n_bus) float64, kW
        Everything not traded.
    export_kw : (n_books, n_bus) float64, kW
        Curtailable exports.
    offset, seller, buyer, quantity_kwh : trades in CSR form
    step_hours : float
    retail : bool
        Whether the retailer serves the buyers whatever happens.
    floor_kw, full_kw : (n_books, n_bus) float64, kW
        Outputs.
    """
    n_books, n_bus = base_kw.shape
    for k in range(n_books):
        for b in range(n_bus):
            floor_kw[k, b] = base_kw[k, b]
            full_kw[k, b] = base_kw[k, b] + export_kw[k, b]
        for i in range(offset[k], offset[k + 1]):
            kw = quantity_kwh[i] / step_hours
            full_kw[k, seller[i]] += kw
            full_kw[k, buyer[i]] -= kw
            if retail:
                floor_kw[k, buyer[i]] -= kw


@kernel
def collect_columns(
    books: Ints,
    offset: Ints,
    ranked: Ints,
    same_as_before: NDArray[np.bool_],
    seller: Ints,
    buyer: Ints,
    quantity_kw: Floats,
    weight: Floats,
    export_kw: Floats,
    retail: bool,
    column_offset: Ints,
    plus: Ints,
    minus: Ints,
    most_kw: Floats,
    cost: Floats,
    column_of: Ints,
    n_trade_columns: Ints,
) -> None:
    """LP columns of some books: trades in rank (equal ones together), then exports in bus order.

    Parameters
    ----------
    books : (n,) int64
    offset : (n_books + 1,) int64
    ranked : (n_trades,) int64
        Trades of each book in priority order, at the book's own places.
    same_as_before : (n_trades,) bool
        Whether ``ranked[i]`` has the buses and prices of ``ranked[i - 1]``: one column then.
    seller, buyer, quantity_kw, weight : (n_trades,)
    export_kw : (n_books, n_bus) float64, kW
    retail : bool
        A cut trade spills the seller's PV (no `minus` bus) instead of shedding the buyer's load.
    column_offset : (n + 1,) int64
    plus, minus : (n_columns,) int64
        Buses at which a column injects and draws; -1 for none.
    most_kw : (n_columns,) float64, kW
    cost : (3, n_columns) float64
        Outputs. Row 0 is the objective, row 1 counts exports (row 2, the tie-break, is the caller's).
    column_of : (n_trades,) int64
        Output: column of every trade of these books.
    n_trade_columns : (n,) int64
        Output: how many of a book's columns are trades.
    """
    end = 0
    column_offset[0] = 0
    for n in range(len(books)):
        k = books[n]
        for place in range(offset[k], offset[k + 1]):
            i = ranked[place]
            if not same_as_before[place]:
                plus[end], minus[end] = seller[i], -1 if retail else buyer[i]
                most_kw[end], cost[0, end], cost[1, end] = 0.0, weight[i], 0.0
                end += 1
            most_kw[end - 1] += quantity_kw[i]
            column_of[i] = end - 1
        n_trade_columns[n] = end - column_offset[n]
        for b in range(export_kw.shape[1]):
            if export_kw[k, b] > 0.0:
                plus[end], minus[end], most_kw[end], cost[0, end], cost[1, end] = b, -1, export_kw[k, b], 0.0, 1.0
                end += 1
        column_offset[n + 1] = end


@kernel
def assemble_books(
    books: Ints,
    column_offset: Ints,
    plus: Ints,
    minus: Ints,
    most_kw: Floats,
    floor_value: Floats,
    lower: Floats,
    upper: Floats,
    tolerance: float,
    parent: Ints,
    parent_row: Ints,
    parent_sign: Floats,
    depth: Ints,
    dense: Floats,
    zero: float,
    row_offset: Ints,
    row: Ints,
    room_below: Floats,
    room_above: Floats,
    entry_offset: Ints,
    start: NDArray[np.int32],
    entry_row: NDArray[np.int32],
    entry_value: Floats,
) -> None:
    """Constraint matrices of some books, by column, with only the rows that some 0 ≤ y ≤ most can break.

    Parameters
    ----------
    books, column_offset, plus, minus, most_kw : as `collect_columns` gives them
    floor_value : (n_books, n_rows) float64
        Row values at y = 0; where they break a limit they take its place.
    lower, upper : (n_rows,) float64
    tolerance : float
    parent, parent_row : (n_bus,) int64; parent_sign : (n_bus,) float64; depth : (n_bus,) int64
        Tree rows: an injection at a bus adds `parent_sign` to the row of each step to the root; parent -1 at roots.
    dense : (n_dense, n_bus) float64
        The remaining rows, numbered after the tree rows.
    zero : float
        Dense entries up to this size are rounding errors, not entries.
    row_offset : (n + 1,) int64; row, room_below, room_above : (room,)
        Outputs: kept rows of every book (their number), and how far their value may fall and rise from y = 0.
    entry_offset : (n + 1,) int64; entry_row : (room,) int32; entry_value : (room,) float64
        Outputs: entries of every book, column by column; `entry_row` counts within the book's kept rows. There must be room for
        every entry before rows are dropped: for each column the tree rows on its path and all dense rows.
    start : (n_columns + n,) int32
        Output: book n's n_columns + 1 places, from ``column_offset[n] + n`` on, say where its columns begin and end among its
        entries.
    """
    n_rows = floor_value.shape[1]
    n_tree_rows = n_rows - len(dense)
    rise, fall, place = np.empty(n_rows), np.empty(n_rows), np.empty(n_rows, np.int32)
    row_offset[0] = entry_offset[0] = 0
    for n in range(len(books)):
        rise[:] = 0.0
        fall[:] = 0.0
        first = end = entry_offset[n]
        j0, j1 = column_offset[n], column_offset[n + 1]
        begins = start[j0 + n : j1 + n + 1]
        begins[0] = 0
        for j in range(j0, j1):
            begin = end
            end = _tree_entries(plus[j], minus[j], parent, parent_row, parent_sign, depth, entry_row, entry_value, end)
            end = _dense_entries(plus[j], minus[j], dense, zero, n_tree_rows, entry_row, entry_value, end)
            begins[j - j0 + 1] = end - first
            for e in range(begin, end):
                change = entry_value[e] * most_kw[j]
                rise[entry_row[e]] += max(change, 0.0)
                fall[entry_row[e]] += min(change, 0.0)
        kept = row_offset[n]
        for r in range(n_rows):
            place[r] = -1
            above, below = max(upper[r] - floor_value[books[n], r], 0.0), min(lower[r] - floor_value[books[n], r], 0.0)
            if rise[r] > above + tolerance * max(1.0, abs(upper[r])) or fall[r] < below - tolerance * max(1.0, abs(lower[r])):
                place[r] = kept - row_offset[n]
                row[kept], room_below[kept], room_above[kept] = r, below, above
                kept += 1
        row_offset[n + 1] = kept
        entry_offset[n + 1] = first + _drop_rows(place, begins, entry_row[first:end], entry_value[first:end])


@kernel
def _tree_entries(
    up: int, down: int, parent: Ints, parent_row: Ints, parent_sign: Floats, depth: Ints,
    entry_row: NDArray[np.int32], entry_value: Floats, end: int,
) -> int:  # fmt: skip
    """+1 at bus `up`, -1 at bus `down` (-1: the root): signed steps of both to their common ancestor."""
    while up != down and (up != -1 or down != -1):
        if down == -1 or (up != -1 and depth[up] >= depth[down]):
            if parent[up] != -1:
                entry_row[end], entry_value[end] = parent_row[up], parent_sign[up]
                end += 1
            up = parent[up]
        else:
            if parent[down] != -1:
                entry_row[end], entry_value[end] = parent_row[down], -parent_sign[down]
                end += 1
            down = parent[down]
    return end


@kernel
def _dense_entries(
    up: int, down: int, dense: Floats, zero: float, first_row: int, entry_row: NDArray[np.int32], entry_value: Floats, end: int
) -> int:
    for r in range(len(dense)):
        value = dense[r, up] - (dense[r, down] if down != -1 else 0.0)
        if abs(value) > zero:
            entry_row[end], entry_value[end] = first_row + r, value
            end += 1
    return end


@kernel
def _drop_rows(place: NDArray[np.int32], begins: NDArray[np.int32], entry_row: NDArray[np.int32], entry_value: Floats) -> int:
    """Renumber a book's entries to the kept rows, moving them together; returns how many are left."""
    end = read = 0
    for j in range(1, len(begins)):
        stop = begins[j]
        while read < stop:
            r = place[entry_row[read]]
            if r != -1:
                entry_row[end], entry_value[end] = r, entry_value[read]
                end += 1
            read += 1
        begins[j] = end
    return end
