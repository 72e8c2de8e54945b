"""Arrays from whatever a caller gives, or a clear error; and objects that hold arrays in a few words."""

from dataclasses import fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError


def floats(name: str, value: Any) -> NDArray[np.float64]:
    """`value` as a C-contiguous float64 array.

    Raises
    ------
    InputError
        If it holds anything but numbers, or rows of unequal length.
    """
    try:
        return np.ascontiguousarray(value, np.float64)
    except (TypeError, ValueError) as error:
        raise InputError(f"{name} must be an array of numbers: {error}") from error


def integers(name: str, value: Any) -> NDArray[np.int64]:
    """`value` as a C-contiguous int64 array.

    Raises
    ------
    InputError
        If it holds anything but whole numbers.
    """
    try:
        given = np.asarray(value)
        if given.dtype == np.int64:
            return np.ascontiguousarray(given)
        numeric = given.size == 0 or np.issubdtype(given.dtype, np.number)
        if not numeric or not (np.isfinite(given) & (np.abs(given) < 2**62) & (given == np.floor(given))).all():
            raise ValueError("found something else")
        return np.ascontiguousarray(given, np.int64)
    except (TypeError, ValueError, OverflowError) as error:
        raise InputError(f"{name} must be an array of whole numbers: {error}") from error


def amount_faults(name: str, array: NDArray[np.float64]) -> list[str]:
    """A fault where a (n_books, n_bus) array holds a negative or non-finite number."""
    if is_between(array, 0.0):
        return []
    bad = ~(np.isfinite(array) & (array >= 0))
    place = tuple(int(i) for i in np.argwhere(bad)[0])
    where = f"book {place[0]}, bus {place[1]}" if len(place) == 2 else f"place {place}"
    return [f"{name}: {where} holds {array[place]:g}; quantities must be finite and not negative"]


def is_between(array: NDArray[np.float64], least: float = -np.inf) -> bool:
    """Whether every number is finite and at least `least`; two passes and no temporary array, NaN fails either."""
    if not array.size:
        return True
    low, high = array.min(), array.max()
    return bool(low >= least and np.isfinite(low) and np.isfinite(high))


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
    text = " ".join(repr(value).split())
    return text if len(text) <= LINE else f"{text[: LINE - 1]}…"
