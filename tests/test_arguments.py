"""Something else in place of what a function takes: an InputError that says what is needed, and the way from the one to it."""

import dataclasses
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.io.network_sources import load_network
from fastp2p.market.trades import Leftovers

DAY = fastp2p.studies()["paper-44"]
FRAME = pd.DataFrame(np.ones((24, 2)), columns=["home", "roof"])


@pytest.fixture(scope="module")
def net():
    return load_network("cigre_lv")


@pytest.fixture(scope="module")
def scenarios():
    """The table of scenarios of a small sweep."""
    return fastp2p.run(fastp2p.studies()["pv-sweep"].with_(scenarios={"count": 5, "keep": ["books"]}), workers=1).scenarios


def message(call, *arguments, **options):
    with pytest.raises(fastp2p.InputError) as error:
        call(*arguments, **options)
    return str(error.value)


@pytest.mark.parametrize(
    ("study", "way"),
    [
        ("paper-44", "study must be a Study, not 'paper-44'; fastp2p.studies()['paper-44']"),
        (Path("street.toml"), "not 'street.toml'; Study.from_toml('street.toml') reads one"),
        ({"name": "a"}, "not a dict; fastp2p.Study(**tables) makes one"),
        (None, "not None; fastp2p.studies() has the built-in ones, Study.from_toml reads one"),
        (fastp2p.Study, "not the class Study"),
    ],
)
def test_a_study_by_another_name(study, way):
    for call in (fastp2p.run, lambda one: fastp2p.scenarios(one, range(1)), lambda one: fastp2p.compare_rules(one, ["ask"])):
        assert way in message(call, study)


def test_networks_and_profiles_by_another_name(net):
    assert "not a pandapowerNet; Network.from_pandapower(net) makes one of it" in message(fastp2p.run, DAY, network=net)
    assert "not 'net.json'; Network.load('net.json') makes one" in message(fastp2p.run, DAY, network=Path("net.json"))
    assert "not a DataFrame; Profiles(names, kinds, kwh_per_unit" in message(fastp2p.run, DAY, profiles=FRAME)
    assert "not a list; Profiles.combined puts several" in message(fastp2p.run, DAY, profiles=[fastp2p.Profiles.load()])
    both = message(fastp2p.run, "paper-44", network="cigre_lv", profiles="day.csv", out=3)
    assert [line.split()[0] for line in both.splitlines()] == ["study", "out", "network", "profiles"]


def test_what_is_loaded_is_a_name_or_path(net):
    assert "not by a pandapowerNet; Network.from_pandapower(net) makes one of it" in message(fastp2p.Network.load, net)
    assert "'cigre_lv' is not a pandapower network; Network.load('cigre_lv') makes one" in message(
        fastp2p.Network.from_pandapower, "cigre_lv"
    )
    assert "not by a DataFrame; Profiles(names, kinds, kwh_per_unit" in message(fastp2p.Profiles.load, FRAME)
    assert "a list of one or several Profiles" in message(fastp2p.Profiles.combined, fastp2p.Profiles.load())
    assert "fastp2p.studies()['paper-44'] is a built-in one" in message(fastp2p.Study.from_toml, "paper-44")
    assert "not a DataFrame" in message(fastp2p.open_results, FRAME)


@pytest.mark.parametrize("wrong", [{"workers": "4"}, {"workers": 1.5}, {"workers": 0}, {"batch_scenarios": -3}])
def test_numbers_of_workers_and_scenarios(wrong):
    ((name, value),) = wrong.items()
    assert message(fastp2p.run, DAY, **wrong) == f"{name} = {value!r}: must be a whole number, at least 1"


def test_executors_and_progress():
    assert "executor must be one of concurrent.futures, not 4" in message(fastp2p.run, DAY, executor=4)
    assert "progress = 'yes': must be true, false or a function" in message(fastp2p.run, DAY, progress="yes")


def test_stages_are_given_what_the_stage_before_returns(net):
    network = fastp2p.Network.from_pandapower(net)
    zeros = np.zeros((1, network.n_bus))
    trades = fastp2p.match_orders(zeros, zeros, zeros[0], zeros[0])
    clearing, left = fastp2p.clear(network, trades, zeros), Leftovers(zeros, zeros, zeros)
    tariffs = {"retail_per_kwh": 0.2, "feed_in_per_kwh": 0.0}
    from_net = "network must be a Network, not a pandapowerNet; Network.from_pandapower(net) makes one of it"
    for call in (fastp2p.ac_flow, fastp2p.lindistflow):
        assert message(call, net, zeros) == from_net
    assert message(fastp2p.clear, net, trades, zeros) == from_net
    assert (
        message(fastp2p.clear, network, FRAME, zeros)
        == "trades must be Trades, not a DataFrame; fastp2p.match_orders returns them"
    )
    assert "trades must be Trades, not a Network" in message(fastp2p.leave_over, zeros, zeros, network)
    assert "clearing must be a Clearing, not a Trades; fastp2p.clear returns it" in message(
        fastp2p.settle, trades, trades, zeros, zeros, left, **tariffs
    )
    assert "left must be Leftovers, not a tuple; fastp2p.leave_over returns them" in message(
        fastp2p.settle, trades, clearing, zeros, zeros, (zeros, zeros), **tariffs
    )
    assert "profiles must be Profiles, not a DataFrame" in message(fastp2p.cluster_days, FRAME, 2)


ABOUT_SCENARIOS = [fastp2p.summarise, fastp2p.compare_shares, fastp2p.find_probabilities, fastp2p.find_audit_rates]


@pytest.mark.parametrize("call", ABOUT_SCENARIOS)
@pytest.mark.parametrize("wrong", [None, "results/pv-sweep", {}, FRAME, DAY])
def test_tables_of_scenarios(call, wrong):
    assert "must be the table results.scenarios" in message(call, wrong)


@pytest.mark.parametrize("call", ABOUT_SCENARIOS)
def test_tables_of_something_else_and_wrong_levels_of_confidence(call, scenarios):
    assert "it must be the table results.scenarios" in message(call, fastp2p.summarise(scenarios))
    assert "several rows of the same share and scenario" in message(call, pd.concat([scenarios, scenarios]))
    assert "scenarios has no rows" in message(call, scenarios.iloc[:0])
    assert "confidence = 95: must lie between 0 and 1, such as 0.95" in message(call, scenarios, 95)


def test_the_table_of_probabilities(scenarios):
    needed = "find_probabilities(results.scenarios) returns"
    for wrong in (scenarios, fastp2p.summarise(scenarios), FRAME, None, {}):
        assert needed in message(fastp2p.find_hosting_capacity, wrong)
        assert needed in message(fastp2p.compare_hosting_capacity, wrong)
    assert "threshold = a" in message(fastp2p.find_hosting_capacity, fastp2p.find_probabilities(scenarios), "a")


def test_profiles_must_match_their_names():
    profiles = fastp2p.Profiles.load()
    with pytest.raises(fastp2p.InputError):
        fastp2p.run(
            fastp2p.studies()["paper-44"], profiles=dataclasses.replace(profiles, kwh_per_unit=profiles.kwh_per_unit[:2])
        )


def test_negative_profiles():
    profiles = fastp2p.Profiles.load()
    with pytest.raises(fastp2p.InputError):
        fastp2p.run(fastp2p.studies()["paper-44"], profiles=dataclasses.replace(profiles, kwh_per_unit=-profiles.kwh_per_unit))
