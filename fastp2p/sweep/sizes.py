"""How much memory the tables of a run take, and how much there is."""

from __future__ import annotations

import math
import os
from typing import TYPE_CHECKING

from fastp2p.grid.network import Network
from fastp2p.pipeline.members import find_members
from fastp2p.profiles.profiles import Profiles
from fastp2p.study.model import Study
from fastp2p.sweep.chosen import Stretches, kept_tables, n_cases

if TYPE_CHECKING:
    from fastp2p.sweep.feeders import Networks

ROW_BYTES = {"scenarios": 450, "hours": 88, "books": 236, "branches": 120, "participants": 150}
"""Of tables in memory, at least."""


def size_fault(study: Study, network: Network | Networks, profiles: Profiles, chosen: Stretches | None = None) -> str:
    """That the tables of a study, or of chosen scenarios of it, are larger than this machine's memory.

    '' where they are not, or a rule may stop the study before.
    """
    if study.scenarios.stop is not None and chosen is None:
        return ""
    if isinstance(network, Network):
        n_feeders, n_branch, members = 1, network.n_branch, len(find_members(study, network, []).participant)
    else:
        n_feeders, n_branch, members = len(network), *(int(network.table[name].sum()) for name in ("n_branch", "n_homes"))
    rows = {
        "scenarios": n_feeders,
        "hours": n_feeders * min(24, profiles.n_steps),
        "books": n_feeders * profiles.n_steps,
        "branches": n_branch * study.network.phases,
        "participants": members,
    }
    there = memory_bytes()
    tables = kept_tables(study, chosen)
    needed = n_cases(study, chosen) * sum(rows[table] * size for table, size in ROW_BYTES.items() if table in tables)
    if needed <= there:
        return ""
    return f"the tables of {study.name} take {needed / 1e9:,.0f} GB in memory, and this machine has {there / 1e9:,.0f} GB"


def memory_bytes() -> float:
    """What this machine has; infinite where the system does not say."""
    try:
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, ValueError):  # Windows
        return math.inf
