"""Shares of PV and of swept devices in figures: their colours, their names, and legends of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import MultipleLocator

from fastp2p.figures.pages import GREY, colour
from fastp2p.results.points import POINT_KEYS, point_keys

Share = TypeVar("Share")
Point = tuple[float, ...]
"""A share of PV and of each swept device, in the order of the columns of tables."""
Colours = dict[Point, Any]

MAX_NAMED_SHARES = 6
"""Shares in a legend."""


def share_colours(table: pd.DataFrame) -> Colours:
    """What has a curve, rising, and its colour.

    Every share of PV has; where shares of devices are swept, every one of them at the largest share of PV.
    """
    points = points_of(table)
    if _differ_in_devices(points):
        points = [point for point in points if point[0] == points[-1][0]]
    return dict(zip(points, ramp(len(points)), strict=True))


def points_of(table: pd.DataFrame) -> list[Point]:
    """The points of a table with a column for each share, rising."""
    keys = point_keys(table)
    rows = table[keys].drop_duplicates().sort_values(keys)
    return [tuple(row) for row in rows.to_numpy(np.float64).tolist()]


def _differ_in_devices(points: Collection[Point]) -> bool:
    return len({point[1:] for point in points}) > 1


def at_point(table: pd.DataFrame, point: Point) -> pd.DataFrame:
    """The rows of a point of a table in whose index the points come first."""
    return pd.DataFrame(table.xs(point, level=list(range(len(point)))))


def some_shares(shares: list[Share], most: int) -> list[Share]:
    """The first share, the last one and some evenly between."""
    places = np.linspace(0, len(shares) - 1, min(len(shares), most)).round().astype(np.int64)
    return [shares[place] for place in places.tolist()]


def curve_name(point: Point, colours: Colours) -> str:
    """A point among those that have a curve: its share of PV, or its shares of devices."""
    return " / ".join(map(percent, point[1:])) if _differ_in_devices(colours) else percent(point[0])


def shares_text(share: float, devices: Mapping[str, float]) -> str:
    """A share of PV and shares of swept devices, by column, in words: "60%, batteries 25%"."""
    return ", ".join([percent(share), *(f"{POINT_KEYS[key]} {percent(value)}" for key, value in devices.items())])


class Lines(NamedTuple):
    """A table over shares, cut into lines.

    Attributes
    ----------
    over : str
        The column at the axis: the share of PV, or where this is one, the first share of devices that is not.
    label : str
        Of the axis.
    rows : dict
        By the further shares in words, which are "" where none is swept; rising, and of many a few.
    title : str
        What the further shares are of.
    """

    over: str
    label: str
    rows: dict[str, pd.DataFrame]
    title: str


def lines_of(table: pd.DataFrame) -> Lines:
    """The lines of a table with a column for each share."""
    keys = point_keys(table)
    over = next((key for key in keys if table[key].nunique() > 1), "share")
    further = [key for key in keys if key != over and table[key].nunique() > 1]
    at = "" if over == "share" else f", at {percent(table['share'].iloc[0])} PV"
    label = f"Share of {POINT_KEYS[over]} (%){at}"
    if not further:
        return Lines(over, label, {"": table}, "")
    groups: Any = table.groupby(further)
    lines = [(" / ".join(map(percent, values)), rows) for values, rows in groups]
    shown = some_shares(lines, MAX_NAMED_SHARES)
    title = f"Share of {' / '.join(POINT_KEYS[key] for key in further)}"
    return Lines(over, label, dict(shown), title + f" ({len(shown)} of {len(lines)})" * (len(shown) < len(lines)))


def ramp(n: int) -> list[Any]:
    """Colours of n shares, from light to dark; viridis without its yellow, which white paper would hide."""
    return [colour(0)] if n == 1 else list(matplotlib.colormaps["viridis_r"](np.linspace(0.12, 1.0, n)))


def share_axis(axes: Axes, lines: Lines) -> None:
    """All shares there can be, from 0 to 100 %."""
    axes.set(xlim=(-2.0, 102.0), xlabel=lines.label)
    axes.xaxis.set_major_locator(MultipleLocator(20.0))


def percent(share: float) -> str:
    """A share in percent, four digits at most."""
    return f"{100.0 * share:.4g}%"


def share_title(colours: Colours, keys: Sequence[str]) -> str:
    """What the shares of a legend are of; `keys` are the columns of the points."""
    if not _differ_in_devices(colours):
        return "Share of PV"
    return f"Share of {' / '.join(POINT_KEYS[key] for key in keys[1:])}, at {percent(next(iter(colours))[0])} PV"


def share_handles(colours: Colours) -> list[Line2D]:
    """Entries of a legend: of a few shares by name, and one for those between."""
    named = some_shares(list(colours), MAX_NAMED_SHARES)
    handles = [Line2D([], [], color=colours[one], linewidth=2.6, label=curve_name(one, colours)) for one in named]
    if len(colours) > len(named):
        handles.append(Line2D([], [], color=GREY, linewidth=0.6, label="between"))
    return handles
