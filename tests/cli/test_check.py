"""The command `check`: what it says of a network and of a study."""

import json
import re
from pathlib import Path

import pandapower as pp
import pytest

from tests.support.commands import call, refused_command
from tests.support.shipped import shipped

pytestmark = pytest.mark.usefixtures("elsewhere")


def test_check_warns_of_placeholder_ratings():
    result = call("check", "cigre_lv")
    assert "buses           41 (pandapower has 44: closed switches join some, open ends add some)\n" in result.stdout
    assert "load buses      2, 12, 16, 17, 18, 19, 22, 24, 35, 36, 37, 40, 41, 42, … (15)\n" in result.stdout
    assert "37 line, 3 trafo" in result.stdout
    assert "radial" in result.stdout
    assert "warning: all 37 lines" in result.stdout
    assert "placeholder" in result.stdout
    assert "ampacity_ka" in result.stdout
    assert result.stderr == ""


def test_check_with_nothing_wrong():
    assert "nothing looks wrong" in call("check", "village_1").stdout
    assert json.loads(call("check", "village_1", "--json").stdout)["warnings"] == []


def test_check_says_what_a_study_would_do():
    result = call("check", "paper-44")
    assert "24 of 1 h" in result.stdout
    assert "x residential_0: 12, 17, 19, 35, 37, 41" in result.stdout
    assert "kWp of solar_1: 16, 18, 22, 36, 40, 42" in result.stdout
    assert "placeholder" in result.stdout
    assert not list(Path().iterdir())


def test_check_says_who_may_take_part():
    """Of 13 leaf buses six are at even places and six at odd ones; an asymmetric load is a load."""
    printed = call("check", "paper-44").stdout
    assert "13 leaf buses: ends of the energised network, no external grid among them" in printed
    assert "6 buses at even places (as many as at odd ones, so that bus 43, the last of 13, is at neither)" in printed
    text = call("studies", "paper-44").stdout.replace('"cigre_lv"', '"ieee_european_lv_asymmetric"')
    Path("mine.toml").write_text(text.replace('buses = "leaves"', 'buses = "loads"'))
    facts = json.loads(call("check", "mine.toml", "--json").stdout)["facts"]
    assert facts["may take part"] == "55 buses with a load in the network (55 with an asymmetric load)"
    assert facts["load buses"].endswith("(55) (55 with an asymmetric load)")


def test_check_of_a_study_file_as_json():
    Path("mine.toml").write_text(call("studies", "paper-44").stdout.replace("ask_per_kwh = 0.05", "ask_per_kwh = 0.5"))
    printed = json.loads(call("check", "mine.toml", "--json").stdout)
    assert printed["facts"]["market"].startswith("net orders")
    assert any("nothing will be traded" in warning for warning in printed["warnings"])


def test_check_names_buses_and_elements_without_a_path_to_the_slack():

    net = shipped("cigre_lv")
    net.line.loc[5, "in_service"] = False
    pp.to_json(net, "cut.json")
    result = call("check", "cut.json")
    assert "6 buses have no path to an external grid and are left out: 8, 9, 10, 11, 18, 19" in result.stdout
    assert "load 4 at bus 18, load 5 at bus 19" in result.stdout


def test_check_says_what_may_flow_back():
    """CIGRE LV has transformers of 500, 150 and 300 kVA."""
    text = '[network]\nsource = "cigre_lv"{}\n[load]\nprofile = "residential_0"\n[pv]\nprofile = "solar_0"\n'
    Path("mine.toml").write_text('name = "mine"\n' + text.format("\nreverse_kw = { of_rating = 0.1 }"))
    said = "3 transformers, at most 15 … 50 kW towards the external grid"
    assert json.loads(call("check", "mine.toml", "--json").stdout)["facts"]["reverse power"] == said
    assert "reverse power" not in call("check", "cigre_lv").stdout


def test_check_says_what_batteries_there_are():
    text = call("studies", "paper-44").stdout

    def said(section):
        Path("mine.toml").write_text(f"{text}\n[battery]\n{section}\n")
        return json.loads(call("check", "mine.toml", "--json").stdout)["facts"]["batteries"]

    use = "90% of a charge comes back; for a home's own use; steps repeat, and each ends as it begins"
    assert said("kwh = 8") == f"where PV is: 8 kWh, half of that per hour, {use}"
    assert said('kwh = 8\nkw = 3.0\nbuses = "all"\nshare = 0.3') == (
        f"at all participants, each with a probability of 30%: 8 kWh, 3 kW, {use}"
    )
    assert said("kwh = 8\nbuses = [16, 12]").startswith("at 2 buses: 12, 16: 8 kWh")
    text = text.replace("retail_per_kwh = 0.20", 'retail_per_kwh = { hours = "17-21", value = 0.3, else = 0.2 }')
    by_tariff = use.replace("own use", "own use, and by the hours of the retail tariff")
    assert said('kwh = 8\nrule = "tariff"') == f"where PV is: 8 kWh, half of that per hour, {by_tariff}"
    assert "batteries" not in call("check", "paper-44").stdout


def test_check_says_what_vehicles_there_are_and_how_many_cannot_be_charged():
    text = call("studies", "pv-sweep").stdout

    def said(section):
        Path("mine.toml").write_text(f"{text}\n[ev]\n{section}\n")
        found = json.loads(call("check", "mine.toml", "--json").stdout)
        return found["facts"]["electric vehicles"], [one for one in found["warnings"] if "vehicles" in one]

    assert said("") == ("at all participants: 8 kWh a day at 11 kW, from 18 to 7 h; charged from the arrival on", [])
    kwh = '{ distribution = "choice", values = [5.0, 60.0] }'
    facts, (warning,) = said(f'buses = [16, 12]\nkwh = {kwh}\nkw = 3.0\nrule = "surplus"')
    assert facts.startswith("at 2 buses: 12, 16: choice(values (5.0, 60.0)) kWh a day at 3 kW, from 18 to 7 h; ")
    assert facts.endswith("; charged from own surplus first, the rest in time")
    assert re.fullmatch(
        r"ev: \d+ of 40 vehicles of the first 20 scenarios \(\d\d%\) need more than ev\.kw gives in the whole steps of 60 min "
        "from arrival to departure; what is missing is in ev_unmet_kwh",
        warning,
    )


@pytest.mark.parametrize("subject", ["case14", "create_cigre_network_mv"])
def test_check_of_meshed_networks(subject):
    result = call("check", subject)
    assert "branches" in result.stdout
    assert "Traceback" not in result.output


def test_a_study_that_is_misspelt_is_offered_beside_networks():
    told = refused_command("check", "pv-swep")
    assert "network 'pv-swep' is neither a built-in network" in told
    assert "nor is 'pv-swep' a built-in study; did you mean pv-sweep?" in told


def test_check_says_what_the_network_carries_beside_the_market():
    text = call("studies", "paper-44").stdout.replace("[participants]\n", "[participants]\nbackground = {}\n")

    def said(background, battery):
        Path("mine.toml").write_text(f"{text.replace('{}', background)}\n[community_battery]\n{battery}\n")
        return json.loads(call("check", "mine.toml", "--json").stdout)["facts"]

    entries = '[{ buses = [3, 4], load = "commercial_0", size = [1, 2.5] }, { buses = "all", pv = "solar_0", size = 0.1 }]'
    facts = said(entries, "bus = 5\nkwh = 50")
    assert facts["background"] == "2 buses with 1…2.5 (listed) x commercial_0; 40 buses with 0.1 kWp of solar_0"
    assert facts["community battery"] == (
        "at bus 5: 50 kWh, half of that per hour, 90% of a charge comes back; for what participants together have over and "
        "need; steps repeat, and each ends as it begins"
    )
    assert not {"background", "community battery"} & set(json.loads(call("check", "paper-44", "--json").stdout)["facts"])
