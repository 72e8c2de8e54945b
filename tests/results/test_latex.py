"""The table for LaTeX: its columns, its numbers, and texts in which LaTeX sees no commands."""

import re

import numpy as np
import pandas as pd
import pytest

from fastp2p.results.latex import as_latex, escaped, intervals_of, totals_of

pytestmark = pytest.mark.small


def parsed(text):
    """The rows of a tabular, each a list of cells; that its groups and environments are closed, and what it asks for."""
    body = re.sub(r"^%.*\n", "", text, flags=re.M)
    plain = re.sub(r"\\[\\{}]", " ", body)
    assert plain.count("{") == plain.count("}")
    assert body.count(r"\begin{tabular}") == body.count(r"\end{tabular}")
    assert set(re.findall(r"\\([a-z]+)", plain)) <= {
        "begin", "end", "toprule", "midrule", "bottomrule", "addlinespace", "texttt", "scriptsize", "infty", "shortstack",
    }  # fmt: skip
    lines = [line for line in body.splitlines() if " & " in line]
    assert all(line.endswith(r" \\") for line in lines)
    return [re.split(r"(?<!\\) & ", line.removesuffix(r" \\")) for line in lines]


def test_a_mean_stands_above_its_interval():
    rows = [
        {"share": share, "indicator": name, "mean": mean, "mean_low": mean - width, "mean_high": mean + width}
        for share in (0.1, 0.3)
        for name, mean, width in (("bill", -12.3456, 1.0), ("n_pv", 3.0, 0.0), ("kwp", np.nan, np.nan), ("x_kwh", 0.01, np.inf))
    ]
    heads, cells = intervals_of(pd.DataFrame(rows))
    text = as_latex(heads, cells, {"bill": "%€"}, ["a note\nof two lines"])
    assert text.startswith("% a note\\nof two lines\n")
    first, *body = parsed(text)
    assert first == ["indicator", "unit", r"PV 10\,\%", r"PV 30\,\%"]
    assert [len(row) for row in body] == [4] * 4
    assert body[0][:2] == [r"\texttt{bill}", r"\%€"]
    assert body[0][2].endswith(r"$-$12.35\\{\scriptsize [$-$13.35, $-$11.35]}\end{tabular}")
    assert body[1][2].endswith(r"3\\{\scriptsize [3, 3]}\end{tabular}")
    assert body[2][2:] == ["--", "--"]
    assert r"0.01000\\{\scriptsize [$-$$\infty$, $\infty$]}" in body[3][2]


def test_scenarios_stand_side_by_side_and_one_alone_is_a_total():
    table = pd.DataFrame(
        {"share": [0.1, 0.3], "scenario": [17, 17], "n_cut": pd.array([None, 3], "Int64"), "kwh": [1234.5, 0.0]}
    )
    heads, cells = totals_of(table, ["n_cut", "kwh"])
    assert heads == [r"\shortstack{PV 10\,\%\\scenario 17}", r"\shortstack{PV 30\,\%\\scenario 17}"]
    assert [row[2:] for row in parsed(as_latex(heads, cells, {}, []))[1:]] == [["--", "3"], ["1234", "0"]]
    assert totals_of(table[1:], ["kwh"]) == (["total"], {"kwh": [[0.0]]})


def test_nothing_of_a_text_is_a_command():
    assert escaped("\\input{x}_%&#$~^<|>\n") == (
        r"\textbackslash{}input\{x\}\_\%\&\#\$\textasciitilde{}\textasciicircum{}\textless{}\textbar{}\textgreater{}"
        r"\textbackslash{}n"
    )
