"""Batteries in whole studies: what homes charge and discharge is load and PV of the market, and the same however it is run."""

import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from bench.peers.asymmetric import STATED
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.devices import home_energy, run_devices
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.sweep import parts
from fastp2p.sweep.again import run_worst_book
from fastp2p.sweep.prepare import prepare
from tests.oracles.devices import run_battery
from tests.support.sweeps import SWEEP, assert_same

BATTERY = {"kwh": {"distribution": "uniform", "low": 4.0, "high": 60.0}, "share": 0.7, "lowest": 0.1}
STORED = SWEEP.with_(battery=BATTERY, scenarios={"count": 12})
TARIFF = {"hours": "6-9,18-22", "value": 0.4, "else": 0.2}
BY_TARIFF = STORED.with_(battery={"rule": "tariff", "buses": "all"}, market={"retail_per_kwh": TARIFF})
RULES = {"self_use": STORED, "tariff": BY_TARIFF}
NONE = {"without capacity": {"kwh": 0.0}, "at no bus": {"share": 0.0}, "without power": {"kw": 0.0}}
DAYS = 6
SUMS = {"rtol": 0, "atol": 1e-9}


@pytest.fixture(scope="module")
def dated():
    """Six days with dates, each a little darker than the one before."""
    day = fastp2p.Profiles.load()
    is_pv = np.array([kind == "pv" for kind in day.kinds])
    kwh = [np.where(is_pv[:, None], (1.0 - 0.1 * i), 1.0) * day.kwh_per_unit for i in range(DAYS)]
    time = pd.date_range("2024-06-01", periods=24 * DAYS, freq="h")
    return fastp2p.Profiles(day.names, day.kinds, np.concatenate(kwh, axis=1), time=time)


def batch_of(study, cigre, profiles=None, share=0.6, numbers=range(5)):
    network, profiles = prepare(study, cigre, profiles)
    drawn = draw_scenarios(study, network, profiles, share, numbers)
    return run_batch(study, network, profiles, drawn, range(profiles.n_steps)), profiles


# --------------------------------------------------------------------------------------------------------- what it changes


@pytest.mark.parametrize(
    ("rule", "orders", "has_dates"),
    [("self_use", "net", True), ("self_use", "gross", False), ("tariff", "net", False), ("tariff", "gross", True)],
)
def test_load_and_pv_of_the_market_have_what_is_charged_and_discharged(cigre, dated, rule, orders, has_dates):
    batch, profiles = batch_of(RULES[rule].with_(market={"orders": orders}), cigre, dated if has_dates else None)
    load, pv = home_energy(profiles, batch.scenarios, range(profiles.n_steps))
    done = batch.devices.of
    assert done["charged_kwh"].shape == done["discharged_kwh"].shape == done["stored_kwh"].shape == load.shape
    assert done["charged_kwh"].sum() > 10.0
    assert done["discharged_kwh"].sum() > 10.0
    np.testing.assert_array_equal(batch.load_kwh, load + done["charged_kwh"])
    np.testing.assert_array_equal(batch.pv_kwh, pv + done["discharged_kwh"])
    bus, n_scenarios = batch.settlement.buses, len(batch.scenarios.number)
    served = bus.self_kwh + bus.bought_kwh + bus.retail_kwh + bus.shed_kwh
    used = bus.self_kwh + bus.sold_kwh + bus.exported_kwh + bus.spilled_kwh
    for found, expected in ((served, load + done["charged_kwh"]), (used, pv + done["discharged_kwh"])):
        np.testing.assert_allclose(found, expected.reshape(n_scenarios, -1, found.shape[1]).sum(axis=1), **SUMS)


def test_days_that_repeat_return_and_dated_ones_begin_at_first(cigre, dated):
    drawn = batch_of(STORED, cigre)[0]
    stored = drawn.devices.of["stored_kwh"].reshape(5, 24, -1)
    half = np.sqrt(0.9)
    gained = (half * drawn.devices.of["charged_kwh"] - drawn.devices.of["discharged_kwh"] / half).reshape(5, 24, -1)
    np.testing.assert_allclose(gained.sum(axis=1), 0.0, **SUMS)
    np.testing.assert_allclose(stored[:, 0] - stored[:, -1], gained[:, 0], **SUMS)
    batch = batch_of(STORED, cigre, dated)[0]
    first = batch.scenarios.battery.first_kwh
    gained = half * batch.devices.of["charged_kwh"] - batch.devices.of["discharged_kwh"] / half
    np.testing.assert_allclose(
        batch.devices.of["stored_kwh"].reshape(5, 24 * DAYS, -1)[:, 0], first + gained.reshape(5, 24 * DAYS, -1)[:, 0], **SUMS
    )


def test_the_baseline_has_the_battery_too(cigre):
    """Without trading a home pays for what its battery does not cover."""
    batch, profiles = batch_of(STORED, cigre)
    load, pv = home_energy(profiles, batch.scenarios, range(24))
    need = np.maximum(load + batch.devices.of["charged_kwh"] - pv - batch.devices.of["discharged_kwh"], 0.0)
    np.testing.assert_allclose(batch.settlement.books.baseline_retail_kwh, need.sum(axis=1), **SUMS)
    assert need.sum() < np.maximum(load - pv, 0.0).sum() - 10.0


def test_batteries_by_a_tariff_charge_in_its_cheapest_and_discharge_in_its_dearest_hours(cigre, dated):
    """The third day has a price between, the second has one price all day; the others have two."""
    price = np.full(24 * DAYS, 0.2)
    price[48 + 10], price[48 + 12], price[48 + 20] = 0.1, 0.3, 0.4
    for day in (0, 3, 4, 5):
        price[24 * day + 18 : 24 * day + 21] = 0.4
    batch, profiles = batch_of(BY_TARIFF.with_(market={"retail_per_kwh": {"series": price.tolist()}}), cigre, dated)
    load, pv = home_energy(profiles, batch.scenarios, range(profiles.n_steps))
    drawn = batch.scenarios.battery
    for scenario, home in itertools.product(range(5), range(drawn.kw.shape[1])):
        charged, discharged, stored = run_battery(
            (pv - load).reshape(5, 24 * DAYS, -1)[scenario, :, home].tolist(),
            **{name: float(getattr(drawn, name)[scenario, home]) for name in ("kwh", "lowest_kwh", "first_kwh")},
            limit_kwh=float(drawn.kw[scenario, home]), one_way=np.sqrt(0.9), price=price.tolist(),
            day=[step // 24 for step in range(24 * DAYS)],
        )  # fmt: skip
        for found, right in (("charged_kwh", charged), ("discharged_kwh", discharged), ("stored_kwh", stored)):
            np.testing.assert_allclose(batch.devices.of[found].reshape(5, 24 * DAYS, -1)[scenario, :, home], right, **SUMS)


def test_batteries_by_a_tariff_buy_from_neighbours_and_sell_to_them(cigre):
    """At 30 % PV, homes without it have batteries, too: they sell when it is dear, and buy when it is cheap."""
    batch, _ = batch_of(BY_TARIFF.with_(network={"limit_factor": 1.0}), cigre, share=0.3)
    bus = batch.settlement.buses
    has_pv = batch.scenarios.pv_profile >= 0
    assert bus.sold_kwh[~has_pv].sum() > 10.0
    assert bus.bought_kwh.sum() > batch_of(STORED, cigre, share=0.3)[0].settlement.buses.bought_kwh.sum() + 10.0


def test_charging_is_load_and_discharging_is_pv_to_reactive_power_and_phases(cigre):
    """A study whose profiles were those sums would draw the same power, kW and kvar, on the same phases."""
    study = STORED.with_(
        network={"phases": 3, "zero_sequence": STATED, "limit_factor": 1.0}, connection={"phases": "random"},
        battery={"share": 1.0}, load={"profile": "residential_0"}, pv={"power_factor": 0.95, "kwp": 20.0},
        clearing={"audit": True, "surplus": "export"},
    )  # fmt: skip
    network, profiles = prepare(study)
    one = draw_scenarios(study, network, profiles, 1.0, range(1))
    batch = run_batch(study, network, profiles, one, range(24))
    names = [f"{kind}_{i}" for kind in ("load", "pv") for i in range(len(one.participant))]
    sums = fastp2p.Profiles(
        tuple(names), tuple(name.partition("_")[0] for name in names), np.concatenate([batch.load_kwh.T, batch.pv_kwh.T])
    )
    other = study.with_(
        battery=None, scenarios={"shares": [1.0]}, load={"profile": names[: len(one.participant)]},
        pv={"profile": names[len(one.participant) :], "kwp": 1.0, "three_phase_above_kw": 0.5},
    )  # fmt: skip
    same = run_batch(other, network, sums, draw_scenarios(other, network, sums, 1.0, range(1)), range(24))
    assert same.devices is None
    for name in ("kw", "kvar"):
        np.testing.assert_array_equal(getattr(same.clearing.injection, name), getattr(batch.clearing.injection, name))


# ------------------------------------------------------------------------------------------- nothing where there is nothing


PHYSICS = {
    "dc": {},
    "lindistflow": {"clearing": {"physics": "lindistflow", "unserved": "shed"}},
    "ac": {"clearing": {"physics": "ac", "audit": 5}},
    "three phases": {
        "clearing": {"physics": "lindistflow"}, "network": {"phases": 3, "zero_sequence": STATED},
        "connection": {"phases": "random"},
    },
}  # fmt: skip


@pytest.mark.parametrize(
    ("physics", "rule", "none"),
    [
        ("dc", "self_use", "without capacity"), ("dc", "tariff", "at no bus"), ("lindistflow", "self_use", "without power"),
        ("ac", "self_use", "at no bus"), ("ac", "tariff", "without power"), ("three phases", "self_use", "without power"),
        ("three phases", "tariff", "without capacity"),
    ],
)  # fmt: skip
def test_batteries_that_are_none_change_no_bit(physics, rule, none):
    plain = SWEEP.with_(scenarios={"count": 4}, market={"retail_per_kwh": TARIFF}, **PHYSICS[physics])
    found = fastp2p.run(plain.with_(battery={**BATTERY, "rule": rule, **NONE[none]}), workers=1).tables()
    expected = fastp2p.run(plain, workers=1).tables()
    assert_same({name: table[expected[name].columns] for name, table in found.items()}, expected)


# ------------------------------------------------------------------------------------------------------------ the same bits


@pytest.mark.parametrize("rule", RULES)
def test_workers_and_batches_give_the_same_bits(rule):
    study = RULES[rule]
    expected = fastp2p.run(study, workers=1).tables()
    for workers, batch in ((1, 1), (2, 5), (2, None)):
        assert_same(fastp2p.run(study, workers=workers, batch_scenarios=batch).tables(), expected)


def test_ranges_of_scenarios_give_the_same_bits(cigre, dated):
    whole, some = batch_of(STORED, cigre, dated, numbers=range(8))[0], batch_of(STORED, cigre, dated, numbers=range(3, 5))[0]
    books = slice(3 * 24 * DAYS, 5 * 24 * DAYS)
    for name in ("charged_kwh", "discharged_kwh", "stored_kwh"):
        assert some.devices.of[name].tobytes() == whole.devices.of[name][books].tobytes()


@settings(deadline=None, max_examples=10)
@given(cuts=st.lists(st.integers(1, 24 * DAYS - 1), max_size=4, unique=True), made=st.booleans())
def test_stretches_of_steps_keep_the_state(cigre, dated, cuts, made):
    """Whether what devices do is made once, or again for every stretch."""
    whole, _ = batch_of(STORED, cigre, dated, numbers=range(2))
    network, profiles = prepare(STORED, cigre, dated)
    devices = run_devices(STORED, profiles, whole.scenarios) if made else None
    edges = [0, *sorted(cuts), 24 * DAYS]
    for begin, end in itertools.pairwise(edges):
        piece = run_batch(STORED, network, profiles, whole.scenarios, range(begin, end), devices)
        for name in ("charged_kwh", "discharged_kwh", "stored_kwh"):
            all_of = whole.devices.of[name].reshape(2, 24 * DAYS, -1)[:, begin:end]
            assert piece.devices.of[name].tobytes() == all_of.tobytes()


@pytest.mark.parametrize("has_dates", [False, True])
def test_a_scenario_in_stretches_is_the_whole_one(cigre, dated, monkeypatch, has_dates):
    study = STORED.with_(scenarios={"count": 2}, profiles={} if has_dates else {"days": DAYS})
    profiles = dated if has_dates else None
    whole = fastp2p.run(study, network=cigre, profiles=profiles, workers=1).tables()
    monkeypatch.setattr(parts, "BATCH_CELLS", 13 * 50)
    found = fastp2p.run(study, network=cigre, profiles=profiles, workers=1).tables()
    for name, table in whole.items():
        pd.testing.assert_frame_equal(found[name], table, rtol=1e-9, atol=1e-9)


def test_books_that_are_run_again_have_the_battery(cigre):
    """For the figures of an audit."""
    ran = fastp2p.run(STORED.with_(clearing={"audit": True}, network={"limit_factor": 1.0}), network=cigre, workers=1)
    worst = run_worst_book(ran)
    book = ran.books.set_index(["share", "scenario", "step"]).loc[(worst.share, worst.scenario, worst.step)]
    inner = worst.ac_vm_pu[cigre.has_band]
    assert (inner.min(), inner.max()) == pytest.approx((book.lowest_vm_pu, book.highest_vm_pu), abs=1e-8)
