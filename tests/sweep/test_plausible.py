"""What is allowed and yet looks wrong: units that no one means, days without a trade, homes on a single phase."""

from pathlib import Path

import numpy as np
import pandapower as pp
import pandapower.networks as pn
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.check import check_network, check_study
from fastp2p.cli.main import app
from fastp2p.sweep.day_pages import profiles_page
from tests.support.shipped import shipped

DAY = fastp2p.studies()["paper-44"]  # bid 0.2, ask 0.05; six homes, and six others with PV
SWEEP = fastp2p.studies()["pv-sweep"]
HIGH = "kW per kWp at its highest: probably in W or Wh, or of a whole system and not of a kWp"
NIGHT = np.array([0.0, 1.0, 0.0, 0.0])


def warnings_of(study):
    return [one for one in check_study(study)[1] if "placeholder" not in one]


def profiles(load_kwh, pv_kwh):
    """A load `home` and a PV system `roof` of four steps of six hours."""
    return fastp2p.Profiles(("home", "roof"), ("load", "pv"), np.array([load_kwh, pv_kwh]), 6.0)


def table(path, load_kwh, pv_kwh):
    profiles(load_kwh, pv_kwh).save(path)
    return {"source": str(path)}


@pytest.mark.slow
def test_nothing_looks_wrong_with_what_ships():
    for study in fastp2p.studies().values():
        assert warnings_of(study) == []


@pytest.mark.parametrize("key", ["retail_per_kwh", "feed_in_per_kwh", "bid_per_kwh", "ask_per_kwh", "network_charge_per_kwh"])
@pytest.mark.parametrize("currency", ["EUR", "usd", "GBP", "CHF", "€", "Euro", "US$", "AUD"])
def test_prices_in_cents(key, currency):
    # 0.3 in hundredths is 30; a tariff of 0.3 is nothing to speak of
    told = f"market.{key} = 30 {currency} per kWh: probably in hundredths of {currency}; divide by 100"
    assert told in warnings_of(DAY.with_(currency=currency, market={key: 30}))
    assert not any("hundredths" in one for one in warnings_of(DAY.with_(currency=currency, market={key: 0.3})))
    assert not any("hundredths" in one for one in warnings_of(DAY.with_(currency="JPY", market={key: 30})))


@pytest.mark.parametrize(
    ("price", "usual"),
    [
        ({"distribution": "uniform", "low": 20, "high": 40}, "30"),
        ({"series": [25.0] * 23 + [31.0]}, "25"),
        ([0.2] * 5 + [30] + [0.2] * 6, "30"),
    ],
)
def test_prices_in_cents_that_vary(price, usual):
    assert any(
        one.startswith(f"market.bid_per_kwh = {usual} USD per kWh")
        for one in warnings_of(DAY.with_(market={"bid_per_kwh": price}))
    )


def test_prices_per_mwh():
    # 250 EUR per MWh are 0.25 per kWh; 250 cents would be 2.50
    told = "market.retail_per_kwh = 250 EUR per kWh: probably per MWh; divide by 1000"
    assert told in warnings_of(DAY.with_(currency="EUR", market={"retail_per_kwh": 250}))


@pytest.mark.parametrize("count", [1, 20])
def test_bids_of_a_single_participant(count):
    """The draws of one bus are no bids by the clock: the highest (0.1 to 0.2) is above the tariff in the hour of 0.01."""
    tariff = {"series": [0.01] + [0.5] * 23}
    one = SWEEP.with_(
        participants={"buses": [12]},
        scenarios={"count": count, "shares": [1.0]},
        market={"retail_per_kwh": tariff, "feed_in_per_kwh": 0.0},
    )
    assert [told for told in warnings_of(one) if "bids are above" in told] == [
        "bids are above the retail tariff in 1 of 24 steps: buyers would pay their neighbours more than the retailer"
    ]


def test_capacities_in_wh():
    assert "battery.kwh = 8000 kWh at one bus: probably in Wh; divide by 1000" in warnings_of(DAY.with_(battery={"kwh": 8000}))
    assert not any("battery" in one for one in warnings_of(DAY.with_(battery={"kwh": 80})))


def test_vehicles_in_w_and_wh():
    told = warnings_of(DAY.with_(ev={"kw": 11000, "kwh": {"distribution": "uniform", "low": 2000, "high": 14000}}))
    assert "ev.kw = 11000 kW of one vehicle: probably in W; divide by 1000" in told
    assert "ev.kwh = 8000 kWh of one vehicle: probably in Wh; divide by 1000" in told
    assert not any("one vehicle" in one for one in warnings_of(DAY.with_(ev={"kw": 350, "kwh": 100})))


def test_vehicles_may_take_all_surplus():
    parked = {"arrival": 0.0, "departure": 24.0, "kwh": 100.0, "rule": "surplus"}
    told = "nothing will be traded: there is no surplus: electric vehicles take all that homes do not use themselves"
    assert told in warnings_of(DAY.with_(ev=parked))
    assert told not in warnings_of(DAY.with_(ev={**parked, "kwh": 1.0}))


def test_batteries_may_take_all_surplus():
    """Alike homes with more PV than load at noon, and less over the day."""
    homes = DAY.with_(load={"buses": "all"}, pv={"buses": "all", "kwp": 8.0})
    told = "nothing will be traded: whenever a bus has a surplus, every other has one, too, so nobody buys"
    assert told in warnings_of(homes)
    told = "nothing will be traded: there is no surplus: batteries take all that homes do not use themselves"
    assert told in warnings_of(homes.with_(battery={"kwh": 100.0, "kw": 100.0}))
    assert told not in warnings_of(homes.with_(battery={"kwh": 0.1}))


def test_batteries_by_a_tariff_sell_without_pv():
    homes = DAY.with_(load={"buses": "all"}, pv={"kwp": 0.0}, battery={"kwh": 9.0, "buses": "all"})
    assert "nothing will be traded: there is no PV, so nobody sells" in warnings_of(homes)
    tariff = {"hours": "17-21", "value": 0.3, "else": 0.2}
    some = homes.with_(battery={"rule": "tariff", "share": 0.5}, market={"retail_per_kwh": tariff})
    assert not any("nothing will be traded" in one for one in warnings_of(some))


def test_a_single_participant_has_nobody_to_trade_with():
    alone = SWEEP.with_(participants={"buses": [12]}, scenarios={"count": 1, "shares": [1.0]})
    assert "nothing will be traded: a single bus takes part, which has nobody to trade with" in warnings_of(alone)


def test_flows_without_any_load_are_warned_of(tmp_path, monkeypatch):
    """A transformer of vector group Dyn5 (150 degrees) between two external grids that both say 0 degrees."""
    monkeypatch.chdir(tmp_path)
    net = pp.create_empty_network()
    for kv in (20.0, 0.4):
        pp.create_ext_grid(net, pp.create_bus(net, kv))
    pp.create_transformer(net, 0, 1, "0.25 MVA 20/0.4 kV")
    pp.to_json(net, "net.json")
    # x = sqrt(0.06^2 - 0.0144^2) = 0.05825 p.u. of 0.25 MVA, so that 150 degrees drive 250 / 0.05825 * 2.618 = 11.2 MW
    (told,) = (one for one in check_network("net.json")[1] if "without any load" in one)
    assert told.startswith("1 branch is over its limit without any load or PV (trafo 0 449")
    pp.to_json(pn.create_cigre_network_mv(), "net.json")
    assert not any("without any load" in one for one in check_network("net.json")[1])


def test_a_spot_price_may_have_a_peak():
    assert warnings_of(DAY.with_(market={"retail_per_kwh": {"series": [0.3] * 23 + [4.0]}})) == []


def test_other_units_that_no_one_means():
    assert warnings_of(DAY.with_(market={"co2_kg_per_kwh": 400})) == [
        "market.co2_kg_per_kwh = 400 kg per kWh: probably in g; divide by 1000"
    ]
    assert warnings_of(DAY.with_(pv={"kwp": 3000})) == ["pv.kwp = 3000 kWp at one bus: probably in W"]
    assert "pv.kwp = 0.003 kWp at one bus: probably in MW" in warnings_of(DAY.with_(pv={"kwp": 0.003}))
    ampacity = {"ampacity_ka": 200, "ampacity_ka_by_std_type": {"OH3": 100}}
    assert "ampacities of network: ampacity_ka 200, OH3 100 kA: probably in A; divide by 1000" in warnings_of(
        DAY.with_(network=ampacity)
    )


@pytest.mark.parametrize(
    ("load", "sun", "told"),
    [
        # 10 kWh a day in Wh, and in MWh; PV of 0.5 kW per kWp in W, and that of a system of 10 kWp; in MW
        (2500.0, 0.5, ["load.profile: home 1e+04 kWh per home and day: probably in W or Wh"]),
        (0.0025, 0.5, ["load.profile: home 0.01 kWh per home and day: probably in MW or MWh"]),
        (2.5, 500.0, [f"pv.profile: roof 500 {HIGH}"]),
        (2.5, 5.0, [f"pv.profile: roof 5 {HIGH}"]),
        (2.5, 0.0005, ["pv.profile: roof 0.0005 kW per kWp at its highest: probably in MW or MWh"]),
        (2.5, 0.5, []),
    ],
)  # fmt: skip
def test_profiles_in_other_units(tmp_path, load, sun, told):
    # four steps of six hours: a sun of 1 kW per kWp gives 6 kWh in its step
    source = table(tmp_path / "day.csv", np.full(4, load), 6.0 * sun * NIGHT)
    study = DAY.with_(profiles=source, load={"profile": "home"}, pv={"profile": "roof", "kwp": 40})
    assert [one for one in warnings_of(study) if "profile" in one] == told
    if told:
        with pytest.warns(fastp2p.InputWarning, match=told[0].split(":")[0]):
            fastp2p.run(study, workers=1)


def test_check_says_what_a_home_uses():
    facts, _ = check_study(SWEEP)
    # sums of fastp2p/data/typical_day.csv
    assert facts["energy"] == (
        "residential_0 55.7, residential_1 82.5, residential_2 87.5 kWh per home and day; "
        "solar_0 3.9, solar_1 2.5, solar_2 4.2 kWh per kWp and day"
    )
    assert "US buildings" in facts["typical day"]
    assert "typical day" not in check_study(DAY)[0] or "Global Solar Atlas" in check_study(DAY)[0]["typical day"]


def test_homes_with_profiles_of_their_own_are_these_alone(tmp_path):
    """Not the shop, which is background and in the same table."""
    kwh = np.array([[1.0] * 4, [2.0] * 4, [500.0] * 4, [0.0, 1.0, 1.0, 0.0]])
    fastp2p.Profiles(("bus_12", "bus_16", "shop", "roof"), ("load", "load", "load", "pv"), kwh, 6.0).save(tmp_path / "a.csv")
    background = [{"buses": [18], "load": "shop"}]
    study = DAY.with_(
        profiles={"source": str(tmp_path / "a.csv")},
        participants={"buses": [12, 16], "background": background},
        load={"profile": "by_bus", "buses": [12, 16]},
        pv={"profile": "roof", "buses": [12]},
    )
    assert check_study(study)[0]["energy"] == "bus_12 4.0, bus_16 8.0 kWh per home and day; roof 2.0 kWh per kWp and day"
    assert [one for one in warnings_of(study) if "load.profile" in one] == []
    labels = [text.get_text() for text in profiles_page(fastp2p.run(study, workers=1)).axes[0].get_legend().get_texts()]
    assert labels == ["bus_12 (this study)", "bus_16 (this study)", "shop"]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"pv": {"kwp": 0.0}}, "there is no PV, so nobody sells"),
        ({"load": {"homes": 0.0}}, "there is no load, so nobody buys"),
        (
            {"market": {"ask_per_kwh": 0.3}},
            "bids are below asks whenever there is a surplus: at most 0.2 is bid, and at least 0.3 USD per kWh is asked",
        ),
        # everybody has both, and far less PV than load: 0.1 kWp give at most 0.05 kW, a home draws 1.4 kW or more
        (
            {"load": {"buses": "all"}, "pv": {"buses": "all", "kwp": 0.1}},
            "there is no surplus: no bus ever has more PV than load",
        ),
        # everybody has both, and the same of each
        (
            {"load": {"buses": "all"}, "pv": {"buses": "all", "kwp": 900.0}},
            "whenever a bus has a surplus, every other has one, too",
        ),
        ({"market": {"pricing": "mid_market_rate", "feed_in_per_kwh": 0.3}}, None),  # refused by the rule
    ],
)
@pytest.mark.usefixtures("no_figures")
def test_a_day_without_trades_says_why(changes, why, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    study = DAY.with_(**changes)
    if why is None:
        with pytest.raises(fastp2p.InputError, match="feed-in"):
            check_study(study)
        return
    assert any(one.startswith(f"nothing will be traded: {why}") for one in check_study(study)[1])
    assert not fastp2p.run(study, workers=1).scenarios.matched_kwh.any()  # as said
    Path("mine.toml").write_text(study.to_toml())
    ran = CliRunner().invoke(app, ["run", "mine.toml", "--out", "out"])
    assert ran.exit_code == 0
    assert f"no trades: {why}" in " ".join(ran.stdout.split())


def test_a_sweep_whose_largest_share_trades_nothing():
    # where all have PV nobody buys at noon, and at night nobody sells; at 30 % some do
    study = SWEEP.with_(load={"profile": "residential_0"}, pv={"kwp": 900}, scenarios={"shares": [0.3, 1.0]})
    assert not any("nothing" in one for one in check_study(study)[1])
    told = check_study(study.with_(scenarios={"shares": [0.0, 1.0]}))[1]
    assert any(one.startswith("nothing will be traded in the first 20 scenarios: whenever a bus has a surplus") for one in told)


@pytest.mark.usefixtures("no_figures")
def test_connections_are_balanced_three_phase(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    balanced = "every connection is modelled as balanced three-phase; single-phase PV raises voltages more"
    assert balanced in check_study(DAY)[0]["phases"]  # single homes
    large = DAY.with_(load={"homes": 20}, pv={"kwp": 60})
    assert "phases" not in check_study(large)[0]
    assert balanced in check_study(large.with_(clearing={"audit": True}))[0]["phases"]  # voltages are asked for
    assert "phases" in check_study(large.with_(clearing={"physics": "lindistflow"}))[0]
    for audit in (True, False):
        Path("mine.toml").write_text(large.with_(clearing={"audit": audit}).to_toml())
        shown = CliRunner().invoke(app, ["run", "mine.toml", "--out", f"out-{audit}"])
        assert shown.exit_code == 0, shown.output
        assert (balanced in " ".join(shown.stdout.split())) == audit


def test_asymmetric_loads_are_taken_as_balanced(tmp_path):
    net = shipped("cigre_lv")
    pp.create_asymmetric_load(net, 12, p_a_mw=0.003)
    pp.to_json(net, str(tmp_path / "net.json"))
    told = check_network(str(tmp_path / "net.json"))[1]
    assert any(one.startswith("1 loads and generators are asymmetric: every connection is modelled as") for one in told)
    blocks = {"load": {"homes": 30}, "pv": {"kwp": 30.0}}  # no small home says it
    assert "phases" not in check_study(DAY.with_(**blocks))[0]
    study = DAY.with_(network={"source": str(tmp_path / "net.json")}, **blocks)
    assert "balanced three-phase" in check_study(study)[0]["phases"]


def test_a_comparison_says_once_what_looks_wrong():
    study = DAY.with_(market={"retail_per_kwh": 20})
    with pytest.warns(fastp2p.InputWarning) as told:
        fastp2p.compare_rules(study, ["ask", "bid", "midpoint"], workers=1)
    assert [str(one.message).split(" = ")[0] for one in told] == ["market.retail_per_kwh"]
