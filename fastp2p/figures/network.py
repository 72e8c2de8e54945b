"""The network as a tree below the external grids: who is where, and how much its branches are loaded."""

from __future__ import annotations

from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import Colormap, ListedColormap, Normalize, to_rgba
from matplotlib.lines import Line2D
from matplotlib.path import Path
from matplotlib.patheffects import Normal, Stroke
from numpy.typing import NDArray

from fastp2p.figures.layout import Layout, branch_paths, tree_layout
from fastp2p.figures.pages import GREY, INK, PALE, colour, columns_that_fit, legend_above, panel_width_in
from fastp2p.grid.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

SMALLEST_LABEL, LARGEST_BUS, SMALLEST_BUS = 4.5, 13.0, 3.0
"""Points; ids of buses that would be smaller are left out."""
LEGEND_PT = 20.0
"""What legend and colour scale take of the height that matplotlib gives a panel at first."""
WHOLE = 100.0
"""The end of the colour scale, in percent of the limit."""
TWO_RINGS = Path.make_compound_path(Path.circle((0.0, 0.55), 1.0), Path.circle((0.0, -0.55), 1.0))


def draw_network(
    axes: Axes,
    network: Network,
    branches: pd.DataFrame,
    participants: pd.DataFrame,
    *,
    beside: Ints | None = None,
    power: str = "",
    period: str = "",
    scenario: str = "",
) -> None:
    """Buses by their role, and branches coloured by their worst loading on a scale from 0 to 100 %.

    Parameters
    ----------
    axes : Axes
    network : Network
    branches : DataFrame
        The rows of one scenario of `Results.branches`; of three phases the worst one has the colour.
    participants : DataFrame
        The rows of the same scenario of `Results.participants`.
    beside : (n,) int64, optional
        Positions of the buses with background or a battery of the community.
    power : str
        "active" or "apparent": what the loading is a percentage of the limit of.
    period : str
        Over which the worst is taken, such as "14 days".
    scenario : str
        Which one it is, for the legend.
    """
    layout = tree_layout(network)
    slots, levels = float(layout.x.max()) + 1.0, int(layout.depth.max()) + 1
    room = axes.get_window_extent()
    scale = 72.0 / axes.figure.dpi
    size_pt = min(0.74 * room.width * scale / slots, 0.74 * (room.height * scale - LEGEND_PT) / levels)
    size_pt = float(np.clip(size_pt, SMALLEST_BUS, LARGEST_BUS))
    axes.set_axis_off()
    axes.set(xlim=(-0.7, slots - 0.3), ylim=(levels - (0.4 if network.is_radial else 0.1), -0.6))
    handles = _draw_buses(axes, network, participants, np.empty(0, np.int64) if beside is None else beside, layout, size_pt)
    handles += _draw_branches(axes, network, branches, layout, size_pt)
    _draw_scale(axes, branches, power, period)
    ncols = columns_that_fit([str(one.get_label()) for one in handles], panel_width_in(axes), 4)
    legend_above(axes, handles=handles, title=scenario or None, ncols=ncols, handletextpad=0.5)


def _draw_buses(axes: Axes, network: Network, who: pd.DataFrame, beside: Ints, layout: Layout, size_pt: float) -> list[Line2D]:
    """Buses by their role, with their pandapower ids inside; returns the legend's entries."""
    at = network.positions(who["bus"].to_numpy(np.int64))
    load, pv, background = np.zeros((3, network.n_bus), bool)
    load[at], pv[at] = who["load_kwh"] > 0.0, who["kwp"] > 0.0
    background[beside] = True
    grid = np.isin(np.arange(network.n_bus), network.reference_bus)
    background &= ~(grid | load | pv)
    idle, inner = ~(grid | load | pv | background), network.bus_id < 0
    blue, orange, green = map(colour, (0, 1, 2))
    handles = []
    for label, which, marker, size, face, edge in (
        ("External grid", grid, "s", 1.2, INK, INK),  # larger, so that it shows behind its own consumer
        ("Load", load & ~pv, "o", 1.0, blue, blue),
        ("Load and PV", load & pv, "D", 0.85, orange, INK),
        ("PV without load", pv & ~load, "s", 0.9, orange, INK),
        ("Beside the market", background, "p", 1.05, green, green),
        ("Idle bus", idle & ~inner, "o", 0.8, "white", GREY),
        ("Auxiliary node", idle & inner, ".", 0.5, GREY, GREY),
    ):
        if which.any():
            x, y, area = layout.x[which], layout.depth[which], (size_pt * size) ** 2
            thin = min(0.6, 0.1 * size_pt)
            axes.scatter(x, y, s=area, marker=marker, c=face, edgecolors=edge, linewidths=thin, zorder=2.5, clip_on=False)
            look: dict[str, Any] = {"marker": marker, "markerfacecolor": face, "markeredgecolor": edge, "linestyle": "none"}
            handles.append(Line2D([], [], markersize=5.0, markeredgewidth=0.6, label=f"{label} ({int(which.sum())})", **look))
    _label_buses(axes, network, layout, size_pt, np.where(grid | background | (load & ~pv), "white", INK))
    return handles


def _label_buses(axes: Axes, network: Network, layout: Layout, size_pt: float, ink: NDArray[Any]) -> None:
    """Ids in all buses, if they can be read."""
    longest = max(len(str(bus)) for bus in network.bus_id.tolist())
    if size_pt * min(0.5, 1.35 / longest) < SMALLEST_LABEL:
        return
    for bus in np.flatnonzero(network.bus_id >= 0).tolist():
        text = str(network.bus_id[bus])
        look = {"fontsize": size_pt * min(0.5, 1.35 / len(text)), "color": ink[bus]}
        axes.text(layout.x[bus], layout.depth[bus], text, ha="center", va="center_baseline", zorder=3, **look)


def _worst_loading(branches: pd.DataFrame) -> Floats:
    """(n_branch,) percent, of three phases the largest; NaN where nothing limits the branch."""
    percent: Floats = branches["max_loading_percent"].to_numpy(np.float64)
    if "phase" in branches:  # a branch has a row for each phase that it has, one after the other
        name = branches["branch"].to_numpy()
        first = np.flatnonzero(np.append(True, name[1:] != name[:-1]))
        percent = np.maximum.reduceat(percent, first)
    return percent


def _colours() -> Colormap:
    """Viridis from light to dark without its yellow, which white paper would hide; what is beyond its end is red."""
    ramp = ListedColormap(matplotlib.colormaps["viridis_r"](np.linspace(0.15, 1.0, 128)))
    return ramp.with_extremes(over=colour(3))


def _draw_branches(axes: Axes, network: Network, branches: pd.DataFrame, layout: Layout, size_pt: float) -> list[Line2D]:
    """Branches, and a symbol upon each transformer; returns their entries of the legend."""
    loading = _worst_loading(branches)
    in_tree, limited, over = np.isin(np.arange(len(loading)), layout.parent_branch), np.isfinite(loading), loading > WHOLE
    percent = np.where(limited, loading, 0.0)
    tint = np.where(limited[:, None], _colours()(percent / WHOLE), to_rgba(PALE))
    paths = branch_paths(network, layout, in_tree)
    width = (1.0 + 1.6 * np.minimum(percent / WHOLE, 1.5)) * float(np.clip(size_pt / 8.0, 0.7, 1.2))
    for which, style, thin in ((~in_tree, (0, (4, 2)), 0.6), (in_tree, "solid", 1.0)):
        lines = [paths[i] for i in np.flatnonzero(which)]
        look: dict[str, Any] = {"colors": tint[which], "linewidths": thin * width[which], "linestyles": style}
        axes.add_collection(LineCollection(lines, zorder=1.5, capstyle="round", **look), autolim=False)
    casing = LineCollection([paths[i] for i in np.flatnonzero(over)], zorder=1.4, colors=INK, linewidths=width[over] + 1.6)
    axes.add_collection(casing, autolim=False)
    trafo = np.char.startswith(network.element, "trafo")
    if trafo.any():
        x, y = np.array([paths[i].mean(axis=0) for i in np.flatnonzero(trafo)]).T
        area = max(0.65 * size_pt, 5.0) ** 2
        axes.scatter(x, y, s=area, marker=TWO_RINGS, c="white", edgecolors=INK, linewidths=0.6, zorder=2.8)
    line: dict[str, Any] = {"color": INK, "linewidth": 1.0}
    red = Line2D(
        [],
        [],
        color=colour(3),
        linewidth=2.0,
        solid_capstyle="butt",
        path_effects=[Stroke(linewidth=3.4, foreground=INK), Normal()],
    )
    rings: dict[str, Any] = {
        "marker": TWO_RINGS,
        "markerfacecolor": "white",
        "markeredgecolor": INK,
        "markeredgewidth": 0.7,
        "markersize": 7,
    }
    entries = (
        (trafo, Line2D([], [], linestyle="none", **rings), "Transformer"),
        (over, red, "Above its limit"),
        (~in_tree, Line2D([], [], linestyle=(0, (3, 2)), **line), "Closes a loop"),
        (~limited, Line2D([], [], color=PALE, linewidth=1.5), "No limit"),
    )
    for which, handle, name in entries:
        handle.set_label(f"{name} ({int(which.sum())})")
    return [handle for which, handle, _ in entries if which.any()]


def _draw_scale(axes: Axes, branches: pd.DataFrame, power: str, period: str) -> None:
    """The colour bar below, with an end of its own where branches are above their limit."""
    loading = _worst_loading(branches)
    if not np.isfinite(loading).any():
        return
    figure = axes.get_figure()
    assert figure is not None
    over = bool((loading > WHOLE).any())
    scale: dict[str, Any] = {"location": "bottom", "fraction": 0.035, "aspect": 45, "pad": 0.02, "shrink": 0.75}
    bar = figure.colorbar(
        ScalarMappable(Normalize(0.0, WHOLE), _colours()), ax=axes, extend="max" if over else "neither", **scale
    )
    bar.outline.set_visible(False)
    bar.set_ticks([0.0, 25.0, 50.0, 75.0, 100.0])
    what = "Largest loading" + (" of the worst phase" if "phase" in branches else "") + (f" in {period}" if period else "")
    most = f", at most {np.nanmax(loading):.3g} %" if over else ""
    bar.set_label(f"{what}\n(% of the limit{f', {power} power' if power else ''}{most})")
