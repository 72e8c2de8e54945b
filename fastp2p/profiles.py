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

from fastp2p.arrays import floats
from fastp2p.errors import InputError, refuse

if TYPE_CHECKING:
    import pandas as pd

Floats = NDArray[np.float64]

KINDS = ("load", "pv")
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
        if not (np.isfinite(self.step_hours) and self.step_hours > 0):
            faults.append(f"step_hours = {self.step_hours}: must be positive")
        if self.time is not None and energy.ndim == 2 and len(self.time) != energy.shape[1]:
            faults.append(f"time has {len(self.time)} stamps for {energy.shape[1]} steps")
        refuse(faults)
        object.__setattr__(self, "kwh_per_unit", energy)

    @classmethod
    def load(
        cls,
        source: str | Path | Sequence[str | Path] = "typical_day",
        *,
        unit: str | None = None,
        zone: str | None = None,
        period_ending: bool = False,
        floor_area_sqft: float | None = None,
        units_represented: float | None = None,
        net: bool = False,
        year: int | None = None,
    ) -> Profiles:
        """Profiles by name or from files as their sources give them; docs/profiles.md has the kinds.

        Parameters
        ----------
        source : str, Path or several of them
            `typical_day`; ``simbench:CODE``; a CSV or Parquet table, or one of NREL's End-Use Load Profiles; a Global Solar
            Atlas report (.xlsx, .json). Several are put together on one axis.
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

        sources = [source] if isinstance(source, str | Path) else source
        if not isinstance(sources, Sequence) or not sources or not all(isinstance(one, str | Path) for one in sources):
            raise InputError(f"profiles are loaded by name or path, not by a {type(source).__name__}")
        options: dict[str, Any] = {
            "unit": unit,
            "zone": zone,
            "period_ending": period_ending,
            "floor_area_sqft": floor_area_sqft,
            "units_represented": units_represented,
            "net": net,
            "year": year,
        }
        return cls.combined([cls(*read_profiles(one, **options)) for one in sources])

    @classmethod
    def combined(cls, parts: Sequence[Profiles]) -> Profiles:
        """Profiles of several sources on one axis: the finest step, the longest time; shorter ones repeat.

        Raises
        ------
        InputError
            Names that are there twice, times that start on different days of the year, lengths that do not repeat.
        """
        if len(parts) == 1:
            return parts[0]
        step_hours = min(part.step_hours for part in parts)
        fine = [part.resampled(step_hours) for part in parts]
        n_steps = max(part.n_steps for part in fine)
        dated = [part for part in fine if part.time is not None]
        keys = [key for part in parts for key in zip(part.names, part.kinds, strict=True)]
        faults = [f"there are two {kind} profiles {name!r}" for name, kind in sorted(set(keys)) if keys.count((name, kind)) > 1]
        for part in fine:
            if n_steps % part.n_steps:
                faults.append(f"{part.source}: {part.n_steps} steps do not repeat to {n_steps}; choose days so that they do")
            elif part.time is not None and part.n_steps < n_steps:
                faults.append(f"{part.source}: covers {part.n_steps} dated steps of {n_steps}; choose the same days of all")
        starts = {part.source: part.time[0].strftime("%m-%d %H:%M") for part in dated if part.time is not None}
        if len(set(starts.values())) > 1:
            told = ", ".join(f"{source} on {start}" for source, start in starts.items())
            faults.append(f"profiles start on different days: {told}")
        refuse(faults)
        return cls(
            tuple(name for name, _ in keys),
            tuple(kind for _, kind in keys),
            np.vstack([np.tile(part.kwh_per_unit, n_steps // part.n_steps) for part in fine]),
            step_hours,
            dated[0].time if dated else None,
            "; ".join(part.source for part in parts),
        )

    def save(self, path: str | Path) -> None:
        """Write a CSV or Parquet table that `load` reads.

        Raises
        ------
        InputError
            A path of another ending, or that cannot be written.
        """
        from fastp2p.io.axis import ProfileTable
        from fastp2p.io.tables import write_table

        write_table(
            Path(path), ProfileTable(self.names, self.kinds, self.kwh_per_unit, self.step_hours, self.time, self.source)
        )

    def resampled(self, step_hours: float) -> Profiles:
        """The same energy in longer or shorter steps: sums of several, or equal parts of one.

        Raises
        ------
        InputError
            Steps that are no multiple or part of the ones there are, or that do not divide the profiles.
        """
        if not (isinstance(step_hours, int | float) and np.isfinite(step_hours) and step_hours > 0):
            raise InputError(f"step_hours = {step_hours!r}: must be positive")
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
        elif times == 1 and abs(ratio - 1.0) < 1e-6:
            return self
        else:
            raise InputError(
                f"{self.n_steps} steps of {self.step_hours:g} h cannot be brought to {step_hours:g} h; one must be a multiple "
                "of the other and divide the whole"
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
            How many days from there on; if there are fewer, they repeat from the first one.

        Raises
        ------
        InputError
            Days, months or a leap day of profiles that have no dates, or that there are not.
        """
        keep = np.ones(self.n_steps, bool)
        time = self.time
        if time is None and (first_day is not None or months or not leap_day):
            raise InputError(f"{self.source or 'profiles'}: has no dates; first_day, months and leap_day choose none")
        if time is not None:
            if first_day is not None:
                keep &= np.array(time.date >= first_day) & bool(time[0].date() <= first_day)
            if months:
                keep &= time.month.isin(months)
            if not leap_day:
                keep &= ~((time.month == 2) & (time.day == 29))
            if not keep.any():
                raise InputError(
                    f"{self.source}: covers {time[0]:%Y-%m-%d} to {time[-1]:%Y-%m-%d}; none of that is "
                    + " in ".join(
                        str(one) for one in (first_day and f"from {first_day}", months and f"months {tuple(months)}") if one
                    )
                )
        chosen = replace(self, kwh_per_unit=self.kwh_per_unit[:, keep], time=None if time is None else time[keep])
        return chosen if days is None else chosen._for_days(days)

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
