"""Devices of homes on the device, before the books: one thread a home of a scenario, over all steps."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import bool_, float64, int64
from numpy.typing import NDArray

from fastp2p.cuda.device import get, launch, put, room
from fastp2p.cuda.device_draws import draw_devices
from fastp2p.cuda.kernels import cuda, device_kernel
from fastp2p.devices.battery import ALL_KWH, cheap_and_dear
from fastp2p.devices.ev import RULES, price_order
from fastp2p.devices.heat_pump import return_faults
from fastp2p.errors import refuse
from fastp2p.grid.network import Network
from fastp2p.kernels.cuda.devices import (
    BATTERY_LOST,
    BY_PROFILE,
    CHARGED,
    COLD,
    DISCHARGED,
    EV,
    EV_UNMET,
    HAS_EV,
    HEAT_PUMP,
    HOUSE,
    LOAD,
    N_SUMMED,
    NO_EV,
    NO_HEAT_PUMP,
    PV,
    STORED,
    DeviceClock,
    DeviceRoom,
    DeviceRules,
    Made,
    run_home,
    sum_homes,
)
from fastp2p.kernels.cuda.sums import Drawn
from fastp2p.pipeline.draws import Scenarios
from fastp2p.pipeline.heat_pump_draws import HeatPumpHouses
from fastp2p.pipeline.tariffs import days_of_steps
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.indicators import ratio
from fastp2p.study.heat_pump import COMFORT
from fastp2p.study.model import Study

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

OF_HOMES = ("heat_pump", "ev", "battery")
"""Sections of a study with devices that a GPU runs."""
SUMMED = {
    "heat_pump": {"heat_pump_kwh": HEAT_PUMP, "cold_kh": COLD},
    "ev": {"ev_kwh": EV, "ev_unmet_kwh": EV_UNMET},
    "battery": {
        "charged_kwh": CHARGED, "discharged_kwh": DISCHARGED, "battery_lost_kwh": BATTERY_LOST, "stored_kwh": STORED,
    },
}  # fmt: skip
"""Quantities of results by section, and the rows of `fastp2p.kernels.cuda.devices.Made` that hold them."""
N_STEPWISE = 4
"""Arrays of every step of every home."""


@dataclass(frozen=True, eq=False)
class DeviceSums:
    """What devices of a block of scenarios come to, and load and PV of their homes without batteries.

    Attributes
    ----------
    sections : tuple of str
        Those of `OF_HOMES` that the study has.
    home : (N_SUMMED, n_participants, n_scenarios) float64
        Sums over the steps; see `fastp2p.kernels.cuda.devices`.
    hourly : (N_SUMMED, n_slots, n_scenarios) float64
        Sums over the homes, by hour of the day; no slots where nobody asks for it.
    stress : float
        Factor of matched quantities, with which load and PV grow.
    """

    sections: tuple[str, ...]
    home: Floats
    hourly: Floats
    stress: float

    def columns(self, matched_kwh: Floats, by_hour: bool = False) -> dict[str, Floats]:
        """Sums of homes by quantity, as `fastp2p.pipeline.reduce` names them, (n_scenarios,) or (n_slots, n_scenarios).

        Parameters
        ----------
        matched_kwh : array of the same shape
            What the auction has traded.
        by_hour : bool
        """
        sums = self.hourly if by_hour else self.home.sum(axis=1)
        added_kwh = matched_kwh * (1.0 - 1.0 / self.stress)
        rows = {name: row for section in self.sections for name, row in SUMMED[section].items()}
        own = {"load_kwh": sums[LOAD] + added_kwh, "pv_kwh": sums[PV] + added_kwh}
        return own | {name: sums[row] for name, row in rows.items()}

    def vehicles(self) -> tuple[dict[str, Ints], dict[str, Floats]]:
        """How many electric vehicles there are, and the part of them that is not charged in time, (n_scenarios,)."""
        if "ev" not in self.sections:
            return {}, {}
        n_ev, n_unmet = (self.home[HAS_EV] > 0.0).sum(axis=0), (self.home[EV_UNMET] > 0.0).sum(axis=0)
        return {"n_ev": n_ev}, {"ev_unmet_share": ratio(n_unmet.astype(np.float64), n_ev.astype(np.float64))}

    @property
    def discharged_kwh(self) -> Floats:
        """(n_participants, n_scenarios)."""
        of_homes: Floats = self.home[DISCHARGED]
        return of_homes


def device_sections(study: Study) -> tuple[str, ...]:
    """Those of `OF_HOMES` that a study has."""
    return tuple(section for section in OF_HOMES if getattr(study, section) is not None)


def bytes_of_devices(study: Study, n_columns: int, n_steps: int, n_slots: int) -> int:
    """What a scenario's devices take of the memory of the device."""
    if not device_sections(study):
        return 0
    return 8 * n_columns * (N_STEPWISE * n_steps + N_SUMMED * (1 + n_slots) + 2 * 14)


def run_devices_on_device(
    study: Study, network: Network, profiles: Profiles, share: float | None, numbers: range, drawn: Scenarios, homes: Drawn,
    kwh_per_unit: Any, slot: Ints, n_slots: int,
) -> tuple[Any, Any, DeviceSums | None]:  # fmt: skip
    """Run the devices of some scenarios; load and PV that they leave to the books, and what they come to.

    Parameters
    ----------
    study, network, profiles, share, numbers : as for `fastp2p.pipeline.draws.draw_scenarios`
    drawn : Scenarios
        The first of them.
    homes : Drawn
        All of them, on the device.
    kwh_per_unit : (n_profiles, n_steps) float64, on the device
    slot : (n_steps,) int64
        The place of its hour of the day.
    n_slots : int
        How many hours the day has; 0 where nobody asks for them.

    Returns
    -------
    load_kwh, pv_kwh : (1, n_steps, n_participants n_scenarios) float64, on the device
        As `fastp2p.kernels.cuda.devices.Made` has them; without any step in a study without devices.
    sums : DeviceSums or None

    Raises
    ------
    InputError
        Rooms of days that repeat which do not end as they begin.
    """
    sections = device_sections(study)
    if not sections:
        return put(np.empty((1, 0, 0))), put(np.empty((1, 0, 0))), None
    n, n_scenarios = len(drawn.participant), len(numbers)
    n_homes = n * n_scenarios
    load_kwh, pv_kwh, *work = (room((1, profiles.n_steps, n_homes)) for _ in range(N_STEPWISE))
    sums = room((N_SUMMED, n_homes)), room((N_SUMMED, n_slots, n_homes))
    made = Made(load_kwh, pv_kwh, work[0], work[1], *sums, room(n_homes, np.bool_))
    rules, clock = _rules_of(study, profiles, drawn), _clock_of(study, profiles, drawn, kwh_per_unit, slot)
    devices = draw_devices(study, network, profiles, share, numbers, drawn, homes)
    launch(run_devices, n_homes, rules, clock, homes, devices, made)
    if rules.heat_pump == HOUSE and rules.cyclic:
        refuse(return_faults(~get(made.returns).reshape(n, n_scenarios).T))
    hourly = room((N_SUMMED, n_slots, n_scenarios))
    if n_slots:
        launch(add_homes, n_scenarios, (made.hourly,), (hourly,))
    home = np.array(get(made.home)).reshape(N_SUMMED, n, n_scenarios)
    return load_kwh, pv_kwh, DeviceSums(sections, home, np.array(get(hourly)), float(study.clearing.stress))


@device_kernel
def run_devices(rules: Any, clock: Any, homes: Any, drawn: Any, made: Any) -> None:
    """Run the devices of all homes of scenarios: see `fastp2p.kernels.cuda.devices.run_home`."""
    i = cuda.grid(1)
    n_scenarios = homes.kwp.shape[1]
    if i >= homes.kwp.shape[0] * n_scenarios:
        return
    spaces = DeviceRoom(
        cuda.local.array((1, 1), int64), cuda.local.array((5, 1, 1), float64), cuda.local.array((1, 1), bool_),
        cuda.local.array((3, 1), float64),
    )  # fmt: skip
    run_home(i // n_scenarios, i % n_scenarios, rules, clock, homes, drawn, spaces, made)


@device_kernel
def add_homes(hourly: Any, total: Any) -> None:
    """Sums of scenarios by hour of the day from those of homes; each argument is a tuple of one array."""
    s = cuda.grid(1)
    if s < total[0].shape[2]:
        sum_homes(s, hourly[0], total[0])


def _rules_of(study: Study, profiles: Profiles, drawn: Scenarios) -> DeviceRules:
    """What the study decides for the devices of all homes."""
    heat_pump, ev, battery = study.heat_pump, study.ev, study.battery
    kind = NO_HEAT_PUMP if heat_pump is None else HOUSE if isinstance(drawn.heat_pump, HeatPumpHouses) else BY_PROFILE
    low_c, high_c = COMFORT if heat_pump is None else heat_pump.comfort_c
    first_c = None if heat_pump is None else heat_pump.first_c
    return DeviceRules(
        step_hours=float(profiles.step_hours),
        cyclic=profiles.time is None,
        heat_pump=kind,
        low_c=float(low_c),
        high_c=float(high_c),
        first_c=float(low_c if first_c is None else first_c),
        heats_on=heat_pump is not None and heat_pump.rule == "surplus",
        ev=NO_EV if ev is None else RULES[ev.rule],
        battery=battery is not None,
        by_tariff=battery is not None and battery.rule == "tariff",
    )


def _clock_of(study: Study, profiles: Profiles, drawn: Scenarios, kwh_per_unit: Any, slot: Ints) -> DeviceClock:
    """What devices follow, on the device."""
    none, nothing = np.empty(0), np.empty(0, np.int64)
    temperature_c, cop, by_price, place, wished_kwh = none, none, nothing, nothing, none
    if isinstance(drawn.heat_pump, HeatPumpHouses):
        temperature_c, cop = drawn.heat_pump.temperature_c, drawn.heat_pump.cop
    if study.ev is not None and study.ev.rule == "cheapest":
        by_price, place = price_order(drawn.retail_per_kwh, profiles.step_hours)
    if study.battery is not None and study.battery.rule == "tariff":
        wished_kwh = ALL_KWH * cheap_and_dear(drawn.retail_per_kwh, days_of_steps(profiles)).astype(np.float64)
    return DeviceClock(kwh_per_unit, *(put(array) for array in (slot, temperature_c, cop, by_price, place, wished_kwh)))
