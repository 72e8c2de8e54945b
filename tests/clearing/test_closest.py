"""Of all optima the one closest to pro rata: against solvers and rational arithmetic, and blind to numbering."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, reject, settings
from hypothesis import strategies as st

import fastp2p
from bench.certify import KINDS, draw_batch
from bench.exact import closest_exactly, solve_exactly
from fastp2p.clearing import solve as solving
from fastp2p.clearing.columns import collect
from fastp2p.clearing.solve import _reduce, curtail
from fastp2p.kernels.clearing.active import work_room
from fastp2p.kernels.clearing.certificate import certify
from fastp2p.kernels.clearing.closest import find_closest
from fastp2p.kernels.clearing.dual_method import take_in_one_by_one
from fastp2p.kernels.clearing.merging import merge_books
from tests.oracles.nearest import best_values, closest
from tests.support.lps import answer_of, lp_of, lps_of, matrix_of
from tests.support.numbering import matched, network_of
from tests.support.strategies import congested

check = settings(deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)
small = pytest.mark.small
FIRST = ("random on trees", "pairs in proportion", "voltage rows, whole numbers, overloads")
kinds = pytest.mark.parametrize("name", [pytest.param(name, marks=() if name in FIRST else pytest.mark.slow) for name in KINDS])


def random_book(rng, whole, n_most=9):
    """(matrix, most, below, above, cost): many ties, equal columns, exports; nothing executed is within all limits."""
    n, m = int(rng.integers(1, n_most)), int(rng.integers(1, 7))
    matrix = rng.integers(-1, 2, (m, n)) * (1.0 if whole else rng.uniform(0.1, 1.0, (m, n)))
    if rng.random() < 0.3:
        matrix[:, rng.integers(n)] = rng.choice([1.0, -1.0]) * matrix[:, rng.integers(n)]
    most = rng.integers(1, 4, n).astype(float) if whole else rng.gamma(1.5, 1.0, n)
    is_export = rng.random(n) < 0.2
    cost = np.array([np.where(is_export, 0.0, rng.integers(1, 3, n)), is_export, 1.0 / np.sqrt(2.0 + np.arange(n))])
    above, below = rng.integers(0, 4, m).astype(float), -rng.integers(0, 4, m).astype(float)
    above[rng.random(m) < 0.2], below[rng.random(m) < 0.2] = np.inf, -np.inf
    return matrix, most, below, above, cost


# ------------------------------------------------------------------------------------------------------- against solvers


@kinds
def test_three_criteria_are_those_of_linprog_and_of_a_quadratic_programme(name):
    """Objective and exports to 1e-7, what is executed to 1e-6 of the largest column."""
    rng, seen = np.random.default_rng([7, list(KINDS).index(name)]), 0
    for rule in ("volume", "welfare"):
        rows, books, trades, export, floor, retail = draw_batch(rng, KINDS[name], 15)
        columns = collect(books, trades, export, rule, retail, 1.0)
        answer = curtail(rows, books, columns, floor, rule, "compiled")
        assert answer.certified.all()
        for k in books:
            lps, _ = _reduce(rows, books, columns, floor, range(k, k + 1))
            matrix, unit = matrix_of(lps), lps.most.max()
            scale = np.abs(matrix).max(axis=1)
            book = (
                matrix / scale[:, None],
                lps.most / unit,
                lps.cost,
                lps.room_below / unit / scale,
                lps.room_above / unit / scale,
            )
            try:
                expected, best = closest(*book), best_values(*book)
            except AssertionError:  # neither HiGHS's LPs nor its QPs come to an end on all of them
                continue
            y = answer.share[columns.offset[k] : columns.offset[k + 1]] * book[1]
            assert lps.cost[0] @ y == pytest.approx(best[0], abs=1e-7)
            np.testing.assert_allclose(y, expected, rtol=0, atol=1e-6)
            assert lps.cost[1] @ y == pytest.approx(lps.cost[1] @ expected, abs=1e-6)
            seen += 1
    assert seen >= (10 if name == "all scales in one book" else 28)


@small
@check
@given(seed=seeds, whole=st.booleans())
def test_all_are_those_of_rational_arithmetic(seed, whole):
    matrix, most, below, above, cost = random_book(np.random.default_rng(seed), whole)
    verdict, y, _ = answer_of(matrix, most, below, above, cost)
    assert verdict == 0
    exact = np.array(solve_exactly(matrix, below, above, most, cost), float)
    np.testing.assert_allclose(y, exact, rtol=0, atol=1e-9)


@small
@check
@given(seed=seeds, whole=st.booleans(), by=st.sampled_from([find_closest, take_in_one_by_one]))
def test_either_way_finds_the_least_sum_on_a_face(seed, whole, by):
    """The guesses and the dual method, each alone, on rows some of which are held at what some point has."""
    rng = np.random.default_rng(seed)
    matrix, most, below, above, _ = random_book(rng, whole)
    m, n = matrix.shape
    point = most * rng.choice([0.0, 0.25, 0.5, 1.0], n)
    held = np.where(rng.random(m) < 0.4, 1, 0)
    above = np.where(held == 1, matrix @ point, np.maximum(above, matrix @ point))
    below = np.minimum(below, matrix @ point)
    lp, work, side, nu = lp_of(lps_of(matrix, most, below, above)), work_room(n, m), np.zeros(n, np.int64), np.zeros(m)
    work.active[:], work.value[:] = held, 0.0
    if by is find_closest:
        y = np.empty(n)
        find_closest(lp, held, 10, work, side, y, nu)
    else:
        take_in_one_by_one(lp, held, 10 * (n + m), work, side, nu)
        y = most * np.clip(work.share, 0.0, 1.0)
    lines = [[Fraction(value) for value in row] for row in matrix]
    start = [Fraction(value) for value in point]
    start += [sum((a * b for a, b in zip(line, start, strict=True)), Fraction(0)) for line in lines]
    low, high = [Fraction(0)] * n, [Fraction(value) for value in most]
    for r, value in enumerate(start[n:]):  # the limits that the point has touch it exactly, as a float may not
        is_held = held[r] == 1
        low.append(min(Fraction(below[r]), value) if np.isfinite(below[r]) else None)
        high.append(value if is_held else max(Fraction(above[r]), value) if np.isfinite(above[r]) else None)
    sizes = [Fraction(value) for value in most]
    try:
        exact = closest_exactly(lines, sizes, start, low, high, [*np.ones(n, bool), *(held == 0)])
    except ArithmeticError:  # of the oracle, at some corners
        reject()
    np.testing.assert_allclose(y, np.array(exact, float), rtol=0, atol=1e-9)


@small
@check
@given(seed=seeds)
def test_another_point_with_other_multipliers_is_not_certified(seed):
    """What `certify` accepts is the answer, whatever multipliers it is shown."""
    rng = np.random.default_rng(seed)
    matrix, most, below, above, cost = random_book(rng, True, 5)
    exact = np.array(solve_exactly(matrix, below, above, most, cost), float)
    lp, accepted = lp_of(lps_of(matrix, most, below, above, cost)), 0
    for _ in range(200):
        y = np.where(rng.random(len(most)) < 0.5, exact, most * rng.choice([0.0, 0.5, 1.0], len(most)))
        verdict = certify(lp, rng.choice([0.0, 0.0, 1.0, -1.0, 0.5, 1e-12], (3, len(above))), y, np.empty(len(above)))
        accepted += verdict == 0
        assert verdict != 0 or np.abs(y - exact).max() < 1e-6


# --------------------------------------------------------------------------------------------------- blind to numbering


@small
@check
@given(seed=seeds, whole=st.booleans())
def test_numbering_changes_nothing(seed, whole):
    rng = np.random.default_rng(seed)
    matrix, most, below, above, cost = random_book(rng, whole, 13)
    columns, rows = rng.permutation(len(most)), rng.permutation(len(above))
    _, y, _ = answer_of(matrix, most, below, above, cost)
    again = cost[:, columns]
    again[2] = cost[2]
    verdict, other, _ = answer_of(matrix[rows][:, columns], most[columns], below[rows], above[rows], again)
    assert verdict == 0
    np.testing.assert_allclose(other, y[columns], rtol=0, atol=1e-9)


@small
@check
@given(seed=seeds, whole=st.booleans())
def test_what_is_alike_has_equal_shares(seed, whole):
    """Whatever the sizes; and two halves get what the whole does."""
    rng = np.random.default_rng(seed)
    matrix, most, below, above, cost = random_book(rng, whole)
    _, y, _ = answer_of(matrix, most, below, above, cost)
    twice, part = np.hstack([matrix, matrix[:, :1]]), rng.uniform(0.1, 0.9) * most[0]
    most = np.array([most[0] - part, *most[1:], part])
    cost = np.vstack([np.append(cost[:2], cost[:2, :1], axis=1), np.append(cost[2], 0.1)])
    verdict, other, _ = answer_of(twice, most, below, above, cost)
    assert verdict == 0
    assert other[0] / most[0] == pytest.approx(other[-1] / most[-1], abs=1e-9)
    np.testing.assert_allclose([other[0] + other[-1], *other[1:-1]], y, rtol=0, atol=1e-9)


@small
@check
@given(seed=seeds, decades=st.integers(-6, 6))
def test_units_change_nothing(seed, decades):
    matrix, most, below, above, cost = random_book(np.random.default_rng(seed), False)
    _, y, _ = answer_of(matrix, most, below, above, cost)
    unit = 10.0**decades
    verdict, other, _ = answer_of(matrix, unit * most, unit * below, unit * above, cost)
    assert verdict == 0
    np.testing.assert_allclose(other / unit, y, rtol=0, atol=1e-9)


@pytest.mark.parametrize("solver", ["compiled", "highs"])
def test_pairs_of_one_price_are_cut_alike(solver):
    """Three sellers behind one line, each selling to two buyers beyond it: 6 kW of 12 pass, half of every trade."""
    network = fastp2p.Network.load("cigre_lv")
    limit = np.full(network.n_branch, 1e6)
    seller, buyer = np.repeat([16, 17, 18], 2), np.tile([11, 12], 3)
    kwh = np.array([1.0, 0.5, 2.0, 1.0, 5.0, 2.5])
    flow = np.zeros((1, network.n_bus))
    np.add.at(flow[0], seller, kwh)
    np.subtract.at(flow[0], buyer, kwh)
    branch = int(np.argmax(np.abs(network.flow_kw(flow)[0])))
    limit[branch] = 6.0
    trades = fastp2p.Trades([0, 6], seller, buyer, kwh, np.full(6, 0.3), np.full(6, 0.1))
    answer = fastp2p.clear(
        replace(network, limit_kw=limit), trades, np.zeros((1, network.n_bus)), unserved="shed", solver=solver
    )
    np.testing.assert_allclose(answer.executed_kwh, 0.5 * kwh, rtol=0, atol=1e-9)


def test_books_of_whole_numbers_on_rings_are_proven():
    """Many rows are full at once and depend on one another, up to rounding, which may not stop the dual method."""
    network = network_of("mesh 25 3")
    seen = 0
    for seed in (542, 3006, 5222, 6802, 9598):
        rng = np.random.default_rng(seed)
        size = rng.integers(-5, 6, (20, network.n_bus)).astype(float)
        size[:, network.reference_bus] = 0.0
        bid, ask = rng.choice([0.2, 0.3, 0.25], network.n_bus), rng.choice([0.1, 0.2, 0.05], network.n_bus)
        limit = 0.5 * rng.integers(0, 7, network.n_branch)
        limit[rng.random(network.n_branch) < rng.uniform(0.0, 0.5)] = np.inf
        trades, deficit, left = matched(np.maximum(-size, 0.0), np.maximum(size, 0.0), bid, ask)
        for objective in ("volume", "welfare"):
            answer = fastp2p.clear(
                replace(network, limit_kw=limit), trades, -deficit, export_kw=left, objective=objective, unserved="shed"
            )
            assert answer.certified.all()
            assert "highs" not in answer.solver
            seen += (answer.solver == "compiled").sum()
    assert seen > 150


# ------------------------------------------------------------------------------------------------------ merged columns


@small
@check
@given(seed=seeds, n_books=st.integers(1, 4))
def test_merged_columns(seed, n_books):
    """Columns of a book with equal entries and criteria become one, in the order of the first; those without entries none."""
    rng = np.random.default_rng(seed)
    books = [rng.integers(-1, 2, (int(rng.integers(1, 3)), int(rng.integers(1, 12)))).astype(float) for _ in range(n_books)]
    parts = []
    for matrix in books:
        m, n = matrix.shape
        cost = np.vstack([rng.integers(1, 3, n), rng.integers(0, 2, n), rng.random(n)]).astype(float)
        parts.append(lps_of(matrix, rng.random(n), np.zeros(m), np.ones(m), cost))
    joined = {name: np.concatenate([getattr(p, name) for p in parts], axis=-1) for name in parts[0]._fields[3:]}
    ends = {name: np.cumsum([0, *(getattr(p, name)[1] for p in parts)]) for name in parts[0]._fields[:3]}
    lps = type(parts[0])(**ends, **joined)
    whole = np.empty(len(lps.most), np.int64)
    merge_books(lps, whole)
    first, total = 0, 0
    for b, (part, matrix) in enumerate(zip(parts, books, strict=True)):
        seen = {}
        for j in range(matrix.shape[1]):
            key = (*matrix[:, j], *part.cost[:2, j])
            if matrix[:, j].any():
                seen.setdefault(key, []).append(j)
                assert whole[first + j] == total + list(seen).index(key)
            else:
                assert whole[first + j] == -1
        lp = lp_of(lps, b)
        assert len(lp.most) == len(seen)
        for c, (key, members) in enumerate(seen.items()):
            column = np.zeros(matrix.shape[0])
            column[lp.entry_row[lp.start[c] : lp.start[c + 1]]] = lp.entry_value[lp.start[c] : lp.start[c + 1]]
            assert (*column, *lp.cost[:2, c]) == key
            assert lp.most[c] == pytest.approx(part.most[members].sum())
            assert lp.cost[2, c] == part.cost[2, members[0]]
        first, total = first + matrix.shape[1], total + len(seen)
    assert total == lps.column_offset[-1]


# ---------------------------------------------------------------------------------------------------- without a proof


def only_near(monkeypatch):
    """Let no answer be proven but one that begins near a point."""
    answer_books = solving.answer_books

    def doubtful(books, lps, basic, near, x, dual, verdict):
        answer_books(books, lps, basic, near, x, dual, verdict)
        if np.isnan(near).all():
            verdict[books] = 3

    monkeypatch.setattr(solving, "answer_books", doubtful)


def test_highs_says_where_the_answer_is(monkeypatch):
    network, trades, base, export = congested("cigre_lv", n_books=40)
    options = {"export_kw": export, "unserved": "shed"}
    good = fastp2p.clear(network, trades, base, **options)
    only_near(monkeypatch)
    answer = fastp2p.clear(network, trades, base, **options)
    proven = answer.solver == "highs"
    assert (proven & (answer.status == "cleared")).sum() > 5
    same = ~np.isin(trades.book, np.flatnonzero(answer.status == "failed"))  # one optimum: no quadratic programme to solve
    np.testing.assert_allclose(answer.executed_kwh[same], good.executed_kwh[same], rtol=0, atol=1e-9)


def test_without_any_answer_a_book_fails(monkeypatch):
    network, trades, base, export = congested("cigre_lv", n_books=10)
    good = fastp2p.clear(network, trades, base, export_kw=export, solver="compiled")
    only_near(monkeypatch)
    monkeypatch.setattr(solving, "find_near", lambda lp: None)
    answer = fastp2p.clear(network, trades, base, export_kw=export, solver="compiled")
    cut = good.solver != "none"
    assert set(answer.status[cut]) == {"failed"}
    assert (answer.executed_kwh[np.isin(trades.book, np.flatnonzero(cut))] == 0.0).all()
