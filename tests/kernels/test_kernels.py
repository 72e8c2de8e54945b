"""Each kernel against plain Python written from the design."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from fastp2p.clearing.rows import FACE_KW
from fastp2p.grid.topology import factorise, grow_tree
from fastp2p.kernels.clearing.answer import answer_books
from fastp2p.kernels.clearing.certificate import explain_books
from fastp2p.kernels.clearing.columns import collect_columns
from fastp2p.kernels.clearing.execution import inject_trades
from fastp2p.kernels.clearing.limits import Bounds, BranchFacts, Screen, screen_meshed, screen_tree
from fastp2p.kernels.clearing.progressive import fill_book
from fastp2p.kernels.clearing.solve import assemble_books
from fastp2p.kernels.clearing.waits import find_waits
from fastp2p.kernels.grid.flows import meshed_flows, tree_flows
from fastp2p.kernels.grid.structs import Spread
from fastp2p.kernels.market.orders import gather_profiles, split_orders
from fastp2p.kernels.structs import Columns, LPs, OwnRows, Rows, TradeArrays
from fastp2p.market.orders import leave_over, make_orders
from fastp2p.market.trades import Trades
from tests.oracles import books as oracle
from tests.support.lps import lp_of, lps_of

pytestmark = pytest.mark.small
check = settings(deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


def random_graph(rng, n_bus, n_extra):
    """A tree with branches in either direction, some extra branches, and one or two external grids."""
    ends = [(int(rng.integers(0, i)), i) for i in range(1, n_bus)]
    ends += [tuple(rng.choice(n_bus, 2, replace=False)) for _ in range(n_extra if n_bus > 1 else 0)]
    ends = np.array(ends, np.int64).reshape(-1, 2)
    flipped = rng.random(len(ends)) < 0.5
    ends[flipped] = ends[flipped][:, ::-1]
    return ends[:, 0].copy(), ends[:, 1].copy(), rng.uniform(0.5, 20.0, len(ends))


def dense_flows(n_bus, from_bus, to_bus, susceptance, reference, injection, constant):
    """B' theta = p by numpy, bus by bus."""
    matrix = np.zeros((n_bus, n_bus))
    for f, t, b in zip(from_bus, to_bus, susceptance, strict=True):
        matrix[f, f] += b
        matrix[t, t] += b
        matrix[f, t] -= b
        matrix[t, f] -= b
    free = np.setdiff1d(np.arange(n_bus), reference)
    theta = np.zeros((len(injection), n_bus))
    theta[:, free] = np.linalg.solve(matrix[np.ix_(free, free)], injection[:, free].T).T
    return susceptance * (theta[:, from_bus] - theta[:, to_bus]) + constant


def random_columns(rng, n_bus, n_books):
    """Some buses, a book's injections at these, and the same at every bus."""
    bus = np.sort(rng.choice(n_bus, int(rng.integers(0, n_bus + 1)), replace=False))
    injection = rng.normal(size=(n_books, len(bus)))
    everywhere = np.zeros((n_books, n_bus))
    everywhere[:, bus] = injection
    return bus, injection, everywhere


def spread(constant):
    """Every branch its own chain, and one that is in none and carries 7 kW; and no flow of chains without injections."""
    n = len(constant)
    return Spread(np.append(np.arange(n), -1), np.append(np.ones(n), 0.0), np.append(constant, 7.0)), np.zeros(n)


@check
@given(seed=seeds, n_bus=st.integers(1, 12), n_books=st.integers(0, 7))
def test_tree_flows(seed, n_bus, n_books):
    rng = np.random.default_rng(seed)
    from_bus, to_bus, susceptance = random_graph(rng, n_bus, 0)
    reference = np.array([rng.integers(n_bus)])
    constant = rng.normal(size=n_bus - 1)
    bus, injection, everywhere = random_columns(rng, n_bus, n_books)
    tree = grow_tree(n_bus, from_bus, to_bus, reference)
    flow = np.full((n_books, n_bus), np.nan)
    tree_flows(injection, bus, tree, *spread(constant), np.empty((n_bus, 3)), np.zeros((n_bus, 3)), flow)
    dead, flow = flow[:, -1], flow[:, :-1]
    expected = dense_flows(n_bus, from_bus, to_bus, susceptance, reference, everywhere, constant)
    np.testing.assert_allclose(flow, expected, atol=1e-9)
    assert (dead == 7.0).all()


@check
@given(seed=seeds, n_bus=st.integers(2, 12), n_extra=st.integers(0, 8), n_books=st.integers(0, 7))
def test_meshed_flows(seed, n_bus, n_extra, n_books):
    rng = np.random.default_rng(seed)
    from_bus, to_bus, susceptance = random_graph(rng, n_bus, n_extra)
    reference = rng.choice(n_bus, min(n_bus - 1, int(rng.integers(1, 3))), replace=False)
    constant = rng.normal(size=len(from_bus))
    bus, injection, everywhere = random_columns(rng, n_bus, n_books)
    factors = factorise(n_bus, from_bus, to_bus, susceptance, reference)
    flow = np.full((n_books, len(from_bus) + 1), np.nan)
    scratch, block = np.full((n_bus - len(reference) + 1, 3), np.nan), np.zeros((len(from_bus) + 1, 3))
    meshed_flows(injection, factors.position[bus], factors, *spread(constant), scratch, block, flow)
    dead, flow = flow[:, -1], flow[:, :-1]
    expected = dense_flows(n_bus, from_bus, to_bus, susceptance, reference, everywhere, constant)
    np.testing.assert_allclose(flow, expected, atol=1e-9)
    assert (dead == 7.0).all()


@check
@given(seed=seeds, n_bus=st.integers(2, 9), n_extra=st.sampled_from([0, 3]), n_books=st.integers(0, 9))
def test_screen(seed, n_bus, n_extra, n_books):
    """Small whole numbers, so that limits are met exactly; on trees by subtree sums, else by factors."""
    rng = np.random.default_rng(seed)
    from_bus, to_bus, susceptance = random_graph(rng, n_bus, n_extra)
    reference, n_branch = np.array([rng.integers(n_bus)]), len(from_bus)
    bus = np.sort(rng.choice(n_bus, int(rng.integers(1, n_bus + 1)), replace=False))
    floor, full = rng.integers(-3, 4, (2, n_books, len(bus))).astype(float)
    constant, upper = rng.integers(0, 2, n_branch).astype(float), rng.choice([0.0, 2.0, 5.0, np.inf], n_branch)
    lower, percent = -upper - 1.0, rng.choice([0.0, 0.5, 2.0], n_branch)
    root_sign = np.isin(from_bus, reference).astype(float) - np.isin(to_bus, reference)
    values = []
    for injection in (floor, full):
        everywhere = np.zeros((n_books, n_bus))
        everywhere[:, bus] = injection
        values.append(np.round(dense_flows(n_bus, from_bus, to_bus, susceptance, reference, everywhere, constant), 9))
    found = Screen(np.full(n_books, -1), np.full(n_books, -1), np.full(n_books, np.nan), np.full(n_books, np.nan))
    facts, block, none = BranchFacts(constant, percent, root_sign), np.empty((2, n_branch, 4)), np.empty(0)
    how = (facts, Bounds(lower, upper, none, none, none), 1e-7, np.empty((n_bus, 4)), *block, found)
    if n_extra:
        factors = factorise(n_bus, from_bus, to_bus, susceptance, reference)
        screen_meshed(floor, full, factors.position[bus], factors, *how)
    else:
        screen_tree(floor, full, bus, grow_tree(n_bus, from_bus, to_bus, reference), *how)
    for k in range(n_books):
        before, after = values[0][k].tolist(), values[1][k].tolist()
        expected = oracle.screen(before, after, lower.tolist(), upper.tolist(), 1e-7)
        assert (found[0][k], found[1][k]) == expected
        assert found[2][k] == pytest.approx(max(abs(f) * p for f, p in zip(after, percent, strict=True)), abs=1e-6)
        assert found[3][k] == pytest.approx(sum(f * s for f, s in zip(after, root_sign, strict=True)), abs=1e-6)


@check
@given(seed=seeds)
def test_gather_profiles(seed):
    rng = np.random.default_rng(seed)
    profiles, scale = rng.random((3, 5)), rng.random((2, 4))
    profile_of = rng.integers(-1, 3, (2, 4))
    energy = np.empty((2, 5, 4))
    gather_profiles(profiles, profile_of, scale, energy)
    for s, t, b in np.ndindex(energy.shape):
        assert energy[s, t, b] == (0.0 if profile_of[s, b] == -1 else profiles[profile_of[s, b], t] * scale[s, b])


@check
@given(seed=seeds, gross=st.booleans())
def test_split_orders(seed, gross):
    rng = np.random.default_rng(seed)
    load, pv = np.round(rng.random((2, 3, 6)) * rng.integers(0, 2, (2, 3, 6)), 2)
    orders = make_orders(load, pv, orders="gross" if gross else "net", min_order_kwh=0.05)
    own, bid, ask = (np.empty((3, 6)) for _ in range(3))
    split_orders(load, pv, gross, 0.05, own, bid, ask)
    assert np.array_equal(orders.bid_kwh, bid)
    for k in range(3):
        expected = oracle.orders(pv[k], load[k], kind="gross" if gross else "net")
        bids, asks = (np.where(np.array(side) >= 0.05, side, 0.0) for side in expected[:2])
        np.testing.assert_allclose(bid[k], bids, atol=1e-15)
        np.testing.assert_allclose(ask[k], asks, atol=1e-15)
        np.testing.assert_allclose(own[k], 0.0 if gross else np.minimum(load[k], pv[k]))


def random_trades(rng, n_books, n_bus):
    """Trades that take no more than random loads and PV: (trades, load_kwh, pv_kwh)."""
    load, pv = rng.random((n_books, n_bus)), rng.random((n_books, n_bus))
    rows = []
    for k in range(n_books):
        for _ in range(int(rng.integers(0, 5))):
            rows.append((k, *rng.integers(0, n_bus, 2), rng.random() * 0.2))
    table = np.array(rows, float).reshape(-1, 4)
    offset = np.searchsorted(table[:, 0], np.arange(n_books + 1))
    seller, buyer = table[:, 1].astype(np.int64), table[:, 2].astype(np.int64)
    price = np.full(len(table), 0.1)
    return Trades(offset, seller, buyer, table[:, 3].copy(), price, price), load, pv


@check
@given(seed=seeds)
def test_leftovers(seed):
    rng = np.random.default_rng(seed)
    trades, load, pv = random_trades(rng, 4, 5)
    left = leave_over(load, pv, trades)
    for k in range(4):
        ours = slice(trades.offset[k], trades.offset[k + 1])
        for b in range(5):
            deficit = load[k, b] - trades.quantity_kwh[ours][trades.buyer[ours] == b].sum()
            surplus = pv[k, b] - trades.quantity_kwh[ours][trades.seller[ours] == b].sum()
            own = min(max(deficit, 0.0), max(surplus, 0.0))
            assert left.self_kwh[k, b] == pytest.approx(own, abs=1e-12)
            assert left.deficit_kwh[k, b] == pytest.approx(max(deficit, 0.0) - own, abs=1e-12)
            assert left.surplus_kwh[k, b] == pytest.approx(max(surplus, 0.0) - own, abs=1e-12)


@check
@given(seed=seeds, retail=st.booleans())
def test_inject_trades(seed, retail):
    rng = np.random.default_rng(seed)
    trades, *_ = random_trades(rng, 3, 4)
    base, export = rng.normal(size=(3, 4)), rng.random((3, 4))
    floor, full = np.empty((3, 4)), np.empty((3, 4))
    inject_trades(base, export, trades.arrays, 0.5, retail, floor, full)
    low, high = base.copy(), base + export
    for i, k in enumerate(trades.book):
        kw = trades.quantity_kwh[i] / 0.5
        high[k, trades.seller[i]] += kw
        high[k, trades.buyer[i]] -= kw
        low[k, trades.buyer[i]] -= kw * retail
    np.testing.assert_allclose(floor, low, atol=1e-12)
    np.testing.assert_allclose(full, high, atol=1e-12)


@pytest.mark.parametrize(
    ("before", "after", "overload", "congested"),
    [(0, 1, 0, 0), (0, 2.1, 0, 1), (2.5, 2.4, 1, 0), (2.5, 2.6, 1, 1), (-3.5, -3.5, 1, 0), (-3.5, -3.6, 1, 1)],
)  # fmt: skip
def test_screen_by_hand(before, after, overload, congested):
    """One branch with limits -3 and 2: a base beyond one takes its place, and congests only if trades add to it."""
    tree = grow_tree(2, np.array([1]), np.array([0]), np.array([0]))
    found, none = Screen.empty(1), np.empty(0)
    screen_tree(
        np.array([[before]]) * 1.0, np.array([[after]]) * 1.0, np.array([1]), tree,
        BranchFacts(np.zeros(1), np.array([50.0]), np.array([-1.0])),
        Bounds(np.array([-3.0]), np.array([2.0]), none, none, none), 1e-9, np.empty((2, 2)), *np.empty((2, 1, 2)), found,
    )  # fmt: skip
    assert (found[0][0], found[1][0]) == (overload, congested)
    assert oracle.screen([before], [after], [-3.0], [2.0], 1e-9) == (overload, congested)
    assert (found[2][0], found[3][0]) == (abs(after) * 50.0, -after)


def assembled(rng, retail, as_tree):
    """A random book on a random tree: what `collect_columns` and `assemble_books` give, and the matrix it stands for."""
    n_bus = int(rng.integers(2, 9))
    from_bus, to_bus, susceptance = random_graph(rng, n_bus, 0)
    tree = grow_tree(n_bus, from_bus, to_bus, np.array([0]))
    matrix = dense_flows(n_bus, from_bus, to_bus, susceptance, [0], np.eye(n_bus), 0.0).T
    matrix[np.abs(matrix) < 1e-9] = 0.0
    n_trades = int(rng.integers(1, 7))
    seller, buyer = rng.integers(0, n_bus, n_trades), rng.integers(0, n_bus, n_trades)
    kw, export = rng.random(n_trades), rng.random((1, n_bus)) * rng.integers(0, 2, (1, n_bus))
    room = n_trades + n_bus
    bid = -np.arange(n_trades, dtype=float)  # one column each, in this order
    trades = TradeArrays(np.array([0, n_trades]), seller, buyer, kw, bid, bid)
    columns = Columns(
        offset=np.zeros(2, np.int64),
        plus=np.empty(room, np.int64),
        minus=np.empty(room, np.int64),
        most_kw=np.empty(room),
        cost=np.zeros((3, room)),
        column_of=np.empty(n_trades, np.int64),
        n_trade_columns=np.empty(1, np.int64),
    )
    books = np.zeros(1, np.int64)
    collect_columns(books, trades, export, False, retail, 1.0, np.ones(room), columns)
    n = columns.offset[1]
    expected = [matrix[:, s] - (0.0 if retail else matrix[:, d]) for s, d in zip(seller, buyer, strict=True)]
    expected += [matrix[:, b] for b in range(n_bus) if export[0, b] > 0]
    assert columns.n_trade_columns[0] == n_trades
    assert n == len(expected)
    np.testing.assert_allclose(columns.most_kw[:n], [*kw, *export[0][export[0] > 0]])
    floor, upper, no_rows, none = rng.normal(size=(1, n_bus - 1)), rng.random(n_bus - 1), np.empty((n_bus, 0)), np.zeros(n_bus)
    rows = Rows(
        lower=-upper,
        upper=upper,
        parent=tree.parent if as_tree else np.full(n_bus, -1),
        parent_row=tree.parent_branch if as_tree else np.full(n_bus, -1),
        parent_sign=tree.parent_sign if as_tree else none,
        depth=tree.depth if as_tree else np.zeros(n_bus, np.int64),
        face=FACE_KW,
        node=np.arange(n_bus)[:, None],
        weight=np.ones(n_bus),
        plus_kvar=none,
        minus_kvar=none,
        dense_plus=no_rows if as_tree else matrix.T.copy(),
        dense_minus=no_rows if as_tree else matrix.T.copy(),
        between=np.full((2, 0 if as_tree else len(matrix)), -1),
        share=np.zeros(0 if as_tree else len(matrix)),
    )
    row = np.empty(n_bus, np.int64)
    lps = LPs(
        column_offset=columns.offset,
        row_offset=np.zeros(2, np.int64),
        entry_offset=np.zeros(2, np.int64),
        start=np.empty(n + 1, np.int32),
        entry_row=np.empty(n * 2 * n_bus, np.int32),
        entry_value=np.empty(n * 2 * n_bus),
        most=columns.most_kw[:n].copy(),
        cost=np.zeros((3, n)),
        room_below=np.empty(n_bus),
        room_above=np.empty(n_bus),
    )
    own = OwnRows(np.empty((1, 0, 2), np.int64), np.empty((1, 0)))
    assemble_books(books, columns, 0, floor, rows, own, 1e-9, lps, row)
    m = lps.row_offset[1]
    assert lps.entry_offset[1] == lps.start[n]
    found = np.zeros((m, n))
    for j in range(n):
        for e in range(lps.start[j], lps.start[j + 1]):
            found[lps.entry_row[e], j] += lps.entry_value[e]
    return found, row[:m], lps.room_below[:m], lps.room_above[:m], np.array(expected).T, floor[0], upper, lps.most


@check
@given(seed=seeds, retail=st.booleans(), as_tree=st.booleans())
def test_assembled_books(seed, retail, as_tree):
    found, row, below, above, expected, floor, upper, most = assembled(np.random.default_rng(seed), retail, as_tree)
    np.testing.assert_allclose(found, expected[row], atol=1e-9)
    rise, fall = np.maximum(expected, 0) @ most, np.minimum(expected, 0) @ most
    high, low = np.maximum(upper, floor), np.minimum(-upper, floor)
    too_high, too_low = floor + rise - high, low - floor - fall
    assert set(np.flatnonzero((too_high > 1e-8) | (too_low > 1e-8))) <= set(row)
    for room, limit, excess in ((above, high - floor, too_high), (-below, floor - low, too_low)):
        is_bounded = np.isfinite(room)
        np.testing.assert_allclose(room[is_bounded], limit[row][is_bounded], atol=1e-12)
        assert is_bounded[excess[row] > 1e-8].all()
        assert not is_bounded[excess[row] < 0.0].any()  # a side that nothing can break


def all_bases(n, m):
    from itertools import combinations

    for chosen in combinations(range(n + m), m):
        yield np.array([v if v < n else -(v - n + 1) for v in chosen], np.int32)


@pytest.mark.slow
@settings(deadline=None, max_examples=40, derandomize=True)
@given(seed=seeds)
def test_certify_accepts_the_optimum_and_nothing_else(seed):
    """Every basis of a tiny LP, with every choice of bounds: what is proven has the objective that linprog finds."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 4)), int(rng.integers(1, 3))
    matrix = rng.integers(-1, 2, (m, n)).astype(float)
    most, above, below = rng.random(n) + 0.1, rng.random(m), -rng.random(m)
    cost = np.vstack([rng.integers(1, 3, n), np.zeros(n), rng.random(n)]).astype(float)
    rows = np.vstack([matrix, -matrix])
    best = -linprog(-cost[0], A_ub=rows, b_ub=np.concatenate([above, -below]), bounds=[(0, q) for q in most]).fun
    answers, lps = [], lps_of(matrix, most, below, above, cost)
    for basic in all_bases(n, m):
        for bits in range(2**n):
            x = np.where([(bits >> j) & 1 for j in range(n)], most, 0.0)
            dual, verdict = np.empty(m), np.zeros(1, np.int64)
            answer_books(np.zeros(1, np.int64), lps, basic, np.full(n, np.nan), x, dual, verdict)
            if verdict[0] == 0:
                assert cost[0] @ x == pytest.approx(best, rel=1e-9)
                assert (matrix @ x <= above + 1e-9).all()
                assert (matrix @ x >= below - 1e-9).all()
                reduced = cost[0] - dual @ matrix
                bound = np.where(dual > 0, above, below) @ dual + np.maximum(reduced, 0) @ most
                assert bound == pytest.approx(best, rel=1e-9)
                answers.append(x)
    assert answers
    np.testing.assert_allclose(answers, np.broadcast_to(answers[0], (len(answers), n)), atol=1e-7)


@check
@given(seed=seeds)
def test_explain_books(seed):
    rng = np.random.default_rng(seed)
    matrix, dual = rng.integers(-2, 3, (4, 5)).astype(float), np.round(rng.normal(size=4) * rng.integers(0, 2, 4), 3)
    found, shadow, row, scale = np.empty(5, np.int64), np.zeros((1, 6)), np.array([0, 2, 3, 5]), np.array([1.0, 2.0, 1.0, 0.5])
    explain_books(lps_of(matrix, np.ones(5), -np.ones(4), np.ones(4)), dual, row, scale, found, shadow)
    assert shadow[0].tolist() == [dual[0], 0.0, 2.0 * dual[1], dual[2], 0.0, 0.5 * dual[3]]
    for j in range(5):
        sizes = np.abs(matrix[:, j] * dual)
        assert (found[j] == -1) if sizes.max() == 0 else (sizes[np.searchsorted(row, found[j])] == sizes.max())


@check
@given(seed=seeds)
def test_fill_book(seed):
    """Where every column pushes every row up, filling stops each column at its first full row."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 6)), int(rng.integers(1, 4))
    matrix, most, above = rng.integers(0, 2, (m, n)).astype(float), rng.random(n) + 0.1, rng.random(m)
    x, last = np.empty(n), np.empty(n, np.int64)
    assert fill_book(lp_of(lps_of(matrix, most, np.full(m, -np.inf), above)), n, 100, x, last) == n
    expected, _ = oracle.fill(np.zeros(m), matrix, most, np.full(m, -np.inf), above)
    np.testing.assert_allclose(x, expected, atol=1e-8)
    assert ((x > most - 1e-8) == (last == -1)).all()


@check
@given(seed=seeds)
def test_find_waits(seed):
    """Of whole numbers, so that rows are at their limits exactly: the first row that a column pushes and that is full."""
    rng = np.random.default_rng(seed)
    n, m = int(rng.integers(1, 6)), int(rng.integers(1, 5))
    n_trades = int(rng.integers(0, n + 1))
    matrix = rng.integers(-1, 2, (m, n)).astype(float)
    most, x = rng.integers(1, 4, n).astype(float), np.zeros(n)
    x[:] = np.minimum(rng.integers(0, 4, n), most)
    before, after = matrix[:, :n_trades] @ x[:n_trades], matrix @ x
    above, below = rng.integers(0, 3, m).astype(float), -rng.integers(0, 3, m).astype(float)
    waits = np.empty(n, np.int64)
    excess = find_waits(lp_of(lps_of(matrix, most, below, above)), n_trades, 1e-9, x, waits)
    assert excess == max(0.0, *(v for value in (before, after) for v in (*(value - above), *(below - value))))
    for j in range(n):
        value = before if j < n_trades else after
        full = ((matrix[:, j] > 0) & (value >= above)) | ((matrix[:, j] < 0) & (value <= below))
        assert waits[j] == (np.flatnonzero(full)[0] if full.any() and x[j] < most[j] else -1)
