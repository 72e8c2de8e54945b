"""Large books, solved with the rows that matter."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.answer import answer_books
from fastp2p.kernels.clearing.few_rows import keep_chosen, take_in_rows
from fastp2p.kernels.clearing.simplex import solve_books
from fastp2p.kernels.structs import LPs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LARGE = 8_000
"""Columns times rows from which on a book is solved so: below, taking in rows costs more than it saves."""
ROUNDS = 20
"""How often rows are taken in; a book that needs more is solved with all of them."""


def solve_with_few_rows(lps: LPs, steps_per_line: int, x: Floats, dual: Floats, verdict: Ints, steps: Ints) -> None:
    """Solve and prove the large books among `lps`, as `solve_books` and `answer_books` do with all rows.

    Parameters
    ----------
    lps : LPs
        Each book in units of its own.
    steps_per_line : int
    x : (n_columns,) float64; dual : (n_rows,) float64; steps : (n_books,) int64
        Outputs, where a book is solved.
    verdict : (n_books,) int64
        Output: 0 where it is proven; else left as it is.
    """
    size = np.diff(lps.column_offset)
    left = np.flatnonzero(size * np.diff(lps.row_offset) > LARGE)
    chosen = np.zeros(len(dual), bool)
    for n in left.tolist():
        ours = slice(int(lps.column_offset[n]), int(lps.column_offset[n + 1]))
        x[ours] = lps.most[ours]
    for _ in range(ROUNDS):
        added = np.empty(len(left), np.int64)
        take_in_rows(lps, left, x, chosen, added)
        verdict[left[added == 0]] = 0
        left = left[added > 0]
        if not len(left):
            break
        few, row = _chosen(lps, left, chosen)
        found, multiplier, basic = np.zeros(len(few.most)), np.zeros(len(row)), np.zeros(len(row), np.int32)
        outcome, taken = np.full(len(left), -1), np.zeros(len(left), np.int64)
        every = np.arange(len(left))
        solve_books(every, few, np.inf, 2**62, steps_per_line, basic, found, outcome, taken)
        answer_books(every, few, basic, np.full(len(found), np.nan), found, multiplier, outcome)
        steps[left] += taken
        at = np.repeat(lps.column_offset[left] - few.column_offset[:-1], size[left]) + np.arange(len(found))
        x[at], dual[row] = found, multiplier
        left = left[outcome == 0]
    for n in np.flatnonzero(verdict).tolist():
        dual[lps.row_offset[n] : lps.row_offset[n + 1]] = 0.0


def _chosen(lps: LPs, books: Ints, chosen: NDArray[np.bool_]) -> tuple[LPs, Ints]:
    """The LPs of some books with the chosen rows alone, and which rows these are."""
    n = len(books)
    n_columns_of = np.diff(lps.column_offset)[books]
    before = np.append(0, np.cumsum(chosen))
    n_rows = before[lps.row_offset[books + 1]] - before[lps.row_offset[books]]
    column_offset, row_offset, entry_offset = (
        np.append(0, np.cumsum(counts)) for counts in (n_columns_of, n_rows, n_columns_of * n_rows)
    )
    n_columns, m, e = int(column_offset[-1]), int(row_offset[-1]), int(entry_offset[-1])
    few = LPs(
        column_offset=column_offset, row_offset=row_offset, entry_offset=entry_offset,
        start=np.empty(n_columns + n, np.int32), entry_row=np.empty(e, np.int32), entry_value=np.empty(e),
        most=np.empty(n_columns), cost=np.empty((3, n_columns)), room_below=np.empty(m), room_above=np.empty(m),
    )  # fmt: skip
    row = np.empty(m, np.int64)
    keep_chosen(lps, books, chosen, few, row)
    return few, row
