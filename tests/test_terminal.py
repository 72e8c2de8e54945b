"""The command in whatever surroundings: terminals, closed streams, bad variables, no home, a folder that is gone."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p import streams
from fastp2p.cli import app
from fastp2p.day_table import find_periods
from fastp2p.io import cache
from fastp2p.io.parquet import open_dataset, write_part, write_tables
from fastp2p.kernels import _jit

COMMAND = [sys.executable, "-m", "fastp2p"]
HOMELESS = """
import pwd, sys

def unknown(*_):
    raise KeyError("no such user")

pwd.getpwuid = unknown
from fastp2p.__main__ import main
main()
"""
ODD_NAMES = ["day:1", "file:x", "s3://a/b", "a%20b", "%", "größe ☀", "with space/", "#?&*", "-x", "no text \udcff"]
STUDY = """
name = "weeks"
[network]
source = "cigre_lv"
[participants]
buses = [16, 18]
[load]
profile = "home"
[pv]
profile = "roof"
buses = [16]
kwp = 9
"""


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("fastp2p.report.write_figures", lambda *_: [])


def call(*arguments, code=0):
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert result.exit_code == code, result.output
    return result


def started(*arguments, shell=None, **variables):
    """The command in a process of its own."""
    words = [*COMMAND, *arguments]
    words = words if shell is None else ["sh", "-c", shell, "sh", *words]
    return subprocess.run(words, capture_output=True, check=False, env={**os.environ, **variables}, timeout=120)


def quarter_hours(n_days, first="2018-03-20"):
    """A home that draws 1 kW, a roof that gives 1 kW per kWp from 10 to 14 h, in quarter hours."""
    time = pd.date_range(first, periods=96 * n_days, freq="15min")
    sun = np.where((time.hour >= 10) & (time.hour < 14), 0.25, 0.0)
    return fastp2p.Profiles(("home", "roof"), ("load", "pv"), np.array([np.full(len(time), 0.25), sun]), 0.25, time, "made")


def study_of(profiles, **keys):
    profiles.save("made.parquet")
    Path("weeks.toml").write_text(f'{STUDY}\n[profiles]\nsource = "made.parquet"\n', encoding="utf-8")
    return fastp2p.Study.from_toml("weeks.toml")


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


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "cp437"])
def test_errors_reach_any_terminal(encoding):
    for arguments in (["run", "größe→…"], ["größe→…"]):  # ours, and those of the parser
        done = started(*arguments, PYTHONIOENCODING=encoding)
        assert (done.returncode, done.stdout) == (2, b"")
        wanted = "'grosse->...'" if encoding == "ascii" else "'größe->...'"
        assert wanted in done.stderr.decode(encoding)


def test_a_study_file_may_begin_with_a_byte_order_mark():
    Path("mine.toml").write_text(call("studies", "paper-44").stdout, encoding="utf-8-sig")
    assert fastp2p.Study.from_toml("mine.toml") == fastp2p.studies()["paper-44"]


# streams


def test_a_reader_that_leaves_changes_nothing():
    for arguments, code in ((["studies"], 0), (["--help"], 0), (["run", "nope"], 2)):
        reading, writing = os.pipe()
        os.close(reading)
        done = subprocess.run([*COMMAND, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False)
        os.close(writing)
        assert (done.returncode, b"Traceback" in done.stderr, b"Broken" in done.stderr) == (code, False, False)


def test_a_run_that_nobody_reads_is_whole():
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run([*COMMAND, "run", "paper-44", "--out", "x"], stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (done.returncode, done.stderr) == (0, b"")
    assert json.loads(Path("x/manifest.json").read_text(encoding="utf-8"))["complete"] is True


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no device that is full")
@pytest.mark.parametrize("arguments", [["studies"], ["--help"], ["studies", "paper-44"]])
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
    assert started("run", "nope", shell=f'exec "$@" {closed}').returncode == 2


# variables


def test_a_run_under_bad_variables():
    variables = {"MPLBACKEND": "foo", "PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "COLUMNS": "abc", "TERM": "dumb"}
    done = started("run", "paper-44", "--out", "x", TMPDIR="/nonexistent", LC_ALL="C", LANG="", **variables)
    assert (done.returncode, done.stderr.decode()) == (0, "")
    assert Path("x/supply.png").exists()


def test_a_backend_that_matplotlib_does_not_know_is_told_before_anything_runs():
    words = "import fastp2p\ntry: fastp2p.run(fastp2p.studies()['paper-44'], out='x')\nexcept fastp2p.InputError as e: print(e)"
    environment = {**os.environ, "MPLBACKEND": "foo", "FASTP2P_CACHE_DIR": str(Path("cold").resolve())}
    done = subprocess.run([sys.executable, "-c", words], capture_output=True, text=True, env=environment, check=False)
    assert done.stdout.startswith("no figures can be drawn, since matplotlib cannot be loaded (look at MPLBACKEND")
    assert done.stderr == ""
    assert not Path("x").exists()


@pytest.mark.parametrize("address", ["", "foo", "tcp://", "tcp://localhost", "tcp://:8786", "http://a:1", "tcp://a:99999"])
def test_an_address_that_is_none_is_refused_in_a_line(address):
    told = call("run", "paper-44", "--out", "x", "--dask", address, code=2).stderr
    assert told == f"error: {address!r} is not the address of a Dask scheduler; it must look like tcp://HOST:8786\n"
    assert not Path("x").exists()


def test_characters_that_steer_a_terminal_are_shown_as_escapes(tmp_path):
    """A line break, an escape sequence, C1, and a change of direction, from a study's description, a key and a value."""
    text = STUDY.replace('name = "weeks"', 'name = "weeks"\ndescription = "a\\nb\\u001b[2Jc\\u009bd\\u202ee"')
    (tmp_path / "odd.toml").write_text(text.replace('profile = "home"', 'profile = "residential_0"').replace("roof", "solar_0"))
    printed = call("check", "odd.toml").stdout
    assert r"a\nb\x1b[2Jc\x9bd\u202ee" in printed
    (tmp_path / "odd.toml").write_text('[pv."a\\nb"]\n[load]\nprofile = "x\\u001b[2J"')
    told = call("check", "odd.toml", code=2).stderr
    assert all(line.startswith("error: ") for line in told.splitlines())
    assert "\x1b" not in told


# folders


def test_a_working_folder_that_is_gone(tmp_path, monkeypatch):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    for out in ("x", tmp_path / "whole"):
        told = call("run", "paper-44", "--out", out, code=2).stderr
        assert told == "error: .: the folder that you are in is gone; change to one that exists\n"
    with pytest.raises(fastp2p.InputError, match="x: the folder that you are in is gone"):
        fastp2p.run(fastp2p.studies()["paper-44"], out="x")


@pytest.mark.parametrize(
    "name", ["day:1", "file:x", "s3://a/b", "a%20b", "%", "größe ☀", "with space/", "#?&*", "-x", "no text \udcff"]
)
def test_folders_that_look_like_addresses(name):
    folder = Path(name)
    folder.mkdir(parents=True)
    table = pd.DataFrame({"share": [1.0], "load_kwh": [2.0]})
    write_tables({"scenarios": table}, folder)
    write_part({"hours": table}, folder, 3)
    (folder / "manifest.json").write_text('{"done": [3]}')
    assert open_dataset(folder, "scenarios", []).to_table().to_pandas().equals(table)
    opened = fastp2p.open_results(name)
    assert {key: one.to_table().to_pandas().equals(table) for key, one in opened.items()} == {"scenarios": True, "hours": True}


def test_runs_and_comparisons_into_such_folders(monkeypatch):
    monkeypatch.setattr("fastp2p.sweep_report.write_comparison_figure", lambda *_: [])
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


# no home, no cache


def test_a_user_whom_the_system_does_not_know():
    known = ("PATH", "PYTHONPATH", "LANG")
    environment = {name: os.environ[name] for name in known if name in os.environ}
    done = subprocess.run(
        [sys.executable, "-c", HOMELESS, "check", "cigre_lv"], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stdout.split("\n")[2].split()) == (0, ["form", "radial"]), done.stderr
    assert list(Path().iterdir()) == []  # a folder named ~, for one


def test_networks_are_made_where_they_cannot_be_kept(monkeypatch, tmp_path):
    made = {"a": np.arange(3)}
    for name, place in (("FASTP2P_CACHE_DIR", ""), ("XDG_CACHE_HOME", "relative"), ("HOME", "/dev/null")):
        monkeypatch.setenv(name, place)
    assert cache._folder() == Path("/dev/null/.cache/fastp2p")
    assert cache.kept_arrays("x", {"a"}, lambda: made) == made
    monkeypatch.setattr(Path, "expanduser", lambda _: (_ for _ in ()).throw(RuntimeError("no home")))
    assert cache._folder() is None
    assert cache.kept_arrays("x", {"a"}, lambda: made) == made
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_under_the_cache_of_networks_leaves_nothing(monkeypatch, tmp_path):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setenv("FASTP2P_CACHE_DIR", str(tmp_path / "kept"))
    monkeypatch.setattr(np, "savez", lambda file, **_: file.write(b"some"))
    monkeypatch.setattr(Path, "replace", full)
    made = {"a": np.arange(3)}
    assert cache.kept_arrays("x", {"a"}, lambda: made) == made
    assert list((tmp_path / "kept").iterdir()) == []


@pytest.fixture
def kernel_file(tmp_path, monkeypatch):
    """A module with a kernel, imported anew by each call; its __pycache__ is where numba keeps machine code."""
    if os.environ.get("NUMBA_DISABLE_JIT") == "1":
        pytest.skip("nothing is compiled")
    monkeypatch.setattr(_jit, "_faults", [])
    monkeypatch.setenv("HOME", "/dev/null")
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(_jit.caching.config, "CACHE_DIR", "")
    path = tmp_path / "twice.py"
    path.write_text("def twice(x):\n    return 2.0 * x\n")

    def imported():
        names = {}
        exec(compile(path.read_text(), str(path), "exec"), names)
        return _jit.kernel(names["twice"])

    return imported


def kept(tmp_path):
    return {path.suffix for path in (tmp_path / "__pycache__").iterdir()}


def test_kernels_are_kept(kernel_file, tmp_path):
    assert kernel_file()(1.5) == 3.0
    again = kernel_file()
    assert again(1.5) == 3.0
    assert sum(again.stats.cache_hits.values()) == 1
    assert kept(tmp_path) == {".nbi", ".nbc"}
    assert _jit.cache_fault() == ""


def test_kernels_without_a_folder_to_keep_them_in(kernel_file, tmp_path):
    (tmp_path / "__pycache__").write_text("a file where the folder would be")
    kernel = kernel_file()
    assert _jit.cache_fault() == ""  # nothing was compiled yet
    assert kernel(1.5) == 3.0
    assert _jit.cache_fault() == "there is no folder that they could be kept in"


def test_kernels_in_a_folder_that_can_only_be_read(kernel_file, monkeypatch):
    def refused(_):
        raise PermissionError(13, "Permission denied")

    kernel_file()(1.5)
    monkeypatch.setattr(_jit.caching._CacheLocator, "ensure_cache_path", refused)
    kernel = kernel_file()
    assert kernel(1.5) == 3.0
    assert sum(kernel.stats.cache_hits.values()) == 1
    assert _jit.cache_fault() == ""


def test_a_full_disk_under_the_cache_of_kernels(kernel_file, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(_jit.caching.IndexDataCacheFile, "save", full)
    assert kernel_file()(1.5) == 3.0
    assert _jit.cache_fault().endswith("__pycache__ could not be written (No space left on device)")


@pytest.mark.parametrize("torn", [".nbi", ".nbc"])
@pytest.mark.parametrize("size", [0, 7])
def test_torn_files_of_kernels_are_made_anew(kernel_file, tmp_path, torn, size):
    kernel_file()(1.5)
    for path in (tmp_path / "__pycache__").iterdir():
        if path.suffix == torn:
            path.write_bytes(path.read_bytes()[:size])
    assert kernel_file()(1.5) == 3.0
    healed = kernel_file()
    assert healed(1.5) == 3.0
    assert sum(healed.stats.cache_hits.values()) == 1


def test_kernels_are_not_kept_in_a_folder_named_tilde(monkeypatch):
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with_home = [locator.__name__ for locator in _jit._locators()]
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    assert sum("UserWide" in name for name in with_home) == 1
    assert not any("UserWide" in locator.__name__ for locator in _jit._locators())


def test_the_command_says_once_that_kernels_were_not_kept(monkeypatch):
    monkeypatch.setattr(_jit, "_faults", ["/x could not be written (No space left on device)", "and again"])
    told = call("studies").stderr
    assert told == (
        "note: kernels were compiled for this run alone: /x could not be written (No space left on device); "
        "set NUMBA_CACHE_DIR to a folder that you may write to, and the next run starts faster\n"
    )
    assert call("run", "paper-44", "--out", "x", "--quiet").stderr == ""


# long runs


def test_periods_of_the_table():
    time = pd.date_range("2018-03-20", periods=96 * 400, freq="15min")
    day = find_periods(96, 0.25, time[:96])
    assert day.labels[:2] == ["2018-03-20 00:00", "2018-03-20 01:00"]
    assert (len(day.labels), day.heading, day.of_step[[0, 3, 4, 95]].tolist()) == (24, "hour", [0, 0, 1, 23])
    assert find_periods(24, 1.0, None).labels == [str(hour) for hour in range(24)]
    weeks = find_periods(96 * 14, 0.25, time[: 96 * 14])
    assert (weeks.labels[0], weeks.labels[-1], len(weeks.labels)) == ("2018-03-20", "2018-04-02", 14)
    year = find_periods(24 * 365, 1.0, None)
    assert (len(year.labels), year.labels[:2], year.labels[-1]) == (53, ["1", "8"], "365")
    assert len(find_periods(24 * 10_000, 1.0, None).labels) == 28  # 10,000/364 = 27.5
    # a day from six to six is two of the calendar's; a summer and a winter leave out what lies between
    shifted = find_periods(30, 1.0, pd.date_range("2018-01-01 06:00", periods=30, freq="h"))
    assert (shifted.labels, np.bincount(shifted.of_step).tolist()) == (["2018-01-01", "2018-01-02"], [18, 12])
    gap = time[(time.month == 6) | (time.month == 12)][::4]
    assert len(find_periods(len(gap), 1.0, gap).labels) <= 53


def test_two_weeks_are_printed_by_the_day():
    study_of(quarter_hours(14))
    told = call("run", "weeks.toml", "--out", "x").stdout.splitlines()
    days = [line.split() for line in told if line.strip().startswith("2018-")]
    assert len(told) < 40
    assert [day[0] for day in days] == [f"{date:%Y-%m-%d}" for date in pd.date_range("2018-03-20", periods=14)]
    # two homes of 24 kWh; 3 kW from 10 to 14 h: 4 kWh for itself, 4 for the neighbour, 4 are left of 3 x 3 kWp x 4 h
    assert all(day[1] == "48.00" for day in days)
    books = pd.read_parquet("x/books.parquet")
    by_day = books.groupby(books.time.dt.date).executed_kwh.sum()
    assert [day[5] for day in days] == [f"{kwh:.2f}" for kwh in by_day]
    whole = next(line.split() for line in told if line.strip().startswith("all "))
    assert whole[1] == f"{14 * 48:.2f}"


def test_hours_of_a_dated_day_carry_the_date():
    study_of(quarter_hours(1))
    told = call("run", "weeks.toml", "--out", "x").stdout.splitlines()
    hours = [line.split() for line in told if line.strip().startswith("2018-")]
    assert [hour[:2] for hour in hours] == [["2018-03-20", f"{hour:02d}:00"] for hour in range(24)]
    assert {hour[2] for hour in hours} == {"2.000"}


def test_failed_books_are_counted_after_the_first_ten(monkeypatch):
    from fastp2p import cli

    failures = [(1.0, 0, step) for step in range(1200)]
    results = fastp2p.run(study_of(quarter_hours(14)))
    object.__setattr__(results, "failures", failures)
    said = []
    monkeypatch.setattr(cli, "say", lambda *words: said.append(words[-1]))
    cli._say_failures(results)
    assert len(said) == 11
    assert "step 4 (2018-03-20 01:00)" in said[4]
    assert said[-1].startswith("1,190 more books")


# times in tables


def test_tables_have_the_time_of_their_steps():
    study = study_of(quarter_hours(2))
    study = study.model_copy(update={"clearing": study.clearing.model_copy(update={"audit": True})})
    results = fastp2p.run(study, out="x")
    read = {name: one.to_table().to_pandas() for name, one in fastp2p.open_results("x").items()}
    start = pd.Timestamp("2018-03-20")
    assert len(results.trades)
    for tables in (results.tables(), read):
        for name, step, time in (
            ("books", "step", "time"),
            ("trades", "step", "time"),
            ("branches", "worst_step", "worst_time"),
            ("scenarios", "lowest_vm_step", "lowest_vm_time"),
            ("scenarios", "highest_vm_step", "highest_vm_time"),
        ):
            table = tables[name]
            assert table.columns.tolist().index(time) == table.columns.tolist().index(step) + 1
            assert (table[time] == start + table[step] * pd.Timedelta(minutes=15)).all()
    for name, table in results.tables().items():
        pd.testing.assert_frame_equal(read[name], table, check_exact=True)


def test_json_has_the_times(monkeypatch):
    study_of(quarter_hours(1))
    printed = json.loads(call("run", "weeks.toml", "--out", "x", "--json").stdout)
    assert [book["time"] for book in printed["books"]][:2] == ["2018-03-20T00:00:00", "2018-03-20T00:15:00"]


def test_a_sweep_has_times_in_every_part():
    study = study_of(quarter_hours(1))
    sweep = study.scenarios.model_copy(update={"count": 300, "keep": ("books", "trades")})
    study = study.model_copy(update={"scenarios": sweep})
    results = fastp2p.run(study, out="x")
    read = fastp2p.open_results("x")
    assert len(list(Path("x/books").iterdir())) == 3
    assert str(read["books"].schema.field("time").type).startswith("timestamp")
    assert (results.books.time.dt.hour == results.books.step // 4).all()
    assert read["trades"].to_table().to_pandas().time.equals(results.trades.time)
    assert json.loads(call("run", "paper-44", "--out", "y", "--json").stdout)["totals"]["load_kwh"] > 0


def test_profiles_without_dates_give_no_times(paper_44):
    assert not any("time" in column for table in paper_44.tables().values() for column in table)


def test_a_folder_is_not_gone_on_with_at_other_times():
    study = study_of(quarter_hours(1))
    fastp2p.run(study, out="x", profiles=quarter_hours(1))
    with pytest.raises(fastp2p.InputError, match="another content of profiles"):
        fastp2p.run(study, out="x", resume=True, profiles=quarter_hours(1, "2019-03-20"))
