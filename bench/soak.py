"""One process that runs, resumes, replaces, opens, checks and clears again and again: what it has does not grow.

python -m bench.soak [--minutes M]
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import numpy as np

import fastp2p
from bench import phases
from fastp2p.cli.check import check_study
from fastp2p.sweep.workers import start_processes

WITH_PROCESSES = 20
"""Rounds of which one has worker processes."""
SETTLED = 0.25
"""Share of the time after which what is loaded once is there."""
MB_PER_HOUR, NUMBER_PER_HOUR = 5.0, 1.0
"""What memory and the other numbers may grow by, if it is more than chance: three standard errors of the slope."""
COLUMNS = ("resident memory (MB)", "open files", "threads", "child processes", "temporary files")


def measure(folder: Path) -> list[float]:
    """What the process has now, garbage that waits for its collection apart: with half a million objects it waits for long."""
    gc.collect()
    proc = Path("/proc/self")
    pages = int((proc / "statm").read_text().split()[1])
    threads = [*(proc / "task").iterdir()]
    children = sum(len((thread / "children").read_text().split()) for thread in threads)
    files = sum(1 for path in folder.rglob("*") if path.is_file())
    return [pages * os.sysconf("SC_PAGE_SIZE") / 1e6, len([*(proc / "fd").iterdir()]), len(threads), children, files]


def one_round(number: int, study: fastp2p.Study, folder: Path) -> None:
    """Everything that a long session does with a small sweep, and a batch of books."""
    out = folder / "out"
    fastp2p.run(study.with_(seed=number), out=out, overwrite=True, workers=2)
    fastp2p.run(study.with_(seed=number), out=out, resume=True)
    for table in fastp2p.open_results(out).values():
        table.to_table()
    check_study(study)
    with suppress(fastp2p.InputError):  # the folder exists
        fastp2p.run(study, out=out)
    phases.prepare_phase("clear 50 %", "44", phases.SIZES[0]).run()
    if number % WITH_PROCESSES == 0:
        with start_processes(2) as executor:
            fastp2p.run(study, out=out, overwrite=True, executor=executor)


def soak(minutes: float) -> np.ndarray:
    """Rounds for so many minutes: after each the hours that have passed, then what is measured."""
    study = fastp2p.studies()["pv-sweep"].with_(scenarios={"count": 20, "shares": [0.2, 0.4], "keep": ["hours", "books"]})
    rows = []
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="fastp2p-soak-") as folder:
        tempfile.tempdir = folder
        while len(rows) < 8 or time.monotonic() - begin < 60.0 * minutes:
            one_round(len(rows), study, Path(folder))
            rows.append([(time.monotonic() - begin) / 3600.0, *measure(Path(folder))])
        tempfile.tempdir = None
    return np.array(rows)


def verdicts(rows: np.ndarray) -> list[tuple[str, float, float, float, bool]]:
    """Of each column: its name, first and last value once settled, slope per hour, and whether it grows."""
    settled = rows[int(SETTLED * len(rows)) :]
    hours = settled[:, 0]
    found = []
    for name, values in zip(COLUMNS, settled[:, 1:].T, strict=True):
        (slope, _), covariance = np.polyfit(hours, values, 1, cov=True)
        error = float(np.sqrt(covariance[0, 0]))
        grows = slope > max(3.0 * error, MB_PER_HOUR if name == COLUMNS[0] else NUMBER_PER_HOUR)
        found.append((name, float(values[0]), float(values[-1]), float(slope), bool(grows)))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30.0)
    rows = soak(parser.parse_args().minutes)
    found = verdicts(rows)
    print(f"{len(rows)} rounds in {60.0 * rows[-1, 0]:.1f} minutes, the first {SETTLED:.0%} left out")
    for name, first, last, slope, grows in found:
        print(f"{name:<22} {first:10.1f} {last:10.1f} {slope:+10.2f} per hour  {'GROWS' if grows else 'does not grow'}")
    sys.exit(1 if any(grows for *_, grows in found) else 0)


if __name__ == "__main__":
    main()
