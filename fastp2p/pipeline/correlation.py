"""Random numbers of a device that go with those of another, so that who has the one is likelier to have the other."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from fastp2p.study.distributions import FIRST, LAST

Floats = NDArray[np.float64]


def correlated(u: Floats, u_pv: Floats, rho: float) -> Floats:
    """Uniform numbers that are correlated with others (a Gaussian copula).

    Both become standard normal numbers z and z_pv, and ρ z_pv + √(1 - ρ²) z is standard normal, too. So what happens where a
    number is below a share still has the probability of that share, and a larger share only adds to it.

    Parameters
    ----------
    u : array of float64
        Independent uniform numbers in [0, 1).
    u_pv : array of float64
        Those of PV, of the same shape.
    rho : float
        Correlation of the normal numbers, -1…1: 1 gives the numbers of PV, 0 gives `u` itself, -1 the opposite of PV.

    Returns
    -------
    array of float64
        In [0, 1).
    """
    if rho == 0.0:
        return u
    z, z_pv = (ndtri(np.clip(one, FIRST, LAST)) for one in (u, u_pv))
    return np.minimum(ndtr(rho * z_pv + math.sqrt(1.0 - rho * rho) * z), LAST)
