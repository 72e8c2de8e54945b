"""Batteries of homes: what each charges and discharges, step by step."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]

LAST_STEPS = 240
"""Ten days of hours: most batteries are full or empty in each."""


@kernel
def run_self_use(
    net_kwh: Floats,
    kwh: Floats,
    limit_kwh: Floats,
    lowest_kwh: Floats,
    one_way: Floats,
    state_kwh: Floats,
    charged_kwh: Floats,
    discharged_kwh: Floats,
    stored_kwh: Floats,
) -> None:
    """Charge surplus and discharge for load, as early as capacity and power allow.

    With x the surplus of a home, e what is stored, and η the efficiency of one way::

        c = min([x]⁺, limit, (E - e) / η)
        d = min([-x]⁺, limit, (e - e_min) η)
        e' = e + η c - d / η

    A battery that becomes full holds its capacity to the bit, and one that becomes empty its lowest energy.

    Parameters
    ----------
    net_kwh : (n_scenarios, n_steps, n_homes) float64, kWh
        PV less load of each home.
    kwh, limit_kwh, lowest_kwh : (n_scenarios, n_homes) float64, kWh
        Capacity, the most that is charged or discharged in a step, and the least that may be stored.
    one_way : (n_scenarios, n_homes) float64
        Efficiency of charging, and of discharging.
    state_kwh : (n_scenarios, n_homes) float64, kWh
        What is stored, before and after; changed in place.
    charged_kwh, discharged_kwh, stored_kwh : (n_scenarios, n_steps, n_homes) float64, kWh
        Outputs: what the home gives, what it gets, and what is stored at the end of the step.
    """
    n_scenarios, n_steps, n_homes = net_kwh.shape
    for s in range(n_scenarios):
        for t in range(n_steps):
            for b in range(n_homes):
                charged, discharged, energy = use_first(
                    net_kwh[s, t, b], state_kwh[s, b], kwh[s, b], limit_kwh[s, b], lowest_kwh[s, b], one_way[s, b]
                )
                state_kwh[s, b] = energy
                charged_kwh[s, t, b], discharged_kwh[s, t, b], stored_kwh[s, t, b] = charged, discharged, energy


@kernel
def use_first(
    net_kwh: float, energy_kwh: float, kwh: float, limit_kwh: float, lowest_kwh: float, one_way: float
) -> tuple[float, float, float]:
    """What one battery charges and discharges for its home in a step, and what is stored then; see `run_self_use`."""
    charged = discharged = 0.0
    if net_kwh > 0.0:
        room = (kwh - energy_kwh) / one_way
        charged = min(net_kwh, limit_kwh, room)
        # rounding must not take it over its capacity
        energy_kwh = kwh if charged == room else min(energy_kwh + one_way * charged, kwh)
    elif net_kwh < 0.0:
        left = (energy_kwh - lowest_kwh) * one_way
        discharged = min(-net_kwh, limit_kwh, left)
        energy_kwh = lowest_kwh if discharged == left else max(energy_kwh - discharged / one_way, lowest_kwh)
    return charged, discharged, energy_kwh


@kernel
def find_cycle(net_kwh: Floats, kwh: Floats, limit_kwh: Floats, lowest_kwh: Floats, one_way: Floats, state_kwh: Floats) -> None:
    """What must be stored before the first step, that as much is stored after the last.

    A step adds some energy to the state, positive or negative, and cuts the sum off at capacity and lowest energy. So all
    steps together add some energy, and cut off at two bounds, the ends of the battery that begins empty and of the one that
    begins full. If the steps add more than nothing, the upper bound leads to itself, else the lower one. Where the last steps
    alone bring both batteries to one end, it is that, and the others are not looked at.

    Parameters
    ----------
    net_kwh : (n_scenarios, n_steps, n_homes) float64, kWh
    kwh, limit_kwh, lowest_kwh, one_way : (n_scenarios, n_homes) float64, kWh
        As in `run_self_use`.
    state_kwh : (n_scenarios, n_homes) float64, kWh
        Output.
    """
    n_homes = kwh.shape[1]
    find_cycle_in(
        net_kwh, kwh, limit_kwh, lowest_kwh, one_way, np.empty(n_homes), np.empty(n_homes), np.empty(n_homes), state_kwh
    )


@kernel
def find_cycle_in(
    net_kwh: Floats,
    kwh: Floats,
    limit_kwh: Floats,
    lowest_kwh: Floats,
    one_way: Floats,
    added: Floats,
    low: Floats,
    high: Floats,
    state_kwh: Floats,
) -> None:
    """`find_cycle` in work space of the caller, `added`, `low` and `high`, (n_homes,) each."""
    n_scenarios, n_steps, n_homes = net_kwh.shape
    for s in range(n_scenarios):
        begin = max(0, n_steps - LAST_STEPS)
        while True:  # ends: the second time at the latest
            for b in range(n_homes):
                added[b], low[b], high[b] = 0.0, lowest_kwh[s, b], kwh[s, b]
            for t in range(begin, n_steps):
                for b in range(n_homes):
                    x = net_kwh[s, t, b]
                    eta = one_way[s, b]
                    more = eta * min(x, limit_kwh[s, b]) if x > 0.0 else -min(-x, limit_kwh[s, b]) / eta
                    added[b] += more
                    low[b] = min(max(low[b] + more, lowest_kwh[s, b]), kwh[s, b])
                    high[b] = min(max(high[b] + more, lowest_kwh[s, b]), kwh[s, b])
            differs = False
            for b in range(n_homes):
                differs = differs or low[b] != high[b]
            if begin == 0 or not differs:
                break
            begin = 0
        for b in range(n_homes):
            state_kwh[s, b] = high[b] if added[b] > 0.0 else low[b]
