"""Errors a user may see: what is wrong, where, and the way out."""

from collections.abc import Sequence


class FastP2PError(Exception):
    """Base class of every error that fastp2p raises on purpose."""


class InputError(FastP2PError, ValueError):
    """Something the user gave is wrong; lists every fault found.

    Parameters
    ----------
    faults : str or sequence of str
        One sentence per fault: what, where, and what to do.
    """

    def __init__(self, faults: str | Sequence[str]) -> None:
        self.faults: tuple[str, ...] = (faults,) if isinstance(faults, str) else tuple(faults)
        super().__init__("\n".join(self.faults))

    def __reduce__(self) -> tuple[type["InputError"], tuple[tuple[str, ...]]]:
        return type(self), (self.faults,)


class InputWarning(UserWarning):
    """Something the user gave looks wrong, and is taken as it is."""


class SolverError(FastP2PError, RuntimeError):
    """The LP solver was handed arrays of the wrong length, or returned an unknown status."""


class NumberError(FastP2PError, ArithmeticError):
    """A run made numbers that are none, and no unknown ones; what they would have gone into is not written."""


def some(names: Sequence[str], most: int = 8) -> str:
    """Names in a line, the tail left out and counted."""
    return ", ".join(names[:most]) + (f", … ({len(names)})" if len(names) > most else "")


def refuse(faults: Sequence[str]) -> None:
    """Raise `InputError` if there is any fault.

    Raises
    ------
    InputError
        If `faults` is not empty.
    """
    if faults:
        raise InputError(faults)
