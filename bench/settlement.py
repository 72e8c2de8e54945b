"""What settlement adds to a book: the stages with it and without it, in turns, one thread.

python -m bench.settlement
"""

import statistics
import time
from unittest.mock import patch

import numpy as np

import fastp2p
from fastp2p import batch
from fastp2p.parts import KEPT_BYTES
from fastp2p.preparation import prepare
from fastp2p.sampling import draw_scenarios

RULES = ("ask", "uniform", "mcafee", "mid_market_rate")
# a plain function: a mock would keep the arrays of every call, and its memory would be what is timed
WAYS = {"with": batch.settle, "without": lambda *_, **__: None}


def measure(rule, limit_factor):
    """Median µs per book with and without settlement, pv-sweep at 30 % PV."""
    study = fastp2p.studies()["pv-sweep"]
    market = study.market.model_copy(update={"pricing": rule})
    limits = study.network.model_copy(update={"limit_factor": limit_factor})
    study = study.model_copy(update={"market": market, "network": limits})
    network, profiles = prepare(study)
    scenarios = draw_scenarios(study, network, profiles, 0.3, range(100))
    steps = range(profiles.n_steps)
    taken = {way: [] for way in WAYS}
    for _ in range(100):
        for way, settle in WAYS.items():
            with patch("fastp2p.batch.settle", settle):
                clock = time.perf_counter()
                batch.run_batch(study, network, profiles, scenarios, steps)
                taken[way].append(time.perf_counter() - clock)
    return {way: statistics.median(times[5:]) / (100 * len(steps)) * 1e6 for way, times in taken.items()}


def main():
    np.empty(KEPT_BYTES, np.uint8)  # as a part does
    for what, limit_factor in (("limits bind", 1.0), ("no limit binds", 100.0)):
        for rule in RULES:
            found = measure(rule, limit_factor)
            added = found["with"] / found["without"] - 1.0
            print(f"{what:<15} {rule:<16} without {found['without']:.2f} µs a book, with {found['with']:.2f}: {added:+.0%}")


if __name__ == "__main__":
    main()
