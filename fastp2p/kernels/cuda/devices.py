"""Devices of one home over all steps, on a thread of a GPU: heat pump, electric vehicle, battery, as on the processors.

The kernels are those that the processors run over many homes, called for one: arrays are (1, n_steps, 1) and (1, 1), parts of
arrays of all homes. Nothing here allocates.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.cuda.sums import Drawn
from fastp2p.kernels.devices.battery import find_cycle_in, run_self_use
from fastp2p.kernels.devices.ev import run_sessions
from fastp2p.kernels.devices.heat_pump import find_return, run_houses
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.market.orders import gather_profiles

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

LOAD, PV, HEAT_PUMP, COLD, EV, EV_UNMET, CHARGED, DISCHARGED, BATTERY_LOST, STORED, HAS_EV = range(11)
"""What is kept of a home: sums over the steps, kWh and K h; what its battery stores at the end, kWh; 1 where it has a vehicle.
Load is without what the battery charges."""
N_SUMMED = 11
NO_HEAT_PUMP, BY_PROFILE, HOUSE = range(3)
"""What heat pumps follow."""
NO_EV = -1
"""In place of a rule of `fastp2p.kernels.devices.ev`."""


class DeviceRules(NamedTuple):
    """What a study decides for the devices of all homes.

    Attributes
    ----------
    step_hours : float
    cyclic : bool
        The steps repeat: devices end as they begin.
    heat_pump : int
        `NO_HEAT_PUMP`, `BY_PROFILE` or `HOUSE`.
    low_c, high_c, first_c : float, °C
        The band of rooms, and what they are before the first step.
    heats_on : bool
        Surplus heats rooms up to the upper end of the band.
    ev : int
        A rule, or `NO_EV`.
    battery, by_tariff : bool
        Whether there are batteries, and whether they follow a tariff.
    """

    step_hours: float
    cyclic: bool
    heat_pump: int
    low_c: float
    high_c: float
    first_c: float
    heats_on: bool
    ev: int
    battery: bool
    by_tariff: bool


class DeviceClock(NamedTuple):
    """What devices follow, by step; empty where nobody asks.

    Attributes
    ----------
    kwh_per_unit : (n_profiles, n_steps) float64
    slot : (n_steps,) int64
        The place of its hour of the day.
    temperature_c, cop : (n_steps,) float64
    by_price, place : (n_known,) int64
        As for `fastp2p.kernels.devices.ev.run_sessions`.
    wished_kwh : (n_steps,) float64
        In place of the surplus of a home, where it is not 0: a battery of a tariff charges and discharges all it can.
    """

    kwh_per_unit: Floats
    slot: Ints
    temperature_c: Floats
    cop: Floats
    by_price: Ints
    place: Ints
    wished_kwh: Floats


class DrawnDevices(NamedTuple):
    """Devices of scenarios, (n, n_scenarios) float64 each, zero where there is none; empty without the section.

    Attributes
    ----------
    heat_row, heat_size : row of the profile, -1 for none, and what multiplies it
    heat_kw, resistance_k_per_kw, capacity_kwh_per_k : of houses with a heat pump
    ev_kw, arrival, departure, ev_kwh : as `fastp2p.pipeline.ev_draws.Vehicles`
    kwh, kw, lowest_kwh, first_kwh, efficiency : as `fastp2p.pipeline.battery_draws.Batteries`
    """

    heat_row: Floats
    heat_size: Floats
    heat_kw: Floats
    resistance_k_per_kw: Floats
    capacity_kwh_per_k: Floats
    ev_kw: Floats
    arrival: Floats
    departure: Floats
    ev_kwh: Floats
    kwh: Floats
    kw: Floats
    lowest_kwh: Floats
    first_kwh: Floats
    efficiency: Floats


class Made(NamedTuple):
    """What homes draw and give, step by step.

    Attributes
    ----------
    load_kwh, pv_kwh : (1, n_steps, n n_scenarios) float64
        Outputs: with what batteries charge and discharge. Column c of scenario s is at c n_scenarios + s.
    first, second : (1, n_steps, n n_scenarios) float64
        Work space.
    home : (N_SUMMED, n n_scenarios) float64
        Output: sums of a home.
    hourly : (N_SUMMED, n_slots, n n_scenarios) float64
        Output: the same by hour of the day; no slots where nobody asks for it.
    returns : (n n_scenarios,) bool
        Output: whether a room that repeats ends as it begins.
    """

    load_kwh: Floats
    pv_kwh: Floats
    first: Floats
    second: Floats
    home: Floats
    hourly: Floats
    returns: NDArray[np.bool_]


class DeviceRoom(NamedTuple):
    """Work space of a thread: (1, 1) int64, (5, 1, 1) float64, (1, 1) bool, (3, 1) float64."""

    row: Ints
    size: Floats
    returns: NDArray[np.bool_]
    cycle: Floats


@kernel
def run_home(
    c: int, s: int, rules: DeviceRules, clock: DeviceClock, homes: Drawn, drawn: DrawnDevices, room: DeviceRoom, made: Made
) -> None:
    """Run the devices of column c of scenario s, each on what those before it leave (`fastp2p.pipeline.devices`).

    Parameters
    ----------
    c, s : int
    rules, clock, homes, drawn : see their types
    room : DeviceRoom
    made : Made
        Output.
    """
    i = c * homes.kwp.shape[1] + s
    load, net = made.load_kwh[:, :, i : i + 1], made.pv_kwh[:, :, i : i + 1]
    first, second = made.first[:, :, i : i + 1], made.second[:, :, i : i + 1]
    made.home[:, i] = 0.0
    made.hourly[:, :, i] = 0.0
    made.returns[i] = True
    _take_profile(clock, homes.load_row[c, s], homes.homes[c, s], room, load)
    _take_profile(clock, homes.pv_row[c, s], homes.kwp[c, s], room, first)
    _note(PV, i, first, clock, made)
    for t in range(net.shape[1]):
        net[0, t, 0] = first[0, t, 0] - load[0, t, 0]
    if rules.heat_pump != NO_HEAT_PUMP:
        _run_heat_pump(c, s, i, rules, clock, drawn, room, net, first, second, made)
        _consume(first, load, net)
    if rules.ev != NO_EV:
        _run_ev(c, s, i, rules, clock, drawn, room, net, first, second, made)
        _consume(first, load, net)
    _note(LOAD, i, load, clock, made)
    if rules.battery:
        _run_battery(c, s, i, rules, clock, drawn, room, net, first, second, made)
    _take_profile(clock, homes.pv_row[c, s], homes.kwp[c, s], room, net)
    if rules.battery:
        for t in range(net.shape[1]):
            load[0, t, 0] += first[0, t, 0]
            net[0, t, 0] += second[0, t, 0]


@kernel
def _take_profile(clock: DeviceClock, row: float, size: float, room: DeviceRoom, energy: Floats) -> None:
    room.row[0, 0], room.size[0, 0, 0] = int(row), size
    gather_profiles(clock.kwh_per_unit, room.row, room.size[0], energy)


@kernel
def _consume(energy: Floats, load: Floats, net: Floats) -> None:
    for t in range(energy.shape[1]):
        load[0, t, 0] += energy[0, t, 0]
        net[0, t, 0] -= energy[0, t, 0]


@kernel
def _note(what: int, i: int, energy: Floats, clock: DeviceClock, made: Made) -> None:
    """Sum up one quantity of a home, in the order of the steps."""
    total, by_hour = 0.0, made.hourly.shape[1] > 0
    for t in range(energy.shape[1]):
        total += energy[0, t, 0]
        if by_hour:
            made.hourly[what, clock.slot[t], i] += energy[0, t, 0]
    made.home[what, i] = total


@kernel
def _run_heat_pump(
    c: int, s: int, i: int, rules: DeviceRules, clock: DeviceClock, drawn: DrawnDevices, room: DeviceRoom, net: Floats,
    energy: Floats, cold: Floats, made: Made,
) -> None:  # fmt: skip
    """What a heat pump draws, and how cold its room is below the band, K h."""
    if rules.heat_pump == BY_PROFILE:
        _take_profile(clock, drawn.heat_row[c, s], drawn.heat_size[c, s], room, energy)
        _note(HEAT_PUMP, i, energy, clock, made)
        return
    size, hours, kw = room.size, rules.step_hours, drawn.heat_kw[c, s]
    resistance = drawn.resistance_k_per_kw[c, s] if kw > 0.0 else 1.0
    capacity = drawn.capacity_kwh_per_k[c, s] if kw > 0.0 else 1.0
    limit, lost, kelvin, state = size[0], size[1], size[2], size[3]
    limit[0, 0], lost[0, 0] = kw * hours, -math.expm1(-hours / (resistance * capacity))
    kelvin[0, 0], state[0, 0] = lost[0, 0] * resistance / hours, rules.first_c
    if rules.cyclic:
        find_return(
            net, limit, lost, kelvin, clock.temperature_c, clock.cop, rules.low_c, rules.high_c, rules.heats_on, state,
            room.returns,
        )  # fmt: skip
        made.returns[i] = room.returns[0, 0]
    run_houses(
        net, limit, lost, kelvin, clock.temperature_c, clock.cop, rules.low_c, rules.high_c, rules.heats_on, state, energy,
        cold,
    )  # fmt: skip
    for t in range(cold.shape[1]):
        below_k = max(rules.low_c - cold[0, t, 0], 0.0)
        cold[0, t, 0] = below_k * hours if kw > 0.0 else 0.0
    _note(HEAT_PUMP, i, energy, clock, made)
    _note(COLD, i, cold, clock, made)


@kernel
def _run_ev(
    c: int, s: int, i: int, rules: DeviceRules, clock: DeviceClock, drawn: DrawnDevices, room: DeviceRoom, net: Floats,
    energy: Floats, unmet: Floats, made: Made,
) -> None:  # fmt: skip
    """What a vehicle charges, and what it lacks when it leaves."""
    limit, arrival, departure, need = room.size[0], room.size[1], room.size[2], room.size[3]
    limit[0, 0], need[0, 0] = drawn.ev_kw[c, s] * rules.step_hours, drawn.ev_kwh[c, s]
    arrival[0, 0], departure[0, 0] = drawn.arrival[c, s], drawn.departure[c, s]
    energy[:] = 0.0
    unmet[:] = 0.0
    run_sessions(
        net, clock.by_price, clock.place, limit, arrival, departure, need, rules.ev, rules.step_hours, rules.cyclic, energy,
        unmet,
    )  # fmt: skip
    _note(EV, i, energy, clock, made)
    _note(EV_UNMET, i, unmet, clock, made)
    made.home[HAS_EV, i] = 1.0 if need[0, 0] > 0.0 else 0.0


@kernel
def _run_battery(
    c: int, s: int, i: int, rules: DeviceRules, clock: DeviceClock, drawn: DrawnDevices, room: DeviceRoom, net: Floats,
    charged: Floats, discharged: Floats, made: Made,
) -> None:  # fmt: skip
    """What a battery charges and discharges; `net` holds what it loses afterwards."""
    kwh, limit, lowest, one_way, state = room.size[0], room.size[1], room.size[2], room.size[3], room.size[4]
    kwh[0, 0], limit[0, 0] = drawn.kwh[c, s], drawn.kw[c, s] * rules.step_hours
    lowest[0, 0], state[0, 0] = drawn.lowest_kwh[c, s], drawn.first_kwh[c, s]
    eta = math.sqrt(drawn.efficiency[c, s])
    one_way[0, 0] = eta
    if rules.by_tariff:
        for t in range(net.shape[1]):
            if clock.wished_kwh[t] != 0.0:
                net[0, t, 0] = clock.wished_kwh[t]
    if rules.cyclic:
        find_cycle_in(net, kwh, limit, lowest, one_way, room.cycle[0], room.cycle[1], room.cycle[2], state)
    # what is stored after a step takes the place of the surplus in it
    run_self_use(net, kwh, limit, lowest, one_way, state, charged, discharged, net)
    for t in range(net.shape[1]):
        net[0, t, 0] = (1.0 - eta) * charged[0, t, 0] + (1.0 / eta - 1.0) * discharged[0, t, 0]
    _note(CHARGED, i, charged, clock, made)
    _note(DISCHARGED, i, discharged, clock, made)
    _note(BATTERY_LOST, i, net, clock, made)
    made.home[STORED, i] = state[0, 0]


@kernel
def sum_homes(s: int, hourly: Floats, total: Floats) -> None:
    """Of scenario s, the sums over its homes, one after the other.

    Parameters
    ----------
    s : int
    hourly : (N_SUMMED, n_slots, n n_scenarios) float64
    total : (N_SUMMED, n_slots, n_scenarios) float64
        Output.
    """
    n_scenarios = total.shape[2]
    for what in range(total.shape[0]):
        for slot in range(total.shape[1]):
            so_far = 0.0
            for i in range(s, hourly.shape[2], n_scenarios):
                so_far += hourly[what, slot, i]
            total[what, slot, s] = so_far


@kernel
def draw_owners(
    share: float, may: NDArray[np.bool_], with_pv: bool, homes: Drawn, s: int, u: Floats, has: NDArray[np.bool_]
) -> None:
    """Which columns of scenario s have a device.

    Parameters
    ----------
    share : float
    may : (n,) bool
        Who may have it.
    with_pv : bool
        Only who has PV.
    homes : Drawn
    s : int
    u : (n,) float64
        Uniform numbers.
    has : (n, n_scenarios) bool
        Output.
    """
    for c in range(len(u)):
        is_owner = may[c] and u[c] < share
        if with_pv:
            is_owner = is_owner and homes.pv_row[c, s] >= 0.0 and homes.kwp[c, s] > 0.0
        has[c, s] = is_owner
