"""What a clearing asks of the network: its limits as rows, their values, and which books break them.

Two models answer alike: DC branch flows on any network, and LinDistFlow, with apparent power and voltages, on radial ones.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import Injection, RowLayout
from fastp2p.clearing.rows import FACE_KW, ROW_TOLERANCE, LimitRows
from fastp2p.grid.ac import columns_of
from fastp2p.grid.feeder import ac_faults, feeder_of, shared_paths
from fastp2p.grid.lindistflow import linear_flows, linear_model, unloaded_slack_kw
from fastp2p.grid.network import BOOKS_PER_BLOCK, Network
from fastp2p.kernels.grid.flows import screen_meshed, screen_tree
from fastp2p.kernels.grid.lindistflow import screen_linear

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

PHYSICS = ("dc", "lindistflow", "ac")
FACES: Floats = np.stack([f(np.deg2rad(np.arange(15.0, 180.0, 30.0))) for f in (np.cos, np.sin)], axis=1)
"""cos φ and sin φ of the 12-gon's six pairs of faces; its corners lie on the circle, two of them at Q = 0."""


class Screen(NamedTuple):
    """What the flows of every book say, (n_books,): see `kernels.grid.flows.screen_tree`."""

    overload: Ints
    congested: Ints
    loading_percent: Floats
    slack_kw: Floats

    @classmethod
    def empty(cls, n_books: int) -> Screen:
        """Arrays to fill."""
        return cls(np.empty(n_books, np.int64), np.empty(n_books, np.int64), np.empty(n_books), np.empty(n_books))


@dataclass(frozen=True, eq=False)
class DcLimits:
    """Branch flows within ±`limit_kw`; `bus` says which bus a column is."""

    network: Network
    bus: Ints

    @cached_property
    def rows(self) -> LimitRows:
        """A row per branch."""
        return LimitRows.of(self.network)

    @property
    def layout(self) -> RowLayout:
        """A row per branch."""
        return RowLayout(self.network.n_branch, self.network.n_bus, FACE_KW, None)

    def values(self, injection: Injection) -> Floats:
        """(n_books, n_branch) flows, kW."""
        return self.network.flow_kw(injection.kw, self.bus)

    def flows(self, injection: Injection) -> tuple[Floats, Floats]:
        """(n_books, n_branch) kW and kvar; there are none of the latter."""
        flow_kw = self.values(injection)
        return flow_kw, np.broadcast_to(0.0, flow_kw.shape)

    def screen(self, floor: Injection, full: Injection) -> Screen:
        """Every book against the limits, with nothing executed and with everything."""
        network, bus = self.network, self.bus
        n_branch, found = network.n_branch, Screen.empty(len(full.kw))
        limits = (-network.limit_kw, network.limit_kw, ROW_TOLERANCE, network.percent_per_kw, network.root_sign)
        work = (network.work_space(), np.empty((n_branch, BOOKS_PER_BLOCK)), np.empty((n_branch, BOOKS_PER_BLOCK)))
        screen: Callable[..., None] = screen_tree if network.is_radial else screen_meshed
        how = (bus, *network.tree[:4]) if network.is_radial else (network.factors.position[bus], *network.factors[1:])
        screen(floor.kw, full.kw, *how, network.constant_kw, *limits, *work, *found)
        for column in np.flatnonzero(network.is_reference[bus]):
            found.slack_kw[:] -= full.kw[:, column]
        found.slack_kw[:] -= network.fixed_kw[network.reference_bus].sum()
        return found


@dataclass(frozen=True, eq=False)
class LinearLimits:
    """Apparent power of branches within `limit_kw` and voltages within a band, as LinDistFlow has them.

    Attributes
    ----------
    network : Network
        Radial.
    bus : (n_columns,) int64
    band_pu : (lowest, highest) voltage, p.u.
    pv_kvar_per_kw, load_kvar_per_kw : (n_columns,) float64
    """

    network: Network
    bus: Ints
    band_pu: tuple[float, float]
    pv_kvar_per_kw: Floats
    load_kvar_per_kw: Floats

    @cached_property
    def rows(self) -> LimitRows:
        """Six rows per branch and one per bus."""
        network, tree = self.network, self.network.tree
        plus, minus = np.zeros(network.n_bus), np.zeros(network.n_bus)
        plus[self.bus], minus[self.bus] = self.pv_kvar_per_kw, self.load_kvar_per_kw
        bound = np.tile(network.limit_kw * FACES[0, 0], len(FACES))
        least, most = self._squares
        return LimitRows(
            np.concatenate([-bound, least]), np.concatenate([bound, most]), tree.parent, tree.parent_branch,
            tree.parent_sign, tree.depth, FACES, plus, minus, _squares_per_kw(network, plus.tobytes()),
            _squares_per_kw(network, minus.tobytes()),
        )  # fmt: skip

    @property
    def layout(self) -> RowLayout:
        """Six rows per branch and one per bus."""
        return RowLayout(self.network.n_branch, self.network.n_bus, FACES, self.band_pu)

    @property
    def _squares(self) -> tuple[Floats, Floats]:
        """(n_bus,) squares of the band; external grids keep their own voltage, and star points have no limits."""
        least, most = np.full(self.network.n_bus, self.band_pu[0] ** 2), np.full(self.network.n_bus, self.band_pu[1] ** 2)
        least[~self.network.has_band], most[~self.network.has_band] = -np.inf, np.inf
        return least, most

    def values(self, injection: Injection) -> Floats:
        """(n_books, 6 n_branch + n_bus): cos φ P + sin φ Q face by face (kVA), then v² (p.u.)."""
        flow_kw, flow_kvar, square = linear_flows(self.network, self.bus, *injection)
        return np.concatenate([*(c * flow_kw + s * flow_kvar for c, s in FACES.tolist()), square], axis=1)

    def flows(self, injection: Injection) -> tuple[Floats, Floats]:
        """(n_books, n_branch) kW and kvar."""
        flow_kw, flow_kvar, _ = linear_flows(self.network, self.bus, *injection)
        return flow_kw, flow_kvar

    def screen(self, floor: Injection, full: Injection) -> Screen:
        """Every book against the limits, with nothing executed and with everything; loading is that of apparent power."""
        network, feeder = self.network, feeder_of(self.network)
        found, (least, most) = Screen.empty(len(full.kw)), self._squares
        screen_linear(
            floor.kw, floor.kvar, full.kw, full.kvar, columns_of(feeder, self.bus), feeder.parent, linear_model(network),
            np.append(network.limit_kw, np.inf)[feeder.branch], least[feeder.order], most[feeder.order], FACES, ROW_TOLERANCE,
            np.empty((6, network.n_bus, BOOKS_PER_BLOCK)), found.overload, found.congested, found.loading_percent,
        )  # fmt: skip
        np.subtract(unloaded_slack_kw(network), full.kw.sum(axis=1), out=found.slack_kw)
        return found


@lru_cache(maxsize=8)
def _squares_per_kw(network: Network, kvar_per_kw: bytes) -> Floats:
    """(n_bus, n_bus) what a kW at each bus, with its kvar, adds to each squared voltage."""
    r, x = shared_paths(network)
    return 2.0 * (r + x * np.frombuffer(kvar_per_kw))


def limit_faults(network: Network, physics: str, v_min_pu: float, v_max_pu: float) -> list[str]:
    """What is wrong with the limits that a clearing is asked to keep."""
    if physics not in PHYSICS:
        return [f"physics = {physics!r}: must be one of {', '.join(PHYSICS)}"]
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in (v_min_pu, v_max_pu)):
        return [f"v_min_pu = {v_min_pu!r} and v_max_pu = {v_max_pu!r}: both must be numbers"]
    if not 0.0 < v_min_pu < v_max_pu < np.inf:
        return [f"v_min_pu = {v_min_pu:g} and v_max_pu = {v_max_pu:g}: the first must be positive and below the second"]
    if physics == "dc":
        return []
    faults = [f"physics = {physics!r}: {fault}, or use physics = 'dc'" for fault in ac_faults(network)]
    if not faults and not np.isfinite(linear_model(network)).all():
        faults.append(
            f"physics = {physics!r}: the AC power flow of the network without any load has no solution; check its "
            "impedances, capacitances and shunts, or use physics = 'dc'"
        )
    return faults + grid_faults(network, v_min_pu, v_max_pu)


def grid_faults(network: Network, v_min_pu: float, v_max_pu: float) -> list[str]:
    """External grids whose own voltage lies outside a band."""
    outside = network.slack_vm_pu[(network.slack_vm_pu < v_min_pu) | (network.slack_vm_pu > v_max_pu)]
    return [
        f"the external grid's voltage, {vm:g} p.u., lies outside v_min_pu…v_max_pu, {v_min_pu:g}…{v_max_pu:g}; widen the band "
        "or set the grid's vm_pu"
        for vm in outside.tolist()
    ]
