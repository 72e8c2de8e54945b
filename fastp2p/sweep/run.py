"""Running a study: load what it names, run its parts side by side, write the results."""

from __future__ import annotations

import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path

import pandas as pd

from fastp2p.arguments import described
from fastp2p.errors import InputError, InputWarning
from fastp2p.grid.network import Network
from fastp2p.io.files import folder_lock
from fastp2p.io.folders import check_folder, staged_folder
from fastp2p.io.manifest import (
    MOST_FAILURES,
    Failure,
    FileRecord,
    Manifest,
    PartRecord,
    open_journal,
    write_manifest,
)
from fastp2p.io.parquet import read_table, write_tables
from fastp2p.io.paths import absolute_path
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.pipeline.reduce import Columns
from fastp2p.pipeline.tariffs import hold_tariffs
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.columns import UNITS
from fastp2p.results.results import Results
from fastp2p.results.tables import make_frames
from fastp2p.study.model import Study
from fastp2p.study.scenarios import StopPart
from fastp2p.sweep import on_device
from fastp2p.sweep.chosen import Stretches, choose, kept_tables, stretches_text
from fastp2p.sweep.examine import prepare_many
from fastp2p.sweep.executors import finished_parts, share_work
from fastp2p.sweep.feeders import Work, of_feeder
from fastp2p.sweep.folder import (
    Begun,
    begin,
    describe_run,
    draw_answers,
    go_on,
    restore_feeders,
    write_answers,
    write_study,
    write_whole,
)
from fastp2p.sweep.opened import as_run, feeder_faults, make_results
from fastp2p.sweep.parts import Done, Finished, Jobs, Round, cut_into_rounds, jobs_of, keep_memory
from fastp2p.sweep.plausible import unit_warnings
from fastp2p.sweep.prepare import checked, prepare_with_folder
from fastp2p.sweep.progress import progress_bar
from fastp2p.sweep.sizes import size_fault
from fastp2p.sweep.workers import check_number, count_workers

MOST_WORKERS = 10_000
"""Where it is not known yet how many parts there are."""
Progress = Callable[[Sequence[Done], int], None]
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
    scenarios: Sequence[int] | None = None,
    device: str | None = None,
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
        Instead of the one that ``study.network.source`` names; the study's limits are applied to it. Not for a study of many.
    profiles : Profiles, optional
        Instead of those that ``study.profiles.source`` names.
    batch_scenarios : int, optional
        Scenarios that are in memory at a time, per worker.
    scenarios : sequence of int, optional
        Numbers of the scenarios to run, at every share; by default all. All tables but histograms are kept of them, with the
        numbers to the bit that the whole study gives them. ``study.scenarios.stop`` does not apply, and no statistics are
        written: scenarios that somebody has picked are no sample.
    device : {"cuda"}, optional
        Run the books on a GPU (docs/gpu.md), but for those that a limit may bind. Draws and counts are the same as without it,
        sums to 1e-9 of them. `workers`, `executor` and `batch_scenarios` are not for it.

    Returns
    -------
    Results

    Raises
    ------
    InputError
        Everything that is wrong with the study, in one message, before anything is run or written. Of many networks, those
        that cannot run are listed in `Results.feeders` instead, unless none can.

    Warns
    -----
    InputWarning
        Prices, profiles or sizes that look as if they were in another unit.
    """
    study = checked(study, out, network, profiles)
    chosen = choose(study, scenarios)
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
    card = on_device.find_card(study, device, chosen, workers=workers, executor=executor, batch_scenarios=batch_scenarios)
    if resume and folder is None:
        raise InputError("resume needs a folder to continue")
    if resume and overwrite:
        raise InputError("either resume a folder or overwrite it, not both")
    clock = time.perf_counter()
    has_begun = resume and folder is not None and folder.exists()
    to_write = None if has_begun else folder
    work: Work
    if study.network.sources:
        with _pool(executor, workers, MOST_WORKERS) as pool:
            work = prepare_many(study, profiles, to_write, overwrite, pool, progress is True)
    else:
        network, profiles = prepare_with_folder(study, network, profiles, to_write, overwrite)
        work = (hold_tariffs(study, profiles), network, profiles)
    study = work[0]
    if card is not None:
        on_device.refuse_network(study, work[1])
    for warning in _unit_warnings(work):
        warnings.warn(warning, InputWarning, stacklevel=2)
    feeders = (None,) if isinstance(work[1], Network) else work[1].feeders
    rounds = cut_into_rounds(study, work[2].n_steps, chosen, feeders, card is not None)
    n_parts = sum(len(parts) for parts in rounds)
    too_large = size_fault(*work, chosen)
    if too_large and folder is None:
        fewer = "choose fewer scenarios" if chosen else "lower scenarios.count"
        raise InputError(f"{too_large}; write them to a folder (out), or {fewer}")
    if too_large:
        warnings.warn(f"{too_large}; all parts will be written, but no statistics", InputWarning, stacklevel=2)
    with nullcontext() if folder is None else folder_lock(folder):
        about, begun = None, None
        if folder is not None:
            tables, which = kept_tables(study, chosen), stretches_text(chosen)
            about = describe_run(
                *work, tables=tables, parts=n_parts, files={}, scenarios=which, device=device, card=card
            )  # fmt: skip
            begun, overwrite = _begin_folder(about, work, folder, resume, overwrite)
        bar = progress_bar(study.name) if progress is True else nullcontext(progress or None)
        jobs = jobs_of(batch_scenarios)
        if card is not None:
            jobs, workers = on_device.JOBS, on_device.WORKERS
        with bar as tell, _pool(executor, workers, n_parts) as pool:
            if folder is not None and begun is not None:
                return _run_in_folder(work, rounds, folder, begun, pool, tell, jobs, chosen)
            results = _run_in_memory(work, rounds, pool, tell, jobs, chosen)
        if folder is not None and about is not None:
            _write_day(results, folder, about, overwrite, clock)
    return results


def _unit_warnings(work: Work) -> list[str]:
    """Numbers of a study that look as if they were in another unit; of many feeders, on the first one."""
    first = None if isinstance(work[1], Network) else work[1].feeders[0]
    try:
        study, network, profiles = of_feeder(work, first)
    except InputError:  # its parts will tell
        return []
    return unit_warnings(study, profiles, draw_scenarios(study, network, profiles, None, range(1)))


def _begin_folder(about: Manifest, work: Work, folder: Path, resume: bool, overwrite: bool) -> tuple[Begun | None, bool]:
    """A folder that parts are written to: gone on with, or new; None where it is written whole in the end.

    Also whether what is there is overwritten.
    """
    if resume and folder.exists():
        begun = go_on(folder, about, work[0])
        if begun.misfits:
            again = f"{folder}: files that were altered or lost are made again; {'; '.join(begun.faults())}"
            warnings.warn(again, InputWarning, stacklevel=3)
        if about.parts > 1 or begun.is_whole:
            restore_feeders(folder, begun, work)
            return begun, False
        overwrite = True
    check_folder(folder, overwrite)
    return None if about.parts == 1 else begin(folder, about, work, overwrite), overwrite


def _write_day(results: Results, folder: Path, about: Manifest, overwrite: bool, clock: float) -> None:
    """The folder of a study of one part, which appears when it is whole."""
    from fastp2p.sweep.drawing import draw_day_figures, write_drawn

    tables = results.tables()
    with staged_folder(folder, overwrite) as staged:
        write_tables(tables, staged, UNITS)
        write_study(results.study, staged)
        if results.feeders is None:
            write_drawn(draw_day_figures(results), staged)
        else:
            write_tables({"feeders": results.feeders}, staged, UNITS)
            draw_answers(results, staged)
        ended = {"seconds": _seconds_since(clock), "finished": 1, "failures": tuple(results.failures)}
        write_whole(staged, about.model_copy(update=ended), {name: len(table) for name, table in tables.items()})


def _run_in_memory(
    work: Work,
    rounds: list[Round],
    pool: Executor,
    progress: Progress | None,
    jobs: Jobs,
    chosen: Stretches | None,
) -> Results:
    """Run the rounds until there are enough, and put their tables together in order."""
    stop = None if chosen else work[0].scenarios.stop
    n_parts = sum(len(parts) for parts in rounds)
    pieces: dict[int, dict[str, Columns]] = {}
    finished, failures, failed = Finished(), list[Failure](), dict[int, tuple[str, str]]()
    shared = share_work(pool, work)
    keep_memory()
    for parts in rounds:
        for ended in finished_parts(pool, jobs.run, shared, parts):
            for done, columns in ended:
                if done.failed_feeder:
                    failed[done.number] = done.failed_feeder
                else:
                    pieces[done.number] = columns
                failures += done.failures
                _tell(progress, finished, done, n_parts)
        if not pieces:
            raise InputError(feeder_faults(failed))
        ordered = [pieces[number] for number in sorted(pieces)]
        if stop and _is_enough(stop, make_frames([{"scenarios": piece["scenarios"]} for piece in ordered])["scenarios"]):
            break
    return make_results(work, make_frames(ordered, work[2].time), sorted(failures), chosen, failed)


def _run_in_folder(
    work: Work,
    rounds: list[Round],
    folder: Path,
    begun: Begun,
    pool: Executor,
    progress: Progress | None,
    jobs: Jobs,
    chosen: Stretches | None,
) -> Results:
    """Run the parts that a folder lacks; each counts once its files are whole and it is listed in the journal."""
    manifest = begun.manifest
    if not begun.is_whole:
        if manifest.complete:
            manifest = manifest.model_copy(update={"complete": False, "finished": None})
            write_manifest(manifest, folder)
        seconds = _run_missing(work, rounds, folder, begun, pool, progress, jobs)
    if too_large := size_fault(*work, chosen):
        raise InputError(f"{folder}: all parts are complete, but {too_large}; read them with fastp2p.open_results")
    if begun.numbers == []:
        raise InputError(feeder_faults(begun.failed))
    tables = {name: as_run(read_table(folder, name, begun.numbers), work[2].time) for name in manifest.tables}
    results = make_results(work, tables, sorted(begun.failures), chosen, begun.failed)
    if not begun.is_whole:
        stop, because = work[0].scenarios.stop, None
        if results.stopped_at and stop:
            because = f"{stop.indicator} is known to within {stop.within:g} of its mean at every share"
        listed = write_answers(results, folder, manifest)
        ended = {
            "complete": True,
            "finished": len(begun.done),
            "seconds": seconds,
            "failures": tuple(results.failures[:MOST_FAILURES]),
        }
        stopped = {"stopped_at": results.stopped_at, "stopped_because": because}
        of_feeders = {}
        if results.feeders is not None:
            rows = results.feeders[results.feeders["fault"] != ""]
            faults = dict(zip(rows["feeder"], rows["fault"], strict=True))
            of_feeders = {"feeders": len(results.networks), "failed_feeders": faults}
        write_manifest(listed.model_copy(update={**ended, **stopped, **of_feeders}), folder)
    return results


def _run_missing(
    work: Work,
    rounds: list[Round],
    folder: Path,
    begun: Begun,
    pool: Executor,
    progress: Progress | None,
    jobs: Jobs,
) -> float:
    """Add the parts that are missing to a folder; seconds that all of it took."""
    clock, stop = time.perf_counter(), None if begun.manifest.scenarios else work[0].scenarios.stop
    finished = Finished()
    n_parts = sum(len(parts) for parts in rounds)
    shared = share_work(pool, work)
    job = partial(jobs.write, folder=folder)
    with open_journal(folder, begun.manifest, begun.done) as add:
        for parts in rounds:
            missing = (part for part in parts if part.number not in begun.done)
            for ended in finished_parts(pool, job, shared, missing):
                seconds = round(begun.seconds + _seconds_since(clock), 3)
                add([_record(done, written, seconds) for done, written in ended])
                for done, _ in ended:
                    begun.done.add(done.number)
                    begun.failures += done.failures
                    if done.failed_feeder:
                        begun.failed[done.number] = done.failed_feeder
                    _tell(progress, finished, done, n_parts)
            if stop and begun.numbers and _is_enough(stop, read_table(folder, "scenarios", begun.numbers)):
                break
    return round(begun.seconds + _seconds_since(clock), 3)


def _record(done: Done, written: dict[str, FileRecord], seconds: float) -> PartRecord:
    failures = tuple(done.failures)
    return PartRecord(
        number=done.number, n_books=done.n_books, seconds=seconds, failures=failures, tables=written,
        failed_feeder=done.failed_feeder,
    )  # fmt: skip


def _is_enough(stop: StopPart, scenarios: pd.DataFrame) -> bool:
    """Whether the study may stop after these scenarios, on every feeder."""
    from fastp2p.results.statistics import is_narrow

    by_feeder = [rows for _, rows in scenarios.groupby("feeder")] if "feeder" in scenarios else [scenarios]
    return all(is_narrow(rows, stop.indicator, stop.within) for rows in by_feeder)


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


def _tell(progress: Progress | None, finished: Finished, done: Done, n_parts: int) -> None:
    finished.add(done)
    if progress is not None:
        progress(finished, n_parts)


def _seconds_since(clock: float) -> float:
    return round(time.perf_counter() - clock, 3)
