"""The report of a region, and of two regions side by side."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np

from fastp2p.citation import citation
from fastp2p.report import facts
from fastp2p.report.compare import SIDES, different_keys
from fastp2p.report.hosting import hosting_caption
from fastp2p.report.numbers import ABOUT, EVENTS, HEADLINES, scale_of, unit_of
from fastp2p.report.plain import Cell, Heading, Table, chart_data, decimals_for, first_rows, number_cell
from fastp2p.report.region_charts import region_charts
from fastp2p.report.region_numbers import (
    NONE_FIRST,
    Answers,
    failed_table,
    feeders_table,
    ranks_table,
    region_cards,
    region_cover,
    regions_table,
    totals_table,
    value_cell,
)
from fastp2p.report.runs import Run
from fastp2p.results.ranking import limiting_events, share_words
from fastp2p.results.region import hosting_quantile
from fastp2p.text import LONGEST_NAME, shown_text

PARTS = {0.5: "half of the feeders", 0.9: "nine of ten"}


def region_of(run: Run) -> dict[str, Any]:
    """What the template of a region shows: plain data."""
    answers = Answers.of(run)
    charts, hosting = region_charts(answers), hosting_lines(answers)
    tables = (totals_table(answers), regions_table(answers), ranks_table(answers))
    failures = (failed_table(run), facts.failure_table(run.results))
    return {
        **facts.about(run),
        "what": facts.what_it_is(run.results),
        "keys": facts.changed_keys(run.study),
        "cards": region_cards(answers),
        "cover": region_cover(answers),
        "hosting": hosting,
        "hosting_caption": hosting_caption(run.results) if hosting else "",
        "charts": charts,
        "feeders": feeders_table(answers),
        "tables": [table for table in tables if table is not None],
        "failures": [table for table in failures if table is not None],
        "citation": citation(),
        "data": {"charts": chart_data(charts)},
    }


def hosting_lines(answers: Answers) -> list[str]:
    """What half and nine of ten feeders host by each limit, and what limits how many first; none without hosting capacities."""
    if answers.ranked.empty:
        return []
    lines, tried = [], answers.run.results.scenarios["share"].unique()
    for event in limiting_events(answers.tables["hosting"]):
        parts = []
        for part, words in PARTS.items():
            share = hosting_quantile(answers.tables["distribution"], part, event=event)
            least = f"at least {100.0 * share:.4g} %" if share > 0.0 else f"not even {100.0 * min(tried[tried > 0.0]):.4g} %"
            parts.append(f"{words} host {least}")
        lines.append(f"Limited by {EVENTS[event][0].lower()}: {', '.join(parts)}, of the shares tried and by their weights.")
    limits = Counter(answers.ranked["limited_by"].fillna(""))
    named = [f"{EVENTS[limit][0].lower() if limit else NONE_FIRST}: {n:,}" for limit, n in limits.most_common()]
    return [*lines, f"Feeders by what limits them first: {'; '.join(named)}."]


def regions_side_by_side(one: Run, other: Run) -> dict[str, Any]:
    """What the template of two runs shows of two regions: plain data."""
    both = (Answers.of(one), Answers.of(other))
    charts = [{chart.key: chart for chart in region_charts(answers)} for answers in both]
    keys = [key for key in charts[0] if key in charts[1]]
    alone = [(side, chart) for side, of in zip(SIDES, charts, strict=True) for key, chart in of.items() if key not in keys]
    tables = (totals_side_by_side(*both), feeders_side_by_side(*both))
    views: dict[str, Any] = {}
    for side, of in zip(SIDES, charts, strict=True):
        views |= chart_data(list(of.values()), f"{side}-")
    return {
        "sides": [_side(side, answers) for side, answers in zip(SIDES, both, strict=True)],
        "keys": different_keys(one, other),
        "tables": [table for table in tables if table is not None],
        "pairs": [(charts[0][key], charts[1][key]) for key in keys],
        "alone": alone,
        "data": {"charts": views},
        "citation": citation(),
    }


def _side(side: str, answers: Answers) -> dict[str, Any]:
    hosting = hosting_lines(answers)
    return {
        "side": side,
        **facts.about(answers.run),
        "what": facts.what_it_is(answers.run.results),
        "cover": region_cover(answers),
        "hosting": hosting,
        "hosting_caption": hosting_caption(answers.run.results) if hosting else "",
    }


def totals_side_by_side(one: Answers, other: Answers) -> Table:
    """Totals and means of both at their largest shares, and what B has more than A."""
    found, rows = [of.at_last() for of in (one, other)], []
    for name in ("n_homes", *HEADLINES):
        if any(name not in of or np.isnan(of[name]["estimate"]) for of in found):
            continue
        units = list(dict.fromkeys(unit_of(name, of.run.study) for of in (one, other)))
        values = [scale_of(name) * of[name]["estimate"] for of in found]
        digits = decimals_for(values)
        cells = [value_cell(of[name], name, digits) for of in found]
        change = values[1] - values[0] if len(units) == 1 else np.nan
        part = 100.0 * change / abs(values[0]) if values[0] else np.nan
        meaning = ABOUT[name].meaning if name in ABOUT else ""
        label = "Homes" if name == "n_homes" else HEADLINES[name]
        kind = ", mean of the feeders" * (found[0][name]["kind"] == "mean")
        about = [Cell(label + kind, title=meaning), Cell(" / ".join(units))]
        rows.append([*about, *cells, number_cell(change, decimals_for([*values, change])), number_cell(part, 1)])
    headings = [Heading("Quantity"), Heading("Unit"), *map(Heading, ("A", "B", "B − A", "B − A in %"))]
    words = [of.last_words for of in (one, other)]
    where = f" {words[0]}" if words[0] == words[1] else "".join(f", {side} {of}" for side, of in zip(SIDES, words, strict=True))
    return Table("means", f"All feeders together{where.rstrip()}; 95 % intervals below", headings, rows)


def feeders_side_by_side(one: Answers, other: Answers) -> Table | None:
    """The hosting capacity of the feeders that both have; None where there are none."""
    if one.ranked.empty or other.ranked.empty:
        return None
    both = one.ranked.merge(other.ranked, on="feeder", suffixes=("_a", "_b"))
    if both.empty:
        return None
    rows = []
    for row in both.to_dict("records"):
        cells = [Cell(shown_text(row["feeder"], LONGEST_NAME))]
        for side in ("_a", "_b"):
            limit = row[f"limited_by{side}"]
            words = share_words(row[f"hosting_share{side}"], row[f"next_share{side}"])
            cells += [Cell(words, row[f"hosting_share{side}"]), Cell(EVENTS[limit][0] if limit else NONE_FIRST)]
        change = 100.0 * (row["hosting_share_b"] - row["hosting_share_a"])
        rows.append([*cells, number_cell(change, 1)])
    headings = [Heading("Feeder")]
    for side in SIDES:
        headings += [Heading(f"Hosting capacity of {side}"), Heading(f"{side} limited by")]
    listed, note = first_rows(rows, len(rows))
    alone = [len(of.ranked) - len(both) for of in (one, other)]
    note += "".join(f" {n:,} feeders are in {side} alone." for n, side in zip(alone, SIDES, strict=True) if n)
    change = Heading("B − A", "%", "of the largest shares of PV that are hosted")
    return Table(
        "hosting", "Feeders that both have, those that host least in A first", [*headings, change], listed, note.strip()
    )
