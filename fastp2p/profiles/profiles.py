"""Load and PV profiles on the study's time axis."""

from __future__ import annotations

import re
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timezone
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastp2p.arguments import described, way_to
from fastp2p.arrays import floats, hours_faults, is_between, short_repr
from fastp2p.errors import InputError, InputWarning, refuse, some
from fastp2p.ranges import ENERGY_KWH, STEP_HOURS
from fastp2p.text import nearest

if TYPE_CHECKING:
    import pandas as pd

    from fastp2p.profiles.alignment import Axis

Floats = NDArray[np.float64]

KINDS = ("load", "pv", "net")
FEW = 3
"""Names that are not there and that have a message each."""
UNITS = {"load": "kWh per home", "pv": "kWh per kWp", "net": "kWh net"}


@dataclass(frozen=True, eq=False)
class Profiles:
    """Energy per step of one unit: a home (or a customer, or a bus), a kWp of PV, or whatever is metered as a whole.

    Attributes
    ----------
    names : (n_profiles,) str
    kinds : (n_profiles,) str
        "load", "pv" or "net".
    kwh_per_unit : (n_profiles, n_steps) float64, kWh per step
        Per home (load) or per kWp (PV); "net" is load less generation, and negative where more is fed in than drawn.
    step_hours : float
    time : (n_steps,) DatetimeIndex or None
        Start of every step, on one clock without summer time (one that changes is brought to the offset of its first stamp);
        None where the source is no date's, such as a typical day.
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
            Names, kinds and rows of different number, unknown kinds, energy that is not finite, or negative and not net, no
            steps, times that are not `step_hours` apart (but where whole days are left out).
        """
        energy = floats("kwh_per_unit", self.kwh_per_unit)
        faults = []
        if energy.ndim != 2 or not energy.shape[1] or not len(self.names) == len(self.kinds) == len(energy):
            faults.append(
                f"kwh_per_unit has shape {energy.shape}; it must be (n_profiles, n_steps) for "
                f"{len(self.names)} names and {len(self.kinds)} kinds"
            )
        elif energy.size and not is_between(energy, *ENERGY_KWH[:2]):
            size = np.where(np.array(self.kinds)[:, None] == "net", np.abs(energy), energy)
            for row, step in np.argwhere(~((size >= 0) & (size <= ENERGY_KWH.most)))[:1].tolist():
                where = f"profile {self.names[row]!r} holds {energy[row, step]:g} in step {step}"
                faults.append(f"kwh_per_unit must be finite and not negative (but of net), and lie in {ENERGY_KWH}; {where}")
        faults += [f"a profile is of kind {kind!r}: must be load, pv or net" for kind in self.kinds if kind not in KINDS]
        if wrong := hours_faults(self.step_hours):
            faults += wrong
        elif self.time is not None:
            from fastp2p.io.readers.axis import time_faults

            faults += time_faults(self.time, self.step_hours)
        if self.time is not None and energy.ndim == 2 and len(self.time) != energy.shape[1]:
            faults.append(f"time has {len(self.time)} stamps for {energy.shape[1]} steps")
        refuse(faults)
        object.__setattr__(self, "kwh_per_unit", energy)
        if self.time is not None and self.time.tz is not None and not isinstance(self.time.tz, timezone):
            from fastp2p.io.readers.clock import on_first_offset

            object.__setattr__(self, "time", on_first_offset(self.time))

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
        cumulative: bool = False,
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
            Atlas report (.xlsx, .json), an OpenDSS file (.dss). `combined` puts several together.
        unit, period_ending, cumulative
            Of tables: the unit of columns that name none; whether a time is the end of its step; whether the values are
            readings of a meter that counts on, of which a step has the difference of two.
        zone
            Clock such as "Europe/Berlin": of times that say no offset to UTC, by default one without summer time; others are
            brought to it. Either way it is the offset to UTC of the first time all year.
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
            PV at night; a profile that never falls, as a meter that counts on; a day cut off at the first midnight of a zone.
        """
        from fastp2p.profiles.sources import load_source

        if not isinstance(source, str | Path):
            raise InputError(f"profiles are loaded by name or path, not by {described(source)}; {way_to('Profiles', source)}")
        return load_source(
            source,
            unit=unit,
            zone=zone,
            period_ending=period_ending,
            cumulative=cumulative,
            floor_area_sqft=floor_area_sqft,
            units_represented=units_represented,
            net=net,
            year=year,
        )

    @classmethod
    def combined(
        cls,
        parts: Sequence[Profiles],
        *,
        zone: str | None = None,
        step_hours: float | None = None,
        first_day: date | Sequence[date] | None = None,
        months: Sequence[int] = (),
        leap_day: bool = True,
        days: int | None = None,
    ) -> Profiles:
        """Profiles of one or several sources on one axis; those without dates, such as a typical day, repeat.

        Parts that say where they are in time (their stamps have an offset to UTC) are aligned by instant, on one clock. Their
        days, once chosen, must be the same days of the year; the years may differ. Where the days of two clocks begin apart,
        the days at either end that not all parts cover are left out, with a warning.

        Parameters
        ----------
        parts : sequence of Profiles
        zone : str, optional
            Clock of the axis, such as "Europe/Berlin": the offset to UTC that it has at the first instant. By default that
            of the first part with dates.
        step_hours : float, optional
            By default the finest step of the parts.
        first_day, months, leap_day, days
            What `select` takes, of every part with dates; a part of another year begins on the same day of its own. Several
            first days, ascending, give so many days from each, one stretch after the other.

        Raises
        ------
        InputError
            Names that are there twice, parts of which only some say where they are in time, other days of the year, lengths
            that do not repeat, and what `select` and `resampled` refuse.

        Warns
        -----
        InputWarning
            Days that are left out.
        """
        from fastp2p.profiles.alignment import aligned_axes, axis_faults, repeat_faults, stretch_faults

        if not isinstance(parts, Sequence) or not parts or not all(isinstance(part, Profiles) for part in parts):
            raise InputError("combined takes a list of one or several Profiles")
        keys = [key for part in parts for key in zip(part.names, part.kinds, strict=True)]
        refuse(_doubled(keys))
        if isinstance(first_day, Sequence) and not isinstance(first_day, str):
            refuse(stretch_faults(first_day, days))
            return cls._joined(
                [
                    cls.combined(
                        parts, zone=zone, step_hours=step_hours, first_day=one, months=months, leap_day=leap_day, days=days
                    )
                    for one in first_day
                ]
            )
        step = min(part.step_hours for part in parts) if step_hours is None else step_hours
        finer = [part.resampled(step) if part.step_hours > step else part for part in parts]  # midnight may be within a step
        axes = aligned_axes([part._axis() for part in finer], zone, first_day, months, leap_day, days)
        aligned = [part._on(axis) for part, axis in zip(finer, axes, strict=True)]
        chosen = [part.resampled(step) if part.step_hours < step else part for part in aligned]
        dated = [part._axis() for part in chosen if part.time is not None]
        n_steps = max(axis.n_steps for axis in dated or [part._axis() for part in chosen])
        refuse([fault for part in chosen for fault in repeat_faults(part._axis(), n_steps)] + axis_faults(dated))
        whole = cls(
            tuple(name for name, _ in keys),
            tuple(kind for _, kind in keys),
            np.vstack([np.tile(part.kwh_per_unit, -(-n_steps // part.n_steps))[:, :n_steps] for part in chosen]),
            step,
            dated[0].time if dated else None,
            "; ".join(part.source for part in chosen),
        )
        return whole if days is None else whole.select(days=days)

    @classmethod
    def _joined(cls, stretches: Sequence[Profiles]) -> Profiles:
        """The same profiles in one stretch of days after the other."""
        times = [one.time for one in stretches if one.time is not None]
        if len(times) < len(stretches):
            raise InputError(f"{stretches[0].source}: does not have so many days from every first_day; choose fewer days")
        time: pd.DatetimeIndex = times[0].append(times[1:])  # type: ignore[assignment]
        return replace(
            stretches[0],
            kwh_per_unit=np.hstack([one.kwh_per_unit for one in stretches]),
            time=time,
        )

    def save(self, path: str | Path) -> None:
        """Write a CSV or Parquet table that `load` reads.

        Raises
        ------
        InputError
            A path of another ending, or that cannot be written.
        """
        from fastp2p.io.paths import expanded
        from fastp2p.io.readers.tables import write_table

        write_table(expanded(path), self.names, self.kinds, self.kwh_per_unit, self.step_hours, self.time)

    def resampled(self, step_hours: float) -> Profiles:
        """The same energy in longer or shorter steps: sums of several, or equal parts of one.

        Raises
        ------
        InputError
            Steps that do not divide a day, are shorter than a minute, or no multiple or part of the ones there are.
        """
        if hours_faults(step_hours) or not (
            STEP_HOURS.least - 1e-9 <= step_hours <= STEP_HOURS.most and _divides_a_day(step_hours)
        ):
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
        from fastp2p.profiles.alignment import chosen_steps

        chosen = self._on(chosen_steps(self._axis(), first_day, months, leap_day, days))
        return chosen if days is None else chosen._for_days(days)

    def _for_days(self, days: int) -> Profiles:
        """So many days from the first on; if there are fewer, the whole days repeat and are no longer dated."""
        n_steps, of_a_day = round(days * 24.0 / self.step_hours), round(24.0 / self.step_hours)
        if n_steps <= self.n_steps:
            return self._on(self._axis().part(slice(n_steps)))
        whole = self.n_steps - self.n_steps % of_a_day
        if not whole:
            raise InputError(
                f"{self.source or 'profiles'}: covers {self.n_steps * self.step_hours:g} h, no whole day to repeat"
            )
        if whole < self.n_steps:
            warnings.warn(
                f"{self.source or 'profiles'}: covers {whole // of_a_day} whole days, which repeat to {days} without dates; "
                f"the {(self.n_steps - whole) * self.step_hours:g} h after them are left out",
                InputWarning,
                stacklevel=3,
            )
        repeated = np.tile(self.kwh_per_unit[:, :whole], (1, -(-n_steps // whole)))
        return replace(self, kwh_per_unit=repeated[:, :n_steps], time=None)

    def _on(self, axis: Axis) -> Profiles:
        """The steps of this that an axis has, at its times."""
        kwh = self.kwh_per_unit if axis.n_steps == self.n_steps else self.kwh_per_unit[:, axis.steps]
        return replace(self, kwh_per_unit=kwh, time=axis.time)

    def _axis(self) -> Axis:
        from fastp2p.profiles.alignment import Axis

        return Axis(self.source, self.time, self.step_hours, np.arange(self.n_steps))

    @property
    def units(self) -> tuple[str, ...]:
        """Unit of each profile."""
        return tuple(UNITS[kind] for kind in self.kinds)

    @property
    def clock(self) -> str:
        """Where the dates are in time: "UTC+01:00", or that they do not say so."""
        from fastp2p.io.readers.clock import clock_name

        return "no dates" if self.time is None else clock_name(self.time) or "a clock that the source does not name"

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

    def of_buses(self, kind: str) -> tuple[str, ...]:
        """Names of the profiles of that kind that belong to a bus, ``bus_N``: those of ``profile = "by_bus"``."""
        named = zip(self.names, self.kinds, strict=True)
        return tuple(name for name, of in named if of == kind and re.fullmatch(r"bus_\d+", name))

    def missing(self, names: tuple[str, ...], kind: str, key: str = "") -> list[str]:
        """A fault for each of the names that is no profile of that kind; `key` of a study is where they are named."""
        key = key or f"{kind}.profile"
        ours = [n for n, k in zip(self.names, self.kinds, strict=True) if k == kind]
        known = set(ours)
        wrong = list(dict.fromkeys(name for name in names if name not in known))
        there = f"there are {some(ours) or 'none'}"
        if len(wrong) > FEW:
            return [f"{key}: no {kind} profiles {some(wrong)}; {there}"]
        near = {name: nearest(name, ours) for name in wrong}
        hints = {name: f"; did you mean {found[0]!r}?" if found else "" for name, found in near.items()}
        hints |= {name: f"; it is a {of} profile" for name, of in zip(self.names, self.kinds, strict=True) if name in hints}
        return [f"{key}: no {kind} profile {name!r}; {there}{hints[name]}" for name in wrong]


def _divides_a_day(step_hours: float) -> bool:
    return abs(round(24.0 / step_hours) * step_hours - 24.0) < 1e-6


def _doubled(keys: list[tuple[str, str]]) -> list[str]:
    """A fault for the first name that several profiles of a kind have, with how many more."""
    doubled = sorted(key for key, count in Counter(keys).items() if count > 1)
    more = f", and {len(doubled) - 1} more of two that have one name" if len(doubled) > 1 else ""
    return [f"there are two {kind} profiles {name!r}{more}" for name, kind in doubled[:1]]
