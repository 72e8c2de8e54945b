"""Figures of sweeps and of comparisons of market rules, panel by panel."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from pathlib import Path
from typing import Any

import pandas as pd
from matplotlib.axes import Axes

from fastp2p.arguments import described
from fastp2p.errors import InputError, refuse
from fastp2p.figures.bills import draw_bills, rules_of
from fastp2p.figures.energy import BY_HOUR, QUANTITIES, TRADED, draw_energy, draw_hours
from fastp2p.figures.hosting import CAUSES, causes_of, draw_hosting
from fastp2p.figures.loading import draw_loading
from fastp2p.figures.shares import points_of, shares_text
from fastp2p.market.rules import RULES
from fastp2p.plot.sources import Source, axes_for, is_number, table_of
from fastp2p.results.points import point_keys
from fastp2p.results.results import Results
from fastp2p.results.statistics import COUNTS, find_hour_quantiles, find_probabilities
from fastp2p.sweep.compare import savings
from fastp2p.sweep.opened import read_comparison
from fastp2p.sweep.sweep_pages import days_of, loading_of, period_of


def hours(source: Source | pd.DataFrame, ax: Axes | None = None, **shares: float) -> Axes:
    """Draw P2P trades and retailer supply through the mean day at one share: median and 5 to 95 % of the scenarios.

    Parameters
    ----------
    source : Results, path or DataFrame
        Results, their folder, or the table `hours`.
    ax : Axes, optional
    **shares : float
        At which share of PV (``share=0.5``) and of swept devices (``battery_share=1.0``); the largest where left out.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, a column is missing, or the share was not run.
    """
    table, results = table_of(source, "hours", ("share", "scenario", "hour", *BY_HOUR))
    rows, name = _at(table, shares)
    quantiles = find_hour_quantiles(rows, BY_HOUR).droplevel([*range(len(point_keys(rows)))])
    axes = axes_for(ax)
    draw_hours(axes, quantiles, name=name, step_hours=results.profiles.step_hours if results else None)
    return axes


def energy(
    source: Source | pd.DataFrame, ax: Axes | None = None, *, quantities: Sequence[str] = TRADED, days: float | None = None
) -> Axes:
    """Draw energy of a scenario over the share of PV or of devices: median and 5 to 95 % of the scenarios.

    Parameters
    ----------
    source : Results, path or DataFrame
        Results, their folder, or the table `scenarios`.
    ax : Axes, optional
    quantities : sequence of str
        Some of "executed_kwh", "matched_kwh", "cut_kwh", "import_kwh", "export_kwh", "spilled_kwh". Where several shares of
        devices were run beside those of PV, each of them has a line, of the first quantity.
    days : float, optional
        How long a scenario of a table is: energies are per day. Results know it.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, or a column is missing or has no such figure.
    """
    wanted = list(quantities) if isinstance(quantities, Iterable) and not isinstance(quantities, str) else []
    if not wanted or not all(isinstance(one, str) and one in QUANTITIES for one in wanted):
        raise InputError(f"quantities = {quantities!r}: must be some of {', '.join(QUANTITIES)}, in a list")
    if days is not None and not (is_number(days) and 0.0 < days < inf):
        raise InputError(f"days = {days!r}: must be a number above 0")
    table, results = table_of(source, "scenarios", ("share", "scenario", *wanted))
    axes = axes_for(ax)
    draw_energy(axes, table, list(dict.fromkeys(wanted)), days=days_of(results.profiles) if results else days)
    return axes


def loading(source: Source | pd.DataFrame, ax: Axes | None = None) -> Axes:
    """Draw which part of the scenarios stays at or below a worst branch loading.

    Parameters
    ----------
    source : Results, path or DataFrame
        Results, their folder, or the table `scenarios`.
    ax : Axes, optional

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, or a column is missing.
    """
    scenarios, results = table_of(source, "scenarios", ("share", "scenario", "worst_loading_percent"))
    axes = axes_for(ax)
    draw_loading(axes, scenarios, **(loading_of(results) if results else {}))
    return axes


def hosting_capacity(source: Source | pd.DataFrame, ax: Axes | None = None, *, cause: str = "cleared") -> Axes:
    """Draw how probable it is that a limit breaks, over the share of PV or of devices, and the hosting capacity.

    Parameters
    ----------
    source : Results, path or DataFrame
        Results, their folder, or the table `scenarios`.
    ax : Axes, optional
    cause : {"cleared", "base", "voltage", "cable", "unbalance"}
        "cleared": the market as it is cleared. "base": before any trade. The others, with nothing controlled: "voltage" and
        "cable" are known where every book is audited, "unbalance" where this is done in three phases.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, a column is missing, or nothing is known of the cause.
    """
    table, _ = table_of(source, "scenarios", ("share", "scenario", *COUNTS))
    probabilities = find_probabilities(table)
    known = dict.fromkeys(["cleared", "base", *causes_of(probabilities)])
    is_one = isinstance(cause, str) and cause in CAUSES
    if not is_one or cause not in known:
        why = (
            f"known of these results are {', '.join(known)}"
            if isinstance(cause, str) and cause in CAUSES
            else f"must be one of {', '.join(CAUSES)}"
        )
        raise InputError(f"cause = {cause!r}: {why}")
    axes = axes_for(ax)
    words = draw_hosting(axes, probabilities, cause)
    axes.set_title("\n".join([CAUSES[cause].title, *words]), loc="left")  # one text, so that a title of the caller replaces it
    return axes


def bills(
    source: Mapping[str, Results] | str | Path | pd.DataFrame,
    ax: Axes | None = None,
    *,
    currency: str = "",
    period: str = "",
    **shares: float,
) -> Axes:
    """Draw what a participant saves by trading under each market rule, with PV and without.

    Parameters
    ----------
    source : dict of Results, path or DataFrame
        Results by market rule, of the same draws and with their participants; the folder of a comparison of market rules; or
        its table `savings`.
    ax : Axes, optional
    currency, period : str
        Of a table: "EUR", "14 days". Results and folders know both.
    **shares : float
        As for `hours`.

    Returns
    -------
    Axes

    Raises
    ------
    InputError
        If it is something else, a column is missing, or the share was not run.
    """
    texts = {"currency": currency, "period": period}
    refuse([f"{key} must be a text, not {described(one)}" for key, one in texts.items() if not isinstance(one, str)])
    table, known = _savings_of(source)
    rows, name = _at(table, shares)
    axes = axes_for(ax)
    draw_bills(axes, rows, name=name, **(known or texts))
    return axes


def _savings_of(source: Any) -> tuple[pd.DataFrame, dict[str, str]]:
    """The table of savings, and what is known of it beside."""
    known = {}
    if isinstance(source, str | Path):
        read = read_comparison(source)
        table, known = read.savings, {"currency": read.study.currency, "period": period_of(read.profiles)}
    elif isinstance(source, Mapping):
        if not source or not all(isinstance(one, Results) and one.participants is not None for one in source.values()):
            raise InputError('bills need results of one market rule or more that kept "participants", by the name of the rule')
        ran = next(iter(source.values()))
        table, known = savings(dict(source)), {"currency": ran.study.currency, "period": period_of(ran.profiles)}
    elif isinstance(source, pd.DataFrame):
        table = source
    else:
        raise InputError(
            f"bills are drawn from results by market rule, a folder or a table of savings, not {described(source)}"
        )
    missing = [name for name in ("share", "kwp", "load_kwh") if name not in table]
    if RULES.keys().isdisjoint(rules_of(table)):
        missing.append("RULE_saving")
    refuse([f"the table of savings lacks the column {name}; run the comparison again" for name in missing])
    return table, known


def _at(table: pd.DataFrame, shares: Mapping[str, float]) -> tuple[pd.DataFrame, str]:
    """The rows of a table at one point, and its name."""
    keys, points = point_keys(table), points_of(table)
    refuse([f"{key} is no share of these results; they have {', '.join(keys)}" for key in shares if key not in keys])
    refuse([f"{key} = {value!r}: must be a number" for key, value in shares.items() if not is_number(value)])
    found = [point for point in points if all(point[keys.index(key)] == value for key, value in shares.items())]
    if not found:
        there = "; ".join(f"{key}: {', '.join(f'{value:g}' for value in sorted(table[key].unique()))}" for key in keys)
        raise InputError(f"{', '.join(f'{key} = {value}' for key, value in shares.items())} was not run; there are {there}")
    point = found[-1]
    text = shares_text(point[0], dict(zip(keys[1:], point[1:], strict=True)))
    return table[(table[keys] == point).all(axis=1)], f"PV {text}" if len(keys) > 1 else f"{text} PV"
