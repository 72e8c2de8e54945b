"""Signals that end the command, and workers that end with it."""

import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

import fastp2p
from fastp2p.cli import signals
from fastp2p.sweep import executors, parts, workers
from tests.support.commands import call
from tests.support.forks import has_ended, wait_until
from tests.support.sweeps import SWEEP

ROOT = Path(__file__).parents[2]
ENDED = "a worker process was killed, often by the system because memory ran out; fewer workers need less"
STOPS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]
RUN = [sys.executable, "-m", "fastp2p", "run"]
POOL = """
import hashlib, os, sys, time
from multiprocessing import resource_tracker
from pathlib import Path
from fastp2p.sweep.workers import start_processes

def compute(path):  # without Python's lock, as a kernel does
    Path(path).touch()
    hashlib.pbkdf2_hmac("sha256", b"", b"", 500_000_000)

if __name__ == "__main__":
    pool = start_processes(2)
    for path in sys.argv[2:]:
        pool.submit(compute, path)
    print(*pool._processes, resource_tracker._resource_tracker._pid, flush=True)
    if sys.argv[1] == "at once":
        os.kill(os.getpid(), 9)
    time.sleep(100)
"""
THREADS = """
import hashlib, sys
from concurrent.futures import ThreadPoolExecutor
from fastp2p.cli.signals import catch_signals, in_order

def compute():
    hashlib.pbkdf2_hmac("sha256", b"", b"", 500_000_000)

catch_signals()
pool = ThreadPoolExecutor(1)
future = pool.submit(compute)
with in_order("first", lambda: "second"):
    try:
        print("computing", flush=True)
        future.result()
    except KeyboardInterrupt:
        if sys.argv[1] == "waiting for threads":
            pool.shutdown(wait=True)
# else Python itself waits for them
"""


def interruptible():
    """A shell may have its background jobs ignore interrupts, and children inherit that."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def started(*words, **options):
    """A process, which is not waited for where a test fails before it ends."""
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True, "preexec_fn": interruptible, **options}
    with subprocess.Popen(words, **options) as process:
        try:
            yield process
        finally:
            process.kill()


def has_parts(folder):
    try:
        return bool(fastp2p.open_results(folder))
    except fastp2p.InputError:
        return False


@pytest.fixture(autouse=True)
def heard():
    """Signals that a shell ignores for what it starts in the background are heard here, and by what is started here."""
    ignored = [number for number in (signal.SIGINT, signal.SIGHUP) if signal.getsignal(number) == signal.SIG_IGN]
    for number in ignored:
        signal.signal(number, signal.default_int_handler if number == signal.SIGINT else signal.SIG_DFL)
    yield
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)


# workers end with their parent


@pytest.mark.slow
@pytest.mark.parametrize("how", ["KILL", "TERM", "HUP", "at once"])
def test_workers_end_with_their_parent_whatever_they_compute(how, tmp_path):
    (tmp_path / "pool.py").write_text(POOL)
    files = [tmp_path / "one", tmp_path / "two"]
    with started(sys.executable, "pool.py", how, *files, cwd=tmp_path) as parent:
        family = [int(pid) for pid in parent.stdout.readline().split()]
        assert len(family) == 3
        if how != "at once":  # before they have imported anything, that is
            assert wait_until(lambda: all(file.exists() for file in files), 20)
            parent.send_signal(getattr(signal, f"SIG{how}"))
        parent.wait(timeout=5)
        assert wait_until(lambda: all(map(has_ended, family)), 5)
        assert parent.stderr.read() == ""


@pytest.mark.parametrize("number", STOPS)
def test_workers_leave_signals_to_their_parent(number):
    """From the first moment on. A terminal, or a batch system, sends them to all processes alike."""
    with workers.start_processes(2) as pool:
        futures = [pool.submit(pow, 2, n) for n in range(5)]
        for pid in pool._processes:
            os.kill(pid, number)
        assert [future.result() for future in futures] == [1, 2, 4, 8, 16]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


# signals


@pytest.mark.parametrize("where", ["waiting for threads", "waiting as Python does"])
@pytest.mark.parametrize("second", STOPS)
def test_a_second_signal_ends_at_once(where, second):
    with started(sys.executable, "-c", THREADS, where) as process:
        assert process.stdout.readline() == "computing\n"
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() == "first\n"
        process.send_signal(second)
        assert process.wait(timeout=20) == 128 + second
        assert process.stderr.read() in ("second\n", "stopped\n")


@pytest.mark.slow
def test_an_interrupt_at_any_moment_of_the_start_ends_in_a_word(tmp_path):
    """One process starts and is copied at some of the events that Python audits; each copy is interrupted there."""
    code = "import sys; from tests.support.forks import interrupt_at_audits\n"
    code += "from fastp2p.cli import signals; catch = signals.catch_signals\n"
    code += "signals.catch_signals = lambda: (catch(), interrupt_at_audits())\n"
    code += "from fastp2p.__main__ import main; main()"
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])])}
    with started(sys.executable, "-c", code, "check", "paper-44", cwd=tmp_path, env=environment) as process:
        _, message = process.communicate(timeout=100)
    assert process.returncode == 0
    endings = [line.split("\t") for line in message.splitlines()]
    assert len(endings) > 20
    assert {event for _, event, _ in endings} > {"import", "open"}
    assert [ending for ending in endings if ending[2] != repr((130, "stopped\n"))] == []


def test_the_command_listens_before_it_imports_anything():
    code = "import sys; before = {*sys.modules}; import fastp2p.__main__; print(*sys.modules.keys() - before)"
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert set(printed.split()) == {"fastp2p", "fastp2p.__main__"}


def test_no_import_swallows_an_interrupt(tmp_path):
    swallowing = "import os\ntry:\n    os.kill(os.getpid(), 2)\n    [0 for _ in range(9)]\nexcept BaseException:\n    pass\n"
    (tmp_path / "swallowing.py").write_text(swallowing)
    code = "import os; from fastp2p.cli.signals import *; catch_signals()\nwith in_order(): import swallowing\nprint('gone on')"
    with started(sys.executable, "-c", code, cwd=tmp_path) as process:
        assert process.communicate(timeout=20) == ("", "stopped\n")
    assert process.returncode == 130


CALLBACKS = {
    "a finaliser": "class A:\n    def __del__(self): {stop}\nA()",
    "what LLVM calls back": (
        "import llvmlite.binding as b\ndef stop(*_): {stop}\nb.initialize_native_target(); b.initialize_native_asmprinter()\n"
        "module = b.parse_assembly('define void @f() {{ ret void }}')\n"
        "engine = b.create_mcjit_compiler(module, b.Target.from_default_triple().create_target_machine())\n"
        "engine.set_object_cache(stop, stop)\nengine.finalize_object()"
    ),
}


@pytest.mark.parametrize("where", CALLBACKS)
def test_no_callback_swallows_an_interrupt(where):
    code = "import os; from fastp2p.cli.signals import *; catch_signals()\nwith in_order():\n"
    lines = CALLBACKS[where].format(stop="os.kill(os.getpid(), 2); [0 for _ in range(9)]").splitlines()
    code += "".join(f"    {line}\n" for line in lines) + "print('gone on')"
    with started(sys.executable, "-c", code) as process:
        assert process.communicate(timeout=20) == ("", "stopped\n")
    assert process.returncode == 130


@pytest.mark.slow
@pytest.mark.parametrize("number", STOPS)
@pytest.mark.parametrize("parallel", ["threads", "processes"])
@pytest.mark.parametrize("twice", [False, True], ids=["once", "twice"])
def test_a_signal_keeps_the_finished_parts(number, parallel, twice, tmp_path):
    count = 200_000 if parallel == "processes" else 15_000
    (tmp_path / "study.toml").write_text(SWEEP.with_(scenarios={"count": count, "keep": ["books"]}).to_toml())
    command = [*RUN, "study.toml", "--out", "out", "--quiet", "--workers", "2"]
    with started(*command, cwd=tmp_path, start_new_session=True) as process:
        family = Path(f"/proc/{process.pid}/task/{process.pid}/children")
        assert wait_until(lambda: has_parts(tmp_path / "out"), 60)
        children = [int(pid) for pid in family.read_text().split()]
        assert len(children) == (3 if parallel == "processes" else 0)
        os.killpg(process.pid, number)  # as a terminal does, and a batch system
        if twice:
            assert process.stderr.readline().startswith("stopping when the parts in progress are done")
            os.killpg(process.pid, number)
        _, message = process.communicate(timeout=3 if twice else 60)
        assert wait_until(lambda: all(map(has_ended, children)), 5)
    assert process.returncode == 128 + number
    assert message.splitlines()[-1] == "stopped; finished parts are kept, and --resume continues from there"
    assert "Traceback" not in message
    books = fastp2p.open_results(tmp_path / "out")["books"].count_rows()
    assert books % 24 == 0
    assert 0 < books < 2 * 24 * count


@pytest.mark.slow
def test_a_worker_that_is_killed_is_told_and_its_run_goes_on_later(tmp_path):
    (tmp_path / "study.toml").write_text(SWEEP.with_(scenarios={"count": 30_000, "keep": []}).to_toml())
    command = [*RUN, "study.toml", "--out", "out", "--quiet"]
    with started(*command, cwd=tmp_path) as process:
        assert wait_until(lambda: list(tmp_path.glob("out/scenarios/part*")), 60)
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
        os.kill(int(children[-1]), signal.SIGKILL)
        _, message = process.communicate(timeout=30)
        assert wait_until(lambda: all(has_ended(pid) for pid in children), 5)
    assert process.returncode == 1
    assert message == f"error: {ENDED}; finished parts are kept, and --resume continues from there\n"
    assert subprocess.run([*command, "--resume"], cwd=tmp_path).returncode == 0
    assert fastp2p.open_results(tmp_path / "out")["scenarios"].count_rows() == 60_000


def test_a_worker_that_is_killed_is_told_in_a_sentence():
    with workers.start_processes(1) as pool:
        assert pool.submit(pow, 2, 3).result() == 8
        with pytest.raises(fastp2p.FastP2PError, match=ENDED):
            list(executors.finished_parts(pool, os.kill, next(iter(pool._processes)), [signal.SIGKILL] * 500))


def test_memory_that_runs_out_is_told_in_a_sentence():
    def greedy(work, part):
        raise MemoryError("Unable to allocate 3 TiB")

    with ThreadPoolExecutor(1) as pool, pytest.raises(fastp2p.FastP2PError, match=r"enough memory: Unable to .*fewer workers"):
        list(executors.finished_parts(pool, greedy, None, [1]))


def test_an_interrupt_keeps_the_parts_that_are_under_way(monkeypatch):
    """Of ten parts one is done, two are under way, and the other seven never begin."""
    begun, futures, go_on = [], [], threading.Event()

    def job(work, part):
        begun.append(part)
        assert part == 0 or go_on.wait(20)
        return part

    def interrupt(_):
        if len(begun) == 3:
            signal.raise_signal(signal.SIGINT)

    def let_go():
        wait_until(lambda: sum(future.cancelled() for future in futures) == 7, 20)
        go_on.set()

    monkeypatch.setattr(executors, "LOOK_EVERY_S", 0.01)
    monkeypatch.setattr(executors, "_watch", lambda _: interrupt)
    with ThreadPoolExecutor(2) as pool:
        monkeypatch.setattr(pool, "submit", lambda *given: futures.append(type(pool).submit(pool, *given)) or futures[-1])
        threading.Thread(target=let_go).start()
        kept = []
        with pytest.raises(KeyboardInterrupt):
            kept.extend(one for ended in executors.finished_parts(pool, job, None, range(10)) for one in ended)
    assert sorted(begun) == [0, 1, 2]
    assert sorted(kept) == [0, 1, 2]


def test_a_stop_in_a_command_counts_once(monkeypatch):
    """What is raised, and what a second signal would do, told apart by `os._exit`, which here only notes its code."""
    ended = []
    monkeypatch.setattr(os, "_exit", ended.append)
    with pytest.raises(KeyboardInterrupt) as caught, signals.in_order(), signals.in_order("inner"):
        signals._stop(signal.SIGTERM, None)
    assert (signals.exit_code(caught.value), ended) == (143, [])
    assert signals.exit_code(KeyboardInterrupt()) == 130
    with signals.in_order():
        for exits in ([], [130]):  # the second one raises here only since nothing has ended this process
            with pytest.raises(KeyboardInterrupt):
                signals._stop(signal.SIGINT, None)
            assert ended == exits
    assert signals._orderly is False


# workers: how many


@pytest.mark.parametrize("count", [0, -1, -(10**6), True, 1.0, "2"])
def test_a_number_of_workers_that_is_none(count):
    with pytest.raises(fastp2p.InputError, match=r"workers = .*: must be a whole number, at least 1"):
        workers.count_workers(count, 10)


@pytest.mark.parametrize("count", [10**6, 10**400, None])
def test_there_are_never_more_workers_than_processors_or_jobs(count):
    may_use = len(os.sched_getaffinity(0))
    assert workers.count_workers(count, 10**9) == may_use
    assert workers.count_workers(count, 1) == 1
    assert workers.count_workers(1, 10**9) == 1


def test_a_million_threads_are_not_started(monkeypatch):
    monkeypatch.setattr(parts, "PART_BOOKS", 24)
    before, seen = threading.active_count(), []
    fastp2p.run(SWEEP, workers=10**6, progress=lambda *_: seen.append(threading.active_count() - before))
    assert len(seen) == 80
    assert max(seen) <= len(os.sched_getaffinity(0))


@pytest.mark.parametrize("count", [0, -1])
@pytest.mark.parametrize("command", ["threads", "processes", "compare"])
def test_a_number_of_workers_that_is_none_is_refused_alike(command, count, monkeypatch, tmp_path):
    if command == "processes":
        monkeypatch.setattr("fastp2p.cli.main.PROCESSES_FROM", 1)
    words = ["compare", "paper-44"] if command == "compare" else ["run", "pv-sweep"]
    message = call(*words, "--out", tmp_path / "x", "--workers", count, code=2).stderr
    assert message == f"error: workers = {count}: must be a whole number, at least 1\n"
    assert not (tmp_path / "x").exists()
