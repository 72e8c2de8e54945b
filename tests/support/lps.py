"""A small LP as kernels take it."""

import numpy as np

from fastp2p.kernels.structs import LPs


def lps_of(matrix, most, below, above, cost=None):
    """The LPs of one book, from a dense matrix; criteria are zero where they do not matter."""
    matrix = np.asarray(matrix, float)
    m, n = matrix.shape
    column, row = np.nonzero(matrix.T)
    return LPs(
        column_offset=np.array([0, n]),
        row_offset=np.array([0, m]),
        entry_offset=np.array([0, len(row)]),
        start=np.searchsorted(column, np.arange(n + 1)).astype(np.int32),
        entry_row=row.astype(np.int32),
        entry_value=matrix[row, column],
        most=most,
        cost=np.zeros((3, n)) if cost is None else cost,
        room_below=below,
        room_above=above,
    )
