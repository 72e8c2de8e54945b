"""Figures of three phases: that they are made, and say what the tables and voltages say."""

import dataclasses
from functools import cache

import numpy as np
import pytest

import fastp2p
from fastp2p.figures.phases import PhaseVoltages, draw_phase_day, draw_phase_feeder
from fastp2p.figures.voltages import AlongFeeder
from fastp2p.io.figures import write_figures

SHARES = (0.2, 0.6)


@cache
def results():
    """Of a balanced study."""
    return fastp2p.run(fastp2p.studies()["pv-sweep"].with_(scenarios={"count": 20, "shares": SHARES}), workers=1)


def voltages(is_high):
    """Of cigre_lv at noon, phase b going farthest at the last bus."""
    network, rng = results().network, np.random.default_rng(1)
    vm_pu = 1.0 + rng.uniform(-0.02, 0.02, (network.n_bus, 3))
    vm_pu[-1, 1] = 1.06 if is_high else 0.93
    book = AlongFeeder(0.6, 3, 12, is_high, 0.1 * np.arange(network.n_bus), "km", vm_pu.mean(axis=1), vm_pu.mean(axis=1))
    day = rng.uniform(0.95, 1.05, (2, 24, 3))
    return PhaseVoltages(book, network.load_bus, vm_pu, np.arange(24.0), day.min(axis=0), day.max(axis=0))


def test_all_are_written(tmp_path):
    figures = {
        "feeder": draw_phase_feeder(results(), voltages(is_high=True), "of all 960 books"),
        "phases": draw_phase_day(results(), voltages(is_high=True)),
    }
    write_figures(figures, tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{n}.{kind}" for n in figures for kind in ("pdf", "png"))
    assert all(path.stat().st_size > 5_000 for path in tmp_path.iterdir())


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
