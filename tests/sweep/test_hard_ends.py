"""Runs that end badly: a full disk, a folder that cannot be written, an interrupt; and sweeps that never begin."""

import os
import resource
import signal
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

import fastp2p
from fastp2p.study.model import Study
from fastp2p.sweep import parts
from tests.support.sweeps import SWEEP, assert_same

RUN = [sys.executable, "-m", "fastp2p", "run"]
STUDY = SWEEP.with_(scenarios={"count": 2000, "keep": ["books"]})


@contextmanager
def tmpfs(path, *options):
    path.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", ",".join(options), "tmpfs", path], capture_output=True).returncode:
        pytest.skip("this machine does not let the tests mount a file system")
    try:
        yield path
    finally:
        subprocess.run(["umount", path], check=True)


def interruptible():
    """A shell may have its background jobs ignore interrupts, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def finished_parts_are_readable(folder):
    books = fastp2p.open_results(folder)["books"].to_table().to_pandas()
    assert len(books)
    assert len(books) % 24 == 0
    assert not list(folder.rglob("*.partial"))
    return books


@pytest.mark.slow
def test_a_full_disk_keeps_the_finished_parts(tmp_path):
    with tmpfs(tmp_path / "disk", "size=6m") as disk:
        with pytest.raises(fastp2p.InputError, match=r"No space left on device; the parts finished before are complete"):
            fastp2p.run(STUDY, out=disk / "out", workers=2)
        finished_parts_are_readable(disk / "out")
        subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
        resumed = fastp2p.run(STUDY, out=disk / "out", resume=True)
        assert_same(resumed.tables(), fastp2p.run(STUDY).tables())


@pytest.mark.slow
def test_a_file_that_may_not_grow(tmp_path):
    """The same on any machine: files over 150 kB are refused."""
    (tmp_path / "study.toml").write_text(STUDY.to_toml())

    def small_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (150_000, 150_000))

    command = [*RUN, "study.toml", "--out", "out"]
    ended = subprocess.run(command, cwd=tmp_path, preexec_fn=small_files, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "could not be written: File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert not list((tmp_path / "out").rglob("*.partial"))
    assert subprocess.run([*command, "--resume", "--quiet"], cwd=tmp_path).returncode == 0
    books = finished_parts_are_readable(tmp_path / "out")
    assert len(books) == 2 * 2000 * 24


def test_a_folder_that_cannot_be_written(tmp_path):
    with tmpfs(tmp_path / "disk", "ro") as disk, pytest.raises(fastp2p.InputError, match="cannot be written"):
        fastp2p.run(STUDY, out=disk / "out")


def test_a_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(fastp2p.InputError, match=r"cannot be written: .*file is not a folder that you may write to"):
        fastp2p.run(STUDY, out=tmp_path / "file" / "a" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else(tmp_path):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(fastp2p.InputError, match="not a folder that you may write to"):
            fastp2p.run(STUDY, out=tmp_path / "out")
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.slow
def test_a_disk_full_from_the_start_leaves_no_folder(tmp_path):
    def no_files():
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100))

    (tmp_path / "study.toml").write_text(STUDY.to_toml())
    command = [*RUN, "study.toml", "--out", "out"]
    ended = subprocess.run(command, cwd=tmp_path, preexec_fn=no_files, capture_output=True, text=True)
    assert ended.returncode == 2
    assert "could not be written: File too large" in ended.stderr
    assert "Traceback" not in ended.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["study.toml"]


@pytest.mark.slow
@pytest.mark.parametrize("failing", ["fastp2p.sweep.folder.write_tables", "fastp2p.figures.sweep.write_sweep_figures"])
def test_a_disk_full_at_the_answers_keeps_all_parts(failing, tmp_path, monkeypatch):
    def full(_, folder):
        (folder / "summary.parquet").write_text("half of it")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parts, "PART_BOOKS", 240)
    with monkeypatch.context() as broken:
        broken.setattr(failing, full)
        with pytest.raises(fastp2p.InputError, match="No space left on device; all parts are complete; resume"):
            fastp2p.run(SWEEP, out=tmp_path / "out")
    assert len(fastp2p.open_results(tmp_path / "out")["scenarios"].to_table()) == 80
    assert not list((tmp_path / "out").glob("*summary*"))
    assert not list((tmp_path / "out").rglob("*.partial"))
    assert_same(fastp2p.run(SWEEP, out=tmp_path / "out", resume=True).tables(), fastp2p.run(SWEEP).tables())
    assert (tmp_path / "out" / "summary.parquet").exists()


@pytest.mark.slow
def test_an_interrupt_keeps_what_is_whole_and_says_how_to_go_on(tmp_path):
    study = STUDY.with_(scenarios={"count": 200_000})
    (tmp_path / "study.toml").write_text(study.to_toml())
    pipes = {"stderr": subprocess.PIPE, "text": True, "preexec_fn": interruptible}
    with subprocess.Popen([*RUN, "study.toml", "--out", "out", "--quiet"], cwd=tmp_path, **pipes) as process:
        deadline = time.monotonic() + 60
        while not (tmp_path / "out" / "books").exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "--resume continues from there" in told
    assert "Traceback" not in told
    finished_parts_are_readable(tmp_path / "out")


def changed(**parts_of_it):
    given = SWEEP.model_dump(mode="json", exclude_none=True)
    for part, values in parts_of_it.items():
        given[part] = {**given.get(part, {}), **values}
    return given


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"scenarios": {"shares": [-0.1, 0.5]}}, "greater than or equal to 0"),
        ({"scenarios": {"shares": [0.5, 1.1]}}, "less than or equal to 1"),
        ({"scenarios": {"shares": [0.5, 0.1]}}, "shares must rise"),
        ({"scenarios": {"shares": [0.5, 0.5]}}, "shares must be ascending, without repeats"),
        ({"scenarios": {"shares": ["0.5"]}}, "valid number"),
        ({"scenarios": {"count": 0}}, "greater than or equal to 1"),
        ({"scenarios": {"stop": {"indicator": "saving", "within": 0.01, "at_least": 10}}}, "greater than or equal to 100"),
        ({"pv": {"kwp": {"distribution": "uniform", "low": 9.0, "high": 3.0}}}, "low = 9 is above high = 3"),
        ({"pv": {"kwp": {"distribution": "triangular", "low": 1.0, "mode": 9.0, "high": 3.0}}}, "mode"),
        ({"pv": {"kwp": {"distribution": "normal", "mean": -50.0, "sd": 1.0}}}, "nothing of a normal"),
        ({"load": {"profile": {"choice": ["residential_0"], "weights": [0.0]}}}, "weights"),
    ],
)
def test_sweeps_that_cannot_be(given, told):
    with pytest.raises(ValueError, match=told):
        Study.model_validate(changed(**given))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"participants": {"buses": [12, 13]}, "pv": {"kwp": [1.0, 2.0, 3.0]}}, "pv.kwp lists 3 values for 2 buses"),
        ({"pv": {"buses": [12, 12]}}, "bus 12 is listed twice"),
        ({"pv": {"buses": [999]}}, "bus 999 does not exist"),
        (
            {"market": {"retail_per_kwh": {"series": [0.1, 0.2]}}},
            "market.retail_per_kwh lists 2 values; it must be one for each",
        ),
    ],
)
def test_more_than_there_is_to_give(given, told, tmp_path):
    with pytest.raises(fastp2p.InputError, match=told):
        fastp2p.run(Study.model_validate(changed(**given)), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_folder_of_another_version(tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_BOOKS", 240)
    fastp2p.run(SWEEP, out=tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"fastp2p": "', '"fastp2p": "0.0.'))
    with pytest.raises(fastp2p.InputError, match=r"started with fastp2p 0\.0\..*continue with that version"):
        fastp2p.run(SWEEP, out=tmp_path / "out", resume=True)
