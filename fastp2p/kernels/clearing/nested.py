"""Clearing without an LP, where limits are nested: trades and exports only add to them, and each passes a chain of them.

On a tree under DC, with buyers served by the retailer, a column is an injection at a bus, and a limit lets so much out of a
subtree. Such limits are a polymatroid: filling the dearest weight group first, then the next one, gives the greatest objective
(Edmonds 1970). Within a group all columns grow in proportion to their size until a limit stops those behind it. That is the
answer with the least Σ (q - y)²/q of all that have the greatest objective (Fujishige 1980, lexicographically optimal bases):
closest to pro rata.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.certificate import DUAL_TOLERANCE
from fastp2p.kernels.clearing.execution import CUT
from fastp2p.kernels.clearing.levels import ROUNDING, Limits, Sellers, certify_filling, fill_group, price_limits, sum_up
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import TradeArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

NO_WEIGHT = -1.0
"""The weight of exports and of what counts for nothing in the objective: no limit has a price by them."""


class Nest(NamedTuple):
    """Nested limits over the columns of buses, a column's *place* being its rank in depth-first order.

    Attributes
    ----------
    place : (n_columns,) int64
    row : (n,) int64
        Which of all rows each limit is; those behind another one come before it.
    begin, end : (n,) int64
        Places of the columns behind each limit.
    sign : (n,) float64
        Whether an injection behind it raises or lowers the row's value, +1 or -1.
    bound : (n,) float64
        The limit in that direction, infinite where there is none.
    percent : (n,) float64
        Loading per unit of the row's value; zero where none is asked for.
    """

    place: Ints
    row: Ints
    begin: Ints
    end: Ints
    sign: Floats
    bound: Floats
    percent: Floats


class Filled(NamedTuple):
    """What the filling of congested books writes; see `fastp2p.clearing.answer.Clearing`.

    Attributes
    ----------
    executed_kwh : (n_trades,) float64, kWh; binding_row : (n_trades,) int64
    exported_kw, injected_kw : (n_books, n_columns) float64, kW
        Of the whole batch, as the trades; written for the congested books.
    dual : (n, n_rows) float64; cutting : (n, n_rows) bool
        Of the n congested books, zero at first.
    proven : (n,) bool
        Whether the answer is proven to be the one that is closest to pro rata among the optima.
    loading_percent, slack_kw : (n_books,) float64
        The largest loading; in: what the external grids feed in with `injected_kw` as it is, output: with what it becomes.
    """

    executed_kwh: Floats
    binding_row: Ints
    exported_kw: Floats
    injected_kw: Floats
    dual: Floats
    cutting: NDArray[np.bool_]
    proven: NDArray[np.bool_]
    loading_percent: Floats
    slack_kw: Floats


class Items(NamedTuple):
    """Trades of a book, then its exports.

    Attributes
    ----------
    order, seller, cause : (n,) int64
        By falling weight; whose it is; the limit that cuts it, -1 for none.
    weight, kw, share : (n,) float64
        0 for exports and `NO_WEIGHT` for trades that are worth nothing; size; the share that is executed.
    """

    order: Ints
    seller: Ints
    cause: Ints
    weight: Floats
    kw: Floats
    share: Floats


class FillRoom(NamedTuple):
    """Work space of `fill_in_room`: as many sellers as columns, limits as in the nest, items as trades and columns."""

    sellers: Sellers
    limits: Limits
    items: Items
    spare: Ints


@kernel
def fill_nested_books(
    books: Ints, trades: TradeArrays, export_kw: Floats, floor_value: Floats, floor_kw: Floats, nest: Nest, tolerance: float,
    by_welfare: bool, priced: bool, step_hours: float, filled: Filled,
) -> None:  # fmt: skip
    """Fill congested books: trades by falling weight, then exports, then trades that are worth nothing.

    Parameters
    ----------
    books : (n,) int64
        Which books of the batch.
    trades : TradeArrays
        Those of the batch.
    export_kw, floor_kw : (n_books, n_columns) float64, kW
        Curtailable exports; injections with nothing executed.
    floor_value : (n, n_rows) float64
        Row values of the congested books with nothing executed; where they break a limit they take its place.
    nest : Nest
    tolerance : float
        How far a row may pass its limit, relative to the limit (absolute below 1).
    by_welfare, priced : bool
        Whether a trade weighs its bid less its ask, or 1; whether limits have prices.
    step_hours : float
    filled : Filled
        Output.
    """
    most = export_kw.shape[1]
    for k in books:
        most = max(most, trades.offset[k + 1] - trades.offset[k] + export_kw.shape[1])
    room = FillRoom(
        _new_sellers(export_kw.shape[1]), _new_limits(len(nest.row)), _new_items(most), np.empty(most, np.int64)
    )  # fmt: skip
    fill_in_room(
        books, trades, export_kw, floor_value, floor_kw, nest, tolerance, by_welfare, priced, step_hours, room, filled
    )  # fmt: skip


@kernel
def fill_in_room(
    books: Ints, trades: TradeArrays, export_kw: Floats, floor_value: Floats, floor_kw: Floats, nest: Nest, tolerance: float,
    by_welfare: bool, priced: bool, step_hours: float, room: FillRoom, filled: Filled,
) -> None:  # fmt: skip
    """`fill_nested_books` in a work space that the caller has."""
    sellers, limits, items, spare = room
    for n in range(len(books)):
        k = books[n]
        n_sellers = _find_sellers(k, trades, export_kw, nest.place, step_hours, sellers)
        n_limits = _find_limits(n, floor_value, nest, tolerance, sellers, limits)
        n_items = _list_items(k, trades, export_kw, nest.place, by_welfare, step_hours, sellers, items)
        if by_welfare:
            _sort_falling(items.weight, items.order, spare, n_items)
        filled.proven[n] = _fill_groups(n_items, n_sellers, n_limits, items, sellers, limits)
        if priced:
            price_limits(n_sellers, n_limits, sellers, limits)
        else:
            for s in range(n_sellers):
                sellers.dearest[s] = -1
            for a in range(n_limits):
                limits.price[a] = 0.0
        filled.slack_kw[k] += _sum(filled.injected_kw, k)
        _write_book(n, k, trades, export_kw, floor_kw, nest, step_hours, n_limits, items, sellers, limits, filled)
        filled.slack_kw[k] -= _sum(filled.injected_kw, k)
        filled.loading_percent[k] = _load(n, floor_value, n_items, n_sellers, nest, items, sellers)


@kernel
def _new_sellers(n: int) -> Sellers:
    return Sellers(
        before=np.empty(n + 1, np.int64),
        amount=np.empty(n),
        up_to=np.empty(n + 1),
        level=np.empty(n),
        cause=np.empty(n, np.int64),
        dearest=np.empty(n, np.int64),
    )


@kernel
def _new_limits(n: int) -> Limits:
    return Limits(
        which=np.empty(n, np.int64),
        begin=np.empty(n, np.int64),
        end=np.empty(n, np.int64),
        room=np.empty(n),
        price=np.empty(n),
        cuts=np.empty(n, np.bool_),
    )


@kernel
def _new_items(n: int) -> Items:
    return Items(
        order=np.empty(n, np.int64),
        seller=np.empty(n, np.int64),
        cause=np.empty(n, np.int64),
        weight=np.empty(n),
        kw=np.empty(n),
        share=np.empty(n),
    )


@kernel
def _find_sellers(k: int, trades: TradeArrays, export_kw: Floats, place: Ints, step_hours: float, sellers: Sellers) -> int:
    """Who sells or exports in book k, and how much up to each of them; returns how many."""
    offset, seller, _, quantity_kwh, _, _ = trades
    before, amount, up_to, _, _, _ = sellers
    for b in range(len(place)):
        amount[place[b]] = export_kw[k, b]
    for i in range(offset[k], offset[k + 1]):
        amount[place[seller[i]]] += quantity_kwh[i] / step_hours
    n = 0
    for p in range(len(place)):
        kw = amount[p]
        before[p], amount[n] = n, kw
        n += 1 if kw > 0.0 else 0
    before[len(place)] = n
    sum_up(amount, n, up_to)
    return n


@kernel
def _find_limits(k: int, floor_value: Floats, nest: Nest, tolerance: float, sellers: Sellers, limits: Limits) -> int:
    """The limits that may stop someone, and how much room each has; returns how many.

    Such a limit is broken by all that the limits behind it let through. Of several that the same sellers are behind, which
    follow one another, it is the narrowest.
    """
    _, row, first_place, end_place, sign, bound, _ = nest
    before, _, up_to, _, _, _ = sellers
    which, begin, end, room, price, _ = limits
    n = 0
    for i in range(len(row)):
        b, e, left = before[first_place[i]], before[end_place[i]], sign[i] * (bound[i] - floor_value[k, row[i]])
        left = max(left, 0.0)
        rise = up_to[e] - up_to[b]
        if rise <= left + tolerance * max(1.0, abs(bound[i])):
            continue
        stopped, last, inner = 0.0, e, n - 1
        while inner >= 0 and begin[inner] >= b:  # ends: inner falls
            if end[inner] <= last:  # and is not behind another one that is behind this limit
                stopped += up_to[end[inner]] - up_to[begin[inner]] - room[inner]
                last = begin[inner]
            inner -= 1
        if rise - stopped > left + ROUNDING * rise:
            n = n - 1 if n > 0 and begin[n - 1] == b and end[n - 1] == e else n
            which[n], begin[n], end[n], room[n], price[n] = i, b, e, left, NO_WEIGHT
            n += 1
    return n


@kernel
def _list_items(
    k: int, trades: TradeArrays, export_kw: Floats, place: Ints, by_welfare: bool, step_hours: float, sellers: Sellers,
    items: Items,
) -> int:  # fmt: skip
    offset, seller, _, quantity_kwh, bid_per_kwh, ask_per_kwh = trades
    order, who, _, weight, kw, _ = items
    before, n = sellers.before, 0
    for i in range(offset[k], offset[k + 1]):
        worth = bid_per_kwh[i] - ask_per_kwh[i] if by_welfare else 1.0
        order[n], who[n], kw[n] = n, before[place[seller[i]]], quantity_kwh[i] / step_hours
        weight[n] = worth if worth > DUAL_TOLERANCE else NO_WEIGHT
        n += 1
    for b in range(len(place)):
        if export_kw[k, b] > 0.0:
            order[n], who[n], kw[n], weight[n] = n, before[place[b]], export_kw[k, b], 0.0
            n += 1
    return n


@kernel
def _sort_falling(key: Floats, order: Ints, spare: Ints, size: int) -> None:
    """Numbers below `size` by falling key, by merging runs of doubling length; equal ones stay in their order."""
    width = 1
    while width < size:  # ends: width doubles
        for begin in range(0, size - width, 2 * width):
            middle, end = begin + width, min(begin + 2 * width, size)
            if key[order[middle]] <= key[order[middle - 1]]:
                continue
            for place in range(begin, end):
                spare[place] = order[place]
            left, right = begin, middle
            for place in range(begin, end):
                if left == middle or (right < end and key[spare[right]] > key[spare[left]]):
                    order[place] = spare[right]
                    right += 1
                else:
                    order[place] = spare[left]
                    left += 1
        width *= 2


@kernel
def _fill_groups(n_items: int, n_sellers: int, n_limits: int, items: Items, sellers: Sellers, limits: Limits) -> bool:
    """Items of one weight after the other; whether each group is proven."""
    order, who, why, weight, kw, share = items
    _, amount, _, level, cause, _ = sellers
    price, cuts = limits.price, limits.cuts
    proven, done = True, 0
    while done < n_items:  # ends: a group has one item at least
        worth, last = weight[order[done]], done
        for s in range(n_sellers):
            amount[s] = 0.0
        while last < n_items and weight[order[last]] >= worth - DUAL_TOLERANCE:  # ends: last rises
            amount[who[order[last]]] += kw[order[last]]
            last += 1
        fill_group(n_sellers, n_limits, sellers, limits)
        proven &= certify_filling(n_sellers, n_limits, sellers, limits)
        for a in range(n_limits):
            price[a] = max(price[a], worth) if cuts[a] else price[a]
        for t in range(done, last):
            i = order[t]
            share[i] = level[who[i]]
            why[i] = cause[who[i]] if share[i] < 1.0 - CUT else -1
        done = last
    return proven


@kernel
def _write_book(
    n: int, k: int, trades: TradeArrays, export_kw: Floats, floor_kw: Floats, nest: Nest, step_hours: float, n_limits: int,
    items: Items, sellers: Sellers, limits: Limits, filled: Filled,
) -> None:  # fmt: skip
    """From shares of items back to the book's trades, exports and injections; which rows cut them, and what rows are worth."""
    offset, seller, _, quantity_kwh, _, _ = trades
    _, who, why, _, _, share = items
    executed_kwh, binding_row, exported_kw, injected_kw, dual, cutting, _, _, _ = filled
    row, sign, which, price, dearest = nest.row, nest.sign, limits.which, limits.price, sellers.dearest
    for a in range(n_limits):
        dual[n, row[which[a]]] = sign[which[a]] * price[a]
    for b in range(floor_kw.shape[1]):
        injected_kw[k, b] = floor_kw[k, b]
    item = 0
    for i in range(offset[k], offset[k + 1]):
        executed_kwh[i], binding_row[i] = quantity_kwh[i] * share[item], -1
        injected_kw[k, seller[i]] += executed_kwh[i] / step_hours
        if why[item] != -1:
            named = dearest[who[item]]
            binding_row[i] = row[which[named if named != -1 else why[item]]]
            cutting[n, binding_row[i]] = True
        item += 1
    for b in range(floor_kw.shape[1]):
        exported_kw[k, b] = 0.0
        if export_kw[k, b] > 0.0:
            exported_kw[k, b] = export_kw[k, b] * share[item]
            injected_kw[k, b] += exported_kw[k, b]
            if why[item] != -1:
                named = dearest[who[item]]
                cutting[n, row[which[named if named != -1 else why[item]]]] = True
            item += 1


@kernel
def _sum(kw: Floats, k: int) -> float:
    total = 0.0
    for b in range(kw.shape[1]):
        total += kw[k, b]
    return total


@kernel
def _load(n: int, floor_value: Floats, n_items: int, n_sellers: int, nest: Nest, items: Items, sellers: Sellers) -> float:
    """The largest loading of a row, with the executed shares."""
    _, row, first_place, end_place, sign, _, percent = nest
    before, amount, up_to, _, _, _ = sellers
    who, kw, share = items.seller, items.kw, items.share
    for s in range(n_sellers):
        amount[s] = 0.0
    for i in range(n_items):
        amount[who[i]] += kw[i] * share[i]
    sum_up(amount, n_sellers, up_to)
    largest = 0.0
    for i in range(len(row)):
        value = floor_value[n, row[i]] + sign[i] * (up_to[before[end_place[i]]] - up_to[before[first_place[i]]])
        largest = max(largest, abs(value) * percent[i])
    return largest
