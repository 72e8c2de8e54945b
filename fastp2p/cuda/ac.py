"""Balanced AC power flows on the device, one book a thread: the sweeps of `fastp2p.kernels.grid.ac` for a block of one book."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numba import float64, int64
from numpy.typing import NDArray

from fastp2p.cuda.device import get, launch, put, room
from fastp2p.cuda.kernels import cuda
from fastp2p.cuda.straight import StraightCode, straight_code
from fastp2p.errors import refuse
from fastp2p.grid.ac import TOLERANCE, columns_of, summarise_flows
from fastp2p.grid.contraction import contracted
from fastp2p.grid.feeder import ac_faults, feeder_of
from fastp2p.grid.inside import inside_of
from fastp2p.grid.network import Network
from fastp2p.kernels.grid.ac import LONG, audit_block
from fastp2p.kernels.grid.inside import (
    HIGHEST,
    HIGHEST_AT,
    LOADING,
    LOSSES,
    LOWEST,
    LOWEST_AT,
    N_BEST,
    N_RUNS,
    SLACK_P,
    SLACK_Q,
    Inside,
)
from fastp2p.kernels.grid.structs import AcSummary, AcWork, Feeder

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

MOST_PLACES, MOST_OPERATIONS = 128, 2_500
"""Up to so many places and operations straight-line code is made where nobody says. 1,100 operations (27 places) compile in
some 3 s, 1,600 (41 places) in 5 s, 6,600 (80 places with line charging) in 50 s, and most numbers spill then."""
BOOKS_AT_ONCE = 1 << 20
"""Books of one launch, whose numbers fit into the memory of any card."""


def uncached_kernel(function: Callable[..., Any]) -> Any:
    """Compile on first launch, and do not keep it on disk: straight-line code is in no file that would tell of its changes."""
    return cuda.jit(function)


def device_function(function: Callable[..., Any]) -> Any:
    """Compile for kernels that call it."""
    return cuda.jit(device=True)(function)


class AcData(NamedTuple):
    """What the sweeps of a feeder read, as for `fastp2p.kernels.grid.ac.audit_books`."""

    column: Ints
    feeder: Feeder
    inside: Inside


class AuditOfBook(NamedTuple):
    """The power flow of one book as a function of the device.

    Attributes
    ----------
    function : device function
        ``function(p, q, data, best) -> int``: injections (n_columns, 1) in kW and kvar, `data` as kernels have it, and the
        output (n_best, 1), rows as in `fastp2p.kernels.grid`; of three phases ``function(power, busy, data, best)`` with what
        `fastp2p.kernels.grid.phases.audit_phase_block` takes. It returns the sweeps that were needed; 0 where `LONG` were not
        enough, or a number is none: such a book is left to the CPU.
    data : NamedTuple of arrays
        What the function reads; `on_device` brings it there, and kernels take it.
    n_columns : int
    is_straight : bool
        Whether it is straight-line code.
    """

    function: Any
    data: Any
    n_columns: int
    is_straight: bool


def audit_of_book(network: Network, bus: Ints, straight: bool | None = None) -> AuditOfBook:
    """The balanced power flow of one book.

    Parameters
    ----------
    network : Network
        Radial.
    bus : (n_columns,) int64
        Where participants inject.
    straight : bool, optional
        Straight-line code in place of arrays; by default where it compiles in seconds (`MOST_OPERATIONS`).

    Raises
    ------
    InputError
        See `fastp2p.grid.feeder.feeder_of`.
    """
    refuse(ac_faults(network))
    few = contracted(network, bus, None)
    feeder = feeder_of(few)
    data, n = AcData(columns_of(feeder, few.node[bus]), feeder, inside_of(few)), len(feeder.parent)
    if straight or (straight is None and n <= MOST_PLACES):
        code = straight_code(feeder, data.column, data.inside, TOLERANCE)
        if straight or code.n_sweep + code.n_summary <= MOST_OPERATIONS:
            return AuditOfBook(_straight_function(code, n), data, len(bus), True)
    return AuditOfBook(_array_function(n), data, len(bus), False)


@functools.lru_cache(maxsize=8)
def _array_function(n: int) -> Any:
    @device_function
    def audit(p: Any, q: Any, data: Any, best: Any) -> Any:
        work = cuda.local.array((4, n, 1), float64)
        steps = cuda.local.array((4, 1), float64)
        runs = cuda.local.array((2, N_RUNS), int64)
        count = cuda.local.array(1, int64)
        spaces = AcWork(work, steps, runs)
        audit_block(p, q, data.column, data.feeder, data.inside, TOLERANCE, LONG, 1, spaces, best, count)
        return count[0]

    return audit


@functools.lru_cache(maxsize=8)
def _straight_function(code: StraightCode, n: int) -> Any:
    written = device_function(code.function())

    @device_function
    def audit(p: Any, q: Any, data: Any, best: Any) -> Any:
        work = cuda.local.array((4, n, 1), float64)
        runs = cuda.local.array((2, N_RUNS), int64)
        return written(p, q, data, work, runs, best)

    return audit


@functools.lru_cache(maxsize=16)
def batch_kernel(function: Any, n_columns: int) -> Any:
    """The kernel ``((p_kw, q_kvar), data, (best, count))`` of many books.

    Injections are (n_columns, n_books), outputs (8, n_books) and (n_books,).
    """

    @uncached_kernel
    def run(injection: Any, data: Any, outputs: Any) -> None:
        (p_kw, q_kvar), (best_of, count) = injection, outputs
        book = cuda.grid(1)
        if book < count.size:
            p = cuda.local.array((n_columns, 1), float64)
            q = cuda.local.array((n_columns, 1), float64)
            best = cuda.local.array((N_BEST, 1), float64)
            for c in range(n_columns):
                p[c, 0], q[c, 0] = p_kw[c, book], q_kvar[c, book]
            count[book] = function(p, q, data, best)
            for row in range(N_BEST):
                best_of[row, book] = best[row, 0]

    return run


def summarise_on_device(
    network: Network, bus: Ints, injection_kw: Floats, injection_kvar: Floats, straight: bool | None = None
) -> tuple[AcSummary, Ints]:
    """As `fastp2p.grid.ac.summarise_flows`, on the device; books that take long are done by the CPU.

    Parameters
    ----------
    network : Network
    bus : (n_columns,) int64
    injection_kw, injection_kvar : (n_books, n_columns) float64
    straight : bool, optional
        As for `audit_of_book`.

    Returns
    -------
    AcSummary
    n_iterations : (n_books,) int64
    """
    audit = audit_of_book(network, bus, straight)
    kernel = batch_kernel(audit.function, audit.n_columns)
    best, n_iterations = run_batch(kernel, audit.data, N_BEST, injection_kw, injection_kvar)
    summary = _summary_of(best)
    left = np.flatnonzero(n_iterations == 0)
    more, n_iterations[left] = summarise_flows(network, bus, injection_kw[left], injection_kvar[left])
    summary.put(left, more)
    if not network.has_band.any():  # no bus but external grids
        summary.lowest_vm_pu[:] = summary.highest_vm_pu[:] = network.slack_vm_pu[0]
        summary.lowest_bus[:] = summary.highest_bus[:] = network.reference_bus[0]
    return summary, n_iterations


def _summary_of(best: Floats) -> AcSummary:
    low, high = np.nan_to_num(best[[LOWEST_AT, HIGHEST_AT]]).astype(np.int64)  # numbers of books that are left may be none
    return AcSummary(best[LOWEST], low, best[HIGHEST], high, best[LOSSES], best[LOADING], best[SLACK_P], best[SLACK_Q])


def run_batch(kernel: Any, data: Any, n_best: int, injection_kw: Floats, injection_kvar: Floats) -> tuple[Floats, Ints]:
    """Run a batch kernel on books of the host, (n_books, ...); (n_best, n_books) and (n_books,)."""
    n_books, there = len(injection_kw), on_device(data)
    best, count = np.empty((n_best, n_books)), np.empty(n_books, np.int64)
    for first in range(0, n_books, BOOKS_AT_ONCE):
        some = slice(first, first + BOOKS_AT_ONCE)
        n = len(injection_kw[some])
        p, q = (put(books_last(kw[some])) for kw in (injection_kw, injection_kvar))
        found, steps = room((n_best, n)), room(n, np.int64)
        launch(kernel, n, (p, q), there, (found, steps))
        best[:, some], count[some] = get(found), get(steps)
    return best, count


def books_last(value: Floats) -> Floats:
    """So that the threads of a warp read numbers that lie side by side."""
    return np.ascontiguousarray(np.moveaxis(value, 0, -1))


def on_device(data: Any) -> Any:
    """A tuple of arrays and numbers, and tuples among them, on the device."""
    if not isinstance(data, tuple):
        return put(data) if isinstance(data, np.ndarray) else data
    kind: Any = type(data)
    return kind._make(on_device(one) for one in data)
