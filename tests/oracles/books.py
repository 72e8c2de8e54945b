"""Plain twins of the kernels: slow, dense, one book at a time, written from the design and not from the kernels."""

import itertools
from types import SimpleNamespace

import numpy as np
from scipy.optimize import linprog

# ---------------------------------------------------------------------------------------------------------------- network


def incidence(network):
    matrix = np.zeros((network.n_branch, network.n_bus))
    rows = np.arange(network.n_branch)
    matrix[rows, network.from_bus] += 1.0
    matrix[rows, network.to_bus] -= 1.0
    return matrix


def sensitivities(network):
    """Dense DC sensitivities (n_branch, n_bus): flow per injection, the reference buses' angles held."""
    branch_by_bus = incidence(network)
    flow_by_angle = np.asarray(network.susceptance_kw)[:, None] * branch_by_bus
    injection_by_angle = branch_by_bus.T @ flow_by_angle
    free = np.setdiff1d(np.arange(network.n_bus), network.reference_bus)
    result = np.zeros((network.n_branch, network.n_bus))
    result[:, free] = np.linalg.solve(injection_by_angle[np.ix_(free, free)].T, flow_by_angle[:, free].T).T
    result[np.abs(result) < 1e-9] = 0.0
    return result


def flows(network, injection_kw):
    return np.asarray(injection_kw) @ sensitivities(network).T + network.constant_kw


def path(network, start, goals):
    """[(branch, sign)] from a bus to the first of the goals on a radial network: sign +1 where walked from -> to."""
    neighbours = {b: [] for b in range(network.n_bus)}
    for branch, (one, other) in enumerate(zip(network.from_bus, network.to_bus, strict=True)):
        neighbours[one].append((other, branch, +1))
        neighbours[other].append((one, branch, -1))
    stack, seen = [(start, [])], {start}
    while stack:
        here, walked = stack.pop()
        if here in goals:
            return walked
        for there, branch, sign in neighbours[here]:
            if there not in seen:
                seen.add(there)
                stack.append((there, [*walked, (branch, sign)]))
    raise AssertionError(f"no path from bus {start} to {goals}")


# ----------------------------------------------------------------------------------------------------------------- orders


def orders(generation_kw, load_kw, step_hours=1.0, kind="net"):
    """Bids and asks in kWh: of the net position, or of generation and load each in full."""
    bid, ask = [], []
    for generation, load in zip(generation_kw, load_kw, strict=True):
        if kind == "net":
            generation, load = max(generation - load, 0.0), max(load - generation, 0.0)
        bid.append(load * step_hours)
        ask.append(generation * step_hours)
    return np.array(bid), np.array(ask)


# --------------------------------------------------------------------------------------------------------------- matching


def price_groups(quantity, price, descending):
    """[(price, [buses in bus order])] of the positive orders."""
    members = {}
    for bus, kwh in enumerate(quantity):
        if kwh > 0:
            members.setdefault(float(price[bus]), []).append(bus)
    return sorted(members.items(), reverse=descending)


def share_out(amount, buses, quantity, ties):
    """What each bus of one price group gets of an amount that is at most the group's size."""
    size = sum(quantity[b] for b in buses)
    if ties == "pro_rata":
        return {b: quantity[b] * min(amount / size, 1.0) for b in buses}
    result = {}
    for b in buses:
        result[b] = min(quantity[b], amount)
        amount -= result[b]
    return result


def fill_groups(total, groups, quantity, ties):
    fill = np.zeros(len(quantity))
    for _, buses in groups:
        size = sum(quantity[b] for b in buses)
        amount = min(total, size)
        if amount <= 1e-12 * size:
            break
        for b, kwh in share_out(amount, buses, quantity, ties).items():
            fill[b] = kwh
        total -= amount
    return fill


def crossing_volume(bid_groups, ask_groups, bid, ask):
    """The most that can be matched with bid >= ask when both lists run in merit order."""
    demand = [[price, sum(bid[b] for b in buses)] for price, buses in bid_groups]
    supply = [[price, sum(ask[b] for b in buses)] for price, buses in ask_groups]
    volume = 0.0
    while demand and supply and demand[0][0] >= supply[0][0]:
        step = min(demand[0][1], supply[0][1])
        volume += step
        for side in (demand, supply):
            side[0][1] -= step
        for side in (demand, supply):
            if side[0][1] <= 0:
                side.pop(0)
    return volume


def match_by_price(bid, ask, bid_price, ask_price, ties):
    bid_groups = price_groups(bid, bid_price, descending=True)
    ask_groups = price_groups(ask, ask_price, descending=False)
    volume = crossing_volume(bid_groups, ask_groups, bid, ask)
    return fill_groups(volume, bid_groups, bid, ties), fill_groups(volume, ask_groups, ask, ties)


def match_by_volume(bid, ask, bid_price, ask_price, ties):
    ask_groups = price_groups(ask, ask_price, descending=True)
    left = [sum(ask[b] for b in buses) for _, buses in ask_groups]
    taken = [0.0] * len(ask_groups)
    bid_fill, ask_fill = np.zeros(len(bid)), np.zeros(len(ask))
    for price, buses in price_groups(bid, bid_price, descending=False):
        wanted = sum(bid[b] for b in buses)
        got = 0.0
        for g, (ask_at, _) in enumerate(ask_groups):
            if ask_at <= price:
                step = min(wanted - got, left[g])
                got, left[g], taken[g] = got + step, left[g] - step, taken[g] + step
        for b, kwh in share_out(got, buses, bid, ties).items():
            bid_fill[b] = kwh
    for g, (_, buses) in enumerate(ask_groups):
        for b, kwh in share_out(taken[g], buses, ask, ties).items():
            ask_fill[b] = kwh
    return bid_fill, ask_fill


def match(bid, ask, bid_price, ask_price, priority="price", ties="pro_rata"):
    """Filled kWh per bus of one book: (bid_fill, ask_fill)."""
    rule = {"price": match_by_price, "volume": match_by_volume}[priority]
    return rule(bid, ask, bid_price, ask_price, ties)


def pair_by_price(bid_fill, ask_fill, bid_price, ask_price):
    """[(seller, buyer, kWh)]: bids high to low meet asks low to high, ties in bus order."""
    buyers = sorted((b for b in range(len(bid_fill)) if bid_fill[b] > 0), key=lambda b: (-bid_price[b], b))
    sellers = sorted((b for b in range(len(ask_fill)) if ask_fill[b] > 0), key=lambda b: (ask_price[b], b))
    wanted, offered = dict(enumerate(bid_fill)), dict(enumerate(ask_fill))
    trades = []
    while buyers and sellers:
        buyer, seller = buyers[0], sellers[0]
        kwh = min(wanted[buyer], offered[seller])
        wanted[buyer] -= kwh
        offered[seller] -= kwh
        if kwh > 1e-12 * min(bid_fill[buyer], ask_fill[seller]):
            trades.append((seller, buyer, kwh))
        if wanted[buyer] <= 1e-12 * bid_fill[buyer]:
            buyers.pop(0)
        if offered[seller] <= 1e-12 * ask_fill[seller]:
            sellers.pop(0)
    return trades


def transport(bid, ask, bid_price, ask_price, objective):
    """Greatest welfare or volume over all pairs with bid >= ask, as a transport problem."""
    pairs = [
        (s, b)
        for s, b in itertools.product(range(len(ask)), range(len(bid)))
        if ask[s] > 0 and bid[b] > 0 and bid_price[b] >= ask_price[s]
    ]
    if not pairs:
        return 0.0
    weight = [1.0 if objective == "volume" else bid_price[b] - ask_price[s] for s, b in pairs]
    rows = [[float(s == bus) for s, _ in pairs] for bus in range(len(ask))]
    rows += [[float(b == bus) for _, b in pairs] for bus in range(len(bid))]
    return -linprog(-np.array(weight), A_ub=rows, b_ub=np.concatenate([ask, bid]), method="highs").fun


# --------------------------------------------------------------------------------------------------------------- clearing


def problem(matrix, constant_kw, limit_kw, book, objective="volume", unserved="retail"):
    """One book as columns and rows: trades first, then exports; limits never tighter than the base flow.

    `book` has seller, buyer, kw, bid_per_kwh, ask_per_kwh per trade and base_kw, export_kw per bus.
    """
    base = np.array(book.base_kw, dtype=float)
    if unserved == "retail":
        np.subtract.at(base, book.buyer, book.kw)
        trade_columns = matrix[:, book.seller]
    else:
        trade_columns = matrix[:, book.seller] - matrix[:, book.buyer]
    sources = np.flatnonzero(book.export_kw > 0)
    base_flow = constant_kw + matrix @ base
    weight = np.ones(len(book.kw)) if objective != "welfare" else book.bid_per_kwh - book.ask_per_kwh
    return SimpleNamespace(
        base_kw=base,
        base_flow=base_flow,
        upper=np.maximum(limit_kw, base_flow),
        lower=np.minimum(-limit_kw, base_flow),
        overload=np.max(np.abs(base_flow) - limit_kw, initial=-np.inf),
        trade_columns=trade_columns,
        trade_kw=np.asarray(book.kw, dtype=float),
        weight=weight,
        sources=sources,
        export_columns=matrix[:, sources],
        export_kw=np.asarray(book.export_kw, dtype=float)[sources],
    )


def full_flow(p):
    return p.base_flow + p.trade_columns @ p.trade_kw + p.export_columns @ p.export_kw


def binds(p, tolerance=1e-9):
    """Whether the book with every trade and export in full breaks a row."""
    flow = full_flow(p)
    return bool(np.any(flow > p.upper + tolerance) or np.any(flow < p.lower - tolerance))


def reachable_rows(p):
    """Rows that some choice of trades and exports could break; the others say nothing."""
    parts = np.hstack([p.trade_columns * p.trade_kw, p.export_columns * p.export_kw])
    highest = p.base_flow + np.maximum(parts, 0.0).sum(axis=1)
    lowest = p.base_flow + np.minimum(parts, 0.0).sum(axis=1)
    return highest > p.upper, lowest < p.lower


def solve(p):
    """(objective, exports, trades, exports by column): trades first, then exports with the objective held."""
    high, low = reachable_rows(p)
    columns = np.hstack([p.trade_columns, p.export_columns])
    rows = np.vstack([columns[high], -columns[low]])
    room = np.concatenate([(p.upper - p.base_flow)[high], (p.base_flow - p.lower)[low]])
    most = np.concatenate([p.trade_kw, p.export_kw])
    n = len(p.trade_kw)
    weight = np.concatenate([p.weight, np.zeros(len(p.export_kw))])
    if len(most) == 0:
        return 0.0, 0.0, np.zeros(0), np.zeros(0)
    first = maximise(weight, rows, room, most)
    objective = weight @ first
    if not len(p.export_kw):
        return objective, 0.0, first, np.zeros(0)
    held = np.vstack([rows, -weight])
    slack = 1e-12 * max(1.0, abs(objective))
    second = maximise((np.arange(len(most)) >= n).astype(float), held, np.append(room, slack - objective), most)
    return objective, second[n:].sum(), second[:n], second[n:]


def maximise(weight, rows, room, most):
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    answer = linprog(-weight, A_ub=rows, b_ub=room, bounds=np.column_stack([np.zeros(len(most)), most]), options=tight)
    assert answer.status == 0, answer.message
    return answer.x


def fill(flow, columns, amount, lower, upper):
    """Progressive filling: all grow by one factor; what pushes a row that is full stops; the rest go on."""
    factor = np.zeros(len(amount))
    growing = amount > 0
    while growing.any():
        slope = columns[:, growing] @ amount[growing]
        up, down = slope > 1e-9, slope < -1e-9
        steps = np.full(len(slope), np.inf)
        steps[up] = np.maximum(upper - flow, 0.0)[up] / slope[up]
        steps[down] = np.minimum(lower - flow, 0.0)[down] / slope[down]
        step = min(steps.min(initial=np.inf), 1.0 - factor[growing].max())
        flow = flow + step * slope
        factor[growing] += step
        growing &= factor < 1.0 - 1e-15
        for row in np.flatnonzero(steps <= step + 1e-12):
            growing &= columns[row] * np.sign(slope[row]) <= 1e-9
    return factor * amount, flow


def fill_progressively(p):
    """(trades, exports by column) under pro_rata; exports grow the same way after all trades."""
    if not binds(p):
        return p.trade_kw, p.export_kw
    trades, flow = fill(p.base_flow, p.trade_columns, p.trade_kw, p.lower, p.upper)
    exports, _ = fill(flow, p.export_columns, p.export_kw, p.lower, p.upper)
    return trades, exports


def nothing_relieves(p):
    """Whether every column pushes each reachable limit or leaves it alone: then a row once full stays full."""
    high, low = reachable_rows(p)
    columns = np.hstack([p.trade_columns, p.export_columns])
    return bool((columns[high] >= 0).all() and (columns[low] <= 0).all())


def room_alone(flow, columns, lower, upper):
    """kW by which each column could still grow if all others stayed."""
    room = np.full(columns.shape[1], np.inf)
    for i, column in enumerate(columns.T):
        for row in np.flatnonzero(np.abs(column) > 1e-9):
            slack = upper[row] - flow[row] if column[row] > 0 else flow[row] - lower[row]
            room[i] = min(room[i], slack / abs(column[row]))
    return room


# ------------------------------------------------------------------------------------------------------------- settlement


def accounts(trades, executed_kwh, bought_kwh, load, pv, left, exported, tariffs, prices, retail):
    """Every account of every (book, bus), as {name: array (n_books, n_bus)}; `left` is (own, deficit, surplus)."""
    (own, deficit, surplus), (n_books, n_bus) = left, np.shape(load)
    pays, gets, charge = prices
    names = ["load", "pv", "self", "bought", "sold", "retail", "exported", "spilled", "shed", "cut"]
    names += ["paid", "charges", "received", "bill", "baseline_bill"]
    found = {name: np.zeros((n_books, n_bus)) for name in names}
    for k in range(n_books):
        for b in range(n_bus):
            found["load"][k, b], found["pv"][k, b], found["self"][k, b] = load[k, b], pv[k, b], own[k, b]
            found["retail"][k, b], found["exported"][k, b] = deficit[k, b], exported[k, b]
            found["spilled"][k, b] = surplus[k, b] - exported[k, b]
        for i in np.flatnonzero(trades.book == k):
            s, d = trades.seller[i], trades.buyer[i]
            cut, lacking = trades.quantity_kwh[i] - executed_kwh[i], trades.quantity_kwh[i] - bought_kwh[i]
            found["bought"][k, d] += bought_kwh[i]
            found["sold"][k, s] += executed_kwh[i]
            found["spilled"][k, s] += cut
            found["cut"][k, s] += cut
            found["retail" if retail else "shed"][k, d] += lacking
            found["paid"][k, d] += pays[i] * bought_kwh[i]
            found["charges"][k, d] += charge[i] * bought_kwh[i]
            found["received"][k, s] += gets[i] * executed_kwh[i]
        for b in range(n_bus):
            bought, sold = found["retail"][k, b] * tariffs[0][k], found["exported"][k, b] * tariffs[1][k]
            found["bill"][k, b] = bought + found["paid"][k, b] + found["charges"][k, b] - found["received"][k, b] - sold
            alone = min(load[k, b], pv[k, b])
            found["baseline_bill"][k, b] = (load[k, b] - alone) * tariffs[0][k] - (pv[k, b] - alone) * tariffs[1][k]
    return found


def screen(before, after, lower, upper, tolerance):
    """(overload, congested) of one book's rows: a limit broken before any trade is replaced by the value there (section 6)."""
    overload = congested = 0
    for b, a, low, high in zip(before, after, lower, upper, strict=True):
        if b > high + tolerance * max(1.0, abs(high)):
            overload, high = 1, b
        if b < low - tolerance * max(1.0, abs(low)):
            overload, low = 1, b
        if not low - tolerance * max(1.0, abs(low)) <= a <= high + tolerance * max(1.0, abs(high)):
            congested = 1
    return overload, congested
