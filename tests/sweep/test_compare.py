"""The same draws under several market rules."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.main import app
from fastp2p.results.columns import COMPARED
from fastp2p.sweep.compare import compare_results
from tests.support.sweeps import SWEEP

STUDY = SWEEP.with_(scenarios={"count": 12, "keep": None})
RULES = ["ask", "uniform", "mcafee", "bill_sharing"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("compared") / "out"


@pytest.fixture(scope="module")
def table(folder):
    return fastp2p.compare_rules(STUDY, RULES, out=folder)


def test_each_rule_has_what_a_run_under_it_has(table):
    for rule in RULES:
        alone = fastp2p.run(STUDY.with_(market={"pricing": rule})).scenarios
        for share, rows in alone.groupby("share"):
            ours = table[(table.share == share) & (table.rule == rule)].set_index("indicator")
            assert ours.loc["saving", "mean"] == pytest.approx(rows.saving.mean())
            assert ours.loc["executed_kwh", "mean"] == pytest.approx(rows.executed_kwh.mean())
            assert (
                ours.n.to_dict() == rows[list(COMPARED)].notna().sum().to_dict()
            )  # under mcafee a day may save nobody anything


def test_changes_are_paired_against_the_first_rule(table):
    wide = table.set_index(["share", "indicator", "rule"])
    assert (wide.xs("ask", level="rule").change == 0.0).all()
    for share in (0.2, 0.6):
        mcafee, ask = (wide.loc[(share, "saving", rule)] for rule in ("mcafee", "ask"))
        assert mcafee.change == pytest.approx(mcafee["mean"] - ask["mean"])
        assert mcafee.change_low <= mcafee.change <= mcafee.change_high < 0.0
    widths = [
        (one.change_high - one.change_low) - (one.mean_high - one.mean_low)
        for (_, indicator, rule), one in wide.iterrows()
        if indicator == "saving" and rule == "uniform"
    ]
    assert max(widths) <= 1e-9


def test_nulls_are_left_out_of_means_and_of_pairs():
    """Scenario 0 saves nothing under the first rule, 1 nothing under the second: Jain is null there; 2 and 3 are paired."""
    keys = {"share": 0.5, "scenario": range(4)}
    columns = {name: 1.0 for name in COMPARED if name != "jain_saving"}
    jain = {"ask": [np.nan, 0.5, 0.6, 0.7], "k": [0.9, np.nan, 0.9, 0.8]}
    results = {
        rule: SimpleNamespace(scenarios=pd.DataFrame({**keys, **columns, "jain_saving": of}), feeders=None)
        for rule, of in jain.items()
    }
    table = compare_results(results).set_index(["indicator", "rule"])
    ask, k = table.loc[("jain_saving", "ask")], table.loc[("jain_saving", "k")]
    assert (ask.n, ask["mean"], ask.n_paired, ask.change) == (3, pytest.approx(0.6), 3, 0.0)
    assert (k.n, k["mean"], k.n_paired, k.change) == (3, pytest.approx(2.6 / 3), 2, pytest.approx(0.2))
    assert table.loc[("saving", "k"), "n"] == 4


def test_where_nobody_saves_fairness_is_unknown(tmp_path, monkeypatch):
    """No PV, no trades: null in JSON and a dash on the terminal."""
    monkeypatch.chdir(tmp_path)
    Path("dark.toml").write_text(
        'name = "dark"\n[network]\nsource = "cigre_lv"\n[load]\nprofile = "residential_0"\n[pv]\nprofile = "solar_0"\nkwp = 0\n'
    )
    message = CliRunner().invoke(app, ["compare", "dark.toml", "--rules", "ask,bid", "--json"])
    assert message.exit_code == 0, message.output
    rows = [row for row in strict_json(message.stdout) if row["indicator"] == "jain_saving"]
    assert [(row["mean"], row["change"], row["n"]) for row in rows] == [(None, None, 0)] * 2
    message = CliRunner().invoke(app, ["compare", "dark.toml", "--rules", "ask,bid", "--overwrite"])
    assert "nan" not in message.stdout
    totals = strict_json(CliRunner().invoke(app, ["run", "dark.toml", "--json"]).stdout)["totals"]
    assert totals["self_consumption"] is totals["cut_share"] is totals["jain_saving"] is None
    assert totals["load_kwh"] == fastp2p.run(fastp2p.Study.from_toml("dark.toml")).scenarios.load_kwh[0]
    assert (totals["self_sufficiency"], totals["n_pv"]) == (0.0, 0)
    written = pq.read_table("results/dark/scenarios.parquet")
    assert written["self_consumption"].null_count == 1


def strict_json(text):
    """JSON as RFC 8259 has it: no NaN, no Infinity."""
    return json.loads(text, parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))


def test_the_folder(table, folder):
    assert {path.name for path in folder.iterdir()} == {
        "comparison.parquet", "savings.parquet", "bills.png", "bills.pdf", "study.toml", "manifest.json",
    }  # fmt: skip
    savings = pq.read_table(folder / "savings.parquet").to_pandas()
    assert list(savings.columns) == ["share", "scenario", "bus", "kwp", "load_kwh", *(f"{rule}_saving" for rule in RULES)]
    by_scenario = savings.groupby(["share", "scenario"]).ask_saving.sum().groupby("share").mean()
    expected = table[(table.rule == "ask") & (table.indicator == "saving")].set_index("share")["mean"]
    assert by_scenario.to_numpy() == pytest.approx(expected.to_numpy())
    assert json.loads((folder / "manifest.json").read_text())["rules"] == RULES
    assert fastp2p.Study.from_toml(folder / "study.toml") == STUDY


def test_the_command(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    message = CliRunner().invoke(app, ["compare", "paper-44", "--rules", "ask, k,supply_demand_ratio"])
    assert message.exit_code == 0, message.output
    assert "supply_demand_ratio" in message.stdout
    assert "wrote results/paper-44-rules/: bills.pdf, bills.png, comparison.parquet" in message.stdout
    as_json = CliRunner().invoke(app, ["compare", "paper-44", "--rules", "ask,k", "--out", "x", "--json"])
    rows = json.loads(as_json.stdout)
    assert {row["rule"] for row in rows} == {"ask", "k"}
    again = CliRunner().invoke(app, ["compare", "paper-44", "--out", "x"])
    assert again.exit_code == 2
    assert "x exists" in again.stderr


@pytest.mark.parametrize(
    ("rules", "message"),
    [
        (["ask", "haggle"], "unknown market rule 'haggle'; there are ask, bid, midpoint, k"),
        (["ask", "ask"], "each once"),
        ([], "name some of ask"),
        ("ask", "name some of ask"),
    ],
)
def test_rules_that_are_refused(rules, message):
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.compare_rules(STUDY, rules)


def test_every_fault_of_every_rule_is_named_before_anything_runs(tmp_path):
    study = STUDY.with_(market={"priority": "volume", "feed_in_per_kwh": 0.5})
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.compare_rules(study, ["k", "mid_market_rate"], out=tmp_path / "out")
    assert len(error.value.faults) == 2
    assert "'k' needs priority = 'price'" in error.value.faults[0]
    assert "needs a feed-in tariff that is not above the retail tariff" in error.value.faults[1]
    assert not Path(tmp_path / "out").exists()


def test_too_many_participants_to_hold():
    many = STUDY.with_(scenarios={"count": 100_000})
    with pytest.raises(
        fastp2p.InputError, match="200,000 scenarios; a comparison keeps all participants in memory, of at most 20,000"
    ):
        fastp2p.compare_rules(many, ["ask"])


def test_prices_by_the_clock_are_those_of_the_step():
    clock = {"series": np.linspace(0.1, 0.2, 24).tolist()}
    trades = fastp2p.run(STUDY.with_(market={"bid_per_kwh": clock}, scenarios={"keep": ["trades"]})).trades
    assert len(trades)
    assert trades.bid_per_kwh.to_numpy() == pytest.approx(np.array(clock["series"])[trades.step])
