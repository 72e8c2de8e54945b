"""How homes and their PV are connected: to one of three phases, or a third to each."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import some
from fastp2p.grid.network import Network
from fastp2p.grid.zero_sequence import PHASES
from fastp2p.io.stated import BALANCED, DELTA, NO_LOAD, UNEQUAL
from fastp2p.pipeline.uniforms import Uniforms
from fastp2p.study.distributions import pick
from fastp2p.study.sections import ConnectionPart

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int8]
Bools = NDArray[np.bool_]

LIST_THEM = 'list the phase of every participant instead, as in connection.phases = ["a", "balanced"]'
UNKNOWN = {
    NO_LOAD: f'the network has no load at bus {{}}; choose participants.buses = "loads", or {LIST_THEM}',
    UNEQUAL: f"loads lie on two phases, or unequally on three, at bus {{}}; {LIST_THEM}",
    DELTA: f"loads are in delta at bus {{}}; connect them between phase and neutral (type wye), or {LIST_THEM}",
}
"""By what `ZeroSequence.load_phase` says of a bus: why its homes are connected to no phase as its loads are."""


def draw_load_phases(
    connection: ConnectionPart, network: Network, listed: Ints, u: Uniforms, faults: list[str], lengths: list[str]
) -> Codes:
    """(n_scenarios, n_participants) the phase of all homes of a bus, a place in `PHASES`; -1 where a fault says why.

    Parameters
    ----------
    connection : ConnectionPart
    network : Network
        Loaded with ``phases=3``.
    listed : (n_participants,) int64
        The columns, in the order of lists.
    u : Uniforms
        Of the participants.
    faults, lengths : list of str
        What is wrong is added to them, of a list's length to `lengths`.
    """
    phases, codes, buses = connection.phases, np.full(u.shape, -1, np.int8), u.bus[listed]
    if isinstance(phases, tuple):
        if len(phases) != len(listed):
            lengths.append(f"connection.phases lists {len(phases)} values for {len(listed)} buses")
        else:
            codes[:, listed] = [PHASES.index(phase) for phase in phases]
    elif phases == "random":
        codes[:, listed] = _random(u.of("phase")[:, listed], has_phase(network, buses))
    elif phases == "as_connected":
        codes[:, listed] = _as_connected(network, buses, faults)
    else:
        codes[:, listed] = PHASES.index(phases)
    if len(codes) and phases != "random":
        faults += _absent_faults(codes[0, listed], network, buses)
    return codes


def has_phase(network: Network, buses: Ints) -> Bools:
    """(n_buses, 3) whether buses have the phases a, b, c; of a balanced network all."""
    return np.ones((len(buses), 3), bool) if network.zero is None else network.zero.has_phase[buses]


def pv_phases(load_phase: Codes, kwp: Floats, three_phase_above_kw: float, has: Bools) -> Codes:
    """(n_scenarios, n) the phase of PV: that of the bus's homes, and all three for more kWp than `three_phase_above_kw`.

    At a bus that lacks phases, as `has` (n, 3) tells, PV of any size is on the phase of the homes.
    """
    on_all = (kwp > three_phase_above_kw) & (load_phase >= 0) & has.all(axis=1)
    return np.where(on_all, np.int8(BALANCED), load_phase)


def _random(u: Floats, has: Bools) -> Codes:
    """One of the phases that each bus has, in the order a, b, c: the first part of [0, 1) is the first of them, and so on."""
    codes = pick(u, 3, None).astype(np.int8)
    for n in (1, 2):
        of = has.sum(axis=1) == n
        there = np.argsort(~has[of], axis=1, kind="stable")  # those that it has come first
        place = pick(u[:, of], n, None)
        codes[:, of] = there[np.arange(len(there)), place]
    return codes


def _absent_faults(codes: Codes, network: Network, buses: Ints) -> list[str]:
    """Phases that are asked for where a bus lacks them."""
    of_bus, faults = has_phase(network, buses), list[str]()
    has = np.append(of_bus, np.all(of_bus, axis=1, keepdims=True), axis=1)
    for code, name in enumerate(PHASES):
        wrong = np.sort(network.bus_id[buses[(codes == code) & ~has[:, code]]]).tolist()
        what = "all three phases" if code == BALANCED else f"phase {name}"
        faults += [
            f'connection.phases asks for {what} at bus {some([str(bus) for bus in wrong])}, which lacks it; choose "random", '
            "one of the phases that the bus has, or list a phase that it has"
        ] * bool(wrong)
    return faults


def _as_connected(network: Network, buses: Ints, faults: list[str]) -> Codes:
    """The phase of the network's own loads at some buses."""
    if network.zero is None:
        faults.append("connection.phases = 'as_connected': the network has one phase; load it with phases=3")
        return np.full(len(buses), -1, np.int8)
    codes = network.zero.load_phase[buses]
    for code, why in UNKNOWN.items():
        ids = [str(bus) for bus in np.sort(network.bus_id[buses[codes == code]]).tolist()]
        faults += [f"connection.phases = 'as_connected': {why.format(some(ids))}"] * bool(ids)
    return codes
