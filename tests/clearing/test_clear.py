"""clear: cases worked by hand, and input that is refused."""

import functools
import itertools
from dataclasses import replace

import numpy as np
import pandapower
import pytest

import fastp2p

any_objective = pytest.mark.parametrize("objective", ["volume", "welfare", "pro_rata"])


@functools.cache
def unlimited_chain(n_bus):
    """Slack bus 0, then a line of buses; branches point away from the slack."""
    net = pandapower.create_empty_network()
    buses = [pandapower.create_bus(net, 0.4) for _ in range(n_bus)]
    pandapower.create_ext_grid(net, buses[0])
    for start, end in itertools.pairwise(buses):
        pandapower.create_line_from_parameters(net, start, end, 0.1, 0.3, 0.08, 0.0, 1.0)
    network = fastp2p.Network.from_pandapower(net)
    assert network.from_bus.tolist() == list(range(n_bus - 1))
    assert network.to_bus.tolist() == list(range(1, n_bus))
    return network


def chain(n_bus, limit_kw):
    return replace(unlimited_chain(n_bus), limit_kw=np.asarray(limit_kw, dtype=float))


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


@pytest.mark.parametrize("name", ["seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh"])
def test_trade_arrays_of_unequal_length_are_refused(name):
    assert_refused(trades={name: good_trades()[name][:1]})
    assert_refused(trades={name: np.repeat(good_trades()[name], 2)})


@pytest.mark.parametrize("offset", [[0, 2, 1], [0, 3, 2], [1, 1, 2], [0, 1, 3], [0, 1, 1], [0, -1, 2]])
def test_offsets_that_do_not_fit_are_refused(offset):
    assert_refused(trades={"offset": np.array(offset)})


@pytest.mark.parametrize("n_branch", [0, 1, 3])
def test_limits_of_another_length_are_refused(n_branch):
    assert_refused(limit_kw=np.ones(n_branch))


@pytest.mark.parametrize("shape", [(2, 4), (3, 3), (3,), (2, 3, 1), (0, 3)])
def test_base_and_export_of_another_shape_are_refused(shape):
    assert_refused(base_kw=np.zeros(shape))
    assert_refused(export_kw=np.zeros(shape))


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


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"base": lambda z: z[0]}, r"base_kw has shape \(41,\).*\(2, 41\)"),
        ({"base": lambda z: z[:, :3]}, r"base_kw has shape \(2, 3\)"),
        ({"base": lambda z: np.vstack([z, z])}, r"base_kw has shape \(4, 41\)"),
        ({"base": lambda z: None}, "base_kw holds objects"),
        ({"base": lambda z: z * np.nan}, "base_kw is not finite in book 0"),
        ({"base": lambda z: z - np.inf}, "base_kw is not finite in book 0"),
        ({"export": lambda z: z - 1}, "export_kw is negative in book 0"),
        ({"export": lambda z: z[:1]}, "export_kw has shape"),
        ({"export": lambda z: z + np.nan}, "export_kw is not finite"),
        ({"objective": "money"}, "objective = 'money'"),
        ({"unserved": "ration"}, "unserved = 'ration'"),
        ({"step_hours": 0}, "step_hours = 0"),
        ({"step_hours": np.nan}, "step_hours = nan"),
        ({"objective": "x", "unserved": "y", "step_hours": -1}, r"(?s)objective = 'x'.*unserved = 'y'.*step_hours = -1"),
        ({"trades": {"seller": lambda a: a + 99}}, "seller of trade 0 is bus position 104"),
        ({"trades": {"buyer": lambda a: a * 0 - 1}}, "buyer of trade 0 is bus position -1"),
        ({"trades": {"seller": lambda a: a[:1]}}, "unequal lengths"),
        ({"trades": {"quantity_kwh": lambda a: -a}}, "quantity_kwh of trade 0 is -1"),
        ({"trades": {"quantity_kwh": lambda a: a * np.nan}}, "quantity_kwh of trade 0 is nan"),
        ({"trades": {"quantity_kwh": lambda a: a + np.inf}}, "quantity_kwh of trade 0 is inf"),
        ({"trades": {"offset": lambda a: a[::-1]}}, "offsets must rise"),
        ({"trades": {"offset": lambda a: a + 1}}, "offsets must rise"),
        ({"trades": {"bid_per_kwh": lambda a: a - 1}, "objective": "welfare"}, "bid below its ask"),
        ({"limit": -1.0}, "limit_kw is NaN or negative for line 0"),
        ({"limit": np.nan}, "limit_kw is NaN or negative for line 0"),
    ],
)
def test_clear_refuses(changed, message, cigre, some_trades):
    given, zeros = dict(changed), np.zeros((2, cigre.n_bus))
    limit = np.full(cigre.n_branch, given.pop("limit", 1.0))
    edits = {name: edit(getattr(some_trades, name)) for name, edit in given.pop("trades", {}).items()}
    base = given.pop("base", lambda z: z)(zeros)
    if "export" in given:
        given["export_kw"] = given.pop("export")(zeros)
    with pytest.raises(fastp2p.InputError, match=message):
        fastp2p.clear(replace(cigre, limit_kw=limit), replace(some_trades, **edits), base, **given)
