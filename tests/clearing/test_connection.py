"""How participants are connected to three phases."""

import numpy as np
import pytest

import fastp2p

PARTS = np.append(np.eye(3), np.full((1, 3), 1.0 / 3.0), axis=0)
"""Of what each way to connect injects, the part on each phase."""


@pytest.mark.small
def test_what_is_fed_in_and_drawn_on_each_phase():
    random = np.random.default_rng(0)
    load, pv = random.integers(0, 4, (2, 20, 7)).astype(np.int8)
    fed, drawn = random.uniform(0.0, 5.0, (2, 20, 7))
    expected = fed[..., None] * PARTS[pv] - drawn[..., None] * PARTS[load]
    assert (fastp2p.Connection(load, pv).on_phases(fed, drawn) == expected).all()
    expected = fed[..., None] * PARTS[2] - drawn[..., None] * PARTS[load[0]]
    assert (fastp2p.Connection(load[0], 2).on_phases(fed, drawn) == expected).all()


def test_no_books():
    assert fastp2p.Connection().on_phases(np.empty((0, 3)), np.empty((0, 3))).shape == (0, 3, 3)
