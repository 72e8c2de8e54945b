"""What participants save by trading, under one market rule beside others."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from fastp2p.figures.pages import GREY, INK, colour, legend_below
from fastp2p.text import LONGEST_UNIT, shown_text

SAVING = "_saving"
"""What follows the rule in the name of a column."""


def rules_of(savings: pd.DataFrame) -> list[str]:
    """The rules of a table of savings, in its order."""
    return [name.removesuffix(SAVING) for name in map(str, savings) if name.endswith(SAVING)]


def draw_bills(axes: Axes, savings: pd.DataFrame, *, currency: str = "", period: str = "", name: str = "") -> None:
    """What a participant saves against no trading, with PV and without, by rule: boxes of 25 to 75 %, whiskers of 5 to 95 %.

    Parameters
    ----------
    axes : Axes
    savings : DataFrame
        `savings.parquet` of a comparison, of one point: its `load_kwh`, `kwp` and a column ``RULE_saving`` for each rule.
    currency : str
    period : str
        In which it is saved, such as "14 days".
    name : str
        At which share, for the title.
    """
    rules, has_pv = rules_of(savings), savings["kwp"].to_numpy() > 0.0
    groups = (("with PV", 1, -0.2, has_pv), ("without PV", 0, 0.2, (savings["load_kwh"].to_numpy() > 0.0) & ~has_pv))
    line = {"color": INK, "linewidth": 0.7}
    for label, number, aside, rows in groups:
        saved = [savings.loc[rows, rule + SAVING].to_numpy(np.float64) for rule in rules]
        boxes: dict[str, Any] = axes.boxplot(
            saved, positions=(np.arange(len(rules)) + aside).tolist(), orientation="horizontal", widths=0.34, whis=(5, 95),
            showfliers=False, patch_artist=True, boxprops={**line, "facecolor": colour(number)},
            medianprops={"color": INK, "linewidth": 1.4}, whiskerprops=line, capprops=line, manage_ticks=False,
        )  # fmt: skip
        if boxes["boxes"]:
            boxes["boxes"][0].set_label(label)
    axes.axvline(0.0, color=GREY, linewidth=0.9, zorder=0.5)
    unit, when = f"({shown_text(currency, LONGEST_UNIT)})" if currency else "", f"in {period}" if period else ""
    axes.set(ylim=(len(rules) - 0.5, -0.5), xlabel=f"Saved by a participant\n{when} {unit}".strip())
    axes.xaxis.label.set_parse_math(False)  # a `$` is one
    axes.set_yticks(range(len(rules)), [rule.replace("_", " ") for rule in rules])
    axes.xaxis.set_major_locator(MaxNLocator(5))
    axes.grid(visible=False, axis="y")
    if name:
        axes.set_title(name, loc="left")
    legend_below(axes, title="Participants of all scenarios; box: 25 to 75%, whiskers: 5 to 95%", ncols=2)
