"""match_orders: cases worked by hand."""

import numpy as np
import pytest

import fastp2p
from tests.support.matched import hand_book, listed, match_one

RULES = [(priority, ties) for priority in ("price", "volume") for ties in ("pro_rata", "order")]
pytestmark = pytest.mark.small


def test_pro_rata_shares_the_longer_side():
    book = hand_book([4, 2, 0], [0, 0, 3], [0.3] * 3, [0.1] * 3)
    assert listed(match_one(book)) == [(2, 0, 2.0), (2, 1, 1.0)]
    assert listed(match_one(book, ties="order")) == [(2, 0, 3.0)]


def test_the_marginal_group_alone_is_shared():
    book = hand_book([1, 4, 4, 0], [0, 0, 0, 5], [0.3, 0.2, 0.2, 0], [0.1] * 4)
    assert listed(match_one(book)) == [(3, 0, 1.0), (3, 1, 2.0), (3, 2, 2.0)]
    assert listed(match_one(book, ties="order")) == [(3, 0, 1.0), (3, 1, 4.0)]


def test_price_and_volume_priority_differ():
    book = hand_book([1, 1, 0, 0], [0, 0, 1, 1], [0.4, 0.2, 0, 0], [0, 0, 0.1, 0.3])
    assert listed(match_one(book, priority="price")) == [(2, 0, 1.0)]
    assert sorted(listed(match_one(book, priority="volume"))) == [(2, 1, 1.0), (3, 0, 1.0)]


def test_volume_priority_takes_the_dearest_asks_first():
    book = hand_book([1, 0, 0, 0], [0, 1, 1, 1], [0.3, 0, 0, 0], [0, 0.1, 0.2, 0.4])
    assert listed(match_one(book, priority="volume")) == [(2, 0, 1.0)]
    assert listed(match_one(book, priority="price")) == [(1, 0, 1.0)]


def test_several_sellers_and_buyers_in_order():
    book = hand_book([0, 3, 0, 2], [2, 0, 3, 0], [0, 0.3, 0, 0.35], [0.2, 0, 0.1, 0])
    assert listed(match_one(book)) == [(2, 3, 2.0), (2, 1, 1.0), (0, 1, 2.0)]


def test_an_equal_bid_and_ask_price_trades():
    book = hand_book([1, 0], [0, 1], [0.2, 0.2], [0.2, 0.2])
    assert listed(match_one(book)) == [(1, 0, 1.0)]


def test_a_bus_may_trade_with_itself():
    """Gross orders: who wants 2 kWh and offers 3 is a buyer and a seller like any other."""
    assert listed(match_one(hand_book([2], [3], [0.3], [0.1]))) == [(0, 0, 2.0)]


def test_no_dust_is_left():
    thirds = hand_book([0.1, 0.1, 0.1, 0], [0, 0, 0, 0.3], [0.3] * 4, [0.1] * 4)
    for priority, ties in RULES:
        for quantity in (thirds, (thirds[1][::-1], thirds[0][::-1], *thirds[2:])):
            assert len(match_one(quantity, priority=priority, ties=ties).seller) == 3


def test_negative_prices_trade():
    trades = match_one(hand_book([1, 0], [0, 1], [-0.1, 0], [0, -0.2]))
    assert listed(trades) == [(1, 0, 1.0)]


def test_quantities_may_be_integers_or_strided():
    bid, ask = np.array([[1, 0], [2, 0]]), np.array([[0, 1], [0, 2]])
    prices = np.full(2, 0.3), np.full(2, 0.1)
    plain = fastp2p.match_orders(bid.astype(float), ask.astype(float), *prices)
    for changed in ((bid, ask), (np.asfortranarray(bid, float), np.asfortranarray(ask, float))):
        np.testing.assert_array_equal(fastp2p.match_orders(*changed, *prices).quantity_kwh, plain.quantity_kwh)


@pytest.mark.parametrize("priority", ["price", "volume"])
def test_no_trade_of_what_rounding_leaves_in_a_pool(priority):
    """Tenths of a kWh, in which sums of a pool do not come out even; twice what no trade may be less than is 2e-12."""
    rng = np.random.default_rng(8)
    bids, asks = (rng.integers(0, 9, (4_000, 6)) / 10 * (rng.random((4_000, 6)) < 0.7) for _ in range(2))
    prices = rng.integers(1, 9, (2, 4_000, 6)) / 2.0
    trades = fastp2p.match_orders(bids, asks, *prices, priority=priority)
    assert trades.quantity_kwh.min() > 1e-6


def test_orders_that_a_pool_does_not_reach_make_no_dust():
    bids, asks = [[0, 0.7, 0, 0.6]], [[0.3, 0, 0.6, 0.4]]
    trades = fastp2p.match_orders(bids, asks, [0.6, 3.4, 2.2, 3.5], [2.6, 1.8, 0.9, 3.2], priority="volume")
    assert sorted(zip(trades.seller.tolist(), trades.buyer.tolist(), strict=True)) == [(0, 1), (2, 3), (3, 1)]
    np.testing.assert_allclose(trades.quantity_kwh.sum(), 1.3)
