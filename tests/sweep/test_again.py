"""Books that are run again for the figures of an audit: the worst one is that of the tables, and errors are what they say."""

import dataclasses

import numpy as np
import pytest

import fastp2p
from fastp2p.sweep.again import MAX_POINTS, find_feeders, random_places, run_worst_book, sample_errors, steps_of_day
from fastp2p.sweep.voltage_pages import draw_voltage_pages


@pytest.fixture(scope="module")
def audited():
    study = fastp2p.studies()["pv-sweep-ac"].with_(scenarios={"count": 3, "shares": [0.2, 0.6], "keep": ["hours", "books"]})
    return fastp2p.run(study, workers=1)


@pytest.mark.parametrize(("v_max_pu", "is_high"), [(1.05, True), (1.5, False)])
def test_the_worst_book_is_that_of_the_tables(audited, v_max_pu, is_high):
    """Under a band that is wide upwards, the lowest voltage is nearer to its end than the highest."""
    study = audited.study.with_(network={"v_max_pu": v_max_pu}, clearing={"physics": "dc", "audit": True})
    ran = fastp2p.run(study, workers=1)
    worst, books = run_worst_book(ran), ran.books
    book = books.loc[books["highest_vm_pu"].idxmax() if is_high else books["lowest_vm_pu"].idxmin()]
    assert (worst.share, worst.scenario, worst.step, worst.is_high) == (book["share"], book["scenario"], book["step"], is_high)
    inner = worst.ac_vm_pu[ran.network.has_band]
    assert (inner.min(), inner.max()) == pytest.approx((book["lowest_vm_pu"], book["highest_vm_pu"]), abs=1e-8)
    assert np.abs(worst.linear_vm_pu - worst.ac_vm_pu).max() < 0.05


def test_the_way_to_the_external_grid(audited):
    """cigre_lv has lengths: each line's ends are as far apart as it is long, and trafos have no length."""
    worst, network = run_worst_book(audited), audited.network
    assert worst.unit == "km"
    apart = np.abs(worst.distance[network.from_bus] - worst.distance[network.to_bus])
    is_line = network.element == "line"
    np.testing.assert_allclose(apart, np.where(is_line, network.length_km, 0.0), atol=1e-12)
    unknown = dataclasses.replace(network, length_km=np.full(network.n_branch, np.nan))
    other = run_worst_book(dataclasses.replace(audited, networks={"": unknown}))
    assert other.unit == "branches"
    assert other.distance.tolist() == network.tree.depth.tolist()


def test_errors_are_those_of_the_largest_share(audited):
    errors = sample_errors(audited)
    assert (errors.share, errors.n_scenarios) == (0.6, 3)
    books = audited.books[audited.books["share"] == 0.6]
    for found in (errors.voltage, errors.loading):
        assert found.at.shape == (MAX_POINTS,) or len(found.at) < MAX_POINTS
        assert all(error.shape == found.at.shape for error in found.error.values())
    assert errors.voltage.at.max() <= books["highest_vm_pu"].max() + 1e-8
    assert errors.loading.at.max() <= books["worst_current_percent"].max() + 1e-6
    assert (errors.n_books, errors.voltage.n_values) == (72, 72 * audited.network.n_bus)
    assert all(errors.loading.largest[name] >= np.abs(error).max() for name, error in errors.loading.error.items())
    dc, linear = errors.voltage.error.values()
    np.testing.assert_allclose(dc, audited.network.slack_vm_pu[0] - errors.voltage.at, atol=1e-15)
    assert 0.0 < np.abs(linear).max() < np.abs(dc).max() / 2.0


def test_feeders_begin_with_the_lines_that_leave_transformers(audited):
    """cigre_lv: one line leaves each of three transformers; the branches above are theirs."""
    network, found = audited.network, find_feeders(audited.network)
    assert found.ends.shape == (network.n_branch, 2)
    assert found.is_transformer.sum() == 3
    assert (found.feeder[found.is_transformer] == -1).all()
    upper = {tuple(sorted(ends)) for ends in found.ends[found.is_transformer].tolist()}
    is_trafo = network.element == "trafo"
    assert upper == {
        tuple(sorted(ends)) for ends in zip(network.from_bus[is_trafo].tolist(), network.to_bus[is_trafo].tolist(), strict=True)
    }
    below = set(found.ends[found.is_transformer, 0].tolist())
    for number, name in enumerate(found.names):
        lower, higher = found.ends[found.feeder == number].T
        (first,) = set(higher.tolist()) - set(lower.tolist())
        assert first in below
        assert name in network.branch_name[network.element == "line"]
    assert sorted(set(found.feeder.tolist()) - {-1}) == list(range(len(found.names)))


def test_figures_that_can_be_drawn(audited):
    assert set(draw_voltage_pages(audited)) == {"voltage", "feeder", "ac_error"}
    assert set(draw_voltage_pages(dataclasses.replace(audited, hours=None))) == {"feeder", "ac_error"}
    collapsed = audited.scenarios.assign(highest_vm_pu=np.nan)
    assert draw_voltage_pages(dataclasses.replace(audited, scenarios=collapsed)) == {}


def test_lines_look_alike_with_and_without_pandapower(audited):
    """Once it is imported, it changes matplotlib's default of how lines end."""
    axes = draw_voltage_pages(audited)["feeder"].axes[0]
    assert {lines.get_capstyle() for lines in axes.collections} == {"butt"}


def test_places_are_drawn_at_random():
    """365 of the 8,760 hours of a year: at even distances they would be one hour of each day, drifting with the season."""
    places = random_places(8760, 365)
    assert len(np.unique(places)) == 365
    assert len(np.unique(places % 24)) == 24
    assert np.array_equal(random_places(5, 365), np.arange(5))
    assert np.array_equal(random_places(8760, 365), places)


def test_the_day_of_a_step():
    """Half hours: 48 a day, and the third day is cut short."""
    steps, at = steps_of_day(50, 100, 0.5)
    assert (steps.tolist(), at) == (list(range(48, 96)), 2)
    assert steps_of_day(97, 100, 0.5)[0].tolist() == [96, 97, 98, 99]
    assert steps_of_day(3, 24, 1.0)[0].tolist() == list(range(24))
