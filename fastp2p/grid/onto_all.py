"""A network as the contraction onto all its buses: what `fastp2p.grid.contraction` says of fewer."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, cast

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from fastp2p.grid.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class OntoAll:
    """Every bus and every branch stands for itself."""

    @property
    def n_bus(self) -> int:
        """Number of buses."""
        raise NotImplementedError

    @property
    def n_branch(self) -> int:
        """Number of branches."""
        raise NotImplementedError

    @property
    def whole(self) -> Network:
        """The network of which this is a contraction (`fastp2p.grid.contraction`): itself."""
        return cast("Network", self)

    @cached_property
    def bus_of(self) -> Ints:
        """(n_bus,) positions in the whole network."""
        return np.arange(self.n_bus)

    @cached_property
    def branch_of(self) -> Ints:
        """(n_branch,) positions in the whole network."""
        return np.arange(self.n_branch)

    @cached_property
    def node(self) -> Ints:
        """(n_bus of the whole,) position of each bus here; -1 where it is none."""
        return np.arange(self.n_bus)

    @cached_property
    def chain(self) -> Ints:
        """(n_branch of the whole,) the branch here that each one there is part of; -1 in dead ends."""
        return np.arange(self.n_branch)

    @cached_property
    def along(self) -> Floats:
        """(n_branch of the whole,) +1 where a branch there is directed as that one, -1 against it, 0 in dead ends."""
        return np.ones(self.n_branch)
