"""The hosting capacity of three phases: that it is drawn, and says what the tables say."""

import dataclasses
from functools import cache

import numpy as np

import fastp2p
from fastp2p.figures.phases import draw_hosting
from fastp2p.io.figures import write_figures
from fastp2p.results.statistics import compare_hosting_capacity, find_probabilities

SHARES = (0.2, 0.6)
COUNTS = {
    "n_full_breaks_voltage": (1, 20),
    "n_full_breaks_current": (0, 10),
    "n_full_breaks_unbalance": (4, 12),
    "n_balanced_breaks_voltage": (0, 5),
    "n_balanced_breaks_current": (0, 0),
}
"""Of twenty scenarios at either share, those in which the limit breaks."""


@cache
def results():
    """Of a balanced study, as if it had been audited in three phases."""
    ran = fastp2p.run(fastp2p.studies()["pv-sweep"].with_(scenarios={"count": 20, "shares": SHARES}), workers=1)
    flags = {name: np.concatenate([np.arange(20) < n for n in counts]).astype(int) for name, counts in COUNTS.items()}
    return dataclasses.replace(ran, scenarios=ran.scenarios.assign(losses_cost=0.0, **flags))


def hosting_axes():
    probabilities = find_probabilities(results().scenarios)
    return draw_hosting(results(), probabilities, compare_hosting_capacity(probabilities)).axes


def test_all_are_written(tmp_path):
    probabilities = find_probabilities(results().scenarios)
    figures = {
        "hosting": draw_hosting(results(), probabilities, compare_hosting_capacity(probabilities)),
    }
    write_figures(figures, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{n}.{kind}" for n in figures for kind in ("pdf", "png"))
    assert all(path.stat().st_size > 5_000 for path in tmp_path.iterdir())


def test_probabilities_of_each_cause_stand_beside_those_of_the_balanced_model():
    drawn = [
        {line.get_label(): line.get_ydata() for line in axes.lines if not line.get_label().startswith("_")}
        for axes in hosting_axes()
    ]
    of, balanced = "three phases", "balanced model of the same draws"
    np.testing.assert_allclose([panel[of] for panel in drawn], [[5.0, 100.0], [0.0, 50.0], [20.0, 60.0]])
    np.testing.assert_allclose([panel[balanced] for panel in drawn[:2]], [[0.0, 25.0], [0.0, 0.0]])
    assert balanced not in drawn[2]


def test_each_panel_says_its_hosting_capacity():
    """1 of 20 is 5 %, between 0.1 and 24.9 %; 0 of 20 is at most 16.8 %."""
    texts = [axes.texts[1].get_text().splitlines() for axes in hosting_axes()]
    assert texts[0] == ["hosting capacity at 5%: 20% (0% to 20%)", "balanced model: 20% (0% to 20%)"]
    assert texts[1][1] == "balanced model: 60% (0% to 60%)"
    assert texts[2] == ["hosting capacity at 5%: 0% (0% to 0%)", "balanced model: sees none"]
