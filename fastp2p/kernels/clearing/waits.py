"""What a cut column waits for, read off what is executed: where no shadow price says it."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.certificate import PRIMAL_TOLERANCE
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LP, LPs, one_lp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WAIT_TOLERANCE = 10.0 * PRIMAL_TOLERANCE
"""Room of a row and rest of a column up to which they count as none, in a book's own units."""


@kernel
def name_rows(lps: LPs, x: Floats, row: Ints, strongest: Ints) -> None:
    """For columns that are cut, and at none of whose rows the objective has a price, the row that they wait for.

    Exports are such columns (they count in no objective), and trades of no weight.

    Parameters
    ----------
    lps : LPs
        Each book in units of its own (`scale_books`).
    x : (n_columns,) float64
        What is executed, in the same units.
    row : (n_kept_rows,) int64
        Which of all rows each one is.
    strongest : (n_columns,) int64
        In: as `explain_books` gives it. Output: where it was -1, the row that the column waits for, -1 for none.
    """
    column_offset, row_offset, most = lps.column_offset, lps.row_offset, lps.most
    longest = 0
    for n in range(len(column_offset) - 1):
        longest = max(longest, column_offset[n + 1] - column_offset[n])
    waits = np.empty(longest, np.int64)
    for n in range(len(column_offset) - 1):
        j0, j1, r0 = column_offset[n], column_offset[n + 1], row_offset[n]
        missing = False
        for j in range(j0, j1):
            missing = missing or (strongest[j] == -1 and most[j] - x[j] > WAIT_TOLERANCE)
        if not missing:
            continue
        find_waits(one_lp(lps, n), j1 - j0, WAIT_TOLERANCE, x[j0:j1], waits)
        for j in range(j0, j1):
            if strongest[j] == -1 and waits[j - j0] != -1:
                strongest[j] = row[r0 + waits[j - j0]]


@kernel
def find_waits(lp: LP, n_trades: int, tolerance: float, x: Floats, waits: Ints) -> float:
    """The row that each column of a book waits for: the first that it pushes and that has no room left.

    Parameters
    ----------
    lp : LP
    n_trades : int
        The columns before this one do not feel what the others take.
    tolerance : float
        Absolute, on rows and columns.
    x : (n,) float64
    waits : (n,) int64, or longer
        Output; -1 for columns that are full, or that could grow.

    Returns
    -------
    float
        By how much some row is beyond its limit, at most.
    """
    start, entry_row, entry_value, most, _, room_below, room_above = lp
    value, excess = np.zeros(len(room_above)), 0.0
    for first, last in ((0, n_trades), (n_trades, len(most))):
        for j in range(first, last):
            for e in range(start[j], start[j + 1]):
                value[entry_row[e]] += entry_value[e] * x[j]
        for r in range(len(value)):
            excess = max(excess, value[r] - room_above[r], room_below[r] - value[r])
        for j in range(first, last):
            waits[j] = -1
            if most[j] - x[j] <= tolerance:
                continue
            for e in range(start[j], start[j + 1]):
                r, entry = entry_row[e], entry_value[e]
                above, below = room_above[r] - value[r] <= tolerance, value[r] - room_below[r] <= tolerance
                if waits[j] == -1 and ((entry > 0.0 and above) or (entry < 0.0 and below)):
                    waits[j] = r
    return excess
