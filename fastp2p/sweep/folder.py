"""A results folder from beginning to end: the inputs of a run, whether it can be resumed, its statistics."""

from __future__ import annotations

import contextlib
import dataclasses
import platform
import shutil
import tomllib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from fastp2p.errors import InputError, refuse, some
from fastp2p.grid.network import Network
from fastp2p.io.files import disk_faults, kind_of, leftovers, replace_file, sync, sync_tree, temporary_name
from fastp2p.io.folders import ANSWERS, staged_folder
from fastp2p.io.manifest import (
    JOURNAL,
    STUDY,
    Failure,
    FileRecord,
    Manifest,
    PartRecord,
    is_sealed,
    part_file,
    read_journal,
    read_manifest,
    write_manifest,
)
from fastp2p.io.parquet import write_tables
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.columns import UNITS
from fastp2p.results.results import Results
from fastp2p.study.model import Study
from fastp2p.sweep.feeders import Networks, Work
from fastp2p.sweep.hashes import hashes_of
from fastp2p.text import LONGEST_NAME, shown_text

FEEDERS = "feeders.parquet"
PIECE, PIECES = 20, 50
"""Lines of a journal that a thread looks into at a time, and pieces of so many that are in memory."""


@dataclasses.dataclass
class Begun:
    """A results folder that a run fills: what it is of, which parts it has, and what of it is not as it was written."""

    manifest: Manifest
    done: set[int] = dataclasses.field(default_factory=set)
    failed: dict[int, tuple[str, str]] = dataclasses.field(default_factory=dict)
    """Of these parts the ones whose feeders could not be run, and why; they have no files."""
    failures: list[Failure] = dataclasses.field(default_factory=list)
    seconds: float = 0.0
    misfits: dict[str, list[str]] = dataclasses.field(default_factory=dict)
    """By what is wrong with them: files, and lines of the journal."""
    looked_into: list[str] = dataclasses.field(default_factory=list)
    """Files beside the parts whose misfits are known."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is left to do."""
        return self.manifest.complete and not self.misfits

    @property
    def numbers(self) -> list[int] | None:
        """The parts that have files, in their order; None where each table is one file."""
        return None if self.manifest.parts == 1 else sorted(self.done - self.failed.keys())

    def add_misfit(self, why: str, name: str) -> None:
        """Note that something is not as it was written."""
        self.misfits.setdefault(why, []).append(name)

    def faults(self) -> list[str]:
        """A sentence for each thing that is wrong, naming the first few that it is wrong with."""
        return [f"{why}: {some(names)}" for why, names in self.misfits.items()]


def begin(folder: Path, about: Manifest, work: Work, overwrite: bool) -> Begun:
    """A folder without parts, with the study, and its feeders if they are many; what it replaces is gone from now on.

    Raises
    ------
    InputError
        If there is something else, or the disk refuses.
    """
    with staged_folder(folder, overwrite) as staged:
        files = {STUDY: write_study(work[0], staged)}
        if isinstance(work[1], Networks):
            files[FEEDERS] = _write_feeders(work[1], staged)
        manifest = about.model_copy(update={"files": files})
        (staged / JOURNAL).touch()
        write_manifest(manifest, staged)
    return Begun(manifest)


def _write_feeders(networks: Networks, folder: Path) -> FileRecord:
    write_tables({"feeders": networks.table}, folder, UNITS)
    return FileRecord.of(folder / FEEDERS, len(networks.table))


def restore_feeders(folder: Path, begun: Begun, work: Work) -> None:
    """Write the table of the feeders of a run again where it is not as it was written.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    if isinstance(work[1], Networks) and any(FEEDERS in names for names in begun.misfits.values()):
        with disk_faults(folder, "the parts that it has are kept"):
            (folder / FEEDERS).unlink(missing_ok=True)  # it may be a link
            files = begun.manifest.files | {FEEDERS: _write_feeders(work[1], folder)}
        begun.manifest = begun.manifest.model_copy(update={"files": files})
        write_manifest(begun.manifest, folder)


def go_on(folder: Path, about: Manifest, study: Study) -> Begun:
    """A folder that was started with the same study, inputs and version, and the parts of it that are as they were written.

    Raises
    ------
    InputError
        If it was started with others, or is no results folder.
    """
    if kind_of(folder) != "folder":
        raise InputError(f"{folder} is a {kind_of(folder)}, not a folder; name the results folder itself")
    manifest = _matching_manifest(folder, about, study)
    begun = look_into(folder, manifest)
    if not manifest.complete:  # they may run by now
        begun.done -= begun.failed.keys()
        begun.failed.clear()
    for name, record in manifest.files.items() if manifest.complete else ():
        if name not in begun.looked_into and (why := record.fault(folder / name)):
            begun.add_misfit(why, name)
    for inside in (folder, *(folder / table for table in manifest.tables)):
        for path, _ in leftovers(inside):
            with contextlib.suppress(OSError):  # the next run may do it
                shutil.rmtree(path) if kind_of(path) == "folder" else path.unlink()
    return begun


def look_into(folder: Path, manifest: Manifest) -> Begun:
    """Which parts a folder has, each read once to see that it is as it was written; of a study of one part, its tables.

    Also whether `study.toml` is, and `feeders.parquet`. What else it holds is of no matter here.

    Raises
    ------
    InputError
        If the place of a table is a link or a file: what is written there would land elsewhere, or nowhere.
    """
    begun = Begun(manifest)
    tables = [f"{table}.parquet" for table in manifest.tables] if manifest.parts == 1 else []
    begun.looked_into = [STUDY, *([FEEDERS] if manifest.feeders else []), *tables]
    for name in begun.looked_into:
        record = manifest.files.get(name)
        if why := record.fault(folder / name) if record else "not listed in manifest.json":
            begun.add_misfit(why, name)
    if manifest.parts == 1:
        begun.done, begun.failures, begun.seconds = {0}, list(manifest.failures), manifest.seconds
        return begun
    kinds = {table: kind_of(folder / table) for table in manifest.tables}
    refuse(
        [f"{folder / table}: is a {kind}, not a folder" for table, kind in kinds.items() if kind not in ("folder", "nothing")]
    )
    if kind_of(folder / JOURNAL) == "nothing":
        begun.add_misfit("missing", JOURNAL)
        return begun
    _look_into_parts(folder, begun)
    whole = len(begun.done) == manifest.finished == max(begun.done, default=-1) + 1
    if manifest.complete and not begun.misfits and not whole:
        begun.add_misfit("lacks finished parts", JOURNAL)
    return begun


def _look_into_parts(folder: Path, begun: Begun) -> None:
    """Add the parts of a journal that are as they were written, and what is wrong with the others."""
    unreadable = list[int]()
    for number, (record, faults) in enumerate(_looked_at(folder, begun.manifest), 1):
        for line in unreadable:  # of a last line, a crash has cut off the end, and its part is missing
            begun.add_misfit("altered, or of another run", f"line {line} of {JOURNAL}")
        unreadable = [] if record else [number]
        for why, name in faults:
            begun.add_misfit(why, name)
        if record and record.number in begun.done:
            begun.add_misfit(f"named twice in {JOURNAL}", f"part {record.number}")
        elif record and not faults:
            begun.done.add(record.number)
            begun.failures += record.failures
            if record.failed_feeder:
                begun.failed[record.number] = record.failed_feeder
            begun.seconds = max(begun.seconds, record.seconds)


def _looked_at(folder: Path, manifest: Manifest) -> Iterator[tuple[PartRecord | None, list[tuple[str, str]]]]:
    """The parts of a journal, each with what is wrong with its files: why, and with which."""
    records = (record for _, record in read_journal(folder, manifest))
    with ThreadPoolExecutor() as pool:  # hashes are computed beside Python
        while pieces := [piece for _ in range(PIECES) if (piece := list(islice(records, PIECE)))]:
            for piece, faults in zip(pieces, pool.map(partial(_faults, folder), pieces), strict=True):
                yield from zip(piece, faults, strict=True)


def _faults(folder: Path, records: list[PartRecord | None]) -> list[list[tuple[str, str]]]:
    found = []
    for record in records:
        files = {} if record is None else {part_file(table, record.number): one for table, one in record.tables.items()}
        found.append([(why, path.as_posix()) for path, one in files.items() if (why := one.fault(folder / path))])
    return found


def _matching_manifest(folder: Path, about: Manifest, study: Study) -> Manifest:
    """The manifest of a folder that was started with the same study, inputs and version.

    Raises
    ------
    InputError
        Otherwise, naming what differs.
    """
    manifest = read_manifest(folder, sealed=False)
    faults = []
    if manifest.rules is not None:
        faults.append(f"{folder} holds a comparison of market rules, not a run; choose another folder")
    if manifest.scenarios != about.scenarios:
        those = "all scenarios" if manifest.scenarios is None else f"scenarios {shown_text(manifest.scenarios, LONGEST_NAME)}"
        faults.append(f"{folder} is of {those} of the study; choose another folder")
    if manifest.device != about.device:
        again = "continue without a device" if manifest.device is None else f"continue with device = {manifest.device!r}"
        faults.append(f"{folder} was started {'on the processors' if manifest.device is None else 'on a GPU'}; {again}")
    if manifest.sha256.study != about.sha256.study:
        keys = _changed_keys(folder, manifest, study)
        faults.append(f"{folder} holds another study{keys}; choose another folder")
    others = {"network": "another network", "profiles": "other profiles", "tariffs": "other tariffs or temperatures"}
    for part, other in others.items():
        if getattr(manifest.sha256, part) != getattr(about.sha256, part):
            faults.append(f"{folder} was started with {other}; choose another folder")
    before, now = (one.versions.get("fastp2p", "?") for one in (manifest, about))
    if before != now:
        faults.append(f"{folder} was started with fastp2p {before[:50]}; continue with that version, or start again")
    if not faults and (manifest.parts, manifest.tables) != (about.parts, about.tables):
        faults.append(f"{folder} was started with {manifest.parts:,} parts, not {about.parts:,}; choose another folder")
    if not faults and not is_sealed(manifest):
        faults.append(f"{folder}: its manifest.json was altered; choose another folder")
    refuse(faults)
    return manifest


def _changed_keys(folder: Path, manifest: Manifest, study: Study) -> str:
    """Which keys differ from the study in a folder, where that is as it was written."""
    record = manifest.files.get(STUDY)
    if record is None or record.fault(folder / STUDY):
        return ""
    try:
        before = tomllib.loads((folder / STUDY).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return f": {', '.join(_differences(before, tomllib.loads(study.to_toml())))} differ"


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


def describe_run(study: Study, network: Network | Networks, profiles: Profiles, **about: Any) -> Manifest:
    """What a run is made with; `about` has the other fields of a manifest."""
    packages = ("fastp2p", "numpy", "numba", "pandas", "pandapower", "highspy", "scipy")
    return Manifest(
        study=study.name,
        seed=study.seed,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"python": platform.python_version(), **{name: version(name) for name in packages}},
        sha256=hashes_of(study, network, profiles),
        feeders=len(network) if isinstance(network, Networks) else None,
        failed_feeders=network.faults if isinstance(network, Networks) else {},
        **about,
    )


def write_study(study: Study, folder: Path) -> FileRecord:
    """Write the study with every default, `study.toml`; the record of it.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    replace_file(folder / STUDY, lambda file: file.write(study.to_toml().encode()))
    return FileRecord.of(folder / STUDY)


def write_whole(folder: Path, manifest: Manifest, tables: dict[str, int]) -> None:
    """Write the manifest of a folder that holds all that belongs to it; of its tables, the numbers of rows are known.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    rows = {f"{name}.parquet": n for name, n in tables.items()}
    files = {path.name: FileRecord.of(path, rows.get(path.name)) for path in sorted(folder.iterdir())}
    write_manifest(manifest.model_copy(update={"files": files, "complete": True}), folder)


def write_answers(results: Results, folder: Path, manifest: Manifest) -> Manifest:
    """What a sweep answers, as tables and figures, each under its name once all are whole; the manifest that lists them.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    kept = "all parts are complete; resume the run once it can be"
    staged = temporary_name(folder / ANSWERS)
    with disk_faults(folder, kept):
        try:
            staged.mkdir()
            draw_answers(results, staged)
            files = {path.name: FileRecord.of(path) for path in sorted(staged.iterdir())}
            sync_tree(staged)
            # an overwrite knows them by this, should the process end before all of them have their places
            kept_files = {name: one for name, one in manifest.files.items() if name == FEEDERS}
            listed = manifest.model_copy(update={"files": {STUDY: write_study(results.study, folder), **kept_files, **files}})
            write_manifest(listed, folder)
            for name in files:
                (staged / name).replace(folder / name)
            sync(folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return listed


def draw_answers(results: Results, folder: Path) -> None:
    """Write what a run answers, as tables and figures, into a folder that nobody reads yet."""
    from fastp2p.results import statistics
    from fastp2p.results.answers import HOSTING_TABLES, answer_region
    from fastp2p.results.ranking import has_hosting
    from fastp2p.sweep.drawing import draw_day_figures, draw_region_pages, draw_sweep_figures, write_drawn

    if results.feeders is not None and results.chosen:
        return  # figures of a day are of one network
    if results.chosen:  # statistics of a few that somebody has picked would pass for those of the study
        write_drawn(draw_day_figures(results), folder)
        return
    probabilities = statistics.find_probabilities(results.scenarios)
    answers = {
        "summary": statistics.summarise(results.scenarios),
        "changes": statistics.compare_shares(results.scenarios),
        "probabilities": probabilities,
    }
    if results.study.audited_every:
        answers["audit"] = statistics.find_audit_rates(results.scenarios)
    if "unbalance_probability" in probabilities and results.feeders is None:
        answers["hosting_capacity"] = statistics.compare_hosting_capacity(probabilities)
    if results.feeders is not None:
        of_region = answer_region(results.scenarios, results.feeders, probabilities)
        hosting = () if has_hosting(results.scenarios) else HOSTING_TABLES
        found = {name: table for name, table in (answers | of_region).items() if len(table) and name not in hosting}
        write_tables(found, folder, UNITS)
        write_drawn(draw_region_pages(results, answers=of_region), folder)
        return
    write_tables({name: table for name, table in answers.items() if len(table)}, folder, UNITS)
    write_drawn(draw_sweep_figures(results), folder)
