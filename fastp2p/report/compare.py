"""Two runs side by side: keys that differ, headlines with their differences, the same figures of both."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastp2p.citation import citation
from fastp2p.report import facts
from fastp2p.report.figures import charts_of
from fastp2p.report.hosting import hosting_caption, hosting_sentences
from fastp2p.report.numbers import (
    ABOUT,
    EVENTS,
    HEADLINES,
    ends_of,
    headlines_cover,
    is_swept,
    point_cells,
    point_headings,
    point_words,
    scale_of,
    unit_of,
)
from fastp2p.report.plain import Cell, Chart, Heading, Table, decimals_for, interval, number_cell
from fastp2p.report.runs import Run
from fastp2p.results.points import by_point, point_keys

SIDES = ("A", "B")
MEANS = (
    "executed_kwh", "import_kwh", "export_kwh", "spilled_kwh", "bill", "saving", "least_saving", "n_worse_off",
    "self_sufficiency", "self_consumption", "peak_import_kw", "peak_export_kw", "worst_loading_percent", "losses_kwh",
)  # fmt: skip
"""Indicators whose means are compared."""
WORDS = {
    "spilled_kwh": "Surplus that is spilled",
    "bill": "Bills of all participants",
    "least_saving": "Least saving of a household",
    "n_worse_off": "Households that are worse off",
}


def comparison_of(one: Run, other: Run) -> dict[str, Any]:
    """What the template of two runs shows: plain data."""
    runs = (one, other)
    charts = [{chart.key: chart for chart in charts_of(run)} for run in runs]
    keys = [key for key in charts[0] if key in charts[1]]
    alone = [(side, chart) for side, of in zip(SIDES, charts, strict=True) for key, chart in of.items() if key not in keys]
    tables = (means_table(one, other), events_table(one, other))
    views = {f"{side}-{name}": view for side, of in zip(SIDES, charts, strict=True) for name, view in _views(of)}
    return {
        "sides": [_side(side, run) for side, run in zip(SIDES, runs, strict=True)],
        "keys": different_keys(one, other),
        "tables": [table for table in tables if table is not None],
        "pairs": [(charts[0][key], charts[1][key]) for key in keys],
        "alone": alone,
        "data": {"charts": views},
        "citation": citation(),
    }


def _views(charts: dict[str, Chart]) -> list[tuple[str, dict[str, Any]]]:
    return [(f"{chart.key}-{place}", view) for chart in charts.values() for place, view in enumerate(chart.views.values())]


def _side(side: str, run: Run) -> dict[str, Any]:
    """What one of the two is."""
    hosting = hosting_sentences(run) if run.is_sample else []
    return {
        "side": side,
        **facts.about(run),
        "what": facts.what_it_is(run.results),
        "cover": headlines_cover(run.results),
        "hosting": hosting,
        "hosting_caption": hosting_caption(run.results) if hosting else "",
    }


def different_keys(one: Run, other: Run) -> list[tuple[str, str, str]]:
    """The keys of the studies whose values differ, with both."""
    values = [{"name": facts.in_toml(run.study.name)} | facts.all_keys(run.study) for run in (one, other)]
    names = [name for name in dict.fromkeys([*values[0], *values[1]]) if all(_is_value(name, of) for of in values)]
    shown = [(name, values[0].get(name, facts.ABSENT), values[1].get(name, facts.ABSENT)) for name in names]
    return [row for row in shown if row[1] != row[2]]


def _is_value(name: str, values: dict[str, str]) -> bool:
    """Whether a study has no keys below this one: a section that is missing in the other study has."""
    return not any(key.startswith(f"{name}.") for key in values)


def _shared_points(one: Run, other: Run) -> tuple[list[str], list[tuple[dict[str, float], dict[str, float]]]]:
    """The points that both runs have; of runs that have none in common, the largest of each; and the keys of common ones."""
    keys = [point_keys(run.results.scenarios) for run in (one, other)]
    points = [[point for point, _ in by_point(run.results.scenarios)] for run in (one, other)]
    common = [point for point in points[0] if point in points[1]]
    if keys[0] == keys[1] and common:
        return keys[0], [(point, point) for point in common]
    return [], [(points[0][-1], points[1][-1])]


def means_table(one: Run, other: Run) -> Table:
    """Means of both runs at the points that both have, and what B has more than A."""
    keys, points = _shared_points(one, other)
    keys = keys if len(points) > 1 else []
    rows = []
    for name in MEANS:
        for at, there in points:
            found = [run.summary_at(point) for run, point in ((one, at), (other, there))]
            if all(name in of and not np.isnan(of[name]["mean"]) for of in found):
                units = list(dict.fromkeys(unit_of(name, run.study) for run in (one, other)))
                about = [Cell((HEADLINES | WORDS)[name], title=ABOUT[name].meaning), Cell(" / ".join(units))]
                rows.append([*about, *point_cells(at, keys), *_difference(name, found, same_unit=len(units) == 1)])
    where = "" if keys else _where(one, other, points[0])
    headings = [Heading("Quantity"), Heading("Unit"), *point_headings(keys), *map(Heading, ("A", "B", "B − A", "B − A in %"))]
    if max(len(run.results.scenarios) for run in (one, other)) == 1:
        return Table("means", f"The one scenario of either run{where}", headings, rows)
    note = "Intervals are of each run alone; where both have the same draws, the difference is known better than they say."
    return Table("means", f"Means over the scenarios of either run{where}; 95 % intervals below", headings, rows, note)


def _where(one: Run, other: Run, points: tuple[dict[str, float], dict[str, float]]) -> str:
    """At which shares two runs are compared, and how long they are where this differs."""
    lengths = [facts.length_of(run.results) for run in (one, other)]
    texts = [point_words(point) if is_swept(run.results) else "" for run, point in zip((one, other), points, strict=True)]
    if lengths[0] != lengths[1]:
        texts = [f"{text} over {length}".strip() for text, length in zip(texts, lengths, strict=True)]
    if texts[0] == texts[1]:
        return f" {texts[0]}" if texts[0] else ""
    return "".join(f", {side} {text}" for side, text in zip(SIDES, texts, strict=True) if text)


def _difference(name: str, found: list[dict[str, dict[Any, Any]]], *, same_unit: bool) -> list[Cell]:
    """Both means, the difference and its part of A; unknown between currencies."""
    means = [scale_of(name) * of[name]["mean"] for of in found]
    digits = decimals_for(means)
    cells = [number_cell(mean, digits, interval(*ends_of(of, name), digits)) for mean, of in zip(means, found, strict=True)]
    change = means[1] - means[0] if same_unit else np.nan
    part = 100.0 * change / abs(means[0]) if means[0] else np.nan
    return [*cells, number_cell(change, decimals_for([*means, change])), number_cell(part, 1)]


def events_table(one: Run, other: Run) -> Table | None:
    """Probabilities of events at the points that both have; None without any."""
    keys, points = _shared_points(one, other)
    if not keys or not (one.is_sample and other.is_sample) or max(len(run.results.scenarios) for run in (one, other)) == 1:
        return None
    rows = []
    for event, (label, meaning) in EVENTS.items():
        if any(f"{event}_probability" not in run.probabilities for run in (one, other)):
            continue
        for point, _ in points:
            cells = [_probability(run, point, event) for run in (one, other)]
            rows.append([Cell(label, title=meaning), *point_cells(point, keys), *cells])
    headings = [Heading("Event"), *point_headings(keys), Heading("A", "%"), Heading("B", "%")]
    return Table(
        "events", "Probability that a scenario has a book in which this happens; exact 95 % intervals below", headings, rows
    )


def _probability(run: Run, point: dict[str, float], event: str) -> Cell:
    found = run.probabilities
    row = found[(found[list(point)] == list(point.values())).all(axis=1)].to_dict("records")[0]
    ends = interval(100.0 * row[f"{event}_low"], 100.0 * row[f"{event}_high"], 1)
    return number_cell(100.0 * row[f"{event}_probability"], 1, ends)
