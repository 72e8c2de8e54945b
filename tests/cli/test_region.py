"""The command line of a study of many networks."""

import json

import pytest

import fastp2p
from fastp2p.cli import print_results
from tests.support.commands import call, refused_command
from tests.support.drawing import undrawn
from tests.support.regions import NAMES, write_region


@pytest.fixture(scope="module", autouse=True)
def _without_figures():
    with undrawn():
        yield


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """A region that ran, its study, and what was printed."""
    folder = tmp_path_factory.mktemp("region")
    study = write_region(folder)
    return folder / "area", study, call("run", study, "--out", folder / "area", code=1)


def test_run_prints_totals_regions_and_feeders(ran):
    folder, _, result = ran
    assert result.stdout.startswith("area: of <i>many</i> [bold]feeders[/bold]")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    results = fastp2p.read_results(folder)
    weight = results.scenarios["feeder"].map(results.feeders.set_index("feeder")["weight"])
    executed = (weight * results.scenarios["executed_kwh"]).groupby(results.scenarios["share"]).sum() / 5
    totals = [line.split() for line in lines if line.startswith(("30% 26 ", "90% 26 "))]
    assert [row[6] for row in totals] == [f"{one:,.1f}" for one in executed]
    assert any(line.startswith("(none) 1 8 ") for line in lines)
    assert any(line.startswith("north 2 18 ") for line in lines)
    assert all(any(line.startswith(name) and line.split("%")[0] for line in lines) for name in NAMES)
    assert any(line.startswith("totals of 3 feeders, which stand for 6 by their weights: means") for line in lines)
    assert result.stderr.splitlines()[-1].startswith("failed: area, feeder gone: network file ")
    again = call("run", ran[1], "--out", folder, "--resume", code=1)
    assert again.stdout == result.stdout


def test_json_has_every_feeder_and_the_totals(ran):
    folder, study, _ = ran
    told = json.loads(call("run", study, "--out", folder, "--resume", "--json", code=1).stdout)
    assert [one["feeder"] for one in told["feeders"]] == sorted([*NAMES, "gone"])
    assert list(told["failed_feeders"]) == ["gone"]
    assert [(one["region"], one["share"]) for one in told["totals"]] == [
        (region, share) for region in (None, "", "north") for share in (0.3, 0.9)
    ]
    assert told["totals"][0]["n_homes"] == 26
    assert {one["feeder"] for one in told["hosting_capacity"]} == set(NAMES)


def test_chosen_scenarios_and_one_scenario_are_told_by_feeder(ran, tmp_path):
    _, study, _ = ran
    chosen = call("run", study, "--scenarios", "3", "--out", tmp_path / "chosen", code=1).stdout
    assert sum(" 3   30%" in line or " 3   90%" in line for line in chosen.splitlines()) == 6
    text = study.read_text().replace("count = 5", "count = 1").replace("shares = [0.3, 0.9]", "")
    (study.parent / "one.toml").write_text(text)
    one = call("run", study.parent / "one.toml", "--out", tmp_path / "one", code=1).stdout
    assert "each feeder, kWh of a scenario; the most loaded first" in one


def test_failures_are_counted_after_the_first_ten(ran, monkeypatch):
    results, said = fastp2p.read_results(ran[0]), []
    feeders = results.feeders.loc[results.feeders.index.repeat(12)]
    feeders = feeders.assign(feeder=[f"{name} {n}" for n, name in enumerate(feeders["feeder"])])
    object.__setattr__(results, "feeders", feeders)
    object.__setattr__(results, "failures", [(("=1+1", 0.3), 0, step) for step in range(12)])
    monkeypatch.setattr(print_results, "say", lambda *words: said.append(words[-1]))
    print_results.say_failures(results)
    assert len(said) == 22
    assert said[10] == "2 more feeders; manifest.json lists them all"
    assert said[11].startswith("area, feeder =1+1, share 0.3, scenario 0, step 0: no proven optimum")


def test_check_tells_of_all_feeders_once(ran, monkeypatch):
    monkeypatch.setattr("fastp2p.cli.feeder_pool.FEEDERS_FROM", 3)  # in processes
    study = ran[1].parent / "check.toml"
    text = ran[1].read_text().replace("limit_factor = 0.03", "ampacity_ka = 1.0\n")
    study.write_text(text.replace("count = 5", "count = 1").replace("30 }", "3000 }"))
    told = json.loads(call("check", study, "--json").stdout)
    facts, warnings = told["facts"], told["warnings"]
    assert facts["feeders"] == "4: 3 can run; 1 cannot"
    assert facts["regions"] == "(none) 1 (weight 2), north 2 (weight 4)"
    assert facts["weights"] == "1 … 3, 6 together"
    assert facts["homes"] == "3 … 5 per feeder, 12 together"
    assert facts["example"].startswith("what follows is of feeder <b>[red]ma%{x}$rkup$,")
    assert facts["scenarios"].endswith("48 books of each feeder, 144 in all")
    assert warnings[0].startswith("feeder gone cannot run: network file ")
    of_lines = [one for one in warnings[1:] if "ampacity" in one]
    assert len(of_lines) == 1
    assert of_lines[0].startswith("3 of 3 feeders, such as feeder <b>[red]ma%{x}$rkup$: all 4 lines")


def test_new_begins_with_one_of_many(ran, monkeypatch):
    monkeypatch.chdir(ran[1].parent)
    for network in (".", "f*.json"):
        assert "begin with one of its networks, then name all of them with network.sources" in refused_command(
            "new", "street.toml", "--network", network
        )
