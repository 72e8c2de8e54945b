"""What may be stated of the zero sequence where a network has no data of its own, and how its loads may be connected."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from fastp2p.errors import refuse
from fastp2p.ranges import C0_PER_C1, ZERO_PER_POSITIVE
from fastp2p.text import nearest

STATED = {
    "r0_per_r1": "zero-sequence by positive-sequence resistance of lines",
    "x0_per_x1": "the same for their reactance",
    "c0_per_c1": "the same for their capacitance",
    "trafo_z0_per_z1": "zero-sequence by positive-sequence impedance of transformers, without a magnetising branch",
    "vector_group": "vector group of transformers: Dyn, YNyn or Yzn",
    "grid": '"ideal": external grids hold each phase, without an impedance',
}
"""By key: what it says. Each holds where an element has no data; only `grid` replaces them."""
VECTOR_GROUPS = ("Dyn", "YNyn", "Yzn")
PHASES = ("a", "b", "c", "balanced")
"""How something is connected: to one phase and neutral, or a third to each. Its place here is its code everywhere."""
BALANCED = PHASES.index("balanced")
NO_LOAD, UNEQUAL, DELTA = -1, -2, -3
"""Of a bus whose loads have no such code: it has none, they lie on two phases or unequally on three, one is in delta."""


def phase_stated(phases: int, zero_sequence: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What is stated of the zero sequence of a network of three phases; None for a balanced one.

    Raises
    ------
    InputError
        Other numbers of phases, unknown keys, numbers out of their ranges; all named.
    """
    is_known = _is_one_of(phases, (1, 3)) and not isinstance(phases, bool)
    faults = [] if is_known else [f"phases = {phases!r}: must be 1 or 3"]
    if zero_sequence is not None and not isinstance(zero_sequence, Mapping):
        faults.append(f"zero_sequence = {zero_sequence!r}: must be a mapping, such as {{'r0_per_r1': 4.0, 'x0_per_x1': 4.0}}")
        refuse(faults)
    stated = dict(zero_sequence or {})
    if stated and is_known and phases == 1:
        faults.append("zero_sequence is of networks with phases = 3; leave it out, or ask for three phases")
    for key, value in stated.items():
        if key not in STATED:
            near = nearest(str(key), list(STATED), n=1)
            faults.append(
                f"zero_sequence has no key {key!r}; " + (f"did you mean {near[0]}?" if near else f"it has {', '.join(STATED)}")
            )
        elif key == "vector_group":
            is_known = _is_one_of(value, VECTOR_GROUPS)
            faults += [f"zero_sequence.vector_group = {value!r}: must be Dyn, YNyn or Yzn"] * (not is_known)
        elif key == "grid":
            faults += [f'zero_sequence.grid = {value!r}: must be "ideal"'] * (not _is_one_of(value, ("ideal",)))
        else:
            allowed = C0_PER_C1 if key == "c0_per_c1" else ZERO_PER_POSITIVE
            if isinstance(value, bool) or not isinstance(value, int | float) or not allowed.has(value):
                faults.append(f"zero_sequence.{key} = {value!r}: must be a number, {allowed}")
    refuse(faults)
    return stated if phases == 3 else None


def _is_one_of(value: Any, known: tuple[Any, ...]) -> bool:
    """Whether a value is among these; arrays are not, and cannot be asked."""
    return bool(np.ndim(value) == 0 and value in known)
