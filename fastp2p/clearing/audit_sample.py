"""Which books a sampled audit looks at: about one in N, drawn at random, equally many in every hour of the day.

The books of an hour of the day are numbered scenario by scenario, and so many in a row as one is drawn from are a block. In
every block each hour draws one place at random. A book is audited where its place is drawn, so its probability is 1/N exactly,
in the last block too, which may lack the place that is drawn. The hours of a block draw places that are spread evenly over it
(a Latin hypercube). So a sample has as many books as it should, to within one or two, and scenarios have about equally many.

Numbers are counter-based, from the study's seed, the hour and the block alone: a sample is the same for any batches, workers
and parts, whether a run was resumed or not, and at every share of PV, so that shares are compared on the same books.
"""

from typing import NamedTuple

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
    if not len(scenarios) or not len(steps):
        return np.zeros((len(scenarios), len(steps)), bool)
    places = draw_places(seed, every, int(scenarios.min()), int(scenarios.max()) + 1, n_steps, step_hours)
    return is_audited(places, every, scenarios[:, None], np.arange(steps.start, steps.stop))


class Places(NamedTuple):
    """What a sample draws for some scenarios.

    Attributes
    ----------
    hour, earlier : (n_steps,) int64
        Hour of the day of each step, and how many steps before it have the same.
    of_hour : (HOURS,) int64
        Steps of a scenario in each hour.
    first_block : int
    place : (n_blocks, HOURS) int64
        What each hour draws in each block; -1 for hours that do not occur.
    """

    hour: Ints
    earlier: Ints
    of_hour: Ints
    first_block: int
    place: Ints


def draw_places(seed: int, every: int, start: int, stop: int, n_steps: int, step_hours: float) -> Places:
    """What a sample draws for the scenarios from `start` to below `stop`."""
    hour = np.floor(np.arange(n_steps) * step_hours).astype(np.int64) % HOURS
    of_hour = np.bincount(hour, minlength=HOURS)
    earlier = np.empty(n_steps, np.int64)  # steps of the same hour before each
    for one in np.flatnonzero(of_hour):
        earlier[hour == one] = np.arange(of_hour[one])
    first = start * int(of_hour[of_hour > 0].min()) // every
    blocks = range(first, (stop * int(of_hour.max()) - 1) // every + 1)
    return Places(hour, earlier, of_hour, first, _draw_places(seed, every, blocks, of_hour > 0))


def is_audited(places: Places, every: int, scenario: Ints, step: Ints) -> NDArray[np.bool_]:
    """Whether steps of scenarios are audited, arrays that are broadcast."""
    hour = places.hour[step]
    block, place = np.divmod(scenario * places.of_hour[hour] + places.earlier[step], every)
    chosen: NDArray[np.bool_] = place == places.place[block - places.first_block, hour]
    return chosen


def audited_by_hour(places: Places, every: int, start: int, stop: int) -> Ints:
    """(HOURS, n_scenarios) how many books of each hour are audited, of the scenarios from `start` to below `stop`."""
    counts, block = np.zeros((HOURS, stop - start), np.int64), places.first_block + np.arange(len(places.place))
    for hour in np.flatnonzero(places.of_hour).tolist():
        scenario = (block * every + places.place[:, hour]) // places.of_hour[hour] - start
        counts[hour] = np.bincount(scenario[(scenario >= 0) & (scenario < stop - start)], minlength=stop - start)
    return counts


def _draw_places(seed: int, every: int, blocks: range, occurs: NDArray[np.bool_]) -> Ints:
    """(n_blocks, HOURS) the place within each block that every hour of the day draws; -1 for hours that do not occur."""
    generator = np.random.Philox(key=seed, counter=REGION)
    generator.advance(blocks.start * (2 * HOURS // 4))  # a step of the counter gives four numbers
    drawn = np.random.Generator(generator).random((len(blocks), 2, HOURS))[:, :, occurs]
    order = np.argsort(np.argsort(drawn[:, 0], axis=1, kind="stable"), axis=1, kind="stable")
    places = np.full((len(blocks), HOURS), -1)
    places[:, occurs] = np.minimum((order + drawn[:, 1]) / occurs.sum() * every, every - 1)
    return places
