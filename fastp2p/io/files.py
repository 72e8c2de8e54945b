"""Files and folders that are there whole or not at all, and that one run at a time writes to."""

from __future__ import annotations

import contextlib
import ctypes
import os
import re
import shutil
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex
from typing import Any

from fastp2p.errors import InputError

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

LEFTOVER = re.compile(r"\.(.+)\.fastp2p-[0-9a-f]{8}\.(partial|old)")
"""Names of what is written but not yet whole, or replaced but not yet deleted; a killed run leaves them."""
AT_FDCWD = {"linux": -100, "darwin": -2}
SWAP = 2
"""RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS."""


def temporary_name(path: Path, ending: str = "partial") -> Path:
    """A name beside `path` that `LEFTOVER` knows and nobody else uses."""
    return path.with_name(f".{path.name}.fastp2p-{token_hex(4)}.{ending}")


@contextmanager
def disk_faults(path: Path, kept: str) -> Iterator[None]:
    """Turn an error of the disk into a message of one sentence, which says what was kept.

    Raises
    ------
    InputError
    """
    try:
        yield
    except OSError as error:
        raise InputError(f"{path} could not be written: {error.strerror or error}; {kept}") from error


def replace_file(path: Path, write: Callable[[Any], Any], kept: str = "the parts finished before are complete") -> None:
    """Write a file under a temporary name and rename it once the disk has it: there is never half of it under its own.

    `sync` of its folder makes the new name outlast a loss of power.

    Raises
    ------
    InputError
        If the disk refuses; `kept` says what is left.
    """
    temporary = temporary_name(path)
    with disk_faults(path, kept):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with temporary.open("xb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Flush the list of a folder, or the content of a file, to disk; not every file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """`sync` of everything in a folder, and of itself."""
    for path in folder.rglob("*"):
        sync(path)
    sync(folder)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two names in one step, which no crash can cut in two; False where the system cannot."""
    here = AT_FDCWD.get(sys.platform)
    if here is None:
        return False
    try:
        library = ctypes.CDLL(None)
        swap = library.renameat2 if sys.platform == "linux" else library.renameatx_np
        return bool(swap(here, os.fsencode(one), here, os.fsencode(other), SWAP) == 0)
    except (OSError, AttributeError):
        return False


def kind_of(path: Path) -> str:
    """What a name stands for, links not followed: file, folder, link, nothing, or something else."""
    try:
        mode = path.lstat().st_mode
    except (OSError, ValueError):
        return "nothing"
    kinds = {stat.S_IFREG: "file", stat.S_IFDIR: "folder", stat.S_IFLNK: "link"}
    return kinds.get(stat.S_IFMT(mode), "pipe or device")


@contextmanager
def folder_lock(out: Path) -> Iterator[None]:
    """Keep other runs from writing to a folder, and delete the leftovers of killed runs.

    A lock on a file beside the folder, which ends with this process however that ends. Where the file system has no locks,
    nobody is kept away and nothing is cleared.

    Raises
    ------
    InputError
        If another run writes to the folder, or no file can be made beside it.
    """
    with disk_faults(out, "nothing was run"):
        out.parent.mkdir(parents=True, exist_ok=True)
    beside = out.with_name(f".{out.name}.fastp2p.lock")
    descriptor = _locked(beside, out)
    try:
        if descriptor is not None:
            _clear(out)
        yield
    finally:
        if descriptor is not None:
            with contextlib.suppress(OSError):  # the next run finds it and deletes it
                beside.unlink()
            fcntl.flock(descriptor, fcntl.LOCK_UN)  # processes forked meanwhile have it, too
            os.close(descriptor)


def _locked(beside: Path, out: Path) -> int | None:
    """The descriptor of a lock file that is ours alone; None where there are no locks."""
    if fcntl is None:
        return None
    while True:
        try:
            descriptor = os.open(beside, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_NONBLOCK, 0o666)
        except OSError:
            return None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            if beside.stat().st_ino == os.fstat(descriptor).st_ino:  # else the run that had it has just deleted it
                return descriptor
        except BlockingIOError as error:
            os.close(descriptor)
            raise InputError(f"another run writes to {out}; wait for it, or choose another folder") from error
        except FileNotFoundError:
            pass
        except OSError:
            os.close(descriptor)
            return None
        os.close(descriptor)


def _clear(out: Path) -> None:
    """Delete leftovers of killed runs beside a folder; put back a folder that an overwrite moved away but did not replace."""
    for path, ending in leftovers(out.parent, out.name):
        if ending == "old" and kind_of(out) == "nothing":
            with disk_faults(out, f"its former content is in {path}"):
                path.rename(out)
        elif kind_of(path) == "folder":
            shutil.rmtree(path, ignore_errors=True)


def leftovers(folder: Path, of: str | None = None) -> list[tuple[Path, str]]:
    """Leftovers of killed runs in a folder, with their endings: all of them, or those of one name."""
    try:
        found = [(path, LEFTOVER.fullmatch(path.name)) for path in folder.iterdir()]
    except OSError:
        return []
    return sorted((path, match[2]) for path, match in found if match and of in (None, match[1]))
