"""Load and PV profiles on the study's time axis."""

from __future__ import annotations

import difflib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import floats
from fastp2p.errors import InputError, refuse

Floats = NDArray[np.float64]

KINDS = ("load", "pv")


@dataclass(frozen=True, eq=False)
class Profiles:
    """Energy per step of one unit: a home, or a kWp of PV.

    Attributes
    ----------
    names : (n_profiles,) str
    kinds : (n_profiles,) str
        "load" or "pv".
    kwh_per_unit : (n_profiles, n_steps) float64, kWh per step
        Per home (load) or per kWp (PV).
    step_hours : float
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    kwh_per_unit: Floats
    step_hours: float = 1.0

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
        refuse(faults)
        object.__setattr__(self, "kwh_per_unit", energy)

    @classmethod
    def load(cls, source: str | Path = "typical_day") -> Profiles:
        """The shipped typical day, or a CSV or Parquet file in its layout.

        Columns ``profile, hour, load_kwh_per_home, pv_kwh_per_kwp``; one row per profile and hour, hours 0, 1, 2, … without
        gaps; exactly one of the two energy columns filled.

        Raises
        ------
        InputError
            Missing or unreadable file, missing columns, gaps, unequal lengths, negative or non-finite values; every fault
            with its file and row.
        """
        from fastp2p.io.profiles import read_profiles

        if not isinstance(source, str | Path):
            raise InputError(f"profiles are loaded by name or path, not by a {type(source).__name__}")
        return cls(*read_profiles(source))

    def repeated(self, times: int) -> Profiles:
        """The same profiles, `times` after one another."""
        return replace(self, kwh_per_unit=np.tile(self.kwh_per_unit, (1, times)))

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
