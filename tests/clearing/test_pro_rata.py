"""Pro rata where rows relieve each other: filling that does not come to an end in its steps, and what is executed then."""

import functools
import itertools
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pandapower
import pandapower.networks
import pytest

import fastp2p
import fastp2p.clearing.solve
from fastp2p.clearing.answer import HIGHS
from fastp2p.clearing.rows import rows_of_kw
from fastp2p.clearing.solve import curtail
from fastp2p.kernels.structs import Columns
from tests.oracles import books as oracle
from tests.oracles import filling as filling_oracle
from tests.support import strategies


@functools.cache
def unlimited_chain(n_lines):
    """Slack bus 0, then a line of buses."""
    net = pandapower.create_empty_network()
    buses = [pandapower.create_bus(net, 0.4) for _ in range(n_lines + 1)]
    pandapower.create_ext_grid(net, buses[0])
    for start, end in itertools.pairwise(buses):
        pandapower.create_line_from_parameters(net, start, end, 0.1, 0.3, 0.08, 0.0, 1.0)
    return fastp2p.Network.from_pandapower(net)


def chain(limit_kw):
    return replace(unlimited_chain(len(limit_kw)), limit_kw=np.asarray(limit_kw, dtype=float))


def trades_of(*rows):
    """One book of trades (seller, buyer, kWh)."""
    seller, buyer, kwh = (np.array(column) for column in zip(*rows, strict=True))
    price = np.full(len(rows), 0.2)
    return fastp2p.Trades(np.array([0, len(rows)]), seller, buyer, kwh.astype(float), price, price)


def fill(matrix, most, n_trades, below, above):
    """One book of dense rows, cut pro rata."""
    n = len(most)
    none, roots = np.zeros(n), np.full(n, -1)
    rows = rows_of_kw(np.asarray(below), np.asarray(above), roots, roots, none, np.zeros(n, np.int64), np.asarray(matrix))
    columns = Columns(
        offset=np.array([0, n]),
        plus=np.arange(n),
        minus=np.full(n, -1),
        most_kw=np.asarray(most),
        cost=np.zeros((3, n)),
        column_of=np.arange(n_trades),
        n_trade_columns=np.array([n_trades]),
    )
    return curtail(rows, np.array([0]), columns, np.zeros((1, len(below))), "pro_rata")


def random_rows(seed):
    """Trades, perhaps exports, and narrow rows that they push up and down: (matrix, most, n_trades, below, above)."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(2, 7)), int(rng.integers(1, 5))
    matrix = rng.integers(-1, 2, (m, n)) * (rng.uniform(0.3, 1.0, (m, n)) if seed % 2 else 1.0)
    most = rng.uniform(0.5, 5.0, n)
    narrow = rng.random(m) < 0.7
    below, above = (np.where(narrow, 10.0 ** rng.uniform(-4, -1, m), rng.uniform(0.5, 5.0, m)) for _ in range(2))
    below[rng.random(m) < 0.2] = 0.0  # a limit that the base has reached already
    return matrix, most, n if rng.random() < 0.7 else int(rng.integers(0, n)), -below, above


def test_a_narrow_line_between_sales_in_both_directions():
    """4 kW from bus 0 to bus 2 and 3 kW from bus 3 to bus 1 over a line of 10 W from bus 1 to bus 2.

    The net flow may be 0.01 kW. One waits, the other grows by 0.02 kW, and so on: 150 times until the smaller is executed in
    full, and the larger to 3.01 kW.
    """
    sales = trades_of((0, 2, 4.0), (3, 1, 3.0))
    answer = fastp2p.clear(chain([10.0, 0.01, 10.0]), sales, np.zeros((1, 4)), objective="pro_rata", unserved="shed")
    assert list(answer.status) == ["cleared"]
    assert list(answer.solver) == ["highs"]
    np.testing.assert_allclose(answer.executed_kwh, [3.01, 3.0], rtol=0, atol=1e-9)
    assert answer.binding_branch.tolist() == [1, -1]


def test_two_rows_that_relieve_each_other_for_ever_smaller_gains():
    """Rows -0.99 x + y <= 0.01 and x - 0.99 y <= 0.02: a step gains 0.98 of the one before, so there is no last one.

    The states tend to where both rows bind: x = (0.02 + 0.99 0.01) / (1 - 0.99²) = 1.50251..., y = 1.49748...
    """
    matrix = [[Fraction(-99, 100), Fraction(1)], [Fraction(1), Fraction(-99, 100)]]
    most, below, above = [4, 3], [-100, -100], [Fraction(1, 100), Fraction(2, 100)]
    apex = [Fraction(299, 199), Fraction(298, 199)]
    assert [sum(a * v for a, v in zip(line, apex, strict=True)) for line in matrix] == above
    gaps = []
    for steps in (100, 200, 300):
        state, ended = filling_oracle.fill_exactly(matrix, most, below, above, steps)
        assert not ended
        assert all(v < end for v, end in zip(state, apex, strict=True))
        gaps.append(float(apex[0] - state[0]))
    assert gaps[1] / gaps[0] == pytest.approx(gaps[2] / gaps[1], rel=1e-3)  # a geometric series
    answer = fill(np.array(matrix, float), [4.0, 3.0], 2, [-100.0, -100.0], [0.01, 0.02])
    assert not answer.failed.any()
    np.testing.assert_allclose(answer.share * [4.0, 3.0], np.array(apex, float), rtol=0, atol=1e-9)
    assert answer.binding_row.tolist() == [1, 0]


def test_the_smallest_share_is_as_large_as_it_can_be():
    """Sales a of 4 kW and b of 3 kW in both directions of a line of 1 W, and b and c (2 kW) over a line of 2.5 kW.

    With a share of t for a and c: b = 4 t - 0.001 at least, and b + c = 6 t - 0.001 = 2.5, so t = 2.501 / 6 and no more.
    """
    matrix, most = np.array([[1.0, -1.0, 0.0], [0.0, 1.0, 1.0]]), np.array([4.0, 3.0, 2.0])
    answer = fill(matrix, most, 3, [-0.001, -9.0], [0.001, 2.5])
    t = 2.501 / 6
    np.testing.assert_allclose(answer.share * most, [4 * t, 4 * t - 0.001, 2 * t], rtol=0, atol=1e-9)


def test_random_rows_end_feasible_full_and_fair():
    """No book fails, no row is broken, nobody could still grow alone; where filling had no end, shares are max-min fair."""
    without_end = 0
    for seed in range(160):
        matrix, most, n_trades, below, above = random_rows(seed)
        answer = fill(matrix, most, n_trades, below, above)
        x = answer.share * most
        assert not answer.failed.any(), seed
        value = matrix @ x
        assert (value <= above + 2e-9).all(), seed
        assert (value >= below - 2e-9).all(), seed
        trades = slice(0, n_trades)
        alone = filling_oracle.room_alone(matrix[:, trades], most[trades], below, above, x[trades])
        exported = matrix[:, trades] @ x[trades]
        exports = filling_oracle.room_alone(
            matrix[:, n_trades:], most[n_trades:], below - exported, above - exported, x[n_trades:]
        )
        assert (np.append(alone, exports) < 1e-7).all(), seed
        if answer.solver_code[0] == HIGHS and n_trades == len(most):
            without_end += 1
            assert not filling_oracle.fill_exactly(matrix, most, below, above, 60)[1], seed
            fair = filling_oracle.fair_shares(matrix, most, below, above)
            np.testing.assert_allclose(answer.share, fair, rtol=0, atol=1e-6, err_msg=str(seed))
    assert without_end > 20


def test_the_order_of_the_columns_does_not_matter():
    rng = np.random.default_rng(1)
    seen = 0
    for seed in range(80):
        matrix, most, _, below, above = random_rows(seed)
        answer = fill(matrix, most, len(most), below, above)
        order = rng.permutation(len(most))
        other = fill(matrix[:, order], most[order], len(most), below, above)
        if answer.solver_code[0] == HIGHS:
            seen += 1
            np.testing.assert_allclose(other.share, answer.share[order], rtol=0, atol=1e-8, err_msg=str(seed))
    assert seen > 10


def test_books_of_a_meshed_network_all_end():
    """case9, with all surplus exported whatever happens: one of these 150 books has no end in its steps."""
    network = fastp2p.Network.from_pandapower(pandapower.networks.case9())
    books = strategies.random_books([2, 5], network, 150)
    for book in books:
        book.base_kw, book.export_kw = book.base_kw + 3.0 * book.export_kw, 0.0 * book.export_kw
    limit = strategies.limits_that_bind(7, books, oracle.sensitivities(network), network.constant_kw, 1.0, "shed")
    trades, base, export = strategies.stacked(books)
    answer = fastp2p.clear(
        replace(network, limit_kw=0.2 * limit), fastp2p.Trades(**trades), base, export_kw=export, objective="pro_rata",
        unserved="shed",
    )  # fmt: skip
    assert "failed" not in answer.status
    assert (answer.solver == "highs").sum() == 1


def test_what_is_filled_is_kept_where_no_fair_shares_are_found(monkeypatch):
    """Should the solver not finish, the book is failed, and what filling has reached is executed."""
    monkeypatch.setattr(fastp2p.clearing.solve, "share_fairly", lambda *_: None)
    sales = trades_of((0, 2, 4.0), (3, 1, 3.0))
    answer = fastp2p.clear(chain([10.0, 0.01, 10.0]), sales, np.zeros((1, 4)), objective="pro_rata", unserved="shed")
    assert list(answer.status) == ["failed"]
    assert (answer.executed_kwh > 0.5).all()
    assert abs(answer.executed_kwh[0] - answer.executed_kwh[1]) <= 0.01 + 1e-9
    np.testing.assert_allclose(answer.flow_kw[0, 1], answer.executed_kwh[0] - answer.executed_kwh[1], rtol=0, atol=1e-9)
