"""What the buyer of every trade pays and its seller gets, by the market rules of `fastp2p.market.rules`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arguments import refuse_other_kinds
from fastp2p.arrays import finite_faults, floats, short_repr
from fastp2p.errors import InputError, refuse
from fastp2p.kernels.market.pricing import keep_fills
from fastp2p.market.matched import MatchedBooks
from fastp2p.market.rules import RULES, Prices, next_orders_price, rule_faults, unknown_rule
from fastp2p.market.trades import Trades, order_shape_faults, order_value_faults, ties_faults

Floats = NDArray[np.float64]
_Orders = tuple[Floats, Floats, Floats, Floats]


@dataclass(frozen=True, eq=False)
class Reduction:
    """Orders to match instead of those placed, (n_books, n_bus) kWh, and the prices (n_books,) of what they trade."""

    __repr__ = short_repr
    bid_kwh: Floats
    ask_kwh: Floats
    buyer_per_kwh: Floats
    seller_per_kwh: Floats


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
        A name of `fastp2p.market.rules.RULES`, where docs/market-rules.md has the definitions; "mcafee" changes who trades,
        see `reduce_orders`. The published all-in prices of the pool rules follow, as what is not traded settles at the tariffs.
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
    tariffs = tariffs_by_book(retail_per_kwh, feed_in_per_kwh, orders[0].shape[0], faults)
    parameters = {"kappa": kappa}
    if pricing in RULES and RULES[pricing].allocation == "trade_reduction":
        faults.append(
            f"pricing = {pricing!r} changes who trades; reduce_orders gives the orders to match again, and their prices"
        )
    if check and len(tariffs) == 2:
        faults += rule_faults(pricing, *tariffs, priority="price", parameters=parameters)
    elif pricing not in RULES:
        faults.append(unknown_rule(pricing))
    refuse(faults)
    rule = RULES[pricing]
    return rule.price(MatchedBooks(trades, *orders, *tariffs), **{name: parameters[name] for name in rule.parameters})


def reduce_orders(
    trades: Trades,
    bid_kwh: ArrayLike,
    ask_kwh: ArrayLike,
    bid_per_kwh: ArrayLike,
    ask_per_kwh: ArrayLike,
    *,
    ties: str = "pro_rata",
    check: bool = True,
) -> Reduction:
    """McAfee's rule: the orders that may trade, and their prices.

    With p = (b_k+1 + s_k+1)/2 of the next bid and ask, everything trades at p where s_k <= p <= b_k. Otherwise, and where
    there is no next bid or ask, the marginal bid and the marginal ask leave; the rest trades, buyers pay b_k, sellers get
    s_k, the operator keeps the difference. Where n orders trade at b_k, or at s_k, each of them loses 1/n of what it traded:
    the mean over which of them leaves. Books of one-unit orders: McAfee 1992, A dominant strategy double auction.
    Divisible orders: trade reduction in the manner of Huang, Scheller-Wolf, Sycara 2002, Design of a multi-unit double
    auction e-market; whoever has several units may gain by misreporting them.

    Parameters
    ----------
    trades : Trades
        As `match_orders` gives them for these orders under price priority.
    bid_kwh, ask_kwh, bid_per_kwh, ask_per_kwh, check : as for `price_trades`
    ties : {"pro_rata", "order"}
        As they were matched: under "order" the last of several marginal orders leaves, with all that it traded.

    Returns
    -------
    Reduction
        Match its orders again, at the same prices, and price the trades of a book at its two prices.

    Raises
    ------
    InputError
        Arrays that do not fit, negative quantities, unknown `ties`, trades that were not matched under price priority.
    """
    refuse_other_kinds(trades=(trades, Trades))
    orders = _orders(bid_kwh, ask_kwh, bid_per_kwh, ask_per_kwh)
    refuse(_faults(trades, orders, check) + ties_faults(ties))
    no_tariff = np.full(trades.n_books, np.nan)
    books = MatchedBooks(trades, *orders, no_tariff, no_tariff)
    leave = np.isnan(next_orders_price(books.margin))
    bids, asks = np.empty_like(orders[0]), np.empty_like(orders[1])
    in_csr = trades.offset, trades.seller, trades.buyer, trades.quantity_kwh
    keep_fills(orders[2], orders[3], *in_csr, leave, ties == "pro_rata", bids, asks)
    prices = RULES["mcafee"].price(books)
    return Reduction(bids, asks, prices.buyer_per_kwh, prices.seller_per_kwh)


def _orders(bid_kwh: ArrayLike, ask_kwh: ArrayLike, bid_per_kwh: ArrayLike, ask_per_kwh: ArrayLike) -> _Orders:
    """Quantities and prices as arrays of two axes.

    Raises
    ------
    InputError
        If they are no numbers, or bids and asks are not of one shape.
    """
    bids, asks = np.atleast_2d(floats("bid_kwh", bid_kwh)), np.atleast_2d(floats("ask_kwh", ask_kwh))
    if bids.ndim != 2 or bids.shape != asks.shape:
        raise InputError(f"bid_kwh {bids.shape} and ask_kwh {asks.shape} must both be (n_books, n_bus)")
    return bids, asks, np.atleast_2d(floats("bid_per_kwh", bid_per_kwh)), np.atleast_2d(floats("ask_per_kwh", ask_per_kwh))


def tariffs_by_book(retail_per_kwh: ArrayLike, feed_in_per_kwh: ArrayLike, n_books: int, faults: list[str]) -> list[Floats]:
    """Those of the two tariffs that can be brought to (n_books,); faults of the others."""
    by_book = []
    for name, value in (("retail_per_kwh", retail_per_kwh), ("feed_in_per_kwh", feed_in_per_kwh)):
        array = floats(name, value)
        if array.size != 1 and array.shape != (n_books,):
            faults.append(f"{name} has shape {array.shape}; it must be a number or (n_books,) = ({n_books},)")
        elif found := finite_faults(name, array, "book"):
            faults += found
        else:
            by_book.append(np.full(n_books, array.item()) if array.size == 1 else array)
    return by_book


def _faults(trades: Trades, orders: _Orders, check: bool) -> list[str]:
    shape = orders[0].shape
    if not check:
        return order_shape_faults(*orders) + trades.shape_faults(*shape)
    return order_shape_faults(*orders) + trades.faults(*shape) + order_value_faults(*orders)
