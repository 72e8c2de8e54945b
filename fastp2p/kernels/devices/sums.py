"""Sums of what homes and their devices do, in the order in which the accounts are summed: unused devices change no bit."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]


@kernel
def sum_homes(energy: Floats, total: Floats) -> None:
    """Of every book the sum over the homes, one after the other.

    Parameters
    ----------
    energy : (n_books, n_homes) float64
    total : (n_books,) float64
        Output.
    """
    n_books, n_homes = energy.shape
    for k in range(n_books):
        so_far = 0.0
        for b in range(n_homes):
            so_far += energy[k, b]
        total[k] = so_far


@kernel
def sum_steps(energy: Floats, total: Floats) -> None:
    """Of every home the sum over the steps, one after the other.

    Parameters
    ----------
    energy : (n_scenarios, n_steps, n_homes) float64
    total : (n_scenarios, n_homes) float64
        Output, zero before.
    """
    n_scenarios, n_steps, n_homes = energy.shape
    for s in range(n_scenarios):
        for t in range(n_steps):
            for b in range(n_homes):
                total[s, b] += energy[s, t, b]
