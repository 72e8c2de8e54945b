"""A results folder from beginning to end: the inputs of a run, whether it can be resumed, its statistics."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
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

import numpy as np

from fastp2p.errors import InputError, refuse, some
from fastp2p.grid.network import Network
from fastp2p.io.files import disk_faults, kind_of, leftovers, replace_file, sync, sync_tree, temporary_name
from fastp2p.io.folders import ANSWERS, staged_folder
from fastp2p.io.manifest import (
    JOURNAL,
    STUDY,
    Failure,
    FileRecord,
    Hashes,
    Manifest,
    PartRecord,
    is_sealed,
    part_file,
    read_journal,
    read_manifest,
    write_manifest,
)
from fastp2p.io.parquet import write_tables
from fastp2p.pipeline.tariffs import tariffs_of_files
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.columns import UNITS
from fastp2p.results.results import Results
from fastp2p.study.model import Study
from fastp2p.text import LONGEST_NAME, shown_text

PIECE, PIECES = 20, 50
"""Lines of a journal that a thread looks into at a time, and pieces of so many that are in memory."""


@dataclasses.dataclass
class Begun:
    """A results folder that a run fills: what it is of, which parts it has, and what of it is not as it was written."""

    manifest: Manifest
    done: set[int] = dataclasses.field(default_factory=set)
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
        """The parts in their order; None where each table is one file."""
        return None if self.manifest.parts == 1 else sorted(self.done)

    def add_misfit(self, why: str, name: str) -> None:
        """Note that something is not as it was written."""
        self.misfits.setdefault(why, []).append(name)

    def faults(self) -> list[str]:
        """A sentence for each thing that is wrong, naming the first few that it is wrong with."""
        return [f"{why}: {some(names)}" for why, names in self.misfits.items()]


def begin(folder: Path, about: Manifest, study: Study, overwrite: bool) -> Begun:
    """A folder without parts; what it replaces is gone from now on.

    Raises
    ------
    InputError
        If there is something else, or the disk refuses.
    """
    with staged_folder(folder, overwrite) as staged:
        manifest = about.model_copy(update={"files": {STUDY: write_study(study, staged)}})
        (staged / JOURNAL).touch()
        write_manifest(manifest, staged)
    return Begun(manifest)


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

    Also whether `study.toml` is. What else it holds is of no matter here.

    Raises
    ------
    InputError
        If the place of a table is a link or a file: what is written there would land elsewhere, or nowhere.
    """
    begun = Begun(manifest)
    begun.looked_into = [STUDY] + ([f"{table}.parquet" for table in manifest.tables] if manifest.parts == 1 else [])
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


def describe_run(study: Study, network: Network, profiles: Profiles, **about: Any) -> Manifest:
    """What a run is made with; `about` has the other fields of a manifest."""
    packages = ("fastp2p", "numpy", "numba", "pandas", "pandapower", "highspy", "scipy")
    return Manifest(
        study=study.name,
        seed=study.seed,
        started=datetime.now(UTC).isoformat(timespec="seconds"),
        versions={"python": platform.python_version(), **{name: version(name) for name in packages}},
        sha256=hashes_of(study, network, profiles),
        **about,
    )


def hashes_of(study: Study, network: Network, profiles: Profiles) -> Hashes:
    """Hashes of what a run is made from; the study's tariffs are those that `hold_tariffs` has read."""
    of_files = [piece for key, one in tariffs_of_files(study, profiles).items() for piece in (key.encode(), one.tobytes())]
    return Hashes(
        study=_sha256(study.to_toml().encode()),
        network=_sha256(*_network_bytes(network)),
        profiles=_sha256(*_profile_bytes(profiles)),
        tariffs=_sha256(*of_files) if of_files else None,
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


def _network_bytes(network: Network) -> list[bytes]:
    """Its arrays, optional ones only where there are any, so that folders from before there were such are resumed."""
    is_limited = bool(np.isfinite(network.reverse_kw).any())
    left_out = {"zero"} if is_limited else {"zero", "reverse_kw"}
    names = [field.name for field in dataclasses.fields(network) if field.name not in left_out]
    zero = network.zero
    more = [] if zero is None else [getattr(zero, name).tobytes() for name in zero.names_that_tell()]
    return [getattr(network, name).tobytes() for name in names] + more


def _profile_bytes(profiles: Profiles) -> list[bytes]:
    """What results depend on: names, energy, the length of a step, and times, which stand in the tables."""
    time = profiles.time
    axis = [] if time is None else [str(time.tz).encode(), time.as_unit("ns").asi8.tobytes()]
    about = repr((profiles.names, profiles.kinds, profiles.step_hours)).encode()
    return [about, profiles.kwh_per_unit.tobytes(), *axis]


def _sha256(*pieces: bytes) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()


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
            _draw_answers(results, staged)
            files = {path.name: FileRecord.of(path) for path in sorted(staged.iterdir())}
            sync_tree(staged)
            # an overwrite knows them by this, should the process end before all of them have their places
            listed = manifest.model_copy(update={"files": {STUDY: write_study(results.study, folder), **files}})
            write_manifest(listed, folder)
            for name in files:
                (staged / name).replace(folder / name)
            sync(folder)
        finally:
            shutil.rmtree(staged, ignore_errors=True)
    return listed


def _draw_answers(results: Results, folder: Path) -> None:
    from fastp2p.results import statistics
    from fastp2p.sweep.drawing import draw_day_figures, draw_sweep_figures, write_drawn

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
    if "unbalance_probability" in probabilities:
        answers["hosting_capacity"] = statistics.compare_hosting_capacity(probabilities)
    write_tables({name: table for name, table in answers.items() if len(table)}, folder, UNITS)
    write_drawn(draw_sweep_figures(results), folder)
