"""Networks that pandapower ships, built once: a copy takes a hundredth of the time."""

import copy
import functools

from fastp2p.io.network_sources import load_network

_built = functools.cache(load_network)


def shipped(name):
    """The network of this name as pandapower has it, to alter."""
    return copy.deepcopy(_built(name))
