"""Trades of many books, flat arrays with an offset per book: as matched, and as the network carries them."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STATUS: NDArray[np.str_] = np.array(["free", "cleared", "base_overload", "failed"])
"""What a book's clearing may end as; see `Clearing`."""
FREE, CLEARED, BASE_OVERLOAD, FAILED = range(4)
"""Places in `STATUS`."""


@dataclass(frozen=True, eq=False)
class Trades:
    """Trades of a batch in CSR form: book k holds trades ``offset[k]:offset[k + 1]``.

    Attributes
    ----------
    offset : (n_books + 1,) int64
    seller, buyer : (n_trades,) int64
        Bus positions.
    quantity_kwh : (n_trades,) float64, kWh
        Matched energy, before the network is asked.
    bid_per_kwh, ask_per_kwh : (n_trades,) float64, currency per kWh
    """

    offset: Ints
    seller: Ints
    buyer: Ints
    quantity_kwh: Floats
    bid_per_kwh: Floats
    ask_per_kwh: Floats

    @property
    def n_books(self) -> int:
        """Number of books, empty ones included."""
        return len(self.offset) - 1

    @property
    def n_trades(self) -> int:
        """Number of trades in all books."""
        return len(self.seller)

    @property
    def book(self) -> Ints:
        """(n_trades,) book of every trade."""
        return np.repeat(np.arange(self.n_books), np.diff(self.offset))


@dataclass(frozen=True, eq=False)
class Clearing:
    """What the network carries of a batch's trades.

    Attributes
    ----------
    executed_kwh : (n_trades,) float64, kWh
    exported_kw : (n_books, n_bus) float64, kW
        Of the curtailable exports.
    flow_kw : (n_books, n_branch) float64, kW
        With what is executed and exported.
    status : (n_books,) str
        "free": no limit binds; "cleared": cut to fit; "base_overload": a limit was broken before any trade (and no trade
        adds to it); "failed": not solved, nothing executed.
    shadow_price : (n_books, n_branch) float64
        Change of the objective per kW of limit; positive where the flow is at its upper limit, negative at its lower.
        kWh per kW (volume), currency per kWh (welfare); zero under "pro_rata".
    binding_branch : (n_trades,) int64
        Of a cut trade, the branch on its path with the largest shadow price ("pro_rata": the one it waits for); else -1.
    """

    executed_kwh: Floats
    exported_kw: Floats
    flow_kw: Floats
    status: NDArray[np.str_]
    shadow_price: Floats
    binding_branch: Ints
