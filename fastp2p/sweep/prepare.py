"""Preparation of a run: load the network and profiles of a study, and list everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from fastp2p.arguments import described, kind_faults
from fastp2p.clearing.limits import grid_faults, limit_faults
from fastp2p.errors import InputError, refuse
from fastp2p.grid.feeder import ac_faults, model_faults
from fastp2p.grid.network import Network
from fastp2p.grid.runpp import check_source
from fastp2p.io.folders import check_folder
from fastp2p.market.rules import rule_faults
from fastp2p.pipeline.background_draws import background_buses
from fastp2p.pipeline.draws import Scenarios, draw_scenarios, energy_faults
from fastp2p.pipeline.heat_pump_draws import profile_faults
from fastp2p.pipeline.members import find_members
from fastp2p.pipeline.trading_storage import storage_faults
from fastp2p.profiles.profiles import Profiles
from fastp2p.profiles.sources import load_several
from fastp2p.results.columns import AUDIT_INDICATORS, DEVICE_INDICATORS, INDICATORS, PHASE_INDICATORS
from fastp2p.study.model import Study
from fastp2p.study.points import Point, point_faults
from fastp2p.study.sections import profile_names
from fastp2p.sweep.phases import can_draw, key_faults, load_network, network_faults
from fastp2p.sweep.sizes import memory_bytes

DRAWN_BYTES = 8 * (6 + 4)
"""Of the draws of a participant in a scenario: six arrays, and what is in memory while they are made."""
BATTERY_BYTES, HEAT_PUMP_BYTES, EV_BYTES = 8 * (5 + 3), 8 * (3 + 3), 8 * (4 + 3)
"""The same of batteries, heat pumps and electric vehicles."""
BACKGROUND_BYTES = 8 * (2 + 4)
"""The same of a bus of an entry of background."""


def prepare(study: Study, network: Network | None = None, profiles: Profiles | None = None) -> tuple[Network, Profiles]:
    """The network, under the study's limits, and the profiles of a study; everything wrong with either in one error.

    Raises
    ------
    InputError
    """
    if study.network.sources and network is None:
        one = "study.with_(network={'sources': None, 'source': …})"
        raise InputError(f"network.sources: this is of one network, and the study names many; choose one with {one}")
    faults, is_given = study_faults(study), network is not None
    network = _limited_network(study, network, faults)
    profiles = find_profiles(study, profiles, faults)
    faults += faults_of_both(study, network, profiles, is_given)
    if faults or network is None or profiles is None:
        raise InputError(faults)
    return network, profiles


def study_faults(study: Study) -> list[str]:
    """What is wrong with a study whatever its network and its profiles are."""
    return key_faults(study) + point_faults(study) + storage_faults(study) + _stop_faults(study)


def _limited_network(study: Study, network: Network | None, faults: list[str]) -> Network | None:
    """A network, by default that of the study, under the study's limits; None where there is none.

    Without them where they are at fault.
    """
    try:
        network = network or load_network(study, faults)
        network = with_limits(study, network)
    except InputError as error:
        faults += error.faults
    return network


def with_limits(study: Study, network: Network) -> Network:
    """A network under the study's limits.

    Raises
    ------
    InputError
    """
    part = study.network
    return network.with_limits(
        part.limits,
        angle_deg=part.angle_deg,
        factor=part.limit_factor,
        ampacity_ka=part.ampacity_ka,
        ampacity_ka_by_std_type=part.ampacity_ka_by_std_type,
        ampacity_ka_by_line=part.ampacity_ka_by_line,
        **part.reverse,
    )


def find_profiles(study: Study, given: Profiles | None, faults: list[str]) -> Profiles | None:
    """The profiles of a study as it chooses days and steps of them; None where they are at fault."""
    of = study.profiles
    choice: dict[str, Any] = of.model_dump(exclude={"source"})
    sources = [(one.file, one.model_dump(exclude={"file"})) for one in of.sources]
    try:
        return load_several(sources, **choice) if given is None else Profiles.combined([given], **choice)
    except InputError as error:
        faults += error.faults
    return None


def prepare_feeder(study: Study, profiles: Profiles) -> Network:
    """The network of one of many feeders, under the study's limits; `study` is that of the feeder, the profiles are ready.

    Raises
    ------
    InputError
        Everything that keeps this feeder from running.
    """
    faults: list[str] = []
    network = _limited_network(study, None, faults)
    faults += faults_of_both(study, network, profiles, is_given=False)
    if faults or network is None:
        raise InputError(faults)
    return network


def faults_of_both(study: Study, network: Network | None, profiles: Profiles | None, is_given: bool) -> list[str]:
    """What keeps a study from running on a network with some profiles; without one of them, what is known nevertheless."""
    faults: list[str] = []
    if profiles is not None and network is not None and can_draw(study, network):
        try:
            drawn = draw_scenarios(study, network, profiles, None, range(1))
            market = study.market
            found = rule_faults(
                market.pricing, drawn.retail_per_kwh, drawn.feed_in_per_kwh,
                priority=market.priority, parameters=market.parameters, of="step",
            )  # fmt: skip
            faults += [f"market.{fault}" for fault in found] + energy_faults(study, profiles, drawn)
        except InputError as error:
            faults += error.faults
    elif profiles is not None:
        for name, kind in ((study.load.profile, "load"), (study.pv.profile, "pv")):
            faults += profiles.missing(profile_names(name), kind)
        faults += profile_faults(study.heat_pump, profiles) if study.heat_pump else []
        for entry, one in enumerate(study.background or ()):
            faults += profiles.missing(profile_names(one.profile), one.kind, f"participants.background.{entry}.{one.kind}")
    if network is not None:
        of_phases = network_faults(study, network, is_given)
        told = ac_faults(network) if of_phases else []
        of_physics = _physics_faults(study, network)
        faults += of_phases + [fault for fault in of_physics if not any(one in fault for one in told)]
    return faults


def _stop_faults(study: Study) -> list[str]:
    """A rule to stop by an indicator that the study does not have."""
    stop = study.scenarios.stop
    of_devices = [names for section, names in DEVICE_INDICATORS.items() if getattr(study, section) is not None]
    known = (*INDICATORS, *chain.from_iterable(of_devices))
    if study.audited_every == 1:
        known = (*known, *AUDIT_INDICATORS)
    if study.audited_every == 1 and study.network.phases == 3:
        known = (*known, *PHASE_INDICATORS)
    if stop is None or stop.indicator in known:
        return []
    return [f"scenarios.stop.indicator = {stop.indicator!r}: must be one of {', '.join(known)}"]


def _physics_faults(study: Study, network: Network) -> list[str]:
    """What keeps the study's limits or its audit from applying to this network."""
    part, rules = study.network, study.clearing
    faults = limit_faults(network, rules.physics, part.v_min_pu, part.v_max_pu)
    if not faults and rules.physics == "dc" and study.audited_every:
        faults = grid_faults(network, part.v_min_pu, part.v_max_pu)
    faults = [f"{'clearing' if fault.startswith('physics') else 'network'}: {fault}" for fault in faults]
    if faults or rules.physics != "dc" or not study.audited_every:
        return faults
    if network.is_radial:
        faults += [f"clearing.audit: {fault}" for fault in ac_faults(network)]
    elif study.audited_every > 1:
        faults += [f"clearing.audit: {fault}" for fault in model_faults(network)]
        try:
            check_source(network, part.source)
        except InputError as error:
            faults += [f"clearing.audit: {fault}" for fault in error.faults]
    else:
        faults.append(
            "clearing.audit = true: the network is meshed, and all books are audited on radial networks only; "
            "audit = 100 checks one book in a hundred, drawn at random, by pandapower's power flow"
        )
    return faults


def scenarios(
    study: Study,
    numbers: range,
    *,
    share: float | None = None,
    devices: Mapping[str, float] | None = None,
    network: Network | None = None,
    profiles: Profiles | None = None,
) -> Scenarios:
    """The draws of some scenarios of a study, without a run: the same arrays that a run draws.

    Parameters
    ----------
    study : Study
    numbers : range
        Scenario numbers, such as ``range(10)``; scenario i is the same in any range and, but for who has PV and devices, at
        any share.
    share : float, optional
        Share of the buses that may have PV; by default all of them have it.
    devices : mapping, optional
        Shares of devices that the study sweeps, such as ``{"battery": 0.25}``; by default those of their sections.
    network, profiles : optional
        Instead of those that the study names.

    Returns
    -------
    Scenarios
        Arrays (n_scenarios, n_participants) of homes, kWp, profiles, prices and devices, and the background. Columns are the
        buses `participant`, positions in ascending order.

    Raises
    ------
    InputError
        Numbers that the study does not have, shares outside 0…1, devices that it does not sweep, and everything that would
        keep the study from running.
    """
    study = checked(study, None, network, profiles)
    count = study.scenarios.count
    faults = []
    if not isinstance(numbers, range) or numbers.step != 1 or not 0 <= numbers.start < numbers.stop <= count:
        faults.append(f"numbers = {numbers!r}: must be a range within the study's scenarios, range({count})")
    if share is not None and not (isinstance(share, int | float) and 0 <= share <= 1):
        faults.append(f"share = {share!r}: must lie in 0…1")
    refuse(faults + _device_faults(study, devices))
    network, profiles = prepare(study, network, profiles)
    of_devices = ((BATTERY_BYTES, study.battery), (HEAT_PUMP_BYTES, study.heat_pump), (EV_BYTES, study.ev))
    members = len(find_members(study, network, []).participant)
    beside = sum(len(background_buses(part, network, "", [])) for part in study.background or ())
    each = members * (DRAWN_BYTES + sum(size for size, part in of_devices if part)) + beside * BACKGROUND_BYTES
    needed, there = len(numbers) * each, memory_bytes()
    if needed > there:
        raise InputError(
            f"numbers = {numbers!r}: these draws take {needed / 1e9:,.0f} GB in memory, and this machine has "
            f"{there / 1e9:,.0f} GB; ask for fewer at a time"
        )
    return draw_scenarios(Point(share, dict(devices or {})).of(study), network, profiles, share, numbers)


def _device_faults(study: Study, devices: Any) -> list[str]:
    """What keeps shares of devices from being those of a point of the study."""
    swept = study.scenarios.swept
    if devices is None:
        return []
    if not isinstance(devices, Mapping):
        return [f"devices must be shares by device, such as {{'battery': 0.25}}, not {described(devices)}"]
    faults = [
        f"devices[{device!r}]: must be a device whose shares the study sweeps ({', '.join(swept) or 'none'}); "
        "study.with_ changes the share of a section"
        for device in devices
        if device not in swept
    ]
    return faults + [
        f"devices[{device!r}] = {share!r}: must lie in 0…1"
        for device, share in devices.items()
        if device in swept and not (isinstance(share, int | float) and 0 <= share <= 1)
    ]


def checked(study: Any, out: Any, network: Any, profiles: Any) -> Study:
    """The study, once more validated, if a caller's arguments are what they should be.

    Raises
    ------
    InputError
        Arguments of other types, each with the way to the right one, and what is wrong with the study itself.
    """
    faults = kind_faults(study=(study, Study))
    if out is not None and not isinstance(out, str | Path):
        faults.append(f"out must be a path, not {described(out)}")
    faults += [] if network is None else kind_faults(network=(network, Network))
    faults += [] if profiles is None else kind_faults(profiles=(profiles, Profiles))
    if isinstance(study, Study):
        try:
            study = study.validated()
        except InputError as error:
            faults += error.faults
        if network is not None and study.network.sources:
            faults.append("network = …: the study names many networks, network.sources; leave the argument out")
    refuse(faults)
    valid: Study = study
    return valid


def prepare_with_folder(
    study: Study, network: Network | None, profiles: Profiles | None, folder: Path | None, overwrite: bool
) -> tuple[Network, Profiles]:
    """`prepare`, and that the folder can be written; everything wrong in one error.

    Raises
    ------
    InputError
    """
    faults = folder_faults(folder, overwrite)
    try:
        network, profiles = prepare(study, network, profiles)
    except InputError as error:
        faults += error.faults
    if faults or network is None or profiles is None:
        raise InputError(faults)
    return network, profiles


def folder_faults(folder: Path | None, overwrite: bool) -> list[str]:
    """What keeps results from being written to a folder, if there is to be one."""
    if folder is None:
        return []
    faults = drawing_faults()
    try:
        check_folder(folder, overwrite)
    except InputError as error:
        faults += error.faults
    return faults


def drawing_faults() -> list[str]:
    """Why no figure could be drawn in the end."""
    try:
        import matplotlib  # noqa: F401
    except (ImportError, OSError, ValueError) as error:
        return [f"no figures can be drawn, since matplotlib cannot be loaded (check MPLBACKEND, MPLCONFIGDIR): {error}"]
    return []
