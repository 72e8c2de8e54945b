"""OpenDSS files as networks: what is read of one, once for the same content."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError, refuse

if TYPE_CHECKING:
    from fastp2p.io.opendss.arrays import Converted
    from fastp2p.io.opendss.script import Script

ENDING = ".dss"


def is_opendss(source: str | Path) -> bool:
    """Whether a source is a file of OpenDSS, by its name."""
    return Path(source).suffix.lower() == ENDING


def script_content(source: str | Path) -> bytes:
    """What a network of OpenDSS files depends on: names and content of all files of commands, and of places of buses.

    Raises
    ------
    InputError
        If the first file cannot be read.
    """
    from fastp2p.io.opendss.script import read_script

    script = read_script(Path(source), only_files=True)
    digest = hashlib.sha256()
    for path, content in script.contents.items():
        digest.update(f"{script.places.shown(path)} {len(content)} ".encode(errors="replace") + content)
    for path in script.coordinates:
        digest.update(path.read_bytes())
    return digest.digest()


def network_of(source: str | Path, stated: Mapping[str, Any] | None) -> dict[str, NDArray[Any]]:
    """The arrays of a network of OpenDSS files, or, where something is `stated`, of its zero sequence.

    Raises
    ------
    InputError
        Files that cannot be read, commands that are not run, elements that cannot be mapped; all named.
    """
    if stated is not None and "grid" in stated:
        raise InputError(
            'zero_sequence.grid = "ideal": an OpenDSS source has an impedance of its own; leave this out, and make the '
            "impedance of the Vsource small"
        )
    converted = circuit_read(source)[1]
    return converted.network if stated is None else converted.zero


def coordinates_of(source: str | Path) -> dict[str, NDArray[Any]]:
    """Which buses have a place on the map, and where, as `fastp2p.io.coordinates` keeps them."""
    circuit = circuit_read(source)[1].circuit
    there = np.flatnonzero(np.isfinite(circuit.place).all(axis=1))
    return {"bus": there.astype(np.int64), "place": circuit.place[there]}


def circuit_read(source: str | Path) -> tuple[Script, Converted]:
    """The commands of a circuit, and what the engine and fastp2p made of it.

    Raises
    ------
    InputError
        See `network_of`.
    """
    path = Path(source)
    return _read(path, script_content(path))


@lru_cache(maxsize=2)
def _read(path: Path, content: bytes) -> tuple[Script, Converted]:
    """Once for the same content: a network is asked for its balanced model, its zero sequence and its places in turn."""
    from fastp2p.io.opendss.arrays import convert
    from fastp2p.io.opendss.circuit import circuit_of
    from fastp2p.io.opendss.engine import read_compiled
    from fastp2p.io.opendss.script import read_script

    script = read_script(path)
    refuse(script.faults)
    return script, convert(read_compiled(script.statements, circuit_of))
