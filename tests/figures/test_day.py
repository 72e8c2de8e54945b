"""Figures of a run: that they are made, without pyplot, and show what the tables say."""

import dataclasses
import pickle
import subprocess
import sys
from datetime import timedelta
from functools import cache

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_hex
from matplotlib.dates import num2date
from matplotlib.figure import Figure

import fastp2p
from fastp2p.figures.network import draw_network
from fastp2p.figures.pages import ONE_COLUMN, Look
from fastp2p.figures.profiles import draw_profiles
from fastp2p.figures.supply import draw_supply
from fastp2p.sweep.drawing import draw_day_figures, write_drawn

FILES = [f"{name}.{kind}" for name in ("network", "profiles", "supply") for kind in ("pdf", "png")]


@cache
def results(source):
    study = fastp2p.studies()["paper-44"]
    if source != "cigre_lv":
        study = study.with_(participants={"buses": "loads"}, network={"source": source})
    return fastp2p.run(study)


def new_axes():
    return Figure(figsize=(6.0, 4.0)).subplots()


def supply(books, **facts):
    axes = new_axes()
    draw_supply(axes, books, **facts)
    return axes


def network(run, **facts):
    axes = new_axes()
    draw_network(axes, run.network, run.branches, run.participants, **facts)
    return axes


def labels(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def heights(axes):
    """Of each part and sum of `draw_supply` the first bar's; below zero they are negative."""
    bars = [patch.get_data() for patch in axes.patches]
    return [float(one.values[0] - (0.0 if one.baseline is None else one.baseline[0])) for one in bars]


@pytest.mark.parametrize("source", ["cigre_lv", "case14"])
def test_all_figures_are_written(source, tmp_path):
    write_drawn(draw_day_figures(results(source), Look(ONE_COLUMN, has_title=False)), tmp_path)
    written = sorted(tmp_path.iterdir())
    assert [path.name for path in written] == FILES
    for path in written:
        assert path.read_bytes().startswith(b"\x89PNG" if path.suffix == ".png" else b"%PDF")
        assert path.stat().st_size > 5_000


@pytest.mark.slow
def test_no_pyplot_and_the_same_bytes_from_another_process(tmp_path):
    (tmp_path / "results.pkl").write_bytes(pickle.dumps(results("cigre_lv")))
    code = """
import pickle, sys
from pathlib import Path
from fastp2p.sweep.drawing import draw_day_figures, write_drawn
write_drawn(draw_day_figures(pickle.loads(Path("results.pkl").read_bytes())), Path("there"))
sys.exit("matplotlib.pyplot was imported" if "matplotlib.pyplot" in sys.modules else 0)
"""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    write_drawn(draw_day_figures(results("cigre_lv")), here)
    assert sorted(path.name for path in here.iterdir()) == FILES
    for path in here.iterdir():
        assert path.read_bytes() == (there / path.name).read_bytes(), path.name


def books_by_hand(n_steps, **columns):
    """Each kWh column constant; what is not named is zero."""
    parts = ("load", "pv", "self", "executed", "import", "export", "spilled", "shed")
    table = pd.DataFrame({f"{part}_kwh": np.full(n_steps, float(columns.pop(part, 0.0))) for part in parts})
    return table.assign(**columns)


BATTERY = {
    **{"load": 10.0, "pv": 12.0, "self": 9.0, "executed": 2.0, "import": 1.0, "export": 1.0, "spilled": 0.5, "shed": 0.5},
    **{"charged_kwh": 2.5, "discharged_kwh": 0.5},
}
"""Load and charging 12.5 = 9 + 2 + 1 + 0.5; PV and discharging 12.5 = 9 + 2 + 1 + 0.5."""


def test_both_sides_of_the_supply_add_up():
    """Own batteries: 6 of the 9 kWh at home are PV at once, 0.5 come out of batteries and 2.5 go in."""
    axes = supply(books_by_hand(24, **BATTERY), step_hours=1.0, has_own_storage=True)
    assert labels(axes) == [
        "Load by source\n240.0 kWh", "Own PV 144.0 (60%)", "Own battery 12.0 (5%)", "Neighbours 48.0 (20%)",
        "Retailer 24.0 (10%)", "Not served (shed) 12.0 (5%)",
        "PV by use (below 0)\n288.0 kWh", "Own load 144.0 (50%)", "Own battery 60.0 (21%)", "Neighbours 48.0 (17%)",
        "Export 24.0 (8%)", "Spilled 12.0 (4%)",
    ]  # fmt: skip
    assert heights(axes) == pytest.approx([6.0, 0.5, 2.0, 1.0, 0.5, 10.0, -6.0, -2.5, -2.0, -1.0, -0.5, -12.0])
    assert axes.get_ylabel() == "Energy per hour (kWh)"


def test_of_batteries_that_trade_only_the_sums_are_known():
    axes = supply(books_by_hand(24, **BATTERY), step_hours=1.0)
    shown = labels(axes)
    assert shown[:2] == ["Load and charging\nby source\n300.0 kWh", "Own PV, battery 216.0 (72%)"]
    assert shown[5] == "PV and discharging\nby use (below 0)\n300.0 kWh"


def test_batteries_that_buy_add_to_the_load():
    tariff = {"hours": "17-21", "value": 0.3, "else": 0.2}
    study = fastp2p.studies()["paper-44"].with_(battery={"kwh": 4.0, "buses": "all"}, market={"retail_per_kwh": tariff})
    for rule, words in (("self_use", "Load by source"), ("tariff", "Load and charging\nby source")):
        run = fastp2p.run(study.with_(battery={"rule": rule}))
        axes, books = draw_day_figures(run)["supply"].axes[0], run.books
        above = books["load_kwh"] + (books["charged_kwh"] if rule == "tariff" else 0.0)
        below = books["pv_kwh"] + (books["discharged_kwh"] if rule == "tariff" else 0.0)
        assert (
            labels(axes)[0] == f"{words}\n{above.sum():,.1f} kWh" if above.sum() < 1000 else f"{words}\n{above.sum():,.0f} kWh"
        )
        sums = [patch.get_data().values for patch in axes.patches if patch.get_data().baseline is None]
        np.testing.assert_allclose(sums, [above, -below], atol=1e-9)


@pytest.mark.parametrize(
    ("days", "per", "n_bars"),
    [(2, "15 min", 192), (21, "15 min", 2016), (22, "day", 22), (800, "day", 800), (801, "7 days", 115)],
)
def test_energy_per_step_day_or_week(days, per, n_bars):
    time = pd.date_range("2024-01-01", periods=96 * days, freq="15min", tz="UTC")
    axes = supply(books_by_hand(96 * days, load=1.0, **{"import": 1.0}, time=time))
    (bars,) = [patch.get_data() for patch in axes.patches if patch.get_label().startswith("Load")]
    assert axes.get_ylabel() == f"Energy per {per} (kWh)"
    assert len(bars.values) == n_bars
    assert bars.values.sum() == 96 * days
    first, last = num2date(axes.get_xlim())
    assert f"{first:%Y-%m-%d}" == "2024-01-01"
    whole = timedelta(days=days if n_bars != 115 else 7 * 115)
    assert timedelta(0) < whole - (last - first) < timedelta(seconds=2)  # or the axis would say the day after the last


def test_days_left_out_are_no_wide_bars():
    """Two days of January and two of July stand side by side, and their first dates below."""
    time = pd.date_range("2024-01-01", periods=48, freq="h").append(pd.date_range("2024-07-01", periods=48, freq="h"))
    axes = supply(books_by_hand(96, load=1.0, **{"import": 1.0}, time=time))
    assert axes.get_xlim() == (0.0, 96.0)
    assert axes.get_xticks().tolist() == [0.0, 48.0]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["1 Jan", "1 Jul"]


def test_steps_without_times_are_counted_and_nothing_is_no_fault():
    axes = supply(books_by_hand(30))
    assert (axes.get_xlabel(), axes.get_ylabel(), axes.get_xlim()) == ("Step", "Energy per step (kWh)", (0.0, 30.0))
    assert labels(axes)[0] == "Load by source\n0.0 kWh"


def test_hours_of_many_days_are_marked_by_whole_days():
    """Two weeks, 336 h, have ticks every two days; a day has one every three hours."""
    for n_steps, marked in ((336, range(0, 337, 48)), (24, range(0, 25, 3))):
        axes = supply(books_by_hand(n_steps, load=1.0), step_hours=1.0)
        assert [tick for tick in axes.get_xticks() if 0 <= tick <= axes.get_xlim()[1]] == list(marked)


def test_the_network_has_one_scale_and_what_is_above_it_stands_out():
    run = results("cigre_lv")
    loading = np.linspace(0.0, 90.0, len(run.branches))
    calm = dataclasses.replace(run, branches=run.branches.assign(max_loading_percent=loading))
    above = dataclasses.replace(run, branches=run.branches.assign(max_loading_percent=2.0 * loading))
    red = to_hex("C3")
    for which, n_above in ((calm, 0), (above, int((2.0 * loading > 100.0).sum()))):
        axes = network(which, power="active", period="24 hours")
        lines = [colour for lines in axes.collections[:20] for colour in map(to_hex, lines.get_edgecolor())]
        assert lines.count(red) == n_above
        assert (f"Above its limit ({n_above})" in labels(axes)) == bool(n_above)
        scale = axes.figure.axes[1]
        assert scale.get_xlim() == (0.0, 100.0)
        most = f", at most {2.0 * loading.max():.3g} %" if n_above else ""
        assert scale.get_xlabel() == f"Largest loading in 24 hours\n(% of the limit, active power{most})"


def test_buses_are_told_apart_by_what_is_there():
    run = results("cigre_lv")
    who = run.participants
    n_pv = int((who["kwp"] > 0.0).sum())
    beside = np.setdiff1d(np.arange(run.network.n_bus), run.network.positions(who["bus"].to_numpy()))[-3:]
    shown = labels(network(run, beside=beside, scenario="Scenario 3"))
    assert shown == [
        "External grid (1)", f"Load ({len(who) - n_pv})", f"PV without load ({n_pv})", "Beside the market (3)",
        f"Idle bus ({run.network.n_bus - len(who) - 4})", "Transformer (3)",
    ]  # fmt: skip
    both = dataclasses.replace(run, participants=who.assign(load_kwh=1.0))
    axes = network(both, scenario="Scenario 3")
    assert f"Load and PV ({n_pv})" in labels(axes)
    assert axes.get_legend().get_title().get_text() == "Scenario 3"


def test_ids_of_buses_are_left_out_where_nobody_could_read_them():
    run = results("cigre_lv")
    for size, n_ids in (((7.0, 6.0), run.network.n_bus), ((1.5, 1.5), 0)):
        axes = Figure(figsize=size).subplots()
        draw_network(axes, run.network, run.branches, run.participants)
        assert len(axes.texts) == n_ids
        assert all(text.get_fontsize() >= 4.5 for text in axes.texts)


def test_a_branch_of_three_phases_has_the_colour_of_its_worst():
    run = results("cigre_lv")
    table = run.branches.loc[run.branches.index.repeat(3)].assign(phase=np.tile(list("abc"), len(run.branches)))
    part = np.tile([0.2, 1.0, 0.5], len(run.branches))
    phased = dataclasses.replace(run, branches=table.assign(max_loading_percent=table["max_loading_percent"] * part))
    one, three = (network(which) for which in (run, phased))
    for before, after in zip(one.collections, three.collections, strict=True):
        np.testing.assert_array_equal(before.get_edgecolor(), after.get_edgecolor())
        np.testing.assert_array_equal(before.get_linewidth(), after.get_linewidth())
    assert [axes.figure.axes[1].get_xlabel().splitlines()[0] for axes in (one, three)] == [
        "Largest loading", "Largest loading of the worst phase",
    ]  # fmt: skip


def test_few_profiles_are_named_and_many_have_bands():
    kwh = np.arange(1.0, 41.0)[:, None] * np.ones(24)
    few, many = new_axes(), new_axes()
    draw_profiles(few, kwh[:2], ["_x", "b" * 100], "pv", 1.0, others=(kwh[2:4], ["c", "d"]))
    assert labels(few)[0] == " _x (this study)"
    assert labels(few)[2:] == ["c", "d"]
    assert max(map(len, labels(few))) < 50
    np.testing.assert_array_equal([line.get_ydata()[0] for line in few.lines], [1.0, 2.0, 3.0, 4.0])
    draw_profiles(many, kwh, [str(row) for row in range(40)], "load", 1.0, others=(kwh, [str(row) for row in range(40)]))
    assert labels(many) == ["median", "half of them (25–75%)", "90% of them (5–95%)"]
    assert many.get_legend().get_title().get_text() == "40 of 80 load profiles"
    assert many.get_ylabel() == "Load (kW per home)"
    np.testing.assert_allclose(many.lines[0].get_ydata(), 20.5)
    for band, ends in zip(many.collections, ([0.25, 0.75], [0.05, 0.95]), strict=True):
        heights = band.get_paths()[0].vertices[:, 1]
        assert [heights.min(), heights.max()] == pytest.approx(np.quantile(np.arange(1.0, 41.0), ends))


def test_long_profiles_have_a_mean_day_and_bands_over_their_days():
    """From noon on: the two half days at the ends are left out."""
    time = pd.date_range("2024-03-01 12:00", periods=24 * 10, freq="h")
    kwh = np.repeat(np.arange(11.0), 24)[12:-12][None, :]  # days 1 to 9 are whole
    axes = new_axes()
    draw_profiles(axes, kwh, ["roof"], "pv", 1.0, time)
    assert axes.get_xlabel() == "Hour of the day"
    assert axes.get_legend().get_title().get_text() == "Mean of 9 days"
    assert labels(axes) == ["roof", "90% of its days"]
    np.testing.assert_allclose(axes.lines[0].get_ydata(), 5.0)
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert [heights.min(), heights.max()] == pytest.approx([1.4, 8.6])
