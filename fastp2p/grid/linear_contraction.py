"""Which buses a contraction keeps so that LinDistFlow's limits of voltages and apparent power stay exact."""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

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


class InnerBuses(NamedTuple):
    """Buses inside of the chains of a contraction: their squared voltages lie on a line between those of both ends.

    Attributes
    ----------
    upper, lower : (n_chains,) int64
        Ends of the chains that have any, as buses of the contraction; the upper one is nearer to the external grid.
    first : (n_chains + 1,) int64
        Buses ``first[k]:first[k + 1]`` are those of chain k, the upper ones first.
    bus : (n,) int64
        Buses of the whole network that have a band.
    share : (n,) float64
        How far each lies from the upper end, 0…1.
    bent : (n,) float64, p.u.
        By how much its squared voltage lies above the line, whatever is injected.
    """

    upper: Ints
    lower: Ints
    first: Ints
    bus: Ints
    share: Floats
    bent: Floats


def keep_linear_limits(network: Network, chains: Chains) -> tuple[Bools, Ints]:
    """So that every limit of apparent power and voltage, and the largest loading, stay exact.

    The change of v² along a chain is 2 (R P + X Q) with one P and Q, so the voltages of a chain of one kind of line follow from
    those of its ends; where the kind changes, and where line charging bends the voltages of the unloaded network, buses stay.

    A limit that the base breaks becomes the base's value. For powers the same members tell of their chain then: where one is
    beyond its limit, no power of the chain may grow in that direction, and where none of those is, none is. So it is for dead
    ends, whose voltages move with that of a bus. For voltages inside of chains there is `fastp2p.clearing.kinks`.
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
    _keep_dead_ends(network, chains, unloaded, turns, stay)
    return stay, telling


def _keep_bends(network: Network, feeder: Feeder, chains: Chains, k: int, unloaded: Floats, stay: Bools) -> None:
    """The buses of a chain whose voltages do not follow from those of others that stay."""
    bus = np.append(chains.start[k], chains.end[chains.of(k)])
    if len(bus) < 3:
        return
    way = np.append(0.0, np.cumsum(feeder.series[feeder.place[bus[1:]]]))
    counts = network.has_band[bus] | network.is_reference[bus]  # an external grid keeps its own voltage
    corners = np.flatnonzero(stay[bus] | ~counts)
    bends = find_bends(np.stack([way.real, way.imag], axis=1), unloaded[bus, None], network.has_band[bus], counts, corners)
    stay[bus[bends]] = True


def find_bends(way: Floats, unloaded: Floats, is_limited: Bools, counts: Bools, corners: Ints) -> list[int]:
    """Places of a chain, besides its ends and others that stay, so that the squared voltages of all are on lines between these.

    Parameters
    ----------
    way : (n, k) float64
        Impedance from the first place to each.
    unloaded : (n, m) float64, p.u.
        Squared voltages without injections, of one phase or more.
    is_limited, counts : (n,) bool
        Whether a voltage has limits, and whether it tells of others: it has limits, or never changes.
    corners : (n_corners,) int64
        Places that stay.
    """
    bends, edges = list[int](), np.unique(np.concatenate([[0, len(way) - 1], corners]))
    left = list(zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True))
    for begin, end in left:  # ends: every run is shorter than the one before
        inner = np.flatnonzero(is_limited[begin + 1 : end]) + begin + 1
        if not len(inner):
            continue
        across, so_far = way[end] - way[begin], way[inner] - way[begin]
        length = float((across**2).sum())
        t = so_far @ across / length if length > 0.0 else np.zeros(len(inner))
        aside = np.sqrt(((so_far - t[:, None] * across) ** 2).sum(axis=1)) + np.maximum(-t, t - 1.0).clip(0.0) * np.sqrt(length)
        off = aside > SAME_WAY * np.sqrt(length)
        line = (1.0 - t)[:, None] * unloaded[begin] + t[:, None] * unloaded[end]
        bent = np.abs(unloaded[inner] - line).max(axis=1)
        known = counts[begin] and counts[end]
        if known and not off.any() and (bent <= NEAR_SQUARE).all():
            continue
        farthest = np.argmax(aside) if off.any() else np.argmax(bent)
        middle = int(inner[farthest if known else 0])
        bends.append(middle)
        left += [(begin, middle), (middle, end)]
    return bends


def _keep_dead_ends(network: Network, chains: Chains, unloaded: Floats, turns: Bools, stay: Bools) -> None:
    """Of all dead ends on one bus, those with the highest and the lowest voltage, which move with that of the bus.

    What lies behind a transformer off its nominal ratio, where `turns`, hangs on its lower end and moves with that.
    """
    alive = chains.kept | turns
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


@lru_cache(maxsize=32)
def inner_buses(network: Network) -> InnerBuses:
    """Those of a contraction that `keep_linear_limits` is for, made once; the whole network has none."""
    whole, none = network.whole, np.empty(0, np.int64)
    if whole is network:
        return InnerBuses(none, none, np.zeros(1, np.int64), none, np.empty(0), np.empty(0))
    feeder, above = feeder_of(whole), whole.tree.parent_branch
    chain = np.where(above >= 0, network.chain[above], -1)
    bus = np.flatnonzero((network.node < 0) & whole.has_band & (chain >= 0))
    below = np.empty(network.n_branch, np.int64)
    child = np.flatnonzero(network.tree.parent_branch >= 0)
    below[network.tree.parent_branch[child]] = child
    lower = below[chain[bus]]
    upper = network.tree.parent[lower]
    way = feeder.series.copy()
    for place, up in enumerate(feeder.parent.tolist()):
        if up >= 0:
            way[place] += way[up]
    way = way[feeder.place]
    begin, end = network.bus_of[upper], network.bus_of[lower]
    across = way[end] - way[begin]
    with np.errstate(invalid="ignore"):
        share = ((way[bus] - way[begin]) * np.conj(across)).real / np.abs(across) ** 2
    # others there are in dead ends alone, where a negative reactance may turn back; those that stay tell of them
    inside = (share >= 0.0) & (share <= 1.0)
    bus, lower, begin, end, share = (of[inside] for of in (bus, lower, begin, end, share))
    unloaded = linear_model(whole)[feeder.place, 5]
    bent = unloaded[bus] - (1.0 - share) * unloaded[begin] - share * unloaded[end]
    order = np.lexsort((share, lower))
    of_chain, first = np.unique(lower[order], return_index=True)
    return InnerBuses(
        network.tree.parent[of_chain], of_chain, np.append(first, len(bus)), bus[order], share[order], bent[order]
    )
