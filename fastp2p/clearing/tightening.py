"""Clearing checked against AC: rows that an AC power flow finds broken are tightened by what the linear model missed."""

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.answer import AC_BROKEN, CLEARED, FAILED, FREE, Clearing
from fastp2p.clearing.audit import Excess, find_excess, out_of_limits
from fastp2p.clearing.execution import Order, cut
from fastp2p.clearing.limits import FACES, LinearLimits
from fastp2p.grid.ac import summarise_flows
from fastp2p.grid.lindistflow import linear_flows

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDS = 5
"""How often a book is cleared again, at most."""


def tighten(order: Order, clearing: Clearing) -> Clearing:
    """Clear books again until what they execute keeps in AC every limit that their base keeps, or `ROUNDS` are over.

    Parameters
    ----------
    order : Order
        Under `LinearLimits`.
    clearing : Clearing
        Its arrays are written to.
    """
    limits = order.limits
    assert isinstance(limits, LinearLimits)
    ac, _ = summarise_flows(limits.network, limits.bus, *clearing.injection)
    books, tightening = _find_broken(limits, clearing, np.flatnonzero(clearing.status_code != FAILED), ac)
    for _ in range(ROUNDS):
        hopeless = ~tightening.any(axis=1)  # without a solution there is nothing to tighten by
        clearing.status_code[books[hopeless]] = AC_BROKEN
        books, tightening = books[~hopeless], tightening[~hopeless]
        if not len(books):
            break
        clearing.status_code[books] = np.where(clearing.status_code[books] == FREE, CLEARED, clearing.status_code[books])
        clearing = cut(order, clearing, books, tightening)
        ac[:, books], _ = summarise_flows(limits.network, limits.bus, *clearing.injection.of(books))
        left, gap = _find_broken(limits, clearing, books, ac)
        tightening = np.where(gap != 0.0, gap, tightening[np.isin(books, left)])
        books = left
    clearing.status_code[books] = AC_BROKEN
    in_order = np.argsort(clearing.congested_book, kind="stable")
    cutting = None if clearing.cutting is None else clearing.cutting[in_order]
    return replace(
        clearing, congested_book=clearing.congested_book[in_order], dual=clearing.dual[in_order], cutting=cutting, ac=ac
    )


def _find_broken(limits: LinearLimits, clearing: Clearing, books: Ints, ac: Floats) -> tuple[Ints, Floats]:
    """Which of the books break limits in AC that their base keeps, and how much the linear rows must be tightened for it."""
    out = books[out_of_limits(ac[:, books], limits.band_pu).any]
    excess = find_excess(limits.network, limits.bus, limits.band_pu, clearing.floor.of(out), clearing.injection.of(out))
    broken = excess.collapse | (excess.vm_over != 0.0).any(axis=1) | (excess.percent_over > 0.0).any(axis=1)
    found = out[broken]
    return found, _row_gaps(limits, clearing.injection.of(found), excess, broken)


def _row_gaps(limits: LinearLimits, injection: tuple[Floats, Floats], excess: Excess, broken: NDArray[np.bool_]) -> Floats:
    """(n, n_rows) AC value less linear value of the broken rows, zero elsewhere."""
    network = limits.network
    flow_kw, flow_kvar, square = linear_flows(network, limits.bus, *injection)
    missed_kva = excess.percent[broken] / 100.0 * network.limit_kw - np.hypot(flow_kw, flow_kvar)
    is_over = excess.percent_over[broken] > 0.0
    missed_kva = np.where(is_over, np.maximum(missed_kva, 0.0), 0.0)
    faces = [np.copysign(FACES[0, 0] * missed_kva, c * flow_kw + s * flow_kvar) for c, s in FACES.tolist()]
    voltages = np.where(excess.vm_over[broken] != 0.0, excess.vm_pu[broken] ** 2 - square, 0.0)
    gaps: Floats = np.nan_to_num(np.concatenate([*faces, voltages], axis=1))
    return gaps
