"""Networks by name and from files: what is not there, what is none, and that a file runs nothing."""

import json
import pickle
import sys
from pathlib import Path

import pandapower as pp
import pytest

from tests.support.commands import call, refused_command
from tests.support.shipped import shipped
from tests.support.studies import refused, study_text

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("cigre_vl", ["'cigre_vl'", "did you mean cigre_lv"]),
        ("create_cigre_network_lw", ["did you mean create_cigre_network_lv"]),
        ("zzz", ["'zzz'", "pandapower.networks", ".json, .xlsx or .dss"]),
        ("", ["''"]),
        ("nope.json", ["nope.json", "not found"]),
        ("nope.xlsx", ["nope.xlsx", "not found"]),
        ("folder.json", ["folder.json", "is a folder, not a file"]),
        ("net.p", ["net.p", "a pickle can run code", "pandapower.to_json"]),
        ("net.PKL", ["net.PKL", "a pickle can run code"]),
        ("net.pickle", ["a pickle can run code"]),
        ("net.mat", ["'net.mat'", ".json, .xlsx or .dss"]),
    ],
)
def test_networks_that_are_not_there(name, told):
    Path("folder.json").mkdir()
    for message in (refused_command("check", name), refused(study_text(network=f'source = "{name}"'))):
        assert all(piece in message for piece in told), message


def test_pickles_are_not_opened():
    class Trap:
        def __reduce__(self):
            return Path.write_text, (Path("trapped"), "run")

    for name in ("net.p", "net.pkl", "net.json", "net.xlsx"):
        Path(name).write_bytes(pickle.dumps(Trap()))
        refused_command("check", name)
    for name in ("mine.csv", "mine.parquet"):
        Path(name).write_bytes(pickle.dumps(Trap()))
        refused(study_text(profiles=f'source = "{name}"'))
    assert not Path("trapped").exists()


@pytest.mark.parametrize("content", ["", "{", "{}", "[]", "null", "1", '"x"', '{"a": [1, 2]}', '{"_module": "os"}', "\x00\x01"])
@pytest.mark.parametrize("name", ["net.json", "net.xlsx"])
def test_files_that_are_no_networks(name, content):
    Path(name).write_text(content)
    assert f"network file {name}: " in refused_command("check", name)


def test_what_pandapower_logs_while_reading_does_not_reach_the_user(caplog):
    pp.to_json(shipped("four_loads_with_branches_out"), "net.json")
    text = Path("net.json").read_text()
    assert '"is_multiindex": false' in text
    Path("net.json").write_text(text.replace('"is_multiindex": false', '"is_multiindex": true', 1))
    call("check", "net.json")
    assert caplog.messages == []


def test_json_cannot_call_what_it_likes():
    for module, name in (("subprocess", "Popen"), ("os", "system"), ("builtins", "exec"), ("shutil", "rmtree")):
        Path("net.json").write_text(json.dumps({"_module": module, "_class": name, "_object": ["touch", "called"]}))
        refused_command("check", "net.json")
    assert not Path("called").exists()


def test_json_imports_nothing():
    sys.path.insert(0, ".")
    Path("trap_module.py").write_text("open('trapped', 'w')")
    Path("net.json").write_text(json.dumps({"_module": "trap_module", "_class": "A", "_object": "{}"}))
    refused_command("check", "net.json")
    assert not Path("trapped").exists()


@pytest.mark.parametrize("command", ["check", "run"])
def test_no_external_grid(command):
    net = shipped("cigre_lv")
    net.ext_grid = net.ext_grid.iloc[:0]
    pp.to_json(net, "net.json")
    Path("mine.toml").write_text(study_text(network='source = "net.json"'))
    assert "reference bus" in refused_command(command, "mine.toml")


def test_a_study_on_a_network_that_cannot_be_converted():
    net = shipped("cigre_lv")
    net.line.loc[[3, 7], "x_ohm_per_km"] = 0.0
    pp.to_json(net, "net.json")
    text = study_text(network='source = "net.json"', profiles='source = "nope.csv"')
    refused(text, "line 3 has zero reactance", "line 7 has zero reactance", "nope.csv: not found")


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


def test_lines_and_buses_that_are_not_there_are_named_together():
    refused(study_text(network="ampacity_ka_by_line = { 999 = 1 }", load="buses = [99]"), "line 999", "bus 99")


def test_check_warns_of_negative_ampacities():
    net = shipped("cigre_lv")
    net.line.loc[3, "max_i_ka"] = -1.0
    pp.to_json(net, "net.json")
    assert "line 3" in call("check", "net.json").stdout
