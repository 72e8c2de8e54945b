"""Figures of a sweep: which there are, without pyplot, and that they show what the tables say."""

import dataclasses
import pickle
import re
import subprocess
import sys
import warnings
from functools import cache

import matplotlib
import numpy as np
import pytest
from matplotlib.figure import Figure

import fastp2p
from fastp2p.figures.energy import EXCHANGED, draw_energy
from fastp2p.figures.loading import distribution, draw_loading
from fastp2p.figures.pages import Look, house_style, new_page
from fastp2p.figures.shares import some_shares
from fastp2p.io.figures import replace_figure
from fastp2p.sweep.drawing import draw_sweep_figures, write_drawn

NAMES = ["energy", "hosting_capacity", "hours", "loading"]


@cache
def results(*shares):
    study = fastp2p.studies()["pv-sweep"]
    return fastp2p.run(study.with_(network={"limit_factor": 0.09}, scenarios={"count": 20, "shares": shares}), workers=1)


def panel():
    return Figure().subplots()


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    write_drawn(draw_sweep_figures(results(0.2, 0.6)), folder)
    return folder


def test_all_figures_of_several_shares(written):
    assert sorted(path.name for path in written.iterdir()) == [f"{name}.{kind}" for name in NAMES for kind in ("pdf", "png")]
    for path in written.iterdir():
        assert path.read_bytes().startswith(b"\x89PNG" if path.suffix == ".png" else b"%PDF")
        assert path.stat().st_size > 5_000


def test_figures_of_one_share_of_nothing_and_of_a_narrow_page(tmp_path):
    run = results()
    empty = run.scenarios.assign(**dict.fromkeys(("worst_loading_percent", "matched_kwh", "executed_kwh", "cut_kwh"), 0.0))
    odd = run.study.with_(name="a $long_x$ 名" * 8, description="$_^" * 200)
    figures = draw_sweep_figures(dataclasses.replace(run, scenarios=empty, study=odd), Look(3.5))
    assert sorted(figures) == NAMES
    for name, figure in figures.items():
        replace_figure(figure, tmp_path / name, ("svg",))
        assert figure.get_size_inches()[0] == 3.5
        drawn = re.search(rb'width="([0-9.]+)pt"', (tmp_path / f"{name}.svg").read_bytes())
        assert float(drawn[1]) == 3.5 * 72.0
    few = draw_sweep_figures(dataclasses.replace(run, hours=None), Look(7.16, has_title=False))
    assert sorted(few) == ["energy", "hosting_capacity", "loading"]
    assert few["loading"]._suptitle is None


@pytest.mark.slow
def test_no_pyplot_and_the_same_bytes_from_another_process(tmp_path, written):
    (tmp_path / "drawn.pkl").write_bytes(pickle.dumps(results(0.2, 0.6)))
    (tmp_path / "there").mkdir()
    code = """
import pickle, sys
from pathlib import Path
from fastp2p.sweep.drawing import draw_sweep_figures, write_drawn
write_drawn(draw_sweep_figures(pickle.loads(Path("drawn.pkl").read_bytes())), Path("there"))
sys.exit("matplotlib.pyplot was imported" if "matplotlib.pyplot" in sys.modules else 0)
"""
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    for path in written.iterdir():
        assert path.read_bytes() == (tmp_path / "there" / path.name).read_bytes(), path.name


@pytest.mark.parametrize(("factor", "near"), [(1.0, True), (0.1, False)])
def test_the_limit_is_drawn_only_where_it_matters(factor, near):
    scenarios, axes = results(0.2, 0.6).scenarios, panel()
    loading = np.linspace(80.0, 120.0, len(scenarios)) * factor
    draw_loading(axes, scenarios.assign(worst_loading_percent=loading), power="active power", period="24 hours")
    assert [text.get_text() for text in axes.texts] == ["limit"] * near
    assert axes.get_xlabel() == "Worst branch loading in 24 hours, as cleared\n(% of the limit of active power)"
    assert axes.get_xlim()[0] <= loading.min() <= loading.max() <= axes.get_xlim()[1]


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


def test_energies_are_per_day_and_stand_at_their_shares():
    scenarios = results(0.2, 0.6).scenarios
    axes = panel()
    draw_energy(axes, scenarios, EXCHANGED, days=2.0)
    assert [line.get_label() for line in axes.lines] == ["Retailer supply", "Exported", "Spilled"]
    for line, band, column in zip(axes.lines, axes.collections, EXCHANGED, strict=True):
        low, middle, high = (
            scenarios.groupby("share")[column].quantile(np.array([0.05, 0.5, 0.95])).unstack().to_numpy().T / 2.0
        )
        np.testing.assert_allclose(line.get_xdata(), [20.0, 60.0])
        np.testing.assert_allclose(line.get_ydata(), middle)
        ends = band.get_paths()[0].vertices[:, 1]
        assert set(np.round(ends, 9)) == set(np.round([*low, *high], 9))
    assert axes.get_ylabel() == "Energy of a day (kWh)"
    assert len({(line.get_marker(), line.get_linestyle(), line.get_color()) for line in axes.lines}) == 3
    draw_energy(axes := panel(), results().scenarios)
    assert axes.get_ylabel() == "Energy of a scenario (kWh)"
    assert len(axes.containers) == 3  # bars of one share


def test_hours_have_a_panel_for_each_share_with_the_same_axes():
    run = results(0.2, 0.6)
    panels = draw_sweep_figures(run)["hours"].axes
    assert [axes.get_title(loc="left") for axes in panels] == ["20% PV", "60% PV"]
    assert panels[0].get_ylim() == panels[1].get_ylim()
    for axes, share in zip(panels, (0.2, 0.6), strict=True):
        by_hour = run.hours[run.hours["share"] == share].groupby("hour")
        for line, column in zip(axes.lines, ("executed_kwh", "import_kwh"), strict=True):
            np.testing.assert_allclose(line.get_ydata()[:-1], by_hour[column].median())
            assert line.get_drawstyle() == "steps-post"
        assert axes.get_xlim() == (0.0, 24.0)


@pytest.mark.parametrize("name", ["W" * 60, "m " * 20 + "m", "名" * 40])
def test_titles_fit_the_page(name):
    study = results(0.2, 0.6).study.with_(name=name, description=name * 10)
    with matplotlib.rc_context(house_style()):
        for width in (2.0, 3.5, 7.16):
            figure, _ = new_page(study, Look(width), of="5 scenarios")
            with warnings.catch_warnings():
                warnings.filterwarnings("ignore", "Glyph .* missing from font", UserWarning)
                for text in (figure._suptitle, figure.artists[0]):
                    assert text.get_window_extent().x1 <= figure.bbox.width, (width, text)
                    assert len(text.get_text()) > 5 * width
