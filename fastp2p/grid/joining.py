"""The two-ports of chains and the shunts that dead ends are, from those of branches.

With Y the admittance of a bus inside of a chain, its dead ends and the two-port below it included, the branch above it and that
two-port are one; the bus's own voltage follows from that at the chain's beginning and from the current at its end.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.network import Network
from fastp2p.grid.two_ports import TwoPorts, two_ports

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]
Port = tuple[complex, complex, complex, complex]


class Joined(NamedTuple):
    """What is left of the branches of a network; places are those of `TwoPorts`.

    Attributes
    ----------
    kept : (n,) int64
        Places that are left.
    above : (n_bus,) int64
        The next place above each of them that is left; -1 at external grids, and elsewhere.
    ports : (4, n) complex128
        a, z, y, c of the chains to it.
    series, square : (n,) complex128 and float64
        As in `TwoPorts`.
    percent : (n, 2) float64
        As in `TwoPorts`; zero of chains of several branches, to which `fastp2p.grid.inside` looks.
    shunt : (n_bus,) complex128
        Of the bus itself and its dead ends.
    inner : dict of list
        Of places that are left, those inside of the chain above them, from the beginning on, and what the admittance and the
        current at its end do there: (place, Y, c).
    dead : (n_dead,) int64
        Places in dead ends, parents first.
    shrink : (n_bus,) complex128
        Voltage of a place in a dead end over that of its parent.
    """

    kept: Ints
    above: Ints
    ports: Complexes
    series: Complexes
    square: Floats
    percent: Floats
    shunt: Complexes
    inner: dict[int, list[tuple[int, complex, complex]]]
    dead: Ints
    shrink: Complexes


def join_ports(network: Network) -> Joined:
    """Those of a radial network, or of a contraction of one."""
    ports = two_ports(network.whole)
    is_kept = network.node[ports.order] >= 0
    kept = np.flatnonzero(is_kept)
    if is_kept.all():
        every = np.stack([ports.a, ports.z, ports.y, ports.c])
        nobody, as_above = np.empty(0, np.int64), np.ones(len(kept), np.complex128)
        return Joined(kept, ports.parent, every, ports.series, ports.square, ports.percent, ports.shunt, {}, nobody, as_above)
    alive = is_kept.tolist()
    for i in range(len(alive) - 1, 0, -1):
        if alive[i] and ports.parent[i] >= 0:
            alive[ports.parent[i]] = True
    dead = np.flatnonzero(~np.array(alive))
    shunt, shrink = _fold(ports, dead)
    above, of, percent = np.full(len(alive), -1), np.empty((4, len(kept)), np.complex128), np.zeros((len(kept), 2))
    series, square, inner = ports.series[kept], ports.square[kept], dict[int, list[tuple[int, complex, complex]]]()
    parent, one = ports.parent.tolist(), [of.tolist() for of in ports[3:7]]
    for k, i in enumerate(kept.tolist()):
        up, port = parent[i], (one[0][i], one[1][i], one[2][i], one[3][i])
        inside: list[tuple[int, complex, complex]] = []
        while up != -1 and not is_kept[up]:  # ends: every step goes up the tree
            port, middle = _join((one[0][up], one[1][up], one[2][up], one[3][up]), complex(shunt[up]), port)
            inside.append((up, *middle))
            series[k] += square[k] * ports.series[up]
            square[k] *= ports.square[up]
            up = parent[up]
        above[i], of[:, k] = up, port
        if inside:
            inner[i] = inside[::-1]
        else:
            percent[k] = ports.percent[i]
    return Joined(kept, above, of, series, square, percent, shunt, inner, dead, shrink)


def _join(upper: Port, shunt: complex, lower: Port) -> tuple[Port, tuple[complex, complex]]:
    """The two-port of two with a bus between them; and Y and c of that bus: the current into it is Y V + c J."""
    a, z, y, c = upper
    whole = shunt + lower[2]
    divided = 1.0 + z * whole
    down, back = a / divided, lower[3] / divided
    return (lower[0] * down, lower[0] * z * back + lower[1], y + c * whole * down, c * back), (whole, lower[3])


def _fold(ports: TwoPorts, dead: Ints) -> tuple[Complexes, Complexes]:
    """Shunts of all places with those of their dead ends, and how voltages shrink there."""
    shunt, shrink = ports.shunt.tolist(), np.ones(len(ports.shunt), np.complex128)
    for i in dead[::-1].tolist():
        a, z, y, c = (complex(of[i]) for of in ports[3:7])
        shrink[i] = a / (1.0 + z * shunt[i])
        shunt[int(ports.parent[i])] += y + c * shunt[i] * complex(shrink[i])
    return np.array(shunt, np.complex128), shrink
