"""Running a study: load what it names, run its parts side by side, write the results."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.dataset as ds

from fastp2p.arguments import described
from fastp2p.cluster import finished_parts, share_work
from fastp2p.errors import InputError, InputWarning
from fastp2p.folder import describe_run, matching_manifest, write_answers
from fastp2p.io.parquet import open_dataset, read_manifest, staged_folder, write_manifest, write_tables
from fastp2p.io.paths import absolute_path
from fastp2p.network import Network
from fastp2p.parts import Done, Part, Work, cut_into_rounds, run_part, write_and_report
from fastp2p.plausible import unit_warnings
from fastp2p.preparation import checked, prepare_with_folder
from fastp2p.profiles import Profiles
from fastp2p.progress import progress_bar
from fastp2p.results import TABLES, Results
from fastp2p.sampling import draw_scenarios
from fastp2p.study import Study
from fastp2p.study_sections import StopPart
from fastp2p.tables import add_histograms
from fastp2p.workers import check_number, count_workers

Progress = Callable[[list[Done], int], None]
"""Called after every part with those done in this run and the number of all parts of the study."""


def run(
    study: Study,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    workers: int | None = None,
    executor: Executor | None = None,
    progress: Progress | bool = False,
    network: Network | None = None,
    profiles: Profiles | None = None,
    batch_scenarios: int | None = None,
) -> Results:
    """Run a study. The numbers are the same to the bit for any workers, executor and batch size.

    Parameters
    ----------
    study : Study
    out : path, optional
        Folder to write tables, study and manifest to. A study of one part appears only when whole; a larger one fills its
        folder part by part, and can be resumed.
    overwrite : bool
        Replace `out` if it exists.
    resume : bool
        Go on with what `out` holds of this study; nothing is done where nothing is missing.
    workers : int, optional
        Threads; by default one per processor that this process may use, and never more.
    executor : concurrent.futures.Executor, optional
        Where to run the parts instead: a process pool, or a Dask cluster's ``client.get_executor()`` (docs/cluster.md).
    progress : bool or callable
        True: a bar on stderr, or where that is no terminal (a notebook, a log) a line every few seconds. A callable is called
        after every part with the parts done so far and the number of all.
    network : Network, optional
        Instead of the one that ``study.network.source`` names; the study's limits are applied to it.
    profiles : Profiles, optional
        Instead of those that ``study.profiles.source`` names.
    batch_scenarios : int, optional
        Scenarios that are in memory at a time, per worker.

    Returns
    -------
    Results

    Raises
    ------
    InputError
        Everything that is wrong with the study, in one message, before anything is run or written.

    Warns
    -----
    InputWarning
        Prices, profiles or sizes that look as if they were in another unit.
    """
    study = checked(study, out, network, profiles)
    folder = None if out is None else absolute_path(out)
    check_number("workers", workers)
    check_number("batch_scenarios", batch_scenarios)
    if executor is not None and not hasattr(executor, "submit"):
        raise InputError(
            f"executor must be one of concurrent.futures, not {described(executor)}; workers is a number of threads"
        )
    if not isinstance(progress, bool) and progress is not None and not callable(progress):
        raise InputError(f"progress = {progress!r}: must be true, false or a function")
    if workers is not None and executor is not None:
        raise InputError("either workers of this machine or an executor, not both")
    if resume and folder is None:
        raise InputError("resume needs a folder to go on with")
    if resume and overwrite:
        raise InputError("either resume a folder or overwrite it, not both")
    resume = resume and folder is not None and folder.exists()
    clock = time.perf_counter()
    network, profiles = prepare_with_folder(study, network, profiles, None if resume else folder, overwrite)
    drawn = draw_scenarios(study, network, profiles, None, range(1))
    for warning in unit_warnings(study, profiles, drawn):
        warnings.warn(warning, InputWarning, stacklevel=2)
    work = (study, network, profiles)
    rounds = cut_into_rounds(study, profiles.n_steps)
    n_parts = sum(len(parts) for parts in rounds)
    bar = progress_bar(study.name) if progress is True else nullcontext(progress or None)
    with bar as tell, _pool(executor, workers, n_parts) as pool:
        if folder is not None and (n_parts > 1 or resume):
            manifest = _begin_folder(work, folder, n_parts, resume, overwrite)
            return _run_in_folder(work, rounds, folder, manifest, pool, tell, batch_scenarios)
        results = _run_in_memory(work, rounds, pool, tell, batch_scenarios)
    if folder is not None:
        from fastp2p.report import write_figures
        from fastp2p.voltage_report import write_voltage_figures

        finished = {"seconds": _since(clock), "parts": 1, "done": [0], "failures": results.failures, "complete": True}
        with staged_folder(folder, overwrite) as staged:
            write_tables(results.tables(), staged)
            (staged / "study.toml").write_text(study.to_toml(), encoding="utf-8")
            write_figures(results, staged)
            if study.audited_every:
                write_voltage_figures(results, staged)
            write_manifest({**describe_run(*work), **finished}, staged)
    return results


def open_results(folder: str | Path) -> dict[str, ds.Dataset]:
    """The tables of a results folder as pyarrow datasets, read only as far as they are asked for; of finished parts alone.

    ``open_results(folder)["scenarios"].to_table().to_pandas()`` reads one; units are in the metadata of the columns.

    Raises
    ------
    InputError
        If it is no results folder.
    """
    if not isinstance(folder, str | Path):
        raise InputError(f"folder must be the path of a results folder, not {described(folder)}")
    place = absolute_path(folder)
    done = read_manifest(place).get("done", [])
    return {name: table for name in TABLES if (table := open_dataset(place, name, done)) is not None}


def _run_in_memory(
    work: Work, rounds: list[list[Part]], pool: Executor, progress: Progress | None, batch_scenarios: int | None
) -> Results:
    """Run the rounds until there are enough, and put their tables together in order."""
    study, stop = work[0], work[0].scenarios.stop
    n_parts = sum(len(parts) for parts in rounds)
    pieces: dict[int, dict[str, pd.DataFrame]] = {}
    finished: list[Done] = []
    shared = share_work(pool, work)
    for parts in rounds:
        for done, tables in finished_parts(pool, partial(run_part, batch_scenarios=batch_scenarios), shared, parts):
            pieces[done.number] = tables
            _tell(progress, finished, done, n_parts)
        ordered = [pieces[number] for number in sorted(pieces)]
        if stop and _is_enough(stop, pd.concat([piece["scenarios"] for piece in ordered])):
            break
    tables = {name: pd.concat([piece[name] for piece in ordered], ignore_index=True) for name in study.tables}
    return _results(work, tables, sorted(failure for done in finished for failure in done.failures))


def _begin_folder(work: Work, folder: Path, n_parts: int, resume: bool, overwrite: bool) -> dict[str, Any]:
    """The manifest of a folder that is gone on with, or of a new one."""
    about = describe_run(*work)
    if resume:
        return matching_manifest(folder, about, work[0])
    manifest = {**about, "seconds": 0.0, "parts": n_parts, "done": [], "failures": []}
    with staged_folder(folder, overwrite) as staged:
        (staged / "study.toml").write_text(work[0].to_toml(), encoding="utf-8")
        write_manifest(manifest, staged)
    return manifest


def _run_in_folder(
    work: Work,
    rounds: list[list[Part]],
    folder: Path,
    manifest: dict[str, Any],
    pool: Executor,
    progress: Progress | None,
    batch_scenarios: int | None,
) -> Results:
    """Run the parts that a folder lacks; each is listed in the manifest once its files are whole."""
    clock = time.perf_counter()
    before, stop = manifest["seconds"], work[0].scenarios.stop
    finished: list[Done] = []
    shared = share_work(pool, work)
    job = partial(write_and_report, folder=folder, batch_scenarios=batch_scenarios)
    for parts in rounds:
        missing = [part for part in parts if part.number not in set(manifest["done"])]
        for done in finished_parts(pool, job, shared, missing):
            manifest["done"] = sorted([*manifest["done"], done.number])
            manifest["failures"] = sorted([*map(tuple, manifest["failures"]), *done.failures])
            manifest["seconds"] = round(before + _since(clock), 3)
            write_manifest(manifest, folder)
            _tell(progress, finished, done, manifest["parts"])
        if stop and _is_enough(stop, open_results(folder)["scenarios"].to_table().to_pandas()):
            break
    tables = {name: _as_run(table, work[2].time) for name, table in open_results(folder).items()}
    results = _results(work, tables, [tuple(failure) for failure in manifest["failures"]])
    if not manifest.get("complete"):
        write_answers(results, folder)
        because = None
        if results.stopped_at and stop:
            because = f"{stop.indicator} is known to within {stop.within:g} of its mean at every share"
        stopped = {"stopped_at": results.stopped_at, "stopped_because": because}
        write_manifest({**manifest, "complete": True, **stopped}, folder)
    return results


def _as_run(table: ds.Dataset, clock: pd.DatetimeIndex | None) -> pd.DataFrame:
    """A table of a folder with the types of one in memory: Parquet gives a fixed offset to UTC as another kind of zone."""
    frame: pd.DataFrame = table.to_table().to_pandas()
    for name in frame.select_dtypes("datetimetz"):
        frame[name] = frame[name].dt.tz_convert(clock.tz if clock is not None else None)
    return frame


def _is_enough(stop: StopPart, scenarios: pd.DataFrame) -> bool:
    """Whether the study may stop after these scenarios."""
    from fastp2p.answers import is_narrow

    return is_narrow(scenarios, stop.indicator, stop.within)


def _results(work: Work, tables: dict[str, pd.DataFrame], failures: list[tuple[float, int, int]]) -> Results:
    study = work[0]
    if "histograms" in tables:
        tables["histograms"] = add_histograms(tables["histograms"])
    if study.scenarios.stop:  # rounds have come one after the other, each with every share
        for name in tables.keys() - {"histograms"}:
            tables[name] = tables[name].sort_values(["share", "scenario"], kind="stable", ignore_index=True)
    per_share = len(tables["scenarios"]) // max(1, len(study.scenarios.shares))
    stopped_at = per_share if study.scenarios.stop and per_share < study.scenarios.count else None
    kept: dict[str, Any] = {name: tables.get(name) for name in TABLES}
    return Results(*work, **kept, failures=failures, stopped_at=stopped_at)


@contextmanager
def _pool(executor: Executor | None, workers: int | None, n_parts: int) -> Iterator[Executor]:
    """The caller's executor, or threads of our own; an interrupt ends them after the parts they are at."""
    if executor is not None:
        yield executor
        return
    pool = ThreadPoolExecutor(count_workers(workers, n_parts), thread_name_prefix="fastp2p")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _tell(progress: Progress | None, finished: list[Done], done: Done, n_parts: int) -> None:
    finished.append(done)
    if progress is not None:
        progress(finished, n_parts)


def _since(clock: float) -> float:
    return round(time.perf_counter() - clock, 3)
