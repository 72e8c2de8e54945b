"""What a region answers about its feeders: the hosting capacity of each, its distribution, and the feature that tells most."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import special

from fastp2p.arguments import described, refuse_other_tables
from fastp2p.errors import InputError, refuse, some
from fastp2p.grid.features import FEATURES
from fastp2p.results.cube import FEEDER
from fastp2p.results.hosting import THRESHOLD
from fastp2p.results.intervals import rate_interval
from fastp2p.results.points import POINT_KEYS, point_keys
from fastp2p.results.statistics import CONFIDENCE, Event

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

COUNTED = {"feeders": "", "homes": "n_homes"}
"""What a distribution is over, and the column of the table of feeders that says how many of them a feeder has."""
SHARES = ("hosting_share", "next_share", "hosting_share_low", "hosting_share_high", "next_share_high")
"""Columns of shares of PV that were tried."""
FEW_FEEDERS, MANY_FEEDERS = 10, 50
"""Of fewer a rank correlation has no interval that could be relied on; of so many chance no longer makes strong ones."""


def find_feeder_hosting(probabilities: pd.DataFrame, threshold: float = THRESHOLD) -> pd.DataFrame:
    """The hosting capacity of every feeder by what ends it, as `find_hosting_capacity` finds that of one network.

    Parameters
    ----------
    probabilities : DataFrame
        Of `find_probabilities`, with its column `feeder`.
    threshold : float
        Of the probability of an event.

    Returns
    -------
    DataFrame
        One row per feeder, shares of swept devices if there are any, and `event` that is known of it. `hosting_share` is
        the largest share of PV that was tried up to which the event stays as rare as the threshold says, 0 if even the
        smallest is too much; `next_share` the one tried after it, so that the hosting capacity lies between both; null where
        the event stays rare up to the largest, and it lies beyond. `hosting_share_low`, `hosting_share_high` and
        `next_share_high` say the same with the confidence of the draws: surely at least the first, perhaps up to the last.

    Raises
    ------
    InputError
        A table without feeders or without probabilities, or a threshold that is no probability.
    """
    source = "that find_probabilities(results.scenarios) returns of many networks"
    points = tuple(point_keys(probabilities))
    refuse_other_tables(probabilities=(probabilities, source, ("cut_probability",), (FEEDER, *points)))
    if not isinstance(threshold, int | float) or isinstance(threshold, bool) or not 0.0 <= threshold <= 1.0:
        raise InputError(f"threshold = {threshold}: must be a probability between 0 and 1")
    keys = [FEEDER, *point_keys(probabilities)[1:]]
    ordered = probabilities.sort_values([*keys, "share"], ignore_index=True)
    begins = np.flatnonzero(~ordered.duplicated(keys).to_numpy())
    share = ordered["share"].to_numpy(np.float64)
    known = [event for event in get_args(Event) if f"{event}_probability" in ordered]
    found = []
    for place, event in enumerate(known):
        kept, surely, perhaps = (
            _count_fitting(ordered[f"{event}_{end}"].to_numpy(np.float64) <= threshold, begins)
            for end in ("probability", "high", "low")
        )
        rows = ordered.loc[begins, keys].assign(event=event, _place=place)
        rows["hosting_share"], rows["next_share"] = _tried(share, begins, kept)
        rows["hosting_share_low"], _ = _tried(share, begins, surely)
        rows["hosting_share_high"], rows["next_share_high"] = _tried(share, begins, perhaps)
        is_known = np.logical_or.reduceat(ordered[f"{event}_probability"].notna().to_numpy(), begins)
        found.append(rows[is_known])
    table = pd.concat(found).sort_values([*keys, "_place"], ignore_index=True)
    return table.drop(columns="_place")


def _count_fitting(fits: NDArray[np.bool_], begins: Ints) -> Ints:
    """How many rows fit before the first that does not, in each group of rows; groups begin at `begins`."""
    place = np.where(fits, len(fits), np.arange(len(fits)))
    ends = np.append(begins[1:], len(fits))
    count: Ints = np.minimum(np.minimum.reduceat(place, begins), ends) - begins
    return count


def _tried(share: Floats, begins: Ints, count: Ints) -> tuple[Floats, Floats]:
    """The last of the first `count` shares of each group, 0 if there is none, and the one after it, NaN if there is none."""
    ends = np.append(begins[1:], len(share))
    last = np.where(count > 0, share[np.maximum(begins + count - 1, 0)], 0.0)
    after = np.where(begins + count < ends, share[np.minimum(begins + count, len(share) - 1)], np.nan)
    return last, after


def of_event(hosting: pd.DataFrame, event: str = "cut") -> pd.DataFrame:
    """The rows of one event of a table of `find_feeder_hosting`.

    Raises
    ------
    InputError
        If the table knows nothing of it.
    """
    rows = hosting[hosting["event"] == event]
    if rows.empty:
        raise InputError(f"event = {event!r}: these feeders have {some(list(hosting['event'].unique()))}")
    return rows


def distribute_hosting(hosting: pd.DataFrame, feeders: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """Which part of the feeders, and of the homes, can take at least a share of PV.

    Parameters
    ----------
    hosting : DataFrame
        Of `find_feeder_hosting`.
    feeders : DataFrame
        `Results.feeders`: `feeder`, and if it has them `weight` and `n_homes`.
    confidence : float
        Of the interval.

    Returns
    -------
    DataFrame
        One row per event, shares of swept devices if there are any, share above 0 that was tried, and what is counted (`of`:
        "feeders", "homes"). `part` is Σ w_f I_f / Σ w_f over feeders f, with I_f = 1 where the share is hosted at least;
        w_f is the weight, times the homes of the feeder where homes are counted. `part_low`, `part_high`: its interval if the
        feeders are a sample of more (`rate_interval`, a feeder is a cluster); NaN for a single one. `surely` and `perhaps` are
        the parts by `hosting_share_low` and `hosting_share_high`: what the draws leave open about these feeders themselves.
    """
    _refuse_others(hosting, confidence)
    table = hosting.merge(weights_of(feeders, hosting), on=FEEDER)
    keys, rows = ["event", *(key for key in POINT_KEYS if key in hosting)], []
    for values, group in table.groupby(keys, sort=False):
        place = dict(zip(keys, values, strict=True))
        tried = np.unique(group[list(SHARES)].to_numpy(np.float64))
        for share in tried[tried > 0.0].tolist():
            for of, column in COUNTED.items():
                weight = group["weight"].to_numpy(np.float64) * (group[column].to_numpy(np.float64) if column else 1.0)
                if weight.sum() > 0.0:
                    rows.append({**place, "share": share, "of": of, **_part(group, share, weight / weight.mean(), confidence)})
    return pd.DataFrame(rows)


def _part(group: pd.DataFrame, share: float, weight: Floats, confidence: float) -> dict[str, float]:
    """The part of a weight whose hosting capacity is at least a share."""
    keeps, surely, perhaps = (weight * (group[f"hosting_share{end}"] >= share).to_numpy() for end in ("", "_low", "_high"))
    low, high = rate_interval(keeps, weight, confidence)
    parts = {"part": keeps, "surely": surely, "perhaps": perhaps}
    return {name: float(of.sum() / weight.sum()) for name, of in parts.items()} | {"part_low": low, "part_high": high}


def hosting_quantile(distribution: pd.DataFrame, part: float, of: str = "feeders", event: str = "cut") -> float:
    """The largest share that was tried which at least this part of the feeders, or of the homes, can take.

    Parameters
    ----------
    distribution : DataFrame
        Of `distribute_hosting`; where shares of several devices were run, the rows of one.
    part : float
        Such as 0.9.
    of : {"feeders", "homes"}
    event : str

    Returns
    -------
    float
        0 where they cannot even take the smallest.
    """
    rows = distribution[(distribution["of"] == of) & (distribution["event"] == event)]
    return float(rows.loc[rows["part"] >= part * (1.0 - 1e-12), "share"].max()) if (rows["part"] >= part).any() else 0.0


def _refuse_others(hosting: Any, confidence: float) -> None:
    """Refuse what is no table of `find_feeder_hosting`."""
    devices = [key for key in POINT_KEYS if key != "share" and key in getattr(hosting, "columns", ())]
    keys = (FEEDER, *devices, "event")
    refuse_other_tables(confidence, hosting=(hosting, "that find_feeder_hosting returns", SHARES, keys))


def weights_of(feeders: pd.DataFrame, table: pd.DataFrame) -> pd.DataFrame:
    """`feeder`, `weight`, `n_homes` and `region` of the feeders in a table; 1, NaN and "" where nothing is said of them.

    Raises
    ------
    InputError
        Feeders that the table of feeders lacks or has twice, and weights that are negative or unknown, or all zero.
    """
    names = table[FEEDER].unique()
    if not hasattr(feeders, "merge") or FEEDER not in feeders:
        raise InputError(f"feeders must be the table results.feeders, with a row for each feeder, not {described(feeders)}")
    texts = [key for key in ("weight", "n_homes") if key in feeders and not pd.api.types.is_numeric_dtype(feeders[key])]
    refuse([f"feeders must have numbers in {', '.join(texts)}; it must be the table results.feeders"] if texts else [])
    known = feeders[feeders[FEEDER].isin(names)]
    twice, missing = known.loc[known[FEEDER].duplicated(), FEEDER], [one for one in names if one not in set(known[FEEDER])]
    faults = [f"feeders has several rows of {some(list(twice))}"] if len(twice) else []
    faults += [f"feeders has no row of {some(missing)}, of which there are results"] if missing else []
    weight = known.get("weight", pd.Series(1.0, known.index)).astype(np.float64)
    wrong = known.loc[~((weight >= 0.0) & np.isfinite(weight)), FEEDER]
    faults += [f"weight of {some(list(wrong))}: must be a number, 0 or more"] if len(wrong) else []
    faults += ["weight: at least one feeder must have more than 0"] if not faults and not (weight > 0.0).any() else []
    refuse(faults)
    homes = known.get("n_homes", pd.Series(np.nan, known.index)).astype(np.float64)
    region = known.get("region", pd.Series("", known.index)).astype(object).fillna("").map(str)
    return pd.DataFrame({FEEDER: known[FEEDER], "weight": weight, "n_homes": homes, "region": region})


def rank_features(hosting: pd.DataFrame, feeders: pd.DataFrame, confidence: float = CONFIDENCE) -> pd.DataFrame:
    """How strongly each feature of a feeder goes with its hosting capacity, the strongest first.

    Parameters
    ----------
    hosting : DataFrame
        Of `find_feeder_hosting`.
    feeders : DataFrame
        `Results.feeders`, with the features of `fastp2p.grid.features`.
    confidence : float
        Of the interval.

    Returns
    -------
    DataFrame
        One row per event, shares of swept devices if there are any, and `feature`. `rank_correlation` is Spearman's, of the `n`
        feeders whose feature is known, all of the same weight: the correlation of midranks. Hosting capacities between the
        same shares that were tried are tied; so are those beyond the largest one, which rank above all others, however far
        beyond they lie. NaN where all feeders are tied. The interval is Fisher's with the variance (1 + ρ²/2) / (n − 3) of
        Bonett and Wright (2000, Sample size requirements for estimating Pearson, Kendall and Spearman correlations); NaN with
        fewer than 10 feeders, or where the order is the same throughout. A correlation is no cause: features go together, as
        length and resistance do.
    """
    _refuse_others(hosting, confidence)
    weights_of(feeders, hosting)  # refuses what is no table of these feeders
    named = [one.name for one in FEATURES if one.name in feeders]
    table = hosting.merge(feeders[[FEEDER, *named]], on=FEEDER)
    keys, rows = ["event", *(key for key in POINT_KEYS if key in hosting)], []
    for values, group in table.groupby(keys, sort=False):
        place = dict(zip(keys, values, strict=True))
        found: list[dict[str, Any]] = []
        for name in named:
            known = group[group[name].notna()]
            rho, low, high = _spearman(_order(known), known[name].to_numpy(np.float64), confidence)
            of = {"rank_correlation": rho, "rank_correlation_low": low, "rank_correlation_high": high}
            found.append({**place, "feature": name, "n": len(known), **of})
        rows += sorted(found, key=lambda row: -np.nan_to_num(abs(float(row["rank_correlation"]))))
    return pd.DataFrame(rows)


def _order(hosting: pd.DataFrame) -> Floats:
    """Numbers in the order of hosting capacities: where the next share is, infinity where there is none."""
    return hosting["next_share"].fillna(np.inf).to_numpy(np.float64)


def _spearman(first: Floats, second: Floats, confidence: float) -> tuple[float, float, float]:
    """Spearman's rank correlation and its interval."""
    ranks = [pd.Series(one).rank().to_numpy(np.float64) for one in (first, second)]
    one, other = (rank - rank.mean() if len(rank) else rank for rank in ranks)
    scale = float(np.sqrt((one**2).sum() * (other**2).sum()))
    if not scale > 0.0:
        return np.nan, np.nan, np.nan
    n, rho = len(one), float(np.clip((one * other).sum() / scale, -1.0, 1.0))
    if n < FEW_FEEDERS or abs(rho) > 1.0 - 1e-12:
        return rho, np.nan, np.nan
    half = -float(special.ndtri((1.0 - confidence) / 2.0)) * np.sqrt((1.0 + rho**2 / 2.0) / (n - 3))
    return rho, float(np.tanh(np.arctanh(rho) - half)), float(np.tanh(np.arctanh(rho) + half))


def caution_of(n_feeders: int, n_features: int) -> str:
    """A sentence on what rank correlations of few feeders are worth; empty where they are many.

    Without any relation, one of them lies beyond ±1.96 / √(n − 1) in one of twenty regions.
    """
    if n_feeders >= MANY_FEEDERS or n_feeders < 2:
        return "" if n_feeders >= MANY_FEEDERS else "One feeder says nothing of what makes feeders differ."
    chance = min(1.0, 1.96 / np.sqrt(n_feeders - 1))
    return (
        f"{n_feeders} feeders are few: without any relation, one of twenty correlations lies beyond ±{chance:.2f} by chance, "
        f"and {n_features} features were tried."
    )
