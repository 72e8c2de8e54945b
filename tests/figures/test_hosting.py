"""The figure of the hosting capacity: probabilities of each cause, what they say, and how they are told apart."""

import dataclasses
from functools import cache

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

import fastp2p
from fastp2p.figures.hosting import causes_of, draw_hosting
from fastp2p.figures.pages import Look, house_style
from fastp2p.results.statistics import find_probabilities
from fastp2p.sweep.sweep_pages import hosting_page

SHARES = (0.2, 0.6)
COUNTS = {
    "n_cut": (0, 8),
    "n_audit_broken": (0, 12),
    "n_audit_collapse": (0, 0),
    "n_full_breaks_voltage": (1, 20),
    "n_full_breaks_current": (0, 10),
}
"""Of twenty scenarios at either share, those in which the limit breaks."""
OF_PHASES = {
    "n_full_breaks_unbalance": (4, 12),
    "n_balanced_breaks_voltage": (0, 5),
    "n_balanced_breaks_current": (0, 0),
}


@cache
def results():
    study = fastp2p.studies()["pv-sweep"].with_(scenarios={"count": 20, "shares": SHARES})
    return fastp2p.run(study, workers=1)


def with_counts(counts):
    """As if so many scenarios had a book of the kind, and every book had been audited."""
    flags = {name: np.concatenate([np.arange(20) < n for n in each]).astype(int) for name, each in counts.items()}
    audited = {"losses_cost": 0.0} if "n_audit_broken" in counts else {}
    return dataclasses.replace(results(), scenarios=results().scenarios.assign(**{"n_base_overload": 0} | audited | flags))


def panel(scenarios, cause):
    axes = Figure().subplots()
    axes.set_title("\n".join(draw_hosting(axes, find_probabilities(scenarios), cause)))
    return axes


def lines(axes):
    return {line.get_label(): line for line in axes.lines if not line.get_label().startswith("_")}


def test_each_cause_has_a_panel_with_its_probabilities_and_words():
    figure = hosting_page(with_counts(COUNTS), Look())
    cleared, voltage, cable = figure.axes
    drawn = lines(cleared)
    np.testing.assert_allclose(drawn["something is cut"].get_ydata(), [0.0, 40.0])
    np.testing.assert_allclose(drawn["a limit still breaks in AC"].get_ydata(), [0.0, 60.0])
    np.testing.assert_allclose(lines(voltage)["uncontrolled, in AC"].get_ydata(), [5.0, 100.0])
    np.testing.assert_allclose(lines(cable)["uncontrolled, in AC"].get_ydata(), [0.0, 50.0])
    for axes in figure.axes:
        assert axes.get_xlim() == (-2.0, 102.0)
        assert axes.get_ylim() == cleared.get_ylim()
        assert lines(axes)["5% of scenarios"].get_ydata() == [5.0, 5.0]
        for name, line in lines(axes).items():
            assert name == "5% of scenarios" or list(line.get_xdata()) == pytest.approx([20.0, 60.0])
    # 1 of 20 is between 0.1 and 24.9 %, 0 of 20 at most 16.8 %
    assert [axes.texts[0].get_text() for axes in figure.axes] == [
        "cut: 20 to 60% (95%: below 60%)\nin AC: 20 to 60% (95%: below 60%)",
        "hosting capacity 20 to 60%\n(95% confidence: below 60%)",
        "hosting capacity 20 to 60%\n(95% confidence: below 60%)",
    ]
    (legend,) = figure.legends
    assert {text.get_text() for text in legend.get_texts()} == {
        "something is cut", "a limit still breaks in AC", "uncontrolled, in AC", "between the shares tried", "5% of scenarios",
    }  # fmt: skip


def test_three_phases_stand_beside_the_balanced_model():
    with matplotlib.rc_context(house_style()):
        figure = hosting_page(with_counts(COUNTS | OF_PHASES), Look(3.5))
    _, *panels = figure.axes
    drawn = [{name: list(line.get_ydata()) for name, line in lines(axes).items()} for axes in panels]
    of, balanced = "uncontrolled, three phases", "the same, balanced"
    np.testing.assert_allclose([one[of] for one in drawn], [[5.0, 100.0], [0.0, 50.0], [20.0, 60.0]])
    np.testing.assert_allclose([one[balanced] for one in drawn[:2]], [[0.0, 25.0], [0.0, 0.0]])
    assert balanced not in drawn[2]
    assert panels[1].texts[0].get_text() == "three phases: 20 to 60% (95%: below 60%)\nbalanced: at least 60% (95%: unknown)"
    assert panels[2].texts[0].get_text().startswith("hosting capacity below 20%")
    figure.draw_without_rendering()
    assert figure.legends[0].get_window_extent().x1 <= figure.bbox.x1


def test_without_an_audit_there_is_what_is_cut_and_what_breaks_before():
    scenarios = with_counts({"n_cut": (0, 8), "n_base_overload": (5, 5)}).scenarios
    assert causes_of(find_probabilities(scenarios)) == ["cleared", "base"]
    axes = panel(scenarios, "base")
    np.testing.assert_allclose(lines(axes)["a limit is broken"].get_ydata(), [25.0, 25.0])
    assert axes.get_title() == ""  # no hosting capacity: loads alone may break a limit
    assert causes_of(find_probabilities(with_counts(COUNTS).scenarios)) == ["cleared", "voltage", "cable"]
    audited = with_counts(COUNTS | {"n_base_overload": (0, 1)}).scenarios
    assert causes_of(find_probabilities(audited)) == ["cleared", "base", "voltage", "cable"]


@pytest.mark.parametrize(
    ("cuts", "span", "words"),
    [((0, 20), (20.0, 60.0), "20 to 60%"), ((0, 0), None, "at least 60%"), ((20, 20), (0.0, 20.0), "below 20%")],
)
def test_the_span_is_between_the_shares_tried(cuts, span, words):
    axes = panel(with_counts({"n_cut": cuts}).scenarios, "cleared")
    assert axes.get_title().startswith(f"hosting capacity {words}\n")
    spans = [patch for patch in axes.patches if patch.get_label() == "between the shares tried"]
    assert [(patch.get_x(), patch.get_x() + patch.get_width()) for patch in spans] == [pytest.approx(span)] * (span is not None)


def test_many_shares_have_a_band_and_rare_events_show_the_threshold():
    scenarios = results().scenarios.assign(share=np.arange(40) / 40, n_cut=0)
    axes = panel(scenarios, "cleared")
    assert not axes.containers
    assert len(axes.collections) == 1
    few = panel(with_counts({"n_cut": (0, 0)}).scenarios, "cleared")
    assert few.get_ylim()[1] >= 10.0
    assert to_hex(lines(few)["something is cut"].get_color()) == to_hex("C0")
