"""What HiGHS does not look at in the LPs that it is given."""

import numpy as np

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LPs


@kernel
def find_misfit(lps: LPs) -> int:
    """What solvers do not check: 0 nothing wrong; 1 places that lie outside a book; 2 coefficients that are not finite.

    Parameters
    ----------
    lps : LPs
        Arrays of the lengths that the offsets end in; rooms may be infinite, but not NaN.
    """
    column_offset, row_offset, entry_offset, start, entry_row, entry_value, most, cost, room_below, room_above = lps
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
