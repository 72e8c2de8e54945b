"""Values of a first study, and what its comments say: chosen from what a network and profiles hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import some
from fastp2p.grid.feeder import ac_faults
from fastp2p.grid.network import Network
from fastp2p.io.readers.gsa import MONTHS
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.sections import BY_BUS
from fastp2p.sweep.plausible import placeholder_text

Ints = NDArray[np.int64]
Tables = dict[str, dict[str, Any]]

USUAL_KWP, ROOF_KWP, MOST_KWP = 3.0, 10.0, 1e5
HOME_KWH = 100.0
"""A day; a bus that uses less is a home, or few."""
FALLBACK_MONTH = "Jul"


@dataclass(frozen=True)
class Members:
    """Who takes part in a first study, by pandapower's bus indices."""

    buses: str | list[int]
    """As `participants.buses` takes it."""
    listed: list[int]
    why: str
    without_bus: tuple[str, ...] = ()
    """Profiles of buses that the network does not have, or of external grids."""


def find_first_members(network: Network, profiles: Profiles) -> Members:
    """Buses with a profile of their own; else those with a load; else the ends of the network; else all."""
    named = profiles.of_buses("load")
    own = dict[int, int]()  # by position: joined buses are one
    for name in named:
        bus = int(name.removeprefix("bus_"))
        at = np.flatnonzero(network.known_id == bus)
        position = int(network.known_position[at[0]]) if len(at) else -1
        if position >= 0 and not network.is_reference[position]:
            own.setdefault(position, bus)
    if own:
        listed = sorted(own.values())
        without = tuple(name for name in named if int(name.removeprefix("bus_")) not in listed)
        n_load = len(network.load_bus)
        why = f"{len(listed)} of the network's buses have a load profile of their name (bus_N); {n_load} have a load in it"
        if {*network.bus_id[network.load_bus].tolist()} == {*listed}:
            return Members("loads", network.bus_id[network.load_bus].tolist(), why, without)
        return Members(listed, listed, why, without)
    loads = network.load_bus[~network.is_reference[network.load_bus]]
    ids = network.bus_id[loads].tolist()
    n_ends = len(network.leaf_buses())
    why = f'"loads" are {_counted(len(ids), "bus", "es")} with a load, "leaves" {_counted(n_ends, "end")} of the network'
    if len(ids) > 1:
        return Members("loads" if len(loads) == len(network.load_bus) else ids, ids, why, named)
    leaves = network.bus_id[network.leaf_buses()].tolist()
    if len(leaves) > 1:
        return Members("leaves", leaves, f"{why}: these, since loads are too few", named)
    every = np.setdiff1d(np.flatnonzero(network.bus_id >= 0), network.reference_bus)
    return Members("all", network.bus_id[every].tolist(), f"{why}: all, since both are too few", named)


def first_values(network: Network, profiles: Profiles, members: Members, is_typical: set[str]) -> tuple[Tables, dict[str, str]]:
    """Sections of a first study but for its sources, and what to say of their keys.

    Parameters
    ----------
    network : Network
    profiles : Profiles
        On the study's days.
    members : Members
    is_typical : set of str
        Kinds, "load" or "pv", of which the typical day has all profiles.
    """
    load, load_text = _load_profile(profiles, members, "load" in is_typical)
    sun, has_pv, sun_text = _pv_profile(profiles, members, "pv" in is_typical)
    kwp, kwp_text = _size(profiles, load, sun)
    audit = network.is_radial and not ac_faults(network)
    tables: Tables = {
        "participants": {"buses": members.buses},
        "load": {"profile": load, "homes": 1.0},
        "pv": {"profile": sun, "buses": has_pv, "kwp": kwp},
        "market": {
            "pricing": "midpoint",
            "bid_per_kwh": 0.2,
            "ask_per_kwh": 0.1,
            "retail_per_kwh": 0.3,
            "feed_in_per_kwh": 0.08,
        },
        "clearing": {"physics": "dc", "audit": audit},
        "scenarios": {"count": 1},
    }
    text = {"load.profile": load_text, "pv.profile": sun_text, "pv.kwp": kwp_text}
    return tables, _comments(network, profiles, members, text, audit)


def _comments(network: Network, profiles: Profiles, members: Members, text: dict[str, str], audit: bool) -> dict[str, str]:
    """What each key does and what the files hold for it."""
    also = f" Left out, for want of such a bus: {some(members.without_bus)}." if members.without_bus else ""
    net = [name for name, kind in zip(profiles.names, profiles.kinds, strict=True) if kind == "net"]
    beside = f" Net profiles ({some(net)}) may be background: load or PV that does not trade." if net else ""
    placeholder = placeholder_text(network)
    return {
        "network.source": f"A name (`fastp2p networks`), or a file of pandapower or OpenDSS. {_network_text(network)}"
        + (f" NOTE: {placeholder}" if placeholder else ""),
        "participants.buses": f'"loads", "leaves", "all", or a list of bus indices: {members.why}.{also}{beside}',
        "load.profile": f'{text["load.profile"]} Also one name, a list with one per bus, or "by_bus": at bus 3 its bus_3.',
        "load.homes": "How many times its profile a bus uses; also a list, or a distribution.",
        "pv.profile": f'{text["pv.profile"]} A choice with per = "scenario" gives all roofs one sky.',
        "pv.buses": 'Who has PV: "all", "odd" (every second participant), "even", or a list.',
        "pv.kwp": f"{text['pv.kwp']} Also a list, a distribution, or {{ of_transformer = 0.02 }}, kWp per kVA.",
        "market.pricing": "The market rule, here the middle between bid and ask; fastp2p compare runs several.",
        "market.bid_per_kwh": 'What buyers bid; also a list, a distribution, or { file = "prices.csv", column = "price" }.',
        "market.ask_per_kwh": "What sellers ask.",
        "market.retail_per_kwh": 'Retail price; also { hours = "7-10,17-21", value = 0.38, else = 0.28 }, or a file.',
        "market.feed_in_per_kwh": "What the retailer pays for surplus.",
        "clearing.physics": '"dc": active power; "lindistflow" or "ac": apparent power and voltages (docs/voltage.md).',
        "clearing.audit": "Whether an AC power flow checks voltages, loadings and losses of all that is executed."
        + ("" if audit else " Not here: it takes a radial network with resistances and reactances."),
        "scenarios.count": "Random draws. A sweep over PV: count = 100 and shares = [0.1, 0.3, 0.5] of pv.buses."
        ' With buses = "all" there, a share is of all participants.',
    }


def _counted(n: int, what: str, plural: str = "s") -> str:
    return f"{n} {what}{plural * (n != 1)}"


def _network_text(network: Network) -> str:
    kinds, counts = np.unique(network.element, return_counts=True)
    branches = ", ".join(_counted(n, kind) for kind, n in zip(kinds.tolist(), counts.tolist(), strict=True))
    form = "radial" if network.is_radial else "meshed"
    return f"It is {form} and has {network.n_bus} buses, {len(network.load_bus)} of them with a load; branches: {branches}."


def _load_profile(profiles: Profiles, members: Members, is_typical: bool) -> tuple[Any, str]:
    names = _of_kind(profiles, "load")
    there = f"There are {len(names)} load profiles" if len(names) > 1 else "There is one load profile"
    text = f"{there}: {some(names)}; {_daily_text(profiles, names, 'load')} a day."
    if is_typical:
        names = [name for name in names if name.startswith("residential")]
        return {"choice": names}, f"{text} They are fastp2p's typical day, for want of others; each bus draws one."
    own = set(profiles.of_buses("load"))
    if members.listed and {f"bus_{bus}" for bus in members.listed} <= own:
        return BY_BUS, f"{text} Each bus has its own."
    names = [name for name in names if name not in own] or names
    if len(names) == 1:
        return names[0], text
    if len(names) == len(members.listed):
        return names, f"{text} As many as participants, so one for each, in the order of their index."
    return {"choice": names}, f"{text} Each bus draws one of them."


def _pv_profile(profiles: Profiles, members: Members, is_typical: bool) -> tuple[Any, Any, str]:
    names = _of_kind(profiles, "pv")
    there = f"There are {len(names)} PV profiles" if len(names) > 1 else "There is one PV profile"
    text = f"{there}: {some(names)}; {_daily_text(profiles, names, 'pv')} a day and kWp."
    own = [bus for bus in members.listed if f"bus_{bus}" in profiles.of_buses("pv")]
    who: Any = "odd" if len(members.listed) > 1 else "all"
    if own:
        return BY_BUS, own, f"{text} {len(own)} buses have their own."
    if is_typical:
        text += " They are fastp2p's typical day, for want of others."
    if set(MONTHS) <= set(names):  # a report of the Global Solar Atlas
        month = FALLBACK_MONTH if profiles.time is None else MONTHS[profiles.time[0].month - 1]
        return month, who, f"{text} Typical days of months; this is the month of the first day."
    return (names[0] if len(names) == 1 else {"choice": names, "per": "scenario"}), who, text


def _size(profiles: Profiles, load: Any, sun: Any) -> tuple[float, str]:
    """PV (kWp) that gives, over the study's days, about what a bus uses; of homes no more than a roof holds."""
    used, made = (_daily(profiles, _named(name, profiles, kind), kind) for name, kind in ((load, "load"), (sun, "pv")))
    text = "kWp at each of these buses."
    ratio = float(used.mean() / made.mean()) if made.size and made.mean() > 0.0 and used.size else 0.0
    if not 0.0 < ratio <= MOST_KWP:
        return USUAL_KWP, text
    kwp = max(1.0, float(f"{ratio:.1g}") if ratio < 10.0 else float(f"{ratio:.2g}"))
    if used.mean() < HOME_KWH:
        kwp = min(kwp, ROOF_KWP)
    return kwp, f"{text} {kwp:g} kWp generate in these days {kwp / ratio:.0%} of what one bus uses on average."


def _named(name: Any, profiles: Profiles, kind: str) -> Sequence[str]:
    if name == BY_BUS:
        return profiles.of_buses(kind)
    return name["choice"] if isinstance(name, dict) else [name] if isinstance(name, str) else name


def _of_kind(profiles: Profiles, kind: str) -> list[str]:
    return [name for name, of in zip(profiles.names, profiles.kinds, strict=True) if of == kind]


def _daily(profiles: Profiles, names: Sequence[str], kind: str) -> NDArray[np.float64]:
    """Energy of each profile, kWh a day."""
    chosen = set(names)
    keys = zip(profiles.names, profiles.kinds, strict=True)
    rows = np.array([of == kind and name in chosen for name, of in keys])
    daily: NDArray[np.float64] = profiles.kwh_per_unit[rows].sum(axis=1) / (profiles.n_steps * profiles.step_hours / 24.0)
    return daily


def _daily_text(profiles: Profiles, names: Sequence[str], kind: str) -> str:
    daily = _daily(profiles, names, kind)
    return f"{daily.min():.3g} kWh" if len(daily) == 1 else f"{daily.min():.3g} to {daily.max():.3g} kWh"
