"""Power back through the transformers: hand cases, an LP from the definition, AC power flows, and what is refused."""

from dataclasses import replace
from functools import cache
from types import SimpleNamespace

import numpy as np
import pandapower as pp
import pytest

import fastp2p
from fastp2p.clearing.audit import AC_STATUS, audit
from fastp2p.clearing.families import ReverseFlow
from tests.oracles import books as oracle

PHYSICS = ["dc", "lindistflow", "ac"]
UP_KW = 3.0


def street(n_trafos=1, shunt_mw=0.0):
    """External grid, transformers without iron losses side by side, two buses in a row below them."""
    net = pp.create_empty_network()
    grid, near, far = (pp.create_bus(net, kv) for kv in (20.0, 0.4, 0.4))
    pp.create_ext_grid(net, grid)
    for _ in range(n_trafos):
        pp.create_transformer_from_parameters(
            net, grid, near, sn_mva=0.1, vn_hv_kv=20.0, vn_lv_kv=0.4, vkr_percent=1.0, vk_percent=4.0, pfe_kw=0.0,
            i0_percent=0.0,
        )  # fmt: skip
    pp.create_line_from_parameters(net, near, far, 0.1, r_ohm_per_km=0.2, x_ohm_per_km=0.08, c_nf_per_km=0.0, max_i_ka=1.0)
    if shunt_mw:
        pp.create_shunt(net, far, q_mvar=0.0, p_mw=shunt_mw)
    return net


@cache
def street_network(**street_of):
    return fastp2p.Network.from_pandapower(street(**street_of))


def limited(network, **reverse):
    return network.with_limits(**(reverse or {"reverse_kw": UP_KW}))


def one_trade(kwh=4.0):
    """The far bus sells to the near one."""
    return fastp2p.Trades(np.array([0, 1]), np.array([2]), np.array([1]), np.array([kwh]), np.array([0.2]), np.array([0.1]))


@pytest.mark.parametrize("physics", PHYSICS)
def test_a_trade_is_cut_to_what_may_flow_back(physics):
    """5 kW fixed at the far bus, less the buyer's 4: 1 flows back, so 2 of the trade's 4 are left for a limit of 3."""
    network = limited(street_network())
    answer = fastp2p.clear(network, one_trade(), [[0.0, 0.0, 5.0]], physics=physics)
    np.testing.assert_allclose(answer.executed_kwh, [2.0], rtol=1e-9)
    assert answer.status.tolist() == ["cleared"]
    assert answer.layout.name(answer.binding_row).tolist() == ["reverse trafo 0"]
    assert (answer.binding_branch.tolist(), answer.binding_bus.tolist()) == ([1], [-1])
    np.testing.assert_allclose(answer.limit_price("reverse"), [[1.0]])
    np.testing.assert_allclose(answer.shadow_price, [[0.0, 0.0]])
    assert answer.binds.tolist() == [[False, True]]  # the line, the transformer


@pytest.mark.parametrize("physics", PHYSICS)
def test_what_the_base_sends_back_no_trade_adds_to(physics):
    answer = fastp2p.clear(limited(street_network()), one_trade(), [[0.0, 0.0, 8.0]], physics=physics)
    np.testing.assert_allclose(answer.executed_kwh, [0.0], atol=1e-9)
    assert answer.status.tolist() == ["base_overload"]


@pytest.mark.parametrize("physics", PHYSICS)
@pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])
@pytest.mark.parametrize("solver", ["compiled", "highs"])
def test_exports_stop_at_the_limit_and_imports_do_not(physics, objective, solver):
    options = {"export_kw": [[0.0, 0.0, 10.0]], "objective": objective, "solver": solver, "physics": physics}
    answer = fastp2p.clear(limited(street_network()), one_trade(), [[0.0, 0.0, 0.0]], **options)
    np.testing.assert_allclose(answer.executed_kwh, [4.0], rtol=1e-9)
    np.testing.assert_allclose(answer.exported_kw, [[0.0, 0.0, UP_KW]], rtol=1e-9)
    imports = fastp2p.clear(limited(street_network()), one_trade(), [[0.0, -20.0, 0.0]], physics=physics)
    assert imports.status.tolist() == ["free"]


def test_each_of_two_transformers_side_by_side_has_a_limit():
    answer = fastp2p.clear(limited(street_network(n_trafos=2)), one_trade(), [[0.0] * 3], export_kw=[[0.0, 0.0, 10.0]])
    np.testing.assert_allclose(answer.exported_kw, [[0.0, 0.0, 2 * UP_KW]], rtol=1e-9)


def test_a_limit_of_zero_lets_nothing_back():
    answer = fastp2p.clear(limited(street_network(), reverse_kw=0.0), one_trade(), [[0.0] * 3], export_kw=[[0.0, 0.0, 10.0]])
    np.testing.assert_allclose(answer.exported_kw, 0.0, atol=1e-9)
    np.testing.assert_allclose(answer.executed_kwh, [4.0])


@pytest.mark.parametrize(("form", "limit"), [({"reverse_of_rating": 0.25}, 25.0), ({"reverse_kw": 20.0, "factor": 0.5}, 10.0)])
def test_shares_and_factors(form, limit):
    network = limited(street_network(), **form)
    np.testing.assert_array_equal(network.reverse_kw, [np.inf, limit])
    assert network.with_limits().reverse_kw.tolist() == [np.inf, np.inf]


def test_only_the_first_transformers_below_the_grid_are_limited():
    """A line, a transformer, and a second one below it; then the same with the first one drawn the other way round."""
    net = pp.create_empty_network()
    bus = [pp.create_bus(net, kv) for kv in (110.0, 110.0, 20.0, 0.4)]
    pp.create_ext_grid(net, bus[0])
    pp.create_line(net, bus[0], bus[1], 1.0, "149-AL1/24-ST1A 110.0")
    pp.create_transformer(net, bus[1], bus[2], "25 MVA 110/20 kV")
    pp.create_transformer(net, bus[2], bus[3], "0.4 MVA 20/0.4 kV")
    network = limited(fastp2p.Network.from_pandapower(net), reverse_of_rating=0.1)
    expected = {"line 0": np.inf, "trafo 0": 2500.0, "trafo 1": np.inf}
    assert dict(zip(network.branch_name.tolist(), network.reverse_kw.tolist(), strict=True)) == pytest.approx(expected)
    turned = replace(
        network, reverse_kw=np.empty(0), from_bus=network.to_bus, to_bus=network.from_bus, shift_rad=-network.shift_rad
    ).with_limits(reverse_kw=5.0)
    for one in (network, turned):
        flow = one.flow_kw(np.array([0.0, 0.0, 0.0, 70.0])) - one.constant_kw
        np.testing.assert_allclose((one.upward * flow)[one.upward != 0.0], [70.0])
    answer = fastp2p.clear(turned, no_trades(), [[0.0] * 4], export_kw=[[0.0, 0.0, 0.0, 70.0]])
    np.testing.assert_allclose(answer.exported_kw.sum() + turned.upward @ turned.constant_kw, 5.0)


def no_trades(n_books=1):
    none, nothing = np.empty(0, np.int64), np.empty(0)
    return fastp2p.Trades(np.zeros(n_books + 1, np.int64), none, none, nothing, nothing, nothing)


def ring():
    """Two transformers to a ring of five buses."""
    net = pp.create_empty_network()
    grid = pp.create_bus(net, 20.0)
    bus = [pp.create_bus(net, 0.4) for _ in range(5)]
    pp.create_ext_grid(net, grid)
    for low in (bus[0], bus[2]):
        pp.create_transformer(net, grid, low, "0.25 MVA 20/0.4 kV")
    for at in range(5):
        pp.create_line(net, bus[at], bus[(at + 1) % 5], 0.1 + 0.05 * at, "NAYY 4x50 SE")
    return fastp2p.Network.from_pandapower(net)


@pytest.mark.parametrize("unserved", ["retail", "shed"])
@pytest.mark.parametrize("objective", ["volume", "welfare"])
@pytest.mark.parametrize("make", [lambda: fastp2p.Network.load("cigre_lv"), ring], ids=["radial", "meshed"])
def test_against_an_lp_from_the_definition(make, objective, unserved):
    network, rng, n_books = make(), np.random.default_rng(5), 12
    network = replace(network.with_limits(reverse_kw=2.0), limit_kw=rng.uniform(4.0, 9.0, network.n_branch))
    side = rng.random((n_books, network.n_bus)) * ~network.is_reference
    load, pv = rng.random(side.shape) * 3 * (side < 0.3), rng.random(side.shape) * 9 * (side > 0.5)
    trades = fastp2p.match_orders(load, pv, rng.uniform(0.2, 0.3, network.n_bus), rng.uniform(0.0, 0.1, network.n_bus))
    left = fastp2p.leave_over(load, pv, trades)
    base, export = -left.deficit_kwh, left.surplus_kwh
    answer = fastp2p.clear(network, trades, base, export_kw=export, objective=objective, unserved=unserved)
    reached = 0
    for k in range(n_books):
        ours = slice(trades.offset[k], trades.offset[k + 1])
        book = SimpleNamespace(
            seller=trades.seller[ours], buyer=trades.buyer[ours], kw=trades.quantity_kwh[ours], base_kw=base[k],
            bid_per_kwh=trades.bid_per_kwh[ours], ask_per_kwh=trades.ask_per_kwh[ours], export_kw=export[k],
        )  # fmt: skip
        p = oracle.problem(oracle.sensitivities(network), network.constant_kw, network.limit_kw, book, objective, unserved)
        trafos = np.flatnonzero(network.element == "trafo")  # directed away from the grid: what flows back is negative
        p.lower[trafos] = np.minimum(-2.0, p.base_flow[trafos])
        best, exports, *_ = oracle.solve(p)
        found = answer.executed_kwh[ours]
        assert p.weight @ found == pytest.approx(best, abs=1e-6), k
        assert answer.exported_kw[k].sum() == pytest.approx(exports, abs=1e-6), k
        flow = network.flow_kw(answer.injection_kw[k])
        assert (flow >= p.lower - 1e-6).all()
        assert (flow <= p.upper + 1e-6).all()
        reached += (np.abs(flow[trafos] - p.lower[trafos]) < 1e-6).any()
    assert reached > n_books / 2
    assert answer.certified.all()


@pytest.mark.parametrize("objective", ["volume", "pro_rata"])
def test_the_screen_lets_through_what_the_rows_do(objective):
    """Under LinDistFlow: a book is free exactly where everything in full keeps the limit."""
    network, rng = limited(street_network()), np.random.default_rng(2)
    export = np.zeros((200, 3))
    export[:, 2] = rng.uniform(0.0, 2 * UP_KW, 200)
    options = {"export_kw": export, "objective": objective, "physics": "lindistflow"}
    answer = fastp2p.clear(network, no_trades(200), np.zeros((200, 3)), **options)
    assert np.array_equal(answer.status == "free", export[:, 2] <= UP_KW * (1 + 1e-9))
    np.testing.assert_allclose(answer.exported_kw[:, 2], np.minimum(export[:, 2], UP_KW), rtol=1e-9)


def test_power_back_is_what_pandapower_says():
    """By how much AC is beyond a limit of zero, against res_trafo at the transformers' lower ends."""
    net = pp.networks.create_cigre_network_lv()
    network = fastp2p.Network.from_pandapower(net).with_limits(reverse_kw=0.0)
    net.load.drop(net.load.index, inplace=True)
    rng, injection = np.random.default_rng(1), np.zeros((2, network.n_bus))
    for position in np.flatnonzero(network.has_band)[::3]:
        injection[:, position] = rng.uniform(5.0, 20.0), rng.uniform(-5.0, 5.0)
        p_kw, q_kvar = injection[:, position]
        pp.create_sgen(net, network.bus_id[position], p_kw / 1e3, q_kvar / 1e3)
    pp.runpp(net, calculate_voltage_angles=True, tolerance_mva=1e-10)
    base, flow = (fastp2p.ac_flow(network, injection[:1] * part, injection[1:] * part) for part in (0.0, 1.0))
    family = ReverseFlow(network)
    expected = net.res_trafo.p_lv_mw.to_numpy() * 1e3
    assert family.name.tolist() == [f"reverse trafo {i}" for i in net.trafo.index]
    np.testing.assert_allclose(family.excess(base, flow)[0], np.maximum(expected, 0.0), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("physics", PHYSICS)
def test_ac_flows_beyond_the_limit_count_and_are_tightened(physics):
    """A shunt that feeds in with the square of the voltage: exports raise it, so AC sends back more than linear models say."""
    network = limited(street_network(shunt_mw=-0.03), reverse_kw=40.0)
    export = np.array([[0.0, 0.0, 100.0]])
    answer = fastp2p.clear(network, no_trades(), np.zeros((1, 3)), export_kw=export, physics=physics)
    found = audit(network, np.arange(3), answer, (0.9, 1.1))
    flow = fastp2p.ac_flow(network, answer.injection_kw)
    back = ReverseFlow(network).excess(fastp2p.ac_flow(network, np.zeros((1, 3))), flow)
    assert AC_STATUS[found.code].tolist() == ["kept" if physics == "ac" else "broken"]
    assert (back[0, 0] > 0.01) == (physics != "ac")
    assert answer.status.tolist() == ["cleared"]
    assert found.full_current.tolist() == [1.0]
    assert found.full_voltage.tolist() == [0.0]


def study(physics="dc", audit=False, **network):
    base = fastp2p.studies()["pv-sweep"]
    return base.with_(
        network=network, pv={"kwp": 100.0}, clearing={"physics": physics, "audit": audit},
        scenarios={"count": 4, "shares": [0.5], "keep": ("books", "trades", "branches")},
    )  # fmt: skip


@pytest.mark.parametrize("physics", PHYSICS)
def test_a_study_names_the_limit_where_it_cuts(physics):
    results = fastp2p.run(study(physics, True, reverse_kw={"of_rating": 0.05}), workers=1)
    cut = results.trades[results.trades.executed_kwh < results.trades.matched_kwh - 1e-9]
    named = cut.binding_branch.str.match(r"reverse trafo [012]$")
    assert len(cut)
    assert named.all()
    assert (cut.shadow_price > 0.0).all()
    binding = results.branches[results.branches.n_binding_books > 0].branch
    assert len(binding)
    assert binding.str.match(r"trafo [012]$").all()
    assert not results.books.ac_status.isin(["broken", "collapse"]).any()
    uncontrolled = fastp2p.run(study(physics, True), workers=1).books
    assert results.books.full_breaks_current.sum() > uncontrolled.full_breaks_current.sum()


def test_a_study_says_so_in_toml():
    for reverse_kw in (25.0, {"of_rating": 0.5}):
        made = study(reverse_kw=reverse_kw)
        assert fastp2p.Study._parse(made.to_toml(), "study") == made
    assert study().network.reverse_kw is None


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (-1.0, "network.reverse_kw = -1.0: must lie in 0…1,000,000,000 kW"),
        (float("nan"), "network.reverse_kw"),
        ("much", "network.reverse_kw"),
        ({"of_rating": 2.5}, "network.reverse_kw.of_rating = 2.5: must lie in 0…2 of the rating"),
        ({"of_rating": -0.5}, "network.reverse_kw.of_rating = -0.5: must lie in 0…2 of the rating"),
        ({"of_ratings": 0.5}, "network.reverse_kw"),
        (True, "network.reverse_kw"),
    ],
)
def test_other_values_are_refused(value, message):
    with pytest.raises(fastp2p.InputError) as refusal:
        study(reverse_kw=value)
    assert message in str(refusal.value)


@pytest.mark.parametrize(
    ("reverse", "message"),
    [
        ({"reverse_kw": -1.0}, "reverse_kw = -1.0: must be a number in 0…1,000,000,000 kW"),
        ({"reverse_kw": float("nan")}, "reverse_kw = nan: must be a number"),
        ({"reverse_kw": "much"}, "reverse_kw = 'much': must be a number"),
        ({"reverse_kw": True}, "reverse_kw = True: must be a number"),
        ({"reverse_of_rating": 3.0}, "reverse_of_rating = 3.0: must be a number in 0…2 of the rating"),
    ],
)
def test_with_limits_refuses_other_values(reverse, message):
    with pytest.raises(fastp2p.InputError, match=message):
        limited(street_network(), **reverse)


def test_a_network_without_transformers_is_refused():
    message = "there is no transformer below the external grid; leave reverse_kw out, and limit lines by ampacity_ka"
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.Network.load("case33bw").with_limits(reverse_kw=1.0)
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.run(study(source="case33bw", ampacity_ka_by_std_type=None, reverse_kw=1.0))


@pytest.mark.parametrize(
    ("reverse_kw", "message"),
    [
        ([1.0], "reverse_kw has shape"),
        ([np.nan, np.inf], "reverse_kw is NaN or negative for trafo 0|line 0"),
        ([1.0, 1.0], "reverse_kw of line 0: only the first transformers below an external grid may have one"),
    ],
)
def test_arrays_of_limits_are_checked(reverse_kw, message):
    network = limited(street_network())
    with pytest.raises(fastp2p.InputError, match=message):
        replace(network, reverse_kw=np.array(reverse_kw))
