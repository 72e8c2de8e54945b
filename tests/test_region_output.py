"""What a run of many networks is turned into: reports, figures, exports, comparisons; names are not to be trusted."""

import json
import re

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.figures.pages import Look
from fastp2p.io.paths import file_name_of
from fastp2p.report.page import make_page, write_report
from fastp2p.report.runs import read_run
from fastp2p.results.totals import find_totals
from fastp2p.sweep.compare import compare_rules
from fastp2p.sweep.drawing import draw_figures
from fastp2p.sweep.export import export
from fastp2p.sweep.opened import read_comparison
from tests.support.commands import call
from tests.support.drawing import undrawn
from tests.support.regions import NAMES, write_region

HOSTILE = NAMES[1]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    place = tmp_path_factory.mktemp("region")
    study = fastp2p.Study.from_toml(write_region(place))
    with undrawn():
        fastp2p.run(study, out=place / "area", workers=1)
        fastp2p.run(study.with_(seed=6, scenarios={"count": 3}), out=place / "other", workers=1)
        one = {"source": str(place / "f0.json"), "sources": None}
        fastp2p.run(study.with_(network=one, scenarios={"count": 2}), out=place / "one", workers=1)
    return place


def test_report_of_a_region(folder):
    page = make_page([read_run(folder / "area")])
    assert "<b>[red]" not in page
    assert page.count("&lt;b&gt;[red]ma%{x}$rkup$") == 1  # in the table; figures have other escapes
    data = json.loads(re.search(r'<script id="data" type="application/json">(.*?)</script>', page)[1])
    texts = json.dumps(data, ensure_ascii=False)
    assert "&lt;b&gt;[red]ma%&#123;x}&#36;rkup&#36;" in texts
    assert {key.rsplit("-", 1)[0] for key in data["charts"]} >= {"feeders", "distribution", "totals"}
    for part in ("1 feeder could not run", "f gone", "Feeders that could not run", 'id="table-feeders"', "stand for 6 by"):
        assert part.removeprefix("f ") in page
    results = fastp2p.read_results(folder / "area")
    totals = find_totals(results.scenarios, results.feeders)
    of_all = totals[totals["region"].isna() & (totals["share"] == 0.9)].set_index("indicator")["estimate"]
    assert f'<div class="value">{of_all["executed_kwh"]:.4g} ' in page


def test_report_of_one_feeder_is_that_of_its_study(folder):
    path = write_report([folder / "area"], feeder=HOSTILE)
    assert path.name == f"area-{file_name_of(HOSTILE)}.html"
    page = path.read_text()
    assert "<h1>area: &lt;b&gt;[red]ma%{x}$rkup$</h1>" in page
    assert "The feeder hour by hour" in page
    one = fastp2p.read_results(folder / "area").of_feeder(HOSTILE)
    assert str(one.study.seed) in page
    with pytest.raises(fastp2p.InputError, match=r"^feeder 'gone': network file"):
        write_report([folder / "area"], feeder="gone")


def test_regions_side_by_side_and_what_cannot_be(folder):
    page = make_page([read_run(folder / "area"), read_run(folder / "other")])
    assert "All feeders together at 90 % PV" in page
    assert 'id="table-hosting"' in page
    with pytest.raises(fastp2p.InputError, match="one of the runs has many networks and the other has one"):
        make_page([read_run(folder / "area"), read_run(folder / "one")])


@pytest.mark.parametrize("name", ["a-1", "a/b", HOSTILE, "..", "שלום", "x" * 100, "con"])
def test_files_are_named_after_any_feeder(name):
    found = file_name_of(name)
    assert re.fullmatch(r"\w[\w.-]*", found)
    assert len(found) < 110
    assert (found == name) == (name in ("a-1", "שלום", "x" * 60))


def test_exports_know_feeders(folder, tmp_path):
    export(folder / "area", "csv", tmp_path / "csv")
    names = pd.read_csv(tmp_path / "csv" / "scenarios.csv")["feeder"].unique()
    assert set(names) == {"'=1+1", *NAMES[1:]}
    assert {"feeders.csv", "totals.csv", "hosting.csv"} <= {path.name for path in (tmp_path / "csv").iterdir()}
    assert "PV 90" in export(folder / "area", "latex", tmp_path / "a.tex").read_text()
    dataset = fastp2p.read_results(folder / "area").to_xarray()
    assert dataset["scenarios_executed_kwh"].dims == ("feeder", "share", "scenario")
    assert dataset["feeders_weight"].sel(feeder="share").item() == 3.0
    assert np.isnan(dataset["scenarios_executed_kwh"].sel(feeder="gone")).all()
    xarray = pytest.importorskip("xarray")
    with xarray.open_dataset(export(folder / "area", "netcdf", tmp_path / "a.nc")) as file:
        assert set(file["feeder"].values) == {*NAMES, "gone"}
    assert export(folder / "area", "xlsx", tmp_path / "a.xlsx").exists()


def test_figures_of_a_region_and_of_one_feeder(folder, tmp_path):
    results = fastp2p.read_results(folder / "area")
    with pytest.raises(fastp2p.InputError, match=r"many networks, and this figure is of one: give it results\.of_feeder"):
        fastp2p.plot.loading(results)
    assert set(draw_figures(results, Look(3.5))) == {"hosting_by_feeder", "hosting_distribution", "features", "totals"}
    options = ("--format", "png", "--only", "loading")
    told = call("figures", folder / "area", "--feeder", HOSTILE, *options, "--out", tmp_path / "out").stdout
    assert "1 files to" in told
    assert (tmp_path / "out" / "loading.png").exists()


def test_rules_are_compared_by_feeder_and_together(folder, monkeypatch):
    monkeypatch.chdir(folder)
    monkeypatch.setattr("fastp2p.sweep.drawing.draw_comparison_figures", lambda *_: {})
    printed = call("compare", "area.toml", "--rules", "ask,uniform", "--out", "rules", code=1)
    assert "totals of 3 feeders by their weights" in printed.stdout
    assert "feeder gone" in printed.stderr
    read = read_comparison("rules")
    table = read.comparison
    by_feeder = table[table["feeder"].notna()]
    one = by_feeder[by_feeder["feeder"] == "share"].drop(columns="feeder").reset_index(drop=True)
    alone = compare_rules(fastp2p.read_results("area").of_feeder("share").study, ["ask", "uniform"])
    pd.testing.assert_frame_equal(one, alone)
    weights = {name: place + 1 for place, name in enumerate(NAMES)}
    bills = by_feeder[by_feeder["indicator"] == "bill"]
    expected = (bills["mean"] * bills["feeder"].map(weights)).groupby([bills["share"], bills["rule"]]).sum()
    together = table[table["feeder"].isna() & (table["indicator"] == "bill")].set_index(["share", "rule"])
    np.testing.assert_allclose(together["mean"], expected.loc[together.index])
    change = (bills["change"] * bills["feeder"].map(weights)).groupby([bills["share"], bills["rule"]]).sum()
    np.testing.assert_allclose(together["change"], change.loc[together.index], atol=1e-9)
    assert set(read.savings["feeder"]) == set(NAMES)
