"""Equal treatment on three phases: numbers of buses, names of phases and orders of trades change nothing; bad input."""

import functools
import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pandapower as pp
import pandapower.toolbox
import pytest

import fastp2p
from tests.oracles.lindistflow import trades_of
from tests.support import phase_books
from tests.support.numbering import moved
from tests.support.phase_books import network_of
from tests.support.shipped import shipped

WAYS = list(itertools.product(("dc", "lindistflow", "ac"), ("volume", "welfare", "pro_rata"), ("retail", "shed")))
NAMES = ("Dyn 9 2", "lines 9 2", "YNyn 7 1", "Yzn 6 1")
EXACT = 1e-9
"""Of what a book matched and may export."""
N_BOOKS = 16

every_way = pytest.mark.parametrize("way", WAYS)


@functools.cache
def batch(name, seed=0):
    network, rng = network_of(name), np.random.default_rng([seed, len(name), ord(name[-1])])
    return phase_books.bound(phase_books.random_books(network, rng, N_BOOKS), rng)


def clear(books, way, band):
    physics, objective, unserved = way
    return phase_books.clear(books, physics=physics, objective=objective, unserved=unserved, **band)


def changed(books, **changes):
    return type(books)(**{**vars(books), **changes})


def size_of(books):
    matched = np.bincount(books.trades.book, books.trades.quantity_kwh, minlength=len(books.base_kw))
    return matched + books.export_kw.sum(axis=1) + 1e-300


def assert_cut(answer, least=0.1):
    assert "failed" not in answer.status
    assert (answer.status != "free").mean() >= least


def assert_same(books, first, second, columns=slice(None), order=slice(None), share=EXACT):
    """`columns`: where the columns of the first have gone; `order`: the place in the first of each trade of the second."""
    size = size_of(books)
    gap = np.abs(second.executed_kwh - first.executed_kwh[order]) / size[books.trades.book]
    assert gap.max(initial=0.0) <= share
    assert (np.abs(second.exported_kw[:, columns] - first.exported_kw) <= share * size[:, None]).all()
    assert second.status.tolist() == first.status.tolist()


# ---------------------------------------------------------------------------------------------------- numbers and phases


@functools.cache
def renumbered(name, seed=3):
    """The network with its buses numbered anew, and the new position of every bus."""
    kind, *numbers = name.split()
    net, network = phase_books.feeder(kind, *map(int, numbers)), network_of(name)
    ids = net.bus.index.to_numpy()
    new = dict(zip(ids.tolist(), np.random.default_rng(seed).permutation(ids).tolist(), strict=True))
    pandapower.toolbox.reindex_buses(net, new)
    net.bus = net.bus.sort_index()
    stated = {"grid": "ideal"} if int(numbers[1]) % 2 else None
    other = fastp2p.Network.from_pandapower(net, phases=3, zero_sequence=stated)
    assert (other.element_id == network.element_id).all()
    return other, np.array([int(other.positions([new[i]])[0]) for i in network.bus_id.tolist()])


def check_numbers(name, way, seed=0):
    books, band = batch(name, seed)
    other, to = renumbered(name)
    assert (to != np.arange(len(to))).sum() > len(to) / 2
    at = np.sort(to[books.at])
    columns = np.searchsorted(at, to[books.at])
    there = changed(
        books,
        network=replace(other, limit_kw=books.network.limit_kw),
        at=at,
        trades=replace(books.trades, seller=columns[books.trades.seller], buyer=columns[books.trades.buyer]),
        **{key: moved(getattr(books, key), columns) for key in ("export_kw", "pv_phase", "load_phase")},
        **{key: moved(getattr(books, key), columns) for key in ("pv_kvar_per_kw", "load_kvar_per_kw")},
        **{key: moved(getattr(books, key).swapaxes(1, 2), columns).swapaxes(1, 2) for key in ("base_kw", "base_kvar")},
    )
    first, second = clear(books, way, band), clear(there, way, band)
    assert_cut(first)
    assert_same(books, first, second, columns)
    np.testing.assert_allclose(second.flow_kw, first.flow_kw, rtol=0, atol=1e-6)
    np.testing.assert_allclose(second.injection.kw[:, columns], first.injection.kw, rtol=0, atol=1e-6)


@every_way
def test_numbers_of_buses_change_nothing(way):
    check_numbers(NAMES[WAYS.index(way) % len(NAMES)], way)


def check_turned(name, way, by, seed=0):
    books, band = batch(name, seed)
    turned = changed(
        books,
        **{key: np.roll(getattr(books, key), by, axis=2) for key in ("base_kw", "base_kvar")},
        **{
            key: np.where(code < 3, (code + by) % 3, 3).astype(np.int8)
            for key, code in (("pv_phase", books.pv_phase), ("load_phase", books.load_phase))
        },
    )
    first, second = clear(books, way, band), clear(turned, way, band)
    assert_cut(first)
    # Sweeps end by the real and imaginary parts of a step, so a book turned may take one sweep more, of 1e-9 p.u.
    assert_same(books, first, second, share=1e-6 if way[0] == "ac" else EXACT)
    np.testing.assert_allclose(second.injection.kw, np.roll(first.injection.kw, by, axis=2), rtol=0, atol=1e-5)
    np.testing.assert_allclose(second.flow_kw, np.roll(first.flow_kw, by, axis=2), rtol=0, atol=1e-5)
    np.testing.assert_allclose(second.flow_kvar, np.roll(first.flow_kvar, by, axis=2), rtol=0, atol=1e-5)
    np.testing.assert_allclose(second.slack_kw, first.slack_kw, rtol=0, atol=1e-5)


@every_way
def test_names_of_phases_change_nothing(way):
    """a, b, c turned into b, c, a: lines and transformers are alike on all, and so is the grid."""
    place = WAYS.index(way)
    check_turned(NAMES[(place + 1) % len(NAMES)], way, 1 + place % 2)


@pytest.mark.slow
@every_way
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [1, 2])
def test_numbers_and_phases_change_nothing_in_many_books(name, seed, way):
    check_numbers(name, way, seed)
    check_turned(name, way, 1, seed)
    check_turned(name, way, 2, seed)


@every_way
def test_the_order_of_trades_changes_nothing(way):
    books, band = batch(NAMES[WAYS.index(way) % 2])
    rng, trades = np.random.default_rng(7), books.trades
    order = np.concatenate([begin + rng.permutation(end - begin) for begin, end in itertools.pairwise(trades.offset.tolist())])
    names = ("seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh")
    other = fastp2p.Trades(trades.offset, *(getattr(trades, name)[order] for name in names))
    first, second = clear(books, way, band), clear(changed(books, trades=other), way, band)
    assert_same(books, first, second, order=order)


# -------------------------------------------------------------------------------------------------------------------- twins


@functools.cache
def twin_network():
    """Buses 1 to 4 behind equal lines from bus 0's only neighbour, 5; 1 and 2 sell, 3 and 4 buy."""
    net = pp.create_empty_network()
    pp.create_buses(net, 6, 0.4)
    pp.create_ext_grid(net, 0)
    zero = {"r0_ohm_per_km": 0.9, "x0_ohm_per_km": 0.4, "c0_nf_per_km": 0.0}
    for one, other, km in [(0, 5, 0.2), *((5, twin, 0.1) for twin in (1, 2, 3, 4))]:
        pp.create_line_from_parameters(net, one, other, km, 0.3, 0.1, 0.0, 1.0, **zero)
    network = fastp2p.Network.from_pandapower(net, phases=3, zero_sequence={"grid": "ideal"})
    return replace(network, limit_kw=np.array([90.0, *[np.inf] * 4]))


def clear_twins(way, pv_phase, load_phase=(3, 3, 3, 3, 3, 3), export_kw=None, quantity=(25.0, 15.0)):
    """Both sellers offer to both buyers: quantity of the one and of the other buyer's trades."""
    trades = trades_of(*((s, b, kwh, 0.3, 0.1) for s in (1, 2) for b, kwh in zip((3, 4), quantity, strict=True)))
    physics, objective, unserved = way
    return fastp2p.clear(
        twin_network(), trades, np.zeros((1, 6, 3)), export_kw=export_kw, physics=physics, objective=objective,
        unserved=unserved, v_min_pu=0.9, v_max_pu=1.04, connection=fastp2p.Connection(np.array(load_phase), np.array(pv_phase)),
    )  # fmt: skip


@every_way
@pytest.mark.parametrize("phase", [0, 1, 2])
def test_twins_on_one_phase_get_the_same_share(way, phase):
    export = np.array([[0.0, 5.0, 5.0, 0.0, 0.0, 0.0]])
    answer = clear_twins(way, np.full(6, phase), export_kw=export)
    one, other = answer.executed_kwh[:2].sum(), answer.executed_kwh[2:].sum()
    assert answer.is_cut.all()
    assert one == pytest.approx(other, rel=EXACT)
    assert answer.exported_kw[0, 1] == pytest.approx(answer.exported_kw[0, 2], abs=1e-9)


@pytest.mark.parametrize("way", [way for way in WAYS if way[0] != "ac"])
def test_trades_that_the_network_does_not_tell_apart_get_the_same_share(way):
    """Both buyers are on one phase behind equal lines: of each seller's two trades the same part is executed."""
    answer = clear_twins(way, np.full(6, 1), load_phase=np.full(6, 3), quantity=(25.0, 15.0))
    share = answer.executed_kwh / np.array([25.0, 15.0, 25.0, 15.0])
    assert answer.is_cut.all()
    if way[2] == "retail":
        np.testing.assert_allclose(share, share[0], rtol=1e-9)


@pytest.mark.parametrize("way", [way for way in WAYS if way[0] != "ac"])
def test_another_phase_may_have_room(way):
    """A limit is of one phase: the seller beside a full conductor is not cut for it, and is treated by its own."""
    limited = replace(twin_network(), limit_kw=np.array([45.0, *[np.inf] * 4]))
    physics, objective, _ = way
    answer = fastp2p.clear(
        limited, trades_of((1, 0, 40.0, 0.3, 0.1), (2, 0, 10.0, 0.3, 0.1)), np.zeros((1, 6, 3)), physics=physics,
        objective=objective, v_min_pu=0.1, v_max_pu=3.0, connection=fastp2p.Connection(3, np.array([3, 0, 1, 3, 3, 3])),
    )  # fmt: skip
    np.testing.assert_allclose(answer.executed_kwh, [15.0, 10.0], rtol=0, atol=1e-6)


# --------------------------------------------------------------------------------------------------------------- bad inputs


@functools.cache
def good_network():
    return network_of("lines 4 1")


def refusal(network=None, *, base_kw=None, connection=None, n_books=1, **options):
    """The message that a clearing of nothing gives; what is built of `connection` may already be refused."""
    network = network or good_network()
    nothing = fastp2p.Trades(np.zeros(n_books + 1, np.int64), *np.zeros((2, 0), np.int64), *np.zeros((3, 0)))
    base = np.zeros((n_books, network.n_bus, 3)) if base_kw is None else base_kw

    def ask():
        given = connection() if callable(connection) else fastp2p.Connection(**(connection or {}))
        fastp2p.clear(network, nothing, base, connection=given, **options)

    with pytest.raises(fastp2p.InputError) as error:
        ask()
    return str(error.value)


@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
@pytest.mark.parametrize("connection", [
    {}, {"load_phase": 0}, {"pv_phase": [0, 1, 2, 3]}, {"load_phase": np.zeros((2, 4), np.int8), "pv_phase": np.full(4, 2)},
])  # fmt: skip
def test_good_input_is_not_refused(physics, connection):
    nothing = fastp2p.Trades(np.zeros(3, np.int64), *np.zeros((2, 0), np.int64), *np.zeros((3, 0)))
    answer = fastp2p.clear(
        good_network(), nothing, np.zeros((2, 4, 3)), physics=physics, connection=fastp2p.Connection(**connection)
    )
    assert answer.status.tolist() == ["free"] * 2
    assert answer.injection.kw.shape == (2, 4, 3)
    assert answer.flow_kw.shape == answer.flow_kvar.shape == answer.shadow_price.shape == (2, 3, 3)
    assert answer.voltage_price.shape == (2, 4, 3)
    assert answer.exported_kw.shape == (2, 4)


@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
def test_a_network_of_one_phase_is_refused(physics):
    said = refusal(fastp2p.Network.load("cigre_lv"), physics=physics)
    assert re.search(r"phases\s*=\s*3", said)


@pytest.mark.parametrize("physics", ["dc", "lindistflow"])
def test_meshed_networks_are_refused(physics):
    net = shipped("ieee_european_lv_asymmetric")
    ends = net.line[["from_bus", "to_bus"]].to_numpy()
    net.line.loc[max(net.line.index) + 1] = net.line.iloc[0].copy()
    net.line.loc[net.line.index[-1], ["from_bus", "to_bus"]] = ends[0, 0], ends[-1, 1]
    network = fastp2p.Network.from_pandapower(net, phases=3)
    assert not network.is_radial
    assert re.search("meshed|radial", refusal(network, physics=physics))


@pytest.mark.parametrize("shape", [(1, 4), (1, 4, 2), (4, 3), (2, 4, 3), (1, 5, 3), (1, 3, 4)])
def test_a_base_of_another_shape_is_refused(shape):
    said = refusal(base_kw=np.zeros(shape))
    assert "base_kw" in said
    assert str(shape) in said
    assert "(1, 4, 3)" in said


@pytest.mark.parametrize("shape", [(4,), (4, 3), (1, 4), (2, 4, 3), (1, 4, 1)])
def test_reactive_power_of_another_shape_is_refused(shape):
    said = refusal(reactive=fastp2p.Reactive(np.zeros(shape)), physics="lindistflow")
    assert "base_kvar" in said
    assert "(1, 4, 3)" in said


@pytest.mark.parametrize("name", ["load_phase", "pv_phase"])
@pytest.mark.parametrize("code", [4, -1, [0, 1, 2, 7], [[0, 1, -2, 3]], 1.5, math.nan, "a", None])
def test_phases_that_do_not_exist_are_refused(name, code):
    assert name in refusal(connection={name: code})


@pytest.mark.parametrize("name", ["load_phase", "pv_phase"])
@pytest.mark.parametrize("shape", [(3,), (2, 4), (1, 4, 1), (4, 1), (0,)])
def test_phases_of_another_shape_are_refused(name, shape):
    said = refusal(connection={name: np.zeros(shape, np.int8)})
    assert name in said
    assert str(shape) in said


def test_another_thing_for_a_connection_is_refused():
    assert "connection" in refusal(connection=lambda: 3)


def test_a_base_of_three_phases_needs_a_connection():
    said = refusal(connection=lambda: None)
    assert "base_kw" in said


def test_export_stays_one_number_for_each_column():
    said = refusal(export_kw=np.zeros((1, 4, 3)))
    assert "export_kw" in said


def test_numbers_that_are_not_finite_are_refused():
    base = np.zeros((2, 4, 3))
    base[1, 2, 0] = math.nan
    said = refusal(base_kw=base, n_books=2)
    assert "base_kw" in said
    assert "book 1" in said


def test_all_faults_stand_in_one_message():
    said = refusal(
        fastp2p.Network.load("cigre_lv"), base_kw=np.zeros((1, 4)), connection={"load_phase": 9, "pv_phase": np.zeros(3, int)},
        objective="profit", physics="lindistflow",
    )  # fmt: skip
    for wanted in (r"phases\s*=\s*3", "base_kw", "load_phase", "pv_phase", "'profit'"):
        assert re.search(wanted, said), (wanted, said)
