"""Who takes part in a study, and sizes of those who do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.errors import InputError, some
from fastp2p.grid.network import Network
from fastp2p.pipeline.uniforms import Uniforms
from fastp2p.study.model import Study
from fastp2p.study.sections import Amount, Buses

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Members:
    """Who a study is about: bus positions with a load, with PV (or that may have it), and all of them.

    All of them twice: ascending, which are the columns of what is drawn, and as `participants.buses` lists them.
    """

    __repr__ = short_repr
    load_bus: Ints
    pv_bus: Ints
    participant: Ints
    listed: Ints

    def columns(self, buses: Ints) -> Ints:
        """The columns of some participants, whose bus positions these are."""
        return np.searchsorted(self.participant, buses)


def find_members(study: Study, network: Network, faults: list[str]) -> Members:
    """The participants of a study; faults are added to `faults`."""
    eligible = find_eligible(study, network, faults)
    load_bus = _chosen(study.load.buses, eligible, network, "load.buses", faults)
    pv_bus = _chosen(study.pv.buses, eligible, network, "pv.buses", faults)
    participant = np.union1d(load_bus, pv_bus)
    if not len(participant) and not faults:
        chosen = study.participants.buses
        without = {"leaves": "end (leaf bus)", "loads": "load in service"}.get(str(chosen), "bus but external grids")
        why = "" if len(eligible) else f": the network has no {without}; name the buses, or choose 'all'"
        faults.append(
            f"{study.name}: nobody takes part; participants.buses = {chosen!r}, load.buses = "
            f"{study.load.buses!r} and pv.buses = {study.pv.buses!r} give no bus{why}"
        )
    return Members(load_bus, pv_bus, participant, eligible[np.isin(eligible, participant)])


def find_eligible(study: Study, network: Network, faults: list[str]) -> Ints:
    """Positions of the buses that may take part; faults are added to `faults`."""
    return bus_positions(study.participants.buses, network, "participants.buses", faults)


def amounts(amount: Amount, key: str, columns: Ints, u: Uniforms, stream: str, faults: list[str]) -> Floats:
    """(n_scenarios, n_columns) values at `columns` of the buses of `u`, zero at others."""
    values = np.zeros(u.shape)
    if isinstance(amount, tuple):
        if len(amount) != len(columns):
            faults.append(f"{key} lists {len(amount)} values for {len(columns)} buses")
        else:
            values[:, columns] = amount
    elif isinstance(amount, float):
        values[:, columns] = amount
    else:
        values[:, columns] = amount.quantile(u.of(stream)[:, columns])
    return values


def largest(amount: Amount) -> float:
    """The largest value that can be."""
    if isinstance(amount, int | float):
        return float(amount)
    return max(amount, default=0.0) if isinstance(amount, tuple) else amount.extremes[1]


def bus_positions(buses: Buses | Literal["leaves", "loads"], network: Network, key: str, faults: list[str]) -> Ints:
    """Positions of the buses that a study names, in the order of their index."""
    if buses == "leaves":
        return network.leaf_buses()
    if buses == "loads":
        return network.load_bus
    if isinstance(buses, str):
        return np.setdiff1d(np.flatnonzero(network.bus_id >= 0), network.reference_bus)
    try:
        positions = network.positions(buses)
    except InputError as error:
        faults += [f"{key}: {fault}" for fault in error.faults]
        return np.empty(0, np.int64)
    for position, times in zip(*np.unique(positions, return_counts=True), strict=True):
        same = [bus for bus, at in zip(buses, positions.tolist(), strict=True) if at == position]
        if times > 1:
            why = "is listed twice" if len(set(same)) == 1 else "are one bus, joined by closed switches"
            faults.append(f"{key}: bus {', '.join(str(bus) for bus in dict.fromkeys(same))} {why}; list it once")
    return positions


def grid_bus_faults(buses: Ints, network: Network, key: str) -> list[str]:
    """That a bus is an external grid's."""
    grids = ", ".join(map(str, network.bus_id[buses[network.is_reference[buses]]].tolist()))
    return [f"{key}: bus {grids} is an external grid's, where no branch carries it; name another"] if grids else []


@dataclass(frozen=True, eq=False)
class Owners:
    """Who may have a device of a section, and whose sizes its lists give.

    Attributes
    ----------
    device : str
        The section.
    may : (n_scenarios, n_participants) bool
    listed : (n_listed,) int64
        Columns in the order of lists of sizes: those of the key `buses` where it is a list, else all participants.
    whose : str
        What lists have a value for each of; '' where the buses have faults, of which lengths cannot be told.
    """

    __repr__ = short_repr
    device: str
    may: NDArray[np.bool_]
    listed: Ints
    whose: str

    def sizes(self, amount: Amount, key: str, u: Uniforms, lengths: list[str]) -> Floats:
        """(n_scenarios, n_participants) values of a key of the section, whose stream has its name.

        A list of another length is told in `lengths`.
        """
        wrong: list[str] = []
        values = amounts(amount, f"{self.device}.{key}", self.listed, u, key, wrong)
        lengths += [f"{fault}; list one for each {self.whose}" for fault in wrong if self.whose]
        return values


def find_owners(
    buses: Literal["pv", "all"] | tuple[int, ...],
    device: str,
    network: Network,
    who: Members,
    has_pv: NDArray[np.bool_],
    faults: list[str],
) -> Owners:
    """Who may have a device, by the key `buses` of its section; faults are added to `faults`."""
    listed = who.columns(who.listed)
    if buses == "pv":
        return Owners(device, has_pv, listed, "participant")
    n_faults = len(faults)
    chosen = listed if buses == "all" else who.columns(_members_listed(buses, device, network, who, faults))
    may = np.zeros(has_pv.shape, bool)
    may[:, chosen] = True
    whose = "participant" if buses == "all" else f"bus of {device}.buses"
    return Owners(device, may, chosen, whose if len(faults) == n_faults else "")


def _members_listed(buses: tuple[int, ...], device: str, network: Network, who: Members, faults: list[str]) -> Ints:
    """Positions of the participants that a section lists, in its order."""
    are_members_known = not any(fault.startswith(("participants.buses", "load.buses", "pv.buses")) for fault in faults)
    positions = bus_positions(buses, network, f"{device}.buses", faults)
    outside = network.bus_id[np.setdiff1d(positions, who.participant)].tolist()
    if outside and are_members_known:
        faults.append(
            f"{device}.buses: bus {some([str(bus) for bus in outside])} is not a participant; make it one (participants.buses, "
            "load.buses, pv.buses), or leave it out here"
        )
    return positions[np.isin(positions, who.participant)]


def _chosen(buses: Buses, eligible: Ints, network: Network, key: str, faults: list[str]) -> Ints:
    """All of the eligible buses, those at even or odd places, or those of them that are listed.

    Even and odd places are as many of either, as in the paper: ⌊L/2⌋ of L buses, so that the last of an odd number has neither.
    """
    pairs = len(eligible) // 2
    if buses == "all":
        return eligible
    if buses == "even":
        return eligible[0::2][:pairs]
    if buses == "odd":
        return eligible[1::2][:pairs]
    positions = bus_positions(buses, network, key, faults)
    outside = ", ".join(map(str, network.bus_id[np.setdiff1d(positions, eligible)]))
    if outside and not any(fault.startswith("participants.buses") for fault in faults):
        faults.append(f"{key}: bus {outside} is not a participant; name it in participants.buses, or leave it out here")
    return positions
