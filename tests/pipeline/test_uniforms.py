"""Uniform numbers at some buses, against NumPy's generator of whole scenarios."""

import numpy as np
import pytest

from fastp2p.pipeline.background_draws import OF_ENTRY
from fastp2p.pipeline.background_draws import REGION as BACKGROUND_REGION
from fastp2p.pipeline.battery_draws import STATES_REGION
from fastp2p.pipeline.uniforms import Uniforms
from tests.oracles.uniforms import uniforms_of

EIGHT, FOUR = tuple("abcdefgh"), tuple("abcd")


@pytest.mark.small
@pytest.mark.parametrize(
    ("seed", "streams", "region"),
    [
        (0, EIGHT, 0),
        (2**64 - 1, EIGHT, 4 << 192),
        (5, FOUR, STATES_REGION),
        (2**127 + 2**63 + 1, FOUR, BACKGROUND_REGION + 7 * OF_ENTRY),
    ],
)
@np.errstate(over="ignore")  # without compilation NumPy warns of products that wrap around
def test_numbers_are_those_of_numpy(seed, streams, region):
    """At any buses in any order, in any block of scenarios, however far on."""
    n_bus, bus = 11, np.array([4, 0, 3, 5, 10, 5])
    for numbers in (range(3), range(17, 19), range(2**40 + 3, 2**40 + 5)):
        u = Uniforms(seed, numbers, streams, n_bus, bus, region)
        wanted = uniforms_of(seed, numbers, streams, n_bus, region)
        for place, stream in enumerate(streams):
            assert u.of(stream).tobytes() == np.ascontiguousarray(wanted[:, place][:, bus]).tobytes()
            assert u.of_scenario(stream).tolist() == wanted[:, place, :1].tolist()
    assert u.shape == (2, 6)
    assert Uniforms(seed, range(0), streams, n_bus, bus, region).of("a").shape == (0, 6)
    assert Uniforms(seed, range(2), streams, n_bus, bus[:0], region).of("a").shape == (2, 0)
