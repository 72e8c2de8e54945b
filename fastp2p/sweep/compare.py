"""One set of draws under several market rules: what each rule is worth, and to whom."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from fastp2p.errors import InputError, InputWarning, refuse
from fastp2p.grid.network import Network
from fastp2p.io.files import folder_lock
from fastp2p.io.folders import check_folder, staged_folder
from fastp2p.io.parquet import write_tables
from fastp2p.io.paths import absolute_path
from fastp2p.market.rules import RULES
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.columns import COMPARED, UNITS
from fastp2p.results.intervals import mean_interval
from fastp2p.results.points import by_point, feeder_key, point_keys
from fastp2p.results.results import Results
from fastp2p.results.statistics import CONFIDENCE, COUNTS
from fastp2p.results.totals import find_totals
from fastp2p.study.feeders import feeder_study
from fastp2p.study.model import Study
from fastp2p.study.sections import HOURS_UP_TO
from fastp2p.sweep.feeder_list import list_feeders
from fastp2p.sweep.feeders import Networks
from fastp2p.sweep.folder import describe_run, write_study, write_whole
from fastp2p.sweep.opened import Comparison
from fastp2p.sweep.prepare import checked, drawing_faults, prepare
from fastp2p.sweep.run import run

Floats = NDArray[np.float64]


def compare_rules(
    study: Study,
    rules: Sequence[str],
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    network: Network | None = None,
    profiles: Profiles | None = None,
) -> pd.DataFrame:
    """Run the same draws of a study under several market rules.

    Parameters
    ----------
    study : Study
        Its own ``market.pricing`` is replaced by each rule in turn.
    rules : sequence of str
        Names of `fastp2p.market.rules.RULES`; changes are against the first.
    out : path, optional
        Folder for the table, the participants' savings and a figure.
    overwrite, workers, executor, network, profiles : as for `fastp2p.run`

    Returns
    -------
    DataFrame
        One row per share (of PV, and of each swept device), rule and indicator: mean over the `n` scenarios in which it is not
        null, and the mean of the paired change against the first rule, over the `n_paired` in which it is null under neither,
        both with confidence intervals. Of a study of many networks, these for each `feeder`, and before them rows whose
        `feeder` is null: the totals of all feeders, or means of what does not add up, as `fastp2p.results.totals` finds them;
        `n` and `n_paired` then count feeders.

    Raises
    ------
    InputError
        Unknown rules, and everything that would keep one of them from running, in one message before anything is run.
    """
    study = checked(study, out, network, profiles)
    folder = None if out is None else absolute_path(out)
    faults = []
    if isinstance(rules, str) or not rules or not all(isinstance(one, str) for one in rules) or len(set(rules)) < len(rules):
        faults.append(f"rules = {rules!r}: name some of {', '.join(RULES)}, each once")
    else:
        faults += [f"unknown market rule {rule!r}; there are {', '.join(RULES)}" for rule in rules if rule not in RULES]
    listed = list_feeders(study.network.sources) if study.network.sources else None
    n_cases = study.n_cases * (1 if listed is None else len(listed))
    if n_cases > HOURS_UP_TO:
        faults.append(
            f"{study.name} has {n_cases:,} scenarios{' of all feeders' * (listed is not None)}; a comparison keeps all "
            f"participants in memory, of at most {HOURS_UP_TO:,}: lower scenarios.count"
        )
    refuse(faults)
    if folder is not None:
        refuse(drawing_faults())
        check_folder(folder, overwrite)
    studies = {rule: _under(study, rule) for rule in rules}
    for one in studies.values():
        try:
            if listed is None:
                prepare(one, network, profiles)
            else:
                refuse(_any_feeder_faults(one, listed, profiles))
        except InputError as error:
            faults += [fault for fault in error.faults if fault not in faults]
    refuse(faults)
    results: dict[str, Results] = {}
    with nullcontext() if folder is None else folder_lock(folder):
        if folder is not None:
            check_folder(folder, overwrite)
        clock = time.perf_counter()
        for rule, one in studies.items():
            with warnings.catch_warnings():
                if results:  # the first rule has printed the warnings
                    warnings.simplefilter("ignore", InputWarning)
                results[rule] = run(one, workers=workers, executor=executor, network=network, profiles=profiles)
        table = compare_results(results)
        if folder is not None:
            _write_comparison(study, results, table, folder, overwrite, time.perf_counter() - clock)
    return table


def _any_feeder_faults(study: Study, listed: pd.DataFrame, profiles: Profiles | None) -> list[str]:
    """What keeps the first feeder that can be read from running; of others the run tells."""
    for name, file in listed[["feeder", "file"]].itertuples(index=False, name=None):
        one = feeder_study(study, name, file)
        try:
            prepare(one, None, profiles)
        except InputError as error:
            if any(fault.startswith("market.") for fault in error.faults):
                return list(error.faults)  # of the rule, whatever the network is
            continue
        break
    return []


def _write_comparison(
    study: Study, results: dict[str, Results], table: pd.DataFrame, folder: Path, overwrite: bool, seconds: float
) -> None:
    from fastp2p.sweep.drawing import draw_comparison_figures, write_drawn

    ran = next(iter(results.values()))
    comparison = Comparison(study, ran.profiles, table, savings(results))
    tables = {"comparison": table, "savings": comparison.savings}
    network = ran.network if ran.feeders is None else Networks(study, ran.feeders)
    about = describe_run(
        study, network, ran.profiles, rules=tuple(results), tables=tuple(tables), parts=1, seconds=seconds, files={}
    )
    units = UNITS | {f"{rule}_saving": UNITS["saving"] for rule in results}
    with staged_folder(folder, overwrite) as staged:
        write_tables(tables if ran.feeders is None else tables | {"feeders": ran.feeders}, staged, units)
        write_study(study, staged)
        write_drawn(draw_comparison_figures(comparison), staged)
        write_whole(staged, about, {name: len(one) for name, one in tables.items()})


def compare_results(results: dict[str, Results], confidence: float = CONFIDENCE) -> pd.DataFrame:
    """The table of `compare_rules`, from results of the same draws by rule."""
    by_rule = {rule: result.scenarios for rule, result in results.items()}
    if not feeder_key(next(iter(by_rule.values()))):
        return pd.DataFrame(_compared(by_rule, confidence))
    feeders = next(iter(results.values())).feeders
    assert feeders is not None
    common = set.intersection(*(set(table["feeder"]) for table in by_rule.values()))  # one may fail under one rule
    by_rule = {rule: table[table["feeder"].isin(common)].reset_index(drop=True) for rule, table in by_rule.items()}
    of_feeder = {rule: dict(list(table.groupby("feeder"))) for rule, table in by_rule.items()}
    rows = [
        {"feeder": name, **row}
        for name in sorted(common)
        for row in _compared({rule: tables[name] for rule, tables in of_feeder.items()}, confidence)
    ]
    return pd.concat([_compared_totals(by_rule, feeders, confidence), pd.DataFrame(rows)], ignore_index=True)


def _compared(by_rule: dict[str, pd.DataFrame], confidence: float) -> list[dict[str, Any]]:
    """The rows of one network."""
    points, rows = {rule: list(by_point(table)) for rule, table in by_rule.items()}, []
    for place, (point, before) in enumerate(next(iter(points.values()))):
        for rule, of_rule in points.items():
            after = of_rule[place][1]
            for indicator in COMPARED:
                values = after[indicator].to_numpy(np.float64)
                change = values - before[indicator].to_numpy(np.float64)
                mean, paired = (_mean(one[~np.isnan(one)], confidence) for one in (values, change))
                rows.append(
                    {
                        **point, "rule": rule, "indicator": indicator, "n": (~np.isnan(values)).sum(),
                        **dict(zip(("mean", "mean_low", "mean_high"), mean, strict=True)),
                        "n_paired": (~np.isnan(change)).sum(),
                        **dict(zip(("change", "change_low", "change_high"), paired, strict=True)),
                    }
                )  # fmt: skip
    return rows


def _compared_totals(by_rule: dict[str, pd.DataFrame], feeders: pd.DataFrame, confidence: float) -> pd.DataFrame:
    """The rows of all feeders together."""
    first = next(iter(by_rule.values()))
    keys = ["feeder", *point_keys(first), "scenario"]
    names = list(dict.fromkeys([*COMPARED, *COUNTS]))
    ends = ["n_feeders", "estimate", "estimate_low", "estimate_high"]
    tables = []
    for rule, table in by_rule.items():
        change = table[keys].assign(**{name: table[name] - first[name] for name in names})
        after, paired = (find_totals(one[[*keys, *names]], feeders, confidence) for one in (table, change))
        after, paired = (one[one["region"].isna() & one["indicator"].isin(COMPARED)] for one in (after, paired))
        rows = after[keys[1:-1]].assign(feeder=None, rule=rule, indicator=after["indicator"])
        rows[["n", "mean", "mean_low", "mean_high"]] = after[ends]
        rows[["n_paired", "change", "change_low", "change_high"]] = paired[ends]
        tables.append(rows[["feeder", *keys[1:-1], "rule", "indicator", *rows.columns[len(keys) + 1 :]]])
    together = pd.concat(tables, ignore_index=True)
    return together.sort_values(keys[1:-1], kind="stable", ignore_index=True)


def _mean(values: Floats, confidence: float) -> tuple[float, float, float]:
    """The mean, NaN of no values, and its interval."""
    return (values.mean() if len(values) else np.nan, *mean_interval(values, confidence))


def savings(results: dict[str, Results]) -> pd.DataFrame:
    """What every participant saves against no trading, a column per rule."""
    tables = {rule: result.participants for rule, result in results.items() if result.participants is not None}
    first = next(iter(tables.values()))
    keys = first[[*feeder_key(first), *point_keys(first), "scenario", "bus", "kwp", "load_kwh"]]
    return keys.assign(**{f"{rule}_saving": table["saving"] for rule, table in tables.items()})


def _under(study: Study, rule: str) -> Study:
    """The study under another rule, with its participants kept."""
    return study.with_(market={"pricing": rule}, scenarios={"keep": ("participants",), "stop": None})
