"""Energy and money of a book that a thread of a GPU has cleared."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.clearing.limits import Screen
from fastp2p.kernels.cuda.books import CURTAILABLE, SPILL, Clock, Homes, Rules, Work
from fastp2p.kernels.jit import kernel
from fastp2p.kernels.market.trades import look_up_prices
from fastp2p.kernels.settlement.settle import Accounts, BookAccounts, Tariffs, TradePrices, settle_buses, settle_trades
from fastp2p.kernels.structs import TradeArrays

Floats = NDArray[np.float64]


@kernel
def settle_book(
    t: int, homes: Homes, clock: Clock, rules: Rules, work: Work, screen: Screen, bus: Accounts, book: BookAccounts
) -> None:
    """Settle step t of a scenario after `kernels.cuda.books.clear_book`, whose answer is not that the book is listed.

    Parameters
    ----------
    t : int
    homes, clock, rules, work, screen : as for `clear_book`
    bus : Accounts, (1, n)
        Added to.
    book : BookAccounts, (1,)
        Output.
    """
    trader, trade, offset, price = work.trader, work.trade, work.offset, homes.price
    seller, buyer, quantity = trader[0], trader[1], trade[0]
    executed = bought = quantity
    exported = work.energy[4]
    if screen.congested[0] == 1:  # it has been filled
        executed, bought, exported = trade[5], trade[6], work.energy[8]
    if rules.pool:  # trades were matched by the tariffs; they are worth what participants bid and ask
        look_up_prices(offset, seller, buyer, price[0], price[1], trade[1], trade[2])
    trades = TradeArrays(offset, seller, buyer, quantity, trade[1], trade[2])
    work.account[:] = 0.0
    _settle(t, rules, clock, work, trades, executed, bought, exported, bus, book)


@kernel
def _settle(
    t: int, rules: Rules, clock: Clock, work: Work, trades: TradeArrays, executed: Floats, bought: Floats, exported: Floats,
    bus: Accounts, book: BookAccounts,
) -> None:  # fmt: skip
    """Energy and money of what is executed, of exports of `exported` kW."""
    energy, trade = work.energy, work.trade
    load, pv, own, deficit, surplus = energy[0], energy[1], energy[2], energy[5], energy[6]
    feed_in = clock.feed_in_per_kwh[t : t + 1]
    if rules.surplus == SPILL:
        work.excess[0] = 0.0
        feed_in = work.excess[:1]
    tariff = Tariffs(clock.retail_per_kwh[t : t + 1], feed_in)
    scale = 1.0
    if rules.surplus == CURTAILABLE:
        scale = rules.step_hours
    else:
        exported, scale = surplus, 0.0 if rules.surplus == SPILL else 1.0
    settle_buses(load, pv, own, deficit, surplus, exported, scale, tariff, 1, bus, book)
    if rules.surplus == SPILL:  # nor is any exported without trading
        book.baseline_exported_kwh[0] = 0.0
    for i in range(trades.offset[1]):
        trade[4, i] = rules.charge_per_kwh
    price = TradePrices(trade[3], trade[3], trade[4], trades.bid_per_kwh, trades.ask_per_kwh)
    settle_trades(trades, executed, bought, price, tariff, True, load.shape[1], 1, bus, book)
