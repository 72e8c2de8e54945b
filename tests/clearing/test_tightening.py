"""clear with an AC power flow behind it: what is executed keeps every limit; what limits are worth; bad input."""

import functools
import itertools
import math
import re
from dataclasses import replace

import numpy as np
import pandapower
import pandapower.networks
import pytest

import fastp2p
from tests.oracles import lindistflow as oracle

VOLTAGE_TOLERANCE = 1e-6
LOADING_TOLERANCE = 1e-4
NETWORKS = ["cigre_lv", "village_1", "tree"]
BANDS = {"cigre_lv": (0.98, 1.03), "village_1": (0.985, 1.01), "tree": (0.97, 1.03)}
LOADS_KW = {"cigre_lv": (1.0, 20.0), "village_1": (0.5, 10.0), "tree": (1.0, 15.0)}
N_BOOKS = 60

every_network = pytest.mark.parametrize("name", NETWORKS)
every_rule = pytest.mark.parametrize("unserved", ["retail", "shed"])


@functools.cache
def batch(name):
    """(network with narrow branches, trades, base_kw, export_kw, reactive)."""
    rng = np.random.default_rng([8, NETWORKS.index(name)])
    network = oracle.tree(24, 1) if name == "tree" else fastp2p.Network.load(name)
    network = replace(network, limit_kw=np.minimum(network.limit_kw, rng.uniform(40.0, 250.0, network.n_branch)))
    return network, *oracle.sunny_books(network, rng, N_BOOKS, load_kw=LOADS_KW[name])


def clear_some(name, first=0, last=N_BOOKS, *, exports=True, **options):
    network, trades, base, export, reactive = batch(name)
    v_min, v_max = BANDS[name]
    return fastp2p.clear(
        network, oracle.some_books(trades, first, last), base[first:last], export_kw=export[first:last] if exports else None,
        reactive=replace(reactive, base_kvar=reactive.base_kvar[first:last]), v_min_pu=v_min, v_max_pu=v_max, **options,
    )  # fmt: skip


@functools.cache
def cleared(name, physics, unserved):
    return clear_some(name, physics=physics, unserved=unserved)


def floors(name, unserved):
    """(p, q) of every book with nothing executed, (n_books, n_bus) each."""
    network, trades, base, export, reactive = batch(name)
    load = np.broadcast_to(reactive.load_kvar_per_kw, network.n_bus)
    books = [oracle.one_book(trades, base, reactive.base_kvar, export, k) for k in range(len(base))]
    return np.array([oracle.floor_of(book, load, unserved) for book in books]).transpose(1, 0, 2)


def excess(name, unserved, answer):
    """By how much the executed state breaks limits that the base keeps, or breaks less: p.u. and %, (n_books,) each."""
    network, (v_min, v_max) = batch(name)[0], BANDS[name]
    before = fastp2p.ac_flow(network, *floors(name, unserved))
    after = fastp2p.ac_flow(network, answer.injection_kw, answer.injection_kvar)
    assert before.converged.all()
    assert after.converged.all()
    limited = np.isfinite(network.limit_kw)
    over = after.vm_pu - np.maximum(before.vm_pu, v_max)
    under = np.minimum(before.vm_pu, v_min) - after.vm_pu
    loading = (after.loading_percent - np.maximum(before.loading_percent, 100.0))[:, limited]
    return np.maximum(over, under).max(axis=1), loading.max(axis=1)


# --------------------------------------------------------------------------------------------------------- what is executed


@pytest.mark.slow
@every_rule
@every_network
def test_what_is_executed_keeps_every_limit_that_the_base_keeps(name, unserved):
    answer = cleared(name, "ac", unserved)
    feasible = answer.status != "ac_broken"
    volts, percent = excess(name, unserved, answer)
    assert (volts[feasible] <= VOLTAGE_TOLERANCE).all()
    assert (percent[feasible] <= LOADING_TOLERANCE).all()
    assert len(np.unique(batch(name)[1].book[(answer.binding_branch >= 0) | (answer.binding_bus >= 0)])) > 0.3 * N_BOOKS


def test_few_books_stay_broken_and_only_where_the_base_is():
    """A row that the base breaks cannot be tightened: nothing executed has to stay possible."""
    n_broken = 0
    for name, unserved in itertools.product(NETWORKS, ("retail", "shed")):
        network, (v_min, v_max) = batch(name)[0], BANDS[name]
        broken = cleared(name, "ac", unserved).status == "ac_broken"
        n_broken += np.count_nonzero(broken)
        before = fastp2p.ac_flow(network, *(part[broken] for part in floors(name, unserved)))
        outside = ((before.vm_pu < v_min) | (before.vm_pu > v_max)).any(axis=1)
        assert (outside | (before.loading_percent > 100.0).any(axis=1)).all()
    assert n_broken <= 0.02 * 2 * N_BOOKS * len(NETWORKS)


def test_lindistflow_alone_breaks_some_of_them():
    """Else the tests here would show nothing."""
    cases = itertools.product(NETWORKS, ("retail", "shed"))
    found = [excess(name, unserved, cleared(name, "lindistflow", unserved)) for name, unserved in cases]
    volts, percent = (np.concatenate(part) for part in zip(*found, strict=True))
    assert np.count_nonzero(volts > 1e-4) > 10
    assert np.count_nonzero(percent > 0.1) > 5


@every_rule
@every_network
def test_a_book_is_broken_only_where_a_limit_is(name, unserved):
    answer = cleared(name, "ac", unserved)
    volts, percent = excess(name, unserved, answer)
    kept = (volts <= VOLTAGE_TOLERANCE) & (percent <= LOADING_TOLERANCE)
    assert not (kept & (answer.status == "ac_broken")).any()


@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
@every_rule
@every_network
def test_linear_rows_are_kept_on_shipped_networks(name, unserved, objective):
    """Iron losses and line charging are in the rows as they are in `lindistflow`."""
    network, (v_min, v_max) = batch(name)[0], BANDS[name]
    answer = clear_some(name, physics="lindistflow", unserved=unserved, objective=objective)
    assert not (answer.status == "failed").any()
    before = fastp2p.lindistflow(network, *floors(name, unserved))
    after = fastp2p.lindistflow(network, answer.injection_kw, answer.injection_kvar)
    inner = np.setdiff1d(np.arange(network.n_bus), network.reference_bus)
    assert (after.vm_pu <= np.maximum(before.vm_pu, v_max) + 1e-8)[:, inner].all()
    assert (after.vm_pu >= np.minimum(before.vm_pu, v_min) - 1e-8)[:, inner].all()
    for angle in np.radians(oracle.ANGLES):
        sides = [math.cos(angle) * flow.flow_kw + math.sin(angle) * flow.flow_kvar for flow in (before, after)]
        limit = network.limit_kw * oracle.APOTHEM
        assert (sides[1] <= np.maximum(sides[0], limit) + 1e-6).all()
        assert (sides[1] >= np.minimum(sides[0], -limit) - 1e-6).all()


@pytest.mark.parametrize("objective", ["volume", "welfare"])
def test_no_book_fails_where_buses_are_nearly_alike(objective):
    """Line charging makes the rows of neighbouring buses differ in the tenth digit; many of them bind at once here."""
    network = fastp2p.Network.load("village_1")
    books = oracle.sunny_books(network, np.random.default_rng(1), 40, load_kw=(0.5, 8.0), power_factor=(-0.3, 0.3))
    trades, base, export, reactive = books
    answer = fastp2p.clear(
        network, trades, base, export_kw=export, reactive=reactive, unserved="shed", objective=objective, physics="lindistflow",
        v_min_pu=0.99,
    )  # fmt: skip
    assert np.flatnonzero(answer.status == "failed").tolist() == []


@every_rule
@every_network
def test_nothing_is_executed_beyond_what_was_matched(name, unserved):
    _, trades, _, export, _ = batch(name)
    answer = cleared(name, "ac", unserved)
    assert ((answer.executed_kwh >= 0) & (answer.executed_kwh <= trades.quantity_kwh)).all()
    assert ((answer.exported_kw >= 0) & (answer.exported_kw <= export)).all()
    free = np.repeat(answer.status == "free", np.diff(trades.offset))
    assert np.array_equal(answer.executed_kwh[free], trades.quantity_kwh[free])


@every_rule
@every_network
def test_injections_are_those_of_what_is_executed(name, unserved):
    network, trades, base, export, reactive = batch(name)
    answer = cleared(name, "ac", unserved)
    pv, load = (np.broadcast_to(part, network.n_bus) for part in (reactive.pv_kvar_per_kw, reactive.load_kvar_per_kw))
    for k in range(N_BOOKS):
        book, ours = oracle.one_book(trades, base, reactive.base_kvar, export, k), slice(*trades.offset[k : k + 2])
        state = oracle.executed_state(book, pv, load, unserved, answer.executed_kwh[ours], answer.exported_kw[k])
        np.testing.assert_allclose([answer.injection_kw[k], answer.injection_kvar[k]], state, rtol=0, atol=1e-9)


@every_rule
@every_network
def test_ac_cuts_a_little_more_than_lindistflow(name, unserved):
    """Rows are only ever tightened, and by errors of some tenths of a per cent of voltage in a band of some per cent."""
    trades = batch(name)[1]
    exact, linear = cleared(name, "ac", unserved), cleared(name, "lindistflow", unserved)
    more = np.bincount(trades.book, linear.executed_kwh - exact.executed_kwh, minlength=N_BOOKS)
    assert (more >= -1e-6).all()
    cut = (trades.quantity_kwh - linear.executed_kwh).sum()
    assert cut > 0.01 * trades.quantity_kwh.sum()
    assert more.sum() <= 0.1 * cut + 0.01 * trades.quantity_kwh.sum()


@every_rule
@every_network
def test_a_cut_trade_names_one_limit_that_is_near(name, unserved):
    """Near, not reached: tightening goes by the linear row, which may stop some tenths of a per cent short."""
    network, trades, _, _, _ = batch(name)
    answer, (v_min, v_max) = cleared(name, "ac", unserved), BANDS[name]
    before = fastp2p.ac_flow(network, *floors(name, unserved))
    after = fastp2p.ac_flow(network, answer.injection_kw, answer.injection_kvar)
    branch, bus, cut = answer.binding_branch, answer.binding_bus, trades.quantity_kwh - answer.executed_kwh
    assert ((branch < 0) | (bus < 0)).all()
    assert ((branch < 0) & (bus < 0))[cut < 1e-10].all()
    solved = ~np.isin(answer.status, ["ac_broken", "failed"])[trades.book]
    for i in np.flatnonzero((cut > 1e-5) & solved):
        k = trades.book[i]
        if branch[i] >= 0:
            assert after.loading_percent[k, branch[i]] > 90.0  # a side of the 12-gon is 96.6 % away at its middle
        else:
            assert bus[i] >= 0
            v, v_base = after.vm_pu[k, bus[i]], before.vm_pu[k, bus[i]]
            assert min(abs(v - max(v_max, v_base)), abs(v - min(v_min, v_base))) < 0.01


@every_rule
@pytest.mark.parametrize("physics", ["lindistflow", "ac"])
@pytest.mark.parametrize("size", [1, 7])
def test_batches_of_any_size_give_the_same_bits(physics, unserved, size):
    name, n_books = "cigre_lv", 28
    whole = clear_some(name, 0, n_books, physics=physics, unserved=unserved)
    parts = [clear_some(name, k, k + size, physics=physics, unserved=unserved) for k in range(0, n_books, size)]
    assert (whole.status == "cleared").any()
    names = "executed_kwh exported_kw injection_kw injection_kvar flow_kw slack_kw loading_percent status_code"
    for key in (*names.split(), "binding_branch", "binding_bus", "shadow_price", "voltage_price"):
        assert np.array_equal(np.concatenate([getattr(part, key) for part in parts]), getattr(whole, key)), key


@every_rule
def test_both_solvers_agree_under_ac(unserved):
    one, other = (clear_some("cigre_lv", physics="ac", unserved=unserved, solver=solver) for solver in ("compiled", "highs"))
    np.testing.assert_allclose(one.executed_kwh, other.executed_kwh, rtol=0, atol=1e-6)
    assert one.status.tolist() == other.status.tolist()


def test_some_buses_alone_are_all_buses_with_zeros():
    network, trades, base, export, reactive = batch("cigre_lv")
    inner = np.setdiff1d(np.arange(network.n_bus), network.reference_bus)
    place = np.full(network.n_bus, -1)
    place[inner] = np.arange(len(inner))
    narrow_trades = replace(trades, seller=place[trades.seller], buyer=place[trades.buyer])
    pv = np.linspace(-0.3, 0.1, network.n_bus)
    wide = fastp2p.clear(
        network, trades, base, export_kw=export, physics="ac", reactive=replace(reactive, pv_kvar_per_kw=pv), v_max_pu=1.03
    )
    narrow = fastp2p.clear(
        network, narrow_trades, base[:, inner], export_kw=export[:, inner], bus=inner, physics="ac", v_max_pu=1.03,
        reactive=replace(reactive, base_kvar=reactive.base_kvar[:, inner], pv_kvar_per_kw=pv[inner]),
    )  # fmt: skip
    np.testing.assert_allclose(narrow.executed_kwh, wide.executed_kwh, rtol=0, atol=1e-9)
    np.testing.assert_allclose(narrow.injection_kvar, wide.injection_kvar[:, inner], rtol=0, atol=1e-9)
    assert narrow.status.tolist() == wide.status.tolist()
    assert narrow.binding_bus.tolist() == wide.binding_bus.tolist()  # positions in the network, whatever the columns


# ------------------------------------------------------------------------------------------------------------ shadow prices


def assert_prices_are_slopes(status, price, step, less, same, more):
    """The optimum is concave in a limit, so its price lies between the slopes; where these agree, it is the slope."""
    cleared = status == "cleared"
    below, above = ((same - less) / step)[cleared], ((more - same) / step)[cleared]
    price = price[cleared]
    noise = 1e-6 / step + 2e-3 * np.abs(price)
    assert (price >= np.minimum(below, above) - noise).all()
    assert (price <= np.maximum(below, above) + noise).all()
    return np.count_nonzero((np.abs(price) > 1e-3) & (np.abs(below - above) < noise))


@pytest.mark.parametrize("objective", ["volume", "welfare"])
@every_rule
def test_voltage_prices_are_what_a_wider_band_brings(unserved, objective):
    _, value = oracle.priced_books(unserved, objective)
    (answer, same), step = value(), 2e-5
    upper, lower = np.maximum(answer.voltage_price, 0).sum(axis=1), np.minimum(answer.voltage_price, 0).sum(axis=1)
    assert answer.voltage_price.shape == answer.injection_kw.shape
    agree = {}
    for price, side in ((upper, (0.0, step)), (lower, (step, 0.0))):
        (_, more), (_, less) = value(wider=side), value(wider=(-side[0], -side[1]))
        agree[side] = assert_prices_are_slopes(answer.status, price, step, less, same, more)
    assert agree[0.0, step] >= 5
    assert agree[step, 0.0] >= 2 or unserved == "retail"  # there, sales raise voltages alone


@pytest.mark.parametrize("objective", ["volume", "welfare"])
@every_rule
def test_branch_prices_are_what_a_stronger_branch_brings(unserved, objective):
    network, value = oracle.priced_books(unserved, objective)
    (answer, same), step = value(), 0.02
    cleared = (answer.status == "cleared")[:, None]
    priced = np.flatnonzero(((np.abs(answer.shadow_price) > 1e-3) & cleared).any(axis=0))
    assert len(priced)
    agree = 0
    for branch in priced[:6]:
        change = step * (np.arange(network.n_branch) == branch)
        more, less = (value(network=replace(network, limit_kw=network.limit_kw + sign * change))[1] for sign in (1, -1))
        price = np.abs(answer.shadow_price[:, branch])
        agree += assert_prices_are_slopes(answer.status, price, step, less, same, more)
    assert agree >= 5


# --------------------------------------------------------------------------------------------------------------- bad inputs


def clear_nothing(network="cigre_lv", *, reactive=None, **options):
    network = fastp2p.Network.load(network) if isinstance(network, str) else network
    trades = fastp2p.Trades(np.zeros(2, np.int64), *(np.zeros(0, np.int64),) * 2, *(np.zeros(0),) * 3)
    part = None if reactive is None else fastp2p.Reactive(**({"base_kvar": 0.0} | reactive))
    return fastp2p.clear(network, trades, np.zeros((1, network.n_bus)), reactive=part, **options)


def assert_refused(*patterns, **options):
    """One message that says all of this."""
    with pytest.raises(fastp2p.InputError) as error:
        clear_nothing(**options)
    for pattern in patterns:
        assert re.search(pattern, str(error.value)), (pattern, str(error.value))


@pytest.mark.parametrize("physics", ["dc", "lindistflow", "ac"])
def test_good_input_is_not_refused(physics):
    reactive = None if physics == "dc" else {"pv_kvar_per_kw": -0.2}
    assert clear_nothing(physics=physics, reactive=reactive).status.tolist() == ["free"]


@pytest.mark.parametrize("physics", ["lindistflow", "ac"])
def test_a_voltage_band_must_be_one(physics):
    for low, high in ((1.0, 1.0), (1.05, 0.95)):
        assert_refused("v_min_pu", "v_max_pu", physics=physics, v_min_pu=low, v_max_pu=high)
    assert_refused("v_min_pu", physics=physics, v_min_pu=math.nan)
    assert_refused("v_max_pu", physics=physics, v_max_pu=math.nan)


def test_unknown_physics_are_refused():
    assert_refused("physics", "'acdc'", "dc, ", "lindistflow", physics="acdc")


@pytest.mark.parametrize("physics", ["lindistflow", "ac"])
@pytest.mark.parametrize("band", [{"v_max_pu": 0.99}, {"v_min_pu": 1.01}])
def test_an_external_grid_outside_the_band_is_refused(physics, band):
    """Nothing can be cleared where the start of the feeder is out of bounds: the message says which voltage it has."""
    assert_refused(*band, "external grid|slack", r"\b1(\.0+)?\b", physics=physics, **band)


def test_meshed_networks_are_refused():
    """The message names what is possible there: physics = "dc"."""
    net = pandapower.networks.create_cigre_network_mv()
    net.switch["closed"] = True
    for network in (fastp2p.Network.from_pandapower(net), fastp2p.Network.load("case9")):
        assert not network.is_radial
        for physics in ("lindistflow", "ac"):
            assert_refused("radial|meshed", physics, r"\bdc\b", network=network, physics=physics)
        with pytest.raises(fastp2p.InputError, match=r"radial|meshed"):
            fastp2p.lindistflow(network, np.zeros((1, network.n_bus)))


@pytest.mark.parametrize("physics", ["lindistflow", "ac"])
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("base_kvar", np.zeros((2, 3))),
        ("base_kvar", math.nan),
        ("pv_kvar_per_kw", math.inf),
        ("pv_kvar_per_kw", np.zeros(3)),
        ("load_kvar_per_kw", math.nan),
        ("load_kvar_per_kw", np.zeros((1, 3))),
    ],
)
def test_reactive_power_must_fit(physics, key, value):
    assert_refused(key, physics=physics, reactive={key: value})
