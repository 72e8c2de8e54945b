"""Three-phase AC power flows by sweeps: a snapshot over the networks, beside power-grid-model's exact asymmetric methods.

    python -m bench.asymmetric [--quick]

Homes on random phases, -2 to 3 kW each, no more than the network carries. Everything runs on one thread, in turns in one
process; medians over the rounds, ratios taken round by round.
"""

import argparse

import numpy as np

import fastp2p
from bench.networks import SOURCES, Gap
from bench.peers.asymmetric import PowerGridModel, as_peers_have_it
from bench.timing import in_turns, on_one_core, ratio, summary

HOMES = {"44": 13, "129": 129, "907": 55}
"""Network by its key, and how many homes at most."""
METHODS = ("iterative_current", "newton_raphson")
PEER_BOOKS = 200
LARGEST_KW = 150.0
"""Of all homes together; with more a feeder's far end collapses in some books."""


def compare(key: str, quick: bool) -> str:
    """Ours and the peer's, on one network."""
    from fastp2p.io.network_sources import load_network

    net, stated = as_peers_have_it(load_network(SOURCES[key][1]))
    network = fastp2p.Network.from_pandapower(net, phases=3, zero_sequence=stated)
    random = np.random.default_rng(0)
    bus = network.load_bus
    bus = random.permutation(bus)[: HOMES[key]]
    n_books = 200 if quick else max(2_000, 500_000 // network.n_bus)
    kw = np.zeros((n_books, len(bus), 3))
    some = random.uniform(-3.0, 2.0, (n_books, len(bus))) * min(1.0, LARGEST_KW / (3.0 * len(bus)))
    kw[:, np.arange(len(bus)), random.integers(0, 3, len(bus))] = some
    kvar = 0.1 * kw
    found = fastp2p.phase_summary(network, kw, kvar, bus=bus)
    few = slice(0, 20 if quick else PEER_BOOKS)
    jobs, counts = {"ours": lambda: fastp2p.phase_summary(network, kw, kvar, bus=bus)}, {"ours": n_books}
    deviation = np.nan
    try:
        model = PowerGridModel(net, network, bus)
        voltage = np.abs(model.solve(kw[few], kvar[few])[0])[:, network.has_band]
        deviation = np.abs(voltage.min(axis=(1, 2)) - found.lowest_vm_pu[few]).max()
        update = model.update(kw[few], kvar[few])
        for method in METHODS:
            jobs[method] = lambda method=method: model.run(update, method, outputs=["node"])
            counts[method] = len(kw[few])
    except Gap as gap:
        print(f"no power-grid-model: {gap}")
    seconds = in_turns(jobs, 3 if quick else 9)
    us = {name: summary(taken, counts[name])["us"] for name, taken in seconds.items()}
    line = f"{network.n_bus:>5} buses, {len(bus):>3} homes: {us['ours']:7.2f} us"
    for name in METHODS:
        if name in us:
            times = ratio(seconds[name], seconds["ours"], n_books / counts[name])["ratio"]
            line += f"; {name} {us[name]:8.1f} us, {times:.0f} x ours"
    return line + f"; lowest voltages differ by {deviation:.0e} p.u."


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few books and rounds: whether it runs")
    chosen = parser.parse_args()
    with on_one_core():
        for key in HOMES:
            try:
                print(compare(key, chosen.quick), flush=True)
            except (Gap, fastp2p.InputError) as error:
                print(f"{key}: {error}")


if __name__ == "__main__":
    main()
