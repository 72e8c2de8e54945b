"""Electric vehicles in whole studies: what they charge is load of the market, before batteries, the same however it is run."""

import itertools

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.devices import count_vehicles, home_energy
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.sweep import parts
from fastp2p.sweep.prepare import prepare
from tests.oracles.ev import run_ev
from tests.support.sweeps import SWEEP, assert_same

QUARTERS = {"distribution": "choice", "values": [16.25, 17.5, 18.0, 22.75]}
EV = {
    "share": 0.7, "arrival": QUARTERS, "departure": {"distribution": "choice", "values": [6.5, 7.0, 8.25]},
    "kwh": {"distribution": "uniform", "low": 2.0, "high": 40.0}, "kw": 3.7,
}  # fmt: skip
TARIFF = {"hours": "6-9,17-21", "value": 0.4, "else": 0.2}
DRIVEN = SWEEP.with_(ev=EV, market={"retail_per_kwh": TARIFF}, scenarios={"count": 6})
STORED = DRIVEN.with_(battery={"kwh": 8.0}, ev={"rule": "surplus"})
DAYS = 3
NAMES = ("ev_kwh", "ev_unmet_kwh")


@pytest.fixture(scope="module")
def dated():
    """Three days in half hours; a week lies between the second and the third."""
    day = fastp2p.Profiles.load().resampled(0.5)
    time = pd.date_range("2024-06-01", periods=48 * DAYS, freq="30min")
    time = time.where(time < "2024-06-03", time + pd.Timedelta(days=7))
    return fastp2p.Profiles(day.names, day.kinds, np.tile(day.kwh_per_unit, (1, DAYS)), 0.5, pd.DatetimeIndex(time))


def batch_of(study, cigre, profiles=None, share=0.6, numbers=range(4)):
    network, profiles = prepare(study, cigre, profiles)
    drawn = draw_scenarios(study, network, profiles, share, numbers)
    return run_batch(study, network, profiles, drawn, range(profiles.n_steps)), profiles


@pytest.mark.parametrize("rule", ["immediate", "surplus", "cheapest"])
@pytest.mark.parametrize("has_dates", [False, True])
def test_each_home_charges_what_the_definition_says(cigre, dated, has_dates, rule):
    """By the clock of the profiles; a session goes on over days that are left out."""
    batch, profiles = batch_of(DRIVEN.with_(ev={"rule": rule}), cigre, dated if has_dates else None)
    load, pv = home_energy(profiles, batch.scenarios, range(profiles.n_steps))
    shape = (4, profiles.n_steps, -1)
    net, retail = (pv - load).reshape(shape), batch.scenarios.retail_per_kwh.tolist()
    found, drawn = [batch.devices.of[name].reshape(shape) for name in NAMES], batch.scenarios.ev
    for s, b in np.ndindex(4, net.shape[2]):
        kw, arrival, departure, kwh = (float(getattr(drawn, name)[s, b]) for name in ("kw", "arrival", "departure", "kwh"))
        ev, unmet, _ = run_ev(
            net[s, :, b].tolist(), retail, kw=kw, kwh=kwh, arrival=round(60 * arrival), departure=round(60 * departure),
            rule=rule, step=round(60 * profiles.step_hours), cyclic=not has_dates,
        )  # fmt: skip
        np.testing.assert_allclose(found[0][s, :, b], ev, rtol=0, atol=1e-10)
        np.testing.assert_allclose(found[1][s, :, b], unmet, rtol=0, atol=1e-10)
    assert found[0].sum() > 100.0
    assert found[1].any()


def test_load_of_the_market_has_what_is_charged_and_batteries_see_it(cigre):
    batch, profiles = batch_of(STORED, cigre)
    load, pv = home_energy(profiles, batch.scenarios, range(24))
    done = batch.devices.of
    np.testing.assert_array_equal(batch.load_kwh, load + done["ev_kwh"] + done["charged_kwh"])
    left = pv - load - done["ev_kwh"]
    assert (done["charged_kwh"] <= np.maximum(left, 0.0) + 1e-12).all()
    assert (done["discharged_kwh"] <= np.maximum(-left, 0.0) + 1e-12).all()
    assert (done["discharged_kwh"] > np.maximum(load - pv, 0.0) + 0.1).any()  # also for vehicles
    bus = batch.settlement.buses
    served = bus.self_kwh + bus.bought_kwh + bus.retail_kwh + bus.shed_kwh
    expected = (load + done["ev_kwh"] + done["charged_kwh"]).reshape(4, 24, -1).sum(axis=1)
    np.testing.assert_allclose(served, expected, rtol=0, atol=1e-9)


def test_vehicles_that_cannot_be_charged_in_time_are_counted(cigre):
    batch, profiles = batch_of(DRIVEN, cigre, numbers=range(6))
    n_vehicles, n_unmet = count_vehicles(profiles, batch.scenarios)
    unmet = batch.devices.of["ev_unmet_kwh"].reshape(6, 24, -1).any(axis=1)
    assert (n_vehicles, n_unmet) == ((batch.scenarios.ev.kwh > 0.0).sum(), unmet.sum())
    assert 0 < n_unmet < n_vehicles


@pytest.mark.parametrize("none", [{"share": 0.0}, {"kwh": 0.0}, {"kw": 0.0}], ids=str)
@pytest.mark.parametrize("battery", [None, {"kwh": 8.0}], ids=["alone", "beside batteries"])
def test_vehicles_that_are_none_change_no_bit(none, battery):
    plain = DRIVEN.with_(ev=None, battery=battery, scenarios={"count": 3, "shares": [0.6]})
    found = fastp2p.run(plain.with_(ev={**EV, **none}), workers=1).tables()
    expected = fastp2p.run(plain, workers=1).tables()
    assert not found["books"]["ev_kwh"].any()
    assert_same({name: table[expected[name].columns] for name, table in found.items()}, expected)


def test_workers_and_batches_give_the_same_bits():
    expected = fastp2p.run(STORED, workers=1).tables()
    for workers, batch in ((1, 1), (2, 5)):
        assert_same(fastp2p.run(STORED, workers=workers, batch_scenarios=batch).tables(), expected)


@pytest.mark.parametrize("has_dates", [False, True])
def test_ranges_of_scenarios_and_stretches_of_steps_give_the_same_bits(cigre, dated, has_dates):
    profiles = dated if has_dates else None
    whole, chosen = batch_of(STORED, cigre, profiles)
    network, n_steps = prepare(STORED, cigre, profiles)[0], chosen.n_steps
    some = batch_of(STORED, cigre, profiles, numbers=range(1, 3))[0]
    pieces = [
        run_batch(STORED, network, chosen, whole.scenarios, range(*ends)).devices.of
        for ends in itertools.pairwise([0, 7, 20, n_steps])
    ]
    for name in (*NAMES, "charged_kwh"):
        of_whole = whole.devices.of[name].reshape(4, n_steps, -1)
        assert some.devices.of[name].tobytes() == of_whole[1:3].tobytes()
        joined = np.concatenate([piece[name].reshape(4, -1, of_whole.shape[2]) for piece in pieces], axis=1)
        assert joined.tobytes() == of_whole.tobytes()


def test_a_scenario_in_stretches_is_the_whole_one(cigre, dated, monkeypatch):
    study = STORED.with_(scenarios={"count": 2})
    whole = fastp2p.run(study, network=cigre, profiles=dated, workers=1).tables()
    monkeypatch.setattr(parts, "BATCH_CELLS", 13 * 50)
    found = fastp2p.run(study, network=cigre, profiles=dated, workers=1).tables()
    for name, table in whole.items():
        pd.testing.assert_frame_equal(found[name], table, rtol=1e-9, atol=1e-9)
