"""Uniform numbers of scenarios at some buses, on processors and on GPUs: only those that are asked for are made."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.philox import NONE, as_uniform, four_words

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def draw_uniforms(
    key0: np.uint64,
    key1: np.uint64,
    c2: np.uint64,
    c3: np.uint64,
    scenario: int,
    stream: int,
    n_streams: int,
    n_bus: int,
    bus: Ints,
    u: Floats,
) -> None:
    """The uniform numbers of one scenario and stream at some buses.

    Parameters
    ----------
    key0, key1 : uint64
        Low and high word of the seed.
    c2, c3 : uint64
        The upper words of the counter: what the numbers are for.
    scenario, stream, n_streams, n_bus : int
        A scenario has n_streams times n_bus numbers, those of a stream one after the other; n_streams is a multiple of 4.
    bus : (n,) int64
    u : (n,) float64
        Output: what `numpy.random.Philox` gives at these places, to the bit.
    """
    before, w0, w1, w2, w3 = -1, NONE, NONE, NONE, NONE
    for c in range(len(bus)):
        place = stream * n_bus + bus[c]
        step = scenario * n_bus * (n_streams // 4) + place // 4
        if step != before:  # a step of the counter gives four numbers; the generator counts before it draws
            w0, w1, w2, w3 = four_words(key0, key1, np.uint64(step + 1), c2, c3)
            before = step
        word = place % 4
        u[c] = as_uniform(w0 if word == 0 else w1 if word == 1 else w2 if word == 2 else w3)


@kernel
def draw_scenario_uniforms(
    key0: np.uint64,
    key1: np.uint64,
    c2: np.uint64,
    c3: np.uint64,
    first: int,
    stream: int,
    n_streams: int,
    n_bus: int,
    bus: Ints,
    u: Floats,
) -> None:
    """The same of consecutive scenarios from `first` on, (n_scenarios, n) each."""
    for s in range(len(u)):
        draw_uniforms(key0, key1, c2, c3, first + s, stream, n_streams, n_bus, bus, u[s])
