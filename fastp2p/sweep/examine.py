"""The feeders of a study looked at before they run: their networks are converted, and those that cannot run are found."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Executor
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from fastp2p.errors import InputError, refuse
from fastp2p.grid.features import FEATURES, feeder_features
from fastp2p.io.coordinates import feeder_place
from fastp2p.pipeline.members import find_members
from fastp2p.pipeline.tariffs import hold_tariffs
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.feeders import feeder_study
from fastp2p.study.model import Study
from fastp2p.sweep.executors import finished_parts, share_work
from fastp2p.sweep.feeder_list import list_feeders
from fastp2p.sweep.feeders import Feeder, Networks, Work
from fastp2p.sweep.hashes import network_sha256
from fastp2p.sweep.prepare import find_profiles, folder_faults, prepare_feeder, study_faults
from fastp2p.sweep.progress import feeders_bar

FACTS: dict[str, Any] = {
    "n_bus": 0, "n_branch": 0, "n_homes": 0, **{one.name: np.nan for one in FEATURES if one.name not in ("n_bus", "n_homes")},
    "x": np.nan, "y": np.nan, "sha256": "", "fault": "",
}  # fmt: skip
"""What is known of a feeder once it is examined; here of one that cannot run."""
MOST_SHOWN = 3
"""Networks whose faults an error spells out where none can run."""


def prepare_many(
    study: Study, profiles: Profiles | None, folder: Path | None, overwrite: bool, pool: Executor, progress: bool
) -> Work:
    """A study of many networks, with the values of its tariffs; its networks, examined; its profiles.

    Raises
    ------
    InputError
        All that keeps every feeder from running; first what does so whatever the networks are, and a folder in the way.
    """
    faults = study_faults(study) + folder_faults(folder, overwrite)
    found = find_profiles(study, profiles, faults)
    try:
        held = study if found is None else hold_tariffs(study, found)
    except InputError as error:
        faults += error.faults
    if faults or found is None:
        raise InputError(faults)
    told = feeders_bar(study.name) if progress else nullcontext(lambda *_: None)
    with told as tell:
        return held, prepare_feeders(held, found, pool, tell), found


def prepare_feeders(study: Study, profiles: Profiles, pool: Executor, told: Callable[[int, int], None]) -> Networks:
    """The feeders of a study, each examined; the profiles are ready.

    Parameters
    ----------
    study : Study
    profiles : Profiles
    pool : Executor
        Where to examine them. Networks that are not in the cache yet are converted there.
    told : callable
        Called with the number of those examined and of all.

    Raises
    ------
    InputError
        If the study names none, or none can run.
    """
    assert study.network.sources is not None
    listed = Networks(study, list_feeders(study.network.sources))
    shared, facts = share_work(pool, (study, listed, profiles)), dict[str, dict[str, Any]]()
    for ended in finished_parts(pool, examine, shared, listed.feeders):
        facts.update(ended)
        told(len(facts), len(listed))
    faults = {name: facts[name].pop("faults") for name in listed}
    if all(faults.values()):
        refuse(_shown(faults))
    found = pd.DataFrame([FACTS | facts[name] | {"fault": "; ".join(faults[name])} for name in listed])
    return Networks(study, pd.concat([listed.table, found], axis=1))


def _shown(faults: dict[str, tuple[str, ...]]) -> list[str]:
    """Faults of a study none of whose feeders can run: what all have in common once, and more of the first few."""
    first, *others = faults.values()
    common = [fault for fault in first if all(fault in other for other in others)]
    own = [(name, [fault for fault in of if fault not in common]) for name, of in faults.items()]
    left = [f"feeder {name}: {fault}" for name, of in own[:MOST_SHOWN] for fault in of]
    more = sum(bool(of) for _, of in own[MOST_SHOWN:])
    return common + left + [f"and {more:,} further feeders have faults of their own"] * (more > 0)


def examine(work: Work, feeder: Feeder) -> tuple[str, dict[str, Any]]:
    """What a run must know of a feeder beforehand: its size, the hash of its network, or why it cannot run."""
    study, _, profiles = work
    one = feeder_study(study, feeder.name, feeder.file)
    try:
        network = prepare_feeder(one, profiles)
    except InputError as error:
        return feeder.name, {"faults": error.faults}
    homes = find_members(one, network, []).participant
    x, y = feeder_place(one.network.source)
    facts = {**feeder_features(network, homes), "n_branch": network.n_branch, "x": x, "y": y}
    return feeder.name, facts | {"sha256": network_sha256(network), "faults": ()}
