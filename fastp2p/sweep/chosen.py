"""Some scenarios of a study, run alone: which ones, which tables are kept of them, and what is drawn of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import chain
from operator import index
from typing import Any

from fastp2p.arguments import described
from fastp2p.errors import InputError, some
from fastp2p.results.columns import TABLES
from fastp2p.results.points import point_keys
from fastp2p.results.results import Results
from fastp2p.study.model import Study

Stretches = tuple[range, ...]
"""Numbers of scenarios, rising: consecutive ones as a range."""


def choose(study: Study, scenarios: Any) -> Stretches | None:
    """The scenarios that a caller asks for; None for all of them.

    Raises
    ------
    InputError
        Numbers that the study does not have, and what are no numbers.
    """
    if scenarios is None:
        return None
    count = study.scenarios.count
    there = "0, the only one" if count == 1 else f"0 to {count - 1:,}"
    if isinstance(scenarios, range) and scenarios.step == 1 and 0 <= scenarios.start < scenarios.stop <= count:
        return (scenarios,)
    try:
        numbers = sorted({_number(one) for one in scenarios})
    except TypeError:
        raise InputError(f"scenarios must be numbers of scenarios, such as [3, 17], not {described(scenarios)}") from None
    if not numbers:
        raise InputError(f"scenarios names none; {study.name} has {there} at each share")
    if outside := [str(one) for one in numbers if not 0 <= one < count]:
        raise InputError(f"scenarios {some(outside)}: {study.name} has {there} at each share")
    begins = [one for before, one in zip([None, *numbers], numbers, strict=False) if before is None or one > before + 1]
    ends = [one + 1 for one, after in zip(numbers, [*numbers[1:], None], strict=True) if after is None or after > one + 1]
    return tuple(range(begin, end) for begin, end in zip(begins, ends, strict=True))


def _number(one: Any) -> int:
    if isinstance(one, bool | str):
        raise TypeError
    return index(one)


def numbers_in(text: str, count: int) -> Sequence[int]:
    """The numbers of ``17``, ``3,17`` or ``10-19``, of which a study has so many.

    Raises
    ------
    InputError
        If it is something else, or a range reaches beyond them.
    """
    found = [re.fullmatch(r"\s*(\d{1,12})(?:\s*-\s*(\d{1,12}))?\s*", piece, re.ASCII) for piece in text.split(",")]
    ranges = [range(int(one[1]), int(one[2] or one[1]) + 1) for one in found if one]
    if len(ranges) < len(found) or not all(ranges):
        raise InputError(f"--scenarios {text!r}: must be numbers and ranges of numbers that rise, such as 17 or 3,10-19")
    if over := [f"{one.start}-{one.stop - 1}" for one in ranges if len(one) > 1 and one.stop > count]:
        raise InputError(f"--scenarios {some(over)}: the study has {count:,} at each share, numbered from 0")
    return ranges[0] if len(ranges) == 1 else list(chain.from_iterable(ranges))


def stretches_text(chosen: Stretches | None) -> str | None:
    """Chosen scenarios in words: "3, 10-19"; None for all of them."""
    if chosen is None:
        return None
    return ", ".join(str(one.start) if len(one) == 1 else f"{one.start}-{one.stop - 1}" for one in chosen)


def stretches_in(text: str | None) -> Stretches | None:
    """What `stretches_text` has put in words."""
    if text is None:
        return None
    ends = [piece.split("-") for piece in text.split(", ")]
    return tuple(range(int(one[0]), int(one[-1]) + 1) for one in ends)


def kept_tables(study: Study, chosen: Stretches | None) -> tuple[str, ...]:
    """The tables that a run keeps: of chosen scenarios all, but histograms, which count the books of all scenarios."""
    return study.tables if chosen is None else tuple(table for table in TABLES if table != "histograms")


def n_cases(study: Study, chosen: Stretches | None) -> int:
    """Scenarios that are run, over all points."""
    return study.n_cases if chosen is None else study.scenarios.n_points * sum(map(len, chosen))


def first_chosen(results: Results) -> Results:
    """Of chosen scenarios the first one, at the last point: of the largest shares."""
    row = results.scenarios.drop_duplicates(point_keys(results.scenarios)).iloc[-1]
    tables: dict[str, Any] = {}
    for name, table in results.tables().items():
        keys = [*point_keys(table), "scenario"]
        tables[name] = table[(table[keys] == row[keys]).all(axis=1)].reset_index(drop=True)
    return replace(results, **tables)
