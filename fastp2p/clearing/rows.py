"""The limits of a network as rows of linear programmes, lower ≤ value ≤ upper."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROW_TOLERANCE = 1e-9
"""How far a row may pass its limit, relative to the limit (absolute below 1 kW)."""
FACE_KW: Floats = np.array([[1.0, 0.0]])
"""Weights of kW and kvar in a row of active power."""


@dataclass(frozen=True, eq=False)
class LimitRows:
    """Limit rows lower ≤ value ≤ upper, and where their entries come from (`assemble_books`)."""

    lower: Floats
    upper: Floats
    parent: Ints
    parent_row: Ints
    parent_sign: Floats
    depth: Ints
    face: Floats
    plus_kvar: Floats
    minus_kvar: Floats
    dense_plus: Floats
    dense_minus: Floats

    @classmethod
    def of_kw(
        cls, lower: Floats, upper: Floats, parent: Ints, parent_row: Ints, parent_sign: Floats, depth: Ints, dense: Floats
    ) -> LimitRows:
        """Rows of active power alone: one per branch of the tree, then the dense ones."""
        none = np.zeros(len(parent))
        return cls(lower, upper, parent, parent_row, parent_sign, depth, FACE_KW, none, none, dense, dense)

    @classmethod
    def of(cls, network: Network) -> LimitRows:
        """A row per branch: tree rows on radial networks, PTDF rows on meshed ones (made on first use)."""
        upper = network.limit_kw
        if network.is_radial:
            tree = network.tree
            none = np.empty((0, network.n_bus))
            return cls.of_kw(-upper, upper, tree.parent, tree.parent_branch, tree.parent_sign, tree.depth, none)
        root = np.full(network.n_bus, -1, np.int64)
        flat = np.zeros(network.n_bus, np.int64)
        return cls.of_kw(-upper, upper, root, root, np.zeros(network.n_bus), flat, network.ptdf)

    @property
    def entries_per_column(self) -> int:
        """The most entries that a column can have."""
        return 2 * len(self.face) * int(self.depth.max(initial=0)) + len(self.dense_plus)
