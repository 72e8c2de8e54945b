"""Results folders that are overwritten, also by a run that is killed or beside another: nothing of other people is lost."""

import json
import multiprocessing
import os
import shutil
import warnings

import pytest

import fastp2p
from fastp2p.io import folders
from fastp2p.io.files import folder_lock
from tests.support.results_folders import DAY, REFUSED, STUDY, as_folder, interrupted, part
from tests.support.sweeps import assert_same

pytestmark = pytest.mark.usefixtures("small_parts")


FOREIGN = {
    "notes.txt": lambda out: (out / "notes.txt").write_text("mine"),
    "nested/": lambda out: (out / "nested" / "deep").mkdir(parents=True),
    ".ipynb_checkpoints/": lambda out: (out / ".ipynb_checkpoints").mkdir(),
    "books/notes.txt": lambda out: (out / "books" / "notes.txt").write_text("mine"),
    "books/part-000000.parquet.bak": lambda out: (out / "books" / "part-000000.parquet.bak").write_text("mine"),
    "books/part-000009.parquet": lambda out: shutil.copy(out / part(0), out / part(9)),
    "books/part-1.parquet": lambda out: shutil.copy(out / part(0), out / "books" / "part-1.parquet"),
    "summary.parquet/": lambda out: as_folder(out / "summary.parquet") or (out / "summary.parquet" / "mine").touch(),
    "thesis": lambda out: (out / "thesis").symlink_to(out.parent),
    ".notes.0123456789abcdef.partial": lambda out: (out / ".notes.0123456789abcdef.partial").touch(),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_what_fastp2p_did_not_write_is_not_overwritten(name, place):
    FOREIGN[name](place / "sweep")
    refused_untouched(place, "sweep", f"{name}; move them, or choose another folder")


@pytest.mark.parametrize(
    "altered",
    ["no object", "nothing in it", "cut off", "missing", "a link", "of a browser's extension", "of an earlier layout"],
)
def test_what_has_no_manifest_of_ours_is_not_overwritten(altered, place):
    REFUSED[altered](place / "sweep")
    refused_untouched(place, "sweep", "not overwritten")


def test_what_lies_in_a_day_or_a_comparison_is_not_overwritten(place):
    for out in ("day", "rules"):
        (place / out / "books").mkdir()
        (place / out / "books" / part(0).name).write_text("mine")
        refused_untouched(place, out, "books/; move them")


def refused_untouched(place, out, message):
    before = sorted(place.rglob("*"))
    study = fastp2p.studies()["paper-44"]
    with pytest.raises(fastp2p.InputError) as refused:
        fastp2p.run(study, out=place / out, overwrite=True)
    assert message in str(refused.value)
    with pytest.raises(fastp2p.InputError):
        fastp2p.compare_rules(study, ["ask", "k"], out=place / out, overwrite=True)
    assert sorted(place.rglob("*")) == before


def test_what_fastp2p_wrote_is_overwritten(place):
    interrupted(place / "part")
    (place / "part" / ".answers.fastp2p-01234567.partial").mkdir()  # what a killed run may leave
    (place / "part" / "books" / ".part-000005.parquet.fastp2p-01234567.partial").touch()
    shutil.copy(place / "part" / part(0), place / "part" / part(7))
    (place / "empty").mkdir()
    for out in ("part", "day", "sweep", "rules", "empty"):
        fastp2p.run(DAY, out=place / out, overwrite=True)
        assert fastp2p.open_results(place / out)["books"].count_rows() == 24
        assert {path.name for path in (place / out).iterdir()} == {
            "books.parquet", "scenarios.parquet", "study.toml", "manifest.json",
        }  # fmt: skip


def killed_at(out, operation):
    """Overwrites a folder and dies in the middle of it."""
    call = getattr(folders, operation)

    def die(*given):
        call(*given)
        os._exit(9)

    setattr(folders, operation, die)
    fastp2p.sweep.drawing.draw_day_figures = lambda *_: {}
    fastp2p.run(DAY.with_(seed=2), out=out, overwrite=True)


@pytest.mark.parametrize("operation", ["sync_tree", "exchange"])
def test_an_overwrite_that_is_killed_leaves_one_whole_result(operation, place):
    import fastp2p.sweep.drawing

    process = multiprocessing.get_context("fork").Process(target=killed_at, args=(place / "day", operation))
    with warnings.catch_warnings(action="ignore"):  # of forks beside threads
        process.start()
    process.join()
    assert process.exitcode == 9
    assert fastp2p.open_results(place / "day")["books"].count_rows() == 24
    assert list(place.glob(".day.*"))
    fastp2p.run(DAY, out=place / "day", overwrite=True)
    assert not list(place.glob(".day.*"))


def test_without_an_exchange_the_next_run_puts_the_old_result_back(place, monkeypatch):
    (place / "day").rename(place / ".day.fastp2p-01234567.old")  # where a crash may leave it
    with pytest.raises(fastp2p.InputError, match="day exists"):
        fastp2p.run(DAY.with_(seed=2), out=place / "day")
    assert fastp2p.open_results(place / "day")["books"].count_rows() == 24
    monkeypatch.setattr(folders, "exchange", lambda *_: False)
    fastp2p.run(DAY.with_(seed=2), out=place / "day", overwrite=True)
    assert json.loads((place / "day" / "manifest.json").read_text())["seed"] == 2
    assert not list(place.glob(".day.*"))


def test_two_runs_of_one_folder_exclude_each_other(place):
    """Also where the first is at work and the folder is not there yet."""
    for out in (place / "sweep", place / "new"):
        with folder_lock(out):
            for options in ({"resume": True}, {"overwrite": True}):
                with pytest.raises(fastp2p.InputError, match=f"another run writes to .*{out.name}"):
                    fastp2p.run(STUDY, out=out, **options)
            with folder_lock(place / "beside"):
                pass
    assert not list(place.glob(".*"))


def test_leftovers_of_killed_runs_are_cleared(place, expected):
    interrupted(place / "part")
    inside = (
        place / "part" / "books" / ".part-000005.parquet.fastp2p-01234567.partial",
        place / "part" / ".x.fastp2p-01234567.old",
    )
    for path in inside:
        path.touch()
    beside = [place / f".part.fastp2p-0123456{n}.{ending}" for n, ending in ((1, "partial"), (2, "old"))]
    for path in (*beside, place / ".sweep.fastp2p-01234567.partial"):
        (path / "x").mkdir(parents=True)
    assert_same(fastp2p.run(STUDY, out=place / "part", resume=True).tables(), expected)
    assert [path.name for path in place.rglob("*.fastp2p-*")] == [".sweep.fastp2p-01234567.partial"]
