"""What simpler models of the network miss: their errors over the values of an AC power flow."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from fastp2p.figures.pages import BESIDE_IN, INK, colour, fold, legend_above, panel_width_in, round_ticks

Floats = NDArray[np.float64]

LOOKS: tuple[tuple[int, dict[str, Any]], ...] = (
    (0, {"marker": "s", "markersize": 2.2, "markerfacecolor": "none", "markeredgewidth": 0.5, "alpha": 0.35}),
    (3, {"marker": "o", "markersize": 1.8, "markeredgewidth": 0.0, "alpha": 0.35}),
)
"""Of the two models: open squares and dots, which are told apart without colour, too."""


class Errors(NamedTuple):
    """Values of an AC power flow, and by model the errors of other power flows.

    Attributes
    ----------
    at : (n,) float64
        Some of the values, drawn at random.
    error : dict of (n,) float64
        Model less AC.
    n_values : int
        From how many they are drawn.
    largest : dict of float
        The largest error of each model in either direction, among all these.
    """

    at: Floats
    error: dict[str, Floats]
    n_values: int
    largest: dict[str, float]


class ModelErrors(NamedTuple):
    """What the linear models miss in a sample of buses, branches and steps.

    Attributes
    ----------
    share : float
    n_scenarios, n_books : int
    voltage : Errors
        p.u.
    loading : Errors
        Percent; of an AC power flow, from current.
    devices : dict of float, optional
        Shares of swept devices, by their column.
    """

    share: float
    n_scenarios: int
    n_books: int
    voltage: Errors
    loading: Errors
    devices: Mapping[str, float] = MappingProxyType({})


AXES = {
    "voltage": ("AC voltage (p.u.)", "Voltage, model less AC\n(% of nominal)", 100.0, "%"),
    "loading": ("AC loading from current (%)", "Loading, model less AC\n(percentage points)", 1.0, " points"),
}
"""By quantity: labels, the unit of the errors in that of the label, and how it is written behind a number."""


def draw_ac_error(axes: Axes, errors: Errors, *, quantity: str, books: str = "") -> None:
    """The errors of two models over AC values, a dot for each value.

    Parameters
    ----------
    axes : Axes
    errors : Errors
    quantity : {"voltage", "loading"}
    books : str
        Of which books they are, in words.
    """
    x_label, y_label, scale, unit = AXES[quantity]
    handles = []
    for (name, error), (number, look) in zip(errors.error.items(), LOOKS[-len(errors.error) :], strict=True):
        axes.plot(errors.at, scale * error, color=colour(number), linestyle="none", rasterized=True, **look)
        label = f"{name}: up to {scale * errors.largest[name]:.2g}{unit}"
        shown = {**look, "alpha": 1.0, "markersize": 4.0}
        handles.append(Line2D([], [], color=colour(number), linestyle="none", label=label, **shown))
    axes.axhline(0.0, color=INK, linewidth=0.8, zorder=1.5)
    axes.set(xlabel=x_label, ylabel=y_label)
    round_ticks(axes)
    n = len(errors.at)
    which = f"{n:,} of {errors.n_values:,} values, at random" if n < errors.n_values else f"{n:,} values"
    title = fold(f"{books}; {which}" if books else which, panel_width_in(axes) - BESIDE_IN)
    legend_above(axes, handles=handles, title=title, ncols=1, handlelength=1.0)
