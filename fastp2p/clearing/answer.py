"""What the network lets through: the answer of a clearing, its rows, and the injections that are left."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastp2p.arrays import short_repr

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
class Clearing:
    """The trades and exports of a batch that the network carries; columns are buses, or those that `clear` was given.

    Until `clear` returns it, `cut` and `tighten` write what they cut into its arrays, book by book.

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
