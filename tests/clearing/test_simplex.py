"""The compiled solver against HiGHS, linprog and rational arithmetic, and what happens where its answer has no proof."""

import functools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

import fastp2p
from bench import certify as certify_bench
from bench.exact import solve_exactly
from fastp2p.clearing import columns
from fastp2p.clearing import solve as solving
from fastp2p.kernels.clearing.answer import answer_books
from fastp2p.kernels.clearing.columns import collect_columns
from fastp2p.kernels.clearing.simplex import solve_books
from fastp2p.kernels.clearing.solve import scale_books
from fastp2p.kernels.structs import Columns, TradeArrays
from fastp2p.study.points import Point
from fastp2p.sweep.parts import Part
from fastp2p.sweep.prepare import prepare
from tests.support.lps import lps_of
from tests.support.strategies import congested
from tests.support.sweeps import part_tables

check = settings(deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
small = pytest.mark.small
NOT_UNIQUE = ("solver", "binding_branch", "shadow_price", "n_binding_books", "worst_step")
"""Rows in series share a price in more than one way, and a limit is reached alike in several steps."""
COLUMNS = ("executed_kwh", "exported_kw", "flow_kw", "shadow_price")


def random_book(rng, whole):
    """(matrix, most, cost, below, above): every criterion prefers more, and nothing executed is within all limits."""
    n, m = int(rng.integers(1, 9)), int(rng.integers(1, 7))
    matrix = rng.integers(-1, 2, (m, n)) * (1.0 if whole else rng.uniform(0.1, 1.0, (m, n)))
    if rng.random() < 0.3:  # equal and opposite columns
        matrix[:, rng.integers(n)] = rng.choice([1.0, -1.0]) * matrix[:, rng.integers(n)]
    most = rng.integers(1, 4, n).astype(float) if whole else rng.gamma(1.5, 1.0, n)
    is_export = rng.random(n) < 0.2
    value = rng.integers(1, 3, n) if whole else rng.random(n)
    cost = np.array([np.where(is_export, 0.0, value), is_export, columns._rank_weights(16)[:n]])
    above, below = rng.integers(0, 4, m).astype(float), -rng.integers(0, 4, m).astype(float)
    above[rng.random(m) < 0.2], below[rng.random(m) < 0.2] = np.inf, -np.inf
    return matrix, most, cost, below, above


def solve(matrix, most, cost, below, above, steps_per_line=10):
    """(status, verdict, x, dual) of one book by the two kernels."""
    m, n = matrix.shape
    lps = lps_of(matrix, most, below, above, cost)
    basic, x, dual, status = np.zeros(m, np.int32), np.zeros(n), np.zeros(m), np.zeros(1, np.int64)
    solve_books(np.arange(1), lps, np.inf, 2**62, steps_per_line, basic, x, status, np.zeros(1, np.int64))
    verdict = status.copy()
    answer_books(np.arange(1), lps, basic, np.full(n, np.nan), x, dual, verdict)
    return status[0], verdict[0], x, dual


# -------------------------------------------------------------------------------------------------------- against oracles


@small
@check
@given(seed=seeds, whole=st.booleans())
def test_the_answer_is_that_of_rational_arithmetic(seed, whole):
    book = random_book(np.random.default_rng(seed), whole)
    matrix, most, cost, below, above = book
    status, verdict, x, _ = solve(*book)
    assert (status, verdict) == (0, 0)
    np.testing.assert_allclose(x, np.array(solve_exactly(matrix, below, above, most, cost), float), rtol=0, atol=1e-9)


@small
@check
@given(seed=seeds, whole=st.booleans())
def test_objective_and_multipliers_are_those_of_linprog(seed, whole):
    matrix, most, cost, below, above = random_book(np.random.default_rng(seed), whole)
    *_, x, dual = solve(matrix, most, cost, below, above)
    rows, limits = np.vstack([matrix, -matrix]), np.concatenate([above, -below])
    some = np.isfinite(limits)
    best = -linprog(-cost[0], A_ub=rows[some], b_ub=limits[some], bounds=np.column_stack([0 * most, most])).fun
    assert cost[0] @ x == pytest.approx(best, rel=1e-9, abs=1e-12)
    bound = np.where(dual > 0, above, np.where(dual < 0, below, 0.0))
    assert dual @ bound + np.maximum(cost[0] - dual @ matrix, 0.0) @ most == pytest.approx(best, rel=1e-9, abs=1e-9)


@small
@check
@given(seed=seeds)
def test_a_worse_answer_is_not_certified(seed):
    """Any other corner reached by stopping early, and any other bound, is refused or is the optimum itself."""
    rng = np.random.default_rng(seed)
    matrix, most, cost, below, above = random_book(rng, True)
    *_, best, _ = solve(matrix, most, cost, below, above)
    m, n = matrix.shape
    for _ in range(20):
        basic = rng.permutation(n + m)[:m]
        basic = np.where(basic < n, basic, -(basic - n + 1)).astype(np.int32)
        x, verdict = np.where(rng.random(n) < 0.5, most, 0.0), np.zeros(1, np.int64)
        answer_books(np.arange(1), lps_of(matrix, most, below, above, cost), basic, np.full(n, np.nan), x, np.zeros(m), verdict)
        if verdict[0] == 0:
            np.testing.assert_allclose(x, best, rtol=0, atol=1e-9)


@pytest.mark.slow
def test_ten_thousand_adversarial_books():
    """The small form of bench/certify.py: degenerate, closed, overloaded, parallel, meshed, voltage rows, all scales."""
    tallies = certify_bench.run(10_000, seed=2, show=lambda line: None)
    books, certified = sum(t.books for t in tallies.values()), sum(t.certified for t in tallies.values())
    assert books >= 10_000
    assert certified >= 0.9999 * books
    assert [name for name, tally in tallies.items() if not tally.is_good] == []
    steps = certify_bench.histogram(tallies.values())
    assert sum(steps.values()) == books
    assert sum(steps[name] for name in ("0", "1", "2-3", "4-7", "8-15", "16-31")) > 0.97 * books


# ------------------------------------------------------------------------------------------------------------ against HiGHS


@pytest.mark.parametrize("unserved", ["retail", "shed"])
@pytest.mark.parametrize("objective", ["volume", "welfare"])
@pytest.mark.parametrize("name", ["cigre_lv", "village_1", "case30"])
def test_both_solvers_clear_alike(name, objective, unserved):
    network, trades, base, export = congested(name, n_books=120)
    options = {"export_kw": export, "objective": objective, "unserved": unserved}
    ours, highs, auto = (fastp2p.clear(network, trades, base, solver=s, **options) for s in ("compiled", "highs", "auto"))
    assert np.array_equal(ours.status, highs.status)
    assert "failed" not in ours.status
    for column in COLUMNS[:3]:
        np.testing.assert_allclose(getattr(ours, column), getattr(highs, column), rtol=0, atol=1e-6)
    for column in COLUMNS[:3]:
        np.testing.assert_allclose(getattr(ours, column), getattr(auto, column), rtol=0, atol=1e-9)
    if network.is_radial and unserved == "retail":  # limits are nested
        assert set(auto.solver) == {"none"}
    else:
        assert all(np.array_equal(getattr(ours, column), getattr(auto, column)) for column in COLUMNS)
    cleared = ours.solver != "none"
    assert cleared.mean() > 0.5
    assert (ours.solver[cleared] == "compiled").all()
    assert (highs.solver[cleared] == "highs").all()
    assert ours.certified.all()
    assert highs.certified.all()


@functools.cache
def sweep_tables(solver, objective="volume", batch_scenarios=None):
    study = fastp2p.studies()["pv-sweep"]
    study = study.with_(
        network={"limit_factor": 0.3},
        clearing={"solver": solver, "objective": objective},
        scenarios={"keep": ["hours", "books", "trades", "branches", "participants"]},
    )
    return part_tables((study, *prepare(study)), Part(0, (Point(0.5),), range(40)), batch_scenarios)


@pytest.mark.parametrize("objective", ["volume", "welfare"])
def test_studies_give_the_same_tables(objective):
    ours, highs = sweep_tables("compiled", objective), sweep_tables("highs", objective)
    assert (ours["books"].solver == "compiled").mean() > 0.1
    assert ours.keys() == highs.keys()
    for name, table in ours.items():
        assert list(table.columns) == list(highs[name].columns)
        for column in table.columns:
            if column not in NOT_UNIQUE:
                one, other = table[column], highs[name][column]
                if one.dtype.kind == "f":
                    np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-6, err_msg=f"{name}.{column}")
                else:
                    assert one.equals(other), f"{name}.{column}"


@pytest.mark.parametrize("batch_scenarios", [1, 7])
def test_batches_do_not_change_a_bit(batch_scenarios):
    whole, parts = sweep_tables("compiled"), sweep_tables("compiled", batch_scenarios=batch_scenarios)
    for name, table in whole.items():
        assert table.equals(parts[name]), name


def test_workers_do_not_change_a_bit():
    study = fastp2p.studies()["pv-sweep"]
    study = study.with_(
        network={"limit_factor": 0.3}, scenarios={"count": 30, "keep": ["books"]}, clearing={"solver": "compiled"}
    )
    one, two = fastp2p.run(study, workers=1), fastp2p.run(study, workers=2)
    assert one.books.equals(two.books)
    assert one.scenarios.equals(two.scenarios)
    assert set(one.books.solver.unique()) == {"none", "compiled"}
    assert one.books.certified.all()


# -------------------------------------------------------------------------------------------------------- without a proof


def test_a_book_without_proof_goes_to_highs_and_is_counted(monkeypatch):
    network, trades, base, export = congested("cigre_lv")
    good = fastp2p.clear(network, trades, base, export_kw=export, unserved="shed")

    def confused(*arguments):
        solve_books(*arguments)
        arguments[-4][:3] = -1  # a basis that does not fit

    monkeypatch.setattr(solving, "solve_books", confused)
    answer = fastp2p.clear(network, trades, base, export_kw=export, unserved="shed")
    lps = np.flatnonzero(good.solver == "compiled")
    assert answer.solver[lps[0]] == "highs"
    assert (answer.solver[lps[3:]] == "compiled").all()
    assert answer.certified.all()
    assert np.array_equal(answer.status, good.status)
    np.testing.assert_allclose(answer.executed_kwh, good.executed_kwh, rtol=0, atol=1e-6)


def test_a_book_that_takes_too_many_steps_goes_to_highs(monkeypatch):
    monkeypatch.setattr(solving, "STEPS_PER_LINE", 0)
    network, trades, base, export = congested("cigre_lv")
    answer = fastp2p.clear(network, trades, base, export_kw=export, solver="compiled")
    assert set(answer.solver) <= {"none", "highs"}
    assert "highs" in answer.solver
    assert answer.certified.all()


@small
def test_the_step_limit_is_a_status():
    book = np.ones((1, 2)), np.ones(2), np.array([[1.0, 1.0], [0.0, 0.0], [0.7, 0.6]]), np.array([-np.inf]), np.ones(1)
    assert solve(*book)[:2] == (0, 0)
    assert solve(*book, steps_per_line=0)[:2] == (1, 1)


@pytest.mark.parametrize("limits", [(0.0, 10**6), (1e6, 0)])
def test_large_books_go_to_highs_under_auto_alone(limits, monkeypatch):
    network, trades, base, export = congested("cigre_lv", n_books=10)
    monkeypatch.setitem(solving.LARGEST, "auto", limits)
    by = {s: fastp2p.clear(network, trades, base, export_kw=export, solver=s) for s in ("auto", "compiled")}
    assert set(by["auto"].solver) <= {"none", "highs"}
    assert set(by["compiled"].solver) <= {"none", "compiled"}


def test_numbers_that_are_not_finite_never_reach_the_kernel(monkeypatch):
    network, trades, base, export = congested("cigre_lv", n_books=5)
    monkeypatch.setattr(columns, "_rank_weights", lambda n: np.full(n, np.inf))
    monkeypatch.setattr(solving, "solve_books", lambda *_: pytest.fail("reached the kernel"))
    with pytest.raises(fastp2p.SolverError, match="not finite"):
        fastp2p.clear(network, trades, base, export_kw=export, solver="compiled")


def test_what_needs_no_lp_has_no_solver():
    network, trades, base, export = congested("cigre_lv", n_books=20)
    wide = fastp2p.clear(replace(network, limit_kw=np.full(network.n_branch, 1e6)), trades, base, export_kw=export)
    assert set(wide.solver) == {"none"}
    assert wide.certified.all()
    filled = fastp2p.clear(network, trades, base, export_kw=export)
    assert set(filled.solver) == {"none"}
    assert filled.certified.all()
    without_proof = fastp2p.clear(network, trades, base, export_kw=export, objective="pro_rata", unserved="shed")
    assert set(without_proof.solver) == {"none"}
    assert np.array_equal(without_proof.certified, without_proof.status == "free")


def test_a_trade_of_nothing_alone_in_its_column():
    network, *_ = congested("cigre_lv", n_books=1)
    network = replace(network, limit_kw=np.full(network.n_branch, 1.0))
    trades = fastp2p.Trades([0, 2], [10, 12], [11, 13], [5.0, 0.0], [0.3, 0.3], [0.1, 0.1])
    answer = fastp2p.clear(network, trades, np.zeros((1, network.n_bus)), unserved="shed")
    assert answer.executed_kwh.tolist() == pytest.approx([1.0, 0.0])
    assert answer.solver.tolist() == ["compiled"]


@pytest.mark.parametrize("solver", ["simplex", "", None])
def test_unknown_solvers_are_refused(solver):
    network, trades, base, _ = congested("cigre_lv", n_books=1)
    with pytest.raises(fastp2p.InputError, match="auto, compiled, highs"):
        fastp2p.clear(network, trades, base, solver=solver)


# ---------------------------------------------------------------------------------------------- columns and units of a book


@small
@check
@given(seed=seeds)
def test_columns_are_in_rank(seed):
    rng = np.random.default_rng(seed)
    n = int(rng.integers(1, 30))
    bid, ask = rng.integers(1, 4, n) / 10, rng.integers(1, 4, n) / 100
    seller, buyer = rng.integers(0, 3, (2, n))
    kwh = rng.random(n)
    keys = sorted(set(zip(-bid, ask, seller, buyer, strict=True)))
    found = Columns(
        offset=np.zeros(2, np.int64),
        plus=np.empty(n, np.int64),
        minus=np.empty(n, np.int64),
        most_kw=np.empty(n),
        cost=np.empty((3, n)),
        column_of=np.empty(n, np.int64),
        n_trade_columns=np.empty(1, np.int64),
    )
    rank_weight, trades = np.arange(n, 0.0, -1.0), TradeArrays(np.array([0, n]), seller, buyer, kwh, bid, ask)
    collect_columns(np.zeros(1, np.int64), trades, np.zeros((1, 3)), True, False, 0.5, rank_weight, found)
    end = found.offset[1]
    assert end == found.n_trade_columns[0] == len(keys)
    assert [keys[j] for j in found.column_of] == list(zip(-bid, ask, seller, buyer, strict=True))
    np.testing.assert_allclose(found.most_kw[:end], np.bincount(found.column_of, kwh / 0.5))
    assert list(zip(found.plus[:end], found.minus[:end], strict=True)) == [key[2:] for key in keys]
    np.testing.assert_allclose(found.cost[0, :end], [-key[0] - key[1] for key in keys])
    assert found.cost[2, :end].tolist() == list(rank_weight[:end])


@small
@check
@given(seed=seeds, decades=st.integers(-80, 80))
def test_a_books_own_units_round_nothing(seed, decades):
    rng = np.random.default_rng(seed)
    most, below, above = rng.random((3, 4)) * 10.0**decades
    values = rng.normal(size=6) * 10.0 ** rng.integers(-8, 8, 6)
    matrix = np.zeros((4, 4))
    matrix[[0, 1, 2, 3, 0, 1], [0, 0, 1, 1, 2, 3]] = values
    lps = lps_of(matrix, most.copy(), -below, above.copy())
    row_scale = np.empty(4)
    scale_books(lps, row_scale)
    largest = [np.abs(lps.entry_value[lps.entry_row == r]).max() for r in range(4)]
    assert (np.array(largest) > 1 - 2e-9).all()
    assert (np.array([*largest, lps.most.max()]) < 2).all()
    unit = lps.most.max() / most.max()
    assert np.frexp([unit, *row_scale])[0].tolist() == [0.5] * 5
    assert np.array_equal(lps.entry_value / row_scale[lps.entry_row], values)
    assert np.array_equal(lps.room_below / (unit * row_scale), -below)
    assert np.array_equal(lps.room_above / (unit * row_scale), above)


@pytest.mark.parametrize("solver", ["compiled", "highs", "auto"])
def test_a_closed_branch_with_a_flow_of_rounding_size_is_proven(solver):
    """Both limits are within the tolerance of the row's value: it is at either, whatever the sign of its multiplier."""
    network = fastp2p.Network.load("case30")
    limit = np.full(network.n_branch, np.inf)
    limit[37] = 0.0
    base, export = np.zeros((1, 30)), np.zeros((1, 30))
    base[0, [12, 25]], export[0, 29] = (0.6, -1.4), 0.5
    trade = fastp2p.Trades([0, 1], [3], [4], [2.0], [0.2], [0.1])
    answer = fastp2p.clear(replace(network, limit_kw=limit), trade, base, export_kw=export, unserved="shed", solver=solver)
    assert answer.executed_kwh[0] == pytest.approx(2.0, abs=1e-9)
    assert answer.certified.all()


@pytest.mark.parametrize("n", [1, 2, 5, 6, 7, 64, 2**18])
def test_ranks_have_the_first_primes(n):
    """Also for hundreds of thousands of pairs, in a moment."""
    prime = np.round(columns._rank_weights(n) ** -2.0).astype(np.int64)
    assert prime[:12].tolist() == [2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37][:n]
    last = {1: 2, 2: 3, 5: 11, 6: 13, 7: 17, 64: 311, 2**18: 3_681_131}
    assert (len(prime), prime[-1]) == (n, last[n])
    assert (np.diff(prime) > 0).all()
