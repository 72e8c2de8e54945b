"""Heat pumps in whole studies: what they draw is load of the market, and the same however it is run."""

import itertools
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.cli.sweep_table import heat_pump_text
from fastp2p.devices.battery import run_batteries
from fastp2p.devices.heat_pump import run_heat_pumps
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.devices import home_energy, run_devices
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.results.columns import columns_of
from fastp2p.sweep import parts
from fastp2p.sweep.plausible import why_no_trades
from fastp2p.sweep.prepare import prepare
from tests.support.commands import call
from tests.support.studies import study_text
from tests.support.sweeps import SWEEP, assert_same

OUTDOOR = (4.0 + 6.0 * np.sin(2.0 * np.pi * (np.arange(24) - 9) / 24)).round(2).tolist()
HOUSE = {
    "kw": {"distribution": "uniform", "low": 1.0, "high": 4.0},
    "resistance_k_per_kw": {"distribution": "uniform", "low": 3.0, "high": 8.0},
    "capacity_kwh_per_k": 10.0,
    "temperature_c": {"series": OUTDOOR},
    "cop": {"temperature_c": [-10, 0, 10], "cop": [2.2, 3.0, 4.0]},
    "rule": "surplus",
    "share": 0.7,
}
PLAIN = SWEEP.with_(scenarios={"count": 6})
WARM = PLAIN.with_(heat_pump=HOUSE)
METERED = PLAIN.with_(heat_pump={"profile": {"choice": ["residential_0", "residential_2"]}, "size": 0.5, "share": 0.7})
NONE = {
    "without power": WARM.with_(heat_pump={"kw": 0.0}),
    "at no bus": WARM.with_(heat_pump={"share": 0.0}),
    "of no size": METERED.with_(heat_pump={"size": 0.0}),
}
DAYS = 3
OF_HEAT = ["heat_pump_kwh", "cold_kh"]
SUMS = {"rtol": 0, "atol": 1e-9}


@pytest.fixture(scope="module")
def dated():
    """Days with dates, all alike."""
    day = fastp2p.Profiles.load()
    time = pd.date_range("2024-01-01", periods=24 * DAYS, freq="h")
    return fastp2p.Profiles(day.names, day.kinds, np.tile(day.kwh_per_unit, (1, DAYS)), time=time)


@pytest.fixture(scope="module")
def ran():
    return fastp2p.run(WARM, workers=1)


def batch_of(study, cigre, profiles=None, numbers=range(5)):
    network, profiles = prepare(study, cigre, profiles)
    drawn = draw_scenarios(study, network, profiles, 0.6, numbers)
    return run_batch(study, network, profiles, drawn, range(profiles.n_steps)), profiles


@pytest.mark.parametrize("has_dates", [False, True])
def test_load_of_the_market_has_what_heat_pumps_draw_and_batteries_see_what_they_leave(cigre, dated, has_dates):
    battery = {"kwh": 8.0, "buses": "all"}
    batch, profiles = batch_of(WARM.with_(battery=battery), cigre, dated if has_dates else None)
    load, pv = home_energy(profiles, batch.scenarios, range(profiles.n_steps))
    done = batch.devices.of
    net = (pv - load).reshape(len(batch.scenarios.number), profiles.n_steps, -1)
    drawn = batch.scenarios.heat_pump
    alone = run_heat_pumps(
        net, *(getattr(drawn, name) for name in ("kw", "resistance_k_per_kw", "capacity_kwh_per_k")),
        np.tile(OUTDOOR, profiles.n_steps // 24), drawn.cop, comfort_c=(20.0, 22.0), first_c=20.0, rule="surplus",
        step_hours=1.0, cyclic=not has_dates,
    )  # fmt: skip
    np.testing.assert_array_equal(done["heat_pump_kwh"], alone.heat_pump_kwh.reshape(load.shape))
    np.testing.assert_array_equal(done["cold_kh"], alone.cold_kh.reshape(load.shape))
    assert (done["heat_pump_kwh"].sum(), done["cold_kh"].sum()) > (100.0, 1.0)
    stored = batch.scenarios.battery
    sizes = (getattr(stored, name) for name in ("kwh", "kw", "lowest_kwh", "first_kwh"))
    after = run_batteries(net - alone.heat_pump_kwh, *sizes, efficiency=0.9, step_hours=1.0, cyclic=not has_dates)
    np.testing.assert_array_equal(done["charged_kwh"], after.charged_kwh.reshape(load.shape))
    np.testing.assert_array_equal(batch.load_kwh, load + done["heat_pump_kwh"] + done["charged_kwh"])
    np.testing.assert_array_equal(batch.pv_kwh, pv + done["discharged_kwh"])


def test_a_heat_pump_by_a_profile_draws_its_size_times_it(cigre):
    batch, profiles = batch_of(METERED, cigre)
    drawn = batch.scenarios.heat_pump
    kwh = drawn.size[:, :, None] * profiles.kwh_per_unit[drawn.profile]
    np.testing.assert_array_equal(batch.devices.of["heat_pump_kwh"].reshape(5, 24, -1), kwh.transpose(0, 2, 1))
    assert not batch.devices.of["cold_kh"].any()


def test_tables_have_them_as_part_of_the_load(ran):
    books, rows, who = ran.books, ran.scenarios, ran.participants
    plain = fastp2p.run(PLAIN, workers=1)
    for name in ("scenarios", "books", "participants", "hours"):
        table, before = ran.tables()[name], plain.tables()[name]
        np.testing.assert_allclose(table["load_kwh"] - table["heat_pump_kwh"], before["load_kwh"], **SUMS)
        known = [one.name for one in columns_of(name).values() if one.device == "heat_pump"]
        assert [column for column in table if column not in before] == known
    served = books[["self_kwh", "executed_kwh", "import_kwh", "shed_kwh"]].sum(axis=1)
    np.testing.assert_allclose(books["load_kwh"], served, **SUMS)
    for column in OF_HEAT:
        for table in (books, who):
            by_scenario = table.groupby(["share", "scenario"])[column].sum()
            np.testing.assert_allclose(by_scenario, rows[column], rtol=1e-12)
    assert (rows["heat_pump_kwh"] > 100.0).all()
    np.testing.assert_allclose(rows["self_sufficiency"], (rows["self_kwh"] + rows["executed_kwh"]) / rows["load_kwh"])


@pytest.mark.parametrize("none", NONE)
def test_heat_pumps_that_are_none_change_no_bit(none):
    found, expected = (fastp2p.run(study, workers=1).tables() for study in (NONE[none], PLAIN))
    assert not found["participants"][OF_HEAT].any(axis=None)
    assert_same({name: table[expected[name].columns] for name, table in found.items()}, expected)


def test_workers_and_batches_give_the_same_bits(ran):
    for workers, batch in ((1, 1), (2, 4)):
        assert_same(fastp2p.run(WARM, workers=workers, batch_scenarios=batch).tables(), ran.tables())


@settings(deadline=None, max_examples=6)
@given(cuts=st.lists(st.integers(1, 24 * DAYS - 1), max_size=4, unique=True), made=st.booleans())
def test_stretches_of_steps_keep_the_room(cigre, dated, cuts, made):
    """Whether what devices do is made once, or again for every stretch; and a range of scenarios has the same."""
    whole, _ = batch_of(WARM, cigre, dated, range(2))
    network, profiles = prepare(WARM, cigre, dated)
    devices = run_devices(WARM, profiles, whole.scenarios) if made else None
    for begin, end in itertools.pairwise([0, *sorted(cuts), 24 * DAYS]):
        piece = run_batch(WARM, network, profiles, whole.scenarios, range(begin, end), devices)
        for name in OF_HEAT:
            all_of = whole.devices.of[name].reshape(2, 24 * DAYS, -1)[:, begin:end]
            assert piece.devices.of[name].tobytes() == all_of.tobytes()
    second = batch_of(WARM, cigre, dated, range(1, 2))[0].devices.of
    assert all(second[name].tobytes() == whole.devices.of[name][24 * DAYS :].tobytes() for name in OF_HEAT)


@pytest.mark.parametrize("has_dates", [False, True])
def test_a_scenario_in_stretches_is_the_whole_one(cigre, dated, monkeypatch, has_dates):
    study = WARM.with_(scenarios={"count": 2}, profiles={} if has_dates else {"days": DAYS})
    profiles = dated if has_dates else None
    whole = fastp2p.run(study, network=cigre, profiles=profiles, workers=1).tables()
    monkeypatch.setattr(parts, "BATCH_CELLS", 13 * 50)
    found = fastp2p.run(study, network=cigre, profiles=profiles, workers=1).tables()
    for name, table in whole.items():
        pd.testing.assert_frame_equal(found[name], table, **SUMS)


def test_a_year_of_the_same_day_is_that_day(ran):
    """Without dates steps repeat, so every day of a longer study is the day of the short one."""
    days = fastp2p.run(WARM.with_(profiles={"days": 2}), workers=1).scenarios
    np.testing.assert_allclose(days[OF_HEAT], 2.0 * ran.scenarios[OF_HEAT], rtol=1e-8)


# -------------------------------------------------------------------------------------------------- temperatures of files


@pytest.mark.usefixtures("no_figures")
def test_temperatures_of_a_file_are_held_with_the_run(tmp_path, ran):
    path = tmp_path / "weather.csv"
    pd.DataFrame({"t": OUTDOOR}).to_csv(path, index=False)
    study = WARM.with_(heat_pump={"temperature_c": {"file": str(path), "column": "t"}})
    results = fastp2p.run(study, workers=1, out=tmp_path / "out")
    assert_same(results.tables(), ran.tables())
    assert results.study == study
    hashes = json.loads((tmp_path / "out" / "manifest.json").read_text())["sha256"]
    assert hashes.keys() == {"study", "network", "profiles", "tariffs"}
    fastp2p.run(study, out=tmp_path / "out", resume=True)
    pd.DataFrame({"t": [*OUTDOOR[:-1], 0.5]}).to_csv(path, index=False)
    with pytest.raises(fastp2p.InputError, match="was started with other tariffs or temperatures; choose another folder"):
        fastp2p.run(study, out=tmp_path / "out", resume=True)


# --------------------------------------------------------------------------------------------------------------- commands


SECTION = """[heat_pump]
kw = 3
resistance_k_per_kw = 5
capacity_kwh_per_k = 10
temperature_c = 5
cop = 3
"""


@pytest.mark.usefixtures("elsewhere")
def test_check_says_what_heat_pumps_draw():
    def said(section):
        Path("mine.toml").write_text(study_text(clearing=section))
        return json.loads(call("check", "mine.toml", "--json").stdout)

    # (20 - 5) K / 5 K per kW / 3 = 1 kW, all day
    assert said(SECTION)["facts"]["heat pumps"] == (
        "at all participants: 3 kW at a COP of 3, houses of 5 K per kW and 10 kWh per K, kept at 20 °C or more, outdoors 5 °C: "
        "24.0 kWh per heat pump and day"
    )
    cold = said(SECTION.replace("kw = 3\n", "kw = 0.5\nshare = 0.4\n"))["facts"]["heat pumps"]
    assert cold.startswith("at all participants, each with a probability of 40%: 0.5 kW")
    assert cold.endswith("12.0 kWh per heat pump and day, 180.0 K h below the band")  # 5 + 0.5 · 3 · 5 = 12.5 °C
    assert "0.5 x residential_0" in said('[heat_pump]\nprofile = "residential_0"\nsize = 0.5')["facts"]["heat pumps"]
    told = said(SECTION.replace("kw = 3\n", "kw = 3000\n").replace("= 5\n", "= 0.005\n"))["warnings"]
    assert "heat_pump.kw = 3000 kW at one bus: probably in W; divide by 1000" in told
    assert any(one.startswith("heat_pump: 0.005 K per kW times 10 kWh per K is 0.05 h") for one in told)


def test_a_size_of_a_profile_is_judged_by_what_it_makes():
    day = fastp2p.Profiles.load()
    huge = fastp2p.Profiles(day.names, day.kinds, day.kwh_per_unit * 1e4)
    study = METERED.with_(heat_pump={"size": 1e6}, load={"homes": 0.0}, pv={"kwp": 0.0})
    with pytest.raises(fastp2p.InputError, match="heat_pump: a size of 1e\\+06 times a profile of "):
        prepare(study, profiles=huge)


def test_the_terminal_has_means():
    rows = pd.DataFrame({"share": [0.1, 0.1, 0.9], "heat_pump_kwh": [1.0, 3.0, 5.0], "cold_kh": [0.0, 1.0, 2.0]})
    words = "(energy, and degree-hours below the comfort band; means"
    assert heat_pump_text(rows) == f"{words} by share): 2.0 kWh, 0.5 K h; 5.0 kWh, 2.0 K h"
    assert heat_pump_text(rows[2:]) == f"{words}): 5.0 kWh, 2.0 K h"


def test_heat_pumps_may_take_all_surplus(cigre):
    """Of one home with PV, whose house is too cold all day."""
    home = {"load": {"buses": [12, 16]}, "pv": {"buses": [12], "kwp": 12.0}}
    study = PLAIN.with_(**home, heat_pump={**HOUSE, "share": 1.0, "kw": 50.0, "temperature_c": -30.0})
    network, profiles = prepare(study, cigre)

    def why(one):
        return why_no_trades(one, profiles, draw_scenarios(one, network, profiles, None, range(1)))

    assert why(study.with_(heat_pump=None)) == ""
    assert why(study) == "there is no surplus: heat pumps take all that homes do not use themselves"
    both = why(study.with_(battery={"kwh": 5.0}))
    assert both == "there is no surplus: heat pumps and batteries take all that homes do not use themselves"
