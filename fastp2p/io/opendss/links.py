"""Links of a circuit: what lies between two buses, as one branch, per unit of 1 kVA and of the base voltages."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastp2p.io.opendss.circuit import Element
from fastp2p.io.opendss.conductors import Nodes, phase_admittance

Floats = NDArray[np.float64]
Complexes = NDArray[np.complex128]

NOISE = 1e-12
"""Of the series admittance; smaller shunts are what rounding has left."""
ALIKE = 1e-9
_TURN = np.exp(2j * np.pi / 3.0)
SEQUENCES = np.array([[1, 1, 1], [1, _TURN**2, _TURN], [1, _TURN, _TURN**2]])
"""Voltages of the phases a, b, c from those of the zero, positive and negative sequence."""


@dataclass(frozen=True)
class Link:
    """Elements between two buses as a branch of ``fastp2p.Network``.

    Attributes
    ----------
    elements : list of Element
        One, or several of different phases.
    ends : tuple of str
    has : (3,) bool
        Which phases it has.
    ratio : (3,) float64
        Of the ideal transformer of each phase at the first end.
    turn : complex
        By which a delta winding turns the positive sequence; 1 elsewhere.
    to_ground : bool
        Whether no zero sequence passes: the first end is a delta winding or a star that is not earthed.
    series, from_shunt, to_shunt : (3, 3) complex128
        Between phases; where `to_ground`, those of the positive sequence alone.
    zero : tuple of complex
        Where `to_ground`: impedance from the second end to ground, admittance at the first.
    """

    elements: list[Element]
    ends: tuple[str, str]
    has: NDArray[np.bool_]
    ratio: Floats
    turn: complex
    to_ground: bool
    series: Complexes
    from_shunt: Complexes
    to_shunt: Complexes
    zero: tuple[complex, complex] = (0j, 0j)


def line_voltage(element: Element, winding: int) -> float:
    """Rated voltage of a winding between phases, kV."""
    kv: float = element.about["windings"][winding]["kv"]
    return kv * np.sqrt(3.0) if element.n_phases == 1 else kv


def rated_ratio(element: Element, base: Floats) -> float:
    """Of a transformer of two windings, from its first to its second end."""
    first, second = (line_voltage(element, one) * element.about["windings"][one]["tap"] for one in (0, 1))
    return float(first / base[0] / (second / base[1]))


def link_of(elements: list[Element], base: Floats, earthed: Nodes) -> Link:
    """The link that elements between the same two buses make, each phase of one of them alone.

    Parameters
    ----------
    elements : list of Element
    base : (2,) float64
        Base voltages of the ends of the first element, kV.
    earthed : set of nodes
    """
    ends = (elements[0].ends[0].bus, elements[0].ends[1].bus)
    y, ratio = np.zeros((6, 6), np.complex128), np.full(3, base[1] / base[0])
    has, charges = np.zeros(3, bool), False
    for element in elements:
        own = phase_admittance(element, earthed)
        if element.ends[0].bus != ends[0]:
            own = np.roll(own, (3, 3), (0, 1))
        y += own
        phases = np.abs(np.diag(own[:3, 3:])) > 0.0
        phases |= np.abs(np.diag(own)[3:]) > 0.0
        has |= phases
        is_transformer = element.kind == "Transformer"
        charges |= is_transformer or element.about.get("charges", False)
        if is_transformer:
            turned = element.ends[0].bus != ends[0]
            ratio[phases] = 1.0 / rated_ratio(element, base[::-1]) if turned else rated_ratio(element, base)
    kv = np.repeat(base, 3)
    y *= kv[:, None] * kv * 1e3  # siemens times ohm of 1 kVA
    if elements[0].kind == "Transformer" and is_unearthed(elements[0], 0, earthed):
        return _turning(elements, ends, y, float(ratio[0]))
    if elements[0].kind == "Transformer" and is_unearthed(elements[0], 1, earthed):
        return _turning(elements, ends[::-1], np.roll(y, (3, 3), (0, 1)), float(1.0 / ratio[0]))
    y_ff, y_tf, y_tt = y[:3, :3], y[3:, :3], y[3:, 3:]
    through = -y_tf * ratio
    through = (through + through.T) / 2.0
    from_shunt = ratio[:, None] * y_ff * ratio - through if charges else np.zeros((3, 3), np.complex128)
    to_shunt = y_tt - through if charges else np.zeros((3, 3), np.complex128)
    limit = NOISE * np.abs(through).max()
    from_shunt[np.abs(from_shunt) < limit] = 0.0
    to_shunt[np.abs(to_shunt) < limit] = 0.0
    series = np.zeros((3, 3), np.complex128)
    at = np.ix_(has, has)
    series[at] = np.linalg.inv(through[at])
    return Link(elements, ends, has, ratio, 1.0, False, series, from_shunt, to_shunt)


def is_unearthed(element: Element, end: int, earthed: Nodes) -> bool:
    """Whether a winding of a transformer is a delta, or a star whose neutral is not earthed."""
    winding = element.about["windings"][end]
    if winding["is_delta"]:
        return True
    neutral = [node for node in element.ends[end].nodes if node > 3]
    return bool(neutral) and (element.ends[end].bus, neutral[0]) not in earthed and winding["r_neutral"] < 0.0


def _turning(elements: list[Element], ends: tuple[str, str], y: Complexes, ratio: float) -> Link:
    """A transformer whose first winding lets no zero sequence through, in sequences: its blocks are circulant."""
    inverse = np.linalg.inv(SEQUENCES)
    zero, one = (
        np.array([[(inverse @ y[3 * f : 3 * f + 3, 3 * t : 3 * t + 3] @ SEQUENCES)[s, s] for t in (0, 1)] for f in (0, 1)])
        for s in (0, 1)
    )
    through = ratio * np.sqrt(one[0, 1] * one[1, 0])
    through = through if through.real > 0.0 else -through
    turn = -through / one[1, 0] / ratio
    turn = np.exp(1j * np.radians(30.0 * np.round(np.degrees(np.angle(turn)) / 30.0)))
    eye = np.eye(3, dtype=np.complex128)
    shunts = (one[0, 0] * ratio**2 - through, one[1, 1] - through)
    return Link(
        elements, ends, np.ones(3, bool), np.full(3, ratio), complex(turn), True, eye / through, eye * shunts[0],
        eye * shunts[1], (complex(1.0 / zero[1, 1]) if zero[1, 1] else np.inf, complex(zero[0, 0] * ratio**2)),
    )  # fmt: skip


def sequences_of(matrix: Complexes) -> tuple[complex, complex] | None:
    """Zero and positive sequence of a matrix between phases; None where the phases are not alike."""
    own, other = np.diag(matrix), matrix[~np.eye(3, dtype=bool)]
    size = np.abs(matrix).max()
    if np.abs(own - own[0]).max() > ALIKE * size or np.abs(other - other[0]).max() > ALIKE * size:
        return None
    return complex(own.mean() + 2.0 * other.mean()), complex(own.mean() - other.mean())


def balanced_value(matrix: Complexes, has: NDArray[np.bool_]) -> complex:
    """What stands for a matrix in a balanced model: the mean of phases less the mean of what couples them."""
    own = matrix[np.ix_(has, has)]
    n = len(own)
    other = (own.sum() - np.trace(own)) / (n * (n - 1)) if n > 1 else 0.0
    return complex(np.trace(own) / n - other)
