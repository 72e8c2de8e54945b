"""Random books: Hypothesis strategies for the auction, seeded arrays for the clearing."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
from hypothesis import strategies as st

import fastp2p
from tests.oracles import books as oracle

MAX_BUS = 9

integer_kwh = st.integers(0, 6).map(float)
tenth_kwh = st.integers(0, 40).map(lambda n: n / 10)
float_kwh = st.floats(0.0, 10.0, allow_subnormal=False).map(lambda x: 0.0 if x < 1e-3 else x)
scaled_kwh = st.tuples(st.integers(1, 99), st.integers(-6, 4)).map(lambda t: t[0] * 10.0 ** t[1])
tied_price = st.integers(-2, 4).map(lambda n: n / 10)
float_price = st.floats(-0.2, 0.6, allow_subnormal=False)


def vector(element, n_bus):
    return st.lists(element, min_size=n_bus, max_size=n_bus).map(np.array)


@st.composite
def quantities(draw, n_bus, elements=(integer_kwh, tenth_kwh, float_kwh, scaled_kwh)):
    """Quantities of one side, a good part of them zero, sometimes all of them."""
    size = draw(vector(draw(st.sampled_from(elements)), n_bus))
    placed = draw(st.one_of(vector(st.booleans(), n_bus), st.just(np.ones(n_bus, bool)), st.just(np.zeros(n_bus, bool))))
    return size * placed


@st.composite
def prices(draw, n_bus):
    if draw(st.booleans()):
        return np.full(n_bus, draw(tied_price))
    return draw(vector(draw(st.sampled_from([tied_price, tied_price, float_price])), n_bus))


@st.composite
def books(draw, **limits):
    """One book: (bid_kwh, ask_kwh, bid_per_kwh, ask_per_kwh), each (n_bus,)."""
    n_bus = draw(st.integers(1, MAX_BUS))
    bid, ask = draw(quantities(n_bus, **limits)), draw(quantities(n_bus, **limits))
    return bid, ask, draw(prices(n_bus)), draw(prices(n_bus))


@st.composite
def tied_books(draw):
    """(book, two buses): many orders of few prices that mostly trade; the two, both with orders, have the same prices."""
    n_bus = draw(st.integers(3, MAX_BUS))
    sizes = [integer_kwh.map(lambda n: n + 1), float_kwh.map(lambda x: x + 1e-3), st.sampled_from([0.1, 0.3, 0.7])]
    bid, ask = (draw(vector(draw(st.sampled_from(sizes)), n_bus)) for _ in range(2))
    twins = draw(st.lists(st.integers(0, n_bus - 1), min_size=2, max_size=2, unique=True))
    sells = draw(vector(st.sampled_from([(True, False), (False, True), (True, True)]), n_bus)).T
    sells[:, twins[1]] = sells[:, twins[0]]
    bid_price, ask_price = (
        draw(vector(st.sampled_from([0.2, 0.3, 0.4]), n_bus)),
        draw(vector(st.sampled_from([0.1, 0.2, 0.25]), n_bus)),
    )
    for price in (bid_price, ask_price):
        price[twins[1]] = price[twins[0]]
    return (bid * sells[0], ask * sells[1], bid_price, ask_price), twins


@st.composite
def net_books(draw):
    """One book in which each bus either bids or asks."""
    bid, ask, bid_price, ask_price = draw(books())
    sells = draw(vector(st.booleans(), len(bid)))
    return bid * ~sells, ask * sells, bid_price, ask_price


@st.composite
def batches(draw):
    """Several books of one size: quantities (n_books, n_bus), prices (n_bus,) or (n_books, n_bus)."""
    n_bus, n_books = draw(st.integers(1, MAX_BUS)), draw(st.integers(0, 5))
    bid = np.array([draw(quantities(n_bus)) for _ in range(n_books)]).reshape(n_books, n_bus)
    ask = np.array([draw(quantities(n_bus)) for _ in range(n_books)]).reshape(n_books, n_bus)
    if draw(st.booleans()):
        return bid, ask, draw(prices(n_bus)), draw(prices(n_bus))
    bid_price = np.array([draw(prices(n_bus)) for _ in range(n_books)]).reshape(n_books, n_bus)
    ask_price = np.array([draw(prices(n_bus)) for _ in range(n_books)]).reshape(n_books, n_bus)
    return bid, ask, bid_price, ask_price


# --------------------------------------------------------------------------------------------------------- clearing batches


def random_book(rng, n_bus, max_active=24):
    """A matched book: trades, leftovers in base_kw, and leftover surplus in export_kw in half of the books."""
    n_active = min(n_bus, max_active)
    active = rng.choice(n_bus, n_active, replace=False)
    sells = rng.random(n_active) < rng.uniform(0.1, 0.9)
    size = np.where(rng.random(n_active) < 0.9, rng.gamma(1.5, 2.0, n_active), 0.0)
    bid, ask = np.zeros(n_bus), np.zeros(n_bus)
    bid[active], ask[active] = size * ~sells, size * sells
    bid_price = rng.integers(22, 34, n_bus) / 100
    ask_price = rng.integers(10, 30, n_bus) / 100
    bid_fill, ask_fill = oracle.match(bid, ask, bid_price, ask_price)
    trades = oracle.pair_by_price(bid_fill, ask_fill, bid_price, ask_price)
    seller = np.array([s for s, _, _ in trades], dtype=np.int64)
    buyer = np.array([b for _, b, _ in trades], dtype=np.int64)
    surplus = np.maximum(ask - ask_fill, 0.0)
    curtailable = bool(rng.random() < 0.5)
    return SimpleNamespace(
        seller=seller,
        buyer=buyer,
        kw=np.array([kw for _, _, kw in trades]),
        bid_per_kwh=bid_price[buyer],
        ask_per_kwh=ask_price[seller],
        base_kw=np.minimum(bid_fill - bid, 0.0) + (0.0 if curtailable else surplus),
        export_kw=surplus if curtailable else np.zeros(n_bus),
    )


def random_books(seed, network, n_books):
    rng = np.random.default_rng(seed)
    return [random_book(rng, network.n_bus) for _ in range(n_books)]


def stacked(books, step_hours=1.0):
    """The books as keyword arguments: those of fastp2p.Trades, then base_kw and export_kw."""
    sizes = [len(book.kw) for book in books]
    trades = {
        "offset": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "seller": np.concatenate([book.seller for book in books]),
        "buyer": np.concatenate([book.buyer for book in books]),
        "quantity_kwh": np.concatenate([book.kw for book in books]) * step_hours,
        "bid_per_kwh": np.concatenate([book.bid_per_kwh for book in books]),
        "ask_per_kwh": np.concatenate([book.ask_per_kwh for book in books]),
    }
    return trades, np.array([book.base_kw for book in books]), np.array([book.export_kw for book in books])


def limits_that_bind(seed, books, matrix, constant_kw, share, unserved="retail"):
    """Branch limits (kW) under which about this share of the books cannot be traded in full."""
    rng = np.random.default_rng(seed)
    unlimited = np.full(len(matrix), np.inf)
    problems = [oracle.problem(matrix, constant_kw, unlimited, book, "volume", unserved) for book in books]
    base = np.array([p.base_flow for p in problems])
    full = np.array([oracle.full_flow(p) for p in problems])
    relative = np.maximum(np.quantile(np.abs(full), 0.8, axis=0), 0.1) * rng.uniform(0.6, 1.8, len(matrix))

    def bound(scale):
        upper, lower = np.maximum(scale * relative, base), np.minimum(-scale * relative, base)
        return np.mean(((full > upper + 1e-9) | (full < lower - 1e-9)).any(axis=1))

    scales = np.geomspace(0.01, 3000, 250)
    found = np.array([bound(scale) for scale in scales])
    return relative * scales[np.flatnonzero(found >= 0.95 * share * found.max())[-1]]


def congested(name, seed=3, n_books=60):
    """Books of many trades over narrow branches: (network, trades, base_kw, export_kw)."""
    rng = np.random.default_rng(seed)
    network = fastp2p.Network.load(name)
    network = replace(network, limit_kw=rng.uniform(1.0, 6.0, network.n_branch))
    side = rng.random((n_books, network.n_bus))
    load, pv = rng.random(side.shape) * 3 * (side < 0.4), rng.random(side.shape) * 4 * (side > 0.6)
    trades = fastp2p.match_orders(load, pv, rng.uniform(0.2, 0.3, network.n_bus), rng.uniform(0.0, 0.1, network.n_bus))
    left = fastp2p.leave_over(load, pv, trades)
    return network, trades, -left.deficit_kwh, left.surplus_kwh
