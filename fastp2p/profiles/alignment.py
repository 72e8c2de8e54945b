"""How the time axes of several sources come onto one clock, and which of their steps are the same."""

import warnings
from collections.abc import Sequence
from datetime import date, tzinfo
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.errors import InputError, InputWarning, refuse
from fastp2p.io.readers.clock import clock_name, first_offset

Ints = NDArray[np.int64]

DAY = pd.Timedelta(days=1)
MOST_DAYS = 10_000
EDGE = pd.Timedelta(hours=26)
"""The days of two clocks begin at most so far apart (UTC-12:00 and UTC+14:00)."""
SPRING = pd.Timedelta(hours=2)
"""By so much at most do clocks change for summer."""
HOW_TO_SAY = 'give its zone (--zone, zone of Profiles.load, or in a study { file = "…", zone = "Europe/Berlin" })'


class Axis(NamedTuple):
    """Some steps of a source; `time` is the start of each, or None where they have no dates."""

    source: str
    time: pd.DatetimeIndex | None
    step_hours: float
    steps: Ints
    """(n_steps,) which of the source's steps these are."""

    @property
    def n_steps(self) -> int:
        """Number of steps."""
        return len(self.steps)

    def part(self, keep: Ints | slice) -> "Axis":
        """Some of these steps."""
        return self._replace(time=None if self.time is None else self.time[keep], steps=self.steps[keep])

    @property
    def is_placed(self) -> bool:
        """Whether it says where it is in time."""
        return self.time is not None and self.time.tz is not None

    @property
    def end(self) -> pd.Timestamp:
        """End of the last step of an axis with dates."""
        assert self.time is not None
        return self.time[-1] + pd.Timedelta(hours=self.step_hours)


def aligned_axes(
    axes: Sequence[Axis], zone: str | None, first_day: date | None, months: Sequence[int], leap_day: bool, days: int | None
) -> list[Axis]:
    """Several axes on one clock, and of those with dates the days that are chosen and that all cover.

    Parameters
    ----------
    axes : sequence of Axis
        Of steps so short that midnight on any clock is between two of them.
    zone, first_day, months, leap_day, days
        As `fastp2p.Profiles.combined` takes them.

    Raises
    ------
    InputError
        See `fastp2p.Profiles.combined`.
    """
    refuse(_choice_faults(first_day, months, days))
    first_day = None if first_day is None else _date(first_day)
    clock = study_clock(axes, zone)
    is_apart = len({axis.time[0].utcoffset() for axis in axes if axis.time is not None}) > 1
    if clock is not None:
        axes = _on_clock(axes, clock, first_day is None)
    dated = [axis for axis in axes if axis.time is not None]
    if first_day is not None and dated and not any(covers(axis, first_day) for axis in dated):
        chosen_steps(dated[0], first_day)  # refuses, and says which days there are
    chosen = [
        axis if axis.time is None and dated else chosen_steps(axis, in_year_of(axis, first_day), months, leap_day)
        for axis in axes
    ]
    if is_apart:
        chosen = [axis.part(slice(first, None)) for axis, first in zip(chosen, common_start(chosen), strict=True)]
        _refuse_empty(chosen)
    if days is not None:
        chosen = [axis if axis.time is None else axis.part(slice(round(days * 24.0 / axis.step_hours))) for axis in chosen]
    if clock is not None:
        ends = common_end(chosen, EDGE if is_apart else SPRING)
        chosen = [axis.part(slice(end)) for axis, end in zip(chosen, ends, strict=True)]
        _refuse_empty(chosen)
    return chosen


def _refuse_empty(axes: Sequence[Axis]) -> None:
    message = "covers no whole day that all sources have; give longer profiles, or choose another zone"
    refuse([f"{axis.source or 'a part'}: {message}" for axis in axes if not axis.n_steps])


def chosen_steps(
    axis: Axis, first_day: date | None = None, months: Sequence[int] = (), leap_day: bool = True, days: int | None = None
) -> Axis:
    """The steps from a day on, in some months, without 29 February; `days` is checked alone.

    Raises
    ------
    InputError
        See `fastp2p.Profiles.select`.
    """
    faults, source = _choice_faults(first_day, months, days), axis.source or "profiles"
    is_whole = first_day is None and not months and leap_day
    if axis.time is None and not is_whole:
        faults.append(f"{source}: has no dates; first_day, months and leap_day do not apply")
    refuse(faults)
    if axis.time is None or is_whole:
        return axis
    time, keep = axis.time, np.ones(axis.n_steps, bool)
    if first_day is not None:
        day = _date(first_day)
        keep &= np.array(time.date >= day) & bool(time[0].date() <= day)
    if months:
        keep &= time.month.isin(months)
    if not leap_day:
        keep &= ~((time.month == 2) & (time.day == 29))
    if not keep.any():
        wanted = [f"from {first_day}"] * (first_day is not None)
        wanted += [f"in months {', '.join(map(str, months))}"] * bool(months)
        covered = f"{time[0]:%Y-%m-%d} to {time[-1]:%Y-%m-%d}"
        raise InputError(f"{source}: covers {covered}; none of that is {' and '.join(wanted)}")
    return axis.part(np.flatnonzero(keep))


def stretch_faults(first_days: Sequence[date], days: int | None) -> list[str]:
    """What keeps stretches of days, one from each of several first days, from being steps of one axis."""
    shown = ", ".join(str(one) for one in first_days)
    faults = [fault for one in first_days for fault in _choice_faults(one, (), None)]
    if not first_days or faults:
        return faults or ["first_day lists no day; leave it out for all days"]
    starts = [_date(one) for one in first_days]
    if days is None:
        return [f"first_day = {shown}: with several first days, days must say how many days begin with each"]
    if any((later - earlier).days < days for earlier, later in pairwise(starts)):
        return [f"first_day = {shown}: must be ascending, and {days} days or more apart"]
    return []


def _choice_faults(first_day: date | None, months: Sequence[int], days: int | None) -> list[str]:
    """What is wrong with a choice of days, whatever it is made from."""
    faults = []
    if first_day is not None and (not isinstance(first_day, date) or pd.isna(first_day)):
        faults.append(f"first_day = {first_day!r}: must be a date")
    if not isinstance(months, Sequence) or not all(_is_whole(one, 1, 12) for one in months):
        faults.append(f"months = {months!r}: must list months 1 to 12")
    if days is not None and not _is_whole(days, 1, MOST_DAYS):
        faults.append(f"days = {days!r}: must be a whole number in 1…{MOST_DAYS:,}")
    return faults


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _date(day: date) -> date:
    """The day of a date or a datetime, which Python does not compare with one another."""
    return date(day.year, day.month, day.day)


def _on_clock(axes: Sequence[Axis], clock: tzinfo, warns: bool) -> list[Axis]:
    """Every axis with dates on a clock, from its first midnight there on; may warn where all lose what comes before."""
    moved = [(axis, 0) if axis.time is None else days_on_clock(axis, clock) for axis in axes]
    dated = [(axis, cut) for axis, cut in moved if axis.time is not None]
    if warns and all(cut for _, cut in dated):  # of what only some lack, common_start warns
        warn_of_cut(dated[0][0])
    return [axis.part(slice(cut, None)) for axis, cut in moved]


def days_on_clock(axis: Axis, zone: str | tzinfo) -> tuple[Axis, int]:
    """A placed axis on another clock, and how many of its steps come before the first midnight there.

    Raises
    ------
    InputError
        An unknown zone; an axis on this clock that does not start at midnight, or one that has no midnight on it.
    """
    assert axis.time is not None
    clock = first_offset(zone, axis.time[0])
    time = axis.time.tz_convert(clock)
    if time[0] == time[0].normalize():
        return axis._replace(time=time), 0
    if axis.time[0].utcoffset() == time[0].utcoffset():
        raise InputError(
            f"{axis.source}: the first step starts at {time[0]:%H:%M} on {clock_name(time)}, not at midnight; drop rows, or "
            "give a zone in which it does"
        )
    found = np.flatnonzero(time == time[0].normalize() + DAY)
    if not len(found):
        raise InputError(
            f"{axis.source}: no step of {60 * axis.step_hours:g} min starts at midnight on {clock_name(time)}; bring it to "
            "shorter steps first, or choose another zone"
        )
    return axis._replace(time=time), int(found[0])


def warn_of_cut(axis: Axis) -> None:
    """Warn of steps before the first midnight of an axis."""
    assert axis.time is not None
    message = f"begins at {axis.time[0]:%Y-%m-%d %H:%M} on {clock_name(axis.time)}; the steps before midnight are left out"
    warnings.warn(f"{axis.source}: {message}", InputWarning, stacklevel=5)


def study_clock(axes: Sequence[Axis], zone: str | None) -> tzinfo | None:
    """The clock of several axes: the offset to UTC of a zone, or of the first axis that is placed; None where none is.

    Raises
    ------
    InputError
        An axis with dates that is not placed beside one that is, or beside a zone; one that does not start at midnight; a zone
        without dates, or an unknown one.
    """
    dated = [axis for axis in axes if axis.time is not None]
    late = [(axis.source, axis.time[0]) for axis in axes if axis.time is not None and not axis.is_placed]
    refuse([
        f"{source or 'profiles'}: the first step starts at {first:%H:%M}, not at midnight; drop steps"
        for source, first in late
        if first != first.normalize()
    ])  # fmt: skip
    if zone is not None and not dated:
        raise InputError(f"{axes[0].source or 'profiles'}: has no dates; the zone {zone} does not apply")
    placed = [axis for axis in dated if axis.is_placed]
    if zone is not None or placed:
        beside = f"{placed[0].source} has one" if placed else f"the axis is to be on the clock of {zone}"
        message = f"has no clock (no offset to UTC), and {beside}; {HOW_TO_SAY}"
        refuse([f"{axis.source or 'a part'}: {message}" for axis in dated if not axis.is_placed])
    if not placed or placed[0].time is None:
        return None
    first = placed[0].time
    return first_offset(zone, first[0]) if zone is not None else first.tz


def common_start(axes: Sequence[Axis]) -> list[int]:
    """How many steps of each axis come before the first day that all cover, where clocks begin their days apart."""
    starts = [axis.time[0] for axis in axes if axis.time is not None]
    if not starts or min(starts) == max(starts) or max(starts) - min(starts) > EDGE:
        return [0] * len(axes)
    late = next(axis for axis in axes if axis.time is not None and axis.time[0] == max(starts))
    warnings.warn(
        f"{late.source}: covers whole days from {max(starts):%Y-%m-%d} on, on {clock_name(late.time)}; the day before is "
        "left out of the other sources",
        InputWarning,
        stacklevel=4,
    )
    return [0 if axis.time is None else int(axis.time.searchsorted(max(starts))) for axis in axes]


def common_end(axes: Sequence[Axis], within: pd.Timedelta) -> list[int]:
    """How many steps of each axis lie before the end of the last day that all cover, where ends are so little apart."""
    dated = [axis for axis in axes if axis.time is not None]
    whole, ends = [axis.n_steps for axis in axes], [axis.end for axis in dated]
    if not ends or min(ends) == max(ends) or max(ends) - min(ends) > within:
        return whole
    first, end = dated[ends.index(min(ends))], min(ends).normalize()
    if end < min(ends):
        message = f"ends at {min(ends):%Y-%m-%d %H:%M} on {clock_name(first.time)}"
        warnings.warn(
            f"{first.source}: {message}; the steps from {end:%Y-%m-%d} on are left out of all sources",
            InputWarning,
            stacklevel=4,
        )
    return [axis.n_steps if axis.time is None else int(axis.time.searchsorted(end)) for axis in axes]


def in_year_of(axis: Axis, day: date | None) -> date | None:
    """The day, or the same day in the first year of an axis that has it."""
    if day is None or axis.time is None or covers(axis, day):
        return day
    for year in range(axis.time[0].year, axis.time[-1].year + 1):
        try:
            other = date(year, day.month, day.day)
        except ValueError:  # 29 February
            continue
        if covers(axis, other):
            return other
    return day


def covers(axis: Axis, day: date) -> bool:
    """Whether a day lies between the first and the last of an axis."""
    return axis.time is not None and axis.time[0].date() <= day <= axis.time[-1].date()


def repeat_faults(axis: Axis, n_steps: int) -> list[str]:
    """Why an axis cannot fill so many steps."""
    if axis.n_steps == n_steps:
        return []
    if axis.time is not None:
        message = f"{axis.source}: covers {axis.n_steps} of {n_steps} steps with dates, {axis.time[0]:%Y-%m-%d %H:%M} to "
        return [f"{message}{axis.time[-1]:%Y-%m-%d %H:%M}; choose days that all sources have (first_day, days, leap_day)"]
    of_a_day = round(24.0 / axis.step_hours)
    if axis.n_steps % of_a_day or -(-n_steps // of_a_day) % (axis.n_steps // of_a_day):
        return [f"{axis.source}: {axis.n_steps} steps do not repeat to {n_steps}; it must be whole days that divide the whole"]
    return []


def axis_faults(dated: Sequence[Axis]) -> list[str]:
    """A fault for every axis whose days of the year are not those of the first."""
    faults = []
    for axis in dated[1:]:
        one, other = dated[0].time, axis.time
        if one is None or other is None or len(one) != len(other):
            continue
        same = (one.month == other.month) & (one.day == other.day) & (one.hour == other.hour) & (one.minute == other.minute)
        if not same.all():
            at = int(np.flatnonzero(~same)[0])
            message = f"{axis.source} has {other[at]:%d %B %H:%M} where {dated[0].source} has {one[at]:%d %B %H:%M}"
            faults.append(f"{message}; choose days that all sources have")
    return faults
