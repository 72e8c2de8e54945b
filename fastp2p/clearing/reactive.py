"""Reactive power that goes with the active power of load and PV."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from fastp2p.arrays import finite_faults, floats, read_only, short_repr
from fastp2p.errors import InputError, refuse
from fastp2p.kernels.clearing.execution import inject_reactive
from fastp2p.market.trades import Trades
from fastp2p.ranges import POWER_FACTOR

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Reactive:
    """Reactive power of the books of a clearing: q follows p.

    Attributes
    ----------
    base_kvar : (n_books, n_bus) float, or a number; on three phases (n_books, n_bus, 3)
        Injection of everything that is not traded; feeding the grid is positive.
    pv_kvar_per_kw : (n_bus,) float, or a number
        What a seller or an export feeds in per kW that it feeds in.
    load_kvar_per_kw : (n_bus,) float, or a number
        What a buyer draws per kW that it draws.
    """

    __repr__ = short_repr
    base_kvar: ArrayLike = 0.0
    pv_kvar_per_kw: ArrayLike = 0.0
    load_kvar_per_kw: ArrayLike = 0.0

    def spread(self, shape: tuple[int, ...]) -> Kvar:
        """The three as whole arrays, for injections of this shape.

        Raises
        ------
        InputError
            Shapes that do not fit, numbers that are not finite.
        """
        faults: list[str] = []
        spread: list[Floats] = []
        shapes = {"base_kvar": shape, "pv_kvar_per_kw": shape[1:2], "load_kvar_per_kw": shape[1:2]}
        for name, wanted in shapes.items():
            array = floats(f"reactive.{name}", getattr(self, name))
            if array.shape not in ((1,), wanted):
                faults.append(f"reactive.{name} has shape {array.shape}; it must be a number or {wanted}")
            elif found := finite_faults(f"reactive.{name}", array):
                faults += found
            else:
                spread.append(read_only(np.ascontiguousarray(np.broadcast_to(array, wanted))))
        refuse(faults)
        return Kvar(*spread)


class Kvar(NamedTuple):
    """`Reactive` as whole arrays: (n_books, n_bus), on three phases (n_books, n_bus, 3), and twice (n_bus,)."""

    base_kvar: Floats
    pv_kvar_per_kw: Floats
    load_kvar_per_kw: Floats

    def inject(
        self, trades: Trades, executed_kwh: Floats, exported_kw: Floats, step_hours: float, retail: bool
    ) -> tuple[Floats, Floats]:
        """(n_books, n_columns) kvar with nothing executed, and with these trades and exports."""
        base, pv, load = self
        floor, full = np.empty_like(base), np.empty_like(base)
        inject_reactive(base, pv, load, exported_kw, trades.arrays, executed_kwh, step_hours, retail, floor, full)
        return floor, full


def kvar_per_kw(power_factor: float) -> float:
    """|Q| / P = tan(arccos(power factor)).

    Raises
    ------
    InputError
        If the power factor lies outside 0.1…1.
    """
    if not POWER_FACTOR.has(power_factor):
        raise InputError(f"power_factor = {power_factor}: must lie in {POWER_FACTOR}")
    return math.sqrt(1.0 - power_factor**2) / power_factor
