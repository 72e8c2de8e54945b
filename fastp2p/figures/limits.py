"""How figures of voltages show a limit: a line where it is near, a word where it is not."""

from __future__ import annotations

from typing import Any

from matplotlib.axes import Axes

from fastp2p.figures.pages import INK, SOFT_INK

DASHED = (0, (4, 2))
LEAST_SPAN_PU = 0.004
"""Of a view: below it, numerical noise would look like voltages."""


def show_limit(axes: Axes, low: float, high: float, limit: float) -> bool:
    """A view of the values, and of the limit where it is near; where it is not, in which direction it lies.

    Parameters
    ----------
    axes : Axes
    low, high : float
        p.u.; the range of what is drawn. NaN where nothing is.
    limit : float
        p.u.

    Returns
    -------
    bool
        Whether the limit is near.
    """
    low, high = (low, high) if low == low else (limit, limit)
    span, is_upper = max(high - low, LEAST_SPAN_PU), limit > (low + high) / 2.0
    is_near = low - span < limit < high + span
    look: dict[str, Any] = {"fontsize": "small", "ha": "left"}
    if is_near:
        axes.axhline(limit, color=INK, linewidth=0.9, linestyle=DASHED, zorder=1.5)
        place: Any = ((0.0, limit), (3, 2 if is_upper else -2), ("axes fraction", "data"), "offset points")
        axes.annotate(f"limit {limit:g}", *place, va="bottom" if is_upper else "top", color=INK, **look)
        low, high = min(low, limit), max(high, limit)
    else:
        place = ((0.0, float(is_upper)), (3, -2 if is_upper else 2), "axes fraction", "offset points")
        text = f"limit {limit:g} " + ("\N{UPWARDS ARROW}" if is_upper else "\N{DOWNWARDS ARROW}")
        axes.annotate(text, *place, va="top" if is_upper else "bottom", color=SOFT_INK, **look)
    free, less = 0.18 * span, 0.08 * span  # names stand on the side of the limit
    axes.set_ylim(low - (less if is_upper else free), high + (free if is_upper else less))
    axes.ticklabel_format(axis="y", useOffset=False)
    return is_near
