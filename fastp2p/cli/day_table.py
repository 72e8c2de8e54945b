"""The table of a single scenario: hours of a day, days of some weeks, weeks of a year."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.cli.console import known, make_table
from fastp2p.results.columns import columns_of

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table

    from fastp2p.results.results import Results

COLUMNS = {column.heading: name for name, column in columns_of("hours").items() if column.heading}
MOST_ROWS = 53
"""The weeks of a year."""
LENGTHS = {1: "day", 7: "week\nfrom", 364: "52 weeks\nfrom"}
"""Days that a row may stand for, and the heading of such rows; the first that gives at most `MOST_ROWS` rows is used."""


class Periods(NamedTuple):
    """What the rows of the table stand for: the period of every step, its label, and the heading of all labels."""

    of_step: NDArray[np.int64]
    labels: list[str]
    heading: str


def make_day_table(results: Results) -> Table:
    """Energy of the one scenario by hour, day or week, and of all of it; with the results of the audit, if there was one."""
    from fastp2p.results.statistics import count_audited

    audited = results.books is not None and "ac_status" in results.books
    of_power = "" if results.study.clearing.physics == "dc" else " (apparent power)"
    caption = f"energy in kWh, loading of the worst branch in %{of_power}"
    if audited:
        of_books = "" if results.study.audited_every == 1 else f" {count_audited(results.scenarios)}"
        caption += f", lowest and highest voltage in p.u.{of_books}"
    profiles = results.profiles
    periods = find_periods(profiles.n_steps, profiles.step_hours, profiles.time)
    voltages = ("lowest\nvoltage", "highest\nvoltage") * audited
    table = make_table(periods.heading, *COLUMNS, "worst\n%", *voltages, caption=caption)
    table.add_column("status")
    if audited:
        table.add_column("AC")
    if results.books is not None:
        for label, (_, books) in zip(
            periods.labels, results.books.groupby(periods.of_step[results.books["step"]]), strict=True
        ):
            states = [_states(books["status"], "free"), *([_states(books["ac_status"], "kept")] if audited else [])]
            table.add_row(label, *_amounts(books, audited, 3 if periods.heading == "hour" else 2), *states)
    table.add_section()
    whole = "day" if periods.heading == "hour" else "all"
    table.add_row(whole, *_amounts(results.scenarios, audited, 2), style="bold")
    return table


def find_periods(n_steps: int, step_hours: float, time: pd.DatetimeIndex | None) -> Periods:
    """Hours where there is a day at most; else the days, weeks or blocks of 52 weeks that fill no more than a screen or two.

    Those of profiles with dates are headed by the date, and days are the calendar's.
    """
    hours = np.arange(n_steps) * step_hours
    if n_steps * step_hours <= 24.0:
        firsts, of_step = np.unique(np.floor(hours + 1e-9).astype(np.int64), return_index=True, return_inverse=True)[1:]
        labels = [f"{hours[i]:g}" for i in firsts] if time is None else [f"{time[i]:%Y-%m-%d %H:%M}" for i in firsts]
        return Periods(of_step, labels, "hour")
    if time is None:
        days = np.floor(hours / 24.0 + 1e-9).astype(np.int64)
    else:
        dates = time.tz_localize(None).normalize()
        days = np.asarray((dates - dates[0]).days, np.int64)
    for length in LENGTHS:
        numbers, firsts, of_step = np.unique(days // length, return_index=True, return_inverse=True)
        if len(numbers) <= MOST_ROWS:
            break
    labels = [str(days[i] + 1) for i in firsts] if time is None else [f"{time[i]:%Y-%m-%d}" for i in firsts]
    return Periods(of_step, labels, LENGTHS[length] if time is not None or length == 1 else f"{LENGTHS[length]} day")


def _amounts(rows: pd.DataFrame, audited: bool, digits: int) -> list[str]:
    """Sums of energies, extremes of the others."""
    cells = [f"{rows[column].sum():.{digits}f}" for column in COLUMNS.values()]
    cells.append(f"{rows['worst_loading_percent'].max():.1f}")
    return cells + ([known(rows["lowest_vm_pu"].min(), 3), known(rows["highest_vm_pu"].max(), 3)] if audited else [])


def _states(of_books: pd.Series[Any], usual: str) -> str:
    """The one state of all books, or how many are in others than the usual one."""
    counts = of_books.astype(str).value_counts()
    if len(counts) == 1:
        return str(counts.index[0])
    return ", ".join(f"{count} {state}" for state, count in counts.items() if state != usual)
