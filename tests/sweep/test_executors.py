"""The same tables from a Dask cluster of two processes, also when one of them dies."""

import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from types import SimpleNamespace

import pandapower as pp
import pytest
from typer.testing import CliRunner

import fastp2p
from fastp2p.cli.console import say
from fastp2p.cli.main import app
from fastp2p.study.scenarios import StopPart
from fastp2p.sweep import executors, parts
from tests.support.chains import chain
from tests.support.forks import read_json, wait_until
from tests.support.sweeps import SWEEP, assert_same

distributed = pytest.importorskip("distributed")
pytestmark = pytest.mark.filterwarnings("default")


@pytest.fixture(scope="module", autouse=True)
def small_parts():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parts, "PART_BOOKS", 120)
        yield


@pytest.fixture(scope="module")
def expected(small_parts):
    return fastp2p.run(SWEEP, workers=1).tables()


@pytest.fixture(scope="module")
def client():
    with (
        distributed.LocalCluster(n_workers=2, processes=True, threads_per_worker=1, dashboard_address=None) as local,
        distributed.Client(local) as one,
    ):
        yield one


@pytest.mark.slow
def test_tables_are_the_same_in_memory(client, expected):
    assert_same(fastp2p.run(SWEEP, executor=client.get_executor()).tables(), expected)


@pytest.mark.slow
def test_tables_are_the_same_in_a_folder_and_from_the_command_line(client, expected, tmp_path, no_figures):
    study = tmp_path / "small-sweep.toml"
    study.write_text(SWEEP.to_toml())
    address = client.scheduler.address
    answer = CliRunner().invoke(app, ["run", str(study), "--out", str(tmp_path / "out"), "--dask", address, "--quiet"])
    assert answer.exit_code == 0, answer.output
    read = {name: table.to_table().to_pandas() for name, table in fastp2p.open_results(tmp_path / "out").items()}
    for name in ("scenarios", "books", "participants"):
        assert_same({name: read[name]}, {name: expected[name]})


@pytest.mark.slow
@pytest.mark.parametrize("stop", [None, StopPart(indicator="saving", within=1e-9, at_least=100)])
def test_the_network_travels_once(stop, client, monkeypatch):
    count = SWEEP.scenarios.count if stop is None else 400
    study = SWEEP.with_(scenarios={"count": count, "stop": stop})
    sent = []
    submit = type(client).submit
    monkeypatch.setattr(
        type(client), "submit", lambda self, *given, **named: sent.append(given) or submit(self, *given, **named)
    )
    fastp2p.run(study, executor=client.get_executor())
    whole = [given for given in sent if any(isinstance(one, tuple) and len(one) == 3 for one in given)]
    assert len(sent) == 1 + sum(len(one) for one in parts.cut_into_rounds(study, 24))
    assert len(whole) == 1


@pytest.mark.slow
def test_a_region_is_converted_and_run_on_the_workers(client, monkeypatch, tmp_path, no_figures):
    """No network and no list of feeders travels with a part."""
    for n_lines in range(3, 7):
        pp.to_json(chain(n_lines), tmp_path / f"chain-{n_lines}.json")
    sources = [{"file": str(path), "name": f"{path.stem}-{copy}"} for path in tmp_path.glob("*.json") for copy in range(10)]
    region = SWEEP.with_(network={"source": "", "sources": sources}, scenarios={"count": 5}, participants={"buses": "leaves"})
    sent, submit = list[int](), type(client).submit

    def submitted(self, job, *given, **named):
        sent.extend(len(pickle.dumps(one)) for one in given if not isinstance(one, distributed.Future))
        return submit(self, job, *given, **named)

    monkeypatch.setattr(type(client), "submit", submitted)
    with monkeypatch.context() as patch:
        patch.setattr("fastp2p.io.network_sources.load_network", None)  # converted here it would fail
        results = fastp2p.run(region, executor=client.get_executor(), out=tmp_path / "out")
    n_parts = len(sources) * len(region.scenarios.shares)
    assert len(sent) == 2 + len(sources) + n_parts  # twice what all have in common, then feeders, then parts
    assert sorted(sent)[-3] < 1_000
    assert_same(fastp2p.run(region, workers=1).tables(), results.tables())


@pytest.mark.slow
def test_a_worker_that_dies_has_its_parts_run_again(client, expected, tmp_path, no_figures):
    finished = []
    killed = threading.Event()

    def kill_one(done, n_parts):
        finished.append(len(done))
        if len(done) == 3:
            pid = next(iter(client.run(os.getpid).values()))
            os.kill(pid, signal.SIGKILL)
            killed.set()

    results = fastp2p.run(SWEEP, out=tmp_path / "out", executor=client.get_executor(), progress=kill_one)
    assert killed.is_set()
    assert finished[-1] == 16
    assert_same(results.tables(), expected)
    deadline = time.monotonic() + 20
    while len(client.scheduler_info()["workers"]) < 2 and time.monotonic() < deadline:
        time.sleep(0.2)


def test_workers_that_keep_dying_are_told(client):
    with (
        pytest.raises(fastp2p.FastP2PError, match="died repeatedly"),
        executors.connect(client.scheduler.address),
    ):
        raise distributed.KilledWorker("a part", SimpleNamespace(address="tcp://there"), 3)


@pytest.mark.slow
def test_a_scheduler_without_workers_is_waited_for_and_told(tmp_path, monkeypatch):
    study = tmp_path / "small-sweep.toml"
    study.write_text(SWEEP.to_toml())
    inside = {"processes": False, "protocol": "tcp://", "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(n_workers=0, **inside) as local:
        monkeypatch.setattr("fastp2p.cli.main.say", lambda *words: say(*words) or local.scale(1))
        arguments = ["run", str(study), "--out", str(tmp_path / "out"), "--dask", local.scheduler_address, "--quiet"]
        answer = CliRunner().invoke(app, arguments)
    assert answer.exit_code == 0, answer.output
    assert "has no workers yet" in answer.output


def test_a_cluster_that_loses_its_workers_for_good_is_told(monkeypatch, tmp_path):
    monkeypatch.setattr(executors, "WORKERLESS_S", 1.0)
    monkeypatch.setattr(executors, "LOOK_EVERY_S", 0.1)
    study = SWEEP.with_(scenarios={"count": 400})
    inside = {"processes": False, "protocol": "tcp://", "threads_per_worker": 1, "dashboard_address": None}
    with distributed.LocalCluster(n_workers=1, **inside) as local, distributed.Client(local) as one:

        def leave(done, n_parts):
            if len(done) == 2:
                local.scale(0)

        with pytest.raises(fastp2p.FastP2PError, match="has lost all its workers, and none came back within 1 s"):
            fastp2p.run(study, out=tmp_path / "out", executor=one.get_executor(), progress=leave)
    assert fastp2p.open_results(tmp_path / "out")["scenarios"].count_rows() >= 10


@pytest.mark.slow
@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGSTOP])
def test_a_scheduler_that_dies_is_told_in_a_sentence(stop, tmp_path):
    """Killed, or without an answer any more, as on a machine that is lost."""
    (tmp_path / "study.toml").write_text(SWEEP.with_(scenarios={"count": 20_000}).to_toml())
    words = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    python, place = [sys.executable, "-m"], tmp_path / "scheduler.json"
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = ["distributed.cli.dask_worker", "--nthreads", "1", "--no-dashboard", "--no-nanny", "--scheduler-file", place]
    with (
        subprocess.Popen([*python, *scheduler, "--scheduler-file", place], cwd=tmp_path, **words) as one,
        subprocess.Popen([*python, *worker], cwd=tmp_path, **words) as other,
    ):
        try:
            assert wait_until(lambda: read_json(place), 30)
            address = read_json(place)["address"]
            command = [*python, "fastp2p", "run", "study.toml", "--out", "out", "--quiet", "--dask", address]
            with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as run:
                assert wait_until(lambda: list(tmp_path.glob("out/scenarios/part*")), 60)
                one.send_signal(stop)
                _, message = run.communicate(timeout=60)
        finally:
            one.kill()
            other.kill()
    assert run.returncode == 1
    kept = "finished parts are kept, and --resume continues from there"
    assert message == f"error: the Dask scheduler no longer answers; {kept}\n"


def test_nobody_at_the_address(monkeypatch):
    monkeypatch.setattr(executors, "PATIENCE", "1s")
    with (
        pytest.raises(fastp2p.InputError, match=r"no Dask scheduler answers at tcp://127\.0\.0\.1:9"),
        executors.connect("tcp://127.0.0.1:9"),
    ):
        pass


def test_workers_and_an_executor_exclude_each_other(client):
    with pytest.raises(fastp2p.InputError, match="either workers of this machine or an executor"):
        fastp2p.run(SWEEP, workers=2, executor=client.get_executor())
