"""The numbers of a run: headlines with intervals, and tables of all of them."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from fastp2p.report.facts import currency_of, period_of
from fastp2p.report.plain import (
    Cell,
    Heading,
    Table,
    decimals_for,
    first_rows,
    interval,
    number,
    number_cell,
    number_cells,
)
from fastp2p.report.runs import Run
from fastp2p.results.columns import COLUMNS, MONEY
from fastp2p.results.indicators import indicators_of
from fastp2p.results.points import POINT_KEYS, by_point, point_keys
from fastp2p.results.results import Results
from fastp2p.results.statistics import find_audit_rates
from fastp2p.study.model import Study

HEADLINES = {
    "executed_kwh": "Traded between neighbours",
    "import_kwh": "Bought from the retailer",
    "export_kwh": "Exported to the grid",
    "saving": "Saved by all participants",
    "self_sufficiency": "Self-sufficiency",
    "self_consumption": "Self-consumption",
    "peak_import_kw": "Peak import",
    "peak_export_kw": "Peak export",
    "worst_loading_percent": "Largest branch loading",
    "losses_kwh": "Losses",
}
"""Indicators at the top of a report, in words."""
EXTREMES = {"lowest_vm_pu": ("Lowest voltage", "min"), "highest_vm_pu": ("Highest voltage", "max")}
"""Of these the extreme of all scenarios is told, not the mean."""
EVENTS = {
    "cut": ("Something is cut", "the network does not carry some trade or export in full in some book"),
    "overload": ("Overload without trades", "a limit is broken in some book before any trade"),
    "broken": ("Still broken in AC", "what the clearing accepted breaks a limit in AC, or collapses, in some book"),
    "voltage": ("Voltage", "everything fed in without control breaks a voltage limit in some book, by AC"),
    "cable": ("Cable or transformer", "everything fed in without control breaks a current limit in some book, by AC"),
    "unbalance": ("Unbalance", "everything fed in without control breaks the limit of unbalance in some book, by AC"),
    "balanced_voltage": ("Voltage, balanced model", "the same as voltage, with a third of all power on each phase"),
    "balanced_cable": ("Cable, balanced model", "the same as cable, with a third of all power on each phase"),
}
"""Events whose probability is known, in few words and in a sentence."""
PARTICIPANTS = {
    "kwp": "PV",
    "battery_kwh": "Battery",
    "load_kwh": "Load",
    "pv_kwh": "PV energy",
    "bought_kwh": "Bought from neighbours",
    "sold_kwh": "Sold to neighbours",
    "bill": "Bill",
    "baseline_bill": "Bill without trading",
    "saving": "Saving",
}
SUMMARY = {
    "mean": "Mean",
    "mean_low": "from",
    "mean_high": "to",
    "median": "Median",
    "p5": "5th percentile",
    "p95": "95th percentile",
    "n": "Scenarios",
}
"""Columns of the table of all indicators."""
ABOUT = {column.name: column for column in COLUMNS}


class Card(NamedTuple):
    """One headline: what it is, its value and unit, and a line on what it covers."""

    label: str
    value: str
    unit: str
    about: str


def unit_of(name: str, study: Study) -> str:
    """The unit in which a report shows a column: shares in percent, money in the study's currency."""
    unit = ABOUT[name].unit if name in ABOUT else ""
    return currency_of(study) if unit == MONEY else "%" if unit == "1" and is_share(name) else "" if unit == "1" else unit


def is_share(name: str) -> bool:
    """Whether a column is a part of a whole, which a report shows in percent."""
    return name.endswith(("share", "_rate", "_probability")) or name in ("self_sufficiency", "self_consumption")


def scale_of(name: str) -> float:
    """What a column is multiplied by to be in the unit of `unit_of`."""
    return 100.0 if is_share(name) else 1.0


def headlines(run: Run) -> list[Card]:
    """The headlines of a run: of its one scenario, or means at the largest shares."""
    results = run.results
    *_, (point, rows) = by_point(results.scenarios)
    alone, summary = len(rows) == 1, run.summary_at(point)
    cards = []
    for name, label in HEADLINES.items():
        if name not in rows or not rows[name].notna().any():
            continue
        mean = scale_of(name) * float(rows[name].mean())
        digits = decimals_for(mean)
        ends = "" if alone else interval(*ends_of(summary, name), digits)
        pieces = [f"95 % interval {ends}" if ends else "", _without_trading(rows, name, digits)]
        cards.append(Card(label, number(mean, digits), unit_of(name, results.study), "; ".join(filter(None, pieces))))
    for name, (label, kind) in EXTREMES.items():
        if name in rows and rows[name].notna().any():
            cards.append(Card(label, number(float(rows[name].agg(kind)), 4), "p.u.", "" if alone else "of all these scenarios"))
    return cards


def ends_of(summary: dict[str, dict[Any, Any]], name: str) -> tuple[float, float]:
    """The confidence interval of an indicator's mean, in the unit of `unit_of`; NaN where it is not known."""
    row = summary.get(name, {"mean_low": np.nan, "mean_high": np.nan})
    return scale_of(name) * row["mean_low"], scale_of(name) * row["mean_high"]


def headlines_cover(results: Results) -> str:
    """What the headlines are of, in a sentence."""
    *_, (point, rows) = by_point(results.scenarios)
    if len(results.scenarios) == 1:
        return f"Of the one scenario, {period_of(results)}."
    of = "the one scenario" if len(rows) == 1 else f"{len(rows):,} scenarios"
    where = f" {point_words(point)}, the largest {'share' if len(point) == 1 else 'shares'}" if is_swept(results) else ""
    return f"{'Of' if len(rows) == 1 else 'Means of'} {of}{where}; each is of {period_of(results)}."


def _without_trading(rows: pd.DataFrame, name: str, digits: int) -> str:
    """The same without trading, where there is such a column."""
    base = ABOUT[name].baseline if name in ABOUT else ""
    return f"{number(float(rows[base].mean()), digits)} without trading" if base and base in rows else ""


def point_words(point: dict[str, float]) -> str:
    """Shares in words: "at 30 % PV, 50 % batteries"."""
    return "at " + ", ".join(f"{100.0 * value:.4g} % {POINT_KEYS[key]}" for key, value in point.items())


def keys_shown(table: pd.DataFrame) -> list[str]:
    """The columns that say at which shares a row is; none where all rows are at the same."""
    keys = point_keys(table)
    return keys if len(table[keys].drop_duplicates()) > 1 else []


def point_headings(keys: list[str]) -> list[Heading]:
    """Headings of these columns."""
    return [Heading(f"Share of {POINT_KEYS[key]}", "%") for key in keys]


def point_cells(point: dict[Any, Any], keys: list[str]) -> list[Cell]:
    """Shares as cells of these columns."""
    return [Cell(f"{100.0 * point[key]:.4g}", point[key]) for key in keys]


def headline_table(run: Run) -> Table:
    """The headlines at every share: means over the scenarios, each with its confidence interval below."""
    results = run.results
    scenarios, study = results.scenarios, results.study
    names = [name for name in HEADLINES if name in scenarios and scenarios[name].notna().any()]
    extremes = {name: about for name, about in EXTREMES.items() if name in scenarios and scenarios[name].notna().any()}
    means = [(point, rows, run.summary_at(point)) for point, rows in by_point(scenarios)]
    digits = {name: decimals_for([scale_of(name) * rows[name].mean() for _, rows, _ in means]) for name in names}
    table = []
    for point, rows, summary in means:
        cells = [number_cell(len(rows), 0)]
        for name in names:
            mean, place = scale_of(name) * rows[name].mean(), digits[name]
            cells.append(number_cell(mean, place, interval(*ends_of(summary, name), place)))
        cells += [number_cell(rows[name].agg(kind), 4) for name, (_, kind) in extremes.items()]
        table.append([*point_cells(point, keys_shown(scenarios)), *cells])
    headings = [*point_headings(keys_shown(scenarios)), Heading("Scenarios")]
    headings += [Heading(HEADLINES[name], unit_of(name, study), ABOUT[name].meaning) for name in names]
    headings += [Heading(label, "p.u.", f"{ABOUT[name].meaning}: of all scenarios") for name, (label, _) in extremes.items()]
    below = "; 95 % confidence intervals below" * run.is_sample
    caption = f"Headlines: means over the scenarios, each of {period_of(results)}{below}"
    return Table("headlines", caption, headings, table)


def probability_table(run: Run) -> Table:
    """How probable it is that a scenario has a book with an event."""
    found = run.probabilities
    events = [event for event in EVENTS if f"{event}_probability" in found]
    rows = []
    for row in found.to_dict("records"):
        cells = [*point_cells(row, keys_shown(found)), number_cell(row["n"], 0)]
        for event in events:
            ends = interval(100.0 * row[f"{event}_low"], 100.0 * row[f"{event}_high"], 1)
            cells.append(number_cell(100.0 * row[f"{event}_probability"], 1, ends))
        rows.append(cells)
    headings = [*point_headings(keys_shown(found)), Heading("Scenarios")]
    headings += [Heading(EVENTS[event][0], "%", EVENTS[event][1]) for event in events]
    caption = "Probability that a scenario has at least one book in which this happens; exact 95 % intervals below"
    return Table("probabilities", caption, headings, rows)


def summary_table(run: Run) -> Table:
    """Every indicator at every share: mean, median and quantiles over the scenarios; of one scenario its values."""
    results = run.results
    known, study, n = indicators_of(results.scenarios), results.study, len(results.scenarios)
    found, keys = run.summary, keys_shown(results.scenarios)
    found = found.sort_values("indicator", key=lambda names: names.map(known.index), kind="stable")
    columns = {"mean": "Value"} if n == 1 else SUMMARY
    rows = [
        [*_about(str(name), study), *_summary_cells(row, keys, list(columns))]
        for name, of_name in found.groupby("indicator", sort=False)
        for row in of_name.to_dict("records")
    ]
    headings = [Heading("Indicator"), Heading("Unit"), *point_headings(keys), *map(Heading, columns.values())]
    listed, note = first_rows(rows, len(rows))
    of = "of the scenario" if n == 1 else "over the scenarios" + ", with 95 % intervals of the means" * run.is_sample
    caption = f"All indicators {of}"
    return Table("summary", caption, headings, listed, f"Point at a name for its meaning. {note}".strip())


def _about(name: str, study: Study) -> list[Cell]:
    """The name of an indicator and its own unit."""
    unit = ABOUT[name].unit
    return [Cell(name, title=ABOUT[name].meaning), Cell(currency_of(study) if unit == MONEY else "" if unit == "1" else unit)]


def _summary_cells(row: dict[Any, Any], keys: list[str], columns: list[str]) -> list[Cell]:
    digits = max(decimals_for([row["mean"], row["p95"]]), 4 if ABOUT[row["indicator"]].unit == "p.u." else 0)
    return [*point_cells(row, keys), *(number_cell(row[one], 0 if one == "n" else digits) for one in columns)]


def bills_table(results: Results) -> Table | None:
    """What each household pays with and without trading, at the largest shares; None where participants were not kept."""
    if results.participants is None:
        return None
    *_, (point, rows) = by_point(results.participants)
    names = [name for name in PARTICIPANTS if name in rows]
    n_scenarios = rows["scenario"].nunique()
    means = rows.groupby("bus")[names].mean()
    columns = [number_cells(means[name].to_numpy(np.float64)) for name in names]
    headings = [
        Heading("Bus"),
        *(Heading(PARTICIPANTS[name], unit_of(name, results.study), ABOUT[name].meaning) for name in names),
    ]
    buses = [Cell(str(bus), float(bus)) for bus in means.index.tolist()]
    listed, note = first_rows((list(row) for row in zip(buses, *columns, strict=True)), len(means))
    if n_scenarios > 1:
        of = f"means of {n_scenarios:,} scenarios{' ' + point_words(point) if is_swept(results) else ''}"
    else:
        of = point_words(point) if is_swept(results) else "of the one scenario"
    return Table("bills", f"Bills by household in {period_of(results)}, {of}; a saving is positive", headings, listed, note)


def is_swept(results: Results) -> bool:
    """Whether there are several points."""
    return bool(keys_shown(results.scenarios))


def branch_table(results: Results) -> Table | None:
    """How loaded each branch is, most loaded first; None where branches were not kept."""
    if results.branches is None:
        return None
    *_, (point, rows) = by_point(results.branches)
    rows = rows[rows["scenario"] == rows["scenario"].min()]
    rows = rows.sort_values("max_loading_percent", ascending=False, na_position="last")
    texts = ["branch", "phase", "from_bus", "to_bus"]
    texts = [name for name in texts if name in rows]
    numbers = [
        "limit_kw",
        "largest_flow_kw",
        "p95_loading_percent",
        "max_loading_percent",
        "max_current_percent",
        "n_binding_books",
    ]
    numbers = [name for name in numbers if name in rows]
    columns = [[Cell(str(value)) for value in rows[name].tolist()] for name in texts]
    columns += [number_cells(rows[name].to_numpy(np.float64)) for name in numbers]
    headings = [Heading(name.replace("_", " ").capitalize()) for name in texts]
    headings += [
        Heading(_words(name), unit_of(name, results.study), ABOUT[name].meaning if name in ABOUT else "") for name in numbers
    ]
    listed, note = first_rows((list(row) for row in zip(*columns, strict=True)), len(rows), "loading")
    of = f" of scenario {int(rows['scenario'].iloc[0])} {point_words(point)}" if len(results.scenarios) > 1 else ""
    return Table("branches", f"Branches{of}, most loaded first", headings, listed, note)


def _words(name: str) -> str:
    """The name of a column without its unit, in words."""
    for ending in ("_kw", "_percent", "_kwh"):
        name = name.removesuffix(ending)
    return name.replace("_", " ").replace("n ", "").replace("p95", "95th percentile of").capitalize()


def audit_table(run: Run) -> Table | None:
    """How often the clearing and an AC power flow disagree; None without an audit."""
    results = run.results
    if "n_audited" not in results.scenarios:
        return None
    rates = {tuple(row[key] for key in point_keys(results.scenarios)): row for row in _rates(results)}
    table = []
    for point, rows in by_point(results.scenarios):
        rate = rates[tuple(point.values())]
        cells = [number_cell(rate["n_audited"], 0), number_cell(rate["n_books"], 0)]
        for name in ("broken", "needless_cut"):
            ends = interval(100.0 * rate[f"{name}_rate_low"], 100.0 * rate[f"{name}_rate_high"], 2) if run.is_sample else ""
            cells.append(number_cell(100.0 * rate[f"{name}_rate"], 2, ends))
        cells.append(number_cell(rows["n_audit_collapse"].sum(), 0))
        cells.append(number_cell(rows["worst_current_percent"].max(), 1))
        cells += [number_cell(rows["lowest_vm_pu"].min(), 4), number_cell(rows["highest_vm_pu"].max(), 4)]
        table.append([*point_cells(point, keys_shown(results.scenarios)), *cells])
    headings = [
        *point_headings(keys_shown(results.scenarios)),
        Heading("Audited books"),
        Heading("Books"),
        Heading("Broken", "%", "audited books in which what is executed breaks, in AC, a limit that the base keeps"),
        Heading("Needless cut", "%", "audited books with a cut although AC would have carried everything"),
        Heading("Collapsed", "", "audited books without an AC solution"),
        Heading("Largest loading by current", "%", ABOUT["worst_current_percent"].meaning),
        Heading("Lowest voltage", "p.u.", ABOUT["lowest_vm_pu"].meaning),
        Heading("Highest voltage", "p.u.", ABOUT["highest_vm_pu"].meaning),
    ]
    below = "; rates with 95 % intervals below" * run.is_sample
    caption = f"What an AC power flow says of the executed trades{below}; extremes of all audited books"
    return Table("audit", caption, headings, table)


def _rates(results: Results) -> list[dict[Any, Any]]:
    records: list[dict[Any, Any]] = find_audit_rates(results.scenarios).to_dict("records")
    return records
