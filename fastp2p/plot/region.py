"""Figures of a region, panel by panel: of a study of many networks."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, get_args

import pandas as pd
from matplotlib.axes import Axes

from fastp2p.arguments import described
from fastp2p.errors import InputError, refuse, some
from fastp2p.figures.region import draw_distribution, draw_feeders, title_of
from fastp2p.figures.region_features import correlation_words, draw_features, draw_map
from fastp2p.figures.totals import draw_totals
from fastp2p.grid.features import FEATURES
from fastp2p.plot.sources import Source, axes_for, results_of
from fastp2p.results.points import by_devices
from fastp2p.results.region import distribute_hosting, find_feeder_hosting, of_event, rank_features
from fastp2p.results.results import Results
from fastp2p.results.statistics import Event, find_probabilities
from fastp2p.results.totals import find_totals


def hosting_by_feeder(source: Source | pd.DataFrame, ax: Axes | None = None, *, event: Event = "cut") -> Axes:
    """Draw the hosting capacity of every feeder: between which shares that were tried, with its confidence interval.

    Parameters
    ----------
    source : Results, path or DataFrame
        Results of a study of many networks, their folder, or the table `hosting`.
    ax : Axes, optional
    event : {"cut", "overload", "broken", "voltage", "cable", "unbalance", "balanced_voltage", "balanced_cable"}
        What ends it.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, or nothing is known of the event.
    """
    _check_event(event)
    hosting = source if isinstance(source, pd.DataFrame) else find_hosting(_region(source))
    rows = _one_device(_table(hosting, "hosting", ("feeder", "event", "hosting_share", "next_share_high")), event)
    axes = axes_for(ax)
    draw_feeders(axes, rows, event)
    axes.set_title(title_of(event), loc="left")
    return axes


def hosting_distribution(source: Source | pd.DataFrame, ax: Axes | None = None, *, event: Event = "cut") -> Axes:
    """Draw which part of the feeders, and of the homes, hosts at least a share of PV.

    Parameters
    ----------
    source : Results, path or DataFrame
        Results of a study of many networks, their folder, or the table `distribution`.
    ax : Axes, optional
    event : as for `hosting_by_feeder`

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, or nothing is known of the event.
    """
    _check_event(event)
    if isinstance(source, pd.DataFrame):
        table = _table(source, "distribution", ("event", "share", "of", "part", "part_low", "part_high"))
    else:
        results = _region(source)
        table = distribute_hosting(find_hosting(results), feeders_of(results))
    rows = _one_device(table, event)
    axes = axes_for(ax)
    draw_distribution(axes, rows, event)
    axes.set_title(title_of(event), loc="left")
    return axes


def hosting_feature(source: Source, ax: Axes | None = None, *, feature: str | None = None, event: Event = "cut") -> Axes:
    """Draw the hosting capacity of every feeder over one of its features, with their rank correlation.

    Parameters
    ----------
    source : Results or path
    ax : Axes, optional
    feature : str, optional
        A column of `results.feeders` that is a feature; by default the one with the strongest correlation.
    event : as for `hosting_by_feeder`

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, there is no such feature, or nothing is known of the event.
    """
    _check_event(event)
    results = _region(source)
    feeders = feeders_of(results)
    known = [one.name for one in FEATURES if one.name in feeders]
    if (feature is not None and feature not in known) or not known:
        raise InputError(f"feature = {described(feature)}: these feeders have {some(known) or 'none'}")
    hosting = _one_device(find_hosting(results), event)
    ranks = rank_features(of_event(hosting, event), feeders)
    row = (ranks if feature is None else ranks[ranks["feature"] == feature]).iloc[0].to_dict()
    axes = axes_for(ax)
    draw_features(axes, hosting, feeders, str(row["feature"]), event)
    axes.set_title(", ".join(correlation_words(row)), loc="left")
    return axes


def hosting_map(source: Source, ax: Axes | None = None, *, event: Event = "cut") -> Axes:
    """Draw where the feeders are, coloured by what they host.

    Parameters
    ----------
    source : Results or path
    ax : Axes, optional
    event : as for `hosting_by_feeder`

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, no network says where it is, or nothing is known of the event.
    """
    _check_event(event)
    results = _region(source)
    feeders = feeders_of(results)
    if not {"x", "y"} <= {*feeders} or not feeders[["x", "y"]].notna().all(axis=1).any():
        raise InputError("none of these networks says where it is: their buses have no coordinates (geo)")
    hosting = _one_device(find_hosting(results), event)
    axes = axes_for(ax)
    draw_map(axes, hosting, feeders, event)
    axes.set_title(title_of(event), loc="left")
    return axes


def region_totals(
    source: Source | pd.DataFrame, ax: Axes | None = None, *, indicators: Sequence[str] = ("executed_kwh",), currency: str = ""
) -> Axes:
    """Draw what a region does as a whole over the share of PV or of devices, with confidence intervals.

    Parameters
    ----------
    source : Results, path or DataFrame
        Results of a study of many networks, their folder, or the table `totals`, of which the rows of all regions are drawn.
    ax : Axes, optional
    indicators : sequence of str
        Of one unit: columns of the table of scenarios, or probabilities such as "cut_probability".
    currency : str
        Of a table; results know it.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, or there are no such indicators.
    """
    wanted = list(indicators) if isinstance(indicators, Iterable) and not isinstance(indicators, str) else []
    if isinstance(source, pd.DataFrame):
        totals = _table(source, "totals", ("region", "share", "indicator", "estimate", "estimate_low", "estimate_high"))
    else:
        results = _region(source)
        totals, currency = find_totals(results.scenarios, feeders_of(results)), results.study.currency
    rows = totals[totals["region"].isna()]
    there = list(dict.fromkeys(rows["indicator"]))
    if not wanted or not all(one in there for one in wanted):
        raise InputError(f"indicators = {indicators!r}: must be some of {some(there)}, in a list")
    axes = axes_for(ax)
    draw_totals(axes, rows, wanted, currency)
    return axes


def feeders_of(results: Results) -> pd.DataFrame:
    """The table of the feeders that ran."""
    feeders: pd.DataFrame = getattr(results, "feeders")  # noqa: B009
    return feeders[feeders["feeder"].isin(results.scenarios["feeder"].unique())]


def find_hosting(results: Results) -> pd.DataFrame:
    """What every feeder hosts."""
    return find_feeder_hosting(find_probabilities(results.scenarios))


def _region(source: Any) -> Results:
    """Results of a study of many networks."""
    results = results_of(source)
    if getattr(results, "feeders", None) is None:
        raise InputError("these results are of one network; network.sources in the study names many")
    return results


def _table(table: pd.DataFrame, name: str, columns: tuple[str, ...]) -> pd.DataFrame:
    refuse([f"the table lacks the column {column} of {name}" for column in columns if column not in table])
    return table


def _one_device(table: pd.DataFrame, event: str) -> pd.DataFrame:
    """Rows of the largest shares of swept devices, of which those of the event are known to be there."""
    *_, (_, rows) = by_devices(of_event(table, event))
    return rows


def _check_event(event: object) -> None:
    if not isinstance(event, str) or event not in get_args(Event):
        raise InputError(f"event must be one of {', '.join(map(repr, get_args(Event)))}, not {described(event)}")
