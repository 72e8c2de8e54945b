"""Devices of scenarios on the device: drawn there, with the CPU's random numbers to the bit, or drawn by the CPU."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np
from numba import float64
from numpy.typing import NDArray

from fastp2p.cuda.device import launch, put, room
from fastp2p.cuda.draws import AT_A_TIME, BY_CPU, amounts_of, buses_of, rows_of
from fastp2p.cuda.kernels import Seed, cuda, device_kernel, make_amount_draw
from fastp2p.grid.network import Network
from fastp2p.kernels.cuda.devices import DrawnDevices, draw_owners
from fastp2p.kernels.cuda.draws import ALL
from fastp2p.kernels.cuda.sums import Drawn
from fastp2p.kernels.pipeline.uniforms import draw_uniforms
from fastp2p.pipeline.battery_draws import BATTERY_STREAMS, KW_PER_KWH, STATE_STREAMS, STATES_REGION
from fastp2p.pipeline.battery_draws import REGION as BATTERY_REGION
from fastp2p.pipeline.draws import Scenarios, draw_scenarios
from fastp2p.pipeline.ev_draws import EV_STREAMS
from fastp2p.pipeline.ev_draws import REGION as EV_REGION
from fastp2p.pipeline.heat_pump_draws import HEAT_PUMP_STREAMS, HeatPumpHouses, HeatPumpProfiles
from fastp2p.pipeline.heat_pump_draws import REGION as HEAT_PUMP_REGION
from fastp2p.pipeline.members import find_members
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.devices import BatteryPart
from fastp2p.study.ev import EvPart
from fastp2p.study.heat_pump import HeatPumpPart
from fastp2p.study.model import Study
from fastp2p.study.sections import Amount

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

VEHICLE = ("kw", "arrival", "departure", "kwh")
HOUSE = ("kw", "resistance_k_per_kw", "capacity_kwh_per_k")
BATTERY = ("kwh", "kw", "lowest_kwh", "first_kwh", "efficiency")
"""Keys of sections that are amounts, and of a battery what they become."""
AMOUNTS = {"heat_pump": ("size", *HOUSE), "ev": VEHICLE, "battery": ("kwh", "kw", "efficiency", "lowest", "first")}


@dataclass(frozen=True, eq=False)
class Section:
    """What the draws of one section of a study depend on.

    Attributes
    ----------
    seed : Seed
    streams : tuple of str
        The use of each uniform number of a bus.
    bus : (n,) int64
        Bus positions of the columns.
    listed : (n_listed,) int64
        Columns in the order of lists of sizes.
    has : (n, n_scenarios) bool, on the device
        Who has the device.
    """

    seed: Seed
    streams: tuple[str, ...]
    bus: Ints
    listed: Ints
    has: Any

    def draw(self, amount: Amount, stream: str, absent: float = 0.0) -> Any:
        """(n, n_scenarios) values of an amount, on the device."""
        given = np.zeros(len(self.bus))
        if isinstance(amount, float | tuple):
            given[self.listed] = amount
        return self._launch(amounts_of(amount, given, np.ones(len(given), bool)), stream, absent, self.bus)

    def draw_rows(self, part: HeatPumpPart, profiles: Profiles) -> Any:
        """(n, n_scenarios) rows of the profile of a heat pump, -1 without one, on the device."""
        row = profiles.row(part.profile, "load") if isinstance(part.profile, str) else -1
        of = rows_of(part.profile, "load", np.full(len(self.bus), row), profiles)
        return self._launch(of, "profile", -1.0, buses_of(part.profile, self.bus))

    def _launch(self, of: Any, stream: str, absent: float, bus: Ints) -> Any:
        drawn, place = room(self.has.shape), self.streams.index(stream)
        launch(make_amount_draw(len(bus)), drawn.shape[1], self.seed, place, (put(bus),), of, (self.has,), absent, (drawn,))
        return drawn


def draw_devices(
    study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range, first: Scenarios, homes: Drawn
) -> DrawnDevices:
    """Draw the devices of scenarios.

    Parameters
    ----------
    study, network, profiles, share, numbers : as for `fastp2p.pipeline.draws.draw_scenarios`
    first : Scenarios
        The first of them.
    homes : Drawn
        All of them, on the device.
    """
    if devices_by_cpu(study):
        return _draw_by_cpu(study, network, profiles, share, numbers)
    none = room((0, 0))
    heat, ev, battery = (none,) * 5, (none,) * 4, (none,) * 5
    of = study, network, first, numbers, homes
    if study.heat_pump is not None:
        section = _section(study.heat_pump, HEAT_PUMP_REGION, HEAT_PUMP_STREAMS, *of)
        if study.heat_pump.profile is None:
            heat = (none, none, *(section.draw(getattr(study.heat_pump, key), key) for key in HOUSE))
        else:
            rows, size = section.draw_rows(study.heat_pump, profiles), section.draw(study.heat_pump.size, "size")
            heat = (rows, size, none, none, none)
    if study.ev is not None:
        section = _section(study.ev, EV_REGION, EV_STREAMS, *of)
        ev = tuple(section.draw(getattr(study.ev, key), key) for key in VEHICLE)
    if study.battery is not None:
        battery = _draw_batteries(study.battery, _section(study.battery, BATTERY_REGION, BATTERY_STREAMS, *of))
    return DrawnDevices(*heat, *ev, *battery)


def _draw_batteries(part: BatteryPart, section: Section) -> tuple[Any, ...]:
    """As `BATTERY` names them."""
    states = replace(section, seed=in_region(section.seed, STATES_REGION, STATE_STREAMS), streams=STATE_STREAMS)
    kwh, efficiency = section.draw(part.kwh, "kwh"), states.draw(part.efficiency, "efficiency", 1.0)
    kw = section.draw(KW_PER_KWH if part.kw is None else part.kw, "kw")
    lowest, first = states.draw(part.lowest, "lowest"), states.draw(part.first, "first")
    for part_of_kwh in ([kw] if part.kw is None else []) + [lowest, first]:
        launch(multiply, kwh.shape[1], (kwh,), (part_of_kwh,))
    return kwh, kw, lowest, first, efficiency


def _section(
    part: HeatPumpPart | EvPart | BatteryPart, region: int, streams: tuple[str, ...], study: Study, network: Network,
    first: Scenarios, numbers: range, homes: Drawn,
) -> Section:  # fmt: skip
    """Draw who has the devices of a section; its buses are known to be right."""
    bus = first.participant
    n, n_scenarios = len(bus), len(numbers)
    buses = find_members(study, network, []).listed if isinstance(part.buses, str) else network.positions(part.buses)
    listed, may, has = np.searchsorted(bus, buses), np.zeros(n, bool), room((n, n_scenarios), np.bool_)
    may[listed] = True
    low, high = np.uint64(study.seed & (2**64 - 1)), np.uint64(study.seed >> 64)
    seed = in_region(Seed(low, high, numbers.start, network.n_bus, ALL, 1.0, n), region, streams)
    launch(make_owner_draw(n), n_scenarios, seed, (put(bus),), part.share, (put(may),), part.buses == "pv", homes, (has,))
    return Section(seed, streams, bus, listed, has)


def in_region(seed: Seed, region: int, streams: tuple[str, ...]) -> Seed:
    """A seed for counters elsewhere (`fastp2p.pipeline.uniforms`)."""
    words = np.uint64(region >> 128 & (2**64 - 1)), np.uint64(region >> 192)
    return seed._replace(c2=words[0], c3=words[1], n_streams=len(streams))


@lru_cache(maxsize=64)
def make_owner_draw(n: int) -> Any:
    """The kernel that draws who of n columns has a device (`draw_owners`), whose stream is the first.

    ``kernel[blocks, threads](seed, bus, share, may, with_pv, homes, has)``; `bus`, `may` and `has` are tuples of one array.
    """

    @device_kernel
    def draw(seed: Any, bus: Any, share: float, may: Any, with_pv: bool, homes: Any, has: Any) -> None:
        s = cuda.grid(1)
        if s >= has[0].shape[1]:
            return
        u = cuda.local.array(n, float64)
        draw_uniforms(seed.key0, seed.key1, seed.c2, seed.c3, seed.first + s, 0, seed.n_streams, seed.n_bus, bus[0], u)
        draw_owners(share, may[0], with_pv, homes, s, u, has[0])

    return draw


@device_kernel
def multiply(factor: Any, value: Any) -> None:
    """Multiply values of all homes by a factor of each; tuples of one array (n, n_scenarios)."""
    s = cuda.grid(1)
    if s < value[0].shape[1]:
        for c in range(value[0].shape[0]):
            value[0][c, s] *= factor[0][c, s]


def devices_by_cpu(study: Study) -> bool:
    """Whether devices are drawn in a way that the device has not to the bit: by quantiles of a normal distribution."""
    parts = {section: getattr(study, section) for section in AMOUNTS if getattr(study, section) is not None}
    return any(
        part.pv_correlation != 0.0 or any(isinstance(getattr(part, key), BY_CPU) for key in AMOUNTS[section])
        for section, part in parts.items()
    )


def _draw_by_cpu(study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range) -> DrawnDevices:
    pieces: list[list[Floats]] = []
    for start in range(numbers.start, numbers.stop, AT_A_TIME):
        some = range(start, min(start + AT_A_TIME, numbers.stop))
        pieces.append(arrays_of(draw_scenarios(study, network, profiles, share, some)))
    return DrawnDevices(*(put(np.concatenate(arrays).T) for arrays in zip(*pieces, strict=True)))


def arrays_of(drawn: Scenarios) -> list[Floats]:
    """What `DrawnDevices` holds, (n_scenarios, n) each."""
    none, heat = np.empty((0, 0)), drawn.heat_pump
    of_profiles = (heat.profile, heat.size) if isinstance(heat, HeatPumpProfiles) else (None,) * 2
    of_houses = (getattr(heat, key) if isinstance(heat, HeatPumpHouses) else None for key in HOUSE)
    of_vehicles = (getattr(drawn.ev, key) if drawn.ev else None for key in VEHICLE)
    of_batteries = (getattr(drawn.battery, key) if drawn.battery else None for key in BATTERY)
    arrays = (*of_profiles, *of_houses, *of_vehicles, *of_batteries)
    return [none if array is None else array.astype(np.float64) for array in arrays]
