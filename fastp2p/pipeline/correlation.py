"""Draws that follow other draws."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fastp2p.study.distributions import FIRST, LAST

Floats = NDArray[np.float64]


def correlated(u: Floats, u_pv: Floats, rho: float) -> Floats:
    """Uniform numbers that go with those of PV: a Gaussian copula.

    Parameters
    ----------
    u, u_pv : (...) float64
        Independent uniform numbers in [0, 1).
    rho : float
        Correlation, -1 to 1, of the normal numbers that belong to the result and to `u_pv`. With 0 the result is `u`, to the
        bit; with 1 it is `u_pv`, but for rounding, and with -1 as far from it as it can be.

    Returns
    -------
    (...) float64
        In [0, 1), uniform again.
    """
    if rho == 0.0:
        return u
    own, of_pv = (ndtri(np.clip(one, FIRST, LAST)) for one in (u, u_pv))
    together: Floats = ndtr(rho * of_pv + math.sqrt(1.0 - rho * rho) * own)
    return np.minimum(together, LAST)
