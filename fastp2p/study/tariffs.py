"""Tariffs in a few words: a value at some hours of the day and another in the rest, or a column of a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, PrivateAttr, create_model, field_validator

from fastp2p.study.distributions import Number

Floats = NDArray[np.float64]

DAY_MINUTES = 1_440
LONGEST_HOURS = 1_000
"""Characters of a list of hours."""
SPAN = re.compile(r"(?a)\s*(\d{1,2})(?::(\d\d))?\s*[-–]\s*(\d{1,2})(?::(\d\d))?\s*")
SUCH = 'such as "7-10,17-21", "22-6" or "6:30-8:45"'


class _ByStep(BaseModel):
    """A tariff whose values the time axis decides; a run makes them once, and every worker gets them with the study."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    _per_step: Floats | None = PrivateAttr(None)

    @property
    def per_step(self) -> Floats | None:
        """(n_steps,) the values that `holding` was given."""
        return self._per_step

    def holding(self, per_step: Floats) -> Any:
        """The same tariff with its values on the axis of a run."""
        copy = self.model_copy()
        copy._per_step = per_step
        return copy

    def __eq__(self, other: object) -> bool:
        """Whether a study file says the same of both."""
        return type(self) is type(other) and vars(self) == vars(other)


class _Hours(_ByStep):
    """`value` at some hours of the day by the clock of the profiles, `else` in the others."""

    hours: str
    """Spans, from their first time to just before their second: "7-10,17-21", "22-6" over midnight, "6:30-8:45"."""
    value: Number
    weekend: Number | None = None
    """The value all day on Saturday and Sunday."""

    @field_validator("hours")
    @classmethod
    def _readable(cls, hours: str) -> str:
        spans_of(hours)
        return hours

    @property
    def otherwise(self) -> float:
        """The value of the key `else`, which is no name in Python."""
        found: float = getattr(self, "else")
        return found

    @property
    def values(self) -> tuple[float, ...]:
        """The two or three values."""
        return (self.value, self.otherwise) if self.weekend is None else (self.value, self.otherwise, self.weekend)

    @property
    def extremes(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        return min(self.values), max(self.values)


if TYPE_CHECKING:

    class ByHours(_Hours):
        """`value` at some hours of the day by the clock of the profiles, `else` in the others."""
else:
    ByHours = create_model("ByHours", __base__=_Hours, __module__=__name__, __doc__=_Hours.__doc__, **{"else": (Number, ...)})


class FromFile(_ByStep):
    """A column of a CSV or Parquet table."""

    file: str
    column: str
    zone: str | None = None
    """Clock of times that say no offset to UTC, such as "Europe/Berlin"."""

    @field_validator("file")
    @classmethod
    def _table(cls, file: str) -> str:
        if Path(file).suffix.lower() not in (".csv", ".parquet"):
            raise ValueError("must be a .csv or .parquet file")
        return file


def spans_of(hours: str) -> list[tuple[int, int]]:
    """The spans of a text such as "7-10,22-6": minutes after midnight from which on, and up to which.

    The second lies in 0…1440 and comes before the first where a span goes over midnight.

    Raises
    ------
    ValueError
        Spans that cannot be read, are of no time or overlap, all of them named.
    """
    if len(hours) > LONGEST_HOURS:
        raise ValueError(f"must have at most {LONGEST_HOURS:,} characters")
    found, faults = list[tuple[int, int]](), list[str]()
    taken: dict[int, str] = {}
    for text in hours.split(","):
        named = repr(text.strip())
        match = SPAN.fullmatch(text)
        if match is None:
            faults.append(f"{named} is no span of hours" if text.strip() else "a span is missing")
            continue
        start, end = (60 * int(match[i]) + int(match[i + 1] or 0) for i in (1, 3))
        if start >= DAY_MINUTES or end > DAY_MINUTES or any(int(match[i] or 0) > 59 for i in (2, 4)):
            faults.append(f"{named} goes beyond the day, 0:00 to 24:00")
        elif start == end:
            faults.append(f"{named} begins where it ends; all day is 0-24")
        else:
            of_span = {minute % DAY_MINUTES for minute in range(start, end if end > start else end + DAY_MINUTES)}
            faults += [f"{taken[one]} and {named} overlap" for one in sorted(of_span & taken.keys())[:1]]
            taken |= dict.fromkeys(of_span, named)
            found.append((start, end))
    if faults:
        raise ValueError(f"must list spans of hours {SUCH}; {'; '.join(faults[:5])}")
    return found
