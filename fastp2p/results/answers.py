"""All tables that answer for a region, from the scenarios of its feeders."""

from __future__ import annotations

import pandas as pd

from fastp2p.results.region import distribute_hosting, find_feeder_hosting, rank_features
from fastp2p.results.statistics import find_probabilities
from fastp2p.results.totals import find_total_changes, find_totals

HOSTING_TABLES = ("hosting", "distribution", "ranks")
"""Those that say nothing where one share of PV was run."""
REGION_TABLES = ("hosting", "distribution", "ranks", "totals", "total_changes")


def answer_region(
    scenarios: pd.DataFrame, feeders: pd.DataFrame, probabilities: pd.DataFrame | None = None
) -> dict[str, pd.DataFrame]:
    """Hosting capacity by feeder, its distribution, what features tell of it, totals of the region and their changes.

    Parameters
    ----------
    scenarios : DataFrame
        `Results.scenarios` of a study of many feeders, with its column `feeder`.
    feeders : DataFrame
        `Results.feeders`; rows of feeders without scenarios are left out.
    probabilities : DataFrame, optional
        Of `find_probabilities`, if they are there already.

    Returns
    -------
    dict of DataFrame
        "hosting" of `find_feeder_hosting`, "distribution" of `distribute_hosting`, "ranks" of `rank_features`, "totals" of
        `find_totals`, "total_changes" of `find_total_changes`.

    Raises
    ------
    InputError
        As these functions do.
    """
    hosting = find_feeder_hosting(find_probabilities(scenarios) if probabilities is None else probabilities)
    return {
        "hosting": hosting,
        "distribution": distribute_hosting(hosting, feeders),
        "ranks": rank_features(hosting, feeders),
        "totals": find_totals(scenarios, feeders),
        "total_changes": find_total_changes(scenarios, feeders),
    }
