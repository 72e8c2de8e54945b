"""Study files: where they are, what they may say, and that every fault is named at once."""

from pathlib import Path

import pandapower as pp
import pytest

import fastp2p
from tests.support.commands import call, refused_command
from tests.support.shipped import shipped
from tests.support.studies import refused, run_text, study_text

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")


@pytest.mark.parametrize(
    ("subject", "told"),
    [
        ("nope.toml", ["nope.toml", "not found", "fastp2p studies"]),
        ("folder.toml", ["folder.toml", "is a folder, not a file"]),
        ("no/such/folder/x.toml", ["no/such/folder/x.toml", "not found"]),
        ("paper-45", ["'paper-45'", "paper-44", "paper-80", ".toml"]),
        ("ä [red]☀ 'q'.toml", ["ä [red]☀ 'q'.toml", "not found"]),
    ],
)
def test_studies_that_are_not_there(subject, told):
    Path("folder.toml").mkdir()
    for command in (["run", subject], ["run", subject, "--out", "out"]):
        message = refused_command(*command)
        assert all(piece in message for piece in told), message


def test_a_study_that_is_no_text():
    Path("mine.toml").write_bytes(b"\xff\xfe\x00name")
    assert "mine.toml: could not be read" in refused_command("run", "mine.toml")


@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('name = "a"\nname = "b"\n', "line 2"),
        ('name = "a"\n[network\n', "line 2"),
        ("name = a\n", "line 1"),
        ('a = 1\n\nb = "\n', "line 3"),
        ("x = [1,\n2", "end of document"),
    ],
)
def test_wrong_toml(command, text, where):
    Path("mine.toml").write_text(text)
    message = refused_command(command, "mine.toml")
    assert "mine.toml: not valid TOML" in message
    assert where in message


def test_an_empty_study_misses_everything():
    refused("", "name is missing", "network is missing", "load is missing", "pv is missing")


def test_every_fault_of_a_study_is_named_at_once():
    refused(
        study_text(
            top='curency = "EUR"\nseed = -1\nname = 3',
            network="angle_deg = nan\nlimit_factor = -1\nlimts = []",
            profiles="source = 7",
            participants='buses = "leafs"',
            load="homes = -2.5\nbuses = 12",
            pv='kwp = inf\nprofle = "solar_0"',
            market='bid_per_kwh = nan\norders = "brutto"\npricng = "ask"',
            clearing="stress = 0\n[clearng]",
        ),
        "mine.toml: unknown key curency; did you mean currency?",
        "seed = -1: ",
        "name = 3: ",
        "network.angle_deg = nan: ",
        "network.limit_factor = -1: ",
        "unknown key network.limts; did you mean limits?",
        "profiles.source = 7: ",
        "participants.buses = 'leafs': ",
        "'leaves', 'loads' or 'all'",
        "load.homes = -2.5: ",
        "load.buses = 12: ",
        "pv.kwp = inf: ",
        "unknown key pv.profle; did you mean profile?",
        "market.bid_per_kwh = nan: ",
        "market.orders = 'brutto': ",
        "'net' or 'gross'",
        "unknown key market.pricng; did you mean pricing?",
        "clearing.stress = 0: ",
        "unknown key clearng; did you mean clearing?",
    )


@pytest.mark.parametrize("share", ["-0.1", "1.5", "nan", '"half"'])
def test_shares_lie_between_0_and_1(share):
    refused(study_text(clearing=f"[scenarios]\nshares = [0.5, {share}]"), "scenarios.shares", share.strip('"'))


def test_unknown_keys_without_a_near_match_list_the_known_ones():
    refused(study_text(pv="zzz = 1"), "unknown key pv.zzz; known are profile, buses, kwp")


PRICES = ("bid_per_kwh", "ask_per_kwh", "retail_per_kwh", "feed_in_per_kwh")


@pytest.mark.parametrize(
    ("section", "key"),
    [
        (section, key)
        for section, keys in {
            "network": ["limit_factor", "angle_deg", "ampacity_ka"],
            "load": ["homes"],
            "pv": ["kwp"],
            "market": [*PRICES, "min_order_kwh", "network_charge_per_kwh", "branch_charge_per_kwh", "co2_kg_per_kwh"],
            "clearing": ["stress"],
        }.items()
        for key in keys
    ],
)
def test_numbers_are_finite_and_not_negative_but_for_prices(section, key):
    for value in ("nan", "inf", "-inf", '"much"', "{ a = 1 }", "2024-01-01", *(["-0.1"] if key not in PRICES else [])):
        refused(study_text(**{section: f"{key} = {value}"}), f"mine.toml: {section}.{key} = ")


@pytest.mark.parametrize(
    ("section", "line"),
    [
        ("network", 'limits = "thermal"'),
        ("network", 'limits = ["thermal", "thermel"]'),
        ("network", "source = ['cigre_lv']"),
        ("network", "ampacity_ka_by_std_type = { UG1 = 0 }"),
        ("network", "ampacity_ka_by_line = { one = 1 }"),
        ("participants", "buses = [1.5]"),
        ("load", "profile = 1"),
        ("load", "homes = true"),
        ("load", 'homes = "2"'),
        ("load", "buses = [12, true]"),
        ("market", 'bid_per_kwh = "0.3"'),
        ("load", 'buses = ["a"]'),
        ("pv", 'buses = "leaves"'),
        ("market", 'ties = "random"'),
        ("clearing", 'objective = "money"'),
        ("clearing", "surplus = true"),
    ],
)
def test_wrong_types_and_words(section, line):
    refused(study_text(**{section: line}), f"mine.toml: {section}.{line.split()[0]}")


def test_a_section_that_is_no_table():
    refused('name = "mine"\nnetwork = "cigre_lv"\nload = 1\npv = []\n', "network = 'cigre_lv'", "load = 1", "pv = []")


def test_text_like_markup_is_printed_as_it_is():
    refused(study_text(top='"[red]k[/red]" = 1\n"[/]" = 2'), "unknown key [red]k[/red]", "unknown key [/]")
    refused(study_text(network='source = "[bold]net"', load='profile = "[/dim]"'), "'[bold]net'")
    refused(study_text(load='profile = "[/dim]"', pv='profile = "größe ☀"'), "'[/dim]'", "'größe ☀'")


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/b", "", ".", "..", "a\\nb", "a\\u0000b"])
def test_a_study_name_is_a_folder_name(name):
    Path("mine.toml").write_text(study_text(top=f'name = "{name}"'))
    assert "name = " in refused_command("run", "mine.toml")


@pytest.mark.parametrize(
    "text",
    [
        study_text(load="buses = [100000000000000000000000]"),
        study_text(network='source = "a\\u0000b"'),
        study_text(network=f'source = "{"a" * 300}.json"'),
        study_text(profiles=f'source = "{"a" * 300}.csv"'),
        study_text(top="seed = " + "9" * 5000),
        study_text(top="x = " + "[" * 20000),
        study_text(network="limit_factor = 1e-308"),
    ],
    ids=["bus", "nul", "longnet", "longcsv", "digits", "nested", "tinyfactor"],
)
def test_values_of_any_size_are_refused_in_words(text):
    refused(text)


@pytest.mark.parametrize("value", ["false", "true"])
def test_a_key_that_has_gone_says_what_to_do(value):
    refused(
        study_text(market=f"same_bus = {value}"),
        'market.same_bus is no longer a key: a bus trades only with others under orders = "net"',
    )


def test_each_entry_of_a_table_is_named():
    refused(study_text(network="ampacity_ka_by_line = { 0 = -1, 1 = -2 }"), "by_line.0 = -1", "by_line.1 = -2")


@pytest.mark.parametrize("name", list(fastp2p.studies()))
def test_a_printed_study_is_a_study_file(name):
    Path("mine.toml").write_text(call("studies", name).stdout, encoding="utf-8")
    assert fastp2p.Study.from_toml("mine.toml") == fastp2p.studies()[name]


def test_everything_a_study_may_say_survives_its_toml():
    parts = {
        "name": "all of it",
        "description": 'quotes " and \\, lines\nand ☀ [red]',
        "currency": "EUR",
        "seed": 7,
        "network": {
            "source": "cigre_lv",
            "limits": [],
            "angle_deg": 30.0,
            "limit_factor": 0.5,
            "ampacity_ka": 0.3,
            "ampacity_ka_by_std_type": {"UG1": 0.2},
            "ampacity_ka_by_line": {"0": 0.1, "3": 0.05},
        },
        "participants": {"buses": [12, 16, 17]},
        "load": {"profile": "residential_0", "buses": [12, 17], "homes": 2.5},
        "pv": {"profile": "solar_0", "buses": "odd", "kwp": 0.0},
        "market": {"orders": "gross", "ties": "order"},
        "clearing": {"objective": "pro_rata", "surplus": "spill"},
    }
    study = fastp2p.Study.model_validate(parts)
    Path("s.toml").write_text(study.to_toml(), encoding="utf-8")
    assert fastp2p.Study.from_toml("s.toml") == study


def test_the_written_study_finds_its_files():
    pp.to_json(shipped("cigre_lv"), "net.json")
    run_text(study_text(network='source = "net.json"'))
    call("run", "out/study.toml", "--out", "again")
