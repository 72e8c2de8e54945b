"""Nested limits: which they are, and clearing by filling, without an LP."""

from dataclasses import replace

import numpy as np
import pandapower
import pandapower.networks
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.clearing.families import ac_families, dc_families
from fastp2p.clearing.nested import nest_of
from fastp2p.clearing.rows import ROW_TOLERANCE, rows_of_families, rows_of_kw
from fastp2p.grid.topology import grow_tree
from fastp2p.kernels.clearing.levels import Limits, Sellers, certify_filling
from fastp2p.kernels.clearing.nested import Filled, fill_nested_books
from tests.oracles.filling import fill_by_weight
from tests.support.strategies import congested

SIZES = st.sampled_from([0.5, 1.0, 1.0, 2.0, 3.0])
PRICES = st.sampled_from([0.1, 0.2, 0.3])


@st.composite
def nested_books(draw):
    """Rows of a tree, some with a second limit on a subtree, and one book of trades and exports."""
    n_bus = draw(st.integers(2, 8))
    ends = np.array([(draw(st.integers(0, bus - 1)), bus)[:: draw(st.sampled_from([1, -1]))] for bus in range(1, n_bus)])
    tree = grow_tree(n_bus, ends[:, 0].copy(), ends[:, 1].copy(), np.array([0]))
    below = [[bus for bus in range(n_bus) if top in path_up(tree.parent, bus)] for top in range(n_bus)]
    tops = draw(st.lists(st.integers(1, n_bus - 1), max_size=2))
    dense = np.array([np.isin(np.arange(n_bus), below[top]) * draw(st.sampled_from([1.0, -1.0])) for top in tops])
    limit = np.array(draw(st.lists(st.sampled_from([0.0, 1.0, 2.0, 3.0, 5.0, np.inf]), min_size=n_bus - 1 + len(tops),
                                   max_size=n_bus - 1 + len(tops))))  # fmt: skip
    rows = rows_of_kw(-limit, limit, tree.parent, tree.parent_branch, tree.parent_sign, tree.depth, dense.reshape(-1, n_bus))
    n = draw(st.integers(0, 8))
    lists = [draw(st.lists(element, min_size=n, max_size=n)) for element in (st.integers(0, n_bus - 1), SIZES, PRICES, PRICES)]
    seller, size, bid, ask = (np.array(values, dtype) for values, dtype in zip(lists, (np.int64, *3 * [float]), strict=True))
    trades = fastp2p.Trades(np.array([0, n]), seller, np.zeros(n, np.int64), size, np.maximum(bid, ask), np.minimum(bid, ask))
    export = np.array(draw(st.lists(st.sampled_from([0.0, 0.0, 1.0, 2.5]), min_size=n_bus, max_size=n_bus)))
    room_used = np.array(draw(st.lists(st.sampled_from([0.0, 0.0, 0.5, -0.5, 1.5]), min_size=len(limit), max_size=len(limit))))
    floor = np.where(np.isinf(limit), 0.0, room_used * np.where(np.isinf(limit), 0.0, limit))
    return rows, tree, tops, trades, export, floor


def path_up(parent, bus):
    path = []
    while bus != -1:
        path.append(bus)
        bus = parent[bus]
    return path


def fill(rows, trades, export, floor, objective):
    n_bus = len(rows.parent)
    filled = Filled(
        executed_kwh=np.full(trades.n_trades, np.nan), binding_row=np.full(trades.n_trades, -2),
        exported_kw=np.full((1, n_bus), np.nan), injected_kw=np.zeros((1, n_bus)),
        dual=np.zeros((1, len(floor))), cutting=np.zeros((1, len(floor)), bool), proven=np.zeros(1, bool),
        loading_percent=np.zeros(1), slack_kw=np.zeros(1),
    )  # fmt: skip
    nest = nest_of(rows, np.arange(n_bus), np.where(np.isfinite(rows.upper), 1.0, 0.0))
    assert nest is not None
    fill_nested_books(
        np.array([0]), trades.arrays, export[None], floor[None], np.zeros((1, n_bus)), nest, ROW_TOLERANCE,
        objective == "welfare", objective != "pro_rata", 1.0, filled,
    )  # fmt: skip
    return filled


@pytest.mark.small
@settings(deadline=None)
@given(nested_books(), st.sampled_from(["volume", "welfare", "pro_rata"]))
def test_filling_equals_filling_in_fractions(drawn, objective):
    rows, tree, tops, trades, export, floor = drawn
    filled = fill(rows, trades, export, floor, objective)
    exports = np.flatnonzero(export)
    bus = np.concatenate([trades.seller, exports])
    amount = np.concatenate([trades.quantity_kwh, export[exports]])
    worth = trades.bid_per_kwh - trades.ask_per_kwh if objective == "welfare" else np.ones(trades.n_trades)
    weight = [*np.where(worth > 1e-9, np.round(worth, 6), -1.0), *np.zeros(len(exports))]
    top_of_row = {int(tree.parent_branch[child]): child for child in range(1, len(tree.parent))}
    limits = [top_of_row[row] if row < len(top_of_row) else tops[row - len(top_of_row)] for row in range(len(floor))]
    sign = [tree.parent_sign[top] if row < len(top_of_row) else rows.dense_plus[top, row - len(top_of_row)]
            for row, top in enumerate(limits)]  # fmt: skip
    rise = [rows.upper[r] - floor[r] if sign[r] > 0 else floor[r] - rows.lower[r] for r in range(len(floor))]
    narrow = [r for r in range(len(floor)) if np.isfinite(rise[r])]
    behind = [{j for j, b in enumerate(bus) if limits[r] in path_up(tree.parent, b)} for r in narrow]
    share, stops = fill_by_weight(behind, [max(rise[r], 0.0) for r in narrow], amount, weight)

    assert filled.proven.all()
    executed = np.array([float(s) for s in share]) * amount
    np.testing.assert_allclose(filled.executed_kwh, executed[: trades.n_trades], atol=1e-12)
    np.testing.assert_allclose(filled.exported_kw[0, exports], executed[trades.n_trades :], atol=1e-12)
    np.testing.assert_allclose(filled.injected_kw[0], np.bincount(bus, executed, len(export)), atol=1e-12)
    np.testing.assert_allclose(filled.slack_kw, -executed.sum(), atol=1e-12)
    value = [floor[r] + sign[r] * sum(executed[j] for j in columns) for r, columns in zip(narrow, behind, strict=True)]
    np.testing.assert_allclose(filled.loading_percent, np.abs(value).max(initial=0.0), atol=1e-12)
    for i in range(trades.n_trades):
        tight = {narrow[r] for r in stops[i]}
        assert (filled.binding_row[i] == -1) == (share[i] == 1)
        if share[i] < 1:
            row = filled.binding_row[i]
            assert row in tight or np.abs(filled.dual[0, row]) > 1e-9
            assert filled.cutting[0, row]
    assert filled.cutting.any() == any(s < 1 for s in share)
    if objective == "pro_rata":
        assert not filled.dual.any()
        return
    assert (filled.dual[0] * sign >= 0.0).all()  # what the limits and the columns are worth is what is executed: duality
    price, value = np.abs(filled.dual[0]), np.concatenate([np.where(worth > 1e-9, worth, 0.0), np.zeros(len(exports))])
    cost = np.array([sum(price[r] for r, columns in zip(narrow, behind, strict=True) if j in columns) for j in range(len(bus))])
    dual_value = sum(price[r] * max(rise[r], 0.0) for r in narrow) + float(amount @ np.maximum(value - cost, 0.0))
    np.testing.assert_allclose(float(value @ executed), dual_value, atol=1e-9)


@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
@pytest.mark.parametrize("name", ["cigre_lv", "village_1"])
def test_filling_gives_what_an_lp_gives(name, objective):
    network, trades, base, export = congested(name)
    base = np.vstack([base, base * 2.0])  # some are over a limit before any trade
    twice = np.concatenate([trades.offset, trades.offset[1:] + trades.n_trades])
    trades = fastp2p.Trades(twice, *(np.tile(array, 2) for array in trades.arrays[1:]))
    options = {"export_kw": np.vstack([export, export]), "objective": objective}
    filled = fastp2p.clear(network, trades, base, **options)
    solved = fastp2p.clear(network, trades, base, **options, solver="compiled")
    assert (filled.status != "free").mean() > 0.9
    assert np.array_equal(filled.status, solved.status)
    assert set(filled.solver) == {"none"}
    assert filled.certified.all()
    np.testing.assert_allclose(filled.executed_kwh, solved.executed_kwh, atol=1e-9)
    np.testing.assert_allclose(filled.exported_kw, solved.exported_kw, atol=1e-9)
    np.testing.assert_allclose(filled.injection_kw, solved.injection_kw, atol=1e-9)
    np.testing.assert_allclose(filled.loading_percent, solved.loading_percent, rtol=1e-9)
    np.testing.assert_allclose(filled.slack_kw, solved.slack_kw, atol=1e-9)


def test_a_filling_without_proof_goes_to_an_lp(monkeypatch):
    network, trades, base, export = congested("cigre_lv")
    filled = fastp2p.clear(network, trades, base, export_kw=export)

    def doubtful(*arguments):
        fill_nested_books(*arguments)
        arguments[-1].proven[1::2] = False
        arguments[-1].executed_kwh[:] += 1.0

    monkeypatch.setattr("fastp2p.clearing.execution.fill_nested_books", doubtful)
    mixed = fastp2p.clear(network, trades, base, export_kw=export)
    second = mixed.congested_book[1::2]
    assert set(mixed.solver[second]) == {"compiled"}
    of_second = np.isin(trades.book, second)
    np.testing.assert_allclose(mixed.executed_kwh[of_second], filled.executed_kwh[of_second], atol=1e-9)
    np.testing.assert_allclose(mixed.shadow_price[second], filled.shadow_price[second], atol=1e-9)


SHARES = {
    "right": ([0.5, 0.5, 1.0], [0, 0, -1], True),
    "over the limit": ([0.6, 0.5, 1.0], [0, 0, -1], False),
    "more for one": ([0.6, 0.4, 1.0], [0, 0, -1], False),
    "less than there is room for": ([0.4, 0.4, 1.0], [0, 0, -1], False),
    "cut for no limit": ([0.5, 0.5, 0.9], [0, 0, -1], False),
    "cut for another's limit": ([0.5, 0.5, 0.9], [0, 0, 0], False),
    "no number": ([0.5, 0.5, np.nan], [0, 0, -1], False),
}


@pytest.mark.small
@pytest.mark.parametrize(("share", "cause", "is_right"), SHARES.values(), ids=SHARES)
def test_the_proof_sees_what_is_wrong(share, cause, is_right):
    """Three sellers of 2 kW, two of them behind a limit of 2 kW."""
    none = np.zeros(3, np.int64)
    sellers = Sellers(none, np.full(3, 2.0), np.array([0.0, 2.0, 4.0, 6.0]), np.array(share), np.array(cause), none)
    limits = Limits(none, np.array([0]), np.array([2]), np.array([2.0]), np.zeros(1), np.zeros(1, bool))
    assert certify_filling(3, 1, sellers, limits) == is_right


def by_hand():
    """External grid 0, a transformer of 100 kVA, a line to bus 2, and from there a line each to buses 3 and 4."""
    net = pandapower.create_empty_network()
    for kv in (20.0, 0.4, 0.4, 0.4, 0.4):
        pandapower.create_bus(net, kv)
    pandapower.create_ext_grid(net, 0)
    pandapower.create_transformer_from_parameters(net, 0, 1, 0.1, 20.0, 0.4, 1.0, 4.0, 0.0, 0.0)
    for start, end in ((1, 2), (3, 2), (2, 4)):
        pandapower.create_line_from_parameters(net, start, end, 0.1, 0.3, 0.08, 0.0, 0.1)
    return fastp2p.Network.from_pandapower(net)


def test_the_nest_of_a_small_network():
    network, bus = by_hand().with_limits(reverse_kw=7.0), np.array([1, 3, 4])
    nest = nest_of(rows_of_families(dc_families(network)), bus, np.zeros(network.n_branch + 1))
    in_order = bus[np.argsort(nest.place)]
    behind = [set(in_order[b:e].tolist()) for b, e in zip(nest.begin, nest.end, strict=True)]
    assert sorted(behind, key=len) == [{3}, {4}, {3, 4}, {1, 3, 4}, {1, 3, 4}]
    reverse = nest.row.tolist().index(network.n_branch)
    assert (behind[reverse], nest.bound[reverse]) == ({1, 3, 4}, 7.0)
    assert not any(later < earlier for i, earlier in enumerate(behind) for later in behind[i:])


def test_what_is_not_nested():
    network = by_hand()
    assert nest_of(rows_of_families(ac_families(network, (0.9, 1.1))), np.arange(network.n_bus), np.zeros(99)) is None
    rows = rows_of_families(dc_families(network))
    for entries in ([[0, 0.5, 0.5, 0.5, 0.5]], [[0, 0, 1, 0, 1]], [[0, 0, 1, 1, -1]]):
        odd = rows._replace(dense_plus=np.array(entries, float).T.copy())
        odd = odd._replace(dense_minus=odd.dense_plus, upper=np.append(rows.upper, 1.0), lower=np.append(rows.lower, -1.0))
        assert nest_of(odd, np.arange(network.n_bus), np.zeros(99)) is None


def test_reverse_power_is_filled_too():
    """Buses behind the transformer draw 8 kW on balance, so 20 kW may be fed in: the 15 kW sold, and 5 of 10 kW of exports."""
    network = by_hand().with_limits(reverse_kw=12.0)
    price = np.full(2, 0.2)
    trades = fastp2p.Trades(np.array([0, 2]), np.array([3, 4]), np.array([1, 1]), np.array([5.0, 10.0]), price, price)
    base, export = np.array([[0.0, 7.0, 0.0, 0.0, 0.0]]), np.array([[0.0, 0.0, 0.0, 8.0, 2.0]])
    answer = fastp2p.clear(network, trades, base, export_kw=export)
    assert answer.solver.tolist() == ["none"]
    np.testing.assert_allclose(answer.executed_kwh, [5.0, 10.0])
    np.testing.assert_allclose(answer.exported_kw, [[0.0, 0.0, 0.0, 8.0 * 0.5, 2.0 * 0.5]])
    assert answer.is_cut.all()


@pytest.mark.parametrize("change", ["meshed", "shed", "lindistflow"])
def test_where_limits_are_not_nested_lps_are_solved(change, monkeypatch):
    network, trades, base, export = congested("cigre_lv", n_books=10)
    options = {"unserved": "shed"} if change == "shed" else {"physics": "lindistflow"} if change == "lindistflow" else {}
    if change == "meshed":
        monkeypatch.setattr(fastp2p.Network, "is_radial", False)
        network = replace(network)
    answer = fastp2p.clear(network, trades, base, export_kw=export, **options)
    assert "compiled" in answer.solver
