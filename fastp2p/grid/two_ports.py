"""Branches of a radial network as two-ports seen from the external grid, in breadth-first order. Per unit of 1 kVA."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.network import Network
from fastp2p.grid.ratings import percent_per_kva

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]


class TwoPorts(NamedTuple):
    """The branch to the parent of every place, all (n_bus,): V_child = a V_parent - z J and I_parent = y V_parent + c J.

    Attributes
    ----------
    order, parent, branch : int64
        Bus of each place, place of its parent, branch to it; -1 at external grids.
    a, z, y, c : complex128
    shunt : complex128
        Of the bus itself.
    series : complex128
        Impedance without the shunts of the branch.
    square : float64
        By which a squared voltage is multiplied, shunts left out.
    percent : (n_bus, 2) float64
        Loading per p.u. of current at the parent's end and at the child's; zero without a limit.
    """

    order: Ints
    parent: Ints
    branch: Ints
    a: Complexes
    z: Complexes
    y: Complexes
    c: Complexes
    shunt: Complexes
    series: Complexes
    square: Floats
    percent: Floats


@lru_cache(maxsize=32)
def two_ports(network: Network) -> TwoPorts:
    """Those of a radial network that has an AC model."""
    tree = network.tree
    order, n_bus = tree.order, network.n_bus
    place = np.empty(n_bus, np.int64)
    place[order] = np.arange(n_bus)
    up = tree.parent[order]
    parent = np.where(up == -1, -1, place[up])
    branch, below = tree.parent_branch[order], np.flatnonzero(up != -1)
    of = branch[below]
    a, z, y, c = (np.ones(n_bus, np.complex128), *np.zeros((3, n_bus), np.complex128))
    c[:] = 1.0
    to_parent = tree.parent_sign[order][below] > 0.0  # the branch is directed from the child
    a[below], z[below], y[below], c[below] = _seen_from_parent(network, of, to_parent)
    series, square = np.zeros(n_bus, np.complex128), np.ones(n_bus)
    tap = network.tap_ratio[of]
    series[below] = network.resistance_pu[of] + 1j * network.reactance_pu[of]
    series[below] *= np.where(to_parent, tap**2, 1.0)
    square[below] = np.where(to_parent, tap**2, tap**-2.0)
    percent = np.zeros((n_bus, 2))
    of_base = network.rated_kv / network.base_kv[np.stack([network.from_bus, network.to_bus], axis=1)]
    at_ends = (of_base * percent_per_kva(network)[:, None])[of]
    percent[below] = np.where(to_parent[:, None], at_ends[:, ::-1], at_ends)
    return TwoPorts(order, parent, branch, a, z, y, c, network.bus_shunt_pu[order], series, square, percent)


def _seen_from_parent(
    network: Network, branch: Ints, from_child: NDArray[np.bool_]
) -> tuple[Complexes, Complexes, Complexes, Complexes]:
    """a, z, y and c of branches; `from_child`: directed from the child to the parent.

    The branch is an ideal transformer of ratio t at `from_bus` and behind it a π of z and the shunts f and t (pandapower's
    model of lines and transformers); solved for V_child and I_parent.
    """
    series = network.resistance_pu[branch] + 1j * network.reactance_pu[branch]
    ratio = network.tap_ratio[branch] * np.exp(1j * network.shift_rad[branch])
    from_shunt, to_shunt = network.from_shunt_pu[branch], network.to_shunt_pu[branch]
    square = np.abs(ratio) ** 2
    down, up = 1.0 / (1.0 + series * to_shunt), 1.0 / (1.0 + series * from_shunt)
    a = np.where(from_child, ratio * up, down / ratio)
    z = np.where(from_child, square * series * up, series * down)
    y = np.where(from_child, to_shunt + from_shunt * up, (from_shunt + to_shunt * down) / square)
    c = np.where(from_child, np.conj(ratio) * up, down / np.conj(ratio))
    return a, z, y, c
