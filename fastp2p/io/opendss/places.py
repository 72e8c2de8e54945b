"""Files that a circuit names: where they may lie, and their content."""

from pathlib import Path

from fastp2p.errors import InputError
from fastp2p.io.opendss.words import QUOTES
from fastp2p.io.paths import file_bytes, is_file

MOST_SCRIPT_BYTES = 200_000_000


class Places:
    """Folders of a circuit: all files that it reads lie in the folder of its first file, beside that folder, or below."""

    def __init__(self, first: Path) -> None:
        self.first = first
        self.root = first.resolve().parent.parent

    def find(self, written: str, folder: Path) -> Path:
        """The file that a circuit names, whatever its letters' case.

        Raises
        ------
        InputError
            None of that name, or one elsewhere.
        """
        if not written or "\0" in written:
            raise InputError(f"{written!r} is no name of a file; write the name itself")
        path = folder / written.replace("\\", "/")
        found = _any_case(path)
        if found is None:
            raise InputError(f"there is no file {written}; it is looked for in {folder}")
        if not is_file(found):  # a pipe would never end
            raise InputError(f"{written} is no file; write the name of one")
        if not found.resolve().is_relative_to(self.root):
            raise InputError(f"{written} lies elsewhere; copy it into the folder of {self.first.name}")
        return found

    def shown(self, path: Path) -> str:
        """A path as messages name it: from the folder of the first file."""
        try:
            return path.resolve().relative_to(self.first.resolve().parent).as_posix()
        except ValueError:
            return str(path)


def engine_path(path: Path) -> str:
    """The full path of a file for the engine, which takes it apart as any other word.

    Raises
    ------
    InputError
        A path with characters that would end the word.
    """
    text = str(path.resolve())
    if any(one in text for one in (*QUOTES, *QUOTES.values(), "!", "//", "\n", "\r")):
        raise InputError(f"{text}: the engine reads no path with quotes, brackets or exclamation marks; rename or move it")
    return text


def _any_case(path: Path) -> Path | None:
    """A file by its name, or the only one whose name differs in the case of its letters."""
    if path.exists():
        return path
    parent = path.parent if path.parent.is_dir() else _folder(path.parent)
    alike = [one for one in parent.iterdir() if one.name.lower() == path.name.lower()] if parent else []
    return alike[0] if len(alike) == 1 else None


def _folder(path: Path) -> Path | None:
    """A folder by its name in any case; its own folder must be there as it is written."""
    if not path.parent.is_dir():
        return None
    alike = [one for one in path.parent.iterdir() if one.name.lower() == path.name.lower() and one.is_dir()]
    return alike[0] if len(alike) == 1 else None


def script_bytes(path: Path) -> bytes:
    """The content of a file of commands.

    Raises
    ------
    InputError
        See `fastp2p.io.paths.file_bytes`.
    """
    return file_bytes(path, "OpenDSS file", MOST_SCRIPT_BYTES)
