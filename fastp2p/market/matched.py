"""Matched books: the trades with the orders and tariffs that their prices may depend on."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.errors import InputError
from fastp2p.kernels.market.pricing import find_margins
from fastp2p.market.rules import Prices
from fastp2p.market.trades import Trades

Floats = NDArray[np.float64]


class Margin(NamedTuple):
    """Prices at the margin of every book, (n_books,) float64, currency per kWh.

    Attributes
    ----------
    last_bid, last_ask
        The cheapest bid and the dearest ask that trade; NaN in a book without trades.
    next_bid, next_ask
        The dearest bid and the cheapest ask with something left; -inf and inf for none.
    """

    last_bid: Floats
    last_ask: Floats
    next_bid: Floats
    next_ask: Floats


@dataclass(frozen=True, eq=False)
class MatchedBooks:
    """What the price of a trade may depend on.

    Attributes
    ----------
    trades : Trades
    bid_kwh, ask_kwh : (n_books, n_bus) float64, kWh
        Orders as placed.
    bid_per_kwh, ask_per_kwh : (n_rows, n_bus) float64, currency per kWh
        Each row serves n_books / n_rows books in turn.
    retail_per_kwh, feed_in_per_kwh : (n_books,) float64, currency per kWh
        NaN where no tariff is known, as in `reduce_orders`.
    """

    __repr__ = short_repr
    trades: Trades
    bid_kwh: Floats
    ask_kwh: Floats
    bid_per_kwh: Floats
    ask_per_kwh: Floats
    retail_per_kwh: Floats
    feed_in_per_kwh: Floats

    @cached_property
    def margin(self) -> Margin:
        """The prices at the margin of every book.

        Raises
        ------
        InputError
            Where an ask trades that is above a bid that trades, as under volume priority.
        """
        trades = self.trades
        margin = np.empty((4, trades.n_books))
        orders = self.bid_kwh, self.ask_kwh, self.bid_per_kwh, self.ask_per_kwh
        find_margins(*orders, trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, margin)
        found = Margin(*margin)
        crossed = np.flatnonzero(found.last_bid < found.last_ask)[:1]
        for k in crossed.tolist():
            raise InputError(
                f"book {k}: a bid of {found.last_bid[k]:g} and an ask of {found.last_ask[k]:g} both trade, which no one price "
                "suits; match the orders with priority = 'price' for this rule"
            )
        return found

    def one_price(self, of_book: Floats) -> Prices:
        """The prices of trades where all of a book trade at one, (n_books,)."""
        of_trade = of_book[self.trades.book]
        return Prices(of_trade, of_trade)
