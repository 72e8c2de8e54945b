"""Are the compiled solver's answers proven, and are they those of HiGHS? Random and adversarial books, as many as asked for.

    python -m bench.certify [--books 1000000] [--seed 0]

Every kind of book is drawn in batches that share a network; both solvers clear the same LPs. Where the two differ by more than
is allowed, rational arithmetic gives the answer, and the compiled solver is checked against that (column `exact`). Exits with 1
if a requirement is not met.
"""

import argparse
import sys
import time
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

import fastp2p
from bench.exact import solve_exactly
from fastp2p.clearing.answer import COMPILED
from fastp2p.clearing.columns import collect
from fastp2p.clearing.rows import rows_of_kw
from fastp2p.clearing.solve import _reduce, curtail
from fastp2p.grid.topology import grow_tree

BATCH = 250
CERTIFIED = 0.9999
OBJECTIVE = 1e-9
EXECUTED_KWH = 1e-6


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
}


@dataclass
class Tally:
    """What is counted over batches of one kind."""

    books: int = 0
    certified: int = 0
    failed: int = 0
    objective: float = 0.0
    executed_kwh: float = 0.0
    exact: int = 0
    steps: list = field(default_factory=list)

    @property
    def is_good(self):
        """Whether nothing failed and all answers are the same."""
        return not self.failed and self.objective <= OBJECTIVE and self.executed_kwh <= EXECUTED_KWH


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
    sizes = np.minimum(1 + rng.geometric(1 / 12, n_books), 80)
    n = int(sizes.sum())
    seller = rng.integers(0, n_bus, n)
    buyer = (seller + rng.integers(1, n_bus, n)) % n_bus
    kwh = rng.integers(1, 6, n).astype(float) if kind.whole else rng.gamma(1.5, 2.0, n)
    if kind.mixed:
        kwh = 10.0 ** rng.uniform(-6, 6, n)
        rows = draw_rows(rng, kind, n_bus, 10.0 ** rng.uniform(-3, 5))
    prices = rng.integers(1, 4, (2, n)) / 10 if kind.whole else rng.uniform(0.0, 0.3, (2, n))
    offset = np.concatenate([[0], np.cumsum(sizes)])
    trades = fastp2p.Trades(offset, seller, buyer, kwh * scale, 0.3 + prices[0], 0.3 - prices[1])
    export = rng.gamma(1.5, 2.0, (n_books, n_bus)) * (rng.random((n_books, n_bus)) < rng.choice([0.0, 0.2])) * scale
    room = np.where(np.isfinite(rows.lower), np.minimum(rows.upper, -rows.lower), rows.upper)
    floor = rng.uniform(-1.0, 1.0, (n_books, len(room))) * room * (0 if kind.closed else 1)
    over = rng.random(floor.shape) < kind.overload
    floor[over] *= rng.uniform(1.0, 3.0, over.sum())
    return rows, np.arange(n_books), trades, export, floor, bool(rng.random() < 0.5)


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
    executed = np.maximum.reduceat(np.abs(kw[0] - kw[1]), starts)
    for k in np.flatnonzero((objective > OBJECTIVE) | (executed > EXECUTED_KWH)):
        y = exact_answer(rows, books, columns, floor, int(k))
        best = y @ columns.cost[0, book == k]
        objective[k] = abs(value[0][k] - best) / size[k]
        executed[k] = np.abs(kw[0][book == k] - y).max()
        tally.exact += 1
    tally.books += len(books)
    tally.certified += int(np.count_nonzero(ours.solver_code == COMPILED))
    tally.failed += int(np.count_nonzero(ours.failed | highs.failed))
    tally.objective = max(tally.objective, float(objective.max()))
    tally.executed_kwh = max(tally.executed_kwh, float(executed.max()))
    tally.steps.append(np.bincount(ours.steps))


def exact_answer(rows, books, columns, floor, k):
    """kW of book k's columns, in rational arithmetic up to the last conversion."""
    lps, _ = _reduce(rows, books, columns, floor, range(k, k + 1))
    matrix = np.zeros((len(lps.room_above), len(lps.most)))
    for j in range(len(lps.most)):
        entries = slice(lps.start[j], lps.start[j + 1])
        matrix[lps.entry_row[entries], j] = lps.entry_value[entries]
    return np.array(solve_exactly(matrix, lps.room_below, lps.room_above, lps.most, lps.cost), float)


def histogram(tallies):
    """Steps of the compiled solver over all kinds, in bins that double."""
    longest = max(len(counts) for tally in tallies for counts in tally.steps)
    total = sum(np.pad(counts, (0, longest - len(counts))) for tally in tallies for counts in tally.steps)
    edges = [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024]
    return {f"{a}-{b - 1}" if b > a + 1 else str(a): int(total[a:b].sum()) for a, b in pairwise(edges)}


def run(n_books, seed, show=print):
    """Tallies by kind."""
    tallies = {}
    show(f"{'kind':42}{'books':>9}{'certified':>12}{'failed':>8}{'objective':>11}{'kWh':>10}{'exact':>7}{'s':>7}")
    for number, (name, kind) in enumerate(KINDS.items()):
        rng, tally, clock = np.random.default_rng([seed, number]), Tally(), time.perf_counter()
        while tally.books < n_books / len(KINDS):
            compare(rng, kind, tally)
        tallies[name] = tally
        show(
            f"{name:42}{tally.books:9,}{tally.certified / tally.books:12.5%}{tally.failed:8}{tally.objective:11.1e}"
            f"{tally.executed_kwh:10.1e}{tally.exact:7}{time.perf_counter() - clock:7.1f}"
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
    print("steps:", ", ".join(f"{name}: {count:,}" for name, count in histogram(tallies).items()))
    sys.exit(certified < CERTIFIED * books or any(not t.is_good for t in tallies))


if __name__ == "__main__":
    main()
