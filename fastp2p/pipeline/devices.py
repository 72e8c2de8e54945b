"""Devices of a study, before its books: each changes the load and PV of its own home, and keeps its state from step to step."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.devices.battery import run_batteries
from fastp2p.devices.ev import run_evs
from fastp2p.devices.heat_pump import run_heat_pumps
from fastp2p.kernels.market.orders import gather_profiles
from fastp2p.pipeline.battery_draws import KW_PER_KWH
from fastp2p.pipeline.draws import Scenarios
from fastp2p.pipeline.heat_pump_draws import HeatPumpProfiles
from fastp2p.pipeline.tariffs import days_of_steps
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.model import Study

Floats = NDArray[np.float64]

CONSUMED = {"heat_pump_kwh", "ev_kwh"}
"""Energy of devices that is consumption of the home, beside what its load profile gives."""
STORED = ("charged_kwh", "discharged_kwh")
"""Energy that is load of the home, and PV, to everyone else; results tell it apart from both."""


@dataclass(frozen=True, eq=False)
class DeviceRun:
    """What devices do, and the homes around them.

    Attributes
    ----------
    load_kwh, pv_kwh : (n_scenarios, n_steps, n_participants) float64
        Load with what heat pumps and vehicles consume, and PV; without what batteries charge and discharge.
    of : dict of str to (n_scenarios, n_steps, n_participants) float64
        By the name of the column of results that shows it (`fastp2p.results.columns`); only what a study has. Of some steps,
        `of_books`, the arrays are (n_books, n_participants). Batteries that trade do so beyond this, which is for their homes
        alone.
    shared : dict of str to (n_scenarios, n_steps) float64
        The same of the community's battery, which is no participant's; of some steps (n_books,).
    before_kwh : (n_scenarios, n_steps + 1, n_participants) float64, kWh, optional
        What batteries that trade store before each step, and after the last (`fastp2p.pipeline.trading_storage`).
    """

    __repr__ = short_repr
    load_kwh: Floats
    pv_kwh: Floats
    of: dict[str, Floats]
    shared: dict[str, Floats] = field(default_factory=dict)
    before_kwh: Floats | None = None

    def of_books(self, steps: range) -> DeviceRun:
        """Some steps of it, book by book."""
        part = slice(steps.start, steps.stop)
        load_kwh, pv_kwh, *arrays = (
            array[:, part].reshape(-1, array.shape[2]) for array in (self.load_kwh, self.pv_kwh, *self.of.values())
        )
        shared = {name: array[:, part].ravel() for name, array in self.shared.items()}
        return DeviceRun(load_kwh, pv_kwh, dict(zip(self.of, arrays, strict=True)), shared)

    def with_batteries(self) -> tuple[Floats, Floats]:
        """Load with what batteries charge, and PV with what they discharge."""
        if STORED[0] not in self.of:
            return self.load_kwh, self.pv_kwh
        return self.load_kwh + self.of[STORED[0]], self.pv_kwh + self.of[STORED[1]]


def run_devices(study: Study, profiles: Profiles, scenarios: Scenarios) -> DeviceRun | None:
    """What the devices of some scenarios do in all steps; None in a study without devices.

    Parameters
    ----------
    study : Study
    profiles : Profiles
        Without dates, its steps repeat: devices end as they begin.
    scenarios : Scenarios

    Returns
    -------
    DeviceRun or None
        With a column per participant.
    """
    if not has_devices(study):
        return None
    shape = (len(scenarios.number), -1, len(scenarios.participant))
    load_kwh, pv_kwh = (one.reshape(shape) for one in home_energy(profiles, scenarios, range(profiles.n_steps)))
    return run_at_homes(study, profiles, scenarios, load_kwh, pv_kwh)


def has_devices(study: Study) -> bool:
    """Whether a study has anything that keeps a state from step to step."""
    return any(part is not None for part in (study.heat_pump, study.ev, study.battery, study.community_battery))


def run_at_homes(study: Study, profiles: Profiles, scenarios: Scenarios, load_kwh: Floats, pv_kwh: Floats) -> DeviceRun | None:
    """The same, of the first scenarios of several, from load and PV: (n_scenarios, n_steps, n_participants) kWh.

    Each device sees what those before it leave; the battery is the last one of a home, and the community's sees what all homes
    together leave. What heat pumps and vehicles consume is added to `load_kwh` in place.
    """
    if not has_devices(study):
        return None
    done: dict[str, Floats] = {}
    net_kwh = pv_kwh - load_kwh
    for consumer in (_run_heat_pump, _run_evs):
        found = consumer(study, profiles, scenarios, net_kwh)
        done.update(found)
        for name in CONSUMED & found.keys():
            load_kwh += found[name]
            net_kwh -= found[name]
    done.update(_run_battery(study, profiles, scenarios, net_kwh))
    return DeviceRun(load_kwh, pv_kwh, done, _run_community_battery(study, profiles, net_kwh, done))


def _run_heat_pump(study: Study, profiles: Profiles, scenarios: Scenarios, net_kwh: Floats) -> dict[str, Floats]:
    part, drawn = study.heat_pump, scenarios.heat_pump
    if part is None or drawn is None:
        return {}
    if isinstance(drawn, HeatPumpProfiles):
        n = len(net_kwh)
        kwh = _energy(profiles.kwh_per_unit, drawn.profile[:n], drawn.size[:n]).reshape(net_kwh.shape)
        return {"heat_pump_kwh": kwh, "cold_kh": np.zeros_like(kwh)}
    (low_c, high_c), n = part.comfort_c, len(net_kwh)
    ran = run_heat_pumps(
        net_kwh,
        drawn.kw[:n],
        drawn.resistance_k_per_kw[:n],
        drawn.capacity_kwh_per_k[:n],
        drawn.temperature_c,
        drawn.cop,
        comfort_c=(low_c, high_c),
        first_c=low_c if part.first_c is None else part.first_c,
        rule=part.rule,
        step_hours=profiles.step_hours,
        cyclic=profiles.time is None,
        check=False,
    )
    return {"heat_pump_kwh": ran.heat_pump_kwh, "cold_kh": ran.cold_kh}


def _run_evs(study: Study, profiles: Profiles, scenarios: Scenarios, net_kwh: Floats) -> dict[str, Floats]:
    drawn = scenarios.ev
    if study.ev is None or drawn is None:
        return {}
    ran = run_evs(
        net_kwh,
        *(one[: len(net_kwh)] for one in (drawn.kw, drawn.arrival, drawn.departure, drawn.kwh)),
        rule=study.ev.rule,
        step_hours=profiles.step_hours,
        cyclic=profiles.time is None,
        retail_per_kwh=scenarios.retail_per_kwh,
        check=False,
    )
    return {"ev_kwh": ran.ev_kwh, "ev_unmet_kwh": ran.unmet_kwh}


def count_vehicles(profiles: Profiles, scenarios: Scenarios) -> tuple[int, int]:
    """How many electric vehicles some scenarios have, and how many of them need more than they can be charged in a day."""
    drawn, of_a_day = scenarios.ev, round(24.0 / profiles.step_hours)
    if drawn is None:
        return 0, 0
    nothing = np.zeros((len(scenarios.number), of_a_day, len(scenarios.participant)))
    ran = run_evs(
        nothing,
        drawn.kw,
        drawn.arrival,
        drawn.departure,
        drawn.kwh,
        rule="immediate",
        step_hours=profiles.step_hours,
        cyclic=True,
        check=False,
    )
    return int((drawn.kwh > 0.0).sum()), int(ran.unmet_kwh.any(axis=1).sum())


def _run_battery(study: Study, profiles: Profiles, scenarios: Scenarios, net_kwh: Floats) -> dict[str, Floats]:
    drawn = scenarios.battery
    if study.battery is None or drawn is None:
        return {}
    efficiency = drawn.efficiency[: len(net_kwh)]
    tariff = {"retail_per_kwh": scenarios.retail_per_kwh, "day": days_of_steps(profiles)}
    ran = run_batteries(
        net_kwh,
        *(sizes[: len(net_kwh)] for sizes in (drawn.kwh, drawn.kw, drawn.lowest_kwh, drawn.first_kwh)),
        efficiency=efficiency,
        step_hours=profiles.step_hours,
        cyclic=profiles.time is None,
        check=False,
        **(tariff if study.battery.rule == "tariff" else {}),
    )
    return {
        "charged_kwh": ran.charged_kwh,
        "discharged_kwh": ran.discharged_kwh,
        "battery_lost_kwh": _lost_kwh(efficiency[:, None], ran.charged_kwh, ran.discharged_kwh),
        "stored_kwh": ran.stored_kwh,
    }


def _run_community_battery(study: Study, profiles: Profiles, net_kwh: Floats, done: dict[str, Floats]) -> dict[str, Floats]:
    """What the community's battery does, (n_scenarios, n_steps), on what is left of all homes by their own devices."""
    part = study.community_battery
    if part is None:
        return {}
    left_kwh = net_kwh - done[STORED[0]] + done[STORED[1]] if STORED[0] in done else net_kwh
    kw = KW_PER_KWH * part.kwh if part.kw is None else part.kw
    sizes = (part.kwh, kw, part.lowest * part.kwh, part.first * part.kwh)
    ran = run_batteries(
        left_kwh.cumsum(axis=2)[:, :, -1:],  # home after home
        *(np.full((len(net_kwh), 1), size) for size in sizes),
        efficiency=part.efficiency,
        step_hours=profiles.step_hours,
        cyclic=profiles.time is None,
        check=False,
    )
    charged, discharged, stored = (energy[:, :, 0] for energy in (ran.charged_kwh, ran.discharged_kwh, ran.stored_kwh))
    return {
        "community_charged_kwh": charged,
        "community_discharged_kwh": discharged,
        "community_lost_kwh": _lost_kwh(part.efficiency, charged, discharged),
        "community_stored_kwh": stored,
    }


def _lost_kwh(efficiency: float | Floats, charged_kwh: Floats, discharged_kwh: Floats) -> Floats:
    """What a battery loses in a step.

    From its efficiency, not from what is stored: that before the first step of a stretch is in the stretch before.
    """
    one_way = np.sqrt(efficiency)
    return (1.0 - one_way) * charged_kwh + (1.0 / one_way - 1.0) * discharged_kwh


def home_energy(profiles: Profiles, scenarios: Scenarios, steps: range) -> tuple[Floats, Floats]:
    """(n_books, n_participants) kWh of load and of PV, before any device."""
    kwh_per_unit = np.ascontiguousarray(profiles.kwh_per_unit[:, steps.start : steps.stop])
    load_kwh, pv_kwh = (
        _energy(kwh_per_unit, profile_of, size)
        for profile_of, size in ((scenarios.load_profile, scenarios.homes), (scenarios.pv_profile, scenarios.kwp))
    )
    return load_kwh, pv_kwh


def _energy(kwh_per_unit: Floats, profile_of: NDArray[np.int64], scale: Floats) -> Floats:
    """(n_books, n_participants) kWh of every book."""
    energy = np.empty((len(scale), kwh_per_unit.shape[1], scale.shape[1]))
    gather_profiles(kwh_per_unit, profile_of, scale, energy)
    return energy.reshape(-1, scale.shape[1])
