"""The two ways to the rows of a radial network, and both attempts of the solver."""

from dataclasses import replace

import numpy as np
import pytest

import fastp2p
from fastp2p.clearing import columns
from fastp2p.clearing import solve as solving
from fastp2p.clearing.families import dc_families
from fastp2p.clearing.highs import check_lps, new_solver, solve_at_once, solve_in_turn
from fastp2p.clearing.rows import rows_of_families
from fastp2p.kernels.structs import LPs
from tests.support.strategies import congested


@pytest.mark.parametrize("unserved", ["retail", "shed"])
@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
@pytest.mark.parametrize("name", ["cigre_lv", "village_1"])
def test_tree_rows_and_dense_rows_agree(name, objective, unserved, monkeypatch):
    network, trades, base, export = congested(name)
    options = {"export_kw": export, "objective": objective, "unserved": unserved}
    by_tree = fastp2p.clear(network, trades, base, **options)
    monkeypatch.setattr(fastp2p.Network, "is_radial", False)
    by_rows = fastp2p.clear(replace(network), trades, base, **options)
    assert len(rows_of_families(dc_families(replace(network))).dense_plus.T) == network.n_branch
    assert (by_tree.status != "free").mean() > 0.9
    assert np.array_equal(by_tree.status, by_rows.status)
    np.testing.assert_allclose(by_rows.executed_kwh, by_tree.executed_kwh, atol=1e-6)
    np.testing.assert_allclose(by_rows.exported_kw, by_tree.exported_kw, atol=1e-6)
    np.testing.assert_allclose(by_rows.flow_kw, by_tree.flow_kw, atol=1e-6)
    if unserved == "retail":  # shed trades may leave rows in series binding together, and then the prices may be on either
        np.testing.assert_allclose(by_rows.shadow_price, by_tree.shadow_price, atol=1e-6)


@pytest.mark.parametrize("objective", ["volume", "welfare"])
def test_the_second_attempt_gives_the_same_answer(objective, monkeypatch):
    network, trades, base, export = congested("cigre_lv")
    first = fastp2p.clear(network, trades, base, export_kw=export, objective=objective)
    monkeypatch.setattr(solving, "solve_at_once", lambda solver, lps, books, *_: np.zeros(len(books), bool))
    second = fastp2p.clear(network, trades, base, export_kw=export, objective=objective, solver="highs")
    assert "failed" not in first.status
    assert "failed" not in second.status
    np.testing.assert_allclose(second.executed_kwh, first.executed_kwh, atol=1e-6)
    np.testing.assert_allclose(second.exported_kw, first.exported_kw, atol=1e-6)


def test_a_book_without_proof_fails_alone(monkeypatch):
    network, trades, base, export = congested("cigre_lv")
    good = fastp2p.clear(network, trades, base, export_kw=export, solver="compiled")
    answer_books = solving.answer_books

    def doubtful(books, *arguments):
        answer_books(books, *arguments)
        arguments[-1][0] = 3

    monkeypatch.setattr(solving, "answer_books", doubtful)
    answer = fastp2p.clear(network, trades, base, export_kw=export, solver="compiled")
    first = int(np.flatnonzero(good.status != "free")[0])
    assert np.flatnonzero(answer.status == "failed").tolist() == [first]
    assert (answer.executed_kwh[trades.book == first] == 0).all()
    assert (answer.exported_kw[first] == 0).all()
    assert np.array_equal(answer.executed_kwh[trades.book != first], good.executed_kwh[trades.book != first])


GOOD = {
    "column_offset": np.array([0, 2, 4]),
    "row_offset": np.array([0, 1, 2]),
    "entry_offset": np.array([0, 2, 3]),
    "start": np.array([0, 1, 2, 0, 1, 1], np.int32),
    "entry_row": np.zeros(3, np.int32),
    "entry_value": np.ones(3),
    "most": np.ones(4),
    "cost": np.ones((3, 4)),
    "room_below": np.full(2, -1.0),
    "room_above": np.full(2, 0.5),
}


def test_two_books_by_either_attempt():
    lps, solver = LPs(**GOOD), new_solver()
    check_lps(lps)
    basic, x = np.zeros(2, np.int32), np.zeros(4)
    assert solve_at_once(solver, lps, np.arange(2), basic, x).tolist() == [True, True]
    assert [x[:2].sum(), *x[2:]] == pytest.approx([0.5, 0.5, 1.0])
    for n in range(2):
        x[:] = 0.0
        assert solve_in_turn(solver, lps, n, basic, x)
        assert x.sum() == pytest.approx([0.5, 1.5][n])


@pytest.mark.parametrize("name", GOOD)
def test_arrays_of_an_lp_must_fit(name):
    with pytest.raises(fastp2p.SolverError, match="do not fit"):
        check_lps(LPs(**{**GOOD, name: GOOD[name][..., :-1]}))


def test_entries_of_an_lp_must_name_its_rows():
    with pytest.raises(fastp2p.SolverError, match="do not fit"):
        check_lps(LPs(**{**GOOD, "entry_row": np.array([0, 1, 0], np.int32)}))


def test_coefficients_must_be_finite(monkeypatch):
    network, trades, base, export = congested("cigre_lv")
    monkeypatch.setattr(columns, "_rank_weights", lambda n: np.full(n, np.nan))
    with pytest.raises(fastp2p.SolverError, match="not finite"):
        fastp2p.clear(network, trades, base, export_kw=export, solver="compiled")
