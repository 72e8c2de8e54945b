"""Figures of sweeps over shares of devices: what has a curve, and what the legends say."""

import dataclasses
import itertools
from functools import cache

import pandas as pd
import pytest

import fastp2p
from fastp2p.cli.sweep_table import make_hosting_table
from fastp2p.figures.phases import draw_hosting
from fastp2p.figures.shares import share_colours
from fastp2p.figures.sweep import BY_HOUR, draw_device_probability, draw_sweep
from fastp2p.results.statistics import compare_hosting_capacity, find_hour_quantiles, find_probabilities

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


def drawn(run):
    return draw_sweep(run, find_hour_quantiles(run.hours, BY_HOUR), find_probabilities(run.scenarios), None)


def labels(figure):
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


@pytest.mark.parametrize("shares", [(0.2, 0.6), (0.6,)])
def test_each_share_of_a_device_has_a_curve_at_the_largest_share_of_pv(shares):
    run = results(shares, ("ev",))
    assert list(share_colours(run)) == [(0.6, share) for share in DEVICES["ev"]]
    figures = drawn(run)
    for name in ("hours", "loading"):
        assert labels(figures[name]) == ["10%", "20%", "40%"]
        assert figures[name].legends[0].get_title().get_text().startswith("Share of EVs, at 60% PV")


def test_several_devices_have_curves_together():
    run = results()
    assert labels(drawn(run)["loading"]) == ["0% / 10%", "0% / 20%", "0% / 40%", "50% / 10%", "50% / 20%", "50% / 40%"]
    assert drawn(run)["loading"].legends[0].get_title().get_text() == "Share of batteries / EVs, at 60% PV"
    assert "4 scenarios at each share of PV and of devices" in drawn(run)["loading"].texts[0].get_text()


def test_a_single_share_of_devices_leaves_the_curves_to_pv():
    run = results(devices=("ev",))
    run = dataclasses.replace(run, scenarios=run.scenarios[run.scenarios["ev_share"] == 0.2])
    assert list(share_colours(run)) == [(0.2, 0.2), (0.6, 0.2)]


@pytest.mark.parametrize(
    ("shares", "devices", "over", "lines"),
    [
        ((0.2, 0.6), ("ev",), "PV", ["10%", "20%", "40%"]),
        ((0.6,), ("ev",), "EVs", []),
        ((0.6,), ("battery", "ev"), "batteries", ["10%", "20%", "40%"]),
    ],
)
def test_probabilities_stand_over_the_first_share_that_is_swept(shares, devices, over, lines):
    run = results(shares, devices)
    figure = draw_device_probability(run, find_probabilities(run.scenarios))
    assert [axes.get_xlabel() for axes in figure.axes] == [f"Share of {over} (%)"] * 2
    assert labels(figure) == lines
    n_over = {"PV": 2, "EVs": 3, "batteries": 2}[over]
    curves = [line for line in figure.axes[0].lines if line.get_marker() == "o"]
    assert [len(line.get_xdata()) for line in curves] == [n_over] * max(1, len(lines))


def test_hosting_capacities_of_three_phases_name_their_shares():
    columns = ("cut", "voltage", "cable", "unbalance", "balanced_voltage", "balanced_cable")
    rows = [
        {"share": share, "battery_share": battery, "n": 10}
        | {f"{name}_{end}": 0.0 if share < 0.5 + battery else 1.0 for name in columns for end in ("probability", "low", "high")}
        for share in (0.2, 0.6)
        for battery in DEVICES["battery"]
    ]
    probabilities = pd.DataFrame(rows)
    capacities = compare_hosting_capacity(probabilities)
    assert capacities["battery_share"].tolist() == [0.0] * 3 + [0.5] * 3
    assert capacities["share"].tolist() == [0.2] * 3 + [0.6] * 3
    largest = probabilities[probabilities["battery_share"] == 0.5]
    figure = draw_hosting(results(), largest, compare_hosting_capacity(largest))
    assert figure.legends[0].get_title().get_text().endswith("; batteries 50%")


def test_the_table_of_hosting_capacities_has_a_column_for_each_device(monkeypatch):
    rows = [{"battery_share": share, "cause": cause} for share in (0.0, 0.5) for cause in ("voltage", "cable", "unbalance")]
    ends = {f"{name}{end}": 0.3 for name in ("share", "balanced_share") for end in ("", "_low", "_high")}
    found = pd.DataFrame([{**row, **ends} for row in rows])
    monkeypatch.setattr("fastp2p.results.statistics.find_probabilities", lambda _: None)
    monkeypatch.setattr("fastp2p.results.statistics.compare_hosting_capacity", lambda _: found)
    table = make_hosting_table(found)
    assert [column.header for column in table.columns][:2] == ["batteries\nshare", "hosting capacity, limited by"]
    assert list(table.columns[0].cells) == ["0%"] * 3 + ["50%"] * 3
