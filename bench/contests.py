"""Paired comparisons: fastp2p beside the paper's way and beside its peers, on the same work, in turns.

Every function gives rows for a table: a dict of what was compared, µs per book with spread, and ratios taken round by round.
Answers are compared before anything is timed.
"""

import os
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

import fastp2p
from bench import baseline
from bench.networks import SOURCES, Gap, draw_injections, load
from bench.peers import FLOW_PEERS, check, flow_peer
from bench.peers.lps import LP_PEERS
from bench.phases import STEPS, study_on
from bench.timing import in_turns, ratio, summary
from fastp2p.pipeline.batch import run_batch
from fastp2p.pipeline.draws import Scenarios, draw_scenarios
from fastp2p.pipeline.reduce import Reduced, reduce_batch
from fastp2p.sweep.prepare import prepare
from fastp2p.sweep.workers import start_processes

Row = dict[str, Any]

FLOW_BOOKS = 8_760
SLOW_BOOKS = {"pandapower": 24, "power-grid-model": 500, "lightsim2grid_ac": 1_000, "pypsa": 2_000}
"""Peers (a package, or one way of it) that are given fewer books; theirs are per book all the same."""
LP_SIZES = (6, 20, 50)
HOMES = 13
"""Of the contest of flows in which few buses inject: as many as `pv-sweep` has."""
DAYS, BATCHES = 160, 10
"""How often our day is repeated beside one day of the baseline: so many batches, each as large as a sweep cuts them."""


def whole_book(quick: bool) -> list[Row]:
    """The paper's day on 44 buses: its notebook's way, our whole book, and lightsim2grid's DC flow alone."""
    days, batches, rounds = (4, 1, 1) if quick else (DAYS, BATCHES, 9)
    one = fastp2p.studies()["paper-44"]
    network, profiles = prepare(one)
    scenarios = _repeated(draw_scenarios(one, network, profiles, None, range(1)), days)

    def batch() -> Reduced:
        return reduce_batch(run_batch(one, network, profiles, scenarios, range(STEPS)), network, ("scenarios",))

    def ours() -> None:
        for _ in range(batches):
            batch()

    net = load("44").net
    load_buses, pv_buses = baseline.alternate_roles(net)
    with_participants = baseline.add_participants(net, load_buses, pv_buses)
    home, roof = (profiles.kwh_per_unit[profiles.names.index(name)] for name in ("residential_0", "solar_1"))
    load_kwh = pd.DataFrame(dict.fromkeys(load_buses, home))
    pv_kwh = pd.DataFrame(dict.fromkeys(pv_buses, 3.0 * roof))

    def theirs() -> list[baseline.HourResult]:
        return baseline.run_day(with_participants, load_kwh, pv_kwh)

    traded = np.array([hour.p2p_kwh for hour in theirs()])
    np.testing.assert_allclose(batch().by_step("bought_kwh"), np.tile(traded, (days, 1)), atol=1e-6)
    jobs = {"fastp2p, whole book": ours, "the notebook's way": theirs}
    n_books = {"fastp2p, whole book": batches * days * STEPS, "the notebook's way": STEPS}
    gaps = []
    try:
        injection = draw_injections(network, days * STEPS if quick else FLOW_BOOKS)
        peer = flow_peer("lightsim2grid_dc")
        prepared = peer.prepare(load("44"), injection)
        check(prepared, load("44"), injection, peer.PHYSICS)
        jobs["lightsim2grid DC, flow alone"], n_books["lightsim2grid DC, flow alone"] = prepared.run, len(injection)
    except Gap as gap:
        gaps.append({"what": "lightsim2grid DC, flow alone", "gap": str(gap)})
    return _rows(in_turns(jobs, rounds, 120.0), n_books, "fastp2p, whole book") + gaps


def _repeated(scenarios: Scenarios, times: int) -> Scenarios:
    """One scenario as many; tariffs and participants are theirs in common."""
    by_scenario = ("number", "load_profile", "pv_profile", "homes", "kwp", "bid_per_kwh", "ask_per_kwh")
    return replace(scenarios, **{name: np.repeat(getattr(scenarios, name), times, axis=0) for name in by_scenario})


def flows(key: str, quick: bool) -> list[Row]:
    """DC flows of many books on one network: ours and every peer's; AC peers for scale."""
    case = load(key)
    injection = draw_injections(case.network, 24 if quick else FLOW_BOOKS)
    jobs, n_books, rows = {"fastp2p": lambda: case.network.flow_kw(injection)}, {"fastp2p": len(injection)}, []
    physics = {"fastp2p": "DC"}
    for name in FLOW_PEERS:
        try:
            peer = flow_peer(name)
            few = injection[: SLOW_BOOKS.get(name, SLOW_BOOKS.get(str(peer.PACKAGE), len(injection)))]
            few = few[:3] if quick and peer.PACKAGE == "pandapower" else few
            prepared = peer.prepare(case, few)
            check(prepared, case, few, peer.PHYSICS)
        except Gap as gap:
            rows.append({"what": name.replace("_", " "), "gap": str(gap)})
            continue
        jobs[peer.TITLE], n_books[peer.TITLE], physics[peer.TITLE] = prepared.run, len(few), peer.PHYSICS
    found = _rows(in_turns(jobs, 1 if quick else 25, 45.0), n_books, "fastp2p")
    return [{**row, "physics": physics[row["what"]], "books": n_books[row["what"]]} for row in found] + rows


def home_flows(key: str, quick: bool) -> list[Row]:
    """DC flows of the injections of some homes: ours, and the product with the PTDF of every bus or of theirs alone."""
    network = load(key).network
    rng, n_books = np.random.default_rng(0), 24 if quick else FLOW_BOOKS
    homes = np.sort(rng.choice(network.load_bus if len(network.leaf_buses()) < HOMES else network.leaf_buses(), HOMES, False))
    some = rng.uniform(-2.0, 3.0, (n_books, HOMES))
    every = np.zeros((n_books, network.n_bus))
    every[:, homes] = some
    all_columns, columns = network.ptdf.T, np.ascontiguousarray(network.ptdf[:, homes].T)

    def product(injection_kw: np.ndarray, ptdf: np.ndarray) -> np.ndarray:
        flow_kw = injection_kw @ ptdf  # into a new array, as ours
        flow_kw += network.constant_kw
        return flow_kw

    jobs = {
        "fastp2p": lambda: network.flow_kw(some, bus=homes),
        "NumPy, product with the PTDF of all buses": lambda: product(every, all_columns),
        f"NumPy, product with {HOMES} columns of it": lambda: product(some, columns),
    }
    for job in jobs.values():
        np.testing.assert_allclose(job(), network.flow_kw(every), atol=1e-9)
    found = _rows(in_turns(jobs, 1 if quick else 25, 45.0), dict.fromkeys(jobs, n_books), "fastp2p")
    return [{**row, "network": key, "books": n_books} for row in found]


def lps(key: str, n_trades: int, quick: bool) -> list[Row]:
    """One curtailment LP per book: ours (screen, assembly, solver, proof) and its peers."""
    network, trades, base_kw = congested_books(load(key).network, 12 if quick else 200, n_trades)

    def ours() -> fastp2p.Clearing:
        return fastp2p.clear(network, trades, base_kw, unserved="shed", check=False)

    volume = np.add.reduceat(ours().executed_kwh, trades.offset[:-1])
    some = range(min(2 if quick else 5, trades.n_books))
    jobs, n_books, rows = {"fastp2p": ours}, {"fastp2p": trades.n_books}, []
    for title, solve in LP_PEERS.items():
        try:
            np.testing.assert_allclose(
                [solve(network, trades, base_kw, k) for k in some], volume[some.start : some.stop], rtol=1e-6
            )
        except Gap as gap:
            rows.append({"what": title, "gap": str(gap)})
            continue
        jobs[title] = lambda solve=solve: [solve(network, trades, base_kw, k) for k in some]
        n_books[title] = len(some)
    found = _rows(in_turns(jobs, 1 if quick else 15, 20.0), n_books, "fastp2p")
    return [{**row, "trades": n_trades, "books": trades.n_books} for row in found] + rows


def congested_books(
    network: fastp2p.Network, n_books: int, n_trades: int
) -> tuple[fastp2p.Network, fastp2p.Trades, np.ndarray]:
    """Random trades under limits with room for the base and 30 % of what trades add in the middle book; the books that bind."""
    rng = np.random.default_rng(0)
    size = n_books * n_trades
    seller = rng.integers(0, network.n_bus, size)
    buyer = (seller + rng.integers(1, network.n_bus, size)) % network.n_bus
    quantity = rng.uniform(0.5, 3.0, (n_books, n_trades))
    base_kw = -rng.uniform(0.0, 0.5, (n_books, network.n_bus))
    full_kw, book = base_kw.copy(), np.repeat(np.arange(n_books), n_trades)
    np.add.at(full_kw, (book, seller), quantity.ravel())
    np.subtract.at(full_kw, (book, buyer), quantity.ravel())
    before, after = network.flow_kw(base_kw), network.flow_kw(full_kw)
    limit_kw = np.abs(before).max(axis=0) + 0.3 * np.median(np.abs(after - before), axis=0) + 1e-3
    over = np.flatnonzero((np.abs(after) > limit_kw).any(axis=1))
    rows = (over[:, None] * n_trades + np.arange(n_trades)).ravel()
    price = np.full(len(rows), 0.2)
    trades = fastp2p.Trades(
        np.arange(len(over) + 1) * n_trades, seller[rows], buyer[rows], quantity[over].ravel(), price, price - 0.1
    )
    return replace(network, limit_kw=limit_kw), trades, base_kw[over]


def workers(quick: bool) -> list[Row]:
    """Sweeps with one worker, two threads and two processes: nothing binds, and many LP books."""
    rows = []
    count, rounds = (4, 1) if quick else (4_000, 15)
    for title, limit_factor in (("no limit binds", 1e6), ("LP-heavy", 0.31)):
        one = study_on("44", count, shares=(0.1, 0.3, 0.5), limit_factor=limit_factor)
        network, profiles = prepare(one)
        given = {"network": network, "profiles": profiles}
        with start_processes(2) as pool:
            jobs = {
                "1 worker": lambda: fastp2p.run(one, workers=1, **given),  # noqa: B023  # called within this turn
                "2 threads": lambda: fastp2p.run(one, workers=2, **given),  # noqa: B023  # the same
                "2 processes": lambda: fastp2p.run(one, executor=pool, **given),  # noqa: B023  # the same
            }
            n_books = len(jobs["1 worker"]().scenarios) * profiles.n_steps
            found = _rows(in_turns(jobs, rounds, 90.0), dict.fromkeys(jobs, n_books), "1 worker")
        share = _lp_share(one, given)
        rows += [{**row, "sweep": title, "books": n_books, "lp_share": share} for row in found]
    return rows


def _lp_share(one: fastp2p.Study, given: dict[str, Any]) -> float:
    """The share of books whose trades are cut, by filling or an LP, from the first scenarios."""
    few = one.with_(scenarios={"count": min(200, one.scenarios.count), "keep": ["books"]})
    books = fastp2p.run(few, **given).books
    return float((books.cut_kwh > 0.0).mean())


def command(quick: bool) -> list[Row]:
    """The whole command `fastp2p run pv-sweep`, from starting Python to the figures; compiled kernels at hand."""
    study_name = "paper-44" if quick else "pv-sweep"
    # Python's own compiled files are part of a warm cache
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    with tempfile.TemporaryDirectory() as folder:

        def run() -> None:
            out = str(Path(folder) / "out")
            call = [sys.executable, "-m", "fastp2p", "run", study_name, "--out", out, "--overwrite"]
            subprocess.run(call, check=True, capture_output=True, env=environment)

        seconds = in_turns({study_name: run}, 1 if quick else 7)[study_name]
    return [{"what": f"fastp2p run {study_name}", **summary(seconds, 1)}]


def _rows(taken: dict[str, list[float]], n_books: dict[str, int], ours: str) -> list[Row]:
    """A row per job, with how many times longer it takes per book than ours."""
    return [
        {"what": name, **summary(seconds, n_books[name]), **ratio(seconds, taken[ours], n_books[ours] / n_books[name])}
        for name, seconds in taken.items()
    ]


def on_one_core(quick: bool) -> dict[str, list[Row]]:
    """The comparisons of one thread; a network that is not to be had is a gap."""
    found = {"whole_book": whole_book(quick), "home_flows": []}
    for key in ("44",) if quick else SOURCES:
        try:
            found[f"flows_{key}"] = flows(key, quick)
            found["home_flows"] += home_flows(key, quick)
            found[f"lps_{key}"] = [row for n in (LP_SIZES[:1] if quick else LP_SIZES) for row in lps(key, n, quick)]
        except Gap as gap:
            found[f"flows_{key}"] = found[f"lps_{key}"] = [{"what": key, "gap": str(gap)}]
    return found


def on_all_cores(quick: bool) -> dict[str, list[Row]]:
    """The comparisons that use all processors."""
    return {"workers": workers(quick), "command": command(quick)}
