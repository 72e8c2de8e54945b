"""Figures of three phases: voltages of each, and the hosting capacity beside that of the balanced model."""

from __future__ import annotations

from typing import Any, NamedTuple

import matplotlib
import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from fastp2p.figures.style import (
    BLUE,
    GREEN,
    INK,
    PURPLE,
    RED,
    STYLE,
    below_title,
    sweep_page,
    time_axes,
)
from fastp2p.figures.voltages import (
    AlongFeeder,
    book_of,
    draw_along,
    finish_feeder,
    furthest_bus,
    name_bus,
    show_limit,
)
from fastp2p.grid.zero_sequence import PHASES
from fastp2p.results.results import Results

Floats = NDArray[np.float64]

PHASE_LOOKS: tuple[dict[str, Any], ...] = (
    {"color": BLUE, "marker": "o", "linestyle": "solid"},
    {"color": PURPLE, "marker": "s", "linestyle": (0, (6, 1))},
    {"color": GREEN, "marker": "^", "linestyle": (0, (3, 1, 1, 1))},
)
"""Of a, b and c: told apart without colour, too."""


class PhaseVoltages(NamedTuple):
    """Voltages between phase and neutral in the book that goes farthest out of the band, or nearest to its end, and its day.

    Attributes
    ----------
    balanced : AlongFeeder
        The book, and its voltages in the balanced models.
    participant : (n,) int64
        Positions of the buses that take part.
    vm_pu : (n_bus, 3) float64
    hour : (n_steps,) float64
        Of the day in which the book is: where the steps begin.
    lowest_vm_pu, highest_vm_pu : (n_steps, 3) float64
        Of all buses but the external grids.
    """

    balanced: AlongFeeder
    participant: NDArray[np.int64]
    vm_pu: Floats
    hour: Floats
    lowest_vm_pu: Floats
    highest_vm_pu: Floats


@matplotlib.rc_context(STYLE)
def draw_phase_feeder(results: Results, worst: PhaseVoltages, audited: str) -> Figure:
    """Voltage of each phase along the feeder in one book, and that of the balanced model; `audited` as `count_audited` says."""
    network, distance, is_high = results.network, worst.balanced.distance, worst.balanced.is_high
    figure, (axes,) = sweep_page(results, 8.6, 5.4, (0.85, 0.5, 0.65, 1.2))
    draw_along(axes, network, distance, worst.balanced.ac_vm_pu, INK, 0.9, "solid")
    connected = worst.participant
    for vm_pu, name, look in zip(worst.vm_pu.T, PHASES[:3], PHASE_LOOKS, strict=True):
        draw_along(axes, network, distance, vm_pu, look["color"], 1.1, look["linestyle"])
        points = {"color": look["color"], "marker": look["marker"], "markersize": 3.0}
        axes.plot(distance[connected], vm_pu[connected], linestyle="none", zorder=3, **points)
        axes.plot([], [], linestyle=look["linestyle"], linewidth=1.1, label=f"phase {name}", **points)
    axes.plot([], [], color=INK, linewidth=0.9, label="balanced model")
    furthest = worst.vm_pu.max(axis=1) if is_high else worst.vm_pu.min(axis=1)
    bus = furthest_bus(network, furthest, is_high)
    phase = PHASES[int(np.argmax(worst.vm_pu[bus] if is_high else -worst.vm_pu[bus]))]
    name_bus(axes, f"bus {network.bus_id[bus]}, phase {phase}", (distance[bus], furthest[bus]), is_high)
    part, all_pu = results.study.network, np.column_stack([worst.vm_pu, worst.balanced.ac_vm_pu])
    if show_limit(axes, float(all_pu.min()), float(all_pu.max()), part.v_max_pu if is_high else part.v_min_pu):
        axes.plot([], [], color=RED, linewidth=1.0, label="limit")
    low, high = axes.get_ylim()
    room = 0.06 * (high - low)  # for the name of the bus
    axes.set_ylim(low - room * (not is_high), high + room * is_high)
    finish_feeder(figure, axes, results, worst.balanced, audited)
    return figure


@matplotlib.rc_context(STYLE)
def draw_phase_day(results: Results, worst: PhaseVoltages) -> Figure:
    """Lowest and highest voltage of each phase by hour, in the day of one scenario that has the worst book."""
    figure, panels = sweep_page(results, 10.0, 4.6, (0.85, 0.3, 0.6, 1.3), panels=2)
    part = results.study.network
    sides = ((worst.lowest_vm_pu, "Lowest", part.v_min_pu), (worst.highest_vm_pu, "Highest", part.v_max_pu))
    length = results.profiles.step_hours
    handles: list[Any] = []
    for axes, (vm_pu, which, limit) in zip(panels, sides, strict=True):
        handles = []
        for values, name, look in zip(vm_pu.T, PHASES[:3], PHASE_LOOKS, strict=True):
            size = 3.5 if length >= 0.5 else 0.0
            handles += axes.plot(
                worst.hour + length / 2.0, values, markersize=size, linewidth=1.6, label=f"phase {name}", **look
            )
        time_axes(axes, max(24.0, float(worst.hour[-1] + length)), 1.0, f"{which} voltage of any bus (p.u.)")
        axes.set_xlabel("Hour of the day")
        show_limit(axes, float(np.nanmin(vm_pu)), float(np.nanmax(vm_pu)), limit)
    of = f"The day of the book that goes farthest towards a limit of the voltage: {book_of(results, worst.balanced)}"
    title = f"{of}; red: limit, where it is near"
    figure.legend(handles=handles, **below_title(figure), ncols=3, title=title)
    return figure
