"""Books to what is kept of them: sums in a fixed order, so that no batch size changes a bit."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def sum_by_slot(value: Floats, slot: Ints, total: Floats) -> None:
    """Sums over the steps of each slot, such as the hours of a day.

    Parameters
    ----------
    value : (n_rows, n_steps) float64
    slot : (n_steps,) int64
    total : (n_rows, n_slots) float64
        Output.
    """
    total[:] = 0.0
    for row in range(len(value)):
        for step in range(len(slot)):
            total[row, slot[step]] += value[row, step]


@kernel
def count_by_slot(value: Floats, slot: Ints, edge: Floats, count: Ints) -> None:
    """Histograms over the steps of each slot, added to `count`.

    Parameters
    ----------
    value : (n_rows, n_steps) float64
    slot : (n_steps,) int64
    edge : (n_bins - 1,) float64
        Rising; bin i holds edge[i - 1] <= value < edge[i].
    count : (n_slots, n_bins) int64
        Output, added to.
    """
    for row in range(len(value)):
        for step in range(len(slot)):
            count[slot[step], np.searchsorted(edge, value[row, step], side="right")] += 1
