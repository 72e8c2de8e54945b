"""Market rules: prices against plain Python, symmetries, and what is refused."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.market.pricing import price_trades, reduce_orders
from fastp2p.market.rules import RULES
from tests.oracles import market as market_oracle
from tests.support import strategies
from tests.support.pricing import FEED_IN, RETAIL, fills, one_unit_books, trade

check = settings(deadline=None, derandomize=True)
AUCTIONS = [name for name, rule in RULES.items() if rule.allocation == "auction"]
POOLS = [name for name, rule in RULES.items() if rule.is_pool]

any_book = st.one_of(strategies.books(), strategies.tied_books().map(lambda found: found[0]))
whole_books = strategies.books(elements=(strategies.integer_kwh,))


# ------------------------------------------------------------------------------------------------- against the definitions


@pytest.mark.small
@check
@given(book=whole_books, kappa=st.sampled_from([0.0, 0.3, 0.5, 1.0]), ties=st.sampled_from(["pro_rata", "order"]))
def test_marginal_prices_equal_those_unit_by_unit(book, kappa, ties):
    for pricing, share in (("k", kappa), ("uniform", 0.5)):
        trades, paid, _ = trade(book, pricing, kappa=kappa, ties=ties)
        expected = market_oracle.marginal_price(*book, share)
        assert (expected is None) == (trades.n_trades == 0)
        if expected is not None:
            assert paid == pytest.approx(expected * fills(trades, len(paid))[0], rel=1e-12, abs=1e-12)


@pytest.mark.small
@pytest.mark.parametrize("pricing", RULES)
@check
@given(book=strategies.net_books(), kappa=st.sampled_from([0.0, 0.3, 1.0]))
def test_what_everyone_trades_and_pays_equals_the_oracle(pricing, book, kappa):
    trades, paid, received = trade(book, pricing, kappa=kappa)
    bought, sold, pays, gets = market_oracle.outcome(book, pricing, kappa=kappa, retail=RETAIL, feed_in=FEED_IN)
    near = {"rel": 1e-9, "abs": 1e-9 * max(book[0].sum(), book[1].sum(), 1.0)}
    found = fills(trades, len(paid))
    assert found[0] == pytest.approx(bought, **near)
    assert found[1] == pytest.approx(sold, **near)
    assert paid == pytest.approx(pays, **near)
    assert received == pytest.approx(gets, **near)


@pytest.mark.small
@check
@given(book=one_unit_books())
def test_mcafee_equals_the_textbook_on_one_unit_orders(book):
    _, paid, received = trade(book, "mcafee")
    by_buyer, by_seller = market_oracle.mcafee(*book)
    for bus in range(len(paid)):
        assert paid[bus] == pytest.approx(by_buyer.get(bus, 0.0), abs=1e-12)
        assert received[bus] == pytest.approx(by_seller.get(bus, 0.0), abs=1e-12)


@check
@given(book=strategies.net_books())
def test_mid_market_rate_gives_the_published_all_in_prices(book):
    demand, supply = book[0].sum(), book[1].sum()
    trades, paid, received = trade(book, "mid_market_rate")
    middle = (RETAIL + FEED_IN) / 2
    buys = middle if supply >= demand else (middle * supply + RETAIL * (demand - supply)) / demand
    sells = middle if supply <= demand else (middle * demand + FEED_IN * (supply - demand)) / supply
    assert_all_in(book, trades, paid, received, buys, sells)


@check
@given(book=strategies.net_books(), feed_in=st.sampled_from([0.0, 0.04, 0.3]))
def test_supply_demand_ratio_gives_the_published_all_in_prices(book, feed_in):
    demand, supply = book[0].sum(), book[1].sum()
    trades, paid, received = trade(book, "supply_demand_ratio", feed_in=feed_in)
    ratio = supply / demand if demand else np.inf
    if ratio > 1:
        buys = sells = feed_in
    else:
        below = (RETAIL - feed_in) * ratio + feed_in
        sells = feed_in * RETAIL / below if below else 0.0
        buys = sells * ratio + RETAIL * (1 - ratio)
    assert_all_in(book, trades, paid, received, buys, sells, feed_in)


@check
@given(book=strategies.net_books())
def test_bill_sharing_shares_imports_and_exports(book):
    demand, supply = book[0].sum(), book[1].sum()
    trades, paid, received = trade(book, "bill_sharing")
    buys = RETAIL * max(demand - supply, 0.0) / demand if demand else 0.0
    sells = FEED_IN * max(supply - demand, 0.0) / supply if supply else 0.0
    assert_all_in(book, trades, paid, received, buys, sells)


def assert_all_in(book, trades, paid, received, buys, sells, feed_in=FEED_IN):
    """Everyone pays and gets one price for all energy, what is not traded settled at the tariffs."""
    bought, sold = fills(trades, len(paid))
    size = max(book[0].sum(), book[1].sum(), 1.0)
    assert paid + RETAIL * (book[0] - bought) == pytest.approx(buys * book[0], abs=1e-9 * size)
    assert received + feed_in * (book[1] - sold) == pytest.approx(sells * book[1], abs=1e-9 * size)


# --------------------------------------------------------------------------------------------------------------- symmetries


def assert_permuted(book, pricing, priority, order):
    _, paid, received = trade(book, pricing, priority=priority)
    _, paid_there, received_there = trade(tuple(side[order] for side in book), pricing, priority=priority)
    size = max(book[0].sum(), book[1].sum(), 1.0)
    assert paid_there == pytest.approx(paid[order], abs=1e-9 * size)
    assert received_there == pytest.approx(received[order], abs=1e-9 * size)


@pytest.mark.parametrize("pricing", RULES)
@check
@given(book=any_book, priority=st.sampled_from(["price", "volume"]), data=st.data())
def test_a_permutation_of_participants_permutes_the_bills(pricing, book, priority, data):
    priority = "price" if RULES[pricing].by_price else priority
    assert_permuted(book, pricing, priority, np.array(data.draw(st.permutations(range(len(book[0]))))))


@pytest.mark.parametrize("pricing", RULES)
@check
@given(given_book=strategies.tied_books(), priority=st.sampled_from(["price", "volume"]))
def test_twins_get_the_same_per_kwh_of_their_orders(pricing, given_book, priority):
    """Energy and money, to 1e-9, and to what rounding is of an order beside the book."""
    book, (one, other) = given_book
    trades, paid, received = trade(book, pricing, priority="price" if RULES[pricing].by_price else priority)
    bought, sold = fills(trades, len(paid))
    for order_kwh, results in ((book[0], (bought, paid)), (book[1], (sold, received))):
        if order_kwh[one] > 0:
            near = 1e-15 * (book[0].sum() + book[1].sum()) / min(order_kwh[one], order_kwh[other])
            for result in results:
                assert result[one] / order_kwh[one] == pytest.approx(result[other] / order_kwh[other], rel=1e-9, abs=near)


@pytest.mark.small
@pytest.mark.parametrize("n_prices", [1, 2])
def test_a_tiny_order_is_not_off_by_the_rounding_of_a_large_book(n_prices):
    """Half of the orders, the last among them, are some 1e-6 kWh, the others some 1e4: all of a price fill the same share."""
    rng = np.random.default_rng(4)
    sells = np.arange(12) % 4 < 2
    for _ in range(200):
        size = np.where(np.arange(12) % 2 == 1, 1e-6, 1e4) * rng.uniform(0.5, 1.0, 12)
        price = 0.1 + 0.1 * (np.arange(12) % n_prices)
        book = (size * ~sells, size * sells, price + 0.1, price)
        for priority in ("price", "volume"):
            bought, sold = fills(trade(book, "ask", priority=priority)[0], 12)
            for side, fill in ((~sells, bought), (sells, sold)):
                for at in set(price):
                    share = (fill / size)[side & (price == at)]
                    assert share == pytest.approx(share[0], rel=1e-10)


@pytest.mark.parametrize("pricing", RULES)
@check
@given(book=any_book, priority=st.sampled_from(["price", "volume"]))
def test_pooled_trades_cost_what_their_pairs_cost(pricing, book, priority):
    priority = "price" if RULES[pricing].by_price else priority
    (pooled, *money), (pairs, *by_pairs) = (trade(book, pricing, priority=priority, pairs=pairs) for pairs in (False, True))
    assert (pooled.pooled, pairs.pooled) == (True, False)
    size = max(book[0].sum(), book[1].sum(), 1.0)
    for one, two in zip((*fills(pooled, len(book[0])), *money), (*fills(pairs, len(book[0])), *by_pairs), strict=True):
        assert one == pytest.approx(two, rel=1e-12, abs=1e-14 * size)


@pytest.mark.parametrize("pricing", POOLS)
@check
@given(book=strategies.books(), tariffs=st.lists(st.integers(0, 30), min_size=2, max_size=2, unique=True))
def test_a_pool_asks_nobody_for_a_price(pricing, book, tariffs):
    """Other bids and asks change neither who trades nor what it costs."""
    other = (*book[:2], book[3] + 1.0, book[2])
    feed_in, retail = sorted(tariff / 100 for tariff in tariffs)
    for one, two in zip(*(trade(orders, pricing, retail=retail, feed_in=feed_in)[1:] for orders in (book, other)), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("pricing", RULES)
@check
@given(book=strategies.books())
def test_twice_the_quantities_are_twice_the_money(pricing, book):
    _, paid, received = trade(book, pricing)
    _, paid_twice, received_twice = trade((2 * book[0], 2 * book[1], *book[2:]), pricing)
    assert paid_twice == pytest.approx(2 * paid, rel=1e-9, abs=1e-12)
    assert received_twice == pytest.approx(2 * received, rel=1e-9, abs=1e-12)


@pytest.mark.small
def test_many_books_at_once_and_tariffs_by_the_clock():
    rng = np.random.default_rng(2)
    bid, ask = rng.random((6, 5)), rng.random((6, 5))
    prices, retail = rng.random((2, 5)), np.array([0.2, 0.3] * 3)
    trades = fastp2p.match_orders(bid, ask, prices, prices)
    for pricing in (*AUCTIONS, *POOLS):
        found = price_trades(trades, bid, ask, prices, prices, pricing=pricing, retail_per_kwh=retail, feed_in_per_kwh=0.1)
        for k in range(6):
            one = fastp2p.match_orders(bid[k : k + 1], ask[k : k + 1], prices[k // 3], prices[k // 3])
            alone = price_trades(
                one,
                bid[k],
                ask[k],
                prices[k // 3],
                prices[k // 3],
                pricing=pricing,
                retail_per_kwh=retail[k],
                feed_in_per_kwh=0.1,
            )
            assert np.array_equal(found.buyer_per_kwh[trades.book == k], alone.buyer_per_kwh)


# ---------------------------------------------------------------------------------------------------------------- bad input


@pytest.mark.parametrize(
    ("given_wrong", "message"),
    [
        ({"pricing": "haggle"}, f"pricing = 'haggle': there are {', '.join(RULES)}"),
        ({"pricing": "k", "kappa": 1.5}, "kappa = 1.5: must lie in 0…1"),
        ({"pricing": "mcafee"}, "reduce_orders gives the orders to match again"),
        ({"pricing": "mid_market_rate", "feed_in_per_kwh": 0.5}, "needs a feed-in tariff that is not above the retail tariff"),
        ({"retail_per_kwh": [0.1, 0.2, 0.3]}, r"retail_per_kwh has shape \(3,\)"),
        ({"feed_in_per_kwh": np.nan}, "feed_in_per_kwh is not finite"),
        ({"pricing": "supply_demand_ratio", "feed_in_per_kwh": -0.1}, "not defined for a negative feed-in tariff"),
        ({"bid_kwh": [-1.0, 0]}, "bid_kwh: book 0, bus 0 holds -1"),
        ({"bid_kwh": [-1.0, 0], "pricing": "haggle", "kappa": 2}, "(?s)bid_kwh.*haggle.*kappa"),
        ({"bid_per_kwh": [0.1]}, r"bid_per_kwh has shape \(1, 1\)"),
    ],
)
def test_price_trades_refuses(given_wrong, message):
    sides = {"bid_kwh": [1.0, 0], "ask_kwh": [0, 1.0], "bid_per_kwh": [0.2, 0], "ask_per_kwh": [0, 0.1]}
    trades = fastp2p.match_orders([sides["bid_kwh"]], [sides["ask_kwh"]], sides["bid_per_kwh"], sides["ask_per_kwh"])
    with pytest.raises(fastp2p.InputError, match=message):
        price_trades(trades, **{**sides, **given_wrong})


def test_reduce_orders_refuses_other_books():
    trades = fastp2p.match_orders([[1.0, 0]], [[0, 1.0]], [0.2, 0], [0, 0.1])
    with pytest.raises(fastp2p.InputError, match="the trades have 1 books, the other arrays 2"):
        reduce_orders(trades, np.ones((2, 2)), np.ones((2, 2)), [0.2, 0.2], [0.1, 0.1])


@pytest.mark.small
def test_trades_made_by_volume_are_refused_where_one_price_must_suit_all():
    """By volume the bid of 0.2 meets the ask of 0.1, and 0.4 meets 0.3: no price suits the bid of 0.2 and the ask of 0.3."""
    sides = [[1, 1, 0, 0]], [[0, 0, 1, 1]], [0.4, 0.2, 0, 0], [0, 0, 0.1, 0.3]
    trades = fastp2p.match_orders(*sides, priority="volume")
    message = r"book 0: a bid of 0\.2 and an ask of 0\.3 both trade"
    for pricing in ("k", "uniform"):
        with pytest.raises(fastp2p.InputError, match=message):
            price_trades(trades, *sides, pricing=pricing)
    with pytest.raises(fastp2p.InputError, match=message):
        reduce_orders(trades, *sides)
