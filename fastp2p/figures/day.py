"""Figures of a run: who supplied each hour, the network with its loading, the profiles."""

from __future__ import annotations

from typing import Any, NamedTuple

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize, to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, MaxNLocator
from numpy.typing import NDArray

from fastp2p.figures.style import (
    BLUE,
    DASHED,
    GREEN,
    GREY,
    INK,
    ORANGE,
    PALE,
    PURPLE,
    RED,
    SKY,
    STYLE,
    loading_unit,
    page,
    time_axes,
)
from fastp2p.grid.network import Network
from fastp2p.results.results import Results
from fastp2p.study.sections import profile_names
from fastp2p.text import shown_text

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MAX_LABELLED_BUSES = 150
MAX_NAMED_PROFILES = 5
MAX_DRAWN, MAX_LEGEND = 500, 10
"""Profiles in one panel, and names of them."""


class Layout(NamedTuple):
    """Per bus: place from left to right, branches to the nearest external grid, and the next bus and branch on that way.

    The external grids have parent and parent branch -1.
    """

    x: Floats
    depth: Ints
    parent: Ints
    parent_branch: Ints


def draw_day(results: Results) -> dict[str, Figure]:
    """Figures of a run, of several scenarios those of the first one.

    Parameters
    ----------
    results : Results

    Returns
    -------
    dict of Figure
        ``supply``, ``network`` and ``profiles``; a figure whose tables the study did not keep is left out.
    """
    drawn = {
        "supply": (draw_supply, (results.books,)),
        "network": (draw_network, (results.branches, results.participants)),
        "profiles": (draw_profiles, ()),
    }
    return {name: draw(results) for name, (draw, needed) in drawn.items() if all(table is not None for table in needed)}


def tree_layout(network: Network) -> Layout:
    """Spread the buses over a breadth-first forest below the external grids.

    Leaves stand at 0, 1, 2, …, every other bus at the mean of its children, the widest of them in the middle. On one
    level no two buses are closer than two leaves, and no branches of the forest cross.

    Parameters
    ----------
    network : Network
        Radial or meshed.

    Returns
    -------
    Layout
    """
    order, depth, parent, parent_branch = _breadth_first(network)
    children: list[list[int]] = [[] for _ in range(network.n_bus)]
    weight = np.full(network.n_bus, network.n_bus)  # of a subtree: its leaves count most, then its other buses
    for bus in reversed(order):
        rising = sorted(children[bus], key=lambda child: (int(weight[child]), child))
        children[bus] = rising[::2] + rising[1::2][::-1]
        if rising:
            weight[bus] = 1 + weight[rising].sum()
        if parent[bus] >= 0:
            children[parent[bus]].append(bus)
    x = np.zeros(network.n_bus)
    todo, place = network.reference_bus.tolist()[::-1], 0
    while todo:  # ends: a forest's buses come once
        bus = todo.pop()
        todo += children[bus][::-1]
        x[bus], place = place, place + (not children[bus])
    for bus in reversed(order):
        if children[bus]:
            x[bus] = x[children[bus]].mean()
    return Layout(x, depth, parent, parent_branch)


def _breadth_first(network: Network) -> tuple[list[int], Ints, Ints, Ints]:
    """Buses from the external grids outwards; their depth, parent and the branch to it."""
    neighbours: list[list[tuple[int, int]]] = [[] for _ in range(network.n_bus)]
    for branch, (f, t) in enumerate(zip(network.from_bus.tolist(), network.to_bus.tolist(), strict=True)):
        neighbours[f].append((t, branch))
        neighbours[t].append((f, branch))
    order: list[int] = network.reference_bus.tolist()
    depth, parent, parent_branch = (np.full(network.n_bus, -1, np.int64) for _ in range(3))
    depth[order] = 0
    for bus in order:
        for child, branch in neighbours[bus]:
            if depth[child] < 0:
                depth[child], parent[child], parent_branch[child] = depth[bus] + 1, bus, branch
                order.append(child)
    return order, depth, parent, parent_branch


@matplotlib.rc_context(STYLE)
def draw_supply(results: Results) -> Figure:
    """Energy per step by source, stacked below the load; what is shed is the hatched gap under the load line."""
    books, hours = _first_scenario(results.books), results.profiles.step_hours
    edges = np.arange(len(books) + 1) * hours
    figure, (axes,) = page(results, 9.0, 4.6, (0.75, 2.1, 0.6, 0.85))
    load, base = books["load_kwh"].to_numpy(np.float64), np.zeros(len(books))
    handles: list[Any] = []
    own, line = "Self-consumed PV", "Total load"
    if "charged_kwh" in books:
        own, charged = "Own PV and battery", books["charged_kwh"].to_numpy(np.float64)
        if (charged <= books["self_kwh"] + 1e-9 * charged).all():  # what batteries take serves the load when they give it back
            books = books.assign(self_kwh=books["self_kwh"] - charged)
        else:  # they take what is bought, too
            line, load = "Total load and charging", load + charged
    for column, label, look in (
        ("self_kwh", own, {"color": GREEN}),
        ("executed_kwh", "P2P trades", {"color": ORANGE}),
        ("import_kwh", "Retailer supply", {"color": SKY}),
        ("shed_kwh", "Shed, not served", {"facecolor": "white", "edgecolor": RED, "hatch": "////", "linewidth": 0.0}),
    ):
        energy = books[column].to_numpy(np.float64)
        if energy.sum() > 0.0:
            text = f"{label}\n{energy.sum():,.1f} kWh ({energy.sum() / load.sum():.0%})"
            handles.append(axes.stairs(base + energy, edges, baseline=base, fill=True, label=text, **look))
        base = base + energy
    text = f"{line}\n{load.sum():,.1f} kWh"
    handles.append(axes.stairs(load, edges, baseline=None, color=INK, linewidth=1.8, label=text))
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.02, 1.0), "borderaxespad": 0.0, "alignment": "left"}
    axes.legend(handles=handles[::-1], title=f"Energy in {edges[-1]:g} h", labelspacing=1.0, **place)
    time_axes(axes, edges[-1], float(load.max()), f"Energy per {'hour' if hours == 1.0 else f'{60.0 * hours:g} min'} (kWh)")
    return figure


@matplotlib.rc_context(STYLE)
def draw_network(results: Results) -> Figure:
    """The network as a tree below the external grids, branches coloured by their worst loading."""
    layout = tree_layout(results.network)
    slots, levels = float(layout.x.max()) + 1.0, int(layout.depth.max()) + 1
    width = float(np.clip(0.27 * slots + 0.6, 8.2, 16.0))
    height = float(np.clip(max(0.42 * levels + 2.0, 0.42 * width), 4.6, 10.5))
    figure, (axes,) = page(results, width, height, (0.25, 0.25, 0.85, 0.85))
    axes.set_axis_off()
    axes.set(xlim=(-0.7, slots - 0.3), ylim=(levels - (0.4 if results.network.is_radial else 0.1), -0.6))
    size_pt = 72.0 * min(0.74 * (width - 0.5) / slots, 0.62 * (height - 1.7) / levels)
    handles = _draw_buses(axes, results, layout, float(np.clip(size_pt, 3.0, 14.0)))
    handles += _draw_branches(figure, axes, results, layout)
    figure.legend(handles=handles, loc="center left", bbox_to_anchor=(0.2 / width, 0.42 / height), ncols=3, fontsize=8.5)
    return figure


def _draw_buses(axes: Axes, results: Results, layout: Layout, size_pt: float) -> list[Line2D]:
    """Buses by their role, with their pandapower ids inside; returns the legend's entries."""
    network, who = results.network, _first_scenario(results.participants)
    at = network.positions(who["bus"].to_numpy(np.int64))
    load, pv = np.zeros((2, network.n_bus), bool)
    load[at], pv[at] = who["load_kwh"] > 0.0, who["kwp"] > 0.0
    grid = np.isin(np.arange(network.n_bus), network.reference_bus)
    idle, inner = ~(grid | load | pv), network.bus_id < 0
    handles = []
    for label, which, marker, scale, face, edge in (
        ("External grid", grid, "s", 1.3, INK, INK),  # larger, so that it shows behind its own consumer
        ("Consumer", load & ~pv, "o", 1.0, BLUE, BLUE),
        ("Prosumer (PV)", pv, "D", 0.85, ORANGE, ORANGE),
        ("Idle bus", idle & ~inner, "o", 0.8, "white", GREY),
        ("Auxiliary node", idle & inner, ".", 0.5, GREY, GREY),
    ):
        if which.any():
            x, y, area = layout.x[which], layout.depth[which], (size_pt * scale) ** 2
            axes.scatter(x, y, s=area, marker=marker, c=face, edgecolors=edge, linewidths=0.8, zorder=2, clip_on=False)
            look: dict[str, Any] = {"marker": marker, "markerfacecolor": face, "markeredgecolor": edge, "linestyle": "none"}
            handles.append(Line2D([], [], markersize=7.5, label=f"{label} ({int(which.sum())})", **look))
    if network.n_bus <= MAX_LABELLED_BUSES:
        ink = np.where(idle | pv, INK, "white")
        for bus in np.flatnonzero(~inner).tolist():
            text = str(network.bus_id[bus])
            look = {"fontsize": size_pt * min(0.46, 1.1 / len(text)), "color": ink[bus]}
            axes.text(layout.x[bus], layout.depth[bus], text, ha="center", va="center_baseline", **look)
    return handles


def _draw_branches(figure: Figure, axes: Axes, results: Results, layout: Layout) -> list[Line2D]:
    """Branches and their colour bar; returns their entries of the legend."""
    rows = _first_scenario(results.branches)
    per_branch, of_phase = (3, " of the worst phase") if "phase" in rows else (1, "")
    loading = rows["max_loading_percent"].to_numpy(np.float64).reshape(-1, per_branch).max(axis=1)
    in_tree, limited = np.isin(np.arange(len(loading)), layout.parent_branch), np.isfinite(loading)
    percent = np.where(limited, loading, 0.0)
    top = percent.max(initial=0.0) or 1.0
    # magma without its ends, which white paper and black ink would hide
    colours, norm = ListedColormap(matplotlib.colormaps["magma_r"](np.linspace(0.14, 0.82, 128))), Normalize(0.0, top)
    colour = np.where(limited[:, None], colours(norm(percent)), to_rgba(PALE))
    paths, width = _branch_paths(results.network, layout, in_tree), 1.4 + 2.2 * percent / top
    for which, style, thin in ((~in_tree, DASHED, 0.6), (in_tree, "solid", 1.0)):
        look: dict[str, Any] = {"colors": colour[which], "linewidths": thin * width[which], "linestyles": style}
        axes.add_collection(
            LineCollection([paths[i] for i in np.flatnonzero(which)], zorder=1, capstyle="round", **look), autolim=False
        )
    if limited.any():
        w, h = figure.get_size_inches()
        box = figure.add_axes((1 - 2.95 / w, 0.47 / h, 2.6 / w, 0.11 / h))
        ticks: dict[str, Any] = {"ticks": MaxNLocator(4), "format": FuncFormatter(lambda value, _: f"{value:.3g}")}
        figure.colorbar(ScalarMappable(norm, colours), cax=box, orientation="horizontal", **ticks)
        box.set_title(f"largest branch loading{of_phase} ({loading_unit(results)})", fontsize=8.5, pad=4)
        if top > 100.0:
            box.axvline(100.0, color="white", linewidth=2.0)
    loop = Line2D([], [], color=INK, linestyle=(0, (3, 2)), linewidth=1.0, label="Closes a loop")
    no_limit = Line2D([], [], color=PALE, linewidth=2.0, label="No limit")
    return [loop] * bool((~in_tree).any()) + [no_limit] * bool((~limited).any())


def _branch_paths(network: Network, layout: Layout, in_tree: NDArray[np.bool_]) -> list[Floats]:
    """Straight branches of the tree; the others bend, so as to stay clear of buses and of parallel branches."""
    points = np.column_stack([layout.x, layout.depth.astype(np.float64)])
    paths: list[Floats] = []
    for f, t, straight in zip(network.from_bus.tolist(), network.to_bus.tolist(), in_tree.tolist(), strict=True):
        a, b = points[f], points[t]
        if straight:
            paths.append(np.stack([a, b]))
            continue
        bends = np.outer([0.35, -0.35, 0.6, -0.6, 0.85, -0.85], [1.0, 0.0] if abs(b[0] - a[0]) < 1.0 else [0.0, 1.0])
        along = np.linspace(0.0, 1.0, 17)[:, None]
        curves = a + (b - a) * along + 4.0 * along * (1.0 - along) * bends[:, None, :]
        others = np.delete(points, [f, t], axis=0) if network.n_bus <= MAX_LABELLED_BUSES else points[:0]
        away = np.abs(curves[:, :, None, :] - others).max(axis=-1).min(axis=(1, 2), initial=0.4)
        paths.append(curves[away.argmax()])
    return paths


@matplotlib.rc_context(STYLE)
def draw_profiles(results: Results) -> Figure:
    """The study's load and PV profile, thick, among the others of its source."""
    profiles, study = results.profiles, results.study
    figure, panels = page(results, 9.6, 4.4, (0.75, 0.3, 0.6, 1.35), panels=2)
    power = profiles.kwh_per_unit / profiles.step_hours
    middle = (np.arange(profiles.n_steps) + 0.5) * profiles.step_hours
    for axes, kind, used, label, colour in (
        (panels[0], "load", study.load.profile, "Load (kWh per hour and home)", BLUE),
        (panels[1], "pv", study.pv.profile, "PV (kWh per hour and kWp)", ORANGE),
    ):
        named = profile_names(used) or profiles.of_buses(kind)
        at = {key: row for row, key in enumerate(zip(profiles.names, profiles.kinds, strict=True))}
        rows = [at[name, kind] for name in dict.fromkeys(named)]
        others = sorted({row for (_, of), row in at.items() if of == kind}.difference(rows))
        n_others, others, rows = len(others), others[:: 1 + len(others) // MAX_DRAWN], rows[:: 1 + len(rows) // MAX_DRAWN]
        handles = [
            line
            for row in rows
            for line in axes.plot(
                middle,
                power[row],
                color=colour,
                linewidth=2.6,
                label=f"{legend_name(profiles.names[row])} (this study)",
                zorder=3,
            )
        ]
        few = len(others) <= MAX_NAMED_PROFILES
        for place, other in enumerate(others):
            text = legend_name(profiles.names[other]) if few else f"{n_others} others"
            tint = (GREY, PURPLE, GREEN, RED, SKY)[place] if few else PALE
            handles += axes.plot(middle, power[other], linewidth=1.1, color=tint, label=text)
        handles = handles[:MAX_LEGEND] if few else [*handles[: min(len(rows), MAX_LEGEND - 1)], handles[len(rows)]]
        axes.legend(handles=handles, loc="lower left", bbox_to_anchor=(-0.02, 1.0), ncols=2, fontsize=8)
        time_axes(axes, profiles.n_steps * profiles.step_hours, float(power[[*rows, *others]].max()), label)
    return figure


def legend_name(name: str) -> str:
    """A profile's name in a legend, from which matplotlib leaves out what begins with an underscore."""
    shown = shown_text(name, 24)
    return f" {shown}" if shown.startswith("_") else shown


def _first_scenario(table: pd.DataFrame | None) -> pd.DataFrame:
    if table is None:
        raise ValueError("a figure of one scenario needs its tables")
    keys = ["share", "scenario"]
    return table[(table[keys] == table[keys].head(1).to_numpy()).all(axis=1)] if len(table) else table
