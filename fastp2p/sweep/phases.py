"""Studies of three phases: their keys, and networks that have what these studies need."""

from __future__ import annotations

from fastp2p.errors import InputError
from fastp2p.grid.feeder import ac_faults
from fastp2p.grid.network import Network
from fastp2p.grid.phase_feeder import phase_faults
from fastp2p.study.faults import shown
from fastp2p.study.model import Study

CHOICES = (
    '"balanced" (a third on each phase), "random" (one phase, drawn for each home), "as_connected" (as the network\'s own '
    'loads are), "a", "b", "c", or a list with one of "a", "b", "c", "balanced" per participant'
)


def key_faults(study: Study) -> list[str]:
    """Keys of three phases in a study of one, and the one that three phases need."""
    part = study.network
    if part.phases == 3:
        missing = study.connection is None
        return [
            f"connection.phases is missing: with network.phases = 3 it must say how homes are connected: {CHOICES}"
        ] * missing
    given = {
        "network.zero_sequence": part.stated or None,
        "pv.three_phase_above_kw": study.pv.three_phase_above_kw,
        "connection.phases": study.connection and study.connection.phases,
    }
    return [
        f"{key} = {shown(value)}: has no effect on a balanced network; set network.phases = 3, or leave it out"
        for key, value in given.items()
        if value is not None
    ]


def load_network(study: Study, faults: list[str]) -> Network:
    """The network that a study names; without what three phases need, where that is at fault.

    Raises
    ------
    InputError
        If there is not even a balanced network.
    """
    part, found = study.network, list[str]()
    if part.phases == 3:
        try:
            return Network.load(part.source, phases=3, zero_sequence=part.stated)
        except InputError as error:
            found = [_in_keys(fault) for fault in error.faults]
    try:
        network = Network.load(part.source)
    except InputError as error:  # also of a network that has no balanced model: why it has none of three phases
        raise InputError(found or error.faults) from error
    faults += found
    return network


def network_faults(study: Study, network: Network, is_given: bool) -> list[str]:
    """Why a study of three phases cannot run on a network, if it is one and cannot.

    Of a network that `load_network` gave, its zero sequence has been judged.
    """
    if study.network.phases == 1:
        faults = [] if network.zero is None else network.zero.absent_faults(network.bus_id)
        return [f"network.phases = 1: {fault}" for fault in faults]
    found = phase_faults(network) if is_given or network.zero is not None else ac_faults(network)
    return [f"network.phases = 3: {fault}, or set network.phases = 1" for fault in found]


def can_draw(study: Study, network: Network) -> bool:
    """Whether scenarios can be drawn: the phases of a network's own loads, which a study may ask for, are known."""
    asks = study.network.phases == 3 and study.connection is not None and study.connection.phases == "as_connected"
    return network.zero is not None or not asks


def _in_keys(fault: str) -> str:
    """A fault of `Network.load` in terms of the keys of a study."""
    for argument, key in (
        ("state zero_sequence.", "set network.zero_sequence."),
        ("use phases = 1", "set network.phases = 1"),
        ("for phases = 3", "for network.phases = 3"),
    ):
        fault = fault.replace(argument, key)
    return fault
