"""What batteries add to the tables: balances of books, scenarios and participants, stored and lost energy, shares."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.main import app
from fastp2p.cli.sweep_table import battery_text
from fastp2p.errors import InputError
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.devices import DeviceRun
from fastp2p.pipeline.reduce import join_steps, reduce_batch
from fastp2p.results.columns import AUDIT_INDICATORS, DEVICE_INDICATORS, INDICATORS, columns_of
from fastp2p.results.statistics import summarise
from fastp2p.results.tables import make_columns, make_frames
from fastp2p.study.points import Point
from fastp2p.sweep import parts
from fastp2p.sweep.prepare import prepare
from tests.support.sweeps import SWEEP, assert_same, part_tables

PLAIN = SWEEP.with_(name="no-batteries", scenarios={"count": 5, "shares": [0.2, 0.8]})
BATTERY = {"share": 0.7, "kwh": {"distribution": "uniform", "low": 3.0, "high": 12.0}, "efficiency": 0.81, "lowest": 0.1}
STUDY = PLAIN.with_(name="batteries", battery=BATTERY)
ETA = 0.9
"""One way."""
KEPT = ("scenarios", "hours", "books", "participants")
OF_ENERGY = ["charged_kwh", "discharged_kwh", "battery_lost_kwh"]


@pytest.fixture(scope="module")
def ran():
    return fastp2p.run(STUDY, workers=1)


@pytest.fixture(scope="module")
def plain():
    return fastp2p.run(PLAIN, workers=1)


@pytest.fixture(scope="module")
def dated():
    """The same day with a date: it begins with half of the capacity, and need not end so."""
    typical = fastp2p.Profiles.load()
    time = pd.date_range("2021-06-21", periods=24, freq="h", tz="UTC")
    profiles = fastp2p.Profiles(typical.names, typical.kinds, typical.kwh_per_unit, typical.step_hours, time)
    return fastp2p.run(STUDY, profiles=profiles, workers=1)


def assert_balanced(table, bought="executed_kwh", sold="executed_kwh", retail="import_kwh", exported="export_kwh"):
    drawn = table[["self_kwh", bought, retail, "shed_kwh"]].sum(axis=1)
    np.testing.assert_allclose(table["load_kwh"] + table["charged_kwh"], drawn, rtol=1e-12, atol=1e-9)
    if "spilled_kwh" in table:
        fed = table[["self_kwh", sold, exported, "spilled_kwh"]].sum(axis=1)
        np.testing.assert_allclose(table["pv_kwh"] + table["discharged_kwh"], fed, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("rules", [{}, {"unserved": "shed"}, {"surplus": "spill"}, {"surplus": "curtailable"}])
def test_energy_is_balanced_in_every_table(rules):
    ran = fastp2p.run(STUDY.with_(clearing=rules), workers=1)
    for table in (ran.books, ran.scenarios, ran.hours):
        assert_balanced(table)
    assert_balanced(ran.participants, "bought_kwh", "sold_kwh", "retail_kwh", "exported_kwh")
    net_kwh = ran.books["load_kwh"] + ran.books["charged_kwh"] - ran.books["pv_kwh"] - ran.books["discharged_kwh"]
    without = ran.books["baseline_import_kwh"] - ran.books["baseline_export_kwh"]
    if rules.get("surplus") != "spill":
        np.testing.assert_allclose(without, net_kwh, atol=1e-9)
    assert (ran.scenarios.groupby("share")[OF_ENERGY].mean() > 1.0).all(axis=None)


def test_batteries_of_a_tariff_that_deal_with_the_retailer_make_shares_negative():
    """They charge at night from the grid, and export in the evening: the retailer serves more than the load."""
    tariff = {"hours": "18-24", "value": 0.4, "else": 0.2}
    study = PLAIN.with_(
        pv={"kwp": 0.1}, battery={"kwh": 40.0, "kw": 20.0, "buses": "all", "rule": "tariff"}, market={"retail_per_kwh": tariff}
    )
    of = fastp2p.run(study, workers=1).scenarios
    served = of.load_kwh - of.import_kwh - of.shed_kwh
    used = of.pv_kwh - of.export_kwh - of.spilled_kwh
    assert (served < -100.0).all()
    np.testing.assert_allclose(of.self_sufficiency, served / of.load_kwh, rtol=1e-9)
    np.testing.assert_allclose(of.self_consumption, used / of.pv_kwh, rtol=1e-9)


def test_a_battery_without_load_and_pv_counts_among_those_who_save():
    """At bus 16 there is nothing but a battery, which buys at night and sells in the evening."""
    tariff = {"hours": "18-24", "value": 0.4, "else": 0.2}
    study = PLAIN.with_(
        participants={"buses": [12, 16, 17]}, load={"buses": [12]}, pv={"buses": [16, 17], "kwp": [0.0, 0.1]},
        battery={"kwh": 4.0, "buses": [16], "rule": "tariff", "share": 1.0},
        market={"retail_per_kwh": tariff, "bid_per_kwh": 0.3}, scenarios={"count": 1, "shares": [], "keep": ["participants"]},
    )  # fmt: skip
    ran = fastp2p.run(study)
    (row,), saving = ran.scenarios.to_dict("records"), ran.participants.set_index("bus").saving
    assert saving[16] != 0.0
    assert (row["least_saving"], row["greatest_saving"]) == (pytest.approx(saving.min()), pytest.approx(saving.max()))
    assert row["jain_saving"] == pytest.approx(saving.sum() ** 2 / (3 * (saving**2).sum()))


def test_load_and_pv_are_those_of_the_profiles(ran, plain):
    for name in KEPT:
        with_batteries, without = ran.tables()[name], plain.tables()[name]
        for column in ("load_kwh", "pv_kwh"):
            np.testing.assert_allclose(with_batteries[column], without[column], rtol=1e-12, atol=1e-12)
            assert (with_batteries[column][without[column] == 0.0] == 0.0).all()


def test_only_studies_with_batteries_have_these_columns(ran, plain):
    for name, table in ran.tables().items():
        known = [one for one in columns_of(name).values() if not (one.audit or one.phases or one.swept)]
        known = [one for one in known if one.device in ("", "battery") and not one.name.endswith("time")]
        assert set(table) == {one.name for one in known}, name
        assert list(plain.tables()[name]) == [column for column in table if not columns_of(name)[column].device], name
    of_batteries = {one.name for one in columns_of("participants").values() if one.device == "battery"}
    assert of_batteries == {"battery_kwh", "stored_kwh", *OF_ENERGY}


def test_batteries_without_capacity_change_nothing(plain):
    """But for columns of their own."""
    empty = fastp2p.run(PLAIN.with_(battery={"kwh": 0.0}), workers=1)
    for name, table in plain.tables().items():
        pd.testing.assert_frame_equal(empty.tables()[name][list(table)], table, check_exact=True)
        added = [column for column in empty.tables()[name] if column not in table]
        assert not empty.tables()[name][added].any(axis=None)


def change_of_stored(ran, first_kwh=None):
    """By scenario, a row each: change of what all batteries together store, step by step."""
    stored = ran.books["stored_kwh"].to_numpy().reshape(len(ran.scenarios), -1)
    before = stored[:, -1:] if first_kwh is None else first_kwh.to_numpy()[:, None]
    return np.diff(stored, prepend=before)


@pytest.mark.parametrize("has_dates", [False, True])
def test_what_is_charged_is_stored_discharged_or_lost(ran, dated, has_dates):
    one = dated if has_dates else ran
    who = one.participants.assign(first_kwh=one.participants["battery_kwh"] * 0.5)
    of_scenario = who.groupby(["share", "scenario"])
    first_kwh = of_scenario["first_kwh"].sum() if has_dates else None
    change = change_of_stored(one, first_kwh)
    charged, discharged, lost = (one.books[name].to_numpy().reshape(change.shape) for name in OF_ENERGY)
    np.testing.assert_allclose(charged - discharged - lost, change, atol=1e-7)
    np.testing.assert_allclose(lost, (1.0 - ETA) * charged + (1.0 / ETA - 1.0) * discharged, atol=1e-12)
    rows = one.scenarios
    stored = one.books["stored_kwh"].to_numpy().reshape(change.shape)
    assert rows["stored_kwh"].tolist() == stored[:, -1].tolist()
    np.testing.assert_allclose(rows[OF_ENERGY], np.stack([charged, discharged, lost]).sum(axis=2).T, rtol=1e-12)
    np.testing.assert_allclose(of_scenario[[*OF_ENERGY, "stored_kwh"]].sum(), rows[[*OF_ENERGY, "stored_kwh"]], rtol=1e-12)
    gained = who["stored_kwh"] - who["first_kwh"] if has_dates else 0.0
    np.testing.assert_allclose(who[OF_ENERGY] @ [1.0, -1.0, -1.0], gained, atol=1e-7)
    of_days = one.hours.groupby(["share", "scenario"])[OF_ENERGY].sum()
    np.testing.assert_allclose(of_days, rows[OF_ENERGY], rtol=1e-12)


def test_participants_have_the_batteries_that_are_drawn(ran):
    for share, rows in ran.participants.groupby("share"):
        drawn = fastp2p.scenarios(STUDY, range(5), share=share)
        assert rows["battery_kwh"].tolist() == drawn.battery.kwh.ravel().tolist()
        has = rows["battery_kwh"] > 0.0
        assert not rows.loc[~has, [*OF_ENERGY, "stored_kwh"]].any(axis=None)
        assert (rows["stored_kwh"] >= 0.1 * rows["battery_kwh"]).all()
        assert (rows["stored_kwh"] <= rows["battery_kwh"]).all()
        assert 0.0 < has.mean() < 1.0


def test_shares_are_what_the_retailer_does_not_serve_and_what_does_not_leave(ran):
    rows, used = ran.scenarios, ran.scenarios["self_kwh"] + ran.scenarios["executed_kwh"]
    np.testing.assert_allclose(rows["self_sufficiency"], (used - rows["charged_kwh"]) / rows["load_kwh"])
    np.testing.assert_allclose(rows["self_consumption"], (used - rows["discharged_kwh"]) / rows["pv_kwh"])
    served = rows["load_kwh"] - rows["import_kwh"] - rows["shed_kwh"]
    np.testing.assert_allclose(rows["self_sufficiency"], served / rows["load_kwh"])
    left = rows["pv_kwh"] - rows["export_kwh"] - rows["spilled_kwh"]
    np.testing.assert_allclose(rows["self_consumption"], left / rows["pv_kwh"])


def test_the_baseline_has_the_batteries(ran, plain):
    """Each takes what its home would have exported, and gives what it would have imported."""
    for name in ("scenarios", "books"):
        one, other = ran.tables()[name], plain.tables()[name]
        np.testing.assert_allclose(other["baseline_import_kwh"] - one["baseline_import_kwh"], one["discharged_kwh"], atol=1e-9)
        np.testing.assert_allclose(other["baseline_export_kwh"] - one["baseline_export_kwh"], one["charged_kwh"], atol=1e-9)


def test_statistics_have_them_in_the_order_of_the_table(ran, plain):
    summary = summarise(ran.scenarios)
    assert summary["indicator"].unique().tolist() == [name for name in ran.scenarios if name not in ("share", "scenario")]
    assert set(summary["indicator"]) == {*INDICATORS, *DEVICE_INDICATORS["battery"]}
    assert set(summarise(plain.scenarios)["indicator"]) == set(INDICATORS)
    assert not set(DEVICE_INDICATORS["battery"]) & {*INDICATORS, *AUDIT_INDICATORS}


def test_a_sweep_may_stop_by_them():
    stop = {"indicator": "charged_kwh", "within": 0.1}
    prepare(STUDY.with_(scenarios={"stop": stop}))
    with pytest.raises(InputError, match=r"scenarios\.stop\.indicator = 'charged_kwh'"):
        prepare(PLAIN.with_(scenarios={"stop": stop}))


def test_no_table_depends_on_the_size_of_batches(ran, monkeypatch):
    work = (STUDY, *prepare(STUDY))
    part = parts.Part(0, (Point(0.8),), range(5))
    expected, alone = (part_tables(work, part, size) for size in (None, 1))
    assert_same(alone, expected)
    monkeypatch.setattr(parts, "books_at_a_time", lambda *_: 7)
    stretches = part_tables(work, part)
    for name in KEPT:
        pd.testing.assert_frame_equal(stretches[name], expected[name], rtol=1e-9, atol=1e-9)


# batches by hand: load and PV of a run, and energy at the batteries that nothing connects to them


def by_hand(load_kwh=None):
    """Two scenarios through three steps, with what their batteries charge, discharge and store."""
    study = PLAIN.with_(scenarios={"count": 2, "shares": [0.5]})
    network, profiles = prepare(study)
    drawn = fastp2p.scenarios(STUDY, range(2), share=0.5)
    batch = run_batch(study, network, profiles, dataclasses.replace(drawn, battery=None), range(10, 13))
    rng = np.random.default_rng(5)
    names = ("charged_kwh", "discharged_kwh", "battery_lost_kwh", "stored_kwh")
    load_kwh = batch.load_kwh if load_kwh is None else np.full_like(batch.load_kwh, load_kwh)
    devices = DeviceRun(load_kwh, batch.pv_kwh, {name: rng.uniform(0.0, 2.0, batch.load_kwh.shape) for name in names})
    load_kwh, pv_kwh = devices.with_batteries()
    changed = dataclasses.replace(batch, scenarios=drawn, devices=devices, load_kwh=load_kwh, pv_kwh=pv_kwh)
    return batch, changed, network


def test_sums_of_a_batch_by_hand():
    batch, changed, network = by_hand()
    devices, reduced = changed.devices, reduce_batch(changed, network, KEPT)
    tables = make_frames([make_columns(reduced, network, KEPT)])
    books, who = tables["books"], tables["participants"]
    for name in ("charged_kwh", "discharged_kwh", "stored_kwh"):
        np.testing.assert_allclose(books[name], devices.of[name].sum(axis=1))
    assert tables["scenarios"]["stored_kwh"].tolist() == books["stored_kwh"][[2, 5]].tolist()
    by_bus = {name: devices.of[name].reshape(2, 3, -1) for name in ("charged_kwh", "stored_kwh")}
    np.testing.assert_allclose(who["charged_kwh"], by_bus["charged_kwh"].sum(axis=1).ravel())
    assert who["stored_kwh"].tolist() == by_bus["stored_kwh"][:, 2].ravel().tolist()
    np.testing.assert_allclose(books["load_kwh"], batch.settlement.books.load_kwh)
    np.testing.assert_allclose(who["pv_kwh"], batch.settlement.buses.pv_kwh.ravel())
    assert who["battery_kwh"].tolist() == changed.scenarios.battery.kwh.ravel().tolist()


def test_a_load_that_is_all_charging_is_no_load():
    _, changed, network = by_hand(load_kwh=0.0)
    tables = make_frames([make_columns(reduce_batch(changed, network, KEPT), network, KEPT)])
    for name in KEPT:
        assert (tables[name]["load_kwh"] == 0.0).all()
    assert tables["scenarios"]["self_sufficiency"].isna().all()


def test_stretches_of_steps_have_the_sums_and_the_last_state():
    _, changed, network = by_hand()
    one = reduce_batch(changed, network, KEPT)
    later = dataclasses.replace(one, devices={**one.devices, "stored_kwh": one.devices["stored_kwh"] + 1.0})
    joined = join_steps([one, later]).devices
    assert np.array_equal(joined["stored_kwh"], later.devices["stored_kwh"])
    for name in OF_ENERGY:
        assert np.array_equal(joined[name], 2.0 * one.devices[name])


def test_the_terminal_has_means(tmp_path, no_figures):
    rows = {"charged_kwh": [1.0, 3.0, 5.0], "discharged_kwh": [0.0, 2.0, 4.0], "battery_lost_kwh": [0.2, 0.4, 0.5]}
    scenarios = pd.DataFrame({"share": [0.1, 0.1, 0.9], **rows})
    assert battery_text(scenarios) == "(charged, discharged and lost; means by share): 2.0, 1.0 and 0.3; 5.0, 4.0 and 0.5 kWh"
    assert battery_text(scenarios[2:]) == "(charged, discharged and lost; means): 5.0, 4.0 and 0.5 kWh"
    for study in (PLAIN, STUDY):
        short = study.with_(scenarios={"count": 2})
        (tmp_path / "study.toml").write_text(short.to_toml(), encoding="utf-8")
        printed = CliRunner().invoke(app, ["run", str(tmp_path / "study.toml"), "--out", str(tmp_path / study.name)])
        assert printed.exit_code == 0, printed.output
        assert ("charged, discharged and lost; means by share" in " ".join(printed.output.split())) == (study is STUDY)
