"""Random pools: the pairs of their definition, and the walks that stand for them."""

from types import SimpleNamespace

import numpy as np

import fastp2p


def random_pools(rng, n_books, n_bus):
    """Books of up to three pools. In a pool sellers sell `sells`, buyers buy `buys`, and of each seller `share` is executed."""
    books = []
    for _ in range(n_books):
        prices = rng.permutation([(0.3, 0.1), (0.3, 0.2), (0.25, 0.1), (0.2, 0.1)])[: rng.integers(0, 4)]
        books.append([random_pool(rng, n_bus, bid, ask) for bid, ask in prices.tolist()])
    return books


def random_pool(rng, n_bus, bid, ask):
    n_sellers, n_buyers = rng.integers(1, n_bus), rng.integers(1, n_bus)
    sells, buys = rng.uniform(0.1, 3.0, n_sellers), rng.uniform(0.1, 3.0, n_buyers)
    share = rng.choice([0.0, 1.0, rng.random()], n_sellers)
    return SimpleNamespace(
        bid=bid,
        ask=ask,
        seller=rng.permutation(n_bus)[:n_sellers],
        sells=sells,
        buyer=rng.permutation(n_bus)[:n_buyers],
        buys=buys * (sells.sum() / buys.sum()),
        share=share if rng.random() < 0.7 else np.ones(n_sellers),
    )


def pairs_of(pool):
    """[(place of the seller, place of the buyer, kWh)]: each buys from each by both their sizes."""
    size = pool.sells.sum()
    return [(i, j, s * d / size) for i, s in enumerate(pool.sells) for j, d in enumerate(pool.buys)]


def walk_of(pool):
    """[(place of the seller, place of the buyer, kWh)] with the same sums for each seller and buyer, as few as there can be."""
    sold, bought = np.cumsum(pool.sells), np.cumsum(pool.buys)
    bought[-1] = sold[-1]
    ends = np.union1d(sold, bought)
    kwh = np.diff(ends, prepend=0.0)
    middle = ends - kwh / 2.0
    return list(
        zip(np.searchsorted(sold, middle).tolist(), np.searchsorted(bought, middle).tolist(), kwh.tolist(), strict=True)
    )


def trades_of(books, steps_of, pooled):
    """Trades, and what is executed of each."""
    rows = [
        [
            (pool.seller[i], pool.buyer[j], kwh, pool.bid, pool.ask, kwh * pool.share[i])
            for pool in book
            for i, j, kwh in steps_of(pool)
        ]
        for book in books
    ]
    offset = np.concatenate([[0], np.cumsum([len(of_book) for of_book in rows])]).astype(np.int64)
    seller, buyer, *numbers = np.array([row for of_book in rows for row in of_book]).reshape(-1, 6).T
    *columns, executed_kwh = (np.ascontiguousarray(column) for column in numbers)
    return fastp2p.Trades(offset, seller.astype(np.int64), buyer.astype(np.int64), *columns, pooled=pooled), executed_kwh


def as_pairs(books):
    """Trades that name every pair, and what is executed of each."""
    return trades_of(books, pairs_of, pooled=False)


def as_walks(books):
    """Pooled trades of the same books, and what is executed of each."""
    return trades_of(books, walk_of, pooled=True)
