"""Every loop ends and stays within its arrays, whatever floats these hold: even where ``check=False`` looks at no value."""

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

import fastp2p

SCRIPT = Path(__file__).parents[1] / "support" / "hostile_floats.py"
anything = st.floats(allow_subnormal=True) | st.sampled_from([np.nan, np.inf, 1.7e308, 5e-324, 1.0])


@pytest.mark.parametrize(("seed", "rounds"), [(1, 12), pytest.param(2, 300, marks=pytest.mark.slow)])
def test_every_stage_ends_on_any_floats(seed, rounds):
    """In a process of its own: what does not end, or writes elsewhere, must not take the tests with it."""
    words = [sys.executable, SCRIPT, str(seed), str(rounds)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    assert (done.returncode, done.stdout) == (0, "ended\n"), done.stderr[-2000:]


@pytest.mark.small
@settings(max_examples=60, deadline=None)
@given(
    kwh=arrays(np.float64, (2, 2, 5), elements=anything),
    per_kwh=arrays(np.float64, (2, 1, 5), elements=anything),
    priority=st.sampled_from(["price", "volume"]),
    ties=st.sampled_from(["pro_rata", "order"]),
)
def test_the_auction_ends_on_any_floats(kwh, per_kwh, priority, ties):
    with np.errstate(all="ignore"):
        trades = fastp2p.match_orders(*kwh, *per_kwh, priority=priority, ties=ties, check=False)
    assert not trades.shape_faults(2, 5)


# --- check=False: shapes and positions are looked at, values are not


N_BUS = 41
RIGHT = np.zeros((2, N_BUS))
NAMES = ("offset", "seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh")


@pytest.fixture(scope="module")
def network():
    return fastp2p.Network.load("cigre_lv")


def auction(n_bus=N_BUS):
    bids, asks = np.zeros((2, n_bus)), np.zeros((2, n_bus))
    bids[:, 3], bids[1, 7], asks[:, 5] = 2.0, 1.0, 1.0
    return bids, asks, np.full(n_bus, 0.2), np.full(n_bus, 0.1)


def changed(**edits):
    trades = fastp2p.match_orders(*auction())
    return fastp2p.Trades(**{name: edits.get(name, lambda a: a)(getattr(trades, name)) for name in NAMES})


WRONG_TRADES = {
    "a seller beyond the buses": {"seller": lambda a: a + 10**9},
    "a seller before them": {"seller": lambda a: a * 0 - 1},
    "a buyer beyond the buses": {"buyer": lambda a: a * 0 + N_BUS},
    "a huge buyer": {"buyer": lambda a: a * 0 + 2**62},
    "sellers that are too few": {"seller": lambda a: a[:1]},
    "prices that are too few": {"ask_per_kwh": lambda a: a[:0]},
    "offsets beyond the trades": {"offset": lambda a: a * 10**6},
    "offsets before them": {"offset": lambda a: a - 10**6},
    "offsets that fall": {"offset": lambda a: np.array([0, 10**6, a[-1]])},
    "offsets of one book": {"offset": lambda a: a[[0, -1]]},
    "offsets of many books": {"offset": lambda a: np.append(np.zeros(9, np.int64), a)},
    "no offsets": {"offset": lambda a: a[:0]},
}


@pytest.mark.parametrize("edit", WRONG_TRADES)
def test_no_stage_reads_outside_its_arrays_for_wrong_trades(edit, network):
    right, orders, zeros = fastp2p.match_orders(*auction()), auction(), np.zeros((2, N_BUS))
    clearing, left = fastp2p.clear(network, right, zeros), fastp2p.leave_over(*orders[:2], right)
    trades = changed(**WRONG_TRADES[edit])
    calls = [
        lambda: fastp2p.price_trades(trades, *orders, check=False),
        lambda: fastp2p.price_trades(trades, *orders, pricing="uniform", check=False),
        lambda: fastp2p.reduce_orders(trades, *orders, check=False),
        lambda: fastp2p.leave_over(zeros, zeros, trades, check=False),
        lambda: fastp2p.clear(network, trades, zeros, check=False),
        lambda: fastp2p.clear(network, trades, zeros, physics="lindistflow", reactive=fastp2p.Reactive(), check=False),
        lambda: fastp2p.settle(trades, clearing, zeros, zeros, left, retail_per_kwh=0.2, feed_in_per_kwh=0.1, check=False),
    ]
    for call in calls:
        with pytest.raises(fastp2p.InputError):
            call()


SHAPES = [(2, N_BUS - 1), (2, N_BUS + 1), (1, N_BUS), (3, N_BUS), (N_BUS,), (2, N_BUS, 1), (0, N_BUS), ()]


@pytest.mark.parametrize("shape", SHAPES)
def test_no_stage_reads_outside_its_arrays_for_wrong_shapes(shape, network):
    right, (bids, asks, bid, ask), zeros = fastp2p.match_orders(*auction()), auction(), np.zeros((2, N_BUS))
    clearing, left, wrong = fastp2p.clear(network, right, zeros), fastp2p.leave_over(bids, asks, right), np.zeros(shape)
    tariffs = {"retail_per_kwh": 0.2, "feed_in_per_kwh": 0.1}

    def settled(load=zeros, pv=zeros, of=left, **given):
        return fastp2p.settle(right, clearing, load, pv, of, **{**tariffs, **given}, check=False)

    calls = [
        lambda: fastp2p.make_orders(zeros, wrong, check=False),
        lambda: fastp2p.match_orders(wrong, asks, bid, ask, check=False),
        lambda: fastp2p.match_orders(bids, wrong, bid, ask, check=False),
        lambda: fastp2p.price_trades(right, wrong, asks, bid, ask, pricing="k", check=False),
        lambda: fastp2p.price_trades(right, bids, wrong, bid, ask, pricing="k", check=False),
        lambda: fastp2p.leave_over(wrong, zeros, right, check=False),
        lambda: fastp2p.leave_over(zeros, wrong, right, check=False),
        lambda: fastp2p.clear(network, right, wrong, check=False),
        lambda: fastp2p.clear(network, right, zeros, export_kw=wrong, check=False),
        lambda: settled(load=wrong),
        lambda: settled(pv=wrong),
        *(lambda name=name: settled(of=replace(left, **{name: wrong})) for name in ("self_kwh", "deficit_kwh", "surplus_kwh")),
    ]
    if wrong.size != 1:  # a number is for all
        calls += [
            lambda: settled(retail_per_kwh=wrong),
            lambda: settled(buyer_per_kwh=wrong),
            lambda: fastp2p.clear(network, right, zeros, physics="lindistflow", reactive=fastp2p.Reactive(wrong), check=False),
        ]
    if shape not in ((N_BUS,), (1, N_BUS)):
        reactive = fastp2p.Reactive(0.0, np.zeros(shape or (2,)))
        calls += [
            lambda: fastp2p.clear(network, right, zeros, physics="lindistflow", reactive=reactive, check=False),
            lambda: fastp2p.match_orders(bids, asks, wrong, ask, check=False),
            lambda: fastp2p.match_orders(bids, asks, bid, wrong, check=False),
            lambda: fastp2p.price_trades(right, bids, asks, bid, wrong, pricing="k", check=False),
        ]
    for call in calls:
        with pytest.raises(fastp2p.InputError):
            call()


@pytest.mark.parametrize(
    "given",
    [
        {"bus": np.arange(N_BUS) + 1},
        {"bus": np.zeros(N_BUS, np.int64)},
        {"bus": np.arange(N_BUS)[::-1]},
        {"bus": np.arange(N_BUS).reshape(1, -1)},
        {"step_hours": 0.0},
        {"step_hours": np.nan},
        {"step_hours": 1e-300},
        {"step_hours": "1"},
        {"step_hours": True},
        {"objective": "profit"},
        {"unserved": "nobody"},
        {"physics": "quantum"},
        {"solver": "abacus"},
        {"reactive": 3.0},
    ],
)
def test_clear_looks_at_its_rules_even_unasked(given, network):
    with pytest.raises(fastp2p.InputError, match=next(iter(given))):
        fastp2p.clear(network, fastp2p.match_orders(*auction()), np.zeros((2, N_BUS)), **given, check=False)


def test_other_things_than_trades_are_refused_even_unasked(network):
    for call in (
        lambda: fastp2p.clear(network, None, RIGHT, check=False),
        lambda: fastp2p.clear("cigre_lv", changed(), RIGHT, check=False),
        lambda: fastp2p.leave_over(RIGHT, RIGHT, [], check=False),
        lambda: fastp2p.price_trades({}, *auction(), check=False),
        lambda: fastp2p.reduce_orders({}, *auction(), check=False),
        lambda: fastp2p.settle(changed(), 1, RIGHT, RIGHT, 2, retail_per_kwh=0.2, feed_in_per_kwh=0.1, check=False),
    ):
        with pytest.raises(fastp2p.InputError):
            call()


def test_books_per_row_and_lengths_of_a_clearing_count_even_unasked(network):
    trades, zeros = changed(), np.zeros((2, N_BUS))
    clearing, left = fastp2p.clear(network, trades, zeros), fastp2p.leave_over(*auction()[:2], trades)
    options = {"retail_per_kwh": 0.2, "feed_in_per_kwh": 0.1, "check": False}
    for edit in ({"books_per_row": 3}, {"books_per_row": 0}, {"books_per_row": -1}, {"step_hours": 0}, {"surplus": "x"}):
        with pytest.raises(fastp2p.InputError, match=next(iter(edit))):
            fastp2p.settle(trades, clearing, zeros, zeros, left, **options, **edit)
    for side in ("executed_kwh", "bought_kwh"):
        short = replace(clearing, **{side: clearing.executed_kwh[:1]})
        with pytest.raises(fastp2p.InputError, match="clearing has 1 trades"):
            fastp2p.settle(trades, short, zeros, zeros, left, **options)
