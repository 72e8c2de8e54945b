"""Figures of a sweep: that they are made, for one share and for several, without pyplot, and say what the tables say."""

import dataclasses
import pickle
import subprocess
import sys
from functools import cache

import numpy as np
import pytest

import fastp2p
from fastp2p.figures.style import some_shares
from fastp2p.figures.sweep import BY_HOUR, distribution, draw_loading, draw_probability, draw_sweep
from fastp2p.io.figures import write_figures
from fastp2p.results.statistics import find_hosting_capacity, find_hour_quantiles, find_probabilities

FILES = [f"{name}.{kind}" for name in ("hours", "loading", "probability") for kind in ("pdf", "png")]


@cache
def results(*shares):
    study = fastp2p.studies()["pv-sweep"]
    return fastp2p.run(study.with_(network={"limit_factor": 0.09}, scenarios={"count": 20, "shares": shares}), workers=1)


def what_is_drawn(run):
    """What the figures are given."""
    hours = None if run.hours is None else find_hour_quantiles(run.hours, BY_HOUR)
    probabilities = find_probabilities(run.scenarios)
    return run, hours, probabilities, find_hosting_capacity(probabilities)


def probability_axes(run, **columns):
    """Axes of the figure of probabilities, where the table of scenarios has these columns."""
    run, _, probabilities, capacity = what_is_drawn(dataclasses.replace(run, scenarios=run.scenarios.assign(**columns)))
    return draw_probability(run, probabilities, capacity).axes[0]


def assert_written(folder, names):
    written = sorted(folder.iterdir())
    assert [path.name for path in written] == names
    for path in written:
        assert path.read_bytes().startswith(b"\x89PNG" if path.suffix == ".png" else b"%PDF")
        assert path.stat().st_size > 5_000


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    write_figures(draw_sweep(*what_is_drawn(results(0.2, 0.6))), folder)
    return folder


def test_all_figures_of_several_shares(written):
    assert_written(written, FILES)


def test_all_figures_of_one_share(tmp_path):
    write_figures(draw_sweep(*what_is_drawn(results())), tmp_path)
    assert_written(tmp_path, FILES)


def test_without_hours_and_without_limits(tmp_path):
    run = results(0.2, 0.6)
    free = dataclasses.replace(run, hours=None, scenarios=run.scenarios.assign(worst_loading_percent=0.0))
    write_figures(draw_sweep(*what_is_drawn(free)), tmp_path)
    assert_written(tmp_path, FILES[2:])


@pytest.mark.slow
def test_no_pyplot_and_the_same_bytes_from_another_process(tmp_path, written):
    (tmp_path / "drawn.pkl").write_bytes(pickle.dumps(what_is_drawn(results(0.2, 0.6))))
    (tmp_path / "there").mkdir()
    code = """
import pickle, sys
from pathlib import Path
from fastp2p.figures.sweep import draw_sweep
from fastp2p.io.figures import write_figures
write_figures(draw_sweep(*pickle.loads(Path("drawn.pkl").read_bytes())), Path("there"))
sys.exit("matplotlib.pyplot was imported" if "matplotlib.pyplot" in sys.modules else 0)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    for path in written.iterdir():
        assert path.read_bytes() == (tmp_path / "there" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(("factor", "near"), [(1.0, True), (0.1, False)])
def test_the_limit_is_drawn_only_where_it_matters(factor, near):
    run = results(0.2, 0.6)
    loading = np.linspace(80.0, 120.0, len(run.scenarios)) * factor
    axes = draw_loading(dataclasses.replace(run, scenarios=run.scenarios.assign(worst_loading_percent=loading))).axes[0]
    assert [text.get_text() for text in axes.texts] == ["limit"] * near
    assert axes.get_xlabel() == "Worst branch loading of the scenario (%)"
    assert axes.get_xlim()[0] <= loading.min() <= loading.max() <= axes.get_xlim()[1]


@pytest.mark.parametrize("share", [0.0, 0.4, 1.0])
def test_the_axis_of_shares_is_whole(share):
    axes = probability_axes(results(), share=share)
    assert axes.get_xlim() == (-2.0, 102.0)
    assert axes.lines[0].get_xdata() == pytest.approx([100 * share], abs=1.0)


def test_many_shares_have_bands():
    axes = probability_axes(results(0.2, 0.6), share=np.arange(40) / 40)
    assert not axes.containers
    assert len(axes.collections) == 2


def test_probabilities_are_those_of_the_table():
    overload, cut = [True] * 5 + [False] * 15, [True] * 8 + [False] * 12
    axes = probability_axes(results(0.2, 0.6), n_base_overload=[*overload, *cut], n_cut=[*cut, *cut])
    points = [line.get_ydata() for line in axes.get_lines() if line.get_label().startswith(("A trade", "A limit"))]
    np.testing.assert_allclose(points, [[40.0, 40.0], [25.0, 40.0]])
    assert axes.get_ylim()[0] == 0.0


def test_distribution_rises_from_zero_to_all():
    for values in (np.array([3.0]), np.array([2.0, 1.0, 2.0, 5.0]), np.random.default_rng(0).normal(size=9999)):
        x, below = distribution(values)
        assert (x[0], x[-1], below[0], below[-1]) == (values.min(), values.max(), 0.0, 100.0)
        assert len(x) <= 1501
        for value in np.unique(x):
            assert below[x == value].max() == pytest.approx(100.0 * (values <= value).mean())


@pytest.mark.parametrize(
    ("n", "expected"), [(1, [0]), (3, [0, 1, 2]), (11, [0, 2, 4, 6, 8, 10]), (101, [0, 20, 40, 60, 80, 100])]
)
def test_named_shares(n, expected):
    assert some_shares(list(range(n)), 6) == expected


@pytest.mark.parametrize(("cuts", "marked"), [((0, 12), True), ((0, 0), False), ((12, 12), False)])
def test_the_hosting_capacity_is_marked_where_the_shares_end_it(cuts, marked):
    first, last = cuts
    n_cut = [*[1] * first, *[0] * (20 - first), *[1] * last, *[0] * (20 - last)]
    axes = probability_axes(results(0.2, 0.6), n_cut=n_cut, n_base_overload=0)
    assert [text.get_text() for text in axes.texts] == ["something is cut in at most 5%: 20% (0% to 20%)"] * marked
