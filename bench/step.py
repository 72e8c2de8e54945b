"""One time step in one call: `trade_step` for a single book, beside the public stages one by one.

    python -m bench.step [--quick]

40 homes at ends of a network of 294 buses, two in five of them with PV, each with its own prices. Limits never bind, or they
are just above what the homes draw, so that trades are cut. Everything runs in turns in one process on one processor;
processor time, medians over the rounds, in brackets the middle 80 %, ratios taken round by round.
"""

import argparse
import time
from dataclasses import replace
from typing import Any

import numpy as np

import fastp2p
from bench.report import figures, spread, table
from bench.timing import in_turns, on_one_core, ratio, summary

SOURCE, HOMES = "create_kerber_vorstadtnetz_kabel_1", 40
CASES = (("dc", False), ("dc", True), ("lindistflow", False), ("lindistflow", True))
TARIFFS = {"retail_per_kwh": 0.3, "feed_in_per_kwh": 0.05}
MOST_LOAD = 1.05
"""Limits by what the homes draw, where trades are to be cut."""


def draw_book(network: fastp2p.Network) -> tuple[np.ndarray, ...]:
    """Buses, load, PV, bids and asks of the homes."""
    rng = np.random.default_rng(0)
    bus = np.sort(rng.choice(network.leaf_buses(), HOMES, replace=False))
    load, pv = rng.uniform(0.2, 2.0, HOMES), rng.uniform(1.0, 8.0, HOMES) * (rng.random(HOMES) < 0.4)
    return bus, load, pv, rng.uniform(0.1, 0.25, HOMES), rng.uniform(0.0, 0.12, HOMES)


def stage_by_stage(network: fastp2p.Network, book: tuple[np.ndarray, ...], physics: str) -> Any:
    """The same by the public functions, which all check what they are given."""
    bus, load, pv, bids, asks = book
    load, pv = load[None], pv[None]
    orders = fastp2p.make_orders(load, pv)
    kwh = orders.bid_kwh, orders.ask_kwh
    trades = fastp2p.match_orders(*kwh, bids, asks)
    prices = fastp2p.price_trades(trades, *kwh, bids, asks, **TARIFFS)
    left = fastp2p.leave_over(load, pv, trades)
    clearing = fastp2p.clear(network, trades, -left.deficit_kwh, export_kw=left.surplus_kwh, bus=bus, physics=physics)
    return fastp2p.settle(
        trades, clearing, load, pv, left, **TARIFFS, buyer_per_kwh=prices.buyer_per_kwh, seller_per_kwh=prices.seller_per_kwh
    )


def compare(physics: str, is_cut: bool, quick: bool) -> list[str]:
    """A row of the table: physics, status, the step, the stages one by one, and how many times as long these take."""
    network = fastp2p.Network.load(SOURCE)
    book = draw_book(network)
    bus, load, *_ = book
    limit = np.maximum(MOST_LOAD * np.abs(network.flow_kw(-load, bus)), 0.5) if is_cut else np.full(network.n_branch, 1e6)
    network = replace(network, limit_kw=limit)

    def step() -> fastp2p.Step:
        return fastp2p.trade_step(network, *book[1:], bus=bus, physics=physics, **TARIFFS)

    many = 5 if quick else 50
    jobs = {
        "step": lambda: [step() for _ in range(many)],
        "stages": lambda: [stage_by_stage(network, book, physics) for _ in range(many)],
    }
    seconds = in_turns(jobs, 3 if quick else 41, clock=time.process_time)
    times = ratio(seconds["stages"], seconds["step"])
    found = step()
    of_stages = spread(summary(seconds["stages"], many))
    return [f"`{physics}`", str(found.status), spread(summary(seconds["step"], many)), of_stages, figures(times["ratio"])]


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few calls and rounds: whether it runs")
    chosen = parser.parse_args()
    with on_one_core():
        rows = [compare(physics, is_cut, chosen.quick) for physics, is_cut in CASES]
    print(table(["physics", "status", "`trade_step`, µs", "stages one by one, µs", "times as long"], rows))


if __name__ == "__main__":
    main()
