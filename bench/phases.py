"""The registry: every phase of a book on every network, as a function that is ready to be timed.

The books are those of the study `pv-sweep` on that network: homes at every leaf bus (129 buses and meshed: load bus), PV at
30 % of them, one typical day of 24 hours after the other. What a phase takes from the phases before it is made beforehand.
As in a sweep, arrays are known to be right (``check=False``) and only the buses that take part have columns.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

import fastp2p
from bench.networks import SOURCES, draw_injections, load
from fastp2p.kernels.clearing.execution import inject_trades
from fastp2p.pipeline.batch import BatchResult, run_batch
from fastp2p.pipeline.draws import draw_scenarios
from fastp2p.pipeline.reduce import reduce_batch
from fastp2p.sweep import parts
from fastp2p.sweep.parts import KEPT_BYTES
from fastp2p.sweep.prepare import prepare

STEPS = 24
SIZES = (24, 8_760, 240_000)
SEED = 2
"""One with which the first day of every network has trades that limits may cut."""
MOST_CELLS = 20_000_000
"""Books times columns of an input array: more books are more passes over the same arrays."""
BINDING = {"clear 0 %": 0.0, "clear 5 %": 0.05, "clear 50 %": 0.5}


class Job(NamedTuple):
    """A phase ready to run.

    Attributes
    ----------
    run : function
    n_books : int
        Books of one run.
    moved_bytes, operations : float
        Per book, at least: arrays read and written once each; additions, multiplications and comparisons. NaN where no
        such bound is of use.
    """

    run: Callable[[], object]
    n_books: int
    moved_bytes: float
    operations: float


@dataclass(frozen=True, eq=False)
class Books:
    """Some days of a network's books: the study, and what every stage made of them."""

    study: fastp2p.Study
    network: fastp2p.Network
    profiles: fastp2p.Profiles
    batch: BatchResult
    orders: object

    @property
    def bus(self) -> np.ndarray:
        return self.batch.scenarios.participant


def study_on(key: str, n_scenarios: int, shares: tuple[float, ...] = (0.3,), limit_factor: float = 1e6) -> fastp2p.Study:
    """`pv-sweep` on a network of the registry; by default with limits that never bind."""
    study = fastp2p.studies()["pv-sweep"].model_copy(update={"seed": SEED})
    _, source = SOURCES[key]
    ampacity = study.network.ampacity_ka_by_std_type if key == "44" else {}
    return study.model_copy(  # and not Study.with_, which revisions that bench.guard compares with may lack
        update={
            "network": study.network.model_copy(
                update={"source": source, "ampacity_ka_by_std_type": ampacity, "limit_factor": limit_factor}
            ),
            "participants": study.participants.model_copy(update={"buses": "loads" if key in ("129", "meshed") else "leaves"}),
            "scenarios": study.scenarios.model_copy(update={"count": n_scenarios, "shares": shares, "keep": ()}),
        }
    )


@cache
def books_of(key: str, n_scenarios: int) -> Books:
    """So many days of books on a network."""
    np.empty(KEPT_BYTES, np.uint8)  # as a part of a sweep does
    study = study_on(key, n_scenarios)
    network, profiles = prepare(study)
    scenarios = draw_scenarios(study, network, profiles, 0.3, range(n_scenarios))
    batch = run_batch(study, network, profiles, scenarios, range(STEPS))
    orders = fastp2p.make_orders(batch.load_kwh, batch.pv_kwh)
    return Books(study, network, profiles, batch, orders)


def prepare_phase(phase: str, key: str, n_books: int) -> Job:
    """A phase on a network, for at least `n_books` books.

    Raises
    ------
    Gap
        If the network is not to be had.
    """
    network = load(key).network
    columns = network.n_bus if phase == "flow" else len(books_of(key, 1).bus)
    most = max(STEPS, MOST_CELLS // columns // STEPS * STEPS)
    if phase in ("study", "sweep"):
        return PHASES[phase](key, n_books)
    size = min(n_books, most)
    passes = -(-n_books // size)
    once = PHASES[phase](key, size)
    if passes == 1:
        return once
    return once._replace(run=lambda: [once.run() for _ in range(passes)], n_books=passes * once.n_books)


def match(key: str, n_books: int) -> Job:
    books = _books(key, n_books)
    orders, who = books.orders, books.bus
    bid, ask = books.batch.bid_per_kwh, books.batch.ask_per_kwh
    trades = books.batch.trades
    per_book = trades.n_trades / trades.n_books
    moved = 8 * (2 * len(who) + 5 * per_book + 1)
    return Job(
        lambda: fastp2p.match_orders(orders.bid_kwh, orders.ask_kwh, bid, ask, check=False),
        trades.n_books,
        moved,
        2 * len(who) + 6 * per_book,
    )


def flow(key: str, n_books: int) -> Job:
    network = load(key).network
    injection = draw_injections(network, n_books)
    operations = 3 * network.n_branch if network.is_radial else 2 * 2 * len(network.factors.upper_row) + 3 * network.n_branch
    return Job(lambda: network.flow_kw(injection), n_books, 8 * (network.n_bus + network.n_branch), operations)


def screen(key: str, n_books: int) -> Job:
    books = _books(key, n_books)
    network, who, trades, left = books.network, books.bus, books.batch.trades, books.batch.left
    floor, full = np.empty_like(left.deficit_kwh), np.empty_like(left.deficit_kwh)
    inject_trades(-left.deficit_kwh, left.surplus_kwh, trades.arrays, 1.0, True, floor, full)
    per_flow = 3 * network.n_branch if network.is_radial else 4 * len(network.factors.upper_row) + 3 * network.n_branch
    operations = 2 * per_flow + 8 * network.n_branch
    return Job(screen_of(network, who, floor, full), len(floor), 8 * (2 * len(who) + 4), operations)


def clear(share: float) -> Callable[[str, int], Job]:
    """Clearing in which a limit binds in this share of the books, drawn from those that bind and those that do not."""

    def prepared(key: str, n_books: int) -> Job:
        books = _books(key, n_books)
        network, trades, left = books.network, books.batch.trades, books.batch.left
        picked = np.arange(trades.n_books)
        if share > 0.0:
            network, binds = binding_network(books)
            rng = np.random.default_rng(0)
            n_binding = round(share * len(binds))
            picked = np.concatenate(
                [rng.choice(np.flatnonzero(b), n) for b, n in ((binds, n_binding), (~binds, len(binds) - n_binding))]
            )
            rng.shuffle(picked)
            trades = trades_of(trades, picked)
        base, export = -left.deficit_kwh[picked], left.surplus_kwh[picked]
        return Job(
            lambda: fastp2p.clear(network, trades, base, export_kw=export, bus=books.bus, check=False),
            trades.n_books,
            float("nan"),
            float("nan"),
        )

    return prepared


def binding_network(books: Books) -> tuple[fastp2p.Network, np.ndarray]:
    """The network with limits that bind in some 5 % of the books, which these are; no book breaks one before its trades."""
    batch, network = books.batch, books.network
    floor_kw = -batch.left.deficit_kwh
    np.subtract.at(floor_kw, (batch.trades.book, batch.trades.buyer), batch.trades.quantity_kwh)
    least = np.abs(network.flow_kw(floor_kw, books.bus)).max(axis=0)
    rise = np.abs(batch.clearing.flow_kw) - least
    span = np.maximum(rise.max(axis=0), 1e-3)
    reached = (rise / span).max(axis=1)  # a limit binds in the books that reach farther than `factor` of the way
    factor = max(0.0, min(float(np.quantile(reached, 0.95)), 0.9 * float(reached.max())))
    tight = replace(network, limit_kw=least + factor * span)
    screen = screen_of(tight, books.bus, floor_kw, batch.clearing.injection_kw)()
    return tight, screen.congested == 1


def screen_of(network: fastp2p.Network, bus: np.ndarray, floor_kw: np.ndarray, full_kw: np.ndarray) -> Callable[[], Any]:
    """The screen of these injections."""
    # found here, so that the guard can serve the other phases of a package without them
    from fastp2p.clearing.answer import Injection
    from fastp2p.clearing.limits import DcLimits

    none, limits = np.zeros_like(floor_kw), DcLimits(network, bus)
    return lambda: limits.screen(Injection(floor_kw, none), Injection(full_kw, none))


def trades_of(trades: fastp2p.Trades, books: np.ndarray) -> fastp2p.Trades:
    """The trades of some books, in their order; a book may come several times."""
    size = np.diff(trades.offset)[books]
    offset = np.concatenate([[0], np.cumsum(size)])
    rows = np.repeat(trades.offset[books] - offset[:-1], size) + np.arange(offset[-1])
    names = ("seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh")
    return replace(trades, offset=offset, **{name: getattr(trades, name)[rows] for name in names})


def settle(key: str, n_books: int) -> Job:
    books = _books(key, n_books)
    batch = books.batch
    retail, feed_in = np.full(batch.trades.n_books, 0.2), np.full(batch.trades.n_books, 0.05)
    per_book = batch.trades.n_trades / batch.trades.n_books
    moved = 8 * (6 * len(books.bus) + 19 + 14 * len(books.bus) / STEPS + 9 * per_book)
    return Job(
        lambda: fastp2p.settle(
            batch.trades,
            batch.clearing,
            batch.load_kwh,
            batch.pv_kwh,
            batch.left,
            retail_per_kwh=retail,
            feed_in_per_kwh=feed_in,
            books_per_row=STEPS,
            check=False,
        ),
        batch.trades.n_books,
        moved,
        27 * len(books.bus) + 24 * per_book,
    )


def book(key: str, n_books: int) -> Job:
    """All stages of a batch, from drawn scenarios to sums: orders, matching, flows and screen, settlement, reduction."""
    books = _books(key, n_books)
    cells = getattr(parts, "TOGETHER_CELLS", parts.BATCH_CELLS)  # which revisions lack that bench.guard compares with
    size = max(1, cells // len(books.bus) // STEPS)
    n_scenarios = len(books.batch.scenarios.number)
    blocks = [range(first, min(first + size, n_scenarios)) for first in range(0, n_scenarios, size)]
    drawn = [draw_scenarios(books.study, books.network, books.profiles, 0.3, block) for block in blocks]

    def run() -> None:
        for scenarios in drawn:
            batch = run_batch(books.study, books.network, books.profiles, scenarios, range(STEPS))
            reduce_batch(batch, books.network, books.study.tables)

    return Job(run, n_scenarios * STEPS, float("nan"), float("nan"))


def study(key: str, n_books: int) -> Job:
    """`fastp2p.run` of one share of PV in memory: draws, books, tables; network and profiles at hand."""
    return _run(study_on(key, -(-n_books // STEPS)), 1)


def sweep(key: str, n_books: int) -> Job:
    """`fastp2p.run` of three shares of PV in memory."""
    return _run(study_on(key, -(-n_books // STEPS // 3), shares=(0.1, 0.3, 0.5)), 3)


def _run(one: fastp2p.Study, n_shares: int) -> Job:
    network, profiles = prepare(one)
    n_books = n_shares * one.scenarios.count * profiles.n_steps
    return Job(lambda: fastp2p.run(one, network=network, profiles=profiles, workers=1), n_books, float("nan"), float("nan"))


def _books(key: str, n_books: int) -> Books:
    return books_of(key, max(1, n_books // STEPS))


PHASES: dict[str, Callable[[str, int], Job]] = {
    "match": match,
    "flow": flow,
    "screen": screen,
    **{name: clear(share) for name, share in BINDING.items()},
    "settle": settle,
    "book": book,
    "study": study,
    "sweep": sweep,
}
