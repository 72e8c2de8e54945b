"""Measure, and write it down.

python -m bench [--quick] [--tables RESULTS.json]
"""

import argparse
import json
import sys
import time
from datetime import date
from pathlib import Path
from typing import Any

from bench import contests, machine, phases, report, scale
from bench.networks import SOURCES, Gap
from bench.timing import in_turns, on_one_core, peak_megabytes, summary

HERE = Path(__file__).parent
DOCS = HERE.parent / "docs"
PEAK = "import fastp2p; from bench.phases import study_on; fastp2p.run(study_on('{key}', {n}, shares=(0.1, 0.3, 0.5)))"


def measure_phases(quick: bool) -> list[dict[str, Any]]:
    """µs per book of every phase on every network at every size; peak memory of the whole study."""
    rows: list[dict[str, Any]] = []
    for key in ("44",) if quick else SOURCES:
        for n_books in phases.SIZES[:1] if quick else phases.SIZES:
            for phase in phases.PHASES:
                about = {"phase": phase, "network": key, "books": n_books}
                try:
                    job = phases.prepare_phase(phase, key, n_books)
                except Gap as gap:
                    rows.append({**about, "gap": str(gap)})
                    continue
                many = max(1, 2_000 // job.n_books)  # a few µs cannot be timed one by one
                taken = in_turns({phase: lambda: [job.run() for _ in range(many)]}, 1 if quick else 7, 4.0)[phase]  # noqa: B023  # called within this turn
                cost = {"moved_bytes": job.moved_bytes, "operations": job.operations}
                rows.append({**about, **summary(taken, many * job.n_books), **cost})
            phases.books_of.cache_clear()
            print(f"  {key} buses, {n_books:,} books", file=sys.stderr)
    return rows


def measure_memory(quick: bool) -> list[dict[str, Any]]:
    """Peak memory of a sweep in a process of its own."""
    per_scenario = 3 * phases.STEPS
    return [
        {"network": key, "books": n * per_scenario, "megabytes": peak_megabytes(PEAK.format(key=key, n=n))}
        for key in (("44",) if quick else ("44", "80"))
        for n in ((1,) if quick else (1, 100, 10_000))
    ]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="small sizes and few rounds: that it runs, not how fast")
    parser.add_argument("--out", type=Path, help="where to write the JSON; default bench/results/DATE.json")
    parser.add_argument("--tables", type=Path, help="write the tables from these results; measure nothing")
    chosen = parser.parse_args()
    if chosen.tables:
        report.write(json.loads(chosen.tables.read_text()), DOCS)
        return
    clock = time.perf_counter()
    results: dict[str, Any] = {"date": date.today().isoformat(), "quick": chosen.quick, **machine.describe()}
    print(results["machine"], results["threads"], sep="\n", file=sys.stderr)
    results["contests"] = contests.on_all_cores(chosen.quick)  # first: the processes begin as small as this one is
    results["memory"] = measure_memory(chosen.quick)
    with on_one_core():
        results["rates"] = machine.rates()
        results["contests"] |= contests.on_one_core(chosen.quick)
        results["scale"] = scale.measure(chosen.quick)
        results["phases"] = measure_phases(chosen.quick)
    results["seconds"] = time.perf_counter() - clock
    path = chosen.out or HERE / "results" / f"{results['date']}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(results, indent=1))
    print(f"wrote {path} after {results['seconds']:.0f} s", file=sys.stderr)
    if not chosen.quick:
        report.write(results, DOCS)


if __name__ == "__main__":
    main()
