"""Products of 3x3 blocks, circulant or not, with rows of a block of books: those of phase a, then of b, then of c."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]


@kernel
def add_product(
    of: Floats, row: int, at: int, sign: float, x_re: Floats, x_im: Floats, i: int, y_re: Floats, y_im: Floats, o: int
) -> None:
    """Add ± (m₁ x + m_m Σx) of row i of x to row o of y, with m₁ and m_m at four places of a row of `of` from `at`."""
    a_re, a_im = sign * of[row, at], sign * of[row, at + 1]
    m_re, m_im = sign * of[row, at + 2], sign * of[row, at + 3]
    size = x_re.shape[1] // 3
    for k in range(size):
        a, b, c = x_re[i, k], x_re[i, size + k], x_re[i, 2 * size + k]
        d, e, f = x_im[i, k], x_im[i, size + k], x_im[i, 2 * size + k]
        total_re, total_im = a + b + c, d + e + f
        both_re, both_im = m_re * total_re - m_im * total_im, m_re * total_im + m_im * total_re
        y_re[o, k] += a_re * a - a_im * d + both_re
        y_re[o, size + k] += a_re * b - a_im * e + both_re
        y_re[o, 2 * size + k] += a_re * c - a_im * f + both_re
        y_im[o, k] += a_re * d + a_im * a + both_im
        y_im[o, size + k] += a_re * e + a_im * b + both_im
        y_im[o, 2 * size + k] += a_re * f + a_im * c + both_im


@kernel
def add_matrix(
    of: Floats, row: int, at: int, sign: float, x_re: Floats, x_im: Floats, i: int, y_re: Floats, y_im: Floats, o: int
) -> None:
    """Add ± M x of row i of x to row o of y, with the nine numbers of M row by row from `at` in a row of `of`."""
    size = x_re.shape[1] // 3
    for f in range(3):
        for g in range(3):
            place = at + 6 * f + 2 * g
            a_re, a_im = sign * of[row, place], sign * of[row, place + 1]
            if a_re == 0.0 and a_im == 0.0:
                continue
            for k in range(size):
                a, b = x_re[i, g * size + k], x_im[i, g * size + k]
                y_re[o, f * size + k] += a_re * a - a_im * b
                y_im[o, f * size + k] += a_re * b + a_im * a
