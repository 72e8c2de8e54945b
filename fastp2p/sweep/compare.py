"""One set of draws under several market rules: what each rule is worth, and to whom."""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from concurrent.futures import Executor
from contextlib import nullcontext
from pathlib import Path

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
from fastp2p.results.points import by_point, point_keys
from fastp2p.results.results import Results
from fastp2p.results.statistics import CONFIDENCE
from fastp2p.study.model import Study
from fastp2p.study.sections import HOURS_UP_TO
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
        both with confidence intervals.

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
    if study.n_cases > HOURS_UP_TO:
        faults.append(
            f"{study.name} has {study.n_cases:,} scenarios; a comparison keeps all participants in memory, of at most "
            f"{HOURS_UP_TO:,}: lower scenarios.count"
        )
    refuse(faults)
    if folder is not None:
        refuse(drawing_faults())
        check_folder(folder, overwrite)
    studies = {rule: _under(study, rule) for rule in rules}
    for one in studies.values():
        try:
            prepare(one, network, profiles)
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


def _write_comparison(
    study: Study, results: dict[str, Results], table: pd.DataFrame, folder: Path, overwrite: bool, seconds: float
) -> None:
    from fastp2p.sweep.drawing import draw_comparison_figures, write_drawn

    ran = next(iter(results.values()))
    comparison = Comparison(study, ran.profiles, table, savings(results))
    tables = {"comparison": table, "savings": comparison.savings}
    about = describe_run(
        study, ran.network, ran.profiles, rules=tuple(results), tables=tuple(tables), parts=1, seconds=seconds, files={}
    )
    units = UNITS | {f"{rule}_saving": UNITS["saving"] for rule in results}
    with staged_folder(folder, overwrite) as staged:
        write_tables(tables, staged, units)
        write_study(study, staged)
        write_drawn(draw_comparison_figures(comparison), staged)
        write_whole(staged, about, {name: len(one) for name, one in tables.items()})


def compare_results(results: dict[str, Results], confidence: float = CONFIDENCE) -> pd.DataFrame:
    """The table of `compare_rules`, from results of the same draws by rule."""
    by_rule = {rule: list(by_point(result.scenarios)) for rule, result in results.items()}
    rows = []
    for place, (point, before) in enumerate(next(iter(by_rule.values()))):
        for rule, of_rule in by_rule.items():
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
    return pd.DataFrame(rows)


def _mean(values: Floats, confidence: float) -> tuple[float, float, float]:
    """The mean, NaN of no values, and its interval."""
    return (values.mean() if len(values) else np.nan, *mean_interval(values, confidence))


def savings(results: dict[str, Results]) -> pd.DataFrame:
    """What every participant saves against no trading, a column per rule."""
    tables = {rule: result.participants for rule, result in results.items() if result.participants is not None}
    first = next(iter(tables.values()))
    keys = first[[*point_keys(first), "scenario", "bus", "kwp", "load_kwh"]]
    return keys.assign(**{f"{rule}_saving": table["saving"] for rule, table in tables.items()})


def _under(study: Study, rule: str) -> Study:
    """The study under another rule, with its participants kept."""
    return study.with_(market={"pricing": rule}, scenarios={"keep": ("participants",), "stop": None})
