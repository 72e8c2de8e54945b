"""The network of an hour, with and without its trades, and the hours of a day."""

import copy
import math
from dataclasses import dataclass

import pandapower as pp
import pandapower.topology
import pandas as pd

from .auction import make_orders, match_orders
from .optimisation import build_and_solve, dc_model

Q_PER_P = math.tan(math.acos(0.99))
"""Reactive power of loads and PV at the power factor of the paper."""


@dataclass(frozen=True)
class HourResult:
    """An hour of trading.

    Attributes
    ----------
    load_kwh, p2p_kwh, slack_kwh : float
        All consumption before any trade is cut; energy of the executed trades; what the external grid supplies (or, where
        negative, takes) in the end.
    trades : DataFrame
        What the auction returned, and `executed_kwh`.
    flow_before_mw, flow_after_mw : Series
        Flow by line without the trades and with those executed.
    lp_status : str
        "" in an hour without trades, which has no program.
    lp_rows : int
    """

    load_kwh: float
    p2p_kwh: float
    slack_kwh: float
    trades: pd.DataFrame
    flow_before_mw: pd.Series
    flow_after_mw: pd.Series
    lp_status: str = ""
    lp_rows: int = 0


def alternate_roles(net):
    """The paper's participants: every other leaf bus. Returns two lists, leaves at even and at odd positions."""
    graph = pandapower.topology.create_nxgraph(net)
    leaves = sorted(int(bus) for bus, degree in graph.degree() if degree == 1)
    n = len(leaves) // 2
    return leaves[0::2][:n], leaves[1::2][:n]


def add_participants(net, load_buses, pv_buses):
    """A copy of a network in which its own loads and generators make room for one load or PV system per bus."""
    net = copy.deepcopy(net)
    for element in ("load", "sgen", "gen", "storage"):
        net[element] = net[element].drop(net[element].index)
    pp.create_loads(net, list(load_buses), p_mw=0.0, q_mvar=0.0)
    pp.create_sgens(net, list(pv_buses), p_mw=0.0, q_mvar=0.0)
    return net


def set_power(table, p_kw):
    """Power of the elements of a load or PV table, from a mapping of bus to kW; 0 where the bus is not named."""
    unknown = set(p_kw) - set(table["bus"])
    if unknown:
        raise KeyError(f"no load or PV system at bus {sorted(unknown)}: name it in add_participants")
    table["p_mw"] = table["bus"].map(p_kw).fillna(0.0) / 1000
    table["q_mvar"] = table["p_mw"] * Q_PER_P


def set_hour(net, load_kwh, pv_kwh):
    """A copy of the network with the loads and PV of an hour; in an hour, kWh and kW are the same number."""
    net = copy.deepcopy(net)
    set_power(net.load, load_kwh)
    set_power(net.sgen, pv_kwh)
    return net


def base_injections(net):
    """MW that each bus with a load or PV injects: PV minus load."""
    pv_mw = net.sgen.groupby("bus")["p_mw"].sum()
    load_mw = net.load.groupby("bus")["p_mw"].sum()
    return pv_mw.sub(load_mw, fill_value=0.0)


def shift_energy(net, trades, traded_kwh):
    """Put traded energy into a network, the seller's into its PV and the buyer's into its load; negative takes it out.

    Reactive power goes with it (the notebooks leave it as it was, which a DC power flow does not see).
    """
    for table, side in ((net.load, "buyer"), (net.sgen, "seller")):
        shift_mw = traded_kwh.groupby(trades[side]).sum() / 1000
        table["p_mw"] += table["bus"].map(shift_mw).fillna(0.0)
        table["q_mvar"] = table["p_mw"] * Q_PER_P


def run_hour(
    net,
    load_kwh,
    pv_kwh,
    *,
    bid_per_kwh=0.20,
    ask_per_kwh=0.05,
    next_seller=False,
    exchanged=True,
    stress=1.0,
    model=None,
):
    """Trade for an hour: orders, auction, network without the trades, program, network with what it executes.

    Of the slips that the paper's hourly loop makes, two are needed for its table and are what the defaults do: a buyer
    stays with its first seller (`next_seller=False`), and the program takes each buyer for the seller (`exchanged=True`).
    Without the second, 22 to 19 is cut in every hour: the program sees no connection from the feeder of bus 22 to any
    other, and the feeder has no load that could take the PV. The networks before and after have sellers and buyers where
    they are.

    Parameters
    ----------
    net : pandapower network
        From `add_participants`. It is not changed.
    load_kwh, pv_kwh : dict
        Bus to kWh of the hour.
    bid_per_kwh, ask_per_kwh : float
    next_seller : bool
        See `match_orders`.
    exchanged : bool
        Hand the program sellers as buyers and buyers as sellers. The paper's single time step does not.
    stress : float
        Factor on every matched quantity after it was taken out of the network at its own size: 100 in the paper's single
        time step of extreme conditions.
    model : DcModel, optional
        `dc_model(net)`, where it is at hand.
    """
    model = model or dc_model(net)
    net = set_hour(net, load_kwh, pv_kwh)
    total_load_kwh = float(net.load["p_mw"].sum() * 1000)

    buy_orders, sell_orders = make_orders(base_injections(net) * 1000, bid_per_kwh, ask_per_kwh)
    trades = match_orders(buy_orders, sell_orders, next_seller=next_seller)

    shift_energy(net, trades, -trades["quantity_kwh"])
    pp.rundcpp(net)
    flow_before_mw = net.res_line["p_from_mw"].copy()
    if trades.empty:
        trades["executed_kwh"] = 0.0
        slack_kwh = float(net.res_ext_grid["p_mw"].sum() * 1000)
        return HourResult(total_load_kwh, 0.0, slack_kwh, trades, flow_before_mw, flow_before_mw)

    trades["quantity_kwh"] *= stress
    handed = trades.rename(columns={"seller": "buyer", "buyer": "seller"}) if exchanged else trades
    answer = build_and_solve(model, base_injections(net), handed)
    trades["executed_kwh"] = answer.executed_mw * 1000

    shift_energy(net, trades, trades["executed_kwh"])
    pp.rundcpp(net)
    return HourResult(
        load_kwh=total_load_kwh,
        p2p_kwh=float(trades["executed_kwh"].sum()),
        slack_kwh=float(net.res_ext_grid["p_mw"].sum() * 1000),
        trades=trades,
        flow_before_mw=flow_before_mw,
        flow_after_mw=net.res_line["p_from_mw"].copy(),
        lp_status=answer.status,
        lp_rows=answer.n_rows,
    )


def run_day(net, load_kwh, pv_kwh, **options):
    """Trade hour by hour.

    Parameters
    ----------
    net : pandapower network
        From `add_participants`.
    load_kwh, pv_kwh : DataFrame
        kWh, a row per hour and a column per bus.
    **options
        Of `run_hour`.

    Returns
    -------
    list of HourResult
    """
    model = dc_model(net)
    return [
        run_hour(net, load_kwh.loc[hour].to_dict(), pv_kwh.loc[hour].to_dict(), model=model, **options)
        for hour in load_kwh.index
    ]


def day_table(hours):
    """Load, traded energy and slack of each hour in kWh, as the paper tabulates them."""
    rows = [(hour.load_kwh, hour.p2p_kwh, hour.slack_kwh) for hour in hours]
    return pd.DataFrame(rows, columns=["load_kwh", "p2p_kwh", "slack_kwh"])
