"""Sweeps over shares of devices: nested and paired points, the same bits however they are run, a row of statistics for each."""

import itertools

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.clearing.answer import STATUS
from fastp2p.cli.check import check_study
from fastp2p.cli.main import app
from fastp2p.io.manifest import PartRecord
from fastp2p.results.points import by_devices, by_point, point_keys, point_text
from fastp2p.results.statistics import compare_shares, find_probabilities, is_narrow, summarise, too_few_audited
from fastp2p.study.points import Point, points_of
from fastp2p.sweep import parts
from fastp2p.sweep.again import run_worst_book
from fastp2p.sweep.prepare import prepare
from tests.support.results_folders import interrupted
from tests.support.sweeps import SWEEP, assert_same

PV, SHARES = (0.2, 0.6), (0.0, 0.25, 0.5)
PLAIN = SWEEP.with_(name="plain", scenarios={"count": 8})
BATTERY = {"kwh": {"distribution": "uniform", "low": 4.0, "high": 60.0}, "buses": "all"}
STUDY = PLAIN.with_(name="points", battery=BATTERY, scenarios={"sweep": {"battery": SHARES}})
POINTS = list(itertools.product(PV, SHARES))
KEYS = ["share", "battery_share"]


@pytest.fixture(scope="module")
def ran():
    return fastp2p.run(STUDY, workers=1)


def at(table, point):
    """The rows of a point, without the column of devices."""
    rows = table[(table[KEYS] == point).all(axis=1)].drop(columns="battery_share")
    return rows.reset_index(drop=True)


def of_share(table, share):
    return table[table["share"] == share].reset_index(drop=True)


# ------------------------------------------------------------------------------------------------------------------- draws


@pytest.mark.parametrize("pv", [None, *PV])
def test_points_are_nested_and_paired(pv):
    drawn = [fastp2p.scenarios(STUDY, range(2, 8), share=pv, devices={"battery": share}) for share in SHARES]
    for one, other in itertools.pairwise(drawn):
        had = one.battery.kwh > 0.0
        assert (one.battery.kwh[had] == other.battery.kwh[had]).all()
        assert (other.battery.kwh > 0.0).sum() > had.sum()
        for name in ("homes", "kwp", "load_profile", "pv_profile", "bid_per_kwh", "ask_per_kwh"):
            assert getattr(one, name).tobytes() == getattr(other, name).tobytes()
    assert [one.device_shares for one in drawn] == [{"battery": share} for share in SHARES]
    several = [fastp2p.scenarios(STUDY, range(8), share=share, devices={"battery": 0.5}).battery.kwh for share in PV]
    assert several[0].tobytes() == several[1].tobytes()


def test_a_point_is_the_study_with_these_shares(ran):
    for pv, share in POINTS:
        alone = fastp2p.run(STUDY.with_(battery={"share": share}, scenarios={"shares": [pv], "sweep": None}), workers=1)
        assert_same({name: at(table, (pv, share)) for name, table in ran.tables().items()}, alone.tables())


def test_without_batteries_nothing_else_changes(ran):
    for name, table in fastp2p.run(PLAIN, workers=1).tables().items():
        for pv in PV:
            found = at(ran.tables()[name], (pv, 0.0))[list(table)]
            pd.testing.assert_frame_equal(found, of_share(table, pv), check_exact=True)


def test_pv_need_not_be_swept():
    study = STUDY.with_(scenarios={"count": 2, "shares": [], "keep": ["hours"]})
    scenarios = fastp2p.run(study, workers=1).scenarios
    assert scenarios[KEYS].drop_duplicates().to_numpy().tolist() == [[1.0, share] for share in SHARES]
    assert [point.share for point in points_of(study)] == [None] * 3


def test_points_come_in_order_and_are_counted(ran):
    assert [(point.share, point.devices["battery"]) for point in points_of(STUDY)] == POINTS
    assert STUDY.n_cases == 8 * 6 == len(ran.scenarios)
    assert points_of(PLAIN) == tuple(Point(share) for share in PV)
    for table in ran.tables().values():
        assert list(table)[:2] == KEYS
        assert [tuple(point.values()) for point, _ in by_point(table)] == POINTS


# ------------------------------------------------------------------------------------------------------------ the same bits


def test_the_same_bits_for_any_workers_batches_and_parts(ran, monkeypatch):
    monkeypatch.setattr(parts, "PART_BOOKS", 72)
    (made,) = parts.cut_into_rounds(STUDY, 24)
    assert len(made) == 18
    assert [(part.number, part.points[0], part.scenarios) for part in made][4] == (
        4, Point(0.2, {"battery": 0.25}), range(3, 6),
    )  # fmt: skip
    for options in ({"workers": 1, "batch_scenarios": 1}, {"workers": 2}):
        assert_same(fastp2p.run(STUDY, **options).tables(), ran.tables())


def test_a_run_that_was_interrupted_goes_on(tmp_path, monkeypatch, no_figures):
    monkeypatch.setattr(parts, "PART_BOOKS", 72)
    study = STUDY.with_(scenarios={"keep": ["books"]})
    interrupted(tmp_path / "out", study)
    resumed = fastp2p.run(study, out=tmp_path / "out", resume=True, workers=1)
    assert_same(resumed.tables(), fastp2p.run(study, workers=1).tables())
    written = {name: pd.read_parquet(tmp_path / "out" / f"{name}.parquet") for name in ("summary", "changes", "probabilities")}
    pd.testing.assert_frame_equal(written["summary"], summarise(resumed.scenarios))
    pd.testing.assert_frame_equal(written["changes"], compare_shares(resumed.scenarios))
    with pytest.raises(fastp2p.InputError, match=r"another study: scenarios\.sweep\.battery differ"):
        fastp2p.run(study.with_(scenarios={"sweep": {"battery": [0.0, 0.25, 0.6]}}), out=tmp_path / "out", resume=True)


def test_rounds_come_in_the_order_of_points(monkeypatch):
    """A study that may stop runs all points up to a number of scenarios, then all of them further."""
    monkeypatch.setattr(parts, "PART_BOOKS", 24 * 50)
    study = STUDY.with_(scenarios={"count": 200, "shares": [0.6], "sweep": {"battery": [0.0, 0.5]}, "keep": []})
    whole = fastp2p.run(study, workers=2)
    for within, stopped_at in ((1e-9, None), (10.0, 100)):
        stop = {"indicator": "executed_kwh", "within": within, "at_least": 100}
        stopped = fastp2p.run(study.with_(scenarios={"stop": stop}), workers=2)
        assert stopped.stopped_at == stopped_at
        expected = whole.scenarios[whole.scenarios["scenario"] < (stopped_at or 200)].reset_index(drop=True)
        assert_same({"scenarios": stopped.scenarios}, {"scenarios": expected})


def test_a_failure_says_its_point(monkeypatch, ran):
    failure = ((0.2, 0.25), 3, 4)
    record = PartRecord(number=0, n_books=24, seconds=1.0, failures=(failure, (0.2, 3, 4)), tables={})
    assert PartRecord.model_validate_json(record.model_dump_json()) == record
    assert not ran.failures
    books = at(ran.books, (0.2, 0.25)).query("scenario == 3")
    monkeypatch.setattr(parts, "FAILED", STATUS.tolist().index(books["status"].iloc[0]))  # as if that were a failure
    done, _ = parts.run_part((STUDY, *prepare(STUDY)), parts.Part(0, (Point(0.2, {"battery": 0.25}),), range(3, 4)))
    assert {at for at, _, _ in done.failures} == {(0.2, 0.25)}
    assert {scenario for _, scenario, _ in done.failures} == {3}


@pytest.mark.slow
def test_books_that_are_run_again_are_of_their_point(cigre):
    ran = fastp2p.run(STUDY.with_(clearing={"audit": True}, network={"limit_factor": 1.0}), network=cigre, workers=1)
    worst = run_worst_book(ran)
    place = (worst.share, worst.devices["battery_share"], worst.scenario, worst.step)
    book = ran.books.set_index([*KEYS, "scenario", "step"]).loc[place]
    inner = worst.ac_vm_pu[cigre.has_band]
    assert (inner.min(), inner.max()) == pytest.approx((book.lowest_vm_pu, book.highest_vm_pu), abs=1e-8)


# -------------------------------------------------------------------------------------------------------------- statistics


def test_statistics_have_a_row_for_each_point(ran):
    summary = summarise(ran.scenarios).set_index([*KEYS, "indicator"])
    probabilities = find_probabilities(ran.scenarios)
    assert probabilities[KEYS].to_numpy().tolist() == [list(point) for point in POINTS]
    for point, probability in zip(POINTS, probabilities["cut_probability"], strict=True):
        rows = at(ran.scenarios, point)
        assert summary.loc[(*point, "charged_kwh"), "mean"] == pytest.approx(rows["charged_kwh"].mean())
        assert summary.loc[(*point, "charged_kwh"), "n"] == 8
        assert probability == (rows[["n_cut", "n_ac_broken"]] > 0).any(axis=1).mean()


def test_changes_are_along_one_share_at_a_time(ran):
    changes = compare_shares(ran.scenarios)
    changes = changes[changes["indicator"] == "import_kwh"].reset_index(drop=True)
    along = [((0.2, share), (0.6, share)) for share in SHARES]
    along += [((pv, one), (pv, other)) for pv in PV for one, other in itertools.pairwise(SHARES)]
    assert list(changes)[:5] == ["share_before", "battery_share_before", *KEYS, "indicator"]
    assert changes[["share_before", "battery_share_before", *KEYS]].to_numpy().tolist() == [[*one, *two] for one, two in along]
    for (before, after), change in zip(along, changes["mean_change"], strict=True):
        difference = at(ran.scenarios, after)["import_kwh"] - at(ran.scenarios, before)["import_kwh"]
        assert change == pytest.approx(difference.mean())
    of_plain = compare_shares(ran.scenarios[ran.scenarios["battery_share"] == 0.5].drop(columns="battery_share"))
    assert list(of_plain)[:3] == ["share_before", "share", "indicator"]


def test_a_hosting_capacity_belongs_to_a_share_of_devices(ran):
    probabilities = find_probabilities(ran.scenarios)
    with pytest.raises(fastp2p.InputError, match=r"has 3 shares of devices, .* such as .*query\('battery_share == 0\.0'\)"):
        fastp2p.find_hosting_capacity(probabilities)
    for devices, rows in by_devices(probabilities):
        alone = rows.drop(columns="battery_share")
        assert fastp2p.find_hosting_capacity(rows) == fastp2p.find_hosting_capacity(alone)
        assert fastp2p.find_hosting_capacity(probabilities.query(f"battery_share == {devices['battery_share']}")) is not None


def test_a_sweep_is_precise_when_every_point_is():
    values = {"share": 0.5, "scenario": range(100), "x": np.linspace(99.0, 101.0, 100)}
    both = pd.concat([pd.DataFrame({**values, "battery_share": share}) for share in (0.0, 0.5)])
    assert is_narrow(both, "x", 0.01)
    both.loc[both["battery_share"] == 0.5, "x"] = np.linspace(0.0, 200.0, 100)
    assert not is_narrow(both, "x", 0.01)
    assert is_narrow(both, "x", 0.2)


def test_words_for_points():
    table = pd.DataFrame({"share": [0.3], "ev_share": [0.5], "battery_share": [0.25], "n_audited": [1]})
    ((point, _),) = by_point(table)
    assert point_keys(table) == ["share", "battery_share", "ev_share"]
    assert point_text(point) == "0.3, batteries 0.25, EVs 0.5"
    assert "at a share of 0.3, batteries 0.25, EVs 0.5: it needs" in too_few_audited(table)


@pytest.mark.slow
def test_market_rules_are_compared_at_each_point():
    study = STUDY.with_(scenarios={"count": 3, "shares": [0.6], "sweep": {"battery": [0.0, 0.5]}})
    table = fastp2p.compare_rules(study, ["ask", "uniform"], workers=1)
    bills = table[table["indicator"] == "bill"].set_index(["battery_share", "rule"])
    for share in (0.0, 0.5):
        alone = study.with_(battery={"share": share}, scenarios={"sweep": None})
        expected = fastp2p.compare_rules(alone, ["ask", "uniform"], workers=1)
        expected = expected[expected["indicator"] == "bill"].set_index("rule")
        assert bills.loc[share, "mean"].tolist() == expected["mean"].tolist()
        assert bills.loc[share, "change"].tolist() == expected["change"].tolist()


# ----------------------------------------------------------------------------------------------------------- the terminal


@pytest.mark.slow
def test_the_terminal_and_the_folder_have_every_point(tmp_path):
    study = STUDY.with_(clearing={"audit": True}, scenarios={"count": 2, "sweep": {"battery": [0.0, 0.5]}, "keep": ["hours"]})
    (tmp_path / "study.toml").write_text(study.to_toml(), encoding="utf-8")
    assert fastp2p.Study.from_toml(tmp_path / "study.toml") == study
    printed = CliRunner().invoke(app, ["run", str(tmp_path / "study.toml"), "--out", str(tmp_path / "out")])
    assert printed.exit_code == 0, printed.output
    rows = [line.split()[:2] for line in printed.output.splitlines()]
    assert [row for row in rows if row[:1] in (["20%"], ["60%"])] == [
        [pv, part] for pv in ("20%", "60%") for part in ("0%", "50%")
    ]
    assert "with batteries 0% voltages" in " ".join(printed.output.split())
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {
        f"{name}.png" for name in ("hours", "energy", "loading", "hosting_capacity", "voltage", "feeder", "ac_error")
    } <= names
    facts, _ = check_study(study)
    assert "with PV at a share of 20%, 60%, batteries at 0%, 50%: 192 books" in facts["scenarios"]
    facts, _ = check_study(study.with_(scenarios={"shares": []}))
    assert facts["scenarios"] == "2 each with the study's PV, batteries at 0%, 50%: 96 books"


# ------------------------------------------------------------------------------------------------------------- wrong input


@pytest.mark.parametrize(
    ("sweep", "told"),
    [
        ({"battery": [0.5, 0.25]}, "scenarios.sweep.battery = [0.5, 0.25]: shares must be ascending, without repeats"),
        ({"battery": [0.5, 0.5]}, "scenarios.sweep.battery = [0.5, 0.5]: shares must be ascending, without repeats"),
        ({"battery": [-0.1, 0.5]}, "scenarios.sweep.battery.0 = -0.1: must be greater than or equal to 0"),
        ({"battery": [0.5, 1.5]}, "scenarios.sweep.battery.1 = 1.5: must be less than or equal to 1"),
        ({"battery": [float("nan")]}, "scenarios.sweep.battery.0 = nan: must be a finite number"),
        ({"battery": []}, "scenarios.sweep.battery = []: must not be empty"),
        ({"battery": 0.5}, "scenarios.sweep.battery = 0.5: must be a list"),
        ({"fridge": [0.5]}, "unknown key scenarios.sweep.fridge; known are battery, ev, heat_pump"),
        ({"pv": [0.5]}, "unknown key scenarios.sweep.pv; did you mean scenarios.shares?"),
        ({"batery": [0.5]}, "unknown key scenarios.sweep.batery; did you mean battery?"),
    ],
)
def test_what_shares_cannot_be(sweep, told):
    with pytest.raises(fastp2p.InputError) as caught:
        PLAIN.with_(battery=BATTERY, scenarios={"sweep": sweep})
    assert list(caught.value.faults) == [told]


def test_devices_that_the_study_does_not_have():
    study = PLAIN.with_(scenarios={"sweep": {"battery": [0.5], "heat_pump": [0.5]}}, load={"profile": "none"})
    with pytest.raises(fastp2p.InputError) as caught:
        fastp2p.run(study)
    missing = [fault for fault in caught.value.faults if fault.startswith("scenarios.sweep")]
    assert missing == [
        "scenarios.sweep.battery: the study has no batteries; add the section battery, or leave its shares out",
        "scenarios.sweep.heat_pump: the study has no heat pumps; add the section heat_pump, or leave its shares out",
    ]
    assert len(caught.value.faults) == 3


def test_too_many_points():
    shares = np.linspace(0.0, 1.0, 101).tolist()
    study = STUDY.with_(scenarios={"shares": shares, "sweep": {"battery": shares}})
    with pytest.raises(fastp2p.InputError, match=r"scenarios\.sweep: 10,201 combinations .*; sweep 10,000 at most"):
        fastp2p.run(study)


@pytest.mark.parametrize(
    ("devices", "told"),
    [
        ({"ev": 0.5}, r"devices\['ev'\]: must be a device whose shares the study sweeps \(battery\)"),
        ({"battery": 1.5}, r"devices\['battery'\] = 1\.5: must lie in 0…1"),
        ({"battery": "half"}, r"devices\['battery'\] = 'half': must lie in 0…1"),
        (0.5, "devices must be shares by device"),
    ],
)
def test_shares_of_draws_that_are_none(devices, told):
    with pytest.raises(fastp2p.InputError, match=told):
        fastp2p.scenarios(STUDY, range(1), devices=devices)


def test_studies_without_a_sweep_are_written_as_ever():
    assert "sweep" not in PLAIN.to_toml().replace(PLAIN.name, "")
    for none in ({}, None, {"battery": None}):
        assert STUDY.with_(scenarios={"sweep": None}).with_(scenarios={"sweep": none}).to_toml() == (
            PLAIN.with_(name="points", battery=BATTERY).to_toml()
        )
