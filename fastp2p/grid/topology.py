"""What flows are computed with: a tree of the buses (radial), or factors of the susceptance matrix (meshed)."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError
from fastp2p.kernels.grid.structs import Factors, Tree

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def grow_tree(n_bus: int, from_bus: Ints, to_bus: Ints, reference_bus: Ints) -> Tree:
    """Breadth-first forest from the external grids.

    Raises
    ------
    InputError
        If the branches close a loop.
    """
    neighbours: list[list[tuple[int, int, float]]] = [[] for _ in range(n_bus)]
    for branch, (f, t) in enumerate(zip(from_bus.tolist(), to_bus.tolist(), strict=True)):
        neighbours[f].append((t, branch, -1.0))  # the branch comes to t from its parent
        neighbours[t].append((f, branch, 1.0))
    order = reference_bus.tolist()
    parent, parent_branch = np.full(n_bus, -1, np.int64), np.full(n_bus, -1, np.int64)
    parent_sign, depth = np.zeros(n_bus), np.full(n_bus, -1, np.int64)
    depth[order] = 0
    for bus in order:
        for child, branch, sign in neighbours[bus]:
            if branch == parent_branch[bus]:
                continue
            if depth[child] != -1:
                raise InputError("the network is not radial: it has no tree")
            parent[child], parent_branch[child], parent_sign[child] = bus, branch, sign
            depth[child] = depth[bus] + 1
            order.append(child)
    return Tree(np.array(order, np.int64), parent, parent_branch, parent_sign, depth)


def find_ends(n_bus: int, from_bus: Ints, to_bus: Ints, is_inner: NDArray[np.bool_]) -> Ints:
    """Buses with one neighbour, after inner buses that lead nowhere have been taken away.

    Parameters
    ----------
    from_bus, to_bus : (n_branch,) int64
    is_inner : (n_bus,) bool
        No buses of the network's own: ends of lines at open switches, star points of transformers.
    """
    neighbours: list[set[int]] = [set() for _ in range(n_bus)]
    for f, t in zip(from_bus.tolist(), to_bus.tolist(), strict=True):
        neighbours[f].add(t)
        neighbours[t].add(f)
    loose = [bus for bus in np.flatnonzero(is_inner).tolist() if len(neighbours[bus]) == 1]
    for bus in loose:
        for other in neighbours[bus]:
            neighbours[other].discard(bus)
            if is_inner[other] and len(neighbours[other]) == 1:
                loose.append(other)
        neighbours[bus] = set()
    return np.array([bus for bus in range(n_bus) if len(neighbours[bus]) == 1], np.int64)


def find_loops(n_bus: int, from_bus: Ints, to_bus: Ints, reference_bus: Ints) -> list[list[int]]:
    """Branches of each loop that a breadth-first forest leaves open, the shortest loop first.

    All external grids are one node: a path from one to another is a loop too.
    """
    neighbours: list[list[tuple[int, int]]] = [[] for _ in range(n_bus)]
    for branch, (f, t) in enumerate(zip(from_bus.tolist(), to_bus.tolist(), strict=True)):
        neighbours[f].append((t, branch))
        neighbours[t].append((f, branch))
    order = reference_bus.tolist()
    depth, up, by = dict.fromkeys(order, 0), dict.fromkeys(order, -1), dict.fromkeys(order, -1)
    closing: dict[int, tuple[int, int]] = {}
    for bus in order:
        for other, branch in neighbours[bus]:
            if other not in depth:
                depth[other], up[other], by[other] = depth[bus] + 1, bus, branch
                order.append(other)
            elif branch != by[bus] and branch != by[other]:
                closing[branch] = bus, other
    loops = []
    for branch, (a, b) in closing.items():
        loop = [branch]
        while a != b and (depth[a] or depth[b]):  # ends: the deeper goes up, to a root at last
            if depth[a] < depth[b]:
                a, b = b, a
            loop.append(by[a])
            a = up[a]
        loops.append(sorted(loop))
    return sorted(loops, key=len)


def count_between(tree: Tree) -> Floats:
    """(n_bus, n_bus) branches between any two buses; the external grids are one node: all of them are the reference."""
    n_bus = len(tree.order)
    distance = np.zeros((n_bus, n_bus))
    for place, bus in enumerate(tree.order.tolist()):
        before = tree.order[:place]
        up = tree.parent[bus]
        along = tree.depth[before].astype(np.float64) if up == -1 else distance[up, before] + 1.0
        distance[bus, before] = distance[before, bus] = along
    return distance


def pass_down(n_bus: int, from_bus: Ints, to_bus: Ints, value: Floats, reference_bus: Ints) -> Floats:
    """The value of the nearest branch that has one (is not NaN) on the shortest way from each bus to an external grid.

    Parameters
    ----------
    from_bus, to_bus : (n_branch,) int64
    value : (n_branch,) float64
        NaN where a branch has none; those of parallel branches are added.
    reference_bus : (n_reference,) int64

    Returns
    -------
    (n_bus,) float64
        NaN where there is none on the way.
    """
    from scipy.sparse import csr_array
    from scipy.sparse.csgraph import dijkstra

    ends = np.sort(np.stack([from_bus, to_bus]), axis=0)
    graph = csr_array((np.ones(len(from_bus)), (ends[0], ends[1])), shape=(n_bus, n_bus))
    distance, before, _ = dijkstra(
        graph, directed=False, indices=reference_bus, unweighted=True, min_only=True, return_predecessors=True
    )
    between: dict[tuple[int, int], float] = {}
    for a, b, one in zip(*ends.tolist(), value.tolist(), strict=True):
        if not np.isnan(one):
            between[a, b] = between.get((a, b), 0.0) + one
    passed = np.full(n_bus, np.nan)
    for bus in np.argsort(distance, kind="stable").tolist():
        up = int(before[bus])
        if up >= 0:
            passed[bus] = between.get((min(bus, up), max(bus, up)), passed[up])
    return passed


def factorise(n_bus: int, from_bus: Ints, to_bus: Ints, susceptance: Floats, reference_bus: Ints) -> Factors:
    """Sparse LU of the susceptance matrix B' without the rows and columns of the external grids.

    Raises
    ------
    InputError
        If the matrix is singular.
    """
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import splu

    free = np.ones(n_bus, bool)
    free[reference_bus] = False
    n_free = int(free.sum())
    reduced = np.where(free, np.cumsum(free) - 1, -1)
    rows = np.concatenate([from_bus, to_bus, from_bus, to_bus])
    columns = np.concatenate([from_bus, to_bus, to_bus, from_bus])
    values = np.concatenate([susceptance, susceptance, -susceptance, -susceptance])
    inside = free[rows] & free[columns]
    matrix = csc_array((values[inside], (reduced[rows[inside]], reduced[columns[inside]])), shape=(n_free, n_free))
    try:
        lu = splu(matrix)
    except RuntimeError as error:
        raise InputError("the network's susceptance matrix is singular: some branches cancel one another out") from error
    lower, upper = lu.L.tocsc(), lu.U.tocsc()
    lower.sort_indices()
    upper.sort_indices()
    below = lower.indices != np.repeat(np.arange(n_free), np.diff(lower.indptr))
    # Pr A Pc = L U: bus balance i is row perm_r[i] of L, the angle of bus j stands at perm_c[j] after the upper solve
    balance_row, angle_row = np.full((2, n_bus), -1, np.int64)
    balance_row[free], angle_row[free] = lu.perm_r[reduced[free]], lu.perm_c[reduced[free]]
    return Factors(
        position=balance_row,
        lower_start=np.concatenate([[0], np.cumsum(below)])[lower.indptr].astype(np.int64),
        lower_row=lower.indices[below].astype(np.int64),
        lower_value=np.ascontiguousarray(lower.data[below]),
        upper_start=upper.indptr.astype(np.int64),
        upper_row=upper.indices.astype(np.int64),
        upper_value=np.ascontiguousarray(upper.data),
        from_row=angle_row[from_bus],
        to_row=angle_row[to_bus],
        susceptance=susceptance,
    )
