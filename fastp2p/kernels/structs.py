"""What kernels take together: arrays by name. A kernel unpacks them at its top; nothing is copied on the way."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Places = NDArray[np.int32]


class TradeArrays(NamedTuple):
    """Trades of a batch in CSR form: book k holds trades ``offset[k]:offset[k + 1]``.

    Attributes
    ----------
    offset : (n_books + 1,) int64
    seller, buyer : (n_trades,) int64
        Columns of buses.
    quantity_kwh : (n_trades,) float64, kWh
    bid_per_kwh, ask_per_kwh : (n_trades,) float64, currency per kWh
    """

    offset: Ints
    seller: Ints
    buyer: Ints
    quantity_kwh: Floats
    bid_per_kwh: Floats
    ask_per_kwh: Floats


class Columns(NamedTuple):
    """LP columns of congested books: trades in rank, then exports. `collect_columns` fills them.

    Attributes
    ----------
    offset : (n + 1,) int64
        Columns of the n books.
    plus, minus : (n_columns,) int64
        Where a column injects and draws; -1 for none.
    most_kw : (n_columns,) float64, kW
    cost : (3, n_columns) float64
        Objective, exports, and weights by rank with which the compiled solver comes to an end.
    column_of : (trades of these books,) int64
        Column of every trade, book after book.
    n_trade_columns : (n,) int64
        How many of a book's columns are trades.
    """

    offset: Ints
    plus: Ints
    minus: Ints
    most_kw: Floats
    cost: Floats
    column_of: Ints
    n_trade_columns: Ints


class Rows(NamedTuple):
    """Limits lower ≤ value ≤ upper of two kinds: tree rows first, whose entries follow from paths, then dense rows.

    Columns inject and draw at *terminals*: buses, or on three phases what can be connected to a bus.

    Attributes
    ----------
    lower, upper : (n_rows,) float64
    parent, parent_row : (n_node,) int64; parent_sign : (n_node,) float64; depth : (n_node,) int64
        Tree rows: an injection at a node adds `parent_sign` to the row of each step to the root; parent -1 at roots.
    face : (n_faces, 2) float64
        Weights of kW and kvar: each branch of the tree has so many rows, those of the first face numbered first.
    node : (n_terminal, 1 or 3) int64
        Nodes of each terminal, on three phases one for each; -1 for none.
    weight : (n_terminal,) float64
        The part of a terminal's power that each of its nodes has.
    plus_kvar, minus_kvar : (n_terminal,) float64
        kvar that goes with each kW that a column injects, and draws.
    dense_plus, dense_minus : (n_terminal, n_dense) float64
        The remaining rows: per kW that a column injects (with its kvar), and draws.
    between : (2, n_dense) int64; share : (n_dense,) float64
        Two dense rows between whose values that of a row lies, and how far from the first; -1 for none.
    """

    lower: Floats
    upper: Floats
    parent: Ints
    parent_row: Ints
    parent_sign: Floats
    depth: Ints
    face: Floats
    node: Ints
    weight: Floats
    plus_kvar: Floats
    minus_kvar: Floats
    dense_plus: Floats
    dense_minus: Floats
    between: Ints
    share: Floats


class OwnRows(NamedTuple):
    """Rows that single books have besides: the last ones, each on the line between two dense rows of its book.

    Attributes
    ----------
    between : (n_books, n, 2) int64
        Two dense rows; -1 where a book has fewer than n rows of its own.
    share : (n_books, n) float64
        How far each lies from the first of them, 0…1.
    """

    between: Ints
    share: Floats


class LPs(NamedTuple):
    """The LPs of some books, laid end to end: max cost·y, room_below ≤ A y ≤ room_above, 0 ≤ y ≤ most.

    `assemble_books` fills them, `scale_books` overwrites most, rooms and entries.

    Attributes
    ----------
    column_offset, row_offset, entry_offset : (n + 1,) int64
        Where each book's columns, rows and entries lie in the arrays below.
    start : (n_columns + n,) int32
        Book n's A by column: its n_columns + 1 places begin at ``column_offset[n] + n``, counted within its entries.
    entry_row : (n_entries,) int32; entry_value : (n_entries,) float64
        Rows are counted within the book.
    most : (n_columns,) float64; cost : (3, n_columns) float64
        A row of `cost` per criterion, in rank; the third only keeps the compiled solver from running in circles.
    room_below, room_above : (n_rows,) float64
        How far a row may fall and rise; infinite on a side to which no y within its bounds can break it.
    """

    column_offset: Ints
    row_offset: Ints
    entry_offset: Ints
    start: Places
    entry_row: Places
    entry_value: Floats
    most: Floats
    cost: Floats
    room_below: Floats
    room_above: Floats


class LP(NamedTuple):
    """One of them.

    Attributes
    ----------
    start : (n + 1,) int32; entry_row : (n_entries,) int32; entry_value : (n_entries,) float64
        A by column.
    most : (n,) float64; cost : (3, n) float64
    room_below, room_above : (m,) float64
    """

    start: Places
    entry_row: Places
    entry_value: Floats
    most: Floats
    cost: Floats
    room_below: Floats
    room_above: Floats


@kernel
def one_lp(lps: LPs, n: int) -> LP:
    """The LP of book n, as views."""
    j0, j1, r0, r1 = lps.column_offset[n], lps.column_offset[n + 1], lps.row_offset[n], lps.row_offset[n + 1]
    e0, e1 = lps.entry_offset[n], lps.entry_offset[n + 1]
    return LP(
        lps.start[j0 + n : j1 + n + 1],
        lps.entry_row[e0:e1],
        lps.entry_value[e0:e1],
        lps.most[j0:j1],
        lps.cost[:, j0:j1],
        lps.room_below[r0:r1],
        lps.room_above[r0:r1],
    )
