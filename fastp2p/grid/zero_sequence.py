"""What a network of three phases has beside its balanced model: zero sequences of branches, impedances of grids."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import complexes, integers, short_repr
from fastp2p.errors import InputError, refuse
from fastp2p.io.stated import BALANCED, DELTA, PHASES

__all__ = ["PHASES", "ZeroSequence"]
Complexes = NDArray[np.complex128]


@dataclass(frozen=True, eq=False)
class ZeroSequence:
    """Zero-sequence model of a network's branches and the impedances of its external grids, per unit of 1 kVA and `base_kv`.

    The positive and the negative sequence of a branch are the network's own arrays; the negative one turns the other way.

    Attributes
    ----------
    series_pu : (n_branch,) complex128
        Series impedance behind the ideal transformer at `from_bus`; where `to_ground`, from `to_bus` to the neutral.
    from_shunt_pu, to_shunt_pu : (n_branch,) complex128
        Admittance to ground at either end.
    to_ground : (n_branch,) bool
        Transformers with a delta or unearthed star at `from_bus`: no zero-sequence current passes through them.
    grid_zero_pu, grid_negative_pu : (n_reference,) complex128
        Impedance of the external grids; they hold the positive sequence at their buses.
    load_phase : (n_bus,) int8
        How the pandapower network's own loads are connected: a place in `PHASES`, or `NO_LOAD`, `UNEQUAL` or `DELTA` of
        `fastp2p.io.stated`.
    """

    __repr__ = short_repr
    series_pu: Complexes
    from_shunt_pu: Complexes
    to_shunt_pu: Complexes
    to_ground: NDArray[np.bool_]
    grid_zero_pu: Complexes
    grid_negative_pu: Complexes
    load_phase: NDArray[np.int8]

    def __post_init__(self) -> None:
        """Make every array of its type.

        Raises
        ------
        InputError
            Arrays of other types, numbers that are not finite, impedances of none.
        """
        faults: list[str] = []
        for one in fields(self):
            name, value = one.name, getattr(self, one.name)
            array: NDArray[Any] = np.asarray(value, bool) if name == "to_ground" else self._numbers(name, value)
            object.__setattr__(self, name, array)
            faults += [f"zero.{name}[{place}] is not finite" for place in np.flatnonzero(~np.isfinite(array))[:1]]
        faults += [
            f"zero.series_pu[{place}] = 0: a branch needs an impedance" for place in np.flatnonzero(self.series_pu == 0.0)[:1]
        ]
        known = (self.load_phase >= DELTA) & (self.load_phase <= BALANCED)
        faults += [
            f"zero.load_phase[{place}] = {self.load_phase[place]}: must be {DELTA}…{BALANCED}"
            for place in np.flatnonzero(~known)[:1]
        ]
        refuse(faults)
        object.__setattr__(self, "load_phase", self.load_phase.astype(np.int8))

    @staticmethod
    def _numbers(name: str, value: Any) -> NDArray[Any]:
        return (integers if name == "load_phase" else complexes)(f"zero.{name}", value)

    def check(self, n_bus: int, n_branch: int, n_reference: int) -> None:
        """Refuse arrays that are not of a network of this size.

        Raises
        ------
        InputError
            If a length differs.
        """
        for one in fields(self):
            wanted = (n_bus if one.name == "load_phase" else n_reference if one.name.startswith("grid") else n_branch,)
            shape = getattr(self, one.name).shape
            if shape != wanted:
                raise InputError(f"zero.{one.name} has shape {shape}; it must be {wanted}")
