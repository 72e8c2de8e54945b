"""How participants are connected to three phases, and what they inject on each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import integers, read_only, short_repr
from fastp2p.clearing.answer import Injection
from fastp2p.grid.network import Network
from fastp2p.grid.phase_blocks import absent_faults
from fastp2p.grid.zero_sequence import ALL_PHASES, phase_text
from fastp2p.kernels.clearing.phase_execution import inject_on_phases, put_on_phases
from fastp2p.market.trades import Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Codes = NDArray[np.int8]

BALANCED = 3


@dataclass(frozen=True, eq=False)
class Connection:
    """The phases that the participants of a clearing are connected to.

    Attributes
    ----------
    load_phase, pv_phase : (n_columns,) or (n_books, n_columns) int, or a number
        Where a buyer draws, and where a seller or an export feeds in: 0, 1, 2 for phase a, b, c; 3 for a third on each.
    """

    __repr__ = short_repr
    load_phase: ArrayLike = BALANCED
    pv_phase: ArrayLike = BALANCED

    def faults(self, n_books: int, n_columns: int) -> list[str]:
        """Shapes that do not fit, and phases that there are not."""
        faults = []
        for name in ("load_phase", "pv_phase"):
            array = integers(f"connection.{name}", getattr(self, name))
            if array.shape not in ((), (1,), (n_columns,), (n_books, n_columns)):
                faults.append(
                    f"connection.{name} has shape {array.shape}; it must be a number, {(n_columns,)} or {(n_books, n_columns)}"
                )
            elif array.size and not 0 <= array.min() <= array.max() <= BALANCED:
                wrong = array[(array < 0) | (array > BALANCED)].flat[0]
                faults.append(
                    f"connection.{name} = {wrong}: must be 0, 1 or 2 (phase a, b or c), or 3 (a third on each of them)"
                )
        return faults

    def absent_faults(self, network: Network, bus: Ints, trades: Trades, base: Floats, export_kw: Floats) -> list[str]:
        """Trades, exports and other injections on phases that their bus lacks."""
        assert network.zero is not None
        if network.zero.is_plain:
            return []
        has = np.append(network.zero.has_phase[bus], (network.zero.phases[bus] == ALL_PHASES)[:, None], axis=1)
        load, pv = self.spread(trades.n_books, len(bus))
        book, wrong = np.repeat(np.arange(trades.n_books), np.diff(trades.offset)), np.zeros(len(bus), bool)
        for column, phase in ((trades.buyer, load), (trades.seller, pv)):
            np.logical_or.at(wrong, column, ~has[column, phase[book, column]])
        wrong |= np.any((export_kw > 0.0) & ~has[np.arange(len(bus)), pv], axis=0)
        faults = [
            f"a trade or an export at bus {network.bus_id[bus[at]]} is on a phase that the bus lacks: it has "
            f"{phase_text(network.zero.phases[bus[at]])} alone; see connection"
            for at in np.flatnonzero(wrong).tolist()
        ]
        return faults + absent_faults(network, bus, base, np.zeros_like(base))

    def spread(self, n_books: int, n_columns: int) -> tuple[Codes, Codes]:
        """The two as whole arrays, PV last."""
        load, pv = (
            read_only(np.ascontiguousarray(np.broadcast_to(np.asarray(one, np.int8), (n_books, n_columns))))
            for one in (self.load_phase, self.pv_phase)
        )
        return load, pv

    def on_phases(self, fed_kw: Floats, drawn_kw: Floats) -> Floats:
        """(n_books, n_columns, 3) injections of what PV feeds in and loads draw, (n_books, n_columns)."""
        load, pv = self.spread(*fed_kw.shape)
        kw = np.empty((*fed_kw.shape, 3))
        put_on_phases(fed_kw, drawn_kw, pv, load, kw)
        return kw


@dataclass(frozen=True, eq=False)
class OnPhases:
    """What the books of a clearing inject besides trades and exports, and how these are connected.

    Attributes
    ----------
    base : Injection
        (n_books, n_columns, 3).
    pv_kvar_per_kw, load_kvar_per_kw : (n_columns,) float64
    load_phase, pv_phase : (n_books, n_columns) int8
    """

    base: Injection
    pv_kvar_per_kw: Floats
    load_kvar_per_kw: Floats
    load_phase: Codes
    pv_phase: Codes

    def inject(
        self, trades: Trades, executed_kwh: Floats, exported_kw: Floats, step_hours: float, retail: bool
    ) -> tuple[Injection, Injection]:
        """Injections with nothing executed, and with these trades and exports."""
        floor_kw, floor_kvar, kw, kvar = (np.empty_like(self.base.kw) for _ in range(4))
        inject_on_phases(
            (self.base.kw, self.base.kvar), (self.pv_kvar_per_kw, self.load_kvar_per_kw), (self.pv_phase, self.load_phase),
            exported_kw, trades.arrays, executed_kwh, step_hours, retail, (floor_kw, floor_kvar), (kw, kvar),
        )  # fmt: skip
        return Injection(floor_kw, floor_kvar), Injection(kw, kvar)
