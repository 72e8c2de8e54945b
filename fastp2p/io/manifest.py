"""`manifest.json` and `parts.jsonl`: what fastp2p wrote into a results folder, each file with its size and its hash.

The manifest is written when a run begins and when it ends; between the two, every finished part is a line of its own in
`parts.jsonl`, so that the work of listing a part does not grow with those before it.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, ValidationError, model_serializer

from fastp2p.errors import InputError
from fastp2p.io.files import disk_faults, kind_of, replace_file, sync

MANIFEST, JOURNAL, STUDY = "manifest.json", "parts.jsonl", "study.toml"
MOST_FAILURES = 500_000
"""Failed books that a manifest lists; `parts.jsonl` has all of them."""
MOST_MANIFEST_BYTES = 50_000_000
"""Twice what so many take; what is larger is not ours, nor are longer lines."""
MOST_LINE_BYTES = 20_000_000
MOST_SHOWN = 3

Count = Annotated[int, Field(ge=0, lt=2**63)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
FileName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", max_length=100)]
TableName = Annotated[str, Field(pattern=r"^[a-z_]+$", max_length=100)]
Share = Annotated[float, Field(ge=0, le=1)]
Failure = tuple[Share | tuple[Share | str, ...], Count, Count]
"""A book that could not be solved: where, its scenario, its step.

Where: the share of PV. Of several networks the name of the feeder comes before it, shares of devices that are swept behind it.
"""


class _Record(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True, allow_inf_nan=False)


class FileRecord(_Record):
    """A file as it was written."""

    bytes: Count
    sha256: Digest
    rows: Count | None = None
    """Of a table."""

    @classmethod
    def of(cls, path: Path, rows: int | None = None) -> FileRecord:
        """What a file holds now."""
        with path.open("rb") as file:
            return cls(sha256=hashlib.file_digest(file, "sha256").hexdigest(), bytes=file.tell(), rows=rows)

    def fault(self, path: Path) -> str:
        """How the file now differs from this: missing, a link, changed; '' where it does not."""
        kind = kind_of(path)
        if kind != "file":
            return "missing" if kind == "nothing" else f"a {kind}"
        try:
            same = path.lstat().st_size == self.bytes and FileRecord.of(path, self.rows) == self
        except OSError as error:
            return f"unreadable ({error.strerror})"
        return "" if same else "not as it was written"


class PartRecord(_Record):
    """A finished part: a line of `parts.jsonl`."""

    number: Count
    n_books: Count
    seconds: Annotated[float, Field(ge=0)]
    """Since the run began, over all processes that have gone on with it."""
    failures: tuple[Failure, ...]
    tables: dict[TableName, FileRecord]
    failed_feeder: tuple[str, str] | None = None
    """Of several: which one could not be run, and why; there are no tables then."""
    check: str = ""

    @model_serializer(mode="wrap")
    def _as_ever(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without what there is none of, so that folders from before there was any are resumed."""
        return {key: value for key, value in dump(self).items() if key != "failed_feeder" or value is not None}


class Hashes(_Record):
    """SHA-256 of the inputs of a run."""

    study: Digest
    network: Digest
    profiles: Digest
    tariffs: Digest | None = None
    """Of those from files, and of temperatures."""

    @model_serializer(mode="wrap")
    def _as_ever(self, dump: SerializerFunctionWrapHandler) -> dict[str, str]:
        """Without what there is none of, so that folders from before there was any are resumed."""
        return {key: value for key, value in dump(self).items() if value is not None}


class Manifest(_Record):
    """The files of a results folder, the inputs of its run, and whether it is complete."""

    made_by: Literal["fastp2p"] = "fastp2p"
    study: str
    seed: int
    started: str
    versions: dict[str, str]
    sha256: Hashes
    rules: tuple[str, ...] | None = None
    """Market rules of a comparison."""
    tables: tuple[TableName, ...]
    parts: Annotated[int, Field(ge=1, lt=2**63)]
    """Of the study; one alone is no file of a folder of parts but of this folder, as are the tables of a comparison."""
    complete: bool = False
    seconds: Annotated[float, Field(ge=0)] = 0.0
    finished: Count | None = None
    """Parts that were enough, once complete: all, or those up to where a rule stopped the study."""
    stopped_at: Count | None = None
    stopped_because: str | None = None
    scenarios: Annotated[str, Field(pattern=r"^\d{1,12}(-\d{1,12})?(, \d{1,12}(-\d{1,12})?)*$")] | None = None
    """Numbers of those that were chosen; of a run of all, there is no such key."""
    device: Literal["cuda"] | None = None
    """What ran the books, but for those that a limit may bind; of a run on the processors, there is no such key."""
    card: str | None = None
    """The name of the GPU."""
    failures: tuple[Failure, ...] = ()
    """Of a whole run; of one that is going on, `parts.jsonl` has them."""
    feeders: Count | None = None
    """How many ran, in a study of many networks."""
    failed_feeders: dict[str, str] = {}
    """Why others could not."""
    files: dict[FileName, FileRecord]
    """In this folder, but for this file and `parts.jsonl`."""
    check: str = ""
    """Hash of the above: a byte that was changed shows."""

    @model_serializer(mode="wrap")
    def _as_ever(self, dump: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without keys that say nothing of this run, so that folders from before there were such keys are read."""
        said = dump(self)
        if self.feeders is None:
            del said["feeders"], said["failed_feeders"]
        unsaid = {key for key in ("scenarios", "device", "card") if said[key] is None}
        return {key: value for key, value in said.items() if key not in unsaid}

    def seal(self, record: PartRecord) -> str:
        """The check of a part's record: other runs give other ones, so no line goes over from folder to folder."""
        return _hash(self.sha256.model_dump_json(), self.versions.get("fastp2p", ""), _without_check(record))


def part_file(table: str, number: int) -> Path:
    """Where a part of a table lies in its folder."""
    return Path(table) / f"part-{number:06d}.parquet"


def write_manifest(manifest: Manifest, folder: Path) -> None:
    """Write `manifest.json`.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    sealed = manifest.model_copy(update={"check": _hash(_without_check(manifest))})
    replace_file(folder / MANIFEST, lambda file: file.write(sealed.model_dump_json(indent=2).encode() + b"\n"))
    sync(folder)


def read_manifest(folder: Path, *, sealed: bool = True) -> Manifest:
    """The manifest of a results folder; `sealed`: as it was written.

    Raises
    ------
    InputError
        If there is none, or it is not one that this version of fastp2p writes.
    """
    path = folder / MANIFEST
    if kind_of(path) != "file":
        why = f"its {MANIFEST} is a {kind_of(path)}" if kind_of(path) != "nothing" else f"has no {MANIFEST}"
        raise InputError(f"{folder}: {why}, so it is not a results folder of fastp2p; choose another")
    altered = f"it is not a results folder of this version of fastp2p, or {MANIFEST} was altered; choose another"
    try:
        if path.stat().st_size > MOST_MANIFEST_BYTES:
            raise InputError(f"{path}: is too large; {altered}")
        manifest = Manifest.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise InputError([f"{path}: {fault}; {altered}" for fault in _sentences(error)]) from error
    except OSError as error:
        raise InputError(f"{path}: could not be read: {error.strerror}") from error
    if sealed and not is_sealed(manifest):
        raise InputError(f"{path}: was altered; choose another folder")
    return manifest


def is_sealed(manifest: Manifest) -> bool:
    """Whether a manifest is as it was written."""
    return manifest.check == _hash(_without_check(manifest))


def read_journal(folder: Path, manifest: Manifest) -> Iterator[tuple[bytes, PartRecord | None]]:
    """The lines of `parts.jsonl`, each with its part: None where it was cut off, altered, or is of another run.

    Raises
    ------
    InputError
        If there is none, or it is no file.
    """
    path = folder / JOURNAL
    if kind_of(path) != "file":
        raise InputError(
            f"{path}: is {'missing' if kind_of(path) == 'nothing' else f'a {kind_of(path)}'}; choose another folder"
        )
    try:
        with path.open("rb") as file:
            for n_before in range(manifest.parts + 1):  # there is no more than a line for each part, and a torn one
                line = file.readline(MOST_LINE_BYTES)
                if not line:
                    return
                yield line, _read_line(line, manifest) if n_before < manifest.parts else None
    except OSError as error:
        raise InputError(f"{path}: could not be read: {error.strerror}") from error


def _read_line(line: bytes, manifest: Manifest) -> PartRecord | None:
    try:
        record = PartRecord.model_validate_json(line)
    except ValidationError:
        return None
    fits = line.endswith(b"\n") and record.number < manifest.parts and record.check == manifest.seal(record)
    wanted = set() if record.failed_feeder else set(manifest.tables)
    return record if fits and record.tables.keys() == wanted else None


@contextmanager
def open_journal(folder: Path, manifest: Manifest, kept: set[int]) -> Iterator[Callable[[list[PartRecord]], None]]:
    """Begin `parts.jsonl`, or leave in it only the lines of these parts; then a function that adds lines to it for good.

    Raises
    ------
    InputError
        If the disk refuses; lines before are whole.
    """
    path, whole = folder / JOURNAL, "the parts finished before are complete"
    lines = _lines_of(folder, manifest, set(kept)) if kept else iter(())
    replace_file(path, lambda file: file.writelines(lines))
    sync(folder)
    with disk_faults(path, whole):
        descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | getattr(os, "O_NOFOLLOW", 0))

    def add(records: list[PartRecord]) -> None:
        for table in manifest.tables:
            sync(folder / table)
        sealed = (record.model_copy(update={"check": manifest.seal(record)}) for record in records)
        rest = memoryview(b"".join(record.model_dump_json().encode() + b"\n" for record in sealed))
        with disk_faults(path, whole):
            end = os.fstat(descriptor).st_size
            try:
                while rest:
                    rest = rest[os.write(descriptor, rest) :]
                os.fsync(descriptor)
            except OSError:
                os.ftruncate(descriptor, end)
                raise

    try:
        yield add
    finally:
        os.close(descriptor)


def _lines_of(folder: Path, manifest: Manifest, numbers: set[int]) -> Iterator[bytes]:
    """The lines of these parts, each once."""
    for line, record in read_journal(folder, manifest):
        if record is not None and record.number in numbers:
            numbers.remove(record.number)
            yield line


def _without_check(record: _Record) -> str:
    return record.model_dump_json(exclude={"check"})


def _hash(*texts: str) -> str:
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32]


def _sentences(error: ValidationError) -> list[str]:
    """What is wrong with a manifest: by key, the first few."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    sentences = [": ".join(text for text in (".".join(map(str, fault["loc"])), fault["msg"]) if text)[:200] for fault in faults]
    return sentences[:MOST_SHOWN] + ([f"{len(sentences) - MOST_SHOWN:,} further faults"] if len(sentences) > MOST_SHOWN else [])
