"""The baseline gives what the paper published, so that what is timed against it is the paper's way of working."""

import numpy as np
import pandapower.networks
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

import fastp2p
from bench import baseline

PUBLISHED_DAY = {  # hour: load, P2P, slack in kWh
    6: (12.898, 0.000, 12.898),
    7: (13.570, 0.126, 13.444),
    9: (14.157, 4.596, 9.561),
    11: (14.513, 7.290, 7.223),
    12: (14.221, 7.434, 6.787),
    14: (14.346, 5.448, 8.898),
    17: (18.807, 0.006, 18.801),
    19: (20.110, 0.000, 20.110),
}
PUBLISHED_PAIRS = [(16, 12), (18, 17), (22, 19), (36, 35), (40, 37), (42, 41)]
PUBLISHED_EXTREME_MW = 0.255552889


def profile(name):
    """kWh per hour of a home, or of its 3 kWp of PV."""
    profiles = fastp2p.Profiles.load()
    i = profiles.names.index(name)
    return profiles.kwh_per_unit[i] * (3.0 if profiles.kinds[i] == "pv" else 1.0)


def alike(buses, kwh):
    return pd.DataFrame(dict.fromkeys(buses, kwh))


@pytest.fixture(scope="module")
def cigre():
    return pandapower.networks.create_cigre_network_lv()


@pytest.fixture(scope="module")
def day(cigre):
    load_buses, pv_buses = baseline.alternate_roles(cigre)
    net = baseline.add_participants(cigre, load_buses, pv_buses)
    return baseline.run_day(net, alike(load_buses, profile("residential_0")), alike(pv_buses, profile("solar_1")))


@pytest.fixture(scope="module")
def extreme_hour(cigre):
    """Hour 11 with the roles swapped: network, load and PV by bus."""
    pv_buses, load_buses = baseline.alternate_roles(cigre)
    load_kwh = dict.fromkeys(load_buses, profile("residential_0")[11])
    pv_kwh = dict.fromkeys(pv_buses, profile("solar_1")[11])
    return baseline.add_participants(cigre, load_buses, pv_buses), load_kwh, pv_kwh


def test_published_hours(day):
    table = baseline.day_table(day)
    for hour, published in PUBLISHED_DAY.items():
        assert tuple(table.loc[hour].round(3)) == published


def test_published_day(day):
    assert baseline.day_table(day).sum().round(2).to_list() == [334.05, 44.57, 289.48]


def test_published_trades(day):
    assert [hour for hour in range(24) if len(day[hour].trades)] == list(range(7, 18))
    pv_kwh = profile("solar_1")
    for hour in range(7, 18):
        trades = day[hour].trades
        assert list(zip(trades.seller, trades.buyer, strict=True)) == PUBLISHED_PAIRS
        assert trades.quantity_kwh.to_numpy() == pytest.approx(np.full(6, pv_kwh[hour]), rel=1e-12)
        assert trades.executed_kwh.to_numpy() == pytest.approx(trades.quantity_kwh.to_numpy(), rel=1e-9)
        assert day[hour].lp_status == "Optimal"
    assert day[11].trades.executed_kwh.to_numpy() == pytest.approx(1.215, rel=1e-9)


def test_trades_show_in_the_flows_and_not_at_the_slack(day):
    hour = day[11]
    assert hour.slack_kwh == pytest.approx(hour.load_kwh - hour.p2p_kwh, abs=1e-6)
    assert abs(hour.flow_after_mw - hour.flow_before_mw).max() == pytest.approx(1.215e-3, abs=1e-9)


def test_executed_is_that_of_fastp2p(day):
    books = fastp2p.run(fastp2p.studies()["paper-44"]).books
    assert baseline.day_table(day).p2p_kwh.to_numpy() == pytest.approx(books.executed_kwh.to_numpy(), rel=1e-9, abs=1e-12)


def test_published_extreme_step(extreme_hour):
    hour = baseline.run_hour(*extreme_hour, stress=100.0, exchanged=False)
    assert hour.trades.quantity_kwh.sum() / 1000 == pytest.approx(0.729, abs=1e-12)
    assert hour.p2p_kwh / 1000 == pytest.approx(PUBLISHED_EXTREME_MW, abs=1e-8)
    assert [(buyer, seller) for seller, buyer in PUBLISHED_PAIRS] == list(
        zip(hour.trades.seller, hour.trades.buyer, strict=True)
    )
    assert hour.lp_rows == 365


def test_binding_limits_are_those_of_the_angles(extreme_hour):
    """Two laterals of the first feeder reach 30° with their homes' own deficit, three of the last with the trades alone."""
    model = baseline.dc_model(extreme_hour[0])
    executed_mw = baseline.run_hour(*extreme_hour, stress=100.0, exchanged=False, model=model).trades.executed_kwh / 1000
    limit_mw = np.unique(model.b_mw_per_rad.clip(min=0).round(9))[1:3] * np.pi / 6
    assert limit_mw == pytest.approx([0.041887, 0.064946], abs=1e-6)
    assert executed_mw[3:].to_numpy() == pytest.approx(limit_mw[0], abs=1e-8)
    assert executed_mw[:3].sum() == pytest.approx(2 * limit_mw[1], abs=1e-8)


def test_without_the_exchange_the_feeder_of_bus_22_cannot_sell(cigre):
    load_buses, pv_buses = baseline.alternate_roles(cigre)
    net = baseline.add_participants(cigre, load_buses, pv_buses)
    hour = baseline.run_hour(net, dict.fromkeys(load_buses, 2.4), dict.fromkeys(pv_buses, 1.2), exchanged=False)
    assert hour.trades.executed_kwh.to_list() == pytest.approx([1.2, 1.2, 0.0, 1.2, 1.2, 1.2], abs=1e-6)


def test_auction_by_hand():
    net_kwh = pd.Series({1: -5.0, 2: 2.0, 3: 0.0, 4: 2.0, 5: -1.0, 6: 2.0})
    buy_orders, sell_orders = baseline.make_orders(net_kwh)
    buy_orders["bid_per_kwh"] = [0.20, 0.25]
    sell_orders["ask_per_kwh"] = [0.10, 0.05, 0.22]
    trades = baseline.match_orders(buy_orders, sell_orders, next_seller=True)
    expected = pd.DataFrame(
        [(4, 5, 1.0, 0.05), (4, 1, 1.0, 0.05), (2, 1, 2.0, 0.10)],
        columns=["seller", "buyer", "quantity_kwh", "price_per_kwh"],
    )
    assert_frame_equal(trades, expected)
    assert_frame_equal(baseline.match_orders(buy_orders, sell_orders), expected.head(2))


@pytest.mark.parametrize("pv_kwh", [1.2, 6.0])
def test_village(pv_kwh):
    """A single feeder, 20 homes and 20 PV systems: all that is matched is executed, a surplus leaves through the slack."""
    village = pandapower.networks.create_synthetic_voltage_control_lv_network(network_class="village_1")
    load_buses, pv_buses = baseline.alternate_roles(village)
    net = baseline.add_participants(village, load_buses, pv_buses)
    hour = baseline.run_hour(
        net, dict.fromkeys(load_buses, 2.4), dict.fromkeys(pv_buses, pv_kwh), next_seller=True, exchanged=False
    )
    assert hour.p2p_kwh == pytest.approx(20 * min(2.4, pv_kwh), rel=1e-9)
    assert hour.slack_kwh == pytest.approx(20 * (2.4 - pv_kwh), abs=1e-6)


def test_infeasible_hour_says_so(cigre):
    net = baseline.add_participants(cigre, [12], [16, 22])
    hour = baseline.run_hour(net, {12: 1.0}, {16: 2.0, 22: 2.0}, exchanged=False)
    assert hour.lp_status == "Infeasible"
    assert hour.p2p_kwh == 0.0


def test_unknown_bus_is_refused(cigre):
    net = baseline.add_participants(cigre, [12], [16])
    with pytest.raises(KeyError, match="18"):
        baseline.run_hour(net, {18: 1.0}, {})


def test_given_network_is_not_changed(extreme_hour):
    net, load_kwh, pv_kwh = extreme_hour
    baseline.run_hour(net, load_kwh, pv_kwh)
    assert net.load.p_mw.eq(0.0).all()
    assert net.sgen.p_mw.eq(0.0).all()
