"""Crashes and errors of the disk at every file operation: no part is lost, doubled or half, and the next run makes it whole."""

import errno
import re
import resource
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.main import app
from fastp2p.sweep import drawing, parts
from tests.support.commands import call
from tests.support.disk_faults import crash_states, failing, read_tree, watched, write_tree
from tests.support.drawing import DRAWING
from tests.support.sweeps import SWEEP

SCENARIOS = {"count": 2, "shares": [0.5], "keep": ["books", "trades"]}
"""Two parts, with `PART_BOOKS` as below."""
STUDIES = {
    "sweep": SWEEP.with_(scenarios=SCENARIOS),
    "older": SWEEP.with_(scenarios=SCENARIOS, seed=5),
    "day": fastp2p.studies()["paper-44"].with_(clearing={"audit": False}),
    "other": fastp2p.studies()["paper-44"].with_(pv={"kwp": 40}),
}
RUN = ("run", "--quiet", "--workers", "1", "--out", "out")


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "PART_BOOKS", 24)


@cache
def draw_once(draw):
    """Drawing is half of a command, and no figure is looked at."""
    drawn = []

    def again(*arguments):
        drawn[:] = drawn or [draw(*arguments)]
        return dict(drawn[0])

    return again


@pytest.fixture(autouse=True)
def quick_disk(monkeypatch):
    """What goes on after a crash does not wait for the disk either."""
    monkeypatch.setattr("os.fsync", lambda _: None)


@pytest.fixture(autouse=True)
def quick_figures(monkeypatch):
    """The first of each kind is drawn as ever; all are written at once."""

    def write(_, path, **__):
        Path(path).write_bytes(b"a figure")

    for name in DRAWING:
        monkeypatch.setattr(drawing, name, draw_once(getattr(drawing, name)))
    monkeypatch.setattr("matplotlib.figure.Figure.savefig", write)


@pytest.fixture
def root(tmp_path, monkeypatch):
    """Where runs are started, with the studies beside their folders."""
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.chdir(root)
    for name, study in STUDIES.items():
        (tmp_path / f"{name}.toml").write_text(study.to_toml())
    return root


@cache
def reference(name):
    return fastp2p.run(STUDIES[name], workers=1).tables()


def start(study, *options):
    return call(*RUN, f"../{study}.toml", *options)


def opened(folder):
    """The tables of a folder; none where it refuses to open."""
    try:
        return {name: table.to_table().to_pandas() for name, table in fastp2p.open_results(folder).items()}
    except fastp2p.InputError:
        return None


def n_whole_parts(tables, study):
    """How many parts of a study tables hold, after a look that they hold these whole, to the bit, and nothing else."""
    expected = reference(study)
    kept = tables["scenarios"][["share", "scenario"]] if tables else expected["scenarios"][["share", "scenario"]][:0]
    for name, whole in expected.items():
        wanted = whole.merge(kept) if "scenario" in whole else whole
        if tables or len(wanted):
            given = tables[name].astype(wanted.dtypes)  # categories and whole numbers of other widths
            pd.testing.assert_frame_equal(given, wanted.reset_index(drop=True), check_exact=True)
    return len(kept)


class Case(NamedTuple):
    """A command, what lies there before it, what it makes of that, and what goes on with it after a crash."""

    command: tuple[str, ...]
    new: str
    old: str | None = None
    again: tuple[str, ...] = ()


COMPARE = ("compare", "--quiet", "--workers", "1", "--rules", "ask,uniform", "--out", "out")
CASES = {
    "run": Case((*RUN, "../sweep.toml"), "sweep", None, ("--resume",)),
    "resume": Case((*RUN, "../sweep.toml", "--resume"), "sweep", "half a sweep", ("--resume",)),
    "overwrite": Case((*RUN, "../sweep.toml", "--overwrite"), "sweep", "older"),
    "day": Case((*RUN, "../day.toml"), "day", None, ("--resume",)),
    "overwrite day": Case((*RUN, "../day.toml", "--overwrite"), "day", "other"),
    "compare": Case((*COMPARE, "../sweep.toml"), "compared", None, ("--overwrite",)),
    "compare over": Case((*COMPARE, "../sweep.toml", "--overwrite"), "compared", "compared older"),
}


MOST = {"overwrite": 60}
"""Of a hundred states: each old file is removed alike, and what comes after is that of `run`."""


def begin(case):
    """What lies there before."""
    if case.old == "half a sweep":

        def interrupt(done, _):
            if len(done) == 1:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            fastp2p.run(STUDIES["sweep"], out="out", progress=interrupt, workers=1)
    elif case.old == "compared older":
        call(*COMPARE, "../older.toml")
    elif case.old:
        call(*RUN, f"../{case.old}.toml")


def n_finished(case, before, after):
    """How many parts of the new result the folder gives; -1 where it is the old one, whole."""
    now = {name: data for name, data in read_tree(Path()).items() if name.split("/")[0] == "out"}
    old = case.old not in (None, "half a sweep")
    if old and not differences(now, before):
        return -1
    if case.new == "compared":
        assert now or not old, "an old result is gone, and no new one there"
        assert not now or differences(now, after) == []
        return len(now)
    tables = opened("out")
    assert tables is not None or not old, "an old result is gone, and no new one there"
    return n_whole_parts(tables or {}, case.new)


def uninterrupted(case, root):
    """The tree before a command, and after it."""
    begin(case)
    before = read_tree(root)
    call(*case.command)
    return before, read_tree(root)


RECORDS = ("manifest.json", "parts.jsonl")
"""They hold times."""


def differences(found, wanted):
    """What one tree has otherwise than another."""
    there = {name: b"" if Path(name).name in RECORDS else data for name, data in found.items()}
    due = {name: b"" if Path(name).name in RECORDS else data for name, data in wanted.items()}
    return sorted(name for name in there.keys() | due.keys() if there.get(name, "") != due.get(name, ""))


def crash(name, root, most_states=10_000):
    """Crash a command at every operation, or at some evenly among them, and go on from each."""
    case = CASES[name]
    before, after = uninterrupted(case, root)
    write_tree(before, root)
    states = crash_states(root, lambda: call(*case.command))
    assert len(states) > 20, "what a command does to the disk is seen"
    faults, most, kept = [], -1, -1
    synced = ("", -1)
    for how, where, tree in states[:: -(-len(states) // most_states)]:
        write_tree(tree, root)
        try:
            now = n_finished(case, before, after)
            if where != synced[0]:
                kept = max(kept, synced[1])
            # a line of the journal may be lost until it is synced, and the next part is written meanwhile
            assert now >= (kept if how == "power" else most), "finished parts are gone"
            most = max(most, now)
            if where.startswith("fsync") and "/.part-" not in where:
                synced = (where, most)
            call(*case.command, *case.again)
            assert differences(read_tree(root), after) == []
        except AssertionError as error:
            faults.append(f"{how} before {where}: {str(error).splitlines()[0]}")
    assert not faults, "\n".join([f"{len(faults)} of {len(states)}", *faults])


@pytest.mark.parametrize("name", ["run", "overwrite day"])
def test_a_crash_at_some_operations_loses_and_doubles_nothing(name, root):
    crash(name, root, most_states=7)


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_a_crash_at_any_operation_loses_and_doubles_nothing(name, root):
    crash(name, root, MOST.get(name, 10_000))


ERRORS = (errno.ENOSPC, errno.EIO, errno.EACCES, errno.EROFS, errno.EMFILE)


def ends_well_under(trouble, case, before, after, root):
    """A command in trouble says so in a sentence and leaves nothing half; without trouble it then ends as ever."""
    write_tree(before, root)
    with trouble:
        result = CliRunner().invoke(app, case.command)
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    if result.exit_code == 0:
        # what lies in a hidden folder that could not be removed is cleared by the next run
        left = [name for name in differences(read_tree(root), after) if not any(part[0] == "." for part in Path(name).parts)]
        assert left == [], "exit code 0"
    else:
        assert result.exit_code in (1, 2)
        assert re.fullmatch("error: .*\n", result.output), result.output
    n_finished(case, before, after)
    call(*case.command, *case.again)
    assert differences(read_tree(root), after) == []


def n_operations(case, before, root):
    """How many operations a command takes."""
    found = []
    write_tree(before, root)
    with watched(root, lambda *operation: found.append(operation)):
        call(*case.command)
    return len(found)


@contextmanager
def no_file_over(size):
    """The system itself refuses to write more into a file, whatever writes it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def let_down(name, root, most_troubles=10_000):
    """Let the disk fail a command at every operation, or at some evenly among them, and every size of a file."""
    case = CASES[name]
    before, after = uninterrupted(case, root)
    troubles = {}
    for number in range(n_operations(case, before, root)):
        code = ERRORS[number % len(ERRORS)]
        troubles[f"{errno.errorcode[code]} from operation {number} on"] = watched(root, failing(number, code))
    for size in sorted({len(data) for data in after.values() if data}):
        troubles[f"no file over {size - 1} bytes"] = no_file_over(size - 1)
    faults = []
    for what, trouble in [*troubles.items()][:: -(-len(troubles) // most_troubles)]:
        try:
            ends_well_under(trouble, case, before, after, root)
        except AssertionError as error:
            faults.append(f"{what}: {str(error).splitlines()[0]}")
    assert not faults, "\n".join([f"{len(faults)} of {len(troubles)}", *faults])


def test_an_error_at_some_operations_is_told_and_leaves_nothing_half(root):
    let_down("overwrite day", root, most_troubles=7)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["overwrite", "overwrite day", "compare over"])  # the others do less of the same
def test_an_error_at_any_operation_is_told_and_leaves_nothing_half(name, root):
    let_down(name, root, MOST.get(name, 10_000))
