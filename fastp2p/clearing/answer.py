"""What the network lets through: the answer of a clearing, its rows, and the injections that are left."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr
from fastp2p.clearing.rows import RowLayout
from fastp2p.kernels.grid.structs import AcSummary, PhaseSummary

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
    """What every bus feeds in, (n_books, n_columns) kW and kvar; on three phases (n_books, n_columns, 3)."""

    kw: Floats
    kvar: Floats

    def __repr__(self) -> str:
        """Types and shapes of the arrays."""
        return short_repr(self)

    def of(self, books: Ints) -> Injection:
        """That of some books."""
        kw = self.kw[books]
        if self.kvar is nothing(self.kvar.shape):
            return Injection(kw, nothing(kw.shape))
        is_nothing = not any(self.kvar.strides)  # one zero for all, which takes no memory
        return Injection(kw, np.broadcast_to(self.kvar[(slice(1),) * kw.ndim], kw.shape) if is_nothing else self.kvar[books])


@lru_cache(maxsize=64)
def nothing(shape: tuple[int, ...]) -> Floats:
    """Zeros to be read, which take no memory, and no time to fill."""
    return np.broadcast_to(0.0, shape)


def over_phases(kw: Floats) -> Floats:
    """Of an array (..., 3) the sums over the phases; `sum` takes sixteen times as long over so short an axis."""
    total: Floats = kw[..., 0] + kw[..., 1] + kw[..., 2]
    return total


def differ(one: Injection, other: Injection) -> NDArray[np.bool_]:
    """(n_books,) which books inject something else."""
    return np.asarray((np.abs(one.kw - other.kw) > CUT_KW).any(axis=tuple(range(1, one.kw.ndim))))


def are_equal(one: Injection, other: Injection) -> NDArray[np.bool_]:
    """(n_books,) which books inject the same, to the bit."""
    axes = tuple(range(1, one.kw.ndim))
    return np.asarray(((one.kw == other.kw) & (one.kvar == other.kvar)).all(axis=axes))


class InnerPrices(NamedTuple):
    """Shadow prices of voltages that have no row in a layout (`RowLayout`): books, buses of the whole network, per p.u."""

    book: Ints
    bus: Ints
    price: Floats


@dataclass(frozen=True, eq=False)
class Clearing:
    """The trades and exports of a batch that the network carries; columns are buses, or those that `clear` was given.

    On three phases injections, flows and prices of branches and voltages have a last axis more, the phases a, b, c.

    Until `clear` returns it, `cut` and `tighten` write what they cut into its arrays, book by book.

    Attributes
    ----------
    executed_kwh : (n_trades,) float64, kWh
        What the seller of each trade sells.
    bought_kwh : (n_trades,) float64, kWh
        What its buyer gets: the same array, but where a pooled trade is cut. Buyers share by size what is executed of a pool.
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
        waits for), as `RowLayout` numbers them; else -1.
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
    ac : AcSummary, PhaseSummary or None
        Under ``physics = "ac"``, what an AC power flow of what is executed says.
    cutting : (n, n_rows) bool or None
        The rows for which a trade or an export of these books is cut (as in `binding_row`); None: nothing is cut.
    inner_price : InnerPrices or None
        Of voltages without a row; None: there are none.
    """

    __repr__ = short_repr
    executed_kwh: Floats
    bought_kwh: Floats
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
    ac: AcSummary | PhaseSummary | None = None
    cutting: NDArray[np.bool_] | None = None
    inner_price: InnerPrices | None = None

    @property
    def injection_kw(self) -> Floats:
        """(n_books, n_bus) kW with executed trades and exports."""
        return self.injection.kw

    @property
    def injection_kvar(self) -> Floats:
        """(n_books, n_bus) kvar with executed trades and exports; zero where none were given."""
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
        if not any(family.kind == "voltage" for family in self.layout.families):
            return "dc"
        return "lindistflow" if self.ac is None else "ac"

    @property
    def flow_kw(self) -> Floats:
        """(n_books, n_branch) kW with executed trades and exports, by DC or LinDistFlow; computed on first use."""
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
        cut[some] = differ(self.full.of(some), self.injection.of(some))
        return cut

    @property
    def binding_branch(self) -> Ints:
        """(n_trades,) the branch that a trade is cut for, by its limit or as reverse power; -1 where it is none."""
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
        return self.limit_price("branch")

    @cached_property
    def voltage_price(self) -> Floats:
        """(n_books, n_bus) change of the objective per p.u. of voltage limit, signed as `shadow_price`."""
        return self.limit_price("voltage")

    @cached_property
    def binds(self) -> NDArray[np.bool_]:
        """(n_books, n_branch) whether a limit of the branch has a shadow price, or cuts a trade or an export."""
        shape = (self.layout.n_branch, *self._phases)
        flags = np.zeros((len(self.status_code), *shape), bool)
        if self.cutting is not None:
            rows, of_books = self.cutting | (self.dual != 0.0), np.zeros((len(self.dual), *shape), bool)
            for family, part in self.layout.parts:
                limit = np.flatnonzero(family.branch >= 0)
                flagged = family.any_face(rows[:, part])[:, limit]
                if family.kind == "branch":
                    np.logical_or.at(of_books.reshape(len(rows), math.prod(shape)).T, family.place[limit], flagged.T)
                else:
                    of_books[:, family.branch[limit]] |= flagged.reshape(*flagged.shape, *(1 for _ in self._phases))
            flags[self.congested_book] = of_books
        return flags

    @property
    def _phases(self) -> tuple[int, ...]:
        """The last axis of what there is of each phase: (3,), or none."""
        return self.floor.kw.shape[2:]

    def limit_price(self, kind: str) -> Floats:
        """(n_books, n_limits) shadow prices of a kind of limits; where there are none of the kind, 0 for every bus.

        "branch" and "voltage": `shadow_price` and `voltage_price`, on three phases of each; "reverse": of each transformer with
        a `reverse_kw`.
        """
        price = self._prices(kind)
        if kind != "reverse":
            price = price.reshape(len(price), price.shape[1] // math.prod(self._phases), *self._phases)
        spread = np.zeros((len(self.status_code), *price.shape[1:]))
        spread[self.congested_book] = price
        return spread

    def _prices(self, kind: str) -> Floats:
        """(n, n_limits) of the congested books; families of one kind count at the same places."""
        found = [(family, family.price(self.dual[:, part])) for family, part in self.layout.parts if family.kind == kind]
        if kind == "reverse" and found:
            return found[0][1]
        n = self.layout.n_branch if kind == "branch" else self.layout.n_bus
        prices = np.zeros((len(self.dual), n * math.prod(self._phases)))
        for family, of_rows in found[:1]:
            prices[:, family.place] = of_rows
        for family, of_rows in found[1:]:
            np.add.at(prices.T, family.place, of_rows.T)
        if kind == "voltage" and self.inner_price is not None:
            book, bus, price = self.inner_price
            prices[np.searchsorted(self.congested_book, book), bus] = price
        return prices

    def price_of(self, book: Ints, row: Ints) -> Floats:
        """Shadow prices, by size, of the limits that a row (-1: none) of each of some books belongs to."""
        size = np.zeros(len(row))
        for family, part in self.layout.parts:
            here = (row >= part.start) & (row < part.stop)
            if here.any():
                price = self.limit_price(family.kind)
                place = family.place[(row[here] - part.start) % len(family.branch)]
                size[here] = np.abs(price.reshape(len(price), math.prod(price.shape[1:]))[book[here], place])
        inside = row >= self.layout.n_rows
        if inside.any():
            size[inside] = np.abs(self.voltage_price[book[inside], row[inside] - self.layout.n_rows])
        return size

    @property
    def solver(self) -> NDArray[np.str_]:
        """(n_books,) words.

        "none": nothing binds, or filling found the answer; "compiled": fastp2p's own kernel; "highs": HiGHS, where it
        was asked for, where the book is large, where the kernel's answer had no proof, or where pro-rata filling had no end.
        """
        return SOLVERS[self.solver_code]
