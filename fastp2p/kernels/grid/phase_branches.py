"""What a three-phase power flow says of branches: currents, loading and power of every conductor at either end."""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.structs import Tree
from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]


@kernel
def describe_branches(
    voltage: Complexes, current: Floats, order: Ints, tree: Tree, percent: Floats, base_ka: Floats, ka: Floats, kw: Floats,
    neutral_ka: Floats, loading: Floats,
) -> None:  # fmt: skip
    """Of every branch, from voltages of buses and currents at its ends.

    Parameters
    ----------
    voltage : (n_books, n_bus, 3) complex128, p.u.
    current : (2, 2, n_books, n_bus, 3) float64, p.u.
        As `flow_phases` gives them, by place.
    order : (n_bus,) int64
        Bus of each place.
    tree : Tree
    percent : (n_bus, 2) float64
        Of each place, loading per p.u. at the parent's end and at the child's.
    base_ka : (n_bus,) float64
        One p.u. at each bus.
    ka, kw : (2, n_books, n_branch, 3) float64
        Outputs: current, and active power into the branch, at `from_bus` and `to_bus`. The unit of a phase is a third of 1 kVA.
    neutral_ka : (n_books, n_branch) float64
        Output: of the sum of the phases, at the child's end.
    loading : (n_books, n_branch, 3) float64
        Output: the larger of both ends, percent.
    """
    third = 1.0 / 3.0
    parent, parent_branch, parent_sign = tree.parent, tree.parent_branch, tree.parent_sign
    for k in range(voltage.shape[0]):
        for i in range(len(order)):
            bus = order[i]
            up, branch = parent[bus], parent_branch[bus]
            if up == -1:
                continue
            child = 0 if parent_sign[bus] > 0.0 else 1  # directed towards the external grid: its from-end is the child
            for f in range(3):
                near_re, near_im = current[0, 0, k, i, f], current[0, 1, k, i, f]
                far_re, far_im = current[1, 0, k, i, f], current[1, 1, k, i, f]
                near, far = math.hypot(near_re, near_im), math.hypot(far_re, far_im)
                ka[child, k, branch, f], ka[1 - child, k, branch, f] = far * base_ka[bus], near * base_ka[up]
                above, below = voltage[k, up, f], voltage[k, bus, f]
                kw[1 - child, k, branch, f] = third * (above.real * near_re + above.imag * near_im)
                kw[child, k, branch, f] = -third * (below.real * far_re + below.imag * far_im)
                loading[k, branch, f] = max(near * percent[i, 0], far * percent[i, 1])
            total_re = current[1, 0, k, i, 0] + current[1, 0, k, i, 1] + current[1, 0, k, i, 2]
            total_im = current[1, 1, k, i, 0] + current[1, 1, k, i, 1] + current[1, 1, k, i, 2]
            neutral_ka[k, branch] = math.hypot(total_re, total_im) * base_ka[bus]
