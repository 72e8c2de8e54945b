"""Bad input: every fault named at once, exit code 2, no traceback, nothing written; from Python an InputError."""

import dataclasses
import json
import pickle
from pathlib import Path

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

import fastp2p
from fastp2p.io.network_sources import load_network
from fastp2p.market.trades import Leftovers
from tests.support.studies import (
    ASKS,
    BIDS,
    HEADER,
    ONES,
    call,
    change,
    no_grid,
    read,
    refused,
    rows,
    run_text,
    study_text,
    with_line,
)

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")


# --- study files


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
        message = call(*command).stderr
        assert all(piece in message for piece in told), message


def test_a_study_that_is_no_text():
    Path("mine.toml").write_bytes(b"\xff\xfe\x00name")
    assert "mine.toml: could not be read" in call("run", "mine.toml").stderr


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
    message = call(command, "mine.toml").stderr
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


# --- who takes part


def test_buses_that_are_not_there_are_all_named():
    refused(
        study_text(participants="buses = [12, 77]", load="buses = [99, 12, 98]", pv="buses = [-1]"),
        "participants.buses: bus 77 does not exist",
        "load.buses: bus 99 does not exist",
        "load.buses: bus 98 does not exist",
        "pv.buses: bus -1 does not exist",
    )


@pytest.mark.parametrize(("participants", "outside"), [("buses = [12, 16]", "18, 22"), ('buses = "leaves"', "2")])
def test_loads_and_pv_outside_the_participants(participants, outside):
    refused(
        study_text(participants=participants, load=f"buses = [{outside}, 12]", pv=f"buses = [{outside}, 16]"),
        f"load.buses: bus {outside} is not a participant; name it in participants.buses, or leave it out here",
        f"pv.buses: bus {outside} is not a participant; name it in participants.buses, or leave it out here",
    )


def test_buses_profiles_and_names_are_named_together():
    refused(
        study_text(load='profile = "residential_9"\nbuses = [99]', pv='profile = "residential_0"\nbuses = [98]'),
        "load.profile: no load profile 'residential_9'; there are residential_0",
        "did you mean 'residential_",
        "pv.profile: no pv profile 'residential_0'; there are solar_0, solar_1, solar_2",
        "load.buses: bus 99 does not exist",
        "pv.buses: bus 98 does not exist",
    )


@pytest.mark.parametrize(
    "sections",
    [{"participants": "buses = []"}, {"load": "buses = []", "pv": "buses = []"}, {"participants": "buses = [12]\n[x]"}],
)
def test_nobody_takes_part(sections):
    sections = {key: value.replace("\n[x]", "") for key, value in sections.items()}
    if sections.get("participants") == "buses = [12]":
        sections |= {"load": 'buses = "even"', "pv": 'buses = "odd"'}
    refused(study_text(**sections), "nobody takes part")


def test_buses_without_a_path_to_the_slack():
    net = load_network("cigre_lv")
    net.line.loc[5, "in_service"] = False
    pp.to_json(net, "cut.json")
    refused(
        study_text(network='source = "cut.json"', load="buses = [18, 12, 8]", pv="buses = [19]"),
        "load.buses: bus 18 has no path to an external grid",
        "load.buses: bus 8 has no path",
        "pv.buses: bus 19 has no path",
    )
    assert "load 4 at bus 18, load 5 at bus 19" in call("check", "cut.json", code=0).stdout


# --- networks


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cigre_vl", ["'cigre_vl'", "did you mean cigre_lv"]),
        ("create_cigre_network_lw", ["did you mean create_cigre_network_lv"]),
        ("zzz", ["'zzz'", "pandapower.networks", ".json or .xlsx"]),
        ("", ["network ''"]),
        ("nope.json", ["nope.json", "not found"]),
        ("nope.xlsx", ["nope.xlsx", "not found"]),
        ("folder.json", ["folder.json", "is a folder, not a file"]),
        ("net.p", ["net.p", "a pickle can run code", "pandapower.to_json"]),
        ("net.PKL", ["net.PKL", "a pickle can run code"]),
        ("net.pickle", ["a pickle can run code"]),
        ("net.mat", ["'net.mat'", ".json or .xlsx"]),
    ],
)
def test_networks_that_are_not_there(name, told):
    Path("folder.json").mkdir()
    for message in (call("check", name).stderr, run_text(study_text(network=f'source = "{name}"')).stderr):
        assert all(piece in message for piece in told), message


def test_pickles_are_not_opened():
    class Trap:
        def __reduce__(self):
            return Path.write_text, (Path("trapped"), "run")

    for name in ("net.p", "net.pkl", "net.json", "net.xlsx"):
        Path(name).write_bytes(pickle.dumps(Trap()))
        call("check", name)
    for name in ("mine.csv", "mine.parquet"):
        Path(name).write_bytes(pickle.dumps(Trap()))
        run_text(study_text(profiles=f'source = "{name}"'))
    assert not Path("trapped").exists()


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", "null", "1", '"x"', '{"a": [1, 2]}', '{"_module": "os"}', "\x00\x01"])
@pytest.mark.parametrize("name", ["net.json", "net.xlsx"])
def test_files_that_are_no_networks(name, content):
    Path(name).write_text(content)
    assert f"network file {name}: " in call("check", name).stderr


def test_what_pandapower_logs_while_reading_does_not_reach_the_user(caplog):
    pp.to_json(load_network("four_loads_with_branches_out"), "net.json")
    text = Path("net.json").read_text()
    assert '"is_multiindex": false' in text
    Path("net.json").write_text(text.replace('"is_multiindex": false', '"is_multiindex": true', 1))
    call("check", "net.json", code=0)
    assert caplog.messages == []


def test_json_cannot_call_what_it_likes():
    for module, name in (("subprocess", "Popen"), ("os", "system"), ("builtins", "exec"), ("shutil", "rmtree")):
        Path("net.json").write_text(json.dumps({"_module": module, "_class": name, "_object": ["touch", "called"]}))
        call("check", "net.json")
    assert not Path("called").exists()


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (no_grid, ["reference bus", "ext_grid"]),
        (change("ext_grid", 0, "in_service", False), ["reference bus", "ext_grid"]),
        (change("ext_grid", 0, "bus", 999), ["ext_grid 0: bus is 999, and there is no such bus"]),
        (change("line", 3, "to_bus", 999), ["line 3: to_bus is 999, and there is no such bus"]),
        (change("load", 3, "bus", 999), ["load 3: bus is 999, and there is no such bus"]),
        (change("line", [3, 7], "x_ohm_per_km", 0.0), ["line 3 has zero reactance", "line 7 has zero reactance", "switch"]),
        (change("line", 9, "length_km", 0.0), ["line 9 has zero reactance"]),
        (change("line", 3, "x_ohm_per_km", np.nan), ["line 3: x_ohm_per_km is not finite"]),
        (change("load", 3, "p_mw", np.nan), ["not finite"]),
        (change("trafo", 0, "vk_percent", 0.0), ["trafo 0 has no finite reactance"]),
        (change("bus", [3, 4], "vn_kv", 0.0), ["bus 3: vn_kv is 0.0; it must be positive", "bus 4: vn_kv"]),
    ],
)
def test_networks_that_cannot_be_converted(spoil, told):
    net = load_network("cigre_lv")
    spoil(net)
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.Network.from_pandapower(net)
    assert all(piece in str(error.value) for piece in told), error.value


@pytest.mark.parametrize("command", ["check", "run"])
def test_no_external_grid(command):
    net = load_network("cigre_lv")
    no_grid(net)
    pp.to_json(net, "net.json")
    Path("mine.toml").write_text(study_text(network='source = "net.json"'))
    assert "reference bus" in call(command, "mine.toml").stderr


def test_a_study_on_a_network_that_cannot_be_converted():
    net = load_network("cigre_lv")
    net.line.loc[[3, 7], "x_ohm_per_km"] = 0.0
    pp.to_json(net, "net.json")
    text = study_text(network='source = "net.json"', profiles='source = "nope.csv"')
    refused(text, "line 3 has zero reactance", "line 7 has zero reactance", "nope.csv: not found")


def test_elements_without_a_place_in_a_dc_power_flow():
    net = load_network("cigre_lv")
    pp.create_svc(net, 12, 1.0, -10.0, 1.0, 90.0)
    with pytest.raises(fastp2p.InputError, match="svc elements"):
        fastp2p.Network.from_pandapower(net)


def test_ampacities_of_nobody_are_all_named():
    refused(
        study_text(network="ampacity_ka_by_line = { 999 = 1, 998 = 1 }\nampacity_ka_by_std_type = { a = 1, b = 2 }"),
        "'a': no line has it",
        "'b': no line has it",
        "'UG1'",
        "line 999: no such line",
        "line 998: no such line",
    )


def test_a_wrong_network_and_wrong_profiles_are_named_together():
    refused(study_text(network='source = "nope"', profiles='source = "nope.csv"'), "network 'nope'", "nope.csv: not found")


# --- profiles


@pytest.mark.slow
def test_good_profiles_from_csv_and_parquet():
    text = with_line(0, rows()[0])
    run_text(read(text), code=0)
    pd.read_csv("mine.csv").to_parquet("mine.parquet")
    Path("mine.toml").write_text(study_text(profiles='source = "mine.parquet"'))
    call("run", "mine.toml", "--out", "other", code=0)
    assert Path("out/books.parquet").read_bytes() == Path("other/books.parquet").read_bytes()


@pytest.mark.parametrize(
    ("at", "line", "told"),
    [
        (3, "", ["row 5", "residential_0 has hour 4 where 3 is due"]),
        (3, "residential_0,2,1.0,", ["row 5", "hour 2 where 3 is due"]),
        (3, "residential_0,3.5,1.0,", ["row 5", "hour 3.5 where 3 is due"]),
        (3, "residential_0,noon,1.0,", ["row 5", "hour = 'noon'"]),
        (3, "residential_0,,1.0,", ["row 5", "where 3 is due"]),
        (3, "residential_0,-3,1.0,", ["row 5", "hour = "]),
        (3, "residential_0,3,-0.5,", ["row 5", "load_kwh_per_home = ", "-0.5", "not negative"]),
        (3, "residential_0,3,much,", ["row 5", "load_kwh_per_home = 'much'"]),
        (3, "residential_0,3,inf,", ["row 5", "load_kwh_per_home = ", "finite"]),
        (3, "residential_0,3,nan,", ["residential_0 has no value at hour 3"]),
        (3, "residential_0,3,,", ["residential_0 has no value at hour 3"]),
        (3, "residential_0,3,1.0,1.0", ["residential_0 must fill one of", "not 2"]),
        (23, "", ["residential_0 23, solar_1 24", "same hours"]),
    ],
)
def test_profile_rows(at, line, told):
    refused(read(with_line(at, line)), "mine.csv", *told)


def test_faults_of_several_rows_are_named_at_once():
    lines = rows()
    lines[2], lines[5], lines[9] = "residential_0,2,-1,", "residential_0,5,x,", "residential_0,nine,1.0,"
    refused(read(HEADER + "\n".join(lines) + "\n"), "row 4: load", "row 7: load", "row 11: hour")


def test_faults_of_several_profiles_are_named_at_once():
    lines = rows()[:5] + rows()[6:] + rows("b")[1:] + rows("c", value="") + rows("d")
    refused(read(HEADER + "\n".join(lines) + "\n"), "residential_0 has hour 6", "profile b has hour 1", "profile c must fill")


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "could not be read"),
        (HEADER, "is empty"),
        (b"\x89PNG\r\n\x1a\n\x00\xff\xfe", "could not be read"),
        (HEADER.encode() + "für,0,1,\n".encode("latin-1"), "could not be read"),
        ("profile,hour\na,0\n", "no column load_kwh_per_home, pv_kwh_per_kwp; it has profile, no values"),
        ("a,b\n1,2\n", "no column hour, or a time (time, timestamp, datetime, date_time, date); it has a, b"),
        (HEADER.replace("hour", "h"), "no column hour, or a time"),
        (HEADER.replace(",", ";") + "a;0;1;2\n", "profile a must fill one of load_kwh_per_home or pv_kwh_per_kwp, not 2"),
        ('{"profile": [1]}\n{}\n', "no column hour, or a time"),
    ],
)
def test_files_that_hold_no_profiles(content, told):
    refused(read(content), "mine.csv", told)


@pytest.mark.parametrize(
    ("source", "told"),
    [
        ("typical_dya", "neither 'typical_day' nor a .csv or .parquet file"),
        ("nope.csv", "nope.csv: not found"),
        ("folder.csv", "folder.csv: is a folder, not a file"),
        ("mine.txt", "neither 'typical_day' nor"),
    ],
)
def test_profile_files_that_are_not_there(source, told):
    Path("folder.csv").mkdir()
    Path("mine.txt").write_text(HEADER)
    refused(study_text(profiles=f'source = "{source}"'), told)


def test_a_parquet_file_that_is_none():
    refused(read("hello", "mine.parquet"), "mine.parquet: could not be read")


def test_profiles_with_odd_names():
    lines = rows("[red]größe 'q' ☀[/red]") + rows("solar_1", pv=True)
    text = read(HEADER + "\n".join(lines) + "\n")
    run_text(text.replace("residential_0", "[red]größe 'q' ☀[/red]"), code=0)


# --- where to write


@pytest.mark.parametrize(
    ("out", "extra", "told"),
    [
        ("there", [], "there exists"),
        ("file", [], "not a folder"),
        ("file", ["--overwrite"], "is a file"),
        ("file/below", [], "is not a folder"),
        ("file/below/far/below", ["--overwrite"], "is not a folder"),
        (".", [], "results need their own folder"),
        ("/proc/nope/out", [], "could not be written: No such file or directory; nothing was run"),
    ],
)
def test_folders_that_cannot_be_written(out, extra, told):
    Path("there").mkdir()
    Path("there/mine.txt").write_text("mine")
    Path("file").write_text("mine")
    assert told in call("run", "paper-44", "--out", out, *extra).stderr
    assert Path("there/mine.txt").read_text() == Path("file").read_text() == "mine"


def test_read_only_folders(monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "not a folder that you may write to" in call("run", "paper-44", "--out", "a/b").stderr


def test_files_and_folders_with_odd_names():
    folder = Path('it\'s a "folder" ☀ [bold]')
    folder.mkdir()
    pp.to_json(load_network("cigre_lv"), folder / "net x.json")
    (folder / "my [red].toml").write_text(study_text(network='source = "net x.json"'), encoding="utf-8")
    call("run", folder / "my [red].toml", "--out", folder / "out ☀", "--quiet", code=0)
    assert (folder / "out ☀" / "books.parquet").exists()


# --- odd, but right


@pytest.mark.parametrize(
    "sections",
    [
        {"load": "homes = 0"},
        {"pv": "kwp = 0"},
        {"load": "homes = 0", "pv": "kwp = 0"},
        {"pv": "buses = []"},
        {"load": "buses = []"},
        {"load": "buses = [12]", "pv": "buses = [12]"},
        {"load": "buses = [12]", "pv": "buses = [12]", "market": 'orders = "gross"'},
        {"participants": "buses = [0]", "market": 'orders = "gross"'},
        {"network": "limits = []"},
        {"network": "limits = []\nangle_deg = 0.001", "pv": "kwp = 50"},
        {"network": "limit_factor = 1e-6", "pv": "kwp = 50"},
        {"network": 'source = "case14"', "participants": 'buses = "all"', "pv": 'kwp = 1e4\nbuses = "odd"'},
        {"network": 'source = "case14"\nangle_deg = 0.001', "participants": 'buses = "loads"', "pv": "kwp = 1e4"},
        pytest.param(
            {
                "network": 'source = "mv_oberrhein"\nlimit_factor = 0.001',
                "participants": 'buses = "all"',
                "pv": 'buses = "odd"',
            },
            marks=pytest.mark.slow,
        ),
        {"load": "homes = 1e6", "pv": "kwp = 1e6"},
        {"market": "bid_per_kwh = 0\nask_per_kwh = 0\nretail_per_kwh = 0"},
        {"market": "bid_per_kwh = 0.1\nask_per_kwh = 0.2"},
        {"top": 'currency = ""\ndescription = "[red]x[/red] ☀"\nseed = 123456789012345678901234567890'},
    ],
)
def test_odd_studies_run_and_conserve_energy(sections):
    run_text(study_text(**sections), code=0)
    books = pd.read_parquet("out/books.parquet")
    scale = max(1.0, books.load_kwh.max(), books.pv_kwh.max())
    served = books.self_kwh + books.executed_kwh + books.import_kwh + books.shed_kwh
    used = books.self_kwh + books.executed_kwh + books.export_kwh + books.spilled_kwh
    np.testing.assert_allclose(served, books.load_kwh, atol=1e-9 * scale)
    np.testing.assert_allclose(used, books.pv_kwh, atol=1e-9 * scale)
    assert np.isfinite(books.select_dtypes(float).to_numpy()).all()
    assert not (books.status == "failed").any()


def test_everything_at_one_bus_of_a_network_without_branches():
    net = pp.create_empty_network()
    pp.create_ext_grid(net, pp.create_bus(net, 0.4))
    pp.to_json(net, "one.json")
    assert "buses           1 (pandapower has 1)\n" in call("check", "one.json", code=0).stdout
    one = study_text(network='source = "one.json"', participants="buses = [0]", market='orders = "gross"')
    run_text(one, code=0)
    books = pd.read_parquet("out/books.parquet")
    assert books.executed_kwh.sum() > 0
    assert (books.worst_loading_percent == 0).all()


# --- from Python


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"bid_kwh": -BIDS}, "bid_kwh: book 0, bus 0 holds -1"),
        ({"ask_kwh": ASKS * np.nan}, "ask_kwh: book 0, bus 0 holds nan"),
        ({"bid_kwh": BIDS + np.inf}, "quantities must be finite"),
        ({"bid_kwh": BIDS[0]}, r"must both be \(n_books, n_bus\)"),
        ({"bid_kwh": BIDS[:1]}, r"must both be \(n_books, n_bus\)"),
        ({"bid_kwh": BIDS[:, :2]}, r"must both be \(n_books, n_bus\)"),
        ({"bid_kwh": None}, "bid_kwh holds objects"),
        ({"bid_per_kwh": 0.2}, r"bid_per_kwh has shape \(1, 1\)"),
        ({"bid_per_kwh": np.ones(2)}, "bid_per_kwh has shape"),
        ({"ask_per_kwh": np.ones((3, 3))}, "ask_per_kwh has shape"),
        ({"ask_per_kwh": np.ones((4, 3))}, "ask_per_kwh has shape"),
        ({"ask_per_kwh": np.ones((0, 3))}, "ask_per_kwh has shape"),
        ({"ask_per_kwh": np.ones((2, 1, 3))}, "ask_per_kwh has shape"),
        ({"bid_per_kwh": ONES * np.nan}, "bid_per_kwh: row 0, bus 0 holds nan"),
        ({"priority": "greed"}, "priority = 'greed'"),
        ({"priority": None}, "priority = None"),
        ({"ties": ["order"]}, "ties = "),
        ({"bid_kwh": -BIDS, "ask_per_kwh": np.ones(2), "ties": "x"}, r"(?s)bid_kwh: book 0.*ask_per_kwh has.*ties = 'x'"),
    ],
)
def test_match_orders_refuses(changed, told):
    given = {"bid_kwh": BIDS, "ask_kwh": ASKS, "bid_per_kwh": ONES, "ask_per_kwh": ONES, **changed}
    arrays = [given.pop(name) for name in ("bid_kwh", "ask_kwh", "bid_per_kwh", "ask_per_kwh")]
    with pytest.raises(fastp2p.InputError, match=told):
        fastp2p.match_orders(*arrays, **given)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_match_orders_of_nothing(shape):
    trades = fastp2p.match_orders(np.zeros(shape), np.zeros(shape), np.ones(shape[1]), np.ones(shape[1]))
    assert (trades.n_books, trades.n_trades) == (shape[0], 0)


def test_match_orders_takes_lists_and_any_layout():
    expected = fastp2p.match_orders(BIDS, ASKS, ONES, ONES).quantity_kwh
    for bids, asks in ((BIDS.tolist(), ASKS.tolist()), (np.asfortranarray(BIDS), ASKS.astype(int)), (BIDS > 0, ASKS > 0)):
        trades = fastp2p.match_orders(bids, asks, [1, 1, 1], ONES.tolist())
        assert trades.quantity_kwh.sum() == pytest.approx(np.minimum(np.sum(bids, 1), np.sum(asks, 1)).sum())
    assert np.array_equal(fastp2p.match_orders(BIDS.tolist(), ASKS.tolist(), ONES, ONES).quantity_kwh, expected)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"base": lambda z: z[0]}, r"base_kw has shape \(41,\).*\(2, 41\)"),
        ({"base": lambda z: z[:, :3]}, r"base_kw has shape \(2, 3\)"),
        ({"base": lambda z: np.vstack([z, z])}, r"base_kw has shape \(4, 41\)"),
        ({"base": lambda z: None}, "base_kw holds objects"),
        ({"base": lambda z: z * np.nan}, "base_kw is not finite in book 0"),
        ({"base": lambda z: z - np.inf}, "base_kw is not finite in book 0"),
        ({"export": lambda z: z - 1}, "export_kw is negative in book 0"),
        ({"export": lambda z: z[:1]}, "export_kw has shape"),
        ({"export": lambda z: z + np.nan}, "export_kw is not finite"),
        ({"objective": "money"}, "objective = 'money'"),
        ({"unserved": "ration"}, "unserved = 'ration'"),
        ({"step_hours": 0}, "step_hours = 0"),
        ({"step_hours": np.nan}, "step_hours = nan"),
        ({"objective": "x", "unserved": "y", "step_hours": -1}, r"(?s)objective = 'x'.*unserved = 'y'.*step_hours = -1"),
        ({"trades": {"seller": lambda a: a + 99}}, "seller of trade 0 is bus position 104"),
        ({"trades": {"buyer": lambda a: a * 0 - 1}}, "buyer of trade 0 is bus position -1"),
        ({"trades": {"seller": lambda a: a[:1]}}, "unequal lengths"),
        ({"trades": {"quantity_kwh": lambda a: -a}}, "quantity_kwh of trade 0 is -1"),
        ({"trades": {"quantity_kwh": lambda a: a * np.nan}}, "quantity_kwh of trade 0 is nan"),
        ({"trades": {"offset": lambda a: a[::-1]}}, "offsets must rise"),
        ({"trades": {"offset": lambda a: a + 1}}, "offsets must rise"),
        ({"trades": {"bid_per_kwh": lambda a: a - 1}, "objective": "welfare"}, "bid below its ask"),
        ({"limit": -1.0}, "limit_kw is NaN or negative for line 0"),
        ({"limit": np.nan}, "limit_kw is NaN or negative for line 0"),
    ],
)
def test_clear_refuses(changed, told, cigre, some_trades):
    given, zeros = dict(changed), np.zeros((2, cigre.n_bus))
    limit = np.full(cigre.n_branch, given.pop("limit", 1.0))
    edits = {name: edit(getattr(some_trades, name)) for name, edit in given.pop("trades", {}).items()}
    base = given.pop("base", lambda z: z)(zeros)
    if "export" in given:
        given["export_kw"] = given.pop("export")(zeros)
    with pytest.raises(fastp2p.InputError, match=told):
        fastp2p.clear(dataclasses.replace(cigre, limit_kw=limit), dataclasses.replace(some_trades, **edits), base, **given)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"load_kwh": np.ones(41)}, r"load_kwh has shape \(41,\)"),
        ({"pv_kwh": np.ones((1, 41))}, r"pv_kwh has shape \(1, 41\)"),
        (
            {"left": Leftovers(np.zeros((2, 41)), np.ones((2, 3)), np.zeros(()))},
            r"(?s)left.deficit_kwh has shape \(2, 3\).*left.surplus_kwh has shape",
        ),
        ({"unserved": "x", "surplus": "burn"}, r"(?s)unserved = 'x'.*surplus = 'burn'"),
        ({"buyer_per_kwh": np.ones(2)}, r"buyer_per_kwh has shape \(2,\); it must be a number or \(n_trades,\) = \(3,\)"),
        ({"retail_per_kwh": np.ones(3)}, r"retail_per_kwh has shape \(3,\); it must be a number or \(n_books,\) = \(2,\)"),
        ({"books_per_row": 3}, "books_per_row = 3: the 2 books are no whole number of rows"),
    ],
)
def test_settle_refuses(changed, told, cigre, some_trades):
    zeros = np.zeros((2, cigre.n_bus))
    clearing = fastp2p.clear(cigre, some_trades, zeros)
    left = Leftovers(zeros, zeros, zeros)
    given = {"load_kwh": zeros, "pv_kwh": zeros, "left": left, "retail_per_kwh": 0.2, "feed_in_per_kwh": 0.0, **changed}
    with pytest.raises(fastp2p.InputError, match=told):
        fastp2p.settle(some_trades, clearing, **given)


def test_settle_refuses_the_clearing_of_other_trades(cigre, some_trades):
    zeros = np.zeros((2, cigre.n_bus))
    clearing = fastp2p.clear(cigre, some_trades, zeros)
    other = fastp2p.match_orders(zeros, zeros, zeros[0], zeros[0])
    with pytest.raises(fastp2p.InputError, match="the clearing has 3 trades, the trades are 0"):
        fastp2p.settle(other, clearing, zeros, zeros, Leftovers(zeros, zeros, zeros), retail_per_kwh=0.2, feed_in_per_kwh=0.0)


@pytest.mark.parametrize("injection", [None, 0.0, np.zeros(3), np.zeros((41, 2)), np.zeros((0,))])
def test_flows_of_other_shapes_are_refused(injection, cigre):
    told = "injection_kw holds objects" if injection is None else "its last axis must be the 41 buses"
    with pytest.raises(fastp2p.InputError, match=told):
        cigre.flow_kw(injection)


def test_orders_of_unequal_shapes_are_refused():
    for load, pv in ((np.ones((1, 2)), np.ones((2, 2))), (np.ones(2), np.ones(2))):
        with pytest.raises(fastp2p.InputError, match=r"must both be \(n_books, n_bus\)"):
            fastp2p.make_orders(load, pv)
    with pytest.raises(fastp2p.InputError, match="orders = 'brutto'"):
        fastp2p.make_orders(np.ones((1, 2)), np.ones((1, 2)), orders="brutto")


@pytest.mark.parametrize("net", ["cigre_lv", {}, []])
def test_what_is_no_pandapower_network(net):
    with pytest.raises(fastp2p.InputError, match="not a pandapower network"):
        fastp2p.Network.from_pandapower(net)


def test_results_are_refused_a_folder_that_exists():
    Path("there").mkdir()
    with pytest.raises(fastp2p.InputError, match="there exists"):
        fastp2p.run(fastp2p.studies()["paper-44"], out="there")


def test_faults_from_python_are_a_list():
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.Network.load("cigre_lv").positions([99, 12, -1])
    assert error.value.faults == ("bus 99 does not exist in the network", "bus -1 does not exist in the network")
