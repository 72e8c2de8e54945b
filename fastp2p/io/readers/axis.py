"""Time stamps of a file as a regular axis; their faults, with the row."""

from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.errors import InputError, refuse
from fastp2p.io.readers.clock import SHOWN, listed, year_faults
from fastp2p.ranges import ENERGY_KWH

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST = ENERGY_KWH.most
"""kWh per step; more is a mistake."""
NS_PER_HOUR = 3_600_000_000_000
ROUNDED = 0.02
"""Of a step: how far written hours may be off, such as 0.083 for a twelfth."""
SPRING_BEFORE = 4
"""O'clock; clocks skip an hour earlier in the day."""
TRACE = 0.1
"""Steps of another length are a mixture from this share of all on, else gaps."""


class ProfileTable(NamedTuple):
    """What a reader finds in a source: the fields of `Profiles`, which takes and checks them."""

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    kwh_per_unit: Floats
    step_hours: float
    time: pd.DatetimeIndex | None
    source: str


def regular_axis(
    where: str, stamps: pd.DatetimeIndex, rows: Ints, *, period_ending: bool = False, at_midnight: bool = True
) -> tuple[pd.DatetimeIndex, float]:
    """The start of every step, and the length of a step in hours.

    Parameters
    ----------
    where : str
        File and column, for messages.
    stamps : (n,) DatetimeIndex
    rows : (n,) int64
        Their rows in the file.
    period_ending : bool
        Whether a stamp is the end of its step.
    at_midnight : bool
        Whether the first step must start at midnight; stamps that are brought to another clock may start elsewhere.

    Raises
    ------
    InputError
        Gaps, doubled or unsorted stamps, steps of different length or that do not divide a day, or a first step that does
        not start at midnight.
    """
    if len(stamps) < 2:
        raise InputError(f"{where}: {len(stamps)} time stamp gives no step length; there must be two or more")
    jump = np.diff(stamps.asi8)
    lengths, count = np.unique(jump[jump > 0], return_counts=True)
    step = int(lengths[count.argmax()]) if len(lengths) else 0
    refuse(_jump_faults(where, stamps, rows, jump, step, lengths[count >= TRACE * len(jump)]))
    hours = step / NS_PER_HOUR
    faults = []
    if (24 * NS_PER_HOUR) % step:
        faults.append(f"{where}: a step of {_length(step)} does not divide a day")
    start = stamps - pd.Timedelta(step, "ns") if period_ending else stamps
    ending = not period_ending and stamps[0] - pd.Timedelta(step, "ns") == stamps[0].normalize()
    if start[0] != start[0].normalize() and (at_midnight or ending):
        hint = "; if the stamps end their steps, use period_ending" if ending else ""
        hint += "; if they start at midnight in another zone, give that zone" if stamps.tz is not None else ""
        faults.append(f"{where}, row {rows[0]}: the first step starts at {start[0]:%H:%M}, not at midnight; drop rows{hint}")
    refuse(faults)
    return start, hours


def time_faults(time: object, step_hours: float) -> list[str]:
    """Why something is no axis of steps: each a step after the one before, or whole days more where days are left out."""
    if not isinstance(time, pd.DatetimeIndex):
        return [f"time must be a pandas.DatetimeIndex, not a {type(time).__name__}"]
    if time.hasnans:
        return ["time has missing stamps"]
    if faults := year_faults("time", time):
        return faults
    late = np.diff(time.as_unit("ns").asi8) - round(step_hours * NS_PER_HOUR)
    wrong = np.flatnonzero((late < 0) | (late % (24 * NS_PER_HOUR) != 0)) + 1
    message = f"does not come a step of {step_hours:g} h, or whole days more, after the one before"
    return [f"time[{at}] = {time[at]} {message}" for at in wrong[:1].tolist()]


def hour_axis(where: str, whose: str, hours: Floats, rows: Ints) -> tuple[float, list[str]]:
    """Step length of hours that are counted from 0 on, and the first one that is wrong."""
    jump = np.diff(hours)
    lengths, count = np.unique(np.round(jump[jump > 0], 6), return_counts=True)
    usual = float(lengths[count.argmax()]) if len(lengths) else 1.0
    mean = float(jump[np.abs(jump / usual - 1.0) < ROUNDED].mean()) if len(lengths) else 1.0
    per_day = max(1, round(24.0 / mean))
    step = 24.0 / per_day if abs(24.0 / per_day / mean - 1.0) < ROUNDED / 10 else mean  # 0.083 is a twelfth
    due = np.arange(len(hours)) * step
    wrong = np.flatnonzero(~(np.abs(hours - due) <= ROUNDED * step))
    if len(wrong):
        at = int(wrong[0])
        return step, [f"{where}, row {rows[at]}: {whose} has hour {hours[at]:g} where {due[at]:g} is due (a gap, or unsorted)"]
    if abs(per_day * step - 24.0) > 1e-9:
        return step, [f"{where}: {whose} has steps of {step:g} h, which do not divide a day"]
    return step, []


def _jump_faults(where: str, stamps: pd.DatetimeIndex, rows: Ints, jump: Ints, step: int, common: Ints) -> list[str]:
    """A fault for every stamp that is not one step after the one before."""
    if len(common) > 1 and (common % common.min() == 0).all():
        firsts = [int(np.flatnonzero(jump == length)[0]) + 1 for length in common]
        message = ", ".join(f"{_length(length)} at row {rows[at]}" for length, at in zip(common, firsts, strict=True))
        return [f"{where}: mixed steps ({message}); bring all rows to one step first"]
    faults = []
    wrong = jump < 0 if (jump < 0).any() else jump != (step or -1)  # what is not sorted looks full of gaps
    places = np.flatnonzero(wrong)
    for at in places[:SHOWN].tolist():
        place, before, here = (f"{where}, row {rows[at + 1]}", *(f"{stamps[i]:%Y-%m-%d %H:%M}" for i in (at, at + 1)))
        if jump[at] == 0:
            faults.append(f"{place}: {here} appears twice; keep one of them")
        elif jump[at] < 0:
            summer = ", or give the zone of a clock that changes for summer" if jump[at] > -NS_PER_HOUR else ""
            faults.append(f"{place}: {here} comes after {before}; sort the rows by time{summer}")
        elif jump[at] % step == 0:
            spring = jump[at] - step == NS_PER_HOUR and stamps.tz is None and stamps[at].hour < SPRING_BEFORE
            hint = "; a clock that changes for summer needs its zone" if spring else ""
            faults.append(f"{place}: a gap of {jump[at] // step - 1} steps between {before} and {here}{hint}")
        else:
            faults.append(f"{place}: a step of {_length(jump[at])} where the others are {_length(step)}")
    return listed(faults, where, len(places))


def _length(nanoseconds: int) -> str:
    return f"{nanoseconds / NS_PER_HOUR * 60:g} min"
