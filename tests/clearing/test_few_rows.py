"""Large books solved with some of their rows: the answer of all rows, with its proof."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.clearing import few_rows
from fastp2p.clearing.few_rows import solve_with_few_rows
from fastp2p.kernels.clearing.certificate import PRIMAL_TOLERANCE
from fastp2p.kernels.clearing.solve import scale_books
from tests.support.lps import answer_of, lps_of

STEPS = 10


def random_lp(rng, n_rows):
    """(matrix, most, cost, below, above) of many rows that say nearly the same, as voltages along a feeder do."""
    n = int(rng.integers(2, 12))
    kinds = rng.normal(size=(int(rng.integers(1, 4)), n))
    weight = rng.random((n_rows, len(kinds))) ** 2
    matrix = weight @ kinds + 0.01 * rng.normal(size=(n_rows, n)) * (rng.random() < 0.7)
    most = rng.gamma(1.5, 1.0, n)
    is_export = rng.random(n) < 0.3
    cost = np.array([np.where(is_export, 0.0, rng.integers(1, 4, n)), is_export, 1.0 / np.sqrt(np.arange(2, n + 2))])
    full = matrix @ most
    above, below = np.maximum(full, 0.0) * rng.uniform(0.2, 1.2, n_rows), np.minimum(full, 0.0) * rng.uniform(0.2, 1.2, n_rows)
    return matrix, most, cost, below, above


def in_part(matrix, most, cost, below, above):
    """(verdict, x, dual) with some rows at a time, in the units that the book is given in, and how far rows may be broken."""
    lps, row_scale = lps_of(matrix, most.copy(), below.copy(), above.copy(), cost), np.empty(len(matrix))
    scale_books(lps, row_scale)
    x, dual, verdict = np.zeros(len(most)), np.zeros(len(matrix)), np.full(1, -1)
    solve_with_few_rows(lps, STEPS, x, dual, verdict, np.zeros(1, np.int64))
    unit = most.max() / lps.most.max()
    return verdict[0], x * unit, dual * row_scale, PRIMAL_TOLERANCE * unit / row_scale


@given(st.integers(0, 2**32 - 1), st.integers(1, 120))
@settings(deadline=None, derandomize=True, max_examples=150)
def test_the_answer_is_that_of_all_rows(seed, n_rows):
    rng = np.random.default_rng(seed)
    matrix, most, cost, below, above = random_lp(rng, n_rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few_rows, "LARGE", 0)
        verdict, x, dual, allowed = in_part(matrix, most, cost, below, above)
    whole_verdict, whole, _ = answer_of(matrix, most, below, above, cost)
    if whole_verdict == 0 and verdict == 0:
        np.testing.assert_allclose(x, whole, rtol=0, atol=1e-7 * most.max())
    assert verdict == 0 or whole_verdict != 0
    if verdict == 0:
        value = matrix @ x
        assert (value <= above + 2.0 * allowed).all()
        assert (value >= below - 2.0 * allowed).all()
        assert (dual[value < above - 2.0 * allowed] <= 1e-8).all()
        assert (dual[value > below + 2.0 * allowed] >= -1e-8).all()


def test_small_books_are_left_alone():
    matrix, most, cost, below, above = random_lp(np.random.default_rng(0), 5)
    assert in_part(matrix, most, cost, below, above)[0] == -1


def test_a_book_that_needs_more_rounds_is_left_to_all_rows(monkeypatch):
    monkeypatch.setattr(few_rows, "LARGE", 0)
    monkeypatch.setattr(few_rows, "ROUNDS", 1)
    matrix, most, cost, below, above = random_lp(np.random.default_rng(3), 100)
    verdict, _, dual, _ = in_part(matrix, most, cost, below, above)
    assert verdict == -1
    assert not dual.any()


@pytest.mark.parametrize("unserved", ["retail", "shed"])
def test_whole_clearings_do_not_depend_on_it(monkeypatch, unserved):
    """Objective, exports, what each trade and export gets; all is proven."""
    network, rng = fastp2p.Network.load("cigre_lv"), np.random.default_rng(7)
    who = network.leaf_buses()
    demand = rng.uniform(0.0, 30.0, (60, len(who))) * (rng.random((60, len(who))) < 0.5)
    supply = rng.uniform(0.0, 90.0, demand.shape) * (demand == 0.0)
    trades = fastp2p.match_orders(demand, supply, rng.uniform(0.1, 0.2, len(who)), rng.uniform(0.02, 0.1, len(who)))
    left = fastp2p.leave_over(demand, supply, trades)
    options = {"export_kw": left.surplus_kwh, "bus": who, "physics": "lindistflow", "unserved": unserved, "v_max_pu": 1.03}

    def cleared(large):
        monkeypatch.setattr(few_rows, "LARGE", large)
        return fastp2p.clear(network, trades, -left.deficit_kwh, **options)

    whole, some = cleared(10**9), cleared(0)
    assert len(whole.congested_book) > 30
    assert some.certified.all()
    assert (some.solver == whole.solver).all()
    np.testing.assert_allclose(some.executed_kwh, whole.executed_kwh, rtol=0, atol=1e-8)
    np.testing.assert_allclose(some.exported_kw, whole.exported_kw, rtol=0, atol=1e-8)
