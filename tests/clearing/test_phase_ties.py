"""Three-phase books of whole numbers and few prices, where most is a tie: optimum, nearness to pro rata, equal treatment."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from tests.oracles import closest, lindistflow
from tests.oracles import lindist3flow as oracle
from tests.support import phase_books
from tests.support.phase_books import network_of

NETWORKS = ("lines 4 1", "lines 4 2", "Dyn 3 1", "YNyn 3 2", "Yzn 3 1")
TIGHT_KW = 1e-6


def lists(element, n):
    return st.lists(element, min_size=n, max_size=n)


@st.composite
def cases(draw):
    """(books of whole kW under limits of whole kW, options of `clear`)."""
    network = network_of(draw(st.sampled_from(NETWORKS)))
    at = np.flatnonzero(network.has_band)
    n, n_books = len(at), draw(st.integers(1, 2))
    limit = draw(lists(st.one_of(st.integers(0, 6).map(lambda kw: 3.0 * kw), st.just(np.inf)), network.n_branch))
    sizes = [draw(st.integers(0, 5)) for _ in range(n_books)]
    ends = np.array(draw(lists(st.integers(0, n - 1), 2 * sum(sizes))), np.int64)
    ask = np.array(draw(lists(st.sampled_from([0.1, 0.2]), sum(sizes))), float)
    gain = np.array(draw(lists(st.sampled_from([0.0, 0.1, 0.1]), sum(sizes))), float)
    quantity = np.array(draw(lists(st.integers(0, 6), sum(sizes))), float)
    trades = fastp2p.Trades(np.cumsum([0, *sizes]), ends[::2], ends[1::2], quantity, ask + gain, ask)
    codes = st.sampled_from([0, 0, 1, 2, 3])
    some = draw(st.sampled_from([0.0, 0.0, 1.0]))

    def per_book(element, *more):
        count = int(np.prod([n_books, n, *more]))
        return np.array(draw(lists(element, count))).reshape(n_books, n, *more)

    books = SimpleNamespace(
        network=replace(network, limit_kw=np.array(limit)),
        at=at,
        trades=trades,
        base_kw=some * per_book(st.integers(-3, 3).map(float), 3),
        base_kvar=np.zeros((n_books, n, 3)),
        export_kw=per_book(st.sampled_from([0.0, 0.0, 1.0, 4.0])),
        pv_kvar_per_kw=np.full(n, draw(st.sampled_from([0.0, 0.0, 0.25, -0.5]))),
        load_kvar_per_kw=np.full(n, draw(st.sampled_from([0.0, 0.0, 0.25]))),
        pv_phase=per_book(codes).astype(np.int8),
        load_phase=per_book(codes).astype(np.int8),
    )
    width = draw(st.sampled_from([0.002, 0.01, 0.1]))
    grid = float(network.slack_vm_pu[0])
    return books, {
        "physics": draw(st.sampled_from(["dc", "lindistflow"])),
        "objective": draw(st.sampled_from(["volume", "welfare"])),
        "unserved": draw(st.sampled_from(["retail", "shed"])),
        "v_min_pu": grid - width,
        "v_max_pu": grid + width,
    }


def assert_is_the_optimum(case):
    books, options = case
    rows = oracle.limit_rows(books.network, books.at, options["physics"], options["v_min_pu"], options["v_max_pu"])
    rules = {name: options[name] for name in ("objective", "unserved")}
    answers = [phase_books.clear(books, solver=solver, **options) for solver in ("auto", "compiled", "highs")]
    offset = books.trades.offset
    for k in range(len(books.base_kw)):
        p = oracle.problem(rows, phase_books.one_book(books, k), **rules)
        best, exported = lindistflow.solve(p)
        y = closest.closest(p).y if len(p.most) else p.most
        for answer in answers:
            assert answer.status[k] != "failed"
            x = np.concatenate([answer.executed_kwh[offset[k] : offset[k + 1]], answer.exported_kw[k, p.sources]])
            assert ((x >= 0.0) & (x <= p.most)).all()
            assert min(side.min(initial=0.0) for side in lindistflow.room_kw(p, x)) > -TIGHT_KW
            assert p.weight @ x == pytest.approx(best, rel=1e-7, abs=1e-7)
            assert answer.exported_kw[k].sum() == pytest.approx(exported, rel=1e-6, abs=1e-5)
            np.testing.assert_allclose(x, y, rtol=0, atol=2e-6)


@settings(deadline=None, max_examples=15, derandomize=True)
@given(cases())
def test_whole_numbers_are_cleared_to_the_optimum(case):
    assert_is_the_optimum(case)


@pytest.mark.slow
@settings(deadline=None, max_examples=200, derandomize=True)
@given(cases())
def test_many_whole_numbers_are_cleared_to_the_optimum(case):
    assert_is_the_optimum(case)


@settings(deadline=None, max_examples=15, derandomize=True)
@given(cases(), st.sampled_from(["volume", "welfare", "pro_rata"]), st.integers(1, 2), st.integers(0, 2**16))
def test_whole_numbers_are_treated_alike(case, objective, by, seed):
    """Phases turned and trades in another order."""
    books, options = case
    options = {**options, "objective": objective}
    order = np.concatenate(
        [
            begin + np.random.default_rng(seed).permutation(end - begin)
            for begin, end in zip(books.trades.offset[:-1], books.trades.offset[1:], strict=True)
        ]
    ).astype(np.int64)
    names = ("seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh")
    turned = SimpleNamespace(**vars(books))
    turned.trades = fastp2p.Trades(books.trades.offset, *(getattr(books.trades, name)[order] for name in names))
    turned.base_kw = np.roll(books.base_kw, by, axis=2)
    turned.pv_phase, turned.load_phase = (
        np.where(code < 3, (code + by) % 3, 3).astype(np.int8) for code in (books.pv_phase, books.load_phase)
    )
    first, second = phase_books.clear(books, **options), phase_books.clear(turned, **options)
    np.testing.assert_allclose(second.executed_kwh, first.executed_kwh[order], rtol=0, atol=1e-7)
    np.testing.assert_allclose(second.exported_kw, first.exported_kw, rtol=0, atol=1e-7)
    assert second.status.tolist() == first.status.tolist()
