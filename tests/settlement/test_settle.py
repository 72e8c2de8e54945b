"""Settlement against plain Python, and money and energy against their sums."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.clearing.answer import Clearing, Injection
from fastp2p.clearing.rows import RowLayout
from fastp2p.kernels.results.tables import count_by_slot, sum_by_slot
from fastp2p.market.trades import Leftovers, Trades
from fastp2p.settlement.settle import Accounts, BookAccounts, settle
from tests.oracles import books as oracle

pytestmark = pytest.mark.small
check = settings(deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def random_books(rng, n_books, n_bus):
    """Trades, a clearing that cuts some of them, load, PV and leftovers: any numbers, settlement does not mind."""
    per_book = rng.integers(0, 5, n_books)
    offset = np.concatenate([[0], np.cumsum(per_book)])
    n = int(offset[-1])
    trades = Trades(offset, rng.integers(0, n_bus, n), rng.integers(0, n_bus, n), rng.random(n), rng.random(n), rng.random(n))
    executed = trades.quantity_kwh * rng.choice([0.0, 0.5, 1.0], n)
    surplus = rng.random((n_books, n_bus))
    none, zero = np.empty(0, np.int64), np.zeros(n_books)
    code, proven = np.zeros(n_books, np.int8), np.ones(n_books, bool)
    injection, layout = Injection(surplus, 0.0 * surplus), RowLayout(())
    clearing = Clearing(
        executed_kwh=executed, exported_kw=surplus * 0.25, injection=injection, floor=injection, full=injection,
        slack_kw=zero, loading_percent=zero, status_code=code, binding_row=np.full(n, -1), congested_book=none,
        dual=np.zeros((0, 3)), solver_code=code, certified=proven, layout=layout, flows=lambda kw: kw,
    )  # fmt: skip
    load, pv, own, deficit = rng.random((4, n_books, n_bus))
    return trades, clearing, load, pv, Leftovers(own, deficit, surplus)


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
    kwh = clearing.executed_kwh
    bid_value = np.bincount(trades.book, trades.bid_per_kwh * kwh, 6)
    ask_value = np.bincount(trades.book, trades.ask_per_kwh * kwh, 6)
    np.testing.assert_allclose(settled.books.buyer_surplus, bid_value - settled.books.paid, atol=1e-12)
    np.testing.assert_allclose(settled.books.seller_surplus, settled.books.received - ask_value, atol=1e-12)
    alone = np.minimum(load, pv)
    np.testing.assert_allclose(settled.books.baseline_retail_kwh, (load - alone).sum(axis=1), atol=1e-12)
    exported_alone = 0.0 if surplus == "spill" else (pv - alone).sum(axis=1)
    np.testing.assert_allclose(settled.books.baseline_exported_kwh, exported_alone, atol=1e-12)


def test_books_have_every_account_of_the_buses():
    assert BookAccounts._fields[: len(Accounts._fields)] == Accounts._fields


def test_by_default_both_sides_settle_at_the_ask():
    rng = np.random.default_rng(5)
    books = random_books(rng, 3, 4)
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
