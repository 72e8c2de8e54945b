"""clear against dense linear programmes of one book each, against progressive filling, and cases worked by hand."""

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
    "village_1": lambda: pandapower.networks.create_synthetic_voltage_control_lv_network("village_1"),
    "kerber_landnetz": pandapower.networks.create_kerber_landnetz_freileitung_1,
    "four_loads": pandapower.networks.four_loads_with_branches_out,
    "case33bw": pandapower.networks.case33bw,
    "cigre_mv": pandapower.networks.create_cigre_network_mv,
    "oberrhein": pandapower.networks.mv_oberrhein,
    "case9": pandapower.networks.case9,
    "case14": pandapower.networks.case14,
    "case30": pandapower.networks.case30,
}
RADIAL = ["cigre_lv", "village_1", "kerber_landnetz", "four_loads", "case33bw", "cigre_mv"]
SHARES = [0.05, 0.5, 1.0]

every_network = pytest.mark.parametrize("name", NETWORKS)
every_share = pytest.mark.parametrize("share", SHARES)
every_objective = pytest.mark.parametrize("objective", ["volume", "welfare"])
every_rule = pytest.mark.parametrize("unserved", ["retail", "shed"])


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


@pytest.mark.slow
@every_rule
@every_share
@every_network
def test_about_the_share_of_books_binds(name, share, unserved):
    problems = cleared(name, share, "volume", unserved).problems
    found = np.mean([oracle.binds(p) for p in problems])
    assert 0.6 * share < found < 1.6 * share


@every_objective
@every_rule
@every_share
@every_network
def test_objective_and_exports_are_the_greatest(name, share, unserved, objective):
    batch = cleared(name, share, objective, unserved)
    for k, p in enumerate(batch.problems):
        exported = batch.answer.exported_kw[k, p.sources]
        if not oracle.binds(p):
            np.testing.assert_allclose(batch.executed[k], p.trade_kw, rtol=0, atol=TIGHT_KW)
            np.testing.assert_allclose(exported, p.export_kw, rtol=0, atol=TIGHT_KW)
            continue
        most, most_exported, _, _ = oracle.solve(p)
        assert p.weight @ batch.executed[k] == pytest.approx(most, rel=1e-7, abs=1e-8), k
        assert exported.sum() == pytest.approx(most_exported, rel=1e-6, abs=1e-5), k


@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
@every_rule
@every_share
@every_network
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


@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
@every_rule
@every_share
@every_network
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


@every_rule
@every_share
@every_network
def test_pro_rata_is_progressive_filling(name, share, unserved):
    """Where a trade makes room for others, who goes on first is left open; where none does, there is one answer."""
    batch = cleared(name, share, "pro_rata", unserved)
    for k, p in enumerate(batch.problems):
        if oracle.nothing_relieves(p):
            trades, exports = oracle.fill_progressively(p)
            np.testing.assert_allclose(batch.executed[k], trades, rtol=0, atol=TIGHT_KW, err_msg=f"book {k}")
            np.testing.assert_allclose(batch.answer.exported_kw[k, p.sources], exports, rtol=0, atol=TIGHT_KW)


@every_rule
@every_share
@every_network
def test_pro_rata_leaves_no_trade_that_could_grow(name, share, unserved):
    batch = cleared(name, share, "pro_rata", unserved)
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


@every_rule
@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
@pytest.mark.parametrize("name", ["cigre_lv", "case14"])
def test_a_book_binds_where_something_is_cut(name, objective, unserved):
    """Trades or exports, or both; the branches named are at a limit, but for those that exports relieve after trades."""
    batch = cleared(name, 0.5, objective, unserved)
    for k, p in enumerate(batch.problems):
        exported = batch.answer.exported_kw[k, p.sources]
        cut = max((p.trade_kw - batch.executed[k]).max(initial=0.0), (p.export_kw - exported).max(initial=0.0))
        binds = batch.answer.binds[k]
        assert binds.any() == (cut > 1e-9) or cut < 1e-6, k
        flow = flow_of(p, batch.executed[k], exported)
        if objective != "pro_rata":
            assert (np.minimum(p.upper - flow, flow - p.lower)[binds] < 1e-5).all(), k


# ----------------------------------------------------------------------------------------------------------- shadow prices


@every_objective
@every_rule
@every_share
@every_network
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


@every_objective
@every_rule
@every_share
@every_network
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


@every_rule
@every_objective
@pytest.mark.parametrize("name", RADIAL)
def test_value_of_an_injection_is_summed_along_the_path(name, objective, unserved):
    batch = cleared(name, 0.5, objective, unserved)
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


@every_objective
@pytest.mark.parametrize("name", ["four_loads", "case9"])
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


every_third = pytest.mark.parametrize("name", ["cigre_lv", "village_1", "kerber_landnetz", "case9", "case14", "case30"])
any_objective = pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])


@any_objective
@every_rule
@pytest.mark.parametrize("duplicates", [False, True])
@every_third
def test_order_of_trades_does_not_matter(name, unserved, objective, duplicates):
    rng = np.random.default_rng(11)
    network, books = limited(name, 1.0, unserved), books_of(name, 1.0)
    if duplicates:
        books = [split_book(rng, book) for book in books]
    shuffled = [reordered(book, rng.permutation(len(book.kw))) for book in books]
    options = {"objective": objective, "unserved": unserved}
    first, second = clear_books(network, books, **options), clear_books(network, shuffled, **options)
    for one, other in zip(per_book(books, first), per_book(shuffled, second), strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=1e-6)
    np.testing.assert_allclose(first.exported_kw, second.exported_kw, rtol=0, atol=1e-6)


@any_objective
@every_rule
@every_third
def test_order_and_company_of_books_do_not_matter(name, unserved, objective):
    rng = np.random.default_rng(12)
    network, books = limited(name, 1.0, unserved), books_of(name, 1.0)
    order = rng.permutation(len(books))
    options = {"objective": objective, "unserved": unserved}
    together = cleared(name, 1.0, objective, unserved)
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


@any_objective
@every_rule
def test_step_length_scales_energy_alone(unserved, objective):
    network, books = limited("cigre_lv", 0.5, unserved), books_of("cigre_lv", 0.5)
    options = {"objective": objective, "unserved": unserved}
    hour, quarter = clear_books(network, books, **options), clear_books(network, books, step_hours=0.25, **options)
    np.testing.assert_allclose(quarter.executed_kwh, 0.25 * hour.executed_kwh, rtol=0, atol=1e-6)
    np.testing.assert_allclose(quarter.flow_kw, hour.flow_kw, rtol=0, atol=2e-6)
    np.testing.assert_allclose(quarter.exported_kw, hour.exported_kw, rtol=0, atol=2e-6)
    assert list(quarter.status) == list(hour.status)


# ---------------------------------------------------------------------------------------------------------- worked by hand


def chain(n_bus, limit_kw):
    """Slack bus 0, then a line of buses; branches point away from the slack."""
    net = pandapower.create_empty_network()
    buses = [pandapower.create_bus(net, 0.4) for _ in range(n_bus)]
    pandapower.create_ext_grid(net, buses[0])
    for start, end in itertools.pairwise(buses):
        pandapower.create_line_from_parameters(net, start, end, 0.1, 0.3, 0.08, 0.0, 1.0)
    network = fastp2p.Network.from_pandapower(net)
    assert network.from_bus.tolist() == list(range(n_bus - 1))
    assert network.to_bus.tolist() == list(range(1, n_bus))
    return replace(network, limit_kw=np.asarray(limit_kw, dtype=float))


def trades_of(*rows, offset=None):
    """Trades from (seller, buyer, kWh, bid, ask)."""
    table = np.array(rows, dtype=float).reshape(-1, 5)
    return fastp2p.Trades(
        offset=np.array([0, len(table)] if offset is None else offset, dtype=np.int64),
        seller=table[:, 0].astype(np.int64),
        buyer=table[:, 1].astype(np.int64),
        quantity_kwh=table[:, 2],
        bid_per_kwh=table[:, 3],
        ask_per_kwh=table[:, 4],
    )


def assert_cleared(answer, executed, flow, status="cleared"):
    np.testing.assert_allclose(answer.executed_kwh, executed, rtol=0, atol=1e-6)
    np.testing.assert_allclose(answer.flow_kw, [flow], rtol=0, atol=1e-6)
    assert list(answer.status) == [status]


TWO_SALES = [(2, 1, 2.0, 0.30, 0.10), (2, 0, 2.0, 0.25, 0.10)]


@pytest.mark.parametrize("unserved", ["retail", "shed"])
def test_three_buses_by_welfare(unserved):
    """Bus 2 sells 2 kWh each to buses 1 and 0 over a line of 3 kW; the sale worth 0.15 gives way to that worth 0.20."""
    answer = fastp2p.clear(chain(3, [10, 3]), trades_of(*TWO_SALES), np.zeros((1, 3)), objective="welfare", unserved=unserved)
    assert_cleared(answer, [2.0, 1.0], [-1.0, -3.0])
    np.testing.assert_allclose(answer.shadow_price, [[0.0, -0.15]], rtol=0, atol=1e-6)
    assert answer.binding_branch.tolist() == [-1, 1]


@pytest.mark.parametrize("unserved", ["retail", "shed"])
def test_three_buses_by_volume(unserved):
    answer = fastp2p.clear(chain(3, [10, 3]), trades_of(*TWO_SALES), np.zeros((1, 3)), unserved=unserved)
    assert answer.executed_kwh.sum() == pytest.approx(3.0, abs=1e-6)
    np.testing.assert_allclose(answer.shadow_price, [[0.0, -1.0]], rtol=0, atol=1e-6)
    assert answer.flow_kw[0, 1] == pytest.approx(-3.0, abs=1e-6)


@pytest.mark.parametrize(("objective", "shadow"), [("volume", 0.25), ("welfare", 0.15)])
def test_shadow_prices_of_a_quarter_of_an_hour(objective, shadow):
    """A kW more of line carries 0.25 kWh in a quarter of an hour; welfare is priced by the kWh whatever the step."""
    quarter = [(seller, buyer, kwh / 4, bid, ask) for seller, buyer, kwh, bid, ask in TWO_SALES]
    answer = fastp2p.clear(
        chain(3, [10, 3]), trades_of(*quarter), np.zeros((1, 3)), objective=objective, unserved="shed", step_hours=0.25
    )
    assert answer.executed_kwh.sum() == pytest.approx(0.75, abs=1e-6)
    np.testing.assert_allclose(answer.shadow_price, [[0.0, -shadow]], rtol=0, atol=1e-6)


@pytest.mark.parametrize("unserved", ["retail", "shed"])
def test_three_buses_pro_rata(unserved):
    answer = fastp2p.clear(chain(3, [10, 3]), trades_of(*TWO_SALES), np.zeros((1, 3)), objective="pro_rata", unserved=unserved)
    assert_cleared(answer, [1.5, 1.5], [-1.0 if unserved == "retail" else -1.5, -3.0])


def test_retail_and_shed_differ_at_the_buyer():
    """Bus 0 sells 4 kWh to bus 2 over a line of 3 kW: the retailer serves bus 2 whatever happens, so nothing is gained."""
    sale = trades_of((0, 2, 4.0, 0.3, 0.1))
    shed = fastp2p.clear(chain(3, [10, 3]), sale, np.zeros((1, 3)), unserved="shed")
    assert_cleared(shed, [3.0], [3.0, 3.0])
    np.testing.assert_allclose(shed.shadow_price, [[0.0, 1.0]], rtol=0, atol=1e-6)
    assert shed.binding_branch.tolist() == [1]
    retail = fastp2p.clear(chain(3, [10, 3]), sale, np.zeros((1, 3)), unserved="retail")
    assert_cleared(retail, [4.0], [4.0, 4.0], "base_overload")


def test_pro_rata_goes_on_where_there_is_room():
    """Both sales reach 1.5 kWh when the line to bus 2 is full; the sale of bus 1 goes on alone."""
    sales = trades_of((2, 0, 4.0, 0.3, 0.1), (1, 0, 4.0, 0.3, 0.1))
    answer = fastp2p.clear(chain(3, [5, 1.5]), sales, np.zeros((1, 3)), objective="pro_rata", unserved="shed")
    assert_cleared(answer, [1.5, 3.5], [-5.0, -1.5])


def test_worked_example_of_the_two_ways():
    """Bus 1 has 5 kW to spare, bus 2 lacks 4: matched 4, left over 1."""
    sale = trades_of((1, 2, 4.0, 0.3, 0.1))
    paper = fastp2p.clear(chain(3, [10, 10]), sale, np.array([[0.0, 1.0, 0.0]]), unserved="shed")
    assert_cleared(paper, [4.0], [-1.0, 4.0], "free")
    retail = fastp2p.clear(chain(3, [10, 10]), sale, np.zeros((1, 3)), export_kw=np.array([[0.0, 1.0, 0.0]]), unserved="retail")
    assert_cleared(retail, [4.0], [-1.0, 4.0], "free")
    np.testing.assert_allclose(retail.exported_kw, [[0.0, 1.0, 0.0]], rtol=0, atol=1e-9)


def test_worked_example_with_a_line_too_small():
    """A line of 3 kW to bus 2: shed cuts the trade to 3; retail serves the 4 kW anyway and is no worse for the trade."""
    sale = trades_of((1, 2, 4.0, 0.3, 0.1))
    paper = fastp2p.clear(chain(3, [10, 3]), sale, np.array([[0.0, 1.0, 0.0]]), unserved="shed")
    assert_cleared(paper, [3.0], [-1.0, 3.0])
    export = np.array([[0.0, 1.0, 0.0]])
    retail = fastp2p.clear(chain(3, [10, 3]), sale, np.zeros((1, 3)), export_kw=export, unserved="retail")
    assert_cleared(retail, [4.0], [-1.0, 4.0], "base_overload")


def test_exports_come_after_trades():
    """Bus 2 sells 2 kWh to the slack and would export 3 kW; the line carries 4, then 1."""
    sale, export = trades_of((2, 0, 2.0, 0.3, 0.1)), np.array([[0.0, 0.0, 3.0]])
    wide = fastp2p.clear(chain(3, [10, 4]), sale, np.zeros((1, 3)), export_kw=export)
    assert_cleared(wide, [2.0], [-4.0, -4.0])
    assert wide.exported_kw[0, 2] == pytest.approx(2.0, abs=1e-6)
    np.testing.assert_allclose(wide.shadow_price, 0.0, rtol=0, atol=1e-6)
    assert wide.binding_branch.tolist() == [-1]
    narrow = fastp2p.clear(chain(3, [10, 1]), sale, np.zeros((1, 3)), export_kw=export)
    assert_cleared(narrow, [1.0], [-1.0, -1.0])
    assert narrow.exported_kw[0, 2] == pytest.approx(0.0, abs=1e-6)


@any_objective
def test_exports_without_trades_are_cut(objective):
    export = np.array([[0.0, 0.0, 5.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.0]])
    base = np.array([[0.0, 0.0, 0.0], [0.0, 0.0, 0.0], [0.0, 0.0, -6.0]])
    empty = trades_of(offset=[0, 0, 0, 0])
    answer = fastp2p.clear(chain(3, [10, 2]), empty, base, export_kw=export, objective=objective)
    np.testing.assert_allclose(answer.exported_kw[:, 2], [2.0, 1.0, 0.0], rtol=0, atol=1e-6)
    np.testing.assert_allclose(answer.flow_kw, [[-2, -2], [-1, -1], [6, 6]], rtol=0, atol=1e-6)
    assert list(answer.status) == ["cleared", "free", "base_overload"]
    assert len(answer.executed_kwh) == len(answer.binding_branch) == 0


@any_objective
def test_an_overloaded_base_gets_no_worse(objective):
    """Bus 2 already sends 5 kW over a line of 3: it may not sell, but a buyer there may buy and a seller elsewhere sell."""
    sales = trades_of((2, 0, 1.0, 0.3, 0.1), (1, 0, 1.0, 0.3, 0.1))
    base = np.array([[0.0, 0.0, 5.0]])
    answer = fastp2p.clear(chain(3, [10, 3]), sales, base, objective=objective)
    assert_cleared(answer, [0.0, 1.0], [-6.0, -5.0], "base_overload")
    relief = fastp2p.clear(chain(3, [10, 3]), trades_of((0, 2, 1.0, 0.3, 0.1)), base, objective=objective, unserved="shed")
    assert_cleared(relief, [1.0], [-4.0, -4.0], "base_overload")


@any_objective
def test_a_sale_may_make_room_for_another(objective):
    """Counterflow: 5 kWh out of bus 2 fit over a line of 3 only together with 2 kWh into it."""
    sales = trades_of((2, 0, 5.0, 0.3, 0.1), (0, 2, 2.0, 0.3, 0.1))
    answer = fastp2p.clear(chain(3, [10, 3]), sales, np.zeros((1, 3)), objective=objective, unserved="shed")
    assert_cleared(answer, [5.0, 2.0], [-3.0, -3.0], "free")


def test_limits_without_end_leave_everything_free():
    sales = trades_of((2, 0, 5e3, 0.3, 0.1), (1, 2, 2e3, 0.3, 0.1))
    answer = fastp2p.clear(chain(3, [np.inf, np.inf]), sales, np.zeros((1, 3)))
    assert answer.executed_kwh.tolist() == [5e3, 2e3]
    assert list(answer.status) == ["free"]
    assert answer.binding_branch.tolist() == [-1, -1]


def test_one_line_without_end_beside_one_that_binds():
    answer = fastp2p.clear(chain(3, [np.inf, 3]), trades_of(*TWO_SALES), np.zeros((1, 3)), objective="welfare", unserved="shed")
    assert_cleared(answer, [2.0, 1.0], [-1.0, -3.0])


@any_objective
def test_a_line_of_no_capacity(objective):
    answer = fastp2p.clear(chain(3, [10, 0]), trades_of(*TWO_SALES), np.zeros((1, 3)), objective=objective, unserved="shed")
    assert_cleared(answer, [0.0, 0.0], [0.0, 0.0])


def test_no_books_at_all():
    answer = fastp2p.clear(chain(3, [1, 1]), trades_of(offset=[0]), np.zeros((0, 3)))
    assert len(answer.status) == len(answer.executed_kwh) == 0
    assert answer.flow_kw.shape == (0, 2)


@any_objective
def test_trades_of_zero_kwh_are_harmless(objective):
    sales = trades_of(*TWO_SALES, (2, 1, 0.0, 0.3, 0.1))
    answer = fastp2p.clear(chain(3, [10, 3]), sales, np.zeros((1, 3)), objective=objective)
    assert answer.executed_kwh[2] == 0.0
    assert answer.executed_kwh.sum() == pytest.approx(3.0, abs=1e-6)


@any_objective
def test_a_bus_may_trade_with_itself(objective):
    sales = trades_of((2, 2, 5.0, 0.3, 0.1), (2, 0, 4.0, 0.3, 0.1))
    answer = fastp2p.clear(chain(3, [10, 3]), sales, np.zeros((1, 3)), objective=objective, unserved="shed")
    assert_cleared(answer, [5.0, 3.0], [-3.0, -3.0])


def test_oracle_settles_at_the_ask():
    paid, received = oracle.settle([2, 2], [1, 0], [2.0, 1.0], [0.10, 0.20], 3)
    np.testing.assert_allclose(paid, [0.2, 0.2, 0.0])
    np.testing.assert_allclose(received, [0.0, 0.0, 0.4])


# -------------------------------------------------------------------------------------------------------------- bad inputs


def good_trades():
    return {
        "offset": np.array([0, 1, 2]),
        "seller": np.array([1, 2]),
        "buyer": np.array([2, 1]),
        "quantity_kwh": np.array([1.0, 2.0]),
        "bid_per_kwh": np.array([0.3, 0.3]),
        "ask_per_kwh": np.array([0.1, 0.1]),
    }


def assert_refused(*, limit_kw=(10, 10), base_kw=None, trades=None, **options):
    network = chain(3, [10, 10])
    base = np.zeros((2, 3)) if base_kw is None else base_kw
    with pytest.raises(fastp2p.InputError) as error:
        fastp2p.clear(
            replace(network, limit_kw=np.array(limit_kw, dtype=float)),
            fastp2p.Trades(**(good_trades() | (trades or {}))),
            base,
            **options,
        )
    assert isinstance(error.value, ValueError)
    assert str(error.value)


def test_good_trades_are_not_refused():
    answer = fastp2p.clear(chain(3, [10, 10]), fastp2p.Trades(**good_trades()), np.zeros((2, 3)))
    assert answer.executed_kwh.tolist() == [1.0, 2.0]


@pytest.mark.parametrize("name", ["seller", "buyer"])
@pytest.mark.parametrize("bus", [-1, 3, 10**9])
def test_buses_outside_the_network_are_refused(name, bus):
    assert_refused(trades={name: np.array([1, bus])})


@pytest.mark.parametrize("kwh", [-1.0, np.nan, np.inf])
def test_bad_trade_quantities_are_refused(kwh):
    assert_refused(trades={"quantity_kwh": np.array([1.0, kwh])})


@pytest.mark.parametrize("name", ["seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh"])
def test_trade_arrays_of_unequal_length_are_refused(name):
    assert_refused(trades={name: good_trades()[name][:1]})
    assert_refused(trades={name: np.repeat(good_trades()[name], 2)})


@pytest.mark.parametrize("offset", [[0, 2, 1], [0, 3, 2], [1, 1, 2], [0, 1, 3], [0, 1, 1], [0, -1, 2]])
def test_offsets_that_do_not_fit_are_refused(offset):
    assert_refused(trades={"offset": np.array(offset)})


@pytest.mark.parametrize("shape", [(2, 4), (3, 3), (3,), (2, 3, 1), (0, 3)])
def test_base_and_export_of_another_shape_are_refused(shape):
    assert_refused(base_kw=np.zeros(shape))
    assert_refused(export_kw=np.zeros(shape))


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_base_and_export_must_be_finite(value):
    array = np.zeros((2, 3))
    array[1, 2] = value
    assert_refused(base_kw=array)
    assert_refused(export_kw=array)


@pytest.mark.parametrize("limit", [np.nan, -1.0, -np.inf])
def test_limits_must_be_numbers_from_zero_up(limit):
    assert_refused(limit_kw=[10, limit])


@pytest.mark.parametrize("option", ["objective", "unserved"])
def test_unknown_rules_are_refused(option):
    assert_refused(**{option: "cheapest"})


@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
def test_the_limit_that_cuts_exports_alone_binds(objective):
    """Bus 2 has 5 kW to export, bus 1 has 1; lines carry 10 and 3 kW: the second line cuts the export of bus 2.

    In the second book everything fits; in the third the first line cuts what both have, 8 and 3 kW.
    """
    export = np.array([[0.0, 1.0, 5.0], [0.0, 1.0, 2.0], [0.0, 8.0, 3.0]])
    nothing = trades_of(offset=[0, 0, 0, 0])
    answer = fastp2p.clear(chain(3, [10, 3]), nothing, np.zeros((3, 3)), export_kw=export, objective=objective)
    assert list(answer.status) == ["cleared", "free", "cleared"]
    np.testing.assert_allclose(answer.exported_kw.sum(axis=1), [4.0, 3.0, 10.0], rtol=0, atol=1e-6)
    assert answer.binds.tolist() == [[False, True], [False, False], [True, False]]


def test_a_trade_without_weight_names_the_limit_that_cuts_it():
    """A bid that equals its ask brings no welfare, so the line of 3 kW has no price; it cuts the trade all the same."""
    sale = trades_of((2, 1, 4.0, 0.2, 0.2))
    answer = fastp2p.clear(chain(3, [10, 3]), sale, np.zeros((1, 3)), objective="welfare", unserved="shed")
    assert answer.executed_kwh[0] == pytest.approx(3.0)
    assert answer.shadow_price.tolist() == [[0.0, 0.0]]
    assert answer.binding_branch.tolist() == [1]
    assert answer.binds.tolist() == [[False, True]]
