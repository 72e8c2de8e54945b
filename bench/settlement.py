"""What settlement adds to a book: the stages with it and without it, in turns, one thread.

python -m bench.settlement
"""

import statistics
import time
from unittest.mock import patch

import fastp2p
from fastp2p import batch
from fastp2p.preparation import prepare
from fastp2p.sampling import draw_scenarios


def main():
    for name, rule in (("pv-sweep", "ask"), ("pv-sweep", "uniform"), ("pv-sweep", "mcafee"), ("pv-sweep", "mid_market_rate")):
        study = fastp2p.studies()[name]
        study = study.model_copy(update={"market": study.market.model_copy(update={"pricing": rule})})
        network, profiles = prepare(study)
        scenarios = draw_scenarios(study, network, profiles, 0.3, range(100))
        n_books = 100 * profiles.n_steps
        taken = {"with": [], "without": []}
        with patch("fastp2p.batch.settle", wraps=batch.settle) as settle:
            for _ in range(60):
                for way in taken:
                    settle.side_effect = None if way == "with" else lambda *_, **__: None
                    clock = time.perf_counter()
                    batch.run_batch(study, network, profiles, scenarios, range(profiles.n_steps))
                    taken[way].append(time.perf_counter() - clock)
        micro = {way: statistics.median(times[5:]) / n_books * 1e6 for way, times in taken.items()}
        added = micro["with"] / micro["without"] - 1.0
        print(f"{name}, {rule:<16} {micro['without']:.2f} µs a book without settlement, {micro['with']:.2f} with: {added:+.0%}")


if __name__ == "__main__":
    main()
