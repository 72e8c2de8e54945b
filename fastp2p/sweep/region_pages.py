"""Pages of a region: what its feeders host, which part of them hosts how much, what tells most of it, and totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from fastp2p.figures.hosting import name_panel
from fastp2p.figures.pages import (
    BESIDE_IN,
    SIDE_BY_SIDE_FROM,
    USUAL,
    Look,
    fold,
    house_style,
    join_legends,
    new_page,
    panel_width_in,
    share_axes,
)
from fastp2p.figures.region import ENDS, MOST_NAMED, NAME_IN, draw_distribution, draw_feeders, title_of
from fastp2p.figures.region_features import correlation_words, draw_features, draw_map
from fastp2p.figures.totals import draw_totals
from fastp2p.results.answers import answer_region
from fastp2p.results.cube import FEEDER
from fastp2p.results.hosting import THRESHOLD
from fastp2p.results.points import POINT_KEYS, by_devices, point_text
from fastp2p.results.ranking import rank_hosting
from fastp2p.results.region import caution_of, of_event
from fastp2p.study.model import Study
from fastp2p.sweep.sweep_pages import period_of

EVENTS = ("cut", "voltage", "cable", "unbalance")
"""What ends the hosting capacity: as the market is cleared, and by cause where every book is audited."""
MOST_FEATURES = 6
"""Panels of the features that tell most."""
TOTALS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Energy traded", ("executed_kwh", "cut_kwh")),
    ("Energy of the retailer", ("import_kwh", "export_kwh")),
    ("Saving by trading", ("saving",)),
    ("Feeders where it happens", ("cut_probability", "voltage_probability", "cable_probability", "overload_probability")),
)
"""Panels of the totals: what their axis is of, and indicators, of which those that the study has are drawn."""


def draw_region_figures(
    results: Any, look: Look = USUAL, answers: Mapping[str, pd.DataFrame] | None = None
) -> dict[str, Figure]:
    """The figures of a region, by name.

    Parameters
    ----------
    results : Results
        Of a study of many feeders: `study`, `scenarios` and `feeders` are drawn.
    look : Look
    answers : mapping of DataFrame, optional
        Of `answer_region`, if they are there already.

    Returns
    -------
    dict of Figure
        ``hosting_by_feeder``, ``hosting_distribution``, ``totals``; ``features`` where the table of feeders has some, ``map``
        where it has places (`x`, `y`).
    """
    feeders, study = results.feeders, results.study
    tables = dict(answers or answer_region(results.scenarios, feeders))
    of = f"{tables['hosting'][FEEDER].nunique():,} feeders"
    *_, (devices, _) = by_devices(tables["hosting"])
    for name in ("hosting", "distribution", "ranks"):  # of several shares of devices the largest
        *_, (_, tables[name]) = by_devices(tables[name])
    at = f"{of}, {point_text(devices)}" if devices else of
    with matplotlib.rc_context(house_style()):
        figures = {
            "hosting_by_feeder": hosting_page(study, tables["hosting"], look, at),
            "hosting_distribution": distribution_page(study, tables["distribution"], look, at),
        }
        if len(tables["ranks"]):
            figures["features"] = features_page(study, tables, feeders, look, at)
        if "x" in feeders and feeders["x"].notna().any():
            figures["map"] = map_page(study, tables["hosting"], feeders, look, at)
        profiles = getattr(results, "profiles", None)
        period = f" in {period_of(profiles)}" if profiles is not None else ""
        figures["totals"] = totals_page(study, tables["totals"], look, of, period)
    return figures


def _known(table: pd.DataFrame) -> list[str]:
    return [event for event in EVENTS if (table["event"] == event).any()]


def telling_event(hosting: pd.DataFrame) -> str:
    """The first event by which the feeders differ; what is cut where they are all alike."""
    for event in _known(hosting):
        if of_event(hosting, event)["hosting_share"].nunique() > 1:
            return event
    return "cut"


def hosting_page(study: Study, hosting: pd.DataFrame, look: Look, of: str) -> Figure:
    """The figure ``hosting_by_feeder``: a panel for each event, with the same feeders in a row where they have names."""
    events, n = _known(hosting), hosting[FEEDER].nunique()
    is_named = n <= MOST_NAMED
    figure, panels = new_page(study, look, len(events), 1.3 + 0.16 * max(n, 4) if is_named else 3.2, of)
    order = rank_hosting(hosting)[FEEDER].tolist()[::-1] if is_named else None  # as everywhere else
    for axes, event in zip(panels, events, strict=True):
        draw_feeders(axes, hosting, event, order)
    _join(figure, panels, events, NAME_IN if is_named and look.width_in < SIDE_BY_SIDE_FROM else BESIDE_IN)
    return figure


def distribution_page(study: Study, distribution: pd.DataFrame, look: Look, of: str) -> Figure:
    """The figure ``hosting_distribution``: a panel for each event."""
    events = _known(distribution)
    figure, panels = new_page(study, look, len(events), 2.6, of)
    for axes, event in zip(panels, events, strict=True):
        draw_distribution(axes, distribution, event)
    _join(figure, panels, events)
    return figure


def _join(figure: Figure, panels: Sequence[Axes], events: Sequence[str], beside_in: float = BESIDE_IN) -> None:
    """Names of the events above their panels, and one legend for all."""
    for axes, event in zip(panels, events, strict=True):
        name_panel(axes, title_of(event), fold(ENDS[event], panel_width_in(axes) - beside_in).splitlines())
        if legend := axes.get_legend():
            legend.set_title(f"Hosting capacity: until it happens in {THRESHOLD:.0%} of scenarios")
    share_axes(panels)
    join_legends(figure, panels)


def features_page(study: Study, tables: Mapping[str, pd.DataFrame], feeders: pd.DataFrame, look: Look, of: str) -> Figure:
    """The figure ``features``: the hosting capacity over the features that tell most of it, the strongest first."""
    event = telling_event(tables["hosting"])
    ranks = tables["ranks"][tables["ranks"]["event"] == event]
    shown = ranks.head(MOST_FEATURES).to_dict("records")
    figure, panels = new_page(study, look, len(shown), 2.0, of, columns=3)
    for axes, row in zip(panels, shown, strict=True):
        note = caution_of(int(row["n"]), len(ranks))
        draw_features(axes, tables["hosting"], feeders, str(row["feature"]), event, note=note)
        title, *interval = correlation_words(row)
        name_panel(axes, title, interval)
        if (place := axes.get_subplotspec()) and place.colspan.start:
            axes.set_ylabel("")
            axes.tick_params(labelleft=False)
    join_legends(figure, panels)
    return figure


def map_page(study: Study, hosting: pd.DataFrame, feeders: pd.DataFrame, look: Look, of: str) -> Figure:
    """The figure ``map``."""
    figure, panels = new_page(study, look, 1, 4.2, of)
    draw_map(panels[0], hosting, feeders, telling_event(hosting))
    join_legends(figure, panels)
    return figure


def totals_page(study: Study, totals: pd.DataFrame, look: Look, of: str, period: str = "") -> Figure:
    """The figure ``totals``: of all regions together; `period` is how long a scenario is, in words."""
    rows = totals[totals["region"].isna()]
    there = set(rows.loc[rows["estimate"].notna(), "indicator"])
    groups = [(label, [one for one in names if one in there]) for label, names in TOTALS]
    groups = [(label, names) for label, names in groups if names]
    is_swept = any(rows[key].nunique() > 1 for key in POINT_KEYS if key != "share" and key in rows)
    figure, panels = new_page(study, look, len(groups), 2.6, of, columns=2)
    for axes, (label, names) in zip(panels, groups, strict=True):
        draw_totals(axes, rows, names[:1] if is_swept else names, study.currency)
        name_panel(axes, label + period, [])
    return figure
