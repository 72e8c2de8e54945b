"""Studies changed from Python: sections merged key by key, checked, and checked again by whatever runs them."""

import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.cli.check import check_study
from fastp2p.study.distributions import Uniform
from fastp2p.study.model import Study
from fastp2p.study.sections import MarketPart

SWEEP = fastp2p.studies()["pv-sweep"]
DAY = fastp2p.studies()["paper-44"]


def faults(call, *arguments, **options):
    """What a call says is wrong."""
    with pytest.raises(fastp2p.InputError) as error:
        call(*arguments, **options)
    return list(error.value.faults)


def test_a_section_is_changed_key_by_key():
    changed = SWEEP.with_(seed=7, market={"ask_per_kwh": 0.1}, scenarios={"shares": [0.2]})
    assert (changed.seed, changed.market.ask_per_kwh, changed.scenarios.shares) == (7, 0.1, (0.2,))
    assert changed.market.bid_per_kwh == SWEEP.market.bid_per_kwh  # as are all the others
    assert (
        changed.with_(seed=1, market={"ask_per_kwh": SWEEP.market.ask_per_kwh}, scenarios={"shares": [0.1, 0.3, 0.5]}) == SWEEP
    )
    assert fastp2p.studies()["pv-sweep"] == SWEEP  # and the first one is as it was
    assert SWEEP.with_() == SWEEP


def test_what_is_changed_is_what_is_run():
    # under the rule "ask" every trade has the price of its ask, the same for all in this study
    trades = fastp2p.run(DAY.with_(market={"ask_per_kwh": 0.125, "bid_per_kwh": 0.25})).trades
    assert set(trades.price_per_kwh) == {0.125}


def test_a_value_of_a_key_is_replaced_whole():
    assert SWEEP.with_(pv={"kwp": 3}).pv.kwp == 3.0  # a distribution by a number
    back = SWEEP.with_(pv={"kwp": 3}).with_(pv={"kwp": {"distribution": "uniform", "low": 1, "high": 2}})
    assert back.pv.kwp == Uniform(distribution="uniform", low=1, high=2)
    assert back.with_(pv={"kwp": [1, 2, 3]}).pv.kwp == (1, 2, 3)
    # another distribution takes over nothing from the one before
    assert faults(SWEEP.with_, pv={"kwp": {"distribution": "normal", "mean": 5}}) == ["pv.kwp.sd is missing"]
    by_type = SWEEP.with_(network={"ampacity_ka_by_std_type": {"UG1": 0.1}}).network.ampacity_ka_by_std_type
    assert by_type == {"UG1": 0.1}
    assert SWEEP.with_(market={"bid_per_kwh": {"series": [0.1] * 24}}).market.bid_per_kwh.series == (0.1,) * 24


def test_an_optional_section_is_changed_once_it_is_there():
    stop = {"indicator": "executed_kwh", "within": 0.01}
    changed = SWEEP.with_(scenarios={"stop": stop}).with_(scenarios={"stop": {"within": 0.02}})
    assert (changed.scenarios.stop.indicator, changed.scenarios.stop.within) == ("executed_kwh", 0.02)
    assert faults(SWEEP.with_, scenarios={"stop": {"within": 0.02}}) == ["scenarios.stop.indicator is missing"]
    assert changed.with_(scenarios={"stop": None}).scenarios.stop is None


def test_none_brings_back_the_default():
    assert SWEEP.with_(market=None).market == MarketPart()
    assert SWEEP.with_(market={"ask_per_kwh": None}).market.ask_per_kwh == 0.05
    assert faults(SWEEP.with_, network=None, load={"profile": None}) == ["network is missing", "load.profile is missing"]


def test_sections_of_another_study():
    assert SWEEP.with_(market=DAY.market).market == DAY.market
    assert "name the keys to change in it" in faults(SWEEP.with_, market=DAY.network)[0]


def test_values_as_python_has_them():
    changed = SWEEP.with_(
        network={"source": Path("net.json")},
        pv={"kwp": np.arange(13.0)},
        scenarios={"shares": np.array([0.25, 0.5]), "count": np.int64(5)},
        profiles={"first_day": datetime.date(2018, 7, 1)},
    )
    assert SWEEP.with_(pv={"buses": range(12, 15), "kwp": pd.Series([1.0, 2.0])}).pv.buses == (12, 13, 14)
    assert SWEEP.with_(network={"ampacity_ka_by_line": {np.int64(3): np.float32(0.25)}}).network.ampacity_ka_by_line == {
        3: 0.25
    }
    assert changed.network.source == "net.json"
    assert changed.pv.kwp == tuple(range(13))
    assert (changed.scenarios.shares, changed.scenarios.count) == ((0.25, 0.5), 5)
    assert Study.model_validate(changed.model_dump()) == changed


WAY = "is a section; name the keys to change in it, as in"


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"network": "cigre_lv"}, [f"network = 'cigre_lv': {WAY} network={{'source': …}}"]),
        ({"scenarios": {"stop": 3}}, [f"scenarios.stop = 3: {WAY} stop={{'indicator': …}}"]),
        ({"market": {"ask_per_kw": 0.1}}, ["unknown key market.ask_per_kw; did you mean ask_per_kwh?"]),
        ({"ask_per_kwh": 0.1}, ["unknown key ask_per_kwh; did you mean ask_per_kwh in the section market?"]),
        ({"market.ask_per_kwh": 0.1}, ["unknown key market.ask_per_kwh; did you mean ask_per_kwh in the section market?"]),
        ({"market": {3: 4}}, [f"unknown key market.3; known are {', '.join(MarketPart.model_fields)}"]),
        ({"curency": None}, ["unknown key curency; did you mean currency?"]),
        ({"market": {"asks": None}}, [f"unknown key market.asks; known are {', '.join(MarketPart.model_fields)}"]),
        ({"curency": "EUR"}, ["unknown key curency; did you mean currency?"]),
        ({"market": {"bid_per_kwh": float("nan")}}, ["market.bid_per_kwh = nan: must be a finite number"]),
        ({"scenarios": {"shares": [30]}}, ["scenarios.shares.0 = 30: must be less than or equal to 1"]),
        ({"network": {"v_max_pu": True}}, ["network.v_max_pu = True: must be a number"]),
        ({"pv": {"kwp": -3.0}}, ["pv.kwp = -3.0: must lie in 0…1,000,000 kWp at a bus"]),
        ({"seed": 10**5000}, [f"seed = a number of more than 100 digits: must be less than {2**128}"]),
        (
            {"name": 3, "pv": [1], "load": {"homes": -1}},
            [
                f"pv = [1]: {WAY} pv={{'profile': …}}",
                "name = 3: must be a text",
                "load.homes = -1: must lie in 0…1,000,000 homes at a bus",
            ],
        ),
    ],
)
def test_wrong_changes_are_all_named(changes, message):
    assert faults(SWEEP.with_, **changes) == message


def unchecked():
    """A study with wrong values that pydantic's `model_copy` has let in, and one fault or more for each."""
    scenarios = SWEEP.scenarios.model_copy(update={"shares": [30]})
    clearing = SWEEP.clearing.model_copy(update={"objective": "volum", "strss": 3})
    market = SWEEP.market.model_copy(update={"bid_per_kwh": float("nan")})
    update = {"scenarios": scenarios, "clearing": clearing, "market": market, "pv": {"kwp": -3}, "curency": "EUR"}
    return SWEEP.model_copy(update=update), [
        "pv = {'kwp': -3}: is not a section of a study; study.with_(pv={…}) changes the keys that it names",
        "pv.profile is missing",
        "pv.kwp = -3: must lie in 0…1,000,000 kWp at a bus",
        "market.bid_per_kwh = nan: must be a finite number",
        "clearing.objective = 'volum': must be 'volume', 'welfare' or 'pro_rata'",
        "unknown key clearing.strss; did you mean stress?",
        "scenarios.shares.0 = 30: must be less than or equal to 1",
        "unknown key curency; did you mean currency?",
    ]


@pytest.mark.parametrize(
    "use",
    [
        fastp2p.run,
        check_study,
        lambda study: fastp2p.scenarios(study, range(1)),
        lambda study: fastp2p.compare_rules(study, ["ask", "bid"]),
    ],
    ids=["run", "check", "scenarios", "compare"],
)
def test_whatever_uses_a_study_checks_it(use):
    study, message = unchecked()
    assert faults(use, study) == message
    assert "load is missing" in faults(use, Study.model_construct(name="a", network=SWEEP.network, pv=SWEEP.pv))


def test_what_model_copy_put_in_is_taken_where_it_is_right():
    market = SWEEP.market.model_copy(update={"bid_per_kwh": {"distribution": "uniform", "low": 0.3, "high": 0.4}})
    drawn = fastp2p.scenarios(SWEEP.model_copy(update={"market": market}), range(20))
    assert 0.3 <= drawn.bid_per_kwh.min() <= drawn.bid_per_kwh.max() <= 0.4
