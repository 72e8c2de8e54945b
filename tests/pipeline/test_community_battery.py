"""The battery of a community: run on the sum of its participants, in the flows of the network, and in nobody's trades."""

import math

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.devices import run_devices
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.sweep import parts
from fastp2p.sweep.prepare import prepare
from tests.oracles.devices import cyclic_states, run_battery
from tests.support.sweeps import SWEEP, assert_same

PLAIN = SWEEP.with_(scenarios={"count": 6})
SHARED = {"bus": 5, "kwh": 120.0, "kw": 40.0, "efficiency": 0.81, "lowest": 0.1, "first": 0.3}
STUDY = PLAIN.with_(community_battery=SHARED)
HOMES = {"kwh": 8.0, "share": 0.6}
NAMES = ("community_charged_kwh", "community_discharged_kwh", "community_stored_kwh")
BATTERY = {"kwh": 120.0, "limit_kwh": 40.0, "lowest_kwh": 12.0, "one_way": 0.9}
DAYS = 4


@pytest.fixture(scope="module")
def dated():
    """Days with dates, each a little darker than the one before."""
    day = fastp2p.Profiles.load()
    is_pv = np.array([kind == "pv" for kind in day.kinds])
    kwh = [np.where(is_pv[:, None], (1.0 - 0.2 * i), 1.0) * day.kwh_per_unit for i in range(DAYS)]
    time = pd.date_range("2024-06-01", periods=24 * DAYS, freq="h")
    return fastp2p.Profiles(day.names, day.kinds, np.concatenate(kwh, axis=1), time=time)


@pytest.fixture(scope="module")
def ran():
    return fastp2p.run(STUDY, workers=1)


@pytest.fixture(scope="module")
def plain():
    return fastp2p.run(PLAIN, workers=1)


def batch_of(study, profiles=None, share=0.6, numbers=range(3), steps=None):
    network, profiles = prepare(study, None, profiles)
    drawn = draw_scenarios(study, network, profiles, share, numbers)
    return run_batch(study, network, profiles, drawn, steps or range(profiles.n_steps))


@pytest.mark.parametrize("homes", [None, HOMES], ids=["alone", "after the homes' own"])
@pytest.mark.parametrize("has_dates", [False, True])
def test_it_stores_what_all_participants_have_over_together(dated, has_dates, homes):
    batch = batch_of(STUDY.with_(battery=homes), dated if has_dates else None)
    n_steps = len(batch.steps)
    net_kwh = (batch.pv_kwh - batch.load_kwh).reshape(3, n_steps, -1).tolist()
    found = [batch.devices.shared[name].reshape(3, n_steps) for name in NAMES]
    assert found[0].sum() > 10.0
    for scenario in range(3):
        together = [math.fsum(step) for step in net_kwh[scenario]]
        first = 36.0 if has_dates else cyclic_states(together, tolerance=1e-12, **BATTERY)[0]
        expected = run_battery(together, first_kwh=first, **BATTERY)
        for name, energy in zip(NAMES, expected, strict=True):
            np.testing.assert_allclose(batch.devices.shared[name].reshape(3, -1)[scenario], energy, rtol=0, atol=1e-9)


def test_it_is_in_the_network_and_not_in_the_market(ran, plain):
    free = {"network": {"limits": []}}
    one, other = (fastp2p.run(study.with_(**free), workers=1) for study in (STUDY, PLAIN))
    columns = list(other.participants)
    pd.testing.assert_frame_equal(one.participants[columns], other.participants[columns], check_exact=True)
    assert one.trades.equals(other.trades)
    drawn = one.books["community_charged_kwh"] - one.books["community_discharged_kwh"]
    np.testing.assert_allclose(one.books["slack_kwh"], other.books["slack_kwh"] + drawn, atol=1e-9)
    assert (one.scenarios["peak_import_kw"] < other.scenarios["peak_import_kw"]).any()
    assert (ran.books["worst_loading_percent"] != plain.books["worst_loading_percent"]).any()


def test_it_injects_at_its_bus_without_reactive_power():
    study = {"network": {"limit_factor": 1.0}, "clearing": {"audit": True, "surplus": "export"}}
    batch, without = batch_of(STUDY.with_(**study)), batch_of(PLAIN.with_(**study))
    network = prepare(STUDY)[0]
    at = np.searchsorted(batch.scenarios.connected, network.positions([5]))
    assert len(batch.scenarios.connected) == len(batch.scenarios.participant) + 1
    shared = batch.devices.shared
    given = shared["community_discharged_kwh"] - shared["community_charged_kwh"]
    np.testing.assert_allclose(batch.clearing.floor.kw[:, at[0]], given, atol=1e-12)
    assert (batch.clearing.floor.kvar[:, at] == 0.0).all()
    np.testing.assert_array_equal(np.delete(batch.clearing.floor.kw, at, axis=1), without.clearing.floor.kw)


@pytest.mark.parametrize("change", [{}, {"clearing": {"audit": True}, "network": {"limit_factor": 1.0}}], ids=["dc", "ac"])
def test_energy_is_balanced(change):
    background = [{"buses": "loads", "load": "residential_1", "size": 0.3}]
    ran = fastp2p.run(STUDY.with_(participants={"background": background}, battery=HOMES, **change), workers=1)
    for table in (ran.books, ran.scenarios):
        shared = table["background_kwh"] + table["community_charged_kwh"] - table["community_discharged_kwh"]
        drawn = table["import_kwh"] - table["export_kwh"] + shared + table.get("losses_kwh", 0.0)
        np.testing.assert_allclose(table["slack_kwh"], drawn, atol=1e-9)
    books, stored = ran.books, ran.books["community_stored_kwh"].to_numpy().reshape(-1, 24)
    gained = books["community_charged_kwh"] - books["community_discharged_kwh"] - books["community_lost_kwh"]
    change = np.diff(stored, axis=1, prepend=stored[:, -1:])
    np.testing.assert_allclose(gained.to_numpy().reshape(-1, 24), change, atol=1e-9)
    assert ran.scenarios["community_stored_kwh"].tolist() == stored[:, -1].tolist()
    hours = ran.hours.groupby(["share", "scenario"])["community_lost_kwh"].sum().to_numpy()
    np.testing.assert_allclose(ran.scenarios["community_lost_kwh"], hours, atol=1e-9)
    assert not [name for name in ran.participants if name.startswith("community")]


def test_the_baseline_has_it(ran, plain):
    books = ran.books
    net = books["baseline_import_kwh"] - books["baseline_export_kwh"]
    net += books["community_charged_kwh"] - books["community_discharged_kwh"]
    peak = net.groupby([books["share"], books["scenario"]]).max().clip(lower=0.0)
    np.testing.assert_allclose(ran.scenarios["baseline_peak_import_kw"], peak, atol=1e-9)
    assert (ran.scenarios["baseline_bill"] == plain.scenarios["baseline_bill"]).all()


@pytest.mark.parametrize("homes", [None, HOMES])
@pytest.mark.parametrize("none", [{"kwh": 0.0}, {"kw": 0.0}])
def test_one_that_stores_nothing_changes_no_bit(none, homes):
    plain = PLAIN.with_(battery=homes)
    found = fastp2p.run(plain.with_(community_battery={**SHARED, **none}), workers=1).tables()
    expected = fastp2p.run(plain, workers=1).tables()
    moved = [name for name in found["books"] if name.startswith("community") and name != "community_stored_kwh"]
    assert len(moved) == 3
    assert (found["books"][moved] == 0.0).all(axis=None)
    assert_same({name: table[expected[name].columns] for name, table in found.items()}, expected)


def test_workers_and_batches_give_the_same_bits(ran):
    for workers, batch in ((1, 1), (2, 5), (2, None)):
        assert_same(fastp2p.run(STUDY, workers=workers, batch_scenarios=batch).tables(), ran.tables())


@pytest.mark.parametrize("made", [False, True])
def test_stretches_of_steps_keep_the_state(dated, made):
    """Whether what it does is made once, or again for every stretch."""
    whole = batch_of(STUDY, dated)
    network, profiles = prepare(STUDY, None, dated)
    devices = run_devices(STUDY, profiles, whole.scenarios) if made else None
    piece = run_batch(STUDY, network, profiles, whole.scenarios, range(30, 41), devices)
    for name in NAMES:
        part = whole.devices.shared[name].reshape(3, -1)[:, 30:41]
        assert piece.devices.shared[name].tobytes() == part.tobytes()


def test_a_scenario_in_stretches_is_the_whole_one(dated, monkeypatch):
    study = STUDY.with_(scenarios={"count": 2})
    whole = fastp2p.run(study, profiles=dated, workers=1).tables()
    monkeypatch.setattr(parts, "BATCH_CELLS", 13 * 50)
    found = fastp2p.run(study, profiles=dated, workers=1).tables()
    for name, table in whole.items():
        pd.testing.assert_frame_equal(found[name], table, rtol=1e-9, atol=1e-9)


def test_what_is_refused():
    for bus, message in ((999, "bus 999 does not exist"), (0, "bus 0 is an external grid's")):
        with pytest.raises(fastp2p.InputError, match=rf"community_battery\.bus: {message}"):
            prepare(PLAIN.with_(community_battery={"bus": bus, "kwh": 5.0}))
    with pytest.raises(fastp2p.InputError, match=r"community_battery = .*first = 0\.1 is below lowest = 0\.2"):
        PLAIN.with_(community_battery={**SHARED, "first": 0.1, "lowest": 0.2})
    with pytest.raises(fastp2p.InputError) as caught:
        PLAIN.with_(community_battery={"kwh": -1.0, "efficiency": 0.0})
    assert sorted(fault.partition(" ")[0] for fault in caught.value.faults) == [
        "community_battery.bus", "community_battery.efficiency", "community_battery.kwh",
    ]  # fmt: skip
