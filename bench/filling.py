"""Congested books filled, as `clear` does where limits are nested."""

import numpy as np

import fastp2p
from fastp2p.clearing.rows import ROW_TOLERANCE
from fastp2p.kernels.clearing.nested import Filled, Nest, fill_nested_books


def fill(
    nest: Nest, trades: fastp2p.Trades, export_kw: np.ndarray, floor_value: np.ndarray, *, by_welfare: bool = False
) -> Filled:
    """All books; `floor_value` (n_books, n_rows) is of nothing executed, where nobody injects."""
    nobody = np.zeros(export_kw.shape)
    filled = Filled(
        executed_kwh=np.empty(trades.n_trades),
        binding_row=np.empty(trades.n_trades, np.int64),
        exported_kw=np.empty(export_kw.shape),
        injected_kw=nobody.copy(),
        dual=np.zeros(floor_value.shape),
        cutting=np.zeros(floor_value.shape, bool),
        proven=np.zeros(trades.n_books, bool),
        loading_percent=np.empty(trades.n_books),
        slack_kw=np.zeros(trades.n_books),
    )
    every = np.arange(trades.n_books)
    fill_nested_books(every, trades.arrays, export_kw, floor_value, nobody, nest, ROW_TOLERANCE, by_welfare, True, 1.0, filled)
    return filled
