"""The LPs of congested books: their columns, the rows that they can break, and a form that suits a solver.

Rows come in two kinds that may stand side by side: *tree rows* (the branches of a radial network, whose entries are ±1 along a
path and are never stored) and *dense rows* (any other, given as a matrix). Nothing here knows what a row means.
"""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def collect_columns(
    books: Ints,
    offset: Ints,
    seller: Ints,
    buyer: Ints,
    quantity_kwh: Floats,
    bid_per_kwh: Floats,
    ask_per_kwh: Floats,
    export_kw: Floats,
    by_welfare: bool,
    retail: bool,
    step_hours: float,
    tie_break: Floats,
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
        Which books of the batch.
    offset, seller, buyer, quantity_kwh, bid_per_kwh, ask_per_kwh : trades of the batch in CSR form
    export_kw : (n_books, n_bus) float64, kW
    by_welfare : bool
        Whether a trade counts its bid less its ask in the objective, or 1.
    retail : bool
        Whether a trade draws nothing at its buyer.
    step_hours : float
    tie_break : (most columns of a book,) float64
        The third criterion, by rank.
    column_offset : (n + 1,) int64; plus, minus : (room,) int64; most_kw : (room,) float64, kW; cost : (3, room) float64
        Outputs: where a column injects and draws (-1: nowhere), its upper bound, and the criteria.
    column_of : (trades of these books,) int64
        Output: column of every trade, book after book.
    n_trade_columns : (n,) int64
        Output: how many of a book's columns are trades.
    """
    longest = 0
    for k in books:
        longest = max(longest, offset[k + 1] - offset[k])
    order, spare = np.empty(longest, np.int64), np.empty(longest, np.int64)
    end = seen = 0
    column_offset[0] = 0
    for n in range(len(books)):
        k = books[n]
        first, size = offset[k], offset[k + 1] - offset[k]
        _rank_trades(first, bid_per_kwh, ask_per_kwh, seller, buyer, order[:size], spare[:size])
        last = -1
        for i in order[:size]:
            if last == -1 or _is_before(last, i, bid_per_kwh, ask_per_kwh, seller, buyer):
                plus[end], minus[end], most_kw[end] = seller[i], -1 if retail else buyer[i], 0.0
                cost[0, end], cost[1, end] = bid_per_kwh[i] - ask_per_kwh[i] if by_welfare else 1.0, 0.0
                end += 1
            most_kw[end - 1] += quantity_kwh[i] / step_hours
            column_of[seen + i - first] = end - 1
            last = i
        seen += size
        n_trade_columns[n] = end - column_offset[n]
        for b in range(export_kw.shape[1]):
            if export_kw[k, b] > 0.0:
                plus[end], minus[end], most_kw[end], cost[0, end], cost[1, end] = b, -1, export_kw[k, b], 0.0, 1.0
                end += 1
        column_offset[n + 1] = end
        for j in range(column_offset[n], end):
            cost[2, j] = tie_break[j - column_offset[n]]


@kernel
def _is_before(i: int, j: int, bid_per_kwh: Floats, ask_per_kwh: Floats, seller: Ints, buyer: Ints) -> bool:
    """Whether trade i ranks before trade j: dearer bid, cheaper ask, lower seller, lower buyer."""
    if bid_per_kwh[i] != bid_per_kwh[j]:
        return bool(bid_per_kwh[i] > bid_per_kwh[j])
    if ask_per_kwh[i] != ask_per_kwh[j]:
        return bool(ask_per_kwh[i] < ask_per_kwh[j])
    if seller[i] != seller[j]:
        return bool(seller[i] < seller[j])
    return bool(buyer[i] < buyer[j])


@kernel
def _rank_trades(
    first: int, bid_per_kwh: Floats, ask_per_kwh: Floats, seller: Ints, buyer: Ints, order: Ints, spare: Ints
) -> None:
    """Trades `first`, `first` + 1, … in rank, by merging runs of doubling length; equal ones stay in their order.

    The auction leaves them nearly in rank, and runs that follow one another are left as they are.
    """
    size = len(order)
    for i in range(size):
        order[i] = first + i
    width = 1
    while width < size:  # ends: width doubles
        for begin in range(0, size - width, 2 * width):
            middle, end = begin + width, min(begin + 2 * width, size)
            if not _is_before(order[middle], order[middle - 1], bid_per_kwh, ask_per_kwh, seller, buyer):
                continue
            spare[begin:end] = order[begin:end]
            left, right = begin, middle
            for place in range(begin, end):
                if left == middle or (
                    right < end and _is_before(spare[right], spare[left], bid_per_kwh, ask_per_kwh, seller, buyer)
                ):
                    order[place] = spare[right]
                    right += 1
                else:
                    order[place] = spare[left]
                    left += 1
        width *= 2


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
    face: Floats,
    plus_kvar: Floats,
    minus_kvar: Floats,
    dense_plus: Floats,
    dense_minus: Floats,
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
    face : (n_faces, 2) float64
        Weights of kW and kvar: each branch of the tree has so many rows, those of the first face numbered first.
    plus_kvar, minus_kvar : (n_bus,) float64
        kvar that goes with each kW that a column injects, and draws.
    dense_plus, dense_minus : (n_dense, n_bus) float64
        The remaining rows, numbered after the tree rows: per kW that a column injects (with its kvar), and draws.
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
    n_tree_rows = n_rows - len(dense_plus)
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
            up, down = plus[j], minus[j]
            end = _tree_entries(
                up, down, parent, parent_row, parent_sign, depth, face, n_tree_rows // len(face), plus_kvar[up],
                minus_kvar[down] if down != -1 else 0.0, entry_row, entry_value, end,
            )  # fmt: skip
            end = _dense_entries(up, down, dense_plus, dense_minus, zero, n_tree_rows, entry_row, entry_value, end)
            begins[j - j0 + 1] = end - first
            for e in range(begin, end):
                change = entry_value[e] * most_kw[j]
                rise[entry_row[e]] += max(change, 0.0)
                fall[entry_row[e]] += min(change, 0.0)
        kept = row_offset[n]
        for r in range(n_rows):
            place[r] = -1
            if rise[r] == 0.0 and fall[r] == 0.0:
                continue
            above, below = max(upper[r] - floor_value[books[n], r], 0.0), min(lower[r] - floor_value[books[n], r], 0.0)
            if rise[r] > above + tolerance * max(1.0, abs(upper[r])) or fall[r] < below - tolerance * max(1.0, abs(lower[r])):
                place[r] = kept - row_offset[n]
                row[kept], room_below[kept], room_above[kept] = r, below, above
                kept += 1
        row_offset[n + 1] = kept
        entry_offset[n + 1] = first + _drop_rows(place, begins, entry_row[first:end], entry_value[first:end])


@kernel
def _tree_entries(
    up: int, down: int, parent: Ints, parent_row: Ints, parent_sign: Floats, depth: Ints, face: Floats, stride: int,
    up_kvar: float, down_kvar: float, entry_row: NDArray[np.int32], entry_value: Floats, end: int,
) -> int:  # fmt: skip
    """+1 kW at bus `up`, -1 kW at bus `down` (-1: the root), each with its kvar: signed steps of both towards the root.

    From their common ancestor on the kW cancel, and the kvar where both are alike.
    """
    while up != down and (up != -1 or down != -1):  # ends: either goes to its parent, and a forest ends in roots
        if down == -1 or (up != -1 and depth[up] >= depth[down]):
            at, kw, kvar = up, 1.0, up_kvar
            up = parent[up]
        else:
            at, kw, kvar = down, -1.0, -down_kvar
            down = parent[down]
        end = _step_entries(at, kw, kvar, parent, parent_row, parent_sign, face, stride, entry_row, entry_value, end)
    while up != -1 and up_kvar != down_kvar:  # ends: as above, whatever the kvar are
        kvar = up_kvar - down_kvar
        end = _step_entries(up, 0.0, kvar, parent, parent_row, parent_sign, face, stride, entry_row, entry_value, end)
        up = parent[up]
    return end


@kernel
def _step_entries(
    bus: int, kw: float, kvar: float, parent: Ints, parent_row: Ints, parent_sign: Floats, face: Floats, stride: int,
    entry_row: NDArray[np.int32], entry_value: Floats, end: int,
) -> int:  # fmt: skip
    if parent[bus] == -1:
        return end
    for m in range(len(face)):
        entry_row[end] = parent_row[bus] + m * stride
        entry_value[end] = parent_sign[bus] * (face[m, 0] * kw + face[m, 1] * kvar)
        end += 1
    return end


@kernel
def _dense_entries(
    up: int, down: int, dense_plus: Floats, dense_minus: Floats, zero: float, first_row: int,
    entry_row: NDArray[np.int32], entry_value: Floats, end: int,
) -> int:  # fmt: skip
    for r in range(len(dense_plus)):
        value = dense_plus[r, up] - (dense_minus[r, down] if down != -1 else 0.0)
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
        while read < stop:  # ends: read rises
            r = place[entry_row[read]]
            if r != -1:
                entry_row[end], entry_value[end] = r, entry_value[read]
                end += 1
            read += 1
        begins[j] = end
    return end


@kernel
def scale_books(
    column_offset: Ints,
    row_offset: Ints,
    entry_offset: Ints,
    entry_row: NDArray[np.int32],
    entry_value: Floats,
    most: Floats,
    room_below: Floats,
    room_above: Floats,
    row_scale: Floats,
) -> None:
    """State each book in its own units: its largest column and the largest entry of each row lie in [1, 2) afterwards.

    So one set of tolerances suits rows of any kind and books of any size. Factors are powers of two: nothing is rounded.

    Parameters
    ----------
    column_offset, row_offset, entry_offset, entry_row : as `assemble_books` gives them
    entry_value, most, room_below, room_above
        In: as `assemble_books` gives them. Outputs: scaled.
    row_scale : (n_rows,) float64
        Output: what each row has been multiplied by, besides the book's unit.
    """
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


@kernel
def find_misfit(
    column_offset: Ints,
    row_offset: Ints,
    entry_offset: Ints,
    start: NDArray[np.int32],
    entry_row: NDArray[np.int32],
    entry_value: Floats,
    most: Floats,
    cost: Floats,
    room_below: Floats,
    room_above: Floats,
) -> int:
    """What solvers do not check: 0 nothing wrong; 1 places that lie outside a book; 2 coefficients that are not finite.

    Parameters
    ----------
    column_offset … room_above : as `assemble_books` lays them out, of the lengths that the offsets end in; rooms may be
        infinite, but not NaN
    """
    for n in range(len(column_offset) - 1):
        j0, j1, m = column_offset[n], column_offset[n + 1], row_offset[n + 1] - row_offset[n]
        if j1 < j0 or m < 0 or entry_offset[n + 1] < entry_offset[n] or start[j0 + n] != 0:
            return 1
        for j in range(j0, j1):
            if start[j + n + 1] < start[j + n]:
                return 1
        if start[j1 + n] != entry_offset[n + 1] - entry_offset[n]:
            return 1
        for e in range(entry_offset[n], entry_offset[n + 1]):
            if entry_row[e] < 0 or entry_row[e] >= m:
                return 1
    for e in range(len(entry_value)):
        if not np.isfinite(entry_value[e]):
            return 2
    for j in range(len(most)):
        if not (np.isfinite(most[j]) and np.isfinite(cost[0, j]) and np.isfinite(cost[1, j]) and np.isfinite(cost[2, j])):
            return 2
    for r in range(len(room_above)):
        if np.isnan(room_below[r]) or np.isnan(room_above[r]):
            return 2
    return 0
