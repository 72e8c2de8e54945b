"""The arrays of a network: their types and lengths, which bus and branch they name, and how large their numbers may be."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import complexes, floats, integers
from fastp2p.errors import InputError, some

Arrays = dict[str, NDArray[Any]]

WHOLE = ("bus_id", "known_id", "known_position", "load_bus", "reference_bus", "from_bus", "to_bus", "element_id")
COMPLEX = ("from_shunt_pu", "to_shunt_pu", "bus_shunt_pu")
TEXTS = ("load_kind", "element", "winding", "std_type", "ac_faults")
OF_LENGTH = {
    "bus": ("bus_id", "fixed_kw", "base_kv", "bus_shunt_pu"),
    "known bus": ("known_id", "known_position"),
    "bus with a load": ("load_bus", "load_kind"),
    "external grid": ("reference_bus", "reference_angle_rad", "slack_vm_pu"),
    "branch": (
        "from_bus", "to_bus", "susceptance_kw", "shift_rad", "limit_kw", "element", "element_id", "winding", "std_type",
        "ampacity_ka", "kw_per_ka", "rating_kw", "length_km", "rated_kv", "resistance_pu", "reactance_pu", "tap_ratio",
        "from_shunt_pu", "to_shunt_pu",
    ),
}  # fmt: skip
"""Arrays of one length, by the elements that they have a value for."""
PLACES = {"from_bus": 0, "to_bus": 0, "reference_bus": 0, "load_bus": 0, "known_position": -1}
"""Arrays of positions of buses, and the least that is one."""
SIZES = {
    "fixed_kw": (0.0, 1e15),
    "susceptance_kw": (1e-6, 1e18),
    "shift_rad": (0.0, 1e3),
    "reference_angle_rad": (0.0, 1e3),
    "base_kv": (1e-3, 1e4),
    "rated_kv": (1e-3, 1e4),
}
"""How small and large the size of a number may be. Wider than any real network by several orders, far from where squares and
products overflow or vanish: real susceptances of pandapower's networks lie between 1e3 and 1e13 kW per radian."""
AC_SIZES = {
    "resistance_pu": (0.0, 1e9),
    "reactance_pu": (0.0, 1e9),
    "tap_ratio": (1e-2, 1e2),
    "from_shunt_pu": (0.0, 1e15),
    "to_shunt_pu": (0.0, 1e15),
    "bus_shunt_pu": (0.0, 1e15),
    "slack_vm_pu": (1e-2, 1e2),
}
"""The same where the network has an AC model; NaN says that a branch of it has none."""
LEAST_IMPEDANCE_PU = 1e-18
MAY_BE_UNLIMITED = {"limit_kw": 1e15, "ampacity_ka": 1e15, "kw_per_ka": 1e15, "rating_kw": 1e15, "length_km": 1e15}
"""Largest number that is a limit; infinite for none, NaN where a branch has no such thing. `with_limits` and `clear` refuse
negative ones."""


def regular_arrays(given: dict[str, Any], faults: list[str]) -> Arrays:
    """Every array flat (`rated_kv`: two columns) and of its type; those that cannot be are added to `faults`."""
    arrays: Arrays = {}
    for name, value in given.items():
        try:
            if name in TEXTS:
                arrays[name] = np.ascontiguousarray(value, np.str_)
            else:
                as_array = integers if name in WHOLE else complexes if name in COMPLEX else floats
                arrays[name] = as_array(name, value)
        except InputError as error:
            faults += error.faults
    return arrays


def network_faults(arrays: Arrays) -> list[str]:
    """What keeps arrays from being those of a network: lengths, positions of buses, and sizes of numbers."""
    return _length_faults(arrays) or _place_faults(arrays) or _size_faults(arrays)


def _length_faults(arrays: Arrays) -> list[str]:
    faults = []
    for of, names in OF_LENGTH.items():
        n = len(arrays[names[0]])
        for name in names:
            shape = (n, 2) if name == "rated_kv" else (n,)
            if arrays[name].shape != shape:
                faults.append(f"{name} has shape {arrays[name].shape}; it must be {shape}, with a value for each {of}")
    return faults


def _place_faults(arrays: Arrays) -> list[str]:
    n_bus = len(arrays["bus_id"])
    faults = []
    for name, least in PLACES.items():
        wrong = np.flatnonzero((arrays[name] < least) | (arrays[name] >= n_bus))
        if len(wrong):
            faults.append(f"{name}[{wrong[0]}] = {arrays[name][wrong[0]]}: must be a position of a bus, 0…{n_bus - 1}")
    if not len(arrays["reference_bus"]):
        faults.append("reference_bus names no external grid; a network needs one")
    elif len(np.unique(arrays["reference_bus"])) != len(arrays["reference_bus"]):
        faults.append("reference_bus names a bus twice")
    if (np.diff(arrays["known_id"]) <= 0).any():
        faults.append("known_id must rise")
    return faults


def _size_faults(arrays: Arrays) -> list[str]:
    faults = []
    sizes = SIZES if len(arrays["ac_faults"]) else SIZES | AC_SIZES
    for name, (least, most) in sizes.items():
        size = np.abs(arrays[name])
        size = size.max(axis=1) if size.ndim == 2 else size
        if name in AC_SIZES:
            size[np.isnan(size)] = least
        faults += _size_faults_of(arrays, name, ~((size >= least) & (size <= most)), f"must have a size of {least:g}…{most:g}")
    for name, most in MAY_BE_UNLIMITED.items():
        size = np.abs(arrays[name])
        faults += _size_faults_of(
            arrays, name, np.isfinite(size) & (size > most), f"must be {most:g} at most, or inf for no limit"
        )
    if not len(arrays["ac_faults"]):
        impedance = np.hypot(arrays["resistance_pu"], arrays["reactance_pu"])
        rule = f"must, with its resistance, be an impedance of {LEAST_IMPEDANCE_PU:g} or more"
        faults += _size_faults_of(arrays, "reactance_pu", impedance < LEAST_IMPEDANCE_PU, rule)
    return faults


def _size_faults_of(arrays: Arrays, name: str, wrong: NDArray[np.bool_], rule: str) -> list[str]:
    """A fault for an array some of whose numbers are wrong, with the elements that they belong to."""
    at = np.flatnonzero(wrong).tolist()
    if not at:
        return []
    whose = some([f"{_owner(arrays, name, place)} {arrays[name][place]}" for place in at], 3)
    return [f"{name} of {whose}: {rule}; check what it is computed from: impedances, lengths, voltages, parallel, tap"]


def _owner(arrays: Arrays, name: str, place: int) -> str:
    """The element that a number of an array belongs to, as pandapower knows it."""
    if name in OF_LENGTH["branch"]:
        words: Iterable[Any] = (arrays[key][place] for key in ("element", "element_id", "winding"))
        return " ".join(str(word) for word in words).rstrip()
    if name in OF_LENGTH["external grid"]:
        return f"the external grid at bus {arrays['bus_id'][arrays['reference_bus'][place]]}"
    return f"bus {arrays['bus_id'][place]}"
