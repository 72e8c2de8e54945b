"""Some scenarios of a study, run alone: their bits, their folder, what is refused, and no statistics."""

import json

import pandas as pd
import pytest

import fastp2p
from fastp2p.results.points import point_keys
from fastp2p.sweep import parts
from fastp2p.sweep.chosen import choose, first_chosen, numbers_in, stretches_in, stretches_text
from tests.support.commands import call
from tests.support.results_folders import interrupted
from tests.support.sweeps import SWEEP, assert_same

NUMBERS = [17, 3, 18]
STOPPING = SWEEP.with_(scenarios={"count": 120, "stop": {"indicator": "executed_kwh", "within": 1e-9, "at_least": 100}})
AUDITED = SWEEP.with_(
    name="audited",
    clearing={"audit": 5},
    network={"v_min_pu": 0.9, "v_max_pu": 1.1},
    load={"profile": {"choice": ["residential_0", "residential_1"], "per": "scenario"}},
    battery={"kwh": 8.0, "buses": "all"},
    scenarios={"count": 20, "exact": True, "sweep": {"battery": [0.3, 0.8]}, "keep": ["hours"]},
)
"""A sampled audit, profiles that are drawn once for all homes, exact shares and swept batteries, with few tables kept."""


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "PART_BOOKS", 240)


@pytest.fixture(scope="module")
def everything():
    return fastp2p.run(SWEEP).tables()


def rows(tables, numbers=NUMBERS):
    return {
        name: table[table.scenario.isin(numbers)].reset_index(drop=True)
        for name, table in tables.items()
        if name != "histograms"
    }


def test_chosen_scenarios_have_the_bits_of_the_whole_study(everything):
    chosen = fastp2p.run(SWEEP, scenarios=NUMBERS, batch_scenarios=1)
    assert chosen.chosen == (range(3, 4), range(17, 19))
    assert_same(chosen.tables(), rows(everything))
    stopping = fastp2p.run(STOPPING, scenarios=range(3, 5))
    assert stopping.stopped_at is None
    assert_same(stopping.tables(), rows(everything, [3, 4]))


@pytest.mark.parametrize("cells", [parts.BATCH_CELLS, 41 * 7])
def test_audits_devices_and_common_draws_have_them_too(cells, monkeypatch):
    monkeypatch.setattr(parts, "BATCH_CELLS", cells)  # the second: a scenario goes through in stretches of steps
    monkeypatch.setattr(parts, "BATCH_PAIRS", 3 * 13**2 // 4)  # which the pairs of trades, kept of the chosen, must not move
    full, chosen = fastp2p.run(AUDITED), fastp2p.run(AUDITED, scenarios=[3, 17])
    assert chosen.scenarios.n_audited.sum() > 0
    assert_same({name: chosen.tables()[name] for name in ("scenarios", "hours")}, rows(full.tables(), [3, 17]))
    assert set(chosen.tables()) == {"scenarios", "hours", "books", "trades", "branches", "participants"}
    one = first_chosen(chosen)
    assert [one.scenarios[key].tolist() for key in (*point_keys(one.scenarios), "scenario")] == [[0.6], [0.8], [3]]
    assert len(one.books) == 24


def test_their_folder_is_resumed_read_and_not_mixed(everything, tmp_path, monkeypatch, no_figures):
    monkeypatch.setattr(parts, "PART_BOOKS", 24)
    out = tmp_path / "out"
    interrupted(out, SWEEP, scenarios=NUMBERS)
    for other in ([17], None):
        with pytest.raises(fastp2p.InputError, match="is of scenarios 3, 17-18 of the study; choose another folder"):
            fastp2p.run(SWEEP, out=out, resume=True, scenarios=other)
    resumed = fastp2p.run(SWEEP, out=out, resume=True, scenarios=NUMBERS)
    again = fastp2p.read_results(out)
    assert again.chosen == resumed.chosen == choose(SWEEP, NUMBERS)
    for one in (resumed, again):
        assert_same(one.tables(), rows(everything))
    assert json.loads((out / "manifest.json").read_text())["scenarios"] == "3, 17-18"
    assert [path.name for path in sorted(out.glob("*.parquet"))] == []
    fastp2p.run(SWEEP, out=out, overwrite=True, scenarios=[5])
    assert fastp2p.read_results(out).scenarios.scenario.tolist() == [5, 5]


def test_the_command_shows_them_one_by_one(elsewhere, tmp_path, no_figures):
    (tmp_path / "mine.toml").write_text(SWEEP.to_toml(), encoding="utf-8")
    shown = call("run", "mine.toml", "--scenarios", "3,17-18").stdout
    assert "each scenario, in kWh" in shown
    assert "no means are taken" in shown
    assert "results/small-sweep-scenarios/" in shown
    told = json.loads(call("run", "mine.toml", "--scenarios", "17", "--json", "--out", "one").stdout)
    assert [row["scenario"] for row in told["scenarios"]] == [17, 17]
    assert "means" not in told


@pytest.mark.parametrize(
    ("scenarios", "message"),
    [
        ([40], "scenarios 40: small-sweep has 0 to 39 at each share"),
        ([-1, 3, 99], "scenarios -1, 99: small-sweep has 0 to 39"),
        ([], "scenarios names none; small-sweep has 0 to 39"),
        (17, r"must be numbers of scenarios, such as \[3, 17\], not 17"),
        ("17", "must be numbers of scenarios"),
        ([True], "must be numbers of scenarios"),
        ([1.5], "must be numbers of scenarios"),
        (range(30, 41), "scenarios 40: small-sweep has"),
    ],
)
@pytest.mark.small
def test_what_the_study_does_not_have_is_refused(scenarios, message):
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.run(SWEEP, scenarios=scenarios)


@pytest.mark.small
def test_numbers_are_read_and_written():
    assert list(numbers_in("3, 10-12", 40)) == [3, 10, 11, 12]
    assert numbers_in("0-39", 40) == range(40)
    for text in ("", "x", "3,", "5-3", "-1", "1--2", "3;4", "1.5"):
        with pytest.raises(fastp2p.InputError, match="must be numbers and ranges"):
            numbers_in(text, 40)
    with pytest.raises(fastp2p.InputError, match="30-40: the study has 40 at each share, numbered from 0"):
        numbers_in("3,30-40", 40)
    for numbers in ([17], [0, 1, 2, 5, 7, 8], range(40)):
        chosen = choose(SWEEP, numbers)
        assert [one for stretch in chosen for one in stretch] == list(numbers)
        assert stretches_in(stretches_text(chosen)) == chosen
    assert pd.isna(stretches_in(stretches_text(None)))
