"""What a run gives back: tables with units."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pandas as pd

from fastp2p.arrays import short_repr
from fastp2p.errors import InputError
from fastp2p.grid.network import Network
from fastp2p.io.manifest import Failure
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.columns import TABLES
from fastp2p.study.feeders import feeder_study
from fastp2p.study.model import Study
from fastp2p.text import nearest

if TYPE_CHECKING:
    import xarray


@dataclass(frozen=True, eq=False)
class Results:
    """Tables of a study, and what they were made from; a table is None where the study did not keep it.

    Attributes
    ----------
    scenarios : DataFrame
        One row per share and scenario: totals and indicators. In a study that sweeps shares of devices, all tables have rows
        for each share of PV with each of them: `battery_share` and so on stand beside `share`.
    hours : DataFrame or None
        One row per share, scenario and hour of the day: the mean day.
    histograms : DataFrame or None
        One row per share, hour of the day, quantity and bin: in how many books its value lies there.
    books : DataFrame or None
        One row per share, scenario and step: energy, status, worst loading.
    trades, branches, participants : DataFrame or None
        One row per trade; per branch and scenario, and phase where there are three; per participating bus and scenario.
    failures : list of (share, scenario, step)
        Books that could not be solved; nothing is executed in them. In a study that sweeps shares of devices, `share` is a
        tuple: the share of PV and those of the devices, in the order of the tables' columns. In a study of many networks,
        the tuple begins with the name of the feeder.
    stopped_at : int or None
        Scenarios per share (point) that were enough, where the study's rule stopped it before `count`.
    chosen : tuple of range or None
        The numbers of the scenarios, where not all were run: they are no sample, and make no statistics of the study.
    feeders : DataFrame or None
        Of a study of many networks: one row per feeder. `fault` says why it could not run; its rows are missing elsewhere.
        All other tables have the column `feeder`.
    networks : mapping
        The network by the name of the feeder; of a study of one network, that by ''.
    """

    __repr__ = short_repr
    study: Study
    networks: Mapping[str, Network]
    profiles: Profiles
    scenarios: pd.DataFrame
    hours: pd.DataFrame | None
    histograms: pd.DataFrame | None
    books: pd.DataFrame | None
    trades: pd.DataFrame | None
    branches: pd.DataFrame | None
    participants: pd.DataFrame | None
    failures: list[Failure]
    stopped_at: int | None = None
    chosen: tuple[range, ...] | None = None
    feeders: pd.DataFrame | None = None

    @property
    def network(self) -> Network:
        """The network of a study of one.

        Raises
        ------
        InputError
            In a study of many.
        """
        if self.feeders is not None:
            raise InputError(
                f"{self.study.name} has many networks; results.of_feeder(name) gives the results of one, and "
                "results.networks[name] its network"
            )
        return self.networks[""]

    def of_feeder(self, name: str) -> Results:
        """The results of one feeder, as a study of its network alone gives them.

        Parameters
        ----------
        name : str
            As in the column `feeder` of the tables.

        Returns
        -------
        Results

        Raises
        ------
        InputError
            If there is no such feeder, it could not run or has not yet, or the study has one network.
        """
        if self.feeders is None:
            raise InputError(f"{self.study.name} has one network; its results need not be divided by feeder")
        if not isinstance(name, str) or name not in self.networks:
            rows = self.feeders["feeder"] == (name if isinstance(name, str) else None)
            near = nearest(str(name), self.networks)
            why = self.feeders["fault"][rows].iloc[0] if rows.any() else f"did you mean {near[0]}?" if near else "there is none"
            raise InputError(f"feeder {name!r}: {why}")
        tables: dict[str, Any] = {}
        for key, table in self.tables().items():
            tables[key] = table[table["feeder"] == name].drop(columns="feeder").reset_index(drop=True)
        if tables["scenarios"].empty:
            raise InputError(f"feeder {name!r}: none of its scenarios has run yet; --resume of the run goes on with it")
        study = feeder_study(self.study, name, self.feeders["file"][self.feeders["feeder"] == name].iloc[0])
        failures = [failure for failure in map(_of_feeder(name), self.failures) if failure]
        networks = {"": self.networks[name]}
        return replace(self, study=study, networks=networks, feeders=None, failures=failures, **tables)

    def to_xarray(self) -> xarray.Dataset:
        """All tables as one Dataset of xarray, with units and meanings as attributes; needs the extra ``export``.

        A column of a table is a variable, such as ``books_executed_kwh``. Its dimensions are, of many networks, `feeder`, then
        `share`, the shares of devices that the study sweeps, `scenario`, and `hour`, `step`, `branch`, `phase` or `bus`.
        Trades have the dimension `trade`, histograms `bin`. The coordinate `time` of the steps is in UTC.

        Returns
        -------
        xarray.Dataset

        Raises
        ------
        InputError
            Without xarray.
        """
        from fastp2p.results.dataset import make_dataset

        of_feeders = {} if self.feeders is None else {"feeders": self.feeders}
        return make_dataset(self.tables() | of_feeders, self.study)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that were kept, by name."""
        return {name: table for name in TABLES if (table := getattr(self, name)) is not None}


def one_of(results: Results) -> Results:
    """The results of the first of many feeders, which stands for all of them; of a study of one network the same results."""
    return results if results.feeders is None else results.of_feeder(next(iter(results.networks)))


def _of_feeder(name: str) -> Callable[[Failure], Failure | None]:
    """What makes of a failure on this feeder one of its study alone; None of others."""

    def alone(failure: Failure) -> Failure | None:
        at, scenario, step = failure
        if not isinstance(at, tuple) or at[0] != name:
            return None
        shares = tuple(share for share in at[1:] if not isinstance(share, str))
        return shares if len(shares) > 1 else shares[0], scenario, step

    return alone
