"""Voltages along the feeders of a radial network, in one book: of AC beside LinDistFlow, or of each phase."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from fastp2p.figures.limits import show_limit
from fastp2p.figures.pages import BESIDE_IN, GREY, INK, colour, fold, legend_above, panel_width_in, round_ticks

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MARKERS = "osD^vP"
"""Of feeders, which tell them apart without colour, too; more feeders than these are grey."""
MOST_MARKERS = 40
"""Of a feeder; at more of its buses they would be a band."""
DOTTED = (0, (1, 1.2))
PHASE_STYLES: tuple[tuple[str, Any, int, str], ...] = (
    ("a", "solid", 0, "o"), ("b", (0, (6, 1)), 4, "s"), ("c", (0, (3, 1, 1, 1)), 2, "^"),
)  # fmt: skip
"""Names, line styles, numbers of colours and markers of phases, which are told apart without colour, too."""


class AlongFeeder(NamedTuple):
    """The book that goes farthest out of the voltage band, or nearest to its end.

    Attributes
    ----------
    share : float
    scenario, step : int
    is_high : bool
        Whether it is the upper end of the band.
    distance : (n_bus,) float64
        Way to the external grid, in `unit`.
    unit : str
    ac_vm_pu, linear_vm_pu : (n_bus,) float64
        Voltages of an AC power flow and of LinDistFlow.
    devices : dict of float, optional
        Shares of swept devices, by their column.
    """

    share: float
    scenario: int
    step: int
    is_high: bool
    distance: Floats
    unit: str
    ac_vm_pu: Floats
    linear_vm_pu: Floats
    devices: Mapping[str, float] = MappingProxyType({})


class Feeders(NamedTuple):
    """What of a radial network is drawn along the way from the external grid.

    Attributes
    ----------
    bus_id : (n_bus,) int64
        -1 for inner points, which are no buses.
    has_band : (n_bus,) bool
        Buses whose voltage has limits.
    ends : (n_branch, 2) int64
        Positions of a branch's buses: the one away from the external grid, and the one towards it.
    is_transformer : (n_branch,) bool
    feeder : (n_branch,) int64
        The feeder that a branch is part of; -1 above all feeders.
    names : sequence of str
        Of each feeder: the branch that it begins with.
    """

    bus_id: Ints
    has_band: NDArray[np.bool_]
    ends: Ints
    is_transformer: NDArray[np.bool_]
    feeder: Ints
    names: Sequence[str]


def draw_feeder(
    axes: Axes, feeders: Feeders, worst: AlongFeeder, *, limits_pu: tuple[float, float] | None = None, book: str = ""
) -> None:
    """Voltages along the feeders: each of the six that go farthest in a colour, and LinDistFlow dotted.

    Parameters
    ----------
    axes : Axes
    feeders : Feeders
    worst : AlongFeeder
    limits_pu : (float, float), optional
        Lowest and highest voltage allowed.
    book : str
        Which book it is, in words.
    """
    vm_pu, handles = worst.ac_vm_pu, []
    ranked = _ranked(feeders, vm_pu, worst.is_high)
    for place, feeder in reversed(list(enumerate(ranked))):  # the first one on top
        is_named = place < len(MARKERS)
        of = colour(place) if is_named else GREY
        part = feeders.feeder == feeder
        _draw_branches(axes, feeders.ends[part], worst.distance, vm_pu, color=of, linewidth=1.4 if is_named else 0.8)
        look: dict[str, Any] = {"marker": MARKERS[place] if is_named else "None", "markersize": 3.0, "color": of}
        bus = feeders.ends[part, 0]
        bus = bus[feeders.bus_id[bus] >= 0]
        some = bus[:: 1 + len(bus) // MOST_MARKERS]
        axes.plot(worst.distance[some], vm_pu[some], linestyle="none", zorder=3.0, **look)
        if is_named:
            name = f"from {feeders.names[feeder]}" if len(ranked) > 1 else "AC power flow"
            handles.append(Line2D([], [], linewidth=1.4, label=name, **look))
    handles = handles[::-1]
    if len(ranked) > len(MARKERS):
        n = len(ranked) - len(MARKERS)
        handles.append(Line2D([], [], color=GREY, linewidth=0.8, label=f"{n:,} other{'s' * (n > 1)}"))
    handles += _draw_top(axes, feeders, worst.distance, vm_pu)
    _draw_branches(
        axes, feeders.ends, worst.distance, worst.linear_vm_pu, color=INK, linewidth=0.9, linestyle=DOTTED, zorder=3.5
    )
    handles.append(Line2D([], [], color=INK, linewidth=0.9, linestyle=DOTTED, label="LinDistFlow"))
    bus = furthest_bus(feeders, vm_pu, worst.is_high)
    _finish(axes, feeders, worst, np.stack([vm_pu, worst.linear_vm_pu]), limits_pu)
    _name_bus(axes, f"bus {feeders.bus_id[bus]}", (worst.distance[bus], vm_pu[bus]), worst.is_high)
    what = "Feeders by AC power flow" if len(ranked) > 1 else ""
    width = panel_width_in(axes) - BESIDE_IN
    legend_above(axes, handles=handles, title=fold(_sentences(book, what), width) or None, ncols=_columns(width))


def draw_phase_feeder(
    axes: Axes,
    feeders: Feeders,
    worst: AlongFeeder,
    vm_pu: Floats,
    connected: Ints,
    *,
    limits_pu: tuple[float, float] | None = None,
    book: str = "",
) -> None:
    """Voltages of each phase along the feeders, and those of the balanced model.

    Parameters
    ----------
    axes : Axes
    feeders : Feeders
    worst : AlongFeeder
        The book, and its voltages in the balanced model; NaN where there is none.
    vm_pu : (n_bus, 3) float64
        Between phase and neutral.
    connected : (n,) int64
        Positions of buses that get a marker.
    limits_pu : (float, float), optional
        Lowest and highest voltage allowed.
    book : str
        Which book it is, in words.
    """
    handles = []
    for of_phase, (name, style, number, marker) in zip(vm_pu.T, PHASE_STYLES, strict=True):
        look: dict[str, Any] = {"color": colour(number), "marker": marker, "markersize": 2.6}
        _draw_branches(axes, feeders.ends, worst.distance, of_phase, color=colour(number), linewidth=1.1, linestyle=style)
        axes.plot(worst.distance[connected], of_phase[connected], linestyle="none", zorder=3.0, **look)
        handles.append(Line2D([], [], linewidth=1.1, linestyle=style, label=f"phase {name}", **look))
    balanced = worst.ac_vm_pu
    if np.isfinite(balanced).any():
        look = {"color": INK, "linewidth": 0.9, "linestyle": DOTTED}
        _draw_branches(axes, feeders.ends, worst.distance, balanced, zorder=2.5, **look)
        handles.append(Line2D([], [], label="balanced model", **look))
    else:  # buses lack phases, so there is none: what is above the feeders is drawn at the middle of its phases
        balanced = np.nanmean(vm_pu, axis=1)
    handles += _draw_top(axes, feeders, worst.distance, balanced)
    farthest = (np.fmax if worst.is_high else np.fmin).reduce(vm_pu, axis=1)
    bus = furthest_bus(feeders, farthest, worst.is_high)
    phase = PHASE_STYLES[int((np.nanargmax if worst.is_high else np.nanargmin)(vm_pu[bus]))][0]
    _finish(axes, feeders, worst, np.column_stack([vm_pu, worst.ac_vm_pu]).T, limits_pu)
    _name_bus(axes, f"bus {feeders.bus_id[bus]}, phase {phase}", (worst.distance[bus], farthest[bus]), worst.is_high)
    width = panel_width_in(axes) - BESIDE_IN
    legend_above(
        axes, handles=handles, title=fold(_sentences(book, "Voltages between phase and neutral"), width), ncols=_columns(width)
    )


def furthest_bus(feeders: Feeders, vm_pu: Floats, is_high: bool) -> int:
    """The position of the bus with the highest voltage, or the lowest, but the external grids."""
    inner = np.flatnonzero(feeders.has_band)
    return int(inner[np.argmax(vm_pu[inner] if is_high else -vm_pu[inner])])


def _ranked(feeders: Feeders, vm_pu: Floats, is_high: bool) -> list[int]:
    """Feeders, the one that goes farthest first."""
    sign = -1.0 if is_high else 1.0
    farthest = [float((sign * vm_pu[feeders.ends[feeders.feeder == one, 0]]).min()) for one in range(len(feeders.names))]
    return list(np.argsort(farthest, kind="stable").tolist())


def _draw_branches(axes: Axes, ends: Ints, distance: Floats, vm_pu: Floats, **look: Any) -> None:
    """The voltage of every branch, from its end away from the external grid to the other."""
    points = np.stack([distance[ends], vm_pu[ends]], axis=2)
    # pandapower, once imported, changes the default cap
    axes.add_collection(LineCollection(list(points), **{"zorder": 2.0, "capstyle": "butt", **look}))


def _draw_top(axes: Axes, feeders: Feeders, distance: Floats, vm_pu: Floats) -> list[Line2D]:
    """The external grids, the transformers, and what else is above the feeders; entries of the legend."""
    above = feeders.feeder < 0
    between = above & ~feeders.is_transformer
    if between.any():
        _draw_branches(axes, feeders.ends[between], distance, vm_pu, color=INK, linewidth=1.0)
    handles = []
    if feeders.is_transformer.any():
        _draw_branches(axes, feeders.ends[feeders.is_transformer], distance, vm_pu, color=INK, linewidth=2.4, zorder=2.8)
        handles.append(Line2D([], [], color=INK, linewidth=2.4, label="transformer"))
    grid = np.setdiff1d(feeders.ends[:, 1], feeders.ends[:, 0])
    look: dict[str, Any] = {"marker": "s", "markersize": 4.5, "color": INK, "markerfacecolor": "white", "linestyle": "none"}
    axes.plot(distance[grid], vm_pu[grid], zorder=4.0, **look)
    return [*handles, Line2D([], [], label="external grid", **look)]


def _finish(axes: Axes, feeders: Feeders, worst: AlongFeeder, vm_pu: Floats, limits_pu: tuple[float, float] | None) -> None:
    """Axes, the limit towards which the book goes, and room for the name of its bus."""
    axes.set(xlabel=f"Distance from the external grid ({worst.unit})", ylabel="Voltage (p.u.)")
    far = float(worst.distance.max()) or 1.0
    axes.set_xlim(-0.03 * far, 1.03 * far)
    low, high = float(np.nanmin(vm_pu)), float(np.nanmax(vm_pu))
    if limits_pu is not None:
        show_limit(axes, low, high, limits_pu[worst.is_high])
    round_ticks(axes)
    axes.ticklabel_format(axis="y", useOffset=False)


def _name_bus(axes: Axes, name: str, place: tuple[float, float], is_high: bool) -> None:
    """A ring around a point, and what it is: beside it, towards the middle of the panel."""
    left, right = axes.get_xlim()
    is_right = place[0] > (left + right) / 2.0
    axes.plot(*place, "o", markersize=6.0, markerfacecolor="none", markeredgecolor=INK, markeredgewidth=0.8, zorder=4.5)
    axes.annotate(
        f"{name}: {place[1]:.3f} p.u.", place, (-4 if is_right else 4, 5 if is_high else -5), textcoords="offset points",
        ha="right" if is_right else "left", va="bottom" if is_high else "top", color=INK, fontsize="small", zorder=5.0,
        bbox={"facecolor": "white", "edgecolor": "none", "pad": 0.3, "alpha": 0.8},
    )  # fmt: skip


def _sentences(*parts: str) -> str:
    return ". ".join(part[:1].upper() + part[1:] for part in parts if part)


def _columns(width_in: float) -> int:
    """Of a legend whose entries are about as long as "LinDistFlow", each beside a line that is four letters wide."""
    letter = FontProperties(size=matplotlib.rcParams["legend.fontsize"]).get_size_in_points()
    return max(1, min(4, int(72.0 * width_in / (11.5 * letter))))
