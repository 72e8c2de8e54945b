"""Pro-rata curtailment without an LP: progressive filling."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import LP, LPs, one_lp

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

FILL_TOLERANCE = 1e-9
"""Room of a row and rest of a column, kW, up to which they count as none."""


@kernel
def fill_books(lps: LPs, n_trades: Ints, x_kw: Floats, last_row: Ints, settled: Ints) -> None:
    """`fill_book` for every book; rows are counted over all books."""
    for n in range(len(n_trades)):
        j0, j1, r0, r1 = lps.column_offset[n], lps.column_offset[n + 1], lps.row_offset[n], lps.row_offset[n + 1]
        rounds = 100 + 10 * (j1 - j0 + r1 - r0)
        settled[n] = fill_book(one_lp(lps, n), n_trades[n], rounds, x_kw[j0:j1], last_row[j0:j1])
        for j in range(j0, j1):
            if last_row[j] != -1:
                last_row[j] += r0


@kernel
def fill_book(lp: LP, n_trades: int, rounds: int, x_kw: Floats, last_row: Ints) -> int:
    """Grow all columns at rates proportional to their size until a row binds; those that push it wait; repeat.

    A column waits only as long as its row binds: growth of others may relieve the row again. Trades are filled before
    exports (max-min fairness in the shares x/most; Bertsekas and Gallager, Data Networks, section 6.5).

    Parameters
    ----------
    lp : LP
        In kW; the criteria count for nothing.
    n_trades : int
        Columns before this one are trades, the rest exports.
    rounds : int
        Most events per kind of column; reached only where rows relieve each other again and again.
    x_kw : (n,) float64, kW
        Output.
    last_row : (n,) int64
        Output: the row that a column waits for at the end, -1 for none.

    Returns
    -------
    int
        How many columns are settled: all, or those before the trades or the exports for which `rounds` ran out. The columns
        of a kind that has not come to its end hold what they have reached, which keeps all limits.
    """
    start, entry_row, entry_value, most_kw, _, room_below, room_above = lp
    n, m = len(most_kw), len(room_above)
    x_kw[:] = 0.0
    last_row[:] = -1
    above, below, rate = room_above.copy(), -room_below, np.empty(m)
    grows = np.empty(n, np.bool_)
    for first, last in ((0, n_trades), (n_trades, n)):
        finished = False
        for _ in range(rounds):
            step = np.inf
            rate[:] = 0.0
            for j in range(first, last):
                grows[j] = most_kw[j] - x_kw[j] > FILL_TOLERANCE
                last_row[j] = -1
                for e in range(start[j], start[j + 1]):
                    room = above[entry_row[e]] if entry_value[e] > 0.0 else below[entry_row[e]]
                    if grows[j] and room <= FILL_TOLERANCE:
                        grows[j] = False
                        last_row[j] = entry_row[e]
                if grows[j]:
                    step = min(step, (most_kw[j] - x_kw[j]) / most_kw[j])
                    for e in range(start[j], start[j + 1]):
                        rate[entry_row[e]] += entry_value[e] * most_kw[j]
            if step == np.inf:
                finished = True
                break
            for r in range(m):
                if rate[r] > 0.0:
                    step = min(step, above[r] / rate[r])
                elif rate[r] < 0.0:
                    step = min(step, -below[r] / rate[r])
            for r in range(m):
                above[r] -= step * rate[r]
                below[r] += step * rate[r]
            for j in range(first, last):
                if grows[j]:
                    x_kw[j] = min(x_kw[j] + step * most_kw[j], most_kw[j])
        if not finished:
            return first
    return n
