"""Plain data for a page: tables, numbers as people read them, and texts and JSON that nothing takes for markup."""

from __future__ import annotations

import html
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.text import LONGEST, shown_text

MOST_ROWS = 1_000
"""Of a table on a page."""
MOST_DECIMALS = 4
DIGITS = 4
"""Digits that count in the largest number of a column."""


@dataclass(frozen=True)
class Cell:
    """A cell of a table: its text, the number that it is sorted by, a second line in small type, and a sentence on it."""

    text: str
    value: float | None = None
    below: str = ""
    title: str = ""


@dataclass(frozen=True)
class Heading:
    """What a column is headed by, its unit, and a sentence that says more."""

    text: str
    unit: str = ""
    title: str = ""


@dataclass(frozen=True)
class Table:
    """A table of a page, which can be sorted by each of its columns."""

    key: str
    caption: str
    headings: Sequence[Heading]
    rows: list[list[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Chart:
    """An interactive figure: one or several views of it, each with a name and what plotly draws."""

    key: str
    title: str
    caption: str
    views: dict[str, dict[str, Any]] = field(default_factory=dict)


def chart_data(charts: Sequence[Chart], prefix: str = "") -> dict[str, Any]:
    """What plotly draws, by the id of the element that it draws into."""
    return {f"{prefix}{chart.key}-{place}": view for chart in charts for place, view in enumerate(chart.views.values())}


def first_rows(rows: Iterable[list[Cell]], n: int, sorted_by: str = "") -> tuple[list[list[Cell]], str]:
    """Not more rows than a page should have, and a sentence where it has not all of them."""
    kept = [row for row, _ in zip(rows, range(MOST_ROWS), strict=False)]
    order = f" by {sorted_by}" if sorted_by else ""
    return kept, f"The first {len(kept):,} of {n:,} rows{order}; the folder has all of them." if n > len(kept) else ""


def decimals_for(values: Any) -> int:
    """Decimals with which the largest of some numbers has four digits; none where all of them are whole."""
    known = np.abs(np.asarray(values, np.float64))
    known = known[np.isfinite(known)]
    if (known == np.round(known)).all():
        return 0
    return int(np.clip(DIGITS - 1 - math.floor(math.log10(known.max())), 0, MOST_DECIMALS))


def number(value: float, decimals: int) -> str:
    """A number as people read it: thousands apart, a dash where it is unknown."""
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "∞" if value > 0 else "−∞"
    text = f"{value:,.{decimals}f}"
    text = text.removeprefix("-") if float(text.replace(",", "")) == 0.0 else text
    return text.replace("-", "−")


def number_cell(value: Any, decimals: int, below: str = "") -> Cell:
    """A number that can be sorted by."""
    known = float("nan") if value is None else float(value)
    return Cell(number(known, decimals), known if math.isfinite(known) else None, below)


def number_cells(values: Any, decimals: int | None = None) -> list[Cell]:
    """A column of numbers, with decimals that fit the largest of them."""
    numbers = np.asarray(values, np.float64)
    digits = decimals_for(numbers) if decimals is None else decimals
    return [number_cell(value, digits) for value in numbers.tolist()]


def interval(low: float, high: float, decimals: int) -> str:
    """An interval in words; nothing where it is not known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return ""
    return f"{number(low, decimals)} to {number(high, decimals)}"


def chart_text(text: str, most: int = LONGEST) -> str:
    """A text from elsewhere for plotly, which has HTML of its own, templates with %{…} and formulas between $."""
    return html.escape(shown_text(text, most)).replace("%{", "%&#123;").replace("$", "&#36;")


def plotted(values: Any, digits: int = 5) -> list[float | None]:
    """Numbers for plotly, rounded to so many digits; None where they are unknown."""
    numbers: NDArray[np.float64] = np.asarray(values, np.float64).ravel()
    return [float(f"{value:.{digits}g}") if math.isfinite(value) else None for value in numbers.tolist()]


def safe_json(value: Any) -> str:
    """JSON that may stand in a script element: ASCII, without a character that begins or ends markup.

    Raises
    ------
    ValueError
        If it holds NaN or an infinite number, which are not JSON.
    """
    text = json.dumps(value, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
