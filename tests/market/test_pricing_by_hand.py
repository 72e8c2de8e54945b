"""Market rules: prices worked by hand."""

import numpy as np
import pytest
from hypothesis import given, settings

import fastp2p
from fastp2p.market.pricing import reduce_orders
from fastp2p.market.rules import RULES
from tests.support import strategies
from tests.support.pricing import BOOK, fills, trade

check = settings(deadline=None, derandomize=True)
ELEVENTHS = np.array([2, 3, 4, 2]) * 10 / 11
BY_HAND = {
    # B0 2·0.05 + 1·0.12, B1 2·0.12, B2 4·0.16
    "ask": ([0.22, 0.24, 0.64, 0], [0.10, 0.36, 0.64, 0]),
    # A4 2·0.30, A5 1·0.30 + 2·0.25, A6 4·0.18
    "bid": ([0.90, 0.50, 0.72, 0], [0.60, 0.80, 0.72, 0]),
    # pairs at 0.175, 0.21, 0.185, 0.17
    "midpoint": ([0.56, 0.37, 0.68, 0], [0.35, 0.58, 0.68, 0]),
    # 0.25·0.18 + 0.75·0.16 = 0.165
    "k": ([0.495, 0.33, 0.66, 0], [0.33, 0.495, 0.66, 0]),
    # 0.17
    "uniform": ([0.51, 0.34, 0.68, 0], [0.34, 0.51, 0.68, 0]),
    # (0.02 + 0.24)/2 = 0.13 is below s_k: B2 and A6 leave, 5 kWh trade, bought at 0.18, sold at 0.16
    "mcafee": ([0.54, 0.36, 0, 0], [0.32, 0.48, 0, 0]),
    # S = 11, D = 10: every bid is filled, every ask to 10/11; (0.30 + 0.04)/2 = 0.17
    "mid_market_rate": ([0.51, 0.34, 0.68, 0.17], 0.17 * ELEVENTHS),
    "bill_sharing": ([0, 0, 0, 0], [0, 0, 0, 0]),
    # r = 1.1 > 1: the feed-in tariff
    "supply_demand_ratio": ([0.12, 0.08, 0.16, 0.04], 0.04 * ELEVENTHS),
}


@pytest.mark.small
@pytest.mark.parametrize("pricing", RULES)
def test_the_book_worked_by_hand(pricing):
    _, paid, received = trade(BOOK, pricing, kappa=0.25)
    assert paid[:4] == pytest.approx(BY_HAND[pricing][0], abs=1e-12)
    assert received[4:] == pytest.approx(BY_HAND[pricing][1], abs=1e-12)
    assert not paid[4:].any()
    assert not received[:4].any()


@pytest.mark.small
def test_mcafee_keeps_everyone_where_the_next_orders_allow_it():
    """With B3 at 0.10 the next orders give (0.10 + 0.24)/2 = 0.17, within [0.16, 0.18]."""
    book = (*BOOK[:2], [0.30, 0.25, 0.18, 0.10, 0, 0, 0, 0], BOOK[3])
    _, paid, received = trade(book, "mcafee")
    assert paid[:4] == pytest.approx([0.51, 0.34, 0.68, 0])
    assert received[4:] == pytest.approx([0.34, 0.51, 0.68, 0])


@pytest.mark.small
def test_mcafee_with_ties_by_hand():
    """Two bids of 1 kWh at 0.20 share asks of 1 and 0.5 kWh at 0.10: pro rata 0.75 each.

    Either bid has 0.25 left, so b_k+1 = b_k and the marginal orders leave: on average, one of two. Both bids keep half of
    their 0.75 kWh, the asks 0.5 and 0.25, and all of that trades.
    """
    book = ([1, 1, 0, 0], [0, 0, 1, 0.5], [0.2, 0.2, 0, 0], [0, 0, 0.1, 0.1])
    trades, paid, received = trade(book, "mcafee")
    assert (trades.seller.tolist(), trades.buyer.tolist()) == ([2, 2, 3, 3], [0, 1, 0, 1])
    assert trades.quantity_kwh == pytest.approx([0.25, 0.25, 0.125, 0.125])
    assert paid == pytest.approx([0.075, 0.075, 0, 0])
    assert received == pytest.approx([0, 0, 0.05, 0.025])


@pytest.mark.small
def test_mcafee_with_ties_at_one_side_by_hand():
    """Three bids of 1, 2 and 3 kWh at 0.20 meet one ask of 6 kWh at 0.10, which leaves: nothing is left to buy.

    With 2 kWh more at 0.05 the ask at 0.10 leaves too; the bids keep 2/3 of 1, 2 and 3 kWh, and share the 2 kWh.
    """
    book = ([1, 2, 3, 0, 0], [0, 0, 0, 6, 0], [0.2] * 5, [0.1] * 5)
    assert trade(book, "mcafee")[0].n_trades == 0
    book = ([1, 2, 3, 0, 0], [0, 0, 0, 6, 2], [0.2] * 5, [0.1, 0.1, 0.1, 0.1, 0.05])
    trades, paid, received = trade(book, "mcafee")
    assert (trades.seller.tolist(), trades.buyer.tolist()) == ([4, 4, 4], [0, 1, 2])
    assert paid[:3] == pytest.approx(0.2 * np.array([1, 2, 3]) / 3)
    assert received[4] == pytest.approx(0.1 * 2)


@pytest.mark.small
def test_mcafee_first_come_first_served_by_hand():
    """Bus 0 gets its 1 kWh, bus 1 the other 0.5, and leaves, as bus 3 does."""
    book = ([1, 1, 0, 0], [0, 0, 1, 0.5], [0.2, 0.2, 0, 0], [0, 0, 0.1, 0.1])
    trades, _, _ = trade(book, "mcafee", ties="order")
    assert (trades.seller.tolist(), trades.buyer.tolist(), trades.quantity_kwh.tolist()) == ([2], [0], [1.0])


@pytest.mark.small
@check
@given(book=strategies.books())
def test_mcafee_keeps_everyone_only_where_the_margin_is_filled(book):
    """An order with something left is its own next order: the next of the other side lies beyond it, and so does p."""
    sides = [np.asarray(side, float)[None, :] for side in book]
    trades = fastp2p.match_orders(*sides)
    bought, sold = fills(trades, len(book[0]))
    reduced = reduce_orders(trades, *sides)
    if trades.n_trades and reduced.bid_kwh.sum() > 0.0 and reduced.buyer_per_kwh[0] == reduced.seller_per_kwh[0]:
        last_bid, last_ask = trades.bid_per_kwh.min(), trades.ask_per_kwh.max()
        if last_bid > last_ask:
            near = 1e-9 * (sides[0].sum() + sides[1].sum())
            assert (sides[0][0] - bought)[(bought > 0) & (sides[2][0] == last_bid)] == pytest.approx(0.0, abs=near)
            assert (sides[1][0] - sold)[(sold > 0) & (sides[3][0] == last_ask)] == pytest.approx(0.0, abs=near)
