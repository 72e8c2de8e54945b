"""A network contracted to the buses that matter for those who take part: a book's cost follows them, and not all buses.

A chain of branches without injections between them is one branch, and what leads to nobody leaves. Flows in a chain differ by
constants alone, so the limits that tell of all others stand for them; a bus stays where two limits of a chain do. Names, places
and limits are those of the whole network, which is the contraction onto all its buses.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from numpy.typing import NDArray

from fastp2p.grid.chains import Chains, find_chains, telling_members
from fastp2p.grid.network import Network
from fastp2p.grid.network_arrays import OF_LENGTH

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False, kw_only=True)
class Contraction(Network):
    """A network of chains: each is a branch with the name and limits of the member that `branch_of` says.

    Series impedances, shunts and ratios are those of that member; `fastp2p.grid.feeder.feeder_of` has the two-ports of chains.

    Attributes
    ----------
    of : Network
        That of all buses and branches.
    bus_of, branch_of : (n_bus,) and (n_branch,) int64
        Positions in it.
    chain : (n_branch of the whole,) int64
        The branch here that each branch there is part of; -1 in dead ends.
    along : (n_branch of the whole,) float64
        +1 where it is directed as that one, -1 against it, 0 in dead ends.
    """

    of: Network
    bus_of: Ints
    branch_of: Ints
    chain: Ints
    along: Floats

    @property
    def whole(self) -> Network:
        """That of all buses and branches."""
        return self.of

    @cached_property
    def node(self) -> Ints:
        """(n_bus of the whole,) position of each bus here; -1 where it is none."""
        node = np.full(self.whole.n_bus, -1)
        node[self.bus_of] = np.arange(self.n_bus)
        return node

    @cached_property
    def constant_kw(self) -> Floats:
        """(n_branch,) flows of the members that stand for chains when nobody injects anything."""
        return self.whole.constant_kw[self.branch_of]

    @cached_property
    def upward(self) -> Floats:
        """(n_branch,) as in the whole network."""
        return self.whole.upward[self.branch_of]


Keep = Callable[[Network, Chains], tuple[Bools, Ints]]
"""From a network and its chains: (n_bus,) which buses stay besides, and the branches whose limits tell of their chains."""


def keep_flow_limits(network: Network, chains: Chains) -> tuple[Bools, Ints]:
    """So that every limit of active power, and the largest loading, stay exact."""
    return stay_telling(network, chains, network.constant_kw[:, None])


def stay_telling(network: Network, chains: Chains, constant: Floats) -> tuple[Bools, Ints]:
    """The buses between members of a chain that tell of its limits, and both ends of the branches of dead ends loaded most.

    Parameters
    ----------
    network : Network
    chains : Chains
    constant : (n_branch, k) float64
        Flows without injections, of active power or with reactive power beside it; a branch's as it is directed.
    """
    stay, telling = np.zeros(network.n_bus, bool), [np.empty(0, np.int64)]
    for k in range(len(chains)):
        of = chains.of(k)
        member = chains.member[of]
        tells = np.zeros(1, np.int64)
        if len(member) > 1:
            tells = telling_members(constant[member] * chains.along[of, None], network.limit_kw[member])
        stay[chains.end[of][tells[:-1]]] = True
        telling.append(member[tells])
    dead = np.ones(network.n_branch, bool)
    dead[chains.member] = False
    flow = np.where(dead, np.sqrt((constant**2).sum(axis=1)), 0.0)
    for loading in (flow * network.percent_per_kw, np.where(network.limit_kw == 0.0, flow, 0.0)):  # no loading tells of zero
        if loading.any():
            most = int(np.argmax(loading))
            stay[[network.from_bus[most], network.to_bus[most]]] = True
    return stay, np.concatenate(telling)


def contracted(network: Network, bus: Ints, keep: Keep | None = keep_flow_limits) -> Network:
    """The network for injections at some buses, made once for each choice.

    Parameters
    ----------
    network : Network
    bus : (n_columns,) int64
    keep : callable, optional
        What else stays; None: nothing, for AC power flows, which look inside of chains.

    Returns
    -------
    Network
        This one, where every bus matters, or where it is meshed: flows of fewer nodes have other last bits there, which may
        choose another of two limits that are reached together.
    """
    return _contracted(network, np.sort(bus).tobytes(), keep)


@lru_cache(maxsize=32)
def _contracted(network: Network, bus: bytes, keep: Keep | None) -> Network:
    wanted = network.is_reference.copy()
    wanted[np.frombuffer(bus, np.int64)] = True
    if keep is not None:
        reverse = np.isfinite(network.reverse_kw)
        wanted[network.from_bus[reverse]] = wanted[network.to_bus[reverse]] = True
    if wanted.all() or not network.is_radial:
        return network
    chains, telling = _chains(network, wanted), np.empty(0, np.int64)
    if keep is not None:
        more, telling = keep(network, chains)
        if (more & ~chains.kept).any():
            chains = _chains(network, chains.kept | more)
    return network if chains.kept.all() else _contraction(network, chains, telling)


def _chains(network: Network, wanted: Bools) -> Chains:
    return find_chains(network.from_bus, network.to_bus, wanted, network.reference_bus)


def _contraction(network: Network, chains: Chains, telling: Ints) -> Contraction:
    """The arrays of the chains, each with a member that tells of its limits.

    Susceptances are those of the members, too: flows of a radial network need none, and those of a chain may cancel.
    """
    bus_of = np.flatnonzero(chains.kept)
    node = np.full(network.n_bus, -1)
    node[bus_of] = np.arange(len(bus_of))
    tells = np.zeros(network.n_branch, bool)
    tells[telling] = True
    chain, along = np.full(network.n_branch, -1), np.zeros(network.n_branch)
    branch_of, end = np.empty(len(chains), np.int64), np.empty((2, len(chains)), np.int64)
    for k in range(len(chains)):
        of = chains.of(k)
        member, way = chains.member[of], chains.along[of]
        best = np.lexsort((-np.arange(len(member)), network.limit_kw[member], ~tells[member]))[0]  # of alike ones the last
        branch_of[k] = member[best]
        chain[member], along[member] = k, way * way[best]
        ends = node[[chains.start[k], chains.end[of][-1]]]
        end[:, k] = ends if way[best] > 0.0 else ends[::-1]
    arrays = {field.name: getattr(network, field.name) for field in dataclasses.fields(Network)}
    arrays |= {name: arrays[name][bus_of] for name in OF_LENGTH["bus"]}
    arrays |= {name: arrays[name][branch_of] for name in (*OF_LENGTH["branch"], "reverse_kw")}
    loads = node[network.load_bus]
    arrays |= {
        "from_bus": end[0],
        "to_bus": end[1],
        "known_position": np.where(network.known_position >= 0, node[network.known_position], -1),
        "load_bus": loads[loads >= 0],
        "load_kind": network.load_kind[loads >= 0],
        "reference_bus": node[network.reference_bus],
        "zero": None,
    }
    return Contraction(**arrays, of=network, bus_of=bus_of, branch_of=branch_of, chain=chain, along=along)
