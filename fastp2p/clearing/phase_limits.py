"""The limits of a three-phase network as rows, and which books break them: per conductor, by active power or LinDist3Flow."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import Injection
from fastp2p.clearing.families import FACES
from fastp2p.clearing.limits import Limits
from fastp2p.clearing.phase_families import TERMINALS, PhaseVoltage, phase_families, upper_ends
from fastp2p.clearing.phase_joints import find_joints
from fastp2p.clearing.phase_places import merge_places, telling_places
from fastp2p.clearing.rows import FACE_KW, ROW_TOLERANCE, RowFamily, bounds_of
from fastp2p.grid.ac import AcSolver
from fastp2p.grid.lindist3flow import (
    PhaseLinearFlows,
    PhaseModel,
    linear_phase_flows,
    phase_model,
    unloaded_phases_kw,
    work_space,
)
from fastp2p.grid.network import Network
from fastp2p.grid.phases import PHASE_SWEEPS
from fastp2p.kernels.clearing.limits import Bounds, Screen
from fastp2p.kernels.clearing.phase_limits import screen_phases
from fastp2p.kernels.structs import Columns, Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int8]


@dataclass(frozen=True, eq=False)
class PhaseLimits(Limits):
    """Limits of conductors, and voltages of phases.

    Attributes
    ----------
    network : Network
        Radial, of three phases.
    bus : (n_columns,) int64
    pv_phase, load_phase : (n_books, n_columns) int8
        How each column is connected, where it feeds in and where it draws.
    band_pu : (lowest, highest) voltage, p.u., or None
        None: active power alone.
    pv_kvar_per_kw, load_kvar_per_kw : (n_columns,) float64
    """

    pv_phase: Codes
    load_phase: Codes
    band_pu: tuple[float, float] | None
    pv_kvar_per_kw: Floats
    load_kvar_per_kw: Floats

    @property
    def dc(self) -> bool:
        """Whether only active power counts."""
        return self.band_pu is None

    @property
    def solver(self) -> AcSolver:
        """Three-phase sweeps."""
        return PHASE_SWEEPS

    @property
    def families(self) -> tuple[RowFamily, ...]:
        """See `phase_families`."""
        return phase_families(self.network, self.bus, self.band_pu)

    @property
    def rows(self) -> Rows:
        """Of all families; kept for the next batch, as those of the voltages fill much memory."""
        kvar = (self.pv_kvar_per_kw, self.load_kvar_per_kw)
        # reactive power without an effect would all the same be entries, of zero, which pro rata filling waits for
        with_kw = (np.zeros(len(of)) if self.dc else of for of in kvar)
        return _rows(self.network, self.bus.tobytes(), self.band_pu, *(of.tobytes() for of in with_kw))

    def terminals(self, books: Ints, columns: Columns) -> Columns:
        """Columns as the rows see them."""
        book = np.repeat(books, np.diff(columns.offset))
        plus = TERMINALS * columns.plus + self.pv_phase[book, columns.plus]
        minus = TERMINALS * columns.minus + self.load_phase[book, columns.minus]
        return columns._replace(plus=plus, minus=np.where(columns.minus >= 0, minus, -1))

    def linear(self, injection: Injection) -> PhaseLinearFlows:
        """Flows of conductors and squared voltages."""
        return linear_phase_flows(self.network, phase_model(self.network, self.bus, self.dc), *injection)

    def flows(self, injection: Injection) -> tuple[Floats, Floats]:
        """(n_books, n_branch, 3) kW and kvar, of which "dc" knows none."""
        flows = self.linear(injection)
        shape = (len(flows.kw), self.network.n_branch, 3)
        kvar = np.broadcast_to(0.0, shape) if self.dc else flows.kvar.reshape(shape)
        return flows.kw.reshape(shape), kvar

    def screen(self, floor: Injection, full: Injection) -> Screen:
        """Loading is that of the most loaded conductor.

        Books are screened on the places that tell of all others (`fastp2p.clearing.phase_places`); those whose base breaks a
        limit once more on all places, each of which has a limit of its own then.
        """
        whole, few = _screened(self.network, self.bus.tobytes(), self.band_pu)
        found = self._screen_on(few, floor, full)
        over = np.flatnonzero(found.overload)
        if few is not whole and len(over):
            found.congested[over] = self._screen_on(whole, floor.of(over), full.of(over)).congested
        np.subtract(slack_at_rest_kw(self.network, self.dc), full.kw.sum(axis=(1, 2)), out=found.slack_kw)
        return found

    def _screen_on(self, places: _Places, floor: Injection, full: Injection) -> Screen:
        found, work = Screen.empty(len(full.kw)), work_space(places.model, len(full.kw))
        screen_phases(
            (floor.kw, floor.kvar), (full.kw, full.kvar), places.model.linear, places.model.mixing, places.bounds,
            FACE_KW if self.dc else FACES, ROW_TOLERANCE, np.stack([work, work]), found,
        )  # fmt: skip
        return found


class _Places(NamedTuple):
    """What the screen looks at, and bounds by place."""

    model: PhaseModel
    bounds: Bounds


@lru_cache(maxsize=8)
def _screened(network: Network, bus: bytes, band_pu: tuple[float, float] | None) -> tuple[_Places, _Places]:
    """All places, and those that tell of all others."""
    at, dc = np.frombuffer(bus, np.int64), band_pu is None
    model = phase_model(network, at, dc)
    whole = _Places(model, placed_phase_bounds(network, at, band_pu))
    looks = telling_places(network, model, whole.bounds, dc)
    if looks.all():
        return whole, whole
    few = model._replace(linear=merge_places(model.linear, looks))
    return whole, _Places(few, Bounds(*(bound[looks] for bound in whole.bounds)))


def placed_phase_bounds(network: Network, bus: Ints, band_pu: tuple[float, float] | None) -> Bounds:
    """Bounds for the screen, in the order of the linear model: of the branch to the parent, in whose direction power is
    positive, and of the bus.
    """
    model, bounds = phase_model(network, bus, band_pu is None), bounds_of(phase_families(network, bus, band_pu))
    sign = network.tree.parent_sign[model.order]
    lower, upper, most = (np.append(bound, np.inf)[model.branch] for bound in bounds[:3])
    lower, upper = np.where(sign < 0.0, -upper, lower), np.where(sign < 0.0, -lower, upper)
    return Bounds(lower, upper, most, bounds.least_square[model.order], bounds.most_square[model.order])


def slack_at_rest_kw(network: Network, dc: bool) -> float:
    """What the external grids feed in where nobody injects anything; with `dc` without losses."""
    return float(-network.fixed_kw.sum()) if dc else unloaded_phases_kw(network)


@lru_cache(maxsize=2)  # of a feeder of 900 buses they are 160 MB
def _rows(network: Network, bus: bytes, band_pu: tuple[float, float] | None, pv_kvar: bytes, load_kvar: bytes) -> Rows:
    at = np.frombuffer(bus, np.int64)
    plus_kvar, minus_kvar = (np.repeat(np.frombuffer(of), TERMINALS) for of in (pv_kvar, load_kvar))
    families = phase_families(network, at, band_pu)
    dense = [found for family in families if (found := family.entries(plus_kvar, minus_kvar)) is not None]
    none = np.empty((TERMINALS * len(at), 0))
    plus, minus = (np.concatenate([none, *(found[side] for found in dense)], axis=1) for side in (0, 1))
    lower, upper = (np.concatenate([getattr(family, side) for family in families]) for side in ("lower", "upper"))
    between, share = _between(families, at, plus.shape[1])
    parent, parent_row, parent_sign, depth = _conductor_tree(network)
    node = np.full((len(at), TERMINALS, 3), -1)
    node[:, :3] = np.where(np.eye(3, dtype=bool), 3 * at[:, None, None] + np.arange(3), -1)
    node[:, 3] = 3 * at[:, None] + np.arange(3)
    return Rows(
        lower=lower, upper=upper, parent=parent, parent_row=parent_row, parent_sign=parent_sign, depth=depth,
        face=families[0].face, node=node.reshape(-1, 3), weight=np.tile([1.0, 1.0, 1.0, 1.0 / 3.0], len(at)),
        plus_kvar=plus_kvar, minus_kvar=minus_kvar, dense_plus=plus, dense_minus=minus, between=between, share=share,
    )  # fmt: skip


def _between(families: tuple[RowFamily, ...], bus: Ints, n_dense: int) -> tuple[Ints, Floats]:
    """Of the voltages of joints, the rows of the ends of their chains, and how far each is from the upper one."""
    between, share, first = np.full((2, n_dense), -1), np.zeros(n_dense), 0
    for family in families[1:]:
        if isinstance(family, PhaseVoltage):
            joints, phases = find_joints(family.network, bus), np.arange(3)
            row = (first + 3 * joints.bus[:, None] + phases).ravel()
            for side, end in enumerate((joints.above, joints.below)):
                between[side, row] = (first + 3 * end[:, None] + phases).ravel()
            share[row] = np.repeat(joints.share, 3)
        first += family.n_rows
    return between, share


def _conductor_tree(network: Network) -> tuple[Ints, Ints, Floats, Ints]:
    """Parent, row, sign and depth of every conductor node, three of each bus; roots are those above mixing transformers too."""
    tree, is_upper = network.tree, upper_ends(network).is_upper
    has_branch = tree.parent_branch >= 0
    ends = ~has_branch | np.where(has_branch, is_upper[tree.parent_branch], False)
    parent = np.where(ends, -1, tree.parent)
    by_phase = np.where(parent[:, None] == -1, -1, 3 * parent[:, None] + np.arange(3)).ravel()
    row = (3 * tree.parent_branch[:, None] + np.arange(3)).ravel()
    return by_phase, row, np.repeat(tree.parent_sign, 3), np.repeat(tree.depth, 3)
