"""Which books a sampled audit looks at: about one in N, drawn at random, equally many in every hour of the day.

The books of an hour of the day are numbered scenario by scenario, and so many in a row as one is drawn from are a block. In
every block each hour draws one place at random. A book is audited where its place is drawn, so its probability is 1/N exactly,
in the last block too, which may lack the place that is drawn. The hours of a block draw places that are spread evenly over it
(a Latin hypercube). So a sample has as many books as it should, to within one or two, and scenarios have about equally many.

Numbers are counter-based, from the study's seed, the hour and the block alone: a sample is the same for any batches, workers
and parts, whether a run was resumed or not, and at every share of PV, so that shares are compared on the same books.
"""

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

REGION = 1 << 192
"""Where the counters of a sample begin; those of the scenarios (`sampling.uniforms`) begin at 0 and stay far below."""
HOURS = 24


def draw_sample(seed: int, every: int, scenarios: Ints, steps: range, n_steps: int, step_hours: float) -> NDArray[np.bool_]:
    """Which books are audited.

    Parameters
    ----------
    seed : int
        Of the study.
    every : int
        One book in so many is.
    scenarios : (n_scenarios,) int64
        Their numbers.
    steps : range
        Those that are asked for.
    n_steps : int
        Of a whole scenario.
    step_hours : float

    Returns
    -------
    (n_scenarios, len(steps)) bool
    """
    hour = np.floor(np.arange(n_steps) * step_hours).astype(np.int64) % HOURS
    of_hour = np.bincount(hour, minlength=HOURS)
    earlier = np.empty(n_steps, np.int64)  # steps of the same hour before each
    for one in np.flatnonzero(of_hour):
        earlier[hour == one] = np.arange(of_hour[one])
    hour, earlier = hour[steps.start : steps.stop], earlier[steps.start : steps.stop]
    block, place = np.divmod(scenarios[:, None] * of_hour[hour] + earlier, every)
    if not block.size:
        return np.zeros(block.shape, bool)
    first = int(block.min())
    drawn = _draw_places(seed, every, range(first, int(block.max()) + 1), of_hour > 0)
    chosen: NDArray[np.bool_] = place == drawn[block - first, hour]
    return chosen


def _draw_places(seed: int, every: int, blocks: range, occurs: NDArray[np.bool_]) -> Ints:
    """(n_blocks, HOURS) the place within each block that every hour of the day draws; -1 for hours that do not occur."""
    generator = np.random.Philox(key=seed, counter=REGION)
    generator.advance(blocks.start * (2 * HOURS // 4))  # a step of the counter gives four numbers
    drawn = np.random.Generator(generator).random((len(blocks), 2, HOURS))[:, :, occurs]
    order = np.argsort(np.argsort(drawn[:, 0], axis=1, kind="stable"), axis=1, kind="stable")
    places = np.full((len(blocks), HOURS), -1)
    places[:, occurs] = np.minimum((order + drawn[:, 1]) / occurs.sum() * every, every - 1)
    return places
