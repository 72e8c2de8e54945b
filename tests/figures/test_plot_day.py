"""Figures of a run from Python: what they take, and which scenario they draw."""

import numpy as np
import pytest
from matplotlib.figure import Figure

import fastp2p
from fastp2p import plot
from fastp2p.profiles.typical_days import cluster_days


@pytest.fixture(scope="module")
def run():
    scenarios = {"count": 2, "shares": (0.3, 0.6), "keep": ("books", "branches", "participants")}
    return fastp2p.run(fastp2p.studies()["pv-sweep"].with_(scenarios=scenarios), workers=1)


@pytest.fixture
def ax():
    return Figure(figsize=(5.0, 4.0)).subplots()


def title(axes):
    return axes.get_legend().get_title().get_text()


@pytest.mark.parametrize("name", ["supply", "network"])
def test_a_scenario_is_chosen_and_named(run, ax, name):
    draw = getattr(plot, name)
    assert draw(run, ax) is ax
    assert title(ax) == "Scenario 0 at PV 60%; one of 4"
    draw(run, ax, share=0.3, scenario=1)
    assert title(ax) == "Scenario 1 at PV 30%; one of 4"
    for chosen, message in (
        ({"share": 0.5}, "share = 0.5: the results have 0.3, 0.6"),
        ({"share": (0.6, 0.1)}, r"share = \(0.6, 0.1\): the results have 0.3, 0.6"),
        ({"share": 0.6, "scenario": 7}, "scenario = 7: the results have 0, 1"),
    ):
        with pytest.raises(fastp2p.InputError, match=message):
            draw(run, ax, **chosen)


def test_a_table_of_books_is_enough_for_the_supply(run, ax):
    books = run.books
    plot.supply(books, ax, share=0.6, scenario=1)
    (sums, *_) = [patch.get_data().values for patch in ax.patches if patch.get_label().startswith("Load")]
    np.testing.assert_allclose(sums, books.loc[(books["share"] == 0.6) & (books["scenario"] == 1), "load_kwh"])
    with pytest.raises(fastp2p.InputError, match="lacks the columns pv_kwh"):
        plot.supply(books.drop(columns="pv_kwh"), ax)


def test_profiles_of_a_run_or_of_a_file(run, ax):
    plot.profiles(run, ax, kind="pv")
    assert ax.get_ylabel() == "PV (kW per kWp)"
    other = Figure().subplots()
    plot.profiles(fastp2p.Profiles(("a", "b"), ("load", "net"), np.ones((2, 24)) * [[1.0], [-1.0]]), other, kind="net")
    assert other.get_ylim()[0] < -1.0
    with pytest.raises(fastp2p.InputError, match="kind = 'net': there are profiles of load and pv"):
        plot.profiles(run, ax, kind="net")


def test_a_dollar_in_a_name_is_one_in_any_style(ax):
    plot.profiles(fastp2p.Profiles(("$x_{$",), ("load",), np.ones((1, 24))), ax)
    ax.figure.draw_without_rendering()


def test_a_typical_day_has_the_bands_of_its_cluster(ax):
    kwh = np.concatenate([np.full((5, 24), 1.0), np.linspace(4.0, 6.0, 21)[:, None] * np.ones(24)])
    found = cluster_days(fastp2p.Profiles(("a",), ("load",), kwh.reshape(1, -1)), 2)
    plot.typical(found, ax, cluster=1)
    assert title(ax) == "cluster_1: 21 days, 81%"
    np.testing.assert_allclose(ax.lines[0].get_ydata(), 5.0)
    ends = [(band.get_paths()[0].vertices[:, 1].min(), band.get_paths()[0].vertices[:, 1].max()) for band in ax.collections]
    np.testing.assert_allclose(ends, [(4.5, 5.5), (4.1, 5.9)])
    with pytest.raises(fastp2p.InputError, match="cluster = 2: must be a whole number from 0 to 1"):
        plot.typical(found, ax, cluster=2)
    with pytest.raises(fastp2p.InputError, match="source must be Clusters"):
        plot.typical(kwh, ax)
