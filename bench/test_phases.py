"""The registry under pytest-benchmark: `pytest bench/test_phases.py` times, `--benchmark-disable` only runs.

Absolute times of one machine on one day; what is compared is compared in turns (`python -m bench`, `python -m bench.guard`).
"""

import pytest

from bench import networks, phases


@pytest.mark.slow
@pytest.mark.parametrize("key", networks.SOURCES)
@pytest.mark.parametrize("phase", phases.PHASES)
def test_phase(benchmark, phase, key):
    """Each phase on each network, a day of books."""
    try:
        job = phases.prepare_phase(phase, key, phases.SIZES[0])
    except networks.Gap as gap:
        pytest.skip(str(gap))
    benchmark.group = f"{phase}, {job.n_books} books"
    benchmark(job.run)
