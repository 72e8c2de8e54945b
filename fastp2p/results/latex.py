r"""What a run answers as a table for LaTeX, which needs the package booktabs and no other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import floor, isfinite, log10

import pandas as pd

from fastp2p.results.points import POINT_KEYS, feeder_key, point_keys
from fastp2p.text import printable

ESCAPES = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "<": r"\textless{}", ">": r"\textgreater{}", "|": r"\textbar{}",
}  # fmt: skip
DIGITS, MOST_DECIMALS = 4, 6
"""Significant digits of the largest number of a row, and decimals."""
UNKNOWN = "--"

Cell = Sequence[float]
"""A number, or a mean with the ends of its interval."""


def escaped(text: str) -> str:
    """A text on one line in which LaTeX sees no commands."""
    return "".join(ESCAPES.get(one, one) for one in printable(text))


def intervals_of(answers: pd.DataFrame) -> tuple[list[str], dict[str, list[Cell]]]:
    """Headings and rows of means with their intervals: a column per point, and per market rule in a comparison."""
    keys = point_keys(answers) + ["rule"] * ("rule" in answers)
    points = list(answers.drop_duplicates(keys)[keys].itertuples(index=False, name=None))
    at = answers.set_index([*keys, "indicator"])[["mean", "mean_low", "mean_high"]]
    names = answers["indicator"].drop_duplicates()
    rows: dict[str, list[Cell]] = {name: [at.loc[(*point, name)].tolist() for point in points] for name in names}
    return [_heading(dict(zip(keys, point, strict=True))) for point in points], rows


def totals_of(scenarios: pd.DataFrame, indicators: Sequence[str]) -> tuple[list[str], dict[str, list[Cell]]]:
    """Headings and rows of totals: a column per scenario."""
    keys = [*feeder_key(scenarios), *point_keys(scenarios)]
    heads = (
        [_heading({str(key): value for key, value in row.items()}) for row in scenarios[[*keys, "scenario"]].to_dict("records")]
        if len(scenarios) > 1
        else ["total"]
    )
    return heads, {name: [[float(value)] for value in scenarios[name].astype("Float64").to_numpy(float, na_value=float("nan"))]
                   for name in indicators}  # fmt: skip


def as_latex(heads: Sequence[str], rows: Mapping[str, Sequence[Cell]], units: Mapping[str, str], notes: Sequence[str]) -> str:
    r"""The table: a row per indicator, below each mean its interval.

    Parameters
    ----------
    heads : sequence of str
        Of the columns, as LaTeX has them.
    rows : dict of sequence
        By indicator: what stands in its columns.
    units : dict of str
    notes : sequence of str
        Lines of comment above the table.
    """
    comments = [f"% {printable(note)}" for note in notes]
    body = [
        " & ".join([rf"\texttt{{{escaped(name)}}}", escaped(units.get(name, "")), *_cells(cells)]) + r" \\"
        for name, cells in rows.items()
    ]
    return "\n".join(
        [
            *comments,
            rf"\begin{{tabular}}{{ll{'r' * len(heads)}}}",
            r"\toprule",
            " & ".join(["indicator", "unit", *heads]) + r" \\",
            r"\midrule",
            "\n\\addlinespace[2pt]\n".join(body),
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )


def _heading(point: Mapping[str, object]) -> str:
    """The heading of a column: its shares in percent, and its rule or scenario."""
    parts = [
        rf"{escaped(POINT_KEYS[key])} {100.0 * float(str(value)):.4g}\,\%" if key in POINT_KEYS else escaped(f"{key} {value}")
        for key, value in point.items()
    ]
    return parts[0] if len(parts) == 1 else r"\shortstack{" + r"\\".join(parts) + "}"


def _cells(cells: Sequence[Cell]) -> list[str]:
    """The numbers of a row, all with the same decimals: none where all are whole."""
    known = [abs(one) for cell in cells for one in cell if isfinite(one)]
    is_whole = all(one.is_integer() for one in known)
    decimals = 0 if is_whole else min(max(DIGITS - 1 - floor(log10(max(known))), 0), MOST_DECIMALS)
    return [_cell(cell, decimals) for cell in cells]


def _cell(cell: Cell, decimals: int) -> str:
    value, *ends = (_number(one, decimals) for one in cell)
    if not ends or value == UNKNOWN:
        return value
    return rf"\begin{{tabular}}[t]{{@{{}}r@{{}}}}{value}\\{{\scriptsize [{ends[0]}, {ends[1]}]}}\end{{tabular}}"


def _number(value: float, decimals: int) -> str:
    if value != value:
        return UNKNOWN
    text = f"{abs(value):.{decimals}f}" if isfinite(value) else r"$\infty$"
    return f"$-${text}" if value < 0.0 and text.strip("0.") else text
