"""What is inside of the chains and dead ends of a contracted network, as AC power flows see it: where extremes may lie.

With nobody between the ends of a chain, the voltages and currents inside are linear forms κ V + λ J of the voltage at its
beginning and the current at its end. One after the other they lie near the straight line between any two of them, so that most
of a chain is ruled out at a look (`fastp2p.kernels.grid.inside`).
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.feeder import joined
from fastp2p.grid.joining import Joined
from fastp2p.grid.network import Network
from fastp2p.grid.two_ports import TwoPorts, two_ports
from fastp2p.kernels.grid.inside import SEEN, Inside, Points

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]
Form = tuple[complex, complex]
Run = list[tuple[complex, complex, int]]

UNCOUNTED = -2
LINE = 1e-2
"""How far from one a and c of a line are at most; with more charging a chain is looked into as if it had a transformer."""
STRAIGHT = 1e-13
"""How near forms, relative to their size, lie to a straight line between the ends of a chain that is one."""


class _Dead(NamedTuple):
    """What dead ends have at most and at least, beside the voltage of the bus that they hang on, by place.

    `high`, `low` and their buses include the bus itself; -2 where no voltage counts. `load` is percent per p.u.
    """

    high: list[complex]
    high_bus: list[int]
    low: list[complex]
    low_bus: list[int]
    load: list[float]


@lru_cache(maxsize=32)
def inside_of(network: Network) -> Inside:
    """What to look at inside of a network, which may be a contraction; made once."""
    ports, (_, joins) = two_ports(network.whole), joined(network)
    counts = network.whole.has_band[ports.order]
    dead = _dead_ends(counts, ports, joins)
    low, high, loaded = list[Run](), list[Run](), list[Run]()
    waste = list[tuple[int, complex, complex]]()
    percent, steady = joins.percent.copy(), np.zeros((3, len(joins.kept), 6))
    steady[..., 4] = np.inf
    for k, i in enumerate(joins.kept.tolist()):
        a, z = joins.ports[:2, k].tolist()
        voltages, currents = _forms(ports, joins, i, (a, -z))
        waste += [(k, dead.load[at] * form[0], dead.load[at] * form[1]) for at, form in voltages if dead.load[at] > 0.0]
        if i not in joins.inner:
            low, high, loaded = [*low, []], [*high, []], [*loaded, []]
            continue
        ends = bool(counts[joins.above[i]]), bool(counts[i])
        low.append(_scaled(voltages, ends, dead.low, dead.low_bus))
        high.append(_scaled(voltages, ends, dead.high, dead.high_bus))
        for side, scale in enumerate((dead.low, dead.high)):
            if all(scale[at] == 1.0 for at, _ in voltages[:-1]):
                steady[side, k] = _steady(ports, [at for at, _ in voltages], [form for _, form in currents[1::2]])
        moving = [(p * one, p * other, UNCOUNTED) for p, (one, other) in currents if p > 0.0 and one != 0.0]
        percent[k, 1] = max((p * abs(other) for p, (one, other) in currents if one == 0.0), default=0.0)
        loaded.append(moving)
        if moving:
            of_v, of_j = (max(abs(form[side]) ** 2 for form in moving) for side in (0, 1))
            steady[2, k, 4:] = 1.01 * of_j, 101.0 * of_v  # (x + y)² ≤ 1.01 x² + 101 y²
    at = joins.kept
    most, least = (np.array([abs(of[i]) ** 2 for i in at.tolist()]) for of in (dead.high, dead.low))
    high_bus, low_bus = (np.array(of)[at] for of in (dead.high_bus, dead.low_bus))
    return Inside(
        low=_points(low, curved=False), high=_points(high, curved=True), loaded=_points(loaded, curved=False),
        low_square=np.where(low_bus < 0, np.inf, least), low_bus=low_bus,
        high_square=np.where(high_bus < 0, 0.0, most), high_bus=high_bus, steady=steady, percent=percent,
        waste_at=np.array([at for at, _, _ in waste], np.int64), waste=_split([(one, other) for _, one, other in waste]),
        waste_most=max((load**2 for load in dead.load), default=0.0),
    )  # fmt: skip


def _dead_ends(counts: NDArray[np.bool_], ports: TwoPorts, joins: Joined) -> _Dead:
    """From the leaves up; of equal voltages the bus nearer to the external grid counts."""
    bus = [int(one) if has else UNCOUNTED for one, has in zip(ports.order, counts, strict=True)]
    dead = _Dead([1.0 + 0.0j] * len(bus), bus.copy(), [1.0 + 0.0j] * len(bus), bus.copy(), [0.0] * len(bus))
    for i in joins.dead[::-1].tolist():
        up, shrink, behind = int(ports.parent[i]), complex(joins.shrink[i]), complex(joins.shunt[i])
        near, far = ports.y[i] + ports.c[i] * behind * shrink, behind * shrink
        load = max(ports.percent[i, 0] * abs(near), ports.percent[i, 1] * abs(far), dead.load[i] * abs(shrink))
        dead.load[up] = max(dead.load[up], load)
        for of, of_bus, sign in ((dead.high, dead.high_bus, 1.0), (dead.low, dead.low_bus, -1.0)):
            one = of[i] * shrink
            if of_bus[i] >= 0 and (of_bus[up] < 0 or sign * (abs(one) - abs(of[up])) > 0.0):
                of[up], of_bus[up] = one, of_bus[i]
    return dead


def _forms(ports: TwoPorts, joins: Joined, i: int, end: Form) -> tuple[list[tuple[int, Form]], list[tuple[float, Form]]]:
    """Voltages of the places of the chain to place i, which comes last; percent and currents of both ends of its branches."""
    before: Form = (1.0 + 0.0j, 0.0j)
    voltages, currents = list[tuple[int, Form]](), list[tuple[float, Form]]()
    for place, whole, back in [*joins.inner.get(i, []), (i, 0.0j, 1.0 + 0.0j)]:
        a, z, y, c = (complex(of[place]) for of in ports[3:7])
        if place == i:
            form = end
        else:
            divided = 1.0 + z * whole
            form = a * before[0] / divided, (a * before[1] - z * back) / divided
        far = whole * form[0], whole * form[1] + back
        near = y * before[0] + c * far[0], y * before[1] + c * far[1]
        currents += [(float(ports.percent[place, 0]), near), (float(ports.percent[place, 1]), far)]
        voltages.append((place, form))
        before = form
    return voltages, currents


def _steady(ports: TwoPorts, places: list[int], far: list[Form]) -> Floats:
    """(6,) as `Inside.steady` of a chain; `far` are the currents at the ends of its branches."""
    a, z, c = (of[places] for of in (ports.a, ports.z, ports.c))
    never = np.array([0.0, 0.0, 0.0, 0.0, np.inf, 0.0])
    if max(np.abs(a - 1.0).max(), np.abs(c - 1.0).max()) > LINE or not z.all():
        return never  # a transformer
    turn = np.angle(z / z[0])
    if np.ptp(turn) > 0.5 * np.pi:
        return never
    one, other = (z[at] / abs(z[at]) for at in (int(np.argmin(turn)), int(np.argmax(turn))))
    of_v, of_j = max(abs(one) for one, _ in far), max(abs(other - 1.0) for _, other in far)
    shunted = float((np.abs(a - 1.0) / np.abs(z)).max()) + of_v + of_j
    return np.array([one.real, one.imag, other.real, other.imag, 2.0 * (np.abs(z).sum() + of_j), 2.0 * shunted])


def _scaled(voltages: list[tuple[int, Form]], ends: tuple[bool, bool], scale: list[complex], bus: list[int]) -> Run:
    """Forms of a chain's places and the buses that they are of. Ends that count are seen anyway; others are left out."""
    run = [(scale[at] * one, scale[at] * other, bus[at]) for at, (one, other) in voltages[:-1]]
    while run and not ends[0] and run[0][2] < 0:
        run = run[1:]
    while run and not ends[1] and run[-1][2] < 0:
        run = run[:-1]
    begin = [(1.0 + 0.0j, 0.0j, SEEN)] if ends[0] else []
    end = [(*voltages[-1][1], SEEN)] if ends[1] else []
    return [*begin, *run, *end] if run else []


def _points(runs: list[Run], curved: bool) -> Points:
    """Forms of one run after the other; `curved`: of those that lie on a straight line only the ends may count."""
    forms, buses, gaps, first = [np.empty((0, 2), np.complex128)], [np.empty(0, np.int64)], [np.empty((0, 2))], [0]
    for run in runs:
        form, bus = np.array([of[:2] for of in run], np.complex128).reshape(-1, 2), np.array([of[2] for of in run], np.int64)
        gap = _gaps(form)
        if curved and len(run) and (gap[(len(run) - 1) // 2] <= STRAIGHT * np.abs(form).max(axis=0)).all():
            some = [at for at in {0, len(run) - 1} if bus[at] != SEEN]
            form, bus, gap = form[some], bus[some], np.zeros((len(some), 2))
        forms.append(form)
        gaps.append(gap)
        buses.append(bus)
        first.append(first[-1] + len(form))
    return Points(np.array(first), _split(np.concatenate(forms)), np.concatenate(gaps), np.concatenate(buses))


def _gaps(form: Complexes) -> Floats:
    """(n, 2) of the run of forms halved at each place: how far those inside lie from the straight line between its ends."""
    gap, left = np.zeros((len(form), 2)), [(0, len(form) - 1)]
    for begin, end in left:  # ends: every run is shorter than the one before
        if end - begin < 2:
            continue
        middle = (begin + end) // 2
        inner, across = form[begin + 1 : end] - form[begin], form[end] - form[begin]
        length = float((np.abs(across) ** 2).sum())
        t = np.clip((inner @ across.conj()).real / length, 0.0, 1.0) if length > 0.0 else np.zeros(len(inner))
        gap[middle] = np.abs(inner - t[:, None] * across).max(axis=0)
        left += [(begin, middle), (middle, end)]
    return gap


def _split(form: Complexes | list[Form]) -> Floats:
    """(n, 4) real and imaginary parts of κ and λ."""
    return np.ascontiguousarray(np.array(form, np.complex128).reshape(-1, 2)).view(np.float64)
