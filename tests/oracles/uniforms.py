"""Uniform numbers of whole scenarios, of all buses and streams, as NumPy's generator gives them in one go."""

import numpy as np


def uniforms_of(seed, numbers, streams, n_bus, region=0):
    """(n_scenarios, n_streams, n_bus) of the scenarios `numbers`, a range; region is where the counters begin."""
    generator = np.random.Philox(key=seed, counter=region)
    generator.advance(numbers.start * n_bus * (len(streams) // 4))
    return np.random.Generator(generator).random((len(numbers), len(streams), n_bus))
