"""A results folder as a report reads it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from fastp2p.errors import InputError
from fastp2p.io.manifest import STUDY, Manifest, read_manifest
from fastp2p.results.results import Results
from fastp2p.results.statistics import find_probabilities, summarise
from fastp2p.study.feeders import feeder_study
from fastp2p.study.model import Study
from fastp2p.sweep.hashes import hashes_of
from fastp2p.sweep.opened import read_results
from fastp2p.text import LONGEST_NAME, shown_text


@dataclass(frozen=True)
class Run:
    """What a folder holds: its name, its study as it was written, what it was run with, and its results.

    `feeder` is the one that all of it is of, where the run was of many networks and one was asked for.
    """

    folder: str
    study: Study
    text: str
    manifest: Manifest
    results: Results
    feeder: str = ""

    @property
    def is_sample(self) -> bool:
        """Whether the scenarios are those that were drawn, and nobody has chosen among them."""
        return self.results.chosen is None

    @cached_property
    def summary(self) -> pd.DataFrame:
        """What `summarise` says of all scenarios; without intervals of chosen ones, which are no sample."""
        found = summarise(self.results.scenarios)
        ends = [str(name) for name in found if str(name).endswith(("_low", "_high"))]
        return found if self.is_sample else found.assign(**dict.fromkeys(ends, float("nan")))

    @cached_property
    def probabilities(self) -> pd.DataFrame:
        """What `find_probabilities` says of them."""
        return find_probabilities(self.results.scenarios)

    def summary_at(self, point: dict[str, float]) -> dict[str, dict[Any, Any]]:
        """The summary of a point, by indicator."""
        here = (self.summary[list(point)] == pd.Series(point)).all(axis=1)
        return {str(row["indicator"]): row for row in self.summary[here].to_dict("records")}


def read_run(folder: Path, feeder: str | None = None) -> Run:
    """Read a results folder; of a run of many networks, one feeder of it if it is named.

    Raises
    ------
    InputError
        See `fastp2p.read_results` and `Results.of_feeder`.
    """
    manifest = read_manifest(folder)
    if manifest.rules is not None:
        raise InputError(f"{folder} holds a comparison of market rules; a report shows one run, or two: name their folders")
    results = read_results(folder)
    # not the study of the results, which holds the tariffs that are read from files
    text, study, name = (folder / STUDY).read_text(encoding="utf-8"), Study.from_toml(folder / STUDY), folder.name
    if feeder is None:
        return Run(shown_text(name, LONGEST_NAME), study, text, manifest, results)
    file = () if results.feeders is None else results.feeders["file"][results.feeders["feeder"] == feeder]
    results = results.of_feeder(feeder)
    study = feeder_study(study, feeder, *file)
    hashes = hashes_of(results.study, results.network, results.profiles)
    alone = manifest.model_copy(update={"seed": study.seed, "sha256": hashes, "feeders": None, "failed_feeders": {}})
    return Run(shown_text(name, LONGEST_NAME), study, study.to_toml(), alone, results, shown_text(feeder, LONGEST_NAME))
