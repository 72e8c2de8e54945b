"""Devices of a study, before its books: each changes the load and PV of its own home, and keeps its state from step to step."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastp2p.devices.battery import BatteryRun, run_batteries
from fastp2p.kernels.market.orders import gather_profiles
from fastp2p.pipeline.draws import Scenarios
from fastp2p.pipeline.tariffs import days_of_steps
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.model import Study

Floats = NDArray[np.float64]


def run_devices(study: Study, profiles: Profiles, scenarios: Scenarios) -> BatteryRun | None:
    """What the batteries of some scenarios do in all steps; None in a study without batteries.

    Parameters
    ----------
    study : Study
    profiles : Profiles
        Without dates, its steps repeat: batteries end as they begin.
    scenarios : Scenarios

    Returns
    -------
    BatteryRun or None
        With a column per participant.
    """
    if study.battery is None:
        return None
    load_kwh, net_kwh = home_energy(profiles, scenarios, range(profiles.n_steps))
    net_kwh -= load_kwh
    return run_on_net(study, profiles, scenarios, net_kwh.reshape(len(scenarios.number), -1, len(scenarios.participant)))


def run_on_net(study: Study, profiles: Profiles, scenarios: Scenarios, net_kwh: Floats) -> BatteryRun | None:
    """The same, of the first scenarios of several, from PV less load: (n_scenarios, n_steps, n_participants) kWh."""
    drawn, places = scenarios.battery, np.ix_(np.arange(len(net_kwh)), scenarios.participant)
    if study.battery is None or drawn is None:
        return None
    tariff = {"retail_per_kwh": scenarios.retail_per_kwh, "day": days_of_steps(profiles)}
    return run_batteries(
        net_kwh,
        *(sizes[places] for sizes in (drawn.kwh, drawn.kw, drawn.lowest_kwh, drawn.first_kwh)),
        efficiency=study.battery.efficiency,
        step_hours=profiles.step_hours,
        cyclic=profiles.time is None,
        check=False,
        **(tariff if study.battery.rule == "tariff" else {}),
    )


def home_energy(profiles: Profiles, scenarios: Scenarios, steps: range) -> tuple[Floats, Floats]:
    """(n_books, n_participants) kWh of load and of PV, before any device."""
    who, kwh_per_unit = scenarios.participant, np.ascontiguousarray(profiles.kwh_per_unit[:, steps.start : steps.stop])
    load_kwh, pv_kwh = (
        _energy(kwh_per_unit, profile_of[:, who], size[:, who])
        for profile_of, size in ((scenarios.load_profile, scenarios.homes), (scenarios.pv_profile, scenarios.kwp))
    )
    return load_kwh, pv_kwh


def _energy(kwh_per_unit: Floats, profile_of: NDArray[np.int64], scale: Floats) -> Floats:
    """(n_books, n_participants) kWh of every book."""
    energy = np.empty((len(scale), kwh_per_unit.shape[1], scale.shape[1]))
    gather_profiles(kwh_per_unit, profile_of, scale, energy)
    return energy.reshape(-1, scale.shape[1])
