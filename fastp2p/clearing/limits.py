"""What a clearing asks of the network: its limits as rows, their values, and which books break them.

There are two models with the same methods: DC branch flows on any network, and LinDistFlow, with apparent power and voltages,
on radial networks.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import Injection, nothing
from fastp2p.clearing.families import FACES, ac_families, dc_families
from fastp2p.clearing.kinks import Kinks, find_kinks
from fastp2p.clearing.nested import nest_of
from fastp2p.clearing.rows import ROW_TOLERANCE, Flows, LinearFlows, RowFamily, RowLayout, bounds_of, rows_of_families
from fastp2p.grid.ac import SWEEPS, AcSolver, columns_of
from fastp2p.grid.contraction import contracted
from fastp2p.grid.feeder import ac_faults, feeder_of
from fastp2p.grid.flows import BOOKS_PER_BLOCK, own_flows, work_space
from fastp2p.grid.flows import linear_flows as dc_flows
from fastp2p.grid.lindist3flow import unloaded_state
from fastp2p.grid.lindistflow import linear_flows, linear_model, unloaded_slack_kw
from fastp2p.grid.linear_contraction import inner_buses, keep_linear_limits
from fastp2p.grid.network import Network
from fastp2p.grid.phase_feeder import phase_faults
from fastp2p.kernels.clearing.limits import Bounds, BranchFacts, Screen, screen_linear, screen_meshed, screen_tree
from fastp2p.kernels.clearing.nested import Nest
from fastp2p.kernels.grid.ac import LOST_PU
from fastp2p.kernels.structs import Columns, Rows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PHYSICS = ("dc", "lindistflow", "ac")


@dataclass(frozen=True, eq=False)
class Limits(ABC):
    """Families of rows and the model that their values come from; `bus` says which bus a column is.

    Rows are those of `model`, the network contracted to the buses that matter for the columns.
    """

    network: Network
    bus: Ints

    @property
    def model(self) -> Network:
        """The network that rows are of."""
        return self.network

    @cached_property
    def at(self) -> Ints:
        """(n_columns,) the bus of each column in it."""
        return self.model.node[self.bus]

    @property
    @abstractmethod
    def families(self) -> tuple[RowFamily, ...]:
        """Those of the model, the rows of a tree first."""

    @cached_property
    def rows(self) -> Rows:
        """Of all families."""
        return rows_of_families(self.families)

    @property
    def layout(self) -> RowLayout:
        """What the rows are."""
        return RowLayout(self.families)

    @property
    def bounds(self) -> Bounds:
        """Bounds that the screen checks flows and voltages against."""
        return bounds_of(self.families)

    def values(self, injection: Injection) -> Floats:
        """(n_books, n_rows)."""
        flows = self.linear(injection)
        return np.concatenate([family.values(flows) for family in self.families], axis=1)

    @abstractmethod
    def flows(self, injection: Injection) -> tuple[Floats, Floats]:
        """(n_books, n_branch) kW and kvar of all branches of the network."""

    @property
    def solver(self) -> AcSolver:
        """What AC power flows are solved by."""
        return SWEEPS

    def terminals(self, books: Ints, columns: Columns) -> Columns:
        """Columns of some books of the batch as the rows see them: at buses."""
        return columns._replace(plus=self.at[columns.plus], minus=np.where(columns.minus >= 0, self.at[columns.minus], -1))

    @abstractmethod
    def linear(self, injection: Injection) -> Flows:
        """What the model says of books."""

    @property
    def nest(self) -> Nest | None:
        """The limits as nested ones, where they are that for columns that only inject."""
        return None

    def with_kinks(self, values: Floats) -> tuple[Rows, Floats, Kinks | None]:
        """The rows and their values with nothing executed, each with those of single books behind; None: there are none."""
        return self.rows, values, None

    @abstractmethod
    def screen(self, floor: Injection, full: Injection) -> Screen:
        """Every book against the limits, with nothing executed and with everything."""


class DcLimits(Limits):
    """DC flows of branches."""

    @cached_property
    def model(self) -> Network:
        """See `keep_flow_limits`."""
        return contracted(self.network, self.bus)

    @property
    def families(self) -> tuple[RowFamily, ...]:
        """See `dc_families`."""
        return dc_families(self.model)

    @property
    def nest(self) -> Nest | None:
        """On radial networks."""
        return _dc_nest(self.model, self.at.tobytes())

    @property
    def bounds(self) -> Bounds:
        """Kept for the next batch."""
        return _dc_bounds(self.model)

    def linear(self, injection: Injection) -> LinearFlows:
        """Flows, kW; there are neither kvar nor voltages."""
        model = self.model
        flow_kw = dc_flows(model, injection.kw, self.at, own_flows(model, model.constant_kw))
        return LinearFlows(flow_kw, nothing(flow_kw.shape), np.empty((len(flow_kw), 0)))

    def flows(self, injection: Injection) -> tuple[Floats, Floats]:
        """There are no kvar."""
        flow_kw = self.network.column_flows_kw(injection.kw, self.bus)
        return flow_kw, nothing(flow_kw.shape)

    def screen(self, floor: Injection, full: Injection) -> Screen:
        """Loading is that of active power."""
        model, at, found = self.model, self.at, Screen.empty(len(full.kw))
        facts = BranchFacts(model.constant_kw, model.percent_per_kw, model.root_sign)
        work = (work_space(model), np.empty((model.n_branch, BOOKS_PER_BLOCK)), np.empty((model.n_branch, BOOKS_PER_BLOCK)))
        how = (facts, self.bounds, ROW_TOLERANCE, *work, found)
        if model.is_radial:
            screen_tree(floor.kw, full.kw, at, model.tree, *how)
        else:
            screen_meshed(floor.kw, full.kw, model.factors.position[at], model.factors, *how)
        for column in np.flatnonzero(model.is_reference[at]):
            found.slack_kw[:] -= full.kw[:, column]
        found.slack_kw[:] += constant_slack_kw(self.network, model)
        return found


@dataclass(frozen=True, eq=False)
class LinearLimits(Limits):
    """Apparent power of branches and voltages, as LinDistFlow has them on a radial network.

    Attributes
    ----------
    network : Network
        Radial.
    bus : (n_columns,) int64
    band_pu : (lowest, highest) voltage, p.u.
    pv_kvar_per_kw, load_kvar_per_kw : (n_columns,) float64
    every_bus : bool
        Whether there are rows of all buses and branches, for AC power flows to tighten.
    """

    band_pu: tuple[float, float]
    pv_kvar_per_kw: Floats
    load_kvar_per_kw: Floats
    every_bus: bool = False

    @cached_property
    def few(self) -> Network:
        """See `keep_linear_limits`."""
        return contracted(self.network, self.bus, keep_linear_limits)

    @property
    def model(self) -> Network:
        """The network that rows are of."""
        return self.network if self.every_bus else self.few

    @property
    def families(self) -> tuple[RowFamily, ...]:
        """See `ac_families`."""
        return ac_families(self.model, self.band_pu)

    @cached_property
    def rows(self) -> Rows:
        """Of all families; a column's kvar follow its kW."""
        plus, minus = np.zeros(self.model.n_bus), np.zeros(self.model.n_bus)
        plus[self.at], minus[self.at] = self.pv_kvar_per_kw, self.load_kvar_per_kw
        return rows_of_families(self.families, plus, minus)

    @property
    def band_square(self) -> tuple[float, float]:
        """Of squared voltages."""
        return self.band_pu[0] ** 2, self.band_pu[1] ** 2

    def with_kinks(self, values: Floats) -> tuple[Rows, Floats, Kinks | None]:
        """Where the base breaks a limit of voltage at one end of a chain alone."""
        voltage = next(part for family, part in self.layout.parts if family.kind == "voltage")
        kinks = find_kinks(inner_buses(self.model), values[:, voltage], self.band_square)
        if kinks is None:
            return self.rows, values, None
        rows = kinks.behind(self.rows)
        return rows, np.append(values, kinks.squares(values[:, voltage]), axis=1), kinks

    def linear(self, injection: Injection) -> LinearFlows:
        """Flows and squared voltages."""
        return LinearFlows(*linear_flows(self.model, self.at, *injection))

    def flows(self, injection: Injection) -> tuple[Floats, Floats]:
        """By LinDistFlow."""
        return linear_flows(self.network, self.bus, *injection)[:2]

    def screen(self, floor: Injection, full: Injection) -> Screen:
        """Loading is that of apparent power.

        Buses inside of chains are looked at where the base breaks a limit (`fastp2p.clearing.kinks`).
        """
        few = self.few
        feeder, found = feeder_of(few), Screen.empty(len(full.kw))
        screen_linear(
            (floor.kw, floor.kvar), (full.kw, full.kvar), columns_of(feeder, few.node[self.bus]), feeder.parent,
            linear_model(few), placed_bounds(few, self.band_pu), FACES, ROW_TOLERANCE,
            np.empty((6, few.n_bus, BOOKS_PER_BLOCK)), found,
        )  # fmt: skip
        over = np.flatnonzero(found.overload)
        if few is not self.network and len(over):
            found.congested[over] |= self._breaks_inside(floor.of(over), full.of(over))
        np.subtract(unloaded_slack_kw(self.network), full.kw.sum(axis=1), out=found.slack_kw)
        return found

    def _breaks_inside(self, floor: Injection, full: Injection) -> Bools:
        """(n_books,) whether everything executed breaks a limit inside of a chain that nothing executed keeps, or more so."""
        at = self.few.node[self.bus]
        before, after = (linear_flows(self.few, at, *injection)[2] for injection in (floor, full))
        kinks = find_kinks(inner_buses(self.few), before, self.band_square)
        if kinks is None:
            return np.zeros(len(before), bool)
        base, square = kinks.squares(before), kinks.squares(after)
        low, high = (pick(limit, base) for pick, limit in zip((np.minimum, np.maximum), self.band_square, strict=True))
        beyond = (square > high + ROW_TOLERANCE * np.maximum(1.0, high)) | (
            square < low - ROW_TOLERANCE * np.maximum(1.0, -low)
        )
        breaks: Bools = np.any(beyond & (kinks.bus >= 0), axis=1)
        return breaks


@lru_cache(maxsize=32)
def constant_slack_kw(network: Network, model: Network) -> float:
    """What the external grids feed in beyond what leaves them on chains, as those see it, and what is injected there."""
    at_grids = network.fixed_kw[network.reference_bus].sum()
    return float(network.root_sign @ network.constant_kw - model.root_sign @ model.constant_kw - at_grids)


@lru_cache(maxsize=32)
def _dc_bounds(network: Network) -> Bounds:
    return bounds_of(dc_families(network))


@lru_cache(maxsize=32)
def placed_bounds(network: Network, band_pu: tuple[float, float]) -> Bounds:
    """In the order of the feeder, those of a branch at the bus below it and as towards the parent."""
    feeder, bounds = feeder_of(network), bounds_of(ac_families(network, band_pu))
    sign = network.tree.parent_sign[feeder.order]
    lower, upper, most = (np.append(bound, np.inf)[feeder.branch] for bound in bounds[:3])
    lower, upper = np.where(sign < 0.0, -upper, lower), np.where(sign < 0.0, -lower, upper)
    return Bounds(lower, upper, most, bounds.least_square[feeder.order], bounds.most_square[feeder.order])


@lru_cache(maxsize=32)
def _dc_nest(network: Network, bus: bytes) -> Nest | None:
    if not network.is_radial:
        return None
    rows, percent = rows_of_families(dc_families(network)), network.percent_per_kw
    percent = np.append(percent, np.zeros(len(rows.lower) - len(percent)))  # reverse power is no loading
    return nest_of(rows, np.frombuffer(bus, np.int64), percent)


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
    if not faults and not np.isfinite(_unloaded(network)).all():
        faults.append(
            f"physics = {physics!r}: the AC power flow of the network without any load has no solution; check its "
            "impedances, capacitances and shunts, or use physics = 'dc'"
        )
    return faults + grid_faults(network, v_min_pu, v_max_pu)


def _unloaded(network: Network) -> Floats:
    """The state without injections that linear models are made around."""
    if network.zero is None or network.zero.is_plain or phase_faults(network):
        square = linear_model(network)[:, 5]
        return np.where(square >= LOST_PU**2, square, np.nan)  # no network comes to rest below
    return unloaded_state(network)[0]


def grid_faults(network: Network, v_min_pu: float, v_max_pu: float) -> list[str]:
    """External grids whose own voltage lies outside a band."""
    outside = network.slack_vm_pu[(network.slack_vm_pu < v_min_pu) | (network.slack_vm_pu > v_max_pu)]
    return [
        f"the external grid's voltage, {vm:g} p.u., lies outside v_min_pu…v_max_pu, {v_min_pu:g}…{v_max_pu:g}; widen the band "
        "or set the grid's vm_pu"
        for vm in outside.tolist()
    ]
