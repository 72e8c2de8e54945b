"""The networks that everything is measured on, each as pandapower's object and as ours."""

import copy
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np

import fastp2p

SOURCES = {
    "44": ("CIGRE LV", "cigre_lv"),
    "80": ("village_1", "village_1"),
    "129": ("SimBench 1-LV-rural3", "simbench:1-LV-rural3--0-sw"),
    "907": ("European LV feeder", "ieee_european_lv_asymmetric"),
    "meshed": ("IEEE 118, meshed", "case118"),
}
"""Key: title, and what `fastp2p.Network.load` calls it."""


class Gap(Exception):
    """Why something is not in the table: a peer that is not installed, or cannot take a network."""


@dataclass(frozen=True, eq=False)
class Case:
    """A network that is measured on.

    Attributes
    ----------
    key, title : str
    net : pandapower network
        Not to be changed; copy it. Without iron losses, which DC power flows of other packages pass over.
    network : fastp2p.Network
    """

    key: str
    title: str
    net: Any
    network: fastp2p.Network


@cache
def load(key: str) -> Case:
    """A network by its key.

    Raises
    ------
    Gap
        If it comes with a package that is not installed.
    """
    from fastp2p.io.network_sources import load_network

    title, source = SOURCES[key]
    try:
        net = copy.deepcopy(load_network(source))
        net.trafo["pfe_kw"] = 0.0
        return Case(key, title, net, fastp2p.Network.from_pandapower(net))
    except fastp2p.InputError as error:
        raise Gap(str(error)) from error


def draw_injections(network: fastp2p.Network, n_books: int, seed: int = 0) -> np.ndarray:
    """(n_books, n_bus) kW: homes and PV at every bus but the external grids', -2 to 3 kW each."""
    injection = np.random.default_rng(seed).uniform(-2.0, 3.0, (n_books, network.n_bus))
    injection[:, network.reference_bus] = 0.0
    return injection
