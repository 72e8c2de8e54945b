"""Orders from net positions and the double auction, both as pandas tables."""

import pandas as pd

LEAST_TRADE_KWH = 1e-6
"""What is smaller is no order and no trade. In MW it is 1e-9, where HiGHS begins to drop matrix entries."""


def make_orders(net_kwh, bid_per_kwh=0.20, ask_per_kwh=0.05):
    """Buy and sell orders of an hour, everyone at the same two prices.

    Parameters
    ----------
    net_kwh : Series
        PV minus load by bus: a surplus is offered, a deficit is asked for.

    Returns
    -------
    buy_orders, sell_orders : DataFrame
        Columns `bus`, `quantity_kwh` and `bid_per_kwh` or `ask_per_kwh`, in the order of `net_kwh`.
    """
    deficit_kwh = -net_kwh[net_kwh < -LEAST_TRADE_KWH]
    surplus_kwh = net_kwh[net_kwh > LEAST_TRADE_KWH]
    buy_orders = pd.DataFrame({"bus": deficit_kwh.index, "quantity_kwh": deficit_kwh.to_numpy(), "bid_per_kwh": bid_per_kwh})
    sell_orders = pd.DataFrame({"bus": surplus_kwh.index, "quantity_kwh": surplus_kwh.to_numpy(), "ask_per_kwh": ask_per_kwh})
    return buy_orders, sell_orders


def match_orders(buy_orders, sell_orders, *, next_seller=False):
    """Double auction: the highest bid meets the lowest ask, the trade is priced at the ask.

    Where the paper's notebooks and its text differ, this follows the text: bids are sorted from high to low and asks from
    low to high, and a trade names the seller as seller and the buyer as buyer.

    One slip stays, because the published trades come from it: a buyer whose seller is sold out leaves the market, though
    it still needs energy. With it the six PV systems of the 44-bus day sell to one home each (16 to 12, 18 to 17, …). Without
    it the first home would buy from the first two, and hour 11 would have nine trades for the same 7.290 kWh. Where
    sellers outnumber the buyers, the slip loses volume.

    Parameters
    ----------
    buy_orders, sell_orders : DataFrame
        As `make_orders` returns them.
    next_seller : bool
        Let a buyer go on to the next seller. False is the published behaviour.

    Returns
    -------
    DataFrame
        Columns `seller`, `buyer` (buses), `quantity_kwh`, `price_per_kwh`; a row per trade.
    """
    buyers = buy_orders.sort_values("bid_per_kwh", ascending=False, kind="stable")
    sellers = sell_orders.sort_values("ask_per_kwh", kind="stable")
    left_kwh = sellers["quantity_kwh"].to_dict()
    trades = []
    for _, buyer in buyers.iterrows():
        needed_kwh = buyer["quantity_kwh"]
        for order, seller in sellers.iterrows():
            if seller["ask_per_kwh"] > buyer["bid_per_kwh"]:
                break
            quantity_kwh = min(needed_kwh, left_kwh[order])
            if quantity_kwh <= LEAST_TRADE_KWH:
                continue
            trades.append(
                {
                    "seller": int(seller["bus"]),
                    "buyer": int(buyer["bus"]),
                    "quantity_kwh": quantity_kwh,
                    "price_per_kwh": seller["ask_per_kwh"],
                }
            )
            needed_kwh -= quantity_kwh
            left_kwh[order] -= quantity_kwh
            if needed_kwh <= LEAST_TRADE_KWH or not next_seller:
                break
    return pd.DataFrame(trades, columns=["seller", "buyer", "quantity_kwh", "price_per_kwh"])
