"""Market rules: prices against plain Python, and what docs/market-rules.md promises of each of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.market.orders import Orders
from fastp2p.market.pricing import price_trades, reduce_orders
from fastp2p.market.rules import RULES
from fastp2p.market.trading import trade_by_rule
from tests.oracles import market as market_oracle
from tests.support import strategies

check = settings(deadline=None, derandomize=True)
AUCTIONS = [name for name, rule in RULES.items() if rule.allocation == "auction"]
REDUCTIONS = [name for name, rule in RULES.items() if rule.allocation == "trade_reduction"]
POOLS = [name for name, rule in RULES.items() if rule.is_pool]
RETAIL, FEED_IN = 0.30, 0.04

any_book = st.one_of(strategies.books(), strategies.tied_books().map(lambda found: found[0]))
whole_books = strategies.books(elements=(strategies.integer_kwh,))


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


# ---------------------------------------------------------------------------------------------------------- worked by hand

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


@st.composite
def one_unit_books(draw):
    """Every bus bids for or asks with one unit, at prices of its own."""
    n_bus = draw(st.integers(2, 8))
    price = np.array(draw(st.lists(st.integers(0, 40), min_size=n_bus, max_size=n_bus, unique=True))) / 100
    bids = np.array(draw(st.lists(st.booleans(), min_size=n_bus, max_size=n_bus)))
    return bids.astype(float), (~bids).astype(float), price, price


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


# ------------------------------------------------------------------------------------ what the table of market rules says


@pytest.mark.parametrize("pricing", [name for name, rule in RULES.items() if rule.rational and not rule.is_pool])
@check
@given(book=strategies.books(), priority=st.sampled_from(["price", "volume"]))
def test_prices_lie_between_ask_and_bid(pricing, book, priority):
    """Individually rational by one's own order."""
    priority = "price" if RULES[pricing].by_price else priority
    trades, paid, received = trade(book, pricing, priority=priority)
    bought, sold = fills(trades, len(paid))
    assert (paid <= book[2] * bought + 1e-9).all()
    assert (received >= book[3] * sold - 1e-9).all()


@pytest.mark.parametrize("pricing", [name for name, rule in RULES.items() if rule.rational and rule.is_pool])
@check
@given(book=strategies.books(), tariffs=st.tuples(st.integers(0, 30), st.integers(0, 30)))
def test_pools_leave_nobody_worse_off_than_the_tariffs(pricing, book, tariffs):
    feed_in, retail = sorted(tariff / 100 for tariff in tariffs)
    trades, paid, received = trade(book, pricing, retail=retail, feed_in=feed_in)
    bought, sold = fills(trades, len(paid))
    assert (paid <= retail * bought + 1e-9).all()
    assert (received >= feed_in * sold - 1e-9).all()


@pytest.mark.parametrize("pricing", [name for name, rule in RULES.items() if not rule.rational])
def test_a_rule_that_is_not_individually_rational(pricing):
    """A seller gets less than the feed-in tariff would pay."""
    _, _, received = trade(([2, 0], [0, 2], [0, 0], [0, 0]), pricing)
    assert received[1] < 2 * FEED_IN


def test_who_withholds_gains_under_the_supply_demand_ratio_and_bill_sharing():
    """A seller with 10 of 10 kWh asked for gains by offering 5 and exporting 5; at the mid-market rate it loses."""

    def income(pricing, offered):
        trades, _, received = trade(([10, 0], [0, offered], [0, 0], [0, 0]), pricing, retail=0.2, feed_in=0.05)
        return received[1] + 0.05 * (10 - trades.quantity_kwh.sum())

    # r = 1: 10 at 0.05. r = 1/2: 5 at 0.2·0.05/(0.15/2 + 0.05) = 0.08, and 5 at 0.05.
    assert income("supply_demand_ratio", 10) == pytest.approx(0.50)
    assert income("supply_demand_ratio", 5) == pytest.approx(0.65)
    assert income("bill_sharing", 10) == 0.0
    assert income("bill_sharing", 5) == pytest.approx(0.25)
    assert income("mid_market_rate", 5) < income("mid_market_rate", 10)


@pytest.mark.small
@pytest.mark.parametrize("kappa", [0.1, 0.3, 0.7])
def test_no_price_leaves_its_trade_by_rounding(kappa):
    rng = np.random.default_rng(0)
    sides = [*rng.integers(0, 4, (2, 500, 6)), rng.integers(10, 40, (500, 6)) / 100, rng.integers(5, 35, (500, 6)) / 100]
    trades = fastp2p.match_orders(*sides)
    price = price_trades(trades, *sides, pricing="k", kappa=kappa).buyer_per_kwh
    assert ((trades.ask_per_kwh <= price) & (price <= trades.bid_per_kwh)).all()


@pytest.mark.parametrize("pricing", RULES)
@check
@given(book=strategies.books())
def test_the_budget_is_balanced(pricing, book):
    """Exactly; under weak balance the operator may keep something, and never pays."""
    _, paid, received = trade(book, pricing)
    turnover = abs(paid).sum() + abs(received).sum()
    if RULES[pricing].balance == "weak":
        assert paid.sum() >= received.sum() - 1e-9 * (1 + turnover)
    else:
        assert paid.sum() == pytest.approx(received.sum(), rel=1e-9, abs=1e-9 * (1 + turnover))


@pytest.mark.small
@pytest.mark.parametrize("pricing", [name for name, rule in RULES.items() if rule.balance == "weak"])
def test_the_operator_keeps_something_under_weak_balance(pricing):
    _, paid, received = trade(BOOK, pricing)
    assert paid.sum() > received.sum() + 1e-6


@pytest.mark.parametrize("pricing", [name for name, rule in RULES.items() if rule.efficient and not rule.is_pool])
@check
@given(book=strategies.books())
def test_no_profitable_pair_is_left(pricing, book):
    """Efficient: with price priority no bid with something left covers an ask with something left."""
    trades, _, _ = trade(book, pricing)
    bought, sold = fills(trades, len(book[0]))
    rounding = 1e-12 * trades.quantity_kwh.sum()
    bids = book[2][book[0] - bought > np.maximum(1e-12 * book[0], rounding)]
    asks = book[3][book[1] - sold > np.maximum(1e-12 * book[1], rounding)]
    assert not len(bids) or not len(asks) or bids.max() < asks.min()


@pytest.mark.parametrize("pricing", [name for name, rule in RULES.items() if rule.efficient and rule.is_pool])
@check
@given(book=strategies.books())
def test_pools_trade_all_that_can_be_traded(pricing, book):
    trades, _, _ = trade(book, pricing)
    most = min(book[0].sum(), book[1].sum())
    assert trades.quantity_kwh.sum() == pytest.approx(most, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("pricing", POOLS)
def test_pools_are_not_efficient_where_a_kwh_is_worth_more_to_some(pricing):
    """1 kWh for two who lack 1 each: an auction gives it to the one who bids 0.30, a pool half to the one who bids 0.10."""
    book = ([1, 1, 0], [0, 0, 1], [0.30, 0.10, 0], [0, 0, 0.05])
    assert fills(trade(book, "ask")[0], 3)[0] == pytest.approx([1.0, 0.0, 0.0])
    assert fills(trade(book, pricing)[0], 3)[0] == pytest.approx([0.5, 0.5, 0.0])


@pytest.mark.parametrize("pricing", [name for name, rule in RULES.items() if not rule.efficient])
def test_a_rule_that_is_not_efficient(pricing):
    """The marginal pair of the book worked by hand would gain 0.02 a kWh and does not trade."""
    trades, _, _ = trade(BOOK, pricing)
    assert trades.quantity_kwh.sum() == pytest.approx(5.0)
    assert fills(trades, 8)[0][2] == 0.0


def gain(book, pricing, bus, report):
    """What a bus gains by its true value when it reports another price."""
    value = book[2][bus] if book[0][bus] else book[3][bus]
    reported = [np.array(side, float) for side in book]
    reported[2 if book[0][bus] else 3][bus] = report
    trades, paid, received = trade(reported, pricing)
    bought, sold = fills(trades, len(paid))
    return value * (bought[bus] - sold[bus]) - paid[bus] + received[bus]


@pytest.mark.parametrize("pricing", [name for name, rule in RULES.items() if rule.truthful == "for one-unit orders"])
@settings(check, max_examples=30)
@given(book=one_unit_books())
def test_a_rule_is_truthful_for_one_unit_orders(pricing, book):
    for bus in range(len(book[0])):
        honest = gain(book, pricing, bus, book[2][bus])
        assert max(gain(book, pricing, bus, cents / 100 + 0.005) for cents in range(0, 41, 4)) <= honest + 1e-9


SHADED = {"ask": (4, 0.11), "bid": (0, 0.26), "midpoint": (0, 0.26), "k": (2, 0.165), "uniform": (2, 0.165)}
"""A bus of the book worked by hand, and the price by whose report it gains."""


@pytest.mark.parametrize("pricing", [name for name, rule in RULES.items() if rule.truthful == "no"])
def test_auction_prices_are_not_truthful(pricing):
    """In the book worked by hand someone gains by shading an order."""
    bus, report = SHADED[pricing]
    honest = BOOK[2][bus] if BOOK[0][bus] else BOOK[3][bus]
    assert gain(BOOK, pricing, bus, report) > gain(BOOK, pricing, bus, honest) + 1e-6


def test_mcafee_is_not_truthful_for_divisible_orders():
    """The bid at 0.24 and the ask at 0.20 leave; the 1 kWh left to buy comes from whoever asks least, at 0.20."""
    book = ([1, 3, 0, 0, 0], [0, 0, 3, 2, 1], [0.28, 0.24, 0, 0, 0], [0, 0, 0.20, 0.02, 0.18])
    assert gain(book, "mcafee", 4, 0.18) == pytest.approx(0.0)
    assert gain(book, "mcafee", 4, 0.01) == pytest.approx(0.02)


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
