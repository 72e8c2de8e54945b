"""`fastp2p.plot` of audited studies: each function draws what the page of a run shows, and refuses what has no voltages."""

import dataclasses

import pytest
from matplotlib.figure import Figure

import fastp2p
from fastp2p import InputError, plot
from fastp2p.sweep.voltage_pages import draw_voltage_pages


@pytest.fixture(scope="module")
def audited():
    parts = {"scenarios": {"count": 2, "shares": [0.2, 0.6], "keep": ["hours"]}}
    return fastp2p.run(fastp2p.studies()["pv-sweep-ac"].with_(**parts), workers=1)


def drawn(axes):
    """Everything that a panel shows as numbers and words."""
    lines = [line.get_xydata().tolist() for line in axes.lines]
    segments = [[one.tolist() for one in lines.get_segments()] for lines in axes.collections if hasattr(lines, "get_segments")]
    return axes.get_xlabel(), axes.get_ylabel(), lines, segments, [text.get_text() for text in axes.texts]


def test_panels_are_those_of_the_pages(audited):
    pages = draw_voltage_pages(audited)
    for name, choices in (
        ("voltage", [{"end": "lowest"}, {"end": "highest"}]),
        ("feeder", [{}]),
        ("ac_error", [{"quantity": "voltage"}, {"quantity": "loading"}]),
    ):
        for panel, choice in zip(pages[name].axes, choices, strict=True):
            axes = Figure().subplots()
            assert getattr(plot, name)(audited, axes, **choice) is axes
            assert drawn(axes) == drawn(panel), name
            assert axes.get_legend() is not None
    table = plot.voltage(audited.hours, Figure().subplots())
    assert table.get_legend().get_texts()[0].get_text() == "20%"


def test_what_has_no_voltages_is_refused(audited):
    bare = dataclasses.replace(audited, scenarios=audited.scenarios.drop(columns=["highest_vm_pu"]))
    for name in ("voltage", "feeder", "ac_error", "phases"):
        with pytest.raises(InputError, match="no voltages"):
            getattr(plot, name)(bare)
    for source in (audited, dataclasses.replace(audited, hours=None)):
        with pytest.raises(InputError, match="one phase" if source is audited else "hours"):
            (plot.phases if source is audited else plot.voltage)(source)
    with pytest.raises(InputError, match="one phase"):
        plot.feeder(audited, kind="phases")
    with pytest.raises(InputError, match="end must be one of 'lowest', 'highest', not 'upper'"):
        plot.voltage(audited, end="upper")
    with pytest.raises(InputError, match="lacks the columns highest_vm_pu"):
        plot.voltage(audited.hours.drop(columns="highest_vm_pu"), end="highest")
