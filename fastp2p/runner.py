"""Running a study: load what it names, run its batches, write the results."""

from __future__ import annotations

import dataclasses
import hashlib
import platform
import time
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastp2p.batch import run_batch
from fastp2p.errors import InputError
from fastp2p.io.parquet import check_folder, staged_folder, write_manifest, write_tables
from fastp2p.network import Network
from fastp2p.profiles import Profiles
from fastp2p.results import Results
from fastp2p.scenarios import draw_scenarios
from fastp2p.study import Study
from fastp2p.tables import book_table, branch_table, participant_table, scenario_table, trade_table


def run(
    study: Study,
    *,
    out: str | Path | None = None,
    overwrite: bool = False,
    network: Network | None = None,
    profiles: Profiles | None = None,
) -> Results:
    """Run a study.

    Parameters
    ----------
    study : Study
    out : path, optional
        Folder to write tables, study and manifest to; it appears only when whole.
    overwrite : bool
        Replace `out` if it exists.
    network : Network, optional
        Instead of the one that ``study.network.source`` names; the study's limits are applied to it.
    profiles : Profiles, optional
        Instead of those that ``study.profiles.source`` names.

    Returns
    -------
    Results

    Raises
    ------
    InputError
        Everything that is wrong with the study, in one message, before anything is run or written.
    """
    started, clock = datetime.now(UTC), time.perf_counter()
    if out is not None:
        check_folder(Path(out), overwrite)
    network, profiles = prepare(study, network, profiles)
    batch = run_batch(study, network, profiles, range(1))
    books = book_table(batch, network)
    failed = books.loc[books["status"] == "failed", ["scenario", "step"]]
    results = Results(
        study,
        network,
        profiles,
        books,
        scenario_table(books),
        trade_table(batch, network),
        branch_table(batch, network),
        participant_table(batch, network),
        [(int(s), int(t)) for s, t in failed.to_numpy()],
    )
    if out is not None:
        from fastp2p.report import write_figures

        with staged_folder(Path(out), overwrite) as folder:
            write_tables(results.tables(), folder)
            (folder / "study.toml").write_text(study.to_toml(), encoding="utf-8")
            write_figures(results, folder)
            write_manifest(_about(study, network, profiles, started, time.perf_counter() - clock), folder)
    return results


def prepare(study: Study, network: Network | None = None, profiles: Profiles | None = None) -> tuple[Network, Profiles]:
    """The network, under the study's limits, and the profiles of a study; everything wrong with either in one error.

    Raises
    ------
    InputError
    """
    faults: list[str] = []
    part = study.network
    try:
        network = (network or Network.load(part.source)).with_limits(
            part.limits,
            angle_deg=part.angle_deg,
            factor=part.limit_factor,
            ampacity_ka=part.ampacity_ka,
            ampacity_ka_by_std_type=part.ampacity_ka_by_std_type,
            ampacity_ka_by_line=part.ampacity_ka_by_line,
        )
    except InputError as error:
        faults += error.faults
    try:
        profiles = profiles or Profiles.load(study.profiles.source)
    except InputError as error:
        faults += error.faults
    if network is not None and profiles is not None:
        try:
            draw_scenarios(study, network, profiles, range(0))
        except InputError as error:
            faults += error.faults
    if faults or network is None or profiles is None:
        raise InputError(faults)
    return network, profiles


def _about(study: Study, network: Network, profiles: Profiles, started: datetime, seconds: float) -> dict[str, Any]:
    """What a run was made with."""
    packages = ("fastp2p", "numpy", "numba", "pandas", "pandapower", "highspy", "scipy")
    return {
        "study": study.name,
        "seed": study.seed,
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(seconds, 3),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in packages}},
        "sha256": {
            "study": _sha256(study.to_toml().encode()),
            "network": _sha256(*(getattr(network, f.name).tobytes() for f in dataclasses.fields(network))),
            "profiles": _sha256(repr((profiles.names, profiles.kinds)).encode(), profiles.kwh_per_unit.tobytes()),
        },
    }


def _sha256(*pieces: bytes) -> str:
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
    return digest.hexdigest()
