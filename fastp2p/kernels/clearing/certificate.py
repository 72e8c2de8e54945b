"""Clearing after the LP: the proof of each answer, and the limit that cut each trade.

An answer and three multipliers for every row are held against the definition of the optimum, in the book's own numbers. How
they were found does not matter.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LP, LPs

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PRIMAL_TOLERANCE = 1e-9
"""By how much a bound or a limit may be passed, in the units of a book's columns."""
DUAL_TOLERANCE = 1e-9
"""Reduced costs and multipliers (of order 1) up to this size count as zero."""


@kernel
def certify(lp: LP, multiplier: Floats, x: Floats, value: Floats) -> int:
    """Prove that x is optimal, first for cost[0], among those optima for cost[1], among those for least Σ (q - x)²/q.

    The third criterion is convex: where x is best for its slopes at x, max Σ g_j x_j with g = (q - x)/q, it is best. So all
    three are linear here, and the proof is that of linear programmes in rank: x is within its bounds, A x within its limits;
    with d = c - A' λ of each criterion, the first of the three d of a column that is not zero is positive only at the upper
    bound, negative only at zero, and the first of the three λ of a row that is not zero is positive only at the upper limit,
    negative only at the lower one (Isermann 1982, Linear lexicographic optimization; Karush, Kuhn and Tucker).

    Parameters
    ----------
    lp : LP
        Its third criterion counts for nothing.
    multiplier : (3, m) float64
        Of the rows, for each criterion.
    x : (n,) float64
        Columns that are at a bound are there to the bit.
    value : (m,) float64
        Room for A x.

    Returns
    -------
    int
        0 proven; 2 primal infeasible; 3 not optimal.
    """
    start, entry_row, entry_value, most, cost, room_below, room_above = lp
    value[: len(room_above)] = 0.0
    for j in range(len(most)):
        if not 0.0 <= x[j] <= most[j]:
            return 2
        if most[j] == 0.0:
            continue
        d0, d1, d2 = cost[0, j], cost[1, j], (most[j] - x[j]) / most[j]
        for e in range(start[j], start[j + 1]):
            r = entry_row[e]
            value[r] += entry_value[e] * x[j]
            d0 -= entry_value[e] * multiplier[0, r]
            d1 -= entry_value[e] * multiplier[1, r]
            d2 -= entry_value[e] * multiplier[2, r]
        sign = sign_of(d0, d1, d2)
        if (sign == 1 and x[j] != most[j]) or (sign == -1 and x[j] != 0.0):
            return 3
    for r in range(len(room_above)):
        above, below = room_above[r] - value[r], value[r] - room_below[r]
        if not (above >= -PRIMAL_TOLERANCE and below >= -PRIMAL_TOLERANCE):
            return 2
        sign = sign_of(multiplier[0, r], multiplier[1, r], multiplier[2, r])
        # narrower than the tolerance, a row is at both limits, and either sign will do
        if (sign == 1 and above > PRIMAL_TOLERANCE) or (sign == -1 and below > PRIMAL_TOLERANCE):
            return 3
    return 0


@kernel
def sign_of(first: float, second: float, third: float) -> int:
    """Sign of the first of the values that is not zero; 0 if all are."""
    value = first
    if abs(value) <= DUAL_TOLERANCE:
        value = second
    if abs(value) <= DUAL_TOLERANCE:
        value = third
    if abs(value) <= DUAL_TOLERANCE:
        return 0
    return 1 if value > 0.0 else -1


@kernel
def explain_books(lps: LPs, dual: Floats, row: Ints, row_scale: Floats, strongest: Ints, shadow_price: Floats) -> None:
    """What each limit is worth, and per column the row with the largest |dual x coefficient|.

    Parameters
    ----------
    lps : LPs
    dual : (n_kept_rows,) float64
    row : (n_kept_rows,) int64; row_scale : (n_kept_rows,) float64
        Which of all rows each one is, and what it was multiplied by.
    strongest : (n_columns,) int64
        Output; -1 for none.
    shadow_price : (n, n_rows) float64
        Output, written where a book keeps a row.
    """
    column_offset, row_offset, entry_offset, start, entry_row, entry_value, _, _, _, _ = lps
    for n in range(len(column_offset) - 1):
        r0 = row_offset[n]
        for r in range(r0, row_offset[n + 1]):
            shadow_price[n, row[r]] = dual[r] * row_scale[r]
        for j in range(column_offset[n], column_offset[n + 1]):
            strongest[j] = -1
            most = DUAL_TOLERANCE
            for e in range(entry_offset[n] + start[j + n], entry_offset[n] + start[j + n + 1]):
                size = abs(entry_value[e] * dual[r0 + entry_row[e]])
                if size > most:
                    most = size
                    strongest[j] = row[r0 + entry_row[e]]
