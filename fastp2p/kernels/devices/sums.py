"""Sums of what homes and their devices do, in the order in which the accounts are summed: unused devices change no bit."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]


@kernel
def sum_energy(energy: Floats, n_steps: int, by_book: Floats, by_home: Floats) -> None:
    """Of every book the sum over the homes, and of every home the sum over the steps, one after the other.

    Parameters
    ----------
    energy : (n_books, n_homes) float64
        Book k is step k % n_steps of scenario k // n_steps.
    n_steps : int
    by_book : (n_books,) float64
        Output.
    by_home : (n_scenarios, n_homes) float64
        Output, zero before.
    """
    n_books, n_homes = energy.shape
    for k in range(n_books):
        scenario, so_far = k // n_steps, 0.0
        for b in range(n_homes):
            so_far += energy[k, b]
            by_home[scenario, b] += energy[k, b]
        by_book[k] = so_far
