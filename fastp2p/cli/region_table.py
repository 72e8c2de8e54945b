"""The tables of a study of many networks: totals by share, by region, and the feeders that host least and most."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fastp2p.cli.console import cell, known, make_table
from fastp2p.cli.day_table import COLUMNS
from fastp2p.cli.sweep_table import share_headings

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table
    from rich.text import Text

    from fastp2p.results.results import Results

    Row = list[Text | str]

MOST_SHOWN, FEW = 12, 5
"""Feeders up to which all are shown; of more, so many from either end."""
MOST_REGIONS = 20
DEVICES = (
    "losses_kwh", "spilled_kwh", "heat_pump_kwh", "cold_kh", "ev_kwh", "ev_unmet_kwh", "ev_unmet_share", "charged_kwh",
    "discharged_kwh", "battery_lost_kwh",
)  # fmt: skip
"""What the notes below the tables tell."""
LIMITS = {"cut": "a cut", "voltage": "voltages", "cable": "cables", "unbalance": "unbalance"}


def total_by_point(results: Results) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Totals and means of all feeders by point, in columns; and the same of each region at the last point."""
    from fastp2p.results.points import point_keys
    from fastp2p.results.statistics import COUNTS, EVENTS
    from fastp2p.results.totals import find_totals

    scenarios, feeders = results.scenarios, results.feeders
    assert feeders is not None
    keys, of_events = point_keys(scenarios), [name for names in EVENTS.values() for name in names]
    wanted = ["feeder", *keys, "scenario", *COUNTS, "losses_cost", *of_events, *COLUMNS.values(), *DEVICES]
    found = find_totals(scenarios[[name for name in dict.fromkeys(wanted) if name in scenarios]], feeders)
    of_all, regions = found[found["region"].isna()], found[found["region"].notna()]
    totals = of_all.pivot(index=keys, columns="indicator", values="estimate").reset_index()
    last = (regions[keys] == totals[keys].iloc[-1]).all(axis=1)
    return totals, regions[last].pivot(index="region", columns="indicator", values="estimate").reset_index()


def make_region_tables(results: Results, totals: pd.DataFrame, regions: pd.DataFrame) -> list[Table]:
    """What all feeders do together at every share, each region at the largest one, and the feeders at either end."""
    tables = [_totals_table(results, totals)]
    if 1 < len(regions) <= MOST_REGIONS:
        tables.append(_regions_table(results, regions))
    return [*tables, _feeders_table(results)]


def _totals_table(results: Results, totals: pd.DataFrame) -> Table:
    """Totals of all feeders, by share."""
    from fastp2p.results.points import by_point, point_keys

    feeders, scenarios = results.feeders, results.scenarios
    assert feeders is not None
    keys = point_keys(totals) if len(totals) > 1 else []
    ran = feeders[feeders["fault"] == ""]
    weighted = "" if (ran["weight"] == 1.0).all() else f", which stand for {ran['weight'].sum():,.6g} by their weights"
    n_scenarios = len(scenarios) // (len(totals) * len(ran))
    means = "of the one scenario" if n_scenarios == 1 else f"means of {n_scenarios:,} scenarios each,"
    of_power = "" if results.study.clearing.physics == "dc" else " (apparent power)"
    caption = f"totals of {len(ran):,} feeders{weighted}: {means} in kWh; highest loading{of_power}; scenarios of a feeder in "
    caption += "which the network cuts a trade or an export, and in which a limit is broken before any trade"
    caption += "; in AC, extremes of voltage (p.u.)" * ("lowest_vm_pu" in scenarios)
    voltages = ["lowest\nvoltage", "highest\nvoltage"] * ("lowest_vm_pu" in scenarios)
    headings = [*share_headings(totals)[: len(keys)], "homes", *COLUMNS, "worst\n%", "cut\n%", "over\n%", *voltages]
    table = make_table(*headings, caption=caption)
    for (point, rows), row in zip(by_point(scenarios), totals.to_dict("records"), strict=True):
        energy = [f"{row[name]:,.1f}" for name in COLUMNS.values()]
        extremes = [known(rows["lowest_vm_pu"].min(), 3), known(rows["highest_vm_pu"].max(), 3)] if voltages else []
        loading = f"{rows['worst_loading_percent'].max():.1f}"
        homes = f"{(ran['weight'] * ran['n_homes']).sum():,.6g}"
        at = [f"{point[key]:.0%}" for key in keys]
        table.add_row(*at, homes, *energy, loading, *_probabilities(row), *extremes)
    return table


def _regions_table(results: Results, regions: pd.DataFrame) -> Table:
    """Totals of the feeders of each region, at the largest shares."""
    feeders = results.feeders
    assert feeders is not None
    ran = feeders[feeders["fault"] == ""]
    at = ", at the largest shares" if results.study.scenarios.n_points > 1 else ""
    table = make_table("region", "feeders", "homes", *COLUMNS, "cut\n%", "over\n%", caption=f"the same by region{at}")
    table.columns[0].justify = "left"
    for row in regions.to_dict("records"):
        here = ran[ran["region"] == row["region"]]
        counts = [f"{len(here):,}", f"{(here['weight'] * here['n_homes']).sum():,.6g}"]
        energy = [f"{row[name]:,.1f}" for name in COLUMNS.values()]
        table.add_row(cell(row["region"] or "(none)"), *counts, *energy, *_probabilities(row))
    return table


def _probabilities(row: dict[Any, Any]) -> list[str]:
    return [known(100.0 * row[f"{event}_probability"], 1) for event in ("cut", "overload")]


def _feeders_table(results: Results) -> Table:
    """The feeders by what they can host, the lowest first; where no shares were swept, by their worst loading."""
    from fastp2p.results.ranking import has_hosting

    is_ranked = has_hosting(results.scenarios) and not results.chosen
    table, rows = _ranked(results) if is_ranked else _by_loading(results)
    n = len(rows)
    shown = range(n) if n <= MOST_SHOWN else [*range(FEW), *range(n - FEW, n)]
    for place in shown:
        if n > MOST_SHOWN and place == n - FEW:
            table.add_row(f"… {n - 2 * FEW:,} more", style="dim")
        table.add_row(*rows[place])
    table.columns[0].justify = "left"
    return table


def _ranked(results: Results) -> tuple[Table, list[Row]]:
    """Hosting capacities; where shares of devices are swept, at the largest of them."""
    from fastp2p.results.points import POINT_KEYS, point_keys
    from fastp2p.results.ranking import limiting_events, rank_hosting, share_words
    from fastp2p.results.region import find_feeder_hosting
    from fastp2p.results.statistics import find_probabilities

    hosting = find_feeder_hosting(find_probabilities(results.scenarios))
    ranked = rank_hosting(hosting)
    devices = point_keys(ranked)[1:]
    ranked = ranked[(ranked[devices] == ranked[devices].max()).all(axis=1)] if devices else ranked
    at = ", ".join(f"{ranked[key].iloc[0]:.0%} {POINT_KEYS[key]}" for key in devices)
    audited = limiting_events(hosting) != ("cut",)
    what = (
        "a limit breaks in more than 5 % of the scenarios, by AC and uncontrolled"
        if audited
        else ("the network cuts a trade or an export in more than 5 % of the scenarios")
    )
    caption = f"hosting capacity of each feeder{f' at {at}' * bool(at)}, lowest first: between which shares of PV that were "
    caption += f"tried {what}; the same with 95 % confidence of the draws; worst loading at any share"
    table = make_table(*_heads(results), "hosting\ncapacity", "limited by", "95 %", "worst\n%", caption=caption)
    about, worst = _about(results), results.scenarios.groupby("feeder")["worst_loading_percent"].max()
    rows: list[Row] = []
    for row in ranked.to_dict("records"):
        sure = share_words(row["hosting_share_low"], row["next_share_high"])
        limit = LIMITS[row["limited_by"]] if row["limited_by"] else "-"
        name = row["feeder"]
        rows.append([*about[name], share_words(row["hosting_share"], row["next_share"]), limit, sure, f"{worst[name]:.1f}"])
    return table, rows


def _by_loading(results: Results) -> tuple[Table, list[Row]]:
    energy = ["executed_kwh", "import_kwh", "export_kwh"]
    by_feeder = results.scenarios.groupby("feeder")
    found = by_feeder[energy].mean().assign(worst=by_feeder["worst_loading_percent"].max())
    headings = [heading for heading, name in COLUMNS.items() if name in energy]
    table = make_table(*_heads(results), *headings, "worst\n%", caption="each feeder, kWh of a scenario; the most loaded first")
    about = _about(results)
    rows: list[Row] = []
    for name, row in found.sort_values("worst", ascending=False, kind="stable").iterrows():
        rows.append([*about[str(name)], *(f"{row[one]:.2f}" for one in energy), f"{row['worst']:.1f}"])
    return table, rows


def _heads(results: Results) -> list[str]:
    return ["feeder", *["region"] * _has_regions(results), "homes"]


def _about(results: Results) -> dict[str, Row]:
    """Name, region where there are any, and homes of each feeder, as cells."""
    assert results.feeders is not None
    regions = _has_regions(results)
    return {
        row["feeder"]: [cell(row["feeder"]), *([cell(row["region"])] if regions else []), f"{row['n_homes']:,}"]
        for row in results.feeders.to_dict("records")
    }


def _has_regions(results: Results) -> bool:
    assert results.feeders is not None
    return bool((results.feeders["region"] != "").any())
