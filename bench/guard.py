"""Did a change make something slower? This tree beside another revision, phase by phase, in turns.

    python -m bench.guard REVISION [--network 44] [--books 8760] [--rounds 30] [--slower 1.1]

Two processes hold the phases, each as the bench of its revision prepares them, so that a module may move between the two;
they run one after the other and never together. A phase counts as slower if its median ratio is above `--slower` and nine of
ten rounds agree on the direction. The exit code is 1 then.
"""

import argparse
import io
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
TOGETHER_S = 0.02
"""Runs of a phase are put together until they take so long."""


def serve(network: str, n_books: int) -> None:
    """Answer each phase's name on stdin with its seconds, or "gap" where this package has no such phase."""
    from bench import phases

    jobs: dict[str, tuple[phases.Job, int]] = {}
    for line in sys.stdin:
        phase = line.strip()
        if phase not in jobs:
            try:
                job = phases.prepare_phase(phase, network, n_books)
                job.run()
                clock = time.perf_counter()
                job.run()
                jobs[phase] = job, max(1, round(TOGETHER_S / (time.perf_counter() - clock)))
            except Exception as error:  # an older package may lack what the phase calls: that phase has no answer then
                print(f"gap {type(error).__name__}: {error}".replace("\n", " "), flush=True)
                continue
        job, many = jobs[phase]
        clock = time.perf_counter()
        for _ in range(many):
            job.run()
        print((time.perf_counter() - clock) / many, flush=True)


def start(tree: Path, network: str, n_books: int) -> subprocess.Popen[str]:
    """A process that answers, with the package and the bench of a tree."""
    environment = {**os.environ, "PYTHONPATH": str(tree)}
    call = [sys.executable, "-P", "-m", "bench.guard", "--serve", network, str(n_books)]
    return subprocess.Popen(call, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)


def ask(process: subprocess.Popen[str], phase: str) -> float:
    """Seconds of a phase; NaN where there is none."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(phase + "\n")
    process.stdin.flush()
    answer = process.stdout.readline()
    if not answer or answer.startswith("gap"):
        if answer:
            print(f"{phase:<12} {answer.strip()}", file=sys.stderr)
        return float("nan")
    return float(answer)


def compare(revision: str, network: str, n_books: int, rounds: int, slower: float) -> list[str]:
    """Print a line per phase; the phases that have become slower."""
    from bench import phases

    found = []
    with tempfile.TemporaryDirectory() as folder:
        call = ["git", "archive", revision, "fastp2p", "bench"]
        packed = subprocess.run(call, cwd=ROOT, capture_output=True, check=True).stdout
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(folder, filter="data")
        processes = [start(Path(folder), network, n_books), start(ROOT, network, n_books)]
        try:
            for phase in phases.PHASES:
                if any(np.isnan(ask(process, phase)) for process in processes):
                    continue
                taken = np.array([[ask(process, phase) for process in processes] for _ in range(rounds)])
                ratio = taken[:, 1] / taken[:, 0]
                low, high = np.percentile(ratio, (10, 90))
                worse = bool(np.median(ratio) > slower and low > 1.0)
                us = np.median(taken, axis=0) / n_books * 1e6
                mark = "  slower" if worse else ""
                print(f"{phase:<12} {us[0]:9.3f} {us[1]:9.3f} µs  x{np.median(ratio):5.2f}  ({low:.2f} to {high:.2f}){mark}")
                found += [phase] if worse else []
        finally:
            for process in processes:
                process.terminate()
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.guard", description=__doc__.splitlines()[0])
    parser.add_argument("revision", nargs="?", help="what git calls it")
    parser.add_argument("--network", default="44", help="a key of bench.networks.SOURCES")
    parser.add_argument("--books", type=int, default=8_760)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--slower", type=float, default=1.1, help="ratio of the medians from which it counts")
    parser.add_argument("--serve", nargs=2, help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.serve:
        serve(chosen.serve[0], int(chosen.serve[1]))
        return
    if not chosen.revision:
        parser.error("name the revision to compare with, such as main~1")
    print(f"{'phase':<12} {'before':>9} {'now':>9}     ratio (9 of 10 rounds)")
    worse = compare(chosen.revision, chosen.network, chosen.books, chosen.rounds, chosen.slower)
    sys.exit(f"slower than {chosen.revision}: {', '.join(worse)}" if worse else 0)


if __name__ == "__main__":
    main()
