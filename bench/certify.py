"""Are the compiled solver's answers proven, and are they those of HiGHS? Random and adversarial books, as many as asked for.

    python -m bench.certify [--books 1000000] [--seed 0]

Every kind of book is drawn in batches that share a network; both solvers clear the same LPs. Rational arithmetic gives the
answer of some small books of each batch, and of those where the two differ by more than is allowed, and the compiled solver is
checked against that (columns `exact` and `differ`). Energy is relative to the largest column of a book. Exits with 1 if a
requirement is not met.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import pairwise

import numpy as np

import fastp2p
from bench.exact import solve_exactly
from bench.filling import fill
from fastp2p.clearing.answer import COMPILED
from fastp2p.clearing.columns import collect
from fastp2p.clearing.nested import nest_of
from fastp2p.clearing.rows import rows_of_kw
from fastp2p.clearing.solve import _reduce, curtail
from fastp2p.grid.topology import grow_tree

BATCH = 250
CERTIFIED = 0.9999
OBJECTIVE = 1e-9
EXECUTED = 1e-6
BETTER = 1e-9
"""By which an answer must be better to count as better."""
EXACT_COLUMNS, EXACT_ROWS, EXACT_BOOKS = 16, 10, 3
"""Up to which size a book is small, and how many small ones of a batch are looked at."""


@dataclass
class Kind:
    """How books are drawn; `whole` numbers make ties and degenerate corners."""

    whole: bool = False
    dense: str = ""
    few_buses: bool = False
    closed: float = 0.0
    overload: float = 0.0
    decades: float = 0.0
    mixed: bool = False
    pairs: bool = False


KINDS = {
    "random on trees": Kind(),
    "whole numbers, equal prices": Kind(whole=True),
    "rows of no capacity": Kind(whole=True, closed=0.3),
    "base overloads": Kind(overload=0.3),
    "parallel and opposite columns": Kind(whole=True, few_buses=True),
    "meshed rows": Kind(dense="meshed"),
    "meshed rows, whole numbers, closed": Kind(dense="meshed", whole=True, closed=0.2),
    "voltage rows": Kind(dense="voltage"),
    "voltage rows, whole numbers, overloads": Kind(dense="voltage", whole=True, overload=0.2),
    "scales from 1e-6 to 1e6 kW": Kind(decades=6.0),
    "scales, meshed and voltage rows": Kind(dense="both", decades=6.0),
    "all scales in one book": Kind(mixed=True),
    "pairs in proportion": Kind(pairs=True),
    "pairs in proportion, whole limits": Kind(pairs=True, whole=True),
    "pairs in proportion, meshed rows": Kind(pairs=True, dense="meshed"),
}


@dataclass
class Tally:
    """What is counted over batches of one kind."""

    books: int = 0
    certified: int = 0
    failed: int = 0
    objective: float = 0.0
    executed: float = 0.0
    exact: int = 0
    differ: int = 0
    filled: int = 0
    unproven: int = 0
    apart: float = 0.0
    steps: list = field(default_factory=list)

    @property
    def is_good(self):
        """Whether nothing failed and all answers are the same."""
        return not self.failed and self.objective <= OBJECTIVE and max(self.executed, self.apart) <= EXECUTED


def draw_rows(rng, kind, n_bus, scale):
    """A tree's branches, and dense rows beside or instead of them."""
    ends = np.array([(int(rng.integers(max(0, i - 4), i)), i) for i in range(1, n_bus)])
    flipped = rng.random(len(ends)) < 0.5
    ends[flipped] = ends[flipped][:, ::-1]
    tree = grow_tree(n_bus, ends[:, 0].copy(), ends[:, 1].copy(), np.array([0]))
    n_dense = int(rng.integers(2, 13)) if kind.dense else 0
    dense = np.zeros((n_dense, n_bus))
    for r in range(n_dense):
        if kind.dense == "meshed" or (kind.dense == "both" and r % 2):
            dense[r, 1:] = rng.choice([rng.uniform(-1, 1), rng.uniform(-1, 1), 0.25, -0.5, 0.0], n_bus - 1)
            dense[r, 1:] *= 1.0 if kind.whole else rng.uniform(0.5, 1.0, n_bus - 1)
        else:  # per unit per kW: what a bus lifts at another one grows with the path that they share
            dense[r, 1:] = 10.0 ** rng.uniform(-6, -3) * rng.integers(1, 20, n_bus - 1) * rng.uniform(0.9, 1.1)
    limit = rng.integers(1, 9, n_bus - 1).astype(float) if kind.whole else rng.gamma(1.5, 3.0, n_bus - 1)
    limit[rng.random(len(limit)) < kind.closed] = 0.0
    upper = np.concatenate([limit, np.abs(dense).sum(axis=1) * rng.uniform(0.02, 0.6, n_dense)]) * scale
    lower = -upper * np.concatenate([np.ones(n_bus - 1), rng.choice([1.0, 0.5], n_dense)])
    lower[n_bus - 1 :][rng.random(n_dense) < 0.3] = -np.inf
    return rows_of_kw(lower, upper, tree.parent, tree.parent_branch, tree.parent_sign, tree.depth, dense)


def draw_batch(rng, kind, n_books=BATCH):
    """(rows, books, trades, export_kw, floor_value, retail) of one batch."""
    n_bus = int(rng.integers(3, 6)) if kind.few_buses else int(rng.integers(3, 40))
    scale = 10.0 ** rng.uniform(-kind.decades, kind.decades) if kind.decades else 1.0
    rows = draw_rows(rng, kind, n_bus, scale)
    if kind.pairs:
        sizes, seller, buyer, kwh, prices = draw_pairs(rng, n_bus, n_books)
        n = len(kwh)
    else:
        sizes = np.minimum(1 + rng.geometric(1 / 12, n_books), 80)
        n = int(sizes.sum())
        seller = rng.integers(0, n_bus, n)
        buyer = (seller + rng.integers(1, n_bus, n)) % n_bus
        kwh = rng.integers(1, 6, n).astype(float) if kind.whole else rng.gamma(1.5, 2.0, n)
    if kind.mixed:
        kwh = 10.0 ** rng.uniform(-6, 6, n)
        rows = draw_rows(rng, kind, n_bus, 10.0 ** rng.uniform(-3, 5))
    if not kind.pairs:
        prices = rng.integers(1, 4, (2, n)) / 10 if kind.whole else rng.uniform(0.0, 0.3, (2, n))
    offset = np.concatenate([[0], np.cumsum(sizes)])
    trades = fastp2p.Trades(offset, seller, buyer, kwh * scale, 0.3 + prices[0], 0.3 - prices[1])
    export = rng.gamma(1.5, 2.0, (n_books, n_bus)) * (rng.random((n_books, n_bus)) < rng.choice([0.0, 0.2])) * scale
    room = np.where(np.isfinite(rows.lower), np.minimum(rows.upper, -rows.lower), rows.upper)
    floor = rng.uniform(-1.0, 1.0, (n_books, len(room))) * room * (0 if kind.closed else 1)
    over = rng.random(floor.shape) < kind.overload
    floor[over] *= rng.uniform(1.0, 3.0, over.sum())
    return rows, np.arange(n_books), trades, export, floor, bool(rng.random() < 0.5) and not kind.pairs


def draw_pairs(rng, n_bus, n_books):
    """Every buyer buys from every seller in proportion to size, in two price groups on either side."""
    sizes, ends, kwh, prices = [], [], [], []
    for _ in range(n_books):
        bus = rng.permutation(n_bus)
        n_sellers = int(rng.integers(1, max(2, min(8, n_bus))))
        seller, buyer = bus[:n_sellers], bus[n_sellers : n_sellers + 8]
        offered, wanted = (rng.choice([1.0, 2.0, 2.5], len(side)) * rng.uniform(0.5, 1.5) for side in (seller, buyer))
        ask, bid = (rng.choice(np.array([1, 2]) / 10, len(side)) for side in (seller, buyer))
        ends.append(np.array([(s, b) for s in seller for b in buyer]).reshape(-1, 2))
        kwh.append(np.outer(offered / offered.sum(), wanted).ravel())
        prices.append(np.array([(p, a) for a in ask for p in bid]).reshape(-1, 2))
        sizes.append(len(kwh[-1]))
    seller, buyer = np.concatenate(ends).T
    return np.array(sizes), seller.copy(), buyer.copy(), np.concatenate(kwh), np.concatenate(prices).T.copy()


def compare(rng, kind, tally):
    """Clear one batch by both solvers."""
    rows, books, trades, export, floor, retail = draw_batch(rng, kind)
    rule = "welfare" if rng.random() < 0.5 else "volume"
    columns = collect(books, trades, export, rule, retail, 1.0)
    ours, highs = (curtail(rows, books, columns, floor, rule, solver) for solver in ("compiled", "highs"))
    starts, book = columns.offset[:-1], np.repeat(books, np.diff(columns.offset))
    kw = [answer.share * columns.most_kw for answer in (ours, highs)]
    value = [np.add.reduceat(y * columns.cost[0], starts) for y in kw]
    size = np.maximum(np.abs(value[1]), 1e-6 * np.add.reduceat(columns.most_kw * columns.cost[0], starts))
    size[size == 0.0] = 1.0  # exports alone
    objective = np.abs(value[0] - value[1]) / size
    largest = np.maximum.reduceat(columns.most_kw, starts)
    executed = np.maximum.reduceat(np.abs(kw[0] - kw[1]), starts) / largest
    differ = (objective > OBJECTIVE) | (executed > EXECUTED)
    small = np.flatnonzero(np.diff(columns.offset) <= EXACT_COLUMNS)
    for k in [*np.flatnonzero(differ), *small[~differ[small]][:EXACT_BOOKS]]:
        y = exact_answer(rows, books, columns, floor, int(k), not differ[k])
        if y is not None:
            best = y @ columns.cost[0, book == k]
            objective[k] = abs(value[0][k] - best) / size[k]
            executed[k] = away(
                columns.cost[:, book == k], *(part / largest[k] for part in (columns.most_kw[book == k], kw[0][book == k], y))
            )
            tally.exact += 1
    nest = nest_of(rows, np.arange(export.shape[1]), np.ones(len(rows.lower))) if retail else None
    if nest is not None:
        filled = fill(nest, trades, export, floor, by_welfare=rule == "welfare")
        apart = np.abs(filled.executed_kwh - trades.quantity_kwh * ours.share[columns.column_of]) / largest[trades.book]
        tally.filled += len(books)
        tally.unproven += int(np.count_nonzero(~filled.proven))
        tally.apart = max(tally.apart, float(apart[filled.proven[trades.book]].max(initial=0.0)))
    tally.differ += int(differ.sum())
    tally.books += len(books)
    tally.certified += int(np.count_nonzero(ours.solver_code == COMPILED))
    tally.failed += int(np.count_nonzero(ours.failed | highs.failed))
    tally.objective = max(tally.objective, float(objective.max()))
    tally.executed = max(tally.executed, float(executed.max()))
    tally.steps.append(np.bincount(ours.steps))


def away(cost, most, ours, exact):
    """How far an answer in shares of the largest column is from the exact one; 0 where it is better in rank.

    Reduced costs of 1e-17 decide in rational arithmetic, and are none in floats: then an answer may have more exports, or be
    closer to pro rata, than the exact one.
    """
    some = most > 0.0
    gaps = [((most - y)[some] ** 2 / most[some]).sum() for y in (exact, ours)]
    gains = [cost[0] @ (ours - exact), cost[1] @ (ours - exact), gaps[0] - gaps[1]]
    rank = next((gain for gain in gains if abs(gain) > BETTER), 0.0)
    return 0.0 if rank > 0.0 else float(np.abs(ours - exact).max())


def exact_answer(rows, books, columns, floor, k, only_if_small):
    """kW of book k's columns, in rational arithmetic up to the last conversion; None if it has too many rows."""
    lps, _ = _reduce(rows, books, columns, floor, range(k, k + 1))
    if only_if_small and len(lps.room_above) > EXACT_ROWS:
        return None
    matrix = np.zeros((len(lps.room_above), len(lps.most)))
    for j in range(len(lps.most)):
        entries = slice(lps.start[j], lps.start[j + 1])
        matrix[lps.entry_row[entries], j] = lps.entry_value[entries]
    # what floats make of sums of prices is no difference: 0.3 - 0.1 is 0.4 - 0.2
    cost = [[Fraction(f"{value:.12f}") for value in criterion] for criterion in lps.cost[:2]]
    return np.array(solve_exactly(matrix, lps.room_below, lps.room_above, lps.most, cost), float)


def histogram(tallies):
    """Steps of the compiled solver over all kinds, in bins that double."""
    longest = max(len(counts) for tally in tallies for counts in tally.steps)
    total = sum(np.pad(counts, (0, longest - len(counts))) for tally in tallies for counts in tally.steps)
    edges = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    return {f"{a}-{b - 1}" if b > a + 1 else str(a): int(total[a:b].sum()) for a, b in pairwise(edges)}


def run(n_books, seed, show=print):
    """Tallies by kind."""
    tallies = {}
    show(
        f"{'kind':42}{'books':>9}{'certified':>12}{'failed':>8}{'objective':>11}{'executed':>10}{'exact':>7}{'differ':>8}{'s':>7}"
    )
    for number, (name, kind) in enumerate(KINDS.items()):
        rng, tally, clock = np.random.default_rng([seed, number]), Tally(), time.perf_counter()
        while tally.books < n_books / len(KINDS):
            compare(rng, kind, tally)
        tallies[name] = tally
        show(
            f"{name:42}{tally.books:9,}{tally.certified / tally.books:12.5%}{tally.failed:8}{tally.objective:11.1e}"
            f"{tally.executed:10.1e}{tally.exact:7}{tally.differ:8}{time.perf_counter() - clock:7.1f}"
        )
    return tallies


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--books", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    tallies = run(chosen.books, chosen.seed).values()
    books, certified = sum(t.books for t in tallies), sum(t.certified for t in tallies)
    failed = sum(t.failed for t in tallies)
    print(f"{books:,} books, {certified / books:.5%} certified, {books - certified} to HiGHS, {failed} failed")
    filled, unproven, apart = sum(t.filled for t in tallies), sum(t.unproven for t in tallies), max(t.apart for t in tallies)
    print(f"{filled:,} of them filled too, {unproven} without a proof, and at most {apart:.1e} of the largest column away")
    print("steps:", ", ".join(f"{name}: {count:,}" for name, count in histogram(tallies).items()))
    sys.exit(certified < CERTIFIED * books or unproven > (1.0 - CERTIFIED) * filled or any(not t.is_good for t in tallies))


if __name__ == "__main__":
    main()
