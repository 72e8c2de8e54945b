"""match_orders against the plain oracle, the transport problem, and cases worked by hand."""

from itertools import groupby

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.market.matching import match_in_pools
from fastp2p.market.trades import pair_trades
from tests.oracles import books as oracle
from tests.oracles import market as market_oracle
from tests.support import strategies
from tests.support.matched import hand_book, listed, match_one

RULES = [(priority, ties) for priority in ("price", "volume") for ties in ("pro_rata", "order")]
pytestmark = pytest.mark.small
FIELDS = ("offset", "seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh")
check = settings(deadline=None, derandomize=True)
any_book = st.one_of(strategies.books(), strategies.tied_books().map(lambda found: found[0]))
each_rule = pytest.mark.parametrize(("priority", "ties"), RULES)


def match_pooled(book, priority="price", ties="pro_rata"):
    """`match_one` as the pipeline asks for it where it need not know who trades with whom in a pool."""
    return match_in_pools(*(np.atleast_2d(side) for side in book), priority=priority, ties=ties, pairs=False)


def matrix(trades, n_bus):
    """(n_bus, n_bus) kWh that each seller sells to each buyer."""
    kwh = np.zeros((n_bus, n_bus))
    np.add.at(kwh, (trades.seller, trades.buyer), trades.quantity_kwh)
    return kwh


def fills(trades, n_bus):
    bid_fill = np.bincount(trades.buyer, trades.quantity_kwh, minlength=n_bus)
    ask_fill = np.bincount(trades.seller, trades.quantity_kwh, minlength=n_bus)
    return bid_fill, ask_fill


def scale(book):
    """Absolute tolerance of one book: rounding in sums over all its orders."""
    return 1e-11 * (book[0].sum() + book[1].sum())


def assert_fills(trades, expected, tolerance):
    bid_fill, ask_fill = fills(trades, len(expected[0]))
    np.testing.assert_allclose(bid_fill, expected[0], rtol=0, atol=tolerance)
    np.testing.assert_allclose(ask_fill, expected[1], rtol=0, atol=tolerance)


def assert_well_formed(trades, book):
    bid, ask, bid_price, ask_price = book
    seller, buyer, quantity = trades.seller, trades.buyer, trades.quantity_kwh
    assert trades.n_books == 1
    assert trades.offset.tolist() == [0, len(quantity)]
    assert trades.offset.dtype == seller.dtype == buyer.dtype == np.int64
    assert {len(getattr(trades, name)) for name in FIELDS[1:]} == {len(quantity)}
    assert (bid[buyer] > 0).all()
    assert (ask[seller] > 0).all()
    np.testing.assert_array_equal(trades.bid_per_kwh, bid_price[buyer])
    np.testing.assert_array_equal(trades.ask_per_kwh, ask_price[seller])
    assert (trades.bid_per_kwh >= trades.ask_per_kwh).all()
    assert (quantity > 0).all()
    bid_fill, ask_fill = fills(trades, len(bid))
    assert (bid_fill <= bid + scale(book) / 1000).all()
    assert (ask_fill <= ask + scale(book) / 1000).all()
    assert len(set(zip(seller.tolist(), buyer.tolist(), strict=True))) == len(quantity)


def assert_few(trades, book):
    """As many trades as a walk makes, none of which is what rounding leaves of an order."""
    bid, ask = book[:2]
    assert trades.n_trades <= max(0, np.count_nonzero(bid) + np.count_nonzero(ask) - 1)
    assert (trades.quantity_kwh >= 0.99e-12 * np.minimum(bid[trades.buyer], ask[trades.seller])).all()


# ------------------------------------------------------------------------------------------------------ against the oracle


@each_rule
@check
@given(book=strategies.books())
def test_fills_equal_the_oracle(priority, ties, book):
    trades = match_one(book, priority=priority, ties=ties)
    assert_well_formed(trades, book)
    assert not trades.pooled
    if ties == "order" or len(set(book[2])) == len(set(book[3])) == len(book[0]):
        assert_few(trades, book)
    assert_fills(trades, oracle.match(*book, priority, ties), scale(book))


@pytest.mark.parametrize("priority", ["price", "volume"])
@check
@given(book=any_book)
def test_pairs_are_in_proportion(priority, book):
    trades = match_one(book, priority=priority)
    n_bus = len(book[0])
    np.testing.assert_allclose(matrix(trades, n_bus), market_oracle.pairs(book, priority), rtol=0, atol=scale(book))
    if priority == "price":
        assert (np.diff(trades.bid_per_kwh) <= 0).all()
        assert (np.diff(trades.ask_per_kwh) >= 0).all()


@pytest.mark.parametrize("priority", ["price", "volume"])
@check
@given(book=any_book)
def test_pooled_trades_are_a_walk_of_each_pool(priority, book):
    """Whose sums by price, by seller and by buyer are those of the pairs, in as few trades as there can be."""
    n_bus, pooled, pairs = len(book[0]), match_pooled(book, priority), match_one(book, priority=priority)
    assert_well_formed(pooled, book)
    assert pooled.pooled
    assert_fills(pooled, fills(pairs, n_bus), scale(book))
    runs, of_pairs = ([at for at, _ in groupby(zip(t.bid_per_kwh, t.ask_per_kwh, strict=True))] for t in (pooled, pairs))
    assert runs == of_pairs
    assert len(set(runs)) == len(runs)  # a pool's trades follow one another
    for bid, ask in runs:
        in_pool, of_pool = ((t.bid_per_kwh == bid) & (t.ask_per_kwh == ask) for t in (pooled, pairs))
        n_sellers, n_buyers = (len(set(side[in_pool].tolist())) for side in (pooled.seller, pooled.buyer))
        assert in_pool.sum() < n_sellers + n_buyers
        assert of_pool.sum() == n_sellers * n_buyers
        for side in ("seller", "buyer"):
            sums = [
                np.bincount(getattr(t, side)[at], t.quantity_kwh[at], n_bus) for t, at in ((pooled, in_pool), (pairs, of_pool))
            ]
            np.testing.assert_allclose(*sums, rtol=1e-12, atol=0)


@pytest.mark.parametrize("priority", ["price", "volume"])
@check
@given(book=strategies.books())
def test_nobody_pools_who_comes_first(priority, book):
    pooled, pairs = match_pooled(book, priority, "order"), match_one(book, priority=priority, ties="order")
    assert not pooled.pooled
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(pooled, name), getattr(pairs, name))


@each_rule
@check
@given(book=strategies.net_books())
def test_net_books_never_trade_with_themselves(priority, ties, book):
    trades = match_one(book, priority=priority, ties=ties)
    assert (trades.seller != trades.buyer).all()


@check
@given(book=strategies.books())
def test_pairs_follow_both_lists_first_come_first_served(book):
    trades = match_one(book, ties="order")
    bids_in_order = list(zip(-trades.bid_per_kwh, trades.buyer, strict=True))
    asks_in_order = list(zip(trades.ask_per_kwh, trades.seller, strict=True))
    assert bids_in_order == sorted(bids_in_order)
    assert asks_in_order == sorted(asks_in_order)
    expected = market_oracle.pairs_by(book, "price", "order")
    np.testing.assert_allclose(matrix(trades, len(book[0])), expected, rtol=0, atol=scale(book))


@pytest.mark.parametrize("ties", ["pro_rata", "order"])
@check
@given(book=strategies.books())
def test_price_priority_has_the_greatest_welfare(ties, book):
    trades = match_one(book, priority="price", ties=ties)
    welfare = np.sum((trades.bid_per_kwh - trades.ask_per_kwh) * trades.quantity_kwh)
    assert welfare == pytest.approx(oracle.transport(*book, "welfare"), rel=1e-7, abs=1e-6)


@pytest.mark.parametrize("ties", ["pro_rata", "order"])
@check
@given(book=strategies.books())
def test_volume_priority_has_the_greatest_volume(ties, book):
    volume = match_one(book, priority="volume", ties=ties).quantity_kwh.sum()
    assert volume == pytest.approx(oracle.transport(*book, "volume"), rel=1e-7, abs=1e-6)
    assert volume >= match_one(book, priority="price", ties=ties).quantity_kwh.sum() - scale(book)


@check
@given(book=any_book, data=st.data())
@pytest.mark.parametrize("priority", ["price", "volume"])
def test_permuting_the_participants_permutes_who_trades_with_whom(priority, book, data):
    order = np.array(data.draw(st.permutations(range(len(book[0])))))
    permuted = tuple(side[order] for side in book)
    here, there = (matrix(match_one(sides, priority=priority), len(order)) for sides in (book, permuted))
    np.testing.assert_allclose(there, here[np.ix_(order, order)], rtol=0, atol=scale(book) / 10)


# ----------------------------------------------------------------------------------------------------------------- batches


@each_rule
@check
@given(batch=strategies.batches())
def test_many_books_at_once_equal_one_by_one(priority, ties, batch):
    bid, ask, bid_price, ask_price = batch
    rules = {"priority": priority, "ties": ties}
    together = fastp2p.match_orders(bid, ask, bid_price, ask_price, **rules)
    assert together.n_books == len(bid)
    assert len(together.offset) == len(bid) + 1
    for k in range(len(bid)):
        prices = (bid_price, ask_price) if bid_price.ndim == 1 else (bid_price[k], ask_price[k])
        alone = fastp2p.match_orders(bid[k : k + 1], ask[k : k + 1], *prices, **rules)
        mine = slice(together.offset[k], together.offset[k + 1])
        for name in FIELDS[1:]:
            np.testing.assert_array_equal(getattr(together, name)[mine], getattr(alone, name))


@check
@given(batch=strategies.batches())
def test_prices_of_all_books_or_of_each(batch):
    bid, ask, bid_price, ask_price = batch
    by_book = (np.broadcast_to(bid_price, bid.shape), np.broadcast_to(ask_price, ask.shape))
    once, often = fastp2p.match_orders(bid, ask, bid_price, ask_price), fastp2p.match_orders(bid, ask, *by_book)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(once, name), getattr(often, name))


@each_rule
def test_books_without_trades(priority, ties):
    zero, one = np.zeros((3, 4)), np.ones((3, 4))
    cheap, dear = np.full(4, 0.1), np.full(4, 0.3)
    for bid, ask, bid_price, ask_price in [(zero, zero, dear, cheap), (one, zero, dear, cheap), (one, one, cheap, dear)]:
        trades = fastp2p.match_orders(bid, ask, bid_price, ask_price, priority=priority, ties=ties)
        assert trades.offset.tolist() == [0, 0, 0, 0]
        assert len(trades.seller) == len(trades.quantity_kwh) == 0
    assert fastp2p.match_orders(zero[:0], zero[:0], dear, cheap, priority=priority, ties=ties).n_books == 0


def test_empty_books_between_full_ones():
    bid = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 0.0], [1.0, 0.0], [0.0, 0.0]])
    trades = fastp2p.match_orders(bid, bid[:, ::-1], np.full(2, 0.3), np.full(2, 0.1))
    assert trades.offset.tolist() == [0, 0, 1, 1, 2, 2]
    assert trades.quantity_kwh.tolist() == [2.0, 1.0]


def test_the_callers_arrays_stay_as_they_were():
    bid, ask, price = np.array([[3.0, 0.0, 1.0]]), np.array([[0.0, 2.0, 0.0]]), np.full(3, 0.2)
    before = [array.copy() for array in (bid, ask, price)]
    for priority, ties in RULES:
        fastp2p.match_orders(bid, ask, price, price, priority=priority, ties=ties)
    for now, then in zip((bid, ask, price), before, strict=True):
        np.testing.assert_array_equal(now, then)


# ------------------------------------------------------------------------------------------------------- pools into pairs


def pooled_by_hand():
    """Two books with an empty one between and after. Bus 1 sells and buys in a pool whose trades are in no order."""
    return fastp2p.Trades(
        offset=[0, 5, 5, 8, 8],
        seller=[0, 1, 0, 1, 3, 1, 1, 2],
        buyer=[1, 2, 2, 1, 2, 3, 0, 0],
        quantity_kwh=[2.0, 1.0, 1.0, 0.0, 4.0, 0.0, 0.0, 3.0],
        bid_per_kwh=[0.3, 0.3, 0.3, 0.3, 0.2, 0.3, 0.3, 0.3],
        ask_per_kwh=[0.1] * 8,
        pooled=True,
    )


def test_pools_into_pairs_by_hand():
    """Seller 0 has 3 and seller 1 has 1 of the 4 kWh that buyers 1 and 2 share equally."""
    trades = pooled_by_hand()
    pairs, source, executed = pair_trades(trades, trades.quantity_kwh / 2)
    assert pairs.offset.tolist() == [0, 5, 5, 9, 9]
    assert listed(pairs)[:5] == [(0, 1, 1.5), (0, 2, 1.5), (1, 1, 0.5), (1, 2, 0.5), (3, 2, 4.0)]
    assert listed(pairs)[5:] == [(1, 3, 0.0), (1, 0, 0.0), (2, 3, 0.0), (2, 0, 3.0)]
    assert source.tolist() == [0, 0, 1, 1, 4, 5, 5, 7, 7]
    assert pairs.bid_per_kwh.tolist() == [0.3] * 4 + [0.2] + [0.3] * 4
    np.testing.assert_array_equal(executed, pairs.quantity_kwh / 2)
    assert not pairs.pooled
    assert listed(trades.in_proportion()) == listed(pairs)


def test_a_pool_of_nothing_has_pairs_of_nothing():
    trades = fastp2p.Trades([0, 3], [0, 1, 1], [2, 2, 3], [0.0] * 3, [0.3] * 3, [0.1] * 3, pooled=True)
    assert listed(trades.in_proportion()) == [(0, 2, 0.0), (0, 3, 0.0), (1, 2, 0.0), (1, 3, 0.0)]


def test_no_trades_have_no_pairs():
    trades = match_pooled(hand_book([0, 0], [0, 1], [0.3, 0.3], [0.1, 0.1]))
    assert trades.pooled
    pairs, source, executed = pair_trades(trades, trades.quantity_kwh)
    assert pairs.offset.tolist() == [0, 0]
    assert len(source) == len(executed) == 0


@pytest.mark.parametrize(
    ("given_wrong", "message"),
    [
        ({"seller": [0, -1]}, "seller of trade 1 is bus position -1"),
        ({"buyer": [2**61, 1]}, "buyer of trade 0 is bus position 2305843009213693952"),
        ({"offset": [0, 5, 2]}, "trade offsets must rise from 0 to the number of trades, 2"),
        ({"offset": []}, "trade offsets must rise from 0 to the number of trades, 2"),
        ({"ask_per_kwh": []}, "the arrays of the trades have unequal lengths"),
    ],
)
def test_pairs_of_wrong_trades_are_refused(given_wrong, message):
    right = {"offset": [0, 2], "seller": [0, 1], "buyer": [2, 2], "quantity_kwh": [1, 1]}
    trades = fastp2p.Trades(**{**right, "bid_per_kwh": [0.3, 0.3], "ask_per_kwh": [0.1, 0.1], **given_wrong}, pooled=True)
    with pytest.raises(fastp2p.InputError, match=message):
        trades.in_proportion()


def test_executed_energy_of_other_trades_is_refused():
    with pytest.raises(fastp2p.InputError, match=r"executed_kwh has shape \(1,\); it must be \(8,\)"):
        pair_trades(pooled_by_hand(), np.ones(1))


@check
@given(book=strategies.books())
def test_trades_that_are_pairs_stay_so(book):
    trades = match_one(book)
    assert trades.in_proportion() is trades
    pairs, source, executed = pair_trades(trades, trades.quantity_kwh / 2)
    assert pairs is trades
    assert source.tolist() == list(range(trades.n_trades))
    np.testing.assert_array_equal(executed, trades.quantity_kwh / 2)


@check
@given(book=any_book, priority=st.sampled_from(["price", "volume"]), data=st.data())
def test_buyers_share_what_is_executed_of_a_seller_in_a_pool(book, priority, data):
    """Where the network cuts a seller to a share of what it sells to a pool, each of its pairs is cut to it."""
    pooled = match_pooled(book, priority)
    shares = st.lists(st.sampled_from([0.0, 0.25, 0.7, 1.0]), min_size=pooled.n_trades, max_size=pooled.n_trades)
    share = dict(zip(zip(pooled.seller, pooled.bid_per_kwh, pooled.ask_per_kwh, strict=True), data.draw(shares), strict=True))
    of_trade = [share[t] for t in zip(pooled.seller, pooled.bid_per_kwh, pooled.ask_per_kwh, strict=True)]
    pairs, _, executed = pair_trades(pooled, pooled.quantity_kwh * of_trade)
    of_pair = [share[t] for t in zip(pairs.seller, pairs.bid_per_kwh, pairs.ask_per_kwh, strict=True)]
    np.testing.assert_allclose(executed, pairs.quantity_kwh * of_pair, rtol=1e-12)
    every = match_one(book, priority=priority)
    for name in FIELDS:
        np.testing.assert_array_equal(getattr(pairs, name), getattr(every, name))
