"""The AC power flow by sweeps: a snapshot over the networks, beside power-grid-model's batches, and what an audit adds.

    python -m bench.acflow [--quick] [--part flows|audit]

Everything runs on one thread, in turns in one process; medians over the rounds, ratios taken round by round.
"""

import argparse

import numpy as np

import fastp2p
from bench.networks import Gap, draw_injections, load
from bench.peers import check, flow_peer
from bench.timing import in_turns, on_one_core, ratio, summary
from fastp2p.grid.ac import summarise_flows
from fastp2p.sweep.prepare import prepare

KEYS = ("44", "80", "129", "907")
PEERS = ("power_grid_model_newton", "power_grid_model_current")
PEER_BOOKS = 500
PHYSICS = ("dc", "lindistflow", "ac")


def compare_flows(key: str, quick: bool) -> str:
    """Ours of all buses and of the leaves alone, and the peers, on one network."""
    case = load(key)
    network = case.network
    n_books = 200 if quick else max(2_000, 1_000_000 // network.n_bus)
    injection, nothing = draw_injections(network, n_books), np.zeros((n_books, network.n_bus))
    leaves = network.leaf_buses()
    some, none = np.ascontiguousarray(injection[:, leaves]), np.zeros((n_books, len(leaves)))
    every = np.arange(network.n_bus)
    jobs = {
        "all buses": lambda: summarise_flows(network, every, injection, nothing),
        "leaves": lambda: summarise_flows(network, leaves, some, none),
    }
    _, steps = summarise_flows(network, every, injection, nothing)
    counts = {"all buses": n_books, "leaves": n_books}
    titles, few = {}, injection[: 20 if quick else PEER_BOOKS]
    for name in PEERS:
        try:
            peer = flow_peer(name)
            prepared = peer.prepare(case, few)
            check(prepared, case, few, peer.PHYSICS)
            jobs[name], counts[name], titles[name] = prepared.run, len(few), peer.TITLE
        except Gap as gap:
            print(f"no {name}: {gap}")
    seconds = in_turns(jobs, 3 if quick else 15)
    found = {name: summary(taken, counts[name]) for name, taken in seconds.items()}
    ours, at_leaves = found["all buses"]["us"], found["leaves"]["us"]
    line = f"{network.n_bus:>5} buses: {ours:7.2f} us at all, {at_leaves:7.2f} us at {len(leaves)} leaves"
    line += f", {np.mean(steps):.1f} steps, {ours / network.n_bus * 1e3:5.1f} ns a bus"
    for name, title in titles.items():
        times = ratio(seconds[name], seconds["all buses"], n_books / counts[name])
        line += f"; {title} {found[name]['us']:8.1f} us, {times['ratio']:.1f} x ours"
    return line


def compare_audits(quick: bool) -> list[str]:
    """`pv-sweep` in memory under each physics, with and without its audit."""
    base = fastp2p.studies()["pv-sweep"]
    network, profiles = prepare(base)
    jobs = {}
    for physics in PHYSICS:
        for audited in (False, True):
            if audited or physics != "ac":
                count = 20 if quick else base.scenarios.count
                study = base.with_(clearing={"physics": physics, "audit": audited}, scenarios={"count": count})
                jobs[f"{physics}{', audited' * audited}"] = lambda study=study: fastp2p.run(
                    study, network=network, profiles=profiles, workers=1
                )
    seconds = in_turns(jobs, 3 if quick else 9)
    n_books = 3 * count * profiles.n_steps
    lines = []
    for name, taken in seconds.items():
        times = ratio(taken, seconds["dc"])
        lines.append(f"{name:<22} {summary(taken, n_books)['us']:6.2f} us a book, {times['ratio']:.2f} x the sweep under dc")
    times = ratio(seconds["lindistflow, audited"], seconds["lindistflow"])
    return [*lines, f"lindistflow, audited, beside itself without the audit: {times['ratio']:.2f} x"]


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few books and rounds: whether it runs")
    parser.add_argument("--part", choices=["flows", "audit"])
    chosen = parser.parse_args()
    with on_one_core():
        if chosen.part != "audit":
            for key in KEYS:
                try:
                    print(compare_flows(key, chosen.quick), flush=True)
                except Gap as gap:
                    print(f"{key}: {gap}")
        if chosen.part != "flows":
            print(*compare_audits(chosen.quick), sep="\n")


if __name__ == "__main__":
    main()
