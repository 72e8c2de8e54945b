"""Which buses a contraction keeps so that LinDistFlow's limits of voltages and apparent power stay exact."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.chains import Chains
from fastp2p.grid.contraction import stay_telling
from fastp2p.grid.feeder import feeder_of
from fastp2p.grid.lindistflow import linear_model
from fastp2p.grid.network import Network
from fastp2p.kernels.grid.structs import Feeder

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

NEAR_SQUARE = 5e-10
"""How far a squared voltage may lie from the straight line between two that stay, p.u.: half of the tolerance of rows."""
SAME_WAY = 1e-12
"""How far impedances may lie from a straight line, relative to that of the chain."""


def keep_linear_limits(network: Network, chains: Chains) -> tuple[Bools, Ints]:
    """So that every limit of apparent power and voltage, and the largest loading, stay exact.

    The change of v² along a chain is 2 (R P + X Q) with one P and Q, so the voltages of a chain of one kind of line follow from
    those of its ends; where the kind changes, and where line charging bends the voltages of the unloaded network, buses stay.
    """
    feeder, linear = feeder_of(network), linear_model(network)
    place, sign = feeder.place, network.tree.parent_sign
    below = feeder.order[feeder.branch >= 0]
    constant = np.empty((network.n_branch, 2))
    constant[network.tree.parent_branch[below]] = sign[below, None] * linear[place[below], 3:5]
    stay, telling = stay_telling(network, chains, constant)
    unloaded = linear[place, 5]
    turns = feeder.square[place] != 1.0  # both ends of a transformer off its nominal ratio stay
    stay |= turns
    stay[network.tree.parent[turns]] = True
    for k in range(len(chains)):
        _keep_bends(network, feeder, chains, k, unloaded, stay)
    _keep_dead_ends(network, chains, unloaded, stay)
    return stay, telling


def _keep_bends(network: Network, feeder: Feeder, chains: Chains, k: int, unloaded: Floats, stay: Bools) -> None:
    """The buses of a chain whose voltages do not follow from those of others that stay."""
    bus = np.append(chains.start[k], chains.end[chains.of(k)])
    if len(bus) < 3:
        return
    series = feeder.series[feeder.place[bus]]
    way = np.append(0.0, np.cumsum(series[1:]))
    counts = network.has_band[bus] | network.is_reference[bus]  # an external grid keeps its own voltage
    corners = np.flatnonzero(stay[bus] | ~counts)
    edges = np.unique(np.concatenate([[0, len(bus) - 1], corners]))
    left = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    for begin, end in left:  # ends: every run is shorter than the one before
        inner = np.flatnonzero(network.has_band[bus[begin + 1 : end]]) + begin + 1
        if not len(inner):
            continue
        across = way[end] - way[begin]
        t = ((way[inner] - way[begin]) * np.conj(across)).real / abs(across) ** 2
        off = np.abs(way[inner] - way[begin] - t * across) > SAME_WAY * abs(across)
        line = (1.0 - t) * unloaded[bus[begin]] + t * unloaded[bus[end]]
        bent = np.abs(unloaded[bus[inner]] - line)
        known = counts[begin] and counts[end]
        if known and not off.any() and (bent <= NEAR_SQUARE).all():
            continue
        middle = inner[0] if not known else int(inner[np.argmax(np.where(off, 1.0 + bent, bent))])
        stay[bus[middle]] = True
        left += [(begin, middle), (middle, end)]


def _keep_dead_ends(network: Network, chains: Chains, unloaded: Floats, stay: Bools) -> None:
    """Of all dead ends on one bus, those with the highest and the lowest voltage, which move with that of the bus."""
    alive = chains.kept.copy()
    alive[chains.end] = True
    hangs = np.where(alive, np.arange(network.n_bus), -1)
    for bus in network.tree.order.tolist():
        if not alive[bus]:
            hangs[bus] = hangs[network.tree.parent[bus]]
    dead = np.flatnonzero(~alive & network.has_band)
    for of in np.unique(hangs[dead]).tolist():
        behind = dead[hangs[dead] == of]
        for extreme in (int(behind[np.argmax(unloaded[behind])]), int(behind[np.argmin(unloaded[behind])])):
            if not network.has_band[of] or abs(unloaded[extreme] - unloaded[of]) > NEAR_SQUARE:
                stay[extreme] = True
