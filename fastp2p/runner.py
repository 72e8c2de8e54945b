"""Running a study: load what it names, run its parts side by side, write the results."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import platform
import shutil
import time
import tomllib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor, as_completed
from contextlib import contextmanager, nullcontext
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar

import pandas as pd
import pyarrow.dataset as ds

from fastp2p.errors import InputError, refuse
from fastp2p.io.parquet import check_folder, open_dataset, read_manifest, staged_folder, write_manifest, write_tables
from fastp2p.network import Network
from fastp2p.parts import Done, Part, cut_into_parts, run_part, write_and_report
from fastp2p.profiles import Profiles
from fastp2p.progress import progress_bar
from fastp2p.results import TABLES, Results
from fastp2p.sampling import draw_scenarios
from fastp2p.study import Study, profile_names
from fastp2p.tables import add_histograms

Result = TypeVar("Result")
Work = tuple[Study, Network, Profiles]
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
        Threads; by default one per processor.
    executor : concurrent.futures.Executor, optional
        Where to run the parts instead, such as a process pool.
    progress : bool or callable
        True: a bar on stderr. A callable is called after every part with the parts done so far and the number of all.
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
    """
    _check_kinds(study, out, network, profiles)
    folder = None if out is None else Path(out)
    if workers is not None and workers < 1:
        raise InputError(f"workers = {workers}: must be at least 1")
    if resume and folder is None:
        raise InputError("resume needs a folder to go on with")
    if resume and overwrite:
        raise InputError("either resume a folder or overwrite it, not both")
    resume = resume and folder is not None and folder.exists()
    clock = time.perf_counter()
    network, profiles = _checked(study, network, profiles, None if resume else folder, overwrite)
    about = _about(study, network, profiles)
    parts = cut_into_parts(study, profiles.n_steps)
    work = (study, network, profiles)
    bar = progress_bar(study.name) if progress is True else nullcontext(progress or None)
    with bar as tell, _pool(executor, workers, len(parts)) as pool:
        if folder is not None and (len(parts) > 1 or resume):
            return _run_in_folder(work, parts, folder, resume, about, pool, tell, batch_scenarios)
        results = _run_in_memory(work, parts, pool, tell, batch_scenarios)
    if folder is not None:
        from fastp2p.report import write_figures

        with staged_folder(folder, overwrite) as staged:
            write_tables(results.tables(), staged)
            (staged / "study.toml").write_text(study.to_toml(), encoding="utf-8")
            write_figures(results, staged)
            write_manifest(
                {**about, "seconds": _since(clock), "parts": 1, "done": [0], "failures": results.failures, "complete": True},
                staged,
            )
    return results


def open_results(folder: str | Path) -> dict[str, ds.Dataset]:
    """The tables of a results folder as pyarrow datasets, read only as far as they are asked for.

    ``open_results(folder)["scenarios"].to_table().to_pandas()`` reads one; units are in the metadata of the columns.

    Raises
    ------
    InputError
        If it is no results folder.
    """
    read_manifest(Path(folder))
    return {name: table for name in TABLES if (table := open_dataset(Path(folder), name)) is not None}


def prepare(study: Study, network: Network | None = None, profiles: Profiles | None = None) -> tuple[Network, Profiles]:
    """The network, under the study's limits, and the profiles of a study; everything wrong with either in one error.

    Raises
    ------
    InputError
    """
    faults: list[str] = []
    part = study.network
    try:
        network = network or Network.load(part.source)
        network = network.with_limits(
            part.limits,
            angle_deg=part.angle_deg,
            factor=part.limit_factor,
            ampacity_ka=part.ampacity_ka,
            ampacity_ka_by_std_type=part.ampacity_ka_by_std_type,
            ampacity_ka_by_line=part.ampacity_ka_by_line,
        )
    except InputError as error:
        faults += error.faults
    try:
        profiles = (profiles or Profiles.load(study.profiles.source)).repeated(study.profiles.days)
    except InputError as error:
        faults += error.faults
    if profiles is not None and network is not None:
        try:
            draw_scenarios(study, network, profiles, None, range(1))
        except InputError as error:
            faults += error.faults
    elif profiles is not None:
        for name, kind in ((study.load.profile, "load"), (study.pv.profile, "pv")):
            faults += profiles.missing(profile_names(name), kind)
    if faults or network is None or profiles is None:
        raise InputError(faults)
    return network, profiles


def _check_kinds(study: Any, out: Any, network: Any, profiles: Any) -> None:
    given: dict[str, tuple[Any, type | UnionType, str]] = {
        "study": (study, Study, "a Study; studies() has the built-in ones, Study.from_toml reads one"),
        "out": (out, str | Path | None, "a path"),
        "network": (network, Network | None, "a Network; Network.load knows names and files"),
        "profiles": (profiles, Profiles | None, "Profiles; Profiles.load knows names and files"),
    }
    refuse([f"{name} must be {what}" for name, (value, kinds, what) in given.items() if not isinstance(value, kinds)])


def _checked(
    study: Study, network: Network | None, profiles: Profiles | None, folder: Path | None, overwrite: bool
) -> tuple[Network, Profiles]:
    """`prepare`, and that the folder can be written; everything wrong in one error."""
    faults: list[str] = []
    try:
        if folder is not None:
            check_folder(folder, overwrite)
    except InputError as error:
        faults += error.faults
    try:
        network, profiles = prepare(study, network, profiles)
    except InputError as error:
        faults += error.faults
    if faults or network is None or profiles is None:
        raise InputError(faults)
    return network, profiles


def _run_in_memory(
    work: Work, parts: list[Part], pool: Executor, progress: Progress | None, batch_scenarios: int | None
) -> Results:
    """Run all parts and put their tables together in order."""
    pieces: dict[int, dict[str, pd.DataFrame]] = {}
    finished: list[Done] = []
    for done, tables in _finished(pool, partial(run_part, *work, batch_scenarios=batch_scenarios), parts):
        pieces[done.number] = tables
        _tell(progress, finished, done, len(parts))
    ordered = [pieces[part.number] for part in parts]
    tables = {name: pd.concat([piece[name] for piece in ordered], ignore_index=True) for name in work[0].tables}
    failures = sorted(failure for done in finished for failure in done.failures)
    return _results(work, tables, failures)


def _run_in_folder(
    work: Work,
    parts: list[Part],
    folder: Path,
    resume: bool,
    about: dict[str, Any],
    pool: Executor,
    progress: Progress | None,
    batch_scenarios: int | None,
) -> Results:
    """Run the parts that a folder lacks; each is listed in the manifest once its files are whole."""
    clock = time.perf_counter()
    if resume:
        manifest = _matching_manifest(folder, about, work[0])
    else:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        (folder / "study.toml").write_text(work[0].to_toml(), encoding="utf-8")
        manifest = {**about, "seconds": 0.0, "parts": len(parts), "done": [], "failures": []}
        write_manifest(manifest, folder)
    missing = [part for part in parts if part.number not in set(manifest["done"])]
    before = manifest["seconds"]
    finished: list[Done] = []
    for done in _finished(pool, partial(write_and_report, *work, folder=folder, batch_scenarios=batch_scenarios), missing):
        manifest["done"] = sorted([*manifest["done"], done.number])
        manifest["failures"] = sorted([*map(tuple, manifest["failures"]), *done.failures])
        manifest["seconds"] = round(before + _since(clock), 3)
        write_manifest(manifest, folder)
        _tell(progress, finished, done, len(parts))
    tables = {name: table.to_table().to_pandas() for name, table in open_results(folder).items()}
    results = _results(work, tables, [tuple(failure) for failure in manifest["failures"]])
    if not manifest.get("complete"):
        _write_answers(results, folder)
        write_manifest({**manifest, "complete": True}, folder)
    return results


def _write_answers(results: Results, folder: Path) -> None:
    """What a sweep answers, as tables and figures."""
    from fastp2p.answers import compare_shares, find_probabilities, summarise
    from fastp2p.sweep_report import write_sweep_figures

    answers = {
        "summary": summarise(results.scenarios),
        "changes": compare_shares(results.scenarios),
        "probabilities": find_probabilities(results.scenarios),
    }
    write_tables({name: table for name, table in answers.items() if len(table)}, folder)
    write_sweep_figures(results, folder)


def _results(work: Work, tables: dict[str, pd.DataFrame], failures: list[tuple[float, int, int]]) -> Results:
    return Results(
        *work,
        scenarios=tables["scenarios"],
        hours=tables.get("hours"),
        histograms=add_histograms(tables["histograms"]) if "histograms" in tables else None,
        books=tables.get("books"),
        trades=tables.get("trades"),
        branches=tables.get("branches"),
        participants=tables.get("participants"),
        failures=failures,
    )


def _matching_manifest(folder: Path, about: dict[str, Any], study: Study) -> dict[str, Any]:
    """The manifest of a folder that was begun with the same study, inputs and version.

    Raises
    ------
    InputError
        Otherwise, naming what differs.
    """
    manifest = read_manifest(folder)
    faults = []
    if manifest["sha256"]["study"] != about["sha256"]["study"]:
        before = tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))
        keys = _differences(before, tomllib.loads(study.to_toml()))
        faults.append(f"{folder} holds another study: {', '.join(keys)} differ; choose another folder")
    for part in ("network", "profiles"):
        if manifest["sha256"][part] != about["sha256"][part]:
            faults.append(f"{folder} was begun with another content of {part}; choose another folder")
    if manifest["versions"]["fastp2p"] != about["versions"]["fastp2p"]:
        faults.append(
            f"{folder} was begun with fastp2p {manifest['versions']['fastp2p']}; go on with that version, or start anew"
        )
    refuse(faults)
    return manifest


def _differences(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """Keys of two nested tables whose values differ."""
    keys = []
    for key in sorted(before.keys() | now.keys()):
        one, other = before.get(key), now.get(key)
        if isinstance(one, dict) and isinstance(other, dict):
            keys += _differences(one, other, f"{prefix}{key}.")
        elif one != other:
            keys.append(f"{prefix}{key}")
    return keys


@contextmanager
def _pool(executor: Executor | None, workers: int | None, n_parts: int) -> Iterator[Executor]:
    """The caller's executor, or threads of our own; an interrupt ends them after the parts they are at."""
    if executor is not None:
        yield executor
        return
    pool = ThreadPoolExecutor(max(1, min(workers or os.cpu_count() or 1, n_parts)), thread_name_prefix="fastp2p")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _finished(pool: Executor, job: Callable[[Part], Result], parts: list[Part]) -> Iterator[Result]:
    """What the job gives for each part, as it is done."""
    futures = [pool.submit(job, part) for part in parts]
    try:
        for future in as_completed(futures):
            yield future.result()
    finally:
        for future in futures:
            future.cancel()


def _tell(progress: Progress | None, finished: list[Done], done: Done, n_parts: int) -> None:
    finished.append(done)
    if progress is not None:
        progress(finished, n_parts)


def _since(clock: float) -> float:
    return round(time.perf_counter() - clock, 3)


def _about(study: Study, network: Network, profiles: Profiles) -> dict[str, Any]:
    """What a run is made with."""
    packages = ("fastp2p", "numpy", "numba", "pandas", "pandapower", "highspy", "scipy")
    return {
        "study": study.name,
        "seed": study.seed,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "sha256": {
            "study": _sha256(study.to_toml().encode()),
            "network": _sha256(*(getattr(network, f.name).tobytes() for f in dataclasses.fields(network))),
            "profiles": _sha256(repr((profiles.names, profiles.kinds)).encode(), profiles.kwh_per_unit.tobytes()),
        },
    }


def _sha256(*pieces: bytes) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
