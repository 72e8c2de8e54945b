"""Three phases: AC power flows beside the peers that have them, and sweeps beside the same sweeps with balanced homes.

    python -m bench.asymmetric [--quick] [--part flows|sweeps]

Power flows: homes on random phases, -2 to 3 kW each, no more than the network carries. Sweeps, audited, one worker:
`pv-sweep-phases`, and `pv-sweep` with homes on random phases, beside themselves with a third of everything on each phase.
Everything runs in turns in one process on one processor; processor time, medians over the rounds, ratios taken round by round.
"""

import argparse
import time
from collections.abc import Callable
from contextlib import ExitStack
from pkgutil import resolve_name
from typing import Any
from unittest import mock

import numpy as np

import fastp2p
from bench.networks import SOURCES, Gap
from bench.peers import PHASE_PEERS, PhaseCase, check_phases, flow_peer
from bench.peers.asymmetric import as_peers_have_it
from bench.timing import both_clocks, in_turns, on_one_core, ratio, summary
from fastp2p.sweep.parts import Work, cut_into_rounds, run_part
from fastp2p.sweep.prepare import prepare

HOMES = {"44": 13, "129": 129, "907": 55}
"""Network by its key, and how many homes at most."""
LARGEST_KW = 150.0
"""Of all homes together; with more a feeder's far end collapses in some books."""
PHYSICS = ("dc", "lindistflow", "ac")
SWEEPS = ("pv-sweep-phases", "pv-sweep")
SCENARIOS = {"pv-sweep-phases": 64, "pv-sweep": 250}
STATED = {"r0_per_r1": 4.0, "x0_per_x1": 4.0, "vector_group": "Dyn", "trafo_z0_per_z1": 1.0, "grid": "ideal"}
"""The zero sequence of CIGRE LV, as docs/phases.md has it."""
STAGES = {
    "draws": ("fastp2p.sweep.parts.draw_scenarios",),
    "market": (
        "fastp2p.pipeline.batch.make_orders",
        "fastp2p.pipeline.stages.trade_by_rule",
        "fastp2p.pipeline.stages.leave_over",
    ),
    "screen": ("fastp2p.clearing.clear.execute_all",),
    "cuts": ("fastp2p.clearing.clear.cut", "fastp2p.clearing.clear.tighten"),
    "audit": ("fastp2p.pipeline.batch.audit",),
    "settlement and tables": (
        "fastp2p.pipeline.batch.settle",
        "fastp2p.sweep.parts.reduce_batch",
        "fastp2p.sweep.parts.make_columns",
        "fastp2p.sweep.parts.join_pieces",
    ),
}
"""Where the functions are called that make up a stage of a sweep."""


def phase_case(key: str, n_books: int) -> PhaseCase:
    """Homes on random phases of a network that all peers have."""
    from fastp2p.io.network_sources import load_network

    net, stated = as_peers_have_it(load_network(SOURCES[key][1]))
    network = fastp2p.Network.from_pandapower(net, phases=3, zero_sequence=stated)
    random = np.random.default_rng(0)
    bus = random.permutation(network.load_bus)[: HOMES[key]]
    kw = np.zeros((n_books or max(2_000, 500_000 // network.n_bus), len(bus), 3))
    some = random.uniform(-3.0, 2.0, kw.shape[:2]) * min(1.0, LARGEST_KW / (3.0 * len(bus)))
    kw[:, np.arange(len(bus)), random.integers(0, 3, len(bus))] = some
    return PhaseCase(net, network, bus, kw, 0.1 * kw)


def compare(key: str, quick: bool) -> list[str]:
    """Ours and the peers', on one network: a line for each."""
    case = phase_case(key, 200 if quick else 0)
    jobs = {"fastp2p": lambda: fastp2p.phase_summary(case.network, case.kw, case.kvar, bus=case.bus)}
    counts, said = {"fastp2p": len(case.kw)}, {"fastp2p": ""}
    for name in PHASE_PEERS:
        peer = flow_peer(name)
        few = case.first(min(peer.BOOKS, 2 if quick else peer.BOOKS))
        try:
            prepared = peer.prepare(few)
        except Gap as gap:
            said[peer.TITLE] = f"gap: {gap}"
            continue
        said[peer.TITLE] = f"; voltages differ by {check_phases(prepared, few):.0e} p.u."
        jobs[peer.TITLE], counts[peer.TITLE] = prepared.run, len(few.kw)
    seconds = in_turns(jobs, 3 if quick else 15, clock=time.process_time)  # they have one thread each
    lines = [f"{case.network.n_bus} buses, {len(case.bus)} homes"]
    for title, text in said.items():
        if title in seconds:
            times = ratio(seconds[title], seconds["fastp2p"], counts["fastp2p"] / counts[title])["ratio"]
            text = f"{summary(seconds[title], counts[title])['us']:12.2f} us a book, {times:7.1f} x ours" + text
        lines.append(f"    {title:<36} {text}")
    return lines


def study_pair(name: str, physics: str, n_scenarios: int) -> tuple[fastp2p.Study, fastp2p.Study]:
    """An audited study of three phases, and the same one balanced."""
    study = fastp2p.studies()[name].with_(clearing={"physics": physics, "audit": True}, scenarios={"count": n_scenarios})
    if study.network.phases == 3:
        return study, study.with_(network={"phases": 1}, connection=None, pv={"three_phase_above_kw": None})
    return study.with_(network={"phases": 3, "zero_sequence": STATED}, connection={"phases": "random"}), study


def compare_sweeps(name: str, physics: str, quick: bool) -> list[str]:
    """A sweep on three phases beside the balanced one, both audited: the two in turns, and where their time goes."""
    pair = dict(zip(("three phases", "balanced"), study_pair(name, physics, 2 if quick else SCENARIOS[name]), strict=True))
    jobs, cut_share, split = {}, {}, {}
    for title, study in pair.items():
        network, profiles = prepare(study)
        jobs[title] = lambda study=study, network=network, profiles=profiles: fastp2p.run(
            study, network=network, profiles=profiles, workers=1
        )
        split[title] = stages((study, network, profiles))
        clearing = jobs[title]().scenarios
        cut_share[title] = clearing.n_cut.sum() / (len(clearing) * profiles.n_steps)
        n_books = len(clearing) * profiles.n_steps
    taken = in_turns(jobs, 2 if quick else 9, 40.0, both_clocks)
    clock, processor = ({title: [one[i] for one in both] for title, both in taken.items()} for i in (0, 1))
    by_clock, by_processor = (ratio(of["three phases"], of["balanced"]) for of in (clock, processor))
    spread = f"({by_processor['ratio_low']:.2f} to {by_processor['ratio_high']:.2f})"
    lines = [
        f"{name}, {physics}, audited, {n_books} books: on three phases {by_processor['ratio']:.2f} x balanced {spread}"
        f" by processor time, {by_clock['ratio']:.2f} by the clock"
    ]
    for title, shares in split.items():
        us = summary(processor[title], n_books)["us"]
        parts = ", ".join(f"{stage} {share:.0%}" for stage, share in shares.items())
        lines.append(f"    {title:<14} {us:8.2f} us a book, {cut_share[title]:5.1%} of them cut; {parts}")
    return lines


def stages(work: Work) -> dict[str, float]:
    """The share of each stage in the processor time of a sweep's parts; what is left is the rest."""
    taken = dict.fromkeys(STAGES, 0.0)

    def timed(stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def call(*arguments: Any, **named: Any) -> Any:
            begin = time.thread_time()
            try:
                return function(*arguments, **named)
            finally:
                taken[stage] += time.thread_time() - begin

        return call

    study, _, profiles = work
    parts = [part for one in cut_into_rounds(study, profiles.n_steps) for part in one]
    run_part(work, parts[0])  # compiles, and makes what is made once
    with ExitStack() as stack:
        for stage, paths in STAGES.items():
            for path in paths:
                stack.enter_context(mock.patch(path, timed(stage, resolve_name(path))))
        begin = time.thread_time()
        for part in parts:
            run_part(work, part)
        total = time.thread_time() - begin
    return {**{stage: seconds / total for stage, seconds in taken.items()}, "rest": 1.0 - sum(taken.values()) / total}


def main() -> None:
    """Print what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few books and rounds: whether it runs")
    parser.add_argument("--part", choices=["flows", "sweeps"])
    chosen = parser.parse_args()
    with on_one_core():
        if chosen.part != "sweeps":
            for key in HOMES:
                try:
                    print(*compare(key, chosen.quick), sep="\n", flush=True)
                except (Gap, fastp2p.InputError) as error:
                    print(f"{key}: {error}")
        if chosen.part != "flows":
            for name in SWEEPS:
                for physics in PHYSICS:
                    print(*compare_sweeps(name, physics, chosen.quick), sep="\n", flush=True)


if __name__ == "__main__":
    main()
