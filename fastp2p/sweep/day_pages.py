"""Pages of a run of one part, and what their figures are drawn from: of its first scenario, or another one."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.figure import Figure

from fastp2p.figures.layout import tree_layout
from fastp2p.figures.network import draw_network
from fastp2p.figures.pages import USUAL, Look, join_legends, new_page, share_axes
from fastp2p.figures.profiles import draw_profiles
from fastp2p.figures.shares import shares_text
from fastp2p.figures.supply import draw_supply
from fastp2p.figures.typical_days import draw_typical
from fastp2p.pipeline.background_draws import find_background
from fastp2p.pipeline.battery_draws import find_community_bus
from fastp2p.profiles.profiles import Profiles
from fastp2p.profiles.typical_days import Clusters, shapes
from fastp2p.results.points import one_scenario, point_keys
from fastp2p.results.results import Results
from fastp2p.study.model import Study
from fastp2p.study.sections import profile_names
from fastp2p.sweep.sweep_pages import period_of
from fastp2p.text import shown_text

CLUSTERS_ACROSS = 4


def draw_day_pages(results: Results, look: Look = USUAL) -> dict[str, Figure]:
    """Figures of a run, of several scenarios those of the first one.

    Parameters
    ----------
    results : Results
    look : Look

    Returns
    -------
    dict of Figure
        ``supply``, ``network`` and ``profiles``; a figure whose tables the study did not keep is left out.
    """
    drawn = {
        "supply": (supply_page, (results.books,)),
        "network": (network_page, (results.branches, results.participants)),
        "profiles": (profiles_page, ()),
    }
    return {name: draw(results, look) for name, (draw, needed) in drawn.items() if all(one is not None for one in needed)}


def supply_page(results: Results, look: Look = USUAL) -> Figure:
    """The figure ``supply``."""
    assert results.books is not None
    figure, (axes,) = new_page(results.study, look, height=3.5)
    draw_supply(axes, one_scenario(results.books), **supply_facts(results))
    return figure


def supply_facts(results: Results, *chosen: Any) -> dict[str, Any]:
    """What `draw_supply` is told besides the table; `chosen` as for `one_scenario`."""
    battery = results.study.battery
    return {
        "step_hours": results.profiles.step_hours,
        "has_own_storage": battery is not None and battery.rule == "self_use",
        "scenario": scenario_text(results, *chosen),
    }


def network_page(results: Results, look: Look = USUAL) -> Figure:
    """The figure ``network``, as high as its tree."""
    assert results.branches is not None
    assert results.participants is not None
    levels = int(tree_layout(results.network).depth.max()) + 1
    height = float(np.clip(0.25 * levels + 1.2, 3.2, 7.6))
    figure, (axes,) = new_page(results.study, look, height=height)
    tables = (one_scenario(table) for table in (results.branches, results.participants))
    draw_network(axes, results.network, *tables, **network_facts(results))
    return figure


def network_facts(results: Results, *chosen: Any) -> dict[str, Any]:
    """What `draw_network` is told besides the network and the tables; `chosen` as for `one_scenario`."""
    beside, community = find_background(results.study, results.network), find_community_bus(results.study, results.network, [])
    return {
        "beside": beside if community is None else np.append(beside, community),
        "power": "active" if results.study.clearing.physics == "dc" else "apparent",
        "period": _period(results),
        "scenario": scenario_text(results, *chosen),
    }


def profiles_page(results: Results, look: Look = USUAL) -> Figure:
    """The figure ``profiles``: load beside PV, as far as there are such."""
    kinds = [kind for kind in ("load", "pv") if kind in results.profiles.kinds]
    figure, panels = new_page(results.study, look, len(kinds), height=2.8)
    for axes, kind in zip(panels, kinds, strict=True):
        draw_profiles(axes, **profiles_facts(results.profiles, kind, results.study))
    return figure


def profiles_facts(profiles: Profiles, kind: str, study: Study | None = None) -> dict[str, Any]:
    """What `draw_profiles` is given: the profiles of a study, and those of its source that it does not use; by default all."""
    named: Any = {} if study is None else {"load": study.load.profile, "pv": study.pv.profile}
    at = {name: row for row, (name, of) in enumerate(zip(profiles.names, profiles.kinds, strict=True)) if of == kind}
    used = dict.fromkeys(profile_names(named[kind]) or profiles.of_buses(kind)) if kind in named else at
    ours = [at[name] for name in used if name in at]
    others = [row for name, row in at.items() if name not in used]
    return {
        "kwh_per_unit": profiles.kwh_per_unit[ours],
        "names": [profiles.names[row] for row in ours],
        "kind": kind,
        "step_hours": profiles.step_hours,
        "time": profiles.time,
        "others": (profiles.kwh_per_unit[others], [profiles.names[row] for row in others]),
    }


def typical_page(clusters: Clusters, look: Look = USUAL) -> Figure:
    """The figure of typical days: a panel for each cluster, all of one scale."""
    figure, panels = new_page(None, look, len(clusters.size), height=1.7, columns=CLUSTERS_ACROSS)
    for cluster, axes in enumerate(panels):
        facts = typical_facts(clusters, cluster)
        draw_typical(axes, **{**facts, "name": ""})
        axes.set_title(facts["name"])
    join_legends(figure, panels)
    share_axes(panels)
    return figure


def typical_facts(clusters: Clusters, cluster: int) -> dict[str, Any]:
    """What `draw_typical` is given of a cluster."""
    profiles, n_days = clusters.profiles, clusters.size[cluster]
    days, typical = (
        shapes(kwh, clusters.normalised) / profiles.step_hours for kwh in (clusters.day_kwh, profiles.kwh_per_unit)
    )
    return {
        "days": days[clusters.label == cluster],
        "typical": typical[cluster],
        "kind": profiles.kinds[0],
        "is_normalised": clusters.normalised,
        "name": f"{shown_text(profiles.names[cluster], 24)}: {n_days:,} days, {n_days / clusters.size.sum():.0%}",
    }


def scenario_text(results: Results, *chosen: Any) -> str:
    """Which of several scenarios is drawn; nothing to say of a single one."""
    scenarios = results.scenarios
    if len(scenarios) == 1:
        return ""
    chosen_one = one_scenario(scenarios, *chosen)
    share, *devices = (chosen_one[key].iloc[0] for key in point_keys(scenarios))
    where = shares_text(share, dict(zip(point_keys(scenarios)[1:], devices, strict=True)))
    return f"Scenario {chosen_one['scenario'].iloc[0]} at PV {where}; one of {len(scenarios):,}"


def _period(results: Results) -> str:
    """How long it is, and since when."""
    profiles, length = results.profiles, period_of(results.profiles)
    if profiles.time is None:
        return length
    first = profiles.time[0]
    return f"{length} from {first.day} {first:%b %Y}"
