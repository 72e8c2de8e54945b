"""Uniform numbers of scenarios: each scenario has a stretch of its own of counter-based random numbers (Philox)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Drawn = TypeVar("Drawn")


def uniforms_of(seed: int, numbers: range, n_streams: int, n_bus: int, region: int = 0) -> Floats:
    """Uniform numbers in [0, 1) of the scenarios `numbers`, the same whatever range they are drawn in.

    Parameters
    ----------
    seed : int
        Of the study: the key of the generator.
    numbers : range
        Of the scenarios.
    n_streams : int
        Numbers of a bus; a multiple of 4, as a step of the counter gives four numbers.
    n_bus : int
    region : int
        Where the counters begin; regions lie 2**128 or more apart, so that no draw meets another.

    Returns
    -------
    (n_scenarios, n_streams, n_bus) float64
    """
    generator = np.random.Philox(key=seed, counter=region)
    generator.advance(numbers.start * n_bus * (n_streams // 4))
    return np.random.Generator(generator).random((len(numbers), n_streams, n_bus))


def rows_of(drawn: Drawn, part: slice, names: Iterable[str] = ()) -> Drawn:
    """What is drawn for some of the scenarios of a block: `names`, or else its `BY_SCENARIO`, have a row for each."""
    if drawn is None:
        return drawn
    of: Any = drawn
    return cast(Drawn, replace(of, **{name: getattr(of, name)[part] for name in names or of.BY_SCENARIO}))
