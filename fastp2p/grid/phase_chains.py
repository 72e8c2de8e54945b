"""What is left of a three-phase tree for the sweeps: chains joined, dead ends folded, exactly; and what lies inside of them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.phase_blocks import ONE

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Complexes = NDArray[np.complex128]

ALIKE = 1e-13
"""How far currents at both ends of a chain of π may differ, relative to them, and still be called alike: rounding."""
NOTHING = np.zeros((3, 3), np.complex128)


class Blocks(NamedTuple):
    """Of every place, (n_bus, 3, 3) complex128 each.

    Attributes
    ----------
    series : impedance of the branch to the parent, as seen from the child; zero at external grids.
    shunt : all shunts at the bus.
    far, near : those of the branch to the parent, at the child's end and at the parent's.
    is_matrix : (n_bus, 2) bool
        Whether the branch, and whether the shunts at the bus are not circulant.
    """

    series: Complexes
    shunt: Complexes
    far: Complexes
    near: Complexes
    is_matrix: Bools


class Contraction(NamedTuple):
    """A tree of few buses, by place of the whole one, and what lies inside.

    A place that is not kept belongs to an end: the kept place below it on its chain, or above it if it lies on a dead end. Its
    voltage, and the current J into it, are linear in the end's voltage V and the current J' that the sweeps find there.

    Attributes
    ----------
    kept, inner : (n_bus,) bool
        Whether a place is kept; whether it lies on a chain. What is neither lies on a dead end.
    above : (n_bus,) int64
        Of kept places the next one above that is kept; -1 at external grids.
    top : (n_bus,) int64
        The uppermost place of a chain; itself where nothing is inside.
    blocks : Blocks
        Of kept places: of the π that a chain makes, as `Blocks` of a branch.
    turn : (n_bus, 3, 3) complex128
        Of them the current above by that below; one where they are alike.
    end : (n_bus,) int64
    voltage, current : (n_bus, 3, 6) complex128
        What V and J of a place are of V and J' of its end.
    """

    kept: Bools
    inner: Bools
    above: Ints
    top: Ints
    blocks: Blocks
    turn: Complexes
    end: Ints
    voltage: Complexes
    current: Complexes


class _Chain(NamedTuple):
    """A chain as a π, and what is inside of it, from below: (n, 3, 6) each; see `Contraction`."""

    series: Complexes
    lower: Complexes
    upper: Complexes
    turn: Complexes
    voltage: Complexes
    current: Complexes


def contract(parent: Ints, blocks: Blocks, is_turned: Bools, injects: Bools) -> Contraction:
    """The tree of external grids, buses that inject, forks of what leads to them, and both ends of transformers.

    Parameters
    ----------
    parent : (n_bus,) int64
        Place of the parent, which comes before; -1 at external grids.
    blocks : Blocks
    is_turned, injects : (n_bus,) bool
        Whether the branch to the parent is a transformer; whether anybody injects at the bus.
    """
    live, inner = _roles(parent, is_turned, injects)
    shunt, narrowed, is_matrix = _fold(parent, blocks, live)
    n = len(parent)
    above, top, end = np.full(n, -1, np.int64), np.arange(n), np.arange(n)
    turn = np.tile(ONE, (n, 1, 1))
    voltage = np.zeros((n, 3, 6), np.complex128)
    voltage[:, :, :3], current = ONE, np.roll(voltage, 3, axis=2)
    current[:, :, :3], current[:, :, 3:] = NOTHING, ONE
    joined = blocks._replace(series=blocks.series.copy(), shunt=shunt.copy(), far=blocks.far.copy(), near=blocks.near.copy())
    is_row_matrix = is_matrix.copy()
    for i in np.flatnonzero(live & ~inner & (parent != -1)).tolist():
        path, at = [i], int(parent[i])
        while inner[at]:  # ends: every step goes up the tree
            path.append(at)
            at = int(parent[at])
        above[i], top[i] = at, path[-1]
        if len(path) == 1:
            continue
        chain = _join(blocks.series[path], shunt[path])
        end[path], voltage[path], current[path] = i, chain.voltage, chain.current
        joined.series[i], turn[i] = chain.series, chain.turn
        joined.shunt[i] += chain.lower
        joined.shunt[at] += chain.upper
        joined.far[i] += chain.lower
        joined.near[i] = blocks.near[path[-1]] + chain.upper
        is_row_matrix[i, 0] |= bool(is_matrix[path, 0].any() or is_matrix[path[1:], 1].any())
        is_row_matrix[i, 1] |= is_row_matrix[i, 0] and bool(chain.lower.any())
        is_row_matrix[at, 1] |= is_row_matrix[i, 0] and bool(chain.upper.any())
    for i in np.flatnonzero(~live).tolist():
        end[i] = end[parent[i]]
        voltage[i] = narrowed[i] @ voltage[parent[i]]
        current[i] = shunt[i] @ voltage[i]
    return Contraction(live & ~inner, inner, above, top, joined._replace(is_matrix=is_row_matrix), turn, end, voltage, current)


def _roles(parent: Ints, is_turned: Bools, injects: Bools) -> tuple[Bools, Bools]:
    """Whether a bus leads to one that injects, or to a transformer; and whether it is inside of a chain."""
    live = injects | is_turned | (parent == -1)
    for i in range(len(parent) - 1, -1, -1):
        if live[i] and parent[i] != -1:
            live[parent[i]] = True
    below = np.flatnonzero(live & (parent != -1))
    children = np.bincount(parent[below], minlength=len(parent))
    at_turn = is_turned | (parent == -1)
    at_turn[parent[below[is_turned[below]]]] = True
    return live, live & (children == 1) & ~injects & ~at_turn


def _fold(parent: Ints, blocks: Blocks, live: Bools) -> tuple[Complexes, Complexes, Bools]:
    """Shunts with what dead ends draw; (1 + Z Y)⁻¹ of them, voltage by the parent's; and what is not circulant then."""
    shunt, is_matrix = blocks.shunt.copy(), blocks.is_matrix.copy()
    narrowed = np.tile(ONE, (len(parent), 1, 1))
    for i in np.flatnonzero(~live)[::-1].tolist():
        if not shunt[i].any():
            continue
        narrowed[i] = np.linalg.inv(ONE + blocks.series[i] @ shunt[i])
        shunt[parent[i]] += shunt[i] @ narrowed[i]
        is_matrix[parent[i], 1] |= is_matrix[i].any()
    return shunt, narrowed, is_matrix


def _join(series: Complexes, shunt: Complexes) -> _Chain:
    """The π of a chain, from its lower end upwards; the shunt at that end is left out.

    From below, with V and J at the lower end, a bus inside has V_m = V + A V + Z J and J_m = C V + D J. Of what comes out at
    the upper end a π keeps Z. Its shunt below is L = Z⁻¹ A, so that J' = J + L V; that above is U = C - D L. What is left of
    the current, D - U Z, need not be one: matrices do not commute.
    """
    n = len(series)
    lift, z, c, d = NOTHING, series[0], NOTHING, ONE
    inside = np.zeros((4, n, 3, 3), np.complex128)
    inside[3, 0] = ONE
    for m in range(1, n):
        inside[0, m], inside[1, m] = lift, z
        if shunt[m].any():
            c, d = c + shunt[m] + shunt[m] @ lift, d + shunt[m] @ z
        inside[2, m], inside[3, m] = c, d
        lift, z = lift + series[m] @ c, z + series[m] @ d
    lower = NOTHING
    if lift.any():
        filled = z + np.diag(np.diagonal(z) == 0.0)  # of phases that the chain lacks nothing comes back
        lower = np.asarray(np.linalg.solve(filled, lift), np.complex128)
    upper = c - d @ lower
    turn = d - upper @ z
    if np.abs(turn - ONE).max() <= ALIKE:
        turn = ONE
    voltage = np.concatenate([ONE + inside[0] - inside[1] @ lower, inside[1]], axis=2)
    current = np.concatenate([inside[2] - inside[3] @ lower, inside[3]], axis=2)
    return _Chain(z, lower, upper, turn, voltage, current)


def losses_of(blocks: Blocks, places: Contraction) -> Complexes:
    """(n_bus, 6, 6) of kept places: the losses in an end's chain, its shunts and dead ends, a form in V and J' of the end."""
    n = len(places.end)
    forms, by_place = np.zeros((2, n, 6, 6), np.complex128)
    for what, block in ((places.current, blocks.series), (places.voltage, blocks.shunt)):
        of = 0.5 * (block + np.conj(np.swapaxes(block, 1, 2)))
        by_place += np.conj(np.swapaxes(what, 1, 2)) @ of @ what
    np.add.at(forms, places.end, by_place)
    return forms
