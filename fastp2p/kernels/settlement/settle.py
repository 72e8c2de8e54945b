"""Energy and money of books, and of buses over runs of books: first what needs no trade, then what the trades add."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

# places in the accounts, in the order of settlement.Accounts
LOAD, PV, SELF, BOUGHT, SOLD, RETAIL, EXPORTED, SPILLED, SHED, PAID, CHARGES, RECEIVED, BILL, BASELINE_BILL = range(14)
BASELINE_RETAIL, BASELINE_EXPORTED, CUT, BUYER_SURPLUS, SELLER_SURPLUS = range(14, 19)
# places in per_kwh
BUYER_PAYS, SELLER_GETS, CHARGE, BID, ASK = range(5)


@kernel
def settle_buses(
    load_kwh: Floats,
    pv_kwh: Floats,
    self_kwh: Floats,
    deficit_kwh: Floats,
    surplus_kwh: Floats,
    exported: Floats,
    exported_scale: float,
    tariff_per_kwh: Floats,
    books_per_row: int,
    bus: Floats,
    book: Floats,
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
    tariff_per_kwh : (2, n_books) float64, currency per kWh
        Retail and feed-in.
    books_per_row : int
        Books that one row of `bus` sums up.
    bus : (14, n_books / books_per_row, n_bus) float64, kWh and currency
        Output, zero at first: sums per bus, one after the other in the order of the books.
    book : (19, n_books) float64, kWh and currency
        Output: sums per book.
    """
    n_books, n_bus = load_kwh.shape
    for k in range(n_books):
        row = k // books_per_row
        retail_per_kwh, feed_in_per_kwh = tariff_per_kwh[0, k], tariff_per_kwh[1, k]
        load_sum = pv_sum = self_sum = deficit_sum = surplus_sum = exported_sum = own_sum = 0.0
        for b in range(n_bus):
            load, pv, own = load_kwh[k, b], pv_kwh[k, b], min(load_kwh[k, b], pv_kwh[k, b])
            sold_kwh = exported[k, b] * exported_scale
            bus[LOAD, row, b] += load
            bus[PV, row, b] += pv
            bus[SELF, row, b] += self_kwh[k, b]
            bus[RETAIL, row, b] += deficit_kwh[k, b]
            bus[EXPORTED, row, b] += sold_kwh
            bus[SPILLED, row, b] += surplus_kwh[k, b] - sold_kwh
            bus[BILL, row, b] += deficit_kwh[k, b] * retail_per_kwh - sold_kwh * feed_in_per_kwh
            bus[BASELINE_BILL, row, b] += (load - own) * retail_per_kwh - (pv - own) * feed_in_per_kwh
            load_sum += load
            pv_sum += pv
            own_sum += own
            self_sum += self_kwh[k, b]
            deficit_sum += deficit_kwh[k, b]
            surplus_sum += surplus_kwh[k, b]
            exported_sum += sold_kwh
        book[:, k] = 0.0
        book[LOAD, k], book[PV, k], book[SELF, k] = load_sum, pv_sum, self_sum
        book[RETAIL, k], book[EXPORTED, k], book[SPILLED, k] = deficit_sum, exported_sum, surplus_sum - exported_sum
        book[BILL, k] = deficit_sum * retail_per_kwh - exported_sum * feed_in_per_kwh
        book[BASELINE_RETAIL, k], book[BASELINE_EXPORTED, k] = load_sum - own_sum, pv_sum - own_sum
        book[BASELINE_BILL, k] = (load_sum - own_sum) * retail_per_kwh - (pv_sum - own_sum) * feed_in_per_kwh


@kernel
def settle_trades(
    offset: Ints,
    seller: Ints,
    buyer: Ints,
    quantity_kwh: Floats,
    executed_kwh: Floats,
    per_kwh: Floats,
    tariff_per_kwh: Floats,
    retail: bool,
    books_per_row: int,
    bus: Floats,
    book: Floats,
) -> None:
    """Add the trades to the accounts: load = self + bought + retail + shed, PV = self + sold + exported + spilled.

    Parameters
    ----------
    offset, seller, buyer, quantity_kwh : trades in CSR form
    executed_kwh : (n_trades,) float64, kWh
    per_kwh : (5, n_trades) float64, currency per kWh
        What the buyer pays, the seller gets, the network charges the buyer; the bid and the ask.
    tariff_per_kwh : (2, n_books) float64, currency per kWh
        Retail and feed-in.
    retail : bool
        Whether a cut trade's buyer is served by the retailer (else its load is shed).
    books_per_row, bus, book : as for `settle_buses`
    """
    unserved = RETAIL if retail else SHED
    for k in range(len(offset) - 1):
        row = k // books_per_row
        retail_per_kwh = tariff_per_kwh[0, k] if retail else 0.0
        executed = cut = paid = charges = received = bid_value = ask_value = 0.0
        for i in range(offset[k], offset[k + 1]):
            s, d, kwh = seller[i], buyer[i], executed_kwh[i]
            cut_kwh = quantity_kwh[i] - kwh
            pays, gets, charge = kwh * per_kwh[BUYER_PAYS, i], kwh * per_kwh[SELLER_GETS, i], kwh * per_kwh[CHARGE, i]
            bus[BOUGHT, row, d] += kwh
            bus[SOLD, row, s] += kwh
            bus[SPILLED, row, s] += cut_kwh
            bus[unserved, row, d] += cut_kwh
            bus[PAID, row, d] += pays
            bus[CHARGES, row, d] += charge
            bus[RECEIVED, row, s] += gets
            bus[BILL, row, d] += pays + charge + cut_kwh * retail_per_kwh
            bus[BILL, row, s] -= gets
            executed += kwh
            cut += cut_kwh
            paid += pays
            charges += charge
            received += gets
            bid_value += kwh * per_kwh[BID, i]
            ask_value += kwh * per_kwh[ASK, i]
        book[BOUGHT, k] += executed
        book[SOLD, k] += executed
        book[SPILLED, k] += cut
        book[unserved, k] += cut
        book[CUT, k] += cut
        book[PAID, k] += paid
        book[CHARGES, k] += charges
        book[RECEIVED, k] += received
        book[BILL, k] += paid + charges + cut * retail_per_kwh - received
        book[BUYER_SURPLUS, k] += bid_value - paid
        book[SELLER_SURPLUS, k] += received - ask_value
