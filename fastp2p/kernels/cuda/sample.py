"""Whether the audit of a sample looks at a book; see `fastp2p.clearing.audit_sample`."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Ints = NDArray[np.int64]


class Sample(NamedTuple):
    """Which books of some scenarios an audit looks at.

    Attributes
    ----------
    every : int
        One book in so many.
    hour, earlier : (n_steps,) int64
        Hour of the day of each step, and how many steps before it have the same.
    of_hour : (24,) int64
        Steps of a scenario in each hour.
    place : (n_blocks, 24) int64
        The place in each block that an hour draws; -1 for hours that do not occur.
    first_block, first : int
        The first block, and the number of the first scenario.
    """

    every: int
    hour: Ints
    earlier: Ints
    of_hour: Ints
    place: Ints
    first_block: int
    first: int


@kernel
def is_drawn(sample: Sample, t: int, s: int) -> bool:
    """Whether step t of scenario s, counted from the first, is audited."""
    hour = sample.hour[t]
    number = (sample.first + s) * sample.of_hour[hour] + sample.earlier[t]
    block = number // sample.every
    drawn: bool = sample.place[block - sample.first_block, hour] == number - block * sample.every
    return drawn
