"""Figures of sweeps over shares of devices: what has a curve, and what the legends say."""

import dataclasses
import itertools
from functools import cache

import pandas as pd
import pytest

import fastp2p
from fastp2p.cli.sweep_table import make_hosting_table
from fastp2p.figures.shares import lines_of, share_colours
from fastp2p.results.statistics import compare_hosting_capacity
from fastp2p.sweep.drawing import draw_sweep_figures

DEVICES = {"battery": (0.0, 0.5), "ev": (0.1, 0.2, 0.4)}


@cache
def results(shares=(0.2, 0.6), devices=("battery", "ev")):
    """A sweep over PV, as if every share of devices gave the same."""
    study = fastp2p.studies()["pv-sweep"]
    ran = fastp2p.run(study.with_(network={"limit_factor": 0.09}, scenarios={"count": 4, "shares": shares}), workers=1)

    def swept(table):
        points = itertools.product(*(DEVICES[device] for device in devices))
        keys = [{f"{device}_share": share for device, share in zip(devices, point, strict=True)} for point in points]
        return pd.concat([table.assign(**one) for one in keys], ignore_index=True)

    return dataclasses.replace(ran, scenarios=swept(ran.scenarios), hours=swept(ran.hours))


def labels(legend):
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("shares", [(0.2, 0.6), (0.6,)])
def test_each_share_of_a_device_has_a_curve_at_the_largest_share_of_pv(shares):
    run = results(shares, ("ev",))
    assert list(share_colours(run.scenarios)) == [(0.6, share) for share in DEVICES["ev"]]
    figures = draw_sweep_figures(run)
    legend = figures["loading"].axes[0].get_legend()
    assert labels(legend) == ["10%", "20%", "40%"]
    assert legend.get_title().get_text() == "Share of EVs, at 60% PV"
    titles = [axes.get_title(loc="left") for axes in figures["hours"].axes]
    assert titles == [f"{share} EVs, at 60% PV" for share in ("10%", "20%", "40%")]


def test_several_devices_have_curves_together():
    figures = draw_sweep_figures(results())
    legend = figures["loading"].axes[0].get_legend()
    assert labels(legend) == ["0% / 10%", "0% / 20%", "0% / 40%", "50% / 10%", "50% / 20%", "50% / 40%"]
    assert legend.get_title().get_text() == "Share of batteries / EVs, at 60% PV"
    assert "4 scenarios at each share of PV and of devices" in figures["loading"]._suptitle.get_text()


def test_a_single_share_of_devices_leaves_the_curves_to_pv():
    scenarios = results(devices=("ev",)).scenarios
    assert list(share_colours(scenarios[scenarios["ev_share"] == 0.2])) == [(0.2, 0.2), (0.6, 0.2)]


@pytest.mark.parametrize(
    ("shares", "devices", "over", "lines"),
    [
        ((0.2, 0.6), ("ev",), "PV (%)", ["10%", "20%", "40%"]),
        ((0.6,), ("ev",), "EVs (%), at 60% PV", []),
        ((0.6,), ("battery", "ev"), "batteries (%), at 60% PV", ["10%", "20%", "40%"]),
    ],
)
def test_probabilities_and_energy_stand_over_the_first_share_that_is_swept(shares, devices, over, lines):
    figures = draw_sweep_figures(results(shares, devices))
    n_over = {"P": 2, "E": 3, "b": 2}[over[0]]
    for name in ("hosting_capacity", "energy"):
        figure, (legend,) = figures[name], figures[name].legends
        assert {axes.get_xlabel() for axes in figure.axes} <= {f"Share of {over}", ""}
        assert figure.axes[-1].get_xlabel() == f"Share of {over}"
        curves = [line for line in figure.axes[0].lines if line.get_label() in lines]
        assert [line.get_label() for line in curves] == lines
        assert {len(line.get_xdata()) for line in curves} <= {n_over}
        assert set(lines) <= set(labels(legend))
        assert legend.get_title().get_text().startswith("Share of " if lines else ("Estimate", "Line"))
    titles = [axes.get_title(loc="left") for axes in figures["energy"].axes]
    assert titles[: len(lines)] == (["P2P trades", "Retailer supply"] if not lines else titles)[: len(lines)]
    assert all(titles) == bool(lines)


def test_many_further_shares_have_a_few_lines():
    table = pd.DataFrame([{"share": share, "ev_share": ev / 20} for share in (0.2, 0.6) for ev in range(20)])
    lines = lines_of(table)
    assert (lines.over, len(lines.rows), lines.title) == ("share", 6, "Share of EVs (6 of 20)")


COLUMNS = ("cut", "voltage", "cable", "unbalance", "balanced_voltage", "balanced_cable")


def probabilities():
    """Three-phase ones, that become 1 at a share that batteries raise."""
    rows = [
        {"share": share, "battery_share": battery, "n": 10}
        | {f"{name}_{end}": 0.0 if share < 0.5 + battery else 1.0 for name in COLUMNS for end in ("probability", "low", "high")}
        for share in (0.2, 0.6)
        for battery in DEVICES["battery"]
    ]
    return pd.DataFrame(rows)


def test_hosting_capacities_of_three_phases_name_their_shares(monkeypatch):
    capacities = compare_hosting_capacity(probabilities())
    assert capacities["battery_share"].tolist() == [0.0] * 3 + [0.5] * 3
    assert capacities["share"].tolist() == [0.2] * 3 + [0.6] * 3
    monkeypatch.setattr("fastp2p.results.statistics.find_probabilities", lambda _: probabilities())
    table = make_hosting_table(pd.DataFrame())
    assert [column.header for column in table.columns] == [
        "batteries\nshare", "hosting capacity,\nlimited by", "three phases", "balanced",
    ]  # fmt: skip
    assert list(table.columns[0].cells) == ["0%"] * 3 + ["50%"] * 3
    sure, most = "20 to 60%\n(95%: the same)", "at least 60%\n(95%: the same)"
    assert list(table.columns[2].cells) == [sure] * 3 + [most] * 3
    assert list(table.columns[3].cells) == [sure, sure, "-", most, most, "-"]
