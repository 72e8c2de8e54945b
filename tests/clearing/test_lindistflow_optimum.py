"""clear with the rows of lindistflow: random feeders beside dense programmes."""

import math

import numpy as np
import pytest
from hypothesis import given, settings

import fastp2p
from tests.oracles import lindistflow as oracle

TIGHT_KW = 1e-6


def clear_case(case, **more):
    network, trades, base, base_kvar, pv, load, options = case
    reactive = fastp2p.Reactive(base_kvar, pv, load)
    return fastp2p.clear(network, trades, base, reactive=reactive, physics="lindistflow", **options, **more)


def problems_of(case):
    network, trades, base, base_kvar, pv, load, options = case
    rules = {name: options[name] for name in ("objective", "unserved", "v_min_pu", "v_max_pu")}
    books = [oracle.one_book(trades, base, base_kvar, options["export_kw"], k) for k in range(len(base))]
    return [(book, oracle.problem(network, book, pv, load, **rules)) for book in books]


def assert_status(p, status, x):
    above, below = oracle.room_kw(p, p.most)
    room = min(above.min(initial=math.inf), below.min(initial=math.inf))
    if p.broken_by > TIGHT_KW:
        assert status == "base_overload"
    elif room < -TIGHT_KW:
        assert status == "cleared" or p.broken_by > -1e-9
    elif room > TIGHT_KW and p.broken_by < -TIGHT_KW:
        assert status == "free"
    if status == "free":
        assert np.array_equal(x, p.most)


def assert_binding(p, x, branch, bus):
    """One row is named for a trade that is cut, none for others, and it is at a limit that the trade would break."""
    above, below = oracle.room_kw(p, x)
    for i in range(p.n_trades):
        cut = p.most[i] - x[i]
        assert branch[i] < 0 or bus[i] < 0
        if p.most[i] > 0 and cut < 1e-10 * p.most[i]:
            assert branch[i] == bus[i] == -1
        elif cut > 1e-5 and p.weight[i] > 1e-5:
            named = ("branch", branch[i]) if branch[i] >= 0 else ("bus", bus[i])
            rows = [row for row, owner in enumerate(p.owner) if owner == named]
            assert rows, f"trade {i} is cut and names {named}"
            assert any(
                (above[row] < 1e-5 and p.columns[row, i] > 0) or (below[row] < 1e-5 and p.columns[row, i] < 0) for row in rows
            )


def assert_is_the_optimum(case):
    network, trades, _, _, pv, load, options = case
    answers = {solver: clear_case(case, solver=solver) for solver in ("auto", "compiled", "highs")}
    for answer in answers.values():
        np.testing.assert_allclose(answer.executed_kwh, answers["auto"].executed_kwh, rtol=0, atol=TIGHT_KW)
        np.testing.assert_allclose(answer.exported_kw, answers["auto"].exported_kw, rtol=0, atol=TIGHT_KW)
    answer = answers["auto"]
    for k, (book, p) in enumerate(problems_of(case)):
        ours = slice(trades.offset[k], trades.offset[k + 1])
        x = np.concatenate([answer.executed_kwh[ours], answer.exported_kw[k, p.sources]])
        assert ((x >= 0) & (x <= p.most)).all()
        assert min(side.min(initial=0.0) for side in oracle.room_kw(p, x)) > -TIGHT_KW
        most, most_exported = oracle.solve(p)
        assert p.weight @ x == pytest.approx(most, rel=1e-7, abs=1e-6)
        assert answer.exported_kw[k].sum() == pytest.approx(most_exported, rel=1e-6, abs=1e-5)
        assert_status(p, answer.status[k], x)
        assert_binding(p, x, answer.binding_branch[ours], answer.binding_bus[ours])
        state = oracle.executed_state(book, pv, load, options["unserved"], answer.executed_kwh[ours], answer.exported_kw[k])
        np.testing.assert_allclose([answer.injection_kw[k], answer.injection_kvar[k]], state, rtol=0, atol=1e-9)
        np.testing.assert_allclose(answer.flow_kw[k], oracle.branch_flows(network, state[0]), rtol=0, atol=1e-6)


@pytest.mark.slow
@settings(deadline=None, max_examples=60, derandomize=True)
@given(oracle.cases())
def test_random_feeders_are_cleared_to_the_optimum(case):
    assert_is_the_optimum(case)


@pytest.mark.small
@settings(deadline=None, max_examples=12, derandomize=True)
@given(oracle.cases(most_bus=4))
def test_small_feeders_are_cleared_to_the_optimum(case):
    assert_is_the_optimum(case)
