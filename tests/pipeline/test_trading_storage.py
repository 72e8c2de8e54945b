"""Batteries that trade beside their definition: energy, money and limits, in streets with room and without."""

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.pipeline import trading_storage
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.pipeline.trading_storage import run_storage
from fastp2p.sweep.prepare import prepare
from tests.oracles.trading_storage import run_scenario
from tests.support.sweeps import SWEEP, assert_same

BATTERY = {
    "kwh": {"distribution": "uniform", "low": 4.0, "high": 60.0}, "share": 0.7, "buses": "all", "lowest": 0.1,
    "rule": "market", "value_per_kwh": {"hours": "17-22", "value": 0.14, "else": 0.08},
}  # fmt: skip
TRADING = SWEEP.with_(
    battery=BATTERY, scenarios={"count": 12}, market={"ask_per_kwh": {"distribution": "uniform", "low": 0.04, "high": 0.12}}
)
WAYS = {
    "narrow": {},
    "shed": {"clearing": {"unserved": "shed", "surplus": "spill"}},
    "wide": {"network": {"limit_factor": 1.0}, "clearing": {"surplus": "export"}},
    "welfare": {"clearing": {"objective": "welfare"}, "market": {"pricing": "midpoint"}},
    "pro rata": {"clearing": {"objective": "pro_rata", "unserved": "shed"}, "battery": {"value_per_kwh": 0.1}},
    "gross": {"market": {"orders": "gross", "ties": "order"}, "clearing": {"surplus": "export"}},
    "volume": {"market": {"priority": "volume"}, "battery": {"efficiency": 1.0}},
    "lindistflow": {"clearing": {"physics": "lindistflow", "unserved": "shed"}},
}
SUMS = {"rtol": 0, "atol": 1e-9}
DAYS = 6


@pytest.fixture(scope="module")
def dated():
    """Some days with dates, each a little darker than the one before."""
    day = fastp2p.Profiles.load()
    is_pv = np.array([kind == "pv" for kind in day.kinds])
    kwh = [np.where(is_pv[:, None], (1.0 - 0.1 * i), 1.0) * day.kwh_per_unit for i in range(DAYS)]
    time = pd.date_range("2024-06-01", periods=24 * DAYS, freq="h")
    return fastp2p.Profiles(day.names, day.kinds, np.concatenate(kwh, axis=1), time=time)


def batch_of(study, network, profiles=None, share=0.6, numbers=range(3)):
    network, profiles = prepare(study, network, profiles)
    drawn = draw_scenarios(study, network, profiles, share, numbers)
    return run_batch(study, network, profiles, drawn, range(profiles.n_steps)), network, profiles


def by_scenario(batch, array):
    return array.reshape(len(batch.scenarios.number), len(batch.steps), -1)


# ------------------------------------------------------------------------------------------------------------- what it does


@pytest.mark.parametrize("way", WAYS)
def test_each_home_does_what_the_definition_says(cigre, way):
    study = TRADING.with_(**WAYS[way])
    batch, network, profiles = batch_of(study, cigre)
    drawn, books = batch.scenarios, batch.settlement.books
    stored = by_scenario(batch, batch.devices.of["stored_kwh"])
    found = {**batch.devices.of, **{name: getattr(batch.settlement.buses, name) for name in batch.settlement.buses._fields}}
    cut, traded = 0.0, 0.0
    for i in range(len(drawn.number)):
        expected = run_scenario(study, network, profiles, drawn, i, stored[i, -1])
        for name in ("charged", "discharged", "stored"):
            np.testing.assert_allclose(by_scenario(batch, found[f"{name}_kwh"])[i], expected[name], **SUMS)
        for name in ("self", "bought", "sold", "retail", "exported", "spilled", "shed"):
            np.testing.assert_allclose(found[f"{name}_kwh"][i], expected[name].sum(axis=0), **SUMS)
            of_books = by_scenario(batch, getattr(books, f"{name}_kwh"))[i, :, 0]
            np.testing.assert_allclose(of_books, expected[name].sum(axis=1), **SUMS)
        for name in ("paid", "received", "bill"):
            np.testing.assert_allclose(found[name][i], expected[name].sum(axis=0), **SUMS)
        np.testing.assert_allclose(by_scenario(batch, books.cut_kwh)[i, :, 0], expected["cut"][:, 0], **SUMS)
        cut, traded = cut + expected["cut"][:, 0].sum(), traded + expected["traded"].sum()
    assert traded > 10.0
    assert way == "wide" or cut > 1.0
    is_cut = batch.clearing.executed_kwh < batch.trades.quantity_kwh - 1e-3
    assert way == "wide" or (is_cut & (batch.trades.seller >= len(drawn.participant))).any()


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("has_dates", [False, True])
def test_energy_and_money_are_conserved_and_limits_are_kept_exactly(cigre, dated, has_dates, way):
    batch, _, profiles = batch_of(TRADING.with_(**WAYS[way]), cigre, dated if has_dates else None, numbers=range(5))
    drawn, done, bus = batch.scenarios, batch.devices.of, batch.settlement.buses
    stored, charged, discharged, lost = (
        by_scenario(batch, done[name]) for name in ("stored_kwh", "charged_kwh", "discharged_kwh", "battery_lost_kwh")
    )
    kwh, kw, lowest, first = (
        one[:, drawn.participant][:, None]
        for one in (drawn.battery.kwh, drawn.battery.kw, drawn.battery.lowest_kwh, drawn.battery.first_kwh)
    )
    before = np.concatenate([first if has_dates else stored[:, -1:], stored[:, :-1]], axis=1)
    returns = SUMS["atol"] * (1.0 + kwh.max())
    np.testing.assert_allclose(stored - before, charged - discharged - lost, rtol=0, atol=returns)
    assert (stored >= lowest).all()
    assert (stored <= kwh).all()
    for moved in (charged, discharged):
        assert (moved >= 0.0).all()
        assert (moved <= kw * batch.step_hours).all()
    assert (lost >= -1e-15).all()
    load = bus.self_kwh + bus.bought_kwh + bus.retail_kwh + bus.shed_kwh
    pv = bus.self_kwh + bus.sold_kwh + bus.exported_kwh + bus.spilled_kwh
    for found, expected in ((load, batch.load_kwh), (pv, batch.pv_kwh)):
        np.testing.assert_allclose(found, by_scenario(batch, expected).sum(axis=1), **SUMS)
    assert min(bus.spilled_kwh.min(), bus.shed_kwh.min(), bus.retail_kwh.min()) >= -1e-12
    books = batch.settlement.books
    np.testing.assert_allclose(books.paid, books.received, **SUMS)
    np.testing.assert_allclose(by_scenario(batch, books.bill).sum(axis=(1, 2)), bus.bill.sum(axis=1), **SUMS)
    np.testing.assert_allclose(by_scenario(batch, books.spilled_kwh).sum(axis=(1, 2)), bus.spilled_kwh.sum(axis=1), **SUMS)
