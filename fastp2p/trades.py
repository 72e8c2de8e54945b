"""Trades of many books, flat arrays with an offset per book: as matched, and as the network carries them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import LARGEST, amount_faults, floats, integers, is_between, short_repr
from fastp2p.errors import refuse
from fastp2p.kernels.trades import stay_inside

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

STATUS: NDArray[np.str_] = np.array(["free", "cleared", "base_overload", "failed", "ac_broken"])
"""What a book's clearing may end as; see `Clearing`."""
FREE, CLEARED, BASE_OVERLOAD, FAILED, AC_BROKEN = range(5)
"""Places in `STATUS`."""
SOLVERS: NDArray[np.str_] = np.array(["none", "compiled", "highs"])
"""Who solved a book's LP; see `Clearing`."""
NO_LP, COMPILED, HIGHS = range(3)
"""Places in `SOLVERS`."""
CUT_KW = 1e-9
"""Injections that differ by less are alike."""


class Injection(NamedTuple):
    """What every bus feeds in, (n_books, n_columns) kW and kvar."""

    kw: Floats
    kvar: Floats

    def __repr__(self) -> str:
        """Types and shapes of the arrays."""
        return short_repr(self)

    def of(self, books: Ints) -> Injection:
        """That of some books."""
        return Injection(self.kw[books], self.kvar[books])


class RowLayout(NamedTuple):
    """What the rows of a clearing are: each branch in a row per face, face by face, then the voltage of each bus.

    Attributes
    ----------
    n_branch, n_bus : int
    face : (n_faces, 2) float64
        Weights of kW and kvar.
    band_pu : (lowest, highest) voltage, p.u., or None
        None: there are no rows of voltages.
    """

    n_branch: int
    n_bus: int
    face: Floats
    band_pu: tuple[float, float] | None

    @property
    def n_rows_of_branches(self) -> int:
        """Rows before those of voltages."""
        return self.n_branch * len(self.face)

    @property
    def n_rows(self) -> int:
        """All rows."""
        return self.n_rows_of_branches + (self.n_bus if self.band_pu else 0)

    def branch(self, row: Ints) -> Ints:
        """The branch of each row; -1 where it is none's."""
        return np.where((row >= 0) & (row < self.n_rows_of_branches), row % max(1, self.n_branch), -1)

    def bus(self, row: Ints) -> Ints:
        """The bus whose voltage each row is; -1 where it is none's."""
        return np.maximum(row - self.n_rows_of_branches, -1)

    def branch_price(self, dual: Floats) -> Floats:
        """(n, n_branch) from rows per kVA of limit, which all faces of a branch share; signed as the kW are."""
        by_face = dual[:, : self.n_rows_of_branches].reshape(len(dual), len(self.face), self.n_branch)
        signed = np.einsum("nml,m->nl", by_face, self.face[:, 0])
        price: Floats = np.copysign(np.abs(by_face).sum(axis=1), signed)
        return price

    def voltage_price(self, dual: Floats) -> Floats:
        """(n, n_bus) per p.u. of the voltage limit that binds."""
        return dual[:, self.n_rows_of_branches :] if self.band_pu else np.zeros((len(dual), self.n_bus))


@dataclass(frozen=True, eq=False)
class Leftovers:
    """What no trade takes, per book and bus, kWh: own use, load for the retailer, surplus for the grid."""

    __repr__ = short_repr
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

    def __repr__(self) -> str:
        """How many there are, and of how much."""
        return f"Trades({self.n_trades:,} trades in {self.n_books:,} books, {self.quantity_kwh.sum():.6g} kWh)"

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
        return self.shape_faults(n_books, n_bus) or self.value_faults()

    def value_faults(self) -> list[str]:
        """Quantities that are negative, numbers that are not finite or too large."""
        faults = []
        for name in ("quantity_kwh", "bid_per_kwh", "ask_per_kwh"):
            values, least = getattr(self, name), 0.0 if name == "quantity_kwh" else -LARGEST
            if not is_between(values, least):
                bad = np.flatnonzero(~((values >= least) & (values <= LARGEST)))
                rule = "finite and not negative" if name == "quantity_kwh" else "finite"
                rule += f", and of a size of {LARGEST:g} at most" if np.isfinite(values[bad[0]]) else ""
                faults.append(f"{name} of trade {bad[0]} is {values[bad[0]]}; it must be {rule}")
        return faults

    def shape_faults(self, n_books: int, n_bus: int) -> list[str]:
        """What would make a kernel read or write outside its arrays: lengths, offsets, and buses that are not there."""
        lengths = {f.name: len(getattr(self, f.name)) for f in fields(self) if f.name != "offset"}
        if len(set(lengths.values())) > 1:
            return [f"the arrays of the trades have unequal lengths: {', '.join(f'{k} {n}' for k, n in lengths.items())}"]
        faults = [] if self.n_books == n_books else [f"the trades have {self.n_books} books, the other arrays {n_books}"]
        reaches = len(self.offset) and self.offset[0] == 0 and self.offset[-1] == self.n_trades
        if reaches and stay_inside(self.offset, self.seller, self.buyer, n_bus):
            return faults
        if not reaches or (np.diff(self.offset) < 0).any():
            return [f"trade offsets must rise from 0 to the number of trades, {self.n_trades}"]
        for name, bus in (("seller", self.seller), ("buyer", self.buyer)):
            outside = np.flatnonzero((bus < 0) | (bus >= n_bus))[:1]
            faults += [f"{name} of trade {i} is bus position {bus[i]}; the network has 0…{n_bus - 1}" for i in outside.tolist()]
        return faults

    @property
    def book(self) -> Ints:
        """(n_trades,) book of every trade."""
        return np.repeat(np.arange(self.n_books), np.diff(self.offset))


@dataclass(frozen=True, eq=False)
class Clearing:
    """The trades and exports of a batch that the network carries; columns are buses, or those that `clear` was given.

    Attributes
    ----------
    executed_kwh : (n_trades,) float64, kWh
    exported_kw : (n_books, n_bus) float64, kW
        Of the curtailable exports.
    floor, full, injection : Injection
        With nothing executed, with everything, and with what is executed; no kvar where none were given.
    slack_kw : (n_books,) float64, kW
        What the external grids feed in, constant losses included: what leaves their buses less what is injected there.
    loading_percent : (n_books,) float64
        The largest loading of any limited branch (of kVA, where there are kvar in the model).
    status_code : (n_books,) int8
        Place in `STATUS`; `status` has the words.
    binding_row : (n_trades,) int64
        Of a cut trade, the row it touches with the largest shadow price ("pro_rata", and where none has a price: the one it
        waits for); else -1.
    congested_book : (n,) int64
        Books that were not free to execute everything.
    dual : (n, n_rows) float64
        Their shadow prices, per kW (kVA) of a branch and per p.u. of a voltage; where the base breaks a limit, of its value.
    solver_code : (n_books,) int8
        Place in `SOLVERS`; `solver` has the words.
    certified : (n_books,) bool
        Whether the answer is proven to be the optimum.
    layout : RowLayout
        What the rows are.
    flows : callable
        Flows of injections in the branches as the limits' model has them, (n_books, n_branch) kW and kvar.
    ac : (8, n_books) float64 or None
        Under ``physics = "ac"``, what an AC power flow of what is executed says (`powerflow.summarise_flows`).
    cutting : (n, n_rows) bool or None
        The rows for which a trade or an export of these books is cut (as in `binding_row`); None: nothing is cut.
    """

    __repr__ = short_repr
    executed_kwh: Floats
    exported_kw: Floats
    floor: Injection
    full: Injection
    injection: Injection
    slack_kw: Floats
    loading_percent: Floats
    status_code: NDArray[np.int8]
    binding_row: Ints
    congested_book: Ints
    dual: Floats
    solver_code: NDArray[np.int8]
    certified: NDArray[np.bool_]
    layout: RowLayout
    flows: Callable[[Injection], tuple[Floats, Floats]]
    ac: Floats | None = None
    cutting: NDArray[np.bool_] | None = None

    @property
    def injection_kw(self) -> Floats:
        """(n_books, n_bus) kW with what is executed and exported."""
        return self.injection.kw

    @property
    def injection_kvar(self) -> Floats:
        """(n_books, n_bus) kvar with what is executed and exported; zero where none were given."""
        return self.injection.kvar

    @property
    def status(self) -> NDArray[np.str_]:
        """(n_books,) words.

        "free": no limit binds; "cleared": cut to fit; "base_overload": a limit was broken before any trade (and no trade
        adds to it); "failed": not solved, nothing executed (pro rata: what had been filled); "ac_broken": under
        ``physics = "ac"``, what is executed still breaks a limit that an AC power flow of the base keeps.
        """
        return STATUS[self.status_code]

    @property
    def physics(self) -> str:
        """What limits were, as `clear` was asked: "dc", "lindistflow" or "ac"."""
        if self.layout.band_pu is None:
            return "dc"
        return "lindistflow" if self.ac is None else "ac"

    @property
    def flow_kw(self) -> Floats:
        """(n_books, n_branch) kW with what is executed and exported, by DC or LinDistFlow; computed when first asked for."""
        return self._flow[0]

    @property
    def flow_kvar(self) -> Floats:
        """(n_books, n_branch) kvar beside `flow_kw`; zero under "dc", which knows active power alone."""
        return self._flow[1]

    @cached_property
    def _flow(self) -> tuple[Floats, Floats]:
        return self.flows(self.injection)

    @cached_property
    def is_cut(self) -> NDArray[np.bool_]:
        """(n_books,) whether some trade or export is not executed in full."""
        cut, some = np.zeros(len(self.status_code), bool), self.congested_book
        cut[some] = (np.abs(self.full.kw[some] - self.injection.kw[some]) > CUT_KW).any(axis=1)
        return cut

    @property
    def binding_branch(self) -> Ints:
        """(n_trades,) the branch that a trade is cut for; -1 where it is none."""
        return self.layout.branch(self.binding_row)

    @property
    def binding_bus(self) -> Ints:
        """(n_trades,) the bus whose voltage a trade is cut for; -1 where it is none."""
        return self.layout.bus(self.binding_row)

    @cached_property
    def shadow_price(self) -> Floats:
        """(n_books, n_branch) change of the objective per kW (kVA) of limit; spread out when first asked for.

        Where the base breaks the limit, its value is the limit. Positive where the flow is at its upper limit, negative at
        its lower. kWh per kW (volume), currency per kWh (welfare); zero under "pro_rata".
        """
        return self._spread(self.layout.branch_price(self.dual))

    @cached_property
    def voltage_price(self) -> Floats:
        """(n_books, n_bus) change of the objective per p.u. of voltage limit, signed as `shadow_price`."""
        return self._spread(self.layout.voltage_price(self.dual))

    @cached_property
    def binds(self) -> NDArray[np.bool_]:
        """(n_books, n_branch) whether a limit of the branch has a shadow price, or cuts a trade or an export."""
        flags = np.zeros((len(self.status_code), self.layout.n_branch), bool)
        if self.cutting is not None:
            rows = (self.cutting | (self.dual != 0.0))[:, : self.layout.n_rows_of_branches]
            flags[self.congested_book] = rows.reshape(len(rows), len(self.layout.face), self.layout.n_branch).any(axis=1)
        return flags

    def _spread(self, price: Floats) -> Floats:
        spread = np.zeros((len(self.status_code), price.shape[1]))
        spread[self.congested_book] = price
        return spread

    @property
    def solver(self) -> NDArray[np.str_]:
        """(n_books,) words.

        "none": nothing binds, or pro-rata filling came to its end; "compiled": fastp2p's own kernel; "highs": HiGHS, where it
        was asked for, where the book is large, where the kernel's answer had no proof, or where pro-rata filling had no end.
        """
        return SOLVERS[self.solver_code]


def order_shape_faults(bids: Floats, asks: Floats, bid_prices: Floats, ask_prices: Floats) -> list[str]:
    """What keeps arrays from being the orders of some books, and their prices by row."""
    if bids.ndim != 2 or bids.shape != asks.shape:
        return [f"bid_kwh {bids.shape} and ask_kwh {asks.shape} must both be (n_books, n_bus)"]
    n_books, n_bus = bids.shape
    return [
        f"{name} has shape {prices.shape}; it must be ({n_bus},) or ({n_books}, {n_bus})"
        for name, prices in (("bid_per_kwh", bid_prices), ("ask_per_kwh", ask_prices))
        if prices.ndim != 2 or prices.shape[1] != n_bus or n_books % max(len(prices), 1) or (n_books and not len(prices))
    ]


def order_value_faults(bids: Floats, asks: Floats, bid_prices: Floats, ask_prices: Floats) -> list[str]:
    """Quantities that are negative, numbers that are not finite or too large."""
    faults = amount_faults("bid_kwh", bids) + amount_faults("ask_kwh", asks)
    for name, prices in (("bid_per_kwh", bid_prices), ("ask_per_kwh", ask_prices)):
        if prices.ndim == 2 and not is_between(prices):
            row, bus = np.argwhere(~(np.abs(prices) <= LARGEST))[0].tolist()
            told = f"prices must be finite, and of a size of {LARGEST:g} at most"
            faults.append(f"{name}: row {row}, bus {bus} holds {prices[row, bus]}; {told}")
    return faults
