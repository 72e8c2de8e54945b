"""Arrays from whatever a caller gives, or a clear error; and objects that hold arrays in a few words."""

from collections.abc import Container
from dataclasses import fields
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError

Number = TypeVar("Number", bound=np.generic)

LARGEST = 1e12
"""Largest energy, power or price that an array may hold: sums of products of them stay far from the largest float."""
OTHER_KINDS = {
    "b": "holds true and false; numpy.flatnonzero({name}) gives the positions of the true ones",
    "c": "holds complex numbers; give one part, such as {name}.real",
    "M": "holds dates; it must hold numbers",
    "m": "holds spans of time; divide them by a unit, such as {name} / numpy.timedelta64(1, 'h')",
    "O": "holds objects, such as missing numbers, texts or decimals; if all are numbers, {name}.astype(float) makes an array",
    "S": "holds texts; make them numbers with {name}.astype(float)",
    "U": "holds texts; make them numbers with {name}.astype(float)",
    "V": "holds records; give one of their fields",
}
"""By NumPy's kind of an array: why it is none of numbers, and the way to one."""
SHORTEST_HOURS, LONGEST_HOURS = 1e-4, 8784.0
"""What a step may last."""
DEEPEST = 3
"""Axes down to which a list is looked through for masked arrays."""


def floats(name: str, value: Any) -> NDArray[np.float64]:
    """`value` as a C-contiguous float64 array; true and false are 1 and 0.

    Raises
    ------
    InputError
        If it holds anything but real numbers, has a mask, or has rows of unequal length.
    """
    if type(value) is np.ndarray and value.dtype == np.float64:
        return np.ascontiguousarray(value)
    if type(value) is float:
        return np.array([value])
    given = _numbers(name, value, "numbers", "fiub")
    with np.errstate(over="ignore"):  # an extended float beyond the largest float64 becomes infinite, which checks refuse
        return np.ascontiguousarray(given, np.float64)


def read_only(array: NDArray[Number]) -> NDArray[Number]:
    """A view that kernels cannot write to: one they can write to is another type to numba, and compiles them once more."""
    view = array.view()
    view.flags.writeable = False
    return view


def integers(name: str, value: Any) -> NDArray[np.int64]:
    """`value` as a C-contiguous int64 array.

    Raises
    ------
    InputError
        If it holds anything but whole numbers, or has a mask.
    """
    if type(value) is np.ndarray and value.dtype == np.int64:
        return np.ascontiguousarray(value)
    given = _numbers(name, value, "whole numbers")
    wide = given if given.dtype.kind in "iu" else given.astype(np.longdouble)  # half floats end at 65504
    if not (np.isfinite(wide) & (np.abs(wide) < 2**62) & (wide == np.floor(wide))).all():
        raise InputError(f"{name} must be an array of whole numbers: found something else")
    return np.ascontiguousarray(given, np.int64)


def complexes(name: str, value: Any) -> NDArray[np.complex128]:
    """`value` as a C-contiguous complex128 array.

    Raises
    ------
    InputError
        If it holds anything but real or complex numbers, or has a mask.
    """
    return np.ascontiguousarray(_numbers(name, value, "complex numbers", "fiubc"), np.complex128)


def _numbers(name: str, value: Any, of: str, kinds: str = "fiu") -> NDArray[Any]:
    """`value` as NumPy sees it, if that is an array of numbers and nothing is lost."""
    if _has_mask(value, DEEPEST):
        raise InputError(_masked(name))
    try:
        given = np.asanyarray(value)
    except Exception as error:  # whatever `__array__` of another library raises
        raise InputError(f"{name} must be an array of {of}: {error}") from error
    if isinstance(given, np.ma.MaskedArray):
        raise InputError(_masked(name))
    if hasattr(value, "toarray"):
        raise InputError(f"{name} is a sparse array; make it dense with {name}.toarray()")
    if not given.size:
        return np.zeros(given.shape)
    if given.dtype.kind not in kinds:
        raise InputError(f"{name} {OTHER_KINDS.get(given.dtype.kind, OTHER_KINDS['O']).format(name=name)}")
    return np.asarray(given)


def _has_mask(value: Any, depth: int) -> bool:
    """Whether a value is a masked array, or a list in which one is."""
    if isinstance(value, np.ma.MaskedArray):
        return True
    return depth > 0 and isinstance(value, list | tuple) and any(_has_mask(one, depth - 1) for one in value)


def _masked(name: str) -> str:
    return f"{name} has a mask, which would be lost; {name}.filled(0.0) replaces masked values by a number, here 0"


def is_word(word: Any, known: Container[str]) -> bool:
    """Whether it is one of the known words; an array, which `in` would compare number by number, is none."""
    return isinstance(word, str) and word in known


def amount_faults(name: str, array: NDArray[np.float64]) -> list[str]:
    """A fault where a (n_books, n_bus) array holds a negative or non-finite number, or one beyond `LARGEST`."""
    if is_between(array, 0.0):
        return []
    place = tuple(int(i) for i in np.argwhere(~((array >= 0) & (array <= LARGEST)))[0])
    where = f"book {place[0]}, bus {place[1]}" if len(place) == 2 else f"place {place}"
    return [f"{name}: {where} holds {array[place]:g}; quantities must be finite, not negative, and {LARGEST:g} at most"]


def finite_faults(name: str, array: NDArray[np.float64], axis: str = "place") -> list[str]:
    """A fault where an array holds a number that is not finite, or beyond ±`LARGEST`, by its place on the first axis."""
    if is_between(array):
        return []
    place = tuple(int(i) for i in np.argwhere(~(np.abs(array) <= LARGEST))[0])
    where = f" in {axis} {place[0]}" if array.size > 1 else ""
    value = array[place]
    message = f"is {value:g}{where}; its absolute value must be at most {LARGEST:g}"
    return [f"{name} {message}" if np.isfinite(value) else f"{name} is not finite{where}"]


def hours_faults(step_hours: Any) -> list[str]:
    """A fault where the length of a step is none: not a number, or not between a second and a year."""
    is_number = isinstance(step_hours, int | float) and not isinstance(step_hours, bool)
    if is_number and SHORTEST_HOURS <= step_hours <= LONGEST_HOURS:
        return []
    return [f"step_hours = {_short(step_hours)}: must be positive, {SHORTEST_HOURS:g}…{LONGEST_HOURS:g} hours"]


def is_between(array: NDArray[np.float64], least: float = -LARGEST, most: float = LARGEST) -> bool:
    """Whether every number lies within two bounds; two passes and no temporary array, NaN fails either."""
    if array.size == 1:
        return least <= array.item() <= most
    return not array.size or bool(array.min() >= least and array.max() <= most)


LINE = 120
"""Characters of a line on the screen."""
FEW = 4
"""Entries of an array or list that are shown."""


def short_repr(self: Any, names: tuple[str, ...] = ()) -> str:
    """A few lines instead of all numbers: arrays as their type and shape, tables as their number of rows and columns.

    Parameters
    ----------
    self : object
        A dataclass or a named tuple, whose ``__repr__`` this may be.
    names : tuple of str
        Attributes to show; by default all fields.
    """
    names = names or getattr(self, "_fields", ()) or tuple(field.name for field in fields(self) if field.repr)
    parts = [f"{name}={_short(getattr(self, name))}" for name in names]
    line = f"{type(self).__name__}({', '.join(parts)})"
    return line if len(line) <= LINE else f"{type(self).__name__}(\n" + "".join(f"    {part},\n" for part in parts) + ")"


def _short(value: Any) -> str:
    """A value on one line."""
    if isinstance(value, np.ndarray):
        return repr(value.tolist()) if value.size <= FEW else f"{value.dtype} {' x '.join(map(str, value.shape))}"
    if hasattr(value, "iloc"):
        return f"{len(value):,} rows of {len(value.columns)} columns"
    if hasattr(value, "dtype") and hasattr(value, "__len__"):  # the stamps of an axis
        return f"{value[0]} … {value[-1]}" if len(value) else "none"
    if type(value) in (list, tuple) and len(value) > FEW:
        return f"[{', '.join(repr(one) for one in value[:FEW])}, … {len(value)} in all]"
    try:
        text = " ".join(repr(value).split())
    except ValueError:  # Python writes no numbers of more than 4300 digits
        return f"a {type(value).__name__} of very many digits"
    return text if len(text) <= LINE else f"{text[: LINE - 1]}…"
