"""Clearing around the LP: injections before it, what is executed after it.

A limit is a row lower ≤ value ≤ upper, value = c + R·injection. Nothing here knows what a row means.
"""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.market.trades import pool_end
from fastp2p.kernels.structs import Columns, TradeArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

CUT = 1e-9
"""A trade counts as cut where this share of it, or more, is not executed."""


@kernel
def inject_trades(
    base_kw: Floats,
    export_kw: Floats,
    trades: TradeArrays,
    step_hours: float,
    retail: bool,
    floor_kw: Floats,
    full_kw: Floats,
) -> None:
    """Injections with no trade executed (`floor_kw`, p⁰ of the design's section 6) and with all of them (`full_kw`).

    Parameters
    ----------
    base_kw : (n_books, n_bus) float64, kW
        Everything not traded.
    export_kw : (n_books, n_bus) float64, kW
        Curtailable exports.
    trades : TradeArrays
    step_hours : float
    retail : bool
        Whether the retailer serves the buyers whatever happens.
    floor_kw, full_kw : (n_books, n_bus) float64, kW
        Outputs.
    """
    offset, seller, buyer, quantity_kwh, _, _ = trades
    n_books, n_bus = base_kw.shape
    for k in range(n_books):
        for b in range(n_bus):
            floor_kw[k, b] = base_kw[k, b]
            full_kw[k, b] = base_kw[k, b] + export_kw[k, b]
        for i in range(offset[k], offset[k + 1]):
            kw = quantity_kwh[i] / step_hours
            full_kw[k, seller[i]] += kw
            full_kw[k, buyer[i]] -= kw
            if retail:
                floor_kw[k, buyer[i]] -= kw


@kernel
def execute_books(
    books: Ints,
    trades: TradeArrays,
    step_hours: float,
    retail: bool,
    columns: Columns,
    share: Floats,
    row: Ints,
    floor_kw: Floats,
    executed_kwh: Floats,
    binding_row: Ints,
    exported_kw: Floats,
    full_kw: Floats,
) -> None:
    """From the executed shares of LP columns back to trades, exports and injections.

    Parameters
    ----------
    books : (n,) int64
        Which books of the batch.
    trades : TradeArrays
        Those of the batch.
    step_hours : float
    retail : bool
        Whether a trade draws nothing at its buyer.
    columns : Columns
        Those of these books.
    share : (n_columns,) float64; row : (n_columns,) int64
        What is executed of a column, and the row that it is cut for.
    floor_kw : (n_books, n_bus) float64, kW
        Injections with nothing executed.
    executed_kwh, binding_row : (n_trades,); exported_kw, full_kw : (n_books, n_bus) float64, kW
        Outputs, for the trades and lines of these books; `full_kw` are injections.
    """
    offset, seller, buyer, quantity_kwh, _, _ = trades
    column_offset, plus, _, most_kw, _, column_of, n_trade_columns = columns
    t = 0
    for n in range(len(books)):
        k = books[n]
        for b in range(floor_kw.shape[1]):
            full_kw[k, b], exported_kw[k, b] = floor_kw[k, b], 0.0
        for j in range(column_offset[n] + n_trade_columns[n], column_offset[n + 1]):
            exported_kw[k, plus[j]] = share[j] * most_kw[j]
            full_kw[k, plus[j]] += share[j] * most_kw[j]
        for i in range(offset[k], offset[k + 1]):
            j = column_of[t]
            t += 1
            executed_kwh[i] = quantity_kwh[i] * share[j]
            binding_row[i] = row[j] if share[j] < 1.0 - CUT else -1
            full_kw[k, seller[i]] += executed_kwh[i] / step_hours
            if not retail:
                full_kw[k, buyer[i]] -= executed_kwh[i] / step_hours


@kernel
def share_among_buyers(books: Ints, trades: TradeArrays, executed_kwh: Floats, bought_kwh: Floats) -> None:
    """Share what is executed of each pool of some books among its buyers: by size, whoever their sellers are.

    bought_i = q_i Σ executed / Σ q, with sums over the pool: a run of trades of one bid and one ask.

    Parameters
    ----------
    books : (n,) int64
        Which books of the batch.
    trades : TradeArrays
        Those of the batch, pooled, at the prices that they were matched at.
    executed_kwh : (n_trades,) float64, kWh
        What the sellers sell.
    bought_kwh : (n_trades,) float64, kWh
        Output, for the trades of these books.
    """
    offset, _, _, quantity_kwh, bid_per_kwh, ask_per_kwh = trades
    for k in books:
        begin = offset[k]
        while begin < offset[k + 1]:  # ends: a pool has one trade at least
            end = pool_end(bid_per_kwh, ask_per_kwh, begin, offset[k + 1])
            matched = executed = 0.0
            for i in range(begin, end):
                matched += quantity_kwh[i]
                executed += executed_kwh[i]
            share = executed / matched if matched > 0.0 else 1.0
            for i in range(begin, end):
                bought_kwh[i] = quantity_kwh[i] * share
            begin = end


@kernel
def inject_reactive(
    base_kvar: Floats,
    pv_kvar_per_kw: Floats,
    load_kvar_per_kw: Floats,
    exported_kw: Floats,
    trades: TradeArrays,
    executed_kwh: Floats,
    step_hours: float,
    retail: bool,
    floor_kvar: Floats,
    full_kvar: Floats,
) -> None:
    """Reactive injections with no trade executed and with the executed ones.

    Parameters
    ----------
    base_kvar : (n_books, n_bus) float64, kvar
        Of everything not traded.
    pv_kvar_per_kw, load_kvar_per_kw : (n_bus,) float64
        What is fed in per kW sold or exported, and drawn per kW bought.
    exported_kw : (n_books, n_bus) float64, kW
    trades : TradeArrays
    executed_kwh : (n_trades,) float64, kWh
    step_hours : float
    retail : bool
        Whether the retailer serves the buyers whatever happens.
    floor_kvar, full_kvar : (n_books, n_bus) float64, kvar
        Outputs.
    """
    offset, seller, buyer, quantity_kwh, _, _ = trades
    n_books, n_bus = base_kvar.shape
    for k in range(n_books):
        for b in range(n_bus):
            floor_kvar[k, b] = base_kvar[k, b]
        if retail:
            for i in range(offset[k], offset[k + 1]):
                floor_kvar[k, buyer[i]] -= load_kvar_per_kw[buyer[i]] * quantity_kwh[i] / step_hours
        for b in range(n_bus):
            full_kvar[k, b] = floor_kvar[k, b] + pv_kvar_per_kw[b] * exported_kw[k, b]
        for i in range(offset[k], offset[k + 1]):
            full_kvar[k, seller[i]] += pv_kvar_per_kw[seller[i]] * executed_kwh[i] / step_hours
            if not retail:
                full_kvar[k, buyer[i]] -= load_kvar_per_kw[buyer[i]] * executed_kwh[i] / step_hours
