"""A first study of a network and profiles: sensible values for what the files hold, explained key by key."""

from __future__ import annotations

import glob
import os
import re
import tomllib
import warnings
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from fastp2p.errors import InputError, InputWarning, refuse, some
from fastp2p.grid.network import Network
from fastp2p.io.paths import MOST_BYTES, is_folder_name
from fastp2p.profiles.profiles import Profiles
from fastp2p.profiles.sources import load_source
from fastp2p.study.model import Study
from fastp2p.study.template import commented_study
from fastp2p.sweep.first_values import find_first_members, first_values
from fastp2p.sweep.prepare import prepare

TYPICAL = "typical_day"
PROFILE_FILES = (".csv", ".parquet", ".xlsx", ".json")
MOST_DAYS, FEW_DAYS = 31, 7
"""Of longer profiles, a first study takes so few days."""
HEAD = (
    "A study of fastp2p, begun by `fastp2p new` from what the files hold. Change what you like.",
    "Paths are relative to this file. fastp2p check describes the study, fastp2p run writes tables and figures.",
)


@dataclass(frozen=True)
class Part:
    """A source of profiles: what it holds, and how a study names it."""

    file: str
    zone: str | None
    profiles: Profiles

    def written(self, folder: Path) -> Any:
        """As `profiles.source` takes it."""
        name = relative(self.file, folder, PROFILE_FILES)
        return name if self.zone is None else {"file": name, "zone": self.zone}


def begin_study(path: Path, network: str, sources: Sequence[str], zone: str | None = None) -> str:
    """The text of a study file for a network and profiles, with a comment at each key; it runs as it is.

    Parameters
    ----------
    path : Path
        Where the file will lie: its name is the study's, and paths in it are relative to its folder.
    network : str
        Name or file of a network.
    sources : sequence of str
        Sources of profiles as a study takes them, or folders of such files; without any, the typical day.
    zone : str, optional
        Clock of stamps that have no offset to UTC.

    Raises
    ------
    InputError
        Everything that keeps the network or the profiles from being read, or the study from being run.

    Warns
    -----
    InputWarning
        Files of a folder that are no profiles; profiles of buses that the network does not have.
    """
    faults: list[str] = []
    grid = None
    try:
        if Path(network).is_dir() or glob.has_magic(network):
            way = "begin with one of its networks, then name all of them with network.sources instead of network.source"
            raise InputError(f"network {network}: many networks; {way}")
        grid = Network.load(network)
    except InputError as error:
        faults += error.faults
    parts = _load_parts(sources, network, zone, faults)
    faults += _name_faults(network)
    refuse(faults)
    assert grid is not None
    choice, profiles = _common_days([part.profiles for part in parts], zone)
    typical = {"load", "pv"} - {kind for part in parts if part.file != TYPICAL for kind in part.profiles.kinds}
    chosen = _to_choose_from(parts, profiles, typical)
    members = find_first_members(grid, chosen)
    if members.without_bus:
        warnings.warn(
            f"profiles without a bus in the network that could have them: {some(members.without_bus)}",
            InputWarning,
            stacklevel=2,
        )
    tables, comments = first_values(grid, chosen, members, typical)
    folder = path.parent
    written = [part.written(folder) for part in parts]
    named = {
        "name": path.stem if is_folder_name(path.stem) else "study",
        "currency": "EUR",
        "seed": 1,
        "network": {"source": relative(network, folder, tuple(MOST_BYTES))},
        "profiles": {"source": written[0] if len(written) == 1 else written, **choice},
    }
    text = commented_study(named | tables, _of_profiles(parts, profiles) | comments, HEAD)
    days_chosen = {"profiles": {"source": written}}
    prepare(Study(**(tomllib.loads(text) | days_chosen)), grid, profiles)  # refuses what would keep it from running
    return text


def relative(source: str, folder: Path, suffixes: Sequence[str]) -> str:
    """A source as a study in a folder names it: a file by its path from there, anything else as it is."""
    if Path(source).suffix.lower() not in suffixes:
        return source
    try:
        return Path(os.path.relpath(os.path.realpath(source), os.path.realpath(folder))).as_posix()
    except ValueError:  # another drive of Windows
        return Path(os.path.realpath(source)).as_posix()


def _name_faults(name: str) -> list[str]:
    """Why a study file cannot name a source; file systems have names that are no text."""
    return [] if name.isascii() or not re.search("[\ud800-\udfff]", name) else [f"{name}: its name is no UTF-8 text; rename it"]


def _load_parts(sources: Sequence[str], network: str, zone: str | None, faults: list[str]) -> list[Part]:
    """Every source, and the typical day for a kind that none of them has."""
    parts = []
    for source in sources:
        inside = list(_files_of(source, network)) if Path(source).is_dir() else [source]
        if not inside:
            faults.append(f"profiles {source}: the folder holds no file of profiles ({', '.join(PROFILE_FILES)})")
        found, left_out = [], []
        for file in inside:
            try:
                found.append(_load_part(file, zone))
            except InputError as error:
                left_out.append((file, error.faults))
        parts += found
        if found and len(inside) > 1:
            for file, why in left_out:
                warnings.warn(f"left out {file}, which is no file of profiles: {why[0]}", InputWarning, stacklevel=4)
        else:
            faults += [fault for _, why in left_out for fault in why]
    kinds = {kind for part in parts for kind in part.profiles.kinds}
    if {"load", "pv"} - kinds and all(part.file != TYPICAL for part in parts):
        parts.append(_load_part(TYPICAL, None))
    return parts


def _files_of(folder: str, network: str) -> Iterator[str]:
    """Files in a folder that may be profiles, the network apart."""
    for path in sorted(Path(folder).iterdir()):
        if path.suffix.lower() in PROFILE_FILES and path.is_file() and path.resolve() != Path(network).resolve():
            yield str(path)


def _load_part(file: str, zone: str | None) -> Part:
    """A source, on the clock of a zone if it has dates without one."""
    refuse(_name_faults(file))
    if zone is None:
        return Part(file, None, load_source(file, at_midnight=False))
    with suppress(InputError):  # such as of local times, in which an hour is missing
        found = load_source(file, at_midnight=False)
        if found.time is None or found.time.tz is not None:
            return Part(file, None, found)
    return Part(file, zone, load_source(file, at_midnight=False, zone=zone))


def _common_days(parts: Sequence[Profiles], zone: str | None) -> tuple[dict[str, Any], Profiles]:
    """Keys of `[profiles]` that choose days which all sources have, not too many, and the profiles of these days."""
    zone = zone if any(part.time is not None for part in parts) else None
    first: InputError | None = None
    for choice in _choices(parts):
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", InputWarning)
                whole = Profiles.combined(parts, zone=zone, **choice)
        except InputError as error:
            first = first or error
            continue
        given = {"zone": zone} if zone else {}
        for better in (choice | _few_days(whole, choice), choice):
            with suppress(InputError):
                return given | better, Profiles.combined(parts, zone=zone, **better)
    assert first is not None
    spans = [f"{part.source} {part.time[0]:%Y-%m-%d} to {part.time[-1]:%Y-%m-%d}" for part in parts if part.time is not None]
    if len(spans) > 1 and "days that all sources have" in str(first):
        raise InputError(f"profiles: no days of the year that all sources have: {'; '.join(spans)}")
    raise first


def _choices(parts: Sequence[Profiles]) -> Iterator[dict[str, Any]]:
    """Ways to choose days that sources have in common, the plainest first."""
    yield {}
    yield {"leap_day": False}
    spans = sorted(
        (len(set(part.time.date)), part.time[0].date(), part.time[-1].date()) for part in parts if part.time is not None
    )
    if spans:
        first, last = max(span[1] for span in spans), min(span[2] for span in spans)
        if first <= last:
            yield {"first_day": first, "days": (last - first).days + 1}
        yield {"first_day": spans[0][1], "days": spans[0][0]}
        if spans[0][0] > 1:  # the clocks of two sources begin their days apart
            yield {"first_day": spans[0][1] + timedelta(days=1), "days": spans[0][0] - 1}


def _few_days(profiles: Profiles, choice: dict[str, Any]) -> dict[str, Any]:
    """A week from the middle of profiles that are long; of others, the first day by the dates that the axis has."""
    n_days, time = profiles.n_steps * profiles.step_hours / 24.0, profiles.time
    if n_days <= MOST_DAYS:
        return {} if time is None or "first_day" not in choice else {"first_day": time[0].date()}
    middle = {} if time is None else {"first_day": time[profiles.n_steps // 2].date()}
    return {**middle, "days": FEW_DAYS}


def _to_choose_from(parts: Sequence[Part], profiles: Profiles, typical: set[str]) -> Profiles:
    """The profiles without those of the typical day of a kind that other sources have."""
    is_typical = [part.file == TYPICAL for part in parts for _ in part.profiles.names]
    rows = [row for row, kind in enumerate(profiles.kinds) if kind in typical or not is_typical[row] or all(is_typical)]
    return replace(
        profiles,
        names=tuple(profiles.names[row] for row in rows),
        kinds=tuple(profiles.kinds[row] for row in rows),
        kwh_per_unit=profiles.kwh_per_unit[rows],
    )


def _of_profiles(parts: Sequence[Part], profiles: Profiles) -> dict[str, str]:
    """What to say of the name and of the profiles' keys."""
    spans = [_span(part) for part in parts]
    more = f", {len(spans) - 4} more" if len(spans) > 4 else ""
    minutes = f"{60 * profiles.step_hours:g} min"
    return {
        "name": "Also the name of its results folder.",
        "currency": "Of all prices; only its name.",
        "seed": "Decides every random number.",
        "profiles.source": "Files or names, one or a list. " + "; ".join(spans[:4]) + f"{more}. Steps are of {minutes}.",
        "profiles.zone": "Clock of the time axis; it does not change for summer.",
        "profiles.first_day": "Where the days begin; without it, with the first day that there is.",
        "profiles.days": "How many days; leave it and first_day out for all days that the sources have in common.",
        "profiles.leap_day": "Whether 29 February is kept; not all sources have it.",
    }


def _span(part: Part) -> str:
    """What a source holds, in a few words."""
    found, name = part.profiles, Path(part.file).name
    n_days = found.n_steps * found.step_hours / 24.0
    days = f"{n_days:g} day{'s' * (n_days != 1)}"
    when = "no dates" if found.time is None else f"{found.time[0]:%Y-%m-%d} to {found.time[-1]:%Y-%m-%d}, {found.clock}"
    return f"{name} has {len(found.names)} profile{'s' * (len(found.names) != 1)} of {days} ({when})"
