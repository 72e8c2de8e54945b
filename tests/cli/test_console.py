"""The command in whatever surroundings: terminals, closed streams, bad variables, no home, a folder that is gone."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

import fastp2p
from fastp2p.cli import streams
from fastp2p.io.parquet import open_dataset, write_part, write_tables
from tests.support.commands import call, refused_command

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")

COMMAND = [sys.executable, "-m", "fastp2p"]
HOMELESS = """
import pwd, sys

def unknown(*_):
    raise KeyError("no such user")

pwd.getpwuid = unknown
from fastp2p.__main__ import main
main()
"""


def started(*arguments, shell=None, **variables):
    """The command in a process of its own."""
    words = [*COMMAND, *arguments]
    words = words if shell is None else ["sh", "-c", shell, "sh", *words]
    return subprocess.run(words, capture_output=True, check=False, env={**os.environ, **variables}, timeout=120)


# terminals


@pytest.mark.parametrize(
    ("encoding", "plain"),
    [
        ("ascii", "Zurich 5...6 p.u. -> ~ 3 EUR, Lodz, 20 degC, x\\xff ?"),
        ("latin-1", "Zürich 5...6 p.u. -> ~ 3 EUR, Lódz, 20 °C, x\\xff ?"),
        ("cp437", "Zürich 5...6 p.u. -> ≈ 3 EUR, Lódz, 20 °C, x\\xff ?"),
        ("utf-8", "Zürich 5…6 p.u. → ≈ 3 €, Łódź, 20 °C, x\\xff ☀"),
    ],
)
def test_characters_that_a_terminal_lacks_are_plain(encoding, plain, monkeypatch):
    streams.codecs.register_error(streams.PLAIN, streams._plain)
    written = io.BytesIO()
    output = streams._Output(io.TextIOWrapper(written, encoding=encoding))
    output.write("Zürich 5…6 p.u. → ≈ 3 €, Łódź, 20 °C, x\udcff ☀\n")
    output.flush()
    assert written.getvalue().decode(encoding).rstrip() == plain


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("arguments", [["run"], []], ids=["ours", "of the parser"])
def test_errors_reach_any_terminal(encoding, arguments):
    done = started(*arguments, "größe→…", PYTHONIOENCODING=encoding)
    assert (done.returncode, done.stdout) == (2, b"")
    wanted = "'grosse->...'" if encoding == "ascii" else "'größe->...'"
    assert wanted in done.stderr.decode(encoding)


def test_a_study_file_may_begin_with_a_byte_order_mark():
    Path("mine.toml").write_text(call("studies", "paper-44").stdout, encoding="utf-8-sig")
    assert fastp2p.Study.from_toml("mine.toml") == fastp2p.studies()["paper-44"]


# streams


@pytest.mark.slow
def test_a_reader_that_leaves_changes_nothing():
    for arguments, code in ((["studies"], 0), (["--help"], 0), (["run", "nope"], 2)):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False)
        os.close(writing)
        assert (done.returncode, b"Traceback" in done.stderr, b"Broken" in done.stderr) == (code, False, False)


@pytest.mark.slow
def test_a_run_that_nobody_reads_is_whole():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, "run", "paper-44", "--out", "x"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(Path("x/manifest.json").read_text(encoding="utf-8"))["complete"] is True


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("arguments", [["studies"], ["--help"]])
def test_a_full_disk_under_what_is_printed_is_told(arguments):
    done = started(*arguments, shell='exec "$@" > /dev/full')
    assert (done.returncode, done.stderr.decode()) == (
        1,
        "error: standard output could not be written: No space left on device\n",
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", "<&- >&- 2>&-"])
def test_closed_streams(closed):
    done = started("studies", "paper-44", shell=f'exec "$@" {closed}')
    assert (done.returncode, done.stderr) == (0, b"")
    if "2" in closed:  # where the error would have gone to
        assert started("run", "nope", shell=f'exec "$@" {closed}').returncode == 2


# variables


@pytest.mark.slow
def test_a_run_under_bad_variables():
    variables = {"MPLBACKEND": "foo", "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "COLUMNS": "abc", "TERM": "dumb"}
    done = started("run", "paper-44", "--out", "x", TMPDIR="/nonexistent", LC_ALL="C", LANG="", **variables)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert Path("x/supply.png").exists()


@pytest.mark.slow
def test_a_backend_that_matplotlib_does_not_know_is_told_before_anything_runs():
    words = "import fastp2p\ntry: fastp2p.run(fastp2p.studies()['paper-44'], out='x')\nexcept fastp2p.InputError as e: print(e)"
    environment = {**os.environ, "MPLBACKEND": "foo", "FASTP2P_CACHE_DIR": str(Path("cold").resolve())}
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.startswith("no figures can be drawn, since matplotlib cannot be loaded (check MPLBACKEND")
    assert done.stderr == ""
    assert not Path("x").exists()


@pytest.mark.parametrize("address", ["", "foo", "tcp://", "tcp://localhost", "tcp://:8786", "http://a:1", "tcp://a:99999"])
def test_an_address_that_is_none_is_refused_in_a_line(address):
    message = call("run", "paper-44", "--out", "x", "--dask", address, code=2).stderr
    assert message == f"error: {address!r} is not the address of a Dask scheduler; it must look like tcp://HOST:8786\n"
    assert not Path("x").exists()


def test_characters_that_steer_a_terminal_are_shown_as_escapes(tmp_path):
    """A line break, an escape sequence, C1, and a change of direction, from a study's description, a key and a value."""
    study = fastp2p.studies()["paper-44"].with_(description="a\nb\x1b[2Jc\x9bd\u202ee")
    (tmp_path / "odd.toml").write_text(study.to_toml(), encoding="utf-8")
    printed = call("check", "odd.toml").stdout
    assert r"a\nb\x1b[2Jc\x9bd\u202ee" in printed
    (tmp_path / "odd.toml").write_text('[pv."a\\nb"]\n[load]\nprofile = "x\\u001b[2J"')
    message = call("check", "odd.toml", code=2).stderr
    assert all(line.startswith("error: ") for line in message.splitlines())
    assert "\x1b" not in message


# folders


def test_a_working_folder_that_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for out in ("x", tmp_path / "whole"):
        message = call("run", "paper-44", "--out", out, code=2).stderr
        assert message == "error: .: the folder that you are in is gone; change to one that exists\n"
    with pytest.raises(fastp2p.InputError, match="x: the folder that you are in is gone"):
        fastp2p.run(fastp2p.studies()["paper-44"], out="x")


@pytest.mark.parametrize(
    "name", ["day:1", "file:x", "s3://a/b", "a%20b", "%", "größe ☀", "with space/", "#?&*", "-x", "no text \udcff"]
)
def test_folders_that_look_like_addresses(name):
    folder = Path(name)
    folder.mkdir(parents=True)
    table = pd.DataFrame({"share": [1.0], "load_kwh": [2.0]})
    write_tables({"scenarios": table}, folder, {})
    write_part({"hours": table}, folder, 3, {})
    for one, numbers in (("scenarios", None), ("hours", [3])):
        assert open_dataset(folder, one, numbers).to_table().to_pandas().equals(table)


def test_sweeps_into_such_folders(monkeypatch):
    monkeypatch.setattr("fastp2p.sweep.parts.PART_BOOKS", 24)
    study = fastp2p.studies()["paper-44"].with_(scenarios={"count": 2})
    for name in ("day:1", "no text \udcff"):
        fastp2p.run(study, out=name)
        assert fastp2p.open_results(name)["scenarios"].count_rows() == 2


def test_runs_and_comparisons_into_such_folders(monkeypatch):
    for command, extra in (("run", []), ("compare", ["--rules", "ask,uniform"])):
        call(command, "paper-44", "--out", f"{command}:1/", *extra)
        assert Path(f"{command}:1/manifest.json").exists()
    assert fastp2p.open_results("run:1")["books"].count_rows() == 24


def test_a_tilde_is_the_users_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert "wrote " in call("run", "paper-44", "--out", "~/x").stdout
    assert fastp2p.open_results("~/x")["books"].count_rows() == 24
    assert [path.name for path in tmp_path.iterdir()] == ["home"]
    refused = call("run", "paper-44", "--out", "~nobody-of-that-name/x", code=2).stderr
    assert "the home folder of this user is unknown" in refused


# no home


@pytest.mark.slow
def test_a_user_whom_the_system_does_not_know():
    known = ("PATH", "PYTHONPATH", "LANG")
    environment = {name: os.environ[name] for name in known if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", HOMELESS, "check", "cigre_lv"], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stdout.split("\n")[2].split()) == (0, ["form", "radial"]), done.stderr
    assert list(Path().iterdir()) == []  # a folder named ~, for one


def test_memory_that_runs_out_is_told(monkeypatch):
    def greedy(_):
        raise MemoryError("Unable to allocate 40 GiB")

    monkeypatch.setattr("fastp2p.cli.check.check_network", greedy)
    assert call("check", "cigre_lv", code=1).stderr == "error: there was not enough memory: Unable to allocate 40 GiB\n"


@pytest.mark.parametrize("command", [["run", "x\\[/red].toml"], ["check", "\\[/b].json"], ["run", ":smile:.toml"]])
def test_names_like_markup_are_printed_as_they_are(command):
    assert command[1] in refused_command(*command)


def test_a_folder_named_like_markup_is_printed_as_it_is():
    assert "wrote [/red]/" in call("run", "paper-44", "--out", "[/red]").stdout
