"""What planners know of a feeder at a glance: its size, its homes, and how far and how weak the way to them is."""

from __future__ import annotations

import heapq
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.feeder import ac_faults, feeder_of
from fastp2p.grid.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OHM_PER_KV2 = 1e3
"""Of an impedance in p.u. of 1 kVA."""


class Feature(NamedTuple):
    """A number that describes a feeder: the name of its column, its unit, and words for figures."""

    name: str
    unit: str
    words: str


FEATURES = (
    Feature("n_bus", "", "Buses"),
    Feature("n_homes", "", "Homes"),
    Feature("length_km", "km", "Length of all lines"),
    Feature("furthest_km", "km", "Way to the furthest home"),
    Feature("furthest_ohm", "ohm", "Largest resistance to a home"),
    Feature("trafo_kva", "kVA", "Transformers"),
    Feature("kva_per_home", "kVA", "Transformers per home"),
    Feature("first_line_a", "A", "Ampacity of the weakest first line"),
    Feature("rise_percent", "%", "Voltage rise, 1 kW from every home"),
)
"""In the order of the columns."""


def feeder_features(network: Network, home: Ints) -> dict[str, float]:
    """The features of a feeder, by the name of their column.

    Parameters
    ----------
    network : Network
    home : (n,) int64
        Positions of the buses that take part, which are its homes.

    Returns
    -------
    dict
        By the names of `FEATURES`; NaN where one is unknown. `n_bus`, `n_homes`: buses, and those that take part.
        `length_km`: of all lines. `furthest_km`: the longest way along lines from an external grid to a home.
        `furthest_ohm`: the largest series resistance between the external grid and a home, transformers included, as seen at
        the home's voltage. `trafo_kva`: rating of the first transformers below the external grids. `kva_per_home`: the same
        per home. `first_line_a`: the smallest ampacity of the lines with homes behind them that no line is above.
        `rise_percent`: by how much the voltage rises at the home where it rises most, if every home feeds in 1 kW:
        Σ R_b × homes behind branch b, along the way to it (`lindistflow` without reactive power). A meshed network has no
        `furthest_ohm`, `first_line_a` and `rise_percent`, one without an AC model neither the first nor the last.
    """
    is_line, n = network.element == "line", len(home)
    km = np.where(is_line, network.length_km, 0.0)
    first = network.upward != 0.0
    kva = float(network.rating_kw[first].sum()) if first.any() else np.nan
    kva = kva if np.isfinite(kva) else np.nan
    ohm, rise = _resistance(network, home) if n and not ac_faults(network) else (np.nan, np.nan)
    return {
        "n_bus": int((network.bus_id >= 0).sum()),
        "n_homes": n,
        "length_km": float(km.sum()),
        "furthest_km": float(_ways_km(network, km)[home].max()) if n and np.isfinite(km).all() else np.nan,
        "furthest_ohm": ohm,
        "trafo_kva": kva,
        "kva_per_home": kva / n if n else np.nan,
        "first_line_a": _first_line(network, is_line, home) if n and network.is_radial else np.nan,
        "rise_percent": rise,
    }


def _ways_km(network: Network, km: Floats) -> Floats:
    """(n_bus,) length of the shortest way to an external grid (Dijkstra 1959)."""
    neighbours: list[list[tuple[int, float]]] = [[] for _ in range(network.n_bus)]
    for f, t, one in zip(network.from_bus.tolist(), network.to_bus.tolist(), km.tolist(), strict=True):
        neighbours[f].append((t, one))
        neighbours[t].append((f, one))
    way = np.full(network.n_bus, np.inf)
    todo = [(0.0, bus) for bus in network.reference_bus.tolist()]
    while todo:  # ends: a way is put in only where it comes from a bus that is reached for the first time
        so_far, bus = heapq.heappop(todo)
        if so_far < way[bus]:
            way[bus] = so_far
            for other, one in neighbours[bus]:
                heapq.heappush(todo, (so_far + one, other))
    return way


def _homes_behind(network: Network, home: Ints) -> Ints:
    """(n_bus,) homes at a bus of a radial network and behind it."""
    count, tree = np.zeros(network.n_bus, np.int64), network.tree
    count[home] = 1
    for bus in tree.order[::-1].tolist():
        if tree.parent[bus] != -1:
            count[tree.parent[bus]] += count[bus]
    return count


def _resistance(network: Network, home: Ints) -> tuple[float, float]:
    """The largest resistance on the way to a home in ohm, and the largest rise in percent if each of them feeds in 1 kW."""
    feeder, behind = feeder_of(network), _homes_behind(network, home)
    way_pu, rise_pu = np.zeros((2, network.n_bus))
    for place, bus in enumerate(feeder.order.tolist()):  # parents before children
        if feeder.parent[place] != -1:
            up, own = feeder.order[feeder.parent[place]], feeder.series[place].real
            way_pu[bus] = feeder.square[place] * way_pu[up] + own
            rise_pu[bus] = feeder.square[place] * rise_pu[up] + own * behind[bus]
    ohm = way_pu * network.base_kv**2 * OHM_PER_KV2
    return float(ohm[home].max()), 100.0 * float(rise_pu[home].max())


def _first_line(network: Network, is_line: NDArray[np.bool_], home: Ints) -> float:
    """Ampacity of the weakest line with homes behind it and no line above it, A; NaN where it is unknown or there is none."""
    tree, behind = network.tree, _homes_behind(network, home)
    has_line, firsts = np.zeros(network.n_bus, bool), []
    for bus in tree.order.tolist():
        up, branch = tree.parent[bus], tree.parent_branch[bus]
        if up != -1:
            has_line[bus] = has_line[up] or is_line[branch]
            if has_line[bus] and not has_line[up] and behind[bus]:
                firsts.append(branch)
    if not firsts:
        return np.nan
    ampere = network.ampacity_ka * network.kw_per_ka / (np.sqrt(3.0) * network.base_kv[network.from_bus])
    weakest = float(ampere[firsts].min())
    return weakest if np.isfinite(weakest) else np.nan
