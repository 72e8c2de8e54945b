"""Results folders read again: their tables one by one, or all that a run has returned."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pyarrow.dataset as ds

from fastp2p.arguments import described
from fastp2p.errors import InputError, InputWarning, refuse
from fastp2p.grid.network import Network
from fastp2p.io.manifest import STUDY, Failure, Hashes, Manifest, read_manifest
from fastp2p.io.parquet import open_dataset, read_table
from fastp2p.io.paths import absolute_path
from fastp2p.pipeline.tariffs import hold_tariffs
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.columns import TABLES
from fastp2p.results.points import feeder_key, point_keys
from fastp2p.results.results import Results
from fastp2p.results.tables import add_histograms
from fastp2p.study.model import Study
from fastp2p.sweep.chosen import Stretches, stretches_in
from fastp2p.sweep.feeders import Networks, Work
from fastp2p.sweep.folder import FEEDERS, Begun, look_into
from fastp2p.sweep.hashes import hashes_of
from fastp2p.sweep.prepare import find_profiles, prepare
from fastp2p.sweep.sizes import size_fault


class Comparison(NamedTuple):
    """What a comparison of market rules gives.

    Attributes
    ----------
    study : Study
        Its own market rule is none of those that were compared, or one of them.
    profiles : Profiles
    comparison : DataFrame
        What `compare_rules` returns.
    savings : DataFrame
        What every participant saves against no trading: a column for each rule.
    """

    study: Study
    profiles: Profiles
    comparison: pd.DataFrame
    savings: pd.DataFrame


def open_results(folder: str | Path) -> dict[str, ds.Dataset]:
    """The tables of a results folder as pyarrow datasets, read only as far as they are asked for; of finished parts alone.

    ``open_results(folder)["scenarios"].to_table().to_pandas()`` reads one; units are in the metadata of the columns.

    Raises
    ------
    InputError
        If it is no results folder, or one of its tables is not as it was written: each file is read once to see that.
    """
    place, manifest, found = look_at(folder)
    has_any = found.done - found.failed.keys()
    return {name: open_dataset(place, name, found.numbers) for name in manifest.tables} if has_any else {}


def read_results(folder: str | Path, *, network: Network | None = None, profiles: Profiles | None = None) -> Results:
    """What the run of a results folder has returned: its tables, with the study, the network and the profiles behind them.

    Parameters
    ----------
    folder : path
    network, profiles : optional
        What the run was given instead of what the study names.

    Returns
    -------
    Results
        Of finished parts alone, where the run was stopped.

    Raises
    ------
    InputError
        If it is no results folder of a run, if a file in it is not as it was written, if what the study names is gone or has
        changed since, or if the tables are too large for memory.
    """
    place, manifest, found = look_at(folder)
    if manifest.rules is not None:
        way = "fastp2p.plot.bills draws it, and its tables are Parquet files"
        raise InputError(f"{place} holds a comparison of market rules, not a run; {way}")
    if not found.done - found.failed.keys():
        raise InputError(f"{place}: no part of the run is finished; --resume of the run goes on with it")
    work = _inputs_of(place, manifest, network, profiles)
    chosen = stretches_in(manifest.scenarios)
    if too_large := size_fault(*work, chosen):
        raise InputError(f"{place}: {too_large}; read them with fastp2p.open_results")
    tables = {name: as_run(read_table(place, name, found.numbers), work[2].time) for name in manifest.tables}
    return make_results(work, tables, sorted(found.failures), chosen, found.failed)


def read_comparison(folder: str | Path, *, network: Network | None = None, profiles: Profiles | None = None) -> Comparison:
    """What the folder of a comparison of market rules holds.

    Parameters
    ----------
    folder, network, profiles : as for `read_results`

    Returns
    -------
    Comparison

    Raises
    ------
    InputError
        As `read_results`, and if it is a folder of a run.
    """
    place, manifest, _ = look_at(folder)
    if manifest.rules is None:
        raise InputError(f"{place} holds a run, not a comparison of market rules")
    study, _, profiles = _inputs_of(place, manifest, network, profiles)
    return Comparison(study, profiles, read_table(place, "comparison", None), read_table(place, "savings", None))


def is_comparison(folder: str | Path) -> bool:
    """Whether a results folder is of a comparison of market rules; False of what is none."""
    try:
        return read_manifest(absolute_path(folder)).rules is not None
    except InputError:
        return False


def _inputs_of(place: Path, manifest: Manifest, network: Network | None, profiles: Profiles | None) -> Work:
    """The study of a folder, and the network or networks and the profiles that it ran with."""
    study = Study.from_toml(place / STUDY)
    found: Network | Networks
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", InputWarning)  # the run has told them
        if study.network.sources:
            faults = list[str]()
            profiles = find_profiles(study, profiles, faults)
            if profiles is None:
                raise InputError(faults)
            study = hold_tariffs(study, profiles)
            found = Networks(study, pd.read_parquet(place / FEEDERS))  # each is compared when it is loaded
        else:
            found, profiles = prepare(study, network, profiles)
            study = hold_tariffs(study, profiles)
    _refuse_others(place, manifest, hashes_of(study, found, profiles))
    return study, found, profiles


def look_at(folder: str | Path) -> tuple[Path, Manifest, Begun]:
    """A results folder, its manifest and what it holds, all of it as it was written."""
    if not isinstance(folder, str | Path):
        raise InputError(f"folder must be the path of a results folder, not {described(folder)}")
    place = absolute_path(folder)
    manifest = read_manifest(place)
    found = look_into(place, manifest)
    refuse([f"{place}: {fault}; --resume of the run makes it again" for fault in found.faults()])
    return place, manifest, found


def _refuse_others(place: Path, manifest: Manifest, now: Hashes) -> None:
    """That the network, the profiles and the tariffs are those of the run."""
    words = {
        "network": "the network that the study names is not the one of the run",
        "profiles": "the profiles that the study names are not those of the run",
        "tariffs": "the tariffs or temperatures that the study names are not those of the run",
    }
    changed = [word for part, word in words.items() if getattr(manifest.sha256, part) != getattr(now, part)]
    refuse(
        [f"{place}: {word}; put back the files of then, give what it ran with in Python, or run it again" for word in changed]
    )


def as_run(frame: pd.DataFrame, clock: pd.DatetimeIndex | None) -> pd.DataFrame:
    """A table of a folder with the types of one in memory: Parquet gives a fixed offset to UTC as another kind of zone."""
    for name in frame.select_dtypes("datetimetz"):
        frame[name] = frame[name].dt.tz_convert(clock.tz if clock is not None else None)
    return frame


def make_results(
    work: Work,
    tables: dict[str, pd.DataFrame],
    failures: list[Failure],
    chosen: Stretches | None = None,
    failed: Mapping[int, tuple[str, str]] | None = None,
) -> Results:
    """The results of a run, from its tables; without the feeders that have failed."""
    study, network, profiles = work
    if not isinstance(network, Network) and failed:
        why = faults_by_feeder(failed)
        network = network.without(why)
        refuse([] if len(network) else feeder_faults(failed))
        tables = {name: table[~table["feeder"].isin(why)].reset_index(drop=True) for name, table in tables.items()}
        failures = [one for one in failures if not (isinstance(one[0], tuple) and one[0][0] in why)]
    put_in_order(study, tables)
    n_feeders = 1 if isinstance(network, Network) else len(network)
    per_point = len(tables["scenarios"]) // (n_feeders * study.scenarios.n_points)
    stops = study.scenarios.stop and chosen is None
    return Results(
        study,
        {"": network} if isinstance(network, Network) else network,
        profiles,
        **{name: tables.get(name) for name in TABLES},  # type: ignore[arg-type]  # there are always scenarios
        failures=failures,
        stopped_at=per_point if stops and per_point < study.scenarios.count else None,
        chosen=chosen,
        feeders=None if isinstance(network, Network) else network.table,
    )


def faults_by_feeder(failed: Mapping[int, tuple[str, str]]) -> dict[str, str]:
    """Why feeders could not run, in the order of their parts, whichever of these ended first."""
    return dict(failed[number] for number in sorted(failed))


def feeder_faults(failed: Mapping[int, tuple[str, str]]) -> list[str]:
    """`faults_by_feeder`, a sentence for each."""
    return [f"feeder {name}: {why}" for name, why in faults_by_feeder(failed).items()]


def put_in_order(study: Study, tables: dict[str, pd.DataFrame]) -> None:
    """Make of tables that were written part by part those of the whole run."""
    if "histograms" in tables:
        tables["histograms"] = add_histograms(tables["histograms"])
    if study.scenarios.stop:  # rounds have come one after the other, each with every feeder and every point
        for name in tables.keys() - {"histograms"}:
            keys = [*feeder_key(tables[name]), *point_keys(tables[name]), "scenario"]
            tables[name] = tables[name].sort_values(keys, kind="stable", ignore_index=True)
