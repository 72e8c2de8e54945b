"""One book through the auction, and its trades as a list."""

import numpy as np

import fastp2p


def match_one(book, **rules):
    bid, ask, bid_price, ask_price = book
    return fastp2p.match_orders(bid[None, :], ask[None, :], bid_price, ask_price, **rules)


def listed(trades):
    return list(zip(trades.seller.tolist(), trades.buyer.tolist(), trades.quantity_kwh.tolist(), strict=True))


def hand_book(bid, ask, bid_price, ask_price):
    return tuple(np.array(side, dtype=float) for side in (bid, ask, bid_price, ask_price))
