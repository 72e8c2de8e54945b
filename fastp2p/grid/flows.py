"""DC flows of many books at once, on a tree or with factors of the susceptance matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.grid.flows import meshed_flows, tree_flows
from fastp2p.kernels.grid.structs import Spread

if TYPE_CHECKING:
    from fastp2p.grid.network import Network

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

BOOKS_PER_BLOCK = 32
"""Books that a flow kernel does at a time; measured best of 16 to 128 on 44 to 907 buses."""


def own_flows(network: Network, constant_kw: Floats | float = 0.0) -> Spread:
    """Flows of the branches of a network itself, with constant ones."""
    return Spread(np.arange(network.n_branch), np.ones(network.n_branch), np.full(network.n_branch, constant_kw))


def linear_flows(network: Network, injection_kw: Floats, bus: Ints, spread: Spread) -> Floats:
    """(n_books, n) flows of branches that are spread from those of a network, of injections (n_books, n_columns) at `bus`."""
    scratch, block = work_space(network), np.zeros((network.n_branch + 1, BOOKS_PER_BLOCK))
    flow_kw, nothing_kw = np.empty((len(injection_kw), len(spread.chain))), np.zeros(network.n_branch)
    if network.is_radial:
        tree_flows(injection_kw, bus, network.tree, spread, nothing_kw, scratch, block, flow_kw)
    else:
        factors = network.factors
        meshed_flows(injection_kw, factors.position[bus], factors, spread, nothing_kw, scratch, block, flow_kw)
    return flow_kw


def work_space(network: Network) -> Floats:
    """What the kernels work on: a row per bus (radial) or per row of the factors and one more (meshed)."""
    n_rows = network.n_bus if network.is_radial else network.n_bus - len(network.reference_bus) + 1
    return np.empty((n_rows, BOOKS_PER_BLOCK))
