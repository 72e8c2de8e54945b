"""The AC model of a radial network, in breadth-first order, from which sweeps and linear voltages are computed."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import refuse
from fastp2p.grid.joining import Joined, join_ports
from fastp2p.grid.network import Network
from fastp2p.grid.topology import find_loops
from fastp2p.grid.two_ports import two_ports
from fastp2p.kernels.grid.ac import (
    A_RE,
    BEHIND_RE,
    C_RE,
    DRAW_RE,
    N_COEFFICIENTS,
    PORT_A_RE,
    PORT_C_RE,
    PORT_Y_RE,
    PORT_Z_RE,
    WEIGHT,
    Z_RE,
)
from fastp2p.kernels.grid.structs import Feeder

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]

LOOPS_SHOWN, BRANCHES_SHOWN = 3, 20
"""How much of a meshed network's loops is spelt out where a radial one is needed."""


def ac_faults(network: Network) -> list[str]:
    """Why there is no AC power flow of a network by sweeps, if there is none."""
    return list(_ac_faults(network))


@lru_cache(maxsize=32)
def _ac_faults(network: Network) -> list[str]:
    if not network.is_radial:
        wanted = "an AC power flow by sweeps needs a radial one; open switches or lines until it is"
        return [f"the network is meshed: {_loops(network)}; {wanted}"]
    names, element = network.branch_name, network.element
    negative = (network.resistance_pu < 0.0) & (element != "trafo3w")  # a winding of a star may have one
    faults = [f"{name} has a negative resistance" for name in names[negative].tolist()]
    faults += model_faults(network)
    return faults + [f"{name} holds a voltage, which sweeps do not model" for name in names[element == "xward"].tolist()]


def _loops(network: Network) -> str:
    """How many loops there are, and the branches of the shortest ones."""
    loops = find_loops(network.n_bus, network.from_bus, network.to_bus, network.reference_bus)
    names = network.branch_name
    spelt = []
    for loop in loops[:LOOPS_SHOWN]:
        more = f" and {len(loop) - BRANCHES_SHOWN} more" if len(loop) > BRANCHES_SHOWN else ""
        spelt.append(", ".join(names[loop[:BRANCHES_SHOWN]].tolist()) + more)
    one = f"a loop of {spelt[0]}"
    return one if len(loops) == 1 else f"{len(loops)} loops, the shortest of {'; of '.join(spelt)}"


def model_faults(network: Network) -> list[str]:
    """What has no place in the AC model of branches and external grids."""
    if len(network.ac_faults):
        return [str(fault) for fault in network.ac_faults]
    one_way = network.branch_name[np.isnan(network.resistance_pu)].tolist()
    faults = [f"{name} has an impedance that differs by direction, or none" for name in one_way]
    if np.isnan(network.slack_vm_pu).any():
        faults.append("an external grid has no voltage set point (vm_pu)")
    return faults


@lru_cache(maxsize=32)
def feeder_of(network: Network) -> Feeder:
    """The feeder of a radial network, or of its contraction, made once.

    Raises
    ------
    InputError
        A meshed network, negative resistances, or no AC model; all faults in one message.
    """
    return joined(network)[0]


@lru_cache(maxsize=32)
def joined(network: Network) -> tuple[Feeder, Joined]:
    """The feeder, and what its chains and dead ends are made of."""
    refuse(ac_faults(network.whole))
    ports, joins = two_ports(network.whole), join_ports(network)
    kept, above, a, z, y, c = joins.kept, joins.above, *joins.ports
    n, own = len(kept), joins.shunt[kept]
    number = np.full(len(joins.shunt), -1)
    number[kept] = np.arange(n)
    parent = np.where(above[kept] == -1, -1, number[above[kept]])
    behind = _behind(parent, own, a, z, y, c)
    divided = 1.0 + z * behind
    voltage = np.empty(n, np.complex128)
    roots = network.whole.slack_vm_pu * np.exp(1j * network.whole.reference_angle_rad)
    place = np.empty(network.whole.n_bus, np.int64)
    place[ports.order] = np.arange(len(place))
    voltage[number[place[network.whole.reference_bus]]] = roots
    for i in np.flatnonzero(parent != -1).tolist():
        voltage[i] = a[i] / divided[i] * voltage[parent[i]]
    columns = {A_RE: a / divided, Z_RE: z / divided, C_RE: c / divided, BEHIND_RE: behind}
    columns |= {PORT_A_RE: a, PORT_Z_RE: z, PORT_C_RE: c, PORT_Y_RE: y}
    coefficient = np.zeros((n, N_COEFFICIENTS))
    for column, value in columns.items():
        coefficient[:, column], coefficient[:, column + 1] = value.real, value.imag
    coefficient[:, DRAW_RE], coefficient[:, WEIGHT] = own.real, 1.0 / np.abs(voltage) ** 2
    chain = np.append(network.chain, -1)
    feeder = Feeder(
        order=network.node[ports.order[kept]], parent=parent, branch=chain[ports.branch[kept]], coefficient=coefficient,
        root_v=np.stack([voltage.real, voltage.imag], axis=1), series=joins.series, square=joins.square, percent=joins.percent,
    )  # fmt: skip
    return feeder, joins


def _behind(parent: Ints, own: Complexes, a: Complexes, z: Complexes, y: Complexes, c: Complexes) -> Complexes:
    """(n,) admittance of each place with all that lies behind it, where nobody injects."""
    if not (own.any() or y.any()):
        return np.zeros(len(own), np.complex128)
    behind = own.tolist()
    of = list(zip(parent.tolist(), a.tolist(), z.tolist(), y.tolist(), c.tolist(), strict=True))
    for i in range(len(of) - 1, -1, -1):
        up, down, series, shunt, back = of[i]
        if up != -1:
            behind[up] += shunt + back * down * behind[i] / (1.0 + series * behind[i])
    return np.array(behind)


def branch_currents(network: Network, voltage: Complexes, branch: Ints) -> tuple[Complexes, Complexes]:
    """(n_books, n) p.u. currents into some branches at `from_bus` and at `to_bus`, from voltages (n_books, n_bus)."""
    series = network.resistance_pu[branch] + 1j * network.reactance_pu[branch]
    ratio = network.tap_ratio[branch] * np.exp(1j * network.shift_rad[branch])
    v_from, v_to = voltage[:, network.from_bus[branch]] / ratio, voltage[:, network.to_bus[branch]]
    through = (v_from - v_to) / series
    return (through + network.from_shunt_pu[branch] * v_from) / np.conj(ratio), -through + network.to_shunt_pu[branch] * v_to


def shared_paths(network: Network) -> tuple[Floats, Floats]:
    """R and X of the linear voltages v² = v²_noload + 2 (R p + X q), p.u. of 1 kVA.

    R_ik is the sum of the resistances that the ways from buses i and k to their external grid have in common (Baran and Wu
    1989, Network reconfiguration in distribution systems); below a transformer off its nominal ratio times that ratio's
    square. Shunts are left out: what they change (some 1e-4) would make columns that are alike in the LP nearly alike.

    Returns
    -------
    r_pu, x_pu : (n_bus, n_bus) float64

    Raises
    ------
    InputError
        See `feeder_of`.
    """
    feeder = feeder_of(network)
    n_bus = network.n_bus
    impedance = np.zeros((n_bus, n_bus), np.complex128)
    below = np.eye(n_bus, dtype=bool)  # whether place k lies at or behind place i
    for i in range(n_bus - 1, -1, -1):
        if feeder.parent[i] != -1:
            below[feeder.parent[i]] |= below[i]
    for i in range(n_bus):
        up = feeder.parent[i]
        if up != -1:
            impedance[i] = feeder.square[i] * impedance[up] + feeder.series[i] * below[i]
    placed = impedance[np.ix_(feeder.place, feeder.place)]
    return np.ascontiguousarray(placed.real), np.ascontiguousarray(placed.imag)
