"""Arrays from whatever a caller gives, or a clear error."""

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
