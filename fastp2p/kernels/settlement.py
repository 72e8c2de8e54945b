"""Energy and money of every bus in every book, from executed trades."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels._jit import kernel

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@kernel
def settle_books(
    offset: Ints,
    seller: Ints,
    buyer: Ints,
    quantity_kwh: Floats,
    executed_kwh: Floats,
    price_per_kwh: Floats,
    deficit_kwh: Floats,
    surplus_kwh: Floats,
    exported_kwh: Floats,
    retail: bool,
    bought_kwh: Floats,
    sold_kwh: Floats,
    retail_kwh: Floats,
    shed_kwh: Floats,
    spilled_kwh: Floats,
    paid: Floats,
    received: Floats,
) -> None:
    """Where each bus's energy came from and went to, and what it paid to and received from its neighbours.

    load = self + bought + retail + shed, PV = self + sold + exported + spilled, in every book at every bus.

    Parameters
    ----------
    offset, seller, buyer, quantity_kwh : trades in CSR form
    executed_kwh : (n_trades,) float64, kWh
    price_per_kwh : (n_trades,) float64, currency per kWh
    deficit_kwh, surplus_kwh, exported_kwh : (n_books, n_bus) float64, kWh
        What the auction left over, and the part of the surplus that is exported.
    retail : bool
        Whether a cut trade's buyer is served by the retailer (else its load is shed).
    bought_kwh, sold_kwh, retail_kwh, shed_kwh, spilled_kwh : (n_books, n_bus) float64, kWh
    paid, received : (n_books, n_bus) float64, currency
        Outputs.
    """
    n_books, n_bus = deficit_kwh.shape
    for k in range(n_books):
        for b in range(n_bus):
            bought_kwh[k, b] = sold_kwh[k, b] = shed_kwh[k, b] = paid[k, b] = received[k, b] = 0.0
            retail_kwh[k, b] = deficit_kwh[k, b]
            spilled_kwh[k, b] = surplus_kwh[k, b] - exported_kwh[k, b]
        for i in range(offset[k], offset[k + 1]):
            s, d = seller[i], buyer[i]
            cut_kwh = quantity_kwh[i] - executed_kwh[i]
            money = executed_kwh[i] * price_per_kwh[i]
            bought_kwh[k, d] += executed_kwh[i]
            sold_kwh[k, s] += executed_kwh[i]
            spilled_kwh[k, s] += cut_kwh
            paid[k, d] += money
            received[k, s] += money
            if retail:
                retail_kwh[k, d] += cut_kwh
            else:
                shed_kwh[k, d] += cut_kwh
