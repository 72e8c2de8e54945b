"""What networks by name hold, kept between runs: building all of pandapower's takes a minute."""

import inspect
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError
from fastp2p.io.cache import kept_arrays
from fastp2p.io.paths import some_home
from fastp2p.io.simbench import PREFIX

OWN, SIMBENCH = "short names", "simbench"
LOW_VOLTAGE = (OWN, "kerber", "lv")
"""Families of which one of these words is part of the name come first."""


class NetworkFacts(NamedTuple):
    """A network at a glance, counted as `fastp2p.Network` has it: what is energised, closed switches joined."""

    buses: int
    loads: int
    """In service: loads, asymmetric loads and motors."""
    lines: int
    transformers: int
    is_radial: bool
    is_three_phase: bool
    """Whether `network.phases = 3` runs without anything that a study must state."""
    lowest_kv: float


def families() -> dict[str, list[str]]:
    """Names that `load_network` knows and can build, by family: low voltage first; last SimBench's, if it is installed."""
    kept = kept_arrays("networks by name", {"name", "family"}, _names)
    found: dict[str, list[str]] = {}
    for name, family in zip(kept["name"].tolist(), kept["family"].tolist(), strict=True):
        found.setdefault(family, []).append(name)
    if find_spec("simbench") is not None:
        found[SIMBENCH] = kept_arrays(f"{PREFIX}codes", {"code"}, _codes)["code"].tolist()
    return found


def facts_of(name: str, *, kept_only: bool = False) -> NetworkFacts | None:
    """The facts of a network by name; None where it cannot be converted, or is not kept and nothing else is asked for."""

    def make() -> dict[str, NDArray[Any]]:
        if kept_only:
            raise LookupError(name)
        return {"facts": _facts(name)}

    try:
        values = kept_arrays(name, {"facts"}, make)["facts"].tolist()
    except LookupError:
        return None
    buses, loads, lines, trafos = map(int, values[:4])
    return NetworkFacts(buses, loads, lines, trafos, bool(values[4]), bool(values[5]), values[6]) if buses else None


def _names() -> dict[str, NDArray[Any]]:
    from fastp2p.io.network_sources import builders, network_names

    functions = builders()
    named = [(name, _family(functions[name]) if name in functions else OWN) for name in network_names()]
    named = [(name, family) for name, family in named if name not in functions or _builds(functions[name])]
    named.sort(key=lambda one: (not any(word in one[1] for word in LOW_VOLTAGE), one[1] != OWN, one[1]))
    return {"name": np.array([name for name, _ in named]), "family": np.array([family for _, family in named])}


def _family(function: Any) -> str:
    """The module of pandapower that a builder lies in."""
    return str(function.__module__).rpartition(".")[2].removesuffix("_networks").replace("_", " ")


def _builds(function: Any) -> bool:
    """Whether a builder needs no arguments."""
    parameters = inspect.signature(function).parameters.values()
    return all(one.default is not one.empty or one.kind in (one.VAR_POSITIONAL, one.VAR_KEYWORD) for one in parameters)


def _codes() -> dict[str, NDArray[Any]]:
    with some_home():  # for pandapower, which it imports
        import simbench

    codes = sorted(simbench.collect_all_simbench_codes(), key=lambda code: ("-LV-" not in code, code))
    return {"code": np.array([PREFIX + code for code in codes])}


def _facts(name: str) -> NDArray[np.float64]:
    """The facts as numbers; zeros where a network cannot be converted."""
    from fastp2p.io.elements import LOADS
    from fastp2p.io.network_sources import load_network
    from fastp2p.io.pandapower import network_arrays
    from fastp2p.io.phases import zero_arrays

    try:
        net = load_network(name)
        arrays = network_arrays(net)
    except InputError:
        return np.zeros(len(NetworkFacts._fields))
    is_three_phase = "r0_ohm_per_km" in net.line or net.line.empty
    try:
        if is_three_phase:
            zero_arrays(net, {})
    except InputError:
        is_three_phase = False
    n_bus, element = len(arrays["bus_id"]), arrays["element"]
    loads = sum(int(net[table].in_service.sum()) for table in LOADS)
    is_radial = len(element) == n_bus - len(arrays["reference_bus"])
    is_trafo = np.char.startswith(element, "trafo")
    counts = [n_bus, loads, int((element == "line").sum()), int(is_trafo.sum())]
    return np.array([*counts, is_radial, is_three_phase, arrays["base_kv"].min()])
