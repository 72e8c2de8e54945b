"""Paths that users give, and a home for those who have none."""

import hashlib
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fastp2p.errors import InputError
from fastp2p.text import printable

MOST_BYTES = {".json": 60_000_000, ".xlsx": 50_000_000}
"""Of a network file, by the ending of its name; 10,000 buses with results take 8 MB."""


def is_file(path: Path) -> bool:
    """Whether there is such a file; false, too, for what cannot be a path (a NUL byte, a name too long)."""
    try:
        return path.is_file()
    except (OSError, ValueError):
        return False


def is_missing(path: Path) -> bool:
    """Whether there is nothing of that name; also true of what cannot be a path (a NUL byte)."""
    try:
        path.stat()
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return True
    except OSError:  # there, but not for us, or going in circles
        return False
    return False


def is_folder_name(name: str) -> bool:
    """Whether a text does as the name of a folder, on any system: one part, not hidden, nothing in it that is not seen."""
    reserved = re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", name)
    is_long = len(name) > 100 or len(name.encode(errors="replace")) > 200
    plain = printable(name) == name == name.strip() and not re.search(r"[/\\]", name)
    return bool(name) and plain and not (name.startswith(".") or is_long or reserved)


def file_name_of(text: str) -> str:
    """A part of a file name for any text: the text itself where it may be one, else what is left of it and a hash of it."""
    plain = re.sub(r"[^\w.-]+", "-", text).strip(".-")[:60]
    if plain == text and is_folder_name(text):
        return text
    return f"{plain}-{hashlib.sha256(text.encode(errors='surrogatepass')).hexdigest()[:8]}".lstrip("-")


def check_file(path: Path, what: str, most_bytes: int) -> None:
    """That a file is there, a regular one, and not too large to be what it should be: a pipe or a device may never end.

    Raises
    ------
    InputError
        Naming `what` it should be, such as ``network file``.
    """
    try:
        about = path.stat()
    except (OSError, ValueError) as error:
        missing = isinstance(error, FileNotFoundError | NotADirectoryError | ValueError)
        why = "not found" if missing else f"could not be read ({getattr(error, 'strerror', None) or error})"
        raise InputError(f"{what} {path}: {why}") from error
    if not stat.S_ISREG(about.st_mode):
        raise InputError(f"{what} {path}: is {_kind(about.st_mode)}, not a file")
    if about.st_size > most_bytes:
        most = f"{most_bytes / 1e6:,.0f} MB"
        raise InputError(f"{what} {path}: {about.st_size / 1e6:,.0f} MB; files over {most} are not read")


def network_content(source: str | Path) -> bytes | None:
    """The content of a network file; None for a source that is a name.

    Raises
    ------
    InputError
        See `file_bytes`.
    """
    most_bytes = MOST_BYTES.get(Path(source).suffix.lower())
    return None if most_bytes is None else file_bytes(Path(source), "network file", most_bytes)


def file_bytes(path: Path, what: str, most_bytes: int) -> bytes:
    """The content of a file that `check_file` lets pass, which holds for what is read, not for what was there a moment before.

    Raises
    ------
    InputError
        See `check_file`; and for a file without content.
    """
    check_file(path, what, most_bytes)
    try:
        with os.fdopen(os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise InputError(f"{what} {path}: is not a file any more")
            content = file.read(most_bytes + 1)
    except OSError as error:
        raise InputError(f"{what} {path}: could not be read ({error.strerror or error})") from error
    if not content:
        raise InputError(f"{what} {path}: is empty")
    if len(content) > most_bytes:
        raise InputError(f"{what} {path}: grew over {most_bytes / 1e6:,.0f} MB while it was read")
    return content


def _kind(mode: int) -> str:
    """What something is that is no regular file."""
    kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
    return kinds.get(stat.S_IFMT(mode), "a device")


def expanded(path: str | Path) -> Path:
    """A path with a leading ``~`` as the user's home, or ``~name`` as that of a user; a plain name such as ``~x.csv`` stays.

    Raises
    ------
    InputError
        A home that nobody knows.
    """
    try:
        return Path(path).expanduser()
    except RuntimeError as error:
        if len(Path(path).parts) == 1 and str(path) != "~":
            return Path(path)
        raise InputError(f"{path}: the home folder of this user is unknown; write the full path") from error


def absolute_path(path: str | Path) -> Path:
    """A path that stays the same wherever the process goes, a leading ``~`` as the user's home.

    Raises
    ------
    InputError
        A relative path where the working folder is gone, and what `expanded` refuses.
    """
    try:
        return expanded(path).absolute()
    except OSError as error:
        raise InputError(f"{path}: the folder that you are in is gone; change to one that exists") from error


@contextmanager
def some_home() -> Iterator[None]:
    """For imports that ask for the user's home where there is none: one that is no folder, so that nothing is written there."""
    before = os.environ.get("HOME")
    if Path(os.path.expanduser("~")).is_absolute():  # noqa: PTH111  # raises nothing
        yield
        return
    os.environ["HOME"] = os.devnull
    try:
        yield
    finally:
        del os.environ["HOME"]
        if before is not None:
            os.environ["HOME"] = before
