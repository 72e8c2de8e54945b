"""The pairs of pooled trades against their definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.kernels.clearing.execution import share_among_buyers
from fastp2p.pipeline.ledger import name_pairs, pairs_per_book
from tests.support.pools import as_pairs, as_walks, random_pools

pytestmark = pytest.mark.small
check = settings(deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


@check
@given(seed=seeds, n_bus=st.integers(2, 6))
def test_pairs_of_pooled_trades_are_those_of_the_definition(seed, n_bus):
    books = random_pools(np.random.default_rng(seed), 4, n_bus)
    expected, expected_executed_kwh = as_pairs(books)
    trades, executed_kwh = as_walks(books)
    pairs = name_pairs(trades, executed_kwh)
    assert pairs_per_book(trades).tolist() == np.diff(expected.offset).tolist()
    assert pairs.book.tolist() == expected.book.tolist()
    assert trades.seller[pairs.sale].tolist() == expected.seller.tolist()
    assert trades.buyer[pairs.purchase].tolist() == expected.buyer.tolist()
    for at in (pairs.sale, pairs.purchase):
        assert trades.bid_per_kwh[at].tolist() == expected.bid_per_kwh.tolist()
        assert trades.ask_per_kwh[at].tolist() == expected.ask_per_kwh.tolist()
    np.testing.assert_allclose(pairs.matched_kwh, expected.quantity_kwh, rtol=0, atol=1e-12)
    np.testing.assert_allclose(pairs.executed_kwh, expected_executed_kwh, rtol=0, atol=1e-12)


@check
@given(seed=seeds, n_bus=st.integers(2, 6))
def test_sums_of_pairs_are_what_each_sells_and_buys(seed, n_bus):
    books = random_pools(np.random.default_rng(seed), 4, n_bus)
    trades, executed_kwh = as_walks(books)
    bought_kwh = executed_kwh.copy()
    share_among_buyers(np.arange(4), trades.arrays, executed_kwh, bought_kwh)
    pairs = name_pairs(trades, executed_kwh)
    for who, of_pair, kwh in ((trades.seller, pairs.sale, executed_kwh), (trades.buyer, pairs.purchase, bought_kwh)):
        summed, expected = np.zeros((2, 4, n_bus))
        np.add.at(summed, (pairs.book, who[of_pair]), pairs.executed_kwh)
        np.add.at(expected, (trades.book, who), kwh)
        np.testing.assert_allclose(summed, expected, rtol=0, atol=1e-9)


def test_trades_that_name_their_pairs_are_the_ledger():
    trades, executed_kwh = as_pairs(random_pools(np.random.default_rng(3), 4, 5))
    pairs = name_pairs(trades, executed_kwh)
    assert pairs_per_book(trades).tolist() == np.diff(trades.offset).tolist()
    assert pairs.sale.tolist() == pairs.purchase.tolist() == list(range(trades.n_trades))
    assert pairs.matched_kwh is trades.quantity_kwh
    assert pairs.executed_kwh is executed_kwh


def test_prices_that_are_no_numbers_end_the_pairing():
    nan = np.array([np.nan, np.nan, 0.1])
    trades = fastp2p.Trades([0, 0, 3, 3], [0, 0, 0], [1, 1, 1], [1.0, 2.0, 0.0], nan, nan, pooled=True)
    pairs = name_pairs(trades, np.array([0.5, 2.0, 0.0]))
    assert pairs.book.tolist() == [1, 1, 1]
    assert pairs.executed_kwh.tolist() == [0.5, 2.0, 0.0]
