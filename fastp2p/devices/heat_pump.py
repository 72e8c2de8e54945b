"""Heat pumps behind the meter: each keeps its own house warm, and acts before the market."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import amount_faults, finite_faults, floats, hours_faults, short_repr
from fastp2p.errors import refuse
from fastp2p.kernels.devices.heat_pump import RETURN_K, find_return, run_houses

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class HeatPumpRun:
    """What heat pumps do.

    Attributes
    ----------
    heat_pump_kwh : (n_scenarios, n_steps, n_columns) float64, kWh
        Electric energy that they draw.
    cold_kh : (n_scenarios, n_steps, n_columns) float64, K h
        By how much the room is below the lower end of the band at the end of the step, times the length of the step.
    room_c : (n_scenarios, n_steps, n_columns) float64, °C
        The room at the end of the step; without a meaning where there is no heat pump.
    """

    __repr__ = short_repr
    heat_pump_kwh: Floats
    cold_kh: Floats
    room_c: Floats


def run_heat_pumps(
    net_kwh: ArrayLike,
    kw: ArrayLike,
    resistance_k_per_kw: ArrayLike,
    capacity_kwh_per_k: ArrayLike,
    temperature_c: ArrayLike,
    cop: ArrayLike,
    *,
    comfort_c: tuple[float, float],
    first_c: float,
    rule: Literal["comfort", "surplus"],
    step_hours: float,
    cyclic: bool,
    check: bool = True,
) -> HeatPumpRun:
    """Run heat pumps, each for a house of one thermal resistance and one capacity.

    Parameters
    ----------
    net_kwh : (n_scenarios, n_steps, n_columns) float64, kWh
        PV less load of each home, without the heat pump.
    kw : (n_scenarios, n_columns) float64, kW
        Largest electric power; 0 is no heat pump.
    resistance_k_per_kw, capacity_kwh_per_k : (n_scenarios, n_columns) float64, K per kW and kWh per K
        Of the house; positive where there is a heat pump.
    temperature_c, cop : (n_steps,) float64, °C and 1
        Outdoor temperature, and heat by electric energy.
    comfort_c : tuple of float, °C
        Lower and upper end of the band.
    first_c : float, °C
        The room before the first step.
    rule : {"comfort", "surplus"}
        The lower end of the band is kept; or surplus heats on, up to the upper end.
    step_hours : float
    cyclic : bool
        The steps repeat: a room is before the first step as it is after the last one, and `first_c` has no effect.
    check : bool
        False: the values are known to be right, and are not looked at; shapes are right.

    Returns
    -------
    HeatPumpRun

    Raises
    ------
    InputError
        Arrays of other shapes, numbers that are negative or not finite, a band upside down; all faults in one message. Days
        that do not return.
    """
    net = floats("net_kwh", net_kwh)
    sizes = {
        name: floats(name, value)
        for name, value in (
            ("kw", kw), ("resistance_k_per_kw", resistance_k_per_kw), ("capacity_kwh_per_k", capacity_kwh_per_k),
        )
    }  # fmt: skip
    series = {name: floats(name, value) for name, value in (("temperature_c", temperature_c), ("cop", cop))}
    low, high = comfort_c
    faults = _shape_faults(net, sizes, series, step_hours)
    if not faults and check:
        faults = _value_faults(net, sizes, series, (low, high, first_c), rule)
    refuse(faults)
    there = sizes["kw"] > 0.0
    resistance, capacity = (np.where(there, sizes[name], 1.0) for name in ("resistance_k_per_kw", "capacity_kwh_per_k"))
    lost = -np.expm1(-step_hours / (resistance * capacity))
    house = (sizes["kw"] * step_hours, lost, lost * resistance / step_hours, series["temperature_c"], series["cop"])
    band = (low, high, rule == "surplus")
    state, energy_kwh, room_c = np.full(there.shape, first_c), np.empty_like(net), np.empty_like(net)
    if cyclic:
        returns = np.empty(there.shape, np.bool_)
        find_return(net, *house, *band, state, returns)
        refuse(return_faults(there & ~returns))
    run_houses(net, *house, *band, state, energy_kwh, room_c)
    cold_kh = np.maximum(low - room_c, 0.0)
    cold_kh *= (step_hours * there)[:, None]
    return HeatPumpRun(energy_kwh, cold_kh, room_c)


def return_faults(lost: NDArray[np.bool_]) -> list[str]:
    """That rooms of days that repeat, (n_scenarios, n_columns), do not end as they begin."""
    return [
        f"scenario {s}, column {b}: its days do not return to within {RETURN_K:g} K of the room that they begin with"
        for s, b in np.argwhere(lost).tolist()
    ]


def _shape_faults(net: Floats, sizes: dict[str, Floats], series: dict[str, Floats], step_hours: float) -> list[str]:
    if net.ndim != 3:
        return [f"net_kwh has shape {net.shape}; it must be (n_scenarios, n_steps, n_columns)"]
    expected = {
        "(n_scenarios, n_columns)": (sizes, (net.shape[0], net.shape[2])),
        "(n_steps,)": (series, (net.shape[1],)),
    }
    faults = [
        f"{name} has shape {array.shape}; it must be {words} = {shape}"
        for words, (arrays, shape) in expected.items()
        for name, array in arrays.items()
        if array.shape != shape
    ]
    return faults + hours_faults(step_hours)


def _value_faults(
    net: Floats, sizes: dict[str, Floats], series: dict[str, Floats], temperatures: tuple[float, float, float], rule: str
) -> list[str]:
    faults = finite_faults("net_kwh", net, "scenario")
    for name, array in sizes.items():
        faults += [one.replace(": book ", ": scenario ").replace(", bus ", ", column ") for one in amount_faults(name, array)]
    for name in ("resistance_k_per_kw", "capacity_kwh_per_k"):
        if ((sizes["kw"] > 0.0) & (sizes[name] == 0.0)).any():
            faults.append(f"{name} must be positive where there is a heat pump")
    faults += finite_faults("temperature_c", series["temperature_c"], "step")
    if not (np.isfinite(series["cop"]) & (series["cop"] >= 1.0)).all():
        faults.append("cop must be finite, and at least 1 in every step")
    low, high, first = temperatures
    if not np.isfinite(temperatures).all():
        faults.append(f"comfort_c = ({low!r}, {high!r}) and first_c = {first!r} must be finite")
    elif low > high:
        faults.append(f"comfort_c = ({low:g}, {high:g}): the lower end must come first")
    if rule not in ("comfort", "surplus"):
        faults.append(f"rule = {rule!r}: must be 'comfort' or 'surplus'")
    return faults
