"""Electric vehicles behind the meter: each is charged while it is plugged in at its own home, before the market."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import amount_faults, finite_faults, floats, hours_faults, short_repr
from fastp2p.errors import refuse
from fastp2p.kernels.devices.ev import CHEAPEST, IMMEDIATE, SURPLUS, run_sessions
from fastp2p.ranges import HOUR_OF_DAY

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

RULES = {"immediate": IMMEDIATE, "surplus": SURPLUS, "cheapest": CHEAPEST}


@dataclass(frozen=True, eq=False)
class EvRun:
    """What electric vehicles do.

    Attributes
    ----------
    ev_kwh : (n_scenarios, n_steps, n_columns) float64, kWh
        What is charged.
    unmet_kwh : (n_scenarios, n_steps, n_columns) float64, kWh
        What is missing at the departure, in the last step of the session; of a session in which no step is plugged whole, in
        the step of the arrival.
    """

    __repr__ = short_repr
    ev_kwh: Floats
    unmet_kwh: Floats


def run_evs(
    net_kwh: ArrayLike,
    kw: ArrayLike,
    arrival: ArrayLike,
    departure: ArrayLike,
    kwh: ArrayLike,
    *,
    rule: str,
    step_hours: float,
    cyclic: bool,
    retail_per_kwh: ArrayLike | None = None,
    check: bool = True,
) -> EvRun:
    """Charge one vehicle at each home, from its arrival to its departure every day.

    Parameters
    ----------
    net_kwh : (n_scenarios, n_steps, n_columns) float64, kWh
        PV less load of each home; the first step begins at midnight.
    kw : (n_scenarios, n_columns) float64, kW
        Power of the charger.
    arrival, departure : (n_scenarios, n_columns) float64, hours of the day
        The departure is on the next day, unless it is later than the arrival. Only steps that are whole between them count.
    kwh : (n_scenarios, n_columns) float64, kWh
        Need of every session, at the charger; 0 is no vehicle.
    rule : {"immediate", "surplus", "cheapest"}
        From the arrival on; with the home's own surplus, and what is still needed as late as it can be; in the steps of lowest
        `retail_per_kwh`, of equal ones the earlier first.
    step_hours : float
    cyclic : bool
        The steps repeat: a session that begins in the last ones goes on in the first ones, up to the next arrival. Otherwise
        sessions begin with the first arrival on the axis, and what one that the end cuts has not charged is not unmet.
    retail_per_kwh : (n_steps,) float64, currency per kWh, optional
        Only "cheapest" needs it; after the last step, the prices are taken to be those from the first step on.
    check : bool
        False: the values are known to be right, and are not looked at; shapes are all the same.

    Returns
    -------
    EvRun

    Raises
    ------
    InputError
        Arrays of other shapes, numbers that are negative or not finite, times outside 0…24, an unknown rule, a rule without its
        prices; all faults in one message.
    """
    net = floats("net_kwh", net_kwh)
    sizes = {
        name: floats(name, value) for name, value in (("kw", kw), ("arrival", arrival), ("departure", departure), ("kwh", kwh))
    }
    retail = np.zeros(net.shape[1] if net.ndim == 3 else 0)
    if retail_per_kwh is not None:
        retail = floats("retail_per_kwh", retail_per_kwh)
    faults = [] if rule in RULES else [f"rule = {rule!r}: must be one of {', '.join(RULES)}"]
    if rule == "cheapest" and retail_per_kwh is None:
        faults.append("rule = 'cheapest': needs retail_per_kwh, the prices that it follows")
    refuse(faults + _faults(net, sizes, retail, step_hours, check))
    ran = EvRun(np.zeros_like(net), np.zeros_like(net))
    has_order = rule == "cheapest" and len(retail) > 0
    order = price_order(retail, step_hours) if has_order else (np.zeros(0, np.int64), np.zeros(0, np.int64))
    times = (sizes["arrival"], sizes["departure"])
    run_sessions(
        net, *order, sizes["kw"] * step_hours, *times, sizes["kwh"], RULES[rule], float(step_hours), cyclic,
        ran.ev_kwh, ran.unmet_kwh,
    )  # fmt: skip
    return ran


def price_order(retail: Floats, step_hours: float) -> tuple[Ints, Ints]:
    """Steps from the cheapest to the dearest, and the place of each, of the axis and a day that repeats its beginning."""
    n_known = len(retail) + math.ceil(24.0 / step_hours) + 1
    by_price = np.argsort(retail[np.arange(n_known) % len(retail)], kind="stable")
    place = np.empty(n_known, np.int64)
    place[by_price] = np.arange(n_known)
    return by_price, place


def _faults(net: Floats, sizes: dict[str, Floats], retail: Floats, step_hours: float, check: bool) -> list[str]:
    if net.ndim != 3:
        return [f"net_kwh has shape {net.shape}; it must be (n_scenarios, n_steps, n_columns)"]
    shape = (net.shape[0], net.shape[2])
    faults = [
        f"{name} has shape {array.shape}; it must be (n_scenarios, n_columns) = {shape}"
        for name, array in sizes.items()
        if array.shape != shape
    ]
    if retail.shape != (net.shape[1],):
        faults.append(f"retail_per_kwh has shape {retail.shape}; it must be (n_steps,) = ({net.shape[1]},)")
    faults += hours_faults(step_hours)
    if faults or not check:
        return faults
    faults += finite_faults("net_kwh", net, "scenario") + finite_faults("retail_per_kwh", retail, "step")
    for name, array in sizes.items():
        of_books = amount_faults(name, array)
        if not of_books and name in ("arrival", "departure") and array.size and array.max() > HOUR_OF_DAY.most:
            of_books = [f"{name} = {array.max():g}: must lie in {HOUR_OF_DAY}"]
        faults += [one.replace(": book ", ": scenario ").replace(", bus ", ", column ") for one in of_books]
    return faults
