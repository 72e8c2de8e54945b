"""Load and PV that is in the network and not in the market: at which buses, of which profiles, how large.

Uniform numbers come from the generator of the scenarios (Philox, keyed by the study's seed) with counters that nothing else
reaches, each entry of `participants.background` its own: one more changes the draws of no other, nor those of the homes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.clearing.reactive import kvar_per_kw
from fastp2p.grid.network import Network
from fastp2p.pipeline.members import amounts, bus_positions, grid_bus_faults
from fastp2p.pipeline.profile_draws import profile_rows
from fastp2p.pipeline.uniforms import Uniforms
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.model import Study
from fastp2p.study.participants import BackgroundPart
from fastp2p.study.sections import Amount

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REGION = 5 << 192
"""Where the counters of background begin; those of batteries (`fastp2p.pipeline.battery_draws.REGION`) stay far below."""
OF_ENTRY = 1 << 128
"""From the counters of an entry to those of the next one."""
BACKGROUND_STREAMS = ("size", "profile", "unused", "unused too")
"""The use of each uniform number of a bus; another order would change the draws of a seed."""


@dataclass(frozen=True, eq=False)
class Background:
    """Background of a block of scenarios: a column for each bus of each entry of `participants.background`.

    Attributes
    ----------
    entry : (n_columns,) int64
        Place of the entry, from 0.
    bus : (n_columns,) int64
        Position.
    profile : (n_scenarios, n_columns) int64
        Row of the profiles.
    size : (n_scenarios, n_columns) float64
        Homes, kWp, or what a net profile is multiplied by; of PV negative, since background counts what is drawn.
    kvar_per_kw : (n_columns,) float64
        Reactive power that is drawn, per kW that is drawn.
    """

    __repr__ = short_repr
    BY_SCENARIO: ClassVar = ("profile", "size")
    entry: Ints
    bus: Ints
    profile: Ints
    size: Floats
    kvar_per_kw: Floats


def draw_background(
    study: Study, numbers: range, network: Network, profiles: Profiles, faults: list[str], lengths: list[str]
) -> Background | None:
    """The background of some scenarios; None in a study without any.

    Parameters
    ----------
    study : Study
    numbers : range
        Of the scenarios.
    network : Network
    profiles : Profiles
    faults, lengths : list of str
        What is wrong is added to them, of a list's length to `lengths`.
    """
    if study.background is None:
        return None
    pieces = []
    for entry, part in enumerate(study.background):
        key, n_faults = f"participants.background.{entry}", len(faults)
        buses = background_buses(part, network, f"{key}.buses", faults)
        of_lists = lengths if len(faults) == n_faults else []  # of buses that are not there
        u = Uniforms(study.seed, numbers, BACKGROUND_STREAMS, network.n_bus, buses, REGION + entry * OF_ENTRY)
        columns = np.arange(len(buses))
        row = profile_rows(
            part.profile, part.kind, f"{key}.{part.kind}", network, columns, u, "profile", profiles, faults, of_lists
        )
        size = amounts(part.size, f"{key}.size", columns, u, "size", of_lists)
        there = _sized(part.size, columns)
        sign = -1.0 if part.kind == "pv" else 1.0
        of_one = np.full(len(there), _kvar_per_kw(study, part))
        pieces.append((np.full(len(there), entry), buses[there], row[:, there], sign * size[:, there], of_one))
    return Background(*(np.concatenate(arrays, axis=-1) for arrays in zip(*pieces, strict=True)))


def background_buses(part: BackgroundPart, network: Network, key: str, faults: list[str]) -> Ints:
    """Positions of the buses of an entry, in the order of their list; faults are added to `faults`."""
    buses = bus_positions(part.buses, network, key, faults)
    if isinstance(part.buses, tuple):
        faults += grid_bus_faults(buses, network, key)
    return buses[~network.is_reference[buses]]


def find_background(study: Study, network: Network) -> Ints:
    """Positions of the buses that have any, ascending, of a study that draws without a fault."""
    buses = [_sized(part.size, background_buses(part, network, "", [])) for part in study.background or ()]
    return np.unique(np.concatenate([np.empty(0, np.int64), *buses]))


def _sized(size: Amount, buses: Ints) -> Ints:
    """The buses at which a size may be other than zero: where it cannot, a study is the same as without it, to the bit."""
    if isinstance(size, tuple):
        return buses[np.array(size) > 0.0] if len(size) == len(buses) else buses[:0]
    most = size if isinstance(size, float) else size.extremes[1]
    return buses if most > 0.0 else buses[:0]


def _kvar_per_kw(study: Study, part: BackgroundPart) -> float:
    """Reactive power that is drawn per kW that is drawn; what feeds power in feeds it in as well, with the same sign."""
    of, side = (study.pv, "feeds") if part.kind == "pv" else (study.load, "draws")
    given = of.power_factor if part.power_factor is None else part.power_factor
    return (1.0 if of.reactive == side else -1.0) * kvar_per_kw(given)
