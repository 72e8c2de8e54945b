"""What a cut column waits for, read off what is executed: where no shadow price says it."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def name_rows(
    column_offset: Ints,
    row_offset: Ints,
    entry_offset: Ints,
    start: NDArray[np.int32],
    entry_row: NDArray[np.int32],
    entry_value: Floats,
    most: Floats,
    room_below: Floats,
    room_above: Floats,
    x: Floats,
    row: Ints,
    tolerance: float,
    strongest: Ints,
) -> None:
    """For columns that are cut, and at none of whose rows the objective has a price, the row that they wait for.

    Exports are such columns (they count in no objective), and trades of no weight.

    Parameters
    ----------
    column_offset … room_above : as `kernels.clearing.curtailment.scale_books` leaves them
    x : (n_columns,) float64
        What is executed, in the same units.
    row : (n_kept_rows,) int64
        Which of all rows each one is.
    tolerance : float
        Absolute, on columns and rows.
    strongest : (n_columns,) int64
        In: as `explain_books` gives it. Output: where it was -1, the row that the column waits for, -1 for none.
    """
    longest = 0
    for n in range(len(column_offset) - 1):
        longest = max(longest, column_offset[n + 1] - column_offset[n])
    waits = np.empty(longest, np.int64)
    for n in range(len(column_offset) - 1):
        j0, j1, r0, r1 = column_offset[n], column_offset[n + 1], row_offset[n], row_offset[n + 1]
        e0, e1, size = entry_offset[n], entry_offset[n + 1], j1 - j0
        missing = False
        for j in range(j0, j1):
            missing = missing or (strongest[j] == -1 and most[j] - x[j] > tolerance)
        if not missing:
            continue
        find_waits(
            start[j0 + n : j1 + n + 1], entry_row[e0:e1], entry_value[e0:e1], most[j0:j1], size, room_below[r0:r1],
            room_above[r0:r1], tolerance, x[j0:j1], waits,
        )  # fmt: skip
        for j in range(j0, j1):
            if strongest[j] == -1 and waits[j - j0] != -1:
                strongest[j] = row[r0 + waits[j - j0]]


@kernel
def find_waits(
    start: NDArray[np.int32],
    entry_row: NDArray[np.int32],
    entry_value: Floats,
    most: Floats,
    n_trades: int,
    room_below: Floats,
    room_above: Floats,
    tolerance: float,
    x: Floats,
    waits: Ints,
) -> float:
    """The row that each column of a book waits for: the first that it pushes and that has no room left.

    Parameters
    ----------
    start : (n + 1,) int32; entry_row : int32; entry_value : float64
        Matrix by column.
    most, x : (n,) float64
    n_trades : int
        The columns before this one do not feel what the others take.
    room_below, room_above : (m,) float64
    tolerance : float
        Absolute, on rows and columns.
    waits : (n,) int64, or longer
        Output; -1 for columns that are full, or that could grow.

    Returns
    -------
    float
        By how much some row is beyond its limit, at most.
    """
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
