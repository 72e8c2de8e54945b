"""pandapower's AC power flow of many states of one network."""

import hashlib
import threading
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import InputError
from fastp2p.io.branches import KW_PER_MW
from fastp2p.io.network_sources import load_network, quiet
from fastp2p.io.pandapower import network_alone, network_arrays
from fastp2p.io.paths import network_content, some_home

with some_home():  # as in io.network_sources
    import pandapower as pp

_one_at_a_time = threading.Lock()


@lru_cache(maxsize=2)
def _loaded_once(source: str, content: str) -> tuple[Any, dict[str, NDArray[Any]]]:
    """The network of a source and its arrays; `content` distinguishes the states of a file."""
    net = load_network(source)
    return net, network_arrays(net)


def load_same(source: str, arrays: dict[str, NDArray[Any]]) -> Any:
    """A copy of the network that `source` names, without its own injections.

    Raises
    ------
    InputError
        If it is not the one that these arrays of a `Network` are of.
    """
    net, found = _loaded_once(source, hashlib.sha256(network_content(source) or b"").hexdigest())
    same = ("known_id", "known_position", "from_bus", "to_bus", "resistance_pu", "reactance_pu", "tap_ratio", "slack_vm_pu")
    if not all(np.array_equal(found[name], arrays[name], equal_nan=True) for name in (*same, "from_shunt_pu", "bus_shunt_pu")):
        raise InputError(f"a sample is audited on network.source, and {source!r} is not the network of this run")
    return network_alone(net)


def runpp_voltages(
    source: str, arrays: dict[str, NDArray[Any]], injection_kva: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    """Voltages of every state by ``pandapower.runpp``, p.u.; NaN where it does not converge.

    Parameters
    ----------
    source : str
        As for `load_network`; whatever it injects itself is left out, as it is when books are cleared.
    arrays : dict
        The `Network` that the states are of, by field name.
    injection_kva : (n_states, n_bus) complex128, kW + j kvar

    Raises
    ------
    InputError
        If the network that `source` names is another one.
    """
    with _one_at_a_time:  # what keeps pandapower quiet is of the whole process
        return _run_states(load_same(source, arrays), arrays["known_id"], arrays["known_position"], injection_kva)


def _run_states(
    net: Any, known_id: NDArray[np.int64], known_position: NDArray[np.int64], injection_kva: NDArray[np.complex128]
) -> NDArray[np.complex128]:
    supplied = known_position >= 0
    there, first = np.unique(known_position[supplied], return_index=True)
    rows = pp.create_loads(net, known_id[supplied][first].tolist(), p_mw=0.0, q_mvar=0.0)
    voltage = np.full(injection_kva.shape, np.nan, np.complex128)
    for state, injection in enumerate(injection_kva):
        net.load.loc[rows, "p_mw"] = -injection.real[there] / KW_PER_MW
        net.load.loc[rows, "q_mvar"] = -injection.imag[there] / KW_PER_MW
        try:
            with quiet():
                pp.runpp(net, calculate_voltage_angles=True, tolerance_mva=1e-9, max_iteration=30)
        except pp.LoadflowNotConverged:
            continue
        # which of several joined buses pandapower counts as all of them, and so their order, depends on where loads are;
        # buses without an index of their own come after all others, in the same order
        solved = net._ppc["internal"]["V"]
        voltage[state] = solved
        voltage[state, known_position[supplied]] = solved[net._pd2ppc_lookups["bus"][known_id[supplied]]]
    return voltage
