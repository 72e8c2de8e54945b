"""Where the buses and branches of a network stand in a figure: a tree below the external grids."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_BUSES_TO_AVOID = 150
"""In larger networks bent branches may cross buses: it would take long to find out."""


class Layout(NamedTuple):
    """Per bus: place from left to right, branches to the nearest external grid, and the next bus and branch on that way.

    The external grids have parent and parent branch -1.
    """

    x: Floats
    depth: Ints
    parent: Ints
    parent_branch: Ints


def tree_layout(network: Network) -> Layout:
    """Spread the buses over a breadth-first forest below the external grids.

    Leaves stand at 0, 1, 2, …, every other bus at the mean of its children, the widest of them in the middle. On one
    level no two buses are closer than two leaves, and no branches of the forest cross.

    Parameters
    ----------
    network : Network
        Radial or meshed.

    Returns
    -------
    Layout
    """
    order, depth, parent, parent_branch = _breadth_first(network)
    children: list[list[int]] = [[] for _ in range(network.n_bus)]
    weight = np.full(network.n_bus, network.n_bus)  # of a subtree: its leaves count most, then its other buses
    for bus in reversed(order):
        rising = sorted(children[bus], key=lambda child: (int(weight[child]), child))
        children[bus] = rising[::2] + rising[1::2][::-1]
        if rising:
            weight[bus] = 1 + weight[rising].sum()
        if parent[bus] >= 0:
            children[parent[bus]].append(bus)
    x = np.zeros(network.n_bus)
    todo, place = network.reference_bus.tolist()[::-1], 0
    while todo:  # ends: a forest's buses come once
        bus = todo.pop()
        todo += children[bus][::-1]
        x[bus], place = place, place + (not children[bus])
    for bus in reversed(order):
        if children[bus]:
            x[bus] = x[children[bus]].mean()
    return Layout(x, depth, parent, parent_branch)


def _breadth_first(network: Network) -> tuple[list[int], Ints, Ints, Ints]:
    """Buses from the external grids outwards; their depth, parent and the branch to it."""
    neighbours: list[list[tuple[int, int]]] = [[] for _ in range(network.n_bus)]
    for branch, (f, t) in enumerate(zip(network.from_bus.tolist(), network.to_bus.tolist(), strict=True)):
        neighbours[f].append((t, branch))
        neighbours[t].append((f, branch))
    order: list[int] = network.reference_bus.tolist()
    depth, parent, parent_branch = (np.full(network.n_bus, -1, np.int64) for _ in range(3))
    depth[order] = 0
    for bus in order:
        for child, branch in neighbours[bus]:
            if depth[child] < 0:
                depth[child], parent[child], parent_branch[child] = depth[bus] + 1, bus, branch
                order.append(child)
    return order, depth, parent, parent_branch


def branch_paths(network: Network, layout: Layout, in_tree: NDArray[np.bool_]) -> list[Floats]:
    """Straight branches of the tree; the others bend, so as to stay clear of buses and of parallel branches."""
    points = np.column_stack([layout.x, layout.depth.astype(np.float64)])
    paths: list[Floats] = []
    for f, t, straight in zip(network.from_bus.tolist(), network.to_bus.tolist(), in_tree.tolist(), strict=True):
        a, b = points[f], points[t]
        if straight:
            paths.append(np.stack([a, b]))
            continue
        bends = np.outer([0.35, -0.35, 0.6, -0.6, 0.85, -0.85], [1.0, 0.0] if abs(b[0] - a[0]) < 1.0 else [0.0, 1.0])
        along = np.linspace(0.0, 1.0, 17)[:, None]
        curves = a + (b - a) * along + 4.0 * along * (1.0 - along) * bends[:, None, :]
        others = np.delete(points, [f, t], axis=0) if network.n_bus <= MOST_BUSES_TO_AVOID else points[:0]
        away = np.abs(curves[:, :, None, :] - others).max(axis=-1).min(axis=(1, 2), initial=0.4)
        paths.append(curves[away.argmax()])
    return paths
