"""Converted networks, kept between runs: importing pandapower takes longer than a study."""

import contextlib
import hashlib
import os
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError

UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
"""What a torn or foreign file in the cache may raise; it is then made anew."""


def loaded_arrays(source: str | Path, names: set[str]) -> dict[str, NDArray[Any]]:
    """Arrays of a network by name or path: from the cache, or converted by pandapower and then kept there.

    Raises
    ------
    InputError
        See `fastp2p.Network.load`.
    """

    def convert() -> dict[str, NDArray[Any]]:
        from fastp2p.io.pandapower import load_network, network_arrays

        net = load_network(source)
        try:
            return network_arrays(net)
        except InputError as error:
            raise InputError([f"network {source}: {fault}" for fault in error.faults]) from error

    return kept_arrays(source, names, convert)


def kept_arrays(source: str | Path, names: set[str], make: Callable[[], dict[str, NDArray[Any]]]) -> dict[str, NDArray[Any]]:
    """Arrays under these names: from the cache, or made and then kept there.

    An entry is found again only for the same names, source, file content, versions of the packages that read it and of what
    converts it. A cache that cannot be read or written is no error. `FASTP2P_CACHE_DIR` moves it.
    """
    entry = _folder() / f"network-{_key(source, names)}.npz"
    with contextlib.suppress(*UNREADABLE), entry.open("rb") as found, np.load(found, allow_pickle=False) as kept:
        return {name: kept[name] for name in names}
    arrays = make()
    with contextlib.suppress(OSError):
        entry.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=entry.parent, suffix=".partial")
        with os.fdopen(handle, "wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]  # the stub takes its own keyword for an array
        Path(name).replace(entry)
    return arrays


def _folder() -> Path:
    chosen = os.environ.get("FASTP2P_CACHE_DIR")
    return Path(chosen) if chosen else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "fastp2p"


def _key(source: str | Path, names: set[str]) -> str:
    packages = ("pandapower", "simbench") if str(source).startswith("simbench:") else ("pandapower",)
    converters = (*packages, "branches", "elements")
    installed = []
    for package in packages:
        with contextlib.suppress(PackageNotFoundError):
            installed.append(version(package))
    digest = hashlib.sha256(f"{installed} {sorted(names)} {source} ".encode())
    for converter in converters:
        digest.update(Path(__file__).with_name(f"{converter}.py").read_bytes())
    with contextlib.suppress(OSError, ValueError):
        digest.update(Path(source).read_bytes())
    return digest.hexdigest()[:32]
