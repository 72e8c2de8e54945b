"""Settlement against plain Python, and money and energy against their sums."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.clearing.answer import Clearing, Injection
from fastp2p.clearing.rows import RowLayout
from fastp2p.kernels.clearing.execution import share_among_buyers
from fastp2p.kernels.results.tables import count_by_slot, sum_by_slot
from fastp2p.market.trades import Leftovers, Trades
from fastp2p.settlement.settle import Accounts, BookAccounts, settle
from tests.oracles import books as oracle
from tests.support.pools import as_pairs, as_walks, random_pools

pytestmark = pytest.mark.small
check = settings(deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def random_books(rng, n_books, n_bus):
    """Trades, a clearing that cuts some of them, load, PV and leftovers: any numbers, settlement does not mind."""
    per_book = rng.integers(0, 5, n_books)
    offset = np.concatenate([[0], np.cumsum(per_book)])
    n = int(offset[-1])
    trades = Trades(offset, rng.integers(0, n_bus, n), rng.integers(0, n_bus, n), rng.random(n), rng.random(n), rng.random(n))
    executed, bought = trades.quantity_kwh * rng.choice([0.0, 0.5, 1.0], (2, n))
    surplus = rng.random((n_books, n_bus))
    clearing = clearing_of(executed, bought, surplus)
    load, pv, own, deficit = rng.random((4, n_books, n_bus))
    return trades, clearing, load, pv, Leftovers(own, deficit, surplus)


def clearing_of(executed, bought, surplus):
    none, zero = np.empty(0, np.int64), np.zeros(len(surplus))
    code, proven = np.zeros(len(surplus), np.int8), np.ones(len(surplus), bool)
    injection, layout = Injection(surplus, 0.0 * surplus), RowLayout(())
    return Clearing(
        executed_kwh=executed, bought_kwh=bought, exported_kw=surplus * 0.25,
        injection=injection, floor=injection, full=injection,
        slack_kw=zero, loading_percent=zero, status_code=code, binding_row=np.full(len(executed), -1), congested_book=none,
        dual=np.zeros((0, 3)), solver_code=code, certified=proven, layout=layout, flows=lambda kw: kw,
    )  # fmt: skip


@check
@given(
    seed=seeds,
    retail=st.booleans(),
    surplus=st.sampled_from(["export", "curtailable", "spill"]),
    rows=st.sampled_from([1, 2, 3, 6]),
)
def test_accounts(seed, retail, surplus, rows):
    rng = np.random.default_rng(seed)
    trades, clearing, load, pv, left = random_books(rng, 6, 4)
    prices, tariffs, hours = rng.random((3, trades.n_trades)), rng.random((2, 6)), 0.5
    settled = settle(
        trades, clearing, load, pv, left,
        retail_per_kwh=tariffs[0], feed_in_per_kwh=tariffs[1], buyer_per_kwh=prices[0], seller_per_kwh=prices[1],
        charge_per_kwh=prices[2], unserved="retail" if retail else "shed", surplus=surplus, step_hours=hours,
        books_per_row=rows,
    )  # fmt: skip
    exported = {"export": left.surplus_kwh, "curtailable": clearing.exported_kw * hours, "spill": np.zeros((6, 4))}[surplus]
    if surplus == "spill":
        tariffs[1] = 0.0
    expected = oracle.accounts(
        trades,
        clearing.executed_kwh,
        clearing.bought_kwh,
        load,
        pv,
        (left.self_kwh, left.deficit_kwh, left.surplus_kwh),
        exported,
        tariffs,
        prices,
        retail,
    )
    for name, values in expected.items():
        key = name if name in ("paid", "charges", "received", "bill", "baseline_bill") else f"{name}_kwh"
        np.testing.assert_allclose(getattr(settled.books, key), values.sum(axis=1), atol=1e-12)
        if key in Accounts._fields:
            summed = values.reshape(6 // rows, rows, 4).sum(axis=1)
            np.testing.assert_allclose(getattr(settled.buses, key), summed, atol=1e-12, err_msg=key)
    bid_value = np.bincount(trades.book, trades.bid_per_kwh * clearing.bought_kwh, 6)
    ask_value = np.bincount(trades.book, trades.ask_per_kwh * clearing.executed_kwh, 6)
    np.testing.assert_allclose(settled.books.buyer_surplus, bid_value - settled.books.paid, atol=1e-12)
    np.testing.assert_allclose(settled.books.seller_surplus, settled.books.received - ask_value, atol=1e-12)
    alone = np.minimum(load, pv)
    np.testing.assert_allclose(settled.books.baseline_retail_kwh, (load - alone).sum(axis=1), atol=1e-12)
    exported_alone = 0.0 if surplus == "spill" else (pv - alone).sum(axis=1)
    np.testing.assert_allclose(settled.books.baseline_exported_kwh, exported_alone, atol=1e-12)


@check
@given(seed=seeds, n_bus=st.integers(2, 6), rows=st.sampled_from([1, 5]))
def test_accounts_of_pooled_trades_are_those_of_all_their_pairs(seed, n_bus, rows):
    """Every buyer of a pool buys the same part of what it has matched there, from whomever the walk gives it."""
    rng = np.random.default_rng(seed)
    books = random_pools(rng, 5, n_bus)
    surplus = np.zeros((5, n_bus))
    load, pv, own, deficit = rng.random((4, 5, n_bus))
    price_of = {(0.3, 0.1): (0.2, 0.15), (0.3, 0.2): (0.25, 0.25), (0.25, 0.1): (0.25, 0.1), (0.2, 0.1): (0.15, 0.15)}
    settled, balance = [], []
    for trades, executed_kwh in (as_pairs(books), as_walks(books)):
        bought_kwh = executed_kwh.copy()
        if trades.pooled:
            share_among_buyers(np.arange(5), trades.arrays, executed_kwh, bought_kwh)
        clearing = clearing_of(executed_kwh, bought_kwh, surplus)
        prices = [price_of[pool] for pool in zip(trades.bid_per_kwh.tolist(), trades.ask_per_kwh.tolist(), strict=True)]
        buyer_per_kwh, seller_per_kwh = np.array(prices).reshape(-1, 2).T
        settled.append(
            settle(
                trades,
                clearing,
                load,
                pv,
                Leftovers(own, deficit, surplus),
                retail_per_kwh=0.4,
                feed_in_per_kwh=0.05,
                buyer_per_kwh=buyer_per_kwh,
                seller_per_kwh=seller_per_kwh,
                charge_per_kwh=0.02,
                books_per_row=rows,
            )
        )
        of_book = settled[-1].books
        np.testing.assert_allclose(of_book.bought_kwh, of_book.sold_kwh, rtol=0, atol=1e-9)
        balance.append(of_book.paid - of_book.received)
    np.testing.assert_allclose(balance[1], balance[0], rtol=0, atol=1e-9)
    for name in Accounts._fields:
        pairs, walks = (getattr(one.buses, name) for one in settled)
        np.testing.assert_allclose(walks, pairs, rtol=0, atol=1e-9, err_msg=name)
    for name in BookAccounts._fields:
        pairs, walks = (getattr(one.books, name) for one in settled)
        np.testing.assert_allclose(walks, pairs, rtol=0, atol=1e-9, err_msg=name)


def test_books_have_every_account_of_the_buses():
    assert BookAccounts._fields[: len(Accounts._fields)] == Accounts._fields


def test_by_default_both_sides_settle_at_the_ask():
    rng = np.random.default_rng(5)
    trades, clearing, *energy = random_books(rng, 3, 4)
    books = trades, replace(clearing, bought_kwh=clearing.executed_kwh), *energy
    tariffs = {"retail_per_kwh": 0.2, "feed_in_per_kwh": 0.05}
    plain, ask = settle(*books, **tariffs), books[0].ask_per_kwh
    asked = settle(*books, **tariffs, buyer_per_kwh=ask, seller_per_kwh=ask)
    assert np.array_equal(plain.books.bill, asked.books.bill)
    assert np.array_equal(plain.books.paid, plain.books.received) or plain.books.paid == pytest.approx(plain.books.received)


@check
@given(seed=seeds, n_rows=st.integers(0, 3), n_steps=st.integers(0, 30))
def test_slots(seed, n_rows, n_steps):
    rng = np.random.default_rng(seed)
    value, slot, edge = (
        rng.integers(0, 6, (n_rows, n_steps)).astype(float),
        rng.integers(0, 3, n_steps),
        np.array([1.0, 2.5, 4.0]),
    )
    total, count = np.full((n_rows, 3), np.nan), np.zeros((3, 4), np.int64)
    sum_by_slot(value, slot, total)
    count_by_slot(value, slot, edge, count)
    for s in range(3):
        ours = value[:, slot == s]
        assert total[:, s].tolist() == ours.sum(axis=1).tolist()
        bins = [(-np.inf, 1.0), (1.0, 2.5), (2.5, 4.0), (4.0, np.inf)]
        assert count[s].tolist() == [int(((ours >= low) & (ours < high)).sum()) for low, high in bins]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"load_kwh": np.ones(41)}, r"load_kwh has shape \(41,\)"),
        ({"pv_kwh": np.ones((1, 41))}, r"pv_kwh has shape \(1, 41\)"),
        (
            {"left": Leftovers(np.zeros((2, 41)), np.ones((2, 3)), np.zeros(()))},
            r"(?s)left.deficit_kwh has shape \(2, 3\).*left.surplus_kwh has shape",
        ),
        ({"load_kwh": np.full((2, 41), -1.0)}, "load_kwh"),
        ({"retail_per_kwh": np.nan}, "retail_per_kwh"),
        ({"step_hours": -1.0}, "step_hours"),
        ({"unserved": "x", "surplus": "burn"}, r"(?s)unserved = 'x'.*surplus = 'burn'"),
        ({"buyer_per_kwh": np.ones(2)}, r"buyer_per_kwh has shape \(2,\); it must be a number or \(n_trades,\) = \(3,\)"),
        ({"retail_per_kwh": np.ones(3)}, r"retail_per_kwh has shape \(3,\); it must be a number or \(n_books,\) = \(2,\)"),
        ({"books_per_row": 3}, "books_per_row = 3: the 2 books are no whole number of rows"),
    ],
)
def test_settle_refuses(changed, message, cigre, some_trades):
    zeros = np.zeros((2, cigre.n_bus))
    clearing = fastp2p.clear(cigre, some_trades, zeros)
    left = Leftovers(zeros, zeros, zeros)
    given = {"load_kwh": zeros, "pv_kwh": zeros, "left": left, "retail_per_kwh": 0.2, "feed_in_per_kwh": 0.0, **changed}
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.settle(some_trades, clearing, **given)


def test_settle_refuses_the_clearing_of_other_trades(cigre, some_trades):
    zeros = np.zeros((2, cigre.n_bus))
    clearing = fastp2p.clear(cigre, some_trades, zeros)
    other = fastp2p.match_orders(zeros, zeros, zeros[0], zeros[0])
    with pytest.raises(fastp2p.InputError, match="the clearing has 3 trades, the trades are 0"):
        fastp2p.settle(other, clearing, zeros, zeros, Leftovers(zeros, zeros, zeros), retail_per_kwh=0.2, feed_in_per_kwh=0.0)
