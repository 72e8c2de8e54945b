"""Networks to number again, books on them, limits that bind in a good part of these books, and twins."""

import functools
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandapower as pp
import pandapower.toolbox

import fastp2p
from tests.oracles import books as auction
from tests.oracles import lindistflow
from tests.support.shipped import shipped

TIES = {"cigre_lv": [(16, 36), (12, 40)]}
"""Lines that make a ring of a radial network, by pandapower's bus indices."""


def line(net, start, end, rng=None, km=0.05):
    r, x = (0.3, 0.08) if rng is None else (rng.uniform(0.1, 0.7), rng.uniform(0.05, 0.3))
    length = km if rng is None else rng.uniform(0.02, 0.3)
    return pp.create_line_from_parameters(net, start, end, length, r, x, 0.0, 1.0)


def feeder(n_bus, seed, n_ties=0, twins_at=None):
    """A random 400 V feeder in pandapower, without shunts; `n_ties` more lines close rings.

    `twins_at` adds four buses at the end of equal lines from that bus: two for twins that sell, two for twins that buy.
    """
    rng = np.random.default_rng([n_bus, seed])
    net = pp.create_empty_network()
    for _ in range(n_bus):
        pp.create_bus(net, 0.4)
    place = rng.permutation(n_bus)
    pp.create_ext_grid(net, place[0])
    for k in range(1, n_bus):
        line(net, *rng.permutation([place[k], place[rng.integers(max(0, k - 6), k)]]), rng)
    for _ in range(n_ties):
        line(net, *rng.choice(n_bus, 2, replace=False), rng)
    if twins_at is not None:
        for _ in range(4):
            line(net, twins_at, pp.create_bus(net, 0.4))
    return net


def pandapower_net(name):
    """`feeder 14 1` and `mesh 14 1` (two ties) are random, `cigre_lv ring` has two ties, others are pandapower's own."""
    kind, *numbers = name.split()
    if kind in ("feeder", "mesh"):
        return feeder(*map(int, numbers), n_ties=2 * (kind == "mesh"))
    net = shipped(kind)
    if numbers == ["ring"]:
        for start, end in TIES[kind]:
            line(net, start, end)
    return net


@functools.cache
def network_of(name):
    return fastp2p.Network.from_pandapower(pandapower_net(name))


def without_shunts(network):
    """The same lines and transformers without taps, iron losses and charging: what the oracle of LinDistFlow knows of."""
    none = np.zeros(network.n_branch, complex)
    return replace(
        network,
        from_shunt_pu=none,
        to_shunt_pu=none,
        bus_shunt_pu=np.zeros(network.n_bus, complex),
        tap_ratio=np.ones(network.n_branch),
        fixed_kw=np.zeros(network.n_bus),
        slack_vm_pu=np.ones(len(network.reference_bus)),
    )


@functools.cache
def twin_network(seed, n_ties=0):
    """A feeder of ten buses, and buses 10 and 11 (that sell) and 12 and 13 (that buy) behind equal lines from one of them."""
    slack = int(network_of(f"feeder 10 {seed}").reference_bus[0])
    at = int(np.random.default_rng(seed).choice(np.setdiff1d(np.arange(10), [slack])))
    return fastp2p.Network.from_pandapower(feeder(10, seed, n_ties=n_ties, twins_at=at))


def twin_orders(network, rng, n_books, alike):
    """Random orders of a network with twins, who have one price each side; `alike`: and one size."""
    load, sun, bid, ask = orders(network, rng, n_books, n_active=7)
    for twins, mine, others, price in (([10, 11], sun, load, ask), ([12, 13], load, sun, bid)):
        mine[:, twins] = rng.uniform(0.5, 6.0, (n_books, 1 if alike else 2))
        others[:, twins] = 0.0
        price[twins] = price[twins[0]]
    return load, sun, bid, ask


# -------------------------------------------------------------------------------------------------------------------- books


def orders(network, rng, n_books, *, n_active=12, largest=8.0, pv=1.6):
    """(load_kwh, pv_kwh, bid_per_kwh, ask_per_kwh): some buses have PV, some a load; prices are cents, many of them equal."""
    inner = np.flatnonzero(~np.isin(np.arange(network.n_bus), network.reference_bus) & (network.bus_id >= 0))
    load, sun = np.zeros((2, n_books, network.n_bus))
    for k in range(n_books):
        active = rng.choice(inner, min(n_active, len(inner)), replace=False)
        sells = rng.random(len(active)) < rng.uniform(0.25, 0.75)
        size = rng.uniform(0.1, largest, len(active))
        load[k, active], sun[k, active] = size * ~sells, pv * size * sells
    return load, sun, rng.integers(22, 26, network.n_bus) / 100, rng.integers(5, 9, network.n_bus) / 100


def pairs(load, sun, bid, ask):
    """(seller, buyer, kWh) of one book matched by price: price groups meet in merit order, in them all pairs by size."""
    bid_fill, ask_fill = auction.match(load, sun, bid, ask)
    buyers, sellers = auction.price_groups(bid_fill, bid, True), auction.price_groups(ask_fill, ask, False)
    wanted, offered = ([fill[group].sum() for _, group in side] for fill, side in ((bid_fill, buyers), (ask_fill, sellers)))
    rest_wanted, rest_offered = list(wanted), list(offered)
    found, g, h = [], 0, 0
    while g < len(buyers) and h < len(sellers):
        pool = min(rest_wanted[g], rest_offered[h])
        if pool > 1e-9 * min(wanted[g], offered[h]):
            found += [
                (s, b, ask_fill[s] / offered[h] * bid_fill[b] / wanted[g] * pool) for b in buyers[g][1] for s in sellers[h][1]
            ]
        rest_wanted[g] -= pool
        rest_offered[h] -= pool
        if rest_wanted[g] <= rest_offered[h]:
            g += 1
        else:
            h += 1
    return found, bid_fill, ask_fill


def matched(load, sun, bid, ask):
    """Trades of all books, and what the auction leaves of load and sun."""
    rows, sizes, left_load, left_sun = [], [0], np.array(load), np.array(sun)
    for k in range(len(load)):
        found, bid_fill, ask_fill = pairs(load[k], sun[k], bid, ask)
        rows += found
        sizes.append(len(found))
        left_load[k] = np.maximum(load[k] - bid_fill, 0.0)
        left_sun[k] = np.maximum(sun[k] - ask_fill, 0.0)
    seller, buyer = (np.array([row[i] for row in rows], dtype=np.int64) for i in (0, 1))
    kwh = np.array([row[2] for row in rows], dtype=float)
    return fastp2p.Trades(np.cumsum(sizes), seller, buyer, kwh, bid[buyer], ask[seller]), left_load, left_sun


def books(network, rng, n_books, surplus="curtailable", **sizes):
    """Trades, base_kw and export_kw of random orders, an hour each; `surplus` as a study has it."""
    trades, deficit, left = matched(*orders(network, rng, n_books, **sizes))
    fixed = left if surplus == "export" else 0.0
    return trades, fixed - deficit, left if surplus == "curtailable" else None


def full_injection(trades, base_kw, export_kw):
    p = np.array(base_kw) + (0.0 if export_kw is None else export_kw)
    np.add.at(p, (trades.book, trades.seller), trades.quantity_kwh)
    np.subtract.at(p, (trades.book, trades.buyer), trades.quantity_kwh)
    return p


def narrow(network, trades, base_kw, export_kw, rng, share=0.7, quantile=0.85):
    """The network with limits on a share of its branches that flows of the books come near to."""
    full = full_injection(trades, base_kw, export_kw)
    flow = np.abs(network.flow_kw(full) - network.constant_kw)
    wide = np.quantile(flow, quantile, axis=0) * rng.uniform(0.4, 1.2, network.n_branch)
    limited = (rng.random(network.n_branch) < share) & (wide > 0.0)
    return replace(network, limit_kw=np.where(limited, np.abs(network.constant_kw) + wide, np.inf))


def band(network, trades, base_kw, export_kw):
    """(v_min_pu, v_max_pu) that a part of the full books break; the external grids' own voltages lie within."""
    full = full_injection(trades, base_kw, export_kw)
    voltage = fastp2p.lindistflow(network, full).vm_pu
    low, high = np.quantile(voltage.min(axis=1), 0.25), np.quantile(voltage.max(axis=1), 0.5)
    return min(float(low), network.slack_vm_pu.min() - 1e-5), max(float(high), network.slack_vm_pu.max() + 1e-5)


def with_band(rows, v_min_pu, v_max_pu):
    """Rows of the oracle of LinDistFlow under another band."""
    bus = np.array([kind == "bus" for kind, _ in rows.owner])
    lower, upper = np.where(bus, v_min_pu**2, rows.lower), np.where(bus, v_max_pu**2, rows.upper)
    return SimpleNamespace(**{**vars(rows), "lower": lower, "upper": upper})


def one_book(trades, base_kw, export_kw, k):
    """Book k as the oracles take it."""
    return lindistflow.one_book(trades, base_kw, np.zeros(base_kw.shape[1]), export_kw, k)


# ---------------------------------------------------------------------------------------------------------------- numbering


@functools.cache
def renumbering(name, seed):
    """The network of this name with its buses numbered anew, and the new position of every bus."""
    net, network = pandapower_net(name), network_of(name)
    ids = net.bus.index.to_numpy()
    new = dict(zip(ids.tolist(), np.random.default_rng(seed).permutation(ids).tolist(), strict=True))
    pandapower.toolbox.reindex_buses(net, new)
    net.bus = net.bus.sort_index()
    other = fastp2p.Network.from_pandapower(net)
    assert (other.element_id == network.element_id).all()
    assert (other.element == network.element).all()
    to = np.array([int(other.positions([new[i]])[0]) for i in network.bus_id.tolist()])
    return other, to


def renumbered(name, network, seed):
    """The same for a network of this name under limits of its own."""
    other, to = renumbering(name, seed)
    return replace(other, limit_kw=network.limit_kw), to


def moved(values, to):
    """An array (…, n_bus) whose columns have gone to their new positions."""
    result = np.empty_like(values)
    result[..., to] = values
    return result


def trades_at(trades, to):
    return replace(trades, seller=to[trades.seller], buyer=to[trades.buyer])


def book_size(trades, export_kw=None):
    """(n_books,) kWh that a book may execute and export."""
    matched = np.bincount(trades.book, trades.quantity_kwh, minlength=len(trades.offset) - 1)
    return matched + (0.0 if export_kw is None else export_kw.sum(axis=1)) + 1e-300
