"""match_orders, make_orders and leave_over: arrays and words that are refused, and what may be given."""

import numpy as np
import pytest

import fastp2p

BIDS, ASKS, ONES = np.array([[1.0, 0.0, 2.0], [0.0, 1.0, 0.0]]), np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0]]), np.ones(3)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"bid_kwh": -BIDS}, "bid_kwh: book 0, bus 0 holds -1"),
        ({"ask_kwh": ASKS * np.nan}, "ask_kwh: book 0, bus 0 holds nan"),
        ({"bid_kwh": BIDS + np.inf}, "quantities must be finite"),
        ({"bid_kwh": BIDS[0]}, r"must both be \(n_books, n_bus\)"),
        ({"bid_kwh": BIDS[:1]}, r"must both be \(n_books, n_bus\)"),
        ({"bid_kwh": BIDS[:, :2]}, r"must both be \(n_books, n_bus\)"),
        ({"bid_kwh": None}, "bid_kwh holds objects"),
        ({"bid_kwh": [[1, 2], [3]]}, "bid_kwh"),
        ({"bid_per_kwh": 0.2}, r"bid_per_kwh has shape \(1, 1\)"),
        ({"bid_per_kwh": np.ones(2)}, "bid_per_kwh has shape"),
        ({"ask_per_kwh": np.ones((3, 3))}, "ask_per_kwh has shape"),
        ({"ask_per_kwh": np.ones((4, 3))}, "ask_per_kwh has shape"),
        ({"ask_per_kwh": np.ones((0, 3))}, "ask_per_kwh has shape"),
        ({"ask_per_kwh": np.ones((2, 1, 3))}, "ask_per_kwh has shape"),
        ({"bid_per_kwh": ONES * np.nan}, "bid_per_kwh: row 0, bus 0 holds nan"),
        ({"ask_kwh": ASKS - np.outer([0, 1], [0, 1e-300, 0])}, "ask_kwh: book 1, bus 1 holds -1e-300"),
        ({"ask_per_kwh": [[1, 1, 1], [1, 1, np.inf]]}, "ask_per_kwh: row 1, bus 2 holds inf"),
        ({"priority": "greed"}, "priority = 'greed'"),
        ({"priority": None}, "priority = None"),
        ({"ties": ["order"]}, "ties = "),
        ({"bid_kwh": -BIDS, "ask_per_kwh": np.ones(2), "ties": "x"}, r"(?s)bid_kwh: book 0.*ask_per_kwh has.*ties = 'x'"),
    ],
)
def test_match_orders_refuses(changed, message):
    given = {"bid_kwh": BIDS, "ask_kwh": ASKS, "bid_per_kwh": ONES, "ask_per_kwh": ONES, **changed}
    arrays = [given.pop(name) for name in ("bid_kwh", "ask_kwh", "bid_per_kwh", "ask_per_kwh")]
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.match_orders(*arrays, **given)


@pytest.mark.parametrize("shape", [(0, 3), (2, 0), (0, 0)])
def test_match_orders_of_nothing(shape):
    trades = fastp2p.match_orders(np.zeros(shape), np.zeros(shape), np.ones(shape[1]), np.ones(shape[1]))
    assert (trades.n_books, trades.n_trades) == (shape[0], 0)


def test_match_orders_takes_lists_and_any_layout():
    expected = fastp2p.match_orders(BIDS, ASKS, ONES, ONES).quantity_kwh
    for bids, asks in ((BIDS.tolist(), ASKS.tolist()), (np.asfortranarray(BIDS), ASKS.astype(int)), (BIDS > 0, ASKS > 0)):
        trades = fastp2p.match_orders(bids, asks, [1, 1, 1], ONES.tolist())
        assert trades.quantity_kwh.sum() == pytest.approx(np.minimum(np.sum(bids, 1), np.sum(asks, 1)).sum())
    assert np.array_equal(fastp2p.match_orders(BIDS.tolist(), ASKS.tolist(), ONES, ONES).quantity_kwh, expected)


def test_orders_of_unequal_shapes_are_refused():
    for load, pv in ((np.ones((1, 2)), np.ones((2, 2))), (np.ones(2), np.ones(2))):
        with pytest.raises(fastp2p.InputError, match=r"must both be \(n_books, n_bus\)"):
            fastp2p.make_orders(load, pv)
    with pytest.raises(fastp2p.InputError, match="orders = 'brutto'"):
        fastp2p.make_orders(np.ones((1, 2)), np.ones((1, 2)), orders="brutto")


@pytest.mark.parametrize("shape", [(1, 3), (50, 3), (2, 2)])
def test_leave_over_refuses_other_shapes(shape):
    trades = fastp2p.match_orders(BIDS, ASKS, ONES, ONES)
    with pytest.raises(fastp2p.InputError):
        fastp2p.leave_over(np.ones(shape), np.ones(shape), trades)


def test_orders_of_whole_numbers():
    orders = fastp2p.make_orders(np.array([[3, 0]]), np.array([[0.5, 0.25]]))
    assert orders.bid_kwh.tolist() == [[2.5, 0.0]]
    assert orders.ask_kwh.tolist() == [[0.0, 0.25]]
