"""Figures: that they are made, without pyplot, and that the network's layout is a tidy tree."""

import dataclasses
import pickle
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

import fastp2p
from fastp2p.figures.day import draw_day, draw_network, draw_supply, tree_layout
from fastp2p.io.figures import write_figures

FILES = [f"{name}.{kind}" for name in ("network", "profiles", "supply") for kind in ("pdf", "png")]


@cache
def results(source):
    study = fastp2p.studies()["paper-44"]
    if source != "cigre_lv":
        study = study.with_(participants={"buses": "loads"}, network={"source": source})
    return fastp2p.run(study)


@pytest.mark.parametrize("source", ["cigre_lv", "case14"])
def test_all_figures_are_written(source, tmp_path):
    write_figures(draw_day(results(source)), tmp_path)
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
from fastp2p.figures.day import draw_day
from fastp2p.io.figures import write_figures
write_figures(draw_day(pickle.loads(Path("results.pkl").read_bytes())), Path("there"))
sys.exit("matplotlib.pyplot was imported" if "matplotlib.pyplot" in sys.modules else 0)
"""
    here, there = tmp_path / "here", tmp_path / "there"
    here.mkdir()
    there.mkdir()
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    write_figures(draw_day(results("cigre_lv")), here)
    assert sorted(path.name for path in here.iterdir()) == FILES
    for path in here.iterdir():
        assert path.read_bytes() == (there / path.name).read_bytes(), path.name


def test_shed_energy_is_in_the_legend():
    calm = results("cigre_lv")
    books = calm.books.assign(shed_kwh=1.0, import_kwh=calm.books["import_kwh"] - 1.0)
    tight = dataclasses.replace(calm, books=books)
    for run, shed in ((calm, False), (tight, True)):
        texts = [text.get_text() for text in draw_supply(run).axes[0].get_legend().get_texts()]
        assert any(text.startswith("Shed") for text in texts) is shed
        assert texts[0] == f"Total load\n{run.books['load_kwh'].sum():,.1f} kWh"


def test_batteries_that_buy_add_to_the_load():
    """Of their own surplus what they take is no supply yet; no bar lies below zero."""
    tariff = {"hours": "17-21", "value": 0.3, "else": 0.2}
    study = fastp2p.studies()["paper-44"].with_(battery={"kwh": 4.0, "buses": "all"}, market={"retail_per_kwh": tariff})
    for rule, line in (("self_use", "Total load"), ("tariff", "Total load and charging")):
        run = fastp2p.run(study.with_(battery={"rule": rule}))
        axes = draw_supply(run).axes[0]
        of_line = run.books["load_kwh"] + (run.books["charged_kwh"] if rule == "tariff" else 0.0)
        assert axes.get_legend().get_texts()[0].get_text() == f"{line}\n{of_line.sum():,.1f} kWh"
        bars = [patch.get_data() for patch in axes.patches]
        assert all((bar.values >= bar.baseline - 1e-9).all() for bar in bars if bar.baseline is not None)
        np.testing.assert_allclose(bars[-2].values, of_line, atol=1e-9)


def test_hours_of_many_days_are_marked_by_whole_days():
    """Two weeks, 336 h, have ticks every two days; a day has one every three hours."""
    fortnight = fastp2p.run(fastp2p.studies()["paper-44"].with_(profiles={"days": 14}))
    for run, marked in ((fortnight, range(0, 337, 48)), (results("cigre_lv"), range(0, 25, 3))):
        axes = draw_supply(run).axes[0]
        assert [tick for tick in axes.get_xticks() if 0 <= tick <= axes.get_xlim()[1]] == list(marked)


@pytest.mark.parametrize("source", ["cigre_lv", "case14", "two grids"])
def test_layout(source):
    network = results("cigre_lv" if source == "two grids" else source).network
    if source == "two grids":
        network = dataclasses.replace(
            network, reference_bus=np.array([0, 20]), reference_angle_rad=np.zeros(2), slack_vm_pu=np.ones(2)
        )
    layout = tree_layout(network)
    roots = np.isin(np.arange(network.n_bus), network.reference_bus)
    assert ((layout.depth == 0) == roots).all()
    assert ((layout.parent == -1) == roots).all()
    below = np.flatnonzero(~roots)
    assert (layout.depth[below] == layout.depth[layout.parent[below]] + 1).all()
    ends = np.column_stack([network.from_bus, network.to_bus])
    assert (np.abs(np.diff(layout.depth[ends], axis=1)) <= 1).all(), "depth is the shortest way"
    assert (np.sort(ends[layout.parent_branch[below]]) == np.sort(np.column_stack([below, layout.parent[below]]))).all()
    if network.is_radial:
        assert (layout.depth == network.tree.depth).all()

    for bus in range(network.n_bus):
        children = layout.x[layout.parent == bus]
        if len(children):
            assert children.min() <= layout.x[bus] <= children.max()
            assert layout.x[bus] == pytest.approx(children.mean())
    leaves = np.setdiff1d(np.arange(network.n_bus), layout.parent)
    assert sorted(layout.x[leaves]) == list(range(len(leaves)))
    for depth in range(layout.depth.max() + 1):
        gaps = np.diff(np.sort(layout.x[layout.depth == depth]))
        assert (gaps >= 1 - 1e-9).all(), "buses of one level overlap"


def test_a_branch_of_three_phases_has_the_colour_of_its_worst():
    run = results("cigre_lv")
    table = run.branches.loc[run.branches.index.repeat(3)].assign(phase=np.tile(list("abc"), len(run.branches)))
    part = np.tile([0.2, 1.0, 0.5], len(run.branches))
    phased = dataclasses.replace(run, branches=table.assign(max_loading_percent=table["max_loading_percent"] * part))
    one, three = (draw_network(which) for which in (run, phased))
    for before, after in zip(one.axes[0].collections, three.axes[0].collections, strict=True):
        np.testing.assert_array_equal(before.get_edgecolor(), after.get_edgecolor())
        np.testing.assert_array_equal(before.get_linewidth(), after.get_linewidth())
    assert [figure.axes[1].get_title() for figure in (one, three)] == [
        "largest branch loading (%)", "largest branch loading of the worst phase (%)",
    ]  # fmt: skip
