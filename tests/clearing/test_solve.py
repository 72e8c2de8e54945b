"""Batches of random books: against dense linear programmes of one book each, and against progressive filling."""

import functools
import itertools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandapower
import pandapower.networks
import pytest

import fastp2p
from tests.oracles import books as oracle
from tests.support import strategies

N_BOOKS = 170
TIGHT_KW = 1e-6
NETWORKS = {
    "cigre_lv": pandapower.networks.create_cigre_network_lv,
    "case14": pandapower.networks.case14,
    "four_loads": pandapower.networks.four_loads_with_branches_out,
    "village_1": lambda: pandapower.networks.create_synthetic_voltage_control_lv_network("village_1"),
    "kerber_landnetz": pandapower.networks.create_kerber_landnetz_freileitung_1,
    "case33bw": pandapower.networks.case33bw,
    "cigre_mv": pandapower.networks.create_cigre_network_mv,
    "oberrhein": pandapower.networks.mv_oberrhein,
    "case9": pandapower.networks.case9,
    "case30": pandapower.networks.case30,
}
RADIAL = ["cigre_lv", "four_loads", "village_1", "kerber_landnetz", "case33bw", "cigre_mv"]
SHARES = [0.05, 0.5, 1.0]
OBJECTIVES = ["volume", "welfare", "pro_rata"]
LINEAR = OBJECTIVES[:2]


def of(names=tuple(NETWORKS), shares=SHARES, objectives=OBJECTIVES):
    """Each network with each share and objective; either way of `unserved` meets each share and each objective.

    The first tier has a meshed network and two radial ones, in which any two values of the four options meet.
    """
    cases = []
    for (i, name), (j, share), (k, objective) in itertools.product(*map(enumerate, (NETWORKS, SHARES, OBJECTIVES))):
        if name in names and share in shares and objective in objectives:
            unserved = "shed" if ((j - k) % 3 == 1) != (i > 5) else "retail"
            is_first = i < 3 and (i + j + k) % 3 == 0
            cases.append(pytest.param(name, share, unserved, objective, marks=[] if is_first else [pytest.mark.slow]))
    return pytest.mark.parametrize(("name", "share", "unserved", "objective"), cases)


@functools.cache
def network_of(name):
    network = fastp2p.Network.from_pandapower(NETWORKS[name]())
    return network, oracle.sensitivities(network)


@functools.cache
def books_of(name, share):
    return strategies.random_books([list(NETWORKS).index(name), int(100 * share)], network_of(name)[0], N_BOOKS)


@functools.cache
def limited(name, share, unserved):
    network, matrix = network_of(name)
    limit = strategies.limits_that_bind(7, books_of(name, share), matrix, network.constant_kw, share, unserved)
    return replace(network, limit_kw=limit)


def clear_books(network, books, **options):
    trades, base, export = strategies.stacked(books, options.get("step_hours", 1.0))
    return fastp2p.clear(network, fastp2p.Trades(**trades), base, export_kw=export, **options)


@functools.cache
def cleared(name, share, objective, unserved):
    """One batch: its network, books, dense problems, and the package's answer with offsets."""
    network, books = limited(name, share, unserved), books_of(name, share)
    matrix = network_of(name)[1]
    problems = [oracle.problem(matrix, network.constant_kw, network.limit_kw, b, objective, unserved) for b in books]
    answer = clear_books(network, books, objective=objective, unserved=unserved)
    offset = strategies.stacked(books)[0]["offset"]
    executed = [answer.executed_kwh[offset[k] : offset[k + 1]] for k in range(len(books))]
    binding = [answer.binding_branch[offset[k] : offset[k + 1]] for k in range(len(books))]
    return SimpleNamespace(
        network=network, matrix=matrix, books=books, problems=problems, answer=answer, executed=executed, binding=binding
    )


def flow_of(p, trades, exports):
    return p.base_flow + p.trade_columns @ trades + p.export_columns @ exports


# ------------------------------------------------------------------------------------------------------ against the oracle


@of(objectives=LINEAR)
def test_objective_and_exports_are_the_greatest(name, share, unserved, objective):
    batch = cleared(name, share, objective, unserved)
    assert sum(map(oracle.binds, batch.problems)) > 0.5 * share * N_BOOKS
    for k, p in enumerate(batch.problems):
        exported = batch.answer.exported_kw[k, p.sources]
        if not oracle.binds(p):
            np.testing.assert_allclose(batch.executed[k], p.trade_kw, rtol=0, atol=TIGHT_KW)
            np.testing.assert_allclose(exported, p.export_kw, rtol=0, atol=TIGHT_KW)
            continue
        most, most_exported, _, _ = oracle.solve(p)
        assert p.weight @ batch.executed[k] == pytest.approx(most, rel=1e-7, abs=1e-8), k
        assert exported.sum() == pytest.approx(most_exported, rel=1e-6, abs=1e-5), k


@of()
def test_rows_and_bounds_are_kept(name, share, unserved, objective):
    batch = cleared(name, share, objective, unserved)
    answer = batch.answer
    assert answer.flow_kw.shape == (len(batch.books), batch.network.n_branch)
    assert answer.exported_kw.shape == (len(batch.books), batch.network.n_bus)
    for k, p in enumerate(batch.problems):
        flow = flow_of(p, batch.executed[k], answer.exported_kw[k, p.sources])
        np.testing.assert_allclose(answer.flow_kw[k], flow, rtol=1e-9, atol=TIGHT_KW)
        assert (flow <= p.upper + TIGHT_KW).all()
        assert (flow >= p.lower - TIGHT_KW).all()
        assert (batch.executed[k] >= 0).all()
        assert (batch.executed[k] <= p.trade_kw).all()
        assert (answer.exported_kw[k] >= 0).all()
        assert (answer.exported_kw[k] <= batch.books[k].export_kw).all()


@of()
def test_status_tells_what_happened(name, share, unserved, objective):
    batch = cleared(name, share, objective, unserved)
    for p, status in zip(batch.problems, batch.answer.status, strict=True):
        if p.overload > TIGHT_KW:
            assert status == "base_overload"
        elif oracle.binds(p, TIGHT_KW):
            assert status == "cleared" or abs(p.overload) <= TIGHT_KW
        elif p.overload < -TIGHT_KW:
            room = min((p.upper - oracle.full_flow(p)).min(), (oracle.full_flow(p) - p.lower).min())
            assert status == "free" or room < TIGHT_KW


@of(objectives=["pro_rata"])
def test_pro_rata_is_progressive_filling(name, share, unserved, objective):
    """Where a trade makes room for others, who goes on first is left open; where none does, there is one answer."""
    batch = cleared(name, share, objective, unserved)
    for k, p in enumerate(batch.problems):
        if oracle.nothing_relieves(p):
            trades, exports = oracle.fill_progressively(p)
            np.testing.assert_allclose(batch.executed[k], trades, rtol=0, atol=TIGHT_KW, err_msg=f"book {k}")
            np.testing.assert_allclose(batch.answer.exported_kw[k, p.sources], exports, rtol=0, atol=TIGHT_KW)


@of(objectives=["pro_rata"])
def test_pro_rata_leaves_no_trade_that_could_grow(name, share, unserved, objective):
    batch = cleared(name, share, objective, unserved)
    for k, p in enumerate(batch.problems):
        exported = batch.answer.exported_kw[k, p.sources]
        flow = flow_of(p, batch.executed[k], exported)
        sides = [
            (flow - p.export_columns @ exported, p.trade_columns, p.trade_kw - batch.executed[k]),
            (flow, p.export_columns, p.export_kw - exported),
        ]
        for reached, columns, left in sides:
            room = oracle.room_alone(reached, columns, p.lower, p.upper)
            assert (np.minimum(room, left) < 1e-5).all(), k


@of()
def test_a_book_binds_where_something_is_cut(name, share, unserved, objective):
    """Trades or exports, or both; the branches named are at a limit, but for those that exports relieve after trades."""
    batch = cleared(name, share, objective, unserved)
    for k, p in enumerate(batch.problems):
        exported = batch.answer.exported_kw[k, p.sources]
        cut = max((p.trade_kw - batch.executed[k]).max(initial=0.0), (p.export_kw - exported).max(initial=0.0))
        binds = batch.answer.binds[k]
        assert binds.any() == (cut > 1e-9) or cut < 1e-6, k
        flow = flow_of(p, batch.executed[k], exported)
        if objective != "pro_rata":
            assert (np.minimum(p.upper - flow, flow - p.lower)[binds] < 1e-5).all(), k


# ----------------------------------------------------------------------------------------------------------- shadow prices


@of(objectives=LINEAR)
def test_shadow_prices_prove_the_optimum(name, share, unserved, objective):
    """Complementary slackness row by row and trade by trade, then equal primal and dual objectives."""
    batch = cleared(name, share, objective, unserved)
    for k, p in enumerate(batch.problems):
        shadow, traded = batch.answer.shadow_price[k], batch.executed[k]
        flow = flow_of(p, traded, batch.answer.exported_kw[k, p.sources])
        np.testing.assert_allclose(flow[shadow > 1e-6], p.upper[shadow > 1e-6], rtol=1e-7, atol=1e-5, err_msg=f"book {k}")
        np.testing.assert_allclose(flow[shadow < -1e-6], p.lower[shadow < -1e-6], rtol=1e-7, atol=1e-5, err_msg=f"book {k}")
        gain = p.weight - shadow @ p.trade_columns
        np.testing.assert_allclose(traded[gain > 1e-5], p.trade_kw[gain > 1e-5], rtol=0, atol=1e-5, err_msg=f"book {k}")
        np.testing.assert_allclose(traded[gain < -1e-5], 0.0, rtol=0, atol=1e-5, err_msg=f"book {k}")
        room = np.where(shadow > 0, p.upper - p.base_flow, p.lower - p.base_flow)
        relief = np.maximum(-shadow @ p.export_columns, 0.0) @ p.export_kw
        bound = shadow @ room + np.maximum(gain, 0.0) @ p.trade_kw + relief
        assert p.weight @ traded == pytest.approx(bound, rel=1e-5, abs=1e-5), k


@of(objectives=LINEAR)
def test_binding_branch_is_the_dearest_on_the_trades_column(name, share, unserved, objective):
    batch = cleared(name, share, objective, unserved)
    for k, p in enumerate(batch.problems):
        cost = np.abs(batch.answer.shadow_price[k][:, None] * p.trade_columns)
        cut = p.trade_kw - batch.executed[k]
        for i, branch in enumerate(batch.binding[k]):
            if cut[i] < 1e-10:
                assert branch == -1
            elif cut[i] > 1e-5 and p.weight[i] > 1e-5:
                assert branch >= 0
                assert cost[branch, i] >= cost[:, i].max() - 1e-6


@of(names=RADIAL, objectives=LINEAR)
def test_value_of_an_injection_is_summed_along_the_path(name, share, unserved, objective):
    batch = cleared(name, share, objective, unserved)
    network = batch.network
    assert network.is_radial
    references = set(np.asarray(network.reference_bus).tolist())
    walks = [oracle.path(network, bus, references) for bus in range(network.n_bus)]
    shadow = batch.answer.shadow_price
    value = -shadow @ network.ptdf
    for bus, walk in enumerate(walks):
        summed = -sum((sign * shadow[:, branch] for branch, sign in walk), np.zeros(len(shadow)))
        np.testing.assert_allclose(value[:, bus], summed, rtol=0, atol=1e-9)
    rng = np.random.default_rng(3)
    for one, other in rng.integers(0, network.n_bus, (40, 2)):
        walk = oracle.path(network, one, {other})
        difference = -sum((sign * shadow[:, branch] for branch, sign in walk), np.zeros(len(shadow)))
        np.testing.assert_allclose(value[:, one] - value[:, other], difference, rtol=0, atol=1e-9)


@pytest.mark.parametrize("objective", LINEAR)
@pytest.mark.parametrize("name", ["four_loads", pytest.param("case9", marks=pytest.mark.slow)])
def test_value_of_an_injection_bounds_what_it_brings(name, objective):
    """The optimum is concave in the base injection, so the value is a slope from above in both directions."""
    batch = cleared(name, 0.5, objective, "retail")
    limit, step = batch.network.limit_kw, 0.01
    chosen = [k for k, status in enumerate(batch.answer.status) if status == "cleared"]
    chosen = [k for k in chosen if batch.problems[k].overload < -2 * step and len(batch.books[k].kw)][:8]
    assert chosen
    for k in chosen:
        p, book = batch.problems[k], batch.books[k]
        value = -batch.answer.shadow_price[k] @ batch.matrix
        for bus in range(batch.network.n_bus):
            for change in (-step, step):
                moved = SimpleNamespace(**vars(book))
                moved.base_kw = book.base_kw + change * (np.arange(len(book.base_kw)) == bus)
                other = oracle.problem(batch.matrix, batch.network.constant_kw, limit, moved, objective, "retail")
                assert oracle.solve(other)[0] <= p.weight @ batch.executed[k] + change * value[bus] + 1e-6


# ------------------------------------------------------------------------------------------------- the answer is the answer


def split_book(rng, book):
    """The same book with one trade in two unequal parts and one in two equal halves."""
    if len(book.kw) < 3:
        return book
    unequal, halved = rng.choice(len(book.kw), 2, replace=False)
    parts = [(i, kw) for i, kw in enumerate(book.kw) if i not in (unequal, halved)]
    parts += [(unequal, 0.3 * book.kw[unequal]), (unequal, 0.7 * book.kw[unequal])]
    parts += [(halved, 0.5 * book.kw[halved]), (halved, 0.5 * book.kw[halved])]
    return reordered(book, [i for i, _ in parts], np.array([kw for _, kw in parts]))


def reordered(book, order, kw=None):
    order = np.asarray(order, dtype=np.int64)
    columns = ("seller", "buyer", "bid_per_kwh", "ask_per_kwh")
    changed = {name: getattr(book, name)[order] for name in columns}
    return SimpleNamespace(**(vars(book) | changed | {"kw": book.kw[order] if kw is None else kw}))


def executed_by_identity(book, executed):
    """Executed kWh in an order that does not depend on the order of the trades; equal trades sorted by their answer."""
    return executed[np.lexsort([executed, book.kw, book.buyer, book.seller])]


def per_book(books, answer):
    offset = strategies.stacked(books)[0]["offset"]
    return [executed_by_identity(b, answer.executed_kwh[offset[k] : offset[k + 1]]) for k, b in enumerate(books)]


@pytest.mark.parametrize("duplicates", [False, True])
@of(shares=[1.0])
def test_order_of_trades_does_not_matter(name, share, unserved, objective, duplicates):
    rng = np.random.default_rng(11)
    network, books = limited(name, share, unserved), books_of(name, share)
    if duplicates:
        books = [split_book(rng, book) for book in books]
    shuffled = [reordered(book, rng.permutation(len(book.kw))) for book in books]
    options = {"objective": objective, "unserved": unserved}
    first, second = clear_books(network, books, **options), clear_books(network, shuffled, **options)
    for one, other in zip(per_book(books, first), per_book(shuffled, second), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    np.testing.assert_allclose(first.exported_kw, second.exported_kw, rtol=0, atol=1e-6)


@of(shares=[1.0])
def test_order_and_company_of_books_do_not_matter(name, share, unserved, objective):
    rng = np.random.default_rng(12)
    network, books = limited(name, share, unserved), books_of(name, share)
    order = rng.permutation(len(books))
    options = {"objective": objective, "unserved": unserved}
    together = cleared(name, share, objective, unserved)
    shuffled = clear_books(network, [books[k] for k in order], **options)
    parts = per_book([books[k] for k in order], shuffled)
    for position, k in enumerate(order):
        expected = executed_by_identity(books[k], together.executed[k])
        np.testing.assert_allclose(parts[position], expected, rtol=0, atol=1e-6)
        np.testing.assert_allclose(shuffled.exported_kw[position], together.answer.exported_kw[k], rtol=0, atol=1e-6)
    for k in order[:30]:
        alone = clear_books(network, [books[k]], **options)
        np.testing.assert_allclose(alone.executed_kwh, together.executed[k], rtol=0, atol=1e-6)
        np.testing.assert_allclose(alone.exported_kw[0], together.answer.exported_kw[k], rtol=0, atol=1e-6)
        assert alone.status[0] == together.answer.status[k]


@of(names=["cigre_lv", "case14"])
def test_step_length_scales_energy_alone(name, share, unserved, objective):
    network, books = limited(name, share, unserved), books_of(name, share)
    options = {"objective": objective, "unserved": unserved}
    hour, quarter = clear_books(network, books, **options), clear_books(network, books, step_hours=0.25, **options)
    np.testing.assert_allclose(quarter.executed_kwh, 0.25 * hour.executed_kwh, rtol=0, atol=1e-6)
    np.testing.assert_allclose(quarter.flow_kw, hour.flow_kw, rtol=0, atol=2e-6)
    np.testing.assert_allclose(quarter.exported_kw, hour.exported_kw, rtol=0, atol=2e-6)
    assert list(quarter.status) == list(hour.status)
