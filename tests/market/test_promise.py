"""Equal treatment from orders to bills: whatever the market rule, numbers of buses change nothing else, and twins fare alike.

Ties in bus order (`ties = "order"`) are first come, first served: they make no such promise.
"""

import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import fastp2p
from fastp2p.market.pricing import Prices
from fastp2p.market.rules import RULES
from tests.support import numbering

RETAIL, FEED_IN, HOURS = 0.30, 0.04, 1.0
WAYS = [
    (rule, priority, unserved, objective)
    for rule in RULES
    for priority in (["price"] if RULES[rule].by_price else ["price", "volume"])
    for unserved in ("retail", "shed")
    for objective in ("volume", "welfare", "pro_rata")
]
SOME = [way for i, way in enumerate(WAYS) if i % 3 == (i // 3) % 3]  # each rule, priority and unserved with one objective


def trade(rule, priority, orders):
    """(trades, prices of them) of net orders, as docs/market-rules.md has it."""
    load, sun, bid, ask = orders
    if RULES[rule].allocation == "pool":
        bid, ask = np.full_like(bid, RETAIL), np.full_like(ask, FEED_IN)
    trades = fastp2p.match_orders(load, sun, bid, ask, priority=priority)
    if RULES[rule].allocation == "trade_reduction":
        reduced = fastp2p.reduce_orders(trades, load, sun, bid, ask)
        trades = fastp2p.match_orders(reduced.bid_kwh, reduced.ask_kwh, bid, ask, priority=priority)
        return trades, Prices(reduced.buyer_per_kwh[trades.book], reduced.seller_per_kwh[trades.book])
    prices = fastp2p.price_trades(
        trades, load, sun, bid, ask, pricing=rule, retail_per_kwh=RETAIL, feed_in_per_kwh=FEED_IN
    )  # fmt: skip
    return trades, prices


def day(network, orders, way):
    """What a batch of books comes to: accounts per book and bus, and who sold how much to whom."""
    rule, priority, unserved, objective = way
    trades, prices = trade(rule, priority, orders)
    left = fastp2p.leave_over(*orders[:2], trades)
    clearing = fastp2p.clear(
        network, trades, -left.deficit_kwh / HOURS, export_kw=left.surplus_kwh / HOURS, unserved=unserved, objective=objective
    )  # fmt: skip
    settled = fastp2p.settle(
        trades, clearing, *orders[:2], left, retail_per_kwh=RETAIL, feed_in_per_kwh=FEED_IN, unserved=unserved,
        buyer_per_kwh=prices.buyer_per_kwh, seller_per_kwh=prices.seller_per_kwh,
    )  # fmt: skip
    pairs = np.zeros((len(orders[0]), network.n_bus, network.n_bus))
    np.add.at(pairs, (trades.book, trades.seller, trades.buyer), clearing.executed_kwh)
    return SimpleNamespace(trades=trades, clearing=clearing, bus=settled.buses, pairs=pairs)


ACCOUNTS = [
    "self_kwh", "bought_kwh", "sold_kwh", "retail_kwh", "exported_kwh", "spilled_kwh", "shed_kwh", "paid", "received", "bill",
    "baseline_bill",
]  # fmt: skip


def check_numbers(name, way, n_books, seed):
    rng = np.random.default_rng(seed)
    network = numbering.network_of(name)
    orders = numbering.orders(network, rng, n_books)
    network = numbering.narrow(network, *limiting(orders), rng)
    other, to = numbering.renumbered(name, network, seed % 3)
    first = day(network, orders, way)
    second = day(other, tuple(numbering.moved(values, to) for values in orders), way)
    assert (first.clearing.status != "free").sum() >= n_books / 5
    size = (orders[0] + orders[1]).sum(axis=1)
    for account in ACCOUNTS:
        before, after = getattr(first.bus, account), getattr(second.bus, account)[:, to]
        assert (np.abs(after - before) <= 1e-9 * size[:, None]).all(), account
    after = second.pairs[:, to[:, None], to]
    assert (np.abs(after - first.pairs) <= 1e-9 * size[:, None, None]).all()


def limiting(orders):
    """Trades, base and exports of the orders by which limits are chosen."""
    trades, deficit, left = numbering.matched(*orders)
    return trades, -deficit, left


@pytest.mark.parametrize("way", SOME)
def test_numbers_of_buses_change_nothing(way):
    check_numbers(["cigre_lv", "feeder 14 1", "mesh 14 2"][SOME.index(way) % 3], way, n_books=8, seed=3)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", ["cigre_lv", "village_1", "feeder 14 1", "feeder 30 5", "mesh 14 2", "cigre_lv ring"])
def test_numbers_of_buses_change_nothing_in_many_books(name, way):
    for seed in (4, 5):
        check_numbers(name, way, n_books=60, seed=seed)


# -------------------------------------------------------------------------------------------------------------------- twins


SELLERS, BUYERS = [10, 11], [12, 13]


def check_twins(way, seed, n_books):
    """Two sellers and two buyers of any sizes, each pair at one price and behind lines without limits from one bus."""
    rng = np.random.default_rng(seed)
    network = numbering.twin_network(seed)
    orders = numbering.twin_orders(network, rng, n_books, alike=False)
    network = numbering.narrow(network, *limiting(orders), rng)
    of_twins = (network.from_bus >= 10) | (network.to_bus >= 10)
    result = day(replace(network, limit_kw=np.where(of_twins, np.inf, network.limit_kw)), orders, way)
    assert (result.clearing.status != "free").sum() >= n_books / 5
    load, sun, *_ = orders
    for buses, size, energy, money in ((SELLERS, sun, "sold_kwh", "received"), (BUYERS, load, "bought_kwh", "paid")):
        for account in ("bought_kwh", "sold_kwh", "exported_kwh", "spilled_kwh", "shed_kwh", "retail_kwh", "bill"):
            assert_alike(getattr(result.bus, account)[:, buses] / size[:, buses], account)
        energy, money = (getattr(result.bus, name)[:, buses] for name in (energy, money))
        some = energy.min(axis=1) > 1e-6
        assert_alike(money[some] / energy[some], "price")
    return result, orders


def assert_alike(per_kwh, what):
    np.testing.assert_allclose(per_kwh[:, 0], per_kwh[:, 1], rtol=1e-9, atol=1e-9, err_msg=what)


@pytest.mark.parametrize("way", SOME)
def test_twins_get_the_same_per_kwh(way):
    check_twins(way, seed=1 + SOME.index(way) % 2, n_books=16)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
def test_twins_get_the_same_per_kwh_in_many_books(way):
    for seed in range(5, 10):
        check_twins(way, seed, n_books=100)


@pytest.mark.parametrize("rule", RULES)
def test_where_the_retailer_serves_what_is_cut_buyers_of_one_price_are_alike_wherever_they_are(rule):
    """Under `unserved = "retail"` the network sees sellers only."""
    for objective in ("volume", "welfare", "pro_rata"):
        result, (load, _, bid, _) = check_twins((rule, "price", "retail", objective), seed=2, n_books=8)
        if RULES[rule].allocation == "pool":
            bid = np.full_like(bid, RETAIL)
        for k, price in itertools.product(range(len(load)), np.unique(bid)):
            buys = (load[k] > 0.0) & (bid == price)
            share = result.bus.bought_kwh[k, buys] / load[k, buys]
            np.testing.assert_allclose(share, share.mean() if len(share) else 0.0, rtol=1e-9, atol=1e-9)


def test_ties_in_bus_order_serve_who_comes_first():
    """The exemption: of two equal asks and one bid of 2 kWh, the one at the lower bus sells all of it."""
    trades = fastp2p.match_orders([[0, 0, 2.0]], [[2.0, 2.0, 0]], np.full(3, 0.2), np.full(3, 0.1), ties="order")
    assert (trades.seller.tolist(), trades.buyer.tolist(), trades.quantity_kwh.tolist()) == ([0], [2], [2.0])
