"""The folder of a run: what is refused before it runs, and what is left where it ends badly."""

import os
from pathlib import Path

import pandapower as pp
import pytest

import fastp2p
from tests.support.commands import call, refused_command
from tests.support.disk_faults import tmpfs
from tests.support.shipped import shipped
from tests.support.studies import study_text
from tests.support.sweeps import SWEEP

pytestmark = pytest.mark.usefixtures("elsewhere", "no_figures")


@pytest.mark.parametrize(
    ("out", "extra", "told"),
    [
        ("there", [], "there exists"),
        ("file", [], "not a folder"),
        ("file", ["--overwrite"], "is a file"),
        ("file/below", [], "is not a folder"),
        ("file/below/far/below", ["--overwrite"], "is not a folder"),
        (".", [], "results need their own folder"),
        (".", ["--overwrite"], "folder"),
        ("", ["--overwrite"], "folder"),
        ("there", ["--overwrite"], "folder"),
        ("x" * 300, [], "x"),
        ("/proc/nope/out", [], "could not be written: No such file or directory; nothing was run"),
    ],
)
def test_folders_that_cannot_be_written(out, extra, told):
    Path("there").mkdir()
    Path("there/mine.txt").write_text("mine")
    Path("file").write_text("mine")
    assert told in refused_command("run", "paper-44", "--out", out, *extra)
    assert Path("there/mine.txt").read_text() == Path("file").read_text() == "mine"


def test_read_only_folders(monkeypatch):
    monkeypatch.setattr("os.access", lambda *_: False)
    assert "not a folder that you may write to" in refused_command("run", "paper-44", "--out", "a/b")


def test_files_and_folders_with_odd_names():
    folder = Path('it\'s a "folder" ☀ [bold]')
    folder.mkdir()
    pp.to_json(shipped("cigre_lv"), folder / "net x.json")
    (folder / "my [red].toml").write_text(study_text(network='source = "net x.json"'), encoding="utf-8")
    call("run", folder / "my [red].toml", "--out", folder / "out ☀", "--quiet")
    assert (folder / "out ☀" / "books.parquet").exists()


def test_all_folders_are_checked_before_anything_is_written():
    Path("results/paper-80").mkdir(parents=True)
    refused_command("run")


def test_the_folder_and_the_study_are_refused_together():
    Path("there").mkdir()
    Path("mine.toml").write_text(study_text(load="buses = [99]"))
    message = refused_command("run", "mine.toml", "--out", "there")
    assert "there exists" in message
    assert "bus 99" in message


def test_a_folder_that_cannot_be_written(tmp_path):
    with tmpfs(tmp_path / "disk", "ro") as disk, pytest.raises(fastp2p.InputError, match="cannot be written"):
        fastp2p.run(SWEEP, out=disk / "out")


def test_a_folder_below_a_file(tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(fastp2p.InputError, match=r"cannot be written: .*file is not a folder that you may write to"):
        fastp2p.run(SWEEP, out=tmp_path / "file" / "a" / "out")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else(tmp_path):
    tmp_path.chmod(0o555)
    try:
        with pytest.raises(fastp2p.InputError, match="not a folder that you may write to"):
            fastp2p.run(SWEEP, out=tmp_path / "out")
    finally:
        tmp_path.chmod(0o755)


@pytest.mark.parametrize("error", [RuntimeError("broken"), KeyboardInterrupt(), MemoryError()])
def test_an_exception_while_writing_leaves_nothing(error, monkeypatch):
    def broken(*_):
        raise error

    monkeypatch.setattr("fastp2p.sweep.drawing.write_figures", broken)
    with pytest.raises(type(error)):
        fastp2p.run(fastp2p.studies()["paper-44"], out="here")
    assert not list(Path().iterdir())


def test_a_folder_that_appears_meanwhile_is_not_touched(monkeypatch):
    def slow(*_):
        Path("here").mkdir()
        Path("here/mine.txt").write_text("mine")

    monkeypatch.setattr("fastp2p.sweep.drawing.write_figures", slow)
    result = call("run", "paper-44", "--out", "here", code=2)
    assert "here exists" in result.stderr
    assert set(Path("here").iterdir()) == {Path("here/mine.txt")}
    assert list(Path().iterdir()) == [Path("here")]
