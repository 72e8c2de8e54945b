"""The feeder as lines and dots: as a tree, and as a map where the network has coordinates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError
from fastp2p.figures.layout import tree_layout
from fastp2p.grid.network import Network
from fastp2p.io.coordinates import bus_coordinates

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

WIDTH, MARGIN = 1_000.0, 24.0
"""Of a drawing, in units of its own: the page scales it."""
LEVEL, HEIGHTS = 42.0, (260.0, 640.0)
"""Of a level of the tree, and of all of it."""

RADII = (1.6, 9.0)
LABELLED = 60
"""Buses up to which each has its number beside it."""
DRAWN_TWICE = 2_000
"""Buses up to which there is a tree beside a map; more would take megabytes."""
APART = 0.6
"""Part of the buses that must have a place of their own on a map."""


class Dot(NamedTuple):
    """A bus: place, radius, position in the network's arrays, what it is, and its number where that is shown."""

    x: float
    y: float
    r: float
    bus: int
    kind: str
    label: str


class Line(NamedTuple):
    """A branch: its ends, its position in the network's arrays, and whether it closes a loop."""

    x1: float
    y1: float
    x2: float
    y2: float
    branch: int
    is_loop: bool


@dataclass(frozen=True)
class Drawing:
    """Lines and dots in a box, and the widths of lines and of the rings of dots."""

    width: float
    height: float
    stroke: float
    ring: float
    lines: list[Line]
    dots: list[Dot]


def draw_feeder(network: Network, source: str, participant: Ints) -> dict[str, Drawing]:
    """The drawings of a network, the first one to be shown first.

    Parameters
    ----------
    network : Network
    source : str
        Where it was loaded from, and so may have coordinates.
    participant : (n,) int
        Positions of the buses where somebody takes part.
    """
    layout = tree_layout(network)
    in_tree = np.isin(np.arange(network.n_branch), layout.parent_branch)
    tree = np.column_stack([layout.x, layout.depth.astype(np.float64)])
    drawings = {}
    if (place := map_places(network, source)) is not None:
        drawings["map"] = _draw(network, place, in_tree, participant, keep_aspect=True)
    if not drawings or network.n_bus <= DRAWN_TWICE:
        drawings["tree"] = _draw(network, tree, in_tree, participant, keep_aspect=False)
    return drawings


def map_places(network: Network, source: str) -> Floats | None:
    """(n_bus, 2) places with y downwards; None where the network has none for its buses, or nearly all at one place."""
    try:
        bus, place = bus_coordinates(source)
    except InputError:  # of a network that was given in Python
        return None
    real = network.bus_id >= 0
    if not len(bus) or not np.isin(network.bus_id[real], bus).all():
        return None
    places = np.full((network.n_bus, 2), np.nan)
    places[real] = place[np.searchsorted(bus, network.bus_id[real])]
    if len(np.unique(places[real], axis=0)) < APART * real.sum():
        return None
    for inner in np.flatnonzero(~real).tolist():  # in the middle of its neighbours
        others = np.concatenate([network.to_bus[network.from_bus == inner], network.from_bus[network.to_bus == inner]])
        known = places[others][np.isfinite(places[others, 0])]
        places[inner] = known.mean(axis=0) if len(known) else places[real].mean(axis=0)
    longitude, latitude = places.T
    if np.abs(latitude).max() <= 90.0 and np.abs(longitude).max() <= 180.0 and np.ptp(latitude) < 5.0:
        places[:, 0] *= np.cos(np.deg2rad(latitude.mean()))
    places[:, 1] *= -1.0
    return places


def _draw(network: Network, place: Floats, in_tree: NDArray[np.bool_], participant: Ints, *, keep_aspect: bool) -> Drawing:
    """Lines and dots at these places, scaled to the width of a drawing."""
    low, size = place.min(axis=0), np.maximum(np.ptp(place, axis=0), 1e-12)
    inner = WIDTH - 2.0 * MARGIN
    if keep_aspect:
        scale = np.full(2, min(inner / size[0], (HEIGHTS[1] - 2.0 * MARGIN) / size[1]))
    else:
        scale = np.array([inner / size[0], (np.clip(LEVEL * (size[1] + 1.0), *HEIGHTS) - 2.0 * MARGIN) / size[1]])
    at = MARGIN + (place - low) * scale
    height = max(float(at[:, 1].max()) + MARGIN, 80.0)
    at[:, 0] += (WIDTH - 2.0 * MARGIN - size[0] * scale[0]) / 2.0  # in the middle
    radius = _radius(at, network)
    takes_part = np.zeros(network.n_bus, bool)
    takes_part[participant] = True
    is_grid = np.isin(np.arange(network.n_bus), network.reference_bus)
    labelled = network.n_bus <= LABELLED
    dots = [
        Dot(
            round(x, 1), round(y, 1), round(radius * (1.0 if takes_part[bus] or is_grid[bus] else 0.6), 1), bus,
            "grid" if is_grid[bus] else "member" if takes_part[bus] else "node",
            str(network.bus_id[bus]) if labelled and network.bus_id[bus] >= 0 else "",
        )
        for bus, (x, y) in enumerate(at.tolist())
    ]  # fmt: skip
    ends = np.round(np.column_stack([at[network.from_bus], at[network.to_bus]]), 1).tolist()
    lines = [Line(x1, y1, x2, y2, branch, not in_tree[branch]) for branch, (x1, y1, x2, y2) in enumerate(ends)]
    return Drawing(WIDTH, round(height, 1), round(max(1.2, 0.5 * radius), 1), round(0.3 * radius, 2), lines, dots)


def _radius(at: Floats, network: Network) -> float:
    """A radius at which most neighbouring dots stay apart."""
    lengths = np.hypot(*(at[network.from_bus] - at[network.to_bus]).T)
    same_level = np.diff(np.unique(np.round(at[:, 0], 1)))
    gaps = [np.quantile(lengths, 0.2) if len(lengths) else 99.0, 2.0 * np.median(same_level) if len(same_level) else 99.0]
    return float(np.clip(0.4 * min(gaps), *RADII))
