"""Electric vehicles of homes: what each charges, session by session."""

import math

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

IMMEDIATE, SURPLUS, CHEAPEST = 0, 1, 2
"""Rules."""
DAY_HOURS = 24.0
OF_A_STEP = 1e-6
"""Part of a step by which a time may miss the edge of a step: rounding of hours over steps."""
OF_THE_NEED = 1e-12
"""Part of the need that is rounding, and counts as met."""


@kernel
def run_sessions(
    net_kwh: Floats,
    by_price: Ints,
    place: Ints,
    limit_kwh: Floats,
    arrival: Floats,
    departure: Floats,
    need_kwh: Floats,
    rule: int,
    step_hours: float,
    cyclic: bool,
    ev_kwh: Floats,
    unmet_kwh: Floats,
) -> None:
    """Charge the vehicle of each home, from every arrival on the axis to its departure.

    Only whole steps between the two count: from the first that begins after the arrival to the last that ends before the
    departure. A session needs nothing of another one. On an axis that ends, the last one may be cut: its need is that of the
    whole session, and what is not charged by the end does not count as unmet.

    Parameters
    ----------
    net_kwh : (n_scenarios, n_steps, n_homes) float64, kWh
        PV less load of each home; the first step begins at midnight.
    by_price, place : (n_known,) int64
        What `CHEAPEST` follows: steps from the cheapest to the dearest, of equal prices the earlier first, and the place of
        each step among them; a day and a step more of them than the axis has. Empty under other rules.
    limit_kwh : (n_scenarios, n_homes) float64, kWh
        The most that is charged in a step.
    arrival, departure : (n_scenarios, n_homes) float64, hours of the day, 0 to 24
        The departure is on the next day, unless it is later than the arrival; homes with other times have no vehicle.
    need_kwh : (n_scenarios, n_homes) float64, kWh
        Of a session; 0 where there is no vehicle.
    rule : int
        `IMMEDIATE`, `SURPLUS` or `CHEAPEST`.
    step_hours : float
    cyclic : bool
        The steps repeat: a session goes on at the beginning, up to the next arrival.
    ev_kwh, unmet_kwh : (n_scenarios, n_steps, n_homes) float64, kWh
        Outputs, zero before: what is charged, and in the last step of a session what is missing. Of a session without a whole
        step it is in the step of the arrival.
    """
    n_scenarios, n_steps, n_homes = net_kwh.shape
    n_days = _round_up(n_steps * step_hours / DAY_HOURS)
    for s in range(n_scenarios):
        for b in range(n_homes):
            need, limit = need_kwh[s, b], limit_kwh[s, b]
            if not (need > 0.0 and 0.0 <= arrival[s, b] <= DAY_HOURS and 0.0 <= departure[s, b] <= DAY_HOURS):
                continue
            since = arrival[s, b] % DAY_HOURS
            stays = departure[s, b] - since
            if stays <= 0.0:
                stays += DAY_HOURS
            again = (
                _round_up(since / step_hours - OF_A_STEP) + n_steps
            )  # where steps repeat, the first session begins once more
            for day in range(n_days):
                arrives = (day * DAY_HOURS + since) / step_hours
                if arrives >= n_steps - OF_A_STEP:
                    break
                start = _round_up(arrives - OF_A_STEP)
                end = _round_down(arrives + stays / step_hours + OF_A_STEP)
                if cyclic:
                    end = min(end, again)
                if rule == CHEAPEST:
                    left = _charge_cheapest(by_price, place, limit, need, start, end, cyclic, s, b, ev_kwh)
                else:
                    left = _charge_in_order(net_kwh, limit, need, start, end, rule == SURPLUS, cyclic, s, b, ev_kwh)
                if (cyclic or end <= n_steps) and left > OF_THE_NEED * need:
                    last = end - 1 if end > start else min(_round_down(arrives + OF_A_STEP), n_steps - 1)
                    unmet_kwh[s, last % n_steps, b] += left


@kernel
def _round_up(value: float) -> int:
    return int(math.ceil(value))  # noqa: RUF046  # a GPU gives a float


@kernel
def _round_down(value: float) -> int:
    return int(math.floor(value))  # noqa: RUF046


@kernel
def _charge_in_order(
    net_kwh: Floats,
    limit: float,
    need: float,
    start: int,
    end: int,
    follows_surplus: bool,
    cyclic: bool,
    s: int,
    b: int,
    ev_kwh: Floats,
) -> float:
    """Charge from step to step; what is left of the need.

    With x the surplus of the home, N what is left, and P h the most of a step::

        must(t) = [N - P h (steps left after t)]⁺
        u = min(P h, N, max(must, [x]⁺))    where surplus is followed
        u = min(P h, N)                     else
    """
    n_steps, left = net_kwh.shape[1], need
    for t in range(start, end):
        if left <= 0.0 or (t >= n_steps and not cyclic):
            break
        at = t if t < n_steps else t % n_steps
        charged = min(limit, left)
        if follows_surplus:
            charged = min(charged, max(left - limit * (end - 1 - t), net_kwh[s, at, b], 0.0))
        ev_kwh[s, at, b] = charged
        left -= charged
    return left


@kernel
def _charge_cheapest(
    by_price: Ints, place: Ints, limit: float, need: float, start: int, end: int, cyclic: bool, s: int, b: int, ev_kwh: Floats
) -> float:
    """Charge at full power in the cheapest steps, of equal prices the earlier first; what is left of the need.

    A session takes few of its steps, so that looking for one after the other is faster than sorting them.
    """
    n_steps, n_known, left, last = ev_kwh.shape[1], len(by_price), need, -1
    while left > 0.0 and limit > 0.0:  # ends: every step has a later place than the one before it
        best = n_known
        for t in range(start, end):
            best = min(best, place[t] if place[t] > last else n_known)  # without a branch that depends on prices
        if best == n_known:
            break
        charged, step = min(limit, left), by_price[best]
        if step < n_steps or cyclic:
            ev_kwh[s, step % n_steps, b] = charged
        left -= charged
        last = best
    return left
