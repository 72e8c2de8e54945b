"""What a book costs to clear: the screen alone, LP books of 6, 20 and 50 trades, beside two plainer ways to the same LP.

    python -m bench.clearing [--quick]

All ways clear the same books in turns; a round is one pass over all of them; medians over the rounds, in µs per book.
Answers are compared before anything is timed. `of it HiGHS` is the time that HiGHS's own passModel and run take in our way.
"""

import argparse
import statistics
import time
from contextlib import contextmanager
from dataclasses import dataclass, replace

import highspy
import numpy as np
from scipy.optimize import linprog

import fastp2p
from fastp2p import highs

NETWORKS = {
    "44 buses, CIGRE LV": "cigre_lv",
    "80 buses, village_1": "village_1",
    "129 buses, SimBench 1-LV-rural3": "simbench:1-LV-rural3--0-sw",
}
SIZES = (6, 20, 50)


@dataclass(frozen=True)
class Case:
    """Books with a fixed number of trades, all congested, in the shed form that a θ LP has."""

    network: fastp2p.Network
    trades: fastp2p.Trades
    base_kw: np.ndarray


def load(source):
    """A built-in network, or one of SimBench's by its code; None where that package is missing."""
    if not source.startswith("simbench:"):
        return fastp2p.Network.load(source)
    try:
        import simbench
    except ImportError:
        return None
    return fastp2p.Network.from_pandapower(simbench.get_simbench_net(source.removeprefix("simbench:")))


def draw(network, n_books, n_trades, seed=0):
    """Random trades; limits leave room for the base and 30 % of what trades add in the middle book, so that most books bind."""
    rng = np.random.default_rng(seed)
    size = n_books * n_trades
    seller = rng.integers(0, network.n_bus, size)
    buyer = (seller + rng.integers(1, network.n_bus, size)) % network.n_bus
    trades = fastp2p.Trades(
        np.arange(n_books + 1) * n_trades, seller, buyer, rng.uniform(0.5, 3.0, size), np.full(size, 0.2), np.full(size, 0.05)
    )
    base = -rng.uniform(0.0, 0.5, (n_books, network.n_bus))
    traded = np.zeros_like(base)
    np.add.at(traded, (trades.book, seller), trades.quantity_kwh)
    np.subtract.at(traded, (trades.book, buyer), trades.quantity_kwh)
    before, after = network.flow_kw(base), network.flow_kw(base + traded)
    limit = np.abs(before).max(axis=0) + 0.3 * np.median(np.abs(after - before), axis=0) + 1e-3
    over = (np.abs(after) > limit).any(axis=1)
    return Case(replace(network, limit_kw=limit), _only(trades, np.flatnonzero(over)), base[over])


def _only(trades, books):
    """The trades of some books."""
    width = int(np.diff(trades.offset)[0])
    rows = (books[:, None] * width + np.arange(width)).ravel()
    columns = (trades.seller, trades.buyer, trades.quantity_kwh, trades.bid_per_kwh, trades.ask_per_kwh)
    return fastp2p.Trades(np.arange(len(books) + 1) * width, *(column[rows] for column in columns))


def ours(case):
    return fastp2p.clear(case.network, case.trades, case.base_kw, unserved="shed")


def screen_only(case):
    wide = replace(case.network, limit_kw=np.full(case.network.n_branch, 1e9))
    return lambda: fastp2p.clear(wide, case.trades, case.base_kw, unserved="shed")


def by_linprog(case, k):
    """The dense PTDF form through SciPy, the book's executed volume."""
    trades, network = case.trades, case.network
    i = slice(trades.offset[k], trades.offset[k + 1])
    columns = network.ptdf[:, trades.seller[i]] - network.ptdf[:, trades.buyer[i]]
    flow = network.ptdf @ case.base_kw[k] + network.constant_kw
    return -linprog(
        -np.ones(columns.shape[1]),
        A_ub=np.vstack([columns, -columns]),
        b_ub=np.concatenate([network.limit_kw - flow, network.limit_kw + flow]),
        bounds=list(zip(np.zeros(columns.shape[1]), trades.quantity_kwh[i], strict=True)),
    ).fun


def by_expressions(case, k):
    """The θ form, a Python expression per balance and limit, in highspy; the book's executed volume."""
    network, trades = case.network, case.trades
    model = highspy.Highs()
    model.setOptionValue("output_flag", False)
    theta = [model.addVariable(lb=-highspy.kHighsInf, ub=highspy.kHighsInf) for _ in range(network.n_bus)]
    places = range(trades.offset[k], trades.offset[k + 1])
    executed = {i: model.addVariable(lb=0.0, ub=float(trades.quantity_kwh[i])) for i in places}
    leaving = [[] for _ in range(network.n_bus)]
    for f, t, b, limit in zip(
        network.from_bus.tolist(),
        network.to_bus.tolist(),
        network.susceptance_kw.tolist(),
        network.limit_kw.tolist(),
        strict=True,
    ):
        # angles in units in which the largest susceptance is 1, for the solver's sake
        flow = (b / network.susceptance_kw.max()) * (theta[f] - theta[t])
        model.addConstr(flow <= limit)
        model.addConstr(flow >= -limit)
        leaving[f].append(flow)
        leaving[t].append(-1.0 * flow)
    fixed = case.base_kw[k] + network.fixed_kw
    for bus in range(network.n_bus):
        if bus == network.slack_bus:
            model.addConstr(theta[bus] == 0)
            continue
        injected = [executed[i] for i in places if trades.seller[i] == bus] + [
            -1.0 * executed[i] for i in places if trades.buyer[i] == bus
        ]
        model.addConstr(sum(leaving[bus]) - sum(injected) == float(fixed[bus]))
    model.maximize(sum(executed.values()))
    return model.getObjectiveValue()


@contextmanager
def time_in_highs():
    """Collects the time spent inside HiGHS's own `passModel` and `run`; yields a list whose sum it is."""
    spent = []
    originals = {name: getattr(highs.Solver, name) for name in ("passModel", "run")}

    def timed(function):
        def wrapped(*arguments):
            start = time.perf_counter()
            result = function(*arguments)
            spent.append(time.perf_counter() - start)
            return result

        return wrapped

    for name, function in originals.items():
        setattr(highs.Solver, name, timed(function))
    try:
        yield spent
    finally:
        for name, function in originals.items():
            setattr(highs.Solver, name, function)


def measure(case, rounds, slow_books):
    """Medians in µs per book: screen, ours, HiGHS within ours, linprog, expressions."""
    n_books = case.trades.n_books
    answer, free = ours(case), screen_only(case)
    volume = np.add.reduceat(answer.executed_kwh, case.trades.offset[:-1])
    for k in range(min(slow_books, n_books)):
        np.testing.assert_allclose([by_linprog(case, k), by_expressions(case, k)], volume[k], rtol=1e-6)
    free()
    times = {"screen": [], "ours": [], "HiGHS alone": [], "linprog": [], "expressions": []}
    for r in range(rounds):
        times["screen"].append(_timed(free) / n_books)
        times["ours"].append(_timed(lambda: ours(case)) / n_books)
        with time_in_highs() as spent:
            ours(case)
        times["HiGHS alone"].append(sum(spent) / n_books)
        k = r % n_books
        times["linprog"].append(_timed(lambda k=k: by_linprog(case, k)))
        times["expressions"].append(_timed(lambda k=k: by_expressions(case, k)))
    return {name: 1e6 * statistics.median(values) for name, values in times.items()}


def _timed(function):
    start = time.perf_counter()
    function()
    return time.perf_counter() - start


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few books and rounds: that it runs, not how fast")
    quick = parser.parse_args().quick
    n_books, rounds = (20, 3) if quick else (400, 31)
    headings = ("trades", "books", "screen", "ours", "of it HiGHS", "linprog", "expressions", "ratio")
    print(f"{'network':34}" + "".join(f"{heading:>12}" for heading in headings))
    for title, source in NETWORKS.items():
        network = load(source)
        if network is None:
            print(f"{title:34} skipped: pip install simbench")
            continue
        for n_trades in SIZES:
            case = draw(network, n_books, n_trades)
            us = measure(case, rounds, slow_books=5)
            cells = (
                us["screen"],
                us["ours"],
                us["HiGHS alone"],
                us["linprog"],
                us["expressions"],
                us["expressions"] / us["ours"],
            )
            print(f"{title:34}{n_trades:12}{case.trades.n_books:12}" + "".join(f"{cell:12.1f}" for cell in cells))


if __name__ == "__main__":
    main()
