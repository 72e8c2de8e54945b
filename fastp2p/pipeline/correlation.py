"""Uniform numbers that go with others: who has a device, beside who has PV."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fastp2p.study.distributions import FIRST, LAST

Floats = NDArray[np.float64]


def correlated(u: Floats, u_pv: Floats, rho: float) -> Floats:
    """Uniform numbers that are correlated with those of PV, by a Gaussian copula.

    ``Φ(ρ Φ⁻¹(u_pv) + √(1 - ρ²) Φ⁻¹(u))`` is uniform again if `u` and `u_pv` are, and independent.

    Parameters
    ----------
    u, u_pv : float64, of one shape
        In [0, 1).
    rho : float
        Correlation of the normal numbers, -1…1; of 0, the result is `u`, to the bit.

    Returns
    -------
    float64, in [0, 1)
    """
    if rho == 0.0:
        return u
    of_pv, own = (ndtri(np.clip(one, FIRST, LAST)) for one in (u_pv, u))
    joint: Floats = np.minimum(ndtr(rho * of_pv + math.sqrt(1.0 - rho * rho) * own), LAST)  # rounding may make 1 of it
    return joint
