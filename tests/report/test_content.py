"""What reports say, against the tables that they are made from."""

import json

import numpy as np
import pytest

import fastp2p
from fastp2p.report import facts, numbers
from fastp2p.report.again import commands_of
from fastp2p.report.compare import comparison_of, different_keys
from fastp2p.report.drawing import map_places
from fastp2p.report.feeder import feeder_view
from fastp2p.report.figures import charts_of
from fastp2p.report.hosting import hosting_sentences
from fastp2p.report.runs import read_run
from fastp2p.results import statistics
from tests.support.reports import AUDITED


@pytest.fixture(scope="module")
def sweep(folders):
    return read_run(folders / "sweep")


@pytest.fixture(scope="module")
def day(folders):
    return read_run(folders / "hostile")


def test_keys_are_those_that_differ_with_their_defaults(sweep):
    keys = {key.name: (key.value, key.default) for key in facts.changed_keys(sweep.study)}
    assert keys["network.limit_factor"] == ("0.1", "1")
    assert keys["network.source"] == ('"cigre_lv"', "(required)")
    assert keys["battery.kwh"] == ("5", "(required)")
    assert keys["market.feed_in_per_kwh"] == ("0.03", "0")
    assert keys["pv.kwp"][0] == '{ distribution = "uniform", low = 5, high = 30 }'
    assert "market.ask_per_kwh" not in keys
    plain = fastp2p.studies()["paper-44"]
    assert {key.name for key in facts.changed_keys(plain)} == {
        key for key in facts.all_keys(plain) if facts.all_keys(plain)[key] != facts.all_keys(_bare(plain)).get(key)
    } | {"network.source", "load.profile", "pv.profile"}


def _bare(study):
    """A study of nothing but the keys that any study must have."""
    return fastp2p.Study(name="bare", network={"source": study.network.source}, load={"profile": "x"}, pv={"profile": "y"})


def test_headlines_are_the_means_of_the_largest_shares(sweep):
    rows = sweep.results.scenarios.query("share == 0.6 and battery_share == 1.0")
    cards = {card.label: card for card in numbers.headlines(sweep)}
    assert float(cards["Traded between neighbours"].value.replace(",", "")) == pytest.approx(rows.executed_kwh.mean(), rel=1e-3)
    assert float(cards["Self-sufficiency"].value) == pytest.approx(100.0 * rows.self_sufficiency.mean(), rel=1e-3)
    assert float(cards["Highest voltage"].value) == pytest.approx(rows.highest_vm_pu.max(), abs=5e-5)
    assert "95 % interval" in cards["Saved by all participants"].about
    assert numbers.headlines_cover(sweep.results).startswith("Means of 12 scenarios at 60 % PV, 100 % batteries")


def test_tables_have_every_point_and_numbers_to_sort_by(sweep):
    table = numbers.headline_table(sweep)
    assert len(table.rows) == 4
    assert [row[0].value for row in table.rows] == [0.2, 0.2, 0.6, 0.6]
    means = sweep.results.scenarios.groupby(["share", "battery_share"]).executed_kwh.mean()
    np.testing.assert_allclose([row[3].value for row in table.rows], means)
    bills = numbers.bills_table(sweep.results)
    found = sweep.results.participants.query("share == 0.6 and battery_share == 1.0").groupby("bus").saving.mean()
    saving = [heading.text for heading in bills.headings].index("Saving")
    np.testing.assert_allclose([row[saving].value for row in bills.rows], found)
    audit = numbers.audit_table(sweep)
    assert [heading.text for heading in audit.headings][2:4] == ["Audited books", "Books"]
    assert {row[2].text for row in audit.rows} == {f"{12 * 24}"}
    headed = {len(table.headings) for _ in table.rows} | {len(row) for row in table.rows}
    assert len(headed) == 1


def test_curves_are_the_tables(sweep, day):
    charts = {chart.key: chart for chart in charts_of(sweep)}
    assert list(charts["probability"].views) == ["at 0 % batteries", "at 100 % batteries"]
    found = fastp2p.find_probabilities(sweep.results.scenarios).query("battery_share == 1.0")
    curves = {trace["name"]: trace for trace in charts["probability"].views["at 100 % batteries"]["data"]}
    np.testing.assert_allclose(curves["Voltage"]["y"], 100.0 * found.voltage_probability, atol=1e-3)
    np.testing.assert_allclose(curves["Still broken in AC"]["y"], 100.0 * found.broken_probability, atol=1e-3)
    assert numbers.EVENTS.keys() == statistics.EVENTS.keys()  # none is left out in silence
    np.testing.assert_allclose(curves["Voltage"]["x"], [20, 60])
    supply = next(chart for chart in charts_of(day) if chart.key == "supply").views["all"]["data"]
    by_name = {trace["name"].partition(",")[0]: trace["y"][:-1] for trace in supply}
    np.testing.assert_allclose(by_name["Load"], day.results.books.load_kwh, rtol=1e-3)
    np.testing.assert_allclose(by_name["Bought from neighbours"], day.results.books.executed_kwh, rtol=1e-3, atol=1e-3)
    assert all(len(trace["x"]) == 25 for trace in supply)
    json.dumps([chart.views for chart in charts.values()], allow_nan=False)


def test_the_feeder_is_the_scenario_of_the_worst_book_at_every_share(sweep):
    view, scenarios = feeder_view(sweep.results), sweep.results.scenarios
    worst = scenarios.loc[scenarios.highest_vm_pu.idxmax()]
    assert f"Scenario {worst.scenario:.0f}, at each of 4 shares" in view.about
    assert "balanced model" in view.about
    assert view.shares[view.share] == "60 % PV, " + ("100 % batteries" if worst.battery_share else "0 % batteries")
    assert view.times[view.time] == f"{int(worst.highest_vm_step):02d}:00"
    inside = np.array(view.data["states"][view.share]["voltage"], np.float64)[view.time] / 1e4
    assert inside.max() == pytest.approx(worst.highest_vm_pu, abs=1e-4)
    same = scenarios[scenarios.scenario == worst.scenario]
    loading = [np.nanmax(np.array(state["loading"], np.float64)) / 10.0 for state in view.data["states"]]
    np.testing.assert_allclose(loading, same.worst_current_percent, atol=0.1)
    assert list(view.drawings) == ["map", "tree"]
    assert len(view.drawings["tree"].lines) == sweep.results.network.n_branch


def test_a_feeder_without_an_audit_has_voltages_of_its_own(day):
    view = feeder_view(day.results)
    assert view.has_voltages
    assert len(view.times) == 24
    voltages = np.array(view.data["states"][0]["voltage"], np.float64) / 1e4
    assert 0.8 < voltages.min() < voltages.max() < 1.2


def test_maps_have_the_places_of_the_network():
    network = fastp2p.Network.load("cigre_lv")
    places = map_places(network, "cigre_lv")
    assert places.shape == (network.n_bus, 2)
    assert map_places(network, "no such network") is None


def test_hosting_capacity_is_told_by_cause_and_share_of_devices(sweep):
    told = hosting_sentences(sweep)
    assert len(told) == 4
    assert {sentence.partition(",")[0] for sentence in told} == {"Limited by voltage", "Limited by cable or transformer"}
    assert {"batteries" in sentence for sentence in told} == {True}


def test_chosen_scenarios_have_no_intervals(tmp_path, no_figures):
    study = AUDITED.with_(scenarios={"keep": None, "sweep": None})
    fastp2p.run(study, out=tmp_path / "chosen", scenarios=[3, 7, 8])
    run = read_run(tmp_path / "chosen")
    assert facts.state_of(run.manifest, run.results)[0].startswith(
        "Chosen scenarios alone were run: 3, 7-8, of those numbered 0 to 11."
    )
    tables = [numbers.headline_table(run), numbers.audit_table(run), numbers.summary_table(run)]
    assert {cell.below for table in tables for row in table.rows for cell in row} == {""}
    assert "interval" not in " ".join([table.caption for table in tables] + [chart.caption for chart in charts_of(run)])
    assert [line for line in commands_of(run.manifest) if line.endswith(" --scenarios 3,7-8 --out again")]


def test_what_stopped_or_failed_comes_first(folders, sweep):
    run = read_run(folders / "stopped")
    (note,) = facts.state_of(run.manifest, run.results)
    assert f"{len(run.results.scenarios)} of 80 scenarios" in note
    failed = sweep.results.failures
    sweep.results.failures.extend([((0.2, 0.0), 3, 7), ((0.6, 1.0), 4, 8)])
    try:
        assert facts.state_of(sweep.manifest, sweep.results)[0].startswith("2 books failed")
        rows = facts.failure_table(sweep.results).rows
        assert [[cell.text for cell in row] for row in rows] == [["20.0", "0.0", "3", "7"], ["60.0", "100.0", "4", "8"]]
    finally:
        failed.clear()


def test_two_runs_show_what_differs(folders, sweep, day):
    bare = read_run(folders / "bare")
    keys = {name: (one, other) for name, one, other in different_keys(sweep, bare)}
    assert keys["scenarios.count"] == ("12", "3")
    assert keys["scenarios.sweep.battery"] == ("[0, 1]", "(none)")
    assert "network.source" not in keys
    shown = comparison_of(sweep, sweep)
    assert shown["keys"] == []
    means = shown["tables"][0]
    assert {row[-2].value for row in means.rows} == {0.0}
    assert [one.key for one, _ in shown["pairs"]] == [chart.key for chart in charts_of(sweep)]
    assert {name.partition("-")[0] for name in shown["data"]["charts"]} == {"A", "B"}
    other = comparison_of(day, bare)["tables"][0]
    assert "B at 60 % PV" in other.caption
    assert {row[-2].text for row in other.rows if "/" in row[1].text} == {"–"}
    assert AUDITED.name not in {one["title"] for one in comparison_of(day, day)["sides"]}
