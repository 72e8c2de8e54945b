"""Results folders: which of them fastp2p may replace, and how a complete one replaces another."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from fastp2p.errors import InputError, some
from fastp2p.io.files import LEFTOVER, exchange, kind_of, sync, sync_tree, temporary_name
from fastp2p.io.manifest import JOURNAL, MANIFEST, Manifest, part_file, read_manifest

ANSWERS = "answers"
"""Begins the name of the folder in which answers are made."""


def check_folder(out: Path, overwrite: bool) -> None:
    """Refuse a folder that exists, one that is not ours to replace, or one that cannot be made.

    Raises
    ------
    InputError
    """
    try:
        place = out.resolve()
        if _is_around_us(place):
            raise InputError(f"results need their own folder; '{out}' is the current folder, or above it")
        if out.is_symlink() or (out.exists() and not out.is_dir()):
            raise InputError(f"{out} is a file or a link, not a folder")
        if out.exists() and not overwrite:
            raise InputError(f"{out} exists; choose another folder, or --overwrite it")
        if out.exists() and any(out.iterdir()):
            _refuse_foreign(out)
        parent = place.parent
        while not parent.exists():
            parent = parent.parent
    except InputError:
        raise
    except (OSError, ValueError) as error:
        raise InputError(f"{str(out)[:80]} cannot be written: {error}") from error
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise InputError(f"{out} cannot be written: {parent} is not a folder that you may write to")


def _is_around_us(place: Path) -> bool:
    """Whether it is the folder that this process is in, or above it; nothing is, where that folder is gone."""
    try:
        here = Path.cwd()
    except FileNotFoundError:
        return False
    return place == here or place in here.parents


def _refuse_foreign(out: Path) -> None:
    """Refuse to overwrite files that fastp2p did not write.

    Raises
    ------
    InputError
        A folder without a manifest of ours, or with files that it does not list.
    """
    try:
        manifest = read_manifest(out)
    except InputError as error:
        raise InputError([f"not overwritten: {fault}" for fault in error.faults]) from error
    foreign = [path.relative_to(out).as_posix() + "/" * (kind_of(path) == "folder") for path in _foreign(out, manifest)]
    if foreign:
        raise InputError(
            f"{out} also holds files that fastp2p did not write, and is not overwritten: {some(foreign)}; move them, or "
            "choose another folder"
        )


def _foreign(out: Path, manifest: Manifest) -> Iterator[Path]:
    """What lies in a results folder that its manifest does not list, and that no killed run has left there."""
    ours = {MANIFEST, *manifest.files} | ({JOURNAL} if manifest.parts > 1 else set())
    for path in sorted(out.iterdir()):
        kind = kind_of(path)
        if kind == "folder" and manifest.parts > 1 and path.name in manifest.tables:
            yield from (inside for inside in sorted(path.iterdir()) if not _is_part(inside, manifest))
        elif not (kind == "file" and path.name in ours) and not _is_leftover(path, [*ours, ANSWERS]):
            yield path


def _is_part(path: Path, manifest: Manifest) -> bool:
    """Whether it is a file of a part of the study, be it listed already, or left by a killed run."""
    left = LEFTOVER.fullmatch(path.name)
    name = left[1] if left else path.name
    number = name.removeprefix("part-").removesuffix(".parquet")
    numbered = number.isascii() and number.isdecimal() and len(number) < 20 and int(number) < manifest.parts
    return kind_of(path) == "file" and numbered and name == part_file("", int(number)).name


def _is_leftover(path: Path, names: list[str]) -> bool:
    left = LEFTOVER.fullmatch(path.name)
    return left is not None and left[1] in names and kind_of(path) in ("file", "folder")


@contextmanager
def staged_folder(out: Path, overwrite: bool, check: Callable[[Path, bool], None] = check_folder) -> Iterator[Path]:
    """A temporary folder beside `out` that takes its name when the block ends well, and vanishes when it does not.

    What it replaces is there until then; the two change places in one step wherever the system can do that. `check` says
    whether it may be replaced.

    Raises
    ------
    InputError
        If `out` has appeared in the meantime, or the disk refuses.
    """
    out = out.absolute()
    folder, old = temporary_name(out), temporary_name(out, "old")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir()
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}") from error
    try:
        yield folder
        sync_tree(folder)
        check(out, overwrite)
        if not out.exists():
            folder.rename(out)
        elif not exchange(folder, out):
            out.rename(old)  # a crash after this: the next run puts it back
            folder.rename(out)
        sync(out.parent)
    except OSError as error:
        raise InputError(f"{out} could not be written: {error.strerror}; nothing was kept") from error
    finally:
        if old.exists() and not out.exists():
            old.rename(out)
        for gone in (folder, old):
            shutil.rmtree(gone, ignore_errors=True)
