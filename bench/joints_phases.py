"""What joints cost a three-phase audit at fixed homes: CIGRE LV with its cables cut into more and more pieces.

`python -m bench.joints_phases` prints µs a book and the exponent of the cost over the joints.
"""

from __future__ import annotations

import numpy as np
import pandapower as pp
import pandas as pd

import fastp2p
from bench.peers.asymmetric import STATED
from bench.timing import in_turns, on_one_core, summary
from fastp2p.grid.phase_feeder import phase_feeder
from fastp2p.io.network_sources import load_network

HOMES = 13
BOOKS = 1280
JOINTS = (100, 1_000, 10_000)
CAPACITANCE_NF_PER_KM = 260.0
"""That of a cable of 150 mm²; CIGRE LV has none."""


def cut(net: pp.pandapowerNet, pieces: int) -> pp.pandapowerNet:
    """The network with every line in so many pieces of equal length."""
    line, n = net.line, len(net.line)
    joints = [pp.create_buses(net, pieces - 1, kv) for kv in net.bus.vn_kv.loc[line.from_bus]]
    ends = np.array([[a, *of, b] for a, of, b in zip(line.from_bus, joints, line.to_bus, strict=True)])
    many = line.loc[line.index.repeat(pieces)].reset_index(drop=True)
    many["from_bus"], many["to_bus"], many["length_km"] = ends[:, :-1].ravel(), ends[:, 1:].ravel(), many.length_km / pieces
    first = pd.Series(np.arange(n) * pieces, index=line.index)
    at_line = net.switch.et == "l"
    at_end = net.switch.bus[at_line].to_numpy() == line.to_bus.loc[net.switch.element[at_line]].to_numpy()
    net.switch.loc[at_line, "element"] = first.loc[net.switch.element[at_line]].to_numpy() + (pieces - 1) * at_end
    net.line = many
    return net


def networks(capacitance_nf_per_km: float) -> dict[int, fastp2p.Network]:
    """By their number of buses."""
    found = {}
    for joints in JOINTS:
        net = load_network("cigre_lv")
        net.line["c_nf_per_km"] = capacitance_nf_per_km
        network = fastp2p.Network.from_pandapower(cut(net, 1 + round(joints / len(net.line))), phases=3, zero_sequence=STATED)
        found[network.n_bus] = network
    return found


def measure(capacitance_nf_per_km: float, rounds: int = 15) -> dict[int, tuple[int, float]]:
    """Of every number of buses: those that sweeps run on, and µs a book."""
    rng, made = np.random.default_rng(1), networks(capacitance_nf_per_km)
    first = next(iter(made.values()))
    home = np.sort(rng.choice(np.unique(first.load_bus), HOMES, replace=False))
    kw = rng.uniform(-2.0, 1.5, (BOOKS, HOMES, 3))
    kw[:, :, 1:] *= rng.random((BOOKS, HOMES, 1)) < 0.3
    at = {n: network.positions(first.bus_id[home]) for n, network in made.items()}
    with on_one_core():
        taken = in_turns(
            {
                n: lambda n=n, network=network: fastp2p.phase_summary(network, kw, 0.3 * kw, bus=at[n])
                for n, network in made.items()
            },
            rounds,
        )
    return {n: (len(phase_feeder(network, at[n]).few.parent), summary(taken[n], BOOKS)["us"]) for n, network in made.items()}


def main() -> None:
    """Print a table for lines without and with capacitance."""
    for capacitance in (0.0, CAPACITANCE_NF_PER_KM):
        found = measure(capacitance)
        buses, us = np.array(list(found), float), np.array([one[1] for one in found.values()])
        for n, (n_few, of) in found.items():
            print(f"{capacitance:5.0f} nF/km {n:7,} buses, {n_few} swept: {of:6.2f} µs a book")
        print(f"exponent {np.polyfit(np.log(buses), np.log(us), 1)[0]:.3f}")


if __name__ == "__main__":
    main()
