"""Look for inputs that end in anything but a result or a message.

python -m fuzz [TARGET ...] [--seconds S | --count N] [--workers W] [--start SEED]
python -m fuzz TARGET --seed SEED
"""

import argparse
import shlex
import shutil
import sys
import time
from pathlib import Path

from fuzz.judge import TARGETS
from fuzz.mutate import Case, Finding, put
from fuzz.pool import Job, Search, search
from fuzz.shrink import failing, shrink

SHRUNK = 40
"""Findings of a target that are shrunk; the others are reported as they are."""


def keep(folder: Path, job: Job, finding: Finding, case: Case, skip: frozenset[int]) -> None:
    """Write an input with what it was found by, ready to be run."""
    shutil.rmtree(folder, ignore_errors=True)
    for name, what in case.files.items():
        put(folder / name, what)
    lines = [
        f"{finding.kind} at {finding.place}",
        f"python -m fuzz {job.target} --seed {job.seed}",
        f"left out: {sorted(skip)}",
    ]
    (folder / "finding.txt").write_text("\n".join([*lines, f"fastp2p {shlex.join(case.arguments)}", ""]))


def report(target: str, start: int, done: Search, folder: Path) -> int:
    """Say what a search found, and keep the smallest input of each; how many findings are left."""
    count, codes = done.codes.total(), ", ".join(f"{n:,} with {code}" for code, n in sorted(done.codes.items()))
    took = f"{done.seconds:.0f} s, {done.processor_seconds:.0f} s of processors"
    print(f"{target}: {count:,} inputs from seed {start} on in {took}; exit codes: {codes}", flush=True)
    left = 0
    for number, (finding, seeds) in enumerate(sorted(done.found.items(), key=lambda one: -len(one[1]))):
        job = Job(target, seeds[0])
        again = bool(failing([job], finding))
        if not again and finding.kind.startswith("over"):
            print(f"  (seed {seeds[0]} was slow once)")
            continue
        left += 1
        print(f"  {finding.kind} at {finding.place}: {len(seeds)} inputs, such as --seed {seeds[0]}", end="", flush=True)
        if again and number < SHRUNK and not finding.kind.startswith("over"):
            skip, case = shrink(job, finding)
            keep(folder / f"{target}-{seeds[0]}", job, finding, case, skip)
            print(f"; {folder / f'{target}-{seeds[0]}'}", end="")
        print("" if again else "; not again in a new process", flush=True)
    return left


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m fuzz", description=__doc__.splitlines()[0])
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=f"{', '.join(TARGETS)}; all if left out")
    parser.add_argument("--seconds", type=float, default=60.0, help="for all targets together")
    parser.add_argument("--count", type=int, help="inputs of each target, instead of a time")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--start", type=int, default=int(time.time()) * 1000, help="first seed; by default the time")
    parser.add_argument("--seed", type=int, help="this input only")
    parser.add_argument("--keep", type=Path, default=Path("results/fuzz"), help="folder for the inputs that fail")
    chosen = parser.parse_args()
    targets = chosen.targets or [*TARGETS]
    if unknown := [target for target in targets if target not in TARGETS]:
        parser.error(f"no target {', '.join(unknown)}; there are {', '.join(TARGETS)}")
    start = chosen.start if chosen.seed is None else chosen.seed
    count = 1 if chosen.seed is not None else chosen.count
    seconds = chosen.seconds / len(targets) if count is None else float("inf")
    left = 0
    for target in targets:
        jobs = (Job(target, seed) for seed in range(start, start + (10**9 if count is None else count)))
        left += report(target, start, search(jobs, workers=chosen.workers, seconds=seconds), chosen.keep)
    sys.exit(1 if left else 0)


if __name__ == "__main__":
    main()
