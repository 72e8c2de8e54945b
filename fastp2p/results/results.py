"""What a run gives back: tables with units."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pandas as pd

from fastp2p.arrays import short_repr
from fastp2p.grid.network import Network
from fastp2p.io.manifest import Failure
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.columns import TABLES
from fastp2p.study.model import Study

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
        tuple: the share of PV and those of the devices, in the order of the tables' columns.
    stopped_at : int or None
        Scenarios per share (point) that were enough, where the study's rule stopped it before `count`.
    chosen : tuple of range or None
        The numbers of the scenarios, where not all were run: they are no sample, and make no statistics of the study.
    """

    __repr__ = short_repr
    study: Study
    network: Network
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

    def to_xarray(self) -> xarray.Dataset:
        """All tables as one Dataset of xarray, with units and meanings as attributes; needs the extra ``export``.

        A column of a table is a variable, such as ``books_executed_kwh``. Its dimensions are `share`, the shares of devices
        that the study sweeps, `scenario`, and `hour`, `step`, `branch`, `phase` or `bus`. Trades have the dimension `trade`,
        histograms `bin`. The coordinate `time` of the steps is in UTC.

        Returns
        -------
        xarray.Dataset

        Raises
        ------
        InputError
            Without xarray.
        """
        from fastp2p.results.dataset import make_dataset

        return make_dataset(self.tables(), self.study)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables that were kept, by name."""
        return {name: table for name in TABLES if (table := getattr(self, name)) is not None}
