"""A results folder from beginning to end: what a run was made with, whether it can be gone on with, what it answers."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import tempfile
import tomllib
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastp2p.errors import refuse
from fastp2p.io.parquet import read_manifest, told_disk_faults, write_tables
from fastp2p.network import Network
from fastp2p.profiles import Profiles
from fastp2p.results import Results
from fastp2p.study import Study


def matching_manifest(folder: Path, about: dict[str, Any], study: Study) -> dict[str, Any]:
    """The manifest of a folder that was begun with the same study, inputs and version.

    Raises
    ------
    InputError
        Otherwise, naming what differs.
    """
    manifest = read_manifest(folder)
    faults = []
    if manifest["sha256"]["study"] != about["sha256"]["study"]:
        before = tomllib.loads((folder / "study.toml").read_text(encoding="utf-8"))
        keys = _differences(before, tomllib.loads(study.to_toml()))
        faults.append(f"{folder} holds another study: {', '.join(keys)} differ; choose another folder")
    for part in ("network", "profiles"):
        if manifest["sha256"][part] != about["sha256"][part]:
            faults.append(f"{folder} was begun with another content of {part}; choose another folder")
    if manifest["versions"]["fastp2p"] != about["versions"]["fastp2p"]:
        faults.append(
            f"{folder} was begun with fastp2p {manifest['versions']['fastp2p']}; go on with that version, or start again"
        )
    refuse(faults)
    return manifest


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


def describe_run(study: Study, network: Network, profiles: Profiles) -> dict[str, Any]:
    """What a run is made with."""
    packages = ("fastp2p", "numpy", "numba", "pandas", "pandapower", "highspy", "scipy")
    return {
        "study": study.name,
        "seed": study.seed,
        "started": datetime.now(UTC).isoformat(timespec="seconds"),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "sha256": {
            "study": _sha256(study.to_toml().encode()),
            "network": _sha256(*(getattr(network, f.name).tobytes() for f in dataclasses.fields(network))),
            "profiles": _sha256(*_profile_bytes(profiles)),
        },
    }


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


def write_answers(results: Results, folder: Path) -> None:
    """What a sweep answers, as tables and figures, each under its name once all are whole.

    Raises
    ------
    InputError
        If the disk refuses.
    """
    from fastp2p.answers import compare_shares, find_audit_rates, find_probabilities, summarise
    from fastp2p.sweep_report import write_sweep_figures
    from fastp2p.voltage_report import write_voltage_figures

    answers = {
        "summary": summarise(results.scenarios),
        "changes": compare_shares(results.scenarios),
        "probabilities": find_probabilities(results.scenarios),
    }
    if results.study.audited_every:
        answers["audit"] = find_audit_rates(results.scenarios)
    kept = "all parts are whole; resume the run once it can be"
    with told_disk_faults(folder, kept), tempfile.TemporaryDirectory(".partial", ".answers.", folder) as staged:
        write_tables({name: table for name, table in answers.items() if len(table)}, Path(staged))
        write_sweep_figures(results, Path(staged))
        if results.study.audited_every:
            write_voltage_figures(results, Path(staged))
        for path in Path(staged).iterdir():
            path.replace(folder / path.name)
