"""What a book costs over the joints of a feeder with 13 homes, and over the homes of a feeder with 1,000 joints.

Stages of a book one by one, and whole sweeps of days.

    python -m bench.joints [--quick] [--rounds 9]

A joint is a bus where nobody is connected: where a cable was cut, bent or branched off. The feeder is a trunk of 1.2 km with a
home or a lateral of 30 m to one at random places; each joint cuts it into shorter pieces, so that the feeder stays what it is.
One thread, in turns in one process, medians of processor time; the exponent is the slope over all sizes on a log-log scale.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import pandapower as pp

import fastp2p
from bench.timing import in_turns, on_one_core
from fastp2p.clearing.answer import Injection
from fastp2p.clearing.limits import DcLimits, LinearLimits
from fastp2p.grid.ac import summarise_flows

WHOLE, N_SCENARIOS, STEPS = "whole sweep, DC", 5_000, 24
JOINTS = (100, 300, 1_000, 3_000, 10_000)
HOMES = (5, 13, 40, 120)
LENGTH_KM, LATERAL_KM, N_BOOKS = 1.2, 0.03, 4_096
CABLE = {"r_ohm_per_km": 0.206, "x_ohm_per_km": 0.080, "max_i_ka": 0.27}
"""NAYY 4x150 SE (pandapower's standard types)."""


def feeder(n_joints: int, n_homes: int, nf_per_km: float) -> tuple[fastp2p.Network, np.ndarray]:
    """A network, and the positions of its homes; every second one at the end of a lateral."""
    rng = np.random.default_rng(1)
    net = pp.create_empty_network()
    pp.create_bus(net, 0.4)
    pp.create_ext_grid(net, 0, vm_pu=1.02)
    cuts = np.sort(rng.uniform(0.0, LENGTH_KM, n_joints + n_homes))
    trunk = pp.create_buses(net, len(cuts), 0.4)
    at = np.sort(rng.choice(len(cuts) - 1, n_homes - 1, replace=False))
    at = np.append(at, len(cuts) - 1)
    ends = pp.create_buses(net, n_homes // 2, 0.4)
    homes = trunk[at].copy()
    starts = homes[1::2][: len(ends)].copy()
    homes[1::2] = ends
    length = np.concatenate([np.maximum(np.diff(cuts, prepend=0.0), 1e-6), np.full(len(ends), LATERAL_KM)])
    pp.create_lines_from_parameters(
        net, np.concatenate([[0], trunk[:-1], starts]), np.concatenate([trunk, ends]), length, c_nf_per_km=nf_per_km, **CABLE
    )
    network = fastp2p.Network.from_pandapower(net)
    return network, network.positions(homes)


def stages(n_joints: int, n_homes: int, nf_per_km: float) -> dict[str, Callable[[], object]]:
    """What is timed: limits under either physics with and without all trades, the AC audit, congested books, a sweep."""
    network, bus = feeder(n_joints, n_homes, nf_per_km)
    bus = np.sort(bus)
    rng = np.random.default_rng(2)
    kw = rng.uniform(-2.0, 1.5, (N_BOOKS, len(bus))) * 13.0 / len(bus)
    injection, none = Injection(kw, 0.2 * kw), np.zeros(len(bus))
    dc, linear = DcLimits(network, bus), LinearLimits(network, bus, (0.9, 1.1), none, none)
    return {
        "DC screen": lambda: dc.screen(injection, injection),
        "LinDistFlow screen": lambda: linear.screen(injection, injection),
        "AC audit": lambda: summarise_flows(network, bus, *injection),
        "congested, DC": _congested(network, bus, kw, "dc"),
        "congested, LinDistFlow": _congested(network, bus, kw, "lindistflow"),
        WHOLE: sweep(network, bus),
    }


def sweep(network: fastp2p.Network, bus: np.ndarray) -> Callable[[], object]:
    """`fastp2p.run` of `pv-sweep` on a feeder with limits that never bind, in memory: draws, books, tables."""
    study = fastp2p.studies()["pv-sweep"]
    study = study.with_(
        network={"ampacity_ka_by_std_type": {}, "limit_factor": 1e6},
        participants={"buses": network.bus_id[bus].tolist()},
        scenarios={"count": N_SCENARIOS, "shares": [0.3], "keep": []},
    )
    profiles = fastp2p.Profiles.load()
    return lambda: fastp2p.run(study, network=network, profiles=profiles, workers=1)


def _congested(network: fastp2p.Network, bus: np.ndarray, kw: np.ndarray, physics: str) -> Callable[[], object]:
    """A clearing of books that sell more than the trunk carries."""
    surplus = np.abs(kw) * 40.0
    half = len(bus) // 2
    books = np.repeat(np.arange(len(kw)), half)
    sells, buys = np.tile(np.arange(half, 2 * half), len(kw)), np.tile(np.arange(half), len(kw))
    trades = fastp2p.Trades(
        offset=np.arange(len(kw) + 1) * half, seller=sells, buyer=buys, quantity_kwh=surplus[books, sells],
        bid_per_kwh=np.full(len(books), 0.2), ask_per_kwh=np.full(len(books), 0.1),
    )  # fmt: skip
    tight = network.with_limits(factor=0.2)
    return lambda: fastp2p.clear(tight, trades, np.zeros_like(kw), bus=bus, physics=physics, check=False)


def measure(axis: str, sizes: tuple[int, ...], rounds: int, nf_per_km: float) -> None:
    """A table of µs a book, and the exponents."""
    jobs = {}
    for size in sizes:
        n_joints, n_homes = (size, 13) if axis == "joints" else (1_000, size)
        jobs |= {(stage, size): job for stage, job in stages(n_joints, n_homes, nf_per_km).items()}
    with on_one_core():
        taken = in_turns(jobs, rounds, 240.0, time.process_time)
    print(f"\n{nf_per_km:g} nF/km\n\n| {axis} | " + " | ".join(f"{size:,}" for size in sizes) + " | exponent |")
    print("|---|" + "---:|" * (len(sizes) + 1))
    for stage in dict.fromkeys(stage for stage, _ in jobs):
        n_books = N_SCENARIOS * STEPS if stage == WHOLE else N_BOOKS
        micros = [float(np.median(taken[stage, size])) / n_books * 1e6 for size in sizes]
        slope = np.polyfit(np.log(sizes), np.log(micros), 1)[0]
        print(f"| {stage} | " + " | ".join(f"{one:.3g}" for one in micros) + f" | {slope:.2f} |")


def main() -> None:
    """Print the tables of docs/performance.md."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    n = 2 if chosen.quick else None
    for nf_per_km in (0.0, 200.0):
        measure("joints", JOINTS[:n], chosen.rounds, nf_per_km)
    measure("homes", HOMES[:n], chosen.rounds, 0.0)


if __name__ == "__main__":
    main()
