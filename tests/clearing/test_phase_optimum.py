"""Clearings of three phases against dense programmes of the oracle's rows, and balanced ones against the balanced model."""

import functools
import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

import fastp2p
from tests.oracles import closest, lindistflow
from tests.oracles import lindist3flow as oracle
from tests.support import phase_books
from tests.support.phase_books import network_of

TIGHT_KW = 1e-6
PHYSICS, OBJECTIVES, RULES = ("dc", "lindistflow"), ("volume", "welfare"), ("retail", "shed")
WAYS = list(itertools.product(PHYSICS, OBJECTIVES, RULES))
LARGE = ("cigre_lv", "ieee_european_lv_asymmetric")
N_BOOKS = {"cigre_lv": 8, "ieee_european_lv_asymmetric": 2}

every_way = pytest.mark.parametrize(("physics", "objective", "unserved"), WAYS)


@functools.cache
def batch(name, seed=0, reverse=False):
    """(books whose limits bind, band) on a network of this name."""
    network, rng = network_of(name), np.random.default_rng([seed, len(name), ord(name[-1])])
    large = name in LARGE
    at = network.load_bus if large else None
    sizes = {"pv_kw": (2.0, 8.0), "load_kw": (0.3, 3.0)} if name in LARGE[1:] else {}
    books = phase_books.random_books(network, rng, N_BOOKS.get(name, 12), at=at, **sizes)
    books, band = phase_books.bound(books, rng, share=0.3 if large else 0.6)
    if reverse:
        far = oracle.state(books.network, books.at, *phase_books.full_state(books))[0].real.sum(axis=2)
        most = float(np.quantile(np.abs(far[:, books.network.upward != 0.0]), 0.4))
        books.network = books.network.with_limits(reverse_kw=most)
    return books, band


@functools.cache
def rows_of(name, physics, seed=0, reverse=False):
    books, band = batch(name, seed, reverse)
    return oracle.limit_rows(books.network, books.at, physics, *band.values())


def problems(name, physics, objective, unserved, seed=0, reverse=False):
    books, _ = batch(name, seed, reverse)
    for k in range(len(books.base_kw)):
        book = phase_books.one_book(books, k)
        yield book, oracle.problem(rows_of(name, physics, seed, reverse), book, objective=objective, unserved=unserved)


def assert_is_the_optimum(name, way, seed=0, *, reverse=False, unique=False):
    """Objective, exports and limits of every book; with `unique`, trade by trade. Returns how many books are cut."""
    physics, objective, unserved = way
    books, band = batch(name, seed, reverse)
    answer = phase_books.clear(books, physics=physics, objective=objective, unserved=unserved, **band)
    offset, trades, cut = books.trades.offset, books.trades, 0
    assert "failed" not in answer.status
    for k, (book, p) in enumerate(problems(name, *way, seed, reverse)):
        ours = slice(offset[k], offset[k + 1])
        x = np.concatenate([answer.executed_kwh[ours], answer.exported_kw[k, p.sources]])
        assert ((x >= 0.0) & (x <= p.most)).all()
        assert min(side.min(initial=0.0) for side in lindistflow.room_kw(p, x)) > -TIGHT_KW
        most, exported = lindistflow.solve(p)
        assert p.weight @ x == pytest.approx(most, rel=1e-7, abs=1e-7)
        assert answer.exported_kw[k].sum() == pytest.approx(exported, rel=1e-6, abs=1e-5)
        if unique and len(x):
            np.testing.assert_allclose(x, closest.closest(p).y, rtol=0, atol=1e-6 * max(1.0, p.most.max(initial=0.0)))
        assert_status(p, answer.status[k], x)
        kw, kvar = oracle.injected(book, unserved, answer.executed_kwh[ours], answer.exported_kw[k])
        np.testing.assert_allclose(answer.injection.kw[k], kw, rtol=0, atol=1e-9)
        np.testing.assert_allclose(answer.injection.kvar[k], kvar, rtol=0, atol=1e-9)
        far = oracle.state(books.network, books.at, kw[None], kvar[None])[0][0]
        if physics == "lindistflow":
            np.testing.assert_allclose(answer.flow_kw[k] + 1j * answer.flow_kvar[k], far, rtol=0, atol=1e-6)
        assert_binding(p, x, [trades.seller[ours], answer.binding_row[ours]], answer)
        cut += bool((x < p.most * (1.0 - 1e-9)).any())
    return cut


def assert_status(p, status, x):
    above, below = lindistflow.room_kw(p, p.most)
    room = min(above.min(initial=math.inf), below.min(initial=math.inf))
    if p.broken_by > TIGHT_KW:
        assert status == "base_overload"
    elif room < -TIGHT_KW:
        assert status == "cleared" or p.broken_by > -1e-9
    elif room > TIGHT_KW and p.broken_by < -TIGHT_KW:
        assert status == "free"
    if status == "free":
        assert np.array_equal(x, p.most)


def assert_binding(p, x, trades, answer):
    """A trade that is cut names a limit without room that it would break; others name none."""
    above, below = lindistflow.room_kw(p, x)
    owners = {}
    for i, (kind, place, _) in enumerate(p.owner):
        owners.setdefault(("voltage", place) if kind == "voltage" else ("branch", place), []).append(i)
    _, rows = trades
    branch, bus = answer.layout.branch(rows), answer.layout.bus(rows)
    for i in range(p.n_trades):
        assert branch[i] < 0 or bus[i] < 0
        if p.most[i] > 0.0 and p.most[i] - x[i] < 1e-10 * p.most[i]:
            assert branch[i] == bus[i] == -1
        elif p.most[i] - x[i] > 1e-5 and p.weight[i] > 1e-5:
            at = owners[("branch", branch[i]) if branch[i] >= 0 else ("voltage", bus[i])]
            assert any((above[r] < 1e-5 and p.columns[r, i] > 0) or (below[r] < 1e-5 and p.columns[r, i] < 0) for r in at)


@every_way
@pytest.mark.parametrize("kind", ["lines 4 1", "Dyn 6 1", "unlike 8 1"])
def test_small_feeders_are_cleared_to_the_optimum(kind, physics, objective, unserved):
    assert assert_is_the_optimum(kind, (physics, objective, unserved), unique=True) >= 2


@pytest.mark.slow
@every_way
@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("name", phase_books.RANDOM)
def test_many_feeders_are_cleared_to_the_optimum(name, seed, physics, objective, unserved):
    assert_is_the_optimum(name, (physics, objective, unserved), seed, unique=True)


@pytest.mark.parametrize("name", phase_books.RANDOM[1:2] + phase_books.RANDOM[3:])
def test_feeders_of_every_kind_are_cleared_to_the_optimum(name):
    """Two of the ways each, so that every way is seen."""
    place = phase_books.RANDOM.index(name)
    assert sum(assert_is_the_optimum(name, WAYS[(place + more) % len(WAYS)], 7) for more in (0, 3)) >= 2


@pytest.mark.parametrize("name", [LARGE[0], pytest.param(LARGE[1], marks=pytest.mark.slow)])
@pytest.mark.parametrize("unserved", RULES)
def test_shipped_networks_are_cleared_to_the_optimum(name, unserved):
    ways = (("dc", "welfare", unserved), ("lindistflow", "volume", unserved))
    assert all(assert_is_the_optimum(name, way) >= 1 for way in ways)


@pytest.mark.parametrize("physics", PHYSICS)
@pytest.mark.parametrize("name", ["Dyn 6 1", "YNyn 6 2", "cigre_lv"])
def test_reverse_power_is_that_of_all_phases(name, physics):
    """Beside the limits of conductors; the power that one phase sends back another may draw."""
    assert assert_is_the_optimum(name, (physics, "volume", "retail"), reverse=True) >= 2
    books, band = batch(name, 0, True)
    answer = phase_books.clear(books, physics=physics, **band)
    network = books.network
    at = np.isfinite(network.reverse_kw)
    back = (network.upward[:, None] * answer.flow_kw)[:, at].sum(axis=2)
    before = np.array([  # of the base
        p.base[[i for i, owner in enumerate(p.owner) if owner[0] == "reverse"]]
        for _, p in problems(name, physics, "volume", "retail", 0, True)
    ])  # fmt: skip
    assert (back <= np.maximum(network.reverse_kw[at], before) + TIGHT_KW).all()
    assert (back > network.reverse_kw[at] - TIGHT_KW).any()


@every_way
@pytest.mark.parametrize("name", ["lines 9 2", "Dyn 9 2"])
def test_solvers_agree(name, physics, objective, unserved):
    books, band = batch(name)
    answers = [
        phase_books.clear(books, physics=physics, objective=objective, unserved=unserved, solver=solver, **band)
        for solver in ("auto", "compiled", "highs")
    ]
    for other in answers[1:]:
        np.testing.assert_allclose(other.executed_kwh, answers[0].executed_kwh, rtol=0, atol=TIGHT_KW)
        np.testing.assert_allclose(other.exported_kw, answers[0].exported_kw, rtol=0, atol=TIGHT_KW)
        assert other.status.tolist() == answers[0].status.tolist()


def room_alone(p, x):
    """kW by which each column could grow if all others stayed."""
    above, below = lindistflow.room_kw(p, x)
    scale = np.abs(p.columns).max(axis=1, initial=0.0)
    relative = p.columns / np.where(scale > 0.0, scale, 1.0)[:, None]
    room = np.where(relative > 1e-9, above[:, None], np.where(relative < -1e-9, below[:, None], np.inf))
    return (room / np.maximum(np.abs(relative), 1e-9)).min(axis=0)


@pytest.mark.parametrize("unserved", RULES)
@pytest.mark.parametrize("physics", PHYSICS)
@pytest.mark.parametrize("name", ["lines 9 2", "Dyn 6 1", "cigre_lv"])
def test_pro_rata_keeps_every_limit_and_leaves_no_trade_room(name, physics, unserved):
    """Exports come after all trades, and may make room for them again on another phase."""
    books, band = batch(name)
    answer = phase_books.clear(books, physics=physics, objective="pro_rata", unserved=unserved, **band)
    offset = books.trades.offset
    for k, (_, p) in enumerate(problems(name, physics, "volume", unserved)):
        x = np.concatenate([answer.executed_kwh[offset[k] : offset[k + 1]], answer.exported_kw[k, p.sources]])
        before_exports = np.where(np.arange(len(x)) < p.n_trades, x, 0.0)
        for state, of in ((before_exports, slice(0, p.n_trades)), (x, slice(p.n_trades, None))):
            assert min(side.min(initial=0.0) for side in lindistflow.room_kw(p, state)) > -TIGHT_KW
            room = room_alone(p, state)[of]
            assert (room[(p.most - x)[of] > 1e-5] < 1e-5).all()


@pytest.mark.parametrize("unserved", RULES)
@pytest.mark.parametrize("physics", PHYSICS)
def test_some_buses_alone_are_all_buses_with_zeros(physics, unserved):
    books, band = batch("cigre_lv")
    narrow = phase_books.clear(books, physics=physics, unserved=unserved, **band)
    n_books, n = len(books.base_kw), books.network.n_bus
    wide = {}
    for name in ("base_kw", "base_kvar", "export_kw", "pv_kvar_per_kw", "load_kvar_per_kw", "pv_phase", "load_phase"):
        value = getattr(books, name)
        shape = (n, *value.shape[2:]) if value.ndim > 1 else (n,)
        whole = np.zeros((n_books, *shape) if value.ndim > 1 else shape, value.dtype)
        whole[(slice(None),) * (value.ndim > 1) + (books.at,)] = value
        wide[name] = whole
    trades = replace(books.trades, seller=books.at[books.trades.seller], buyer=books.at[books.trades.buyer])
    answer = fastp2p.clear(
        books.network, trades, wide["base_kw"], export_kw=wide["export_kw"], physics=physics, unserved=unserved, **band,
        reactive=fastp2p.Reactive(wide["base_kvar"], wide["pv_kvar_per_kw"], wide["load_kvar_per_kw"]),
        connection=fastp2p.Connection(load_phase=wide["load_phase"], pv_phase=wide["pv_phase"]),
    )  # fmt: skip
    np.testing.assert_allclose(answer.executed_kwh, narrow.executed_kwh, rtol=0, atol=1e-9)
    np.testing.assert_allclose(answer.injection.kw[:, books.at], narrow.injection.kw, rtol=0, atol=1e-9)
    assert answer.status.tolist() == narrow.status.tolist()
    assert answer.binding_bus.tolist() == narrow.binding_bus.tolist()


@pytest.mark.parametrize("unserved", RULES)
@pytest.mark.parametrize("objective", [*OBJECTIVES, "pro_rata"])
@pytest.mark.parametrize("name", ["lines 9 2", "Dyn 6 1", "cigre_lv"])
def test_dc_knows_no_reactive_power(name, objective, unserved):
    """Given kvar change nothing, whatever they are."""
    books, band = batch(name)
    options = {"physics": "dc", "objective": objective, "unserved": unserved, **band}
    found, without = phase_books.clear(books, **options), phase_books.clear(books, reactive=None, **options)
    np.testing.assert_array_equal(found.executed_kwh, without.executed_kwh)
    np.testing.assert_array_equal(found.exported_kw, without.exported_kw)
    np.testing.assert_array_equal(found.binding_row, without.binding_row)
    np.testing.assert_array_equal(found.loading_percent, without.loading_percent)
    np.testing.assert_array_equal(found.flow_kw, without.flow_kw)
    np.testing.assert_array_equal(found.flow_kvar, 0.0)


def test_a_trade_that_passes_no_full_conductor_waits_for_none():
    """Both ends are on phase a behind the full one; what they draw and feed in of kvar differs."""
    books, _ = batch("lines 4 1")
    network = books.network
    inner = np.flatnonzero(network.has_band)
    (first,) = np.flatnonzero(network.is_reference[network.from_bus] | network.is_reference[network.to_bus])[:1]
    limited = replace(network, limit_kw=np.where(np.arange(network.n_branch) == first, 24.0, np.inf))
    below = np.setdiff1d([network.from_bus[first], network.to_bus[first]], network.reference_bus)[0]
    assert len(inner) == 3
    seller, other = inner[inner != below][0], below
    trades = lindistflow.trades_of((seller, network.slack_bus, 10.0, 0.3, 0.1), (seller, other, 5.0, 0.3, 0.1))
    for objective in ("volume", "pro_rata"):
        answer = fastp2p.clear(
            limited, trades, np.zeros((1, 4, 3)), objective=objective, unserved="shed", connection=fastp2p.Connection(0, 0),
            reactive=fastp2p.Reactive(0.0, 0.13, 0.3),
        )  # fmt: skip
        np.testing.assert_allclose(answer.executed_kwh, [8.0, 5.0], rtol=0, atol=TIGHT_KW)


# ----------------------------------------------------------------------------------------------------------------- balanced


@pytest.mark.parametrize("unserved", RULES)
@pytest.mark.parametrize("objective", [*OBJECTIVES, "pro_rata"])
@pytest.mark.parametrize("physics", [*PHYSICS, "ac"])
@pytest.mark.parametrize("name", ["Dyn 9 2", "cigre_lv"])
def test_balanced_participants_are_the_balanced_model(name, physics, objective, unserved):
    """Everybody a third on each phase: the same energy, three times a third of every flow, and prices that add up.

    A conductor's kVA is one of a third of the branch, so three kVA more of it are one more of each conductor.
    """
    books, band = batch(name, seed=3)
    books = replace_books(books, base_kw=thirds(books.base_kw), base_kvar=thirds(books.base_kvar))
    books.load_phase = books.pv_phase = np.full(books.load_phase.shape, 3, np.int8)
    options = {"physics": physics, "objective": objective, "unserved": unserved, **band}
    found = phase_books.clear(books, **options)
    expected = fastp2p.clear(
        books.network, books.trades, books.base_kw.sum(axis=2), export_kw=books.export_kw, bus=books.at, **options,
        reactive=fastp2p.Reactive(books.base_kvar.sum(axis=2), books.pv_kvar_per_kw, books.load_kvar_per_kw),
    )  # fmt: skip
    assert (expected.status == "cleared").any()
    assert found.status.tolist() == expected.status.tolist()
    near = {"rtol": 0, "atol": 1e-9 if physics != "ac" else 1e-5}
    np.testing.assert_allclose(found.executed_kwh, expected.executed_kwh, **near)
    np.testing.assert_allclose(found.bought_kwh, expected.bought_kwh, **near)
    np.testing.assert_allclose(found.exported_kw, expected.exported_kw, **near)
    np.testing.assert_allclose(found.slack_kw, expected.slack_kw, rtol=0, atol=1e-7 if physics != "ac" else 1e-3)
    for name_of in ("flow_kw", "flow_kvar"):
        value = getattr(found, name_of)
        atol = 1e-7 if physics != "ac" else 1e-3
        np.testing.assert_allclose(value.sum(axis=2), getattr(expected, name_of), rtol=0, atol=atol)
        np.testing.assert_allclose(value - value.mean(axis=2, keepdims=True), 0.0, rtol=0, atol=1e-9)
    np.testing.assert_allclose(found.injection.kw.sum(axis=2), expected.injection.kw, **near)
    np.testing.assert_allclose(found.loading_percent, expected.loading_percent, rtol=1e-9 if physics != "ac" else 1e-4)
    if physics != "ac" and objective != "pro_rata":
        sound = expected.status == "cleared"
        assert (expected.shadow_price[sound] != 0.0).any() or (expected.voltage_price[sound] != 0.0).any()
        prices = found.shadow_price[sound].sum(axis=2) / 3.0, found.voltage_price[sound].sum(axis=2)
        np.testing.assert_allclose(prices[0], expected.shadow_price[sound], rtol=1e-6, atol=1e-7)
        np.testing.assert_allclose(prices[1], expected.voltage_price[sound], rtol=1e-6, atol=1e-5)


def thirds(value):
    return np.repeat(value.sum(axis=2, keepdims=True) / 3.0, 3, axis=2)


def replace_books(books, **changes):
    return type(books)(**{**vars(books), **changes})
