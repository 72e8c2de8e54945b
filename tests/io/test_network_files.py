"""Network files that were made to run something, to last for ever, or to fill the memory; and those that people have."""

import io
import json
import os
import subprocess
import sys
import time
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pandapower as pp
import pandas as pd
import pytest

import fastp2p
from fastp2p.grid.network import Network
from fastp2p.io.network_sources import load_network, network_names
from tests.support.chains import chain
from tests.support.network_attacks import json_attacks, xlsx_attacks

pytestmark = pytest.mark.usefixtures("elsewhere")
SLOW = pytest.mark.slow

OPEN_ALL = """
import os, socket, subprocess, sys
sys.path.insert(0, ".")
from fastp2p import InputError
from fastp2p.grid.network import Network
Network.load("good.json"), Network.load("good.xlsx")
known, told = set(sys.modules), ("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.", "urllib.")
def watch(event, arguments):
    if event.startswith(told):
        print("event", event)
sys.addaudithook(watch)
for name in sorted(os.listdir("attacks")):
    try:
        Network.load("attacks/" + name)
        print("opened", name)
    except InputError as error:
        print("refused", ascii(error.faults[0])[:200])
print("imported", sorted(set(sys.modules) - known))
"""
HARMLESS = {"a frame of a file", "a frame with options", "a series"}
"""Left out unread, where pandapower would follow them."""


def write_excel(net, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pp.to_excel(net, name)


def open_all(attacks):
    """What becomes of files that are opened one after the other in a process of its own; none may leave a canary."""
    Path("attacks").mkdir()
    Path("network_trap.py").write_text("open('canary', 'w').close()\nA = print\n")
    pp.to_json(chain(), "good.json")
    write_excel(chain(), "good.xlsx")
    for number, content in enumerate(attacks):
        suffix = "xlsx" if content[:2] == b"PK" else "json"
        Path(f"attacks/{number:04}.{suffix}").write_bytes(content)
    done = subprocess.run([sys.executable, "-c", OPEN_ALL], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert not Path("canary").exists()
    lines = done.stdout.splitlines()
    assert lines[-1] == "imported []"
    assert len(lines) == len([*Path("attacks").iterdir()]) + 1
    return lines[:-1]


@pytest.mark.slow
def test_no_file_runs_or_imports_anything():
    attacks = dict(json_attacks(Path("canary").absolute())) | dict(xlsx_attacks(Path("canary").absolute()))
    assert len(attacks) > 200
    for name, line in zip(attacks, open_all(attacks.values()), strict=True):
        harmless = any(name.startswith(one) for one in HARMLESS)
        assert line.startswith("refused") or harmless, (name, line)
        if line.startswith("refused") and not harmless and "twice" not in name:
            assert "which no network needs; remove it" in line, (name, line)


def refusal(content, name="net.json"):
    content = content() if callable(content) else content
    Path(name).write_bytes(content if isinstance(content, bytes) else content.encode())
    started = time.process_time()
    with pytest.raises(fastp2p.InputError) as error:
        Network.load(name)
    assert time.process_time() - started < 20.0, "the fuzzer's limit"
    assert len(str(error.value)) < 2000
    return str(error.value)


def frame(text):
    return {"_module": "pandas.core.frame", "_class": "DataFrame", "_object": text}


def changed(**entries):
    document = json.loads(pp.to_json(chain()))
    document["_object"].update(entries)
    return json.dumps(document)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("[" * 10**6, "nested"),
        (changed(mine=0).replace('"mine": 0', '"mine": ' + "[" * 500 + "]" * 500), "nested"),
        pytest.param(lambda: "[" + "[]," * 5_000_001, "more than 5,000,000 lists and objects", marks=SLOW),
        (changed(mine=0).replace('"mine": 0', '"mine": ' + "9" * 5000), "a whole number of thousands of digits"),
        (changed(mine=0).replace('"mine": 0', '"load": 0'), "has the key 'load' twice"),
        (changed().encode("utf-16"), "could not read it as UTF-8 text"),
        ("gAAAAABf" * 100, "could not read it as JSON"),
        (json.dumps([1]), "not a pandapower network"),
        (json.dumps({"a": 1}), "holds no pandapower network"),
        (changed(bus=frame("x.json")), "table bus: could not read its rows as JSON"),
        (changed(version="9" * 100), "version = '9999"),
        (changed(version=[]), "version = []: must be the number of a version, as in 3.5.4"),
        (changed(sn_mva="1"), "sn_mva = '1': must be a number"),
        (changed(sn_mva=1e308), "sn_mva"),
        (changed(f_hz=[50]), "f_hz = [50]: must be a number"),
    ],
)  # fmt: skip
def test_json_that_is_no_network_is_told_in_a_moment(text, told):
    assert told in refusal(text)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"columns": [["a"], "b"]}, "has a column named ['a']; a name must be a text"),
        ({"columns": [f"c{n}" for n in range(300_000)]}, "has 300,000 columns; more than 1,000 are not read"),
        ({"index": [[0]]}, "its index holds lists"),
        ({"data": [[1, 2]]}, "rows that are longer or shorter"),
        ({"data": 1}, "must be lists"),
    ],
)
def test_tables_without_a_shape(change, told):
    table = {"columns": ["name"], "index": [0], "data": [["a"]], **change}
    assert told in refusal(changed(load=frame(json.dumps(table))))


@pytest.mark.parametrize(
    "dtype", ["V1000000000", "S999999999", "datetime64[ns, UTC]", "Sparse[object]", "int64[pyarrow]", 1, ["x"]]
)
def test_types_of_columns_that_pandapower_does_not_write_are_passed_over(dtype):
    document = json.loads(changed())
    document["_object"]["line"]["dtype"]["length_km"] = dtype
    Path("net.json").write_text(json.dumps(document))
    assert Network.load("net.json").n_bus == 5


# --- what is no file


@pytest.mark.parametrize("name", ["pipe.json", "pipe.xlsx"])
def test_a_pipe_is_not_waited_for(name):
    os.mkfifo(name)
    for load in (Network.load, load_network):
        with pytest.raises(fastp2p.InputError, match=f"network file {name}: is a pipe, not a file"):
            load(name)


def test_devices_folders_and_links_to_them():
    Path("zero.json").symlink_to("/dev/zero")
    Path("loop.json").symlink_to("loop.json")
    Path("folder.xlsx").mkdir()
    for name, told in (("zero.json", "is a device, not a file"), ("loop.json", "could not be read (Too many levels"),
                       ("folder.xlsx", "is a folder, not a file")):  # fmt: skip
        with pytest.raises(fastp2p.InputError) as error:
            Network.load(name)
        assert f"network file {name}: {told}" in str(error.value)


def test_a_link_that_leads_to_itself_in_a_study():
    Path("loop.json").symlink_to("loop.json")
    Path("study.toml").write_text(fastp2p.studies()["paper-44"].with_(network={"source": "loop.json"}).to_toml())
    with pytest.raises(fastp2p.InputError, match=r"loop\.json: could not be read"):
        fastp2p.run(fastp2p.Study.from_toml("study.toml"))


@pytest.mark.parametrize(("name", "size", "most"), [("net.json", 60_000_001, "60 MB"), ("net.xlsx", 50_000_001, "50 MB")])
def test_files_over_the_stated_size(name, size, most):
    with open(name, "wb") as file:  # noqa: PTH123
        file.truncate(size)
    with pytest.raises(fastp2p.InputError, match=f"files over {most} are not read"):
        Network.load(name)


def test_a_file_that_changes_into_a_pipe_once_it_was_checked(monkeypatch):
    from fastp2p.io import paths

    pp.to_json(chain(), "net.json")

    def swap(path, *_):
        Path("net.json").unlink()
        os.mkfifo("net.json")

    monkeypatch.setattr(paths, "check_file", swap)
    with pytest.raises(fastp2p.InputError, match="is not a file any more"):
        paths.network_content("net.json")


# --- workbooks


def packed(parts, method=zipfile.ZIP_DEFLATED):
    target = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(target, "w", method) as archive:
        warnings.simplefilter("ignore")  # of two parts with one name
        for name, content in parts:
            archive.writestr(name, content)
    return target.getvalue()


def parts_of_a_workbook(sheet="bus", **changes):
    write_excel(chain(), "base.xlsx")
    with zipfile.ZipFile("base.xlsx") as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
        names = parts["xl/workbook.xml"].decode().split('<sheet name="')[1:]
    number = [name.split('"')[0] for name in names].index(sheet) + 1
    return parts, f"xl/worksheets/sheet{number}.xml"


SHEET = '<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main">{}</worksheet>'


@pytest.mark.parametrize(
    ("content", "told"),
    [
        pytest.param(lambda: SHEET.format("<row><c r='A1'/></row>" * 3_000_000), "more than 2,500,000 cells", marks=SLOW),
        pytest.param(lambda: SHEET.format("<a/>" * 6_000_000), "more than 2,500,000 cells", marks=SLOW),
        pytest.param(lambda: b"<a>" + b" " * 200_000_000, "unpacks to more than 150 MB", marks=SLOW),
        (SHEET.format("<sheetData><row><c r='XFD1'><v>1</v></c></row></sheetData>"), "wider than 1,000 columns"),
        (SHEET.format("<sheetData>" + "<row><c r='ALL1'><v>1</v></c></row>" * 9_000 + "</sheetData>"), "most of them empty"),
        (SHEET.format("<sheetData><row><c t='s'><v>999999</v></c></row></sheetData>"), "a cell names text number 999999 of"),
        ('<!DOCTYPE a [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>' + SHEET.format("&b;"), "defines XML entities"),
        ('<?xml version="1.0" encoding="utf-7"?>' + SHEET.format(""), "is not a workbook, or a broken one"),
        (SHEET.format("<sheetData><row><c><v>x</v></c></row></sheetData>"), "is not a workbook, or a broken one"),
        ("", "is not a workbook, or a broken one"),
    ],
)  # fmt: skip
def test_workbooks_that_unpack_to_more_than_they_should(content, told):
    parts, bus = parts_of_a_workbook()
    message = refusal(packed({**parts, bus: content() if callable(content) else content}.items()), "net.xlsx")
    assert told in message
    assert Path("net.xlsx").stat().st_size < 1_000_000


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\xd0\xcf\x11\xe0" + b"\0" * 1000, "protected by a password"),
        (b"PK\x03\x04nothing", "is not a workbook"),
        (packed([("a.txt", "a")]), "is not a workbook"),
        (packed([(f"{n}", b"") for n in range(2_500)]), "more than 2,000 files"),
        (b"bus,name\n0,a\n", "is not a workbook"),
    ],
)
def test_archives_that_are_no_workbooks(content, told):
    assert told in refusal(content, "net.xlsx")


def test_a_workbook_in_parts_packed_otherwise():
    parts, _ = parts_of_a_workbook()
    assert "packed in a way that workbooks are not" in refusal(packed(parts.items(), zipfile.ZIP_LZMA), "net.xlsx")


def test_a_sheet_that_says_it_is_larger_than_it_is():
    parts, bus = parts_of_a_workbook()
    text = parts[bus].decode()
    start, end = text.index("<dimension"), text.index("<sheetViews")
    parts[bus] = (text[:start] + '<dimension ref="A1:XFD1048576"/>' + text[end:]).encode()
    Path("net.xlsx").write_bytes(packed(parts.items()))
    assert Network.load("net.xlsx").n_bus == 5


# --- what people have


def same(network, expected, rtol=0.0):
    for name, array in vars(expected).items():
        other = vars(network)[name]
        if isinstance(array, np.ndarray) and array.dtype.kind in "fc" and rtol:
            largest = np.abs(array[np.isfinite(array)]).max(initial=1.0)  # kW and p.u. that cancel out leave their rounding
            np.testing.assert_allclose(other, array, rtol=rtol, atol=rtol * largest, err_msg=name)
        elif isinstance(array, np.ndarray):
            assert np.array_equal(other, array, equal_nan=array.dtype.kind in "fc"), name


def round_trips(names):
    for name in names:
        net = load_network(name)
        try:
            expected = Network.from_pandapower(net)
        except fastp2p.InputError:
            continue
        pp.to_json(net, "net.json")
        same(Network.load("net.json"), expected, 1e-12)  # pandapower writes 15 digits
        if len(net.bus) < 500:
            write_excel(net, "net.xlsx")
            same(Network.load("net.xlsx"), expected, 1e-12)


@pytest.mark.slow
def test_all_networks_are_the_same_from_their_files():
    round_trips([name for name in network_names() if name not in ("create_dickert_lv_feeders", "sorted_from_json")])


def controlled():
    """A network with what scripts leave in it: controllers, results, profiles, and entries of their own."""
    from pandapower.control import CharacteristicControl, ConstControl, DiscreteTapControl
    from pandapower.control.util.characteristic import SplineCharacteristic
    from pandapower.timeseries import DFData, OutputWriter

    net = chain()
    pp.create_load(net, 4, 0.001)
    net.trafo[["tap_side", "tap_neutral", "tap_min", "tap_max", "tap_pos", "tap_step_percent"]] = ["hv", 0, -2, 2, 0, 2.5]
    profiles = pd.DataFrame({"a": [0.001, 0.002]})
    ConstControl(net, "load", "p_mw", element_index=[0], profile_name=["a"], data_source=DFData(profiles))
    DiscreteTapControl(net, 0, 0.98, 1.02)
    curve = SplineCharacteristic(net, [0.9, 1.0, 1.1], [1.0, 0.0, -1.0])
    CharacteristicControl(net, "load", "q_mvar", [0], "res_bus", "vm_pu", [4], curve.index, 1e-3)
    OutputWriter(net, time_steps=range(2), output_path=None)
    pp.create_group(net, ["line"], [[0, 1]], name="feeder")
    pp.create_measurement(net, "v", "bus", 1.0, 0.01, 4)
    pp.create_poly_cost(net, 0, "ext_grid", 1.0)
    net.bus["geo"] = '{"coordinates": [7.1, 51.2], "type": "Point"}'
    net["profiles"] = {"load": profiles}
    net["mine"] = {
        "a": np.float64(1),
        "b": (1, 2),
        "c": {3},
        "d": np.arange(3),
        "e": pd.Series([1]),
        "f": pd.Index([1]),
        "g": None,
    }
    net.load["name"] = "the _module of a house"
    net["sn_mva"] = np.float64(1.0)
    pp.runpp(net)
    return net


def test_what_scripts_leave_in_a_network_is_no_hindrance():
    net = controlled()
    expected = Network.from_pandapower(net)
    pp.to_json(net, "net.json")
    assert "DiscreteTapControl" in Path("net.json").read_text()
    write_excel(net, "net.xlsx")
    for name in ("net.json", "net.xlsx"):
        same(Network.load(name), expected)
        assert not len(load_network(name).controller)


def test_a_controller_of_somebody_is_named():
    document = json.loads(pp.to_json(controlled()))
    text = document["_object"]["controller"]["_object"]
    document["_object"]["controller"]["_object"] = text.replace("pandapower.control.controller.const_control", "my_lab.control")
    message = refusal(json.dumps(document))
    assert "controller 0, object: names my_lab.control.ConstControl, which no network needs; remove it" in message


def test_a_file_behind_a_byte_order_mark_and_one_of_early_versions():
    document = json.loads(pp.to_json(chain()))
    expected = Network.from_pandapower(chain())
    Path("net.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(document).encode())
    same(Network.load("net.json"), expected)
    document["_object"] = json.dumps(document["_object"])
    Path("net.json").write_text(json.dumps(document))
    same(Network.load("net.json"), expected)


@pytest.mark.slow
def test_a_table_of_many_buses_opens_in_a_moment():
    net = load_network("case1888rte")
    pp.to_json(net, "net.json")
    load_network("net.json")
    started = time.process_time()
    load_network("net.json")
    assert time.process_time() - started < 20.0
