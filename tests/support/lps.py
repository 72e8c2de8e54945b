"""A small LP as kernels take it."""

from itertools import pairwise

import numpy as np

from fastp2p.kernels.clearing.answer import answer_books
from fastp2p.kernels.clearing.simplex import solve_books
from fastp2p.kernels.clearing.solve import scale_books
from fastp2p.kernels.structs import LPs, one_lp


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
        cost=np.zeros((3, n)) if cost is None else np.ascontiguousarray(cost),
        room_below=below,
        room_above=above,
    )


def lp_of(lps, n=0):
    """One of them as kernels hand it on: costs are a part of a wider array. Any other is compiled for once more."""
    lp = one_lp(lps, n)
    return lp._replace(cost=np.pad(lp.cost, ((0, 0), (0, 1)))[:, :-1])


def matrix_of(lps):
    """The dense matrix of an LP that is alone."""
    matrix = np.zeros((len(lps.room_above), len(lps.most)))
    for j, (begin, end) in enumerate(pairwise(lps.start)):
        matrix[lps.entry_row[begin:end], j] = lps.entry_value[begin:end]
    return matrix


def answer_of(matrix, most, below, above, cost):
    """(verdict, y, multipliers of cost[0]) of one book by the kernels, in the units that it is given in."""
    lps = lps_of(matrix, most.copy(), below.copy(), above.copy(), cost)
    m, n = np.shape(matrix)
    row_scale, basic, x, dual, verdict = np.ones(m), np.zeros(m, np.int32), np.zeros(n), np.zeros(m), np.zeros(1, np.int64)
    scale_books(lps, row_scale)
    solve_books(np.arange(1), lps, np.inf, 2**62, 10, basic, x, verdict, np.zeros(1, np.int64))
    answer_books(np.arange(1), lps, basic, np.full(n, np.nan), x, dual, verdict)
    return verdict[0], x * (most.max() / lps.most.max()), dual * row_scale
