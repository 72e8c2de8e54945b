"""What a network of three phases has beside its balanced model: zero sequences, branches whose phases differ, its grids."""

from __future__ import annotations

from dataclasses import MISSING, dataclass, field, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import complexes, floats, integers, short_repr
from fastp2p.errors import InputError, refuse, some
from fastp2p.io.stated import BALANCED, DELTA, PHASES

__all__ = ["ALL_PHASES", "PHASES", "ZeroSequence", "bits_of", "phase_text"]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]

ALL_PHASES = 7
"""Of `ZeroSequence.phases`: a, b and c."""
RATIOS = (1e-2, 1e2)
"""How small and large a ratio of a transformer may be, as `Network.tap_ratio`."""
WHOLE = ("load_phase", "matrix_of", "phases")
OF_BUS, OF_GRID, OF_MATRIX = (
    ("load_phase", "phases", "bus_matrix_pu"),
    ("grid_zero_pu", "grid_negative_pu"),
    ("matrix_series_pu", "matrix_from_shunt_pu", "matrix_to_shunt_pu", "matrix_ratio"),
)


def _none() -> NDArray[Any]:
    return np.empty(0)


@dataclass(frozen=True, eq=False)
class ZeroSequence:
    """Zero-sequence model of a network's branches and the impedances of its external grids, per unit of 1 kVA and `base_kv`.

    The positive and the negative sequence of a branch are the network's own arrays; the negative one turns the other way.
    A branch whose phases are not alike has no sequences: it has matrices between the phases a, b, c.

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
    matrix_of : (n_branch,) int64, optional
        Row of a branch in the arrays `matrix_...`; -1, as by default, where it is given by its sequences. The network's
        own positive sequence of such a branch is that of the balanced model alone.
    matrix_series_pu : (n_matrices, 3, 3) complex128, optional
        Series impedance between the phases, behind the ideal transformer at `from_bus`; rows and columns of phases that the
        branch lacks are zero.
    matrix_from_shunt_pu, matrix_to_shunt_pu : (n_matrices, 3, 3) complex128, optional
        Admittance to ground and between phases at either end; zero by default.
    matrix_ratio : (n_matrices, 3) float64, optional
        Ratio of the ideal transformer of each phase, in place of `Network.tap_ratio`; one by default.
    bus_matrix_pu : (n_bus, 3, 3) complex128, optional
        Admittance to ground and between phases of what is connected at a bus besides its branches, such as a capacitor,
        beside `Network.bus_shunt_pu`; zero by default.
    phases : (n_bus,) uint8, optional
        Which phases a bus has: 1 for a, 2 for b, 4 for c, added; 7 by default.
    """

    __repr__ = short_repr
    series_pu: Complexes
    from_shunt_pu: Complexes
    to_shunt_pu: Complexes
    to_ground: NDArray[np.bool_]
    grid_zero_pu: Complexes
    grid_negative_pu: Complexes
    load_phase: NDArray[np.int8]
    matrix_of: Ints = field(default_factory=_none)
    matrix_series_pu: Complexes = field(default_factory=_none)
    matrix_from_shunt_pu: Complexes = field(default_factory=_none)
    matrix_to_shunt_pu: Complexes = field(default_factory=_none)
    matrix_ratio: Floats = field(default_factory=_none)
    bus_matrix_pu: Complexes = field(default_factory=_none)
    phases: NDArray[np.uint8] = field(default_factory=_none)

    def __post_init__(self) -> None:
        """Make every array of its type, and those that are left out.

        Raises
        ------
        InputError
            Arrays of other types, numbers that are not finite, impedances of none, matrices that do not fit together.
        """
        self._fill()
        faults: list[str] = []
        for one in fields(self):
            name = one.name
            array: NDArray[Any] = self._numbers(name, getattr(self, name))
            object.__setattr__(self, name, array)
            faults += [f"zero.{_at(name, place)} is not finite" for place in np.argwhere(~np.isfinite(array))[:1]]
        refuse(faults or self._shape_faults() or self._value_faults())
        object.__setattr__(self, "load_phase", self.load_phase.astype(np.int8))
        object.__setattr__(self, "phases", self.phases.astype(np.uint8))

    def _fill(self) -> None:
        """What stands for optional arrays that are empty."""
        n_bus, n_branch = np.size(self.load_phase), np.size(self.series_pu)
        n = len(self.matrix_series_pu) if np.ndim(self.matrix_series_pu) else 0
        square = np.zeros((n, 3, 3), np.complex128)
        for name, default in (
            ("matrix_of", np.full(n_branch, -1)),
            ("matrix_series_pu", square),
            ("matrix_from_shunt_pu", square),
            ("matrix_to_shunt_pu", square),
            ("matrix_ratio", np.ones((n, 3))),
            ("bus_matrix_pu", np.zeros((n_bus, 3, 3), np.complex128)),
            ("phases", np.full(n_bus, ALL_PHASES)),
        ):
            if np.size(getattr(self, name)) == 0:
                object.__setattr__(self, name, default)

    @staticmethod
    def _numbers(name: str, value: Any) -> NDArray[Any]:
        if name == "to_ground":
            return np.asarray(value, bool)
        kind = integers if name in WHOLE else floats if name == "matrix_ratio" else complexes
        array: NDArray[Any] = kind(f"zero.{name}", value)
        return array

    def _shape_faults(self) -> list[str]:
        """Matrices that are none, or of which there are not as many as others."""
        n = len(self.matrix_series_pu) if self.matrix_series_pu.ndim else 0
        faults = []
        for name in OF_MATRIX:
            shape, wanted = getattr(self, name).shape, (n, 3) if name == "matrix_ratio" else (n, 3, 3)
            faults += [f"zero.{name} has shape {shape}; it must be {wanted}"] * (shape != wanted)
        return faults

    def _value_faults(self) -> list[str]:
        """Numbers that cannot be."""
        n = len(self.matrix_series_pu)
        of_sequences = self.matrix_of == -1 if self.matrix_of.shape == self.series_pu.shape else True
        faults = [
            f"zero.series_pu[{place}] = 0: a branch needs an impedance"
            for place in np.flatnonzero((self.series_pu == 0.0) & of_sequences)[:1]
        ]
        least = {"load_phase": (DELTA, BALANCED), "phases": (1, ALL_PHASES), "matrix_of": (-1, n - 1)}
        for name, (low, high) in least.items():
            values = getattr(self, name)
            faults += [
                f"zero.{name}[{place}] = {values[place]}: must be {low}…{high}"
                for place in np.flatnonzero((values < low) | (values > high))[:1]
            ]
        faults += [
            f"zero.matrix_ratio[{row}, {phase}] = {self.matrix_ratio[row, phase]}: must be {RATIOS[0]:g}…{RATIOS[1]:g}"
            for row, phase in np.argwhere((self.matrix_ratio < RATIOS[0]) | (self.matrix_ratio > RATIOS[1]))[:1]
        ]
        own = np.diagonal(self.matrix_series_pu, axis1=1, axis2=2) != 0.0
        faults += [
            f"zero.matrix_series_pu[{row}] = 0: a branch needs an impedance" for row in np.flatnonzero(~own.any(axis=1))[:1]
        ]
        beside = ~(own[:, :, None] & own[:, None, :])
        for name in OF_MATRIX[:3]:
            wrong = np.flatnonzero(((getattr(self, name) != 0.0) & beside).any(axis=(1, 2)))
            faults += [
                f"zero.{name}[{row}] has numbers beside phases {phase_text(int(bits_of(own[row])))}, the only ones with an "
                "impedance of their own; rows and columns of the others must be zero"
                for row in wrong[:1]
            ]
        return faults

    def check(self, n_bus: int, n_branch: int, n_reference: int) -> None:
        """Refuse arrays that are not of a network of this size.

        Raises
        ------
        InputError
            If a length differs.
        """
        for one in fields(self):
            if one.name in OF_MATRIX:
                continue
            wanted: tuple[int, ...] = (n_bus if one.name in OF_BUS else n_reference if one.name in OF_GRID else n_branch,)
            wanted += (3, 3) if one.name == "bus_matrix_pu" else ()
            shape = getattr(self, one.name).shape
            if shape != wanted:
                raise InputError(f"zero.{one.name} has shape {shape}; it must be {wanted}")
        beside = ~(self.has_phase[:, :, None] & self.has_phase[:, None, :])
        for bus in np.flatnonzero(((self.bus_matrix_pu != 0.0) & beside).any(axis=(1, 2)))[:1]:
            raise InputError(f"zero.bus_matrix_pu[{bus}] has numbers beside phases {phase_text(self.phases[bus])} of that bus")

    @cached_property
    def is_plain(self) -> bool:
        """Whether all is given by sequences, and every bus has three phases."""
        return not len(self.matrix_series_pu) and not self.bus_matrix_pu.any() and bool((self.phases == ALL_PHASES).all())

    @cached_property
    def has_phase(self) -> NDArray[np.bool_]:
        """(n_bus, 3) whether a bus has the phases a, b, c."""
        return _has(self.phases)

    @cached_property
    def branch_phases(self) -> NDArray[np.uint8]:
        """(n_branch,) which phases a branch has, as `phases` of buses."""
        own = np.diagonal(self.matrix_series_pu, axis1=1, axis2=2) != 0.0
        return np.append(bits_of(own), np.uint8(ALL_PHASES))[self.matrix_of]

    @cached_property
    def branch_has_phase(self) -> NDArray[np.bool_]:
        """(n_branch, 3) whether a branch has the phases a, b, c."""
        return _has(self.branch_phases)

    @cached_property
    def n_conductors(self) -> Floats:
        """(n_branch,) how many phases a branch has: each carries this part of `Network.limit_kw`."""
        n: Floats = self.branch_has_phase.sum(axis=1).astype(np.float64)
        return n

    @classmethod
    def required(cls) -> set[str]:
        """Names of the arrays that are not optional."""
        return {one.name for one in fields(cls) if one.default_factory is MISSING}

    def names_that_tell(self) -> list[str]:
        """Names of the arrays that say what it is: of the optional ones none where all is given by sequences."""
        required = self.required()
        return [one.name for one in fields(self) if one.name in required or not self.is_plain]

    def absent_faults(self, bus_id: Ints) -> list[str]:
        """Why there is no balanced model of the network, where buses lack phases."""
        lacks = np.flatnonzero(self.phases != ALL_PHASES)
        if not len(lacks):
            return []
        buses = some([f"{bus_id[bus]} (phases {phase_text(self.phases[bus])})" for bus in lacks.tolist()], 3)
        return [f"some buses lack phases, so there is no balanced model of the network: bus {buses}; set network.phases = 3"]


def bits_of(has: NDArray[np.bool_]) -> NDArray[np.uint8]:
    """Phases as `ZeroSequence.phases` has them, from whether there are a, b, c on the last axis."""
    bits: NDArray[np.uint8] = (has * np.array([1, 2, 4])).sum(axis=-1).astype(np.uint8)
    return bits


def phase_text(bits: int | np.uint8) -> str:
    """Phases for people, such as ``a and c``."""
    names = [name for place, name in enumerate(PHASES[:3]) if int(bits) >> place & 1]
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def _at(name: str, place: Ints) -> str:
    return f"{name}[{', '.join(str(one) for one in place.tolist())}]"


def _has(bits: NDArray[np.uint8]) -> NDArray[np.bool_]:
    has: NDArray[np.bool_] = (bits[:, None] & np.array([1, 2, 4], np.uint8)) != 0
    return has
