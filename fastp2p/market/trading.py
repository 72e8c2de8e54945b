"""A market of many books: who trades how much with whom, and at what prices, by a market rule."""

from __future__ import annotations

from functools import partial

import numpy as np
from numpy.typing import NDArray

from fastp2p.market.matched import MatchedBooks
from fastp2p.market.matching import match_in_pools
from fastp2p.market.orders import Orders
from fastp2p.market.pricing import reduce_orders
from fastp2p.market.rules import RULES, Prices
from fastp2p.market.trades import Trades

Floats = NDArray[np.float64]


def trade_by_rule(
    orders: Orders,
    bid_per_kwh: Floats,
    ask_per_kwh: Floats,
    retail_per_kwh: Floats,
    feed_in_per_kwh: Floats,
    *,
    pricing: str,
    priority: str,
    ties: str,
    pairs: bool,
    **parameters: float,
) -> tuple[Trades, Prices]:
    """Match the orders of every book and price the trades by a market rule.

    Parameters
    ----------
    orders : Orders
    bid_per_kwh, ask_per_kwh : (n_rows, n_bus) float64, currency per kWh
        As `match_orders` takes them. A pool rule takes the tariffs in their place, and pro-rata ties.
    retail_per_kwh, feed_in_per_kwh : (n_books,) float64, currency per kWh
    pricing : str
        A name of `RULES` that `rule_faults` finds nothing wrong with.
    priority, ties : as for `match_orders`
    pairs : bool
        Whether trades name every seller's buyers. False leaves pro-rata trades pooled, which are fewer: enough where it does
        not matter who trades with whom in a pool. First come first served, trades always are pairs.
    **parameters
        Those of all rules, by name.
    """
    rule = RULES[pricing]
    kwh = orders.bid_kwh, orders.ask_kwh
    per_kwh = np.ascontiguousarray(bid_per_kwh), np.ascontiguousarray(ask_per_kwh)
    if rule.is_pool:
        ties = "pro_rata"
        n_bus = kwh[0].shape[1]
        per_kwh = np.repeat(retail_per_kwh[:, None], n_bus, axis=1), np.repeat(feed_in_per_kwh[:, None], n_bus, axis=1)
    match = partial(match_in_pools, priority=priority, ties=ties)
    if rule.allocation == "trade_reduction":
        reduced = reduce_orders(match(*kwh, *per_kwh, pairs=False), *kwh, *per_kwh, ties=ties, check=False)
        trades = match(reduced.bid_kwh, reduced.ask_kwh, *per_kwh, pairs=pairs)
        return trades, Prices(reduced.buyer_per_kwh[trades.book], reduced.seller_per_kwh[trades.book])
    trades = match(*kwh, *per_kwh, pairs=pairs)
    books = MatchedBooks(trades, *kwh, *per_kwh, retail_per_kwh, feed_in_per_kwh)
    return trades, rule.price(books, **{name: parameters[name] for name in rule.parameters})
