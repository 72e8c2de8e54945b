"""Market rules: what the buyer of every trade pays, what its seller gets. docs/market-rules.md compares them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arguments import refuse_other_kinds
from fastp2p.arrays import finite_faults, floats, short_repr
from fastp2p.errors import InputError, refuse
from fastp2p.kernels.market.pricing import find_margins, keep_fills
from fastp2p.market.trades import Trades, order_shape_faults, order_value_faults

Floats = NDArray[np.float64]

UNFILLED = 1e-12
"""An order with at most this share of it, or of the book's volume, left is filled (the auction's dust)."""


@dataclass(frozen=True)
class MarketRule:
    """How a rule allocates, and what it needs.

    Attributes
    ----------
    allocation : {"auction", "trade_reduction", "pool"}
        As `match_orders` finds it; that without the marginal orders; everyone at one price, the longer side in proportion.
    by_price : bool
        Defined under price priority alone.
    """

    allocation: Literal["auction", "trade_reduction", "pool"]
    by_price: bool = False


RULES = {
    "ask": MarketRule("auction"),
    "bid": MarketRule("auction"),
    "midpoint": MarketRule("auction"),
    "k": MarketRule("auction", by_price=True),
    "uniform": MarketRule("auction", by_price=True),
    "mcafee": MarketRule("trade_reduction", by_price=True),
    "mid_market_rate": MarketRule("pool"),
    "bill_sharing": MarketRule("pool"),
    "supply_demand_ratio": MarketRule("pool"),
}


@dataclass(frozen=True, eq=False)
class Prices:
    """Prices per executed kWh of every trade, (n_trades,) float64; the operator keeps their difference."""

    __repr__ = short_repr
    buyer_per_kwh: Floats
    seller_per_kwh: Floats


@dataclass(frozen=True, eq=False)
class Reduction:
    """Orders to match instead of those placed, (n_books, n_bus) kWh, and the prices (n_books,) of what they trade."""

    __repr__ = short_repr
    bid_kwh: Floats
    ask_kwh: Floats
    buyer_per_kwh: Floats
    seller_per_kwh: Floats


def rule_faults(
    pricing: str, *, priority: str, kappa: float, retail_per_kwh: Floats, feed_in_per_kwh: Floats, of: str = "book"
) -> list[str]:
    """What keeps a market rule from being used; tariffs are flat, a number of each `of` (book or step)."""
    faults = []
    if not (isinstance(kappa, int | float) and 0 <= kappa <= 1):
        faults.append(f"kappa = {kappa!r}: must lie in 0…1")
    if pricing not in RULES:
        return [f"pricing = {pricing!r}: there are {', '.join(RULES)}", *faults]
    rule = RULES[pricing]
    if rule.by_price and priority != "price":
        faults.append(f"pricing = {pricing!r} needs priority = 'price': one price would not suit trades made by volume")
    if rule.allocation == "pool" and (feed_in_per_kwh > retail_per_kwh).any():
        k = int(np.argmax(feed_in_per_kwh > retail_per_kwh))
        faults.append(
            f"pricing = {pricing!r} needs a feed-in tariff that is not above the retail tariff; in {of} {k} they are "
            f"{feed_in_per_kwh[k]:g} and {retail_per_kwh[k]:g}"
        )
    if pricing == "supply_demand_ratio" and (feed_in_per_kwh < 0).any():
        k = int(np.argmax(feed_in_per_kwh < 0))
        faults.append(
            f"pricing = {pricing!r} is not defined for a negative feed-in tariff; in {of} {k} it is {feed_in_per_kwh[k]:g}. "
            "mid_market_rate is"
        )
    return faults


def price_trades(
    trades: Trades,
    bid_kwh: ArrayLike,
    ask_kwh: ArrayLike,
    bid_per_kwh: ArrayLike,
    ask_per_kwh: ArrayLike,
    *,
    pricing: str = "ask",
    kappa: float = 0.5,
    retail_per_kwh: ArrayLike = 0.2,
    feed_in_per_kwh: ArrayLike = 0.0,
    check: bool = True,
) -> Prices:
    """Prices of matched trades; the network may cut quantities later, prices stay.

    Parameters
    ----------
    trades : Trades
        As `match_orders` gives them for these orders; for pool rules with equal prices and pro-rata ties, so that every
        order of the longer side trades the same share.
    bid_kwh, ask_kwh : (n_books, n_bus) float, kWh
        Orders as placed.
    bid_per_kwh, ask_per_kwh : (n_bus,) or (n_rows, n_bus) float, currency per kWh
        As `match_orders` takes them.
    pricing : str
        A name of `RULES` other than "mcafee", which changes the allocation: see `reduce_orders`.

        - "ask", "bid", "midpoint": of each trade.
        - "k": one price per book, κ·high + (1 - κ)·low of [max(s_k, b_k+1), min(b_k, s_k+1)], where s_k and b_k are the
          last ask and bid that trade, s_k+1 and b_k+1 the next with something left (Satterthwaite, Williams 1989, The rate
          of convergence to efficiency in the buyer's bid double auction). "uniform": the same with κ = 1/2.
        - "mid_market_rate": (λ_b + λ_s)/2, λ_b the retail and λ_s the feed-in tariff (Long et al. 2017, Peer-to-peer energy
          trading in a community microgrid).
        - "bill_sharing": 0, so that imports and exports are shared by consumption and generation (the same source).
        - "supply_demand_ratio": λ_s·λ_b/((λ_b - λ_s)·r + λ_s) for r = S/D <= 1, else λ_s; S and D are what is asked and bid
          for in the book (Liu et al. 2017, Energy-sharing model with price-based demand response for microgrids of P2P
          prosumers).

        The published all-in prices of the pool rules follow, as what is not traded settles at the tariffs.
    kappa : float
        0 favours buyers, 1 sellers.
    retail_per_kwh, feed_in_per_kwh : float or (n_books,) float, currency per kWh
    check : bool
        False: the values are known to be right, and are not looked at; shapes, and which buses are named, are all the same.
        Wrong values give wrong answers then.

    Raises
    ------
    InputError
        Unknown rules, arrays that do not fit, negative quantities, tariffs in the wrong order; all faults in one message.
        Under "k" and "uniform" also trades that were not matched under price priority.
    """
    refuse_other_kinds(trades=(trades, Trades))
    orders = _orders(bid_kwh, ask_kwh, bid_per_kwh, ask_per_kwh)
    faults = _faults(trades, orders, check)
    tariffs = _tariffs(retail_per_kwh, feed_in_per_kwh, orders[0].shape[0], faults)
    if pricing not in RULES and not check:
        faults.append(f"pricing = {pricing!r}: there are {', '.join(RULES)}")
    if check:
        if pricing == "mcafee":
            faults.append(
                "pricing = 'mcafee' changes who trades; reduce_orders gives the orders to match again, and their prices"
            )
        if len(tariffs) == 2:
            faults += rule_faults(pricing, priority="price", kappa=kappa, retail_per_kwh=tariffs[0], feed_in_per_kwh=tariffs[1])
    refuse(faults)
    if pricing == "ask":
        return Prices(trades.ask_per_kwh, trades.ask_per_kwh)
    if pricing == "bid":
        return Prices(trades.bid_per_kwh, trades.bid_per_kwh)
    if pricing == "midpoint":
        middle = (trades.bid_per_kwh + trades.ask_per_kwh) / 2.0
        return Prices(middle, middle)
    if RULES[pricing].allocation == "pool":
        of_book = _pool_price(pricing, orders[0].sum(axis=1), orders[1].sum(axis=1), *tariffs)
    else:
        of_book = _marginal_price(_margins(trades, orders), kappa if pricing == "k" else 0.5)
    of_trade = of_book[trades.book]
    return Prices(of_trade, of_trade)


def reduce_orders(
    trades: Trades,
    bid_kwh: ArrayLike,
    ask_kwh: ArrayLike,
    bid_per_kwh: ArrayLike,
    ask_per_kwh: ArrayLike,
    *,
    check: bool = True,
) -> Reduction:
    """McAfee's rule: the orders that may trade, and at what prices.

    With p = (b_k+1 + s_k+1)/2 of the next bid and ask, everything trades at p where s_k <= p <= b_k. Otherwise, and where
    there is no next bid or ask, the marginal bid and the marginal ask leave; the rest trades, buyers pay b_k, sellers get
    s_k, the operator keeps the difference. Books of one-unit orders: McAfee 1992, A dominant strategy double auction.
    Divisible orders: trade reduction in the manner of Huang, Scheller-Wolf, Sycara 2002, Design of a multi-unit double
    auction e-market; whoever has several units may gain by misreporting them.

    Parameters
    ----------
    trades : Trades
        As `match_orders` gives them for these orders under price priority.
    bid_kwh, ask_kwh, bid_per_kwh, ask_per_kwh, check : as for `price_trades`

    Returns
    -------
    Reduction
        Match its orders again, at the same prices, and price the trades of a book at its two prices.

    Raises
    ------
    InputError
        Arrays that do not fit, negative quantities, trades that were not matched under price priority.
    """
    refuse_other_kinds(trades=(trades, Trades))
    orders = _orders(bid_kwh, ask_kwh, bid_per_kwh, ask_per_kwh)
    refuse(_faults(trades, orders, check))
    last_bid, last_ask, next_bid, next_ask = _margins(trades, orders)
    open_ended = np.isinf(next_bid) | np.isinf(next_ask)
    p = np.where(open_ended, np.nan, (np.where(open_ended, 0.0, next_bid) + np.where(open_ended, 0.0, next_ask)) / 2.0)
    reduced = ~((last_ask <= p) & (p <= last_bid))
    bids, asks = np.empty_like(orders[0]), np.empty_like(orders[1])
    keep_fills(orders[2], orders[3], trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, reduced, bids, asks)
    return Reduction(bids, asks, np.where(reduced, last_bid, p), np.where(reduced, last_ask, p))


def _margins(trades: Trades, orders: list[Floats]) -> Floats:
    """(4, n_books) of `find_margins`; refuses books in which an ask trades that is above a bid that trades."""
    margin = np.empty((4, trades.n_books))
    bids, asks, bid_prices, ask_prices = orders
    find_margins(
        bids, asks, bid_prices, ask_prices, trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, UNFILLED, margin
    )
    crossed = np.flatnonzero(margin[0] < margin[1])
    if len(crossed):
        bid, ask = margin[:2, crossed[0]]
        raise InputError(
            f"book {crossed[0]}: a bid of {bid:g} and an ask of {ask:g} both trade, which no one price suits; match the orders "
            "with priority = 'price' for this rule"
        )
    return margin


def _marginal_price(margin: Floats, kappa: float) -> Floats:
    """(n_books,); within [s_k, b_k] to the last digit."""
    last_bid, last_ask, next_bid, next_ask = margin
    low = np.clip(next_bid, last_ask, last_bid)
    high = np.clip(next_ask, last_ask, last_bid)
    price: Floats = np.clip(kappa * high + (1.0 - kappa) * low, last_ask, last_bid)
    return price


def _pool_price(pricing: str, demand_kwh: Floats, supply_kwh: Floats, retail: Floats, feed_in: Floats) -> Floats:
    """(n_books,) prices."""
    if pricing == "mid_market_rate":
        return (retail + feed_in) / 2.0
    if pricing == "bill_sharing":
        return np.zeros_like(retail)
    scarce = supply_kwh <= demand_kwh
    ratio = np.divide(supply_kwh, demand_kwh, out=np.zeros_like(supply_kwh), where=demand_kwh > 0)
    below = (retail - feed_in) * ratio + feed_in
    price = np.divide(feed_in * retail, below, out=np.zeros_like(below), where=below > 0)
    return np.where(scarce, price, feed_in)


def _orders(bid_kwh: ArrayLike, ask_kwh: ArrayLike, bid_per_kwh: ArrayLike, ask_per_kwh: ArrayLike) -> list[Floats]:
    """Quantities and prices as arrays of two axes.

    Raises
    ------
    InputError
        If they are no numbers, or bids and asks are not of one shape.
    """
    given = {"bid_kwh": bid_kwh, "ask_kwh": ask_kwh, "bid_per_kwh": bid_per_kwh, "ask_per_kwh": ask_per_kwh}
    orders = [np.atleast_2d(floats(name, value)) for name, value in given.items()]
    if orders[0].ndim != 2 or orders[0].shape != orders[1].shape:
        raise InputError(f"bid_kwh {orders[0].shape} and ask_kwh {orders[1].shape} must both be (n_books, n_bus)")
    return orders


def _tariffs(retail_per_kwh: ArrayLike, feed_in_per_kwh: ArrayLike, n_books: int, faults: list[str]) -> list[Floats]:
    """Those of the two tariffs that can be brought to (n_books,); faults of the others."""
    by_book = []
    for name, value in (("retail_per_kwh", retail_per_kwh), ("feed_in_per_kwh", feed_in_per_kwh)):
        array = floats(name, value)
        if array.size != 1 and array.shape != (n_books,):
            faults.append(f"{name} has shape {array.shape}; it must be a number or (n_books,) = ({n_books},)")
        elif found := finite_faults(name, array, "book"):
            faults += found
        else:
            by_book.append(np.broadcast_to(array.ravel(), n_books))
    return by_book


def _faults(trades: Trades, orders: list[Floats], check: bool) -> list[str]:
    shape = orders[0].shape
    if not check:
        return order_shape_faults(*orders) + trades.shape_faults(*shape)
    return order_shape_faults(*orders) + trades.faults(*shape) + order_value_faults(*orders)
