"""A region of a thousand feeders, 100 scenarios of 24 hours each, audited: time, memory, bytes, and that the bits are the same.

    python -m bench.region [--feeders N] [--folder F] [--write]

Feeders are those of `bench/region_feeders.py`. `--folder` keeps them and their converted networks for another time; `--write`
fills in docs/performance.md. Two worker processes, unless a line says otherwise; every run is a process of its own.
"""

import argparse
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import Any

import pandas as pd

import fastp2p
from bench.region_feeders import make_feeders
from bench.report import table
from fastp2p.sweep.workers import start_processes

SCENARIOS = 100
KILLED_AT = 0.4
"""Share of the parts after which a run is killed."""
PAGE = Path(__file__).parent.parent / "docs" / "performance.md"


def study_of(sources: Any) -> fastp2p.Study:
    """Half of the homes of every feeder with PV, audited."""
    return fastp2p.Study(
        name="bench-region",
        seed=1,
        network={"sources": sources},
        participants={"buses": "loads"},
        load={"profile": {"choice": ["residential_0", "residential_1", "residential_2"]}, "homes": 0.2},
        pv={"profile": "solar_2", "kwp": {"distribution": "uniform", "low": 4.0, "high": 16.0}},
        market={
            "bid_per_kwh": {"distribution": "uniform", "low": 0.2, "high": 0.3},
            "ask_per_kwh": {"distribution": "uniform", "low": 0.1, "high": 0.2},
        },
        clearing={"audit": True},
        scenarios={"count": SCENARIOS, "shares": [0.5]},
    )


def one_run(feeders: str, out: str, way: str, resume: bool) -> dict[str, Any]:
    """Run the study into a folder and tell what it took; `way` is the number of workers and what they are."""
    import resource

    count, kind = way.split()
    begin, told = time.perf_counter(), dict[str, float]()

    def progress(done: Any, n_parts: int) -> None:
        told.setdefault("first", time.perf_counter() - begin)
        told["last"] = time.perf_counter() - begin

    study = study_of(feeders)
    more: dict[str, Any] = {"out": out, "resume": resume, "progress": progress}
    with _pool(int(count), kind) as pool:
        results = fastp2p.run(study, **more, **({"executor": pool} if pool else {"workers": int(count)}))
        seconds = time.perf_counter() - begin
    own, workers = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return {
        "seconds": seconds,
        "until_first_part_s": told.get("first", seconds),
        "after_last_part_s": seconds - told.get("last", seconds),
        "processor_s": own.ru_utime + own.ru_stime + workers.ru_utime + workers.ru_stime,
        "parent_mb": _peak_mb(),
        "worker_mb": workers.ru_maxrss / 1e3,
        "feeders": len(results.networks),
        "books": int(results.scenarios["n_books"].sum()),
        "cut": int(results.scenarios["n_cut"].sum()),
        "broken": int(results.scenarios["n_audit_broken"].sum() + results.scenarios["n_audit_base_broken"].sum()),
        "bytes": sum(path.stat().st_size for path in Path(out).rglob("*") if path.is_file()),
    }


def _peak_mb() -> float:
    """Of this process since it began; `ru_maxrss` also counts what started it. So it is an upper bound for workers."""
    found = re.search(r"VmHWM:\s+(\d+)", Path("/proc/self/status").read_text())
    assert found
    return int(found[1]) / 1e3


@contextmanager
def _pool(count: int, kind: str) -> Iterator[Executor | None]:
    """So many processes, or workers of a Dask cluster on this machine; None for threads."""
    if kind.startswith("thread"):
        yield None
    elif kind.startswith("process"):
        with start_processes(count) as pool:
            yield pool
    else:
        from distributed import Client, LocalCluster

        with (
            LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
            Client(cluster) as client,
        ):
            yield client.get_executor()


def call(feeders: Path, out: Path, way: str = "2 processes", resume: bool = False, cache: str = "") -> dict[str, Any]:
    """`one_run` in a process of its own."""
    command = [sys.executable, "-m", "bench.region", "--run", str(feeders), str(out), way, "resume" * resume]
    there = {**os.environ, "FASTP2P_CACHE_DIR": cache or os.environ["FASTP2P_CACHE_DIR"]}
    return dict(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True, env=there).stdout))


def kill_and_resume(feeders: Path, out: Path, n_parts: int) -> int:
    """Kill a run and all its workers when so many of its parts are done, and go on with it; how many were done."""
    command = [sys.executable, "-m", "bench.region", "--run", str(feeders), str(out), "2 processes", ""]
    journal = out / "parts.jsonl"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, start_new_session=True) as run:
        while run.poll() is None and _lines(journal) < KILLED_AT * n_parts:
            time.sleep(0.1)
        os.kill(run.pid, signal.SIGKILL)
    done = _lines(journal)
    call(feeders, out, resume=True)
    return done


def _lines(path: Path) -> int:
    return path.read_bytes().count(b"\n") if path.exists() else 0


def rows(out: Path) -> pd.DataFrame:
    """The scenarios of a folder, read as any reader would."""
    return fastp2p.open_results(out)["scenarios"].to_table().to_pandas()


def first_of(feeders: Path, count: int, name: str, reverse: bool = False) -> Path:
    """A table of the first feeders of another one."""
    listed = pd.read_csv(feeders).iloc[:count]
    path = feeders.with_name(f"{name}.csv")
    (listed.iloc[::-1] if reverse else listed).to_csv(path, index=False)
    return path


def measure(folder: Path, count: int) -> dict[str, Any]:
    """Make, convert and run the feeders in all ways; what each took."""
    begin, found = time.perf_counter(), dict[str, Any]()
    if not (folder / "feeders.csv").exists():
        with start_processes(2) as pool:
            make_feeders(folder, count, pool)
        _tell(f"{count} feeders made", begin)
    feeders = first_of(folder / "feeders.csv", count, "all")
    if not (folder / "cache").exists():
        call(feeders, folder / "out-unconverted")
    with tempfile.TemporaryDirectory() as other:
        some = feeders.with_name("some.csv")  # the last ones, which are files
        pd.read_csv(feeders).iloc[-count // 20 :].to_csv(some, index=False)
        found["converting"] = call(some, folder / "out-converting", cache=other)
    _tell("converted and run", begin)
    for part in (1, 2, 4):
        name = f"first-{count // part}"
        found[f"of_{part}"] = call(first_of(feeders, count // part, name), folder / f"out-{name}")
        _tell(name, begin)
    whole = rows(folder / f"out-first-{count}")
    few = first_of(feeders, count // 4, "reversed", reverse=True)
    same = dict[str, bool]()
    for way in ("1 process", "2 threads", "1 dask", "2 dask"):
        found[way] = call(few, folder / f"out-{way[0]}{way[2]}", way)
        read = rows(folder / f"out-{way[0]}{way[2]}")
        expected = whole[whole["feeder"].isin(read["feeder"])].reset_index(drop=True)
        same[f"{way}, listed backwards, a quarter of the feeders"] = read.equals(expected)
        _tell(way, begin)
    read = rows(folder / "out-converting")
    same["among others, converted in the same run"] = read.equals(
        whole[whole["feeder"].isin(read["feeder"])].reset_index(drop=True)
    )
    done = kill_and_resume(first_of(feeders, count // 4, "killed"), folder / "out-killed", count // 4)
    same[f"killed after {done} of {count // 4} parts, and resumed"] = rows(folder / "out-killed").equals(expected)
    return found | {"same": same}


def _tell(what: str, begin: float) -> None:
    print(f"{what} ({time.perf_counter() - begin:.0f} s)", file=sys.stderr, flush=True)


def page(found: dict[str, Any]) -> str:
    """The tables of docs/performance.md."""
    ways = {
        "converted and run": "converting", "a quarter, converted before": "of_4", "half": "of_2", "all": "of_1",
        "a quarter, one process": "1 process", "a quarter, two threads": "2 threads",
        "a quarter, Dask, one worker": "1 dask", "a quarter, Dask, two workers": "2 dask",
    }  # fmt: skip
    lines = []
    for what, key in ways.items():
        one = found[key]
        n, seconds, processor = one["feeders"], one["seconds"], one["processor_s"]
        times = (f"{seconds:.0f}", f"{one['until_first_part_s']:.0f}", f"{one['after_last_part_s']:.1f}")
        each = (f"{processor / n * 1e3:.0f}", f"{processor / one['books'] * 1e6:.1f}")
        worker = "–" if key == "2 threads" else f"{one['worker_mb']:.0f}"
        cells = (
            f"{n:,}",
            *times,
            f"{processor:.0f}",
            *each,
            f"{one['parent_mb']:.0f}",
            worker,
            f"{one['bytes'] / n / 1e3:.0f}",
        )
        lines.append((what, *cells))
    headings = (
        "run", "feeders", "seconds", "until the first part", "after the last", "processor seconds", "ms a feeder", "µs a book",
        "parent, MB", "a worker, MB", "kB a feeder on disk",
    )  # fmt: skip
    same = "\n".join(f"- {what}: {'equal to the bit' if is_same else 'DIFFERENT'}" for what, is_same in found["same"].items())
    return f"{table(headings, lines)}\n\nScenarios of the same feeders, compared with those of the run of all:\n\n{same}"


def main() -> None:
    """Measure, print, and write the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--feeders", type=int, default=1_000)
    parser.add_argument("--folder", type=Path, help="where feeders, converted networks and results are kept")
    parser.add_argument("--write", action="store_true", help="fill in docs/performance.md")
    parser.add_argument("--run", nargs=4, metavar=("FEEDERS", "OUT", "WAY", "RESUME"), help="one run, of which JSON is printed")
    asked = parser.parse_args()
    if asked.run:
        feeders, out, way, resume = asked.run
        print(json.dumps(one_run(feeders, out, way, bool(resume))))
        return
    with nullcontext(asked.folder) if asked.folder else tempfile.TemporaryDirectory() as kept:
        folder = Path(kept).absolute()
        folder.mkdir(exist_ok=True)
        os.environ["FASTP2P_CACHE_DIR"] = str(folder / "cache")
        text = page(measure(folder, asked.feeders))
    print(text)
    if asked.write:
        between = re.compile(r"(?<=<!-- region -->\n).*?(?=\n<!-- end region -->)", re.DOTALL)
        PAGE.write_text(between.sub(lambda _: text, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
