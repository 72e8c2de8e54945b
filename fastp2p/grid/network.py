"""The network as arrays: buses, branches, limits, and DC flows of many injections at once."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arguments import described, way_to
from fastp2p.arrays import floats, integers, short_repr
from fastp2p.errors import InputError, refuse
from fastp2p.grid.flows import linear_flows, own_flows
from fastp2p.grid.network_arrays import network_faults, regular_arrays
from fastp2p.grid.onto_all import OntoAll
from fastp2p.grid.ratings import ampacities, narrowest_limits, rating_faults
from fastp2p.grid.reverse import find_upward, reverse_faults, reverse_limits
from fastp2p.grid.topology import count_between, factorise, find_ends, grow_tree, pass_down
from fastp2p.grid.zero_sequence import ALL_PHASES, ZeroSequence
from fastp2p.kernels.grid.structs import Factors, Spread, Tree

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class Network(OntoAll):
    """A network's DC and AC model, made once and shared by every batch. kW throughout, per unit of 1 kVA and `base_kv`.

    Buses that closed bus-bus switches join are one bus; parts without a path to an external grid are left out, and branches
    both ends of which are one bus. What the pandapower network injects itself is no part of it.

    Attributes
    ----------
    bus_id : (n_bus,) int64
        pandapower's index (of fused buses the smallest); -1 for the inner buses of three-winding transformers and such.
    known_id, known_position : (n_pandapower_bus,) int64
        Every bus index of the pandapower network, and its position here; -1 where it has no path to an external grid.
    load_bus : (n_load_bus,) int64
        Positions of the buses where the pandapower network has a load, an asymmetric load or a motor in service.
    load_kind : (n_load_bus,) str
        Which of the three: "load", "asymmetric_load", "motor", or several, as in "load and motor".
    reference_bus : (n_reference,) int64
        Positions of the external grids; `slack_bus` is the first.
    reference_angle_rad : (n_reference,) float64
    fixed_kw : (n_bus,) float64
        Constant injections of the network itself at nominal voltage: iron losses and other conductances of branches, shunts,
        the constant-impedance part of wards (negative draws power).
    from_bus, to_bus : (n_branch,) int64
    susceptance_kw : (n_branch,) float64
        Series susceptance, kW per radian.
    shift_rad : (n_branch,) float64
        Phase shift of a transformer.
    limit_kw : (n_branch,) float64
        Largest flow in either direction, of all phases together; inf where nothing limits it.
    element, winding, std_type : (n_branch,) str
        "line", "trafo", "trafo3w", "impedance", "xward", "switch"; "hv", "mv" or "lv" for a three-winding transformer.
    element_id : (n_branch,) int64
        Index in pandapower's table of that element.
    ampacity_ka, kw_per_ka, rating_kw, length_km : (n_branch,) float64
        What ratings are made of: lines have an ampacity and its conversion, transformers a rating.
    base_kv : (n_bus,) float64
    rated_kv : (n_branch, 2) float64
        Rated voltage at either end, which a transformer's loading from current refers to.
    resistance_pu, reactance_pu, tap_ratio : (n_branch,) float64
        Series impedance behind the ideal transformer at `from_bus`; NaN where pandapower has no AC model of the network.
    from_shunt_pu, to_shunt_pu : (n_branch,) complex128
        Admittance to ground at either end: line capacitance, iron losses.
    bus_shunt_pu : (n_bus,) complex128
    slack_vm_pu : (n_reference,) float64
        Voltage set points of the external grids.
    ac_faults : (n_faults,) str
        Why pandapower has no AC model of the network; none where it has one.
    reverse_kw : (n_branch,) float64
        Largest power towards the external grid, at the end away from it; infinite, as by default, but for the first
        transformers below it.
    zero : ZeroSequence, optional
        What a network of three phases has besides (`phase_flow`); all else takes it as balanced.
    """

    bus_id: Ints
    known_id: Ints
    known_position: Ints
    load_bus: Ints
    load_kind: NDArray[np.str_]
    reference_bus: Ints
    reference_angle_rad: Floats
    fixed_kw: Floats
    from_bus: Ints
    to_bus: Ints
    susceptance_kw: Floats
    shift_rad: Floats
    limit_kw: Floats
    element: NDArray[np.str_]
    element_id: Ints
    winding: NDArray[np.str_]
    std_type: NDArray[np.str_]
    ampacity_ka: Floats
    kw_per_ka: Floats
    rating_kw: Floats
    length_km: Floats
    base_kv: Floats
    rated_kv: Floats
    resistance_pu: Floats
    reactance_pu: Floats
    tap_ratio: Floats
    from_shunt_pu: Complexes
    to_shunt_pu: Complexes
    bus_shunt_pu: Complexes
    slack_vm_pu: Floats
    ac_faults: NDArray[np.str_]
    reverse_kw: Floats = field(default_factory=lambda: np.empty(0))
    zero: ZeroSequence | None = None

    def __post_init__(self) -> None:
        """Make every array flat and of its type, and check the properties that all of fastp2p relies on.

        Raises
        ------
        InputError
            Arrays of other types or lengths, positions of buses that are not there, numbers far beyond those of any network.
        """
        faults: list[str] = []
        names = [one.name for one in dataclasses.fields(Network) if one.name != "zero"]
        arrays = regular_arrays({name: getattr(self, name) for name in names}, faults)
        refuse(faults or network_faults(arrays))
        for name, array in arrays.items():
            object.__setattr__(self, name, array)
        if self.zero is not None:
            self.zero.check(self.n_bus, self.n_branch, len(self.reference_bus))
        if not self.reverse_kw.size:
            object.__setattr__(self, "reverse_kw", np.full(self.n_branch, np.inf))
        elif self.reverse_kw.shape != self.limit_kw.shape or not np.isposinf(self.reverse_kw).all():
            refuse(reverse_faults(self.reverse_kw, self.upward, self.branch_name))

    @classmethod
    def from_pandapower(cls, net: Any, *, phases: int = 1, zero_sequence: Mapping[str, Any] | None = None) -> Network:
        """Convert a pandapower network; pandapower decides what is connected, and is not kept.

        Parameters
        ----------
        net : pandapowerNet
        phases : {1, 3}
            Whether it is balanced, or its three phases are told apart.
        zero_sequence : mapping, optional
            What holds where the network has no zero-sequence data (`fastp2p.io.stated.STATED`).

        Raises
        ------
        InputError
            No external grid, zero-impedance branches, or whatever else pandapower refuses to convert; with three phases also
            zero-sequence data that are missing, and elements that have no such model.
        """
        from fastp2p.io.pandapower import network_arrays
        from fastp2p.io.phases import zero_arrays
        from fastp2p.io.stated import phase_stated

        stated = phase_stated(phases, zero_sequence)
        zero = None if stated is None else ZeroSequence(**zero_arrays(net, stated))
        return cls(**network_arrays(net), zero=zero)

    @classmethod
    def load(cls, source: str | Path, *, phases: int = 1, zero_sequence: Mapping[str, Any] | None = None) -> Network:
        """A built-in network by name, any `pandapower.networks` function by name, or a JSON, Excel or OpenDSS file.

        Parameters
        ----------
        source : str or Path
        phases, zero_sequence : as for `from_pandapower`

        Raises
        ------
        InputError
            Unknown name, unreadable file, a pickle, or a network that cannot be converted; with one phase also buses that
            lack phases.
        """
        from fastp2p.io.cache import loaded_arrays
        from fastp2p.io.opendss.source import is_opendss
        from fastp2p.io.stated import phase_stated

        if not isinstance(source, str | Path):
            raise InputError(
                f"a network is loaded by its name or path, not by {described(source)}; {way_to('Network', source)}"
            )
        stated = phase_stated(phases, zero_sequence)
        made = {of.name for of in dataclasses.fields(cls) if of.default_factory is of.default is dataclasses.MISSING}
        arrays: dict[str, Any] = loaded_arrays(source, made)
        balanced = cls(**arrays)
        if stated is None and not is_opendss(source):
            return balanced
        names = {of.name for of in dataclasses.fields(ZeroSequence)} if is_opendss(source) else ZeroSequence.required()
        zero = ZeroSequence(**loaded_arrays(source, names, stated or {}))
        if stated is None:
            refuse([f"network {source}: {fault}" for fault in zero.absent_faults(balanced.bus_id)])
            return balanced
        return dataclasses.replace(balanced, zero=zero)

    def __repr__(self) -> str:
        """What it is, on a line."""
        return short_repr(self, ("n_bus", "n_branch", "is_radial", "reference_bus"))

    @property
    def n_bus(self) -> int:
        """Number of buses (fused ones count once)."""
        return len(self.bus_id)

    @property
    def n_branch(self) -> int:
        """Number of branches in service."""
        return len(self.from_bus)

    @property
    def slack_bus(self) -> int:
        """Position of the (first) external grid: the reference for sensitivities."""
        return int(self.reference_bus[0])

    @property
    def is_radial(self) -> bool:
        """Whether every bus has exactly one path to exactly one external grid."""
        return self.n_branch == self.n_bus - len(self.reference_bus)

    @property
    def is_balanced(self) -> bool:
        """Whether it has a balanced model: every bus has the phases a, b and c, as far as they are told apart."""
        return self.zero is None or bool((self.zero.phases == ALL_PHASES).all())

    @property
    def branches(self) -> pd.DataFrame:
        """One row per branch: element, element_id, winding, std_type, from_bus, to_bus (positions), limit_kw."""
        import pandas as pd

        names = ("element", "element_id", "winding", "std_type", "from_bus", "to_bus", "limit_kw")
        return pd.DataFrame({name: getattr(self, name) for name in names})

    @property
    def branch_name(self) -> NDArray[np.str_]:
        """(n_branch,) names for people, such as ``line 12`` or ``trafo3w 0 mv``."""
        pieces = zip(self.element.tolist(), self.element_id.tolist(), self.winding.tolist(), strict=True)
        return np.array([f"{e} {i} {w}".rstrip() for e, i, w in pieces], dtype=np.str_)

    def positions(self, bus_ids: Sequence[int] | Ints) -> Ints:
        """Positions of pandapower bus indices.

        Raises
        ------
        InputError
            Buses that do not exist or have no path to an external grid, all of them named.
        """
        ids = integers("bus indices", bus_ids)
        row = np.searchsorted(self.known_id, ids)
        known = (row < len(self.known_id)) & (self.known_id[np.minimum(row, len(self.known_id) - 1)] == ids)
        position = np.where(known, self.known_position[np.minimum(row, len(self.known_id) - 1)], -1)
        refuse(
            [f"bus {b} does not exist in the network" for b in ids[~known].tolist()]
            + [f"bus {b} has no path to an external grid" for b in ids[known & (position < 0)].tolist()]
        )
        return position

    def columns(self, bus: ArrayLike | None) -> Ints:
        """The bus of every column of an array: those named, or all of them.

        Raises
        ------
        InputError
            If `bus` names no positions of buses, or one twice.
        """
        at = np.arange(self.n_bus) if bus is None else integers("bus", bus)
        if at.ndim != 1 or len(np.unique(at)) != at.size or not ((at >= 0) & (at < self.n_bus)).all():
            raise InputError(f"bus must hold positions of the network's buses, 0…{self.n_bus - 1}, each at most once")
        return at

    def leaf_buses(self) -> Ints:
        """Positions of the ends of the energised network, in the order of their pandapower index.

        An end has one neighbour and is no external grid. Branches that end at an open switch, and inner buses of pandapower's
        own, do not count: the last bus before an open ring switch is an end, the far end of the open line is none.
        """
        return self._leaves.copy()

    @cached_property
    def _leaves(self) -> Ints:
        """Looked for once: every block of scenarios asks for them."""
        ends = find_ends(self.n_bus, self.from_bus, self.to_bus, self.bus_id < 0)
        leaves = ends[~self.is_reference[ends]]
        return leaves[np.argsort(self.bus_id[leaves], kind="stable")]

    def feeding_rating_kw(self) -> Floats:
        """(n_bus,) rating of the nearest transformer between each bus and the external grid, kVA; NaN where there is none."""
        return self._feeding_rating_kw.copy()

    @cached_property
    def _feeding_rating_kw(self) -> Floats:
        """Found once, as `_leaves` are."""
        rating = np.where(np.char.startswith(self.element, "trafo") & (self.rating_kw > 0), self.rating_kw, np.nan)
        return pass_down(self.n_bus, self.from_bus, self.to_bus, rating, self.reference_bus)

    def injection_kw(self, net: Any) -> Floats:
        """What the pandapower network's own loads, generators and storages inject, (n_bus,) kW; grid feed positive.

        Raises
        ------
        InputError
            If `net` has other buses or switch states than the network this was made from.
        """
        from fastp2p.io.pandapower import network_injection_kw

        return network_injection_kw(net, self.known_id, self.known_position)

    def phase_injection_kva(self, net: Any) -> Complexes:
        """What the pandapower network's own loads and generators inject on each phase, (n_bus, 3) kW + j kvar.

        Loads, generators and storages of three phases inject a third on each.

        Raises
        ------
        InputError
            If `net` has other buses or switch states than the network this was made from, or elements in delta.
        """
        from fastp2p.io.phases import phase_injection_kva

        return phase_injection_kva(net, self.known_id, self.known_position)

    def flow_kw(self, injection_kw: ArrayLike, bus: ArrayLike | None = None) -> Floats:
        """DC flows, positive from `from_bus` to `to_bus`, constant parts included.

        Parameters
        ----------
        injection_kw : (..., n_bus) float, kW
            Feeding the grid is positive; the external grids balance.
        bus : (n_columns,) int, optional
            Where only some buses inject: their positions, each once; the last axis is theirs alone then.

        Returns
        -------
        (..., n_branch) float64, kW

        Raises
        ------
        InputError
            If the last axis is not n_bus (n_columns) long, or `bus` names no positions of buses.

        Notes
        -----
        On radial networks the flow is the sum of the injections behind a branch; on meshed ones B' θ = p is solved with
        factors made once (Stott, Jardim, Alsaç 2009, DC power flow revisited). Equal to ``pandapower.rundcpp`` but for the
        constant losses of branches, such as iron losses, which `fixed_kw` has and ``rundcpp`` leaves out.
        """
        injection, at = floats("injection_kw", injection_kw), self.columns(bus)
        if injection.ndim == 0 or injection.shape[-1] != len(at):
            raise InputError(f"injection_kw has shape {injection.shape}; its last axis must be the {len(at)} buses")
        books = injection.reshape(math.prod(injection.shape[:-1]), len(at))
        shaped: Floats = self.column_flows_kw(books, at).reshape(*injection.shape[:-1], self.n_branch)
        return shaped

    def column_flows_kw(self, injection_kw: Floats, bus: Ints) -> Floats:
        """`flow_kw` of arrays (n_books, n_columns) and (n_columns,) that are known to be right."""
        from fastp2p.grid.contraction import contracted

        of = contracted(self, bus)
        return linear_flows(of, injection_kw, of.node[bus], Spread(of.chain, of.along, self.constant_kw))

    def slack_kw(self, injection_kw: ArrayLike) -> Floats:
        """Power that the external grids feed in together, (...) kW: minus all injections and constant draws."""
        injection = floats("injection_kw", injection_kw)
        if injection.ndim == 0 or injection.shape[-1] != self.n_bus:
            raise InputError(f"injection_kw has shape {injection.shape}; its last axis must be the {self.n_bus} buses")
        slack: Floats = -(injection.sum(axis=-1) + self.fixed_kw.sum())
        return slack

    def with_limits(
        self,
        families: Sequence[str] = ("thermal", "transformer"),
        *,
        angle_deg: float | None = None,
        factor: float = 1.0,
        ampacity_ka: float | None = None,
        ampacity_ka_by_std_type: dict[str, float] | None = None,
        ampacity_ka_by_line: dict[int, float] | None = None,
        reverse_kw: float | None = None,
        reverse_of_rating: float | None = None,
    ) -> Network:
        """The same network under other limits; the smallest of a branch's limits wins.

        Parameters
        ----------
        families : subset of {"thermal", "transformer"}
            Line ampacities and transformer ratings.
        angle_deg : float, optional
            Limit b·δ on every branch from this largest angle difference, degrees.
        factor : float
            Multiplies every limit.
        ampacity_ka, ampacity_ka_by_std_type, ampacity_ka_by_line : optional
            Ampacity of all lines; of a standard type; of a line by its pandapower index. The narrower one wins.
        reverse_kw, reverse_of_rating : float, optional
            Largest power, kW or as a share of its rating, that each of the first transformers below an external grid may carry
            towards it.

        Raises
        ------
        InputError
            Unknown families, standard types or lines, numbers out of their ranges, negative ratings, a limit of transformers
            where there are none; all named.
        """
        by_type, by_line = ampacity_ka_by_std_type or {}, ampacity_ka_by_line or {}
        faults = rating_faults(self, families, angle_deg, factor, ampacity_ka, by_type, by_line)
        reverse = np.full(self.n_branch, np.inf)
        if reverse_kw is not None or reverse_of_rating is not None:
            reverse, found = reverse_limits(self.upward, self.rating_kw, self.branch_name, reverse_kw, reverse_of_rating)
            faults += found
        refuse(faults)
        ampacity = ampacities(self, ampacity_ka, by_type, by_line)
        limit = narrowest_limits(self, families, angle_deg, ampacity)
        return dataclasses.replace(self, ampacity_ka=ampacity, limit_kw=limit * factor, reverse_kw=reverse * factor)

    @cached_property
    def upward(self) -> Floats:
        """(n_branch,) +1 where the first transformer below an external grid is directed towards it, -1 away from it, else 0."""
        is_transformer = np.char.startswith(self.element, "trafo")
        return find_upward(self.n_bus, self.from_bus, self.to_bus, is_transformer, self.reference_bus)

    @cached_property
    def tree(self) -> Tree:
        """The forest below the external grids (radial networks)."""
        return grow_tree(self.n_bus, self.from_bus, self.to_bus, self.reference_bus)

    @cached_property
    def branches_between(self) -> Floats:
        """(n_bus, n_bus) electrical distance: Σ |ptdf[:, i] - ptdf[:, j]|, on a radial network the branches of the path."""
        if not self.is_radial:
            return np.array([np.abs(self.ptdf - self.ptdf[:, [bus]]).sum(axis=0) for bus in range(self.n_bus)])
        return count_between(self.tree)

    @cached_property
    def constant_kw(self) -> Floats:
        """(n_branch,) flows when nobody injects anything: iron losses, shunts, phase shifts, angles of several grids."""
        fixed = self.fixed_kw.copy()
        shifted = self.susceptance_kw * self.shift_rad
        angle = np.zeros(self.n_bus)
        angle[self.reference_bus] = self.reference_angle_rad
        known = self.susceptance_kw * (angle[self.from_bus] - angle[self.to_bus]) - shifted
        np.subtract.at(fixed, self.from_bus, known)
        np.add.at(fixed, self.to_bus, known)
        constant: Floats = linear_flows(self, fixed[None, :], np.arange(self.n_bus), own_flows(self))[0] + known
        return constant

    @cached_property
    def percent_per_kw(self) -> Floats:
        """(n_branch,) loading of a branch per kW of flow, 100 / limit; zero where nothing limits it."""
        limited = np.isfinite(self.limit_kw) & (self.limit_kw > 0)
        return np.divide(100.0, self.limit_kw, out=np.zeros(self.n_branch), where=limited)

    @cached_property
    def is_reference(self) -> NDArray[np.bool_]:
        """(n_bus,) whether a bus is an external grid."""
        return np.isin(np.arange(self.n_bus), self.reference_bus)

    @cached_property
    def has_band(self) -> NDArray[np.bool_]:
        """(n_bus,) whose voltages count: all but external grids, and inner buses such as the star point of a transformer."""
        return (self.bus_id >= 0) & ~self.is_reference

    @cached_property
    def root_sign(self) -> Floats:
        """(n_branch,) +1 where a branch leaves an external grid, -1 where it ends there, 0 elsewhere."""
        sign: Floats = self.is_reference[self.from_bus].astype(np.float64)
        return sign - self.is_reference[self.to_bus]

    @property
    def ptdf(self) -> Floats:
        """(n_branch, n_bus) power transfer distribution factors: flow = ptdf @ injection + constant, slack columns 0."""
        return self.flow_per_kw.T

    @cached_property
    def flow_per_kw(self) -> Floats:
        """(n_bus, n_branch) flow that each kW at a bus adds: `ptdf` bus by bus."""
        return linear_flows(self, np.eye(self.n_bus), np.arange(self.n_bus), own_flows(self))

    def __getstate__(self) -> dict[str, Any]:
        """The fields alone: derived arrays are computed again on first use."""
        state = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in state.items() if value is not None}

    @cached_property
    def factors(self) -> Factors:
        """Of the susceptance matrix without the external grids, and how flows follow (meshed networks)."""
        return factorise(self.n_bus, self.from_bus, self.to_bus, self.susceptance_kw, self.reference_bus)
