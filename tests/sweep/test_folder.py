"""Results folders that were altered: what is refused when one is opened, and made again when its run is resumed."""

import dataclasses
import hashlib
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.main import app
from fastp2p.sweep import parts
from fastp2p.sweep.folder import describe_run
from fastp2p.sweep.prepare import prepare
from tests.support.results_folders import DAY, REFUSED, STUDY, as_link, change, flip, interrupted, part
from tests.support.sweeps import SWEEP, assert_same, journal

pytestmark = pytest.mark.usefixtures("small_parts")


def swap(one, other):
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def put_lines(folder, change):
    path = folder / "parts.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


MISFITS = {
    "a flipped byte": lambda out: flip(out / part(3)),
    "a byte of the footer": lambda out: flip(out / part(3), at=-3),
    "swapped parts": lambda out: swap(out / part(1), out / part(2)),
    "a part of another table": lambda out: swap(out / part(1), out / part(1, "scenarios")),
    "a part of another seed": lambda out: shutil.copy(out.parent / "other" / part(0), out / part(0)),
    "an emptied part": lambda out: (out / part(5)).write_bytes(b""),
    "a shortened part": lambda out: (out / part(5)).write_bytes((out / part(5)).read_bytes()[:-40]),
    "a longer part": lambda out: (out / part(5)).write_bytes((out / part(5)).read_bytes() + b"x"),
    "a missing part": lambda out: (out / part(7)).unlink(),
    "a missing table": lambda out: shutil.rmtree(out / "books"),
    "a part that is a link": lambda out: as_link(out / part(4)),
    "a link in a circle": lambda out: [(out / part(4)).unlink(), (out / part(4)).symlink_to(out / part(4))],
    "a part that is a pipe": lambda out: [(out / part(4)).unlink(), os.mkfifo(out / part(4))],
    "a doubled line": lambda out: put_lines(out, lambda lines: [lines[0], *lines]),
    "a missing line": lambda out: put_lines(out, lambda lines: lines[1:]),
    "no lines": lambda out: put_lines(out, lambda lines: []),
    "a missing journal": lambda out: (out / "parts.jsonl").unlink(),
    "a torn line": lambda out: put_lines(out, lambda lines: [*lines[:3], lines[3][:50], *lines[4:]]),
    "a line cut off at the end": lambda out: put_lines(out, lambda lines: [*lines[:-1], lines[-1][:-20]]),
    "a line that is no object": lambda out: put_lines(out, lambda lines: [b"[]\n", *lines]),
    "a line of zeros": lambda out: put_lines(out, lambda lines: [*lines, b"\0" * 5000]) or flip(out / part(2)),
    "deep nesting": lambda out: put_lines(out, lambda lines: [b"[" * 100_000 + b"\n", *lines]),
    "another number": lambda out: put_lines(out, lambda lines: [lines[0].replace(b'"number":', b'"number":1'), *lines[1:]]),
    "other failures": lambda out: put_lines(out, lambda lines: [one.replace(b"[]", b"[[0.2,0,0]]") for one in lines]),
    "many lines": lambda out: put_lines(out, lambda lines: [b"\n"] * 10**6),
    "another study.toml": lambda out: (out / "study.toml").write_text("seed = 1"),
    "no study.toml": lambda out: (out / "study.toml").unlink(),
    "lines of another run": lambda out: shutil.copy(out.parent / "other" / "parts.jsonl", out),
}
"""Of a whole sweep: what is refused when it is opened and made again when it is resumed."""


@pytest.mark.parametrize("misfit", MISFITS)
def test_what_does_not_fit_is_refused_and_made_again(misfit, place, expected):
    out = place / "sweep"
    MISFITS[misfit](out)
    with pytest.raises(fastp2p.InputError, match=r"sweep: .*; --resume of the run makes it again"):
        fastp2p.open_results(out)
    with pytest.warns(fastp2p.InputWarning, match="sweep: files that were altered or lost are made again; "):
        fastp2p.run(STUDY, out=out, resume=True)
    opened = {name: table.to_table().to_pandas() for name, table in fastp2p.open_results(out).items()}
    assert_same(opened, expected)
    assert sorted(one["number"] for one in journal(out)) == list(range(8))


@pytest.mark.parametrize("altered", REFUSED)
def test_what_cannot_be_trusted_is_refused_in_words(altered, place):
    out = place / "sweep"
    REFUSED[altered](out)
    before = {path: path.lstat() for path in place.rglob("*")}
    for use in (fastp2p.open_results, lambda folder: fastp2p.run(STUDY, out=folder, resume=True)):
        with pytest.raises(fastp2p.InputError, match="sweep") as message:
            use(out)
        assert len(str(message.value)) < 2_000
    after = {path: path.lstat() for path in place.rglob("*")}
    assert {path: one.st_mtime_ns for path, one in after.items()} == {path: one.st_mtime_ns for path, one in before.items()}


def test_complete_that_was_set_early_is_refused(place):
    interrupted(place / "part")
    change(place / "part", '"complete": false', '"complete": true')
    with pytest.raises(fastp2p.InputError, match=r"manifest\.json: was altered"):
        fastp2p.open_results(place / "part")
    with pytest.raises(fastp2p.InputError, match=r"its manifest\.json was altered"):
        fastp2p.run(STUDY, out=place / "part", resume=True)


def test_a_journal_with_a_second_name_is_not_appended_to(place, expected):
    """A copy of hard links is a common backup."""
    interrupted(place / "part")
    os.link(place / "part" / "parts.jsonl", place / "backup")
    before = (place / "backup").read_bytes()
    assert_same(fastp2p.run(STUDY, out=place / "part", resume=True).tables(), expected)
    assert (place / "backup").read_bytes() == before


def test_a_day_that_was_altered_is_made_again(place):
    before = fastp2p.open_results(place / "day")["books"].to_table()
    for alter in (lambda: flip(place / "day" / "books.parquet"), lambda: (place / "day" / "books.parquet").unlink()):
        alter()
        with pytest.raises(fastp2p.InputError, match=r"books\.parquet; --resume of the run makes it again"):
            fastp2p.open_results(place / "day")
        with pytest.warns(fastp2p.InputWarning, match=r"made again.*books\.parquet"):
            fastp2p.run(DAY, out=place / "day", resume=True)
        assert fastp2p.open_results(place / "day")["books"].to_table().equals(before)


def test_answers_that_were_altered_are_made_again(place):
    out = place / "sweep"
    before = {name: (out / name).read_bytes() for name in ("summary.parquet", "study.toml")}
    for name in before:
        flip(out / name, at=10)
    with pytest.warns(fastp2p.InputWarning, match=r"not as it was written: study\.toml, summary\.parquet"):
        fastp2p.run(STUDY, out=out, resume=True)
    assert {name: (out / name).read_bytes() for name in before} == before


def test_files_that_no_run_wrote_are_not_read(place, expected):
    out = place / "sweep"
    shutil.copy(place / "day" / "books.parquet", out)
    shutil.copy(out / part(0), out / part(8))
    shutil.copy(out / part(0), out / "books" / "a.parquet")
    (place / "day" / "books").mkdir()
    assert fastp2p.open_results(place / "day")["books"].count_rows() == 24
    for use in (
        fastp2p.open_results,
        lambda folder: fastp2p.run(STUDY, out=folder, resume=True) and fastp2p.open_results(folder),
    ):
        assert_same({name: table.to_table().to_pandas() for name, table in use(out).items()}, expected)


def test_a_comparison_is_opened_and_not_resumed(place):
    assert {name: table.count_rows() > 0 for name, table in fastp2p.open_results(place / "rules").items()} == {
        "comparison": True, "savings": True,
    }  # fmt: skip
    with pytest.raises(fastp2p.InputError, match="holds a comparison of market rules, not a run"):
        fastp2p.run(fastp2p.studies()["paper-44"], out=place / "rules", resume=True)


# --- the command


def test_the_command_says_it_in_sentences(place, monkeypatch):
    monkeypatch.chdir(place)
    Path("x.toml").write_text(STUDY.to_toml())
    flip(Path("sweep") / part(3))
    message = CliRunner().invoke(app, ["run", "x.toml", "--out", "sweep", "--resume", "--quiet"])
    assert message.exit_code == 0, message.output
    assert "files that were altered or lost are made again" in " ".join(message.output.split())
    Path("sweep/notes.txt").touch()
    message = CliRunner().invoke(app, ["run", "x.toml", "--out", "sweep", "--overwrite"])
    assert message.exit_code == 2
    assert "notes.txt; move them, or choose another folder" in message.output
    Path("sweep/manifest.json").write_text("{}")
    message = CliRunner().invoke(app, ["run", "x.toml", "--out", "sweep", "--resume"])
    assert message.exit_code == 2
    assert "Traceback" not in message.output


def test_a_folder_of_another_version(tmp_path, monkeypatch, no_figures):
    monkeypatch.setattr(parts, "PART_BOOKS", 240)
    fastp2p.run(SWEEP, out=tmp_path / "out")
    manifest = tmp_path / "out" / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"fastp2p": "', '"fastp2p": "0.0.'))
    with pytest.raises(fastp2p.InputError, match=r"started with fastp2p 0\.0\..*continue with that version"):
        fastp2p.run(SWEEP, out=tmp_path / "out", resume=True)


def test_the_digest_of_a_network_is_that_of_the_time_before_reverse_power_was_limited():
    """Folders of that time are resumed: the digest is over the arrays that networks had then, one after the other."""
    network, profiles = prepare(SWEEP)
    before = [array.tobytes() for name, array in network.__getstate__().items() if name != "reverse_kw"]
    plain, limited = (
        describe_run(SWEEP, one, profiles, tables=(), parts=1, files={}).sha256.network
        for one in (network, dataclasses.replace(network, reverse_kw=np.where(network.upward != 0.0, 50.0, np.inf)))
    )
    assert plain == hashlib.sha256(b"".join(before)).hexdigest()
    assert limited != plain
