"""Which homes have an electric vehicle, when it is plugged in, and what it needs.

Uniform numbers come from the generator of the scenarios (Philox, keyed by the study's seed) with counters of their own, as
those of batteries do (`fastp2p.pipeline.battery_draws`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.grid.network import Network
from fastp2p.pipeline.correlation import correlated
from fastp2p.pipeline.members import Members, find_owners
from fastp2p.pipeline.uniforms import Uniforms
from fastp2p.study.ev import EvPart

Floats = NDArray[np.float64]

REGION = 3 << 192
"""Where the counters of vehicles begin; those of batteries stay far below."""
EV_STREAMS = ("has", "kw", "arrival", "departure", "kwh", "unused_1", "unused_2", "unused_3")
"""The use of each uniform number of a bus; another order would change the draws of a seed."""


@dataclass(frozen=True, eq=False)
class Vehicles:
    """Electric vehicles of a block of scenarios, one at a participant; zero where there is none.

    Attributes
    ----------
    kw : (n_scenarios, n_participants) float64, kW
        Power of the charger.
    arrival, departure : (n_scenarios, n_participants) float64, hours of the day
        When it is plugged in, and when it leaves: the same every day.
    kwh : (n_scenarios, n_participants) float64, kWh
        What it needs each time, at the charger.
    """

    __repr__ = short_repr
    BY_SCENARIO: ClassVar = ("kw", "arrival", "departure", "kwh")
    kw: Floats
    arrival: Floats
    departure: Floats
    kwh: Floats


def draw_vehicles(
    part: EvPart,
    seed: int,
    numbers: range,
    network: Network,
    who: Members,
    has_pv: NDArray[np.bool_],
    u_pv: Floats,
    faults: list[str],
    lengths: list[str],
) -> Vehicles:
    """The electric vehicles of some scenarios.

    Parameters
    ----------
    part : EvPart
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
    u = Uniforms(seed, numbers, EV_STREAMS, network.n_bus, who.participant, REGION)
    owners = find_owners(part.buses, "ev", network, who, has_pv, faults)
    has = owners.may & (correlated(u.of("has"), u_pv, part.pv_correlation) < part.share)
    drawn = {name: owners.sizes(getattr(part, name), name, u, lengths) for name in EV_STREAMS[1:5]}
    return Vehicles(**{name: np.where(has, values, 0.0) for name, values in drawn.items()})


def price_faults(retail_per_kwh: Floats, faults: list[str]) -> list[str]:
    """A fault where all steps have one price, and vehicles follow it; none where another fault says why."""
    if any(fault.startswith("market.retail_per_kwh") for fault in faults) or np.ptp(retail_per_kwh) > 0.0:
        return []
    return [
        f"ev.rule = 'cheapest': follows no price: market.retail_per_kwh is {retail_per_kwh[0]:g} in all steps; give it by the "
        "clock, or choose 'immediate' or 'surplus'"
    ]
