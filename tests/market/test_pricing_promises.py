"""Market rules: what the table of docs/market-rules.md promises of each of them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.market.pricing import price_trades
from fastp2p.market.rules import RULES
from tests.support import strategies
from tests.support.pricing import BOOK, FEED_IN, fills, one_unit_books, trade

check = settings(deadline=None, derandomize=True)
POOLS = [name for name, rule in RULES.items() if rule.is_pool]


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
