"""Energy and money of books, and of buses over runs of books: first what needs no trade, then what the trades add."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import TradeArrays

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Accounts(NamedTuple):
    """Energy (kWh) and money (currency); every array has the same shape.

    load = self + bought + retail + shed, pv = self + sold + exported + spilled.

    Attributes
    ----------
    load_kwh, pv_kwh, self_kwh : consumption, generation, and what of it a bus used itself
    bought_kwh, sold_kwh : P2P energy that flowed
    retail_kwh : bought from the retailer
    exported_kwh, spilled_kwh : surplus that reached the grid, or was not produced
    shed_kwh : load not served
    paid, received : for P2P energy, by its buyers and to its sellers
    charges : network charges of its buyers
    bill : retail purchases + paid + charges - received - feed-in earnings
    baseline_bill : the same without trading
    """

    load_kwh: Floats
    pv_kwh: Floats
    self_kwh: Floats
    bought_kwh: Floats
    sold_kwh: Floats
    retail_kwh: Floats
    exported_kwh: Floats
    spilled_kwh: Floats
    shed_kwh: Floats
    paid: Floats
    charges: Floats
    received: Floats
    bill: Floats
    baseline_bill: Floats


class BookAccounts(NamedTuple):
    """Accounts of books, (n_books,): the fields of `Accounts`, and what only books have.

    Attributes
    ----------
    baseline_retail_kwh, baseline_exported_kwh : without trading
    cut_kwh : matched, but not carried by the network
    buyer_surplus, seller_surplus : what the bids were worth beyond what was paid; what was received beyond the asks
    """

    load_kwh: Floats
    pv_kwh: Floats
    self_kwh: Floats
    bought_kwh: Floats
    sold_kwh: Floats
    retail_kwh: Floats
    exported_kwh: Floats
    spilled_kwh: Floats
    shed_kwh: Floats
    paid: Floats
    charges: Floats
    received: Floats
    bill: Floats
    baseline_bill: Floats
    baseline_retail_kwh: Floats
    baseline_exported_kwh: Floats
    cut_kwh: Floats
    buyer_surplus: Floats
    seller_surplus: Floats


class Tariffs(NamedTuple):
    """What a kWh from the retailer costs and a kWh fed in earns, (n_books,), currency per kWh."""

    retail_per_kwh: Floats
    feed_in_per_kwh: Floats


class TradePrices(NamedTuple):
    """Of each trade, (n_trades,), currency per kWh: what its buyer pays, what its seller gets, charge, bid and ask."""

    buyer_per_kwh: Floats
    seller_per_kwh: Floats
    charge_per_kwh: Floats
    bid_per_kwh: Floats
    ask_per_kwh: Floats


@kernel
def settle_buses(
    load_kwh: Floats,
    pv_kwh: Floats,
    self_kwh: Floats,
    deficit_kwh: Floats,
    surplus_kwh: Floats,
    exported: Floats,
    exported_scale: float,
    tariff: Tariffs,
    books_per_row: int,
    bus: Accounts,
    book: BookAccounts,
) -> None:
    """Own use, the retailer's energy and money, and the case without trading.

    Without trading a bus uses its own PV, buys what it lacks at the retail tariff and sells what is left at the feed-in
    tariff.

    Parameters
    ----------
    load_kwh, pv_kwh : (n_books, n_bus) float64, kWh
    self_kwh, deficit_kwh, surplus_kwh : (n_books, n_bus) float64, kWh
        What the auction left over.
    exported : (n_books, n_bus) float64
        Times `exported_scale`: the part of the surplus that reaches the grid, kWh.
    exported_scale : float
    tariff : Tariffs
    books_per_row : int
        Books that one row of the buses' accounts sums up.
    bus : Accounts, (n_books / books_per_row, n_bus) float64, kWh and currency
        Output, zero at first: sums per bus, one after the other in the order of the books.
    book : BookAccounts, (n_books,) float64, kWh and currency
        Output, zero at first: sums per book.
    """
    n_books, n_bus = load_kwh.shape
    for k in range(n_books):
        row = k // books_per_row
        retail_per_kwh, feed_in_per_kwh = tariff.retail_per_kwh[k], tariff.feed_in_per_kwh[k]
        load_sum = pv_sum = self_sum = deficit_sum = surplus_sum = exported_sum = own_sum = 0.0
        for b in range(n_bus):
            load, pv, own = load_kwh[k, b], pv_kwh[k, b], min(load_kwh[k, b], pv_kwh[k, b])
            sold_kwh = exported[k, b] * exported_scale
            bus.load_kwh[row, b] += load
            bus.pv_kwh[row, b] += pv
            bus.self_kwh[row, b] += self_kwh[k, b]
            bus.retail_kwh[row, b] += deficit_kwh[k, b]
            bus.exported_kwh[row, b] += sold_kwh
            bus.spilled_kwh[row, b] += surplus_kwh[k, b] - sold_kwh
            bus.bill[row, b] += deficit_kwh[k, b] * retail_per_kwh - sold_kwh * feed_in_per_kwh
            bus.baseline_bill[row, b] += (load - own) * retail_per_kwh - (pv - own) * feed_in_per_kwh
            load_sum += load
            pv_sum += pv
            own_sum += own
            self_sum += self_kwh[k, b]
            deficit_sum += deficit_kwh[k, b]
            surplus_sum += surplus_kwh[k, b]
            exported_sum += sold_kwh
        book.load_kwh[k] = load_sum
        book.pv_kwh[k] = pv_sum
        book.self_kwh[k] = self_sum
        book.retail_kwh[k] = deficit_sum
        book.exported_kwh[k] = exported_sum
        book.spilled_kwh[k] = surplus_sum - exported_sum
        book.bill[k] = deficit_sum * retail_per_kwh - exported_sum * feed_in_per_kwh
        book.baseline_retail_kwh[k] = load_sum - own_sum
        book.baseline_exported_kwh[k] = pv_sum - own_sum
        book.baseline_bill[k] = (load_sum - own_sum) * retail_per_kwh - (pv_sum - own_sum) * feed_in_per_kwh


@kernel
def settle_alone(
    load_kwh: Floats, pv_kwh: Floats, tariff: Tariffs, books_per_row: int, bus: Accounts, book: BookAccounts
) -> None:
    """The case without trading, where load and PV are others then: batteries that trade serve their homes alone in it.

    Parameters
    ----------
    load_kwh, pv_kwh : (n_books, n_bus) float64, kWh
    tariff, books_per_row, bus, book : as for `settle_buses`, whose baseline is replaced
    """
    n_books, n_bus = load_kwh.shape
    bus.baseline_bill[:] = 0.0
    for k in range(n_books):
        row = k // books_per_row
        retail_per_kwh, feed_in_per_kwh = tariff.retail_per_kwh[k], tariff.feed_in_per_kwh[k]
        load_sum = pv_sum = own_sum = 0.0
        for b in range(n_bus):
            load, pv, own = load_kwh[k, b], pv_kwh[k, b], min(load_kwh[k, b], pv_kwh[k, b])
            bus.baseline_bill[row, b] += (load - own) * retail_per_kwh - (pv - own) * feed_in_per_kwh
            load_sum += load
            pv_sum += pv
            own_sum += own
        book.baseline_retail_kwh[k] = load_sum - own_sum
        book.baseline_exported_kwh[k] = pv_sum - own_sum
        book.baseline_bill[k] = (load_sum - own_sum) * retail_per_kwh - (pv_sum - own_sum) * feed_in_per_kwh


@kernel
def settle_trades(
    trades: TradeArrays,
    executed_kwh: Floats,
    bought_kwh: Floats,
    price: TradePrices,
    tariff: Tariffs,
    retail: bool,
    n_homes: int,
    books_per_row: int,
    bus: Accounts,
    book: BookAccounts,
) -> None:
    """Add the trades to the accounts: load = self + bought + retail + shed, PV = self + sold + exported + spilled.

    Parameters
    ----------
    trades : TradeArrays
    executed_kwh, bought_kwh : (n_trades,) float64, kWh
        What the seller of a trade sells, and what its buyer gets; both have the same sums over a book.
    price : TradePrices
    tariff : Tariffs
    retail : bool
        Whether a cut trade's buyer is served by the retailer (else its load is shed).
    n_homes : int
        Sellers and buyers from it on are batteries, which share the account of their home: that of home b is n_homes + b. What
        one does not sell stays stored, and is not spilled; what one does not get is not charged, and not shed.
    books_per_row, bus, book : as for `settle_buses`
    """
    offset, seller, buyer, quantity_kwh = trades.offset, trades.seller, trades.buyer, trades.quantity_kwh
    bus_unserved_kwh = bus.retail_kwh if retail else bus.shed_kwh
    book_unserved_kwh = book.retail_kwh if retail else book.shed_kwh
    for k in range(len(offset) - 1):
        row = k // books_per_row
        retail_per_kwh = tariff.retail_per_kwh[k] if retail else 0.0
        bought = sold = unserved = spilled = cut = paid = charges = received = bid_value = ask_value = 0.0
        for i in range(offset[k], offset[k + 1]):
            s, d, sells, buys = seller[i], buyer[i], executed_kwh[i], bought_kwh[i]
            lacks, left = quantity_kwh[i] - buys, quantity_kwh[i] - sells
            spills = left if s < n_homes else 0.0
            lacks = lacks if retail or d < n_homes else 0.0
            s, d = s - n_homes if s >= n_homes else s, d - n_homes if d >= n_homes else d
            pays, gets, charge = buys * price.buyer_per_kwh[i], sells * price.seller_per_kwh[i], buys * price.charge_per_kwh[i]
            bus.bought_kwh[row, d] += buys
            bus.sold_kwh[row, s] += sells
            bus.spilled_kwh[row, s] += spills
            bus_unserved_kwh[row, d] += lacks
            bus.paid[row, d] += pays
            bus.charges[row, d] += charge
            bus.received[row, s] += gets
            bus.bill[row, d] += pays + charge + lacks * retail_per_kwh
            bus.bill[row, s] -= gets
            bought += buys
            sold += sells
            unserved += lacks
            spilled += spills
            cut += left
            paid += pays
            charges += charge
            received += gets
            bid_value += buys * price.bid_per_kwh[i]
            ask_value += sells * price.ask_per_kwh[i]
        book.bought_kwh[k] += bought
        book.sold_kwh[k] += sold
        book.spilled_kwh[k] += spilled
        book_unserved_kwh[k] += unserved
        book.cut_kwh[k] += cut
        book.paid[k] += paid
        book.charges[k] += charges
        book.received[k] += received
        book.bill[k] += paid + charges + unserved * retail_per_kwh - received
        book.buyer_surplus[k] += bid_value - paid
        book.seller_surplus[k] += received - ask_value
