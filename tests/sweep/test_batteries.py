"""Sweeps with batteries: the same bits by threads, by a Dask cluster, and after a run that was killed."""

import multiprocessing
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

import fastp2p
from fastp2p.sweep import parts
from tests.support.sweeps import SWEEP, assert_same

BATTERY = {"kwh": {"distribution": "uniform", "low": 4.0, "high": 60.0}, "buses": "all", "share": 0.7, "pv_correlation": 0.5}
TARIFF = {"hours": "6-9,18-22", "value": 0.4, "else": 0.2}
STUDY = SWEEP.with_(battery=BATTERY, market={"retail_per_kwh": TARIFF}, scenarios={"count": 20})
RULES = {rule: STUDY.with_(battery={"rule": rule}) for rule in ("self_use", "tariff")}


@pytest.fixture(autouse=True)
def small_parts(monkeypatch):
    monkeypatch.setattr(parts, "PART_BOOKS", 48)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_threads_and_processes_give_the_same_bits(rule):
    study = RULES[rule]
    expected = fastp2p.run(study, workers=1).tables()
    assert expected["scenarios"]["charged_kwh"].sum() > 100.0
    with ThreadPoolExecutor(2) as threads:
        assert_same(fastp2p.run(study, executor=threads).tables(), expected)
    assert_same(fastp2p.run(study, workers=2, batch_scenarios=1).tables(), expected)


@pytest.mark.slow
@pytest.mark.filterwarnings("default")
def test_a_dask_cluster_gives_the_same_bits(tmp_path, no_figures):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(n_workers=2, processes=True, threads_per_worker=1, dashboard_address=None) as local,
        distributed.Client(local) as client,
    ):
        for rule, study in RULES.items():
            expected = fastp2p.run(study, workers=1).tables()
            assert_same(fastp2p.run(study, out=tmp_path / rule, executor=client.get_executor()).tables(), expected)


def resume_sweep(study, out):
    """What is killed: a process that goes on with the sweep in a folder, a scenario a part."""
    parts.PART_BOOKS = 24
    fastp2p.run(study, out=out, resume=True, workers=1)


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_a_run_that_is_killed_goes_on_with_the_same_bits(rule, tmp_path, monkeypatch, no_figures):
    monkeypatch.setattr(parts, "PART_BOOKS", 24)
    study, out = RULES[rule], tmp_path / "out"
    processes = multiprocessing.get_context("forkserver")
    processes.set_forkserver_preload(["fastp2p.sweep.run", "pyarrow.dataset"])
    done = 0
    for target in (3, 17):
        process = processes.Process(target=resume_sweep, args=(study, out))
        process.start()
        deadline = time.monotonic() + 60
        while process.is_alive() and time.monotonic() < deadline and done < target:
            time.sleep(0.005)
            if (out / "parts.jsonl").exists():
                done = (out / "parts.jsonl").read_bytes().count(b"\n")
        process.kill()
        process.join()
    assert 0 < done < 40
    resumed = fastp2p.run(study, out=out, resume=True).tables()
    assert_same(resumed, fastp2p.run(study, workers=1).tables())
