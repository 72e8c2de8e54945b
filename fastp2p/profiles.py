"""Load and PV profiles on the study's time axis."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.arguments import described, way_to
from fastp2p.arrays import floats, short_repr
from fastp2p.errors import InputError, refuse

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

KINDS = ("load", "pv")
MOST_DAYS = 10_000
UNITS = {"load": "kWh per home", "pv": "kWh per kWp"}


@dataclass(frozen=True, eq=False)
class Profiles:
    """Energy per step of one unit: a home (or a customer, or a bus), or a kWp of PV.

    Attributes
    ----------
    names : (n_profiles,) str
    kinds : (n_profiles,) str
        "load" or "pv".
    kwh_per_unit : (n_profiles, n_steps) float64, kWh per step
        Per home (load) or per kWp (PV).
    step_hours : float
    time : (n_steps,) DatetimeIndex or None
        Start of every step, on one clock without summer time; None where the source is no date's, such as a typical day.
    source : str
        Where they come from.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    kwh_per_unit: Floats
    step_hours: float = 1.0
    time: pd.DatetimeIndex | None = None
    source: str = ""

    def __post_init__(self) -> None:
        """Check what was given.

        Raises
        ------
        InputError
            Names, kinds and rows of different number, unknown kinds, negative or non-finite energy, no steps.
        """
        energy = floats("kwh_per_unit", self.kwh_per_unit)
        faults = []
        if energy.ndim != 2 or not energy.shape[1] or not len(self.names) == len(self.kinds) == len(energy):
            faults.append(
                f"kwh_per_unit has shape {energy.shape}; it must be (n_profiles, n_steps) for "
                f"{len(self.names)} names and {len(self.kinds)} kinds"
            )
        elif not (np.isfinite(energy) & (energy >= 0) & (energy <= 1e12)).all():
            faults.append("kwh_per_unit must be finite and not negative")
        faults += [f"a profile is of kind {kind!r}: must be load or pv" for kind in self.kinds if kind not in KINDS]
        if not (isinstance(self.step_hours, int | float) and 0 < self.step_hours < np.inf):
            faults.append(f"step_hours = {self.step_hours!r}: must be positive")
        if self.time is not None and energy.ndim == 2 and len(self.time) != energy.shape[1]:
            faults.append(f"time has {len(self.time)} stamps for {energy.shape[1]} steps")
        refuse(faults)
        object.__setattr__(self, "kwh_per_unit", energy)

    def __repr__(self) -> str:
        """What they are, in a few lines."""
        return short_repr(self, ("names", "kinds", "n_steps", "step_hours", "time", "source"))

    @classmethod
    def load(
        cls,
        source: str | Path = "typical_day",
        *,
        unit: str | None = None,
        zone: str | None = None,
        period_ending: bool = False,
        floor_area_sqft: float | None = None,
        units_represented: float | None = None,
        net: bool = False,
        year: int | None = None,
    ) -> Profiles:
        """Profiles by name or from a file as its source gives it; docs/profiles.md has the kinds.

        Parameters
        ----------
        source : str or Path
            `typical_day`; ``simbench:CODE``; a CSV or Parquet table, or one of NREL's End-Use Load Profiles; a Global Solar
            Atlas report (.xlsx, .json). `combined` puts several together.
        unit, zone, period_ending
            Of tables: the unit of columns that name none; the clock of the times, such as "Europe/Berlin", by default one
            without summer time; whether a time is the end of its step.
        floor_area_sqft, units_represented, net
            Of NREL's: the floor area of one customer (ComStock); what a file sums over that does not say so; whether PV is
            taken off.
        year
            Of the Atlas's: a calendar year made of its typical days.

        Raises
        ------
        InputError
            Missing, unreadable or oversized files, unknown units, gaps, doubled or unsorted times, missing, negative or
            non-finite values; every fault with its file, sheet, column and row.

        Warns
        -----
        InputWarning
            PV at night.
        """
        from fastp2p.io.profiles import read_profiles

        if not isinstance(source, str | Path):
            raise InputError(f"profiles are loaded by name or path, not by {described(source)}; {way_to('Profiles', source)}")
        options: dict[str, Any] = {
            "unit": unit,
            "zone": zone,
            "period_ending": period_ending,
            "floor_area_sqft": floor_area_sqft,
            "units_represented": units_represented,
            "net": net,
            "year": year,
        }
        return cls(*read_profiles(source, **options))

    @classmethod
    def combined(
        cls,
        parts: Sequence[Profiles],
        *,
        step_hours: float | None = None,
        first_day: date | None = None,
        months: Sequence[int] = (),
        leap_day: bool = True,
        days: int | None = None,
    ) -> Profiles:
        """Profiles of one or several sources on one axis; those without dates, such as a typical day, repeat.

        Parameters
        ----------
        parts : sequence of Profiles
            Those with dates must, once their days are chosen, have the same days of the year; the years may differ.
        step_hours : float, optional
            By default the finest step of the parts.
        first_day, months, leap_day, days
            What `select` takes, of every part with dates; a part of another year begins on the same day of its own.

        Raises
        ------
        InputError
            Names that are there twice, other days of the year, lengths that do not repeat, and what `select` and
            `resampled` refuse.
        """
        if not isinstance(parts, Sequence) or not parts or not all(isinstance(part, Profiles) for part in parts):
            raise InputError("combined takes a list of one or several Profiles")
        keys = [key for part in parts for key in zip(part.names, part.kinds, strict=True)]
        refuse([f"there are two {kind} profiles {name!r}" for name, kind in sorted(set(keys)) if keys.count((name, kind)) > 1])
        step = min(part.step_hours for part in parts) if step_hours is None else step_hours
        any_dated = any(part.time is not None for part in parts)
        chosen = []
        for part in (part if part.step_hours == step else part.resampled(step) for part in parts):
            if part.time is None and any_dated:
                chosen.append(part)  # a typical day is one of any day
            else:
                chosen.append(part.select(first_day=_in_year_of(part, first_day), months=months, leap_day=leap_day))
        dated = [part for part in chosen if part.time is not None]
        n_steps = max(part.n_steps for part in dated or chosen)
        refuse([fault for part in chosen for fault in _repeat_faults(part, n_steps)] + _axis_faults(dated))
        whole = cls(
            tuple(name for name, _ in keys),
            tuple(kind for _, kind in keys),
            np.vstack([np.tile(part.kwh_per_unit, n_steps // part.n_steps) for part in chosen]),
            step,
            dated[0].time if dated else None,
            "; ".join(part.source for part in chosen),
        )
        return whole if days is None else whole.select(days=days)

    def save(self, path: str | Path) -> None:
        """Write a CSV or Parquet table that `load` reads.

        Raises
        ------
        InputError
            A path of another ending, or that cannot be written.
        """
        from fastp2p.io.axis import ProfileTable
        from fastp2p.io.paths import expanded
        from fastp2p.io.tables import write_table

        write_table(
            expanded(path), ProfileTable(self.names, self.kinds, self.kwh_per_unit, self.step_hours, self.time, self.source)
        )

    def resampled(self, step_hours: float) -> Profiles:
        """The same energy in longer or shorter steps: sums of several, or equal parts of one.

        Raises
        ------
        InputError
            Steps that do not divide a day, are shorter than a minute, or no multiple or part of the ones there are.
        """
        if not (isinstance(step_hours, int | float) and 1.0 / 60.0 - 1e-9 <= step_hours <= 24.0 and _divides_a_day(step_hours)):
            raise InputError(f"step_hours = {step_hours!r}: must divide a day, and be a minute (1/60) or more")
        ratio = step_hours / self.step_hours
        times, parts = round(ratio), round(1.0 / ratio)
        if times > 1 and abs(ratio - times) < 1e-6 and self.n_steps % times == 0:
            kwh = self.kwh_per_unit.reshape(len(self.names), -1, times).sum(axis=2)
            time = None if self.time is None else self.time[::times]
        elif parts > 1 and abs(1.0 / ratio - parts) < 1e-6:
            kwh, time = np.repeat(self.kwh_per_unit / parts, parts, axis=1), self.time
            if time is not None:
                offsets = np.tile(np.arange(parts), self.n_steps) * np.timedelta64(round(step_hours * 3.6e12), "ns")
                time = time.repeat(parts) + offsets
        elif abs(ratio - 1.0) < 1e-6:
            return self
        else:
            raise InputError(
                f"{self.source or 'profiles'}: {self.n_steps} steps of {self.step_hours:g} h cannot be brought to "
                f"{step_hours:g} h; one must be a multiple of the other and divide the whole"
            )
        return replace(self, kwh_per_unit=kwh, step_hours=step_hours, time=time)

    def select(
        self,
        *,
        first_day: date | None = None,
        months: Sequence[int] = (),
        leap_day: bool = True,
        days: int | None = None,
    ) -> Profiles:
        """Some of the days; without any argument all of them.

        Parameters
        ----------
        first_day : date, optional
            Where to begin.
        months : sequence of int
            Those to keep, such as (12, 1, 2); by default all.
        leap_day : bool
            Whether to keep 29 February.
        days : int, optional
            How many days from there on; if there are fewer, they repeat from the first one, without dates.

        Raises
        ------
        InputError
            Days, months or a leap day of profiles that have no dates, or that there are not.
        """
        faults = []
        if first_day is not None and not isinstance(first_day, date):
            faults.append(f"first_day = {first_day!r}: must be a date")
        if not isinstance(months, Sequence) or not all(isinstance(one, int) and 1 <= one <= 12 for one in months):
            faults.append(f"months = {months!r}: must list months 1 to 12")
        if days is not None and not (isinstance(days, int) and 1 <= days <= MOST_DAYS):
            faults.append(f"days = {days!r}: must be a whole number in 1…{MOST_DAYS:,}")
        choosy = first_day is not None or bool(months) or not leap_day
        if self.time is None and choosy:
            faults.append(f"{self.source or 'profiles'}: has no dates; first_day, months and leap_day choose none")
        refuse(faults)
        chosen = self._of_dates(self.time, first_day, months, leap_day) if self.time is not None and choosy else self
        return chosen if days is None else chosen._for_days(days)

    def _of_dates(self, time: pd.DatetimeIndex, first_day: date | None, months: Sequence[int], leap_day: bool) -> Profiles:
        keep = np.ones(self.n_steps, bool)
        if first_day is not None:
            day = date(first_day.year, first_day.month, first_day.day)  # of a datetime, too
            keep &= np.array(time.date >= day) & bool(time[0].date() <= day)
        if months:
            keep &= time.month.isin(months)
        if not leap_day:
            keep &= ~((time.month == 2) & (time.day == 29))
        if not keep.any():
            wanted = [f"from {first_day}"] * (first_day is not None) + [f"in months {', '.join(map(str, months))}"] * bool(
                months
            )
            covered = f"{time[0]:%Y-%m-%d} to {time[-1]:%Y-%m-%d}"
            raise InputError(f"{self.source or 'profiles'}: covers {covered}; none of that is {' and '.join(wanted)}")
        return replace(self, kwh_per_unit=self.kwh_per_unit[:, keep], time=time[keep])

    def _for_days(self, days: int) -> Profiles:
        """So many days from the first on; if there are fewer, they repeat and are no longer dated."""
        n_steps = round(days * 24.0 / self.step_hours)
        if n_steps <= self.n_steps:
            return replace(
                self, kwh_per_unit=self.kwh_per_unit[:, :n_steps], time=None if self.time is None else self.time[:n_steps]
            )
        repeated = np.tile(self.kwh_per_unit, (1, -(-n_steps // self.n_steps)))
        return replace(self, kwh_per_unit=repeated[:, :n_steps], time=None)

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each profile."""
        return tuple(UNITS[kind] for kind in self.kinds)

    @property
    def n_steps(self) -> int:
        """Number of time steps."""
        return int(self.kwh_per_unit.shape[1])

    def row(self, name: str, kind: str) -> int:
        """Row of a profile.

        Raises
        ------
        InputError
            If there is no such profile of that kind.
        """
        refuse(self.missing((name,), kind))
        return list(zip(self.names, self.kinds, strict=True)).index((name, kind))

    def missing(self, names: tuple[str, ...], kind: str) -> list[str]:
        """A fault for each of the names that is no profile of that kind."""
        ours = [n for n, k in zip(self.names, self.kinds, strict=True) if k == kind]
        faults = []
        for name in names:
            if name not in ours:
                near = difflib.get_close_matches(name, ours, n=1)
                hint = f"; did you mean {near[0]!r}?" if near else ""
                faults.append(f"{kind}.profile: no {kind} profile {name!r}; there are {', '.join(ours) or 'none'}{hint}")
        return faults


def _divides_a_day(step_hours: float) -> bool:
    return abs(round(24.0 / step_hours) * step_hours - 24.0) < 1e-6


def _in_year_of(part: Profiles, day: date | None) -> date | None:
    """The day, or the same day of the year that a part has."""
    if day is None or part.time is None or part.time[0].date() <= day <= part.time[-1].date():
        return day
    try:
        return date(part.time[0].year, day.month, day.day)
    except ValueError:  # 29 February
        return day


def _repeat_faults(part: Profiles, n_steps: int) -> list[str]:
    """Why a part cannot fill so many steps."""
    if part.n_steps == n_steps:
        return []
    if part.time is not None:
        return [f"{part.source}: covers {part.n_steps} of {n_steps} steps with dates; choose days that all sources have"]
    if n_steps % part.n_steps or part.n_steps * part.step_hours % 24.0:
        return [f"{part.source}: {part.n_steps} steps do not repeat to {n_steps}; it must be whole days that divide the whole"]
    return []


def _axis_faults(dated: list[Profiles]) -> list[str]:
    """A fault for every part whose days of the year are not those of the first."""
    faults = []
    for part in dated[1:]:
        one, other = dated[0].time, part.time
        if one is None or other is None or len(one) != len(other):
            continue
        same = (one.month == other.month) & (one.day == other.day) & (one.hour == other.hour) & (one.minute == other.minute)
        if not same.all():
            at = int(np.flatnonzero(~same)[0])
            told = f"{part.source} has {other[at]:%d %B %H:%M} where {dated[0].source} has {one[at]:%d %B %H:%M}"
            faults.append(f"{told}; choose days that all sources have")
    return faults
