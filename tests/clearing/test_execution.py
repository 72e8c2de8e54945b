"""What is executed of pooled trades: sellers by their shares, buyers by their sizes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.kernels.clearing.execution import share_among_buyers
from fastp2p.market.trades import pair_trades
from tests.support import chains
from tests.support.pools import as_walks, pairs_of, random_pools

seeds = st.integers(0, 2**32 - 1)


def chain(*limit_kw):
    """Buses 0, 1, 2, 3 in a row from the external grid on; limits of the lines 1-2 and 2-3, then of the transformer."""
    return replace(fastp2p.Network.from_pandapower(chains.chain(2)), limit_kw=np.array(limit_kw))


@pytest.mark.small
@settings(deadline=None, derandomize=True)
@given(seed=seeds, n_bus=st.integers(2, 6))
def test_buyers_get_of_a_pool_what_its_pairs_give_them(seed, n_bus):
    rng = np.random.default_rng(seed)
    books = random_pools(rng, 4, n_bus)
    trades, executed_kwh = as_walks(books)
    bought_kwh = np.full(trades.n_trades, -1.0)
    cut = np.flatnonzero(rng.random(4) < 0.7)
    share_among_buyers(cut, trades.arrays, executed_kwh, bought_kwh)
    assert (bought_kwh[~np.isin(trades.book, cut)] == -1.0).all()
    for k in cut.tolist():
        for pool in books[k]:
            here = (trades.book == k) & (trades.bid_per_kwh == pool.bid) & (trades.ask_per_kwh == pool.ask)
            expected = np.zeros(n_bus)
            for i, j, kwh in pairs_of(pool):
                expected[pool.buyer[j]] += kwh * pool.share[i]
            found = np.bincount(trades.buyer[here], bought_kwh[here], n_bus)
            np.testing.assert_allclose(found, expected, rtol=0, atol=1e-12)


@pytest.mark.small
@settings(deadline=None, derandomize=True)
@given(seed=seeds, n_bus=st.integers(2, 6))
def test_sums_of_pairs_are_what_each_sells_and_buys(seed, n_bus):
    trades, executed_kwh = as_walks(random_pools(np.random.default_rng(seed), 4, n_bus))
    bought_kwh = executed_kwh.copy()
    share_among_buyers(np.arange(4), trades.arrays, executed_kwh, bought_kwh)
    pairs, _, executed_of_pair_kwh = pair_trades(trades, executed_kwh)
    for of_pairs, of_walk, kwh in ((pairs.seller, trades.seller, executed_kwh), (pairs.buyer, trades.buyer, bought_kwh)):
        summed, expected = np.zeros((2, 4, n_bus))
        np.add.at(summed, (pairs.book, of_pairs), executed_of_pair_kwh)
        np.add.at(expected, (trades.book, of_walk), kwh)
        np.testing.assert_allclose(summed, expected, rtol=0, atol=1e-9)


@pytest.mark.small
def test_prices_that_are_no_numbers_end_the_sharing():
    nan = np.array([np.nan, np.nan, 0.1])
    trades = fastp2p.Trades([0, 3], [0, 0, 0], [1, 1, 1], [1.0, 2.0, 0.0], nan, nan, pooled=True)
    bought_kwh = np.empty(3)
    share_among_buyers(np.array([0]), trades.arrays, np.array([0.5, 2.0, 0.0]), bought_kwh)
    assert bought_kwh.tolist() == [0.5, 2.0, 0.0]


BY_THE_PAIR = fastp2p.Trades(
    [0, 4], [3, 3, 0, 0], [1, 2, 1, 2], [0.5, 1.5, 0.5, 1.5], np.full(4, 0.3), np.full(4, 0.1)
)  # fmt: skip
BY_THE_WALK = fastp2p.Trades([0, 3], [3, 3, 0], [1, 2, 2], [1.0, 1.0, 2.0], np.full(3, 0.3), np.full(3, 0.1), pooled=True)


@pytest.mark.parametrize("trades", [BY_THE_PAIR, BY_THE_WALK], ids=["pairs", "walk"])
def test_a_cut_seller_is_felt_by_all_buyers_of_its_pool(trades):
    """Bus 3 sells behind a line of 1 kW: of 2 + 2 kWh for buses 1 and 2, who want 1 and 3, three are left."""
    answer = fastp2p.clear(chain(10.0, 1.0, 10.0), trades, np.zeros((1, 4)), objective="pro_rata")
    np.testing.assert_allclose(np.bincount(trades.seller, answer.executed_kwh), [2.0, 0.0, 0.0, 1.0], atol=1e-9)
    np.testing.assert_allclose(np.bincount(trades.buyer, answer.bought_kwh), [0.0, 0.75, 2.25], atol=1e-9)
    assert (answer.bought_kwh is answer.executed_kwh) is not trades.pooled


def test_without_a_cut_both_sides_are_one_array():
    answer = fastp2p.clear(chain(10.0, 10.0, 10.0), BY_THE_WALK, np.zeros((1, 4)))
    assert answer.bought_kwh is answer.executed_kwh
    assert not answer.is_cut.any()


def test_pooled_trades_do_not_say_whose_load_is_shed():
    with pytest.raises(fastp2p.InputError, match=r"pooled trades do not say; give trades.in_proportion\(\)"):
        fastp2p.clear(chain(10.0, 1.0, 10.0), BY_THE_WALK, np.zeros((1, 4)), unserved="shed")
