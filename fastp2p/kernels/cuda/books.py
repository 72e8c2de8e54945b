"""One book from its draws to its accounts: what a thread of a GPU does at each step of its scenario.

The stages are the kernels that the CPU runs over a batch, called for one book: arrays are (1, n_columns), and blocks of flows
have one column. Nothing here allocates; a thread has all arrays from the start.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.execution import inject_trades, share_among_buyers
from fastp2p.kernels.clearing.limits import Bounds, BranchFacts, Screen, load_block, screen_block
from fastp2p.kernels.clearing.nested import Filled, FillRoom, Nest, fill_in_room
from fastp2p.kernels.grid.flows import tree_block
from fastp2p.kernels.grid.structs import Tree
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.market.matching import MatchRoom, match_in_room
from fastp2p.kernels.market.orders import leftovers, split_orders
from fastp2p.kernels.market.pricing import find_margins_in
from fastp2p.kernels.market.trades import count_pairs_in, look_up_prices
from fastp2p.kernels.structs import TradeArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ASK, BID, MIDPOINT, K, MID_MARKET_RATE, BILL_SHARING = range(6)
"""Market rules."""
EXPORT, CURTAILABLE, SPILL = range(3)
"""What is done with surplus."""
NO_FILLING, BY_VOLUME, BY_WELFARE, BY_SIZE = range(4)
"""How congested books are cut: by the CPU, or filled for the greatest volume or welfare, or with no prices of limits."""
FREE, CLEARED, OVERLOAD, LISTED = 0, 1, 2, 3
"""How a book ends: the first three as `fastp2p.clearing.answer.STATUS` counts them; or the CPU is to run it."""
CUT_KW = 1e-9
"""As `fastp2p.clearing.answer.CUT_KW`."""
NEAR = 0.5
"""Part of the screen's tolerance around it: what lies within is listed, as rounding may put it on either side."""


class Rules(NamedTuple):
    """What a study decides for all books."""

    gross: bool
    min_order_kwh: float
    by_volume: bool
    pro_rata: bool
    pool: bool
    pricing: int
    kappa: float
    charge_per_kwh: float
    surplus: int
    filling: int
    stress: float
    step_hours: float
    tolerance: float


class Clock(NamedTuple):
    """What follows the clock: profiles (n_profiles, n_steps) kWh per unit, and values of steps, (n_steps,).

    Bids and asks are empty where each participant has its own. In a study with devices, what homes draw and give with them is
    in `made_load_kwh` and `made_pv_kwh` (`fastp2p.kernels.cuda.devices.Made`), which have no steps else.
    """

    kwh_per_unit: Floats
    retail_per_kwh: Floats
    feed_in_per_kwh: Floats
    co2_kg_per_kwh: Floats
    bid_per_kwh: Floats
    ask_per_kwh: Floats
    made_load_kwh: Floats
    made_pv_kwh: Floats


class Homes(NamedTuple):
    """The participants of one scenario.

    Attributes
    ----------
    load_row, pv_row : (n,) int64
        Rows of the profiles, -1 for none.
    homes, kwp : (n,) float64
    price : (4, 1, n) float64, currency per kWh
        Bids, asks, and those by which a pool rule matches, the tariffs; without such a rule the last two are not there.
    order : (2, 1, n) int64
        Bids and asks by price.
    scenario : int
        Its place among those that run.
    """

    load_row: Ints
    pv_row: Ints
    homes: Floats
    kwp: Floats
    price: Floats
    order: Ints
    scenario: int


class Grid(NamedTuple):
    """A tree, its limits, and where participants are; see `kernels.clearing.limits.screen_tree`.

    Attributes
    ----------
    bus : (n,) int64
        In the tree of those who take part (`fastp2p.grid.contraction`).
    at_grid : (n,) bool
        Whether the bus is an external grid's.
    constant_slack_kw : float
        What the external grids feed in beyond what leaves them on the tree and is injected there.
    fixed_kw : float
        What the network itself injects.
    """

    tree: Tree
    facts: BranchFacts
    bounds: Bounds
    nest: Nest
    bus: Ints
    at_grid: NDArray[np.bool_]
    constant_slack_kw: float
    fixed_kw: float


class Work(NamedTuple):
    """Work space of a thread.

    Attributes
    ----------
    energy : (10, 1, n) float64
    offset, pair_offset : (2,) int64
        Of the book's trades, and of the pairs that these stand for.
    trader : (3, room) int; trade : (7, room) float64
        Sellers, buyers, and rows that cut; quantities, bids, asks, prices, charges, what is executed and bought.
    seen : (2, n) int64; filled : (2, n) float64; margin : (4, 1) float64
    subtree : (n_bus, 2) float64; flow : (n_branch, 2) float64
        Of a block of two: nothing executed, and everything.
    excess : (1,) float64
    value : (2, 1, n_branch) float64; cutting : (1, n_branch) bool; proven : (1,) bool; book : (1,) int64
        Of the filling of a congested book, the last of which holds 0.
    fill : FillRoom
    account : (19, 1) float64
        What the fields of the book's accounts are rows of.
    """

    energy: Floats
    offset: Ints
    pair_offset: Ints
    trader: Ints
    trade: Floats
    seen: Ints
    filled: Floats
    margin: Floats
    subtree: Floats
    flow: Floats
    excess: Floats
    value: Floats
    cutting: NDArray[np.bool_]
    proven: NDArray[np.bool_]
    book: Ints
    fill: FillRoom
    account: Floats


@kernel
def sort_prices(homes: Homes, by_volume: bool, pool: bool) -> None:
    """Merit orders: stable, asks rising, bids falling but by volume; in a pool all prices of a side are equal."""
    price, order = homes.price, homes.order
    for side in range(2):
        falling = side == 0 and not by_volume
        for c in range(price.shape[2]):
            at = c
            while at > 0 and not pool:  # ends: at falls
                before, here = price[side, 0, order[side, 0, at - 1]], price[side, 0, c]
                if not (before < here if falling else before > here):
                    break
                order[side, 0, at] = order[side, 0, at - 1]
                at -= 1
            order[side, 0, at] = c


@kernel
def trade_book(t: int, homes: Homes, clock: Clock, rules: Rules, work: Work, room: MatchRoom) -> int:
    """Match step t of a scenario: `LISTED` where it has more trades than there is room for, else `FREE`.

    After it `work.energy[3]` has the injections with nothing executed, kW, `[7]` those with everything, and `[4]` exports.

    Parameters
    ----------
    t : int
    homes, clock, rules, work, room : see their types
    """
    energy, trader, trade, offset, price = work.energy, work.trader, work.trade, work.offset, homes.price
    load, pv, own, deficit, surplus, full = energy[0], energy[1], energy[2], energy[5], energy[6], energy[7]
    bid, ask = energy[3], energy[4]
    floor, export = energy[3], energy[4]  # in the room of orders that have been matched
    seller, buyer, quantity = trader[0], trader[1], trade[0]
    seen = 2 if rules.pool else 0
    _take_energy(t, homes, clock, load, pv)
    _take_prices(t, price, clock, rules.pool)
    split_orders(load, pv, rules.gross, rules.min_order_kwh, own, bid, ask)
    match_in_room(
        bid, ask, price[seen], price[seen + 1], homes.order[0], homes.order[1], (rules.by_volume, rules.pro_rata), room,
        offset, seller, buyer, quantity,
    )  # fmt: skip
    if offset[1] == len(quantity):  # there may be more than there is room for
        return LISTED
    look_up_prices(offset, seller, buyer, price[seen], price[seen + 1], trade[1], trade[2])
    trades = TradeArrays(offset, seller, buyer, quantity, trade[1], trade[2])
    work.pair_offset[1] = offset[1]
    if rules.pro_rata:
        count_pairs_in(trades, work.seen[0], work.seen[1], work.pair_offset)
    _price(t, rules, price[seen], price[seen + 1], bid, ask, clock, trades, work)
    leftovers(load, pv, offset, seller, buyer, quantity, own, deficit, surplus)
    _stress(rules.stress, trades, load, pv)
    _inject(rules, deficit, surplus, floor, export)
    inject_trades(floor, export, trades, rules.step_hours, True, floor, full)
    return FREE


@kernel
def clear_book(grid: Grid, rules: Rules, work: Work, screen: Screen) -> int:
    """Clear a book that `trade_book` has matched, by its DC flows; returns how it ends. After it, `work.energy[9]` has the
    injections where it was filled (`screen.congested` is 1). `kernels.cuda.accounts.settle_book` is next.

    Parameters
    ----------
    grid, rules, work : see their types
    screen : Screen
        Output, of one book.
    """
    energy, trader, trade = work.energy, work.trader, work.trade
    floor, export, full = energy[3], energy[4], energy[7]
    ends, is_congested = _screen_book(grid, rules.tolerance, floor, full, work, screen)
    if is_congested and ends != LISTED:
        trades = TradeArrays(work.offset, trader[0], trader[1], trade[0], trade[1], trade[2])
        ends = _fill_book(rules, grid, trades, floor, full, export, work, screen, ends)
    return ends


@kernel
def is_cut(work: Work) -> bool:
    """Whether some trade or export of a book that was filled is not executed in full."""
    full, injected = work.energy[7], work.energy[9]
    most = 0.0
    for c in range(full.shape[1]):
        most = max(most, abs(full[0, c] - injected[0, c]))
    return most > CUT_KW


@kernel
def _fill_book(
    rules: Rules, grid: Grid, trades: TradeArrays, floor: Floats, full: Floats, export: Floats, work: Work, screen: Screen,
    ends: int,
) -> int:  # fmt: skip
    """Cut a congested book to what its limits let through; the CPU is to do it where that is not proven, or not nested."""
    if rules.filling == NO_FILLING:
        return LISTED
    injected, values = work.energy[9], work.value[0]
    for c in range(full.shape[1]):
        injected[0, c] = full[0, c]
    for branch in range(values.shape[1]):
        values[0, branch] = work.flow[branch, 0]
    filled = Filled(
        work.trade[5], work.trader[2], work.energy[8], injected, work.value[1], work.cutting, work.proven,
        screen.loading_percent, screen.slack_kw,
    )  # fmt: skip
    fill_in_room(
        work.book, trades, export, values, floor, grid.nest, rules.tolerance, rules.filling == BY_WELFARE,
        rules.filling != BY_SIZE, rules.step_hours, work.fill, filled,
    )  # fmt: skip
    if not work.proven[0]:
        return LISTED
    if rules.pro_rata:
        share_among_buyers(work.book, trades, work.trade[5], work.trade[6])
    else:
        for i in range(trades.offset[1]):
            work.trade[6, i] = work.trade[5, i]
    return CLEARED if ends == FREE else ends


@kernel
def _take_energy(t: int, homes: Homes, clock: Clock, load: Floats, pv: Floats) -> None:
    n = load.shape[1]
    if clock.made_load_kwh.shape[1] > 0:
        n_scenarios = clock.made_load_kwh.shape[2] // n
        for c in range(n):
            at = c * n_scenarios + homes.scenario
            load[0, c], pv[0, c] = clock.made_load_kwh[0, t, at], clock.made_pv_kwh[0, t, at]
        return
    for c in range(n):
        load_row, pv_row = homes.load_row[c], homes.pv_row[c]
        load[0, c] = 0.0 if load_row == -1 else clock.kwh_per_unit[load_row, t] * homes.homes[c]
        pv[0, c] = 0.0 if pv_row == -1 else clock.kwh_per_unit[pv_row, t] * homes.kwp[c]


@kernel
def _take_prices(t: int, price: Floats, clock: Clock, pool: bool) -> None:
    """Prices that follow the clock; one for all, so that the merit order stays."""
    for c in range(price.shape[2]):
        if len(clock.bid_per_kwh) > 0:
            price[0, 0, c] = clock.bid_per_kwh[t]
        if len(clock.ask_per_kwh) > 0:
            price[1, 0, c] = clock.ask_per_kwh[t]
        if pool:
            price[2, 0, c], price[3, 0, c] = clock.retail_per_kwh[t], clock.feed_in_per_kwh[t]


@kernel
def _stress(factor: float, trades: TradeArrays, load: Floats, pv: Floats) -> None:
    """The matched quantities times a factor, and load and PV with what they stand for added."""
    if factor == 1.0:
        return
    for i in range(trades.offset[1]):
        added_kwh = trades.quantity_kwh[i] * (factor - 1.0)
        load[0, trades.buyer[i]] += added_kwh
        pv[0, trades.seller[i]] += added_kwh
        trades.quantity_kwh[i] *= factor


@kernel
def _inject(rules: Rules, deficit: Floats, surplus: Floats, base: Floats, export: Floats) -> None:
    """What neither trades nor is curtailed, and what may be exported, kW."""
    for c in range(deficit.shape[1]):
        fixed_kwh = surplus[0, c] if rules.surplus == EXPORT else 0.0
        base[0, c] = (fixed_kwh - deficit[0, c]) / rules.step_hours
        export[0, c] = surplus[0, c] / rules.step_hours if rules.surplus == CURTAILABLE else 0.0


@kernel
def _screen_book(grid: Grid, tolerance: float, floor: Floats, full: Floats, work: Work, screen: Screen) -> tuple[int, bool]:
    """How a book ends if nothing is cut, and whether something is to be; listed where rounding might change either."""
    subtree, bounds = work.subtree, grid.bounds
    subtree[:] = 0.0
    for c in range(len(grid.bus)):
        subtree[grid.bus[c], 0], subtree[grid.bus[c], 1] = floor[0, c], full[0, c]
    tree_block(grid.tree, grid.facts.constant_kw, subtree, work.flow)
    before, after = work.flow[:, :1], work.flow[:, 1:]
    narrow, wide = tolerance * (1.0 - NEAR), tolerance * (1.0 + NEAR)
    screen_block(before, after, bounds.lower_kw, bounds.upper_kw, narrow, 0, 1, work.excess, screen)
    if work.excess[0] > 0.0:
        overload, congested = screen.overload[0], screen.congested[0]
        screen_block(before, after, bounds.lower_kw, bounds.upper_kw, wide, 0, 1, work.excess, screen)
        if congested != screen.congested[0] or overload != screen.overload[0]:
            return LISTED, False
    load_block(after, grid.facts, 0, 1, screen)
    for c in range(len(grid.bus)):
        if grid.at_grid[c]:
            screen.slack_kw[0] -= full[0, c]
    screen.slack_kw[0] += grid.constant_slack_kw
    return OVERLOAD if screen.overload[0] == 1 else FREE, screen.congested[0] == 1


@kernel
def _price(
    t: int, rules: Rules, bids: Floats, asks: Floats, bid: Floats, ask: Floats, clock: Clock, trades: TradeArrays, work: Work
) -> None:
    """What buyers pay and sellers get of each trade, by the rules of `fastp2p.market.rules`."""
    pays, rule = work.trade[3], rules.pricing
    of_book = 0.0
    if rule == K and trades.offset[1] > 0:
        margin = work.margin
        find_margins_in(
            bid, ask, bids, asks, trades.offset, trades.seller, trades.buyer, trades.quantity_kwh, work.filled[0],
            work.filled[1], margin,
        )  # fmt: skip
        last_bid, last_ask = margin[0, 0], margin[1, 0]
        low, high = min(max(margin[2, 0], last_ask), last_bid), min(max(margin[3, 0], last_ask), last_bid)
        of_book = min(max(rules.kappa * high + (1.0 - rules.kappa) * low, last_ask), last_bid)
    elif rule == MID_MARKET_RATE:
        of_book = (clock.retail_per_kwh[t] + clock.feed_in_per_kwh[t]) / 2.0
    for i in range(trades.offset[1]):
        if rule == ASK:
            pays[i] = trades.ask_per_kwh[i]
        elif rule == BID:
            pays[i] = trades.bid_per_kwh[i]
        elif rule == MIDPOINT:
            pays[i] = (trades.bid_per_kwh[i] + trades.ask_per_kwh[i]) / 2.0
        else:
            pays[i] = of_book
