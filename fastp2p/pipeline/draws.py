"""Scenarios: who consumes, who has PV, which profile, how big, on which phase, which prices.

Every scenario has its own stretch of one counter-based stream of random numbers (Philox, keyed by the study's seed): a
uniform number per stream below and bus. So a scenario is the same whatever block it is drawn in, and in every share: the
buses with PV at a small share have it at a larger one too. Only the numbers of those who take part are made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.errors import refuse
from fastp2p.grid.network import Network
from fastp2p.pipeline.background_draws import Background, draw_background
from fastp2p.pipeline.battery_draws import Batteries, draw_batteries, find_community_bus, tariff_faults
from fastp2p.pipeline.ev_draws import Vehicles, draw_vehicles, price_faults
from fastp2p.pipeline.heat_pump_draws import HeatPumps, draw_heat_pumps, heat_pump_faults
from fastp2p.pipeline.members import Members, amounts, find_members, largest
from fastp2p.pipeline.phase_draws import draw_load_phases, has_phase, pv_phases
from fastp2p.pipeline.profile_draws import profile_rows
from fastp2p.pipeline.tariffs import by_step
from fastp2p.pipeline.uniforms import Uniforms, rows_of
from fastp2p.profiles.profiles import Profiles
from fastp2p.ranges import ENERGY_KWH, KWP
from fastp2p.study.model import Study
from fastp2p.study.points import swept_shares
from fastp2p.study.sections import Amount, ByClock, OfTransformer, ProfileName, profile_names

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STREAMS = ("pv", "kwp", "homes", "load_profile", "pv_profile", "bid", "ask", "phase")
"""The use of each uniform number of a bus; another order would change the draws of a seed."""


@dataclass(frozen=True, eq=False)
class Scenarios:
    """A block of scenarios of one point: of one share of PV, and of each device that the study sweeps.

    Attributes
    ----------
    number : (n_scenarios,) int64
    share : float
        Share of PV: the one asked for, or participating buses with PV over those with a load or PV.
    participant : (n_participants,) int64
        Bus positions, ascending: the columns of the arrays below, and of those of devices.
    load_profile, pv_profile : (n_scenarios, n_participants) int64
        Row of the profiles; -1 for none.
    homes : (n_scenarios, n_participants) float64
    kwp : (n_scenarios, n_participants) float64
    bid_per_kwh, ask_per_kwh : (n_scenarios, n_participants) float64, currency per kWh
        (n_steps,) where prices follow the clock: the same for every participant and scenario then.
    retail_per_kwh, feed_in_per_kwh : (n_steps,) float64, currency per kWh
    co2_kg_per_kwh : (n_steps,) float64, kg per kWh
    load_phase, pv_phase : (n_scenarios, n_participants) int8, optional
        Where the homes of a bus and its PV, if it has any, are connected: a place in `fastp2p.grid.zero_sequence.PHASES`. None
        in a study of one phase.
    heat_pump : HeatPumpProfiles or HeatPumpHouses, optional
        None in a study without heat pumps.
    battery : Batteries, optional
        None in a study without batteries.
    ev : Vehicles, optional
        None in a study without electric vehicles.
    background : Background, optional
        None in a study without background.
    community_bus : int, optional
        Position of the bus of the community's battery; None without one, or where it can store nothing.
    device_shares : dict of float
        Shares of the devices that the study sweeps, by section.
    """

    __repr__ = short_repr
    number: Ints
    share: float
    participant: Ints
    load_profile: Ints
    pv_profile: Ints
    homes: Floats
    kwp: Floats
    bid_per_kwh: Floats
    ask_per_kwh: Floats
    retail_per_kwh: Floats
    feed_in_per_kwh: Floats
    co2_kg_per_kwh: Floats
    load_phase: NDArray[np.int8] | None = None
    pv_phase: NDArray[np.int8] | None = None
    heat_pump: HeatPumps | None = None
    battery: Batteries | None = None
    ev: Vehicles | None = None
    background: Background | None = None
    community_bus: int | None = None
    device_shares: dict[str, float] = field(default_factory=dict)

    def point_columns(self, n_rows: int) -> dict[str, Floats]:
        """The columns of a table that say at which point its rows are: `share`, and `…_share` of each swept device."""
        shares = {"share": self.share, **{f"{device}_share": share for device, share in self.device_shares.items()}}
        return {name: np.full(n_rows, share) for name, share in shares.items()}

    @property
    def connected(self) -> Ints:
        """(n_connected,) positions of the buses where anything is connected, ascending: participants, and what is beside."""
        more = [] if self.background is None else [self.background.bus]
        more += [] if self.community_bus is None else [np.array([self.community_bus])]
        return np.unique(np.concatenate([self.participant, *more])) if more else self.participant

    def some(self, part: slice | Ints) -> Scenarios:
        """Some scenarios of the block: consecutive ones as views, or those at places that rise."""
        prices = [name for name in ("bid_per_kwh", "ask_per_kwh") if getattr(self, name).ndim == 2]
        phases = [] if self.load_phase is None else ["load_phase", "pv_phase"]
        own = ["number", "load_profile", "pv_profile", "homes", "kwp", *prices, *phases]
        return replace(
            rows_of(self, part, own), heat_pump=rows_of(self.heat_pump, part), battery=rows_of(self.battery, part),
            ev=rows_of(self.ev, part), background=rows_of(self.background, part),
        )  # fmt: skip


def draw_scenarios(study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range) -> Scenarios:
    """The scenarios `numbers` of a study at one of its shares.

    Parameters
    ----------
    study : Study
    network : Network
    profiles : Profiles
    share : float or None
        Share of the buses that may have PV; None: all of them have it. Shares of devices are those of their sections: see
        `fastp2p.study.points.Point.of`.
    numbers : range

    Raises
    ------
    InputError
        Profiles, buses or participants that do not exist, lists of the wrong length, all of them named.
    """
    faults: list[str] = []
    who = find_members(study, network, faults)
    # of buses that are not there, nothing can be said of how many values they need
    lengths: list[str] = [] if faults else faults
    u = Uniforms(study.seed, numbers, STREAMS, network.n_bus, who.participant)
    load, pv, listed = who.columns(who.load_bus), who.columns(who.pv_bus), who.columns(who.listed)
    load_row, pv_row = (
        profile_rows(name, kind, f"{kind}.profile", network, columns, u, f"{kind}_profile", profiles, faults, lengths)
        for name, kind, columns in ((study.load.profile, "load", load), (study.pv.profile, "pv", pv))
    )
    homes = amounts(study.load.homes, "load.homes", load, u, "homes", lengths)
    if isinstance(study.pv.kwp, OfTransformer):
        kwp = _of_transformer(study.pv.kwp.of_transformer, network, pv, u, faults)
    else:
        kwp = amounts(study.pv.kwp, "pv.kwp", pv, u, "kwp", lengths)
    load_phase = pv_phase = None
    if study.network.phases == 3 and study.connection:
        load_phase = draw_load_phases(study.connection, network, listed, u, faults, lengths)
        pv_phase = pv_phases(load_phase, kwp, study.three_phase_above_kw, has_phase(network, who.participant))
    bid, ask = (
        by_step(amount, f"market.{side}_per_kwh", profiles, faults)
        if isinstance(amount, ByClock)
        else amounts(amount, f"market.{side}_per_kwh", listed, u, side, lengths)
        for side, amount in (("bid", study.market.bid_per_kwh), ("ask", study.market.ask_per_kwh))
    )
    tariffs = {
        name: by_step(getattr(study.market, name), f"market.{name}", profiles, faults)
        for name in ("retail_per_kwh", "feed_in_per_kwh", "co2_kg_per_kwh")
    }
    u_pv = u.of("pv")
    if share is not None:
        without = ~_has_pv(u_pv, pv, share, study.scenarios.exact)
        pv_row[without], kwp[without] = -1, 0.0
    has_pv = (pv_row >= 0) & (kwp > 0.0)
    heat_pump = ev = battery = None
    if study.heat_pump is not None:
        heat_pump = draw_heat_pumps(study.heat_pump, study.seed, numbers, network, who, profiles, has_pv, u_pv, faults, lengths)
    if study.ev is not None:
        ev = draw_vehicles(study.ev, study.seed, numbers, network, who, has_pv, u_pv, faults, lengths)
        if study.ev.rule == "cheapest":
            faults += price_faults(tariffs["retail_per_kwh"], faults)
    if study.battery is not None:
        battery = draw_batteries(study.battery, study.seed, numbers, network, who, has_pv, u_pv, faults, lengths)
        if study.battery.value_per_kwh is not None:
            value = by_step(study.battery.value_per_kwh, "battery.value_per_kwh", profiles, faults)
            battery = replace(battery, value_per_kwh=value)
        if study.battery.rule == "tariff":
            faults += tariff_faults(tariffs["retail_per_kwh"], profiles, faults)
    background = draw_background(study, numbers, network, profiles, faults, lengths)
    community_bus = find_community_bus(study, network, faults)
    refuse(faults)
    named_share = _share_of_pv(study, who) if share is None else share
    return Scenarios(
        number=np.asarray(numbers, np.int64), share=named_share, participant=who.participant, load_profile=load_row,
        pv_profile=pv_row, homes=homes, kwp=kwp, bid_per_kwh=bid, ask_per_kwh=ask, load_phase=load_phase, pv_phase=pv_phase,
        heat_pump=heat_pump, battery=battery, ev=ev, background=background, community_bus=community_bus,
        device_shares=swept_shares(study), **tariffs,
    )  # fmt: skip


def energy_faults(study: Study, profiles: Profiles, drawn: Scenarios) -> list[str]:
    """Sizes and profiles that together make more energy than any bus has.

    Parameters
    ----------
    study : Study
    profiles : Profiles
    drawn : Scenarios
        Any; PV that is sized by transformers is the same in all.
    """
    faults: list[str] = []
    sizes = {"load": (study.load.homes, study.load.profile, drawn.homes), "pv": (study.pv.kwp, study.pv.profile, drawn.kwp)}
    for kind, (size, name, of_one) in sizes.items():
        most = float(of_one.max(initial=0.0)) if isinstance(size, OfTransformer) else largest(size)
        faults += _energy_faults(kind, kind, name, most, profiles, study.clearing.stress)
    for entry, part in enumerate(study.background or ()):
        key = f"participants.background.{entry}"
        faults += _energy_faults(key, part.kind, part.profile, largest(part.size), profiles, 1.0)
    return faults + (heat_pump_faults(study.heat_pump, profiles) if study.heat_pump else [])


def _energy_faults(key: str, kind: str, name: ProfileName, most: float, profiles: Profiles, stress: float) -> list[str]:
    """That a size of a profile makes more energy than any bus has."""
    rows = [profiles.row(one, kind) for one in profile_names(name)]
    rows = rows or [row for row, of in enumerate(profiles.kinds) if of == kind]  # each bus has its own
    kwh = float(np.abs(profiles.kwh_per_unit[rows]).max(initial=0.0)) * stress
    if most * kwh <= ENERGY_KWH.most:
        return []
    stressed = f" ({stress:g} times stressed)" if stress != 1.0 else ""
    return [
        f"{key}: a size of {most:g} times a profile of {kwh:g} kWh{stressed} makes {most * kwh:g} kWh at a bus; must lie in "
        f"{ENERGY_KWH}"
    ]


def _share_of_pv(study: Study, who: Members) -> float:
    """Buses with PV over those with a load or PV."""
    with_load, with_pv = _sized(study.load.homes, who.load_bus), _sized(study.pv.kwp, who.pv_bus)
    return len(with_pv) / max(1, len(np.union1d(with_load, with_pv)))


def _sized(size: Amount | OfTransformer, buses: Ints) -> Ints:
    """The buses where a size is not zero; one that is drawn is not."""
    if isinstance(size, tuple):
        return buses[np.array(size) > 0.0]
    return buses[:0] if size == 0.0 else buses


def _has_pv(u: Floats, pv: Ints, share: float, exact: bool) -> NDArray[np.bool_]:
    """(n_scenarios, n_participants) who has PV: those below the share, or the first so many of one random order."""
    if not exact:
        return u < share
    has = np.zeros(u.shape, bool)
    count = count_with_pv(len(pv), share)
    first = pv[np.argsort(u[:, pv], axis=1, kind="stable")[:, :count]]
    np.put_along_axis(has, first, True, axis=1)
    return has


def count_with_pv(n: int, share: float) -> int:
    """How many of n buses an exact share is.

    Half a bus counts as one. A share such as 0.29 is a little less than it says, and so may be its product with 50.
    """
    return math.floor(share * n + 0.5 + 1e-9)


def _of_transformer(part: float, network: Network, columns: Ints, u: Uniforms, faults: list[str]) -> Floats:
    """(n_scenarios, n_participants) kWp of systems that are each a part of the rating of the transformer that feeds them."""
    rating, buses = network.feeding_rating_kw(), u.bus[columns]
    without = ", ".join(map(str, network.bus_id[buses[np.isnan(rating[buses])]]))
    if without:
        faults.append(f"pv.kwp.of_transformer: no transformer with a rating feeds bus {without}; give kWp instead")
    for bus in buses[part * rating[buses] > KWP.most][:1].tolist():
        faults.append(
            f"pv.kwp.of_transformer = {part:g}: makes {part * rating[bus]:g} kWp of the transformer's {rating[bus]:g} kVA at "
            f"bus {network.bus_id[bus]}; must lie in {KWP}"
        )
    values = np.zeros(u.shape)
    values[:, columns] = part * rating[buses]
    return values
