"""A disk that is full before, in the middle of, or at the end of a run: what was finished stays whole."""

import resource
import signal
import subprocess
import sys

import pytest

import fastp2p
from fastp2p.sweep import parts
from tests.support.disk_faults import tmpfs
from tests.support.sweeps import SWEEP, assert_same

RUN = [sys.executable, "-m", "fastp2p", "run"]
STUDY = SWEEP.with_(scenarios={"count": 2000, "keep": ["books"]})


def finished_parts_are_readable(folder):
    books = fastp2p.open_results(folder)["books"].to_table().to_pandas()
    assert len(books)
    assert len(books) % 24 == 0
    assert not list(folder.rglob("*.partial"))
    return books


@pytest.mark.slow
def test_a_full_disk_keeps_the_finished_parts(tmp_path, no_figures):
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
@pytest.mark.parametrize("failing", ["fastp2p.sweep.folder.write_tables", "fastp2p.sweep.drawing.write_figures"])
def test_a_disk_full_at_the_answers_keeps_all_parts(failing, tmp_path, monkeypatch):
    def full(_, folder, *__):
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
