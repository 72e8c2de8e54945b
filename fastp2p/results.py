"""What a run gives back: tables with units."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from fastp2p.network import Network
from fastp2p.profiles import Profiles
from fastp2p.study import Study

TABLES = ("books", "scenarios", "trades", "branches", "participants")


@dataclass(frozen=True, eq=False)
class Results:
    """Tables of a study, and what they were made from.

    Attributes
    ----------
    books : DataFrame
        One row per (scenario, step): energy, status, worst loading.
    scenarios : DataFrame
        One row per scenario: totals and indicators.
    trades, branches, participants : DataFrame
        One row per trade; per branch and scenario; per participating bus and scenario.
    failures : list of (scenario, step)
        Books that could not be solved; nothing is executed in them.
    """

    study: Study
    network: Network
    profiles: Profiles
    books: pd.DataFrame
    scenarios: pd.DataFrame
    trades: pd.DataFrame
    branches: pd.DataFrame
    participants: pd.DataFrame
    failures: list[tuple[int, int]] = field(default_factory=list)

    def tables(self) -> dict[str, pd.DataFrame]:
        """The tables by name."""
        return {name: getattr(self, name) for name in TABLES}
