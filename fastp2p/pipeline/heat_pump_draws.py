"""Which homes have a heat pump, how large it is, and the house that it heats or the profile that it follows.

Uniform numbers come from the generator of the scenarios (Philox, keyed by the study's seed) with counters that nothing else
reaches. So a study draws the same homes, PV and batteries with heat pumps and without.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.grid.network import Network
from fastp2p.pipeline.correlation import correlated
from fastp2p.pipeline.members import Members, find_owners, largest
from fastp2p.pipeline.tariffs import by_step
from fastp2p.pipeline.uniforms import Uniforms
from fastp2p.profiles.profiles import Profiles
from fastp2p.ranges import ENERGY_KWH
from fastp2p.study.distributions import pick
from fastp2p.study.heat_pump import CopTable, HeatPumpPart
from fastp2p.study.sections import ProfileChoice

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REGION = 4 << 192
"""Where the counters of heat pumps begin; those of batteries (`fastp2p.pipeline.battery_draws.REGION`) stay far below."""
HEAT_PUMP_STREAMS = ("has", "size", "profile", "kw", "resistance_k_per_kw", "capacity_kwh_per_k", "unused", "unused too")
"""The use of each uniform number of a bus; another order would change the draws of a seed."""


@dataclass(frozen=True, eq=False)
class HeatPumpProfiles:
    """Heat pumps that follow profiles, of a block of scenarios.

    Attributes
    ----------
    profile : (n_scenarios, n_participants) int64
        Row of the profiles; -1 where there is no heat pump.
    size : (n_scenarios, n_participants) float64
        Multiplies the profile; zero where there is none.
    """

    __repr__ = short_repr
    BY_SCENARIO: ClassVar = ("profile", "size")
    profile: Ints
    size: Floats


@dataclass(frozen=True, eq=False)
class HeatPumpHouses:
    """Heat pumps of houses, of a block of scenarios; zero where there is none.

    Attributes
    ----------
    kw : (n_scenarios, n_participants) float64, kW
        Largest electric power.
    resistance_k_per_kw, capacity_kwh_per_k : (n_scenarios, n_participants) float64, K per kW and kWh per K
        Of the house.
    temperature_c, cop : (n_steps,) float64, °C and 1
        Outdoor temperature, and heat by electric energy.
    """

    __repr__ = short_repr
    BY_SCENARIO: ClassVar = ("kw", "resistance_k_per_kw", "capacity_kwh_per_k")
    kw: Floats
    resistance_k_per_kw: Floats
    capacity_kwh_per_k: Floats
    temperature_c: Floats
    cop: Floats


HeatPumps = HeatPumpProfiles | HeatPumpHouses


def draw_heat_pumps(
    part: HeatPumpPart,
    seed: int,
    numbers: range,
    network: Network,
    who: Members,
    profiles: Profiles,
    has_pv: NDArray[np.bool_],
    u_pv: Floats,
    faults: list[str],
    lengths: list[str],
) -> HeatPumps:
    """The heat pumps of some scenarios.

    Parameters
    ----------
    part : HeatPumpPart
    seed : int
        Of the study.
    numbers : range
        Of the scenarios.
    network : Network
    who : Members
    profiles : Profiles
    has_pv : (n_scenarios, n_participants) bool
    u_pv : (n_scenarios, n_participants) float64
        The uniform numbers that decide who has PV.
    faults, lengths : list of str
        What is wrong is added to them, of a list's length to `lengths`.
    """
    u = Uniforms(seed, numbers, HEAT_PUMP_STREAMS, network.n_bus, who.participant, REGION)
    owners = find_owners(part.buses, "heat_pump", network, who, has_pv, faults)
    has = owners.may & (correlated(u.of("has"), u_pv, part.pv_correlation) < part.share)

    def drawn(key: str) -> Floats:
        amount = getattr(part, key)
        return np.where(has, owners.sizes(amount, key, u, lengths), 0.0)

    if part.profile is not None:
        missing = profile_faults(part, profiles)
        faults += missing
        row = np.int64(-1) if missing else _profile_rows(part.profile, u, profiles)
        return HeatPumpProfiles(np.where(has, row, -1), drawn("size"))
    assert part.temperature_c is not None
    temperature_c = by_step(part.temperature_c, "heat_pump.temperature_c", profiles, faults)
    return HeatPumpHouses(
        drawn("kw"), drawn("resistance_k_per_kw"), drawn("capacity_kwh_per_k"), temperature_c, cop_at(temperature_c, part.cop)
    )


def cop_at(temperature_c: Floats, cop: float | CopTable | None) -> Floats:
    """(n_steps,) heat by electric energy at outdoor temperatures: linear between those of a table, constant outside."""
    if isinstance(cop, CopTable):
        return np.interp(temperature_c, cop.temperature_c, cop.cop)
    return np.full(len(temperature_c), cop, np.float64)


def profile_faults(part: HeatPumpPart, profiles: Profiles) -> list[str]:
    """The profiles of a section that do not exist."""
    missing = profiles.missing(_names(part.profile), "load")
    return [fault.replace("load.profile: ", "heat_pump.profile: ", 1) for fault in missing]


def heat_pump_faults(part: HeatPumpPart, profiles: Profiles) -> list[str]:
    """A size and profiles, which exist, that together make more energy than any bus has."""
    kwh = max((float(profiles.kwh_per_unit[profiles.row(one, "load")].max()) for one in _names(part.profile)), default=0.0)
    most = largest(part.size)
    if most * kwh <= ENERGY_KWH.most:
        return []
    return [
        f"heat_pump: a size of {most:g} times a profile of {kwh:g} kWh makes {most * kwh:g} kWh at a bus; must lie in "
        f"{ENERGY_KWH}"
    ]


def _names(name: str | ProfileChoice | None) -> tuple[str, ...]:
    if name is None:
        return ()
    return name.choice if isinstance(name, ProfileChoice) else (name,)


def _profile_rows(name: str | ProfileChoice, u: Uniforms, profiles: Profiles) -> Ints:
    """(n_scenarios, n_participants) rows of the profiles, or (n_scenarios, 1) where a scenario has one."""
    rows = np.array([profiles.row(one, "load") for one in _names(name)])
    if isinstance(name, str):
        return np.full((len(u.numbers), 1), rows[0])
    at = u.of("profile") if name.per == "bus" else u.of_scenario("profile")
    drawn: Ints = rows[pick(at, len(rows), name.weights)]
    return drawn
