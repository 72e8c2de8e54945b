"""Three-phase AC power flows on the device, one book a thread: `fastp2p.kernels.grid.phases` for a block of one book."""

from __future__ import annotations

import functools
from typing import Any, NamedTuple

import numpy as np
from numba import boolean, float64, int64
from numpy.typing import NDArray

from fastp2p.cuda.ac import AuditOfBook, device_function, run_batch, uncached_kernel
from fastp2p.cuda.kernels import cuda
from fastp2p.grid.ac import TOLERANCE
from fastp2p.grid.network import Network
from fastp2p.grid.phase_feeder import phase_feeder
from fastp2p.grid.phases import summarise_phases
from fastp2p.kernels.grid.ac import LONG
from fastp2p.kernels.grid.phase_inside import look_space
from fastp2p.kernels.grid.phase_structs import (
    HIGHEST,
    HIGHEST_AT,
    LOADING,
    LOSSES,
    LOWEST,
    LOWEST_AT,
    N_BEST,
    NEUTRAL,
    SLACK_P,
    SLACK_Q,
    UNBALANCE,
    UNBALANCE_AT,
    PhaseInside,
    PhaseLook,
    PhaseWork,
)
from fastp2p.kernels.grid.phases import audit_phase_block
from fastp2p.kernels.grid.structs import PhaseLimits, PhaseSummary, PhaseTree

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class PhaseData(NamedTuple):
    """What the sweeps of a feeder read, as for `fastp2p.kernels.grid.phases.audit_phases`."""

    few: PhaseTree
    column_of_few: Ints
    limits: PhaseLimits
    inside: PhaseInside


def audit_of_phases(network: Network, bus: Ints) -> AuditOfBook:
    """The three-phase power flow of one book.

    Parameters
    ----------
    network : Network
        Radial, loaded with ``phases=3``.
    bus : (n_columns,) int64
        Where participants inject.

    Raises
    ------
    InputError
        See `fastp2p.grid.phase_feeder.phase_feeder`.
    """
    feeder = phase_feeder(network, bus)
    data = PhaseData(feeder.few, feeder.column_of_few, feeder.few_limits, feeder.inside)
    function = _function(len(feeder.few.parent), len(look_space(feeder.inside, 1).told))
    return AuditOfBook(function, data, len(bus), False)


@functools.lru_cache(maxsize=8)
def _function(n_few: int, n_told: int) -> Any:
    @device_function
    def audit(power: Any, busy: Any, data: Any, best: Any) -> Any:
        small = cuda.local.array((4, n_few, 3), float64)
        steps, above = cuda.local.array((4, 1), float64), cuda.local.array((4, 1, 3), float64)
        count, end = cuda.local.array(1, int64), cuda.local.array((2, 2, 3), float64)
        ends, most = cuda.local.array((2, 2, 3), float64), cuda.local.array((4, 1), float64)
        looks, told = cuda.local.array(1, float64), cuda.local.array((n_told, 6), float64)
        audit_phase_block(
            power, busy, data.few, data.column_of_few, data.limits, data.inside, (TOLERANCE, LONG, 1),
            PhaseWork(small, steps, above, end), PhaseLook(ends, most, looks, told), best, count,
        )  # fmt: skip
        return count[0]

    return audit


@functools.lru_cache(maxsize=16)
def phase_kernel(function: Any, n_columns: int) -> Any:
    """The kernel ``((p_kw, q_kvar), data, (best, count))`` of many books.

    Injections are (n_columns, 3, n_books), outputs (15, n_books) and (n_books,).
    """

    @uncached_kernel
    def run(injection: Any, data: Any, outputs: Any) -> None:
        (p_kw, q_kvar), (best_of, count) = injection, outputs
        book = cuda.grid(1)
        if book < count.size:
            power = cuda.local.array((2, n_columns, 3), float64)
            busy = cuda.local.array((n_columns, 3), boolean)
            best = cuda.local.array((N_BEST, 1), float64)
            for c in range(n_columns):
                for f in range(3):
                    p, q = p_kw[c, f, book], q_kvar[c, f, book]
                    power[0, c, f], power[1, c, f] = 3.0 * p, 3.0 * q
                    busy[c, f] = not (p == 0.0 and q == 0.0)
            count[book] = function(power, busy, data, best)
            for row in range(N_BEST):
                best_of[row, book] = best[row, 0]

    return run


def summarise_phases_on_device(
    network: Network, bus: Ints, injection_kw: Floats, injection_kvar: Floats
) -> tuple[PhaseSummary, Ints]:
    """As `fastp2p.grid.phases.summarise_phases`, on the device; books that take long are done by the CPU.

    Parameters
    ----------
    network : Network
    bus : (n_columns,) int64
    injection_kw, injection_kvar : (n_books, n_columns, 3) float64

    Returns
    -------
    PhaseSummary
    n_iterations : (n_books,) int64
    """
    audit = audit_of_phases(network, bus)
    kernel = phase_kernel(audit.function, audit.n_columns)
    best, n_iterations = run_batch(kernel, audit.data, N_BEST, injection_kw, injection_kvar)
    summary = _summary_of(best, phase_feeder(network, bus).order)
    left = np.flatnonzero(n_iterations == 0)
    more, n_iterations[left] = summarise_phases(network, bus, injection_kw[left], injection_kvar[left])
    summary.put(left, more)
    if not network.has_band.any():  # no bus but external grids
        summary.lowest_vm_pu[:] = summary.highest_vm_pu[:] = network.slack_vm_pu[0]
    return summary, n_iterations


def _summary_of(best: Floats, order: Ints) -> PhaseSummary:
    low, high, unbalanced = np.nan_to_num(best[[LOWEST_AT, HIGHEST_AT, UNBALANCE_AT]]).astype(np.int64)
    return PhaseSummary(
        lowest_vm_pu=best[LOWEST], lowest_bus=order[low // 3], lowest_phase=low % 3, highest_vm_pu=best[HIGHEST],
        highest_bus=order[high // 3], highest_phase=high % 3, unbalance_percent=100.0 * best[UNBALANCE],
        unbalance_bus=order[unbalanced], loading_percent=best[LOADING], neutral_percent=best[NEUTRAL], losses_kw=best[LOSSES],
        slack_kw=best[SLACK_P : SLACK_P + 3].T.copy(), slack_kvar=best[SLACK_Q : SLACK_Q + 3].T.copy(),
    )  # fmt: skip
