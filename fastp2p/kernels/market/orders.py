"""Load and generation of every book, and the orders that follow from them."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.market.matching import DUST

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STEPS = 32
"""Steps of a scenario that load and PV are made of at a time."""


@kernel
def gather_profiles(profile_kwh: Floats, profile_of: Ints, scale: Floats, energy_kwh: Floats) -> None:
    """Energy per book and bus: a profile's value times the bus's scale.

    Parameters
    ----------
    profile_kwh : (n_profiles, n_steps) float64, kWh per unit (home or kWp)
    profile_of : (n_scenarios, n_bus) int64
        Row of `profile_kwh`; -1 for none.
    scale : (n_scenarios, n_bus) float64
        Homes, or kWp.
    energy_kwh : (n_scenarios, n_steps, n_bus) float64, kWh
        Output.
    """
    n_scenarios, n_steps, n_bus = energy_kwh.shape
    for s in range(n_scenarios):
        # bus by bus, so that a profile is read in order: it would be gathered step by step, which processors do slowly; and few
        # steps at a time, which stay in the first cache
        for first in range(0, n_steps, STEPS):
            some, per_unit = energy_kwh[s, first : first + STEPS], profile_kwh[:, first : first + STEPS]
            for b in range(n_bus):
                row, size = profile_of[s, b], scale[s, b]
                if row == -1:
                    for t in range(len(some)):
                        some[t, b] = 0.0
                else:
                    for t in range(len(some)):
                        some[t, b] = per_unit[row, t] * size


@kernel
def split_orders(
    load_kwh: Floats, pv_kwh: Floats, gross: bool, min_order_kwh: float, self_kwh: Floats, bid_kwh: Floats, ask_kwh: Floats
) -> None:
    """Orders per book and bus; net: self-consumption first, the rest is ordered. Gross: everything is ordered.

    Parameters
    ----------
    load_kwh, pv_kwh : (n_books, n_bus) float64, kWh
    gross : bool
    min_order_kwh : float
        Smaller orders are not placed.
    self_kwh, bid_kwh, ask_kwh : (n_books, n_bus) float64, kWh
        Outputs; self-consumption before the auction (zero under gross orders).
    """
    n_books, n_bus = load_kwh.shape
    for k in range(n_books):
        for b in range(n_bus):
            load, pv = load_kwh[k, b], pv_kwh[k, b]
            own = 0.0 if gross else min(load, pv)
            bid, ask = load - own, pv - own
            self_kwh[k, b] = own
            bid_kwh[k, b] = bid if bid >= min_order_kwh else 0.0
            ask_kwh[k, b] = ask if ask >= min_order_kwh else 0.0


@kernel
def leftovers(
    load_kwh: Floats,
    pv_kwh: Floats,
    offset: Ints,
    seller: Ints,
    buyer: Ints,
    quantity_kwh: Floats,
    self_kwh: Floats,
    deficit_kwh: Floats,
    surplus_kwh: Floats,
) -> None:
    """What the auction left over: a bus serves its own load with what it did not sell, the rest goes to the retailer.

    Parameters
    ----------
    load_kwh, pv_kwh : (n_books, n_bus) float64, kWh
    offset : (n_books + 1,) int64; seller, buyer : (n_trades,) int64; quantity_kwh : (n_trades,) float64, kWh
    self_kwh : (n_books, n_bus) float64, kWh
        Output: self-consumption, before and after the auction together.
    deficit_kwh, surplus_kwh : (n_books, n_bus) float64, kWh
        Outputs: load and generation that neither the bus itself nor a trade takes.
    """
    n_books, n_bus = load_kwh.shape
    for k in range(n_books):
        for b in range(n_bus):
            deficit_kwh[k, b] = load_kwh[k, b]
            surplus_kwh[k, b] = pv_kwh[k, b]
        for i in range(offset[k], offset[k + 1]):
            deficit_kwh[k, buyer[i]] -= quantity_kwh[i]
            surplus_kwh[k, seller[i]] -= quantity_kwh[i]
        for b in range(n_bus):  # a rest that is dust of the load or of the PV is the auction's, or rounding
            deficit = deficit_kwh[k, b] if deficit_kwh[k, b] > DUST * load_kwh[k, b] else 0.0
            surplus = surplus_kwh[k, b] if surplus_kwh[k, b] > DUST * pv_kwh[k, b] else 0.0
            own = min(deficit, surplus)
            self_kwh[k, b] = own
            deficit_kwh[k, b] = deficit - own if deficit - own > DUST * load_kwh[k, b] else 0.0
            surplus_kwh[k, b] = surplus - own if surplus - own > DUST * pv_kwh[k, b] else 0.0
