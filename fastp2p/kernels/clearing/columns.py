"""The columns of LPs: trades and exports of congested books."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import Columns, TradeArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def collect_columns(
    books: Ints,
    trades: TradeArrays,
    export_kw: Floats,
    by_welfare: bool,
    retail: bool,
    step_hours: float,
    rank_weight: Floats,
    columns: Columns,
) -> None:
    """LP columns of some books: trades in rank (equal ones together), then exports in bus order.

    Parameters
    ----------
    books : (n,) int64
        Which books of the batch.
    trades : TradeArrays
        Those of the batch.
    export_kw : (n_books, n_bus) float64, kW
    by_welfare : bool
        Whether a trade counts its bid less its ask in the objective, or 1.
    retail : bool
        Whether a trade draws nothing at its buyer.
    step_hours : float
    rank_weight : (most columns of a book,) float64
        Of each rank: with it as a third criterion the compiled solver comes to an end. No answer depends on it.
    columns : Columns
        Output; there may be more room than columns.
    """
    offset, seller, buyer, quantity_kwh, bid_per_kwh, ask_per_kwh = trades
    column_offset, plus, minus, most_kw, cost, column_of, n_trade_columns = columns
    longest = 0
    for k in books:
        longest = max(longest, offset[k + 1] - offset[k])
    order, spare = np.empty(longest, np.int64), np.empty(longest, np.int64)
    end = seen = 0
    column_offset[0] = 0
    for n in range(len(books)):
        k = books[n]
        first, size = offset[k], offset[k + 1] - offset[k]
        _rank_trades(first, trades, order[:size], spare[:size])
        last = -1
        for i in order[:size]:
            if last == -1 or _is_before(last, i, seller, buyer, bid_per_kwh, ask_per_kwh):
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
            cost[2, j] = rank_weight[j - column_offset[n]]


@kernel
def _is_before(i: int, j: int, seller: Ints, buyer: Ints, bid_per_kwh: Floats, ask_per_kwh: Floats) -> bool:
    """Whether trade i ranks before trade j: dearer bid, cheaper ask, lower seller, lower buyer."""
    if bid_per_kwh[i] != bid_per_kwh[j]:
        return bool(bid_per_kwh[i] > bid_per_kwh[j])
    if ask_per_kwh[i] != ask_per_kwh[j]:
        return bool(ask_per_kwh[i] < ask_per_kwh[j])
    if seller[i] != seller[j]:
        return bool(seller[i] < seller[j])
    return bool(buyer[i] < buyer[j])


@kernel
def _rank_trades(first: int, trades: TradeArrays, order: Ints, spare: Ints) -> None:
    """Trades `first`, `first` + 1, … in rank, by merging runs of doubling length; equal ones stay in their order.

    The auction leaves them nearly in rank, and runs that follow one another are left as they are.
    """
    _, seller, buyer, _, bid_per_kwh, ask_per_kwh = trades
    size = len(order)
    for i in range(size):
        order[i] = first + i
    width = 1
    while width < size:  # ends: width doubles
        for begin in range(0, size - width, 2 * width):
            middle, end = begin + width, min(begin + 2 * width, size)
            if not _is_before(order[middle], order[middle - 1], seller, buyer, bid_per_kwh, ask_per_kwh):
                continue
            spare[begin:end] = order[begin:end]
            left, right = begin, middle
            for place in range(begin, end):
                if left == middle or (
                    right < end and _is_before(spare[right], spare[left], seller, buyer, bid_per_kwh, ask_per_kwh)
                ):
                    order[place] = spare[right]
                    right += 1
                else:
                    order[place] = spare[left]
                    left += 1
        width *= 2
