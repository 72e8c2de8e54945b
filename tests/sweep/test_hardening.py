"""Inputs that once crashed, passed unseen or destroyed something."""

import dataclasses
import json
import sys
from pathlib import Path

import numpy as np
import pandapower as pp
import pandas as pd
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.main import app
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


@pytest.mark.parametrize("out", ["", ".", "mine"])
def test_overwrite_replaces_results_only(out):
    Path("mine").mkdir()
    Path("thesis.txt").write_text("x")
    Path("mine/thesis.txt").write_text("x")
    assert "folder" in call("run", "paper-44", "--out", out, "--overwrite").stderr


def test_all_folders_are_checked_before_anything_is_written():
    Path("results/paper-80").mkdir(parents=True)
    call("run")


@pytest.mark.parametrize("name", ["../evil", "/evil", "a/b", "", ".", "..", "a\\nb", "a\\u0000b"])
def test_a_study_name_is_a_folder_name(name):
    Path("mine.toml").write_text(study_text(top=f'name = "{name}"'))
    assert "name = " in call("run", "mine.toml").stderr


def test_the_written_study_finds_its_files():
    pp.to_json(load_network("cigre_lv"), "net.json")
    run_text(study_text(network='source = "net.json"'), code=0)
    call("run", "out/study.toml", "--out", "again", code=0)


@pytest.mark.parametrize("shape", [(1, 3), (50, 3), (2, 2)])
def test_leave_over_refuses_other_shapes(shape):
    trades = fastp2p.match_orders(BIDS, ASKS, ONES, ONES)
    with pytest.raises(fastp2p.InputError):
        fastp2p.leave_over(np.ones(shape), np.ones(shape), trades)


@pytest.mark.parametrize("n", [3, 39, 41])
def test_clear_refuses_limits_of_another_length(n, cigre, some_trades):
    with pytest.raises(fastp2p.InputError, match="limit_kw"):
        fastp2p.clear(dataclasses.replace(cigre, limit_kw=np.ones(n)), some_trades, np.zeros((2, cigre.n_bus)))


def test_orders_of_whole_numbers():
    orders = fastp2p.make_orders(np.array([[3, 0]]), np.array([[0.5, 0.25]]))
    assert orders.bid_kwh.tolist() == [[2.5, 0.0]]
    assert orders.ask_kwh.tolist() == [[0.0, 0.25]]


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


@pytest.mark.parametrize("bad", [{"unserved": "x"}, {"retail_per_kwh": np.nan}, {"step_hours": -1.0}])
def test_settle_checks_everything(bad, cigre, some_trades):
    zeros = np.zeros((2, cigre.n_bus))
    clearing = fastp2p.clear(cigre, some_trades, zeros)
    with pytest.raises(fastp2p.InputError):
        fastp2p.settle(
            some_trades,
            clearing,
            zeros,
            zeros,
            Leftovers(zeros, zeros, zeros),
            **{"retail_per_kwh": 0.2, "feed_in_per_kwh": 0.0, **bad},
        )


def test_settle_negative_load(cigre, some_trades):
    zeros = np.zeros((2, cigre.n_bus))
    clearing = fastp2p.clear(cigre, some_trades, zeros)
    with pytest.raises(fastp2p.InputError):
        fastp2p.settle(
            some_trades, clearing, zeros - 1, zeros, Leftovers(zeros, zeros, zeros), retail_per_kwh=0.2, feed_in_per_kwh=0.0
        )


def test_duplicate_buses_are_named():
    refused(study_text(load="buses = [12, 12]", pv="buses = [12, 12, 16]"), "load.buses: bus 12 is listed twice", "pv.buses")


@pytest.mark.parametrize("command", [["run", "x\\[/red].toml"], ["check", "\\[/b].json"]])
def test_backslash_before_bracket(command):
    call(*command)


def test_out_like_markup():
    assert "wrote [/red]/" in call("run", "paper-44", "--out", "[/red]", code=0).stdout


def test_text_like_emoji():
    assert ":smile:" in call("run", ":smile:.toml").stderr


def test_corrupt_cache(monkeypatch):
    monkeypatch.setenv("FASTP2P_CACHE_DIR", "cache")
    fastp2p.Network.load("cigre_lv")
    entry = next(Path("cache").glob("*.npz"))
    entry.write_bytes(entry.read_bytes()[:1000])
    fastp2p.Network.load("cigre_lv")


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
def test_no_traceback(text):
    if "1e-308" in text:
        import importlib

        import fastp2p.figures.day

        importlib.reload(fastp2p.figures.day)
    run_text(text)


def test_long_out():
    call("run", "paper-44", "--out", "x" * 300)


@pytest.mark.parametrize("line", ["homes = true", 'homes = "2"'])
def test_types_load(line):
    refused(study_text(load=line), "load.homes")


def test_types_bus_true():
    refused(study_text(load="buses = [12, true]"), "load.buses")


@pytest.mark.parametrize("value", ["false", "true"])
def test_a_key_that_has_gone_says_what_to_do(value):
    refused(
        study_text(market=f"same_bus = {value}"),
        'market.same_bus is no longer a key: a bus trades only with others under orders = "net"',
    )


def test_price_text():
    refused(study_text(market='bid_per_kwh = "0.3"'), "bid_per_kwh")


def test_one_field_too_many_in_every_row():
    refused(read(HEADER + "\n".join("x," + row for row in rows() + rows("solar_1", pv=True)) + "\n"), "mine.csv")


def test_rows_without_a_profile_name():
    refused(read(HEADER + "\n".join([*rows(), *rows("solar_1", pv=True), ",0,1,"]) + "\n"), "row 50", "profile")


def test_profile_called_NA():
    text = read(HEADER + "\n".join(rows("NA") + rows("solar_1", pv=True)) + "\n")
    run_text(text.replace("residential_0", "NA"), code=0)


@pytest.mark.parametrize("dup", [True, False])
def test_parquet_index(dup):
    Path("mine.csv").write_text(with_line(3, "residential_0,3,-1,"))
    table = pd.read_csv("mine.csv")
    table.index = [0] * len(table) if dup else [f"r{i}" for i in range(len(table))]
    table.to_parquet("mine.parquet")
    refused(study_text(profiles='source = "mine.parquet"'), "row 5")


def test_row_and_gap_faults_together():
    lines = rows()
    lines[10] = "residential_0,10,-5,"
    refused(read(HEADER + "\n".join(lines + rows("b")[1:]) + "\n"), "row 12", "profile b has hour 1 where 0")


def test_message_has_no_numpy():
    assert "np.float64" not in run_text(read(with_line(3, "residential_0,3,-1,"))).stderr


def test_ragged_message_one_line():
    refused(read(HEADER + "a,0,1,\na,1,1,,,,\n"), "could not be read")


def test_network_and_profile_name_together():
    refused(study_text(network='source = "nope"', load='profile = "nobody"'), "network 'nope'", "'nobody'")


def test_std_type_and_bus_together():
    refused(study_text(network="ampacity_ka_by_line = { 999 = 1 }", load="buses = [99]"), "line 999", "bus 99")


def test_each_entry_of_a_table_is_named():
    refused(study_text(network="ampacity_ka_by_line = { 0 = -1, 1 = -2 }"), "by_line.0 = -1", "by_line.1 = -2")


def test_each_share_named():
    refused(study_text(clearing="[scenarios]\nshares = [-0.5, 1.5]"), "-0.5", "1.5")


def test_out_and_study_together():
    Path("there").mkdir()
    Path("mine.toml").write_text(study_text(load="buses = [99]"))
    message = call("run", "mine.toml", "--out", "there").stderr
    assert "there exists" in message
    assert "bus 99" in message


@pytest.mark.parametrize("spoil", [change("line", 3, "max_i_ka", -1.0)])
def test_check_sees_negative(spoil):
    net = load_network("cigre_lv")
    spoil(net)
    pp.to_json(net, "net.json")
    assert "line 3" in CliRunner().invoke(app, ["check", "net.json"]).output


@pytest.mark.parametrize("column", ["vk_percent", "sn_mva"])
def test_trafo_zero_impedance_named(column):
    net = load_network("cigre_lv")
    net.trafo.loc[0, column] = 0.0
    with pytest.raises(fastp2p.InputError, match="trafo 0"):
        fastp2p.Network.from_pandapower(net)


def test_conversion_error_names_file():
    net = load_network("cigre_lv")
    no_grid(net)
    pp.to_json(net, "net.json")
    refused(study_text(network='source = "net.json"'), "net.json")


def test_json_import():
    sys.path.insert(0, ".")
    Path("trap_module.py").write_text("open('trapped', 'w')")
    Path("net.json").write_text(json.dumps({"_module": "trap_module", "_class": "A", "_object": "{}"}))
    CliRunner().invoke(app, ["check", "net.json"])
    assert not Path("trapped").exists()


def test_dir():
    assert set(fastp2p.__all__) <= set(dir(fastp2p))


@pytest.mark.parametrize("study", [None, "paper-44", {}, 5])
def test_run_of_no_study(study):
    with pytest.raises(fastp2p.InputError):
        fastp2p.run(study)


@pytest.mark.parametrize("ids", [[1.7], ["12"], [10**30], [True], [None], [float("nan")]])
def test_positions(ids, cigre):
    with pytest.raises(fastp2p.InputError):
        cigre.positions(ids)


@pytest.mark.parametrize(
    "kw",
    [
        {"families": ("thermel",)},
        {"factor": -1},
        {"factor": np.nan},
        {"angle_deg": -1},
        {"angle_deg": np.nan},
        {"ampacity_ka": np.nan},
        {"ampacity_ka": -1},
        {"ampacity_ka_by_line": {0: -1}},
    ],
)
def test_with_limits(kw, cigre):
    with pytest.raises(fastp2p.InputError):
        cigre.with_limits(**kw)


@pytest.mark.parametrize("net", [None, 5])
def test_from_pp(net, cigre):
    with pytest.raises(fastp2p.InputError):
        fastp2p.Network.from_pandapower(net)


def test_ragged():
    with pytest.raises(fastp2p.InputError):
        fastp2p.match_orders([[1, 2], [3]], ASKS, ONES, ONES)
