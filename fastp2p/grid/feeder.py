"""The AC model of a radial network, in breadth-first order, from which sweeps and linear voltages are computed."""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from fastp2p.errors import refuse
from fastp2p.grid.network import Network
from fastp2p.grid.topology import find_loops
from fastp2p.kernels.grid.ac import A_RE, C_RE, DRAW_RE, SHUNT_RE, Y_RE, Z_RE
from fastp2p.kernels.grid.structs import Feeder

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Complexes = NDArray[np.complex128]

LOOPS_SHOWN, BRANCHES_SHOWN = 3, 20
"""How much of a meshed network's loops is spelt out where a radial one is needed."""


def percent_per_kva(network: Network) -> Floats:
    """(n_branch,) loading per kVA at rated voltage; zero without a limit, very large where a branch may carry nothing."""
    return np.where(network.limit_kw == 0.0, 1e9, network.percent_per_kw)


def ac_faults(network: Network) -> list[str]:
    """Why there is no AC power flow of a network by sweeps, if there is none."""
    return list(_ac_faults(network))


@lru_cache(maxsize=8)
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


@lru_cache(maxsize=8)
def feeder_of(network: Network) -> Feeder:
    """The feeder of a radial network, made once.

    Raises
    ------
    InputError
        A meshed network, negative resistances, or no AC model; all faults in one message.
    """
    refuse(ac_faults(network))
    tree = network.tree
    order, n_bus = tree.order, network.n_bus
    place = np.empty(n_bus, np.int64)
    place[order] = np.arange(n_bus)
    up = tree.parent[order]
    parent = np.where(up == -1, -1, place[up])
    branch, below = tree.parent_branch[order], np.flatnonzero(up != -1)
    a, z, y, c = (np.ones(n_bus, np.complex128), *np.zeros((3, n_bus), np.complex128))
    to_parent = tree.parent_sign[order][below] > 0.0  # the branch is directed from the child
    a[below], z[below], y[below], c[below] = _two_ports(network, branch[below], to_parent)
    series, square = np.zeros(n_bus, np.complex128), np.ones(n_bus)
    tap = network.tap_ratio[branch[below]]
    series[below] = network.resistance_pu[branch[below]] + 1j * network.reactance_pu[branch[below]]
    series[below] *= np.where(to_parent, tap**2, 1.0)
    square[below] = np.where(to_parent, tap**2, tap**-2.0)
    own = network.bus_shunt_pu[order]
    shunt = own.copy()
    np.add.at(shunt, parent[below], y[below])

    voltage = np.empty(n_bus, np.complex128)
    voltage[place[network.reference_bus]] = network.slack_vm_pu * np.exp(1j * network.reference_angle_rad)
    for i in below.tolist():
        voltage[i] = a[i] * voltage[parent[i]]
    coefficient = np.zeros((n_bus, DRAW_RE + 1))
    for column, value in ((A_RE, a), (Z_RE, z), (C_RE, c), (Y_RE, y), (SHUNT_RE, shunt)):
        coefficient[:, column], coefficient[:, column + 1] = value.real, value.imag
    coefficient[:, DRAW_RE] = own.real
    kva = np.zeros((n_bus, 2))
    of_base = network.rated_kv / network.base_kv[np.stack([network.from_bus, network.to_bus], axis=1)]
    kva[below] = np.where(to_parent[:, None], of_base[branch[below]][:, ::-1], of_base[branch[below]])
    root_v = np.stack([voltage.real, voltage.imag], axis=1)
    return Feeder(
        order=order, parent=parent, branch=branch, coefficient=coefficient, root_v=root_v, series=series, square=square,
        kva_per_pu=kva,
    )  # fmt: skip


def _two_ports(
    network: Network, branch: Ints, from_child: NDArray[np.bool_]
) -> tuple[Complexes, Complexes, Complexes, Complexes]:
    """a, z, y and c of branches, seen from the parent; `from_child`: directed from the child to the parent.

    The branch is an ideal transformer of ratio t at `from_bus` and behind it a π of z and the shunts f and t (pandapower's
    model of lines and transformers); solved for V_child and I_parent.
    """
    series = network.resistance_pu[branch] + 1j * network.reactance_pu[branch]
    ratio = network.tap_ratio[branch] * np.exp(1j * network.shift_rad[branch])
    from_shunt, to_shunt = network.from_shunt_pu[branch], network.to_shunt_pu[branch]
    square = np.abs(ratio) ** 2
    down, up = 1.0 / (1.0 + series * to_shunt), 1.0 / (1.0 + series * from_shunt)
    a = np.where(from_child, ratio * up, down / ratio)
    z = np.where(from_child, square * series * up, series * down)
    y = np.where(from_child, to_shunt + from_shunt * up, (from_shunt + to_shunt * down) / square)
    c = np.where(from_child, np.conj(ratio) * up, down / np.conj(ratio))
    return a, z, y, c


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
