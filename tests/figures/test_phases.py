"""Figures of three phases: that they are made, and say what the tables and voltages say."""

import dataclasses
from functools import cache

import numpy as np
import pytest

import fastp2p
from fastp2p.figures.phases import PhaseVoltages, draw_hosting, draw_phase_day, draw_phase_feeder
from fastp2p.figures.voltages import AlongFeeder
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


def voltages(is_high):
    """Of cigre_lv at noon, phase b going farthest at the last bus."""
    network, rng = results().network, np.random.default_rng(1)
    vm_pu = 1.0 + rng.uniform(-0.02, 0.02, (network.n_bus, 3))
    vm_pu[-1, 1] = 1.06 if is_high else 0.93
    book = AlongFeeder(0.6, 3, 12, is_high, 0.1 * np.arange(network.n_bus), "km", vm_pu.mean(axis=1), vm_pu.mean(axis=1))
    day = rng.uniform(0.95, 1.05, (2, 24, 3))
    return PhaseVoltages(book, network.load_bus, vm_pu, np.arange(24.0), day.min(axis=0), day.max(axis=0))


def hosting_axes():
    probabilities = find_probabilities(results().scenarios)
    return draw_hosting(results(), probabilities, compare_hosting_capacity(probabilities)).axes


def test_all_are_written(tmp_path):
    probabilities = find_probabilities(results().scenarios)
    figures = {
        "hosting": draw_hosting(results(), probabilities, compare_hosting_capacity(probabilities)),
        "feeder": draw_phase_feeder(results(), voltages(is_high=True), "of all 960 books"),
        "phases": draw_phase_day(results(), voltages(is_high=True)),
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


@pytest.mark.parametrize("is_high", [True, False])
def test_the_feeder_has_a_line_for_each_phase_and_names_the_farthest(is_high):
    network, worst = results().network, voltages(is_high)
    axes = draw_phase_feeder(results(), worst, "of all 960 books").axes[0]
    assert [text.get_text() for text in axes.texts] == [f"bus {network.bus_id[-1]}, phase b"]
    assert axes.texts[0].xy == pytest.approx((worst.balanced.distance[-1], worst.vm_pu[-1, 1]))
    assert [text.get_text() for text in axes.get_legend().get_texts()][:4] == [
        "phase a", "phase b", "phase c", "balanced model",
    ]  # fmt: skip
    for lines, vm_pu in zip(axes.collections, (worst.balanced.ac_vm_pu, *worst.vm_pu.T), strict=True):
        segments = np.array(lines.get_segments())
        assert len(segments) == network.n_branch
        assert set(segments[..., 1].ravel().round(9)) == set(vm_pu.round(9))
    low, high = axes.get_ylim()
    assert low < worst.vm_pu.min() < worst.vm_pu.max() < high


def test_a_limit_that_is_far_away_is_left_out():
    """The view is of the voltages; 1.06 p.u. are far from a limit of 1.5."""
    wide = dataclasses.replace(results(), study=results().study.with_(network={"v_max_pu": 1.5}))
    for run, named in ((results(), True), (wide, False)):
        axes = draw_phase_feeder(run, voltages(is_high=True), "of all 960 books").axes[0]
        assert ("limit" in [text.get_text() for text in axes.get_legend().get_texts()]) == named


def test_a_day_has_the_extremes_of_each_phase():
    worst = voltages(is_high=True)
    for axes, vm_pu in zip(draw_phase_day(results(), worst).axes, (worst.lowest_vm_pu, worst.highest_vm_pu), strict=True):
        drawn = [line for line in axes.lines if line.get_label().startswith("phase")]
        assert [line.get_label() for line in drawn] == ["phase a", "phase b", "phase c"]
        np.testing.assert_array_equal([line.get_ydata() for line in drawn], vm_pu.T)
        np.testing.assert_array_equal(drawn[0].get_xdata(), np.arange(24.0) + 0.5)
        assert len({(line.get_marker(), line.get_linestyle(), line.get_color()) for line in drawn}) == 3
