"""Errors a user may see: what is wrong, where, and the way out."""

from collections.abc import Sequence

from fastp2p.text import LONGEST_NAME, shown_text

MOST_FAULTS = 100
"""Faults that an error spells out; it says how many more there are."""


class FastP2PError(Exception):
    """Base class of every error that fastp2p raises on purpose."""

    def __init__(self, text: str) -> None:
        super().__init__("\n".join(map(shown_text, text.split("\n"))))


class InputError(FastP2PError, ValueError):
    """Something the user gave is wrong; lists every fault found.

    Text that comes from a file or an argument is shown with escapes for what would steer a terminal.

    Parameters
    ----------
    faults : str or sequence of str
        One sentence per fault: what, where, and what to do. The first hundred are kept, the middle of long ones is left out.
    """

    def __init__(self, faults: str | Sequence[str]) -> None:
        given = (faults,) if isinstance(faults, str) else tuple(faults)
        further = len(given) - MOST_FAULTS
        if further > 1:  # not 1, so that an error that is pickled stays as it is
            given = (*given[:MOST_FAULTS], f"and {further:,} further faults")
        self.faults: tuple[str, ...] = tuple(map(shown_text, given))
        super().__init__("\n".join(self.faults))

    def __reduce__(self) -> tuple[type["InputError"], tuple[tuple[str, ...]]]:
        return type(self), (self.faults,)


class InputWarning(UserWarning):
    """Something the user gave looks wrong, and is taken as it is."""

    def __init__(self, text: str) -> None:
        super().__init__(shown_text(text))


class SolverError(FastP2PError, RuntimeError):
    """The LP solver was handed arrays of the wrong length, or returned an unknown status."""


class NumberError(FastP2PError, ArithmeticError):
    """A run made numbers that are none, and no unknown ones; what they would have gone into is not written."""


def some(names: Sequence[str], most: int = 8) -> str:
    """Names in a line, long ones shortened, the tail left out and counted."""
    return ", ".join(shown_text(name, LONGEST_NAME) for name in names[:most]) + (
        f", … ({len(names)})" if len(names) > most else ""
    )


def refuse(faults: Sequence[str]) -> None:
    """Raise `InputError` if there is any fault.

    Raises
    ------
    InputError
        If `faults` is not empty.
    """
    if faults:
        raise InputError(faults)
