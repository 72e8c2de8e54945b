"""What a first study takes over from OpenDSS files: how homes are connected, and the sizes of PV."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastp2p.grid.network import Network
from fastp2p.io.opendss.source import circuit_read
from fastp2p.io.stated import BALANCED, PHASES, UNEQUAL


def opendss_sections(source: str, network: Network, buses: Sequence[int]) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Keys of a first study that follow from the files, by section, and what to say of them.

    Parameters
    ----------
    source : str
    network : Network
        Of three phases.
    buses : sequence of int
        The participants.
    """
    assert network.zero is not None
    circuit = circuit_read(source)[1].circuit
    code = network.zero.load_phase[network.positions(buses)]
    phases: Any = "as_connected"
    if (code <= UNEQUAL).any():
        has = network.zero.has_phase[network.positions(buses)]
        first = np.where(has.all(axis=1), BALANCED, has.argmax(axis=1))
        phases = [PHASES[one] for one in np.where(code >= 0, code, first).tolist()]
    tables: dict[str, dict[str, Any]] = {"network": {"phases": 3}, "connection": {"phases": phases}}
    text = {
        "network.phases": "An OpenDSS file has three phases; 1 runs where all lines have three, on the positive sequence.",
        "connection.phases": 'How homes are connected: "as_connected" is as the loads of the file; also "balanced", "random", '
        "or a list.",
    }
    kwp = np.zeros(len(circuit.bus))
    for one in circuit.elements["PVSystem"]:
        kwp[circuit.bus.index(one.ends[0].bus)] += one.about["kw"]
    at = [bus for bus in buses if kwp[bus] > 0.0]
    if at:
        tables["pv"] = {"buses": at, "kwp": [float(kwp[bus]) for bus in buses]}
        text["pv.kwp"] = f"kWp of each participant, here of the file: {kwp[at].sum():.4g} in all."
        text["pv.buses"] = 'Who has PV, here as in the file: "all", "odd" (every second participant), "even", or a list.'
    return tables, text
