"""Scenarios: who consumes, who has PV, which profile, how big, which prices."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError, refuse
from fastp2p.network import Network
from fastp2p.profiles import Profiles
from fastp2p.study import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Scenarios:
    """A block of scenarios.

    Attributes
    ----------
    number : (n_scenarios,) int64
    share : (n_scenarios,) float64
        Participating buses with PV over all participating buses.
    participant : (n_participants,) int64
        Bus positions.
    load_profile, pv_profile : (n_scenarios, n_bus) int64
        Row of the profiles; -1 for none.
    homes : (n_scenarios, n_bus) float64
    kwp : (n_scenarios, n_bus) float64
    bid_per_kwh, ask_per_kwh : (n_scenarios, n_bus) float64, currency per kWh
    """

    number: Ints
    share: Floats
    participant: Ints
    load_profile: Ints
    pv_profile: Ints
    homes: Floats
    kwp: Floats
    bid_per_kwh: Floats
    ask_per_kwh: Floats


def draw_scenarios(study: Study, network: Network, profiles: Profiles, numbers: range) -> Scenarios:
    """The scenarios `numbers` of a study.

    Raises
    ------
    InputError
        Profiles, buses or participants that do not exist, all of them named.
    """
    faults: list[str] = []
    eligible = _positions(study.participants.buses, network, "participants.buses", faults)
    load_bus = _members(study.load.buses, eligible, network, "load.buses", faults)
    pv_bus = _members(study.pv.buses, eligible, network, "pv.buses", faults)
    load_row = _row(profiles, study.load.profile, "load", faults)
    pv_row = _row(profiles, study.pv.profile, "pv", faults)
    participant = np.union1d(load_bus, pv_bus)
    if not len(participant) and not faults:
        faults.append(f"{study.name}: nobody takes part; participants.buses = {study.participants.buses!r} gives no bus")
    refuse(faults)

    n, shape = len(numbers), (len(numbers), network.n_bus)
    load_profile, pv_profile = np.full(shape, -1, np.int64), np.full(shape, -1, np.int64)
    homes, kwp = np.zeros(shape), np.zeros(shape)
    load_profile[:, load_bus], homes[:, load_bus] = load_row, study.load.homes
    pv_profile[:, pv_bus], kwp[:, pv_bus] = pv_row, study.pv.kwp
    return Scenarios(
        np.asarray(numbers, np.int64),
        np.full(n, len(pv_bus) / len(participant)),
        participant,
        load_profile,
        pv_profile,
        homes,
        kwp,
        np.full(shape, study.market.bid_per_kwh),
        np.full(shape, study.market.ask_per_kwh),
    )


def _positions(buses: str | tuple[int, ...], network: Network, key: str, faults: list[str]) -> Ints:
    """Positions of the buses that a study names, in the order of their index."""
    if buses == "leaves":
        return network.leaf_buses()
    if buses == "loads":
        return network.load_bus
    if buses == "all":
        return np.setdiff1d(np.flatnonzero(network.bus_id >= 0), network.reference_bus)
    try:
        return network.positions([int(b) for b in buses])
    except InputError as error:
        faults += [f"{key}: {fault}" for fault in error.faults]
        return np.empty(0, np.int64)


def _members(buses: str | tuple[int, ...], eligible: Ints, network: Network, key: str, faults: list[str]) -> Ints:
    """All of the eligible buses, those at even or odd places (as many of either), or those listed."""
    pairs = len(eligible) // 2
    if buses == "all":
        return eligible
    if buses == "even":
        return eligible[0::2][:pairs]
    if buses == "odd":
        return eligible[1::2][:pairs]
    return _positions(buses, network, key, faults)


def _row(profiles: Profiles, name: str, kind: str, faults: list[str]) -> int:
    try:
        return profiles.row(name, kind)
    except InputError as error:
        faults += [f"{kind}.profile: {fault}" for fault in error.faults]
        return -1
