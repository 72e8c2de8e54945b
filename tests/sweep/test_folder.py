"""Results folders that were altered, hold other people's files, or are written to by two runs: nothing is lost or doubled."""

import json
import multiprocessing
import os
import resource
import shutil
import tracemalloc
import warnings
from pathlib import Path

import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.main import app
from fastp2p.io import folders
from fastp2p.io.files import held
from fastp2p.sweep import parts
from tests.support.sweeps import SWEEP, assert_same, journal

STUDY = SWEEP.with_(scenarios={"keep": ["books"]})
OTHER = STUDY.with_(seed=12)
DAY = fastp2p.studies()["paper-44"].with_(scenarios={"keep": ["books"]})


@pytest.fixture(scope="module", autouse=True)
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PART_BOOKS", 240)
        yield


@pytest.fixture(scope="module")
def made(small_parts, tmp_path_factory):
    """Whole folders: of a sweep, of the same with another seed, of a day, of a comparison."""
    place = tmp_path_factory.mktemp("made")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("day.write_figures", "sweep.write_sweep_figures", "sweep.write_comparison_figure"):
            patch.setattr(f"fastp2p.figures.{name}", lambda *_: [])
        fastp2p.run(STUDY, out=place / "sweep")
        fastp2p.run(OTHER, out=place / "other")
        fastp2p.run(DAY, out=place / "day")
        fastp2p.compare_rules(fastp2p.studies()["paper-44"], ["ask", "k"], out=place / "rules")
    return place


@pytest.fixture(scope="module")
def expected(made):
    return {name: table.to_table().to_pandas() for name, table in fastp2p.open_results(made / "sweep").items()}


@pytest.fixture
def place(made, tmp_path, monkeypatch):
    """Copies of them, to alter."""
    monkeypatch.setattr("fastp2p.figures.day.write_figures", lambda *_: [])
    monkeypatch.setattr("fastp2p.figures.sweep.write_sweep_figures", lambda *_: [])
    monkeypatch.setattr("fastp2p.figures.sweep.write_comparison_figure", lambda *_: [])
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return tmp_path


def part(number, table="books"):
    return Path(table) / f"part-{number:06d}.parquet"


def flip(path, at=-100):
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)


def swap(one, other):
    kept = one.read_bytes()
    one.write_bytes(other.read_bytes())
    other.write_bytes(kept)


def put_lines(folder, change):
    path = folder / "parts.jsonl"
    path.write_bytes(b"".join(change(path.read_bytes().splitlines(keepends=True))))


def as_link(path):
    path.rename(path.with_name("elsewhere"))
    path.symlink_to("elsewhere")


def as_folder(path):
    path.unlink()
    path.mkdir()


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


REFUSED = {
    "no object": lambda out: (out / "manifest.json").write_text("[]"),
    "nothing in it": lambda out: (out / "manifest.json").write_text("{}"),
    "cut off": lambda out: (out / "manifest.json").write_bytes((out / "manifest.json").read_bytes()[:-30]),
    "empty": lambda out: (out / "manifest.json").write_bytes(b""),
    "binary": lambda out: (out / "manifest.json").write_bytes(bytes(range(256))),
    "deeply nested": lambda out: (out / "manifest.json").write_text("[" * 10**6),
    "a huge number": lambda out: (out / "manifest.json").write_text('{"parts": ' + "9" * 10**6 + "}"),
    "missing": lambda out: (out / "manifest.json").unlink(),
    "a pipe": lambda out: [(out / "manifest.json").unlink(), os.mkfifo(out / "manifest.json")],
    "a folder": lambda out: as_folder(out / "manifest.json"),
    "a link": lambda out: as_link(out / "manifest.json"),
    "of another study": lambda out: shutil.copy(out.parent / "day" / "manifest.json", out),
    "of a browser's extension": lambda out: (out / "manifest.json").write_text('{"manifest_version": 3, "name": "x"}'),
    "of an earlier layout": lambda out: (out / "manifest.json").write_text('{"done": [0, 0, 1], "complete": true}'),
    "altered": lambda out: change(out, '"seed": 11', '"seed": 12'),
    "other failures": lambda out: change(out, '"failures": []', '"failures": [[0.2, 0, 0]]'),
    "a file outside": lambda out: change(out, '"summary.parquet"', '"../summary.parquet"'),
    "a table that is a link": lambda out: as_link(out / "books"),
    "a table that is a file": lambda out: [shutil.rmtree(out / "books"), (out / "books").touch()],
    "a journal that is a link": lambda out: as_link(out / "parts.jsonl"),
    "a journal that is a pipe": lambda out: [(out / "parts.jsonl").unlink(), os.mkfifo(out / "parts.jsonl")],
}
"""Of a whole sweep: what neither opening nor resuming takes."""


def change(out, old, new):
    text = (out / "manifest.json").read_text()
    assert old in text
    (out / "manifest.json").write_text(text.replace(old, new))


@pytest.mark.parametrize("altered", REFUSED)
def test_what_cannot_be_trusted_is_refused_in_words(altered, place):
    out = place / "sweep"
    REFUSED[altered](out)
    before = {path: path.lstat() for path in place.rglob("*")}
    for use in (fastp2p.open_results, lambda folder: fastp2p.run(STUDY, out=folder, resume=True)):
        with pytest.raises(fastp2p.InputError, match="sweep") as told:
            use(out)
        assert len(str(told.value)) < 2_000
    after = {path: path.lstat() for path in place.rglob("*")}
    assert {path: one.st_mtime_ns for path, one in after.items()} == {path: one.st_mtime_ns for path, one in before.items()}


def test_complete_that_was_set_early_is_refused(place):
    interrupted(place / "part")
    change(place / "part", '"complete": false', '"complete": true')
    with pytest.raises(fastp2p.InputError, match=r"manifest\.json: was altered"):
        fastp2p.open_results(place / "part")
    with pytest.raises(fastp2p.InputError, match=r"its manifest\.json was altered"):
        fastp2p.run(STUDY, out=place / "part", resume=True)


def interrupted(out, study=STUDY, **options):
    def interrupt(done, n_parts):
        if len(done) == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fastp2p.run(study, out=out, progress=interrupt, workers=1, **options)


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


# --- overwriting


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
        refused_untouched(place, out, "books/; move that")


def refused_untouched(place, out, told):
    before = sorted(place.rglob("*"))
    study = fastp2p.studies()["paper-44"]
    with pytest.raises(fastp2p.InputError) as refused:
        fastp2p.run(study, out=place / out, overwrite=True)
    assert told in str(refused.value)
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


# --- runs that are killed, or side by side


def killed_at(out, operation):
    """Overwrites a folder and dies in the middle of it."""
    call = getattr(folders, operation)

    def die(*given):
        call(*given)
        os._exit(9)

    setattr(folders, operation, die)
    fastp2p.figures.day.write_figures = lambda *_: []
    fastp2p.run(DAY.with_(seed=2), out=out, overwrite=True)


@pytest.mark.parametrize("operation", ["sync_tree", "exchange"])
def test_an_overwrite_that_is_killed_leaves_one_whole_result(operation, place):
    import fastp2p.figures.day

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
        with held(out):
            for options in ({"resume": True}, {"overwrite": True}):
                with pytest.raises(fastp2p.InputError, match=f"another run writes to .*{out.name}"):
                    fastp2p.run(STUDY, out=out, **options)
            with held(place / "beside"):
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


# --- parts of a study without end


@pytest.fixture
def little_memory():
    """Half a gigabyte more than there is now."""
    pages = int(Path("/proc/self/statm").read_text().split()[5])
    before = resource.getrlimit(resource.RLIMIT_DATA)
    resource.setrlimit(resource.RLIMIT_DATA, (pages * resource.getpagesize() + 500_000_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_DATA, before)


@pytest.mark.filterwarnings("ignore::fastp2p.InputWarning")
@pytest.mark.usefixtures("made", "little_memory")  # what is compiled is not counted
def test_a_thousand_million_scenarios_take_no_more_memory(tmp_path):
    peaks = []
    for count, resume in ((1_000, False), (10**9, False), (10**9, True)):
        tracemalloc.start()
        interrupted(tmp_path / str(count), STUDY.with_(scenarios={"count": count}), resume=resume)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert max(peaks) < peaks[0] + 10_000_000


def test_a_round_knows_its_parts_without_making_them():
    for one in parts.cut_into_rounds(SWEEP.with_(scenarios={"count": 25, "shares": [0.1, 0.2]}), 24):
        made = list(one)
        assert len(one) == len(made) == 6
        assert [part.number for part in made] == list(range(6))
        assert [len(part.scenarios) for part in made] == [10, 10, 5] * 2
    assert sum(len(one) for one in parts.cut_into_rounds(SWEEP.with_(scenarios={"count": 10**9}), 24)) == 2 * 10**8


def test_tables_that_do_not_fit_into_memory_are_told_before_the_run(tmp_path):
    huge = SWEEP.with_(scenarios={"count": 10**9, "keep": ["books"]})
    with pytest.raises(fastp2p.InputError, match=r"small-sweep take 12,[\d,]+ GB in memory, and this machine has"):
        fastp2p.run(huge)
    with pytest.warns(fastp2p.InputWarning, match="all parts will be written, but no statistics"):
        interrupted(tmp_path / "out", huge)


def test_so_many_draws_at_once_are_refused():
    study = SWEEP.with_(scenarios={"count": 10**9})
    with pytest.raises(fastp2p.InputError, match=r"these draws take [\d,]+ GB in memory, .*; ask for fewer at a time"):
        fastp2p.scenarios(study, range(10**9))


# --- the command


def test_the_command_says_it_in_sentences(place, monkeypatch):
    monkeypatch.chdir(place)
    Path("x.toml").write_text(STUDY.to_toml())
    flip(Path("sweep") / part(3))
    told = CliRunner().invoke(app, ["run", "x.toml", "--out", "sweep", "--resume", "--quiet"])
    assert told.exit_code == 0, told.output
    assert "files that were altered or lost are made again" in " ".join(told.output.split())
    Path("sweep/notes.txt").touch()
    told = CliRunner().invoke(app, ["run", "x.toml", "--out", "sweep", "--overwrite"])
    assert told.exit_code == 2
    assert "notes.txt; move them, or choose another folder" in told.output
    Path("sweep/manifest.json").write_text("{}")
    told = CliRunner().invoke(app, ["run", "x.toml", "--out", "sweep", "--resume"])
    assert told.exit_code == 2
    assert "Traceback" not in told.output
