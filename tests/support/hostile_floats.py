"""Every stage with ``check=False`` on arrays of the right shapes that hold anything a float can be, in a process of its own.

python hostile_floats.py SEED ROUNDS
"""

import itertools
import sys

import numpy as np

import fastp2p
from fastp2p.devices.battery import run_batteries
from fastp2p.devices.ev import run_evs
from fastp2p.devices.heat_pump import run_heat_pumps
from fastp2p.grid.ac import summarise_flows
from fastp2p.grid.phases import summarise_phases
from fastp2p.market.matching import match_in_pools
from fastp2p.market.rules import RULES
from fastp2p.market.trades import Leftovers

STATED = {"r0_per_r1": 4.0, "x0_per_x1": 4.0, "vector_group": "Dyn", "trafo_z0_per_z1": 1.0, "grid": "ideal"}
ANY = np.array(
    [np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, -5e-324, 1e-308, 1e-300, 1e308, 1.7e308, -1e308, 1.0, 2.0, 0.1, -1.0, 1e-12]
)
"""Drawn from: what has no order, no size, or no neighbour."""


def hostile(random: np.random.Generator, *shape: int) -> np.ndarray:
    """Some of all, or of two alone: ties and overflowing sums of equal numbers come from those."""
    return random.choice(ANY if random.random() < 0.5 else random.choice(ANY, 2), shape)


def assert_within(trades: fastp2p.Trades, n_books: int, n_bus: int, most: int) -> None:
    assert not trades.shape_faults(n_books, n_bus)
    assert trades.n_trades <= most * n_books


def one_round(random: np.random.Generator, network: fastp2p.Network) -> None:
    n_books, n_bus = int(random.integers(0, 4)), network.n_bus
    load, pv, bids, asks, base, export = (hostile(random, n_books, n_bus) for _ in range(6))
    bid, ask = hostile(random, n_bus), hostile(random, n_bus)
    fastp2p.make_orders(load, pv, orders=str(random.choice(["net", "gross"])), check=False)
    for priority, ties in itertools.product(("price", "volume"), ("pro_rata", "order")):
        trades = fastp2p.match_orders(bids, asks, bid, ask, priority=priority, ties=ties, check=False)
        assert_within(trades, n_books, n_bus, n_bus * n_bus if ties == "pro_rata" else 2 * n_bus)
        pooled = match_in_pools(bids, asks, *np.atleast_2d(bid, ask), priority=priority, ties=ties, pairs=False)
        assert_within(pooled, n_books, n_bus, n_bus * n_bus)
    if random.random() < 0.5:  # any trades, and not those of an auction
        count = random.integers(0, 5, n_books)
        offset = np.append(0, np.cumsum(count)).astype(np.int64)
        places = random.integers(0, n_bus, (2, count.sum()))
        trades = fastp2p.Trades(offset, *places, *hostile(random, 3, count.sum()), pooled=bool(random.random() < 0.5))
        trades.in_proportion()
    for pricing in RULES.keys() - {"mcafee"}:
        allow(fastp2p.price_trades, trades, bids, asks, bid, ask, pricing=pricing, check=False)
    allow(fastp2p.reduce_orders, trades, bids, asks, bid, ask, check=False)
    left = fastp2p.leave_over(load, pv, trades, check=False)
    physics, objective = random.choice(["dc", "lindistflow", "ac"]), random.choice(["volume", "welfare", "pro_rata"])
    clearing = allow(
        fastp2p.clear, network, trades, base, export_kw=export, physics=str(physics), objective=str(objective),
        unserved=str(random.choice(["retail", "shed"])), check=False,
    )  # fmt: skip
    if clearing is not None:
        prices = {"retail_per_kwh": hostile(random, n_books), "feed_in_per_kwh": hostile(random, n_books)}
        fastp2p.settle(trades, clearing, load, pv, Leftovers(load, pv, left.surplus_kwh), **prices, check=False)
    summarise_flows(network, np.arange(n_bus), base, export)
    for cyclic in (False, True):
        sizes = hostile(random, 4, n_books, 5)
        battery = {"efficiency": 0.9, "step_hours": 1.0, "cyclic": cyclic, "check": False}
        run_batteries(hostile(random, n_books, 7, 5), *sizes, **battery)
        tariff = {"retail_per_kwh": hostile(random, 7), "day": np.arange(7) // 4}
        run_batteries(hostile(random, n_books, 7, 5), *sizes, **battery, **tariff)
        times = hostile(random, 2, n_books, 5) if random.random() < 0.3 else random.uniform(0.0, 24.0, (2, n_books, 5))
        for rule in ("immediate", "surplus", "cheapest"):
            run_evs(
                hostile(random, n_books, 7, 5), hostile(random, n_books, 5), *times, hostile(random, n_books, 5), rule=rule,
                step_hours=4.0, cyclic=cyclic, retail_per_kwh=hostile(random, 7), check=False,
            )  # fmt: skip
        allow(
            run_heat_pumps, hostile(random, n_books, 7, 5), *hostile(random, 3, n_books, 5), *hostile(random, 2, 7),
            comfort_c=tuple(hostile(random, 2).tolist()), first_c=20.0, rule="surplus", step_hours=1.0, cyclic=cyclic,
            check=False,
        )  # fmt: skip
    some = random.permutation(n_bus)[: int(random.integers(0, n_bus + 1))]
    summarise_phases(network, some, *(hostile(random, n_books, len(some), 3) for _ in range(2)))


def allow(function, *arguments, **options):
    """What it returns; None where it refuses."""
    try:
        return function(*arguments, **options)
    except fastp2p.FastP2PError:
        return None


if __name__ == "__main__":
    np.seterr(all="ignore")
    radial = fastp2p.Network.load("cigre_lv", phases=3, zero_sequence=STATED)
    for number in range(int(sys.argv[2])):
        one_round(np.random.default_rng([int(sys.argv[1]), number]), radial)
    print("ended")
