"""What `fastp2p run` and `fastp2p compare` print of results: tables, notes below them, and what failed."""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from fastp2p.cli.console import LONGEST_CELL, errors, known, make_table, say
from fastp2p.cli.day_table import make_day_table
from fastp2p.cli.region_table import make_region_tables, total_by_point
from fastp2p.cli.sweep_table import (
    battery_text,
    ev_text,
    heat_pump_text,
    hosting_capacity,
    losses_text,
    make_chosen_table,
    make_hosting_table,
    make_sweep_table,
    share_headings,
)
from fastp2p.results.columns import COMPARED, columns_of
from fastp2p.study.model import Study
from fastp2p.text import LONGEST_UNIT, shown_text

if TYPE_CHECKING:
    import pandas as pd

    from fastp2p.results.results import Results

COMPARISON = {
    f"{column.heading}\nkWh" if column.unit == "kWh" else column.heading: name
    for name, column in ((name, columns_of("scenarios")[name]) for name in COMPARED)
    if column.heading
}
MOST_FAILURES = 10
"""Feeders that could not run, and books without an answer, that are named one by one."""


def print_results(results: "Results", folder: Path) -> None:
    """Tables of a run, notes below them, and what was written where."""
    study = results.study
    if results.chosen and len(results.scenarios) > 1:
        _print_table(study.name, study.description, [make_chosen_table(results)], folder, _remarks(results))
        return
    if results.feeders is not None:
        totals, regions = total_by_point(results)
        tables = make_region_tables(results, totals, regions)
        notes = _stopped(results) | _energy_notes(totals, "totals")
    else:
        tables, notes = _tables_of_one(results)
    _print_table(study.name, study.description, tables, folder, notes | _remarks(results))


def _tables_of_one(results: "Results") -> tuple[list[Table], dict[str, str]]:
    """The tables and the notes of a study of one network."""
    from fastp2p.results.indicators import is_audited_whole
    from fastp2p.results.statistics import too_few_audited

    is_sweep = results.study.n_cases > 1 and not results.chosen
    tables = [make_sweep_table(results) if is_sweep else make_day_table(results)]
    notes = _stopped(results)
    if results.study.scenarios.shares and not results.chosen and is_audited_whole(results.scenarios):
        if results.study.network.phases == 3:
            tables.append(make_hosting_table(results.scenarios))
        else:
            of = "uncontrolled, at 5 %, by AC: between the shares tried, and with 95 % confidence of the draws"
            notes["hosting capacity"] = f"({of}): {hosting_capacity(results.scenarios)}"
    if "n_audited" in results.scenarios and is_sweep and (few := too_few_audited(results.scenarios)):
        notes["audit:"] = few
    return tables, notes | _energy_notes(results.scenarios, "means")


def _stopped(results: "Results") -> dict[str, str]:
    """Where a rule has stopped the study, at what."""
    stop = results.study.scenarios.stop
    if not (results.stopped_at and stop):
        return {}
    on = "" if results.feeders is None else ", on every feeder,"
    return {
        "stopped:": f"{results.stopped_at:,} scenarios per share estimate {stop.indicator}{on} to within {stop.within:.1%} of "
        "its mean"
    }


def _energy_notes(scenarios: "pd.DataFrame", of: str) -> dict[str, str]:
    """Losses, and what devices did: means over the scenarios, or totals, by share of PV and of swept devices."""
    texts = {
        "losses_kwh": ("losses and spilled PV", losses_text),
        "heat_pump_kwh": ("heat pumps", heat_pump_text),
        "ev_kwh": ("electric vehicles", ev_text),
        "charged_kwh": ("batteries", battery_text),
    }
    return {word: text(scenarios, of) for name, (word, text) in texts.items() if name in scenarios}


def _remarks(results: "Results") -> dict[str, str]:
    """Why nothing was traded, where nothing was; and how voltages are to be read, where there are any."""
    from fastp2p.pipeline.draws import draw_scenarios
    from fastp2p.results.results import one_of
    from fastp2p.study.points import points_of
    from fastp2p.sweep.plausible import LOOKED_AT, PHASES, THREE_PHASES, asks_for_voltages, why_no_trades

    study, remarks = results.study, {}
    if not results.scenarios["matched_kwh"].any():
        point = max(points_of(study), key=lambda point: point.share or 0.0)  # the first such: of the smallest shares of devices
        looked_at = range(min(study.scenarios.count, LOOKED_AT))
        one = one_of(results)
        drawn = draw_scenarios(point.of(one.study), one.network, one.profiles, point.share, looked_at)
        why = why_no_trades(point.of(one.study), one.profiles, drawn)
        remarks["no trades:"] = why or "no two orders of one step match under this market rule"
    if asks_for_voltages(study):
        remarks["voltages:"] = PHASES if study.network.phases == 1 else THREE_PHASES
    return remarks


def _print_table(name: str, description: str, tables: list[Table], folder: Path, notes: dict[str, str] | None = None) -> None:
    """Tables, with their title above and the path of the files below."""
    console = Console(highlight=False)
    say(console, f"{name}:" if description else name, "bold", description)
    for table in tables:
        console.width = max(console.width, console.measure(table, options=console.options.update(width=1000)).maximum)
        console.print(table)
    for word, note in (notes or {}).items():
        say(console, word, "", note)
    written = ", ".join(sorted(path.name + "/" * path.is_dir() for path in folder.iterdir()))
    say(console, "wrote", "", f"{folder}/: {written}")
    console.print()


def failed_feeders(feeders: "pd.DataFrame | None") -> dict[str, str]:
    """Why feeders could not run, by their names."""
    if feeders is None:
        return {}
    failed = feeders[feeders["fault"] != ""]
    return dict(zip(failed["feeder"], failed["fault"], strict=True))


def say_failed_feeders(study: Study, failed: dict[str, str]) -> None:
    """The first feeders that could not run, and how many there are."""
    for name, fault in islice(failed.items(), MOST_FAILURES):
        say(errors, "failed:", "red", f"{study.name}, feeder {shown_text(name, LONGEST_CELL)}: {fault}")
    if len(failed) > MOST_FAILURES:
        say(errors, "failed:", "red", f"{len(failed) - MOST_FAILURES:,} more feeders; manifest.json lists them all")


def say_failures(results: "Results") -> None:
    """The first feeders that could not run and books without an answer, and how many there are."""
    from fastp2p.results.points import feeder_key, point_keys

    say_failed_feeders(results.study, failed_feeders(results.feeders))
    time = results.profiles.time
    kept = "only the part that was filled is" if results.study.clearing.objective == "pro_rata" else "nothing is"
    keys = [*feeder_key(results.scenarios), *point_keys(results.scenarios)]
    for at, scenario, step in results.failures[:MOST_FAILURES]:
        places = zip(keys, at if isinstance(at, tuple) else (at,), strict=True)
        point = ", ".join(f"{key.replace('_', ' ')} {one if isinstance(one, str) else f'{one:g}'}" for key, one in places)
        when = f"step {step}" if time is None else f"step {step} ({time[step]:%Y-%m-%d %H:%M})"
        where = f"{results.study.name}, {point}, scenario {scenario}, {when}"
        say(errors, "failed:", "red", f"{where}: no proven optimum; {kept} executed there")
    if len(results.failures) > MOST_FAILURES:
        say(errors, "failed:", "red", f"{len(results.failures) - MOST_FAILURES:,} more books; manifest.json lists them all")


def print_comparison(study: Study, comparison: "pd.DataFrame", folder: Path) -> None:
    """The table of a comparison of market rules."""
    from fastp2p.results.points import point_keys

    of = "means over the scenarios"
    if "feeder" in comparison:
        n = comparison["feeder"].nunique()
        of = f"totals of {n:,} feeders by their weights, of what does not add up means of the feeders"
        comparison = comparison[comparison["feeder"].isna()]
    keys = point_keys(comparison)
    caption = f"{of}; money in {shown_text(study.currency, LONGEST_UNIT)}"
    table = make_table(*share_headings(comparison), "rule", *COMPARISON, caption=caption)
    wide = comparison.pivot(index=[*keys, "rule"], columns="indicator", values="mean")
    order = comparison[[*keys, "rule"]].drop_duplicates().itertuples(index=False, name=None)
    last = None
    for *point, rule in order:
        row = wide.loc[(*point, rule)]
        cells = [known(row[column], 2) for column in COMPARISON.values()]
        if last not in (None, point):
            table.add_section()
        table.add_row(*("" if point == last else f"{share:.0%}" for share in point), rule, *cells)
        last = point
    _print_table(study.name, study.description, [table], folder)
