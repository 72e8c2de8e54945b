"""The one way kernels are compiled: serial, cached on disk where there is room for it, free of the GIL, IEEE arithmetic."""

import contextlib
import hashlib
import os
import re
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar, cast

from numba import njit
from numba.core import caching

from fastp2p.kernels import on_compile

Function = TypeVar("Function", bound=Callable[..., Any])

FunctionCache: Any = caching.FunctionCache  # without types, like the rest of numba
NullCache: Any = caching.NullCache
_faults: list[str] = []
IMPORT = re.compile(r"^[ \t]*(?:from ([\w.]+) )?import (\([^)]*\)|.*)", re.MULTILINE)
"""What a source file imports; to parse all kernel files takes a tenth of a second."""


def kernel(function: Function) -> Function:
    """Compile `function` on first call; `NUMBA_DISABLE_JIT=1` leaves it plain Python.

    Machine code is kept where numba keeps it: in NUMBA_CACHE_DIR, beside the source, or in the user's cache folder. Where none
    of these can be written, or the disk refuses later, what is not found there is compiled for this process alone. It is
    compiled again once the kernel's file has changed, or a kernel file that it imports.
    """
    compiled: Any = njit(nogil=True, error_model="numpy", fastmath=False)(function)
    if compiled is not function:
        try:
            compiled._cache = _Cache(function)
        except (RuntimeError, OSError):  # numba found no folder
            compiled._cache = _NoCache()
    return cast(Function, compiled)


def cache_fault() -> str:
    """Why kernels compiled by this process were not kept on disk; empty where they were, or where none was compiled."""
    return _faults[0] if _faults else ""


def _missed() -> None:
    """Notify those who asked that a kernel is about to be compiled."""
    for call in list(on_compile):  # a call may empty the list
        call()


def _locators() -> list[Any]:
    """Where numba may keep machine code: its own folders, then those of them that can only be read."""
    home = os.getenv("XDG_CACHE_HOME", os.path.expanduser("~"))  # noqa: PTH111  # raises nothing where nobody has a home
    numbas = [
        locator
        for locator in FunctionCache._impl_class._locator_classes
        # numba would make a folder named "~" in this one
        if Path(home).is_absolute() or not any(word in locator.__name__ for word in ("UserWide", "Zip"))
    ]
    ours = [locator for locator in numbas if any(word in locator.__name__ for word in ("Provided", "InTree"))]
    return numbas + [_only_read(locator) for locator in ours]


def _only_read(locator: Any) -> Any:
    """A place of machine code that was kept there by somebody else, such as the one who made an image."""

    class ReadOnly(locator):  # type: ignore[misc]
        def ensure_cache_path(self) -> None:
            if not Path(self.get_cache_path()).is_dir():
                raise FileNotFoundError(self.get_cache_path())

    return ReadOnly


@lru_cache(maxsize=256)
def _read(path: Path, mtime_ns: int, size: int) -> tuple[bytes, tuple[Path, ...]]:  # a file that changes is read again
    """A digest of a source file, and the kernel files that it imports."""
    text, names = path.read_text("utf-8"), set()
    for module, words in IMPORT.findall(text):
        names |= {module, *(f"{module}.{word}".lstrip(".") for word in re.findall(r"[\w.]+", words))}
    folder, package = Path(__file__).parent, __name__.removesuffix("jit")
    files = [folder.joinpath(*name.removeprefix(package).split(".")) for name in names if name.startswith(package)]
    return hashlib.sha256(text.encode()).digest(), tuple(file.with_suffix(".py") for file in files)


def source_stamp(path: Path) -> tuple[bytes, ...]:
    """Digests of a file with kernels and of every kernel file that it imports, also by way of others."""
    found: dict[Path, bytes] = {}
    left = [path]
    while left:  # ends: no file is read twice
        file = left.pop()
        if file not in found and file.is_file():  # names in a module are no files, nor is what lies in a zip
            stat = file.stat()
            found[file], imported = _read(file, stat.st_mtime_ns, stat.st_size)
            left += imported
    return tuple(found[file] for file in sorted(found))


class _Impl(FunctionCache._impl_class):  # type: ignore[misc]
    _locator_classes = _locators()


class _Cache(FunctionCache):  # type: ignore[misc]
    """Numba's cache, but a folder that cannot be read or written, or holds torn files, costs time and not the run."""

    _impl_class = _Impl

    def __init__(self, function: Any) -> None:
        """Numba's own stamp covers the file of the kernel alone."""
        super().__init__(function)
        self._cache_file._source_stamp = (self._cache_file._source_stamp, source_stamp(Path(function.__code__.co_filename)))

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """The kept machine code, or None."""
        kept = None
        try:
            kept = super().load_overload(sig, target_context)
        except Exception:  # whatever unpickling a torn file raises
            with contextlib.suppress(OSError):
                self.flush()  # an index that cannot be read cannot be added to
        if kept is None:
            _missed()
        return kept

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep machine code, if the disk takes it."""
        try:
            super().save_overload(sig, data)
        except Exception as error:
            _faults.append(f"{self.cache_path} could not be written ({getattr(error, 'strerror', None) or error})")


class _NoCache(NullCache):  # type: ignore[misc]
    """No cache; it notes that it was missed."""

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Nothing is kept."""
        _missed()

    def save_overload(self, sig: Any, data: Any) -> None:
        """Note that machine code is lost."""
        _faults.append("there is no folder that they could be kept in")
