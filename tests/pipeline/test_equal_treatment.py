"""Whole runs: numbers of buses and the order of participants change nothing but numbers, and twins fare alike."""

import functools

import numpy as np
import pandapower as pp
import pandapower.toolbox
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

import fastp2p
from fastp2p.market.rules import RULES
from fastp2p.study.model import Study

OBJECTIVES = ["volume", "welfare", "pro_rata"]
N_BUS = 12
TWINS = (N_BUS, N_BUS + 1), (N_BUS + 2, N_BUS + 3)
"""Two pairs of buses, each at the end of equal lines from one bus: the first with PV, the second without."""


@functools.cache
def feeder():
    """A random feeder with twins, and the same with its buses numbered anew: ((network, bus → its number), …)."""
    rng = np.random.default_rng(4)
    net = pp.create_empty_network()
    for _ in range(N_BUS + 4):
        pp.create_bus(net, 0.4)
    pp.create_ext_grid(net, 0)
    for bus in range(1, N_BUS):
        start = int(rng.integers(max(0, bus - 4), bus))
        line(net, start, bus, rng.uniform(0.02, 0.3), 40.0 if start == 0 else rng.uniform(2.0, 16.0))
    for bus in range(N_BUS, N_BUS + 4):
        line(net, 7, bus, 0.05, 0.5)
    ids = net.bus.index.to_numpy()
    same = dict(zip(ids.tolist(), ids.tolist(), strict=True))
    network = fastp2p.Network.from_pandapower(net)
    new = dict(zip(ids.tolist(), rng.permutation(ids).tolist(), strict=True))
    pandapower.toolbox.reindex_buses(net, new)
    net.bus = net.bus.sort_index()
    return (network, same), (fastp2p.Network.from_pandapower(net), new)


def line(net, start, end, km, max_i_ka):
    pp.create_line_from_parameters(net, start, end, km, 0.3, 0.08, 0.0, max_i_ka)


def homes(rng, n_prices):
    """What every bus but the first has and bids: (homes, kWp, bid, ask); twins have the same, and prices are of a few kinds."""
    table = {}
    for bus in range(1, N_BUS + 4):
        kwp = 0.0 if bus in TWINS[1] or (bus not in TWINS[0] and rng.random() < 0.4) else rng.uniform(2.0, 20.0)
        bid, ask = 0.2 + 0.01 * rng.integers(n_prices), 0.06 + 0.01 * rng.integers(n_prices)
        table[bus] = rng.uniform(0.2, 1.0), kwp, float(bid), float(ask)
    for one, other in TWINS:
        table[other] = table[one]
    return table


def study_of(table, number, order, **parts):
    """The study of these homes, listed in some order by the numbers that their buses have."""
    count, kwp, bid, ask = (list(column) for column in zip(*(table[bus] for bus in order), strict=True))
    market = {"bid_per_kwh": bid, "ask_per_kwh": ask, "feed_in_per_kwh": 0.04, "retail_per_kwh": 0.3, **parts.get("market", {})}
    return Study.model_validate(
        {
            "name": "numbers",
            "network": {"source": "cigre_lv", "limit_factor": parts.get("limit_factor", 1.0)},
            "participants": {"buses": [number[bus] for bus in order]},
            "load": {"profile": "residential_1", "homes": count},
            "pv": {"profile": "solar_2", "kwp": kwp},
            "market": market,
            "clearing": parts.get("clearing", {}),
        }
    )


NAMED = ["lowest_vm_bus", "highest_vm_bus"]


def by_number(results, number):
    """Tables that numbers do not show in: by the old number of a bus, pairs in the order of these."""
    old = {new: bus for bus, new in number.items()}
    trades = results.trades.assign(seller=results.trades.seller.map(old), buyer=results.trades.buyer.map(old))
    participants = results.participants.assign(bus=results.participants.bus.map(old))
    return {
        "trades": trades.sort_values(["step", "seller", "buyer", "ask_per_kwh"], ignore_index=True).drop(
            columns="shadow_price"
        ),
        "participants": participants.sort_values("bus", ignore_index=True),
        "books": results.books.assign(**{name: results.books[name].map(old) for name in NAMED if name in results.books}),
        "scenarios": results.scenarios,
    }


ways = st.fixed_dictionaries(
    {
        "market": st.fixed_dictionaries(
            {
                "pricing": st.sampled_from(list(RULES)),
                "priority": st.sampled_from(["price", "volume"]),
                "orders": st.sampled_from(["net", "gross"]),
                "branch_charge_per_kwh": st.sampled_from([0.0, 0.0, 0.001]),
            }
        ).filter(lambda market: market["priority"] == "price" or not RULES[market["pricing"]].by_price),
        "clearing": st.fixed_dictionaries(
            {
                "objective": st.sampled_from(OBJECTIVES),
                "unserved": st.sampled_from(["retail", "retail", "shed"]),
                "surplus": st.sampled_from(["export", "curtailable", "spill"]),
                "stress": st.sampled_from([1.0, 3.0]),
                "physics": st.sampled_from(["dc", "dc", "lindistflow", "ac"]),
            }
        ),
        "limit_factor": st.sampled_from([1.0, 0.01, 0.005]),
    }
)


check = settings(deadline=None, derandomize=True)
seeds = st.integers(0, 2**32 - 1)


@check
@given(parts=ways, seed=seeds, n_prices=st.integers(1, 3))
def test_numbers_of_buses_change_nothing_else(parts, seed, n_prices):
    rng = np.random.default_rng(seed)
    table, ((network, same), (other, new)) = homes(rng, n_prices), feeder()
    first = fastp2p.run(study_of(table, same, list(table), **parts), network=network)
    renumbered = fastp2p.run(study_of(table, new, rng.permutation(list(table)).tolist(), **parts), network=other)
    expected, found = by_number(first, same), by_number(renumbered, new)
    for name, frame in expected.items():
        pd.testing.assert_frame_equal(found[name], frame, rtol=1e-9, atol=1e-9, obj=name)


@check
@given(parts=ways, seed=seeds)
def test_the_order_of_participants_changes_nothing(parts, seed):
    rng = np.random.default_rng(seed)
    table, ((network, same), _) = homes(rng, 3), feeder()
    orders = list(table), rng.permutation(list(table)).tolist()
    first, shuffled = (fastp2p.run(study_of(table, same, order, **parts), network=network) for order in orders)
    for name in ("trades", "participants", "books", "scenarios"):
        pd.testing.assert_frame_equal(getattr(shuffled, name), getattr(first, name), check_exact=True)


@check
@given(parts=ways, seed=seeds)
def test_twins_fare_alike(parts, seed):
    table, ((network, same), _) = homes(np.random.default_rng(seed), 2), feeder()
    rows = fastp2p.run(study_of(table, same, list(table), **parts), network=network).participants.set_index("bus")
    for one, other in TWINS:
        np.testing.assert_allclose(rows.loc[other].to_numpy(), rows.loc[one].to_numpy(), rtol=0, atol=1e-9)
