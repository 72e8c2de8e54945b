"""Equal treatment: numbers of buses and the order of trades change nothing else, and twins fare alike."""

import itertools
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from tests.support import numbering

WAYS = [
    (physics, objective, unserved)
    for physics in ("dc", "lindistflow", "ac")
    for objective in ("volume", "welfare", "pro_rata")
    for unserved in ("retail", "shed")
]
MESHED = [way for way in WAYS if way[0] == "dc"]
QUICK = ["cigre_lv", "feeder 14 1"]
SLOW = [
    "village_1", "create_kerber_landnetz_kabel_1", "four_loads_with_branches_out", "create_kerber_dorfnetz", "feeder 30 5",
    "feeder 30 6", "case33bw",
]  # fmt: skip
RINGS = ["mesh 14 2", "cigre_lv ring"]
SLOW_RINGS = ["mesh 25 3", "case30", "case14"]
EXACT = 1e-9
"""Of what a book matched and may export."""

# ------------------------------------------------------------------------------------------------------------- the batches


def batch(name, physics, n_books, seed):
    """Books on a network whose limits bind: (network, trades, base_kw, export_kw, options of `clear`)."""
    rng = np.random.default_rng([seed, len(name), len(physics)])
    network = numbering.network_of(name)
    trades, base, export = numbering.books(network, rng, n_books)
    network = numbering.narrow(network, trades, base, export, rng)
    if physics == "dc":
        return network, trades, base, export, {}
    low, high = numbering.band(network, trades, base, export)
    network = replace(network, limit_kw=2.0 * network.limit_kw)
    kvar = fastp2p.Reactive(0.1 * base, -0.2, 0.3)
    return network, trades, base, export, {"physics": physics, "v_min_pu": low, "v_max_pu": high, "reactive": kvar}


def clear(network, trades, base, export, way, options):
    _, objective, unserved = way
    return fastp2p.clear(network, trades, base, export_kw=export, objective=objective, unserved=unserved, **options)


def assert_cut(answer, least=0.2):
    """The books are worth a test: a good part of them is cut, and none failed."""
    assert "failed" not in answer.status
    assert (answer.status != "free").mean() >= least


def per_trade(values, trades):
    return values[trades.book]


# ------------------------------------------------------------------------------------------------------------- permutations


def shuffled(trades, rng):
    """(the same books with their trades in another order, place of each of these trades in the first order)."""
    parts = [
        begin + rng.permutation(end - begin) for begin, end in itertools.pairwise(trades.offset.tolist())
    ]  # fmt: skip
    order = np.concatenate(parts)
    names = ("seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh")
    return fastp2p.Trades(trades.offset, *(getattr(trades, name)[order] for name in names)), order


def check_order_of_trades(name, way, n_books):
    network, trades, base, export, options = batch(name, way[0], n_books, seed=3)
    other, order = shuffled(trades, np.random.default_rng(7))
    first, second = (clear(network, t, base, export, way, options) for t in (trades, other))
    assert_cut(first)
    size = numbering.book_size(trades, export)
    gap = np.abs(second.executed_kwh - first.executed_kwh[order]) / per_trade(size, other)
    assert gap.max() <= EXACT
    assert (np.abs(second.exported_kw - first.exported_kw).max(axis=1) <= EXACT * size).all()
    assert second.status.tolist() == first.status.tolist()


def check_bus_numbers(name, way, n_books):
    network, trades, base, export, options = batch(name, way[0], n_books, seed=4)
    other, to = numbering.renumbered(name, network, seed=8)
    assert (to != np.arange(network.n_bus)).sum() > network.n_bus / 2
    there = dict(options)
    if "reactive" in options:
        there["reactive"] = replace(options["reactive"], base_kvar=numbering.moved(options["reactive"].base_kvar, to))
    first = clear(network, trades, base, export, way, options)
    second = clear(
        other, numbering.trades_at(trades, to), numbering.moved(base, to), numbering.moved(export, to), way, there
    )  # fmt: skip
    assert_cut(first)
    assert second.status.tolist() == first.status.tolist()
    size = numbering.book_size(trades, export)
    assert (np.abs(second.executed_kwh - first.executed_kwh) <= EXACT * per_trade(size, trades)).all()
    assert (np.abs(second.exported_kw[:, to] - first.exported_kw) <= EXACT * size[:, None]).all()
    if way[0] == "ac":
        return  # its rows are tightened until an AC power flow agrees: a few roundings may decide on the last time
    assert_same_prices(other, first, second, trades, to)


def assert_same_prices(network, first, second, trades, to):
    """Shadow prices and reasons of the books whose prices are unique: those of random sizes, whose base keeps every limit.

    Buses of equal voltage, such as an empty one and the next, have one limit between them: what it is worth is the sum.
    """
    sound = first.status != "base_overload"
    vm = fastp2p.lindistflow(network, second.injection_kw, second.injection_kvar).vm_pu if network.is_radial else None
    prices = []
    for branch, voltage in (
        (first.shadow_price, numbering.moved(first.voltage_price, to)),
        (second.shadow_price, second.voltage_price),
    ):
        if vm is not None:
            voltage = np.array([(np.abs(v[:, None] - v) < 1e-9) @ p for v, p in zip(vm, voltage, strict=True)])
        prices.append((branch, voltage))
    for before, after in zip(*prices, strict=True):
        np.testing.assert_allclose(
            after[sound], before[sound], rtol=1e-6, atol=1e-7 * max(1.0, np.abs(before).max(initial=0.0))
        )
    bus = np.where(first.binding_bus >= 0, to[first.binding_bus], -1)
    named = zip(trades.book, first.binding_branch, bus, second.binding_branch, second.binding_bus, strict=True)
    for i, (k, *names) in enumerate(named):
        before, after = names[:2], names[2:]
        if before != after and sound[k]:  # two limits of one price cut a trade alike: either is a reason
            worth = [price_of(*prices[1], k, *name) for name in (before, after)]
            assert worth[0] == pytest.approx(worth[1], rel=1e-6, abs=1e-9), (i, before, after)


def price_of(shadow_price, voltage_price, k, branch, bus):
    """By size, what a limit is worth in a book; -1 where no limit is named."""
    if branch >= 0:
        return abs(shadow_price[k, branch])
    return abs(voltage_price[k, bus]) if bus >= 0 else -1.0


@pytest.mark.parametrize("way", WAYS)
def test_the_order_of_trades_changes_nothing(way):
    check_order_of_trades(QUICK[WAYS.index(way) % 2], way, 16)


@pytest.mark.parametrize("way", WAYS)
def test_numbers_of_buses_change_nothing(way):
    check_bus_numbers(QUICK[(WAYS.index(way) + 1) % 2], way, 16)


@pytest.mark.parametrize("way", MESHED)
def test_numbers_and_orders_change_nothing_in_rings(way):
    check_order_of_trades(RINGS[0], way, 16)
    check_bus_numbers(RINGS[0], way, 16)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", QUICK + SLOW)
def test_numbers_and_orders_change_nothing_in_many_books(name, way):
    check_order_of_trades(name, way, 60)
    check_bus_numbers(name, way, 60)


@pytest.mark.slow
@pytest.mark.parametrize("way", MESHED)
@pytest.mark.parametrize("name", RINGS + SLOW_RINGS)
def test_numbers_and_orders_change_nothing_in_many_books_of_rings(name, way):
    check_order_of_trades(name, way, 60)
    check_bus_numbers(name, way, 60)


@pytest.mark.parametrize("way", MESHED)
@pytest.mark.parametrize("name", [QUICK[0], RINGS[0]])
def test_columns_of_participants_may_come_in_any_order(name, way):
    """Where arrays have columns for participants alone (`bus`), others come first once the buses have other numbers."""
    network, trades, base, export, _ = batch(name, way[0], 16, seed=5)
    other, to = numbering.renumbered(name, network, seed=8)
    ends = np.isin(np.arange(network.n_bus), np.concatenate([trades.seller, trades.buyer]))
    who = np.flatnonzero(ends | (base != 0.0).any(axis=0) | (export > 0.0).any(axis=0))
    there = np.sort(to[who])
    column = np.searchsorted(there, to[who])
    assert (column != np.arange(len(who))).any()
    whole = clear(network, trades, base, export, way, {})
    place = np.searchsorted(who, np.arange(network.n_bus))
    few = numbering.trades_at(trades, place)
    first = clear(network, few, base[:, who], export[:, who], way, {"bus": who})
    moved_base, moved_export = (numbering.moved(values[:, who], column) for values in (base, export))
    second = clear(other, numbering.trades_at(few, column), moved_base, moved_export, way, {"bus": there})
    size = numbering.book_size(trades, export)
    assert (np.abs(first.executed_kwh - whole.executed_kwh) <= EXACT * per_trade(size, trades)).all()
    assert (np.abs(second.executed_kwh - first.executed_kwh) <= EXACT * per_trade(size, trades)).all()
    assert (np.abs(second.exported_kw[:, column] - first.exported_kw) <= EXACT * size[:, None]).all()


# -------------------------------------------------------------------------------------- whole numbers, where most is a tie


@st.composite
def whole_books(draw):
    """A small network with limits of whole kW, and one book of whole kWh and few prices, as many ties as can be."""
    name = draw(st.sampled_from(["feeder 7 0", "feeder 7 1", "mesh 7 0"]))
    network = numbering.network_of(name)
    n = network.n_bus
    limit = draw(st.lists(st.one_of(st.integers(0, 6).map(float), st.just(np.inf)), min_size=network.n_branch,
                          max_size=network.n_branch))  # fmt: skip
    size = np.array(draw(st.lists(st.integers(-5, 5), min_size=n, max_size=n)), dtype=float)
    bid = np.array(draw(st.lists(st.sampled_from([0.2, 0.2, 0.3]), min_size=n, max_size=n)))
    ask = np.array(draw(st.lists(st.sampled_from([0.1, 0.1, 0.2]), min_size=n, max_size=n)))
    way = draw(st.sampled_from([way for way in WAYS if way[0] == "dc" or (way[0] == "lindistflow" and name != "mesh 7 0")]))
    return name, replace(network, limit_kw=np.array(limit)), size, bid, ask, way, draw(st.integers(0, 2**16))


@settings(deadline=None, derandomize=True)
@given(whole_books())
def test_whole_numbers_are_treated_alike(case):
    name, network, size, bid, ask, way, seed = case
    rng = np.random.default_rng(seed)
    trades, deficit, left = numbering.matched(np.maximum(-size, 0.0)[None], np.maximum(size, 0.0)[None], bid, ask)
    options = {"physics": way[0]} | ({} if way[0] == "dc" else {"v_min_pu": 0.995, "v_max_pu": 1.005})
    other, to = numbering.renumbered(name, network, seed % 2)
    there, order = shuffled(numbering.trades_at(trades, to), rng)
    first = clear(network, trades, -deficit, left, way, options)
    second = clear(other, there, numbering.moved(-deficit, to), numbering.moved(left, to), way, options)
    size = numbering.book_size(trades, left)[0]
    assert np.abs(second.executed_kwh - first.executed_kwh[order]).max(initial=0.0) <= EXACT * size
    assert np.abs(second.exported_kw[:, to] - first.exported_kw).max() <= EXACT * size
    assert second.status.tolist() == first.status.tolist()


# -------------------------------------------------------------------------------------------------------------------- twins


SELLERS, BUYERS = [10, 11], [12, 13]


def twin_batch(seed, n_books, *, alike, n_ties=0, limited=False):
    """Books on a feeder where the last four buses are two twins that sell and two that buy.

    `alike`: they have the same size, too. `limited`: so have their lines, which bind at times; otherwise nothing limits them.
    """
    rng = np.random.default_rng(seed)
    network = numbering.twin_network(seed, n_ties)
    trades, deficit, left = numbering.matched(*numbering.twin_orders(network, rng, n_books, alike))
    network = numbering.narrow(network, trades, -deficit, left, rng)
    of_twins = (network.from_bus >= 10) | (network.to_bus >= 10)
    network = replace(network, limit_kw=np.where(of_twins, 2.5 if limited else np.inf, network.limit_kw))
    return network, trades, -deficit, left


def shares(values, trades, who, bus, n_books):
    """(n_books, 2): what part of what twins matched is executed; NaN where they matched nothing."""
    done, matched = np.zeros((2, n_books, len(bus)))
    for j, b in enumerate(bus):
        of = who == b
        done[:, j] = np.bincount(trades.book[of], values[of], minlength=n_books)
        matched[:, j] = np.bincount(trades.book[of], trades.quantity_kwh[of], minlength=n_books)
    with np.errstate(invalid="ignore"):
        return done / matched


def check_twins(way, seed, n_books, **kind):
    network, trades, base, export = twin_batch(seed, n_books, **kind)
    options = {}
    if way[0] != "dc":
        low, high = numbering.band(network, trades, base, export)
        options = {"physics": way[0], "v_min_pu": low, "v_max_pu": high}
    answer = clear(network, trades, base, export, way, options)
    assert_cut(answer)
    cut = 0
    for who, bus in ((trades.seller, SELLERS), (trades.buyer, BUYERS)):
        share = shares(answer.executed_kwh, trades, who, bus, n_books)
        np.testing.assert_allclose(share[:, 0], share[:, 1], rtol=EXACT, atol=EXACT)
        cut += (share[:, 0] < 0.999).sum()
    assert cut
    offered = export[:, SELLERS]
    some = offered.min(axis=1) > 0.0
    exported = answer.exported_kw[:, SELLERS][some] / offered[some]
    np.testing.assert_allclose(exported[:, 0], exported[:, 1], rtol=EXACT, atol=EXACT)


@pytest.mark.parametrize("way", MESHED)
def test_twins_of_any_size_fare_alike_where_no_limit_tells_them_apart(way):
    check_twins(way, seed=1, n_books=40, alike=False)
    check_twins(way, seed=2, n_books=40, alike=False, n_ties=2)


@pytest.mark.parametrize("way", WAYS)
def test_twins_of_one_size_fare_alike_behind_equal_lines(way):
    check_twins(way, seed=3, n_books=20, alike=True, limited=True)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("seed", range(4, 10))
def test_twins_fare_alike_in_many_books(seed, way):
    check_twins(way, seed, 100, alike=True, limited=True)
    check_twins(way, seed, 100, alike=True)
    if way[0] == "dc":
        check_twins(way, seed, 100, alike=False)
        check_twins(way, seed, 100, alike=True, limited=True, n_ties=2)
        check_twins(way, seed, 100, alike=False, n_ties=2)
