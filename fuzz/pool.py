"""Child processes that take one input after another, watched: time, memory, and whether they are still there."""

import contextlib
import faulthandler
import multiprocessing
import os
import resource
import shutil
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NamedTuple

from fuzz.judge import TARGETS, Finding, judge, limit_memory, make_case, run_apart, run_here
from fuzz.mutate import Case, put

MOST_SECONDS = 20.0
BUSY, PATIENCE = 0.5, 3
"""On a busy machine a child that computed less than this share of its time gets so many times as long."""
APART_EVERY, DRAWN_EVERY = 500, 10
"""Inputs of which one is run as a process of its own, and one with its figures drawn."""
INPUTS_PER_CHILD = 5_000


class Job(NamedTuple):
    """One input: by target and seed, or as it is."""

    target: str
    seed: int
    skip: frozenset[int] = frozenset()
    case: Case | None = None


Answer = tuple[int, Finding | None]
"""The exit code, negative for the signal that ended the process, and what is wrong."""


class Search(NamedTuple):
    """What a search did: how often each exit code, seconds by the clock and of the processors, the seeds of every finding."""

    codes: Counter[int]
    seconds: float
    processor_seconds: float
    found: dict[Finding, list[int]]


def serve(connection: Connection, folder: Path) -> None:
    """A child: runs the inputs that it is sent, answers what is wrong with each, and ends with its parent."""
    os.setsid()  # what it starts ends with it, by its group
    threading.Thread(target=end_with_parent, daemon=True).start()
    for stream, name in ((1, "out"), (2, "err")):
        file = os.open(folder / name, os.O_RDWR | os.O_CREAT | os.O_APPEND)
        os.dup2(file, stream)
        os.close(file)
    sys.stdout, sys.stderr = (os.fdopen(n, "w", encoding="utf-8", errors="backslashreplace", buffering=1) for n in (1, 2))
    faulthandler.enable(2)
    faulthandler.register(signal.SIGUSR1, 2, all_threads=False)
    import typer.main
    from matplotlib.figure import Figure

    typer.main.get_command = cache(typer.main.get_command)  # to build the commands takes longer than most inputs do
    draw = Figure.savefig
    for arguments in (["check", "paper-44"], ["check", "typical_day.json"]):  # what is imported late
        run_here(arguments)
    limit_memory()
    connection.send((0, None))
    with contextlib.suppress(EOFError):
        while True:
            job: Job = connection.recv()
            Figure.savefig = draw if job.seed % DRAWN_EVERY == 0 else lambda _, path, **__: Path(path).touch()
            connection.send(run_job(job, folder))


def end_with_parent() -> None:
    """End this child and what it has started as soon as its parent is gone, whatever they are at."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os.killpg(0, signal.SIGKILL)


def run_job(job: Job, folder: Path) -> Answer:
    case = job.case or make_case(*job[:3])
    inside = folder / "in"
    shutil.rmtree(inside, ignore_errors=True)
    inside.mkdir()
    os.chdir(inside)
    for name, what in case.files.items():
        put(Path(name), what)
    os.ftruncate(1, 0)
    os.ftruncate(2, 0)
    code = (run_apart if job.seed % APART_EVERY == APART_EVERY - 1 else run_here)(case.arguments)
    sys.stdout.flush()
    sys.stderr.flush()
    look = getattr(TARGETS[job.target], "look", None)
    return code, judge(case.arguments, code, *said(folder)) or (look(case, code) if look else None)


def said(folder: Path) -> tuple[str, str]:
    """What was written to stdout and stderr."""
    out, errors = ((folder / name).read_text(encoding="utf-8", errors="replace") for name in ("out", "err"))
    return out, errors


class Child:
    """A child process, its folder, and the input that it has."""

    def __init__(self, root: Path) -> None:
        self.folder = Path(tempfile.mkdtemp(dir=root))
        self.connection, other = multiprocessing.Pipe()
        self.process = multiprocessing.get_context("spawn").Process(target=serve, args=(other, self.folder))
        self.process.start()
        other.close()
        self.job: Job | None = None
        self.since, self.computed = time.monotonic(), 0.0
        self.done = -1  # the first answer says that it is ready

    def give(self, job: Job) -> None:
        self.job, self.since, self.computed = job, time.monotonic(), self.processor_seconds()
        self.connection.send(job)

    def processor_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")

    def seconds_left(self) -> float:
        """Until it is over time."""
        if self.job is None:
            return 10 * MOST_SECONDS - (time.monotonic() - self.since)
        left = MOST_SECONDS - (time.monotonic() - self.since)
        idle = left <= 0.0 and self.processor_seconds() - self.computed < BUSY * MOST_SECONDS
        return left + (PATIENCE - 1) * MOST_SECONDS if idle else left

    def result(self) -> Answer:
        """Its answer; or how it died of its input, or that it was over time and is killed."""
        if self.connection.poll():
            with contextlib.suppress(EOFError, ConnectionError):
                answer: Answer = self.connection.recv()
                self.done += 1
                return answer
            self.process.join()
            return self.fault(self.process.exitcode or -1)
        os.kill(self.process.pid or 0, signal.SIGUSR1)  # where it is
        time.sleep(0.3)
        code, found = self.fault(-signal.SIGKILL)
        self.end()
        return code, found and found._replace(kind=f"over {MOST_SECONDS:g} s")

    def fault(self, code: int) -> Answer:
        self.done = INPUTS_PER_CHILD
        assert self.job is not None, f"a child did not start: {said(self.folder)[1]}"
        return code, judge([], code, *said(self.folder))

    def end(self) -> None:
        self.done = INPUTS_PER_CHILD
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid or 0, signal.SIGKILL)
        self.process.kill()
        self.process.join()
        shutil.rmtree(self.folder, ignore_errors=True)


@contextlib.contextmanager
def workplace() -> Iterator[Path]:
    """A folder for the children, with a cache of networks of their own."""
    before = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="fastp2p-fuzz-", ignore_cleanup_errors=True) as root:
        os.environ |= {"FASTP2P_CACHE_DIR": f"{root}/cache", "MPLBACKEND": "agg"}
        os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), *filter(None, [before.get("PYTHONPATH")])])
        try:
            yield Path(root)
        finally:
            os.environ.clear()
            os.environ |= before


def children_seconds() -> float:
    """Processor time of the children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def search(jobs: Iterable[Job], *, workers: int = 2, seconds: float = float("inf")) -> Search:
    """Run inputs until there are no more, or the time is over."""
    left, found, codes = iter(jobs), dict[Finding, list[int]](), Counter[int]()
    before = children_seconds()
    with workplace() as root:
        children = [Child(root) for _ in range(workers)]
        begin = time.monotonic()
        try:
            while children:
                wait([child.connection for child in children], max(0.0, min(child.seconds_left() for child in children)))
                for at, child in enumerate(children):
                    if not child.connection.poll() and child.seconds_left() > 0.0:
                        continue
                    code, finding = child.result()
                    if child.job:
                        codes[code] += 1
                    if child.job and finding:
                        found.setdefault(finding, []).append(child.job.seed)
                    child.job = None
                    if child.done >= INPUTS_PER_CHILD:
                        child.end()
                        children[at] = Child(root)
                    elif job := next(left, None) if time.monotonic() - begin < seconds else None:
                        child.give(job)
                    else:
                        child.end()
                children = [child for child in children if child.job is not None or child.done < 0]
        finally:
            for child in children:
                child.end()
    return Search(codes, time.monotonic() - begin, children_seconds() - before, found)
