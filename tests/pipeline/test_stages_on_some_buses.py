"""The stages on the buses that take part alone, and without checks: the same answers as on all buses with them."""

import pickle
from dataclasses import replace

import numpy as np
import pytest

import fastp2p

NETWORKS = ["cigre_lv", "case30"]


def a_batch(name, n_books=40, n_columns=7):
    """Load and PV at some buses of a network whose limits bind in some books."""
    rng = np.random.default_rng(3)
    network = fastp2p.Network.load(name)
    bus = np.sort(rng.choice(np.setdiff1d(np.arange(network.n_bus), network.reference_bus), n_columns, replace=False))
    load = rng.uniform(0.0, 3.0, (n_books, n_columns))
    pv = rng.uniform(0.0, 9.0, (n_books, n_columns)) * (rng.random((n_books, n_columns)) < 0.5)
    everywhere = np.zeros((n_books, network.n_bus))
    everywhere[:, bus] = pv - load
    limit = np.maximum(0.6 * np.abs(network.flow_kw(everywhere)).max(axis=0), 1.0)
    return replace(network, limit_kw=limit), bus, load, pv


def through_the_stages(network, load, pv, bid, ask, bus=None, check=True):
    orders = fastp2p.make_orders(load, pv, check=check)
    trades = fastp2p.match_orders(orders.bid_kwh, orders.ask_kwh, bid, ask, check=check)
    left = fastp2p.leave_over(load, pv, trades, check=check)
    prices = fastp2p.price_trades(trades, orders.bid_kwh, orders.ask_kwh, bid, ask, pricing="uniform", check=check)
    clearing = fastp2p.clear(network, trades, -left.deficit_kwh, export_kw=left.surplus_kwh, bus=bus, check=check)
    settled = fastp2p.settle(
        trades, clearing, load, pv, left, retail_per_kwh=0.3, feed_in_per_kwh=0.05,
        buyer_per_kwh=prices.buyer_per_kwh, seller_per_kwh=prices.seller_per_kwh, check=check,
    )  # fmt: skip
    return trades, clearing, settled


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("check", [True, False])
def test_columns_of_some_buses_give_what_all_buses_give(name, check):
    network, bus, load, pv = a_batch(name)
    rng = np.random.default_rng(4)
    bid, ask = np.round(rng.uniform(0.1, 0.3, len(bus)), 2), np.round(rng.uniform(0.0, 0.15, len(bus)), 2)

    def spread(values):
        wide = np.zeros((*values.shape[:-1], network.n_bus))
        wide[..., bus] = values
        return wide

    trades, clearing, settled = through_the_stages(network, load, pv, bid, ask, bus, check)
    wide_trades, wide, wide_settled = through_the_stages(network, *map(spread, (load, pv, bid, ask)))
    assert set(clearing.status) == {"free", "cleared"}
    assert np.array_equal(bus[trades.seller], wide_trades.seller)
    assert np.array_equal(bus[trades.buyer], wide_trades.buyer)
    assert np.array_equal(clearing.executed_kwh, wide.executed_kwh)
    assert np.array_equal(spread(clearing.exported_kw), wide.exported_kw)
    for key in ("flow_kw", "slack_kw", "loading_percent", "status_code", "shadow_price", "binding_branch"):
        assert np.array_equal(getattr(clearing, key), getattr(wide, key)), key
    assert np.array_equal(clearing.flow_kw, network.flow_kw(spread(clearing.injection_kw)))
    np.testing.assert_allclose(settled.books.bill, wide_settled.books.bill, rtol=1e-12, atol=1e-12)
    np.testing.assert_array_equal(spread(settled.buses.bill), wide_settled.buses.bill)


def test_loading_and_slack_follow_from_the_flows():
    network, bus, load, pv = a_batch("cigre_lv")
    _, clearing, _ = through_the_stages(network, load, pv, np.full(len(bus), 0.2), np.full(len(bus), 0.1), bus)
    loading = np.abs(clearing.flow_kw / network.limit_kw * 100.0).max(axis=1)
    np.testing.assert_allclose(clearing.loading_percent, loading, rtol=1e-12)
    np.testing.assert_allclose(clearing.slack_kw, -clearing.injection_kw.sum(axis=1) - network.fixed_kw.sum(), atol=1e-9)


@pytest.mark.parametrize("bus", [[1, 1, 2], [2, 1, 3], [-1, 1, 2], [1, 2, 41], [[1, 2, 3]], [0.5, 1, 2], "abc"])
def test_columns_must_be_buses_in_order(bus):
    network = fastp2p.Network.load("cigre_lv")
    none = fastp2p.Trades(np.zeros(3, np.int64), [], [], [], [], [])
    with pytest.raises(fastp2p.InputError, match="bus"):
        fastp2p.clear(network, none, np.zeros((2, 3)), bus=bus)


@pytest.mark.parametrize("bus", [[1, 1], [0, 41], [[1, 2]]])
def test_flows_of_columns_that_are_no_buses_are_refused(bus):
    with pytest.raises(fastp2p.InputError, match="at most once"):
        fastp2p.Network.load("cigre_lv").flow_kw(np.zeros((2, 2)), bus)


def test_nobody_takes_part():
    network = fastp2p.Network.load("cigre_lv")
    none = fastp2p.Trades(np.zeros(4, np.int64), [], [], [], [], [])
    clearing = fastp2p.clear(network, none, np.zeros((3, 0)), bus=[])
    assert list(clearing.status) == ["free"] * 3
    assert np.array_equal(clearing.flow_kw, np.tile(network.constant_kw, (3, 1)))
    assert network.flow_kw(np.zeros((2, 0, 0)), []).shape == (2, 0, network.n_branch)


def test_a_clearing_travels():
    network, bus, load, pv = a_batch("cigre_lv")
    _, clearing, _ = through_the_stages(network, load, pv, np.full(len(bus), 0.2), np.full(len(bus), 0.1), bus)
    again = pickle.loads(pickle.dumps(clearing))
    assert np.array_equal(again.flow_kw, clearing.flow_kw)
    assert np.array_equal(again.shadow_price, clearing.shadow_price)
