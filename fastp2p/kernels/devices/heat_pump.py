"""Heat pumps of homes: what each draws, step by step, to keep its house warm."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]

RETURN_K = 1e-9
"""How near a day that repeats ends to where it begins."""
MOST_PASSES = 240
"""Over the steps of a house; every third halves the range of temperatures, so that nothing is left of it in the end."""


@kernel
def heat(
    net_kwh: float, limit_kwh: float, drift_c: float, kelvin_per_kwh: float, low_c: float, high_c: float, surplus: bool
) -> tuple[float, float]:
    """What a heat pump draws in a step, and how warm it leaves the room.

    The power is what leads to the lower end of the band, cut off at 0 and at the limit. With `surplus` it is more where
    surplus allows it, up to what leads to the upper end. A room that is led to an end of the band ends there to the bit.

    Parameters
    ----------
    net_kwh : float, kWh
        PV less load of the home.
    limit_kwh : float, kWh
        The most that is drawn.
    drift_c : float, °C
        Where the room would end without heating.
    kelvin_per_kwh : float, K per kWh
        By how much warmer the room ends for each kWh that is drawn.
    low_c, high_c : float, °C
        The band.
    surplus : bool
    """
    energy, room = 0.0, drift_c
    if drift_c < low_c:
        most_c = drift_c + kelvin_per_kwh * limit_kwh
        if most_c <= low_c:
            energy, room = limit_kwh, most_c
        else:
            energy, room = min((low_c - drift_c) / kelvin_per_kwh, limit_kwh), low_c
    if surplus and net_kwh > 0.0 and room < high_c:
        can = min(net_kwh, limit_kwh)
        reached_c = drift_c + kelvin_per_kwh * can
        if reached_c >= high_c:
            energy, room = min((high_c - drift_c) / kelvin_per_kwh, can), high_c
        elif reached_c > room:
            energy, room = can, reached_c
    return energy, room


@kernel
def run_houses(
    net_kwh: Floats,
    limit_kwh: Floats,
    lost: Floats,
    kelvin_per_kwh: Floats,
    outdoor_c: Floats,
    cop: Floats,
    low_c: float,
    high_c: float,
    surplus: bool,
    state_c: Floats,
    energy_kwh: Floats,
    room_c: Floats,
) -> None:
    """Heat houses of one resistance and one capacity each.

    With θ the room, φ = exp(-h / (R C)), and p the mean electric power of a step::

        θ' = φ θ + (1 - φ) (θ_out + R COP p)

    Parameters
    ----------
    net_kwh : (n_scenarios, n_steps, n_homes) float64, kWh
        PV less load of each home.
    limit_kwh : (n_scenarios, n_homes) float64, kWh
        The most that a heat pump draws in a step.
    lost : (n_scenarios, n_homes) float64
        1 - φ.
    kelvin_per_kwh : (n_scenarios, n_homes) float64, K per kWh
        (1 - φ) R / h: by how much warmer a room ends for each kWh of heat.
    outdoor_c, cop : (n_steps,) float64, °C and 1
    low_c, high_c : float, °C
        The band.
    surplus : bool
        Surplus heats on, up to the upper end.
    state_c : (n_scenarios, n_homes) float64, °C
        The room before and after; changed in place.
    energy_kwh, room_c : (n_scenarios, n_steps, n_homes) float64, kWh and °C
        Outputs: what is drawn, and the room at the end of the step.
    """
    n_scenarios, n_steps, n_homes = net_kwh.shape
    for s in range(n_scenarios):
        for t in range(n_steps):
            for b in range(n_homes):
                drift_c = state_c[s, b] + lost[s, b] * (outdoor_c[t] - state_c[s, b])
                energy, room = heat(
                    net_kwh[s, t, b], limit_kwh[s, b], drift_c, kelvin_per_kwh[s, b] * cop[t], low_c, high_c, surplus
                )
                state_c[s, b] = room
                energy_kwh[s, t, b], room_c[s, t, b] = energy, room


@kernel
def _last_steps(n_steps: int, gone: float, range_c: float) -> int:
    """The step from which on any two rooms within a range come to within a thousandth of `RETURN_K`; 0 without one."""
    kept, left_k = 1.0 - gone, range_c
    for t in range(n_steps - 1, 0, -1):
        left_k *= kept
        if left_k <= 1e-3 * RETURN_K:
            return t
    return 0


@kernel
def find_return(
    net_kwh: Floats,
    limit_kwh: Floats,
    lost: Floats,
    kelvin_per_kwh: Floats,
    outdoor_c: Floats,
    cop: Floats,
    low_c: float,
    high_c: float,
    surplus: bool,
    state_c: Floats,
    returns: NDArray[np.bool_],
) -> None:
    """How warm rooms must be before the first step, that they are so after the last.

    A step is a map of temperatures that rises by φ or, where it leads to an end of the band, not at all; so do all steps
    together by φ^n or not at all. So one temperature leads to itself, and it lies between the coldest and the warmest of
    outdoors and the band. Where the last steps alone forget how warm it was before them, their end is that temperature.
    Else Newton's method mostly finds it in one to three passes; where flat and steep pieces alternate, every third pass
    halves the range instead.

    Parameters
    ----------
    net_kwh, limit_kwh, lost, kelvin_per_kwh, outdoor_c, cop, low_c, high_c, surplus
        As in `run_houses`.
    state_c : (n_scenarios, n_homes) float64, °C
        Output.
    returns : (n_scenarios, n_homes) bool
        Output: whether that was found.
    """
    n_scenarios, n_steps, n_homes = net_kwh.shape
    coldest_c, warmest_c = low_c, high_c
    for t in range(n_steps):
        coldest_c, warmest_c = min(coldest_c, outdoor_c[t]), max(warmest_c, outdoor_c[t])
    for s in range(n_scenarios):
        for b in range(n_homes):
            first_c, below_c, above_c = low_c, coldest_c, warmest_c
            limit, gone, kelvin = limit_kwh[s, b], lost[s, b], kelvin_per_kwh[s, b]
            returns[s, b] = limit == 0.0
            if returns[s, b]:  # nobody asks how warm it is
                state_c[s, b] = low_c
                continue
            first = _last_steps(n_steps, gone, warmest_c - coldest_c)
            for attempt in range(MOST_PASSES):
                room, slope = first_c, 1.0
                for t in range(first if attempt == 0 else 0, n_steps):
                    drift_c = room + gone * (outdoor_c[t] - room)
                    room = heat(net_kwh[s, t, b], limit, drift_c, kelvin * cop[t], low_c, high_c, surplus)[1]
                    slope = 0.0 if room in (low_c, high_c) else slope * (1.0 - gone)
                if first > 0:
                    first_c, returns[s, b] = room, True
                    break
                if abs(room - first_c) <= RETURN_K:
                    returns[s, b] = True
                    break
                if room > first_c:
                    below_c = first_c
                else:
                    above_c = first_c
                first_c = (room - slope * first_c) / (1.0 - slope)
                if attempt % 3 == 2 or not below_c <= first_c <= above_c:
                    first_c = (below_c + above_c) / 2.0
            state_c[s, b] = first_c
