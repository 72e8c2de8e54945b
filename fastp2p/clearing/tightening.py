"""Clearing checked against AC: rows that an AC power flow finds broken are tightened by what the linear model missed."""

from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastp2p.clearing.ac_model import AcModel, Excess
from fastp2p.clearing.answer import AC_BROKEN, CLEARED, FAILED, FREE, Clearing, Injection, are_equal
from fastp2p.clearing.execution import Order, cut
from fastp2p.clearing.limits import Limits

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

ROUNDS = 5
"""How often a book is cleared again, at most."""


def tighten(order: Order, clearing: Clearing) -> Clearing:
    """Clear books again until what they execute keeps in AC every limit that their base keeps, or `ROUNDS` are over.

    Parameters
    ----------
    order : Order
        With limits of voltages and apparent power.
    clearing : Clearing
        Its arrays are written to.
    """
    limits = order.limits
    model = AcModel(limits.network, limits.bus, limits.families, limits.solver)
    ac = model.summarise(clearing.injection)
    books, tightening = _find_broken(limits, model, clearing, np.flatnonzero(clearing.status_code != FAILED), ac)
    for _ in range(ROUNDS):
        hopeless = ~tightening.any(axis=1)  # without a solution there is nothing to tighten by
        clearing.status_code[books[hopeless]] = AC_BROKEN
        books, tightening = books[~hopeless], tightening[~hopeless]
        if not len(books):
            break
        clearing.status_code[books] = np.where(clearing.status_code[books] == FREE, CLEARED, clearing.status_code[books])
        clearing = cut(order, clearing, books, tightening)
        ac.put(books, model.summarise(clearing.injection.of(books)))
        left, gap = _find_broken(limits, model, clearing, books, ac)
        tightening = np.where(gap != 0.0, gap, tightening[np.isin(books, left)])
        books = left
    clearing.status_code[books] = AC_BROKEN
    in_order = np.argsort(clearing.congested_book, kind="stable")
    cutting = None if clearing.cutting is None else clearing.cutting[in_order]
    return replace(
        clearing, congested_book=clearing.congested_book[in_order], dual=clearing.dual[in_order], cutting=cutting, ac=ac
    )


def _find_broken(limits: Limits, model: AcModel, clearing: Clearing, books: Ints, ac: Any) -> tuple[Ints, Floats]:
    """Which of the books break limits in AC that their base keeps, and how much the linear rows must be tightened for it."""
    out = books[model.outside(clearing.injection.of(books), ac.of(books)).any]
    out = out[~are_equal(clearing.floor.of(out), clearing.injection.of(out))]  # where nothing is executed, nothing is broken
    excess = model.excess(clearing.floor.of(out), clearing.injection.of(out))
    broken = excess.outside.any
    found = out[broken]
    return found, _row_gaps(limits, clearing.injection.of(found), excess.of(broken))


def _row_gaps(limits: Limits, injection: Injection, excess: Excess) -> Floats:
    """(n, n_rows) AC value less linear value of the broken rows, zero elsewhere."""
    flows = limits.linear(injection)
    families = zip(limits.families, excess.over, strict=True)
    gaps: Floats = np.nan_to_num(np.concatenate([family.gaps(over, excess.flow, flows) for family, over in families], axis=1))
    return gaps
