"""A congested book filled and by LPs: by size, by batch, where HiGHS overtakes, and a sweep of which a fifth binds.

    python -m bench.compiled_lp [--quick] [--part books|batches|crossover|sweep]

Everything that a congested book costs is timed: columns, reduced rows, both solves and the certificate (`columns.collect`
and `curtail`); or filling with its proof, injections and loading (`fill_nested_books`). Ways take turns in one process on one
thread; medians over the rounds, µs per book.
"""

import argparse
import statistics
from dataclasses import dataclass
from functools import cached_property

import numpy as np

import fastp2p
from bench.contests import congested_books
from bench.filling import fill
from bench.networks import Gap, load
from bench.timing import in_turns
from fastp2p.clearing import solve
from fastp2p.clearing.answer import COMPILED
from fastp2p.clearing.columns import collect
from fastp2p.clearing.families import dc_families
from fastp2p.clearing.nested import nest_of
from fastp2p.clearing.rows import rows_of_families, rows_of_kw
from fastp2p.clearing.solve import curtail
from fastp2p.grid.topology import grow_tree
from fastp2p.kernels.structs import Rows
from fastp2p.sweep.parts import KEPT_BYTES
from fastp2p.sweep.workers import start_processes

SIZES = (6, 20, 50)
FEEDERS = ((40, 20), (40, 100), (40, 400), (160, 50), (160, 200), (160, 800), (640, 200), (640, 800), (640, 3200))
DENSE = ((10, 20), (20, 100), (50, 100), (50, 400), (50, 800), (100, 200), (100, 400), (100, 800), (200, 800))
"""Rows and trades of the books that look for the crossover."""
LIMIT_FACTOR = 0.31
"""Of the line ratings of pv-sweep, for the sweep."""


@dataclass
class Books:
    """Congested books as `clear` finds them."""

    rows: Rows
    trades: fastp2p.Trades
    floor_value: np.ndarray
    export_kw: np.ndarray
    retail: bool

    @property
    def n(self):
        return self.trades.n_books

    def clear(self, solver):
        """Columns and answer."""
        books = np.arange(self.n)
        columns = collect(books, self.trades, self.export_kw, "volume", self.retail, 1.0)
        return columns, curtail(self.rows, books, columns, self.floor_value, "volume", solver)

    @cached_property
    def nest(self):
        """Limits as nested ones."""
        return nest_of(self.rows, np.arange(self.export_kw.shape[1]), np.ones(len(self.rows.lower)))

    def fill(self):
        """The same without an LP, where limits are nested."""
        assert fill(self.nest, self.trades, self.export_kw, self.floor_value).proven.all()

    def first(self, n):
        """The first n of the books."""
        end, t = self.trades.offset[n], self.trades
        trades = fastp2p.Trades(
            t.offset[: n + 1], t.seller[:end], t.buyer[:end], t.quantity_kwh[:end], t.bid_per_kwh[:end], t.ask_per_kwh[:end]
        )
        return Books(self.rows, trades, self.floor_value[:n], self.export_kw[:n], self.retail)


def books_of(key, n_books, n_trades, retail):
    """The books of `bench.contests.congested_books`, by either rule."""
    network, trades, floor = congested_books(load(key).network, n_books, n_trades)
    if retail:
        np.subtract.at(floor, (trades.book, trades.buyer), trades.quantity_kwh)
    return Books(rows_of_families(dc_families(network)), trades, network.flow_kw(floor), np.zeros_like(floor), retail)


def random_tree(n_bus, n_trades, n_books, retail=True, seed=0):
    """Books of a number of trades between random buses of a random feeder; half of its branches may bind."""
    rng = np.random.default_rng(seed)
    ends = np.array([(int(rng.integers(max(0, i - 5), i)), i) for i in range(1, n_bus)])
    tree = grow_tree(n_bus, ends[:, 0].copy(), ends[:, 1].copy(), np.array([0]))
    size = n_books * n_trades
    seller = rng.integers(0, n_bus, size)
    buyer = (seller + rng.integers(1, n_bus, size)) % n_bus
    price = np.full(size, 0.2)
    trades = fastp2p.Trades(np.arange(n_books + 1) * n_trades, seller, buyer, rng.uniform(0.5, 3.0, size), price, price)
    behind = np.zeros((n_bus, n_bus))  # buses behind each branch
    for bus in range(n_bus):
        at = bus
        while tree.parent[at] != -1:
            behind[tree.parent_branch[at], bus] = 1.0
            at = tree.parent[at]
    injected = np.zeros((n_books, n_bus))
    np.add.at(injected, (trades.book, seller), trades.quantity_kwh)
    if not retail:
        np.subtract.at(injected, (trades.book, buyer), trades.quantity_kwh)
    flow = np.abs(injected @ behind.T)[:, : n_bus - 1]
    limit = np.median(flow, axis=0) * rng.uniform(0.3, 2.0, n_bus - 1) + 1e-3
    none = np.empty((0, n_bus))
    rows = rows_of_kw(-limit, limit, tree.parent, tree.parent_branch, tree.parent_sign, tree.depth, none)
    return Books(rows, trades, np.zeros((n_books, n_bus - 1)), np.zeros((n_books, n_bus)), retail)


def dense_rows(n_rows, n_trades, n_books, seed=0):
    """Books over rows in which every bus counts, as of a meshed network or of voltages; most of them bind."""
    rng = np.random.default_rng(seed)
    n_bus, size = 400, n_books * n_trades
    dense = rng.uniform(-1.0, 1.0, (n_rows, n_bus))
    dense[:, 0] = 0.0
    seller = rng.integers(0, n_bus, size)
    buyer = (seller + rng.integers(1, n_bus, size)) % n_bus
    price = np.full(size, 0.2)
    trades = fastp2p.Trades(np.arange(n_books + 1) * n_trades, seller, buyer, rng.uniform(0.5, 3.0, size), price, price)
    limit = np.sqrt(n_trades) * rng.uniform(0.2, 1.5, n_rows)
    root, flat = np.full(n_bus, -1), np.zeros(n_bus, np.int64)
    rows = rows_of_kw(-limit, limit, root, root, np.zeros(n_bus), flat, dense)
    return Books(rows, trades, np.zeros((n_books, n_rows)), np.zeros((n_books, n_bus)), False)


def medians(ways, rounds):
    """Median seconds of each way, in turns."""
    return {name: statistics.median(seconds) for name, seconds in in_turns(ways, rounds).items()}


def stages(books):
    """What `curtail` does, stage by stage, as calls to be timed in turns."""
    every = np.arange(books.n)
    columns = collect(every, books.trades, books.export_kw, "volume", books.retail, 1.0)
    lps, _ = solve._merge(solve._reduce(books.rows, every, columns, books.floor_value, range(books.n))[0])
    x, dual = np.zeros(len(lps.most)), np.zeros(len(lps.room_above))
    basic, verdict, steps = np.zeros(len(dual), np.int32), np.zeros(books.n, np.int64), np.zeros(books.n, np.int64)
    ways = {
        "columns": lambda: collect(every, books.trades, books.export_kw, "volume", books.retail, 1.0),
        "reduce": lambda: solve._reduce(books.rows, every, columns, books.floor_value, range(books.n)),
        "solve": lambda: solve.solve_books(
            np.arange(len(verdict)), lps, np.inf, 2**62, solve.STEPS_PER_LINE, basic, x, verdict, steps
        ),
        "answer": lambda: solve.answer_books(every, lps, basic, np.full(len(x), np.nan), x, dual, verdict),
    }
    return ways, steps, float(np.diff(lps.row_offset).mean())


def table(headings, rows):
    cells = [[f"{cell:.1f}" if isinstance(cell, float) else str(cell) for cell in row] for row in (headings, *rows)]
    widths = [max(10, *map(len, column)) + 2 for column in zip(*cells, strict=True)]
    for row in cells:
        print("".join(f"{cell:>{width}}" for width, cell in zip(widths, row, strict=True)), flush=True)


def by_size(rounds, n_books):
    headings = (
        "network",
        "unserved",
        "trades",
        "rows",
        "steps",
        "columns",
        "reduce",
        "solve",
        "answer",
        "whole",
        "HiGHS",
        "x",
        "filled",
    )
    rows = []
    for key in ("44", "80", "129"):
        for n_trades in SIZES:
            for retail in (True, False):
                try:
                    books = books_of(key, n_books, n_trades, retail)
                except Gap:
                    continue
                ways, steps, m = stages(books)
                ways |= {"whole": lambda b=books: b.clear("compiled")}
                ways |= {"filled": books.fill} if retail else {}
                us = {name: 1e6 * s / books.n for name, s in medians(ways, rounds).items()}
                both = {solver: lambda b=books, s=solver: b.clear(s) for solver in ("compiled", "highs")}
                turns = medians(both, max(3, rounds // 5))
                rule = "retail" if retail else "shed"
                rows.append(
                    (key, rule, n_trades, m, float(steps.mean()),
                     *(us[name] for name in ("columns", "reduce", "solve", "answer", "whole")),
                     1e6 * turns["highs"] / books.n, turns["highs"] / turns["compiled"], us.get("filled", "-"))
                )  # fmt: skip
    table(headings, rows)


def by_batch(rounds):
    rows = []
    for retail in (True, False):
        for n_trades in SIZES[:2]:
            all_books = books_of("44", 820, n_trades, retail)
            some = {n: all_books.first(n) for n in (10, 100, 400)}
            seconds = medians({n: lambda b=b: b.clear("compiled") for n, b in some.items()}, rounds)
            rows.append(("retail" if retail else "shed", n_trades, *(1e6 * seconds[n] / n for n in some)))
    table(("unserved", "trades", "10 books", "100 books", "400 books"), rows)


def crossover(rounds, feeders, dense):
    cases = [
        (f"tree, {'retail' if retail else 'shed'}", m, n, lambda k, m=m, n=n, retail=retail: random_tree(m + 1, n, k, retail))
        for retail in (True, False)
        for m, n in feeders
    ]
    cases += [("dense, shed", m, n, lambda k, m=m, n=n: dense_rows(m, n, k)) for m, n in dense]
    rows = []
    for name, _, n, make in cases:
        books = make(max(2, min(50, 4000 // n)))
        columns, answer = books.clear("compiled")
        lps, _ = solve._reduce(books.rows, np.arange(books.n), columns, books.floor_value, range(books.n))
        kept, entries = np.diff(lps.row_offset).mean(), np.diff(lps.entry_offset).mean()
        ways = {solver: lambda b=books, s=solver: b.clear(s) for solver in ("compiled", "highs")}
        seconds = medians(ways, rounds)
        by_kernel = 100 * float(np.mean(answer.solver_code == COMPILED))
        rows.append(
            (name, n, float(kept), float(answer.steps.mean()), f"{entries**2 / (kept * n):.0f}",
             *(1e6 * s / books.n for s in seconds.values()), seconds["highs"] / seconds["compiled"], by_kernel)
        )  # fmt: skip
    table(("rows", "trades", "kept", "steps", "work", "compiled", "HiGHS", "x", "certified %"), rows)


def sweep(rounds, count):
    """pv-sweep with narrower lines, so that a fifth of its books bind: filled, by LPs of both solvers, beside no limits."""
    study = fastp2p.studies()["pv-sweep"]

    def run(way, count, keep, **how):
        changes = {
            "network": {"limit_factor": 1e6 if way == "free" else LIMIT_FACTOR},
            "scenarios": {"count": count, "keep": keep},
        }
        return fastp2p.run(study.with_(clearing={"solver": "auto" if way == "free" else way}, **changes), **how)

    books = run("compiled", 50, ("books",)).books
    by_highs = (books.solver == "highs").mean()
    n_books = len(books) // 50 * count
    print(f"{n_books:,} books, {(books.solver != 'none').mean():.1%} with an LP, {by_highs:.2%} by HiGHS")
    with start_processes(2) as processes:
        how = {"1 worker": {"workers": 1}, "2 threads": {"workers": 2}, "2 processes": {"executor": processes}}
        ways = {
            (s, w): lambda s=s, w=w: run(s, count, (), **how[w]) for s in ("free", "auto", "compiled", "highs") for w in how
        }
        seconds = medians(ways, rounds)
    rows = [
        (s, w, f"{t:.2f}", 1e6 * t / n_books, f"{seconds[s, '1 worker'] / t:.2f}", f"{t / seconds['free', w]:.2f}")
        for (s, w), t in seconds.items()
    ]
    table(("solver", "workers", "s", "µs a book", "x 1 worker", "x free"), rows)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="few books and rounds: that it runs, not how fast")
    parser.add_argument("--part", choices=("books", "batches", "crossover", "sweep"))
    chosen = parser.parse_args()
    quick = chosen.quick
    np.empty(KEPT_BYTES, np.uint8)  # as a part of a sweep begins
    parts = {
        "books": lambda: by_size(3 if quick else 31, 40 if quick else 400),
        "batches": lambda: by_batch(3 if quick else 51),
        "crossover": lambda: crossover(1, FEEDERS[:2], DENSE[:2]) if quick else crossover(5, FEEDERS, DENSE),
        "sweep": lambda: sweep(1 if quick else 5, 20 if quick else 2_000),
    }
    for name, part in parts.items():
        if chosen.part in (None, name):
            print(f"-- {name}")
            part()


if __name__ == "__main__":
    main()
