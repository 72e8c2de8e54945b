"""The tables of a sweep: means by share of PV and of devices, and the hosting capacity."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastp2p.cli.console import cell, known, make_table
from fastp2p.cli.day_table import COLUMNS

if TYPE_CHECKING:
    import pandas as pd
    from rich.table import Table
    from rich.text import Text

    from fastp2p.results.results import Results

MOST_CHOSEN = 50
"""Scenarios that are shown one by one."""
CAUSES = {"voltage": "voltages", "cable": "cables and transformers", "unbalance": "unbalance"}
"""What may end the hosting capacity, in words."""


def make_sweep_table(results: Results) -> Table:
    """Means over the scenarios of each share of PV and of swept devices."""
    from fastp2p.results.points import by_point
    from fastp2p.results.statistics import count_audited, find_probabilities

    points = list(by_point(results.scenarios))
    n_draws = len(results.scenarios) // len(points)
    of_power = "" if results.study.clearing.physics == "dc" else " (apparent power)"
    caption = f"means of {n_draws:,} scenarios in kWh; highest loading{of_power}; scenarios in which the network\n"
    caption += "cuts a trade or an export, and in which a limit is broken before any trade"
    audited = "n_audited" in results.scenarios
    if audited:
        caption += f"\nin AC, {count_audited(results.scenarios)}: extremes of current and voltage (p.u.);"
        caption += "\nbooks that break a limit which the base keeps, and books that are cut needlessly"
    extra = ("AC worst\n%", "lowest\nvoltage", "highest\nvoltage", "AC broken\n%", "needless\ncut %") if audited else ()
    table = make_table(*share_headings(results.scenarios), *COLUMNS, "worst\n%", "cut\n%", "over\n%", *extra, caption=caption)
    rates = _audit_cells(results.scenarios) if audited else {}
    probabilities = find_probabilities(results.scenarios).to_dict("records")
    for (point, rows), probability in zip(points, probabilities, strict=True):
        means = [f"{rows[column].mean():.2f}" for column in COLUMNS.values()]
        loading = f"{rows.worst_loading_percent.max():.1f}"
        parts = [f"{100 * probability[f'{event}_probability']:.1f}" for event in ("cut", "overload")]
        at = tuple(point.values())
        table.add_row(*(f"{share:.0%}" for share in at), *means, loading, *parts, *rates.get(at, []))
    return table


def make_chosen_table(results: Results) -> Table:
    """Chosen scenarios one by one, the first few: no means, which would pass for those of the study."""
    from fastp2p.results.points import feeder_key, point_keys

    n, keys, of_feeder = len(results.scenarios), point_keys(results.scenarios), feeder_key(results.scenarios)
    first = f"the first {MOST_CHOSEN} of {n:,} scenarios" if n > MOST_CHOSEN else "each scenario"
    of_power = "" if results.study.clearing.physics == "dc" else " (apparent power)"
    caption = f"{first}, in kWh; highest loading{of_power}\nchosen ones are no sample: no means are taken of them"
    headings = (*of_feeder, "scenario", *share_headings(results.scenarios))
    table = make_table(*headings, *COLUMNS, "worst\n%", caption=caption)
    table.columns[0].justify = "left" if of_feeder else "right"
    for row in results.scenarios.head(MOST_CHOSEN).to_dict("records"):
        energy = [f"{row[column]:.2f}" for column in COLUMNS.values()]
        at: list[Text | str] = [
            *(cell(row[key]) for key in of_feeder),
            str(row["scenario"]),
            *(f"{row[key]:.0%}" for key in keys),
        ]
        table.add_row(*at, *energy, f"{row['worst_loading_percent']:.1f}")
    return table


def share_headings(table: pd.DataFrame) -> list[str]:
    """The headings of the columns that say at which shares a row is."""
    from fastp2p.results.points import POINT_KEYS, point_keys

    return [f"{POINT_KEYS[key]}\nshare" for key in point_keys(table)]


def _audit_cells(scenarios: pd.DataFrame) -> dict[tuple[float, ...], list[str]]:
    """By point: largest loading from current, extremes of the voltages, and how often the clearing and AC disagree."""
    from fastp2p.results.points import by_point
    from fastp2p.results.statistics import find_audit_rates

    kinds = {"worst_current_percent": "max", "lowest_vm_pu": "min", "highest_vm_pu": "max"}
    cells = {}
    for (point, rows), row in zip(by_point(scenarios), find_audit_rates(scenarios).to_dict("records"), strict=True):
        current, lowest, highest = rows.agg(kinds)
        rates = [known(100.0 * row[name], 2) for name in ("broken_rate", "needless_cut_rate")]
        cells[tuple(point.values())] = [known(current, 1), known(lowest, 3), known(highest, 3), *rates]
    return cells


def hosting_capacity(scenarios: pd.DataFrame) -> str:
    """The voltage-limited beside the cable-limited hosting capacity, with their intervals; at each share of swept devices."""
    from fastp2p.results.hosting import hosting_words
    from fastp2p.results.points import by_devices, point_text
    from fastp2p.results.statistics import Event, find_probabilities

    events: tuple[Event, ...] = ("voltage", "cable")
    texts = []
    for devices, rows in by_devices(find_probabilities(scenarios)):
        text = ", ".join(f"{CAUSES[event]} {hosting_words(rows, event).short}" for event in events)
        texts.append(f"with {point_text(devices, '.0%')} {text}" if devices else text)
    return "; ".join(texts)


def losses_text(scenarios: pd.DataFrame, of: str = "means") -> str:
    """Mean losses and spilled PV of a scenario, by share of PV and of swept devices."""
    from fastp2p.results.points import point_keys

    means = scenarios.groupby(point_keys(scenarios))[["losses_kwh", "spilled_kwh"]].mean()
    parts = [f"{known(losses, 1)} and {spilled:.1f}" for losses, spilled in means.itertuples(index=False)]
    return f"({of}{' by share' * (len(parts) > 1)}): {', '.join(parts)} kWh"


def battery_text(scenarios: pd.DataFrame, of: str = "means") -> str:
    """Mean energy at the batteries of a scenario, by share of PV and of swept devices."""
    from fastp2p.results.points import point_keys

    means = scenarios.groupby(point_keys(scenarios))[["charged_kwh", "discharged_kwh", "battery_lost_kwh"]].mean()
    parts = [f"{charged:.1f}, {discharged:.1f} and {lost:.1f}" for charged, discharged, lost in means.itertuples(index=False)]
    by_share = " by share" * (len(parts) > 1)
    return f"(charged, discharged and lost; {of}{by_share}): {'; '.join(parts)} kWh"


def ev_text(scenarios: pd.DataFrame, of: str = "means") -> str:
    """Mean energy of the electric vehicles of a scenario, by share of PV and of swept devices, and how many lack some."""
    from fastp2p.results.points import point_keys

    means = scenarios.groupby(point_keys(scenarios))[["ev_kwh", "ev_unmet_kwh", "ev_unmet_share"]].mean()
    parts = [f"{charged:.1f} and {unmet:.1f}" for charged, unmet, _ in means.itertuples(index=False)]
    by_share = " by share" * (len(parts) > 1)
    worst = means["ev_unmet_share"].max()  # the same vehicles at all shares, unless they are where PV is
    told = f"; {worst:.0%} are not charged in time" if worst > 0.0 else ""
    return f"(charged and unmet; {of}{by_share}): {'; '.join(parts)} kWh{told}"


def heat_pump_text(scenarios: pd.DataFrame, of: str = "means") -> str:
    """Mean energy of the heat pumps of a scenario, and how cold rooms were, by share of PV and of swept devices."""
    from fastp2p.results.points import point_keys

    means = scenarios.groupby(point_keys(scenarios))[["heat_pump_kwh", "cold_kh"]].mean()
    parts = [f"{kwh:.1f} kWh, {cold:.1f} K h" for kwh, cold in means.itertuples(index=False)]
    return f"(energy, and degree-hours below the comfort band; {of}{' by share' * (len(parts) > 1)}): {'; '.join(parts)}"


def make_hosting_table(scenarios: pd.DataFrame) -> Table:
    """The hosting capacity of a three-phase study by what limits it, beside that of the balanced model."""
    from fastp2p.results import statistics
    from fastp2p.results.hosting import hosting_words
    from fastp2p.results.points import by_devices

    probabilities = statistics.find_probabilities(scenarios)
    devices = share_headings(probabilities)[1:]
    models, caption = (
        ["three phases"],
        "between which shares of PV that were tried a limit begins to break in more than 5 % of the ",
    )
    caption += "scenarios, by AC and with nothing controlled, and the same with 95 % confidence of the draws"
    if any(f"{event}_probability" in probabilities for event in statistics.CAUSES.values()):
        models.append("balanced")
        caption += "; balanced: the same draws with a third of every load and PV on each phase"
    table = make_table(*devices, "hosting capacity,\nlimited by", *models, caption=caption)
    table.columns[len(devices)].justify = "left"
    for at, rows in by_devices(probabilities):
        for cause, balanced in statistics.CAUSES.items():
            words = [
                hosting_words(rows, event).short.replace(" (", "\n(") if event and f"{event}_probability" in rows else "-"
                for event in (cause, balanced)[: len(models)]
            ]
            table.add_row(*(f"{share:.0%}" for share in at.values()), CAUSES[cause], *words)
    return table
