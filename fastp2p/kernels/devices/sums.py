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
        scenario = k // n_steps
        for b in range(n_homes):
            by_home[scenario, b] += energy[k, b]
    whole = n_books - n_books % 4
    for k in range(0, whole, 4):  # an addition waits for the one before, so four sums go side by side
        first = second = third = fourth = 0.0
        for b in range(n_homes):
            first += energy[k, b]
            second += energy[k + 1, b]
            third += energy[k + 2, b]
            fourth += energy[k + 3, b]
        by_book[k], by_book[k + 1], by_book[k + 2], by_book[k + 3] = first, second, third, fourth
    for k in range(whole, n_books):
        so_far = 0.0
        for b in range(n_homes):
            so_far += energy[k, b]
        by_book[k] = so_far
