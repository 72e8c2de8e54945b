"""Linearised DistFlow the slow way: walks to the external grids, dictionaries, one dense programme per book.

Written from the equations (Baran and Wu 1989, the terms of losses left out) and not from the kernels. kW and kvar, impedances
per unit of 1 kVA.
"""

import functools
import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandapower
from hypothesis import strategies as st
from scipy.optimize import linprog

import fastp2p
from tests.oracles import books as oracle

ANGLES = (15, 45, 75, 105, 135, 165)
"""Normals of the sides of the 12-gon, degrees; each side has its opposite."""
APOTHEM = math.cos(math.radians(15))

# ---------------------------------------------------------------------------------------------------------------- network


def ways(network):
    """Per bus, {branch: sign} up to its external grid: +1 where what the bus feeds in flows from -> to."""
    roots = set(np.asarray(network.reference_bus).tolist())
    return [dict(oracle.path(network, bus, roots)) for bus in range(network.n_bus)]


def shared_sum(one, other, value):
    return sum(value[branch] for branch in one if branch in other)


def path_sums(network):
    """R and X: the resistance and reactance that the ways of two buses have in common, (n_bus, n_bus) each."""
    way = ways(network)
    r, x = np.zeros((network.n_bus,) * 2), np.zeros((network.n_bus,) * 2)
    for i in range(network.n_bus):
        for k in range(network.n_bus):
            r[i, k] = shared_sum(way[i], way[k], network.resistance_pu)
            x[i, k] = shared_sum(way[i], way[k], network.reactance_pu)
    return r, x


def root_voltages(network):
    """Voltage of every bus's external grid: what a network without shunts and taps has when nobody injects."""
    vm = dict(zip(np.asarray(network.reference_bus).tolist(), np.asarray(network.slack_vm_pu).tolist(), strict=True))
    result = []
    for bus, way in enumerate(ways(network)):
        ends = {bus} | {int(b) for branch in way for b in (network.from_bus[branch], network.to_bus[branch])}
        (root,) = ends & set(vm)
        result.append(vm[root])
    return np.array(result)


def squared_voltages(network, p_kw, q_kvar, no_load_vm_pu=None, shared=None):
    """v² of every bus of one book; networks with shunts or taps bring their no-load voltages, R and X."""
    r, x = path_sums(network) if shared is None else shared
    vm = root_voltages(network) if no_load_vm_pu is None else no_load_vm_pu
    result = []
    for i in range(network.n_bus):
        rise = sum(r[i, k] * p_kw[k] + x[i, k] * q_kvar[k] for k in range(network.n_bus))
        result.append(vm[i] ** 2 + 2.0 * rise)
    return np.array(result)


def branch_flows(network, injection):
    """What one book's injections (kW or kvar) send over every branch, without losses."""
    flow = np.zeros(network.n_branch)
    for bus, way in enumerate(ways(network)):
        for branch, sign in way.items():
            flow[branch] += sign * injection[bus]
    return flow


# ------------------------------------------------------------------------------------------------------------------- rows


def limit_rows(network, v_min_pu, v_max_pu):
    """Every limit as lower <= constant + by_p @ p + by_q @ q <= upper, and what it belongs to: (kind, position)."""
    way, (r, x), vm = ways(network), path_sums(network), root_voltages(network)
    roots = set(np.asarray(network.reference_bus).tolist())
    owner, by_p, by_q, constant, lower, upper = [], [], [], [], [], []
    for bus in range(network.n_bus):
        if bus in roots:
            continue
        owner.append(("bus", bus))
        by_p.append(2.0 * r[bus])
        by_q.append(2.0 * x[bus])
        constant.append(vm[bus] ** 2)
        lower.append(v_min_pu**2)
        upper.append(v_max_pu**2)
    for branch, limit in enumerate(network.limit_kw):
        if not math.isfinite(limit):
            continue
        behind = np.array([float(way[bus].get(branch, 0)) for bus in range(network.n_bus)])
        for degrees in ANGLES:
            owner.append(("branch", branch))
            by_p.append(math.cos(math.radians(degrees)) * behind)
            by_q.append(math.sin(math.radians(degrees)) * behind)
            constant.append(0.0)
            lower.append(-limit * APOTHEM)
            upper.append(limit * APOTHEM)
    return SimpleNamespace(
        owner=owner,
        by_p=np.array(by_p).reshape(len(owner), network.n_bus),
        by_q=np.array(by_q).reshape(len(owner), network.n_bus),
        constant=np.array(constant),
        lower=np.array(lower),
        upper=np.array(upper),
    )


def floor_of(book, load_kvar_per_kw, unserved):
    """(p, q) of one book with nothing executed: under "retail" the buyers draw what they were to get."""
    p, q = np.array(book.base_kw, dtype=float), np.array(book.base_kvar, dtype=float)
    if unserved == "retail":
        for buyer, kw in zip(book.buyer, book.kw, strict=True):
            p[buyer] -= kw
            q[buyer] -= load_kvar_per_kw[buyer] * kw
    return p, q


def executed_state(book, pv_kvar_per_kw, load_kvar_per_kw, unserved, executed_kw, exported_kw):
    """(p, q) of one book with these trades and exports executed."""
    p, q = floor_of(book, load_kvar_per_kw, unserved)
    for seller, buyer, kw in zip(book.seller, book.buyer, executed_kw, strict=True):
        p[seller] += kw
        q[seller] += pv_kvar_per_kw[seller] * kw
        if unserved == "shed":
            p[buyer] -= kw
            q[buyer] -= load_kvar_per_kw[buyer] * kw
    for bus, kw in enumerate(exported_kw):
        p[bus] += kw
        q[bus] += pv_kvar_per_kw[bus] * kw
    return p, q


def problem(network, book, pv_kvar_per_kw, load_kvar_per_kw, *, objective, unserved, v_min_pu, v_max_pu):
    """One book as columns and rows; a limit that the base breaks becomes the base's value.

    `book` has seller, buyer, kw, bid_per_kwh, ask_per_kwh per trade and base_kw, base_kvar, export_kw per bus.
    """
    rows = limit_rows(network, v_min_pu, v_max_pu)
    p, q = floor_of(book, load_kvar_per_kw, unserved)
    base = rows.constant + rows.by_p @ p + rows.by_q @ q
    columns = []
    for seller, buyer in zip(book.seller, book.buyer, strict=True):
        column = rows.by_p[:, seller] + pv_kvar_per_kw[seller] * rows.by_q[:, seller]
        if unserved == "shed":
            column = column - rows.by_p[:, buyer] - load_kvar_per_kw[buyer] * rows.by_q[:, buyer]
            column[np.abs(column) < 1e-12 * np.abs(rows.by_p[:, seller])] = (
                0.0  # what only rounding leaves of a trade with oneself
            )
        columns.append(column)
    sources = [bus for bus, kw in enumerate(book.export_kw) if kw > 0]
    columns += [rows.by_p[:, bus] + pv_kvar_per_kw[bus] * rows.by_q[:, bus] for bus in sources]
    n, n_trades = len(columns), len(book.kw)
    weight = np.zeros(n)
    weight[:n_trades] = 1.0 if objective == "volume" else np.subtract(book.bid_per_kwh, book.ask_per_kwh)
    return SimpleNamespace(
        owner=rows.owner,
        base=base,
        columns=np.array(columns).reshape(n, len(base)).T,
        lower=np.minimum(rows.lower, base),
        upper=np.maximum(rows.upper, base),
        broken_by=float(np.max(np.concatenate([base - rows.upper, rows.lower - base]), initial=-np.inf)),
        most=np.concatenate([book.kw, np.asarray(book.export_kw)[sources]]),
        weight=weight,
        n_trades=n_trades,
        sources=sources,
    )


def room_kw(p, x):
    """(above, below) of every row, in kW of the column that moves it most: negative where the row is broken."""
    value = p.base + p.columns @ x
    scale = np.abs(p.columns).max(axis=1, initial=0.0)
    scale[scale == 0] = 1.0
    return (p.upper - value) / scale, (value - p.lower) / scale


# ---------------------------------------------------------------------------------------------------------------- optimum


def maximise(gain, matrix, room, most):
    answer = linprog(-gain, A_ub=matrix if len(matrix) else None, b_ub=room if len(matrix) else None,
                     bounds=np.column_stack([np.zeros(len(most)), most]), method="highs",
                     options={"primal_feasibility_tolerance": 1e-9, "dual_feasibility_tolerance": 1e-9})  # fmt: skip
    assert answer.status == 0, answer.message
    return np.clip(answer.x, 0.0, most)


def solve(p):
    """(greatest objective, then greatest exports) of one book, all rows in units of their largest entry."""
    if len(p.most) == 0:
        return 0.0, 0.0
    scale = np.abs(p.columns).max(axis=1, initial=0.0)
    used = scale > 0
    matrix = p.columns[used] / scale[used, None]
    above, below = (value[used] for value in room_kw(p, np.zeros(len(p.most))))
    rows, room = np.vstack([matrix, -matrix]), np.concatenate([above, below])
    first = maximise(p.weight, rows, room, p.most)
    best = float(p.weight @ first)
    exports = np.arange(len(p.most)) >= p.n_trades
    if not exports.any():
        return best, 0.0
    held = np.vstack([rows, -p.weight])
    second = maximise(exports.astype(float), held, np.append(room, 1e-10 * max(1.0, best) - best), p.most)
    return best, float(second[exports].sum())


# --------------------------------------------------------------------------------------------------------- feeders and books


@functools.cache
def tree(n_bus, seed):
    """A random 400 V feeder without shunts and taps, lines in either direction; every fourth one with two external grids."""
    rng = np.random.default_rng([n_bus, seed])
    net = pandapower.create_empty_network()
    buses = [pandapower.create_bus(net, 0.4) for _ in range(n_bus)]
    place = rng.permutation(n_bus)
    pandapower.create_ext_grid(net, buses[place[0]], vm_pu=float(rng.choice([1.0, 1.0, 0.99, 1.02])))
    for k in range(1, n_bus):
        if seed % 4 == 3 and k == n_bus // 2:
            pandapower.create_ext_grid(net, buses[place[k]], vm_pu=1.01)
            continue
        start, end = rng.permutation([place[k], place[rng.integers(k)]])
        pandapower.create_line_from_parameters(
            net, buses[start], buses[end], length_km=rng.uniform(0.02, 0.3), r_ohm_per_km=rng.uniform(0.1, 0.7),
            x_ohm_per_km=rng.uniform(0.05, 0.3), c_nf_per_km=0.0, max_i_ka=1.0,
        )  # fmt: skip
    return fastp2p.Network.from_pandapower(net)


def sunny_books(network, rng, n_books, *, pv_kw=(20.0, 60.0), load_kw=(2.0, 20.0), power_factor=(-0.15, 0.3)):
    """Books of much PV at the leaves and loads elsewhere: trades, base_kw, export_kw and Reactive.

    `power_factor`: kvar per kW of what is fed in, and of what is drawn.
    """
    leaf = network.leaf_buses()
    sells = np.zeros((n_books, network.n_bus), dtype=bool)
    sells[:, leaf] = rng.random((n_books, len(leaf))) < rng.uniform(0.2, 0.8, (n_books, 1))
    inner = ~np.isin(np.arange(network.n_bus), network.reference_bus)
    buys = ~sells & inner & (rng.random(sells.shape) < 0.6)
    pv, load = rng.uniform(*pv_kw, sells.shape) * sells, rng.uniform(*load_kw, sells.shape) * buys
    load *= rng.uniform(0.2, 1.5, (n_books, 1))
    bid, ask = rng.integers(22, 34, network.n_bus) / 100, rng.integers(4, 20, network.n_bus) / 100
    trades = fastp2p.match_orders(load, pv, bid, ask)
    left = fastp2p.leave_over(load, pv, trades)
    base_kvar = -power_factor[1] * left.deficit_kwh
    return trades, -left.deficit_kwh, left.surplus_kwh, fastp2p.Reactive(base_kvar, *power_factor)


def one_book(trades, base_kw, base_kvar, export_kw, k):
    """Book k of a batch, as `problem` takes it (steps of an hour)."""
    ours = slice(int(trades.offset[k]), int(trades.offset[k + 1]))
    return SimpleNamespace(
        seller=trades.seller[ours],
        buyer=trades.buyer[ours],
        kw=trades.quantity_kwh[ours],
        bid_per_kwh=trades.bid_per_kwh[ours],
        ask_per_kwh=trades.ask_per_kwh[ours],
        base_kw=base_kw[k],
        base_kvar=np.broadcast_to(base_kvar, base_kw.shape)[k],
        export_kw=np.zeros(base_kw.shape[1]) if export_kw is None else export_kw[k],
    )


def some_books(trades, first, last):
    """Books first … last - 1 as trades of their own."""
    ours = slice(int(trades.offset[first]), int(trades.offset[last]))
    names = ("seller", "buyer", "quantity_kwh", "bid_per_kwh", "ask_per_kwh")
    offset = trades.offset[first : last + 1] - trades.offset[first]
    return fastp2p.Trades(offset, *(getattr(trades, name)[ours] for name in names))


def trades_of(*rows):
    """Trades of one book from (seller, buyer, kWh, bid, ask)."""
    seller, buyer, kwh, bid, ask = np.array(rows, dtype=float).reshape(-1, 5).T
    return fastp2p.Trades(np.array([0, len(rows)]), seller.astype(np.int64), buyer.astype(np.int64), kwh, bid, ask)


PRICED_BAND = {"retail": (0.97, 1.015), "shed": (0.99, 1.015)}


@functools.cache
def priced_books(unserved, objective):
    """CIGRE LV with narrow lines to its leaves, and what its books come to (answer, objective per book) as limits move."""
    rng = np.random.default_rng(11)
    network = fastp2p.Network.load("cigre_lv")
    outer = np.isin(network.from_bus, network.leaf_buses()) | np.isin(network.to_bus, network.leaf_buses())
    limit = np.where(outer, rng.uniform(8.0, 50.0, network.n_branch), rng.uniform(80.0, 250.0, network.n_branch))
    network = replace(network, limit_kw=limit)
    trades, base, export, reactive = sunny_books(network, rng, 60, load_kw=(1.0, 8.0))
    worth = trades.bid_per_kwh - trades.ask_per_kwh if objective == "welfare" else np.ones(trades.n_trades)

    def value(network=network, wider=(0.0, 0.0)):
        v_min, v_max = np.add(PRICED_BAND[unserved], wider).tolist()
        answer = fastp2p.clear(
            network, trades, base, export_kw=export, reactive=reactive, unserved=unserved, objective=objective,
            physics="lindistflow", v_min_pu=v_min, v_max_pu=v_max,
        )  # fmt: skip
        return answer, np.bincount(trades.book, worth * answer.executed_kwh, minlength=len(base))

    return network, value


# ------------------------------------------------------------------------------------------------------- Hypothesis strategy

tenths = st.integers(0, 120).map(lambda n: n / 10)


def lists(element, n):
    return st.lists(element, min_size=n, max_size=n).map(lambda values: np.array(values, dtype=float))


@st.composite
def cases(draw, most_bus=8):
    """A feeder with tight limits, up to three books on it, and how they are cleared."""
    n_bus, n_books = draw(st.integers(3, most_bus)), draw(st.integers(1, 3))
    network = tree(n_bus, draw(st.integers(0, 3)))
    limit = draw(lists(st.one_of(tenths, st.integers(8, 40).map(float), st.just(math.inf)), network.n_branch))
    sizes = [draw(st.integers(0, 6)) for _ in range(n_books)]
    ends = draw(lists(st.integers(0, n_bus - 1), 2 * sum(sizes))).astype(np.int64)
    ask = draw(lists(st.integers(1, 3).map(lambda n: n / 10), sum(sizes)))
    gain = draw(lists(st.sampled_from([0.0, 0.1, 0.1, 0.25]), sum(sizes)))
    offset = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    quantity = draw(lists(st.one_of(tenths, st.floats(0.01, 20.0)), sum(sizes)))
    trades = fastp2p.Trades(offset, ends[::2], ends[1::2], quantity, ask + gain, ask)
    shape, some = (n_books, n_bus), draw(st.sampled_from([0.0, 0.1, 0.3, 1.0]))
    base, base_kvar = (some * draw(lists(st.integers(-80, 80), n_books * n_bus)).reshape(shape) / 10 for _ in range(2))
    export = draw(st.one_of(st.none(), lists(st.one_of(st.just(0.0), tenths), n_books * n_bus)))
    pv, load = (draw(lists(st.sampled_from([-0.5, -0.2, 0.0, 0.1, 0.4]), n_bus)) for _ in range(2))
    options = {
        "export_kw": None if export is None else export.reshape(shape),
        "unserved": draw(st.sampled_from(["retail", "shed"])),
        "objective": draw(st.sampled_from(["volume", "welfare"])),
        "v_min_pu": 0.99 - draw(st.sampled_from([0.001, 0.01, 0.05])),
        "v_max_pu": 1.02 + draw(st.sampled_from([0.001, 0.01, 0.05])),
    }
    return replace(network, limit_kw=limit), trades, base, base_kvar, pv, load, options
