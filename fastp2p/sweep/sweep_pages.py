"""Pages of a sweep, and of a comparison of market rules: figures of all scenarios."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from fastp2p.figures.bills import draw_bills, rules_of
from fastp2p.figures.energy import BY_HOUR, EXCHANGED, QUANTITIES, TRADED, draw_energy, draw_hours
from fastp2p.figures.hosting import CAUSES, causes_of, draw_hosting, name_panel
from fastp2p.figures.loading import draw_loading
from fastp2p.figures.pages import DAY_HOURS, SIDE_BY_SIDE_FROM, Look, join_legends, new_page, share_axes
from fastp2p.figures.shares import (
    MAX_NAMED_SHARES,
    at_point,
    curve_name,
    lines_of,
    points_of,
    share_colours,
    share_title,
    shares_text,
    some_shares,
)
from fastp2p.profiles.profiles import Profiles
from fastp2p.results.points import point_keys
from fastp2p.results.results import Results
from fastp2p.results.statistics import find_hour_quantiles, find_probabilities
from fastp2p.sweep.opened import Comparison

MOST_PANELS = 3
"""Side by side, and shares that a comparison of rules is drawn at."""


def draw_sweep_pages(results: Results, look: Look) -> dict[str, Figure]:
    """The figures of a sweep, by name; without the table of hours, that of the mean day is left out."""
    hours = {} if results.hours is None else {"hours": hours_page(results, look)}
    return hours | {
        "energy": energy_page(results, look),
        "loading": loading_page(results, look),
        "hosting_capacity": hosting_page(results, look),
    }


def hours_page(results: Results, look: Look) -> Figure:
    """The figure ``hours``: a panel for each share, and of many for a few."""
    assert results.hours is not None
    quantiles, colours = find_hour_quantiles(results.hours, BY_HOUR), share_colours(results.scenarios)
    points = some_shares(list(colours), MAX_NAMED_SHARES)
    of = of_scenarios(results.scenarios) + f" ({len(points)} of {len(colours)} shares)" * (len(points) < len(colours))
    height = 1.7 if len(points) > 1 else 2.6
    figure, panels = new_page(results.study, look, len(points), height, of, columns=MOST_PANELS)
    kind = share_title(colours, point_keys(results.scenarios)).removeprefix("Share of ")
    if look.width_in < SIDE_BY_SIDE_FROM:
        kind = kind.replace(", at ", ",\nat ")
    for axes, point in zip(panels, points, strict=True):
        name = f"{curve_name(point, colours)} {kind}" if len(points) > 1 else ""
        draw_hours(axes, at_point(quantiles, point), name=name, step_hours=results.profiles.step_hours)
    share_axes(panels)
    join_legends(figure, panels)
    return figure


def energy_page(results: Results, look: Look) -> Figure:
    """The figure ``energy``: trades beside what the grid gives and takes, or where further shares are swept, each of them."""
    scenarios, days, of = results.scenarios, days_of(results.profiles), of_scenarios(results.scenarios)
    if lines_of(scenarios).title:
        groups: list[tuple[str, ...]] = [(name,) for name in telling(scenarios)]
    else:
        groups = [TRADED, EXCHANGED]
    figure, panels = new_page(results.study, look, len(groups), 2.4, of, columns=2 if len(groups) > MOST_PANELS else None)
    for axes, quantities in zip(panels, groups, strict=True):
        draw_energy(axes, scenarios, quantities, days=days)
    join_legends(figure, panels, ncols=6)
    return figure


def telling(scenarios: pd.DataFrame) -> list[str]:
    """The quantities of energy that are somewhere above 0; what is matched only where something is cut of it."""
    some = [name for name in QUANTITIES if scenarios[name].max() > 0.0]
    return [name for name in some if name != "matched_kwh" or "cut_kwh" in some] or ["executed_kwh"]


def days_of(profiles: Profiles) -> float | None:
    """How many days a scenario is long; None of a part of one, which says nothing of a day."""
    days = profiles.n_steps * profiles.step_hours / DAY_HOURS
    return days if days >= 1.0 else None


def draw_comparison_pages(comparison: Comparison, look: Look) -> dict[str, Figure]:
    """The figures of a comparison of market rules, by name."""
    return {"bills": bills_page(comparison, look)}


def bills_page(comparison: Comparison, look: Look) -> Figure:
    """The figure ``bills``: a panel for each share, and of many for a few."""
    savings = comparison.savings
    points = points_of(savings)
    shown = some_shares(points, MOST_PANELS)
    of = of_scenarios(savings) + f" ({len(shown)} of {len(points)} shares)" * (len(shown) < len(points))
    height = 1.2 + 0.24 * len(rules_of(savings))
    figure, panels = new_page(comparison.study, look, len(shown), height, of)
    keys = point_keys(savings)
    for axes, point in zip(panels, shown, strict=True):
        name = shares_text(point[0], dict(zip(keys[1:], point[1:], strict=True)))
        draw_bills(
            axes,
            savings[(savings[keys] == point).all(axis=1)],
            currency=comparison.study.currency,
            period=period_of(comparison.profiles),
            name=f"{name} PV" if len(keys) == 1 else f"PV {name}",
        )
    share_axes(panels)
    join_legends(figure, panels)
    return figure


def loading_page(results: Results, look: Look) -> Figure:
    """The figure ``loading``."""
    figure, (axes,) = new_page(results.study, look, of=of_scenarios(results.scenarios))
    draw_loading(axes, results.scenarios, **loading_of(results))
    return figure


def hosting_page(results: Results, look: Look) -> Figure:
    """The figure ``hosting_capacity``."""
    probabilities = find_probabilities(results.scenarios)
    causes, of = causes_of(probabilities), of_scenarios(results.scenarios)
    figure, panels = new_page(results.study, look, len(causes), 2.7, of, columns=2 if len(causes) > MOST_PANELS else None)
    for axes, cause in zip(panels, causes, strict=True):
        name_panel(axes, CAUSES[cause].title, draw_hosting(axes, probabilities, cause))
    share_axes(panels)
    join_legends(figure, panels)
    return figure


def loading_of(results: Results) -> dict[str, str]:
    """What the loading of a run is a percentage of, and over which period its worst is taken."""
    power = "active power" if results.study.clearing.physics == "dc" else "apparent power"
    phases = ", worst phase" * (results.study.network.phases == 3)
    return {"power": power + phases, "period": period_of(results.profiles)}


def period_of(profiles: Profiles) -> str:
    """How long a scenario is, in words."""
    hours = profiles.n_steps * profiles.step_hours
    return f"{hours / DAY_HOURS:g} days" if hours > DAY_HOURS else f"{hours:g} hours"


def of_scenarios(table: pd.DataFrame) -> str:
    """How many scenarios a page stands for, that is drawn from a table of all of them."""
    points, n = points_of(table), table["scenario"].nunique()
    if n * len(points) == 1:
        return ""
    of = "share of PV" if table["share"].nunique() == len(points) else "share of PV and of devices"
    return f"{n:,} scenarios" + (f" at each {of}" if len(points) > 1 else "")
