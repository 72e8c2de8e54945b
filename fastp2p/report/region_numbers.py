"""The numbers of a region: headlines of all feeders together, and tables of feeders, totals, regions and features."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from fastp2p.grid.features import FEATURES
from fastp2p.report.numbers import (
    ABOUT,
    EVENTS,
    EXTREMES,
    HEADLINES,
    Card,
    keys_shown,
    point_cells,
    point_headings,
    point_words,
    scale_of,
    unit_of,
)
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
from fastp2p.results.answers import answer_region
from fastp2p.results.points import by_devices, point_keys
from fastp2p.results.ranking import has_hosting, limiting_events, rank_hosting, share_words
from fastp2p.text import LONGEST_NAME, shown_text

FEEDER_FEATURES = ("furthest_km", "furthest_ohm", "kva_per_home", "rise_percent")
"""Beside the number of homes, features in the table of feeders."""
MOST_REASON = 300
NONE_FIRST = "none at the shares tried"


@dataclass(frozen=True)
class Answers:
    """What a region answers: its tables, of swept devices those at the largest shares, and the feeders that ran."""

    run: Run
    feeders: pd.DataFrame
    tables: dict[str, pd.DataFrame]
    devices: dict[str, float]
    ranked: pd.DataFrame
    """Without rows where there is no hosting capacity, since one share of PV was run or scenarios were chosen."""

    @classmethod
    def of(cls, run: Run) -> Answers:
        """The answers of a run."""
        results = run.results
        assert results.feeders is not None
        there = results.feeders["feeder"].isin(results.scenarios["feeder"].unique())
        tables, devices = answer_region(results.scenarios, results.feeders, run.probabilities), dict[str, float]()
        for name in ("hosting", "distribution", "ranks"):
            if len(tables[name]):
                *_, (devices, tables[name]) = by_devices(tables[name])
        ranked = rank_hosting(tables["hosting"])
        if not (has_hosting(results.scenarios) and run.is_sample):
            ranked = ranked.iloc[:0]
        return cls(run, results.feeders[there].reset_index(drop=True), tables, devices, ranked)

    @property
    def totals(self) -> pd.DataFrame:
        """Of all regions together; of chosen scenarios, which are no sample, without intervals."""
        totals = self.tables["totals"]
        ends = [str(name) for name in totals if str(name).endswith(("_low", "_high"))]
        return totals if self.run.is_sample else totals.assign(**dict.fromkeys(ends, np.nan))

    def at_last(self, region: str | None = None) -> dict[str, dict[Any, Any]]:
        """The totals at the largest shares by indicator, of a region or of all."""
        totals, keys = self.totals, point_keys(self.run.results.scenarios)
        here = totals["region"].isna() if region is None else totals["region"] == region
        rows = totals[here]
        rows = rows[(rows[keys] == rows[keys].iloc[-1]).all(axis=1)]
        return {str(row["indicator"]): row for row in rows.to_dict("records")}

    @property
    def last_words(self) -> str:
        """At which shares that is."""
        scenarios = self.run.results.scenarios
        keys = keys_shown(scenarios)
        totals = self.tables["totals"]
        return point_words(dict(totals[keys].iloc[-1])) if keys else ""


def value_cell(row: dict[Any, Any], name: str, digits: int) -> Cell:
    """A total or a mean with its interval."""
    scale = scale_of(name)
    ends = interval(scale * row["estimate_low"], scale * row["estimate_high"], digits)
    return number_cell(scale * row["estimate"], digits, ends)


def region_cards(answers: Answers) -> list[Card]:
    """The headlines: how many feeders and homes there are, and totals or means at the largest shares."""
    run, ran = answers.run, answers.feeders
    weight, homes = ran["weight"].sum(), (ran["weight"] * ran["n_homes"]).sum()
    stands = "" if (ran["weight"] == 1.0).all() else f"stand for {number(weight, decimals_for(weight))} by their weights"
    cards = [
        Card("Feeders", number(len(ran), 0), "", stands),
        Card("Homes", number(homes, decimals_for(homes)), "", "by the feeders' weights" * bool(stands)),
    ]
    found = answers.at_last()
    for name, label in HEADLINES.items():
        row = found.get(name)
        if row is None or np.isnan(row["estimate"]):
            continue
        scale = scale_of(name)
        digits = decimals_for(scale * row["estimate"])
        ends = interval(scale * row["estimate_low"], scale * row["estimate_high"], digits)
        pieces = ["" if row["kind"] == "total" else "mean of the feeders", f"95 % interval {ends}" if ends else ""]
        value = number(scale * row["estimate"], digits)
        cards.append(Card(label, value, unit_of(name, run.study), "; ".join(filter(None, pieces))))
    return cards


def region_cover(answers: Answers) -> str:
    """What the headlines are of, in a sentence."""
    n, where = len(answers.feeders), answers.last_words
    at = f" {where}, the largest share{'s' * (',' in where)}" if where else ""
    intervals = " Intervals take the feeders as a sample of more like them." if answers.run.is_sample and n > 1 else ""
    return f"Totals of {n:,} feeders, of each the mean over its scenarios{at}.{intervals}"


def feeders_table(answers: Answers) -> Table:
    """Every feeder: what it is, what it hosts and what limits it, what it trades and how loaded it is at the largest shares."""
    scenarios, ran = answers.run.results.scenarios, answers.feeders
    keys = point_keys(scenarios)
    last = scenarios[(scenarios[keys] == scenarios[keys].max()).all(axis=1)].groupby("feeder")
    worst = scenarios.groupby("feeder")
    order = list(answers.ranked["feeder"]) if len(answers.ranked) else list(ran["feeder"])
    rows = ran.set_index("feeder").loc[order]
    columns: list[tuple[Heading, list[Cell]]] = [(Heading("Feeder"), [Cell(shown_text(name, LONGEST_NAME)) for name in order])]
    if (rows["region"] != "").any():
        columns.append((Heading("Region"), [Cell(shown_text(one, LONGEST_NAME)) for one in rows["region"]]))
    if (rows["weight"] != 1.0).any():
        columns.append((Heading("Weight", "", "how many feeders it stands for"), number_cells(rows["weight"])))
    columns.append((Heading("Homes"), number_cells(rows["n_homes"], 0)))
    columns += _hosting_columns(answers.ranked)
    columns += _feature_columns(rows)
    for name, label in (("executed_kwh", "Traded"), ("import_kwh", "Bought from the retailer"), ("export_kwh", "Exported")):
        columns.append((Heading(label, "kWh", ABOUT[name].meaning), number_cells(last[name].mean().reindex(order))))
    loading = Heading("Largest branch loading", "%", "of any scenario at any share")
    columns.append((loading, number_cells(worst["worst_loading_percent"].max().loc[order], 1)))
    for name, (label, kind) in EXTREMES.items():
        if name in scenarios:
            of = Heading(label, "p.u.", "of any scenario at any share")
            columns.append((of, number_cells(worst[name].agg(kind).loc[order].to_numpy(np.float64, na_value=np.nan), 4)))
    listed, note = first_rows((list(row) for row in zip(*(cells for _, cells in columns), strict=True)), len(order))
    where = f"; energy {answers.last_words}" if answers.last_words else ""
    first = ", those that host least first" if len(answers.ranked) else ""
    return Table("feeders", f"Every feeder{first}{where}", [heading for heading, _ in columns], listed, note)


def _feature_columns(rows: pd.DataFrame) -> list[tuple[Heading, list[Cell]]]:
    about = {one.name: one for one in FEATURES}
    there = [name for name in FEEDER_FEATURES if name in rows and rows[name].notna().any()]
    return [(Heading(about[name].words, about[name].unit), number_cells(rows[name])) for name in there]


def _hosting_columns(ranked: pd.DataFrame) -> list[tuple[Heading, list[Cell]]]:
    if ranked.empty:
        return []
    records = ranked.to_dict("records")
    between = [Cell(share_words(one["hosting_share"], one["next_share"]), one["hosting_share"]) for one in records]
    sure = [Cell(share_words(one["hosting_share_low"], one["next_share_high"]), one["hosting_share_low"]) for one in records]
    limits = [Cell(EVENTS[one["limited_by"]][0] if one["limited_by"] else NONE_FIRST) for one in records]
    return [
        (Heading("Hosting capacity", "", "between which shares of PV that were tried"), between),
        (Heading("Limited by", "", "what ends it first"), limits),
        (Heading("With 95 % confidence", "", "what the draws leave open"), sure),
    ]


def totals_table(answers: Answers) -> Table:
    """Totals and means of all feeders together at every share."""
    scenarios, study = answers.run.results.scenarios, answers.run.study
    of_all = answers.totals[answers.totals["region"].isna()]
    keys = keys_shown(scenarios)
    events = [f"{event}_probability" for event in EVENTS]
    known = of_all[of_all["estimate"].notna()]["indicator"].unique()
    names = [name for name in (*HEADLINES, *events) if name in known]
    by_point = of_all.set_index([*point_keys(scenarios), "indicator"])
    places = of_all[point_keys(scenarios)].drop_duplicates().to_dict("records")
    digits = {
        name: decimals_for(scale_of(name) * of_all.loc[of_all["indicator"] == name, "estimate"].dropna()) for name in names
    }
    rows = []
    for place in places:
        cells = [value_cell(by_point.loc[(*place.values(), name)].to_dict(), name, digits[name]) for name in names]
        rows.append([*point_cells(place, keys), *cells])
    headings = [*point_headings(keys), *(_total_heading(name, answers, study) for name in names)]
    below = "; 95 % intervals below take the feeders as a sample of more" * (answers.run.is_sample and len(answers.feeders) > 1)
    return Table("totals", f"All feeders together{below}", headings, rows)


def _total_heading(name: str, answers: Answers, study: Any) -> Heading:
    """The heading of a total, or of a mean of feeders."""
    if name.endswith("_probability"):
        label, meaning = EVENTS[name.removesuffix("_probability")]
        return Heading(f"{label}, scenarios of the mean feeder", "%", meaning)
    kind = answers.at_last()[name]["kind"]
    return Heading(
        HEADLINES[name] + (", mean of the feeders" if kind == "mean" else ""), unit_of(name, study), ABOUT[name].meaning
    )


def regions_table(answers: Answers) -> Table | None:
    """The same of each region at the largest shares; None where there is one."""
    ran, study = answers.feeders, answers.run.study
    regions = sorted(ran["region"].unique())
    if len(regions) < 2:
        return None
    found = {region: answers.at_last(region) for region in regions}
    names = [name for name in HEADLINES if any(name in of and not np.isnan(of[name]["estimate"]) for of in found.values())]
    digits = {name: decimals_for([scale_of(name) * of[name]["estimate"] for of in found.values()]) for name in names}
    rows = []
    for region, of in found.items():
        here = ran[ran["region"] == region]
        cells = [Cell(shown_text(region, LONGEST_NAME) or "(none)"), number_cell(len(here), 0)]
        rows.append([*cells, *(value_cell(of[name], name, digits[name]) for name in names)])
    headings = [Heading("Region"), Heading("Feeders"), *(_total_heading(name, answers, study) for name in names)]
    listed, note = first_rows(rows, len(rows))
    where = f" {answers.last_words}" if answers.last_words else ""
    return Table("regions", f"Each region{where}", headings, listed, note)


def ranks_table(answers: Answers) -> Table | None:
    """How each feature goes with the hosting capacity; None where there is none."""
    ranks, words = answers.tables["ranks"], {one.name: one.words for one in FEATURES}
    if answers.ranked.empty or ranks.empty:
        return None
    events = [event for event in ("cut", *limiting_events(answers.tables["hosting"])) if (ranks["event"] == event).any()]
    rows = []
    for event in dict.fromkeys(events):
        for row in ranks[ranks["event"] == event].to_dict("records"):
            ends = interval(row["rank_correlation_low"], row["rank_correlation_high"], 2)
            cells = [Cell(EVENTS[event][0], title=EVENTS[event][1]), Cell(words[row["feature"]]), number_cell(row["n"], 0)]
            rows.append([*cells, number_cell(row["rank_correlation"], 2, ends)])
    headings = [Heading("Limited by"), Heading("Feature"), Heading("Feeders"), Heading("Rank correlation")]
    caption = "How each feature of a feeder goes with its hosting capacity (Spearman); 95 % intervals below"
    return Table("ranks", caption, headings, rows)


def failed_table(run: Run) -> Table | None:
    """The feeders that could not run, and why; None where there are none."""
    feeders = run.results.feeders
    assert feeders is not None
    failed = feeders[feeders["fault"] != ""]
    if failed.empty:
        return None
    rows = [
        [Cell(shown_text(name, LONGEST_NAME)), Cell(shown_text(fault, MOST_REASON))]
        for name, fault in failed[["feeder", "fault"]].itertuples(index=False, name=None)
    ]
    listed, note = first_rows(rows, len(rows))
    return Table("failed", "Feeders that could not run", [Heading("Feeder"), Heading("Reason")], listed, note)
