"""A book traded by a rule of the market, and books to trade."""

import numpy as np
from hypothesis import strategies as st

from fastp2p.market.orders import Orders
from fastp2p.market.trading import trade_by_rule

RETAIL, FEED_IN = 0.30, 0.04

# Bids   B0 3 kWh at 0.30   B1 2 at 0.25   B2 4 at 0.18   B3 1 at 0.02        Asks   A4 2 kWh at 0.05   A5 3 at 0.12
#                                                                                     A6 4 at 0.16       A7 2 at 0.24
# Down both lists: bids hold 3, 5, 9, 10 kWh, asks 2, 5, 9, 11. At 9 kWh the bid (0.18) still covers the ask (0.16), after it
# 0.02 does not cover 0.24: 9 kWh trade, B3 and A7 do not. Pairs: A4-B0 2, A5-B0 1, A5-B1 2, A6-B2 4.
# Margin: b_k = 0.18, s_k = 0.16, next bid 0.02, next ask 0.24, so the interval is [0.16, 0.18].
BOOK = (
    [3, 2, 4, 1, 0, 0, 0, 0],
    [0, 0, 0, 0, 2, 3, 4, 2],
    [0.30, 0.25, 0.18, 0.02, 0, 0, 0, 0],
    [0, 0, 0, 0, 0.05, 0.12, 0.16, 0.24],
)


def trade(book, pricing, *, retail=RETAIL, feed_in=FEED_IN, priority="price", ties="pro_rata", kappa=0.5, pairs=True):
    """(trades, paid, received) of one book by a rule, the latter two per bus."""
    bid, ask, bid_price, ask_price = (np.asarray(side, float)[None, :] for side in book)
    orders = Orders(np.zeros_like(bid), bid, ask)
    tariffs = np.array([retail]), np.array([feed_in])
    how = {"pricing": pricing, "priority": priority, "ties": ties, "kappa": kappa}
    trades, prices = trade_by_rule(orders, bid_price, ask_price, *tariffs, pairs=pairs, **how)
    n_bus = bid.shape[1]
    paid = np.bincount(trades.buyer, prices.buyer_per_kwh * trades.quantity_kwh, n_bus)
    received = np.bincount(trades.seller, prices.seller_per_kwh * trades.quantity_kwh, n_bus)
    return trades, paid, received


def fills(trades, n_bus):
    return np.bincount(trades.buyer, trades.quantity_kwh, n_bus), np.bincount(trades.seller, trades.quantity_kwh, n_bus)


@st.composite
def one_unit_books(draw):
    """Every bus bids for or asks with one unit, at prices of its own."""
    n_bus = draw(st.integers(2, 8))
    price = np.array(draw(st.lists(st.integers(0, 40), min_size=n_bus, max_size=n_bus, unique=True))) / 100
    bids = np.array(draw(st.lists(st.booleans(), min_size=n_bus, max_size=n_bus)))
    return bids.astype(float), (~bids).astype(float), price, price
