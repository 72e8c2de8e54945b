"""Which homes have a battery, and how large it is.

Uniform numbers come from the generator of the scenarios (Philox, keyed by the study's seed) with counters that scenarios and
samples of an audit never reach. So a study draws the same homes, PV and prices with batteries and without.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.devices.battery import cheap_and_dear
from fastp2p.grid.network import Network
from fastp2p.pipeline.correlation import correlated
from fastp2p.pipeline.members import Members, bus_positions, find_owners, grid_bus_faults
from fastp2p.pipeline.tariffs import days_of_steps
from fastp2p.pipeline.uniforms import Uniforms
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.devices import BatteryPart
from fastp2p.study.model import Study

Floats = NDArray[np.float64]

REGION = 2 << 192
"""Where the counters of batteries begin; those of an audit (`fastp2p.clearing.audit_sample.REGION`) stay far below."""
BATTERY_STREAMS = ("has", "kwh", "kw", "unused")
"""The use of each uniform number of a bus; another order would change the draws of a seed."""
STATES_REGION = REGION + (1 << 128)
STATE_STREAMS = ("efficiency", "lowest", "first", "unused")
"""More of them, in counters further on: of what is mostly the same for all batteries."""
KW_PER_KWH = 0.5
"""Power of a battery of which a study gives the capacity alone."""


@dataclass(frozen=True, eq=False)
class Batteries:
    """Batteries of a block of scenarios; zero where there is none.

    Attributes
    ----------
    kwh : (n_scenarios, n_participants) float64, kWh
        Capacity.
    kw : (n_scenarios, n_participants) float64, kW
        Largest power, either way.
    lowest_kwh, first_kwh : (n_scenarios, n_participants) float64, kWh
        The least that may be stored, and what is stored before the first step.
    efficiency : (n_scenarios, n_participants) float64
        Of a round trip; 1 where there is no battery.
    value_per_kwh : (n_steps,) float64, currency per kWh, optional
        What a stored kWh is worth, where batteries trade.
    """

    __repr__ = short_repr
    BY_SCENARIO: ClassVar = ("kwh", "kw", "lowest_kwh", "first_kwh", "efficiency")
    kwh: Floats
    kw: Floats
    lowest_kwh: Floats
    first_kwh: Floats
    efficiency: Floats
    value_per_kwh: Floats | None = None


def draw_batteries(
    part: BatteryPart,
    seed: int,
    numbers: range,
    network: Network,
    who: Members,
    has_pv: NDArray[np.bool_],
    u_pv: Floats,
    faults: list[str],
    lengths: list[str],
) -> Batteries:
    """The batteries of some scenarios.

    Parameters
    ----------
    part : BatteryPart
    seed : int
        Of the study.
    numbers : range
        Of the scenarios.
    network : Network
    who : Members
    has_pv : (n_scenarios, n_participants) bool
    u_pv : (n_scenarios, n_participants) float64
        The uniform numbers that decide who has PV.
    faults, lengths : list of str
        What is wrong is added to them, of a list's length to `lengths`.
    """
    u = Uniforms(seed, numbers, BATTERY_STREAMS, network.n_bus, who.participant, REGION)
    owners = find_owners(part.buses, "battery", network, who, has_pv, faults)
    has = owners.may & (correlated(u.of("has"), u_pv, part.pv_correlation) < part.share)
    kwh = owners.sizes(part.kwh, "kwh", u, lengths)
    kw = KW_PER_KWH * kwh if part.kw is None else owners.sizes(part.kw, "kw", u, lengths)
    kwh, kw = np.where(has, kwh, 0.0), np.where(has, kw, 0.0)
    of_states = replace(u, streams=STATE_STREAMS, region=STATES_REGION)
    efficiency, lowest, first = (
        owners.sizes(getattr(part, name), name, of_states, lengths) for name in ("efficiency", "lowest", "first")
    )
    return Batteries(kwh, kw, lowest * kwh, first * kwh, np.where(efficiency > 0.0, efficiency, 1.0))


def find_community_bus(study: Study, network: Network, faults: list[str]) -> int | None:
    """Where the community's battery is, a position; None without one, or where it can store nothing."""
    part = study.community_battery
    if part is None:
        return None
    bus = bus_positions((part.bus,), network, "community_battery.bus", faults)
    faults += grid_bus_faults(bus, network, "community_battery.bus")
    return int(bus[0]) if len(bus) and part.kwh > 0.0 and part.kw != 0.0 else None


def tariff_faults(retail_per_kwh: Floats, profiles: Profiles, faults: list[str]) -> list[str]:
    """A fault where a battery's tariff has one price in each of its days; none where another fault says why."""
    if any(fault.startswith("market.retail_per_kwh") for fault in faults):
        return []
    if cheap_and_dear(retail_per_kwh, days_of_steps(profiles)).any():
        return []
    return [
        'battery.rule = "tariff": needs a tariff with hours, and market.retail_per_kwh is the same in all steps of every day; '
        'write market.retail_per_kwh = { hours = "17-21", value = 0.38, else = 0.22 }, or battery.rule = "self_use"'
    ]
