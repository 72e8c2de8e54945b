"""The families of rows on three phases: a row for each conductor of a branch, and for the voltage of each phase of a bus."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.families import ApparentPower, BranchFlow, BusVoltage, ReverseFlow
from fastp2p.clearing.rows import AnyFlow, Flows, RowFamily
from fastp2p.grid.lindist3flow import PhaseLinearFlows, linear_phase_flows, phase_model
from fastp2p.grid.network import Network
from fastp2p.grid.phases import PhaseFlow
from fastp2p.kernels.clearing.limits import Bounds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

PHASE_NAMES = np.array([", phase a", ", phase b", ", phase c"])
TERMINALS = 4
"""Ways to connect at a bus: to phase a, b or c, or a third to each; terminal 4 c + k is column c connected in way k."""


class Conductors(BranchFlow):
    """Limits of every conductor, at its end away from the external grid.

    Above transformers that mix phases a path no longer says what a conductor carries: these have no limit here, but one among
    the `UpperConductors`.
    """

    place = RowFamily.place

    @property
    def branch(self) -> Ints:
        """Three of each."""
        return np.repeat(np.arange(self.network.n_branch), 3)

    @property
    def name(self) -> NDArray[np.str_]:
        """With the phase."""
        return np.char.add(self.network.branch_name[:, None], PHASE_NAMES).ravel()

    @property
    def limit_kw(self) -> Floats:
        """Of three phases a third of a branch's; none of a phase that it lacks."""
        limit = np.where(upper_ends(self.network).is_upper, np.inf, conductor_limit_kw(self.network))
        return np.where(branch_has_phase(self.network), limit[:, None], np.inf).ravel()

    def loading(self, flow: AnyFlow) -> Floats:
        """Of transformers that mix phases, at that end."""
        percent = np.where(upper_ends(self.network).is_upper[:, None], np.nan, _far_percent(self.network, flow))
        return _flat(percent)

    def entries(self, plus_kvar: Floats, minus_kvar: Floats) -> None:
        """Those of a tree."""
        return None

    def narrow(self, bounds: Bounds) -> Bounds:
        """Of one conductor of each branch."""
        return bounds._replace(most_kva=np.minimum(bounds.most_kva, conductor_limit_kw(self.network)))


class ConductorFlow(Conductors):
    """Active power of conductors."""


class ConductorPower(Conductors, ApparentPower):
    """Apparent power of conductors."""


@dataclass(frozen=True, eq=False)
class UpperConductors(Conductors):
    """Limits of conductors above transformers that mix phases, and of these transformers at that end."""

    columns: Ints
    """The bus of each column."""
    dc: bool
    """Whether only active power counts."""

    @property
    def branch(self) -> Ints:
        """Those above, then the transformers."""
        ends = upper_ends(self.network)
        return np.repeat(np.concatenate([ends.above, ends.mixing]), 3)

    @property
    def place(self) -> Ints:
        """Beside those of `Conductors`."""
        return 3 * self.branch + np.arange(len(self.branch)) % 3

    @property
    def name(self) -> NDArray[np.str_]:
        """With the side, where it is the other one of a transformer, and the phase."""
        ends, of_branch = upper_ends(self.network), self.network.branch_name
        other_side = np.char.add(of_branch[ends.mixing], " towards the external grid")
        return np.char.add(np.concatenate([of_branch[ends.above], other_side])[:, None], PHASE_NAMES).ravel()

    @property
    def limit_kw(self) -> Floats:
        """Of three phases a third of a branch's; none of a phase that it lacks."""
        has = branch_has_phase(self.network)[self.branch, np.arange(len(self.branch)) % 3]
        return np.where(has, conductor_limit_kw(self.network)[self.branch], np.inf)

    def powers(self, flows: Flows) -> tuple[Floats, Floats]:
        """At the end towards the external grid of the transformers."""
        assert isinstance(flows, PhaseLinearFlows)
        above = (3 * upper_ends(self.network).above[:, None] + np.arange(3)).ravel()
        kw, kvar = (np.concatenate([one[:, above], near], axis=1) for one, near in zip(flows[:2], flows[3:], strict=True))
        return kw, kvar

    def loading(self, flow: AnyFlow) -> Floats:
        """At that end."""
        assert isinstance(flow, PhaseFlow)
        ends = upper_ends(self.network)
        near = _percent_at(self.network, flow, ends.mixing, ends.near_is_from)
        return _flat(np.concatenate([_far_percent(self.network, flow)[:, ends.above], near], axis=1))

    def entries(self, plus_kvar: Floats, minus_kvar: Floats) -> tuple[Floats, Floats]:  # type: ignore[override]
        """By what a kW at each terminal adds."""
        per_kw, per_kvar = (self.powers(one) for one in unit_flows(self.network, self.columns.tobytes(), self.dc))
        faces = self.face.tolist()
        kw, kvar = (np.concatenate([c * one[0] + s * one[1] for c, s in faces], axis=1) for one in (per_kw, per_kvar))
        return at_terminals(kw, kvar, plus_kvar), at_terminals(kw, kvar, minus_kvar)

    def narrow(self, bounds: Bounds) -> Bounds:
        """`Conductors` hold them already."""
        return bounds


class UpperFlow(UpperConductors):
    """Active power of them."""


class UpperPower(UpperConductors, ApparentPower):
    """Apparent power of them."""


@dataclass(frozen=True, eq=False)
class PhaseVoltage(BusVoltage):
    """Squared voltages of every phase within a band."""

    columns: Ints
    """The bus of each column."""
    place = RowFamily.place

    @property
    def bus(self) -> Ints:
        """Three of each."""
        return np.repeat(np.arange(self.network.n_bus), 3)

    @property
    def name(self) -> NDArray[np.str_]:
        """With the phase."""
        return np.char.add(super().name, np.tile(PHASE_NAMES, self.network.n_bus))

    @property
    def lower(self) -> Floats:
        """The lowest voltage, squared; none of a phase that a bus lacks."""
        return np.where(bus_has_phase(self.network).ravel(), super().lower, -np.inf)

    @property
    def upper(self) -> Floats:
        """The highest voltage, squared; none of a phase that a bus lacks."""
        return np.where(bus_has_phase(self.network).ravel(), super().upper, np.inf)

    def magnitude(self, flow: AnyFlow) -> Floats:
        """Between phase and neutral."""
        return _flat(flow.vm_pu)

    def entries(self, plus_kvar: Floats, minus_kvar: Floats) -> tuple[Floats, Floats]:
        """By what a kW at each terminal adds."""
        per_kw, per_kvar = (one.square for one in unit_flows(self.network, self.columns.tobytes(), False))
        return at_terminals(per_kw, per_kvar, plus_kvar), at_terminals(per_kw, per_kvar, minus_kvar)

    def narrow(self, bounds: Bounds) -> Bounds:
        """Of the voltage of one phase."""
        lower, upper = self.lower.reshape(-1, 3).max(axis=1), self.upper.reshape(-1, 3).min(axis=1)
        least, most = np.maximum(bounds.least_square, lower), np.minimum(bounds.most_square, upper)
        return bounds._replace(least_square=least, most_square=most)


@dataclass(frozen=True, eq=False)
class PhaseReverse(ReverseFlow):
    """Active power towards the external grid, over all phases."""

    columns: Ints
    """The bus of each column."""

    def values(self, flows: Flows) -> Floats:
        """KW towards the external grid."""
        by_phase = flows.kw.reshape(len(flows.kw), self.network.n_branch, 3)[:, self.branch]
        upward: Floats = self.network.upward[self.branch] * by_phase.sum(axis=2)
        return upward

    def entries(self, plus_kvar: Floats, minus_kvar: Floats) -> tuple[Floats, Floats]:
        """However a bus is connected."""
        of_bus, _ = super().entries(plus_kvar, minus_kvar)
        at = np.repeat(of_bus[self.columns], TERMINALS, axis=0)
        return at, at

    def upward_kw(self, flow: AnyFlow) -> Floats:
        """(n_books, n_limits) power into the transformers at their ends away from the external grid, kW."""
        assert isinstance(flow, PhaseFlow)
        at = self.branch
        from_below = self.network.upward[at] > 0.0
        into: Floats = np.where(from_below[:, None], flow.from_kw[:, at], flow.to_kw[:, at]).sum(axis=2)
        return into


def phase_families(network: Network, bus: Ints, band_pu: tuple[float, float] | None) -> tuple[RowFamily, ...]:
    """What limits three phases: conductors, voltages within a band (None: active power alone), reverse power.

    Parameters
    ----------
    network : Network
    bus : (n_columns,) int64
    band_pu : (lowest, highest) voltage or None
    """
    dc = band_pu is None
    families: list[RowFamily] = [ConductorFlow(network) if dc else ConductorPower(network)]
    if len(upper_ends(network).mixing):
        families.append(UpperFlow(network, bus, dc) if dc else UpperPower(network, bus, dc))
    if band_pu is not None:
        families.append(PhaseVoltage(network, band_pu, bus))
    if np.isfinite(network.reverse_kw).any():
        families.append(PhaseReverse(network, bus))
    return tuple(families)


def conductor_limit_kw(network: Network) -> Floats:
    """(n_branch,) what each conductor may carry: its part of the branch's limit."""
    assert network.zero is not None
    return network.limit_kw / network.zero.n_conductors


def bus_has_phase(network: Network) -> NDArray[np.bool_]:
    """(n_bus, 3) whether a bus has the phases a, b, c, of a network of three phases."""
    assert network.zero is not None
    return network.zero.has_phase


def branch_has_phase(network: Network) -> NDArray[np.bool_]:
    """(n_branch, 3) the same of branches."""
    assert network.zero is not None
    return network.zero.branch_has_phase


@dataclass(frozen=True, eq=False)
class UpperEnds:
    """Where transformers mix phases.

    Attributes
    ----------
    mixing : (n_mixing,) int64
        These transformers.
    near_is_from : (n_mixing,) bool
        Whether their end towards the external grid is `from_bus`.
    above : (n_above,) int64
        Branches between them and the external grids.
    is_upper : (n_branch,) bool
        Which branches are above.
    """

    mixing: Ints
    near_is_from: NDArray[np.bool_]
    above: Ints
    is_upper: NDArray[np.bool_]


@lru_cache(maxsize=8)
def upper_ends(network: Network) -> UpperEnds:
    """Made once."""
    model = phase_model(network, np.empty(0, np.int64))
    first, branch = model.linear.first, model.branch
    is_above = np.repeat(model.above, np.diff(first))  # a chain lies above what its end lies above
    above = branch[is_above & (branch >= 0)]
    is_upper = np.zeros(network.n_branch, bool)
    is_upper[above] = True
    place = first[model.mixing + 1] - 1
    near_is_from = network.tree.parent_sign[model.order[place]] < 0.0
    return UpperEnds(branch[place], near_is_from, above, is_upper)


def _flat(by_phase: Floats) -> Floats:
    """The phases of a branch or bus side by side."""
    return by_phase.reshape(len(by_phase), math.prod(by_phase.shape[1:]))


def _far_percent(network: Network, flow: AnyFlow) -> Floats:
    """(n_books, n_branch, 3) loading, of transformers that mix phases at their ends away from the external grid."""
    assert isinstance(flow, PhaseFlow)
    ends, percent = upper_ends(network), flow.loading_percent.copy()
    percent[:, ends.mixing] = _percent_at(network, flow, ends.mixing, ~ends.near_is_from)
    return percent


def _percent_at(network: Network, flow: PhaseFlow, at: Ints, at_from: NDArray[np.bool_]) -> Floats:
    """(n_books, n, 3) loading of some branches from the current at one of their ends."""
    ka = np.where(at_from[:, None], flow.from_ka[:, at], flow.to_ka[:, at])
    rated_kv = np.where(at_from, network.rated_kv[at, 0], network.rated_kv[at, 1])
    assert network.zero is not None
    thirds = network.zero.n_conductors[at] / 3.0
    with np.errstate(divide="ignore", invalid="ignore"):
        percent: Floats = 1e5 * np.sqrt(3.0) * ka * (rated_kv / network.limit_kw[at] * thirds)[:, None]
    percent[:, ~np.isfinite(network.limit_kw[at])] = np.nan
    return percent


@lru_cache(maxsize=1)  # the families of one network ask one after the other; of a feeder of 900 buses it is a third of a GB
def unit_flows(network: Network, bus: bytes, dc: bool) -> tuple[PhaseLinearFlows, PhaseLinearFlows]:
    """What 1 kW, and 1 kvar, on each phase of each column add: a row each, phases of a column side by side."""
    at = np.frombuffer(bus, np.int64)
    unit = np.eye(3 * len(at)).reshape(-1, len(at), 3)
    none, model = np.zeros((1, len(at), 3)), phase_model(network, at, dc)
    at_rest = linear_phase_flows(network, model, none, none)
    found = []
    for kw, kvar in ((unit, np.zeros_like(unit)), (np.zeros_like(unit), unit)):
        flows = linear_phase_flows(network, model, kw, kvar)
        found.append(PhaseLinearFlows(*(one - rest for one, rest in zip(flows, at_rest, strict=True))))
    return found[0], found[1]


def at_terminals(per_kw: Floats, per_kvar: Floats, kvar_per_kw: Floats) -> Floats:
    """(n_terminals, n_rows) per kW with its kvar, from (3 n_columns, n_rows) per kW and per kvar of each phase."""
    n_columns = len(per_kw) // 3
    kw, kvar = (one.reshape(n_columns, 3, -1) for one in (per_kw, per_kvar))
    kw, kvar = (np.concatenate([one, one.mean(axis=1, keepdims=True)], axis=1) for one in (kw, kvar))
    per = kw + kvar_per_kw.reshape(n_columns, TERMINALS, 1) * kvar
    return per.reshape(n_columns * TERMINALS, per.shape[2])
