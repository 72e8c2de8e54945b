"""Batteries that trade beside their definition: energy, money and limits, in streets with room and without."""

import dataclasses

import numpy as np
import pandas as pd
import pytest

import fastp2p
from bench.peers.asymmetric import STATED
from fastp2p.pipeline import trading_storage
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.pipeline.tariffs import tariffs_of_files
from fastp2p.pipeline.trading_storage import run_storage
from fastp2p.sweep import parts
from fastp2p.sweep.again import run_worst_book
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
    "wide": {
        "network": {"limit_factor": 1.0},
        "clearing": {"surplus": "export"},
        "battery": {"efficiency": {"distribution": "uniform", "low": 0.75, "high": 1.0}},
    },
    "welfare": {"clearing": {"objective": "welfare"}, "market": {"pricing": "midpoint"}},
    "pro rata": {"clearing": {"objective": "pro_rata", "unserved": "shed"}, "battery": {"value_per_kwh": 0.1}},
    "gross": {"market": {"orders": "gross", "ties": "order"}, "clearing": {"surplus": "export"}},
    "volume": {"market": {"priority": "volume"}, "battery": {"efficiency": 1.0}},
    "lindistflow": {"clearing": {"physics": "lindistflow", "unserved": "shed"}},
    "by the clock": {
        "market": {"bid_per_kwh": {"hours": "7-19", "value": 0.12, "else": 0.18}},
        "battery": {"value_per_kwh": 0.1},
    },
}
PHASES = {
    "network": {"phases": 3, "zero_sequence": STATED, "limit_factor": 0.1}, "connection": {"phases": "random"},
    "clearing": {"physics": "lindistflow", "unserved": "shed", "audit": 5}, "market": {"branch_charge_per_kwh": 0.001},
}  # fmt: skip
OTHERS = {
    "ev": {"share": 0.5, "rule": "surplus"}, "heat_pump": {"share": 0.5, "profile": "residential_1", "size": 0.3},
    "participants": {"background": [{"buses": "all", "load": "commercial_0", "size": 0.02}]}, "clearing": {"unserved": "shed"},
}  # fmt: skip
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


@pytest.mark.parametrize(
    ("way", "has_dates"), [(way, i % 2 == 0) for i, way in enumerate([*WAYS, "phases", "others", "others"])]
)
def test_energy_and_money_are_conserved_and_limits_are_kept_exactly(cigre, dated, has_dates, way):
    study, network = TRADING.with_(**{**WAYS, "phases": PHASES, "others": OTHERS}[way]), None if way == "phases" else cigre
    batch, _, _ = batch_of(study, network, dated if has_dates else None, numbers=range(5))
    drawn, done, bus = batch.scenarios, batch.devices.of, batch.settlement.buses
    stored, charged, discharged, lost = (
        by_scenario(batch, done[name]) for name in ("stored_kwh", "charged_kwh", "discharged_kwh", "battery_lost_kwh")
    )
    kwh, kw, lowest, first = (
        one[:, None] for one in (drawn.battery.kwh, drawn.battery.kw, drawn.battery.lowest_kwh, drawn.battery.first_kwh)
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


@pytest.mark.parametrize("carried_kw", [5.0, 1.0])
def test_two_steps_by_hand(cigre, carried_kw):
    """docs/devices.md has them: B has a battery of 3 kWh and 2 kW with η = 0.9, and a stored kWh is worth 0.10 to it."""
    a, b = cigre.bus_id[[-2, -1]].tolist()
    time = pd.date_range("2024-06-01", periods=24, freq="h")
    names = ("load_a", "load_b", "pv_a", "pv_b")
    energy, noon_and_evening = np.zeros((4, 24)), [12, 20]
    energy[:, noon_and_evening] = [[1.0, 3.0], [1.0, 0.5], [5.0, 0.0], [2.0, 0.0]]
    study = SWEEP.with_(
        participants={"buses": [a, b]}, load={"profile": ["load_a", "load_b"]}, network={"limit_factor": 1.0},
        pv={"profile": ["pv_a", "pv_b"], "kwp": 1.0}, clearing={"surplus": "export"}, scenarios={"count": 1, "shares": [1.0]},
        market={"bid_per_kwh": 0.20, "ask_per_kwh": 0.05, "retail_per_kwh": 0.30, "feed_in_per_kwh": 0.04},
        battery={
            "buses": [b], "kwh": 3.0, "kw": 2.0, "efficiency": 0.81, "first": 0.0, "rule": "market",
            "value_per_kwh": 0.10,
        },
    )  # fmt: skip
    profiles = fastp2p.Profiles(names, ("load", "load", "pv", "pv"), energy, time=time)
    network, profiles = prepare(study, cigre, profiles)
    at_b = (network.to_bus == len(network.bus_id) - 1) | (network.from_bus == len(network.bus_id) - 1)
    network = dataclasses.replace(network, limit_kw=np.where(at_b, carried_kw, np.inf))
    batch = run_batch(study, network, profiles, draw_scenarios(study, network, profiles, 1.0, range(1)), range(24))
    sold = min(1.12, carried_kw)
    done = {name: array[noon_and_evening] for name, array in batch.devices.of.items()}
    bus = batch.settlement.buses
    np.testing.assert_allclose(done["charged_kwh"], [[0.0, 2.0], [0.0, 0.0]], **SUMS)
    np.testing.assert_allclose(done["discharged_kwh"], [[0.0, 0.0], [0.0, 0.5 + sold]], **SUMS)
    np.testing.assert_allclose(done["stored_kwh"][:, 1], [1.8, 1.8 - (0.5 + sold) / 0.9], **SUMS)
    assert carried_kw < 1.12 or done["stored_kwh"][1, 1] == 0.0
    np.testing.assert_allclose(bus.bought_kwh, [[sold, 1.0]], **SUMS)
    np.testing.assert_allclose(bus.retail_kwh, [[3.0 - sold, 0.0]], **SUMS)
    np.testing.assert_allclose(bus.exported_kwh, [[3.0, 0.0]], **SUMS)
    np.testing.assert_allclose(bus.spilled_kwh, 0.0, **SUMS)
    price = 0.10 / 0.9
    np.testing.assert_allclose(bus.bill, [[(3.0 - sold) * 0.30 + sold * price - 0.05 - 0.12, 0.05 - sold * price]], **SUMS)
    # without a market B stores 0.9 of its own surplus and gets 0.5 kWh of that; the rest of its roof is used at once
    np.testing.assert_allclose(bus.baseline_bill, [[3.0 * 0.30 - 4.0 * 0.04, 0.0]], **SUMS)


# ------------------------------------------------------------------------------------------- nothing where there is nothing


@pytest.mark.parametrize("none", [{"kwh": 0.0}, {"share": 0.0}, {"kw": 0.0}], ids=lambda none: next(iter(none)))
def test_batteries_that_are_none_change_no_bit(none):
    for clearing in ({}, {"physics": "lindistflow", "unserved": "shed"}):
        plain = TRADING.with_(battery=None, scenarios={"count": 3}, clearing=clearing)
        found = fastp2p.run(plain.with_(battery={**BATTERY, **none}), workers=1).tables()
        expected = fastp2p.run(plain, workers=1).tables()
        assert_same({name: table[expected[name].columns] for name, table in found.items()}, expected)


# ------------------------------------------------------------------------------------------------------------ the same bits


def test_workers_and_batches_give_the_same_bits():
    study = TRADING.with_(scenarios={"count": 8})
    expected = fastp2p.run(study, workers=1).tables()
    for workers, batch in ((1, 1), (2, 7), (2, 1000)):
        assert_same(fastp2p.run(study, workers=workers, batch_scenarios=batch).tables(), expected)


@pytest.mark.parametrize("way", ["narrow", "shed"])
@pytest.mark.parametrize("has_dates", [False, True])
def test_how_far_ahead_is_looked_and_with_whom_changes_no_bit(cigre, dated, monkeypatch, has_dates, way):
    study = TRADING.with_(**WAYS[way])
    network, profiles = prepare(study, cigre, dated if has_dates else None)

    def stored(numbers):
        return run_storage(study, network, profiles, draw_scenarios(study, network, profiles, 0.6, numbers))

    whole = stored(range(4))
    assert stored(range(1, 3)).tobytes() == whole[1:3].tobytes()
    for cells in (1, 13 * 4 * 5):
        monkeypatch.setattr(trading_storage, "AHEAD_CELLS", cells)
        monkeypatch.setattr(trading_storage, "AHEAD_PAIRS", cells)
        assert stored(range(4)).tobytes() == whole.tobytes()


def test_mcafee_leaves_no_battery_with_energy_that_it_did_not_get(cigre, dated):
    """Trades that are reduced are found by asking the market, not by looking ahead."""
    batch, _, _ = batch_of(TRADING.with_(market={"pricing": "mcafee"}), cigre, dated, numbers=range(2))
    stored, charged, discharged, lost = (
        by_scenario(batch, batch.devices.of[name])
        for name in ("stored_kwh", "charged_kwh", "discharged_kwh", "battery_lost_kwh")
    )
    np.testing.assert_allclose(np.diff(stored, axis=1), (charged - discharged - lost)[:, 1:], **SUMS)
    assert (batch.trades.seller >= 13).any()


@pytest.mark.parametrize("has_dates", [False, True])
def test_stretches_and_blocks_of_scenarios_keep_the_state(cigre, dated, monkeypatch, has_dates):
    study = TRADING.with_(scenarios={"count": 3, "shares": [0.6]}, profiles={} if has_dates else {"days": 2})
    profiles = dated if has_dates else None
    whole = fastp2p.run(study, network=cigre, profiles=profiles, workers=1).tables()
    monkeypatch.setattr(parts, "STORED_CELLS", 1)
    assert_same(fastp2p.run(study, network=cigre, profiles=profiles, workers=1).tables(), whole)
    monkeypatch.setattr(parts, "BATCH_CELLS", 13 * 20)
    found = fastp2p.run(study, network=cigre, profiles=profiles, workers=1).tables()
    for name, table in whole.items():
        pd.testing.assert_frame_equal(found[name], table, rtol=1e-9, atol=1e-9)


def test_a_run_that_was_cut_off_goes_on(tmp_path, no_figures, monkeypatch):
    monkeypatch.setattr(parts, "PART_BOOKS", 24)
    monkeypatch.setattr(parts, "SIDE_BY_SIDE", 2)
    study = TRADING.with_(scenarios={"count": 5, "shares": [0.6]})
    expected = fastp2p.run(study, out=tmp_path / "whole", workers=1).tables()
    fastp2p.run(study, out=tmp_path / "cut", workers=1)
    for path in sorted((tmp_path / "cut").rglob("*1.parquet")):
        path.unlink()
    with pytest.warns(UserWarning, match="made again"):
        assert_same(fastp2p.run(study, out=tmp_path / "cut", workers=1, resume=True).tables(), expected)


def test_books_that_are_run_again_have_the_battery(cigre):
    """For the figures of an audit; and trades of batteries are listed at the bus of their home, at their own prices."""
    study = TRADING.with_(clearing={"audit": True}, scenarios={"count": 3, "shares": [0.6]})
    ran = fastp2p.run(study, network=cigre, workers=1)
    worst = run_worst_book(ran)
    book = ran.books.set_index(["share", "scenario", "step"]).loc[(worst.share, worst.scenario, worst.step)]
    inner = worst.ac_vm_pu[cigre.has_band]
    assert (inner.min(), inner.max()) == pytest.approx((book.lowest_vm_pu, book.highest_vm_pu), abs=1e-8)
    evening = ran.trades[ran.trades.step == 20]
    asks = evening.ask_per_kwh.to_numpy()
    assert np.isclose(asks, 0.14 / np.sqrt(0.9)).any()
    assert evening.seller.isin(cigre.bus_id).all()


def test_a_value_from_a_file_is_that_of_a_series(cigre, tmp_path):
    """And of a file that has changed, a run knows."""
    value = np.linspace(0.05, 0.15, 24)
    pd.DataFrame({"value": value}).to_csv(tmp_path / "stored.csv", index=False)
    study = TRADING.with_(scenarios={"count": 2, "shares": [0.6]}, battery={"value_per_kwh": {"series": value.tolist()}})
    of_file = study.with_(battery={"value_per_kwh": {"file": "stored.csv", "column": "value"}})
    (tmp_path / "study.toml").write_text(of_file.to_toml(), encoding="utf-8")
    read = fastp2p.Study.from_toml(tmp_path / "study.toml")
    assert_same(fastp2p.run(read, network=cigre, workers=2).tables(), fastp2p.run(study, network=cigre, workers=1).tables())
    assert list(tariffs_of_files(read, fastp2p.Profiles.load())) == ["battery.value_per_kwh"]


# ---------------------------------------------------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"battery": {"value_per_kwh": None}}, 'rule = "market" needs value_per_kwh, what a stored kWh is worth'),
        ({"battery": {"rule": "self_use"}}, 'value_per_kwh has no effect with rule = "self_use"; choose'),
        ({"battery": {"value_per_kwh": 1e7}}, "battery.value_per_kwh"),
    ],
)
def test_keys_that_do_not_fit_together(changes, told):
    with pytest.raises(fastp2p.InputError, match=told):
        TRADING.with_(**changes)


def test_studies_in_which_no_battery_can_trade(cigre):
    study = TRADING.with_(
        market={"pricing": "mid_market_rate"}, clearing={"stress": 2.0}, battery={"value_per_kwh": {"series": [0.1, 0.2]}},
        community_battery={"bus": 18, "kwh": 10.0},
    )  # fmt: skip
    with pytest.raises(fastp2p.InputError) as refused:
        fastp2p.run(study, network=cigre)
    told = str(refused.value)
    assert 'battery.rule = "market": needs a rule with bids and asks, and market.pricing = "mid_market_rate" has none' in told
    assert 'battery.rule = "market": clearing.stress = 2' in told
    assert "the battery of the community acts before the market" in told
    assert "battery.value_per_kwh lists 2 values" in told


def test_days_in_which_the_state_does_not_return_are_named(cigre, monkeypatch):
    monkeypatch.setattr(trading_storage, "PASSES", 1)
    with pytest.raises(fastp2p.InputError, match=r"does not return in 1 passes .* such as in scenario \d+ at a PV share of"):
        fastp2p.run(TRADING.with_(scenarios={"count": 3}), network=cigre, workers=1)
