"""What clearing executes: of the greatest objective, then exports, the answer closest to pro rata, as general solvers say."""

import functools
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

import fastp2p
from tests.oracles import lindistflow
from tests.oracles.closest import (
    by_least_distance,
    by_quadratic_programme,
    closest,
    dc_rows,
    full_book_fits,
    polished,
    problem,
)  # fmt: skip
from tests.support import numbering

QUICK = ["cigre_lv", "feeder 14 1", "mesh 14 2"]
RADIAL = [
    "cigre_lv", "village_1", "village_2", "create_kerber_landnetz_kabel_1", "create_kerber_landnetz_freileitung_2",
    "create_kerber_dorfnetz", "four_loads_with_branches_out", "feeder 14 1", "feeder 30 5",
]  # fmt: skip
MESHED = ["cigre_lv ring", "mesh 14 2", "mesh 25 3", "case30"]
CASES = list(itertools.product(["volume", "welfare"], ["retail", "shed"], ["curtailable", "export", "spill"]))

# ------------------------------------------------------------------------------------------------------------------ by hand


def hand(columns, upper, most, weight=None, exports=0, lower=None):
    columns, most = np.array(columns, float), np.array(most, float)
    n = len(most) - exports
    return closest(
        SimpleNamespace(
            columns=columns,
            base=np.zeros(len(columns)),
            upper=np.array(upper, float),
            lower=np.full(len(columns), -np.inf) if lower is None else np.array(lower, float),
            most=most,
            weight=np.concatenate([np.ones(n) if weight is None else np.array(weight, float), np.zeros(exports)]),
            n_trades=n,
            sources=np.arange(exports),
        )
    )


def test_the_oracle_shares_one_row_by_size():
    np.testing.assert_allclose(hand([[1, 1]], [3], [2, 4]).y, [1, 2], atol=1e-12)


def test_the_oracle_serves_the_dearer_trades_first():
    np.testing.assert_allclose(hand([[1, 1, 1]], [5], [2, 4, 2], [2, 1, 2]).y, [2, 1, 2], atol=1e-12)


def test_the_oracle_lets_trades_before_exports():
    answer = hand([[1, 1, 1, 1]], [7], [2, 4, 2, 1], exports=2)
    np.testing.assert_allclose(answer.y, [2, 4, 2 / 3, 1 / 3], atol=1e-12)
    assert (answer.objective, answer.exported) == pytest.approx((6, 1))


def test_the_oracle_shares_what_an_inner_row_leaves():
    """The first of three equal trades has a row of 1 kW of its own, all three one of 5 kW: the others share 4."""
    np.testing.assert_allclose(hand([[1, 0, 0], [1, 1, 1]], [1, 5], [3, 3, 3]).y, [1, 2, 2], atol=1e-12)


def test_the_oracle_weighs_columns_that_lean_on_a_row_unequally():
    """y1 + y2 = 3 is best and the row y1 - y2 <= 0.5 is no matter: halves. Then y1 - y2 <= -0.5 moves both by 0.25."""
    np.testing.assert_allclose(hand([[1, 1], [1, -1]], [3, 0.5], [2, 2]).y, [1.5, 1.5], atol=1e-12)
    np.testing.assert_allclose(hand([[1, 1], [1, -1]], [3, -0.5], [2, 2]).y, [1.25, 1.75], atol=1e-12)


@pytest.mark.parametrize("seed", range(40))
def test_two_ways_to_the_shortest_vector_agree(seed):
    """HiGHS's QP, and least distance as non-negative least squares, lead to one answer; HiGHS's own is near it."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 14)), int(rng.integers(1, 7))
    rows = np.vstack([rng.integers(-1, 2, (m, n)) * rng.uniform(0.2, 1.0, (m, n)), np.eye(n), -np.eye(n)])
    inside = rng.uniform(0.0, 2.0, n)
    equal = np.arange(m + 2 * n) < rng.integers(0, 2)
    least = np.concatenate([rows[:m] @ inside - rng.uniform(0.0, 0.2, m) * ~equal[:m], np.zeros(n), np.full(n, -2.0)])
    guess = by_quadratic_programme(rows, least, equal)
    one, other = (polished(rows, least, equal, u) for u in (guess, by_least_distance(rows, least, equal)))
    np.testing.assert_allclose(one, other, rtol=0, atol=1e-9)
    np.testing.assert_allclose(guess, one, rtol=0, atol=1e-6)


# --------------------------------------------------------------------------------------------------------------- the books


@functools.cache
def lindistflow_rows(name):
    network = numbering.without_shunts(numbering.network_of(name))
    return network, lindistflow.limit_rows(network, 0.9, 1.1)


def dc_case(name, rng, n_books, surplus):
    network = numbering.network_of(name)
    trades, base, export = numbering.books(network, rng, n_books, surplus)
    network = numbering.narrow(network, trades, base, export, rng)
    return network, dc_rows(network), trades, base, export, {}


def lindistflow_case(name, rng, n_books, surplus):
    """Voltages of a band that binds; every third time, branch limits as well."""
    network, rows = lindistflow_rows(name)
    trades, base, export = numbering.books(network, rng, n_books, surplus)
    band = numbering.band(network, trades, base, export)
    if rng.random() < 0.34:
        network = numbering.narrow(network, trades, base, export, rng, share=0.2)
        rows = lindistflow.limit_rows(network, *band)
    options = {"physics": "lindistflow", "v_min_pu": band[0], "v_max_pu": band[1], "reactive": fastp2p.Reactive(0.0, -0.2, 0.3)}
    return network, numbering.with_band(rows, *band), trades, base, export, options


def check(name, physics, objective, unserved, surplus, n_books, seed):
    """(books that bind) after comparing all books of one case with the oracle."""
    rng = np.random.default_rng([seed, n_books, len(name), *map(len, (physics, objective, unserved, surplus))])
    make = dc_case if physics == "dc" else lindistflow_case
    network, rows, trades, base, export, options = make(name, rng, n_books, surplus)
    answer = fastp2p.clear(network, trades, base, export_kw=export, objective=objective, unserved=unserved, **options)
    reactive = (-0.2, 0.3) if physics == "lindistflow" else (0.0, 0.0)
    binding, size = 0, numbering.book_size(trades, export)
    for k in range(n_books):
        book = numbering.one_book(trades, base, export, k)
        p = problem(rows, book, objective, unserved, *reactive)
        executed = answer.executed_kwh[trades.offset[k] : trades.offset[k + 1]]
        exported = answer.exported_kw[k][p.sources]
        if full_book_fits(p):
            np.testing.assert_allclose(np.concatenate([executed, exported]), p.most, rtol=0, atol=1e-9 * size[k])
            continue
        binding += 1
        expected = closest(p)
        weight = p.weight[: p.n_trades]
        assert weight @ executed == pytest.approx(expected.objective, rel=1e-7, abs=1e-9 * size[k]), k
        assert exported.sum() == pytest.approx(expected.exported, rel=1e-7, abs=1e-7 * size[k]), k
        np.testing.assert_allclose(executed, expected.y[: p.n_trades], rtol=0, atol=1e-6 * size[k], err_msg=f"book {k}")
        np.testing.assert_allclose(exported, expected.y[p.n_trades :], rtol=0, atol=1e-6 * size[k], err_msg=f"book {k}")
    return binding


QUICK_CASES = [
    (name, "dc", *case) for i, name in enumerate(QUICK) for j, case in enumerate(CASES) if (i + j) % 3 == 0
] + [("feeder 14 1", "lindistflow", *case) for case in CASES[::2]] + [("cigre_lv", "lindistflow", *CASES[7])]  # fmt: skip


@pytest.mark.parametrize(("name", "physics", "objective", "unserved", "surplus"), QUICK_CASES)
def test_what_is_executed_is_closest_to_pro_rata(name, physics, objective, unserved, surplus):
    assert check(name, physics, objective, unserved, surplus, n_books=16, seed=1) >= 4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "physics"),
    [(name, "dc") for name in RADIAL + MESHED] + [(name, "lindistflow") for name in RADIAL],
)
def test_500_books_are_executed_closest_to_pro_rata(name, physics):
    """84 books of each objective, unserved and surplus, of which about 500 bind."""
    binding = sum(check(name, physics, *case, n_books=84, seed=2) for case in CASES)
    assert binding >= 400


def test_sellers_that_the_network_cannot_tell_apart_share_by_size():
    """Two sellers behind one line of 3 kW have 2 and 4 kWh: they sell 1 and 2, in whatever order they are named."""
    net = numbering.feeder(2, 0)
    grid, junction = (int(b) for b in [net.ext_grid.bus[0], 1 - net.ext_grid.bus[0]])
    for bus in (2, 3):
        numbering.pp.create_bus(net, 0.4, index=bus)
        numbering.line(net, junction, bus)
    network = replace(fastp2p.Network.from_pandapower(net), limit_kw=np.array([3.0, np.inf, np.inf]))
    for first, last in ((2, 3), (3, 2)):
        trades = lindistflow.trades_of((first, grid, 2.0, 0.2, 0.1), (last, grid, 4.0, 0.2, 0.1))
        answer = fastp2p.clear(network, trades, np.zeros((1, 4)))
        np.testing.assert_allclose(answer.executed_kwh, [1.0, 2.0], rtol=0, atol=1e-9)
