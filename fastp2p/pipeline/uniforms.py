"""Uniform numbers of scenarios: each scenario has a stretch of its own of counter-based random numbers (Philox)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.kernels.pipeline.uniforms import draw_scenario_uniforms

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Drawn = TypeVar("Drawn")

WORD = 2**64
FIRST_BUS = np.zeros(1, np.int64)


@dataclass(frozen=True, eq=False)
class Uniforms:
    """Uniform numbers in [0, 1) of some scenarios at some buses, the same whatever else is drawn; made when asked for.

    Attributes
    ----------
    seed : int
        Of the study: the key of the generator.
    numbers : range
        Of the scenarios.
    streams : tuple of str
        The use of each number of a bus; as many as a multiple of 4, since a step of the counter gives four numbers.
    n_bus : int
        Of the network: every bus has its numbers, whoever takes part.
    bus : (n_columns,) int64
        Positions of the buses that numbers are asked of.
    region : int
        Where the counters begin; regions are multiples of 2**128, so that no draw meets another.
    """

    __repr__ = short_repr
    seed: int
    numbers: range
    streams: tuple[str, ...]
    n_bus: int
    bus: Ints
    region: int = 0

    @property
    def shape(self) -> tuple[int, int]:
        """Of the numbers of a stream: (n_scenarios, n_columns)."""
        return len(self.numbers), len(self.bus)

    def of(self, stream: str) -> Floats:
        """(n_scenarios, n_columns) numbers of a stream."""
        return self._at(stream, self.bus)

    def of_scenario(self, stream: str) -> Floats:
        """(n_scenarios, 1) one number of a stream for all buses: that of the network's first bus."""
        return self._at(stream, FIRST_BUS)

    def _at(self, stream: str, bus: Ints) -> Floats:
        u, region = np.empty((len(self.numbers), len(bus))), self.region // WORD**2
        with np.errstate(over="ignore"):  # words wrap around, of which NumPy warns where kernels are not compiled
            draw_scenario_uniforms(
                np.uint64(self.seed % WORD), np.uint64(self.seed // WORD), np.uint64(region % WORD), np.uint64(region // WORD),
                self.numbers.start, self.streams.index(stream), len(self.streams), self.n_bus, bus, u,
            )  # fmt: skip
        return u


def rows_of(drawn: Drawn, part: slice | Ints, names: Iterable[str] = ()) -> Drawn:
    """What is drawn for some of the scenarios of a block: `names`, or else its `BY_SCENARIO`, have a row for each."""
    if drawn is None:
        return drawn
    of: Any = drawn
    return cast(Drawn, replace(of, **{name: getattr(of, name)[part] for name in names or of.BY_SCENARIO}))
