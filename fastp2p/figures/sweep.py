"""Figures of a study with several scenarios: the mean day, the worst loading and the risk, by share of PV."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from numpy.typing import NDArray

from fastp2p.figures.day import BLUE, GREY, INK, ORANGE, RED, STYLE, _page, _time_axes, loading_unit, save_figures
from fastp2p.results.results import Results
from fastp2p.results.statistics import CONFIDENCE, QUANTILES, find_hosting_capacity, find_probabilities
from fastp2p.text import LONGEST_NAME, LONGEST_UNIT, shown_text

Floats = NDArray[np.float64]
Margins = tuple[float, float, float, float]
Colours = dict[float, Any]

MAX_NAMED_SHARES = 6
MAX_ALL_BANDS = 3
MAX_ERROR_BARS = 25
MAX_CURVE_POINTS = 1500


def write_sweep_figures(results: Results, folder: Path) -> list[Path]:
    """Draw a study with several scenarios: hours of the mean day, worst loading and probabilities, each as PNG and as PDF.

    Parameters
    ----------
    results : Results
        Over one share of PV or more; without its table of hours, the figure of the hours is left out.
    folder : Path
        Made if it does not exist; files of the same names are replaced.

    Returns
    -------
    list of Path
        ``hours``, ``loading`` and ``probability``, each ``.png`` and ``.pdf``.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with matplotlib.rc_context(STYLE):
        figures = {} if results.hours is None else {"hours": _hours(results, results.hours)}
        figures |= {"loading": _loading(results), "probability": _probability(results)}
        return save_figures(figures, folder)


def write_comparison_figure(results: dict[str, Results], folder: Path) -> list[Path]:
    """Draw how the participants' bills change under each market rule, as PNG and as PDF.

    Parameters
    ----------
    results : dict of Results
        By market rule, from the same draws, with their tables of participants.
    folder : Path

    Returns
    -------
    list of Path
        ``bills.png`` and ``bills.pdf``.
    """
    with matplotlib.rc_context(STYLE):
        figure = _bills(results)
        figure.savefig(folder / "bills.png", dpi=150)
        figure.savefig(folder / "bills.pdf", metadata={"CreationDate": None})
    return [folder / "bills.png", folder / "bills.pdf"]


def _bills(results: dict[str, Results]) -> Figure:
    """Change of the bill against no trading: participants with PV and without, by rule; box 25-75 %, whiskers 5-95 %."""
    ran = next(iter(results.values()))
    height = 2.0 + 0.5 * len(results)
    figure, (axes,) = _sweep_page(ran, 8.6, height, (1.9, 0.3, 0.6, 1.25))
    handles = []
    for side, (label, colour, offset) in enumerate((("with PV", ORANGE, -0.18), ("without PV", BLUE, 0.18))):
        changes = []
        for result in results.values():
            assert result.participants is not None
            has_load, has_pv = result.participants["load_kwh"] > 0.0, result.participants["kwp"] > 0.0
            changes.append(-result.participants["saving"][has_pv if side == 0 else has_load & ~has_pv].to_numpy(np.float64))
        places = np.arange(len(results)) + offset
        look = {"color": INK, "linewidth": 0.9}
        boxes = axes.boxplot(
            changes, positions=places.tolist(), orientation="horizontal", widths=0.3, whis=(5, 95), showfliers=False,
            patch_artist=True, boxprops={**look, "facecolor": colour, "alpha": 0.75}, medianprops={**look, "linewidth": 1.6},
            whiskerprops=look, capprops=look,
        )  # fmt: skip
        boxes["boxes"][0].set_label(label)
        handles.append(boxes["boxes"][0])
    axes.axvline(0.0, color=GREY, linewidth=0.9, zorder=0.5)
    axes.set(
        ylim=(len(results) - 0.5, -0.5),
        xlabel=f"Change of a participant's bill by trading ({shown_text(ran.study.currency, LONGEST_UNIT)})",
    )
    axes.set_yticks(range(len(results)), [rule.replace("_", " ") for rule in results])
    axes.grid(True, axis="x")
    title = "Participants of all scenarios; box: 25 to 75 %, line: median, whiskers: 5 to 95 %"
    figure.legend(handles=handles, **_below_title(figure), ncols=2, title=title)
    return figure


def _hours(results: Results, hours: pd.DataFrame) -> Figure:
    """P2P trades and retailer supply over the hours of the mean day: median and 5th to 95th percentile by share."""
    figure, panels = _sweep_page(results, 10.0, 4.6, (0.75, 0.3, 0.6, 1.3), panels=2)
    colours = _colours(results)
    named = _some(list(colours), MAX_NAMED_SHARES)
    banded = named if len(named) <= MAX_ALL_BANDS else _some(named, 3)  # more would only hide each other
    labels = {"executed_kwh": "P2P trades (kWh per hour)", "import_kwh": "Retailer supply (kWh per hour)"}
    levels = np.array([QUANTILES[name] for name in ("p5", "median", "p95")])
    spread = hours.groupby(["share", "hour"])[list(labels)].quantile(levels).unstack()
    for axes, (column, label) in zip(panels, labels.items(), strict=True):
        top = 0.0
        for layer, (share, colour) in enumerate(colours.items()):
            of_share = spread.xs(share, level="share")[column]
            at, (low, middle, high) = of_share.index.to_numpy(np.float64) + 0.5, of_share.to_numpy(np.float64).T
            if share in banded:
                axes.fill_between(at, low, high, color=colour, alpha=0.2, linewidth=0.0, zorder=1.5)
                axes.plot(at, np.stack([low, high], axis=1), color=colour, linewidth=0.8, linestyle=(0, (1, 2)), zorder=1.6)
            width, size = (1.8, 3.2) if share in named else (0.6, 0.0)
            axes.plot(at, middle, color=colour, linewidth=width, marker="o", markersize=size, zorder=2 + layer / len(colours))
            top = max(top, float((high if share in banded else middle).max()))
        _time_axes(axes, float(hours["hour"].max() + 1), top, label)
        axes.set_xlabel("Hour of the mean day")
    which = "" if banded == named else f" at {', '.join(_percent(share) for share in banded)}"
    _share_legend(figure, colours, f"; line: median of the scenarios, band{which}: 5th to 95th percentile")
    return figure


def _loading(results: Results) -> Figure:
    """Distribution over the scenarios of the worst branch loading, by share."""
    figure, (axes,) = _sweep_page(results, 8.6, 4.6, (0.75, 0.3, 0.6, 1.3))
    colours, of, worst = _colours(results), results.scenarios["share"], results.scenarios["worst_loading_percent"]
    named = _some(list(colours), MAX_NAMED_SHARES)
    for layer, (share, colour) in enumerate(colours.items()):
        # later curves are thinner, so that those they lie upon still show
        width = 3.4 - 2.2 * layer / max(1, len(colours) - 1) if share in named else 0.6
        x, below = _distribution(worst[of == share].to_numpy(np.float64))
        axes.plot(x, below, drawstyle="steps-post", color=colour, linewidth=width)
    low, high = float(worst.min()), float(worst.max())
    span = max(high - low, 0.02 * high, 1.0)
    if low - 0.5 * span <= 100.0 <= high + 0.5 * span:
        low, high = min(low, 100.0), max(high, 100.0)
        axes.axvline(100.0, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1.5)
        axes.annotate("limit", (100.0, 1.0), (3, 1), ("data", "axes fraction"), "offset points", color=INK, fontsize=8)
    axes.set(xlim=(max(0.0, low - 0.06 * span), high + 0.06 * span), ylim=(0.0, 102.0))
    axes.set(xlabel=f"Worst branch loading of the day ({loading_unit(results)})", ylabel="Scenarios at or below (%)")
    _tidy(axes)
    _share_legend(figure, colours)
    return figure


def _probability(results: Results) -> Figure:
    """Probabilities that something is cut and of a base overload, with their confidence intervals, over the share of PV."""
    figure, (axes,) = _sweep_page(results, 7.6, 4.7, (0.75, 0.3, 0.6, 1.25))
    probabilities = find_probabilities(results.scenarios)
    table = probabilities * 100.0
    share = table["share"].to_numpy(np.float64)
    dense = len(share) > MAX_ERROR_BARS
    aside = 0.0 if dense else min(0.6, 0.15 * float(np.diff(share).min(initial=100.0)))
    common: dict[str, Any] = {"clip_on": False, "zorder": 3}
    scale, handles = 0.6 if dense else 1.0, []
    for name, label, colour, marker, size, width, sign in (
        ("cut", "A trade or an export is cut in some hour", ORANGE, "o", 6.5, 2.8, -1.0),
        ("overload", "A limit is broken in some hour, before any trade", RED, "D", 4.0, 1.1, 1.0),
    ):
        at, look = share + sign * aside, {**common, "color": colour}
        low, middle, high = (table[f"{name}_{end}"].to_numpy(np.float64) for end in ("low", "probability", "high"))
        handles += axes.plot(at, middle, linewidth=width, marker=marker, markersize=size * scale, label=label, **look)
        if dense:
            axes.fill_between(at, low, high, color=colour, alpha=0.2, linewidth=0.0)
            continue
        around = np.stack([middle - low, high - middle]).clip(min=0.0)
        for bars in axes.errorbar(at, middle, around, fmt="none", elinewidth=1.2, capsize=3.0, **look).lines[2]:
            bars.set_capstyle("butt")  # pandapower, once imported, changes the default
    top = float(table[["cut_high", "overload_high"]].to_numpy().max())
    axes.set(xlim=(-2.0, 102.0), ylim=(0.0, max(5.0, min(102.0, 1.08 * top))))
    axes.set(xlabel="Share of PV (%)", ylabel="Probability (% of scenarios)")
    _tidy(axes)
    axes.set_xticks(range(0, 101, 10))
    _mark_hosting_capacity(axes, probabilities)
    title = f"Estimate and {CONFIDENCE:.0%} confidence interval"
    figure.legend(handles=handles, **_below_title(figure), ncols=2, title=title)
    return figure


def _mark_hosting_capacity(axes: Axes, probabilities: pd.DataFrame) -> None:
    """The hosting capacity at 5 % and its interval; left out where the shares that were run do not end it."""
    capacity = find_hosting_capacity(probabilities)
    if capacity.share >= probabilities["share"].max() or capacity.share < probabilities["share"].min():
        return
    axes.axvline(100.0 * capacity.share, color=INK, linewidth=0.9, linestyle=(0, (4, 2)), zorder=1.5)
    axes.axvspan(100.0 * capacity.low, 100.0 * capacity.high, color=GREY, alpha=0.15, linewidth=0.0, zorder=0.5)
    text = f"something is cut in at most 5%: {_percent(capacity.share)} ({_percent(capacity.low)} to {_percent(capacity.high)})"
    aside, side = (-3, "right") if capacity.share > 0.5 else (3, "left")
    place = (100.0 * capacity.share, 1.0)
    axes.annotate(text, place, (aside, 1), ("data", "axes fraction"), "offset points", ha=side, color=INK, fontsize=8)


def _sweep_page(results: Results, width: float, height: float, margins: Margins, panels: int = 1) -> tuple[Figure, list[Axes]]:
    """A page that says how many scenarios it stands for, in place of which one."""
    figure, axes = _page(results, width, height, margins, panels)
    n_shares = results.scenarios["share"].nunique()
    each = " at each share of PV" if n_shares > 1 else ""
    if len(results.scenarios) > 1:
        figure.texts[0].set_text(
            f"{shown_text(results.study.name, LONGEST_NAME)}, {len(results.scenarios) // n_shares:,} scenarios{each}"
        )
    return figure, axes


def _colours(results: Results) -> Colours:
    """Shares, rising, and their colours, from light to dark; viridis without its yellow, which white paper would hide."""
    shares = np.unique(results.scenarios["share"].to_numpy(np.float64)).tolist()
    if len(shares) == 1:
        return {shares[0]: BLUE}
    ramp = matplotlib.colormaps["viridis_r"](np.linspace(0.12, 1.0, len(shares)))
    return dict(zip(shares, ramp, strict=True))


def _some(shares: list[float], most: int) -> list[float]:
    """The first share, the last one and some evenly between."""
    places = np.linspace(0, len(shares) - 1, min(len(shares), most)).round().astype(np.int64)
    return [shares[place] for place in places.tolist()]


def _distribution(values: Floats) -> tuple[Floats, Floats]:
    """Corners of the empirical distribution function in percent, evenly thinned where there are too many to be seen."""
    ordered, n = np.sort(values), len(values)
    at = np.unique(np.linspace(0, n - 1, min(n, MAX_CURVE_POINTS)).round().astype(np.int64))
    return np.append(ordered[0], ordered[at]), np.append(0.0, (at + 1) * 100.0 / n)


def _share_legend(figure: Figure, colours: Colours, more: str = "") -> None:
    named = _some(list(colours), MAX_NAMED_SHARES)
    handles = [Line2D([], [], color=colours[share], linewidth=2.6, label=_percent(share)) for share in named]
    if len(colours) > len(named):
        handles.append(Line2D([], [], color=GREY, linewidth=0.6, label="shares between"))
    figure.legend(handles=handles, **_below_title(figure), ncols=len(handles), title=f"Share of PV{more}")


def _percent(share: float) -> str:
    return f"{100.0 * share:.4g}%"


def _below_title(figure: Figure) -> dict[str, Any]:
    width, height = figure.get_size_inches()
    place = (0.2 / width, 1 - 0.62 / height)
    return {"loc": "upper left", "bbox_to_anchor": place, "borderaxespad": 0.0, "alignment": "left", "columnspacing": 1.4}


def _tidy(axes: Axes) -> None:
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(8, steps=[1, 2, 5, 10]))
    axes.grid(True)
