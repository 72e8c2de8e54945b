"""The families of rows that there are: flows of branches, their apparent power, voltages of buses, reverse power."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.rows import AnyFlow, Flows, RowFamily, Summary, voltage_name
from fastp2p.grid.feeder import branch_currents, shared_paths
from fastp2p.grid.network import Network
from fastp2p.kernels.clearing.limits import Bounds

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]

VOLTAGE_TOLERANCE = 1e-6
"""p.u. by which a voltage may pass its limit in AC."""
LOADING_TOLERANCE = 1e-4
"""Percent by which a current may pass its limit in AC."""
REVERSE_TOLERANCE = 1e-6
"""By how much reverse power may pass its limit in AC, relative to the limit (absolute below 1 kW)."""
FACES: Floats = np.stack([f(np.deg2rad(np.arange(15.0, 180.0, 30.0))) for f in (np.cos, np.sin)], axis=1)
"""cos φ and sin φ of the 12-gon's six pairs of faces; its corners lie on the circle, two of them at Q = 0."""
OF_FACES: list[list[float]] = np.linalg.pinv(FACES).T.tolist()
"""What the value on each face is of kW and kvar: their least squares."""


class BranchFlow(RowFamily):
    """Active power of branches within ±`limit_kw`."""

    kind = "branch"

    @property
    def branch(self) -> Ints:
        """Each branch has one."""
        return self.network.branch_of

    @property
    def name(self) -> NDArray[np.str_]:
        """Names of branches."""
        return self.network.branch_name

    @property
    def place(self) -> Ints:
        """Each at its branch."""
        return self.branch

    @property
    def limit_kw(self) -> Floats:
        """(n_limits,) kW, or kVA of apparent power."""
        return self.network.limit_kw

    @property
    def lower(self) -> Floats:
        """The largest flow against the branch's direction, negative."""
        return -self.upper

    @property
    def upper(self) -> Floats:
        """The largest flow in the branch's direction."""
        return self.limit_kw

    def powers(self, flows: Flows) -> tuple[Floats, Floats]:
        """(n_books, n_limits) kW and kvar that the limits are of."""
        return flows.kw, flows.kvar

    def loading(self, flow: AnyFlow) -> Floats:
        """(n_books, n_limits) percent, from current."""
        return flow.loading_percent

    def values(self, flows: Flows) -> Floats:
        """Flows, kW."""
        return self.powers(flows)[0]

    def entries(self, plus_kvar: Floats, minus_kvar: Floats) -> tuple[Floats, Floats] | None:
        """Tree rows on radial networks, PTDF rows on meshed ones (made on first use)."""
        return None if self.network.is_radial else (self.network.flow_per_kw, self.network.flow_per_kw)

    def narrow(self, bounds: Bounds) -> Bounds:
        """Of active power."""
        return bounds._replace(
            lower_kw=np.maximum(bounds.lower_kw, self.lower), upper_kw=np.minimum(bounds.upper_kw, self.upper)
        )

    def is_beyond(self, summary: Summary, flow: Callable[[], AnyFlow]) -> Bools:
        """By current."""
        beyond: Bools = summary.loading_percent > 100.0 + LOADING_TOLERANCE
        return beyond

    def excess(self, base: AnyFlow, flow: AnyFlow) -> Floats:
        """Percent of loading from current."""
        over = self.loading(flow) - np.fmax(100.0, self.loading(base))
        return np.where(over > LOADING_TOLERANCE, over, 0.0)

    def _missed_kva(self, excess: Floats, flow: AnyFlow, flows: Flows) -> Floats:
        """(n_books, n_limits) by how much the linear apparent power of branches with an excess is too low."""
        missed = self.loading(flow) / 100.0 * self.limit_kw - np.hypot(*self.powers(flows))
        return np.where(excess > 0.0, np.maximum(missed, 0.0), 0.0)

    def gaps(self, excess: Floats, flow: AnyFlow, flows: Flows) -> Floats:
        """In the direction of the flow."""
        return np.copysign(self._missed_kva(excess, flow, flows), self.powers(flows)[0])


class ApparentPower(BranchFlow):
    """Apparent power of branches within `limit_kw`, by a 12-gon inscribed in the circle; its rows are cos φ P + sin φ Q."""

    face = FACES

    @property
    def upper(self) -> Floats:
        """Where the faces stand."""
        return np.tile(self.limit_kw * FACES[0, 0], len(FACES))

    def values(self, flows: Flows) -> Floats:
        """kVA, face by face."""
        kw, kvar = self.powers(flows)
        return np.concatenate([c * kw + s * kvar for c, s in FACES.tolist()], axis=1)

    def narrow(self, bounds: Bounds) -> Bounds:
        """Of apparent power."""
        return bounds._replace(most_kva=np.minimum(bounds.most_kva, self.network.limit_kw))

    def per_limit(self, values: Floats, dual: Floats) -> Floats:
        """Per kVA of a branch, all of whose faces grow with it; where the base is beyond it, its kVA are the limit."""
        n_limits, upper, lower = len(self.branch), self.upper, self.lower
        price, (book, row) = dual.copy(), np.nonzero(dual)
        value, is_upper = values[book, row], dual[book, row] > 0.0
        limit = np.where(is_upper, np.maximum(upper[row], value), np.minimum(lower[row], value))
        kw, kvar = np.zeros(len(row)), np.zeros(len(row))
        for m, (of_kw, of_kvar) in enumerate(OF_FACES):  # a BLAS product depends on the shape
            by_face = values[book, row % n_limits + m * n_limits]
            kw, kvar = kw + of_kw * by_face, kvar + of_kvar * by_face
        kva = np.hypot(kw, kvar)
        broken = np.abs(limit) > upper[row]
        price[book, row] *= np.where(broken, np.abs(limit) / np.where(broken, kva, 1.0), FACES[0, 0])
        return price

    def price(self, dual: Floats) -> Floats:
        """Of all faces of a branch; signed as the kW are."""
        by_face = dual.reshape(len(dual), len(FACES), len(self.branch))
        signed = np.einsum("nml,m->nl", by_face, FACES[:, 0])
        price: Floats = np.copysign(np.abs(by_face).sum(axis=1), signed)
        return price

    def any_face(self, flag: Bools) -> Bools:
        """Of each branch."""
        by_face = flag.reshape(len(flag), len(FACES), len(self.branch))
        flagged: Bools = by_face.max(axis=1, initial=False)
        return flagged

    def gaps(self, excess: Floats, flow: AnyFlow, flows: Flows) -> Floats:
        """On each face, on the side that the flow is at."""
        missed_kva, (kw, kvar) = FACES[0, 0] * self._missed_kva(excess, flow, flows), self.powers(flows)
        return np.concatenate([np.copysign(missed_kva, c * kw + s * kvar) for c, s in FACES.tolist()], axis=1)


@dataclass(frozen=True, eq=False)
class BusVoltage(RowFamily):
    """Squared voltages within a band; external grids keep their own voltage, and star points have no limits."""

    band_pu: tuple[float, float]
    kind = "voltage"
    is_power = False

    @property
    def branch(self) -> Ints:
        """None."""
        return np.full(len(self.bus), -1)

    @property
    def bus(self) -> Ints:
        """Each bus has one."""
        return self.network.bus_of

    @property
    def place(self) -> Ints:
        """Each at its bus."""
        return self.bus

    @property
    def name(self) -> NDArray[np.str_]:
        """With the index of the bus."""
        return voltage_name(self.network, self.bus)

    @property
    def lower(self) -> Floats:
        """The lowest voltage, squared."""
        return np.where(self.network.whole.has_band[self.bus], self.band_pu[0] ** 2, -np.inf)

    @property
    def upper(self) -> Floats:
        """The highest voltage, squared."""
        return np.where(self.network.whole.has_band[self.bus], self.band_pu[1] ** 2, np.inf)

    def magnitude(self, flow: AnyFlow) -> Floats:
        """(n_books, n_limits) voltages, p.u."""
        return flow.vm_pu

    def values(self, flows: Flows) -> Floats:
        """Squared voltages, p.u."""
        return flows.square

    def entries(self, plus_kvar: Floats, minus_kvar: Floats) -> tuple[Floats, Floats]:
        """By the impedances that the ways to the external grid share."""
        return _squares_per_kw(self.network, plus_kvar.tobytes()), _squares_per_kw(self.network, minus_kvar.tobytes())

    def narrow(self, bounds: Bounds) -> Bounds:
        """Of squared voltages."""
        return bounds._replace(
            least_square=np.maximum(bounds.least_square, self.lower), most_square=np.minimum(bounds.most_square, self.upper)
        )

    def per_limit(self, values: Floats, dual: Floats) -> Floats:
        """Per p.u. of the limit: times 2 v, v being the limit, or the base's voltage where that is beyond it."""
        price, (book, row) = dual.copy(), np.nonzero(dual)
        price[book, row] = price_per_pu(dual[book, row], values[book, row], (self.lower[row], self.upper[row]))
        return price

    def is_beyond(self, summary: Summary, flow: Callable[[], AnyFlow]) -> Bools:
        """Of the buses that have a band."""
        low, high = self.band_pu[0] - VOLTAGE_TOLERANCE, self.band_pu[1] + VOLTAGE_TOLERANCE
        beyond: Bools = (summary.lowest_vm_pu < low) | (summary.highest_vm_pu > high)
        return beyond

    def excess(self, base: AnyFlow, flow: AnyFlow) -> Floats:
        """What is above (positive) or below (negative) the band, p.u."""
        vm, of_base = self.magnitude(flow), self.magnitude(base)
        over, under = vm - np.fmax(self.band_pu[1], of_base), vm - np.fmin(self.band_pu[0], of_base)
        excess = np.where(over > VOLTAGE_TOLERANCE, over, np.where(under < -VOLTAGE_TOLERANCE, under, 0.0))
        excess[:, ~self.network.whole.has_band[self.bus]] = 0.0
        return excess

    def gaps(self, excess: Floats, flow: AnyFlow, flows: Flows) -> Floats:
        """Of squared voltages."""
        return np.where(excess != 0.0, self.magnitude(flow) ** 2 - flows.square, 0.0)


def price_per_pu(dual: Floats, square: Floats, band: tuple[Floats | float, Floats | float]) -> Floats:
    """Per p.u. of a limit of voltage, from duals of squared voltages, which are `square` with nothing executed."""
    limit = np.where(dual > 0.0, np.maximum(band[1], square), np.minimum(band[0], square))
    price: Floats = dual * 2.0 * np.sqrt(np.maximum(limit, 0.0))  # a base far beyond collapse has no voltage
    return price


class ReverseFlow(RowFamily):
    """Active power that transformers carry towards the external grid, at their other end, within `reverse_kw`."""

    kind = "reverse"

    @property
    def branch(self) -> Ints:
        """The transformers."""
        return self.network.branch_of[self.row_of]

    @property
    def row_of(self) -> Ints:
        """(n_limits,) the transformers among the branches that rows are of."""
        return np.flatnonzero(np.isfinite(self.network.reverse_kw))

    @property
    def name(self) -> NDArray[np.str_]:
        """With the name of the transformer."""
        return np.char.add("reverse ", self.network.branch_name[self.row_of])

    @property
    def lower(self) -> Floats:
        """Nothing limits power from the external grid here."""
        return np.full(len(self.branch), -np.inf)

    @property
    def upper(self) -> Floats:
        """The largest power towards it."""
        return self.network.reverse_kw[self.row_of]

    def values(self, flows: Flows) -> Floats:
        """KW towards the external grid."""
        return self.network.upward[self.row_of] * flows.kw[:, self.row_of]

    def entries(self, plus_kvar: Floats, minus_kvar: Floats) -> tuple[Floats, Floats]:
        """What a kW at each bus adds, of which kvar are no part."""
        entries = _upward_per_kw(self.network)
        return entries, entries

    def narrow(self, bounds: Bounds) -> Bounds:
        """Of active power, in the one direction."""
        lower, upper, at = bounds.lower_kw.copy(), bounds.upper_kw.copy(), self.row_of
        is_up = self.network.upward[at] > 0.0
        upper[at[is_up]] = np.minimum(upper[at[is_up]], self.upper[is_up])
        lower[at[~is_up]] = np.maximum(lower[at[~is_up]], -self.upper[~is_up])
        return bounds._replace(lower_kw=lower, upper_kw=upper)

    def is_beyond(self, summary: Summary, flow: Callable[[], AnyFlow]) -> Bools:
        """From the power flow itself: its summary has no flow of each transformer."""
        beyond: Bools = np.any(self.upward_kw(flow()) > self.upper + self._tolerance_kw, axis=1)
        return beyond

    def excess(self, base: AnyFlow, flow: AnyFlow) -> Floats:
        """KW."""
        over = self.upward_kw(flow) - np.fmax(self.upper, self.upward_kw(base))
        return np.where(over > self._tolerance_kw, over, 0.0)

    def gaps(self, excess: Floats, flow: AnyFlow, flows: Flows) -> Floats:
        """Where the linear power is too low."""
        return np.where(excess > 0.0, np.maximum(self.upward_kw(flow) - self.values(flows), 0.0), 0.0)

    @property
    def _tolerance_kw(self) -> Floats:
        tolerance: Floats = REVERSE_TOLERANCE * np.maximum(1.0, self.upper)
        return tolerance

    def upward_kw(self, flow: AnyFlow) -> Floats:
        """(n_books, n_limits) power into the transformers at their ends away from the external grid, kW."""
        network, at = self.network.whole, self.branch
        radian = np.deg2rad(flow.va_degree)
        voltage = flow.vm_pu * (np.cos(radian) + 1j * np.sin(radian))
        into_from, into_to = branch_currents(network, voltage, at)
        from_below = network.upward[at] > 0.0
        current = np.where(from_below, into_from, into_to)
        end = np.where(from_below, network.from_bus[at], network.to_bus[at])
        return np.real(voltage[:, end] * np.conj(current))


@lru_cache(maxsize=32)
def dc_families(network: Network) -> tuple[RowFamily, ...]:
    """What limits DC flows."""
    return (BranchFlow(network), *_reverse(network))


@lru_cache(maxsize=32)
def ac_families(network: Network, band_pu: tuple[float, float]) -> tuple[RowFamily, ...]:
    """What limits AC power flows, and their linear form."""
    return (ApparentPower(network), BusVoltage(network, band_pu), *_reverse(network))


@lru_cache(maxsize=8)
def _upward_per_kw(network: Network) -> Floats:
    """(n_bus, n_limits) change of the upward power of each limited transformer per kW at each bus."""
    at = np.flatnonzero(np.isfinite(network.reverse_kw))
    if not network.is_radial:
        return network.upward[at] * network.flow_per_kw[:, at]
    passes, tree = np.zeros((network.n_bus, len(at))), network.tree
    for bus in tree.order.tolist():
        if tree.parent[bus] != -1:
            passes[bus] = np.where(at == tree.parent_branch[bus], 1.0, passes[tree.parent[bus]])
    return passes


def _reverse(network: Network) -> tuple[RowFamily, ...]:
    return (ReverseFlow(network),) if np.isfinite(network.reverse_kw).any() else ()


@lru_cache(maxsize=8)
def _squares_per_kw(network: Network, kvar_per_kw: bytes) -> Floats:
    """(n_bus, n_bus) per kW at each bus, with its kvar, the change of each squared voltage."""
    r, x = shared_paths(network)
    return np.ascontiguousarray(2.0 * (r + x * np.frombuffer(kvar_per_kw)).T)
