"""What was studied and with what: keys that differ from their defaults, what a run covers, where it came from."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import pandas as pd
from pydantic import BaseModel
from pydantic_core import PydanticUndefined

from fastp2p.errors import InputWarning
from fastp2p.io.manifest import Failure, Manifest
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.report.again import commands_of, study_text
from fastp2p.report.plain import Cell, Heading, Table, number_cell
from fastp2p.report.runs import Run
from fastp2p.results.points import POINT_KEYS, point_keys
from fastp2p.results.results import Results, one_of
from fastp2p.results.statistics import too_few_audited
from fastp2p.study.changes import section_type
from fastp2p.study.model import Study
from fastp2p.study.points import points_of
from fastp2p.sweep.plausible import LOOKED_AT, asks_for_voltages, unit_warnings, voltages_text, why_no_trades
from fastp2p.text import LONGEST_NAME, LONGEST_UNIT, shown_text

MOST_SHOWN = 300
"""Characters of a key's value."""
MOST_FAILURES = 200
REQUIRED = "(required)"
EITHER = ("network.source", "network.sources")
"""Keys of which a study must have one."""
ABSENT = "(none)"
UNTITLED = ("name", "description")
"""Keys that stand at the top of a report."""


class Key(NamedTuple):
    """A key of a study, with its value and its default as a study file has them."""

    name: str
    value: str
    default: str


def changed_keys(study: Study) -> list[Key]:
    """Every key of a study that is not as a study file without it would have it."""
    return [key for key in _keys(study, "") if key.value != key.default and key.name not in UNTITLED]


def all_keys(study: Study) -> dict[str, str]:
    """Every key of a study with its value."""
    return {key.name: key.value for key in _keys(study, "") if key.name not in UNTITLED}


def _keys(section: BaseModel, prefix: str) -> list[Key]:
    """The keys of a section, and of those in it."""
    found = []
    for name, about in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel) and section_type(type(section), name):
            found += _keys(value, f"{prefix}{name}.")
            continue
        default = about.get_default(call_default_factory=True)
        is_required = default is PydanticUndefined or (value and f"{prefix}{name}" in EITHER)
        shown = REQUIRED if is_required else in_toml(_dumped(default))
        found.append(Key(f"{prefix}{name}", in_toml(_dumped(value)), shown))
    return found


def _dumped(value: Any) -> Any:
    """A value of a study as plain data."""
    if isinstance(value, BaseModel):
        return {key: _dumped(one) for key, one in value.model_dump(mode="json", exclude_none=True).items()}
    if isinstance(value, list | tuple):
        return [_dumped(one) for one in value]
    return value


def in_toml(value: Any) -> str:
    """A value on one line, as a study file has it; the middle of a long one is left out."""
    return shown_text(_inline(value), MOST_SHOWN)


def _inline(value: Any) -> str:
    if value is None:
        return ABSENT
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {_inline(one)}" for key, one in value.items()) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return f'"{value}"' if isinstance(value, str) else f"{value:g}" if isinstance(value, float) else str(value)


def currency_of(study: Study) -> str:
    """The study's currency, not longer than a unit."""
    return shown_text(study.currency, LONGEST_UNIT)


def length_of(results: Results) -> str:
    """How long a scenario is, in words: "1 day"."""
    hours = results.profiles.n_steps * results.profiles.step_hours
    days = hours / 24.0
    return f"{hours:g} hours" if days < 1.0 else "1 day" if days == 1.0 else f"{days:g} days"


def period_of(results: Results) -> str:
    """How long a scenario is and when it begins: "14 days from 2016-01-01"."""
    time = results.profiles.time
    return length_of(results) if time is None else f"{length_of(results)} from {time[0]:%Y-%m-%d}"


def what_it_is(results: Results) -> list[tuple[str, str]]:
    """What was run, in a few lines."""
    study, profiles = results.study, results.profiles
    step = "1 hour" if profiles.step_hours == 1.0 else f"{60.0 * profiles.step_hours:g} minutes"
    physics = {"dc": "DC: active power", "lindistflow": "LinDistFlow: linear voltages", "ac": "AC, by tightening"}
    every = study.audited_every
    audit = "none" if not every else "every book" if every == 1 else f"one book in {every}, drawn at random"
    rows = [
        _network(results),
        ("Time", f"{period_of(results)}, {profiles.n_steps:,} steps of {step}"),
        ("Scenarios", _scenarios(results)),
        ("Market rule", f"{study.market.pricing}, {study.market.orders} orders"),
        ("Clearing", f"{physics[study.clearing.physics]}; objective {study.clearing.objective}"),
        ("Audit by AC power flow", audit),
    ]
    if asks_for_voltages(study):
        rows.append(("Model of voltages", f"{voltages_text(study, one_of(results).network)}."))
    return rows


def _network(results: Results) -> tuple[str, str]:
    """Which network it was, or how many."""
    part, feeders = results.study.network, results.feeders
    if feeders is None:
        network = results.network
        size = f"{network.n_bus:,} buses, {network.n_branch:,} branches, {'radial' if network.is_radial else 'meshed'}"
        return "Network", f"{shown_text(part.source)}: {size}"
    ran = feeders[feeders["fault"] == ""]
    source = shown_text(part.sources) if isinstance(part.sources, str) else "a list of the study"
    n_regions = ran["region"].nunique()
    size = f"{ran['n_bus'].sum():,} buses, {ran['n_homes'].sum():,} homes"
    return "Networks", f"{len(ran):,} feeders of {source}: {size}{f', {n_regions:,} regions' * (n_regions > 1)}"


def _scenarios(results: Results) -> str:
    """How many scenarios there are, and at which shares."""
    scenarios, keys = results.scenarios, point_keys(results.scenarios)
    n_points = len(scenarios[keys].drop_duplicates())
    n = f"{len(scenarios) // len(results.networks):,}{' of each feeder' * (results.feeders is not None)}"
    if n_points == 1:
        return n
    shares = "; ".join(
        f"{POINT_KEYS[key]} {', '.join(f'{100 * share:g}' for share in sorted(scenarios[key].unique()))} %" for key in keys
    )
    return f"{n} at {n_points:,} points (shares of {shares})"


def find_warnings(results: Results) -> list[str]:
    """What looks wrong with a study, or limits what its results say; of many networks, on the first one."""
    has_trades = results.scenarios["matched_kwh"].any()
    results = one_of(results)
    study = results.study
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)
        point = max(points_of(study), key=lambda point: point.share or 0.0)
        looked_at = range(min(study.scenarios.count, LOOKED_AT))
        drawn = draw_scenarios(point.of(study), results.network, results.profiles, point.share, looked_at)
    found = unit_warnings(study, results.profiles, drawn)
    if not has_trades:
        why = why_no_trades(point.of(study), results.profiles, drawn)
        found.append(f"nothing was traded: {why or 'no two orders of one step match under this market rule'}")
    if "n_audited" in results.scenarios and study.n_cases > 1 and (few := too_few_audited(results.scenarios)):
        found.append(few)
    return found


def state_of(manifest: Manifest, results: Results) -> list[str]:
    """What a reader must know first: that a run is not finished, that it stopped early, that books failed."""
    notes = []
    if not manifest.complete:
        notes.append(
            f"This run is not finished: {len(results.scenarios):,} of {_wanted(results):,} scenarios are there, and all "
            "numbers below are of those alone. --resume of the run goes on with it."
        )
    if manifest.scenarios is not None:
        notes.append(
            f"Chosen scenarios alone were run: {manifest.scenarios}, of those numbered 0 to "
            f"{results.study.scenarios.count - 1:,}. They are no sample of the study, so there are no intervals, and means are "
            "of these alone."
        )
    if manifest.stopped_at is not None:
        because = f": {manifest.stopped_because}" if manifest.stopped_because else ""
        notes.append(f"The study stopped itself after {manifest.stopped_at:,} scenarios per share{because}.")
    if n := len(manifest.failed_feeders):
        notes.append(f"{n:,} {'feeder' if n == 1 else 'feeders'} could not run, and what is below is without them.")
    if n := len(results.failures):
        kept = "what had been filled" if results.study.clearing.objective == "pro_rata" else "nothing"
        notes.append(
            f"{n:,} {'book' if n == 1 else 'books'} failed: no proven optimum was found, and {kept} is executed there."
        )
    return notes


def _wanted(results: Results) -> int:
    """How many scenarios there should be, over all points."""
    chosen = results.chosen
    n = results.study.n_cases if chosen is None else results.study.scenarios.n_points * sum(map(len, chosen))
    return n * len(results.networks)


def failure_table(results: Results) -> Table | None:
    """The books that failed; None where there are none."""
    if not results.failures:
        return None
    keys, time = point_keys(results.scenarios), results.profiles.time
    headings = [Heading("Feeder")] * ("feeder" in results.scenarios)
    headings += [*(Heading(f"Share of {POINT_KEYS[key]}", "%") for key in keys), Heading("Scenario"), Heading("Step")]
    headings += [] if time is None else [Heading("Time")]
    rows = [_failure(failure, time) for failure in results.failures[:MOST_FAILURES]]
    n = len(results.failures)
    note = f"The first {MOST_FAILURES} of {n:,}; manifest.json lists more." if n > MOST_FAILURES else ""
    return Table("failures", "Books without a proven answer", headings, rows, note)


def _failure(failure: Failure, time: pd.DatetimeIndex | None) -> list[Cell]:
    at, scenario, step = failure
    places = at if isinstance(at, tuple) else (at,)
    cells = [Cell(shown_text(one, LONGEST_NAME)) if isinstance(one, str) else number_cell(100.0 * one, 1) for one in places]
    row = [*cells, number_cell(scenario, 0), number_cell(step, 0)]
    return row + ([] if time is None else [Cell(f"{time[step]:%Y-%m-%d %H:%M}")])


def provenance(manifest: Manifest) -> list[tuple[str, str]]:
    """Seed, duration, versions and hashes of a run."""
    hashes = {name: value for name, value in manifest.sha256.model_dump().items() if value}
    seconds = f"{manifest.seconds:,.1f} s" if manifest.complete else "not finished"
    return [
        ("Seed", str(manifest.seed)),
        ("Started", shown_text(manifest.started, 60)),
        ("Time taken", seconds),
        *((f"Version of {shown_text(name, 40)}", shown_text(number, 60)) for name, number in manifest.versions.items()),
        *((f"SHA-256 of the {name}", value) for name, value in hashes.items()),
    ]


def about(run: Run) -> dict[str, Any]:
    """The name of a run, what a reader must know first, and how to make it again."""
    return {
        "title": shown_text(run.study.name) + (f": {run.feeder}" if run.feeder else ""),
        "description": shown_text(run.study.description),
        "folder": run.folder,
        "state": state_of(run.manifest, run.results),
        "warnings": find_warnings(run.results),
        "provenance": provenance(run.manifest),
        "commands": commands_of(run.manifest),
        "toml": study_text(run.text),
    }
