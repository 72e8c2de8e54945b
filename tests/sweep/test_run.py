import multiprocessing
import pickle
import random
import time
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta, timezone
from functools import partial

import numpy as np
import pandas as pd
import pytest

import fastp2p
from fastp2p.sweep import parts
from fastp2p.sweep.executors import share_work
from tests.support.sweeps import SWEEP, assert_same, journal


@pytest.fixture(autouse=True)
def small_parts(monkeypatch, no_figures):
    monkeypatch.setattr(parts, "PART_BOOKS", 240)


@pytest.fixture(scope="module")
def expected():
    return fastp2p.run(SWEEP, workers=1).tables()


class Backwards(Executor):
    """Runs what it is given in the opposite order, when the first result is asked for."""

    def __init__(self):
        self.waiting = []

    def submit(self, function, *arguments):
        future = Future()
        self.waiting.append((future, function, arguments))
        if len(self.waiting) == 8:
            for one, job, given in reversed(self.waiting):
                one.set_result(job(*given))
        return future


def test_congestion_is_in_the_sweep(expected):
    assert set(expected["books"].status.unique()) >= {"free", "cleared"}
    assert len(expected["scenarios"]) == 80
    assert [len(one) for one in parts.cut_into_rounds(SWEEP, 24)] == [8]


@pytest.mark.parametrize("options", [{"workers": 2}, {"batch_scenarios": 1}, {"batch_scenarios": 7}, {"batch_scenarios": 1000}])
def test_the_same_bits_for_any_workers_and_batches(options, expected):
    assert_same(fastp2p.run(SWEEP, **options).tables(), expected)


def test_a_scenario_too_long_for_a_batch_goes_through_in_stretches(expected, monkeypatch):
    monkeypatch.setattr(parts, "BATCH_CELLS", 41 * 7)
    stretched = fastp2p.run(SWEEP, workers=1).tables()
    for name, table in expected.items():
        pd.testing.assert_frame_equal(stretched[name], table, rtol=1e-12, check_categorical=False, check_dtype=False)
    assert_same(fastp2p.run(SWEEP, workers=2, batch_scenarios=7).tables(), stretched)


def test_histograms_count_the_books(expected):
    books, counts = expected["books"], expected["histograms"]
    by_hour = counts.groupby(["share", "quantity", "hour"]).n_books.sum()
    assert len(by_hour) == 2 * 4 * 24
    assert (by_hour == 40).all()
    for (share, hour, quantity), bins in counts.groupby(["share", "hour", "quantity"]):
        values = books[(books.share == share) & (books.step == hour)][quantity].to_numpy()
        for low, high, n in zip(bins.from_value, bins.to_value, bins.n_books, strict=True):
            assert ((values < high) & ((values >= low) | (low == 0.0))).sum() == n


def test_the_same_bits_for_any_order_and_part(expected, monkeypatch):
    assert_same(fastp2p.run(SWEEP, executor=Backwards()).tables(), expected)
    monkeypatch.setattr(parts, "PART_BOOKS", 10_000)
    assert_same(fastp2p.run(SWEEP).tables(), expected)


def test_the_same_bits_from_processes(expected):
    with ProcessPoolExecutor(2) as pool:
        assert_same(fastp2p.run(SWEEP, executor=pool).tables(), expected)


def test_a_scenario_does_not_depend_on_how_many_there_are(expected):
    fewer = SWEEP.with_(scenarios={"count": 5})
    table = expected["scenarios"]
    pd.testing.assert_frame_equal(fastp2p.run(fewer).scenarios, table[table.scenario < 5].reset_index(drop=True))


def test_a_sweep_without_randomness_repeats_the_papers_day(paper_44):
    results = fastp2p.run(paper_44.study.with_(scenarios={"count": 3, "keep": ["books"]}))
    for number in range(3):
        books = results.books[results.books.scenario == number].reset_index(drop=True)
        pd.testing.assert_frame_equal(books.drop(columns="scenario"), paper_44.books.drop(columns="scenario"))
    assert results.trades is None
    assert results.hours is None


def test_progress_is_told_or_shown(capsys):
    message = []
    fastp2p.run(SWEEP, progress=lambda done, n_parts: message.append((len(done), n_parts)))
    assert message == [(n, 8) for n in range(1, 9)]
    fastp2p.run(SWEEP, progress=False)
    assert capsys.readouterr() == ("", "")  # test_progress.py has what is shown


def test_sums_over_hours_and_books(expected):
    by = ["share", "scenario"]
    for name in ("load_kwh", "executed_kwh", "import_kwh"):
        total = expected["scenarios"].set_index(by)[name]
        np.testing.assert_allclose(expected["books"].groupby(by)[name].sum(), total, rtol=1e-12)
        np.testing.assert_allclose(expected["hours"].groupby(by)[name].sum(), total, rtol=1e-12)


def test_on_disk_and_again(expected, tmp_path):
    results = fastp2p.run(SWEEP, out=tmp_path / "sweep")
    assert_same(results.tables(), expected)
    opened = fastp2p.open_results(tmp_path / "sweep")
    assert opened["scenarios"].count_rows() == 80
    assert opened["books"].schema.field("load_kwh").metadata == {b"unit": b"kWh"}
    assert sorted(part["number"] for part in journal(tmp_path / "sweep")) == list(range(8))
    assert all(part["tables"]["books"]["rows"] == part["n_books"] for part in journal(tmp_path / "sweep"))
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep").rglob("*")}
    assert_same(fastp2p.run(SWEEP, out=tmp_path / "sweep", resume=True).tables(), expected)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "sweep").rglob("*")} == before
    with pytest.raises(fastp2p.InputError, match="exists"):
        fastp2p.run(SWEEP, out=tmp_path / "sweep")


@pytest.mark.slow
def test_times_with_an_offset_are_of_one_type_in_memory_and_from_a_folder(tmp_path):
    """Parquet gives +02:00 back as a zone of another library, and pandas makes objects of two tables with both."""
    time = pd.date_range("2023-06-01", periods=24, freq="h", tz=timezone(timedelta(hours=2)))
    profiles = replace(fastp2p.Profiles.load(), time=time)
    study = SWEEP.with_(clearing={"audit": 50}, scenarios={"count": 12})
    in_memory = fastp2p.run(study, profiles=profiles).tables()
    assert in_memory["books"]["time"].dtype == time.dtype
    from_folder = fastp2p.run(study, profiles=profiles, out=tmp_path / "sweep").tables()
    assert_same(from_folder, in_memory)
    assert from_folder["trades"]["time"].dtype == time.dtype


def test_a_finished_day_is_left_alone(tmp_path, paper_44):
    fastp2p.run(paper_44.study, out=tmp_path / "day")
    before = {path: path.stat().st_mtime_ns for path in (tmp_path / "day").iterdir()}
    again = fastp2p.run(paper_44.study, out=tmp_path / "day", resume=True)
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "day").iterdir()} == before
    assert again.scenarios.equals(paper_44.scenarios)
    with pytest.raises(fastp2p.InputError, match="not both"):
        fastp2p.run(paper_44.study, out=tmp_path / "day", resume=True, overwrite=True)


def test_resume_of_another_study_names_the_keys(tmp_path):
    fastp2p.run(SWEEP, out=tmp_path / "sweep")
    other = SWEEP.with_(seed=12, market={"retail_per_kwh": 0.3})
    with pytest.raises(fastp2p.InputError, match=r"market\.retail_per_kwh, seed differ"):
        fastp2p.run(other, out=tmp_path / "sweep", resume=True)
    (tmp_path / "other").mkdir()
    with pytest.raises(fastp2p.InputError, match="not a results folder"):
        fastp2p.run(SWEEP, out=tmp_path / "other", resume=True)


def test_only_finished_parts_are_read(tmp_path):
    def interrupt(done, n_parts):
        if len(done) == 7:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fastp2p.run(SWEEP, out=tmp_path / "out", workers=1, progress=interrupt)
    lines = (tmp_path / "out" / "parts.jsonl").read_bytes().splitlines(keepends=True)
    assert len(lines) in (7, 8)
    n, tables = 10 * len(lines), fastp2p.open_results(tmp_path / "out")
    assert {name: tables[name].count_rows() for name in ("scenarios", "books")} == {"scenarios": n, "books": n * 24}
    for kept in (b"", lines[0][:-9]):  # none, and one that a crash has cut off
        (tmp_path / "out" / "parts.jsonl").write_bytes(kept)
        assert fastp2p.open_results(tmp_path / "out") == {}


def test_a_worker_that_does_not_reach_the_folder_is_told(tmp_path):
    class Elsewhere(Backwards):
        def submit(self, function, *arguments):
            return super().submit(partial(function, folder=tmp_path / "elsewhere"), *arguments)

    with pytest.raises(fastp2p.InputError, match=r"elsewhere on .* is not the folder of this run"):
        fastp2p.run(SWEEP, out=tmp_path / "out", executor=Elsewhere())
    assert not (tmp_path / "elsewhere").exists()


def resume_sweep(out):
    """What is killed: a process that goes on with the sweep in a folder."""
    parts.PART_BOOKS = 24
    fastp2p.run(SWEEP, out=out, resume=True, workers=2)


@pytest.mark.slow
def test_killed_again_and_again(expected, tmp_path, monkeypatch):
    monkeypatch.setattr(parts, "PART_BOOKS", 24)
    out = tmp_path / "out"
    moments = random.Random(2)
    processes = multiprocessing.get_context("forkserver")  # each a fork of one that has imported everything
    processes.set_forkserver_preload(["fastp2p.sweep.run", "pyarrow.dataset"])
    done = 0
    for _ in range(10):
        process = processes.Process(target=resume_sweep, args=(out,))
        process.start()
        deadline, target = time.monotonic() + 60, done + moments.randint(1, 6)
        while process.is_alive() and time.monotonic() < deadline and done < target:
            time.sleep(0.005)
            if (out / "parts.jsonl").exists():
                done = (out / "parts.jsonl").read_bytes().count(b"\n")
        process.kill()
        process.join()
        for path in out.rglob("part-*.parquet"):
            assert len(pd.read_parquet(path)) >= 0
    assert 0 < done < 80
    assert_same(fastp2p.run(SWEEP, out=out, resume=True).tables(), expected)


def test_a_process_opens_the_work_of_a_run_once():
    study, cigre = fastp2p.studies()["paper-44"], fastp2p.Network.load("cigre_lv")
    work = (study, cigre, fastp2p.Profiles.load())
    with ThreadPoolExecutor(1) as threads:
        assert share_work(threads, work) is work
    shared = share_work(Executor(), work)
    assert shared == work
    first, second = (pickle.loads(pickle.dumps(shared)) for _ in range(2))
    assert first is second
    assert np.array_equal(first[1].limit_kw, cigre.limit_kw)
    other = share_work(Executor(), (study, replace(cigre, limit_kw=2.0 * cigre.limit_kw), work[2]))
    assert np.array_equal(pickle.loads(pickle.dumps(other))[1].limit_kw, 2.0 * cigre.limit_kw)


def test_a_part_without_trades_goes_with_the_others(tmp_path):
    study = SWEEP.with_(scenarios={"shares": [0.0, 0.6]})
    results = fastp2p.run(study, out=tmp_path / "out", workers=1)
    assert set(results.trades["share"]) == {0.6}
    assert set(results.trades["binding_branch"].map(type)) == {str}
