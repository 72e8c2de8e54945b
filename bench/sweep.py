"""What a sweep costs: pv-sweep with its tables written, a year x 100 scenarios x 3 shares, and how time and memory grow.

    python -m bench.sweep [--quick]

Everything runs once before it is timed (imports, compiled kernels). One and two workers take turns; medians over the rounds.
Memory is the peak of a process of its own for each size.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from unittest.mock import patch

import fastp2p


def year(count, high_kwp):
    """pv-sweep-year with scenario tables alone; smaller systems congest fewer books."""
    study = fastp2p.studies()["pv-sweep-year"]
    kwp = study.pv.kwp.model_copy(update={"high": high_kwp})
    scenarios = study.scenarios.model_copy(update={"count": count, "keep": ()})
    return study.model_copy(update={"pv": study.pv.model_copy(update={"kwp": kwp}), "scenarios": scenarios})


def sweep(count):
    study = fastp2p.studies()["pv-sweep"]
    return study.model_copy(update={"scenarios": study.scenarios.model_copy(update={"count": count, "keep": ()})})


def seconds(job):
    clock = time.perf_counter()
    result = job()
    return time.perf_counter() - clock, result


def in_turns(jobs, rounds):
    """Median seconds of each job, and what it gave last."""
    taken, given = {name: [] for name in jobs}, {}
    for _ in range(rounds):
        for name, job in jobs.items():
            spent, given[name] = seconds(job)
            taken[name].append(spent)
    return {name: statistics.median(times) for name, times in taken.items()}, given


def without_answers(study, folder):
    """The same run without the statistics and figures at its end."""
    with patch("fastp2p.runner.write_answers"):
        return fastp2p.run(study, out=folder, overwrite=True)


def describe(results, spent):
    table = results.scenarios
    books = len(table) * results.profiles.n_steps
    not_free = 1.0 - table.n_free.sum() / books
    return f"{books:>9,} books  {spent:7.2f} s  {spent / books * 1e6:5.2f} µs a book  {not_free:6.2%} LP books"


def peak(count):
    """Seconds and peak MB of pv-sweep with `count` scenarios, in this process."""
    fastp2p.run(sweep(10))
    spent, _ = seconds(lambda: fastp2p.run(sweep(count), workers=2))
    return spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--quick", action="store_true", help="small sizes, one round")
    arguments.add_argument("--peak", type=int, help=argparse.SUPPRESS)
    chosen = arguments.parse_args()
    if chosen.peak:
        print(*peak(chosen.peak))
        return
    rounds, count = (1, 3) if chosen.quick else (5, 100)

    with tempfile.TemporaryDirectory() as folder:
        study = fastp2p.studies()["pv-sweep"]
        fastp2p.run(study, out=Path(folder) / "first")
        jobs = {
            "in memory": lambda: fastp2p.run(study),
            "tables written": lambda: without_answers(study, Path(folder) / "tables"),
            "tables, statistics and figures written": lambda: fastp2p.run(study, out=Path(folder) / "all", overwrite=True),
        }
        medians, given = in_turns(jobs, rounds)
        for name, spent in medians.items():
            print(f"pv-sweep, {name:<42} {describe(given[name], spent)}")

    for high_kwp in (80.0, 120.0):
        study = year(count, high_kwp)
        with ProcessPoolExecutor(2) as processes:
            jobs = {
                "1 worker": lambda: fastp2p.run(study, workers=1),  # noqa: B023  # called within this turn
                "2 threads": lambda: fastp2p.run(study, workers=2),  # noqa: B023  # the same
                "2 processes": lambda: fastp2p.run(study, executor=processes),  # noqa: B023  # the same
            }
            in_turns(jobs, 1) if chosen.quick else None
            medians, given = in_turns(jobs, rounds)
        for name, spent in medians.items():
            ratio = medians["1 worker"] / spent
            print(f"a year, up to {high_kwp:.0f} kWp, {name:<12} {describe(given[name], spent)}  x{ratio:.2f}")

    for scenarios in (100, 1_000) if chosen.quick else (1_000, 10_000, 100_000):
        answer = subprocess.run(
            [sys.executable, "-m", "bench.sweep", "--peak", str(scenarios)], capture_output=True, text=True, check=True
        )
        spent, megabytes = map(float, answer.stdout.split())
        print(f"pv-sweep, {scenarios:>7,} scenarios a share: {spent:7.2f} s, peak {megabytes:5.0f} MB")


if __name__ == "__main__":
    main()
