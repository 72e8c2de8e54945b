"""Trades of many books, flat arrays with an offset per book: as matched, and as the network carries them."""

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import floats, integers, is_between
from fastp2p.errors import refuse

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STATUS: NDArray[np.str_] = np.array(["free", "cleared", "base_overload", "failed"])
"""What a book's clearing may end as; see `Clearing`."""
FREE, CLEARED, BASE_OVERLOAD, FAILED = range(4)
"""Places in `STATUS`."""
SOLVERS: NDArray[np.str_] = np.array(["none", "compiled", "highs"])
"""Who solved a book's LP; see `Clearing`."""
NO_LP, COMPILED, HIGHS = range(3)
"""Places in `SOLVERS`."""


@dataclass(frozen=True, eq=False)
class Leftovers:
    """What no trade takes, per book and bus, kWh: own use, load for the retailer, surplus for the grid."""

    self_kwh: Floats
    deficit_kwh: Floats
    surplus_kwh: Floats


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

    def __post_init__(self) -> None:
        """Make every array flat and of its dtype.

        Raises
        ------
        InputError
            If one of them is not a flat array of numbers.
        """
        for name in ("offset", "seller", "buyer"):
            object.__setattr__(self, name, integers(f"trades.{name}", getattr(self, name)))
        for name in ("quantity_kwh", "bid_per_kwh", "ask_per_kwh"):
            object.__setattr__(self, name, floats(f"trades.{name}", getattr(self, name)))
        refuse([f"trades.{f.name} must be flat" for f in fields(self) if getattr(self, f.name).ndim != 1])

    @property
    def n_books(self) -> int:
        """Number of books, empty ones included."""
        return len(self.offset) - 1

    @property
    def n_trades(self) -> int:
        """Number of trades in all books."""
        return len(self.seller)

    def faults(self, n_books: int, n_bus: int) -> list[str]:
        """What is wrong with the trades as those of `n_books` books on `n_bus` buses."""
        lengths = {f.name: len(getattr(self, f.name)) for f in fields(self) if f.name != "offset"}
        if len(set(lengths.values())) > 1:
            return [f"the arrays of the trades have unequal lengths: {', '.join(f'{k} {n}' for k, n in lengths.items())}"]
        if not len(self.offset) or self.offset[0] != 0 or (np.diff(self.offset) < 0).any() or self.offset[-1] != self.n_trades:
            return [f"trade offsets must rise from 0 to the number of trades, {self.n_trades}"]
        faults = [] if self.n_books == n_books else [f"the trades have {self.n_books} books, the other arrays {n_books}"]
        for name, bus in (("seller", self.seller), ("buyer", self.buyer)):
            if self.n_trades and not 0 <= bus.min() <= bus.max() < n_bus:
                outside = np.flatnonzero((bus < 0) | (bus >= n_bus))
                faults.append(f"{name} of trade {outside[0]} is bus position {bus[outside[0]]}; the network has 0…{n_bus - 1}")
        for name in ("quantity_kwh", "bid_per_kwh", "ask_per_kwh"):
            values, least = getattr(self, name), 0.0 if name == "quantity_kwh" else -np.inf
            if not is_between(values, least):
                bad = np.flatnonzero(~np.isfinite(values) | (values < least))
                rule = "finite and not negative" if name == "quantity_kwh" else "finite"
                faults.append(f"{name} of trade {bad[0]} is {values[bad[0]]}; it must be {rule}")
        return faults

    @property
    def book(self) -> Ints:
        """(n_trades,) book of every trade."""
        return np.repeat(np.arange(self.n_books), np.diff(self.offset))


@dataclass(frozen=True, eq=False)
class Clearing:
    """What the network carries of a batch's trades; columns are buses, or those that `clear` was given.

    Attributes
    ----------
    executed_kwh : (n_trades,) float64, kWh
    exported_kw : (n_books, n_bus) float64, kW
        Of the curtailable exports.
    injection_kw : (n_books, n_bus) float64, kW
        With what is executed and exported.
    slack_kw : (n_books,) float64, kW
        What the external grids feed in, constant losses included: what leaves their buses less what is injected there.
    loading_percent : (n_books,) float64
        The largest loading of any limited branch.
    status_code : (n_books,) int8
        Place in `STATUS`; `status` has the words.
    binding_branch : (n_trades,) int64
        Of a cut trade, the branch on its path with the largest shadow price ("pro_rata": the one it waits for); else -1.
    congested_book : (n,) int64
        Books that were not free to execute everything.
    dual : (n, n_branch) float64
        Their shadow prices.
    solver_code : (n_books,) int8
        Place in `SOLVERS`; `solver` has the words.
    certified : (n_books,) bool
        Whether the answer is proven to be the optimum.
    flows : callable
        Flows of injections.
    """

    executed_kwh: Floats
    exported_kw: Floats
    injection_kw: Floats
    slack_kw: Floats
    loading_percent: Floats
    status_code: NDArray[np.int8]
    binding_branch: Ints
    congested_book: Ints
    dual: Floats
    solver_code: NDArray[np.int8]
    certified: NDArray[np.bool_]
    flows: Callable[[Floats], Floats]

    @property
    def status(self) -> NDArray[np.str_]:
        """(n_books,) words.

        "free": no limit binds; "cleared": cut to fit; "base_overload": a limit was broken before any trade (and no trade
        adds to it); "failed": not solved, nothing executed.
        """
        return STATUS[self.status_code]

    @cached_property
    def flow_kw(self) -> Floats:
        """(n_books, n_branch) kW with what is executed and exported; computed when first asked for."""
        return self.flows(self.injection_kw)

    @cached_property
    def shadow_price(self) -> Floats:
        """(n_books, n_branch) change of the objective per kW of limit; spread out when first asked for.

        Positive where the flow is at its upper limit, negative at its lower. kWh per kW (volume), currency per kWh
        (welfare); zero under "pro_rata".
        """
        price = np.zeros((len(self.status_code), self.dual.shape[1]))
        price[self.congested_book] = self.dual
        return price

    @property
    def solver(self) -> NDArray[np.str_]:
        """(n_books,) words.

        "none": nothing binds, or `objective = "pro_rata"`; "compiled": fastp2p's own kernel; "highs": HiGHS, where it was asked
        for, where the book is large, or where the kernel's answer had no proof.
        """
        return SOLVERS[self.solver_code]
