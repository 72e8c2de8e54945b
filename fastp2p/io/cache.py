"""Converted networks, kept between runs: importing pandapower takes longer than a study."""

import contextlib
import hashlib
import io
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError
from fastp2p.io.paths import network_content

UNREADABLE = (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error)
"""What a torn or foreign file in the cache may raise; it is then made again."""


def loaded_arrays(source: str | Path, names: set[str], stated: Mapping[str, Any] | None = None) -> dict[str, NDArray[Any]]:
    """Arrays of a network by name or path: from the cache, or converted by pandapower and then kept there.

    Parameters
    ----------
    source : str or Path
    names : set of str
    stated : mapping, optional
        For the arrays of its zero sequence: what holds where it has no data.

    Raises
    ------
    InputError
        See `fastp2p.Network.load`.
    """

    def convert() -> dict[str, NDArray[Any]]:
        from fastp2p.io.coordinates import keep_coordinates
        from fastp2p.io.network_sources import load_network
        from fastp2p.io.pandapower import network_arrays
        from fastp2p.io.phases import zero_arrays

        net = load_network(source)
        try:
            arrays = network_arrays(net) if stated is None else zero_arrays(net, stated)
        except InputError as error:
            raise InputError([f"network {source}: {fault}" for fault in error.faults]) from error
        keep_coordinates(source, net)  # so that a report need not load it again
        return arrays

    return kept_arrays(source, names, convert, "" if stated is None else repr(sorted(stated.items())))


def kept_arrays(
    source: str | Path, names: set[str], make: Callable[[], dict[str, NDArray[Any]]], stated: str = ""
) -> dict[str, NDArray[Any]]:
    """Arrays under these names: from the cache, or made and then kept there.

    An entry is found again only for the same names, source, file content, what is `stated` besides, versions of the packages
    that read it and of what converts it. A cache that cannot be read or written is no error, nor is a user without a home.
    `FASTP2P_CACHE_DIR` moves it.
    """
    folder = _folder()
    if folder is None:
        return make()
    key = _key(source, names, stated)
    entry = folder / f"network-{key}.npz"
    with contextlib.suppress(*UNREADABLE), entry.open("rb") as found, np.load(found, allow_pickle=False) as kept:
        return {name: kept[name] for name in names}
    arrays = make()
    with contextlib.suppress(OSError):
        if _key(source, names, stated) == key:  # not a file that has changed since
            _keep(entry, arrays)
    return arrays


def _keep(entry: Path, arrays: dict[str, NDArray[Any]]) -> None:
    """Write an entry under another name first, and leave nothing where the disk refuses."""
    packed = io.BytesIO()
    np.savez(packed, **arrays)  # type: ignore[arg-type]  # the stub takes its own keyword for an array
    entry.parent.mkdir(parents=True, exist_ok=True)
    temporary = entry.with_name(f"{uuid4().hex}.partial")
    try:
        temporary.write_bytes(packed.getbuffer())
        temporary.replace(entry)
    finally:
        temporary.unlink(missing_ok=True)


def _folder() -> Path | None:
    """Where converted networks are kept; None for a user without a home."""
    chosen, users = os.environ.get("FASTP2P_CACHE_DIR"), Path(os.environ.get("XDG_CACHE_HOME", ""))
    try:
        if chosen:
            return Path(chosen).expanduser()
        folder = (users if users.is_absolute() else Path("~/.cache").expanduser()) / "fastp2p"
    except RuntimeError:
        return None
    return folder if folder.is_absolute() else None


@cache
def _installed(package: str) -> str:
    """Its version, or '' where it is not there; looking it up takes as long as reading a small network from the cache."""
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _key(source: str | Path, names: set[str], stated: str) -> str:
    packages = ("pandapower", "simbench") if str(source).startswith("simbench:") else ("pandapower",)
    converters = (
        *packages, "network_sources", "network_files", "network_names", "network_facts", "workbook", "branches", "elements",
        "phases", "coordinates",
    )  # fmt: skip
    installed = [found for package in packages if (found := _installed(package))]
    digest = hashlib.sha256(f"{installed} {sorted(names)} {source} {stated}".encode())
    for converter in converters:
        digest.update(Path(__file__).with_name(f"{converter}.py").read_bytes())
    digest.update(network_content(source) or b"")
    return digest.hexdigest()[:32]
