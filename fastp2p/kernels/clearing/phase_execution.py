"""Injections of three-phase books: trades and exports on the phases that their participants are connected to."""

import numpy as np
from numpy.typing import NDArray

from fastp2p.kernels.jit import kernel
from fastp2p.kernels.structs import TradeArrays

Floats = NDArray[np.float64]
Codes = NDArray[np.int8]


@kernel
def inject_on_phases(
    base: tuple[Floats, Floats],
    kvar_per_kw: tuple[Floats, Floats],
    phase: tuple[Codes, Codes],
    exported_kw: Floats,
    trades: TradeArrays,
    executed_kwh: Floats,
    step_hours: float,
    retail: bool,
    floor: tuple[Floats, Floats],
    full: tuple[Floats, Floats],
) -> None:
    """Injections with no trade executed and with the executed ones.

    Parameters
    ----------
    base : (n_books, n_columns, 3) float64, kW and kvar
        Of everything not traded.
    kvar_per_kw : (n_columns,) float64
        What is fed in per kW sold or exported, and drawn per kW bought.
    phase : (n_books, n_columns) int8
        Where sellers and exports feed in, and where buyers draw: 0, 1, 2, or 3 for a third on each.
    exported_kw : (n_books, n_columns) float64, kW
    trades : TradeArrays
    executed_kwh : (n_trades,) float64, kWh
    step_hours : float
    retail : bool
        Whether the retailer serves the buyers whatever happens.
    floor, full : (n_books, n_columns, 3) float64, kW and kvar
        Outputs.
    """
    n_columns = exported_kw.shape[1]
    inject_on_phases_in(
        base, kvar_per_kw, phase, exported_kw, trades, executed_kwh, step_hours, retail,
        (np.empty(n_columns), np.empty(n_columns)), floor, full,
    )  # fmt: skip


@kernel
def inject_on_phases_in(
    base: tuple[Floats, Floats],
    kvar_per_kw: tuple[Floats, Floats],
    phase: tuple[Codes, Codes],
    exported_kw: Floats,
    trades: TradeArrays,
    executed_kwh: Floats,
    step_hours: float,
    retail: bool,
    room: tuple[Floats, Floats],
    floor: tuple[Floats, Floats],
    full: tuple[Floats, Floats],
) -> None:
    """`inject_on_phases` with work space, (n_columns,) each; `base` may be `full`."""
    offset, seller, buyer, quantity_kwh, _, _ = trades
    fed, drawn = room
    base_kw, base_kvar = base
    pv_kvar, load_kvar = kvar_per_kw
    pv_phase, load_phase = phase
    floor_kw, floor_kvar = floor
    full_kw, full_kvar = full
    n_books, n_columns = exported_kw.shape
    for k in range(n_books):
        for c in range(n_columns):
            fed[c] = exported_kw[k, c]
            drawn[c] = 0.0
        for i in range(offset[k], offset[k + 1]):
            fed[seller[i]] += executed_kwh[i] / step_hours
            drawn[buyer[i]] += (quantity_kwh[i] if retail else executed_kwh[i]) / step_hours
        for c in range(n_columns):
            at_pv, at_load = pv_phase[k, c], load_phase[k, c]
            for f in range(3):
                into = fed[c] / 3.0 if at_pv == 3 else fed[c] if at_pv == f else 0.0
                out = drawn[c] / 3.0 if at_load == 3 else drawn[c] if at_load == f else 0.0
                kept = out if retail else 0.0
                floor_kw[k, c, f] = base_kw[k, c, f] - kept
                floor_kvar[k, c, f] = base_kvar[k, c, f] - load_kvar[c] * kept
                full_kw[k, c, f] = base_kw[k, c, f] + into - out
                full_kvar[k, c, f] = base_kvar[k, c, f] + pv_kvar[c] * into - load_kvar[c] * out


@kernel
def put_on_phases(fed_kw: Floats, drawn_kw: Floats, pv_phase: Codes, load_phase: Codes, kw: Floats) -> None:
    """What PV feeds in and loads draw, on the phases that they are connected to.

    Parameters
    ----------
    fed_kw, drawn_kw : (n_books, n_columns) float64, kW or kvar
    pv_phase, load_phase : (n_books, n_columns) int8
        0, 1, 2, or 3 for a third on each.
    kw : (n_books, n_columns, 3) float64
        Output.
    """
    third = 1.0 / 3.0
    for k in range(kw.shape[0]):
        for c in range(kw.shape[1]):
            at_pv, at_load = pv_phase[k, c], load_phase[k, c]
            for f in range(3):
                into = fed_kw[k, c] * third if at_pv == 3 else fed_kw[k, c] if at_pv == f else 0.0
                out = drawn_kw[k, c] * third if at_load == 3 else drawn_kw[k, c] if at_load == f else 0.0
                kw[k, c, f] = into - out
