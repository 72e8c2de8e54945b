"""The command line: what it prints, what it writes, and how it exits."""

import json
import os
import shutil
import signal
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

import fastp2p
from fastp2p.clearing import solve as solving
from fastp2p.results.columns import TABLES
from tests.support.commands import call

FIGURES = [f"{name}.{kind}" for name in ("supply", "network", "profiles") for kind in ("png", "pdf")]
KEPT = [name for name in TABLES if name != "histograms"]
WRITTEN = {*(f"{name}.parquet" for name in KEPT), *FIGURES, "study.toml", "manifest.json"}
COMMAND = Path(sys.executable).with_name("fastp2p")
CONGESTED = """
name = "tight"
[network]
source = "cigre_lv"
limit_factor = 0.003
[load]
profile = "residential_1"
[pv]
profile = "solar_2"
buses = "odd"
kwp = 40.0
[clearing]
solver = "compiled"
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """Each test runs in a folder of its own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def paper_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cli") / "paper-44"
    fastp2p.run(fastp2p.studies()["paper-44"], out=folder)
    return folder


def same_tables(one, other):
    return all((Path(one) / f"{t}.parquet").read_bytes() == (Path(other) / f"{t}.parquet").read_bytes() for t in KEPT)


def children(folder="."):
    return {path.name for path in Path(folder).iterdir()}


def test_the_command_is_installed():
    done = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"fastp2p {version('fastp2p')}\n", "")


def test_the_exit_code_of_bad_input_reaches_the_shell():
    done = subprocess.run([COMMAND, "run", "paper-45"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert "no built-in study 'paper-45'" in done.stderr
    assert "Traceback" not in done.stderr


HELP = [
    ["--help"],
    ["run", "--help"],
    ["studies", "--help"],
    ["-h"],
    ["check", "-h"],
    ["profiles", "-h"],
    ["profiles", "show", "-h"],
]


@pytest.mark.parametrize("arguments", HELP, ids=" ".join)
def test_help(arguments):
    assert "Usage:" in call(*arguments).stdout


@pytest.mark.parametrize("arguments", [[], ["nope"], ["run", "--nope"], ["check"], ["run", "a", "b"]])
def test_wrong_usage_exits_with_2(arguments):
    result = call(*arguments, code=2)
    assert result.stdout == ""
    assert "Usage" in result.stderr
    assert children() == set()


@pytest.mark.slow
def test_run_without_a_study_runs_both_of_the_paper():
    result = call("run")
    assert children("results") == {"paper-44", "paper-80"}
    assert children("results/paper-44") == children("results/paper-80") == WRITTEN
    assert result.stdout.count("day ") == 2
    assert result.stderr == ""


def test_run_into_a_folder():
    result = call("run", "paper-44", "--out", "here")
    assert children() == {"here"}
    assert children("here") == WRITTEN
    hours = [line.split() for line in result.stdout.splitlines() if line.rstrip().endswith("free")]
    assert [hour[0] for hour in hours] == [str(hour) for hour in range(24)]
    assert hours[11][:2] == ["11", "14.513"]
    assert "7.290" in hours[11]
    assert result.stdout.startswith("paper-44: CIGRE LV")
    assert ["day", "334.05"] in [line.split()[:2] for line in result.stdout.splitlines()]
    assert f"\nwrote here/: {', '.join(sorted(WRITTEN))}\n\n" in result.stdout


@pytest.mark.usefixtures("no_figures")
def test_run_both_into_a_folder():
    call("run", "--out", "here", "--quiet")
    assert children("here") == {"paper-44", "paper-80"}


@pytest.mark.usefixtures("no_figures")
def test_quiet_prints_nothing():
    result = call("run", "paper-44", "--out", "here", "--quiet")
    assert result.stdout == result.stderr == ""


@pytest.mark.usefixtures("no_figures")
def test_json():
    printed = json.loads(call("run", "paper-44", "--out", "here", "--json").stdout)
    assert (printed["study"], printed["out"], printed["failures"]) == ("paper-44", "here", [])
    assert printed["totals"]["load_kwh"] == pytest.approx(334.05, abs=5e-3)
    assert printed["totals"]["executed_kwh"] == pytest.approx(44.57, abs=5e-3)
    assert [book["step"] for book in printed["books"]] == list(range(24))
    assert {book["status"] for book in printed["books"]} == {"free"}
    books = pd.read_parquet("here/books.parquet")
    for column in ("load_kwh", "executed_kwh", "worst_loading_percent", "bill"):
        assert [book[column] for book in printed["books"]] == pytest.approx(books[column].tolist(), rel=1e-14, abs=1e-14)


@pytest.mark.usefixtures("no_figures")
def test_json_of_both_studies_is_one_document():
    printed = json.loads(call("run", "--json").stdout)
    assert [one["study"] for one in printed] == ["paper-44", "paper-80"]


@pytest.mark.usefixtures("no_figures")
def test_overwrite(paper_folder):
    shutil.copytree(paper_folder, "here")
    before = {path.name: path.read_bytes() for path in Path("here").iterdir()}
    refused = call("run", "paper-44", "--out", "here", code=2)
    assert "here exists" in refused.stderr
    assert "--overwrite" in refused.stderr
    assert {path.name: path.read_bytes() for path in Path("here").iterdir()} == before
    Path("here/books.parquet").write_text("old")
    call("run", "paper-44", "--out", "here", "--overwrite", "--quiet")
    assert children("here") == WRITTEN - set(FIGURES)
    assert children() == {"here"}
    assert same_tables("here", paper_folder)


@pytest.mark.slow
@pytest.mark.parametrize("out", ["with space/and more", 'it\'s "quoted"', "größe ☀/a/b"])
def test_folders_with_odd_names(out):
    result = call("run", "paper-44", "--out", out)
    assert children(out) == WRITTEN
    assert f"wrote {out}/: " in result.stdout


def test_studies_lists_what_is_built_in():
    lines = call("studies").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(fastp2p.studies())
    assert all(study.description in line for study, line in zip(fastp2p.studies().values(), lines, strict=True))


@pytest.mark.usefixtures("no_figures")
def test_a_printed_study_runs_to_the_same_result(paper_folder):
    Path("mine.toml").write_text(call("studies", "paper-44").stdout, encoding="utf-8")
    call("run", "mine.toml", "--out", "here", "--quiet")
    assert same_tables("here", paper_folder)


@pytest.mark.usefixtures("no_figures")
def test_the_written_study_has_every_default_and_runs_to_the_same_tables(paper_folder):
    written = tomllib.loads((paper_folder / "study.toml").read_text(encoding="utf-8"))
    assert written["market"]["min_order_kwh"] == 1e-6
    assert written["profiles"] == {"source": "typical_day", "months": [], "leap_day": True}
    assert fastp2p.Study.from_toml(paper_folder / "study.toml") == fastp2p.studies()["paper-44"]
    call("run", paper_folder / "study.toml", "--out", "again", "--quiet")
    assert same_tables("again", paper_folder)
    assert Path("again/study.toml").read_bytes() == (paper_folder / "study.toml").read_bytes()


def test_manifest(paper_folder):
    manifest = json.loads((paper_folder / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["study"], manifest["seed"]) == ("paper-44", 0)
    assert manifest["versions"]["fastp2p"] == version("fastp2p")
    assert manifest["versions"]["pandapower"] == version("pandapower")
    assert manifest["versions"]["python"] == ".".join(map(str, sys.version_info[:3]))
    assert 0 < manifest["seconds"] < 600
    assert pd.Timestamp(manifest["started"]).tzinfo is not None
    assert all(len(digest) == 64 for digest in manifest["sha256"].values())


@pytest.mark.usefixtures("no_figures")
def test_input_hashes_tell_inputs_apart(paper_folder):
    text = call("studies", "paper-44").stdout
    Path("a.toml").write_text(text, encoding="utf-8")
    Path("b.toml").write_text(text.replace("kwp = 3.0", "kwp = 3.1"), encoding="utf-8")
    for name in ("a", "b"):
        call("run", f"{name}.toml", "--out", name, "--quiet")
    ours, a, b = (json.loads((Path(f) / "manifest.json").read_text())["sha256"] for f in (paper_folder, "a", "b"))
    assert a == ours
    assert b["study"] != a["study"]
    assert (b["network"], b["profiles"]) == (a["network"], a["profiles"])


def test_tables_on_disk_carry_units(paper_folder):
    units = {}
    for table in KEPT:
        for column in pq.read_schema(paper_folder / f"{table}.parquet"):
            units[table, column.name] = (column.metadata or {}).get(b"unit", b"").decode()
    assert units["books", "load_kwh"] == units["trades", "executed_kwh"] == units["participants", "sold_kwh"] == "kWh"
    assert units["branches", "limit_kw"] == "kW"
    assert units["participants", "kwp"] == "kWp"
    assert units["trades", "price_per_kwh"] == "currency per kWh"
    assert units["books", "worst_loading_percent"] == "%"
    assert units["scenarios", "bill"] == "currency"
    assert units["books", "step"] == units["books", "status"] == units["trades", "seller"] == ""
    message = ("_kwh", "_kw", "_percent", "bill", "paid", "received", "saving", "benefit", "share")
    assert [key for key, unit in units.items() if key[1].endswith(message) and not unit] == []


def test_tables_on_disk_are_the_results(paper_folder, paper_44):
    for name, table in paper_44.tables().items():
        pd.testing.assert_frame_equal(pd.read_parquet(paper_folder / f"{name}.parquet"), table, check_exact=True)


@pytest.mark.parametrize("name", FIGURES)
def test_figures_are_written(paper_folder, name):
    assert (paper_folder / name).read_bytes().startswith(b"\x89PNG" if name.endswith("png") else b"%PDF")


@pytest.mark.slow
def test_failed_books_exit_with_1_and_everything_is_written(monkeypatch):
    Path("tight.toml").write_text(CONGESTED, encoding="utf-8")
    proven = fastp2p.run(fastp2p.Study.from_toml("tight.toml")).books.set_index("step")
    monkeypatch.setattr(solving, "answer_books", lambda books, *rest: rest[-1].__setitem__(books, 3))
    result = call("run", "tight.toml", "--out", "here", "--quiet", code=1)
    assert children("here") == WRITTEN
    books = pd.read_parquet("here/books.parquet").set_index("step")
    failed = books.index[books.status == "failed"]
    assert len(failed)
    assert set(failed) <= set(proven.index[proven.status != "free"])
    assert (books.executed_kwh[failed] == 0).all()
    assert books.executed_kwh.drop(failed).equals(proven.executed_kwh.drop(failed))
    assert np.allclose(books.load_kwh, books.self_kwh + books.executed_kwh + books.import_kwh + books.shed_kwh)
    assert result.stdout == ""
    assert [f"scenario 0, step {step}" in result.stderr for step in failed] == [True] * len(failed)
    printed = json.loads(call("run", "tight.toml", "--out", "here", "--overwrite", "--json", code=1).stdout)
    assert [failure[-2:] for failure in printed["failures"]] == [[0, step] for step in failed]


HANG = """
import sys, time
import fastp2p, fastp2p.sweep.drawing

def hang(figures, folder):
    print(folder, flush=True)
    time.sleep(60)

fastp2p.sweep.drawing.write_figures = hang
fastp2p.run(fastp2p.studies()["paper-44"], out=sys.argv[1])
"""


@pytest.mark.slow
def test_a_killed_run_leaves_no_half_result():
    with subprocess.Popen([sys.executable, "-c", HANG, "here"], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        staged = Path(process.stdout.readline().decode().strip())
        assert (staged / "books.parquet").exists(), "killed in the middle of writing"
        os.kill(process.pid, signal.SIGKILL)
        assert process.wait(timeout=30) != 0
    assert not Path("here").exists()
    call("run", "paper-44", "--out", "here", "--quiet")
    assert children("here") == WRITTEN


def test_a_full_disk_is_told_and_the_old_result_stays(monkeypatch, paper_folder):
    shutil.copytree(paper_folder, "here")

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fastp2p.sweep.drawing.write_figures", full)
    result = call("run", "paper-44", "--out", "here", "--overwrite", code=2)
    assert "No space left on device" in result.stderr
    assert children() == {"here"}
    assert same_tables("here", paper_folder)


@pytest.mark.slow
def test_a_large_sweep_runs_in_processes(monkeypatch):
    study = fastp2p.studies()["pv-sweep"]
    Path("large.toml").write_text(study.with_(scenarios={"count": 600, "shares": [0.3]}).to_toml())
    call("run", "large.toml", "--out", "threads", "--quiet")
    monkeypatch.setattr("fastp2p.cli.main.PROCESSES_FROM", 1)
    call("run", "large.toml", "--out", "processes", "--quiet", "--workers", 10**6)  # as many as there are processors
    for table in ("scenarios", "hours"):
        one, other = (pq.read_table(Path(out) / table) for out in ("threads", "processes"))
        assert one.equals(other)
    message = call("run", "large.toml", "--out", "x", "--dask", "tcp://127.0.0.1:9", "--workers", "2", code=2)
    assert "either --workers of this machine or a cluster with --dask" in message.stderr


@pytest.mark.usefixtures("no_figures")
@pytest.mark.parametrize("study", ["paper-44", "pv-sweep"])
def test_tables_fit_a_terminal(study, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    message = call("run", study, "--out", "here").stdout.splitlines()
    assert max(len(line) for line in message[1:] if not line.startswith("wrote")) <= 80
