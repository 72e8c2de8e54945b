"""Many networks in one study: each is a feeder that is run as a study of its own."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from fastp2p.errors import InputError, refuse
from fastp2p.grid.network import Network
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.feeders import feeder_study
from fastp2p.study.model import Study
from fastp2p.sweep.hashes import network_sha256, sha256
from fastp2p.sweep.phases import load_network
from fastp2p.sweep.prepare import with_limits

KEPT = 8
"""Networks in memory: as many as workers are likely to be at."""


@dataclass(frozen=True, slots=True)
class Feeder:
    """One of many networks: what a part that runs on it must know, so that no worker needs the list of all."""

    name: str
    file: str
    sha256: str = ""
    """Of its network, where it has been examined."""


@dataclass(eq=False)
class Networks(Mapping[str, Network]):
    """The networks of a study by the names of its feeders, loaded when they are asked for.

    Attributes
    ----------
    study : Study
    table : DataFrame
        Of every feeder that the study names, a row: `feeder`, `file`, `weight`, `region`, and what `examine` finds.
    """

    study: Study
    table: pd.DataFrame
    _loaded: OrderedDict[str, Network] = field(default_factory=OrderedDict, repr=False)
    _one_loads: Any = field(default_factory=threading.Lock, repr=False)

    def __getitem__(self, name: str) -> Network:
        """The network of a feeder, under the study's limits.

        Raises
        ------
        KeyError
            If there is none of this name that can run.
        InputError
            If its file has changed since it was examined.
        """
        row = self.table.iloc[self._rows[name]]
        return self.network_of(Feeder(name, row["file"], row["sha256"]))

    def __iter__(self) -> Iterator[str]:
        """The names of those that can run, in order."""
        return iter(self._rows)

    def __len__(self) -> int:
        return len(self._rows)

    def __getstate__(self) -> tuple[Study, pd.DataFrame]:
        """Without what is loaded: other processes load what they need."""
        return self.study, self.table

    def __setstate__(self, state: tuple[Study, pd.DataFrame]) -> None:
        """As it was, with nothing loaded."""
        self.__init__(*state)  # type: ignore[misc]

    @property
    def feeders(self) -> list[Feeder]:
        """Those that can run, in order."""
        known = [self.table[name].tolist() for name in ("feeder", "file", "sha256") if name in self.table]
        every = [Feeder(*cells) for cells in zip(*known, strict=True)]
        return [every[row] for row in self._rows.values()]

    def bare(self) -> Networks:
        """What loads the networks of feeders that parts name, without the list of all."""
        part = self.study.network.model_copy(update={"sources": None})
        return Networks(self.study.model_copy(update={"network": part}), self.table.iloc[:0])

    def network_of(self, feeder: Feeder) -> Network:
        """The network of a feeder, listed here or not, under the study's limits.

        Raises
        ------
        InputError
            If its file has changed since it was examined.
        """
        with self._one_loads:
            if feeder.name not in self._loaded:
                self._loaded[feeder.name] = self._load(feeder)
                if len(self._loaded) > KEPT:
                    self._loaded.popitem(last=False)
            self._loaded.move_to_end(feeder.name)
            return self._loaded[feeder.name]

    @cached_property
    def _rows(self) -> dict[str, int]:
        able = self.table["fault"] == "" if "fault" in self.table else np.ones(len(self.table), bool)
        return {name: row for row, name in enumerate(self.table["feeder"]) if able[row]}

    @property
    def faults(self) -> dict[str, str]:
        """Why feeders cannot run, by their names."""
        return {name: fault for name, fault in zip(self.table["feeder"], self.table["fault"], strict=True) if fault}

    @property
    def sha256(self) -> str:
        """Of all that results depend on."""
        columns = (self.table[name].astype(str) for name in ("feeder", "weight", "region", "sha256"))
        return sha256(*("\n".join(column).encode() for column in columns))

    def without(self, failed: Mapping[str, str]) -> Networks:
        """Those that are left where some could not be run, and why not."""
        if not failed:
            return self
        faults = [failed.get(name, fault) for name, fault in zip(self.table["feeder"], self.table["fault"], strict=True)]
        return Networks(self.study, self.table.assign(fault=faults))

    def study_of(self, name: str) -> Study:
        """The study of one feeder: run alone, it gives the rows that the feeder has among others."""
        return feeder_study(self.study, name, self.table["file"][self._rows[name]])

    def _load(self, feeder: Feeder) -> Network:
        faults, study = list[str](), feeder_study(self.study, feeder.name, feeder.file)
        network = with_limits(study, load_network(study, faults))
        refuse(faults)
        if network_sha256(network) != feeder.sha256:
            raise InputError(f"feeder {feeder.name}: {feeder.file} has changed since the run began; run it again")
        return network


Work = tuple[Study, Network | Networks, Profiles]
"""What the parts of a run have in common."""


def of_feeder(work: Work, feeder: Feeder | None) -> tuple[Study, Network, Profiles]:
    """What a part runs: the study and the network of its feeder; of a study of one network, these."""
    study, network, profiles = work
    if isinstance(network, Network):
        return study, network, profiles
    assert feeder is not None
    return feeder_study(study, feeder.name, feeder.file), network.network_of(feeder), profiles
