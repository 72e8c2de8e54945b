"""All devices of homes at once, with background and a battery of the community: balances, order, and the same bits."""

import numpy as np
import pytest

import fastp2p
from fastp2p.pipeline.devices import run_devices
from fastp2p.sweep import parts
from fastp2p.sweep.prepare import prepare
from tests.support.sweeps import SWEEP, assert_same

KEPT = ("hours", "books", "participants")
HOUSE = {
    "kw": 2.0,
    "resistance_k_per_kw": 5.0,
    "capacity_kwh_per_k": 8.0,
    "temperature_c": {"series": [0.0] * 12 + [12.0] * 12},
}
DEVICES = {
    "heat_pump": {"share": 0.6, **HOUSE, "cop": 3.0, "rule": "surplus"},
    "ev": {"share": 0.5, "rule": "surplus", "arrival": {"distribution": "uniform", "low": 9.0, "high": 20.0}},
    "battery": {
        "buses": "all",
        "share": 0.7,
        "kwh": {"distribution": "uniform", "low": 3.0, "high": 12.0},
        "efficiency": {"distribution": "uniform", "low": 0.8, "high": 0.95},
        "lowest": 0.05,
    },
}
BESIDE = {
    "participants": {"background": [{"buses": "all", "load": "commercial_0", "size": 0.02}]},
    "community_battery": {"bus": 8, "kwh": 30.0},
}
STUDY = SWEEP.with_(name="all-devices", scenarios={"count": 6, "shares": [0.2, 0.7], "keep": KEPT}, **DEVICES, **BESIDE)
TINY = {"rtol": 0.0, "atol": 1e-9}


@pytest.fixture(scope="module")
def ran():
    return fastp2p.run(STUDY, workers=1)


@pytest.mark.parametrize("table", ["books", "scenarios", "participants"])
def test_energy_is_neither_made_nor_lost(ran, table):
    of = getattr(ran, table)
    for name in ("heat_pump_kwh", "ev_kwh", "charged_kwh", "discharged_kwh"):
        assert of[name].sum() > 10.0, name
    if table != "participants":
        bought, sold = of.executed_kwh, of.executed_kwh
        used = of.load_kwh + of.charged_kwh - of.self_kwh - bought - of.import_kwh - of.shed_kwh
        given = of.pv_kwh + of.discharged_kwh - of.self_kwh - sold - of.export_kwh - of.spilled_kwh
        np.testing.assert_allclose(used, 0.0, **TINY)
        np.testing.assert_allclose(given, 0.0, **TINY)
        beside = of.background_kwh + of.community_charged_kwh - of.community_discharged_kwh
        losses = of.slack_kwh - (of.import_kwh - of.export_kwh + beside)
        np.testing.assert_allclose(losses, losses.iloc[0] if table == "books" else losses.mean(), **TINY)  # iron losses alone
    lost = of.charged_kwh - of.discharged_kwh - of.battery_lost_kwh
    if table != "books":
        np.testing.assert_allclose(lost, 0.0, **TINY)  # typical days end as they begin


def test_load_is_what_profiles_heat_pumps_and_vehicles_draw(ran):
    plain = fastp2p.run(STUDY.with_(heat_pump=None, ev=None, battery=None), workers=1)
    for table in ("books", "participants", "scenarios"):
        with_, without = getattr(ran, table), getattr(plain, table)
        np.testing.assert_allclose(with_.load_kwh - with_.heat_pump_kwh - with_.ev_kwh, without.load_kwh, **TINY)
        np.testing.assert_allclose(with_.pv_kwh, without.pv_kwh, **TINY)


def test_each_device_sees_what_those_before_it_leave():
    """A vehicle does what it does without batteries, and a heat pump what it does without either."""
    _, profiles = prepare(STUDY)
    drawn = fastp2p.scenarios(STUDY, range(6), share=0.7)
    whole = run_devices(STUDY, profiles, drawn).of
    for left_out, kept in ((("battery",), ("heat_pump_kwh", "ev_kwh")), (("battery", "ev"), ("heat_pump_kwh",))):
        study = STUDY.with_(**dict.fromkeys(left_out))
        some = run_devices(study, profiles, fastp2p.scenarios(study, range(6), share=0.7)).of
        for name in kept:
            np.testing.assert_array_equal(some[name], whole[name])


def test_any_workers_batches_and_parts_give_the_same_bits(ran, monkeypatch):
    assert_same(fastp2p.run(STUDY, workers=2).tables(), ran.tables())
    for batch in (1, 4):
        assert_same(fastp2p.run(STUDY, workers=1, batch_scenarios=batch).tables(), ran.tables())
    monkeypatch.setattr(parts, "PART_BOOKS", 48)
    assert_same(fastp2p.run(STUDY, workers=1).tables(), ran.tables())


@pytest.mark.slow
def test_the_street_of_2030():
    pytest.importorskip("simbench")
    study = fastp2p.studies()["homes-2030"].with_(scenarios={"count": 2, "keep": ["participants"]})
    scenarios = fastp2p.run(study).scenarios
    assert len(scenarios) == 2 * 2 * 3
    assert (scenarios.n_failed == 0).all()
    own = scenarios.groupby(["share", "battery_share"]).self_sufficiency.mean().unstack()
    assert (own.diff(axis=1).iloc[:, 1:] > 0.0).all(axis=None), "batteries raise self-sufficiency"
    assert (scenarios.ev_kwh > 0.0).all()
    assert (scenarios.heat_pump_kwh > 0.0).all()
