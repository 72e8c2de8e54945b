"""Batteries behind the meter: each sees its own home alone, and acts before the market."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import amount_faults, finite_faults, floats, hours_faults, integers, short_repr
from fastp2p.errors import refuse
from fastp2p.kernels.devices.battery import find_cycle, run_self_use

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ALL_KWH = float(np.finfo(np.float64).max)
"""Stands for as much as power and capacity allow."""


@dataclass(frozen=True, eq=False)
class BatteryRun:
    """What batteries do.

    Attributes
    ----------
    charged_kwh : (n_scenarios, n_steps, n_columns) float64, kWh
        What the home gives to its battery.
    discharged_kwh : (n_scenarios, n_steps, n_columns) float64, kWh
        What it gets from it.
    stored_kwh : (n_scenarios, n_steps, n_columns) float64, kWh
        At the end of the step.
    """

    __repr__ = short_repr
    charged_kwh: Floats
    discharged_kwh: Floats
    stored_kwh: Floats

    def of_books(self, steps: range) -> BatteryRun:
        """Some steps of it, with arrays (n_books, n_columns)."""
        arrays = (self.charged_kwh, self.discharged_kwh, self.stored_kwh)
        return BatteryRun(*(array[:, steps.start : steps.stop].reshape(-1, array.shape[2]) for array in arrays))


def run_batteries(
    net_kwh: ArrayLike,
    kwh: ArrayLike,
    kw: ArrayLike,
    lowest_kwh: ArrayLike,
    first_kwh: ArrayLike,
    *,
    efficiency: ArrayLike,
    step_hours: float,
    cyclic: bool,
    retail_per_kwh: ArrayLike | None = None,
    day: ArrayLike | None = None,
    check: bool = True,
) -> BatteryRun:
    """Run batteries for the use of their own homes: surplus is charged, and discharged when load exceeds PV.

    With a tariff, each charges all it can in the cheapest steps of a day, and discharges all it can in the dearest ones.

    Parameters
    ----------
    net_kwh : (n_scenarios, n_steps, n_columns) float64, kWh
        PV less load of each home.
    kwh, kw, lowest_kwh, first_kwh : (n_scenarios, n_columns) float64, kWh and kW
        Capacity, largest power either way, the least that may be stored, and what is stored before the first step.
    efficiency : float, or (n_scenarios, n_columns) float64
        Part of what is charged that can be discharged again; its square root is that of charging, and of discharging.
    step_hours : float
    cyclic : bool
        The steps repeat: what is stored before the first one is what is stored after the last, and `first_kwh` has no effect.
        Where more than one state does so, the least.
    retail_per_kwh : (n_steps,) float64, currency per kWh, optional
        The tariff, with `day`.
    day : (n_steps,) int64, optional
        The day that each step belongs to. On a day of one price batteries know self use alone.
    check : bool
        False: the values are known to be right, and are not looked at; shapes are all the same.

    Returns
    -------
    BatteryRun

    Raises
    ------
    InputError
        Arrays of other shapes, numbers that are negative or not finite, energies out of order; all faults in one message.
    """
    net = floats("net_kwh", net_kwh)
    sizes = {
        name: floats(name, value)
        for name, value in (("kwh", kwh), ("kw", kw), ("lowest_kwh", lowest_kwh), ("first_kwh", first_kwh))
    }
    of_trips = floats("efficiency", efficiency)
    price = None if retail_per_kwh is None else floats("retail_per_kwh", retail_per_kwh)
    days = None if day is None else integers("day", day)
    refuse(_faults(net, sizes, of_trips, step_hours, check) + _tariff_faults(net, price, days, check))
    if price is not None and days is not None:
        net = _wished(net, cheap_and_dear(price, days))
    one_way = np.ascontiguousarray(np.broadcast_to(np.sqrt(of_trips), sizes["kwh"].shape))
    limit = sizes["kw"] * step_hours
    energies = (sizes["kwh"], limit, sizes["lowest_kwh"])
    state = sizes["first_kwh"].copy()
    if cyclic:
        find_cycle(net, *energies, one_way, state)
    ran = BatteryRun(np.empty_like(net), np.empty_like(net), np.empty_like(net))
    run_self_use(net, *energies, one_way, state, ran.charged_kwh, ran.discharged_kwh, ran.stored_kwh)
    return ran


def cheap_and_dear(retail_per_kwh: Floats, day: Ints) -> NDArray[np.int8]:
    """Which steps have the least and the greatest price of their day.

    Parameters
    ----------
    retail_per_kwh : (n_steps,) float64, currency per kWh
    day : (n_steps,) int64
        The day that each step belongs to.

    Returns
    -------
    (n_steps,) int8
        1 at the least price, -1 at the greatest one; 0 between them, and on a day of one price.
    """
    days, place = np.unique(day, return_inverse=True)
    least, greatest = np.full(len(days), np.inf), np.full(len(days), -np.inf)
    np.minimum.at(least, place, retail_per_kwh)
    np.maximum.at(greatest, place, retail_per_kwh)
    is_least, is_greatest = retail_per_kwh == least[place], retail_per_kwh == greatest[place]
    sign: NDArray[np.int8] = is_least.astype(np.int8) - is_greatest.astype(np.int8)
    return sign


def _wished(net: Floats, sign: NDArray[np.int8]) -> Floats:
    """PV less load, and in place of it a surplus or a need without bounds where the sign says so; the rule is self use then."""
    wished = net.copy()
    np.copyto(wished, (ALL_KWH * sign)[:, None], where=(sign != 0)[:, None])
    return wished


def _tariff_faults(net: Floats, price: Floats | None, days: Ints | None, check: bool) -> list[str]:
    if price is None and days is None:
        return []
    if price is None or days is None:
        return ["must have both retail_per_kwh and day, or neither"]
    if not price.shape == days.shape == net.shape[1:2]:
        of_both = f"{price.shape} and {days.shape}"
        return [f"retail_per_kwh and day have shapes {of_both}; they must be (n_steps,) = {net.shape[1:2]}"]
    return finite_faults("retail_per_kwh", price, "step") if check else []


def _faults(net: Floats, sizes: dict[str, Floats], efficiency: Floats, step_hours: float, check: bool) -> list[str]:
    if net.ndim != 3:
        return [f"net_kwh has shape {net.shape}; it must be (n_scenarios, n_steps, n_columns)"]
    shape = (net.shape[0], net.shape[2])
    faults = [
        f"{name} has shape {array.shape}; it must be (n_scenarios, n_columns) = {shape}"
        for name, array in sizes.items()
        if array.shape != shape
    ]
    faults += hours_faults(step_hours)
    if efficiency.shape not in ((1,), shape):
        faults.append(f"efficiency has shape {efficiency.shape}; it must be a number or (n_scenarios, n_columns) = {shape}")
    elif not ((efficiency > 0.0) & (efficiency <= 1.0)).all():
        faults.append(f"efficiency holds {efficiency.min():g} to {efficiency.max():g}; must lie above 0, up to 1")
    if faults or not check:
        return faults
    faults += finite_faults("net_kwh", net, "scenario")
    for name, array in sizes.items():
        of_books = amount_faults(name, array)
        faults += [one.replace(": book ", ": scenario ").replace(", bus ", ", column ") for one in of_books]
    if not faults and not ((sizes["lowest_kwh"] <= sizes["first_kwh"]).all() and (sizes["first_kwh"] <= sizes["kwh"]).all()):
        faults.append("must have lowest_kwh <= first_kwh <= kwh at every home")
    return faults
