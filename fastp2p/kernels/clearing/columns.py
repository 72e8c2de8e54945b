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
    order, spare, pair = np.empty(longest, np.int64), np.empty(longest, np.int64), np.empty(longest, np.int64)
    end = seen = 0
    column_offset[0] = 0
    for n in range(len(books)):
        k = books[n]
        first, size = offset[k], offset[k + 1] - offset[k]
        for t in range(size):
            order[t], pair[t] = t, seller[first + t] * export_kw.shape[1] + buyer[first + t]
        _rank_trades(first, size, bid_per_kwh, ask_per_kwh, pair, order, spare)
        last = -1
        for t in order[:size]:
            i = first + t
            if last == -1 or _is_before(
                bid_per_kwh[last], bid_per_kwh[i], ask_per_kwh[last], ask_per_kwh[i], pair[last - first], pair[t]
            ):
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
def _is_before(bid: float, other_bid: float, ask: float, other_ask: float, pair: int, other_pair: int) -> bool:
    """Whether a trade ranks before another: dearer bid, cheaper ask, lower seller, lower buyer.

    It takes numbers, since arrays as arguments take five times as long.
    """
    if bid != other_bid:
        return bool(bid > other_bid)
    if ask != other_ask:
        return bool(ask < other_ask)
    return bool(pair < other_pair)


@kernel
def _rank_trades(first: int, size: int, bid_per_kwh: Floats, ask_per_kwh: Floats, pair: Ints, order: Ints, spare: Ints) -> None:
    """Trades `first`, `first` + 1, … in rank, by merging runs of doubling length; equal ones stay in their order.

    The auction leaves them nearly in rank, and runs that follow one another are left as they are.
    """
    width = 1
    while width < size:  # ends: width doubles
        for begin in range(0, size - width, 2 * width):
            middle, end = begin + width, min(begin + 2 * width, size)
            one, other = order[middle], order[middle - 1]
            i, j = first + one, first + other
            if not _is_before(bid_per_kwh[i], bid_per_kwh[j], ask_per_kwh[i], ask_per_kwh[j], pair[one], pair[other]):
                continue
            for place in range(begin, end):
                spare[place] = order[place]
            left, right = begin, middle
            for place in range(begin, end):
                from_right = left == middle
                if not from_right and right < end:
                    one, other = spare[right], spare[left]
                    i, j = first + one, first + other
                    from_right = _is_before(
                        bid_per_kwh[i], bid_per_kwh[j], ask_per_kwh[i], ask_per_kwh[j], pair[one], pair[other]
                    )
                order[place] = spare[right] if from_right else spare[left]
                right += 1 if from_right else 0
                left += 0 if from_right else 1
        width *= 2
