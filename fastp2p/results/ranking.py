"""The feeders of a region in the order of what they can host, by whatever limits each of them first."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from fastp2p.results.cube import FEEDER
from fastp2p.results.points import point_keys
from fastp2p.results.statistics import CAUSES, Event


def limiting_events(known: pd.DataFrame) -> tuple[Event, ...]:
    """What may end the hosting capacity: of an audited study what is fed in without control breaks, else what is cut.

    `known` is a table of `find_probabilities` or of `find_feeder_hosting`.
    """
    there = set(known["event"].unique()) if "event" in known else {str(name).removesuffix("_probability") for name in known}
    return tuple(event for event in CAUSES if event in there) or ("cut",)


def has_hosting(scenarios: pd.DataFrame) -> bool:
    """Whether several shares of PV were run, so that a hosting capacity lies between some of them."""
    return bool(scenarios["share"].nunique() > 1)


def rank_hosting(hosting: pd.DataFrame) -> pd.DataFrame:
    """The hosting capacity of every feeder by what limits it first, the lowest first.

    Parameters
    ----------
    hosting : DataFrame
        Of `fastp2p.results.region.find_feeder_hosting`.

    Returns
    -------
    DataFrame
        One row per feeder, and shares of swept devices if there are any: `limited_by`, the event that ends it at the smallest
        share (null where none does at any share that was tried), and the other columns as there: of all limits the smallest.
        What lies between the same shares is ordered by what is sure of it, then by name.
    """
    keys = [FEEDER, *(key for key in point_keys(hosting) if key != "share")]
    rows = hosting[hosting["event"].isin(limiting_events(hosting))]
    ends = rows[["next_share", "next_share_high"]].fillna(np.inf)
    rows = rows.assign(**{str(name): ends[name] for name in ends})
    least = rows.groupby(keys, sort=False)[["hosting_share", "hosting_share_low", "hosting_share_high", *ends]].min()
    first = rows.sort_values("next_share", kind="stable").drop_duplicates(keys).set_index(keys)["event"]
    least.insert(0, "limited_by", first.where(least["next_share"] < np.inf, None))
    ranked = least.reset_index().sort_values(
        [*keys[1:], "next_share", "hosting_share_low", "next_share_high", FEEDER], kind="stable", ignore_index=True
    )
    return ranked.replace({name: {np.inf: np.nan} for name in ends})


def share_words(hosting_share: float, next_share: float) -> str:
    """Between which shares that were tried a hosting capacity lies: "30 to 50 %", "below 10 %", "at least 90 %"; "unknown"."""
    low, high = (f"{100.0 * one:.4g}" for one in (hosting_share, next_share))
    if math.isnan(next_share):
        return f"at least {low} %" if hosting_share > 0.0 else "unknown"
    if next_share == 0.0:
        return "none, not even without PV"
    return f"below {high} %" if hosting_share == 0.0 else f"{low} to {high} %"
