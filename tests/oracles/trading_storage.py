"""Batteries that trade, one scenario, step and home after the other, from their definition in plain Python.

Only the auction and the network are those of the package, asked for one book at a time.
"""

import math
from collections import defaultdict

import numpy as np

import fastp2p
from fastp2p.clearing.reactive import Reactive, kvar_per_kw
from tests.oracles.market import OF_SPREAD

DUST = 1e-12


def run_scenario(study, network, profiles, drawn, i, first_kwh):
    """Accounts of each book and home, {name: [[…]]}, and energies of batteries, of scenario i that begins with `first_kwh`."""
    hours, one_way = profiles.step_hours, [math.sqrt(efficiency) for efficiency in drawn.battery.efficiency[i].tolist()]
    stored, found = list(first_kwh), defaultdict(list)
    for t in range(profiles.n_steps):
        homes = []
        for j in range(len(one_way)):
            home = {"kwh": drawn.battery.kwh[i, j], "limit": drawn.battery.kw[i, j] * hours, "e": stored[j]}
            home["lowest"] = drawn.battery.lowest_kwh[i, j]
            home["load"] = energy_of(profiles, drawn.load_profile[i, j], drawn.homes[i, j], t)
            home["pv"] = energy_of(profiles, drawn.pv_profile[i, j], drawn.kwp[i, j], t)
            for name, price in (("bid_per_kwh", drawn.bid_per_kwh), ("ask_per_kwh", drawn.ask_per_kwh)):
                home[name] = price[t] if price.ndim == 1 else price[i, j]  # by the clock, or drawn
            serve(home, one_way[j])
            offer(home, one_way[j], drawn.battery.value_per_kwh[t], study.market.min_order_kwh)
            homes.append(home)
        for name, row in one_book(study, network, drawn, homes, hours, t).items():
            found[name].append(row)
        for j, home in enumerate(homes):
            stored[j] = after(home, one_way[j])
        found["stored"].append(list(stored))
    return {name: np.array(rows) for name, rows in found.items()}


def energy_of(profiles, row, size, t):
    return profiles.kwh_per_unit[row, t] * size if row >= 0 else 0.0


def serve(home, one_way):
    """Its own home first."""
    surplus, e = home["pv"] - home["load"], home["e"]
    home["c"] = min(max(surplus, 0.0), home["limit"], (home["kwh"] - e) / one_way)
    home["d"] = min(max(-surplus, 0.0), home["limit"], (e - home["lowest"]) * one_way)
    home["e"] = within(home, e + one_way * home["c"] - home["d"] / one_way)


def offer(home, one_way, value, least):
    """The rest of power and energy."""
    bid = 0.0 if home["d"] > 0.0 else min(home["limit"] - home["c"], (home["kwh"] - home["e"]) / one_way)
    ask = 0.0 if home["c"] > 0.0 else min(home["limit"] - home["d"], (home["e"] - home["lowest"]) * one_way)
    home["offer"] = {"bid": bid if bid >= least else 0.0, "ask": ask if ask >= least else 0.0}
    home["offer"] |= {"bid_per_kwh": value * one_way, "ask_per_kwh": value / one_way}


def after(home, one_way):
    """What is stored in the end."""
    net = home["bought"] - home["sold"]
    return within(home, home["e"] + (one_way * net if net > 0.0 else net / one_way))


def within(home, e):
    """The limits themselves where a battery is full or empty: rounding must leave nothing to discharge, nor room."""
    near = 1e-10 * home["kwh"]
    return home["kwh"] if e > home["kwh"] - near else home["lowest"] if e < home["lowest"] + near else e


def order(load, pv, gross, least):
    own = 0.0 if gross else min(load, pv)
    return [kwh if kwh >= least else 0.0 for kwh in (load - own, pv - own)]


def one_book(study, network, drawn, homes, hours, t):
    """Trade, clear and settle; each home's battery gets what it bought and sold."""
    market, rules, n = study.market, study.clearing, len(homes)
    orders = [order(h["load"] + h["c"], h["pv"] + h["d"], market.orders == "gross", market.min_order_kwh) for h in homes]
    orders += [[h["offer"]["bid"], h["offer"]["ask"]] for h in homes]
    prices = [[h["bid_per_kwh"], h["ask_per_kwh"]] for h in homes]
    prices += [[h["offer"]["bid_per_kwh"], h["offer"]["ask_per_kwh"]] for h in homes]
    bid, ask = np.array(orders).T
    pays, gets = np.array(prices).T
    trades = fastp2p.match_orders([bid], [ask], pays, gets, priority=market.priority, ties=market.ties)
    matched = list(zip(trades.seller.tolist(), trades.buyer.tolist(), trades.quantity_kwh.tolist(), strict=True))

    left = []  # own, deficit, surplus
    for j, h in enumerate(homes):
        deficit = h["load"] + h["c"] - sum(q for _, b, q in matched if b == j)
        surplus = h["pv"] + h["d"] - sum(q for s, _, q in matched if s == j)
        deficit, surplus = (x if x > DUST * max(y, 1e-300) else 0.0 for x, y in ((deficit, h["load"]), (surplus, h["pv"])))
        own = min(deficit, surplus)
        left.append((own, deficit - own, surplus - own))
    own, deficit, surplus = np.array(left).T
    fixed = surplus if rules.surplus == "export" else 0.0 * surplus
    load_kvar, pv_kvar = -kvar_per_kw(study.load.power_factor), kvar_per_kw(study.pv.power_factor)
    load_kvar, pv_kvar = -load_kvar, -pv_kvar if study.pv.reactive == "draws" else pv_kvar
    reactive = Reactive(np.array([pv_kvar * (own + fixed) - load_kvar * (own + deficit)]) / hours, pv_kvar, load_kvar)
    clearing = fastp2p.clear(
        network,
        fastp2p.Trades(
            trades.offset, trades.seller % n, trades.buyer % n, trades.quantity_kwh, trades.bid_per_kwh, trades.ask_per_kwh
        ),
        np.array([fixed - deficit]) / hours,
        export_kw=np.array([surplus]) / hours if rules.surplus == "curtailable" else None,
        bus=drawn.participant, objective=rules.objective, unserved=rules.unserved, step_hours=hours, physics=rules.physics,
        reactive=None if rules.physics == "dc" else reactive,
        v_min_pu=study.network.v_min_pu, v_max_pu=study.network.v_max_pu,
    )  # fmt: skip
    exported = {"export": surplus, "curtailable": clearing.exported_kw[0] * hours, "spill": 0.0 * surplus}[rules.surplus]
    return settle(study, drawn, homes, matched, clearing, prices, (own, deficit, surplus, exported), t)


def settle(study, drawn, homes, matched, clearing, prices, left, t):
    own, deficit, surplus, exported = (part.tolist() for part in left)
    n, served = len(homes), study.clearing.unserved == "retail"
    accounts = [
        {
            "self": own[j], "retail": deficit[j], "exported": exported[j], "spilled": surplus[j] - exported[j], "shed": 0.0,
            "bought": 0.0, "sold": 0.0, "paid": 0.0, "received": 0.0,
        }
        for j in range(n)
    ]  # fmt: skip
    for h in homes:
        h["bought"] = h["sold"] = 0.0
    part, cut = OF_SPREAD[study.market.pricing], 0.0
    for (s, b, q), executed in zip(matched, clearing.executed_kwh.tolist(), strict=True):
        bid, ask = prices[b][0], prices[s][1]
        price = ask + part * (bid - ask)
        of_seller, of_buyer = accounts[s % n], accounts[b % n]
        of_seller["sold"] += executed
        of_seller["received"] += price * executed
        of_buyer["bought"] += executed
        of_buyer["paid"] += price * executed
        cut += q - executed
        if s < n:
            of_seller["spilled"] += q - executed
        else:  # what is cut stays in the battery
            homes[s - n]["sold"] += executed
        if served:
            of_buyer["retail"] += q - executed
        elif b < n:
            of_buyer["shed"] += q - executed
        if b >= n:
            homes[b - n]["bought"] += q if served else executed
    retail, feed_in = drawn.retail_per_kwh[t], drawn.feed_in_per_kwh[t] if study.clearing.surplus != "spill" else 0.0
    for account, h in zip(accounts, homes, strict=True):
        account["bill"] = account["retail"] * retail + account["paid"] - account["received"] - account["exported"] * feed_in
        account["charged"], account["discharged"] = h["c"] + h["bought"], h["d"] + h["sold"]
        account["load"], account["pv"] = h["load"], h["pv"]
        account["traded"], account["cut"] = h["bought"] + h["sold"], cut
    return {name: [account[name] for account in accounts] for name in accounts[0]}
