"""The commands `fastp2p new` and `fastp2p networks`."""

import json
from pathlib import Path

import pytest

from fastp2p.cli import begin
from tests.support.commands import call, refused_command


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def test_networks_by_name(monkeypatch, tmp_path):
    """Those of a word are read and kept; without a word, what is not kept is listed once time is up."""
    monkeypatch.setenv("FASTP2P_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(begin, "PATIENCE_S", 0.0)
    (found,) = json.loads(call("networks", "KABEL_1", "--json").stdout)[:1]
    assert (found["name"], found["family"]) == ("create_kerber_landnetz_kabel_1", "kerber")
    assert (found["buses"], found["loads"], found["lines"], found["transformers"]) == (18, 8, 16, 1)
    assert (found["is_radial"], found["is_three_phase"], found["lowest_kv"]) == (True, False, 0.4)
    message = call("networks").stdout
    table, unread = message.split("not read yet: `fastp2p networks WORD`")
    assert "create_kerber_landnetz_kabel_1" in table
    assert "cigre_lv" not in table
    assert "short names: cigre_lv, village_1, village_2" in unread
    assert message.index("kerber") < message.index("create_cigre_network_mv")
    assert "sorted_from_json" not in message
    assert "`fastp2p networks` lists them all" in refused_command("networks", "nope")
    assert "did you mean cigre_lv?" in refused_command("networks", "cigre_lx")


def test_networks_of_simbench_are_read_one_by_one(monkeypatch):
    pytest.importorskip("simbench")
    found = json.loads(call("networks", "1-LV-rural1", "--json").stdout)
    assert {"name": "simbench:1-LV-rural1--0-sw", "family": "simbench"} in found
    assert "each takes ten seconds" in call("networks", "1-LV-rural1").stdout


def test_new_writes_a_study_that_check_takes():
    message = call("new", "my street.toml", "--network", "create_kerber_landnetz_kabel_1").stdout
    assert message == "wrote my street.toml\nnext: fastp2p check 'my street.toml'; fastp2p run 'my street.toml'\n"
    assert "8 buses with a load in the network" in call("check", "my street.toml").stdout
    before = Path("my street.toml").read_bytes()
    Path("my street.toml").write_text("mine")
    assert "exists; --overwrite replaces it" in refused_command("new", "my street.toml", "--network", "cigre_lv")
    call("new", "my street.toml", "--network", "create_kerber_landnetz_kabel_1", "--overwrite")
    assert Path("my street.toml").read_bytes() == before


def test_new_tells_all_that_is_wrong_at_once():
    message = refused_command("new", "nowhere/street.json", "--network", "cigre_lx", "--profiles", "gone.csv", "--zone", "Mars")
    for part in ("a study file must end in .toml", "nowhere: no such folder", "did you mean cigre_lv", "gone.csv: not found"):
        assert part in message
    Path("a.toml").mkdir()
    assert "a.toml is a folder, not a file" in refused_command("new", "a.toml", "--network", "cigre_lv")
