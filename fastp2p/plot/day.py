"""Figures of a run, panel by panel: one scenario of it, its network, its profiles, and typical days."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd
from matplotlib.axes import Axes

from fastp2p.arguments import kind_faults
from fastp2p.errors import InputError, refuse
from fastp2p.figures.network import draw_network
from fastp2p.figures.profiles import draw_profiles
from fastp2p.figures.supply import draw_supply
from fastp2p.figures.typical_days import draw_typical
from fastp2p.plot.sources import Source, axes_for, one_network, results_of, table_of
from fastp2p.profiles.profiles import Profiles
from fastp2p.profiles.typical_days import Clusters
from fastp2p.results.points import one_scenario
from fastp2p.sweep.day_pages import network_facts, profiles_facts, supply_facts, typical_facts

PARTS = ("load", "pv", "self", "executed", "import", "export", "spilled", "shed")
OF_SUPPLY = ("share", "scenario", *(f"{part}_kwh" for part in PARTS))


def supply(
    source: Source | pd.DataFrame,
    ax: Axes | None = None,
    *,
    share: float | Sequence[float] | None = None,
    scenario: int | None = None,
) -> Axes:
    """Draw where the load's energy comes from (above zero), and where that of the PV goes (below).

    Energy is in kWh per step, of more than 21 days per day, and of more than 800 days per 7 days; the label says which. The
    parts of either side add up to the load and to the PV. Where batteries do more than store their home's own surplus
    for it, the sides are the load with charging, and the PV with discharging.

    Parameters
    ----------
    source : Results, path or DataFrame
        Results, their folder, or the table `books`; without its column `time`, a table's steps are counted.
    ax : Axes, optional
    share : float or sequence of float, optional
        Share of PV of the scenario, with the shares of swept devices in the order of the columns of the tables; by default the
        largest ones.
    scenario : int, optional
        Its number; by default the first one.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, if the study did not keep the table, if a column is missing, or if there is no such scenario.
    """
    books, results = table_of(source, "books", OF_SUPPLY)
    rows = one_scenario(books, share, scenario)
    axes = axes_for(ax)
    draw_supply(axes, rows, **(supply_facts(results, share, scenario) if results else {}))
    return axes


def network(
    source: Source, ax: Axes | None = None, *, share: float | Sequence[float] | None = None, scenario: int | None = None
) -> Axes:
    """Draw the network as a tree below its external grids: who is where, and the worst loading of each branch.

    The colours end at 100 % of the limit; what is above has a colour of its own. Buses have their ids where these can be read.

    Parameters
    ----------
    source : Results or path
        Results, or their folder.
    ax : Axes, optional
        Its size decides that of the buses: it is best made first, as large as it will be.
    share, scenario : optional
        Which scenario, as for `supply`.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, if the study did not keep `branches` and `participants`, or if there is no such scenario.
    """
    results = one_network(source)
    branches, participants = (
        one_scenario(table_of(results, name)[0], share, scenario) for name in ("branches", "participants")
    )
    axes = axes_for(ax)
    draw_network(axes, results.network, branches, participants, **network_facts(results, share, scenario))
    return axes


def profiles(source: Source | Profiles, ax: Axes | None = None, *, kind: str = "load") -> Axes:
    """Draw profiles in kW per home or per kWp: up to five by name, of more the median and how they spread.

    Of more than three days the mean day is drawn, with bands over all days of all profiles.

    Parameters
    ----------
    source : Results, path or Profiles
        Results or their folder: profiles that the study uses stand out. Of `Profiles` all are drawn.
    ax : Axes, optional
    kind : {"load", "pv", "net"}

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, or has no profile of that kind.
    """
    results = None if isinstance(source, Profiles) else results_of(source)
    given = source if results is None else results.profiles
    assert isinstance(given, Profiles)
    if not isinstance(kind, str) or kind not in given.kinds:
        raise InputError(f"kind = {kind!r}: there are profiles of {' and '.join(dict.fromkeys(given.kinds)) or 'no kind'}")
    axes = axes_for(ax)
    draw_profiles(axes, **profiles_facts(given, kind, results.study if results else None))
    return axes


def typical(source: Clusters, ax: Axes | None = None, *, cluster: int = 0) -> Axes:
    """Draw a typical day, and the bands in which half and 90 % of the days of its cluster lie.

    Parameters
    ----------
    source : Clusters
        Of `fastp2p.cluster_days`.
    ax : Axes, optional
    cluster : int
        Which one, from 0; they rise by energy.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, or has no such cluster.
    """
    refuse(kind_faults(source=(source, Clusters)))
    k = len(source.size)
    if not isinstance(cluster, int) or not 0 <= cluster < k:
        raise InputError(f"cluster = {cluster!r}: must be a whole number from 0 to {k - 1}")
    axes = axes_for(ax)
    draw_typical(axes, **typical_facts(source, cluster))
    return axes
